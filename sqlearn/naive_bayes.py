"""Naive Bayes classifiers that forget."""

import warnings
from typing import Any

import numpy as np
from sklearn import naive_bayes as peers

from sqlearn.engine.model import WeightedClassifier, check_features, levels_of, refuse_negative
from sqlearn.engine.readout import categories_of, label_array, moments_of, others_of, sums_of, weights_of
from sqlearn.engine.sums import Categories, Mixed, Moments, Sums, ThresholdCounts
from sqlearn.engine.tables import TableBayes, categorical_columns, check_table, split
from sqlearn.errors import InvalidValueError, ParameterError, UndefinedAttributeError

__all__ = ["BernoulliNB", "CategoricalNB", "ComplementNB", "GaussianNB", "MixedNB", "MultinomialNB"]

_MOST_CELLS = 1 << 27  # of CategoricalNB's dense tables: 1 GB of float64


class GaussianNB(WeightedClassifier, peers.GaussianNB):
    """Naive Bayes with a normal distribution of each feature in each class.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), default=None
        Prior probabilities of the classes; by default their shares of the weight.
    var_smoothing : float, default=1e-9
        Share of the largest variance of all features that is added to every variance.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only what was learned can be forgotten.
    key : str or bytes, default=None
        Key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the records held, sorted.
    class_count_ : float64 ndarray of shape (n_classes,)
        Weight of each class.
    class_prior_ : float64 ndarray of shape (n_classes,)
        Probability of each class.
    theta_, var_ : float64 ndarray of shape (n_classes, n_features_in_)
        Mean and variance of each feature in each class.
    epsilon_ : float
        What was added to the variances.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when a frame with string names was learned first.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is the exact weight, sum and sum of squares of each feature in each class: a function of the multiset of
    records, so that forgetting leaves the bytes of a refit. Means and variances are rounded once, after centring. The
    smoothing is a share of the weighted variance of all records held, where scikit-learn's takes no notice of weights,
    and its ``partial_fit`` takes the last batch's: a row of weight 2 is two rows here.
    ``partial_fit`` and ``forget`` need no ``classes``.

    Examples
    --------
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> model = GaussianNB().fit([[1.0], [3.0], [1e12], [8.0]], [0, 0, 0, 1])
    >>> model.forget([1e12], 0).theta_
    array([[2.],
           [8.]])
    """

    _peer = peers.GaussianNB
    _statistic = Moments

    def __init__(self, *, priors=None, var_smoothing=1e-9, ledger=True, key=None):
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.ledger = ledger
        self.key = key

    def _check_fit(self, batch):
        class_prior(self.priors, np.ones(len(batch.labels)))

    def _read_out(self, state):
        moments = moments_of(state.statistic, state.class_slots())
        epsilon = state.params["var_smoothing"] * moments_of(state.statistic, None).variance().max()
        counts = weights_of(state.statistic, state.class_slots())
        return {
            "classes_": label_array(state),
            "class_count_": counts,
            "class_prior_": class_prior(state.params["priors"], counts),
            "theta_": moments.mean(),
            "var_": moments.variance() + epsilon,
            "epsilon_": epsilon,
        }


def class_prior(priors, counts: np.ndarray) -> np.ndarray:
    """The priors given, checked as scikit-learn checks them, or the classes' shares."""
    if priors is None:
        return counts / counts.sum()
    priors = np.asarray(priors, np.float64)
    if len(priors) != len(counts):
        raise UndefinedAttributeError(
            f"Number of priors must match number of classes: {len(priors)}, but {len(counts)} are held.",
            reason="priors",
        )
    if not np.isclose(priors.sum(), 1.0):
        raise ParameterError("The sum of the priors should be 1. Divide them by their sum.")
    if (priors < 0).any():
        raise ParameterError("Priors must be non-negative. They are the probabilities of the classes.")
    return priors


class _CountingNB(WeightedClassifier):
    """What is common to the learners that count: exact counts, of which scikit-learn's own code makes probabilities."""

    def __init__(self, *, alpha=1.0, force_alpha=True, fit_prior=True, class_prior=None, ledger=True, key=None):
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.ledger = ledger
        self.key = key

    def _check_fit(self, batch):
        classes = np.unique(batch.label_codes[batch.weights > 0])
        reader = self._started_reader(self.get_params(deep=False), batch.x.shape[1], classes, np.ones(len(classes)))
        reader._check_alpha()
        reader._update_class_log_prior(reader.class_prior)

    def _started_reader(self, params, n_features, classes, counts):
        reader: Any = object.__new__(self._peer)
        reader.__dict__.update(params, n_features_in_=n_features, classes_=classes, class_count_=counts)
        if reader.class_prior is not None:
            reader.class_prior = np.asarray(reader.class_prior, np.float64)
        return reader

    def _counts(self, state) -> dict:
        """The twin's attributes that ``_update_feature_log_prob`` reads."""
        return {"feature_count_": sums_of(state.statistic, state.class_slots())}

    def _read_out(self, state):
        weights = weights_of(state.statistic, state.class_slots())
        reader = self._started_reader(state.params, state.n_features_in_, label_array(state), weights)
        reader.__dict__.update(self._counts(state))
        try:
            with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
                warnings.simplefilter("ignore")  # fit has warned of an alpha that is too small
                reader._update_feature_log_prob(reader._check_alpha())
                reader._update_class_log_prior(reader.class_prior)
        except ValueError as error:
            raise UndefinedAttributeError(f"{error} Learn or forget rows until they fit.", reason="priors") from error
        return {name: value for name, value in vars(reader).items() if name.endswith("_")}


