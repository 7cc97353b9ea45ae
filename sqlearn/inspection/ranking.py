"""Rows that the model of all others explains badly: wrong labels come first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier

from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import ParameterError, shown
from sqlearn.inspection.leaving_out import leave_one_out
from sqlearn.inspection.measures import LOSSES, MARGINS, Measure
from sqlearn.inspection.responses import Response, one_array
from sqlearn.inspection.rows import Rows, check_model

_SHOWN = 10  # rows in a repr


@dataclass(frozen=True, eq=False, repr=False)
class Suspects:
    """What :func:`suspects` found; printed, it shows the first rows.

    Attributes
    ----------
    order : int64 ndarray of shape (n_rows,)
        Positions of the rows, the most suspect first; of equal scores the first row first.
    score : float64 ndarray of shape (n_rows,)
        Row by row, by how much the model without the row misses its label or target.
    label : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Row by row, the label or value that the model without the row predicts.
    given : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Row by row, the label or target that the row has.
    """

    order: np.ndarray
    score: np.ndarray
    label: np.ndarray
    given: np.ndarray

    def __len__(self) -> int:
        return len(self.order)

    def __repr__(self) -> str:
        first = self.order[:_SHOWN].tolist()
        cells = [("row", "score", "given", "label")]
        cells += [(f"{i}", f"{self.score[i]:.4g}", _cell(self.given[i]), _cell(self.label[i])) for i in first]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([f"{len(self):,} rows, the most suspect first", *lines, *["..."][: len(self) > _SHOWN]])

    def to_frame(self) -> Any:
        """Return a pandas frame of all rows, the most suspect first, whose index has their positions.

        Returns
        -------
        pandas.DataFrame
            With the columns score, given and label; of several targets, given_0, given_1 and so on.

        Raises
        ------
        ImportError
            Without pandas.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
        >>> from sqlearn.inspection import suspects
        >>> X, y = load_iris(return_X_y=True)
        >>> y[[7, 120]] = 2, 0
        >>> suspects(LinearDiscriminantAnalysis().fit(X, y), X, y).to_frame().head(2).round(1)
             score  given  label
        120   35.4      0      2
        7     32.5      2      0
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "to_frame makes a pandas frame, and pandas is not installed: pip install pandas."
            ) from error
        columns: dict[str, Any] = {"score": self.score}
        for name, values in (("given", self.given), ("label", self.label)):
            several = np.ndim(values) > 1
            columns |= {f"{name}_{j}": values[:, j] for j in range(values.shape[1])} if several else {name: values}
        return pd.DataFrame(columns).iloc[self.order]


