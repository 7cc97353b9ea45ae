"""Univariate feature selection that forgets."""

import warnings

import numpy as np
from scipy import special
from sklearn import feature_selection as peers
from sklearn.feature_selection import chi2, f_classif

from sqlearn.engine.estimator import ExactEstimator
from sqlearn.engine.read_out import moments_of, weights_of
from sqlearn.engine.statistics import Moments, Sums
from sqlearn.engine.validation import check_features, refuse_negative
from sqlearn.errors import ParameterError

__all__ = ["SelectKBest", "chi2", "f_classif"]


class SelectKBest(ExactEstimator, peers.SelectKBest):
    """Select the features with the k highest scores.

    Parameters
    ----------
    score_func : {f_classif, chi2}, default=f_classif
        scikit-learn's function of that name (also here). Others are refused: they are no known functions of sums.
    k : int or "all", default=10
        Number of features to select.
    ledger : bool, default=True
        Whether to remember which records are held, so that forgetting others is refused.
    key : bytes or str, default=None
        Key of the records' digests; a constant by default.

    Attributes
    ----------
    scores_ : float64[d]
        Scores, NaN where undefined.
    pvalues_ : float64[d]
        p-values of the scores.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Both scores are sums over classes of ``n_k (mean_k - mean)**2``, over the variance within classes (`f_classif`) or
    over the mean (`chi2`). The differences of means are formed exactly before they are rounded, so nothing cancels.
    `chi2` keeps sums of features alone, at the cost of the non-zeros of sparse rows; `f_classif` keeps sums of squares
    as well and makes sparse rows dense block by block.

    Examples
    --------
    >>> from sqlearn.feature_selection import SelectKBest, chi2
    >>> selector = SelectKBest(chi2, k=1).fit([[3, 1], [2, 1], [0, 9], [0, 1]], [0, 0, 1, 1])
    >>> selector.get_support()
    array([False,  True])
    >>> selector.forget([0, 9], 1).get_support()
    array([ True, False])
    """

    _peer = peers.SelectKBest
    _statistic = Moments
    _target = "label"

    def __init__(self, score_func=f_classif, *, k=10, ledger=True, key=None):
        self.score_func = score_func
        self.k = k
        self.ledger = ledger
        self.key = key

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.positive_only = self.score_func is chi2
        return tags

    def _check_guarantee(self, params):
        super()._check_guarantee(params)
        if params["score_func"] not in (chi2, f_classif):
            raise ParameterError(
                f"score_func={params['score_func']!r} is not known to be a function of sums over records, so none "
                "could be forgotten exactly. Use f_classif or chi2."
            )

    def _check_fit(self, batch):
        if self.k != "all" and self.k > batch.x.shape[1]:
            message = f"k={self.k} is greater than n_features={batch.x.shape[1]}. All the features will be returned."
            warnings.warn(message, stacklevel=4)

    def _features(self, probe, X, reset):
        counts = probe.score_func is chi2
        x = check_features(probe, X, reset=reset, sparse_form=counts)
        if counts:
            refuse_negative(x, f"{type(self).__name__} with chi2", "f_classif")
        return x, np.zeros((x.shape[0], 0), np.int64), []

    def _new_statistic(self, params, n_features, n_targets):
        return (Sums if params["score_func"] is chi2 else Moments)(n_features, n_targets)

    def _read_out(self, state):
        moments = moments_of(state.statistic, state.rows())
        counts = weights_of(state.statistic, state.rows())[:, None]
        shifts = moments.deviation()
        between, within = len(counts) - 1, counts.sum() - len(counts)  # degrees of freedom
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # one class, or a feature that never varies
            if state.params["score_func"] is chi2:
                scores = (counts * shifts * (shifts / moments_of(state.statistic, None).mean())).sum(axis=0)
                chances = special.chdtrc(between, scores)
            else:
                deviations = np.sqrt((counts * moments.variance()).sum(axis=0) / within)
                scores = (counts * (shifts / deviations) ** 2).sum(axis=0) / between
                chances = special.fdtrc(between, within, scores)
        return {"scores_": scores, "pvalues_": chances}
