"""The statistic of documents: exact sums of each word in each class, and documents that have the word."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.sums import UNFIT, Block, Deposit, ExactSum, Log, Statistic, Sums, deposit_sparse
from sqlearn.engine.text.documents import Tokenizing
from sqlearn.engine.text.one_record import OneDocument
from sqlearn.engine.text.weighing import Weighing, count_documents, first_uncounted, square_words, weigh_words
from sqlearn.engine.text.words import Words
from sqlearn.errors import FormatError, NotLearnedError


class _Second(Sums):
    """Sums beside those of a statistic, whose slots it has."""

    def put(self, deposit: Deposit, sign: float, log: Log) -> None:
        self._put(deposit, sign, log)


def _in_json(words: list[str]) -> str:
    """``json.dumps(words)``, by one string where that gives the same."""
    joined = "\n".join(words)
    if not words or "\\" in joined or joined.count("\n") != len(words) - 1:
        return json.dumps(words)
    return '["' + json.dumps(joined)[1:-1].replace("\\n", '", "') + '"]'


@dataclass
class _Touched:
    """The words of a batch, and their slots, once they have some."""

    words: list[str]
    slots: np.ndarray | None = None


class TextSums(Statistic):
    """Per slot: the weight and the weighted sum of each word's values. Per word: its documents and occurrences.

    Parameters
    ----------
    n_targets : int
        Number of values to predict: 0.
    weighing : Weighing
        What is summed of a word.
    tokenizing : Tokenizing
        How documents are taken apart.

    Attributes
    ----------
    words : Words
        The cell of each word, less one for the cell of the total weight.
    second : Sums or None
        A second sum of each word, see :class:`~sqlearn.engine.text.weighing.Weighing`.
    """

    takes_sparse = True

    def __init__(self, n_targets: int, weighing: Weighing, tokenizing: Tokenizing):
        super().__init__(0, n_targets)
        self.weighing, self.tokenizing = weighing, tokenizing
        self.words = Words()
        self.second = _Second(0, 0) if weighing.second else None
        self.n_parts = 6 if weighing.second else 5
        self._touched: list[_Touched] = []  # what may have come or gone since the last `prune`

    @staticmethod
    def cells(n_features, n_targets):
        return 1

    def projected_size(self, levels):
        cells = 1 + self.words.projected_size(word for column in levels for word in column)
        return cells if self.second is None else 2 * cells

    def resize(self, n_slots):
        super().resize(n_slots)
        if self.second is not None:
            self.second.resize(n_slots)

    # ------------------------------------------------------------------ changing

    def encode(self, codes, levels):
        """Slots of the words of a batch, int64[1, words]: they are the same for all of its documents."""
        words = levels[0]
        if not self._touched or self._touched[-1].words is not words:
            self._touched.append(_Touched(words))
        touched = self._touched[-1]
        if touched.slots is None:
            touched.slots = self.words.slots_of(words)
            self._fit_words()
        return touched.slots[None], np.zeros((len(codes), 0), np.uint64)

    def _fit_words(self):
        cells = 1 + self.words.capacity
        self.total.resize(len(self.record_counts), cells)
        if self.second is not None:
            self.second.total.resize(len(self.record_counts), cells)

    @property
    def fits(self) -> bool:
        """Whether each slot of a word has its sums."""
        return all(member.total.shape[1] == 1 + self.words.capacity for member in self.members)

    @property
    def members(self) -> tuple[Statistic, ...]:
        """All that have a sum."""
        return (self,) if self.second is None else (self, self.second)

    def deposit(self, block, sign, log):
        counts, indices, indptr = self._places(block)
        values = np.empty(len(counts))
        weighing = self.weighing
        weigh_words(counts, indptr, weighing.binary, weighing.sublinear, weighing.norm, values)
        order = np.argsort(block.slots)
        first = (values > weighing.threshold).astype(np.float64) if weighing.threshold >= 0.0 else values
        arrays = (first, indices, indptr, block.weights, block.slots, order)
        self._put(Deposit(len(block), deposit_sparse, arrays), sign, log)
        if self.second is not None:
            arrays = (values, indices, indptr, block.weights, block.slots, order)
            if weighing.second == "squares" and weighing.is_whole:
                arrays = (values * values, *arrays[1:])
            elif weighing.second == "squares":
                squares = np.empty(2 * len(values))
                square_words(values, squares)
                arrays = (squares, np.repeat(indices, 2), 2 * indptr, *arrays[3:])
            self.second.put(Deposit(len(block), deposit_sparse, arrays), sign, log)
        change = partial(self._count, indices, counts, indptr, block.weights)
        log.do(partial(change, sign), partial(change, -sign))

    def _places(self, block: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Counts of the words of documents, their slots, and where each document's begin."""
        x: Any = block.x
        return x.data.astype(np.float64), block.codes[0][x.indices], x.indptr.astype(np.int64)

    def _count(self, slots, counts, indptr, weights, sign):
        count_documents(self.words.documents, self.words.occurrences, slots, counts, indptr, weights, sign)

    def first_missing(self, block):
        missing = super().first_missing(block)
        if missing >= 0:
            return missing
        _, indices, indptr = self._places(block)
        return int(first_uncounted(self.words.documents.copy(), indices, indptr, block.weights))

    def refresh(self, order, labels, log, check=lambda: None):
        for touched in self._touched:
            if touched.slots is not None:
                self._check_gone(touched.slots[self.words.documents[touched.slots] == 0])

    def _check_gone(self, slots: np.ndarray) -> None:
        """Without a ledger: what is left of a word without documents is nothing, or else others were forgotten."""
        if not len(slots):
            return
        left = self.words.occurrences[slots].any()
        for member in self.members:
            limbs = member.total.limbs[:, :, 1 + slots]
            left = left or member.total.of_window(limbs, 0).digits()[0].any()
        if left:
            raise NotLearnedError(
                "The counts of words show that some of these documents were never learned with these labels, so "
                "nothing was changed. Pass documents, labels and sample weights as they were learned."
            )

    def prune(self, temporary=False):
        if temporary:
            return
        try:
            while self._touched:
                touched = self._touched[-1]
                if touched.slots is None:
                    self.words.drop(touched.words)
                else:
                    gone = np.flatnonzero(self.words.documents[touched.slots] == 0).tolist()
                    self.words.drop(touched.words[i] for i in gone)
                self._touched.pop()
        except MemoryError:  # this ends an update, which may not fail any more: the next one will do it
            return

    def trim(self):
        for member in self.members:
            member.total.trim()

    @property
    def is_wide(self):
        return any(member.total.is_wide for member in self.members)

    def fast_path(self, state):
        return None if state.ledger is None else OneDocument(state)

    # ------------------------------------------------------------------ whole states

    def add(self, other, other_slots, slots):
        words, theirs = other.words.ordered()
        touched = _Touched(words)
        self._touched.append(touched)
        touched.slots = ours = self.words.slots_of(words)
        self._fit_words()
        self.words.documents[ours] += other.words.documents[theirs]
        self.words.occurrences[ours] += other.words.occurrences[theirs]
        source, target = (other_slots, np.append(0, 1 + theirs)), (slots, np.append(0, 1 + ours))
        for mine, their in zip(self.members, other.members, strict=True):
            mine.total.add(their.total, source, target)
        self.record_counts[slots] += other.record_counts[other_slots]

    def copy(self):
        copied = type(self)(self.n_targets, self.weighing, self.tokenizing)
        copied.words, copied.record_counts = self.words.copy(), self.record_counts.copy()
        for ours, theirs in zip(self.members, copied.members, strict=True):
            theirs.total = ours.total.copy()
        if copied.second is not None:
            copied.second.record_counts = self.record_counts.copy()
        return copied

    def canonical(self, slots):
        words, order = self.words.ordered()
        cells = np.append(0, 1 + order)
        return [
            self.record_counts[slots].astype("<i8").tobytes(),
            _in_json(words).encode(),
            self.words.documents[order].astype("<i8").tobytes(),
            self.words.occurrences[order].astype("<i8").tobytes(),
            *(member.total.canonical(slots, cells) for member in self.members),
        ]

    def restore(self, parts):
        if len(parts) != self.n_parts:
            raise FormatError(UNFIT)
        self.record_counts = np.frombuffer(parts[0], "<i8").astype(np.int64)
        documents, occurrences = (np.frombuffer(part, "<i8").astype(np.int64) for part in parts[2:4])
        self.words.restore(json.loads(parts[1]), documents, occurrences)
        for member, part in zip(self.members, parts[4:], strict=True):
            member.total = ExactSum.restore(part)
        if self.second is not None:
            self.second.record_counts = self.record_counts.copy()

    def check_form(self, labels):
        for member in self.members:
            if member.total.shape != (len(self.record_counts), 1 + self.words.capacity):
                raise FormatError(UNFIT)
        if self.record_counts.min(initial=0) < 0 or self.words.documents.max(initial=0) > self.record_counts.sum():
            raise FormatError(UNFIT)
