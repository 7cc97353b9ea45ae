"""Sparse records as a statistic: the state of adaptive learners of many features, which solve when they are read."""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, NoReturn, Protocol, Self

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.rounds import (
    MAX_HASH,
    ROWS_ELSEWHERE,
    CopiedRows,
    DetachedRows,
    KeptRecords,
    RowSource,
    Trace,
    UpdateReport,
    move,
)
from sqlearn.engine.sparse.one_record import OneOfSparse
from sqlearn.engine.sparse.rows import CompressedRows, OrderedRecords, packed_sparse, unpacked_sparse
from sqlearn.engine.sums import UNFIT, ExactSum, Holder, Log, OneRecord, Statistic
from sqlearn.errors import FormatError, MergeError

_PER_ENTRY, _PER_RECORD = 12, 96  # bytes of what is kept
_VECTORS, _OF_RECORDS = 10, 8  # numbers of a search, per parameter, and per record and output


class SparseProblem(Protocol):
    """What a learner of sparse records minimises."""

    def solve(self, total: ExactSum, n: int, order: np.ndarray, records: OrderedRecords) -> Trace:
        """The solution for these records; `total` has the weight of class c in slot ``order[c]``."""


def _canonical(x: Any) -> Any:
    """Sparse rows as they are kept: without zeros, their columns in order."""
    found = sp.csr_array(x, copy=True)
    found.sum_duplicates()
    found.eliminate_zeros()
    found.indices, found.indptr = found.indices.astype(np.int64), found.indptr.astype(np.int64)
    return found


class SparseKept(KeptRecords):
    """Sparse records by digest, and the weight of each class; nothing else is kept, whatever is learned from them.

    An update changes records alone. They are solved for when the solution is read, see :meth:`solved`; the members are
    those of :class:`~sqlearn.engine.rounds.statistic.Rounds`, which keeps traces too.

    Parameters
    ----------
    n_features, n_targets : int
        Shape of the records.
    problem : callable
        From the labels held to the problem; None if nothing can be learned from them.
    """

    takes_sparse = True
    rows: RowSource

    def __init__(self, n_features: int, n_targets: int, problem: Callable[[list[Any]], SparseProblem | None]) -> None:
        super().__init__(n_features, n_targets)
        self.targets_within = 0.0, self.largest  # some losses refuse negative ones
        self.problem = problem
        self.rows = CompressedRows(n_features, self.seed)
        self.solution: tuple[int, Trace] | None = None
        self.last: UpdateReport | None = None
        self.warned = False
        self.memo: tuple[()] = ()  # learners that keep traces have one
        self.aside: None = None

    # ------------------------------------------------------------------ changing

    def fast_path(self, state: Holder) -> OneRecord | None:
        return OneOfSparse(state)

    def _change(
        self,
        x: Any,
        y: np.ndarray,
        w: np.ndarray,
        slots: np.ndarray,
        digests: np.ndarray,
        sign: float,
        log: Log,
    ) -> None:
        counts = w > 0
        if not counts.all():  # records of weight 0 leave their digests alone: even their class may go before they do
            keep = np.repeat(counts, np.diff(x.indptr))
            indptr = np.append(0, np.cumsum(np.diff(x.indptr) * counts))
            x, y = sp.csr_array((x.data[keep], x.indices[keep], indptr), x.shape), np.where(counts, y, 0.0)
        x.indices, x.indptr = x.indices.astype(np.int64, copy=False), x.indptr.astype(np.int64, copy=False)
        self._sum(np.empty((len(w), 0)), w, slots, sign, log)
        move(self.rows, x, y, w, digests, sign, log)

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Callable[[], None] = lambda: None) -> None:
        started = perf_counter()
        log.note(partial(self._set, self.last))
        self._set(UpdateReport(0, None, 0, perf_counter() - started))

    def _set(self, last: UpdateReport | None) -> None:
        self.last, self.solution, self.warned = last, None, False

    def memory_for(self, x: Any, slots: int) -> int:
        outputs = slots if slots > 2 else 1
        count, n = int(x.indptr[-1]), x.shape[0]
        if isinstance(self.rows, CompressedRows):
            count, n = self.rows.used.item(1) + count, len(self.rows) + n
        parameters = outputs * min(self.n_features, count)
        kept = _PER_ENTRY * (count + count // 2) + _PER_RECORD * n  # what grows has room for half as much more
        solving = _PER_ENTRY * count + 8 * (_VECTORS * parameters + _OF_RECORDS * outputs * n)
        total: int = kept + solving + 16 * outputs * self.n_features
        return total

    # ------------------------------------------------------------------ reading

    def solved(self, order: np.ndarray, labels: list[Any], version: int) -> Trace | None:
        """What all records are solved for, once; None where nothing can be learned.

        `order` has the slots of the classes that hold records, `labels` these classes, sorted; `version` is the
        state's.
        """
        known = self.solution
        if known is None or known[0] != version:
            problem = self.problem(labels) if self.record_counts.any() else None
            if problem is None:
                return None
            n = sum(self.record_counts.tolist())
            ordered = self._held().in_order(None if self.n_targets else self._codes(order))
            self.solution = known = version, problem.solve(self.total, n, order, ordered)
        return known[1]

    def _held(self) -> CompressedRows:
        """The records; those that lie elsewhere are read, since what is solved needs all of them."""
        rows = self.rows.rows if isinstance(self.rows, CopiedRows) else self.rows
        if isinstance(rows, CompressedRows):
            return rows
        found, start = CompressedRows(self.n_features, self.seed), 0
        for block in rows.blocks(MAX_HASH):
            n = len(block.w)
            places, names = np.empty(n, np.int64), np.zeros((n, 2), np.uint64)
            names[:, 0], names[:, 1] = np.arange(start, start + n), block.hashes  # for updates, and there are none
            found.vacant(places)
            found.put(places, _canonical(block.x), block.y, block.w, names, np.empty(n, np.uint64))
            start += n
        return found

    def all_records(self, slots: np.ndarray) -> NoReturn:
        raise NotImplementedError("sparse records are read by solved")

    # ------------------------------------------------------------------ whole states

    def add(self, other: Statistic, other_slots: np.ndarray, slots: np.ndarray) -> None:
        assert isinstance(other, SparseKept)
        held = other.rows
        if not isinstance(held, CompressedRows):
            raise MergeError(ROWS_ELSEWHERE, reason="rows elsewhere")
        keep = held.places()
        table = np.zeros(len(other.record_counts), np.int64)
        table[other_slots] = slots
        of_record = table[held.y[keep].astype(np.int64)] if not self.n_targets else np.zeros(len(keep), np.int64)
        y = held.y[keep] if self.n_targets else of_record.astype(np.float64)
        values, indices, starts = held.gathered(keep)
        x = sp.csr_array((values, indices.astype(np.int64), starts), (len(keep), self.n_features))
        self._change(x, y, held.w[keep], of_record, held.digests[keep], 1.0, Log(keeps=False))

    def _empty(self) -> Self:
        return type(self)(self.n_features, self.n_targets, self.problem)

    def copy(self) -> Self:
        copied = super().copy()
        copied.last, copied.solution = self.last, self.solution
        return copied

    def canonical_rows(self, slots: np.ndarray) -> bytes | None:
        held = self.rows
        if not isinstance(held, CompressedRows):
            return None
        places = held.by_digest()
        y = held.y[places]
        if not self.n_targets:
            y = self._codes(slots)[y.astype(np.int64)] * (held.w[places] > 0)
        return packed_sparse(held, places, y)

    def restore_rows(self, data: bytes) -> int:
        self.rows, n = unpacked_sparse(data, self.n_features, self.seed)
        return n

    def solution_elsewhere(self, order: np.ndarray, labels: list[Any], version: int) -> bytes | None:
        if isinstance(self.rows, CompressedRows | DetachedRows) or not self.record_counts.any():
            return None
        held = self._held()
        places = held.by_digest()
        y = held.y[places]
        return packed_sparse(held, places, y if self.n_targets else self._codes(order)[y.astype(np.int64)])

    def restore_solution(self, solution: bytes) -> None:
        self.rows = CopiedRows(unpacked_sparse(solution, self.n_features, self.seed)[0])

    def check_form(self, labels: list[Any]) -> None:
        Statistic.check_form(self, labels)
        if not isinstance(self.rows, CompressedRows):
            return
        rows = self.rows
        y, w, values = rows.y[: rows.end], rows.w[: rows.end], rows.values
        fit = np.isfinite(y).all() and ((w >= 0) & (w < np.inf)).all() and (abs(values) <= self.largest).all()
        if not fit or not (self.n_targets or np.isin(y, np.arange(max(1, len(labels)))).all()):
            raise FormatError(UNFIT)
