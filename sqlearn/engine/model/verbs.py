"""``fit``, ``partial_fit``, ``forget``, ``relabel`` and ``without``, with the signatures that a learner has.

Two declarations decide: whether records may carry weights (``_takes_weights``: all but ``partial_fit`` differ), and
whether they carry a label (``_target = "label"``: then ``partial_fit`` takes `classes`, as scikit-learn's does).
"""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from contextlib import AbstractContextManager
from typing import Any, Self

from numpy.typing import ArrayLike

from sqlearn.engine.model.estimator import ExactEstimator
from sqlearn.engine.model.lending import Lending
from sqlearn.engine.model.predictions import Predicts


class Unweighted(ExactEstimator):
    """Base of learners whose records all count alike."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn these records alone; what was learned before is dropped.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records, of numbers that float64 holds.
        y : array-like of shape (n_records,) or (n_records, n_targets), default=None
            Labels (integers, booleans or strings) or targets (float64); ignored by learners that take neither.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.decomposition import PCA
        >>> PCA(n_components=1).fit([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]).components_
        array([[0.6, 0.8]])
        """
        return self._fit_alone(X, y, None)

    def forget(self, X: Any, y: Any = None) -> Self:
        """Forget records exactly: the model then has the bytes of one that never learned them.

        All records are forgotten or, if one of them is not held, none.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : scalar or array-like of shape (n_records,) or (n_records, n_targets), default=None
            Their labels or targets as they were learned.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If a record is not held; the message and the attribute ``row`` give the first such row.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.neighbors import NearestCentroid
        >>> model = NearestCentroid().fit([[0.0], [2.0], [1e12], [7.0]], [0, 0, 0, 1])
        >>> model.forget([1e12], 0).centroids_
        array([[1.],
               [7.]])
        """
        return self._update(X, y, None, -1.0)

    def relabel(self, X: Any, y_old: Any, y_new: Any) -> Self:
        """Forget records with their old labels or targets, and learn them with new ones: all of it or nothing.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y_old : scalar or array-like of shape (n_records,) or (n_records, n_targets)
            Their labels or targets as they were learned.
        y_new : scalar or array-like of the same shape
            What they should have been.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If a record with its old label is not held.
        UnsupportedError
            If the learner takes neither labels nor targets.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.neighbors import NearestCentroid
        >>> model = NearestCentroid().fit([[0.0], [2.0], [7.0], [9.0]], [0, 0, 0, 1])
        >>> model.relabel([7.0], 0, 1).centroids_
        array([[1.],
               [8.]])
        """
        return self._relabel(X, y_old, y_new, None)

    def without(self, X: Any, y: Any = None) -> AbstractContextManager[Self]:
        """Return a context in which the model is as if it had never learned these records.

        At its end the model is exactly what it was. Updates are refused inside.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : scalar or array-like of shape (n_records,) or (n_records, n_targets), default=None
            Their labels or targets as they were learned.

        Returns
        -------
        context manager
            For one ``with`` block; it gives the model. Errors are those of ``forget``, and raised when it is entered.

        Examples
        --------
        >>> from sqlearn.neighbors import NearestCentroid
        >>> model = NearestCentroid().fit([[0.0], [2.0], [7.0]], [0, 0, 1])
        >>> with model.without([2.0], 0):
        ...     print(model.centroids_.tolist())
        [[0.0], [7.0]]
        >>> model.centroids_.tolist()
        [[1.0], [7.0]]
        """
        return Lending(self, self._without(X, y, None))


