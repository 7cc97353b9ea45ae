"""A store against a refit on the rows that it should hold, after any calls."""

import pickle
from copy import deepcopy
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from learners import over_each
from refusals import CLOSED, EMPTY, EXISTS, NOT_FINITE, NOT_NUMERIC, WEIGHT, raises
from sqlearn import Store, verify
from sqlearn.cluster import KMeans
from sqlearn.commands.models import MODELS
from sqlearn.compose import TableModel
from sqlearn.covariance import OAS
from sqlearn.datasets import load_titanic
from sqlearn.errors import (
    ConditionError,
    DuplicateIdError,
    MergeError,
    StoreError,
    TableError,
    UnknownIdError,
    UnsupportedError,
)
from sqlearn.feature_selection import SelectKBest
from sqlearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB, MixedNB, MultinomialNB
from sqlearn.preprocessing import StandardScaler
from sqlearn.tree import TreeBased

HARD = [1e12, -8e307, 8e307, 5e-324, -0.0, 0.0, 1.0, 0.1, 2.0**-1040, 123456789.123]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.sqlearn"


def people(n, seed=0, first=0):
    random = np.random.default_rng(seed)
    return {
        "who": [f"person {first + i}" + "é" * (i % 60) for i in range(n)],
        "a": random.choice(HARD, n),
        "city": random.choice(["Rome", "Oslo", "Łódź", "x" * 100, None], n).tolist(),
        "b": np.where(random.random(n) < 0.2, np.nan, random.normal(size=n)),
        "weight": random.choice([0.0, 0.5, 2.0], n),
        "y": random.choice(["yes", "no", "perhaps"], n).tolist(),
    }


def mixed(path, table, **more):
    return Store.create(path, MixedNB(), table, target="y", id="who", weight="weight", **more)


def picked(table, rows):
    return {name: [column[i] for i in rows] for name, column in table.items()}


def test_random_calls_end_like_a_refit(path):
    """Learn, forget by id and by condition, relabel, reopen: rows, ids and bytes are those of a model in memory."""
    random = np.random.default_rng(3)
    table = people(300)
    rows = {table["who"][i]: {name: column[i] for name, column in table.items()} for i in range(300)}
    store = mixed(path, table)
    kept = [store.receipts()[0]]
    for step in range(30):
        kind = random.integers(5)
        if kind == 0:
            more = people(20, seed=step + 1, first=1000 + 20 * step)
            kept.append(store.learn(more))
            rows |= {more["who"][i]: {name: column[i] for name, column in more.items()} for i in range(20)}
        elif kind == 1 and rows:
            gone = random.choice(sorted(rows), min(len(rows), 15), replace=False).tolist()
            kept.append(store.forget(ids=gone))
            assert kept[-1].count == len(gone)
            for id in gone:
                del rows[id]
        elif kind == 2:
            limit = random.normal()
            hit = [id for id, row in rows.items() if row["b"] > limit + 1 and row["city"] == "Oslo"]
            assert store.forget(where=f"b > {limit + 1!r} and city = 'Oslo'", dry_run=True) == len(hit)
            receipt = store.forget(where=f"b > {limit + 1!r} and city = 'Oslo'")
            assert (receipt.count if receipt else 0) == len(hit)
            kept += [receipt] if receipt else []
            for id in hit:
                del rows[id]
        elif kind == 3 and rows:
            some = random.choice(sorted(rows), min(len(rows), 10), replace=False).tolist()
            receipt = store.relabel(ids=some, to="maybe", new=True)
            assert (receipt.count if receipt else 0) == sum(rows[id]["y"] != "maybe" for id in some)
            kept += [receipt] if receipt else []
            for id in some:
                rows[id]["y"] = "maybe"
        else:
            store.close()
            store = Store.open(path)
        assert sorted(store.ids()) == sorted(rows)
        assert len(store) == len(rows)
    assert len(rows) > 50
    assert store.verify()
    assert store.check_receipts(kept)
    frame = pd.DataFrame(list(rows.values()))
    X = frame[["a", "city", "b"]].astype({"city": object})
    X["city"] = X["city"].where(X["city"].notna(), None)
    model = store.model
    assert verify(model, X.to_numpy(object), frame["y"], frame["weight"].to_numpy())
    assert store.digest() == model.digest()
    store.forget(where="true")
    assert len(store) == 0 and store.ids() == [] and store.verify()
    assert store.digest() == model.emptied().digest()
    store.learn(table)
    assert len(store) == 300 and store.verify()


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, dict, lambda t: iter([picked(t, range(40)), t2(t)])])
def test_every_kind_of_table(path, frame):
    table = {"x": np.arange(90.0), "n": np.arange(90), "label": ["ab"[i % 2] for i in range(90)]}
    store = Store.create(path, GaussianNB(), frame(table), target="label")
    assert store.ids() == list(range(90))
    assert repr(store) == "<Store a.sqlearn: GaussianNB on 90 rows of 2 features>"
    assert verify(store.model, np.column_stack([table["x"], table["n"]]), table["label"])
    assert store.predict(frame(table)).tolist() == store.model.predict(np.column_stack([table["x"]] * 2)).tolist()


