"""Scores and predictions of the rows left out, from one fit."""

import math
import time
import warnings
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike
from sklearn import model_selection
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring

from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.parts import FOLDS, MISSING, is_count
from sqlearn.errors import ParameterError, UnsupportedError, shown
from sqlearn.model_selection.folds import HashedKFold
from sqlearn.model_selection.left_out import LeftOut

Scoring = str | Callable[..., Any] | list[str] | tuple[str, ...] | dict[str, Any] | None
_DEFAULTS = MISSING | {"decision_function": np.finfo(float).min}


def cross_validate(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: ArrayLike | None = None,
    scoring: Scoring = None,
    cv: Any = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    params: dict[str, Any] | None = None,
    pre_dispatch: int | str = "2*n_jobs",
    return_train_score: bool = False,
    return_estimator: bool = False,
    return_indices: bool = False,
    error_score: float | str = math.nan,
) -> dict[str, Any]:
    """Score an estimator on folds that it has not learned, in folds that no deletion reshuffles.

    Parameters
    ----------
    estimator : estimator
        A learner of this package; it is not changed. Other estimators are scored by scikit-learn, on the same folds.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        Rows.
    y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
        Their labels or targets.
    groups : array-like of shape (n_rows,), default=None
        If given, rows of one group are in one fold.
    scoring : str, callable, list, tuple or dict, default=None
        What is computed, as in scikit-learn; by default the estimator's ``score``.
    cv : int, HashedKFold, splitter or iterable, default=None
        Number of hashed folds (5 for None) by the key of the estimator, if it has one, or the folds. Splitters of
        scikit-learn choose rows by position, so one row less moves others: with them, scikit-learn's function does the
        work, by refits.
    n_jobs : int, default=None
        As in scikit-learn, where it does the work; elsewhere without effect.
    verbose : int, default=0
        As in scikit-learn, where it does the work; elsewhere without effect.
    params : dict, default=None
        ``sample_weight``, or what else ``fit`` takes: arrays with an element for each row are cut by fold.
    pre_dispatch : int or str, default="2*n_jobs"
        As `n_jobs`.
    return_train_score : bool, default=False
        Whether to score the rows that were learned, too.
    return_estimator : bool, default=False
        Whether to return the model of each fold, which can forget.
    return_indices : bool, default=False
        Whether to return which rows were learned and scored.
    error_score : "raise" or number, default=nan
        The score where one cannot be computed; "raise" raises the error.

    Returns
    -------
    dict of str to ndarray or list
        ``test_score`` (or ``test_NAME`` for several), ``fit_time``, ``score_time``, and what else was asked for.

    Raises
    ------
    SqlearnError
        A subclass that describes the problem.

    See Also
    --------
    cross_val_score : The scores alone.
    HashedKFold : The folds.

    Notes
    -----
    A learner of sums is fitted once, and each fold is scored with its rows set aside by ``without``: that is a refit's
    model, to the bit. Learners that keep their records are refitted for each fold, which is faster for most of them and
    gives the same bits. ``fit_time`` is what the model without the fold took.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.model_selection import cross_validate
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> found = cross_validate(GaussianNB(), *load_iris(return_X_y=True), scoring=["accuracy", "neg_log_loss"])
    >>> found["test_accuracy"].round(2).tolist()
    [1.0, 1.0, 0.93, 0.91, 0.97]
    """
    splits = _hashed(estimator, X, y, groups, cv)
    if splits is None:
        return model_selection.cross_validate(
            estimator, X, y, groups=groups, scoring=scoring, cv=_folds_for(estimator, cv), n_jobs=n_jobs,
            verbose=verbose, params=params, pre_dispatch=pre_dispatch, return_train_score=return_train_score,
            return_estimator=return_estimator, return_indices=return_indices, error_score=error_score,
        )  # fmt: skip
    _check_error_score(error_score)
    scorer = check_scoring(estimator, scoring=scoring, raise_exc=error_score == "raise")
    found: dict[str, list[Any]] = {"fit_time": [], "score_time": []}
    failed: list[Exception] = []
    for left_out in LeftOut(estimator, X, y, params, splits).models(error_score, failed):
        started = time.perf_counter()
        scores = left_out.scores(scorer, left_out.test, error_score)
        found["fit_time"].append(left_out.seconds)
        found["score_time"].append(time.perf_counter() - started)
        trained = left_out.scores(scorer, left_out.train, error_score) if return_train_score else {}
        for which, values in (("test", scores), ("train", trained)):
            for name, value in values.items():
                found.setdefault(f"{which}_{name}", []).append(value)
        if return_estimator:
            found.setdefault("estimator", []).append(left_out.taken())
    _warn_of_failures(failed, len(splits), error_score)
    arrays: dict[str, Any] = {name: v if name == "estimator" else np.array(v) for name, v in found.items()}
    if return_indices:
        train, test = zip(*splits, strict=True)
        arrays["indices"] = {"train": train, "test": test}
    return arrays


