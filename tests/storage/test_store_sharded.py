"""Ensembles by shards whose rows are those of a store."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sqlearn import Store
from sqlearn.ensemble import ShardedClassifier, ShardedRegressor
from sqlearn.errors import UnsupportedError
from sqlearn.naive_bayes import GaussianNB

pytestmark = pytest.mark.filterwarnings("ignore")


def people(n=80, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(n) + 1000 * seed,
            "age": rng.integers(18, 90, n),
            "income": rng.normal(3, 1, n).round(2),
            "port": rng.choice(["S", "C", "Q"], n),
            "buys": rng.choice(["no", "yes", "perhaps"], n),
        }
    )


ENCODED = make_pipeline(
    make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["port"]), remainder="passthrough"),
    DecisionTreeClassifier(max_features=2),
)


@pytest.mark.parametrize(
    ("model", "dropped"),
    [
        (ShardedClassifier(ENCODED, 3), []),
        (ShardedClassifier(RandomForestClassifier(3), 3), ["port"]),
        (ShardedClassifier(SGDClassifier(), 2, 3, "hard"), ["port"]),
        (ShardedClassifier(GaussianNB(), 3), ["port"]),
    ],
    ids=str,
)
def test_any_history(model, dropped, tmp_path):
    rows = people().drop(columns=dropped)
    path = tmp_path / "people.sqlearn"
    with Store.create(path, model, rows, target="buys", id="id") as store:
        store.learn(people(10, 1).drop(columns=dropped))
        assert store.forget(ids=[1, 2, 3]).count == 3
        store.relabel(ids=[4, 5], to="no")
        before = store.predict(rows)
        assert store.verify()
    with Store.open(path) as store:
        assert (store.predict(rows) == before).all()
        store.forget(where="age < 30")
        assert store.verify()
        taken = store.model
        assert (taken.predict(rows.drop(columns=["id", "buys"])) == store.predict(rows)).all()
        with pytest.raises(UnsupportedError, match="taken out of a store"):
            taken.forget(rows.drop(columns=["id", "buys"]).iloc[:1], ["no"])
        held = pd.concat([people(), people(10, 1)]).drop(columns=dropped)
        held = held[~held.id.isin([1, 2, 3])]
        held.loc[held.id.isin([4, 5]), "buys"] = "no"
        held = held[held.age >= 30]
        features = held.drop(columns=["id", "buys"])
        alone = type(model)(**model.get_params(deep=False)).partial_fit(features, held.buys)
        assert (alone.predict(features) == store.predict(held)).all()


def test_targets_and_weights(tmp_path):
    rows = people().drop(columns=["port", "buys"]).assign(w=[1.0, 2.0, 0.0, 0.5] * 20)
    model = ShardedRegressor(DecisionTreeRegressor(max_depth=3), 2)
    with Store.create(tmp_path / "s.sqlearn", model, rows, target="income", id="id", weight="w") as store:
        store.forget(ids=[0, 1, 2])
        assert store.verify()
        alone = ShardedRegressor(DecisionTreeRegressor(max_depth=3), 2)
        alone.partial_fit(rows[["age"]][3:], rows.income[3:], rows.w[3:])
        assert (store.predict(rows) == alone.predict(rows[["age"]])).all()
        store.forget(where="age > 0")
        assert len(store) == 0


def test_shards_of_records_of_weight_zero(tmp_path):
    weights = np.array([1.0, *[0.0] * 10, 1.0])
    rows = pd.DataFrame({"id": range(12), "x": np.arange(12.0), "y": np.arange(12.0) ** 2, "w": weights})
    model = ShardedRegressor(DecisionTreeRegressor(), 4)
    alone = ShardedRegressor(DecisionTreeRegressor(), 4).partial_fit(rows[["x"]], rows.y, rows.w)
    assert [shard.n_records > 0 for shard in alone.shards_] == [True] * 4
    assert len(alone.estimators_) < 4  # the others' records are learned by nobody
    with Store.create(tmp_path / "s.sqlearn", model, rows, target="y", id="id", weight="w") as store:
        assert (store.predict(rows) == alone.predict(rows[["x"]])).all()
        assert store.verify()
        store.forget(ids=[0])
        alone.forget(rows[["x"]][:1], rows.y[:1], rows.w[:1])
        assert (store.predict(rows) == alone.predict(rows[["x"]])).all()
        assert store.verify()
