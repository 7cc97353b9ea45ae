"""Estimators whose refit is another model are found out by fitting a small one twice."""

import random
import time

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sqlearn.ensemble.shards.reproducible import check_reproducible
from sqlearn.errors import ParameterError

X = np.random.default_rng(0).normal(size=(600, 4))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)


class Drawing(ClassifierMixin, BaseEstimator):
    """It draws from what no random_state sets."""

    def __init__(self, source="numpy", n_jobs=None, seed=0):
        self.source, self.n_jobs, self.seed = source, n_jobs, seed

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_rows_ = len(X)
        if self.source != "predict":
            self.drawn_ = {
                "numpy": np.random.random,
                "python": random.random,
                "time": time.perf_counter_ns,
                "seed": lambda: np.random.default_rng(self.seed).random(),
            }[self.source]()
        return self

    def predict(self, X):
        return self.classes_[np.random.randint(0, 2, len(X))]  # noqa: NPY002


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(5, random_state=0, n_jobs=2),
        HistGradientBoostingClassifier(max_iter=5, random_state=0),
        SVC(),
        MLPClassifier((5,), max_iter=5, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_whose_refit_is_the_same_passes(estimator):
    check_reproducible(lambda X, y: clone(estimator).fit(X, y), X, Y)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (RandomForestClassifier(3), "RandomForestClassifier .* same 200 rows.* estimators_.* Set 'random_state' to an"),
        (SGDClassifier(), "differs in coef_.* Set 'random_state' to an int"),
        (
            make_pipeline(StandardScaler(), DecisionTreeClassifier(splitter="random")),
            r"Pipeline .* differs in steps\[1\]\[1\]\.tree_.*Set 'decisiontreeclassifier__random_state' to an int",
        ),
        (Drawing("numpy"), "differs in drawn_.*No parameter of it sets what it draws"),
        (Drawing("python"), "differs in drawn_"),
        (Drawing("time"), "differs in drawn_.* the time"),
        (Drawing("time", n_jobs=2), "differs in drawn_.*Set 'n_jobs' to 1"),
        (Drawing("seed", seed=None), "differs in drawn_.*Set 'seed' to an int"),
        (Drawing("predict"), r"differs in \['predict'\]\[\d+\]: "),
    ],
)
def test_whose_refit_differs_is_named(estimator, message):
    with pytest.raises(ParameterError, match=message):
        check_reproducible(lambda X, y: clone(estimator).fit(X, y), X, Y)


def test_the_small_member_has_every_label():
    seen = []

    def fit(X, y):
        seen.append((len(y), set(np.asarray(y).tolist()), type(X)))
        return DecisionTreeClassifier(random_state=0).fit(X, y)

    y = np.zeros(600, int)
    y[[500, 599]] = 1, 2
    frame = pd.DataFrame(X, columns=list("abcd"))
    for rows in (X, frame, sp.csr_array(X)):
        check_reproducible(fit, rows, y)
    check_reproducible(fit, X[:50], Y[:50])
    assert seen[:6:2] == [(200, {0, 1, 2}, type(rows)) for rows in (X, frame, sp.csr_array(X))]
    assert seen[6][0] == 50


def test_what_needs_more_rows_is_fitted_to_all():
    sizes = []

    def fit(X, y):
        sizes.append(len(X))
        if len(X) < 300:
            raise ValueError("too few")
        return KNeighborsClassifier().fit(X, y)

    check_reproducible(fit, X, Y)
    assert sizes == [200, 600, 600]
    with pytest.raises(ValueError, match="too few"):
        check_reproducible(fit, X[:250], Y[:250])
