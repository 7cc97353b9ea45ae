"""The Gram matrix of users' interactions, for EASE: how many users have both of two items, or sums of products."""

import numpy as np

from sqlearn.engine.interactions.index import Arrays
from sqlearn.engine.kernels import copy_first, kernel

_ONE = np.ones(1, np.int64)


@kernel
def _fill(index, users, places, table, rated, items, values, gram):
    for u in users:
        n, start = index.user_length[u], index.user_start[u]
        for p in range(n):
            items[p] = places[index.item[start + p]]
        order = np.argsort(items[:n])
        for p in range(n):
            values[p] = table[index.code[start + order[p]]] if rated else 1
        copy_first(items[:n][order], items, n)
        for p in range(n):
            row, value = gram[items[p]], values[p]
            for q in range(p, n):
                row[items[q]] += value * values[q]


@kernel
def _mirror(gram):
    for a in range(len(gram)):
        for b in range(a):
            gram[a, b] = gram[b, a]


def gram_of(index: Arrays, users: np.ndarray, items: np.ndarray, table: np.ndarray | None) -> np.ndarray:
    """Sums of products of all pairs of these items over these users, int64[items, items].

    Parameters
    ----------
    index : Arrays
        The interactions.
    users, items : int64[k]
        Slots that are held.
    table : int64[codes] or None
        Values of codes; None for 1 each.
    """
    places = np.zeros(len(index.item_start), np.int64)
    places[items] = np.arange(len(items))
    gram = np.zeros((len(items), len(items)), np.int64)
    most = int(index.user_length.max(initial=0))
    values = _ONE if table is None else table
    _fill(index, users, places, values, table is not None, np.empty(most, np.int64), np.empty(most, np.int64), gram)
    _mirror(gram)
    return gram
