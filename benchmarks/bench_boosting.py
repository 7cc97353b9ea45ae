"""Boosted trees: quality beside scikit-learn's, fits, forgets one by one with their breaks, reads, batches.

    make bench BENCH=boosting
    make bench BENCH=boosting BENCH_ARGS="--only generated --seeds 1 --adult adult.data --peers"

Each row has the means over its seeds, which draw data (where they are generated), split, stream and pilot, and after
them the worst. Fits include the first prediction, which solves for the leaves. 1,000 records are forgotten one by one;
where one was in the pilot, trees are grown and sums formed anew at once (a break), which `mean` includes. Then 1,000
are forgotten in one call, and the model is read once. Every model is compared with a refit on what is left, byte for
byte. scikit-learn's HistGradientBoosting has its defaults without early stopping. Times are CPU times of one thread.

`--adult` names the file adult.data of https://archive.ics.uci.edu/dataset/2/adult. `--peers` adds LightGBM and XGBoost,
where they are installed, the random forests of sqlearn, and scikit-learn's boosting with 300 iterations.
"""

import argparse
import ast
import importlib.util
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from forest_data import Data, adult_with_categories, data_sets
from measuring import duration, machine
from sklearn import ensemble as peers
from sklearn.metrics import r2_score, roc_auc_score
from threadpoolctl import threadpool_limits

from sqlearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

FORGETS, BATCH, READS = 1000, 1000, 20
GOAL = 0.005  # how much lower a score may be


class Found(NamedTuple):
    """What one seed measured; times in seconds, scores are accuracy or R2, and AUC of two classes."""

    score: float
    their_score: float
    auc: float
    their_auc: float
    fit: float
    their_fit: float
    outside: float  # a forget outside the pilot
    broken: float  # a forget of a record in the pilot
    breaks: float  # share of forgets
    mean: float  # seconds of a forget, with breaks
    worst: float
    read: float  # a forget outside the pilot, and a prediction
    batch: float
    columns: float
    equal: float


