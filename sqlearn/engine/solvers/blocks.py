"""Each output's own block of the Hessian as a preconditioner: Cholesky factors, and what is solved with them."""

import math

import numpy as np

from sqlearn.engine.kernels import fma, kernel

_LEAST_PIVOT = 2.0**-40  # relative to the diagonal


@kernel
def _factorize(a, least):
    """Overwrite the upper triangle of a symmetric matrix with its Cholesky factor, transposed.

    It has a multiple of 8 rows. Pivots below `least` are raised to it.
    """
    p = len(a)
    for start in range(0, p, 8):
        for j in range(start, start + 8):
            row = a[j]
            for q in range(start, j):
                above = a[q]
                part = above[j]
                for i in range(j, p):
                    row[i] -= part * above[i]
            pivot = math.sqrt(max(row[j], least[j]))
            row[j] = pivot
            for i in range(j + 1, p):
                row[i] /= pivot
        for k in range(start + 8, p):
            a0, a1, a2, a3 = a[start, k], a[start + 1, k], a[start + 2, k], a[start + 3, k]
            a4, a5, a6, a7 = a[start + 4, k], a[start + 5, k], a[start + 6, k], a[start + 7, k]
            for i in range(k, p):
                s = fma(-a0, a[start, i], a[k, i])
                s = fma(-a1, a[start + 1, i], s)
                s = fma(-a2, a[start + 2, i], s)
                s = fma(-a3, a[start + 3, i], s)
                s = fma(-a4, a[start + 4, i], s)
                s = fma(-a5, a[start + 5, i], s)
                s = fma(-a6, a[start + 6, i], s)
                a[k, i] = fma(-a7, a[start + 7, i], s)


@kernel
def factorize_blocks(blocks):
    """Overwrite symmetric matrices blocks[K, p, p], given by their lower triangles, with their Cholesky factors.

    The factor is in the lower triangle, and its transpose in the upper one.
    """
    p = blocks.shape[1]
    least = np.empty(p)
    for k in range(len(blocks)):
        block = blocks[k]
        for i in range(p):
            least[i] = max(block[i, i] * _LEAST_PIVOT, 2.0**-1000)
            for j in range(i):
                block[j, i] = block[i, j]
        _factorize(block, least)
        for i in range(p):
            for j in range(i):
                block[i, j] = block[j, i]


@kernel
def precondition(scale, factors, g):
    """Overwrite g[K, p] with what the factors, or without any `scale` (the Hessian's diagonal), make of it."""
    p = g.shape[1]
    if len(factors) == 0:
        for k in range(len(g)):
            for j in range(p):
                g[k, j] /= scale[j]
    for k in range(len(factors)):
        block, x = factors[k], g[k]
        for i in range(p):
            row = block[i]
            value = x[i] / row[i]
            x[i] = value
            for j in range(i + 1, p):
                x[j] -= value * row[j]
        for i in range(p - 1, -1, -1):
            row = block[i]
            value = x[i] / row[i]
            x[i] = value
            for j in range(i):
                x[j] -= value * row[j]
