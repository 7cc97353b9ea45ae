"""A table in several files, whose columns have the same kinds in all of them."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from sqlearn.errors import TableError, listed, shown
from sqlearn.storage.table import PlacedColumns
from sqlearn.table_files.files import ColumnSummary, Progress, TableFile
from sqlearn.table_files.paths import names_columns, paths_at, refuse_twice
from sqlearn.table_files.source import Source

_TEXT_OPTIONS = "header", "delimiter", "quote", "encoding"
_PLURAL = {
    "number": "numbers",
    "category": "categories",
    "boolean": "booleans",
    "date": "dates",
    "text": "texts",
    "whole": "whole numbers",
    "drop": "nothing",
}


class TableFiles:
    """A table in several files, read one after the other as :class:`TableFile` reads one; empty ones are passed over.

    Parameters
    ----------
    files : sequence of TableFile
        The files, each of which may be empty.
    name : str
        What messages call all of them.
    dropped : collection of str
        Columns that are left out, which only some files may have.

    Attributes
    ----------
    name, names, detected, doubts, reading, whole_ids, has_ids
        As those of a :class:`TableFile`, of all files together.

    Raises
    ------
    TableError
        When no file has rows; and, when `columns` are asked for or rows read, if a column is of different kinds in two
        files, or one of them lacks it.
    """

    def __init__(self, files: Sequence[TableFile], name: str, dropped: Collection[str] = ()) -> None:
        self.name, self._files = name, [file for file in files if file.has_rows]
        if not self._files:
            raise TableError(
                f"None of the files in {name} has rows. Nothing was learned: pass at least one file with a row.",
                reason="file",
            )
        self._by_name: dict[str, list[tuple[TableFile, ColumnSummary]]] = {}
        for file in self._files:
            for column in file.columns:
                self._by_name.setdefault(column.name, []).append((file, column))
        self.names, self._dropped = [*self._by_name], dropped
        unknown = [column for column in dropped if column not in self.names]
        if unknown:
            raise TableError(
                f"No file in {name} has a column {shown(unknown[0])}. Their columns are {listed(self.names)}.",
                column=unknown[0],
                reason="file",
            )
        self.detected = [*dict.fromkeys(told for file in self._files for told in file.detected)]
        self.doubts = [*dict.fromkeys(told for file in self._files for told in file.doubts)]
        self.whole_ids, self.has_ids = all(file.whole_ids for file in self._files), self._files[0].has_ids
        self.reading = _common([file.reading for file in self._files])

    @cached_property
    def columns(self) -> list[ColumnSummary]:
        """What the beginnings of the files show of the columns in order, without ids; of one kind each."""
        return [
            replace(found[0][1], kind="drop") if name in self._dropped else _settled(name, found)
            for name, found in self._by_name.items()
        ]

    def read_as(self, *, kinds: Mapping[str, str], ids: str | None, textual_ids: bool = False) -> "TableFiles":
        """These files, read into columns of other kinds."""
        wanted, dropped = _divided(kinds)
        files = [file.read_as(kinds=wanted, ids=ids, textual_ids=textual_ids) for file in self._files]
        return TableFiles(files, self.name, dropped)

    def whole(self, names: Iterable[str]) -> set[str]:
        """Those of these columns whose values in the first rows of each file are all whole numbers of 64 bits."""
        names = [*names]
        self._check_columns(names)
        return set[str](names).intersection(*(file.whole(names) for file in self._files))

    def __iter__(self) -> Iterator[PlacedColumns]:
        return self.blocks()

    def blocks(self, progress: Progress = lambda done, of: None) -> Iterator[PlacedColumns]:
        """The table, and after each block a call of `progress` with how many bytes are done of how many."""
        kinds = {column.name: column.kind for column in self.columns}
        self._check_columns([name for name, kind in kinds.items() if kind != "drop"])
        size, before = sum(file.size for file in self._files), 0
        for file in self._files:
            told = partial(_add, progress, before, file.size, size)
            yield from file.settled(kinds, textual_ids=not self.whole_ids).blocks(told)
            before += file.size

    def _check_columns(self, names: Iterable[str]) -> None:
        """Raise TableError where a file lacks one of these columns."""
        for name in names:
            lacking = [file.name for file in self._files if name not in file.names]
            if lacking:
                having = self._by_name[name][0][0].name
                raise TableError(
                    f"{lacking[0]} has no column {shown(name)}, and {having} has one. Nothing was learned: leave "
                    "the column out, or one of the files.",
                    column=name,
                    reason="columns",
                )


def table_in(
    given: Sequence[str | os.PathLike[str]],
    opened: Callable[..., TableFile] = TableFile,
    *,
    kinds: Mapping[str, str] | None = None,
    ids: str | None = None,
    textual_ids: bool = False,
) -> TableFile | TableFiles:
    """The table in files.

    Parameters
    ----------
    given : sequence of str or Path
        Paths, patterns and folders; "-" alone is standard input.
    opened : callable
        Opens one file, with `kinds`, `ids`, `textual_ids` and `may_be_empty`.
    kinds, ids, textual_ids : dict, str, bool
        As for a :class:`TableFile`.

    Raises
    ------
    TableError
        When a file cannot be read, there is none or one is named twice, or they do not fit together.
    """
    for folder in given:
        if names_columns(folder):
            raise TableError(
                f"{folder} has folders in it that are named for values of a column, such as year=2026, and its files "
                "lack this column. Nothing was learned: pass the files of one of these folders, or write the column "
                "into the files.",
                reason="file",
            )
    paths = [path for each in given for path in (["-"] if str(each) == "-" else paths_at(each))]
    refuse_twice(path for path in paths if path != "-")
    if len(paths) == 1:
        return opened(Source(paths[0]), kinds=kinds, ids=ids, textual_ids=textual_ids)
    if "-" in paths:
        raise TableError("Standard input is a table of its own: name it alone. Nothing was learned.", reason="file")
    wanted, dropped = _divided(kinds or {})
    files = [opened(Source(path), kinds=wanted, ids=ids, textual_ids=textual_ids, may_be_empty=True) for path in paths]
    return TableFiles(files, f"{given[0]} ({len(paths)} files)" if len(given) == 1 else f"{len(paths)} files", dropped)


def _divided(kinds: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The columns that each file must have, with their kinds; and those that are left out where there are any."""
    return {name: kind for name, kind in kinds.items() if kind != "drop"}, [
        name for name, kind in kinds.items() if kind == "drop"
    ]


