"""The columns of a stored table: their kinds and roles, and how frames, dicts and packed rows become blocks of columns.

A block is a dict of column name to values in canonical form: float64[n] with NaN for missing in a column of numbers,
and :class:`Category` in one of categories.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.engine.table import is_missing
from sqlearn.engine.vocabulary import canonical_label
from sqlearn.errors import EmptyBatchError, NonFiniteError, NotNumericError, TableError

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
    role : {"feature", "target", "weight"}
        What the learner takes it for.
    kind : {"number", "category"}
        What its values are.
    """

    name: str
    role: str
    kind: str


class Columns:
    """All columns of a stored table but its ids, in the order in which a row holds them.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    id : str or None
        Name of the column of ids; None where ids are counted.
    """

    def __init__(self, columns: Sequence[Column], id: str | None):
        self.all, self.id = list(columns), id

    def named(self, role: str) -> list[str]:
        return [column.name for column in self.all if column.role == role]

    def description(self) -> dict:
        """In JSON's types."""
        return {"columns": [asdict(column) for column in self.all], "id": self.id}

    @classmethod
    def from_description(cls, described: Mapping) -> "Columns":
        return cls([Column(**column) for column in described["columns"]], described["id"])

    @classmethod
    def recognised(cls, frame, targets: list[str], labels: bool, weight: str | None, id: str | None,
                   categorical: Sequence[str] | None, takes_categories: bool) -> "Columns":  # fmt: skip
        """From the first frame: text, categories and (for learners that take them) booleans are categories."""
        names = _names(frame)
        special = [*targets, *([weight] if weight else []), *([id] if id else [])]
        for name in [*special, *(categorical or [])]:
            if name not in names:
                raise TableError(f"The table has no column {name!r}. Its columns are {names}.")
        if len(set(special)) < len(special):
            raise TableError(f"Target, weight and id must be different columns, not {special}.")
        columns = []
        for name in names:
            if name not in special:
                category = name in categorical if categorical is not None else _is_text(frame, name, takes_categories)
                columns.append(Column(name, "feature", "category" if category else "number"))
        if not columns:
            raise TableError("The table has no column but target, weight and id: there is nothing to learn from.")
        columns += [Column(name, "target", "category" if labels else "number") for name in targets]
        columns += [Column(weight, "weight", "number")] if weight else []
        return cls(columns, id)

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
            read = _numbers if column.kind == "number" else _categories
            block[column.name] = read(frame, column.name)
        lengths = {name: length(column) for name, column in block.items()}
        if len(set(lengths.values())) > 1:
            raise TableError(f"The columns differ in length: {lengths}. Nothing was changed.")
        return block

    def has_textual_ids(self, frame) -> bool:
        """Whether the ids of a first frame are text."""
        return self.id is not None and any(isinstance(value, str) for value in _values(frame, self.id)[:1])

    def ids(self, frame, textual: bool) -> list:
        """The ids that a frame brings: all text, or all whole numbers of 64 bits."""
        values = _values(frame, self.id)
        value: Any
        for i, value in enumerate(values):
            whole = isinstance(value, Real) and not isinstance(value, bool) and value == value // 1  # type: ignore
            if textual and isinstance(value, str):
                values[i] = str(value)
            elif textual or not whole:
                raise TableError(
                    f"The id in row {i} (counted from 0) is {value!r}. Nothing was changed: the ids of this store are "
                    f"{'text' if textual else 'whole numbers'}."
                )
            elif not -(2**63) <= value < 2**63:
                raise TableError(f"The id in row {i} (counted from 0) does not fit 64 bits: {value!r}. Make ids text.")
            else:
                values[i] = int(value)
        return values

    def values(self, frame) -> set:
        """All values of a frame that the store would hold, ids too."""
        found: set = set(_values(frame, self.id)) if self.id in _names(frame) else set()
        for column in self.all:
            if column.name in _names(frame):
                numbers = column.kind == "number"
                values = _numbers(frame, column.name).tolist() if numbers else _categories(frame, column.name).levels
                found.update(value for value in values if value == value)
        return found


