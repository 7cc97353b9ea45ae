"""Learning or forgetting one dense record in one kernel call: a few microseconds, and atomic under Ctrl-C."""

import numpy as np

from sqlearn.engine.blake2b import digest_one
from sqlearn.engine.deposit import deposit_moments, deposit_triangle
from sqlearn.engine.intrinsics import float_bits
from sqlearn.engine.kernel import kernel
from sqlearn.engine.ledger import add_one, held, take_one
from sqlearn.engine.multiset import add_term
from sqlearn.engine.rounds import LARGEST, Rounds
from sqlearn.engine.state import Batch
from sqlearn.engine.statistics import Gram, Moments
from sqlearn.engine.vocabulary import canonical_label

__all__ = ["short_path"]


@kernel
def _change_one(
    is_gram, x, target, words, weight, row, sign, z, tail, digest, key_state, ledger, multiset, counted, sums, held_rows
):
    """Check everything, then change everything; False, and nothing has changed, when anything is not plain."""
    d, t, k = len(x), len(target), len(words)
    keys, copies, counters = ledger
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
    if finite != 0.0 or (sign < 0 and counted[0] == 0):
        return False
    for j in range(k):
        tail[j] = words[j]
    tail[k + t] = np.uint64(float_bits(weight))
    record = z[0, 1 : 1 + d]
    digest_one(record, tail, key_state, digest)
    if sign < 0 and held(keys, copies, digest[0], digest[1]) == 0:
        return False
    weights, rows = np.full(1, weight), np.full(1, row)
    stop = len(weights)  # not the literal 1, for which numba would compile the kernels once more
    if is_gram:
        done = deposit_triangle(z, weights, rows, stop - 1, stop, sign, limbs, base, held_rows, need)
    else:
        done = deposit_moments(record.reshape(1, d), weights, rows, stop - 1, stop, sign, limbs, base, held_rows, need)
    if done == 0:
        return False
    if sign < 0:
        take_one(keys, copies, counters, digest[0], digest[1])
    else:
        add_one(keys, copies, counters, digest[0], digest[1])
    add_term(multiset, digest, sign)
    counted[0] += np.int64(sign)
    return True


class Single:
    """The short path for one dense record of a state with a ledger.

    Parameters
    ----------
    state : State
        State with :class:`~sqlearn.engine.statistics.Moments` or :class:`~sqlearn.engine.statistics.Gram`.
    """

    def __init__(self, state):
        statistic = state.statistic
        self.state = state
        self.is_gram = isinstance(statistic, Gram)
        self.width = statistic.n_features
        self.z = np.empty((1, 1 + self.width + statistic.n_targets))
        n_words = 0 if state.vocabulary is None else 2
        self.tail = np.empty(n_words + statistic.n_targets + 1, np.uint64)
        self.digest = np.empty(6, np.uint64)
        self.target = np.empty(statistic.n_targets)
        self.no_words = np.empty(0, np.uint64)
        self.need = np.zeros(2, np.int64)

    def change(self, x: np.ndarray, y, sign: float) -> bool:
        """Learn (1.0) or forget (-1.0) a record of weight 1; False, and nothing done, when it needs the long path."""
        state = self.state
        statistic, vocabulary = state.statistic, state.vocabulary
        if x.ndim != 1 or len(x) != self.width or state.borrowed:
            return False
        row, words = 0, self.no_words
        if vocabulary is not None:
            row = vocabulary.slots.get(y)
            if row is None:
                return False
            words = vocabulary.words[row]
        elif state.target_ndim:
            self.target[0] = y
        if sign < 0 and statistic.held[row] == 1:  # then its class may go, which takes more than this one step
            return False
        total, ledger = statistic.total, state.ledger
        if sign > 0:
            ledger.reserve(1)
        total.reserve(1)
        state.reader = None
        done = _change_one(
            self.is_gram, x, self.target, words, 1.0, row, sign, self.z, self.tail, self.digest, state.key_state,
            ledger.arrays, state.multiset, state.counted, (total.limbs, total.base, self.need), statistic.held,
        )  # fmt: skip
        if done and sign < 0 and not state.counted[0] & 255:
            ledger.shrink()
        return done


class Unchecked:
    """The path for one dense record past scikit-learn's validation, for learners whose records take part in rounds."""

    def __init__(self, state):
        self.state = state
        self.width = state.statistic.n_features

    def change(self, x: np.ndarray, y, sign: float) -> bool:
        """As :meth:`Single.change`."""
        state = self.state
        if x.ndim != 1 or len(x) != self.width or state.borrowed or not (np.abs(x) <= LARGEST).all():
            return False
        label_codes, labels, targets = _NO_CODES, [], np.empty((1, state.statistic.n_targets))
        if state.vocabulary is not None:
            if y not in state.vocabulary.slots:
                return False
            label_codes, labels = _FIRST, [canonical_label(y)]
        elif state.target_ndim:
            targets[0, 0] = y
            if not 0.0 <= targets[0, 0] <= LARGEST:  # some learners refuse negative ones
                return False
        state.change(
            (Batch(x[None], np.zeros((1, 0), np.int64), [], label_codes, labels, targets, np.ones(1), True), sign)
        )
        return True


_NO_CODES, _FIRST = np.zeros(0, np.int64), np.zeros(1, np.int64)


def short_path(state) -> Single | Unchecked | None:
    """The short path that a state can take, if any."""
    if state.target_ndim > 1:
        return None
    if isinstance(state.statistic, Rounds):
        return Unchecked(state)
    return Single(state) if state.ledger is not None and type(state.statistic) in (Moments, Gram) else None
