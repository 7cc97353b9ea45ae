"""The fast path of one record for the statistic of order."""

from typing import Any

import numpy as np

from sqlearn.engine.identity import digest_one
from sqlearn.engine.kernels import Postponed, float_bits, kernel
from sqlearn.engine.ordered.blocks import ARENA, FREE, fetch, put, remove, room_for
from sqlearn.engine.sums import GENERAL_FIRST, Holder, OneRecord, may_change, note

_DONE, _GENERAL, _ROOM = range(3)


@kernel
def _move_value(value, which, sign, lists, pool):
    """Put a value into a list, or take it out; False where it is not there."""
    missing = lists[6]
    if np.isnan(value):
        if sign < 0 and missing[which] <= 0:
            return False
        missing[which] += np.int64(sign)
    elif value != 0.0:
        if sign < 0:
            return remove(lists, pool, which, value)
        put(lists, pool, which, value, 1)
    return True


@kernel
def _change_ordered(
    x, words, slot, sign, takes_missing, record, tail, digest, key_state, records, record_counts, lists, pool, need
):
    """Check everything, then change everything: `_DONE`.

    Nothing has changed where it is `_GENERAL`, as anything is not plain, or `_ROOM`, as there is less of it than `need`
    tells then.
    """
    d, k = len(x), len(words)
    for j in range(d):
        value = x[j] + 0.0  # no -0.0
        if np.isnan(value):
            if not takes_missing:
                return _GENERAL
            value = np.nan  # NaN has one form
        elif np.isinf(value):
            return _GENERAL
        record[j] = value
        if value != 0.0 and not np.isnan(value):
            fetch(lists, pool, slot * d + j, value)
    for j in range(k):
        tail[j] = words[j]
    tail[k] = np.uint64(float_bits(1.0))
    digest_one(record, tail, key_state, digest)
    if not may_change(digest, sign, records):
        return _GENERAL
    first = slot * d
    if sign > 0:
        need[0] = need[1] = 0
        for j in range(d):
            if record[j] != 0.0 and not np.isnan(record[j]):
                blocks, places = room_for(lists, pool, first + j, record[j])
                need[0] += blocks
                need[1] += places
        counters = pool[5]
        if counters[FREE] < need[0] or len(lists[0]) - counters[ARENA] < need[1]:
            return _ROOM
    done = 0
    while done < d and _move_value(record[done], first + done, sign, lists, pool):
        done += 1
    if done < d:  # its features are not held, though the record is
        for j in range(done):
            _move_value(record[j], first + j, -sign, lists, pool)
        return _GENERAL
    record_counts[slot] += np.int64(sign)
    note(digest, sign, records)
    return _DONE


class OneOrdered(OneRecord):
    """The path of one dense record; values may be missing where the learner takes that."""

    kernel = Postponed(_change_ordered, GENERAL_FIRST)

    def __init__(self, state: Holder) -> None:
        super().__init__(state)
        self.takes_missing: bool = state.statistic.takes_missing
        self.record = np.empty(self.width)
        self.tail = np.empty((0 if state.vocabulary is None else 2) + 1, np.uint64)
        self.digest = np.empty(6, np.uint64)
        self.no_words = np.empty(0, np.uint64)

    def change(self, row: np.ndarray, y: Any, sign: float) -> bool:
        state, statistic, vocabulary = self.state, self.state.statistic, self.state.vocabulary
        if len(row) != self.width:
            return False
        slot, words = 0, self.no_words
        if vocabulary is not None:
            found = vocabulary.slots.get(y)
            if found is None:
                return False
            slot, words = found, vocabulary.hash_words[found]
        if sign < 0 and statistic.record_counts[slot] == 1:  # then its class may go
            return False
        ordered = statistic.ordered
        records = self._reserved(sign)
        while True:
            done = _change_ordered(
                row, words, slot, sign, self.takes_missing, self.record, self.tail, self.digest, state.key_state,
                records, statistic.record_counts, ordered.lists, ordered.pool, self.need,
            )  # fmt: skip
            if done != _ROOM:
                break
            ordered.reserve(*self.need.tolist())
        self.record.fill(0.0)  # a forgotten row does not stay here
        if done == _DONE and sign < 0 and not state.record_counter[0] & 255:
            ordered.shrink()
        return self._finished(done == _DONE, sign)
