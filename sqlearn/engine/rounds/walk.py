"""Rounds: adaptive learners, whose every question depends on the last answer, that forget exactly.

A *problem* (logistic regression, k-means, ...) is asked for sums over the records at a parameter ``theta``, and steps
from the sums to the next one. The *trace* keeps every ``(theta, sums)``. Parameters that records are asked at are
rounded to a seeded grid, so one record more or less seldom moves them: then the cached sums of all rounds stay valid
but for that record's own terms. Where a rounded parameter does move, the trace *breaks*, and the rounds behind it are
asked again over all records. Either way the trace is the one that a fit on the records held now would build, see
docs/exactness.md.

The ladder: exact moments give the scale; records whose keyed hash is among the lowest 512 or so give the grid; those
among the lowest 4,096 to 8,191 (the *pilot*) are run to convergence and give the first theta; rounds over all records
follow until the rounded theta keeps still; the parameters for the user come from an unrounded last step. A problem
whose answers depend much on where it starts has a *large pilot*: its grid comes from a sample as large as others'
pilot, and its pilot is up to eight times as large. With fewer than 8,192 records, convergence on all of them is the
answer.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.rounds.row_source import MAX_HASH, ROWS_ELSEWHERE, DetachedRows, Records, RowSource
from sqlearn.engine.rounds.rows import Rows, packed, unpacked
from sqlearn.engine.rounds.trace import Evaluation, Trace, UpdateReport, from_bytes, to_bytes
from sqlearn.engine.sums import UNFIT, Block, ExactSum, Log, Statistic, moments
from sqlearn.errors import FormatError, MergeError, TooLargeError

__all__ = ["LARGEST", "Problem", "Rounds", "check_sums", "move", "sample_threshold"]

BLOCK = 2048  # rows asked at once
GRID_SAMPLE = 512
PILOT = 4096
MOST_ROUNDS = 30
MEMO, MEMO_AGE = 2, 32  # walks return soon or late, and what is kept costs a query at every update
MOST_SUMS = 1 << 23  # of a round: each takes about 40 bytes, and a trace has a dozen rounds
LARGEST = 2.0**500  # of features and targets: beyond that, standardised ones leave float64's range


Report = Callable[[str], None]  # says how far long work has got
Source = Callable[[], Iterable[Records]]  # gives blocks of records


class Problem(Protocol):
    """What an adaptive learner adds to the engine, in fixed arithmetic: no libm, no LAPACK, BLAS where it is exact."""

    shape: tuple  # what the theta of another problem would differ in

    def scale(self, total: ExactSum, n: int, order: np.ndarray) -> Any:
        """What standardises the records, rounded so that one record seldom moves it; compared by ``==``.

        `total` has the moments of class c in slot ``order[c]``.
        """

    def converge(self, scale, source: Source) -> tuple[np.ndarray, bool]:
        """Theta for these records, by as many rounds as it takes, and whether it came to rest."""

    @property
    def recover(self) -> Callable[[Any, Source, np.ndarray], tuple[np.ndarray, bool]] | None:
        """The same, from the end of rounds over all records that did not come to rest; None to leave it at that."""

    def doubts(self, scale, n_rounds: int) -> bool:
        """Whether so many rounds are suspicious, though they came to rest; asked where there is :meth:`recover`."""

    def grid(self, scale, source: Source) -> Any:
        """The grid that theta is rounded to, from a few records."""

    def pilot(self, scale, grid, source: Source, ask: Callable) -> np.ndarray:
        """The first theta, rounded, from the pilot, whose records `source` gives; ``ask(theta)`` gives their sums."""

    def empty(self, scale, grid) -> tuple[ExactSum, ...]:
        """Sums of no records."""

    def query(self, theta, scale, grid, records: Records, sums: tuple[ExactSum, ...], sign: float) -> None:
        """Add or subtract the terms of records at theta."""

    def step(self, theta, scale, grid, sums: tuple[ExactSum, ...]) -> tuple[np.ndarray, np.ndarray, bool]:
        """Next theta, unrounded and rounded, and whether the rounded one keeps still."""


class Changes:
    """What was deposited since the trace was last brought up to date, as long as it is not too much to remember.

    Parameters
    ----------
    most : float
        Number of records that are remembered at most; of more there is nothing to tell.
    """

    def __init__(self, most: float = math.inf):
        self.most = most
        self._noted: list = []
        self._n = 0

    def __len__(self):
        return self._n

    def add(self, records: Records, *more) -> None:
        """Note records, and what else there is to say of them."""
        self._n += len(records.w)
        if self._n <= self.most:
            self._noted.append((records, *more))
        else:
            self._noted.clear()

    def taken(self) -> list | None:
        """All that was noted, None if it was too much; from here on it is forgotten."""
        noted = self._noted if self._n <= self.most else None
        self._noted, self._n = [], 0
        return noted


class Rounds(Statistic):
    """The rows of an adaptive learner and the trace of its rounds.

    Attributes
    ----------
    rows : RowSource
        The records held: the model's own copy, or another source of rows.
    changes : Changes
        What was deposited and is not in the trace yet.
    total : ExactSum
        Exact moments, one row per class slot.
    trace : Trace or None
        None while too little is held to learn from.
    told : bool
        Whether its learner has said that the trace did not come to rest.
    memo : tuple of (Evaluation, int)
        Sums where records were asked before the last breaks, kept up to date, since a walk often returns there, and for
        how many updates they have not been of use. They are history, so no part of any bytes or digest; clearing them
        costs time alone.
    """

    keeps_records = True

    def __init__(
        self,
        n_features: int,
        n_targets: int,
        problem: Callable[[list], Problem | None],
        seed: int,
        report: Report | None = None,
        large_pilot: bool = False,
    ):
        super().__init__(n_features, n_targets)
        self.problem = problem
        self.report = report
        self.large_pilot = large_pilot
        self._asks: tuple[list, Problem | None] | None = None  # the labels of the last problem, and that
        self.seed = np.uint64(seed)
        self.rows: RowSource = Rows(n_features, self.seed)
        self.trace: Trace | None = None
        self.last: UpdateReport | None = None
        self.told = False
        self.memo: tuple[tuple[Evaluation, int], ...] = ()
        # class slots that the trace's classes 0, 1, ... stand for: history, and no part of any bytes
        self._order: tuple = ()
        self.changes = Changes()

    @staticmethod
    def cells(n_features, n_targets):
        return 1 + 2 * n_features

    # ------------------------------------------------------------------ changing

    def reserve(self, records):
        self.rows.reserve(records)

    def first_missing(self, block):
        return self.rows.missing(block.digests)

    def deposit(self, block: Block, sign, log):
        y = block.targets[:, 0].copy() if self.n_targets else block.slots.astype(np.float64)
        self._change(block.x, y, block.weights, block.slots, block.digests, sign, log)

    def _change(self, x, y, w, slots, digests, sign, log):
        counts = w > 0
        if not counts.all():  # records of weight 0 leave their digests alone: even their class may go before they do
            x, y = np.where(counts[:, None], x, 0.0), np.where(counts, y, 0.0)
        self._put(moments(x, w, slots), sign, log)
        self._note(move(self.rows, x, y, w, digests, sign, log), sign)

    def take_in(self, records: Records, slots: np.ndarray, sign: float, log: Log) -> None:
        """Add or subtract records that `rows` has, or has no more, already."""
        self._put(moments(records.x, records.w, slots), sign, log)
        self._note(records, sign)

    def _note(self, records: Records, sign: float) -> None:
        if self.trace is not None:  # else all records are asked anyway, and it would be a second copy of them
            self.changes.add(records, sign)

    def refresh(self, order, labels, log, check=lambda: None):
        """Bring the trace up to date with what was deposited."""
        started = perf_counter()
        changes = self.changes.taken()
        log.note(partial(self._set, self.trace, self.last, self._order, self.memo))
        if self._asks is None or self._asks[0] != labels:
            self._asks = labels, self.problem(labels) if self.record_counts.any() else None
        problem = self._asks[1]
        if problem is None:
            self._set(None, None, (), ())
            return
        walker = _Walker(self, problem, order, check)
        slots = tuple(order.tolist())
        # when classes have come or gone, or stand in another order, all is asked anew
        same = slots == self._order and changes is not None
        trace = walker.walk(self.trace, changes) if same else walker.walk(None, [])
        broke_at = walker.broke_at
        all_kept = len(trace.rounds) if broke_at in (None, "rest") else 0
        kept = broke_at if isinstance(broke_at, int) else all_kept
        self._set(trace, UpdateReport(kept, broke_at, walker.scanned, perf_counter() - started), slots, walker.memo)

    def _set(self, trace, last, order, memo):
        self.trace, self.last, self._order, self.memo, self.told = trace, last, order, memo, False

    def prune(self, lent=False):
        self.changes.taken()  # of a call that failed
        if not lent:
            self.rows.compact()

    # ------------------------------------------------------------------ whole states

    def add(self, other, other_slots, slots):
        """Take in the records of `other`; the trace follows at :meth:`refresh`."""
        held = other.rows
        if not isinstance(held, Rows):
            raise MergeError(ROWS_ELSEWHERE)
        keep = held.places()
        table = np.zeros(len(other.record_counts), np.int64)
        table[other_slots] = slots
        of_record = table[held.y[keep].astype(np.int64)] if not self.n_targets else np.zeros(len(keep), np.int64)
        y = held.y[keep] if self.n_targets else of_record.astype(np.float64)
        self._change(held.x[keep], y, held.w[keep], of_record, held.digests[keep], 1.0, Log(keeps=False))

    def copy(self):
        twin = type(self)(self.n_features, self.n_targets, self.problem, int(self.seed), self.report, self.large_pilot)
        twin.total, twin.record_counts, twin.rows = self.total.copy(), self.record_counts.copy(), self.rows.copy()
        twin.trace, twin.last, twin._order = self.trace, self.last, self._order
        return twin

    def canonical(self, slots):
        return [*super().canonical(slots), to_bytes(self.trace)]

    def restore(self, parts):
        super().restore(parts)
        self.trace, self._order = from_bytes(parts[2]), tuple(np.flatnonzero(self.record_counts).tolist())

    def canonical_rows(self, slots):
        """The records held, sorted by digest, with classes in the order of `slots`; None where they are elsewhere."""
        held = self.rows
        if not isinstance(held, Rows):
            return None
        codes = np.zeros(1 + max(slots, default=0))
        codes[slots] = np.arange(len(slots))
        order = held.by_digest()
        y = held.y[order] if self.n_targets else codes[held.y[order].astype(np.int64)] * (held.w[order] > 0)
        return packed(held.x[order], y, held.w[order], held.digests[order])

    def restore_rows(self, data):
        self.rows, n = unpacked(data, self.n_features, self.seed)
        return n

    def leave_rows(self):
        self.rows = DetachedRows()
        return True

    def check_form(self, labels):
        super().check_form(labels)
        if isinstance(self.rows, Rows):
            check_rows(self.rows, 0 if self.n_targets else max(1, len(labels)), LARGEST)
        problem = self.problem(labels) if self.record_counts.any() else None
        trace = self.trace
        if (trace is None) is not (problem is None):
            raise FormatError(UNFIT)
        if trace is None or problem is None:
            return
        n = sum(self.record_counts.tolist())
        scale = problem.scale(self.total, n, np.array(self._order, np.int64))
        if trace.key != (n.bit_length(), *problem.shape) or to_bytes(trace.scale) != to_bytes(scale):
            raise FormatError(UNFIT)
        thetas = [asked.theta for asked in (*trace.pilot, *trace.rounds)]
        plain = all(theta.dtype == np.float64 and theta.ndim == 1 for theta in (trace.theta, *thetas))
        if not plain or len({len(theta) for theta in thetas}) > 1:
            raise FormatError(UNFIT)
        shapes = [total.shape for total in problem.empty(scale, trace.grid)] if trace.rounds else []
        if any([total.shape for total in asked.sums] != shapes for asked in (*trace.pilot, *trace.rounds)):
            raise FormatError(UNFIT)


def move(rows: RowSource, x, y, w, digests, sign: float, log: Log) -> Records:
    """Put records into a source (1.0) or take them out (-1.0). Returns them as problems see them."""
    places, hashes = np.empty(len(w), np.int64), np.empty(len(w), np.uint64)
    come = partial(_come, rows, places, x, y, w, digests, hashes)
    go = partial(rows.remove, places, digests, hashes)
    if log.keeps:
        rows.make_ready()
    log.do(come, go) if sign > 0 else log.do(go, come)
    return Records(x, y, w, hashes)


def _come(rows, places, *records):
    rows.vacant(places)
    rows.put(places, *records)


def check_sums(n: int, what: str, advice: str) -> None:
    """Refuse a problem whose every round would have so many sums, before memory is taken for them."""
    if n > MOST_SUMS:
        raise TooLargeError(
            f"{what} have {n:,} sums, which would have to be kept for every round. Nothing was taken. At most "
            f"{MOST_SUMS:,} are: {advice}."
        )


def check_rows(rows: Rows, n_classes: int, largest: float) -> None:
    """Raise FormatError where records that were restored could not have been held; 0 classes for targets."""
    y, w = rows.y[: rows.end], rows.w[: rows.end]
    fit = np.isfinite(y).all() and ((w >= 0) & (w < np.inf)).all() and not (abs(rows.x[: rows.end]) > largest).any()
    if not fit or (n_classes and not np.isin(y, np.arange(n_classes)).all()):
        raise FormatError(UNFIT)


def sample_threshold(octave: int, size: int) -> int:
    """The highest keyed hash of a sample of `size` to ``2 * size`` records; `size` is a power of two.

    Its share is a power of two that depends on the octave of the number of records alone, so it seldom changes.
    """
    return MAX_HASH >> max(0, octave - size.bit_length())


def parts_of(records: Records) -> Iterator[Records]:
    """Parts of at most BLOCK records: of more, sums in BLAS might not be exact."""
    if 0 < len(records.w) <= BLOCK:
        yield records
        return
    for a in range(0, len(records.w), BLOCK):
        yield records.take(slice(a, a + BLOCK))


def _lowest(hashes: np.ndarray) -> int:
    return int(hashes[0] if len(hashes) == 1 else hashes.min(initial=MAX_HASH))


def within(source: Source, limit: int) -> Source:
    """Those records of a source whose keyed hash is at most `limit`."""
    return lambda: (records.take(records.hashes <= np.uint64(limit)) for records in source())


class _Walker:
    """One walk over a trace."""

    def __init__(self, statistic: Rounds, problem: Problem, order, check):
        self.statistic, self.problem, self.check = statistic, problem, check
        self.order, slots = order, order.tolist()
        self.codes = None  # the classes that slots stand for, where they are not the same numbers
        if not statistic.n_targets and slots != list(range(len(slots))):
            self.codes = np.zeros(1 + max(slots, default=0))
            self.codes[order] = np.arange(len(order))
        self.scanned = 0
        self.broke_at: str | int | None = None
        self.known: dict[bytes, Evaluation] = {}  # sums asked before on the same grid, by theta
        self.unused: dict[bytes, int] = {}  # for how many updates
        self.memo: tuple[tuple[Evaluation, int], ...] = ()
        self.scale: Any = None
        self.grid: Any = None

    def records(self, records: Records) -> Records:
        if self.codes is None:
            return records
        return Records(records.x, self.codes[records.y.astype(np.int64)], records.w, records.hashes)

    def source(self, limit: int) -> Iterator[Records]:
        """Blocks of the records held whose keyed hash is at most `limit`."""
        for records in self.statistic.rows.blocks(limit):
            for block in parts_of(records):
                self.check()
                self.scanned += len(block.w)
                yield self.records(block)

    def gathered(self, limit: int) -> Source:
        """The records whose keyed hash is at most `limit`, gathered once; Ctrl-C is looked at when they are asked."""
        blocks: list[Records] = []

        def source():
            if not blocks:
                blocks.extend(self.source(limit))
            for block in blocks:
                self.check()
                yield block

        return source

    def walk(self, trace: Trace | None, changes) -> Trace:
        statistic, problem = self.statistic, self.problem
        n = sum(statistic.record_counts.tolist())
        octave = n.bit_length()
        scale = problem.scale(statistic.total, n, self.order)
        key = (octave, *problem.shape)
        if trace is None or trace.key != key or trace.scale != scale:
            self.broke_at = "scale"
            trace = None
        if n < 2 * PILOT:
            self.broke_at = self.broke_at or "pilot"
            with one_thread():
                end, still = problem.converge(scale, self.gathered(MAX_HASH))
                return Trace(key, scale, None, (), (), end, still)
        few, limit = GRID_SAMPLE, PILOT
        if statistic.large_pilot:  # a pilot of more than an eighth of the records would be hit too often
            few, limit = PILOT, max(PILOT, min(8 * PILOT, 1 << octave >> 4))
        few, limit = sample_threshold(octave, few), sample_threshold(octave, limit)
        changed = min((_lowest(records.hashes) for records, _ in changes), default=MAX_HASH)
        sample = self.gathered(limit)
        if trace is not None and changed > few:
            grid = trace.grid
        else:
            with one_thread():
                grid = problem.grid(scale, within(sample, few))
            if trace is None or to_bytes(grid) != to_bytes(trace.grid):
                self.broke_at = self.broke_at or "grid"
                trace = None
        self.scale, self.grid = scale, grid
        changes = [(self.records(part), sign) for records, sign in changes for part in parts_of(records)]
        if trace is not None:
            self.unused = {past.theta.tobytes(): age for past, age in statistic.memo}
            remembered = (past for past, _ in statistic.memo)
            self.known = {past.theta.tobytes(): past for past in (*remembered, *trace.rounds)}
        if trace is not None and changed > limit:
            pilot, theta = trace.pilot, trace.rounds[0].theta
        else:
            pilot, theta = self.pilot(sample, limit, trace, changes)
            if trace is not None and theta.tobytes() != trace.rounds[0].theta.tobytes():
                self.broke_at, trace = "pilot", None
        return self.rounds(key, pilot, theta, trace, changes)

    def pilot(self, source, limit: int, trace: Trace | None, changes) -> tuple[tuple[Evaluation, ...], np.ndarray]:
        """What is asked of the pilot, and the theta it ends with."""
        known = {past.theta.tobytes(): past for past in trace.pilot} if trace is not None else {}
        own = [(records.take(records.hashes <= np.uint64(limit)), sign) for records, sign in changes]
        asked: list[Evaluation] = []

        def ask(theta):
            asked.append(self.answer(theta, known, source, own))
            return asked[-1].sums

        theta = self.problem.pilot(self.scale, self.grid, source, ask)
        return tuple(asked), theta

    def rounds(self, key, pilot, theta, trace, changes) -> Trace:
        """Rounds over all records from `theta` on; known sums where they have been asked at the same theta before."""
        asked: list[Evaluation] = []
        been: set[bytes] = set()
        recover = self.problem.recover
        path = [past.theta.tobytes() for past in trace.rounds] if trace is not None else []
        while True:
            t = len(asked)
            at = theta.tobytes()
            if self.broke_at is None and (t >= len(path) or path[t] != at):
                self.broke_at = t
            if at not in self.known and self.statistic.report is not None:
                self.statistic.report(f"round {t + 1}: asking {self.statistic.record_counts.sum():,} records")
            asked.append(self.answer(theta, self.known, lambda: self.source(MAX_HASH), changes))
            end, rounded, still = self.problem.step(theta, self.scale, self.grid, asked[-1].sums)
            been.add(at)
            if (still and t) or t + 1 == MOST_ROUNDS or (recover is not None and rounded.tobytes() in been):
                break
            theta = rounded
        if recover is not None and (not still or self.problem.doubts(self.scale, len(asked))):
            self.broke_at = "rest" if self.broke_at is None else self.broke_at
            end, still = recover(self.scale, self.gathered(MAX_HASH), end)
        ages = [(past, self.unused.get(at, 0) + 1) for at, past in self.known.items()]
        kept = [(past, age) for past, age in ages if age <= MEMO_AGE][-MEMO:]
        self.memo = tuple((self.updated(past, changes), age) for past, age in kept)
        return Trace(key, self.scale, self.grid, pilot, tuple(asked), end, bool(still))

    def answer(self, theta, known: dict[bytes, Evaluation], source: Source, changes) -> Evaluation:
        """What records say at theta: what is known of it, brought up to date, or all of them asked."""
        past = known.pop(theta.tobytes(), None)
        if past is not None:
            return self.updated(past, changes)
        sums = self.problem.empty(self.scale, self.grid)
        with one_thread():
            for records in source():
                self.problem.query(theta, self.scale, self.grid, records, sums, 1.0)
        return Evaluation(theta, sums)

    def updated(self, past: Evaluation, changes) -> Evaluation:
        """What was asked, for the records held now."""
        sums = tuple(total.copy() for total in past.sums)
        for records, sign in changes:
            self.problem.query(past.theta, self.scale, self.grid, records, sums, sign)
        return Evaluation(past.theta, sums)
