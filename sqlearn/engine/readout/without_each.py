"""Exact sums less those of one record, for each of some records in turn, to be read as those of a state are.

Integers commute: the digits of all records less those of one are the digits of the others, whichever way they came
about. So what is made of them here is what is read from a state that has forgotten the record, to the last bit.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from sqlearn.engine.readout.gram_view import GramView
from sqlearn.engine.readout.moments_view import MomentsView
from sqlearn.engine.sums import Block, Deposit, ExactSum, Moments, gram_rows, moments

_AT_ONCE = 1 << 16  # cells that are written out at once: more would leave the cache


def _less_each(limbs: np.ndarray, base: int, deposit: Callable[[np.ndarray], Deposit]) -> tuple[np.ndarray, int]:
    """Digits int64[n, cells, L] and the index of the lowest, of limbs float64[L, n, cells] less a record in each slot.

    `deposit` has these records, if it is given the slots.
    """
    n, cells = limbs.shape[1:]
    total = ExactSum(n, cells, limbs, base)
    total.deposit(deposit(np.arange(n)), -1.0, np.zeros(n, np.int64))
    return total.digits()


def moments_without_each(statistic: Moments, block: Block) -> tuple[MomentsView, MomentsView]:
    """The moments without each of these records: of its class, and of all classes as one.

    Each has a slot for each of the records.
    """
    carried = statistic.total.copy()
    carried.carry()
    own = carried.limbs[:, block.slots]
    every = np.repeat(carried.limbs.sum(axis=1, keepdims=True), len(block), axis=1)

    def less(limbs: np.ndarray) -> MomentsView:
        found = _less_each(limbs, carried.base, partial(moments, block.x, block.weights))
        return MomentsView.of_cells(*found, statistic.n_features)

    return less(own), less(every)


def grams_without_each(gram: GramView, x: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Iterator[GramView]:
    """A Gram matrix without each of these records.

    Parameters
    ----------
    gram : GramView
        The matrix of all records.
    x : float64[n, d]
        Features.
    targets : float64[n, t]
        Targets, as the matrix has them.
    weights : float64[n]
        Weights.
    """
    whole = gram.digits.T[:, None].astype(np.float64)
    step = max(1, _AT_ONCE // len(gram.digits))
    for start in range(0, len(x), step):
        part = x[start : start + step], targets[start : start + step], weights[start : start + step]
        limbs = np.repeat(whole, len(part[0]), axis=1)
        digits, low = _less_each(limbs, gram.low, partial(gram_rows, *part))
        yield from (replace(gram, digits=matrix, low=low) for matrix in digits)
