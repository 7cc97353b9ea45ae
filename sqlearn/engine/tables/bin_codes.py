"""Records as scikit-learn's histogram gradient boosting takes them: bins in place of categories."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin

from sqlearn.engine.boosting import coded
from sqlearn.engine.tables.numbered import LARGEST, numbered
from sqlearn.engine.tables.table import check_table
from sqlearn.engine.validation import Layout


class BinCodes(TransformerMixin, BaseEstimator):
    """Features with small integers in place of categories: those of a booster, and one more for all others.

    ``model.to_sklearn()`` makes it; it learns nothing.

    Attributes
    ----------
    is_categorical_ : bool[n_features_in_]
        Which columns hold categories.
    categories_ : list of float64[n] or None
        Of each column the categories that have bins, as numbers; None for numbers.
    """

    is_categorical_: np.ndarray
    categories_: list[np.ndarray | None]
    n_features_in_: int
    feature_names_in_: np.ndarray

    @classmethod
    def of(cls, categories: list[np.ndarray | None], is_categorical: np.ndarray, names: np.ndarray | None) -> Self:
        """What gives a booster's bins.

        Parameters
        ----------
        categories : list of float64[n] or None
            Of each column the categories that have bins.
        is_categorical : bool[n_features]
            Which features hold categories.
        names : object[n_features] or None
            Names of the features.
        """
        made = cls()
        made.categories_, made.is_categorical_, made.n_features_in_ = categories, is_categorical, len(is_categorical)
        if names is not None:
            made.feature_names_in_ = names
        return made

    def fit(self, X: Any, y: Any = None) -> NoReturn:
        """Refused: learners fit."""
        raise NotImplementedError("These codes were read out of a model of sqlearn, which learns: fit that one.")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, X: Any) -> np.ndarray:
        """Return numbers and codes.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records, n_features)
            Numbers within the range of float32, and codes of categories.
        """
        layout = Layout(self.n_features_in_, getattr(self, "feature_names_in_", None))
        table, _ = check_table(X, type(self).__name__, layout)
        return coded(np.clip(numbered(table, self.is_categorical_), -LARGEST, LARGEST), self.categories_)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns that come out: those that come in.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Without effect.

        Returns
        -------
        object ndarray of shape (n_features,)
            The names.
        """
        names = getattr(self, "feature_names_in_", None)
        return np.array([f"x{j}" for j in range(self.n_features_in_)], object) if names is None else names
