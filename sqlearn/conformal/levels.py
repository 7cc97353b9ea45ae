"""Confidence levels: as users give them, and as numbers of records."""

from collections.abc import Iterable
from fractions import Fraction
from math import floor
from numbers import Real
from typing import Any

from sqlearn.errors import ParameterError, shown


def checked_levels(given: Any) -> list[float]:
    """The levels that a user gave: one, or several.

    Raises
    ------
    ParameterError
        If one is no number between 0 and 1, or there is none.
    """
    several = isinstance(given, Iterable) and not isinstance(given, str | bytes | dict)
    levels = list(given) if several else [given]
    for level in levels:
        if isinstance(level, bool) or not isinstance(level, Real) or not 0.0 < float(level) < 1.0:
            raise ParameterError(
                f"confidence_level is a share of the cases between 0 and 1, or a list of them, and {shown(level)} is "
                "none. Nothing was changed: pass 0.9, say.",
                value=level,
            )
    if not levels:
        raise ParameterError("confidence_level is an empty list. Nothing was changed: pass at least one level.")
    return [float(level) for level in levels]


def missed(level: float) -> Fraction:
    """One less the level, as the decimals say that were written: 1/10 for 0.9, whose float is not 9/10."""
    return 1 - Fraction(repr(level))


def fewest(level: float, n_records: int) -> int:
    """How many of `n_records` held and one candidate are as strange as a candidate in the set, itself included.

    Its p-value, their share, is then greater than one less the level.
    """
    return floor(missed(level) * (n_records + 1)) + 1