class _NonNegativeNB(_CountingNB):
    """Those of them that sum features as they are, which may not be negative."""

    _statistic = Sums
    _sparse_form = True

    def _features(self, probe, X, reset):
        x, codes, levels = super()._features(probe, X, reset)
        refuse_negative(x, type(self).__name__, "GaussianNB")
        return x, codes, levels


class MultinomialNB(_NonNegativeNB, peers.MultinomialNB):
    """Naive Bayes for counts: words in documents, or their tf-idf values.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        Additive (Laplace) smoothing.
    force_alpha : bool, default=True
        Whether to take an alpha below 1e-10 as it is.
    fit_prior : bool, default=True
        Whether the classes' shares are their prior probabilities; otherwise all are alike.
    class_prior : array-like of shape (n_classes,), default=None
        Prior probabilities, if given.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only what was learned can be forgotten.
    key : str or bytes, default=None
        Key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the records held, sorted.
    class_count_, class_log_prior_ : float64 ndarray of shape (n_classes,)
        Weight of each class, and the logarithm of its probability.
    feature_count_ : float64 ndarray of shape (n_classes, n_features_in_)
        Weighted sum of each feature in each class, rounded once.
    feature_log_prob_ : float64 ndarray of shape (n_classes, n_features_in_)
        Logarithm of each feature's probability in each class.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when a frame with string names was learned first.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is the exact weighted sum of each feature in each class, tf-idf values and float weights included: a
    function of the multiset of records, so that forgetting leaves the bytes of a refit. Records are CSR rows inside,
    whatever they came as; learning and forgetting take time in proportion to their non-zeros. The smoothing is
    scikit-learn's own code.

    Examples
    --------
    >>> from sqlearn.naive_bayes import MultinomialNB
    >>> model = MultinomialNB().fit([[2, 0, 1], [0, 3, 0], [0, 9, 9]], ["ham", "spam", "ham"])
    >>> model.forget([0, 9, 9], "ham").feature_count_
    array([[2., 0., 1.],
           [0., 3., 0.]])
    """

    _peer = peers.MultinomialNB


class ComplementNB(_NonNegativeNB, peers.ComplementNB):
    """Naive Bayes for counts that learns each class from what is not in it; for classes of uneven size.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        Additive (Laplace) smoothing.
    force_alpha : bool, default=True
        Whether to take an alpha below 1e-10 as it is.
    fit_prior : bool, default=True
        Whether the classes' shares are their prior probabilities; otherwise all are alike.
    class_prior : array-like of shape (n_classes,), default=None
        Prior probabilities, if given.
    norm : bool, default=False
        Whether to divide each class's weights by their sum.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only what was learned can be forgotten.
    key : str or bytes, default=None
        Key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the records held, sorted.
    class_count_, class_log_prior_ : float64 ndarray of shape (n_classes,)
        Weight of each class, and the logarithm of its probability.
    feature_count_ : float64 ndarray of shape (n_classes, n_features_in_)
        Weighted sum of each feature in each class, rounded once.
    feature_all_ : float64 ndarray of shape (n_features_in_,)
        Weighted sum of each feature, rounded once.
    feature_log_prob_ : float64 ndarray of shape (n_classes, n_features_in_)
        Weights of the features.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when a frame with string names was learned first.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is that of :class:`MultinomialNB`. What is not in a class is summed exactly, where scikit-learn subtracts
    rounded sums.

    Examples
    --------
    >>> from sqlearn.naive_bayes import ComplementNB
    >>> model = ComplementNB().fit([[2, 0, 1], [0, 3, 0], [0, 9, 9]], ["ham", "spam", "ham"])
    >>> model.forget([0, 9, 9], "ham").predict([[0, 1, 0]])
    array(['spam'], dtype='<U4')
    """

    _peer = peers.ComplementNB

    def __init__(
        self, *, alpha=1.0, force_alpha=True, fit_prior=True, class_prior=None, norm=False, ledger=True, key=None
    ):  # fmt: skip
        super().__init__(
            alpha=alpha, force_alpha=force_alpha, fit_prior=fit_prior, class_prior=class_prior, ledger=ledger, key=key
        )  # fmt: skip
        self.norm = norm

    def _counts(self, state):
        # the twin reads ``feature_all_ + alpha - feature_count_``: this way the difference is exact
        return {"feature_all_": others_of(state.statistic, state.class_slots()), "feature_count_": 0.0}

    def _read_out(self, state):
        sums, total = (sums_of(state.statistic, rows) for rows in (state.class_slots(), None))
        return super()._read_out(state) | {"feature_count_": sums, "feature_all_": total[0]}


