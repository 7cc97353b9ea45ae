"""The model's own copy of the records it holds, for learners that must ask them again.

Records lie in the order they came, so their places are history: nothing that is state may depend on them. A forgotten
record is overwritten with zeros at once, and its place is used again; when many places are empty the rest moves
together.
"""

import numpy as np

from sqlearn.engine.elementary import mix
from sqlearn.engine.kernel import kernel

__all__ = ["Rows", "keyed_names", "ranks"]

_MOST_EMPTY = 4096  # places that may always be empty


@kernel
def _copy_name(name0, number):
    """A hash of a copy: equal records are copies 0, 1, ..., and each has a name of its own."""
    return name0 if number == 0 else mix(name0, np.uint64(number))


@kernel
def keyed_names(names, numbers, seed):
    """Keyed hash of each copy, uint64[n]: what samples are drawn by."""
    out = np.empty(len(numbers), np.uint64)
    for i in range(len(numbers)):
        out[i] = mix(_copy_name(names[i, 0], numbers[i]), seed)
    return out


@kernel
def _home(name0, number, capacity):
    return np.int64(_copy_name(name0, number) >> np.uint64(16)) % capacity


@kernel
def _find(index, names, numbers, name0, name1, number):
    """Slot of the index that points to the place of this copy, or -1."""
    capacity = len(index)
    slot = _home(name0, number, capacity)
    while index[slot] >= 0:
        place = index[slot]
        if names[place, 0] == name0 and names[place, 1] == name1 and numbers[place] == number:
            return slot
        slot = slot + 1 if slot + 1 < capacity else 0
    return -1


@kernel
def _insert(index, names, numbers, places):
    capacity = len(index)
    for k in range(len(places)):
        slot = _home(names[places[k], 0], numbers[places[k]], capacity)
        while index[slot] >= 0:
            slot = slot + 1 if slot + 1 < capacity else 0
        index[slot] = places[k]


@kernel
def _lookup(index, names, numbers, wanted, wanted_numbers, places):
    for i in range(len(wanted)):
        slot = _find(index, names, numbers, wanted[i, 0], wanted[i, 1], wanted_numbers[i])
        places[i] = index[slot] if slot >= 0 else -1


@kernel
def _count(index, names, numbers, wanted, counts):
    """Copies held of each name: doubling, then bisection, since copies are numbered without gaps."""
    for i in range(len(wanted)):
        name0, name1 = wanted[i, 0], wanted[i, 1]
        low, high = 0, 1  # copies below `low` are held; find one that is not
        while _find(index, names, numbers, name0, name1, high - 1) >= 0:
            low, high = high, 2 * high
        while low < high - 1:
            middle = (low + high) // 2
            if _find(index, names, numbers, name0, name1, middle - 1) >= 0:
                low = middle
            else:
                high = middle
        counts[i] = low


@kernel
def _delete(index, names, numbers, places):
    """Take places out of the index, moving up what was displaced by them."""
    capacity = len(index)
    for k in range(len(places)):
        place = places[k]
        slot = _find(index, names, numbers, names[place, 0], names[place, 1], numbers[place])
        index[slot] = -1
        probe = slot + 1 if slot + 1 < capacity else 0
        while index[probe] >= 0:
            home = _home(names[index[probe], 0], numbers[index[probe]], capacity)
            # the record at `probe` may fill the hole unless its home lies between the two
            if (probe - home) % capacity >= (probe - slot) % capacity:
                index[slot] = index[probe]
                index[probe] = -1
                slot = probe
            probe = probe + 1 if probe + 1 < capacity else 0


