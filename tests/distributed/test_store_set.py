"""A set of stores is one store: the same bytes, ids, numbers and errors, however its rows are divided."""

import shutil

import numpy as np
import pandas as pd
import pytest

from learners import EVERYWHERE
from refusals import CLOSED, EXISTS, MISSING, NOT_A_STORE, Kind, raises
from sqlearn import Store
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel, TextModel
from sqlearn.decomposition import PCA
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.distributed import StoreSet
from sqlearn.distributed.store_set.part import Part
from sqlearn.errors import (
    ConditionError,
    DuplicateIdError,
    InvalidValueError,
    StoreCorruptError,
    StoreError,
    SuppressedIdError,
    TableError,
    UnknownIdError,
    UnknownLabelError,
    UnsupportedError,
)
from sqlearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MixedNB, MultinomialNB
from sqlearn.recommend import ItemKNN

HARD = (1e12, -1e12, 1e150, -1e150, 5e-324, 2.5e-310, -0.0, 0.0, 0.1, 1 / 3, 7.0)
WORDS = "red", "green", "blue", None
UNFINISHED, ARGUMENT = Kind(StoreError, "unfinished"), Kind(StoreError, "argument")
MODELS = {
    "gauss": GaussianNB(),
    "mixed": MixedNB(),
    "line": LinearRegression(),
    "lda": LinearDiscriminantAnalysis(),
    "pca": PCA(n_components=1),
    "table": TableModel(RidgeClassifier()),
    "text": TextModel(MultinomialNB()),
}
OF_TABLES = "mixed", "table"


def table_of(rows, model="mixed", first=0):
    """Hard values, of which many cancel or repeat, and labels of which one is rare."""
    numbers = np.arange(first, first + rows)
    table = {"id": [f"p{i}" for i in numbers], "x": [HARD[i * i % len(HARD)] for i in numbers]}
    table |= {"z": (numbers % 13 - 6.0).tolist(), "y": ["abc"[0 if i % 29 == 3 else 1 + i % 2] for i in numbers]}
    if model == "text":
        return {"id": table["id"], "t": [f"word{i % 7} of{i % 3} some {i}" for i in numbers], "y": table["y"]}
    if model in OF_TABLES:
        table["w"] = [WORDS[i % 4] for i in numbers]
    if model == "line":
        table["y"] = (numbers / 7).tolist()
    if model == "pca":
        table["x"], _ = (numbers / 3).tolist(), table.pop("y")
    return table


def some(table, rows):
    return {name: [column[i] for i in rows] for name, column in table.items()}


def roles(model):
    return {"id": "id"} if model == "pca" else {"id": "id", "target": "y"}


def both(path, model, parts, table=None, **given):
    """A set and a store of the same rows."""
    table = table_of(60, model) if table is None else table
    learner = MODELS[model]
    one = Store.create(path / "one", learner, table, **roles(model), **given)
    return StoreSet.create(path / "set", learner, table, **roles(model), parts=parts, **given), one


def assert_same(store_set, store):
    assert store_set.digest() == store.digest()
    assert sorted(store_set.ids()) == sorted(store.ids()) and len(store_set) == len(store)


@pytest.mark.parametrize("model, parts", [("mixed", 1), ("mixed", 2), ("gauss", 7), ("mixed", 16), ("gauss", 64)])
def test_the_parts_are_no_part_of_the_digest(tmp_path, model, parts):
    store_set, store = both(tmp_path, model, parts)
    assert_same(store_set, store)
    assert store_set.n_parts == parts and store_set.verify()
    given = {name: column for name, column in table_of(20, model).items() if name in store.features}
    assert (store_set.predict(given) == store.predict(given)).all()
    assert store_set.model.digest() == store.model.digest()


