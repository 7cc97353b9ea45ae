"""From exact sums to float64: weights, means, variances, differences of means, each rounded once at the end."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from sqlearn.engine.arithmetic import (
    add_product,
    fill_pairs,
    integers,
    many_numbers,
    nearest,
    normalized,
    round_pair,
    to_pairs,
)
from sqlearn.engine.kernels import kernel, only_read
from sqlearn.engine.readout.rounding import aligned, as_float
from sqlearn.engine.sums import Categories, Gram, Mixed, Moments, Statistic, Sums, packed_cell


@kernel
def _determinants(a, b, c, d, hi, lo, exponents):
    """``a * d - b * c`` of each cell, rounded to pairs; all int64[cells, L] digits of one lowest index."""
    length = 2 * a.shape[1] + 2
    out = np.empty(length, np.int64)
    scratch = np.empty(length, np.int64)
    for i in range(a.shape[0]):
        out[:] = 0
        add_product(out, a[i], d[i], 1)
        add_product(out, b[i], c[i], -1)
        hi[i], lo[i], exponents[i] = round_pair(out, scratch)


@dataclass
class MomentsView:
    """Weights and moments of some slots, exact, and what is read from them.

    Attributes
    ----------
    weights, first, second : int64[slots, d, L]
        Digits of ``sum w``, ``sum w x`` and ``sum w x**2``; the weight may differ from feature to feature.
    low : int
        Index of the lowest digit.
    """

    weights: np.ndarray
    first: np.ndarray
    second: np.ndarray
    low: int

    @classmethod
    def of_cells(cls, digits: np.ndarray, low: int, n_features: int) -> "MomentsView":
        """The moments in the cells of :class:`~sqlearn.engine.sums.moments.Moments`, int64[slots, 1 + 2 * d, L]."""
        weights = np.broadcast_to(digits[:, :1], (len(digits), n_features, digits.shape[2]))
        return cls(weights, digits[:, 1 : 1 + n_features], digits[:, 1 + n_features :], low)

    def _pairs(self, digits):
        if _is_repeated(digits):
            return [np.broadcast_to(part, digits.shape[:2]) for part in to_pairs(digits[:, :1], self.low)]
        return to_pairs(digits, self.low)

    def weight(self) -> np.ndarray:
        """float64[slots, d]."""
        digits = self.weights[:, :1] if _is_repeated(self.weights) else self.weights
        found = as_float(nearest(digits, self.low), 0, "A sum of weights")
        return np.repeat(found, self.weights.shape[1], axis=1) if digits is not self.weights else found

    def mean(self) -> np.ndarray:
        """float64[slots, d]; NaN where the weight is 0."""
        s, _, s_exponent = self._pairs(self.first)
        w, _, w_exponent = self._pairs(self.weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = s / w
        return np.where(w == 0, np.nan, np.ldexp(np.where(w == 0, 0.0, ratio), s_exponent - w_exponent))

    def variance(self) -> np.ndarray:
        """``sum w (x - mean)**2 / sum w``, float64[slots, d], centred before rounding; NaN where the weight is 0."""
        return self._quotient(self.weights, self.first, self.first, self.second, "A variance")

    def varies(self) -> np.ndarray:
        """Whether there are two different values, bool[slots, d]: exactly, even where the variance rounds to 0."""
        numbers = zip(*map(_integers, (self.weights, self.first, self.second)), strict=True)
        return np.array([w * s != f * f for w, f, s in numbers], bool).reshape(self.first.shape[:2])

    def deviation(self, whole: "MomentsView | None" = None) -> np.ndarray:
        """Each slot's mean less that of all slots, subtracted before rounding: float64[slots, d], NaN for weight 0.

        `whole` is the one slot to compare with, where that is not the sum of the slots.
        """
        weights, first = (np.pad(a, [(0, 0), (0, 0), (0, 2)]) for a in (self.weights, self.first))
        if whole is None:
            sums = [normalized(a.sum(axis=0)) for a in (self.weights, self.first)]
        else:
            sums = [np.pad(a, [(0, 0), (0, 0), (0, 2)])[0] for a in (whole.weights, whole.first)]
        total, totals = (np.broadcast_to(a, first.shape) for a in sums)
        padded = replace(self, weights=weights, first=first)
        return padded._quotient(total, totals, weights, first, "A difference of means")

    def _quotient(self, a, b, c, d, what: str) -> np.ndarray:
        """``(a * d - b * c) / (a * weights)`` of int64[slots, d, L] digits: float64[slots, d], NaN for weight 0."""
        shape = self.first.shape[:2]
        hi, lo, exponents = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
        if self.first.shape[2]:
            pairs = hi.reshape(-1), lo.reshape(-1), exponents.reshape(-1)
            if many_numbers.is_worth(4 * hi.size):
                flat = [only_read(digits.reshape(-1, self.first.shape[2])) for digits in (a, b, c, d)]
                _determinants(*flat, *pairs)
            else:
                one, other = _integers(a), _integers(b)
                numbers = zip(one, other, other if c is b else _integers(c), _integers(d), strict=True)
                fill_pairs([a * d - b * c for a, b, c, d in numbers], 0, *pairs)
            exponents += 64 * self.low
        w, _, w_exponent = self._pairs(self.weights)
        v, _, v_exponent = (w, None, w_exponent) if a is self.weights else self._pairs(a)
        known = w != 0
        ratio = np.where(known, hi, 0.0) / np.where(known, v * w, 1.0)
        return np.where(known, as_float(ratio, exponents - v_exponent - w_exponent, what), np.nan)


def _is_repeated(digits: np.ndarray) -> bool:
    """Whether int64[slots, d, L] digits have one number per slot, d times."""
    return digits.strides[1] == 0 and digits.shape[1] > 1


def _integers(digits: np.ndarray) -> list[int]:
    """int64[slots, d, L] as slots * d integers."""
    slots, d, length = digits.shape
    if _is_repeated(digits):
        return [number for number in integers(digits[:, 0]) for _ in range(d)]
    return integers(digits.reshape(slots * d, length))


def is_constant(variance: np.ndarray, mean: np.ndarray, weight) -> np.ndarray:
    """Whether features vary so little that rounding of equal values may be all of it: scikit-learn's own bound.

    Such noise is exact here, too, but what divides by its deviation would blow it up.
    """
    eps = np.finfo(np.float64).eps
    with np.errstate(over="ignore"):
        return variance <= weight * eps * variance + (weight * mean * eps) ** 2


def weights_of(statistic: Statistic, slots) -> np.ndarray:
    """The weight of each of these slots, float64[len(slots)]; of all slots together, float64[1], for None."""
    digits, low = statistic.digits(slots)
    return as_float(nearest(digits[:, :1], low), 0, "A sum of weights")[:, 0]


def sums_of(statistic: Sums, slots) -> np.ndarray:
    """The weighted sum of each feature in each of these slots, float64[len(slots), d]."""
    digits, low = statistic.digits(slots)
    return as_float(nearest(digits[:, 1:], low), 0, "A sum")


def others_of(statistic: Sums, slots) -> np.ndarray:
    """The weighted sum of each feature in all of these slots but one, float64[len(slots), d]."""
    digits, low = statistic.digits(slots)
    others = digits[:, 1:].sum(axis=0) - digits[:, 1:]
    return as_float(nearest(normalized(others), low), 0, "A sum")


def categories_of(statistic: Categories, slots, n_columns: int) -> list[tuple[list, np.ndarray]]:
    """Each column's categories, sorted, and their weights in each of these slots, float64[len(slots), n_categories]."""
    digits, low = statistic.digits(slots)
    weights = as_float(nearest(digits, low), 0, "A sum of weights")[:, 1 + statistic.vocabulary.sorted_slots()]
    labels = statistic.vocabulary.labels()
    starts = np.searchsorted([column for column, _ in labels], np.arange(n_columns + 1))
    slices = [slice(*ends) for ends in pairwise(starts)]
    return [([category for _, category in labels[s]], weights[:, s]) for s in slices]


def moments_of(statistic: Moments | Mixed | Gram | Sums, slots) -> MomentsView:
    """The moments of these slots in this order (:class:`Sums` has no second ones); for None, of all slots as one."""
    moments = statistic.moments if isinstance(statistic, Mixed) else statistic
    digits, low = moments.digits(slots)
    d = moments.n_features
    if not isinstance(statistic, Mixed | Gram):
        return MomentsView.of_cells(digits, low, d)
    weights = np.broadcast_to(digits[:, :1], (len(digits), d, digits.shape[2]))
    if isinstance(statistic, Mixed):
        missing, missing_low = statistic.missing.digits(slots)
        (weights, missing, rest), low = aligned((weights, low), (missing[:, 1:], missing_low), (digits[:, 1:], low))
        weights = normalized(weights - missing)
        rest = np.pad(rest, [(0, 0), (0, 0), (0, weights.shape[2] - rest.shape[2])])
    else:
        width = 1 + d + statistic.n_targets
        rest = digits[:, [*range(1, 1 + d), *(packed_cell(i, i, width) for i in range(1, 1 + d))]]
    return MomentsView(weights, rest[:, :d], rest[:, d:], low)
