"""Pipelines in stores: the bytes of a refit, rows that lie on file, and predictions from tables."""

import numpy as np
import pytest

from learners import over
from sqlearn import Store
from sqlearn.cluster import KMeans
from sqlearn.compose import ColumnTransformer
from sqlearn.decomposition import PCA
from sqlearn.ensemble import RandomForestClassifier
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder, StandardScaler

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
