"""From exact moments to parameters: symmetric positive semi-definite systems ``G b = c`` in double-double.

The normal equations square the condition number, which is why least squares is usually solved from the data, by QR or
SVD. Here the moments are exact and the arithmetic has 106 bits: an error of order ``cond^2 2^-104`` is below the
``cond 2^-53`` of float64 QR for every condition number that QR can deal with. And the data need not be kept.

**Scaling.** The caller divides row and column j of G by the power of two ``2^s_j`` that brings the diagonal into
[1/4, 1) (a zero diagonal stays zero), which rounds nothing: ``G_s = D^-1 G D^-1`` with ``D = diag(2^s_j)``,
``C_s = D^-1 C``. Solutions are scaled likewise, ``B_s = D B``; hence ``B = ldexp(B_s, -s)``.

**Rank.** Cholesky with diagonal pivoting (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section
10.3), on the diagonal relative to the original one: ``a_jj / g_jj`` is the squared sine of the angle between column j
and the span of the columns already taken. At or below `TOLERANCE` = 2^-86 it counts as zero. Three magnitudes decide:

- arithmetic: the error of a reduced diagonal entry is of order ``d 2^-104 g_jj``, 2^-94 for a thousand columns
  (pivoting keeps its growth modest), so what depends exactly on other columns comes out below the bound;
- data: a column that is a float64-rounded combination of others lies within about 2^-53 of their span, which leaves
  2^-106; the bound has room for a rounding 2^10 times larger, as when the combination (or its centring) cancels;
- truth: what is above counts. The ten powers of NIST's Filip problem, the hardest of its kind, have 2^-58.

**Minimum norm.** Where columns depend on others, b is the solution of least Euclidean norm *before* scaling, as
scikit-learn's ``lstsq`` has it. In the columns taken ("basic") and the others ("free"), all solutions are
``x_basic + T x_free = w``, from triangular solves. In unscaled terms T is ``M = D_basic^-1 T D_free``, whose entries
may have any size. Exchanging a basic and a free column where ``|M_ij| > 2`` more than doubles the volume of the basis,
so that ends, with no entry above 2 (the strong rank-revealing idea of Gu and Eisenstat, SIAM J. Sci. Comput. 17, 1996).
Then ``b_basic = (I + M M^T)^-1 w`` and ``b_free = M^T b_basic``, a well-conditioned system however the columns are
scaled (up to 2^900 apart). Entries of T that only rounding made non-zero must not get there: those up to `TOLERANCE`
are dropped (the error of the arithmetic), and those up to `NOISE` (of the data) if scales could make them matter, where
the free column is so much larger than the basic one that ``b_j = M_ij b_i`` would weigh more than `NOISE` in the fit.

Everything is plain IEEE arithmetic in a fixed order, without BLAS, LAPACK or libm: the same bits on every machine.
"""

from dataclasses import dataclass

import numpy as np

from sqlearn.engine.arithmetic.double_double import add, divide, multiply, sqrt, subtract_multiple
from sqlearn.engine.kernels import bits_float, kernel

TOLERANCE = 2.0**-86
NOISE = 2.0**-43  # the same bound for an entry of T: dropping it moves a column by what the rank test lets pass


