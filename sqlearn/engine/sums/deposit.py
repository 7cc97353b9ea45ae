"""Kernels that add or subtract records' terms in the limbs of an :class:`~sqlearn.engine.sums.exact.ExactSum`.

Every kernel walks rows in order and stops at the first row whose bits the window of limbs does not cover; it says which
limbs that row needs, the caller grows the window and goes on from there. How a term is taken apart is in
:mod:`~sqlearn.engine.sums.extraction`.
"""

import numpy as np

from sqlearn.engine.kernels import Postponed, float_bits, fma, kernel, trailing_zeros
from sqlearn.engine.sums.extraction import (
    NO_BITS,
    ONE,
    ZERO,
    are_counts,
    deposit_wide,
    deposit_wide_triple,
    extract,
    extract_one,
    extract_pairs,
    in_safe_range,
    limb_scale,
    limbs_of,
    span,
    span_of,
    weigh,
)

# limits of _deposit_many, which splits several records at a time into limbs
_FEWEST = 64  # records per class; fewer are not worth it
_AT_ONCE = 2048  # records that share one range of limbs
_MOST_LIMBS = 12  # that the values of a feature, and their squares, may span together
_WIDEST = 256  # features; wider records fill the vector units and the cache one at a time


@kernel
def span_of_many(x):
    """:func:`span` of a matrix, without branches so that it vectorises."""
    top, bottom = -NO_BITS, NO_BITS
    flat = x.reshape(x.size)
    for i in range(len(flat)):
        bits = float_bits(flat[i])
        mantissa = bits & 0xFFFFFFFFFFFFF
        exponent = (bits >> 52) & 0x7FF
        mantissa |= np.int64(exponent != 0) << 52
        exponent = max(exponent, 1)
        nothing = mantissa == 0
        top = max(top, -NO_BITS if nothing else exponent - 1022)
        bottom = min(bottom, NO_BITS if nothing else exponent - 1075 + trailing_zeros(mantissa))
    return top, bottom


@kernel
def _fold(sums, limbs, slot, start, low, sign):
    """Add sums in lanes, ``[limb, 0, lane * n + cell]`` for n cells, to limbs `low` and up of cells from `start` on."""
    n = (limbs.shape[2] - 1) // 2
    for l in range(len(sums)):
        limb, terms = limbs[low + l, slot], sums[l, 0]
        for i in range(0, len(terms), n):
            for j in range(n):
                limb[start + j] += sign * terms[i + j]


