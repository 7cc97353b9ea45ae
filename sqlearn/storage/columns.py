"""The columns of a stored table: their kinds and roles, and how frames, dicts and packed rows become blocks of columns.

A block is a dict of column name to values in canonical form: float64[n] with NaN for missing in a column of numbers,
:class:`Category` in one of categories, datetime64[us] with NaT in one of dates. A column of booleans is to its model
one of categories or of numbers, and has that form in a block.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from numbers import Rational, Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.engine.table import is_missing
from sqlearn.engine.vocabulary import PLAIN_LABELS, canonical_label
from sqlearn.errors import EmptyBatchError, NonFiniteError, NotNumericError, TableError, shown
from sqlearn.storage.dates import DATES, microseconds
from sqlearn.storage.given import as_names

__all__ = ["Block", "Category", "Column", "Columns", "category_of", "frames_of", "length", "length_of", "take"]


@dataclass(frozen=True)
class Category:
    """A column of categories.

    Attributes
    ----------
    codes : int64[n]
        Index of each value in `levels`, -1 where missing.
    levels : list
        Canonical labels, all different.
    """

    codes: np.ndarray
    levels: list

    def values(self) -> np.ndarray:
        """The labels themselves, None where missing, object[n]."""
        table = np.empty(len(self.levels) + 1, object)
        table[:-1] = self.levels
        return table[self.codes]


Block = dict[str, np.ndarray | Category]
BOOLEANS = 0, 1  # what learners know false and true by, if nobody says otherwise: equal to False and True

_NO_FRAMES = str | bytes | np.ndarray | list | tuple
_EXACT = 2**53  # below it float64 holds every whole number


def category_of(numbers: np.ndarray) -> Category:
    """A column of numbers as one of categories, NaN as missing."""
    values, places = np.unique(numbers, return_inverse=True)
    levels = [canonical_label(value) for value in values.tolist() if value == value]  # NaN is the last
    return Category(np.where(places < len(levels), places, -1), levels)


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    name : str
        Its name.
    role : {"feature", "target", "weight", "kept"}
        What the learner takes it for; of what is kept, only conditions know.
    kind : {"number", "category", "boolean", "date"}
        What its values are.
    labels : tuple or None
        Of booleans that are categories to the learner: what it knows false and true by.
    """

    name: str
    role: str
    kind: str
    labels: tuple | None = None

    @property
    def learned_as(self) -> str:
        """The kind that it is to a learner: "number" or "category"."""
        if self.kind == "boolean":
            return "category" if self.labels is not None else "number"
        return self.kind


