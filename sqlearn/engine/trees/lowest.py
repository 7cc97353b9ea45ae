"""The records of lowest hash of each tree, kept as records come and go."""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import kernel

_ALL = np.uint64(2**64 - 1)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # of mix
_LEAST_SPARE = 256  # records kept beyond the sample
_ENTRY_BYTES = 12  # a hash and a place


@kernel
def _shifts_of_trees(n_trees, seed):
    """What is added to a keyed hash before it is mixed, for each tree: it saves a multiplication by the seed."""
    shifts = np.empty(n_trees, np.uint64)
    for t in range(n_trees):
        shifts[t] = mix(mix(np.uint64(t), seed), np.uint64(29)) * _GOLDEN
    return shifts


@kernel
def _hash_in_tree(keyed, shift):
    """The hash of a record in a tree: ``mix(keyed, salt)`` with the tree's salt."""
    return mix(keyed + shift, np.uint64(0))


@kernel
def _collect(keyed, w, shifts, limits, hashes, places, counts):
    """Write the records of each tree whose hash is at most its limit, as many as there is room for; count them all."""
    n_trees, room = hashes.shape
    for i in range(len(w)):
        if w[i] > 0.0:
            for t in range(n_trees):
                hashed = _hash_in_tree(keyed[i], shifts[t])
                if hashed <= limits[t]:
                    if counts[t] < room:
                        hashes[t, counts[t]], places[t, counts[t]] = hashed, i
                    counts[t] += 1


@kernel
def _tree_hashes(keyed, w, shift):
    """The hashes of all records in one tree; the highest for places without a record."""
    found = np.empty(len(w), np.uint64)
    for i in range(len(w)):
        found[i] = _hash_in_tree(keyed[i], shift) if w[i] > 0.0 else _ALL
    return found


@kernel
def _find(hashes, count, hashed):
    """The place of a hash among the first `count` ascending ones, or where it belongs."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if hashes[middle] < hashed:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _follow(keyed, came_to, signs, size, shifts, limits, hashes, places, counts, touched):
    """Have records come (1.0) and go (-1.0), one after the other; mark trees whose sample is another one."""
    n_trees, room = hashes.shape
    for k in range(len(keyed)):
        for t in range(n_trees):
            hashed, count = _hash_in_tree(keyed[k], shifts[t]), counts[t]
            if hashed > limits[t]:
                if count < size:
                    touched[t] = 1
                continue
            at = _find(hashes[t], count, hashed)
            if at < size:
                touched[t] = 1
            if signs[k] < 0.0:
                if at == count or hashes[t, at] != hashed:
                    continue
                for i in range(at, count - 1):
                    hashes[t, i], places[t, i] = hashes[t, i + 1], places[t, i + 1]
                counts[t] -= 1
                hashes[t, count - 1], places[t, count - 1] = 0, 0
                continue
            full = count == room
            if full:  # the last one falls out
                count -= 1
                if at > count:
                    limits[t] = hashes[t, count]
                    continue
            else:
                counts[t] += 1
            for i in range(count, at, -1):
                hashes[t, i], places[t, i] = hashes[t, i - 1], places[t, i - 1]
            hashes[t, at], places[t, at] = hashed, came_to[k]
            if full:
                limits[t] = hashes[t, count]


class Lowest:
    """The samples of trees: of each tree the records of lowest hash, sorted by it, and some more.

    It knows all records whose hash in a tree is at most the tree's limit. While they are as many as the sample needs,
    an update changes them alone; else all records are looked through once, for all trees.

    Parameters
    ----------
    n_trees, size : int
        Number of trees, and of records in the sample of each.
    seed : uint64
        Seed of the hashes.

    Attributes
    ----------
    places : int32[n_trees, room]
        Places of the records: those of the sample of tree t are the first ones of its row.
    hashes : uint64[n_trees, room]
        Their hashes.
    changed : bool[n_trees]
        Trees whose sample has changed since the caller set it to False.
    """

    def __init__(self, n_trees: int, size: int, seed: np.uint64) -> None:
        self.size = size
        self._shifts = _shifts_of_trees(n_trees, seed)
        self._limits = np.zeros(n_trees, np.uint64)
        self._counts = np.zeros(n_trees, np.int64)
        self._touched = np.zeros(n_trees, np.uint8)
        self.hashes = np.zeros((n_trees, 0), np.uint64)
        self.places = np.zeros((n_trees, 0), np.int32)
        self.changed = np.ones(n_trees, bool)

    @staticmethod
    def room(size: int, n: int) -> int:
        """How many records of a tree are kept when n are held: enough for twice as many."""
        size = min(size, 2 * n + 1)
        return size + max(_LEAST_SPARE, size // 2)

    @classmethod
    def memory(cls, n_trees: int, size: int, n: int) -> int:
        """Bytes that the samples take."""
        return _ENTRY_BYTES * n_trees * cls.room(size, n)

    def knows(self, n: int) -> bool:
        """Whether the samples are whole, n records being held."""
        return bool((self._counts >= min(self.size, n)).all())

    def look_through(self, keyed: np.ndarray, w: np.ndarray, n: int) -> None:
        """Find the samples among all records: n places have a positive weight."""
        n_trees, room = len(self._shifts), self.room(self.size, n)
        wanted = min(n, (min(self.size, n) + room) // 2)
        guess = 2**64 - 1 if n <= room else wanted * 2**64 // n
        self._limits[:] = guess
        self.hashes, self.places = np.full((n_trees, room), _ALL), np.zeros((n_trees, room), np.int32)
        self._counts[:] = 0
        _collect(keyed, w, self._shifts, self._limits, self.hashes, self.places, self._counts)
        for t in np.flatnonzero((self._counts < min(self.size, n)) | (self._counts > room)):
            limit = np.partition(_tree_hashes(keyed, w, self._shifts[t]), wanted - 1)[wanted - 1]
            one = slice(t, t + 1)
            self._limits[t], self._counts[t], self.hashes[t] = limit, 0, _ALL
            _collect(
                keyed, w, self._shifts[one], self._limits[one], self.hashes[one], self.places[one], self._counts[one]
            )
        order = self.hashes.argsort(axis=1, kind="stable")
        self.hashes = np.take_along_axis(self.hashes, order, axis=1)
        self.places = np.take_along_axis(self.places, order, axis=1)
        unused = np.arange(room) >= self._counts[:, None]
        self.hashes[unused], self.places[unused] = 0, 0

    def follow(self, keyed: np.ndarray, places: np.ndarray, signs: np.ndarray) -> int:
        """Have records with these hashes come to places (1.0) or go (-1.0). Returns in how many trees that shows."""
        self._touched[:] = 0
        _follow(
            keyed, places, signs, self.size, self._shifts, self._limits, self.hashes, self.places, self._counts,
            self._touched,
        )  # fmt: skip
        found = int(np.count_nonzero(self._touched))
        if found:
            self.changed[self._touched > 0] = True
        return found

    def move(self, moved: np.ndarray) -> None:
        """Follow records to other places: ``moved[place]`` is the new one."""
        known = self.places < len(moved)
        self.places[known] = moved[self.places[known]]
