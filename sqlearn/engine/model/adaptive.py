"""Base of the learners that evaluate sums over their records in rounds."""

import sys
import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sqlearn.engine.model.estimator import ExactEstimator
from sqlearn.engine.model.state import State
from sqlearn.engine.readout import read_only
from sqlearn.engine.rounds import (
    LARGEST,
    LARGEST_BITS,
    Problem,
    Rounds,
    Trace,
    Units,
    UpdateReport,
)
from sqlearn.engine.sparse import SparseKept, SparseProblem
from sqlearn.engine.sums import as_csr
from sqlearn.engine.validation import Batch, Features
from sqlearn.errors import InvalidValueError, UndefinedAttributeError, shown

__all__ = ["Adaptive", "RenamedReport", "SparseCoefficients", "refuse_heavy", "refuse_large"]


def refuse_large(
    x, learner: str, columns: Sequence[str | int], bits: int = LARGEST_BITS, cannot: str = "standardise it"
) -> None:
    """Refuse features, float64[n, d] or CSR, beyond 2**bits, where a learner cannot do this. NaN is a missing value."""
    values, largest = x.data if sp.issparse(x) else x, 2.0**bits
    if not values.size or (values.min() >= -largest and values.max() <= largest):
        return
    beyond = np.argwhere(np.abs(values) > largest)
    if not len(beyond):
        return
    at = tuple(beyond[0])
    row, column = (np.searchsorted(x.indptr, at[0], side="right") - 1, x.indices[at[0]]) if sp.issparse(x) else at
    raise InvalidValueError(
        f"The value in row {row} (counted from 0), column {shown(columns[column])}, is {values[at].item()!r}, which is "
        f"beyond 2**{bits} ({largest:.1e}), where {learner} cannot {cannot}. Nothing was changed: scale the feature "
        "down, or leave the row out.",
        row=row,
        column=columns[column],
        value=values[at].item(),
        reason="out of range",
    )


def refuse_heavy(batch: Batch, learner: str) -> None:
    """Refuse records, float64[n, d] or CSR, whose weights times values leave float64, in which a learner computes."""
    # nothing usual leaves the range, and features are no larger than LARGEST
    if batch.weights.max(initial=0.0) <= LARGEST and (np.abs(batch.targets) <= LARGEST).all():
        return
    largest = np.abs(batch.targets).max(axis=1, initial=0.0)
    if batch.x.shape[1]:
        rows = np.abs(batch.x).max(axis=1)
        largest = np.maximum(largest, rows.toarray().ravel() if sp.issparse(rows) else rows)
    with np.errstate(over="ignore"):
        beyond = np.flatnonzero(~np.isfinite(batch.weights * largest))
    if len(beyond):
        raise InvalidValueError(
            f"In row {beyond[0]} (counted from 0), the weight {batch.weights[beyond[0]].item()!r} times a value "
            f"is beyond float64, in which {learner} computes. Nothing was changed: scale the weights "
            "down.",
            row=beyond[0],
            value=batch.weights[beyond[0]].item(),
            reason="weight",
        )


class RenamedReport:
    """The old name of ``last_update_``, for one release."""

    @property
    def last_forget_(self) -> UpdateReport:
        """Old name of ``last_update_``, which the next release removes."""
        last = self.last_update_
        warnings.warn(
            "last_forget_ was renamed, as it reports every update: read last_update_. The next release removes the old "
            "name.",
            FutureWarning,
            stacklevel=2,
        )
        return last

    @property
    def last_update_(self) -> UpdateReport:
        """What the last update did."""
        raise NotImplementedError