@dataclass(frozen=True, eq=False, slots=True)
class Factor:
    """The pivoted Cholesky factor of a scaled matrix: ``R^T R = G_s`` with its columns in the order of `permutation`.

    Attributes
    ----------
    rank : int
        The number of columns that do not depend on others.
    permutation : int64 array of shape (d,)
        The columns in the order they were taken; those from `rank` on depend on the ones before.
    hi, lo : float64 arrays of shape (d, d)
        R in double-double: the upper trapezoid of the first `rank` rows; the rest is scratch.
    exponents : int64 array of shape (d,)
        The scaling: column j was divided by ``2^exponents[j]``.
    """

    rank: int
    permutation: np.ndarray
    hi: np.ndarray
    lo: np.ndarray
    exponents: np.ndarray

    def solve(self, c_hi, c_lo):
        """The scaled solution of ``G_s B_s = C_s``; the one of minimum norm before scaling where there are many.

        Parameters
        ----------
        c_hi, c_lo : float64 arrays of shape (d, t)
            One scaled right-hand side per column, each of any magnitude; consistent, as ``X^T y`` is.

        Returns
        -------
        b_hi, b_lo : float64 arrays of shape (d, t)
        """
        return _solve(self.hi, self.lo, self.permutation, self.rank, self.exponents, c_hi, c_lo)

    def reduce(self, c_hi, c_lo):
        """A data set of `rank` rows with the moments of the data, in float64: ``R^T R = G_s`` and ``R^T z = C_s``.

        Returns
        -------
        R : float64 array of shape (rank, d)
            In the caller's order of columns.
        z : float64 array of shape (rank, t)
        """
        r = np.empty((self.rank, len(self.permutation)))
        r[:, self.permutation] = np.triu(self.hi[: self.rank])
        z_hi, z_lo = _permuted(c_hi, c_lo, self.permutation)
        _forward(self.hi, self.lo, self.rank, z_hi, z_lo)
        return r, np.ascontiguousarray(z_hi[:, : self.rank].T)


def pivoted_factor(g_hi, g_lo, exponents):
    """Pivoted Cholesky of a scaled positive semi-definite matrix, in double-double; ties go to the lowest index.

    Parameters
    ----------
    g_hi, g_lo : float64 arrays of shape (d, d)
        The scaled matrix, diagonal in [1/4, 1) or zero. Only the upper triangle is read; neither is changed.
    exponents : int64 array of shape (d,)
        The scaling; it decides which of many solutions has minimum norm, and nothing else.
    """
    hi, lo = g_hi.copy(), g_lo.copy()
    permutation = np.arange(len(hi))
    rank = _cholesky(hi, lo, permutation)
    return Factor(rank, permutation, hi, lo, exponents)


@kernel
def intercept(sy_hi, sy_lo, sx_hi, sx_lo, n_hi, n_lo, b_hi, b_lo):
    """``(sum y - sum_j b_j sum x_j) / n`` per target.

    `sy` has shape (t,), `sx` (d,), the *unscaled* `b` (d, t); `n` is a number.
    """
    hi, lo = sy_hi.copy(), sy_lo.copy()
    for j in range(sx_hi.size):
        subtract_multiple(hi, lo, sx_hi[j], sx_lo[j], b_hi[j], b_lo[j], np.int64(0), hi.size)
    for k in range(hi.size):
        hi[k], lo[k] = divide(hi[k], lo[k], n_hi, n_lo)
    return hi, lo


@kernel
def residual(y_hi, y_lo, c_hi, c_lo, b_hi, b_lo):
    """``y'y - b'c`` per target, float64: what least squares coefficients leave of ``y'y``, after all cancelling.

    `y` has shape (t,), `c` and the solution `b` (d, t), scaled alike.
    """
    out = np.empty(y_hi.size)
    for k in range(y_hi.size):
        hi, lo = y_hi[k], y_lo[k]
        for j in range(c_hi.shape[0]):
            p_hi, p_lo = multiply(b_hi[j, k], b_lo[j, k], c_hi[j, k], c_lo[j, k])
            hi, lo = add(hi, lo, -p_hi, -p_lo)
        out[k] = hi
    return out


@kernel
def _power_of_two(exponent):
    """``2.0 ** exponent``, clipped to the normal numbers."""
    return bits_float((min(max(exponent, -1022), 1023) + 1023) << 52)


