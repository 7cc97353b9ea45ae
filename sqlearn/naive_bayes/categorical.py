"""Naive Bayes with a table of categories for each column."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn import naive_bayes as peers

from sqlearn.engine.readout import categories_of
from sqlearn.engine.sklearn_private import n_categories
from sqlearn.engine.sums import Categories
from sqlearn.engine.validation import Features, levels_of
from sqlearn.errors import InvalidValueError, UndefinedAttributeError
from sqlearn.naive_bayes.counting import CountingNB

_MOST_CELLS = 1 << 27  # of CategoricalNB's dense tables: 1 GB of float64


class CategoricalNB(CountingNB, peers.CategoricalNB):
    """Naive Bayes for categories, which are numbered from 0 in each column.

    Parameters
    ----------
    alpha : float, default=1.0
        Additive (Laplace) smoothing.
    force_alpha : bool, default=True
        Whether to take an alpha below 1e-10 as it is.
    fit_prior : bool, default=True
        Whether the classes' shares are their prior probabilities; otherwise all are alike.
    class_prior : array-like of shape (n_classes,), default=None
        Prior probabilities, if given.
    min_categories : int or array-like of shape (n_features,), default=None
        Least number of categories of all columns, or of each.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the records held, sorted.
    class_count_, class_log_prior_ : float64 ndarray of shape (n_classes,)
        Weight of each class, and the logarithm of its probability.
    n_categories_ : int64 ndarray of shape (n_features_in_,)
        Number of categories of each column: the highest that is held, and one.
    category_count_ : list of float64 ndarray of shape (n_classes, n_categories_[j])
        Weight of each category of each column in each class.
    feature_log_prob_ : list of float64 ndarray of shape (n_classes, n_categories_[j])
        Logarithm of each category's probability in each class.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is the exact weight of each category in each class. With the last record of a column's highest category
    `n_categories_` shrinks, as in a refit; categories that stand in records of weight 0 alone do not count, where
    scikit-learn counts them. A category beyond those held is an `IndexError` in ``predict``, as in scikit-learn:
    `min_categories` makes room. Numbers that are no integers are refused, where scikit-learn cuts them off.

    Examples
    --------
    >>> from sqlearn.naive_bayes import CategoricalNB
    >>> model = CategoricalNB().fit([[0, 1], [1, 0], [0, 7]], ["no", "yes", "no"])
    >>> model.n_categories_
    array([2, 8])
    >>> model.forget([0, 7], "no").n_categories_
    array([2, 2])
    """

    _sklearn_class = peers.CategoricalNB
    _statistic = Categories

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        force_alpha: bool = True,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
        min_categories: int | ArrayLike | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            alpha=alpha, force_alpha=force_alpha, fit_prior=fit_prior, class_prior=class_prior, ledger=ledger, key=key
        )  # fmt: skip
        self.min_categories = min_categories

    def _features(self, spec, X, layout):
        found, layout = super()._features(spec, X, layout)
        x = found.x
        fractional = (x != np.floor(x)) | (x > 2.0**53)
        for refused, what in ((x < 0, "Negative values"), (fractional, "Values that are not integers up to 2**53")):
            at = np.argwhere(refused)
            if len(at):
                row, column = at[0].tolist()
                raise InvalidValueError(
                    f"{what} in data passed to CategoricalNB (input X): {x[row, column].item()!r} first, in row "
                    f"{row}, column {column} (counted from 0). Nothing was changed. It counts the categories 0, 1, "
                    "... in each class: number them first (OrdinalEncoder), or use MixedNB.",
                    row=row, column=column, value=x[row, column].item(), reason="not an integer",
                )  # fmt: skip
        codes, levels = zip(*map(levels_of, x.T), strict=True)
        return Features(np.empty((len(x), 0)), np.column_stack(codes), list(levels)), layout

    def _check_known(self, codes, levels):
        beyond = np.flatnonzero([max(column, default=0) for column in levels] >= self.n_categories_)
        for j in beyond.tolist():
            raise InvalidValueError(
                f"Column {j} (counted from 0) holds category {max(levels[j])}, but the model has counted categories "
                f"up to {self.n_categories_[j] - 1}. Nothing was computed: learn it first, or set `min_categories`.",
                column=j, value=max(levels[j]), reason="out of range",
            )  # fmt: skip

    def _check_fit(self, batch):
        super()._check_fit(batch)
        self._n_categories([max(levels) for levels in batch.levels], self.min_categories)

    def _n_categories(self, highest, min_categories):
        return n_categories(self._sklearn_class, np.array([highest], np.int64), min_categories)

    def _counts(self, state):
        held = categories_of(state.statistic, state.class_slots(), state.n_features_in_)
        highest = [max(levels, default=-1) for levels, _ in held]
        n_levels, n_classes = self._n_categories(highest, state.params["min_categories"]), len(state.labels())
        if n_classes * n_levels.sum() > _MOST_CELLS:
            raise UndefinedAttributeError(
                f"Tables of {n_levels.sum():,} categories and {n_classes} classes are too large for memory. "
                "Number the categories from 0 without gaps (OrdinalEncoder), or use MixedNB.", reason="too large",
            )  # fmt: skip
        tables = [np.zeros((n_classes, n)) for n in n_levels]
        for table, (levels, weights) in zip(tables, held, strict=True):
            table[:, levels] = weights
        return {"n_categories_": n_levels, "category_count_": tables}
