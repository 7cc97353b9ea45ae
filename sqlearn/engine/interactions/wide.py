"""Integers of 128 bits, as two words, where 64 bits do not hold what is summed."""

import numpy as np

from sqlearn.engine.kernels import kernel, leading_zeros, multiply_high


@kernel
def product(a, b):
    """The product of two int64, as (high, low), uint64 in two's complement."""
    x, y = np.uint64(a), np.uint64(b)
    high = np.uint64(multiply_high(x, y))
    if a < 0:
        high -= y
    if b < 0:
        high -= x
    return high, x * y


@kernel
def times(high, low, c):
    """128 bits times an int64, modulo 2**128."""
    y = np.uint64(c)
    above = np.uint64(multiply_high(low, y)) + high * y
    if c < 0:
        above -= low
    return above, low * y


@kernel
def difference(high, low, high2, low2):
    """One number less another."""
    return high - high2 - np.uint64(low < low2), low - low2


@kernel
def to_float(high, low):
    """The nearest float64."""
    negative = np.int64(high) < 0
    if negative:
        high, low = difference(np.uint64(0), np.uint64(0), high, low)
    if high == np.uint64(0):
        result = np.float64(low)
    else:
        up = leading_zeros(high)  # so that the first bit of `high` is set; what is cut off leaves a mark
        down = 64 - up
        word = (low >> np.uint64(down)) if down < 64 else np.uint64(0)
        if up > 0:
            word |= high << np.uint64(up)
            rest = low << np.uint64(up)
        else:
            word, rest = high, low
        if rest != np.uint64(0):
            word |= np.uint64(1)
        result = np.float64(word)
        for _ in range(down):
            result *= 2.0
    return -result if negative else result


@kernel
def pair_term(n_both, sum_i, sum_j, both, n_i, total_i, n_j, total_j):
    """D = n_i (n_j both - total_j sum_i) - total_i (n_j sum_j - total_j n_both), rounded once."""
    a_high, a_low = product(both, n_j)
    b_high, b_low = product(total_j, sum_i)
    high, low = difference(a_high, a_low, b_high, b_low)
    high, low = times(high, low, n_i)
    a_high, a_low = product(sum_j, n_j)
    b_high, b_low = product(total_j, n_both)
    high2, low2 = difference(a_high, a_low, b_high, b_low)
    high2, low2 = times(high2, low2, total_i)
    high, low = difference(high, low, high2, low2)
    return to_float(high, low)
