"""From a table's columns to what a learner takes: the one place that knows.

A learner of numbers takes the matrix of the feature columns; one with ``categorical_features`` (MixedNB, forests)
takes numbers and categories side by side; one with ``columns`` (TableModel) and one that takes tables (pipelines,
encoders) takes a dictionary of columns; one that takes documents, those of one column; a recommender takes users, items
and ratings.
"""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from inspect import signature
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone

from sqlearn.engine.model import ExactEstimator, Inner, Learner
from sqlearn.engine.text import TextSums
from sqlearn.errors import InvalidValueError, ParameterError, TableError, UnsupportedError, listed, shown
from sqlearn.storage.table.blocks import Block, Category, length
from sqlearn.storage.table.columns import Column, Columns
from sqlearn.storage.table.given import as_list, as_names
from sqlearn.storage.table.interactions import interactions_of, takes_interactions

_NUMBERS = (
    "takes numbers, but the columns {} hold categories. Use MixedNB or a forest, put it into a Pipeline behind a "
    "ColumnTransformer with a OneHotEncoder, or leave the columns out."
)


def takes_categories(model: Any) -> bool:
    """Whether columns may hold categories."""
    if model.takes_tables or model.takes_categories:
        return True
    return not {"categorical_features", "columns"}.isdisjoint(model.get_params(deep=False))


def words_of(model: Learner) -> Callable[[str], Collection[str]]:
    """What takes texts apart as a fitted model does; of one that keeps no words, texts have none."""
    statistic: Any = model.state.statistic
    tokenizing: Any = statistic.tokenizing if isinstance(statistic, TextSums) else None
    if tokenizing is None:
        return lambda text: ()
    return lambda text: tokenizing.counted(text)[0].keys()


def asks_in_rounds(model: Any) -> bool:
    """Whether a learner asks its rows again, as they lie in the file; recommenders have learned all of them."""
    return isinstance(model, ExactEstimator) and model.keeps_records and not takes_interactions(model)


def named_categories(model: Any, categorical: Any) -> list[str] | None:
    """The columns of categories that the user has named, to the store or in the model; None for none."""
    if categorical is not None:
        return as_names(categorical, "categorical")
    named = model.get_params(deep=False).get("categorical_features")
    if named is None or isinstance(named, str):
        return None
    named = as_list(named)
    if not all(isinstance(name, str) for name in named):
        raise ParameterError(
            "A store takes `categorical_features` by the columns' names, not by numbers or a mask. Name them in "
            "`categorical`."
        )
    return named


def takes_labels(model: Learner) -> bool:
    return model.target == "label"


def target_names(model: Any, target: Any) -> list[str]:
    """The names of the target columns, checked against what the learner takes."""
    if isinstance(model, type) and issubclass(model, ExactEstimator):
        raise UnsupportedError(
            f"A store takes an estimator, not its class. No store was created: pass {model.__name__}() instead of "
            f"{model.__name__}.",
            reason="learner",
        )
    if not isinstance(model, ExactEstimator):
        raise UnsupportedError(
            f"{shown(model)} is not an estimator of sqlearn, so it cannot forget. No store was created: pass an "
            "instance of an estimator of this package, such as TableModel(Ridge()).",
            reason="learner",
        )
    names = as_names(target, "target")
    if (model.target is None) != (not names):
        raise TableError(
            f"{type(model).__name__} learns {'without' if names else 'with'} a target. "
            f"{'Leave `target` out.' if names else 'Name its column in `target`.'}",
            reason="target",
        )
    if len(names) > 1 and model.target == "label":
        raise TableError(
            f"{type(model).__name__} learns one target, not {listed(names)}. Name one column in `target`.",
            reason="target",
        )
    return names


def prepared(model: Any, columns: Columns) -> Any:
    """An unfitted copy that leaves the ledger to the store, and knows which columns are categories."""
    if takes_interactions(model):
        return clone(model)
    features = [column for column in columns.all if column.role == "feature"]
    categories = [i for i, column in enumerate(features) if column.learned_as == "category"]
    if columns.named("weight") and "sample_weight" not in signature(type(model).partial_fit).parameters:
        raise InvalidValueError(f"{type(model).__name__} takes no sample weights. Leave `weight` out.", reason="weight")
    _check_documents(model, features)
    params = model.get_params(deep=False)
    changed: dict[str, Any] = {"ledger": False} if "ledger" in params and not asks_in_rounds(model) else {}
    if "columns" in params:
        given = params["columns"] or {}
        if not isinstance(given, Mapping):
            return clone(model).set_params(**changed)  # which refuses to learn with these
        dropped = [name for name in columns.named("feature") if given.get(name) == "drop"]
        if dropped:
            raise TableError(
                f"The model drops the column {shown(dropped[0])}, which the store would keep with the rows. No store "
                "was created: leave it out of the table; or name it in `keep` if conditions compare it.",
                column=dropped[0],
                reason="columns",
            )
        kinds = {column.name: column.learned_as for column in features}
        return clone(model).set_params(**changed, columns=kinds | dict(given))
    if "categorical_features" in params:
        return clone(model).set_params(**changed, categorical_features=categories or None)
    if categories and not takes_categories(model):
        names = [columns.named("feature")[i] for i in categories]
        raise TableError(f"{type(model).__name__} {_NUMBERS.format(listed(names))}", reason="columns")
    return clone(model).set_params(**changed)


