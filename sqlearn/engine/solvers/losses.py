"""The kinds of smooth losses of linear predictors, their values, slopes and curvatures."""

import numpy as np

from sqlearn.engine.arithmetic import exp, log
from sqlearn.engine.kernels import kernel

LOGISTIC, POISSON, SQUARED_HINGE, MULTINOMIAL = 0, 1, 2, 3


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
    else:
        for r in range(n):
            margin = 1.0 - y[r] * eta[0, r]
            active = 2.0 * w[r] if margin > 0.0 else 0.0
            second[0, r] = active
            eta[0, r] = -active * (y[r] * margin)


def curvature_at_zero(kind: int, n_outputs: int) -> float:
    """Each predictor's own curvature of a loss of weight 1, where all predictors are 0."""
    return {LOGISTIC: 0.25, POISSON: 1.0, SQUARED_HINGE: 2.0, MULTINOMIAL: (1.0 - 1.0 / n_outputs) / n_outputs}[kind]
