"""LogisticRegression from 150 to 20,000 rows: forget one row and read ``coef_``, beside scikit-learn's refit.

    make bench BENCH=lazy
    make bench BENCH=lazy BENCH_ARGS="5000x64 digits"       # only the cells whose names have one of these in them
    make bench BENCH=lazy BENCH_ARGS=sparse                 # 10,000 x 50,000, 100 non-zeros in each row

A line per number of rows, columns and classes; processor time of one thread, everything in one process, calls in turns,
medians. The peer is the faster of scikit-learn's solvers lbfgs and newton-cholesky at its default tolerance;
newton-cholesky is left out where a single one of its steps takes longer than a second. Of sparse rows it is the fastest
of lbfgs, newton-cg and liblinear, which penalises the intercept. "forget" is the time of a forget among others, with
nothing read; where nothing is kept but the rows (mode "lazy") the solution is solved for when it is read. "loss" is by
what part the loss, with the penalty, exceeds the least that any solver finds, also at tolerance 1e-12.
"""

import argparse
import warnings
from collections.abc import Iterator
from time import thread_time
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import scipy.sparse as sp
from measuring import (
    Row,
    at_most,
    duration,
    geometric_mean,
    machine,
    medians,
    number_at_most,
    print_goals,
    row,
)
from scipy.special import logsumexp
from sklearn import datasets, linear_model
from sklearn.feature_extraction.text import TfidfTransformer
from threadpoolctl import threadpool_limits

from sqlearn.engine.kernels import Postponed
from sqlearn.engine.rounds.walk import Walk
from sqlearn.linear_model import LogisticRegression

NEWTON = 1e9  # multiplications of a step of newton-cholesky, at most
EQUAL = 1e-9  # of the loss: a difference that is none

Data = tuple[Any, np.ndarray]


class Cell(NamedTuple):
    """What was measured for one set of data; times in seconds, losses in parts of the least."""

    forget: float
    read: float
    fit: float
    refit: float
    loss: float
    peer_loss: float
    lazy: bool
    limit: float

    def line(self, name: str) -> str:
        mode = "lazy" if self.lazy else "rounds"
        return (
            f"{name:16s} {mode:6s} {duration(self.forget):>8s} {duration(self.read):>8s} {duration(self.refit):>8s} "
            f"{self.read / self.refit:6.2f} {duration(self.fit):>8s} {self.fit / self.refit:6.2f} {self.loss:8.1e} "
            f"{self.peer_loss:8.1e}"
        )


def classes(n: int, d: int, k: int) -> Data:
    """Mixed normal features, and classes drawn with probabilities that are linear in them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)) @ (np.eye(d) + 0.3 * rng.normal(size=(d, d)) / np.sqrt(d))
    beta = 1.5 * rng.normal(size=(d, k)) / np.sqrt(d)
    return x, np.argmax(x @ beta + rng.gumbel(size=(n, k)), axis=1)


def sparse(values: str) -> Data:
    """Sparse rows, uniform or tf-idf values of words by Zipf's law, and classes as of :func:`classes`."""
    n, d, m = 10_000, 50_000, 100
    rng = np.random.default_rng(0)
    if values == "uniform":
        columns, entries = rng.integers(d, size=(n, m)), rng.random((n, m))
    else:
        share = np.cumsum(1.0 / np.arange(1, d + 1))
        columns, entries = (
            np.searchsorted(share, share[-1] * rng.random((n, 3 * m))).clip(max=d - 1),
            np.ones((n, 3 * m)),
        )
    starts = np.arange(0, columns.size + 1, columns.shape[1], dtype=np.int32)
    x = sp.csr_array((entries.ravel(), columns.ravel().astype(np.int32), starts), (n, d))
    x.sum_duplicates()
    if values == "tf-idf":
        x = sp.csr_array(TfidfTransformer().fit_transform(x))
    z = x @ rng.normal(size=(d, 2))
    return x, np.argmax(2.0 * z / z.std() + rng.gumbel(size=(n, 2)), axis=1)


def cells() -> Iterator[tuple[str, Data]]:
    for n in (150, 1000, 5000, 8000, 20_000):
        for d in (10, 64, 200):
            for k in (2, 3, 10):
                yield f"{n}x{d}, {k}", classes(n, d, k)
    for name in ("digits", "wine", "breast_cancer"):
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(y))
        yield name, (x[order], y[order])
    for values in ("uniform", "tf-idf"):
        yield f"sparse, {values}", sparse(values)


