"""One model over all parts: the models of the parts, which hold sums, merged; and rounds over the rows of all parts.

Of an adaptive learner, the parts hold the sums that need no theta. The rounds are made when the model of all rows is
asked for, and ask each part where it is. Copies of equal records are numbered by part; where several parts have some,
those of later parts have the numbers that follow.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sqlearn.compose import TableModel
from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.rounds import ROWS_ELSEWHERE, Question, ReadOnlyRows, Records, Rounds, Rows, add_all
from sqlearn.engine.sums import ExactSum
from sqlearn.errors import InvalidValueError, MergeError, UnsupportedError
from sqlearn.storage.records import StoredRows
from sqlearn.storage.table import asks_in_rounds, takes_interactions, takes_labels
from sqlearn.verification import compare

Each = Callable[[Callable[[Any, int], Any]], dict[int, Any]]


def refuse_unmerged(model: Any) -> None:
    """Refuse learners that a set cannot have, as their model is not made of the models of parts.

    Raises
    ------
    UnsupportedError
        When `model` keeps its records.
    """
    if isinstance(model, ExactEstimator) and takes_interactions(model):
        raise _unmerged(model)


def part_of(model: Any) -> Any:
    """A model without rows, as a part's.

    Raises
    ------
    UnsupportedError
        When it keeps its records for more than sums over them.
    """
    if asks_in_rounds(model):
        if type(model.state.statistic) is not Rounds:
            raise _unmerged(model)
        model.state.statistic.is_part = True
    return model


def _unmerged(model: Any) -> UnsupportedError:
    if isinstance(model, TableModel):
        return UnsupportedError(
            "This TableModel keeps its rows, and a set of stores does not take it. No set was created: for columns of "
            "numbers alone, pass the learner itself (sqlearn fit --raw); else use a TableModel of a learner of sums, "
            "such as RidgeClassifier, or a single store (Store.create; sqlearn fit without --parts).",
            reason="learner",
        )
    return UnsupportedError(
        f"{type(model).__name__} keeps its rows, and a set of stores is for learners of sums that merge (naive Bayes, "
        "linear and ridge regression, discriminant analysis, PCA, scalers, ...), and of sums in rounds over numbers "
        "(LogisticRegression, LinearSVC, PoissonRegressor, KMeans, GaussianMixture). No set was created: use one of "
        "these, or a single store (Store.create; sqlearn fit without --parts).",
        reason="learner",
    )


def merged(models: Sequence[Any]) -> Any:
    """A model of the records of all parts; the models are left as they are."""
    whole = copy.deepcopy(models[0])
    for model in models[1:]:
        whole.merge(model)
    return whole


class SetRows(ReadOnlyRows):
    """The rows of all parts as the source of the model of all: they are asked where they lie, within a transaction.

    Parameters
    ----------
    each : callable
        Calls a function with every part and its number.
    own : Rows
        An empty source of the records' shape: none lie anywhere else.
    """

    why = ROWS_ELSEWHERE

    def __init__(self, each: Each, own: Rows) -> None:
        self._each, self.own = each, own

    def evaluate(self, question: Question, check: Callable[[], None]) -> tuple[ExactSum, ...]:
        """The sums over all rows."""
        first, *others = self._each(lambda part, _: part.source(lambda rows: rows.answer(question))).values()
        for sums in others:
            check()
            add_all(first, sums)
        return first

    def gathered(self, limit: int, labels: list[Any], check: Callable[[], None]) -> Iterator[Records]:
        """The rows whose keyed hash is at most `limit`."""
        found = self._each(lambda part, _: part.source(lambda rows: [*rows.classed(limit, labels)]))
        for records in found.values():
            check()
            yield from records

    def blocks(self, limit: int) -> Iterator[Records]:
        """Nothing: all rows are asked where they lie."""
        return self.own.blocks(limit)


def whole_of(models: Sequence[Any], each: Each) -> Any:
    """The model of the records of all parts, as they are in the transaction that is open."""
    model = merged(models)
    state: Any = model.state
    if state.statistic.is_part:
        _number(each)
        state.statistic.is_part = False
        state.statistic.read_from(SetRows(each, Rows(state.statistic.n_features, state.statistic.seed)))
        state.catch_up()
        state.statistic.solved(*state.occupied(), state.version)  # now, as the parts cannot be asked later
    return model


def _number(each: Each) -> None:
    """Number copies of equal records through all parts."""
    named = each(lambda part, _: part.source(StoredRows.names_on_file))
    names = np.concatenate([names for names, _ in named.values()])
    of_part = np.repeat([*named], [len(names) for names, _ in named.values()])
    slots = np.concatenate([slots for _, slots in named.values()])
    order = np.lexsort((names[:, 1], names[:, 0]))
    again = order[1:][(names[order[1:]] == names[order[:-1]]).all(axis=1)]  # the same copy in another part
    chosen = {number: slots[again[of_part[again] == number]] for number in named}
    found = each(lambda part, number: part.source(lambda rows: rows.digests(chosen[number])))
    digests = np.unique(np.concatenate([*found.values()]), axis=0)
    held = each(lambda part, _: part.source(lambda rows: rows.copies.held(digests)))
    first, before = {}, np.zeros(len(digests), np.int64)
    for number, copies in held.items():
        first[number], before = before, before + copies
    each(lambda part, number: part.source(lambda rows: rows.renumber(digests, first[number])))


def compared(model: Any, refit: Any) -> str | None:
    """Where a part's model and its refit differ first; None if they are the same."""
    if not model.state.statistic.is_part:
        return compare(model, refit).difference
    ours, theirs = model.canonical_parts(), refit.canonical_parts()
    return next((f"the state's {name}" for name in ours if ours[name] != theirs.get(name)), None)


def check_kinds(models: Sequence[Any]) -> None:
    """Refuse text beside numbers in labels or categories, which each part has for itself, but not all of them together.

    Raises
    ------
    InvalidValueError
        When they are mixed.
    """
    held = [model for model in models if model.n_records_]
    kinds: set[bool] = set()
    for model in held if held and takes_labels(held[0]) else ():
        kinds.update(isinstance(label, str) for label in model.state.labels())
    if len(kinds) > 1:
        raise InvalidValueError(
            f"Text and numbers would be mixed among the labels of this {type(held[0]).__name__}, so nothing was "
            "changed. Convert the labels to the type of those held, or relabel all rows in one call.",
            reason="label",
        )
    if held and "any" in (held[0].state.layout.kinds or ()):
        try:
            merged(held)
        except MergeError as error:
            raise InvalidValueError(
                f"Text and numbers would be mixed in a column of this {type(held[0]).__name__}, so nothing was "
                "changed. Convert the column to the type of what is held.",
                reason="label",
            ) from error
