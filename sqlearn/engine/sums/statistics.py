"""What is summed: the few statistics that all learners read.

A statistic has slots (one per class; a single one for learners without classes) and holds, exactly, what its kernel
deposits for every record. Learners that share one differ in their read-outs alone.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.arithmetic import normalized
from sqlearn.engine.identity import Vocabulary
from sqlearn.engine.kernels import kernel
from sqlearn.engine.sums.deposit import deposit_gram_rows, deposit_moments, deposit_sparse, moments_workspace
from sqlearn.engine.sums.exact import Deposit, ExactSum
from sqlearn.engine.sums.gram import deposit_gram
from sqlearn.engine.sums.transaction import Log
from sqlearn.errors import FormatError

UNFIT = "This model's bytes do not fit together. Read it from its source again."

__all__ = [
    "UNFIT",
    "Block",
    "Categories",
    "Correlations",
    "Gram",
    "Joint",
    "LabelSums",
    "Mixed",
    "Moments",
    "Statistic",
    "Sums",
    "ThresholdCounts",
    "count",
    "moments",
]


@dataclass
class Block:
    """Some canonical records.

    Attributes
    ----------
    x : float64[n, d] or CSR matrix of float64
        Features: no -0.0; CSR has sorted indices, int64, and no stored zeros. NaN only for :class:`Mixed`.
    codes : int64[n, c]
        Slots of the categories (see :class:`Categories`), -1 where missing.
    slots : int64[n]
        Slot of each record's class.
    targets : float64[n, t]
        Values to predict; no columns where there are none.
    weights : float64[n]
        Sample weights.
    digests : uint64[n, 6]
        Digests of the records.
    """

    x: np.ndarray | sp.csr_array
    codes: np.ndarray
    slots: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    digests: np.ndarray

    def __len__(self):
        return len(self.weights)


class Statistic:
    """An exact sum and the number of records in each of its slots.

    Attributes
    ----------
    total : ExactSum
        The sum.
    record_counts : int64[slots]
        Number of records of positive weight.
    takes_sparse : bool
        Whether it takes features as CSR rows; as arrays otherwise.
    keeps_records : bool
        Whether it keeps the records with their digests, so that no ledger is needed.
    n_parts : int
        Number of canonical byte strings.
    """

    takes_sparse = False
    keeps_records = False
    n_parts = 2

    def __init__(self, n_features: int, n_targets: int):
        self.n_features, self.n_targets = n_features, n_targets
        self.record_counts: np.ndarray = np.zeros(0, np.int64)
        self.total = ExactSum(0, self.cells(n_features, n_targets))

    @staticmethod
    def cells(n_features: int, n_targets: int) -> int:
        """Number of cells of a slot."""
        raise NotImplementedError

    def projected_size(self, levels: list[list]) -> int:
        """Number of cells of a slot, once these categories of each column are held too."""
        return self.cells(self.n_features, self.n_targets)

    @property
    def vocabularies(self) -> tuple[Vocabulary, ...]:
        """Where categories have slots."""
        return ()

    def deposit(self, block: Block, sign: float, log: Log) -> None:
        """Add (1.0) or subtract (-1.0) a block, in steps that the log can take back."""
        raise NotImplementedError

    def _put(self, deposit: Deposit, sign: float, log: Log, back: Deposit | None = None) -> None:
        """Add or subtract terms of the sum; `back` says how to take them back, if not as they came."""
        if log.keeps:
            self.total.make_ready(back, self.record_counts)
        log.do(
            partial(self.total.deposit, deposit, sign, self.record_counts),
            partial(self._take_out, back or deposit, sign),
        )

    def _take_out(self, deposit: Deposit, sign: float) -> None:
        self.total.take_back(deposit, deposit.n, sign, self.record_counts)

    def reserve(self, records: int) -> None:
        """Make room for so many more records, where they are kept."""

    def first_missing(self, block: Block) -> int:
        """The first record of a block that cannot be held, or -1; without their digests, only counts can tell."""
        left = self.record_counts.copy()
        for i in np.flatnonzero(block.weights > 0):
            left[block.slots[i]] -= 1
            if left[block.slots[i]] < 0:
                return int(i)
        return -1

    def resize(self, n_slots: int) -> None:
        """Make room for so many slots."""
        if n_slots > len(self.record_counts):
            self.total.resize(n_slots, self.total.shape[1])
            self.record_counts = np.concatenate(
                [self.record_counts, np.zeros(n_slots - len(self.record_counts), np.int64)]
            )

    def encode(self, codes: np.ndarray, levels: list[list]) -> tuple[np.ndarray, np.ndarray]:
        """Slots of categories, int64[n, c], and what they add to the records' messages, uint64[n, 2 * c]."""
        return np.zeros((len(codes), 0), np.int64), np.zeros((len(codes), 0), np.uint64)

    def prune(self, lent: bool = False) -> None:
        """Let go of what no record needs any more; but not of places, if an update will be taken back (`lent`)."""

    @property
    def is_wide(self) -> bool:
        """Whether :meth:`trim` has work to do that pays."""
        return self.total.is_wide

    def trim(self) -> None:
        """Give back limbs that no record needs any more; see :meth:`~sqlearn.engine.sums.exact.ExactSum.trim`."""
        self.total.trim()

    def refresh(self, order: np.ndarray, labels: list, log: Log, check: Callable[[], None] = lambda: None) -> None:
        """Bring up to date what depends on all records; `order` has the slots that hold any, `labels` theirs, sorted.

        Long work calls `check`, which may raise, now and then.
        """

    def canonical_rows(self, slots: np.ndarray) -> bytes | None:
        """Canonical bytes of the records themselves, where the statistic keeps them."""
        return None

    def restore_rows(self, data: bytes) -> int:
        """Take the records that :meth:`canonical_rows` gave, and tell how many they are."""
        raise NotImplementedError

    def leave_rows(self) -> bool:
        """Do without the records themselves, which stay elsewhere. Whether there are any to do without."""
        return False

    def add(self, other: "Statistic", other_slots: np.ndarray, slots: np.ndarray) -> None:
        """Add these slots of `other` to `slots`, all different."""
        cells = np.arange(self.total.shape[1])
        self.total.add(other.total, (other_slots, cells), (slots, cells))
        self.record_counts[slots] += other.record_counts[other_slots]

    def copy(self) -> Self:
        twin = type(self)(self.n_features, self.n_targets)
        twin.total, twin.record_counts = self.total.copy(), self.record_counts.copy()
        return twin

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        """Canonical bytes of these slots in this order."""
        return [self.record_counts[slots].astype("<i8").tobytes(), self.total.canonical(slots)]

    def restore(self, parts: list[bytes]) -> None:
        """Take the contents that :meth:`canonical` gave, as slots 0, 1, ..."""
        self.record_counts = np.frombuffer(parts[0], "<i8").astype(np.int64)
        self.total = ExactSum.restore(parts[1])

    def check_form(self, labels: list) -> None:
        """Raise FormatError where what was restored, for these labels, could not have been held: kernels trust it."""
        self._check_sums(self.cells(self.n_features, self.n_targets))

    def _check_sums(self, cells: int) -> None:
        if self.total.shape != (len(self.record_counts), cells) or self.record_counts.min(initial=0) < 0:
            raise FormatError(UNFIT)

    def digits(self, slots: np.ndarray | None = None) -> tuple[np.ndarray, int]:
        """Digits of these slots, int64[len(slots), cells, L]; of the sum of all slots, int64[1, cells, L], for None."""
        digits, low = self.total.digits()
        if slots is None:
            return normalized(digits.sum(axis=0, keepdims=True)), low
        return digits[slots], low


