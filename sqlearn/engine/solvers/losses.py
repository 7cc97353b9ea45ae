"""The kinds of smooth losses of linear predictors, their values, slopes and curvatures.

The kind of a Tweedie loss of a power p between 1 and 2 is p's bits (:func:`tweedie`), so that kernels and keys of
traces know the power. Its loss is ``exp((2 - p) eta) / (2 - p) + y exp((1 - p) eta) / (p - 1)``, less the least
that the target allows; towards p = 1 it is that of counts, and towards p = 2 the gamma loss.
"""

import numpy as np

from sqlearn.engine.arithmetic import exp, log
from sqlearn.engine.kernels import bits_float, kernel

LOGISTIC, POISSON, SQUARED_HINGE, MULTINOMIAL, GAMMA = 0, 1, 2, 3, 4
_TWEEDIE = 1 << 32  # kinds from there on
_HIGHEST, _LARGEST = 600.0, 2.0**500  # larger exponents and derivatives are cut off


def tweedie(power: float) -> int:
    """The kind of the Tweedie loss of a power between 1 and 2."""
    assert 1.0 < power < 2.0
    return int(np.float64(power).view(np.int64))


def is_exponential(kind: int) -> bool:
    """Whether predictors are logarithms of what is predicted, so that the loss grows exponentially with them."""
    return kind in (POISSON, GAMMA) or kind >= _TWEEDIE


def power_of(kind: int) -> float:
    """The power of an exponential loss, which is that of a Tweedie distribution's variance."""
    if kind >= _TWEEDIE:
        return float(np.int64(kind).view(np.float64))
    return {POISSON: 1.0, GAMMA: 2.0}[kind]


@kernel
def gamma_ratio(eta, y):
    """``y exp(-eta)``: a target over what is predicted."""
    return min(y * exp(min(-eta, _HIGHEST)), _LARGEST)


@kernel
def tweedie_terms(kind, eta, y):
    """``2 - p``, ``p - 1``, ``exp((2 - p) eta)`` and ``y exp((1 - p) eta)`` of a Tweedie loss of power p."""
    power = bits_float(kind)
    above, below = 2.0 - power, power - 1.0
    up, down = exp(min(above * eta, _HIGHEST)), y * exp(min(-below * eta, _HIGHEST))
    return above, below, min(up, _LARGEST), min(down, _LARGEST)


@kernel
def _log1p(u):
    """``log(1 + u)`` for u >= 0, within a few ulp."""
    if u > 0.4:
        return log(1.0 + u)
    s = u / (2.0 + u)
    q = s * s
    t = 1.0 / 23.0
    for odd in range(21, 0, -2):
        t = t * q + 1.0 / odd
    return 2.0 * s * t


@kernel
def _beyond_linear(d):
    """``exp(d) - 1 - d``, without cancellation near 0."""
    if abs(d) > 0.25:
        return exp(d) - 1.0 - d
    t = 1.0
    for k in range(14, 2, -1):
        t = 1.0 + t * d / k
    return 0.5 * d * d * t


@kernel
def record_loss(kind, eta, r, y):
    """Loss of record r at its predictors eta[:, r]; the least that its target allows is 0."""
    at = eta[0, r]
    if kind == LOGISTIC:
        margin = at if y == 0.0 else -at
        return max(margin, 0.0) + _log1p(exp(-abs(margin)))
    if kind == POISSON:
        if y < 1e-300:
            return exp(at) - y * at
        return y * _beyond_linear(at - log(y))
    if kind == GAMMA:
        return _beyond_linear(log(y) - at)
    if kind >= _TWEEDIE:
        above, below, up, down = tweedie_terms(kind, at, y)
        if y < 1e-300:
            return up / above + down / below
        d = at - log(y)
        return exp(above * log(y)) * (_beyond_linear(above * d) / above + _beyond_linear(-below * d) / below)
    if kind == SQUARED_HINGE:
        margin = max(1.0 - y * at, 0.0)
        return margin * margin
    if kind == MULTINOMIAL:
        n_outputs, top = len(eta), 0
        for k in range(n_outputs):
            if eta[k, r] > eta[top, r]:
                top = k
        others = 0.0
        for k in range(n_outputs):
            if k != top:
                others += exp(eta[k, r] - eta[top, r])
        return (eta[top, r] - eta[int(y), r]) + _log1p(others)
    return np.nan  # no such loss


@kernel
def bend_tile(kind, eta, y, w, second):
    """Overwrite the predictors eta[K, TILE] of a tile with slopes of the weighted loss, and write each predictor's own
    curvature to second[K, TILE].
    """
    n_outputs, n = eta.shape
    if kind == MULTINOMIAL:
        top, total = second[0], second[1]
        for r in range(n):
            top[r] = eta[0, r]
            total[r] = 0.0
        for k in range(1, n_outputs):
            for r in range(n):
                top[r] = max(top[r], eta[k, r])
        for k in range(n_outputs):
            for r in range(n):
                q = exp(eta[k, r] - top[r])
                eta[k, r] = q
                total[r] += q
        for r in range(n):
            total[r] = 1.0 / total[r]
        for k in range(n_outputs):
            for r in range(n):
                eta[k, r] *= total[r]
        for k in range(n_outputs):
            for r in range(n):
                q = eta[k, r]
                second[k, r] = w[r] * (q * (1.0 - q))
                eta[k, r] = w[r] * (q - (1.0 if y[r] == k else 0.0))
    elif kind == LOGISTIC:
        for r in range(n):
            q = 1.0 / (1.0 + exp(-eta[0, r]))
            second[0, r] = w[r] * (q * (1.0 - q))
            eta[0, r] = w[r] * (q - y[r])
    elif kind == POISSON:
        for r in range(n):
            mu = exp(min(eta[0, r], 300.0))
            second[0, r] = w[r] * mu
            eta[0, r] = w[r] * (mu - y[r])
    elif kind == GAMMA:
        for r in range(n):
            u = gamma_ratio(eta[0, r], y[r])
            second[0, r] = w[r] * u
            eta[0, r] = w[r] * (1.0 - u)
    elif kind >= _TWEEDIE:
        for r in range(n):
            above, below, up, down = tweedie_terms(kind, eta[0, r], y[r])
            second[0, r] = w[r] * (above * up + below * down)
            eta[0, r] = w[r] * (up - down)
    else:
        for r in range(n):
            margin = 1.0 - y[r] * eta[0, r]
            active = 2.0 * w[r] if margin > 0.0 else 0.0
            second[0, r] = active
            eta[0, r] = -active * (y[r] * margin)


def curvature_at_zero(kind: int, n_outputs: int, mean: float) -> float:
    """Each predictor's own curvature of a loss of weight 1, where all predictors are 0; `mean` is that of targets."""
    if is_exponential(kind):
        power = power_of(kind)
        return (2.0 - power) + (power - 1.0) * mean
    return {LOGISTIC: 0.25, SQUARED_HINGE: 2.0, MULTINOMIAL: (1.0 - 1.0 / n_outputs) / n_outputs}[kind]
