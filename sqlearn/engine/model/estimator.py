"""fit, partial_fit, forget, relabel, merge, without, digest: written once, for every learner."""

import copy
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from sklearn.base import clone

from sqlearn.engine.identity import PLAIN_LABELS, hidden
from sqlearn.engine.model.answering import not_fitted
from sqlearn.engine.model.header import describe, plain
from sqlearn.engine.model.hooks import Hooks
from sqlearn.engine.model.lending import Lending
from sqlearn.engine.model.limits import check_growth, check_merge, check_size
from sqlearn.engine.model.observed import observed
from sqlearn.engine.model.parameters import checked_params, computable
from sqlearn.engine.model.pickled import contents_of, state_of
from sqlearn.engine.model.state import State
from sqlearn.engine.readout import read_only
from sqlearn.engine.sums import Log, interrupts_held
from sqlearn.engine.validation import Batch, Layout, check_classes, words_of
from sqlearn.errors import InvalidValueError, MergeError, ParameterError, SqlearnError, UnsupportedError

__all__ = ["ExactClassifier", "ExactEstimator", "Weighted", "WeightedClassifier"]

# types of labels and values that need no general path
_PLAIN = {"label": PLAIN_LABELS, "value": PLAIN_LABELS - {str, np.str_}}


class ExactEstimator(Hooks):
    """Base of all learners whose state is exact sums.

    A learner names its scikit-learn twin, its statistic, what a record carries, and how to read the twin's fitted
    attributes from the state (see :class:`~sqlearn.engine.model.hooks.Hooks`); everything else is here. Put it before
    the twin in the bases.
    """

    # ------------------------------------------------------------------ learning and forgetting

    def fit(self, X, y=None):
        """Learn from these records alone.

        Parameters
        ----------
        X : array-like, sparse or frame of shape (n, d)
            Records.
        y : array-like of shape (n,) or (n, t)
            Labels or values to predict; left out by unsupervised learners.

        Returns
        -------
        self

        Raises
        ------
        SqlearnError
            Of the kind that fits; the model is the one from before.
        """
        return self._fit_alone(X, y, None)

    def partial_fit(self, X, y=None):
        """Learn more records: one row as 1-D, or many. Returns self."""
        return self._update(X, y, None, 1.0)

    def forget(self, X, y=None):
        """Take records out, exactly: one row as 1-D, or many.

        What is left has the bytes of a model that never saw them. All or nothing: when one record is not held, nothing
        changes.

        Parameters
        ----------
        X : array-like, sparse or frame of shape (d,) or (n, d)
            Records as they were learned.
        y : scalar or array-like
            Their labels or values.

        Returns
        -------
        self

        Raises
        ------
        NotLearnedError
            When a record is not held: the message names the first such row.
        SqlearnError
            Of the kind that fits any other trouble.
        """
        return self._update(X, y, None, -1.0)

    def relabel(self, X, y_old, y_new):
        """Forget records with labels (or values) `y_old` and learn them with `y_new`, all or nothing. Returns self."""
        return self._relabel(X, y_old, y_new, None)

    def without(self, X, y=None):
        """Context in which the model is as if these records had never been learned.

        Afterwards it is exactly the one from before. Updates of the model are refused inside.
        """
        return Lending(self, self._without(X, y, None))

    def merge(self, other):
        """Take in all records of another model of the same kind and parameters. Returns self; `other` is unchanged.

        Raises
        ------
        MergeError
            When the models differ in learner, parameters, keys, features or targets, or are one and the same.
        """
        state = self._fitted_state()
        if other is self:
            raise MergeError(
                "A model cannot be merged with itself: its records would count twice. Merge a model of other records.",
                reason="itself",
            )
        if type(other) is not type(self):
            raise MergeError(
                f"A {type(self).__name__} merges only with its own class, not with {type(other).__name__}.",
                reason="class",
            )
        theirs = other._fitted_state()
        state.check_free()
        theirs.check_free()
        state.begin()
        try:
            with theirs.reading():
                check_merge(state, theirs)
                merged = state.merged(theirs)
            self.__dict__["_state"] = merged  # the state from before stays busy: no other thread shall update it
        except BaseException:
            state.busy = state.broken
            raise
        return self

    def digest(self) -> str:
        """Hex digest of the state: equal for equal parameters and equal records, on any machine, in O(state) time.

        Beside an old digest or an old model, it lets guesses about a forgotten record be tested: see docs/exactness.md.
        """
        state = self._fitted_state()
        with state.reading():
            return state.digest()

    @property
    def key(self):
        """Key of the records' digests; its repr does not show it."""
        return self.__dict__["key"]

    @key.setter
    def key(self, value):
        self.__dict__["key"] = hidden(value)

    @property
    def n_records_(self) -> int:
        """Number of records held, those of weight 0 included."""
        state = self._fitted_state()
        with state.reading():
            return state.n_records

    def to_sklearn(self):
        """A fitted scikit-learn estimator with this model's parameters and attributes, and nothing of its state."""
        return copy.deepcopy(self._reader())

    # ------------------------------------------------------------------ the same, in one place

    def _fit_alone(self, X, y, sample_weight):
        with observed(self, X, y, sample_weight):
            return self._learn_alone(X, y, sample_weight)

    def _learn_alone(self, X, y, sample_weight):
        held = self.__dict__.get("_state")
        if held is not None and not held.broken:
            held.check_free()
        state, batch = self._started(X, y, sample_weight, single=False)
        if not batch.weights.any():
            raise InvalidValueError(
                "Sample weights must contain at least one non-zero number. Nothing was changed: use partial_fit.",
                reason="weight",
            )
        try:
            self._check_fit(batch)
        except SqlearnError:
            raise
        except (TypeError, ValueError) as error:  # scikit-learn's own, of parameters that do not fit the records
            raise ParameterError(
                f"{words_of(error)}These parameters do not fit these records. Nothing was changed: set others."
            ) from error
        with computable(self):
            state.learn(batch)
            self._check_learned(state)
        self._state = state
        return self

    def _update(self, X, y, sample_weight, sign, classes=None):
        state = self.__dict__.get("_state")
        if state is None:
            if sign < 0:
                raise not_fitted(self)
            state, batch = self._started(X, y, sample_weight, single=True)
            check_classes(batch, classes)
            with computable(self):
                state.learn(batch)
            if self.__dict__.setdefault("_state", state) is not state:
                raise state.is_busy()  # another thread's rows came first
            return self
        fast_path = state.fast_path
        if sample_weight is None and classes is None and fast_path is not None:
            known = not np.isscalar(y) if self._target is None else type(y) in _PLAIN[self._target]
            busy, state.busy = state.busy, True  # as State.begin
            if busy:
                raise state.is_busy()
            try:
                row = fast_path.row(X) if known else None
                if row is not None and fast_path.change(row, y, sign):
                    return self
            except (TypeError, ValueError, OverflowError):  # a row, label or value that the long path will explain
                pass
            finally:
                state.busy = state.broken
        state.check_free()
        batch = self._batch(state, X, y, sample_weight, sign)
        check_classes(batch, classes)
        state.change((batch, sign))
        return self

    def _relabel(self, X, y_old, y_new, sample_weight):
        state = self._fitted_state()
        if self._target is None:
            raise UnsupportedError(
                f"{type(self).__name__} learns without labels, so rows cannot be relabelled. Use forget and "
                "partial_fit.",
                reason="relabel",
            )
        state.check_free()
        old, new = (self._batch(state, X, y, sample_weight, sign) for y, sign in ((y_old, -1.0), (y_new, 1.0)))
        state.change((old, -1.0), (new, 1.0))
        return self

    @contextmanager
    def _without(self, X, y, sample_weight):
        state = self._fitted_state()
        state.check_free()
        batch = self._batch(state, X, y, sample_weight, -1.0)
        log: Log | None = None

        def give_back():
            nonlocal log
            with interrupts_held():  # a signal must not leave the model without these records
                if log is not None:
                    state.give_back(log)
                    log = None

        try:
            try:
                with interrupts_held():
                    log = state.lend(batch)
                yield self
            finally:
                give_back()
        except BaseException:  # a signal's, which may have come just before it was held off
            give_back()
            raise

    def _started(self, X, y, sample_weight, *, single):
        """An empty state for records like these, and the records."""
        params = checked_params(self)
        self._check_guarantee(params)
        batch, layout = self._validated(params, X, y, sample_weight, None, single=single)
        params, layout = self._in_force(params, layout)
        statistic = self._new_statistic(params, batch.x.shape[1], batch.targets.shape[1])
        has_labels = self._has_labels(params, layout)
        check_size(type(self).__name__, statistic, len(batch.labels) if has_labels else 1, batch.levels)
        layout = replace(layout, feature_names_in_=read_only(layout.feature_names_in_))
        state = State(type(self).__name__, params, layout, statistic, has_labels)
        state.take_fast_path()
        return state, batch

    def _batch(self, state, X, y, sample_weight, sign) -> Batch:
        """Validated records like those the state holds, to be learned (1.0) or forgotten (-1.0)."""
        batch, _ = self._validated(state.params, X, y, sample_weight, state.layout, single=True)
        check_growth(state, batch, sign)
        return batch

    # ------------------------------------------------------------------ what is held

    @property
    def target(self) -> str | None:
        """What a record carries beside its features: "label", "value" or None."""
        return self._target

    @property
    def state(self) -> State:
        """All that is held; raises NotFittedError when nothing is."""
        return self._fitted_state()

    def start(self, X, y=None, sample_weight=None):
        """Take the state of a model that was fitted to records like these, and forgot them all. Returns self."""
        self._state, _ = self._started(X, y, sample_weight, single=False)
        return self

    def canonical_parts(self) -> dict[str, bytes]:
        """The state's canonical bytes, part by part: equal for models of equal records and equal parameters."""
        state = self._fitted_state()
        with state.reading():
            return state.parts()

    def fitted_params(self) -> dict:
        """The parameters in force: those at the time of ``fit``."""
        return copy.deepcopy(self._fitted_state().params)

    def pending_params(self) -> list[str]:
        """Names of the parameters that were set since ``fit``, and hold from the next one on."""
        now, then = plain(self.get_params(deep=False)), plain(self._fitted_state().params)
        return [name for name in sorted(now) if describe(now[name]) != describe(then.get(name))]

    def fitted_attributes(self) -> dict:
        """All fitted attributes, by name."""
        params = self._fitted_state().params
        return {name: value for name, value in vars(self._reader()).items() if name not in params}

    def __getstate__(self):
        return contents_of(self)

    def __setstate__(self, contents):
        params, state = state_of(self, contents)
        self.__dict__.update(params)
        if state is not None:
            state.take_fast_path()
            self._state = state

    def _with_state(self, state: State | None):
        """A learner with this one's attributes, and another state."""
        twin = type(self)(**self.get_params(deep=False))
        twin.__dict__.update(self.__dict__, _state=state)
        return twin

    def _empty_state(self, params: dict, layout: Layout, n_features: int) -> State:
        """A state that holds nothing, for records of this layout, of which `n_features` columns are numbers."""
        statistic = self._new_statistic(params, n_features, layout.n_targets)
        return State(type(self).__name__, params, layout, statistic, self._has_labels(params, layout))

    def emptied(self):
        """A copy of this model without any record: what it is when all are forgotten."""
        state = self._fitted_state()
        twin = clone(self)
        twin._state = self._empty_state(copy.deepcopy(state.params), state.layout, state.statistic.n_features)
        return twin


