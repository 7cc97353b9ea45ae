"""Tables from files: CSV, TSV and Parquet, read block by block into columns of their kinds."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sqlearn.errors import TableError, listed, shown
from sqlearn.storage.table import DATES, NO_DATE, PlacedColumns, microseconds
from sqlearn.table_files.blocks import Block, Parquet, Text, arrow, native_kind, refused
from sqlearn.table_files.given import as_header, as_kinds, as_pairs, as_text, as_words
from sqlearn.table_files.source import CLOSE_QUOTE, Format, Source, has_decimal_comma, is_number, number_of

MISSING = "", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null"
BOOLEANS = ("false", "true"), ("False", "True"), ("FALSE", "TRUE")
_DIGITS = ("0", "1")  # false and true, where a column is said to be one of booleans

Progress = Callable[[int, int], None]  # done, of all


@dataclass
class ColumnSummary:
    """What the first rows of a file show of a column.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"number", "category", "boolean", "date", "text", "whole", "drop"}
        What it is read as.
    missing : int
        Values missing.
    examples : list
        Its first few different values.
    words : tuple of (str, str) or None
        Of booleans: how the file writes false and true.
    """

    name: str
    kind: str
    missing: int
    examples: list[Any]
    words: tuple[str, str] | None = None


class TableFile:
    """A table in a file. Iterating reads it from its beginning, as dicts of columns of equal length.

    Parameters
    ----------
    path : str or Path
        ``.csv``, ``.tsv`` or ``.tab`` (also with ``.gz`` after it), ``.parquet``, text under another name, or "-" for
        standard input. What comes from a pipe is held in memory.
    header : {"first", "none"} or sequence of str, optional
        Of text: where the columns' names stand. "first" is the first line; "none" is nowhere, and the columns are
        called 1, 2, 3, ...; or the names. By default the first line, which must not have numbers in it then.
    kinds : dict of str to {"number", "category", "boolean", "date", "text", "whole", "drop"}, optional
        Kinds of columns. Those of others are recognised in the first rows (4 MB of text): numbers, or dates in
        ISO 8601, if 19 of 20 values that are not missing are, and then the others are errors; booleans if all are the
        words of one pair; else categories. Columns of the kind "text" hold documents, those of the kind "whole" whole
        numbers of 64 bits without any missing, such as users and items; neither is recognised: name them.
    ids : str, optional
        A column to read as ids: whole numbers where all of the first rows are, text otherwise. In a Parquet file,
        floats must be whole numbers below 2**53.
    textual_ids : bool, default=False
        Whether ids are text even so.
    missing : sequence of str, default=MISSING
        What stands for a missing value, blanks around it aside; in text that is read as numbers, at most one blank on
        each side. In a Parquet file too, and there NaN is missing.
    delimiter : str, optional
        What separates columns of text. By default it is detected: see :class:`~sqlearn.table_files.source.Format`.
    quote : bool, optional
        Whether quotation marks enclose text. By default they do, but where a tab separates columns and one of the first
        is not closed.
    encoding : str, optional
        Of text; by default UTF-8, or what a byte order mark says.
    booleans : sequence of (str, str), default=BOOLEANS
        Pairs of words for false and true.
    line_breaks : bool, default=False
        Whether texts, and names in the first line, may hold line breaks. Without, one is an error, as it is what a
        quotation mark that is not closed makes of the rows behind it.
    decimal : {".", ","}, default="."
        Of text: what stands before the fraction of a number.
    may_be_empty : bool, default=False
        Whether the file may have no rows; then `columns` is empty, whatever `kinds` and `ids` are.

    Attributes
    ----------
    columns : list of ColumnSummary
        The columns in order, without ids.
    detected : list of str
        What was found by looking at the file.
    doubts : list of str
        What about the columns that were recognised may not be as it was meant.
    reading : dict
        The parameters that tell how the file is read, as they were given or found, in JSON's types.
    has_rows, whole_ids, is_parquet : bool
        Whether there are rows, whether ids are read as whole numbers, and whether it is a Parquet file.
    size : int
        Bytes in the file.

    Raises
    ------
    TableError
        When the file cannot be read, a line is malformed, or a value does not fit its column's kind. It names the line.
        Also when pyarrow, which reads the files, is not installed.

    Notes
    -----
    A number is the float64 nearest to what is written. Columns of numbers come as float64 with NaN for missing values,
    categories as text with None, without blanks around them, booleans as False and True with None, dates as
    datetime64[us] with NaT, whole numbers as int64, and ids as a list. Documents come as they are written: an empty
    cell is an empty document, and no text stands for a missing one; but a null of a Parquet file is None.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "people.csv")
    >>> _ = path.write_text("age,port,paid\\n22,S,true\\n,Q,false\\n")
    >>> file = TableFile(path)
    >>> [(column.name, column.kind, column.missing) for column in file.columns]
    [('age', 'number', 1), ('port', 'category', 0), ('paid', 'boolean', 0)]
    >>> list(file)
    [{'age': array([22., nan]), 'port': array(['S', 'Q'], dtype=object), 'paid': array([True, False], dtype=object)}]
    """

    def __init__(
        self,
        path: str | Path | Source,
        *,
        header: str | Sequence[str] | None = None,
        kinds: Mapping[str, str] | None = None,
        ids: str | None = None,
        textual_ids: bool = False,
        missing: Sequence[str] = MISSING,
        delimiter: str | None = None,
        quote: bool | None = None,
        encoding: str | None = None,
        booleans: Sequence[Sequence[str]] = BOOLEANS,
        line_breaks: bool = False,
        decimal: str = ".",
        may_be_empty: bool = False,
    ) -> None:
        if decimal not in (".", ","):
            raise TableError(
                f"The sign before a fraction is '.' or ',', not {decimal!r}. Nothing was learned: pass one of these.",
                value=decimal,
                reason="file",
            )
        self._decimal = decimal
        kinds = as_kinds(kinds)
        header, missing, booleans = as_header(header), as_words(missing, "missing"), as_pairs(booleans)
        ids, delimiter, encoding = as_text(ids, "ids"), as_text(delimiter, "delimiter"), as_text(encoding, "encoding")
        source = path if isinstance(path, Source) else Source(path)
        self._names_found = header is None and not source.is_parquet  # in the first line, as nobody said otherwise
        self.name = source.name
        self._missing, self._line_breaks = [*dict.fromkeys(word.strip() for word in missing)], line_breaks
        self._booleans = booleans
        self.reading: dict[str, Any] = {
            "missing": self._missing,
            "booleans": [list(pair) for pair in self._booleans],
            "line_breaks": line_breaks,
            "suffix": source.suffix,
            "decimal": decimal,
        }
        if source.is_parquet:
            if header is not None or delimiter is not None or quote is not None or encoding is not None:
                raise TableError(
                    f"{self.name} is a Parquet file: it has its own header and encoding, no delimiter and no "
                    "quotation marks. Leave these options out.",
                    reason="file",
                )
            self._source: Text | Parquet = Parquet(source)
            self.detected: list[str] = []
        else:
            text = Format(source, header, delimiter, quote, encoding, line_breaks)
            self._source, self.detected = Text(source, text, self._missing, decimal), text.detected
            self.reading |= {
                "header": text.header or "first",
                "delimiter": text.delimiter,
                "quote": text.quote,
                "encoding": text.encoding,
            }
        first = next(self._source.blocks({} if ids is None else {ids: "id"}), None)  # numbers would lose digits of ids
        if first is None and not may_be_empty:
            raise TableError(
                f"{self.name} has no rows. Nothing was learned: pass a file with at least one row.", reason="file"
            )
        self.size, self.is_parquet, self.has_rows = source.size, source.is_parquet, first is not None
        self._choose_kinds(first, kinds, ids, textual_ids)

    def read_as(self, *, kinds: Mapping[str, str], ids: str | None, textual_ids: bool = False) -> "TableFile":
        """This file, read into columns of other kinds."""
        kinds, ids, other = as_kinds(kinds), as_text(ids, "ids"), copy.copy(self)
        first = next(iter(other._source.blocks({} if ids is None else {ids: "id"})), None)
        other._choose_kinds(first, kinds, ids, textual_ids)
        return other

    def settled(self, kinds: Mapping[str, str], textual_ids: bool) -> "TableFile":
        """This file, read into columns of kinds that were settled elsewhere, whatever its first rows look like."""
        other = copy.copy(self)
        other._kinds, other.whole_ids = {name: kinds[name] for name in self._kinds}, not textual_ids
        return other

    def _choose_kinds(self, first: Block | None, kinds: dict[str, str], ids: str | None, textual_ids: bool) -> None:
        self._ids, self.whole_ids = ids, not textual_ids
        self._kinds: dict[str, str] = {}
        self.doubts: list[str] = []
        self.columns: list[ColumnSummary] = []
        if first is None:
            return
        for name in [*kinds, *([] if ids is None else [ids])]:
            if name not in first.names:
                advice = (
                    " If its first line is a row, pass TableFile(path, header='none') or TableFile(path, header=[...])."
                    if self._names_found
                    else ""
                )
                raise TableError(
                    f"{self.name} has no column {shown(name)}. Its columns are {listed(first.names)}.{advice}",
                    column=name,
                    reason="file",
                )
        self.whole_ids = not textual_ids and (ids is None or all(map(_is_whole, self._texts(first.column(ids)))))
        self.columns = [self._summary(first, name, kinds.get(name)) for name in first.names if name != ids]

    def whole(self, names: Iterable[str]) -> set[str]:
        """Those of these columns whose values in the first rows are all whole numbers of 64 bits."""
        first = next(iter(self._source.blocks(dict.fromkeys(names, "whole"))))
        return {name for name in names if all(map(_is_whole, self._texts(first.column(name))))}

    @property
    def names(self) -> list[str]:
        """The names of the columns in order, without ids."""
        return [column.name for column in self.columns]

    @property
    def has_ids(self) -> bool:
        return self._ids is not None

    def __iter__(self) -> Iterator[PlacedColumns]:
        return self.blocks()

    def blocks(self, progress: Progress = lambda done, of: None) -> Iterator[PlacedColumns]:
        """The table, and after each block a call of `progress` with how much is done of how much."""
        kinds = self._kinds | ({} if self._ids is None else {self._ids: "id"})
        for block in self._source.blocks(kinds):
            columns = {name: self._read(block, name) for name in kinds if kinds[name] != "drop"}
            yield PlacedColumns(columns, block.place)
            progress(block.done, block.of)

    # ------------------------------------------------------------------ kinds

    def _summary(self, first: Block, name: str, given: str | None) -> ColumnSummary:
        column = first.column(name)
        codes, levels = self._coded(column)
        times = np.bincount(codes[codes >= 0], minlength=len(levels))
        held = [level for level, n in zip(levels, times.tolist(), strict=True) if n]
        words = self._words(held)
        kind = given or native_kind(column) or self._recognised(levels, times, words)
        self._kinds[name] = kind
        if kind == "category" and given is None and self._decimal == "." and held and all(map(has_decimal_comma, held)):
            self.doubts.append(
                f"the values of {shown(name)} have a decimal comma: pass TableFile(path, decimal=',') if they are "
                "numbers"
            )
        examples = dict.fromkeys(levels[code] for code in codes[:1000].tolist() if code >= 0)
        found = (words or BOOLEANS[0]) if kind == "boolean" else None
        missing = column.null_count if kind == "text" else int((codes < 0).sum())
        return ColumnSummary(name, kind, missing, [*examples][:4], found)

    def _recognised(self, levels: list[str], times: np.ndarray, words: tuple[str, str] | None) -> str:
        """The kind of a column of text. 19 of 20 numbers or dates: the others are mistakes then, to be reported."""

        def are_mostly(fits: Callable[[str], bool]) -> bool:
            odd = sum(n for level, n in zip(levels, times.tolist(), strict=True) if n and not fits(level))
            return bool(20 * odd <= times.sum())

        if are_mostly(lambda level: number_of(level, self._decimal) is not None):
            return "number"
        if words in self._booleans:
            return "boolean"
        return "date" if are_mostly(lambda level: microseconds(level) is not None) else "category"

    def _words(self, held: Iterable[str]) -> tuple[str, str] | None:
        """The pair of words for false and true of which all are."""
        found = {*held}
        return next((pair for pair in (*self._booleans, _DIGITS) if found and found <= {*pair}), None)

    # ------------------------------------------------------------------ values

    def _coded(self, column) -> tuple[np.ndarray, list[str]]:
        """Text without blanks around it: which each value is, -1 where missing, and the different ones."""
        types = arrow().types
        if types.is_timestamp(column.type) or types.is_date(column.type):
            column = column.cast(arrow().string())
        text = types.is_string(column.type)
        encoded = (column if text else self._present(column)).dictionary_encode()
        levels = encoded.dictionary.to_pylist()
        if text:
            from pyarrow import compute

            levels = compute.utf8_trim_whitespace(encoded.dictionary).to_pylist()
        elif types.is_boolean(column.type):
            levels = [str(level).lower() for level in levels]
        else:
            levels = [repr(level).removesuffix(".0") for level in levels]
        missing = np.array([level in self._missing and text for level in levels] + [True])
        codes = encoded.indices.fill_null(len(levels)).to_numpy(zero_copy_only=False).astype(np.int64)
        return np.where(missing[codes], -1, codes), levels

    def _texts(self, column) -> np.ndarray:
        """The texts of a column, object[n], None where missing."""
        codes, levels = self._coded(column)
        return _spread(levels, codes)

    def _present(self, column):
        """A column of numbers, without NaN and without the numbers that stand for a missing value."""
        from pyarrow import compute

        pa = arrow()
        if not pa.types.is_floating(column.type) and not pa.types.is_integer(column.type):
            return column
        marks = [float(word) for word in self._missing if is_number(word)]
        numbers = column.cast(pa.float64(), safe=False)
        missing = compute.or_(compute.is_nan(numbers), compute.is_in(numbers, value_set=pa.array(marks, pa.float64())))
        return compute.if_else(missing, pa.scalar(None, column.type), column)

    def _read(self, block: Block, name: str):
        column = block.column(name)
        kind = "ids" if name == self._ids else self._kinds[name]
        if kind == "number":
            return self._numbers(block, name, column)
        if kind == "date":
            return self._dates(block, name, column)
        if kind == "text":
            return self._documents(block, name, column)
        codes, levels = self._coded(column)
        broken = [] if self._line_breaks else [code for code, level in enumerate(levels) if "\n" in level]
        if broken and np.isin(codes, broken).any():
            row = int(np.isin(codes, broken).argmax())
            raise _continued(block, row, name, levels[codes[row]])
        if kind == "ids":
            return self._id_values(block, _spread(levels, codes).tolist())
        if kind == "whole":
            return self._whole_values(block, name, codes, levels)
        if kind == "boolean":
            words = {word: k > 0 for pair in (_DIGITS, *BOOLEANS, *self._booleans) for k, word in enumerate(pair)}
            wanted = "true or false, as this column's values are"
            return self._mapped(block, name, codes, levels, wanted, words.get)
        return _spread(levels, codes)

    def _whole_values(self, block: Block, name: str, codes: np.ndarray, levels: list[str]) -> np.ndarray:
        wholes = [int(level) if _is_whole(level) else None for level in levels]
        odd = np.isin(codes, [-1, *(code for code, whole in enumerate(wholes) if whole is None)])
        if odd.any():
            row = int(odd.argmax())
            level = None if codes[row] < 0 else levels[codes[row]]
            what = "missing" if level is None else f"{level[:100]!r}, which is not a whole number of 64 bits"
            advice = "drop the row" if level is None else "correct it; or make a store whose labels are text"
            raise refused(block.place, row, f"the value in column {shown(name)} is {what}", advice, name, level)
        return np.array([whole or 0 for whole in wholes], np.int64)[codes]

    def _documents(self, block: Block, name: str, column) -> np.ndarray:
        """Texts as they are written, object[n]."""
        texts = np.empty(len(column), object)
        texts[:] = column.to_pylist()
        if not self._line_breaks and isinstance(self._source, Text):
            for row, text in enumerate(texts):
                if "\n" in text:
                    raise _continued(block, row, name, text)
        return texts

    def _mapped(
        self, block: Block, name: str, codes, levels: list[str], wanted: str, read: Callable[..., Any]
    ) -> np.ndarray:
        """What texts stand for, None where missing, object[n]; `read` gives None for what is not `wanted`."""
        values = [read(level) for level in levels]
        odd = np.isin(codes, [code for code, value in enumerate(values) if value is None])
        if odd.any():
            row = int(odd.argmax())
            level = levels[codes[row]]
            told = f"the value in column {shown(name)} is {level[:100]!r}, which is not {wanted}"
            advice = "correct it; or pass the kind of the column, or what stands for a missing value"
            raise refused(block.place, row, told, advice, name, level)
        return _spread(values, codes)

    def _numbers(self, block: Block, name: str, column) -> np.ndarray:
        pa = arrow()
        if pa.types.is_string(column.type):  # of a Parquet file
            read = self._mapped(
                block, name, *self._coded(column), "a number", lambda text: number_of(text, self._decimal)
            )
            column = pa.array(read.tolist(), pa.float64())
        column = self._present(column)
        numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        odd = np.flatnonzero(~np.isfinite(numbers) & ~column.is_null().to_numpy(zero_copy_only=False))
        if len(odd):
            row = int(odd[0])
            told = f"the value in column {shown(name)} is {numbers[row]}, which is not a finite number"
            raise refused(block.place, row, told, "correct it, or leave it empty", name, numbers[row].item())
        return numbers

    def _dates(self, block: Block, name: str, column) -> np.ndarray:
        if not arrow().types.is_string(column.type):
            return column.to_numpy(zero_copy_only=False).astype(DATES)
        wanted = "a date (2024-01-31, 2024-01-31 12:30:00)"
        times = self._mapped(block, name, *self._coded(column), wanted, microseconds)
        return np.array([NO_DATE if time is None else time for time in times.tolist()], np.int64).view(DATES)

    def _id_values(self, block: Block, values: list[Any]) -> list[Any]:
        for row, value in enumerate(values):
            if value is None or (self.whole_ids and not _is_whole(value)):
                what = "missing" if value is None else f"{value[:100]!r}, which is not a whole number of 64 bits"
                advice = "each row needs an id of its own, and all must be of one type"
                raise refused(block.place, row, f"the id is {what}", advice, self._ids, value)
        return [int(value) for value in values] if self.whole_ids else values


def _continued(block: Block, row: int, name: str, text: str) -> TableError:
    """The error of a text that holds a line break where none is allowed."""
    told = f"the text in column {shown(name)} continues after the end of the line"
    return refused(block.place, row, told, CLOSE_QUOTE, name, text)


def _spread(values: list[Any], codes: np.ndarray) -> np.ndarray:
    """Values by their codes, None for -1."""
    table = np.empty(len(values) + 1, object)
    table[:-1] = values
    return table[codes]


def _is_whole(text: str | None) -> bool:
    """Whether a text is how a whole number of 64 bits is written, and the only way."""
    if text is None or len(text) > 20 or not text.removeprefix("-").isdecimal():
        return False
    return str(int(text)) == text and -(2**63) <= int(text) < 2**63