def _cell(value: Any) -> str:
    """A label or target in a table: numbers with few digits."""
    if np.ndim(value):
        return "(" + ", ".join(map(_cell, value)) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def suspects(
    model: ExactEstimator,
    X: Any,
    y: Any,
    *,
    sample_weight: ArrayLike | None = None,
    progress: Callable[[int], object] | None = None,
) -> Suspects:
    """Rank rows by how badly the model that never saw them explains their label, and say what it would give them.

    Parameters
    ----------
    model : estimator
        A fitted classifier or regressor of this package that holds these rows; it is not changed.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        Rows to rank: all that the model holds, or some.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Their labels or targets as they were learned.
    sample_weight : float or array-like of shape (n_rows,), default=None
        Their weights as they were learned; 1 by default. They do not count in the scores.
    progress : callable, default=None
        Called now and then with the number of rows done since the last call. What it raises ends the work.

    Returns
    -------
    Suspects
        ``order``: positions of the rows, worst first; ``score`` and ``label``: row by row.

    Raises
    ------
    NotLearnedError
        If a row is not held, or is given more often than it is held; before anything is computed.
    UndefinedAttributeError
        If the model is undefined without one of the rows; ``row`` is the first such row.
    UnsupportedError
        If `model` is not of this package, or neither classifies nor predicts values.
    SqlearnError
        Another subclass that describes the problem.

    See Also
    --------
    leave_one_out : All answers of the models without a row.
    find_mislabeled : Positions of the rows whose score stands out.

    Notes
    -----
    The score is the mean of two margins: by how much the model that never saw the row misses its label, and by how much
    the model that learned it does.

    - Of classifiers, a margin is by how much the best other class beats the row's own: in logarithms of probabilities
      (naive Bayes), else in the ``decision_function`` (of two classes, its absolute value counts), else in
      probabilities. It is positive where another label is given. The first two do not saturate: where probabilities
      round to 0 and 1, as those of naive Bayes do, many rows would tie.
    - Of regressors it is the absolute error; of several targets, the root of the sum of the squared errors, each
      divided by its root mean square over these rows.

    The only row of a class has an infinite score.

    The model without a row misses it the more, the more unusual its features are, whether its label is right or not:
    for least squares by e / (1 - h), where e is the error of the model with it and h the leverage. The error e is too
    small for the same rows, and 0 for all rows of a model that remembers them, as nearest neighbours do. The mean of
    both is the studentized residual to first order in h. Both models are asked about each row alone, so that a score
    does not depend on the other rows of `X`, but for the scales of several targets, nor on their order. On the data of
    docs/suspects.md it found at least as many flipped labels as the margins without the row alone, with each learner.

    The same with probabilities of cross-validation in the place of those without the row is what confident learning
    ranks by (Northcutt, Jiang, Chuang, 2021, "Confident Learning", section 3.2): there a row is predicted by a model
    without a whole fold, here by the model without that row alone.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sqlearn.inspection import suspects
    >>> X, y = load_iris(return_X_y=True)
    >>> y[[7, 120]] = 2, 0
    >>> found = suspects(LinearDiscriminantAnalysis().fit(X, y), X, y)
    >>> found.order[:2], found.label[[7, 120]]
    (array([120,   7]), array([0, 2]))
    """
    measure, table, whole, truth = _answers(model, X, y, MARGINS, sample_weight, progress)
    score = 0.5 * (measure.margin(table, truth) + measure.margin(whole, truth))
    given = truth if measure.classes is None else measure.classes[truth]
    return Suspects(np.argsort(-score, kind="stable"), score, measure.best(table), given)


def self_influence(
    model: ExactEstimator,
    X: Any,
    y: Any,
    *,
    sample_weight: ArrayLike | None = None,
    progress: Callable[[int], object] | None = None,
) -> np.ndarray:
    """Say how much each row that was learned lowers its own loss.

    Parameters
    ----------
    model : estimator
        A fitted classifier or regressor of this package that holds these rows; it is not changed.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        Rows: all that the model holds, or some.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Their labels or targets as they were learned.
    sample_weight : float or array-like of shape (n_rows,), default=None
        Their weights as they were learned; 1 by default.
    progress : callable, default=None
        Called now and then with the number of rows done since the last call. What it raises ends the work.

    Returns
    -------
    float64 ndarray of shape (n_rows,)
        The row's loss by the model that never saw it, less its loss by the model; see :func:`influence` for both.

    Raises
    ------
    SqlearnError
        As :func:`suspects`.

    See Also
    --------
    suspects : Finds more of the labels that are wrong.
    influence : What each row does to others.

    Notes
    -----
    This is the diagonal of ``influence(model, X, y, X, y)``, with name and sign as in the package pyinfluence, for the
    price of one forget per row. It is high for rows that only a model which learned them explains. Each row is asked
    about alone, so that its number does not depend on the others of `X` nor on their order; `influence` asks about all
    test rows at once, which can change the last bits.

    Examples
    --------
    >>> from sqlearn.inspection import self_influence
    >>> from sqlearn.linear_model import LinearRegression
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [1.0, 2.0, 3.0, 9.0]
    >>> self_influence(LinearRegression().fit(X, y), X, y).round(2).tolist()
    [5.06, 0.13, 2.08, 11.38]
    """
    measure, table, whole, truth = _answers(model, X, y, LOSSES, sample_weight, progress)
    found: np.ndarray = measure.loss(table, truth) - measure.loss(whole, truth)
    return found


