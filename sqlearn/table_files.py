"""Tables from files: CSV, TSV and Parquet, read block by block into columns of numbers, categories and ids."""

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sqlearn.errors import TableFileError

__all__ = ["KINDS", "MISSING", "ColumnSummary", "TableFile"]

KINDS = "number", "category", "drop"
MISSING = "", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"
_BLOCK = 1 << 22  # bytes of text
_ROWS = 1 << 16  # of a Parquet file
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_PARQUET = ".parquet", ".pq"

Progress = Callable[[int, int], None]  # done, of all


@dataclass
class ColumnSummary:
    """What the first rows of a file show of a column.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"number", "category", "drop"}
        What it is read as.
    missing : int
        Values missing.
    examples : list
        Its first few different values.
    """

    name: str
    kind: str
    missing: int
    examples: list


class TableFile:
    """A table in a file. Iterating reads it from its beginning, as dicts of columns of equal length.

    Parameters
    ----------
    path : str or Path
        ``.csv``, ``.tsv`` or ``.tab`` (also with ``.gz`` after it), or ``.parquet``. Text is UTF-8.
    header : sequence of str, optional
        Names of the columns of a text file whose first line is a row already.
    kinds : dict of str to {"number", "category", "drop"}, optional
        Kinds of columns. Those of others are recognised in the first rows (4 MB of text): numbers if 19 of 20 values
        that are not missing are, and then the others are errors.
    ids : str, optional
        A column to read as ids: whole numbers where all of the first rows are, text otherwise.
    textual_ids : bool, default=False
        Whether ids are text even so.
    missing : sequence of str, default=MISSING
        What stands for a missing value in text.
    delimiter : str, optional
        What separates columns; by default a comma, and a tabulator in ``.tsv`` and ``.tab``.
    line_breaks : bool, default=False
        Whether texts may hold line breaks. Without, one is an error, as it is what a quotation mark that is not closed
        makes of the rows behind it.

    Attributes
    ----------
    columns : list of ColumnSummary
        The columns in order, without ids.

    Raises
    ------
    TableFileError
        When the file cannot be read, a line is malformed, or a value does not fit its column's kind. It names the line.
        Also when pyarrow, which reads the files, is not installed.

    Notes
    -----
    A number is the float64 nearest to what is written. Columns of numbers come as float64 with NaN for missing values,
    categories as text with None, without blanks around them, and ids as a list.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "people.csv")
    >>> _ = path.write_text("age,port\\n22,S\\n,Q\\n")
    >>> file = TableFile(path)
    >>> [(column.name, column.kind, column.missing) for column in file.columns]
    [('age', 'number', 1), ('port', 'category', 0)]
    >>> list(file)
    [{'age': array([22., nan]), 'port': array(['S', 'Q'], dtype=object)}]
    """

    def __init__(
        self,
        path: str | Path,
        *,
        header: Sequence[str] | None = None,
        kinds: Mapping[str, str] | None = None,
        ids: str | None = None,
        textual_ids: bool = False,
        missing: Sequence[str] = MISSING,
        delimiter: str | None = None,
        line_breaks: bool = False,
    ):
        self.path = Path(path)
        self._ids, self._missing, self._line_breaks = ids, frozenset(missing), line_breaks
        suffixes = [suffix.lower() for suffix in self.path.suffixes] or [""]
        suffix = suffixes[-2] if suffixes[-1] == ".gz" and len(suffixes) > 1 else suffixes[-1]
        if suffix in _PARQUET:
            if header is not None or delimiter is not None:
                raise TableFileError(f"{self.path} is a Parquet file: it has its own header and no delimiter.")
            self._source: _Text | _Parquet = _Parquet(self.path)
        elif delimiter is None and suffix not in _DELIMITERS:
            raise TableFileError(
                f"{self.path} ends in {suffix!r}. Tables are .csv, .tsv, .tab (also .gz) or .parquet files; for text "
                "under another name, say what separates its columns."
            )
        else:
            self._source = _Text(self.path, _DELIMITERS[suffix] if delimiter is None else delimiter, header, missing)
        if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n'):
            raise TableFileError(f"A delimiter is one ASCII character and no quote or line end, not {delimiter!r}.")
        first = next(self._source.blocks({ids: "category"} if ids else {}), None)  # numbers would lose digits of ids
        if first is None:
            raise TableFileError(f"{self.path} has no rows. Nothing was learned.")
        self._kinds = self._recognised(first, dict(kinds or {}))
        self._whole_ids = not textual_ids and (ids is None or all(map(_is_whole, _texts(first.column(ids)))))
        self.columns = [self._summary(first, name) for name in first.names if name != ids]

    @property
    def has_ids(self) -> bool:
        return self._ids is not None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self.blocks()

    def blocks(self, progress: Progress = lambda done, of: None) -> Iterator[dict[str, Any]]:
        """The table, and after each block a call of `progress` with how much is done of how much."""
        kinds = self._kinds | ({self._ids: "category"} if self._ids else {})
        for block in self._source.blocks(kinds):
            columns = {name: self._read(block, name) for name in kinds}
            yield {name: values for name, values in columns.items() if kinds[name] != "drop"}
            progress(block.done, block.of)

    def _recognised(self, first: "_Block", given: dict[str, str]) -> dict[str, str]:
        for name in [*given, *([self._ids] if self._ids else [])]:
            if name not in first.names:
                raise TableFileError(f"{self.path} has no column {name!r}. Its columns are {first.names}.")
        return {
            name: given.get(name) or ("number" if self._looks_numeric(first.column(name)) else "category")
            for name in first.names
            if name != self._ids
        }

    def _looks_numeric(self, column) -> bool:
        """Whether 19 of 20 are numbers: the others are mistakes then, to be reported and not to be learned."""
        if not _is_text(column):
            return True
        held = [value for value in _texts(column) if value is not None]
        return 20 * sum(not _is_number(value) for value in held) <= len(held)

    def _summary(self, first: "_Block", name: str) -> ColumnSummary:
        column = first.column(name)
        held = list(dict.fromkeys(value for value in _texts(column.slice(0, 1000)) if value is not None))
        return ColumnSummary(name, self._kinds[name], column.null_count, held[:4])

    def _read(self, block: "_Block", name: str):
        column = block.column(name)
        if name != self._ids and self._kinds[name] == "number":
            numbers = column.to_numpy(zero_copy_only=False)
            odd = np.flatnonzero(~np.isfinite(numbers) & ~column.is_null().to_numpy(zero_copy_only=False))
            if len(odd):
                raise TableFileError(
                    f"{block.place(odd[0])}: the value in column {name!r} is {numbers[odd[0]]}, which is no finite "
                    "number. Nothing was learned: correct it, or leave it empty."
                )
            return numbers
        values = _texts(column)
        if not self._line_breaks:
            for row, value in enumerate(values):
                if value is not None and "\n" in value:
                    raise TableFileError(
                        f"{block.place(row)}: the text in column {name!r} goes on over the end of the line. Nothing "
                        "was learned: close its quotation mark, or allow line breaks."
                    )
        return self._id_values(block, values) if name == self._ids else np.array([*values, None], object)[:-1]

    def _id_values(self, block: "_Block", values: list) -> list:
        for row, value in enumerate(values):
            if value is None or (self._whole_ids and not _is_whole(value)):
                raise TableFileError(
                    f"{block.place(row)}: the id is {'missing' if value is None else f'{value!r}, no whole number'}. "
                    "Nothing was learned: each row needs an id of its own, and all are of one kind."
                )
        return [int(value) for value in values] if self._whole_ids else values