class Moments(Statistic):
    """Per slot: the weight, the weighted sum of each feature, and of each feature's square."""

    @staticmethod
    def cells(n_features, n_targets):
        return 1 + 2 * n_features

    def deposit(self, block, sign, log):
        self._put(moments(block.x, block.weights, block.slots), sign, log)


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


class Sums(Statistic):
    """Per slot: the weight and the weighted sum of each feature, at the cost of the non-zeros alone."""

    takes_sparse = True

    @staticmethod
    def cells(n_features, n_targets):
        return 1 + n_features

    def deposit(self, block, sign, log):
        arrays = (block.x.data, block.x.indices, block.x.indptr, block.weights, block.slots, np.argsort(block.slots))
        self._put(Deposit(len(block), deposit_sparse, arrays), sign, log)


class ThresholdCounts(Sums):
    """Per slot: the weight, and the weight of the records in which each feature exceeds a threshold of at least 0.

    Attributes
    ----------
    threshold : float or None
        The threshold; None sums the features as they are.
    """

    threshold: float | None = None

    def deposit(self, block, sign, log):
        if self.threshold is not None:
            above = block.x.data > self.threshold
            indptr = np.append(0, np.cumsum(above))[block.x.indptr]
            x = sp.csr_array((np.ones(indptr[-1]), block.x.indices[above], indptr), block.x.shape)
            block = replace(block, x=x)
        super().deposit(block, sign, log)

    def copy(self):
        twin = super().copy()
        twin.threshold = self.threshold
        return twin


