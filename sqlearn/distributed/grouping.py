"""Equal values among many: how many are before each, and where those of each value are."""

from collections.abc import Iterator

import numpy as np


def begins(*columns: np.ndarray) -> np.ndarray:
    """Where values begin that are together, int64[n_values]: rows of these columns."""
    differs = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return np.flatnonzero(np.append(len(columns[0]) > 0, differs))


def ranks(values: np.ndarray) -> np.ndarray:
    """How many equal ones are before each of these integers, or of these rows of integers, int64[n]."""
    n = len(values)
    if n == 1:
        return np.zeros(1, np.int64)
    columns = values.T if values.ndim > 1 else values[None]
    order = np.lexsort(columns[::-1])
    starts = begins(*columns[:, order])
    found = np.empty(n, np.int64)
    found[order] = np.arange(n) - np.repeat(starts, np.diff(np.append(starts, n)))
    return found


def groups(keys: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each of these integers once, ascending, and where it is, ascending, int64[n]."""
    order = np.argsort(keys, kind="stable")
    for places in np.split(order, begins(keys[order])[1:]):
        if len(places):
            yield int(keys[places[0]]), places