def cross_val_score(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: ArrayLike | None = None,
    scoring: str | Callable[..., Any] | None = None,
    cv: Any = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    params: dict[str, Any] | None = None,
    pre_dispatch: int | str = "2*n_jobs",
    error_score: float | str = math.nan,
) -> np.ndarray:
    """Score an estimator on folds that it has not learned, in folds that no deletion reshuffles.

    Parameters
    ----------
    estimator : estimator
        A learner of this package; it is not changed. Other estimators are scored by scikit-learn, on the same folds.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        Rows.
    y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
        Their labels or targets.
    groups : array-like of shape (n_rows,), default=None
        If given, rows of one group are in one fold.
    scoring : str or callable, default=None
        What is computed, as in scikit-learn; by default the estimator's ``score``.
    cv, n_jobs, verbose, params, pre_dispatch, error_score : object
        As for :func:`cross_validate`.

    Returns
    -------
    float64 ndarray of shape (n_splits,)
        The score of each fold.

    Raises
    ------
    SqlearnError
        A subclass that describes the problem.

    See Also
    --------
    cross_validate : Several scores at once, and more about how they are computed.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sqlearn.linear_model import Ridge
    >>> from sqlearn.model_selection import cross_val_score
    >>> cross_val_score(Ridge(alpha=0.1), *load_diabetes(return_X_y=True)).round(2).tolist()
    [0.42, 0.35, 0.5, 0.59, 0.52]
    """
    if not (scoring is None or isinstance(scoring, str) or callable(scoring)):
        raise ParameterError(
            f"scoring of cross_val_score is a name or a function, not {shown(scoring)}. Nothing was computed: "
            "cross_validate takes several.",
            value=scoring,
        )
    found = cross_validate(
        estimator, X, y, groups=groups, scoring=scoring, cv=cv, n_jobs=n_jobs, verbose=verbose, params=params,
        pre_dispatch=pre_dispatch, error_score=error_score,
    )  # fmt: skip
    if "test_score" not in found:
        raise ParameterError(
            f"scoring must return a number, got {shown({n: v for n, v in found.items() if n.startswith('test_')})} "
            "instead. Nothing was returned: cross_validate takes several scores.",
        )
    scores: np.ndarray = found["test_score"]
    return scores


