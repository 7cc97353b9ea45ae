"""FixedFeatures: fit, and forget one row, beside the map's own time and the learner alone on the images.

    make bench BENCH=fixed
    make bench BENCH=fixed BENCH_ARGS="--rows 20000"

Wall time of one process with one thread of BLAS; medians. "beyond" is the time without that of the map, which is
measured for the same rows. The ratio is to the learner alone, which is given the images.
"""

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from measuring import Row, at_most, machine, print_goals, ratio_at_most
from sklearn.base import clone
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.kernel_approximation import RBFSampler
from sklearn.preprocessing import PolynomialFeatures
from threadpoolctl import threadpool_limits

from sqlearn.compose import FixedFeatures
from sqlearn.linear_model import LogisticRegression, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier

FIRST = 250  # calls by the general path, until the fast one is compiled
CALLS = 300
BEYOND = 60e-6  # seconds, beyond the map: the goal


def each(call: Callable[[int], Any], places: range) -> float:
    """The median time of a call."""
    times = []
    for i in places:
        start = perf_counter()
        call(i)
        times.append(perf_counter() - start)
    return median(times)


def once(call: Callable[[], Any], times: int = 3) -> float:
    return each(lambda _: call(), range(times))


def measured(name: str, transformer: Any, learner: Any, rows: Any, y: np.ndarray) -> list[Row]:
    """A line for the fit, and one for a forget."""
    title = f"{type(learner).__name__} behind {name}"
    model = FixedFeatures(transformer, learner)
    model.fit(rows, y)
    fit = once(partial(model.fit, rows, y))
    mapped = once(partial(model.images, rows))
    images = model.images(rows)
    alone = clone(learner)
    alone.fit(images, y)
    fit_alone = once(partial(alone.fit, images, y))
    one = (lambda i: images[[i]]) if hasattr(images, "indptr") else (lambda i: images[i])
    for i in range(FIRST):
        model.forget(rows[i], y[i])
        alone.forget(one(i), y[i])
    places = range(FIRST, FIRST + CALLS)
    singles = [one(i) for i in places]
    forget = each(lambda i: model.forget(rows[i], y[i]), places)
    own = each(lambda i: alone.forget(singles[i - FIRST], y[i]), places)
    single = each(lambda i: model.images([rows[i]] if isinstance(rows, list) else rows[i : i + 1]), places)
    through = model.fitted_params()["transformer"]
    single = min(single, each(lambda i: through.one(rows[i]), places))  # with the hashes of row and image
    return [
        at_most(f"{title}: forget, the map and hashes ({single * 1e6:.0f} us) included", single + BEYOND, forget, own),
        ratio_at_most(f"{title}: fit, beyond the map", 20.0, fit - mapped, fit_alone),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="FixedFeatures beside the map and the learner alone.")
    parser.add_argument("--rows", type=int, default=5000)
    n = parser.parse_args().rows
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 30))
    y = (X[:, 0] + X[:, 1] ** 2 > 1.0).astype(int)
    words = np.array([f"word{i}" for i in range(5000)])
    texts = [" ".join(rng.choice(words, 20)) for _ in range(n)]
    kernel = RBFSampler(gamma=0.02, n_components=384, random_state=0)
    hashed = HashingVectorizer(n_features=1 << 18, alternate_sign=False, norm=None)
    print(machine())
    lines = []
    with threadpool_limits(1):
        for learner in (GaussianNB(), LogisticRegression(), KNeighborsClassifier()):
            lines += measured("RBFSampler, 384", kernel, learner, X, y)
        lines += measured("PolynomialFeatures, 66", PolynomialFeatures(2), RidgeClassifier(), X[:, :10], y)
        for sparse in (MultinomialNB(), LogisticRegression()):
            lines += measured("HashingVectorizer", hashed, sparse, texts, y)
    print_goals(lines)


if __name__ == "__main__":
    main()
