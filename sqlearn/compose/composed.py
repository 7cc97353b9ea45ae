"""Models that are made of parts in scikit-learn's forms: what is planned once, and does all of the work."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

import copy
import json
from contextlib import suppress
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_selector
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, Tags

from sqlearn.compose.answers import MapAnswers
from sqlearn.compose.chains.columns import SIDE_BY_SIDE, inner_parts, is_idle, is_map
from sqlearn.compose.parts import parts_of
from sqlearn.compose.plans import InForce, Plan
from sqlearn.compose.text_model import TextModel
from sqlearn.engine.chains import LiveState
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model import (
    Inner,
    RenamedReport,
    WeightedClassifier,
    checked_params,
    describe,
    if_learner_has,
)
from sqlearn.engine.parts import asks_for_columns
from sqlearn.engine.sklearn_private import drop_links, output_config, param_names, set_output_config, visual_block
from sqlearn.errors import ParameterError, SqlearnError, listed


class Composed(RenamedReport, MapAnswers, WeightedClassifier):
    """Base of models that are made of parts in scikit-learn's forms.

    A subclass names the parameter that has the parts, and makes a :class:`Plan` of its parameters. What learns in its
    place is an estimator of this package; the state is that estimator's, and keeps the parameters of both.
    """

    _sklearn_class: type[BaseEstimator]
    _parts: ClassVar[str]  # the parameter that has them

    def _plan(self, params: dict[str, Any]) -> Plan:
        """How a model of these parameters does its work.

        Raises
        ------
        ParameterError
            Where its parts do not forget.
        """
        raise NotImplementedError

    def _planned(self) -> Plan:
        params = checked_params(self)
        self._check_supported_params(params)
        return self._plan(params)

    def _check_parts(self):
        Inner(self._planned().model).checked_params()

    @property
    def takes_tables(self) -> bool:
        return bool(self.__sklearn_tags__().input_tags.categorical) or asks_for_columns(self)

    @property
    def takes_documents(self) -> bool:
        state = self.__dict__.get("_state")
        if state is None:
            return self._planned().model.takes_documents
        through = state.params.get("transformer")
        return issubclass(state.params["plan"].kind, TextModel) or (
            isinstance(through, FixedMap) and through.kind == "text"
        )  # fmt: skip

    @property
    def _in_use(self) -> InForce:
        state = self.__dict__.get("_state")
        return self._planned().in_force() if state is None else state.params["plan"]

    @property
    def _takes_weights(self):  # type: ignore[override]
        return self._in_use.takes_weights

    @property
    def _target(self):  # type: ignore[override]
        return self._in_use.target

    @property
    def keeps_records(self) -> bool:
        return self._in_use.keeps_records

    def __sklearn_tags__(self) -> Tags:
        try:
            tags = self._planned().model.__sklearn_tags__()
        except (ValueError, TypeError, AttributeError):  # of parts that `fit` will refuse
            return self._sklearn_class.__sklearn_tags__(self)
        return tags

    def __dir__(self) -> list[str]:
        try:
            return super().__dir__()
        except (ValueError, TypeError, AttributeError):  # of parts that `fit` will refuse
            return sorted(object.__dir__(self))

    def _sk_visual_block_(self):
        shown: Any = self
        if "_state" in vars(self):
            with suppress(SqlearnError):  # of records that determine nothing
                shown = self.to_sklearn()
                drop_links(shown)
        return visual_block(self._sklearn_class, shown)

    # ------------------------------------------------------------------ records

    def _started(self, X, y, sample_weight, *, single):
        plan = self._planned()
        state, batch = plan.model._started(X, y, sample_weight, single=single)
        in_force = plan.in_force()
        in_force.params = self._fixed_params(plan.params, in_force.steps_of(state))
        in_force.given = clone(self)
        state.learner = type(self).__name__
        state.params = state.params | {"plan": in_force}
        return state, batch

    def _fixed_params(self, params: dict[str, Any], steps: dict[str, Any]) -> dict[str, Any]:
        """The parameters, with what the first records have fixed of the steps of a chain."""
        return params

    def _batch(self, state, X, y, sample_weight, sign):
        return state.params["plan"].model(state)._batch(state, X, y, sample_weight, sign)

    def _check_fit(self, batch):
        self._planned().model._check_fit(batch)

    def _check_fit_of(self, state):
        state.params["plan"].model(state)._check_fit_of(state)

    def _check_merged(self, merged):
        merged.params["plan"].model(merged)._check_merged(merged)

    def _check_learned(self, state):
        state.params["plan"].model(state)._check_learned(state)

    def _empty_state(self, params, layout, n_features):
        kind = params["plan"].kind
        made = kind(**{name: params[name] for name in param_names(kind)})
        state = made._empty_state(params, layout, n_features)
        state.learner = type(self).__name__
        return state

    # ------------------------------------------------------------------ reading

    def _model(self) -> Any:
        """What learns, with the state."""
        state = self._fitted_state()
        return state.params["plan"].model(state)

    def _fitted_sklearn_of(self, state):
        return state.params["plan"].model(state)._fitted_sklearn_of(state)

    def _understood(self, X, y):
        return self._model()._understood(X, y)

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._model(), name)(*args, **kwargs)

    def fitted_attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = self._model().fitted_attributes()
        return found

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns of ``transform``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns, if the first records had none.

        Returns
        -------
        ndarray of str
            The names.
        """
        found: np.ndarray = self._model().get_feature_names_out(input_features)
        return found

    def fitted_params(self) -> dict[str, Any]:
        state = self._fitted_state()
        kept = {name: state.params.get(name, default) for name, default in (("ledger", True), ("key", None))}
        return copy.deepcopy(state.params["plan"].params) | kept

    def pending_params(self) -> list[str]:
        given = self._fitted_state().params["plan"].given
        then = (type(self)(**self.fitted_params()) if given is None else given).get_params(deep=True)
        now = self.get_params(deep=True)
        return sorted(
            name
            for name, value in now.items()
            if json.dumps(self._described(name, value)) != json.dumps(self._described(name, then.get(name)))
        )  # fmt: skip

    def _described(self, name: str, value: Any) -> Any:
        """A parameter as pending ones are compared: estimators by their class, since their parameters are named."""
        if name.rpartition("__")[2] in {self._parts, "steps", "transformers", "transformer_list"}:
            return [[part[0], self._described("", part[1]), *map(_columns, part[2:])] for part in value or ()]
        if hasattr(value, "get_params") and not isinstance(value, type):
            return type(value).__name__
        return None if isinstance(value, str) and value == "passthrough" else describe(value)

    @property
    def last_update_(self) -> Any:
        """What the last update did, of a learner that keeps its records."""
        model = self._model()
        if not hasattr(type(model), "last_update_"):
            raise AttributeError(f"{type(self).__name__} of these parts does not report updates.")
        return model.last_update_

    @if_learner_has
    def drop_memo(self) -> Self:
        """Drop the sums kept from before the last breaks, which save time but tell of the past.

        Returns
        -------
        Self
            The model itself.
        """
        self._model().drop_memo()
        return self

    @property
    def n_features_in_(self) -> int:
        """Number of columns of the rows."""
        if "_state" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet, so it has no n_features_in_.")
        found: int = self._fitted_state().n_features_in_
        return found

    @property
    def feature_names_in_(self) -> Any:
        """Names of the columns of the rows, if the first ones had names that are strings."""
        found = self._fitted_state().feature_names_in_ if "_state" in vars(self) else None
        if found is None:
            raise AttributeError(
                f"This {type(self).__name__} has no feature_names_in_: no rows with names were learned."
            )
        return found

    def _parts_read(self) -> Bunch:
        """The parts by their names, each in the state that it would have: always what that is now."""
        state = self._fitted_state()
        found = Bunch()
        for name, part, make in parts_of(state.params["plan"], state):
            if make is None:
                found[name] = "passthrough" if part is None else part
                continue
            live: Any = LiveState(state, make, type(self).__name__)
            found[name] = Inner(part).fitted(live)
        return found

    def _parts_made(self) -> dict[str, Any]:
        """scikit-learn's estimators by the parts' names, fitted: copies."""
        state = self._fitted_state()
        return {
            name: copy.deepcopy(part) if make is None else Inner(part).fitted(make(state)).to_sklearn()
            for name, part, make in parts_of(state.params["plan"], state)
            if part is not None
        }


