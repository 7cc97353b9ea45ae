"""The minimum of a penalised smooth loss over sparse records: Newton's method, each step by conjugate gradients.

No matrix is formed: a product with the Hessian takes one pass over the rows to predict and one to add up, and the
Hessian's diagonal is the preconditioner. The predictors of all records are kept, so the length of a step is found
without a pass. A step is cut short while it is far from the minimum; near it, conjugate gradients go on until they know
how far: the least eigenvalue of the preconditioned Hessian, as they have met it, bounds what is left. See Nocedal and
Wright, Numerical Optimization (2006), chapters 5 and 7.
"""

import math
from typing import NamedTuple

import numpy as np

from sqlearn.engine.arithmetic import log
from sqlearn.engine.kernels import kernel
from sqlearn.engine.solvers.dual import minimum_of_dual
from sqlearn.engine.solvers.lbfgs import inner
from sqlearn.engine.solvers.losses import MULTINOMIAL, POISSON, SQUARED_HINGE, bend_tile, record_loss
from sqlearn.engine.solvers.sparse_passes import add_penalty, predict, spread, spread_squares
from sqlearn.engine.solvers.tiles import LANES, padded

_GAP, _NO_GAP = 2.0**-21, 2.0**-44  # how far above the minimum the loss may be, in parts of itself: usually, and of few
_LEAST = 2.0**-12  # a loss per record of weight 1 that is not told from none
_CUT, _CUT_NEAR, _NEAR = 0.3, 0.1, 2.0**-8  # what a step may leave of its gain; the second once it gains so little
_DOUBT = 0.5  # the part of the least eigenvalue met that is trusted
_STEPS, _PASSES = 60, 1000  # at most
_PATIENCE, _MORE_PATIENCE = 24, 200  # passes of a squared hinge before its dual is tried; of few records
_SLOPE, _TRIALS = 0.5, 40  # what part of its size the slope along a step may keep; lengths that are tried
_CHUNK = 64  # records whose losses are summed first
_HALVINGS = 40

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # see sparse_passes.py


class SparseMinimum(NamedTuple):
    """What a search ended with.

    Attributes
    ----------
    theta : float64[K, p]
        Parameters.
    certain : bool
        Whether they are the minimum, by what is known of the curvature there.
    passes : int
        How often all rows were read twice: to predict, and to add up.
    loss : float
        The penalised loss before the last step, per record of weight 1.
    moved : float
        How far the last step has moved the predictors.
    """

    theta: np.ndarray
    certain: bool
    passes: int
    loss: float
    moved: float


@kernel
def _value(kind, eta, y, w, penalty, theta):
    """The penalised loss."""
    ridge, bond, weight = penalty
    total = 0.0
    for start in range(0, len(w), _CHUNK):
        part = 0.0
        for r in range(start, min(start + _CHUNK, len(w))):
            part += w[r] * record_loss(kind, eta, r, y[r])
        total += part
    held = 0.0
    for o in range(len(theta)):
        along = 0.0
        for j in range(theta.shape[1]):
            along += bond[j] * theta[o, j]
            held += ridge[j] * theta[o, j] * theta[o, j]
        held += weight * along * along
    return total + 0.5 * held


@kernel
def _shares(slopes, y, w):
    """Each class's probability times the record's weight, from the slopes of a multinomial loss."""
    shares = slopes.copy()
    for o in range(len(shares)):
        for r in range(len(w)):
            if y[r] == o:
                shares[o, r] += w[r]
    return shares


@kernel
def _bend(kind, second, w, moved, out):
    """Write what a change of the predictors does to the slopes; `second` has the shares of a multinomial loss."""
    if kind != MULTINOMIAL:
        for r in range(len(w)):
            out[0, r] = second[0, r] * moved[0, r]
        return
    mean = np.zeros(len(w))
    for o in range(len(out)):
        for r in range(len(w)):
            mean[r] += second[o, r] * moved[o, r]
    for r in range(len(w)):
        mean[r] /= w[r]
    for o in range(len(out)):
        for r in range(len(w)):
            out[o, r] = second[o, r] * (moved[o, r] - mean[r])


