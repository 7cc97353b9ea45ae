"""Recommenders in stores: interactions that are named by users and items, and gone with them."""

import copy
import pickle
import random
import shutil

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from refusals import raises
from sqlearn import Store
from sqlearn.errors import (
    ConditionError,
    InvalidValueError,
    MergeError,
    NotLearnedError,
    ShapeError,
    StoreCorruptError,
    SuppressedIdError,
    TableError,
    UnknownLabelError,
    UnsupportedError,
)
from sqlearn.naive_bayes import GaussianNB
from sqlearn.recommend import EASE, ItemKNN

MARK = "Marked"
TASTES = {
    "user": ["anna", "anna", "anna", "ben", "ben", "ben", "cleo", "cleo", "dan", "dan"],
    "item": ["tea", "rum", "gin", "tea", "rum", "gin", "tea", "rum", "tea", "gin"],
    "rating": [5.0, 1.0, 4.0, 2.0, 5.0, 1.0, 4.0, 2.0, 5.0, 3.0],
}
LABELS = {
    "whole": (list(range(-3, 9)), [2**62, -(2**63), 2**63 - 1, 0, 5, 7, 11, 12]),
    "texts": ([f"u{k}" * (1 + 30 * (k % 3)) for k in range(12)], ["", "a\0", "é" * 50, "\ud800", "1", "x", "y", "z"]),
    "mixed": ([1, "1", 0.5, "ü", 2**70, -7, 1e300, "zz", 3, 4, 5, 6], ["tea", 2, "2", 2.5, "rum", -1, 9, "gin"]),
}


