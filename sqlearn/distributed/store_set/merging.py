"""Which learners the parts of a set can have, so that their models merge, and whether these fit together."""

from collections.abc import Sequence
from typing import Any

from sqlearn.compose import TableModel
from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.rounds import Rounds
from sqlearn.errors import InvalidValueError, UnsupportedError
from sqlearn.storage.table import asks_in_rounds, takes_interactions, takes_labels
from sqlearn.verification import compare


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
        model.state.statistic.is_share = True
    return model


def _unmerged(model: Any) -> UnsupportedError:
    if isinstance(model, TableModel):
        return UnsupportedError(
            "This TableModel keeps its rows, and a set of stores does not take it. No set was created: for columns of "
            "numbers alone, pass the learner itself; else use a TableModel of a learner of sums, "
            "such as RidgeClassifier, or a single store (Store.create).",
            reason="learner",
        )
    return UnsupportedError(
        f"{type(model).__name__} keeps its rows, and a set of stores is for learners of sums that merge (naive Bayes, "
        "linear and ridge regression, discriminant analysis, PCA, scalers, ...), and of sums in rounds over numbers "
        "(LogisticRegression, LinearSVC, PoissonRegressor, KMeans, GaussianMixture). No set was created: use one of "
        "these, or a single store (Store.create).",
        reason="learner",
    )


def compared(model: Any, refit: Any) -> str | None:
    """Where a part's model and its refit differ first; None if they are the same."""
    if not model.state.statistic.is_share:
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
    for column, kind in enumerate((held[0].state.layout.kinds or ()) if held else ()):
        text = set().union(*(model.state.statistic.text_held(column) for model in held)) if kind == "any" else ()
        if len(text) > 1:
            raise InvalidValueError(
                f"Text and numbers would be mixed in column {column} (counted from 0) of this "
                f"{type(held[0]).__name__}, so nothing was changed. Convert the column to the type of what is held.",
                column=column,
                reason="label",
            )
