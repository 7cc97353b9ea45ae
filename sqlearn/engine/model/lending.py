"""A model without some of its rows: what ``without`` returns, and answers without each of many rows in turn."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.model.hooks import Hooks
from sqlearn.engine.model.state import State
from sqlearn.engine.sums import Block
from sqlearn.errors import BusyError

_AT_ONCE = 256  # records


class Lending(AbstractContextManager):
    """The model without some rows, for one ``with`` block.

    Parameters
    ----------
    model : estimator
        The model.
    lent : context manager
        Takes the rows out, and puts them back.
    """

    def __init__(self, model: Any, lent: AbstractContextManager):
        self._model, self._lent, self._used = model, lent, False

    def __enter__(self):
        if self._used:
            raise BusyError(
                f"This `without` of a {type(self._model).__name__} was entered before, and serves one `with` block. "
                "Nothing was changed: call model.without(...) again for each block."
            )
        self._used = True
        return self._lent.__enter__()

    def __exit__(self, *error):
        return self._lent.__exit__(*error)


class Question(Protocol):
    """What is asked about some records."""

    name: str  # a method or a fitted attribute

    def features(self, i: int) -> Any:
        """The features of record `i`, as the user gave them, as one row."""

    def of(self, model: Any, i: int) -> Any:
        """What a model answers for record `i`."""


def answers_without_each(
    model: Any, question: Question, X: Any, y: Any, sample_weight: ArrayLike | None
) -> Iterator[Any] | None:
    """Ask a model without each of some records in turn, where its learner knows a quicker way than to forget it.

    Parameters
    ----------
    model : ExactEstimator
        A model that nobody else uses and that holds these records. It may be changed between two answers, if it is
        what it was before the next.
    question : Question
        What is asked.
    X, y, sample_weight : array-like
        The records, as for ``forget``.

    Returns
    -------
    iterator or None
        The answers in turn; NotImplemented for a record that has to be forgotten. None if all have to be.
    """
    hooks = Hooks._read_out_without_each, Hooks._answers_without_each
    if (type(model)._read_out_without_each, type(model)._answers_without_each) == hooks:
        return None
    return _answers(model, question, X, y, sample_weight)


def _answers(model: Any, question: Question, X: Any, y: Any, sample_weight: ArrayLike | None) -> Iterator[Any]:
    state: State = model._fitted_state()
    batch = model._batch(state, X, y, sample_weight, -1.0)
    for start in range(0, len(batch), _AT_ONCE):
        block, _ = state.encode(batch, slice(start, min(start + _AT_ONCE, len(batch))), -1.0)
        stays = (block.weights > 0) & (state.statistic.record_counts[block.slots] > 1)
        chosen = np.flatnonzero(stays)
        part = Block(**{field.name: getattr(block, field.name)[chosen] for field in fields(Block)})
        found = _answers_of_block(model, state, question, part, (chosen + start).tolist())
        for covered in stays.tolist():
            yield next(found, NotImplemented) if covered else NotImplemented


def _answers_of_block(model: Any, state: State, question: Question, block: Block, index: list[int]) -> Iterator[Any]:
    """The answers for records of these positions; they end early at what the general path has to explain."""
    try:
        if "_sklearn_class" in vars(type(model)):  # a learner itself; a subclass may answer otherwise
            rows = [question.features(i) for i in index]
            answers = model._answers_without_each(question.name, state, block, rows)
            if answers is not None:
                yield from answers
                return
        for i, read_out in zip(index, model._read_out_without_each(state, block) or (), strict=False):
            fitted = model._filled_sklearn(state, read_out)
            if question.name.endswith("_") and question.name not in vars(fitted):  # of the state itself
                return
            state.fitted_sklearn = fitted, state.version
            try:
                answer = question.of(model, i)
            finally:
                state.fitted_sklearn = None
            yield answer
    except (ValueError, ArithmeticError):
        return
