"""A learner inside another model, which gives it the state that it would have."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.base import clone
from sklearn.utils.metaestimators import available_if

from sqlearn.engine.model.adaptive import Adaptive
from sqlearn.engine.model.estimator import ExactEstimator
from sqlearn.engine.model.parameters import checked_params
from sqlearn.engine.model.predictions import Decides, Predicts, PredictsJointProbabilities
from sqlearn.engine.model.state import State
from sqlearn.engine.rounds import Units
from sqlearn.engine.sklearn_private import param_names
from sqlearn.engine.validation import Batch, Features, Layout, Responses, Spec

Method = TypeVar("Method", bound=Callable[..., Any])


def if_learner_has(method: Method) -> Method:
    """A method that a model has if the learner inside it has it."""
    return available_if(lambda self: getattr(self._learner, method.__name__) is not None)(method)


class PredictsAsInner(Predicts, PredictsJointProbabilities, Decides):
    """The predictions that the learner inside has."""

    predict = if_learner_has(Predicts.predict)
    predict_proba = if_learner_has(PredictsJointProbabilities.predict_proba)
    predict_log_proba = if_learner_has(PredictsJointProbabilities.predict_log_proba)
    predict_joint_log_proba = if_learner_has(PredictsJointProbabilities.predict_joint_log_proba)
    decision_function = if_learner_has(Decides.decision_function)


class Inner:
    """What a model asks of the learner inside it, which learns nothing itself.

    Parameters
    ----------
    learner : ExactEstimator
        The learner.
    """

    def __init__(self, learner: ExactEstimator) -> None:
        self.learner = learner

    def checked_params(self) -> dict[str, Any]:
        """Copies of its parameters, each of which it takes."""
        params = checked_params(self.learner)
        self.learner._check_supported_params(params)
        self.learner._check_parts()
        return params

    def new_statistic(self, n_features: int, n_targets: int, units: Units | None = None) -> Any:
        """The empty statistic of its kind for records of this shape; of an adaptive learner, seen in these units."""
        params = self.learner.get_params(deep=False)
        if isinstance(self.learner, Adaptive):  # encoded records are dense, however many columns they have
            return self.learner._new_rounds(params, n_features, n_targets, units)
        return self.learner._new_statistic(params, n_features, n_targets)

    def takes_units(self, centred: bool) -> bool:
        """Whether records may stay as they are where features are scaled, and centred or not, in front of it."""
        learner = self.learner
        if not isinstance(learner, Adaptive) or not learner._is_linear:
            return False
        return not centred or bool(learner.get_params(deep=False)["fit_intercept"])

    def features(self, x: Any, layout: Layout | None, spec: Spec | None = None) -> tuple[Features, Layout]:
        """Validated features, and the layout that has them: for None, what these rows fix."""
        if spec is None:
            spec = self.learner._spec(self.learner.get_params(deep=False))
        return self.learner._features(spec, x, layout)

    def understood(self, X: Any) -> Any:
        """Features as a fitted learner sees those of rows that it is asked about: behind a map, their images."""
        return self.learner._understood(X, None)

    def responses(self, spec: Spec, y: Any, x: Any, layout: Layout, *, first: bool) -> tuple[Responses, Layout]:
        """Validated labels or targets, and the layout that has them."""
        return self.learner._responses(spec, y, x, layout, first=first)

    def in_force(self, layout: Layout) -> tuple[ExactEstimator, Layout]:
        """A learner with the parameters that the first records fix, and the rest of their layout."""
        params, layout = self.learner._in_force(self.learner.get_params(deep=False), layout)
        fixed = clone(self.learner)
        for name, value in params.items():
            setattr(fixed, name, value)
        return fixed, layout

    def has_labels(self, layout: Layout) -> bool:
        """Whether the statistic has a row for each label held."""
        return self.learner._has_labels(self.learner.get_params(deep=False), layout)

    def own_statistic(self, n_features: int, n_targets: int) -> Any:
        """The empty statistic that the learner itself would have for records of this shape."""
        return self.learner._new_statistic(self.learner.get_params(deep=False), n_features, n_targets)

    def check_targets(self, targets: np.ndarray) -> None:
        """Refuse targets, float64[n, t], that its loss does not allow."""
        if isinstance(self.learner, Adaptive):
            self.learner._check_targets(targets)

    def check_batch(self, batch: Batch) -> None:
        """Refuse records that it does not take."""
        self.learner._check_batch(batch)

    def check_fit(self, batch: Batch) -> None:
        """Refuse records that its ``fit`` refuses."""
        self.learner._check_fit(batch)

    @property
    def checks_learned(self) -> bool:
        """Whether it has a look at what was learned."""
        return type(self.learner)._check_learned is not ExactEstimator._check_learned

    def check_learned(self, state: State) -> None:
        """Refuse, or warn of, what was learned."""
        self.fitted(state)._check_learned(state)

    def new_sklearn(self) -> Any:
        """scikit-learn's estimator with the learner's parameters, not fitted."""
        return self.learner._new_sklearn(
            {name: getattr(self.learner, name) for name in param_names(type(self.learner))}
        )

    @property
    def sklearn_class(self) -> type:
        """scikit-learn's class, or what stands for it."""
        found: type = self.learner._sklearn_class
        return found

    def check_answers(self) -> None:
        """Raise where the records that it holds determine no model."""
        self.learner._fitted_sklearn()

    def fitted(self, state: State) -> ExactEstimator:
        """The learner with this state."""
        return self.learner._with_state(state)

    def fitted_sklearn(self, state: State) -> Any:
        """scikit-learn's estimator, fitted to what is in this state."""
        return self.fitted(state)._fitted_sklearn()
