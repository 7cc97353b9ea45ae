"""Pipelines and ColumnTransformers have the bytes of a refit after any history, of hard values too.

For a long search::

    HISTORY_EXAMPLES=500 HISTORY_STEPS=40 pytest --hypothesis-profile=default tests/learners/test_pipeline_history.py
"""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import Normalizer

from history import history_of
from laws import check_contract
from learners import EVERYWHERE, over
from records import kind_of, records_of
from sqlearn.compose import ColumnTransformer, make_column_transformer
from sqlearn.decomposition import PCA
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.pipeline import make_pipeline, make_union
from sqlearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, RobustScaler, StandardScaler

NUMBERS, CATEGORIES = ["age", "fare"], ["port"]
FILLED = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
PIPELINES = [
    make_pipeline(StandardScaler(), PCA(2), Ridge()),
    make_pipeline(StandardScaler(with_std=False), LinearRegression()),
    make_pipeline(StandardScaler(), SelectKBest(k=2), GaussianNB()),
    make_pipeline(PCA(whiten=True), LinearDiscriminantAnalysis()),
    make_pipeline(VarianceThreshold(), "passthrough", PCA(1)),
    make_pipeline(SelectKBest(f_regression, k=2), RobustScaler(), Ridge(0.1)),
    make_pipeline(MinMaxScaler(), RidgeClassifier()),
    make_pipeline(Normalizer(), StandardScaler(), Ridge()),
    make_pipeline(StandardScaler(), KNeighborsClassifier(2)),
    make_pipeline(make_column_transformer((FILLED, NUMBERS), (OneHotEncoder(), CATEGORIES)), RidgeClassifier()),
    make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), MinMaxScaler()), NUMBERS),
            (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(drop="first")), CATEGORIES),
        ),
        Ridge(),
    ),
    ColumnTransformer(
        [("scale", StandardScaler(), NUMBERS), ("code", OrdinalEncoder(), CATEGORIES)], transformer_weights={"scale": 2}
    ),
    make_union(MinMaxScaler(), "passthrough", make_pipeline(StandardScaler(), PCA(1))),
    make_pipeline(CountVectorizer(), MultinomialNB()),
]
EXAMPLES = int(os.environ.get("HISTORY_EXAMPLES", 2))
STEPS = int(os.environ.get("HISTORY_STEPS", 8))


@pytest.mark.filterwarnings("ignore")
@over(PIPELINES)
@pytest.mark.crossed(3)
def test_histories(learner):
    run_state_machine_as_test(
        history_of(learner),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.filterwarnings("ignore")
@over([learner for learner in PIPELINES if kind_of(learner) != "TextModel"][:: 1 if EVERYWHERE else 4])
def test_hard_values(learner):
    rng = np.random.default_rng(5)
    check_contract(learner, records_of(learner, rng, 16, 2), rng)
