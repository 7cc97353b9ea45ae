"""Double-double arithmetic: a number is the unevaluated sum ``hi + lo`` of two float64, about 106 bits.

``hi`` is the sum rounded to float64, so ``|lo| <= ulp(hi) / 2``; a float64 `x` is ``(x, 0.0)``. Every function takes
and returns such pairs as scalars and is made of IEEE operations in a fixed order (add, multiply, fma, divide, sqrt), so
it gives the same bits on every machine, in a vectorised loop and outside of one. Fast-math must stay off: it would
"simplify" every error term to zero.

With u = 2^-53, each result is within a few u^2 = 2^-106 of the exact one, relatively, as long as nothing leaves the
normal range: products whose error term falls below 2^-1022 lose it, and sums above 2^1023 overflow, as in float64.

References
----------
T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18 (1971): the pairs.
D. E. Knuth, The Art of Computer Programming, vol. 2 (1969): `two_sum`.
Y. Hida, X. S. Li, D. H. Bailey, "Algorithms for quad-double precision floating point arithmetic", ARITH-15 (2001).
M. Joldes, J.-M. Muller, V. Popescu, "Tight and rigorous error bounds for basic building blocks of double-word
arithmetic", ACM TOMS 44 (2017): the bounds quoted below.
V. Lefèvre, N. Louvet, J.-M. Muller, J. Picot, L. Rideau, "Accurate calculation of Euclidean norms using double-word
arithmetic", ACM TOMS 49 (2023): the bound of `sqrt`.
"""

import math

import numpy as np

from sqlearn.engine.kernels import fma, kernel


@kernel
def two_sum(a, b):
    """The float64 sum of two float64 and its error: ``a + b == s + e``, exactly."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@kernel
def fast_two_sum(a, b):
    """`two_sum` in three operations, for ``|a| >= |b|`` or ``a == 0``."""
    s = a + b
    return s, b - (s - a)


@kernel
def two_prod(a, b):
    """The float64 product of two float64 and its error: ``a * b == p + e``, exactly."""
    p = a * b
    return p, fma(a, b, -p)


@kernel
def add(a_hi, a_lo, b_hi, b_lo):
    """``a + b`` to 3 u^2 of the *result*, whatever cancels (the accurate sum of Hida, Li and Bailey)."""
    s, e = two_sum(a_hi, b_hi)
    t, f = two_sum(a_lo, b_lo)
    s, e = fast_two_sum(s, e + t)
    return fast_two_sum(s, e + f)


@kernel
def multiply(a_hi, a_lo, b_hi, b_lo):
    """``a * b`` to 4 u^2."""
    p, e = two_prod(a_hi, b_hi)
    return fast_two_sum(p, e + fma(a_lo, b_hi, fma(a_hi, b_lo, a_lo * b_lo)))


@kernel
def divide(a_hi, a_lo, b_hi, b_lo):
    """``a / b`` to 15 u^2: a float64 quotient, corrected by the float64 quotient of its exact remainder."""
    q = a_hi / b_hi
    p, e = two_prod(q, b_hi)
    remainder = (a_hi - p) + (a_lo - fma(q, b_lo, e))
    return fast_two_sum(q, remainder / b_hi)


@kernel
def sqrt(a_hi, a_lo):
    """The square root of ``a >= 0`` to 25/8 u^2: one Newton step from the float64 root."""
    if a_hi == 0.0:
        return 0.0, 0.0
    root = math.sqrt(a_hi)
    remainder = fma(-root, root, a_hi) + a_lo
    return fast_two_sum(root, remainder / (2.0 * root))


@kernel
def subtract_multiple(row_hi, row_lo, f_hi, f_lo, other_hi, other_lo, start, stop):
    """``row[start:stop] -= f * other[start:stop]``, in place: the inner loop of every elimination.

    One entry takes 16 operations, no branch and no reduction, so the loop runs eight entries at a time. The error of an
    entry is a few u^2 of ``|row| + |f * other|``, even where the difference cancels: that saves a third of the work of
    `add`, and backward stable elimination asks for no more. (Unsigned indices, since a sign test would stop
    vectorisation; slices instead of bounds would cost more than a short row.)
    """
    for j in range(np.uintp(start), np.uintp(stop)):
        p, e = two_prod(f_hi, other_hi[j])
        e = fma(f_hi, other_lo[j], fma(f_lo, other_hi[j], e))
        s, t = two_sum(row_hi[j], -p)
        row_hi[j], row_lo[j] = fast_two_sum(s, t + (row_lo[j] - e))
