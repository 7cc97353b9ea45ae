"""How trees lie in memory: where nodes, records and cached scores are. None of it is state; kernels read and write it.

Pools hand out places from their free lists first, then those never used. They are allocated for the worst case, of
which the operating system provides the pages that are touched.
"""

from typing import NamedTuple

import numpy as np

FIRST_SAMPLE = 12  # records whose values give thresholds, between them; or, of categories, are thresholds
WIDEST = 256  # records that may give thresholds, where fewer give no valid one
NEAR = 1024  # records of a subtree that are copied to lie close together
VARIES = 2**31 - 1
LEAF, SAME = -1, -2  # `slot` of nodes without cached scores, and of leaves whose records are equal in every feature

NODE = np.dtype(
    [
        ("feature", np.int32),  # -1 in leaves
        ("threshold", np.float32),  # records with values up to it go left
        ("left", np.int32),  # child; in leaves the first entry
        ("right", np.int32),  # child; in leaves the row of sums
        ("n", np.int32),  # records
        ("slot", np.int32),  # of cached scores, LEAF, or SAME
        ("hash", np.uint64),  # of the subtree
    ]
)
ENTRY = np.dtype([("place", np.int32), ("next", np.int32)])  # a record in a leaf, and the next entry
CACHED = np.dtype(
    [
        ("last", np.uint64),  # highest priority of the records whose values give thresholds
        ("extension", np.int32),  # how often the scored sample was doubled
        ("skipped", np.int32),  # features that were passed over as constant
        ("n_features", np.int32),
        ("next", np.int32),  # free slot
    ]
)

# places in `extent`
ROOT, NODES, FREE_NODE, ENTRIES, FREE_ENTRY, SUMS, N_FREE_SUMS, SLOTS, FREE_SLOT = range(9)
N_EXTENT = 9


class Pool(NamedTuple):
    """The arrays of one tree.

    Attributes
    ----------
    nodes : NODE[capacity]
        Nodes.
    entries : ENTRY[capacity]
        Records in leaves.
    sums : float64[capacity, n_classes]
        Masses of classes in leaves, integers. Sums of targets are read from the records: no columns.
    free_sums : int32[capacity]
        Starts with the free rows of `sums`.
    extent : int64[N_EXTENT]
        The root, and of each pool how much was used and where its free list starts; -1 for none. Of `sums`, how many
        rows are free.
    cached : CACHED[slots]
        Scores of the split of large nodes, with the next arrays.
    features, n_thresholds : int32[slots, k]
        Features that were scored, and how many thresholds of each.
    guards : float32[slots, k, 5]
        What thresholds depend on beyond the first records: the usual value, the least and the greatest one, and how
        many scored records have each of these two; NaN where on nothing.
    thresholds : float32[slots, k, most]
        Thresholds, ascending.
    counts : float64[slots, k, most, channels]
        Sums of the scored records that each threshold sends left.
    totals : float64[slots, channels]
        Sums of all scored records.
    """

    nodes: np.ndarray
    entries: np.ndarray
    sums: np.ndarray
    free_sums: np.ndarray
    extent: np.ndarray
    cached: np.ndarray
    features: np.ndarray
    n_thresholds: np.ndarray
    guards: np.ndarray
    thresholds: np.ndarray
    counts: np.ndarray
    totals: np.ndarray


class Held(NamedTuple):
    """The records, as kernels read them.

    Attributes
    ----------
    x : float64[n, d]
        Features.
    y : float64[n]
        Class slot or target.
    w : float64[n]
        Weights.
    keyed : uint64[n]
        Keyed hashes of the copies.
    class_weights : float64[slots]
        Weights of the classes.
    equal : uint8[d]
        1 for features that hold categories: of their records those with a value equal to the threshold go left.
    """

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    keyed: np.ndarray
    class_weights: np.ndarray
    equal: np.ndarray


class Plan(NamedTuple):
    """Parameters of growth, and the units of sums.

    Attributes
    ----------
    n_classes : int
        Columns of classes; 0 for targets.
    channels : int
        Columns of sums that scores need: classes, or mass and target; then records, if leaves have a least size.
    k : int
        How many features are scored at a node.
    most : int
        Thresholds of a feature that a node may have whose scores are cached.
    scored : int
        Largest sample of records, a power of two, by which large nodes choose their split.
    cached : int
        Nodes of so many records keep their scores.
    random : int
        1 for one random threshold per feature, 0 for thresholds between records.
    min_split, min_leaf, max_depth : int
        As in scikit-learn.
    mass0, mass1, value0, value1 : float
        Factors, two each, that turn weights and weighted targets into integers.
    """

    n_classes: int
    channels: int
    k: int
    most: int
    scored: int
    cached: int
    random: int
    min_split: int
    min_leaf: int
    max_depth: int
    mass0: float
    mass1: float
    value0: float
    value1: float


