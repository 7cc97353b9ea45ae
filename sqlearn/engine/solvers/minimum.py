"""The minimum of a penalised smooth loss: a few records first, then all, then with more of the curvature."""

from typing import NamedTuple

import numpy as np

from sqlearn.engine.arithmetic import log
from sqlearn.engine.kernels import kernel
from sqlearn.engine.solvers.lbfgs import NOTHING, Loss, Preconditioner, block_factors, decrement, descend
from sqlearn.engine.solvers.losses import MULTINOMIAL, POISSON, curvature_at_zero
from sqlearn.engine.solvers.tiles import TILE, fill_tiles

__all__ = ["Minimum", "minimum"]

_LEAST, _GAP = 2.0**-32, 2.0**-22  # how far above the minimum the loss may be: a record of weight 1, and relative
import os
def E(n,v): return type(v)(os.environ.get(n,v))
RENT=E('RENT',1.0); PASSES=E('PASSES',40); KP=E('KP',2); CERT=E('CERT',8); MORE=E('MORE',50)
_PART = 8  # the first of so many parts of the records is solved first
_FEWEST = 512  # if it has so many records
_LOOSE, _LOOSE_GAP = 2.0**-6, 2.0**-12  # for the first part, per parameter, whose error is about 1/2, and relative
_SMALL = 32  # parameters whose Hessian costs little
_PASSES, _MORE_PASSES = 40, 50
_TIMES = 8


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
    """

    theta: np.ndarray
    certain: bool
    passes: int


@kernel
def _centre(theta):
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

    def descend(self, hessian: Preconditioner, most: int) -> None:
        """Descend over all rows, in at most so many passes."""
        end = descend(self.loss, hessian, self.theta, _LEAST * self.total, _GAP, most)
        self.theta, self.gradient, self.enough = end[:3]
        self.passes, self.still = self.passes + end.passes, end.still
        if self.loss.kind == MULTINOMIAL:  # what all outputs have in common adds to the penalty only
            _centre(self.theta)
            _centre(self.gradient)

    def blocks(self, m: int) -> Preconditioner:
        """The factors of each output's block of the Hessian, from the first m tiles.

        Each of them stands for equally many, but not for more weight than there is: a Hessian that is too small costs
        passes, one that is too large the minimum.
        """
        few = self.first(m)
        n_outputs, p = self.theta.shape
        times = min(self.total / _total(few.rows[2]), len(self.loss.rows[2]) / m)
        factors = np.empty((n_outputs, p, p))
        block_factors(*few, self.theta, times, factors)
        return Preconditioner(NOTHING, factors)

    def cost(self, m: int) -> float:
        """Of the blocks from m tiles, in passes over all rows."""
        n_tiles, p = self.loss.rows[0].shape[:2]
        return p * m / (4 * n_tiles) + p * p / (4 * n_tiles * TILE)

    def confirm(self, m: int, more: int) -> None:
        """Confirm the minimum by the Hessian's blocks, from m tiles at first; go on with them where they do not.

        Where the search is not still, begin with `more` tiles.
        """
        n_tiles = len(self.loss.rows[2])
        for _ in range(_TIMES):
            if not self.still:
                m = max(m, more)
            hessian = self.blocks(m)
            if self.still and decrement(hessian, self.gradient) <= 2.0 * self.enough:
                return
            self.descend(hessian, MORE)
            m = min(4 * m, n_tiles)
        self.still = self.still and decrement(self.blocks(n_tiles), self.gradient) <= 2.0 * self.enough


def minimum(
    kind: int,
    n_outputs: int,
    records: tuple[np.ndarray, np.ndarray, np.ndarray],
    scale: tuple[np.ndarray, np.ndarray, int],
    penalty: tuple[np.ndarray, np.ndarray, float],
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
    """
    p = len(penalty[0])
    z, y, w, squares = fill_tiles(*records, *scale)
    n_tiles, size = z.shape[:2]
    ridge, bond, weight = np.zeros(size), np.zeros(size), penalty[2]
    ridge[:p], bond[:p] = penalty[:2]
    search = _Search(Loss(kind, (z, y, w), (ridge, bond, weight)), np.zeros((n_outputs, size)))
    curved = curvature_at_zero(kind, n_outputs)
    if kind == POISSON and scale[2]:
        counts = _total(y * w)
        if counts > 0.0:
            curved = counts / search.total
            search.theta[0, 0] = log(curved)
    diagonal = curved * squares + (ridge + weight * (bond * bond))
    hessian = Preconditioner(np.where(diagonal > 0.0, diagonal, 1.0), np.zeros((0, size, size)))
    m = n_tiles // _PART
    if m * TILE >= max(_FEWEST, 4 * p, n_outputs*p*KP):
        few = search.first(m)
        share = _total(few.rows[2]) / search.total
        few = few._replace(penalty=(ridge * share, bond, weight * share))
        near = _LOOSE * n_outputs * p * share * search.total / (m * TILE)
        scaled = hessian._replace(scale=hessian.scale * share)
        search.theta = descend(few, scaled, search.theta, near, _LOOSE_GAP, _PASSES).theta
        if n_outputs == 1 and m * TILE >= 8 * p:
            hessian = search.blocks(m)
    rows = n_tiles * TILE
    more = min(n_tiles, max(4 * p, 200 * rows // p) // TILE + 1)
    search.descend(hessian, PASSES + int(RENT * search.cost(more)))
    search.confirm(min(n_tiles, max(8 * p, CERT * rows // p) // TILE + 1), more)
    return Minimum(search.theta[:, :p].copy(), search.still, search.passes)
