"""Rounds: adaptive learners, whose every question depends on the last answer, that forget exactly.

A *problem* (logistic regression, k-means, ...) is asked for sums over the records at a parameter ``theta``, and steps
from the sums to the next one. The *trace* keeps every ``(theta, sums)``. Parameters that records are asked at are
rounded to a seeded grid, so one record more or less seldom moves them: then the cached sums of all rounds stay valid
but for that record's own terms. Where a rounded parameter does move, the trace *breaks*, and the rounds behind it are
asked again over all records. Either way the trace is the one that a fit on the records held now would build, see
docs/exactness.md.

The ladder: exact moments give the scale; records whose keyed name is among the lowest 512 or so give the grid; those
among the lowest 4,096 to 8,191 (the *pilot*) are run to convergence and give the first theta; rounds over all records
follow until the rounded theta keeps still; the parameters for the user come from an unrounded last step. A problem
whose answers depend much on where it starts *refines*: its grid comes from a sample as large as others' pilot, and its
pilot is up to eight times as large. With fewer than 8,192 records, convergence on all of them is the answer.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from sqlearn.engine.deposit import deposit_moments
from sqlearn.engine.exact import ExactSum
from sqlearn.engine.rows import Rows
from sqlearn.engine.statistics import Block, Statistic

__all__ = ["LARGEST", "Asked", "Problem", "Records", "Rounds", "Trace", "Walk", "share"]

BLOCK = 2048  # rows asked at once
GRID_SAMPLE = 512
PILOT = 4096
MOST_ROUNDS = 30
MEMO = 2
LARGEST = 2.0**500  # of features and targets: beyond that, standardised ones leave float64's range
_ALL = 2**64 - 1


@dataclass
class Records:
    """Some records as a problem sees them.

    Attributes
    ----------
    x : float64[n, d]
        Features.
    y : float64[n]
        Target, or class in the order of the sorted labels.
    w : float64[n]
        Positive weights, or 0 for an empty place.
    names : uint64[n]
        Keyed hash of each copy.
    """

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    names: np.ndarray


Report = Callable[[str], None]  # says how far long work has got
Source = Callable[[], Iterable[Records]]  # gives blocks of records


class Problem(Protocol):
    """What an adaptive learner adds to the engine, in fixed arithmetic: no libm, no LAPACK, BLAS where it is exact."""

    shape: tuple  # what the theta of another problem would differ in

    def scale(self, total: ExactSum, n: int) -> Any:
        """What standardises the records, rounded so that one record seldom moves it; compared by ``==``."""

    def converge(self, scale, source: Source) -> np.ndarray:
        """Theta for these records, by as many rounds as it takes."""

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


@dataclass(frozen=True)
class Asked:
    """One round: where the records were asked, and the answer."""

    theta: np.ndarray
    sums: tuple[ExactSum, ...]


@dataclass(frozen=True)
class Trace:
    """Everything that was asked, in order.

    Attributes
    ----------
    key : tuple
        What every level depends on: the octave of the number of records and the problem's shape.
    scale, grid
        See :class:`Problem`; grid is None when all records are in the pilot.
    pilot : tuple of Asked
        What was asked of the pilot.
    rounds : tuple of Asked
        Rounds over all records.
    end : float64[p]
        Unrounded last theta.
    still : bool
        Whether the rounds ended because the rounded theta kept still.
    """

    key: tuple
    scale: Any
    grid: Any
    pilot: tuple[Asked, ...]
    rounds: tuple[Asked, ...]
    end: np.ndarray
    still: bool


@dataclass(frozen=True)
class Walk:
    """What the last update did.

    Attributes
    ----------
    rounds_kept : int
        Rounds whose cached sums stayed valid but for the records' own terms.
    broke_at : str or int or None
        The first level or round that had to be asked again: "scale", "grid", "pilot", a round's number; None when the
        trace held (it may have ended a round earlier).
    rows_scanned : int
        Records asked anew, one count for each round; a sample's are gathered once.
    seconds : float
        Time taken.
    """

    rounds_kept: int
    broke_at: str | int | None
    rows_scanned: int
    seconds: float


class Rounds(Statistic):
    """The rows of an adaptive learner and the trace of its rounds.

    Attributes
    ----------
    rows : Rows
        The records held.
    total : ExactSum
        Exact moments, one row a class slot.
    trace : Trace or None
        None while too little is held to learn from.
    memo : tuple of Asked
        Sums where records were asked before the last breaks, kept up to date, since a walk often returns there. They
        are history, so no part of any bytes or digest; clearing them costs time alone.
    """

    keeps_records = True

    def __init__(
        self,
        n_features: int,
        n_targets: int,
        problem: Callable[[list], Problem | None],
        seed: int,
        report: Report | None = None,
        refines: bool = False,
    ):
        super().__init__(n_features, n_targets)
        self.problem = problem
        self.report = report
        self.refines = refines
        self._asks: tuple[list, Problem | None] | None = None  # the labels of the last problem, and that
        self.seed = np.uint64(seed)
        self.rows = Rows(n_features, self.seed)
        self.trace: Trace | None = None
        self.last: Walk | None = None
        self._before: tuple = ()
        self.memo: tuple[Asked, ...] = ()
        # class slots that the trace's classes 0, 1, ... stand for: history, and no part of any bytes
        self._order: tuple = ()
        self._changes: list[tuple[Records, float]] = []

    @staticmethod
    def cells(n_features, n_targets):
        return 1 + 2 * n_features

    # ------------------------------------------------------------------ changing

    def reserve(self, records):
        self.rows.reserve(records)

    def first_missing(self, block):
        return self.rows.missing(block.names)

    def deposit(self, block: Block, sign):
        y = block.targets[:, 0] if self.n_targets else block.rows.astype(np.float64)
        self._change(block.x, y, block.weights, block.rows, block.names, sign)

    def _change(self, x, y, w, slots, names, sign):
        n = len(w)
        places = self.rows.vacant(n) if sign > 0 else np.empty(n, np.int64)
        keyed = np.empty(n, np.uint64)
        counts = w > 0
        if not counts.all():  # records of weight 0 leave their names alone: even their class may go before they do
            x, y = np.where(counts[:, None], x, 0.0), np.where(counts, y, 0.0)
        self.total.deposit(deposit_moments, (x, w, slots), n, sign, self.held)
        # from here on nothing asks for memory, so nothing fails
        if sign > 0:
            self.rows.put(places, x, y, w, names, keyed)
        else:
            self.rows.remove(places, names, keyed)
        if self.trace is not None:  # else all records are asked anyway, and it would be a second copy of them
            self._changes.append((Records(x, y, w, keyed), sign))

    def settle(self, order, labels, check=lambda: None):
        """Bring the trace up to date with what was deposited."""
        started = perf_counter()
        changes, self._changes = self._changes, []
        self._before = (self.trace, self.last, self._order, self.memo)
        if self._asks is None or self._asks[0] != labels:
            self._asks = labels, self.problem(labels) if self.held.any() else None
        problem = self._asks[1]
        if problem is None:
            self.trace, self.last, self._order, self.memo = None, None, (), ()
            return
        walker = _Walker(self, problem, order, check)
        slots = tuple(order.tolist())
        # when classes have come or gone, or stand in another order, all is asked anew
        trace = walker.walk(self.trace, changes) if slots == self._order else walker.walk(None, [])
        broke_at = walker.broke_at
        kept = len(trace.rounds) if broke_at is None else broke_at if isinstance(broke_at, int) else 0
        self.last = Walk(kept, broke_at, walker.scanned, perf_counter() - started)
        self.trace, self._order, self.memo = trace, slots, walker.memo

    def unsettle(self):
        """Take the last :meth:`settle` back."""
        self.trace, self.last, self._order, self.memo = self._before

    def release(self):
        self._before, self._changes = (), []  # what was forgotten, and what was done and undone by a call that failed
        self.rows.compact()

    # ------------------------------------------------------------------ whole states

    def add(self, other, other_rows, rows):
        """Take in the records of `other`; the trace follows at :meth:`settle`."""
        keep = other.rows.places()
        held = other.rows
        table = np.zeros(len(other.held), np.int64)
        table[other_rows] = rows
        slots = table[held.y[keep].astype(np.int64)] if not self.n_targets else np.zeros(len(keep), np.int64)
        y = held.y[keep] if self.n_targets else slots.astype(np.float64)
        self._change(held.x[keep], y, held.w[keep], slots, held.names[keep], 1.0)

    def copy(self):
        twin = type(self)(self.n_features, self.n_targets, self.problem, int(self.seed), self.report, self.refines)
        twin.total, twin.held, twin.rows = self.total.copy(), self.held.copy(), self.rows.copy()
        twin.trace, twin.last, twin._order = self.trace, self.last, self._order
        return twin

    def canonical(self, rows):
        return [*super().canonical(rows), b"".join(_bytes_of(self.trace))]

    def canonical_rows(self, rows):
        """The records held, sorted by name, with classes in the order of `rows`."""
        codes = np.zeros(1 + max(rows, default=0))
        codes[rows] = np.arange(len(rows))
        held = self.rows
        keep = held.places()
        order = keep[np.lexsort((held.numbers[keep], held.names[keep, 1], held.names[keep, 0]))]
        y = held.y[order] if self.n_targets else codes[held.y[order].astype(np.int64)] * (held.w[order] > 0)
        arrays = held.x[order], y, held.w[order], held.names[order]
        parts = [a.astype(a.dtype.newbyteorder("<")).tobytes() for a in arrays]
        return b"".join([np.array([len(order)], "<i8").tobytes(), *parts])

    def restore_rows(self, data):
        n = int(np.frombuffer(data, "<i8", 1)[0])
        start = 8
        arrays = []
        shapes = (n, self.n_features), (n,), (n,), (n, 2)
        for shape, kind in zip(shapes, ("<f8", "<f8", "<f8", "<u8"), strict=True):
            count = int(np.prod(shape))
            arrays.append(np.frombuffer(data, kind, count, start).reshape(shape).copy())
            start += 8 * count
        self.rows = Rows(self.n_features, self.seed)
        x, y, w, names = arrays
        self.rows.put(self.rows.vacant(n), x, y, w, names, np.empty(n, np.uint64))
        return n


def _bytes_of(value) -> Iterator[bytes]:
    """Bytes of a trace, equal for equal ones."""
    if isinstance(value, ExactSum):
        yield value.canonical(np.arange(value.shape[0]))
    elif isinstance(value, np.ndarray):
        yield str(value.shape).encode() + value.tobytes()
    elif isinstance(value, tuple):
        for item in value:
            yield from _bytes_of(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _bytes_of(getattr(value, field.name))
    else:
        yield f"{value!r};".encode()


def share(octave: int, size: int) -> int:
    """The highest keyed name of a sample of `size` to ``2 * size`` records; `size` is a power of two.

    Its share is a power of two that depends on the octave of the number of records alone, so it seldom changes.
    """
    return _ALL >> max(0, octave - size.bit_length())


def _taken(records: Records, index) -> Records:
    return Records(*(getattr(records, field.name)[index] for field in fields(Records)))


def _parts(records: Records) -> Iterator[Records]:
    """Parts of at most BLOCK records: of more, sums in BLAS might not be exact."""
    if len(records.w) <= BLOCK:
        yield records
        return
    for a in range(0, len(records.w), BLOCK):
        yield _taken(records, slice(a, a + BLOCK))


class _Walker:
    """One walk over a trace."""

    def __init__(self, statistic: Rounds, problem: Problem, order, check):
        self.statistic, self.problem, self.check = statistic, problem, check
        self.codes = np.zeros(1 + max(order, default=0))
        self.codes[order] = np.arange(len(order))
        self.labelled = not statistic.n_targets
        self.scanned = 0
        self.broke_at: str | int | None = None
        self.known: dict[bytes, Asked] = {}  # sums asked before on the same grid, by theta
        self.memo: tuple[Asked, ...] = ()
        self.scale: Any = None
        self.grid: Any = None

    def records(self, records: Records) -> Records:
        if not self.labelled:
            return records
        return Records(records.x, self.codes[records.y.astype(np.int64)], records.w, records.names)

    def source(self, limit: int) -> Iterator[Records]:
        """Blocks of the records held whose keyed name is at most `limit`."""
        rows = self.statistic.rows
        x, y, w, keyed = (array[: rows.end] for array in (rows.x, rows.y, rows.w, rows.keyed))
        if limit < _ALL:
            chosen = np.flatnonzero((keyed <= np.uint64(limit)) & (w > 0))
            x, y, w, keyed = (array.take(chosen, axis=0) for array in (x, y, w, keyed))
        for a in range(0, len(w), BLOCK):
            self.check()
            block = Records(*(array[a : a + BLOCK] for array in (x, y, w, keyed)))
            self.scanned += len(block.w)
            yield self.records(block)

    def limited(self, limit: int) -> Source:
        """The records whose keyed name is at most `limit`, gathered once."""
        blocks: list[Records] = []

        def source():
            if not blocks:
                blocks.extend(self.source(limit))
            return iter(blocks)

        return source

    def walk(self, trace: Trace | None, changes) -> Trace:
        statistic, problem = self.statistic, self.problem
        n = int(statistic.held.sum())
        octave = n.bit_length()
        scale = problem.scale(statistic.total, n)
        key = (octave, *problem.shape)
        if trace is None or trace.key != key or trace.scale != scale:
            self.broke_at = "scale"
            trace = None
        if n < 2 * PILOT:
            self.broke_at = self.broke_at or "pilot"
            return Trace(key, scale, None, (), (), problem.converge(scale, self.limited(_ALL)), True)
        few, limit = GRID_SAMPLE, PILOT
        if statistic.refines:  # a pilot of more than an eighth of the records would be hit too often
            few, limit = PILOT, max(PILOT, min(8 * PILOT, 1 << octave >> 4))
        few, limit = share(octave, few), share(octave, limit)
        changed = min((int(records.names.min()) for records, _ in changes if len(records.names)), default=_ALL)
        if trace is not None and changed > few:
            grid = trace.grid
        else:
            grid = problem.grid(scale, self.limited(few))
            if trace is None or b"".join(_bytes_of(grid)) != b"".join(_bytes_of(trace.grid)):
                self.broke_at = self.broke_at or "grid"
                trace = None
        self.scale, self.grid = scale, grid
        changes = [(self.records(part), sign) for records, sign in changes for part in _parts(records)]
        if trace is not None:
            self.known = {past.theta.tobytes(): past for past in (*statistic.memo, *trace.rounds)}
        if trace is not None and changed > limit:
            pilot, theta = trace.pilot, trace.rounds[0].theta
        else:
            pilot, theta = self.pilot(limit, trace, changes)
            if trace is not None and theta.tobytes() != trace.rounds[0].theta.tobytes():
                self.broke_at, trace = "pilot", None
        return self.rounds(key, pilot, theta, trace, changes)

    def pilot(self, limit: int, trace: Trace | None, changes) -> tuple[tuple[Asked, ...], np.ndarray]:
        """What is asked of the pilot, and the theta it ends with."""
        known = {past.theta.tobytes(): past for past in trace.pilot} if trace is not None else {}
        within = [(_taken(records, records.names <= np.uint64(limit)), sign) for records, sign in changes]
        asked: list[Asked] = []
        source = self.limited(limit)

        def ask(theta):
            asked.append(self.answer(theta, known, source, within))
            return asked[-1].sums

        theta = self.problem.pilot(self.scale, self.grid, source, ask)
        return tuple(asked), theta

    def rounds(self, key, pilot, theta, trace, changes) -> Trace:
        """Rounds over all records from `theta` on; known sums where they have been asked at the same theta before."""
        asked: list[Asked] = []
        path = [past.theta.tobytes() for past in trace.rounds] if trace is not None else []
        while True:
            t = len(asked)
            at = theta.tobytes()
            if self.broke_at is None and (t >= len(path) or path[t] != at):
                self.broke_at = t
            if at not in self.known and self.statistic.report is not None:
                self.statistic.report(f"round {t + 1}: asking {self.statistic.held.sum():,} records")
            asked.append(self.answer(theta, self.known, lambda: self.source(_ALL), changes))
            end, rounded, still = self.problem.step(theta, self.scale, self.grid, asked[-1].sums)
            if (still and t) or t + 1 == MOST_ROUNDS:
                break
            theta = rounded
        self.memo = tuple(self.updated(past, changes) for past in list(self.known.values())[-MEMO:])
        return Trace(key, self.scale, self.grid, pilot, tuple(asked), end, still)

    def answer(self, theta, known: dict[bytes, Asked], source: Source, changes) -> Asked:
        """What records say at theta: what is known of it, brought up to date, or all of them asked."""
        past = known.pop(theta.tobytes(), None)
        if past is not None:
            return self.updated(past, changes)
        sums = self.problem.empty(self.scale, self.grid)
        for records in source():
            self.problem.query(theta, self.scale, self.grid, records, sums, 1.0)
        return Asked(theta, sums)

    def updated(self, past: Asked, changes) -> Asked:
        """What was asked, for the records held now."""
        sums = tuple(total.copy() for total in past.sums)
        for records, sign in changes:
            self.problem.query(past.theta, self.scale, self.grid, records, sums, sign)
        return Asked(past.theta, sums)
