"""What learners made of trees take: numbers that may be missing, categories, weights."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

import math
import warnings
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp
from sklearn.utils import Tags

from sqlearn.engine.boosting import Boosting
from sqlearn.engine.identity import canonical_label
from sqlearn.engine.model import ExactEstimator, State
from sqlearn.engine.sklearn_private import StrOptions, param_names, parameter_constraints
from sqlearn.engine.tables import LARGEST, categorical_columns, check_table, numbered, without_numbers
from sqlearn.engine.trees import Forest, Isolation
from sqlearn.engine.validation import Features, check_features
from sqlearn.errors import InvalidValueError, ParameterError, UndefinedAttributeError, shown


class TreeBased(ExactEstimator):
    """Base of learners whose state are records, and trees that are functions of them."""

    _keeps_records = True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True  # sparse rows are stored as dense ones
        tags.input_tags.allow_nan = True
        return tags

    def _draws(self, params):
        return True

    def _last_report(self) -> Any:
        last = _trees_of(self._fitted_state()).last
        if last is None:
            raise UndefinedAttributeError(
                f"This {type(self).__name__} has no report of a last update: it has not been updated since it was "
                "fitted, copied or read from a file.",
                reason="not updated",
            )
        return last

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        X, *rest = args
        x = self._understood(X, None)
        if sp.issparse(x):
            x = X = x.toarray()
        if self._fitted_state().layout.is_categorical is None and not (np.abs(x) > LARGEST).any():
            return super()._answer(name, X, *rest, **kwargs)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)  # they were compared
            return super()._answer(name, saturated(x), *rest, **kwargs)


def report_without(model: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Any, int]:
    """The report of forgetting records, which are taken back, and how many they are, of a model of trees."""
    state = model._fitted_state()
    state.check_free()
    with state.reading() as version:
        known = state.fitted_sklearn
        _trees_of(state).current(state.occupied()[0])
    n = state.n_records
    with model._without(X, y, sample_weight):
        report, asked = model.last_update_, n - state.n_records
    if known is not None and known[1] == version:
        state.fitted_sklearn = known[0], version + 2  # the version after these two updates, if there were no others
    return report, asked


def _trees_of(state: State) -> Forest | Isolation | Boosting:
    assert isinstance(state.statistic, Forest | Isolation | Boosting)
    return state.statistic


class TakesCategories(TreeBased):
    """Base of learners that predict labels or targets by trees, which may split by categories."""

    _takes_weights = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_sklearn_class" in cls.__dict__ and "categorical_features" in param_names(cls):
            own = {"categorical_features": ["array-like", StrOptions({"from_dtype"}), None]}
            cls._parameter_constraints = parameter_constraints(cls) | own

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        tags.input_tags.categorical = True
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags

    def _features(self, spec, X, layout):
        if layout is None:
            known, asked = None, getattr(self, "categorical_features", None)
            if asked is not None and (not isinstance(asked, str) or nw.dependencies.is_into_dataframe(X)):
                table, found = check_table(X, spec.learner, None)
                chosen = categorical_columns(table, asked)
                if isinstance(asked, str):
                    chosen = without_numbers(table, chosen)
                known = tuple(chosen.tolist()) if chosen.any() else None
        else:
            known = layout.is_categorical
        if known is None:
            try:
                return check_features(spec, X, layout)
            except InvalidValueError as error:
                if error.reason == "not numeric":
                    error.add_note("Trees take text as categories: fit with its columns in `categorical_features`.")
                raise
        table, found = check_table(X, spec.learner, layout)
        x = numbered(table, np.array(known))
        return Features.of_numbers(x), replace(found, is_categorical=known)

    def _in_force(self, params, layout):
        if "categorical_features" not in params:
            return params, layout
        known = layout.is_categorical
        columns = None if known is None else [j for j, is_categorical in enumerate(known) if is_categorical]
        return params | {"categorical_features": columns}, layout

    def pending_params(self) -> list[str]:
        pending = super().pending_params()
        if "categorical_features" not in pending:
            return pending
        given: Any = self.categorical_features
        state = self._fitted_state()
        same = isinstance(given, str)  # those not given were recognised
        if not same:
            given, names = np.asarray([] if given is None else given), state.feature_names_in_
            if given.dtype.kind == "b":
                given = np.flatnonzero(given)
            elif given.dtype.kind in "OU" and names is not None:
                given = [[*names].index(name) if name in names else -1 for name in given]
            same = sorted(given) == (state.params["categorical_features"] or [])
        return [name for name in pending if name != "categorical_features" or not same]

    def to_sklearn(self, X: Any = None) -> Any:
        """Return a fitted scikit-learn estimator with this model's parameters and attributes.

        It holds nothing of the model's state, so it cannot forget, and its attributes may be changed. Of a model with
        categories it is a pipeline of two steps: an encoder of the categories, and scikit-learn's estimator, with equal
        predictions.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features), default=None
            Records whose categories give columns their names, where each category has one.

        Returns
        -------
        estimator
            A fitted instance of scikit-learn's class, or a ``sklearn.pipeline.Pipeline`` that ends with one.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.

        Examples
        --------
        >>> from sqlearn.ensemble import HistGradientBoostingRegressor
        >>> X = [[0.0], [1.0], [2.0], [3.0]] * 10
        >>> model = HistGradientBoostingRegressor(max_iter=5).fit(X, [1.0, 1.0, 5.0, 5.0] * 10)
        >>> type(model.to_sklearn()).__module__.split(".")[0]
        'sklearn'
        """
        return super().to_sklearn()

    # ------------------------------------------------------------------ records

    def _check_fit(self, batch):
        super()._check_fit(batch)
        weighted = {canonical_label(label) for label in getattr(self, "class_weight", None) or ()}
        missing = sorted(weighted.difference(batch.labels), key=str)
        if missing:
            warnings.warn(
                f"class_weight of {type(self).__name__} names {shown(missing)}, which no row to learn has as its "
                f"label: these have {shown(batch.labels)}. It has no effect until there are such rows.",
                UserWarning,
                stacklevel=2,
            )

    def _check_batch(self, batch):
        if not batch.targets.shape[1]:
            return
        with np.errstate(over="ignore"):
            beyond = np.flatnonzero(~np.isfinite(batch.weights[:, None] * batch.targets).all(axis=1))
        if len(beyond):
            raise InvalidValueError(
                f"In row {beyond[0]} (counted from 0), the weight {batch.weights[beyond[0]].item()!r} times the target "
                f"is beyond float64. Nothing was changed: scale the weights down.",
                row=beyond[0],
                value=batch.weights[beyond[0]].item(),
                reason="weight",
            )


def check_class_weight(name: str, weights: Any) -> None:
    """Refuse weights of classes that are no dict of label: positive number."""
    if isinstance(weights, str):
        raise ParameterError(
            f"class_weight={weights!r} of {name} is not supported: every record would change the weights of all "
            "others, and so every score. Nothing was changed: pass a dict of weights.",
            value=weights,
        )
    if not isinstance(weights, dict | None):
        raise ParameterError(
            f"class_weight={shown(weights)} of {name} is not supported: a record has one label. Nothing was "
            "changed: pass one dict of label: weight.",
            value=weights,
        )
    for label, weight in (weights or {}).items():
        if not isinstance(weight, int | float | np.number) or not 0 < weight < math.inf:
            raise ParameterError(
                f"The class_weight of {shown(label)} must be a positive number, not {shown(weight)}. Nothing was "
                "changed: pass a dict of label: weight.",
                value=weight,
            )


def saturated(x: np.ndarray) -> np.ndarray:
    """Features within the range of float32, in which scikit-learn's trees take them."""
    clipped: np.ndarray = np.clip(x, -LARGEST, LARGEST)
    return clipped
