"""The dual of a squared hinge over sparse records: coordinate ascent, one record after the other.

Where features outnumber records, and nearly all of these are within the margin, Newton's steps are short, since each
brings only some more records there. The dual has a parameter for each record, which is set to its optimum given the
others; the gap between the two losses bounds how far both are from the optimum. See Hsieh et al., A dual coordinate
descent method for large-scale linear SVM (2008).
"""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import kernel
from sqlearn.engine.solvers.sparse_passes import predict, spread

_SWEEPS, _EACH = 240, 3  # over all records at most; after so many the gap is computed
_CHUNK = 64  # records that are summed first

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # see sparse_passes.py


@kernel
def _diagonal(rows, first, w, ridge):
    """The curvature of the dual loss along each record's parameter."""
    values, indices, starts, _ = rows
    out = np.empty(len(w))
    for r in range(len(w)):
        total = 0.5 / w[r] + (1.0 / ridge[0] if first else 0.0)
        for k in range(starts[r], starts[r + 1]):
            total += values[k] * (values[k] / ridge[indices[k]])
        out[r] = total
    return out


@kernel
def _shuffle(order, number):
    """Another order, which depends on the number of times that it was shuffled."""
    for left in range(len(order), 1, -1):
        other = np.int64(mix(np.uint64(left), np.uint64(number)) % np.uint64(left))
        order[left - 1], order[other] = order[other], order[left - 1]


@kernel
def _sweep(order, rows, first, y, w, ridge, diagonal, alpha, theta):
    """Set the parameter of each record to its optimum, and theta to what follows."""
    values, indices, starts, _ = rows
    for r in order:
        eta = theta[0] if first else 0.0
        for k in range(starts[r], starts[r + 1]):
            eta += values[k] * theta[indices[k]]
        now = max(alpha[r] - (y[r] * eta - 1.0 + 0.5 * (alpha[r] / w[r])) / diagonal[r], 0.0)
        move = y[r] * (now - alpha[r])
        alpha[r] = now
        if move != 0.0:
            if first:
                theta[0] += move / ridge[0]
            for k in range(starts[r], starts[r + 1]):
                theta[indices[k]] += move * (values[k] / ridge[indices[k]])


@kernel
def _losses(eta, y, w, ridge, alpha, theta):
    """The loss at theta, and the dual one."""
    held, loss, dual = 0.0, 0.0, 0.0
    for j in range(len(theta)):
        held += ridge[j] * theta[j] * theta[j]
    for start in range(0, len(w), _CHUNK):
        one, other = 0.0, 0.0
        for r in range(start, min(start + _CHUNK, len(w))):
            margin = max(1.0 - y[r] * eta[0, r], 0.0)
            one += w[r] * (margin * margin)
            other += alpha[r] - 0.25 * (alpha[r] * (alpha[r] / w[r]))
        loss += one
        dual += other
    return loss + 0.5 * held, dual - 0.5 * held


def minimum_of_dual(
    rows: Rows,
    y: np.ndarray,
    w: np.ndarray,
    first: int,
    ridge: np.ndarray,
    slopes: np.ndarray,
    gap: float,
    least: float,
) -> tuple[np.ndarray, int] | None:
    """Theta whose loss is above the least by at most a part of itself, and how many sweeps that took; None without one.

    Parameters
    ----------
    rows, y, w, first
        See :func:`~sqlearn.engine.solvers.newton.minimum_sparse`.
    ridge : float64[p]
        What holds each parameter, the intercept too; all positive.
    slopes : float64[1, n]
        Those of the loss where the search has come so far.
    gap, least : float
        The part, of the loss and this.

    Returns
    -------
    theta : float64[1, p]
        The intercept is that of records that are not centred.
    sweeps : int
        How many there were.
    """
    plain = (*rows[:3], np.zeros_like(rows[3]))
    alpha, theta, eta = -y * slopes[0], np.empty((1, len(ridge))), np.empty((1, len(w)))
    spread(plain, first, slopes, theta)
    theta /= -ridge
    diagonal, order = _diagonal(rows, first, w, ridge), np.arange(len(w))
    for done in range(1, _SWEEPS + 1):
        _shuffle(order, done)  # in one order, records that lean on each other would come to rest far more slowly
        _sweep(order, rows, first, y, w, ridge, diagonal, alpha, theta[0])
        if done % _EACH == 0:
            predict(plain, first, theta, eta)
            loss, dual = _losses(eta, y, w, ridge, alpha, theta[0])
            if loss - dual <= gap * (least + dual):
                return theta, done
    return None
