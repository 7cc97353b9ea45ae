"""Kernels of Gaussian mixtures: expectation over blocks of records, and maximisation.

Theta has four parts: the logarithms of the weights, and of each component's Cholesky factor ``L`` the logarithms of the
diagonal and the rows below it over the diagonal, and the mean. In ``y = L^-1 (z - mean)`` a component is a standard
normal distribution, whatever its scale and direction: sums of ``y`` and ``y y^T`` lose nothing to cancellation, and all
of theta has one natural width of cells.
"""

import numpy as np

from sqlearn.engine.arithmetic import exp, log
from sqlearn.engine.kernels import kernel

_LANES = 64
_ONE = 1.5 * 2.0**52
_UNIT, _MOST = 2.0**-30, 2.0**10  # of the moments: with 2048 records they leave 51 bits
_LOG_UNIT, _MOST_LOG = 2.0**-27, 2.0**13
_FARTHEST = 2.0**60  # of z; these bounds keep everything finite, and only absurd data meet them
_FARTHEST_Y = 2.0**130
_VANISHED = 2.0**-100
_LOG_2_PI = 1.8378770664093453
_TEN_EPSILON = 10 * 2.0**-52


@kernel
def expect(x, w, mean, factor, logs, diagonal, below, means, exact, headroom, sums, large):
    """Add up records' responsibilities times ``[1, y, y y^T]`` by component, and log-likelihoods.

    Parameters
    ----------
    x, w : float64[n, d], float64[n]
        Records and weights; for `exact`, n is at most 2048 and weights are 0 or 1.
    mean, factor : float64[d]
        ``z = (x - mean) * factor``.
    logs, diagonal, below, means : float64[k], float64[k, d], float64[k, t], float64[k, d]
        Theta, see above; t is ``d * (d - 1) / 2``, or 0 for diagonal covariances: then of y y^T the diagonal alone is
        summed.
    exact : bool
        Whether to round contributions, so that sums are exact.
    headroom : float
        1, or infinity to leave no record out.
    sums : float64[k * q + 1]
        One after the other the components' q sums (triangles row by row), then the log-likelihood: added to.
    large : bool[n]
        Records that are too large for exact sums and were left out: written.

    Returns
    -------
    int
        How many were left out.
    """
    n, d = x.shape
    k = len(logs)
    full = below.shape[1] > 0
    q = 1 + d + (d * (d + 1) // 2 if full else d)
    rounder, log_rounder = (_ONE * _UNIT, _ONE * _LOG_UNIT) if exact else (0.0, 0.0)
    inverse, constant = np.empty((k, d)), np.empty(k)
    total = 0.0
    for c in range(k):
        total += exp(logs[c])
    for c in range(k):
        constant[c] = logs[c] - log(total) - 0.5 * d * _LOG_2_PI
        for j in range(d):
            inverse[c, j] = exp(-diagonal[c, j])
            constant[c] -= diagonal[c, j]
    acc = np.zeros((k * q + 1, _LANES))
    z, y, p = np.zeros((d, _LANES)), np.empty((k, d, _LANES)), np.empty((k, _LANES))
    square, top, norm, weight, extent = (
        np.empty(_LANES),
        np.empty(_LANES),
        np.empty(_LANES),
        np.empty(_LANES),
        np.empty(_LANES),
    )
    product = np.empty(_LANES)
    n_large = 0
    for start in range(0, n, _LANES):
        m = min(_LANES, n - start)
        for r in range(_LANES):
            weight[r] = w[start + r] if r < m else 0.0
        for j in range(d):
            row, center, f = z[j], mean[j], factor[j]
            for r in range(m):
                row[r] = min(max((x[start + r, j] - center) * f, -_FARTHEST), _FARTHEST)
        top[:] = -np.inf
        extent[:] = 0.0
        for c in range(k):
            square[:] = 0.0
            at = 0
            for j in range(d):
                row, out, mu, inv = z[j], y[c, j], means[c, j], inverse[c, j]
                for r in range(_LANES):
                    out[r] = (row[r] - mu) * inv
                if full:
                    for i in range(j):
                        a, other = below[c, at], y[c, i]
                        at += 1
                        for r in range(_LANES):
                            out[r] -= a * other[r]
                for r in range(_LANES):
                    v = min(max(out[r], -_FARTHEST_Y), _FARTHEST_Y)
                    out[r] = v
                    square[r] += v * v
            const, row = constant[c], p[c]
            for r in range(_LANES):
                row[r] = const - 0.5 * square[r]
                top[r] = max(top[r], row[r])
        norm[:] = 0.0
        for c in range(k):
            row = p[c]
            for r in range(_LANES):
                row[r] = exp(row[r] - top[r])
                norm[r] += row[r]
        for c in range(k):
            row = p[c]
            square[:] = 1.0
            for j in range(d):
                out = y[c, j]
                for r in range(_LANES):
                    square[r] += out[r] * out[r]
            for r in range(_LANES):
                row[r] = row[r] / norm[r]
                extent[r] = max(extent[r], row[r] * square[r])
        for r in range(m):
            top[r] += log(norm[r])
            large[start + r] = weight[r] > 0.0 and not (
                extent[r] <= _MOST * headroom and abs(top[r]) <= _MOST_LOG * headroom
            )
            if large[start + r]:
                weight[r] = 0.0
                n_large += 1
        for c in range(k):
            row = p[c]
            for r in range(_LANES):
                row[r] *= weight[r]
            out = acc[c * q]
            for r in range(_LANES):
                out[r] += (row[r] + rounder) - rounder
            at = c * q + 1 + d
            for j in range(d):
                first, one = y[c, j], acc[c * q + 1 + j]
                for r in range(_LANES):
                    v = row[r] * first[r]
                    product[r] = v
                    one[r] += (v + rounder) - rounder
                for i in range(j, d if full else j + 1):
                    second, two = y[c, i], acc[at]
                    at += 1
                    for r in range(_LANES):
                        two[r] += (product[r] * second[r] + rounder) - rounder
        out = acc[k * q]
        for r in range(m):
            out[r] += (weight[r] * top[r] + log_rounder) - log_rounder
    for cell in range(k * q + 1):
        s = 0.0
        for r in range(_LANES):
            s += acc[cell, r]
        sums[cell] += s
    return n_large


@kernel
def start_sums(z, responsibilities, means, full):
    """The sums of :func:`expect` for given responsibilities, float64[k, n], about given means, with unit factors."""
    n, d = z.shape
    k = len(responsibilities)
    q = 1 + d + (d * (d + 1) // 2 if full else d)
    sums = np.zeros(k * q + 1)
    for c in range(k):
        for r in range(n):
            at = c * q
            share = responsibilities[c, r]
            if share == 0.0:
                continue
            sums[at] += share
            for j in range(d):
                sums[at + 1 + j] += share * (z[r, j] - means[c, j])
            at += 1 + d
            for j in range(d):
                for i in range(j, d if full else j + 1):
                    sums[at] += share * (z[r, j] - means[c, j]) * (z[r, i] - means[c, i])
                    at += 1
    return sums


@kernel
def maximize(sums, diagonal, below, means, ridge, kind):
    """Weights float64[k], means float64[k, d] and covariances float64[k, d, d] from sums at a theta.

    `ridge` float64[d] is added to the variances; `kind` is 0 for full, 1 for tied, 2 for diagonal, 3 for equal ones.
    """
    k, d = diagonal.shape
    full = kind < 2
    q = 1 + d + (d * (d + 1) // 2 if full else d)
    weights, centers, covariances = np.empty(k), np.empty((k, d)), np.zeros((k, d, d))
    low, c_y, product, m = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d)), np.empty(d)
    for c in range(k):
        part = sums[c * q : (c + 1) * q]
        weight = part[0] + _TEN_EPSILON
        weights[c] = weight
        at, cell = 0, 1 + d
        for j in range(d):
            m[j] = part[1 + j] / weight
            low[j, j] = exp(diagonal[c, j])
            if full:
                for i in range(j):
                    low[j, i] = below[c, at] * low[j, j]
                    at += 1
        for j in range(d):
            for i in range(j, d if full else j + 1):
                c_y[j, i] = part[cell] / weight - m[j] * m[i]
                c_y[i, j] = c_y[j, i]
                cell += 1
        for j in range(d):
            centers[c, j] = means[c, j]
            for i in range(j + 1):
                centers[c, j] += low[j, i] * m[i]
            centers[c, j] = min(max(centers[c, j], -4.0 * _FARTHEST), 4.0 * _FARTHEST)
        if full:
            product[:] = 0.0
            for j in range(d):
                for i in range(j + 1):
                    for l in range(d):
                        product[j, l] += low[j, i] * c_y[i, l]
            for j in range(d):
                for l in range(j + 1):
                    for i in range(l + 1):
                        covariances[c, j, l] += product[j, i] * low[l, i]
                    covariances[c, l, j] = covariances[c, j, l]
        else:
            for j in range(d):
                covariances[c, j, j] = low[j, j] * low[j, j] * c_y[j, j]
    total = 0.0
    for c in range(k):
        total += weights[c]
    for c in range(k):
        weights[c] /= total
    if kind == 1:
        pooled = np.zeros((d, d))
        for c in range(k):
            for j in range(d):
                for l in range(d):
                    pooled[j, l] += weights[c] * covariances[c, j, l]
        for c in range(k):
            for j in range(d):
                for l in range(d):
                    covariances[c, j, l] = pooled[j, l]
    if kind == 3:
        for c in range(k):
            variance = 0.0
            for j in range(d):
                variance += covariances[c, j, j]
            for j in range(d):
                covariances[c, j, j] = variance / d
    for c in range(k):
        for j in range(d):
            if not covariances[c, j, j] > _VANISHED:  # rounding errors of a variance of 0
                covariances[c, j, j] = 0.0
            covariances[c, j, j] += ridge[j]
    return weights, centers, covariances