def fresh(model, rows, names=("user", "item", "rating")):
    """A model of these interactions alone, in another order."""
    pairs = sorted(rows, key=repr)
    width = 3 if model._rated(model.get_params()) else 2
    frame = pd.DataFrame({"user": pd.Series([u for u, _ in pairs], dtype=object)})
    frame["item"], frame["rating"] = pd.Series([i for _, i in pairs], dtype=object), [rows[pair] for pair in pairs]
    return clone(model).partial_fit(frame.iloc[:, :width].set_axis(list(names)[:width], axis=1))


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize(
    "model", [ItemKNN(max_nbrs=3), ItemKNN(feedback="implicit", key="secret"), EASE(use_ratings=True)], ids=[1, 2, 3]
)
@pytest.mark.crossed(2)
def test_random_histories(tmp_path, model, kind):
    """After every step rows and model are those of the interactions that should be there."""
    rnd, rows = random.Random(f"{kind}{model}"), {}
    users, items = LABELS[kind]
    rated = model._rated(model.get_params())

    def new(n):
        free = [(u, i) for u in users for i in items if (u, i) not in rows]
        some = {pair: rnd.randrange(1, 11) / 2 for pair in rnd.sample(free, min(n, len(free)))}
        rows.update(some)
        table = {"item": [i for _, i in some], "note": [0.5] * len(some), "user": [u for u, _ in some]}
        return table | ({"rating": [*some.values()]} if rated else {})

    def drop(gone):
        for pair in gone:
            del rows[pair]
        return len(gone)

    store = Store.create(tmp_path / "a", model, new(40), keep="note")
    for step in range(14):
        what = rnd.choice(["learn", "users", "users", "items", "ids", "relabel", "compact", "open"])
        if len(rows) < 15:
            store.learn(new(rnd.randrange(10, 30)))
        elif what == "learn":
            store.learn(new(rnd.randrange(1, 20)) if len(rows) < 90 else new(1))
        elif what in ("users", "items"):
            place = what == "items"
            named = rnd.sample(sorted({pair[place] for pair in rows}, key=repr), 2)
            assert store.forget(**{what: named}, dry_run=True) == len([p for p in rows if p[place] in named])
            gone = [pair for pair in rows if pair[place] in named]
            assert store.forget(**{what: named}).count == drop(gone)
        elif what == "ids":
            with store._reading():
                block = next(store._rows.block(cells) for _, cells in store._rows.scan())
            first = block["user"][0] if kind == "whole" else block["user"].values()[0]
            second = block["item"][0] if kind == "whole" else block["item"].values()[0]
            store.forget(ids=store.ids()[0])
            drop([(first, second)])
        elif what == "relabel" and rated:
            low = rnd.choice([1.0, 2.5, 4.0])
            count = len([pair for pair in rows if rows[pair] < low])
            receipt = store.relabel(where=f"rating < {low}", to=4.5)
            assert (receipt.count if receipt else 0) == count
            rows.update({pair: 4.5 for pair in rows if rows[pair] < low})
        elif what == "compact":
            store.compact()
        else:
            store.close()
            store = Store.open(tmp_path / "a")
        assert len(store) == len(rows)
        expected = fresh(model, rows)
        assert store.digest() == expected.digest(), (step, what)
        assert not store.erasure_report().residue
    user = next(iter(rows))[0]
    ours, theirs = store.recommend(user, 3), expected.recommend(user, 3)
    assert ours[0].tolist() == theirs[0].tolist() and ours[1].tobytes() == theirs[1].tobytes()
    assert store.verify() and store.check_receipts()
    store.forget(where="true")
    assert store.verify() and len(store) == 0
    store.close()
    with Store.open(tmp_path / "a") as store:
        store.learn(new(5))
        assert store.verify() and store.digest() == fresh(model, {p: rows[p] for p in [*rows][-5:]}).digest()


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, pl.DataFrame])
def test_columns_are_found_by_their_usual_names(tmp_path, frame):
    table = {"Rating": np.float32([4.1, 3, 0.5]), "movieId": [7, 8, 7], "userId": [1, 1, 2], "when": [1, 2, 3]}
    store = Store.create(tmp_path / "a", ItemKNN(), frame(table), keep=["when"])
    assert [(column.name, column.role, column.kind) for column in store.columns] == [
        ("userId", "user", "whole"), ("movieId", "item", "whole"), ("Rating", "rating", "number"),
        ("when", "kept", "number"),
    ]  # fmt: skip
    rows = {(1, 7): 4.1, (1, 8): 3.0, (2, 7): 0.5}
    assert store.digest() == fresh(ItemKNN(), rows, ("userId", "movieId", "Rating")).digest()
    store.learn(frame(table | {"userId": np.array([3.0, 4.0, 5.0])}))
    assert store.model.users_.tolist() == [1, 2, 3, 4, 5]
    assert store.forget(where='userId > 2 and "when" < 3').count == 2
    assert repr(store) == "<Store a: ItemKNN on 4 interactions>"


def test_answers_are_the_models(tmp_path):
    store = Store.create(tmp_path / "a", ItemKNN(), TASTES)
    store.close()
    with Store.open(tmp_path / "a") as store:
        model = store.model
        assert store.recommend("cleo", 1)[0].tolist() == model.recommend("cleo", 1)[0].tolist() == ["gin"]
        assert store.similar_items("tea")[1].tobytes() == model.similar_items("tea")[1].tobytes()
        asked = {"item": ["gin", "rum", "tea"], "user": ["cleo", "dan", "anna"], "rating": [0, 0, 0]}
        scores = model.predict(pd.DataFrame(asked)[["user", "item"]])
        assert store.predict(asked).tobytes() == scores.tobytes()
        assert store.parameters == ItemKNN().get_params()


