"""The canonical bytes of all interactions, in which no slot and no order of arrival shows."""

import json
from dataclasses import dataclass

import numpy as np

from sqlearn.engine.interactions.index import Arrays
from sqlearn.engine.interactions.names import Label
from sqlearn.engine.kernels import copy_first, kernel
from sqlearn.engine.sums import UNFIT
from sqlearn.errors import FormatError


@dataclass
class Table:
    """Interactions by user.

    Attributes
    ----------
    labels : list of list
        Sorted labels of users and items, and sorted ratings in millionths.
    users, items : int32[n]
        Places of users and items in these, by user and then by item.
    codes : uint16[n]
        Places of ratings; 0 where there are none.
    """

    labels: list[list[Label]]
    users: np.ndarray
    items: np.ndarray
    codes: np.ndarray


@kernel
def _rows(index, users, places, code_places, items, codes):
    """Write places of items and of codes, user by user, sorted by item."""
    n = 0
    for u in users:
        first = n
        for p in range(index.user_start[u], index.user_start[u] + index.user_length[u]):
            items[n], codes[n] = places[index.item[p]], code_places[index.code[p]]
            n += 1
        order = np.argsort(items[first:n])
        copy_first(items[first:n][order], items[first:], n - first)
        copy_first(codes[first:n][order], codes[first:], n - first)


def packed(
    index: Arrays, users: np.ndarray, items: np.ndarray, codes: np.ndarray, labels: list[list[Label]]
) -> bytes:  # fmt: skip
    """Interactions as bytes: labels, the number of each user's, places of their items and ratings.

    Parameters
    ----------
    index : Arrays
        The interactions.
    users, items, codes : int64[k]
        The slots that are held, in the order of their labels.
    labels : list of list
        These labels.
    """
    lengths = index.user_length[users]
    n = int(lengths.sum())
    places = np.zeros(len(index.item_start), np.int32)
    places[items] = np.arange(len(items))
    code_places = np.zeros(1 + int(codes.max(initial=0)), np.uint16)
    code_places[codes] = np.arange(len(codes))
    found, ratings = np.empty(n, np.int32), np.empty(n, np.uint16)
    _rows(index, users, places, code_places, found, ratings)
    lines = b"".join(json.dumps(column).encode() + b"\n" for column in labels)
    of_ratings = ratings.astype("<u2").tobytes() if len(codes) else b""
    return lines + lengths.astype("<i8").tobytes() + found.astype("<i4").tobytes() + of_ratings


def unpacked(data: bytes) -> Table:
    """What :func:`packed` gave, in places instead of slots.

    Raises
    ------
    FormatError
        When the bytes cannot be that.
    """
    *lines, rest = data.split(b"\n", 3)
    labels = [json.loads(line) for line in lines]
    if len(labels) != 3 or not all(isinstance(column, list) for column in labels):
        raise FormatError(UNFIT)
    n_users = len(labels[0])
    lengths = np.frombuffer(rest, "<i8", n_users).astype(np.int64)
    n, width = int(lengths.sum()), 6 if labels[2] else 4
    if lengths.min(initial=1) < 1 or len(rest) != 8 * n_users + width * n:
        raise FormatError(UNFIT)
    items = np.frombuffer(rest, "<i4", n, 8 * n_users).astype(np.int32)
    codes = np.zeros(n, np.uint16)
    if labels[2]:
        codes[:] = np.frombuffer(rest, "<u2", n, 8 * n_users + 4 * n)
    users = np.repeat(np.arange(n_users, dtype=np.int32), lengths)
    ascending = (np.diff(items) > 0) | (np.diff(users) > 0)
    within = n == 0 or (0 <= items.min() and items.max() < len(labels[1]))
    if not (within and ascending.all() and (not labels[2] or codes.max(initial=0) < len(labels[2]))):
        raise FormatError(UNFIT)
    return Table(labels, users, items, codes)
