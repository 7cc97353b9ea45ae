"""From what users pass to batches of interactions, checked against those that are held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sqlearn.engine.interactions import BySlot, Given, Interactions, listed_labels
from sqlearn.engine.validation import Batch
from sqlearn.errors import InvalidValueError, NotLearnedError, ShapeError, UnknownLabelError, shown

_NO_SLOTS = np.zeros(0, np.int64)
_SCALE = 10**6


@dataclass
class Wanted:
    """What a call names: interactions, with labels if they are sparse, or else all of some users or items.

    Attributes
    ----------
    X : frame, array, list or sparse matrix, or None
        Interactions.
    users, items : sequence or None
        Labels of a sparse `X`, or those whose interactions are all meant.
    """

    X: Any
    users: Any = None
    items: Any = None


def batch_of(codes: list[np.ndarray], levels: list[list[Any]], single: bool = False) -> Batch:
    """Interactions as a batch: columns of codes, and what they stand for."""
    n = len(codes[0])
    columns = np.empty((n, len(codes)), np.int32)
    for j, column in enumerate(codes):
        columns[:, j] = column
    none = np.zeros((n, 0))
    return Batch(none, columns, levels, _NO_SLOTS, [], none, np.broadcast_to(1.0, n), single)


def learned(given: Given, step: int | None) -> Batch:
    """Interactions to be learned; refuses ratings off the step."""
    columns = [given.users, given.items]
    if given.ratings is not None:
        _check_step(given, step)
        columns.append(given.ratings)
    return batch_of([column.codes for column in columns], [column.values for column in columns], given.single)


def _check_step(given: Given, step: int | None) -> None:
    ratings = given.ratings
    assert ratings is not None
    off = [code for code, unit in enumerate(ratings.values) if step and unit % step]
    if off:
        row = int(np.flatnonzero(np.isin(ratings.codes, off))[0])
        value = ratings.at(row) / _SCALE
        assert step
        raise InvalidValueError(
            f"The rating in row {row} (counted from 0) is {value!r}, which is no multiple of step={step / _SCALE!r}. "
            "Nothing was changed: round it, or fit with another step (step=None reads it from the ratings).",
            row=row,
            column=given.names[2] if given.names else 2,
            value=value,
            reason="out of range",
        )


def refuse_repeated(batch: Batch, held: Interactions | None) -> None:
    """Refuse pairs of user and item that are given twice, or held."""
    row = _first_repeated(batch)
    how = "is given twice"
    if held is not None:
        codes = held.index.codes_of(*_slots(batch, held))
        known = np.flatnonzero(codes >= 0)
        if len(known) and (row < 0 or known[0] < row):
            row, how = int(known[0]), "is held"
    if row >= 0:
        user, item = _labels(batch, row)
        raise InvalidValueError(
            f"{batch.name(row)} has user {shown(user)} and item {shown(item)}, a pair that {how}, and a pair has one "
            "interaction. Nothing was changed: leave the row out, or change the rating that is held with `relabel`.",
            row=row,
            value=item,
            reason="repeated",
        )


def _first_repeated(batch: Batch) -> int:
    """The first row whose pair of user and item came before, or -1."""
    if len(batch) < 2:
        return -1
    pairs = batch.codes[:, 0].astype(np.int64) * len(batch.levels[1]) + batch.codes[:, 1]
    order = np.argsort(pairs, kind="stable")
    later = order[1:][np.diff(pairs[order]) == 0]
    return int(later.min()) if len(later) else -1


def _slots(batch: Batch, held: Interactions) -> tuple[np.ndarray, np.ndarray]:
    """Slots of users and items, -1 for those that are not held."""
    tables = (names.known_slots(levels) for names, levels in zip((held.users, held.items), batch.levels, strict=False))
    users, items = (np.append(table, -1)[batch.codes[:, j]] for j, table in enumerate(tables))
    return users, items


def _labels(batch: Batch, row: int) -> tuple[Any, Any]:
    user, item = (batch.levels[j][batch.codes[row, j]] for j in (0, 1))
    return user, item


def found(given: Given, held: Interactions, learner: str) -> Batch:
    """Interactions that are held, with the ratings that they have; others are refused, and so are other ratings."""
    columns = [given.users, given.items]
    batch = batch_of([column.codes for column in columns], [column.values for column in columns], given.single)
    users, items = _slots(batch, held)
    codes = held.index.codes_of(users, items)
    missing = np.flatnonzero(codes < 0)
    row = int(missing[0]) if len(missing) else len(batch)
    twice = _first_repeated(batch)
    if 0 <= twice < row:
        user, item = _labels(batch, twice)
        raise NotLearnedError(
            f"{batch.name(twice)} has user {shown(user)} and item {shown(item)} once more, so nothing was changed. "
            "Name each interaction once.",
            row=twice,
        )
    units = np.array(held.ratings.of(codes[:row].astype(np.int64)), np.int64) if held.rated else _NO_SLOTS
    if held.rated and given.ratings is not None:
        asked = np.array(given.ratings.values, np.int64)[given.ratings.codes[:row]]
        other = np.flatnonzero(asked != units)
        if len(other):
            row = int(other[0])
            user, item = _labels(batch, row)
            raise NotLearnedError(
                f"{batch.name(row)} has user {shown(user)}, item {shown(item)} and the rating "
                f"{asked[row].item() / _SCALE!r}, and this {learner} holds the rating {units[row].item() / _SCALE!r}, "
                "so nothing was changed. Pass the rating that is held, or leave the column of ratings out.",
                row=row,
            )
    if len(missing):
        user, item = _labels(batch, row)
        raise NotLearnedError(
            f"{batch.name(row)} has user {shown(user)} and item {shown(item)}, and this {learner} holds no interaction "
            "of these two, so nothing was changed. It was never learned, or has been forgotten already.",
            row=row,
        )
    if not held.rated:
        return batch
    known, of_row = np.unique(units, return_inverse=True)
    return batch_of([given.users.codes, given.items.codes, of_row], [*batch.levels[:2], known.tolist()], given.single)


def everything_of(wanted: Wanted, held: Interactions, learner: str) -> Batch:
    """All interactions of the users or the items that are named."""
    if (wanted.users is None) == (wanted.items is None):
        what = "both" if wanted.users is not None else "nothing"
        raise ShapeError(
            f"Pass interactions, or `users`, or `items`: {what} was given. Nothing was changed: "
            "forget(users=['anna']) forgets all that is held of anna, forget(X) single interactions.",
            reason="shape",
        )
    name, labels = ("user", wanted.users) if wanted.users is not None else ("item", wanted.items)
    slots = slots_of(labels, held, name, learner)
    if len(slots) > 1:
        slots = np.unique(slots)
    counts = held.index.arrays.user_length if name == "user" else held.index.arrays.item_length
    users, items, codes = held.entries(*((slots, _NO_SLOTS) if name == "user" else (_NO_SLOTS, slots)))
    assert counts[slots].all()
    return batch_of([users, items, codes][: 3 if held.rated else 2], BySlot())


def slots_of(labels: Any, held: Interactions, name: str, learner: str) -> np.ndarray:
    """The slots of users or items that a caller names, which must be held."""
    if isinstance(labels, Mapping) or hasattr(labels, "columns"):
        raise ShapeError(
            f"`{name}s` are labels, and a table was given. Nothing was changed: pass its column of {name}s.",
            reason="shape",
        )
    if isinstance(labels, str | bytes) or not hasattr(labels, "__len__"):
        labels = [labels] if not hasattr(labels, "__iter__") or isinstance(labels, str | bytes) else list(labels)
    values = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    values = values if isinstance(values, list) else [values]
    if not values:
        raise ShapeError(f"`{name}s` is empty. Nothing was changed: name at least one.", reason="empty")
    column = listed_labels(values, f"{name}s", name)
    slots = held.held_slots(name, column.values)[column.codes]
    unknown = np.flatnonzero(slots < 0)
    if len(unknown):
        row = int(unknown[0])
        raise UnknownLabelError(
            f"This {learner} holds no interaction of {name} {shown(values[row])}"
            f"{f' (number {row} of those named, counted from 0)' if len(values) > 1 else ''}, so nothing was changed. "
            f"Compare with `{name}s_`: a number and its text are different labels.",
            row=row if len(values) > 1 else None,
            value=values[row],
        )
    result: np.ndarray = slots
    return result
