"""What errors of a set say: its own name and methods, not those of a single store; and what is to be done."""

import pickle
import threading

import numpy as np
import pytest

from refusals import CLOSED, NEGATIVE, NOT_A_STORE, NOT_FINITE, raises
from set_kills import FORK, MODELS, create, killed_at, label_of, row_of, table_of
from sqlearn import Store
from sqlearn.compose import TableModel
from sqlearn.distributed import StoreSet
from sqlearn.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    SuppressedIdError,
    TableError,
    UnknownIdError,
    UnknownLabelError,
    UnsupportedError,
)
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import GaussianNB, MultinomialNB

KEY = "a key of more than sixteen characters"


@pytest.fixture
def path(tmp_path):
    create(tmp_path / "set", "numbers", parts=3, n=60)
    return tmp_path / "set"


def ids_of(numbers):
    return [row_of(i)["id"] for i in numbers]


def said(caught):
    """The message, with its notes; a store of its own is not in it."""
    told = " ".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "Store." not in told.replace("StoreSet.", "") and "The store" not in told and "this store" not in told
    return told


def test_it_says_how_a_set_is_opened(path):
    for given in ((path,), (path, "r"), (str(path), None, KEY)):
        with pytest.raises(StoreError, match=r"^Open a set of stores with StoreSet\.open\(path\), or create one"):
            StoreSet(*given)


def test_it_names_the_set_and_its_class(path):
    store_set = StoreSet.open(path)
    with pytest.raises(UnknownLabelError) as caught:
        store_set.relabel(ids=ids_of([1]), to="c")
    assert "No row has the label 'c'" in said(caught)
    with pytest.raises(UnknownIdError) as caught:
        store_set.forget(ids=[1])
    assert "not an id of this set" in said(caught)
    store_set.forget(ids=ids_of([1]))
    with pytest.raises(SuppressedIdError) as caught:
        store_set.learn(table_of({1: "a"}, "numbers"))
    assert f"the set of stores {path} does not learn it again" in said(caught) and "StoreSet.lift" in said(caught)
    with pytest.raises(StoreError) as caught:
        store_set.replay([])
    assert "StoreSet.suppressed" in said(caught)

    def table():
        with pytest.raises(StoreBusyError) as inner:
            store_set.ids()
        assert f"The set of stores {path} is busy" in said(inner) and "StoreSet.open" in said(inner)
        yield table_of({100: "a"}, "numbers")

    store_set.learn(table())
    found = []

    def other():
        with raises(CLOSED) as found_there:
            store_set.ids()
        found.append(found_there)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert f"The set of stores {path} was opened by another thread" in said(found[0])
    store_set.close()
    with raises(CLOSED) as caught:
        store_set.ids()
    assert f"The set of stores {path} is closed. Open it again with StoreSet.open" in said(caught)


def test_a_folder_is_no_store(path, tmp_path):
    with raises(NOT_A_STORE, match=r"is a folder.*sqlearn.distributed.StoreSet.open"):
        Store.open(path)
    with raises(NOT_A_STORE, match="is a folder"):
        Store.open(tmp_path)


def test_it_is_opened_by_its_path_and_not_pickled(path):
    with StoreSet.open(path) as store_set, pytest.raises(StoreError) as caught:
        pickle.dumps(store_set)
    assert f"open it where it is used, with StoreSet.open({str(path)!r})" in said(caught)


