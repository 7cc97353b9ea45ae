"""The statistics of sparse features: weighted sums, at the cost of the non-zeros alone."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.sums.deposit import deposit_sparse
from sqlearn.engine.sums.exact import Deposit
from sqlearn.engine.sums.statistic import Statistic

__all__ = ["LabelSums", "Sums", "ThresholdCounts", "as_csr"]


class Sums(Statistic):
    """Per slot: the weight and the weighted sum of each feature, at the cost of the non-zeros alone."""

    takes_sparse = True

    @staticmethod
    def cells(n_features, n_targets):
        return 1 + n_features

    def deposit(self, block, sign, log):
        arrays = (block.x.data, block.x.indices, block.x.indptr, block.weights, block.slots, np.argsort(block.slots))
        self._put(Deposit(len(block), deposit_sparse, arrays), sign, log)


class ThresholdCounts(Sums):
    """Per slot: the weight, and the weight of the records in which each feature exceeds a threshold of at least 0.

    Attributes
    ----------
    threshold : float or None
        The threshold; None sums the features as they are.
    """

    threshold: float | None = None

    def deposit(self, block, sign, log):
        if self.threshold is not None:
            above = block.x.data > self.threshold
            indptr = np.append(0, np.cumsum(above))[block.x.indptr]
            x = sp.csr_array((np.ones(indptr[-1]), block.x.indices[above], indptr), block.x.shape)
            block = replace(block, x=x)
        super().deposit(block, sign, log)

    def copy(self):
        copied = super().copy()
        copied.threshold = self.threshold
        return copied


class LabelSums(Sums):
    """The sums of all records, and the same of the records that have each label; a record may have several.

    Targets are 1 for the labels of a record and 0 for others. Cells are, first for all and then for each label, the
    weight and the weighted sum of each feature.
    """

    @staticmethod
    def cells(n_features, n_targets):
        return (1 + n_targets) * Sums.cells(n_features, 0)

    def deposit(self, block, sign, log):
        one = np.ones((len(block), 1))
        record = sp.hstack([sp.csr_array(one), block.x], format="csr")
        groups = sp.csr_array(np.concatenate([one, block.targets], axis=1))
        each = record[np.repeat(np.arange(len(block)), np.diff(groups.indptr))]  # once for each group it is in
        cells = each.indices + np.repeat(groups.indices * record.shape[1], np.diff(each.indptr))
        x = sp.csr_array((each.data, cells, each.indptr[groups.indptr]), (len(block), self.total.shape[1]))
        super().deposit(replace(block, x=as_csr(x[:, 1:])), sign, log)  # the first cell is the weight


def as_csr(x) -> sp.csr_array:
    """Canonical CSR of float64 with int64 indices: sorted, duplicates summed, no stored zeros."""
    matrix = sp.csr_array(x, dtype=np.float64, copy=True)  # what the caller holds is not sorted or pruned in place
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix
