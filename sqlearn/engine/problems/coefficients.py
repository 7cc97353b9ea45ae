"""What learners of smooth losses give to a problem and read from its trace, in the user's units."""

from typing import Any, NamedTuple

import numpy as np

from sqlearn.engine.rounds import BalancedScale, Scale, Trace, gains, is_in_units, zeros


class Penalty(NamedTuple):
    """The penalty of a smooth loss, quadratic in theta and alike for all outputs.

    Of each output's parameters, ``(ridge . theta ** 2 + weight * (bond . theta) ** 2) / 2``.

    Attributes
    ----------
    ridge : float64[p]
        What each parameter is held by.
    bond : float64[p]
        The parameters that are held together.
    weight : float
        By how much; 0 for no bond.
    """

    ridge: np.ndarray
    bond: np.ndarray
    weight: float

    def hessian(self) -> np.ndarray:
        """The Hessian for one output, float64[p, p]."""
        p = len(self.ridge)
        out = np.zeros((p, p))
        out.reshape(-1)[:: p + 1] = self.ridge
        if self.weight:
            out = out + self.weight * (self.bond[:, None] * self.bond)
        return out


def ridge(scale: Scale, intercept: bool, strength: float) -> Penalty:
    """The penalty ``strength / 2 * coef ** 2`` in theta; the intercept has none."""
    first = int(intercept)
    values = np.zeros(first + len(scale.factor))
    gain = gains(scale)
    values[first:] = scale.weight * strength * (gain * gain)
    return Penalty(values, np.zeros(len(values)), 0.0)


def class_weights(given: dict[Any, Any] | str | None, labels: list[Any]) -> np.ndarray | None:
    """What the weights of each of these classes are multiplied by, float64[n_classes]; None to balance them.

    :func:`~sqlearn.engine.validation.weights.check_class_weights` has checked what is given.
    """
    if given == "balanced":
        return None
    assert not isinstance(given, str)
    return np.array([float((given or {}).get(label, 1.0)) for label in labels])


def balancing(scale: Scale, own: int | None, rounded: bool = False) -> np.ndarray:
    """What weights of classes are multiplied by to balance them: exactly, or on a grid if `rounded`; of `own` alone."""
    assert isinstance(scale, BalancedScale)
    weights = scale.rounded if rounded else scale.class_weight
    return weights if own is None else np.where(np.arange(len(weights)) == own, weights, 1.0)


def coefficients(trace: Trace, n_features: int, intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients float64[K, d] and intercepts float64[K] in the units of the features that the learner sees."""
    theta = trace.theta.reshape(-1, n_features + intercept)
    coef = theta[:, int(intercept) :] * gains(trace.scale)
    if not intercept:
        return coef, np.zeros(len(theta))
    if is_in_units(trace.scale):
        return coef, theta[:, 0] + theta[:, 1:] @ zeros(trace.scale)
    mean = trace.scale.mean
    return coef, theta[:, 0] - coef @ mean if mean.any() else theta[:, 0].copy()