def test_a_damaged_part_is_replaced_with_the_others(path):
    part = path / "part-0-001.sqlearn"
    content = bytearray(part.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    part.write_bytes(content)
    with pytest.raises(StoreCorruptError) as caught, StoreSet.open(path) as store_set:
        store_set.verify()
    assert part.name in str(caught.value) and caught.value.__notes__ == [
        "It is a set of stores: take an intact copy of the whole folder, not of one file."
    ]


@pytest.mark.parametrize("name", ["set", "journal", "part-0-001"])
@pytest.mark.parametrize(
    "content, how",
    [
        (b"", "is empty"),
        (b"no database at all" * 500, "is no file of a set"),
        (bytes(4096), "is no file of a set"),
        (None, "is no file of a set"),
    ],
)
def test_a_file_of_a_set_that_is_none_is_damage(path, tmp_path, name, content, how):
    """Not a store that was never made, which might be deleted."""
    if content is None:
        Store.create(tmp_path / "one", GaussianNB(), {"a": [1.0, 2.0], "y": [0, 1]}, target="y").close()
        content = (tmp_path / "one").read_bytes()
    (path / f"{name}.sqlearn").write_bytes(content)
    with pytest.raises(StoreCorruptError) as caught:
        StoreSet.open(path)
    assert f"The set of stores {path} is damaged: its {name}.sqlearn {how}. Take an intact copy of" in said(caught)


@pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")
def test_what_was_left_of_a_signed_change(tmp_path):
    """Who has no key cannot finish it, and is told so; after who has it, anybody reads."""
    path, table = tmp_path / "set", table_of({i: label_of(i) for i in range(60)}, "numbers")
    StoreSet.create(path, MODELS["numbers"], table, target="y", id="id", parts=3, signing_key=KEY).close()
    assert killed_at(1, True, lambda: StoreSet.open(path, signing_key=KEY).forget(ids=ids_of(range(30))))
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            StoreSet.open(path)
        assert "in the middle of a change (forget 30 rows in 3 parts)" in said(caught)
        assert "StoreSet.open(path, signing_key=...)" in said(caught) and caught.value.reason == "signature"
    with StoreSet.open(path, signing_key=KEY) as store_set:
        assert len(store_set) == 30
    with StoreSet.open(path) as store_set:
        assert len(store_set) == 30 and store_set.verify() and store_set.check_receipts(signing_key=KEY)


def test_a_store_is_no_set(tmp_path):
    file = tmp_path / "one.sqlearn"
    Store.create(file, GaussianNB(), {"a": [1.0, 2.0], "y": [0, 1]}, target="y").close()
    with raises(NOT_A_STORE, match=r"one\.sqlearn is a file, and a set of stores is a folder.*with Store\.open"):
        StoreSet.open(file)


def test_what_no_set_is_created_of(tmp_path):
    table = {"a": [1.0, 2.0], "y": [0, 1]}
    with pytest.raises(UnsupportedError, match=r"not its class. No store was created: pass GaussianNB\(\) instead"):
        StoreSet.create(tmp_path / "set", GaussianNB, table, target="y")
    with pytest.raises(TableError, match=r"no column 'z'. Its columns are 'a', 'y'. No store was created: name one of"):
        StoreSet.create(tmp_path / "set", GaussianNB(), table, target="z")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("learner", [GaussianNB(), LogisticRegression(), MultinomialNB()])
def test_a_number_that_is_not_taken_is_in_a_column_with_a_name(learner, tmp_path):
    table = {"b": [1.0, 2.0], "a\\1": [3.0, 4.0], "y": [0, 1]}
    bad = {"b": [1.0] * 70, "a\\1": [2.0] * 66 + [np.nan] * 4, "y": [0, 1] * 35}
    store_set = StoreSet.create(tmp_path / "set", learner, table, target="y", parts=2)
    store = Store.create(tmp_path / "one", learner, table, target="y")
    for one in (store, store_set):
        with raises(NOT_FINITE, match=r"row 66 \(counted from 0\), column 'a\\\\1'\.") as caught:
            one.learn(bad)
        assert (caught.value.row, caught.value.column) == (66, "a\\1")
        assert len(one) == 2
    if isinstance(learner, MultinomialNB):
        with raises(NEGATIVE, match="-2.0 first, in row 1 .counted from 0., column 'a"):
            store.learn(table | {"a\\1": [5.0, -2.0]})


def test_a_model_goes_by_one_name(tmp_path):
    table = {"a": [1.0, 2.0, 4.0], "y": [0, 1, 1]}
    with StoreSet.create(tmp_path / "set", TableModel(GaussianNB()), table, target="y", parts=2) as store_set:
        assert "GaussianNB on 3 rows" in repr(store_set) and str(store_set.verify()).startswith("GaussianNB equals")
    with Store.create(tmp_path / "one", TableModel(GaussianNB()), table, target="y") as store:
        assert "GaussianNB on 3 rows" in repr(store) and str(store.verify()).startswith("GaussianNB equals")


def test_counts_of_one(tmp_path):
    with Store.create(tmp_path / "one", GaussianNB(), {"a": [1234.56789, 2.0], "y": [0, 1]}, target="y") as store:
        assert "for 1 value: 0 traces of values that no row holds, 0 bytes" in str(store.erasure_report(values=[77.25]))
        assert "1 of the values is there" in str(store.erasure_report(values=[1234.56789]))
        assert "1 value is too short to be told" in str(store.erasure_report(values=["x"]))
