"""Parts for each fold, which have learned all other folds, and their predictions of it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.parts.following import Part
from sqlearn.engine.parts.keeping import Whole

MISSING = {"predict_proba": 0.0, "predict_log_proba": np.finfo(float).min}


class Folds:
    """Hashed folds of records.

    Parameters
    ----------
    params : Mapping
        The parameters in force of a model that is :class:`~sqlearn.engine.parts.choosing.InFolds`.
    has_targets : bool
        Whether records have targets, where they have no labels.
    """

    def __init__(self, params: Mapping[str, Any], *, has_targets: bool) -> None:
        self.n_folds, self.key, self.has_targets = params["cv"], params["key"], has_targets

    def of(self, whole: Whole) -> np.ndarray:
        """The fold of each record."""
        return whole.folds(self.n_folds, self.key, self.has_targets)

    def outside(self, fold: int, whole: Whole) -> np.ndarray:
        """Which records are in other folds."""
        outside: np.ndarray = self.of(whole) != fold
        return outside

    def parts(self, learner: Any, responses: Callable[[Whole], np.ndarray]) -> list[Part]:
        """A part for each fold, which learns the others."""
        return [Part(learner, responses, partial(self.outside, fold)) for fold in range(self.n_folds)]


def method_of(learner: Any, wanted: str | list[str]) -> str | None:
    """The first of these methods that a learner has."""
    names = [wanted] if isinstance(wanted, str) else wanted
    return next((name for name in names if hasattr(learner, name)), None)


def predicted(model: Any, x: np.ndarray, method: str, n_classes: int) -> np.ndarray:
    """Predictions with a column for each class, also those that the model has not seen; classes are numbers from 0.

    What a model has not seen has the probability 0, or the least decision of all.
    """
    found: np.ndarray = getattr(model, method)(x)
    if method == "predict" or not n_classes or len(model.classes_) == n_classes:
        return found
    own = np.asarray(model.classes_, np.intp)
    if found.ndim == 1:  # a decision between two of them, or for the only one
        found = np.column_stack([-found, found] if len(own) == 2 else [found])
    missing = MISSING[method] if method in MISSING else found.min()
    whole = np.full((len(found), n_classes), missing)
    whole[:, own[: found.shape[1]]] = found
    return whole