@kernel
def _cholesky(hi, lo, order):
    """Replace the upper triangle by its factor, permuted, and return the rank (right-looking: outer products)."""
    d = order.size
    original = np.empty(d)
    for j in range(d):
        original[j] = hi[j, j]
    for k in range(d):
        largest, p = TOLERANCE, d
        for j in range(k, d):
            if hi[j, j] > 0.0:
                ratio = hi[j, j] / original[j]
                if ratio > largest or (ratio == largest and p < d and order[j] < order[p]):
                    largest, p = ratio, j
        if p == d:
            return k
        if p != k:
            _interchange(hi, k, p)
            _interchange(lo, k, p)
            order[k], order[p] = order[p], order[k]
            original[k], original[p] = original[p], original[k]
        hi[k, k], lo[k, k] = sqrt(hi[k, k], lo[k, k])
        inverse_hi, inverse_lo = divide(1.0, 0.0, hi[k, k], lo[k, k])
        for j in range(k + 1, d):
            hi[k, j], lo[k, j] = multiply(hi[k, j], lo[k, j], inverse_hi, inverse_lo)
        for i in range(k + 1, d):
            subtract_multiple(hi[i], lo[i], hi[k, i], lo[k, i], hi[k], lo[k], i, d)
    return d


@kernel
def _interchange(a, k, p):
    """Interchange rows and columns k < p of a symmetric matrix of which the upper triangle is stored."""
    for i in range(k):
        a[i, k], a[i, p] = a[i, p], a[i, k]
    for i in range(k + 1, p):
        a[k, i], a[i, p] = a[i, p], a[k, i]
    for j in range(p + 1, a.shape[1]):
        a[k, j], a[p, j] = a[p, j], a[k, j]
    a[k, k], a[p, p] = a[p, p], a[k, k]


@kernel
def _permuted(c_hi, c_lo, order):
    """The columns of c as rows, each in the given order."""
    hi, lo = np.empty((c_hi.shape[1], order.size)), np.empty((c_hi.shape[1], order.size))
    for k in range(c_hi.shape[1]):
        for j in range(order.size):
            hi[k, j], lo[k, j] = c_hi[order[j], k], c_lo[order[j], k]
    return hi, lo


@kernel
def _forward(r_hi, r_lo, rank, hi, lo):
    """Replace each row y of (hi, lo) by the solution z of ``R^T z = y``, in its first `rank` entries."""
    for k in range(len(hi)):
        for j in range(rank):
            hi[k, j], lo[k, j] = divide(hi[k, j], lo[k, j], r_hi[j, j], r_lo[j, j])
            subtract_multiple(hi[k], lo[k], hi[k, j], lo[k, j], r_hi[j], r_lo[j], j + 1, rank)


@kernel
def _general_solution(r_hi, r_lo, order, rank, c_hi, c_lo):
    """Solve ``R^T R x = c`` for the basic columns: all solutions are ``x_basic + T x_free = w``.

    Returns a double-double array of d + t rows and `rank` columns: the first `rank` rows hold ``R^T`` (its rows are
    contiguous, as backward substitution by columns wants them), the next ``d - rank`` rows ``T^T``, the last t rows w.
    """
    d, t = order.size, c_hi.shape[1]
    z_hi, z_lo = _permuted(c_hi, c_lo, order)
    _forward(r_hi, r_lo, rank, z_hi, z_lo)
    hi, lo = np.empty((d + t, rank)), np.empty((d + t, rank))
    for i in range(rank):
        for j in range(i, d):
            hi[j, i], lo[j, i] = r_hi[i, j], r_lo[i, j]
    for k in range(t):
        for j in range(rank):  # one by one: numba takes a second to compile the assignment of a slice
            hi[d + k, j], lo[d + k, j] = z_hi[k, j], z_lo[k, j]
    for k in range(rank, d + t):
        for j in range(rank - 1, -1, -1):
            hi[k, j], lo[k, j] = divide(hi[k, j], lo[k, j], hi[j, j], lo[j, j])
            subtract_multiple(hi[k], lo[k], hi[k, j], lo[k, j], hi[j], lo[j], np.int64(0), j)
    return hi, lo


