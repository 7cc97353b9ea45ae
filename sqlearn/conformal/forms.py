"""Fitted models as linear forms: the scores that very many models give very many rows, in one product of matrices.

Scores of linear and logistic models are linear in the features, those of naive Bayes in the features, in their signs or
in the features and their squares. A product of matrices rounds otherwise than the model's own method does for one row,
so every form has a bound of the difference; comparisons that are closer than that are left to the method itself.

The bound: a sum of p products in any order, with or without fused operations, is off by at most ``gamma(p)`` times the
sum of their absolute values (N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., 2002, section 3.1),
and that sum is at most the product of the two norms. Both sides of the difference are such sums, with some more
operations for each summand; the bound has twice what they need.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import discriminant_analysis, linear_model, naive_bayes, svm

_LINEAR = (
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
    linear_model.RidgeClassifier,
    linear_model.RidgeClassifierCV,
    linear_model.LinearRegression,
    linear_model.Ridge,
    linear_model.RidgeCV,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.BayesianRidge,
    discriminant_analysis.LinearDiscriminantAnalysis,
    svm.LinearSVC,
)
_COUNTING = (naive_bayes.MultinomialNB, naive_bayes.ComplementNB)
_UNIT = 2.0**-53


@dataclass
class Form:
    """The scores of a model: ``image(x) @ weights.T + offsets``.

    Attributes
    ----------
    weights : float64[c, p]
        For each class, or for the difference between two.
    offsets : float64[c]
        What is added.
    weight : float
        Bound of the norms of weights, before differences were taken.
    offset : float
        Bound of the absolute values that offsets are sums of.
    """

    weights: np.ndarray
    offsets: np.ndarray
    weight: float
    offset: float


class Forms:
    """How models of one kind become forms over the rows held.

    Parameters
    ----------
    image : callable
        The features that scores are linear in, float64[n, p], of rows.
    read : callable
        Weights, offsets, and bounds of what offsets are sums of, of a fitted estimator.
    alone : bool
        Whether the estimator's own method has other bits for a row alone than in a batch, so that rows are given to it
        one by one.
    """

    def __init__(
        self,
        image: Callable[[np.ndarray], np.ndarray],
        read: Callable[[Any], tuple[np.ndarray, np.ndarray, np.ndarray]],
        *,
        alone: bool = True,
    ) -> None:
        self.image, self.read, self.alone = image, read, alone

    def of(self, fitted: Any, n_scores: int) -> Form:
        """The form of an estimator, with so many scores."""
        with np.errstate(all="ignore"):
            weights, offsets, summed = self.read(fitted)
            weight, offset = np.linalg.norm(weights, axis=1), summed
            if n_scores == 1 and len(weights) == 2:
                weights, offsets = weights[1:] - weights[:1], offsets[1:] - offsets[:1]
                return Form(weights, offsets, float(weight.sum()), float(offset.sum()))
            return Form(weights, offsets, float(weight.max()), float(offset.max()))


def forms_for(fitted: Any, x: np.ndarray) -> Forms | None:
    """The forms of models like a fitted one over rows like these; None if their scores are not linear."""
    if isinstance(fitted, _LINEAR):
        return _scaled(x, lambda model: _rows(model.coef_, model.intercept_))
    if isinstance(fitted, _COUNTING):
        return _scaled(x, lambda model: _of_counts(model.feature_log_prob_, model.class_log_prior_, model))
    if isinstance(fitted, naive_bayes.BernoulliNB):
        return Forms(lambda rows: _signs(rows, fitted.binarize), _of_signs)
    if isinstance(fitted, naive_bayes.GaussianNB):
        return _gaussian(x)
    return None


def tolerance(rows: np.ndarray, sizes: np.ndarray, n_features: int, n_scores: int) -> np.ndarray:
    """Bounds of how far strangeness by a form and by the model's own method are apart, float64[n, b].

    Parameters
    ----------
    rows : float64[n, 2]
        Norms of the images of rows, and absolute values of their targets.
    sizes : float64[2, b]
        Bounds of weights and offsets of forms.
    n_features : int
        Features of an image.
    n_scores : int
        Scores of a row.
    """
    with np.errstate(all="ignore"):
        magnitude = rows[:, :1] * sizes[:1] + (rows[:, 1:] + sizes[1:] + 1.0)
        return 8.0 * _UNIT * (n_features + n_scores + 32) * magnitude


def _scaled(x: np.ndarray, read: Callable[[Any], tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Forms:
    """Forms over features divided by powers of two, without error, so that norms are not those of one column."""
    _, exponents = np.frexp(np.abs(x).max(axis=0))

    def read_scaled(model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        weights, offsets, summed = read(model)
        return np.ldexp(weights, exponents), offsets, summed

    return Forms(lambda rows: np.ldexp(rows, -exponents), read_scaled)


def _rows(coef: np.ndarray, intercept: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights = np.atleast_2d(coef)
    offsets = np.broadcast_to(np.asarray(intercept, np.float64), len(weights))
    return weights, offsets, np.abs(offsets)


def _of_counts(weights: np.ndarray, priors: np.ndarray, model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ComplementNB has priors only if there is one class."""
    offsets = priors if isinstance(model, naive_bayes.MultinomialNB) else np.zeros(len(weights))
    return weights, offsets, np.abs(offsets)


def _signs(rows: np.ndarray, threshold: float | None) -> np.ndarray:
    return rows if threshold is None else (rows > threshold).astype(np.float64)


def _of_signs(model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    present = model.feature_log_prob_
    absent = np.log(1.0 - np.exp(present))
    weights = present - absent
    return (
        weights,
        absent.sum(axis=1) + model.class_log_prior_,
        2.0 * np.abs(absent).sum(axis=1) + np.abs(model.class_log_prior_),
    )


def _gaussian(x: np.ndarray) -> Forms:
    """Half the squares ``(x - mean)**2 / variance``, multiplied out in features that are centred and scaled."""
    with np.errstate(all="ignore"):
        centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(np.isfinite(scale) & (scale > 0.0), scale, 1.0)

    def image(rows: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            standard = (rows - centre) / scale
            return np.concatenate([standard, standard * standard], axis=1)

    def read(model: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mean, half = (model.theta_ - centre) / scale, scale / model.var_ * (0.5 * scale)
        logarithms, priors = np.log(2.0 * np.pi * model.var_), np.log(model.class_prior_)
        squares = (half * mean * mean).sum(axis=1)
        weights = np.concatenate([2.0 * half * mean, -half], axis=1)
        offsets = priors - 0.5 * logarithms.sum(axis=1) - squares
        return weights, offsets, np.abs(priors) + 0.5 * np.abs(logarithms).sum(axis=1) + squares

    return Forms(image, read, alone=False)
