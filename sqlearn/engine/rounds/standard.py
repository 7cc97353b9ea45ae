"""Standardisation on a grid: means and deviations that one record more or less seldom moves."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sqlearn.engine.arithmetic import add_product, integers, mix, pair_of, round_limbs, round_pair
from sqlearn.engine.kernels import Postponed, kernel
from sqlearn.engine.rounds.trace import serializable
from sqlearn.engine.sums import ExactSum

_STEPS = 32.0  # of an octave of balanced weights: twice as many as are used
MOST_CLASS_WEIGHT = 2.0**100  # of an adaptive learner: given ones are refused beyond it, balancing ones are cut off


@serializable("Scale")
@dataclass(frozen=True, eq=False)
class Scale:
    """``z = (x - mean) * factor``, and weights times `weight`.

    Attributes
    ----------
    mean : float64[d]
        Multiples of an eighth of ``1 / factor``.
    factor : float64[d]
        Powers of two; 0 for a constant feature.
    weight : float
        A power of two.
    octave : int
        Bit length of the number of records.
    total : float
        Sum of the weights. Every record changes it, so no theta at which sums are evaluated may depend on it.
    """

    mean: np.ndarray
    factor: np.ndarray
    weight: float
    octave: int
    total: float

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scale):
            return NotImplemented
        same = self.mean.tobytes() == other.mean.tobytes() and self.factor.tobytes() == other.factor.tobytes()
        return same and self.weight == other.weight


@serializable("BalancedScale")
@dataclass(frozen=True, eq=False)
class BalancedScale(Scale):
    """A scale with weights of classes that give all classes the same weight.

    Attributes
    ----------
    class_weight : float64[n_classes]
        What the weights of a class are multiplied by. Every record changes it.
    rounded : float64[n_classes]
        `class_weight` rounded to a grid; the theta at which sums are evaluated may depend on it.
    """

    class_weight: np.ndarray
    rounded: np.ndarray

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BalancedScale):
            return NotImplemented
        return super().__eq__(other) and self.rounded.tobytes() == other.rounded.tobytes()


@lru_cache
def dithers(n: int, seed: int) -> np.ndarray:
    """Seeded offsets in [0, 1), float64[n]."""
    return np.array([float(mix(np.uint64(i), np.uint64(seed)) >> np.uint64(11)) * 2.0**-53 for i in range(n)])


@lru_cache
def offsets(d: int, seed: int) -> np.ndarray:
    """Offsets of the deviations, the means and the weight, float64[2 * d + 1].

    Many features have been standardised: mean 0 and deviation 1 are kept off the edges of their cells, which a random
    walk of the moments would cross again and again.
    """
    offsets = dithers(2 * d + 1, seed).copy()
    offsets[:d] = 0.3 + 0.25 * offsets[:d]
    offsets[d : 2 * d] = 0.25 + 0.5 * offsets[d : 2 * d]
    return offsets


@kernel
def digits_of(limbs, cell, out):
    """Balanced digits of a cell, summed over the rows."""
    carry = np.int64(0)
    for l in range(len(out)):
        t = carry
        if l < limbs.shape[0]:
            for r in range(limbs.shape[1]):
                t += np.int64(limbs[l, r, cell])
        carry = (t + (1 << 31)) >> 32
        out[l] = t - (carry << 32)


def _standardized(m: float, variance: float, exponent: int, offset: float, mean_offset: float) -> tuple[float, float]:
    """Mean and factor of a feature that has the mean m and the variance ``variance * 2**exponent``, above 0."""
    if exponent % 2 != 0:
        variance, exponent = 2.0 * variance, exponent - 1
    _, power = math.frexp(math.sqrt(variance) * (1.0 + offset))
    power = min(max(power + exponent // 2, -500), 500)
    step = math.ldexp(1.0, power - 3)
    return math.floor(m / step + mean_offset) * step, math.ldexp(1.0, -power)


_standardized_in_kernels: Any = kernel(_standardized)  # type: ignore[no-untyped-call]


@kernel
def _standard(limbs, base, n, centred, offset, mean, factor):
    """Write means and factors from limbs of ``[w, w x, w x x]``; the sum of the weights."""
    d = len(mean)
    length = limbs.shape[0] + 2
    w, s, q = np.empty(length, np.int64), np.empty(length, np.int64), np.empty(length, np.int64)
    product = np.empty(2 * length + 1, np.int64)
    scratch, scratch2 = np.empty(length, np.int64), np.empty(2 * length + 1, np.int64)
    digits_of(limbs, 0, w)
    w_hi, _, w_exponent = round_pair(w, scratch)
    for j in range(d):
        digits_of(limbs, 1 + j, s)
        digits_of(limbs, 1 + d + j, q)
        s_hi, _, s_exponent = round_pair(s, scratch)
        m = math.ldexp(s_hi / w_hi, s_exponent - w_exponent)
        product[:] = 0
        add_product(product, w, q, 1)
        if centred:
            add_product(product, s, s, -1)
        v_hi, _, v_exponent = round_pair(product, scratch2)
        variance, exponent = v_hi / (w_hi * w_hi), v_exponent - 2 * w_exponent
        if variance <= 0.0:
            mean[j], factor[j] = m, 0.0
        else:
            mean[j], factor[j] = _standardized_in_kernels(m, variance, exponent, offset[j], offset[d + j])
        if not centred:
            mean[j] = 0.0
    _fraction, power = math.frexp(w_hi / n * (1.0 + offset[2 * d]))
    total = math.ldexp(w_hi, w_exponent + 32 * base)
    # a weight may be as small as 2**-1074, and 2**1074 is no float64
    return math.ldexp(1.0, min(-(power + w_exponent + 32 * base), 1000)), total


def _standard_of_few(limbs, base, n, centred, offset, mean, factor):
    """What :func:`_standard` makes, by Python's integers, and with nothing to compile."""
    d = len(mean)
    numbers = integers(limbs.astype(np.int64).sum(axis=1).T)
    w, s, q = numbers[0], numbers[1 : 1 + d], numbers[1 + d :]
    w_hi, _, w_exponent = pair_of(w)
    for j in range(d):
        s_hi, _, s_exponent = pair_of(s[j])
        m = math.ldexp(s_hi / w_hi, s_exponent - w_exponent)
        v_hi, _, v_exponent = pair_of(w * q[j] - (s[j] * s[j] if centred else 0))
        variance, exponent = v_hi / (w_hi * w_hi), v_exponent - 2 * w_exponent
        if variance <= 0.0:
            mean[j], factor[j] = m, 0.0
        else:
            mean[j], factor[j] = _standardized(m, variance, exponent, offset[j], offset[d + j])
        if not centred:
            mean[j] = 0.0
    _, power = math.frexp(w_hi / n * (1.0 + offset[2 * d]))
    total = math.ldexp(w_hi, w_exponent + 32 * base)
    return math.ldexp(1.0, min(-(power + w_exponent + 32 * base), 1000)), total


