"""Tables that do not fit: what is refused before a row of it is kept, and what the error names."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sqlearn import SqlearnError, Store
from sqlearn.compose import TableModel
from sqlearn.errors import DuplicateIdError, InvalidValueError, SuppressedIdError, TableError
from sqlearn.linear_model import RidgeClassifier
from sqlearn.naive_bayes import MixedNB, MultinomialNB
from sqlearn.storage import changes

TABLE = {"id": ["p", "q"], "a": [1.0, 2.0], "b": ["u", "v"], "w": [1.0, 1.0], "k": [3.0, 4.0], "t": [0, 1]}
NAMES = {"target": "t", "id": "id", "weight": "w", "keep": "k"}


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "store", MixedNB(), TABLE, **NAMES) as store:
        yield store


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("form", [list, np.array])
def test_columns_of_another_length(store, name, n, form):
    """Each column, that of ids too: a row without an id of its own could never be forgotten."""
    kind = type(TABLE[name][0])
    table = {other: form([*values]) for other, values in TABLE.items()} | {"id": form(["y", "z"])}
    table[name] = form([kind(5)] * n if name != "id" else ["x", "y", "z"][:n])
    before = store.digest()
    with pytest.raises(TableError, match="columns differ in length") as caught:
        store.learn(table)
    assert caught.value.reason == "columns" and f"{name!r}: {n}" in str(caught.value)
    assert store.digest() == before and len(store) == 2 and store.verify()
    path = store.path.with_name("other")
    with pytest.raises(TableError, match="columns differ in length"):
        Store.create(path, MixedNB(), table, **NAMES)
    assert not path.exists()


def test_a_column_that_the_model_drops(tmp_path):
    """It would be kept with the rows, though nobody wants it there; what is kept on purpose is."""
    table = {"name": ["Ann", "Bob"], "a": [1.0, 2.0], "t": [1, 0]}
    model = TableModel(RidgeClassifier(), columns={"name": "drop"})
    with pytest.raises(TableError, match=r"drops the column .name.,.* No store was created") as caught:
        Store.create(tmp_path / "store", model, table, target="t")
    assert caught.value.column == "name" and not (tmp_path / "store").exists()
    with Store.create(tmp_path / "store", model, table, target="t", keep="name") as store:
        assert store.ids(where="name = 'Ann'") == [0] and store.features == ["a"] and store.verify()
    del table["name"]
    with Store.create(tmp_path / "other", model, table, target="t") as store:
        assert store.features == ["a"] and store.verify()


def frames(n, *, size=3, **changed):
    """Rows in frames, of which some values are others: ``{"t": {4: None}}``."""
    table = {"id": [f"p{i}" for i in range(n)], "a": [float(i) for i in range(n)], "t": ["u", "v"] * n}
    for name, values in changed.items():
        for row, value in values.items():
            table[name][row] = value
    return [{name: column[i : min(n, i + size)] for name, column in table.items()} for i in range(0, n, size)]


@pytest.mark.parametrize("kind", [dict, pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"t": {4: None}}, InvalidValueError),
        ({"a": {7: -1.0}}, InvalidValueError),
        ({"a": {5: float("inf")}}, InvalidValueError),
        ({"id": {6: "p1"}}, DuplicateIdError),
        ({"id": {6: "p5", 8: "p0", 2: "p1"}}, DuplicateIdError),
        ({"id": {4: "gone"}}, SuppressedIdError),
        ({"id": {7: None}}, TableError),
    ],
)
def test_a_row_is_counted_in_the_whole_table(tmp_path, kind, changed, error):
    """Whatever refuses it, and however many frames came before."""
    rows = [row for values in changed.values() for row in values]
    row = min(rows)
    table = {"id": ["x", "gone"], "a": [1.0, 2.0], "t": ["u", "v"]}
    with Store.create(tmp_path / "store", MultinomialNB(), table, target="t", id="id", suppress=True) as store:
        store.forget(ids="gone")
        digest = store.digest()
        with pytest.raises(error, match=rf"[rR]ow {row}\b.* \(counted from 0\)") as caught:
            store.learn(kind(frame) for frame in frames(9, **changed))
        assert caught.value.row == row and caught.value.line is None and store.digest() == digest
        if changed == {"a": {5: float("inf")}}:
            with pytest.raises(error) as caught:
                store.predict({"a": frame["a"]} for frame in frames(9, **changed))
            assert caught.value.row == row


def test_a_column_may_be_called_place(tmp_path):
    table = pd.DataFrame({"place": [1.0, -2.0], "t": [0, 1]})
    with pytest.raises(InvalidValueError, match="row 1"):
        Store.create(tmp_path / "store", MultinomialNB(), table, target="t")


def test_many_duplicates_of_rows_that_lie_in_places_of_others(tmp_path, monkeypatch):
    """Rows whose places were free are known again, also where the index is asked late."""
    monkeypatch.setattr(changes, "_AT_ONCE", 7)
    table = {"id": list(range(50)), "a": np.arange(50.0), "t": [0, 1] * 25}
    with Store.create(tmp_path / "store", MultinomialNB(), table, target="t", id="id") as store:
        store.forget(ids=[3, 30, 9, 14, 2])
        more = {"id": [*range(100, 140), 141], "a": np.arange(41.0), "t": [0, 1] * 20 + [0]}
        for row in (2, 11, 40):
            more["id"][row] = 49 if row < 40 else 100
            with pytest.raises(DuplicateIdError) as caught:
                store.learn(iter([{"id": [90], "a": [1.0], "t": [1]}, more]))
            assert caught.value.row == row + 1 and caught.value.value == more["id"][row]
            more["id"] = [*range(100, 140), 141]
        assert store.learn(more).count == 41 and store.verify()


def test_messages_do_not_grow_with_names_and_numbers_of_columns(tmp_path, store):
    """One of 10,083 characters showed a name in full."""
    long, path = "x" * 10_000, tmp_path / "other"
    wide = {f"column {j}": [1.0] for j in range(1000)}
    model = TableModel(RidgeClassifier()).fit({"a": [1.0, 2.0], "b": ["u", "v"]}, [0, 1])
    for call in (
        lambda: Store.create(path, MixedNB(), TABLE, **NAMES | {"target": long}),
        lambda: Store.create(path, MixedNB(), TABLE, **NAMES | {"id": long}),
        lambda: Store.create(path, MixedNB(), TABLE | {long: [[1], [2]]}, **NAMES),
        lambda: Store.create(path, MixedNB(), wide, **NAMES),
        lambda: store.learn(wide),
        lambda: store.learn({name: values for name, values in TABLE.items() if name != "a"} | {long: [1.0, 2.0]}),
        lambda: store.predict(wide),
        lambda: model.predict(wide),
        lambda: TableModel(RidgeClassifier(), columns={long: "number"}).fit(wide, [0]),
    ):
        with pytest.raises(SqlearnError) as caught:
            call()
        assert len(str(caught.value)) < 2000
    with pytest.raises(TableError, match=r"no column 'target'. Its columns are 'column 0', .*'column 19' and 980 more"):
        Store.create(path, MixedNB(), wide, target="target")
