"""Blocks of columns: what stores, their models and conditions pass each other.

A block is a dict of column name to values in canonical form: float64[n] with NaN for missing in a column of numbers,
:class:`Category` in one of categories, datetime64[us] with NaT in one of dates, int64[n] in one of whole numbers. A
column of booleans is to its model one of categories or of numbers, and has that form in a block.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sqlearn.engine.identity import canonical_label


@dataclass(frozen=True)
class Category:
    """A column of categories.

    Attributes
    ----------
    codes : int64[n]
        Index of each value in `levels`, -1 where missing.
    levels : list
        Canonical labels, all different.
    """

    codes: np.ndarray
    levels: list[Any]

    def values(self) -> np.ndarray:
        """The labels themselves, None where missing, object[n]."""
        table = np.empty(len(self.levels) + 1, object)
        table[:-1] = self.levels
        return table[self.codes]


Block = dict[str, np.ndarray | Category]


def category_of(numbers: np.ndarray) -> Category:
    """A column of numbers as one of categories, NaN as missing."""
    values, places = np.unique(numbers, return_inverse=True)
    levels = [canonical_label(value) for value in values.tolist() if value == value]  # NaN is the last
    return Category(np.where(places < len(levels), places, -1), levels)


def length(column: np.ndarray | Category) -> int:
    """Number of rows of a block's column."""
    return len(column.codes if isinstance(column, Category) else column)


def take(block: Block, rows: Any) -> Block:
    """Some rows of a block."""
    return {
        name: Category(column.codes[rows], column.levels) if isinstance(column, Category) else column[rows]
        for name, column in block.items()
    }
