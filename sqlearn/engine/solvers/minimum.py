"""The minimum of a penalised smooth loss: a few records first, then all, then with more of the curvature."""

import math
from typing import NamedTuple

import numpy as np

from sqlearn.engine.arithmetic import exp, log
from sqlearn.engine.kernels import kernel
from sqlearn.engine.solvers.blocks import factorize_blocks
from sqlearn.engine.solvers.lbfgs import NOTHING, Loss, Preconditioner, descend, inner, newton_step
from sqlearn.engine.solvers.losses import MULTINOMIAL, curvature_at_zero, is_exponential, power_of
from sqlearn.engine.solvers.passes import curvature
from sqlearn.engine.solvers.tiles import TILE, fill_tiles

_LEAST, _GAP = 2.0**-32, 2.0**-22  # how far above the minimum the loss may be: a record of weight 1, and relative
_PART, _FEWEST = 8, 512  # the first eighth of the records is solved first, if there are so many in it
_PER_FEATURE, _PER_PARAMETER = 4, 2  # and so many per feature, and per parameter of several outputs
_LOOSE, _LOOSE_GAP = 2.0**-6, 2.0**-12  # how far, for that part: per parameter (its error is about 1/2), and relative
_PASSES = 30  # over all rows, before the Hessian's blocks are tried; more, the dearer they are
_BENT_PASSES, _TIMES = 50, 8  # with blocks, and how often they are evaluated anew
_CONFIRMING, _BENDING = 8, 200  # what blocks that confirm a minimum, and that lead to it, are worth, in passes times 4
_STEPS, _LEAST_GAIN = 40, 2.0**-30  # of Newton's method, and what they gain at least, in parts of what is allowed
_EXACT = 2.0**-10  # what may be left to gain, in these parts, where rounding ends Newton's method
_DEAR = 16.0  # passes: so much is not paid to confirm what is likely
_CLOSER = 2.0**-4  # how much closer the minimum must seem then


class Minimum(NamedTuple):
    """What a search ended with.

    Attributes
    ----------
    theta : float64[K, p]
        Parameters.
    certain : bool
        Whether they are the minimum, by what is known of the curvature there.
    passes : int
        How often all rows were read.
    exact : bool
        Whether Newton's steps went on until they gained nothing.
    """

    theta: np.ndarray
    certain: bool
    passes: int
    exact: bool


@kernel
def centre(theta):
    """Subtract the mean of all outputs."""
    n_outputs, p = theta.shape
    for j in range(p):
        mean = 0.0
        for k in range(n_outputs):
            mean += theta[k, j]
        mean /= n_outputs
        for k in range(n_outputs):
            theta[k, j] -= mean


@kernel
def _total(w):
    total = 0.0
    for row in w:
        part = 0.0
        for value in row:
            part += value
        total += part
    return total


class _Search:
    """The search for the minimum over all rows: where it has come to."""

    def __init__(self, loss: Loss, theta: np.ndarray) -> None:
        self.loss, self.theta = loss, theta
        self.total = _total(loss.rows[2])
        self.gradient, self.enough = np.empty_like(theta), 0.0
        self.passes, self.still = 0, False

    def first(self, m: int) -> Loss:
        """The loss of the first m tiles."""
        z, y, w = self.loss.rows
        return self.loss._replace(rows=(z[:m], y[:m], w[:m]))

    def descend(self, hessian: Preconditioner, most: int, closer: float = 1.0) -> None:
        """Descend over all rows, in at most so many passes."""
        end = descend(self.loss, hessian, self.theta, closer * _LEAST * self.total, closer * _GAP, most)
        self.theta, self.gradient, self.enough = end[:3]
        self.passes, self.still = self.passes + end.passes, end.still
        if self.loss.kind == MULTINOMIAL:  # what all outputs have in common adds to the penalty only
            centre(self.theta)
            centre(self.gradient)

    def blocks(self, m: int) -> Preconditioner:
        """The factors of each output's block of the Hessian, from the first m tiles.

        Each record stands for equally many, or for less if the first ones are heavy: a Hessian that is too small costs
        passes, one that is too large would confirm what is no minimum.
        """
        few = self.first(m)
        n_outputs, p = self.theta.shape
        times = min(self.total / _total(few.rows[2]), len(self.loss.rows[2]) / m)
        factors = np.empty((n_outputs, p, p))
        curvature(*few, self.theta, times, factors)
        factorize_blocks(factors)
        return Preconditioner(NOTHING, factors)

    def cost(self, m: int) -> float:
        """Of the blocks from m tiles, in passes over all rows."""
        n_tiles, p = self.loss.rows[0].shape[:2]
        return p * m / (4 * n_tiles) + p * p / (4 * n_tiles * TILE)

    def confirmed(self, hessian: Preconditioner) -> bool:
        """Whether Newton's step would gain next to nothing."""
        return self.still and -newton_step(hessian, self.gradient)[1] <= 4.0 * self.enough

    def confirm(self, m: int, more: int) -> None:
        """Confirm the minimum by the Hessian's blocks, from m tiles at first; where they do not, go on with them.

        Where the search is not still, begin with `more` tiles.
        """
        n_tiles = len(self.loss.rows[2])
        for _ in range(_TIMES):
            hessian = self.blocks(m if self.still else max(m, more))
            if self.confirmed(hessian):
                return
            self.descend(hessian, _BENT_PASSES)
            m = min(4 * m, n_tiles)
        self.still = self.confirmed(self.blocks(n_tiles))

    def polish(self) -> bool:
        """For one output: Newton's steps, as long as they gain something; whether little is left to gain."""
        n_tiles, last = len(self.loss.rows[2]), math.inf
        for _ in range(_STEPS):
            step, slope = newton_step(self.blocks(n_tiles), self.gradient)
            if not _LEAST_GAIN * self.enough < -slope < 0.75 * last:
                return bool(-slope <= _EXACT * self.enough)
            end, g = self.theta + step, np.empty_like(self.gradient)
            self.loss.gradient(end, g)
            self.passes += 1
            if not abs(inner(g, step)) < -0.75 * slope:
                return bool(-slope <= _EXACT * self.enough)
            self.theta, self.gradient, last = end, g, -slope
        return False


