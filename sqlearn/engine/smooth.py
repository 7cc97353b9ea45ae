"""Kernels for sums of smooth losses of a linear predictor: residuals, curvatures and third derivatives of blocks of records.

A record's contribution to a round is the outer product of two rounded vectors: ``right`` holds its standardised features, multiples
of ``2**-16``, and ``left`` its residual, curvature times features, and third derivative times pairs of features, multiples of
units fixed per round. The product of two such numbers is exact, so the sums of a block are BLAS products that are exact in any
order; records too large for that (not :func:`tame`) are deposited one by one, with the same exact value.
"""

import numpy as np

from sqlearn.engine.deposit import deposit_outer
from sqlearn.engine.digits import round_limbs
from sqlearn.engine.elementary import cholesky, exp, solve_lower, solve_upper
from sqlearn.engine.intrinsics import bits_float
from sqlearn.engine.kernel import kernel

LOGISTIC, POISSON, SQUARED_HINGE = 0, 1, 2

_Z_UNIT = 2.0**-16
_Z_ROUNDER = 1.5 * 2.0**52 * _Z_UNIT
_Z_TAME = 8.0  # 19 bits; left factors have 23, a block of 2048 records adds 11: 53 in all
_ONE = 1.5 * 2.0**52


@kernel
def power_of_two(exponent):
    return bits_float((min(max(exponent, -1000), 1000) + 1023) << 52)


@kernel
def standardize(x, mean, factor, first, z):
    """Write ``z[first + j, r] = (x[r, j] - mean[j]) * factor[j]``, rounded to multiples of 2**-16; ones into row 0 if `first`."""
    n, d = x.shape
    if first:
        for r in range(n):
            z[0, r] = 1.0
    for j in range(d):
        m, f = mean[j], factor[j]
        row = z[first + j]
        for r in range(n):
            row[r] = ((x[r, j] - m) * f + _Z_ROUNDER) - _Z_ROUNDER


@kernel
def derivatives(kind, z, y, w, theta, out):
    """First, second and third derivative of each record's weighted loss in its linear predictor: rows of out[3, n]."""
    p, n = z.shape
    eta = np.zeros(n)
    for j in range(p):
        t, row = theta[j], z[j]
        for r in range(n):
            eta[r] += t * row[r]
    first, second, third = out[0], out[1], out[2]
    if kind == LOGISTIC:
        for r in range(n):
            q = 1.0 / (1.0 + exp(-eta[r]))
            h = w[r] * (q * (1.0 - q))
            first[r] = w[r] * (q - y[r])
            second[r] = h
            third[r] = h * (1.0 - 2.0 * q)
    elif kind == POISSON:
        for r in range(n):
            mu = exp(min(eta[r], 300.0))
            first[r] = w[r] * (mu - y[r])
            second[r] = w[r] * mu
            third[r] = w[r] * mu
    else:
        for r in range(n):
            margin = 1.0 - y[r] * eta[r]
            active = 2.0 * w[r] if margin > 0.0 else 0.0
            first[r] = -active * (y[r] * margin)
            second[r] = active
            third[r] = 0.0


@kernel
def tame(z, ders, exponents, out):
    """Which records' contributions BLAS may sum exactly."""
    p, n = z.shape
    bounds = power_of_two(exponents[0] + 1), power_of_two(exponents[1] + 1), power_of_two(exponents[2] + 1)
    for r in range(n):
        out[r] = abs(ders[0, r]) <= bounds[0] and abs(ders[1, r]) <= bounds[1] and abs(ders[2, r]) <= bounds[2]
    for j in range(p):
        row = z[j]
        for r in range(n):
            out[r] = out[r] and abs(row[r]) <= _Z_TAME
    for r in range(n):
        out[r] = out[r] or (ders[0, r] == 0.0 and ders[1, r] == 0.0 and ders[2, r] == 0.0)  # an empty place, say


@kernel
def fill_left(z, ders, exponents, left):
    """Rows: residual in two pieces, then curvature times each feature."""
    p, n = z.shape
    unit = power_of_two(exponents[0] - 21)
    high, low = _ONE * unit, _ONE * unit * 2.0**-22
    for r in range(n):
        g = ders[0, r]
        h = (g + high) - high
        left[0, r] = h
        left[1, r] = ((g - h) + low) - low
    rounder = _ONE * power_of_two(exponents[1] + 3 - 21)
    for j in range(p):
        row, out = z[j], left[2 + j]
        for r in range(n):
            out[r] = (ders[1, r] * row[r] + rounder) - rounder


@kernel
def fill_third(z, third, exponent, left):
    """Rows: third derivative times each pair of features i <= j."""
    p, n = z.shape
    rounder = _ONE * power_of_two(exponent + 6 - 21)
    k = 0
    for i in range(p):
        for j in range(i, p):
            a, b, out = z[i], z[j], left[k]
            for r in range(n):
                out[r] = ((third[r] * a[r]) * b[r] + rounder) - rounder
            k += 1


