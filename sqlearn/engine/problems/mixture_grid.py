"""Kernels for theta of a Gaussian mixture: from weights and covariances to its parts, and to the middle of cells.

See :mod:`~sqlearn.engine.problems.mixture` for the parts.
"""

import math

import numpy as np

from sqlearn.engine.arithmetic import cholesky, exp, log
from sqlearn.engine.kernels import kernel

_LOG_MOST, _MOST_BELOW = 45.0, 2.0**40  # so that everything stays finite; only absurd data meet them


@kernel
def coordinates(weights, covariances, full):
    """The parts of theta but for the means: logs float64[k], diagonal float64[k, d], below float64[k, t]."""
    k, d = covariances.shape[:2]
    logs, diagonal, below = np.empty(k), np.empty((k, d)), np.zeros((k, d * (d - 1) // 2 if full else 0))
    for c in range(k):
        logs[c] = log(max(weights[c], 2.0**-1000))
        low = cholesky(covariances[c])
        at = 0
        for j in range(d):
            diagonal[c, j] = min(max(log(low[j, j]), -_LOG_MOST), _LOG_MOST) if low[j, j] > 0.0 else 0.0
            if full:
                for i in range(j):
                    ratio = low[j, i] / low[j, j]
                    below[c, at] = ratio if abs(ratio) <= _MOST_BELOW else 0.0
                    at += 1
    return logs, diagonal, below


@kernel
def _to_cells(values, start, width, dither, out):
    """Write the middles of the cells of an array's values from out[start] on; where it ends."""
    for value in values.flat:
        out[start] = (math.floor(value / width + dither[start]) + 0.5 - dither[start]) * width
        start += 1
    return start


@kernel
def rounded(logs, diagonal, below, means, width, dither):
    """All parts of theta in the middle of their cells, float64[p], one after the other; `dither` is float64[p] too.

    A mean's cells are a power of two times as wide, at most the rounded factor's diagonal, and a coordinate makes good
    what those before it were rounded by, as far as y sees it.
    """
    k, d = means.shape
    out = np.empty(k + 2 * k * d + below.size)
    first = _to_cells(logs, np.int64(0), width, dither, out)
    second = _to_cells(diagonal, first, width, dither, out)
    third = _to_cells(below, second, width, dither, out)
    y = np.empty(d)
    t = below.shape[1]
    for c in range(k):
        at = second + c * t
        for j in range(d):
            spread = exp(out[first + c * d + j])
            wanted = 0.0
            if t:
                for i in range(j):
                    wanted += out[at] * y[i]
                    at += 1
            cell = third + c * d + j
            w = width * math.ldexp(0.5, math.frexp(spread)[1])
            out[cell] = (math.floor((means[c, j] + spread * wanted) / w + dither[cell]) + 0.5 - dither[cell]) * w
            y[j] = (out[cell] - means[c, j]) / spread - wanted
    return out


@kernel
def moved(theta, other, k, d, t):
    """The largest change from one theta to another, of means as the latter's y sees it."""
    most = 0.0
    first, second, third = k, k + k * d, k + k * d + k * t
    for i in range(third):
        most = max(most, abs(other[i] - theta[i]))
    y = np.empty(d)
    for c in range(k):
        at = second + c * t
        for j in range(d):
            y[j] = (other[third + c * d + j] - theta[third + c * d + j]) / exp(other[first + c * d + j])
            if t:
                for i in range(j):
                    y[j] -= other[at] * y[i]
                    at += 1
            most = max(most, abs(y[j]))
    return most