class Weighted(ExactEstimator):
    """Base of learners whose records may carry a weight, which is a part of the record."""

    _takes_weights = True

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn these records alone; what was learned before is dropped.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records, of numbers that float64 holds.
        y : array-like of shape (n_records,) or (n_records, n_targets), default=None
            Labels (integers, booleans or strings) or targets (float64); ignored by learners that take neither.
        sample_weight : array-like of shape (n_records,), default=None
            Weights of the records, float64 and not negative; 1 by default. A record of weight 0 is held, and counts
            nowhere.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.linear_model import LinearRegression
        >>> LinearRegression().fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0]).coef_
        array([2.])
        """
        return self._fit_alone(X, y, sample_weight)

    def forget(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Forget records exactly: the model then has the bytes of one that never learned them.

        All records are forgotten or, if one of them is not held, none.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : scalar or array-like of shape (n_records,) or (n_records, n_targets), default=None
            Their labels or targets as they were learned.
        sample_weight : float or array-like of shape (n_records,), default=None
            The weights with which they were learned; 1 by default.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If a record is not held; the message and the attribute ``row`` give the first such row.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.linear_model import LinearRegression
        >>> model = LinearRegression().fit([[1.0], [2.0], [3.0], [1e12]], [3.0, 5.0, 7.0, 0.0])
        >>> model.forget([1e12], 0.0).coef_
        array([2.])
        """
        return self._update(X, y, sample_weight, -1.0)

    def relabel(self, X: Any, y_old: Any, y_new: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Forget records with their old labels or targets, and learn them with new ones: all of it or nothing.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y_old : scalar or array-like of shape (n_records,) or (n_records, n_targets)
            Their labels or targets as they were learned.
        y_new : scalar or array-like of the same shape
            What they should have been.
        sample_weight : float or array-like of shape (n_records,), default=None
            The weights with which they were learned, and which they keep; 1 by default.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If a record with its old label is not held.
        UnsupportedError
            If the learner takes neither labels nor targets.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.linear_model import LinearRegression
        >>> model = LinearRegression().fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 700.0])
        >>> model.relabel([3.0], 700.0, 7.0).coef_
        array([2.])
        """
        return self._relabel(X, y_old, y_new, sample_weight)

    def without(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> AbstractContextManager[Self]:  # fmt: skip
        """Return a context in which the model is as if it had never learned these records.

        At its end the model is exactly what it was. Updates are refused inside.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : scalar or array-like of shape (n_records,) or (n_records, n_targets), default=None
            Their labels or targets as they were learned.
        sample_weight : float or array-like of shape (n_records,), default=None
            The weights with which they were learned; 1 by default.

        Returns
        -------
        context manager
            For one ``with`` block; it gives the model. Errors are those of ``forget``, and raised when it is entered.

        Examples
        --------
        >>> from sqlearn.linear_model import LinearRegression
        >>> model = LinearRegression().fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 10.0])
        >>> with model.without([3.0], 10.0):
        ...     print(model.coef_)
        [2.]
        >>> model.coef_
        array([3.5])
        """
        return Lending(self, self._without(X, y, sample_weight))


class UnweightedEstimator(Unweighted):
    """Base of learners without labels and weights: transformers, selectors, mixtures."""

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn more records.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records; one on its own may be 1-D.
        y : scalar or array-like of shape (n_records,) or (n_records, n_targets), default=None
            Labels (integers, booleans or strings) or targets (float64); ignored by learners that take neither.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.decomposition import PCA
        >>> model = PCA(n_components=1).fit([[0.0, 0.0], [6.0, 8.0]])
        >>> model.partial_fit([3.0, 4.0]).n_records_
        3
        """
        return self._update(X, y, None, 1.0)


class WeightedEstimator(Weighted):
    """Base of learners without labels whose records may carry a weight: regressors, scalers, clusterings."""

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn more records.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records; one on its own may be 1-D.
        y : scalar or array-like of shape (n_records,) or (n_records, n_targets), default=None
            Targets (float64); ignored by learners that take none.
        sample_weight : float or array-like of shape (n_records,), default=None
            Weights of the records, float64 and not negative; 1 by default.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.linear_model import LinearRegression
        >>> model = LinearRegression().fit([[1.0], [2.0]], [3.0, 5.0])
        >>> model.partial_fit([3.0], 10.0).coef_
        array([3.5])
        """
        return self._update(X, y, sample_weight, 1.0)


class UnweightedClassifier(Predicts, Unweighted):
    """Base of classifiers whose records all count alike. New labels may come at any time."""

    _target = "label"

    def partial_fit(self, X: Any, y: Any = None, classes: ArrayLike | None = None) -> Self:
        """Learn more records.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records; one on its own may be 1-D.
        y : scalar or array-like of shape (n_records,)
            Labels: integers, booleans or strings. New ones may come at any time.
        classes : array-like of shape (n_classes,), default=None
            If given, other labels are refused. It is checked and not remembered: ``classes_`` are the labels held, and
            ``predict_proba`` has a column for each of these. A class without records is added by none.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        UnknownLabelError
            If a label is not among the `classes` given.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.neighbors import NearestCentroid
        >>> model = NearestCentroid().fit([[0.0], [7.0]], ["low", "high"])
        >>> model.partial_fit([3.0], "middle").classes_
        array(['high', 'low', 'middle'], dtype='<U6')
        """
        return self._update(X, y, None, 1.0, classes)


class WeightedClassifier(Predicts, Weighted):
    """Base of classifiers whose records may carry a weight. New labels may come at any time."""

    _target = "label"

    def partial_fit(
        self, X: Any, y: Any = None, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:  # fmt: skip
        """Learn more records.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records; one on its own may be 1-D.
        y : scalar or array-like of shape (n_records,)
            Labels: integers, booleans or strings. New ones may come at any time.
        classes : array-like of shape (n_classes,), default=None
            If given, other labels are refused. It is checked and not remembered: ``classes_`` are the labels held, and
            ``predict_proba`` has a column for each of these. A class without records is added by none.
        sample_weight : float or array-like of shape (n_records,), default=None
            Weights of the records, float64 and not negative; 1 by default.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        UnknownLabelError
            If a label is not among the `classes` given.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> model = GaussianNB().fit([[0.0], [1.0], [5.0], [7.0]], ["low", "low", "high", "high"])
        >>> model.partial_fit([3.0], "middle").classes_
        array(['high', 'low', 'middle'], dtype='<U6')
        """
        return self._update(X, y, sample_weight, 1.0, classes)
