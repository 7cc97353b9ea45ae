"""Whether an estimator's refit is reproducible: a small member is fitted twice, and compared.

What this cannot see: draws that depend on the second or the day, which two fits in a row share; what only large members
do, such as early stopping from some number of rows on; and what depends on the process, such as the order in which a
set of strings is walked (``PYTHONHASHSEED``) or the number of threads. ``verify`` in another process finds these.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from sqlearn.engine.maps import first_difference
from sqlearn.engine.sklearn_private import num_samples, safe_indexing
from sqlearn.errors import ParameterError, listed

__all__ = ["check_reproducible"]

_ANSWERS = ("predict_proba", "decision_function", "predict")
_SEEDS = {"random_state", "random_seed", "seed"}
_THREADS = {"n_jobs", "n_threads", "nthread", "num_threads", "thread_count"}


def check_reproducible(fit: Callable[[Any, Any], Any], X: Any, y: Any, n_rows: int = 200) -> None:
    """Refuse an estimator that differs when it is fitted twice to the same rows.

    Parameters
    ----------
    fit : callable
        Returns a new member fitted to the rows and labels that it is given, seeded as members are.
    X : array-like, sparse matrix or frame of shape (n, d)
        Rows of one member.
    y : ndarray of shape (n,) or (n, k)
        Their labels or targets.
    n_rows : int, default=200
        Of how many rows the small member is; of all if `fit` refuses so few.

    Raises
    ------
    ParameterError
        Naming the estimator, the first part that differs, and the parameters to set.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    >>> tree = lambda X, y: DecisionTreeClassifier(splitter="random").fit(X, y)
    >>> check_reproducible(tree, X, y)
    Traceback (most recent call last):
        ...
    sqlearn.errors.ParameterError: DecisionTreeClassifier is not reproducible: ...
    """
    kept = _first_of_each(y, n_rows)
    some, labels = safe_indexing(X, kept), safe_indexing(y, kept)
    try:
        first = fit(some, labels)
    except Exception:  # of any kind: too few rows for it, as for folds or neighbours; with all, it raises its own
        some, labels = X, y
        first = fit(some, labels)
    second = fit(some, labels)
    where = first_difference(first, second)
    if where is None:
        asked = [name for name in _ANSWERS if hasattr(first, name)]
        answers = [{name: getattr(member, name)(some) for name in asked} for member in (first, second)]
        where = first_difference(answers[0], answers[1])
    if where is not None:
        raise ParameterError(
            f"{type(first).__name__} is not reproducible: fitted twice to the same {num_samples(some)} rows, it "
            f"differs in {where}. Nothing was changed: a member fitted again must become what it would have been. "
            f"{_advice(first)}",
            value=first,
        )


def _first_of_each(y: Any, n_rows: int) -> np.ndarray:
    """The positions of some rows, in order: the first of each label in turn, so that none is missing."""
    labels = np.asarray(y)
    if labels.ndim != 1 or len(labels) <= n_rows:
        return np.arange(min(len(labels), n_rows))
    _, label = np.unique(labels, return_inverse=True)
    by_label = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[by_label], np.arange(label.max() + 1))
    rank = np.empty(len(labels), np.intp)
    rank[by_label] = np.arange(len(labels)) - starts[label[by_label]]
    return np.sort(np.argsort(rank, kind="stable")[:n_rows])


def _advice(member: Any) -> str:
    """Which parameters to set to what."""
    params = member.get_params(deep=True) if hasattr(member, "get_params") else {}
    last = {name: name.rpartition("__")[2] for name in params}
    seeds = [name for name in params if last[name] in _SEEDS and not isinstance(params[name], int | np.integer)]
    if seeds:
        return f"Set {listed(seeds)} to an int."
    threads = [name for name in params if last[name] in _THREADS and params[name] not in (None, 1)]
    if threads:
        return f"Set {listed(threads)} to 1: threads may add up in another order each time."
    return (
        "No parameter of it sets what it draws: numpy's global random numbers, say, the time, or the order in which "
        "threads end. Give it a parameter random_state, and draw from that alone."
    )
