"""Naive Bayes for tables of numeric and categorical columns."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.readout import categories_of, moments_of
from sqlearn.engine.sums import Mixed
from sqlearn.engine.tables import TableBayes, categorical_columns, check_table, split
from sqlearn.engine.validation import Features
from sqlearn.naive_bayes.counting import CountingNB


class MixedNB(CountingNB, TableBayes):
    """Naive Bayes for tables: numeric and categorical columns together, any value of which may be missing.

    Numeric columns have a normal distribution in each class, categorical ones a smoothed share of each category. A
    missing value (NaN, None, ``pandas.NA``) is not counted, in learning and in predicting.

    Parameters
    ----------
    categorical_features : "from_dtype", array-like of int, str or bool, or None, default="from_dtype"
        The categorical columns: by index, by name, or as a mask of all columns; None for none. ``"from_dtype"`` takes a
        frame's columns of strings, objects, categories and booleans, and no column of an array or a list.
    alpha : float, default=1.0
        Additive (Laplace) smoothing of the categories' shares.
    fit_prior : bool, default=True
        Whether the classes' shares are their prior probabilities; otherwise all are alike.
    class_prior : array-like of shape (n_classes,), default=None
        Prior probabilities, if given.
    var_smoothing : float, default=1e-9
        Share of the largest variance of all numeric columns that is added to every variance.
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
    is_categorical_ : bool ndarray of shape (n_features_in_,)
        Which columns are categorical. The others are numeric.
    present_count_ : float64 ndarray of shape (n_classes, n_features_in_)
        Weight of the records of each class in which the column is not missing.
    theta_, var_ : float64 ndarray of shape (n_classes, n_numeric)
        Mean and variance of each numeric column in each class, over the values present.
    epsilon_ : float
        What was added to the variances.
    categories_ : list of ndarray of shape (n_categories,)
        Categories of each categorical column, sorted, numbers before strings: int64 or float64 if all are numbers, else
        objects.
    category_count_, feature_log_prob_ : list of float64 ndarray of shape (n_classes, n_categories)
        Weight of each category in each class, and the logarithm of its smoothed share.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is exact: per class the weight, sum and sum of squares of each numeric column, the weight of its missing
    values, and the weight of each category. It is a function of the multiset of records and of the columns' kinds,
    which the first records fix: they are in the digest, stay until the next ``fit``, and want a column's dtype to be
    the same in a refit.

    - 1, 1.0 and True are one category, "1" is another. With its last record a category goes.
    - A category that no record holds counts as missing in ``predict``.
    - A numeric column without any value in a class takes mean and variance from all classes together, so it does not
      tell that class from the rest; without any value at all it tells nothing, and its mean and variance are NaN.
    - Where every numeric column is constant, `epsilon_` is `var_smoothing` itself.

    Examples
    --------
    >>> from sqlearn.naive_bayes import MixedNB
    >>> rows = [[22.0, "S"], [38.0, "C"], [None, "S"], [35.0, "Q"]]
    >>> model = MixedNB(categorical_features=[1]).fit(rows, [0, 1, 0, 1])
    >>> model.forget([35.0, "Q"], 1).categories_
    [array(['C', 'S'], dtype=object)]
    >>> model.predict([[30.0, None]])
    array([0])
    """

    _sklearn_class = TableBayes
    _statistic = Mixed

    def __init__(
        self,
        *,
        categorical_features: str | ArrayLike | None = "from_dtype",
        alpha: float = 1.0,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
        var_smoothing: float = 1e-9,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.categorical_features = categorical_features
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.var_smoothing = var_smoothing
        self.ledger = ledger
        self.key = key

    def _features(self, spec, X, layout):
        table, found = check_table(X, spec.learner, layout)
        if layout is None:
            chosen = categorical_columns(table, self.categorical_features)
            found = replace(found, is_categorical=tuple(chosen.tolist()))
        return Features(*split(table, np.array(found.is_categorical))), found

    def _counts(self, state):
        is_categorical = np.array(state.layout.is_categorical)
        moments, pooled = moments_of(state.statistic, state.class_slots()), moments_of(state.statistic, None)
        held = categories_of(state.statistic.categories, state.class_slots(), sum(state.layout.is_categorical))
        present = np.empty((len(state.labels()), state.n_features_in_))
        present[:, ~is_categorical] = moments.weight()
        for j, (_, weights) in zip(np.flatnonzero(is_categorical), held, strict=True):
            present[:, j] = weights.sum(axis=1)
        absent = moments.weight() == 0
        spread = pooled.variance()
        epsilon = state.params["var_smoothing"] * (np.max(spread, initial=0.0, where=~np.isnan(spread)) or 1.0)
        return {
            "is_categorical_": is_categorical,
            "present_count_": present,
            "theta_": np.where(absent, pooled.mean(), moments.mean()),
            "var_": np.where(absent, spread, moments.variance()) + epsilon,
            "epsilon_": epsilon,
            "categories_": [_category_array(levels) for levels, _ in held],
            "category_count_": [weights for _, weights in held],
        }


def _category_array(levels: list) -> np.ndarray:
    """Strings stay objects: an array of strings would drop NULs at their ends."""
    return np.array(levels, object if any(isinstance(level, str) for level in levels) else None)