@dataclass
class _Block:
    """Some rows as a pyarrow batch; ``place(row)`` says where in the file a row stands; ``done`` of ``of`` is read."""

    batch: Any
    place: Callable[[int], str]
    done: int
    of: int

    @property
    def names(self) -> list[str]:
        return self.batch.schema.names

    def column(self, name: str):
        return self.batch.column(name)


class _Text:
    """A file of separated values."""

    def __init__(self, path: Path, delimiter: str, header: Sequence[str] | None, missing: Sequence[str]):
        self.path, self.delimiter, self.missing = path, delimiter, missing
        self.header = None if header is None else [name.strip() for name in header]

    def blocks(self, kinds: Mapping[str, str]) -> Iterator[_Block]:
        """Columns of this kind "number" are float64, all others text."""
        pa = _pyarrow()
        from pyarrow import csv as arrow

        with self._errors(), open(self.path, "rb") as raw:
            names, size = self._names(), self.path.stat().st_size
            types = {name: pa.float64() if kinds.get(name) == "number" else pa.string() for name in names}
            if not size or not names:
                return
            reader = arrow.open_csv(
                gzip.open(raw) if self.path.suffix.lower() == ".gz" else raw,
                # one thread, so that errors tell the row
                arrow.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names, skip_rows=self.above),
                arrow.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                arrow.ConvertOptions(
                    column_types=types,
                    null_values=[blank + value for value in self.missing for blank in ("", " ")],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
            rows = 0
            for batch in reader:
                if batch.num_rows:
                    yield _Block(batch, partial(self._place, rows), raw.tell(), size)
                    rows += batch.num_rows

    @property
    def above(self) -> int:
        """Lines above the first row."""
        return int(self.header is None)

    def _names(self) -> list[str]:
        if self.header is not None:
            return self.header
        with self._lines() as lines:
            names = [name.strip() for name in next(lines, [])]
        doubtful = [name for name in names if not name or names.count(name) > 1]
        if doubtful:
            raise TableFileError(
                f"{self.path}, line 1: the header names a column {doubtful[0]!r}"
                f"{' more than once' if doubtful[0] else ''}. Nothing was learned: name each column, or give a header."
            )
        return names

    @contextmanager
    def _lines(self):
        with open(self.path, "rb") as raw:
            stream = gzip.open(raw) if self.path.suffix.lower() == ".gz" else raw
            text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
            yield csv.reader(text, delimiter=self.delimiter)

    def _place(self, before: int, row: int) -> str:
        """The line that row ``before + row`` (from 0) begins in: blank lines and quoted line ends are no rows."""
        with self._lines() as lines:
            line, row = 1, before + row
            for cells in lines:
                row -= bool(cells)
                if row < -self.above:
                    break
                line = lines.line_num + 1
        return f"{self.path}, line {line}"

    @contextmanager
    def _errors(self):
        """pyarrow's errors in our words."""
        pa = _pyarrow()
        try:
            yield
        except pa.ArrowInvalid as error:
            told = str(error)
            found = re.search(r"Row #(\d+): (.*)", told, re.DOTALL)
            at = self._place(0, int(found[1]) - 1 - self.above) if found else str(self.path)
            what = found[2] if found else told
            column = re.match(r"In CSV column #(\d+)", told)
            if column:
                value = re.search("invalid value '(.*)'", what, re.DOTALL)
                is_what = f"is {value[1]!r}, which is no number" if value else "is not UTF-8"
                what = f"the value in column {self._names()[int(column[1])]!r} {is_what}"
            raise TableFileError(
                f"{at}: {what}. Nothing was learned: correct the line; or, if it is right, say what separates the "
                "columns, which column is a category, or what stands for a missing value."
            ) from error
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or error
            raise TableFileError(f"{self.path} cannot be read: {reason}. Nothing was learned.") from error


class _Parquet:
    """A Parquet file."""

    def __init__(self, path: Path):
        self.path = path

    def blocks(self, kinds: Mapping[str, str]) -> Iterator[_Block]:
        """Columns of this kind "number" are float64; without kinds, all columns are float64 or text.

        What is neither is an error once it is to be read: until then it has no values.
        """
        pa = _pyarrow()
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(self.path) as file:
                of, done = file.metadata.num_rows, 0
                names = file.schema_arrow.names
                twice = [name for name in names if names.count(name) > 1]
                if twice:
                    raise TableFileError(f"{self.path} has two columns {twice[0]!r}. Rename one of them.")
                for batch in file.iter_batches(_ROWS):
                    columns = [self._column(name, batch.column(name), kinds.get(name)) for name in names]
                    table = pa.record_batch(columns, names)
                    yield _Block(table, partial(self._place, done), done + len(batch), of)
                    done += len(batch)
        except (OSError, pa.ArrowException) as error:
            raise TableFileError(f"{self.path} cannot be read: {error}. Nothing was learned.") from error

    def _place(self, before: int, row: int) -> str:
        return f"{self.path}, row {before + row + 1}"

    def _column(self, name: str, column, kind: str | None):
        pa = _pyarrow()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_boolean(column.type) or pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
            wanted = pa.float64() if kind == "number" else pa.string()
        elif pa.types.is_null(column.type) or any(
            is_kind(column.type) for is_kind in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
        ):
            wanted = pa.string() if kind == "category" else pa.float64()
        elif kind in (None, "drop"):
            return pa.nulls(len(column), pa.float64())
        else:
            raise TableFileError(
                f"{self.path}: the column {name!r} holds {column.type}, which is neither number nor text. Convert it, "
                "or drop it."
            )
        return column.cast(wanted, safe=False)


def _pyarrow():
    try:
        import pyarrow
        import pyarrow.types
    except ImportError as error:
        raise TableFileError(
            "Tables in files are read by pyarrow, which is not installed: pip install 'sqlearn-exact[tables]'."
        ) from error
    return pyarrow


def _is_text(column) -> bool:
    pa = _pyarrow()
    return pa.types.is_string(column.type)


def _texts(column) -> list:
    """Text without blanks around it, None where missing."""
    if _is_text(column):
        from pyarrow import compute

        return compute.utf8_trim_whitespace(column).to_pylist()
    return [None if value is None else f"{value:.17g}" for value in column.to_pylist()]


def _is_whole(text: str | None) -> bool:
    """Whether a text is how a whole number of 64 bits is written, and the only way."""
    if text is None or not text.removeprefix("-").isdecimal():
        return False
    return str(int(text)) == text and -(2**63) <= int(text) < 2**63


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # float() takes 1_000
