"""The path of one dense record past scikit-learn's validation, for learners that keep their records."""

from time import perf_counter
from typing import Any

import numpy as np

from sqlearn.engine.identity import add_term, digest_one
from sqlearn.engine.kernels import Postponed, float_bits, kernel
from sqlearn.engine.rounds.row_index import enter, held, remove, vacant, write
from sqlearn.engine.rounds.rows import Rows
from sqlearn.engine.rounds.standard import all_within
from sqlearn.engine.rounds.trace import UpdateReport
from sqlearn.engine.sums import GENERAL_FIRST, MOST_BITS, Holder, OneRecord, deposit_each


@kernel
def _change_one(x, y, words, has_target, slot, sign, largest, tail, key_state, records, sums, counts, held_rows):
    """Check everything, then change everything; False, and nothing has changed, when anything is not plain.

    The record becomes the state's, its moments', and that of the rows held; or it ceases to be.
    """
    d, k = len(x), len(words)
    multiset, record_counter = records
    limbs, base, need = sums
    index, digests, numbers, keyed, rows_x, rows_y, rows_w, stack, extent, seed = held_rows
    if not all_within(x, largest):
        return False
    record, target = np.empty((1, d)), np.full(1, y + 0.0)
    for j in range(d):
        record[0, j] = x[j] + 0.0  # no -0.0
    for j in range(k):
        tail[j] = words[j]
    if has_target:
        tail[k] = np.uint64(float_bits(target[0]))
    weights, slots = np.full(1, 1.0), np.full(1, slot)
    tail[len(tail) - 1] = np.uint64(float_bits(weights[0]))
    digest = np.empty((1, 6), np.uint64)
    digest_one(record[0], tail, key_state, digest[0])
    if sign < 0 and not held(index, digests, numbers, digest[0, 0], digest[0, 1]):
        return False
    places, hashes = np.empty(1, np.int64), np.empty(1, np.uint64)
    n_summed = (limbs.shape[2] - 1) // 2
    summed, workspace = np.empty((1, n_summed)), np.empty((4, n_summed))
    for j in range(n_summed):
        summed[0, j] = record[0, j]
    stop = len(weights)  # not the literal 1, for which numba would compile the kernels once more
    if deposit_each(summed, weights, slots, stop - 1, stop, sign, limbs, base, counts, need, workspace) == 0:
        return False
    n_free = extent[1]
    if sign < 0:
        remove(index, digests, numbers, digest, places, hashes, rows_x, rows_y, rows_w, keyed, stack, n_free, False)
        extent[1] += 1
    else:
        vacant(stack[:n_free], extent[0], places)
        write(places, record, target, weights, rows_x, rows_y, rows_w)
        enter(index, digests, numbers, keyed, digest, places, seed, hashes)
        if n_free > 0:
            extent[1] -= 1
        else:
            extent[0] += 1
    add_term(multiset, digest[0], sign)
    record_counter[0] += np.int64(sign)
    return True


class OneOfKept(OneRecord):
    """One kernel call; the general path where a class comes or goes."""

    kernel = Postponed(_change_one, GENERAL_FIRST)

    def __init__(self, state: Holder) -> None:
        super().__init__(state)
        self.largest: float = state.statistic.largest
        self.targets_within: tuple[float, float] = state.statistic.targets_within
        self.tail = np.empty((0 if state.vocabulary is None else 2) + self.has_target + 1, np.uint64)
        self.no_words = np.empty(0, np.uint64)

    def change(self, row: np.ndarray, y: Any, sign: float) -> bool:
        state = self.state
        statistic, vocabulary = state.statistic, state.vocabulary
        if len(row) != self.width:
            return False
        slot, target, words = 0, 0.0, self.no_words
        if vocabulary is not None:
            found = vocabulary.slots.get(y)
            if found is None:
                return False
            slot, target, words = found, float(found), vocabulary.hash_words[found]
        elif self.has_target:
            least, greatest = self.targets_within
            if (type(y) is int and y.bit_length() > MOST_BITS) or not least <= y <= greatest:
                return False  # which some learners refuse; an int may be beyond float64
            target = float(y)
        if self._is_plain() and statistic.record_counts[slot] > (sign < 0):
            return self._change_plain(row, target, words, slot, sign)
        if not all_within(row, self.largest):
            return False
        state.change_one(row, y, sign)
        return True

    def _is_plain(self) -> bool:
        """Whether nothing but records and counts has to follow."""
        return True

    def _change_plain(self, row: np.ndarray, y: float, words: np.ndarray, slot: int, sign: float) -> bool:
        """The change of records and counts; no class comes or goes."""
        state = self.state
        statistic, rows = state.statistic, state.statistic.rows
        if type(rows) is not Rows:
            return False
        if sign > 0:
            rows.reserve(1)
        total = statistic.total
        total.reserve(1)
        state.fitted_sklearn = None
        state.version += 1
        done = _change_one(
            row, y, words, self.has_target, slot, sign, self.largest, self.tail, state.key_state,
            (state.multiset, state.record_counter), (total.limbs, total.base, self.need), statistic.record_counts,
            rows.for_kernel(),
        )  # fmt: skip
        if done and sign < 0:
            rows.compact()
            state.trim()
        return bool(done)


class OneOfRounds(OneOfKept):
    """One kernel call where no trace is kept; else the record takes part in rounds as any other does."""

    def _is_plain(self) -> bool:
        return bool(self.state.record_counter[0] + 1 < self.state.statistic.lazy_below)

    def _change_plain(self, row: np.ndarray, y: float, words: np.ndarray, slot: int, sign: float) -> bool:
        started = perf_counter()
        statistic = self.state.statistic
        statistic.solution = None
        done = super()._change_plain(row, y, words, slot, sign)
        if done:
            statistic.warned, statistic.last = False, UpdateReport(0, None, 0, perf_counter() - started)
        return done
