"""Pieces while they are learned, each where it lies and alone, and what comes together of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from sqlearn.distributed.asking import KeptPiece, keep
from sqlearn.distributed.ledger import Noting
from sqlearn.distributed.names import Collector, Names
from sqlearn.distributed.pieces import Block, Piece, Plan
from sqlearn.distributed.rounds import asks_in_rounds
from sqlearn.distributed.workers import Future, Workers, here, pause, results, run
from sqlearn.engine.model import Inner, State
from sqlearn.engine.rounds import KeptRecords, PassedRows
from sqlearn.errors import InvalidValueError, MergeError, ShapeError

_FAN = 8  # states that are merged at once
_LOOK = 0.1  # seconds

Report = Callable[[int], object]


class Learned(NamedTuple):
    """What a piece has been learned as.

    Attributes
    ----------
    model : ExactEstimator
        A model of its records, without a ledger.
    names : list of Names
        The names of its records, if they are wanted, in runs.
    n_rows : int
        How many they are.
    place : str or None
        Which worker did, where workers have names.
    """

    model: Any
    names: list[Names]
    n_rows: int
    place: str | None


def prototype_of(learner: Any, pieces: Sequence[Piece], plan: Plan, workers: Workers) -> Any:
    """What a learner becomes with the layout of the pieces' rows, without any."""
    like = clone(learner)
    for piece in pieces:
        (found,) = run(workers, _started, [(like, plan, piece)])
        if found is not None:
            return found
    raise ShapeError(
        "All pieces are empty: there are 0 sample(s). Nothing was changed: pass at least one row.", reason="empty"
    )


def _started(learner: Any, plan: Plan, piece: Piece) -> Any:
    """What a learner becomes by the first rows of a piece; None if it has none."""
    for block in piece.blocks(plan):
        if len(block):
            with block.located():
                return learner.started(**block.args())
    return None


def learned(prototype: Any, plan: Plan, piece: Piece, number: int, named: bool, memory: int, fit: str) -> Learned:
    """Learn a piece alone. It depends on nothing else, so it may be done again anywhere.

    Under the name `fit`, the process keeps what questions about the records of an adaptive learner are answered from.
    """
    model = prototype.emptied()
    state, names = model.state, Collector(number, memory) if named else None
    state.fast_path, kept = None, None
    if names is not None and asks_in_rounds(state):
        kept = KeptPiece(state, memory, names.note)
    else:
        state.ledger = None if names is None else Noting(names.note)
    for block in piece.blocks(plan):
        pause()
        if len(block):
            with block.located():
                model.partial_fit(**block.args())
    state.ledger, state.taken_out = None, True  # so that pickles are complete without
    if kept is not None:
        kept.has_learned()
        keep(fit, number, kept)
    return Learned(model, [] if names is None else names.names(), state.n_records, here())


def names_of(model: Any, block: Block) -> np.ndarray:
    """The names of the records that a model makes of these rows, uint64[n, 2]; it is not changed."""
    like, found = model.emptied(), [np.zeros((0, 2), np.uint64)]
    state = like.state

    def note(digests: np.ndarray) -> None:
        found.append(digests[:, :2].copy())

    state.fast_path = None
    if isinstance(state.statistic, KeptRecords):
        state.statistic.read_from(PassedRows(lambda x, y, w, digests: note(digests)))
        state.deferred = True
    else:
        state.ledger = Noting(note)
    like.partial_fit(**block.args())
    return np.concatenate(found)


def _model(piece: Learned) -> Any:
    return piece.model


def _names(piece: Learned) -> list[Names]:
    return piece.names


def _told(piece: Learned) -> tuple[int, int, str | None]:
    return piece.n_rows, sum(names.n_entries for names in piece.names), piece.place


def together(models: Sequence[Any]) -> Any:
    """A model of the records of all of these, which are not changed."""
    first, *others = models
    state: State = first.state
    try:
        for model in others:
            state = state.merged(model.state)
    except MergeError as error:
        if error.reason != "label":
            raise
        raise InvalidValueError(
            f"Some pieces have text where others have numbers, as labels or in a column of categories: {error}",
            column=error.column,
            reason="label",
        ) from error
    return Inner(first).fitted(state)


class UnderWay:
    """Pieces while they are learned: a few at once, and what is done is merged in a tree.

    Parameters
    ----------
    workers : Workers
        Where they are learned.
    calls : sequence of tuple
        The arguments of :func:`learned` for each piece.

    Attributes
    ----------
    n_names : int
        The number of names in all pieces that are done.
    rows : dict of int to int
        The number of rows of each piece that is done.
    places : dict of int to str or None
        Which worker has done it.
    """

    def __init__(self, workers: Workers, calls: Sequence[tuple[Any, ...]]) -> None:
        self._workers, self._calls = workers, calls
        self._under_way: dict[int, Future] = {}
        self._levels: list[list[Future]] = []
        self._names: dict[int, Future] = {}
        self._done: SimpleQueue[int] = SimpleQueue()
        self.n_names = 0
        self.rows: dict[int, int] = {}
        self.places: dict[int, str | None] = {}

    def results(self, report: Report) -> tuple[Any, list[Future]]:
        """A model of all pieces, and the names of each."""
        workers = self._workers
        with workers.reached():
            waiting = iter(range(len(self._calls)))
            for number in [*islice(waiting, 2 * workers.count)]:
                self._begin(number)
            while self._under_way:
                number = self._next()
                self._begin(next(waiting, None))
                self._finish(number, report)
            rest = [model for level in self._levels for model in level]
            (total,) = results(workers, [workers.near(together, rest)])
            return total, [self._names[number] for number in sorted(self._names)]

    def _begin(self, number: int | None) -> None:
        if number is not None:
            future = self._under_way[number] = self._workers.submit(learned, *self._calls[number])
            future.add_done_callback(lambda _: self._done.put(number))

    def _next(self) -> int:
        while True:
            try:
                return self._done.get(timeout=_LOOK)
            except Empty:
                with self._workers.reached():  # whether there is still anybody to wait for
                    pass

    def _finish(self, number: int, report: Report) -> None:
        near, piece = self._workers.near, self._under_way.pop(number)
        ((n_rows, n_names, self.places[number]),) = results(self._workers, [near(_told, piece)])
        self.n_names += n_names
        self.rows[number] = n_rows
        self._names[number] = near(_names, piece)
        self._put(0, near(_model, piece))
        report(n_rows)

    def _put(self, level: int, model: Future) -> None:
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(model)
        if len(self._levels[level]) == _FAN:
            full, self._levels[level] = self._levels[level], []
            self._put(level + 1, self._workers.near(together, full))

    def cancel(self) -> None:
        """Stop what is under way."""
        left = [*self._under_way.values(), *self._names.values(), *(model for level in self._levels for model in level)]
        self._workers.cancel(left)
