"""From what callers pass to a store to what its parts take: paths, seconds, names, values to look for, ids."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from numbers import Rational, Real
from pathlib import Path
from typing import Any

import numpy as np

from sqlearn.errors import StoreError, TableError, UnknownIdError, shown

_LONGEST = (2**31 - 1) / 1000  # seconds: SQLite counts milliseconds in 31 bits
_MOST = 2**1023  # of a whole number or a fraction: float64 ends there
_TEXT_OR_BYTES = str | bytes | bytearray | memoryview


def _unfit(given: Any, wanted: str, advice: str) -> StoreError:
    return StoreError(f"{wanted}, not {shown(given)}. {advice}", value=given, reason="argument")


def as_path(path: str | os.PathLike[str]) -> Path:
    """The path of a file."""
    try:
        given = os.fspath(path)
        os.fsencode(given)
    except (TypeError, UnicodeError):
        given = None
    if not isinstance(given, str) or "\0" in given or not given:
        wanted = "The path of a file must be text or a Path"
        raise _unfit(path, wanted, "Nothing was done: pass where the file is or should be.")
    return Path(given)


def as_seconds(timeout: Any) -> float:
    """How long to wait for other processes."""
    is_number = type(timeout) in (int, float) or isinstance(timeout, np.integer | np.floating)
    if not is_number or isinstance(timeout, np.timedelta64) or not 0 <= timeout <= _LONGEST:
        wanted = "`timeout` must be a number of seconds of at least 0"
        raise _unfit(timeout, wanted, "Nothing was done: pass one, such as 5.0.")
    return float(timeout)


def as_flag(given: Any, what: str) -> bool:
    """True or False, and nothing else: the text "no" would be true."""
    if not isinstance(given, bool | np.bool_):
        raise _unfit(given, f"`{what}` must be True or False", "Nothing was changed: pass one of these.")
    return bool(given)


def as_reading(reading: Any) -> dict[str, Any]:
    """How a table was read, in JSON's types."""
    if not isinstance(reading, Mapping | None):
        wanted = "`reading` must be a dict that can be written as JSON"
        raise _unfit(reading, wanted, "No store was created: leave it out.")
    try:
        json.dumps(told := dict(reading or {}))
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(
            f"`reading` cannot be written as JSON: {error}. No store was created: leave it out.", reason="argument"
        ) from error
    return told


def as_list(given: Any) -> list[Any]:
    """A list of what was given: several, or one. Text, a mapping and an array without dimensions are one."""
    if isinstance(given, np.ndarray) and not given.ndim:
        return [given[()]]
    single = isinstance(given, _TEXT_OR_BYTES | Mapping) or not isinstance(given, Iterable)
    return [given] if single or getattr(given, "ndim", 1) == 0 else list(given)


def as_names(names: Any, what: str) -> list[str]:
    """Names of columns: one, several, or None for none."""
    if names is None:
        return []
    listed = as_list(names)
    odd = [name for name in listed if not isinstance(name, str)]
    if odd:
        raise TableError(
            f"`{what}` must name columns by text, not by {shown(odd[0])}. Nothing was done: pass a name or a list of "
            "names.",
            value=odd[0],
            reason="columns",
        )
    return [str(name) for name in listed]


def as_values(values: Any) -> set[Any]:
    """Numbers and texts to look for."""
    no_list = isinstance(values, _TEXT_OR_BYTES | Mapping) or getattr(values, "ndim", 1) == 0
    single = no_list or not isinstance(values, Iterable)
    listed = [] if single else [value.item() if isinstance(value, np.generic) else value for value in values]
    value: Any
    for i, value in enumerate(listed):
        too_large = isinstance(value, Rational) and abs(Fraction(value)) > _MOST
        if too_large or not isinstance(value, str | Real):
            raise StoreError(
                f"Values to look for must be numbers or text that a store can hold, not {shown(value)} (position {i}, "
                "counted from 0). Nothing was searched: leave it out.",
                value=value,
                reason="argument",
            )
    if single:
        wanted = "`values` must be a list of numbers and text to look for"
        raise _unfit(values, wanted, "Nothing was searched: pass [value] for a single one.")
    return set(listed)


def named_ids(ids: Any, textual: bool, of: str = "this store", compare: str = "ids()") -> list[Any]:
    """Ids as rows have them: all text, or all whole numbers; errors say `of` what, and what to compare them with.

    Raises
    ------
    UnknownIdError
        When one is of another kind, or when `ids` is neither an id nor a sequence of ids.
    """
    kind = "text" if textual else "whole numbers"
    if isinstance(ids, Mapping) or hasattr(ids, "columns"):
        raise UnknownIdError(
            f"`ids` must be an id or a list of ids, not a {type(ids).__name__}. Nothing was changed: pass one column "
            "of it."
        )
    single = isinstance(ids, _TEXT_OR_BYTES) or not isinstance(ids, Iterable) or getattr(ids, "ndim", 1) == 0
    listed = [id.item() if isinstance(id, np.generic) else id for id in as_list(ids)]
    for i, id in enumerate(listed):
        if type(id) is not (str if textual else int):
            place = "" if single else f" (position {i}, counted from 0)"
            raise UnknownIdError(
                f"{shown(id)}{place} is not an id of {of}, whose ids are {kind}. Nothing was changed: compare "
                f"with {compare}.",
                value=id,
            )
    return listed


def check_given_once(ids: Sequence[Any]) -> None:
    """Refuse an id that is given twice."""
    if len(set(ids)) == len(ids):
        return
    seen: set[Any] = set()
    for i, id in enumerate(ids):
        if id in seen:
            raise UnknownIdError(
                f"The id {shown(id)} is given twice, again at position {i} (counted from 0). Nothing was changed: give "
                "it once.",
                value=id,
            )
        seen.add(id)