def test_the_model_taken_out_predicts_and_changes_nothing(tmp_path):
    """What it forgot would still be in the store."""
    store = Store.create(tmp_path / "a", ItemKNN(), TASTES)
    taken, digest, other = store.model, store.digest(), ItemKNN().fit([["eve", "tea", 1.0]])
    X = pd.DataFrame(TASTES)
    for model in (taken, copy.deepcopy(taken), pickle.loads(pickle.dumps(taken))):
        for call in (
            lambda model=model: model.forget(users=["anna"]),
            lambda model=model: model.partial_fit([["eve", "rum", 1.0]]),
            lambda model=model: model.relabel(X, X["rating"]),
            lambda model=model: model.without(X).__enter__(),
            lambda model=model: model.merge(other),
            lambda model=model: other.merge(model),
        ):
            with pytest.raises((UnsupportedError, MergeError), match="taken out of a store"):
                call()
        assert model.digest() == digest and model.recommend("cleo")[0].tolist() == ["gin"]


def test_no_byte_of_a_user_is_left(tmp_path):
    """Marked names, long and short, in rows and in kept columns; those of items go with their last user."""
    users = [f"{MARK}U{i // 5:04d}" + "é" * (i // 5 % 60) for i in range(2000)]
    items = [f"{MARK}I{i % 5 if i % 7 else i:04d}" for i in range(2000)]
    table = {"user": users, "item": items, "rating": np.arange(2000) % 9 / 2}
    table["note"] = [f"{MARK}N{i}" for i in range(2000)]
    store = Store.create(tmp_path / "a", ItemKNN(), table, keep="note")
    gone = sorted({*users})[100:300]
    for start in range(0, 200, 40):
        store.forget(users=gone[start : start + 40])
        more = {name: [f"{MARK}M{start}{i}" for i in range(9)] for name in ("user", "item", "note")}
        store.learn(more | {"rating": [1.0] * 9})
        store.forget(users=more["user"][:5])
        store.forget(items=more["item"][5:])
    kept = [i for i, user in enumerate(users) if user not in gone]
    content = (tmp_path / "a").read_bytes()
    found = {name: content.count(f"{MARK}{name}".encode()) for name in "UINM"}
    assert found == {"U": 200, "I": len({items[i] for i in kept}), "N": len(kept), "M": 0}
    report = store.erasure_report(values=[*gone[:20], items[505]])
    assert report and not report.residue and store.verify()


def test_users_stay_forgotten(tmp_path):
    """The list is one of users that were forgotten by name; a rating that is forgotten bans nobody."""
    store = Store.create(tmp_path / "a", EASE(), {k: TASTES[k] for k in ("user", "item")}, suppress=True)
    shutil.copy(tmp_path / "a", tmp_path / "backup")
    store.forget(ids=[0])
    store.forget(where="user = 'dan'")
    store.forget(items=["gin"])
    assert len(store.suppressed()) == 0
    store.forget(users=["ben", "anna"])
    assert len(store.suppressed()) == 2
    with raises(SuppressedIdError, match="The user 'ben' was forgotten.* row 1 .counted from 0., the first of 1 such"):
        store.learn({"user": ["dan", "ben", "ben"], "item": ["x", "x", "y"]})
    assert store.learn({"user": ["dan"], "item": ["tea"]}).count == 1
    with Store.open(tmp_path / "backup") as restored:
        assert restored.replay(store.suppressed()).count == 6
        assert sorted(restored.model.users_) == ["cleo", "dan"] and restored.verify()
        with pytest.raises(SuppressedIdError):
            restored.learn({"user": ["anna"], "item": ["x"]})
        assert restored.lift("anna").count == 1
        with raises(ValueError, match="'anna' is not suppressed"):
            restored.lift(["anna"])
        assert restored.learn({"user": ["anna"], "item": ["x"]}).count == 1
    whole = Store.create(tmp_path / "b", EASE(), {"user": [1, 2], "item": [1, 1]}, suppress=True)
    whole.forget(users=1)
    with pytest.raises(SuppressedIdError):
        whole.learn({"user": [1], "item": [1]})
    assert whole.lift(1) and whole.learn({"user": [1], "item": [1]}) and whole.verify()


@pytest.mark.parametrize(
    ("model", "table", "options", "error", "says"),
    [
        (ItemKNN(), {**TASTES, "when": range(10)}, {}, TableError, "the columns 'when' beside.* `keep` if conditions"),
        (EASE(), TASTES, {}, TableError, "'rating' beside these and the ids. This model learns without ratings"),
        (EASE(), TASTES, {"rating": "rating"}, TableError, "learns without ratings.*set use_ratings=True"),
        (ItemKNN(feedback="implicit"), TASTES, {"rating": "rating"}, TableError, "set feedback='explicit'"),
        (ItemKNN(), {"user": [1], "item": [2]}, {}, TableError, "column of ratings.*`rating`.*implicit feedback needs"),
        (ItemKNN(), {"who": [1], "item": [2], "rating": [3]}, {}, TableError, "none is called user or userId.*`user`"),
        (ItemKNN(), TASTES, {"user": "item"}, TableError, "in different columns"),
        (ItemKNN(), TASTES, {"user": "nobody"}, TableError, "no column 'nobody'"),
        (ItemKNN(), TASTES, {"target": "rating"}, TableError, "leave `target` out"),
        (ItemKNN(), TASTES, {"weight": "rating"}, TableError, "leave `weight` out"),
        (ItemKNN(), TASTES, {"keep": "rating"}, TableError, "'rating' is one of users, items or ratings, and is named"),
        (ItemKNN(), TASTES, {"text": "user"}, TableError, "'user' is one of users, items or ratings, and is named"),
        (GaussianNB(), {"x": [1.0], "y": [1]}, {"target": "y", "user": "x"}, TableError, "leave `user` out"),
        (ItemKNN(), TASTES | {"user": [*TASTES["user"][:-1], None]}, {}, InvalidValueError, "user in row 9 .*missing"),
        (ItemKNN(), TASTES | {"item": ["tea"] * 10}, {}, InvalidValueError, "Row 1 .*'anna' and item .*given twice"),
        (ItemKNN(), TASTES | {"rating": [np.nan] * 10}, {}, InvalidValueError, "rating in row 0 .*'rating', is nan"),
        (ItemKNN(step=1.0), TASTES | {"rating": [0.5] * 10}, {}, InvalidValueError, "row 0 .*no multiple of step=1.0"),
    ],
    ids=range(17),
)
def test_tables_that_are_refused(tmp_path, model, table, options, error, says):
    with raises(error, match=says):
        Store.create(tmp_path / "a", model, table, **options)
    assert not (tmp_path / "a").exists()


def test_calls_that_are_refused_change_nothing(tmp_path):
    store = Store.create(tmp_path / "a", ItemKNN(), TASTES)
    whole = Store.create(tmp_path / "b", ItemKNN(), TASTES | {"user": [1, 1, 1, 2, 2, 2, 3, 3, 4, 4]})
    plain = Store.create(tmp_path / "c", GaussianNB(), {"x": [1.0, 2.0], "y": [0, 1]}, target="y")
    before = [s.digest() for s in (store, whole, plain)]

    def row(user="eve", item="tea", rating=1.0):
        return {"user": [user], "item": [item], "rating": [rating]}

    for error, says, call in [
        (UnknownLabelError, "user 'eve'. Nothing was changed", lambda: store.forget(users=["anna", "eve"])),
        (UnknownLabelError, "user 'tea'", lambda: store.forget(users=["tea"])),  # it is that of an item
        (UnknownLabelError, "item 'anna', nor 1 more", lambda: store.forget(items=["anna", "ben", "tea"])),
        (UnknownLabelError, "user '1'; the users of this store are whole", lambda: whole.forget(users="1")),
        (UnknownLabelError, "user 1.5; the users", lambda: whole.forget(users=[1.5])),
        (UnknownLabelError, "user 9.", lambda: whole.forget(users=9)),
        (InvalidValueError, "numbers or text, not None", lambda: store.forget(users=[None])),
        (InvalidValueError, "a table was given", lambda: store.forget(users=pd.DataFrame(TASTES))),
        (ShapeError, "`items` names none", lambda: store.forget(items=[])),
        (ConditionError, "exactly one", lambda: store.forget(users=["anna"], items=["tea"])),
        (ConditionError, "exactly one", lambda: store.forget(users=["anna"], where="true")),
        (ConditionError, "exactly one", lambda: store.forget()),
        (ConditionError, "have no users", lambda: plain.forget(users=[1])),
        (UnsupportedError, "no recommendations", lambda: plain.recommend(1)),
        (UnsupportedError, "no similar items", lambda: plain.similar_items(1)),
        (UnsupportedError, "no users", lambda: plain.label_of("user", "1")),
        (UnknownLabelError, "'eve'", lambda: store.recommend("eve")),
        (UnknownLabelError, "'eve'", lambda: store.predict({"user": ["anna", "eve"], "item": ["tea", "tea"]})),
        (InvalidValueError, "Row 0.*is held", lambda: store.learn(row("anna"))),
        (TableError, "user in row 0.*is 'x', and the users of this store", lambda: whole.learn(row("x"))),
        (TableError, "user in row 0.*is missing", lambda: whole.learn(row(None))),
        (InvalidValueError, "item in row 0.*is missing", lambda: store.learn(row(item=None))),
        (InvalidValueError, "at most 6 decimals", lambda: store.learn(row(rating=1 / 3))),
        (InvalidValueError, "at most 6 decimals", lambda: store.relabel(ids=[0], to=1 / 3)),
        (TableError, "lacks the columns 'rating'", lambda: store.learn({"user": ["eve"], "item": ["tea"]})),
    ]:
        with pytest.raises(error, match=says):
            call()
    assert [s.digest() for s in (store, whole, plain)] == before
    assert store.verify() and whole.verify()


def test_rows_that_its_model_has_not_learned_are_noticed(tmp_path):
    """Rows are the state: what is whole by itself may be of another time."""
    store = Store.create(tmp_path / "a", ItemKNN(), TASTES)
    with store._database.writing():
        slots = np.array([2])
        cells = store._rows.read(slots).copy()
        cells[0, 2] = np.float64(2.5).view(np.uint64)
        store._rows.slots.overwrite(slots, cells)
    store.close()
    with Store.open(tmp_path / "a") as store:
        assert len(store) == 10
        for call in (store.verify, lambda: store.recommend("anna"), lambda: store.forget(users="anna")):
            with pytest.raises(StoreCorruptError, match="not those that its model has learned"):
                call()


def test_labels_of_texts(tmp_path):
    whole = Store.create(tmp_path / "a", EASE(), {"user": [42, 7], "item": ["1", "b"]})
    assert [whole.label_of("user", text) for text in ("42", "-5", "x")] == [42, -5, "x"]
    mixed = Store.create(tmp_path / "b", EASE(), {"user": [42, "42", 7, 0.5, "x"], "item": [1] * 5})
    labels = {"42": "42", "7": 7, "0.5": 0.5, "x": "x", "8": "8", "nan": "nan"}
    assert {text: mixed.label_of("user", text) for text in labels} == labels


def test_another_process_writes(tmp_path):
    """What another connection changed is read again, also by a store that had learned its rows."""
    one = Store.create(tmp_path / "a", ItemKNN(), TASTES)
    with Store.open(tmp_path / "a") as other:
        other.forget(users="dan")
    assert one.recommend("cleo")[0].tolist() == ["gin"] and one.verify().n_records == 8
    with pytest.raises(NotLearnedError), one._changing():
        one._model.forget(pd.DataFrame({"user": ["dan"], "item": ["tea"], "rating": [5.0]}))
    assert one.learn({"user": ["dan"], "item": ["tea"], "rating": [1.0]}).count == 1 and one.verify()
