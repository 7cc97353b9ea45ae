"""Gaussian mixtures as a problem for rounds: expectation-maximisation from a pilot's parameters, rounded to a grid."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sqlearn.engine.arithmetic import cholesky, solve_lower, solve_upper
from sqlearn.engine.problems.clustering import exponentials
from sqlearn.engine.problems.lloyd import Lloyd
from sqlearn.engine.problems.mixture import expect, maximize, start_sums
from sqlearn.engine.problems.mixture_grid import coordinates, moved, rounded
from sqlearn.engine.problems.sample import Sample, common_scale, gather, standard
from sqlearn.engine.rounds import Evaluate, Records, Scale, Source, check_sums, dithers, standard_scale
from sqlearn.engine.sums import BLOCK, ExactSum

KINDS = ["full", "tied", "diag", "spherical"]
_COARSE = 4.0  # the pilot's cells over those of the rounds
_TIGHT = 0.125  # the pilot's `tol` over that asked for: where convergence is slow, the rounds do not go far
_FINEST, _COARSEST = 2.0**-10, 2.0**-5

Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # of theta: logs, diagonal, below it, means


@dataclass(frozen=True)
class Parameters:
    """A mixture, in terms of z.

    Attributes
    ----------
    weights, means, covariances : float64[k], float64[k, d], float64[k, d, d]
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def vector(self, *rest: float) -> np.ndarray:
        return np.concatenate([self.weights, self.means.ravel(), self.covariances.ravel(), rest])

    @classmethod
    def of(cls, vector: np.ndarray, k: int, d: int) -> "Parameters":
        weights, means, covariances = np.split(vector[: k + k * d + k * d * d], [k, k + k * d])
        return cls(weights, means.reshape(k, d), covariances.reshape(k, d, d))


@dataclass(frozen=True)
class Expectation:
    """How to run expectation-maximisation on a sample; see scikit-learn's ``GaussianMixture`` for the names.

    Attributes
    ----------
    n_components : int
    kind : int
        Index into :data:`KINDS`.
    tol, reg_covar : float
    max_iter, n_init : int
    init_params : str
    weights_init, means_init, precisions_init : float64 array or None
        In the features' own units; precisions as matrices [k, d, d].
    """

    n_components: int
    kind: int
    tol: float
    reg_covar: float
    max_iter: int
    n_init: int
    init_params: str
    weights_init: np.ndarray | None
    means_init: np.ndarray | None
    precisions_init: np.ndarray | None


Fit = tuple[Parameters, list[float], bool]  # and the log-likelihoods of the iterations, and whether they converged


