"""From exact sums to float64: weights, means, variances, centred Gram matrices, each rounded once at the end."""

from dataclasses import dataclass

import numpy as np

from sqlearn.engine.digits import add_product, normalized, round_pair, to_pairs
from sqlearn.engine.kernel import kernel
from sqlearn.engine.statistics import Mixed, Moments, Statistic, Sums
from sqlearn.errors import ReadOutError

__all__ = ["MomentsView", "aligned", "as_float", "label_array", "moments_of", "sums_of", "weights_of"]


def label_array(state) -> np.ndarray:
    """The classes held as scikit-learn's ``classes_``: sorted, int64 or the shortest string type."""
    return np.array(state.labels())


def as_float(mantissa, exponent, what: str) -> np.ndarray:
    """``mantissa * 2**exponent`` as float64.

    Raises
    ------
    ReadOutError
        When a value lies beyond float64's range.
    """
    with np.errstate(over="ignore", under="ignore"):
        values = np.ldexp(mantissa, exponent)
    if not np.isfinite(values).all():
        raise ReadOutError(
            f"{what} lies beyond float64's range, which ends at 1.8e308. The model is intact and holds it exactly: forget the rows with "
            "such values, or scale the features down and fit again."
        )
    return values


@kernel
def _centre(weights, first, second, hi, lo, exponents):
    """``weight * second - first**2`` of each cell, rounded to pairs; all int64[cells, L] digits of one lowest index."""
    length = 2 * second.shape[1] + 2
    out = np.empty(length, np.int64)
    scratch = np.empty(length, np.int64)
    for i in range(first.shape[0]):
        out[:] = 0
        add_product(out, weights[i], second[i], 1)
        add_product(out, first[i], first[i], -1)
        hi[i], lo[i], exponents[i] = round_pair(out, scratch)


@dataclass
class MomentsView:
    """Weights and moments of some rows, exact, and what is read from them.

    Attributes
    ----------
    weights, first, second : int64[rows, d, L]
        Digits of ``sum w``, ``sum w x`` and ``sum w x**2``; the weight may differ from feature to feature.
    low : int
        Index of the lowest digit.
    """

    weights: np.ndarray
    first: np.ndarray
    second: np.ndarray
    low: int

    def _pairs(self, digits):
        return to_pairs(digits, self.low)

    def mean(self) -> np.ndarray:
        """float64[rows, d]; NaN where the weight is 0."""
        s, _, s_exponent = self._pairs(self.first)
        w, _, w_exponent = self._pairs(self.weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = s / w
        return np.where(w == 0, np.nan, np.ldexp(np.where(w == 0, 0.0, ratio), s_exponent - w_exponent))

    def variance(self) -> np.ndarray:
        """``sum w (x - mean)**2 / sum w``, float64[rows, d], centred before rounding; NaN where the weight is 0."""
        shape = self.first.shape[:2]
        hi, lo, exponents = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
        if self.first.shape[2]:
            flat = [np.ascontiguousarray(a).reshape(-1, self.first.shape[2]) for a in (self.weights, self.first, self.second)]
            _centre(*flat, hi.reshape(-1), lo.reshape(-1), exponents.reshape(-1))
            exponents += 64 * self.low
        w, _, w_exponent = self._pairs(self.weights)
        known = w != 0
        squared = np.where(known, w * w, 1.0)
        value = as_float(np.where(known, hi, 0.0) / squared, exponents - 2 * w_exponent, "A variance")
        return np.where(known, value, np.nan)


def aligned(*numbers: tuple[np.ndarray, int]) -> tuple[list[np.ndarray], int]:
    """Digit arrays brought to one lowest index and one length."""
    used = [(low, low + digits.shape[-1]) for digits, low in numbers if digits.shape[-1]]
    bottom = min((low for low, _ in used), default=0)
    top = max((high for _, high in used), default=0)
    out = []
    for digits, low in numbers:
        below = low - bottom if digits.shape[-1] else 0
        padding = [(0, 0)] * (digits.ndim - 1) + [(below, top - bottom - below - digits.shape[-1])]
        out.append(np.pad(digits, padding))
    return out, bottom


def weights_of(statistic: Statistic, rows) -> np.ndarray:
    """The weight of each of these rows, float64[len(rows)]; of all rows together, float64[1], for None."""
    digits, low = statistic.digits(rows)
    return as_float(*_scaled(digits[:, :1], low), "A sum of weights")[:, 0]


def sums_of(statistic: Sums, rows) -> np.ndarray:
    """The weighted sum of each feature in each of these rows, float64[len(rows), d]."""
    digits, low = statistic.digits(rows)
    return as_float(*_scaled(digits[:, 1:], low), "A sum")


def _scaled(digits, low):
    hi, _, exponents = to_pairs(digits, low)
    return hi, exponents


def moments_of(statistic: Moments | Mixed, rows) -> MomentsView:
    """The moments of these rows, in this order; of all rows together, as one row, for None."""
    moments = statistic.moments if isinstance(statistic, Mixed) else statistic
    digits, low = moments.digits(rows)
    d = moments.n_features
    weights = np.broadcast_to(digits[:, :1], (len(digits), d, digits.shape[2]))
    if isinstance(statistic, Mixed):
        missing, missing_low = statistic.missing.digits(rows)
        (weights, missing, rest), low = aligned((weights, low), (missing[:, 1:], missing_low), (digits[:, 1:], low))
        weights = normalized(weights - missing)
        rest = np.pad(rest, [(0, 0), (0, 0), (0, weights.shape[2] - rest.shape[2])])
    else:
        rest = digits[:, 1:]
    return MomentsView(weights, rest[:, :d], rest[:, d:], low)
