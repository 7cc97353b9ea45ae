"""Frames and dicts of columns: their names, the kinds of their columns, and their values in a block's form."""

from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.engine.identity import PLAIN_LABELS, canonical_label
from sqlearn.engine.interactions import SCALE
from sqlearn.engine.tables import is_missing
from sqlearn.errors import InvalidValueError, TableError, shown
from sqlearn.storage.file import LONGEST_DOCUMENT
from sqlearn.storage.table.blocks import Category, category_of
from sqlearn.storage.table.dates import DATES, microseconds
from sqlearn.storage.types import Table

if TYPE_CHECKING:
    from sqlearn.storage.table.columns import Column


BOOLEANS = 0, 1  # what learners know false and true by, if nobody says otherwise: equal to False and True

_NO_FRAMES = str | bytes | np.ndarray | list | tuple


def frames_of(table: Table) -> Iterator[Any]:
    """The frames of a table: itself, or those that an iterator gives."""
    if nw.dependencies.is_into_dataframe(table) or isinstance(table, Mapping):
        yield table
    elif hasattr(table, "__iter__") and not (isinstance(table, _NO_FRAMES) or hasattr(table, "toarray")):
        for frame in table:
            yield from frames_of(frame)
    elif (
        isinstance(table, list | tuple)
        and table
        and all(nw.dependencies.is_into_dataframe(frame) or isinstance(frame, Mapping) for frame in table)
    ):
        yield from table
    else:
        raise TableError(
            f"A table is a pandas or polars frame, a dict of columns, or an iterator of these, not "
            f"{type(table).__name__}: read a file first, and put an array into a dict, column by column.",
            reason="table",
        )


def length_of(frame: Any, name: str | None = None) -> int:
    """Number of rows of a frame; of a dict, that of a column, the first by default."""
    if not isinstance(frame, Mapping):
        return len(frame)
    name = next(iter(frame), None) if name is None else name
    if name is None:
        return 0
    try:
        return len(frame[name])
    except TypeError:  # a single value
        return len(_series(frame, name))


def names_of(frame: Any) -> list[str]:
    try:
        names = list(frame if isinstance(frame, Mapping) else nw.from_native(frame, eager_only=True).columns)
    except nw.exceptions.DuplicateError as error:
        raise TableError(
            "Two columns have the same name. Nothing was changed: give every column a name of its own.",
            reason="columns",
        ) from error
    odd = [name for name in names if not isinstance(name, str)]
    if odd or len({name.lower() for name in names}) < len(names):  # SQL does not tell A from a
        raise TableError(
            f"Columns must have names that are text and differ in more than case; these are {shown(names)}. Rename "
            "them first.",
            reason="columns",
        )
    return names


def _series(frame, name):
    """A column as a narwhals Series, or an array of a dict's."""
    if isinstance(frame, Mapping):
        values = frame[name]
        try:
            array = np.asarray(values)
        except ValueError:  # of sequences that differ in length
            array = np.empty((0, 0))
        if array.ndim != 1:
            raise TableError(
                f"The column {shown(name)} is not a sequence of single values. Nothing was changed: pass a list with "
                "one value per row, even for a single row.",
                column=name,
                reason="columns",
            )
        if array.dtype.kind in "US" and not (isinstance(values, np.ndarray)):  # numbers beside text became text
            array = np.empty(len(values), object)
            array[:] = list(values)
        return array
    return nw.from_native(frame, eager_only=True)[name]


def values_of(frame: Any, name: str | None) -> list[Any]:
    series = _series(frame, name)
    if isinstance(series, np.ndarray):  # whose dates and times may become the integers that count them
        return list(series) if series.dtype.kind in "mM" else series.tolist()
    return series.to_list()


def kind_of(frame: Any, name: str) -> str:
    """What a column of a first frame holds: "number", "category", "boolean", "date"; "mixed" for some booleans."""
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind != "O":
        return {"U": "category", "S": "category", "b": "boolean", "M": "date"}.get(series.dtype.kind, "number")
    if isinstance(series, nw.Series) and series.dtype != nw.Object:
        if series.dtype in (nw.Categorical, nw.Enum, nw.String):
            return "category"
        return (
            "boolean" if series.dtype == nw.Boolean else "date" if series.dtype in (nw.Date, nw.Datetime) else "number"
        )
    values = [value for value in values_of(frame, name) if not is_missing(value)]
    if any(isinstance(value, str) for value in values):
        return "category"
    if any(isinstance(value, bool | np.bool_) for value in values):
        return "boolean" if all(isinstance(value, bool | np.bool_) for value in values) else "mixed"
    return "date" if values and all(isinstance(value, date | np.datetime64) for value in values) else "number"


def read(frame: Any, column: "Column") -> np.ndarray | Category:
    if column.kind == "boolean":
        return _booleans(frame, column)
    if column.kind == "date":
        return _dates(frame, column.name)
    if column.kind == "text":
        return _documents(frame, column)
    if column.kind == "whole":
        return _wholes(frame, column)
    return _numbers(frame, column.name, column.role) if column.kind == "number" else _categories(frame, column.name)


