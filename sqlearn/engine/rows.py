"""The model's own copy of the records it holds, for learners that must ask them again.

Records lie in the order they came, so their places are history: nothing that is state may depend on them. A forgotten
record is overwritten with zeros at once, and its place is used again; when many places are empty the rest moves
together.
"""

import numpy as np

from sqlearn.engine.elementary import mix
from sqlearn.engine.kernel import kernel

__all__ = ["Rows", "copy_names"]


@kernel
def copy_names(names, numbers):
    """Names of copies: equal records are copies 0, 1, ..., and each has a name of its own, uint64[n, 2]."""
    out = names[:, :2].copy()
    for i in range(len(out)):
        if numbers[i]:
            number = np.uint64(numbers[i])
            out[i, 0] = mix(names[i, 0], number)
            out[i, 1] = mix(names[i, 1], number)
    return out


@kernel
def _home(name, capacity):
    return np.int64(name >> np.uint64(16)) % capacity


@kernel
def _find(index, names, name0, name1):
    """Slot of the index that points to the place of this name, or -1."""
    capacity = len(index)
    slot = _home(name0, capacity)
    while index[slot] >= 0:
        place = index[slot]
        if names[place, 0] == name0 and names[place, 1] == name1:
            return slot
        slot = slot + 1 if slot + 1 < capacity else 0
    return -1


@kernel
def _insert(index, names, places):
    capacity = len(index)
    for k in range(len(places)):
        slot = _home(names[places[k], 0], capacity)
        while index[slot] >= 0:
            slot = slot + 1 if slot + 1 < capacity else 0
        index[slot] = places[k]


@kernel
def _lookup(index, names, wanted, places):
    for i in range(len(wanted)):
        slot = _find(index, names, wanted[i, 0], wanted[i, 1])
        places[i] = index[slot] if slot >= 0 else -1


@kernel
def _delete(index, names, places):
    """Take places out of the index, moving up what was displaced by them."""
    capacity = len(index)
    for k in range(len(places)):
        slot = _find(index, names, names[places[k], 0], names[places[k], 1])
        index[slot] = -1
        probe = slot + 1 if slot + 1 < capacity else 0
        while index[probe] >= 0:
            home = _home(names[index[probe], 0], capacity)
            # may the record at `probe` fill the hole? only if its home does not lie between hole and probe
            if (probe - home) % capacity >= (probe - slot) % capacity:
                index[slot] = index[probe]
                index[probe] = -1
                slot = probe
            probe = probe + 1 if probe + 1 < capacity else 0


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
        Name of each copy.
    end : int
        Places from here on have never been used.
    """

    def __init__(self, d: int):
        self.x = np.zeros((0, d))
        self.y = np.zeros(0)
        self.w = np.zeros(0)
        self.names = np.zeros((0, 2), np.uint64)
        self.end = 0
        self._free: list[int] = []
        self._index = np.full(16, -1, np.int64)

    def __len__(self):
        return self.end - len(self._free)

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in (self.x, self.y, self.w, self.names, self._index))

    def _arrays(self):
        return self.x, self.y, self.w, self.names

    def reserve(self, extra: int) -> None:
        """Make room for so many more records."""
        needed = self.end + extra
        if needed > len(self.w):
            capacity = max(needed, len(self.w) + len(self.w) // 2)
            grown = [np.zeros((capacity, *a.shape[1:]), a.dtype) for a in self._arrays()]
            for new, old in zip(grown, self._arrays(), strict=True):
                new[: self.end] = old[: self.end]
            self.x, self.y, self.w, self.names = grown
        if 3 * (len(self) + extra) > 2 * len(self._index):
            self._reindex(2 * (len(self) + extra))

    def _reindex(self, capacity: int) -> None:
        index = np.full(max(16, capacity), -1, np.int64)
        _insert(index, self.names, self.places())
        self._index = index

    def places(self) -> np.ndarray:
        """Places in use, ascending."""
        used = np.ones(self.end, bool)
        used[self._free] = False
        return np.flatnonzero(used)

    def find(self, names: np.ndarray) -> np.ndarray:
        """Place of each of these names, -1 where there is none."""
        places = np.empty(len(names), np.int64)
        _lookup(self._index, self.names, names, places)
        return places

    def add(self, x, y, w, names) -> None:
        """Keep records."""
        n = len(w)
        self.reserve(n)
        reused = [self._free.pop() for _ in range(min(n, len(self._free)))]
        places = np.array(reused + list(range(self.end, self.end + n - len(reused))), np.int64)
        self.end += n - len(reused)
        self.x[places], self.y[places], self.w[places], self.names[places] = x, y, w, names
        _insert(self._index, self.names, places)

    def remove(self, places: np.ndarray) -> None:
        """Overwrite records with zeros; move the rest together when half the places are empty."""
        _delete(self._index, self.names, places)
        for array in self._arrays():
            array[places] = 0
        self._free.extend(places.tolist())
        if len(self._free) > 4096 and 2 * len(self._free) > self.end:
            self._compact()

    def _compact(self) -> None:
        keep = self.places()
        self.x, self.y, self.w, self.names = (a[keep] for a in self._arrays())
        self.end, self._free = len(keep), []
        self._reindex(2 * len(keep))

    def copy(self) -> "Rows":
        twin = Rows(self.x.shape[1])
        keep = self.places()
        twin.add(self.x[keep], self.y[keep], self.w[keep], self.names[keep])
        return twin