def find_mislabeled(
    model: ExactEstimator,
    X: Any,
    y: Any,
    *,
    threshold: float | Literal["auto"] = "auto",
    filter_by: Literal["self_influence", "predicted_neq_given"] = "self_influence",
    sample_weight: ArrayLike | None = None,
    progress: Callable[[int], object] | None = None,
) -> np.ndarray:
    """Find the rows that are likely to have a wrong label.

    Parameters
    ----------
    model : estimator
        A fitted classifier or regressor of this package that holds these rows; it is not changed.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        Rows: all that the model holds, or some.
    y : array-like of shape (n_rows,) or (n_rows, n_targets)
        Their labels or targets as they were learned.
    threshold : float or "auto", default="auto"
        By how many standard deviations the absolute value of a row's :func:`self_influence` exceeds their mean over
        these rows; "auto" is 2. Used by ``filter_by="self_influence"`` alone.
    filter_by : {"self_influence", "predicted_neq_given"}, default="self_influence"
        Which rows are returned: those beyond `threshold`, as by the function of this name in the package pyinfluence;
        or those to which the classifier that never saw them gives another label, which is what cleanlab means by this
        word.
    sample_weight : float or array-like of shape (n_rows,), default=None
        Their weights as they were learned; 1 by default.
    progress : callable, default=None
        Called now and then with the number of rows done since the last call. What it raises ends the work.

    Returns
    -------
    int64 ndarray of shape (n_found,)
        Positions of the rows, the worst first: by their self-influence, or by the score of :func:`suspects`.

    Raises
    ------
    ParameterError
        If `threshold` or `filter_by` are not as described.
    SqlearnError
        As :func:`suspects`.

    See Also
    --------
    suspects : Ranks all rows, for those who look at as many as they have time for.

    Notes
    -----
    cleanlab's own ``find_label_issues(labels, pred_probs)`` takes ``leave_one_out(model, X, y,
    response="predict_proba")`` for `pred_probs`, in the place of probabilities of cross-validation.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
    >>> from sqlearn.inspection import find_mislabeled
    >>> X, y = load_iris(return_X_y=True)
    >>> y[[7, 120]] = 2, 0
    >>> find_mislabeled(LinearDiscriminantAnalysis().fit(X, y), X, y, threshold=4).tolist()
    [120, 7]
    """
    check_model(model)
    if filter_by not in ("self_influence", "predicted_neq_given"):
        raise ParameterError(
            f"filter_by is {shown(filter_by)}, and must be 'self_influence' or 'predicted_neq_given'. Nothing was "
            "computed: set one of these.",
            value=filter_by,
        )
    least: Any = 2.0 if isinstance(threshold, str) and threshold == "auto" else threshold
    if not isinstance(least, int | float | np.integer | np.floating) or isinstance(least, bool) or not least > 0.0:
        raise ParameterError(
            f"threshold is {shown(threshold)}, and must be 'auto' or a number above 0. Nothing was computed: set one.",
            value=threshold,
        )
    more: dict[str, Any] = {"sample_weight": sample_weight, "progress": progress}
    if filter_by == "predicted_neq_given":
        if not is_classifier(model):
            raise ParameterError(
                f"{type(model).__name__} gives no labels, and filter_by is 'predicted_neq_given'. Nothing was "
                "computed: leave it out.",
                value=filter_by,
            )
        found = suspects(model, X, y, **more)
        return found.order[(found.label != found.given)[found.order]]
    size = np.abs(self_influence(model, X, y, **more))
    ordered = np.sort(size)  # so that sums do not depend on the order of rows
    spread = np.std(ordered)
    beyond = size - np.mean(ordered) > least * spread if spread > 0.0 else np.zeros(len(size), bool)
    return np.flatnonzero(beyond)[np.argsort(-size[beyond], kind="stable")]


def _answers(
    model: Any, X: Any, y: Any, methods: tuple[str, ...], sample_weight: ArrayLike | None, progress: Any
) -> tuple[Measure, np.ndarray, np.ndarray, np.ndarray]:
    """A measure, tables of what models without each row and the whole model answer to it, and labels or targets."""
    check_model(model)
    measure, rows = Measure(model, methods), Rows(X)
    truth = measure.truth(y, len(rows), "y")
    found = leave_one_out(model, X, y, response=measure.response, sample_weight=sample_weight, progress=progress)
    asked = Response(model, measure.response, rows)
    # row by row, too: products of many rows at once have other last bits, which depend on their number and order
    whole = one_array([asked.of(model, i) for i in range(len(rows))])
    return measure, measure.of_each(found, truth), measure.of_each(whole, truth), truth
