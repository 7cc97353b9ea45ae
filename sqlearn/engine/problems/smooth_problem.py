"""Learning by minimising a smooth loss of linear predictors, as a problem for rounds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sqlearn.engine.arithmetic import cholesky
from sqlearn.engine.problems.optimum import in_order, minimize
from sqlearn.engine.problems.smooth_losses import (
    LOGISTIC,
    LONGEST_STEP,
    POISSON,
    SQUARED_HINGE,
    advance,
    advance_from,
    ask_one,
    cells_of,
    centre_of,
    derivatives,
    diagonal,
    fill_left,
    fill_third,
    in_safe_range,
    newton_step,
    shifts,
    split,
    standardize,
)
from sqlearn.engine.rounds import (
    GRID_SAMPLE,
    Records,
    Scale,
    Trace,
    balanced,
    check_sums,
    dithers,
    sample_threshold,
    serializable,
    standard_scale,
)
from sqlearn.engine.sums import ExactSum
from sqlearn.errors import ParameterError, TooLargeError, shown

__all__ = ["Grid", "OneVsRest", "Smooth", "class_weights", "coefficients", "ridge"]

COARSE = 8.0  # the pilot's grid over that of the rounds
MOST_THIRD = 48  # more parameters than that go without third derivatives
CUBES = 1 << 15  # records whose third derivatives are summed, to twice that: more cost time and hardly tell more
FINE = 2.0**-7  # cell width in standard deviations of the predictor, to end with a step of third order
FINER = 2.0**-9  # to end with a step of second order
MOST_PARAMETERS = 2048
_TILE = 4  # BLAS takes a fifth longer for numbers of columns that are no multiples of this
_STILL = 2.0**-38
_MOST_STEPS = 100
_MOST_PILOT_ROUNDS = 8
_MOST_WEIGHT = 2.0**100
_TINY = 2.0**-1000
_FINEST, _WIDEST = -5, 4
_NOISE = -15  # in octaves
_LOOSE = 2.0**-24
_FEW_ROUNDS = 4
_TOLERANCE = 2.0**-32  # a record of weight 1


@serializable("Grid")
@dataclass(frozen=True, eq=False)
class Grid:
    """Cells of theta: ``floor(low.T @ theta / width + dither)``.

    Attributes
    ----------
    low : float64[size, size]
        Cholesky factor of the curvature in a sample: its transpose whitens.
    width : float64[size]
        Width of the cells in whitened coordinates.
    dither : float64[size]
        Seeded offsets in [0, 1).
    exponents : int64[3]
        Binary exponents of the largest derivatives in the sample: they fix the units.
    start : float64[size]
        The sample's optimum, where the pilot's rounds begin.
    """

    low: np.ndarray
    width: np.ndarray
    dither: np.ndarray
    exponents: np.ndarray
    start: np.ndarray


class _Newton:
    """Rounds of Newton's method over the pilot, for problems whose every round is a step to an optimum."""

    start: Callable
    step: Callable

    def pilot(self, scale, grid, source, ask):
        theta = self.start(grid)
        for _ in range(_MOST_PILOT_ROUNDS):
            _, theta, still = self.step(theta, scale, grid, ask(theta), True)
            if still:
                break
        return theta


