"""Learners made of other learners: which parts they may have, and what all of them do alike."""

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.utils import get_tags

from sqlearn.engine.model import Adaptive, ExactEstimator, Inner, State, refuse_untold
from sqlearn.engine.parts.following import Followed, Part, refuse_weights, takes_weights
from sqlearn.engine.parts.keeping import KeepsRecords, Whole
from sqlearn.engine.parts.seeds import refuse_unseeded
from sqlearn.errors import DegenerateError, ParameterError, SqlearnError, shown

# fitted attributes that are estimators
_ESTIMATORS = {
    *("estimators_", "named_estimators_", "final_estimator_", "best_estimator_", "calibrated_classifiers_"),
}


def checked_part(learner: Any, owner: str) -> Any:
    """A copy of a learner that may be a part, with parameters that it takes.

    Raises
    ------
    ParameterError
        When it may not.
    """
    if isinstance(learner, type) or not hasattr(learner, "get_params") or not hasattr(learner, "fit"):
        advice = f"Pass an instance: {learner.__name__}()." if isinstance(learner, type) else "Pass an estimator."
        raise ParameterError(
            f"{shown(learner)} cannot be a part of {owner}. Nothing was changed. {advice}", value=learner
        )
    part = clone(learner)
    refuse_pairwise(part, owner)
    if isinstance(part, ExactEstimator):
        return _checked_ours(_safe_ours(part, owner))
    refuse_unseeded(part, owner)
    return part


def refuse_unsafe(part: Any, owner: str) -> None:
    """Refuse a part that would not be the same after a refit; values that it refuses itself, it refuses there too.

    Raises
    ------
    ParameterError
        With what to do.
    """
    refuse_pairwise(part, owner)
    if isinstance(part, ExactEstimator):
        _safe_ours(part, owner)
    else:
        refuse_unseeded(part, owner)


def refuse_pairwise(part: Any, owner: str) -> None:
    """Refuse a part that learns a matrix between its rows, such as a kernel: whatever forgets a row keeps its column.

    Raises
    ------
    ParameterError
        If it is one.
    """
    if get_tags(part).input_tags.pairwise:
        raise ParameterError(
            f"{type(part).__name__} inside {owner} learns a matrix between rows, whose columns are rows too: without a "
            "row, the other rows would be others. Nothing was changed: let it compute its kernel or distances from "
            "features.",
            value=part,
        )


def _safe_ours(part: ExactEstimator, owner: str) -> ExactEstimator:
    tags = part.__sklearn_tags__().input_tags
    if tags.string and not tags.two_d_array:
        raise ParameterError(
            f"{type(part).__name__} inside {owner} learns documents, and {owner} keeps rows of numbers. Nothing was "
            "changed: fit it alone. cross_val_score of sqlearn.model_selection scores it on the same folds, from one "
            "fit for each choice of parameters.",
            value=part,
        )
    takes_numbers = tags.two_d_array and (tags.categorical or not tags.string)
    if hasattr(part, "recommend") or hasattr(part, "transformer") or not takes_numbers:
        raise ParameterError(
            f"{type(part).__name__} cannot be inside {owner}, which keeps its rows as numbers. Nothing was changed: "
            "put it around, or take a learner of numbers.",
            value=part,
        )
    own = part.get_params(deep=False)
    if own.get("key") is not None or own.get("ledger", True) is not True:
        raise ParameterError(
            f"A learner inside {owner} must not have a ledger or key of its own. Set `key` of {owner}, and leave the "
            "learner's at their defaults."
        )
    return part


def _checked_ours(part: ExactEstimator) -> ExactEstimator:
    for name, value in Inner(part).checked_params().items():
        setattr(part, name, value)
    return part


def refuse_one_class(labels: list[Any], said: str = "The data contains only one class") -> None:
    """Refuse to fit to rows of one class.

    Raises
    ------
    DegenerateError
        If there is one label.
    """
    if len(labels) < 2:
        raise DegenerateError(
            f"{said}: {shown(labels[0])}. Nothing was changed: pass rows of another one, or use partial_fit."
        )


def is_plain(part: Any) -> bool:
    """Whether a part takes all numbers that are finite, so that nothing but that has to be checked."""
    if not isinstance(part, ExactEstimator):
        return True
    known = (ExactEstimator, Adaptive)
    own = type(part)
    targets = getattr(own, "_check_targets", None) in (None, Adaptive._check_targets)
    return (
        targets
        and own._features in [base._features for base in known]
        and own._check_batch in [base._check_batch for base in known]
    )


