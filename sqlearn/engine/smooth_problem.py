"""Learning by minimising a smooth loss of a linear predictor, as a problem for rounds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sqlearn.engine.elementary import cholesky
from sqlearn.engine.exact import ExactSum
from sqlearn.engine.rounds import share
from sqlearn.engine.smooth import (
    advance,
    ask_one,
    cells_of,
    centre_of,
    derivatives,
    fill_left,
    fill_third,
    newton_step,
    shifts,
    standardize,
    tame,
)
from sqlearn.engine.standard import Scale, dithers, standard_scale

__all__ = ["Grid", "Smooth"]

_COARSE = 8.0  # the pilot's grid over that of the rounds
_MOST_THIRD = 48  # more parameters than that go without third derivatives
_CUBES = 1 << 17  # records whose third derivatives are summed
_FINE = 2.0**-7
_FINER = 2.0**-10  # where there are no third derivatives to end with
_STILL = 2.0**-38
_MOST_STEPS = 100


@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of theta: ``floor(low.T @ theta / width + dither)``.

    Attributes
    ----------
    low : float64[p, p]
        Cholesky factor of the curvature in a sample: its transpose whitens.
    width : float64[p]
        Width of the cells in whitened coordinates.
    dither : float64[p]
        Seeded offsets in [0, 1).
    exponents : int64[3]
        Units of the derivatives.
    """

    low: np.ndarray
    width: np.ndarray
    dither: np.ndarray
    exponents: np.ndarray

    def rounded(self, theta, coarse):
        """The middle of the cell of theta, on a grid this much coarser."""
        width = self.width * coarse
        return centre_of(self.low, width, self.dither, cells_of(self.low, width, self.dither, theta))


