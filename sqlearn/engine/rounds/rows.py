"""The model's own copy of the records it holds, for learners that must evaluate them again.

Records lie in the order they came, so their places are history: nothing that is state may depend on them. A forgotten
record is overwritten with zeros at once, and its place is used again; when many places are empty the rest moves
together.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np

from sqlearn.engine.kernels import make_ready
from sqlearn.engine.rounds.row_index import (
    count_copies,
    empty_index,
    insert,
    remove,
    vacant,
    write_and_enter,
)
from sqlearn.engine.rounds.row_source import MAX_HASH, Records
from sqlearn.engine.sums import UNFIT
from sqlearn.errors import FormatError

_MOST_EMPTY = 4096  # places that may always be empty
_MOST = 2**31 - 1
_NO_HASHES = np.zeros(0, np.uint64)


class Rows:
    """Records by place, and the place of each digest: the :class:`~sqlearn.engine.rounds.row_source.RowSource` of most
    models.

    Parameters
    ----------
    d : int
        Number of features.
    seed : uint64
        Seed of keyed hashes.

    Attributes
    ----------
    x : float64[capacity, d]
        Features; zeros where a place is empty.
    y : float64[capacity]
        Target, or class slot.
    w : float64[capacity]
        Weight; 0 where a place is empty, or where a record of weight 0 has left its digest alone.
    digests : uint64[capacity, 2]
        Digest of each record.
    numbers : int32[capacity]
        Which copy of it this is.
    keyed : uint64[capacity]
        Keyed hash of the copy: what samples are drawn by.
    end : int
        Places from here on have never been used.
    """

    _is_ready = False
    _names: tuple[str, ...] = ("x", "y", "w", "digests", "numbers", "keyed")  # of the arrays that have a row per place

    def __init__(self, d: int, seed: np.uint64) -> None:
        self.d, self.seed = d, seed
        self.x = np.zeros((0, d))
        self.y = np.zeros(0)
        self.w = np.zeros(0)
        self.digests = np.zeros((0, 2), np.uint64)
        self.numbers = np.zeros(0, np.int32)
        self.keyed = np.zeros(0, np.uint64)
        self._extent = np.zeros(2, np.int64)  # an array, which kernels change
        self._stack = np.zeros(0, np.int32)  # starts with the free places
        self._index = empty_index(0)

    def __len__(self) -> int:
        return self.end - self._n_free

    @property
    def end(self) -> int:
        return self._extent.item(0)

    @property
    def _n_free(self) -> int:
        return self._extent.item(1)

    @property
    def _free(self) -> np.ndarray:
        return self._stack[: self._n_free]

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in (*self._arrays(), self._stack, self._index))

    def _arrays(self) -> tuple[np.ndarray, ...]:
        return tuple(getattr(self, name) for name in self._names)

    def _take(self, arrays: Iterable[np.ndarray]) -> None:
        for name, array in zip(self._names, arrays, strict=True):
            setattr(self, name, array)

    def for_kernel(self) -> tuple[Any, ...]:
        """What a kernel needs that keeps or removes one record."""
        x, y, w, digests, numbers, keyed = self._arrays()
        return self._index, digests, numbers, keyed, x, y, w, self._stack, self._extent, self.seed

    def reserve(self, extra: int) -> None:
        """Make room for so many more records."""
        needed = len(self) + extra
        if needed > _MOST:
            raise MemoryError(f"{needed:,} records do not fit: there is room for 2**31 - 1")
        capacity = self.end + max(0, extra - self._n_free)
        if capacity > len(self.w):
            capacity = max(capacity, len(self.w) + len(self.w) // 2)
            olds = (*self._arrays(), self._stack)
            grown = [np.zeros((capacity, *a.shape[1:]), a.dtype) for a in olds]
            for new, old in zip(grown, olds, strict=True):
                new[: self.end] = old[: self.end]
            *arrays, self._stack = grown
            self._take(arrays)
        if 3 * needed > 2 * len(self._index):
            self._reindex(2 * needed)

    def _reindex(self, capacity: int) -> None:
        index = empty_index(capacity)
        insert(index, self.digests, self.numbers, self.places())
        self._index = index

    def places(self) -> np.ndarray:
        """Places in use, ascending."""
        used = np.ones(self.end, bool)
        used[self._free] = False
        return np.flatnonzero(used)

    def by_digest(self) -> np.ndarray:
        """Places in use, in the order of the records' digests and numbers."""
        keep = self.places()
        return keep[np.lexsort((self.numbers[keep], self.digests[keep, 1], self.digests[keep, 0]))]

    def missing(self, digests: np.ndarray) -> int:
        """-1, or the index of the first of these digests, uint64[n, >=2], of which fewer copies are held than given."""
        return self._remove(np.empty(len(digests), np.int64), digests, _NO_HASHES, True)

    def _remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray, tried: bool) -> int:
        missing: int = remove(
            self._index, self.digests, self.numbers, digests, places, hashes, self.x, self.y, self.w, self.keyed,
            self._stack, self._n_free, tried,
        )  # fmt: skip
        return missing

    def copies(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each digest are held, int64[n]."""
        copies: np.ndarray = count_copies(self._index, self.digests, self.numbers, digests)
        return copies

    def last(self, digests: np.ndarray) -> np.ndarray:
        """The places of the last copies of these digests, all of which are held, int64[n]; they stay there."""
        places = np.empty(len(digests), np.int64)
        if self._remove(places, digests, _NO_HASHES, True) >= 0:
            raise FormatError(UNFIT)
        return places

    def vacant(self, places: np.ndarray) -> None:
        """Write places, int64[n], for so many more records, those of forgotten ones first, and make room for them."""
        self.reserve(len(places))
        vacant(self._free, self.end, places)  # without memory, as an update may be undone so

    def put(
        self, places: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, hashes: np.ndarray
    ) -> None:
        """Keep records in the places that :meth:`vacant` gave, and write their keyed hashes."""
        reused = min(len(places), self._n_free)
        self._extent[0] += len(places) - reused
        self._extent[1] -= reused
        write_and_enter(
            self._index, self.digests, self.numbers, self.keyed, digests, places, self.seed, hashes,
            x, y, w, self.x, self.y, self.w,
        )  # fmt: skip

    def remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray) -> None:
        """Overwrite these records, the last copies of equal ones, with zeros; all are held.

        Writes their places and keyed hashes, for which the caller has the memory.

        Raises
        ------
        FormatError
            When one is not held, though the ledger has it: the bytes of a model that was read were altered.
        """
        if self._remove(places, digests, hashes, False) >= 0:
            raise FormatError(UNFIT)
        self._extent[1] += len(places)

    def make_ready(self, digests: np.ndarray) -> None:
        if Rows._is_ready:  # once for all of them: their arrays are of one kind
            return
        places, digests, hashes = np.zeros(0, np.int64), digests[:0], np.zeros(0, np.uint64)
        x, y, w, held, numbers, keyed = self._arrays()
        make_ready(vacant, self._free, self.end, places)
        make_ready(
            write_and_enter, self._index, held, numbers, keyed, digests, places, self.seed, hashes,
            x[:0], y[:0], w[:0], x, y, w,
        )  # fmt: skip
        make_ready(
            remove, self._index, held, numbers, digests, places, hashes, x, y, w, keyed, self._stack, self._n_free, True
        )  # fmt: skip
        Rows._is_ready = True

    def blocks(self, limit: int) -> Iterator[Records]:
        """One block, of views if all are meant."""
        x, y, w, keyed = (array[: self.end] for array in (self.x, self.y, self.w, self.keyed))
        if limit < MAX_HASH:
            chosen = np.flatnonzero((keyed <= np.uint64(limit)) & (w > 0))
            x, y, w, keyed = (array.take(chosen, axis=0) for array in (x, y, w, keyed))
        yield Records(x, y, w, keyed)

    def compact(self) -> np.ndarray | None:
        """Move the rest together when half the places are empty. Returns the places they lay in if they moved."""
        if self._n_free <= _MOST_EMPTY or 2 * self._n_free <= self.end:
            return None
        try:
            keep = self.places()
            kept = [a[keep] for a in self._arrays()]
            index, stack, all_places = empty_index(2 * len(keep)), np.zeros(len(keep), np.int32), np.arange(len(keep))
        except MemoryError:  # then later: nothing depends on it
            return None
        self._take(kept)
        self._extent[:] = len(keep), 0
        self._stack, self._index = stack, index
        insert(index, self.digests, self.numbers, all_places)
        return keep

    def copy(self) -> Self:
        copied = type(self)(self.d, self.seed)
        copied._take(a[: self.end].copy() for a in self._arrays())
        copied._stack = self._stack[: self.end].copy()
        copied._extent, copied._index = self._extent.copy(), self._index.copy()
        return copied


def gathered(rows: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features, targets or class slots, weights and keyed hashes of all records of a row source, by place."""
    if isinstance(rows, Rows):
        return rows.x, rows.y, rows.w, rows.keyed
    blocks = zip(*((block.x, block.y, block.w, block.hashes) for block in rows.blocks(MAX_HASH)), strict=True)
    x, y, w, keyed = map(np.concatenate, blocks)
    return x, y, w, keyed


def packed(x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray) -> bytes:
    """Records as bytes."""
    parts = [array.astype(array.dtype.newbyteorder("<")).tobytes() for array in (x, y, w, digests)]
    return b"".join([np.array([len(w)], "<i8").tobytes(), *parts])


def unpacked(data: bytes, d: int, seed: np.uint64) -> tuple[Rows, int]:
    """The records of `d` features that :func:`packed` was given, and how many they are."""
    n = int(np.frombuffer(data, "<i8", 1)[0])
    if n < 0 or len(data) != 8 + 8 * n * (d + 4):
        raise FormatError(UNFIT)
    rows, arrays, start = Rows(d, seed), [], 8
    for shape, kind in zip(((n, d), (n,), (n,), (n, 2)), ("<f8", "<f8", "<f8", "<u8"), strict=True):
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(data, kind, count, start).reshape(shape).copy())
        start += 8 * count
    x, y, w, digests = arrays
    before, after = digests[:-1], digests[1:]
    ascend = (before[:, 0] < after[:, 0]) | ((before[:, 0] == after[:, 0]) & (before[:, 1] <= after[:, 1]))
    negative_zeros = any((np.signbit(array) & (array == 0)).any() for array in (x, y, w))
    if negative_zeros or not ascend.all():  # no model writes them so
        raise FormatError(UNFIT)
    places = np.empty(n, np.int64)
    rows.vacant(places)
    rows.put(places, x, y, w, digests, np.empty(n, np.uint64))
    return rows, n


def check_rows(rows: Rows, n_classes: int, largest: float) -> None:
    """Raise FormatError where records that were restored could not have been held; 0 classes for targets."""
    y, w = rows.y[: rows.end], rows.w[: rows.end]
    fit = np.isfinite(y).all() and ((w >= 0) & (w < np.inf)).all() and not (abs(rows.x[: rows.end]) > largest).any()
    if not fit or (n_classes and not np.isin(y, np.arange(n_classes)).all()):
        raise FormatError(UNFIT)
