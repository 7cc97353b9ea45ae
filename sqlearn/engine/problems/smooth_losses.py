"""Kernels for sums of smooth losses of linear predictors: residuals, curvatures and third derivatives of blocks of
records.

A record's contribution to a round is the outer product of two rounded vectors: ``high`` holds its standardised features
as multiples of ``2**-16``; ``left`` holds its residuals, its curvatures times features, and its third derivative times
pairs of features, multiples of units fixed per round. What rounding left of the features, ``low``, is multiplied by the
residuals too, so that the gradient is that of the records as they are. The product of two such numbers is exact, so the
sums of a block are BLAS products that are exact in any order; records too large for that (see :func:`in_safe_range`)
are deposited one by one, with the same exact value.

A loss has K *outputs*: linear predictors, one for all losses but the multinomial one, which has one a class. Theta is
float64[K * p], output by output; p counts the intercept, which comes first.
"""

import numpy as np

from sqlearn.engine.arithmetic import HELD, exp, factorize, round_limbs, solve_lower, solve_upper
from sqlearn.engine.kernels import bits_float, kernel
from sqlearn.engine.solvers import GAMMA, LOGISTIC, MULTINOMIAL, POISSON, SQUARED_HINGE, gamma_ratio, tweedie_terms
from sqlearn.engine.sums import deposit_outer

_Z_UNIT = 2.0**-16
_Z_ROUNDER = 1.5 * 2.0**52 * _Z_UNIT
_REST_ROUNDER = _Z_ROUNDER * _Z_UNIT
Z_LIMIT = 8.0  # 19 bits; left factors have 23, a block of 2048 records adds 11: 53 in all
_ONE = 1.5 * 2.0**52
_LEAST_HALVED = 2.0**-10  # of parameters that are halved
LONGEST_STEP = 4.0  # in standardised parameters


@kernel
def _power_of_two(exponent):
    return bits_float((min(max(exponent, -1000), 1000) + 1023) << 52)


@kernel
def standardize(x, mean, factor, first, z):
    """``z[first + j, r] = (x[r, j] - mean[j]) * factor[j]``; row 0 is ones if `first`."""
    n, d = x.shape
    if first:
        for r in range(n):
            z[0, r] = 1.0
    for j in range(d):
        m, f = mean[j], factor[j]
        row = z[first + j]
        for r in range(n):
            row[r] = (x[r, j] - m) * f


@kernel
def split(z, high, low):
    """``z`` as a multiple of 2**-16 and what that leaves over, a multiple of 2**-32."""
    for j in range(len(z)):
        row, coarse, rest = z[j], high[j], low[j]
        for r in range(z.shape[1]):
            h = (row[r] + _Z_ROUNDER) - _Z_ROUNDER
            coarse[r] = h
            rest[r] = ((row[r] - h) + _REST_ROUNDER) - _REST_ROUNDER


@kernel
def predictors(z, theta, out):
    """``out[k, r] = theta_k . z[:, r]``, summed in index order."""
    p, n = z.shape
    for k in range(len(out)):
        eta = out[k]
        eta[:] = 0.0
        for j in range(p):
            t, row = theta[k * p + j], z[j]
            for r in range(n):
                eta[r] += t * row[r]


@kernel
def derivatives(kind, z, y, w, theta, first, second, third):
    """Derivatives of each record's weighted loss in its predictors.

    Parameters
    ----------
    kind : int
        LOGISTIC (y 0 or 1), POISSON, SQUARED_HINGE (y -1 or 1), MULTINOMIAL (y a class), GAMMA (y > 0) or that of a
        Tweedie loss.
    z : float64[p, n]
        Standardised features.
    y, w : float64[n]
        Targets and weights.
    theta : float64[K * p]
        Parameters.
    first, second, third : float64[K, n], float64[K * (K + 1) / 2, n], float64[n]
        Written: residuals, curvatures of pairs of outputs k <= l, third derivatives (zero for hinges and classes).
    """
    predictors(z, theta, first)
    bend(kind, first, y, w, second, third)


