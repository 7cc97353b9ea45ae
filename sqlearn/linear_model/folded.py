"""What linear models have in common that choose a parameter by cross-validation in folds by digest."""

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.model import State
from sqlearn.engine.parts import InFolds
from sqlearn.engine.readout import Fold, GramView, folds_of, left_out
from sqlearn.engine.sums import FoldedGram, Statistic
from sqlearn.errors import DegenerateError, ParameterError, UndefinedAttributeError, shown


class Chooses(InFolds):
    """Learners whose statistic is a Gram matrix for each fold, from which they choose when they are read."""

    _statistic: type[Statistic] = FoldedGram

    def _new_statistic(self, params, n_features, n_targets):
        return FoldedGram(n_features, n_targets, params["cv"])

    def _check_fit(self, batch):
        super()._check_fit(batch)
        if np.count_nonzero(batch.weights) < 2:
            raise DegenerateError(
                f"{type(self).__name__} was given 1 sample, and needs two to choose by cross-validation: one to train "
                "on and one to leave out. Nothing was changed: pass more rows, or learn them with partial_fit."
            )


def checked_alphas(alphas: float | ArrayLike) -> np.ndarray:
    """Penalties to choose from, float64[a].

    Raises
    ------
    ParameterError
        If there is none, or one is negative or not finite.
    """
    found = np.ravel(np.asarray(alphas, np.float64))
    if np.ndim(alphas) > 1 or not len(found):
        raise ParameterError(
            f"alphas must be a list of numbers, not {shown(alphas)}. Nothing was changed: set one or more penalties.",
            value=alphas,
        )
    wrong = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
    if len(wrong):
        value = np.ravel(np.asarray(alphas, object))[wrong[0]]
        raise ParameterError(
            f"alphas[{wrong[0]}] == {shown(value)}, must be >= 0.0. Nothing was changed: set finite penalties.",
            value=value,
        )
    return found


def folds_left_out(state: State) -> tuple[GramView, list[Fold | None]]:
    """The Gram matrix of all records of a model of values, and its folds left out in turn; None if without an error."""
    statistic = state.statistic
    assert isinstance(statistic, FoldedGram)
    grams = folds_of(statistic, state.class_slots())[0]
    return grams[-1], left_out(grams, statistic.counts_of_folds[0])


def mean_over_folds(by_fold: np.ndarray, learner: str) -> np.ndarray:
    """Means over the first axis, without the folds that are NaN.

    Raises
    ------
    UndefinedAttributeError
        If all are: no parameter can be chosen.
    """
    known = ~np.isnan(by_fold).any(axis=tuple(range(1, by_fold.ndim)))
    if not known.any():
        raise UndefinedAttributeError(
            f"No fold of this {learner} has an error: those that hold rows hold too few, or nothing is left to train "
            "on. So no parameter can be chosen. Learn more rows.",
            reason="too few records",
        )
    return by_fold[known].mean(axis=0)
