"""Rows that a model is asked about, one at a time."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.sklearn_private import num_samples, safe_indexing
from sqlearn.errors import InvalidValueError, NotLearnedError, ShapeError, UnsupportedError
from sqlearn.model_selection.left_out import in_pieces

ORDER = "The rows that the model holds come first: pass model, X, y, X_test, y_test in this order."


class Rows:
    """Rows that a model holds.

    Parameters
    ----------
    X : array-like, sparse matrix, frame, dict of columns or list of str of shape (n_rows, n_features)
        Features.
    y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
        Labels or targets.
    sample_weight : float or array-like of shape (n_rows,), default=None
        Weights.
    """

    def __init__(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> None:
        self.is_dict = isinstance(X, Mapping)
        self.X = {name: in_pieces(column) for name, column in X.items()} if self.is_dict else in_pieces(X)
        self.y = in_pieces(y)
        self.weights = None if sample_weight is None else np.asarray(sample_weight)

    def __len__(self) -> int:
        return int(num_samples(self._column))

    @property
    def _column(self) -> Any:
        """What has an element for each row."""
        return next(iter(self.X.values()), ()) if self.is_dict else self.X

    def features(self, index: int | np.ndarray) -> Any:
        """The features of one row or of several, as rows: of one a view, where the user's own slice would be one."""
        places = _as_index(index)
        if self.is_dict:
            return {name: _cut(column, places) for name, column in self.X.items()}
        return _cut(self.X, places)

    def response(self, index: int | np.ndarray) -> Any:
        """Their labels or targets, as for a verb; None if there are none."""
        return None if self.y is None else _cut(self.y, _as_index(index))

    def given(self, index: int | np.ndarray) -> dict[str, Any]:
        """The arguments of a verb for one row or for several."""
        weights = self.weights if self.weights is None or not self.weights.ndim else self.weights[_as_index(index)]
        return _named(self.features(index), self.response(index), weights)

    def held_by(self, model: ExactEstimator, note: str | None = None) -> ExactEstimator:
        """Return a copy of a model that holds all of these rows; with a note for the error of one that does not.

        Raises
        ------
        NotLearnedError
            If it does not hold them all; the model is unchanged.
        NotFittedError
            If it was never fitted.
        SqlearnError
            Another subclass that describes the problem.
        """
        if self.weights is not None and not model.takes_weights:
            raise InvalidValueError(
                f"{type(model).__name__} takes no sample weights. Nothing was computed: leave sample_weight out.",
                reason="weight",
            )
        emptied = copy.deepcopy(model)
        emptied.state.deferred = True  # what depends on all records is not looked at
        try:
            emptied.forget(**_named(self.X, self.y, self.weights))
        except NotLearnedError as error:
            if note is not None:
                error.add_note(note)
            raise
        if np.ndim(self._column) < (1 if self.is_dict or model.takes_documents else 2):
            raise ShapeError(
                "X is a single row. Nothing was computed: pass a table of rows, such as X[3:4] for row 3.",
                reason="shape",
            )
        return copy.deepcopy(model)


def _as_index(index: int | np.ndarray) -> slice | np.ndarray:
    return index if isinstance(index, np.ndarray) else slice(index, index + 1)


def _cut(rows: Any, index: slice | np.ndarray) -> Any:
    """Some rows; safe_indexing takes tens of microseconds to find out what they are in."""
    if isinstance(rows, np.ndarray) or (isinstance(rows, list) and isinstance(index, slice)):
        return rows[index]
    return safe_indexing(rows, index)


def _named(X: Any, y: Any, weights: Any) -> dict[str, Any]:
    """Arguments of a verb, without those that are None."""
    named = {"X": X, "y": y, "sample_weight": weights}
    return {name: value for name, value in named.items() if value is not None or name == "X"}


def checked_groups(groups: ArrayLike, n: int) -> np.ndarray:
    """One group for each of `n` rows.

    Raises
    ------
    ShapeError
        If there is not one for each.
    """
    given = np.asarray(groups)
    if given.dtype.kind == "U" and isinstance(groups, list | tuple) and not all(isinstance(one, str) for one in groups):
        given = np.asarray(groups, object)  # numbers beside text have not become text
    if given.shape != (n,):
        raise ShapeError(
            f"groups has the shape {given.shape}, and X has {n:,} rows. Nothing was computed: pass one group per row.",
            reason="shape",
        )
    return given


def check_model(model: Any) -> None:
    """Refuse what is no fitted model of this package.

    Raises
    ------
    UnsupportedError
        When `model` is not of this package.
    """
    if not isinstance(model, ExactEstimator):
        raise UnsupportedError(
            f"A model of sqlearn is expected, not {type(model).__module__}.{type(model).__name__}. Nothing was "
            "computed: fit the learner of the same name from sqlearn.",
            reason="learner",
        )
