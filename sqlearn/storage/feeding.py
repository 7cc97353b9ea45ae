"""From a table's columns to what a learner takes: the one place that knows.

A learner of numbers takes the matrix of the feature columns; one with ``categorical_features`` (MixedNB) takes numbers
and categories side by side.
"""

from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import clone

from sqlearn.engine.estimator import ExactEstimator
from sqlearn.errors import NonFiniteError, TableError, WeightError
from sqlearn.storage.columns import Block, Category, Columns

__all__ = ["arguments", "prepared", "takes_categories", "takes_labels", "target_names"]


def takes_categories(model) -> bool:
    return takes_tables(model) or "categorical_features" in model.get_params(deep=False)


def takes_tables(model) -> bool:
    """Whether it takes frames of numbers and categories, and encodes them itself."""
    return "learner" in model.get_params(deep=False)


def takes_labels(model) -> bool:
    return model._target == "label"


def target_names(model, target) -> list[str]:
    """The names of the target columns, checked against what the learner takes."""
    if not isinstance(model, ExactEstimator):
        raise TypeError(f"{type(model).__name__} is no learner of sqlearn: it cannot forget.")
    names = [] if target is None else [target] if isinstance(target, str) else list(target)
    if (model._target is None) != (not names):
        raise TableError(
            f"{type(model).__name__} learns {'without' if names else 'with'} a target. "
            f"{'Leave `target` out.' if names else 'Name its column in `target`.'}"
        )
    if len(names) > 1 and model._target == "label":
        raise TableError(f"{type(model).__name__} learns one target, not {names}.")
    return names


def prepared(model, columns: Columns):
    """An unfitted copy that leaves the ledger to the store, and knows which columns are categories."""
    categories = [i for i, c in enumerate(c for c in columns.all if c.role == "feature") if c.kind == "category"]
    if columns.named("weight") and "sample_weight" not in signature(type(model).partial_fit).parameters:
        raise WeightError(f"{type(model).__name__} takes no sample weights. Leave `weight` out.")
    if takes_tables(model):
        kinds = {column.name: column.kind for column in columns.all if column.role == "feature"}
        return clone(model).set_params(ledger=False, columns=kinds)
    if takes_categories(model):
        return clone(model).set_params(ledger=False, categorical_features=categories or None)
    if categories:
        names = [columns.named("feature")[i] for i in categories]
        raise TableError(
            f"{type(model).__name__} takes numbers, and the columns {names} hold categories. Use MixedNB, encode them "
            "first, or leave them out."
        )
    return clone(model).set_params(ledger=False)


def arguments(model, columns: Columns, block: Block, *, features_only: bool = False) -> dict[str, Any]:
    """What a model's methods take: ``X``, and ``y`` and ``sample_weight`` where there are such columns."""
    features = [block[name] for name in columns.named("feature")]
    X: Any
    if takes_tables(model):
        plain = [feature.values() if isinstance(feature, Category) else feature for feature in features]
        X = dict(zip(columns.named("feature"), plain, strict=True))
    elif any(isinstance(feature, Category) for feature in features):
        X = np.empty((_length(features[0]), len(features)), object)
        for j, feature in enumerate(features):
            X[:, j] = feature.values() if isinstance(feature, Category) else feature
    else:
        X = np.column_stack([feature for feature in features if isinstance(feature, np.ndarray)])
    given: dict[str, Any] = {"X": X}
    if features_only:
        return given
    targets = [_target(name, block[name]) for name in columns.named("target")]
    if targets:
        given["y"] = targets[0] if len(targets) == 1 else np.column_stack(targets)
    for name in columns.named("weight"):
        given["sample_weight"] = block[name]
    return given


def _target(name: str, values) -> np.ndarray:
    if not isinstance(values, Category):
        return values
    missing = np.flatnonzero(values.codes < 0)
    if len(missing):
        raise NonFiniteError(
            f"The label in row {missing[0]} (counted from 0), column {name!r}, is missing. Nothing was changed: drop "
            "the row."
        )
    text = [isinstance(level, str) for level in values.levels]
    if any(text) and not all(text):
        raise TableError(f"The labels in column {name!r} mix text and numbers. Nothing was changed: use one kind.")
    return np.array(values.levels, object if any(text) else None)[values.codes]  # strings would lose NULs at their ends


def _length(values) -> int:
    return len(values.codes if isinstance(values, Category) else values)