def t2(table):
    return picked(table, range(40, 90))


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (GaussianNB(var_smoothing=1e-6, priors=np.array([0.25, 0.75])), "y"),
        (GaussianNB(key=b"secret"), "y"),
        (MultinomialNB(), "y"),
        (LinearRegression(), "z"),
        (Ridge(alpha=0.5), ["z", "z2"]),
        (StandardScaler(), None),
        (SelectKBest(k=1), "y"),
        (LogisticRegression(), "y"),
        (KMeans(n_clusters=2), None),
    ],
)
def test_every_kind_of_learner(path, model, target):
    random = np.random.default_rng(0)
    table = {f"x{j}": random.integers(0, 9, 80).astype(float) for j in range(3)}
    table |= {"y": random.integers(0, 2, 80), "z": random.normal(size=80), "z2": random.normal(size=80)}
    wanted = [target] if isinstance(target, str) else target or []
    table = {name: column for name, column in table.items() if name[0] == "x" or name in wanted}
    Store.create(path, model, table, target=target).close()
    with Store.open(path) as store:
        store.forget(where="x1 > 5")
        assert store.forget(ids=store.ids()[3]).count == 1
        if isinstance(target, list):
            store.relabel(ids=store.ids()[:5], to=[1.5, -2.0])
        elif target:
            store.relabel(ids=store.ids()[:5], to=1)
        else:
            with pytest.raises(TableError, match="cannot be relabelled"):
                store.relabel(ids=[0], to=1)
        assert store.verify()
        assert type(store.model) is type(model)
        assert store.model.get_params().get("ledger", False) is False
        store.forget(where="true")
        assert store.verify() and len(store) == 0
        store.learn(table)
    with Store.open(path) as store:
        assert store.verify() and len(store) == 80


def test_progress_is_told(path):
    store = Store.create(path, StandardScaler(), {"x": np.arange(20_000.0)})
    for call in (store.verify, *(partial(store.forget, where="x < 5", dry_run=dry) for dry in (True, False))):
        told = []
        total = len(store)
        call(progress=told.append)
        assert sum(told) == total and len(told) > 1


def test_verify_finds_a_row_that_was_altered(path):
    store = Store.create(path, Ridge(), {"x": [1.0, 2.0, 4.0], "y": [1.0, 2.0, 3.0]}, target="y")
    assert store.verify()
    with store._database.writing():
        cells = store._rows.read(np.array([1])).copy()
        cells.view(np.float64)[0, 0] = np.nextafter(1.0, 2.0)
        store._rows.slots.overwrite(np.array([1]), cells)
    found = store.verify()
    assert not found and "state" in str(found)


