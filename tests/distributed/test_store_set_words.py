"""What errors of a set say: its own name and methods, not those of a single store; and what is to be done."""

import pickle
import threading

import pytest

from refusals import CLOSED, NOT_A_STORE, raises
from set_kills import FORK, MODELS, create, killed_at, label_of, row_of, table_of
from sqlearn import Store
from sqlearn.distributed import StoreSet
from sqlearn.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    SuppressedIdError,
    UnknownIdError,
    UnknownLabelError,
)

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


@pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")
def test_what_was_left_of_a_signed_change(tmp_path):
    """Who has no key cannot finish it, and is told so; after who has it, anybody reads."""
    path, table = tmp_path / "set", table_of({i: label_of(i) for i in range(60)}, "numbers")
    StoreSet.create(path, MODELS["numbers"], table, target="y", id="id", parts=3, signing_key=KEY).close()
    assert killed_at(2, True, lambda: StoreSet.open(path, signing_key=KEY).forget(ids=ids_of(range(30))))
    for _ in range(2):
        with pytest.raises(StoreError) as caught:
            StoreSet.open(path)
        assert "in the middle of a change (forget 30 rows in 3 parts)" in said(caught)
        assert "StoreSet.open(path, signing_key=...)" in said(caught) and caught.value.reason == "signature"
    with StoreSet.open(path, signing_key=KEY) as store_set:
        assert len(store_set) == 30
    with StoreSet.open(path) as store_set:
        assert len(store_set) == 30 and store_set.verify() and store_set.check_receipts(signing_key=KEY)
