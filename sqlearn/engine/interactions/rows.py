"""Similarities of one item to all others, from integers that are summed over the users who have it.

With ratings k in steps, n and A the number and the sum of an item's ratings, and a sum over the users who have both,

    D = sum (n_i k_i - A_i) (n_j k_j - A_j) = n_j P - A_j C,  C = sum (n_i k_i - A_i),  P = sum (n_i k_i - A_i) k_j

is n_i n_j times the product of the centred ratings, exactly, and the similarity is D / (root_i root_j): roots are those
of :func:`~sqlearn.engine.interactions.steps.roots`. C and P are the *raw row* of item i. A user without the item has no
term in it, so it changes only when one of the item's users does. Where they fit, both are summed in one word.
"""

from typing import NamedTuple

import numpy as np

from sqlearn.engine.interactions.wide import pair_term
from sqlearn.engine.kernels import kernel

COUNTS, NARROW, BOTH, WIDE = 0, 1, 2, 4  # forms of a raw row: words per item are 1, 1, 2, 4


class Reading(NamedTuple):
    """What all items have, by slot, and scratch.

    Attributes
    ----------
    counts, sums : int64[items]
        Number of interactions, sum of ratings in steps.
    roots : float64[items]
        Norms; see :func:`~sqlearn.engine.interactions.steps.roots`.
    table : int64[codes]
        Ratings in steps.
    order : int64[items]
        In which order items are read.
    ranks : int64[items]
        The place of each item in the order of the labels; empty where no tie is broken by it.
    raw : int64[4 * items]
        Room for a raw row; zeros between calls.
    users, terms : int64[n]
        Room for the users of an item.
    found, first, second, similarity : int64[items + 1] or float64[items + 1]
        Room for the items of a row that are not zero, its words, and similarities: where a row's similar items go.
    """

    counts: np.ndarray
    sums: np.ndarray
    roots: np.ndarray
    table: np.ndarray
    order: np.ndarray
    ranks: np.ndarray
    raw: np.ndarray
    users: np.ndarray
    terms: np.ndarray
    found: np.ndarray
    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray


class Rules(NamedTuple):
    """Which similarities count.

    Attributes
    ----------
    rated : bool
        Whether interactions have ratings.
    largest, most : int
        The largest rating in steps, without its sign, and the most interactions of an item.
    min_sim : float
        The least similarity.
    save_nbrs : int
        How many of an item's neighbours are looked at; 0 for all.
    """

    rated: bool
    largest: int
    most: int
    min_sim: float
    save_nbrs: int


@kernel
def _bits(value):
    n = 0
    while value > 0:
        value >>= 1
        n += 1
    return n


@kernel
def needs_wide(size, rules):
    """Whether n P and A C may need more than 64 bits, where the magnitudes of the terms of C add up to `size`."""
    return 2.0 * size * rules.largest * rules.most >= 2.0**62


@kernel
def _users_of(index, i, reading, rules):
    """Write the users of an item and their terms n k - A.

    Returns the form of its raw row, a shift, the visits that it takes to sum it, and the size of all terms together.
    """
    first, n = index.item_start[i], index.item_length[i]
    total, visits, size = reading.sums[i], 0, 0.0
    for q in range(n):
        u = np.int64(index.user[first + q])
        start = index.user_start[u]
        reading.users[q] = u
        visits += index.user_length[u]
        if rules.rated:
            term = n * reading.table[index.code[start + index.at_user[first + q]]] - total
            reading.terms[q] = term
            size += abs(np.float64(term))
    if not rules.rated:
        return COUNTS, 0, visits, size
    bound = size * rules.largest  # of P, as `size` is of C
    if needs_wide(size, rules):
        return WIDE, 0, visits, size
    shift = _bits(np.int64(bound)) + 2
    if shift + _bits(np.int64(size)) + 1 <= 63:
        return NARROW, shift, visits, size
    return BOTH, 0, visits, size


@kernel
def _sum(index, n, form, shift, reading):
    """Sum a raw row over the first `n` of the users in `reading`."""
    raw, table, item, code = reading.raw, reading.table, index.item, index.code
    one = np.int64(1) << shift
    for q in range(n):
        u, term = reading.users[q], reading.terms[q]
        start = np.uint64(index.user_start[u])
        stop = start + np.uint64(index.user_length[u])
        if form == COUNTS:
            for p in range(start, stop):
                raw[item[p]] += 1
        elif form == NARROW:
            for p in range(start, stop):
                raw[item[p]] += term * (one + table[code[p]])
        else:
            for p in range(start, stop):
                j = np.uint64(2) * np.uint64(item[p])
                raw[j] += term
                raw[j + np.uint64(1)] += term * table[code[p]]


@kernel
def _sum_wide(index, i, reading):
    """The same as four sums, none of them of products with n or A."""
    first, raw = index.item_start[i], reading.raw
    for q in range(index.item_length[i]):
        u = index.user[first + q]
        start = index.user_start[u]
        k = reading.table[index.code[start + index.at_user[first + q]]]
        for p in range(start, start + index.user_length[u]):
            j, other = 4 * np.int64(index.item[p]), reading.table[index.code[p]]
            raw[j] += 1
            raw[j + 1] += k
            raw[j + 2] += other
            raw[j + 3] += k * other


@kernel
def _gather(raw, form, reading):
    """Put the items of a raw row that are not zero side by side, in the order of `reading`; how many there are."""
    order, found, first, second = reading.order, reading.found, reading.first, reading.second
    n = 0
    if form <= NARROW:
        for at in range(len(order)):  # without a branch, which could not be predicted
            j = np.uint64(order[at])
            found[n], first[n] = j, raw[j]
            n += raw[j] != 0
    else:
        width = np.uint64(form)
        for at in range(len(order)):
            j = np.uint64(order[at])
            found[n], first[n], second[n] = j, raw[width * j], raw[width * j + np.uint64(1)]
            n += first[n] != 0 or second[n] != 0
    return n


