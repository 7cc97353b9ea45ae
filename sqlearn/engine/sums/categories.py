"""The statistic of categorical features: the weight of each category, which comes and goes with its records."""

import json
from functools import partial

import numpy as np
from numpy.ma import MaskedArray

from sqlearn.engine.identity import PLAIN_LABELS, Vocabulary, digest_one
from sqlearn.engine.kernels import Postponed, kernel
from sqlearn.engine.sums.deposit import deposit_sparse
from sqlearn.engine.sums.exact import Deposit
from sqlearn.engine.sums.one_record import GENERAL_FIRST, OneRecord, may_change, note
from sqlearn.engine.sums.statistic import UNFIT, Block, Statistic
from sqlearn.engine.sums.transaction import Log
from sqlearn.errors import FormatError


@kernel
def count(category_counts, slots, weights, sign):
    """Add to the numbers of records that have each slot, or subtract; -1 is no slot, and weight 0 does not count."""
    for r in range(len(weights)):
        if weights[r] > 0.0:
            for slot in slots[r]:
                if slot >= 0:
                    category_counts[slot] += np.int64(sign)


@kernel
def _use_up(left, slots, weights):
    """Take records off the numbers `left` of their slots; the first record for which nothing is left, or -1."""
    for r in range(len(weights)):
        if weights[r] > 0.0:
            for slot in slots[r]:
                if slot >= 0:
                    left[slot] -= 1
                    if left[slot] < 0:
                        return r
    return -1


class Categories(Statistic):
    """Per slot: the weight of each category of each column. Missing categories are counted nowhere.

    Attributes
    ----------
    vocabulary : Vocabulary
        The cell of each (column, category), less one for the cell of the total weight.
    category_counts : int64[capacity]
        Number of records of positive weight that have the category; with the last of them the category goes.
    """

    n_parts = 4

    def __init__(self, n_features: int, n_targets: int):
        super().__init__(n_features, n_targets)
        self.vocabulary = Vocabulary()
        self.category_counts = np.zeros(0, np.int64)

    @staticmethod
    def cells(n_features, n_targets):
        return 1

    def place(self, column: int) -> int:
        """What stands for this column in the vocabulary."""
        return column

    def encode(self, codes, levels):
        slots = np.full(codes.shape, -1, np.int64)
        words = np.zeros((*codes.shape, 2), np.uint64)
        for j, column in enumerate(levels):
            known = codes[:, j] >= 0
            table = np.zeros(len(column), np.int64)
            for code in np.unique(codes[known, j]):
                table[code] = self.vocabulary.slot((self.place(j), column[code]))
            slots[known, j] = table[codes[known, j]]
            words[known, j] = self.vocabulary.hash_words[slots[known, j]]
        return slots, words.reshape(len(codes), -1)

    def projected_size(self, levels):
        labels = ((self.place(j), level) for j, column in enumerate(levels) for level in column)
        return 1 + self.vocabulary.projected_size(labels)

    @property
    def vocabularies(self):
        return (self.vocabulary,)

    def text_held(self, column: int) -> set[bool]:
        place = self.place(column)
        slots = self.vocabulary.slots.items()
        return {isinstance(label[1], str) for label, i in slots if label[0] == place and self.category_counts[i] > 0}

    def _fit_vocabulary(self):
        capacity = self.vocabulary.capacity
        self.total.resize(len(self.record_counts), 1 + capacity)
        self.category_counts = np.concatenate(
            [self.category_counts, np.zeros(capacity - len(self.category_counts), np.int64)]
        )

    def deposit(self, block, sign, log):
        self._fit_vocabulary()
        known = block.codes >= 0
        indptr = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
        indices = block.codes[known]
        arrays = (np.ones(len(indices)), indices, indptr, block.weights, block.slots, np.argsort(block.slots))
        self._put(Deposit(len(block), deposit_sparse, arrays), sign, log)
        self._change_counts(block.codes, block.weights, sign, log)

    def first_missing(self, block):
        missing = super().first_missing(block)
        return missing if missing >= 0 else self.first_uncounted(block)

    def first_uncounted(self, block: Block) -> int:
        """The first record of a block that has a category of which too few records are held, or -1."""
        left = np.zeros(self.vocabulary.capacity, np.int64)
        left[: len(self.category_counts)] = self.category_counts
        return int(_use_up(left, block.codes, block.weights))

    def fast_path(self, state):
        if state.ledger is None or state.vocabulary is None:
            return None
        return _OneOfCategories(state, state.layout.n_features_in_)

    def _change_counts(self, slots: np.ndarray, weights: np.ndarray, sign: float, log: Log) -> None:
        log.do(partial(self._count, slots, weights, sign), partial(self._count, slots, weights, -sign))

    def _count(self, slots, weights, sign):
        count(self.category_counts, slots, weights, sign)

    def prune(self, temporary=False):
        self.vocabulary.prune(self.category_counts)

    def add(self, other, other_slots, slots):
        ours = np.array([self.vocabulary.slot(label) for label in other.vocabulary.labels()], np.int64)
        theirs = other.vocabulary.sorted_slots()
        self._fit_vocabulary()
        self.category_counts[ours] += other.category_counts[theirs]
        self.total.add(other.total, (other_slots, np.append(0, 1 + theirs)), (slots, np.append(0, 1 + ours)))
        self.record_counts[slots] += other.record_counts[other_slots]

    def copy(self):
        copied = super().copy()
        copied.vocabulary, copied.category_counts = self.vocabulary.copy(), self.category_counts.copy()
        return copied

    def canonical(self, slots):
        order = self.vocabulary.sorted_slots()
        sums = self.total.canonical(slots, np.append(0, 1 + order))
        labels = json.dumps(self.vocabulary.labels()).encode()
        return [
            self.record_counts[slots].astype("<i8").tobytes(),
            sums,
            labels,
            self.category_counts[order].astype("<i8").tobytes(),
        ]

    def restore(self, parts):
        super().restore(parts)
        self.vocabulary.restore([tuple(label) for label in json.loads(parts[2])])
        self.category_counts = np.zeros(self.vocabulary.capacity, np.int64)
        self.category_counts[self.vocabulary.sorted_slots()] = np.frombuffer(parts[3], "<i8")
        self._fit_vocabulary()

    def check_form(self, labels):
        self._check_sums(1 + self.vocabulary.capacity)
        if len(self.category_counts) != self.vocabulary.capacity or self.category_counts.min(initial=0) < 0:
            raise FormatError(UNFIT)