def minimum(
    kind: int,
    n_outputs: int,
    records: tuple[np.ndarray, np.ndarray, np.ndarray],
    scale: tuple[np.ndarray, np.ndarray, int],
    penalty: tuple[np.ndarray, np.ndarray, float],
    exactly: bool = False,
) -> Minimum:
    """The theta that minimises a penalised loss, to about 2**-22 of the loss.

    Parameters
    ----------
    kind, n_outputs : int
        See :mod:`~sqlearn.engine.solvers.losses`.
    records : float64[n, d], float64[n], float64[n]
        Features, targets and weights, in an order that is random in them: the first records are a sample of all.
    scale : float64[d], float64[d], int
        Features are standardised to ``(x - mean) * factor``, behind ones if the last is 1.
    penalty : float64[p], float64[p], float
        The ridge and the bond of each output, see :mod:`~sqlearn.engine.solvers.passes`.
    exactly : bool
        Whether to find it to float64's accuracy; for one output.
    """
    p = len(penalty[0])
    z, y, w, squares = fill_tiles(*records, *scale)
    n_tiles, size = z.shape[:2]
    ridge, bond, weight = np.zeros(size), np.zeros(size), penalty[2]
    ridge[:p], bond[:p] = penalty[:2]
    search = _Search(Loss(kind, (z, y, w), (ridge, bond, weight)), np.zeros((n_outputs, size)))
    mean = _total(y * w) / search.total if is_exponential(kind) else 0.0
    curved = curvature_at_zero(kind, n_outputs, mean)
    if mean > 0.0 and scale[2]:  # the minimum of the intercept alone
        search.theta[0, 0] = log(mean)
        curved = mean if power_of(kind) == 1.0 else exp((2.0 - power_of(kind)) * log(mean))
    diagonal = curved * squares + (ridge + weight * (bond * bond))
    hessian = Preconditioner(np.where(diagonal > 0.0, diagonal, 1.0), np.zeros((0, size, size)))
    m, several = n_tiles // _PART, _PER_PARAMETER * n_outputs * p if n_outputs > 1 else 0
    if m * TILE >= max(_FEWEST, _PER_FEATURE * p, several):
        few = search.first(m)
        share = _total(few.rows[2]) / search.total
        few = few._replace(penalty=(ridge * share, bond, weight * share))
        near = _LOOSE * n_outputs * p * share * search.total / (m * TILE)
        scaled = hessian._replace(scale=hessian.scale * share)
        search.theta = descend(few, scaled, search.theta, near, _LOOSE_GAP, _PASSES).theta
        if n_outputs == 1 and m * TILE >= 2 * _PER_FEATURE * p:
            hessian = search.blocks(m)
    m, more = (
        min(n_tiles, max(_PER_FEATURE * p, worth * n_tiles * TILE // p) // TILE + 1)
        for worth in (_CONFIRMING, _BENDING)
    )
    unconfirmed = n_outputs > 1 and search.cost(m) > _DEAR
    search.descend(hessian, _PASSES + int(2.0 * search.cost(more)), _CLOSER if unconfirmed else 1.0)
    if not (search.still and unconfirmed):
        search.confirm(m, more)
    exact = search.still and exactly and search.polish()
    return Minimum(search.theta[:, :p].copy(), search.still, search.passes, exact)