@pytest.mark.parametrize("model", MODELS)
def test_random_verbs(tmp_path, model):
    """Calls in any order leave the bytes that they leave in one store, and both verify."""
    random = np.random.default_rng(0)
    store_set, store = both(tmp_path, model, 3)
    used = 60
    for step in range(14 if EVERYWHERE else 8):
        held = store.ids()
        kind = ["learn", "ids", "where", "relabel", "rebalance"][step % 5 if step < 5 else random.integers(5)]
        if kind == "learn":
            new = table_of(int(random.integers(1, 20)), model, used)
            used += len(new["id"])
            for one in (store_set, store):
                assert one.learn(new).count == len(new["id"])
        elif kind == "ids":
            named = random.choice(held, min(len(held) - 1, int(random.integers(1, 15))), replace=False).tolist()
            for one in (store_set, store):
                assert one.forget(ids=named).count == len(named)
        elif kind == "where":
            where = f"id like '%{step % 10}'"
            counts = [one.forget(where=where, dry_run=True) for one in (store_set, store)]
            assert counts[0] == counts[1]
            receipts = [one.forget(where=where) for one in (store_set, store)]
            assert [receipt and receipt.count for receipt in receipts] == [counts[0] or None] * 2
        elif kind == "relabel" and model != "pca":
            to = float(random.integers(-3, 3)) if model == "line" else str(random.choice(["a", "b", "new"]))
            named = random.choice(held, min(len(held), 12), replace=False).tolist()
            counts = [one.relabel(ids=named, to=to, new=True) for one in (store_set, store)]
            assert (counts[0] and counts[0].count) == (counts[1] and counts[1].count)
        else:
            store_set.rebalance(int(random.integers(1, 6)))
        assert_same(store_set, store)
        some_held = store.ids()[: step % 3]  # none, too
        without = [one.model_without(ids=some_held).digest() for one in (store_set, store)]
        assert without[0] == without[1]
        assert_same(store_set, store)
    assert store_set.verify() and store.verify() and store_set.check_receipts()
    counts = [[receipt.count for receipt in one.receipts() if receipt.kind == "learn"] for one in (store_set, store)]
    assert counts[0] == counts[1]
    store_set.close()
    with StoreSet.open(tmp_path / "set") as opened:
        assert_same(opened, store)


def test_all_rows_may_go(tmp_path):
    store_set, store = both(tmp_path, "mixed", 3)
    for one in (store_set, store):
        one.forget(ids=one.ids())
    assert_same(store_set, store)
    assert len(store_set) == 0 and store_set.verify()
    store_set.rebalance(2)
    assert_same(store_set, store)
    for one in (store_set, store):
        one.learn(table_of(5))
    assert_same(store_set, store)


def test_running_numbers(tmp_path):
    """They are those of one store, and none is given twice, whichever part has which."""
    table = {name: column for name, column in table_of(40, "gauss").items() if name != "id"}
    store = Store.create(tmp_path / "one", GaussianNB(), table, target="y")
    store_set = StoreSet.create(tmp_path / "set", GaussianNB(), table, target="y", parts=5)
    assert_same(store_set, store)
    for one in (store_set, store):
        one.forget(ids=[38, 39, 3])
        one.learn(some(table, [1]))
        one.forget(where="id >= 40")
        one.learn(iter([some(table, [1, 2]), some(table, [5, 6, 7])]))
    assert_same(store_set, store)
    assert store_set.ids() == sorted(store.ids()) and store_set.ids()[-1] == 45
    store_set.rebalance(2)
    store_set.learn(some(table, [0]))
    assert store_set.ids()[-1] == 46 and store_set.ids("id > 40") == [41, 42, 43, 44, 45, 46]
    assert sum(store_set.part_lengths().values()) == len(store_set) and len(store_set.part_lengths()) == 2


def test_frames_and_streams(tmp_path):
    table = pd.DataFrame(table_of(300))
    blocks = [table.iloc[start : start + 37] for start in range(0, 300, 37)]
    rows = []
    store_set = StoreSet.create(
        tmp_path / "set", MixedNB(), iter(blocks), target="y", id="id", parts=4, progress=rows.append
    )
    assert sum(rows) == 300
    store = Store.create(tmp_path / "one", MixedNB(), table, target="y", id="id")
    assert_same(store_set, store)
    looked = []
    assert store_set.ids(where="z > 0", progress=looked.append) and sum(looked) == 300
    assert sorted(store_set.ids(where="w = 'red' and z > 0")) == sorted(store.ids(where="w = 'red' and z > 0"))


def test_predictions_are_those_of_one_moment(tmp_path):
    """A change from the iterator of the table, and one behind it: the model that predicts is the one it was."""
    store_set, _ = both(tmp_path, "mixed", 2)
    given = {name: column for name, column in table_of(20).items() if name in store_set.features}
    expected = store_set.predict(given)

    def changing():
        yield given
        store_set.forget(where="y = 'b'")
        yield given

    assert (store_set.predict(changing()) == np.tile(expected, 2)).all()
    assert (store_set.predict(given) != expected).any()


