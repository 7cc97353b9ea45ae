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
    names : list of list of Names
        The names of its records, if they are wanted: in runs, by the part of the index that they belong to.
    n_rows : int
        How many they are.
    place : str or None
        Which worker did, where workers have names.
    """

    model: Any
    names: list[list[Names]]
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


def learned(prototype: Any, plan: Plan, piece: Piece, number: int, bits: int | None, memory: int, fit: str) -> Learned:
    """Learn a piece alone. It depends on nothing else, so it may be done again anywhere.

    The names of its records are divided by their first `bits` bits; None if they are not wanted.

    Under the name `fit`, the process keeps what questions about the records of an adaptive learner are answered from.
    """
    model = prototype.emptied()
    state, names = model.state, None if bits is None else Collector(number, memory, bits)
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
    return noted(model, block)[0]


def noted(model: Any, block: Block) -> tuple[np.ndarray, np.ndarray]:
    """The names of the records that a model makes of these rows, and the hash of their multiset, uint64[4]."""
    like, found = model.emptied(), [np.zeros((0, 2), np.uint64)]
    state = like.state

    def note(digests: np.ndarray) -> None:
        found.append(digests[:, :2].copy())

    state.fast_path, state.deferred = None, True  # what depends on all of them is of no interest
    if isinstance(state.statistic, KeptRecords):
        state.statistic.read_from(PassedRows(lambda x, y, w, digests: note(digests)))
    else:
        state.ledger = Noting(note)
    like.partial_fit(**block.args())
    return np.concatenate(found), state.multiset


def _model(piece: Learned) -> Any:
    return piece.model


def _names(piece: Learned, part: int) -> list[Names]:
    return piece.names[part]


def _received(names: list[Names]) -> list[Names]:
    """Names of another worker, which this one keeps from now on."""
    return names


def _told(piece: Learned) -> tuple[int, str | None]:
    return piece.n_rows, piece.place


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
    keepers : sequence of str or None
        Which worker keeps the names of each part of the index; empty where they are not wanted.

    Attributes
    ----------
    rows : dict of int to int
        The number of rows of each piece that is done.
    places : dict of int to str or None
        Which worker has done it.
    """

    def __init__(self, workers: Workers, calls: Sequence[tuple[Any, ...]], keepers: Sequence[str | None]) -> None:
        self._workers, self._calls, self._keepers = workers, calls, keepers
        self._under_way: dict[int, Future] = {}
        self._levels: list[list[Future]] = []
        self._names: dict[int, list[Future]] = {}
        self._told: dict[int, Future] = {}
        self._done: SimpleQueue[int] = SimpleQueue()  # numbers of pieces, and again when they were told of
        self.rows: dict[int, int] = {}
        self.places: dict[int, str | None] = {}

    def results(self, report: Report) -> tuple[Any, list[list[Future]]]:
        """A model of all pieces, and by part of the index the names of each piece."""
        workers = self._workers
        with workers.reached():
            waiting = iter(range(len(self._calls)))
            for number in [*islice(waiting, 2 * workers.count)]:
                self._begin(number)
            while self._under_way:
                number = self._next()
                if number in self._told:
                    self._finish(number, report)
                else:
                    self._begin(next(waiting, None))
                    self._ask(number)  # and nobody waits for the answer, which may come after the next piece
            rest = [model for level in self._levels for model in level]
            (total,) = results(workers, [workers.near(together, rest)])
            return total, [list(names) for names in zip(*(self._names[i] for i in sorted(self._names)), strict=True)]

    def _begin(self, number: int | None) -> None:
        if number is not None:
            future = self._under_way[number] = self._workers.submit(learned, *self._calls[number])
            future.add_done_callback(lambda _: self._done.put(number))

    def _ask(self, number: int) -> None:
        future = self._told[number] = self._workers.near(_told, self._under_way[number])
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
        ((self.rows[number], self.places[number]),) = results(self._workers, [self._told.pop(number)])
        self._names[number] = [self._sent(near(_names, piece, part), to) for part, to in enumerate(self._keepers)]
        self._put(0, near(_model, piece))
        report(self.rows[number])

    def _sent(self, names: Future, place: str | None) -> Future:
        """Names on their way to the worker that keeps them: at once, as all together would not fit its memory."""
        return names if place is None else self._workers.near(_received, names, at=place)

    def _put(self, level: int, model: Future) -> None:
        if level == len(self._levels):
            self._levels.append([])
        self._levels[level].append(model)
        if len(self._levels[level]) == _FAN:
            full, self._levels[level] = self._levels[level], []
            self._put(level + 1, self._workers.near(together, full))

    def cancel(self) -> None:
        """Stop what is under way."""
        names = [future for futures in self._names.values() for future in futures]
        left = [*self._under_way.values(), *names, *(model for level in self._levels for model in level)]
        self._workers.cancel(left)
