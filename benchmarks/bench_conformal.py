"""Full conformal prediction beside MAPIE's split and cross conformal prediction: coverage, sizes, seconds.

    make bench BENCH=conformal DATA=folder
    make bench BENCH=conformal DATA=folder BENCH_ARGS="--seeds 3 sets intervals"

`DATA` names a folder with `adult.data` (https://archive.ics.uci.edu/dataset/2/adult), which may not be shipped; without
it, Adult is left out. MAPIE comes with the bench extra. All three have the same learner, this package's or
scikit-learn's, and the same training rows: split conformal prediction learns from half of them, and cross conformal
prediction from five times four fifths. Coverage and sizes are means over seeds, each of another draw of rows; in
brackets the standard deviation of a seed's coverage. Seconds are of the process, for training and all answers.
"""

import argparse
import csv
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mapie.classification import CrossConformalClassifier, SplitConformalClassifier
from mapie.regression import CrossConformalRegressor, SplitConformalRegressor
from measuring import machine
from sklearn import linear_model as peers
from sklearn.datasets import load_diabetes, load_digits
from sklearn.naive_bayes import GaussianNB as PeerGaussianNB
from sklearn.naive_bayes import MultinomialNB as PeerMultinomialNB
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sqlearn.conformal import FullConformalClassifier, FullConformalRegressor
from sqlearn.datasets import load_titanic
from sqlearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MultinomialNB

LEVELS = [0.8, 0.9, 0.95]
LINE = "{:<40}{:>8}{:>7}  {:<24}{:<24}{:<24}{:>9}"


class Case(NamedTuple):
    """Data, a learner of ours and scikit-learn's, and how many rows are learned and asked about."""

    name: str
    data: tuple[np.ndarray, np.ndarray]
    ours: Any
    theirs: Any
    n_train: int
    n_test: int


class Result(NamedTuple):
    """Of one seed: for each level, the share of hits and the mean size; and seconds."""

    coverage: np.ndarray
    size: np.ndarray
    seconds: float


# --------------------------------------------------------------------------------------------------------------- data


def encoded(columns: list[list[Any]]) -> np.ndarray:
    """Numbers scaled, with medians in the place of gaps, and categories as indicators."""
    found = []
    for column in columns:
        if all(isinstance(value, float) for value in column):
            numbers = np.array(column)
            numbers[np.isnan(numbers)] = np.nanmedian(numbers)
            found.append(StandardScaler().fit_transform(numbers[:, None]))
        else:
            found.append(OneHotEncoder(sparse_output=False).fit_transform(np.array(column, object)[:, None]))
    return np.concatenate(found, axis=1)


def titanic() -> tuple[np.ndarray, np.ndarray]:
    table = load_titanic()
    columns = dict(zip(table.feature_names, table.data.T.tolist(), strict=True))
    levels = [str(value) for value in columns["pclass"]]
    return encoded([*(columns[name] for name in ("sex", "age", "sibsp", "parch", "fare")), levels]), table.target


HOURS = 12  # the column of working hours a week


