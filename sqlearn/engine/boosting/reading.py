"""A booster as trees that scikit-learn walks: those of the chain, and one of the bins of each feature."""

from dataclasses import dataclass

import numpy as np

from sqlearn.engine.boosting.layout import MOST_BINS, Bins, Trees
from sqlearn.engine.rounds import serializable

# columns of Nodes.numbers
FEATURE, LEFT, RIGHT, MISSING_LEFT, COLUMN, DEPTH, COUNT, EDGE = range(8)
_N_NUMBERS = 8


@serializable("BoostedNodes")
@dataclass(slots=True)
class Nodes:
    """The nodes of all trees, one after the other: those of the first output, then of the next one. Each has the trees
    of its chain, and then those of features.

    Attributes
    ----------
    numbers : int64[n, 8]
        Feature, left child and right child, counted from the tree's root (-1 in leaves); 1 where missing values go
        left; in leaves the column, else -1; depth; records of the pilot; the edge of the split.
    thresholds : float64[n]
        Numbers up to it go left.
    masks : int64[n]
        Categories, by their bins, that go left, as bits; 0 where a split is by numbers.
    gains : float64[n]
        What splits gain.
    bounds : int64[trees + 1]
        Where the nodes of each tree start.
    """

    numbers: np.ndarray
    thresholds: np.ndarray
    masks: np.ndarray
    gains: np.ndarray
    bounds: np.ndarray


@serializable("Boosted")
@dataclass(slots=True)
class Boosted:
    """What a booster predicts by.

    Attributes
    ----------
    nodes : Nodes
        The trees.
    edges, n_edges, equal
        See :class:`~sqlearn.engine.boosting.layout.Bins`; as float64 and int64.
    base : float64[K]
        What is predicted before any column.
    values : float64[K, p]
        What each column adds.
    exponent : int
        Targets are in units of 2 to this.
    """

    nodes: Nodes
    edges: np.ndarray
    n_edges: np.ndarray
    equal: np.ndarray
    base: np.ndarray
    values: np.ndarray
    exponent: int

    @property
    def categories(self) -> list[np.ndarray | None]:
        """The categories of each feature that have bins of their own, None for numbers."""
        found = zip(self.edges, self.n_edges.tolist(), self.equal.tolist(), strict=True)
        return [edges[:n] if equal else None for edges, n, equal in found]

    def is_whole(self, d: int, k: int) -> bool:
        """Whether scikit-learn could walk these trees of k outputs over d features: it does not look where it goes."""
        nodes = self.nodes
        numbers, n, p = nodes.numbers, len(nodes.numbers), self.values.shape[-1]
        shapes = {
            (numbers.shape, (n, _N_NUMBERS)), (nodes.thresholds.shape, (n,)), (nodes.masks.shape, (n,)),
            (nodes.gains.shape, (n,)), (self.edges.shape, (d, MOST_BINS - 2)), (self.n_edges.shape, (d,)),
            (self.equal.shape, (d,)), (self.base.shape, (k,)), (self.values.shape, (k, p)),
        }  # fmt: skip
        sizes = np.diff(nodes.bounds)
        if any(found != wanted for found, wanted in shapes) or nodes.bounds[0] != 0 or nodes.bounds[-1] != n:
            return False
        if (sizes < 1).any() or len(sizes) % k or not len(sizes):
            return False
        inner, place = numbers[:, FEATURE] >= 0, np.arange(n) - np.repeat(nodes.bounds[:-1], sizes)
        children, size = numbers[inner][:, [LEFT, RIGHT]], np.repeat(sizes, sizes)[inner, None]
        columns, edges = numbers[~inner, COLUMN], (self.n_edges < 0) | (self.n_edges > MOST_BINS - 2)
        if (numbers[:, FEATURE] >= d).any() or not np.isin(self.equal, (0, 1)).all():
            return False
        by_category = nodes.masks != 0
        if by_category[~inner].any() or (by_category[inner] & (self.equal[numbers[inner, FEATURE]] == 0)).any():
            return False
        walks = (children > place[inner, None]).all() and (children < size).all()
        return bool(walks and (columns >= 0).all() and (columns < p).all() and not edges.any())


def nodes_of(bins: Bins, trees: Trees, columns: np.ndarray, counts: np.ndarray) -> Nodes:
    """All trees. `counts`, int64[d, bins], has how many records of the pilot are in each bin."""
    d, found = len(bins.n_edges), []
    n_trees = columns.shape[1] - 1 - d
    for k, starts in enumerate(columns):
        found += [_of_chain(bins, trees, k * n_trees + t, starts[t]) for t in range(n_trees)]
        found += [_of_feature(bins, f, starts[n_trees + f], counts[f]) for f in range(d)]
    bounds = np.concatenate([[0], np.cumsum([len(numbers) for numbers, *_ in found])])
    numbers, thresholds, masks, gains = map(np.concatenate, zip(*found, strict=True))
    return Nodes(numbers, thresholds, masks, gains, bounds)


