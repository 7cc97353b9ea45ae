"""What recommenders read from a state, and how they answer: labels, the best items, checks of arguments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sqlearn.engine.interactions import Column, Interactions, listed_labels, units_of, with_article
from sqlearn.engine.model import State
from sqlearn.engine.validation import Layout
from sqlearn.errors import (
    InvalidValueError,
    ParameterError,
    ShapeError,
    UndefinedAttributeError,
    UnknownLabelError,
    shown,
)


class FittedAttributes(BaseEstimator):
    """Holds what a recommender tells of itself: scikit-learn has no estimator of this kind."""


@contextmanager
def reading(state: State) -> Iterator[tuple[Interactions, dict[str, Any]]]:
    """What a model holds and its parameters in force, for as long as they are read."""
    held = interactions_of(state)
    with state.reading(), held.lock:
        if not state.n_records:
            raise UndefinedAttributeError(
                f"This {state.learner} holds no interactions (all were forgotten). Call fit or partial_fit first.",
                reason="too few records",
            )
        yield held, state.params


def interactions_of(state: State) -> Interactions:
    assert isinstance(state.statistic, Interactions)
    return state.statistic


def step_of(params: dict[str, Any]) -> int | None:
    """The parameter `step` in millionths."""
    step = params.get("step")
    if step is None:
        return None
    units = units_of(float(step))
    if units <= 0:
        raise ParameterError(
            f"step={step!r} is no step of ratings. Nothing was changed: pass a positive number of at most 6 decimals, "
            "such as 0.5, or None to read it from the ratings.",
            value=step,
        )
    return units


def with_names(layout: Layout | None, names: list[str] | None, width: int, learner: str) -> Layout:
    """The layout of interactions with these names; they must be those of earlier ones, as far as both have names."""
    if layout is None:
        return Layout(width, None if names is None or len(names) < width else np.array(names[:width], object))
    known = layout.feature_names_in_
    if names is not None and known is not None:
        pairs = zip(known.tolist(), names, strict=False)
        other = next((j for j, (ours, theirs) in enumerate(pairs) if ours != theirs), None)
        if other is not None:
            raise ShapeError(
                f"The feature names should match those that were passed during fit: column {other} (counted from 0) "
                f"is {shown(names[other])}, and {learner} was fitted with {shown(known[other])}. Nothing was changed: "
                "pass users, items and ratings in the order of fit.",
                column=names[other],
                reason="columns",
            )
    return layout


def is_whole(n: Any, least: int) -> bool:
    """Whether an argument is a whole number, and not less than this."""
    return not isinstance(n, bool) and isinstance(n, Integral) and int(n) >= least


def check_number(n: Any, name: str) -> None:
    if not is_whole(n, 1):
        raise ParameterError(f"n of {name} is a positive whole number, not {shown(n)}. Pass 10, for instance.", value=n)


def check_choice(choice: Any, name: str) -> None:
    if not isinstance(choice, bool | np.bool_):
        raise ParameterError(
            f"{name} is True or False, not {shown(choice)}. Nothing was computed: pass one of these.", value=choice
        )


def known_slots(column: Column, held: Interactions, name: str, learner: str, *, single: bool) -> np.ndarray:
    """The slots of a column's labels, which must be held."""
    slots = held.held_slots(name, column.values)
    unknown = np.flatnonzero(slots < 0)
    if len(unknown):
        row = int(np.flatnonzero(np.isin(column.codes, unknown))[0])
        where = "This row" if single else f"Row {row} (counted from 0)"
        raise UnknownLabelError(
            f"{where} has the {name} {shown(column.at(row))}, of which this {learner} holds nothing. "
            f"Nothing was computed: compare with `{name}s_`; a number and its text are different labels.",
            row=row,
            value=column.at(row),
        )
    return slots


def one_slot(label: Any, held: Interactions, name: str, learner: str) -> int:
    """The slot of a label, which must be held."""
    no_label = InvalidValueError(
        f"{with_article(name).capitalize()} is a number or a string, not {shown(label)}. Nothing was computed: "
        f"pass one {name}.",
        value=label,
        reason="label",
    )
    if label is None or isinstance(label, list | tuple | dict | set | np.ndarray):
        raise no_label
    try:
        column = listed_labels([label], name, name)
    except InvalidValueError as error:
        raise no_label from error
    slot = int(held.held_slots(name, column.values)[0])
    if slot < 0:
        raise UnknownLabelError(
            f"This {learner} holds no interaction of the {name} {shown(label)}. Nothing was computed: compare with "
            f"`{name}s_`; a number and its text are different labels.",
            value=label,
        )
    return slot


def best_of(held: Interactions, slots: np.ndarray, scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The labels of the `n` best of some items, and their scores."""
    n = int(min(n, len(slots)))
    if n < len(slots):  # those that may be among them, ties at the end included
        least = -np.partition(-scores[slots], n - 1)[n - 1] if n else np.inf
        slots = slots[scores[slots] >= least]
    by_label = slots[held.by_label(slots)]
    order = by_label[np.argsort(-scores[by_label], kind="stable")][:n]
    return label_array(held.items.of(order)), scores[order]


def label_array(labels: list[Any]) -> np.ndarray:
    """Labels as an array: of integers, floats or strings if all are alike, else of objects."""
    kinds = {str if isinstance(label, str) else type(label) for label in labels}
    if kinds == {str}:
        ends_in_nul = any(label.endswith("\0") for label in labels)  # which numpy's strings drop
        return np.array(labels, object if ends_in_nul else None)
    if kinds == {int}:
        return np.array(labels, np.int64 if all(-(1 << 63) <= label < 1 << 63 for label in labels) else object)
    if kinds == {float}:
        return np.array(labels, np.float64)
    array = np.empty(len(labels), object)
    array[:] = labels
    return array
