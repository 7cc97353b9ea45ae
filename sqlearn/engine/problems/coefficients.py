"""What learners of smooth losses give to a problem and read from its trace, in the user's units."""

from typing import Any

import numpy as np

from sqlearn.engine.problems.smooth_losses import diagonal
from sqlearn.engine.rounds import Scale, Trace
from sqlearn.errors import ParameterError, shown

__all__ = ["class_weights", "coefficients", "ridge"]

_MOST_WEIGHT = 2.0**100


def ridge(scale: Scale, intercept: bool, strength: float) -> np.ndarray:
    """Hessian, in theta, of the penalty ``strength / 2 * coef ** 2``; the intercept has none."""
    hessian: np.ndarray = diagonal(scale.factor, scale.weight * strength, int(intercept))
    return hessian


def class_weights(given: dict[Any, Any] | str | None, labels: list[Any]) -> np.ndarray | None:
    """What the weights of each of these classes are multiplied by, float64[n_classes]; None to balance them.

    Raises
    ------
    ParameterError
        When they are not given as a dict of numbers in range.
    """
    if given == "balanced":
        return None
    assert not isinstance(given, str)
    weights: list[Any] = list((given or {}).values())
    number = int | float | np.number
    wrong = [weight for weight in weights if not (isinstance(weight, number) and 0.0 <= weight <= _MOST_WEIGHT)]
    if wrong:
        raise ParameterError(
            f"class_weight has {shown(wrong[0])}, but weights of classes are numbers from 0 to 2**100. Give others.",
            value=wrong[0],
        )
    return np.array([float((given or {}).get(label, 1.0)) for label in labels])


def coefficients(trace: Trace, n_features: int, intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients float64[K, d] and intercepts float64[K] in the user's units."""
    theta = trace.theta.reshape(-1, n_features + intercept)
    coef = theta[:, int(intercept) :] * trace.scale.factor
    return coef, theta[:, 0] - coef @ trace.scale.mean if intercept else np.zeros(len(theta))
