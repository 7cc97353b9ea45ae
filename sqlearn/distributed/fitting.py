"""``fit``: a learner learns data that lies in pieces, each of which is read where it lies."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np

from sqlearn.distributed.asking import Part
from sqlearn.distributed.gathering import gathered
from sqlearn.distributed.groves import grown, grows_elsewhere
from sqlearn.distributed.index import Index, bits_of, parts_of_index
from sqlearn.distributed.learning import Report, UnderWay, prototype_of
from sqlearn.distributed.ledger import PiecedLedger
from sqlearn.distributed.pieces import Piece, Plan, pieces_of
from sqlearn.distributed.rounds import ask_rows, asks_in_rounds, summed
from sqlearn.distributed.rows import Parts, let_go_everywhere
from sqlearn.distributed.source import Source
from sqlearn.distributed.workers import Workers, run, workers_of
from sqlearn.engine.model import ExactEstimator, State
from sqlearn.errors import ParameterError, TableError, UnsupportedError, shown
from sqlearn.storage.calls import called_as
from sqlearn.storage.table import takes_interactions

MEMORY = 1 << 28  # bytes
GATHERED = 1 << 30

Learner = TypeVar("Learner", bound=ExactEstimator)


@called_as('fit(learner, data, y="...")', 'fit(learner, data, y="...", columns=[...], client=...)')
def fit(
    learner: Learner,
    data: Any,
    *,
    y: Any = None,
    sample_weight: Any = None,
    client: Any = None,
    columns: Sequence[Any] | Mapping[str, str] | None = None,
    progress: Report | bool | None = None,
    memory: int = MEMORY,
    gather_limit: int = GATHERED,
) -> Learner:
    """Fit a learner to data in pieces, each of which is read where it lies: files, partitions, frames.

    The model is the one that ``learner.fit`` makes of all rows in one process, to the bit, whatever the pieces, their
    order and what makes the calls. Of a learner of sums only these travel, and the names of the records, 16 bytes for
    each, which are spread over the workers: so memory is bounded by a block of rows, and by `memory`.

    Parameters
    ----------
    learner : estimator of this package
        What is fitted, as by its own ``fit``: what it learned before is dropped.
    data : path, glob, folder, list of files, Dataset, Dask DataFrame or Array, or iterable of pieces
        The data; see docs/scale.md.
    y : name, list of names or array, optional
        The column of labels or targets, or several; or their values, beside one frame or array.
    sample_weight : name or array, optional
        The column of weights, or their values.
    client : distributed.Client or concurrent.futures.Executor, optional
        What makes the calls; threads of this process by default.
    columns : list of names, optional
        The features; by default all columns but these. Of text files, a mapping gives the kinds of columns.
    progress : callable or bool, default=None
        Called with the number of rows read since the last call; True prints a line that counts them on stderr.
    memory : int, default=2**28
        How many bytes of names, and for an adaptive learner of rows, a process keeps in memory; more lie in a temporary
        file.
    gather_limit : int, default=2**30
        How many bytes of rows are gathered in this process for a learner that keeps its records; of trees and forests,
        where `client` is one of Dask, in each worker. The fitted learner keeps its pieces for ids and conditions, so
        frames and arrays, too, beside the rows that were gathered; a pickle of it does not.

    Returns
    -------
    estimator
        The learner itself. While the workers run, it forgets, relabels and learns as if it had its ledger. A copy or
        pickle of it predicts, and refuses to change; of a learner that keeps its records, it changes, but does not know
        its pieces. An adaptive learner of few rows solves for them when it is read:
        after a change by its own methods read it (``predict``, ``coef_``) before the workers end.

    Raises
    ------
    UnsupportedError
        When workers are lost, or `learner` is not of this package.
    TooLargeError
        When a learner that keeps its records would have to gather more than `gather_limit` bytes.
    SqlearnError
        Another subclass that describes the problem, and names the piece. The learner is unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.distributed import fit
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> X, y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 1, 0])
    >>> model = fit(GaussianNB(), [(X[:2], y[:2]), (X[2:], y[2:])])
    >>> model.digest() == GaussianNB().fit(X, y).digest()
    True
    >>> model.forget(X[3], y[3]).digest() == GaussianNB().fit(np.delete(X, 3, 0), np.delete(y, 3)).digest()
    True
    """
    _check(learner, memory, gather_limit)
    workers = workers_of(client)
    with _reporting(progress, type(learner).__name__) as report:
        pieces, plan = pieces_of(learner, data, y, sample_weight, columns=columns, run=partial(run, workers))
        prototype = prototype_of(learner, pieces, plan, workers)
        if grows_elsewhere(prototype.state, workers):
            state = grown(prototype, pieces, plan, workers, gather_limit, report)
            state.rows_lie, state.sources = _where(prototype, pieces), (Source(pieces, plan, workers),)
            learner.hold(state)
        elif learner.keeps_records and not asks_in_rounds(prototype.state):
            gathered(learner, pieces, plan, workers, gather_limit, report)
            if not takes_interactions(learner):  # which are named by users and items
                learner.state.sources = (Source(pieces, plan, workers, memory, learner.state.multiset.copy()),)
        else:
            learner.hold(_fitted(prototype, pieces, plan, workers, memory, gather_limit, report))
    return learner


def _check(learner: Any, memory: Any, gather_limit: Any) -> None:
    if isinstance(learner, type) and issubclass(learner, ExactEstimator):
        raise UnsupportedError(
            f"fit expects an estimator, not its class. Nothing was changed: pass {learner.__name__}() instead of "
            f"{learner.__name__}.",
            reason="learner",
        )
    if not isinstance(learner, ExactEstimator):
        raise UnsupportedError(
            f"fit expects an estimator of sqlearn, not {type(learner).__module__}.{type(learner).__name__}. Nothing "
            "was changed: take the learner of the same name from sqlearn.",
            reason="learner",
        )
    for name, value in (("memory", memory), ("gather_limit", gather_limit)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
            raise ParameterError(
                f"`{name}` is a number of bytes, not {shown(value)}. Nothing was changed: pass a whole number.",
                value=value,
            )


@contextmanager
def _reporting(progress: Report | bool | None, learner: str) -> Iterator[Report]:
    """Context of what is called with the number of rows that were read."""
    if progress is None or isinstance(progress, bool):
        done = 0

        def line(n: int) -> None:
            nonlocal done
            done += n
            print(f"\r{learner}: {done:,} rows read", end="", file=sys.stderr, flush=True)

        yield line if progress else lambda n: None
        if progress:
            print(file=sys.stderr)
    elif callable(progress):
        yield progress
    else:
        raise ParameterError(
            f"`progress` must be True or a function that takes a number of rows, not {shown(progress)}. Nothing was "
            "changed: pass one of these.",
            value=progress,
        )


def _fitted(
    prototype: Any,
    pieces: Sequence[Piece],
    plan: Plan,
    workers: Workers,
    memory: int,
    gather_limit: int,
    report: Report,
) -> State:
    """The state of a model of all pieces."""
    asks, fit = asks_in_rounds(prototype.state), uuid4().hex
    named = asks or prototype.state.ledger is not None
    keepers = parts_of_index(workers, sum(piece.count or 0 for piece in pieces)) if named else []
    bits = bits_of(keepers) if named else None
    under_way = UnderWay(
        workers, [(prototype, plan, piece, number, bits, memory, fit) for number, piece in enumerate(pieces)], keepers
    )
    try:
        total, names = under_way.results(report)
        state: State = summed(prototype, total.state) if asks else prototype.state.merged(total.state)
        if named:
            index = Index(workers, names, keepers, memory)
            if index.n_records != state.n_records:
                raise TableError(
                    f"Pieces have changed while they were read: at first they had {state.n_records:,} rows, and "
                    f"{index.n_records:,} when some were read again. Nothing was changed: pass data that stays as it "
                    "is.",
                    reason="table",
                )
            state.rows_lie, state.sources = _where(prototype, pieces), (Source(pieces, plan, workers),)
            if asks:
                parts = [
                    Part(fit, number, prototype, plan, piece, under_way.rows[number], memory)
                    for number, piece in enumerate(pieces)
                ]
                ask_rows(state, Parts(parts, under_way.places, index, workers, gather_limit))
            else:
                state.ledger = PiecedLedger([index])
    except BaseException:
        under_way.cancel()
        if asks:
            let_go_everywhere(fit, [*under_way.places.values()], workers)
        raise
    return state


def _where(model: Any, pieces: Sequence[Piece]) -> str:
    names = [piece.name for piece in pieces]
    listed = names[0] if len(names) == 1 else f"{len(names):,} pieces, {names[0]} to {names[-1]}"
    return (
        f"The rows of this {type(model).__name__} lie in {listed}, and only the model that distributed.fit returned "
        "knows which of them it holds, as long as its workers run. This is a copy of it, so it can be neither updated "
        "nor merged. Nothing was changed: learn and forget with that model, or fit a clone of it on the rows."
    )
