"""The columns of a store of a recommender: who, what and, where there are ratings, how much."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sqlearn.engine.interactions import Column as Coded
from sqlearn.engine.interactions import Columns as Interactions
from sqlearn.errors import InvalidValueError, StoreError, TableError, UnsupportedError, listed, shown
from sqlearn.storage.table.blocks import Block, Category
from sqlearn.storage.table.columns import Column, Columns
from sqlearn.storage.table.frames import are_whole, names_of
from sqlearn.storage.table.given import as_names

ROLES = "user", "item", "rating"
_USUAL = {
    "user": ("user", "userId", "user_id"),
    "item": ("item", "itemId", "item_id", "movieId", "movie_id"),
    "rating": ("rating",),
}


def takes_interactions(model: Any) -> bool:
    """Whether a learner is a recommender."""
    return hasattr(model, "recommend")


def _takes_ratings(model: Any) -> bool:
    rated: bool = model._rated(model.get_params(deep=False))
    return rated


def check_roles(model: Any, named: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Refuse roles of columns that a learner does not know.

    Parameters
    ----------
    model : estimator
        The learner.
    named : mapping
        What the caller passed as user, item and rating.
    others : mapping
        What the caller passed as roles that recommenders do not know.
    """
    learner, given = type(model).__name__, [role for role in named if named[role] is not None]
    if not takes_interactions(model):
        if given:
            raise TableError(
                f"{learner} does not learn from users and items, so its store has no column of the role {given[0]}. No "
                f"store was created: leave `{given[0]}` out, or use ItemKNN or EASE.",
                reason="columns",
            )
        return
    wrong = [role for role, value in others.items() if as_names(value, role)]
    if wrong:
        raise TableError(
            f"{learner} learns who likes what: its columns are `user`, `item` and, with ratings, `rating`. No store "
            f"was created: leave `{wrong[0]}` out.",
            reason="target" if wrong[0] == "target" else "columns",
        )


def found_names(names: list[str], model: Any, given: Mapping[str, Any]) -> dict[str, str]:
    """The columns of users, items and ratings: those that are named, else those that have a usual name.

    Raises
    ------
    TableError
        When a column is not there, or has two roles.
    """
    learner, rated = type(model).__name__, _takes_ratings(model)
    if given["rating"] is not None and not rated:
        raise TableError(
            f"This {learner} learns without ratings. No store was created: leave `rating` out, or set "
            f"{'use_ratings=True' if hasattr(model, 'use_ratings') else 'feedback=' + repr('explicit')}.",
            reason="columns",
        )
    found: dict[str, str] = {}
    for role in ROLES if rated else ROLES[:2]:
        wanted = next(iter(as_names(given[role], role)), None)
        if wanted is not None and wanted not in names:
            raise TableError(
                f"The table has no column {shown(wanted)}. Its columns are {listed(names)}. No store was created: name "
                "one of these.",
                column=wanted,
                reason="columns",
            )
        usual = {name.lower() for name in _USUAL[role]}
        wanted = wanted or next((name for name in names if name.lower() in usual), None)
        if wanted is None:
            without = " A model of implicit feedback needs no ratings." if role == "rating" else ""
            raise TableError(
                f"{learner} needs a column of {role}s, and none is called {' or '.join(_USUAL[role])}: the columns are "
                f"{listed(names)}. No store was created: name it in `{role}`.{without}",
                reason="columns",
            )
        found[role] = wanted
    if len({*found.values()}) < len(found):
        raise TableError(
            f"Users, items and ratings are in different columns, not {listed([*found.values()])}. No store was "
            "created: name each column once.",
            reason="columns",
        )
    return found


def interaction_columns(
    frame: Any, model: Any, given: Mapping[str, Any], id: str | None, keep: list[str], booleans: Any, reading: Any,
    text: list[str],
) -> Columns:  # fmt: skip
    """The columns of a recommender's store, from the first frame."""
    names = names_of(frame)
    roles = found_names(names, model, given)
    twice = [name for name in roles.values() if name in [*keep, *text, *(booleans or {}), *as_names(id, "id")]]
    if twice:
        raise TableError(
            f"The column {shown(twice[0])} is one of users, items or ratings, and is named in another role or kind "
            "too. No store was created: name each column once.",
            column=twice[0],
            reason="columns",
        )
    others = [name for name in names if name not in [*roles.values(), *keep, *as_names(id, "id")]]
    if others:
        ignored = " This model learns without ratings." if "rating" not in roles else ""
        raise TableError(
            f"{type(model).__name__} learns from {listed([*roles.values()])}, and the table has the columns "
            f"{listed(others)} beside these and the ids.{ignored} No store was created: name them in `keep` "
            "if conditions compare them, or leave them out.",
            column=others[0],
            reason="columns",
        )
    columns = Columns.recognised(frame, [], False, None, id, None, False, keep, booleans, reading, text)
    known = {column.name: column for column in columns.all}

    def labels(role: str) -> Column:
        return Column(roles[role], role, "whole" if are_whole(frame, roles[role]) else "category")

    columns.all = [labels("user"), labels("item")]
    columns.all += [replace(known[roles["rating"]], role="rating", kind="number")] if "rating" in roles else []
    columns.all += [known[name] for name in keep]
    return columns


def interactions_of(columns: Columns, block: Block, *, rated: bool) -> Interactions:
    """What a recommender's methods take as X."""
    X: dict[str, Any] = {}
    for role, name in zip(ROLES, columns.named("feature"), strict=False):
        X[name] = _coded(role, name, block[name])
    for name in columns.named("target") if rated else ():
        X[name] = block[name]
    return Interactions(X)


def _coded(role: str, name: str, labels: np.ndarray | Category) -> np.ndarray | Coded:
    if not isinstance(labels, Category):
        return labels
    missing = np.flatnonzero(labels.codes < 0)
    if len(missing):
        raise missing_label(role, int(missing[0]), name)
    return Coded(labels.codes.astype(np.int32), labels.levels)


def missing_label(role: str, row: int, name: str) -> InvalidValueError:
    """The error of a row without a user or item."""
    return InvalidValueError(
        f"The {role} in row {row} (counted from 0), column {shown(name)}, is missing. Nothing was changed: drop the "
        "row.",
        row=row,
        column=name,
        reason="not finite",
    )


def check_whose(model: Any, role: Any) -> None:
    """Refuse a role whose labels are neither users nor items, and any role where there are none."""
    refuse_recommending(model, "users or items")
    if role not in ROLES[:2]:
        raise StoreError(
            f"`role` must be 'user' or 'item', not {shown(role)}. Nothing was done: pass one of these.",
            value=role,
            reason="argument",
        )


def refuse_recommending(model: Any, what: str) -> None:
    """Refuse what recommenders alone answer."""
    if not takes_interactions(model):
        raise UnsupportedError(
            f"This is a store of {type(model).__name__}, which has no {what}. Nothing was done: recommenders (ItemKNN, "
            "EASE) have some; use `predict` here.",
            reason="learner",
        )
