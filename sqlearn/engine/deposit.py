"""Kernels that add or subtract records' terms in the limbs of an :class:`~sqlearn.engine.exact.ExactSum`.

A value is taken apart from the top (the error-free extraction of Rump, Ogita and Oishi, 2008): scaled so that the top
limb counts in ones, ``h = (v + M) - M`` with ``M = 1.5 * 2**52`` is the nearest integer, ``v - h`` is exact, and 2**32
times the rest goes to the next limb. A product is deposited as ``p = a * b`` and its rounding error ``fma(a, b, -p)``,
so exactly; a triple product as two products, of ``w * a`` and of its rounding error with ``b``.

Every kernel walks rows in order and stops at the first row whose bits the window of limbs does not cover; it says which
limbs that row needs, the caller grows the window and goes on from there. Range checks come before the inner loops,
never in them: those stay free of branches and vectorise. What float64 products cannot hold (1e308 squared, bits below
the subnormals) goes through integers, in :func:`_deposit_wide`.
"""

import numpy as np

from sqlearn.engine.intrinsics import bits_float, float_bits, fma, trailing_zeros
from sqlearn.engine.kernel import kernel

__all__ = [
    "deposit_each",
    "deposit_gram_rows",
    "deposit_moments",
    "deposit_outer",
    "deposit_sparse",
    "deposit_triangle",
    "deposit_values",
    "moments_room",
]

_ROUNDER = 1.5 * 2.0**52
_RADIX = 2.0**32
_NOTHING = 1 << 20  # the span of zero: no bit at all (top below, bottom above every other)
_MASK = 0xFFFFFFFF
_0, _1 = np.int64(0), np.int64(1)  # numba would compile a kernel once more for a literal
_FEWEST = 64  # records a class that are worth it to be taken apart side by side
_AT_ONCE = 2048  # records that are taken apart in the limbs that any of them needs
_MOST_LIMBS = 12  # of a feature's values, and of their squares, that are taken apart side by side
_WIDEST = 256  # features: wider records alone fill the vector units and the cache


@kernel
def _span_of(value):
    """``(top, bottom)`` such that ``abs(value) < 2**top`` and `value` is a multiple of ``2**bottom``."""
    bits = float_bits(value)
    mantissa = bits & 0xFFFFFFFFFFFFF
    exponent = (bits >> 52) & 0x7FF
    if exponent == 0:
        if mantissa == 0:
            return -_NOTHING, _NOTHING
        exponent = 1
    else:
        mantissa |= 1 << 52
    return exponent - 1022, exponent - 1075 + trailing_zeros(mantissa)


@kernel
def _span(values):
    top, bottom = -_NOTHING, _NOTHING
    for i in range(values.shape[0]):
        t, b = _span_of(values[i])
        top = max(top, t)
        bottom = min(bottom, b)
    return top, bottom


@kernel
def _limbs_of(top, bottom):
    """Highest and lowest limb for values below ``2**top`` that are multiples of ``2**bottom``."""
    return (top - 1) // 32, bottom // 32


@kernel
def _is_tame(top, bottom):
    """Whether products in this span and their rounding errors, scaled to the top limb, are exact float64."""
    high, low = _limbs_of(top, bottom)
    return top <= 1023 and bottom >= -1074 and -31 <= high <= 31 and high - low <= 31


@kernel
def _scale(high):
    """``2**(-32 * high)``: counts in units of limb `high`."""
    return bits_float((1023 - 32 * high) << 52)


@kernel
def _extract(limbs, row, start, p, high, low):
    """Add the scaled values `p` (overwritten) to limbs `high` down to `low` of cells ``start, start + 1, ...``."""
    n = p.shape[0]
    for l in range(high, low - 1, -1):
        limb = limbs[l, row, start : start + n]
        for j in range(n):
            h = (p[j] + _ROUNDER) - _ROUNDER
            limb[j] += h
            p[j] = (p[j] - h) * _RADIX


@kernel
def _extract_pairs(limbs, row, start, p, e, high, low):
    """The same for unevaluated sums ``p + e``."""
    n = p.shape[0]
    for l in range(high, low - 1, -1):
        limb = limbs[l, row, start : start + n]
        for j in range(n):
            h = (p[j] + _ROUNDER) - _ROUNDER
            g = (e[j] + _ROUNDER) - _ROUNDER
            limb[j] += h + g
            p[j] = (p[j] - h) * _RADIX
            e[j] = (e[j] - g) * _RADIX