def cross_val_predict(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    groups: ArrayLike | None = None,
    cv: Any = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    params: dict[str, Any] | None = None,
    pre_dispatch: int | str = "2*n_jobs",
    method: str = "predict",
) -> np.ndarray:
    """Predict each row by a model that has not learned its fold.

    Parameters
    ----------
    estimator : estimator
        A learner of this package; it is not changed. For others scikit-learn predicts, on the same folds.
    X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
        Rows.
    y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
        Their labels or targets.
    groups : array-like of shape (n_rows,), default=None
        If given, rows of one group are in one fold.
    cv, n_jobs, verbose, params, pre_dispatch : object
        As for :func:`cross_validate`; each row must be in one test set.
    method : str, default="predict"
        What is computed: ``predict``, ``predict_proba``, ``predict_log_proba``, ``decision_function``, ``transform``.

    Returns
    -------
    ndarray of shape (n_rows, ...)
        What the method returns for each row. Of probabilities there is a column for each class of `y`, sorted; a class
        that a fold's model has not seen has the probability 0.

    Raises
    ------
    SqlearnError
        A subclass that describes the problem.

    See Also
    --------
    cross_validate : More about how it is computed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.model_selection import cross_val_predict
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> print(np.mean(cross_val_predict(GaussianNB(), X, y) == y).round(3))
    0.96
    """
    splits = _hashed(estimator, X, y, groups, cv)
    if splits is None:
        return model_selection.cross_val_predict(
            estimator, X, y, groups=groups, cv=_folds_for(estimator, cv), n_jobs=n_jobs, verbose=verbose, params=params,
            pre_dispatch=pre_dispatch, method=method,
        )  # fmt: skip
    if not isinstance(method, str) or not hasattr(estimator, method):
        raise UnsupportedError(
            f"{type(estimator).__name__} has no method {shown(method)}. Nothing was computed: name one that it has.",
            reason="learner",
        )
    labels = np.zeros(()) if y is None or method not in _DEFAULTS else np.asarray(y)
    classes = np.unique(labels) if labels.ndim == 1 else None
    order = np.concatenate([test for _, test in splits])
    parts: list[Any] = []
    for left_out in LeftOut(estimator, X, y, params, splits).models("raise", []):
        part = getattr(left_out.model, method)(left_out.rows(left_out.test))
        parts.append(part if classes is None else _spread(part, left_out.model.classes_, classes, method))
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    joined: Any = sp.vstack(parts, format=parts[0].format) if sp.issparse(parts[0]) else np.concatenate(parts)
    return joined[back]


def _spread(found: np.ndarray, own: np.ndarray, classes: np.ndarray, method: str) -> np.ndarray:
    """Columns of all classes from those of a model that has seen some."""
    if len(own) == len(classes):
        return found
    if method == "decision_function" and (len(own) <= 2 or found.shape[1] != len(own)):
        raise UnsupportedError(
            f"Without a fold, there are rows of {len(own)} classes of {len(classes)}, and decision_function has no "
            "column for each. Nothing was returned: ask for predict_proba, or pass more rows.",
            reason="learner",
        )
    warnings.warn(
        f"Without one of the folds, there are rows of {len(own)} classes of {len(classes)}. The others have "
        f"{_DEFAULTS[method]!r} there.",
        RuntimeWarning,
        stacklevel=3,
    )
    whole = np.full((len(found), len(classes)), _DEFAULTS[method])
    whole[:, np.searchsorted(classes, own)] = found
    return whole


def _folds_for(estimator: Any, cv: Any) -> Any:
    """Hashed folds where a number is given, by the key of a model that has one."""
    number = FOLDS if cv is None else cv
    return HashedKFold(int(number), key=getattr(estimator, "key", None)) if is_count(number) else cv


def _hashed(estimator: Any, X: Any, y: Any, groups: Any, cv: Any) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """The splits by hashed folds; None where scikit-learn's function does the work."""
    if isinstance(estimator, type):
        raise UnsupportedError(
            f"estimator is the class {estimator.__name__}. Nothing was computed: pass an instance, "
            f"{estimator.__name__}().",
            reason="learner",
        )
    if not isinstance(estimator, ExactEstimator):
        return None
    if isinstance(cv, str | bool) or not (
        cv is None or is_count(cv) or hasattr(cv, "split") or hasattr(cv, "__iter__")
    ):
        raise ParameterError(
            f"cv is {shown(cv)}, which is neither a number of folds nor a splitter. Nothing was computed: pass a "
            "number, or HashedKFold.",
            value=cv,
        )
    cv = _folds_for(estimator, cv)
    if not isinstance(cv, HashedKFold):
        return None
    return list(cv.split(X, y, groups))


def _check_error_score(error_score: Any) -> None:
    if error_score != "raise" and not isinstance(error_score, Real):
        raise ParameterError(
            f"error_score is {shown(error_score)}, and must be 'raise' or a number. Nothing was computed: set one of "
            "these.",
            value=error_score,
        )


def _warn_of_failures(failed: list[Exception], n_splits: int, error_score: Any) -> None:
    if len(failed) == n_splits:
        raise failed[0]
    if failed:
        warnings.warn(
            f"{len(failed)} of {n_splits} folds could not be scored: {failed[0]} Their scores are {error_score}.",
            FitFailedWarning,
            stacklevel=3,
        )
