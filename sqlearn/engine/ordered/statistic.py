"""The statistic of order: per slot and feature, the values held in their order, each with its count."""

from functools import partial
from typing import Any, Self

import numpy as np

from sqlearn.engine.ordered.lists import OrderedLists
from sqlearn.engine.ordered.one_record import OneOrdered
from sqlearn.engine.ordered.sorting import distinct, sorted_columns
from sqlearn.engine.sums import UNFIT, Block, Holder, Log, OneRecord, Statistic
from sqlearn.errors import FormatError

_PER_VALUE = 24  # bytes

# lists and values; missing values of each list, records of each slot: of those there are, as later rows may add some
Changes = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Ordered(Statistic):
    """Per slot: the number of records, and an ordered multiset of each feature's values, NaN counted apart.

    Records of weight 0 count nowhere. How often 0.0 occurs is not kept: it is what the other counts leave.

    Parameters
    ----------
    n_features, n_targets : int
        Shape of the records.
    takes_missing : bool
        Whether values may be NaN.

    Attributes
    ----------
    ordered : OrderedLists
        List ``slot * n_features + feature`` has the values of a feature in a slot.
    """

    n_parts = 2

    def __init__(self, n_features: int, n_targets: int, takes_missing: bool = True) -> None:
        self.n_features, self.n_targets, self.takes_missing = n_features, n_targets, takes_missing
        self.record_counts: np.ndarray = np.zeros(0, np.int64)
        self.ordered = OrderedLists(0)
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []  # rows and slots that are sorted when all are there

    @staticmethod
    def cells(n_features: int, n_targets: int) -> int:
        return n_features

    # ------------------------------------------------------------------ changing

    def deposit(self, block: Block, sign: float, log: Log) -> None:
        counts = block.weights > 0
        x, slots = (block.x, block.slots) if counts.all() else (block.x[counts], block.slots[counts])
        if not log.keeps and sign > 0:
            self._pending.append((x, slots))
            np.add.at(self.record_counts, slots, 1)
            return
        self.settle()
        changes = self._changes(x, slots)
        self.ordered.make_ready()
        if sign > 0:
            log.do(partial(self._learn, changes), partial(self._unlearn, changes))
        else:
            log.do(partial(self._forget, changes), partial(self._learn_again, changes))

    def _changes(self, x: np.ndarray, slots: np.ndarray) -> Changes:
        """Lists and values of some rows without zeros and missing ones, value by value; how many are missing; rows.

        These two are counted here, so that adding them needs no memory.
        """
        d = self.n_features
        missing = np.zeros(len(self.ordered), np.int64)
        if len(x) > 1 and len(slots) and (slots == slots[0]).all():  # in ascending order each is found near the last
            columns = np.sort(x, axis=0).T
            rows = np.broadcast_to(slots[0] * d + np.arange(d)[:, None], columns.shape)
        else:
            columns, rows = x, slots[:, None] * d + np.arange(d)
        unknown = np.isnan(columns)
        if unknown.any():
            missing += np.bincount(rows[unknown], minlength=len(missing))
        known = (columns != 0) & ~unknown
        records = np.bincount(slots, minlength=len(self.record_counts))
        return np.ascontiguousarray(rows[known]), np.ascontiguousarray(columns[known]), missing, records

    def _learn(self, changes: Changes) -> None:
        which, values, missing, records = changes
        held, counts = self.ordered.missing[: len(missing)], self.record_counts[: len(records)]
        self.ordered.put(which, values)
        np.add(held, missing, out=held)
        np.add(counts, records, out=counts)

    def _unlearn(self, changes: Changes) -> None:
        """Take back :meth:`_learn`, whose values are there, without memory."""
        which, values, missing, records = changes
        held, counts = self.ordered.missing[: len(missing)], self.record_counts[: len(records)]
        self.ordered.shift(which, values, -1.0)
        np.subtract(held, missing, out=held)
        np.subtract(counts, records, out=counts)

    def _forget(self, changes: Changes) -> None:
        which, values, missing, records = changes
        held, counts = self.ordered.missing[: len(missing)], self.record_counts[: len(records)]
        if (missing > held).any() or self.ordered.shift(which, values, -1.0) >= 0:
            raise FormatError(UNFIT)  # the records are held, so their values must be
        np.subtract(held, missing, out=held)
        np.subtract(counts, records, out=counts)

    def _learn_again(self, changes: Changes) -> None:
        """Take back :meth:`_forget`, which has left all entries, without memory."""
        which, values, missing, records = changes
        held, counts = self.ordered.missing[: len(missing)], self.record_counts[: len(records)]
        self.ordered.shift(which, values, 1.0)
        np.add(held, missing, out=held)
        np.add(counts, records, out=counts)

    def first_missing(self, block: Block) -> int:
        missing = super().first_missing(block)
        if missing >= 0:
            return missing
        self.settle()
        d, counted = self.n_features, np.flatnonzero(block.weights > 0)
        unknown = self.ordered.missing.copy()
        zeros = np.array([self.zeros(slot, j) for slot in range(len(self.record_counts)) for j in range(d)], np.int64)
        for i in counted:  # zeros and missing values, of which only numbers are known
            own = slice(block.slots[i] * d, (block.slots[i] + 1) * d)
            unknown[own] -= np.isnan(block.x[i])
            zeros[own] -= block.x[i] == 0
            if unknown[own].min(initial=0) < 0 or zeros[own].min(initial=0) < 0:
                return int(i)
        rows, columns = np.nonzero((block.x[counted] != 0) & ~np.isnan(block.x[counted]))
        which, values = block.slots[counted][rows] * d + columns, block.x[counted][rows, columns]
        failed = self.ordered.shift(which, values, -1.0)
        if failed < 0:
            self.ordered.shift(which, values, 1.0)
        return -1 if failed < 0 else int(counted[rows[failed]])

    def fast_path(self, state: Holder) -> OneRecord | None:
        return None if state.ledger is None else OneOrdered(state)

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Any = lambda: None) -> None:
        self.settle()

    def settle(self) -> None:
        """Sort what was learned without a way back, all at once."""
        if not self._pending:
            return
        parts, self._pending = self._pending, []
        if any(self.ordered.lists[5]):
            for x, slots in parts:
                which, values, missing, _ = self._changes(x, slots)
                self.ordered.put(which, values)
                self.ordered.missing[:] += missing
            return
        slots = np.concatenate([part[1] for part in parts])
        for slot in np.unique(slots):
            own = [x if (s == slot).all() else x[s == slot] for x, s in parts]
            for j, column in enumerate(sorted_columns(own)):
                which = slot * self.n_features + j
                values, numbers, self.ordered.missing[which] = distinct(column)
                self.ordered.fill(which, values, numbers, alike=self.n_features - j)

    def resize(self, n_slots: int) -> None:
        if n_slots > len(self.record_counts):
            self.ordered.resize(n_slots * self.n_features)
            more = np.zeros(n_slots - len(self.record_counts), np.int64)
            self.record_counts = np.concatenate([self.record_counts, more])

    def prune(self, temporary: bool = False) -> None:
        if not temporary:
            self.ordered.prune()

    @property
    def is_wide(self) -> bool:
        return False

    def trim(self) -> None:
        """There are no limbs."""

    def memory_for(self, x: Any, slots: int) -> int:
        return _PER_VALUE * int(np.prod(x.shape)) + self.ordered.nbytes

    # ------------------------------------------------------------------ reading

    def zeros(self, slot: int, feature: int) -> int:
        """How often a feature is 0.0 in a slot."""
        which = slot * self.n_features + feature
        return int(self.record_counts[slot] - self.ordered.missing[which]) - self.ordered.total(which)

    def digits(self, slots: np.ndarray | None = None) -> tuple[np.ndarray, int]:
        """Numbers of records, of missing values and of values that are not 0, int64[slots, 1 + 2 d, 1], and 0."""
        self.settle()
        chosen = np.arange(len(self.record_counts)) if slots is None else slots
        which = chosen[:, None] * self.n_features + np.arange(self.n_features)
        totals = np.array([self.ordered.total(i) for i in which.ravel().tolist()], np.int64).reshape(which.shape)
        counts = np.hstack([self.record_counts[chosen, None], self.ordered.missing[which], totals])
        return (counts if slots is not None else counts.sum(axis=0, keepdims=True))[:, :, None], 0

    # ------------------------------------------------------------------ whole states

    def _lists_of(self, slots: np.ndarray) -> np.ndarray:
        which: np.ndarray = (slots[:, None] * self.n_features + np.arange(self.n_features)).ravel()
        return which

    def add(self, other: Statistic, other_slots: np.ndarray, slots: np.ndarray) -> None:
        assert isinstance(other, Ordered)
        self.settle()
        other.settle()
        for theirs, ours in zip(other._lists_of(other_slots), self._lists_of(slots), strict=True):
            values, numbers = other.ordered.contents(theirs)
            self.ordered.put(np.full(len(values), ours), values, numbers)
            self.ordered.missing[ours] += other.ordered.missing[theirs]
        self.record_counts[slots] += other.record_counts[other_slots]

    def copy(self) -> Self:
        self.settle()
        copied = type(self)(self.n_features, self.n_targets, self.takes_missing)
        copied.record_counts, copied.ordered = self.record_counts.copy(), self.ordered.copy()
        return copied

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        self.settle()
        missing = self.ordered.missing[self._lists_of(slots)]
        return [self.record_counts[slots].astype("<i8").tobytes(), missing.astype("<i8").tobytes()]

    def restore(self, parts: list[bytes]) -> None:
        self.record_counts = np.frombuffer(parts[0], "<i8").astype(np.int64)
        missing = np.frombuffer(parts[1], "<i8").astype(np.int64)
        if len(missing) != len(self.record_counts) * self.n_features or missing.min(initial=0) < 0:
            raise FormatError(UNFIT)
        self.ordered = OrderedLists(len(missing))
        self.ordered.missing[:] = missing

    def canonical_values(self, slots: np.ndarray) -> bytes | None:
        self.settle()
        return self.ordered.canonical(self._lists_of(slots))

    def restore_values(self, data: bytes) -> None:
        self.ordered.restore(data)

    def check_form(self, labels: list[Any]) -> None:
        if self.record_counts.min(initial=0) < 0:
            raise FormatError(UNFIT)
        for slot in range(len(self.record_counts)):
            if any(self.zeros(slot, j) < 0 for j in range(self.n_features)):
                raise FormatError(UNFIT)