class Weighted(ExactEstimator):
    """Base of learners whose records may carry a weight: it is a part of the record."""

    def fit(self, X, y=None, sample_weight=None):
        """Learn from these records alone; see :meth:`ExactEstimator.fit`.

        Parameters
        ----------
        X, y
            Records and their labels or values.
        sample_weight : array-like of shape (n,), optional
            Non-negative weights; 1 by default. A record of weight 0 is held, and counts nowhere.
        """
        return self._fit_alone(X, y, sample_weight)

    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn more records: one row as 1-D, or many. Returns self."""
        return self._update(X, y, sample_weight, 1.0)

    def forget(self, X, y=None, sample_weight=None):
        """Take records out, exactly, with the weights they were learned with; see :meth:`ExactEstimator.forget`."""
        return self._update(X, y, sample_weight, -1.0)

    def relabel(self, X, y_old, y_new, sample_weight=None):
        """Forget records with `y_old` and learn them with `y_new`, all or nothing. Returns self."""
        return self._relabel(X, y_old, y_new, sample_weight)

    def without(self, X, y=None, sample_weight=None):
        """Context in which the model is as if it had never seen these records; see :meth:`ExactEstimator.without`."""
        return Lending(self, self._without(X, y, sample_weight))


class ExactClassifier(ExactEstimator):
    """Base of classifiers: records carry a label, and new labels may come at any time."""

    _target = "label"

    def partial_fit(self, X, y=None, classes=None):
        """Learn more records: one row as 1-D, or many.

        Parameters
        ----------
        X, y
            Records and labels; new labels are welcome.
        classes : array-like, optional
            If given, labels that are not among them are refused. It is checked and not remembered: classes are those of
            the records held.

        Returns
        -------
        self
        """
        return self._update(X, y, None, 1.0, classes)


class WeightedClassifier(ExactClassifier, Weighted):
    """Base of classifiers whose records may carry a weight."""

    fit = Weighted.fit
    forget = Weighted.forget

    def partial_fit(self, X, y=None, classes=None, sample_weight=None):  # type: ignore[override]
        """Learn more records; see :meth:`ExactClassifier.partial_fit`."""
        return self._update(X, y, sample_weight, 1.0, classes)