def ranks(names: np.ndarray) -> np.ndarray:
    """How many equal names stand before each one, int64[n]."""
    order = np.lexsort((names[:, 1], names[:, 0]))
    ordered = names[order, :2]
    new = np.ones(len(names), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    out = np.empty(len(names), np.int64)
    out[order] = np.arange(len(names)) - starts[np.cumsum(new) - 1]
    return out


def _empty_index(capacity: int) -> np.ndarray:
    return np.full(max(16, capacity), -1, np.int64)


class Rows:
    """Records by place, and the place of each name.

    Attributes
    ----------
    x : float64[capacity, d]
        Features; zeros where a place is empty.
    y : float64[capacity]
        Target, or class slot.
    w : float64[capacity]
        Weight; 0 where a place is empty.
    names : uint64[capacity, 2]
        Name of each record.
    numbers : int64[capacity]
        Which copy of it this is.
    keyed : uint64[capacity]
        Keyed hash of the copy, see :func:`keyed_names`.
    end : int
        Places from here on have never been used.
    """

    def __init__(self, d: int):
        self.x = np.zeros((0, d))
        self.y = np.zeros(0)
        self.w = np.zeros(0)
        self.names = np.zeros((0, 2), np.uint64)
        self.numbers = np.zeros(0, np.int64)
        self.keyed = np.zeros(0, np.uint64)
        self.end = 0
        self._free: list[int] = []
        self._index = _empty_index(0)

    def __len__(self):
        return self.end - len(self._free)

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in (*self._arrays(), self._index))

    def _arrays(self):
        return self.x, self.y, self.w, self.names, self.numbers, self.keyed

    def reserve(self, extra: int) -> None:
        """Make room for so many more records."""
        needed = self.end + extra
        if needed > len(self.w):
            capacity = max(needed, len(self.w) + len(self.w) // 2)
            grown = [np.zeros((capacity, *a.shape[1:]), a.dtype) for a in self._arrays()]
            for new, old in zip(grown, self._arrays(), strict=True):
                new[: self.end] = old[: self.end]
            self.x, self.y, self.w, self.names, self.numbers, self.keyed = grown
        if 3 * (len(self) + extra) > 2 * len(self._index):
            self._reindex(2 * (len(self) + extra))

    def _reindex(self, capacity: int) -> None:
        index = _empty_index(capacity)
        _insert(index, self.names, self.numbers, self.places())
        self._index = index

    def places(self) -> np.ndarray:
        """Places in use, ascending."""
        used = np.ones(self.end, bool)
        used[self._free] = False
        return np.flatnonzero(used)

    def find(self, names: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Place of each of these copies, -1 where there is none."""
        places = np.empty(len(names), np.int64)
        _lookup(self._index, self.names, self.numbers, names, numbers, places)
        return places

    def count(self, names: np.ndarray) -> np.ndarray:
        """Copies held of each of these names, int64[n]."""
        counts = np.empty(len(names), np.int64)
        _count(self._index, self.names, self.numbers, names, counts)
        return counts

    def vacant(self, n: int) -> np.ndarray:
        """Places for so many more records, those of forgotten ones first."""
        self.reserve(n)
        reused = self._free[-n:][::-1] if n else []
        return np.array(reused + list(range(self.end, self.end + n - len(reused))), np.int64)

    def add(self, x, y, w, names, numbers, keyed) -> None:
        """Keep records."""
        self.put(self.vacant(len(w)), x, y, w, names, numbers, keyed)

    def put(self, places, x, y, w, names, numbers, keyed) -> None:
        """Keep records in the places that :meth:`vacant` gave."""
        reused = min(len(places), len(self._free))
        del self._free[len(self._free) - reused :]
        self.end += len(places) - reused
        for array, values in zip(self._arrays(), (x, y, w, names[:, :2], numbers, keyed), strict=True):
            array[places] = values
        _insert(self._index, self.names, self.numbers, places)

    def remove(self, places: np.ndarray) -> None:
        """Overwrite records with zeros."""
        _delete(self._index, self.names, self.numbers, places)
        for array in self._arrays():
            array[places] = 0
        self._free.extend(places.tolist())

    def compact(self) -> None:
        """Move the rest together when half the places are empty."""
        if len(self._free) <= _MOST_EMPTY or 2 * len(self._free) <= self.end:
            return
        keep = self.places()
        try:
            kept = [a[keep] for a in self._arrays()]
            index = _empty_index(2 * len(keep))
        except MemoryError:  # then later: nothing depends on it
            return
        self.x, self.y, self.w, self.names, self.numbers, self.keyed = kept
        self.end, self._free, self._index = len(keep), [], index
        _insert(index, self.names, self.numbers, np.arange(len(keep)))

    def copy(self) -> "Rows":
        twin = Rows(self.x.shape[1])
        keep = self.places()
        twin.add(*(array[keep] for array in self._arrays()))
        return twin
