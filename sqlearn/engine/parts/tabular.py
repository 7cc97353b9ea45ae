"""Which estimators look at tables: with names that they ask for, with text, or with gaps to fill."""

from typing import Any

import scipy.sparse as sp
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import get_tags

from sqlearn.engine.tables import Columns, holds_categories


def keeps_tables(step: Any, X: Any) -> bool:
    """Whether first rows like these are kept as a table for this estimator."""
    if sp.issparse(X):
        return False
    return asks_for_columns(step) or (takes_tables(step) and (isinstance(X, Columns) or holds_categories(X)))


def asks_for_columns(step: Any) -> bool:
    """Whether it treats columns of its rows in different ways."""
    return any(isinstance(first, ColumnTransformer) for first in _first(step))


def takes_tables(step: Any) -> bool:
    """Whether its rows may be tables."""
    for first in _first(step):
        tags = get_tags(first).input_tags
        if isinstance(first, ColumnTransformer) or ((tags.categorical or tags.string) and tags.two_d_array):
            return True
    return False


def _first(step: Any) -> list[Any]:
    """What looks at the rows first."""
    if step is None or isinstance(step, str | type):
        return []
    if isinstance(step, Pipeline):
        steps = [inner for _, inner in step.steps if inner is not None and not isinstance(inner, str)]
        return _first(steps[0]) if steps else []
    if isinstance(step, FeatureUnion):
        return [first for _, part in step.transformer_list for first in _first(part)]
    return [step]
