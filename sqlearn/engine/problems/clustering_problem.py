"""k-means as a problem for rounds: Lloyd's algorithm from a pilot's centres, on a grid, until they keep still."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sqlearn.engine.problems.clustering import advance, scan
from sqlearn.engine.problems.lloyd import Lloyd
from sqlearn.engine.problems.sample import common_scale, gather
from sqlearn.engine.rounds import Evaluate, Records, Scale, Source, check_sums, dithers, serializable
from sqlearn.engine.sums import BLOCK, ExactSum

_FINE = 2.0**-5  # width of the cells in standard deviations within clusters
_COARSE = 4.0  # the pilot's cells over those of the rounds
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

    recover: None = None  # rounds that do not come to rest are left at that
    revisions, refines = (0,), False

    def __init__(self, lloyd: Lloyd, n_features: int, seed: int) -> None:
        check_sums(
            lloyd.n_clusters * (1 + n_features), f"{lloyd.n_clusters} centres of {n_features} features", "use fewer"
        )
        self.lloyd, self.d, self.seed = lloyd, n_features, seed
        self.k = lloyd.n_clusters
        self.lazy_pilots = 2
        self.shape = (self.k, n_features)

    def scale(self, total: ExactSum, n: int, order: np.ndarray) -> Scale:
        return common_scale(total, n, self.seed)

    def converge(self, scale: Scale, source: Source) -> tuple[np.ndarray, bool]:
        centres, _, inertia, iterations = self.lloyd.best(gather(source, self.seed), scale, self.seed)
        return np.concatenate([centres.ravel(), [inertia, iterations]]), True

    def grid(self, scale: Scale, source: Source) -> Cells:
        sample = gather(source, self.seed)
        centres, _, inertia, _ = self.lloyd.promising(sample, scale, self.seed)
        within = 1.0
        if len(sample.w):
            within = np.sqrt(inertia / (self.lloyd.variance(sample, scale)[1] * self.d))
        width = float(np.ldexp(_FINE, np.clip(np.frexp(within)[1], -8, 0)))
        dither = dithers(self.k * self.d, self.seed + 1)
        return Cells(width, dither, _middles(centres.ravel(), width * _COARSE, dither))

    def pilot(self, scale: Scale, grid: Cells, source: Source, evaluate: Evaluate) -> np.ndarray:
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

    def follow(self, *args: Any) -> None:
        return None

    def doubts(self, scale: Scale, n_rounds: int) -> bool:
        return False

    def empty(self, scale: Scale, grid: Cells) -> tuple[ExactSum, ...]:
        return (ExactSum(1, self.k * (1 + self.d) + 1),)

    def query(
        self, theta: np.ndarray, scale: Scale, grid: Cells, records: Records, sums: tuple[ExactSum, ...], sign: float
    ) -> None:
        centres = theta.reshape(self.k, self.d)
        for start in range(0, len(records.w), BLOCK):
            self._scan(
                centres, scale, records.x[start : start + BLOCK], records.w[start : start + BLOCK], sums[0], sign
            )

    def _scan(
        self, centres: np.ndarray, scale: Scale, x: np.ndarray, w: np.ndarray, total: ExactSum, sign: float
    ) -> None:
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

    def step(
        self, theta: np.ndarray, scale: Scale, grid: Cells, sums: tuple[ExactSum, ...]
    ) -> tuple[np.ndarray, np.ndarray, bool]:
        end, rounded = np.empty(len(theta) + 2), np.empty(len(theta))
        centres = theta.reshape(self.k, self.d)
        moved, _, _ = advance(sums[0].round()[0], centres, grid.width, grid.dither, end, rounded)
        return end, rounded, bool(moved <= 1.0)


def _middles(theta: np.ndarray, width: float, dither: np.ndarray) -> np.ndarray:
    """Middles of the cells."""
    middles: np.ndarray = (np.floor(theta / width + dither) + 0.5 - dither) * width
    return middles
