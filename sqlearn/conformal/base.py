"""What conformal predictors have in common: their records, a model that follows them, and what answers."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sqlearn.conformal.counting import Counts, Held, count
from sqlearn.conformal.levels import checked_levels
from sqlearn.conformal.measures import Measure
from sqlearn.engine.model import ExactEstimator, State
from sqlearn.engine.parts import Composite, Part, Whole, answering, checked_part, target_of
from sqlearn.errors import ParameterError, shown


class Answers(BaseEstimator):
    """What was read out of a conformal predictor.

    Attributes
    ----------
    estimator_ : estimator
        scikit-learn's, fitted to all records: its predictions are the points.
    """

    estimator_: Any
    _held: Held

    def fit(self, X: Any, y: Any = None) -> Any:
        """Refused: learners fit."""
        raise NotImplementedError("This predictor was read out of a learner of sqlearn: fit that one.")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The points."""
        return self.estimator_.predict(X)

    def _count(self, measure: Measure, X: np.ndarray, y: np.ndarray, n_scores: int) -> Counts:
        return count(self._held, copy.deepcopy(self._held.model), measure, X, y, n_scores)


class Conformal(Composite):
    """Base of conformal predictors."""

    _takes_weights = False  # type: ignore[assignment]

    def _default(self) -> ExactEstimator:
        """The learner in the place of None."""
        raise NotImplementedError

    def _learner(self, params: Any) -> Any:
        return self._default() if params["estimator"] is None else params["estimator"]

    def _learners(self, params: Any) -> list[Any]:
        return [self._learner(params)]

    def _parts(self, params: dict[str, Any], whole: Whole) -> list[Part]:
        return [Part(self._learner(params), _responses)]

    def _check_supported_params(self, params: dict[str, Any]) -> None:
        super()._check_supported_params(params)
        checked_levels(params["confidence_level"])
        if params["estimator"] is None:
            return
        owner, kind = type(self).__name__, "classifier" if self._target == "label" else "regressor"
        part = params["estimator"] = checked_part(params["estimator"], owner)
        if not isinstance(part, ExactEstimator):
            raise ParameterError(
                f"{owner} needs an estimator of this package, and {shown(part)} is none: it would be fitted anew for "
                "every candidate, and where its fit depends on the order of rows, if only in the last bits, coverage "
                "is not guaranteed. Nothing was changed: import it from sqlearn.",
                value=part,
            )
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
