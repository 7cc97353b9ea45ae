"""Intervals that hold the true target as often as they say."""

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from sqlearn.conformal.answers import IntervalAnswers
from sqlearn.conformal.base import Conformal, Quick
from sqlearn.engine.model import ExactEstimator, Predicts, UnweightedEstimator
from sqlearn.engine.parts import Whole
from sqlearn.engine.sklearn_private import Interval, StrOptions
from sqlearn.linear_model import LinearRegression, Ridge


def _two_targets(whole: Whole) -> np.ndarray:
    """Targets when the candidate's is 0, and what they gain when it grows by 1: a solution is linear in them."""
    return np.column_stack([whole.y, np.zeros(len(whole.y))])


class FullConformalRegressor(Conformal, Predicts, RegressorMixin, UnweightedEstimator):
    """Intervals of targets with guaranteed coverage, by full conformal prediction, that forget.

    Whether a target is in the region of a row is a test: the row with this target is learned, and it is in the region
    unless its residual is among the largest of all to that model. No rows are set aside for it, as split conformal
    prediction does.

    Parameters
    ----------
    estimator : estimator, default=None
        A regressor of this package; by default ``LinearRegression()``.
    confidence_level : float or list of float, default=0.9
        The share of rows whose target is in the interval, or several.
    conformity_score : {"absolute"}, default="absolute"
        How strange a record is: by its absolute residual.
    n_candidates : int, default=100
        How many targets are tried for each row, over twice the range of those held, where `estimator` is neither
        ``LinearRegression`` nor ``Ridge``, whose regions are computed for all targets.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    estimator_ : estimator
        scikit-learn's estimator, fitted to all records: its predictions are the points.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    See Also
    --------
    FullConformalClassifier : Sets of labels.

    Notes
    -----
    If rows are exchangeable (drawn alike, in any order), the target of a new one is in its region with a probability of
    at least the level: over the draw of all rows, not for each kind of them. A learner of this package is a function of
    its records, bit for bit, which is the symmetry that the argument asks for; docs/conformal.md has it in full, and
    what holds after rows are forgotten. Records with weights would not be exchangeable, so there are none.

    With least squares, residuals are affine in the candidate's target, so regions are unions of intervals, whose ends
    are within some roundings (the ridge confidence machine). ``p_values`` are those of the definition, exactly. With
    other learners, intervals reach from the candidate before the first that is in the region to the one behind the
    last, to infinity if there is none.

    References
    ----------
    I. Nouretdinov, T. Melluish and V. Vovk, "Ridge regression confidence machine", ICML (2001).

    E. Burnaev and V. Vovk, "Efficiency of conformalized ridge regression", COLT (2014).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sqlearn.conformal import FullConformalRegressor
    >>> from sqlearn.linear_model import Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = FullConformalRegressor(Ridge(0.1), confidence_level=0.8).fit(X[1:], y[1:])
    >>> points, intervals = model.predict_interval(X[:1])
    >>> points.round(1), intervals[:, :, 0].round(1), float(y[0])
    (array([200.6]), array([[129.7, 270.8]]), 151.0)
    >>> refit = FullConformalRegressor(Ridge(0.1), confidence_level=0.8).fit(X[9:], y[9:])
    >>> model.forget(X[1:9], y[1:9]).digest() == refit.digest()
    True
    """

    _sklearn_class = IntervalAnswers
    _target = "value"
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "estimator": "no_validation",
        "confidence_level": "no_validation",
        "conformity_score": [StrOptions({"absolute"})],
        "n_candidates": [Interval(Integral, 2, None, closed="left")],
        "key": "no_validation",
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        confidence_level: float | ArrayLike = 0.9,
        conformity_score: str = "absolute",
        n_candidates: int = 100,
        key: str | bytes | None = None,
    ) -> None:
        self.estimator = estimator
        self.confidence_level = confidence_level
        self.conformity_score = conformity_score
        self.n_candidates = n_candidates
        self.key = key

    def predict_interval(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Predict a target for each row, and the least interval that holds the region of each level.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Rows.

        Returns
        -------
        points : float64 ndarray of shape (n_records,)
            Targets, as of ``predict``.
        intervals : float64 ndarray of shape (n_records, 2, n_levels)
            Lower and upper ends: infinite where there are too few records for the level, NaN where no candidate is in
            the region.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.
        SqlearnError
            Another subclass that describes the problem.

        Examples
        --------
        >>> from sqlearn.conformal import FullConformalRegressor
        >>> model = FullConformalRegressor(confidence_level=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 4.0])
        >>> model.predict_interval([[1.5]])[1].shape
        (1, 2, 1)
        """
        return self._answer("predict_interval", X)

    def predict_region(self, X: Any) -> list[list[np.ndarray]]:
        """Return the regions themselves, which may have gaps.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Rows.

        Returns
        -------
        list of list of ndarray
            For each row and level, closed intervals in their order, float64[n_intervals, 2].

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.
        SqlearnError
            Another subclass that describes the problem.

        Examples
        --------
        >>> from sqlearn.conformal import FullConformalRegressor
        >>> model = FullConformalRegressor(confidence_level=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 4.0])
        >>> len(model.predict_region([[1.5], [7.0]]))
        2
        """
        return self._answer("predict_region", X)

    def p_values(self, X: Any, y: Any) -> np.ndarray:
        """Return the share of records that are at least as strange as each row with each target given.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Rows.
        y : array-like of shape (n_records,) or (n_records, n_candidates)
            Targets.

        Returns
        -------
        float64 ndarray of the shape of y
            Shares of the records held and the row.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.
        SqlearnError
            Another subclass that describes the problem.

        Examples
        --------
        >>> from sqlearn.conformal import FullConformalRegressor
        >>> model = FullConformalRegressor().fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 4.0])
        >>> model.p_values([[1.5]], [99.0])
        array([0.2])
        """
        return self._answer("p_values", X, y)

    def _default(self) -> ExactEstimator:
        return LinearRegression()

    def _parts(self, params, whole):
        learner = self._learner(params)
        parts = super()._parts(params, whole)
        is_affine = type(learner) in (LinearRegression, Ridge) and not learner.positive
        return [*parts, Quick(learner, _two_targets)] if is_affine else parts

    def _read_out(self, state):
        return self._told(state)
