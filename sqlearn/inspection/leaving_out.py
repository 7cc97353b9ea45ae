"""For each row, what the model that never saw it says: a refit for each, at the price of a forget."""

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from sqlearn.engine.model import ExactEstimator, answers_without_each
from sqlearn.inspection.responses import Response, looking, one_array
from sqlearn.inspection.rows import Rows, check_model
from sqlearn.inspection.walk import asked_without


def leave_one_out(
    model: ExactEstimator,
    X: Any,
    y: Any = None,
    *,
    response: str = "predict",
    sample_weight: ArrayLike | None = None,
    progress: Callable[[int], object] | None = None,
) -> Any:
    """Ask, for each of these rows, the model that never saw it.

    Parameters
    ----------
    model : estimator
        A fitted model of this package that holds these rows; it is not changed.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        Rows to leave out, each in turn: all that the model holds, or some.
    y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
        Their labels or targets as they were learned.
    response : str, default="predict"
        What to ask for: a method that answers row by row, such as "predict", "predict_proba", "decision_function" or
        "transform"; "score"; or a fitted attribute, such as ``coef_``.
    sample_weight : float or array-like of shape (n_rows,), default=None
        Their weights as they were learned; 1 by default.
    progress : callable, default=None
        Called now and then with the number of rows done since the last call. What it raises ends the work.

    Returns
    -------
    ndarray or sparse matrix of shape (n_rows, ...)
        For row i what ``refit.predict(X[i : i + 1])[0]`` is, or ``refit.score(X[i : i + 1], y[i : i + 1])``, or
        ``refit.coef_``, where ``refit`` has learned all that `model` holds but this row: to the last bit. Probabilities
        have a column for each class of `model`: a class that goes with its last row has the probability 0 there, and
        the least float64 as its logarithm. Other answers that differ in shape from row to row come in an array of
        objects.

    Raises
    ------
    NotLearnedError
        If a row is not held, or is given more often than it is held; before anything is computed.
    UndefinedAttributeError
        If the model is undefined without one of the rows; ``row`` is the first such row.
    UnsupportedError
        If `model` is not of this package.
    NotFittedError
        If it was never fitted.
    SqlearnError
        Another subclass that describes the problem.

    See Also
    --------
    sqlearn.model_selection.cross_val_predict : The same for whole folds.

    Notes
    -----
    The rows are set aside in turn on a copy of the model, so that it needs twice the memory, and a thread that uses
    `model`, or Ctrl-C, cannot meet it in between. Forgetting is exact, so what is left is a refit; see
    docs/inspection.md.

    Examples
    --------
    >>> from sqlearn.inspection import leave_one_out
    >>> from sqlearn.linear_model import LinearRegression
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [1.0, 2.0, 3.0, 8.0]
    >>> leave_one_out(LinearRegression().fit(X, y), X, y).round(3).tolist()
    [-1.667, 2.571, 5.286, 4.0]
    """
    check_model(model)
    look = looking(progress)
    rows = Rows(X, y, sample_weight)
    copied = rows.held_by(model)
    answer = Response(copied, response, rows)
    quick = answers_without_each(copied, answer, rows.X, rows.y, rows.weights)
    found = []
    for i in range(len(rows)):
        one = NotImplemented if quick is None else next(quick)
        if one is NotImplemented:
            one = asked_without(copied, rows, i, answer.of)
        found.append(one)
        look(1)
    return one_array(found)