def test_files(tmp_path):
    """CSV and Parquet files, by a pattern: kinds are those of the first one, and errors name the file and the line."""
    table = pd.DataFrame(table_of(300))
    folder = tmp_path / "data"
    folder.mkdir()
    for k in range(3):
        table.iloc[100 * k : 100 * k + 100].to_csv(folder / f"{k}.csv", index=False)
        table.iloc[100 * k : 100 * k + 100].to_parquet(folder / f"{k}.parquet")
    given = {"target": "y", "id": "id", "parts": 3}
    made = [StoreSet.create(tmp_path / kind, MixedNB(), f"{folder}/*.{kind}", **given) for kind in ("csv", "parquet")]
    store = Store.create(tmp_path / "one", MixedNB(), table, target="y", id="id")
    for store_set in made:
        assert_same(store_set, store)
    more = pd.DataFrame(table_of(20, first=300))
    more.to_csv(tmp_path / "more.csv", index=False)
    for one, new in ((made[0], tmp_path / "more.csv"), (made[1], [str(tmp_path / "more.csv")]), (store, more)):
        one.learn(new)
    for store_set in made:
        assert_same(store_set, store)
    (folder / "3.csv").write_text("id,x,z,y,w\nnew,1.5,2,a,red\nnewer,much,2,b,red\n")
    with pytest.raises(TableError, match=r"'x' holds numbers in .*0\.csv, and categories in .*3\.csv"):
        StoreSet.create(tmp_path / "other", MixedNB(), f"{folder}/*.csv", **given)
    with pytest.raises(DuplicateIdError, match=r"more\.csv, line 2"):
        made[0].learn(tmp_path / "more.csv")
    assert not (tmp_path / "other").exists()
    assert_same(made[0], store)


def test_weights_and_kept_columns(tmp_path):
    table = table_of(50, "line") | {
        "weight": (np.arange(50) % 4).astype(float),
        "since": pd.date_range("2024", periods=50),
    }
    given = {"target": "y", "id": "id", "weight": "weight", "keep": "since", "booleans": None}
    store_set = StoreSet.create(tmp_path / "set", Ridge(), table, parts=3, **given)
    store = Store.create(tmp_path / "one", Ridge(), table, **given)
    assert_same(store_set, store)
    for one in (store_set, store):
        assert one.forget(where="since < '2024-01-10'").count == 9
    assert_same(store_set, store)
    assert [c.name for c in store_set.columns] == [c.name for c in store.columns]
    assert store_set.model_name == "Ridge" and store_set.parameters == store.parameters


# ---------------------------------------------------------------------- errors


def state_of(store_set):
    """The digest, and the bytes of all files of rows."""
    return store_set.digest(), {file.name: file.read_bytes() for file in store_set.path.glob("part-*.sqlearn")}


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    """A set and a store for calls that change nothing."""
    made = both(tmp_path_factory.mktemp("unchanged"), "mixed", 4, suppress=True)
    for one in made:
        one.forget(ids="p7")
    return made


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda s: s.forget(ids=["p1", "nobody", "p2", "none"]), UnknownIdError),
        (lambda s: s.forget(ids=["p1", "p2", "p1"]), UnknownIdError),
        (lambda s: s.forget(ids=[5]), UnknownIdError),
        (lambda s: s.forget(where="nothing = 1"), ConditionError),
        (lambda s: s.forget(where="w = 1"), ConditionError),
        (lambda s: s.forget(), StoreError),
        (lambda s: s.forget(ids="p1", where="z > 0"), StoreError),
        (lambda s: s.forget(ids="p1", dry_run="no"), StoreError),
        (lambda s: s.relabel(ids=["p1", "p2"], to="unheard"), UnknownLabelError),
        (lambda s: s.relabel(ids=["p1", "p2"], to=None), InvalidValueError),
        (lambda s: s.relabel(ids=["p5", "p6"], to=7, new=True), InvalidValueError),
        (lambda s: s.learn(table_of(3, first=58)), DuplicateIdError),
        (lambda s: s.learn(iter([table_of(20, first=100), table_of(20, first=110)])), DuplicateIdError),
        (lambda s: s.learn(table_of(4, first=100) | {"x": [1.0, 2.0, float("inf"), 3.0]}), InvalidValueError),
        (lambda s: s.learn(table_of(4, first=100) | {"y": ["a", "a", None, "a"]}), InvalidValueError),
        (lambda s: s.learn(table_of(4, first=100) | {"y": [1, 2, 3, 4]}), InvalidValueError),
        (lambda s: s.learn(iter([table_of(4, first=100), {"x": [1.0]}])), TableError),
        (lambda s: s.learn(iter([])), ValueError),
        (lambda s: s.learn(table_of(4, first=100) | {"id": [1, 2, 3, 4]}), TableError),
        (lambda s: s.learn({**some(table_of(9, first=100), range(9)), "id": [f"q{i}" for i in range(8)] + ["p7"]}),
         SuppressedIdError),
    ],
)  # fmt: skip
def test_errors_are_those_of_one_store(unchanged, call, error):
    """The same class, row and, but for the path, words; and nothing has changed, not even a byte."""
    store_set, store = unchanged
    before = state_of(store_set)
    told = []
    for one in (store_set, store):
        with pytest.raises(error) as caught:
            call(one)
        told.append(caught.value)
    assert getattr(told[0], "row", None) == getattr(told[1], "row", None)
    assert getattr(told[0], "column", None) == getattr(told[1], "column", None)
    if not isinstance(told[0], StoreError | SuppressedIdError) and "would be mixed" not in str(told[0]):
        assert str(told[0]) == str(told[1])
    assert "Nothing was changed" in str(told[0]) or "nothing was" in str(told[0])
    assert getattr(told[0], "__notes__", []) == getattr(told[1], "__notes__", [])
    assert state_of(store_set) == before
    assert_same(store_set, store)


