"""Compare the latencies of two checkouts of sqlearn, measured in turns on one machine.

    python benchmarks/compare.py OLD_CHECKOUT NEW_CHECKOUT [names ...] [--rounds N] [--disk FOLDER]

Each checkout is measured by a process of its own, which imports sqlearn from there. The two take turns: both do the
same work on the same rows, and one waits while the other works, so that a busy machine slows both. A turn begins with
calls that are not timed, since the caches hold what the other process left there. Single rows are forgotten, breaks
included.

The table gives the median over all turns of a turn's median call, and the least of these medians, which a busy machine
disturbs less. A row is OVER where both the medians and the least are worse than the old ones by more than 5 % plus
0.3 us; then the exit status is 1. Compiled kernels are kept between runs in a folder per checkout (--cache).
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import numpy as np
import scipy.sparse as sp

Turn = Callable[[], dict[str, list[float]]]  # seconds of each call, by what was called

RELATIVE, ABSOLUTE = 1.05, 0.3e-6  # what a new latency may exceed the old one by
CALLS = 300  # of a turn, for calls of microseconds
UNTIMED = 30


def calls_in_turns(n_rows: int, calls: int, untimed: int, **each: Callable[[int], object]) -> Turn:
    """Turns that call each of the functions with the next row, one after the other."""
    at = 0

    def turn() -> dict[str, list[float]]:
        nonlocal at
        seconds: dict[str, list[float]] = {name: [] for name in each}
        for k in range(untimed + calls):
            row = at % n_rows
            at += 1
            for name, call in each.items():
                start = perf_counter()
                call(row)
                taken = perf_counter() - start
                if k >= untimed:
                    seconds[name].append(taken)
        return seconds

    return turn


def in_and_out(model, rows, targets=None, calls: int = CALLS, untimed: int = UNTIMED) -> Turn:
    """Forget a row, and learn it again."""
    if targets is None:
        forget, learn = (lambda i: model.forget(rows[i])), (lambda i: model.partial_fit(rows[i]))
    else:
        forget, learn = (
            (lambda i: model.forget(rows[i], targets[i])),
            (lambda i: model.partial_fit(rows[i], targets[i])),
        )
    return calls_in_turns(len(rows), calls, untimed, forget=forget, partial_fit=learn)


def normal(n: int, d: int) -> tuple[np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng, rng.normal(size=(n, d))


def gaussian(folder: Path, disk: Path) -> Turn:
    """GaussianNB, 30 features"""
    from sqlearn.naive_bayes import GaussianNB

    rng, x = normal(5000, 30)
    y = rng.integers(0, 3, len(x))
    return in_and_out(GaussianNB().fit(x, y), list(x), y.tolist())


def gaussian_wide(folder: Path, disk: Path) -> Turn:
    """GaussianNB, 1,000 features"""
    from sqlearn.naive_bayes import GaussianNB

    rng, x = normal(3000, 1000)
    y = rng.integers(0, 3, len(x))
    return in_and_out(GaussianNB().fit(x, y), list(x), y.tolist())


def linear(folder: Path, disk: Path) -> Turn:
    """LinearRegression, 100 features"""
    from sqlearn.linear_model import LinearRegression

    rng, x = normal(5000, 100)
    y = x @ rng.normal(size=100) + rng.normal(size=len(x))
    return in_and_out(LinearRegression().fit(x, y), list(x), y.tolist())


def linear_read(folder: Path, disk: Path) -> Turn:
    """LinearRegression, 100 features, coef_ read"""
    from sqlearn.linear_model import LinearRegression

    rng, x = normal(5000, 100)
    y = (x @ rng.normal(size=100) + rng.normal(size=len(x))).tolist()
    model = LinearRegression().fit(x, y)
    forget, learn = (lambda i: model.forget(x[i], y[i]).coef_), (lambda i: model.partial_fit(x[i], y[i]))
    return calls_in_turns(len(x), 15, 3, forget=forget, partial_fit=learn)


def ridge(folder: Path, disk: Path) -> Turn:
    """Ridge, 30 features"""
    from sqlearn.linear_model import Ridge

    rng, x = normal(5000, 30)
    y = x @ rng.normal(size=30) + rng.normal(size=len(x))
    return in_and_out(Ridge().fit(x, y), list(x), y.tolist())


def counts(rng: np.random.Generator, n: int, d: int, length: int) -> sp.csr_matrix:
    """Documents of `length` words, the first of them the most frequent."""
    frequency = 1.0 / (np.arange(d) + 10.0)
    words = rng.choice(d, n * length, p=frequency / frequency.sum())
    return sp.coo_matrix((np.ones(n * length), (np.repeat(np.arange(n), length), words)), (n, d)).tocsr()


def multinomial(folder: Path, disk: Path) -> Turn:
    """MultinomialNB, CSR rows of 50,000 features"""
    from sqlearn.naive_bayes import MultinomialNB

    rng = np.random.default_rng(0)
    x = counts(rng, 2000, 50_000, 130)
    y = rng.integers(0, 20, 2000)
    return in_and_out(MultinomialNB().fit(x, y), [x[i] for i in range(2000)], y.tolist())


def bernoulli(folder: Path, disk: Path) -> Turn:
    """BernoulliNB, 30 features"""
    from sqlearn.naive_bayes import BernoulliNB

    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (5000, 30)).astype(float)
    y = rng.integers(0, 3, len(x))
    return in_and_out(BernoulliNB().fit(x, y), list(x), y.tolist())


def categorical(folder: Path, disk: Path) -> Turn:
    """CategoricalNB, 10 features of 5 categories"""
    from sqlearn.naive_bayes import CategoricalNB

    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (5000, 10))
    y = rng.integers(0, 3, len(x))
    return in_and_out(CategoricalNB().fit(x, y), list(x), y.tolist())


def mixed_table():
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, 3000),
            "fare": rng.lognormal(3, 1, 3000),
            "port": rng.choice(["S", "C", "Q"], 3000),
            "deck": rng.choice(list("ABCDEFG"), 3000),
        }
    )
    return frame, rng.integers(0, 2, len(frame))


def mixed_list(folder: Path, disk: Path) -> Turn:
    """MixedNB, 4 columns, rows as lists"""
    from sqlearn.naive_bayes import MixedNB

    frame, y = mixed_table()
    return in_and_out(MixedNB().fit(frame, y), frame.astype(object).to_numpy().tolist(), y.tolist())


def mixed_series(folder: Path, disk: Path) -> Turn:
    """MixedNB, 4 columns, rows as Series"""
    from sqlearn.naive_bayes import MixedNB

    frame, y = mixed_table()
    rows = [frame.iloc[i] for i in range(len(frame))]
    return in_and_out(MixedNB().fit(frame, y), rows, y.tolist())


def pca(folder: Path, disk: Path) -> Turn:
    """PCA, 30 features"""
    from sqlearn.decomposition import PCA

    _, x = normal(5000, 30)
    return in_and_out(PCA(n_components=3).fit(x), list(x))


def stream(model, x: np.ndarray, y: np.ndarray | None = None, calls: int = 150) -> Turn:
    """Forget one row after the other."""
    given = (x,) if y is None else (x, y)
    model.fit(*given)
    order = np.random.default_rng(1).permutation(len(x)).tolist()
    return calls_in_turns(len(x), calls, UNTIMED, forget=lambda i: model.forget(*(part[order[i]] for part in given)))


def predictor(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    slopes = rng.normal(size=x.shape[1])
    return x @ (slopes * 1.5 / np.linalg.norm(slopes)) + 0.3


def coin(rng: np.random.Generator, eta: np.ndarray) -> np.ndarray:
    return (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)


def logistic(folder: Path, disk: Path) -> Turn:
    """LogisticRegression, 100,000 x 10"""
    from sqlearn.linear_model import LogisticRegression

    rng, x = normal(100_000, 10)
    return stream(LogisticRegression(), x, coin(rng, predictor(rng, x)))


def hinge(folder: Path, disk: Path) -> Turn:
    """LinearSVC, 100,000 x 10"""
    from sqlearn.svm import LinearSVC

    rng, x = normal(100_000, 10)
    return stream(LinearSVC(), x, coin(rng, predictor(rng, x)))


def poisson(folder: Path, disk: Path) -> Turn:
    """PoissonRegressor, 100,000 x 10"""
    from sqlearn.linear_model import PoissonRegressor

    rng, x = normal(100_000, 10)
    return stream(PoissonRegressor(), x, rng.poisson(np.exp(0.3 * predictor(rng, x) + 0.5)).astype(float))


def gamma(folder: Path, disk: Path) -> Turn:
    """GammaRegressor, 100,000 x 10"""
    from sqlearn.linear_model import GammaRegressor

    rng, x = normal(100_000, 10)
    return stream(GammaRegressor(), x, rng.gamma(2.0, np.exp(0.3 * predictor(rng, x) + 0.5) / 2.0))


def kmeans(folder: Path, disk: Path) -> Turn:
    """KMeans, 100,000 x 10, 10 clusters"""
    from sqlearn.cluster import KMeans

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 10)) * 1.5
    x = centres[rng.integers(0, 10, 100_000)] + rng.normal(size=(100_000, 10))
    return stream(KMeans(n_clusters=10), x)


def store_table(rows: int) -> dict[str, np.ndarray]:
    rng, x = normal(rows, 10)
    return {f"x{j}": x[:, j] for j in range(10)} | {"y": rng.integers(0, 2, rows)}


def store_forget(folder: Path) -> Turn:
    from sqlearn import Store
    from sqlearn.naive_bayes import GaussianNB

    rows = 50_000
    store = Store.create(folder / "forget.sqlearn", GaussianNB(), store_table(rows), target="y")
    order = np.random.default_rng(1).permutation(rows).tolist()
    return calls_in_turns(rows, 60, 10, forget=lambda i: store.forget(ids=[order[i]]))


def store_memory(folder: Path, disk: Path) -> Turn:
    """Store in memory (or the first folder), forget by id"""
    return store_forget(folder)


def store_disk(folder: Path, disk: Path) -> Turn:
    """Store on disk, forget by id"""
    return store_forget(disk)


def store_open(folder: Path, disk: Path) -> Turn:
    """Store of 1,000 rows, open and close"""
    from sqlearn import Store
    from sqlearn.naive_bayes import GaussianNB

    path = folder / "open.sqlearn"
    Store.create(path, GaussianNB(), store_table(1000), target="y").close()
    return calls_in_turns(1, 60, 10, open=lambda i: Store.open(path).close())


CASES = {
    case.__name__: case
    for case in (
        gaussian, gaussian_wide, linear, linear_read, ridge, multinomial, bernoulli, categorical, mixed_list,
        mixed_series, pca, logistic, hinge, poisson, gamma, kmeans, store_memory, store_disk, store_open,
    )
}  # fmt: skip


# ---------------------------------------------------------------------- the two processes


def work(checkout: str, folder: str, disk: str) -> None:
    """Answer, on standard output, each name of a case on standard input with the seconds of one turn of it."""
    import warnings

    import sqlearn

    if not Path(sqlearn.__file__).resolve().is_relative_to(Path(checkout).resolve()):
        raise SystemExit(f"sqlearn was imported from {sqlearn.__file__}, not from {checkout}")
    warnings.simplefilter("ignore")
    turns: dict[str, Turn] = {}
    for line in sys.stdin:
        name = line.strip()
        if name not in turns:
            turns.clear()  # the memory of the case before
            turns[name] = CASES[name](Path(folder), Path(disk))
            turns[name]()  # compiles
        print(json.dumps(turns[name]()), flush=True)


class Worker:
    """The process that measures one checkout."""

    def __init__(self, checkout: Path, cache: Path, folder: Path, disk: Path) -> None:
        kernels = cache / hashlib.sha256(str(checkout.resolve()).encode()).hexdigest()[:16]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        environment = os.environ | threads | {"PYTHONPATH": str(checkout), "NUMBA_CACHE_DIR": str(kernels)}
        arguments = ["--worker", str(checkout), str(folder), str(disk)]
        self.process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *error):
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def turn(self, name: str) -> dict[str, float]:
        """The median seconds of a call, by what was called."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the process that measures {name} ended")
        return {called: statistics.median(seconds) for called, seconds in json.loads(answer).items()}


