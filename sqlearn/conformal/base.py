"""What conformal predictors have in common: their records, and a model that follows them."""

import copy
from typing import Any

import numpy as np
from sklearn.base import clone

from sqlearn.conformal.counting import Held
from sqlearn.conformal.levels import checked_levels
from sqlearn.engine.model import ExactEstimator, State
from sqlearn.engine.parts import Composite, Part, Whole, answering, checked_part, target_of
from sqlearn.errors import ParameterError, shown


class Quick(Part):
    """A part whose model keeps its ledger, without which it would learn single records by the general path."""

    def made(self, whole: Whole) -> Any:
        """The model; one that is not fitted if there are no records."""
        model, given = clone(self.learner), self.given(whole)
        return model if given is None else model.partial_fit(**given)


class Conformal(Composite):
    """Base of conformal predictors."""

    _takes_weights = False

    def _default(self) -> ExactEstimator:
        """The learner in the place of None."""
        raise NotImplementedError

    def _learner(self, params: Any) -> Any:
        return self._default() if params["estimator"] is None else params["estimator"]

    def _learners(self, params: Any) -> list[Any]:
        return [self._learner(params)]

    def _parts(self, params: dict[str, Any], whole: Whole) -> list[Part]:
        return [Quick(self._learner(params), _responses)]

    def _check_supported_params(self, params: dict[str, Any]) -> None:
        super()._check_supported_params(params)
        checked_levels(params["confidence_level"])
        if params["estimator"] is None:
            return
        owner, kind = type(self).__name__, "classifier" if self._target == "label" else "regressor"
        given = params["estimator"]
        if hasattr(given, "fit") and not isinstance(given, type | ExactEstimator):
            raise ParameterError(
                f"{owner} needs an estimator of this package, and {shown(given)} is none: it would be fitted anew for "
                "every candidate, and where its fit depends on the order of rows, if only in the last bits, coverage "
                "is not guaranteed. Nothing was changed: import it from sqlearn.",
                value=given,
            )
        part = params["estimator"] = checked_part(given, owner)
        if target_of(part) != self._target or not hasattr(part, "predict"):
            raise ParameterError(
                f"{owner} needs a {kind}, and {shown(part)} is none. Nothing was changed: pass one.", value=part
            )

    def _told(self, state: State) -> dict[str, Any]:
        """Fitted attributes of what answers."""
        with self._models(state) as live:
            whole, models = Whole.of(state), copy.deepcopy(live)
            fitted = answering(live[0], state.learner)
        held = Held(whole.x, whole.y, whole.classes, models[0], state.learner)
        return {"estimator_": fitted, "_held": held, "_models": models[1:]}

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        return copy.deepcopy(value) if name == "estimator_" else value  # or a fit of it would change predictions

    def fitted_attributes(self) -> dict[str, Any]:
        """Return all fitted attributes but the records and the model of them, whose bytes tell their history.

        Returns
        -------
        dict
            The attributes by their names.
        """
        return {name: value for name, value in super().fitted_attributes().items() if name not in _INSIDE}

    def to_sklearn(self) -> Any:
        """Return scikit-learn's estimator, fitted to all records, which predicts the points.

        It holds nothing of the records, so it gives no sets, intervals or p-values.

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
        """
        return copy.deepcopy(self._fitted_sklearn().estimator_)


_INSIDE = ("_held", "_models")


def _responses(whole: Whole) -> np.ndarray:
    return whole.responses