def _columns(given: Any) -> Any:
    """Columns in JSON's types; what chooses them, by its class and its own parameters."""
    if isinstance(given, make_column_selector):
        return [type(given).__name__, describe(vars(given))]
    return describe(given)


def refuse_metadata(model: Any, params: dict[str, Any]) -> None:
    """Refuse what `fit` is given beside X, y and weights.

    Raises
    ------
    ParameterError
        If it is given anything.
    """
    if params:
        raise ParameterError(
            f"Passing extra keyword arguments to {type(model).__name__}.fit is only supported if "
            "enable_metadata_routing=True in scikit-learn, and never here: a record has nothing beside its row, its "
            f"label or target and its weight. Nothing was changed: leave out {listed(sorted(params))}."
        )


def same_output(given: Any, step: Any) -> None:
    """Have what `set_output` has set of an estimator and its parts set of another like it."""
    if is_idle(given) or is_idle(step) or isinstance(given, str) or isinstance(step, str) or is_map(step):
        return
    set_output_config(step, output_config(given))
    if isinstance(step, Pipeline):
        parts = zip(given.steps, step.steps, strict=True)
    elif isinstance(step, SIDE_BY_SIDE):
        parts = zip(inner_parts(given), inner_parts(step), strict=True)
    else:
        return
    for (_, one), (_, other) in parts:
        same_output(one, other)
