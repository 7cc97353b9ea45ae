"""Naive Bayes with normal distributions."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn import naive_bayes as peers

from sqlearn.engine.model import PredictsJointProbabilities, State, WeightedClassifier
from sqlearn.engine.readout import label_array, moments_of, moments_without_each, weights_of
from sqlearn.engine.sums import Block, Moments
from sqlearn.errors import ParameterError, UndefinedAttributeError


class GaussianNB(PredictsJointProbabilities, WeightedClassifier, peers.GaussianNB):
    """Naive Bayes with a normal distribution of each feature in each class.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), default=None
        Prior probabilities of the classes; by default their shares of the weight.
    var_smoothing : float, default=1e-9
        Share of the largest variance of all features that is added to every variance.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

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
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is the exact weight, sum and sum of squares of each feature in each class: a function of the multiset of
    records, so that forgetting leaves the bytes of a refit. Means and variances are rounded once, after centring. The
    smoothing is a share of the weighted variance of all records held, where scikit-learn's takes no notice of weights,
    and its ``partial_fit`` takes the last batch's: a row of weight 2 is two rows here.
    ``partial_fit`` and ``forget`` need no ``classes``.

    References
    ----------
    Y. Cao and J. Yang, "Towards making systems forget with machine unlearning", IEEE Symposium on Security and Privacy
    (2015), doi:10.1109/SP.2015.35.

    S. M. Rump, T. Ogita and S. Oishi, "Accurate floating-point summation, part I", SIAM J. Sci. Comput. 31 (2008),
    doi:10.1137/050645671.

    Examples
    --------
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> model = GaussianNB().fit([[1.0], [3.0], [1e12], [8.0]], [0, 0, 0, 1])
    >>> model.forget([1e12], 0).theta_
    array([[2.],
           [8.]])
    """

    _sklearn_class = peers.GaussianNB
    _statistic = Moments

    def __init__(
        self,
        *,
        priors: ArrayLike | None = None,
        var_smoothing: float = 1e-9,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
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

    def _read_out_without_each(self, state, block):
        classes, left = label_array(state), _Left(state, block)
        for i in range(len(block)):
            yield {
                "classes_": classes,
                "class_count_": left.counts[i],
                "class_prior_": class_prior(state.params["priors"], left.counts[i]),
                "theta_": left.means[:, i],
                "var_": left.variances[:, i],
                "epsilon_": left.epsilons[i],
            }

    def _answers_without_each(self, name, state, block, rows):
        if not name.startswith("predict"):
            return None
        return iter(getattr(_Known(label_array(state)), name)(_Left(state, block).joint(block.x)))


class _Left:
    """What is left of n records in k classes without each of some records, m in all.

    Parameters
    ----------
    state : State
        Of the records.
    block : Block
        Those to be left out, each of which is not the last of its class.

    Attributes
    ----------
    counts : float64[m, k]
        Weights of the classes.
    means, variances : float64[k, m, d]
        Means, and variances with what is added to them.
    epsilons : float64[m]
        What is added to the variances.
    """

    def __init__(self, state: State, block: Block) -> None:
        statistic, slots, params = state.statistic, state.class_slots(), state.params
        assert isinstance(statistic, Moments)
        own, whole = moments_without_each(statistic, block)
        moments = moments_of(statistic, slots)
        order = np.argsort(slots)
        place = order[np.searchsorted(slots[order], block.slots)], np.arange(len(block))
        self.epsilons = params["var_smoothing"] * whole.variance().max(axis=1)
        shape = len(slots), *own.first.shape[:2]
        self.means, self.variances = (
            np.broadcast_to(found[:, None], shape).copy() for found in (moments.mean(), moments.variance())
        )
        self.means[place], self.variances[place] = own.mean(), own.variance()
        self.variances += self.epsilons[:, None]
        self.counts = np.tile(weights_of(statistic, slots), (len(block), 1))
        self.counts[place[::-1]] = own.weight()[:, 0]
        self._priors = params["priors"]

    def joint(self, x: np.ndarray) -> np.ndarray:
        """Logarithms of the joint probabilities of record i, of x float64[m, d], and each class: float64[m, k].

        The operations are those of scikit-learn's ``_joint_log_likelihood``, in the same order for each record. Sums
        are along rows that are contiguous, as a row on its own is.
        """
        priors = self.counts / self.counts.sum(axis=1, keepdims=True)
        if self._priors is not None:
            priors[:] = class_prior(self._priors, self.counts[0])
        found = np.log(priors)
        for k, (mean, variance) in enumerate(zip(self.means, self.variances, strict=True)):
            of_class = -0.5 * np.sum(np.log(2.0 * np.pi * variance), axis=1)
            found[:, k] += of_class - 0.5 * np.sum((x - mean) ** 2 / variance, axis=1)
        return found


class _Known(peers.GaussianNB):
    """What predicts from joint probabilities that are known."""

    def __init__(self, classes: np.ndarray) -> None:
        self.classes_ = classes

    def _check_X(self, X):
        return X

    def _joint_log_likelihood(self, X):
        return X


def class_prior(priors: ArrayLike | None, counts: np.ndarray) -> np.ndarray:
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
