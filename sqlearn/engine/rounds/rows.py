"""The model's own copy of the records it holds, for learners that must ask them again.

Records lie in the order they came, so their places are history: nothing that is state may depend on them. A forgotten
record is overwritten with zeros at once, and its place is used again; when many places are empty the rest moves
together.
"""

from collections.abc import Iterator

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import kernel, make_ready, multiply_high, prefetch
from sqlearn.engine.rounds.row_source import MAX_HASH, Records
from sqlearn.engine.sums import UNFIT
from sqlearn.errors import FormatError

__all__ = ["Rows", "copy_hashes", "numbers_of", "packed", "unpacked"]

_MOST_EMPTY = 4096  # places that may always be empty
_MOST = 2**31 - 1
_AHEAD = 8  # records


@kernel
def _copy_digest(word0, number):
    """A hash of a copy: equal records are copies 0, 1, ..., and each has a digest of its own."""
    return word0 if number == 0 else mix(word0, np.uint64(number))


@kernel
def copy_hash(word0, number, seed):
    """Keyed hash of a copy: what samples are drawn by."""
    return mix(_copy_digest(word0, number), seed)


@kernel
def copy_hashes(digests, numbers, seed):
    """The same of many: digests uint64[n, >=1], numbers int64[n]."""
    hashes = np.empty(len(digests), np.uint64)
    for k in range(len(digests)):
        hashes[k] = copy_hash(digests[k, 0], numbers[k], seed)
    return hashes


def numbers_of(digests, copies, hashes, seed):
    """Which of so many copies of each digest has this keyed hash, int64[n]; -1 for none."""
    return _numbers_of(digests, copies, hashes, np.lexsort((hashes, digests[:, 1], digests[:, 0])), seed)


@kernel
def _numbers_of(digests, copies, hashes, order, seed):
    """The same for rows in the order of digests and hashes: copies are counted once for all rows of a digest."""
    n = len(order)
    numbers = np.full(n, -1, np.int64)
    start = 0
    while start < n:
        first, stop = order[start], start + 1
        word0, word1 = digests[first, 0], digests[first, 1]
        while stop < n and digests[order[stop], 0] == word0 and digests[order[stop], 1] == word1:
            stop += 1
        left, number = stop - start, 0
        while left > 0 and number < copies[first]:
            wanted = copy_hash(digests[first, 0], number, seed)
            low, high = start, stop
            while low < high:
                middle = (low + high) // 2
                if hashes[order[middle]] < wanted:
                    low = middle + 1
                else:
                    high = middle
            if low < stop and hashes[order[low]] == wanted:
                numbers[order[low]] = number
                left -= 1
            number += 1
        start = stop
    return numbers


@kernel
def _home(word0, number, capacity):
    return multiply_high(_copy_digest(word0, number), np.uint64(capacity))


@kernel
def _find(index, digests, numbers, word0, word1, number):
    """Slot of the index that points to the place of this copy or, without one, the slot that it belongs in."""
    capacity = len(index)
    slot = _home(word0, number, capacity)
    place = index[slot]
    while place >= 0 and not (digests[place, 0] == word0 and digests[place, 1] == word1 and numbers[place] == number):
        slot = slot + 1 if slot + 1 < capacity else 0
        place = index[slot]
    return slot


@kernel
def _look_ahead(index, digests, wanted, k):
    """Prefetch what finding the digests behind `k` will need: the index's slots first, then what they point to."""
    if k + 2 * _AHEAD < len(wanted):
        prefetch(index, _home(wanted[k + 2 * _AHEAD, 0], 0, len(index)))
    if k + _AHEAD < len(wanted):
        place = index[_home(wanted[k + _AHEAD, 0], 0, len(index))]
        if place >= 0:
            prefetch(digests, np.int64(place))


@kernel
def _copies(index, digests, numbers, word0, word1):
    """Copies held of a digest: doubling, then bisection, since copies are numbered without gaps."""
    low, high = 0, 1  # copies below `low` are held; find one that is not
    while index[_find(index, digests, numbers, word0, word1, high - 1)] >= 0:
        low, high = high, 2 * high
    while low < high - 1:
        middle = (low + high) // 2
        if index[_find(index, digests, numbers, word0, word1, middle - 1)] >= 0:
            low = middle
        else:
            high = middle
    return low


@kernel
def _count(index, digests, numbers, wanted):
    """Copies held of each digest, int64[n]."""
    copies = np.empty(len(wanted), np.int64)
    for k in range(len(wanted)):
        copies[k] = _copies(index, digests, numbers, wanted[k, 0], wanted[k, 1])
    return copies


