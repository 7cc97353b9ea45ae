"""Values on a grid, and how far means and deviations may move until one of them is another."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sqlearn.engine.chains.margins import Margins, Source, Terms
from sqlearn.engine.chains.order import FixedOrder, Values
from sqlearn.engine.chains.table import Category, Number
from sqlearn.engine.kernels import kernel
from sqlearn.engine.ordered import Ordered, OrderView
from sqlearn.engine.rounds import dithers

_COARSE = 5  # octaves from a deviation to the step of its grid; that of means is twice as wide
_OF_SIZE = 48  # octaves from a value to the step of a grid for values that differ by rounding alone
_ERROR = 2.0**-46  # far more than what rounding makes of a sum of a few terms
_EPSILON = 2.0**-52
_NEAR_ZERO = 2.0**-1000  # far more than what a number below float64's normal ones loses
QUARTILES = np.array([0.25, 0.75])
_AROUND = np.array([0.5 - 2.0**-7, 0.5 + 2.0**-7])
_LEAST = math.ulp(0.0)  # the least positive number
_SMALL, _LARGE = 2.0**-900, 2.0**900  # between these, what is lost below the normal numbers is less than `_ERROR`


@dataclass
class Rounded:
    """Values on a grid.

    Attributes
    ----------
    values : float64[d]
        The values, rounded.
    low, high : float64[d]
        Those between these bounds are rounded to the same, while the deviations stay between theirs.
    least, most : float64[d]
        The bounds of the deviations; NaN where nothing can be said.
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    least: np.ndarray
    most: np.ndarray


