"""L-BFGS: descent along slopes that a few last steps have bent, from gradients alone.

See Nocedal and Wright, Numerical Optimization (2006), chapter 7. A step ends where the slope along it has fallen enough
in size; the losses here are convex, so that bounds the loss too, which need not be evaluated.
"""

import math
from typing import NamedTuple

import numpy as np

from sqlearn.engine.kernels import kernel
from sqlearn.engine.solvers.blocks import precondition
from sqlearn.engine.solvers.passes import sweep

_MEMORY = 12
_ENOUGH = 0.7  # what part of its size the slope along a step may keep
_SHORTER, _LONGER = 0.1, 4.0  # what a trial may change the length of a step to
_TRIALS = 20
_TAIL = 4  # steps whose gains foretell those of all further ones
NOTHING = np.zeros(0)


@kernel
def inner(a, b):
    """The inner product of float64[K, p], in one order."""
    total0, total1, total2, total3 = 0.0, 0.0, 0.0, 0.0
    total4, total5, total6, total7 = 0.0, 0.0, 0.0, 0.0
    for k in range(len(a)):
        for j in range(0, a.shape[1], 8):
            total0 += a[k, j] * b[k, j]
            total1 += a[k, j + 1] * b[k, j + 1]
            total2 += a[k, j + 2] * b[k, j + 2]
            total3 += a[k, j + 3] * b[k, j + 3]
            total4 += a[k, j + 4] * b[k, j + 4]
            total5 += a[k, j + 5] * b[k, j + 5]
            total6 += a[k, j + 6] * b[k, j + 6]
            total7 += a[k, j + 7] * b[k, j + 7]
    return ((total0 + total1) + (total2 + total3)) + ((total4 + total5) + (total6 + total7))


@kernel
def _add(a, times, out):
    for k in range(len(a)):
        for j in range(a.shape[1]):
            out[k, j] += times * a[k, j]


@kernel
def direction(moves, turns, scales, have, scale, factors, g, out):
    """Write the direction of descent to out: minus the last steps' model of the inverse Hessian, times g.

    `moves` and `turns` float64[MEMORY, K, p] are the last of `have` steps and what they changed of the gradient,
    `scales` the inverse of their inner products. Returns the slope along the direction.
    """
    parts = np.empty(_MEMORY)
    for k in range(len(g)):
        for j in range(g.shape[1]):
            out[k, j] = g[k, j]
    oldest = max(have - _MEMORY, 0)
    for i in range(have - 1, oldest - 1, -1):
        at = i % _MEMORY
        parts[at] = scales[at] * inner(moves[at], out)
        _add(turns[at], -parts[at], out)
    precondition(scale, factors, out)
    for i in range(oldest, have):
        at = i % _MEMORY
        _add(moves[at], parts[at] - scales[at] * inner(turns[at], out), out)
    for k in range(len(out)):
        for j in range(out.shape[1]):
            out[k, j] = -out[k, j]
    return inner(g, out)


class Loss(NamedTuple):
    """A penalised loss over rows, see :mod:`~sqlearn.engine.solvers.passes`."""

    kind: int
    rows: tuple[np.ndarray, np.ndarray, np.ndarray]
    penalty: tuple[np.ndarray, np.ndarray, float]

    def value(self, theta: np.ndarray) -> float:
        """The penalised loss."""
        return sweep(*self, theta, True, theta[:0])

    def gradient(self, theta: np.ndarray, g: np.ndarray, valued: bool = False) -> float:
        """Write the gradient; the penalised loss too if `valued`."""
        return sweep(*self, theta, valued, g)


class Preconditioner(NamedTuple):
    """What stands for the Hessian: its diagonal float64[p], or each output's Cholesky factor float64[K or 0, p, p]."""

    scale: np.ndarray
    factors: np.ndarray