def cpu(call: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


def scores(model: Any, x: Any, y: np.ndarray) -> tuple[float, float]:
    if not hasattr(model, "predict_proba"):
        return r2_score(y, model.predict(x)), float("nan")
    found = model.predict_proba(x)
    auc = roc_auc_score(y, found[:, 1]) if found.shape[1] == 2 else float("nan")
    return float(np.mean(model.classes_[found.argmax(axis=1)] == y)), auc


def rows_of(x: Any, places: Any) -> Any:
    return x.iloc[places] if hasattr(x, "iloc") else x[places]


def solved(model: Any) -> bytes:
    """All that predictions depend on."""
    state = model._state
    boosted = state.statistic.answer(state.occupied()[0])
    return boosted.values.tobytes() + boosted.nodes.numbers.tobytes() + boosted.nodes.thresholds.tobytes()


def rebuild(model: Any) -> None:
    state = model._state
    state.statistic.current(state.occupied()[0])


def measured(data: Data, seed: int, n: int, forgets: int, params: dict[str, Any]) -> Found:
    x, asked, y, expected = data.split(seed, n)
    ours, theirs = (
        (HistGradientBoostingRegressor, peers.HistGradientBoostingRegressor)
        if data.regression
        else (HistGradientBoostingClassifier, peers.HistGradientBoostingClassifier)
    )
    params = params | {"random_state": seed}
    first = rows_of(asked, slice(0, 1))
    some = ours(**params | {"pilot_size": 200}).fit(rows_of(x, slice(0, 2000)), y[:2000])  # compiles
    for i in range(40):
        one = rows_of(x, slice(i, i + 1)) if hasattr(x, "iloc") else x[i]
        some.forget(one, y[i : i + 1] if hasattr(x, "iloc") else y[i])
    some.predict(first)
    model, other = ours(**params), theirs(early_stopping=False, random_state=seed)
    fit = cpu(lambda: model.fit(x, y).predict(first))
    their_fit = cpu(lambda: other.fit(x, y).predict(first))
    score, auc = scores(model, asked, expected)
    their_score, their_auc = scores(other, asked, expected)
    order = np.random.default_rng(seed).permutation(len(y))
    single = [rows_of(x, slice(i, i + 1)) if hasattr(x, "iloc") else x[i] for i in order[: forgets + 3 * READS]]
    labels = y[order]
    taken, was_break = [], []
    for i in range(forgets):
        taken.append(cpu(lambda i=i: model.forget(single[i], labels[i : i + 1] if hasattr(x, "iloc") else labels[i])))
        was_break.append(model.last_update_.rebuilt)
        taken[-1] += cpu(lambda: rebuild(model))
    reads, at = [], forgets
    while len(reads) < READS and at < len(single):
        model.predict(first)
        label = labels[at : at + 1] if hasattr(x, "iloc") else labels[at]
        used = cpu(lambda at=at, label=label: model.forget(single[at], label).predict(first))
        at += 1
        if not model.last_update_.rebuilt:
            reads.append(used)
    gone = order[at : at + BATCH]
    batch = cpu(lambda: model.forget(rows_of(x, gone), y[gone]).predict(first))
    kept = order[at + BATCH :]
    refit = ours(**params).fit(rows_of(x, kept), y[kept])
    equal = model.digest() == refit.digest() and solved(model) == solved(refit)
    taken, was_break = np.array(taken), np.array(was_break)
    return Found(
        *(score, their_score, auc, their_auc, fit, their_fit),
        float(np.median(taken[~was_break])),
        float(np.median(taken[was_break])) if was_break.any() else float("nan"),
        float(was_break.mean()),
        float(taken.mean()),
        float(taken.max()),
        float(np.median(reads)) if reads else float("nan"),
        batch / fit,
        float(model._state.statistic.booster.gradients.shape[1]),
        float(equal),
    )


LINE = "{:24s} {:>9s}  {:15s} {:15s} {:15s} {:15s} {:>7s} {:>5s}  {:>7s} {:>7s} {:>6s} {:>7s} {:>5s} {:>5s} {:>7s}"
LINE += " {:>5s} {:>5s} {}"
TITLES = (
    "", "records", "accuracy or R2", "less", "AUC", "less", "fit", "ratio", "outside", "break", "share", "mean",
    "own", "peer", "read", "batch", "p", "equal",
)  # fmt: skip


def print_row(name: str, n: int, found: list[Found]) -> None:
    """`less` is how much less than scikit-learn's: mean and worst; own and peer, how many means a refit takes."""
    mean = {key: float(np.mean([getattr(f, key) for f in found])) for key in Found._fields}
    less = [[getattr(f, f"their_{key}") - getattr(f, key) for f in found] for key in ("score", "auc")]
    print(
        LINE.format(
            name,
            f"{n:,}",
            f"{mean['score']:.4f} / {mean['their_score']:.4f}",
            f"{np.mean(less[0]):+.4f} {max(less[0]):+.4f}",
            f"{mean['auc']:.4f} / {mean['their_auc']:.4f}",
            f"{np.mean(less[1]):+.4f} {max(less[1]):+.4f}",
            duration(mean["fit"]),
            f"{mean['fit'] / mean['their_fit']:.2f}",
            *(duration(mean[key]) for key in ("outside", "broken")),
            f"{mean['breaks']:.3f}",
            duration(mean["mean"]),
            f"{mean['fit'] / mean['mean']:.0f}",
            f"{mean['their_fit'] / mean['mean']:.0f}",
            duration(mean["read"]),
            f"{mean['batch']:.2f}",
            f"{mean['columns']:.0f}",
            f"{sum(f.equal for f in found):.0f} of {len(found)}",
        ),
        flush=True,
    )


def print_peers(data: Data, n: int, seed: int) -> None:
    """Scores and seconds of a fit of other learners."""
    x, asked, y, expected = data.split(seed, n)
    kind = "Regressor" if data.regression else "Classifier"
    others: list[tuple[str, Any]] = [
        (
            "scikit-learn, 300 iterations",
            getattr(peers, f"HistGradientBoosting{kind}")(max_iter=300, early_stopping=False),
        ),
        ("forest of sqlearn", RandomForestRegressor() if data.regression else RandomForestClassifier()),
    ]
    if importlib.util.find_spec("lightgbm"):
        import lightgbm

        others.append(("LightGBM", getattr(lightgbm, f"LGBM{kind}")(n_jobs=1, verbose=-1)))
    if importlib.util.find_spec("xgboost"):
        import xgboost

        others.append(("XGBoost", getattr(xgboost, f"XGB{kind}")(n_jobs=1)))
    for name, other in others:
        used = cpu(lambda other=other: other.fit(x, y))
        score, auc = scores(other, asked, expected)
        print(f"    {name:30s} {score:.4f}  AUC {auc:.4f}  fit {duration(used)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of a row")
    parser.add_argument("--only", default="", help="a text in the names of rows")
    parser.add_argument("--forgets", type=int, default=FORGETS, help="records that are forgotten one by one")
    parser.add_argument("--params", default="{}", help="parameters of the learner, as a dict of Python")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records and of the forgets, one seed")
    parser.add_argument("--large", action="store_true", help="a million generated records instead")
    parser.add_argument("--adult", type=Path, help="the file adult.data")
    parser.add_argument("--peers", action="store_true", help="other learners too")
    asked = parser.parse_args()
    seeds, forgets, part = (1, asked.forgets // 10, 10) if asked.quick else (asked.seeds, asked.forgets, 1)
    print(machine(), end="\n\n")
    known = [data for data in data_sets(asked.adult) if not data.small]
    if asked.adult is not None:
        known.append(Data("adult, categories", adult_with_categories(asked.adult)))
    rows: list[tuple[str, Data, int, dict[str, Any]]] = [(data.name, data, data.n, {}) for data in known]
    if asked.large:
        large = ("generated, 2 classes", "friedman")
        rows = [(data.name, data, 1_000_000, {}) for data in known if data.name in large]
    given = ast.literal_eval(asked.params)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(LINE.format(*TITLES))
        for name, data, n, params in rows:
            if asked.only in name:
                n //= part
                found = [measured(data, seed, n, forgets, params | given) for seed in range(seeds)]
                print_row(name, n or len(data.split(0)[2]), found)
                if asked.peers:
                    print_peers(data, n, 0)


if __name__ == "__main__":
    main()
