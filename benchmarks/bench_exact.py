"""What learning and forgetting cost, beside scikit-learn in the same process, and how many digits come out.

Run all of it, or some sections by name (``--help`` lists them):

    make bench BENCH=exact
    make bench BENCH=exact BENCH_ARGS="forget fit"

Every time is a median of several runs. Ours and scikit-learn's take turns, so that a busy machine slows both. All BLAS
and OpenMP threads are set to one, or to two for both where a row says so; two threads that wait for a processor tell
little, so watch the load. Fitted attributes are read inside the timed part, since sqlearn forms them when they are
asked for. "ratio" is ours over scikit-learn's. The ledger is always on.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from measuring import Row, at_most, main, medians, ratio_at_most, row
from sklearn import linear_model, naive_bayes
from threadpoolctl import threadpool_limits

from sqlearn.linear_model import LinearRegression
from sqlearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB

NIST = Path(__file__).resolve().parent.parent / "tests" / "nist"
DEGREES = {"Filip": 10, "Pontius": 2} | {f"Wampler{k}": 5 for k in range(1, 6)}  # of those whose model is a polynomial


@functools.lru_cache(maxsize=1)
def table(n: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features with full mantissas, values that depend on them, and three classes."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d))
    return x, x @ rng.normal(size=d) + rng.normal(size=n), rng.integers(0, 3, n)


def forget() -> Iterator[Row]:
    """One row at a time."""
    seconds = forgetting(30)
    yield at_most("GaussianNB.forget, 30 features", 8e-6, *seconds)
    yield ratio_at_most("  the same: 50 times faster", 1 / 50, *seconds)
    yield at_most("GaussianNB.forget, 1,000 features", 40e-6, *forgetting(1000))
    x, y, _ = table(5000, 100)
    model = LinearRegression().fit(x, y)
    yield at_most("LinearRegression.forget, 100 features", 40e-6, *medians(1000, lambda i: model.forget(x[i], y[i])))


def forgetting(d: int) -> list[float]:
    x, _, y = table(5000, d)
    ours, theirs = GaussianNB().fit(x, y), naive_bayes.GaussianNB().fit(x, y)
    calls = (
        lambda i: ours.forget(x[i], y[i]),
        lambda i: theirs.partial_fit(x[i : i + 1], y[i : i + 1], sample_weight=[-1.0]),
    )
    return medians(1000, *calls, turn=50)  # one by one, either would find its code thrown out of the caches


def read() -> Iterator[Row]:
    """One row forgotten, and the coefficients without it; beside a refit."""
    seconds = {n: reading(n) for n in (2000, 200_000)}
    for n in seconds:
        yield at_most(f"LinearRegression.forget and coef_, {n:,} x 100; beside a refit", 3e-3, *seconds[n])
    growth = seconds[200_000][0] / seconds[2000][0]
    yield row("  200,000 rows over 2,000", f"{growth:.3g}", "-", None, "at most 1.25", growth <= 1.25)


def reading(n: int) -> list[float]:
    x, y, _ = table(n, 100)
    model, peer = LinearRegression().fit(x, y), linear_model.LinearRegression()
    return medians(15, lambda i: model.forget(x[i], y[i]).coef_, lambda i: peer.fit(x[i:], y[i:]).coef_, turn=5)


def batch() -> Iterator[Row]:
    """Many rows at once."""
    x, _, y = table(110_000, 30)
    ours, theirs = GaussianNB().fit(x, y), naive_bayes.GaussianNB().fit(x, y)
    some = [slice(start, start + 10_000) for start in range(0, 100_000, 10_000)]
    seconds = medians(
        9,
        lambda i: ours.forget(x[some[i]], y[some[i]]),
        lambda i: theirs.partial_fit(x[some[i]], y[some[i]], sample_weight=np.full(10_000, -1.0)),
    )
    yield at_most("GaussianNB.forget, 10,000 rows of 30 at once: a row", 2e-6, *(s / 10_000 for s in seconds))


def fit() -> Iterator[Row]:
    """300,000 x 100 from the beginning."""
    x, values, labels = table(300_000, 100)
    narrow = x.astype(np.float32), values.astype(np.float32)
    linear = LinearRegression, linear_model.LinearRegression
    yield ratio_at_most("LinearRegression.fit, 300,000 x 100 float64", 1.5, *fitting(*linear, x, values, "coef_"))
    yield ratio_at_most("  float32; stretch: no slower", 1.0, *fitting(*linear, *narrow, "coef_"))
    with threadpool_limits(2):
        seconds = fitting(*linear, x, values, "coef_")
        yield ratio_at_most("  float64, 2 threads", 1.5, *seconds)
        yield ratio_at_most("  the same; stretch: no slower", 1.0, *seconds)
        yield ratio_at_most("  float32, 2 threads; stretch: no slower", 1.0, *fitting(*linear, *narrow, "coef_"))
    seconds = fitting(GaussianNB, naive_bayes.GaussianNB, x, labels, "theta_")
    yield ratio_at_most("GaussianNB.fit, 300,000 x 100 float64, 3 classes", 3.0, *seconds)


def fitting(ours: type, theirs: type, x, y, attribute: str) -> list[float]:
    return medians(5, *(lambda i, of=of: getattr(of().fit(x, y), attribute) for of in (ours, theirs)))


def counts() -> Iterator[Row]:
    """Documents of 130 words, which are as frequent as Zipf has it, counted as CountVectorizer counts them."""
    rng = np.random.default_rng(0)
    n, d, length = 20_000, 50_000, 130
    frequency = 1.0 / (np.arange(d) + 10.0)
    words = rng.choice(d, n * length, p=frequency / frequency.sum())
    x = sp.coo_array((np.ones(n * length, np.int64), (np.repeat(np.arange(n), length), words)), (n, d)).tocsr()
    labels = rng.integers(0, 20, n)
    seconds = fitting(MultinomialNB, naive_bayes.MultinomialNB, x, labels, "feature_log_prob_")
    yield ratio_at_most(f"MultinomialNB.fit, {n:,} x {d:,} counts, {x.nnz / n:.0f} a row, 20 classes", 2.0, *seconds)
    for n, d, length in ((20_000, 50_000, 20), (20_000, 50_000, 200), (1_000_000, 1000, 10)):
        x, labels = counted(n, d, length)
        for ours, theirs in (
            (MultinomialNB, naive_bayes.MultinomialNB),
            (ComplementNB, naive_bayes.ComplementNB),
            (BernoulliNB, naive_bayes.BernoulliNB),
        ):
            seconds = fitting(ours, theirs, x, labels, "feature_log_prob_")
            yield ratio_at_most(f"{ours.__name__}.fit, {n:,} x {d:,} counts, {length} a row", 2.0, *seconds)


def counted(n: int, d: int, length: int) -> tuple[sp.csr_array, np.ndarray]:
    """Small counts in places of which the first are the most frequent, and two classes."""
    rng = np.random.default_rng(0)
    places = np.minimum((d * rng.random((n, length)) ** 2).astype(np.int64), d - 1)
    data = rng.integers(1, 5, n * length).astype(np.float64)
    x = sp.csr_array((data, places.ravel(), np.arange(0, n * length + 1, length)), (n, d))
    x.sum_duplicates()
    return x, rng.integers(0, 2, n)


def memory() -> Iterator[Row]:
    """What the ledger takes."""
    x, _, y = table(300_000, 2)
    size = GaussianNB().fit(x, y)._state.ledger.nbytes / len(x)
    yield row("Ledger of 300,000 records: bytes a record", f"{size:.1f}", "-", None, "at most 40", size <= 40)


def digits() -> Iterator[Row]:
    """Correct digits on NIST's data sets; again after a row of 1e12s was learned and forgotten."""
    for path in sorted(NIST.glob("*.dat")):
        certified, x, y = nist(path)
        params = {"fit_intercept": not path.stem.startswith("NoInt")}
        ours, theirs = LinearRegression(**params).fit(x, y), linear_model.LinearRegression(**params).fit(x, y)
        before, peer = correct(ours, certified), correct(theirs, certified)
        huge = np.full(x.shape[1], 1e12), 1e12
        after = correct(ours.partial_fit(*huge).forget(*huge), certified)
        limit = 7.5 if path.stem == "Filip" else 13.0
        what = f"LinearRegression, NIST {path.stem}: digits; again after 1e12s"
        goal = f"at least {limit:g}, equal"
        yield row(what, f"{before:.1f}; {after:.1f}", f"{peer:.1f}", None, goal, before == after and after >= limit)


def nist(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Certified coefficients, the intercept first, and the data."""
    text = path.read_text("ascii")
    lines = text.splitlines()
    start, stop = map(int, re.findall(r"^ +Data +\(lines +(\d+) to +(\d+)\)", text, re.MULTILINE)[0])
    certified = np.array([line.split()[1] for line in lines if re.match(r" +B\d+ ", line)], float)
    y, x = np.split(np.array([line.split() for line in lines[start - 1 : stop]], float), [1], axis=1)
    return certified, x ** np.arange(1, 1 + DEGREES[path.stem]) if path.stem in DEGREES else x, y[:, 0]


def correct(model, certified: np.ndarray) -> float:
    """Correct decimal digits of the worst coefficient; 15 at most, which is what NIST certifies."""
    found = np.append(model.intercept_, model.coef_) if model.fit_intercept else model.coef_
    with np.errstate(divide="ignore"):
        return float(np.clip(-np.log10(np.abs((found - certified) / np.where(certified, certified, 1.0))), 0, 15).min())


if __name__ == "__main__":
    main(__doc__, forget, read, batch, fit, counts, memory, digits)
