"""Names of groups: which shard a record is in, where the user says so."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sqlearn.engine.identity import PLAIN_LABELS, LabelError, canonical_label
from sqlearn.errors import InvalidValueError, ShapeError, shown

_ADVICE = "Nothing was changed: pass strings or numbers, one for each row."


@dataclass
class Grouped:
    """Features as a verb was given them, and the group of each row; None where none were given."""

    X: Any
    groups: Any


def group_codes(groups: Any, n: int) -> tuple[np.ndarray, list[Any]]:
    """The group of each of `n` rows as an index, int64[n], into names in canonical form.

    Equal names of any type are one group: 1, 1.0, True and ``np.int32(1)``. The string "1" is another.

    Raises
    ------
    InvalidValueError, ShapeError
        With the row, where something names no group, or there is not one name for each row.
    """
    codes, known, names = np.empty(n, np.int64), dict[Any, int](), list[Any]()
    for row, value in enumerate(_listed(groups, n)):
        code = known.get(value) if type(value) in PLAIN_LABELS else None
        if code is None:
            name = group_name(value, row)
            code = known.setdefault(name, len(names))
            if code == len(names):
                names.append(name)
        codes[row] = code
    return codes, names


def group_name(value: Any, row: int | None = None) -> Any:
    """The one form of equal names.

    Raises
    ------
    InvalidValueError
        When it is neither a string nor a finite number.
    """
    where = "" if row is None else f" in row {row} (counted from 0)"
    try:
        name = canonical_label(value)
    except LabelError as error:
        raise InvalidValueError(
            f"{shown(value)}{where} is not the name of a group. {_ADVICE} A pair or a date can be made a string first.",
            row=row,
            value=value,
            reason="label",
        ) from error
    if isinstance(name, float) and not math.isfinite(name):
        raise InvalidValueError(
            f"The group{where} is {shown(value)}, which is missing or infinite. {_ADVICE} Rows of no group can have a "
            "name of their own, such as 'none'.",
            row=row,
            value=value,
            reason="not finite",
        )
    return name


def names_of(names: Any) -> list[Any]:
    """Names in canonical form, each once, from a list of them or a single one."""
    values = _values(names)
    return list(dict.fromkeys(map(group_name, [names] if values is None else values)))


def _listed(groups: Any, n: int) -> list[Any]:
    values = _values(groups)
    if values is None and n == 1:
        values = [groups]
    if values is None or len(values) != n:
        found = shown(groups) if values is None else f"{len(values)} names"
        raise ShapeError(f"groups is {found}, for {n} rows. {_ADVICE}", reason="shape")
    return values


def _values(groups: Any) -> list[Any] | None:
    """The items of a list, an array or a Series as they are; None for a single name."""
    if isinstance(groups, str | bytes) or not isinstance(groups, Iterable):
        return None
    if isinstance(groups, list | tuple):
        return list(groups)
    ordered = hasattr(groups, "__len__") and not isinstance(groups, set | frozenset | dict)
    found = groups if isinstance(groups, np.ma.MaskedArray) else np.asarray(groups)
    if not ordered or found.ndim > 1:
        raise ShapeError(
            f"groups is {shown(groups)}, which has not one name after the other. {_ADVICE}", reason="shape"
        )
    if found.ndim == 0:
        return None
    return found.tolist() if found.dtype.kind in "iufbUTO" else list(found)
