"""What learners have in common: how they learn, forget, merge and become bytes."""

import copy
import json
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sqlearn.engine.identity import PLAIN_LABELS, hidden
from sqlearn.engine.model.answering import not_fitted
from sqlearn.engine.model.fits import check_replaceable, fitting, observed
from sqlearn.engine.model.header import describe, plain
from sqlearn.engine.model.hooks import Hooks
from sqlearn.engine.model.limits import check_growth, check_merge, check_records, check_size
from sqlearn.engine.model.parameters import checked_params, computable
from sqlearn.engine.model.pickled import contents_of, state_of
from sqlearn.engine.model.state import State
from sqlearn.engine.readout import read_only
from sqlearn.engine.sklearn_private import param_names
from sqlearn.engine.sums import InterruptsHeld, Log
from sqlearn.engine.validation import Batch, Layout, check_classes, is_of_input
from sqlearn.errors import MergeError, UnsupportedError

# types of labels and values that the fast path takes
_PLAIN = {"label": PLAIN_LABELS, "value": PLAIN_LABELS - {str, np.str_}}


class ExactEstimator(Hooks):
    """Base of all learners whose state is exact sums.

    A learner names scikit-learn's class, its statistic, what a record carries, and how to read the fitted attributes
    from the state (see :class:`~sqlearn.engine.model.hooks.Hooks`); everything else is here, and in
    :mod:`~sqlearn.engine.model.verbs`, from one of whose classes a learner derives, and then from scikit-learn's.
    """

    # ------------------------------------------------------------------ what all verbs.py's classes share

    def merge(self, other: Self) -> Self:
        """Learn all records that another model holds.

        Parameters
        ----------
        other : estimator of the same class
            A model with the same parameters, key and features; it is not changed.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        MergeError
            If the models differ in learner, parameters, keys, features or targets, or are one and the same.

        Examples
        --------
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> model = GaussianNB().fit([[0.0], [1.0]], [0, 0]).merge(GaussianNB().fit([[5.0]], [1]))
        >>> model.digest() == GaussianNB().fit([[0.0], [1.0], [5.0]], [0, 0, 1]).digest()
        True
        """
        state = self._fitted_state()
        if other is self:
            raise MergeError(
                "A model cannot be merged with itself: its records would count twice. Merge a model of other records.",
                reason="itself",
            )
        if type(other) is not type(self):
            own, kind = type(self).__name__, f"{type(other).__module__}.{type(other).__qualname__}"
            raise MergeError(
                f"A {own} of sqlearn merges only with its own class, not with {kind}. Nothing was changed: fit a "
                f"{own} of sqlearn on the other's rows.",
                reason="class",
            )
        if "_state" not in vars(other):
            raise NotFittedError(
                f"The {type(other).__name__} to be merged is not fitted yet. Call 'fit' or 'partial_fit' of it first."
            )
        theirs = other._fitted_state()
        state.check_free(MergeError)
        theirs.check_free(MergeError)
        state.begin()
        try:
            with theirs.reading():
                check_merge(state, theirs)
                merged = state.merged(theirs)
                self._check_merged(merged)
            self.__dict__["_state"] = merged  # the state from before stays busy: no other thread shall update it
        except BaseException:
            state.busy = state.broken
            raise
        return self

    def digest(self) -> str:
        """Return the digest of the state: equal for equal parameters and equal records, on any machine.

        It takes time in proportion to the state, not to the records. With an old digest or an old model beside it,
        guesses about a forgotten record can be tested: see docs/exactness.md.

        Returns
        -------
        str
            Hexadecimal digits.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.

        Examples
        --------
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> model = GaussianNB().fit([[0.0], [1.0], [5.0]], [0, 0, 1]).forget([1.0], 0)
        >>> model.digest() == GaussianNB().fit([[5.0], [0.0]], [1, 0]).digest()
        True
        """
        state = self._fitted_state()
        with state.reading():
            return state.digest()

    @property
    def key(self) -> str | bytes | None:
        """Key of the records' digests; its repr does not show it."""
        return self.__dict__["key"]

    @key.setter
    def key(self, value: str | bytes | None) -> None:
        self.__dict__["key"] = hidden(value)

    @property
    def n_records_(self) -> int:
        """Number of records held, those of weight 0 included."""
        state = self._fitted_state()
        with state.reading():
            return state.n_records

    def to_sklearn(self) -> Any:
        """Return a fitted scikit-learn estimator with this model's parameters and attributes.

        It holds nothing of the model's state, so it cannot forget, and its attributes may be changed.

        Returns
        -------
        estimator
            A fitted instance of scikit-learn's class.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.

        Examples
        --------
        >>> from sqlearn.linear_model import LinearRegression
        >>> model = LinearRegression().fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0])
        >>> fitted = model.to_sklearn()
        >>> type(fitted).__module__.split(".")[0], fitted.coef_
        ('sklearn', array([2.]))
        """
        return copy.deepcopy(self._fitted_sklearn())

    # ------------------------------------------------------------------ the same, in one place

    def _fit_alone(self, X, y, sample_weight):
        with observed(self, X, y, sample_weight):
            return self._learn_alone(X, y, sample_weight)

    def _learn_alone(self, X, y, sample_weight):
        check_replaceable(self)
        state, batch = self._started(X, y, sample_weight, single=False)
        with fitting(weighted=bool(batch.weights.any())):
            self._check_fit(batch)
        with computable(self):
            state.learn(batch)
            self._check_learned(state)
        self._state = state
        return self

    def hold(self, state: State) -> None:
        """Hold what copies of this learner have learned, as if ``fit`` had: with all that it checks.

        Parameters
        ----------
        state : State
            What they have learned together; it is this learner's from here on.

        Raises
        ------
        SqlearnError
            As ``fit`` does. The model is unchanged.
        """
        check_replaceable(self)
        with fitting(weighted=bool(state.statistic.record_counts.any())):
            self._check_fit_of(state)
        with computable(self):
            self._check_learned(state)
        state.take_fast_path()
        self._state = state

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
        is_plain = sample_weight is None and classes is None and fast_path is not None
        if is_plain and (fast_path.is_ready or fast_path.becomes_ready()):
            row = None
            if not np.isscalar(y) if self._target is None else type(y) in _PLAIN[self._target]:
                try:
                    row = fast_path.row(X)
                except (TypeError, ValueError, OverflowError) as error:  # the general path will say why
                    if not is_of_input(error, here=False):
                        raise
            busy, state.busy = state.busy, True  # as State.begin
            if busy:
                raise state.is_busy()
            try:
                if row is not None and fast_path.change(row, y, sign):
                    return self
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
            with InterruptsHeld():  # a signal must not leave the model without these records
                if log is not None:
                    state.give_back(log)
                    log = None

        try:
            try:
                with InterruptsHeld():
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
        self._check_supported_params(params)
        batch, layout = self._validated(params, X, y, sample_weight, None, single=single)
        params, layout = self._in_force(params, layout)
        statistic = self._new_statistic(params, batch.x.shape[1], batch.targets.shape[1])
        has_labels = self._has_labels(params, layout)
        slots = len(batch.labels) if has_labels else 1
        check_size(type(self).__name__, statistic, slots, batch.levels)
        check_records(type(self).__name__, statistic, batch, slots)
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
    def takes_weights(self) -> bool:
        """Whether a record may carry a weight."""
        return self._takes_weights

    @property
    def keeps_records(self) -> bool:
        """Whether it, or the learner inside, keeps the records themselves, to look at them again."""
        learner = vars(self).get("learner", self)
        return isinstance(learner, ExactEstimator) and learner._keeps_records

    @property
    def state(self) -> State:
        """All that is held; raises NotFittedError when nothing is."""
        return self._fitted_state()

    def started(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Return what this learner becomes when it is fitted to records like these, and forgets them all.

        Parameters
        ----------
        X, y, sample_weight : array-like
            As for ``fit``.

        Returns
        -------
        Self
            Another model, which holds nothing and has the layout of these records.

        Raises
        ------
        SqlearnError
            As ``fit`` does.
        """
        return self._with_state(self._started(X, y, sample_weight, single=False)[0])

    def canonical_parts(self) -> dict[str, bytes]:
        """Return the state's canonical bytes, part by part: equal for equal parameters and equal records.

        Returns
        -------
        dict of str to bytes
            The parts by their names.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        state = self._fitted_state()
        with state.reading():
            return state.parts()

    def fitted_params(self) -> dict[str, Any]:
        """Return the parameters in force: those at the time of ``fit``.

        Returns
        -------
        dict
            Copies of the parameters by their names.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        params = self._fitted_state().params
        return copy.deepcopy({name: params[name] for name in param_names(type(self))})

    def pending_params(self) -> list[str]:
        """Return the names of the parameters that were set since ``fit``, and hold from the next one on.

        Returns
        -------
        list of str
            The names, sorted.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        """
        now, then = plain(self.get_params(deep=False)), plain(self._fitted_state().params)
        told = [{name: json.dumps(describe(value)) for name, value in found.items()} for found in (now, then)]
        return [name for name in sorted(now) if told[0][name] != told[1].get(name, "null")]  # NaN is as NaN here

    def fitted_attributes(self) -> dict[str, Any]:
        """Return all fitted attributes.

        Returns
        -------
        dict
            The attributes by their names, those that scikit-learn's methods alone read included.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.
        """
        given = vars(self._new_sklearn(self._fitted_state().params))
        return {name: value for name, value in vars(self._fitted_sklearn()).items() if name not in given}

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
        copied = type(self)(**{name: getattr(self, name) for name in param_names(type(self))})
        copied.__dict__.update(self.__dict__, _state=state)
        return copied

    def _empty_state(self, params: dict, layout: Layout, n_features: int) -> State:
        """A state that holds nothing, for records of this layout, of which `n_features` columns are numbers."""
        statistic = self._new_statistic(params, n_features, layout.n_targets)
        return State(type(self).__name__, params, layout, statistic, self._has_labels(params, layout))

    def emptied(self) -> Self:
        """Return a copy of this model without any record: what it is when all are forgotten.

        Returns
        -------
        Self
            The copy.
        """
        state = self._fitted_state()
        copied = clone(self)
        copied._state = self._empty_state(copy.deepcopy(state.params), state.layout, state.statistic.n_features)
        copied._state.statistic.is_share = state.statistic.is_share
        return copied
