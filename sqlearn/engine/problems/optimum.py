"""The minimum of a smooth loss over records at hand: damped Newton steps, each accepted by what the loss says of it.

Records are taken in an order that depends on their contents alone, and all is summed in it, in float64 and without
libm, BLAS or LAPACK, so the result is a function of the multiset of records, of the penalty and of where it starts.

The Hessian may be singular, or indefinite by rounding, where columns are collinear, constant or nearly so, and where
nothing is penalised. So its diagonal is raised by a tiny part of itself, and by more until the Cholesky factor exists;
then a direction without curvature has a step of the size of a rounding error. A step is halved until the loss falls,
and doubled while that makes it fall further: along a direction without a minimum, few steps go a long way.
"""

import numpy as np

from sqlearn.engine.arithmetic import factorize, mix, solve_lower, solve_upper
from sqlearn.engine.kernels import float_bits, kernel
from sqlearn.engine.problems.smooth_losses import bend, predictors
from sqlearn.engine.rounds import Records, Source
from sqlearn.engine.solvers import LOGISTIC, MULTINOMIAL, record_loss

_TILE = 256  # records at a time: their curvatures stay in the cache
_LEAST, _MOST = 2.0**-50, 2.0**10  # what the Hessian's diagonal is raised by, relative to itself
_PIVOT = 2.0**-52  # smaller pivots, relative to their diagonal, are rounding errors
_STEPS = 200
_WAIT = 12  # steps that gain next to nothing and still move the predictors: after so many there is no minimum
_LOG_2 = 0.6931
_WORTH = 2.0**-4  # what a step of twice the length must add to its gain; else a direction without a minimum hides
_SHORTEST, _LONGEST = 2.0**-40, 2.0**30  # of a step, relative to Newton's
_MOVING, _RESTING = 0.125, 2.0**-40  # how far predictors move that have not come to rest, and that have


@kernel
def _fingerprints(x, y, w):
    """Hashes of records by their contents alone, uint64[n]."""
    fingerprints = np.empty(len(w), np.uint64)
    d = x.shape[1]
    whole = d - d % 4
    for r in range(len(w)):
        row, word = x[r], mix(float_bits(w[r]), float_bits(y[r]))
        a, b, c, e = word, word + np.uint64(1), word + np.uint64(2), word + np.uint64(3)
        for j in range(0, whole, 4):  # four chains side by side: each waits for its own products only
            a, b = mix(float_bits(row[j]), a), mix(float_bits(row[j + 1]), b)
            c, e = mix(float_bits(row[j + 2]), c), mix(float_bits(row[j + 3]), e)
        for j in range(whole, d):
            a = mix(float_bits(row[j]), a)
        fingerprints[r] = mix(mix(a, b), mix(c, e))
    return fingerprints


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def in_order(source: Source) -> Records:
    """All records of positive weight, in an order that depends on their contents alone, and not on the key."""
    blocks = [records for records in source() if records.w.any()]
    x, y, w, hashes = (_joined([getattr(one, name) for one in blocks]) for name in ("x", "y", "w", "hashes"))
    fingerprints = _fingerprints(x, y, w)
    order = np.argsort(fingerprints)
    tied = np.flatnonzero(fingerprints[order[1:]] == fingerprints[order[:-1]])
    one, other = order[tied], order[tied + 1]
    if any((values[one] != values[other]).any() for values in (x, y, w)):  # an accident
        order = np.lexsort((w, y, *x.T[::-1], fingerprints))
    order = order[w[order] > 0]
    return Records(x[order], y[order], w[order], hashes[order])


@kernel
def losses(kind, eta, y, w):
    """Sum of the weighted losses of records at their predictors, float64[K, n]; half the deviance for counts."""
    n, total = len(w), 0.0
    for start in range(0, n, _TILE):
        part = 0.0
        for r in range(start, min(start + _TILE, n)):
            part += w[r] * record_loss(kind, eta, r, y[r])
        total += part
    return total


@kernel
def _penalty_of(penalty, theta):
    total = 0.0
    for i in range(len(theta)):
        row = 0.0
        for j in range(len(theta)):
            row += penalty[i, j] * theta[j]
        total += theta[i] * row
    return 0.5 * total


@kernel
def _outer_sums(z, weights, out):
    """Add ``sum over r of weights[r] * z[r, i] * z[r, j]`` to out[i, j], for j >= i."""
    n, p = z.shape
    r = 0
    while r + 4 <= n:  # four at a time: a sum that stays in a register, and the inner loop vectorises
        z0, z1, z2, z3 = z[r], z[r + 1], z[r + 2], z[r + 3]
        for i in range(p):
            a0, a1, a2, a3 = weights[r] * z0[i], weights[r + 1] * z1[i], weights[r + 2] * z2[i], weights[r + 3] * z3[i]
            row = out[i]
            for j in range(i, p):
                row[j] += (a0 * z0[j] + a1 * z1[j]) + (a2 * z2[j] + a3 * z3[j])
        r += 4
    for q in range(r, n):
        one = z[q]
        for i in range(p):
            a, row = weights[q] * one[i], out[i]
            for j in range(i, p):
                row[j] += a * one[j]


