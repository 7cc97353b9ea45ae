"""Learning or forgetting one record in one kernel call: a few microseconds, and atomic under Ctrl-C."""

import numpy as np
import scipy.sparse as sp
from numpy.ma import MaskedArray

from sqlearn.engine.identity import (
    MOST_COPIES,
    PLAIN_LABELS,
    add_one,
    add_term,
    canonical_label,
    copies_held,
    digest_one,
    digest_sparse,
    take_one,
)
from sqlearn.engine.kernels import float_bits, kernel
from sqlearn.engine.rounds import LARGEST, Rounds
from sqlearn.engine.sums import (
    Categories,
    Gram,
    Mixed,
    Moments,
    Sums,
    ThresholdCounts,
    deposit_each,
    deposit_sparse,
    deposit_triangle,
)
from sqlearn.engine.validation import Batch

__all__ = ["PLAIN", "short_path"]

_NUMBERS = PLAIN_LABELS - {str, np.str_}
PLAIN = {"label": PLAIN_LABELS, "value": _NUMBERS}  # types of labels and values that need no long path


@kernel
def _may_change(digest, sign, records):
    """Whether this record can be learned or forgotten: its copies are record_counter from 0 to `MOST_COPIES`."""
    (keys, copies, _), _, record_counter = records
    number = copies_held(keys, copies, digest[0], digest[1])
    return number < MOST_COPIES if sign > 0 else record_counter[0] > 0 and number > 0


@kernel
def _note(digest, sign, records):
    """Note a record in the ledger, the multiset hash and the count, or remove it; :func:`_may_change` allows it."""
    (keys, copies, counters), multiset, record_counter = records
    if sign < 0:
        take_one(keys, copies, counters, digest[0], digest[1])
    else:
        add_one(keys, copies, counters, digest[0], digest[1])
    add_term(multiset, digest, sign)
    record_counter[0] += np.int64(sign)


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
    if not _may_change(digest, sign, records):
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
    _note(digest, sign, records)
    return True


@kernel
def _change_sparse(
    indices, values, lowest, threshold, words, row, sign, tail, digest, key_state, records, sums, held_rows
):
    """The same for the non-zeros of a record: what is not above `lowest`, or not in order, is not plain."""
    limbs, base, need = sums
    last = -1
    for k in range(len(values)):
        if not lowest < values[k] < np.inf or values[k] == 0.0 or indices[k] <= last:
            return False
        last = indices[k]
    if last >= limbs.shape[2] - 1:
        return False
    weights = np.ones(1)
    tail[0, :2] = words
    tail[0, 2] = np.uint64(float_bits(weights[0]))
    stop = len(weights)
    indptr = np.zeros(2, np.int64)
    indptr[1] = len(values)
    digest_sparse(values, indices, indptr, tail, key_state, digest)
    if not _may_change(digest[0], sign, records):
        return False
    if threshold >= 0.0:  # a record's values count as 1 above it
        above = values > threshold
        indices = indices[above]
        values = np.ones(len(indices))
        indptr[1] = len(values)
    rows, order = np.full(1, row), np.zeros(1, np.int64)
    done = deposit_sparse(
        values, indices, indptr, weights, rows, order, stop - 1, stop, sign, limbs, base, held_rows, need
    )
    if done == 0:
        return False
    _note(digest[0], sign, records)
    return True


@kernel
def _count(indices, one, sign, sums):
    """Deposit 1 into these columns of a row; 0, and nothing has changed, when the window is too narrow."""
    limbs, base, need, held_rows = sums
    ones, indptr, rows, order = one
    stop = len(order)
    indptr[1] = len(indices)
    return deposit_sparse(ones, indices, indptr, ones, rows, order, stop - 1, stop, sign, limbs, base, held_rows, need)


