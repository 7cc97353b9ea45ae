"""Naive Bayes classifiers that forget."""

import numpy as np
from sklearn import naive_bayes as peers

from sqlearn.engine.estimator import WeightedClassifier
from sqlearn.engine.read_out import label_array, moments_of, weights_of
from sqlearn.engine.statistics import Moments
from sqlearn.errors import ParameterError, ReadOutError

__all__ = ["GaussianNB"]


class GaussianNB(WeightedClassifier, peers.GaussianNB):
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
        moments = moments_of(state.statistic, state.rows())
        epsilon = state.params["var_smoothing"] * moments_of(state.statistic, None).variance().max()
        counts = weights_of(state.statistic, state.rows())
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
        raise ReadOutError(f"Number of priors must match number of classes: {len(priors)} are given, {len(counts)} classes are held.")
    if not np.isclose(priors.sum(), 1.0):
        raise ParameterError("The sum of the priors should be 1.")
    if (priors < 0).any():
        raise ParameterError("Priors must be non-negative.")
    return priors