def _solve(r_hi, r_lo, permutation, rank, exponents, c_hi, c_lo):
    (d, t), order = c_hi.shape, permutation.copy()
    largest = np.frexp(np.abs(c_hi).max(axis=0, initial=0.0))[1]
    scale = np.ldexp(1.0, np.clip(largest, -1000, 1000))  # every target to about 1, so that no error term underflows
    hi, lo = _general_solution(
        r_hi, r_lo, order, rank, np.ascontiguousarray(c_hi / scale), np.ascontiguousarray(c_lo / scale)
    )
    b_hi, b_lo = np.zeros((t, d)), np.zeros((t, d))
    b_hi[:, :rank], b_lo[:, :rank] = hi[d:], lo[d:]
    if rank < d:  # asked here and not in a kernel: the kernel takes seconds to compile, and is seldom needed
        _minimum_norm(hi, lo, order, exponents[order], b_hi, b_lo)
    solution = np.empty((2, d, t))
    solution[0, order], solution[1, order] = (b_hi * scale[:, None]).T, (b_lo * scale[:, None]).T
    return solution[0], solution[1]


@kernel
def _minimum_norm(hi, lo, order, s, b_hi, b_lo):
    """From the general solution (hi, lo) to the scaled solution b that has minimum norm before scaling, in place."""
    d, (t, rank) = order.size, (len(b_hi), hi.shape[1])
    _exchange(hi, lo, order, s, d)
    a_hi, a_lo = np.eye(rank), np.zeros((rank, rank))
    for j in range(rank, d):
        for i in range(rank):  # T^T becomes M^T
            power = _power_of_two(s[j] - s[i])
            if abs(hi[j, i]) <= (TOLERANCE if abs(hi[j, i]) * power * power <= NOISE else NOISE):
                power = 0.0
            hi[j, i] *= power
            lo[j, i] *= power
        for i in range(rank):
            subtract_multiple(a_hi[i], a_lo[i], -hi[j, i], -lo[j, i], hi[j], lo[j], i, rank)
    smallest = s[:rank].min() if rank else 0
    w_hi, w_lo = np.empty((rank, t)), np.empty((rank, t))
    for i in range(rank):
        w_hi[i] = hi[d:, i] * _power_of_two(smallest - s[i])
        w_lo[i] = lo[d:, i] * _power_of_two(smallest - s[i])
    inner = np.arange(rank)
    _cholesky(a_hi, a_lo, inner)
    x_hi, x_lo = _general_solution(a_hi, a_lo, inner, rank, w_hi, w_lo)
    for k in range(t):
        for i in range(rank):
            b_hi[k, inner[i]], b_lo[k, inner[i]] = x_hi[rank + k, i], x_lo[rank + k, i]
        for j in range(rank, d):
            for i in range(rank):
                p_hi, p_lo = multiply(hi[j, i], lo[j, i], b_hi[k, i], b_lo[k, i])
                b_hi[k, j], b_lo[k, j] = add(b_hi[k, j], b_lo[k, j], p_hi, p_lo)
        for j in range(d):
            b_hi[k, j] *= _power_of_two(s[j] - smallest)
            b_lo[k, j] *= _power_of_two(s[j] - smallest)


@kernel
def _exchange(hi, lo, order, s, d):
    """Exchange basic and free columns, the largest entry of M first, until none is above 2."""
    rank = hi.shape[1]
    for _ in range(64 * d):  # far more than ever needed: every exchange doubles the volume
        largest, a, i = 2.0, d, 0
        for j in range(rank, d):
            for k in range(rank):
                if abs(hi[j, k]) > NOISE and abs(hi[j, k]) * _power_of_two(s[j] - s[k]) > largest:
                    largest, a, i = abs(hi[j, k]) * _power_of_two(s[j] - s[k]), j, k
        if a == d:
            return
        p_hi, p_lo = hi[a, i], lo[a, i]
        for j in range(rank, len(hi)):
            if j != a:
                f_hi, f_lo = divide(hi[j, i], lo[j, i], p_hi, p_lo)
                subtract_multiple(hi[j], lo[j], f_hi, f_lo, hi[a], lo[a], np.int64(0), rank)
                hi[j, i], lo[j, i] = f_hi, f_lo
        hi[a, i], lo[a, i] = -1.0, 0.0
        for k in range(rank):
            hi[a, k], lo[a, k] = divide(-hi[a, k], -lo[a, k], p_hi, p_lo)
        order[i], order[a] = order[a], order[i]
        s[i], s[a] = s[a], s[i]