@kernel
def count(category_counts, slots, weights, sign):
    """Add to the numbers of records that have each slot, or subtract; -1 is no slot, and weight 0 does not count."""
    for r in range(len(weights)):
        if weights[r] > 0.0:
            for slot in slots[r]:
                if slot >= 0:
                    category_counts[slot] += np.int64(sign)


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
        self._carry(block.codes, block.weights, sign, log)

    def _carry(self, slots: np.ndarray, weights: np.ndarray, sign: float, log: Log) -> None:
        log.do(partial(self._count, slots, weights, sign), partial(self._count, slots, weights, -sign))

    def _count(self, slots, weights, sign):
        count(self.category_counts, slots, weights, sign)

    def prune(self, lent=False):
        self.vocabulary.prune(self.category_counts)

    def add(self, other, other_slots, slots):
        ours = np.array([self.vocabulary.slot(label) for label in other.vocabulary.labels()], np.int64)
        theirs = other.vocabulary.sorted_slots()
        self._fit_vocabulary()
        self.category_counts[ours] += other.category_counts[theirs]
        self.total.add(other.total, (other_slots, np.append(0, 1 + theirs)), (slots, np.append(0, 1 + ours)))
        self.record_counts[slots] += other.record_counts[other_slots]

    def copy(self):
        twin = super().copy()
        twin.vocabulary, twin.category_counts = self.vocabulary.copy(), self.category_counts.copy()
        return twin

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


class Joint(Statistic):
    """Statistics that move as one: what each of its members holds, all or nothing.

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

    def prune(self, lent=False):
        for member in self.members:
            member.prune(lent)

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
        twin = object.__new__(type(self))
        for name, value in vars(self).items():
            setattr(twin, name, value.copy() if isinstance(value, Statistic) else value)
        return twin

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

    def blocks(self, block):
        unknown = np.isnan(block.x)
        return replace(block, x=np.where(unknown, 0.0, block.x)), replace(block, x=as_csr(unknown)), block


class Correlations(Joint):
    """Moments of the features and of one target, and the products of each feature with it, of records of weight 1.

    Attributes
    ----------
    moments : Moments
        Of the features and, last, of the target.
    products : Sums
        The sum of the target, and of each feature times the target, which stands where records have their weight.
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


class LabelSums(Sums):
    """The sums of all records, and the same of the records that have each label; a record may have several.

    Targets are 1 for the labels of a record and 0 for others. Cells are, first for all and then for each label, the
    weight and the weighted sum of each feature.
    """

    @staticmethod
    def cells(n_features, n_targets):
        return (1 + n_targets) * Sums.cells(n_features, 0)

    def deposit(self, block, sign, log):
        one = np.ones((len(block), 1))
        record = sp.hstack([sp.csr_array(one), block.x], format="csr")
        groups = sp.csr_array(np.concatenate([one, block.targets], axis=1))
        each = record[np.repeat(np.arange(len(block)), np.diff(groups.indptr))]  # once for each group it is in
        cells = each.indices + np.repeat(groups.indices * record.shape[1], np.diff(each.indptr))
        x = sp.csr_array((each.data, cells, each.indptr[groups.indptr]), (len(block), self.total.shape[1]))
        super().deposit(replace(block, x=as_csr(x[:, 1:])), sign, log)  # the first cell is the weight


def as_csr(x) -> sp.csr_array:
    """Canonical CSR of float64 with int64 indices: sorted, duplicates summed, no stored zeros."""
    matrix = sp.csr_array(x, dtype=np.float64, copy=True)  # what the caller holds is not sorted or pruned in place
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix
