"""Adaptive learners in a set of stores: rows are asked in all parts, and the bytes are those of one store."""

import numpy as np
import pytest

from learners import EVERYWHERE, over
from sqlearn import Store
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.distributed import StoreSet
from sqlearn.errors import StoreCorruptError, UnsupportedError
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.neighbors import KNeighborsClassifier
from tiny_rounds import shrink

pytestmark = pytest.mark.filterwarnings("ignore")
ROLES = {"id": "id", "target": "y", "weight": "w"}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    shrink(monkeypatch)


def table_of(learner, rng, numbers):
    """Rows of which many are equal, in different parts therefore, and some are extreme."""
    n = len(numbers)
    x = rng.integers(-3, 4, (n, 2)) / 2
    x[rng.random(n) < 0.05] *= 1e12
    y = ["abc"[i] for i in rng.integers(0, 3, n)] if learner._target == "label" else rng.poisson(2.0, n).tolist()
    table = {"id": [f"p{i}" for i in numbers], "a": x[:, 0].tolist(), "b": x[:, 1].tolist()}
    table |= {"w": rng.choice([1.0, 1.0, 2.0, 0.0], n).tolist()} if learner._takes_weights else {}
    return table | ({"y": y} if learner._target else {})


def some(table, rows):
    return {name: [column[i] for i in rows] for name, column in table.items()}


@over([LogisticRegression(), PoissonRegressor(), KMeans(2)])
def test_a_history_is_that_of_one_store(learner, tmp_path):
    rng = np.random.default_rng(1)
    table = table_of(learner, rng, range(160))
    roles = {role: name for role, name in ROLES.items() if name in table}
    held = list(range(120))
    with (
        StoreSet.create(tmp_path / "set", learner, some(table, held), parts=4, **roles) as parts,
        Store.create(tmp_path / "one.sqlearn", learner, some(table, held), **roles) as one,
    ):
        both = parts, one
        assert parts.digest() == one.digest()
        for step in range(3 if EVERYWHERE else 2):
            gone = rng.permutation(held)[: (1, 20)[step % 2]].tolist()
            held = [i for i in held if i not in gone]
            for store in both:
                store.forget(ids=[f"p{i}" for i in gone])
            assert parts.digest() == one.digest()
            come = rng.permutation([i for i in range(160) if i not in held])[:15].tolist()
            held += come
            for store in both:
                store.learn(some(table, come))
            assert parts.digest() == one.digest()
            if learner._target:
                new, changed = ("zebra", 3.0)[learner._target == "value"], held[:: 5 + step]
                for store in both:
                    store.relabel(ids=[f"p{i}" for i in changed], to=new, new=True) if learner._target == "label" else (
                        store.relabel(ids=[f"p{i}" for i in changed], to=new)
                    )
                table["y"] = [new if i in changed else value for i, value in enumerate(table["y"])]
                assert parts.digest() == one.digest()
        assert parts.verify()
        assert (parts.predict(table) == one.predict(table)).all()
        model = parts.model
        assert model.digest() == one.digest()
        assert (model.predict(np.zeros((1, 2))) == one.model.predict(np.zeros((1, 2)))).all()
        with pytest.raises(UnsupportedError, match="taken out of a store"):
            model.partial_fit(**{"X": [[0.0, 0.0]]} | ({"y": table["y"][:1]} if learner._target else {}))
        without = parts.model_without(ids=f"p{held[0]}")
        one.forget(ids=f"p{held[0]}")
        assert without.digest() == one.digest() != parts.digest()
        parts.forget(ids=f"p{held[0]}")
        parts.rebalance(3)
        assert parts.digest() == one.digest()
    with StoreSet.open(tmp_path / "set") as parts, Store.open(tmp_path / "one.sqlearn") as one:
        assert parts.digest() == one.digest()
        assert parts.verify()
        assert parts.check_receipts()
        gone = {name: [column[held[0]]] for name, column in table.items()}
        assert bool(parts.erasure_report(values=gone["id"])) == bool(one.erasure_report(values=gone["id"]))


def test_few_rows_are_solved_for_while_they_can_be_asked(tmp_path):
    learner, rng = LogisticRegression(), np.random.default_rng(2)
    table = table_of(learner, rng, range(12))
    roles = {role: name for role, name in ROLES.items() if name in table}
    with (
        StoreSet.create(tmp_path / "set", learner, table, parts=3, **roles) as parts,
        Store.create(tmp_path / "one.sqlearn", learner, table, **roles) as one,
    ):
        assert (parts.model.coef_ == one.model.coef_).all()
        assert (parts.model_without(ids="p1").coef_ == one.model_without(ids="p1").coef_).all()
        assert (parts.predict(table) == one.predict(table)).all()
        for where in ("y <> 'a'", "a < 1e300"):  # one class, then no row
            models = [store.model_without(where=where) for store in (parts, one)]
            for store in (parts, one):
                store.forget(where=where)
            assert len({model.digest() for model in (*models, parts.model, one.model)}) == 1


def test_learners_that_keep_rows_for_more_are_refused(tmp_path):
    table = table_of(LogisticRegression(), np.random.default_rng(3), range(12))
    with pytest.raises(UnsupportedError, match="KNeighborsClassifier keeps its rows"):
        StoreSet.create(tmp_path / "set", KNeighborsClassifier(), some(table, range(12)), target="y", id="id", keep="w")
    with pytest.raises(UnsupportedError, match="numbers alone, pass the learner itself; else"):
        StoreSet.create(
            tmp_path / "set", TableModel(LogisticRegression()), some(table, range(12)), target="y", id="id", keep="w"
        )
    assert not (tmp_path / "set").exists()


def test_damage_is_told(tmp_path):
    learner, rng = KMeans(2), np.random.default_rng(4)
    table = table_of(learner, rng, range(60))
    StoreSet.create(tmp_path / "set", learner, table, parts=2, id="id", weight="w").close()
    path = next((tmp_path / "set").glob("part*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(StoreCorruptError), StoreSet.open(tmp_path / "set") as parts:
        parts.verify()
