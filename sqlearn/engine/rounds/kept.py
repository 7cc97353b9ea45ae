"""The records themselves as a statistic: what learners keep that look at them again."""

import sys
from typing import Any, Self

import numpy as np

from sqlearn.engine.rounds.changes import move
from sqlearn.engine.rounds.one_record import OneOfKept
from sqlearn.engine.rounds.row_source import (
    MAX_HASH,
    ROWS_ELSEWHERE,
    CopiedRows,
    DetachedRows,
    Records,
    RowSource,
)
from sqlearn.engine.rounds.rows import Rows, check_rows, packed, unpacked
from sqlearn.engine.sums import UNFIT, Block, Holder, Log, OneRecord, Statistic, moments
from sqlearn.errors import FormatError, MergeError

LARGEST_BITS = 500
LARGEST = 2.0**LARGEST_BITS  # of features: beyond that, squares of differences leave float64's range


class KeptRecords(Statistic):
    """The records held, by digest, and the number of each class.

    Beyond that it sums nothing but weights.

    Parameters
    ----------
    n_features, n_targets : int
        Shape of the records.
    seed : int
        Seed of keyed hashes.
    largest : float
        What features must not exceed.

    Attributes
    ----------
    rows : RowSource
        The records: the model's own copy, or another source of rows.
    targets_within : (float, float)
        The least and the greatest target that the fast path takes.
    takes_missing : bool
        Whether features may be NaN.
    categorical : tuple of int
        Features that are numbers of categories: see :mod:`~sqlearn.engine.tables.numbered`.
    follows : bool
        Whether more than records and counts has to follow an update.
    turn : int
        Odd while records come, go or move, and another number after that: what another thread makes of them meanwhile
        is not kept.
    """

    keeps_records = True
    takes_missing = False
    categorical: tuple[int, ...] = ()
    follows = False
    targets_within = -sys.float_info.max, sys.float_info.max

    def __init__(self, n_features: int, n_targets: int, seed: int = 0, largest: float = LARGEST) -> None:
        super().__init__(n_features, n_targets)
        self.seed = np.uint64(seed)
        self.largest = largest
        self.rows: RowSource = Rows(n_features, self.seed)
        self.turn = 0

    @staticmethod
    def cells(n_features: int, n_targets: int) -> int:
        return 1

    # ------------------------------------------------------------------ changing

    def reserve(self, records: int) -> None:
        self.rows.reserve(records)

    def first_missing(self, block: Block) -> int:
        return self.rows.missing(block.digests)

    def copies(self, digests: np.ndarray) -> np.ndarray:
        assert isinstance(self.rows, Rows)
        return self.rows.copies(digests)

    def fast_path(self, state: Holder) -> OneRecord | None:
        return OneOfKept(state)

    def deposit(self, block: Block, sign: float, log: Log) -> None:
        y = block.targets[:, 0].copy() if self.n_targets else block.slots.astype(np.float64)
        self._change(block.x, y, block.weights, block.slots, block.digests, sign, log)

    def _change(
        self,
        x: np.ndarray,
        y: np.ndarray,
        w: np.ndarray,
        slots: np.ndarray,
        digests: np.ndarray,
        sign: float,
        log: Log,
    ) -> None:
        self.begin()
        counts = w > 0
        if not counts.all():  # records of weight 0 leave their digests alone: even their class may go before they do
            x, y = np.where(counts[:, None], x, 0.0), np.where(counts, y, 0.0)
        self._sum(x, w, slots, sign, log)
        self._note(*move(self.rows, x, y, w, digests, sign, log), sign)

    def _sum(self, x: np.ndarray, w: np.ndarray, slots: np.ndarray, sign: float, log: Log) -> None:
        """Add or subtract the moments of those features that are summed: the first ones, as many as have cells."""
        summed = (self.total.shape[1] - 1) // 2
        self._put(moments(x[:, :summed], w, slots), sign, log)

    def _note(self, records: Records, places: np.ndarray, sign: float) -> None:
        """Take notice of records that have come to these places, or gone."""

    def prune(self, temporary: bool = False) -> None:
        if not temporary:
            self.compact()
        self.end()

    def begin(self) -> None:
        """Note that records come, go or move from here on."""
        self.turn |= 1

    def end(self) -> None:
        """Note that they have."""
        self.turn = (self.turn | 1) + 1

    def compact(self) -> None:
        """Use less memory, if that is worth while: records may move to other places."""
        kept = self.rows.compact()
        if kept is not None:
            self._follow_from(kept)

    def _follow_from(self, places: np.ndarray) -> None:
        """Follow the records, which lay in these places until now, to the first ones. It must not fail."""

    # ------------------------------------------------------------------ reading

    def all_records(self, slots: np.ndarray) -> Records:
        """All records of positive weight in an order that they alone decide, with classes in the order of `slots`.

        They are sorted by their features, the first one first, then by class or target, then by weight.
        """
        blocks = [block.take(block.w > 0) for block in self.rows.blocks(MAX_HASH)]
        columns = zip(*((block.x, block.y, block.w, block.hashes) for block in blocks), strict=True)
        found = Records(*map(np.concatenate, columns))
        found.x = self._in_order(found.x, found.w)
        if not self.n_targets:
            found.y = self._codes(slots)[found.y.astype(np.int64)]
        return found.take(by_content(np.column_stack([found.x, found.y, found.w])))

    def _in_order(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Features of records of these weights, with what tells their order in place of what tells of history."""
        return x

    @staticmethod
    def _codes(slots: np.ndarray) -> np.ndarray:
        """The place of each slot in `slots`, float64."""
        codes = np.zeros(1 + max(slots, default=0))
        codes[slots] = np.arange(len(slots))
        return codes

    # ------------------------------------------------------------------ whole states

    def add(self, other: Statistic, other_slots: np.ndarray, slots: np.ndarray) -> None:
        """Take in the records of `other`."""
        assert isinstance(other, KeptRecords)
        held = other.rows
        if other.is_share:  # its records stay where they are
            super().add(other, other_slots, slots)
            return
        if not isinstance(held, Rows):
            raise MergeError(ROWS_ELSEWHERE, reason="rows elsewhere")
        keep = held.places()
        table = np.zeros(len(other.record_counts), np.int64)
        table[other_slots] = slots
        of_record = table[held.y[keep].astype(np.int64)] if not self.n_targets else np.zeros(len(keep), np.int64)
        y = held.y[keep] if self.n_targets else of_record.astype(np.float64)
        x = self._taken_over(other, held.x[keep])
        self._change(x, y, held.w[keep], of_record, held.digests[keep], 1.0, Log(keeps=False))

    def _taken_over(self, other: "KeptRecords", x: np.ndarray) -> np.ndarray:
        """Features of another's records as they are here."""
        return x

    def _empty(self) -> Self:
        """A statistic of the same kind without records."""
        return type(self)(self.n_features, self.n_targets, int(self.seed), self.largest)

    def copy(self) -> Self:
        copied = self._empty()
        copied.total, copied.record_counts, copied.rows = self.total.copy(), self.record_counts.copy(), self.rows.copy()
        copied.is_share = self.is_share
        return copied

    def canonical_rows(self, slots: np.ndarray) -> bytes | None:
        """The records held, sorted by digest, with classes in the order of `slots`; None where they are elsewhere."""
        held = self.rows
        if not isinstance(held, Rows):
            return None
        order = held.by_digest()
        w, y = held.w[order], held.y[order]
        x = self._in_order(held.x[order], w)
        if not self.n_targets:
            y = self._codes(slots)[y.astype(np.int64)] * (w > 0)
        return packed(x, y, w, held.digests[order])

    @property
    def _width(self) -> int:
        """Columns of a record as it is kept."""
        return self.n_features

    def restore_rows(self, data: bytes) -> int:
        self.rows, n = unpacked(data, self._width, self.seed)
        if n and self.is_share:  # which leaves its records where they are
            raise FormatError(UNFIT)
        return n

    def leave_rows(self) -> bool:
        self.rows = DetachedRows()
        return True

    def solution_elsewhere(self, order: np.ndarray, labels: list[Any], version: int) -> bytes | None:
        if isinstance(self.rows, Rows | DetachedRows) or not self.record_counts.any():
            return None
        held = self.all_records(order)  # what answers is all of them
        # their keyed hashes in place of digests, which are for updates, and these are refused
        names = np.column_stack([np.arange(len(held.w), dtype=np.uint64), held.hashes])
        return packed(held.x, held.y, held.w, names)

    def restore_solution(self, solution: bytes) -> None:
        rows, n = unpacked(solution, self._width, self.seed)
        rows.keyed[:n] = rows.digests[:n, 1]
        self.rows = CopiedRows(rows)

    def read_from(self, rows: RowSource) -> None:
        """Take the records from another source from here on."""
        self.rows = rows

    def check_form(self, labels: list[Any]) -> None:
        super().check_form(labels)
        if isinstance(self.rows, Rows):
            check_rows(self.rows, 0 if self.n_targets else max(1, len(labels)), self.largest)


def by_content(values: np.ndarray) -> np.ndarray:
    """The order of rows, float64[n, d] without -0.0: by the first column, then by the second, and so on."""
    bits = values.view(np.int64)
    ordered = np.where(bits < 0, ~bits, bits ^ np.iinfo(np.int64).min)  # as bytes, these compare as the floats do
    order: np.ndarray = ordered.astype(">i8").view(f"V{8 * bits.shape[1]}").ravel().argsort()
    return order
