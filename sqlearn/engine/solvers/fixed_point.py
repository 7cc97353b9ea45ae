"""Vectors as columns of digits in float64: numbers of any precision that BLAS can multiply by integers.

Digit j of base ``2**bits`` is an integer in units of ``2**(top - bits * j)``. After :func:`carry`, all digits but the
highest are at most ``2**(bits - 1)`` in size.
"""

import numpy as np


def cut(values: np.ndarray, top: int, bits: int, count: int) -> np.ndarray:
    """So many digits of float64; what is below the last one is dropped."""
    digits = np.empty((len(values), count), order="F")
    rest = np.ldexp(values, -top)
    for j in range(count):
        np.rint(rest, out=digits[:, j])
        rest = (rest - digits[:, j]) * 2.0**bits
    return digits


def carry(digits: np.ndarray, bits: int) -> np.ndarray:
    """Move what digits have too much to the next higher ones, in place; exact if they are below ``2**53``."""
    for j in range(digits.shape[1] - 1, 0, -1):
        excess = np.rint(digits[:, j] * 2.0**-bits)
        digits[:, j] -= excess * 2.0**bits
        digits[:, j - 1] += excess
    return digits


def value(digits: np.ndarray, top: int, bits: int) -> np.ndarray:
    """What digits after carries stand for, in float64; the relative errors are small, as nothing cancels."""
    total = np.zeros(len(digits))
    for j in range(digits.shape[1] - 1, -1, -1):
        total = total * 2.0**-bits + digits[:, j]
    return np.ldexp(total, top)