@kernel
def _diagonal(first, penalty, out):
    """Add the penalty's part to the Hessian's diagonal, and write 1 where it is 0; the least part that is penalty."""
    ridge, bond, weight = penalty
    least = 1.0
    for o in range(len(out)):
        for j in range(out.shape[1]):
            out[o, j] += ridge[j] + weight * (bond[j] * bond[j])
            if out[o, j] > 0.0 and j >= first:  # the intercept is on its own, as features are centred
                least = min(least, ridge[j] / out[o, j])
            if not out[o, j] > 0.0:
                out[o, j] = 1.0
    return least


@kernel
def _lanes(s):
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))


@kernel
def _turn(scale, residual, times, d):
    """The next direction ``times * d - residual / scale``, in place."""
    for o in range(len(d)):
        for j in range(d.shape[1]):
            d[o, j] = times * d[o, j] - residual[o, j] / scale[o, j]


@kernel
def _go(scale, d, bent, t, step, residual):
    """Add t times the direction to the step, and what it bends to the residual; the residual's squared length."""
    s = np.zeros(LANES)
    for o in range(len(d)):
        for j in range(0, d.shape[1], LANES):
            for l in range(LANES):
                i = j + l
                step[o, i] += t * d[o, i]
                left = residual[o, i] + t * bent[o, i]
                residual[o, i] = left
                s[l] += left * (left / scale[o, i])
    return _lanes(s)


@kernel
def _least_eigenvalue(main, beside, m):
    """The least eigenvalue of the tridiagonal matrix of m rows: `beside` has the squares of what is beside `main`."""
    low, high = 0.0, main[0]
    for i in range(m):
        high = min(high, main[i])
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        pivot, below = 1.0, False
        for i in range(m):
            pivot = main[i] - middle - (beside[i - 1] / pivot if i > 0 else 0.0)
            if not pivot > 0.0:
                below = True
                break
        if below:
            high = middle
        else:
            low = middle
    return low


@kernel
def _along(penalty, theta, step):
    """The penalty's slope along a step, at its start, and how much it changes on the way."""
    ridge, bond, weight = penalty
    slope, change = 0.0, 0.0
    for o in range(len(theta)):
        a, b = 0.0, 0.0
        for j in range(theta.shape[1]):
            a += bond[j] * theta[o, j]
            b += bond[j] * step[o, j]
            slope += ridge[j] * theta[o, j] * step[o, j]
            change += ridge[j] * step[o, j] * step[o, j]
        slope += weight * a * b
        change += weight * b * b
    return slope, change


@kernel
def _inner(a, b):
    """The inner product of float64[K, n]."""
    total = 0.0
    for o in range(len(a)):
        for start in range(0, a.shape[1], _CHUNK):
            part = 0.0
            for r in range(start, min(start + _CHUNK, a.shape[1])):
                part += a[o, r] * b[o, r]
            total += part
    return total


@kernel
def _surprise(slopes, foreseen, second):
    """How much a Newton step may gain at most of what the slopes differ by from what was foreseen."""
    total = 0.0
    for o in range(len(slopes)):
        for r in range(slopes.shape[1]):
            error = slopes[o, r] - foreseen[o, r]
            if error != 0.0:
                total += error * (error / second[o, r]) if second[o, r] > 0.0 else np.inf
    return 0.5 * total


@kernel
def _sum(values):
    total = 0.0
    for value in values:
        total += value
    return total


class _Step(NamedTuple):
    """A step by conjugate gradients, and what it changes if the curvature stays as it is.

    Attributes
    ----------
    step : float64[K, p]
        The step.
    moved, foreseen : float64[K, n]
        How far it moves the predictors, and the slopes there.
    solved : bool
        Whether it is Newton's, up to what the loss may be above its minimum.
    """

    step: np.ndarray
    moved: np.ndarray
    foreseen: np.ndarray
    solved: bool


