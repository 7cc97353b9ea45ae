"""Kernels that find records by their digests: an open-addressing index of places, and the keyed hashes of copies.

Equal records are copies 0, 1, ... of a digest. The index maps each (digest, number) to the place where the copy lies.
"""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import kernel, multiply_high, prefetch

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
    """Keyed hashes of many copies: digests uint64[n, >=1], numbers int64[n]."""
    hashes = np.empty(len(digests), np.uint64)
    for k in range(len(digests)):
        hashes[k] = copy_hash(digests[k, 0], numbers[k], seed)
    return hashes


def numbers_of(digests: np.ndarray, copies: np.ndarray, hashes: np.ndarray, seed: np.uint64) -> np.ndarray:
    """Which of so many copies of each digest has this keyed hash, int64[n]; -1 for none."""
    order = np.lexsort((hashes, digests[:, 1], digests[:, 0]))
    numbers: np.ndarray = _numbers_of(digests, copies, hashes, order, seed)
    return numbers


@kernel
def _numbers_of(digests, copies, hashes, order, seed):
    """The numbers of :func:`numbers_of`; `order` sorts by digest and hash, so each digest's copies are hashed once."""
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
def held(index, digests, numbers, word0, word1):
    """Whether a copy of this digest is held."""
    return index[_find(index, digests, numbers, word0, word1, 0)] >= 0


@kernel
def hash_of_next(index, digests, numbers, word0, word1, sign, seed):
    """Keyed hash of the copy of this digest that comes next (1.0), or of the one that goes next (-1.0)."""
    copies = _copies(index, digests, numbers, word0, word1)
    return copy_hash(word0, copies if sign > 0 else copies - 1, seed)


@kernel
def count_copies(index, digests, numbers, wanted):
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
def insert(index, digests, numbers, places):
    """Point to places that hold records already."""
    for k in range(len(places)):
        place = places[k]
        index[_find(index, digests, numbers, digests[place, 0], digests[place, 1], numbers[place])] = place


@kernel
def enter(index, digests, numbers, keyed, new, places, seed, hashes):
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
def leave(index, digests, numbers, gone, places):
    """Take the last copies of digests out of the index, and write their places.

    Returns -1, or the index of the first digest that is not held; then all is as before.
    """
    for k in range(len(gone)):
        _look_ahead(index, digests, gone, k)
        number = _copies(index, digests, numbers, gone[k, 0], gone[k, 1]) - 1
        if number < 0:
            insert(index, digests, numbers, places[:k])
            return k
        slot = _find(index, digests, numbers, gone[k, 0], gone[k, 1], number)
        places[k] = index[slot]
        _clear(index, digests, numbers, slot)
    return -1


@kernel
def remove(index, digests, numbers, gone, places, hashes, x, y, w, keyed, free, n_free, tried):
    """Take the last copies of digests out of the index, and overwrite their records with zeros.

    Writes their places and keyed hashes. Returns -1, or the index of the first digest that is not held; then nothing
    has changed. If it is but `tried`, nothing changes in any case, and no hashes are written.
    """
    missing = leave(index, digests, numbers, gone, places)
    if tried and missing < 0:
        insert(index, digests, numbers, places)
        return missing
    if missing >= 0:  # only in a model whose bytes were altered: the ledger or the caller has looked them up
        return missing
    for k in range(len(places)):
        place = places[k]
        free[n_free + k] = place
        hashes[k] = keyed[place]
        for j in range(x.shape[1]):  # one by one: numba takes two seconds to compile the assignment of a row
            x[place, j] = 0.0
        digests[place, 0], digests[place, 1] = 0, 0
        y[place], w[place], numbers[place], keyed[place] = 0.0, 0.0, 0, 0
    return missing


@kernel
def vacant(free, end, places):
    """Write free places, the last ones first, and then those from `end` on."""
    reused = min(len(places), len(free))
    for k in range(len(places)):
        places[k] = free[len(free) - reused + k] if k < reused else end + k - reused


@kernel
def write(places, new_x, new_y, new_w, x, y, w):
    """Write records to places."""
    for k in range(len(places)):
        for j in range(x.shape[1]):
            x[places[k], j] = new_x[k, j]
        y[places[k]] = new_y[k]
        w[places[k]] = new_w[k]


@kernel
def write_and_enter(index, digests, numbers, keyed, new, places, seed, hashes, new_x, new_y, new_w, x, y, w):
    """:func:`write`, and :func:`enter`."""
    write(places, new_x, new_y, new_w, x, y, w)
    enter(index, digests, numbers, keyed, new, places, seed, hashes)


def empty_index(capacity: int) -> np.ndarray:
    return np.full(max(16, capacity), -1, np.int32)
