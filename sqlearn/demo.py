"""The demonstration: a real table learned, rows of it forgotten, and every step proved against a refit.

What it prints it has measured in the same run. Records are encoded row by row: whatever is taken from other rows (an
imputed mean, say) would have to be forgotten as well.
"""

import statistics
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import wrap
from time import perf_counter
from typing import Any

import numpy as np
from sklearn import naive_bayes as peers
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from sqlearn import __version__
from sqlearn.datasets import load_titanic
from sqlearn.errors import NotLearnedError
from sqlearn.linear_model import RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MixedNB
from sqlearn.verification import verify

__all__ = ["story"]

Lines = Iterator[tuple[str, str]]

_CATEGORIES = ["pclass", "sex", "embarked"]
_NUMBERS = ["age", "sibsp", "parch", "fare"]
_SWAPPED = [
    "Dean, Mr. Bertram Frank",
    "Dean, Master. Bertram Vere",
    "Thayer, Mr. John Borland",
    "Thayer, Mr. John Borland Jr",
]
_TYPO = 5e14
_WIDTH = 80


@dataclass
class Case:
    """A model and the records it should hold now."""

    model: MixedNB | RidgeClassifier
    X: np.ndarray
    y: np.ndarray

    @property
    def name(self) -> str:
        return f"{type(self.model).__name__:<16}"

    def refit(self) -> Any:
        """What the model is compared with: the same learner, on the same records, from the beginning."""
        return clone(self.model).fit(self.X, self.y)

    def proof(self) -> Lines:
        """Whether the model equals its refit, as lines to print."""
        found = verify(self.model, self.X, self.y)
        kind, mark = ("proof", "ok ") if found else ("trouble", "NOT")
        for i, line in enumerate(str(found).replace(" (digest", "\n(digest").splitlines()):
            yield kind, f"   {'   ' if i else mark}  {line}"


def story() -> Lines:
    """The demonstration, as pairs of a kind of line ("title", "text", "proof" or "trouble") and the line."""
    passengers = load_titanic()
    cases = _cases(passengers)
    ages_missing = int(np.isnan(_column(passengers, "age").astype(float)).sum())
    yield "title", f"sqlearn {__version__}: models that forget"
    people = f"{len(passengers.target)} people, {passengers.target.sum()} of them survived"
    yield "text", f"On board the Titanic: {people}, {ages_missing} ages are missing."
    with threadpool_limits(1, "blas"):  # on a busy machine, a second thread makes small products slow and times erratic
        _compile(cases)
        yield from _learn(cases)
        yield from _forget(cases, passengers)
        yield from _relabel(cases, passengers)
        yield from _compare_costs(cases)
        yield from _refuse(cases, passengers)
        yield from _subtract_floats(passengers)


def _column(passengers, name: str) -> np.ndarray:
    return passengers.data[:, passengers.feature_names.index(name)]


def _cases(passengers) -> list[Case]:
    """MixedNB on the columns as they are; ridge on numbers made from them by hand."""
    names = _CATEGORIES + _NUMBERS
    table = np.column_stack([_column(passengers, name) for name in names])
    age, family = _column(passengers, "age").astype(float), _column(passengers, "sibsp") + _column(passengers, "parch")
    numbers = [
        _column(passengers, "sex") == "female",
        _column(passengers, "pclass") == "1",
        _column(passengers, "pclass") == "3",
        np.isnan(age),
        np.nan_to_num(age),
        family,
        _column(passengers, "fare"),
    ]
    mixed = MixedNB(categorical_features=list(range(len(_CATEGORIES))))
    y = passengers.target
    return [Case(mixed, table, y), Case(RidgeClassifier(), np.column_stack(numbers).astype(float), y)]


def _compile(cases: list[Case]) -> None:
    """Run everything once on a few rows: compilation is paid here and enters no measurement."""
    for case in cases:
        some = Case(clone(case.model), case.X[:90], case.y[:90])
        some.model.fit(some.X, some.y).forget(some.X[:2], some.y[:2])
        some.model.forget(some.X[2], some.y[2]).partial_fit(some.X[2], some.y[2])
        some.model.relabel(some.X[5:7], some.y[5:7], 1 - some.y[5:7])
        some.model.predict(some.X)
        list(some.proof())


def _seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def _median(call: Callable[[], object], times: int) -> float:
    return statistics.median(_seconds(call) for _ in range(times))