def test_the_last_rows_of_text_keep_numbers_out(tmp_path):
    """Labels of two types would lie in two parts, each whole in itself; conditions see all parts, too."""
    table = {"id": [0, 1, 2, 3], "x": [1.0, 2.0, 3.0, 4.0], "w": ["red"] * 4, "y": ["a", "b", "a", "b"]}
    store_set = StoreSet.create(tmp_path / "set", MixedNB(), table, target="y", id="id", parts=12)
    with pytest.raises(InvalidValueError, match="mixed among the labels"):
        store_set.relabel(ids=[2], to=3, new=True)
    with pytest.raises(InvalidValueError, match="mixed among the labels"):
        store_set.learn({"id": [9], "x": [1.0], "w": ["red"], "y": [4]})
    assert store_set.relabel(ids=[0, 1, 2, 3], to=3, new=True).count == 4
    store_set.learn({"id": [9], "x": [1.0], "w": [5], "y": [4]})
    with pytest.raises(ConditionError, match="numbers and text"):
        store_set.ids(where="w < 'z'")
    assert store_set.ids(where="w = 5") == [9]


def test_what_cannot_be_made(tmp_path):
    table = table_of(10)
    for model, rows in ((TableModel(KMeans(2)), table), (ItemKNN(feedback="implicit"), {"user": [1], "item": [2]})):
        with pytest.raises(UnsupportedError, match="single store"):
            StoreSet.create(tmp_path / "set", model, rows)
    for parts in (0, 1000, 2.5, True, "8"):
        with raises(ARGUMENT, match="parts"):
            StoreSet.create(tmp_path / "set", MixedNB(), table, target="y", id="id", parts=parts)
    with pytest.raises(DuplicateIdError):
        StoreSet.create(tmp_path / "set", MixedNB(), table | {"id": ["a"] * 10}, target="y", id="id")
    with pytest.raises(ZeroDivisionError):
        StoreSet.create(tmp_path / "set", MixedNB(), (table for i in range(3) if 1 / (1 - i)), target="y", id="id")
    assert not list(tmp_path.iterdir())
    with raises(MISSING):
        StoreSet.open(tmp_path / "set")
    (tmp_path / "set").mkdir()
    with raises(EXISTS):
        StoreSet.create(tmp_path / "set", MixedNB(), table, target="y", id="id")
    with raises(NOT_A_STORE):
        StoreSet.open(tmp_path / "set")


def test_parts_belong_together(tmp_path):
    """A part is not opened alone; a missing one, and one of another set or of another place, is damage."""
    for name in ("a", "b"):
        StoreSet.create(tmp_path / name, MixedNB(), table_of(60), target="y", id="id", parts=3).close()
    first, second, other = (
        tmp_path / at for at in ("a/part-0-000.sqlearn", "a/part-0-001.sqlearn", "b/part-0-000.sqlearn")
    )
    with raises(NOT_A_STORE, match="set of stores"):
        Store.open(first)
    content = first.read_bytes(), second.read_bytes()
    for broken in (content[1], other.read_bytes()):
        first.write_bytes(broken)
        with pytest.raises(StoreCorruptError, match="not the part of the set"):
            StoreSet.open(tmp_path / "a")
    first.unlink()
    with pytest.raises(StoreCorruptError, match="lacks its part"):
        StoreSet.open(tmp_path / "a")
    first.write_bytes(content[0])
    journal = tmp_path / "a" / "journal.sqlearn"
    journal.rename(tmp_path / "journal")
    with pytest.raises(StoreCorruptError, match=r"lacks its journal\.sqlearn"):
        StoreSet.open(tmp_path / "a")
    (tmp_path / "journal").rename(journal)
    with StoreSet.open(tmp_path / "a") as store_set:
        assert store_set.verify()
        store_set.close()
        with raises(CLOSED):
            store_set.forget(ids="p1")


