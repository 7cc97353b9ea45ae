"""Lists of forgotten ids that are asked for in odd ways, and that were made by hand."""

import json
import resource
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest

from sqlearn import Store
from sqlearn.errors import FormatError, StoreCorruptError, StoreError, SuppressedIdError, UnknownIdError
from sqlearn.naive_bayes import GaussianNB
from sqlearn.storage.file import HashIndex
from sqlearn.storage.upkeep.suppression import Suppressed


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
        with pytest.raises(StoreCorruptError, match="one entry for two rows"), store._changing():
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
    with pytest.raises(StoreError, match="running numbers would name other rows in a backup"):
        Store.create(tmp_path / "b", GaussianNB(), {"x": [1.0, 2.0], "y": [0, 1]}, target="y", suppress=True)
    assert not list(tmp_path.iterdir())


def test_a_list_that_was_made_by_hand(store, tmp_path):
    """The same hash in upper and in lower case is one; what is no hash is refused."""
    backup = tmp_path / "backup"
    shutil.copyfile(store.path, backup)
    store.forget(ids=[3, 4, 5])
    found = store.suppressed()
    odd = replace(found, hashes=(*found.hashes, found.hashes[0].upper(), found.hashes[1]))
    (tmp_path / "list").write_text(
        json.dumps({"format": "sqlearn suppressed ids 1", "store": odd.store, "hashes": odd.hashes})
    )
    assert Suppressed.load(tmp_path / "list") == found
    with Store.open(backup) as restored:
        for hashes in (("00",), ("zz" * 16,), ("ff" * 16,), (3,), ("00" * 8, "00" * 24), 5):
            with pytest.raises(FormatError, match="values that are not hashes"):
                restored.replay(replace(found, hashes=hashes))
        assert len(restored) == 800 and restored.replay(odd).count == 3
        assert restored.suppressed() == found and restored.verify()
        with pytest.raises(SuppressedIdError):
            restored.learn(people([4]))


def test_what_is_added_twice_is_not_dropped(store):
    with pytest.raises(StoreCorruptError, match="two of its rows"), store._changing():
        store._suppression.add(store._ids.hashes(store._ids.keys([1, 2, 1])))
    assert len(store.suppressed()) == 0 and store.verify()


def test_what_was_rolled_back_does_not_wait(store, monkeypatch):
    """Memory ends while the list of forgotten ids is written: nobody is on it, and all other calls work."""
    index, flush = store._suppression.index, HashIndex.flush

    def fails(self):
        if self is index:
            raise MemoryError
        return flush(self)

    with monkeypatch.context() as patched:
        patched.setattr(HashIndex, "flush", fails)
        with pytest.raises(MemoryError):
            store.forget(ids=[7])
    assert len(store) == 800 and len(store.suppressed()) == 0
    assert store.forget(ids=[8]).count == 1 and store.learn(people([900])).count == 1
    assert len(store.suppressed()) == 1 and store.verify()
    with pytest.raises(SuppressedIdError):
        store.learn(people([8]))


def test_a_search_before_additions_are_written_is_an_error(store):
    with pytest.raises(RuntimeError, match="1 additions to the index id_index"), store._changing():
        hashes = store._ids.hashes(store._ids.keys([901]))
        store._ids.index.add(hashes, np.ones(1, np.int64))
        store._ids.index.find(hashes)
    assert store.verify()


def test_a_list_is_written_whole_or_not_at_all(store, tmp_path, monkeypatch):
    store.forget(ids=[1])
    found, path = store.suppressed(), tmp_path / "list"
    for odd in (None, 5, b"list", "a\0b", "\ud800", ""):
        for call in (found.save, Suppressed.load):
            with pytest.raises(StoreError, match="path of a file must be text"):
                call(odd)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        with pytest.raises(StoreError, match="cannot be written"):
            found.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert not path.exists()
    found.save(path)
    assert Suppressed.load(path) == found


def test_what_is_no_list_or_no_id(store, tmp_path):
    with pytest.raises(StoreError, match=r"Suppressed\.load"):
        store.replay(3)
    with pytest.raises(FormatError, match="cannot be read: No such file"):
        Suppressed.load(tmp_path / "missing")
    (tmp_path / "deep").write_text("[" * 100_000)
    with pytest.raises(FormatError, match="not a list"):
        Suppressed.load(tmp_path / "deep")
    for id in (2**70, -(2**63) - 1, 7):
        with pytest.raises(UnknownIdError, match="not suppressed"):
            store.lift([id])