class Columns:
    """All columns of a stored table but its ids, in the order in which a row holds them.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    id : str or None
        Name of the column of ids; None where ids are counted.
    reading : mapping, optional
        How the table was read that the store was made from, in JSON's types.
    """

    def __init__(self, columns: Sequence[Column], id: str | None, reading: Mapping[str, Any] | None = None):
        self.all, self.id, self.reading = list(columns), id, dict(reading or {})

    def named(self, role: str) -> list[str]:
        return [column.name for column in self.all if column.role == role]

    def description(self) -> dict:
        """In JSON's types."""
        return {"columns": [asdict(column) for column in self.all], "id": self.id, "reading": self.reading}

    @classmethod
    def from_description(cls, described: Mapping) -> "Columns":
        columns = [Column(**column) for column in described["columns"]]
        columns = [replace(column, labels=tuple(column.labels)) if column.labels else column for column in columns]
        return cls(columns, described["id"], described["reading"])

    @classmethod
    def recognised(cls, frame, targets: list[str], labels: bool, weight: str | None, id: str | None,
                   categorical: Sequence[str] | None, takes_categories: bool, keep: Sequence[str] = (),
                   booleans: Mapping[str, Sequence] | None = None,
                   reading: Mapping[str, Any] | None = None) -> "Columns":  # fmt: skip
        """From the first frame. To learners, text, categories and (if they take them) booleans are categories."""
        names, booleans = _names(frame), dict(booleans or {})
        weight, id = (next(iter(as_names(name, what)), None) for name, what in ((weight, "weight"), (id, "id")))
        special = [*targets, *([weight] if weight else []), *([id] if id else []), *keep]
        for name in [*special, *(categorical or []), *booleans]:
            if name not in names:
                raise TableError(f"The table has no column {name!r}. Its columns are {names}.")
        if len(set(special)) < len(special):
            raise TableError(f"Target, weight, id and what is kept must be different columns, not {special}.")

        def column(name: str, role: str, category: bool) -> Column:
            kind = _kind(frame, name)
            if kind == "date" and role != "kept":
                raise TableError(
                    f"The column {name!r} holds dates, from which models do not learn. Name it in `keep`, so that "
                    "conditions can compare it, or leave it out."
                )
            if kind == "boolean" or name in booleans:
                return Column(name, role, "boolean", _labels(name, booleans.get(name)) if category else None)
            kind = "category" if kind == "mixed" else kind
            return Column(name, role, kind if role == "kept" else "category" if category else "number")

        columns = []
        for name in names:
            if name not in special:
                kind = _kind(frame, name)
                category = kind == "category" or (
                    takes_categories and (kind in ("boolean", "mixed") or name in booleans)
                )
                columns.append(column(name, "feature", name in categorical if categorical is not None else category))
        if not columns:
            raise TableError("The table has no column but target, weight and id: there is nothing to learn from.")
        columns += [column(name, "target", labels) for name in targets]
        columns += [Column(weight, "weight", "number")] if weight else []
        columns += [column(name, "kept", False) for name in keep]
        return cls(columns, id, reading)

    def block(self, frame, *, features_only: bool = False) -> Block:
        """A frame's columns in canonical form.

        Raises
        ------
        TableError
            When a column is missing, or one is there that the store does not have.
        """
        names = _names(frame)
        needed = [c for c in self.all if c.role == "feature" or not features_only]
        missing = [c.name for c in needed if c.name not in names]
        missing += [self.id] if self.id and not features_only and self.id not in names else []
        more = [name for name in names if name != self.id and name not in {c.name for c in self.all}]
        if missing or more:
            trouble = f"lacks the columns {missing}" if missing else f"has the columns {more}, which the store has not"
            columns = [*(column.name for column in self.all), *([self.id] if self.id else [])]
            raise TableError(f"The table {trouble}. Nothing was changed: the store's columns are {columns}.")
        if not length_of(frame):
            raise EmptyBatchError("The table has no rows. Nothing was changed: pass at least one row.")
        block: Block = {}
        for column in needed:
            block[column.name] = _read(frame, column)
        lengths = {name: length(column) for name, column in block.items()}
        if len(set(lengths.values())) > 1:
            raise TableError(
                f"The columns differ in length: {lengths}. Nothing was changed: pass one value a row in each of them."
            )
        return block

    def has_textual_ids(self, frame) -> bool:
        """Whether the ids of a first frame are text."""
        return self.id is not None and any(isinstance(value, str) for value in _values(frame, self.id)[:1])

    def ids(self, frame, textual: bool) -> list:
        """The ids that a frame brings: all text, or all whole numbers of 64 bits."""
        values = _values(frame, self.id)
        kinds = set(map(type, values))
        if kinds == {str} if textual else kinds == {int} and -(2**63) <= min(values) and max(values) < 2**63:
            return values
        value: Any
        for i, value in enumerate(values):
            if textual and isinstance(value, str):
                values[i] = str(value)
            elif textual or not _is_whole(value):
                raise TableError(
                    f"The id in row {i} (counted from 0) is {shown(value)}. Nothing was changed: the ids of this store "
                    f"are {'text' if textual else 'whole numbers'}. Give every row one."
                )
            elif isinstance(value, float | np.floating) and abs(value) >= _EXACT:  # type: ignore[operator]
                raise TableError(
                    f"The id in row {i} (counted from 0) is the float {shown(value)}, where floats beyond 2^53 skip "
                    "whole numbers. Nothing was changed: read ids as integers or as text."
                )
            elif not -(2**63) <= value < 2**63:
                raise TableError(
                    f"The id in row {i} (counted from 0) does not fit 64 bits: it is {shown(value)}. Nothing was "
                    "changed: make ids text."
                )
            else:
                values[i] = int(value)
        return values

    def values(self, frame) -> set:
        """All values of a frame that the store would hold, ids too."""
        found: set = set(_values(frame, self.id)) if self.id in _names(frame) else set()
        for column in self.all:
            if column.name in _names(frame):
                values = _read(frame, column)
                found.update(values.levels if isinstance(values, Category) else _present(values).tolist())
        return found


