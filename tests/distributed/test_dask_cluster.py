"""A Dask cluster: fits and forgets while workers are killed, and what is left when its client is closed."""

import os
import pickle
import signal
import threading

import numpy as np
import pandas as pd
import pytest

import cluster_kills
from learners import EVERYWHERE
from sqlearn.distributed import fit, forget, workers
from sqlearn.distributed.index import parts_of_index
from sqlearn.distributed.workers import workers_of
from sqlearn.ensemble import RandomForestClassifier
from sqlearn.errors import UnsupportedError
from sqlearn.naive_bayes import GaussianNB
from sqlearn.neighbors import KNeighborsClassifier

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.mark.skipif(not EVERYWHERE, reason="Dask takes its time to start killed workers again: make cluster-kills")
@pytest.mark.parametrize("kill", [cluster_kills.kill_in_fits, cluster_kills.kill_in_forgets])
def test_workers_that_are_killed(kill):
    with cluster_kills.cluster() as client:
        assert kill(client, 1) == 0


def test_one_part_of_the_index_is_asked(client, monkeypatch):
    X, y = cluster_kills.all_rows()
    model = fit(GaussianNB(), map(cluster_kills.Piece, range(cluster_kills.PIECES)), client=client)
    parts = model.state.ledger.indexes[0]._parts
    lies = client.who_has(parts)
    assert [[*lies[part.key]] for part in parts] == [[keeper] for keeper in parts_of_index(workers_of(client), 0)]
    calls = []
    submit = client.submit
    monkeypatch.setattr(client, "submit", lambda *args, **kwargs: calls.append(args) or submit(*args, **kwargs))
    model.forget(X[100], y[100])
    ((function, _, digests),) = calls  # 16 bytes travel, and a number comes back
    assert (function.__name__, digests.nbytes) == ("count", 16)
    with pytest.raises(ValueError, match="no worker"):  # an error of a piece is its own
        fit(GaussianNB(), [raising], client=client)


def test_rows_that_are_gathered_are_found_where_they_lie(client):
    frame = pd.DataFrame({"who": np.arange(40), "a": np.arange(40.0) % 7, "y": np.arange(40) % 2})
    model = fit(KNeighborsClassifier(2), [frame[:15], frame[15:]], y="y", columns=["a"], client=client)
    rest = frame[(frame.who % 3 != 0) & (frame.a != 6)]
    assert forget(model, where="who % 3 = 0 or a = 6") == 40 - len(rest)
    assert model.digest() == KNeighborsClassifier(2).fit(rest[["a"]], rest.y).digest()


def raising():
    raise ValueError("no worker was lost")


def test_a_closed_client_is_told(client):
    X, y = cluster_kills.all_rows()
    other = type(client)(client.cluster)
    model = fit(GaussianNB(), [(X[:50], y[:50]), (X[50:], y[50:])], client=other)
    digest = model.digest()
    other.close()
    with pytest.raises(UnsupportedError, match=r"The Dask client is closed.*Nothing was changed") as caught:
        model.forget(X[0], y[0])
    assert caught.value.reason == "rows elsewhere"
    with pytest.raises(UnsupportedError, match="The Dask client is closed"):
        fit(model, [(X, y)], client=other)
    plain = GaussianNB().fit(X, y)
    for each in (model, pickle.loads(pickle.dumps(model))):
        assert each.digest() == digest == plain.digest()
        assert (each.predict(X) == plain.predict(X)).all()
    model.partial_fit(X[0], y[0]).forget(X[0], y[0])  # a record that came since is known here
    assert model.digest() == digest
    model.fit(np.delete(X, 0, 0), np.delete(y, 0))  # and all can be learned anew
    assert model.forget(X[1], y[1]).n_records_ == len(X) - 2


def forests(client):
    """A forest that forgets thrice; each time it has been asked for its digest, and that of a refit."""
    X, y = cluster_kills.all_rows()
    model = fit(RandomForestClassifier(7), [(X[:50], y[:50]), (X[50:], y[50:])], client=client)
    places = client.nthreads().keys()
    assert len(model.state.statistic.rows.parts._parts) == len(places) == 2
    for n in (0, 5, 6, 90):
        if n:
            model.forget(X[n - 1], y[n - 1])
        held = np.setdiff1d(np.arange(len(X)), [each - 1 for each in (0, 5, 6, 90) if 0 < each <= n])
        alone = RandomForestClassifier(7).fit(X[held], y[held])
        yield model.digest(), alone.digest()
    assert (model.predict(X) == alone.predict(X)).all()
    yield model, alone


def test_a_forest_outlives_its_cluster(client):
    other = type(client)(client.cluster)
    *digests, (model, alone) = forests(other)
    assert all(ours == theirs for ours, theirs in digests)
    other.close()
    X, y = cluster_kills.all_rows()
    with pytest.raises(UnsupportedError, match=r"The Dask client is closed.*Nothing was changed"):
        model.forget(X[0], y[0])
    for each in (model, pickle.loads(pickle.dumps(model))):
        assert each.digest() == alone.digest()
        assert (each.predict(X) == alone.predict(X)).all()


def test_a_cluster_without_workers_is_waited_for_with_a_warning(monkeypatch):
    monkeypatch.setattr(workers, "_PATIENCE", 1)
    options = {"n_workers": 0, "threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        timer = threading.Timer(0.5, cluster.scale, [1])
        timer.start()
        with pytest.warns(UserWarning, match=r"cluster has no worker.*start workers, or interrupt"):
            assert workers.run(workers.workers_of(client), abs, [(-3,)]) == [3]
        timer.join()


@pytest.mark.skipif(not EVERYWHERE, reason="Dask takes its time to start killed workers again: make cluster-kills")
def test_workers_that_grow_trees_are_killed():
    with cluster_kills.cluster() as client:
        history = forests(client)
        for _ in range(4):
            ours, theirs = next(history)
            assert ours == theirs
            os.kill(next(iter(client.cluster.workers.values())).pid, signal.SIGKILL)
        model, alone = next(history)
        assert model.digest() == alone.digest()
