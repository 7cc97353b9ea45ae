"""What is asked of a model and of files on a table: predictions, and the values to look for in a search."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from sqlearn.errors import ShapeError
from sqlearn.storage.table import Columns, arguments, as_values, frames_of, located, predicting
from sqlearn.storage.types import Table


def name_of(model: Any) -> str:
    """The class of a model; the learner's inside where the model encodes tables for one."""
    return type(getattr(model, "learner", model)).__name__


def predicted(model: Any, columns: Columns, table: Table, check: Callable[[], None]) -> np.ndarray:
    """Predictions for each row of a table, (n_rows,) or (n_rows, n_targets).

    Parameters
    ----------
    model : estimator
        A fitted model.
    columns : Columns
        What it has learned from.
    table : frame, dict of columns, or iterator of these
        Rows, of which the features are read.
    check : callable
        Called before each frame is read; it may raise.

    Raises
    ------
    TableError, SqlearnError
        If a column is missing or of another kind, or if the table has no rows.
    """
    predictions: list[np.ndarray] = []
    count = 0
    for frame in frames_of(table):
        check()
        with located(frame, count):
            block = columns.block(frame, features_only=True)
            predictions.append(predicting(model)(**arguments(model, columns, block, features_only=True)))
        if columns.gives_booleans:
            predictions[-1] = predictions[-1].astype(bool)
        count += len(predictions[-1])
    if not predictions:
        raise ShapeError("The table has no rows. Nothing was predicted: pass at least one row.", reason="empty")
    return np.concatenate(predictions)


def sought(
    columns: Columns, values: Iterable[float | int | str], table: Table | None
) -> tuple[set[Any], set[str]]:  # fmt: skip
    """The values to look for in a store's files, and the texts among them, whose words are looked for too."""
    wanted = as_values(values)
    texts = {value for value in wanted if isinstance(value, str)}
    for frame in frames_of(table) if table is not None else ():
        wanted |= columns.values(frame)
        texts |= columns.values(frame, documents_only=True)
    return wanted, texts