def frames_of(table) -> Iterator[Any]:
    """The frames of a table: itself, or those that an iterator gives."""
    if nw.dependencies.is_into_dataframe(table) or isinstance(table, Mapping):
        yield table
    elif hasattr(table, "__iter__") and not isinstance(table, str | bytes | np.ndarray | list | tuple):
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
            f"{type(table).__name__}: put an array into a dict, column by column."
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
    names = list(frame if isinstance(frame, Mapping) else nw.from_native(frame, eager_only=True).columns)
    odd = [name for name in names if not isinstance(name, str)]
    if odd or len({name.lower() for name in names}) < len(names):  # SQL does not tell A from a
        raise TableError(
            f"Columns must have names that are text and differ in more than case; these are {names}. Rename them first."
        )
    return names


def _series(frame, name):
    """A column as a narwhals Series, or an array of a dict's."""
    if isinstance(frame, Mapping):
        values = frame[name]
        array = np.asarray(values)
        if array.ndim != 1:
            raise TableError(f"The column {name!r} is no sequence of values.")
        if array.dtype.kind in "US" and not (isinstance(values, np.ndarray)):  # numbers beside text became text
            array = np.empty(len(values), object)
            array[:] = list(values)
        return array
    return nw.from_native(frame, eager_only=True)[name]


def _values(frame, name) -> list:
    series = _series(frame, name)
    return series.tolist() if isinstance(series, np.ndarray) else series.to_list()


def _is_text(frame, name, booleans: bool) -> bool:
    series = _series(frame, name)
    if isinstance(series, np.ndarray):
        if series.dtype.kind == "O":
            return any(isinstance(value, str) or (booleans and isinstance(value, bool)) for value in series)
        return series.dtype.kind in "US" or (booleans and series.dtype.kind == "b")
    if series.dtype == nw.Object:
        return _is_text({name: np.array(series.to_list(), object)}, name, booleans)
    return series.dtype in (nw.Categorical, nw.Enum, nw.String) or (booleans and series.dtype == nw.Boolean)


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
                    f"The value in row {i} (counted from 0), column {name!r}, is the text {value!r}, where this "
                    "store holds numbers. Nothing was changed: convert it, or name the column in `categorical` when "
                    "you create the store."
                )
            try:
                values[i] = np.nan if is_missing(value) else float(value)
            except TypeError as error:
                raise TableError(
                    f"The value in row {i} (counted from 0), column {name!r}, is no number: {value!r}. Nothing was "
                    "changed: convert dates and the like to numbers or text, or leave the column out."
                ) from error
        numbers = np.array(values, np.float64)
    if np.isinf(numbers).any():
        raise _infinite(int(np.flatnonzero(np.isinf(numbers))[0]), name)
    numbers = numbers + 0.0  # no -0.0
    numbers[np.isnan(numbers)] = np.nan  # NaN has one form
    return numbers


def _infinite(row: int, name: str) -> NonFiniteError:
    return NonFiniteError(
        f"The value in row {row} (counted from 0), column {name!r}, is infinite. Nothing was changed: mark it as "
        "missing, or drop the row."
    )


def _categories(frame, name) -> Category:
    series = _series(frame, name)
    if isinstance(series, np.ndarray) and series.dtype.kind in "fiub" and not np.isinf(series).any():
        return category_of(series)
    codes: list[int] = []
    seen: dict = {}  # equal values of any type are one key, as equal labels are
    for i, value in enumerate(_values(frame, name)):
        try:
            code = seen.get(value)
            if code is None:
                code = -1 if is_missing(value) else seen.setdefault(canonical_label(value), len(seen))
                if code >= 0 and value in (np.inf, -np.inf):
                    raise _infinite(i, name)
        except TypeError as error:
            raise TableError(
                f"The value in row {i} (counted from 0), column {name!r}, is neither a number nor text: {value!r}. "
                "Nothing was changed."
            ) from error
        codes.append(code)
    return Category(np.array(codes, np.int64), [*seen])