@kernel
def _sum_numbers(x, one, sign, sums, workspace):
    """The same for the moments of one record's numbers, float64[1, d]."""
    limbs, base, need, held_rows = sums
    ones, _, rows, order = one
    stop = len(order)
    return deposit_each(x, ones, rows, stop - 1, stop, sign, limbs, base, held_rows, need, workspace)


@kernel
def _spell(codes, row, sign, words, tail, held_rows, category_counts):
    """Write the words of a label and of categories; False when one of them may go with this record."""
    of_labels, of_categories = words
    if sign < 0 and held_rows[row] == 1:
        return False
    for i in range(2):
        tail[i] = of_labels[row, i]
    for k in range(len(codes)):
        code = codes[k]
        if sign < 0 and code >= 0 and category_counts[code] == 1:
            return False
        for i in range(2):
            tail[2 + 2 * k + i] = of_categories[code, i] if code >= 0 else np.uint64(0)
    return True


@kernel
def _change_mixed(
    x, codes, row, sign, words, tail, digest, key_state, records, numbers, missing, categories, category_counts
):
    """The same for a row of a table."""
    if not _spell(codes, row, sign, words, tail, categories[3], category_counts):
        return False
    digest_one(x, tail, key_state, digest)
    if not _may_change(digest, sign, records):
        return False
    # all memory now: what fails later could not be taken back
    filled, workspace = np.zeros((1, len(x))), np.empty((4, len(x)))
    for j in range(len(x)):
        if not np.isnan(x[j]):
            filled[0, j] = x[j]
    unknown, known = np.isnan(x).nonzero()[0], codes[codes >= 0]
    ones = np.ones(1 + len(x) + len(codes))  # its weight, and what is record_counter
    one = ones, np.zeros(2, np.int64), np.full(1, row), np.zeros(1, np.int64)
    if _sum_numbers(filled, one, sign, numbers, workspace) == 0:
        return False
    if _count(unknown, one, sign, missing) == 0:
        _sum_numbers(filled, one, -sign, numbers, workspace)
        return False
    if _count(known, one, sign, categories) == 0:
        _count(unknown, one, -sign, missing)
        _sum_numbers(filled, one, -sign, numbers, workspace)
        return False
    for code in known:
        category_counts[code] += np.int64(sign)
    _note(digest, sign, records)
    return True


@kernel
def _change_categories(codes, row, sign, words, tail, digest, key_state, records, categories, category_counts):
    """The same for a row of categories alone."""
    if not _spell(codes, row, sign, words, tail, categories[3], category_counts):
        return False
    digest_one(np.empty(0), tail, key_state, digest)
    if not _may_change(digest, sign, records):
        return False
    one = np.ones(1 + len(codes)), np.zeros(2, np.int64), np.full(1, row), np.zeros(1, np.int64)
    if _count(codes, one, sign, categories) == 0:
        return False
    for code in codes:
        category_counts[code] += np.int64(sign)
    _note(digest, sign, records)
    return True


class Single:
    """The short path for one dense record of a state with a ledger, and what it shares with the others.

    Parameters
    ----------
    state : State
        State with :class:`~sqlearn.engine.sums.moments.Moments` or :class:`~sqlearn.engine.sums.moments.Gram`.
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

    def row(self, X):
        """What :meth:`change` takes, if `X` is one record in a plain form, or None."""
        is_array = type(X) is np.ndarray or (isinstance(X, np.ndarray) and not isinstance(X, MaskedArray))
        return np.array(X, np.float64) if is_array and X.ndim == 1 and X.dtype.kind in "fiub" else None

    def change(self, x: np.ndarray, y, sign: float) -> bool:
        """Learn (1.0) or forget (-1.0) a record of weight 1; False, and nothing done, when it needs the long path."""
        state = self.state
        statistic, vocabulary = state.statistic, state.vocabulary
        if len(x) != self.width:
            return False
        row, words = 0, self.no_words
        if vocabulary is not None:
            row = vocabulary.slots.get(y)
            if row is None:
                return False
            words = vocabulary.hash_words[row]
        elif state.layout.target_ndim:
            self.target[0] = y
        if sign < 0 and statistic.record_counts[row] == 1:  # then its class may go, which takes more than this one step
            return False
        total = statistic.total
        records = self._reserved(sign, statistic)
        done = _change_dense(
            self.is_gram, x, self.target, words, 1.0, row, sign, self.z, self.tail, self.digest, state.key_state,
            records, (total.limbs, total.base, self.need), statistic.record_counts,
        )  # fmt: skip
        return self._finished(done, sign)

    def _reserved(self, sign, *members):
        """The record's ledger, multiset hash and count, with room for one record in them and in the sums."""
        state = self.state
        if sign > 0:
            state.ledger.reserve(1)
        for member in members:
            member.total.reserve(1)
        state.reader = None
        state.version += 1
        return state.ledger.arrays, state.multiset, state.record_counter

    def _finished(self, done, sign):
        if done and sign < 0:
            state = self.state
            if not state.record_counter[0] & 255:
                state.ledger.shrink()
            state.trim()
        return done


