"""k-means as a problem for rounds: Lloyd's algorithm from a pilot's centres, on a grid, until they keep still."""

import math
from dataclasses import dataclass

import numpy as np

from sqlearn.engine.problems.clustering import (
    FARTHEST,
    advance,
    exponentials,
    merge,
    row_hashes,
    scan,
    seed_centres,
    spread,
)
from sqlearn.engine.rounds import Records, Scale, check_sums, dithers, serializable, standard_scale
from sqlearn.engine.sums import ExactSum

__all__ = ["Cells", "Clustering", "Lloyd", "Sample", "common_scale", "gather"]

BLOCK = 2048  # records whose rounded terms float64 sums exactly
_FINE = 2.0**-5  # width of the cells in standard deviations within clusters
_COARSE = 4.0  # the pilot's cells over those of the rounds
_STARTS, _SHORT = 8, 16  # least number of starts on a sample, and the iterations after which the best one shows
_ENOUGH = 64  # records a cluster for a quarter of a sample to tell which
_SLOW, _LEAP = 0.5, 4.0  # where a step's square is more than this part of the last one's, go so many steps at once


@serializable("Cells")
@dataclass(frozen=True, eq=False)
class Cells:
    """A grid of theta: cell ``floor(theta / width + dither)``; and what the pilot starts from.

    Attributes
    ----------
    width : float
        Width of the cells.
    dither : float64[p]
        Seeded offsets in [0, 1).
    start : float64[p]
        Centres of a smaller sample, rounded.
    """

    width: float
    dither: np.ndarray
    start: np.ndarray


@dataclass(frozen=True)
class Sample:
    """Some records in the order of their hashes, copies made one: what is computed in it is a function of the records.

    Attributes
    ----------
    x : float64[n, d]
        Features.
    w : float64[n]
        Weights.
    hashes : uint64[n]
        Keyed row_hashes.
    """

    x: np.ndarray
    w: np.ndarray
    hashes: np.ndarray


