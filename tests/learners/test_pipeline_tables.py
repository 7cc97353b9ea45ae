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
from sqlearn.compose import make_column_selector, make_column_transformer
from sqlearn.errors import InvalidValueError, NotLearnedError, ParameterError, ShapeError
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import Ridge, RidgeClassifier
from sqlearn.model_selection import GridSearchCV, HashedKFold, RandomizedSearchCV
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder, StandardScaler
from tables import titanic  # noqa: F401

NUMBERS, CATEGORIES = ["age", "fare"], ["port"]
EXAMPLES = int(os.environ.get("HISTORY_EXAMPLES", 1))
STEPS = int(os.environ.get("HISTORY_STEPS", 8))


def columns(library):
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


def kept(library):
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


@pytest.fixture(scope="module")
def passengers(titanic):  # noqa: F811
    frame, y = titanic
    return frame[:300], y[:300]


def test_scikit_learns_example_with_one_letter_changed(passengers):
    X, y = passengers
    ours, peer = kept(sqlearn).fit(X, y), kept(sklearn).fit(X, y)
    peer.set_params(classifier__tol=1e-10, classifier__max_iter=1000).fit(X, y)
    assert np.abs(ours.predict_proba(X) - peer.predict_proba(X)).max() < 1e-6
    names = peer[:-1].get_feature_names_out().tolist()
    assert ours.to_sklearn()[:-1].get_feature_names_out().tolist() == names
    imputer = ours.named_steps["preprocessor"].transformers_[0][1][0]
    assert imputer.statistics_.tolist() == X[["age", "fare"]].median().tolist()
    assert ours.pending_params() == []
    ours.forget(X[:200], y[:200])
    refit = kept(sqlearn).fit(X[200:], y[200:])
    assert ours.canonical_parts() == refit.canonical_parts()
    assert (ours.predict_proba(X) == refit.predict_proba(X)).all()


def test_a_category_leaves_no_trace(passengers):
    X, y = passengers
    X = X.assign(embarked=X["embarked"].where(np.arange(300) != 7, "Atlantis"))
    model = kept(sqlearn).fit(X, y)
    assert "embarked_Atlantis" in str(model.named_steps["preprocessor"].transformers_[1][1][0].get_feature_names_out())
    assert b"Atlantis" in pickle.dumps(model)
    with model.without(X.iloc[7], y[7]):
        assert b"Atlantis" not in b"".join(model.canonical_parts().values())
        assert "Atlantis" not in str(model.fitted_attributes())
    model.forget(X.iloc[7], y[7])
    for gone in (pickle.dumps(model), b"".join(model.canonical_parts().values())):
        assert b"Atlantis" not in gone
    assert "Atlantis" not in str(model.fitted_attributes())
    assert pickle.dumps(model) == pickle.dumps(kept(sqlearn).fit(X.drop(7), np.delete(y, 7)))


def test_columns_that_no_part_takes_are_not_kept(passengers):
    X, y = passengers
    model = kept(sqlearn).fit(X, y)
    assert b"Braund" not in pickle.dumps(model)
    assert model.n_features_in_ == X.shape[1]
    others = X.drop(columns="name")[X.drop(columns="name").columns[::-1]]
    assert (model.predict(others) == model.predict(X)).all()
    assert model.forget(others[:50], y[:50]).digest() == kept(sqlearn).fit(X[50:], y[50:]).digest()
    with pytest.raises(ShapeError, match=r"columns are missing: \{'fare'\}"):
        model.forget(X.drop(columns="fare")[:1], y[:1])


SMALL = {
    "size": [1, 2, 3, 4, 5, 6],
    "town": ["a", "b", "a", "b", "c", "a"],
    "new": [True, False] * 3,
    "x": [0.5, None] * 3,
}
LABELS = np.array([0, 1, 0, 1, 1, 0])


GIVEN = []


def noted(rows):
    GIVEN.append(rows)
    return np.zeros((len(rows), 1))


def seen(X):
    """What the steps of a kept pipeline are given."""
    GIVEN.clear()
    step = sklearn.preprocessing.FunctionTransformer(noted)
    all_places = list(range(X.shape[1]))
    columns = sklearn.compose.ColumnTransformer([("see", step, all_places), ("town", OneHotEncoder(), [1])])
    model = make_pipeline(columns, RidgeClassifier(), keep_records=True).fit(X, LABELS)
    model.predict(X)
    return model, GIVEN[0]


