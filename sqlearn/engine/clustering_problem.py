"""k-means as a problem for rounds: Lloyd's algorithm from a pilot's centres, on a grid, until they keep still."""

import math
from dataclasses import dataclass, replace

import numpy as np

from sqlearn.engine.clustering import FARTHEST, exponentials, hashes, merge, scan, seed_centres, spread
from sqlearn.engine.exact import ExactSum
from sqlearn.engine.standard import Scale, dithers, standard_scale

__all__ = ["Cells", "Clustering", "Lloyd", "Sample", "common_scale", "gather"]

BLOCK = 2048  # records whose rounded terms float64 sums exactly
_FINE = 2.0**-5  # width of the cells in standard deviations within clusters
_COARSE = 4.0  # the pilot's cells over those of the rounds


@dataclass(frozen=True, eq=False)
class Cells:
    """A grid of theta: cell ``floor(theta / width + dither)``.

    Attributes
    ----------
    width : float
        Width of the cells.
    dither : float64[p]
        Seeded offsets in [0, 1).
    """

    width: float
    dither: np.ndarray

    def of(self, theta, coarse=1.0):
        return np.floor(theta / (self.width * coarse) + self.dither)

    def centre(self, cells, coarse=1.0):
        return (cells + 0.5 - self.dither) * (self.width * coarse)


@dataclass(frozen=True)
class Sample:
    """Some records in the order of their hashes, copies made one: what is computed in it is a function of the records.

    Attributes
    ----------
    x : float64[n, d]
        Features.
    w : float64[n]
        Weights.
    names : uint64[n]
        Keyed hashes.
    """

    x: np.ndarray
    w: np.ndarray
    names: np.ndarray


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

    def picked(self, sample, scale, seed, code):
        """Records to begin with, int64[n_clusters]."""
        k, seed = self.n_clusters, np.uint64(seed)
        if self.init == "random":
            order = np.argsort(exponentials(sample.names, code, seed) / sample.w, kind="stable")
            return np.resize(order, k)
        trials = 2 + int(math.log(k))  # no integer has a logarithm so near an integer that libm could matter
        return seed_centres(standard(sample.x, scale), sample.w, sample.names, k, trials, code, seed)

    def run(self, sample, scale, seed, code):
        """The same of start number `code`."""
        if isinstance(self.init, str):
            centres = standard(sample.x, scale)[self.picked(sample, scale, seed, code)]
        else:
            centres = (self.init - scale.mean) * scale.factor
        k, d = centres.shape
        limit = self.tol * self.variance(sample, scale)[0]
        before = None
        for iterations in range(1, self.max_iter + 1):  # noqa: B007
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
    trace's end has the inertia and the number of iterations (0 for those of the rounds) after them.
    """

    def __init__(self, lloyd: Lloyd, n_features: int, seed: int):
        self.lloyd, self.d, self.seed = lloyd, n_features, seed
        self.k = lloyd.n_clusters
        self.shape = (self.k, n_features)

    def scale(self, total, n):
        return common_scale(total, n, self.seed)

    def converge(self, scale, source):
        centres, _, inertia, iterations = self.lloyd.best(gather(source, self.seed), scale, self.seed)
        return np.concatenate([centres.ravel(), [inertia, iterations]])

    def grid(self, scale, source):
        sample = gather(source, self.seed)
        within = 1.0
        if len(sample.w):
            _, _, inertia, _ = self.lloyd.best(sample, scale, self.seed)
            within = np.sqrt(inertia / (self.lloyd.variance(sample, scale)[1] * self.d))
        octave = np.clip(np.frexp(within)[1], -8, 0)
        return Cells(float(np.ldexp(_FINE, octave)), dithers(self.k * self.d, self.seed + 1))

    def pilot(self, scale, grid, source, ask):
        sample = gather(source, self.seed)
        theta = self.lloyd.best(sample, scale, self.seed)[0].ravel()
        return grid.centre(grid.of(theta, _COARSE), _COARSE)

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
        n_large = scan(x, w, *rest, True, 1.0, block, labels, distances, large)
        total.deposit_values(block, sign)
        for r in np.flatnonzero(large) if n_large else ():
            block[:] = 0.0
            scan(x[r : r + 1], w[r : r + 1], *rest, True, np.inf, block, labels, distances, large)
            total.deposit_values(block, sign)

    def step(self, theta, scale, grid, sums):
        values = sums[0].round()[0]
        table, centres = values[:-1].reshape(self.k, 1 + self.d), theta.reshape(self.k, self.d)
        used = table[:, :1] > 0
        means = np.where(
            used, table[:, 1:] / np.where(used, table[:, :1], 1.0), centres
        )  # an empty cluster stays where it is
        inertia = max(values[-1] - spread(table, means, centres), 0.0)
        cells = grid.of(means.ravel())
        still = bool(np.abs(cells - grid.of(theta)).max() <= 1.0)
        return np.concatenate([means.ravel(), [inertia, 0.0]]), grid.centre(cells), still


def common_scale(total, n: int, seed: int) -> Scale:
    """Means of the features on a grid, and one power of two for all, of the largest deviation."""
    scale = standard_scale(total, n, True, seed)
    used = scale.factor[scale.factor > 0]
    return replace(scale, factor=np.full(len(scale.factor), used.min() if len(used) else 0.0))


def standard(x, scale):
    return np.clip((x - scale.mean) * scale.factor, -FARTHEST, FARTHEST)


def gather(source, seed: int) -> Sample:
    """All records of a source."""
    blocks = [(records.x[records.w > 0], records.w[records.w > 0]) for records in source()]
    if not blocks:
        return Sample(np.zeros((0, 1)), np.zeros(0), np.zeros(0, np.uint64))
    x, w = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    names = hashes(x, np.uint64(seed))
    order = np.argsort(names)
    if (names[order[1:]] == names[order[:-1]]).any():
        order = np.lexsort((w, *x.T[::-1], names))
    return Sample(*merge(x, w, names, order))
