"""A slow twin of the kernels of trees: a tree in plain Python, from the definitions, with integers for sums."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

_WORD = 2**64 - 1
_MOST, _FIRST = 256, 12  # records that give thresholds: at most, and at first


def mix(word: int, seed: int) -> int:
    z = (word + seed * 0x9E3779B97F4A7C15) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    return z ^ (z >> 31)


def trees_of(keyed: int, n_trees: int, k: int) -> set[int]:
    """The trees of a record."""
    chosen: set[int] = set()
    for i in range(k):
        tree = mix(keyed, 1000 + i) % (n_trees - k + i + 1)
        chosen.add(n_trees - k + i if tree in chosen else tree)
    return chosen


@dataclass(frozen=True)
class Record:
    """A record as a tree sees it: `x` in float32, NaN above all numbers; integer sums; `name` is its keyed hash."""

    x: tuple[float, ...]
    y: float  # column of the class, or target
    sums: tuple[int, ...]  # mass by class; or mass, target, the rest of the target
    name: int
    priority: int


def record_of(x, y, w, keyed, salt, plan, class_weight=1.0) -> Record:
    with np.errstate(over="ignore"):
        narrow = np.clip(np.where(np.isnan(x), 0.0, x), -3.4028234663852886e38, 3.4028234663852886e38).astype("f4")
    seen = tuple(np.inf if np.isnan(v) else float(f) + 0.0 for v, f in zip(x, narrow, strict=True))
    mass = max(1, round(float(w) * class_weight * plan.mass0 * plan.mass1))
    if plan.n_classes:
        sums = tuple(mass * (c == y) for c in range(plan.n_classes))
    else:
        value = float(w) * float(y) * plan.value0 * plan.value1
        sums = (mass, round(value), round((value - round(value)) * 2.0**30))
    return Record(seen, float(y), sums, int(keyed), mix(int(keyed), int(salt)))


def total(records) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(r.sums for r in records), strict=True)))


def between(low: float, high: float) -> float:
    middle = low if high == np.inf else float(np.float32((low + high) * 0.5))
    return (middle if middle < high else low) + 0.0


def gaps(values) -> list[float]:
    return [between(a, b) for a, b in pairwise(sorted(values)) if a != b]


class NaiveTree:
    """The tree of these records; `nodes` in preorder, and their hash.

    A node is (feature, threshold, records) or, a leaf, (-1, names of its records, its sums). Of the features that are
    categorical, records equal to the threshold go left.
    """

    def __init__(self, records: list[Record], plan: Any, salt: int, path: int, categorical=()):
        self.plan, self.categorical, self.nodes = plan, categorical, []
        self.hash = self.grow(sorted(records, key=lambda r: r.priority), 0, int(path)) if records else 0

    def grow(self, records, depth, path) -> int:
        n, plan = len(records), self.plan
        split = None
        if n >= max(plan.min_split, 2 * plan.min_leaf) and depth < plan.max_depth and not self.is_pure(records):
            split = self.choose(records, path)
        if split is None:
            names = [r.name for r in records]
            self.nodes.append((-1, frozenset(names), total(records)))
            return mix(sum(mix(name, 5) for name in names) & _WORD, n)
        feature, threshold = split
        self.nodes.append((feature, threshold, n))
        sides = ([], [])
        for r in records:
            sides[not self.goes_left(r, feature, threshold)].append(r)
        left, right = (self.grow(sides[s], depth + 1, mix(path, 11 + s)) for s in (0, 1))
        bits = int(np.float64(threshold).view(np.uint64))
        return mix(left, mix(right, mix(feature + 1, bits)))

    def goes_left(self, record, feature, threshold) -> bool:
        value = record.x[feature]
        return value == threshold if feature in self.categorical else value <= threshold

    def is_pure(self, records) -> bool:
        return len({r.y for r in records}) == 1

    def choose(self, records, path):
        """The split with the highest score, the first of equal ones: (feature, threshold), or None."""
        n, plan = len(records), self.plan
        share, sample = 1, min(_FIRST, n)
        while n // share > plan.scored:
            share *= 2
        while True:
            scored = [r for r in records if r.priority <= _WORD // share]
            scored = scored if len(scored) > sample else records[:sample]
            best, split, candidates = -1.0, None, 0
            for feature in self.drawn(path, len(records[0].x)):
                thresholds = self.thresholds(feature, scored, sample, n, path)
                candidates += bool(thresholds)
                perfect = False
                for threshold in thresholds:
                    score = self.score([r for r in scored if self.goes_left(r, feature, threshold)], scored)
                    if score > best:
                        best, split = score, (feature, threshold)
                    perfect |= sample == n and not plan.random and self.is_perfect(feature, threshold, scored)
                if candidates == plan.k or perfect:
                    break
            if best > 0.0:
                return split
            if len(scored) < n:
                share = max(1, share // 2)
            elif sample >= min(n, _MOST) or best == 0.0 or not candidates or plan.random:
                return split
            else:
                sample = min(2 * sample, n, _MOST)

    @staticmethod
    def drawn(path, d):
        """The features in the order in which a node tries them."""
        left, word = list(range(d)), mix(path, 99)
        for i in range(d):
            word = mix(word, i + 1)
            at = i + (word * (d - i) >> 64)
            left[i], left[at] = left[at], left[i]
            yield left[i]

    def thresholds(self, feature, scored, sample, n, path) -> list[float]:
        values = [r.x[feature] for r in scored]
        least, greatest = min(values), max(values)
        if least == greatest:
            return []
        if feature in self.categorical:
            if self.plan.random:
                return [values[mix(path, feature + 5000) * min(len(values), _FIRST) >> 64]]
            different = sorted({*values[:sample]})
            return different[:1] if len(different) == 2 and n == sample else different
        if self.plan.random:
            highest = max(v for v in values if v < np.inf)
            share = (mix(path, feature + 5000) >> 11) * 2.0**-53
            threshold = float(np.float32(least + share * (highest - least)))
            return [(threshold if threshold < greatest else least) + 0.0]
        usual = {*values[:sample]}
        return gaps(usual if len(usual) > 1 else {least, *usual, greatest})

    def score(self, left, scored) -> float:
        """The decrease of impurity, with the roundings of the kernels; -1.0 for what is not allowed."""
        if min(len(left), len(scored) - len(left)) < self.plan.min_leaf:
            return -1.0
        classes = self.plan.n_classes
        part, whole = total(left), total(scored)
        of_part, of_whole = (sum(part), sum(whole)) if classes else (part[0], whole[0])
        score = 0.0
        for c in range(classes) if classes else [1]:
            score += difference(part[c], of_whole, whole[c], of_part) ** 2
        return score / (float(of_part) * float(of_whole - of_part))

    def is_perfect(self, feature, threshold, scored) -> bool:
        if self.plan.min_leaf > 1 or len(scored) == 2:
            return self.plan.min_leaf == 1
        sides = [total([r for r in scored if self.goes_left(r, feature, threshold) == left]) for left in (True, False)]
        kinds = [{c for c, s in enumerate(side) if s > 0} for side in sides]
        return self.plan.n_classes > 0 and [*map(len, kinds)] == [1, 1] and kinds[0] != kinds[1]


def difference(a: int, b: int, c: int, d: int) -> float:
    """``a * b - c * d`` as two doubles give it."""
    p, q = float(a * b), float(c * d)
    return (p - q) + (float(a * b - int(p)) - float(c * d - int(q)))
