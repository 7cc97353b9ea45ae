"""Columns that a function of the first rows chooses, as make_column_selector does: named once, when a store is made."""

from collections.abc import Callable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from sqlearn.engine.tables import is_missing
from sqlearn.engine.validation import columns_listed, place_of_column
from sqlearn.errors import ParameterError, shown
from sqlearn.storage.table.frames import kind_of, values_of


def chooses_columns(model: Any) -> bool:
    """Whether a model has a ColumnTransformer that chooses columns by a function."""
    return any(callable(columns) for made in _transformers(model) for _, _, columns in made.transformers)


def without_chosen_columns(model: Any) -> Any:
    """A copy of a model in which what chooses columns has chosen none."""
    return _listed(model, lambda columns: [])


def with_chosen_columns(model: Any, frame: Any, features: list[str]) -> Any:
    """A copy of a model in which columns are named that were chosen by a function.

    Parameters
    ----------
    model : estimator
        The model.
    frame : frame or dict of columns
        The first rows.
    features : list of str
        The columns that the model learns from.

    Raises
    ------
    ParameterError
        When a function does not choose by these columns, or what it chooses are none of them.
    """
    if not chooses_columns(model):
        return model
    given = _as_pandas(frame, features)

    def chosen(columns: Callable[[Any], Any]) -> list[Any]:
        try:
            found = columns(given)
        except Exception as error:  # of any kind: it is the function's own
            raise ParameterError(
                f"What chooses the columns of a ColumnTransformer, {shown(columns)}, cannot: {error}. No store was "
                "created: name the columns in a list.",
                value=columns,
            ) from error
        width = len(features)
        places = [place_of_column(column, width, features) for column in columns_listed(found, given, width, features)]
        return [features[place] for place in places]

    return _listed(model, chosen)


def _listed(model: Any, chosen: Callable[[Any], list[Any]]) -> Any:
    if not chooses_columns(model):
        return model
    made = clone(model)
    for transformer in _transformers(made):
        transformer.transformers = [
            (name, step, chosen(columns) if callable(columns) else columns)
            for name, step, columns in transformer.transformers
        ]
    return made


def _transformers(model: Any) -> list[Any]:
    """The ColumnTransformers in a model that rows come to as they are."""
    if isinstance(model, ColumnTransformer):
        return [model] if all(len(part) == 3 for part in model.transformers) else []
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if step is not None and not isinstance(step, str)]
        return _transformers(steps[0]) if steps else []
    inner = getattr(model, "estimator", None)  # of a search
    return [] if inner is None or isinstance(model, type) else _transformers(inner)


def _as_pandas(frame: Any, features: list[str]) -> Any:
    """The columns of a frame that a model learns from, as a frame of pandas, which such functions take."""
    if nw.dependencies.is_pandas_dataframe(frame):
        return frame[features]
    if isinstance(frame, Mapping):
        numbers = [name for name in features if kind_of(frame, name) == "number"]
        columns = {name: _column(frame[name], values_of(frame, name), name in numbers) for name in features}
        return nw.from_dict(columns, backend="pandas").to_native()
    return nw.from_native(frame, eager_only=True).select(features).to_pandas()


def _column(given: Any, values: list[Any], is_number: bool) -> np.ndarray:
    """A column of a dict with the type that its values have."""
    array = np.asarray(given)
    if array.dtype.kind in "biuf":
        return array
    if is_number:
        return np.array([np.nan if is_missing(value) else value for value in values], np.float64)
    found = np.empty(len(values), object)
    found[:] = values
    return found
