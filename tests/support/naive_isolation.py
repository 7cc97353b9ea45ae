"""A slow twin of isolation trees: samples by sorting all hashes, a tree in plain Python from the definitions."""

import math

import numpy as np

from naive_tree import mix

_WORD = 2**64 - 1


def narrowed(x) -> list[float]:
    """Features as trees see them: float32 within its range; missing values above all numbers."""
    with np.errstate(over="ignore"):
        narrow = np.clip(np.where(np.isnan(x), 0.0, x), -3.4028234663852886e38, 3.4028234663852886e38).astype("f4")
    return [np.inf if np.isnan(v) else float(f) for v, f in zip(x, narrow, strict=True)]


class NaiveIsolationTree:
    """Tree t of these records (pairs of features and keyed hash): `nodes` in preorder, their hash, and the sample.

    A node is (feature, threshold, records), or (-2, -2.0, records) for a leaf.
    """

    def __init__(self, records, t: int, size: int, k: int, seed: int):
        word = mix(t, seed)
        self.sample = sorted(records, key=lambda record: mix(record[1], mix(word, 29)))[:size]
        d, m = len(records[0][0]), len(self.sample)
        order = sorted(range(d), key=lambda j: mix(j, mix(word, 31)))
        self.features = sorted(order[:k])
        self.depth = max(1, math.ceil(math.log2(m)))
        members = sum(mix(name, 5) for _, name in self.sample) & _WORD
        self.hash, self.nodes = mix(members, m), []
        rows = [[narrowed(x)[j] for j in self.features] for x, _ in self.sample]
        self.grow(rows, 0, mix(word, 37))

    def grow(self, rows, depth, path):
        split = self.split(rows, path) if len(rows) > 1 and depth < self.depth else None
        if split is None:
            self.nodes.append((-2, -2.0, len(rows)))
            self.hash = mix(self.hash, len(rows))
            return
        feature, threshold = split
        self.nodes.append((feature, threshold, len(rows)))
        self.hash = mix(mix(self.hash, feature), int(np.float64(threshold).view(np.uint64)))
        for side in (0, 1):
            of_side = [row for row in rows if (row[feature] > threshold) == bool(side)]
            self.grow(of_side, depth + 1, mix(path, 11 + side))

    def split(self, rows, path):
        """The first feature in the path's order that varies, and a threshold between its extremes."""
        left, drawn = list(range(len(self.features))), 0
        while left:
            at = mix(path, 100 + drawn) * len(left) >> 64
            feature, left[at] = left[at], left[-1]
            left.pop()
            drawn += 1
            values = [row[feature] for row in rows]
            if len(set(values)) > 1:
                low, high = min(values), max(v for v in values if v != np.inf)
                share = (mix(path, 7) >> 11) * 2.0**-53
                threshold = low + share * (high - low) + 0.0
                return feature, low + 0.0 if threshold >= max(values) else threshold
        return None
