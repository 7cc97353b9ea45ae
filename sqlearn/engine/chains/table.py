"""What a step of a chain sees: the exact Gram matrix of its input, and what the columns of that are made of."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar

import numpy as np

from sqlearn.engine.arithmetic import integers, normalized
from sqlearn.engine.chains.order import FixedOrder, Ranked, Values
from sqlearn.engine.readout import GramView, LinearMap, aligned, grams_of
from sqlearn.engine.sums import Gram, Mixed, Moments, Statistic, Sums, packed_cell
from sqlearn.engine.tables import FixedGram, TableGram


@dataclass(frozen=True)
class Number:
    """A column of numbers.

    Attributes
    ----------
    value : int
        The variable that has its values, and 0 where one is missing.
    missing : int or None
        The variable that is 1 where one is missing; None if none is.
    order : Values or None
        The values in their order, where they are kept.
    """

    value: int
    missing: int | None = None
    order: Values | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Category:
    """A column of categories.

    Attributes
    ----------
    levels : tuple of (category, int)
        Its categories, sorted, and the variable that is 1 where a record has it.
    missing : int or None
        The variable that is 1 where it is missing; None if it is nowhere.
    """

    levels: tuple[tuple[object, int], ...]
    missing: int | None = None


Column = Number | Category


@dataclass
class Table:
    """Exact Gram matrices of ``[1, variables, targets]``, and the columns that the variables make up.

    Attributes
    ----------
    views : list of GramView
        The matrix of each slot, in the order of the labels.
    columns : list of Number or Category
        The columns; variables are counted from 1.
    record_counts : int64[slots]
        Number of records of positive weight.
    """

    views: list[GramView]
    columns: list[Column]
    record_counts: np.ndarray

    is_exact: ClassVar[bool] = True  # whether means may stand for missing values without being rounded

    @classmethod
    def of(cls, statistic: Statistic, slots: np.ndarray, n_categorical: int = 0) -> "Table":
        """From the sums of the records; `n_categorical` is the number of categorical columns of a table."""
        order: list[Values | None] = [None] * statistic.n_features
        if isinstance(statistic, Ranked):
            order, statistic = statistic.columns(), statistic.sums
        assert isinstance(statistic, Gram | TableGram)
        d, counts = statistic.n_features, statistic.record_counts[slots]
        if isinstance(statistic, Gram):  # which TableGram is not
            return cls(grams_of(statistic, slots), [Number(1 + i, None, order[i]) for i in range(d)], counts)
        digits, low = statistic.digits(slots)
        labels = statistic.vocabulary.labels()
        width, t = d + len(labels), statistic.n_targets
        views = [GramView(own, low, width, t) for own in digits]
        variable = {label: 1 + d + k for k, label in enumerate(labels)}
        columns: list[Column] = [Number(1 + i, variable.get((i, 0)), order[i]) for i in range(d)]
        for j in range(n_categorical):
            place = statistic.place(j)
            levels = tuple((label[1], own) for label, own in variable.items() if label[0] == place)
            columns.append(Category(levels, variable.get((place + 1, 0))))
        return cls(views, columns, counts)

    def sums(self) -> list[Fraction]:
        """The sums of the variables over all slots; the first one is the weight."""
        digits, low = _stacked(self.views)
        unit = Fraction(2) ** (32 * low)
        return [number * unit for number in integers(normalized(digits[:, : self.views[0].width].sum(axis=0)))]

    def through(self, forms: LinearMap, columns: list[Column]) -> "Table":
        """The table of these linear combinations of variables, which make up these columns."""
        return Table([forms.applied(view) for view in self.views], columns, self.record_counts)

    def chosen(self, places: Sequence[int]) -> "Table":
        """The table of these columns, which share the variables."""
        return Table(self.views, [self.columns[place] for place in places], self.record_counts)

    @property
    def is_plain(self) -> bool:
        """Whether all columns are numbers, none of which is missing."""
        return all(isinstance(column, Number) and column.missing is None for column in self.columns)

    def empty(self) -> Statistic:
        """A statistic of no variables: for a step that is read from the table itself."""
        digits, low = _stacked([GramView(view.digits[:1], view.low, 0, 0) for view in self.views])
        return FixedGram(digits, low, self.record_counts, 0, 0)

    def order(self) -> FixedOrder:
        """The values of the columns, in their order."""
        found = [column.order for column in self.columns if isinstance(column, Number) and column.order is not None]
        assert len(found) == len(self.columns)
        return FixedOrder(found, found[0].size + found[0].missing)

    def statistic(self, with_targets: bool) -> Statistic:
        """The statistic that a learner would have after learning the records, of numbers alone: with their targets?"""
        numbers = [column for column in self.columns if isinstance(column, Number)]
        values = [0, *(column.value for column in numbers)]
        digits, low = _stacked(self.views)
        width = self.views[0].width
        if all(column.missing is None for column in numbers):
            t = self.views[0].n_targets if with_targets else 0
            variables = (*values, *range(width - t, width))
            if variables != tuple(range(width)):
                digits = digits.take(_triangle(variables, width), axis=1)
            return FixedGram(digits, low, self.record_counts, len(numbers), t)
        return _mixed_of(digits, low, width, numbers, self.record_counts)


def _stacked(views: list[GramView]) -> tuple[np.ndarray, int]:
    """Digits of all these matrices in one array, not to be written to, and the index of the lowest."""
    if len(views) == 1:
        return views[0].digits[None], views[0].low
    digits, low = aligned(*((view.digits, view.low) for view in views))
    return np.stack(digits), low


@lru_cache(16)  # reading a chain again asks for the same ones
def _triangle(variables: tuple[int, ...], width: int) -> np.ndarray:
    """The cells of a packed triangle that belong to these variables, as the packed triangle of them alone."""
    chosen = np.array(variables)
    i, j = np.triu_indices(len(chosen))
    first, second = chosen[i], chosen[j]
    return packed_cell(np.minimum(first, second), np.maximum(first, second), width)


class _Fixed(Statistic):
    """Sums made elsewhere, for a read-out to look at."""

    def __init__(self, digits: np.ndarray, low: int, record_counts: np.ndarray, n_features: int):
        self.n_features, self.n_targets, self.record_counts = n_features, 0, record_counts
        self._whole = FixedGram(digits, low, record_counts, n_features, 0)

    def digits(self, slots=None):
        return self._whole.digits(slots)


def fixed_moments(digits: np.ndarray, low: int, n_features: int, record_counts: np.ndarray) -> Moments:
    """Moments whose digits, int64[slots, cells, L], were made elsewhere."""
    return _FixedMoments(digits, low, record_counts, n_features)


def fixed_mixed(moments: Moments, missing: np.ndarray, low: int) -> Mixed:
    """Such moments, with digits of the weights of all records and of those in which each number is missing."""
    return _FixedMixed(moments, _FixedSums(missing, low, moments.record_counts, moments.n_features))


class _FixedMoments(_Fixed, Moments):
    """Moments made elsewhere."""


class _FixedSums(_Fixed, Sums):
    """Sums made elsewhere."""


class _FixedMixed(Mixed):
    """Moments of numbers some of which are missing, made elsewhere."""

    def __init__(self, moments: Moments, missing: Sums):
        self.n_features, self.n_targets = moments.n_features, 0
        self.moments, self.missing = moments, missing

    @property
    def members(self):
        return self.moments, self.missing

    def copy(self):
        return copy.copy(self)


def _mixed_of(digits: np.ndarray, low: int, width: int, numbers: list[Number], record_counts: np.ndarray) -> Mixed:
    """Moments of numbers some of which are missing, from digits of whole Gram matrices of this order."""
    values = np.array([column.value for column in numbers])
    cells = [0, *values, *packed_cell(values, values, width)]
    missing = np.zeros((len(digits), 1 + len(numbers), digits.shape[2]), np.int64)
    missing[:, 0] = digits[:, 0]
    for j, column in enumerate(numbers):
        if column.missing is not None:
            missing[:, 1 + j] = digits[:, column.missing]
    moments = fixed_moments(np.ascontiguousarray(digits[:, cells]), low, len(numbers), record_counts)
    return fixed_mixed(moments, missing, low)
