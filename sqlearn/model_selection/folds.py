"""Folds that stay: the fold of a row is a function of the row alone."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from sklearn.model_selection import BaseCrossValidator

from sqlearn.engine.identity import MOST_FOLDS, HashKey, folds_of, hidden, key_bytes
from sqlearn.engine.model import Named
from sqlearn.engine.parts import digests_of, folds_of_groups, is_count
from sqlearn.engine.sklearn_private import num_samples
from sqlearn.errors import DegenerateError, ParameterError, ShapeError, shown


class HashedKFold(Named, BaseCrossValidator):
    """Cross-validation in folds that no deletion reshuffles.

    The fold of a row is a hash of the row and its label. So it stays where it is whatever other rows come or go, and
    the rows of a refit are in the folds in which they were. ``KFold`` cuts by position, and a row that goes moves
    others into other folds.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    key : str or bytes, default=None
        Secret key of the hashes; by default a public constant. Another key gives other folds. Printing hides it.

    See Also
    --------
    cross_val_score : Takes one, and scores from one fit.
    GridSearchCV : Chooses parameters by such folds, and forgets.

    Notes
    -----
    Equal rows with equal labels are in one fold, so no copy of a test row is trained on. int, bool, float32 and float64
    values that are equal are one value, in dense and sparse rows and in frames; names of columns do not count. The
    number of rows in a fold varies as in draws: its standard deviation is about ``sqrt(n / n_splits)``. With `groups`,
    the fold is a hash of the group alone, so a group stays together.

    Learners of this package have weighted rows too, and there the weight is a part of the record: the row may be in
    another fold than with weight 1, which is the weight that a splitter takes it for.

    A fold without a row cannot be scored: ``split`` raises `DegenerateError` then. It seldom happens with more than ten
    rows for each fold.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.model_selection import HashedKFold
    >>> X, y = np.arange(24.0).reshape(12, 2), np.arange(12) % 2
    >>> folds = HashedKFold(n_splits=2)
    >>> [test.tolist() for _, test in folds.split(X, y)]
    [[3, 7, 8, 9, 11], [0, 1, 2, 4, 5, 6, 10]]
    >>> [(test + 1).tolist() for _, test in folds.split(X[1:], y[1:])]  # without row 0
    [[3, 7, 8, 9, 11], [1, 2, 4, 5, 6, 10]]
    """

    __metadata_request__split = {"groups": True}  # noqa: RUF012  (scikit-learn's name)

    def __init__(self, n_splits: int = 5, *, key: str | bytes | None = None) -> None:
        self.n_splits = n_splits
        self.key = hidden(key)

    def __repr__(self) -> str:
        own = {} if self.key is None else {"key": self.key}
        if self.n_splits != 5:
            own["n_splits"] = self.n_splits
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in own.items())})"

    def __sklearn_clone__(self) -> Self:
        return type(self)(self.n_splits, key=self.key)

    def folds(self, X: Any, y: Any = None, groups: Any = None) -> np.ndarray:
        """Return the number of each row's fold.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
            Rows.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Their labels or targets.
        groups : array-like of shape (n_rows,), default=None
            Groups, numbers or strings: if given, rows of one group are in one fold.

        Returns
        -------
        int64 ndarray of shape (n_rows,)
            Numbers from 0 to ``n_splits - 1``.

        Raises
        ------
        ParameterError
            If `n_splits` is not a whole number of at least 2.
        InvalidValueError, ShapeError
            If `X`, `y` or `groups` are no rows.

        Examples
        --------
        >>> from sqlearn.model_selection import HashedKFold
        >>> HashedKFold(3).folds([[1.0], [4.0], [True]], [0, 0, 0.0]).tolist()
        [1, 2, 1]
        """
        n_splits, key = _checked_splits(self.n_splits), HashKey(key_bytes(self.key))
        if groups is not None:
            return folds_of_groups(groups, num_samples(X), n_splits, key)
        return folds_of(digests_of(X, y, None, key), n_splits)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Split rows into training and test sets.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or list of str of shape (n_rows, n_features)
            Rows.
        y : array-like of shape (n_rows,) or (n_rows, n_targets), default=None
            Their labels or targets.
        groups : array-like of shape (n_rows,), default=None
            Groups, numbers or strings: if given, rows of one group are in one fold.

        Yields
        ------
        train, test : int64 ndarrays
            Indices of the rows.

        Raises
        ------
        DegenerateError
            If a fold has no row.
        SqlearnError
            Another subclass that describes the problem.
        """
        if X is None:
            raise ShapeError(
                "The fold of a row is a hash of the row, and X is None. Pass the rows.",
                reason="shape",
            )
        found = self.folds(X, y, groups)
        counts = np.bincount(found, minlength=self.n_splits)
        if not counts.all():
            what = "rows" if groups is None else "groups"
            raise DegenerateError(
                f"Fold {int(np.argmin(counts))} of {self.n_splits} has none of these {len(found)} rows, so it cannot "
                f"be scored: folds are hashes, and some stay empty if there are few {what}. Set a smaller n_splits, "
                f"or pass more {what}."
            )
        for fold in range(self.n_splits):
            yield np.flatnonzero(found != fold), np.flatnonzero(found == fold)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object
            Ignored.

        Returns
        -------
        int
            ``n_splits``.
        """
        return _checked_splits(self.n_splits)


def _checked_splits(n_splits: Any) -> int:
    """A number of folds, as an int.

    Raises
    ------
    ParameterError
        When it is none.
    """
    if not is_count(n_splits) or not 2 <= n_splits <= MOST_FOLDS:
        raise ParameterError(
            f"n_splits is {shown(n_splits)}, and must be a whole number from 2 to {MOST_FOLDS:,}. Nothing was "
            "computed: set how many folds there shall be.",
            value=n_splits,
        )
    return int(n_splits)
