"""A chain of trees grown on a pilot: each follows the gradients that the ones before it leave, in integers.

References
----------
Friedman (2001), "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29: the chain. Ke et
al. (2017), "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS: histograms of bins, leaf by leaf;
Geurts, Ernst and Wehenkel (2006), "Extremely randomized trees", Machine Learning 63: thresholds at random.
"""

from typing import NamedTuple

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.boosting.layout import FRACTION, MOST_BINS, Bins, Trees
from sqlearn.engine.boosting.losses import derivatives, rounded
from sqlearn.engine.kernels import kernel

_UNIT = 2.0**30  # of derivatives
_HIGHEST = 8.0  # what a leaf adds at most
_LEAST_GAIN = 1e-12  # of the score of the records that are split: less is rounding
_LEFT, _RIGHT = np.uint64(0x1EF7), np.uint64(0x21687)  # what hashes of paths are mixed with


class Chain(NamedTuple):
    """How trees grow.

    Attributes
    ----------
    loss : int
        See :mod:`~sqlearn.engine.boosting.layout`.
    n_trees, n_leaves, max_depth, min_leaf : int
        Number of trees for each output; leaves and depth of a tree at most; records of a leaf at least.
    learning_rate : float
        Share of a Newton step that a leaf takes.
    l2 : float
        What is added to second derivatives, for records with weights of at most 1.
    n_thresholds : int
        How many thresholds of a feature of numbers are tried at a node, drawn at random: a pilot that compares all of
        them picks noise.
    seed : uint64
        Seed of these draws.
    """

    loss: int
    n_trees: int
    n_leaves: int
    max_depth: int
    min_leaf: int
    learning_rate: float
    l2: float
    n_thresholds: int
    seed: np.uint64


class _Leaf(NamedTuple):
    """The leaves of the tree that grows, by slot: nodes, records, depths, sums, best splits, hashes of their paths."""

    node: np.ndarray
    first: np.ndarray
    last: np.ndarray
    depth: np.ndarray
    sums: np.ndarray
    gain: np.ndarray
    feature: np.ndarray
    mask: np.ndarray
    word: np.ndarray


@kernel
def _all_derivatives(loss, y, mass, f, g, h, room):
    """Write the derivatives of all records in integers, int64[K, m]."""
    f1, g1, h1 = room
    for i in range(len(y)):
        for k in range(len(f1)):
            f1[k] = f[k, i]
        derivatives(loss, y[i], f1, g1, h1)
        for k in range(len(g1)):
            g[k, i] = rounded(g1[k] * mass[i], _UNIT)
            h[k, i] = max(np.int64(1), rounded(h1[k] * mass[i], _UNIT))


@kernel
def _histogram(codes, order, first, last, g, h, found):
    """Sum derivatives and numbers of some records by feature and bin, int64[d, bins, 3]."""
    found[:] = 0
    for i in range(first, last):
        r = order[i]
        a, b = g[r], h[r]
        for f in range(codes.shape[1]):
            c = codes[r, f]
            found[f, c, 0] += a
            found[f, c, 1] += b
            found[f, c, 2] += 1


@kernel
def _total(cells, n_bins, found):
    """Write the sums of all bins of a feature."""
    found[:] = 0
    for b in range(n_bins):
        for c in range(3):
            found[c] += cells[b, c]


@kernel
def _subtract(cells, others):
    """As ``cells -= others``, which takes numba a second to compile, for the sake of its errors."""
    for i in range(len(cells)):
        cells[i] -= others[i]


@kernel
def _score(g, h, g_all, h_all, l2):
    """The score of two sides, of which one has the sums g and h."""
    a, b = np.float64(g), np.float64(g_all - g)
    return a * a / (h + l2) + b * b / (h_all - h + l2)


@kernel
def _drawn(cells, n_edges, n_thresholds, word):
    """The edges that are tried, as bits: some at random, of those between values of the records; and the last value."""
    low, high = 0, n_edges
    while low < high and cells[low, 2] == 0:
        low += 1
    while high > low and cells[high, 2] == 0:
        high -= 1
    tried = np.uint64(0)
    if high - low <= n_thresholds:
        for b in range(low, high):
            tried |= np.uint64(1) << np.uint64(b)
    else:
        for i in range(n_thresholds):
            step = mix(word, np.uint64(i)) % np.uint64(high - low)
            tried |= np.uint64(1) << (np.uint64(low) + step)
    return tried, high