class _Search:
    """A search: where it is, the predictors there, and what it has learned of the curvature."""

    def __init__(
        self,
        kind: int,
        rows: Rows,
        y: np.ndarray,
        w: np.ndarray,
        first: int,
        penalty: tuple[np.ndarray, np.ndarray, float],
        n_outputs: int,
        gap: float,
    ) -> None:
        self.kind, self.rows, self.y, self.w, self.first, self.penalty = kind, rows, y, w, first, penalty
        self.theta, self.eta = np.zeros((n_outputs, len(penalty[0]))), np.zeros((n_outputs, len(w)))
        self.total, self.passes, self.gap = _sum(w), 0, gap
        self.lowest = 1.0  # eigenvalue of the preconditioned Hessian that was met
        self.scale, self.held, self.seen = np.empty_like(self.theta), 0.0, 0.0  # the diagonal, and its curvature
        self.value, self.moved = math.inf, math.inf  # the loss before the last step, and how far it moved predictors
        if kind == POISSON and first:
            counts = _sum(w * y)
            if counts > 0.0:
                self.theta[0, 0] = self.eta[:] = log(counts / self.total)
        self._look()

    def _look(self) -> None:
        """The slopes and the curvature at the predictors."""
        self.slopes, self.second = self.eta.copy(), np.empty_like(self.eta)
        bend_tile(self.kind, self.slopes, self.y, self.w, self.second)

    def _see(self) -> None:
        """The Hessian's diagonal, unless the curvature is much as it was when that was last computed."""
        curvature = _sum(self.second.ravel())
        if 0.5 * self.seen <= curvature <= 2.0 * self.seen:
            return
        self.seen = curvature
        spread_squares(self.rows, self.first, self.second, self.scale)
        self.held = _diagonal(self.first, self.penalty, self.scale)

    def step(self) -> bool:
        """One step; whether it has reached the minimum."""
        self.value = _value(self.kind, self.eta, self.y, self.w, self.penalty, self.theta)
        enough = self.gap * (_LEAST * self.total + self.value)
        g = np.empty_like(self.theta)
        spread(self.rows, self.first, self.slopes, g)
        add_penalty(self.penalty, self.theta, g)
        self._see()
        self.passes += 1
        length = _go(self.scale, g, g, 0.0, np.zeros_like(g), g.copy())
        if not length > 0.0:
            self.moved = 0.0
            return length == 0.0
        found = self._solved(g, length, enough)
        if found is None:
            return False
        step, moved = found.step, found.moved
        t = self._length(moved, inner(g, step), *_along(self.penalty, self.theta, step))
        self.theta += t * step
        moved *= t
        self.eta += moved
        self.moved = float(np.abs(moved).max())
        self._look()
        return found.solved and t == 1.0 and _surprise(self.slopes, found.foreseen, self.second) <= enough

    def _solved(self, g: np.ndarray, left: float, enough: float) -> _Step | None:
        """Newton's step from a gradient of this squared length, or a part of it; None without a first one."""
        scale = self.scale
        curvature = _shares(self.slopes, self.y, self.w) if self.kind == MULTINOMIAL else self.second
        residual, d, bent, step = g.copy(), np.zeros_like(g), np.empty_like(g), np.zeros_like(g)
        moved, by_d, bends = np.zeros_like(self.eta), np.empty_like(self.eta), np.empty_like(self.eta)
        foreseen = self.slopes.copy()
        main, beside = np.zeros(_PASSES), np.zeros(_PASSES)
        gained = turn = last = 0.0
        m, near = 0, False
        while self.passes < _PASSES:
            _turn(scale, residual, turn, d)
            predict(self.rows, self.first, d, by_d)
            _bend(self.kind, curvature, self.w, by_d, bends)
            spread(self.rows, self.first, bends, bent)
            add_penalty(self.penalty, d, bent)
            self.passes += 1
            bend = inner(d, bent)
            if not 0.0 < bend < math.inf:
                break
            t = left / bend
            moved += t * by_d
            foreseen += t * bends
            gain = 0.5 * t * left
            gained += gain
            before, left = left, _go(scale, d, bent, t, step, residual)
            turn, main[m] = left / before, 1.0 / t + last
            last, beside[m] = turn / t, turn / (t * t)
            m += 1
            self.lowest = min(self.lowest, _least_eigenvalue(main, beside, m))
            near = 0.5 * left <= enough * max(self.held, min(1.0, _DOUBT * self.lowest))
            if near or (m > 1 and m * gain <= (_CUT_NEAR if gained <= _NEAR * self.value else _CUT) * gained):
                break
        return _Step(step, moved, foreseen, near) if m else None

    def _length(self, moved: np.ndarray, slope: float, held: float, change: float) -> float:
        """How far to go along a step: until the slope along it has fallen enough in size."""
        t, low, high, at_low = 1.0, 0.0, math.inf, slope
        end, second = np.empty_like(moved), np.empty_like(moved)
        for _ in range(_TRIALS):
            np.multiply(moved, t, out=end)
            end += self.eta
            bend_tile(self.kind, end, self.y, self.w, second)
            at = _inner(end, moved) + held + t * change
            if abs(at) <= -_SLOPE * slope:
                return t
            if at < 0.0:
                # where the slope would be 0 if it went on to change as on the way from the last point below
                longer = low + (t - low) * at_low / (at_low - at) if at_low < at else 4.0 * t
                low, at_low = t, at
                t = min(max(longer, 1.5 * t), 4.0 * t)
                if t >= high:
                    t = 0.5 * (low + high)
            else:
                high = t
                part = at_low / (at_low - at) if at < math.inf else 0.1
                t = low + min(max(part, 0.1), 0.9) * (high - low)
        return low


