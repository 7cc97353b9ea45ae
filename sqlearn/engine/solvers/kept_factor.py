"""A Cholesky factor that is kept while its matrix changes: Woodbury's formula does the rest, in float64."""

from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

MOST_CHANGES = 128  # with more, a fresh factor costs less
_BLOCK = 64  # rows whose sums are taken at once


class WrittenOut:
    """The matrix H as an array, float64[p, p], of which only the lower triangle is read."""

    def __init__(self, written: np.ndarray):
        self.written = written

    def __len__(self) -> int:
        return len(self.written)

    def row_sum(self) -> float:
        """The largest sum of absolute values of a row."""
        rows = np.zeros(len(self))
        for start in range(0, len(self), _BLOCK):
            block = np.tril(self.written[start : start + _BLOCK, : start + _BLOCK], start)
            np.abs(block, out=block)
            rows[: block.shape[1]] += block.sum(0)
            rows[start : start + _BLOCK] += block.sum(1) - block[:, start:].diagonal()
        return float(rows.max())

    def product(self, digits: np.ndarray) -> np.ndarray:
        """H times columns of digits."""
        return blas.dsymm(1.0, self.written.T, digits, lower=0)

    def new_factor(self) -> "KeptFactor":
        return KeptFactor(len(self))


class KeptFactor:
    """Approximate solutions for ``H + ridge I``, from a factor of it and the changes since.

    With ``H + ridge I = U.T U + Z diag(amounts) Z.T``, where the columns of Z are the indicators of the changes,
    ``U.T W = Z`` is solved once for each change. Subclasses have other factors of the first term's inverse.

    Parameters
    ----------
    p : int
        The order of H.
    """

    def __init__(self, p: int):
        self._p = p
        self.most = min(MOST_CHANGES, 1 + p // 8)  # changes that can be taken in
        self.ridge = 0.0  # the one in the factor
        self._upper: np.ndarray | None = None
        self._columns: list[bytes] = []
        self._amounts: list[float] = []
        self._solved = np.empty((p, 0), order="F")  # W, of which _count columns are there
        self._known = np.empty((0, 0))  # W.T W
        self._count = 0

    def factorize(self, h: Any, ridge: float) -> None:
        """Factorize H as it is, with the ridge raised until that succeeds."""
        self._columns, self._amounts, self._count = [], [], 0
        self.ridge = ridge
        while not self._factorized(h):
            self.ridge *= 4
        if self._solved.shape != (self._rows(), self.most):
            self._solved = np.empty((self._rows(), self.most), order="F")
            self._known = np.empty((self.most, self.most))

    def _factorized(self, h: Any) -> bool:
        """Factorize H, which is written out, with the ridge that is set; False if that fails."""
        if self._upper is None:
            self._upper = np.empty((self._p, self._p), order="F")
        np.copyto(self._upper, h.written.T)
        self._upper.flat[:: self._p + 1] += self.ridge
        self._upper, info = lapack.dpotrf(self._upper, lower=0, overwrite_a=1, clean=0)
        return not info

    def _rows(self) -> int:
        """Length of a column of W."""
        return self._p

    def _forward(self, columns: np.ndarray) -> np.ndarray:
        """Solve for columns of W; those given may be overwritten."""
        if columns.shape[1] == 1:
            return blas.dtrsv(self._upper, columns[:, 0], lower=0, trans=1)[:, None]
        return blas.dtrsm(1.0, self._upper, columns, lower=0, trans_a=1, overwrite_b=1)

    def _products(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """The products of columns of W."""
        return left.T @ right

    def _backward(self, y: np.ndarray) -> np.ndarray:
        return blas.dtrsv(self._upper, y, lower=0)

    def take_in(self, changes: dict[bytes, float]) -> bool:
        """Append changes (columns as bytes, and amounts); False if these are too many, and a fresh factor is due."""
        places = {key: i for i, key in enumerate(self._columns)}
        for key in changes.keys() & places.keys():
            self._amounts[places[key]] += changes[key]
        new = [key for key in changes if key not in places]
        if len(self._amounts) + len(new) > self.most:  # without those that were undone
            kept = [i for i, amount in enumerate(self._amounts) if amount]
            self._solved[:, : len(kept)] = self._solved[:, kept]
            self._known[: len(kept), : len(kept)] = self._known[np.ix_(kept, kept)]
            self._amounts, self._columns = [self._amounts[i] for i in kept], [self._columns[i] for i in kept]
            self._count = len(kept)
        self._amounts += [changes[key] for key in new]
        self._columns += new
        return len(self._amounts) <= self.most

    def most_added(self) -> float:
        """At least what the changes add to the sum of absolute values of a row."""
        return sum(abs(amount) * (len(key) // 8) for amount, key in zip(self._amounts, self._columns, strict=True))

    def solve(self, right: np.ndarray) -> np.ndarray:
        """About the solution for a right-hand side; anything if rounding has made the formula's system singular."""
        start, stop = self._count, len(self._amounts)
        columns = np.zeros((self._p, stop - start + 1), order="F")  # one pass over the factor for all
        for j in range(start, stop):
            columns[np.frombuffer(self._columns[j], np.int64), j - start] = 1.0
        columns[:, -1] = right
        columns = self._forward(columns)
        if stop > start:
            self._append(columns[:, :-1])
        y = columns[:, -1]
        if stop:
            amounts, solved = np.array(self._amounts), self._solved[:, :stop]
            system = np.eye(stop) + amounts[:, None] * self._known[:stop, :stop]
            y = y - solved @ lapack.dgesv(system, amounts * self._products(solved, y))[2]
        return self._backward(y)

    def _append(self, columns: np.ndarray) -> None:
        start, stop = self._count, self._count + columns.shape[1]
        self._solved[:, start:stop] = columns
        products = self._products(self._solved[:, :stop], columns)
        self._known[:stop, start:stop] = products
        self._known[start:stop, :stop] = products.T
        self._count = stop