@kernel
def _curvature(kind, z, eta, y, w, penalty, theta):
    """Gradient and Hessian of the penalised loss."""
    p, n = z.shape
    n_outputs = len(eta)
    blocks = np.zeros((n_outputs * (n_outputs + 1) // 2, p, p))
    g, h = np.zeros(n_outputs * p), penalty.copy()
    for start in range(0, n, _TILE):
        stop = min(start + _TILE, n)
        first, second = eta[:, start:stop].copy(), np.empty((len(blocks), stop - start))
        bend(kind, first, y[start:stop], w[start:stop], second, np.empty(stop - start))
        tile = z[:, start:stop].T.copy()
        for k in range(n_outputs):
            own = np.zeros(p)
            for r in range(stop - start):
                residual, row = first[k, r], tile[r]
                for j in range(p):
                    own[j] += residual * row[j]
            for j in range(p):
                g[k * p + j] += own[j]
        for pair in range(len(blocks)):
            _outer_sums(tile, second[pair], blocks[pair])
    pair = 0
    for k in range(n_outputs):
        for l in range(k, n_outputs):
            for i in range(p):
                for j in range(p):
                    value = blocks[pair, min(i, j), max(i, j)]
                    h[k * p + i, l * p + j] += value
                    if k != l:
                        h[l * p + j, k * p + i] += value
            pair += 1
    for i in range(len(g)):
        for j in range(len(g)):
            g[i] += penalty[i, j] * theta[j]
    return g, h


@kernel
def _value(kind, z, y, w, penalty, theta, eta):
    """The penalised loss; writes the predictors."""
    predictors(z, theta, eta)
    return losses(kind, eta, y, w) + _penalty_of(penalty, theta)


@kernel
def _along(kind, y, w, penalty, theta, eta, step, moved, t):
    """The penalised loss after a part of a step."""
    return losses(kind, eta + t * moved, y, w) + _penalty_of(penalty, theta + t * step)


@kernel
def _separated(kind, eta, y):
    """Whether every record is on its own side: then larger predictors are better ones."""
    if kind != LOGISTIC and kind != MULTINOMIAL:
        return False
    for r in range(len(y)):
        if not record_loss(kind, eta, r, y[r]) < _LOG_2:
            return False
    return True


@kernel
def minimize(kind, n_outputs, z, y, w, penalty, bounded, start):
    """The theta that minimises a penalised loss, and whether it is a minimum.

    Parameters
    ----------
    kind, n_outputs : int
        See :mod:`~sqlearn.engine.problems.smooth_losses`.
    z : float64[p, n]
        Standardised features.
    y, w : float64[n]
        Targets and weights.
    penalty : float64[K * p, K * p]
        Hessian of the penalty.
    bounded : bool
        Whether there is a minimum, for all that is known.
    start : float64[K * p]
        Where to begin, if that is better than 0. It is the answer if it is a minimum already.

    Returns
    -------
    theta : float64[K * p]
        The minimum, to float64's accuracy of the loss. Where there is none, the loss is within about 1e-9 per record
        of the least.
    still : bool
        False where the predictors of some records went on and on: there is no minimum, or the steps were used up.
    """
    n, size = z.shape[1], len(start)
    eta, moved = np.empty((n_outputs, n)), np.empty((n_outputs, n))
    total = 0.0
    for r in range(n):
        total += w[r]
    theta = np.zeros(size)
    value = _value(kind, z, y, w, penalty, theta, eta)
    if _value(kind, z, y, w, penalty, start, moved) <= value:
        theta = start.copy()
    damping, last, gain, waited = _LEAST, np.inf, np.inf, 0
    for done in range(_STEPS):
        value = _value(kind, z, y, w, penalty, theta, eta)
        g, h = _curvature(kind, z, eta, y, w, penalty, theta)
        while True:
            damped = h.copy()
            for j in range(size):
                damped[j, j] *= 1.0 + damping
            low, weakest = factorize(damped, 0.0, False)
            if weakest > _PIVOT or damping > _MOST:
                break
            damping *= 16.0
        step = -solve_upper(low, solve_lower(low, g))
        gain = 0.0  # what Newton's step would gain if the loss were quadratic
        for j in range(size):
            gain -= 0.5 * g[j] * step[j]
        predictors(z, step, moved)
        if bounded and value <= 2.0**-40 * total:
            return theta, True
        if not bounded and value <= 2.0**-33 * total and _separated(kind, eta, y):
            return theta, False
        length = np.abs(moved).max()
        moving = length >= _MOVING
        if done and length <= _RESTING:
            return theta, True
        if not moving and gain <= (2.0**-48 * value if done else 2.0**-32 * value + 2.0**-40 * total):
            return theta, True
        if moving and gain <= 2.0**-36 * total:
            waited += not bounded
            if waited > _WAIT or gain <= 2.0**-48 * value:
                return theta, bounded
        if not moving and gain <= 2.0**-40 * value:  # the loss cannot tell any more: Newton's step as it is
            if gain > 0.5 * last:
                return theta, True
            last, theta = gain, theta + step
            continue
        t = 1.0
        trial = _along(kind, y, w, penalty, theta, eta, step, moved, t)
        while not trial <= value - 2.0**-10 * t * gain + 2.0**-51 * value and t > _SHORTEST:
            t *= 0.5
            trial = _along(kind, y, w, penalty, theta, eta, step, moved, t)
        if not trial < value:
            if gain <= 2.0**-30 * value + 2.0**-36 * total:
                return theta, bounded or not moving
            if damping > _MOST:
                break
            damping *= 64.0
            continue
        while 1.0 <= t < _LONGEST and trial > 2.0**-33 * total:
            further = _along(kind, y, w, penalty, theta, eta, step, moved, 2.0 * t)
            if not further < trial - _WORTH * (value - trial):
                break
            t, trial = 2.0 * t, further
        theta = theta + t * step
        damping = max(0.25 * damping, _LEAST)
    return theta, bounded and min(gain, value) <= 2.0**-33 * total
