"""The nearest centroid, from moments or medians of each class."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn import neighbors as peers
from sklearn.utils.metaestimators import available_if

from sqlearn.discriminant_analysis import normalized_priors
from sqlearn.engine.model import Decides, PredictsProbabilities, UnweightedClassifier
from sqlearn.engine.ordered import OrderedMoments, OrderView
from sqlearn.engine.readout import label_array, moments_of, weights_of
from sqlearn.engine.sums import Moments
from sqlearn.errors import DegenerateError


class NearestCentroid(UnweightedClassifier, peers.NearestCentroid):
    """Nearest (shrunken) centroid classifier.

    Parameters
    ----------
    metric : {"euclidean", "manhattan"}, default="euclidean"
        Centroids are means, or medians for "manhattan": then the state has an ordered multiset of each feature's
        values in each class beside the moments (docs/order_statistics.md).
    shrink_threshold : float, default=None
        Threshold below which deviations of centroids from the overall one are shrunk away.
    priors : {"uniform", "empirical"} or array-like of shape (n_classes,), default="uniform"
        Class priors.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    centroids_ : float64[n_classes, d]
        Centroid of each class, shrunk when asked for.
    classes_ : array[n_classes]
        Classes of the records held.
    class_prior_ : float64[n_classes]
        Class priors.
    deviations_ : float64[n_classes, d]
        Deviations of the centroids from the overall one, in units of their standard error.
    within_class_std_dev_ : float64[d]
        Pooled standard deviation within classes.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Differences of means and sums of squares are formed exactly before they are rounded. Where a feature varies in no
    class, a centroid that does not deviate has the deviation 0, and with one row a class the deviation within is 0
    (scikit-learn: NaN for both). What its ``fit`` refuses (one class, no variance) is a legal state after forgetting.

    References
    ----------
    Tibshirani, Hastie, Narasimhan, Chu (2002), "Diagnosis of multiple cancer types by shrunken centroids of gene
    expression".

    Examples
    --------
    >>> from sqlearn.neighbors import NearestCentroid
    >>> model = NearestCentroid().fit([[0.0], [2.0], [1e12], [7.0]], [0, 0, 0, 1])
    >>> model.forget([1e12], 0).centroids_
    array([[1.],
           [7.]])
    """

    _sklearn_class = peers.NearestCentroid
    _statistic: type[Moments | OrderedMoments] = Moments

    def __init__(
        self,
        metric: str = "euclidean",
        *,
        shrink_threshold: float | None = None,
        priors: str | ArrayLike = "uniform",
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.metric = metric
        self.shrink_threshold = shrink_threshold
        self.priors = priors
        self.ledger = ledger
        self.key = key

    _if_euclidean = available_if(lambda self: self.metric == "euclidean")  # as scikit-learn's
    decision_function = _if_euclidean(Decides.decision_function)
    predict_proba = _if_euclidean(PredictsProbabilities.predict_proba)
    predict_log_proba = _if_euclidean(PredictsProbabilities.predict_log_proba)

    def _new_statistic(self, params, n_features, n_targets):
        kind = OrderedMoments if params["metric"] == "manhattan" else Moments
        return kind(n_features, n_targets)

    def _check_fit(self, batch):
        if len(batch.labels) < 2:
            raise DegenerateError(
                f"The number of classes has to be greater than one; got {len(batch.labels)} class. Nothing was "
                "changed: pass rows of two classes, or learn these by partial_fit."
            )
        _refuse_constant((batch.x.min(axis=0) != batch.x.max(axis=0)).sum())  # sparse arrays have no any()
        _priors(self.priors, np.bincount(batch.label_codes), warn=True)

    def _check_fit_of(self, state):
        super()._check_fit_of(state)
        statistic = state.statistic.moments if isinstance(state.statistic, OrderedMoments) else state.statistic
        _refuse_constant(moments_of(statistic, None).varies().any())

    def _read_out(self, state):
        slots, statistic, medians = state.class_slots(), state.statistic, None
        if isinstance(state.statistic, OrderedMoments):
            statistic = state.statistic.moments
            medians = np.array([OrderView(state.statistic.order, slot).medians() for slot in slots])
        moments = moments_of(statistic, slots)
        counts = weights_of(statistic, slots)[:, None]
        n, threshold = counts.sum(), state.params["shrink_threshold"]
        means, shifts, variances = moments.mean(), moments.deviation(), moments.variance()
        if medians is not None:
            variances = variances + (means - medians) ** 2  # about the median
            means, shifts = medians, medians - moments_of(statistic, None).mean()
        with np.errstate(divide="ignore", invalid="ignore"):  # degenerate states have no spread
            within = np.sqrt((counts * variances).sum(axis=0) / max(n - len(counts), 1))
            errors = np.sqrt(1 / counts - 1 / n) * (within + np.median(within))
            if threshold:
                shrunk = np.sign(shifts) * np.maximum(np.abs(shifts) - threshold * errors, 0.0)
                means = np.where(shrunk == shifts, means, moments_of(statistic, None).mean() + shrunk)
                shifts = shrunk
            deviations = np.where(shifts == 0, 0.0, shifts / errors)
        return {
            "classes_": label_array(state),
            "class_prior_": _priors(state.params["priors"], counts[:, 0]),
            "centroids_": means,
            "within_class_std_dev_": within,
            "deviations_": deviations,
        }


def _refuse_constant(varies) -> None:
    if not varies:
        raise DegenerateError(
            "All features have zero variance. Division by zero. Nothing was changed: pass rows that differ, or "
            "learn these by partial_fit."
        )


def _priors(priors, counts: np.ndarray, warn: bool = False) -> np.ndarray:
    """Class priors from scikit-learn's forms of them."""
    if isinstance(priors, str):
        priors = None if priors == "empirical" else np.full(len(counts), 1 / len(counts))
    return normalized_priors(priors, counts, warn)
