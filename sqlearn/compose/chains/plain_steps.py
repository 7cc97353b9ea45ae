"""Steps as scikit-learn runs them: its own pipelines around steps of any kind, and the arrays that these take."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from sqlearn.compose.chains.columns import is_idle
from sqlearn.engine.model import ExactEstimator, Inner
from sqlearn.engine.parts import refuse_unseeded
from sqlearn.engine.sklearn_private import param_names
from sqlearn.engine.tables import Columns, as_table


def plain(step: Any) -> Any:
    """A copy of a step, in which pipelines and transformers of columns are scikit-learn's; their parts are not."""
    if is_idle(step) or isinstance(step, str):
        return step
    if isinstance(step, Pipeline):
        return Pipeline([(name, plain(inner)) for name, inner in step.steps])
    if isinstance(step, ColumnTransformer):
        given = {name: getattr(step, name) for name in param_names(ColumnTransformer)}
        given["transformers"] = [(name, plain(part), columns) for name, part, columns in step.transformers]
        given["remainder"] = plain(step.remainder)
        made = ColumnTransformer(**given)
    elif isinstance(step, FeatureUnion):
        given = {name: getattr(step, name) for name in param_names(FeatureUnion)}
        made = FeatureUnion(**given | {"transformer_list": [(n, plain(part)) for n, part in step.transformer_list]})
    else:
        return clone(step)
    if hasattr(step, "_sklearn_output_config"):
        made._sklearn_output_config = dict(step._sklearn_output_config)
    return made


def parts_of(step: Any) -> list[tuple[str, Any]]:
    """Names and parts of a step that is made of others; none of any other."""
    if isinstance(step, Pipeline):
        return list(step.steps)
    if isinstance(step, ColumnTransformer):
        fitted = getattr(step, "transformers_", None)
        found = [(part[0], part[1]) for part in (step.transformers if fitted is None else fitted)]
        return found if fitted is not None else [*found, ("remainder", step.remainder)]
    return list(step.transformer_list) if isinstance(step, FeatureUnion) else []


def innermost(step: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The estimators that a step is made of, with their names; the step itself, if it is not made of others."""
    if is_idle(step) or isinstance(step, str):
        return
    parts = parts_of(step)
    if not parts:
        yield name, step
    for own, part in parts:
        yield from innermost(part, f"{name}__{own}" if name else own)


def check_deterministic(step: Any) -> None:
    """Refuse parameters that a step does not take, and such for which two fits to the same records may differ.

    Raises
    ------
    ParameterError
        At the first.
    """
    for _, each in innermost(step):
        if isinstance(each, ExactEstimator):
            Inner(each).checked_params()
            continue
        refuse_unseeded(each, "a pipeline that keeps its records")


def exported(step: Any) -> Any:
    """A fitted step with scikit-learn's estimators in place of ours."""
    if isinstance(step, ExactEstimator):
        return step.to_sklearn()
    if isinstance(step, Pipeline):
        step.steps = [(name, exported(inner)) for name, inner in step.steps]
    elif isinstance(step, ColumnTransformer):
        step.transformers_ = [  # scikit-learn fits no part that has no columns
            (name, part if _are_none(columns) else exported(part), columns)
            for name, part, columns in step.transformers_
        ]
    elif isinstance(step, FeatureUnion):
        step.transformer_list = [(name, exported(part)) for name, part in step.transformer_list]
    return step


def _are_none(columns: Any) -> bool:
    return isinstance(columns, list | tuple | np.ndarray) and not len(columns)


def set_names(fitted: Any, names: np.ndarray) -> None:
    """Have a fitted step know the names of the columns of its rows."""
    if isinstance(fitted, Pipeline):
        set_names(fitted.steps[0][1], names)
    elif isinstance(fitted, FeatureUnion):
        for _, part in fitted.transformer_list:
            set_names(part, names)
    elif not isinstance(fitted, str):
        fitted.feature_names_in_ = names


def unused(step: Any, names: list[str] | None, width: int) -> set[int]:
    """The positions of columns that a first step does not look at, where it lists those that it takes."""
    if isinstance(step, Pipeline):
        return unused(next((inner for _, inner in step.steps if not is_idle(inner)), None), names, width)
    if not isinstance(step, ColumnTransformer) or step.remainder != "drop":
        return set()
    taken: set[Any] = set()
    for _, part, columns in step.transformers:
        if isinstance(part, str) and part == "drop":
            continue
        own = [columns] if isinstance(columns, str) else columns
        if not isinstance(own, list) or not all(isinstance(column, str) for column in own):
            return set()
        taken |= {*own}
    if names is None or not taken <= {*names}:
        return set()
    return {j for j, name in enumerate(names) if name not in taken}


def with_nan(X: Any) -> Any:
    """A table whose missing values are all NaN, which the fitted encoders have among their categories.

    A model takes None for the same gap; scikit-learn's encoders would take it for a category that they do not know.
    """
    if isinstance(X, np.ndarray):
        return _filled(X) if X.dtype == object else X
    if hasattr(X, "isetitem"):  # a frame of pandas
        found = X
        for place, dtype in enumerate(X.dtypes):
            if getattr(dtype, "kind", "") == "O" and isinstance(dtype, np.dtype):
                found = X.copy() if found is X else found
                found.isetitem(place, _filled(X.iloc[:, place].to_numpy(object)))
        return found
    return X


def _filled(values: np.ndarray) -> np.ndarray:
    """Objects, with NaN for None."""
    gaps = np.fromiter((value is None for value in values.flat), bool, values.size).reshape(values.shape)
    return np.where(gaps, np.nan, values) if gaps.any() else values


def as_array(X: Any, names: list[str]) -> np.ndarray:
    """A dictionary of columns as an array of objects; columns that are not used may be left out."""
    table = as_table(X)
    assert isinstance(table, Columns)
    found = np.full((len(table), len(names)), None, object)
    for place, name in enumerate(names):
        if name in table.columns:
            values = table.values[table.columns.index(name)]
            found[:, place] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return with_nan(found)


def _nameless(fitted: Any) -> Any:
    """A fitted part that does not ask for names of columns."""
    if isinstance(fitted, Pipeline):
        made = copy.copy(fitted)
        made.steps = [(name, _nameless(step)) for name, step in fitted.steps]
        return made
    if "feature_names_in_" not in getattr(fitted, "__dict__", {}):
        return fitted
    made = copy.copy(fitted)
    del made.feature_names_in_
    return made


def by_place(fitted: Any, names: list[str]) -> Any:
    """A fitted pipeline of scikit-learn's, whose first step takes columns by their positions."""
    fitted, places = copy.copy(fitted), {name: place for place, name in enumerate(names)}
    (name, first), *rest = fitted.steps
    if isinstance(first, ColumnTransformer):
        first = copy.copy(first)
        first.transformers_ = [
            (part, _nameless(made), [places[column] if isinstance(column, str) else column for column in columns])
            for part, made, columns in first.transformers_
        ]
    else:
        first = copy.copy(first)
    vars(first).pop("feature_names_in_", None)
    fitted.steps = [(name, first), *rest]
    return fitted
