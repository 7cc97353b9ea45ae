"""One model over all parts: the models of the parts, which hold sums, merged."""

import copy
from collections.abc import Sequence
from typing import Any

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import InvalidValueError, MergeError, UnsupportedError
from sqlearn.storage.table import asks_in_rounds, takes_interactions, takes_labels


def refuse_unmerged(model: Any) -> None:
    """Refuse learners that a set cannot have, as their model is not made of the models of parts.

    Raises
    ------
    UnsupportedError
        When `model` keeps its records, or asks them again.
    """
    if isinstance(model, ExactEstimator) and (asks_in_rounds(model) or takes_interactions(model)):
        raise UnsupportedError(
            f"{type(model).__name__} asks all its rows again or keeps them, and a set of stores is for learners whose "
            "sums merge (naive Bayes, linear and ridge regression, discriminant analysis, PCA, scalers, ...). No set "
            "was created: use one of these, or a single store (Store.create; sqlearn fit without --parts).",
            reason="learner",
        )


def merged(models: Sequence[Any]) -> Any:
    """A model of the records of all parts; the models are left as they are."""
    whole = copy.deepcopy(models[0])
    for model in models[1:]:
        whole.merge(model)
    return whole


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