@kernel
def _integer(value):
    """Magnitude's integer mantissa, and the exponent of its unit."""
    bits = float_bits(value)
    mantissa = bits & 0xFFFFFFFFFFFFF
    exponent = (bits >> 52) & 0x7FF
    if exponent == 0:
        return mantissa, -1074
    return mantissa | (1 << 52), exponent - 1075


@kernel
def _deposit_wide(limbs, base, row, cell, a, b, sign, exponent):
    """Add ``sign * a * b * 2**exponent`` through 106-bit integers: exact for any two finite float64."""
    if a == 0.0 or b == 0.0:
        return
    if (a < 0.0) != (b < 0.0):
        sign = -sign
    ma, ea = _integer(a)
    mb, eb = _integer(b)
    position = ea + eb + exponent
    limb = position // 32
    shift = position - 32 * limb
    # 32-bit pieces of the two mantissas, times each other, then shifted by up to 31 bits: five digits hold it
    a0, a1 = np.uint64(ma & _MASK), np.uint64(ma >> 32)
    b0, b1 = np.uint64(mb & _MASK), np.uint64(mb >> 32)
    mask, half = np.uint64(_MASK), np.uint64(32)
    low = a0 * b0
    middle = a0 * b1 + (low >> half)
    other = a1 * b0 + (middle & mask)
    high = a1 * b1 + (middle >> half) + (other >> half)
    carry = np.uint64(0)
    left, right = np.uint64(shift), np.uint64(32 - shift)
    for k in range(5):
        if k == 0:
            digit = low & mask
        elif k == 1:
            digit = other & mask
        elif k == 2:
            digit = high & mask
        elif k == 3:
            digit = high >> half
        else:
            digit = np.uint64(0)
        part = ((digit << left) & mask) | carry
        carry = digit >> right
        if part != np.uint64(0):
            limbs[limb + k - base, row, cell] += sign * np.float64(part)


@kernel
def _deposit_wide_triple(limbs, base, row, cell, w, a, b, sign):
    """Add ``sign * w * a * b``: exact for any three finite float64. `w` is not negative."""
    mw, ew = _integer(w)
    ma, ea = _integer(a)
    left, right = np.float64(mw), np.float64(ma if a > 0.0 else -ma)
    product = left * right
    _deposit_wide(limbs, base, row, cell, product, b, sign, ew + ea)
    _deposit_wide(limbs, base, row, cell, fma(left, right, -product), b, sign, ew + ea)


@kernel
def weigh(w, v, product, rest):
    """Write ``fl(w * v)`` and its rounding error; whether any error is not zero."""
    inexact = False
    for j in range(len(v)):
        product[j] = w * v[j]
        rest[j] = fma(w, v[j], -product[j])
        inexact |= rest[j] != 0.0
    return inexact


@kernel
def _span_of_many(x):
    """:func:`_span` of a matrix, without branches so that it vectorises."""
    top, bottom = -_NOTHING, _NOTHING
    flat = x.reshape(x.size)
    for i in range(len(flat)):
        bits = float_bits(flat[i])
        mantissa = bits & 0xFFFFFFFFFFFFF
        exponent = (bits >> 52) & 0x7FF
        mantissa |= np.int64(exponent != 0) << 52
        exponent = max(exponent, 1)
        nothing = mantissa == 0
        top = max(top, -_NOTHING if nothing else exponent - 1022)
        bottom = min(bottom, _NOTHING if nothing else exponent - 1075 + trailing_zeros(mantissa))
    return top, bottom


@kernel
def _fold(sums, limbs, row, start, low, sign):
    """Add sums in lanes, ``[limb, 0, lane * n + cell]`` for n cells, to limbs `low` and up of cells from `start` on."""
    n = (limbs.shape[2] - 1) // 2
    for l in range(len(sums)):
        limb, terms = limbs[low + l, row], sums[l, 0]
        for i in range(0, len(terms), n):
            for j in range(n):
                limb[start + j] += sign * terms[i + j]


