"""The Gram matrix of an encoded table, which has columns for the categories that are held, and for no others."""

import json
from dataclasses import replace

import numpy as np

from sqlearn.engine.arithmetic import normalized
from sqlearn.engine.kernels import kernel
from sqlearn.engine.readout import aligned
from sqlearn.engine.sums import UNFIT, Categories, Deposit, Gram, Sums, deposit_sparse, packed_cell
from sqlearn.errors import FormatError


@kernel
def _pair(a, b):
    """The cell of two different slots; a slot more adds cells at the end."""
    high, low = max(a, b), min(a, b)
    return high * (high - 1) // 2 + low


@kernel
def _count(slots, sizes):
    """Slots that each record has, and pairs of them."""
    for r in range(slots.shape[0]):
        k = 0
        for j in range(slots.shape[1]):
            if slots[r, j] >= 0:
                k += 1
        sizes[0, r + 1] = sizes[0, r] + k
        sizes[1, r + 1] = sizes[1, r] + k * (k - 1) // 2


@kernel
def _list(slots, z, values, indices, pairs):
    """Write each record's ``h_k z_i``, cell ``k * len(z) + i``, and the cells of its ``h_k h_l``."""
    width = z.shape[1]
    m, k = 0, 0
    for r in range(slots.shape[0]):
        for j in range(slots.shape[1]):
            if slots[r, j] < 0:
                continue
            for i in range(width):
                values[m] = z[r, i]
                indices[m] = slots[r, j] * width + i
                m += 1
            for l in range(j):
                if slots[r, l] >= 0:
                    pairs[k] = _pair(slots[r, j], slots[r, l])
                    k += 1


@kernel
def _deposit_one_by_one(
    of_pairs, slots, x, targets, weights, of_class, start, stop, sign, limbs, base, record_counts, need,
    z, values, indices, ones, pairs, indptr, order,
):  # fmt: skip
    """Deposit what :func:`_list` lists (pairs, or the others) without memory: the last seven are workspace."""
    d, width = x.shape[1], z.shape[1]
    for r in range(start, stop):
        z[0, 0] = 1.0
        for j in range(d):
            z[0, 1 + j] = x[r, j]
        for j in range(targets.shape[1]):
            z[0, 1 + d + j] = targets[r, j]
        one = slice(r, r + 1)
        _list(slots[one], z, values, indices, pairs)
        k = 0
        for j in range(slots.shape[1]):
            k += slots[r, j] >= 0
        indptr[1] = k * (k - 1) // 2 if of_pairs else k * width
        v, i = (ones, pairs) if of_pairs else (values, indices)
        first = order[0]  # not the literal 0, for which numba would compile the kernel once more
        done = deposit_sparse(
            v, i, indptr, weights[one], of_class[one], order, first, first + 1, sign, limbs, base, record_counts, need
        )
        if done == 0:
            return r
    return stop