class SingleSparse(Single):
    """The short path for the non-zeros of one record of a state with :class:`~sqlearn.engine.sums.sparse_sums.Sums`."""

    def __init__(self, state):
        super().__init__(state)
        threshold = getattr(state.statistic, "threshold", None)
        self.threshold = -1.0 if threshold is None else float(threshold)
        self.lowest = -np.inf if isinstance(state.statistic, ThresholdCounts) else 0.0  # others refuse what is negative
        self.tail, self.digest = np.empty((1, 3), np.uint64), np.empty((1, 6), np.uint64)

    def row(self, X):
        if isinstance(X, np.ndarray):
            x = super().row(X)
            if x is None or len(x) != self.width:
                return None
            indices = x.nonzero()[0]
            return indices, x[indices]
        if sp.issparse(X) and X.format == "csr" and X.shape == (1, self.width) and X.dtype.kind in "fiub":
            indices, values = np.array(X.indices, np.int64), np.array(X.data, np.float64)
            if indices.shape == values.shape and X.indptr.tolist() == [0, indices.size]:
                return indices, values
        return None

    def change(self, row, y, sign):
        state = self.state
        statistic, slot = state.statistic, state.vocabulary.slots.get(y)
        if slot is None or (sign < 0 and statistic.record_counts[slot] == 1):
            return False
        total = statistic.total
        records = self._reserved(sign, statistic)
        done = _change_sparse(
            *row, self.lowest, self.threshold, state.vocabulary.hash_words[slot], slot, sign, self.tail, self.digest,
            state.key_state, records, (total.limbs, total.base, self.need), statistic.record_counts,
        )  # fmt: skip
        return self._finished(done, sign)