@kernel
def _deposit_many(x, weights, rows, sign, limbs, base, held, lanes, members):
    """:func:`deposit_each` for many records of weight 1 and of few classes; False, and nothing done, for others.

    Some rows of a class at a time are taken apart side by side, all in the limbs that any of them needs, and summed
    in lanes: the limbs' digits come out as others, and the sums the same. `lanes` float64[:, 1, lanes * d] and
    `members` int64[n] are room to work in.
    """
    n, d = x.shape
    width = lanes.shape[2]
    if width == 0 or n < _FEWEST * limbs.shape[1]:
        return False
    usual = True
    for r in range(n):
        usual &= weights[r] == 1.0
    top, bottom = _span_of_many(x)
    if not usual or top == -_NOTHING or not (_is_tame(top, bottom) and _is_tame(2 * top, 2 * bottom)):
        return False
    need_high, need_low = _limbs_of(max(1, top, 2 * top), min(0, bottom, 2 * bottom))
    if need_low < base or need_high >= base + limbs.shape[0]:
        return False
    first_high, first_low = _limbs_of(top, bottom)
    second_high, second_low = _limbs_of(2 * top, 2 * bottom)
    n_first, n_second = 1 + first_high - first_low, 1 + second_high - second_low
    if 3 + n_first + n_second > len(lanes):
        return False
    first, second = lanes[3 : 3 + n_first], lanes[3 + n_first : 3 + n_first + n_second]
    p, q, e = lanes[0, 0], lanes[1, 0], lanes[2, 0]
    first_scale, second_scale = _scale(first_high), _scale(second_high)
    for row in range(limbs.shape[1]):
        count = 0
        for r in range(n):
            members[count] = r
            count += rows[r] == row
        if count == 0:
            continue
        held[row] += np.int64(sign) * count
        _deposit_wide(limbs, base, row, _0, np.float64(count), 1.0, sign, _0)
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
            _extract(first, _0, _0, p, len(first) - 1, _0)
            _extract_pairs(second, _0, _0, q, e, len(second) - 1, _0)
        _fold(first, limbs, row, _1, first_low - base, sign)
        _fold(second, limbs, row, 1 + d, second_low - base, sign)
    return True


@kernel
def deposit_each(x, weights, rows, start, stop, sign, limbs, base, held, need, room):
    """:func:`deposit_moments`, record by record and without memory; `room` is float64[4, d] to work in."""
    d = x.shape[1]
    wx, rest, p, e = room[0], room[1], room[2], room[3]
    for r in range(start, stop):
        w = weights[r]
        if w == 0.0:
            continue
        row = rows[r]
        v = x[r]
        w_top, w_bottom = _span_of(w)
        x_top, x_bottom = _span(v)
        first_top, first_bottom = w_top + x_top, w_bottom + x_bottom
        second_top, second_bottom = first_top + x_top, first_bottom + x_bottom
        need[1], need[0] = _limbs_of(max(w_top, first_top, second_top), min(w_bottom, first_bottom, second_bottom))
        if need[0] < base or need[1] >= base + limbs.shape[0]:
            return r
        held[row] += np.int64(sign)
        _deposit_wide(limbs, base, row, _0, w, 1.0, sign, _0)
        if x_top == -_NOTHING:
            continue
        if not (_is_tame(first_top, first_bottom) and _is_tame(second_top, second_bottom)):
            for j in range(d):
                _deposit_wide(limbs, base, row, 1 + j, w, v[j], sign, _0)
                _deposit_wide_triple(limbs, base, row, 1 + d + j, w, v[j], v[j], sign)
            continue
        inexact = weigh(w, v, wx, rest)
        high, low = _limbs_of(first_top, first_bottom)
        scale = sign * _scale(high)
        for j in range(d):
            p[j] = wx[j] * scale
            e[j] = rest[j] * scale
        if inexact:
            _extract_pairs(limbs, row, _1, p, e, high - base, low - base)
        else:
            _extract(limbs, row, _1, p, high - base, low - base)
        high, low = _limbs_of(second_top, second_bottom)
        scale = sign * _scale(high)
        for part in range(1 + inexact):
            factors = wx if part == 0 else rest
            for j in range(d):
                product = factors[j] * v[j]
                p[j] = product * scale
                e[j] = fma(factors[j], v[j], -product) * scale
            _extract_pairs(limbs, row, 1 + d, p, e, high - base, low - base)
    return stop


