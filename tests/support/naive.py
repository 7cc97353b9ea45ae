"""Slow exact twins of the engine's kernels, in fractions.Fraction."""

from fractions import Fraction

import numpy as np


def exact(value: float) -> Fraction:
    return Fraction(float(value))


def product_sums(left, right) -> list[Fraction]:
    """``sum over records of left * right``, cell by cell, for two sequences of equally long rows."""
    totals = [Fraction(0)] * len(left[0])
    for a, b in zip(left, right, strict=True):
        totals = [t + Fraction(x) * exact(y) for t, x, y in zip(totals, a, b, strict=True)]
    return totals


def value_of(digits, low: int) -> Fraction:
    """The number that balanced digits stand for."""
    return sum((Fraction(int(d)) * Fraction(2) ** (32 * (low + k)) for k, d in enumerate(digits)), Fraction(0))


def moment_terms(x, w):
    """Left and right factors of ``deposit_moments``'s cells for one record."""
    return [w] + [w] * len(x) + [exact(w) * exact(v) for v in x], [1.0, *x, *x]


def triangle_terms(z, w):
    """Left and right factors of ``deposit_triangle``'s cells for one record."""
    pairs = [(i, j) for i in range(len(z)) for j in range(i, len(z))]
    return [exact(w) * exact(z[i]) for i, _ in pairs], [z[j] for _, j in pairs]


def sparse_terms(x, w):
    """Left and right factors of ``deposit_sparse``'s cells for one record, given densely."""
    return [w] + [w] * len(x), [1.0, *x]


def nearest(value: Fraction) -> float:
    """Nearest float64, ties to even, infinite beyond the range (CPython's own correctly rounded division)."""
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def hard_rows(rng: np.random.Generator, n: int, d: int, level: int) -> np.ndarray:
    """Rows that break careless sums: level 0 is tame, 1 has outliers of 1e12, 2 the far ends of float64."""
    x = rng.normal(size=(n, d))
    x[rng.random((n, d)) < 0.2] = 0.0
    if level >= 1:
        x[rng.random((n, d)) < 0.1] *= 1e12
        x[rng.random((n, d)) < 0.1] *= 1e-9
    if level >= 2:
        far = np.array(
            [1e308, -1e308, 5e-324, -5e-324, 2.2250738585072014e-308, 1e-200, 1e154, -1e160, 1.7976931348623157e308]
        )
        hit = rng.random((n, d)) < 0.25
        x[hit] = rng.choice(far, hit.sum())
    return x + 0.0
