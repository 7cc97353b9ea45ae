"""What records add to the sums of a smooth loss: derivatives, kept apart for classes that weigh differently."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sqlearn.engine.kernels import kernel
from sqlearn.engine.problems.coefficients import Penalty
from sqlearn.engine.problems.mode import lazy_pilots
from sqlearn.engine.problems.smooth_losses import (
    Z_LIMIT,
    deposit_one,
    derivatives,
    fill_left,
    fill_third,
    in_safe_range,
    split,
    standardize,
)
from sqlearn.engine.rounds import Records, Scale, sample_threshold
from sqlearn.engine.solvers import LOGISTIC, MULTINOMIAL, SQUARED_HINGE, is_exponential, power_of
from sqlearn.engine.sums import ExactSum
from sqlearn.errors import TooLargeError

MOST_THIRD = 48  # more parameters than that go without third derivatives
# Records whose third derivatives are summed, to twice that: more cost time; and with how many parameters twice as many.
CUBES, _CHEAP_CUBES = 1 << 15, 16
REVISIONS = 0, 8, 16  # of how rounds go; far apart, so that none is taken for another
MOST_PARAMETERS = 2048
_BURST = 0.75  # of the slope along the intercept over its curvature, see newton_step: where the half is too much
_TILE = 4  # BLAS takes a fifth longer for numbers of columns that are not multiples of this

Terms = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # z [p, n], first [K, n], second [pairs, n], third [n]


@kernel
def shares_of_third(x, mean, factor, hashes, limit, far, out):
    """How much of each record's third derivatives is summed: `far` of records far from the means, which all are, since
    some of them have much of the sum; all of others with a keyed hash of at most `limit`; nothing of the rest.
    """
    for r in range(len(out)):
        out[r] = 1.0 if hashes[r] <= limit else 0.0
        for j in range(len(mean)):
            if abs((x[r, j] - mean[j]) * factor[j]) > Z_LIMIT:
                out[r] = far


class SmoothTerms:
    """A loss of linear predictors plus a quadratic penalty: what records add to the sums.

    Parameters
    ----------
    kind : int
        The loss, see :mod:`~sqlearn.engine.solvers.losses`.
    n_features : int
        Number of features.
    n_outputs : int
        Number of predictors.
    intercept : bool
        Whether each begins with an intercept.
    penalty : callable
        From a :class:`~sqlearn.engine.rounds.standard.Scale` to the
        :class:`~sqlearn.engine.problems.coefficients.Penalty` of each output in theta, in units of ``scale.weight``.
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
    Balanced weights move with every record. So records are evaluated without them, the sums of classes of different
    weights are kept apart, and the step multiplies them.
    """

    def __init__(
        self,
        kind: int,
        n_features: int,
        n_outputs: int,
        intercept: bool,
        penalty: Callable[[Scale], Penalty],
        seed: int,
        codes: np.ndarray | None = None,
        class_weight: np.ndarray | None = None,
        own: int | None = None,
    ) -> None:
        exponential = is_exponential(kind)
        assert exponential or kind in (LOGISTIC, SQUARED_HINGE, MULTINOMIAL)  # kernels know no others
        self.kind, self.n_outputs, self.intercept, self.penalty, self.seed = kind, n_outputs, intercept, penalty, seed
        self.codes, self.class_weight, self.own = codes, class_weight, own
        # what records' weights are multiplied by; not by 1, which would take a microsecond per record and round
        self._multiplied = None if class_weight is None or (class_weight == 1.0).all() else class_weight
        self.groups: np.ndarray | None = None  # the sums that each class is added to, where there are several
        if codes is not None and class_weight is None:
            classes = np.arange(len(codes))
            self.groups = classes if own is None else (classes == own).astype(np.int64)
        self.p = n_features + intercept
        self.size = n_outputs * self.p
        if self.size > MOST_PARAMETERS:
            other = "PoissonRegressor or Ridge" if codes is None else "RidgeClassifier"
            raise TooLargeError(
                f"{n_outputs} x {self.p:,} parameters are {self.size:,}, and a Hessian of {self.size:,} x "
                f"{self.size:,} sums would be kept for every iteration. Nothing was allocated. The maximum is "
                f"{MOST_PARAMETERS:,}: use fewer columns, or {other}."
            )
        self.third = (kind == LOGISTIC or exponential) and self.p <= MOST_THIRD
        self.lazy_pilots = lazy_pilots(self.p, n_outputs, self.third)
        self.shape = (kind, n_outputs, self.p)
        # exponentials: a record far from the others may bend the loss within a cell so much that no step is trusted
        self.refines = exponential
        self.burst = (np.inf, np.inf)
        if exponential and intercept:
            above, below = 2.0 - power_of(kind), power_of(kind) - 1.0
            self.burst = _BURST / above if above else np.inf, _BURST / below if below else np.inf
        self.revisions = REVISIONS

    def penalty_hessian(self, scale: Scale, hold: float) -> np.ndarray:
        """The Hessian of the penalty in theta.

        All outputs of a multinomial loss may move alike at no cost: `hold` says how strongly their sum, which is 0 at
        the optimum, is held, relative to the usual.
        """
        one = self.penalty(scale).hessian()
        if self.n_outputs == 1:
            return one
        alike = np.kron(np.ones((self.n_outputs, self.n_outputs)), np.eye(len(one))) * (hold * 2.0**scale.octave)
        hessian: np.ndarray = np.kron(np.eye(self.n_outputs), one) + alike
        return hessian

    def empty(self, scale: Scale, grid: object) -> tuple[ExactSum, ...]:
        """Sums of no records: for each group of classes, those of :meth:`empty_group`."""
        each = self.empty_group(self.third)
        if self.groups is None:
            return each
        return tuple(total.copy() for _ in range(int(self.groups.max()) + 1) for total in each)

    def empty_group(self, third: bool) -> tuple[ExactSum, ...]:
        """The gradient and the Hessian and, with `third`, the third derivatives, of no records."""
        p, k = self.p, self.n_outputs
        sums = (ExactSum(1, (3 * k + k * (k + 1) // 2 * p) * p),)
        return (*sums, ExactSum(1, p * (p + 1) // 2 * p)) if third else sums

    def times_third(self, octave: int) -> float:
        """How many records there are for each whose third derivatives are summed; 0 without third derivatives."""
        return 2.0 ** max(0, octave - self._cubes().bit_length()) if self.third else 0.0

    def _cubes(self) -> int:
        return CUBES << (self.p <= _CHEAP_CUBES)

    def shares_of_third(self, scale: Scale, records: Records) -> np.ndarray:
        """How much of each record's third derivatives is summed, float64[n]: all of a sample, some of far records."""
        limit, shares = np.uint64(sample_threshold(scale.octave, self._cubes())), np.empty(len(records.w))
        far = 1.0 / self.times_third(scale.octave)
        shares_of_third(records.x, scale.mean, scale.factor, records.hashes, limit, far, shares)
        return shares

    def query(
        self,
        theta: np.ndarray,
        scale: Scale,
        grid: Any,
        records: Records,
        sums: tuple[ExactSum, ...],
        sign: float,
    ) -> None:
        """Add or subtract records' terms at theta, in units of the grid's exponents."""
        for part, own in ((records, sums),) if self.groups is None else self._grouped(records, sums, self.groups):
            shares = self.shares_of_third(scale, part) if self.third else None
            if len(part.w) == 1:
                share = 0.0 if shares is None else float(shares[0])
                self._add_one(theta, scale, grid.exponents, part, own, sign, share)
            else:
                terms = self.terms_of(theta, scale, part, self._multiplied)
                self.add(terms, grid.exponents, shares, own, sign)

    def _grouped(
        self, records: Records, sums: tuple[ExactSum, ...], group_of_class: np.ndarray
    ) -> Iterator[tuple[Records, tuple[ExactSum, ...]]]:
        """The records that belong to each of the sums of classes of different weights."""
        each = 1 + self.third
        groups = group_of_class[records.y.astype(np.int64)]
        for group in groups.tolist() if len(groups) == 1 else range(len(sums) // each):
            index = np.flatnonzero(groups == group)
            if len(index):
                yield records.take(index), sums[group * each : (group + 1) * each]

    def targets(self, scale: Scale, records: Records, class_weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
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

    def given(self, scale: Scale, records: Records) -> tuple[np.ndarray, np.ndarray]:
        """Targets and weights as sums of records are evaluated with them: without weights that balance classes."""
        return self.targets(scale, records, self._multiplied)

    def terms_of(self, theta: np.ndarray, scale: Scale, records: Records, class_weight: np.ndarray | None) -> Terms:
        """Standardised records, and the loss's derivatives in their predictors."""
        n = len(records.w)
        z, first = np.empty((self.p, n)), np.empty((self.n_outputs, n))
        second, third = np.empty((self.n_outputs * (self.n_outputs + 1) // 2, n)), np.empty(n)
        standardize(records.x, scale.mean, scale.factor, self.intercept, z)
        derivatives(self.kind, z, *self.targets(scale, records, class_weight), theta, first, second, third)
        return z, first, second, third

    def add(
        self,
        terms: Terms,
        exponents: np.ndarray,
        shares: np.ndarray | None,
        sums: tuple[ExactSum, ...],
        sign: float,
    ) -> None:
        """Add terms of records, and so much of their third derivatives as `shares` say."""
        z, first, second, third = terms
        ok = np.empty(len(third), np.bool_)
        in_safe_range(z, first, second, third, exponents, ok)
        left = np.empty((2 * self.n_outputs + len(second) * self.p, len(third)))
        fill_left(z, first, second, exponents, left)
        high, low = (np.empty((self.p + -self.p % _TILE, len(third))) for _ in range(2))
        high[self.p :], low[self.p :] = 0.0, 0.0
        split(z, high, low)
        _deposit(sums[0], self.p, ((left, high), (left[: self.n_outputs], low)), ok, sign)
        if shares is not None:
            chosen = np.flatnonzero(shares)
            z = z.take(chosen, axis=1)
            left = np.empty((self.p * (self.p + 1) // 2, len(chosen)))
            fill_third(z, third[chosen] * shares[chosen], exponents[2], left)
            _deposit(sums[1], self.p, ((left, high.take(chosen, axis=1)),), ok[chosen], sign)

    def _add_one(
        self,
        theta: np.ndarray,
        scale: Scale,
        exponents: np.ndarray,
        records: Records,
        sums: tuple[ExactSum, ...],
        sign: float,
        share: float,
    ) -> None:
        """Add the terms of one record, in one kernel call; `share` as of :func:`deposit_one`."""
        for total in sums:
            total.reserve(1)
        while True:
            missing = deposit_one(
                self.kind, self.n_outputs, records.x, *self.given(scale, records), scale.mean,
                scale.factor, self.intercept, theta, exponents, sign, sums[0].window(), sums[-1].window(), share,
            )  # fmt: skip
            if not missing:
                return
            sums[missing - 1].grow_to_need()


def _deposit(
    total: ExactSum, p: int, products: Sequence[tuple[np.ndarray, np.ndarray]], ok: np.ndarray, sign: float
) -> None:
    """Add ``left @ right[:p].T`` of each pair: through BLAS for records in safe range, one by one for the others."""
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