@kernel
def _clear(index, digests, numbers, slot):
    """Take a slot out of the index, moving up what was displaced by it."""
    capacity = len(index)
    index[slot] = -1
    probe = slot + 1 if slot + 1 < capacity else 0
    while index[probe] >= 0:
        place = index[probe]
        home = _home(digests[place, 0], numbers[place], capacity)
        # the record at `probe` may fill the hole unless its home lies between the two
        if (probe - home) % capacity >= (probe - slot) % capacity:
            index[slot] = place
            index[probe] = -1
            slot = probe
        probe = probe + 1 if probe + 1 < capacity else 0


@kernel
def _insert(index, digests, numbers, places):
    """Point to places that hold records already."""
    for k in range(len(places)):
        place = places[k]
        index[_find(index, digests, numbers, digests[place, 0], digests[place, 1], numbers[place])] = place


@kernel
def _enter(index, digests, numbers, keyed, new, places, seed, hashes):
    """Name the records at places, and point there; each copy gets the next number, and a hash."""
    for k in range(len(places)):
        _look_ahead(index, digests, new, k)
        place, word0, word1 = places[k], new[k, 0], new[k, 1]
        number, slot = 0, _find(index, digests, numbers, word0, word1, 0)
        if index[slot] >= 0:
            number = _copies(index, digests, numbers, word0, word1)
            slot = _find(index, digests, numbers, word0, word1, number)
        index[slot] = place
        digests[place, 0], digests[place, 1], numbers[place] = word0, word1, number
        keyed[place] = hashes[k] = copy_hash(word0, number, seed)


@kernel
def _leave(index, digests, numbers, gone, places):
    """Take the last copies of digests out of the index, and write their places.

    Returns -1, or the index of the first digest that is not held; then all is as before.
    """
    for k in range(len(gone)):
        _look_ahead(index, digests, gone, k)
        number = _copies(index, digests, numbers, gone[k, 0], gone[k, 1]) - 1
        if number < 0:
            _insert(index, digests, numbers, places[:k])
            return k
        slot = _find(index, digests, numbers, gone[k, 0], gone[k, 1], number)
        places[k] = index[slot]
        _clear(index, digests, numbers, slot)
    return -1


@kernel
def _remove(index, digests, numbers, gone, places, hashes, x, y, w, keyed, free, n_free):
    """The same; if all are held, their records are overwritten with zeros, and their keyed hashes written."""
    missing = _leave(index, digests, numbers, gone, places)
    if missing >= 0:  # not by what the caller knows of them
        return missing
    for k in range(len(places)):
        place = places[k]
        free[n_free + k] = place
        hashes[k] = keyed[place]
        x[place] = 0.0
        digests[place] = 0
        y[place], w[place], numbers[place], keyed[place] = 0.0, 0.0, 0, 0
    return missing


@kernel
def _vacant(free, end, places):
    """Write free places, the last ones first, and then those from `end` on."""
    reused = min(len(places), len(free))
    for k in range(len(places)):
        places[k] = free[len(free) - reused + k] if k < reused else end + k - reused


@kernel
def _write(places, new_x, new_y, new_w, x, y, w):
    for k in range(len(places)):
        x[places[k]] = new_x[k]
        y[places[k]] = new_y[k]
        w[places[k]] = new_w[k]


@kernel
def _missing(index, digests, numbers, wanted, places):
    """What :func:`_leave` returns, but all is as before in any case."""
    missing = _leave(index, digests, numbers, wanted, places)
    if missing < 0:
        _insert(index, digests, numbers, places)
    return missing


