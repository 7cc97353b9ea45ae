"""The path of one sparse record past scikit-learn's validation, for learners that keep their records."""

from time import perf_counter
from typing import Any

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.identity import add_term, digest_one, digest_sparse
from sqlearn.engine.kernels import Postponed, float_bits, kernel
from sqlearn.engine.rounds import OneOfKept, UpdateReport, enter, held, vacant
from sqlearn.engine.sparse.rows import CompressedRows, remove_sparse, write_sparse
from sqlearn.engine.sums import GENERAL_FIRST, LABEL_WORDS, deposit_each


@kernel
def _change_sparse(
    record, y, words, has_target, slot, sign, limit, tail, key_state, records, sums, counts, places, seed
):
    """Check everything, then change everything; False, and nothing has changed, when anything is not plain.

    `limit` has the largest value, and the number of columns.
    """
    indices, values = record
    largest, width = limit
    multiset, record_counter = records
    limbs, base, need = sums
    (index, digests, numbers, stack, extent), used, rows = places
    last = np.int64(-1)
    for k in range(len(values)):
        if not abs(values[k]) <= largest or indices[k] <= last:
            return False
        last = indices[k]
    if last >= width:
        return False
    target, weights, slots = np.full(1, y + 0.0), np.full(1, 1.0), np.full(1, slot)
    n_words = len(words)
    for j in range(n_words):
        tail[0, j] = words[j]
    if has_target:
        tail[0, n_words] = np.uint64(float_bits(target[0]))
    tail[0, tail.shape[1] - 1] = np.uint64(float_bits(weights[0]))
    indptr, digest = np.zeros(2, np.int64), np.empty((1, 6), np.uint64)
    indptr[1] = len(values)
    if n_words > LABEL_WORDS:
        digest_one(values[:0], tail[0], key_state, digest[0])
    else:
        digest_sparse(values, indices, indptr, tail, key_state, digest)
    if sign < 0 and not held(index, digests, numbers, digest[0, 0], digest[0, 1]):
        return False
    place, hashes = np.empty(1, np.int64), np.empty(1, np.uint64)
    stop = len(weights)  # not the literal 1, for which numba would compile the kernels once more
    summed, workspace = np.empty((1, 0)), np.empty((4, 0))
    if deposit_each(summed, weights, slots, stop - 1, stop, sign, limbs, base, counts, need, workspace) == 0:
        return False
    n_free = extent[1]
    if sign < 0:
        remove_sparse(index, digests, numbers, digest, place, stack, n_free, used, rows, False)
        extent[1] += 1
    else:
        vacant(stack[:n_free], extent[0], place)
        enter(index, digests, numbers, rows[5], digest, place, seed, hashes)
        write_sparse(place, values, indices, indptr, target, weights, used, rows)
        if n_free > 0:
            extent[1] -= 1
        else:
            extent[0] += 1
    add_term(multiset, digest[0], sign)
    record_counter[0] += np.int64(sign)
    return True


class OneOfSparse(OneOfKept):
    """One kernel call; the general path where a class comes or goes."""

    kernel = Postponed(_change_sparse, GENERAL_FIRST)

    def __init__(self, state: Any) -> None:
        super().__init__(state)
        self.tail = np.empty((1, len(self.tail)), np.uint64)

    def row(self, X: Any) -> Any:
        """The columns and values of the non-zeros of `X`, if it is one record in a plain form; None otherwise."""
        if isinstance(X, np.ndarray):
            x = super().row(X)
            if x is None or len(x) != self.width:
                return None
            indices = x.nonzero()[0]
            return indices, x[indices]
        if not sp.issparse(X) or X.format != "csr" or X.dtype.kind not in "fiub":
            return None
        if X.shape not in ((1, self.width), (self.width,)):
            return None
        indices, values = np.array(X.indices, np.int64), np.array(X.data, np.float64)
        if indices.ndim != 1 or indices.shape != values.shape or X.indptr.tolist() != [0, indices.size]:
            return None
        if not values.all():
            kept = values.nonzero()[0]
            indices, values = indices[kept], values[kept]
        return indices, values

    def change(self, row: Any, y: Any, sign: float) -> bool:
        found = self._response(y)
        if found is None:
            return False
        started = perf_counter()
        slot, target, words = found
        state = self.state
        statistic, rows = state.statistic, state.statistic.rows
        if statistic.record_counts[slot] <= (sign < 0) or type(rows) is not CompressedRows:
            return False
        if sign > 0:
            rows.reserve(1)
            rows.make_room(len(row[0]))
        total = statistic.total
        total.reserve(1)
        state.fitted_sklearn = statistic.solution = None
        state.version += 1
        done = _change_sparse(
            row, target, words, self.has_target, slot, sign, (self.largest, self.width), self.tail, state.key_state,
            (state.multiset, state.record_counter), (total.limbs, total.base, self.need), statistic.record_counts,
            (rows.index_for_kernel(), rows.used, rows.sparse_for_kernel()), rows.seed,
        )  # fmt: skip
        if done:
            statistic.warned, statistic.last = False, UpdateReport(0, None, 0, perf_counter() - started)
            if sign < 0:
                rows.compact()
                state.trim()
        return bool(done)
