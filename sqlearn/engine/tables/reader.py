"""The predictor of models over tables: what scikit-learn has no class for."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if

from sqlearn.engine.model import PredictsAsInner, if_learner_has
from sqlearn.engine.tables.table import as_table, chosen, split
from sqlearn.errors import UndefinedAttributeError


class TableAnswers(PredictsAsInner):
    """Predictions of a learner of encoded records, for rows of tables."""

    @if_learner_has
    def transform(self, X: Any) -> np.ndarray:
        """Encode the rows of a table, and transform them as the learner does.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            The rows, with the columns that were learned.

        Returns
        -------
        float64 ndarray of shape (n_rows, n_outputs)
            The transformed rows.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("transform", X)

    @if_learner_has
    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Score the predictions as the learner does: by accuracy, say, or the coefficient of determination.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            The rows, with the columns that were learned.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Their labels or targets, if the learner takes any.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows; 1 by default.

        Returns
        -------
        float
            The score.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return self._answer("score", X, *([] if y is None else [y]), **weights)


class Fits(TableAnswers):
    """What fits and answers in one call; of models."""

    @if_learner_has
    def fit_predict(self: Any, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> np.ndarray:
        """Fit, then predict the same rows.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            The rows, with the columns that were learned.
        y : array-like, default=None
            Targets, if the learner takes any.
        sample_weight : array-like of shape (n_rows,), default=None
            Weights of the rows; 1 by default.

        Returns
        -------
        ndarray of shape (n_rows,)
            As the learner's ``predict`` returns it.
        """
        with self._kept_on_errors():
            return self.fit(X, y, sample_weight).predict(X)

    @available_if(lambda self: hasattr(self._learner, "transform"))
    def fit_transform(self: Any, X: Any, y: Any = None, **fit_params: Any) -> np.ndarray:
        """Fit, then transform the same rows.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            The rows, with the columns that were learned.
        y : array-like, default=None
            Targets, if the learner takes any.
        **fit_params : dict
            Passed to ``fit``.

        Returns
        -------
        ndarray of shape (n_rows, n_outputs)
            As the learner's ``transform`` returns it.
        """
        with self._kept_on_errors():
            return self.fit(X, y, **fit_params).transform(X)


class TableReader(TableAnswers, BaseEstimator):
    """A fitted predictor over tables: an encoder, and scikit-learn's estimator over the encoded columns.

    Attributes
    ----------
    columns_ : dict
        Kind of each column.
    encoder_ : TableEncoder, Numbers or None
        What encodes the columns; None where the estimator takes them as they are.
    encoded_names_ : object[d]
        Names of the columns that the estimator sees.
    learner_ : estimator
        scikit-learn's estimator, fitted.
    """

    columns_: dict
    encoder_: Any
    encoded_names_: np.ndarray
    learner_: Any
    n_features_in_: int

    def __getattr__(self, name):
        if name.endswith("_") and not name.startswith("_") and "learner_" in self.__dict__:
            return getattr(self.learner_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self):
        return sorted({*super().__dir__(), *dir(self.learner_)})

    @property
    def _learner(self):
        return self.learner_

    def __sklearn_tags__(self):
        return table_tags(self.learner_)

    def __sklearn_is_fitted__(self):
        return True

    def _chosen(self, X):
        return chosen(as_table(X), self.columns_, self.n_features_in_)

    def encode(self, X) -> np.ndarray:
        """The rows of a table as the estimator sees them, float64[n, d]."""
        if self.encoder_ is None:
            raise UndefinedAttributeError(
                "MixedNB takes the columns as they are, so there is no encoded table. Use the table itself.",
                reason="not encoded",
            )
        return self.encoder_.transform(*split(*self._chosen(X)))

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of :meth:`transform`; for other learners, of :meth:`encode`."""
        if hasattr(self.learner_, "transform") and hasattr(self.learner_, "get_feature_names_out"):
            return self.learner_.get_feature_names_out(self.encoded_names_)
        return self.encoded_names_

    def _answer(self, name, X, *args, **kwargs):
        if self.encoder_ is not None:
            return getattr(self.learner_, name)(self.encode(X), *args, **kwargs)
        return getattr(self.learner_, name)(self._chosen(X)[0], *args, **kwargs)


def table_tags(learner):
    """The learner's tags, as far as they hold for tables."""
    tags = learner.__sklearn_tags__()
    inputs = tags.input_tags
    inputs.allow_nan = inputs.categorical = inputs.string = True
    inputs.sparse = False
    tags.array_api_support = False
    if tags.classifier_tags is not None:
        tags.classifier_tags.multi_label = False
    if tags.transformer_tags is not None:
        tags.transformer_tags.preserves_dtype = ["float64"]
    return tags
