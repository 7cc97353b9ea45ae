"""The statistic of moments of dense features, and the fast path that it shares with Gram matrices."""

from typing import Any

import numpy as np

from sqlearn.engine.identity import digest_one, fold_of
from sqlearn.engine.kernels import Postponed, float_bits, kernel
from sqlearn.engine.sums.deposit import (
    deposit_each,
    deposit_moments,
    deposit_triangle,
    many_moments,
    moments_workspace,
)
from sqlearn.engine.sums.exact import Deposit
from sqlearn.engine.sums.one_record import GENERAL_FIRST, LABEL_WORDS, MOST_BITS, OneRecord, may_change, note
from sqlearn.engine.sums.statistic import Statistic


class Moments(Statistic):
    """Per slot: the weight, the weighted sum of each feature, and of each feature's square."""

    @staticmethod
    def cells(n_features, n_targets):
        return 1 + 2 * n_features

    def deposit(self, block, sign, log):
        self._put(moments(block.x, block.weights, block.slots), sign, log)

    def fast_path(self, state):
        return None if state.ledger is None else OneDense(state, is_gram=False)


def moments(x: np.ndarray, weights: np.ndarray, slots: np.ndarray) -> Deposit:
    """What :class:`Moments` sums."""
    arrays, workspace = (x, weights, slots), moments_workspace(*x.shape)
    if len(workspace) > 1 and many_moments.is_worth(x.size):
        return Deposit(len(weights), deposit_moments, arrays, workspace)
    return Deposit(len(weights), deposit_each, arrays, workspace[:1])


@kernel
def _change_dense(
    is_gram, n_folds, x, target, words, weight, slot, sign, z, tail, digest, key_state, records, sums, record_counts
):
    """Check everything, then change everything; False, and nothing has changed, when anything is not plain."""
    d, t, k = len(x), len(target), len(words)
    limbs, base, need = sums
    finite = weight * 0.0
    z[0, 0] = 1.0
    for j in range(d):
        z[0, 1 + j] = x[j] + 0.0
        finite += x[j] * 0.0
    for j in range(t):
        z[0, 1 + d + j] = target[j] + 0.0
        finite += target[j] * 0.0
        tail[k + j] = np.uint64(float_bits(z[0, 1 + d + j]))
    if finite != 0.0:
        return False
    for j in range(k):
        tail[j] = words[j]
    tail[k + t] = np.uint64(float_bits(weight))
    record = z[0, 1 : 1 + d]
    digest_one(record[: 0 if k > LABEL_WORDS else d], tail, key_state, digest)
    if not may_change(digest, sign, records):
        return False
    if n_folds > 1:
        slot = slot * n_folds + fold_of(digest[0], digest[1], n_folds)
    weights, slots = np.full(1, weight), np.full(1, slot)
    stop = len(weights)  # not the literal 1, for which numba would compile the kernels once more
    if is_gram:
        workspace = np.empty((2, z.shape[1]))
        done = deposit_triangle(z, weights, slots, stop - 1, stop, sign, limbs, base, record_counts, need, workspace)
    else:
        workspace = np.empty((4, d))
        one = record.reshape(1, d)
        done = deposit_each(one, weights, slots, stop - 1, stop, sign, limbs, base, record_counts, need, workspace)
    if done == 0:
        return False
    note(digest, sign, records)
    return True


class OneDense(OneRecord):
    """The path of one dense record, for moments and Gram matrices, also for those of `n_folds` folds."""

    kernel = Postponed(_change_dense, GENERAL_FIRST)

    def __init__(self, state, *, is_gram: bool, n_folds: int = 1):
        super().__init__(state)
        n_targets = state.statistic.n_targets
        self.is_gram, self.n_folds = is_gram, n_folds
        self.z = np.empty((1, 1 + self.width + n_targets))
        n_words = 0 if state.vocabulary is None else 2
        self.tail = np.empty(n_words + n_targets + 1, np.uint64)
        self.digest = np.empty(6, np.uint64)
        self.target = np.empty(n_targets)
        self.no_words = np.empty(0, np.uint64)

    def take_names(self, n_words: int) -> bool:
        self.tail = np.empty(n_words + len(self.tail), np.uint64)
        return True

    def change(self, row: np.ndarray, y: Any, sign: float) -> bool:
        state = self.state
        statistic, vocabulary = state.statistic, state.vocabulary
        if len(row) != self.width:
            return False
        slot: Any = 0
        words = self.no_words
        if vocabulary is not None:
            slot = vocabulary.slots.get(y)
            if slot is None:
                return False
            words = vocabulary.hash_words[slot]
        elif self.has_target:
            if type(y) is int and y.bit_length() > MOST_BITS:
                return False
            self.target[0] = y
        if sign < 0 and statistic.record_counts[slot] == 1:  # then its class may go, which takes more than this step
            return False
        summed, words = statistic if self.n_folds == 1 else statistic.grams, self._spelled(words)
        total = summed.total
        records = self._reserved(sign, summed)
        done = _change_dense(
            self.is_gram, self.n_folds, row, self.target, words, 1.0, slot, sign, self.z, self.tail, self.digest,
            state.key_state, records, (total.limbs, total.base, self.need), summed.record_counts,
        )  # fmt: skip
        return self._finished(done, sign)
