"""Cholesky factors and triangular solves by fixed arithmetic: what state may depend on instead of LAPACK."""

import numpy as np

from sqlearn.engine.kernels import kernel

HELD = 2.0**300  # on the diagonal of a factor, of a variable that is held


@kernel
def factorize(a, least, hold):
    """Lower Cholesky factor of a symmetric matrix, and its smallest pivot relative to the diagonal.

    Pivots below `least` of their diagonal are raised to it; with `hold`, their variable is held instead: it is 0 in
    whatever is solved with the factor, but for a factor of 2**-600.
    """
    n, weakest = len(a), np.inf
    upper = a.copy()
    for j in range(n):
        row = upper[j]
        if a[j, j] > 0.0:
            weakest = min(weakest, row[j] / a[j, j])
        if hold and not row[j] > a[j, j] * least:
            row[j] = HELD
            row[j + 1 :] = 0.0
            continue
        pivot = max(row[j], a[j, j] * least, 2.0**-1000)
        row[j] = np.sqrt(pivot)
        for i in range(j + 1, n):
            row[i] /= row[j]
        for k in range(j + 1, n):  # outer products, so that the inner loop is no reduction and vectorises
            factor, other = row[k], upper[k]
            for i in range(k, n):
                other[i] -= factor * row[i]
    low = np.zeros((n, n))
    for j in range(n):
        for i in range(j, n):
            low[i, j] = upper[j, i]
    return low, weakest


@kernel
def cholesky(a):
    """Lower factor of a symmetric matrix; pivots below 2**-40 of their diagonal are raised to it, so it exists."""
    return factorize(a, 2.0**-40, False)[0]


@kernel
def solve_lower(low, b):
    """``x`` with ``low @ x = b``."""
    x = b.copy()
    for i in range(len(b)):
        for k in range(i):
            x[i] -= low[i, k] * x[k]
        x[i] /= low[i, i]
    return x


@kernel
def solve_upper(low, b):
    """``x`` with ``low.T @ x = b``."""
    x = b.copy()
    for i in range(len(b) - 1, -1, -1):
        for k in range(i + 1, len(b)):
            x[i] -= low[k, i] * x[k]
        x[i] /= low[i, i]
    return x