@dataclass(frozen=True)
class Lloyd:
    """How to run Lloyd's algorithm on a sample; see scikit-learn's ``KMeans`` for the names.

    Attributes
    ----------
    n_clusters : int
    init : "k-means++", "random" or float64[n_clusters, d]
        An array is in the features' own units.
    n_init, max_iter : int
    tol : float
    """

    n_clusters: int
    init: str | np.ndarray
    n_init: int
    max_iter: int
    tol: float

    def best(self, sample: Sample, scale: Scale, seed: int):
        """Centres (in terms of z), labels, inertia and iterations of the best of ``n_init`` runs."""
        if not len(sample.w):
            return np.zeros((self.n_clusters, len(scale.mean))), np.zeros(0, np.int64), 0.0, 0
        return min((self.run(sample, scale, seed, i) for i in range(self.n_init)), key=lambda run: run[2])

    def promising(self, sample: Sample, scale: Scale, seed: int):
        """The same of one run, from the best of at least `_STARTS` starts on a part of the sample."""
        if not len(sample.w):
            return self.best(sample, scale, seed)
        part, chosen = sample, sample.hashes < np.uint64(1 << 62)
        if np.count_nonzero(chosen) >= _ENOUGH * self.n_clusters:
            part = Sample(sample.x[chosen], sample.w[chosen], sample.hashes[chosen])
        n = max(self.n_init, _STARTS) if isinstance(self.init, str) else 1
        starts = (self.start(part, scale, seed, i) for i in range(n))
        runs = (self.iterate(part, scale, start, min(self.max_iter, _SHORT)) for start in starts)
        centres = min(runs, key=lambda run: run[2])[0]
        return self.iterate(sample, scale, centres, self.max_iter)

    def picked(self, sample, scale, seed, code):
        """Records to begin with, int64[n_clusters]."""
        k, seed = self.n_clusters, np.uint64(seed)
        if self.init == "random":
            order = np.argsort(exponentials(sample.hashes, code, seed) / sample.w, kind="stable")
            return np.resize(order, k)
        trials = 2 + int(math.log(k))  # no integer has a logarithm so near an integer that libm could matter
        return seed_centres(standard(sample.x, scale), sample.w, sample.hashes, k, trials, code, seed)

    def start(self, sample, scale, seed, code):
        """Centres to begin with."""
        if isinstance(self.init, str):
            return standard(sample.x[self.picked(sample, scale, seed, code)], scale)
        return (self.init - scale.mean) * scale.factor

    def run(self, sample, scale, seed, code):
        """The same of start number `code`."""
        return self.iterate(sample, scale, self.start(sample, scale, seed, code), self.max_iter)

    def iterate(self, sample, scale, centres, most):
        """The same from these centres on, after `most` iterations at most."""
        k, d = centres.shape
        limit = self.tol * self.variance(sample, scale)[0]
        before = None
        for iterations in range(1, most + 1):  # noqa: B007
            sums, labels, distances = self._ask(sample, scale, centres)
            table = sums[:-1].reshape(k, 1 + d)
            self._fill(table, labels, distances, sample, scale)
            heaviest = int(np.argmax(table[:, 0]))
            used = table[:, :1] > 0
            means = np.where(used, table[:, 1:], table[heaviest, 1:]) / np.where(
                used, table[:, :1], max(table[heaviest, 0], 2.0**-1000)
            )
            shift, centres = spread(np.ones((k, 1)), means, centres), means
            if before is not None and (labels == before).all():
                break
            before = labels
            if shift <= limit:
                break
        sums, labels, _ = self._ask(sample, scale, centres)
        return centres, labels, sums[-1], iterations

    def _ask(self, sample, scale, centres):
        n, d = sample.x.shape
        sums, labels, distances = np.zeros(len(centres) * (1 + d) + 1), np.empty(n, np.int64), np.empty(n)
        scan(
            sample.x,
            sample.w,
            scale.weight,
            scale.mean,
            scale.factor,
            centres,
            False,
            np.inf,
            sums,
            labels,
            distances,
            np.empty(n, np.bool_),
        )
        return sums, labels, distances

    def variance(self, sample, scale):
        """Mean variance of the features in terms of z, and the weight."""
        d = sample.x.shape[1]
        sums, _, _ = self._ask(sample, scale, np.zeros((1, d)))
        weight = max(sums[0], 2.0**-1000)
        means = (sums[1:-1] / weight)[None]
        return max(sums[-1] - spread(sums[None], means, np.zeros((1, d))), 0.0) / (weight * d), weight

    def _fill(self, table, labels, distances, sample, scale):
        """Move the records farthest from their centres to the clusters that are empty."""
        empty = np.flatnonzero(table[:, 0] == 0)
        if not len(empty) or distances.max() == 0:
            return
        farthest = np.argsort(-distances, kind="stable")
        for c, i in zip(empty, farthest, strict=False):
            weight = sample.w[i] * scale.weight
            own = np.append(weight, weight * standard(sample.x[i], scale))
            table[labels[i]] -= own
            table[c] = own


