"""Many ordered multisets in arrays that they share, and what is read from them."""

from contextlib import suppress
from typing import Any

import numpy as np

from sqlearn.engine.kernels import make_ready
from sqlearn.engine.ordered.blocks import (
    ARENA,
    EMPTY,
    FILLED,
    FREE,
    SIZE,
    WASTED,
    append,
    below,
    contents,
    most_frequent,
    put_all,
    select,
    shift,
    sweep,
    total_of,
)
from sqlearn.errors import FormatError

_ONE = np.ones(1, np.int64)
_UNFIT = "These ordered values are inconsistent. Load an intact copy, or fit the model anew."


class OrderedLists:
    """Ordered multisets of float64 without zeros; see :mod:`~sqlearn.engine.ordered.blocks`.

    Parameters
    ----------
    number : int
        How many lists there are.

    Attributes
    ----------
    lists : tuple of ndarray
        Of the arena: blocks, least values and total counts. Of each list: where its directory begins, how many places
        it has, how many blocks. Last, the number of missing values of each list, which are among no others.
    pool : tuple of ndarray
        Of each block: values, counts, number of entries, whether any may have the count 0; free blocks; counters.
    """

    def __init__(self, number: int) -> None:
        self.lists = _empty_lists(number, 0)
        self.pool = _empty_pool(0)

    def __len__(self) -> int:
        return len(self.lists[-1])

    @property
    def missing(self) -> np.ndarray:
        """Number of missing values of each list: the same array until :meth:`resize` or :meth:`prune`."""
        return self.lists[-1]

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take up."""
        return sum(array.nbytes for array in (*self.lists, *self.pool))

    # ------------------------------------------------------------------ changing

    def resize(self, number: int) -> None:
        """Have so many lists, no fewer than before."""
        grown = _empty_lists(number, 0)
        for new, old in zip(grown[3:], self.lists[3:], strict=True):
            new[: len(old)] = old
        self.lists = (*self.lists[:3], *grown[3:])

    def reserve(self, blocks: int, places: int, times: int = 1) -> None:
        """Have so many free blocks, and so many places of the arena that are not in use; so many times, if not once."""
        counters = self.pool[-1]
        if counters[FREE] < blocks:
            capacity = len(self.pool[0])
            self._set_capacity(capacity + max(times * blocks, 8 + capacity // 4))
        if len(self.lists[0]) - counters[ARENA] < places:
            self._repack(times * places)

    def _set_capacity(self, capacity: int) -> None:
        """Have so many blocks; those beyond the ones there are must be more."""
        old = self.pool
        values, counts, used, stale, free, counters = _empty_pool(capacity)
        n = len(old[0])
        for new, array in zip((values, counts, used, stale), old, strict=False):
            new[:n] = array
        more = capacity - n
        free[:more] = np.arange(capacity - 1, n - 1, -1)
        free[more : more + old[-1][FREE]] = old[4][: old[-1][FREE]]
        counters[:] = old[-1]
        counters[FREE] += more
        self.pool = values, counts, used, stale, free, counters

    def _repack(self, places: int) -> None:
        """Move the directories together, and have so many places of the arena beyond theirs.

        The arrays of what each list has stay the same ones, as whoever puts values in may be about to write to them.
        """
        ids, lows, totals, starts, held, lengths, missing = self.lists
        needed = int(held.sum())
        packed = _empty_lists(len(self), needed + max(places, 8 + needed // 2))
        packed[3][:] = np.cumsum(held) - held
        within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        target, source = np.repeat(packed[3], lengths) + within, np.repeat(starts, lengths) + within
        for new, old in zip(packed, (ids, lows, totals), strict=False):
            new[target] = old[source]
        counters = self.pool[-1]
        counters[ARENA], counters[WASTED] = needed, 0
        self.lists = (*packed[:4], held, lengths, missing)

    def put(self, which: np.ndarray, values: np.ndarray, numbers: np.ndarray = _ONE) -> None:
        """Add these values to these lists, each so often; where memory ends, nothing has changed."""
        done = 0
        while True:
            done = put_all(self.lists, self.pool, which, values, numbers, done)
            left = len(values) - done
            if not left:
                return
            try:
                self.reserve(min(left, 1 + left // FILLED), 2 + 2 * int(self.lists[5][which[done]]))
            except MemoryError:
                self.shift(which[:done], values[:done], -1.0, numbers[:done] if len(numbers) > 1 else numbers)
                raise

    def shift(self, which: np.ndarray, values: np.ndarray, sign: float, numbers: np.ndarray = _ONE) -> int:
        """Add to the counts of values that have entries, or subtract: -1.

        Returns the index of the first value of which too few are held; then nothing has changed.
        """
        return int(shift(self.lists, self.pool, which, values, numbers, sign))

    def make_ready(self) -> None:
        """Have the code of :meth:`shift` in memory, so that what was done can be taken back without any."""
        nothing = np.zeros(0, np.int64)
        make_ready(shift, self.lists, self.pool, nothing, np.zeros(0), _ONE, 1.0)

    def fill(self, which: int, values: np.ndarray, numbers: np.ndarray, alike: int = 1) -> None:
        """Fill an empty list with sorted distinct values, not 0.0, and their counts; `alike` such ones are to come."""
        n = -(-len(values) // FILLED)
        self.reserve(n, 4 * n + 2, alike)
        append(self.lists, self.pool, which, values, numbers)

    def prune(self) -> None:
        """Remove entries that no record has any more; never fails."""
        if self.pool[-1][EMPTY]:
            sweep(self.lists, self.pool)
        self.shrink()

    def shrink(self) -> None:
        """Give back blocks that are not needed, unless there is no memory to move to: that is no reason to fail."""
        capacity, free = len(self.pool[0]), self.pool[-1][FREE]
        if 2 * free > 64 + capacity:
            with suppress(MemoryError):
                copied = self.copy()
                self.lists, self.pool = copied.lists, copied.pool

    def copy(self) -> "OrderedLists":
        """Lists of the same contents, in as few blocks as they are in here."""
        copied = OrderedLists(len(self))
        copied.missing[:] = self.missing
        in_use = len(self.pool[0]) - int(self.pool[-1][FREE])
        copied.reserve(in_use, 0)
        for which in np.flatnonzero(self.lists[5]).tolist():
            copied.fill(which, *self.contents(which))
        return copied

    # ------------------------------------------------------------------ reading

    def contents(self, which: int) -> tuple[np.ndarray, np.ndarray]:
        """The values of a list, ascending, float64[n], and their counts, int64[n]."""
        most = SIZE * int(self.lists[5][which])
        values, numbers = np.empty(most), np.empty(most, np.int64)
        n = contents(self.lists, self.pool, which, values, numbers)
        return values[:n], numbers[:n]

    def total(self, which: int) -> int:
        """How many values a list holds, zeros and missing ones not counted."""
        return int(total_of(self.lists, which))

    def below(self, which: int, value: float) -> int:
        """How many values of a list, zeros not counted, are less than `value`."""
        return int(below(self.lists, self.pool, which, value))

    def select(self, which: int, zeros: int, ranks: np.ndarray) -> np.ndarray:
        """The values of these ranks, of a list in which 0.0 occurs `zeros` times.

        Parameters
        ----------
        which, zeros : int
            The list, and its zeros.
        ranks : int64[n]
            Ranks in ascending order, from 0 to the number of its values less 1.

        Returns
        -------
        float64[n]
            The values.
        """
        found = np.empty(len(ranks))
        select(self.lists, self.pool, which, zeros, ranks, found)
        return found

    def most_frequent(self, which: int, zeros: int) -> float:
        """The most frequent value of a list with so many zeros, the least of several; NaN where there is none."""
        return float(most_frequent(self.lists, self.pool, which, zeros))

    # ------------------------------------------------------------------ bytes

    def canonical(self, order: np.ndarray) -> bytes:
        """These lists, in this order: how many distinct values each has, all values, and all counts."""
        found = [self.contents(which) for which in order]
        sizes = np.array([len(values) for values, _ in found], "<i8")
        values = b"".join(values.astype("<f8").tobytes() for values, _ in found)
        return sizes.tobytes() + values + b"".join(numbers.astype("<i8").tobytes() for _, numbers in found)

    def restore(self, data: bytes) -> None:
        """Take the contents that :meth:`canonical` gave of all lists; a FormatError where it gave none such."""
        if len(data) < 8 * len(self):
            raise FormatError(_UNFIT)
        sizes = np.frombuffer(data, "<i8", len(self)).astype(np.int64)
        if (sizes < 0).any() or len(data) != 8 * len(self) + 16 * sizes.sum():
            raise FormatError(_UNFIT)
        n = int(sizes.sum())
        values = np.frombuffer(data, "<f8", n, 8 * len(self)).astype(np.float64)
        numbers = np.frombuffer(data, "<i8", n, 8 * (len(self) + n)).astype(np.int64)
        ends = np.cumsum(sizes)
        inside = np.ones(n, bool)
        inside[(ends - sizes)[sizes > 0]] = False
        ascending = values[1:] > values[:-1]
        are_values = np.isfinite(values).all() and (values != 0).all() and ascending[inside[1:]].all()
        if not are_values or (numbers < 1).any():
            raise FormatError(_UNFIT)
        for which in np.flatnonzero(sizes).tolist():
            part = slice(ends[which] - sizes[which], ends[which])
            self.fill(which, values[part], numbers[part])


def _empty_lists(number: int, places: int) -> tuple[Any, ...]:
    arena = np.zeros(places, np.int64), np.zeros(places), np.zeros(places, np.int64)
    return (*arena, *(np.zeros(number, np.int64) for _ in range(4)))


def _empty_pool(capacity: int) -> tuple[Any, ...]:
    return (
        np.zeros((capacity, SIZE)),
        np.zeros((capacity, SIZE), np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(5, np.int64),
    )
