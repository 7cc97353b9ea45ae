"""ExactSum: an array of sums of float64 values and products, exact, so that adding and subtracting commute."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from sqlearn.engine.arithmetic import round_limbs, trimmed
from sqlearn.engine.kernels import kernel, make_ready
from sqlearn.engine.sums.deposit import deposit_outer, deposit_values
from sqlearn.engine.sums.memory import installed
from sqlearn.errors import FormatError, TooLargeError

FEW_LIMBS = 6  # a product of float64 values near 1 takes four or five

# A record adds at most 2**32 units to a limb, one with a weight at most 2**33 (deposit.py takes a triple product in two
# parts); a carried limb holds at most 2**31, and float64 integers are exact up to 2**53: so 2**19 records fit between
# two carries.
_DEPOSITS_PER_CARRY = 1 << 19
_FARTHEST = 1000  # limbs from the point: the product of any three float64 lies within 110


@kernel
def _carry(limbs):
    """Bring every limb but the highest into [-2**31, 2**31); whether the highest is there too."""
    n_limbs, slots, cells = limbs.shape
    fits = True
    for l in range(n_limbs - 1):
        for r in range(slots):
            for c in range(cells):
                digit = np.int64(limbs[l, r, c])
                carry = (digit + (1 << 31)) >> 32
                if carry != 0:
                    limbs[l, r, c] = np.float64(digit - (carry << 32))
                    limbs[l + 1, r, c] += np.float64(carry)
    if n_limbs:
        for r in range(slots):
            for c in range(cells):
                digit = limbs[n_limbs - 1, r, c]
                if digit >= 2.0**31 or digit < -(2.0**31):
                    fits = False
    return fits


@dataclass
class Deposit:
    """Terms of records for an :class:`ExactSum`, to be added or subtracted.

    Attributes
    ----------
    n : int
        Number of records.
    kernel : callable
        Kernel of :mod:`~sqlearn.engine.sums.deposit`.
    arrays, workspace : tuple
        What it takes first, and last: records, and arrays to work in, so that it asks for no memory itself.
    """

    n: int
    kernel: Callable
    arrays: tuple
    workspace: tuple = ()


class ExactSum:
    """A matrix of exact sums.

    Cell ``[r, c]`` has the value ``sum over l of limbs[l, r, c] * 2**(32 * (base + l))``; every limb is an integer in a
    float64. The window ``base .. base + len(limbs) - 1`` covers all bits of all values deposited. It grows on demand,
    and shrinks only by :meth:`trim`: what was deposited can then be taken out without new memory. The window is not
    part of the value: two sums are equal when their :meth:`canonical` bytes are, and those hold no more than the value
    needs.

    Parameters
    ----------
    slots, cells : int
        Shape of the matrix.
    limbs : float64[L, slots, cells], optional
        Carried limbs to begin with; all cells are 0 by default.
    base : int
        Index of the lowest limb.

    Attributes
    ----------
    limbs : float64[L, slots, cells]
        Limbs, lowest first.
    base : int
        Index of the lowest limb.

    Notes
    -----
    Why the result is exact is argued in docs/exactness.md, sections 1 to 3.
    """

    def __init__(self, slots: int, cells: int, limbs: np.ndarray | None = None, base: int = 0):
        self.limbs = np.zeros((0, slots, cells)) if limbs is None else limbs
        self.base = base
        self.deposits_left = _DEPOSITS_PER_CARRY
        self._need = np.zeros(2, np.int64)

    @property
    def shape(self) -> tuple[int, int]:
        return self.limbs.shape[1:]

    @property
    def nbytes(self) -> int:
        return self.limbs.nbytes

    def grow_to(self, low: int, high: int) -> None:
        """Grow the window so that it holds limbs `low` to `high`."""
        if not len(self.limbs):
            self.base = low
        below = max(0, self.base - low)
        above = max(0, high + 1 - self.base - len(self.limbs))
        if below or above:
            if below + above > 1:  # a carry adds one, and must not be refused in the middle of an undo
                self._refuse(below + len(self.limbs) + above)
            self._grow(below, (below + len(self.limbs) + above, *self.shape))
            self.base -= below

    def _refuse(self, n_limbs: int) -> None:
        """Refuse a window that memory cannot hold beside the old one."""
        needed = 8 * n_limbs * self.shape[0] * self.shape[1]
        if needed > installed() // 2:
            raise TooLargeError(
                f"Values of such different sizes need {n_limbs} limbs in each of {self.shape[0] * self.shape[1]:,} "
                f"exact sums: {needed / 1e9:,.1f} GB, and this machine has {installed() / 1e9:,.0f} GB. Nothing was "
                "changed: leave out the row whose values are extreme, or scale its columns."
            )

    def resize(self, slots: int, cells: int) -> None:
        """Add slots and cells of zeros."""
        if (slots, cells) != self.shape:
            self._grow(0, (len(self.limbs), slots, cells))

    def _grow(self, below: int, shape: tuple[int, int, int]) -> None:
        grown = np.zeros(shape)  # np.pad would write the zeros, and touch memory that may never be used
        grown[below : below + len(self.limbs), : self.shape[0], : self.shape[1]] = self.limbs
        self.limbs = grown

    def deposit(self, deposit: Deposit, sign: float, record_counts: np.ndarray) -> None:
        """Add (1.0) or subtract (-1.0) records' terms, all or nothing; the window grows."""
        start, n = 0, deposit.n
        try:
            while start < n:
                if self.deposits_left <= 0:
                    self.carry()
                stop = min(n, start + self.deposits_left)
                reached = self._run(deposit, start, stop, sign, record_counts)
                self.deposits_left -= reached - start
                start = reached
                if start < stop:
                    self.grow_to_need()
        except BaseException:  # no memory for a wider window
            self.take_back(deposit, start, sign, record_counts)
            raise

    def _run(self, deposit, start, stop, sign, record_counts):
        return deposit.kernel(
            *deposit.arrays, start, stop, sign, self.limbs, self.base, record_counts, self._need, *deposit.workspace
        )

    def make_ready(self, deposit: Deposit | None, record_counts: np.ndarray) -> None:
        """Have the code for :meth:`take_back` in memory; None stands for what :meth:`deposit` runs as well."""
        make_ready(_carry, self.limbs[:0])
        if deposit is not None:
            self._run(deposit, 0, 0, 1.0, record_counts)

    def take_back(self, deposit: Deposit, n: int, sign: float, record_counts: np.ndarray) -> None:
        """Undo :meth:`deposit` for the first `n` records, without memory.

        Every sum on the way back was one on the way forth, or differs from one by a block at most, so it fits the
        window as it is, the highest limb below 2**53. A carry here does not grow the window, so it may leave more in
        that limb than others do: then the next deposit has to carry, too.
        """
        start, carried = 0, False
        while start < n:
            if self.deposits_left <= 0:
                _carry(self.limbs)
                self.deposits_left, carried = _DEPOSITS_PER_CARRY, True
            stop = min(n, start + self.deposits_left)
            self._run(deposit, start, stop, -sign, record_counts)
            self.deposits_left -= stop - start
            start = stop
        if carried:
            self.deposits_left = 0

    def deposit_values(self, values: np.ndarray, sign: float) -> None:
        """Add one float64 to each cell of slot 0."""
        self.reserve(1)
        while not deposit_values(values, 0, sign, *self.window()):
            self.grow_to_need()

    def deposit_outer(self, left: np.ndarray, right: np.ndarray, sign: float, first: int = 0) -> None:
        """Add ``left_i * right_j`` to cell ``first + i * len(right) + j`` of slot 0."""
        self.reserve(1)
        while not deposit_outer(left, right, first, sign, *self.window()):
            self.grow_to_need()

    def window(self) -> tuple:
        """``(limbs, base, need)`` as kernels take them; `need` is where they say which limbs were missing."""
        return self.limbs, self.base, self._need

    def grow_to_need(self) -> None:
        """Grow the window by what the last kernel said was missing."""
        self.grow_to(*self._need.tolist())

    def reserve(self, deposits: int) -> None:
        """Make sure that so many deposits fit, and count them as done."""
        if self.deposits_left < deposits:
            self.carry()
        self.deposits_left -= deposits

    def carry(self) -> None:
        """Propagate carries, so that 2**19 more deposits fit."""
        while not _carry(self.limbs):
            self.grow_to(self.base, self.base + len(self.limbs))
        self.deposits_left = _DEPOSITS_PER_CARRY

    @property
    def is_wide(self) -> bool:
        """Whether there are more limbs than values of one order of magnitude take, an outer one of them without use."""
        return len(self.limbs) > FEW_LIMBS and not (self.limbs[-1].any() and self.limbs[0].any())

    def trim(self) -> None:
        """Give back outer limbs that are zero in every cell: an extreme value is gone.

        Not before what may have to be undone, nor where an interrupt could come in between.
        """
        low, high = 0, len(self.limbs)
        while high and not self.limbs[high - 1].any():
            high -= 1
        while low < high and not self.limbs[low].any():
            low += 1
        if high - low < len(self.limbs):
            with suppress(MemoryError):  # the wider window serves as well
                self.limbs, self.base = self.limbs[low:high].copy(), self.base + low

    def digits(self) -> tuple[np.ndarray, int]:
        """Balanced base-2**32 digits of every cell, and the index of the lowest.

        Returns
        -------
        digits : int64[slots, cells, L]
            Each in [-2**31, 2**31), lowest first; no outer digit is zero in all cells.
        low : int
            The digits' value is ``sum over l of digits[..., l] * 2**(32 * (low + l))``.
        """
        return trimmed(*self._balanced())

    def _balanced(self) -> tuple[np.ndarray, int]:
        """What :meth:`digits` returns, but with outer digits that are zero."""
        carried = ExactSum(0, 0)
        carried.limbs, carried.base = self.limbs.copy(), self.base
        carried.carry()
        return carried.limbs.transpose(1, 2, 0).astype(np.int64), carried.base

    def round(self) -> np.ndarray:
        """Every cell's nearest float64 (ties to even; infinite beyond float64's range), float64[slots, cells]."""
        out = np.zeros(self.shape)
        if len(self.limbs):
            round_limbs(self.limbs.reshape(len(self.limbs), -1), self.base, out.reshape(-1))
        return out

    def add(
        self, other: "ExactSum", source: tuple[np.ndarray, np.ndarray], target: tuple[np.ndarray, np.ndarray]
    ) -> None:
        """Add the ``(slots, cells)`` `source` of `other` to the `target` of this sum; all targets are different."""
        digits, low = other.digits()
        if not digits.size:
            return
        self.reserve(1)
        self.grow_to(low, low + digits.shape[-1] - 1)
        chosen = digits[np.ix_(*source)]
        for k in range(digits.shape[-1]):
            self.limbs[low - self.base + k][np.ix_(*target)] += chosen[:, :, k]

    def copy(self) -> "ExactSum":
        return self.of_window(self.limbs.copy(), 0)

    def of_window(self, limbs: np.ndarray, deposits: int) -> "ExactSum":
        """A sum of other limbs in the same window, so many deposits later."""
        _, slots, cells = limbs.shape
        other = ExactSum(slots, cells, limbs, self.base)
        other.deposits_left = self.deposits_left - deposits
        return other

    def canonical(self, slots: np.ndarray, cells: np.ndarray | slice = slice(None)) -> bytes:
        """Bytes that are equal exactly when the values are: header of four int64, then int32 digits, little-endian.

        Parameters
        ----------
        slots : int array
            The slots to write, in this order.
        cells : int array or slice
            The cells to write, in this order.
        """
        digits, low = self._balanced()
        digits, low = trimmed(digits[slots][:, cells], low)
        header = np.array([low, digits.shape[2], digits.shape[0], digits.shape[1]], "<i8")
        return header.tobytes() + digits.astype("<i4").tobytes()

    @classmethod
    def restore(cls, data: bytes) -> "ExactSum":
        """The sum that :meth:`canonical` wrote.

        Raises
        ------
        FormatError
            When `data` is cut short or too long.
        """
        header = np.frombuffer(data[:32], "<i8") if len(data) >= 32 else np.full(4, -1)
        low, n_limbs, slots, cells = header.tolist()
        outside = not -_FARTHEST <= low <= low + n_limbs <= _FARTHEST
        if outside or min(n_limbs, slots, cells) < 0 or len(data) != 32 + 4 * n_limbs * slots * cells:
            raise FormatError("These bytes are not an exact sum: header and length do not agree. Load the model again.")
        digits = np.frombuffer(data, "<i4", offset=32)
        limbs = np.ascontiguousarray(np.moveaxis(digits.reshape(slots, cells, n_limbs), -1, 0), np.float64)
        return cls(slots, cells, limbs, low)