@kernel
def _gather_few(index, n_users, form, reading):
    """The same for the items of few users alone, in any order; they are set to zero."""
    raw, item, found, first, second = reading.raw, index.item, reading.found, reading.first, reading.second
    n, width = 0, np.uint64(max(form, 1))
    for q in range(n_users):
        u = reading.users[q]
        start = np.uint64(index.user_start[u])
        for p in range(start, start + np.uint64(index.user_length[u])):
            j = np.uint64(item[p])
            found[n], first[n] = j, raw[width * j]
            raw[width * j] = 0
            if form == BOTH:
                second[n] = raw[width * j + np.uint64(1)]
                raw[width * j + np.uint64(1)] = 0
                n += first[n] != 0 or second[n] != 0
            else:
                n += first[n] != 0
    return n


@kernel
def _compare(raw, n, i, form, shift, reading, rules):
    """Write the similarities of an item to `n` others, and keep those that count; how many do."""
    found, first, second, similarity = reading.found, reading.first, reading.second, reading.similarity
    counts, sums, roots = reading.counts, reading.sums, reading.roots
    root, beyond = roots[i], np.int64(64 - shift)
    if form == COUNTS:
        for k in range(n):
            similarity[k] = np.float64(first[k]) / (root * roots[found[k]])
    elif form == NARROW:
        for k in range(n):
            j = np.uint64(found[k])
            low = (first[k] << beyond) >> beyond
            high = (first[k] - low) >> shift
            similarity[k] = np.float64(counts[j] * low - sums[j] * high) / (root * roots[j])
    elif form == BOTH:
        for k in range(n):
            j = np.uint64(found[k])
            similarity[k] = np.float64(counts[j] * second[k] - sums[j] * first[k]) / (root * roots[j])
    else:
        for k in range(n):
            j = found[k]
            term = pair_term(
                raw[4 * j], raw[4 * j + 1], raw[4 * j + 2], raw[4 * j + 3], counts[i], sums[i], counts[j], sums[j]
            )
            similarity[k] = term / (root * roots[j])
    kept, least = 0, rules.min_sim
    for k in range(n):  # NaN, of an item whose ratings are all the same, is no similarity
        value = similarity[k]
        found[kept], similarity[kept] = found[k], min(1.0, value)
        kept += value >= least
    return kept


@kernel
def _cut(n, reading, most):
    """Keep the `most` similar ones of `n`, of equal ones those whose labels come first."""
    if most == 0 or n <= most:
        return n
    least = np.sort(reading.similarity[:n])[n - most]
    above = 0
    for k in range(n):
        above += reading.similarity[k] > least
    ranks = np.empty(n, np.int64)
    ties = 0
    for k in range(n):
        if reading.similarity[k] == least:
            ranks[ties] = reading.ranks[reading.found[k]]
            ties += 1
    last = np.sort(ranks[:ties])[most - above - 1]
    kept = 0
    for k in range(n):
        similarity, j = reading.similarity[k], reading.found[k]
        if similarity > least or (similarity == least and reading.ranks[j] <= last):
            reading.found[kept], reading.similarity[kept] = j, similarity
            kept += 1
    return kept


@kernel
def raw_row(index, i, reading, rules):
    """Sum the raw row of an item in ``reading.raw``; its form, its shift, the visits that it took, the terms' size."""
    form, shift, visits, size = _users_of(index, i, reading, rules)
    if form == WIDE:
        _sum_wide(index, i, reading)
    else:
        _sum(index, index.item_length[i], form, shift, reading)
    return form, shift, visits, size


@kernel
def read_raw(raw, i, form, shift, reading, rules):
    """Write the similar items of an item whose raw row is given; how many there are."""
    n = _gather(raw, form, reading)
    for k in range(n):
        if reading.found[k] == i:
            for later in range(k + 1, n):
                reading.found[later - 1] = reading.found[later]
                reading.first[later - 1], reading.second[later - 1] = reading.first[later], reading.second[later]
            n -= 1
            break
    return _cut(_compare(raw, n, i, form, shift, reading, rules), reading, rules.save_nbrs)


@kernel
def similar(index, i, reading, rules, ordered):
    """Write the similar items of an item, in the order of `reading` if that is asked for; how many there are."""
    form, shift, visits, _ = raw_row(index, i, reading, rules)
    raw, width = reading.raw, max(form, 1)
    for k in range(width):
        raw[width * i + k] = 0
    if form != WIDE and not ordered and 2 * visits < len(reading.order):
        n = _compare(raw, _gather_few(index, index.item_length[i], form, reading), i, form, shift, reading, rules)
    else:
        n = _compare(raw, _gather(raw, form, reading), i, form, shift, reading, rules)
        raw[: width * len(reading.counts)] = 0
    return _cut(n, reading, rules.save_nbrs)


@kernel
def similar_rows(index, items, start, reading, rules, ends, columns, values):
    """Write rows of similarities, from number `start` on, as long as there is room; the number of the next one."""
    end = 0
    for r in range(start, len(items)):
        if end + len(reading.order) > len(columns):
            return r
        n = similar(index, items[r], reading, rules, True)
        for k in range(n):
            columns[end + k], values[end + k] = reading.ranks[reading.found[k]], reading.similarity[k]
        end += n
        ends[r] = end
    return len(items)