TAKEN_OUT = [
    getattr(import_module(f"sqlearn.{module}"), name)(**({"power": 1.5} if "Tweedie" in name else {}))
    for name, (module, _) in MODELS.items()
    if module != "recommend"  # whose tables have other columns: see test_store_recommend.py
]
TAKEN_OUT += [*(TableModel(inner) for inner in (GaussianNB(), Ridge(), LogisticRegression())), SelectKBest(k=1)]


@over_each(TAKEN_OUT)
def test_the_model_taken_out_predicts_and_changes_nothing(learner, path):
    """It could not tell whether a row was ever learned; that of a pickle neither. Fitted anew it is on its own."""
    table = {"a": [0.0, 1.0, 5.0, 6.0, 2.0, 7.0, 3.0, 4.0], "b": [1.0, 0.0, 3.0, 1.0] * 2, "y": [1, 1, 2, 2] * 2}
    wanted = {name: table[name] for name in (table if learner._target else "ab")}
    with Store.create(path, learner, wanted, target="y" if learner._target else None) as store:
        taken, digest = store.model, store.digest()
        assert store.verify()
    X: Any = np.column_stack([table["a"], table["b"]])
    if "columns" in learner.get_params(deep=False):
        X = {name: np.array(table[name]) for name in "ab"}
    given = [table["y"]] if learner._target else []
    other = clone(taken).fit(X, *given)
    is_of_trees = isinstance(learner, TreeBased)  # whose digest in a store names the records alone
    never = ({"a": [5.5], "b": [1.5]} if isinstance(X, dict) else [[5.5, 1.5]], *([1] for _ in given))
    for copy in (taken, deepcopy(taken), pickle.loads(pickle.dumps(taken))):
        calls = [partial(copy.forget, *never), partial(copy.partial_fit, X, *given)]
        calls += [lambda copy=copy: copy.without(X, *given).__enter__(), lambda copy=copy: copy.merge(other)]
        calls += [lambda copy=copy: other.merge(copy)]
        calls += [partial(copy.relabel, X, *given, *given)] if given else []
        for call in calls:
            with pytest.raises((UnsupportedError, MergeError), match="taken out of a store") as caught:
                call()
            assert caught.value.reason == "rows elsewhere"
            assert copy.digest() == digest and (is_of_trees or other.digest() == digest)
        assert verify(copy, X, *given)
    taken.fit(X, *given).partial_fit(X, *given).forget(X, *given)
    assert is_of_trees or taken.digest() == digest


def test_running_numbers_are_never_given_twice(path):
    store = Store.create(path, StandardScaler(), {"x": [1.0, 2.0, 3.0]})
    store.forget(ids=[2])
    store.learn({"x": [4.0]})
    assert sorted(store.ids()) == [0, 1, 3]
    assert store.ids(where="x > 2") == [3]
    assert store.ids(where="id >= 1 and id < 3") == [1]


def test_chosen_numbers_as_ids(path):
    ids = [-5, 2**62, 0, -(2**63)]
    store = Store.create(path, StandardScaler(), pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "k": ids}), id="k")
    assert sorted(store.ids()) == sorted(ids)
    assert store.ids(where=f"k = {2**62}") == [2**62]
    store.forget(ids=np.array([-5, 2**62]))
    assert sorted(store.ids()) == [-(2**63), 0]
    with pytest.raises(UnknownIdError, match="'0'"):
        store.forget(ids=["0"])


def test_many_ids_grow_the_index(path):
    n = 5000
    store = Store.create(path, StandardScaler(), {"x": np.arange(float(n)), "k": [f"k{i}" for i in range(n)]}, id="k")
    assert store._database.counters["id_index buckets"] >= 64
    gone = [f"k{i}" for i in range(0, n, 3)]
    store.forget(ids=gone)
    assert sorted(store.ids()) == sorted({f"k{i}" for i in range(n)} - set(gone))
    with pytest.raises(UnknownIdError, match="k3"):
        store.forget(ids=["k1", "k3"])
    assert len(store) == n - len(gone)


