"""The rows of text and Parquet files as pyarrow reads them, block by block."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from sqlearn.errors import TableError, shown
from sqlearn.table_files.source import Format, Source, has_decimal_comma

_BLOCK = 1 << 22  # bytes of text
_ROWS = 1 << 16  # of a Parquet file
_LAST = 2**63 - 1
_MICROSECONDS = {"D": 86_400_000_000, "s": 1_000_000, "ms": 1_000}  # in one of a coarser unit

Place = Callable[[int], tuple[str, dict[str, int]]]


@dataclass
class Block:
    """Some rows as a pyarrow batch; ``place(row)`` says where in the file a row stands; ``done`` of ``of`` is read."""

    batch: Any
    place: Place
    done: int
    of: int

    @property
    def names(self) -> list[str]:
        return self.batch.schema.names

    def column(self, name: str) -> Any:
        return self.batch.column(name)


def refused(place: Place, row: int, told: str, to_do: str, column: str | None, value: Any = None) -> TableError:
    """The error of a value in a file: where it stands, what is wrong with it, and what to do."""
    at, fields = place(row)
    at = at if "line" in fields else f"{at} (counted from 0)"
    return TableError(
        f"{at}: {told}. Nothing was learned: {to_do}.", column=column, value=value, reason="file", **fields
    )


class Text:
    """A file of separated values."""

    def __init__(self, source: Source, text: Format, missing: Sequence[str], decimal: str = ".") -> None:
        self._source, self._format, self._missing, self._decimal = source, text, missing, decimal

    def blocks(self, kinds: Mapping[str, str]) -> Iterator[Block]:
        """Columns of the kind "number" are float64, all others text, with no missing values."""
        pa = arrow()
        from pyarrow import csv

        text = self._format
        with self._errors(), self._source.raw() as raw:
            size = self._source.size
            types = {name: pa.float64() if kinds.get(name) == "number" else pa.string() for name in text.names}
            if not size or not text.names:
                return
            reader = csv.open_csv(
                text.recoded(raw),
                # one thread, so that errors tell the row
                csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=text.names, skip_rows=text.above),
                csv.ParseOptions(
                    delimiter=text.delimiter,
                    quote_char='"' if text.quote else False,
                    newlines_in_values=text.quote,
                ),
                csv.ConvertOptions(
                    column_types=types,
                    null_values=[a + word + b for word in self._missing for a in ("", " ") for b in ("", " ")],
                    strings_can_be_null=False,  # what is missing is told later, as in documents nothing is
                    decimal_point=self._decimal,
                    quoted_strings_can_be_null=True,
                ),
            )
            rows = 0
            for batch in reader:
                if batch.num_rows:
                    yield Block(batch, partial(self._place, rows), raw.tell(), size)
                    rows += batch.num_rows

    def _place(self, before: int, row: int) -> tuple[str, dict[str, int]]:
        return self._format.place(before + row)

    @contextmanager
    def _errors(self):
        """pyarrow's errors in our words."""
        pa = arrow()
        try:
            with self._source.errors():
                yield
        except UnicodeError as error:
            raise self._format.undecodable() from error
        except pa.ArrowInvalid as error:
            told = str(error)
            if "UTF8" in told and self._format.encoding == "utf-8":
                raise self._format.undecodable() from error
            found = re.search(r"Row #(\d+): (.*)", told, re.DOTALL)
            row = int(found[1]) - 1 - self._format.above if found else None
            at, place = (self._source.name, {}) if row is None else self._place(0, row)
            what = found[2] if found else told
            column = re.match(r"In CSV column #(\d+)", told)
            name = value = None
            if column:
                name = self._format.names[int(column[1])]
                value = re.search("invalid value '(.*)'", what, re.DOTALL)
                is_what = f"is {value[1][:100]!r}, which is not a number" if value else "is not UTF-8"
                what = f"the value in column {shown(name)} {is_what}"
            if "straddling" in told:
                what = f"a line is longer than {_BLOCK >> 20} MB"
            advice = (
                "correct the line; or, if it is right, declare what separates the columns, which column is a category, "
                "what stands for a missing value, or that quotation marks are text."
            )
            if value and self._decimal == "." and has_decimal_comma(value[1]):
                advice = "it has a decimal comma: pass TableFile(path, decimal=','), or write a point."
            elif value:
                advice = (
                    f"correct it; or pass TableFile(path, missing=[...]) if {value[1][:100]!r} stands for a missing "
                    f"value, or TableFile(path, kinds={{...}}) if the column {shown(name)} is one of categories."
                )
            raise TableError(
                f"{at}: {what[:1000]}. Nothing was learned: {advice}",
                column=name,
                value=value and value[1],
                reason="file",
                **place,
            ) from error
        except pa.ArrowException as error:
            raise self._source.unreadable(error) from error