_many_features = Postponed(_standard, 5_000)


def standard_scale(total: ExactSum, n: int, centred: bool, seed: int) -> Scale:
    """Means to an eighth of a deviation, deviations to powers of two, offsets of both grids from the seed.

    Parameters
    ----------
    total : ExactSum
        Moments as :func:`~sqlearn.engine.sums.deposit.deposit_moments` sums them.
    n : int
        Number of records.
    centred : bool
        Whether to subtract the means; without, the scale is the root mean square.
    seed : int
        Seed of the offsets.
    """
    d = (total.shape[1] - 1) // 2
    mean, factor = np.empty(d), np.empty(d)
    standard = _standard if _many_features.is_worth(d) else _standard_of_few
    weight, weights = standard(total.limbs, total.base, n, centred, offsets(d, seed), mean, factor)
    return Scale(mean, factor, weight, n.bit_length(), weights)


def balanced(scale: Scale, total: ExactSum, order: np.ndarray, seed: int) -> BalancedScale:
    """The scale with the weights ``total / (n_classes * total of the class)``.

    Parameters
    ----------
    scale : Scale
        Of all records.
    total : ExactSum
        Moments, see :func:`standard_scale`.
    order : int64[n_classes]
        The row of `total` that belongs to each class.
    seed : int
        Seed of the offsets.
    """
    n = len(order)
    weights = np.empty(n)
    round_limbs(np.ascontiguousarray(total.limbs[:, order, 0]), total.base, weights)
    with np.errstate(over="ignore"):
        exact = np.clip(scale.total / n / weights, 1 / MOST_CLASS_WEIGHT, MOST_CLASS_WEIGHT)
    fraction, power = np.frexp(exact)
    rounded = np.ldexp(np.floor(fraction * _STEPS + dithers(n, seed + 2)) / _STEPS, power)
    return BalancedScale(scale.mean, scale.factor, scale.weight, scale.octave, scale.total, exact, rounded)


@kernel
def all_within(x: np.ndarray, limit: float) -> bool:
    """Whether all values are numbers of at most this size."""
    for value in x:
        if not abs(value) <= limit:
            return False
    return True