def refused(store, error, match, call):
    before, rows, receipts = store.digest(), store.ids(), store.receipts()
    content = store.path.read_bytes()
    with raises(error, match=match):
        call()
    assert (store.digest(), store.ids(), store.receipts()) == (before, rows, receipts)
    assert store.path.read_bytes() == content
    assert store.verify()


def test_refusals_change_nothing(path):
    table = people(60)
    store = mixed(path, table)
    more = people(10, seed=9, first=500)
    refused(store, UnknownIdError, "nobody", lambda: store.forget(ids=[table["who"][0], "nobody"]))
    refused(store, UnknownIdError, "twice", lambda: store.forget(ids=[table["who"][0]] * 2))
    refused(store, DuplicateIdError, "person 3", lambda: store.learn(picked(table, [3])))
    refused(store, DuplicateIdError, "person 500", lambda: store.learn(picked(more, [0, 1, 0])))
    refused(store, TableError, "lacks", lambda: store.learn({"a": [1.0]}))
    refused(store, TableError, "which the store does not have", lambda: store.learn(more | {"c": more["a"]}))
    refused(store, TableError, "length", lambda: store.learn(more | {"a": [1.0]}))
    refused(store, NOT_NUMERIC, "row 2.*'b'", lambda: store.learn(more | {"b": [1, 2, "x", 3] + [1] * 6}))
    refused(store, NOT_FINITE, "row 9", lambda: store.learn(more | {"b": [1.0] * 9 + [np.inf]}))
    refused(store, NOT_FINITE, "missing", lambda: store.learn(more | {"y": ["yes"] * 9 + [None]}))
    refused(store, WEIGHT, "Negative", lambda: store.learn(more | {"weight": [1.0] * 9 + [-1.0]}))
    refused(store, TableError, "ids of this store are text", lambda: store.learn(more | {"who": range(10)}))
    refused(store, EMPTY, "no rows", lambda: store.learn(iter([])))
    refused(store, TableError, "A table is", lambda: store.learn(np.ones((2, 3))))
    refused(store, ConditionError, "either", lambda: store.forget())
    refused(store, ConditionError, "either", lambda: store.forget(ids=["x"], where="true"))
    refused(store, NOT_FINITE, "missing", lambda: store.relabel(where="true", to=None))
    refused(store, ValueError, "Strings and numbers", lambda: store.relabel(ids=table["who"][:2], to=5, new=True))
    frames = [picked(more, range(5)), picked(more, [5]), {"bad": [1]}]
    refused(store, TableError, "lacks", lambda: store.learn(iter(frames)))

    def broken():
        yield picked(more, range(5))
        raise KeyboardInterrupt

    refused(store, KeyboardInterrupt, None, lambda: store.learn(broken()))
    store.learn(more)
    assert len(store) == 70 and store.verify()


def test_creation_leaves_nothing_when_it_fails(path):
    table = people(20)
    with pytest.raises(TableError, match="no column 'z'"):
        Store.create(path, MixedNB(), table, target="z", id="who")
    with pytest.raises(TableError, match="MixedNB learns with a target"):
        Store.create(path, MixedNB(), table, id="who")
    with pytest.raises(TableError, match="columns 'city' hold categories"):
        Store.create(path, GaussianNB(), table, target="y", id="who")
    with pytest.raises(DuplicateIdError, match="person 4"):
        mixed(path, picked(table, [*range(9), 4]))
    with pytest.raises(TypeError, match="not an estimator of sqlearn"):
        Store.create(path, object(), table, target="y")
    with raises(WEIGHT, match="takes no sample weights"):
        Store.create(path, SelectKBest(), {"x": [1.0], "w": [1.0], "y": [1]}, weight="w", target="y")
    with raises(NOT_FINITE) as caught:
        Store.create(path, GaussianNB(), iter([{"x": [1.0], "y": [1]}, {"x": [np.nan], "y": [1]}]), target="y")
    assert "frame 1" in caught.value.__notes__[0]
    assert list(path.parent.iterdir()) == []
    mixed(path, table).close()
    before = path.read_bytes()
    with raises(EXISTS):
        mixed(path, table)
    assert path.read_bytes() == before


