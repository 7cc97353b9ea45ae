"""Counting the records that are stranger than a candidate, to models that have learned them and the candidate.

One model learns each candidate in turn and forgets it. Where its scores are linear (:mod:`~sqlearn.conformal.forms`),
those of many candidates are computed at once, and only comparisons that rounding could turn are made again, by the
model's own method for each row alone: the counts are those of the definition, to the last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn import config_context

from sqlearn.conformal.forms import Form, Forms, forms_for, tolerance
from sqlearn.conformal.measures import Measure
from sqlearn.engine.parts import answering

_CELLS = 2_000_000  # float64 of a block's scores: 16 MB for each of some arrays


@dataclass
class Held:
    """The records of a conformal predictor, in an order that they alone decide, and a model of them.

    Attributes
    ----------
    x : float64[n, d]
        Features, sorted by their values.
    y : intp[n] or float64[n]
        Places of labels, or targets.
    labels : array
        What the places stand for, as the model learns it; None for targets.
    model : ExactEstimator
        A model of the records, which is only copied.
    owner : str
        Name of the predictor, for messages.
    """

    x: np.ndarray
    y: np.ndarray
    labels: np.ndarray | None
    model: Any
    owner: str

    @cached_property
    def place(self) -> np.ndarray:
        """Which of the distinct rows each record has, intp[n]."""
        return np.concatenate([[0], np.cumsum((self.x[1:] != self.x[:-1]).any(axis=1))])

    @cached_property
    def distinct(self) -> np.ndarray:
        """The distinct rows, float64[m, d]."""
        return self.x[np.flatnonzero(np.diff(self.place, prepend=-1))]

    def response(self, y: Any) -> Any:
        """The label at a place, or a target."""
        return y if self.labels is None else self.labels[y]

    def learned(self, model: Any, x: np.ndarray, response: Any) -> Any:
        """scikit-learn's estimator for these records and a candidate, which the model learns and forgets."""
        model.partial_fit(x, response)
        try:
            return answering(model, self.owner)
        finally:
            model.forget(x, response)


@dataclass
class Counts:
    """Of each candidate, how many records are stranger, and how many as strange; int64[m, k]."""

    stranger: np.ndarray
    alike: np.ndarray