class TableGram(Categories):
    """Per slot: the weighted Gram matrix of ``[1, numbers, levels, targets]``.

    A number is 0 where it is missing. A level is 1 in the records that have it and 0 in the others: that a number is
    missing, that a column has this category, or that its category is missing. Levels without a record do not exist.

    Attributes
    ----------
    numbers : Gram
        The part of ``[1, numbers, targets]``.
    total : ExactSum
        Each level against those, cell ``1 + slot * width + i``; cell 0 is the weight.
    pairs : Sums
        Each level against each, a triangle that grows at its end; cell 0 is the weight.
    vocabulary, category_counts
        As of :class:`~sqlearn.engine.sums.categories.Categories`, for levels: ``(i, 0)`` where number i is missing,
        ``(d + 2j, category)``, and ``(d + 2j + 1, 0)`` where that is missing. Their sorted order is that of the
        columns.
    """

    def __init__(self, n_features: int, n_targets: int):
        super().__init__(n_features, n_targets)
        self.numbers = Gram(n_features, n_targets)
        self.pairs = Sums(0, 0)

    def fast_path(self, state):
        return None

    @staticmethod
    def cells(n_features, n_targets):
        return 1

    @property
    def width(self) -> int:
        """Order of the part without levels."""
        return 1 + self.n_features + self.n_targets

    def _cells_for(self, n_levels: int) -> tuple[int, int]:
        """Cells of `total` and of `pairs` for so many slots."""
        return 1 + n_levels * self.width, 1 + n_levels * (n_levels - 1) // 2

    def projected_size(self, levels):
        missing = self.n_features + len(levels)
        places = [{(self.place(j), level) for level in column} for j, column in enumerate(levels)]
        n_levels = len(self.vocabulary.slots.keys() | set().union(*places)) + missing
        return Gram.cells(self.n_features, self.n_targets) + sum(self._cells_for(n_levels))

    def place(self, column):
        return self.n_features + 2 * column

    @property
    def is_wide(self):
        return any(total.is_wide for total in self._totals())

    def trim(self):
        for total in self._totals():
            total.trim()

    def _totals(self):
        return self.total, self.pairs.total, self.numbers.total

    def resize(self, n_slots):
        super().resize(n_slots)
        self.numbers.resize(n_slots)
        self.pairs.resize(n_slots)

    def _fit_vocabulary(self):
        capacity = len(self.category_counts)
        if self.vocabulary.capacity > capacity:  # which doubles: too much for a triangle
            needed = 1 + max(self.vocabulary.slots.values(), default=-1)
            capacity = max(capacity, min(self.vocabulary.capacity, needed + needed // 8))
            self.category_counts = np.concatenate(
                [self.category_counts, np.zeros(capacity - len(self.category_counts), np.int64)]
            )
        first, pairs = self._cells_for(capacity)
        self.total.resize(len(self.record_counts), first)
        self.pairs.total.resize(len(self.pairs.record_counts), pairs)

    def _levels_of(self, block) -> tuple[np.ndarray, np.ndarray]:
        """Numbers with 0 where they are missing, and each record's slots, int64[n, d + c], -1 for none."""
        unknown, codes = np.isnan(block.x), block.codes.copy()
        absent = np.full(block.x.shape, -1, np.int64)
        for i in np.flatnonzero(unknown.any(axis=0)).tolist():
            absent[unknown[:, i], i] = self.vocabulary.slot((i, 0))
        for j in np.flatnonzero((codes < 0).any(axis=0)).tolist():
            codes[codes[:, j] < 0, j] = self.vocabulary.slot((self.place(j) + 1, 0))
        return np.where(unknown, 0.0, block.x), np.concatenate([absent, codes], axis=1)

    def deposit(self, block, sign, log):
        x, slots = self._levels_of(block)
        self._fit_vocabulary()
        block = replace(block, x=x)
        n = len(block)
        z = np.concatenate([np.ones((n, 1)), x, block.targets], axis=1)
        sizes = np.zeros((2, n + 1), np.int64)
        _count(slots, sizes)
        values, indices = np.empty(sizes[0, -1] * self.width), np.empty(sizes[0, -1] * self.width, np.int64)
        pairs = np.empty(sizes[1, -1], np.int64)
        _list(slots, z, values, indices, pairs)
        records = block.weights, block.slots, np.argsort(block.slots)
        first = (values, indices, sizes[0] * self.width, *records)
        second = (np.ones(len(pairs)), pairs, sizes[1], *records)
        self.numbers.deposit(block, sign, log)
        for sums, arrays in ((self, first), (self.pairs, second)):
            # the log keeps what takes the records back one by one: lists of cells are many times longer
            sums._put(Deposit(n, deposit_sparse, arrays), sign, log, self._one_by_one(sums is self.pairs, block, slots))
        self._change_counts(slots, block.weights, sign, log)

    def _one_by_one(self, of_pairs: bool, block, slots) -> Deposit:
        m, width = slots.shape[1], self.width
        cells, pairs = m * width, m * (m - 1) // 2
        workspace = (
            np.empty((1, width)), np.empty(cells), np.empty(cells, np.int64), np.ones(pairs), np.empty(pairs, np.int64),
            np.zeros(2, np.int64), np.zeros(1, np.int64),
        )  # fmt: skip
        arrays = (of_pairs, slots, block.x, block.targets, block.weights, block.slots)
        return Deposit(len(block), _deposit_one_by_one, arrays, workspace)

    def add(self, other, other_slots, slots):
        ours = np.array([self.vocabulary.slot(label) for label in other.vocabulary.labels()], np.int64)
        theirs = other.vocabulary.sorted_slots()
        self._fit_vocabulary()
        self.category_counts[ours] += other.category_counts[theirs]
        self.numbers.add(other.numbers, other_slots, slots)
        for sums, others, place in ((self, other, self._cells), (self.pairs, other.pairs, self._pair_cells)):
            sums.total.add(others.total, (other_slots, place(theirs)), (slots, place(ours)))
            sums.record_counts[slots] += others.record_counts[other_slots]

    def _cells(self, slots) -> np.ndarray:
        """Cells of `total` that belong to these slots, in their order."""
        return np.append(0, 1 + (slots[:, None] * self.width + np.arange(self.width)).ravel())

    def _pair_cells(self, slots) -> np.ndarray:
        """Cells of `pairs` that belong to these slots, in the order that slots 0, 1, ... have."""
        later, earlier = np.tril_indices(len(slots), -1)
        a, b = slots[later], slots[earlier]
        high, low = np.maximum(a, b), np.minimum(a, b)
        return np.append(0, 1 + high * (high - 1) // 2 + low)

    def copy(self):
        copied = super().copy()
        copied.numbers, copied.pairs = self.numbers.copy(), self.pairs.copy()
        return copied

    def canonical(self, slots):
        order = self.vocabulary.sorted_slots()
        return [
            self.record_counts[slots].astype("<i8").tobytes(),
            self.numbers.total.canonical(slots),
            self.total.canonical(slots, self._cells(order)),
            self.pairs.total.canonical(slots, self._pair_cells(order)),
            json.dumps(self.vocabulary.labels()).encode(),
            self.category_counts[order].astype("<i8").tobytes(),
        ]

    def restore(self, parts):
        self.numbers.restore(parts[:2])
        for sums, part in ((self, parts[2]), (self.pairs, parts[3])):
            sums.total = type(sums.total).restore(part)
            sums.record_counts = self.numbers.record_counts.copy()
        self.vocabulary.restore([tuple(label) for label in json.loads(parts[4])])
        self.category_counts = np.frombuffer(parts[5], "<i8").astype(np.int64)
        if len(self.category_counts) != len(self.vocabulary):
            raise FormatError(UNFIT)
        self._fit_vocabulary()

    def check_form(self, labels):
        self.numbers.check_form(labels)
        first, pairs = self._cells_for(len(self.category_counts))
        self._check_sums(first)
        self.pairs._check_sums(pairs)
        if self.category_counts.min(initial=0) < 0:
            raise FormatError(UNFIT)

    def digits(self, slots=None):
        """Digits of ``[1, numbers, levels, targets]``, upper triangles packed row by row, levels in sorted order."""
        parts = (self.numbers.digits(slots), super().digits(slots), self.pairs.digits(slots))
        (plain, first, pairs), low = aligned(*parts)
        every = np.concatenate([plain, first, pairs], axis=1)
        return every[:, self._layout(plain.shape[1], plain.shape[1] + first.shape[1])], low

    def _layout(self, first: int, pairs: int) -> np.ndarray:
        """Where each cell of the whole triangle stands, when `total` starts at `first` and `pairs` at `pairs`."""
        slots, width, d = self.vocabulary.sorted_slots(), self.width, self.n_features
        plain = np.concatenate([np.arange(1 + d), np.arange(1 + d, width)])
        levels = np.arange(len(slots))
        where = []
        for i in range(1 + d):
            others = first + 1 + slots * width + i
            where += [packed_cell(i, np.arange(i, 1 + d), width), others, packed_cell(i, plain[1 + d :], width)]
        for k in levels:
            later = slots[k + 1 :]
            high, low = np.maximum(later, slots[k]), np.minimum(later, slots[k])
            own = first + 1 + slots[k] * width
            where += [[own], pairs + 1 + high * (high - 1) // 2 + low, own + plain[1 + d :]]
        where += [packed_cell(i, np.arange(i, width), width) for i in range(1 + d, width)]
        return np.concatenate(where).astype(np.int64)


class FixedGram(Gram):
    """Gram matrices made elsewhere, for a read-out to look at.

    Parameters
    ----------
    digits : int64[slots, cells, L]
        Balanced digits.
    low : int
        Index of the lowest.
    record_counts : int64[slots]
        Number of records of positive weight in each slot.
    n_features, n_targets : int
        Numbers of variables.
    """

    def __init__(self, digits: np.ndarray, low: int, record_counts: np.ndarray, n_features: int, n_targets: int):
        self.n_features, self.n_targets, self.record_counts = n_features, n_targets, record_counts
        self._digits, self._low = digits, low

    def digits(self, slots=None):
        if slots is None and len(self._digits) > 1:
            return normalized(self._digits.sum(axis=0, keepdims=True)), self._low
        return self._digits if slots is None else self._digits[slots], self._low
