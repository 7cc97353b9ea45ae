"""How strange a record is to a model that has learned it: the measures of nonconformity.

Only the order of strangeness matters to a p-value. ``1 - p``, where p is the probability of a record's label, is
therefore ranked by the log odds against the label, which do not saturate: ``1 - p`` is 1.0 for all that a model is sure
about. A measure reads scores by the public methods of scikit-learn's fitted estimator; with two classes there is one
score, the log odds of the second.
"""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from sklearn import discriminant_analysis, linear_model

# of these, `decision_function` gives logarithms of probabilities, up to a summand that all classes share
_LOG_ODDS = (
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
    discriminant_analysis.LinearDiscriminantAnalysis,
    discriminant_analysis.QuadraticDiscriminantAnalysis,
)


class Measure(Protocol):
    """A measure of nonconformity."""

    def read(self, fitted: Any, x: np.ndarray) -> np.ndarray:
        """Scores that a fitted estimator gives rows, float64[n, c]."""

    def strangeness(self, scores: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How strange records of these scores are with these labels or targets, float64[n]."""


class Residual:
    """The distance of a target from its prediction."""

    def read(self, fitted: Any, x: np.ndarray) -> np.ndarray:
        """Predictions, float64[n, 1]."""
        return np.asarray(fitted.predict(x), np.float64).reshape(-1, 1)

    def strangeness(self, scores: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Absolute residuals, float64[n]; what is beyond float64 is as strange as can be."""
        with np.errstate(all="ignore"):
            return _ordered(np.abs(y - scores[:, 0]))


class AgainstLabel:
    """What speaks against a record's label: the log odds, or the margin by which another one wins."""

    def __init__(self, n_classes: int, *, by_margin: bool) -> None:
        self.n_classes, self.by_margin = n_classes, by_margin

    def read(self, fitted: Any, x: np.ndarray) -> np.ndarray:
        """Scores of the classes, float64[n, c], or of the second of two, float64[n, 1]."""
        scores: np.ndarray = self._method(fitted)(x)
        if scores.ndim == 2 and self.n_classes == 2:
            with np.errstate(all="ignore"):
                scores = scores[:, 1] - scores[:, 0]
        return np.ascontiguousarray(scores.reshape(len(x), -1))

    def _method(self, fitted: Any) -> Callable[[np.ndarray], np.ndarray]:
        if hasattr(fitted, "predict_joint_log_proba"):
            return fitted.predict_joint_log_proba
        last = fitted[-1] if hasattr(fitted, "steps") else fitted
        if hasattr(fitted, "decision_function") and (self.by_margin or isinstance(last, _LOG_ODDS)):
            return fitted.decision_function

        def log_proba(x: np.ndarray) -> np.ndarray:
            with np.errstate(divide="ignore"):
                return np.log(fitted.predict_proba(x))

        return log_proba

    def strangeness(self, scores: np.ndarray, y: np.ndarray) -> np.ndarray:
        """What speaks against these labels, float64[n]; what is beyond float64 is as strange as can be."""
        with np.errstate(all="ignore"):
            if self.n_classes == 2:
                return _ordered(np.where(y == 1, -scores[:, 0], scores[:, 0]))
            each = np.arange(len(y))
            own, others = scores[each, y], scores.copy()
            others[each, y] = -np.inf
            best = others.max(axis=1)
            if not self.by_margin:
                best = best + np.log(np.exp(others - best[:, None]).sum(axis=1))
            return _ordered(best - own)


def _ordered(strangeness: np.ndarray) -> np.ndarray:
    """With infinity in the place of NaN, so that all can be compared."""
    return np.where(np.isnan(strangeness), np.inf, strangeness)
