"""Intervals that hold the true target as often as they say."""

import copy
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from sqlearn.conformal.affine import regions
from sqlearn.conformal.base import Answers, Conformal
from sqlearn.conformal.levels import checked_levels, fewest
from sqlearn.conformal.measures import Residual
from sqlearn.engine.model import Inner, Predicts, UnweightedEstimator
from sqlearn.engine.parts import Part, Whole
from sqlearn.engine.sklearn_private import Interval, StrOptions
from sqlearn.errors import InvalidValueError, ShapeError, UndefinedAttributeError
from sqlearn.linear_model import LinearRegression, Ridge


class IntervalAnswers(RegressorMixin, Answers):
    """What a conformal regressor answers from."""

    _models: list[Any]

    def __init__(self, confidence_level: Any = 0.9, n_candidates: int = 100) -> None:
        self.confidence_level = confidence_level
        self.n_candidates = n_candidates

    def p_values(self, X: np.ndarray, y: Any) -> np.ndarray:
        """The p-values of targets, float64[n] or float64[n, k]."""
        targets = _checked_targets(y, len(X))
        counts = self._count(Residual(), X, targets.reshape(len(X), -1), 1)
        found = (counts.stranger + counts.alike + 1) / (len(self._held.y) + 1)
        return found.reshape(targets.shape)

    def predict_region(self, X: np.ndarray) -> list[list[np.ndarray]]:
        """The intervals of each row and level."""
        levels, n = checked_levels(self.confidence_level), len(self._held.y)
        enough = [fewest(level, n) - 1 for level in levels]
        if self._models:
            return self._affine(X, enough)
        return self._on_a_grid(X, enough)

    def predict_interval(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points, and the least interval that holds the region of each level, float64[n, 2, n_levels]."""
        bounds = [
            [(found[0, 0], found[-1, 1]) if len(found) else (np.nan, np.nan) for found in of_row]
            for of_row in self.predict_region(X)
        ]
        n_levels = len(checked_levels(self.confidence_level))
        return self.predict(X), np.array(bounds, np.float64).reshape(len(X), n_levels, 2).transpose(0, 2, 1)

    def _affine(self, X: np.ndarray, enough: list[int]) -> list[list[np.ndarray]]:
        held, found = self._held, []
        model = copy.deepcopy(self._models[0])
        for x in X:
            fitted = held.learned(model, x, _CANDIDATE)
            with np.errstate(all="ignore"):
                parts = held.x @ fitted.coef_.T + fitted.intercept_
                own = fitted.coef_ @ x + fitted.intercept_
                found.append(regions(held.y - parts[:, 0], -parts[:, 1], (-own[0], 1.0 - own[1]), enough))
        return found

    def _on_a_grid(self, X: np.ndarray, enough: list[int]) -> list[list[np.ndarray]]:
        grid = self._grid()
        counts = self._count(Residual(), X, np.tile(grid, (len(X), 1)), 1)
        as_strange = counts.stranger + counts.alike
        edges = np.concatenate([[-np.inf], grid, [np.inf]])
        return [[_around(of_row >= number, edges) for number in enough] for of_row in as_strange]

    def _grid(self) -> np.ndarray:
        """Candidates, evenly spaced over twice the range of the targets held."""
        low, high = self._held.y.min(), self._held.y.max()
        with np.errstate(over="ignore"):
            spare = 0.5 * (high - low) or 1.0
            found = np.linspace(low - spare, high + spare, self.n_candidates)
        if not np.isfinite(found).all():
            raise UndefinedAttributeError(
                f"The targets held reach from {low:g} to {high:g}, and candidates beyond them leave float64's range. "
                "Forget the row with the extreme target.",
                reason="out of range",
            )
        model = Inner(self._held.model.learner if hasattr(self._held.model, "learner") else self._held.model)
        return np.array([target for target in found if _is_taken(model, target)])


def _is_taken(model: Inner, target: float) -> bool:
    """Whether a learner takes this target: the losses of some know positive ones only."""
    try:
        model.check_targets(np.array([[target]]))
    except InvalidValueError:
        return False
    return True


def _around(accepted: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Intervals, float64[m, 2], from the candidate before each run of accepted ones to the one behind it."""
    covered = np.zeros(len(edges) + 1, np.int8)  # the cells between edges, and nothing on both sides
    covered[1:-2] |= accepted
    covered[2:-1] |= accepted
    turns = np.diff(covered)
    return np.column_stack([edges[turns[: len(edges)] == 1], edges[turns[: len(edges)] == -1]])


def _two_targets(whole: Whole) -> np.ndarray:
    """Targets when the candidate's is 0, and what they gain when it grows by 1; a solution is linear in them."""
    return np.column_stack([whole.y, np.zeros(len(whole.y))])


_CANDIDATE = [0.0, 1.0]  # its target of both kinds


def _checked_targets(y: Any, n: int) -> np.ndarray:
    """Targets whose p-values are asked for, float64[n] or float64[n, k]."""
    try:
        targets = np.asarray(y, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(
            "y of p_values holds something other than numbers. Nothing was computed: pass float targets.",
            reason="not numeric",
        ) from error
    if targets.ndim not in (1, 2) or len(targets) != n:
        raise ShapeError(
            f"y of p_values has the shape {targets.shape}, and X has {n} rows. Nothing was computed: pass a target for "
            "each row, or a row of them.",
            reason="shape",
        )
    if not np.isfinite(targets).all():
        row = int(np.flatnonzero(~np.isfinite(targets).reshape(n, -1).all(axis=1))[0])
        raise InvalidValueError(
            f"y of p_values is not finite in row {row} (counted from 0). Nothing was computed: pass finite targets.",
            row=row,
            reason="not finite",
        )
    return targets + 0.0


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
    >>> points.round(1), intervals[:, :, 0].round(1), y[0]
    (array([206.1]), array([[134.8, 277. ]]), 151.0)
    >>> model.forget(X[1:9], y[1:9]).digest() == FullConformalRegressor(
    ...     Ridge(0.1), confidence_level=0.8).fit(X[9:], y[9:]).digest()
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

    def _default(self):
        return LinearRegression()

    def _parts(self, params, whole):
        learner = self._learner(params)
        parts = super()._parts(params, whole)
        is_affine = type(learner) in (LinearRegression, Ridge) and not learner.positive
        return [*parts, Part(learner, _two_targets)] if is_affine else parts

    def _read_out(self, state):
        return self._told(state)
