"""From an exact Gram matrix to float64: means and centred moments, each rounded once at the end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sqlearn.engine.arithmetic import add, add_product, divide, fast_two_sum, multiply, normalized, trimmed
from sqlearn.engine.kernels import bits_float, float_bits, kernel
from sqlearn.engine.readout.rounding import aligned, as_float, digits_of
from sqlearn.engine.sums import Gram, packed_cell
from sqlearn.errors import UndefinedAttributeError


@kernel
def _leading_pair(digits):
    """The leading bits of a number as a pair, from its five leading digits, which have 127 bits or more.

    It takes a quarter of the time of :func:`~sqlearn.engine.arithmetic.digits.round_pair`. ``hi + lo`` has 106 bits and
    ``0.5 <= abs(hi) < 1``; hi may be the other neighbour of what is within 2**-127 of a tie.
    """
    k = digits.shape[0] - 1
    while k >= 0 and digits[k] == 0:
        k -= 1
    if k < 0:
        return 0.0, 0.0, 0
    second = float(digits[k - 1]) if k >= 1 else 0.0
    third = digits[k - 2] * 2.0**-32 if k >= 2 else 0.0
    rest = digits[k - 3] * 2.0**-64 if k >= 3 else 0.0
    if k >= 4:
        rest += digits[k - 4] * 2.0**-96
    # in units of the second digit; if the first error is not 0, it is an integer below 2**11, the second the third
    hi, lo = fast_two_sum(digits[k] * 2.0**32, second)
    hi, error = fast_two_sum(hi, third)
    hi, lo = fast_two_sum(hi, (lo + error) + rest)
    exponent = ((float_bits(hi) >> 52) & 0x7FF) - 1022
    power = bits_float((1023 - exponent) << 52)
    return hi * power, lo * power, exponent + 32 * (k - 1)


@kernel
def _leading_pairs(digits, low, hi, lo, exponents):
    """Fill in each number as ``(hi + lo) * 2**exponent``."""
    for i in range(digits.shape[0]):
        hi[i], lo[i], exponents[i] = _leading_pair(digits[i])
        if hi[i] != 0.0:
            exponents[i] += 32 * low


@kernel
def _span(digits):
    """First index with a digit that is not zero in some number, and the one after the last."""
    used = np.zeros(digits.shape[1], np.int64)
    for i in range(digits.shape[0]):
        for l in range(digits.shape[1]):
            used[l] |= digits[i, l]
    start, stop = 0, len(used)
    while stop > 0 and used[stop - 1] == 0:
        stop -= 1
    while start < stop and used[start] == 0:
        start += 1
    return start, stop


@kernel
def _second_moments(digits, width, centred, hi, lo, exponents):
    """Fill symmetric `hi` and `lo` with scaled second moments of variables 1 to ``width - 1``, and `exponents`.

    Cell (i, j) of the packed triangle, or ``weight * S_ij - S_i * S_j`` for `centred`, formed in digits, is
    ``(hi + lo)[i, j] * 2**(exponents[i] + exponents[j])`` in units of the lowest digit (centred: of its square).
    """
    # the weight and the sums have few digits beside the second moments: no work, and no room, for their zeros
    w_start, w_stop = _span(digits[:1])
    s_start, s_stop = _span(digits[1:width])
    base = min(w_start, 2 * s_start) if centred else 0
    length = max(w_stop + digits.shape[1], 2 * s_stop) + 1 - base if centred else digits.shape[1]
    weight, sums = digits[0, w_start:w_stop], digits[1:width, s_start:s_stop].copy()
    out = np.empty(length, np.int64)
    first, second = out[w_start - base :] if centred else out, out[2 * s_start - base :] if centred else out
    own = np.empty(hi.shape, np.int64)
    cell = width
    for i in range(width - 1):
        for j in range(i, width - 1):
            if centred:
                out[:] = 0
                add_product(first, weight, digits[cell], 1)
                add_product(second, sums[i], sums[j], -1)
            else:
                for l in range(length):  # one by one: numba takes two seconds to compile the assignment of a row
                    out[l] = digits[cell, l]
            hi[i, j], lo[i, j], own[i, j] = _leading_pair(out)
            own[i, j] += 32 * base
            cell += 1
        exponents[i] = (own[i, i] + 1) >> 1
    for i in range(width - 1):
        for j in range(i, width - 1):
            shift = min(own[i, j] - exponents[i] - exponents[j], 1)  # as no correlation is above 1, unless all are 0
            power = bits_float((shift + 1023) << 52) if shift > -1023 else 0.0
            hi[i, j] *= power
            lo[i, j] *= power
            hi[j, i], lo[j, i] = hi[i, j], lo[i, j]


@kernel
def _divide_all(hi, lo, by_hi, by_lo):
    """Divide arrays of pairs by a pair, in place."""
    for i in range(hi.size):
        hi[i], lo[i] = divide(hi[i], lo[i], by_hi, by_lo)


@kernel
def _subtract_all(hi, lo, other_hi, other_lo):
    """Subtract arrays of pairs from arrays of pairs, in place."""
    for i in range(hi.size):
        hi[i], lo[i] = add(hi[i], lo[i], -other_hi[i], -other_lo[i])


@kernel
def _add_multiple(out, digits, factor):
    """``out[i] += factor * digits[i]``; int64[cells, L + F + 1], int64[cells, L] and int64[F] balanced digits."""
    for i in range(digits.shape[0]):
        add_product(out[i], factor, digits[i], 1)


@dataclass
class SecondMoments:
    """Second moments of features and targets as pairs of float64, scaled by powers of two.

    Entry (i, j) is ``(hi + lo)[i, j] * 2**(exponents[i] + exponents[j])``, to 106 bits; divided by `divisor` it is the
    weighted sum of products of variables i and j.

    Attributes
    ----------
    hi, lo : float64[p, p]
        Symmetric; features first, then targets. The diagonal lies in [1/4, 1), or is exactly 0: then so is its row.
    exponents : int64[p]
        The scaling, 0 for a zero diagonal.
    divisor : tuple of float, float, int
        ``(hi + lo) * 2**exponent``: the sum of weights where the moments are centred, 1 where they are not.
    n_features : int
        How many of the p are features.
    """

    hi: np.ndarray
    lo: np.ndarray
    exponents: np.ndarray
    divisor: tuple[float, float, int]
    n_features: int

    @property
    def system(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features against features: hi, lo, exponents, for :func:`~sqlearn.engine.arithmetic.pivoted_factor`."""
        d = self.n_features
        return self.hi[:d, :d], self.lo[:d, :d], self.exponents[:d].copy()  # of which it makes copies

    @property
    def right_sides(self) -> tuple[np.ndarray, np.ndarray]:
        """Features against targets, float64[d, t] each: what :meth:`~sqlearn.engine.arithmetic.Factor.solve` takes."""
        d = self.n_features
        return np.ascontiguousarray(self.hi[:d, d:]), np.ascontiguousarray(self.lo[:d, d:])


