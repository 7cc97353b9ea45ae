"""Pieces of text files: CSV and TSV, read as the command line reads them, as tables of pyarrow."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from sqlearn.distributed.pieces.files import FilePiece
from sqlearn.distributed.pieces.kinds import BOOLEAN, NONE, TEXT
from sqlearn.distributed.pieces.piece import Found, Piece, PieceRows
from sqlearn.distributed.pieces.plan import Plan, lacking
from sqlearn.errors import TableError, shown
from sqlearn.table_files import TableFile, is_url

# from kinds of table files to ours, and back
_KINDS = {"number": "float64", "category": TEXT, "boolean": BOOLEAN, "date": "date", "text": TEXT, "whole": "int64"}
_READ_AS = {"float64": "number", BOOLEAN: "boolean", "date": "date", "int64": "whole", TEXT: "category"}
_EXACT = 2.0**53  # below it float64 holds every whole number
_WHOLE = re.compile(r"([+-]?)0*([0-9]+)(?:[.,]0*)?")


@dataclass
class TextPiece(FilePiece):
    """A text file.

    Attributes
    ----------
    kinds : mapping
        Kinds of columns that the caller gave.
    options : mapping
        How else :class:`~sqlearn.table_files.TableFile` reads it.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def survey(self) -> Found:
        whole = replace(self, version=self.current())
        file = TableFile(self.path, kinds=self.kinds, may_be_empty=True, **self.options)
        if not file.columns:
            return Found("frame", {}, 0, [], "pyarrow", written=True)
        found = {
            column.name: _KINDS[column.kind] if column.examples or column.name in self.kinds else NONE
            for column in file.columns
            if column.kind != "drop"
        }
        return Found("frame", found, None, [whole], "pyarrow", written=True)

    def rows(self, plan: Plan) -> Iterator[PieceRows]:
        import pyarrow as pa

        kinds = {name: self._kind(name, plan) for name in plan.columns}
        first = TableFile(self.path, kinds=self.kinds, **self.options)
        names = [column.name for column in first.columns]
        missing = [name for name in kinds if name not in names]
        if missing:
            raise lacking(self.name, missing[0], names)
        file = first.read_as(kinds=dict.fromkeys(names, "drop") | kinds, ids=None)
        not_rounded = {*plan.keep, *(plan.target if plan.labels else ())}
        asked = [name for name, kind in kinds.items() if kind == "number" and name in not_rounded]
        written: Iterator[Mapping[str, Any]] | None = None
        for number, columns in enumerate(file):
            table, exact = pa.table([pa.array(columns[name], _type(kinds[name])) for name in kinds], [*kinds]), {}
            if any((np.abs(columns[name]) >= _EXACT).any() for name in asked):
                if written is None:  # float64 does not tell these numbers apart: what is written does
                    texts = first.read_as(
                        kinds=dict.fromkeys(names, "drop") | dict.fromkeys(asked, "category"), ids=None
                    )
                    written, at = iter(texts), 0
                words = next(islice(written, number - at, None))
                at = number + 1
                exact = {name: _as_written(columns[name], words[name]) for name in asked}
            yield PieceRows(table, place=columns.place, exact=exact)

    def _kind(self, name: str, plan: Plan) -> str:
        given, kind = self.kinds.get(name), plan.kind_of(name)
        if given is not None and _KINDS[given] == kind:
            return given
        if plan.documents and name in plan.features:
            return "text"
        return _READ_AS[kind or TEXT]


def _as_written(numbers: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Numbers of a column as it is written: whole ones with all digits, the others as floats; object[n], or None."""
    values = numbers.astype(object)
    values[np.isnan(numbers)] = None
    for i in np.flatnonzero(np.abs(numbers) >= _EXACT):
        whole = _WHOLE.fullmatch(texts[i])
        if whole and texts[i].replace(",", ".") != repr(float(numbers[i])):  # 9007199254740992.0 was a float
            values[i] = int(whole[1] + whole[2])
    return values


def _type(kind: str) -> Any:
    import pyarrow as pa

    types = {"number": pa.float64(), "boolean": pa.bool_(), "date": pa.timestamp("us"), "whole": pa.int64()}
    return types.get(kind, pa.string())


def text_piece(path: str, kinds: Mapping[str, str] | None) -> TextPiece:
    """The piece of a text file at a path, with the kinds that the caller gave."""
    if is_url(path):
        raise TableError(
            f"{shown(path)} is no Parquet file, and text files are read from the disk alone. Nothing was changed: copy "
            "it, or write it as Parquet.",
            reason="file",
        )
    return TextPiece(path, path=path, kinds=dict(kinds or {}))


def opened_piece(file: TableFile) -> Piece:
    """The piece of a table file that the caller has opened with options of its own."""
    options = {name: value for name, value in file.reading.items() if name != "suffix"}
    kinds = {column.name: column.kind for column in file.columns}
    return TextPiece(file.name, path=str(Path(file.name).resolve()), kinds=kinds, options=options)
