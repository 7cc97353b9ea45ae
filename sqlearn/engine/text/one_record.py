"""The fast path of one document."""

from typing import Any

import numpy as np

from sqlearn.engine.identity import digest_one
from sqlearn.engine.kernels import Postponed, float_bits, kernel
from sqlearn.engine.sums import GENERAL_FIRST, InterruptsHeld, OneRecord, deposit_sparse, may_change, note
from sqlearn.engine.text.weighing import count_documents, square_words, weigh_words

_NOT_DONE, _DONE, _WORDS_GONE = 0, 1, 2
_SECOND = {"": 0, "squares": 1, "values": 2}


@kernel
def _change_document(
    counts, slots, name, weighing, words, slot, sign, tail, digest, key_state, records, documents, sums, second
):
    """Learn or forget a document; 0, and nothing has changed, if it needs the general path; 2 if words have gone."""
    binary, sublinear, norm, threshold, kind = weighing
    limbs, base, need, record_counts = sums
    tail[0], tail[1] = words[0], words[1]
    tail[2] = np.uint64(float_bits(1.0))
    digest_one(name, tail, key_state, digest)
    if not may_change(digest, sign, records):
        return _NOT_DONE
    # all memory now: what fails later could not be taken back
    n = len(counts)
    ones, indptr, of_slot, order = np.ones(1), np.zeros(2, np.int64), np.full(1, slot), np.zeros(1, np.int64)
    values, first, squares, twice = np.empty(n), np.empty(n), np.empty(2 * n), np.empty(2 * n, np.int64)
    stop = len(order)
    indptr[1] = n
    weigh_words(counts, indptr, binary, sublinear, norm, values)
    for k in range(n):
        first[k] = values[k]
        if threshold >= 0.0:
            first[k] = 1.0 if values[k] > threshold else 0.0
    done = deposit_sparse(
        first, slots, indptr, ones, of_slot, order, stop - 1, stop, sign, limbs, base, record_counts, need
    )
    if done == 0:
        return _NOT_DONE
    if kind > 0:
        limbs_2, base_2, need_2, counts_2 = second
        if kind == 1:
            square_words(values, squares)
            for k in range(n):
                twice[2 * k] = twice[2 * k + 1] = slots[k]
            indptr[1] = 2 * n
        else:
            squares, twice = values, slots
        done = deposit_sparse(
            squares, twice, indptr, ones, of_slot, order, stop - 1, stop, sign, limbs_2, base_2, counts_2, need_2
        )
        indptr[1] = n
        if done == 0:
            deposit_sparse(
                first, slots, indptr, ones, of_slot, order, stop - 1, stop, -sign, limbs, base, record_counts, need
            )
            return _NOT_DONE
    count_documents(documents[0], documents[1], slots, counts, indptr, ones, sign)
    note(digest, sign, records)
    if sign < 0:
        for k in range(n):
            if documents[0][slots[k]] == 0:
                return _WORDS_GONE
    return _DONE


class OneDocument(OneRecord):
    """The path of one document of weight 1, whose label is held."""

    kernel = Postponed(_change_document, GENERAL_FIRST)

    def __init__(self, state: Any):
        super().__init__(state)
        weighing = state.statistic.weighing
        self.tokenizing = state.statistic.tokenizing
        self.weighing = (
            weighing.binary, weighing.sublinear, weighing.norm, weighing.threshold, _SECOND[weighing.second]
        )  # fmt: skip
        self.tail, self.digest = np.empty(3, np.uint64), np.empty(6, np.uint64)

    def row(self, X: Any) -> str | None:
        if type(X) is list and len(X) == 1:
            X = X[0]
        return X if type(X) is str else None

    def change(self, row: Any, y: Any, sign: float) -> bool:
        state = self.state
        statistic, labels = state.statistic, state.vocabulary
        slot = labels.slots.get(y)
        if slot is None or (sign < 0 and statistic.record_counts[slot] == 1):
            return False
        counted = self.tokenizing.counted(row)
        if counted is None:
            return False
        counts, words, name = counted[0], statistic.words, np.frombuffer(counted[1], np.uint64)
        found = [words.slots.get(word, -1) for word in counts]
        new = [word for word, place in zip(counts, found, strict=True) if place < 0] if -1 in found else []
        if new and (sign < 0 or len(new) > words.room):
            return False
        if not statistic.fits:
            return False
        records = self._reserved(sign, *statistic.members)
        sums = [
            (member.total.limbs, member.total.base, self.need, member.record_counts) for member in statistic.members
        ]
        with InterruptsHeld():
            try:
                if new:
                    words.slots_of(new)
                    found = [words.slots[word] for word in counts]
                done = _change_document(
                    np.fromiter(counts.values(), np.float64, len(counts)), np.array(found, np.int64), name,
                    self.weighing, labels.hash_words[slot], slot, sign, self.tail, self.digest, state.key_state,
                    records, (words.documents, words.occurrences), sums[0], sums[-1],
                )  # fmt: skip
            except MemoryError:  # before anything has changed
                words.drop(new)
                raise
            if done == _WORDS_GONE or (new and done == _NOT_DONE):
                words.drop(counts)
        return self._finished(done != _NOT_DONE, sign)
