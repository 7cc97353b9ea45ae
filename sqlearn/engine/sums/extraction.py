"""Taking float64 values and their products apart into limbs, exactly.

A value is taken apart from the top (the error-free extraction of Rump, Ogita and Oishi, 2008): scaled so that the top
limb counts in ones, ``h = (v + M) - M`` with ``M = 1.5 * 2**52`` is the nearest integer, ``v - h`` is exact, and 2**32
times the rest goes to the next limb. A product is deposited as ``p = a * b`` and its rounding error ``fma(a, b, -p)``,
so exactly; a triple product as two products, of ``w * a`` and of its rounding error with ``b``.

Range checks come before the inner loops, never in them: those stay free of branches and vectorise. What float64
products cannot hold (1e308 squared, bits below the subnormals) goes through integers, in :func:`deposit_wide`.
"""

import numpy as np

from sqlearn.engine.kernels import bits_float, float_bits, fma, kernel, trailing_zeros

_ROUNDER = 1.5 * 2.0**52
_RADIX = 2.0**32
_MASK = 0xFFFFFFFF
NO_BITS = 1 << 20  # the span of zero: no bit at all (top below, bottom above every other)
ZERO, ONE = np.int64(0), np.int64(1)  # numba would compile a kernel once more for a literal


@kernel
def span_of(value):
    """``(top, bottom)`` such that ``abs(value) < 2**top`` and `value` is a multiple of ``2**bottom``."""
    bits = float_bits(value)
    mantissa = bits & 0xFFFFFFFFFFFFF
    exponent = (bits >> 52) & 0x7FF
    if exponent == 0:
        if mantissa == 0:
            return -NO_BITS, NO_BITS
        exponent = 1
    else:
        mantissa |= 1 << 52
    return exponent - 1022, exponent - 1075 + trailing_zeros(mantissa)


@kernel
def span(values):
    top, bottom = -NO_BITS, NO_BITS
    for i in range(values.shape[0]):
        t, b = span_of(values[i])
        top = max(top, t)
        bottom = min(bottom, b)
    return top, bottom


@kernel
def limbs_of(top, bottom):
    """Highest and lowest limb for values below ``2**top`` that are multiples of ``2**bottom``."""
    return (top - 1) // 32, bottom // 32


@kernel
def in_safe_range(top, bottom):
    """Whether products in this span and their rounding errors, scaled to the top limb, are exact float64."""
    high, low = limbs_of(top, bottom)
    return top <= 1023 and bottom >= -1074 and -31 <= high <= 31 and high - low <= 31


@kernel
def limb_scale(high):
    """``2**(-32 * high)``: counts in units of limb `high`."""
    return bits_float((1023 - 32 * high) << 52)


@kernel
def extract(limbs, slot, start, p, high, low):
    """Add the scaled values `p` (overwritten) to limbs `high` down to `low` of cells ``start, start + 1, ...``."""
    n = p.shape[0]
    for l in range(high, low - 1, -1):
        limb = limbs[l, slot, start : start + n]
        for j in range(n):
            h = (p[j] + _ROUNDER) - _ROUNDER
            limb[j] += h
            p[j] = (p[j] - h) * _RADIX


@kernel
def extract_pairs(limbs, slot, start, p, e, high, low):
    """:func:`extract` for unevaluated sums ``p + e``, two limbs at a time, since memory is the bottleneck."""
    n = p.shape[0]
    for l in range(high, low, -2):
        upper, lower = limbs[l, slot, start : start + n], limbs[l - 1, slot, start : start + n]
        for j in range(n):
            h = (p[j] + _ROUNDER) - _ROUNDER
            g = (e[j] + _ROUNDER) - _ROUNDER
            upper[j] += h + g
            q, f = (p[j] - h) * _RADIX, (e[j] - g) * _RADIX
            h = (q + _ROUNDER) - _ROUNDER
            g = (f + _ROUNDER) - _ROUNDER
            lower[j] += h + g
            p[j] = (q - h) * _RADIX
            e[j] = (f - g) * _RADIX
    if (high - low) % 2 == 0:
        limb = limbs[low, slot, start : start + n]
        for j in range(n):
            h = (p[j] + _ROUNDER) - _ROUNDER
            g = (e[j] + _ROUNDER) - _ROUNDER
            limb[j] += h + g