@kernel
def _deposit_many(x, weights, slots, sign, limbs, base, record_counts, lanes, members):
    """:func:`deposit_each` for many records of weight 1 and of few classes; False, and nothing done, for others.

    Some rows of a class at a time are taken apart side by side, all in the limbs that any of them needs, and summed
    in lanes: the limbs' digits come out as others, and the sums the same. `lanes` float64[:, 1, lanes * d] and
    `members` int64[n] are arrays to work in.
    """
    n, d = x.shape
    width = lanes.shape[2]
    if width == 0 or n < _FEWEST * limbs.shape[1]:
        return False
    usual = True
    for r in range(n):
        usual &= weights[r] == 1.0
    top, bottom = span_of_many(x)
    if not usual or top == -NO_BITS or not (in_safe_range(top, bottom) and in_safe_range(2 * top, 2 * bottom)):
        return False
    need_high, need_low = limbs_of(max(1, top, 2 * top), min(0, bottom, 2 * bottom))
    if need_low < base or need_high >= base + limbs.shape[0]:
        return False
    first_high, first_low = limbs_of(top, bottom)
    second_high, second_low = limbs_of(2 * top, 2 * bottom)
    n_first, n_second = 1 + first_high - first_low, 1 + second_high - second_low
    if 3 + n_first + n_second > len(lanes):
        return False
    first, second = lanes[3 : 3 + n_first], lanes[3 + n_first : 3 + n_first + n_second]
    p, q, e = lanes[0, 0], lanes[1, 0], lanes[2, 0]
    first_scale, second_scale = limb_scale(first_high), limb_scale(second_high)
    for slot in range(limbs.shape[1]):
        count = 0
        for r in range(n):
            members[count] = r
            count += slots[r] == slot
        if count == 0:
            continue
        record_counts[slot] += np.int64(sign) * count
        deposit_wide(limbs, base, slot, ZERO, np.float64(count), 1.0, sign, ZERO)
        first[:] = 0.0
        second[:] = 0.0
        for start in range(0, count, width // d):
            taken = min(width // d, count - start)
            for k in range(taken):
                v = x[members[start + k]]
                for j in range(d):
                    p[k * d + j] = v[j]
            p[taken * d :] = 0.0
            for i in range(width):
                square = p[i] * p[i]
                q[i] = square * second_scale
                e[i] = fma(p[i], p[i], -square) * second_scale
                p[i] *= first_scale
            extract(first, ZERO, ZERO, p, len(first) - 1, ZERO)
            extract_pairs(second, ZERO, ZERO, q, e, len(second) - 1, ZERO)
        _fold(first, limbs, slot, ONE, first_low - base, sign)
        _fold(second, limbs, slot, 1 + d, second_low - base, sign)
    return True


@kernel
def deposit_each(x, weights, slots, start, stop, sign, limbs, base, record_counts, need, workspace):
    """:func:`deposit_moments`, record by record and without memory; `workspace` is float64[4, d] to work in."""
    d = x.shape[1]
    wx, rest, p, e = workspace[0], workspace[1], workspace[2], workspace[3]
    for r in range(start, stop):
        w = weights[r]
        if w == 0.0:
            continue
        slot = slots[r]
        v = x[r]
        w_top, w_bottom = span_of(w)
        x_top, x_bottom = span(v)
        first_top, first_bottom = w_top + x_top, w_bottom + x_bottom
        second_top, second_bottom = first_top + x_top, first_bottom + x_bottom
        need[1], need[0] = limbs_of(max(w_top, first_top, second_top), min(w_bottom, first_bottom, second_bottom))
        if need[0] < base or need[1] >= base + limbs.shape[0]:
            return r
        record_counts[slot] += np.int64(sign)
        deposit_wide(limbs, base, slot, ZERO, w, 1.0, sign, ZERO)
        if x_top == -NO_BITS:
            continue
        if not (in_safe_range(first_top, first_bottom) and in_safe_range(second_top, second_bottom)):
            for j in range(d):
                deposit_wide(limbs, base, slot, 1 + j, w, v[j], sign, ZERO)
                deposit_wide_triple(limbs, base, slot, 1 + d + j, w, v[j], v[j], sign)
            continue
        inexact = weigh(w, v, wx, rest)
        high, low = limbs_of(first_top, first_bottom)
        scale = sign * limb_scale(high)
        for j in range(d):
            p[j] = wx[j] * scale
            e[j] = rest[j] * scale
        if inexact:
            extract_pairs(limbs, slot, ONE, p, e, high - base, low - base)
        else:
            extract(limbs, slot, ONE, p, high - base, low - base)
        high, low = limbs_of(second_top, second_bottom)
        scale = sign * limb_scale(high)
        for part in range(1 + inexact):
            factors = wx if part == 0 else rest
            for j in range(d):
                product = factors[j] * v[j]
                p[j] = product * scale
                e[j] = fma(factors[j], v[j], -product) * scale
            extract_pairs(limbs, slot, 1 + d, p, e, high - base, low - base)
    return stop


@kernel
def deposit_moments(x, weights, slots, start, stop, sign, limbs, base, record_counts, need, workspace, lanes, members):
    """Deposit ``[w, w * x_j (d cells), w * x_j * x_j (d cells)]`` of each record into its slot.

    Parameters
    ----------
    x : float64[n, d]
        Finite features.
    weights : float64[n]
        Weights; a record of weight 0 adds nothing.
    slots : int64[n]
        Class slot of each record: its row of the limbs.
    start, stop : int
        First record to deposit, and the one after the last.
    sign : float
        1.0 to learn, -1.0 to forget.
    limbs : float64[L, n_slots, 1 + 2 * d]
        Limbs of the sum, lowest first.
    base : int
        Index of the lowest limb.
    record_counts : int64[n_slots]
        Number of records of positive weight in each slot; updated.
    need : int64[2]
        On an early return: lowest and highest limb that the record needs.
    workspace, lanes, members
        What :func:`moments_workspace` made.

    Returns
    -------
    int
        The first record not deposited; `stop` when all are.
    """
    for first in range(start, stop, _AT_ONCE):
        end = min(first + _AT_ONCE, stop)
        part = slice(first, end)
        if not _deposit_many(x[part], weights[part], slots[part], sign, limbs, base, record_counts, lanes, members):
            reached = deposit_each(x, weights, slots, first, end, sign, limbs, base, record_counts, need, workspace)
            if reached < end:
                return reached
    return stop


many_moments = Postponed(deposit_moments, 1_000_000)  # values


def moments_workspace(n: int, d: int) -> tuple:
    """Workspace of :func:`deposit_moments`, which allocates nothing itself, for `n` records of `d` features.

    For records that it would deposit one by one, the workspace of :func:`deposit_each` alone.
    """
    if n < _FEWEST or not 0 < d <= _WIDEST:
        return (np.empty((4, d)),)
    lanes = np.empty((3 + 2 * _MOST_LIMBS, 1, 8 * max(1, 16 // d) * d))
    return np.empty((4, d)), lanes, np.empty(_AT_ONCE, np.int64)


@kernel
def deposit_triangle(z, weights, slots, start, stop, sign, limbs, base, record_counts, need, workspace):
    """Deposit ``w * z_i * z_j`` for all ``i <= j`` of each record, packed row by row, into its slot, without memory.

    `z` is float64[n, p] and `limbs` float64[L, n_slots, p * (p + 1) / 2]; the first two rows of `workspace`,
    float64[2, p], are there to work in; otherwise as :func:`deposit_moments`.
    """
    width = z.shape[1]
    p, e = workspace[0], workspace[1]
    for r in range(start, stop):
        w = weights[r]
        if w == 0.0:
            continue
        slot = slots[r]
        v = z[r]
        w_top, w_bottom = span_of(w)
        v_top, v_bottom = span(v)
        if v_top != -NO_BITS:
            need[1], need[0] = limbs_of(w_top + 2 * v_top, w_bottom + 2 * v_bottom)
            if need[0] < base or need[1] >= base + limbs.shape[0]:
                return r
        record_counts[slot] += np.int64(sign)
        start_cell = ZERO
        for i in range(width):
            count = width - i
            if v[i] != 0.0:
                i_top, i_bottom = span_of(v[i])
                f_top, f_bottom = w_top + i_top, w_bottom + i_bottom
                tail = v[i:]
                if in_safe_range(f_top, f_bottom) and in_safe_range(f_top + v_top, f_bottom + v_bottom):
                    high, low = limbs_of(f_top + v_top, f_bottom + v_bottom)
                    scale = sign * limb_scale(high)
                    factor = w * v[i]
                    rest = fma(w, v[i], -factor)
                    while factor != 0.0:
                        for j in range(count):
                            product = factor * tail[j]
                            p[j] = product * scale
                            e[j] = fma(factor, tail[j], -product) * scale
                        extract_pairs(limbs, slot, start_cell, p[:count], e[:count], high - base, low - base)
                        factor, rest = rest, 0.0
                else:
                    for j in range(count):
                        deposit_wide_triple(limbs, base, slot, start_cell + j, w, v[i], tail[j], sign)
            start_cell += count
    return stop


@kernel
def deposit_gram_rows(
    x, targets, weights, slots, order, start, stop, sign, limbs, base, record_counts, need, workspace
):
    """:func:`deposit_triangle` of ``[1, x, targets]`` without memory; `workspace` is float64[3, p] to work in.

    Records are taken in the given `order`, int64[n], in which `start`, `stop` and the result count.
    """
    z, d = workspace[2:3], x.shape[1]
    for i in range(start, stop):
        r = order[i]
        z[0, 0] = 1.0
        for j in range(d):
            z[0, 1 + j] = x[r, j]
        for j in range(targets.shape[1]):
            z[0, 1 + d + j] = targets[r, j]
        one = slice(r, r + 1)
        done = deposit_triangle(
            z, weights[one], slots[one], ZERO, ONE, sign, limbs, base, record_counts, need, workspace
        )
        if done == 0:
            return i
    return stop


@kernel
def deposit_sparse(values, indices, indptr, weights, slots, order, start, stop, sign, limbs, base, record_counts, need):
    """Deposit ``w`` into cell 0 and ``w * value`` into cell ``1 + index`` of each CSR record's slot.

    `values` float64[nnz], `indices` int64[nnz], `indptr` int64[n + 1]; records are taken in the given `order`,
    int64[n], in which `start`, `stop` and the result count: slot by slot is several times faster, since one row of
    limbs stays in the cache. Otherwise as :func:`deposit_moments`.
    """
    for i in range(start, stop):
        r = order[i]
        w = weights[r]
        if w == 0.0:
            continue
        slot = slots[r]
        if w == 1.0 and base <= 0 < base + limbs.shape[0] and are_counts(values, indptr[r], indptr[r + 1]):
            record_counts[slot] += np.int64(sign)
            limb = limbs[-base, slot]  # whose unit is 1
            limb[0] += sign
            own_indices, own_values = indices[indptr[r] : indptr[r + 1]], values[indptr[r] : indptr[r + 1]]
            for k in range(len(own_values)):
                limb[1 + np.uint64(own_indices[k])] += sign * own_values[k]
            continue
        w_top, w_bottom = span_of(w)
        v_top, v_bottom = span(values[indptr[r] : indptr[r + 1]])
        top, bottom = max(w_top, w_top + v_top), min(w_bottom, w_bottom + v_bottom)
        need[1], need[0] = limbs_of(top, bottom)
        if need[0] < base or need[1] >= base + limbs.shape[0]:
            return i
        record_counts[slot] += np.int64(sign)
        deposit_wide(limbs, base, slot, ZERO, w, 1.0, sign, ZERO)
        if v_top == -NO_BITS:
            continue
        top, bottom = w_top + v_top, w_bottom + v_bottom
        if not in_safe_range(top, bottom):
            for k in range(indptr[r], indptr[r + 1]):
                deposit_wide(limbs, base, slot, 1 + indices[k], w, values[k], sign, ZERO)
            continue
        high, low = limbs_of(top, bottom)
        scale = sign * limb_scale(high)
        for k in range(indptr[r], indptr[r + 1]):
            product = w * values[k]
            extract_one(limbs, slot, 1 + indices[k], product * scale, high - base, low - base)
            if w != 1.0:
                extract_one(limbs, slot, 1 + indices[k], fma(w, values[k], -product) * scale, high - base, low - base)
    return stop


@kernel
def deposit_values(values, slot, sign, limbs, base, need):
    """Deposit one float64 into each cell of `slot`; False (and nothing done) when the window does not cover them."""
    top, bottom = span(values)
    if top == -NO_BITS:
        return True
    need[1], need[0] = limbs_of(top, bottom)
    if need[0] < base or need[1] >= base + limbs.shape[0]:
        return False
    if not in_safe_range(top, bottom):
        for j in range(values.shape[0]):
            deposit_wide(limbs, base, slot, j, values[j], 1.0, sign, ZERO)
        return True
    p = values * (sign * limb_scale(need[1]))
    extract(limbs, slot, ZERO, p, need[1] - base, need[0] - base)
    return True


@kernel
def deposit_outer(left, right, first, sign, limbs, base, need):
    """Deposit ``left_i * right_j``, row by row, in row 0 from cell `first` on; False if the window is too narrow."""
    l_top, l_bottom = span(left)
    r_top, r_bottom = span(right)
    if l_top == -NO_BITS or r_top == -NO_BITS:
        return True
    need[1], need[0] = limbs_of(l_top + r_top, l_bottom + r_bottom)
    if need[0] < base or need[1] >= base + limbs.shape[0]:
        return False
    count = len(right)
    p = np.empty(count)
    e = np.empty(count)
    for i in range(len(left)):
        factor = left[i]
        if factor == 0.0:
            continue
        f_top, f_bottom = span_of(factor)
        top, bottom = f_top + r_top, f_bottom + r_bottom
        if in_safe_range(top, bottom):
            high, low = limbs_of(top, bottom)
            scale = sign * limb_scale(high)
            for j in range(count):
                product = factor * right[j]
                p[j] = product * scale
                e[j] = fma(factor, right[j], -product) * scale
            extract_pairs(limbs, ZERO, first + i * count, p, e, high - base, low - base)
        else:
            for j in range(count):
                deposit_wide(limbs, base, ZERO, first + i * count + j, factor, right[j], sign, ZERO)
    return True
