"""What steps that work column by column see: exact moments of each column, without products of different columns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from sqlearn.engine.arithmetic import integers
from sqlearn.engine.chains.order import ordered_columns
from sqlearn.engine.chains.table import Category, Column, Number, Table, fixed_mixed, fixed_moments
from sqlearn.engine.ordered import Ordered
from sqlearn.engine.readout import GramView, LinearMap
from sqlearn.engine.sums import Mixed, Statistic

Terms = dict[int, Fraction]  # factors of variables, of the constant one for 0
_NOTHING = Fraction(1, 3)  # no value of float64: what there is where all values are missing


def _composed(terms: Terms, origins: list[Terms]) -> Terms:
    """A linear combination of variables in terms of what those are made of."""
    found: Terms = {}
    for source, factor in terms.items():
        for origin, own in origins[source].items():
            found[origin] = found.get(origin, Fraction(0)) + factor * own
    return {origin: factor for origin, factor in found.items() if factor}


def moments_of_terms(
    terms: Terms, first: list[Fraction], second: list[Fraction]
) -> tuple[Fraction, Fraction]:  # fmt: skip
    """The sum of a linear combination of variables and that of its square, from theirs.

    No two of them are other than 0 in one record, but for the constant one.
    """
    weight, centre = first[0], terms.get(0, Fraction(0))
    own = [(factor, source) for source, factor in terms.items() if source]
    linear = sum((factor * first[source] for factor, source in own), Fraction(0))
    square = sum((factor * factor * second[source] for factor, source in own), Fraction(0))
    return linear + centre * weight, square + 2 * centre * linear + centre * centre * weight


def _exact(statistic: Statistic, slots: np.ndarray | None = None) -> list[list[Fraction]]:
    """The sums of these slots; of all slots as one for None."""
    digits, low = statistic.digits(slots)
    unit = Fraction(2) ** (32 * low)
    return [[number * unit for number in integers(own)] for own in digits]


@dataclass
class SumsOf:
    """The sums of some records, of the variables that came in.

    Attributes
    ----------
    first, second : list of Fraction
        The weighted sum of each variable, and of its square.
    count : int
        Number of records of positive weight.
    """

    first: list[Fraction]
    second: list[Fraction]
    count: int


@dataclass
class Source:
    """What came in.

    Attributes
    ----------
    whole : SumsOf
        The sums of all records.
    classes : list of SumsOf
        Those of each class, where some step asks for them.
    order : Ordered or None
        The values of numbers in order, where some step asks for them.
    """

    whole: SumsOf
    classes: list[SumsOf] = field(default_factory=list)
    order: Ordered | None = None


def _digits(values: Sequence[Fraction]) -> tuple[np.ndarray, int]:
    """Balanced digits of numbers whose denominators are powers of two, int64[n, L], and the index of the lowest."""
    low = -((max(value.denominator.bit_length() for value in values) + 30) // 32)
    whole = [int(value * (1 << (-32 * low))) for value in values]
    digits = np.zeros((len(whole), max(number.bit_length() for number in whole) // 32 + 2), np.int64)
    for i, number in enumerate(whole):
        for place in range(digits.shape[1]):
            digits[i, place] = digit = ((number + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            number = (number - digit) >> 32
    return digits, low


class Margins(Table):
    """A table of which the moments of each variable are known, and no products of different ones.

    Variables of one column are never both other than 0 in a record (a number and that it is missing; categories). So
    the moments of a linear combination of them follow from theirs.

    Parameters
    ----------
    first, second : list of Fraction
        The weighted sum of each variable, and of its square; variable 0 is the constant one.
    columns : list of Number or Category
        The columns; variables are counted from 1.
    record_counts : int64[1]
        Number of records of positive weight.
    origins : list of dict, optional
        Each variable in terms of those that came in; by default, these are those.
    source : Source, optional
        What came in; by default, this.
    """

    is_exact = False  # what stands for missing values lies on a grid

    def __init__(
        self, first: list[Fraction], second: list[Fraction], columns: list[Column], record_counts: np.ndarray,
        origins: list[Terms] | None = None, source: Source | None = None,
    ) -> None:  # fmt: skip
        self.source = source or Source(SumsOf(first, second, int(record_counts.sum())))
        self.first, self.second, self.columns, self.record_counts = first, second, columns, record_counts
        self.origins = [{k: Fraction(1)} for k in range(len(first))] if origins is None else origins

    @classmethod
    def of_numbers(cls, moments: Statistic) -> "Margins":
        """Of numbers none of which is missing, with moments in the cells ``[w, w x, w x x]``."""
        (values,) = _exact(moments)
        d = len(values) // 2
        columns: list[Column] = [Number(1 + j) for j in range(d)]
        return cls(values[: 1 + d], [values[0], *values[1 + d :]], columns, moments.record_counts.sum(keepdims=True))

    @classmethod
    def of_table(
        cls, sums: Mixed, labels: list[tuple[int, Any]], n_categorical: int, order: Ordered | None = None,
        ranked: Sequence[int] = (), slots: np.ndarray | None = None,
    ) -> "Margins":  # fmt: skip
        """Of numbers and categories, as :class:`~sqlearn.engine.tables.rounds.TableRounds` sums them.

        `labels` are the levels held, sorted: the categories of column j at place 2 j, that it is missing at 2 j + 1.
        `order` has the values of the numbers `ranked`; `slots` are those of the classes whose sums are wanted.
        """

        def variables(
            values: list[Fraction], gaps: list[Fraction], weights: list[Fraction]
        ) -> tuple[list[Fraction], list[Fraction]]:  # fmt: skip
            rest = [gaps[1 + j] for j in absent] + [weights[1 + of_label[label]] for label in labels]
            return [*values[: 1 + d], *rest], [values[0], *values[1 + d :], *rest]

        members = sums.moments, sums.missing, sums.categories
        ((values, gaps, weights),) = zip(*map(_exact, members), strict=True)
        d, of_label = sums.n_features, sums.categories.vocabulary.slots
        absent = [j for j, gap in enumerate(gaps[1:]) if gap]
        variable = {j: 1 + d + k for k, j in enumerate(absent)}
        values_of = [None] * d if order is None else ordered_columns(order, ranked, d)
        columns: list[Column] = [Number(1 + j, variable.get(j), values_of[j]) for j in range(d)]
        start = 1 + d + len(absent)
        for j in range(n_categorical):
            held = [(level, start + k) for k, (place, level) in enumerate(labels) if place == 2 * j]
            missing = [start + k for k, (place, _) in enumerate(labels) if place == 2 * j + 1]
            columns.append(Category(tuple(held), missing[0] if missing else None))
        counts = sums.record_counts.sum(keepdims=True)
        first, second = variables(values, gaps, weights)
        source = Source(SumsOf(first, second, int(counts[0])), [], order)
        if slots is not None:
            each = zip(*(_exact(member, slots) for member in members), sums.record_counts[slots].tolist(), strict=True)
            source.classes = [SumsOf(*variables(*own), count) for *own, count in each]
        return cls(first, second, columns, counts, source=source)

    @property
    def views(self) -> list[GramView]:  # type: ignore[override]
        """The first row of the Gram matrix of all records: the sums of the variables."""
        digits, low = _digits(self.first)
        return [GramView(digits, low, len(self.first) - 1, 0)]

    def sums(self) -> list[Fraction]:
        return self.first

    def through(self, forms: LinearMap, columns: list[Column]) -> "Margins":
        """The margins of linear combinations of variables, each of one column, which make up these columns."""
        weight = self.first[0]
        first, second, origins = [weight], [weight], [self.origins[0]]
        for terms in forms.columns():
            origins.append(_composed(terms, self.origins))
            total, square = moments_of_terms(terms, self.first, self.second)
            first.append(total)
            second.append(square)
        return Margins(first, second, columns, self.record_counts, origins, self.source)

    def chosen(self, places: Sequence[int]) -> "Margins":
        """The margins of these columns, which share the variables."""
        columns = [self.columns[place] for place in places]
        return Margins(self.first, self.second, columns, self.record_counts, self.origins, self.source)

    def deviations(self) -> np.ndarray:
        """The deviations of the numbers that are not missing, float64[columns]; 0 without any, and of categories."""
        found = np.zeros(len(self.columns))
        for j, column in enumerate(self.columns):
            if isinstance(column, Number):
                weight = self.first[0] - (0 if column.missing is None else self.first[column.missing])
                total, square = self.first[column.value], self.second[column.value]
                found[j] = math.sqrt((square - total * total / weight) / weight) if weight else 0.0
        return found

    def is_empty(self, gap: int) -> bool:
        """Whether a column has no value at all that is missing where variable `gap` is 1, unless that is 0."""
        return self.first[0] == self.first[gap] if gap else not self.first[0]

    def constant_of(self, terms: Terms, gap: int) -> Fraction | None:
        """What all values of a linear combination of variables are; None if they differ.

        It is missing where variable `gap` is 1, unless that is 0.
        """
        total, power = moments_of_terms(terms, self.first, self.second)
        left = self.first[0] - (self.first[gap] if gap else 0)
        if not left:
            return _NOTHING
        return total / left if power * left == total * total else None

    def constants(self, places: Sequence[int]) -> np.ndarray:
        """What all values of these numbers are, float64[places], rounded once; NaN where they differ or there are none.

        A mean of float64's would depend on how many there are.
        """
        found = np.full(len(places), np.nan)
        for k, place in enumerate(places):
            column = self.columns[place]
            assert isinstance(column, Number)
            constant = self.constant_of({column.value: Fraction(1)}, column.missing or 0)
            if constant is not None and constant != _NOTHING:
                found[k] = float(constant)
        return found

    def statistic(self, with_targets: bool = False) -> Statistic:
        """The statistic that a step would have after learning the records, of numbers alone."""
        numbers = [column for column in self.columns if isinstance(column, Number)]
        if self.source.classes:
            counts = np.array([own.count for own in self.source.classes], np.int64)
            each = [
                [moments_of_terms(terms, own.first, own.second) for terms in self.origins]
                for own in self.source.classes
            ]
        else:
            counts, each = self.record_counts, [list(zip(self.first, self.second, strict=True))]
        cells, gaps = [], []
        for sums in each:
            own = [sums[column.value] for column in numbers]
            cells += [sums[0][0], *(first for first, _ in own), *(second for _, second in own)]
            gaps += [sums[0][0], *(Fraction(0) if c.missing is None else sums[c.missing][0] for c in numbers)]
        digits, low = _digits(cells)
        moments = fixed_moments(digits.reshape(len(each), -1, digits.shape[1]), low, len(numbers), counts)
        if all(column.missing is None for column in numbers):
            return moments
        missing, missing_low = _digits(gaps)
        return fixed_mixed(moments, missing.reshape(len(each), -1, missing.shape[1]), missing_low)