# ---------------------------------------------------------------------- all or nothing


@pytest.mark.parametrize("room", [0, 3])
def test_a_full_disk_changes_nothing(tmp_path, room):
    """One of the parts has no room for its rows: nothing is learned in any."""
    store_set, store = both(tmp_path, "mixed", 3)

    def limit(part):
        (pages,) = part._database.execute("PRAGMA page_count").fetchone()
        part._database.execute(f"PRAGMA max_page_count = {pages + room}")

    store_set._threads.run({1: lambda: limit(store_set._parts[1])})
    before = state_of(store_set)
    with raises(Kind(StoreError, "full"), match=r"part-0-001\.sqlearn cannot grow.*make room"):
        store_set.learn(table_of(9000, first=100))
    assert state_of(store_set)[0] == before[0] and len(store_set) == 60
    for one in (store_set, store):
        one.forget(ids=[f"p{i}" for i in range(30)])
    assert_same(store_set, store)
    assert store_set.verify()


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("kind", ["learn", "forget", "relabel"])
def test_a_part_that_cannot_commit(tmp_path, monkeypatch, kind, failing):
    """The disk is full when some parts have committed: the change is taken back, or made in the others as well."""
    store_set, store = both(tmp_path, "mixed", 3)
    calls = {  # of so many rows that some lie in each part
        "learn": lambda one: one.learn(table_of(30, first=100)),
        "forget": lambda one: one.forget(ids=[f"p{i}" for i in range(40)]),
        "relabel": lambda one: one.relabel(where="z > -7", to="c"),
    }
    commit, failed = Part.commit, []

    def full(part):
        if len(failed) < failing and "000" not in part.path.name:
            failed.append(part.path.name)
            part.undo()
            raise StoreError("The store cannot grow. Nothing was changed: make room.", reason="full")
        commit(part)

    with monkeypatch.context() as patched:
        patched.setattr(Part, "commit", full)
        if kind == "learn":
            with pytest.raises(StoreError, match="make room"):
                calls[kind](store_set)
        else:
            assert calls[kind](store_set).count == calls[kind](store).count
    assert len(failed) == failing
    assert_same(store_set, store)
    assert store_set.verify() and store_set.check_receipts() and store_set.erasure_report().residue == 0
    for one in (store_set, store):
        one.learn(table_of(3, first=200))
    assert_same(store_set, store)


@pytest.mark.parametrize("kind", ["learn", "forget"])
def test_a_part_that_cannot_be_put_right(tmp_path, monkeypatch, kind):
    """Nor can it be put right at once: every call says so, and puts it right when it can."""
    store_set, store = both(tmp_path, "mixed", 3)
    commit, done = Part.commit, []

    def full(part):
        done.append(part.path.name)
        if "000" not in part.path.name or (kind == "learn" and done.count(part.path.name) > 1):
            part.undo()
            raise StoreError("The store cannot grow. Nothing was changed: make room.", reason="full")
        commit(part)

    with monkeypatch.context() as patched:
        patched.setattr(Part, "commit", full)
        with raises(UNFINISHED, match="journal"):
            if kind == "learn":
                store_set.learn(table_of(30, first=100))
            else:
                store_set.forget(ids=[f"p{i}" for i in range(20)])
        with pytest.raises(StoreError, match="make room"):
            store_set.digest()
    if kind == "forget":
        store.forget(ids=[f"p{i}" for i in range(20)])
    with StoreSet.open(tmp_path / "set") as other:
        assert_same(other, store)
    assert_same(store_set, store)
    assert store_set.verify()


