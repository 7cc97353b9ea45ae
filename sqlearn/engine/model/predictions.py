"""The methods that a fitted scikit-learn estimator answers: predictions, scores, transformed records.

A learner names by its bases, or in its own body, which of them it has; each passes the call on by ``_answer``.
"""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin


class Delegates:
    """Base of classes whose methods are answered by a fitted scikit-learn estimator."""

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What the method `name` of a fitted scikit-learn estimator returns."""
        raise NotImplementedError

    @contextmanager
    def _kept_on_errors(self) -> Iterator[None]:
        """Fit and predict in here: after an error, which may be the prediction's, the model is that from before."""
        held = vars(self).get("_state")
        try:
            yield
        except BaseException:
            if held is None:
                vars(self).pop("_state", None)
            else:
                vars(self)["_state"] = held
            raise


class Predicts(Delegates):
    """Classifiers and regressors."""

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels or targets.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        ndarray of shape (n_records,) or (n_records, n_targets)
            Labels, or float64 targets.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model, such as none.
        SqlearnError
            Another subclass that describes the problem.
        """
        return self._answer("predict", X)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Score the predictions: accuracy of classifiers, the coefficient of determination of regressors.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        y : array-like of shape (n_records,) or (n_records, n_targets)
            Their labels or targets.
        sample_weight : array-like of shape (n_records,), default=None
            Weights of the records; 1 by default.

        Returns
        -------
        float
            The score; 1.0 is the best.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("score", X, y, sample_weight=sample_weight)


class PredictsProba(Delegates):
    """Classifiers with probabilities, but not their logarithms."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Probabilities, in the order of ``classes_``.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("predict_proba", X)


class PredictsProbabilities(PredictsProba):
    """Classifiers with probabilities."""

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Logarithms, in the order of ``classes_``.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("predict_log_proba", X)


class PredictsJointProbabilities(PredictsProbabilities):
    """Naive Bayes."""

    def predict_joint_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the joint probabilities of record and class.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Logarithms, in the order of ``classes_``.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("predict_joint_log_proba", X)


class Decides(Delegates):
    """Classifiers with a decision function."""

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the confidence in each class, such as the signed distance from a hyperplane.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records,) or (n_records, n_classes)
            The confidence; of two classes, that in ``classes_[1]``, unless the learner says otherwise.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("decision_function", X)


class ScoresRecords(Delegates):
    """Models of the density of records."""

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the log-likelihood of each record.

        Parameters
        ----------
        X : array-like of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records,)
            Log-likelihoods.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("score_samples", X)

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of the records.

        Parameters
        ----------
        X : array-like of shape (n_records, n_features)
            Records.
        y : object, default=None
            Ignored.

        Returns
        -------
        float
            The mean log-likelihood.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("score", X, y)


class DetectsOutliers(Delegates):
    """Models that tell which records are unlike those held."""

    def score_samples(self, X: Any) -> np.ndarray:
        """Return how usual each record is: low for outliers.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records,)
            Scores.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("score_samples", X)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores less ``offset_``: negative for outliers.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records,)
            ``score_samples(X) - offset_``.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("decision_function", X)

    def predict(self, X: Any) -> np.ndarray:
        """Tell whether records are outliers.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        int64 ndarray of shape (n_records,)
            -1 for outliers, 1 for others.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("predict", X)

    def fit_predict(self, X: Any, y: Any = None, **kwargs: Any) -> np.ndarray:
        """Fit, then tell which of the same records are outliers.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        y : object, default=None
            Ignored.
        **kwargs : dict
            Passed to ``fit``.

        Returns
        -------
        int64 ndarray of shape (n_records,)
            -1 for outliers, 1 for others.
        """
        with self._kept_on_errors():
            return self.fit(X, y, **kwargs).predict(X)  # type: ignore[attr-defined]


class Transforms(Delegates, TransformerMixin):
    """Transformers."""

    def transform(self, X: Any) -> Any:
        """Transform records.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        array, sparse matrix or frame of shape (n_records, n_features_out)
            The transformed records; a frame if ``set_output`` asks for one.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("transform", X)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Fit, then transform the same records.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        y : array-like, default=None
            Labels or targets, if the learner takes any.
        **fit_params : dict
            Passed to ``fit``.

        Returns
        -------
        array, sparse matrix or frame of shape (n_records, n_features_out)
            As ``transform`` returns it.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem.
        """
        with self._kept_on_errors():
            return TransformerMixin.fit_transform(self, X, y, **fit_params)  # not the one of scikit-learn's own class

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns of ``transform``.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the features, if the first records had none.

        Returns
        -------
        object ndarray of shape (n_features_out,)
            The names.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("get_feature_names_out", input_features=input_features)


class Selects(Transforms):
    """Selectors of features."""

    def get_support(self, indices: bool = False) -> np.ndarray:
        """Return which features are selected.

        Parameters
        ----------
        indices : bool, default=False
            Whether to return their indices instead of a mask.

        Returns
        -------
        bool ndarray of shape (n_features,) or int64 ndarray of shape (n_features_out,)
            The mask, or the indices.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("get_support", indices=indices)

    def inverse_transform(self, X: Any) -> Any:
        """Put selected features back where they were, with 0 in the place of the others.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_records, n_features_out)
            What ``transform`` returned.

        Returns
        -------
        array or sparse matrix of shape (n_records, n_features)
            Records with all features.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("inverse_transform", X)