class _Memory:
    """The last steps and what they changed of the gradient."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.moves, self.turns = np.empty((_MEMORY, *shape)), np.empty((_MEMORY, *shape))
        self.scales, self.have = np.empty(_MEMORY), 0

    def keep(self, move: np.ndarray, turn: np.ndarray) -> None:
        """Remember a step, if the loss bends upwards along it."""
        bend = inner(move, turn)
        if bend > 0.0:
            place = self.have % _MEMORY
            self.moves[place], self.turns[place], self.scales[place] = move, turn, 1.0 / bend
            self.have += 1

    def direction(self, hessian: Preconditioner, g: np.ndarray) -> tuple[np.ndarray, float]:
        """The direction of descent, and the slope along it."""
        out = np.empty_like(g)
        return out, direction(self.moves, self.turns, self.scales, self.have, *hessian, g, out)


def _tail(gains: list[float]) -> float:
    """What all further steps gain if the gains go on to fall as the last few did."""
    if len(gains) < _TAIL:
        return math.inf
    older, newer = sum(gains[-_TAIL : -_TAIL // 2]), sum(gains[-_TAIL // 2 :])
    if not newer < older:
        return math.inf
    ratio = math.sqrt(newer / older)
    return gains[-1] * ratio / (1.0 - ratio)


def _search(
    loss: Loss, theta: np.ndarray, d: np.ndarray, slope: float
) -> tuple[float, np.ndarray, np.ndarray, float, int, bool]:
    """A step from theta along d: its length, end, gradient and slope there, passes, and whether it is a good one."""
    t, low, high, at_low = 1.0, 0.0, math.inf, slope
    for tried in range(1, _TRIALS + 1):
        end = theta + t * d
        loss.gradient(end, g := np.empty_like(end))
        at = inner(g, d)
        if abs(at) <= -_ENOUGH * slope:
            return t, end, g, at, tried, True
        if at < 0.0:
            # where the slope would be 0 if it went on to change as on the way from the last point below
            longer = low + (t - low) * at_low / (at_low - at) if at_low < at else _LONGER * t
            low, at_low = t, at
            t = min(max(longer, 1.5 * t), _LONGER * t)
            if t >= high:
                t = 0.5 * (low + high)
        else:
            high = t
            part = at_low / (at_low - at) if at < math.inf else _SHORTER
            t = low + min(max(part, _SHORTER), 1.0 - _SHORTER) * (high - low)
    return t, end, g, at, _TRIALS, False


class Descent(NamedTuple):
    """Where a descent ended.

    Attributes
    ----------
    theta, gradient : float64[K, p]
        The end, and the gradient there.
    enough : float
        How far above the minimum the loss may be.
    passes : int
        Passes over the rows.
    still : bool
        Whether the loss is no further from its minimum, as far as the last steps tell.
    """

    theta: np.ndarray
    gradient: np.ndarray
    enough: float
    passes: int
    still: bool


def descend(loss: Loss, hessian: Preconditioner, theta: np.ndarray, least: float, gap: float, most: int) -> Descent:
    """Descend from theta to within ``least + gap * loss`` of the minimum, in at most so many passes over rows."""
    memory = _Memory(theta.shape)
    gains: list[float] = []
    g = np.empty_like(theta)
    value = loss.gradient(theta, g, True)
    below, passes = value, 1  # not above the loss, as that of a convex function
    while True:
        enough = least + gap * max(value, 0.0)
        d, slope = memory.direction(hessian, g)
        if not -math.inf < slope < 0.0:
            if memory.have == 0:
                return Descent(theta, g, enough, passes, slope == 0.0)
            memory.have = 0
            continue
        if -slope <= 2.0 * enough and (-slope <= 2.0**-10 * enough or _tail(gains) <= enough):
            if below >= 0.5 * value:
                return Descent(theta, g, enough, passes, True)
            value = below = loss.value(theta)
            passes += 1
            continue
        if passes >= most:
            return Descent(theta, g, enough, passes, False)
        t, end, end_g, at, tried, good = _search(loss, theta, d, slope)
        passes += tried
        if good:
            gains.append(max(-0.5 * t * (slope + at), 0.0))
            value, below = value - gains[-1], below + t * slope
            memory.keep(t * d, end_g - g)
            theta, g = end, end_g
        elif memory.have:
            memory.have = 0
        else:
            return Descent(theta, g, enough, passes, False)


def newton_step(hessian: Preconditioner, g: np.ndarray) -> tuple[np.ndarray, float]:
    """Newton's step with this Hessian, and the slope along it: twice what it would gain, were the loss quadratic."""
    return _Memory(g.shape).direction(hessian, g)
