"""A slow twin of the engine of boosted trees: the same definition in plain Python, with integers and fractions.

Each record is looked at by itself: it walks down the nodes, every sum is made anew from all records, and the equations
are solved in fractions. What the definition rounds to float64 is computed by the same operations in the same order.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from naive_tree import mix
from sqlearn.engine.arithmetic import exp, log

_LARGEST = 3.4028234663852886e38
_ONE = 2**40  # of predictions
_UNIT = 2.0**30  # of the derivatives that trees follow


@dataclass(frozen=True)
class Record:
    """A record of positive weight: `y` is its target, or the column of its class; `keyed` its keyed hash."""

    x: tuple[float, ...]
    y: float
    w: float
    class_weight: float
    keyed: int


@dataclass(frozen=True)
class Split:
    """A split: the bins of a feature that go left, as a set."""

    feature: int
    left: frozenset
    gain: float


class Node:
    """A node of a tree that grows: the numbers of its records, and the hash of the path to it."""

    def __init__(self, records, depth, word):
        self.records, self.depth, self.word = records, depth, word
        self.split = self.left = self.right = self.value = self.leaf = None


def nearest(value: float, unit: float) -> int:
    return math.floor(value * unit + 0.5)


def nearest_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def octave(value: float) -> int:
    return math.frexp(value)[1]


class NaiveBooster:
    """All that follows from some records: see the names of :class:`~sqlearn.engine.boosting.booster.Booster`.

    `trees` are those of the first output, then those of the next one: lists of nodes in preorder, (feature, bins that
    go left as bits, records of the pilot, gain) or, a leaf, (-1, its number, records of the pilot, what it adds).
    """

    def __init__(self, design, records: list[Record], n_classes: int, n_features: int, seed: int, n_thresholds: int):
        self.seed, self.n_thresholds = seed, n_thresholds
        self.design, self.records, self.n_classes, self.d = design, records, n_classes, n_features
        self.loss = design.loss
        self.k = n_classes if n_classes > 2 else 1
        n = len(records)
        bits = n.bit_length()
        self.halvings = design.halvings_of(n)
        of_weights = max([-1000, *(octave(r.w) for r in records)])
        heaviest = max([r.class_weight for r in records], default=1.0) if n_classes else 1.0
        of_class = math.ceil(math.log2(Fraction(heaviest)))
        of_targets = max([-1000, *(octave(r.y) for r in records if r.y)]) if any(r.y for r in records) else 0
        self.octaves = of_weights, of_class
        self.exponents = of_weights + of_class, 0 if n_classes else of_targets
        self.curvature_bits, self.gradient_bits = 30 - min(bits, 15), 58 - bits
        self.share = (2**64 - 1) >> self.halvings
        self.pilot = sorted(records, key=lambda r: r.keyed)[: design.pilot_of(n)]
        self.edges = [self.edges_of(f) for f in range(n_features)]
        self.base = [nearest(value, 2.0**40) for value in self.first_guess()]
        self.grow()
        self.lay_out()
        self.sum()

    # ------------------------------------------------------------------ records

    def mass(self, r: Record) -> float:
        return math.ldexp(r.w, -self.octaves[0]) * math.ldexp(r.class_weight, -self.octaves[1])

    def in_units(self, value: float) -> Fraction:
        """What is added to second derivatives, for weights and rates of at most 1."""
        of_targets = self.exponents[1] if self.loss == "poisson" else 0
        return Fraction(value) / Fraction(2) ** (self.exponents[0] + of_targets)

    def response(self, r: Record) -> float:
        return r.y if self.n_classes else math.ldexp(r.y, -self.exponents[1])

    def is_categorical(self, f) -> bool:
        return f in self.design.categorical

    def bin_of(self, f, value) -> int:
        edges = self.edges[f]
        if math.isnan(value):
            return len(edges) + 1
        value = max(-_LARGEST, min(value, _LARGEST))
        if self.is_categorical(f):
            return edges.index(value) if value in edges else len(edges)
        return sum(edge < value for edge in edges)

    def edges_of(self, f) -> list[float]:
        values = sorted(max(-_LARGEST, min(r.x[f], _LARGEST)) for r in self.pilot if not math.isnan(r.x[f]))
        most, different = self.design.most_bins - 1, sorted(set(values))
        if self.is_categorical(f):
            return sorted(sorted(different, key=lambda value: (-values.count(value), value))[:most])
        lower = self.ends_of(different, [values.count(value) for value in different], most)
        gaps = [(a, b) for a, b in pairwise(different) if a in lower]
        return [middle if a <= (middle := a / 2 + b / 2) < b else a for a, b in gaps]

    @staticmethod
    def ends_of(values: list[float], counts: list[int], most: int) -> list[float]:
        """The values that end a bin; those that are more frequent than the mean of a bin have bins of their own."""
        if len(values) <= most + 1:
            return values[:-1]
        frequent: set[int] = set()
        bins, records, before = most + 1, sum(counts), None
        while before != frequent:  # each makes the mean of the others smaller
            before, mean = set(frequent), records / max(1, bins)
            frequent |= {i for i, count in enumerate(counts) if count >= mean}
            bins, records = most + 1 - len(frequent), sum(c for i, c in enumerate(counts) if i not in frequent)
        ends, waiting, mean = [], 0, records / max(1, bins)
        for i, value in enumerate(values[:-1]):
            waiting += counts[i]
            records -= counts[i] * (i not in frequent)
            if i in frequent or waiting >= mean or (i + 1 in frequent and waiting >= mean / 2):
                ends.append(value)
                waiting = 0
                if i not in frequent:
                    bins -= 1
                    mean = records / max(1, bins)
        return ends[:most]

    # ------------------------------------------------------------------ trees

    def first_guess(self) -> list[float]:
        masses = [self.mass(r) for r in self.pilot]
        total = math.fsum(masses)
        if not self.n_classes:
            moment = math.fsum(mass * self.response(r) for mass, r in zip(masses, self.pilot, strict=True))
            mean = moment / total if total else 0.0
            return [mean if self.loss == "squared_error" else log(max(mean, 2.0**-30))]
        half = total / (2 * len(self.pilot))
        counts = [
            math.fsum(mass for mass, r in zip(masses, self.pilot, strict=True) if r.y == c) + half
            for c in range(self.n_classes)
        ]
        if self.n_classes == 2:
            return [log(counts[1]) - log(counts[0])]
        return [log(count) - log(math.fsum(counts)) for count in counts]

    def derivatives(self, r: Record, f: list[int]) -> tuple[list[float], list[float]]:
        """The negative gradient and the second derivatives, for a record of weight 1."""
        y, at = self.response(r), [value * 2.0**-40 for value in f]
        if self.loss == "squared_error":
            return [y - at[0]], [1.0]
        if self.loss == "poisson":
            rate = exp(min(max(at[0], -60.0), 1.0))
            return [y - rate], [max(rate, 0.5 * (y + rate))]
        if self.n_classes == 2:
            p = 1.0 / (1.0 + exp(-at[0]))
            return [y - p], [p * (1.0 - p)]
        raised = [exp((value - max(f)) * 2.0**-40) for value in f]
        total = 0.0
        for one in raised:
            total += one
        shares = [one / total for one in raised]
        more = self.k / (self.k - 1.0)
        return [float(r.y == c) - p for c, p in enumerate(shares)], [p * (1.0 - p) * more for p in shares]

    def in_integers(self, r: Record, f: list[int], g_unit: float, h_unit: float) -> tuple[list[int], list[int]]:
        g, h = self.derivatives(r, f)
        mass = self.mass(r)
        return [nearest(v * mass, g_unit) for v in g], [max(1, nearest(v * mass, h_unit)) for v in h]

    def grow(self):
        design, pilot = self.design, self.pilot
        self.l2 = nearest_float(self.in_units(design.l2) * 2**30)
        self.codes = [[self.bin_of(f, r.x[f]) for f in range(self.d)] for r in pilot]
        at = [list(self.base) for _ in pilot]
        trees = [[] for _ in range(self.k)]
        for t in range(design.n_trees):
            terms = [self.in_integers(r, f, _UNIT, _UNIT) for r, f in zip(pilot, at, strict=True)]
            for c in range(self.k):
                self.terms = [(g[c], h[c]) for g, h in terms]
                root, nodes = self.grow_tree(mix(c * design.n_trees + t, self.seed)), []
                self.number(root, nodes)
                for leaf in leaves_of(root):
                    for i in leaf.records:
                        at[i][c] += leaf.value
                trees[c].append((root, nodes))
        self.roots = [[root for root, _ in chain] for chain in trees]
        self.trees = [nodes for chain in trees for _, nodes in chain]

    def number(self, node: Node, nodes: list) -> None:
        """Number the leaves from left to right, and say what they add; nodes are appended in preorder."""
        n = len(node.records)
        if node.split is None:
            g, h, _ = self.totals(node.records)
            step = self.design.learning_rate * g / (h + self.l2)
            node.value = nearest(min(max(step, -8.0), 8.0), 2.0**40)
            node.leaf = sum(known[0] < 0 for known in nodes)
            nodes.append((-1, node.leaf, n, node.value))
            return
        nodes.append((node.split.feature, sum(1 << b for b in node.split.left), n, node.split.gain))
        self.number(node.left, nodes)
        self.number(node.right, nodes)

    def grow_tree(self, word) -> Node:
        """The leaf that gains most is split, of equal ones the one that has waited longest.

        The half with more records, the left one where both have as many, waits in the place of its parent.
        """
        root = Node(list(range(len(self.pilot))), 0, word)
        waiting = [(root, self.best_split(root))]
        while len(waiting) < self.design.n_leaves:
            gains = [split.gain if split else 0.0 for _, split in waiting]
            place = gains.index(max(gains))
            node, split = waiting[place]
            if split is None:
                break
            node.split = split
            sides = [i for i in node.records if self.codes[i][split.feature] in split.left]
            others = [i for i in node.records if self.codes[i][split.feature] not in split.left]
            node.left = Node(sides, node.depth + 1, mix(node.word, 0x1EF7))
            node.right = Node(others, node.depth + 1, mix(node.word, 0x21687))
            large, small = (node.left, node.right) if len(others) <= len(sides) else (node.right, node.left)
            waiting[place] = large, self.best_split(large)
            waiting.append((small, self.best_split(small)))
        return root

    def totals(self, numbers) -> tuple[int, int, int]:
        """Sums of first and second derivatives of some records of the pilot, and how many they are."""
        return sum(self.terms[i][0] for i in numbers), sum(self.terms[i][1] for i in numbers), len(numbers)

    def score(self, *sides) -> float:
        """What sides score together, with the roundings of the definition."""
        score = 0.0
        for g, h, _ in sides:
            score += float(g) * float(g) / (h + self.l2)
        return score

    def best_split(self, node: Node) -> Split | None:
        """The split that scores most, the first of equal ones."""
        n, score = len(node.records), self.score(self.totals(node.records))
        best, found = score * (1.0 + 1e-12), None
        if node.depth >= self.design.max_depth or n < 2 * self.design.min_leaf:
            return None
        for f in range(self.d):
            ways = self.ways_of_categories(node, f) if self.is_categorical(f) else self.ways_of_numbers(node, f)
            for left in ways:
                sides = [i for i in node.records if self.codes[i][f] in left]
                others = [i for i in node.records if self.codes[i][f] not in left]
                if min(len(sides), len(others)) < self.design.min_leaf:
                    continue
                value = self.score(self.totals(sides), self.totals(others))
                if value > best:
                    best, found = value, Split(f, frozenset(left), value - score)
        return found

    def ways_of_numbers(self, node, f):
        """Sets of bins that may go left: up to one of those drawn, without missing values or with them; or all numbers.

        Where there are no missing values, they go to the side that has more records.
        """
        last = len(self.edges[f]) + 1
        codes = [self.codes[i][f] for i in node.records]
        numbers = [b for b in codes if b < last]
        if not numbers:
            return
        for b in self.drawn(min(numbers), max(numbers), mix(node.word, f)):
            left = set(range(b + 1))
            if last in codes:
                yield left
                yield {*left, last}
            else:
                yield {*left, last} if 2 * sum(code in left for code in codes) >= len(codes) else left
        if last in codes:
            yield set(range(last))

    def drawn(self, low, high, word) -> list[int]:
        """The bins behind which a node may be split: some at random."""
        if high - low <= self.n_thresholds:
            return list(range(low, high))
        return sorted({low + mix(word, i) % (high - low) for i in range(self.n_thresholds)})

    def ways_of_categories(self, node, f):
        """Sets of bins that may go left: one of them, which may be that of missing values."""
        for b in sorted({self.codes[i][f] for i in node.records}):
            yield {b}

    # ------------------------------------------------------------------ sums over all records

    def lay_out(self):
        """The columns of each output: of leaves, then of bins; and what every record is evaluated at."""
        # of numbers, 1, 2 or 4 bins share a column, so that there are less than 16 edges between columns
        bits = [len(edges).bit_length() for edges in self.edges]
        self.shared = [1 if self.is_categorical(f) else 2 ** max(0, bits[f] - 4) for f in range(self.d)]
        of_bins = [len(e) // shared + 2 for e, shared in zip(self.edges, self.shared, strict=True)]
        self.columns, self.start = [], []
        for roots in self.roots:
            leaves = [leaves_of(root) for root in roots]
            ends = [0]
            for n in [*map(len, leaves), *of_bins]:
                ends.append(ends[-1] + n)
            self.columns.append(ends)
            self.start.append(
                [math.floor(leaf.value * self.design.shrinkage + 0.5) for of_tree in leaves for leaf in of_tree]
            )
        self.p = max(ends[-1] for ends in self.columns)
        for start in self.start:
            start += [0] * (self.p - len(start))

    def columns_of(self, x, c: int) -> list[int]:
        """The columns of a record with these features, of one output."""
        found, codes, starts = [], [self.bin_of(f, x[f]) for f in range(self.d)], iter(self.columns[c])
        for node in self.roots[c]:
            while node.split is not None:
                node = node.left if codes[node.split.feature] in node.split.left else node.right
            found.append(next(starts) + node.leaf)
        for f, b in enumerate(codes):
            if b == len(self.edges[f]) + 1:
                found.append(next(starts) + len(self.edges[f]) // self.shared[f] + 1)
            else:
                found.append(next(starts) + b // self.shared[f])
        return found

    def sum(self):
        self.gradients = [[0] * self.p for _ in range(self.k)]
        self.hessians = [[[0] * self.p for _ in range(self.p)] for _ in range(self.k)]
        for r in self.records:
            columns = [self.columns_of(r.x, c) for c in range(self.k)]
            f = [self.base[c] + sum(self.start[c][column] for column in columns[c]) for c in range(self.k)]
            g, h = self.in_integers(r, f, 2.0**self.gradient_bits, 2.0**self.curvature_bits)
            is_asked = mix(r.keyed, 0x5EED) <= self.share
            for c in range(self.k):
                for a in columns[c]:
                    self.gradients[c][a] += g[c]
                    for b in columns[c] if is_asked else ():
                        self.hessians[c][a][b] += h[c]

    # ------------------------------------------------------------------ the solution

    @cached_property
    def ridge(self) -> int:
        unit = Fraction(2) ** (self.curvature_bits - self.halvings)
        return min(max(round(self.in_units(self.design.ridge) * unit), 1), 2**46)

    def solution(self) -> list[list[float]]:
        """The start, and the exact step of Newton's method, rounded to multiples of 2**-24."""
        unit = Fraction(2) ** (self.gradient_bits - self.curvature_bits + self.halvings - 24)
        found = []
        for c in range(self.k):
            steps = [multiple(x / unit) for x in solved(self.hessians[c], self.ridge, self.gradients[c])]
            found.append([a * 2.0**-40 + b * 2.0**-24 for a, b in zip(self.start[c], steps, strict=True)])
        return found