class Local(NamedTuple):
    """Room for the records that are at hand, by their index; the first ones are.

    Attributes
    ----------
    x : float32[m, d]
        Features; rows from `filled` on may be missing.
    code : int32[m]
        Column of the class; 0 for targets.
    y : float64[m]
        Target.
    mass, value : float64[m]
        Weight and weighted target, in integers.
    places : int32[m]
        Places of the records.
    priorities : uint64[m]
        Their priorities, ascending.
    order : int32[m]
        The indices, those of a node together and ascending.
    spare : int32[m]
        Scratch.
    equal : uint8[d]
        As in :class:`Held`.
    """

    x: np.ndarray
    code: np.ndarray
    y: np.ndarray
    mass: np.ndarray
    value: np.ndarray
    places: np.ndarray
    priorities: np.ndarray
    order: np.ndarray
    spare: np.ndarray
    equal: np.ndarray


class Work(NamedTuple):
    """Scratch: the candidates of one node, as one slot of :class:`Pool`, and features.

    Attributes
    ----------
    permutation : int32[d]
        All features; ascending between calls.
    swaps : int32[d]
        What the last call swapped.
    constant : int32[d]
        The depth from which on a feature is known to be constant; ``VARIES`` where none is.
    marked : int32[d + 1]
        How many features are so known, and which, the deepest ones last.
    result : int64[6]
        Features scored, features passed over, the sample's extension, records that gave thresholds, the place of the
        best candidate: feature and threshold.
    """

    permutation: np.ndarray
    swaps: np.ndarray
    constant: np.ndarray
    marked: np.ndarray
    result: np.ndarray
    features: np.ndarray
    n_thresholds: np.ndarray
    guards: np.ndarray
    thresholds: np.ndarray
    counts: np.ndarray
    totals: np.ndarray
    unsorted: np.ndarray
    values: np.ndarray
    owners: np.ndarray


class Room(NamedTuple):
    """What kernels work in.

    Attributes
    ----------
    local : Local
        The records at hand.
    near : Local
        Those of a small subtree, copied from `local` to lie close together.
    work : Work
        The candidates of one node.
    """

    local: Local
    near: Local
    work: Work


def new_room(n: int, equal: np.ndarray, plan: Plan) -> Room:
    """Room for n records of one tree."""
    return Room(_new_local(n, equal), _new_local(min(n, NEAR), equal), _new_work(len(equal), plan))


def _new_local(m: int, equal: np.ndarray) -> Local:
    return Local(
        np.empty((m, len(equal)), np.float32),
        np.zeros(m, np.int32),
        np.empty(m),
        np.empty(m),
        np.empty(m),
        np.empty(m, np.int32),
        np.empty(m, np.uint64),
        np.empty(m, np.int32),
        np.empty(m, np.int32),
        equal,
    )


def _new_work(d: int, plan: Plan) -> Work:
    k, channels = plan.k, plan.channels
    return Work(
        np.arange(d, dtype=np.int32),
        np.empty(d, np.int32),
        np.full(d, VARIES, np.int32),
        np.zeros(d + 1, np.int32),
        np.zeros(6, np.int64),
        np.empty(k, np.int32),
        np.empty((1, k), np.int32),
        np.empty((k, 5), np.float32),
        np.empty((k, WIDEST), np.float32),
        np.empty((1, k, WIDEST + 1, channels)),
        np.empty((1, channels)),
        np.empty(WIDEST, np.float32),
        np.empty(WIDEST, np.float32),
        np.empty(WIDEST, np.int32),
    )


def empty_pool(capacity: int, plan: Plan) -> Pool:
    """A pool for up to `capacity` records in one tree."""
    slots = 4 * capacity // plan.cached + 8
    extent = np.full(N_EXTENT, -1, np.int64)
    extent[[NODES, ENTRIES, SUMS, N_FREE_SUMS, SLOTS]] = 0
    return Pool(
        np.empty(2 * capacity + 2, NODE),
        np.empty(capacity + 1, ENTRY),
        np.empty((capacity + 1, plan.n_classes)),
        np.empty(capacity + 1, np.int32),
        extent,
        np.empty(slots, CACHED),
        np.empty((slots, plan.k), np.int32),
        np.empty((slots, plan.k), np.int32),
        np.empty((slots, plan.k, 5), np.float32),
        np.empty((slots, plan.k, plan.most), np.float32),
        np.empty((slots, plan.k, plan.most, plan.channels)),
        np.empty((slots, plan.channels)),
    )


def used_bytes(pool: Pool) -> int:
    """Bytes of a pool that were ever used."""
    extent = pool.extent
    of_slot = sum(a[:1].nbytes for a in pool[5:])
    return int(
        extent[NODES] * NODE.itemsize
        + extent[ENTRIES] * ENTRY.itemsize
        + extent[SUMS] * (pool.sums[:1].nbytes + 4)
        + extent[SLOTS] * of_slot
    )


def bytes_per_record(plan: Plan) -> float:
    """Bytes that a record takes in a tree at most: with leaves of the least size, and scores at two levels of nodes."""
    least = min(plan.min_leaf, 16)
    n = plan.cached * least
    pool = empty_pool(n, plan)
    pool.extent[[NODES, ENTRIES, SUMS, SLOTS]] = 2 * n // least, n, n // least, 2 * least
    return used_bytes(pool) / n
