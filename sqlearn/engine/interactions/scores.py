"""Scores of items for one user: a mean over her nearest items, weighted by similarity, or a sum of similarities.

Her items are taken in the order of their labels. Of each target, the `max_nbrs` most similar of them are kept, of
equal ones those whose labels come first, and summed in the order of the labels. So no order of arrival shows.
"""

from typing import NamedTuple

import numpy as np

from sqlearn.engine.interactions.rows import similar
from sqlearn.engine.kernels import copy_first, kernel

_SPARE = 32  # neighbours of an item beyond those that count, before the least similar ones are taken out


class Neighbours(NamedTuple):
    """The nearest of a user's items, of each target by slot.

    Attributes
    ----------
    number : int64[items]
        How many there are now.
    least : float64[items]
        What another one must exceed: as many as may be are that similar. -1 at first.
    similarity, place : float64[items, k], int32[items, k]
        The similarities, and the places in the user's history, which ascend: with more than may be, the least similar
        ones are taken out now and then.
    total, weight : float64[items]
        Sums of ratings times similarities, and of similarities.
    scratch : float64[k]
        Room for similarities of one target.
    """

    number: np.ndarray
    least: np.ndarray
    similarity: np.ndarray
    place: np.ndarray
    total: np.ndarray
    weight: np.ndarray
    scratch: np.ndarray


@kernel
def _largest(values, n, k):
    """The `k`-th largest of the first `n` values, which are put into another order."""
    low, high, at = 0, n - 1, k - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] > pivot:
                left += 1
            while values[right] < pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if at <= right:
            high = right
        elif at >= left:
            low = left
        else:
            break
    return values[at]


@kernel
def _thin_out(j, most, near):
    """Keep the `most` nearest of a target, of equal ones the first."""
    n, scratch = near.number[j], near.scratch
    similarity, place = near.similarity[j], near.place[j]
    copy_first(similarity, scratch, n)
    least = _largest(scratch, n, most)
    ties = most
    for k in range(n):
        ties -= similarity[k] > least
    kept = 0
    for k in range(n):
        value, is_tie = similarity[k], similarity[k] == least
        similarity[kept], place[kept] = value, place[k]
        kept += value > least or (is_tie and ties > 0)
        ties -= is_tie
    near.number[j], near.least[j] = most, least


@kernel
def offer(n, at, value, most, reading, near):
    """Offer the item at place `at` of the history to its `n` similar items, of which each takes `most`; 0 for all.

    `value` is what the user gave it.
    """
    found, similarity, room = reading.found, reading.similarity, near.similarity.shape[1]
    for k in range(n):
        j, weight = np.uint64(found[k]), similarity[k]
        if weight <= near.least[j]:
            continue
        size = near.number[j]
        near.number[j] = size + 1
        if most == 0:
            near.total[j] += weight * value
            near.weight[j] += weight
            continue
        near.similarity[j, size], near.place[j, size] = weight, at
        if size + 1 == room:
            _thin_out(found[k], most, near)


@kernel
def settle(values, most, min_nbrs, rated, near, scores):
    """Write the scores, NaN where there are too few neighbours: means of `values`, or sums of similarities."""
    for j in range(len(scores)):
        if near.number[j] < max(min_nbrs, 1):
            scores[j] = np.nan
            continue
        if near.number[j] > most > 0:
            _thin_out(j, most, near)
        total, weight = near.total[j], near.weight[j]
        if most > 0:
            for k in range(near.number[j]):
                total += near.similarity[j, k] * values[near.place[j, k]]
                weight += near.similarity[j, k]
        scores[j] = total / weight if rated else weight


@kernel
def score_all(index, history, values, most, min_nbrs, reading, rules, near, scores):
    """Write the scores of all items for a user with this history."""
    for at in range(len(history)):
        offer(similar(index, history[at], reading, rules, False), at, values[at], most, reading, near)
    settle(values, most, min_nbrs, rules.rated, near, scores)


def neighbours(items: int, most: int) -> Neighbours:
    """Room for so many neighbours of each item; 0 for all."""
    room = most + min(most, _SPARE)
    return Neighbours(
        np.zeros(items, np.int64), np.full(items, -1.0), np.empty((items, room)), np.empty((items, room), np.int32),
        np.zeros(items), np.zeros(items), np.empty(room),
    )  # fmt: skip
