"""The same losses over sparse records of many features: solved for all records at once, and never made dense.

Features are scaled to at most 1 in size, by powers of two. With an intercept they are centred too, without being
written out so: see :mod:`~sqlearn.engine.solvers.sparse_passes`. Those that are 0 in all records have a coefficient of
0, and take no part: so the cost follows from the non-zeros, not from the number of columns.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sqlearn.engine.kernels import kernel
from sqlearn.engine.problems import MOST_PARAMETERS, Penalty, balancing
from sqlearn.engine.rounds import Scale, Trace, balanced, standard_scale
from sqlearn.engine.solvers import MULTINOMIAL, POISSON, SQUARED_HINGE, centre, minimum_sparse
from sqlearn.engine.sparse.rows import OrderedRecords, ScaledRows
from sqlearn.engine.sums import ExactSum

_MOST_POWER = 500  # of a scale, so that its square is in float64's range
_FEW = 1 << 16  # non-zeros times outputs for which the minimum is found to float64's accuracy
_NOTHING = 2.0**-30  # a loss per record of weight 1 that is as good as none
_MOVING = 0.125  # how far predictors move that have not come to rest


class _Columns(NamedTuple):
    """The features that are not 0 in all records.

    Attributes
    ----------
    active : int64[m]
        Their columns, ascending.
    scale : Scale
        What standardises them.
    rows : ScaledRows
        The records, scaled.
    """

    active: np.ndarray
    scale: Scale
    rows: ScaledRows


@kernel
def _inner(a, b):
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


class SparseSmooth:
    """A loss of linear predictors plus a quadratic penalty, over sparse records.

    Parameters are those of :class:`~sqlearn.engine.problems.smooth_terms.SmoothTerms`.
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
        self.kind, self.n_features, self.n_outputs, self.first = kind, n_features, n_outputs, int(intercept)
        self.penalty, self.seed, self.codes, self.class_weight, self.own = penalty, seed, codes, class_weight, own

    def solve(self, total: ExactSum, n: int, order: np.ndarray, records: OrderedRecords) -> Trace:
        """The solution for these records; `total` has the weight of class c in slot ``order[c]``."""
        columns = self.columns(total, n, order, records)
        return self.trace(columns, *self.minimum(columns, records))

    def columns(self, total: ExactSum, n: int, order: np.ndarray, records: OrderedRecords) -> _Columns:
        """The features of records, and what standardises them."""
        plain = standard_scale(total, n, False, self.seed)  # no moments are kept: weights alone
        largest = records.largest()
        active = np.flatnonzero(largest)
        factor = np.ldexp(1.0, -np.clip(np.frexp(largest)[1], -_MOST_POWER, _MOST_POWER))
        p, parameter = self.first + len(active), np.zeros(self.n_features, np.uint32)
        parameter[active] = np.arange(self.first, p)
        rows = records.scaled(parameter, factor, records.w * plain.weight, p)
        mean = rows.sums[self.first :] / (plain.total * plain.weight * factor[active])
        scale = Scale(mean * self.first, factor[active], plain.weight, plain.octave, plain.total)
        is_balanced = self.codes is not None and self.class_weight is None
        return _Columns(active, balanced(scale, total, order, self.seed) if is_balanced else scale, rows)

    def minimum(self, columns: _Columns, records: OrderedRecords) -> tuple[np.ndarray, bool]:
        """Theta of the active features, float64[K, m], and whether it is a minimum."""
        scale, (values, indices, starts, _) = columns.scale, columns.rows
        y, w = records.y, records.w * scale.weight
        if self.codes is not None:
            classes = y.astype(np.int64)
            weights = self.class_weight if self.class_weight is not None else balancing(scale, self.own)
            y, w = self.codes[classes], w * weights[classes]
        counts = w > 0  # a weight may be so small beside others that it is none
        if not counts.all():
            lengths = np.diff(starts)
            keep = np.repeat(counts, lengths)
            starts, values, indices = np.append(0, np.cumsum(lengths[counts])), values[keep], indices[keep]
            y, w = y[counts], w[counts]
        penalty, mean = self.penalty(scale), np.zeros(self.first + len(columns.active))
        mean[self.first :] = scale.mean * scale.factor
        found = minimum_sparse(
            self.kind, self.n_outputs, (values, indices, starts, mean), y, w, self.first, penalty,
            len(values) * self.n_outputs <= _FEW,
        )  # fmt: skip
        if self.kind == MULTINOMIAL:  # what all outputs have in common adds to the penalty only
            centre(found.theta)
        restless = not self._is_bounded(penalty, y) and (found.loss <= _NOTHING or found.moved >= _MOVING)
        return found.theta, found.certain and not restless

    def trace(self, columns: _Columns, found: np.ndarray, converged: bool) -> Trace:
        """What learners read: theta and the scale of all features; both are 0 of those that take no part."""
        active, scale, first = columns.active, columns.scale, self.first
        theta = np.zeros((len(found), first + self.n_features))
        theta[:, :first], theta[:, first + active] = found[:, :first], found[:, first:]
        factor = np.zeros(self.n_features)
        factor[active] = scale.factor
        if first:  # that of features as they are
            theta[:, 0] -= [_inner(own, scale.mean * scale.factor) for own in found[:, first:]]
        whole = Scale(np.zeros(self.n_features), factor, scale.weight, scale.octave, scale.total)
        return Trace((), whole, None, (), (), theta.ravel(), converged)

    def _is_bounded(self, penalty: Penalty, y: np.ndarray) -> bool:
        """Whether the loss of these targets has a minimum because of what it is, or because it is penalised."""
        if self.kind == SQUARED_HINGE:
            return True
        return bool((penalty.ridge[self.first :] > 0).all()) and (self.kind != POISSON or bool(y.any()))


class SparseOneVsRest:
    """Several problems over the same sparse records, one after the other.

    Parameters
    ----------
    problems : list of SparseSmooth
        Problems of the same features, intercept and seed.
    """

    def __init__(self, problems: list[SparseSmooth]) -> None:
        self.problems = problems

    def solve(self, total: ExactSum, n: int, order: np.ndarray, records: OrderedRecords) -> Trace:
        """The solution for these records, as of :class:`SparseSmooth`."""
        one = self.problems[0]
        columns = one.columns(total, n, order, records)
        thetas, converged = zip(*(problem.minimum(columns, records) for problem in self.problems), strict=True)
        return one.trace(columns, np.concatenate(thetas), all(converged))


def is_wide(n_features: int, intercept: bool) -> bool:
    """Whether records of so many features are kept and solved for as sparse ones, whatever they come as."""
    return n_features + intercept > MOST_PARAMETERS