class Mixture:
    """A Gaussian mixture.

    Parameters
    ----------
    em : Expectation
        How the pilot is fitted.
    n_features : int
        Number of features.
    seed : int
        Seed of grids and starts.

    Notes
    -----
    Theta is as in :mod:`~sqlearn.engine.problems.mixture`. A trace's theta has the parameters in terms of z, the
    log-likelihood a record at the theta before, and, when all records are in the pilot, whether it converged and the
    log-likelihoods of all iterations.
    """

    recover: None = None  # rounds that do not come to rest are left at that
    revisions, refines = (0,), False

    def __init__(self, em: Expectation, n_features: int, seed: int) -> None:
        k, d = em.n_components, n_features
        check_sums(k * d * d, f"{k} covariances of {d} x {d} features", "use fewer columns (PCA) or components")
        self.em, self.d, self.seed = em, n_features, seed
        self.k, self.full = em.n_components, em.kind < 2
        self.t = n_features * (n_features - 1) // 2 if self.full else 0
        self.q = 1 + n_features + (n_features * (n_features + 1) // 2 if self.full else n_features)
        self.width = float(np.ldexp(1.0, np.frexp(np.clip(0.5 * np.sqrt(em.tol), _FINEST, _COARSEST))[1] - 1))
        self.lazy_pilots = 2
        self.shape = (self.k, n_features)

    def scale(self, total: ExactSum, n: int, order: np.ndarray) -> Scale:
        spherical = self.em.kind == 3
        scale = common_scale(total, n, self.seed) if spherical else standard_scale(total, n, True, self.seed)
        factor = np.where(scale.factor > 0, scale.factor, 1.0)  # constant features keep their units
        if self.em.reg_covar > 0:  # what is added to the variances shall not be larger than all else
            factor = np.minimum(factor, np.ldexp(1.0, 1 - np.frexp(self.em.reg_covar)[1] // 2))
        return replace(scale, factor=factor)

    def converge(self, scale: Scale, source: Source) -> tuple[np.ndarray, bool]:
        parameters, bounds, converged = self._best(gather(source, self.seed), scale, self.em.tol)
        return parameters.vector(bounds[-1] if bounds else -np.inf, float(converged), *bounds), True

    def grid(self, scale: Scale, source: Source) -> np.ndarray:
        dither = dithers(self.k * (1 + 2 * self.d + self.t), self.seed + 1).copy()
        _, diagonal, below, _ = self._parts(dither)
        if self.em.kind == 1:
            diagonal[:], below[:] = diagonal[0], below[0]
        elif self.em.kind == 3:
            diagonal[:] = diagonal[:, :1].copy()
        return dither

    def pilot(self, scale: Scale, grid: np.ndarray, source: Source, evaluate: Evaluate) -> np.ndarray:
        return self._rounded(self._best(gather(source, self.seed), scale, _TIGHT * self.em.tol)[0], grid, _COARSE)

    def follow(self, *args: Any) -> None:
        return None

    def doubts(self, scale: Scale, n_rounds: int) -> bool:
        return False

    def empty(self, scale: Scale, grid: np.ndarray) -> tuple[ExactSum, ...]:
        return (ExactSum(1, self.k * self.q + 1),)

    def query(
        self,
        theta: np.ndarray,
        scale: Scale,
        grid: np.ndarray,
        records: Records,
        sums: tuple[ExactSum, ...],
        sign: float,
    ) -> None:
        parts = self._parts(theta)
        for start in range(0, len(records.w), BLOCK):
            x, w = records.x[start : start + BLOCK], records.w[start : start + BLOCK]
            block, large = np.zeros(self.k * self.q + 1), np.empty(len(w), np.bool_)
            n_large = expect(x, w, scale.mean, scale.factor, *parts, True, 1.0, block, large)
            sums[0].deposit_values(block, sign)
            for r in np.flatnonzero(large) if n_large else ():
                block[:] = 0.0
                expect(x[r : r + 1], w[r : r + 1], scale.mean, scale.factor, *parts, True, np.inf, block, large)
                sums[0].deposit_values(block, sign)

    def step(
        self, theta: np.ndarray, scale: Scale, grid: np.ndarray, sums: tuple[ExactSum, ...]
    ) -> tuple[np.ndarray, np.ndarray, bool]:
        values = sums[0].round()[0]
        end = self._maximized(values, *self._parts(theta)[1:], scale)
        after = self._rounded(end, grid)
        still = moved(theta, after, self.k, self.d, self.t) <= 1.5 * self.width
        return end.vector(values[-1] / scale.total, 0.0), after, bool(still)

    # ------------------------------------------------------------------ parts

    def _parts(self, theta: np.ndarray) -> Parts:
        k, d, t = self.k, self.d, self.t
        logs, diagonal, below, means = np.split(theta, [k, k + k * d, k + k * d + k * t])
        return logs, diagonal.reshape(k, d), below.reshape(k, t), means.reshape(k, d)

    def _rounded(self, parameters: Parameters, dither: np.ndarray, coarse: float = 1.0) -> np.ndarray:
        parts = coordinates(parameters.weights, parameters.covariances, self.full)
        theta: np.ndarray = rounded(*parts, parameters.means, self.width * coarse, dither)
        return theta

    def _maximized(
        self, values: np.ndarray, diagonal: np.ndarray, below: np.ndarray, means: np.ndarray, scale: Scale
    ) -> Parameters:
        return Parameters(*maximize(values, diagonal, below, means, self.em.reg_covar * scale.factor**2, self.em.kind))

    # ------------------------------------------------------------------ the sample

    def _best(self, sample: Sample, scale: Scale, tol: float) -> Fit:
        """Parameters, log-likelihoods by iteration, and whether they converged, of the best of ``n_init`` starts."""
        if not len(sample.w):
            unit = np.broadcast_to(np.eye(self.d), (self.k, self.d, self.d))
            return Parameters(np.full(self.k, 1.0 / self.k), np.zeros((self.k, self.d)), unit), [], False
        runs = (self._run(sample, scale, self._start(sample, scale, i), tol) for i in range(self.em.n_init))
        return max(runs, key=lambda run: run[1][-1] if run[1] else -np.inf)

    def _run(self, sample: Sample, scale: Scale, parameters: Parameters, tol: float) -> Fit:
        n = float(_sum(sample.w))
        bounds: list[float] = []
        for _ in range(self.em.max_iter):
            logs, diagonal, below = coordinates(parameters.weights, parameters.covariances, self.full)
            means = parameters.means
            sums, large = np.zeros(self.k * self.q + 1), np.empty(len(sample.w), np.bool_)
            expect(
                sample.x, sample.w, scale.mean, scale.factor, logs, diagonal, below, means, False, np.inf, sums, large
            )
            parameters = self._maximized(sums, diagonal, below, means, scale)
            bounds.append(sums[-1] / n)
            if len(bounds) > 1 and abs(bounds[-1] - bounds[-2]) < tol:
                return parameters, bounds, True
        return parameters, bounds, False

    def _start(self, sample: Sample, scale: Scale, code: int) -> Parameters:
        em, k, d = self.em, self.k, self.d
        weights, means, covariances = em.weights_init, em.means_init, em.precisions_init
        if means is not None:
            means = (means - scale.mean) * scale.factor
        if covariances is not None:
            covariances = np.array([_inverse(p / np.outer(scale.factor, scale.factor)) for p in covariances])
        if weights is None or means is None or covariances is None:
            z, shares = standard(sample.x, scale), self._responsibilities(sample, scale, code) * sample.w
            unit, origin = (np.zeros((k, d)), np.zeros((k, self.t))), np.zeros((k, d))
            found = self._maximized(start_sums(z, shares, origin, self.full), *unit, origin, scale)
            found = self._maximized(start_sums(z, shares, found.means, self.full), *unit, found.means, scale)
            weights = found.weights if weights is None else weights
            means = found.means if means is None else means
            covariances = found.covariances if covariances is None else covariances
        return Parameters(weights, np.ascontiguousarray(means), covariances)

    def _responsibilities(self, sample: Sample, scale: Scale, code: int) -> np.ndarray:
        """The responsibility of each component for each record at the start, float64[k, n]."""
        k, hashes = self.k, sample.hashes
        if self.em.init_params == "random":
            shares = np.array([exponentials(hashes, code * k + c, np.uint64(self.seed)) for c in range(k)])
            total = np.zeros(len(hashes))
            for row in shares:
                total += row
            return shares / total
        isotropic = replace(scale, factor=np.full(self.d, scale.factor.min()))
        start = {"kmeans": "k-means++", "k-means++": "k-means++", "random_from_data": "random"}[self.em.init_params]
        lloyd = Lloyd(k, start, 1, 300, 1e-4)
        shares = np.zeros((k, len(hashes)))
        if self.em.init_params == "kmeans":
            shares[lloyd.run(sample, isotropic, self.seed, code)[1], np.arange(len(hashes))] = 1.0
        else:
            shares[np.arange(k), lloyd.picked(sample, isotropic, self.seed, code)] = 1.0
        return shares


def _sum(weights: np.ndarray) -> float:
    """Sum in index order."""
    return float(np.add.accumulate(weights)[-1])


def _inverse(matrix: np.ndarray) -> np.ndarray:
    low = cholesky(matrix)
    columns = [solve_upper(low, solve_lower(low, row)) for row in np.eye(len(matrix))]
    inverse = np.array(columns)
    symmetric: np.ndarray = 0.5 * (inverse + inverse.T)
    return symmetric
