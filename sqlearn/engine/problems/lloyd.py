"""Lloyd's algorithm on a sample: starts as scikit-learn's ``KMeans`` has them, iterations, empty clusters filled."""

import math
from dataclasses import dataclass

import numpy as np

from sqlearn.engine.problems.clustering import exponentials, scan, seed_centres, spread
from sqlearn.engine.problems.sample import LEAST_DIVISOR, Sample, standard
from sqlearn.engine.rounds import Scale

_STARTS, _SHORT = 8, 16  # least number of starts on a sample, and the iterations after which the best one shows
_ENOUGH = 64  # records per cluster for a quarter of a sample to tell which

Run = tuple[np.ndarray, np.ndarray, float, int]  # centres in terms of z, labels, inertia, iterations


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

    def best(self, sample: Sample, scale: Scale, seed: int) -> Run:
        """Centres (in terms of z), labels, inertia and iterations of the best of ``n_init`` runs."""
        if not len(sample.w):
            return np.zeros((self.n_clusters, len(scale.mean))), np.zeros(0, np.int64), 0.0, 0
        return min((self.run(sample, scale, seed, i) for i in range(self.n_init)), key=lambda run: run[2])

    def promising(self, sample: Sample, scale: Scale, seed: int) -> Run:
        """What :meth:`best` returns, of one run from the best of at least `_STARTS` starts on a part of the sample."""
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

    def picked(self, sample: Sample, scale: Scale, seed: int, code: int) -> np.ndarray:
        """Records to begin with, int64[n_clusters]."""
        k, key = self.n_clusters, np.uint64(seed)
        if self.init == "random":
            order = np.argsort(exponentials(sample.hashes, code, key) / sample.w, kind="stable")
            return np.resize(order, k)
        trials = 2 + int(math.log(k))  # no integer has a logarithm so near an integer that libm could matter
        chosen: np.ndarray = seed_centres(standard(sample.x, scale), sample.w, sample.hashes, k, trials, code, key)
        return chosen

    def start(self, sample: Sample, scale: Scale, seed: int, code: int) -> np.ndarray:
        """Centres to begin with."""
        if isinstance(self.init, str):
            return standard(sample.x[self.picked(sample, scale, seed, code)], scale)
        centres: np.ndarray = (self.init - scale.mean) * scale.factor
        return centres

    def run(self, sample: Sample, scale: Scale, seed: int, code: int) -> Run:
        """Centres, labels, inertia and iterations of the run from start number `code`."""
        return self.iterate(sample, scale, self.start(sample, scale, seed, code), self.max_iter)

    def iterate(self, sample: Sample, scale: Scale, centres: np.ndarray, most: int) -> Run:
        """Centres, labels, inertia and iterations from these centres on, after at most `most` iterations."""
        k, d = centres.shape
        limit = self.tol * self.variance(sample, scale)[0]
        before = None
        for iterations in range(1, most + 1):  # noqa: B007
            sums, labels, distances = self._scan(sample, scale, centres)
            table = sums[:-1].reshape(k, 1 + d)
            self._fill(table, labels, distances, sample, scale)
            heaviest = int(np.argmax(table[:, 0]))
            used = table[:, :1] > 0
            means = np.where(used, table[:, 1:], table[heaviest, 1:]) / np.where(
                used, table[:, :1], max(table[heaviest, 0], LEAST_DIVISOR)
            )
            shift, centres = spread(np.ones((k, 1)), means, centres), means
            if before is not None and (labels == before).all():
                break
            before = labels
            if shift <= limit:
                break
        sums, labels, _ = self._scan(sample, scale, centres)
        return centres, labels, sums[-1], iterations

    def _scan(self, sample: Sample, scale: Scale, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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

    def variance(self, sample: Sample, scale: Scale) -> tuple[float, float]:
        """Mean variance of the features in terms of z, and the weight."""
        d = sample.x.shape[1]
        sums, _, _ = self._scan(sample, scale, np.zeros((1, d)))
        weight = max(sums[0], LEAST_DIVISOR)
        means = (sums[1:-1] / weight)[None]
        return max(sums[-1] - spread(sums[None], means, np.zeros((1, d))), 0.0) / (weight * d), weight

    def _fill(self, table: np.ndarray, labels: np.ndarray, distances: np.ndarray, sample: Sample, scale: Scale) -> None:
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
