"""Digits brought to one scale, and rounded to float64 once at the end."""

from fractions import Fraction

import numpy as np

from sqlearn.engine.arithmetic import trimmed
from sqlearn.errors import UndefinedAttributeError


def as_float(mantissa, exponent, what: str) -> np.ndarray:
    """``mantissa * 2**exponent`` as float64.

    Raises
    ------
    UndefinedAttributeError
        When a value lies beyond float64's range.
    """
    with np.errstate(over="ignore", under="ignore"):
        values = np.ldexp(mantissa, exponent)
    if not np.isfinite(values).all():
        raise UndefinedAttributeError(
            f"{what} lies beyond float64's range, which ends at 1.8e308. The model is intact and holds it exactly: "
            "forget the rows with such values, or scale the features down and fit again.",
            reason="out of range",
        )
    return values


def aligned(*numbers: tuple[np.ndarray, int]) -> tuple[list[np.ndarray], int]:
    """Digit arrays brought to one lowest index and one length."""
    used = [(low, low + digits.shape[-1]) for digits, low in numbers if digits.shape[-1]]
    bottom = min((low for low, _ in used), default=0)
    top = max((high for _, high in used), default=0)
    out = []
    for digits, low in numbers:
        below = low - bottom if digits.shape[-1] else 0
        padded = np.zeros((*digits.shape[:-1], top - bottom), np.int64)
        padded[..., below : below + digits.shape[-1]] = digits
        out.append(padded)
    return out, bottom


def digits_of(value: float | Fraction) -> tuple[np.ndarray, int]:
    """Balanced digits of a float64 or another multiple of a power of two, int64[L], and the index of the lowest."""
    numerator, denominator = (value if isinstance(value, Fraction) else float(value)).as_integer_ratio()
    low = (1 - denominator.bit_length()) // 32
    left = (numerator << (-32 * low)) // denominator
    digits = []
    while left:
        digit = (left + (1 << 31)) % (1 << 32) - (1 << 31)
        digits.append(digit)
        left = (left - digit) >> 32
    return trimmed(np.array(digits, np.int64), low)