def _duration(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def _learn(cases: list[Case]) -> Lines:
    yield "title", "\n1. Learn who survived"
    for case in cases:
        seconds = _seconds(lambda: case.model.fit(case.X, case.y))  # noqa: B023  called at once
        right = np.mean(case.model.predict(case.X) == case.y)
        yield "text", f"   {case.name} fit in {_duration(seconds)}, right on {right:.1%} of these rows"
    yield "text", f"   MixedNB takes the columns as they are: {', '.join(_CATEGORIES)} are categories,"
    yield "text", f"   {', '.join(_NUMBERS)} are numbers, and a missing age is not counted."


def _forget(cases: list[Case], passengers) -> Lines:
    free = _column(passengers, "fare") == 0
    yield "title", f"\n2. Forget the {free.sum()} passengers with fare 0"
    yield "text", "   A free passage says nothing of what a ticket cost: rows not to be learned."
    for case in cases:
        seconds = _seconds(lambda: case.model.forget(case.X[free], case.y[free]))  # noqa: B023
        case.X, case.y = case.X[~free], case.y[~free]
        yield "text", f"   {case.name} forgot {free.sum()} rows in {_duration(seconds)}"
        yield from case.proof()


def _relabel(cases: list[Case], passengers) -> Lines:
    kept = _column(passengers, "fare") > 0
    wrong = np.isin(_column(passengers, "name")[kept], _SWAPPED)
    yield "title", f"\n3. Relabel {wrong.sum()} passengers"
    yield "text", "   Suppose the fates of two fathers and sons (Dean, Thayer) were swapped."
    for case in cases:
        old = case.y.copy()
        case.y = np.where(wrong, 1 - old, old)
        seconds = _seconds(lambda: case.model.relabel(case.X[wrong], old[wrong], case.y[wrong]))  # noqa: B023
        yield "text", f"   {case.name} relabelled {wrong.sum()} rows in {_duration(seconds)}"
        yield from case.proof()


def _compare_costs(cases: list[Case]) -> Lines:
    yield "title", "\n4. What forgetting one row costs, beside a refit (medians, one thread)"
    yield "text", f"   {'':<16} {'rows':>6} {'forget one':>12} {'refit':>12} {'ratio':>8} {'attributes':>12}"
    for case in cases:
        for times in (1, 8):
            X, y = np.tile(case.X, (times, 1)), np.tile(case.y, times)
            yield _costs(case, clone(case.model).fit(X, y), X, y)
    yield "text", "   The larger table is the same one eight times over. Attributes are derived"
    yield "text", "   when they are next asked for, after forgetting as after a refit: the last"
    yield "text", "   column is what that adds to either."


def _costs(case: Case, model, X, y) -> tuple[str, str]:
    before, forgotten, derived = model.digest(), [], []
    for x, label in zip(X[:200], y[:200].tolist(), strict=True):
        forgotten.append(_seconds(lambda: model.forget(x, label)))  # noqa: B023
        derived.append(_seconds(lambda: model.classes_))
        model.partial_fit(x, label)
    if model.digest() != before:
        return "trouble", f"   NOT  {case.name.strip()} has changed by forgetting rows and learning them again"
    forget, refit = statistics.median(forgotten), _median(lambda: clone(model).fit(X, y), 15)
    attributes = statistics.median(derived)
    return "text", (
        f"   {case.name} {len(y):>6} {_duration(forget):>12} {_duration(refit):>12} {refit / forget:>6.0f} x "
        f"{_duration(attributes):>12}"
    )


def _refuse(cases: list[Case], passengers) -> Lines:
    gone = int(np.flatnonzero(_column(passengers, "name") == "Harrison, Mr. William")[0])
    yield "title", f"\n5. Forget {_column(passengers, 'name')[gone]} again"
    model, (_, original) = cases[1].model, _cases(passengers)
    before = model.digest()
    try:
        model.forget(original.X[gone], original.y[gone])
    except NotLearnedError as error:
        yield "text", f"   {type(error).__name__}:"
        yield from (("text", f"   | {line}") for line in wrap(str(error), _WIDTH - 5))
        if model.digest() == before:
            yield "proof", "   ok   the model has not changed"
        else:
            yield "trouble", "   NOT  the model has changed"
    else:
        yield "trouble", "   NOT  a row that is not held was forgotten"


def _subtract_floats(passengers) -> Lines:
    """One fare typed as 5e14 and taken back: by float sums, by scikit-learn's negative weights, and by sqlearn."""
    fare, y = _column(passengers, "fare").astype(float), passengers.target
    X = np.column_stack([_column(passengers, "sex") == "female", _column(passengers, "pclass").astype(float), fare])
    typed = X.copy()
    typed[0, 2] = _TYPO
    died = y == y[0]
    yield "title", f"\n6. Why s -= x is not enough: a fare of {fare[0]} typed as 5e14, and corrected"
    yield "text", "   Three columns, and the variance of the fare of those who died, as each way"
    yield "text", "   has it afterwards:"
    yield "text", f"   {'':<46} {'variance':>12} {'right on':>9}"

    never = peers.GaussianNB().fit(X, y)
    yield "text", _outcome("fitted without the typo", never.var_[0, 2], np.mean(never.predict(X) == y))

    n, s, s2 = died.sum(), typed[died, 2].sum(), np.square(typed[died, 2]).sum()
    s, s2 = s - _TYPO, s2 - _TYPO**2
    s, s2 = s + fare[0], s2 + fare[0] ** 2
    yield "text", _outcome("float sums: s -= x, s2 -= x**2", s2 / n - (s / n) ** 2, None)

    weighted = peers.GaussianNB().fit(typed, y)
    weighted.partial_fit(typed[:1], y[:1], sample_weight=[-1.0]).partial_fit(X[:1], y[:1])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        right = np.mean(weighted.predict(X) == y)
    yield "text", _outcome("scikit-learn's GaussianNB, sample_weight=-1", weighted.var_[0, 2], right)

    exact = Case(GaussianNB().fit(typed, y), X, y)
    exact.model.forget(typed[0], y[0]).partial_fit(X[0], y[0])
    yield "text", _outcome("sqlearn's GaussianNB, forget", exact.model.var_[0, 2], np.mean(exact.model.predict(X) == y))
    yield from exact.proof()


def _outcome(who: str, variance: float, right: float | None) -> str:
    return f"   {who:<46} {variance:>12.5g}" + ("" if right is None else f" {right:>9.1%}")
