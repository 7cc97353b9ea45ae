"""Statistics made of others, which an update changes together."""

import copy
from dataclasses import replace

import numpy as np

from sqlearn.engine.identity import PLAIN_LABELS, digest_one
from sqlearn.engine.kernels import Postponed, kernel
from sqlearn.engine.sums.categories import Categories, OneOfTable, count_one, spell_one
from sqlearn.engine.sums.deposit import deposit_each
from sqlearn.engine.sums.moments import Moments
from sqlearn.engine.sums.one_record import GENERAL_FIRST, MOST_BITS, may_change, note
from sqlearn.engine.sums.sparse_sums import Sums, as_csr
from sqlearn.engine.sums.statistic import UNFIT, Block, Statistic
from sqlearn.errors import FormatError


class Joint(Statistic):
    """A statistic made of others: an update changes all of them or none.

    Attributes
    ----------
    members : tuple of Statistic
        The statistics. The first one counts the records of each slot, and gives the digits.
    """

    @property
    def members(self) -> tuple[Statistic, ...]:
        raise NotImplementedError

    def blocks(self, block: Block) -> tuple[Block, ...]:
        """What each member deposits of a block."""
        raise NotImplementedError

    @property
    def record_counts(self):  # type: ignore[override]
        return self.members[0].record_counts

    @property
    def vocabularies(self):
        return tuple(vocabulary for member in self.members for vocabulary in member.vocabularies)

    def projected_size(self, levels):
        return sum(member.projected_size(levels) for member in self.members)

    def deposit(self, block, sign, log):
        for member, part in zip(self.members, self.blocks(block), strict=True):
            member.deposit(part, sign, log)

    def resize(self, n_slots):
        for member in self.members:
            member.resize(n_slots)

    def prune(self, temporary=False):
        for member in self.members:
            member.prune(temporary)

    @property
    def is_wide(self):
        return any(member.is_wide for member in self.members)

    def trim(self):
        for member in self.members:
            member.trim()

    def add(self, other, other_slots, slots):
        for ours, theirs in zip(self.members, other.members, strict=True):
            ours.add(theirs, other_slots, slots)

    def copy(self):
        copied = copy.copy(self)
        for name, value in vars(self).items():
            setattr(copied, name, value.copy() if isinstance(value, Statistic) else value)
        return copied

    def canonical(self, slots):
        return [part for member in self.members for part in member.canonical(slots)]

    def digits(self, slots=None):
        return self.members[0].digits(slots)

    def restore(self, parts):
        start = 0
        for member in self.members:
            member.restore(parts[start : start + member.n_parts])
            start += member.n_parts

    def check_form(self, labels):
        for member in self.members:
            member.check_form(labels)
            if len(member.record_counts) != len(self.record_counts):
                raise FormatError(UNFIT)


class Mixed(Joint):
    """Moments of numeric columns with missing values, and categories.

    Attributes
    ----------
    moments : Moments
        Of the numeric features, NaN taken as 0.
    missing : Sums
        Weight of the records in which each numeric feature is NaN.
    categories : Categories
        Of the categorical columns.
    """

    def __init__(self, n_features: int, n_targets: int):
        self.n_features, self.n_targets = n_features, n_targets
        self.moments = Moments(n_features, 0)
        self.missing = Sums(n_features, 0)
        self.categories = Categories(0, 0)

    @staticmethod
    def cells(n_features, n_targets):
        return Moments.cells(n_features, 0) + Sums.cells(n_features, 0) + Categories.cells(0, 0)

    @property
    def members(self):
        return self.moments, self.missing, self.categories

    def encode(self, codes, levels):
        return self.categories.encode(codes, levels)

    def first_missing(self, block):
        missing = super().first_missing(block)
        return missing if missing >= 0 else self.categories.first_uncounted(block)

    def blocks(self, block):
        unknown = np.isnan(block.x)
        return replace(block, x=np.where(unknown, 0.0, block.x)), replace(block, x=as_csr(unknown)), block

    def fast_path(self, state):
        if state.ledger is None or state.vocabulary is None or state.layout.is_categorical is None:
            return None  # the last: a TableModel, which has its own columns
        return _OneMixed(state)


