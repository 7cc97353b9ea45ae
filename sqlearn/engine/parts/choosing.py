"""What choices by cross-validation have in common: which folds a user means, and scores of folds."""

from numbers import Integral
from typing import Any

import numpy as np

from sqlearn.engine.identity import MOST_FOLDS, key_bytes
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown

FOLDS = 5


def checked_cv(cv: Any) -> tuple[int, str | bytes | None]:
    """The number of hashed folds, and their key, of a number, of None or of a ``HashedKFold``.

    Raises
    ------
    ParameterError
        When it is something else.
    """
    if cv is None:
        return FOLDS, None
    is_number = isinstance(cv, Integral) and not isinstance(cv, bool | np.bool_ | np.timedelta64)
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
    key = None if is_number else cv.key
    key_bytes(key)
    return int(n_splits), key


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
