"""Which leaf of each tree a record is in: the one that the bins of all its features leave.

References
----------
Lucchese et al. (2015), "QuickScorer: a fast algorithm to rank documents with additive ensembles of regression trees",
SIGIR, section 3: leaves as bits, which the tests of a tree's nodes rule out in any order. Here a table for each feature
of a tree has the outcome of all tests of that feature, by bin.
"""

import numpy as np

from sqlearn.engine.boosting.layout import MOST_BINS, Masks, Trees
from sqlearn.engine.kernels import kernel, trailing_zeros


@kernel
def _leaves_below(left, right, feature, node, stack):
    """The leaves below a node, as bits."""
    found = np.int64(0)
    stack[0], depth = node, 1
    while depth > 0:
        depth -= 1
        v = stack[depth]
        if feature[v] < 0:
            found |= np.int64(1) << np.int64(left[v])
        else:
            stack[depth], stack[depth + 1] = left[v], right[v]
            depth += 2
    return found


@kernel
def _fill(trees, starts, features, leaves):
    feature, mask, left, right, n_leaves = trees.feature, trees.mask, trees.left, trees.right, trees.n_leaves
    stack = np.empty(feature.shape[1] + 1, np.int64)
    for t in range(feature.shape[0]):
        everything = (np.int64(1) << n_leaves[t]) - np.int64(1)
        for r in range(starts[t], starts[t + 1]):
            for b in range(MOST_BINS):
                leaves[r, b] = everything
        for v in range(2 * n_leaves[t] - 1):
            if feature[t, v] < 0:
                continue
            r = starts[t]
            while features[r] != feature[t, v]:
                r += 1
            of_left = _leaves_below(left[t], right[t], feature[t], left[t, v], stack)
            of_right = _leaves_below(left[t], right[t], feature[t], right[t, v], stack)
            for b in range(MOST_BINS):
                goes_left = (mask[t, v] >> np.uint64(b)) & np.uint64(1)
                leaves[r, b] &= ~of_right if goes_left else ~of_left


def masks_of(trees: Trees) -> Masks:
    """The tables of all trees."""
    used = [np.unique(row[row >= 0]) for row in trees.feature]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in used])]).astype(np.int64)
    features = np.concatenate(used).astype(np.int32) if starts[-1] else np.zeros(0, np.int32)
    leaves = np.empty((len(features), MOST_BINS), np.int64)
    _fill(trees, starts, features, leaves)
    return Masks(starts, features, leaves)


@kernel
def _rule_out(leaves, bins, left):
    """Leave of each record's leaves those that its bin of one feature may reach."""
    for i in range(len(left)):
        left[i] &= leaves[bins[i]]


@kernel
def find_leaves(masks, first, bins, found, room):
    """Write the leaf of each of some trees that each record is in, uint8[T, n], of their bins, uint8[d, n].

    `first` is the first of these trees, room is int64[n].
    """
    starts, features, leaves = masks
    for i in range(len(found)):
        t, of_t = first + i, found[i]
        room[:] = -1 if starts[t] < starts[t + 1] else 1  # a tree without splits has one leaf
        for r in range(starts[t], starts[t + 1]):
            _rule_out(leaves[r], bins[features[r]], room)
        for r in range(len(room)):
            of_t[r] = trailing_zeros(room[r])
