"""Files that shrink, ids that stay forgotten, labels that are new, and receipts that are signed."""

from functools import partial

import numpy as np
import pytest

from damages import CASES
from learners import crossed
from refusals import ACCESS, EXISTS, Kind, raises
from sqlearn import Store
from sqlearn.errors import (
    FormatError,
    ParameterError,
    StoreError,
    SuppressedIdError,
    UnknownIdError,
    UnknownLabelError,
)
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB, MixedNB
from sqlearn.storage.file.residue import residue
from sqlearn.storage.upkeep.erasure import search
from sqlearn.store import Suppressed
from tiny_rounds import cut

KEY = b"a secret of the signer"
ARGUMENT = Kind(StoreError, "argument")


def people(numbers):
    numbers = list(numbers)
    return {
        "id": [f"SomebodyNo{i}" + "!" * (i % 90) for i in numbers],
        "x": [1e7 + i / 7 for i in numbers],
        "city": [f"CityNo{i % 50}" + "x" * (i % 50) for i in numbers],
        "y": ["ab"[i % 2] for i in numbers],
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.sqlearn"


def contents(store):
    with store._database.reading():
        rows = {
            id: repr(row)
            for _, cells in store._rows.scan()
            for id, *row in zip(
                store._ids.of_cells(cells[:, -1]),
                *(c.tolist() if isinstance(c, np.ndarray) else c.values() for c in store._rows.block(cells).values()),
                strict=True,
            )
        }
    return rows, store.digest(), store.receipts()


# ------------------------------------------------------------------------------------------------ room


@crossed(2, name=CASES, keep=[0, 1, 700])
def test_compact_changes_the_size_and_nothing_else(name, keep, path, monkeypatch):
    cut(monkeypatch)
    model, table, more, asked = CASES[name]
    rows = table(3000)
    store = Store.create(path, model, rows, **{"target": "y"} | more)
    ids = store.ids()
    order = np.random.default_rng(0).permutation(3000)
    gone = [ids[i] for i in order[keep:].tolist()]
    store.forget(ids=gone)
    before = contents(store), path.stat().st_size
    assert store.compact() == before[1] - path.stat().st_size > 0.4 * before[1]
    assert contents(store) == before[0]
    with Store.open(path) as again:
        assert contents(again) == before[0] and again.verify()
    assert store.verify() and store.check_receipts() and len(store) == keep
    assert residue(store._database) == 0
    assert store._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    # and it goes on as before
    extra = {key: column[:200] for key, column in rows.items()}
    if name == "tastes":  # pairs that are not held
        extra["user"] = [f"new {user}" for user in extra["user"]]
    if "id" in extra:
        textual = isinstance(extra["id"][0], str)
        extra["id"] = [f"new {i}" for i in range(200)] if textual else range(10**6, 10**6 + 200)
    store.learn(extra)
    store.forget(ids=store.ids()[::2])
    assert store.verify() and residue(store._database) == 0
    if keep == 700 and name != "tastes":  # of which half the users are gone
        store.predict(asked)
    size = path.stat().st_size
    store.compact()
    assert abs(store.compact()) == 0 and path.stat().st_size <= size and store.verify()


def test_compact_leaves_nothing_of_earlier_rows(path):
    """Neither of those forgotten before it, nor of those forgotten later, whose pages it moved."""
    store = Store.create(path, MixedNB(), people(range(3000)), target="y", id="id")
    held = people(range(0, 3000, 6))["id"]
    store.forget(ids=[id for i, id in enumerate(store.ids()) if i % 3])
    store.compact()
    store.forget(ids=[id for id in store.ids() if id not in held])
    assert sorted(store.ids()) == sorted(held)
    gone = [id for id in people(range(3000))["id"] if id not in held]
    report = store.erasure_report(values=[id for id in gone if "!" in id])
    assert not report.residue
    with store._database.contents() as files:
        marks = {id.encode() for id in gone if len(id) == 13}
        found = {pattern for pattern, _, _ in search(files, marks)}
    assert found <= {id[:13].encode() for id in held}
    store.forget(where="true")
    store.compact()
    assert b"SomebodyNo" not in path.read_bytes() and residue(store._database) == 0
    assert path.stat().st_size < 300_000


def test_compact_is_refused_or_undone_as_a_whole(path, monkeypatch):
    store = Store.create(path, MixedNB(), people(range(900)), target="y", id="id")
    store.forget(ids=people(range(100, 800))["id"])
    before, size = contents(store), path.stat().st_size

    def fails(settings):
        raise RuntimeError("at the last moment")

    with monkeypatch.context() as patch:
        patch.setattr("sqlearn.storage.file.settings.Settings.sign", fails)
        with pytest.raises(RuntimeError):
            store.compact()
    assert contents(store) == before and path.stat().st_size == size and store.verify()
    with Store.open(path) as other:
        assert store.compact() > 0
        assert contents(other) == before and other.verify()


def test_a_state_that_was_larger_once(path):
    """A class that came and went leaves no room behind."""
    table = {f"x{j}": np.random.default_rng(j).normal(size=300) for j in range(60)} | {"y": np.arange(300) % 9}
    store = Store.create(path, GaussianNB(), table, target="y")
    store.forget(where="y > 0")
    assert store.compact() > 20_000 and store.verify()


# ------------------------------------------------------------------------------------------------ suppression


def test_forgotten_ids_are_refused(path):
    store = Store.create(path, MixedNB(), people(range(60)), target="y", id="id", suppress=True)
    gone = people(range(10, 20))["id"]
    store.forget(ids=gone)
    before = contents(store)
    with pytest.raises(SuppressedIdError, match=r"SomebodyNo1[0-9].*first of 3 such.*Store\.lift"):
        store.learn(people([17, 60, 18, 19]))
    assert contents(store) == before and store.verify()
    store.learn(people([60, 61]))
    with pytest.raises(UnknownIdError, match="not suppressed"):
        store.lift([gone[0], "nobody"])
    receipt = store.lift(gone[7])
    assert (receipt.kind, receipt.count, receipt) == ("lift", 1, store.receipts()[-1]) and "lift 1 id," in str(receipt)
    assert receipt.commits_to(store.digest()) and store.check_receipts([receipt])
    before = contents(store)
    assert store.lift([]) is None and contents(store) == before
    store.learn(people([17]))
    assert len(store.suppressed()) == 9 and len(store) == 53 and store.verify()
    store.forget(ids=gone[7])
    store.compact()
    with Store.open(path) as again:
        assert len(again.suppressed()) == 10 and again.verify()
        with pytest.raises(SuppressedIdError):
            again.learn(people([17]))


def test_the_list_holds_keyed_hashes_alone(path, tmp_path):
    table = {"id": [0, 1, 2], "x": [1.0, 2.0, 3.0], "y": [0, 1, 0]}
    stores = [Store.create(tmp_path / name, GaussianNB(), table, target="y", id="id", suppress=True) for name in "ab"]
    for store in stores:
        store.forget(ids=[0, 2])
    first, second = (store.suppressed() for store in stores)
    assert len(first) == len(second) == 2 and not set(first.hashes) & set(second.hashes)
    assert all(store.erasure_report(values=[3.0]) for store in stores)
    with pytest.raises(StoreError, match="not of a copy"):
        stores[0].replay(second)
    first.save(tmp_path / "list")
    assert Suppressed.load(tmp_path / "list") == first
    with raises(EXISTS):
        first.save(tmp_path / "list")
    for content in ("{}", "", '{"format": "sqlearn suppressed ids 1", "store": "a", "hashes": ["00"]}', "[1]"):
        (tmp_path / "other").write_text(content)
        with pytest.raises(FormatError, match="not a list"):
            Suppressed.load(tmp_path / "other")


@pytest.mark.parametrize("model", [MixedNB(), GaussianNB(), LogisticRegression()])
def test_a_restored_backup_forgets_again(model, path, monkeypatch):
    cut(monkeypatch)
    table = people(range(80))
    if not isinstance(model, MixedNB):
        table.pop("city")
    store = Store.create(path, model, table, target="y", id="id", suppress=True)
    store.forget(ids=store.ids()[:3])
    backup = path.with_name("backup")
    store.close()
    backup.write_bytes(path.read_bytes())
    store = Store.open(path)
    store.forget(ids=store.ids()[10:30])
    store.learn({name: column[:2] if name != "id" else ["late 1", "late 2"] for name, column in table.items()})
    late = ["late 1", "late 2"]
    store.forget(ids=late[1])
    restored = Store.open(backup)
    assert len(restored) == 77
    assert restored.replay(store.suppressed()).count == 20
    assert sorted(restored.ids()) == sorted(set(store.ids()) - {late[0]}) and restored.verify()
    assert restored.suppressed() == store.suppressed()
    assert restored.replay(store.suppressed()).count == 0 and restored.check_receipts()


def test_stores_without_a_list(path):
    store = Store.create(path, GaussianNB(), {"x": [1.0, 2.0], "y": [0, 1]}, target="y")
    for call in (store.suppressed, lambda: store.lift([0]), lambda: store.replay(Suppressed("", ()))):
        with pytest.raises(StoreError, match="suppress=True"):
            call()


# ------------------------------------------------------------------------------------------------ labels


def test_a_new_label_is_asked_for(path):
    store = Store.create(path, MixedNB(), people(range(40)), target="y", id="id")
    for dry in (False, True):
        with pytest.raises(UnknownLabelError, match=r"no row.*'A'.*\['a', 'b'\].*new=True|No row.*"):
            store.relabel(where="x > 0", to="A", dry_run=dry)
    assert store.relabel(where="x > 10000001", to="b", dry_run=True) == 16  # half of them have it
    assert store.relabel(where="x > 10000001", to="A", new=True, dry_run=True) == 32
    store.relabel(where="x > 10000001", to="A", new=True)
    assert store.relabel(where="y = 'A'", to="b").count == 32
    with pytest.raises(UnknownLabelError):
        store.relabel(where="y = 'a'", to="A")
    assert store.verify() and len(store.receipts()) == 3


# ------------------------------------------------------------------------------------------------ signatures


def test_signed_receipts(path):
    table = {"x": [1.0, 2.0, 3.0, 4.0], "y": [0, 1, 0, 1]}
    store = Store.create(path, GaussianNB(), table, target="y", signing_key=KEY)
    kept = store.forget(ids=[2])
    assert kept.signed_by(KEY) and kept.signed_by(KEY.decode()) and not kept.signed_by(b"another key, as long")
    assert store.check_receipts([kept], signing_key=KEY)
    assert "receipt 1 is not signed" in str(store.check_receipts(signing_key=b"another key, as long"))
    assert KEY not in path.read_bytes()
    store.close()
    for key in (None, b"another key, as long"):
        with Store.open(path, signing_key=key) as other:
            before = other.digest(), other.ids(), other.receipts()
            more = {"x": [5.0], "y": [1]}
            calls = [partial(other.forget, ids=[1]), partial(other.forget, where="true"), partial(other.learn, more)]
            for call in [*calls, partial(other.relabel, ids=[1], to=0)]:
                with raises(Kind(StoreError, "signature"), match="signing_key="):
                    call()
            assert (other.digest(), other.ids(), other.receipts()) == before
            assert other.forget(ids=[1], dry_run=True) == 1 and other.verify() and other.compact() >= 0
            assert other.check_receipts([kept], signing_key=KEY)
    with Store.open(path, signing_key=KEY.decode()) as other:
        assert other.forget(ids=[1]).signed_by(KEY)
        assert other.check_receipts([kept], signing_key=KEY)
    path.unlink()
    with Store.create(path, GaussianNB(), table, target="y") as other:  # of which some receipts have no signature
        assert other.forget(ids=[1]).signature is None
        assert other.check_receipts() and "receipt 1 is not signed" in str(other.check_receipts(signing_key=KEY))
    with Store.open(path, signing_key=KEY) as other:
        assert other.forget(ids=[2]).signed_by(KEY)
    # whoever rewrites the file can make the chain whole again, but not the signatures
    path.unlink()
    forged = Store.create(path, GaussianNB(), table, target="y", signing_key=b"the forger's own key")
    assert forged.check_receipts() and not forged.check_receipts(signing_key=KEY)
    for key in (b"short", 5, "", "\ud800" * 20):
        with pytest.raises(ParameterError, match="signing key"):
            Store.open(path, signing_key=key)
    assert [receipt.signature for receipt in forged.receipts()] != [None]


@pytest.mark.parametrize("model", [GaussianNB(), LogisticRegression()])
def test_what_changes_nothing_has_no_receipt(path, model):
    table = {"id": [f"p{i}" for i in range(8)], "x": np.arange(8.0), "y": ["a", "b"] * 4}
    store = Store.create(path, model, table, target="y", id="id")
    before = contents(store), path.read_bytes()
    for call in (store.forget, partial(store.relabel, to="a")):
        assert call(ids=[]) is None and call(where="x > 99") is None
        assert call(ids=[], dry_run=True) == 0 == call(where="x > 99", dry_run=True)
    assert store.relabel(ids=["p2", "p0"], to="a") is None and store.relabel(where="y = 'b'", to="b") is None
    assert store.relabel(ids=["p2", "p0"], to="a", dry_run=True) == 0
    assert (contents(store), path.read_bytes()) == before
    assert store.relabel(ids=["p2", "p1", "p0", "p3"], to="a", dry_run=True) == 2
    assert store.relabel(ids=["p3", "p2", "p1", "p0"], to="a").count == 2
    assert store.ids(where="y = 'a'") == ["p0", "p1", "p2", "p3", "p4", "p6"]
    assert store.verify() and store.check_receipts() and len(store.receipts()) == 2


def test_several_targets_of_which_one_is_the_same(path):
    table = {"x": [1.0, 2.0, 3.0], "y": [0.0, 1.0, 0.0], "z": [5.0, 5.0, -0.0]}
    store = Store.create(path, Ridge(), table, target=["y", "z"])
    assert store.relabel(where="true", to=[0.0, 5.0], dry_run=True) == 2
    assert store.relabel(where="true", to=[0.0, 5.0]).count == 2 and store.verify()
    assert store.ids(where="y = 0 and z = 5") == [0, 1, 2]


@pytest.mark.parametrize("odd", ["no", 0, 1, None, [True]])
def test_flags_are_booleans(path, odd):
    table = {"id": ["p", "q"], "x": [1.0, 2.0], "y": [0, 1]}
    with raises(ARGUMENT, match="`suppress` must be True or False"):
        Store.create(path, GaussianNB(), table, target="y", id="id", suppress=odd)
    store = Store.create(path, GaussianNB(), table, target="y", id="id", suppress=np.True_)
    for call in (
        partial(store.forget, ids="p", dry_run=odd),
        partial(store.relabel, ids="p", to=1, dry_run=odd),
        partial(store.relabel, ids="p", to=1, new=odd),
    ):
        with raises(ARGUMENT, match="must be True or False, not"):
            call()
    assert len(store) == 2 and len(store.receipts()) == 1
    assert store.forget(ids="p", dry_run=np.True_) == 1


def test_a_list_is_not_written_over_a_file(path, tmp_path):
    table = {"id": ["p", "q"], "x": [1.0, 2.0], "y": [0, 1]}
    store = Store.create(path, GaussianNB(), table, target="y", id="id", suppress=True)
    (tmp_path / "list").write_text("mine")
    with raises(EXISTS, match="it is left as it is"):
        store.suppressed().save(tmp_path / "list")
    assert (tmp_path / "list").read_text() == "mine"
    with raises(ACCESS, match="cannot be written"):
        store.suppressed().save(tmp_path / "no folder" / "list")


def test_a_receipt_without_its_salt(path):
    store = Store.create(path, GaussianNB(), {"x": [1.0, 2.0], "y": [0, 1]}, target="y")
    store.forget(ids=0)
    with raises(ARGUMENT, match="has no salt here"):
        store.receipts()[0].commits_to(store.digest())


def test_learning_tells_its_progress(path):
    told = []
    table = [{"x": np.arange(9.0), "y": np.arange(9) % 2}, {"x": np.arange(4.0), "y": np.arange(4) % 2}]
    store = Store.create(path, GaussianNB(), iter(table), target="y", progress=told.append)
    store.learn(iter(table), progress=told.append)
    assert told == [9, 4, 9, 4]