@kernel
def deposit_moments(x, weights, rows, start, stop, sign, limbs, base, held, need, room, lanes, members):
    """Deposit ``[w, w * x_j (d cells), w * x_j * x_j (d cells)]`` of each record into its row.

    Parameters
    ----------
    x : float64[n, d]
        Finite features.
    weights : float64[n]
        Weights; a record of weight 0 adds nothing.
    rows : int64[n]
        Row (class slot) of each record.
    start, stop : int
        First record to deposit, and the one after the last.
    sign : float
        1.0 to learn, -1.0 to forget.
    limbs : float64[L, n_rows, 1 + 2 * d]
        Limbs of the sum, lowest first.
    base : int
        Index of the lowest limb.
    held : int64[n_rows]
        Number of records of positive weight in each row; updated.
    need : int64[2]
        On an early return: lowest and highest limb that the record needs.
    room, lanes, members
        What :func:`moments_room` made.

    Returns
    -------
    int
        The first record not deposited; `stop` when all are.
    """
    for first in range(start, stop, _AT_ONCE):
        end = min(first + _AT_ONCE, stop)
        part = slice(first, end)
        if not _deposit_many(x[part], weights[part], rows[part], sign, limbs, base, held, lanes, members):
            reached = deposit_each(x, weights, rows, first, end, sign, limbs, base, held, need, room)
            if reached < end:
                return reached
    return stop


