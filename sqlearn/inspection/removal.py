"""The score of a model as rows go, one after another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import check_scoring

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown
from sqlearn.inspection.ranking import Suspects, suspects
from sqlearn.inspection.responses import looking
from sqlearn.inspection.rows import ORDER, Rows, check_model


@dataclass(frozen=True, eq=False)
class RemovalCurve:
    """What :func:`removal_curve` found.

    Attributes
    ----------
    removed : int64 ndarray of shape (n_steps,)
        How many rows were forgotten, ascending.
    score : float64 ndarray of shape (n_steps,)
        The score of the model without them; NaN where the rows left determine no model, and where the last row of a
        class has gone and `scoring` cannot judge a model without it, as "neg_log_loss" cannot.
    order : int64 ndarray of shape (n_rows,)
        Positions of the rows in the order in which they went.
    """

    removed: np.ndarray
    score: np.ndarray
    order: np.ndarray


def removal_curve(
    model: ExactEstimator,
    X: Any,
    y: Any,
    X_test: Any,
    y_test: Any,
    *,
    order: ArrayLike | None = None,
    steps: int | ArrayLike = 11,
    scoring: str | Callable[..., Any] | None = None,
    sample_weight: ArrayLike | None = None,
    progress: Callable[[int], object] | None = None,
) -> RemovalCurve:
    """Forget rows one after another, the worst first, and score the model on the way.

    Parameters
    ----------
    model : estimator
        A fitted model of this package that holds the rows `X`; it is not changed.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        Rows that may go.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Their labels or targets as they were learned; None for models that take none.
    X_test, y_test : array-like
        Rows to score the model on, with their labels or targets.
    order : array-like of int, default=None
        Positions of rows in `X`, in the order in which they go, each once; not all need to be there. By default that of
        :func:`suspects`.
    steps : int or array-like of int, default=11
        After how many rows to score: so many numbers from 0 to half of the rows in `order`, or these numbers.
    scoring : str or callable, default=None
        What is computed, as in scikit-learn; by default the model's ``score``.
    sample_weight : float or array-like of shape (n_rows,), default=None
        Weights of the rows `X` as they were learned; 1 by default.
    progress : callable, default=None
        Called now and then with the number of rows forgotten since the last call; before that, if the rows are still to
        be ranked, with the number of those ranked. What it raises ends the work.

    Returns
    -------
    RemovalCurve
        ``removed``, ``score`` and ``order``.

    Raises
    ------
    NotLearnedError
        If a row is not held, or is given more often than it is held; before anything is computed.
    ParameterError
        If `order` or `steps` are not as described.
    SqlearnError
        Another subclass that describes the problem.

    See Also
    --------
    sqlearn.inspection.suspects : The order by default.

    Notes
    -----
    Nothing is refitted: each score is the one of a refit without the rows that have gone, to the bit, for the price of
    forgetting those between two steps. A ranking that is worth something raises the score faster than rows in random
    order do; pass those as `order` for comparison. A class may go with its last row: the model's ``score`` goes on.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sqlearn.inspection import removal_curve
    >>> X, y = load_iris(return_X_y=True)
    >>> entered = y[::2].copy()
    >>> entered[[0, 10, 30, 40, 60]] = 1, 2, 0, 0, 1                        # five wrong labels
    >>> model = LinearDiscriminantAnalysis().fit(X[::2], entered)
    >>> curve = removal_curve(model, X[::2], entered, X[1::2], y[1::2], steps=[0, 5, 10])
    >>> curve.score.round(3).tolist()
    [0.933, 0.947, 0.96]
    """
    check_model(model)
    look = looking(progress)
    scorer = check_scoring(model, scoring=scoring)
    rows = Rows(X, y, sample_weight)
    given = None if order is None else _checked_order(order, len(rows))
    removed = _checked_steps(steps, len(rows) if given is None else len(given))
    copied = rows.held_by(model, ORDER)
    asked = (X_test,) if y_test is None else (X_test, y_test)
    whole = float(scorer(model, *asked))  # refuses what cannot be scored before anything is ranked
    if given is None and len(rows) == 1:  # one order alone, and often no model without the row to rank it by
        given = np.zeros(1, np.int64)
    elif given is None:
        given = suspects(model, X, y, sample_weight=sample_weight, progress=progress).order
    n_classes = len(getattr(model, "classes_", ()))
    scores, done = [], 0
    for step in removed.tolist():
        if step > done:
            copied.forget(**rows.given(given[done:step]))
            look(step - done)
            done = step
        scores.append(_score(scorer, copied, asked, n_classes) if step else whole)
    return RemovalCurve(removed, np.array(scores), given)


def _score(scorer: Callable[..., Any], model: ExactEstimator, asked: tuple[Any, ...], n_classes: int) -> float:
    try:
        return float(scorer(model, *asked))
    except UndefinedAttributeError:
        return np.nan
    except ValueError:
        if len(getattr(model, "classes_", ())) < n_classes:  # this scorer judges no model without one of the classes
            return np.nan
        raise


def _checked_order(order: Any, n: int) -> np.ndarray:
    """Places of rows, each once, as int64."""
    if isinstance(order, Suspects):
        raise ParameterError(
            "order is what suspects returned. Nothing was computed: pass its attribute order, suspects(model, X, "
            "y).order.",
        )
    given = np.asarray(order)
    if given.ndim != 1 or not len(given) or given.dtype.kind not in "iu":
        raise ParameterError(
            f"order is {shown(order)}, which is no list of whole numbers. Nothing was computed: pass positions of rows "
            "in X, such as suspects(model, X, y).order.",
            value=order,
        )
    unfit = given[(given < 0) | (given >= n)]
    if len(unfit):
        raise ParameterError(
            f"order has {unfit[0]}, and X has {n:,} rows. Nothing was computed: pass positions from 0 to {n - 1}.",
            value=int(unfit[0]),
        )
    values, counts = np.unique(given, return_counts=True)
    if len(values) < len(given):
        twice = int(values[counts > 1][0])
        raise ParameterError(
            f"order has {twice} more than once. Nothing was computed: a row goes once.",
            value=twice,
        )
    return given.astype(np.int64)


def _checked_steps(steps: Any, n: int) -> np.ndarray:
    """Numbers of rows from 0 to `n`, ascending, as int64."""
    if isinstance(steps, int | np.integer) and not isinstance(steps, bool) and steps > 0:
        return np.unique(np.linspace(0, n // 2, int(steps)).round().astype(np.int64))
    given = np.asarray(steps)
    if given.ndim != 1 or not len(given) or given.dtype.kind not in "iu" or given.min() < 0 or given.max() > n:
        raise ParameterError(
            f"steps is {shown(steps)}. Nothing was computed: pass how many steps there are, or numbers of rows from 0 "
            f"to {n:,}.",
            value=steps,
        )
    return np.unique(given).astype(np.int64)