@dataclass
class Rule:
    """What a candidate is compared by, and with which records.

    Attributes
    ----------
    measure : Measure
        How strange a record is.
    n_scores : int
        How many scores the measure reads for a row.
    within_label : bool
        Whether a candidate is compared with the records of its label only.
    """

    measure: Measure
    n_scores: int = 1
    within_label: bool = False

    def compares(self, held: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Which records, whose labels are given, candidates of these labels are compared with, bool[n, b]."""
        return held[:, None] == y if self.within_label else np.ones((len(held), len(y)), bool)


def count(held: Held, model: Any, rule: Rule, x: np.ndarray, y: np.ndarray) -> Counts:
    """Count for each row, float64[m, d], and each of its candidates, [m, k], with a model that is changed meanwhile."""
    counts = Counts(*np.zeros((2, *y.shape), np.int64))
    if not y.size:
        return counts
    with config_context(assume_finite=True, skip_parameter_validation=True):
        forms = forms_for(held.learned(model, x[0], held.response(y[0, 0])), held.x)
        if forms is None:
            _count_in_batches(held, model, rule, x, y, counts)
        else:
            _Product(held, rule, forms).count(model, x, y, counts)
    return counts


def _count_in_batches(held: Held, model: Any, rule: Rule, x: np.ndarray, y: np.ndarray, counts: Counts) -> None:
    """Ask the model's own method for all distinct rows, the candidate's among them in its place by value."""
    measure = rule.measure
    for i, row in enumerate(x):
        compares = rule.compares(held.y, y[i])
        differs = held.distinct != row
        found = np.flatnonzero(~differs.any(axis=1))
        if len(found):
            own, rows, places = int(found[0]), held.distinct, held.place
        else:
            first = differs.argmax(axis=1)
            own = int((held.distinct[np.arange(len(first)), first] < row[first]).sum())
            rows, places = np.insert(held.distinct, own, row, axis=0), held.place + (held.place >= own)
        for j, place in enumerate(y[i]):
            scores = measure.read(held.learned(model, row, held.response(place)), rows)
            strange = measure.strangeness(scores[places], held.y)
            candidate = measure.strangeness(scores[own : own + 1], y[i, j : j + 1])
            counts.stranger[i, j] = ((strange > candidate) & compares[:, j]).sum()
            counts.alike[i, j] = ((strange == candidate) & compares[:, j]).sum()


class _Product:
    """Scores by products of matrices, and comparisons that are made again."""

    def __init__(self, held: Held, rule: Rule, forms: Forms) -> None:
        self.held, self.rule, self.forms = held, rule, forms
        self.measure, self.n_scores = rule.measure, rule.n_scores
        self.images, self.sizes = self._seen(held.x, held.y)

    def _seen(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Images of rows, float64[n, p], and what bounds depend on, float64[n, 2]."""
        images = self.forms.image(x)
        targets = np.zeros(len(x)) if self.held.labels is not None else np.abs(y)
        with np.errstate(all="ignore"):
            return images, np.column_stack([np.linalg.norm(images, axis=1), targets])

    def count(self, model: Any, x: np.ndarray, y: np.ndarray, counts: Counts) -> None:
        """Count for each row and each of its candidates."""
        size = max(1, _CELLS // (len(self.held.y) * self.n_scores))
        for pairs in _blocks(y.shape, size):
            fitted = [self.held.learned(model, x[i], self.held.response(y[i, j])) for i, j in pairs]
            rows, columns = pairs.T
            stranger, alike = self._compared(fitted, x[rows], y[rows, columns])
            counts.stranger[rows, columns], counts.alike[rows, columns] = stranger, alike

    def _compared(self, fitted: list[Any], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts of some candidates, int64[b] each, by the models that have learned them."""
        forms = [self.forms.of(model, self.n_scores) for model in fitted]
        bounds = np.array([[form.weight, form.offset] for form in forms]).T
        images, sizes = self._seen(x, y)
        with np.errstate(all="ignore"):
            strange = self._strangeness(self.images, forms, self.held.y)
            own = [self._strangeness(images[i : i + 1], [form], y[i : i + 1])[0, 0] for i, form in enumerate(forms)]
            width = images.shape[1]
            near = tolerance(self.sizes, bounds, width, self.n_scores)
            near += tolerance(sizes, bounds, width, self.n_scores).diagonal()
            strange -= np.array(own)
            compares = self.rule.compares(self.held.y, y)
            close = compares & ~((np.abs(strange) > near) & np.isfinite(strange))  # or not a number
            stranger = ((strange > 0.0) & compares & ~close).sum(axis=0)
        alike = np.zeros(len(fitted), np.int64)
        for b in np.flatnonzero(close.any(axis=0)):
            more, equal = self._again(fitted[b], np.flatnonzero(close[:, b]), x[b : b + 1], y[b : b + 1])
            stranger[b] += more
            alike[b] = equal
        return stranger, alike

    def _strangeness(self, images: np.ndarray, forms: list[Form], y: np.ndarray) -> np.ndarray:
        """Strangeness of rows to each of the forms, float64[n, b]."""
        weights = np.concatenate([form.weights for form in forms])
        scores = images @ weights.T + np.concatenate([form.offsets for form in forms])
        flat = scores.reshape(len(y) * len(forms), -1)
        return self.measure.strangeness(flat, np.repeat(y, len(forms))).reshape(len(y), len(forms))

    def _again(self, fitted: Any, near: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[int, int]:
        """How many of these records are stranger than a candidate, and how many as strange, by the model's method."""
        places, which = np.unique(self.held.place[near], return_inverse=True)
        rows = np.concatenate([self.held.distinct[places], x])
        if self.forms.alone:
            scores = np.concatenate([self.measure.read(fitted, row[None]) for row in rows])
        else:
            scores = self.measure.read(fitted, rows)
        strange = self.measure.strangeness(scores[which], self.held.y[near])
        candidate = self.measure.strangeness(scores[-1:], y)
        return int((strange > candidate).sum()), int((strange == candidate).sum())


def _blocks(shape: tuple[int, ...], size: int) -> Iterator[np.ndarray]:
    """Places of all candidates, intp[b, 2], some at a time."""
    every = np.column_stack(np.unravel_index(np.arange(shape[0] * shape[1]), shape))
    yield from (every[start : start + size] for start in range(0, len(every), size))