@kernel
def bend(kind, first, y, w, second, third):
    """Overwrite the predictors in `first` with residuals, and write curvatures and third derivatives.

    Arguments are those of :func:`derivatives`.
    """
    n = len(w)
    eta = first[0]
    if kind == LOGISTIC:
        for r in range(n):
            q = 1.0 / (1.0 + exp(-eta[r]))
            h = w[r] * (q * (1.0 - q))
            eta[r] = w[r] * (q - y[r])
            second[0, r] = h
            third[r] = h * (1.0 - 2.0 * q)
    elif kind == POISSON:
        for r in range(n):
            mu = exp(min(eta[r], 300.0))
            eta[r] = w[r] * (mu - y[r])
            second[0, r] = w[r] * mu
            third[r] = w[r] * mu
    elif kind == GAMMA:
        for r in range(n):
            u = gamma_ratio(eta[r], y[r])
            eta[r] = w[r] * (1.0 - u)
            second[0, r] = w[r] * u
            third[r] = -(w[r] * u)
    elif kind == SQUARED_HINGE:
        for r in range(n):
            margin = 1.0 - y[r] * eta[r]
            active = 2.0 * w[r] if margin > 0.0 else 0.0
            eta[r] = -active * (y[r] * margin)
            second[0, r] = active
            third[r] = 0.0
    elif kind == MULTINOMIAL:
        n_outputs = len(first)
        for r in range(n):
            top = first[0, r]
            for k in range(n_outputs):
                top = max(top, first[k, r])
            total = 0.0
            for k in range(n_outputs):
                first[k, r] = exp(first[k, r] - top)
                total += first[k, r]
            for k in range(n_outputs):
                first[k, r] /= total
            pair = 0
            for k in range(n_outputs):
                for l in range(k, n_outputs):
                    q = first[k, r] * ((1.0 - first[l, r]) if k == l else -first[l, r])
                    second[pair, r] = w[r] * q
                    pair += 1
            for k in range(n_outputs):
                first[k, r] = w[r] * (first[k, r] - (1.0 if y[r] == k else 0.0))
            third[r] = 0.0
    else:
        for r in range(n):
            above, below, up, down = tweedie_terms(kind, eta[r], y[r])
            eta[r] = w[r] * (up - down)
            second[0, r] = w[r] * (above * up + below * down)
            third[r] = w[r] * (above * (above * up) - below * (below * down))


@kernel
def _within(values, bound, out):
    for k in range(len(values)):
        row = values[k]
        for r in range(len(out)):
            out[r] = out[r] and abs(row[r]) <= bound


@kernel
def in_safe_range(z, first, second, third, exponents, out):
    """Which records' contributions BLAS may sum exactly."""
    out[:] = True
    _within(first, 0.0, out)
    _within(second, 0.0, out)
    nothing = out.copy()  # such as an empty place
    out[:] = True
    _within(z, Z_LIMIT, out)
    _within(first, _power_of_two(exponents[0] + 1), out)
    _within(second, _power_of_two(exponents[1] + 1), out)
    _within(third.reshape(1, -1), _power_of_two(exponents[2] + 1), out)
    for r in range(len(out)):
        out[r] = out[r] or nothing[r]


@kernel
def fill_left(z, first, second, exponents, left):
    """Rows: residuals rounded, what that left over, then curvatures times each feature."""
    p, n = z.shape
    n_outputs = len(first)
    unit = _power_of_two(exponents[0] - 21)
    high, low = _ONE * unit, _ONE * unit * 2.0**-22
    for k in range(n_outputs):
        g, coarse, rest = first[k], left[k], left[n_outputs + k]
        for r in range(n):
            h = (g[r] + high) - high
            coarse[r] = h
            rest[r] = ((g[r] - h) + low) - low
    rounder = _ONE * _power_of_two(exponents[1] + 3 - 21)
    for pair in range(len(second)):
        for j in range(p):
            h, row, out = second[pair], z[j], left[2 * n_outputs + pair * p + j]
            for r in range(n):
                out[r] = (h[r] * row[r] + rounder) - rounder


@kernel
def fill_third(z, third, exponent, left):
    """Rows: third derivative times each pair of features i <= j."""
    p, n = z.shape
    rounder = _ONE * _power_of_two(exponent + 6 - 21)
    pair = 0
    for i in range(p):
        for j in range(i, p):
            a, b, out = z[i], z[j], left[pair]
            for r in range(n):
                out[r] = ((third[r] * a[r]) * b[r] + rounder) - rounder
            pair += 1