def moments_room(n: int, d: int) -> tuple:
    """Room for :func:`deposit_moments` to work in, for `n` records of `d` features: it asks for no memory itself."""
    many = n >= _FEWEST and 0 < d <= _WIDEST
    lanes = np.empty((3 + 2 * _MOST_LIMBS, 1, 8 * max(1, 16 // d) * d)) if many else _NO_LANES
    return np.empty((4, d)), lanes, np.empty(_AT_ONCE, np.int64) if many else _NO_MEMBERS


_NO_LANES, _NO_MEMBERS = np.empty((0, 1, 0)), np.empty(0, np.int64)


@kernel
def deposit_triangle(z, weights, rows, start, stop, sign, limbs, base, held, need, room):
    """Deposit ``w * z_i * z_j`` for all ``i <= j`` of each record, packed row by row, into its row, without memory.

    `z` is float64[n, p], `limbs` float64[L, n_rows, p * (p + 1) / 2], and the first two rows of `room`, float64[2, p],
    are there to work in; otherwise as :func:`deposit_moments`.
    """
    width = z.shape[1]
    p, e = room[0], room[1]
    for r in range(start, stop):
        w = weights[r]
        if w == 0.0:
            continue
        row = rows[r]
        v = z[r]
        w_top, w_bottom = _span_of(w)
        v_top, v_bottom = _span(v)
        if v_top != -_NOTHING:
            need[1], need[0] = _limbs_of(w_top + 2 * v_top, w_bottom + 2 * v_bottom)
            if need[0] < base or need[1] >= base + limbs.shape[0]:
                return r
        held[row] += np.int64(sign)
        start_cell = _0
        for i in range(width):
            count = width - i
            if v[i] != 0.0:
                i_top, i_bottom = _span_of(v[i])
                f_top, f_bottom = w_top + i_top, w_bottom + i_bottom
                tail = v[i:]
                if _is_tame(f_top, f_bottom) and _is_tame(f_top + v_top, f_bottom + v_bottom):
                    high, low = _limbs_of(f_top + v_top, f_bottom + v_bottom)
                    scale = sign * _scale(high)
                    factor = w * v[i]
                    rest = fma(w, v[i], -factor)
                    while factor != 0.0:
                        for j in range(count):
                            product = factor * tail[j]
                            p[j] = product * scale
                            e[j] = fma(factor, tail[j], -product) * scale
                        _extract_pairs(limbs, row, start_cell, p[:count], e[:count], high - base, low - base)
                        factor, rest = rest, 0.0
                else:
                    for j in range(count):
                        _deposit_wide_triple(limbs, base, row, start_cell + j, w, v[i], tail[j], sign)
            start_cell += count
    return stop


@kernel
def deposit_gram_rows(x, targets, weights, rows, order, start, stop, sign, limbs, base, held, need, room):
    """:func:`deposit_triangle` of ``[1, x, targets]`` without memory; `room` is float64[3, p] to work in.

    Records are taken in the given `order`, int64[n], in which `start`, `stop` and the result count.
    """
    z, d = room[2:3], x.shape[1]
    for i in range(start, stop):
        r = order[i]
        z[0, 0] = 1.0
        for j in range(d):
            z[0, 1 + j] = x[r, j]
        for j in range(targets.shape[1]):
            z[0, 1 + d + j] = targets[r, j]
        one = slice(r, r + 1)
        done = deposit_triangle(z, weights[one], rows[one], _0, _1, sign, limbs, base, held, need, room)
        if done == 0:
            return i
    return stop


@kernel
def _extract_one(limbs, row, cell, p, high, low):
    """The same for one value."""
    for l in range(high, low, -1):
        h = (p + _ROUNDER) - _ROUNDER
        limbs[l, row, cell] += h
        p = (p - h) * _RADIX
    limbs[low, row, cell] += p  # what is left is an integer


@kernel
def deposit_sparse(values, indices, indptr, weights, rows, order, start, stop, sign, limbs, base, held, need):
    """Deposit ``w`` into cell 0 and ``w * value`` into cell ``1 + index`` of each CSR record's row.

    `values` float64[nnz], `indices` int64[nnz], `indptr` int64[n + 1]; records are taken in the given `order`,
    int64[n], in which `start`, `stop` and the result count: row by row is several times faster, since one row of limbs
    stays in the cache. Otherwise as :func:`deposit_moments`.
    """
    for i in range(start, stop):
        r = order[i]
        w = weights[r]
        if w == 0.0:
            continue
        row = rows[r]
        w_top, w_bottom = _span_of(w)
        v_top, v_bottom = _span(values[indptr[r] : indptr[r + 1]])
        top, bottom = max(w_top, w_top + v_top), min(w_bottom, w_bottom + v_bottom)
        need[1], need[0] = _limbs_of(top, bottom)
        if need[0] < base or need[1] >= base + limbs.shape[0]:
            return i
        held[row] += np.int64(sign)
        _deposit_wide(limbs, base, row, _0, w, 1.0, sign, _0)
        if v_top == -_NOTHING:
            continue
        top, bottom = w_top + v_top, w_bottom + v_bottom
        if not _is_tame(top, bottom):
            for k in range(indptr[r], indptr[r + 1]):
                _deposit_wide(limbs, base, row, 1 + indices[k], w, values[k], sign, _0)
            continue
        high, low = _limbs_of(top, bottom)
        scale = sign * _scale(high)
        for k in range(indptr[r], indptr[r + 1]):
            product = w * values[k]
            _extract_one(limbs, row, 1 + indices[k], product * scale, high - base, low - base)
            if w != 1.0:
                _extract_one(limbs, row, 1 + indices[k], fma(w, values[k], -product) * scale, high - base, low - base)
    return stop


@kernel
def deposit_values(values, row, sign, limbs, base, need):
    """Deposit one float64 into each cell of `row`; False (and nothing done) when the window does not cover them."""
    top, bottom = _span(values)
    if top == -_NOTHING:
        return True
    need[1], need[0] = _limbs_of(top, bottom)
    if need[0] < base or need[1] >= base + limbs.shape[0]:
        return False
    if not _is_tame(top, bottom):
        for j in range(values.shape[0]):
            _deposit_wide(limbs, base, row, j, values[j], 1.0, sign, _0)
        return True
    p = values * (sign * _scale(need[1]))
    _extract(limbs, row, _0, p, need[1] - base, need[0] - base)
    return True


@kernel
def deposit_outer(left, right, first, sign, limbs, base, need):
    """Deposit ``left_i * right_j``, row by row, in row 0 from cell `first` on; False if the window is too narrow."""
    l_top, l_bottom = _span(left)
    r_top, r_bottom = _span(right)
    if l_top == -_NOTHING or r_top == -_NOTHING:
        return True
    need[1], need[0] = _limbs_of(l_top + r_top, l_bottom + r_bottom)
    if need[0] < base or need[1] >= base + limbs.shape[0]:
        return False
    count = len(right)
    p = np.empty(count)
    e = np.empty(count)
    for i in range(len(left)):
        factor = left[i]
        if factor == 0.0:
            continue
        f_top, f_bottom = _span_of(factor)
        top, bottom = f_top + r_top, f_bottom + r_bottom
        if _is_tame(top, bottom):
            high, low = _limbs_of(top, bottom)
            scale = sign * _scale(high)
            for j in range(count):
                product = factor * right[j]
                p[j] = product * scale
                e[j] = fma(factor, right[j], -product) * scale
            _extract_pairs(limbs, _0, first + i * count, p, e, high - base, low - base)
        else:
            for j in range(count):
                _deposit_wide(limbs, base, _0, first + i * count + j, factor, right[j], sign, _0)
    return True