class Parquet:
    """A Parquet file."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def blocks(self, kinds: Mapping[str, str]) -> Iterator[Block]:
        """Columns are numbers, booleans, text or dates.

        What is none of these is an error once it is to be read: until then it has no values.
        """
        pa = arrow()
        from pyarrow import parquet

        try:
            with self._source.errors(), self._source.raw() as raw, parquet.ParquetFile(raw) as file:
                of, done = file.metadata.num_rows, 0
                names = file.schema_arrow.names
                twice = [name for name in names if names.count(name) > 1]
                if twice:
                    raise TableError(
                        f"{self._source.name} has two columns {shown(twice[0])}. Rename one of them.",
                        column=twice[0],
                        reason="file",
                    )
                for batch in file.iter_batches(_ROWS):
                    place = partial(self._place, done)
                    columns = [self._column(name, batch.column(name), kinds.get(name), place) for name in names]
                    table = pa.record_batch(columns, names)
                    yield Block(table, place, done + len(batch), of)
                    done += len(batch)
        except pa.ArrowException as error:
            raise self._source.unreadable(error) from error

    def _place(self, before: int, row: int) -> tuple[str, dict[str, int]]:
        return f"{self._source.name}, row {before + row}", {"row": before + row}

    def _column(self, name: str, column, kind: str | None, place: Place):
        pa = arrow()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        native = native_kind(column)
        if native is None and not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
            if kind in (None, "drop"):
                return pa.nulls(len(column), pa.float64())
            raise TableError(
                f"{self._source.name}: the column {shown(name)} holds {column.type}, which is not numbers, text, "
                "booleans or dates. Convert it, or drop it.",
                column=name,
                reason="file",
            )
        if native == "date" and kind == "number":
            raise TableError(
                f"{self._source.name}: the column {shown(name)} holds {column.type}, which is not numbers.",
                column=name,
                reason="file",
            )
        if native == "date":
            beyond = _beyond(column)
            if beyond.any() and kind not in (None, "drop"):
                told = f"the date in column {shown(name)} lies beyond the years that 64 bits of microseconds reach"
                raise refused(place, int(beyond.argmax()), told, "correct it, leave it empty, or drop the column", name)
            if beyond.any():
                column = column.filter(pa.array(~beyond)).take(pa.array(np.cumsum(~beyond) - 1, mask=beyond))
        if kind in ("id", "whole") and pa.types.is_floating(column.type):
            return self._whole(name, column, place, "id" if kind == "id" else "value")
        if kind in ("category", "id", "text", "whole") or native is None:
            return column.cast(pa.string(), safe=False)
        if native == "number" and kind in (None, "number"):
            return column.cast(pa.float64(), safe=False)
        return column if native != "number" else column.cast(pa.string(), safe=False)

    def _whole(self, name: str, column, place: Place, noun: str):
        """Ids and labels that are whole but were written as floats, as pandas does where there is a gap, as text."""
        pa = arrow()
        numbers = column.to_numpy(zero_copy_only=False)
        missing, most = np.isnan(numbers), 2.0 ** (np.finfo(numbers.dtype).nmant + 1)  # below, each number is exact
        with np.errstate(invalid="ignore"):
            odd = ~missing & ~((np.floor(numbers) == numbers) & (np.abs(numbers) < most))
        if odd.any():
            row = int(odd.argmax())
            told = (
                f"the {noun} in column {shown(name)} is the float {numbers[row]}, which is not a whole number below "
                f"{most:.0f}"
            )
            raise refused(place, row, told, f"write {noun}s as integers or text", name, numbers[row].item())
        return pa.array(np.where(missing, 0, numbers).astype(np.int64), mask=missing).cast(pa.string())


def _beyond(column: Any) -> np.ndarray:
    """Which rows have a date that has no place in 64 bits of microseconds."""
    times = column.to_numpy(zero_copy_only=False)
    each = _MICROSECONDS.get(np.datetime_data(times.dtype)[0], 1)
    numbers = times.view(np.int64)
    return ~np.isnat(times) & ((numbers > _LAST // each) | (numbers < -(_LAST // each)))


def native_kind(column: Any) -> str | None:
    """The kind of a column that is not text."""
    types = arrow().types
    if types.is_boolean(column.type):
        return "boolean"
    if types.is_timestamp(column.type) or types.is_date(column.type):
        return "date"
    numeric = types.is_null, types.is_integer, types.is_floating, types.is_decimal
    return "number" if any(is_kind(column.type) for is_kind in numeric) else None


def arrow() -> ModuleType:
    try:
        import pyarrow
        import pyarrow.types
    except ImportError as error:
        raise TableError(
            "Reading tables in files needs pyarrow, which is not installed. Run pip install 'sqlearn-exact[tables]'.",
            reason="file",
        ) from error
    return pyarrow