@kernel
def extract_one(limbs, slot, cell, p, high, low):
    """:func:`extract` for one value."""
    for l in range(high, low, -1):
        h = (p + _ROUNDER) - _ROUNDER
        limbs[l, slot, cell] += h
        p = (p - h) * _RADIX
    limbs[low, slot, cell] += p  # what is left is an integer


@kernel
def are_counts(values, start, stop):
    """Whether all of these are integers below ``2**31``: numbers of one limb."""
    fit = True
    for k in range(start, stop):
        fit &= abs(values[k]) < 2147483648.0 and (values[k] + _ROUNDER) - _ROUNDER == values[k]
    return fit


@kernel
def mantissa_of(value):
    """Magnitude's integer mantissa, and the exponent of its unit."""
    bits = float_bits(value)
    mantissa = bits & 0xFFFFFFFFFFFFF
    exponent = (bits >> 52) & 0x7FF
    if exponent == 0:
        return mantissa, -1074
    return mantissa | (1 << 52), exponent - 1075


@kernel
def deposit_wide(limbs, base, slot, cell, a, b, sign, exponent):
    """Add ``sign * a * b * 2**exponent`` through 106-bit integers: exact for any two finite float64."""
    if a == 0.0 or b == 0.0:
        return
    if (a < 0.0) != (b < 0.0):
        sign = -sign
    ma, ea = mantissa_of(a)
    mb, eb = mantissa_of(b)
    position = ea + eb + exponent
    limb = position // 32
    shift = position - 32 * limb
    # 32-bit pieces of the two mantissas, times each other, then shifted by up to 31 bits: five digits hold it
    a0, a1 = np.uint64(ma & _MASK), np.uint64(ma >> 32)
    b0, b1 = np.uint64(mb & _MASK), np.uint64(mb >> 32)
    mask, half = np.uint64(_MASK), np.uint64(32)
    low = a0 * b0
    middle = a0 * b1 + (low >> half)
    other = a1 * b0 + (middle & mask)
    high = a1 * b1 + (middle >> half) + (other >> half)
    carry = np.uint64(0)
    left, right = np.uint64(shift), np.uint64(32 - shift)
    for k in range(5):
        if k == 0:
            digit = low & mask
        elif k == 1:
            digit = other & mask
        elif k == 2:
            digit = high & mask
        elif k == 3:
            digit = high >> half
        else:
            digit = np.uint64(0)
        part = ((digit << left) & mask) | carry
        carry = digit >> right
        if part != np.uint64(0):
            limbs[limb + k - base, slot, cell] += sign * np.float64(part)


@kernel
def deposit_wide_triple(limbs, base, slot, cell, w, a, b, sign):
    """Add ``sign * w * a * b``: exact for any three finite float64. `w` is not negative."""
    mw, ew = mantissa_of(w)
    ma, ea = mantissa_of(a)
    left, right = np.float64(mw), np.float64(ma if a > 0.0 else -ma)
    product = left * right
    deposit_wide(limbs, base, slot, cell, product, b, sign, ew + ea)
    deposit_wide(limbs, base, slot, cell, fma(left, right, -product), b, sign, ew + ea)


@kernel
def weigh(w, v, product, rest):
    """Write ``fl(w * v)`` and its rounding error; whether any error is not zero."""
    inexact = False
    for j in range(len(v)):
        product[j] = w * v[j]
        rest[j] = fma(w, v[j], -product[j])
        inexact |= rest[j] != 0.0
    return inexact
