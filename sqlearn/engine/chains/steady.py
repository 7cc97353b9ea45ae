"""Values on a grid, and how far means and deviations may move until one of them is another."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sqlearn.engine.chains.margins import Margins, Terms
from sqlearn.engine.chains.table import Number
from sqlearn.engine.kernels import kernel
from sqlearn.engine.rounds import dithers

_COARSE = 5  # octaves from a deviation to the step of its grid; that of means is twice as wide
_OF_SIZE = 48  # octaves from a value to the step of a grid for values that differ by rounding alone
_ERROR = 2.0**-46  # far more than what rounding makes of a sum of a few terms
_EPSILON = 2.0**-52


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
        fine = np.ldexp(1.0, exponents - _COARSE + (not is_scale))
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
    """Whether all means and deviations are clearly between their bounds; those of no deviation are not looked at."""
    weight = first[0]
    for k in range(len(low)):
        if most[k] == 0.0:
            continue
        linear, size, square = 0.0, 0.0, 0.0
        for a in range(starts[k], starts[k + 1]):
            linear += factors[a] * first[sources[a]]
            size += abs(factors[a] * first[sources[a]])
            square += factors[a] * factors[a] * second[sources[a]]
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
        if not (small > 0.0 and small > 4.0 * (noise * noise + weight * _EPSILON * large)):
            return False
        deviation = math.sqrt(small)
        if not (mean - error > low[k] and mean + error < high[k] and deviation > least[k]):
            return False
        if not math.sqrt(large) * (1.0 + _ERROR) < most[k]:
            return False
    return True


class Watch:
    """Bounds of means and deviations between which all that was rounded stays as it is.

    Attributes
    ----------
    is_blind : bool
        Whether something was read that has no such bounds.
    """

    def __init__(self) -> None:
        self.is_blind = False
        self._columns: list[tuple[Terms, int, list[float], Fraction | None]] = []
        self._arrays: tuple[np.ndarray, ...] | None = None

    def add(self, table: Margins, mean: Rounded, deviation: Rounded | None = None) -> None:
        """Watch the numbers of a table: their means and, if they are rounded as well, their deviations."""
        for j, column in enumerate(table.columns):
            if not isinstance(column, Number):
                continue
            bounds = [mean.low[j], mean.high[j], mean.least[j], mean.most[j]]
            if deviation is not None and mean.most[j] > 0:
                bounds[2:] = max(bounds[2], deviation.low[j]), min(bounds[3], deviation.high[j])
            if any(map(math.isnan, bounds)):
                self.is_blind = True
            gap = 0
            if column.missing is not None:
                own = table.origins[column.missing]
                gap = next(iter(own))
                self.is_blind |= own != {gap: 1}
            terms = table.origins[column.value]
            constant = table.constant_of({column.value: Fraction(1)}, column.missing or 0) if bounds[3] == 0.0 else None
            self._columns.append((terms, gap, [float(bound) for bound in bounds], constant))

    def holds(self, margins: Margins) -> bool:
        """Whether records with these margins change nothing that was rounded."""
        if self.is_blind:
            return False
        first, second = (np.array([*map(float, sums)]) for sums in (margins.first, margins.second))
        if self._arrays is None:
            self._arrays = self._compiled()
        return bool(_hold(first, second, *self._arrays)) and all(
            margins.constant_of(terms, gap) == constant
            for terms, gap, bounds, constant in self._columns
            if bounds[3] == 0.0
        )

    def _compiled(self) -> tuple[np.ndarray, ...]:
        linear = [[(k, float(f)) for k, f in terms.items() if k] for terms, _, _, _ in self._columns]
        flat = [term for own in linear for term in own]
        bounds = np.array([own for _, _, own, _ in self._columns], np.float64).reshape(-1, 4)
        return (
            np.append(0, np.cumsum([len(own) for own in linear])).astype(np.int64),
            np.array([k for k, _ in flat], np.int64), np.array([f for _, f in flat], np.float64),
            np.array([float(terms.get(0, Fraction(0))) for terms, _, _, _ in self._columns], np.float64),
            np.array([gap for _, gap, _, _ in self._columns], np.int64), *np.ascontiguousarray(bounds.T),
        )  # fmt: skip