@kernel
def count_one(indices, one, sign, sums):
    """Deposit 1 into these columns of a row; 0, and nothing has changed, when the window is too narrow."""
    limbs, base, need, record_counts = sums
    ones, indptr, slots, order = one
    stop = len(order)
    indptr[1] = len(indices)
    return deposit_sparse(
        ones, indices, indptr, ones, slots, order, stop - 1, stop, sign, limbs, base, record_counts, need
    )


@kernel
def spell_one(codes, slot, sign, words, tail, record_counts, category_counts):
    """Write the words of a label and of categories; False when one of them may go with this record."""
    of_labels, of_categories = words
    if sign < 0 and record_counts[slot] == 1:
        return False
    for i in range(2):
        tail[i] = of_labels[slot, i]
    for k in range(len(codes)):
        code = codes[k]
        if sign < 0 and code >= 0 and category_counts[code] == 1:
            return False
        for i in range(2):
            tail[2 + 2 * k + i] = of_categories[code, i] if code >= 0 else np.uint64(0)
    return True


@kernel
def _change_categories(codes, slot, sign, words, tail, digest, key_state, records, categories, category_counts):
    """Learn or forget a row of categories alone; False, and nothing has changed, if it needs the general path."""
    if not spell_one(codes, slot, sign, words, tail, categories[3], category_counts):
        return False
    digest_one(np.empty(0), tail, key_state, digest)
    if not may_change(digest, sign, records):
        return False
    one = np.ones(1 + len(codes)), np.zeros(2, np.int64), np.full(1, slot), np.zeros(1, np.int64)
    if count_one(codes, one, sign, categories) == 0:
        return False
    for code in codes:
        category_counts[code] += np.int64(sign)
    note(digest, sign, records)
    return True


class OneOfTable(OneRecord):
    """The path of one row of a table, of which `n_categorical` columns hold categories."""

    def __init__(self, state, n_categorical: int):
        super().__init__(state)
        self.n_columns = state.layout.n_features_in_
        self.codes = np.empty(n_categorical, np.int64)
        self.tail = np.zeros(2 + 2 * n_categorical + 1, np.uint64)
        self.tail[-1:] = np.ones(1).view(np.uint64)
        self.digest = np.empty(6, np.uint64)

    def row(self, X):
        """The values of a list, an array or a Series whose index is the names of the features."""
        if isinstance(X, np.ndarray):
            X = X.tolist() if X.ndim == 1 and not isinstance(X, MaskedArray) else None
        elif hasattr(X, "to_frame") and hasattr(X, "index"):
            names = self.state.layout.feature_names_in_
            X = X.tolist() if names is not None and X.index.tolist() == names.tolist() else None
        return X if isinstance(X, list | tuple) and len(X) == self.n_columns else None


class _OneOfCategories(OneOfTable):
    """The path of one row of categories alone, none of which is missing."""

    kernel = Postponed(_change_categories, GENERAL_FIRST)

    def change(self, row, y, sign):
        state, statistic, labels = self.state, self.state.statistic, self.state.vocabulary
        slot, total = labels.slots.get(y), statistic.total
        if slot is None or not PLAIN_LABELS.issuperset(map(type, row)):
            return False
        codes = list(map(statistic.vocabulary.slots.get, enumerate(row)))  # a missing value has no slot
        if None in codes:
            return False
        self.codes[:] = codes
        records = self._reserved(sign, statistic)
        done = _change_categories(
            self.codes, slot, sign, (labels.hash_words, statistic.vocabulary.hash_words), self.tail, self.digest,
            state.key_state, records, (total.limbs, total.base, self.need, statistic.record_counts),
            statistic.category_counts,
        )  # fmt: skip
        return self._finished(done, sign)