class Adaptive(RenamedReport, ExactEstimator):
    """Base of learners that evaluate sums at parameters found before; see :mod:`~sqlearn.engine.rounds.walk`.

    Such a learner keeps its records, since they are evaluated again when the trace breaks.
    """

    _keeps_records = True
    _large_pilot = False  # see engine/rounds/walk.py
    _is_linear = False  # whether features enter by linear predictors alone: then units matter to the penalty alone
    _restless = (
        "the loss has no minimum, or none that was found: without a penalty, classes that the features separate have "
        "none. Penalise more, or scale the features."
    )

    def _problem(self, params: dict, n_features: int, labels: list) -> Problem | None:
        """The problem to solve for records of these classes; None if nothing can be learned from them."""
        raise NotImplementedError

    def _draws(self, params):
        return True

    def _is_wide(self, params: dict, n_features: int) -> bool:
        """Whether records of so many features are kept as sparse ones, whatever they come as."""
        return False

    def _sparse_problem(self, params: dict, n_features: int, labels: list) -> SparseProblem | None:
        """The problem to solve for sparse records of these classes; None if nothing can be learned from them."""
        raise NotImplementedError

    def _new_statistic(self, params, n_features, n_targets):
        if self._is_wide(params, n_features):
            return SparseKept(n_features, n_targets, lambda labels: self._sparse_problem(params, n_features, labels))
        return self._new_rounds(params, n_features, n_targets)

    def _problem_in(self, units: Units | None, params: dict, n_features: int, labels: list) -> Problem | None:
        """The problem to solve, with features seen in these units."""
        problem: Any = self._problem(params, n_features, labels)
        if units is not None and problem is not None:
            problem.see_in(units)
        return problem

    def _new_rounds(self, params: dict, n_features: int, n_targets: int, units: Units | None = None) -> Rounds:
        """The empty statistic for dense records, whose features are seen in these units."""

        def report(line):
            print(f"{type(self).__name__}: {line}", file=sys.stderr, flush=True)

        return Rounds(
            n_features,
            n_targets,
            lambda labels: self._problem_in(units, params, n_features, labels),
            params.get("random_state") or 0,
            report if params.get("verbose") else None,
            self._large_pilot,
            self._least_target(params),
        )

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        width = features.x.shape[1]
        refuse_large(features.x, type(self).__name__, range(width))
        if self._is_wide(self.get_params(deep=False), width) and not sp.issparse(features.x):
            features = Features.of_numbers(as_csr(features.x))
        return features, layout

    def _least_target(self, params: dict) -> float:
        """Smaller targets are refused, or may be; the path of single records leaves them to :meth:`_check_targets`."""
        return 0.0

    def _check_targets(self, targets: np.ndarray) -> None:
        """Refuse targets, float64[n, t], that the loss does not allow."""

    def _check_batch(self, batch):
        refuse_heavy(batch, type(self).__name__)

    @property
    def last_update_(self) -> UpdateReport:
        """What the last update did: rounds kept, where the trace broke, rows evaluated anew, seconds."""
        last = _rounds(self._fitted_state()).last
        if last is None:
            raise UndefinedAttributeError(
                f"This {type(self).__name__} has no report of a last update: it holds too few rows, or has not been "
                "updated since it was copied or read from a file.",
                reason="not updated",
            )
        return last

    def drop_memo(self) -> Self:
        """Drop the sums kept from before the last breaks, which save time but tell of the past.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        rounds = _rounds(self._fitted_state())
        rounds.memo, rounds.aside = (), None
        return self

    def _solved(self, state: State) -> Trace | None:
        with state.reading() as version:
            return _rounds(state).solved(*state.occupied(), version)

    def _trace(self, state: State) -> Trace:
        """The trace, which says so when its rounds did not come to rest."""
        trace = self._solved(state)
        if trace is None:
            raise UndefinedAttributeError(
                f"This {state.learner} holds {state.n_records} rows of {len(state.labels())} classes: too few to "
                "learn from. Learn more rows.",
                reason="too few records",
            )
        self._warn_of(state, trace)
        return trace

    def _check_learned(self, state):
        super()._check_learned(state)
        self._warn_of(state, self._solved(state))

    def _warn_of(self, state: State, trace: Trace | None) -> None:
        """Warn, once, that the trace did not come to rest."""
        rounds = _rounds(state)
        if trace is not None and not trace.converged and not rounds.warned:
            rounds.warned = True
            warnings.warn(f"{state.learner}: {self._restless}", ConvergenceWarning, stacklevel=5)


def _rounds(state: State) -> Rounds | SparseKept:
    assert isinstance(state.statistic, Rounds | SparseKept)
    return state.statistic


class SparseCoefficients(ExactEstimator):
    """``sparsify`` and ``densify``, where scikit-learn has them: how coefficients are shown, until the next fit."""

    def sparsify(self) -> Self:
        """Show ``coef_`` as a CSR matrix.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        self._fitted_sklearn()
        self._sparse_coef = True
        return self

    def densify(self) -> Self:
        """Show ``coef_`` as an array.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        self._fitted_sklearn().densify()
        self._sparse_coef = False
        return self

    def _check_learned(self, state):
        super()._check_learned(state)
        self.__dict__.pop("_sparse_coef", None)

    def _fitted_sklearn(self):
        fitted = super()._fitted_sklearn()
        if self.__dict__.get("_sparse_coef") and not sp.issparse(fitted.coef_):
            fitted.sparsify()
            read_only(fitted.coef_)
        return fitted
