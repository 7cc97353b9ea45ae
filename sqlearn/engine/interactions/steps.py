"""Ratings as whole numbers of steps, and the sums of each item that its mean and its norm are computed from."""

from dataclasses import dataclass

import numpy as np

from sqlearn.engine.interactions.given import SCALE
from sqlearn.engine.interactions.index import Arrays
from sqlearn.engine.kernels import kernel

MOST_STEPS = 1 << 20  # of a rating
LARGEST_SUM = 1 << 62  # of squares of one item's ratings, in steps


@dataclass(frozen=True)
class Steps:
    """What ratings are whole numbers of.

    Attributes
    ----------
    step : int
        The step in millionths.
    table : int64[codes]
        The rating of each code in steps; whatever else for codes that no interaction has.
    used : bool[codes]
        The codes that interactions have.
    largest : int
        The largest number of steps of a rating held, without its sign.
    """

    step: int
    table: np.ndarray
    used: np.ndarray
    largest: int

    @property
    def size(self) -> float:
        """The step as a float64."""
        return self.step / SCALE


def steps_of(units: np.ndarray, used: np.ndarray, given: int | None) -> Steps:
    """The steps of ratings.

    Parameters
    ----------
    units : int64[codes]
        The rating of each code in millionths.
    used : bool[codes]
        The codes that interactions have.
    given : int or None
        The step in millionths; None for the largest of which all ratings are multiples.
    """
    step = given or int(np.gcd.reduce(np.abs(units[used]), initial=0)) or SCALE
    table = np.where(used, units, 0) // step
    return Steps(step, table, used, int(np.abs(table).max(initial=0)))


@kernel
def count_codes(codes, sign, counts):
    """Count codes that come or go; whether one came that was not there, or the last of its kind went."""
    changed = False
    for code in codes:
        counts[code] += sign
        changed |= counts[code] == (1 if sign > 0 else 0)
    return changed


@kernel
def add_to_sums(items, codes, table, used, sign, sums, squares):
    """Add to the sum and the sum of squares of each entry's item, in steps, or subtract; False if a code is unknown."""
    for code in codes:
        if code >= len(used) or not used[code]:
            return False
    for r in range(len(items)):
        k = table[codes[r]] * sign
        sums[items[r]] += k
        squares[items[r]] += k * table[codes[r]]
    return True


@kernel
def _all_sums(index, table, sums, squares):
    for u in range(len(index.user_start)):
        first = index.user_start[u]
        for p in range(first, first + index.user_length[u]):
            k = table[index.code[p]]
            sums[index.item[p]] += k
            squares[index.item[p]] += k * k


def all_sums(index: Arrays, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums and sums of squares of all items, in steps."""
    sums, squares = (np.zeros(len(index.item_start), np.int64) for _ in range(2))
    _all_sums(index, table, sums, squares)
    return sums, squares


def roots(counts: np.ndarray, sums: np.ndarray, squares: np.ndarray, largest: int) -> np.ndarray:
    """The root of the number of an item's ratings times that of their variance, times the number once more.

    The norm of an item's centred ratings, in steps and times the number of them: sqrt(n) sqrt(n Q - A^2), of which
    both factors are integers under a root, each rounded once.
    """
    n = int(counts.max(initial=0))
    if n * n * largest * largest < 1 << 61:
        spreads = (counts * squares - sums * sums).astype(np.float64)
    else:
        whole = counts.astype(object) * squares.astype(object) - sums.astype(object) ** 2
        spreads = np.array([float(spread) for spread in whole])
    result: np.ndarray = np.sqrt(counts.astype(np.float64)) * np.sqrt(spreads)
    return result


def means(counts: np.ndarray, sums: np.ndarray, step: int) -> np.ndarray:
    """Mean ratings of items, each rounded once."""
    if max(int(np.abs(sums).max(initial=0)) * step, int(counts.max(initial=0)) * SCALE) < 1 << 53:
        exact: np.ndarray = (sums * step) / (counts * SCALE)
        return exact
    return np.array([total * step / (n * SCALE) for total, n in zip(sums.tolist(), counts.tolist(), strict=True)])
