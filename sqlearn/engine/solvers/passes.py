"""Passes over tiles: the gradient, the loss and the curvature of a penalised loss, summed in one fixed order.

`rows` are ``(z, y, w)`` of :func:`~sqlearn.engine.solvers.tiles.fill_tiles`. `penalty` is ``(ridge, bond, weight)``: of
each output it adds ``(ridge . theta ** 2 + weight * (bond . theta) ** 2) / 2``. Theta is float64[K, p].
"""

import numpy as np

from sqlearn.engine.kernels import fma, kernel
from sqlearn.engine.solvers.losses import bend_tile, record_loss
from sqlearn.engine.solvers.tiles import LANES, TILE, lanes_summed

_WIDE = 32  # lanes of a sum over the records of a tile
_FEW = 6  # outputs whose gradients are summed in lanes; for more it pays to turn the tile


@kernel
def _predict_tile(z, theta, eta):
    """``eta[k, r] = theta[k] . z[:, r]``, summed in index order."""
    n_outputs, p = theta.shape
    for k in range(n_outputs):
        for r in range(TILE):
            eta[k, r] = 0.0
    for j in range(0, p, 4):  # few at a time: the processor foresees what is read from few places
        for k in range(n_outputs):
            t0, t1, t2, t3 = theta[k, j], theta[k, j + 1], theta[k, j + 2], theta[k, j + 3]
            for r in range(TILE):
                e = fma(t0, z[j, r], eta[k, r])
                e = fma(t1, z[j + 1, r], e)
                e = fma(t2, z[j + 2, r], e)
                eta[k, r] = fma(t3, z[j + 3, r], e)


@kernel
def _add_in_lanes(z, slopes, sums):
    """Add ``slopes[r] * z[j, r]`` to sums[j, r modulo 32]; z is [p, 2, 32], slopes [2, 32]."""
    for j in range(len(z)):
        for l in range(_WIDE):  # so many that the loop becomes one over vectors
            sums[j, l] = fma(slopes[1, l], z[j, 1, l], fma(slopes[0, l], z[j, 0, l], sums[j, l]))


@kernel
def _transpose(z, first, few):
    """Records first, first + 1, ... of a tile, to the rows of few[8, p]."""
    for j in range(0, len(z), 8):
        for i in range(8):
            for r in range(8):
                few[r, j + i] = z[j + i, first + r]


@kernel
def _add_outer(few, left, first, ends, sums):
    """Add ``left[k, first + r] * few[r, j]``, over 8 records r, to sums[k, j]; for j up to k, padded, if `ends`."""
    p = few.shape[1]
    for k in range(len(left)):
        a0, a1, a2, a3 = left[k, first], left[k, first + 1], left[k, first + 2], left[k, first + 3]
        a4, a5, a6, a7 = left[k, first + 4], left[k, first + 5], left[k, first + 6], left[k, first + 7]
        for j in range((k // 8 + 1) * 8 if ends else p):
            s = fma(a0, few[0, j], sums[k, j])
            s = fma(a1, few[1, j], s)
            s = fma(a2, few[2, j], s)
            s = fma(a3, few[3, j], s)
            s = fma(a4, few[4, j], s)
            s = fma(a5, few[5, j], s)
            s = fma(a6, few[6, j], s)
            sums[k, j] = fma(a7, few[7, j], s)


@kernel
def _add_penalty(penalty, theta, g):
    """Add the penalty's gradient to g, if there is one, and return the penalty."""
    ridge, bond, weight = penalty
    n_outputs, p = theta.shape
    total = 0.0
    for k in range(n_outputs):
        along = 0.0
        for j in range(p):
            along += bond[j] * theta[k, j]
        total += weight * along * along
        for j in range(p):
            total += ridge[j] * theta[k, j] * theta[k, j]
            if len(g):
                g[k, j] += ridge[j] * theta[k, j] + weight * along * bond[j]
    return 0.5 * total


@kernel
def sweep(kind, rows, penalty, theta, valued, g):
    """Read all rows once, for whatever is asked.

    Parameters
    ----------
    kind, rows, penalty : int, tuple, tuple
        The loss.
    theta : float64[K, p]
        Where to evaluate it.
    valued : bool
        Whether to evaluate the loss itself.
    g : float64[K, p] or float64[0, p]
        Written, if it has rows: the gradient.

    Returns
    -------
    value : float
        The penalised loss, if `valued`; otherwise the penalty.
    """
    z, y, w = rows
    n_outputs, p = theta.shape
    in_lanes = n_outputs <= _FEW
    eta, second = np.empty((n_outputs, TILE)), np.empty((n_outputs, TILE))
    sums, few = np.zeros((len(g) if in_lanes else 0, p, _WIDE)), np.empty((8, p))
    slopes = eta.reshape(n_outputs, TILE // _WIDE, _WIDE)
    value = 0.0
    g[:] = 0.0
    for t in range(len(z)):
        tile = z[t]
        halves = tile.reshape(p, TILE // _WIDE, _WIDE)
        _predict_tile(tile, theta, eta)
        if valued:
            part = 0.0
            for r in range(TILE):
                if w[t, r] > 0.0:
                    part += w[t, r] * record_loss(kind, eta, r, y[t, r])
            value += part
        if len(g) > 0:
            bend_tile(kind, eta, y[t], w[t], second)
        for k in range(len(sums)):
            _add_in_lanes(halves, slopes[k], sums[k])
        if len(sums) < len(g):
            for first in range(0, TILE, 8):
                _transpose(tile, first, few)
                _add_outer(few, eta, first, False, g)
    for k in range(len(sums)):
        for j in range(p):
            lanes = sums[k, j]
            for l in range(LANES):
                lanes[l] = (lanes[l] + lanes[l + 8]) + (lanes[l + 16] + lanes[l + 24])
            g[k, j] = lanes_summed(lanes)
    return value + _add_penalty(penalty, theta, g)


@kernel
def curvature(kind, rows, penalty, theta, times, blocks):
    """Write each output's own block of the Hessian, the loss's share times `times`, to blocks[K, p, p]: the lower
    triangle. Its diagonal is 1 where it is 0.
    """
    z, y, w = rows
    ridge, bond, weight = penalty
    n_outputs, p = theta.shape
    eta, second = np.empty((n_outputs, TILE)), np.empty((n_outputs, TILE))
    few, left = np.empty((TILE // 8, 8, p)), np.empty((p, 8))
    blocks[:] = 0.0
    for t in range(len(z)):
        tile = z[t]
        _predict_tile(tile, theta, eta)
        bend_tile(kind, eta, y[t], w[t], second)
        for group in range(TILE // 8):
            _transpose(tile, group * 8, few[group])
        for k in range(n_outputs):  # outermost, so that one block at a time is in the cache
            for group in range(TILE // 8):
                for j in range(p):
                    for r in range(8):
                        left[j, r] = tile[j, group * 8 + r] * second[k, group * 8 + r]
                _add_outer(few[group], left, np.int64(0), True, blocks[k])
    for k in range(n_outputs):
        for i in range(p):
            row = blocks[k, i]
            for j in range(i + 1):
                row[j] = times * row[j] + weight * (bond[i] * bond[j])
            row[i] += ridge[i]
            if not row[i] > 0.0:
                row[i] = 1.0
