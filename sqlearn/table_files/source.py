"""Where the bytes of a table come from, and how text is cut into rows: what is given, or shows at the beginning."""

import codecs
import csv
import gzip
import io
import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sqlearn.errors import TableError

CLOSE_QUOTE = (
    "close its quotation mark, allow line breaks with TableFile(path, line_breaks=True), or declare with "
    "TableFile(path, quote=False) that quotation marks are text"
)
_HEAD = 1 << 20  # bytes that are looked at
_ROWS_LOOKED_AT = 50
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_CANDIDATES = ",\t;|"
_NAMED = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a vertical bar"}
_MARKS = (  # those of UTF-32 first: one begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    *((mark, "utf-32") for mark in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)),
    *((mark, "utf-16") for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)),
)
_DECIMAL_COMMA = re.compile(r" *[+-]?[0-9]+,[0-9]+ *")
_QUOTED = re.compile(r'\t"(?:[^"]|"")*"(?=\t|$)')  # a value in quotation marks, behind a tab


class Source:
    """A file that can be read more than once; of standard input and pipes, the content is held in memory.

    Parameters
    ----------
    path : str or Path
        The file; "-" is standard input.

    Attributes
    ----------
    name : str
        What messages call it.
    suffix : str
        How its name ends, in lower case and without ``.gz``; empty for standard input.
    """

    def __init__(self, path: str | Path) -> None:
        self.name, self._path, self._content = str(path), Path(path), None
        suffixes = [suffix.lower() for suffix in self._path.suffixes] or [""]
        packed = suffixes[-1] == ".gz"
        self.suffix = suffixes[-2] if packed and len(suffixes) > 1 else suffixes[-1]
        with self.errors():
            if self.name == "-":
                self.name, self.suffix = "standard input", ""
                self._content = sys.stdin.buffer.read()
            elif not stat.S_ISREG(os.stat(self._path).st_mode):
                self._content = self._path.read_bytes()
        self._packed = packed or (self._content is not None and self._content[:2] == b"\x1f\x8b")

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._path.stat().st_size if self._content is None else len(self._content)

    @property
    def is_parquet(self) -> bool:
        return self.suffix in (".parquet", ".pq") or (self._content is not None and self._content[:4] == b"PAR1")

    def raw(self) -> BinaryIO:
        """The bytes of the file."""
        return open(self._path, "rb") if self._content is None else io.BytesIO(self._content)

    def unpacked(self, raw: BinaryIO) -> Any:
        """The bytes of the table: of a file that is compressed, what is in it."""
        return gzip.open(raw) if self._packed else raw

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Errors of the system in our words."""
        try:
            yield
        except (OSError, EOFError) as error:
            raise self.unreadable(error) from error

    def unreadable(self, error: Exception) -> TableError:
        """The error of a file that its reader gives up."""
        reason = getattr(error, "strerror", None) or error
        return TableError(f"{self.name} cannot be read: {reason}. Nothing was learned.", reason="file")


class Format:
    """How a file of text is cut into rows.

    Parameters
    ----------
    source : Source
        The file.
    header : {"first", "none"}, sequence of str or None
        Where the columns' names stand: in the first line, nowhere (they are called 1, 2, 3, ...), or here. By default
        in the first line, which must not look like a row then.
    delimiter : str or None
        What separates columns. By default a comma in ``.csv``, a tab in ``.tsv`` and ``.tab``; in files of other names,
        and in ``.csv`` whose first line has no comma, the one of comma, tab, semicolon and vertical bar by which the
        first rows have the same number of columns.
    quote : bool or None
        Whether quotation marks enclose values. By default they do, but where a tab separates columns and a value of the
        first rows begins with one that is not closed.
    encoding : str or None
        By default what a byte order mark says, or UTF-8.
    line_breaks : bool
        Whether names in the first line may hold line breaks.

    Attributes
    ----------
    above : int
        Lines above the first row: more than one where a name holds a line break.
    detected : list of str
        What was found by looking at the file, for people.
    """

    def __init__(
        self,
        source: Source,
        header: str | Sequence[str] | None,
        delimiter: str | None,
        quote: bool | None,
        encoding: str | None,
        line_breaks: bool = False,
    ) -> None:
        self.source, self.detected, self._line_breaks = source, list[str](), line_breaks
        if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0'):
            raise TableError(
                f"A delimiter must be one ASCII character other than a quote or line end, not {delimiter!r}.",
                value=delimiter,
                reason="file",
            )
        with source.errors(), source.raw() as raw:
            head = source.unpacked(raw).read(_HEAD)
        self.encoding = self._encoding(head) if encoding is None else known_encoding(encoding)
        lines = self._head_lines(head)
        self.delimiter = self._delimiter(lines) if delimiter is None else delimiter
        self.quote = self._quote(lines) if quote is None else quote
        self.header = header if header is None or isinstance(header, str) else [str(name).strip() for name in header]
        self.above = 0
        self.names = self._names()

    # ------------------------------------------------------------------ what shows at the beginning

    def _encoding(self, head: bytes) -> str:
        for mark, encoding in _MARKS:
            if head.startswith(mark):
                if encoding != "utf-8":
                    self.detected.append(f"encoding {encoding} (by its byte order mark)")
                return encoding
        return "utf-8"

    def _head_lines(self, head: bytes) -> list[str]:
        """The first lines; damage is left to where it is reported with its place."""
        lines = head.decode("utf-8-sig" if self.encoding == "utf-8" else self.encoding, "replace").splitlines()
        lines = lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines
        return [line for line in lines if line]

    def _delimiter(self, lines: list[str]) -> str:
        usual = _DELIMITERS.get(self.source.suffix)
        if usual is not None and (usual == "\t" or not lines or usual in lines[0]):
            return usual
        fitting = {}
        for delimiter in _CANDIDATES:
            widths = {len(cells) for cells in _rows(lines, delimiter, True)}
            if len(widths) == 1 and min(widths) > 1:
                fitting[delimiter] = min(widths)
        if fitting:
            found = max(fitting, key=lambda delimiter: fitting[delimiter])
            self.detected.append(f"{_NAMED[found]} between columns")
            return found
        if usual is None and lines:
            raise TableError(
                f"{self.source.name} does not show what separates its columns. Nothing was learned: pass the "
                "delimiter with TableFile(path, delimiter=...), or leave the file out, as 'folder/*.csv' does. Only "
                "the names .csv, .tsv, .tab (also .gz) and .parquet imply a delimiter.",
                reason="file",
            )
        return usual or ","

    def _quote(self, lines: list[str]) -> bool:
        if self.delimiter != "\t":
            return True
        if any(_QUOTED.sub("", "\t" + line).find('\t"') >= 0 for line in lines):
            self.detected.append("quotation marks are text")
            return False
        return True

    def _names(self) -> list[str]:
        if isinstance(self.header, list):
            names, line = self.header, "the header"
            with self.lines() as lines:
                first = [name.strip() for name in next(lines, [])]
            if first == names:
                raise TableError(
                    f"{self.source.name}, line 1: it has the names of the columns itself, and would be learned as a "
                    "row. Nothing was learned: pass TableFile(path, header='first'), or delete the line.",
                    line=1,
                    reason="file",
                )
        else:
            with self.lines() as lines:
                first = [name.strip() for name in next(lines, [])]
                ends = lines.line_num
            if self.header == "none":
                return [str(number) for number in range(1, len(first) + 1)]
            names, line, self.above = first, f"{self.source.name}, line 1: the header", max(1, ends)
            broken = [name for name in names if re.search("[\r\n]", name)]
            if broken and not self._line_breaks:
                raise TableError(
                    f"{line} continues after the end of the line, in the name {broken[0][:100]!r}. Nothing was "
                    f"learned: {CLOSE_QUOTE}.",
                    column=broken[0],
                    line=1,
                    reason="file",
                )
            numbers = [name for name in names if is_number(name)] if self.header is None else []
            if numbers:
                raise TableError(
                    f"{self.source.name}, line 1: the header has the number {numbers[0][:40]}, so it may be a row. "
                    "Nothing was learned: pass TableFile(path, header='none') if it is one, TableFile(path, "
                    "header=[...]) to name the columns, or TableFile(path, header='first') if these are their names.",
                    value=numbers[0],
                    line=1,
                    reason="file",
                )
        doubtful = [name for name in names if not name or names.count(name) > 1]
        if doubtful:
            raise TableError(
                f"{line} names a column {doubtful[0]!r}{' more than once' if doubtful[0] else ''}. Nothing was "
                "learned: name each column, or give a header.",
                column=doubtful[0],
                reason="file",
            )
        return names

    # ------------------------------------------------------------------ lines

    @contextmanager
    def lines(self) -> Iterator[Any]:
        """A reader of rows, as lists of cells."""
        with self.source.errors(), self.source.raw() as raw, _long_fields():
            encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
            text = io.TextIOWrapper(self.source.unpacked(raw), encoding, newline="")
            try:
                yield _reader(text, self.delimiter, self.quote)
            except UnicodeError as error:
                raise self.undecodable() from error
            except csv.Error as error:
                raise self.source.unreadable(error) from error

    def recoded(self, raw: BinaryIO) -> Any:
        """The bytes of the table in UTF-8."""
        stream = self.source.unpacked(raw)
        return stream if self.encoding == "utf-8" else codecs.EncodedFile(stream, "utf-8", self.encoding)

    def place(self, row: int) -> tuple[str, dict[str, int]]:
        """The line in which a row (from 0) begins, in words and as fields; blank lines are not rows."""
        with self.lines() as lines:
            line, left = 1, row
            for cells in lines:
                left -= bool(cells)
                if left < -(self.above > 0):
                    break
                line = lines.line_num + 1
        return f"{self.source.name}, line {line}", {"row": row, "line": line}

    def undecodable(self) -> TableError:
        """The error for the first byte that is not of the encoding."""
        decoder, line, found = codecs.getincrementaldecoder(self.encoding)(), 1, "a byte"
        with self.source.errors(), self.source.raw() as raw:
            stream = self.source.unpacked(raw)
            for piece in stream:
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError as error:
                    found = f"the byte 0x{error.object[error.start]:02x}"
                    break
                except UnicodeError:
                    break
                line += piece.endswith(b"\n")
        return TableError(
            f"{self.source.name}, line {line}: {found} is not {self.encoding.upper()}. Nothing was learned: pass the "
            "file's encoding with TableFile(path, encoding=...), such as latin-1 or cp1252; or correct the line.",
            line=line,
            reason="file",
        )


def known_encoding(encoding: str) -> str:
    """The name of an encoding of text that Python has."""
    try:
        found = codecs.lookup(encoding)
        "".encode(encoding)
        b"".decode(encoding)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise TableError(
            f"There is no encoding {encoding[:100]!r}. Nothing was learned: pass another, such as utf-8, latin-1 or "
            "cp1252.",
            value=encoding,
            reason="file",
        ) from error
    return "utf-8" if found.name == "utf-8-sig" else found.name


def _reader(lines, delimiter: str, quote: bool) -> Any:
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE)


def _rows(lines: Sequence[str], delimiter: str, quote: bool) -> list[list[str]]:
    with _long_fields():
        return [cells for cells in _reader(lines[:_ROWS_LOOKED_AT], delimiter, quote) if cells]


@contextmanager
def _long_fields() -> Iterator[None]:
    """Fields of any length: Python's limit is 131,072 characters."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def number_of(text: str, decimal: str = ".") -> float | None:
    """The number that is written, with a point or a comma before its fraction; None if it is none."""
    if "_" in text or (decimal != "." and "." in text):  # float() takes 1_000
        return None
    try:
        return float(text.replace(decimal, "."))
    except ValueError:
        return None


def is_number(text: str) -> bool:
    return number_of(text) is not None


def has_decimal_comma(text: str) -> bool:
    """Whether a text that is no number would be one if its comma were a point."""
    return _DECIMAL_COMMA.fullmatch(text) is not None
