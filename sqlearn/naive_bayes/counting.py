"""Naive Bayes with weighted counts of features, smoothed by scikit-learn's own code."""

import warnings

import numpy as np
from numpy.typing import ArrayLike
from sklearn import naive_bayes as peers

from sqlearn.engine.model import PredictsJointProbabilities, WeightedClassifier
from sqlearn.engine.readout import label_array, others_of, sums_of, weights_of
from sqlearn.engine.sklearn_private import check_smoothing, smooth_naive_bayes
from sqlearn.engine.sums import Sums, ThresholdCounts
from sqlearn.engine.validation import is_of_input, refuse_negative
from sqlearn.errors import ParameterError, UndefinedAttributeError


class CountingNB(PredictsJointProbabilities, WeightedClassifier):
    """What is common to the learners that count: exact counts, of which scikit-learn's own code makes probabilities."""

    def __init__(
        self,
        *,
        alpha: float | ArrayLike = 1.0,
        force_alpha: bool = True,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.ledger = ledger
        self.key = key

    def _check_fit(self, batch):
        classes = np.flatnonzero(np.bincount(batch.label_codes[batch.weights > 0]))
        check_smoothing(self._unsmoothed(self.get_params(deep=False), batch.x.shape[1], classes, np.ones(len(classes))))

    def _unsmoothed(self, params, n_features, classes, counts):
        """scikit-learn's estimator, to be given counts of features and smoothed."""
        found = self._new_sklearn(params)
        vars(found).update(n_features_in_=n_features, classes_=classes, class_count_=counts)
        if found.class_prior is not None:
            found.class_prior = np.asarray(found.class_prior, np.float64)
        return found

    def _counts(self, state) -> dict:
        """The attributes that :func:`~sqlearn.engine.sklearn_private.smooth_naive_bayes` reads."""
        return {"feature_count_": sums_of(state.statistic, state.class_slots())}

    def _read_out(self, state):
        weights = weights_of(state.statistic, state.class_slots())
        found = self._unsmoothed(state.params, state.n_features_in_, label_array(state), weights)
        vars(found).update(self._counts(state))
        try:
            with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
                warnings.simplefilter("ignore")  # fit has warned of an alpha that is too small
                smooth_naive_bayes(found)
        except ValueError as error:
            if not is_of_input(error):
                raise
            raise UndefinedAttributeError(f"{error} Learn or forget rows until they fit.", reason="priors") from error
        return {name: value for name, value in vars(found).items() if name.endswith("_")}


class _NonNegativeNB(CountingNB):
    """Those of them that sum features as they are, which may not be negative."""

    _statistic = Sums
    _sparse_form = True

    def _features(self, spec, X, layout):
        features, layout = super()._features(spec, X, layout)
        refuse_negative(features.x, layout, type(self).__name__, "GaussianNB")
        return features, layout


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
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

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
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
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

    _sklearn_class = peers.MultinomialNB


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
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

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
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
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

    _sklearn_class = peers.ComplementNB

    def __init__(
        self,
        *,
        alpha: float | ArrayLike = 1.0,
        force_alpha: bool = True,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
        norm: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(
            alpha=alpha, force_alpha=force_alpha, fit_prior=fit_prior, class_prior=class_prior, ledger=ledger, key=key
        )  # fmt: skip
        self.norm = norm

    def _counts(self, state):
        # scikit-learn reads ``feature_all_ + alpha - feature_count_``: this way the difference is exact
        return {"feature_all_": others_of(state.statistic, state.class_slots()), "feature_count_": 0.0}

    def _read_out(self, state):
        sums, total = (sums_of(state.statistic, rows) for rows in (state.class_slots(), None))
        return super()._read_out(state) | {"feature_count_": sums, "feature_all_": total[0]}


class BernoulliNB(CountingNB, peers.BernoulliNB):
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
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

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
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
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

    _sklearn_class = peers.BernoulliNB
    _statistic = ThresholdCounts
    _sparse_form = True

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        force_alpha: bool = True,
        binarize: float | None = 0.0,
        fit_prior: bool = True,
        class_prior: ArrayLike | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
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