def leaves_of(node: Node) -> list[Node]:
    """The leaves below a node, from left to right."""
    return [node] if node.split is None else leaves_of(node.left) + leaves_of(node.right)


def solved(matrix, ridge, right) -> list[Fraction]:
    """The solution of ``(matrix + ridge I) x = right`` in integers: elimination without fractions (Bareiss, 1968)."""
    p = len(matrix)
    rows = [[*map(int, row), int(value)] for row, value in zip(matrix, right, strict=True)]
    for i in range(p):
        rows[i][i] += ridge
    before = 1
    for i in range(p):  # positive definite: no pivot is 0
        pivot = rows[i][i]
        for below in rows[i + 1 :]:
            factor = below[i]
            for j in range(i, p + 1):
                below[j] = (pivot * below[j] - factor * rows[i][j]) // before
        before = pivot
    x = [Fraction(0)] * p
    for i in reversed(range(p)):
        x[i] = (rows[i][p] - sum(rows[i][j] * x[j] for j in range(i + 1, p))) / Fraction(rows[i][i])
    return x


def multiple(x: Fraction) -> float:
    """An integer: numbers are rounded up from a fraction of sqrt(2**18 + 1) / 2**10 on."""
    whole = math.floor(x)
    return float(whole + (((x - whole) * 2**10) ** 2 > 2**18 + 1))