class Clustering:
    """k-means.

    Parameters
    ----------
    lloyd : Lloyd
        How the pilot is clustered.
    n_features : int
        Number of features.
    seed : int
        Seed of grids and races.

    Notes
    -----
    Theta holds the centres, row by row, in terms of ``z = (x - mean) * factor``, one power of two for all features. A
    trace's theta has the inertia and the number of iterations (0 for those of the rounds) after them.
    """

    recover, doubts = None, None

    def __init__(self, lloyd: Lloyd, n_features: int, seed: int):
        check_sums(
            lloyd.n_clusters * (1 + n_features), f"{lloyd.n_clusters} centres of {n_features} features", "use fewer"
        )
        self.lloyd, self.d, self.seed = lloyd, n_features, seed
        self.k = lloyd.n_clusters
        self.shape = (self.k, n_features)

    def scale(self, total, n, order):
        return common_scale(total, n, self.seed)

    def converge(self, scale, source):
        centres, _, inertia, iterations = self.lloyd.best(gather(source, self.seed), scale, self.seed)
        return np.concatenate([centres.ravel(), [inertia, iterations]]), True

    def grid(self, scale, source):
        sample = gather(source, self.seed)
        centres, _, inertia, _ = self.lloyd.promising(sample, scale, self.seed)
        within = 1.0
        if len(sample.w):
            within = np.sqrt(inertia / (self.lloyd.variance(sample, scale)[1] * self.d))
        width = float(np.ldexp(_FINE, np.clip(np.frexp(within)[1], -8, 0)))
        dither = dithers(self.k * self.d, self.seed + 1)
        return Cells(width, dither, _middles(centres.ravel(), width * _COARSE, dither))

    def pilot(self, scale, grid, source, ask):
        """Lloyd's algorithm on exact sums, so that records need no order."""
        blocks = list(source())
        theta = grid.start
        if not blocks:
            return theta
        x, w = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("x", "w"))
        records = Records(x, w, w, w)
        coarse = grid.width * _COARSE
        end, rounded, last, leapt = np.empty(len(theta) + 2), np.empty(len(theta)), np.inf, True
        for _ in range(self.lloyd.max_iter):
            sums = self.empty(scale, grid)
            self.query(theta, scale, grid, records, sums, 1.0)
            centres = theta.reshape(self.k, self.d)
            _, shift, variance = advance(sums[0].round()[0], centres, coarse, grid.dither, end, rounded)
            if shift <= 0.25 * self.lloyd.tol * variance:  # at `tol` it would stop on some plateaus of the inertia
                break
            leapt = not leapt and shift > _SLOW * last
            theta = theta + (_LEAP if leapt else 1.0) * (end[:-2] - theta)
            last = shift
        return rounded

    def empty(self, scale, grid):
        return (ExactSum(1, self.k * (1 + self.d) + 1),)

    def query(self, theta, scale, grid, records, sums, sign):
        centres = theta.reshape(self.k, self.d)
        for start in range(0, len(records.w), BLOCK):
            self._ask(centres, scale, records.x[start : start + BLOCK], records.w[start : start + BLOCK], sums[0], sign)

    def _ask(self, centres, scale, x, w, total, sign):
        n = len(w)
        block, large = np.zeros(total.shape[1]), np.empty(n, np.bool_)
        rest = scale.weight, scale.mean, scale.factor, centres
        labels, distances = np.empty(n, np.int64), np.empty(n)
        n_large = scan(x, w, *rest, True, 1.0 if n > 1 else np.inf, block, labels, distances, large)
        total.deposit_values(block, sign)
        for r in np.flatnonzero(large) if n_large else ():
            block[:] = 0.0
            scan(x[r : r + 1], w[r : r + 1], *rest, True, np.inf, block, labels, distances, large)
            total.deposit_values(block, sign)

    def step(self, theta, scale, grid, sums):
        end, rounded = np.empty(len(theta) + 2), np.empty(len(theta))
        centres = theta.reshape(self.k, self.d)
        moved, _, _ = advance(sums[0].round()[0], centres, grid.width, grid.dither, end, rounded)
        return end, rounded, moved <= 1.0


def _middles(theta, width, dither):
    """Middles of the cells."""
    return (np.floor(theta / width + dither) + 0.5 - dither) * width


def common_scale(total, n: int, seed: int) -> Scale:
    """Means of the features on a grid, and one power of two for all, of the largest deviation."""
    scale = standard_scale(total, n, True, seed)
    scale.factor[:] = np.min(scale.factor, initial=np.inf, where=scale.factor > 0) if scale.factor.any() else 0.0
    return scale


def standard(x, scale):
    return np.clip((x - scale.mean) * scale.factor, -FARTHEST, FARTHEST)


def gather(source, seed: int) -> Sample:
    """All records of a source."""
    blocks = [(records.x[records.w > 0], records.w[records.w > 0]) for records in source()]
    if not blocks:
        return Sample(np.zeros((0, 1)), np.zeros(0), np.zeros(0, np.uint64))
    x, w = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    hashes = row_hashes(x, np.uint64(seed))
    order = np.argsort(hashes)
    if (hashes[order[1:]] == hashes[order[:-1]]).any():
        order = np.lexsort((w, *x.T[::-1], hashes))
    return Sample(*merge(x, w, hashes, order))
