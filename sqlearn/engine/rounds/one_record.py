"""The path of one dense record past scikit-learn's validation, for learners that keep their records."""

from time import perf_counter
from typing import Any

import numpy as np

from sqlearn.engine.identity import add_term, digest_one
from sqlearn.engine.kernels import Postponed, float_bits, kernel
from sqlearn.engine.rounds.row_index import enter, hash_of_next, held, remove, vacant, write
from sqlearn.engine.rounds.row_source import Records
from sqlearn.engine.rounds.rows import Rows
from sqlearn.engine.rounds.standard import all_within
from sqlearn.engine.rounds.trace import UpdateReport
from sqlearn.engine.sums import GENERAL_FIRST, LABEL_WORDS, MOST_BITS, Holder, InterruptsHeld, OneRecord, deposit_each


@kernel
def _named(x, y, words, has_target, sign, largest, tail, key_state, held_rows, one):
    """Write a record in canonical form, with its digest; False where it is not plain or, to be forgotten, not held."""
    d, k = len(x), len(words)
    record, target, weights, digest, _, _ = one
    index, digests, numbers, _, _, _, _, _, _, _ = held_rows
    if not all_within(x, largest):
        return False
    for j in range(d):
        record[0, j] = x[j] + 0.0  # no -0.0
    target[0] = y + 0.0
    for j in range(k):
        tail[j] = words[j]
    if has_target:
        tail[k] = np.uint64(float_bits(target[0]))
    tail[len(tail) - 1] = np.uint64(float_bits(weights[0]))
    digest_one(record[0, : 0 if k > LABEL_WORDS else d], tail, key_state, digest[0])
    return sign > 0 or held(index, digests, numbers, digest[0, 0], digest[0, 1])


@kernel
def _summed(slot, sign, sums, counts, one):
    """Add or subtract the record's moments; False, and nothing has changed, where the window is too narrow."""
    limbs, base, need = sums
    record, _, weights, _, _, _ = one
    n_summed = (limbs.shape[2] - 1) // 2
    summed, workspace = np.empty((1, n_summed)), np.empty((4, n_summed))
    for j in range(n_summed):
        summed[0, j] = record[0, j]
    stop = len(weights)  # not the literal 1, for which numba would compile the kernels once more
    slots = np.full(1, slot)
    return deposit_each(summed, weights, slots, stop - 1, stop, sign, limbs, base, counts, need, workspace) == stop


@kernel
def _moved(sign, records, held_rows, one):
    """Keep the record, or overwrite it; note it in the multiset hash and the count."""
    multiset, record_counter = records
    record, target, weights, digest, hashes, places = one
    index, digests, numbers, keyed, rows_x, rows_y, rows_w, stack, extent, seed = held_rows
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


@kernel
def _change_one(x, y, words, has_target, slot, sign, largest, tail, key_state, records, sums, counts, held_rows, one):
    """Check everything, then change everything; False, and nothing has changed, when anything is not plain.

    The record becomes the state's, its moments', and that of the rows held; or it ceases to be.
    """
    if not _named(x, y, words, has_target, sign, largest, tail, key_state, held_rows, one):
        return False
    if not _summed(slot, sign, sums, counts, one):
        return False
    _moved(sign, records, held_rows, one)
    return True


@kernel
def _foresee(x, y, words, has_target, slot, sign, largest, tail, key_state, sums, held_rows, one):
    """The moments' limbs as they will be, and whether they are there; writes the record and its keyed hash."""
    limbs, base, need = sums
    _, _, _, digest, hashes, _ = one
    index, digests, numbers, _, _, _, _, _, _, seed = held_rows
    limbs = limbs.copy()
    if not _named(x, y, words, has_target, sign, largest, tail, key_state, held_rows, one):
        return limbs, False
    hashes[0] = hash_of_next(index, digests, numbers, digest[0, 0], digest[0, 1], sign, seed)
    return limbs, _summed(slot, sign, (limbs, base, need), np.zeros(limbs.shape[1], np.int64), one)


@kernel
def _count_and_move(slot, sign, records, counts, held_rows, one):
    counts[slot] += np.int64(sign)
    _moved(sign, records, held_rows, one)


