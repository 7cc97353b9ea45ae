"""Models and records that never change: their digests are pinned, and files of them are kept.

The records come from integer arithmetic and divisions by powers of two, so they are the same with every version of
Python, NumPy and pandas.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.decomposition import PCA
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sqlearn.feature_selection import SelectKBest, chi2
from sqlearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
)
from sqlearn.mixture import GaussianMixture
from sqlearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MixedNB, MultinomialNB
from sqlearn.neighbors import NearestCentroid
from sqlearn.preprocessing import StandardScaler
from sqlearn.svm import LinearSVC


@dataclass
class Case:
    """A learner, and the records that it is to learn."""

    learner: Any
    X: Any
    y: Any = None
    sample_weight: Any = None
    n_forgotten: int = field(default=3, kw_only=True)  # the first rows, learned and forgotten again

    def given(self, start: int = 0, stop: int | None = None) -> dict[str, Any]:
        """The arguments of ``fit``, ``forget`` and ``verify`` for a range of rows."""
        rows = slice(start, stop)
        X = self.X.iloc[rows] if isinstance(self.X, pd.DataFrame) else self.X[rows]
        given = {"X": X}
        for name in ("y", "sample_weight"):
            values = getattr(self, name)
            if values is not None:
                given[name] = values[rows]
        return given

    def fitted(self):
        """The model of all rows but the first `n_forgotten`, which it has learned and forgotten."""
        model = self.learner.fit(**self.given())
        return model.forget(**self.given(stop=self.n_forgotten)) if hasattr(model, "forget") else model


def integers(n: int, d: int, seed: int) -> np.ndarray:
    """int64[n, d] between 0 and 32767, from a linear congruential generator."""
    found, x = [], seed
    for _ in range(n * d):
        x = (x * 1103515245 + 12345) % (1 << 31)
        found.append(x >> 16)
    return np.array(found, np.int64).reshape(n, d)


def numbers(n: int, d: int, seed: int) -> np.ndarray:
    """float64[n, d] between -4 and 4, multiples of 2**-12."""
    return (integers(n, d, seed) - 16384) / 4096.0


def hard(n: int, d: int) -> np.ndarray:
    """The same with a few values that float sums cannot hold together, and a pair that cancels."""
    X = numbers(n, d, 3)
    X[4, 0], X[5, 0] = 1e12, -1e12
    X[6, 1], X[7, 1], X[8, 1] = 5e-324, -0.0, 1e100
    X[9] = X[10]
    return X


def labels(X: np.ndarray, n_classes: int) -> np.ndarray:
    """int64[n]: bins of a sum of features, every 7th row one bin further."""
    score = X[:, 0] + X[:, 1] - X[:, -1] / 2.0
    found = sum((score > cut).astype(np.int64) for cut in (-1.5, 1.5)[: n_classes - 1])
    return (found + (np.arange(len(X)) % 7 == 0)) % n_classes


def people(n: int) -> pd.DataFrame:
    """A table of numbers and categories, with missing values of both."""
    drawn = integers(n, 4, 11)
    port = np.array(["Southampton", "Cherbourg", "Queenstown", "Åbo"], object)[np.minimum(drawn[:, 0] % 7, 3)]
    port[drawn[:, 0] % 11 == 0] = None
    age = (drawn[:, 1] % 800) / 8.0
    age[drawn[:, 1] % 9 == 0] = np.nan
    return pd.DataFrame({"age": age, "port": port, "fare": (drawn[:, 2] % 4096) / 16.0, "deck": drawn[:, 3] % 3 == 0})


def cases() -> dict[str, Case]:
    """Every learner, and its weights, sparse rows, labels of every kind, tables and rounds, by name."""
    n = 48
    X, H, N = numbers(n, 3, 1), hard(n, 3), np.abs(hard(n, 3))
    y2, y3 = labels(X, 2), labels(X, 3)
    w = np.array([1.0, 0.5, 3.0, 1.0, 0.125, 2.0])[np.arange(n) % 6]
    codes = (integers(n, 3, 5) % 4).astype(float)
    values = 2.0 * X[:, 0] - X[:, 1] + numbers(n, 1, 7)[:, 0] / 8.0
    targets = np.column_stack([values, X[:, 2] + 1.0])
    counted = (integers(n, 1, 9)[:, 0] % 5).astype(float) + (X[:, 0] > 0)
    indicator = np.column_stack([X[:, 0] > 0, X[:, 1] > 1, X[:, 2] > -2]).astype(np.int64)
    words = np.array(["no", "yes", "whoever"])[y3]
    table = people(n)
    big = numbers(9000, 3, 13)
    return {
        "gaussian_nb": Case(GaussianNB(), H, y3),
        "gaussian_nb_weights": Case(GaussianNB(), H, words, w),
        "gaussian_nb_key": Case(GaussianNB(key="a secret"), X, y2.astype(bool)),
        "gaussian_nb_no_ledger": Case(GaussianNB(ledger=False), H, y2),
        "multinomial_nb": Case(MultinomialNB(), sp.csr_array(np.where(N > 1.0, N, 0.0)), y3, w),
        "complement_nb": Case(ComplementNB(norm=True), N, y3),
        "bernoulli_nb": Case(BernoulliNB(binarize=0.5), X, y2),
        "categorical_nb": Case(CategoricalNB(), codes, y3, w),
        "mixed_nb": Case(MixedNB(), table, words),
        "standard_scaler": Case(StandardScaler(), H, None, w),
        "pca": Case(PCA(n_components=2), X),
        "lda": Case(LinearDiscriminantAnalysis(), X, y3),
        "qda": Case(QuadraticDiscriminantAnalysis(), X, y2),
        "nearest_centroid": Case(NearestCentroid(), X, y3),
        "select_k_best": Case(SelectKBest(k=1), X, y3),
        "select_k_best_chi2": Case(SelectKBest(chi2, k=2), N, y3),
        "linear_regression": Case(LinearRegression(), X, targets, w),
        "ridge": Case(Ridge(alpha=0.5), H, values, w),
        "ridge_classifier": Case(RidgeClassifier(), X, words),
        "ridge_classifier_indicator": Case(RidgeClassifier(class_weight="balanced"), X, indicator),
        "lasso": Case(Lasso(alpha=0.1), X, values),
        "elastic_net": Case(ElasticNet(alpha=0.1), X, values, w),
        "bayesian_ridge": Case(BayesianRidge(), X, values),
        "table_ridge": Case(TableModel(Ridge()), table, values, w),
        "table_ridge_classifier": Case(TableModel(RidgeClassifier(), standardize=False), table, words),
        "table_mixed_nb": Case(TableModel(MixedNB(), columns={"deck": "drop"}), table, y3),
        "table_logistic_regression": Case(TableModel(LogisticRegression()), table, y2),
        "logistic_regression": Case(LogisticRegression(), X, y2),
        "logistic_regression_classes": Case(LogisticRegression(C=10.0), X, words, w),
        "poisson_regressor": Case(PoissonRegressor(alpha=0.1), X, counted),
        "linear_svc": Case(LinearSVC(), X, y3, w),
        "kmeans": Case(KMeans(3, random_state=5), X),
        "gaussian_mixture": Case(GaussianMixture(2, covariance_type="diag"), X),
        "logistic_regression_9000": Case(LogisticRegression(), big, labels(big, 2)),
    }
