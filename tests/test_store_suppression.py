"""Lists of forgotten ids that are asked for in odd ways, and that were made by hand."""

import numpy as np
import pytest

from sqlearn import Store
from sqlearn.errors import StoreCorruptError, StoreError, SuppressedIdError, UnknownIdError
from sqlearn.naive_bayes import GaussianNB


def people(ids):
    ids = np.asarray(ids)
    return {"id": ids, "x": ids + 0.5, "y": ids % 2}


@pytest.fixture
def store(tmp_path):
    with Store.create(
        tmp_path / "a.sqlearn", GaussianNB(), people(range(800)), target="y", id="id", suppress=True
    ) as store:
        yield store


def test_an_id_is_lifted_once(store):
    """Were it counted twice, the index would grow without handing its entries on."""
    store.forget(ids=list(range(50)))
    for given in ([3, 3], np.array([3, 4, 3])):
        with pytest.raises(UnknownIdError, match="given twice"):
            store.lift(given)
    assert len(store.suppressed()) == len(store._suppression.index) == 50
    store.lift(list(range(50)))
    store.forget(ids=list(range(50, 100)))
    store.forget(ids=list(range(100, 799)))  # more than the first buckets take
    for id in (50, 99, 100, 798):
        with pytest.raises(SuppressedIdError):
            store.learn(people([id]))
    assert store.verify()


def test_an_index_that_counts_wrongly_is_noticed(store):
    store.forget(ids=list(range(50)))
    for index in (store._suppression.index, store._ids.index):
        with pytest.raises(StoreCorruptError, match="two rows are one"), store._changing():
            index.remove(index.hashes_of(np.concatenate(list(index.entries())))[[0, 1, 0]])
        for name, change in ((index._count, 1), (index._count, -1), (index._size, 4)):
            with store._changing():
                store._database.counters[name] += change
            with pytest.raises(StoreCorruptError, match="damaged"):
                store.verify()
            with store._changing():
                store._database.counters[name] -= change
        assert store.verify()


def test_an_entry_in_another_bucket_is_noticed(store):
    store.forget(ids=list(range(50)))
    index = store._suppression.index
    with store._changing():
        buckets = index._entries(np.arange(4))
        index._write(np.arange(4), buckets[::-1])
    with pytest.raises(StoreCorruptError, match="index suppressed"):
        store.verify()


def test_running_numbers_are_not_suppressed(tmp_path):
    """A backup gives them to other people."""
    with pytest.raises(StoreError, match="running numbers are given anew in a backup"):
        Store.create(tmp_path / "b", GaussianNB(), {"x": [1.0, 2.0], "y": [0, 1]}, target="y", suppress=True)
    assert not list(tmp_path.iterdir())
