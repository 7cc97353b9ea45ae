"""What docs/scale.md says of failures: all or nothing, and an error that tells what to do."""

import resource
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import dask
import numpy as np
import pandas as pd
import pytest
from dask.distributed import Client, LocalCluster

from sqlearn.distributed import StoreSet, fit
from sqlearn.distributed.index import Index
from sqlearn.errors import (
    BusyError,
    SqlearnError,
    StoreBusyError,
    StoreError,
    TableError,
    TooLargeError,
    UnsupportedError,
)
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import GaussianNB

ROWS = 20_000


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3))
    x[::1000] = 1e12
    return pd.DataFrame(
        {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": (x[:, 0] + rng.normal(size=ROWS) > 0).astype(int)}
    )


@pytest.fixture
def folder(tmp_path, frame):
    for i in range(4):
        frame.iloc[i::4].to_parquet(tmp_path / f"{i}.parquet")
    return tmp_path


def given(frame, *rows):
    chosen = frame.iloc[list(rows)]
    return chosen[["a", "b", "c"]], chosen["y"]


def without(learner, frame, *rows):
    """The digest of one process, on all rows but these."""
    left = frame.drop(index=list(rows))
    return learner.fit(left[["a", "b", "c"]], left["y"]).digest()


@contextmanager
def full_disk(size):
    """The system lets no file grow beyond this size, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def unchanged(model):
    """The block raises an error of this package, and the model is what it was."""
    digest = model.digest()
    with pytest.raises(SqlearnError) as caught:
        yield caught
    assert model.digest() == digest


@pytest.mark.parametrize("learner", [GaussianNB(), LogisticRegression()], ids=lambda learner: type(learner).__name__)
def test_the_disk_is_full(learner, folder, frame):
    """Names and rows that do not fit in memory go to a temporary file, which cannot be written."""
    assert fit(learner, folder, y="y", memory=0).digest() == without(type(learner)(), frame)
    with unchanged(learner) as caught, full_disk(100_000):
        fit(learner, folder, y="y", memory=0)
    assert isinstance(caught.value, TooLargeError) and "temporary file" in str(caught.value)


def test_a_file_is_half_written(folder, frame):
    model = GaussianNB().fit(*given(frame, *range(10)))
    path = folder / "2.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with unchanged(model) as caught:
        fit(model, folder, y="y")
    assert isinstance(caught.value, TableError) and "2.parquet" in str(caught.value)
    path.write_bytes(whole)
    frame.to_csv(folder / "whole.csv", index=False)
    text = (folder / "whole.csv").read_text().splitlines()
    (folder / "half.csv").write_text("\n".join([*text[:500], text[500].rpartition(",")[0]]))
    with unchanged(model) as caught:
        fit(model, [folder / "half.csv"], y="y")
    assert isinstance(caught.value, TableError) and "half.csv" in str(caught.value)


def test_a_piece_is_missing(folder, frame):
    model = GaussianNB().fit(*given(frame, *range(10)))
    with unchanged(model) as caught:
        fit(model, [folder / "0.parquet", folder / "9.parquet"], y="y")
    assert isinstance(caught.value, TableError) and "9.parquet" in str(caught.value)


@pytest.fixture
def cluster():
    """Two workers and a scheduler in this process; who waits for the scheduler in vain waits for a second."""
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}), LocalCluster(**options) as cluster:
        yield cluster


def test_workers_and_then_the_scheduler_die(folder, frame, cluster):
    with Client(cluster) as client:
        models = [fit(learner, folder, y="y", client=client) for learner in (GaussianNB(), LogisticRegression())]
        client.sync(cluster.workers[0].close)  # what it kept is lost
        for model in models:
            assert model.forget(*given(frame, 3, 1000)).digest() == without(type(model)(), frame, 3, 1000)
        (folder / "1.parquet").unlink()
        client.sync(cluster.workers[1].close)
        cluster.scale(3)
        for model in models:  # what is lost is to be read again
            with unchanged(model) as caught:
                model.forget(*given(frame, 2000, 5))
            assert "1.parquet" in str(caught.value)
        client.sync(cluster.scheduler.close)
        for model in models:
            with unchanged(model) as caught:
                model.forget(*given(frame, 5))
            assert isinstance(caught.value, UnsupportedError) and caught.value.reason == "rows elsewhere"
            model.predict(given(frame, 5)[0])
            with unchanged(model):
                fit(model, folder, y="y", client=client)


def test_two_forgets_at_once(folder, frame, monkeypatch):
    asked, on, count = threading.Event(), threading.Event(), Index.count

    def slow(*args):
        asked.set()
        assert on.wait(30)
        return count(*args)

    model = fit(GaussianNB(), folder, y="y")
    monkeypatch.setattr(Index, "count", slow)
    with ThreadPoolExecutor(1) as other:
        first = other.submit(model.forget, *given(frame, 1))
        assert asked.wait(30)
        with pytest.raises(BusyError):
            model.forget(*given(frame, 2))
        on.set()
        first.result()
    assert model.digest() == without(GaussianNB(), frame, 1)
    assert model.forget(*given(frame, 2)).digest() == without(GaussianNB(), frame, 1, 2)


def test_a_set_on_a_full_disk(tmp_path, frame):
    with StoreSet.create(tmp_path / "set", GaussianNB(), frame[:2000], target="y", parts=3) as store_set:
        store_set.learn(frame[2000:2010])
        digest, size = store_set.digest(), max(path.stat().st_size for path in (tmp_path / "set").iterdir())
        with pytest.raises(StoreError), full_disk(size + 4096):
            store_set.learn(frame[2010:])
        assert store_set.digest() == digest and store_set.verify()
        store_set.forget(ids=[0, 1, 2])
        assert store_set.verify() and len(store_set) == 2007


def test_two_change_one_set(tmp_path, frame):
    with StoreSet.create(tmp_path / "set", GaussianNB(), frame[:500], target="y", parts=3, timeout=0.1) as store_set:
        digest = store_set.digest()
        with closing(sqlite3.connect(tmp_path / "set" / "set.sqlearn", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")  # as who changes the set does
            with pytest.raises(StoreBusyError):
                store_set.forget(ids=[1, 2, 3])
            other.execute("ROLLBACK")
        assert store_set.digest() == digest
        assert store_set.forget(ids=[1, 2, 3]).count == 3
