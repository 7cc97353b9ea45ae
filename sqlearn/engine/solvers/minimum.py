"""The minimum of a penalised smooth loss: a few records first, then all, then with more of the curvature."""

from typing import NamedTuple

import numpy as np

from sqlearn.engine.arithmetic import log
from sqlearn.engine.kernels import kernel
from sqlearn.engine.solvers.lbfgs import NOTHING, Loss, Preconditioner, block_factors, decrement, descend
from sqlearn.engine.solvers.losses import MULTINOMIAL, POISSON
from sqlearn.engine.solvers.tiles import TILE, fill_tiles

__all__ = ["Minimum", "minimum"]

_LEAST, _GAP = 2.0**-32, 2.0**-22  # how far above the minimum the loss may be: a record of weight 1, and relative
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
    """The search for the minimum over all rows, and over the first tiles of them."""

    def __init__(self, kind, rows, penalty, theta):
        self.loss, self.theta = Loss(kind, rows, penalty), theta
        self.total = _total(rows[2])
        self.passes, self.still = 0, False

    def first(self, m: int) -> tuple[Loss, float]:
        """The loss of the first m tiles, and their share of the weights."""
        rows = tuple([part[:m] for part in self.loss.rows])
        return Loss(self.loss.kind, rows, self.loss.penalty), _total(rows[2]) / self.total

    def descend(self, hessian: Preconditioner, most: int) -> None:
        self.theta, passes, self.still = descend(self.loss, hessian, self.theta, _LEAST * self.total, _GAP, most)
        self.passes += passes
        self.centre()

    def centre(self) -> None:
        """Leave out what all outputs have in common: it makes no difference to the loss, and adds to the penalty."""
        if self.loss.kind == MULTINOMIAL:
            _centre(self.theta)

    def blocks(self, m: int) -> Preconditioner:
        """The factors of each output's block of the Hessian, from the first m tiles."""
        few, share = self.first(m)
        n_outputs, p = self.theta.shape
        factors = np.empty((n_outputs, p, p))
        block_factors(*few, self.theta, 1.0 / share, factors)
        return Preconditioner(NOTHING, factors)

    def certain(self, hessian: Preconditioner) -> bool:
        """Whether Newton's step, with the Hessian at theta, would gain next to nothing."""
        enough = _LEAST * self.total + _GAP * self.loss.value(self.theta)
        return decrement(self.loss, hessian, self.theta) <= 2.0 * enough


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
    n, p = len(records[2]), len(penalty[0])
    rows = fill_tiles(*records, *scale)
    n_tiles, size = rows[0].shape[:2]
    ridge, bond = np.zeros(size), np.zeros(size)
    ridge[:p], bond[:p] = penalty[:2]
    search = _Search(kind, rows, (ridge, bond, penalty[2]), np.zeros((n_outputs, size)))
    if kind == POISSON and scale[2]:
        counts = _total(rows[1] * rows[2])
        if counts > 0.0:
            search.theta[0, 0] = log(counts / search.total)
    hessian = Preconditioner(search.loss.diagonal(search.theta), np.zeros((0, size, size)))
    m = n_tiles // _PART
    if m * TILE >= max(_FEWEST, 4 * p):
        few, share = search.first(m)
        part = few._replace(penalty=(ridge * share, bond, penalty[2] * share))
        near = _LOOSE * n_outputs * p * share * search.total / (m * TILE)
        search.theta, _, _ = descend(
            part, hessian._replace(scale=hessian.scale * share), search.theta, near, _LOOSE_GAP, _PASSES
        )
        search.centre()
        if n_outputs == 1 and p <= _SMALL:
            hessian = search.blocks(m)
    search.descend(hessian, _PASSES)
    if not search.still:
        m = min(n_tiles, max(4 * p, 200 * n // p) // TILE + 1)
        _bend_more(search, m, n_tiles)
    return Minimum(search.theta[:, :p].copy(), search.still, search.passes)


def _bend_more(search: _Search, m: int, n_tiles: int) -> None:
    """Go on with the Hessian's blocks, until they confirm the minimum."""
    for _ in range(_TIMES):
        hessian = search.blocks(m)
        if search.still and m == n_tiles and search.certain(hessian):
            return
        search.descend(hessian, _MORE_PASSES)
        if search.still:
            m = n_tiles
    search.still = search.still and search.certain(search.blocks(n_tiles))
