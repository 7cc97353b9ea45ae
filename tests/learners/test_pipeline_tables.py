"""Pipelines that keep their records, and searches, over tables: bytes of a refit, scikit-learn's results, no leaks."""

import os
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn.compose
import sklearn.feature_selection
import sklearn.impute
import sklearn.linear_model
import sklearn.model_selection
import sklearn.pipeline
import sklearn.preprocessing
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sklearn.feature_selection import chi2

import sqlearn.compose
import sqlearn.feature_selection
import sqlearn.impute
import sqlearn.linear_model
import sqlearn.model_selection
import sqlearn.pipeline
import sqlearn.preprocessing
from history import history_of
from laws import check_contract
from learners import over
from records import records_of
from sqlearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sqlearn.errors import InvalidValueError, NotLearnedError, ParameterError, ShapeError, UndefinedAttributeError
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sqlearn.model_selection import GridSearchCV, HashedKFold, RandomizedSearchCV
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder, StandardScaler
from tables import titanic  # noqa: F401

NUMBERS, CATEGORIES = ["age", "fare"], ["port"]
EXAMPLES = int(os.environ.get("HISTORY_EXAMPLES", 1))
STEPS = int(os.environ.get("HISTORY_STEPS", 8))


def columns(library, **selector):
    """scikit-learn's example of a ColumnTransformer, but for the library."""
    number = library.pipeline.Pipeline(
        [
            ("imputer", library.impute.SimpleImputer(strategy="median")),
            ("scaler", library.preprocessing.StandardScaler()),
        ]
    )
    category = library.pipeline.Pipeline(
        [
            ("encoder", library.preprocessing.OneHotEncoder(handle_unknown="ignore")),
            ("selector", library.feature_selection.SelectPercentile(chi2, percentile=50)),
        ]
    )
    return library.compose.ColumnTransformer(
        [("num", number, ["age", "fare"]), ("cat", category, ["embarked", "sex", "pclass"])]
    )


def kept(library, **given):
    given = {"keep_records": True} if library is sqlearn else {}
    steps = [("preprocessor", columns(library)), ("classifier", library.linear_model.LogisticRegression())]
    return library.pipeline.Pipeline(steps, **given)


TABLES = [
    make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()), NUMBERS),
            (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
        ),
        RidgeClassifier(),
        keep_records=True,
    ),
    make_pipeline(
        sklearn.compose.make_column_transformer(
            (sklearn.preprocessing.OrdinalEncoder(), make_column_selector(dtype_exclude="number")),
            (sklearn.impute.SimpleImputer(keep_empty_features=True), NUMBERS),
        ),
        Ridge(),
        keep_records=True,
    ),
]


@pytest.mark.filterwarnings("ignore")
@over(TABLES)
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
@over(TABLES)
def test_hard_values(learner):
    rng = np.random.default_rng(5)
    records = records_of(learner, rng, 16, 2)
    records.X[NUMBERS] = records.X[NUMBERS].clip(-1e150, 1e150)
    if learner.target == "value":
        records.y = records.y.clip(-1e150, 1e150)
    check_contract(learner, records, rng)
