"""Tables that are dictionaries of columns, for scikit-learn's pipelines, which take frames and arrays."""

import copy
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer

from sqlearn.engine.tables import Columns, as_table


def as_array(X: Any, names: list[str]) -> np.ndarray:
    """A dictionary of columns as an array of objects; columns that are not used may be left out."""
    table = as_table(X)
    assert isinstance(table, Columns)
    found = np.full((len(table), len(names)), None, object)
    for place, name in enumerate(names):
        if name in table.columns:
            values = table.values[table.columns.index(name)]
            found[:, place] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return found


def by_place(fitted: Any, names: list[str]) -> Any:
    """A fitted pipeline of scikit-learn's, whose first step takes columns by their positions."""
    fitted, places = copy.copy(fitted), {name: place for place, name in enumerate(names)}
    (name, first), *rest = fitted.steps
    if isinstance(first, ColumnTransformer):
        first = copy.copy(first)
        first.transformers_ = [
            (part, made, [places[column] if isinstance(column, str) else column for column in columns])
            for part, made, columns in first.transformers_
        ]
    else:
        first = copy.copy(first)
    vars(first).pop("feature_names_in_", None)
    fitted.steps = [(name, first), *rest]
    return fitted
