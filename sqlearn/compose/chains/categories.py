"""Categories that come in: those that the encoders of a chain refuse are refused with the row that has them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer

from sqlearn.compose.chains.columns import SIDE_BY_SIDE, flat, is_dropped, outer, parts_of
from sqlearn.engine.chains import ENCODERS, EncodedRounds, Ranked
from sqlearn.engine.sums import Statistic
from sqlearn.engine.tables import TableGram
from sqlearn.errors import InvalidValueError, MergeError, ParameterError, shown
from sqlearn.preprocessing.encoding import given_levels

_Read = tuple[Any, list[int], bool]  # an encoder, the positions of its columns, whether gaps are filled before it


def check_categories(
    steps: Any, width: int, names: Sequence[str] | None, places: list[int], codes: np.ndarray, levels: list[list[Any]]
) -> None:  # fmt: skip
    """Refuse rows with categories that are not among those given to the encoder which reads them.

    Parameters
    ----------
    steps : Steps
        The steps.
    width : int
        Number of columns of the input.
    names : list of str or None
        Their names.
    places : list of int
        The positions of the columns that are taken as categories.
    codes : int64[n, len(places)]
        The rows: places in `levels`, -1 for missing ones.
    levels : list of list
        The categories of each of these columns.

    Raises
    ------
    InvalidValueError
        At the first of them.
    ParameterError
        Where the number of given categories is not that of the columns.
    """
    for encoder, own_places, is_filled in _encoders(flat(steps), list(range(width)), names):
        given = encoder.categories
        if isinstance(given, str):
            continue
        if len(given) != len(own_places):
            raise ParameterError(
                f"{type(encoder).__name__} has categories for {len(given)} columns, and {len(own_places)} come to it. "
                "Nothing was changed: list those of each column.",
                value=given,
            )
        for j, (column, place) in enumerate(zip(given, own_places, strict=True)):
            known, takes_missing = given_levels(column, j)
            if encoder.handle_unknown != "error" or place not in places:
                continue
            k = places.index(place)
            wrong = [code for code, level in enumerate(levels[k]) if level not in known]
            _refuse(
                codes[:, k], [*wrong, *([] if takes_missing or is_filled else [-1])], levels[k],
                place if names is None else names[place],
                f"is not among the categories given to {type(encoder).__name__}. Nothing was changed: list it among "
                "`categories`, or set handle_unknown.",
                of_kinds=False,
            )  # fmt: skip


def check_kinds(statistic: Statistic, columns: list[Any], codes: np.ndarray, levels: list[list[Any]]) -> None:
    """Refuse numbers in columns of text, and text in columns of numbers, which encoders do not take.

    Parameters
    ----------
    statistic : Statistic
        What holds the records so far.
    columns : list
        Names or positions of the columns that are taken as categories.
    codes, levels
        See :func:`check_categories`.
    """
    for column, own, found, held in zip(columns, codes.T, levels, kinds_held(statistic, len(columns)), strict=True):
        kinds = [isinstance(level, str) for level in found]
        first = own[own >= 0][:1].tolist()
        is_text = held.pop() if held else bool(first) and kinds[first[0]]
        wrong = [code for code, kind in enumerate(kinds) if kind != is_text]
        _refuse(
            own, wrong, found, column,
            f"does not fit the other values of the column, which are {'text' if is_text else 'numbers'}: encoders take "
            "columns that are uniformly strings or numbers. Nothing was changed: convert the column to one type.",
            of_kinds=True,
        )  # fmt: skip


def check_kinds_held(statistic: Statistic, columns: list[Any]) -> None:
    """Refuse text beside numbers in what two models hold together; arguments are as of :func:`check_kinds`.

    Raises
    ------
    MergeError
        At the first column that has both.
    """
    for column, held in zip(columns, kinds_held(statistic, len(columns)), strict=True):
        if len(held) > 1:
            raise MergeError(
                f"Column {column!r} has text in one of these models and numbers in the other, and encoders take "
                "columns that are uniformly strings or numbers. Nothing was changed: convert the column to one type, "
                "and fit anew the model that had the other.",
                column=column,
                reason="label",
            )


def _refuse(codes: np.ndarray, wrong: list[int], levels: list[Any], column: Any, why: str, *, of_kinds: bool) -> None:
    rows = np.flatnonzero(np.isin(codes, wrong))
    if len(rows):
        row, code = int(rows[0]), int(codes[rows[0]])
        value = levels[code] if code >= 0 else np.nan
        what = f"category {shown(value)}" if code >= 0 else "missing value"
        raise InvalidValueError(
            f"The {what} in row {row} (counted from 0), column {column!r}, {why}",
            row=row,
            column=column,
            value=value,
            reason="not numeric" if of_kinds else "out of range",
        )


def _encoders(rest: list[Any], places: list[int], names: Sequence[str] | None) -> Iterator[_Read]:
    """The encoders that read columns as they came in, but for what fills gaps."""
    is_filled = False
    for k, step in enumerate(rest):
        if isinstance(step, SIDE_BY_SIDE) and not k:
            own = None if names is None else [names[place] for place in places]
            for part in parts_of(step, len(places), own):
                if not is_dropped(part.step):
                    inner = flat([(part.name, part.step)]) + rest[1:]
                    yield from _encoders(inner, outer(places, part.places), names)
            return
        if isinstance(step, ENCODERS):
            yield step, places, is_filled
        if not isinstance(step, SimpleImputer) or step.add_indicator:
            return
        is_filled = True


def kinds_held(statistic: Statistic, n: int) -> list[set[bool]]:
    """Of each of n columns of categories, whether text is held and whether other values are."""
    if isinstance(statistic, Ranked):
        statistic = statistic.sums
    found: list[set[bool]] = [set() for _ in range(n)]
    if isinstance(statistic, TableGram | EncodedRounds):
        own = statistic if isinstance(statistic, TableGram) else statistic.sums.categories
        columns = {own.place(j): j for j in range(n)}
        for place, level in own.vocabulary.slots:
            if place in columns:
                found[columns[place]].add(isinstance(level, str))
    return found