@kernel
def deposit_one(kind, n_outputs, x, y, w, mean, factor, intercept, theta, exponents, sign, sums, cubes, share):
    """Deposit one record's terms; 1 or 2, and nothing done, when the window of sums or cubes does not cover them.

    `share` says how much of its third derivatives is summed; 0.0 for nothing.
    """
    p = len(theta) // n_outputs
    z = np.empty((p, 1))
    first, second, third = np.empty((n_outputs, 1)), np.empty((n_outputs * (n_outputs + 1) // 2, 1)), np.empty(1)
    left = np.empty((2 * n_outputs + len(second) * p, 1))
    standardize(x, mean, factor, intercept, z)
    derivatives(kind, z, y, w, theta, first, second, third)
    fill_left(z, first, second, exponents, left)
    high, low = np.empty((p, 1)), np.empty((p, 1))
    split(z, high, low)
    right, rest = high.reshape(p), low.reshape(p)
    limbs, base, need = sums
    if share > 0.0:
        third *= share
        pairs = np.empty((p * (p + 1) // 2, 1))
        fill_third(z, third, exponents[2], pairs)
        more, more_base, more_need = cubes
        if not deposit_outer(pairs.reshape(len(pairs)), right, 0, sign, more, more_base, more_need):
            return 2
    whole = left.reshape(len(left))
    if deposit_outer(whole, right, 0, sign, limbs, base, need):
        if deposit_outer(whole[:n_outputs], rest, len(whole) * p, sign, limbs, base, need):
            return 0
        deposit_outer(whole, right, 0, -sign, limbs, base, need.copy())
    if share > 0.0:
        deposit_outer(pairs.reshape(len(pairs)), right, 0, -sign, more, more_base, more_need)
    return 1


@kernel
def newton_step(n_outputs, sums, cubes, times, penalty, theta, noise, tolerance, burst=(np.inf, np.inf)):
    """The step to the minimum of the local model: second order, then third where the step is small enough to trust it.

    Parameters
    ----------
    n_outputs : int
        K.
    sums : float64[(3 * K + K * (K + 1) / 2 * p) * p]
        Rounded sums of ``left x high``, then of the residuals times ``low``.
    cubes : float64[p * (p + 1) / 2 * p]
        Rounded sums of third derivatives over a sample; of length 0 to do without.
    times : float
        What to multiply `cubes` by.
    penalty : float64[K * p, K * p]
        Hessian of the penalty.
    theta : float64[K * p]
        Where the sums were evaluated.
    noise : float
        Smaller pivots of the Hessian, relative to their diagonal, are errors of what the sums were rounded to: their
        parameters are held. 0 to hold none.
    tolerance : float
        What holding a parameter may cost for the step to be trusted.
    burst : (float, float)
        For losses with exponentials, of the slope along the intercept (up, or down) over its curvature: with more, a
        few records have nearly all of both. Newton's method would take a step for each factor of e, and rounding drowns
        the other records. So the other parameters are halved: with none, all records have the same predictor.

    Returns
    -------
    step, gradient, hessian : float64[K * p], float64[K * p], float64[K * p, K * p]
    trusted : bool
        Whether the step leads to the minimum of the model of highest order there is; otherwise another round must
        follow.
    """
    size = len(theta)
    p = size // n_outputs
    g = sums[:size] + (sums[size : 2 * size] + sums[len(sums) - size :])
    h = penalty.copy()
    for i in range(size):
        for j in range(size):
            g[i] += penalty[i, j] * theta[j]
    block = 2 * size
    for k in range(n_outputs):
        for l in range(k, n_outputs):
            for i in range(p):
                for j in range(p):
                    value = 0.5 * (sums[block + i * p + j] + sums[block + j * p + i])
                    h[k * p + i, l * p + j] += value
                    if k != l:
                        h[l * p + j, k * p + i] += value
            block += p * p
    if g[0] > burst[0] * h[0, 0] or -g[0] > burst[1] * h[0, 0]:
        step = -0.5 * theta
        step[0] = 0.0
        if np.abs(step).max() > _LEAST_HALVED:
            return step, g, h, False
    factor, weakest = factorize(h, 2.0**-40, False)
    sound, most_bent, exponential = True, 1.0, min(burst) < np.inf
    if noise > 0.0:
        most_bent = 0.125 if exponential else 0.5
        if weakest < noise:
            factor, _ = factorize(h, noise, True)
            reduced = solve_lower(factor, g)
            for j in range(size):
                if factor[j, j] == HELD:
                    curvature = max(penalty[j, j], h[j, j] * 2.0**-44)
                    sound = sound and (reduced[j] * HELD) ** 2 <= 2.0 * tolerance * curvature
    newton = -solve_upper(factor, solve_lower(factor, g))
    if len(cubes) == 0:
        return newton, g, h, sound
    bent, rises = 0.0, 0.0  # how much the curvature along a parameter changes on the way, and how much it rises
    for j in range(p):
        pair = j * p - j * (j - 1) // 2
        change = 0.0
        for k in range(p):
            change += cubes[pair * p + k] * newton[k]
        curvature = h[j, j] - penalty[j, j]
        if curvature > penalty[j, j] * 2.0**-20:
            bent = max(bent, abs(change) * times / curvature)
            rises = max(rises, change * times / curvature)
    if bent > 1.0:  # as for self-concordant losses: a shorter step, for Newton's would overshoot
        if exponential and rises <= 1.0:  # Newton's is too short already
            return newton, g, h, False
        return newton / bent, g, h, False
    step = newton.copy()
    for _ in range(4):
        curved = g.copy()
        pair = 0
        for i in range(p):
            for j in range(i, p):
                weight = step[i] * step[j] * times * (0.5 if i == j else 1.0)
                for k in range(p):
                    curved[k] += weight * cubes[pair * p + k]
                pair += 1
        step = -solve_upper(factor, solve_lower(factor, curved))
    change, length = 0.0, 0.0
    for j in range(p):
        change += (step[j] - newton[j]) ** 2 * h[j, j]
        length += newton[j] ** 2 * h[j, j]
    if not change <= 0.0625 * length:  # too far for a local model: the plain step, and one more round
        return newton, g, h, False
    return step, g, h, sound and bent <= most_bent


@kernel
def _rotate(low, theta):
    """``low.T @ theta``, summed in index order."""
    out = np.zeros(len(theta))
    for j in range(len(theta)):
        for i in range(j + 1):
            out[i] += low[j, i] * theta[j]
    return out


@kernel
def cells_of(low, width, dither, theta):
    """``floor(low.T @ theta / width + dither)``."""
    return np.floor(_rotate(low, theta) / width + dither)


@kernel
def centre_of(low, width, dither, cells):
    """The theta in the middle of these cells."""
    return solve_upper(low, (cells + 0.5 - dither) * width)


@kernel
def _rounded(sums, out):
    limbs, base, _ = sums
    if len(limbs):
        round_limbs(limbs[:, 0], base, out)


@kernel
def advance(n_outputs, sums, cubes, times, penalty, theta, low, width, dither, noise, tolerance, burst):
    """One step from sums ``(limbs, base, need)``: the next theta, the middle of its cells, and whether that keeps
    still.

    No third derivatives for `times` 0; for the rest see :func:`newton_step`.
    """
    p = len(theta) // n_outputs
    rounded = np.zeros((3 * n_outputs + n_outputs * (n_outputs + 1) // 2 * p) * p)
    _rounded(sums, rounded)
    third = np.zeros(p * (p + 1) // 2 * p if times > 0.0 else 0)
    if times > 0.0:
        _rounded(cubes, third)
    rest = penalty, theta, low, width, dither, noise, tolerance, burst
    return advance_from(n_outputs, rounded, third, times, *rest)


@kernel
def advance_from(n_outputs, rounded, third, times, penalty, theta, low, width, dither, noise, tolerance, burst):
    """One step as :func:`advance` takes it, from the sums rounded to float64."""
    step, _, _, trusted = newton_step(n_outputs, rounded, third, times, penalty, theta, noise, tolerance, burst)
    longest, finite = 0.0, True
    for move in step:
        longest = max(longest, abs(move))
        finite = finite and abs(move) < np.inf
    if not finite:  # sums beyond float64: half the way back to 0, where no loss is beyond float64
        step, longest = -0.5 * theta, 0.0
        trusted = False
    if longest > LONGEST_STEP:
        step *= LONGEST_STEP / longest
        trusted = False
    end = theta + step
    cells = cells_of(low, width, dither, end)
    moved = np.abs(cells - cells_of(low, width, dither, theta)).max()
    return end, centre_of(low, width, dither, cells), trusted and moved <= 1.0


@kernel
def shifts(z, first, low, curvature, out):
    """How far forgetting each record moves each whitened parameter, and its residuals: out[n, K * p + 1], multiples
    of 2**-30.

    `low` is the factor that whitens, `curvature` that of the Hessian, in the same units.
    """
    p, n = z.shape
    n_outputs = len(first)
    rounder = _ONE * 2.0**-30
    moved = np.empty(n_outputs * p)
    for r in range(n):
        size = 0.0
        for k in range(n_outputs):
            size += abs(first[k, r])
            for j in range(p):
                moved[k * p + j] = first[k, r] * z[j, r]
        u = _rotate(low, solve_upper(curvature, solve_lower(curvature, moved)))
        for j in range(len(u)):
            out[r, j] = (abs(u[j]) + rounder) - rounder
        out[r, len(u)] = (size + rounder) - rounder
