"""What choices by cross-validation have in common: which folds a user means, and scores of folds."""

from numbers import Integral
from typing import Any

import numpy as np

from sqlearn.engine.identity import MOST_FOLDS, key_bytes
from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown

FOLDS = 5


class InFolds(ExactEstimator):
    """Learners that choose, or leave out, by hashed folds: in force is their number, and their key is the model's."""

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        checked_cv(params["cv"], params["key"])

    def _in_force(self, params, layout):
        params, layout = super()._in_force(params, layout)
        return params | {"cv": checked_cv(params["cv"], params["key"])}, layout

    def pending_params(self) -> list[str]:
        pending, then = super().pending_params(), self._fitted_state().params
        others = [name for name in pending if name.partition("__")[0] != "cv"]
        if len(others) == len(pending):
            return pending
        try:
            same = checked_cv(vars(self)["cv"], then["key"]) == then["cv"]
        except ParameterError:
            same = False
        return others if same else sorted([*others, "cv"])


def checked_cv(cv: Any, key: str | bytes | None) -> int:
    """The number of hashed folds that a model of this key takes: of a number, of None or of a ``HashedKFold``.

    Raises
    ------
    ParameterError
        When it is something else, or has another key.
    """
    if cv is None:
        return FOLDS
    is_number = is_count(cv)
    n_splits: Any = cv if is_number else getattr(cv, "n_splits", None) if hasattr(cv, "folds") else None
    if not isinstance(n_splits, Integral):
        raise ParameterError(
            f"cv is {shown(cv)}. Folds must be functions of the records, so that they stay when one goes: splitters "
            "that choose rows by position, and lists of rows, are refused. Nothing was changed: pass a number of "
            "folds, or HashedKFold of sqlearn.model_selection.",
            value=cv,
        )
    if not 2 <= int(n_splits) <= MOST_FOLDS:
        raise ParameterError(
            f"cv is {shown(cv)}, and the number of folds must be from 2 to {MOST_FOLDS:,}. Nothing was changed: set "
            "how many there shall be.",
            value=cv,
        )
    if not is_number and key_bytes(cv.key) != key_bytes(key):
        raise ParameterError(
            "The folds of cv are those of another key than the model's. Nothing was changed: pass the same key to "
            "HashedKFold and to the model, or the number of folds as cv."
        )
    return int(n_splits)


def is_count(value: Any) -> bool:
    """Whether a value is a whole number, of any type but those that only look so."""
    return isinstance(value, Integral) and not isinstance(value, bool | np.bool_ | np.timedelta64)


def mean_of_scored(scores: np.ndarray) -> np.ndarray:
    """Means of scores, float64[folds, ...], over the folds that have one; NaN where none has."""
    scored = ~np.isnan(scores)
    counts = scored.sum(axis=0)
    total = np.where(scored, scores, 0.0).sum(axis=0)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def best_of(means: np.ndarray) -> int:
    """The index of the first of the best scores, of which one at least is a number."""
    return int(np.argmax(np.where(np.isnan(means), -np.inf, means)))


def check_scored(scores: Any, learner: str) -> None:
    """Raise UndefinedAttributeError if all scores are NaN, so that they decide nothing."""
    if np.isnan(scores).all():
        raise UndefinedAttributeError(
            f"No fold of this {learner} can be scored: those that hold rows leave too few, or a class is missing. So "
            "no parameter can be chosen. Learn more rows.",
            reason="too few records",
        )
