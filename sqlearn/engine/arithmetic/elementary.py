"""exp, log and a hash of words by fixed arithmetic: what state may depend on instead of libm.

A vectorised libm may differ from the scalar one by a bit, and from one machine to the next. These use additions,
products and divisions alone, in one order, so every lane of every vector unit gives the same bits.
"""

import numpy as np

from sqlearn.engine.kernels import bits_float, float_bits, kernel

_ROUNDER = 1.5 * 2.0**52
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.6931471803691238  # 32 bits of ln 2, so that k * _LN2_HIGH is exact
_LN2_LOW = 1.9082149292705877e-10


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
def mix(word, seed):
    """A well mixed 64-bit hash of a word under a seed (the finaliser of SplitMix64; Steele, Lea and Flood, 2014)."""
    z = word + seed * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
