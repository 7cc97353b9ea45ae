"""H as the sum over few records that it is: products by records, and a factor of the records' order by Woodbury.

With ``H = Z S**2 Z.T``, where the columns of Z are the indicators of the records and S has the roots of their amounts,
``ridge (H + ridge I)**-1 = I - Q.T Q`` with ``Q = U**-T S Z.T / sqrt(ridge)`` and ``U.T U = I + S K S / ridge``. Of
``K = Z.T Z`` each number tells how many columns two records share.
"""

import numpy as np
from scipy.linalg import blas, lapack

from sqlearn.engine.kernels import kernel
from sqlearn.engine.solvers.kept_factor import MOST_CHANGES, KeptFactor

_STRIP = 255  # blocks whose matches a byte can count


@kernel
def _sum_columns(starts, places, n, x, found):
    """Sum x over the columns of each record."""
    found[:n] = 0
    for a in range(len(places)):
        of_a, row = x[starts[a] :], places[a]
        for i in range(n):
            found[i] += of_a[row[i]]


@kernel
def _add_to_columns(starts, places, n, x, found):
    """Add the number of each record to its columns."""
    for a in range(len(places)):
        of_a, row = found[starts[a] :], places[a]
        for i in range(n):
            of_a[row[i]] += x[i]


@kernel
def _multiply(starts, places, amounts, n, digits, found):
    """Multiply H by columns of integers, float64[p, m], without rounding: intermediate sums may pass 2**53."""
    x, products, of_records = np.empty(len(digits), np.int64), np.empty(len(digits), np.int64), np.empty(n, np.int64)
    for j in range(digits.shape[1]):
        for c in range(len(x)):
            x[c], products[c] = np.int64(digits[c, j]), 0
        _sum_columns(starts, places, n, x, of_records)
        for i in range(n):
            of_records[i] *= amounts[i]
        _add_to_columns(starts, places, n, of_records, products)
        for c in range(len(x)):
            found[c, j] = products[c]


@kernel
def _sum_all_columns(starts, places, n, x, found):
    for j in range(x.shape[1]):
        _sum_columns(starts, places, n, x[:, j], found[:, j])


@kernel
def _add_to_all_columns(starts, places, n, x, found):
    _add_to_columns(starts, places, n, x, found)


@kernel
def _fill(places, roots, ridge, found):
    """Write the lower triangle of ``I + S K S / ridge``, float64[n, n]."""
    n = len(roots)
    matches, shared = np.empty(n, np.uint8), np.empty(n, np.int64)
    for i in range(n):
        shared[: i + 1] = 0
        for first in range(0, len(places), _STRIP):
            matches[: i + 1] = 0
            for a in range(first, min(first + _STRIP, len(places))):
                row = places[a]
                place = row[i]
                for j in range(i + 1):
                    matches[j] += np.uint8(row[j] == place)
            for j in range(i + 1):
                shared[j] += matches[j]
        for j in range(i + 1):
            found[i, j] = roots[i] * roots[j] * shared[j] / ridge
        found[i, i] += 1.0


class FewRecords:
    """The matrix H of a :class:`~sqlearn.engine.solvers.NormalSystem`, as a list of records.

    Parameters
    ----------
    p : int
        The order of H.
    starts : int64[blocks + 1]
        Where each block of columns starts; a record has one column of each block.
    places : uint8[blocks, most]
        The place of each record's column in the block.
    amounts : int64[most]
        What records are multiplied with; below 0 where a record went that came before. The sum of those of equal
        records is not below 0.
    count : int64[1]
        How many records are in the list. The caller owns all arrays, and appends to them.
    """

    def __init__(self, p: int, starts: np.ndarray, places: np.ndarray, amounts: np.ndarray, count: np.ndarray):
        self._p = p
        self._starts, self._places, self._amounts, self._count = starts, places, amounts, count

    def __len__(self) -> int:
        return self._p

    def row_sum(self) -> float:
        """The largest sum of a row."""
        return float(self.product(np.ones((len(self), 1))).max())

    def product(self, digits: np.ndarray) -> np.ndarray:
        """H times integers; exact if the products are below ``2**53``."""
        found = np.empty_like(digits, order="F")
        _multiply(self._starts, self._places, self._amounts, self._count[0], np.asfortranarray(digits), found)
        return found

    def held(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Starts, places and amounts of the records that did not go."""
        n = int(self._count[0])
        places, amounts = self._places[:, :n], self._amounts[:n]
        if n and amounts.min() <= 0:
            places, amounts = merged(places, amounts[None])
            amounts = amounts[0]
        return self._starts, np.ascontiguousarray(places), amounts

    def new_factor(self) -> KeptFactor:
        return FactorOfRecords(len(self))


def merged(places: np.ndarray, amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Records, each of which is there once, and none that went: places uint8[blocks, n], and amounts int64[K, n]."""
    keys = np.ascontiguousarray(places.T)
    first: dict[bytes, int] = {}
    groups = np.array([first.setdefault(key.tobytes(), i) for i, key in enumerate(keys)], np.int64)
    sums = np.zeros_like(amounts)
    for total, of_output in zip(sums, amounts, strict=True):
        np.add.at(total, groups, of_output)
    kept = np.flatnonzero(sums.any(0))
    return places[:, kept], sums[:, kept]


class FactorOfRecords(KeptFactor):
    """That of few records."""

    def _factorized(self, h: FewRecords) -> bool:
        self._starts, self._places, amounts = h.held()
        self._roots, n = np.sqrt(amounts), len(amounts)
        self.most = min(MOST_CHANGES, 1 + n // 8)
        matrix = np.empty((n, n))
        _fill(self._places, self._roots, self.ridge, matrix)
        if not n:
            self._upper = matrix
            return True
        self._upper, info = lapack.dpotrf(matrix.T, lower=0, overwrite_a=1, clean=0)
        return not info

    def _rows(self) -> int:
        return self._p + len(self._roots)

    def _forward(self, columns: np.ndarray) -> np.ndarray:
        n = len(self._roots)
        below = np.empty((n, columns.shape[1]), order="F")
        _sum_all_columns(self._starts, self._places, n, columns, below)
        below *= self._roots[:, None] / self.ridge**0.5
        if n:
            below = blas.dtrsm(1.0, self._upper, below, lower=0, trans_a=1, overwrite_b=1)
        return np.asfortranarray(np.concatenate((columns, below))) / self.ridge**0.5

    def _products(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return left[: self._p].T @ right[: self._p] - left[self._p :].T @ right[self._p :]

    def _backward(self, y: np.ndarray) -> np.ndarray:
        n, x = len(self._roots), np.zeros(self._p)
        if n:
            below = blas.dtrsv(self._upper, y[self._p :], lower=0) * self._roots / self.ridge**0.5
            _add_to_all_columns(self._starts, self._places, n, below, x)
        return (y[: self._p] - x) / self.ridge**0.5