def on_grid(values: np.ndarray, deviations: np.ndarray, seed: int, *, is_scale: bool = False) -> Rounded:
    """Values rounded so that one record seldom changes them: to a fraction of a deviation.

    Means are rounded to a 16th to an eighth of it, scales to a 32nd to a 16th of it. Where there is no deviation all
    values are equal, and a mean is what they are; where there is so little that rounding may be all of it, it has
    48 bits.

    Parameters
    ----------
    values, deviations : float64[d]
        What is rounded, and the deviations of the columns; NaN is left alone.
    seed : int
        Seed of the grids' offsets.
    is_scale : bool, default=False
        Whether these are scales.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        exponents = np.frexp(deviations)[1]
        fine = np.maximum(np.ldexp(1.0, exponents - _COARSE + (not is_scale)), _LEAST)
        step = np.maximum(fine, 0.0 if is_scale else np.ldexp(1.0, np.frexp(values)[1] - _OF_SIZE))
        offsets = dithers(len(values), seed)
        cells = np.floor(values / step + offsets)
        low, high = (cells - offsets) * step, (cells + 1 - offsets) * step
        varies = deviations > 0
        known = varies & (step == fine)
        least = np.where(known, np.ldexp(0.5, exponents), np.where(deviations == 0, 0.0, np.nan))
        most = np.where(known, np.ldexp(1.0, exponents), least)
    return Rounded(
        np.where(varies, cells * step, values), np.where(varies, low, -np.inf), np.where(varies, high, np.inf), least,
        most,
    )  # fmt: skip


@kernel
def _hold(first, second, starts, sources, factors, centres, gaps, low, high, least, most):
    """Whether all means and deviations are clearly between their bounds; those of no deviation are not looked at.

    All comparisons are false for NaN, which comes of sums beyond the range of float64.
    """
    weight = first[0]
    if not weight > _SMALL:
        return False
    for k in range(len(low)):
        if most[k] == 0.0:
            continue
        linear, size, square = 0.0, 0.0, 0.0
        for a in range(starts[k], starts[k + 1]):
            factor, power = factors[a], second[sources[a]]
            if not (_SMALL < factor * factor < _LARGE and (power > _SMALL or power == 0.0)):
                return False
            linear += factor * first[sources[a]]
            size += abs(factor * first[sources[a]]) + (abs(factor) + 1.0) * _NEAR_ZERO
            square += factor * factor * power
        c, w = centres[k], weight - (first[gaps[k]] if gaps[k] > 0 else 0.0)
        if not w > _ERROR * weight:
            return False
        mean = (linear + c * weight) / w
        doubt = (square + 2.0 * abs(c) * size + c * c * weight) / w
        variance = (square + 2.0 * c * linear + c * c * weight) / w - mean * mean
        size = (size + abs(c) * weight) / w
        # the weight that is left where some are missing has a relative error of its own
        error = size * _ERROR * (weight / w)
        doubt = (doubt + size * size) * _ERROR * (weight / w)
        small, large = variance - doubt, variance + doubt
        noise = weight * (abs(mean) + error) * _EPSILON
        if not (small > _SMALL and small * w > _SMALL and small > 4.0 * (noise * noise + weight * _EPSILON * large)):
            return False
        deviation = math.sqrt(small)
        if not (mean - error > low[k] and mean + error < high[k] and deviation > least[k]):
            return False
        if not math.sqrt(large) * (1.0 + _ERROR) < most[k]:
            return False
    return True


def _float(exact: Fraction) -> float:
    """The number in float64: infinite beyond its range, and 0 for 0 alone."""
    try:
        return float(exact) or (math.ulp(0.0) if exact else 0.0)
    except OverflowError:
        return math.inf


class Watch:
    """Bounds of means and deviations between which all that was rounded stays as it is.

    While it holds, steps read anew from the same variables make the same map:

    - Of a column that varies, the exponent of its deviation stays, and so does the step of both grids; the mean and
      the deviation stay in their cells. All of that is tested with room for what float64 loses. The step of a mean is
      that of its deviation, not of its size: where both are close, the variance is lost in the doubt about it. A mean
      of 0 is rounded to 0 by any step.
    - It was told from rounding when it was read, or nothing is said (`is_blind`); it is when `holds` is asked, with a
      margin of 4 in the variance.
    - A column without deviation has one value, compared exactly, so its mean is the same, and its variance 0. One whose
      deviation is lost below float64's range is read anew each time.
    - A column of which all values are missing is dropped by imputers. Where means are not watched, it is asked for.
    - Which columns are selected is asked anew and compared.
    - What is read from values in order, and the category that most records have, are read anew and compared.

    Categories and columns that miss values are no business of its: they are other variables.

    Attributes
    ----------
    is_blind : bool
        Whether something was read that has no such bounds.
    """

    def __init__(self) -> None:
        self.is_blind = False
        self._columns: list[tuple[Terms, int, list[float], Fraction | None]] = []
        self._fills: list[tuple[int, bool]] = []  # variables of what is missing, and whether that is all
        self._ordered: list[tuple[list[Callable[[Ordered], Values]], Callable[[OrderView], np.ndarray], bytes]] = []
        self._frequent: list[tuple[list[int], int]] = []  # variables of categories, and the place of the chosen one
        self._chosen: list[tuple[Callable[[Source, list[Terms]], np.ndarray], list[Terms], bytes]] = []
        self._arrays: tuple[np.ndarray, ...] | None = None

    def add(self, table: Margins, mean: Rounded, deviation: Rounded | None = None) -> None:
        """Watch the numbers of a table: their means and, if they are rounded as well, their deviations."""
        for j, column in enumerate(table.columns):
            if not isinstance(column, Number):
                continue
            bounds = [mean.low[j], mean.high[j], mean.least[j], mean.most[j]]
            self.is_blind |= any(map(math.isnan, bounds))
            if deviation is not None and mean.most[j] > 0:
                # a scale that is no deviation is 1, of what may be rounding alone
                self.is_blind |= not deviation.most[j] > 0
                bounds[2:] = max(bounds[2], deviation.low[j]), min(bounds[3], deviation.high[j])
            gap, constant = self._gap(table, column), None
            terms = table.origins[column.value]
            if bounds[3] == 0.0:
                constant = table.constant_of({column.value: Fraction(1)}, column.missing or 0)
                self.is_blind |= constant is None
            self._columns.append((terms, gap, [float(bound) for bound in bounds], constant))

    def add_fills(self, table: Margins) -> None:
        """Watch whether any number of a table has no value at all."""
        for column in table.columns:
            if isinstance(column, Number):
                gap = self._gap(table, column)
                if not self.is_blind:
                    self._fills.append((gap, table.is_empty(column.missing or 0)))

    def add_order(self, table: Margins, read: Callable[[OrderView], np.ndarray]) -> None:
        """Watch what is read from the values of a table in their order."""
        columns = [column.order for column in table.columns if isinstance(column, Number) and column.order is not None]
        found = read(OrderView(FixedOrder(columns, columns[0].size + columns[0].missing)))
        self._ordered.append(([column.again for column in columns], read, found.tobytes()))

    def add_frequent(self, table: Margins) -> None:
        """Watch which category of each column most records have."""
        for column in table.columns:
            if isinstance(column, Category):
                origins = [table.origins[variable] for _, variable in column.levels]
                self.is_blind |= any(len(own) != 1 for own in origins)
                variables = [next(iter(own), 0) for own in origins]
                if variables and not self.is_blind:
                    self._frequent.append((variables, _first_greatest(table, variables)))

    def add_choice(self, table: Margins, choose: Callable[[Source, list[Terms]], np.ndarray]) -> None:
        """Watch which columns are chosen: by the sums of the records, and each column in terms of what came in."""
        terms = [table.origins[column.value] for column in table.columns if isinstance(column, Number)]
        self._chosen.append((choose, terms, choose(table.source, terms).tobytes()))

    def _gap(self, table: Margins, column: Number) -> int:
        """The variable of the records that is 1 where a column is missing; 0 where it never is."""
        if column.missing is None:
            return 0
        own = table.origins[column.missing]
        gap = next(iter(own))
        self.is_blind |= own != {gap: 1}
        return gap

    def holds(self, margins: Margins) -> bool:
        """Whether records with these margins change nothing that was rounded."""
        if self.is_blind or any(margins.is_empty(gap) != was for gap, was in self._fills):
            return False
        first, second = (np.array([*map(_float, sums)]) for sums in (margins.first, margins.second))
        if self._arrays is None:
            self._arrays = self._compiled()
        if not bool(_hold(first, second, *self._arrays)) or not self._order_holds(margins.source.order):
            return False
        if any(_first_greatest(margins, variables) != chosen for variables, chosen in self._frequent):
            return False
        if any(choose(margins.source, terms).tobytes() != was for choose, terms, was in self._chosen):
            return False
        return all(
            margins.constant_of(terms, gap) == constant
            for terms, gap, bounds, constant in self._columns
            if bounds[3] == 0.0
        )

    def _order_holds(self, order: Ordered | None) -> bool:
        for again, read, was in self._ordered:
            assert order is not None
            columns = [one(order) for one in again]
            view = OrderView(FixedOrder(columns, columns[0].size + columns[0].missing))
            if read(view).tobytes() != was:
                return False
        return True

    def _compiled(self) -> tuple[np.ndarray, ...]:
        linear = [[(k, _float(f)) for k, f in terms.items() if k] for terms, _, _, _ in self._columns]
        flat = [term for own in linear for term in own]
        bounds = np.array([own for _, _, own, _ in self._columns], np.float64).reshape(-1, 4)
        return (
            np.append(0, np.cumsum([len(own) for own in linear])).astype(np.int64),
            np.array([k for k, _ in flat], np.int64), np.array([f for _, f in flat], np.float64),
            np.array([_float(terms.get(0, Fraction(0))) for terms, _, _, _ in self._columns], np.float64),
            np.array([gap for _, gap, _, _ in self._columns], np.int64), *np.ascontiguousarray(bounds.T),
        )  # fmt: skip


def _first_greatest(margins: Margins, variables: list[int]) -> int:
    """The place of the variable of the greatest sum, the first of several."""
    sums = [margins.first[variable] for variable in variables]
    return sums.index(max(sums))


def settled_medians(view: OrderView, seed: int) -> np.ndarray:
    """Medians rounded to a 16th to an eighth of the range of the middle half; as they are where many share them."""
    return settled_centres(view, view.quantiles(QUARTILES), seed)


def settled_centres(view: OrderView, ends: np.ndarray, seed: int) -> np.ndarray:
    """Medians on a grid, float64[d]: rounded so that one record seldom changes them.

    To a 16th to an eighth of the range between two quantiles. A median that is the value of at least a 64th of the
    records around it is left as it is, and so is one where that range is 0.

    Parameters
    ----------
    view : OrderView
        The values.
    ends : float64[2, d]
        The two quantiles.
    seed : int
        Seed of the grids' offsets.
    """
    medians, around = view.medians(), view.quantiles(_AROUND, "inverted_cdf")
    with np.errstate(invalid="ignore", over="ignore"):
        ranges = ends[1] - ends[0]
    is_free = (around[0] != around[1]) & np.isfinite(ranges)
    rounded = on_grid(medians, np.where(is_free, ranges, 0.0), seed).values
    return np.where(np.isnan(medians), np.nan, rounded)
