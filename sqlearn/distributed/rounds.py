"""Adaptive learners over pieces: their sums are merged as all sums are, and rounds ask the rows where they lie."""

from __future__ import annotations

from typing import Any, cast

from sqlearn.distributed.rows import Parts, PiecedRows
from sqlearn.engine.model import State
from sqlearn.engine.rounds import Rounds, Rows


def asks_in_rounds(state: State) -> bool:
    """Whether the learner of this state sums over its records in rounds, so that these may lie elsewhere."""
    return type(state.statistic) is Rounds


def summed(prototype: Any, total: State) -> State:
    """A state of all sums of parts, with labels of its own, that waits to ask for the rest."""
    state: State = prototype.emptied().state
    state.deferred = True
    return state.merged(total)


def solve(state: State) -> None:
    """Solve for the rows, in a state that would wait until it is read: its rows may be out of reach by then."""
    if asks_in_rounds(state):
        with state.reading() as version:
            cast(Rounds, state.statistic).solved(*state.occupied(), version)


def ask_rows(state: State, parts: Parts) -> None:
    """Have a state ask the rows of these parts where they lie, and make its rounds."""
    statistic: Any = state.statistic
    statistic.read_from(PiecedRows(parts, Rows(statistic.n_features, statistic.seed)))
    state.catch_up()