def _settled(name: str, found: list[tuple[TableFile, ColumnSummary]]) -> ColumnSummary:
    """What a column is in all of these files."""
    held = [(file, column) for file, column in found if column.examples] or found[:1]
    by_kind: dict[str, TableFile] = {}
    for file, column in held:
        by_kind.setdefault(column.kind, file)
    kind, *others = by_kind
    if {*by_kind} == {"boolean", "category"} and not any(file.is_parquet for file, _ in held):
        kind = "category"  # as if they were one file
    elif others:
        raise TableError(
            f"The column {shown(name)} holds {_PLURAL[kind]} in {by_kind[kind].name}, and {_PLURAL[others[0]]} in "
            f"{by_kind[others[0]].name}. Nothing was learned: correct one of the files, or pass the kind of the "
            "column, as in TableFile(path, kinds={...}).",
            column=name,
            reason="columns",
        )
    examples = dict.fromkeys(value for _, column in held for value in column.examples)
    words = next((column.words for _, column in held if column.kind == "boolean"), None) if kind == "boolean" else None
    missing = sum(column.missing for _, column in found)
    return replace(found[0][1], kind=kind, missing=missing, examples=[*examples][:4], words=words)


def _common(readings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How all files are read, without what differs from one to another."""
    common = {
        name: value
        for name, value in readings[0].items()
        if all(reading.get(name, ...) == value for reading in readings)
    }
    if "suffix" not in common:
        common = {name: value for name, value in common.items() if name not in _TEXT_OPTIONS}
    return common


def _add(progress: Progress, before: int, size: int, of: int, done: int, of_file: int) -> None:
    """Tell `progress`, in bytes of all files, how much of one is done."""
    progress(before + size * done // max(of_file, 1), of)
