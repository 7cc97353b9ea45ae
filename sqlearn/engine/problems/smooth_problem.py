"""Learning by minimising a smooth loss of linear predictors, as a problem for rounds of Newton's method.

Theta has the coefficients of K linear predictors ``z @ theta`` of standardised records z. A round goes a step of third
order (of second order for more parameters), ``theta + step(theta, gradient, Hessian, third derivatives)``, rounded to
the cells of a :class:`~sqlearn.engine.problems.smooth_grid.Grid`. The pilot goes the same way on coarser cells. Where
the rounds do not come to rest, or there may be no minimum, :func:`~sqlearn.engine.problems.optimum.minimize` searches
over all records.
"""

from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from sqlearn.engine.kernels import kernel
from sqlearn.engine.problems.coefficients import balancing
from sqlearn.engine.problems.optimum import in_order, minimize
from sqlearn.engine.problems.smooth_grid import COARSE, Grid, fit_grid
from sqlearn.engine.problems.smooth_losses import advance, advance_from, deposit_one, standardize
from sqlearn.engine.problems.smooth_sample import guarded_ridge
from sqlearn.engine.problems.smooth_terms import SmoothTerms
from sqlearn.engine.rounds import (
    Evaluate,
    Evaluation,
    Records,
    Scale,
    Source,
    Units,
    balanced,
    in_units,
    standard_scale,
)
from sqlearn.engine.solvers import MULTINOMIAL, SQUARED_HINGE, centre, is_exponential, minimum
from sqlearn.engine.sums import ExactSum

_MOST_PILOT_ROUNDS = 8
_NOISE = -15  # what curvatures are rounded to, in octaves
_LOOSE = 2.0**-24  # how strongly outputs that may move alike are held in the search over all records
_FEW_ROUNDS = 4
# records times the elements of the Hessian, up to which Newton's method costs little, and up to which it decides
_POLISHED, _UNDECIDED = 2**22, 2**33
_FINER = 0.25  # the width of narrower cells, where rounds go in a circle
_TOLERANCE = 2.0**-32  # per record of weight 1

GridT = TypeVar("GridT")
Step = tuple[np.ndarray, np.ndarray, bool]  # next theta, unrounded and rounded, and whether the rounded one rests


class Solution(NamedTuple):
    """Theta, and whether it is a minimum: without one, the caller warns."""

    theta: np.ndarray
    converged: bool


class NewtonPilot(Generic[GridT]):
    """Rounds over the pilot, for problems whose every round is a step to an optimum."""

    def start(self, grid: GridT) -> np.ndarray:
        """Where the pilot's rounds begin."""
        raise NotImplementedError

    def step(
        self, theta: np.ndarray, scale: Scale, grid: GridT, sums: tuple[ExactSum, ...], pilot: bool = False
    ) -> Step:
        """One step from theta and the sums there; on coarser cells in the pilot."""
        raise NotImplementedError

    def pilot(self, scale: Scale, grid: GridT, source: Source, evaluate: Evaluate) -> np.ndarray:
        """The theta that steps over the pilot end with."""
        theta = self.start(grid)
        for _ in range(_MOST_PILOT_ROUNDS):
            _, theta, rests = self.step(theta, scale, grid, evaluate(theta), True)
            if rests:
                break
        return theta


@kernel
def brought_one(record, sums, cubes, share, theta):
    """:func:`deposit_one` on copies of the sums: what it returns, and the copies; cubes without the record are none.

    `record` has its arguments up to the sign, but for theta.
    """
    kind, n_outputs, x, y, w, mean, factor, intercept, exponents, sign = record
    limbs, base, need = sums
    more, more_base, more_need = cubes
    limbs = limbs.copy()
    if share > 0.0:
        more = more.copy()
    sums, cubes = (limbs, base, need), (more, more_base, more_need)
    missing = deposit_one(kind, n_outputs, x, y, w, mean, factor, intercept, theta, exponents, sign, sums, cubes, share)
    return missing, sums, cubes


@kernel
def follow_one(record, sums, cubes, share, theta, before, after):
    """:func:`brought_one` and then :func:`advance`: what the former returns, and the latter's three.

    `before` and `after` have the latter's arguments between sums and theta and after it.
    """
    missing, sums, cubes = brought_one(record, sums, cubes, share, theta)
    times, penalty = before
    low, width, dither, noise, tolerance, burst = after
    step = advance(record[1], sums, cubes, times, penalty, theta, low, width, dither, noise, tolerance, burst)
    return missing, sums, cubes, step