def _check_documents(model: Any, features: list[Column]) -> None:
    """Refuse columns of documents for a learner that takes none, and others for one that takes them."""
    names = [column.name for column in features]
    texts = [column.name for column in features if column.kind == "text"]
    learner = type(model).__name__
    if texts and not model.takes_documents:
        raise TableError(
            f"{learner} does not learn from documents, and the column {shown(texts[0])} is one of text. No store was "
            "created: use a TextModel or a pipeline of a vectorizer, name the column in `keep` as well, or "
            "leave it out.",
            column=texts[0],
            reason="columns",
        )
    if model.takes_documents and len(names) > 1:
        raise TableError(
            f"{learner} learns from one column of text, and the table has the columns {listed(names)} beside target, "
            "weight and id. No store was created: name the others in `keep` if conditions compare them, or "
            "leave them out.",
            reason="columns",
        )
    if model.takes_documents and not texts:
        raise TableError(
            f"{learner} learns from a column of text, and {shown(names[0])} holds other values. No store was created: "
            "pass the documents as text, and name their column in `text`.",
            column=names[0],
            reason="columns",
        )


def predicting(model: Any) -> Callable[..., np.ndarray]:
    """The method that predicts; of covariances, the one that tells how unusual rows are."""
    for name in ("predict", "mahalanobis"):
        if hasattr(model, name):
            method: Callable[..., np.ndarray] = getattr(model, name)
            return method
    raise UnsupportedError(
        f"{type(getattr(model, 'learner', model)).__name__} predicts nothing. Read the attributes of `store.model`, or "
        "have it transform rows.",
        reason="learner",
    )


def arguments(model: Any, columns: Columns, block: Block, *, features_only: bool = False) -> dict[str, Any]:
    """What a learner's methods take: ``X``, and ``y`` and ``sample_weight`` where there are such columns."""
    if columns.has_interactions:
        return {"X": interactions_of(columns, block, rated=not features_only)}
    features = [block[name] for name in columns.named("feature")]
    if model.takes_documents:
        X: Any = features[0]
    elif _takes(model.__class__, "columns") or model.takes_tables:
        X = {name: _values(block[name]) for name in columns.named("feature")}
    elif any(isinstance(feature, Category) for feature in features):
        X = np.empty((length(features[0]), len(features)), object)
        for j, feature in enumerate(features):
            X[:, j] = _values(feature)
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


def images_of(model: Any, X: Any, *, sparse: bool) -> Any:
    """What a map in front of a learner makes of rows, float64[n, d], or, where it may be `sparse`, CSR rows."""
    images: Any = Inner(model).understood(X)
    if sparse:
        return images
    return np.add(images.toarray() if sp.issparse(images) else images, 0.0)


def relabelled(model: Any, columns: Columns, block: Block, changed: Block) -> None:
    """Let a model relabel rows: from one block to another."""
    old, new = (arguments(model, columns, either) for either in (block, changed))
    if columns.has_interactions:
        (rating,) = columns.named("target")
        model.relabel(old["X"], changed[rating])
    else:
        weights = {name: value for name, value in old.items() if name == "sample_weight"}
        model.relabel(old["X"], old["y"], new["y"], **weights)


@lru_cache
def _takes(learner: type, parameter: str) -> bool:
    """Whether a learner has a parameter; to look at its signature takes long."""
    return parameter in signature(learner).parameters


def target_of(model: Any, columns: Columns, to: Any) -> dict[str, Any]:
    """New targets by the names of their columns, in canonical form."""
    names = columns.named("target")
    if not names:
        raise TableError(
            f"{type(model).__name__} learns without a target, so rows cannot be relabelled. Use forget and learn.",
            reason="target",
        )
    values = as_list(to)
    if len(values) != len(names):
        raise TableError(
            f"`to` has {len(values)} values for the target columns {listed(names)}. Nothing was changed: pass one "
            "value for each of them.",
            reason="target",
        )
    block = Columns([c for c in columns.all if c.part == "target"], None).block(
        {name: [value] for name, value in zip(names, values, strict=True)}
    )
    found = [_values(column)[0] for column in block.values()]
    for value in found:
        if value is None or value != value:
            raise InvalidValueError(
                "`to` is missing (None or NaN). Nothing was changed: pass a label or a value.", reason="not finite"
            )
    return dict(zip(names, found, strict=True))


def _target(name: str, values) -> np.ndarray:
    if not isinstance(values, Category):
        return values
    missing = np.flatnonzero(values.codes < 0)
    if len(missing):
        raise InvalidValueError(
            f"The label in row {missing[0]} (counted from 0), column {shown(name)}, is missing. Nothing was changed: "
            "drop the row.",
            row=missing[0],
            column=name,
            reason="not finite",
        )
    text = [isinstance(level, str) for level in values.levels]
    if any(text) and not all(text):
        raise TableError(
            f"The labels in column {shown(name)} mix text and numbers. Nothing was changed: use one kind.",
            column=name,
            reason="value",
        )
    return np.array(values.levels, object if any(text) else None)[values.codes]  # strings would lose NULs at their ends


def _values(column) -> np.ndarray:
    return column.values() if isinstance(column, Category) else column