def _of_chain(bins: Bins, trees: Trees, t: int, first: int) -> tuple[np.ndarray, ...]:
    """Tree t of the chain, whose leaves have the columns from `first` on."""
    n = 2 * int(trees.n_leaves[t]) - 1
    numbers = np.zeros((n, _N_NUMBERS), np.int64)
    feature, left, right, mask = (array[t, :n] for array in (trees.feature, trees.left, trees.right, trees.mask))
    inner = feature >= 0
    splits = np.where(inner, feature, 0)
    n_edges, equal = bins.n_edges[splits], bins.equal[splits] > 0
    numbers[:, FEATURE] = feature
    numbers[:, LEFT], numbers[:, RIGHT] = np.where(inner, left, -1), np.where(inner, right, -1)
    behind = (mask >> (n_edges + 1).astype(np.uint64)) & np.uint64(1)
    numbers[:, MISSING_LEFT] = inner & (behind > 0)
    numbers[:, COLUMN] = np.where(inner, -1, first + left)
    numbers[:, COUNT] = trees.n[t, :n]
    for v in np.flatnonzero(inner):  # children come after their parents
        numbers[[left[v], right[v]], DEPTH] = numbers[v, DEPTH] + 1
    below = mask & ~(behind << (n_edges + 1).astype(np.uint64))
    edge = np.bitwise_count(below).astype(np.int64) - 1
    numbers[:, EDGE] = np.where(inner & ~equal, edge, 0)
    known = bins.edges[splits, np.clip(edge, 0, bins.edges.shape[1] - 1)]
    thresholds = np.where(edge < n_edges, known, np.inf)
    by_number = inner & ~equal
    masks = np.where(inner & equal, mask, np.uint64(0)).view(np.int64)
    return numbers, np.where(by_number, thresholds, 0.0), masks, trees.gain[t, :n]


def _of_feature(bins: Bins, f: int, first: int, counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """A tree whose leaves are the columns of a feature, from `first` on; the last one is for missing values."""
    n_edges, shift, equal = int(bins.n_edges[f]), int(bins.shifts[f]), bool(bins.equal[f])
    n_columns = (n_edges >> shift) + 2
    of_column = np.zeros(n_columns, np.int64)
    np.add.at(of_column, np.arange(n_edges + 1) >> shift, counts[: n_edges + 1])
    of_column[-1] += counts[n_edges + 1]
    n = 2 * n_columns - 1
    numbers, thresholds, masks = np.zeros((n, _N_NUMBERS), np.int64), np.zeros(n), np.zeros(n, np.int64)
    numbers[:, COLUMN] = -1
    waiting, used = [(0, 0, n_columns, 0)], 1
    while waiting:
        v, low, high, depth = waiting.pop()
        numbers[v, DEPTH], numbers[v, COUNT] = depth, of_column[low:high].sum()
        if high - low == 1:
            numbers[v, [FEATURE, LEFT, RIGHT, COLUMN]] = -1, -1, -1, first + low
            continue
        middle = (low + high) // 2 if equal or depth else n_columns - 1  # missing values are separated first
        numbers[v, [FEATURE, LEFT, RIGHT]] = f, used, used + 1
        if equal:
            masks[v] = sum(1 << b for b in range(low, middle))
        elif depth:
            edge = (middle << shift) - 1
            thresholds[v], numbers[v, EDGE] = bins.edges[f, edge], edge
        else:
            thresholds[v], numbers[v, EDGE] = np.inf, n_edges
        waiting += [(used, low, middle, depth + 1), (used + 1, middle, high, depth + 1)]
        used += 2
    return numbers, thresholds, masks, np.zeros(n)


def coded(x: np.ndarray, categories: list[np.ndarray | None]) -> np.ndarray:
    """Features with the bins of categories in place of their numbers; see :attr:`Boosted.categories`."""
    found = x.copy()
    for f, edges in enumerate(categories):
        if edges is None:
            continue
        n, missing = len(edges), np.isnan(x[:, f])
        at = np.searchsorted(edges, x[:, f])
        known = at < n
        known[known] = edges[at[known]] == x[known, f]
        found[:, f] = np.where(missing, n + 1, np.where(known, at, n))
    return found
