"""A Gram matrix of other variables: linear combinations of the ones that were summed, exactly."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from sqlearn.engine.arithmetic import add_product, trimmed
from sqlearn.engine.kernels import kernel
from sqlearn.engine.readout.gram_view import GramView
from sqlearn.engine.readout.rounding import aligned, digits_of


@kernel
def _map(raw, width, starts, sources, factors, out):
    """Fill in the packed triangle of ``T^T G T``: column i of T has `factors` in the rows `sources`."""
    product = np.empty(2 * factors.shape[1] + 1, np.int64)
    cell = 0
    for i in range(len(starts) - 1):
        for j in range(i, len(starts) - 1):
            for a in range(starts[i], starts[i + 1]):
                for b in range(starts[j], starts[j + 1]):
                    k, l = min(sources[a], sources[b]), max(sources[a], sources[b])
                    product[:] = 0
                    add_product(product, factors[a], factors[b], 1)
                    add_product(out[cell], product, raw[k * width - k * (k - 1) // 2 + l - k], 1)
            cell += 1


def mapped(gram: GramView, columns: list[dict[int, Fraction]], n_targets: int) -> GramView:
    """The Gram matrix of linear combinations of a Gram matrix's variables.

    Parameters
    ----------
    gram : GramView
        Gram matrix of ``[1, features, targets]``.
    columns : list of dict
        For every new variable, the intercept first and the targets last, the factors of the old ones, by index:
        multiples of a power of two.
    n_targets : int
        How many of the new ones are targets.

    Notes
    -----
    No rounding: every new cell is a sum of products of whole numbers. Differences that cancel do so here.
    """
    sources = np.array([source for column in columns for source in column], np.int64)
    starts = np.append(0, np.cumsum([len(column) for column in columns]))
    factors, low = aligned(*(digits_of(factor) for column in columns for factor in column.values()))
    length = 2 * factors[0].shape[-1] + gram.digits.shape[1] + 2
    out = np.zeros((len(columns) * (len(columns) + 1) // 2, length), np.int64)
    _map(gram.digits, gram.width, starts, sources, np.stack(factors), out)
    digits, low = trimmed(out, 2 * low + gram.low)
    return replace(gram, digits=digits, low=low, n_features=len(columns) - 1 - n_targets, n_targets=n_targets)
