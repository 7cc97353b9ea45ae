"""The statistic of an adaptive learner: its records, their exact moments, and the trace of its rounds."""

from collections.abc import Callable, Iterable
from functools import partial
from time import perf_counter
from typing import Any, Self

import numpy as np

from sqlearn.engine.rounds.changes import Changes
from sqlearn.engine.rounds.follow import followed
from sqlearn.engine.rounds.kept import LARGEST, KeptRecords
from sqlearn.engine.rounds.one_record import OneOfRounds
from sqlearn.engine.rounds.problem import Problem
from sqlearn.engine.rounds.question import Question
from sqlearn.engine.rounds.row_source import Records, RowSource
from sqlearn.engine.rounds.rows import Rows
from sqlearn.engine.rounds.trace import Trace, UpdateReport, from_bytes, to_bytes
from sqlearn.engine.rounds.walk import Aside, Memo, Walk, earlier_keys, key_of, lazy_below
from sqlearn.engine.sums import UNFIT, ExactSum, Holder, Log, OneRecord
from sqlearn.errors import FormatError

NO_PLACES = np.zeros(0, np.int64)  # of records that lie elsewhere
Report = Callable[[str], None]  # reports how far long work has got


class Rounds(KeptRecords):
    """The records of an adaptive learner, and the trace of its rounds.

    An update puts records in or takes them out (:meth:`deposit`); then :meth:`refresh` has a
    :class:`~sqlearn.engine.rounds.walk.Walk` bring the trace up to date. Of so few records that solving for all of
    them costs less than a walk, no trace is kept: they are solved for when the solution is first read
    (:meth:`solved`).

    Attributes
    ----------
    changes : Changes
        What was deposited and is not in the trace yet.
    total : ExactSum
        Exact moments, one row per class slot.
    trace : Trace or None
        None while too little is held to learn from, or so little that it is solved for when it is read.
    solution : tuple of (int, Trace) or None
        What was solved for, and for which version of the state: no part of any bytes or digest. A thread that solves
        while another one updates cannot leave its solution to the version after.
    lazy_below : int
        While fewer records of the same classes are held no trace is kept; 0 where one is, or nobody has looked.
    warned : bool
        Whether its learner has warned that the trace did not come to rest.
    aside : Aside or None
        A trace of another scale, which may come back, kept up to date as the memo is.
    memo : tuple of (Evaluation, int)
        Sums evaluated before the last breaks, kept up to date, since a walk often returns there, and for how many
        updates they have not been of use. They are history, so no part of any bytes or digest; clearing them
        costs time alone.
    """

    def __init__(
        self,
        n_features: int,
        n_targets: int,
        problem: Callable[[list[Any]], Problem[Any, Any] | None],
        seed: int,
        report: Report | None = None,
        large_pilot: bool = False,
        least_target: float = 0.0,
    ) -> None:
        super().__init__(n_features, n_targets, seed)
        self.targets_within = least_target, LARGEST  # others go by the general path, as losses may refuse them
        self.problem = problem
        self.report = report
        self.large_pilot = large_pilot
        self._problem: tuple[list[Any], Problem[Any, Any] | None] | None = None  # the last labels, and their problem
        self.trace: Trace | None = None
        self.solution: tuple[int, Trace] | None = None
        self.lazy_below = 0
        self.last: UpdateReport | None = None
        self.warned = False
        self.memo: Memo = ()
        self.aside: Aside | None = None
        # class slots that the trace's classes 0, 1, ... stand for: history, and no part of any bytes
        self._order: tuple[int, ...] = ()
        self.changes = Changes()

    @staticmethod
    def cells(n_features: int, n_targets: int) -> int:
        return 1 + 2 * n_features

    # ------------------------------------------------------------------ changing

    def fast_path(self, state: Holder) -> OneRecord | None:
        return OneOfRounds(state)

    def take_in(self, records: Records, slots: np.ndarray, sign: float, log: Log) -> None:
        """Add or subtract records that `rows` has, or has no more, already."""
        self._sum(records.x, records.w, slots, sign, log)
        self._note(records, NO_PLACES, sign)

    def _note(self, records: Records, places: np.ndarray, sign: float) -> None:
        if self.trace is not None or self.aside is not None:  # else it would be a second copy of all records
            self.changes.add(records, sign)

    def refresh(self, order: np.ndarray, labels: list[Any], log: Log, check: Callable[[], None] = lambda: None) -> None:
        """Bring the trace up to date with what was deposited."""
        started = perf_counter()
        changes = self.changes.taken()
        if self.is_share:
            return
        log.note(partial(self._set, self.trace, self.last, self._order, self.memo, self.aside))
        problem = self._problem_of(labels)
        self.lazy_below = 0
        if problem is None:
            self._set(None, None, (), (), None)
            return
        slots = tuple(order.tolist())
        past, aside = self.trace, self.aside
        if slots != self._order or changes is None:  # when classes have come or gone, all records are evaluated anew
            past, aside, changes = None, None, []
        walk = Walk(self, problem, order, past, aside, check)
        if walk.n < lazy_below(problem):
            walk.keep_aside(changes)
            self._set(None, UpdateReport(0, None, 0, perf_counter() - started), slots, (), walk.aside)
            self.lazy_below = 0 if walk.aside else lazy_below(problem)
            return
        trace = walk.run(changes)
        broke_at = None if walk.broke is None else walk.broke.reported()
        all_kept = len(trace.rounds) if broke_at in (None, "rest") else 0
        kept = broke_at if isinstance(broke_at, int) else all_kept
        report = UpdateReport(kept, broke_at, walk.scanned, perf_counter() - started)
        self._set(trace, report, slots, walk.memo, walk.aside)

    def follow(self, total: ExactSum, record: Records, sign: float) -> Callable[[], None] | None:
        """What puts the trace in place that follows when one record comes or goes, if nothing of it breaks.

        None where something does, and where there is no trace. Nothing has changed yet: `total` has the moments as they
        will be. Only for a record whose class stays.
        """
        started = perf_counter()
        if self.trace is None or self._problem is None or self._problem[1] is None:
            return None
        order, n = np.array(self._order, np.int64), sum(self.record_counts.tolist()) + int(sign)
        walk = Walk(self, self._problem[1], order, self.trace, self.aside, moments=(total, n))
        trace = followed(walk, record, sign)
        if trace is None:
            return None
        report = UpdateReport(len(trace.rounds), None, 0, perf_counter() - started)
        return partial(self._set, trace, report, self._order, walk.memo, walk.aside)

    def _set(
        self,
        trace: Trace | None,
        last: UpdateReport | None,
        order: tuple[int, ...],
        memo: Memo,
        aside: Aside | None,
    ) -> None:
        self.trace, self.last, self._order, self.memo, self.aside = trace, last, order, memo, aside
        self.solution, self.warned = None, False

    @property
    def labels(self) -> list[Any]:
        """The classes that hold records, sorted, as of the last problem; [None] without classes."""
        return [] if self._problem is None else self._problem[0]

    def answer(self, question: Question, blocks: Iterable[Records]) -> tuple[ExactSum, ...]:
        """What a part answers: the sums over these records, whose classes are places among the question's labels."""
        problem = self.problem(question.labels)
        assert problem is not None  # the question is one of its walk
        return question.summed(problem, blocks)

    def _problem_of(self, labels: list[Any]) -> Problem[Any, Any] | None:
        if self._problem is None or self._problem[0] != labels:
            self._problem = labels, self.problem(labels) if self.record_counts.any() else None
        return self._problem[1]

    def _is_lazy(self, problem: Problem[Any, Any]) -> bool:
        n: int = sum(self.record_counts.tolist())
        return n < lazy_below(problem)

    def solved(self, order: np.ndarray, labels: list[Any], version: int) -> Trace | None:
        """The trace or, where none is kept, what all records are solved for, once; None where nothing can be learned.

        `order` has the slots of the classes that hold records, `labels` these classes, sorted; `version` is the
        state's.
        """
        problem = self._problem_of(labels)
        if self.trace is not None or problem is None:
            return self.trace
        known = self.solution
        if known is None or known[0] != version:
            self.solution = known = version, Walk(self, problem, order, None, None).solve()
        return known[1]

    def prune(self, temporary: bool = False) -> None:
        self.changes.taken()  # of a call that failed
        super().prune(temporary)

    def stays(self, before: int, now: int) -> None:
        if self.solution is not None and self.solution[0] == before:  # the rows may be out of reach by now
            self.solution = now, self.solution[1]

    # ------------------------------------------------------------------ whole states

    def _empty(self) -> Self:
        given = self.problem, int(self.seed), self.report, self.large_pilot, self.targets_within[0]
        return type(self)(self.n_features, self.n_targets, *given)

    def copy(self) -> Self:
        copied = super().copy()
        copied.trace, copied.last, copied._order = self.trace, self.last, self._order
        copied.solution = self.solution
        return copied

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        return [*super().canonical(slots), b"" if self.is_share else to_bytes(self.trace)]

    def restore(self, parts: list[bytes]) -> None:
        super().restore(parts)
        self.is_share = not parts[2]
        self.trace = None if self.is_share else from_bytes(parts[2])
        self._order = tuple(np.flatnonzero(self.record_counts).tolist())

    def solution_elsewhere(self, order: np.ndarray, labels: list[Any], version: int) -> bytes | None:
        if isinstance(self.rows, Rows) or self.trace is not None or self.is_share:
            return None
        found = self.solved(order, labels, version)
        return None if found is None else to_bytes(found)

    def restore_solution(self, solution: bytes) -> None:
        self.solution = 0, from_bytes(solution)  # the version of a state that is read

    def drop_obsolete(self, labels: list[Any]) -> bool:
        problem, trace = self._problem_of(labels), self.trace
        if problem is None or trace is None:
            return False
        if self._is_lazy(problem):
            self.trace = None
            if not isinstance(self.rows, Rows):  # until there are rows to solve for
                self.solution = 0, trace
            return False
        return trace.key != key_of(problem, sum(self.record_counts.tolist()))

    def read_from(self, rows: RowSource) -> None:
        super().read_from(rows)
        self.solution = None

    def check_form(self, labels: list[Any]) -> None:
        super().check_form(labels)
        problem = self._problem_of(labels)
        if problem is None:
            if self.trace is not None or self.solution is not None:
                raise FormatError(UNFIT)
        elif self.trace is not None:  # of few records, an earlier version kept one too
            self._check_trace(problem, self.trace)
        elif not (self._is_lazy(problem) or self.is_share):
            raise FormatError(UNFIT)
        elif self.solution is not None:
            self._check_trace(problem, self.solution[1])

    def _check_trace(self, problem: Problem[Any, Any], trace: Trace) -> None:
        """Raise FormatError where this is no trace of this problem and these moments."""
        if not isinstance(trace, Trace):
            raise FormatError(UNFIT)
        n = sum(self.record_counts.tolist())
        key = key_of(problem, n)
        scale = problem.scale(self.total, n, np.array(self._order, np.int64))
        if trace.key != key and trace.key not in earlier_keys(key, problem):
            raise FormatError(UNFIT)
        if trace.key == key and to_bytes(trace.scale) != to_bytes(scale):
            raise FormatError(UNFIT)
        thetas = [past.theta for past in (*trace.pilot, *trace.rounds)]
        plain = all(theta.dtype == np.float64 and theta.ndim == 1 for theta in (trace.theta, *thetas))
        if not plain or len({len(theta) for theta in thetas}) > 1:
            raise FormatError(UNFIT)
        shapes = [total.shape for total in problem.empty(scale, trace.grid)] if trace.rounds else []
        if any([total.shape for total in past.sums] != shapes for past in (*trace.pilot, *trace.rounds)):
            raise FormatError(UNFIT)