def are_whole(frame: Any, name: str) -> bool:
    """Whether a column holds whole numbers of 64 bits alone."""
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind in "iu":
        return series.dtype.itemsize < 8 or series.dtype.kind == "i" or not (series >> 63).any()
    return all(as_whole(value) is not None for value in values_of(frame, name))


def as_whole(value: Any) -> int | None:
    """A whole number of 64 bits, or None."""
    is_other = isinstance(value, bool | np.bool_ | np.timedelta64)  # which count among the integers
    if is_other or not isinstance(value, int | float | np.integer | np.floating) or value != value:
        return None
    if abs(value) == np.inf or int(value) != value or not -(2**63) <= value < 2**63:
        return None
    return int(value)


def _wholes(frame, column: "Column") -> np.ndarray:
    """Users or items that are whole numbers, int64[n]."""
    series = _series(frame, column.name)
    if isinstance(series, nw.Series) and series.dtype.is_integer() and not series.null_count():
        series = series.to_numpy()
    if isinstance(series, np.ndarray) and series.dtype.kind in "iu" and series.dtype != np.uint64:
        return np.ascontiguousarray(series, np.int64)
    values = values_of(frame, column.name)
    wholes = np.empty(len(values), np.int64)
    for i, value in enumerate(values):
        whole = as_whole(value)
        if whole is None and is_missing(value):
            raise _unfit(i, column.name, value, f"is missing ({shown(value)})", "drop the row", column.role)
        if whole is None:
            what = f"is {shown(value)}, and the {column.role}s of this store are whole numbers of 64 bits"
            to_do = f"pass whole numbers; if {column.role}s are text, make them text when you create the store"
            raise _unfit(i, column.name, value, what, to_do, column.role)
        wholes[i] = whole
    return wholes


def present(values: np.ndarray) -> np.ndarray:
    """Those of a column that are not missing; dates as the numbers that the file holds."""
    if values.dtype.kind == "O":
        return values[[value is not None for value in values]]
    return values[~np.isnat(values)].view(np.int64) if values.dtype.kind == "M" else values[~np.isnan(values)]


def _unfit(row: int, column: str, value: Any, what: str, to_do: str, noun: str = "value") -> TableError:
    return TableError(
        f"The {noun} in row {row} (counted from 0), column {shown(column)}, {what}. Nothing was changed: {to_do}.",
        row=row,
        column=column,
        value=value,
        reason="value",
    )


def _booleans(frame, column: "Column") -> np.ndarray | Category:
    """Booleans as its learner takes them."""
    labels = column.labels or BOOLEANS
    known = {False: 0, True: 1} | ({label: code for code, label in enumerate(labels)} if column.labels else {})
    series = _series(frame, column.name)
    plain = isinstance(series, np.ndarray) and series.dtype.kind == "b"
    values = [] if plain else values_of(frame, column.name)
    codes = series.astype(np.int64) if plain else np.empty(len(values), np.int64)
    for i, value in enumerate(values):
        if is_missing(value):
            codes[i] = -1
            continue
        code = known.get(value) if isinstance(value, Hashable) else None
        if code is None:
            words = "" if column.labels in (None, BOOLEANS) else f" (or {labels[0]!r} and {labels[1]!r})"
            what = f"is {shown(value)}, where this store holds booleans"
            raise _unfit(i, column.name, value, what, f"pass False and True{words}")
        codes[i] = code
    if column.labels is None:
        return np.array([0.0, 1.0, np.nan])[codes]
    levels = [code for code in (0, 1) if (codes == code).any()]  # learners must not hear of others
    return Category(np.where(codes < 0, -1, codes - (levels == [1])), [labels[code] for code in levels])


def _documents(frame, column: "Column") -> np.ndarray:
    """Documents as they are, object[n]; None where missing, which only a kept one may be."""
    values = values_of(frame, column.name)
    texts = np.full(len(values), None, object)
    for i, value in enumerate(values):
        if isinstance(value, str):
            texts[i] = str(value)
            if 4 * len(value) > LONGEST_DOCUMENT and len(_bytes_of(value)) > LONGEST_DOCUMENT:
                what = f"has {len(_bytes_of(value)):,} bytes, and a document has at most {LONGEST_DOCUMENT:,}"
                raise _unfit(i, column.name, value, what, "split it, or leave the row out", "text")
        elif not is_missing(value):
            what = f"is not text: {shown(value)}"
            raise _unfit(i, column.name, value, what, "pass text in a column of text")
        elif column.role == "feature":
            what = f"is missing ({shown(value)}), and there is no document to learn"
            raise _unfit(i, column.name, value, what, "pass '' for a document without words, or leave the row out")
    return texts


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _dates(frame, name) -> np.ndarray:
    """Dates and times as datetime64[us]; a time with a zone is that of UTC, and what is finer is cut off."""
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind == "M":
        return _days(series, name)
    times = []
    for i, value in enumerate(values_of(frame, name)):
        time = np.datetime64("NaT") if is_missing(value) else _time(value)
        if time is None:
            what = f"is not a date: {shown(value)}"
            raise _unfit(i, name, value, what, "pass dates, times, or ISO 8601 as text")
        times.append(time.astype(DATES))
    return _days(np.array(times, DATES), name)


