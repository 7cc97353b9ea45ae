"""Which trees a record is in, and in which order a tree takes its records: keyed hashes of copies, nothing else."""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import kernel

_ALL = np.uint64(2**64 - 1)


@kernel
def choose_trees(keyed, n_trees, chosen):
    """Write the trees of a record, as many different ones as `chosen` takes (Floyd's algorithm, driven by its hash)."""
    k = len(chosen)
    for i in range(k):
        last = n_trees - k + i
        tree = np.int64(mix(keyed, np.uint64(1000 + i)) % np.uint64(last + 1))
        for j in range(i):
            if chosen[j] == tree:
                tree = last
                break
        chosen[i] = tree


@kernel
def members(keyed, w, n_trees, k, part, parts):
    """The places of the records of some trees, those whose number is `part` modulo `parts`.

    `places` of the i-th of these are those from ``starts[i]`` to ``starts[i + 1]``. Records of weight 0 are in no tree.
    """
    n = (n_trees - part + parts - 1) // parts
    chosen = np.empty(k, np.int64)
    starts = np.zeros(n + 2, np.int64)
    for place in range(len(w)):
        if w[place] > 0.0:
            choose_trees(keyed[place], n_trees, chosen)
            for i in range(k):
                if chosen[i] % parts == part:
                    starts[chosen[i] // parts + 2] += 1
    for t in range(n):
        starts[t + 2] += starts[t + 1]
    places = np.empty(starts[n + 1], np.int32)
    for place in range(len(w)):
        if w[place] > 0.0:
            choose_trees(keyed[place], n_trees, chosen)
            for i in range(k):
                if chosen[i] % parts == part:
                    t = chosen[i] // parts
                    places[starts[t + 1]] = place
                    starts[t + 1] += 1
    return starts, places


@kernel
def priority(keyed, salt):
    """The place of a record in the order of a tree: the lowest come first."""
    return mix(keyed, salt)


@kernel
def sample_limit(n, scored, extension):
    """The highest priority of the sample by which a node of n records is scored: about half of `scored` to `scored`.

    Its share is a power of two that depends on the bit length of n alone, so it seldom changes; `extension` doublings
    make it larger.
    """
    shift = -extension
    while n > scored:
        n >>= 1
        shift += 1
    return _ALL if shift <= 0 else _ALL >> np.uint64(shift)


@kernel
def sort_by_priority(places, keyed, salt, priorities):
    """Sort places by their records' priorities, and write these: a bucket per record, then insertion."""
    n = len(places)
    if n <= 32:
        for i in range(n):
            place, p = places[i], priority(keyed[places[i]], salt)
            j = i - 1
            while j >= 0 and priorities[j] > p:
                priorities[j + 1], places[j + 1] = priorities[j], places[j]
                j -= 1
            priorities[j + 1], places[j + 1] = p, place
        return
    starts = np.zeros(n + 1, np.int32)
    unsorted = places.copy()
    hashes = np.empty(n, np.uint64)
    for i in range(n):
        hashes[i] = priority(keyed[unsorted[i]], salt)
        starts[((hashes[i] >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)] += 1
    total = 0
    for b in range(n):
        total, starts[b] = total + starts[b], total
    for i in range(n):
        b = ((hashes[i] >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
        places[starts[b]], priorities[starts[b]] = unsorted[i], hashes[i]
        starts[b] += 1
    for i in range(1, n):
        place, p = places[i], priorities[i]
        j = i - 1
        while j >= 0 and priorities[j] > p:
            priorities[j + 1], places[j + 1] = priorities[j], places[j]
            j -= 1
        priorities[j + 1], places[j + 1] = p, place


def new_places(places: np.ndarray) -> np.ndarray:
    """Where the records that lay in these places, int64[n], lie when they are the first ones: by place, int32."""
    moved = np.zeros(places[-1] + 1 if len(places) else 0, np.int32)
    moved[places] = np.arange(len(places))
    return moved