def loss(model, x: np.ndarray, y: np.ndarray) -> float:
    """What LogisticRegression minimises at C = 1."""
    z = x @ model.coef_.T + model.intercept_
    if z.shape[1] == 1:
        z = np.hstack([np.zeros_like(z), z])
    own = z[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return float((logsumexp(z, axis=1) - own).sum() + 0.5 * (model.coef_**2).sum())


def measured(x: np.ndarray, y: np.ndarray) -> Cell:
    n, d = x.shape
    k = len(np.unique(y))
    newton = n * (d * (k if k > 2 else 1)) ** 2 < NEWTON
    solvers = ["lbfgs", "newton-cholesky"] if newton else ["lbfgs"]
    if sp.issparse(x):
        solvers = ["lbfgs", "newton-cg", "liblinear"]
    held, alone = LogisticRegression().fit(x, y), LogisticRegression().fit(x, y)
    peers = [linear_model.LogisticRegression(solver=solver) for solver in solvers]
    runs = 9 if n * d * k < 1e7 else 5
    rows = [x[i : i + 1] if sp.issparse(x) else x[i] for i in range(min(1000, n))]
    read, fit, *refits = medians(
        runs,
        lambda i: held.forget(rows[i], y[i]).coef_,
        lambda i: LogisticRegression().fit(x[i + 1 :], y[i + 1 :]),
        *(lambda i, peer=peer: peer.fit(x[i + 1 :], y[i + 1 :]) for peer in peers),
        clock=thread_time,
    )
    (forget,) = medians(min(200, n // 3), lambda i: alone.forget(rows[i], y[i]), clock=thread_time)
    x, y = x[runs + 1 :], y[runs + 1 :]
    tight = linear_model.LogisticRegression(
        solver="newton-cg" if sp.issparse(x) else solvers[-1], tol=1e-12, max_iter=10_000
    ).fit(x, y)
    losses = [loss(model, x, y) for model in (held, peers[int(np.argmin(refits))], *peers, tight)]
    excess = [value / min(losses) - 1.0 for value in losses]
    limit = 2.0 if (d, k) == (200, 10) else 1.5
    return Cell(
        forget, read, fit, min(refits), *excess[:2], getattr(held._state.statistic, "trace", None) is None, limit
    )


def solves() -> int:
    """How often all rows are solved for when a hundred are forgotten and then ``coef_`` is read."""
    x, y = classes(5000, 64, 3)
    model = LogisticRegression().fit(x, y)
    with mock.patch.object(Walk, "solve", autospec=True, side_effect=Walk.solve) as solve:
        for i in range(100):
            model.forget(x[i], y[i])
        model.coef_  # noqa: B018
    return solve.call_count


def goals(found: list[Cell]) -> Iterator[Row]:
    yield from ratios("forget and read / refit", found, [cell.read / cell.refit for cell in found], 0.8)
    yield from ratios("fit / refit", found, [cell.fit / cell.refit for cell in found], None)
    alone = [cell.forget for cell in found if cell.lazy]
    if alone:
        yield at_most("forget alone, lazy mode: the worst", 20e-6, max(alone))
        yield row("  geometric mean", duration(geometric_mean(alone)), "-", None, "-", True)
    worse = [cell for cell in found if cell.loss > cell.peer_loss + EQUAL]
    yield number_at_most("cells whose loss is above scikit-learn's", 0, len(worse))
    yield number_at_most("  of these, above the least by more than a millionth", 0, sum(c.loss > 1e-6 for c in worse))
    yield number_at_most("100 forgets, then one read: solves", 1, solves())


def ratios(what: str, found: list[Cell], of: list[float], limit: float | None) -> Iterator[Row]:
    """The geometric mean of ratios, the worst, and how many are above what their cell may have."""
    mean, above = geometric_mean(of), sum(ratio > cell.limit for cell, ratio in zip(found, of, strict=True))
    goal = "-" if limit is None else f"at most {limit:g}"
    yield row(f"{what}: geometric mean of {len(of)}", f"{mean:.3g}", "-", None, goal, limit is None or mean <= limit)
    yield row("  the worst", f"{max(of):.3g}", "-", None, "-", True)
    yield number_at_most("  cells above 1.5 (200 columns and 10 classes: 2)", 0, above)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cells", nargs="*", help="texts in the names of cells")
    only = parser.parse_args().cells
    Postponed.all_at_once = True  # or kernels would be compiled amid the measurements
    print(machine(), end="\n\n")
    print(
        f"{'rows x columns, classes':23s} {'forget':>8s} {'and read':>8s} {'refit':>8s} {'ratio':>6s} {'fit':>8s} "
        f"{'ratio':>6s} {'loss':>8s} {'of peer':>8s}"
    )
    found = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in cells():
            if not only or any(part in name for part in only):
                found.append(measured(*data))
                print(found[-1].line(name), flush=True)
        print()
        print_goals(goals(found))


if __name__ == "__main__":
    main()