def test_nothing_is_left_of_what_is_gone(tmp_path):
    """In no part, no journal, and not in the set's own files."""
    mark = "MarkedText"
    table = {"id": [f"{mark}Id{i:05d}" for i in range(300)], "x": [1e6 + i / 7 for i in range(300)]}
    table |= {"w": [f"{mark}Ж{i:05d}" * (1 + i % 5) for i in range(300)], "y": ["ab"[i % 2] for i in range(300)]}
    store_set = StoreSet.create(tmp_path / "set", MixedNB(), table, target="y", id="id", parts=4)
    store_set.forget(ids=table["id"][:50])
    store_set.relabel(where="x > 1000030", to="b")
    gone = [*range(50), *range(100, 160)]
    store_set.forget(where=f"x >= {table['x'][100]!r} and x < {table['x'][160]!r}")
    report = store_set.erasure_report(table=some(table, gone))
    assert report, str(report)
    assert {"journal.sqlearn", "set.sqlearn", "part-0-003.sqlearn"} <= report.files.keys()
    assert len(store_set.erasure_report(table=some(table, [60, 61])).held) > 6
    for file in (tmp_path / "set").iterdir():
        content = file.read_bytes()
        assert not [i for i in gone if table["id"][i].encode() in content or table["w"][i].encode() in content]
    before = store_set.compact()
    assert before >= 0 and store_set.verify()


def test_receipts(tmp_path):
    """One for each change, with that of every part; altered or missing ones are found; parts' states are proved."""
    store_set, _ = both(tmp_path, "mixed", 3, signing_key="k" * 16)
    kept = [store_set.forget(ids="p1"), store_set.forget(ids=[f"p{i}" for i in range(2, 30)])]
    assert [(len(receipt.parts), receipt.count) for receipt in kept] == [(1, 1), (3, 28)]
    (part, receipt), *_ = kept[1].parts.items()
    assert receipt.commits_to(store_set.part_digests()[part])
    assert store_set.receipts()[1:] == kept and store_set.receipts()[0].count == 60
    assert store_set.check_receipts(kept, signing_key="k" * 16)
    assert not store_set.check_receipts(kept, signing_key="other key of 16 bytes")
    store_set.rebalance(2)
    kept.append(store_set.forget(where="z > 3"))
    assert store_set.check_receipts(kept, signing_key="k" * 16)
    assert [r.kind for r in store_set.receipts()] == ["create", "forget", "forget", "create", "forget"]
    assert store_set.receipts()[1:3] + store_set.receipts()[4:] == kept
    store_set.close()
    with StoreSet.open(tmp_path / "set") as unsigned:
        with raises(Kind(StoreError, "signature")):
            unsigned.forget(where="z < 0")
        assert unsigned.check_receipts(kept) and unsigned.verify()
        with pytest.raises(StoreError, match="receipt of a set"):
            unsigned.check_receipts([receipt])
    with StoreSet.open(tmp_path / "set", signing_key="k" * 16) as opened:
        opened._file.database.execute("UPDATE former SET count = count + 1 WHERE number = 2 AND part = 1")
        assert "does not follow" in opened.check_receipts().fault and not opened.verify()


def test_forgotten_ids_stay_forgotten(tmp_path):
    store_set, store = both(tmp_path, "mixed", 4, suppress=True)
    store_set.close()
    shutil.copytree(tmp_path / "set", tmp_path / "backup")
    store_set = StoreSet.open(tmp_path / "set")
    gone = [f"p{i}" for i in range(25)]
    for one in (store_set, store):
        one.forget(ids=gone)
    assert len(store_set.suppressed()) == len(store.suppressed()) == 25
    with StoreSet.open(tmp_path / "backup") as backup:
        assert backup.replay(store_set.suppressed()).count == 25
        assert_same(backup, store)
        assert backup.suppressed() == store_set.suppressed()
        assert backup.replay(store_set.suppressed()).count == 0
    with pytest.raises(UnknownIdError, match="not suppressed"):
        store_set.lift(["p1", "p50", "p2"])
    assert store_set.lift(["p1", "p2", "p3", "p4"]).count == 4 and store_set.lift([]) is None
    store_set.rebalance(3)
    assert len(store_set.suppressed()) == 21
    store_set.learn(some(table_of(60), range(1, 5)))
    with pytest.raises(SuppressedIdError):
        store_set.learn(some(table_of(60), [9]))
    assert store_set.verify()
    (tmp_path / "plain").mkdir()
    plain, _ = both(tmp_path / "plain", "mixed", 2)
    with raises(Kind(StoreError, "suppression")):
        plain.lift(["p1"])
    with raises(Kind(StoreError, "suppression")):
        plain.suppressed()