def _empty_index(capacity: int) -> np.ndarray:
    return np.full(max(16, capacity), -1, np.int32)


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
        Name of each record.
    numbers : int32[capacity]
        Which copy of it this is.
    keyed : uint64[capacity]
        Keyed hash of the copy: what samples are drawn by.
    end : int
        Places from here on have never been used.
    """

    _is_ready = False

    def __init__(self, d: int, seed: np.uint64):
        self.seed = seed
        self.x = np.zeros((0, d))
        self.y = np.zeros(0)
        self.w = np.zeros(0)
        self.digests = np.zeros((0, 2), np.uint64)
        self.numbers = np.zeros(0, np.int32)
        self.keyed = np.zeros(0, np.uint64)
        self.end = 0
        self._stack = np.zeros(0, np.int32)  # the first of it are free places; as long as the arrays, so it never grows
        self._n_free = 0
        self._index = _empty_index(0)

    def __len__(self):
        return self.end - self._n_free

    @property
    def _free(self) -> np.ndarray:
        return self._stack[: self._n_free]

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in (*self._arrays(), self._stack, self._index))

    def _arrays(self):
        return self.x, self.y, self.w, self.digests, self.numbers, self.keyed

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
            self.x, self.y, self.w, self.digests, self.numbers, self.keyed, self._stack = grown
        if 3 * needed > 2 * len(self._index):
            self._reindex(2 * needed)

    def _reindex(self, capacity: int) -> None:
        index = _empty_index(capacity)
        _insert(index, self.digests, self.numbers, self.places())
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
        """-1, or the index of the first of these digests, uint64[n, >=2], of which fewer copies are held than asked."""
        return _missing(self._index, self.digests, self.numbers, digests, np.empty(len(digests), np.int64))

    def copies(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each digest are held, int64[n]."""
        return _count(self._index, self.digests, self.numbers, digests)

    def vacant(self, places) -> None:
        """Write places, int64[n], for so many more records, those of forgotten ones first, and make room for them."""
        self.reserve(len(places))
        _vacant(self._free, self.end, places)

    def put(self, places, x, y, w, digests, hashes) -> None:
        """Keep records in the places that :meth:`vacant` gave, and write their keyed hashes."""
        reused = min(len(places), self._n_free)
        self._n_free -= reused
        self.end += len(places) - reused
        _write(places, x, y, w, self.x, self.y, self.w)
        _enter(self._index, self.digests, self.numbers, self.keyed, digests, places, self.seed, hashes)

    def remove(self, places, digests, hashes) -> None:
        """Overwrite these records, the last copies of equal ones, with zeros; all are held.

        Writes their places and keyed hashes, for which the caller has the memory.

        Raises
        ------
        FormatError
            When one is not held, though the ledger has it: the bytes of a model that was read were altered.
        """
        missing = _remove(
            self._index, self.digests, self.numbers, digests, places, hashes, self.x, self.y, self.w, self.keyed,
            self._stack, self._n_free,
        )  # fmt: skip
        if missing >= 0:
            raise FormatError(UNFIT)
        self._n_free += len(places)

    def make_ready(self) -> None:
        if Rows._is_ready:  # once for all of them: their arrays are of one kind
            return
        places, digests, hashes = np.zeros(0, np.int64), np.zeros((0, 6), np.uint64), np.zeros(0, np.uint64)
        x, y, w, held, numbers, keyed = self._arrays()
        make_ready(_vacant, self._free, self.end, places)
        make_ready(_write, places, x[:0], y[:0], w[:0], x, y, w)
        make_ready(_enter, self._index, held, numbers, keyed, digests, places, self.seed, hashes)
        make_ready(
            _remove, self._index, held, numbers, digests, places, hashes, x, y, w, keyed, self._stack, self._n_free
        )  # fmt: skip
        Rows._is_ready = True

    def blocks(self, limit: int) -> Iterator[Records]:
        """One block, of views if all are meant."""
        x, y, w, keyed = (array[: self.end] for array in (self.x, self.y, self.w, self.keyed))
        if limit < MAX_HASH:
            chosen = np.flatnonzero((keyed <= np.uint64(limit)) & (w > 0))
            x, y, w, keyed = (array.take(chosen, axis=0) for array in (x, y, w, keyed))
        yield Records(x, y, w, keyed)

    def compact(self) -> None:
        """Move the rest together when half the places are empty."""
        if self._n_free <= _MOST_EMPTY or 2 * self._n_free <= self.end:
            return
        try:
            keep = self.places()
            kept = [a[keep] for a in self._arrays()]
            index, stack, all_places = _empty_index(2 * len(keep)), np.zeros(len(keep), np.int32), np.arange(len(keep))
        except MemoryError:  # then later: nothing depends on it
            return
        self.x, self.y, self.w, self.digests, self.numbers, self.keyed = kept
        self.end, self._stack, self._n_free, self._index = len(keep), stack, 0, index
        _insert(index, self.digests, self.numbers, all_places)

    def copy(self) -> "Rows":
        twin = Rows(self.x.shape[1], self.seed)
        twin.x, twin.y, twin.w, twin.digests, twin.numbers, twin.keyed = (a[: self.end].copy() for a in self._arrays())
        twin._stack = self._stack[: self.end].copy()
        twin.end, twin._n_free, twin._index = self.end, self._n_free, self._index.copy()
        return twin


def packed(x, y, w, digests) -> bytes:
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
