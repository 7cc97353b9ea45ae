"""exp, log, cos and a hash of words by fixed arithmetic: what state may depend on instead of libm.

A vectorised libm may differ from the scalar one by a bit, and from one machine to the next. These use additions,
products and divisions alone, in one order, so every lane of every vector unit gives the same bits.
"""

import numpy as np

from sqlearn.engine.kernels import bits_float, float_bits, kernel, multiply_high

_ROUNDER = 1.5 * 2.0**52
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238  # 32 bits of ln 2, so that k * _LN2_HIGH is exact
_LN2_LOW = 1.9082149292705877e-10
NEAR = 1e6  # up to here a multiple of pi / 2 is subtracted in three parts, the first two of which are exact
_TWO_OVER_PI = 0.6366197723675814
_HALF_PI = 1.5707963267948966
_HALF_PI_HIGH = 1.5707963267341256  # 33 bits
_HALF_PI_MIDDLE = 6.077100506303966e-11  # the next 33
_HALF_PI_LOW = 2.0222662487959506e-21
_TWO_OVER_PI_BITS = np.array(  # 64 zeros, then the bits of 2 / pi behind the point
    [
        *(0, 0xA2F9836E4E441529, 0xFC2757D1F534DDC0, 0xDB6295993C439041, 0xFE5163ABDEBBC561, 0xB7246E3A424DD2E0),
        *(0x06492EEA09D1921C, 0xFE1DEB1CB129A73E, 0xE88235F52EBB4484, 0xE99C7026B45F7E41, 0x3991D639835339F4),
        *(0x9C845F8BBDF9283B, 0x1FF897FFDE05980F, 0xEF2F118B5A0A6D1F, 0x6D367ECF27CB09B7, 0x4F463F669E5FEA2D),
        *(0x7527BAC7EBE5F17B, 0x3D0739F78A5292EA, 0x6BFB5FB11F8D5D08, 0x56033046FC7B6BAB, 0xF0CFBC209AF4361D),
    ],
    np.uint64,
)


@kernel
def exp(x):
    """``e**x`` within 1 ulp or so, for x clipped to [-708, 709]."""
    x = min(max(x, -708.0), 709.0)
    shifted = x * _LOG2_E + _ROUNDER
    k = shifted - _ROUNDER
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    s = 1.0 / 6227020800.0
    s = s * r + 1.0 / 479001600.0
    s = s * r + 1.0 / 39916800.0
    s = s * r + 1.0 / 3628800.0
    s = s * r + 1.0 / 362880.0
    s = s * r + 1.0 / 40320.0
    s = s * r + 1.0 / 5040.0
    s = s * r + 1.0 / 720.0
    s = s * r + 1.0 / 120.0
    s = s * r + 1.0 / 24.0
    s = s * r + 1.0 / 6.0
    s = s * r + 0.5
    s = s * r + 1.0
    s = s * r + 1.0
    return s * bits_float((float_bits(shifted) << 52) + (1023 << 52))


@kernel
def log(x):
    """Natural logarithm of a positive normal number, within a few ulp."""
    bits = float_bits(x)
    exponent = (bits >> 52) - 1023
    m = bits_float((bits & 0xFFFFFFFFFFFFF) | (1023 << 52))
    if m > 1.4142135623730951:
        m *= 0.5
        exponent += 1
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    t = 1.0 / 23.0
    for odd in range(21, 0, -2):
        t = t * q + 1.0 / odd
    return exponent * _LN2_HIGH + (2.0 * s * t + exponent * _LN2_LOW)


@kernel
def _turned(r, quarters):
    """``cos(r + quarters * pi / 2)`` for r within pi / 4 of 0, by the polynomials of Sun's fdlibm."""
    z = r * r
    s = 1.58969099521155010221e-10
    s = s * z - 2.50507602534068634195e-08
    s = s * z + 2.75573137070700676789e-06
    s = s * z - 1.98412698298579493134e-04
    s = s * z + 8.33333333332248946124e-03
    s = s * z - 1.66666666666666324348e-01
    sine = r + (r * z) * s
    c = -1.13596475577881948265e-11
    c = c * z + 2.08757232129817482790e-09
    c = c * z - 2.75573143513906633035e-07
    c = c * z + 2.48015872894767294178e-05
    c = c * z - 1.38888888888741095749e-03
    c = c * z + 4.16666666666666019037e-02
    half = 0.5 * z
    w = 1.0 - half
    cosine = w + (((1.0 - w) - half) + z * z * c)
    value = sine if quarters & 1 else cosine
    return bits_float(float_bits(value) ^ (((quarters + 1) & 2) << 62))


@kernel
def cos_near(x):
    """:func:`cos` for x within `NEAR` of 0, without branches so that a loop of it vectorises."""
    shifted = x * _TWO_OVER_PI + _ROUNDER
    n = shifted - _ROUNDER
    r = ((x - n * _HALF_PI_HIGH) - n * _HALF_PI_MIDDLE) - n * _HALF_PI_LOW
    return _turned(r, float_bits(shifted))


@kernel
def _bits_from(word, shift):
    """64 bits of 2 / pi; without an array, since kernels that deposit must not ask for memory."""
    high, low = _TWO_OVER_PI_BITS[word], _TWO_OVER_PI_BITS[word + 1]
    return (high << shift) | ((low >> np.uint64(1)) >> (np.uint64(63) - shift))


@kernel
def _cos_far(x):
    """:func:`cos` of a finite x beyond 2**19, by Payne and Hanek: the product with 2 / pi, modulo 4, in 192 bits."""
    bits = float_bits(x)
    exponent = ((bits >> 52) & 0x7FF) - 1075
    mantissa = np.uint64((bits & 0xFFFFFFFFFFFFF) | (1 << 52))
    skipped = exponent + 62  # bits of 2 / pi that give multiples of 4, and 64 zeros before them
    word, shift = skipped >> 6, np.uint64(skipped & 63)
    first, second, third = _bits_from(word, shift), _bits_from(word + 1, shift), _bits_from(word + 2, shift)
    low = mantissa * third
    carried = np.uint64(multiply_high(mantissa, third))
    middle = mantissa * second + carried
    carried = np.uint64(multiply_high(mantissa, second)) + np.uint64(middle < carried)
    high = mantissa * first + carried
    two, rest = np.uint64(2), np.uint64(62)
    quarters = np.int64(high >> rest)
    high, middle = (high << two) | (middle >> rest), (middle << two) | (low >> rest)
    negative = high >> np.uint64(63) != np.uint64(0)
    if negative:  # more than half a quarter: that much less than the next one
        quarters += 1
        high, middle = ~high, ~middle
    most = np.float64(np.int64(high >> np.uint64(11))) * 2.0**-53
    then = np.float64(np.int64(((high & np.uint64(0x7FF)) << np.uint64(42)) | (middle >> np.uint64(22)))) * 2.0**-106
    last = np.float64(np.int64(middle & np.uint64(0x3FFFFF))) * 2.0**-128
    r = (most + (then + last)) * _HALF_PI
    return _turned(-r if negative else r, quarters)


@kernel
def cos(x):
    """Cosine within 2 ulp or so, of x as it is, however large; NaN for what is not finite."""
    if abs(x) <= NEAR:
        return cos_near(x)
    if abs(x) < np.inf:
        return _cos_far(x)
    return np.nan


@kernel
def mix(word, seed):
    """A well mixed 64-bit hash of a word under a seed (the finaliser of SplitMix64; Steele, Lea and Flood, 2014)."""
    z = word + seed * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
