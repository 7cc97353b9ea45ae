"""Tables that do not fit: what is refused before a row of it is kept, and what the error names."""

import numpy as np
import pytest

from sqlearn import Store
from sqlearn.compose import TableModel
from sqlearn.errors import TableError
from sqlearn.linear_model import RidgeClassifier
from sqlearn.naive_bayes import MixedNB

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
