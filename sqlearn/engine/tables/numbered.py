"""Categories as numbers: for learners whose records are numbers, of which they ask only whether two are equal.

The number of a category is a hash of it, so none has to be remembered, and a category whose last record goes leaves
nothing. A missing one is NaN.
"""

from typing import Any

import numpy as np

from sqlearn.engine.boosting import coded
from sqlearn.engine.identity import label_words
from sqlearn.engine.tables.table import split

LARGEST = float(np.finfo(np.float32).max)  # of numbers, as trees see them
_SIGN, _FRACTION = np.uint64(1 << 63), np.uint64((1 << 52) - 1)
_EXPONENTS, _LOWEST = np.uint64(127), np.uint64(1023 - 64)


def numbers_of(levels: list[Any]) -> np.ndarray:
    """The numbers of canonical categories, float64[n + 1], and NaN for a missing one behind them.

    60 bits of the hash are sign, fraction and 7 bits of the exponent of a float64 between 2**-64 and 2**64. Rounded to
    float32, it keeps 31 of them.
    """
    if not levels:
        return np.full(1, np.nan)
    words = np.array([label_words(level)[0] for level in levels], np.uint64)
    exponents = ((words >> np.uint64(52)) & _EXPONENTS) + _LOWEST
    bits = (words & (_SIGN | _FRACTION)) | (exponents << np.uint64(52))
    return np.append(bits.view(np.float64), np.nan)


def numbered(table: Any, is_categorical: np.ndarray) -> np.ndarray:
    """A checked table as numbers, float64[n, d]: see :func:`~sqlearn.engine.tables.table.split`."""
    return joined(*split(table, is_categorical), is_categorical)


def joined(numbers: np.ndarray, codes: np.ndarray, levels: list[list[Any]], is_categorical: np.ndarray) -> np.ndarray:
    """Numbers and categories as numbers, each column in its place, float64[n, d]."""
    x = np.empty((len(numbers), len(is_categorical)))
    x[:, ~is_categorical] = numbers
    for k, j in enumerate(np.flatnonzero(is_categorical)):
        x[:, j] = numbers_of(levels[k])[codes[:, k]]
    return x


class Numbers:
    """What encodes tables for learners of :func:`numbered` records: one column for each.

    Parameters
    ----------
    is_categorical : bool[d]
        Which columns hold categories.
    bins : list of float64[n] or None, optional
        Of each column the categories that have bins, which then take the place of their numbers.
    """

    def __init__(self, is_categorical: np.ndarray, bins: list[np.ndarray | None] | None = None) -> None:
        self.is_categorical, self.bins = is_categorical, bins

    def transform(self, x: np.ndarray, codes: np.ndarray, levels: list[list[Any]]) -> np.ndarray:
        """What :func:`~sqlearn.engine.tables.table.split` returned, as numbers that float32 holds, float64[n, d]."""
        found: np.ndarray = np.clip(joined(x, codes, levels, self.is_categorical), -LARGEST, LARGEST)
        return found if self.bins is None else coded(found, self.bins)