def frames_of(table) -> Iterator[Any]:
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
            f"{type(table).__name__}: read a file first, and put an array into a dict, column by column."
        )


def length_of(frame) -> int:
    if isinstance(frame, Mapping):
        return len(next(iter(frame.values()))) if frame else 0
    return len(frame)


def length(column: np.ndarray | Category) -> int:
    """Number of rows of a block's column."""
    return len(column.codes if isinstance(column, Category) else column)


def take(block: Block, rows) -> Block:
    """Some rows of a block."""
    return {
        name: Category(column.codes[rows], column.levels) if isinstance(column, Category) else column[rows]
        for name, column in block.items()
    }


# ---------------------------------------------------------------------- reading frames


def _names(frame) -> list[str]:
    try:
        names = list(frame if isinstance(frame, Mapping) else nw.from_native(frame, eager_only=True).columns)
    except nw.exceptions.DuplicateError as error:
        raise TableError("Two columns have one name. Nothing was changed: give every column its own.") from error
    odd = [name for name in names if not isinstance(name, str)]
    if odd or len({name.lower() for name in names}) < len(names):  # SQL does not tell A from a
        raise TableError(
            f"Columns must have names that are text and differ in more than case; these are {shown(names)}. Rename "
            "them first."
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
                f"The column {name!r} is not a sequence of single values. Nothing was changed: pass a list with one "
                "value a row, also for a single row."
            )
        if array.dtype.kind in "US" and not (isinstance(values, np.ndarray)):  # numbers beside text became text
            array = np.empty(len(values), object)
            array[:] = list(values)
        return array
    return nw.from_native(frame, eager_only=True)[name]


def _values(frame, name) -> list:
    series = _series(frame, name)
    if isinstance(series, np.ndarray):  # whose dates and times may become the integers that count them
        return list(series) if series.dtype.kind in "mM" else series.tolist()
    return series.to_list()


def _kind(frame, name) -> str:
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
    values = [value for value in _values(frame, name) if not is_missing(value)]
    if any(isinstance(value, str) for value in values):
        return "category"
    if any(isinstance(value, bool | np.bool_) for value in values):
        return "boolean" if all(isinstance(value, bool | np.bool_) for value in values) else "mixed"
    return "date" if values and all(isinstance(value, date | np.datetime64) for value in values) else "number"


def _labels(name: str, given: Sequence | None) -> tuple:
    """What a learner is to know false and true by."""
    if given is None:
        return BOOLEANS
    try:
        false, true = (canonical_label(label) for label in ([] if isinstance(given, str) else given))
        if false != true and false != 1 and true != 0:
            return false, true
    except (TypeError, ValueError):
        pass
    raise TableError(f"`booleans` names two labels per column, for false and for true; for {name!r} it is {given!r}.")


def _read(frame, column: Column) -> np.ndarray | Category:
    if column.kind == "boolean":
        return _booleans(frame, column)
    if column.kind == "date":
        return _dates(frame, column.name)
    return _numbers(frame, column.name) if column.kind == "number" else _categories(frame, column.name)


def _present(values: np.ndarray) -> np.ndarray:
    """What is not missing; dates as the numbers that the file holds."""
    return values[~np.isnat(values)].view(np.int64) if values.dtype.kind == "M" else values[~np.isnan(values)]


def _booleans(frame, column: Column) -> np.ndarray | Category:
    """Booleans as its learner takes them."""
    labels = column.labels or BOOLEANS
    known = {False: 0, True: 1} | ({label: code for code, label in enumerate(labels)} if column.labels else {})
    series = _series(frame, column.name)
    plain = isinstance(series, np.ndarray) and series.dtype.kind == "b"
    values = [] if plain else _values(frame, column.name)
    codes = series.astype(np.int64) if plain else np.empty(len(values), np.int64)
    for i, value in enumerate(values):
        if is_missing(value):
            codes[i] = -1
            continue
        code = known.get(value) if isinstance(value, Hashable) else None
        if code is None:
            words = "" if column.labels in (None, BOOLEANS) else f" (or {labels[0]!r} and {labels[1]!r})"
            raise TableError(
                f"The value in row {i} (counted from 0), column {column.name!r}, is {shown(value)}, where this store "
                f"holds booleans. Nothing was changed: pass False and True{words}."
            )
        codes[i] = code
    if column.labels is None:
        return np.array([0.0, 1.0, np.nan])[codes]
    levels = [code for code in (0, 1) if (codes == code).any()]  # learners must not hear of others
    return Category(np.where(codes < 0, -1, codes - (levels == [1])), [labels[code] for code in levels])


