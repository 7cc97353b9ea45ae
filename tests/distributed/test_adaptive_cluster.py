"""Adaptive learners over the workers of a Dask cluster and over processes, some of which are killed."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from laws import refit, snapshot
from learners import EVERYWHERE
from records import joined
from sqlearn.distributed import fit
from sqlearn.errors import UnsupportedError
from sqlearn.linear_model import LogisticRegression
from tiny_rounds import labelled, plain

distributed = pytest.importorskip("distributed")


def many():
    """Enough records for rounds, among them copies, and five pieces of them, each of one label but the last."""
    rng = np.random.default_rng(1)
    records = labelled(LogisticRegression(), rng, plain(rng, 10_000))
    records = joined([records, records.take(rng.integers(0, 10_000, 1000))])
    records.y = np.array(["no", "yes"])[(records.y > 0).astype(int)]
    order = np.argsort(records.y[:9000], kind="stable").tolist() + list(range(9000, 11_000))
    parts = [records.take(index) for index in np.array_split(order, 5)]
    return rng, records, [(part.X, part.y, part.w) for part in parts]


def forgets(model, records, rng):
    """Forgets that break rounds, each with the digest of a refit."""
    held = np.arange(len(records))
    for _ in range(2):
        gone, held = np.split(rng.permutation(held), [300])
        model.forget(**records.take(gone).given)
        assert model.digest() == refit(LogisticRegression(), records.take(held)).digest()
        yield


@pytest.mark.skipif(not EVERYWHERE, reason="Dask takes its time to start killed workers again: make thorough")
def test_workers_that_are_killed():
    rng, records, pieces = many()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        model = fit(LogisticRegression(), pieces, client=client, memory=1 << 16)
        assert model.digest() == refit(LogisticRegression(), records).digest()
        for _ in forgets(model, records, rng):  # the worker is started again, without what it kept
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    before = snapshot(model)
    with pytest.raises(UnsupportedError, match="client"):
        model.partial_fit(**records.take(range(40)).given)
    assert snapshot(model) == before
    assert len(model.predict(records.X[:3])) == 3


def test_processes():
    rng, records, pieces = many()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        model = fit(LogisticRegression(), pieces, client=executor)
        assert model.digest() == refit(LogisticRegression(), records).digest()
        assert len([*forgets(model, records, rng)]) == 2
    before = snapshot(model)
    with pytest.raises(UnsupportedError, match="executor"):
        model.partial_fit(**records.take(range(40)).given)
    assert snapshot(model) == before
