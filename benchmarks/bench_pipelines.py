"""Pipelines that forget, beside scikit-learn's: the fit, and forgetting a row and predicting one.

    make bench BENCH=pipelines
    make bench BENCH=pipelines BENCH_ARGS="--rows 20000"

A line per pipeline: scaler, components and ridge regression over numbers; a table of numbers with gaps and of
categories. Processor time of one thread, everything in one process, calls in turns, medians. "again" is the time of
forgetting a row and predicting another, which reads all steps again; "refit" that of this package's own fit.
"""

import argparse
import warnings
from collections.abc import Callable
from time import thread_time
from typing import Any

import numpy as np
import pandas as pd
from sklearn import compose, decomposition, impute, linear_model, pipeline, preprocessing
from threadpoolctl import threadpool_limits

import sqlearn.compose
import sqlearn.decomposition
import sqlearn.impute
import sqlearn.linear_model
import sqlearn.pipeline
import sqlearn.preprocessing

_WARM = 250

Made = tuple[Any, Any, Any, np.ndarray]


def components(rows: int) -> Made:
    """Our pipeline, scikit-learn's, and 50 columns of numbers."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 50)) @ rng.normal(size=(50, 50))
    y = X @ rng.normal(size=50) + rng.normal(size=rows)
    ours = sqlearn.pipeline.make_pipeline(
        sqlearn.preprocessing.StandardScaler(), sqlearn.decomposition.PCA(10), sqlearn.linear_model.Ridge()
    )
    theirs = pipeline.make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(10), linear_model.Ridge())
    return ours, theirs, X, y


def table(rows: int) -> Made:
    """Our pipeline, scikit-learn's, and a frame of 8 numbers and 3 columns of categories."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(rows, 8)), columns=[f"number {j}" for j in range(8)])
    X = X.mask(rng.random(X.shape) < 0.1)
    for j in range(3):
        X[f"kind {j}"] = rng.choice([f"k{k}" for k in range(8)], rows)
    y = np.nansum(X.iloc[:, :8].to_numpy(), axis=1) + rng.normal(size=rows)

    def made(pipelines: Any, composed: Any, imputing: Any, scaling: Any, learning: Any) -> Any:
        numbers = pipelines.make_pipeline(imputing.SimpleImputer(add_indicator=True), scaling.StandardScaler())
        return pipelines.make_pipeline(
            composed.make_column_transformer(
                (numbers, [f"number {j}" for j in range(8)]),
                (scaling.OneHotEncoder(handle_unknown="ignore"), [f"kind {j}" for j in range(3)]),
            ),
            learning.Ridge(),
        )

    ours = made(sqlearn.pipeline, sqlearn.compose, sqlearn.impute, sqlearn.preprocessing, sqlearn.linear_model)
    return ours, made(pipeline, compose, impute, preprocessing, linear_model), X, y


def seconds(call: Callable[[], Any]) -> float:
    """Processor time of this thread."""
    start = thread_time()
    call()
    return thread_time() - start


def measure(name: str, made: Made, fits: int, forgets: int) -> None:
    """Print a line."""
    ours, theirs, X, y = made
    is_frame = isinstance(X, pd.DataFrame)

    def row(i: int) -> Any:
        return X.iloc[[i]] if is_frame else X[i : i + 1]

    ours.fit(X[:600], y[:600])
    for i in range(_WARM):  # so that kernels for one record are compiled
        ours.forget(X[i] if not is_frame else row(i), y[i] if not is_frame else y[i : i + 1])
    ours.predict(row(_WARM))
    own, peer = np.array([(seconds(lambda: ours.fit(X, y)), seconds(lambda: theirs.fit(X, y))) for _ in range(fits)]).T

    def again(i: int) -> None:
        ours.forget(X[i] if not is_frame else row(i), y[i] if not is_frame else y[i : i + 1]).predict(row(i + 1))

    changed = np.median([seconds(lambda i=i: again(i)) for i in range(forgets)])
    alone = np.median([seconds(lambda i=i: ours.predict(row(i))) for i in range(forgets)])
    refit, fit = np.median(own), np.median(peer)
    print(
        f"{name:12} fit {refit:7.3f} s, {refit / fit:5.2f} times scikit-learn's   again {1e3 * changed:7.2f} ms, "
        f"{refit / changed:6.0f} times faster than the refit   predict {1e3 * alone:6.2f} ms"
    )


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--fits", type=int, default=3)
    parser.add_argument("--forgets", type=int, default=15)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        measure("components", components(given.rows), given.fits, given.forgets)
        measure("table", table(given.rows // 4), given.fits, given.forgets)


if __name__ == "__main__":
    main()
