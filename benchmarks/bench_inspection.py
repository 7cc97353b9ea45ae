"""What leaving each row out takes, beside forgetting, and beside pyinfluence's refits.

    make bench BENCH=inspection DATA=folder
    make bench BENCH=inspection DATA=folder BENCH_ARGS=pyinfluence

`DATA` names a folder with adult.data of https://archive.ics.uci.edu/dataset/2/adult, which may not be shipped; without
it, generated rows of the same size stand in. Times are CPU times of one thread. A row of the table whose goal is for
the whole of the 32,561 rows says so; `ROWS` may name fewer, and the time is then multiplied up.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import thread_time
from typing import Any
from unittest.mock import patch

import numpy as np
from forest_data import adult
from measuring import Row, at_most, main, ratio_at_most
from sklearn.base import clone
from sklearn.linear_model import Ridge as PeerRidge
from sklearn.naive_bayes import GaussianNB as PeerNB

from sqlearn.inspection import leave_one_out
from sqlearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB

N, D = 32_561, 108
ROWS = int(os.environ.get("ROWS", N))
FORGOTTEN = 500  # rows for which forgetting is timed


def data() -> tuple[np.ndarray, np.ndarray]:
    folder = os.environ.get("DATA")
    if folder:
        return adult(Path(folder) / "adult.data")(0, 0)
    print("adult.data: data not given (DATA=folder); generated rows stand in", flush=True)
    rng = np.random.default_rng(0)
    x = np.where(np.arange(D) < 6, rng.lognormal(5, 3, (N, D)).round(), rng.random((N, D)) < 0.1)
    return x, (x[:, :20] @ rng.normal(size=20) > 0).astype(int)


def seconds(model: Any, x: np.ndarray, y: np.ndarray, response: str) -> float:
    start = thread_time()
    leave_one_out(model, x, y, response=response)
    return thread_time() - start


def timed(learner: Any, response: str, limit: float) -> Iterator[Row]:
    """All rows by the quick path against a goal, and some by it and by forgetting in turn."""
    x, y = data()
    model = clone(learner).fit(x, y)
    seconds(model, x[:300], y[:300], response)  # compiles
    name = f"{type(learner).__name__}, {response}"
    yield at_most(f"{name}: {N:,} rows", limit, seconds(model, x[:ROWS], y[:ROWS], response) * N / len(x[:ROWS]))
    some = x[:FORGOTTEN], y[:FORGOTTEN], response
    with patch("sqlearn.inspection.leaving_out.answers_without_each", lambda *_: None):
        seconds(model, x[:50], y[:50], response)
        forgetting = seconds(model, *some)
    seconds(model, *some)
    yield ratio_at_most(f"{name}: {FORGOTTEN} rows / by forgetting each", 1.0, seconds(model, *some), forgetting)


def naive_bayes() -> Iterator[Row]:
    """GaussianNB"""
    for response in ("predict", "predict_proba"):
        yield from timed(GaussianNB(), response, 3.0)


def ridge() -> Iterator[Row]:
    """Ridge, RidgeClassifier, LinearRegression"""
    for learner in (Ridge(), RidgeClassifier()):
        yield from timed(learner, "predict", 45.0)
    yield from timed(LinearRegression(), "predict", 90.0)


def pyinfluence() -> Iterator[Row]:
    """the first rows, beside the refits of LOOInfluence alone, without what it computes from them"""
    from pyinfluence import LOOInfluence

    x, y = data()
    for ours, theirs, n in (
        (GaussianNB(), PeerNB(), 2_000),
        (GaussianNB(), PeerNB(), N),
        (Ridge(), PeerRidge(), 2_000),
        (Ridge(), PeerRidge(), N),
    ):
        own = slice(0, n)
        model, peer = ours.fit(x[own], y[own]), theirs.fit(x[own], y[own])
        some = 50 if n == N else n  # of its refits on all rows, as many as there is patience for
        seconds(model, x[:300], y[:300], "predict")
        start = thread_time()
        with patch("pyinfluence._loo.range", lambda count, some=some: islice(range(count), some), create=True):
            LOOInfluence(verbose=0).fit(peer, x[own], y[own])
        refits = thread_time() - start
        left_out = seconds(model, x[:some], y[:some], "predict")
        what = f"{type(ours).__name__} of {n:,} rows, {some:,} left out / LOOInfluence.fit"
        yield ratio_at_most(what, 1 / 20, left_out, refits)


if __name__ == "__main__":
    main(__doc__, naive_bayes, ridge, pyinfluence, peer="other")