class Smooth:
    """A loss of the linear predictor plus a quadratic penalty.

    Parameters
    ----------
    kind : int
        LOGISTIC, POISSON or SQUARED_HINGE, see :mod:`~sqlearn.engine.smooth`.
    n_features : int
        Number of features.
    intercept : bool
        Whether theta begins with an intercept.
    penalty : callable
        From a :class:`Scale` to the penalty's Hessian in theta, float64[p, p], in units of ``scale.weight``.
    seed : int
        Seed of the grids.
    codes : tuple of float
        What class 0, 1, ... is in the loss; empty for targets that are numbers.
    """

    def __init__(self, kind: int, n_features: int, intercept: bool, penalty: Callable[[Scale], np.ndarray], seed: int, codes=()):
        self.kind, self.intercept, self.penalty, self.seed = kind, intercept, penalty, seed
        self.codes = np.array(codes)
        self.p = n_features + intercept
        self.third = kind != 2 and self.p <= _MOST_THIRD
        self.shape = (kind, self.p)

    def scale(self, total, n):
        return standard_scale(total, n, self.intercept, self.seed)

    def empty(self, scale, grid):
        return self._empty(self.third)

    def _empty(self, third):
        p = self.p
        sums = (ExactSum(1, (2 + p) * p),)
        return (*sums, ExactSum(1, p * (p + 1) // 2 * p)) if third else sums

    def _targets(self, records):
        return self.codes[records.y.astype(np.int64)] if len(self.codes) else records.y

    def _derivatives(self, theta, scale, records):
        z, ders = np.empty((self.p, len(records.w))), np.empty((3, len(records.w)))
        standardize(records.x, scale.mean, scale.factor, self.intercept, z)
        derivatives(self.kind, z, self._targets(records), records.w * scale.weight, theta, ders)
        return z, ders

    def query(self, theta, scale, grid, records, sums, sign):
        limit = share(scale.octave, _CUBES)
        if len(records.w) == 1:
            self._query_one(theta, scale, grid, records, sums, sign, records.names[0] <= limit)
            return
        z, ders = self._derivatives(theta, scale, records)
        ok = np.empty(len(records.w), np.bool_)
        tame(z, ders, grid.exponents, ok)
        left = np.empty((2 + self.p, len(records.w)))
        fill_left(z, ders, grid.exponents, left)
        _deposit(sums[0], left, z, ok, sign)
        if len(sums) > 1:
            chosen = np.flatnonzero(records.names <= np.uint64(limit))
            z = np.ascontiguousarray(z[:, chosen])
            left = np.empty((self.p * (self.p + 1) // 2, len(chosen)))
            fill_third(z, ders[2, chosen], grid.exponents[2], left)
            _deposit(sums[1], left, z, ok[chosen], sign)

    def _query_one(self, theta, scale, grid, records, sums, sign, third):
        third = third and len(sums) > 1
        for total in sums:
            total.reserve(1)
        while True:
            done = ask_one(
                self.kind, records.x, self._targets(records), records.w * scale.weight, scale.mean, scale.factor, self.intercept, theta,
                grid.exponents, sign, sums[0].window(), sums[-1].window(), third,
            )  # fmt: skip
            if not done:
                return
            sums[done - 1].cover_need()

    def step(self, theta, scale, grid, sums):
        times = 2.0 ** max(0, scale.octave - _CUBES.bit_length()) if self.third else 0.0
        windows = sums[0].window(), sums[-1].window()
        end, rounded, moved = advance(*windows, times, self.penalty(scale), theta, grid.low, grid.width, grid.dither)
        return end, rounded, moved <= 1.0

    # ------------------------------------------------------------------ samples

    def converge(self, scale, source):
        return self._converge(scale, source, self.penalty(scale), np.zeros(self.p))

    def _converge(self, scale, source, penalty, theta):
        """Newton's method, the step halved while the gradient does not shrink in a fixed metric."""

        def ask(theta):
            exponents = np.full(3, -1000)
            for records in source():
                exponents = np.maximum(exponents, _exponents(self._derivatives(theta, scale, records)[1]))
            grid = Grid(np.eye(0), np.zeros(0), np.zeros(0), exponents)
            sums = self._empty(False)
            for records in source():
                self.query(theta, scale, grid, records, sums, 1.0)
            return newton_step(sums[0].round()[0], np.zeros(0), 0.0, penalty, theta)

        step, g, h = ask(theta)
        metric = 1.0 / np.maximum(np.diag(h), 2.0**-1000)
        for _ in range(_MOST_STEPS):
            size = np.abs(step).max(initial=0.0)
            if size <= _STILL * (1.0 + np.abs(theta).max()):
                break
            if size > 4.0:
                step = step * (4.0 / size)
            merit = _sum(g * g * metric)
            part = 1.0
            while part > 2.0**-12:
                trial = ask(theta + part * step)
                if _sum(trial[1] * trial[1] * metric) < merit:
                    break
                part *= 0.5
            else:
                break
            theta = theta + part * step
            step, g, h = trial
        return theta

    def _guarded(self, scale):
        """The penalty, with a ridge of 1 at least, so that a sample has a minimum not too far away."""
        ridge = np.eye(self.p)
        if self.intercept:
            ridge[0, 0] = 2.0**-10
        return np.maximum(self.penalty(scale) * 2.0**-40, ridge)

    def grid(self, scale, source):
        theta = self._converge(scale, source, self._guarded(scale), np.zeros(self.p))
        exponents = np.full(3, -1000)
        for records in source():
            exponents = np.maximum(exponents, _exponents(self._derivatives(theta, scale, records)[1]))
        exponents = exponents + 1
        sums = self._empty(False)
        rough = Grid(np.eye(0), np.zeros(0), np.zeros(0), exponents)
        for records in source():
            self.query(theta, scale, rough, records, sums, 1.0)
        h = newton_step(sums[0].round()[0], np.zeros(0), 0.0, np.zeros((self.p, self.p)), theta)[2]
        curvature = max(h[0, 0] if self.intercept else np.diag(h).max(), 2.0**-1000)
        low = cholesky(h / curvature + 2.0**-10 * np.eye(self.p))
        moved = np.zeros(self.p + 1)
        total = ExactSum(1, self.p + 1)
        for records in source():
            z, ders = self._derivatives(theta, scale, records)
            moved = np.zeros((len(records.w), self.p + 1))
            shifts(z, ders[0], low, moved)
            for row in moved:
                total.deposit_values(row, 1.0)
        mean = total.round()[0]
        fine = _FINE if self.third else _FINER
        width = fine * np.ldexp(1.0, np.clip(np.frexp(mean[:-1] / max(mean[-1], 2.0**-1000))[1], -8, 0))
        return Grid(low, width, dithers(self.p, self.seed + 1), exponents)

    def pilot(self, scale, grid, source):
        theta = self._converge(scale, source, self._guarded(scale), np.zeros(self.p))
        return grid.rounded(theta, _COARSE)


def _sum(values):
    """Sum in index order."""
    total = 0.0
    for value in values.tolist():
        total += value
    return total


def _exponents(ders):
    return np.frexp(np.abs(ders).max(axis=1, initial=0.0))[1].astype(np.int64)


def _deposit(total, left, z, ok, sign):
    """Add ``left @ z.T``: through BLAS for the tame records, exactly too for the others."""
    alone = np.flatnonzero(~ok)
    for r in alone:
        total.deposit_outer(np.ascontiguousarray(left[:, r]), np.ascontiguousarray(z[:, r]), sign)
    if len(alone):
        left[:, alone] = 0.0
    if len(alone) < len(ok):
        total.deposit_values((left @ z.T).ravel(), sign)