class BernoulliNB(_CountingNB, peers.BernoulliNB):
    """Naive Bayes for features that are there or not.

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
    binarize : float or None, default=0.0
        Features above it are there; None takes features that are 0 and 1 already.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only what was learned can be forgotten.
    key : str or bytes, default=None
        Key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels of the records held, sorted.
    class_count_, class_log_prior_ : float64 ndarray of shape (n_classes,)
        Weight of each class, and the logarithm of its probability.
    feature_count_ : float64 ndarray of shape (n_classes, n_features_in_)
        Weight of the records of each class in which each feature is there.
    feature_log_prob_ : float64 ndarray of shape (n_classes, n_features_in_)
        Logarithm of each feature's probability in each class.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when a frame with string names was learned first.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is the exact weight of each feature in each class. A record is the row as it was given: another row that
    is the same above and below the threshold was never learned, and is not forgotten.

    Examples
    --------
    >>> from sqlearn.naive_bayes import BernoulliNB
    >>> model = BernoulliNB().fit([[2, 0, 1], [0, 3, 0], [0, 9, 9]], ["ham", "spam", "ham"])
    >>> model.forget([0, 9, 9], "ham").feature_count_
    array([[1., 0., 1.],
           [0., 1., 0.]])
    """

    _peer = peers.BernoulliNB
    _statistic = ThresholdCounts
    _sparse_form = True

    def __init__(
        self, *, alpha=1.0, force_alpha=True, binarize=0.0, fit_prior=True, class_prior=None, ledger=True, key=None
    ):  # fmt: skip
        super().__init__(
            alpha=alpha, force_alpha=force_alpha, fit_prior=fit_prior, class_prior=class_prior, ledger=ledger, key=key
        )  # fmt: skip
        self.binarize = binarize

    def _check_fit(self, batch):
        if np.ndim(self.alpha):
            raise ParameterError("BernoulliNB takes one alpha for all features. Pass a number.")
        super()._check_fit(batch)

    def _new_statistic(self, params, n_features, n_targets):
        statistic = ThresholdCounts(n_features, n_targets)
        statistic.threshold = params["binarize"]
        return statistic


class CategoricalNB(_CountingNB, peers.CategoricalNB):
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
        Whether to keep the digest of every record, so that only what was learned can be forgotten.
    key : str or bytes, default=None
        Key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

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
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when a frame with string names was learned first.
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

    _peer = peers.CategoricalNB
    _statistic = Categories

    def __init__(
        self, *, alpha=1.0, force_alpha=True, fit_prior=True, class_prior=None, min_categories=None,
        ledger=True, key=None,
    ):  # fmt: skip
        super().__init__(
            alpha=alpha, force_alpha=force_alpha, fit_prior=fit_prior, class_prior=class_prior, ledger=ledger, key=key
        )  # fmt: skip
        self.min_categories = min_categories

    def _features(self, probe, X, reset):
        x = check_features(probe, X, reset=reset, sparse_form=False)
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
        return np.empty((len(x), 0)), np.column_stack(codes), list(levels)

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
        return self._peer._validate_n_categories(np.array([highest], np.int64), min_categories)

    def _counts(self, state):
        held = categories_of(state.statistic, state.class_slots(), state.n_features_in_)
        highest = [max(levels, default=-1) for levels, _ in held]
        n_categories, n_classes = self._n_categories(highest, state.params["min_categories"]), len(state.labels())
        if n_classes * n_categories.sum() > _MOST_CELLS:
            raise UndefinedAttributeError(
                f"Tables of {n_categories.sum():,} categories and {n_classes} classes are too large for memory. "
                "Number the categories from 0 without gaps (OrdinalEncoder), or use MixedNB.", reason="too large",
            )  # fmt: skip
        tables = [np.zeros((n_classes, n)) for n in n_categories]
        for table, (levels, weights) in zip(tables, held, strict=True):
            table[:, levels] = weights
        return {"n_categories_": n_categories, "category_count_": tables}


class MixedNB(_CountingNB, TableBayes):
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
        Whether to keep the digest of every record, so that only what was learned can be forgotten.
    key : str or bytes, default=None
        Key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

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
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, when a frame with string names was learned first.
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

    _peer = TableBayes
    _statistic = Mixed

    def __init__(
        self, *, categorical_features="from_dtype", alpha=1.0, fit_prior=True, class_prior=None, var_smoothing=1e-9,
        ledger=True, key=None,
    ):  # fmt: skip
        self.categorical_features = categorical_features
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.var_smoothing = var_smoothing
        self.ledger = ledger
        self.key = key

    def _features(self, probe, X, reset):
        table = check_table(probe, X, reset=reset)
        if reset:
            probe._layout = {"is_categorical": categorical_columns(table, probe.categorical_features).tolist()}
        return split(table, np.array(probe._layout["is_categorical"]))

    def _counts(self, state):
        is_categorical = np.array(state.layout["is_categorical"])
        moments, pooled = moments_of(state.statistic, state.class_slots()), moments_of(state.statistic, None)
        held = categories_of(state.statistic.categories, state.class_slots(), sum(state.layout["is_categorical"]))
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
