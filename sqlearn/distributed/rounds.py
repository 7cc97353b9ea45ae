"""Adaptive learners over pieces: their sums are merged as all sums are, and rounds ask the rows where they lie."""

from __future__ import annotations

from typing import Any

from sqlearn.distributed.rows import Parts, PiecedRows
from sqlearn.engine.model import Inner, State
from sqlearn.engine.rounds import PassedRows, Rounds, Rows


def asks_in_rounds(state: State) -> bool:
    """Whether the learner of this state sums over its records in rounds, so that these may lie elsewhere."""
    return type(state.statistic) is Rounds


class LightModel:
    """A part of the model of an adaptive learner: what it sums of its records, without these, and without a trace.

    A pickle of a model has one or the other, so a part has pickles of its own.

    Parameters
    ----------
    model : ExactEstimator
        A model that has passed its records on, see :class:`~sqlearn.engine.rounds.PassedRows`.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    def state(self) -> State:
        state: State = self._model.state
        return state

    def of(self, state: State) -> LightModel:
        """A part with another state."""
        return LightModel(Inner(self._model).fitted(state))

    def __reduce__(self) -> Any:
        return _restored, (self._model.emptied(), self.state.held_parts(ledger=False))


def _restored(model: Any, parts: dict[str, bytes]) -> LightModel:
    state: State = model.state
    statistic: Any = state.statistic
    state.restore(parts)
    state.rows_stayed, state.deferred = False, True
    statistic.read_from(PassedRows(_drop))
    return LightModel(model)


def _drop(*_: Any) -> None:
    """Keep no records."""


def summed(prototype: Any, total: LightModel) -> State:
    """A state of all sums of the parts, with labels of its own, that waits to ask for the rest."""
    state: State = prototype.emptied().state
    state.deferred = True
    return state.merged(total.state)


def ask_rows(state: State, parts: Parts) -> None:
    """Have a state ask the rows of these parts where they lie, and make its rounds."""
    statistic: Any = state.statistic
    statistic.read_from(PiecedRows(parts, Rows(statistic.n_features, statistic.seed)))
    state.catch_up()
