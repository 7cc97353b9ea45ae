"""Pipelines: bytes of a refit after any history, scikit-learn's results, and scikit-learn's manners."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sklearn.preprocessing import Normalizer, PolynomialFeatures

from history import history_of
from laws import check_contract
from learners import over
from records import records_of
from sqlearn.cluster import KMeans
from sqlearn.decomposition import PCA
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sqlearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sqlearn.linear_model import Lasso, LinearRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB
from sqlearn.neighbors import NearestCentroid
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import StandardScaler

PIPELINES = [
    make_pipeline(StandardScaler(), PCA(2), Ridge()),
    make_pipeline(StandardScaler(with_std=False), LinearRegression()),
    make_pipeline(StandardScaler(), SelectKBest(k=2), GaussianNB()),
    make_pipeline(StandardScaler(), RidgeClassifier()),
    make_pipeline(PCA(whiten=True), LinearDiscriminantAnalysis()),
    make_pipeline(LinearDiscriminantAnalysis(), NearestCentroid()),
    make_pipeline(VarianceThreshold(), "passthrough", PCA(1)),
    make_pipeline(SelectKBest(f_regression, k=2), StandardScaler(), Lasso(0.1)),
    make_pipeline(StandardScaler(), PCA(), QuadraticDiscriminantAnalysis()),
    make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge()),
    make_pipeline(Normalizer(), KMeans(2)),
    make_pipeline(StandardScaler()),
]


@pytest.mark.filterwarnings("ignore")
@over(PIPELINES)
def test_histories(learner):
    quick = settings(max_examples=3, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(history_of(learner), settings=quick)


@pytest.mark.filterwarnings("ignore")
@over(PIPELINES)
def test_hard_values(learner):
    rng = np.random.default_rng(5)
    check_contract(learner, records_of(learner, rng, 20, 2), rng)
