"""A learner inside another model, which gives it the state that it would have."""

from typing import Any

import numpy as np

from sqlearn.engine.model.adaptive import Adaptive
from sqlearn.engine.model.estimator import ExactEstimator
from sqlearn.engine.model.parameters import checked_params
from sqlearn.engine.model.state import State
from sqlearn.engine.validation import Batch


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
        return params

    def new_statistic(self, n_features: int, n_targets: int) -> Any:
        """The empty statistic of its kind for records of this shape."""
        params = self.learner.get_params(deep=False)
        if isinstance(self.learner, Adaptive):  # encoded records are dense, however many columns they have
            return self.learner._new_rounds(params, n_features, n_targets)
        return self.learner._new_statistic(params, n_features, n_targets)

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

    def fitted(self, state: State) -> ExactEstimator:
        """The learner with this state."""
        return self.learner._with_state(state)

    def fitted_sklearn(self, state: State) -> Any:
        """scikit-learn's estimator, fitted to what is in this state."""
        return self.fitted(state)._fitted_sklearn()