class SingleTable(Single):
    """The short path for one row of a table.

    The state has :class:`~sqlearn.engine.sums.joint.Mixed`, or :class:`~sqlearn.engine.sums.categories.Categories`
    whose columns all are categorical and have no missing values.
    """

    def __init__(self, state):
        super().__init__(state)
        self.is_mixed = isinstance(state.statistic, Mixed)
        self.is_categorical = state.layout.is_categorical if self.is_mixed else [True] * state.n_features_in_
        self.x = np.empty(self.width)
        self.codes = np.empty(sum(self.is_categorical), np.int64)
        self.tail = np.zeros(2 + 2 * len(self.codes) + 1, np.uint64)
        self.tail[-1:] = np.ones(1).view(np.uint64)

    def row(self, X):
        """The values of a list, an array or a Series whose index is the names of the features."""
        if isinstance(X, np.ndarray):
            X = X.tolist() if X.ndim == 1 and not isinstance(X, MaskedArray) else None
        elif hasattr(X, "to_frame") and hasattr(X, "index"):
            names = self.state.feature_names_in_
            X = X.tolist() if names is not None and X.index.tolist() == names.tolist() else None
        return X if isinstance(X, list | tuple) and len(X) == len(self.is_categorical) else None

    def _encode(self, values, slots: dict) -> bool:
        """Write numbers, and slots of categories; False when the long path has to."""
        if not self.is_mixed:
            codes = list(map(slots.get, enumerate(values)))  # a missing value has no slot
            if None in codes or not PLAIN_LABELS.issuperset(map(type, values)):
                return False
            self.codes[:] = codes
            return True
        j = k = 0
        for value, categorical in zip(values, self.is_categorical, strict=True):
            missing = value is None or bool(value != value)
            if categorical:
                slot = -1 if missing else slots.get((k, value))
                if slot is None or not (missing or type(value) in PLAIN_LABELS):
                    return False
                self.codes[k] = slot
                k += 1
            else:
                if not missing and not (type(value) in _NUMBERS and -np.inf < value < np.inf):
                    return False
                self.x[j] = np.nan if missing else value + 0.0
                j += 1
        return True

    def change(self, row, y, sign):
        state, statistic = self.state, self.state.statistic
        members = statistic.members if self.is_mixed else (statistic,)
        categories, labels = members[-1], state.vocabulary
        slot = labels.slots.get(y)
        if slot is None or not self._encode(row, categories.vocabulary.slots):
            return False
        records = self._reserved(sign, *members)
        words = labels.hash_words, categories.vocabulary.hash_words
        common = slot, sign, words, self.tail, self.digest, state.key_state, records
        sums = [(member.total.limbs, member.total.base, self.need, member.record_counts) for member in members]
        if self.is_mixed:
            done = _change_mixed(self.x, self.codes, *common, *sums, categories.category_counts)
        else:
            done = _change_categories(self.codes, *common, *sums, categories.category_counts)
        return self._finished(done, sign)


@kernel
def _within(x, limit):
    """Whether all values are numbers of at most this size."""
    for value in x:
        if not abs(value) <= limit:
            return False
    return True


class Unchecked(Single):
    """The path for one dense record past scikit-learn's validation, for learners whose records take part in rounds."""

    def __init__(self, state):
        super().__init__(state)
        self.targets = np.zeros((1, state.statistic.n_targets))

    def change(self, x: np.ndarray, y, sign: float) -> bool:
        """As :meth:`Single.change`."""
        state = self.state
        if x.ndim != 1 or len(x) != self.width or not _within(x, LARGEST):
            return False
        label_codes, labels, targets = _NO_CODES, [], self.targets
        if state.vocabulary is not None:
            if y not in state.vocabulary.slots:
                return False
            label_codes, labels = _FIRST, [canonical_label(y)]
        elif state.layout.target_ndim:
            targets = np.array([[y]], np.float64)
            if not 0.0 <= targets[0, 0] <= LARGEST:  # some learners refuse negative ones
                return False
        state.change_in_turn((Batch(x[None], _NO_CATEGORIES, [], label_codes, labels, targets, _WEIGHT, True), sign))
        return True


_NO_CODES, _FIRST, _NO_CATEGORIES, _WEIGHT = np.zeros(0, int), np.zeros(1, int), np.zeros((1, 0), int), np.ones(1)


def short_path(state) -> Single | Unchecked | None:
    """The short path that a state can take, if any."""
    if state.layout.target_ndim > 1:
        return None
    if isinstance(state.statistic, Rounds):
        return Unchecked(state)
    if state.ledger is None:
        return None
    if type(state.statistic) in (Moments, Gram):
        return Single(state)
    if state.vocabulary is None:
        return None
    kinds = {Sums: SingleSparse, ThresholdCounts: SingleSparse, Mixed: SingleTable, Categories: SingleTable}
    kind = kinds.get(type(state.statistic))
    if kind is None:
        return None
    if type(state.statistic) is Mixed and state.layout.is_categorical is None:  # TableModel has its own columns
        return None
    return kind(state)
