"""The walk: how the trace of an adaptive learner follows records that come or go.

A *problem* (logistic regression, k-means, ...) gives each record i terms ``s_i(theta)``. A round is a theta on a grid
and the exact sums over all records there; it leads to the next one:

    ``S(theta) = sum over i of s_i(theta)``,  ``theta[t + 1] = round(step(theta[t], S(theta[t])))``

The *trace* keeps every ``(theta, S(theta))``. Because theta is rounded to a seeded grid, one record more or less seldom
moves it. Then all rounds stay as they are but for the record's own terms:

    ``S'(theta) = S(theta) + sum over come of s_i(theta) - sum over gone of s_i(theta)``

Where a theta does move, the trace *breaks*, and what follows is evaluated over all records. Either way the trace is the
one that a fit on the records held now would build, see docs/exactness.md.

:meth:`Walk.run` goes through the levels that can break, each of which depends on those before it:

1. scale: what standardises the records, from their exact moments (:meth:`Walk.fix_scale`);
2. grid: what theta is rounded to, from records whose keyed hash is among the lowest 512 or so (:meth:`Walk.fix_grid`);
3. pilot: the first theta, from convergence on the lowest 4,096 to 8,191 (:meth:`Walk.run_pilot`);
4. rounds over all records until the rounded theta rests (:meth:`Walk.run_rounds`);
5. rest: a search over all records where the rounds did not come to rest (:meth:`Walk.come_to_rest`).

The parameters for the user come from an unrounded last step. Where there are so few records that solving for all of
them costs less (:func:`lazy_below`), there is no walk: that is done when the solution is read (:meth:`Walk.solve`).
A problem that depends much on where it starts has a *large pilot*: its
grid comes from a sample as large as others' pilot, and its pilot is up to eight times as large.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.rounds.problem import Evaluate, Problem, Source
from sqlearn.engine.rounds.question import AskedRows, Question, add_all, blocks_of
from sqlearn.engine.rounds.row_source import MAX_HASH, Records
from sqlearn.engine.rounds.samples import lowest_hash, parts_of, sample_threshold, within
from sqlearn.engine.rounds.trace import Break, BreakLevel, Evaluation, Trace, to_bytes
from sqlearn.engine.sums import UNFIT, ExactSum
from sqlearn.errors import FormatError

if TYPE_CHECKING:
    from sqlearn.engine.rounds.statistic import Rounds


GRID_SAMPLE = 512  # records that the grid comes from, to twice that
PILOT = 4096  # records in the pilot, to twice that
MOST_ROUNDS = 30
MOST_FINER = 3  # how often cells become narrower where rounds go in a circle
VERSION = 2
# The most sums in the memo: one for so many records, from 4 to 8. Each costs every update less than a round does, and
# saves a scan of all records when a walk returns to it.
MEMO, MOST_MEMO, RECORDS_OF_MEMO = 4, 8, 1 << 15
# For how many updates what is remembered stays unused, at least, and one for so many records: theta wanders, and the
# longer it has been out of a cell, the longer it takes to return; but a scan of more records costs more.
MEMO_AGE, MEMO_SHARE = 32, 256

ScaleT = TypeVar("ScaleT")
GridT = TypeVar("GridT")
Change = tuple[Records, float]  # records that came (1.0) or went (-1.0)
Memo = tuple[tuple[Evaluation, int], ...]  # sums evaluated before the last breaks, and for how many updates unused


class Aside(NamedTuple):
    """A trace that the scale broke, kept up to date since it often comes back; no part of any state.

    Attributes
    ----------
    trace : Trace
        The trace; its grid and its pilot's thetas are those of then.
    age : int
        Number of updates since then.
    lowest : int
        The lowest keyed hash among the records that came or went since then.
    """

    trace: Trace
    age: int
    lowest: int


class SampleLimits(NamedTuple):
    """The highest keyed hashes of the records that the grid comes from, and of the pilot's."""

    grid: int
    pilot: int

    @classmethod
    def of(cls, octave: int, large_pilot: bool) -> "SampleLimits":
        """The limits for numbers of records of this bit length."""
        grid, pilot = GRID_SAMPLE, PILOT
        if large_pilot:
            fewest = 1 << (octave - 1)  # records of this bit length
            # a pilot of more than an eighth of the records would be hit too often
            grid, pilot = PILOT, max(PILOT, min(8 * PILOT, fewest // 8))
        return cls(sample_threshold(octave, grid), sample_threshold(octave, pilot))


def lazy_below(problem: Problem[Any, Any]) -> int:
    """Fewer records than that are solved for when the solution is read, and no trace is kept of them."""
    return problem.lazy_pilots * PILOT


def key_of(problem: Problem[Any, Any], n: int) -> tuple[int, ...]:
    """What all levels depend on: the version of the rounds, the octave of the number of records, the problem's shape.

    Traces of an earlier version (:func:`earlier_keys`) are evaluated anew; the first had no number in its key.
    """
    return (VERSION + problem.revisions[-1], n.bit_length(), *problem.shape)


def earlier_keys(key: tuple[int, ...], problem: Problem[Any, Any]) -> list[tuple[int, ...]]:
    """The keys of the same records and problem in traces of earlier versions."""
    return [key[1:], *((VERSION + revision, *key[1:]) for revision in problem.revisions[:-1])]


class Walk(Generic[ScaleT, GridT]):
    """One walk: from the trace before an update to the one after it.

    Parameters
    ----------
    statistic : Rounds
        The records held now, their moments, and what the last walks remember.
    problem : Problem
        What is solved.
    order : int64[n_classes]
        Slots of the classes that hold records, in the order of their labels.
    past : Trace or None
        The trace before the update; None where nothing of it may be used.
    put : Aside or None
        The trace that is put aside, if that may be used.
    check : callable
        Called between blocks of records; it may raise.
    moments : (ExactSum, int), optional
        The moments and the number of the records as they will be; those of `statistic` by default.

    Attributes
    ----------
    broke : Break or None
        The first level that broke; None while the trace before the update holds.
    scanned : int
        Records that were evaluated anew, one count per round.
    memo : Memo
        What the next walk remembers.
    aside : Aside or None
        A trace of another scale that the next walk may return to.
    """

    scale: ScaleT
    grid: GridT

    def __init__(
        self,
        statistic: "Rounds",
        problem: Problem[ScaleT, GridT],
        order: np.ndarray,
        past: Trace | None,
        put: Aside | None,
        check: Callable[[], None] = lambda: None,
        moments: tuple[ExactSum, int] | None = None,
    ) -> None:
        self.statistic, self.problem, self.order, self.check = statistic, problem, order, check
        self.past, self.put = past, put
        self.total, self.n = moments or (statistic.total, sum(statistic.record_counts.tolist()))
        self.broke = Break(BreakLevel.SCALE) if past is None else None
        self.scanned = 0
        self.memo: Memo = ()
        self.aside: Aside | None = None
        self.returns = False
        self.labels = statistic.labels
        self.classes = None if statistic.n_targets else _classes_of(order)
        self.n_slots = 1 + max(order.tolist(), default=0)

    @property
    def kept(self) -> Trace | None:
        """The trace before the update, as long as no level has broken."""
        return self.past if self.broke is None else None

    def breaks(self, level: BreakLevel, t: int = 0) -> None:
        """Note that a level has broken, unless one before it has."""
        if self.broke is None:
            self.broke = Break(level, t)

    def solve(self) -> Trace:
        """What all records are solved for: nothing of before is used."""
        n, key = self.n, key_of(self.problem, self.n)
        self.fix_scale(key, n)
        with one_thread():
            theta, converged = self.problem.converge(self.scale, self.whole)
        return Trace(key, self.scale, None, (), (), theta, converged)

    def run(self, changes: list[Change]) -> Trace:
        """The trace of the records held now; `changes` are those that came or went since the trace of before."""
        n, key = self.n, key_of(self.problem, self.n)
        octave = n.bit_length()
        before = self.past
        self.fix_scale(key, n)
        limits = SampleLimits.of(octave, self.statistic.large_pilot)
        changed = min((lowest_hash(records) for records, _ in changes), default=MAX_HASH)
        lowest = changed
        if self.returns and self.put is not None:
            lowest = min(changed, self.put.lowest)
        sample = self.gathered(limits.pilot)
        self.fix_grid(within(sample, limits.grid), lowest > limits.grid)
        changes = [(self.classed(part), sign) for records, sign in changes for part in parts_of(records)]
        known, unused = self.remembered()
        pilot, theta = self.run_pilot(sample, limits.pilot, lowest > limits.pilot, changes)
        rounds, theta, converged = self.run_rounds(theta, known, changes)
        theta, converged = self.come_to_rest(theta, converged, len(rounds))
        self.memo = self.to_remember(known, unused, lambda past: self.updated(past, changes))
        self.put_aside(before, changed, changes)
        return Trace(key, self.scale, self.grid, pilot, rounds, theta, converged)

    # ------------------------------------------------------------------ the levels

    def fix_scale(self, key: tuple[int, ...], n: int) -> None:
        """The scale, from the moments of all records; broken where it, the octave or the problem is another one."""
        self.scale = self.problem.scale(self.total, n, self.order)
        if self.past is not None and self.past.key == key and self.past.scale == self.scale:
            return
        put = self.put
        if put is not None and put.trace.key == key and put.trace.scale == self.scale:
            self.past, self.broke, self.returns = put.trace, None, True
        else:
            self.breaks(BreakLevel.SCALE)

    def fix_grid(self, sample: Source, untouched: bool) -> None:
        """The grid, from its sample; made again where a record of the sample came or went."""
        kept = self.kept
        if kept is not None and untouched:
            self.grid = kept.grid
            return
        with one_thread():
            self.grid = self.problem.grid(self.scale, sample)
        if kept is not None and to_bytes(self.grid) != to_bytes(kept.grid):
            self.breaks(BreakLevel.GRID)

    def run_pilot(
        self, sample: Source, limit: int, untouched: bool, changes: list[Change]
    ) -> tuple[tuple[Evaluation, ...], np.ndarray]:
        """What is evaluated over the pilot, and the theta it ends with; run again where a record of it changed."""
        kept = self.kept
        if kept is not None and untouched:
            return kept.pilot, kept.rounds[0].theta
        known = {} if kept is None else _by_theta(kept.pilot)
        own = [(records.take(records.hashes <= np.uint64(limit)), sign) for records, sign in changes]
        evaluations: list[Evaluation] = []

        def over_sample(at: np.ndarray) -> tuple[ExactSum, ...]:
            return self.question(at).summed(self.problem, sample())

        def evaluate(theta: np.ndarray) -> tuple[ExactSum, ...]:
            evaluations.append(self.evaluation(theta, known, over_sample, own))
            return evaluations[-1].sums

        theta = self.problem.pilot(self.scale, self.grid, sample, evaluate)
        if kept is not None and theta.tobytes() != kept.rounds[0].theta.tobytes():
            self.breaks(BreakLevel.PILOT)
        return tuple(evaluations), theta

    def run_rounds(
        self, theta: np.ndarray, known: dict[bytes, Evaluation], changes: list[Change]
    ) -> tuple[tuple[Evaluation, ...], np.ndarray, bool]:
        """Rounds over all records from `theta` on, the unrounded last theta, and whether they came to rest.

        They end when the rounded theta rests, which takes two rounds at least, or after MOST_ROUNDS; where the problem
        can recover from that, also when a theta returns, unless cells can be made narrower. Round t breaks where its
        theta is not that of before.
        """
        kept, stop_at_returns = self.kept, self.problem.recover is not None
        before = [] if kept is None else [past.theta.tobytes() for past in kept.rounds]
        rounds: list[Evaluation] = []
        visited: set[bytes] = set()
        grid, finer = self.grid, MOST_FINER if self.problem.refines else 0
        while True:
            t, at = len(rounds), theta.tobytes()
            if t >= len(before) or before[t] != at:
                self.breaks(BreakLevel.ROUND, t)
            if at not in known and self.statistic.report is not None:
                self.statistic.report(f"round {t + 1}: evaluating {self.statistic.record_counts.sum():,} records")
            rounds.append(self.evaluation(theta, known, self.sums_of_all, changes))
            end, rounded, rests = self.problem.step(theta, self.scale, grid, rounds[-1].sums)
            visited.add(at)
            while finer and not rests and rounded.tobytes() in visited:
                grid, finer = self.problem.finer(grid), finer - 1
                end, rounded, rests = self.problem.step(theta, self.scale, grid, rounds[-1].sums)
            if (rests and t) or t + 1 == MOST_ROUNDS or (stop_at_returns and rounded.tobytes() in visited):
                return tuple(rounds), end, bool(rests)
            theta = rounded

    def come_to_rest(self, theta: np.ndarray, converged: bool, n_rounds: int) -> tuple[np.ndarray, bool]:
        """The theta that rounds ended with, or that of a search from there where they did not come to rest."""
        recover = self.problem.recover
        if recover is None or (converged and not self.problem.doubts(self.scale, n_rounds)):
            return theta, converged
        self.breaks(BreakLevel.REST)
        theta, converged = recover(self.scale, self.gathered(MAX_HASH), theta)
        return theta, bool(converged)

    # ------------------------------------------------------------------ what was evaluated before

    def remembered(self) -> tuple[dict[bytes, Evaluation], dict[bytes, int]]:
        """Sums evaluated before on the same grid, by theta, and for how many updates those of the memo are unused."""
        kept = self.kept
        if kept is None:
            return {}, {}
        memo = () if self.returns else self.statistic.memo
        if not memo:
            return _by_theta(kept.rounds), {}
        known = _by_theta((*(past for past, _ in memo), *kept.rounds))
        return known, {past.theta.tobytes(): age for past, age in memo}

    def to_remember(
        self, known: dict[bytes, Evaluation], unused: dict[bytes, int], updated: Callable[[Evaluation], Evaluation]
    ) -> Memo:
        """The youngest of the sums that this walk did not use, brought up to date."""
        if not known:
            return ()
        ages = [(past, unused.get(at, 0) + 1) for at, past in known.items()]
        young = [(past, age) for past, age in ages if age <= self.oldest()]
        young = young[-max(MEMO, min(MOST_MEMO, self.n // RECORDS_OF_MEMO)) :]
        return tuple([(updated(past), age) for past, age in young])

    def oldest(self) -> int:
        """For how many updates what is remembered may stay unused."""
        return max(MEMO_AGE, self.n // MEMO_SHARE)

    def keep_aside(self, changes: list[Change]) -> None:
        """Put the trace of before aside, of which none follows: see :attr:`aside`."""
        changed = min((lowest_hash(records) for records, _ in changes), default=MAX_HASH)
        before, self.broke = self.past, Break(BreakLevel.SCALE)
        self.put_aside(before, changed, [(self.classed(part), sign) for one, sign in changes for part in parts_of(one)])

    def put_aside(self, before: Trace | None, changed: int, changes: list[Change]) -> None:
        """Keep the trace that the scale broke, or the one that was put aside earlier, up to date.

        `changed` is the lowest keyed hash among the changes, whose records have their classes.
        """
        aside = None if self.returns else self.put
        if before is not None and (self.returns or (self.broke and self.broke.level is BreakLevel.SCALE)):
            aside = Aside(before, 0, MAX_HASH)
        if aside is None or aside.age >= self.oldest():
            return
        trace, pilot = aside.trace, SampleLimits.of(aside.trace.key[1], self.statistic.large_pilot).pilot
        own = [(records.take(records.hashes <= np.uint64(pilot)), sign) for records, sign in changes]
        at = trace.scale, trace.grid
        evaluated = [
            tuple(self.updated(past, part, *at) for past in pasts)
            for pasts, part in ((trace.pilot, own), (trace.rounds, changes))
        ]
        self.aside = Aside(
            replace(trace, pilot=evaluated[0], rounds=evaluated[1]), aside.age + 1, min(aside.lowest, changed)
        )

    def evaluation(
        self, theta: np.ndarray, known: dict[bytes, Evaluation], summed: Evaluate, changes: list[Change]
    ) -> Evaluation:
        """The sums at theta: what is known there, brought up to date, or else what `summed` gives."""
        past = known.pop(theta.tobytes(), None)
        return Evaluation(theta, summed(theta)) if past is None else self.updated(past, changes)

    def question(self, theta: np.ndarray) -> Question:
        """What sums at theta are asked by."""
        return Question(self.labels, theta, self.scale, self.grid)

    def sums_of_all(self, theta: np.ndarray) -> tuple[ExactSum, ...]:
        """The sums at theta over all records held: asked of where they lie, if they are not here."""
        question, rows = self.question(theta), self.statistic.rows
        if not isinstance(rows, AskedRows):
            return question.summed(self.problem, self.source(MAX_HASH))
        own = question.summed(self.problem, self.parts(rows.own.blocks(MAX_HASH)))
        self.scanned += self.n - len(rows.own)
        add_all(own, rows.evaluate(question, self.check))
        return own

    def updated(self, past: Evaluation, changes: list[Change], scale: Any = None, grid: Any = None) -> Evaluation:
        """An evaluation brought up to date: the terms of records that came or went are added or subtracted.

        It is one on this walk's grid unless another one is given.
        """
        scale, grid = (self.scale, self.grid) if scale is None else (scale, grid)
        sums = tuple([total.copy() for total in past.sums])  # a list is made faster than a generator runs
        for records, sign in changes:
            self.problem.query(past.theta, scale, grid, records, sums, sign)
        return Evaluation(past.theta, sums)

    # ------------------------------------------------------------------ records

    def classed(self, records: Records) -> Records:
        """Records with the classes that problems number 0, 1, ... in place of their slots."""
        if self.classes is None:
            return records
        return Records(records.x, self.classes[records.y.astype(np.int64)], records.w, records.hashes)

    def blocks(self, limit: int) -> Iterator[Records]:
        """The records held whose keyed hash is at most `limit`, in blocks as long as their source gives them."""
        order = None if self.statistic.n_targets else self.order
        return blocks_of(self.statistic.rows, limit, self.labels, order, self.check)

    def source(self, limit: int) -> Iterator[Records]:
        """The same, in parts that BLAS sums exactly, with classes in place of slots."""
        return self.parts(self.blocks(limit))

    def parts(self, blocks: Iterable[Records]) -> Iterator[Records]:
        """Parts of blocks that were read."""
        for records in blocks:
            for block in parts_of(records):
                self.check()
                if not self.statistic.n_targets and block.y.max(initial=0.0) >= self.n_slots:
                    raise FormatError(UNFIT)  # the labels of a model that was read do not fit its records
                self.scanned += len(block.w)
                yield self.classed(block)

    def whole(self) -> Iterator[Records]:
        """All records held, with classes."""
        for records in self.blocks(MAX_HASH):
            self.check()
            yield self.classed(records)

    def gathered(self, limit: int) -> Source:
        """The records whose keyed hash is at most `limit`, gathered once; each read lets Ctrl-C in."""
        blocks: list[Records] = []

        def source() -> Iterator[Records]:
            if not blocks:
                blocks.extend(self.source(limit))
            for block in blocks:
                self.check()
                yield block

        return source


def _classes_of(order: np.ndarray) -> np.ndarray | None:
    """The class of each slot, float64[slots]; None where they are the same numbers."""
    slots = order.tolist()
    if slots == list(range(len(slots))):
        return None
    classes = np.zeros(1 + max(slots, default=0))
    classes[order] = np.arange(len(order))
    return classes


def _by_theta(evaluations: tuple[Evaluation, ...]) -> dict[bytes, Evaluation]:
    return {past.theta.tobytes(): past for past in evaluations}
