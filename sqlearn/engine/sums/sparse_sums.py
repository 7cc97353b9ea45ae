"""The statistics of sparse features: weighted sums, at the cost of the non-zeros alone."""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.identity import digest_one, digest_sparse
from sqlearn.engine.kernels import Postponed, copy_first, float_bits, kernel
from sqlearn.engine.sums.deposit import deposit_sparse
from sqlearn.engine.sums.exact import Deposit
from sqlearn.engine.sums.one_record import GENERAL_FIRST, LABEL_WORDS, OneRecord, may_change, note
from sqlearn.engine.sums.statistic import Statistic

_MOST_SHORT = 1 << 16  # slots that two bytes can number


class Sums(Statistic):
    """Per slot: the weight and the weighted sum of each feature, at the cost of the non-zeros alone."""

    takes_sparse = True

    @staticmethod
    def cells(n_features, n_targets):
        return 1 + n_features

    def deposit(self, block, sign, log):
        slots = block.slots if len(self.record_counts) > _MOST_SHORT else block.slots.astype(np.uint16)
        order = np.argsort(slots, kind="stable")  # which sorts short integers several times faster
        indices, indptr = (part.astype(np.int64, copy=False) for part in (block.x.indices, block.x.indptr))
        arrays = (block.x.data, indices, indptr, block.weights, block.slots, order)
        self._put(Deposit(len(block), deposit_sparse, arrays), sign, log)

    def fast_path(self, state):
        if state.ledger is None or state.vocabulary is None:
            return None
        return _OneSparse(state, lowest=0.0, threshold=None)  # its learners refuse what is negative


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
            indices, indptr = block.x.indices, block.x.indptr
            if not above.all():
                indices, indptr = indices[above], np.append(0, np.cumsum(above))[indptr]
            block = replace(block, x=_csr(np.ones(indptr[-1]), indices, indptr, block.x.shape))
        super().deposit(block, sign, log)

    def fast_path(self, state):
        if state.ledger is None or state.vocabulary is None:
            return None
        return _OneSparse(state, lowest=-np.inf, threshold=self.threshold)

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

    def fast_path(self, state):
        return None


def as_csr(x) -> sp.csr_array:
    """Canonical CSR of float64: sorted, duplicates summed, no stored zeros; it is `x` itself where that is canonical.

    Indices may be int32: :func:`rows_of` widens them.
    """
    matrix = sp.csr_array(x, dtype=np.float64)
    matrix = _csr(matrix.data, matrix.indices, matrix.indptr, matrix.shape)  # which trusts no flags of the caller's
    if not matrix.has_canonical_format or np.count_nonzero(matrix.data) < len(matrix.data):
        matrix = matrix.copy()  # what the caller holds is not sorted or pruned in place
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    return matrix


def rows_of(x: sp.csr_array, rows: slice) -> sp.csr_array:
    """Some rows, with int64 indices, as copies: what the caller holds may change before they are taken back."""
    start, stop = x.indptr[rows.start], x.indptr[rows.stop]
    indptr = x.indptr[rows.start : rows.stop + 1].astype(np.int64) - start
    indices = x.indices[start:stop].astype(np.int64)
    return _csr(x.data[start:stop].copy(), indices, indptr, (rows.stop - rows.start, x.shape[1]))


def _csr(data, indices, indptr, shape) -> sp.csr_array:
    """These arrays as they are: scipy's constructor would make int32 of int64."""
    matrix = sp.csr_array(shape, dtype=np.float64)
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    return matrix


@kernel
def _change_sparse(
    indices, values, lowest, threshold, words, slot, sign, tail, digest, key_state, records, sums, record_counts
):
    """Learn or forget a record given by its non-zeros; False, and nothing has changed, if it needs the general path.

    It does if a value is not above `lowest`, or if the indices do not ascend.
    """
    limbs, base, need = sums
    last = -1
    for k in range(len(values)):
        if not lowest < values[k] < np.inf or values[k] == 0.0 or indices[k] <= last:
            return False
        last = indices[k]
    if last >= limbs.shape[2] - 1:
        return False
    weights = np.ones(1)
    n_words = len(words)
    copy_first(words, tail[0], n_words)
    tail[0, n_words] = np.uint64(float_bits(weights[0]))
    stop = len(weights)
    indptr = np.zeros(2, np.int64)
    indptr[1] = len(values)
    if n_words > LABEL_WORDS:
        digest_one(values[:0], tail[0], key_state, digest[0])
    else:
        digest_sparse(values, indices, indptr, tail, key_state, digest)
    if not may_change(digest[0], sign, records):
        return False
    if threshold >= 0.0:  # a record's values count as 1 above it
        above = values > threshold
        indices = indices[above]
        values = np.ones(len(indices))
        indptr[1] = len(values)
    slots, order = np.full(1, slot), np.zeros(1, np.int64)
    done = deposit_sparse(
        values, indices, indptr, weights, slots, order, stop - 1, stop, sign, limbs, base, record_counts, need
    )
    if done == 0:
        return False
    note(digest[0], sign, records)
    return True


class _OneSparse(OneRecord):
    """The path of the non-zeros of one record, all of them above `lowest`, which count as 1 above a `threshold`."""

    kernel = Postponed(_change_sparse, GENERAL_FIRST)

    def __init__(self, state, *, lowest: float, threshold: float | None):
        super().__init__(state)
        self.lowest = lowest
        self.threshold = -1.0 if threshold is None else float(threshold)
        self.tail, self.digest = np.empty((1, 3), np.uint64), np.empty((1, 6), np.uint64)

    def take_names(self, n_words):
        self.tail = np.empty((1, n_words + self.tail.shape[1]), np.uint64)
        return True

    def row(self, X):
        if isinstance(X, np.ndarray):
            x = super().row(X)
            if x is None or len(x) != self.width:
                return None
            indices = x.nonzero()[0]
            return indices, x[indices]
        if sp.issparse(X) and X.format == "csr" and X.shape == (1, self.width) and X.dtype.kind in "fiub":
            indices, values = np.array(X.indices, np.int64), np.array(X.data, np.float64)
            if indices.shape == values.shape and X.indptr.tolist() == [0, indices.size]:
                return indices, values
        return None

    def change(self, row, y, sign):
        state = self.state
        statistic, slot = state.statistic, state.vocabulary.slots.get(y)
        if slot is None or (sign < 0 and statistic.record_counts[slot] == 1):
            return False
        total = statistic.total
        records = self._reserved(sign, statistic)
        done = _change_sparse(
            *row, self.lowest, self.threshold, self._spelled(state.vocabulary.hash_words[slot]), slot, sign, self.tail,
            self.digest, state.key_state, records, (total.limbs, total.base, self.need), statistic.record_counts,
        )  # fmt: skip
        return self._finished(done, sign)