class OneFollowed:
    """How one record changes the rounds of a loss whose sums are all kept together; a kernel call each.

    The rounds given stay as they are. What is returned is None where the kernel cannot do it.
    """

    def __init__(self, problem: "Smooth", scale: Scale, grid: Grid, record: Records, sign: float) -> None:
        self.third = problem.third
        self.share = float(problem.shares_of_third(scale, record)[0]) if self.third else 0.0
        self.before, self.after = problem.of_step(scale, grid, False)
        y, w = problem.given(scale, record)
        standard = scale.mean, scale.factor, problem.intercept
        self.record = problem.kind, problem.n_outputs, record.x, y, w, *standard, grid.exponents, sign

    def brought(self, past: Evaluation) -> Evaluation | None:
        """:meth:`Smooth.query` on a copy."""
        first, last = past.sums[0], past.sums[-1]
        if first.deposits_left < 1 or last.deposits_left < 1:
            return None
        missing, sums, cubes = brought_one(self.record, first.window(), last.window(), self.share, past.theta)
        return None if missing else self._evaluation(past, sums, cubes)

    def stepped(self, past: Evaluation) -> tuple[Evaluation, Step] | None:
        """What :meth:`brought` gives, and :meth:`Smooth.step` from there."""
        first, last = past.sums[0], past.sums[-1]
        if first.deposits_left < 1 or last.deposits_left < 1:
            return None
        missing, sums, cubes, step = follow_one(
            self.record, first.window(), last.window(), self.share, past.theta, self.before, self.after
        )
        return None if missing else (self._evaluation(past, sums, cubes), step)

    def _evaluation(self, past: Evaluation, sums: tuple[Any, ...], cubes: tuple[Any, ...]) -> Evaluation:
        first, last = past.sums[0].of_window(sums[0], 1), past.sums[-1]
        if self.share > 0.0:
            last = last.of_window(cubes[0], 1)
        return Evaluation(past.theta, (first, last) if self.third else (first,))


class Smooth(SmoothTerms, NewtonPilot[Grid]):
    """A loss of linear predictors plus a quadratic penalty, by rounds; parameters as of SmoothTerms."""

    _last_penalty: tuple[Scale | None, np.ndarray] = (None, np.zeros(0))
    _units: Units | None = None

    def see_in(self, units: Units) -> None:
        """Penalize the coefficients of features in these units, not in those that records come in."""
        self._units = units

    def scale(self, total: ExactSum, n: int, order: np.ndarray) -> Scale:
        """Means and deviations, balancing weights of classes, and units, where there are any."""
        scale = standard_scale(total, n, self.intercept, self.seed)
        if self.groups is not None:
            scale = balanced(scale, total, order, self.seed)
        return scale if self._units is None else in_units(scale, self._units, total, self.seed)

    def class_weights(self, scale: Scale, rounded: bool) -> np.ndarray | None:
        """What the weights of classes are multiplied by; balancing ones exactly, or on a grid if `rounded`."""
        return self.class_weight if self.groups is None else balancing(scale, self.own, rounded)

    def grid(self, scale: Scale, source: Source) -> Grid:
        """Cells as wide as records of the sample move theta."""
        return fit_grid(self, scale, source, self.class_weights(scale, True))

    def finer(self, grid: Grid) -> Grid:
        return replace(grid, width=grid.width * _FINER)

    # ------------------------------------------------------------------ rounds

    def start(self, grid: Grid) -> np.ndarray:
        return grid.start

    def step(
        self, theta: np.ndarray, scale: Scale, grid: Grid, sums: tuple[ExactSum, ...], pilot: bool = False
    ) -> Step:
        before, after = self.of_step(scale, grid, pilot)
        rest = *before, theta, *after
        if self.groups is None:
            end, rounded, rests = advance(self.n_outputs, sums[0].window(), sums[-1].window(), *rest)
            return end, rounded, rests
        weights = balancing(scale, self.own, pilot)
        plain = self._weighted(sums[:: 1 + self.third], weights)
        third = self._weighted(sums[1::2], weights) if self.third else np.zeros(0)
        end, rounded, rests = advance_from(self.n_outputs, plain, third, *rest)
        return end, rounded, rests

    def follow(self, scale: Scale, grid: Grid, record: Records, sign: float) -> "OneFollowed | None":
        """Not where sums of groups are kept apart."""
        return OneFollowed(self, scale, grid, record, sign) if self.groups is None else None

    def of_step(self, scale: Scale, grid: Grid, pilot: bool) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Arguments of :func:`~sqlearn.engine.problems.smooth_losses.advance` between sums and theta, and after it."""
        # all of the pilot is among the records whose third derivatives are summed, only a share of far ones
        times = float(self.third) if pilot else self.times_third(scale.octave)
        penalty = guarded_ridge(self) if pilot else self._penalty(scale)
        width = grid.width * COARSE if pilot else grid.width
        # The sum of n curvatures has a relative rounding error that shrinks as 1 / sqrt(n). In the pilot a larger
        # penalty (guarded_ridge) hides it.
        noise = 0.0 if pilot else 2.0 ** (_NOISE - scale.octave // 2)
        tolerance = _TOLERANCE * (scale.total * scale.weight)
        return (times, penalty), (grid.low, width, grid.dither, noise, tolerance, self.burst)

    def _weighted(self, sums: tuple[ExactSum, ...], weights: np.ndarray) -> np.ndarray:
        """The sum of the rounded sums of groups of classes, times their weights."""
        total = np.zeros(sums[0].shape[1])
        for group, one in enumerate(sums):
            total += weights[np.argmax(self.groups == group)] * one.round()[0]
        return total

    def _penalty(self, scale: Scale) -> np.ndarray:
        if self._last_penalty[0] is not scale:  # the same for all steps of a walk
            self._last_penalty = scale, self.penalty_hessian(scale, 1.0)
        return self._last_penalty[1]

    # ------------------------------------------------------------------ searches

    def converge(self, scale: Scale, source: Source) -> tuple[np.ndarray, bool]:
        """The minimum over all records."""
        return self.solve(scale, in_order(source))

    def recover(self, scale: Scale, source: Source, theta: np.ndarray) -> tuple[np.ndarray, bool]:
        """The minimum over all records, from where the rounds ended, which may be it."""
        records = in_order(source)
        y, w = self.targets(scale, records, self.class_weights(scale, False))
        bounded = self._is_bounded(scale, y)
        if not bounded:  # the rounds may have gone to where the loss has no slope left
            theta = np.zeros(self.size)
        return self._minimized(scale, records.x, y, w, bounded, theta)

    def _minimized(
        self, scale: Scale, x: np.ndarray, y: np.ndarray, w: np.ndarray, bounded: bool, theta: np.ndarray
    ) -> "Solution":
        """Newton's method from theta, over records in canonical order."""
        z = np.empty((self.p, len(w)))
        standardize(x, scale.mean, scale.factor, self.intercept, z)
        # a strong hold on outputs that move alike would drown the small curvature of records predicted almost surely
        penalty = self.penalty_hessian(scale, _LOOSE)
        theta, converged = minimize(self.kind, self.n_outputs, z, y, w, penalty, bounded, theta)
        if self.kind == MULTINOMIAL:  # what all outputs have in common adds to the penalty only
            centre(theta.reshape(self.n_outputs, self.p))
        return Solution(theta, converged)

    def solve(self, scale: Scale, records: Records) -> "Solution":
        """The minimum over all records, in the order of :func:`~sqlearn.engine.problems.optimum.in_order`.

        Where the loss may have no minimum, and where the fast search cannot tell that it found it, Newton's method
        decides, from 0. Where that costs little, it brings the minimum to float64's accuracy; where it would take
        minutes, what the fast search found is the answer, and counts as not converged.
        """
        y, w = self.targets(scale, records, self.class_weights(scale, False))
        if not self._is_bounded(scale, y):
            return self._minimized(scale, records.x, y, w, False, np.zeros(self.size))
        standard = scale.mean, scale.factor, int(self.intercept)
        work, single = len(w) * self.size**2, self.n_outputs == 1
        exactly = work <= _POLISHED
        found = minimum(self.kind, self.n_outputs, (records.x, y, w), standard, self.penalty(scale), exactly and single)
        theta = found.theta.ravel()
        if found.certain and exactly and not found.exact:
            return self._minimized(scale, records.x, y, w, True, theta)
        if found.certain or work > _UNDECIDED:
            return Solution(theta, found.certain)
        return self._minimized(scale, records.x, y, w, True, np.zeros(self.size))

    def doubts(self, scale: Scale, n_rounds: int) -> bool:
        """Along a direction without a minimum, rounds crawl on until their steps are too short to see."""
        return n_rounds > _FEW_ROUNDS and not self._is_bounded(scale, np.ones(1))

    def _is_bounded(self, scale: Scale, y: np.ndarray) -> bool:
        """Whether the loss of these targets has a minimum because of what it is, or because it is penalised."""
        if self.kind == SQUARED_HINGE:
            return True
        ridge = self.penalty(scale).ridge[self.intercept :]
        return bool((ridge[scale.factor > 0] > 0).all()) and (not is_exponential(self.kind) or bool(y.any()))