@kernel
def _numbers(cells, n_edges, total, chain, word, best):
    """The best split of a feature of numbers, of those tried: its score, and the bins that go left."""
    g_all, h_all, n_all = total
    g_missing, h_missing, n_missing = cells[n_edges + 1]
    min_leaf, l2 = chain.min_leaf, chain.l2
    g, h, n = np.int64(0), np.int64(0), np.int64(0)
    mask, found = np.uint64(0), best
    behind = np.uint64(1) << np.uint64(n_edges + 1)
    tried, last = _drawn(cells, n_edges, chain.n_thresholds, word)
    for b in range(last + 1):
        g += cells[b, 0]
        h += cells[b, 1]
        n += cells[b, 2]
        bits = (np.uint64(2) << np.uint64(b)) - np.uint64(1)
        if b == last and n_missing >= min_leaf and n >= min_leaf:  # all values go left, missing ones right
            score = _score(g, h, g_all, h_all, l2)
            if score > found:
                found, mask = score, (behind - np.uint64(1))
        if not (tried >> np.uint64(b)) & np.uint64(1):
            continue
        if n >= min_leaf and n_all - n >= min_leaf:
            score = _score(g, h, g_all, h_all, l2)
            if score > found:
                found, mask = score, bits
                if n_missing == 0 and 2 * n >= n_all:  # missing values, of which there are none, go with most records
                    mask |= behind
        if n_missing > 0 and n + n_missing >= min_leaf and n_all - n - n_missing >= min_leaf:
            score = _score(g + g_missing, h + h_missing, g_all, h_all, l2)
            if score > found:
                found, mask = score, bits | behind
    return found, mask


@kernel
def _categories(cells, n_bins, total, chain, best):
    """The best split of a feature of categories, one of which goes left: its score, and its bin as a bit."""
    g_all, h_all, n_all = total
    mask, found = np.uint64(0), best
    for b in range(n_bins):
        g, h, n = cells[b]
        if n >= chain.min_leaf and n_all - n >= chain.min_leaf:
            score = _score(g, h, g_all, h_all, chain.l2)
            if score > found:
                found, mask = score, np.uint64(1) << np.uint64(b)
    return found, mask


@kernel
def _choose(cells, bins, chain, leaf, slot):
    """Write the best split of a leaf."""
    total, l2 = leaf.sums[slot], chain.l2
    g = np.float64(total[0])
    score = g * g / (total[1] + l2)
    best = score * (1.0 + _LEAST_GAIN)
    leaf.feature[slot], leaf.gain[slot] = -1, 0.0
    if leaf.depth[slot] >= chain.max_depth or total[2] < 2 * chain.min_leaf:
        return
    for f in range(len(bins.n_edges)):
        n_edges = bins.n_edges[f]
        if bins.equal[f]:
            found, mask = _categories(cells[f], n_edges + 2, total, chain, best)
        else:
            word = mix(leaf.word[slot], np.uint64(f))
            found, mask = _numbers(cells[f], n_edges, total, chain, word, best)
        if found > best:
            best = found
            leaf.feature[slot], leaf.mask[slot], leaf.gain[slot] = f, mask, found - score


@kernel
def _divide(codes, order, spare, first, last, feature, mask):
    """Have the records that go left come first, in the order that they have; returns where the others start."""
    at, n_right = first, 0
    for i in range(first, last):
        r = order[i]
        if (mask >> np.uint64(codes[r, feature])) & np.uint64(1):
            order[at] = r
            at += 1
        else:
            spare[n_right] = r
            n_right += 1
    for i in range(n_right):
        order[at + i] = spare[i]
    return at


@kernel
def _number_leaves(trees, t, values, stack):
    """Number the leaves from left to right, and write what they add; `values` has it by slot."""
    stack[0], depth, n = 0, 1, 0
    while depth > 0:
        depth -= 1
        v = stack[depth]
        if trees.feature[t, v] < 0:
            trees.values[t, n] = values[trees.left[t, v]]
            trees.left[t, v] = n
            n += 1
        else:
            stack[depth], stack[depth + 1] = trees.right[t, v], trees.left[t, v]
            depth += 2