@kernel
def newton_step(sums, cubes, share, penalty, theta):
    """The step to the minimum of the local model: second order, then third where the step is small enough to trust it.

    Parameters
    ----------
    sums : float64[(2 + p) * p]
        Rounded sums of ``left x right``.
    cubes : float64[p * (p + 1) / 2 * p]
        The same for third derivatives, of a sample.
    share : float
        What to multiply `cubes` by.
    penalty : float64[p, p]
        Hessian of the penalty.
    theta : float64[p]
        Where the sums were asked.

    Returns
    -------
    step : float64[p]
    gradient, hessian : float64[p], float64[p, p]
    """
    p = len(theta)
    g = np.empty(p)
    h = np.empty((p, p))
    for j in range(p):
        g[j] = sums[j] + sums[p + j]
        for k in range(p):
            g[j] += penalty[j, k] * theta[k]
            h[j, k] = 0.5 * (sums[(2 + j) * p + k] + sums[(2 + k) * p + j]) + penalty[j, k]
    factor = cholesky(h)
    newton = -solve_upper(factor, solve_lower(factor, g))
    step = newton.copy()
    if len(cubes) == 0:
        return newton, g, h
    for _ in range(4):
        curved = g.copy()
        pair = 0
        for i in range(p):
            for j in range(i, p):
                weight = step[i] * step[j] * share * (0.5 if i == j else 1.0)
                for k in range(p):
                    curved[k] += weight * cubes[pair * p + k]
                pair += 1
        step = -solve_upper(factor, solve_lower(factor, curved))
    change, size = 0.0, 0.0
    for j in range(p):
        change += (step[j] - newton[j]) ** 2 * h[j, j]
        size += newton[j] ** 2 * h[j, j]
    if not change <= 0.0625 * size:  # too far for a local model: the plain step, and one more round
        return newton, g, h
    return step, g, h


@kernel
def ask_one(kind, x, y, w, mean, factor, intercept, theta, exponents, sign, sums, cubes, third):
    """Deposit one record's terms; 1 or 2, and nothing done, when the window of the sums or cubes does not cover them."""
    p = len(theta)
    z = np.empty((p, 1))
    ders = np.empty((3, 1))
    left = np.empty((2 + p, 1))
    standardize(x, mean, factor, intercept, z)
    derivatives(kind, z, y, w, theta, ders)
    fill_left(z, ders, exponents, left)
    right = z[:, 0].copy()
    limbs, base, need = sums
    if third:
        pairs = np.empty((p * (p + 1) // 2, 1))
        fill_third(z, ders[2], exponents[2], pairs)
        more, more_base, more_need = cubes
        if not deposit_outer(pairs[:, 0].copy(), right, sign, more, more_base, more_need):
            return 2
    if not deposit_outer(left[:, 0].copy(), right, sign, limbs, base, need):
        if third:
            deposit_outer(pairs[:, 0].copy(), right, -sign, more, more_base, more_need)
        return 1
    return 0


@kernel
def rotate(low, theta):
    """``low.T @ theta``, summed in index order."""
    p = len(theta)
    out = np.zeros(p)
    for j in range(p):
        for i in range(j + 1):
            out[i] += low[j, i] * theta[j]
    return out


@kernel
def shifts(z, residual, low, out):
    """How far each record moves each whitened coordinate, and its residual: rows of out[n, p + 1], multiples of 2**-30."""
    p, n = z.shape
    unit = 1.5 * 2.0**52 * 2.0**-30
    for r in range(n):
        u = solve_lower(low, z[:, r].copy())
        for j in range(p):
            out[r, j] = (abs(residual[r] * u[j]) + unit) - unit
        out[r, p] = (abs(residual[r]) + unit) - unit


@kernel
def cells_of(low, width, dither, theta):
    """``floor(low.T @ theta / width + dither)``."""
    return np.floor(rotate(low, theta) / width + dither)


@kernel
def centre_of(low, width, dither, cells):
    """The theta in the middle of these cells."""
    return solve_upper(low, (cells + 0.5 - dither) * width)


@kernel
def advance(sums, cubes, times, penalty, theta, low, width, dither):
    """One step from sums ``(limbs, base)``: the next theta, the middle of its cells, and the farthest cell moved."""
    p = len(theta)
    asked = np.zeros((2 + p) * p)
    limbs, base, _ = sums
    if len(limbs):
        round_limbs(limbs[:, 0], base, asked)
    third = np.zeros(0)
    if times > 0.0:
        third = np.zeros(p * (p + 1) // 2 * p)
        more, more_base, _ = cubes
        if len(more):
            round_limbs(more[:, 0], more_base, third)
    step, _, _ = newton_step(asked, third, times, penalty, theta)
    end = theta + step
    cells = cells_of(low, width, dither, end)
    moved = np.abs(cells - cells_of(low, width, dither, theta)).max()
    return end, centre_of(low, width, dither, cells), moved