def test_steps_see_frames_of_the_library_that_came():
    frame = pd.DataFrame(SMALL)
    frame["town"] = frame["town"].astype(object)
    frame["kind"] = pd.Categorical(["u", "v", None, "u", "v", "v"])
    frame["code"] = pd.Categorical([1, 2, 2, None, 1, 1])
    _, table = seen(frame[::-1])
    assert table.dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()
    assert pd.api.types.is_object_dtype(table["town"]) and isinstance(table["kind"].dtype, pd.CategoricalDtype)
    assert table.sort_values("size", ignore_index=True).equals(frame)
    rows = pl.DataFrame(SMALL)
    _, table = seen(rows)
    assert table.sort("size").fill_nan(None).equals(rows)
    assert table.schema == rows.schema
    _, table = seen(frame[["size", "town", "new", "x"]].to_numpy())
    assert table.dtype == object
    assert table[np.argsort(table[:, 0])].tolist()[4] == [5, "c", True, 0.5]


def test_frames_dictionaries_and_rows_name_the_same_records():
    frame = pd.DataFrame(SMALL)
    model, _ = seen(frame)
    model.forget(SMALL | {"size": np.array(SMALL["size"], np.float32)}, LABELS)
    model.partial_fit(frame, LABELS).forget(pl.DataFrame(SMALL), LABELS)
    model.partial_fit(frame, LABELS).forget([3, "a", True, 0.5], 0).forget(frame.iloc[0], 0)
    assert model.n_records_ == 4
    with pytest.raises(NotLearnedError):
        model.forget([3, "c", True, 0.5], 0)


def test_bad_rows_change_nothing():
    model, _ = seen(pd.DataFrame(SMALL))
    before = model.digest()
    for row, message in (
        ([1, 2.5, True, 0.5], "column 1 \\(counted from 0\\), is the number 2.5, where this model takes strings"),
        (["one", "a", True, 0.5], "column 0 \\(counted from 0\\) is the string 'one'"),
        ([1, "a", True, np.inf], "column 3 \\(counted from 0\\) is infinite"),
        ([1, "a", True, 1e200], "column 3, is 1e\\+200, which is beyond"),
        ([1, "a", True], "3 features, but Pipeline is expecting 4"),
    ):
        with pytest.raises((InvalidValueError, ShapeError), match=message):
            model.partial_fit(row, 1)
    assert model.digest() == before


def test_steps_that_draw_are_refused_inside():
    draws = sklearn.compose.make_column_transformer((sklearn.preprocessing.QuantileTransformer(), ["x"]))
    with pytest.raises(ParameterError, match=r"QuantileTransformer inside .* has random_state=None"):
        make_pipeline(draws, RidgeClassifier(), keep_records=True).fit(pd.DataFrame(SMALL), LABELS)


GRID = {"preprocessor__num__imputer__strategy": ["mean", "median"], "classifier__C": [0.1, 10.0]}


@pytest.mark.filterwarnings("ignore")
def test_searches_over_tables(passengers):
    X, y = passengers
    X, y = X.drop(columns=["name", "ticket", "cabin"])[:120], y[:120]
    search = GridSearchCV(kept(sqlearn), GRID, cv=2).fit(X, y)
    peer = sklearn.model_selection.GridSearchCV(kept(sqlearn), GRID, cv=HashedKFold(2)).fit(X, y)
    assert search.best_params_ == peer.best_params_
    assert search.cv_results_["mean_test_score"].tolist() == peer.cv_results_["mean_test_score"].tolist()
    search.forget(X[:20], y[:20])
    refit = GridSearchCV(kept(sqlearn), GRID, cv=2).fit(X[20:], y[20:])
    assert search.canonical_parts() == refit.canonical_parts()
    assert (search.predict_proba(X) == refit.predict_proba(X)).all()
    assert pickle.loads(pickle.dumps(search)).best_params_ == refit.best_params_
    theirs = RandomizedSearchCV(kept(sklearn).set_params(classifier__random_state=0), GRID, n_iter=1, random_state=0)
    assert theirs.fit(X, y).score(X, y) > 0.7