def adult(folder: Path, *, hours: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """All columns, and whether the income exceeds 50,000 dollars; or the other columns, and working hours."""
    with (folder / "adult.data").open(encoding="utf-8") as file:
        rows = [row for row in csv.reader(file, skipinitialspace=True) if row]
    *columns, income = map(list, zip(*rows, strict=True))
    numbers = (0, 2, 4, 10, 11, 12)
    columns = [[float(value) for value in column] if i in numbers else column for i, column in enumerate(columns)]
    target = np.array(columns.pop(HOURS)) if hours else (np.array(income) == ">50K").astype(np.int64)
    return encoded(columns), target


# ------------------------------------------------------------------------------------------------------------ contests


def run(case: Case, seed: int, answer: Callable[[Case, np.ndarray, np.ndarray], tuple[Any, Any]]) -> Result:
    """Hits and sizes of one draw of rows."""
    _, y = case.data
    index = np.random.default_rng(seed).permutation(len(y))
    train, test = index[: case.n_train], index[case.n_train : case.n_train + case.n_test]
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, found = answer(case, train, test)
    seconds = time.process_time() - start
    truth = y[test]
    if found.dtype == bool:
        place = np.searchsorted(np.unique(y), truth)
        return Result(found[np.arange(len(test)), place].mean(axis=0), found.sum(axis=1).mean(axis=0), seconds)
    hits = (found[:, 0] <= truth[:, None]) & (truth[:, None] <= found[:, 1])
    return Result(hits.mean(axis=0), (found[:, 1] - found[:, 0]).mean(axis=0), seconds)


def full_sets(case: Case, train: np.ndarray, test: np.ndarray) -> tuple[Any, Any]:
    X, y = case.data
    score = "lac" if hasattr(case.ours, "predict_proba") else "margin"
    model = FullConformalClassifier(case.ours, confidence_level=LEVELS, conformity_score=score)
    return model.fit(X[train], y[train]).predict_set(X[test])


def split_sets(case: Case, train: np.ndarray, test: np.ndarray) -> tuple[Any, Any]:
    X, y = case.data
    fit, keep = np.array_split(train, 2)
    model = SplitConformalClassifier(case.theirs, confidence_level=LEVELS, conformity_score="lac", prefit=False)
    return model.fit(X[fit], y[fit]).conformalize(X[keep], y[keep]).predict_set(X[test])


def cross_sets(case: Case, train: np.ndarray, test: np.ndarray) -> tuple[Any, Any]:
    X, y = case.data
    model = CrossConformalClassifier(case.theirs, confidence_level=LEVELS, conformity_score="lac", cv=5)
    return model.fit_conformalize(X[train], y[train]).predict_set(X[test])


def full_intervals(case: Case, train: np.ndarray, test: np.ndarray) -> tuple[Any, Any]:
    X, y = case.data
    return FullConformalRegressor(case.ours, confidence_level=LEVELS).fit(X[train], y[train]).predict_interval(X[test])


def split_intervals(case: Case, train: np.ndarray, test: np.ndarray) -> tuple[Any, Any]:
    X, y = case.data
    fit, keep = np.array_split(train, 2)
    model = SplitConformalRegressor(case.theirs, confidence_level=LEVELS, prefit=False)
    return model.fit(X[fit], y[fit]).conformalize(X[keep], y[keep]).predict_interval(X[test])


def cross_intervals(case: Case, train: np.ndarray, test: np.ndarray) -> tuple[Any, Any]:
    X, y = case.data
    model = CrossConformalRegressor(case.theirs, confidence_level=LEVELS, cv=5)
    return model.fit_conformalize(X[train], y[train]).predict_interval(X[test])


def contest(cases: list[Case], seeds: int, ways: dict[str, Callable]) -> Iterator[str]:
    """A line for each case and way."""
    for case in cases:
        for way, answer in ways.items():
            if case.theirs is None and way in ("split", "cross"):
                continue
            results = [run(case, seed, answer) for seed in range(seeds)]
            coverage, sizes = (np.array([getattr(one, name) for one in results]) for name in ("coverage", "size"))
            means = coverage.mean(axis=0), coverage.std(axis=0), sizes.mean(axis=0)
            cells = [f"{100 * hit:.1f} % ({100 * off:.1f})  {size:.3g}" for hit, off, size in zip(*means, strict=True)]
            seconds = float(np.mean([one.seconds for one in results]))
            yield LINE.format(f"{case.name}, {way}", case.n_train, case.n_test, *cells, f"{seconds:.3g} s")


def sets(seeds: int, folder: Path | None) -> Iterator[str]:
    """sets of labels: coverage and mean number of labels at each level."""
    digits, ship = load_digits(return_X_y=True), titanic()
    logistic = LogisticRegression(), peers.LogisticRegression(max_iter=1000)
    cases = [
        Case("digits, MultinomialNB", digits, MultinomialNB(), PeerMultinomialNB(), 300, 300),
        Case("digits, MultinomialNB", digits, MultinomialNB(), PeerMultinomialNB(), 1000, 300),
        Case("Titanic, LogisticRegression", ship, *logistic, 100, 300),
        Case("Titanic, LogisticRegression", ship, *logistic, 400, 300),
    ]
    if folder:
        people, bayes = adult(folder), (GaussianNB(var_smoothing=0.1), PeerGaussianNB(var_smoothing=0.1))
        cases += [
            Case("Adult, LogisticRegression", people, *logistic, 300, 300),
            Case("Adult, GaussianNB", people, *bayes, 1000, 300),
        ]
    ways = {"full": full_sets, "split": split_sets, "cross": cross_sets}
    yield from contest(cases, seeds, ways)


def intervals(seeds: int, folder: Path | None) -> Iterator[str]:
    """intervals of targets: coverage and mean width at each level."""
    diabetes = load_diabetes(return_X_y=True)
    cases = [
        Case("diabetes, LinearRegression", diabetes, LinearRegression(), peers.LinearRegression(), n, 142)
        for n in (50, 100, 300)
    ]
    cases.append(Case("diabetes, Ridge(0.1)", diabetes, Ridge(0.1), peers.Ridge(0.1), 100, 142))
    if folder:
        cases.append(Case("Adult, hours, Ridge", adult(folder, hours=True), Ridge(), peers.Ridge(), 300, 300))
    yield from contest(cases, seeds, {"full": full_intervals, "split": split_intervals, "cross": cross_intervals})


def forgetting(seeds: int, folder: Path | None) -> Iterator[str]:
    """a fifth of 300 patients forgotten, at random or by their residuals: coverage and mean width at each level."""
    data = load_diabetes(return_X_y=True)

    def keeping(choose: Callable[[np.ndarray, int], np.ndarray]) -> Callable:
        def answer(case: Case, train: np.ndarray, test: np.ndarray) -> tuple[Any, Any]:
            X, y = case.data
            model = FullConformalRegressor(case.ours, confidence_level=LEVELS).fit(X[train], y[train])
            gone = train[choose(np.abs(y[train] - model.predict(X[train])), len(train) // 5)]
            if len(gone):
                model.forget(X[gone], y[gone])
            return model.predict_interval(X[test])

        return answer

    ways = {
        "none forgotten": keeping(lambda residuals, n: np.arange(0)),
        "at random": keeping(lambda residuals, n: np.arange(n)),  # rows are in an order that is random
        "largest residuals": keeping(lambda residuals, n: np.argsort(residuals)[-n:]),
    }
    yield from contest([Case("diabetes", data, LinearRegression(), None, 300, 142)], seeds, ways)


def large(seeds: int, folder: Path | None) -> Iterator[str]:
    """30,000 rows of Adult, 108 columns: seconds of 1,000 answers, one draw."""
    if folder is None:
        yield "Adult: data not given (DATA=folder)"
        return
    people, size = adult(folder), (30_000, 1000)
    bayes = GaussianNB(var_smoothing=0.1), PeerGaussianNB(var_smoothing=0.1)
    cases = [
        Case("Adult, GaussianNB", people, *bayes, *size),
        Case("Adult, RidgeClassifier", people, RidgeClassifier(), None, *size),
    ]
    yield from contest(cases, 1, {"full": full_sets, "split": split_sets, "cross": cross_sets})
    hours = Case("Adult, hours, Ridge", adult(folder, hours=True), Ridge(), peers.Ridge(), *size)
    yield from contest([hours], 1, {"full": full_intervals, "split": split_intervals, "cross": cross_intervals})


def main() -> None:
    sections = {section.__name__: section for section in (sets, intervals, forgetting, large)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"{', '.join(sections)}; all by default")
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    unknown = set(given.sections) - set(sections)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    folder = Path(os.environ["DATA"]) if os.environ.get("DATA") else None
    print(machine())
    for name in given.sections or sections:
        print(f"\n{(sections[name].__doc__ or '').strip()}")
        print(LINE.format("", "learned", "asked", *(f"at {level:.0%}" for level in LEVELS), "time"))
        for line in sections[name](given.seeds, folder):
            print(line, flush=True)


if __name__ == "__main__":
    main()
