"""What happens to other rows' losses or predictions when a row, or a group of rows, goes."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ParameterError, shown
from sqlearn.inspection.measures import LOSSES, PREDICTIONS, Measure
from sqlearn.inspection.responses import looking
from sqlearn.inspection.rows import ORDER, Rows, check_model, checked_groups
from sqlearn.inspection.walk import asked_without


def influence(
    model: ExactEstimator,
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    groups: ArrayLike | None = None,
    mode: Literal["loss", "prediction"] = "loss",
    sample_weight: ArrayLike | None = None,
    progress: Callable[[int], object] | None = None,
) -> np.ndarray:
    """Say for each test row what each row that was learned, or each group of them, does to it.

    Parameters
    ----------
    model : estimator
        A fitted classifier or regressor of this package that holds the rows `X`; it is not changed.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        The rows that go, each in turn: all that the model holds, or some.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Their labels or targets as they were learned.
    X_test : array-like, sparse matrix, frame or list of str of shape (n_test, n_features)
        Rows whose losses or predictions are compared.
    y_test : array-like of shape (n_test,) or (n_test, n_targets)
        Their labels or targets; None will do for predictions of regressors.
    groups : array-like of shape (n_rows,), default=None
        If given, all rows of a group go together.
    mode : {"loss", "prediction"}, default="loss"
        Whether losses are compared or predictions.
    sample_weight : float or array-like of shape (n_rows,), default=None
        Weights of the rows `X` as they were learned; 1 by default.
    progress : callable, default=None
        Called now and then with the number of rows of `X` done since the last call. What it raises ends the work.

    Returns
    -------
    float64 ndarray of shape (n_test, n_rows) or (n_test, n_groups)
        The loss without the row less the loss with it: positive where the row helps. Or the prediction with the row
        less the prediction without it: positive where the row raises it. Groups have the order of
        ``np.unique(groups)``; predictions of several targets have one more axis.

    Raises
    ------
    NotLearnedError
        If a row of `X` is not held, or is given more often than it is held; before anything is computed.
    UndefinedAttributeError
        If the model is undefined without one of the rows or groups; ``row`` is (the first of) these rows.
    UnsupportedError
        If `model` is not of this package, or neither classifies nor predicts values.
    UnknownLabelError
        If the model holds no row of a label of `y_test`.
    SqlearnError
        Another subclass that describes the problem.

    See Also
    --------
    self_influence : What each row does to itself.
    removal_curve : The score as rows go one after another.

    Notes
    -----
    These are no estimates: each column is the difference between the model and its refit without the row, to the bit.
    Signs and scales are those of the package pyinfluence. The loss of a row is

    - of regressors ``(y - prediction)**2 / 2``, summed over targets;
    - of classifiers with probabilities ``-log(p)``, where p is that of the row's label, and a p of 0 counts as the
      smallest positive float64, 4.9e-324;
    - of others with a decision function, half the squared distance from 1 for the row's class, and from -1 for each
      other class, or for the only column of two classes;
    - of others 1 for a wrong label, else 0.

    The prediction of a classifier is the probability of the row's label, or its decision function.

    Each row is set aside once, on a copy of the model, and all test rows are answered then, in one batch. The bits are
    those of answers about `X_test` as a whole: linear models compute products of many rows at once, whose last bits can
    be others than those of each row alone. Where a row has no influence, the difference may be such rounding.

    Examples
    --------
    >>> from sqlearn.inspection import influence
    >>> from sqlearn.linear_model import LinearRegression
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [1.0, 2.0, 3.0, 9.0]
    >>> model = LinearRegression().fit(X, y)
    >>> influence(model, X, y, [[5.0]], [5.0]).round(2).tolist()          # without the last row all is well
    [[9.72, 0.0, 8.16, -12.5]]
    >>> influence(model, X, y, [[5.0]], [5.0], groups=["a", "b", "b", "b"]).shape
    (1, 2)
    """
    check_model(model)
    look = looking(progress)
    check_mode(mode)
    measure = Measure(model, LOSSES if mode == "loss" else PREDICTIONS)
    try:
        table = measure.asked(model, X_test)
    except ValueError as error:
        error.add_note("This was found in X_test.")
        raise
    compared = None
    if mode == "loss" or measure.classes is not None or y_test is not None:
        compared = measure.truth(y_test, len(table), "y_test")
    value: Callable[[np.ndarray, Any], np.ndarray] = measure.loss if mode == "loss" else measure.explained
    whole = value(table, compared)
    rows = Rows(X, y, sample_weight)
    parts = range(len(rows)) if groups is None else _parts(groups, len(rows))
    copied = rows.held_by(model, ORDER)

    def compare(left: Any, part: Any) -> np.ndarray:
        now = value(measure.asked(left, X_test), compared)
        return now - whole if mode == "loss" else whole - now

    found = []
    for part in parts:
        found.append(asked_without(copied, rows, part, compare))
        look(np.size(part))
    return np.stack(found, axis=1)


def check_mode(mode: Any) -> None:
    """Refuse what is neither losses nor predictions.

    Raises
    ------
    ParameterError
        If it is another value.
    """
    if not isinstance(mode, str) or mode not in ("loss", "prediction"):
        raise ParameterError(
            f"mode is {shown(mode)}, and must be 'loss' or 'prediction'. Nothing was computed: set one of these.",
            value=mode,
        )


def _parts(groups: ArrayLike, n: int) -> list[np.ndarray]:
    """The rows of each group, in the order of the sorted groups."""
    given = checked_groups(groups, n)
    try:
        places = np.unique(given, return_inverse=True)[1]
    except TypeError as error:
        raise ParameterError(
            f"groups cannot be sorted: {error}. Nothing was computed: pass numbers or text alone.",
        ) from error
    return np.split(np.argsort(places, kind="stable"), np.cumsum(np.bincount(places))[:-1])
