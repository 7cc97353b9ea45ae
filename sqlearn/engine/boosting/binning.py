"""Bins of features: where a pilot's values separate them, and which bin a value is in.

References
----------
Ke et al. (2017), "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS, in whose code values that are
more frequent than the mean of a bin have bins of their own, and the others are divided evenly, as here.
"""

import numpy as np

from sqlearn.engine.boosting.layout import MOST_BINS, Bins
from sqlearn.engine.kernels import kernel

_COLUMN_BITS = 4  # of the number of columns of a feature of numbers
_LARGEST = float(np.finfo(np.float32).max)  # of features, as trees see them


@kernel
def bin_of(value, edges, n, equal):
    """The bin of a value, of a feature with n edges."""
    if np.isnan(value):
        return n + 1
    value = min(max(value, -_LARGEST), _LARGEST)
    low, left = 0, n
    while left > 0:
        half = left >> 1
        if edges[low + half] < value:
            low += half + 1
            left -= half + 1
        else:
            left = half
    if equal and (low == n or edges[low] != value):
        return n
    return low


@kernel
def bin_records(x, places, bins, found):
    """Write the bins of the records at some places, uint8[d, n]."""
    edges, n_edges, equal, _, _ = bins
    for f in range(x.shape[1]):
        row, n, of_f = edges[f], n_edges[f], found[f]
        for i in range(len(places)):
            of_f[i] = bin_of(x[places[i], f], row, n, equal[f])


def find_bins(x: np.ndarray, equal: np.ndarray, most: int) -> Bins:
    """The bins that the records of a pilot, float64[m, d], give: up to `most` of each feature, and one for missing
    values.

    Numbers are separated in the middle between two of them. Of categories the most frequent ones have bins of their
    own, and the others share one.
    """
    d = x.shape[1]
    edges, n_edges, shifts = np.zeros((d, MOST_BINS - 2)), np.zeros(d, np.int64), np.zeros(d, np.int64)
    for f in range(d):
        values, counts = np.unique(np.clip(x[~np.isnan(x[:, f]), f], -_LARGEST, _LARGEST), return_counts=True)
        found = _frequent(values, counts, most - 1) if equal[f] else _between(values, counts, most - 1)
        edges[f, : len(found)], n_edges[f] = found, len(found)
        shifts[f] = 0 if equal[f] else max(0, len(found).bit_length() - _COLUMN_BITS)
    columns = (n_edges >> shifts) + 2
    return Bins(edges, n_edges, equal, np.concatenate([[0], columns.cumsum()]), shifts)


def _frequent(values: np.ndarray, counts: np.ndarray, most: int) -> np.ndarray:
    """The most frequent categories, ascending; of equally frequent ones the lower numbers."""
    chosen: np.ndarray = np.sort(values[np.argsort(-counts, kind="stable")[:most]])
    return chosen


def _between(values: np.ndarray, counts: np.ndarray, most: int) -> np.ndarray:
    """Edges between values, ascending."""
    if not len(values):
        return values
    at = np.empty(min(most, len(values) - 1), np.int64)
    at = at[: _greedy(counts, at)]
    lower, upper = values[at], values[at + 1]
    edges: np.ndarray = lower / 2 + upper / 2
    return np.where((lower <= edges) & (edges < upper), edges, lower)  # between neighbours, halves are rounded


@kernel
def _greedy(counts, found):
    """Write the places of values that end a bin, and return how many there are: a frequent one has a bin of its own."""
    n, most = len(counts), len(found)
    if n - 1 <= most:
        for i in range(n - 1):
            found[i] = i
        return n - 1
    is_frequent = np.zeros(n, np.bool_)
    left, rest = most + 1, counts.sum()  # bins and records of the others
    more = True
    while more:
        more, share = False, rest / max(1, left)
        for i in range(n):
            if not is_frequent[i] and counts[i] >= share:
                is_frequent[i], more = True, True
                rest -= counts[i]
                left -= 1
    k, n_open, share = 0, 0, rest / max(1, left)
    for i in range(n - 1):
        n_open += counts[i]
        if not is_frequent[i]:
            rest -= counts[i]
        ends = n_open >= share or (is_frequent[i + 1] and n_open >= share / 2)
        if is_frequent[i] or ends:
            found[k] = i
            k += 1
            if k == most:
                break
            n_open = 0
            if not is_frequent[i]:
                left -= 1
                share = rest / max(1, left)
    return k
