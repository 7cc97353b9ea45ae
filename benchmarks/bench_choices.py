"""Choices by cross-validation: fits beside scikit-learn's, and what it takes to forget a row and read the new choice.

    make bench BENCH=choices
    make bench BENCH=choices BENCH_ARGS=lasso

200,000 rows of 50 columns, five folds. Times are CPU times of one thread, medians of runs that take turns.
"""

from collections.abc import Callable, Iterator
from time import thread_time
from typing import Any

import numpy as np
from measuring import Row, main, medians, ratio_at_most, row
from sklearn import linear_model as peers

from sqlearn.linear_model import ElasticNetCV, LassoCV, RidgeClassifierCV, RidgeCV

N, D = 200_000, 50
WARM = 300  # rows forgotten before, so that what takes one row is compiled


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, D))
    return x, x[:, :10] @ rng.normal(size=10) + rng.normal(size=N)


def compared(
    name: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any] | None,
    goals: tuple[float, float],
    labels: bool = False,
) -> Iterator[Row]:
    """A fit beside scikit-learn's, and a forget with the new choice beside a refit."""
    x, y = data()
    y = (y > 0).astype(int) if labels else y
    ours().fit(x[:3000], y[:3000])
    if theirs is None:
        (refit,) = medians(3, lambda i: ours().fit(x, y).alpha_, clock=thread_time)
        yield row(f"{name}: fit and choose", f"{refit:.3g} s", "-", None, "-", True)
    else:
        refit, peer = medians(
            3, lambda i: ours().fit(x, y).alpha_, lambda i: theirs().fit(x, y) if i else None, clock=thread_time
        )
        yield ratio_at_most(f"{name}: fit and choose", goals[0], refit, peer)
    model = ours().fit(x, y)
    for i in range(WARM):
        model.forget(x[i], y[i])

    def forget_and_read(i: int) -> None:
        model.forget(x[WARM + i], y[WARM + i])
        model.alpha_  # noqa: B018

    (read,) = medians(50, forget_and_read, clock=thread_time)
    yield ratio_at_most(f"{name}: forget a row and choose / its own refit", goals[1], read, refit)
    (alone,) = medians(100, lambda i: model.forget(x[1000 + i], y[1000 + i]), clock=thread_time)
    yield row(f"{name}: forget a row alone", f"{alone * 1e6:.3g} us", "-", None, "-", True)


def lasso() -> Iterator[Row]:
    """LassoCV, 100 penalties"""
    yield from compared("LassoCV", LassoCV, peers.LassoCV, (1.0, 1 / 50))


def net() -> Iterator[Row]:
    """ElasticNetCV, 100 penalties"""
    yield from compared("ElasticNetCV", ElasticNetCV, peers.ElasticNetCV, (1.0, 1 / 50))


def ridge() -> Iterator[Row]:
    """RidgeCV, 3 and 100 penalties, and RidgeClassifierCV"""
    alphas = np.geomspace(1e-3, 1e3, 100)
    yield from compared("RidgeCV", RidgeCV, lambda: peers.RidgeCV(cv=5), (1.0, 1 / 30))
    yield from compared("RidgeCV, 100 alphas", lambda: RidgeCV(alphas), None, (1.0, 1 / 30))
    yield from compared("RidgeClassifierCV", RidgeClassifierCV, None, (1.0, 1 / 30), labels=True)


if __name__ == "__main__":
    main(__doc__ or "", lasso, net, ridge)