def _dates(frame, name) -> np.ndarray:
    """Dates and times as datetime64[us]; a time with a zone is that of UTC, and what is finer is cut off."""
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind == "M":
        return _days(series)
    times = []
    for i, value in enumerate(_values(frame, name)):
        time = np.datetime64("NaT") if is_missing(value) else _time(value)
        if time is None:
            raise TableError(
                f"The value in row {i} (counted from 0), column {name!r}, is not a date: {shown(value)}. Nothing was "
                "changed: pass dates, times, or ISO 8601 as text."
            )
        times.append(time.astype(DATES))
    return _days(np.array(times, DATES))


def _days(times: np.ndarray) -> np.ndarray:
    kept = times.astype(DATES)
    finer = np.datetime_data(times.dtype)[0] in ("ns", "ps", "fs", "as")
    if not finer and ((kept.astype(times.dtype) != times) & ~np.isnat(times)).any():
        raise TableError("A date lies beyond the years that 64 bits of microseconds reach. Nothing was changed.")
    return kept


def _time(value) -> np.datetime64 | None:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, date | np.datetime64):
        return np.datetime64(value)
    time = microseconds(value.strip()) if isinstance(value, str) else None
    return None if time is None else np.datetime64(time, "us")


def _numbers(frame, name) -> np.ndarray:
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind in "fiub":
        numbers = series.astype(np.float64)
    elif isinstance(series, nw.Series) and (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        numbers = np.array(series.cast(nw.Float64).to_numpy(), np.float64)
    else:
        values = _values(frame, name)
        for i, value in enumerate(values):
            if isinstance(value, str | bytes):
                raise NotNumericError(
                    f"The value in row {i} (counted from 0), column {name!r}, is the text {shown(value)}, where this "
                    "store holds numbers. Nothing was changed: convert it, or name the column in `categorical` when "
                    "you create the store."
                )
            try:
                values[i] = np.nan if is_missing(value) else float(value)
            except OverflowError:
                raise _infinite(i, name) from None
            except (TypeError, ValueError) as error:
                raise TableError(
                    f"The value in row {i} (counted from 0), column {name!r}, is not a number: {shown(value)}. Nothing "
                    "was changed: convert it to a number or to text; name dates in `keep` when you create the store; "
                    "or leave the column out."
                ) from error
        numbers = np.array(values, np.float64)
    if np.isinf(numbers).any():
        raise _infinite(int(np.flatnonzero(np.isinf(numbers))[0]), name)
    numbers = numbers + 0.0  # no -0.0
    numbers[np.isnan(numbers)] = np.nan  # NaN has one form
    return numbers


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number, and not a boolean or a length of time."""
    is_other = isinstance(value, bool | np.timedelta64)  # which count among the integers
    if is_other or not isinstance(value, Real):
        return False
    return value.denominator == 1 if isinstance(value, Rational) else float(value).is_integer()


def _infinite(row: int, name: str) -> NonFiniteError:
    return NonFiniteError(
        f"The value in row {row} (counted from 0), column {name!r}, is infinite, or beyond 1.8e308. Nothing was "
        "changed: mark it as missing, or drop the row."
    )


def _categories(frame, name) -> Category:
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind in "fiub" and not np.isinf(series).any():
        return category_of(series)
    codes: list[int] = []
    seen: dict = {}  # equal values of any type are one key, as equal labels are
    for i, value in enumerate(_values(frame, name)):
        try:
            code = seen.get(value) if type(value) in PLAIN_LABELS else None
            if code is None and is_missing(value):
                code = -1
            elif code is None:
                label = canonical_label(value)
                if label in (np.inf, -np.inf):
                    raise _infinite(i, name)
                code = seen.setdefault(label, len(seen))
        except TypeError as error:
            raise TableError(
                f"The value in row {i} (counted from 0), column {name!r}, is neither a number nor text, but "
                f"{shown(value)}. Nothing was changed: convert such values, or leave the column out."
            ) from error
        codes.append(code)
    return Category(np.array(codes, np.int64), [*seen])