def _by_dual(search: _Search, p: int, weight: float) -> SparseMinimum | None:
    """The minimum of a squared hinge, where all parameters are held and its dual comes near it."""
    ridge, (_, _, _, mean), total = search.penalty[0].copy(), search.rows, search.total
    if search.first:
        ridge[0] = weight  # what is held is the intercept of records that are not centred
    if not (ridge[:p] > 0.0).all():
        return None
    ridge[p:] = 1.0
    found = minimum_of_dual(
        search.rows, search.y, search.w, search.first, ridge, search.slopes, search.gap, _LEAST * total
    )
    if found is None:
        return None
    theta, sweeps = found
    if search.first:
        theta[0, 0] += inner(mean.reshape(1, -1), theta)
    return SparseMinimum(theta[:, :p].copy(), True, search.passes + sweeps, search.value / total, 0.0)


def minimum_sparse(
    kind: int,
    n_outputs: int,
    rows: Rows,
    y: np.ndarray,
    w: np.ndarray,
    first: int,
    penalty: tuple[np.ndarray, np.ndarray, float],
    exactly: bool = False,
) -> SparseMinimum:
    """The theta that minimises a penalised loss over sparse records, to about 2**-21 of the loss.

    Parameters
    ----------
    kind, n_outputs : int
        See :mod:`~sqlearn.engine.solvers.losses`.
    rows : float64[nnz], uint32[nnz], int64[n + 1], float64[p]
        Records, see :mod:`~sqlearn.engine.solvers.sparse_passes`.
    y, w : float64[n]
        Targets and positive weights.
    first : int
        1 if the first parameter is an intercept.
    penalty : float64[p], float64[p], float
        The ridge and the bond of each output, see :mod:`~sqlearn.engine.solvers.passes`.
    exactly : bool
        Whether to find it to float64's accuracy of the loss.
    """
    p = len(penalty[0])
    ridge, bond, mean = np.zeros(padded(p)), np.zeros(padded(p)), np.zeros(padded(p))
    ridge[:p], bond[:p], mean[:p] = *penalty[:2], rows[3]
    rows = (*rows[:3], mean)
    search = _Search(kind, rows, y, w, first, (ridge, bond, penalty[2]), n_outputs, _NO_GAP if exactly else _GAP)
    certain, by_dual = False, kind == SQUARED_HINGE and len(w) < p
    for _ in range(_STEPS):
        certain = search.step()
        if certain or search.passes >= _PASSES:
            break
        if by_dual and search.passes >= (_MORE_PATIENCE if exactly else _PATIENCE):
            found, by_dual = _by_dual(search, p, penalty[2]), False
            if found is not None:
                return found
    loss = search.value / search.total if search.total > 0.0 else 0.0
    return SparseMinimum(search.theta[:, :p].copy(), certain, search.passes, loss, search.moved)