def compare(case: str, workers: list[Worker], rounds: int) -> list[tuple[str, list[list[float]]]]:
    """Medians of turns for old and new, by what was called; who begins changes from round to round."""
    for worker in workers:
        worker.turn(case)
    found: dict[str, list[list[float]]] = {}
    for k in range(rounds):
        for which in (0, 1) if k % 2 == 0 else (1, 0):
            for called, seconds in workers[which].turn(case).items():
                found.setdefault(called, [[], []])[which].append(seconds)
    return list(found.items())


def exceeds(old: float, new: float) -> bool:
    return new > RELATIVE * old + ABSOLUTE


LINE = "{:<46} {:<12} {:>9} {:>9} {:>6}  {:>9} {:>9} {:>6}  {}"
TITLES = ("what, us", "call", "old", "new", "ratio", "least old", "least new", "ratio", "")


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        work(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, metavar="OLD_CHECKOUT")
    parser.add_argument("new", type=Path, metavar="NEW_CHECKOUT")
    parser.add_argument("names", nargs="*", help=f"what to measure, all without any: {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each process (default: 9)")
    parser.add_argument("--disk", type=Path, help="a folder on a disk, for stores (default: the temporary folder)")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sqlearn-compare"
    parser.add_argument("--cache", type=Path, default=cache, help="where compiled kernels are kept (%(default)s)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(CASES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(CASES)}")
    memory = Path("/dev/shm")
    over = 0
    with ExitStack() as stack:
        workers = []
        for checkout in (options.old, options.new):
            folders = [
                Path(stack.enter_context(tempfile.TemporaryDirectory(dir=parent)))
                for parent in (memory if memory.is_dir() else None, options.disk)
            ]
            workers.append(stack.enter_context(Worker(checkout.resolve(), options.cache.resolve(), *folders)))
        print(LINE.format(*TITLES), flush=True)
        for name in options.names or CASES:
            for called, (old, new) in compare(name, workers, options.rounds):
                pairs = [(statistics.median(old), statistics.median(new)), (min(old), min(new))]
                is_over = all(exceeds(*pair) for pair in pairs)
                over += is_over
                numbers = [f"{number:.{digits}f}" for a, b in pairs for number, digits in
                           ((1e6 * a, 1), (1e6 * b, 1), (b / a, 3))]  # fmt: skip
                print(LINE.format(CASES[name].__doc__, called, *numbers, "OVER" if is_over else "within"), flush=True)
    sys.exit(bool(over))


if __name__ == "__main__":
    main()