class Smooth(_Newton):
    """A loss of linear predictors plus a quadratic penalty.

    Parameters
    ----------
    kind : int
        LOGISTIC, POISSON, SQUARED_HINGE or MULTINOMIAL, see :mod:`~sqlearn.engine.problems.smooth_losses`.
    n_features : int
        Number of features.
    n_outputs : int
        Number of predictors.
    intercept : bool
        Whether each begins with an intercept.
    penalty : callable
        From a :class:`~sqlearn.engine.rounds.standard.Scale` to the penalty's Hessian in theta, in units of
        ``scale.weight``. It also takes how strongly outputs that may move alike at no cost are held, relative to the
        usual.
    seed : int
        Seed of the grids.
    codes : float64[n_classes] or None
        What each class is in the loss; None for targets that are numbers.
    class_weight : float64[n_classes] or None
        What the weights of each class are multiplied by; None where that balances the classes.
    own : int or None
        With balanced classes, the only one whose weights are multiplied; None for all.

    Notes
    -----
    Balanced weights move with every record. So records are asked without them, the sums of classes of different
    weights are kept apart, and the step multiplies them.
    """

    def __init__(
        self,
        kind: int,
        n_features: int,
        n_outputs: int,
        intercept: bool,
        penalty: Callable[[Scale, float], np.ndarray],
        seed: int,
        codes: np.ndarray | None = None,
        class_weight: np.ndarray | None = None,
        own: int | None = None,
    ):
        self.kind, self.n_outputs, self.intercept, self.penalty, self.seed = kind, n_outputs, intercept, penalty, seed
        self.codes, self.class_weight, self.own = codes, class_weight, own
        self.groups = None  # the sums that each class is added to, where there are several
        if codes is not None and class_weight is None:
            classes = np.arange(len(codes))
            self.groups = classes if own is None else (classes == own).astype(np.int64)
        self._last_penalty: tuple = (None, None)
        self.p = n_features + intercept
        self.size = n_outputs * self.p
        if self.size > MOST_PARAMETERS:
            raise TooLargeError(
                f"{n_outputs} x {self.p} parameters are {self.size:,}, and a Hessian of {self.size:,} x {self.size:,} "
                f"sums would have to be kept "
                f"for every round. Nothing was taken. At most {MOST_PARAMETERS:,} are: use fewer columns, or "
                f"RidgeClassifier."
            )
        self.third = kind in (LOGISTIC, POISSON) and self.p <= MOST_THIRD
        self.shape = (kind, n_outputs, self.p)

    def scale(self, total, n, order):
        scale = standard_scale(total, n, self.intercept, self.seed)
        return scale if self.groups is None else balanced(scale, total, order, self.seed)

    def empty(self, scale, grid):
        each = self._empty(self.third)
        if self.groups is None:
            return each
        return tuple(total.copy() for _ in range(self.groups.max() + 1) for total in each)

    def _empty(self, third: bool) -> tuple[ExactSum, ...]:
        p, n_outputs = self.p, self.n_outputs
        sums = (ExactSum(1, (3 * n_outputs + n_outputs * (n_outputs + 1) // 2 * p) * p),)
        return (*sums, ExactSum(1, p * (p + 1) // 2 * p)) if third else sums

    def _balanced(self, weights: np.ndarray) -> np.ndarray:
        """Of these weights of classes, those that are used."""
        return weights if self.own is None else np.where(self.groups == 1, weights, 1.0)

    def _targets(self, scale: Scale, records: Records, class_weight) -> tuple[np.ndarray, np.ndarray]:
        """Targets and weights as the loss takes them; without `class_weight`, all classes weigh alike."""
        if self.codes is None:
            return records.y, records.w * scale.weight
        if len(records.y) == 1:
            c = int(records.y[0])
            classes: Any = slice(c, c + 1)
        else:
            classes = records.y.astype(np.int64)
        weights = records.w * scale.weight
        return self.codes[classes], weights if class_weight is None else weights * class_weight[classes]

    def _derivatives(self, theta, scale, records, class_weight):
        n = len(records.w)
        z, first = np.empty((self.p, n)), np.empty((self.n_outputs, n))
        second, third = np.empty((self.n_outputs * (self.n_outputs + 1) // 2, n)), np.empty(n)
        standardize(records.x, scale.mean, scale.factor, self.intercept, z)
        derivatives(self.kind, z, *self._targets(scale, records, class_weight), theta, first, second, third)
        return z, first, second, third

    def query(self, theta, scale, grid, records, sums, sign):
        if self.groups is None:
            self._query(theta, scale, grid, records, sums, sign)
            return
        for part, own in self._grouped(records, sums, self.groups):
            self._query(theta, scale, grid, part, own, sign)

    def _grouped(self, records: Records, sums: tuple, of_class: np.ndarray) -> Iterator[tuple[Records, tuple]]:
        """The records that belong to each of the sums of classes of different weights."""
        each = 1 + self.third
        groups = of_class[records.y.astype(np.int64)]
        for group in groups.tolist() if len(groups) == 1 else range(len(sums) // each):
            index = np.flatnonzero(groups == group)
            if len(index):
                yield records.take(index), sums[group * each : (group + 1) * each]

    def _query(self, theta, scale, grid, records, sums, sign):
        limit = sample_threshold(scale.octave, CUBES)
        if len(records.w) == 1:
            self._query_one(theta, scale, grid, records, sums, sign, self.third and int(records.hashes[0]) <= limit)
        else:
            chosen = np.flatnonzero(records.hashes <= np.uint64(limit)) if self.third else None
            terms = self._derivatives(theta, scale, records, self.class_weight)
            self._add(terms, grid.exponents, chosen, sums, sign)

    def _add(self, terms, exponents, chosen, sums, sign):
        """Add terms of records, and of those `chosen` the third derivatives."""
        z, first, second, third = terms
        ok = np.empty(len(third), np.bool_)
        in_safe_range(z, first, second, third, exponents, ok)
        left = np.empty((2 * self.n_outputs + len(second) * self.p, len(third)))
        fill_left(z, first, second, exponents, left)
        high, low = (np.empty((self.p + -self.p % _TILE, len(third))) for _ in range(2))
        high[self.p :], low[self.p :] = 0.0, 0.0
        split(z, high, low)
        _deposit(sums[0], self.p, ((left, high), (left[: self.n_outputs], low)), ok, sign)
        if chosen is not None:
            z = z.take(chosen, axis=1)
            left = np.empty((self.p * (self.p + 1) // 2, len(chosen)))
            fill_third(z, third[chosen], exponents[2], left)
            _deposit(sums[1], self.p, ((left, high.take(chosen, axis=1)),), ok[chosen], sign)

    def _query_one(self, theta, scale, grid, records, sums, sign, third):
        for total in sums:
            total.reserve(1)
        while True:
            missing = ask_one(
                self.kind, self.n_outputs, records.x, *self._targets(scale, records, self.class_weight), scale.mean,
                scale.factor,
                self.intercept, theta, grid.exponents, sign, sums[0].window(), sums[-1].window(), third,
            )  # fmt: skip
            if not missing:
                return
            sums[missing - 1].grow_to_need()

    def start(self, grid):
        return grid.start

    def step(self, theta, scale, grid, sums, pilot=False):
        # all of the pilot is among the records whose third derivatives are summed
        times = 1.0 if pilot else 2.0 ** max(0, scale.octave - CUBES.bit_length())
        times = times if self.third else 0.0
        penalty = self._guarded() if pilot else self._penalty(scale)
        width = grid.width * COARSE if pilot else grid.width
        # what curvatures are rounded to is not seen among so many records; a sample has its own penalty
        noise = 0.0 if pilot else 2.0 ** (_NOISE - scale.octave // 2)
        tolerance = _TOLERANCE * (scale.total * scale.weight)
        rest = times, penalty, theta, grid.low, width, grid.dither, noise, tolerance
        if self.groups is None:
            return advance(self.n_outputs, sums[0].window(), sums[-1].window(), *rest)
        weights = self._balanced(scale.rounded if pilot else scale.class_weight)
        asked = self._weighted(sums[:: 1 + self.third], weights)
        third = self._weighted(sums[1::2], weights) if self.third else np.zeros(0)
        return advance_from(self.n_outputs, asked, third, *rest)

    def _weighted(self, sums: tuple, weights: np.ndarray) -> np.ndarray:
        """The sum of the rounded sums of groups of classes, times their weights."""
        total = np.zeros(sums[0].shape[1])
        for group, one in enumerate(sums):
            total += weights[np.argmax(self.groups == group)] * one.round()[0]
        return total

    def _penalty(self, scale):
        if self._last_penalty[0] is not scale:  # the same for all steps of a walk
            self._last_penalty = scale, self.penalty(scale, 1.0)
        return self._last_penalty[1]

    # ------------------------------------------------------------------ samples

    def converge(self, scale, source):
        weights = self.class_weight if self.groups is None else self._balanced(scale.class_weight)
        return self._finish(scale, source, self._converge(scale, source, self.penalty(scale, 1.0), weights), False)

    def recover(self, scale, source, theta):
        return self._finish(scale, source, theta, True)

    def _finish(self, scale, source, theta, by_rounds: bool) -> tuple[np.ndarray, bool]:
        """The minimum, from theta, which may be it."""
        records = in_order(source)
        z = np.empty((self.p, len(records.w)))
        standardize(records.x, scale.mean, scale.factor, self.intercept, z)
        weights = self.class_weight if self.groups is None else self._balanced(scale.class_weight)
        y, w = self._targets(scale, records, weights)
        bounded = self._is_bounded(scale, y)
        if by_rounds and not bounded:  # they may have gone so far that no slope can be seen from there
            theta = np.zeros(self.size)
        # what holds the outputs must not drown the curvature of records that are all but certain
        return minimize(self.kind, self.n_outputs, z, y, w, self.penalty(scale, _LOOSE), bounded, theta)

    def doubts(self, scale, n_rounds):
        """Along a direction without a minimum, rounds crawl on until their steps are too short to see."""
        return n_rounds > _FEW_ROUNDS and not self._is_bounded(scale, np.ones(1))

    def _is_bounded(self, scale: Scale, y: np.ndarray) -> bool:
        """Whether the loss of these targets has a minimum because of what it is, or because it is penalised."""
        if self.kind == SQUARED_HINGE:
            return True
        ridge = np.diag(self.penalty(scale, 0.0)).reshape(self.n_outputs, self.p)[:, self.intercept :]
        return bool((ridge[:, scale.factor > 0] > 0).all()) and (self.kind != POISSON or bool(y.any()))

    def _ask(self, theta, scale, source, penalty, class_weight):
        """Newton step, gradient and Hessian without third derivatives, and the exponents of the largest derivatives."""
        sums, exponents = self._empty(False), np.full(3, -1000)
        terms = [self._derivatives(theta, scale, records, class_weight) for records in source()]
        for part in terms:  # a block of zeros, say of empty places, has no say
            exponents = np.maximum(exponents, np.frexp([np.abs(der).max(initial=_TINY) for der in part[1:]])[1])
        for part in terms:
            self._add(part, exponents, None, sums, 1.0)
        return *newton_step(self.n_outputs, sums[0].round()[0], np.zeros(0), 0.0, penalty, theta, 0.0, 0.0)[
            :3
        ], exponents

    def _converge(self, scale, source, penalty, class_weight):
        """Newton's method from 0, the step halved while the gradient does not shrink in a fixed metric."""
        theta = np.zeros(self.size)
        step, g, h, _ = self._ask(theta, scale, source, penalty, class_weight)
        metric = 1.0 / np.maximum(np.diag(h), _TINY)
        for _ in range(_MOST_STEPS):
            length = np.abs(step).max(initial=0.0)
            if length <= _STILL * (1.0 + np.abs(theta).max(initial=0.0)):
                break
            if length > LONGEST_STEP:
                step = step * (LONGEST_STEP / length)
            merit = _sum(g * g * metric)
            part = 1.0
            while part > 2.0**-12:
                trial = theta + part * step
                answer = self._ask(trial, scale, source, penalty, class_weight)
                if _sum(answer[1] * answer[1] * metric) < merit:
                    break
                part *= 0.5
            else:
                break
            theta = trial
            step, g, h, _ = answer
        return theta

    def _guarded(self) -> np.ndarray:
        """A ridge of 1, little on the intercept, so that a sample has a minimum not too far away."""
        ridge = np.eye(self.size)
        if self.intercept:
            ridge[:: self.p, :: self.p] *= 2.0**-10
        return ridge

    def grid(self, scale, source):
        weights = self.class_weight if self.groups is None else self._balanced(scale.rounded)
        theta = self._converge(scale, source, self._guarded(), weights)
        _, _, h, exponents = self._ask(theta, scale, source, np.zeros((self.size, self.size)), weights)
        if self.groups is not None:  # records are asked without weights of classes
            exponents = self._ask(theta, scale, source, np.zeros((self.size, self.size)), None)[3]
        curvature = max(h[0, 0] if self.intercept else np.diag(h).max(), _TINY)
        h /= curvature
        # a standardised feature has a variance of 1/4 to 1; one with less in the sample is rare, and seldom or never
        # in it
        h += np.diag(np.maximum(0.25 - np.diag(h), 0.0))
        low = cholesky(h + 2.0**-10 * np.eye(self.size))
        times = 2.0 ** max(0, scale.octave - GRID_SAMPLE.bit_length())
        typical = replace(
            scale, total=2.0 ** (scale.octave - 1) / scale.weight
        )  # the total itself moves with every record
        whole = cholesky(h + self.penalty(typical, 1.0) / (curvature * times))
        total = ExactSum(1, self.size + 1)
        for records in source():
            z, first, _, _ = self._derivatives(theta, scale, records, weights)
            moved = np.empty((len(records.w), self.size + 1))
            shifts(z, first, low, whole, moved)
            for row in moved:
                total.deposit_values(row, 1.0)
        mean = total.round()[0]
        # cells as wide as a record's shift is long on average, so that rare features get fine ones at no cost
        relative = np.frexp(mean[:-1] / max(mean[-1], _TINY))[1]
        relative = np.where(mean[:-1] > 0, np.clip(relative, _FINEST, _WIDEST), _FINEST)
        width = self._width() * np.ldexp(1.0, relative)
        dither, wide = dithers(self.size, self.seed + 1), width * COARSE
        start = centre_of(low, wide, dither, cells_of(low, wide, dither, theta))
        return Grid(low, width, dither, exponents + 1, start)

    def _width(self) -> float:
        """Width of the cells, in standard deviations of the predictor."""
        if self.third:
            return FINE
        if self.kind == SQUARED_HINGE:  # its curvature jumps
            return FINER / 2
        return (
            FINER * 2.0 ** (self.n_outputs - 1).bit_length()
        )  # many outputs have each a small part in a record's loss


class OneVsRest(_Newton):
    """Several problems over the same records, one after the other.

    Parameters
    ----------
    problems : list of Smooth
        Problems of the same features, intercept and seed.
    """

    def __init__(self, problems: list[Smooth]):
        n, p = len(problems), problems[0].p
        check_sums(n * (3 + p) * p, f"{n} classes of {p} parameters, a Hessian each,", "use fewer columns")
        self.problems = problems
        # weights of classes once were those of the rest too: what was asked then is asked anew
        weighted = any(problem.class_weight is None or (problem.class_weight != 1.0).any() for problem in problems)
        self.shape = (len(problems), *problems[0].shape, *[1] * weighted)
        self.sizes = np.cumsum([problem.size for problem in problems])[:-1]

    def scale(self, total, n, order):
        return self.problems[0].scale(total, n, order)

    def converge(self, scale, source):
        return _joined(problem.converge(scale, source) for problem in self.problems)

    def recover(self, scale, source, theta):
        parts = zip(self.problems, np.split(theta, self.sizes), strict=True)
        return _joined(problem.recover(scale, source, part) for problem, part in parts)

    def doubts(self, scale, n_rounds):
        return any(problem.doubts(scale, n_rounds) for problem in self.problems)

    def grid(self, scale, source):
        return tuple(problem.grid(scale, source) for problem in self.problems)

    def start(self, grid):
        return np.concatenate([part.start for part in grid])

    def empty(self, scale, grid):
        return tuple(
            total for problem, part in zip(self.problems, grid, strict=True) for total in problem.empty(scale, part)
        )

    def _parts(self, theta, grid, sums):
        each = len(sums) // len(self.problems)
        thetas = np.split(theta, self.sizes)
        return [
            (p, t, g, sums[i * each : (i + 1) * each])
            for i, (p, t, g) in enumerate(zip(self.problems, thetas, grid, strict=True))
        ]

    def query(self, theta, scale, grid, records, sums, sign):
        for problem, part, cells, answers in self._parts(theta, grid, sums):
            problem.query(part, scale, cells, records, answers, sign)

    def step(self, theta, scale, grid, sums, pilot=False):
        ends, rounded, still = zip(
            *(
                problem.step(part, scale, cells, answers, pilot)
                for problem, part, cells, answers in self._parts(theta, grid, sums)
            ),
            strict=True,
        )
        return np.concatenate(ends), np.concatenate(rounded), all(still)


def _joined(answers) -> tuple[np.ndarray, bool]:
    thetas, still = zip(*answers, strict=True)
    return np.concatenate(thetas), all(still)


def ridge(scale: Scale, intercept: bool, strength: float) -> np.ndarray:
    """Hessian, in theta, of the penalty ``strength / 2 * coef ** 2``; the intercept has none."""
    return diagonal(scale.factor, scale.weight * strength, int(intercept))


def class_weights(given: dict | str | None, labels: list) -> np.ndarray | None:
    """What the weights of each of these classes are multiplied by, float64[n_classes]; None to balance them.

    Raises
    ------
    ParameterError
        When they are not given as a dict of numbers in range.
    """
    if given == "balanced":
        return None
    assert not isinstance(given, str)
    weights: list[Any] = list((given or {}).values())
    number = int | float | np.number
    wrong = [weight for weight in weights if not (isinstance(weight, number) and 0.0 <= weight <= _MOST_WEIGHT)]
    if wrong:
        raise ParameterError(
            f"class_weight has {shown(wrong[0])}, but weights of classes are numbers from 0 to 2**100. Give others."
        )
    return np.array([float((given or {}).get(label, 1.0)) for label in labels])


def coefficients(trace: Trace, n_features: int, intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients float64[K, d] and intercepts float64[K] in the user's units."""
    theta = trace.theta.reshape(-1, n_features + intercept)
    coef = theta[:, int(intercept) :] * trace.scale.factor
    return coef, theta[:, 0] - coef @ trace.scale.mean if intercept else np.zeros(len(theta))


def _sum(values: np.ndarray) -> float:
    """Sum in index order."""
    total = 0.0
    for value in values.tolist():
        total += value
    return total


def _deposit(
    total: ExactSum, p: int, products: tuple[tuple[np.ndarray, np.ndarray], ...], ok: np.ndarray, sign: float
) -> None:
    """Add ``left @ right[:p].T`` of each pair: through BLAS for the tame records, exactly too for the others."""
    alone = np.flatnonzero(~ok)
    first = 0
    for left, right in products:
        for r in alone:
            total.deposit_outer(np.ascontiguousarray(left[:, r]), np.ascontiguousarray(right[:p, r]), sign, first)
        first += len(left) * p
    if len(alone):
        products[0][0][:, alone] = 0.0  # other left sides are views of the first
    if len(alone) < len(ok):
        total.deposit_values(np.concatenate([(left @ right.T)[:, :p].ravel() for left, right in products]), sign)