def test_categories_can_be_chosen(path):
    table = {"code": [1, 2, 1, 3], "x": [1.0, 2.0, 3.0, 4.5], "y": [0, 1, 0, 1]}
    store = Store.create(path, MixedNB(), table, target="y", categorical=["code"])
    assert [column.kind for column in store.columns] == ["category", "number", "category"]
    assert [c.tolist() for c in store.model.categories_] == [[1, 2, 3]]
    store.forget(where="code = 3")
    assert [c.tolist() for c in store.model.categories_] == [[1, 2]]
    assert store.verify()


def test_titanic(path):
    titanic = load_titanic()
    y = titanic.target
    frame = pd.DataFrame(titanic.data, columns=titanic.feature_names).assign(survived=y)
    store = Store.create(path, MixedNB(), frame, target="survived")
    hit = ((frame["fare"] == 0) & (frame["embarked"] == "S")).to_numpy()
    assert store.forget(where="fare = 0 and embarked = 'S'").count == hit.sum() > 0
    assert store.verify() and len(store) == (~hit).sum()
    names = [column for column in frame.columns if column != "survived"]
    kinds = [column.kind == "category" for column in store.columns if column.role == "feature"]
    refit = MixedNB(categorical_features=kinds).fit(frame.loc[~hit, names], y[~hit])
    assert (refit.predict(frame[names]) == store.predict(frame)).all()


def test_closed_and_borrowed_stores(path):
    with Store.create(path, StandardScaler(), {"x": [1.0, 2.0]}) as store:
        pass
    assert "closed" in repr(store)
    for call in (store.ids, store.verify, lambda: store.learn({"x": [1.0]}), lambda: store.model):
        with raises(CLOSED, match="Open it again"):
            call()


def test_two_stores_on_one_file(path):
    one = Store.create(path, StandardScaler(), {"x": np.arange(20.0)})
    two = Store.open(path)
    one.forget(ids=[3, 4])
    assert len(two) == 18 and two.digest() == one.digest()
    two.learn({"x": [7.5]})
    two.forget(ids=[20])
    one.learn({"x": [8.5]})
    assert sorted(one.ids()) == sorted(two.ids()) == [0, 1, 2, *range(5, 20), 21]
    assert one.verify() and two.verify() and one.check_receipts() and two.check_receipts()


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"keep": 3}, "by text"),
        ({"keep": ["x", 3]}, "by text"),
        ({"reading": [1]}, "must be a dict"),
        ({"reading": {"a": object()}}, "written as JSON"),
        ({"timeout": "5"}, "seconds"),
    ],
)
def test_odd_arguments_make_no_store(path, more, match):
    with pytest.raises((StoreError, TableError), match=match):
        Store.create(path, GaussianNB(), {"x": [1.0, 2.0], "y": [0, 1]}, target="y", **more)
    assert not path.exists()


@pytest.mark.parametrize("name", ["__init__", "_configure"])
def test_a_connection_that_fails_leaves_no_file(path, name, monkeypatch):
    def fails(database, *given):
        raise MemoryError

    monkeypatch.setattr(f"sqlearn.storage.file.database.Database.{name}", fails)
    with pytest.raises(MemoryError):
        Store.create(path, GaussianNB(), {"x": [1.0, 2.0], "y": [0, 1]}, target="y")
    assert not path.exists()


def test_covariances_tell_distances_and_transformers_predict_nothing(path):
    table = {"a": [0.0, 1.0, 5.0, 6.0], "b": [1.0, 0.0, 3.0, 1.0]}
    store = Store.create(path, OAS(), table)
    rows = np.column_stack([table["a"], table["b"]])
    assert store.predict(table).tobytes() == OAS().fit(rows).mahalanobis(rows).tobytes()
    store.close()
    path.unlink()
    store = Store.create(path, StandardScaler(), table)
    with pytest.raises(UnsupportedError, match="StandardScaler predicts nothing"):
        store.predict(table)
