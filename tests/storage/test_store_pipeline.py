"""Pipelines in stores: the bytes of a refit, rows that lie on file, and predictions from tables."""

import numpy as np
import pytest
from sklearn.base import clone

from learners import over
from sqlearn import Store
from sqlearn.cluster import KMeans
from sqlearn.compose import ColumnTransformer
from sqlearn.decomposition import PCA
from sqlearn.ensemble import RandomForestClassifier
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.model_selection import GridSearchCV
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

pytestmark = pytest.mark.filterwarnings("ignore")

COLUMNS = ColumnTransformer(
    [("n", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]), ("c", OneHotEncoder(), ["c"])]
)
PIPELINES = [
    make_pipeline(StandardScaler(), PCA(2), Ridge()),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(StandardScaler(), KMeans(2)),
    make_pipeline(COLUMNS, LogisticRegression()),
    make_pipeline(COLUMNS, Ridge()),
    make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)),
]


def table(n=80):
    rng = np.random.default_rng(0)
    found = {"a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.choice(["x", "y", "z"], n).astype(object)}
    return found | {"y": rng.integers(0, 2, n), "id": np.arange(n)}


@over(PIPELINES)
def test_a_store_holds_a_pipeline(learner, tmp_path):
    data, has_target = table(), learner.target is not None
    of_tables = learner.__sklearn_tags__().input_tags.categorical
    features = ["a", "b", "c"] if of_tables else ["a", "b"]
    given = {name: data[name] for name in [*features, "id", *["y"] * has_target]}
    target = "y" if has_target else None
    store = Store.create(tmp_path / "s", learner, {k: v[:60] for k, v in given.items()}, target=target, id="id")
    store.forget(ids=[0, 1, 2])
    store.learn({k: v[60:] for k, v in given.items()})
    assert store.verify()
    store = Store.open(tmp_path / "s")
    rows = {name: data[name][3:] for name in features}
    X = rows if of_tables else np.column_stack(list(rows.values()))
    y = [data["y"][3:]] if has_target else []
    refit = type(learner)(**learner.get_params(deep=False)).set_params(ledger=store.model.ledger).fit(X, *y)
    assert store.model.digest() == refit.digest()
    asked = {name: data[name][:5] for name in features}
    assert np.array_equal(
        store.predict(asked), refit.predict(asked if of_tables else np.column_stack([*asked.values()]))
    )
    assert store.verify()


@over(
    [
        make_pipeline(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), KNeighborsClassifier(2)),
        GridSearchCV(make_pipeline(OrdinalEncoder(), RandomForestClassifier(2, random_state=0)), {}, cv=2),
    ]
)
def test_tables_of_numbers_alone(learner, tmp_path):
    """Where columns might be categories, a table is kept, though none of its columns is one."""
    rng = np.random.default_rng(2)
    data = {name: rng.integers(0, 3, 60).astype(float) for name in "ab"}
    y = rng.integers(0, 2, 60)
    store = Store.create(tmp_path / "s", learner, data | {"y": y, "id": np.arange(60)}, target="y", id="id")
    store.forget(ids=[0, 1, 2])
    assert store.verify()
    rest = {name: values[3:] for name, values in data.items()}
    refit = clone(learner).fit(rest, y[3:])
    assert store.model.digest() == refit.digest()
    assert np.array_equal(store.predict(rest), refit.predict(np.column_stack([rest["a"], rest["b"]])))


ORDERED = [
    make_pipeline(SimpleImputer(), MinMaxScaler(), LogisticRegression()),
    make_pipeline(SimpleImputer(), MaxAbsScaler(), LogisticRegression()),
    make_pipeline(SimpleImputer(), RobustScaler(), LogisticRegression()),
    make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression()),
    make_pipeline(SimpleImputer(strategy="most_frequent"), StandardScaler(), LogisticRegression()),
    make_pipeline(SimpleImputer(), MinMaxScaler(), Ridge()),
    MinMaxScaler(),
    RobustScaler(),
    SimpleImputer(strategy="median"),
]


@over(ORDERED)
def test_rows_with_missing_numbers_in_front_of_what_reads_their_order(learner, tmp_path):
    """What a store learns at first comes in batches, of whose missing values each is counted."""
    rng, has_target = np.random.default_rng(1), learner.target is not None
    data = {name: rng.normal(size=90) for name in "ab"} | {"y": np.arange(90) % 2, "id": np.arange(90)}
    data["a"][::5], data["b"][::7] = np.nan, -0.0
    given = {name: data[name] for name in ["a", "b", "id", *["y"] * has_target]}
    parts = [{name: values[start : start + 20] for name, values in given.items()} for start in (0, 20, 40)]
    store = Store.create(tmp_path / "s", learner, iter(parts), target="y" if has_target else None, id="id")
    store.forget(ids=[5])
    store.forget(where="a IS NULL AND id < 30")
    assert store.verify()
    store.learn({name: values[60:] for name, values in given.items()})
    assert store.verify()
    store.close()
    store = Store.open(tmp_path / "s")
    store.forget(ids=[60, 61, 62, 65])
    assert store.verify()
    index = sorted(int(i) for i in store.ids())
    assert 5 not in index and 70 in index
    rows = {name: data[name][index] for name in "ab"}
    X = rows if store.model.takes_tables else np.column_stack([*rows.values()])
    refit = clone(store.model).fit(X, *[data["y"][index]] * has_target)
    assert store.digest() == refit.digest()
    store.forget(where="true")
    assert store.verify()