@dataclass
class GramView:
    """A weighted Gram matrix of ``[1, features, targets]``, exact, and what is read from it.

    Attributes
    ----------
    digits : int64[cells, L]
        Balanced digits of the upper triangle, packed row by row.
    low : int
        Index of the lowest digit.
    n_features, n_targets : int
        Numbers of variables.
    """

    digits: np.ndarray
    low: int
    n_features: int
    n_targets: int

    @property
    def width(self) -> int:
        """Order of the matrix."""
        return 1 + self.n_features + self.n_targets

    def weight(self) -> tuple[float, float, int]:
        """The sum of weights as ``(hi + lo) * 2**exponent``.

        Raises
        ------
        UndefinedAttributeError
            When it is 0: nothing has a mean then.
        """
        hi, lo, exponent = self._pairs(0, 1)
        if not hi[0]:
            raise UndefinedAttributeError(
                "All rows held have weight 0, so the attribute is undefined. Learn rows of positive weight.",
                reason="too few records",
            )
        return hi.item(), lo.item(), exponent.item()

    def sums(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weighted sums of features and targets: hi, lo and exponents, each of shape (d + t,)."""
        return self._pairs(1, self.width)

    def _pairs(self, start, stop):
        hi, lo, exponents = np.zeros(stop - start), np.zeros(stop - start), np.zeros(stop - start, np.int64)
        _leading_pairs(self.digits[start:stop], self.low, hi, lo, exponents)
        return hi, lo, exponents

    def mean(self) -> np.ndarray:
        """Means of features and targets, float64[d + t], to about 1 ulp."""
        hi, lo, exponents = self.sums()
        by_hi, by_lo, by_exponent = self.weight()
        _divide_all(hi, lo, by_hi, by_lo)
        return as_float(hi, exponents - by_exponent, "A mean")

    def mean_from(self, other: "GramView", units: np.ndarray | int = 0) -> np.ndarray:
        """How far the means of features and targets are from those of another matrix, float64[d + t].

        The means are subtracted with 106 bits. Of ``a / 2**units``, int64[d + t].
        """
        hi, lo, exponents = self.sums()
        from_hi, from_lo, from_exponents = other.sums()
        (by_hi, by_lo, by_exponent), (over_hi, over_lo, over_exponent) = self.weight(), other.weight()
        _divide_all(hi, lo, by_hi, by_lo)
        _divide_all(from_hi, from_lo, over_hi, over_lo)
        own, others = exponents - by_exponent, from_exponents - over_exponent
        scale = np.maximum(np.where(hi != 0.0, own, others), np.where(from_hi != 0.0, others, own))
        with np.errstate(under="ignore"):
            hi, lo = np.ldexp(hi, own - scale), np.ldexp(lo, own - scale)
            from_hi, from_lo = np.ldexp(from_hi, others - scale), np.ldexp(from_lo, others - scale)
        _subtract_all(hi, lo, from_hi, from_lo)
        return as_float(hi, scale - units, "A difference of means")

    def covariance(self, ddof: float = 0, units: np.ndarray | int = 0) -> np.ndarray:
        """``sum w (a - mean a) (b - mean b) / (sum w - ddof)`` of features and targets, float64[d + t, d + t].

        Centred exactly and rounded to about 1 ulp, whatever cancels. Of ``a / 2**units``, if `units`, int64[d + t], are
        given: then small deviations have variances that float64 can hold.
        """
        moments = self.centred()
        hi, lo, w_exponent = self.weight()
        rest_hi, rest_lo = add(hi, lo, math.ldexp(-ddof, -w_exponent), 0.0)
        if ddof and rest_hi <= 0.0:
            raise UndefinedAttributeError(
                f"A covariance with ddof={ddof} needs rows whose weights sum to more than {ddof}. Learn more rows.",
                reason="too few records",
            )
        _divide_all(moments.hi.reshape(-1), moments.lo.reshape(-1), *multiply(hi, lo, rest_hi, rest_lo))
        own = moments.exponents - w_exponent - units
        exponents = own[:, None] + own
        return as_float(moments.hi, exponents, "A covariance")

    def mean_products(self) -> np.ndarray:
        """``sum w a b / sum w`` of features and targets, float64[d + t, d + t], to about 1 ulp."""
        moments = self.raw()
        hi, lo, w_exponent = self.weight()
        _divide_all(moments.hi.reshape(-1), moments.lo.reshape(-1), hi, lo)
        return as_float(moments.hi, np.add.outer(moments.exponents, moments.exponents) - w_exponent, "A mean product")

    def centred(self) -> SecondMoments:
        """Moments about the mean: ``sum w * sum w a b - sum w a * sum w b``, the difference formed exactly."""
        return self._moments(True, self.weight())

    def raw(self) -> SecondMoments:
        """Moments about zero: ``sum w a b``."""
        return self._moments(False, (1.0, 0.0, 0))

    def _moments(self, centred, divisor):
        order = self.width - 1
        hi, lo, exponents = np.zeros((order, order)), np.zeros((order, order)), np.zeros(order, np.int64)
        start, stop = _span(self.digits)
        if start < stop:
            digits, low = np.ascontiguousarray(self.digits[:, start:stop]), self.low + start
            _second_moments(digits, self.width, centred, hi, lo, exponents)
            # the unit, 2**(32 * low) or its square, goes half to each variable
            exponents = np.where(hi.diagonal() > 0.0, exponents + (32 if centred else 16) * low, 0)
        return SecondMoments(hi, lo, exponents, divisor, self.n_features)

    def penalized(self, alpha: float) -> "GramView":
        """The matrix with `alpha` added to the features' diagonal, exactly, as ridge regression needs it."""
        (digits, addend), low = aligned((self.digits, self.low), digits_of(alpha))
        features = np.arange(1, 1 + self.n_features)
        diagonal = packed_cell(features, features, self.width)
        grown = normalized(digits[diagonal] + addend)  # of the others, there is nothing to carry
        count = digits.shape[1]
        if grown[:, count:].any():
            digits = np.pad(digits, [(0, 0), (0, grown.shape[1] - count)])
        digits[diagonal] = grown[:, : digits.shape[1]]
        return replace(self, digits=digits, low=low)


def grams_of(statistic: Gram, slots: np.ndarray | None = None) -> list[GramView]:
    """The Gram matrices of these slots, in this order; of all slots together, as one, for None."""
    digits, low = statistic.digits(slots)
    return [GramView(matrix, low, statistic.n_features, statistic.n_targets) for matrix in digits]


def combined(grams: Sequence[GramView], factors: Sequence[float]) -> GramView:
    """``sum over k of factors[k] * grams[k]``, exactly."""
    terms = [(digits_of(factor), gram) for factor, gram in zip(factors, grams, strict=True)]
    bottom = min(low + gram.low for (_, low), gram in terms)
    top = max(low + len(factor) + gram.low + gram.digits.shape[1] for (factor, low), gram in terms)
    out = np.zeros((len(grams[0].digits), top - bottom + 2), np.int64)
    for (factor, low), gram in terms:
        _add_multiple(out[:, low + gram.low - bottom :], gram.digits, factor)
    digits, low = trimmed(out, bottom)
    return replace(grams[0], digits=digits, low=low)
