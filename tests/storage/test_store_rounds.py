"""Learners that ask their rows in rounds, with the rows in a store: what they ask is in the file, and nowhere else."""

import pickle
from collections import Counter

import numpy as np
import pytest
from sklearn.base import clone

from learners import EVERYWHERE, over
from sqlearn import Store, verify
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.engine.rounds.row_source import MAX_HASH
from sqlearn.ensemble import ExtraTreesRegressor, IsolationForest, RandomForestClassifier
from sqlearn.errors import MergeError, StoreCorruptError, UndefinedAttributeError, UnsupportedError
from sqlearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor
from sqlearn.mixture import GaussianMixture
from sqlearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sqlearn.storage.file.residue import residue
from sqlearn.storage.records import copies
from sqlearn.storage.records import row_source as stored_rows
from sqlearn.storage.records.row_source import StoredRows
from sqlearn.svm import LinearSVC
from sqlearn.tree import DecisionTreeClassifier
from tiny_rounds import cut

pytestmark = pytest.mark.filterwarnings("ignore")

LEARNERS = [
    LogisticRegression(),
    PoissonRegressor(),
    GammaRegressor(),
    TweedieRegressor(power=1.5),
    KMeans(3, random_state=4),
    GaussianMixture(2, covariance_type="diag"),
    LinearSVC(),
]
FORESTS = [
    RandomForestClassifier(7, max_samples=0.4, random_state=2, oob_score=True),
    ExtraTreesRegressor(3),
    DecisionTreeClassifier(),
]
NEIGHBOURS = [KNeighborsClassifier(2), KNeighborsRegressor(2)]  # which keep their rows, but have no rounds


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Samples of a few rows, calls of many blocks, and rows written in many parts."""
    cut(monkeypatch)
    monkeypatch.setattr("sqlearn.storage.changes._AT_ONCE", 17)
    monkeypatch.setattr("sqlearn.storage.records.selection._AT_ONCE", 13)
    monkeypatch.setattr(stored_rows, "_REMEMBERED", 40)
    return monkeypatch


def drawn(model, random, n):
    """Rows with many copies among them, gaps, weights of 0, and labels that come and go."""
    rows = {"a": random.integers(-2, 3, n) * 1.5, "b": random.choice([0.0, 1.0, 7.25, -1e9], n)}
    if isinstance(model, TableModel):
        rows["b"] = np.where(random.random(n) < 0.2, np.nan, rows["b"])
        rows["city"] = random.choice(["Rome", "Oslo", "Łódź", None], n)
        rows["code"] = random.integers(0, 3, n).astype(float)
        rows["flag"] = random.choice([True, False, None], n)  # a category for the store
    if model._target == "label":
        rows["y"] = random.choice(["yes", "no", "never"], n, p=[0.48, 0.48, 0.04])
    elif model._target == "value":
        rows["y"] = random.poisson(2.0, n) + 0.25
    if "sample_weight" in type(model).partial_fit.__code__.co_varnames and not isinstance(
        getattr(model, "learner", model), GaussianMixture
    ):
        rows["weight"] = random.choice([0.0, 1.0, 1.0, 2.5], n)
    return rows


def joined(tables):
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def in_memory(model, store, table):
    """The same model fitted in memory."""
    twin = type(model)(**store.model.get_params(deep=False))
    features = [name for name in table if name not in ("y", "weight")]
    X = {name: table[name] for name in features}
    X = X if isinstance(model, TableModel) else np.column_stack(list(X.values()))
    given = {name: table[key] for name, key in (("y", "y"), ("sample_weight", "weight")) if key in table}
    return twin.partial_fit(X, **given), X, given


@over(LEARNERS)
def test_a_model_of_one_class_or_of_no_row_is_taken_out(learner, tmp_path):
    """There is nothing to solve for."""
    rows = drawn(learner, np.random.default_rng(0), 40)
    roles = {"target": "y" if "y" in rows else None, "weight": "weight" if "weight" in rows else None}
    with Store.create(tmp_path / "a", learner, rows, **roles) as store:
        for where in ["y <> 'yes'"] * (learner._target == "label") + ["a < 1000"]:
            without = store.model_without(where=where)
            store.forget(where=where)
            assert store.model.digest() == without.digest() == store.digest()
            with pytest.raises(UndefinedAttributeError):
                store.model.predict(np.zeros((1, 2)))


WHICH = [*LEARNERS, *map(TableModel, LEARNERS), *NEIGHBOURS]


@over(WHICH if EVERYWHERE else WHICH[::2])  # CI takes each learner once, in a table or not
@pytest.mark.parametrize("seed", [0, 1] if EVERYWHERE else [0])
def test_random_calls_end_like_a_refit_in_memory(learner, seed, tmp_path):
    """Learn, forget, relabel, reopen, many copies of a row among them: the digest is that of a fit in memory."""
    random = np.random.default_rng(seed)
    model = clone(learner)
    if isinstance(model, TableModel):
        model.set_params(columns={"code": "category", "flag": "number"})
    rows = drawn(model, random, 90)
    target, weight = "y" if "y" in rows else None, "weight" if "weight" in rows else None
    frames = ({name: column[i : i + 31] for name, column in rows.items()} for i in range(0, 90, 31))
    store = Store.create(tmp_path / "a", model, frames, target=target, weight=weight)
    held = {i: {name: column[i] for name, column in rows.items()} for i in range(90)}
    follow = 90

    def check():
        assert store.verify(), store.verify()
        assert sorted(store.ids()) == sorted(held)
        if held:
            table = {name: np.array([row[name] for row in held.values()]) for name in rows}
            order = random.permutation(len(held))
            twin, *_ = in_memory(model, store, {name: column[order] for name, column in table.items()})
            assert store.digest() == twin.digest()

    check()
    for step in range(14 if EVERYWHERE else 7):
        kind = step % 5 if step < 5 else random.integers(5)
        if kind == 0:
            new = drawn(model, random, int(random.integers(1, 60)))
            store.learn(new)
            held |= {follow + i: {n: c[i] for n, c in new.items()} for i in range(len(new["a"]))}
            follow += len(new["a"])
        elif kind == 1:
            gone = random.choice(sorted(held), min(len(held), int(random.integers(1, 40))), replace=False).tolist()
            store.forget(ids=gone)
            for i in gone:
                del held[i]
        elif kind == 2:
            (i,) = random.choice(sorted(held), 1).tolist()
            a, b = float(held[i]["a"]), float(held[i]["b"])
            hit = [k for k, row in held.items() if row["a"] == a and np.array_equal(row["b"], b, equal_nan=True)]
            where = f"a = {a!r} and b {'is null' if b != b else f'= {b!r}'}"
            assert store.forget(where=where).count == len(hit)
            for k in hit:
                del held[k]
        elif kind == 3 and target:
            to = "no" if model._target == "label" else 3.0
            some = random.choice(sorted(held), len(held) // 2, replace=False).tolist()
            store.relabel(ids=some, to=to, new=True)
            for i in some:
                held[i]["y"] = to
        else:
            store.close()
            store = Store.open(tmp_path / "a")
        check()
    source = store._source
    assert isinstance(source, StoredRows) and source in (
        getattr(store._model._state.statistic, "raw", None), getattr(store._model._state.statistic, "rows", None)
    )  # fmt: skip
    assert store._model._state.ledger is None
    store.forget(where="true")
    assert store.verify() and residue(store._database) == 0
    index = store._source.copies.index
    assert len(index.slots) and not any(len(entries) for entries in index.entries())
    store.learn(rows)
    held = {follow + i: {name: column[i] for name, column in rows.items()} for i in range(90)}
    check()


def test_copies_are_numbered_without_gaps(tmp_path):
    """Whichever of equal rows goes, those that stay have the keyed hashes of a model that never saw it."""
    random = np.random.default_rng(3)
    table = {"x": np.repeat([1.0, 2.0, 3.0, 4.0], 30), "y": np.tile([0, 1, 1], 40)}
    store = Store.create(tmp_path / "a", LogisticRegression(), table, target="y")
    held = Counter(zip(table["x"], table["y"], strict=True))
    while len(store):
        gone = random.choice(store.ids(), min(len(store), 17), replace=False).tolist()
        held -= Counter((table["x"][i], table["y"][i]) for i in gone)
        store.forget(ids=gone)
        rows = np.array(sorted(held.elements())).reshape(-1, 2)
        if len(rows):
            memory = LogisticRegression().partial_fit(rows[:, :1], rows[:, 1].astype(int))
            own = np.concatenate([r.hashes[r.w > 0] for r in memory._state.statistic.rows.blocks(MAX_HASH)])
            stored = np.concatenate([r.hashes for r in store._source.blocks(MAX_HASH)])
            assert (np.sort(own) == np.sort(stored)).all()
        assert store.verify()


def test_opening_asks_nothing(tmp_path, monkeypatch):
    random = np.random.default_rng(5)
    table = drawn(LogisticRegression(), random, 200)
    Store.create(tmp_path / "a", LogisticRegression(), table, target="y", weight="weight").close()
    monkeypatch.setattr(StoredRows, "blocks", lambda self, limit: pytest.fail("rows are read"))
    with Store.open(tmp_path / "a") as store:
        assert store.predict(table).shape == (200,)
        assert len(pickle.dumps(store.model)) > 0


@over([LogisticRegression(), TableModel(LogisticRegression())])
def test_a_model_taken_out_leaves_its_rows(learner, tmp_path):
    random, model = np.random.default_rng(6), learner
    rows = drawn(model, random, 60)
    store = Store.create(tmp_path / "a", model, rows, target="y", weight="weight")
    taken = pickle.loads(pickle.dumps(store.model))
    twin, X, given = in_memory(model, store, rows)
    assert verify(taken, X, **given)
    assert not verify(taken, {n: c[1:] for n, c in X.items()} if isinstance(X, dict) else X[1:],
                      **{n: c[1:] for n, c in given.items()})  # fmt: skip
    assert taken.predict(X).tolist() == twin.predict(X).tolist()
    digest = taken.digest()
    for call in (taken.forget, taken.partial_fit):
        with pytest.raises(UnsupportedError, match="taken out of a store"):
            call(X, **given)
        assert taken.digest() == digest
    for one, other in ((taken, twin), (twin, taken)):
        before = one.digest(), other.digest()
        with pytest.raises((UnsupportedError, MergeError), match="taken out of a store"):
            one.merge(other)
        assert before == (one.digest(), other.digest())
    assert verify(taken, X, **given) and verify(twin, X, **given)


def test_rounds_of_an_earlier_revision_are_evaluated_anew(tmp_path, monkeypatch):
    table = {"x": np.arange(40.0), "z": [*"abcd"] * 10, "y": np.arange(40) % 2}
    monkeypatch.setattr("sqlearn.compose.table_model._REVISION", 1)
    with Store.create(tmp_path / "a", TableModel(LogisticRegression()), table, target="y") as store:
        copy = pickle.dumps(store.model)
    monkeypatch.undo()
    with Store.open(tmp_path / "a") as store:
        twin = TableModel(LogisticRegression()).fit({name: table[name] for name in "xz"}, table["y"])
        assert store.predict(table).tolist() == twin.predict(table).tolist()
        assert store.verify()
        assert store.forget(where="x < 3").count == 3 and store.verify()
    with pytest.raises(UndefinedAttributeError, match="take it out again"):
        pickle.loads(copy).predict(table)


def test_hashes_that_were_changed_in_the_file_show(tmp_path):
    random = np.random.default_rng(7)
    table = drawn(LogisticRegression(), random, 60)
    store = Store.create(tmp_path / "a", LogisticRegression(), table, target="y", weight="weight")
    cells = store._rows.read(np.array([40])).copy()
    with store._database.writing():
        store._rows.rehash(np.array([40]), cells[:, -2] ^ np.uint64(1 << 40))
    assert "keyed hashes" in str(store.verify())
    with pytest.raises(StoreCorruptError):
        store.forget(ids=store.ids())
    assert len(store) == 60


def test_an_index_that_fills_while_rows_come(tmp_path, tiny):
    """Numbers are right however many copies wait to be written."""
    tiny.setattr("sqlearn.storage.file.hash_index._WAITING", 25)
    table = {"x": np.repeat(np.arange(6.0), 40), "y": np.tile([0, 1], 120)}
    order = np.random.default_rng(8).permutation(240)
    frames = ({name: column[part] for name, column in table.items()} for part in np.array_split(order, 9))
    store = Store.create(tmp_path / "a", LogisticRegression(), frames, target="y")
    assert store.verify()
    assert store.digest() == LogisticRegression().fit(table["x"][:, None], table["y"]).digest()
    store.learn({name: np.repeat(column, 3) for name, column in table.items()})
    assert store.verify() and len(store) == 960
    assert isinstance(store._source.copies, copies.Copies)


@over([LogisticRegression(), TableModel(LogisticRegression())])
def test_what_a_change_did_can_be_read(learner, tmp_path):
    random = np.random.default_rng(9)
    rows = drawn(learner, random, 60)
    store = Store.create(tmp_path / "a", learner, rows, target="y", weight="weight")
    assert store.last_update_.rows_scanned > 0
    store.forget(where="weight = 0")
    last = store.last_update_
    # a loss whose rounds do not come to rest is solved for over all rows at each change
    assert last.broke_at == "rest" or (last.broke_at is None and last.rows_scanned == 0)
    with pytest.warns(FutureWarning, match="read last_update_"):
        assert store.last_forget_.broke_at == last.broke_at
    with Store.open(tmp_path / "a") as other, pytest.raises(UndefinedAttributeError, match="not been updated"):
        _ = other.last_update_


@over([LogisticRegression(), TableModel(LogisticRegression())])
@pytest.mark.parametrize("column, value", [(0, 1e300), (0, np.nan), (-1, 0)])
def test_a_damaged_row_is_not_learned_when_rounds_ask_it(learner, column, value, tmp_path):
    """A number that no model takes, a gap where none is learned, a label that is no more."""
    table = {"x": np.arange(40.0), "z": np.arange(40.0) % 7, "y": np.arange(40) % 2}
    store = Store.create(tmp_path / "a", learner, table, target="y")
    slot = store._ids.find([30])
    cells = store._rows.read(slot).copy()
    where = column if column >= 0 else cells.shape[1] - 3
    cells[0, where] = np.float64(value).view(np.uint64) if column >= 0 else value
    with store._database.writing():
        store._rows.slots.overwrite(slot, cells)
    digest = store.digest()
    if isinstance(learner, TableModel) and value != value:
        assert not store.verify()  # a gap there may be: it shows in a refit
        return
    with pytest.raises(StoreCorruptError):
        store.forget(where="x < 20")
    assert store.digest() == digest and len(store) == 40


@over(NEIGHBOURS)
def test_neighbours_are_looked_for_in_the_file(learner, tmp_path):
    random = np.random.default_rng(5)
    rows = drawn(learner, random, 60)
    store = Store.create(tmp_path / "a", learner, rows, target="y")
    twin, X, given = in_memory(learner, store, rows)
    np.testing.assert_array_equal(store.predict(rows), twin.predict(X))
    taken = store.model
    with Store.open(tmp_path / "a") as again:
        again.forget(where="a < 0")
        kept = rows["a"] >= 0
        assert again.verify()
        twin.forget(X[~kept], given["y"][~kept])
        assert again.digest() == twin.digest()
        np.testing.assert_array_equal(again.predict(rows), twin.predict(X))
        twin.partial_fit(X[~kept], given["y"][~kept])
        again.forget(where="a >= 0")
        with pytest.raises(UndefinedAttributeError, match="no rows"):
            again.model.predict(X)
    for model in (taken, pickle.loads(pickle.dumps(taken))):  # it has the rows of then, and cannot change
        np.testing.assert_array_equal(model.predict(X), twin.predict(X))
        with pytest.raises(UnsupportedError, match="taken out of a store"):
            model.forget(X[0], given["y"][0])
        with pytest.raises(MergeError, match="taken out of a store"):
            model.merge(twin)


@over(list(map(TableModel, FORESTS)))
def test_trees_of_tables_are_grown_from_the_file(learner, tmp_path):
    random = np.random.default_rng(8)
    model = clone(learner).set_params(columns={"code": "category"})
    rows = drawn(model, random, 90)
    store = Store.create(tmp_path / "a", model, rows, target="y", weight="weight")
    assert store.verify()
    gone = rows["city"] == "Oslo"
    store.forget(where="city = 'Oslo'")
    held = {name: column[~gone] for name, column in rows.items()}
    assert store.verify()
    twin, X, given = in_memory(model, store, held)
    np.testing.assert_array_equal(store.predict(rows), twin.predict(rows))
    taken = pickle.loads(pickle.dumps(store.model))
    assert verify(taken, X, **given)
    np.testing.assert_array_equal(taken.predict(X), twin.predict(X))


@over(FORESTS)
def test_trees_are_grown_from_the_file(learner, tmp_path):
    """After any call, what a store answers is what a fit in memory answers; its digest tells of records alone."""
    random = np.random.default_rng(6)
    rows = drawn(learner, random, 90)
    rows["b"] = np.where(random.random(90) < 0.2, np.nan, rows["b"])
    rows["a"][7] = 1e300
    rows["city"] = random.choice(["Rome", "Oslo", "Łódź", None], 90)
    rows["flag"] = random.choice([True, False, None], 90)
    some = {name: column[:50] for name, column in rows.items()}
    store = Store.create(tmp_path / "a", learner, some, target="y", weight="weight")
    held = some

    def check():
        assert store.verify(), store.verify()
        twin, X, given = in_memory(learner, store, held)
        np.testing.assert_array_equal(store.predict(held), twin.predict(X))
        taken = pickle.loads(pickle.dumps(store.model))
        assert taken.digest() == store.digest()
        np.testing.assert_array_equal(taken.apply(X), twin.apply(X))
        assert verify(taken, X, **given)
        kept = {name: values[1:] for name, values in given.items()}
        assert not verify(taken, X[1:], **kept)
        if getattr(learner, "oob_score", False):
            assert taken.oob_score_ == twin.oob_score_ == store.model.oob_score_
        with pytest.raises(UnsupportedError, match="taken out of a store"):
            taken.forget(X[0], **{name: values[0] for name, values in given.items()})
        with pytest.raises(UnsupportedError, match="taken out of a store"):
            taken.cost_of_forgetting(X[0], given["y"][0])

    check()
    store.learn({name: column[50:] for name, column in rows.items()})
    held = rows
    check()
    gone = rows["a"] < 0
    store.forget(where="a < 0")
    held = {name: column[~gone] for name, column in rows.items()}
    check()
    store.close()
    store = Store.open(tmp_path / "a")
    check()
    gone = held["city"] == "Oslo"
    store.forget(where="city = 'Oslo'")
    held = {name: column[~gone] for name, column in held.items()}
    check()
    assert b"Oslo" not in (tmp_path / "a").read_bytes()
    to = "never" if learner._target == "label" else -4.5
    store.relabel(where="b is null", to=to)
    held["y"] = np.where(np.isnan(held["b"]), to, held["y"])
    check()
    store.forget(where="true")
    assert store.verify() and residue(store._database) == 0
    with pytest.raises(UndefinedAttributeError, match="no rows"):
        store.model.predict([[1.0, 2.0, "Rome", True]])
    store.learn(rows)
    held = rows
    check()


def test_isolation_trees_are_grown_from_the_file(tmp_path):
    random = np.random.default_rng(7)
    X = np.where(random.random((90, 2)) < 0.1, np.nan, random.normal(size=(90, 2)))
    rows = {"a": X[:, 0], "b": X[:, 1], "id": np.arange(90)}
    learner = IsolationForest(n_estimators=5, max_samples=12, contamination=0.2)
    store = Store.create(tmp_path / "a", learner, {name: column[:50] for name, column in rows.items()}, id="id")

    def check(held):
        assert store.verify(), store.verify()
        twin = clone(learner).fit(held)
        np.testing.assert_array_equal(store.predict({"a": held[:, 0], "b": held[:, 1]}), twin.predict(held))
        taken = pickle.loads(pickle.dumps(store.model))
        assert taken.digest() == store.digest() and taken.offset_ == twin.offset_ == store.model.offset_
        assert verify(taken, held) and not verify(taken, held[1:])
        for refused in (taken.forget, taken.cost_of_forgetting):
            with pytest.raises(UnsupportedError, match="taken out of a store"):
                refused(held[0])

    check(X[:50])
    store.learn({name: column[50:] for name, column in rows.items()})
    check(X)
    store.forget(ids=range(20, 60))
    check(np.delete(X, np.arange(20, 60), axis=0))
    store.close()
    store = Store.open(tmp_path / "a")
    check(np.delete(X, np.arange(20, 60), axis=0))
    store.forget(where="true")
    assert store.verify() and residue(store._database) == 0
    with pytest.raises(UndefinedAttributeError, match="no rows"):
        store.model.predict([[1.0, 2.0]])
    store.close()