class OneOfKept(OneRecord):
    """One kernel call; the general path where a class comes or goes."""

    kernel = Postponed(_change_one, GENERAL_FIRST)

    def __init__(self, state: Holder) -> None:
        super().__init__(state)
        self.largest: float = state.statistic.largest
        self.targets_within: tuple[float, float] = state.statistic.targets_within
        self.tail = np.empty((0 if state.vocabulary is None else 2) + self.has_target + 1, np.uint64)
        self.no_words = np.empty(0, np.uint64)
        # the record as kernels see it, its target, weight, digest, keyed hash and place
        self.one = (
            np.empty((1, self.width)), np.empty(1), np.ones(1), np.empty((1, 6), np.uint64), np.empty(1, np.uint64),
            np.empty(1, np.int64),
        )  # fmt: skip

    def take_names(self, n_words: int) -> bool:
        self.tail = np.empty((*self.tail.shape[:-1], n_words + self.tail.shape[-1]), np.uint64)
        return True

    def _response(self, y: Any) -> tuple[int, float, np.ndarray] | None:
        """The class slot, the target and the label's words; None where the general path has to look at `y`."""
        vocabulary = self.state.vocabulary
        if vocabulary is not None:
            found = vocabulary.slots.get(y)
            return None if found is None else (found, float(found), self._spelled(vocabulary.hash_words[found]))
        if not self.has_target:
            return 0, 0.0, self._spelled(self.no_words)
        least, greatest = self.targets_within
        if (type(y) is int and y.bit_length() > MOST_BITS) or not least <= y <= greatest:
            return None  # which some learners refuse; an int may be beyond float64
        return 0, float(y), self._spelled(self.no_words)

    def change(self, row: np.ndarray, y: Any, sign: float) -> bool:
        if len(row) != self.width:
            return False
        found = self._response(y)
        if found is None:
            return False
        slot, target, words = found
        state, statistic = self.state, self.state.statistic
        if statistic.record_counts[slot] > (sign < 0):  # no class comes or goes
            if self._is_plain():
                return type(statistic.rows) is Rows and self._change_plain(row, target, words, slot, sign)
            if self._follow(row, target, words, slot, sign):
                return True
        if not all_within(row, self.largest):
            return False
        state.change_one(row, y, sign, self.name)
        return True

    def _is_plain(self) -> bool:
        """Whether nothing but records and counts has to follow."""
        return not self.state.statistic.follows

    def _change_plain(self, row: np.ndarray, y: float, words: np.ndarray, slot: int, sign: float) -> bool:
        """The change of records and counts."""
        state = self.state
        statistic, rows, total = state.statistic, state.statistic.rows, state.statistic.total
        self._reserve(sign)
        state.fitted_sklearn = None
        state.version += 1
        done = _change_one(
            row, y, words, self.has_target, slot, sign, self.largest, self.tail, state.key_state,
            (state.multiset, state.record_counter), (total.limbs, total.base, self.need), statistic.record_counts,
            rows.for_kernel(), self.one,
        )  # fmt: skip
        if done and sign < 0:
            statistic.compact()
            state.trim()
        return bool(done)

    def _reserve(self, sign: float) -> None:
        """Memory for the record, and for its moments."""
        statistic = self.state.statistic
        if sign > 0:
            statistic.rows.reserve(1)
        statistic.total.reserve(1)

    def _follow(self, row: np.ndarray, y: float, words: np.ndarray, slot: int, sign: float) -> bool:
        """The change where something has to follow; False, and nothing has changed, to have the general path do it."""
        return False


class OneOfRounds(OneOfKept):
    """One kernel call where no trace is kept; a few where a trace is, and holds; else the general path."""

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

    def _follow(self, row: np.ndarray, y: float, words: np.ndarray, slot: int, sign: float) -> bool:
        """All that follows is computed first, from what is held and the record; then all is changed."""
        state = self.state
        statistic, rows = state.statistic, state.statistic.rows
        if statistic.trace is None or type(rows) is not Rows or state.deferred:
            return False
        self._reserve(sign)
        total, held_rows = statistic.total, rows.for_kernel()
        limbs, known = _foresee(
            row, y, words, self.has_target, slot, sign, self.largest, self.tail, state.key_state,
            (total.limbs, total.base, self.need), held_rows, self.one,
        )  # fmt: skip
        if not known:
            return False
        x, target, weight, _, hashes, _ = self.one
        put = statistic.follow(total.of_window(limbs, 0), Records(x, target, weight, hashes), sign)
        if put is None:
            return False
        with InterruptsHeld():
            state.fitted_sklearn = None
            state.version += 1
            _count_and_move(
                slot, sign, (state.multiset, state.record_counter), statistic.record_counts, held_rows, self.one
            )
            total.limbs = limbs
            put()
            if sign < 0:
                rows.compact()
        if sign < 0:
            state.trim()
        return True