class Composite(KeepsRecords):
    """Base of learners made of parts."""

    def _learners(self, params: Mapping[str, Any]) -> list[Any]:
        """The parts' learners."""
        raise NotImplementedError

    def _parts(self, params: dict[str, Any], whole: Whole) -> list[Part]:
        """The parts, for records like these."""
        raise NotImplementedError

    def _all_learners(self, weighed: bool = False) -> list[Any]:
        """The learners, or those that must take weights, as far as parameters that are not checked yet tell."""
        try:
            found = self._weighed(vars(self)) if weighed else self._learners(vars(self))
            return [learner for learner in found if hasattr(learner, "get_params")]
        except (TypeError, ValueError, LookupError):  # which the check of parameters will refuse
            return []

    def _weighed(self, params: Mapping[str, Any]) -> list[Any]:
        """All that must take weights if records have any."""
        return self._learners(params)

    @property
    def _takes_weights(self):  # type: ignore[override]
        return all(takes_weights(learner) for learner in self._all_learners(weighed=True) if hasattr(learner, "fit"))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = [get_tags(learner).input_tags for learner in self._all_learners() if not isinstance(learner, type)]
        tags.input_tags.positive_only = any(one.positive_only for one in inner)
        tags.input_tags.allow_nan = bool(inner) and all(one.allow_nan for one in inner)
        tags.input_tags.sparse = True  # rows are made dense
        tags.input_tags.categorical = tags.input_tags.pairwise = False
        tags.target_tags.multi_output = False
        tags.array_api_support = False
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        refuse_untold(params)

    # ------------------------------------------------------------------ records

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        if sample_weight is not None:
            refuse_weights(self._weighed(params))
        return super()._validated(params, X, y, sample_weight, layout, single=single)

    def _features(self, spec, X, layout):
        features, found = super()._features(spec, X, layout)
        if found.kinds is not None:
            return features, found  # parts see the table when they are fitted
        own = None if layout is None else replace(layout, feature_names_in_=None, labels=None)
        for learner in self._learners(vars(self)):
            if not is_plain(learner):
                _inside(lambda learner=learner: Inner(learner).features(features.x, own), learner)
        return features, found

    def _check_batch(self, batch):
        super()._check_batch(batch)
        for learner in self._learners(vars(self)) if not batch.levels else ():
            if not is_plain(learner):
                _inside(lambda learner=learner: Inner(learner).check_targets(batch.targets), learner)
                _inside(lambda learner=learner: Inner(learner).check_batch(batch), learner)

    def _new_statistic(self, params, n_features, n_targets):
        if "kinds" in params:
            return super()._new_statistic(params, n_features, n_targets)
        learners = self._learners(params)
        missing = bool(learners) and all(get_tags(learner).input_tags.allow_nan for learner in learners)
        return Followed(n_features, n_targets, not all(map(is_plain, learners)), missing)

    def _check_fit(self, batch):
        super()._check_fit(batch)
        for learner in self._learners(vars(self)):
            if isinstance(learner, ExactEstimator):
                _inside(lambda learner=learner: Inner(learner).check_fit(batch), learner)

    # ------------------------------------------------------------------ reading

    def _models(self, state: State) -> AbstractContextManager[list[Any]]:
        """Context of the parts' models over the records held."""
        statistic = state.statistic
        assert isinstance(statistic, Followed)
        return statistic.models(state, lambda whole: self._parts(state.params, whole))

    def __getattr__(self, name):
        value = super().__getattr__(name)
        return copy.deepcopy(value) if name in _ESTIMATORS else value  # or a fit of them would change predictions

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if args and name != "inverse_transform" and self._fitted_state().layout.kinds is None:
            X, *rest = args
            self._fitted_sklearn()
            args = self._dense(X), *rest
        return super()._answer(name, *args, **kwargs)

    def _dense(self, X: Any) -> np.ndarray:
        """Validated features as parts see them: without names."""
        x = self._understood(X, None)
        return x.toarray() if sp.issparse(x) else x


def _inside(check: Any, learner: Any) -> None:
    """Have a part check something; its errors say whose they are."""
    try:
        check()
    except SqlearnError as error:
        error.add_note(f"That is so for {type(learner).__name__} inside.")
        raise
