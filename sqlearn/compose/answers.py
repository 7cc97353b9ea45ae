"""What a model behind a fixed map answers: its learner's predictions, for the images of rows."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if

from sqlearn.engine.model import PredictsAsInner, ScoresRecords, if_learner_has


class MapAnswers(PredictsAsInner):
    """Predictions of a learner of images, for the rows that are mapped to them."""

    score_samples = if_learner_has(ScoresRecords.score_samples)

    @if_learner_has
    def predict(self, X: Any, **params: Any) -> Any:
        """Predict the label or target of each row.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or list of str
            Rows, as they are learned.
        **params : dict
            What the learner's own ``predict`` takes beside rows, such as ``return_std`` of BayesianRidge.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            The predictions.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("predict", X, **params)

    @if_learner_has
    def transform(self, X: Any) -> Any:
        """Map rows, and transform their images as the learner does.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or list of str
            Rows, as they are learned.

        Returns
        -------
        array or sparse matrix of shape (n_rows, n_outputs)
            The transformed images.

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
        X : array-like, sparse matrix, frame or list of str
            Rows, as they are learned.
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

    @if_learner_has
    def fit_predict(self: Any, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> np.ndarray:
        """Fit, then predict the same rows.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or list of str
            Rows.
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
    def fit_transform(self: Any, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, then transform the same rows.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or list of str
            Rows.
        y : array-like, default=None
            Labels or targets, if the learner takes any.
        **fit_params : dict
            Passed to ``fit``.

        Returns
        -------
        array or sparse matrix of shape (n_rows, n_outputs)
            As ``transform`` returns it.
        """
        with self._kept_on_errors():
            return self.fit(X, y, **fit_params).transform(X)


class BehindMap(BaseEstimator):
    """What a model behind a map reads its attributes from: its learner, in the state of one that learned the images.

    Attributes
    ----------
    inner : ExactEstimator
        The learner.
    transform_digest_ : str
        Identity of the map.
    """

    inner: Any
    transform_digest_: str

    def __getattr__(self, name: str) -> Any:
        if name.endswith("_") and not name.startswith("_") and "inner" in self.__dict__:
            return getattr(self.inner, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self.inner)})

    def __sklearn_is_fitted__(self) -> bool:
        return True