class Correlations(Joint):
    """Moments of the features and of one target, and products of each feature with the target; records have weight 1.

    Attributes
    ----------
    moments : Moments
        Of the features and, last, of the target.
    products : Sums
        The sum of the target, and of each feature times the target: sums whose "weight" is the target.
    """

    def __init__(self, n_features: int, n_targets: int):
        self.n_features, self.n_targets = n_features, n_targets
        self.moments = Moments(n_features + 1, 0)
        self.products = Sums(n_features, 0)

    @staticmethod
    def cells(n_features, n_targets):
        return Moments.cells(n_features + 1, 0) + Sums.cells(n_features, 0)

    @property
    def members(self):
        return self.moments, self.products

    def blocks(self, block):
        z = np.concatenate([block.x, block.targets], axis=1)
        return replace(block, x=z), replace(block, x=as_csr(block.x), weights=block.targets[:, 0])


@kernel
def _sum_numbers(x, one, sign, sums, workspace):
    """Deposit a record's numbers, float64[1, d], in the moments; 0, with nothing changed, if the window must grow."""
    limbs, base, need, record_counts = sums
    ones, _, slots, order = one
    stop = len(order)
    return deposit_each(x, ones, slots, stop - 1, stop, sign, limbs, base, record_counts, need, workspace)


@kernel
def _change_mixed(
    x, codes, slot, sign, words, tail, digest, key_state, records, numbers, missing, categories, category_counts
):
    """Learn or forget a row of numbers and categories; False, and nothing has changed, if it needs the general path."""
    if not spell_one(codes, slot, sign, words, tail, categories[3], category_counts):
        return False
    digest_one(x, tail, key_state, digest)
    if not may_change(digest, sign, records):
        return False
    # all memory now: what fails later could not be taken back
    filled, workspace = np.zeros((1, len(x))), np.empty((4, len(x)))
    for j in range(len(x)):
        if not np.isnan(x[j]):
            filled[0, j] = x[j]
    unknown, known = np.isnan(x).nonzero()[0], codes[codes >= 0]
    ones = np.ones(1 + len(x) + len(codes))  # the record's weight, and a 1 for each missing number or category to count
    one = ones, np.zeros(2, np.int64), np.full(1, slot), np.zeros(1, np.int64)
    if _sum_numbers(filled, one, sign, numbers, workspace) == 0:
        return False
    if count_one(unknown, one, sign, missing) == 0:
        _sum_numbers(filled, one, -sign, numbers, workspace)
        return False
    if count_one(known, one, sign, categories) == 0:
        count_one(unknown, one, -sign, missing)
        _sum_numbers(filled, one, -sign, numbers, workspace)
        return False
    for code in known:
        category_counts[code] += np.int64(sign)
    note(digest, sign, records)
    return True


_NUMBERS = PLAIN_LABELS - {str, np.str_}


class _OneMixed(OneOfTable):
    """The path of one row of numbers and categories, any of which may be missing."""

    kernel = Postponed(_change_mixed, GENERAL_FIRST)

    def __init__(self, state):
        self.is_categorical = state.layout.is_categorical
        super().__init__(state, sum(self.is_categorical))
        self.x = np.empty(self.width)

    def _encode(self, values, slots: dict) -> bool:
        """Write numbers, and slots of categories; False if the row needs the general path."""
        j = k = 0
        for value, categorical in zip(values, self.is_categorical, strict=True):
            kind = type(value)
            if kind not in PLAIN_LABELS and value is not None:  # whose methods may raise
                return False
            missing = value is None or value != value
            if categorical:
                slot = -1 if missing else slots.get((k, value))
                if slot is None:
                    return False
                self.codes[k] = slot
                k += 1
            else:
                if not missing and not (kind in _NUMBERS and -np.inf < value < np.inf):
                    return False
                if kind is int and value.bit_length() > MOST_BITS:
                    return False
                self.x[j] = np.nan if missing else value + 0.0
                j += 1
        return True

    def change(self, row, y, sign):
        state, labels = self.state, self.state.vocabulary
        members = state.statistic.members
        categories, slot = members[-1], labels.slots.get(y)
        if slot is None or not self._encode(row, categories.vocabulary.slots):
            return False
        records = self._reserved(sign, *members)
        sums = [(member.total.limbs, member.total.base, self.need, member.record_counts) for member in members]
        done = _change_mixed(
            self.x, self.codes, slot, sign, (labels.hash_words, categories.vocabulary.hash_words), self.tail,
            self.digest, state.key_state, records, *sums, categories.category_counts,
        )  # fmt: skip
        return self._finished(done, sign)
