"""ShardedClassifier: what forgetting costs beside a refit of the ensemble, and accuracy beside one model of all rows.

    make bench BENCH=shards DATA=folder                     # of the file adult.data
    make bench BENCH=shards DATA=folder BENCH_ARGS="cost"   # one section

32 shards of scikit-learn's RandomForestClassifier with its own parameters, on the adult table with one-hot columns
(https://archive.ics.uci.edu/dataset/2/adult). Processor time of one thread, everything in one process, calls in turns,
medians. "refit" is a fit of the ensemble to all rows.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from time import thread_time

import numpy as np
from forest_data import Table, adult, two_classes
from measuring import Row, at_most, main, medians, number_at_most, row
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

from sqlearn import verify
from sqlearn.ensemble import ShardedClassifier

N_SHARDS = 32
SCATTERED = 20
RUNS = 5
FOREST = RandomForestClassifier(random_state=0)


@cache
def table() -> Table:
    """The rows in an order of their own, so that any number of first ones are scattered."""
    folder = os.environ.get("DATA")
    if folder:
        x, y = adult(Path(folder) / "adult.data")(0, 0)
    else:
        print("adult.data: data not given (DATA=folder); 32,561 generated rows stand in", flush=True)
        x, y = two_classes(32_561, 0)
    order = np.random.default_rng(0).permutation(len(y))
    return x[order], y[order]


def at_least(what: str, limit: float, ours: float, theirs: float) -> Row:
    """A goal for how many times faster something is."""
    ratio = theirs / ours
    return row(what, f"{ours:.3g} s", f"{theirs:.3g} s", ratio, f"at least {limit:g} x", ratio >= limit)


def cost() -> Iterator[Row]:
    """forgetting one row and 20 scattered ones, and what is the same after it."""
    x, y = table()
    model = ShardedClassifier(FOREST, n_shards=N_SHARDS).fit(x, y)
    gone = iter(range(len(y)))

    def forget(n: int) -> None:
        rows = [next(gone) for _ in range(n)]
        model.forget(x[rows], y[rows]).refit()

    other = clone(model)
    one, many, refit = medians(
        RUNS, lambda i: forget(1), lambda i: forget(SCATTERED), lambda i: other.fit(x, y), clock=thread_time
    )
    yield at_least("forget one row, refit()", 20.0, one, refit)
    yield at_least(f"forget {SCATTERED} scattered rows, refit()", 1.5, many, refit)
    first = next(gone)
    alone, read = medians(
        50, lambda i: model.forget(x[first + i], y[first + i]), lambda i: model.digest(), clock=thread_time
    )
    yield at_most("forget one row, nothing is read", 5e-3, alone)
    yield at_most("digest()", 1e-2, read)
    kept = slice(first + 51, None)
    found = verify(model, x[kept], y[kept])
    yield row(
        "equal to its refit: digest, members part by part, answers", str(bool(found)), "-", None, "True", bool(found)
    )


def groups() -> Iterator[Row]:
    """dropping a group, switching one off, and finding a row's group."""
    x, y = table()
    names = np.arange(len(y)) % N_SHARDS
    model = ShardedClassifier(RandomForestClassifier(10, random_state=0)).fit(x, y, groups=names)
    (off,) = medians(RUNS, lambda i: model.set_group_weight(i, i % 2), clock=thread_time)
    yield at_most("set_group_weight", 1e-3, off)
    (dropped,) = medians(N_SHARDS - 2, lambda i: model.forget_groups(i), clock=thread_time)
    yield at_most(f"forget_groups: one of {len(y) // N_SHARDS} rows", 1e-3, dropped)


def accuracy() -> Iterator[Row]:
    """out-of-fold accuracy beside that of one forest of all rows, in percent."""
    x, y = table()
    right = {"shards": 0, "one": 0}
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y):
        models = {"shards": ShardedClassifier(FOREST, n_shards=N_SHARDS), "one": clone(FOREST)}
        for name, model in models.items():
            right[name] += int((model.fit(x[train], y[train]).predict(x[test]) == y[test]).sum())
    shards, one = (100.0 * right[name] / len(y) for name in ("shards", "one"))
    yield number_at_most(f"one forest {one:.2f} %, {N_SHARDS} shards {shards:.2f} %: points less", 0.5, one - shards)


if __name__ == "__main__":
    main(__doc__, cost, groups, accuracy, peer="refit")