def _days(times: np.ndarray, name: str) -> np.ndarray:
    kept = times.astype(DATES)
    finer = np.datetime_data(times.dtype)[0] in ("ns", "ps", "fs", "as")
    beyond = (kept.astype(times.dtype) != times) & ~np.isnat(times)
    if not finer and beyond.any():
        row = int(beyond.argmax())
        what = f"lies beyond the years that 64 bits of microseconds reach: {shown(times[row])}"
        raise _unfit(row, name, times[row], what, "pass dates within 290,000 years", "date")
    return kept


def _time(value) -> np.datetime64 | None:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, date | np.datetime64):
        return np.datetime64(value)
    time = microseconds(value.strip()) if isinstance(value, str) else None
    return None if time is None else np.datetime64(time, "us")


def _numbers(frame, name, role) -> np.ndarray:
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind in "fiub":
        numbers = series.astype(np.float64)
    elif isinstance(series, nw.Series) and (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        numbers = np.array(series.cast(nw.Float64).to_numpy(), np.float64)
    else:
        values = values_of(frame, name)
        for i, value in enumerate(values):
            if isinstance(value, str | bytes):
                raise _not_numeric(values, i, name, role)
            try:
                values[i] = np.nan if is_missing(value) else float(value)
            except OverflowError:
                raise _infinite(i, name, value) from None
            except (TypeError, ValueError) as error:
                advice = (
                    "convert it to a number or to text; name dates in `keep` when you create the store; or leave the "
                    "column out"
                )
                raise _unfit(i, name, value, f"is not a number: {shown(value)}", advice) from error
        numbers = np.array(values, np.float64)
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).argmax())
        raise _infinite(row, name, numbers[row].item())
    if role == "rating":
        numbers = _as_printed(series, numbers)
    numbers = numbers + 0.0  # no -0.0
    numbers[np.isnan(numbers)] = np.nan  # NaN has one form
    return numbers


def _as_printed(series: Any, numbers: np.ndarray) -> np.ndarray:
    """Narrow ratings as the decimal numbers that they print as, as recommenders read them; others as they are."""
    is_series = isinstance(series, nw.Series)
    narrow = np.dtype(np.float32 if series.dtype == nw.Float32 else np.float64) if is_series else series.dtype
    if narrow not in (np.float16, np.float32):
        return numbers
    decimal = np.rint(numbers * SCALE) / SCALE
    return np.where(decimal.astype(narrow) == numbers.astype(narrow), decimal, numbers)


def _not_numeric(values: list[Any], first: int, name: str, role: str) -> InvalidValueError:
    """The error for the first text that is not a number; for the first text if all are numbers."""
    row = next((i for i, value in enumerate(values) if isinstance(value, str | bytes) and not is_number(value)), first)
    advice = {
        "target": "convert it, or leave the row out: the target of this model is a number",
        "weight": "convert it: weights are numbers",
    }.get(role, "convert it, or name the column in `categorical` when you create the store")
    return InvalidValueError(
        f"The value in row {row} (counted from 0), column {shown(name)}, is the text {shown(values[row])}, where this "
        f"store holds numbers. Nothing was changed: {advice}.",
        row=row,
        column=name,
        value=values[row],
        reason="not numeric",
    )


def is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _infinite(row: int, name: str, value) -> InvalidValueError:
    return InvalidValueError(
        f"The value in row {row} (counted from 0), column {shown(name)}, is infinite, or beyond 1.8e308. Nothing was "
        "changed: mark it as missing, or drop the row.",
        row=row,
        column=name,
        value=value,
        reason="not finite",
    )


def _categories(frame, name) -> Category:
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind in "fiub" and not np.isinf(series).any():
        return category_of(series)
    codes: list[int] = []
    seen: dict[Any, Any] = {}  # equal values of any type are one key, as equal labels are
    for i, value in enumerate(values_of(frame, name)):
        try:
            code = seen.get(value) if type(value) in PLAIN_LABELS else None
            if code is None and is_missing(value):
                code = -1
            elif code is None:
                label = canonical_label(value)
                if label in (np.inf, -np.inf):
                    raise _infinite(i, name, value)
                code = seen.setdefault(label, len(seen))
        except TypeError as error:
            what = f"is neither a number nor text, but {shown(value)}"
            raise _unfit(i, name, value, what, "convert such values, or leave the column out") from error
        codes.append(code)
    return Category(np.array(codes, np.int64), [*seen])
