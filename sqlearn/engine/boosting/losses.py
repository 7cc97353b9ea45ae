"""First and second derivatives of the losses, by fixed arithmetic.

References
----------
Friedman (2001), "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29, section 4: the
losses and their derivatives. Ke et al. (2017), "LightGBM", NeurIPS, in whose code the second derivatives of several
classes are multiplied with K / (K - 1), as here.
"""

import numpy as np

from sqlearn.engine.arithmetic import exp
from sqlearn.engine.boosting.layout import FRACTION, LOGISTIC, POISSON, SQUARED
from sqlearn.engine.kernels import kernel

_UNIT = 2.0**-FRACTION
_LOWEST, _HIGHEST = -60.0, 1.0  # of logarithms of Poisson rates, in units of the largest target


@kernel
def derivatives(loss, y, f, g, h):
    """Write the negative gradient, float64[K], and the second derivatives, float64[K], of one record of weight 1.

    `y` is the target, at most 1, or the column of the class; `f`, int64[K], is what is predicted.
    """
    if loss == SQUARED:
        g[0], h[0] = y - f[0] * _UNIT, 1.0
    elif loss == LOGISTIC:
        p = 1.0 / (1.0 + exp(-(f[0] * _UNIT)))
        g[0], h[0] = y - p, p * (1.0 - p)
    elif loss == POISSON:
        rate = exp(min(max(f[0] * _UNIT, _LOWEST), _HIGHEST))
        g[0], h[0] = y - rate, max(rate, 0.5 * (y + rate))  # with its own, steps to far higher rates go too far
    else:
        k_most = len(f)
        top = f[0]
        for k in range(1, k_most):
            top = max(top, f[k])
        total = 0.0
        for k in range(k_most):
            h[k] = exp((f[k] - top) * _UNIT)
            total += h[k]
        column = np.int64(y)
        factor = k_most / (k_most - 1.0)
        for k in range(k_most):
            p = h[k] / total
            g[k] = (1.0 if k == column else 0.0) - p
            h[k] = p * (1.0 - p) * factor


@kernel
def rounded(value, unit):
    """An integer: a value in units."""
    return np.int64(np.floor(value * unit + 0.5))
