"""What order statistics cost, beside scikit-learn in the same process.

    make bench BENCH=order

Times are medians of runs that take turns, in CPU time of the thread, on one thread. The ledger is always on.
"""

import functools
from collections.abc import Iterator
from time import perf_counter, thread_time

import numpy as np
from measuring import Row, at_most, main, medians, number_at_most, ratio_at_most
from sklearn import preprocessing as peers

from sqlearn.preprocessing import KBinsDiscretizer, MinMaxScaler, QuantileTransformer, RobustScaler

ROWS, WIDTH = 1_000_000, 10


@functools.lru_cache(maxsize=1)
def table() -> np.ndarray:
    """Rows whose values all differ."""
    return np.random.default_rng(0).normal(size=(ROWS, WIDTH))


@functools.lru_cache(maxsize=1)
def robust() -> RobustScaler:
    model = RobustScaler().fit(table())
    for row in table()[-400:]:  # have the fast path compiled
        model.forget(row)
    for row in table()[-400:]:
        model.partial_fit(row)
    return model


def forget() -> Iterator[Row]:
    """One row at a time, of a million."""
    X, model = table(), robust()
    order = np.random.default_rng(1).permutation(ROWS - 400)[:9001]
    yield at_most(
        "RobustScaler.forget, 1e6 rows x 10",
        20e-6,
        *medians(4000, lambda i: model.forget(X[order[i]]), clock=thread_time),
    )
    model.partial_fit(X[order[:4001]])
    (seconds,) = medians(2000, lambda i: model.forget(X[order[i]]).partial_fit(X[order[i]]), clock=thread_time)
    yield at_most("  forget and learn again", 40e-6, seconds)
    (seconds,) = medians(50, lambda i: model.forget(X[order[5000 + i]]).center_)
    refits = medians(3, lambda i: peers.RobustScaler().fit(X))
    yield ratio_at_most("  forget, and read center_ and scale_; refit", 1 / 50, seconds, *refits)
    yield number_at_most("  bytes per value", 24, model.state.statistic.ordered.nbytes / X.size)


def fit() -> Iterator[Row]:
    """A million rows."""
    X = table()
    for ours, theirs, limit in (
        (RobustScaler(), peers.RobustScaler(), 3),
        (QuantileTransformer(), peers.QuantileTransformer(subsample=None), 3),
        (KBinsDiscretizer(10), peers.KBinsDiscretizer(10, subsample=None), 4),
        (MinMaxScaler(), peers.MinMaxScaler(), 100),
    ):
        seconds = medians(3, lambda i: ours.fit(X), lambda i: theirs.fit(X), clock=thread_time)  # noqa: B023
        yield ratio_at_most(f"{type(ours).__name__}.fit, 1e6 rows x 10", limit, *seconds)


def digest() -> Iterator[Row]:
    """The digest, which does not read the values."""
    model = robust()
    yield at_most(
        "RobustScaler.digest, 1e6 rows x 10", 1e-3, *medians(20, lambda i: model.digest(), clock=perf_counter)
    )


if __name__ == "__main__":
    main(__doc__ or "", forget, fit, digest)
