"""Novelty: how well outliers are found beside scikit-learn, forgetting one record, forgetting and reading.

    make bench BENCH=novelty
    make bench BENCH=novelty BENCH_ARGS="found forgets"

Data: breast cancer (benign cells known), digits (one class known), and generated blobs and moons with outliers drawn
from the uniform distribution around them. Half of the records of the known kind are learned. Rows have means over three
seeds, and the worst of them.
"""

import statistics
from collections.abc import Callable, Iterator
from time import perf_counter, thread_time

import numpy as np
from measuring import Row, at_most, duration, main, row
from sklearn import covariance as peer_covariance
from sklearn.datasets import load_breast_cancer, load_digits, make_blobs, make_moons
from sklearn.metrics import roc_auc_score
from sklearn.svm import OneClassSVM as Peer

from sqlearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from sqlearn.kernel_approximation import KernelMean
from sqlearn.svm import OneClassSVM

SEEDS = 3
AUC_GOAL = 0.01  # how far from scikit-learn's
FORGET_GOAL = 60e-6
FASTER_FROM = 30_000


def real(load: Callable, kind: int, scale: bool, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the records of one kind, all others, and which of these are of that kind."""
    data = load()
    good = np.flatnonzero(data.target == kind)
    np.random.default_rng(seed).shuffle(good)
    rest = np.setdiff1d(np.arange(len(data.data)), good[: len(good) // 2])
    known, asked = data.data[good[: len(good) // 2]], data.data[rest]
    if scale:
        known, asked = (
            (known - known.mean(axis=0)) / known.std(axis=0),
            (asked - known.mean(axis=0)) / known.std(axis=0),
        )
    return known, asked, data.target[rest] == kind


def generated(make: Callable[[int, int], np.ndarray], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    known, more = make(1000, seed), make(500, seed + 100)
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    low, high = known.min(axis=0) - 0.5, known.max(axis=0) + 0.5
    outliers = np.random.default_rng(seed).uniform(low, high, (500, known.shape[1]))
    asked = np.concatenate([more, outliers])
    return (known - mean) / deviation, (asked - mean) / deviation, np.arange(1000) < 500


def blobs(n: int, seed: int) -> np.ndarray:
    return make_blobs(n, centers=[[-3, -3], [3, 3], [3, -3]], random_state=seed)[0]


def moons(n: int, seed: int) -> np.ndarray:
    return make_moons(n, noise=0.1, random_state=seed)[0]


DATA = {
    "breast cancer": lambda seed: real(load_breast_cancer, 1, True, seed),
    "digits, 0": lambda seed: real(load_digits, 0, False, seed),
    "digits, 3": lambda seed: real(load_digits, 3, False, seed),
    "blobs": lambda seed: generated(blobs, seed),
    "moons": lambda seed: generated(moons, seed),
}


def found() -> Iterator[Row]:
    """how well outliers are found: area under the curve."""
    for name, draw in DATA.items():
        for nu in (0.1, 0.5):
            ours, theirs, shares = [], [], []
            for seed in range(SEEDS):
                known, asked, labels = draw(seed)
                model, peer = OneClassSVM(nu=nu).fit(known), Peer(nu=nu).fit(known)
                ours.append(roc_auc_score(labels, model.score_samples(asked)))
                theirs.append(roc_auc_score(labels, peer.score_samples(asked)))
                shares.append(abs((model.predict(known) < 0).mean() - nu) * len(known))
            worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
            yield compared(f"{name}: OneClassSVM, nu={nu}, AUC", ours, theirs, worst)
            yield row(
                f"{name}: records outside, from nu * n", f"{max(shares):.2f}", "-", None, "at most 1", max(shares) <= 1
            )
        ours, means, theirs = [], [], []
        for seed in range(SEEDS):
            known, asked, labels = draw(seed)
            model = LedoitWolf().fit(known)
            peer = peer_covariance.LedoitWolf().fit(known)
            ours.append(roc_auc_score(labels, -model.mahalanobis(asked)))
            theirs.append(roc_auc_score(labels, -peer.mahalanobis(asked)))
            gamma = 1.0 / (known.shape[1] * known.var())
            means.append(roc_auc_score(labels, KernelMean(gamma=gamma).fit(known).score_samples(asked)))
        worst = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
        yield compared(f"{name}: LedoitWolf, AUC", ours, theirs, worst)
        text = f"{statistics.fmean(means):.4f}"
        yield row(f"{name}: KernelMean, AUC (worst {min(means):.3f})", text, "-", None, "-", True)


def compared(what: str, ours: list[float], theirs: list[float], worst: float) -> Row:
    means = (f"{statistics.fmean(values):.4f}" for values in (ours, theirs))
    return row(f"{what}; worst off by {worst:.4f}", *means, None, f"off by {AUC_GOAL:g}", worst <= AUC_GOAL)


def forgets() -> Iterator[Row]:
    """forgetting one record of 30 features: median of 2,000, and the mean, CPU time of this thread."""
    X = np.random.default_rng(0).normal(size=(20_000, 30))
    models = [EmpiricalCovariance(), ShrunkCovariance(), OAS(), LedoitWolf(), KernelMean(), OneClassSVM()]
    for model in models:
        model.fit(X)
        for i in range(300):
            model.forget(X[i])
        times = []
        for i in range(300, 2300):
            start = thread_time()
            model.forget(X[i])
            times.append(thread_time() - start)
        name = f"forget, {type(model).__name__} (mean {duration(statistics.fmean(times))})"
        yield at_most(name, FORGET_GOAL, statistics.median(times))


def reads() -> Iterator[Row]:
    """forgetting and scoring one record, beside scikit-learn's fit on what is left and the same score."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(10, 10))
    for n in (1000, 3000, 10_000, 30_000):
        X = rng.normal(size=(n, 10)) @ mixing
        for nu in (0.1, 0.5):
            model = OneClassSVM(nu=nu).fit(X)
            model.score_samples(X[:1])
            runs, ours, theirs = (3 if n < 30_000 else 1), [], []
            for i in range(1, runs + 1):
                start = perf_counter()
                model.forget(X[i]).score_samples(X[:1])
                ours.append(perf_counter() - start)
                start = perf_counter()
                Peer(nu=nu).fit(np.delete(X, range(1, i + 1), axis=0)).score_samples(X[:1])
                theirs.append(perf_counter() - start)
            a, b = statistics.median(ours), statistics.median(theirs)
            goal = "ratio at most 1" if n >= FASTER_FROM else "-"
            what = f"forget and score, OneClassSVM, {n:,} rows, nu={nu}"
            yield row(what, duration(a), duration(b), a / b, goal, n < FASTER_FROM or a <= b)


def centred() -> Iterator[Row]:
    """covariances of features whose mean is 1e8 deviations, beside those of the same data once they are centred."""
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(1000, 8)) ** 3 * 2.0**20) / 2.0**20 @ rng.integers(-3, 4, (8, 8))
    X = np.concatenate([X, -X])
    for kind in (EmpiricalCovariance, ShrunkCovariance, OAS, LedoitWolf):
        peer = getattr(peer_covariance, kind.__name__)(assume_centered=True).fit(X)
        error = np.abs(kind().fit(X + 1e8).covariance_ / peer.covariance_ - 1.0).max()
        theirs = np.abs(type(peer)().fit(X + 1e8).covariance_ / peer.covariance_ - 1.0).max()
        what = f"largest relative error, mean/deviation 1e8, {kind.__name__}"
        yield row(what, f"{error:.1e}", f"{theirs:.1e}", None, "at most 1e-12", error <= 1e-12)


if __name__ == "__main__":
    main(__doc__, found, forgets, reads, centred)
