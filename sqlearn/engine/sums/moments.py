"""The statistics of dense features: their moments, and their Gram matrix with the targets."""

from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.identity import digest_one
from sqlearn.engine.kernels import float_bits, kernel
from sqlearn.engine.sums.deposit import (
    deposit_each,
    deposit_gram_rows,
    deposit_moments,
    deposit_triangle,
    moments_workspace,
)
from sqlearn.engine.sums.exact import Deposit
from sqlearn.engine.sums.gram import deposit_gram
from sqlearn.engine.sums.one_record import OneRecord, may_change, note
from sqlearn.engine.sums.statistic import Statistic

__all__ = ["Gram", "Moments", "moments"]


class Moments(Statistic):
    """Per slot: the weight, the weighted sum of each feature, and of each feature's square."""

    @staticmethod
    def cells(n_features, n_targets):
        return 1 + 2 * n_features

    def deposit(self, block, sign, log):
        self._put(moments(block.x, block.weights, block.slots), sign, log)

    def fast_path(self, state):
        return None if state.ledger is None else _OneDense(state, is_gram=False)


def moments(x: np.ndarray, weights: np.ndarray, slots: np.ndarray) -> Deposit:
    """What :class:`Moments` sums."""
    return Deposit(len(weights), deposit_moments, (x, weights, slots), moments_workspace(*x.shape))


class Gram(Statistic):
    """Per slot: the weighted Gram matrix of ``[1, features, targets]``, upper triangle packed row by row."""

    @staticmethod
    def cells(n_features, n_targets):
        p = 1 + n_features + n_targets
        return p * (p + 1) // 2

    def deposit(self, block, sign, log):
        order = np.argsort(block.slots, kind="stable")
        arrays, workspace = (block.x, block.targets, block.weights, block.slots, order), np.empty((3, self._order))
        by_row = Deposit(len(block), deposit_gram_rows, arrays, (workspace,))
        if log.keeps:
            self.total.make_ready(by_row, self.record_counts)
        log.do(partial(self._deposit, block, order, by_row, sign), partial(self._undo, block, order, by_row, sign, log))

    def fast_path(self, state):
        return None if state.ledger is None else _OneDense(state, is_gram=True)

    @property
    def _order(self) -> int:
        return 1 + self.n_features + self.n_targets

    def _deposit(self, block, order, by_row, sign):
        """By blocks, through BLAS, all or nothing."""
        z = np.concatenate([np.ones((len(block), 1)), block.x, block.targets], axis=1)
        slots, starts = np.unique(block.slots[order], return_index=True)
        groups: list = [slice(None)] if len(slots) == 1 else np.split(order, starts)[1:]
        done = 0
        try:
            for slot, group in zip(slots.tolist(), groups, strict=True):
                for n in deposit_gram(self.total, z[group], block.weights[group], slot, sign, self.record_counts):
                    done += n
        except BaseException:
            self.total.take_back(by_row, done, sign, self.record_counts)
            raise

    def _undo(self, block, order, by_row, sign, log):
        """By blocks, if there is time and memory; else row by row, which takes no memory."""
        if log.at_leisure:
            try:
                self._deposit(block, order, by_row, -sign)
            except Exception:
                log.at_leisure = False
            else:
                return
        self._take_out(by_row, sign)


@kernel
def _change_dense(is_gram, x, target, words, weight, row, sign, z, tail, digest, key_state, records, sums, held_rows):
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
    digest_one(record, tail, key_state, digest)
    if not may_change(digest, sign, records):
        return False
    weights, rows = np.full(1, weight), np.full(1, row)
    stop = len(weights)  # not the literal 1, for which numba would compile the kernels once more
    if is_gram:
        workspace = np.empty((2, z.shape[1]))
        done = deposit_triangle(z, weights, rows, stop - 1, stop, sign, limbs, base, held_rows, need, workspace)
    else:
        workspace = np.empty((4, d))
        one = record.reshape(1, d)
        done = deposit_each(one, weights, rows, stop - 1, stop, sign, limbs, base, held_rows, need, workspace)
    if done == 0:
        return False
    note(digest, sign, records)
    return True


class _OneDense(OneRecord):
    """The path of one dense record, for moments and Gram matrices."""

    def __init__(self, state, *, is_gram: bool):
        super().__init__(state)
        n_targets = state.statistic.n_targets
        self.is_gram = is_gram
        self.z = np.empty((1, 1 + self.width + n_targets))
        n_words = 0 if state.vocabulary is None else 2
        self.tail = np.empty(n_words + n_targets + 1, np.uint64)
        self.digest = np.empty(6, np.uint64)
        self.target = np.empty(n_targets)
        self.no_words = np.empty(0, np.uint64)

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
            self.target[0] = y
        if sign < 0 and statistic.record_counts[slot] == 1:  # then its class may go, which takes more than this step
            return False
        total = statistic.total
        records = self._reserved(sign, statistic)
        done = _change_dense(
            self.is_gram, row, self.target, words, 1.0, slot, sign, self.z, self.tail, self.digest, state.key_state,
            records, (total.limbs, total.base, self.need), statistic.record_counts,
        )  # fmt: skip
        return self._finished(done, sign)