@kernel
def _grow_tree(codes, bins, chain, g, h, f, trees, t, cells, leaf, room):
    """Grow tree t by these derivatives, leaf by leaf, always the one that gains most; and add what it predicts."""
    order, spare, values, stack, flat = room
    m, n_bins = len(order), bins.n_edges[0] + 2
    for i in range(m):
        order[i] = i
    _histogram(codes, order, 0, m, g, h, cells[0])
    leaf.node[0], leaf.first[0], leaf.last[0], leaf.depth[0] = 0, 0, m, 0
    leaf.word[0] = mix(np.uint64(t), chain.seed)
    _total(cells[0, 0], n_bins, leaf.sums[0])
    _choose(cells[0], bins, chain, leaf, 0)
    trees.feature[t, 0], trees.n[t, 0] = -1, m
    n_nodes, n_leaves = 1, 1
    while n_leaves < chain.n_leaves:
        slot = 0
        for other in range(1, n_leaves):
            if leaf.gain[other] > leaf.gain[slot]:
                slot = other
        if leaf.feature[slot] < 0:
            break
        v, feature, mask = leaf.node[slot], leaf.feature[slot], leaf.mask[slot]
        trees.feature[t, v], trees.mask[t, v], trees.gain[t, v] = feature, mask, leaf.gain[slot]
        trees.left[t, v], trees.right[t, v] = n_nodes, n_nodes + 1
        first, last = leaf.first[slot], leaf.last[slot]
        middle = _divide(codes, order, spare, first, last, feature, mask)
        new = n_leaves  # the slot of the smaller child; the other one keeps the parent's
        right_is_new = last - middle <= middle - first
        leaf.node[new], leaf.node[slot] = n_nodes + right_is_new, n_nodes + 1 - right_is_new
        leaf.first[new] = middle if right_is_new else first
        leaf.last[new] = last if right_is_new else middle
        leaf.first[slot] = first if right_is_new else middle
        leaf.last[slot] = middle if right_is_new else last
        leaf.depth[slot] += 1
        leaf.depth[new] = leaf.depth[slot]
        word = leaf.word[slot]
        leaf.word[new], leaf.word[slot] = mix(word, _LEFT), mix(word, _RIGHT)
        if right_is_new:
            leaf.word[new], leaf.word[slot] = leaf.word[slot], leaf.word[new]
        for child in (slot, new):
            trees.feature[t, leaf.node[child]] = -1
            trees.n[t, leaf.node[child]] = leaf.last[child] - leaf.first[child]
        n_nodes += 2
        n_leaves += 1
        _histogram(codes, order, leaf.first[new], leaf.last[new], g, h, cells[new])
        _subtract(flat[slot], flat[new])
        _total(cells[new, 0], n_bins, leaf.sums[new])
        _subtract(leaf.sums[slot], leaf.sums[new])
        if n_leaves < chain.n_leaves:
            for child in (slot, new):
                _choose(cells[child], bins, chain, leaf, child)
    trees.n_leaves[t] = n_leaves
    for slot in range(n_leaves):
        trees.left[t, leaf.node[slot]] = slot
        step = chain.learning_rate * leaf.sums[slot, 0] / (leaf.sums[slot, 1] + chain.l2)
        values[slot] = rounded(min(max(step, -_HIGHEST), _HIGHEST), 2.0**FRACTION)
        for i in range(leaf.first[slot], leaf.last[slot]):
            f[order[i]] += values[slot]
    _number_leaves(trees, t, values, stack)


@kernel
def _grow(codes, y, mass, bins, chain, base, trees, f, g, h, cells, flat, leaf):
    k_most, m = g.shape
    room = (
        np.empty(m, np.int64),
        np.empty(m, np.int64),
        np.empty(chain.n_leaves, np.int64),
        np.empty(2 * chain.n_leaves, np.int64),
        flat,
    )
    one = np.empty(k_most, np.int64), np.empty(k_most), np.empty(k_most)
    for k in range(k_most):
        f[k, :] = base[k]
    for t in range(chain.n_trees):
        _all_derivatives(chain.loss, y, mass, f, g, h, one)
        for k in range(k_most):
            _grow_tree(
                codes, bins, chain, g[k], h[k], f[k], trees, k * chain.n_trees + t, cells, leaf, room
            )  # fmt: skip


def grow_chain(codes: np.ndarray, y: np.ndarray, mass: np.ndarray, bins: Bins, chain: Chain, base: np.ndarray) -> Trees:
    """Grow a chain of trees on the records of a pilot: one of each output, then the next one of each.

    Parameters
    ----------
    codes : uint8[m, d]
        Bins of the records.
    y : float64[m]
        Columns of classes, or targets of at most 1.
    mass : float64[m]
        Weights of at most 1.
    bins : Bins
        What the bins are.
    chain : Chain
        How trees grow.
    base : int64[K]
        What is predicted before the first tree.
    """
    k, leaves, d, m = len(base), chain.n_leaves, codes.shape[1], len(y)
    shape = k * chain.n_trees, 2 * leaves - 1
    trees = Trees(
        np.full(shape, -1, np.int32),
        np.zeros(shape, np.uint64),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape),
        np.ones(shape[0], np.int64),
        np.zeros((shape[0], leaves), np.int64),
    )
    leaf = _Leaf(
        node=np.zeros(leaves, np.int64),
        first=np.zeros(leaves, np.int64),
        last=np.zeros(leaves, np.int64),
        depth=np.zeros(leaves, np.int64),
        sums=np.zeros((leaves, 3), np.int64),
        gain=np.zeros(leaves),
        feature=np.zeros(leaves, np.int64),
        mask=np.zeros(leaves, np.uint64),
        word=np.zeros(leaves, np.uint64),
    )
    in_units = chain._replace(l2=chain.l2 * _UNIT)
    f, g, h = (np.zeros((k, m), np.int64) for _ in range(3))
    cells = np.zeros((leaves, d, MOST_BINS, 3), np.int64)
    _grow(codes, y, mass, bins, in_units, base, trees, f, g, h, cells, cells.reshape(leaves, -1), leaf)
    return trees
