"""What learners of smooth losses give to a problem and read from its trace, in the user's units."""

from typing import Any

import numpy as np

from sqlearn.engine.problems.penalty import Penalty
from sqlearn.engine.rounds import Scale, Trace

__all__ = ["class_weights", "coefficients", "ridge"]


def ridge(scale: Scale, intercept: bool, strength: float) -> Penalty:
    """The penalty ``strength / 2 * coef ** 2`` in theta; the intercept has none."""
    first = int(intercept)
    values = np.zeros(first + len(scale.factor))
    values[first:] = scale.weight * strength * (scale.factor * scale.factor)
    return Penalty(values, np.zeros(len(values)), 0.0)


def class_weights(given: dict[Any, Any] | str | None, labels: list[Any]) -> np.ndarray | None:
    """What the weights of each of these classes are multiplied by, float64[n_classes]; None to balance them.

    :func:`~sqlearn.engine.validation.weights.check_class_weights` has checked what is given.
    """
    if given == "balanced":
        return None
    assert not isinstance(given, str)
    return np.array([float((given or {}).get(label, 1.0)) for label in labels])


def coefficients(trace: Trace, n_features: int, intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients float64[K, d] and intercepts float64[K] in the user's units."""
    theta = trace.theta.reshape(-1, n_features + intercept)
    coef = theta[:, int(intercept) :] * trace.scale.factor
    return coef, theta[:, 0] - coef @ trace.scale.mean if intercept else np.zeros(len(theta))
