"""Sums of fourth order, from which `readout/shrinkage.py` computes the Ledoit-Wolf shrinkage of a covariance matrix.

How far a sample covariance is from the true one is estimated by how much the products of centred features vary from
record to record: by the sums of their squares, ``(x_i - m_i)**2 (x_j - m_j)**2``, for each pair of features. Means and
scales are known only when the model is read, so the powers are summed as they are, and centred then, before rounding.
"""

from functools import partial

import numpy as np

from sqlearn.engine.identity import digest_one
from sqlearn.engine.kernels import Postponed, float_bits, fma, kernel
from sqlearn.engine.sums.deposit import deposit_triangle
from sqlearn.engine.sums.exact import Deposit, ExactSum
from sqlearn.engine.sums.extraction import (
    NO_BITS,
    deposit_wide,
    extract_pairs,
    in_safe_range,
    limb_scale,
    limbs_of,
    mantissa_of,
    span,
    span_of,
)
from sqlearn.engine.sums.gram import Gram
from sqlearn.engine.sums.gram_blocks import deposit_gram, packed_cell
from sqlearn.engine.sums.joint import Joint
from sqlearn.engine.sums.moments import OneDense
from sqlearn.engine.sums.one_record import GENERAL_FIRST, LABEL_WORDS, may_change, note
from sqlearn.engine.sums.statistic import Statistic

_FEWEST_ROWS = 48  # fewer go row by row


@kernel
def _deposit_wide_square(limbs, base, slot, cell, a, b, sign):
    """Add ``sign * a**2 * b`` through integers: exact for any two finite float64."""
    mantissa, exponent = mantissa_of(a)
    root = np.float64(mantissa)
    square = root * root
    deposit_wide(limbs, base, slot, cell, square, b, sign, 2 * exponent)
    deposit_wide(limbs, base, slot, cell, fma(root, root, -square), b, sign, 2 * exponent)


@kernel
def _deposit_wide_squares(limbs, base, slot, cell, a, b, sign):
    """Add ``sign * a**2 * b**2`` through integers: exact for any two finite float64."""
    a_mantissa, a_exponent = mantissa_of(a)
    b_mantissa, b_exponent = mantissa_of(b)
    left, right = np.float64(a_mantissa), np.float64(b_mantissa)
    exponent = 2 * (a_exponent + b_exponent)
    a_square, b_square = left * left, right * right
    a_rest, b_rest = fma(left, left, -a_square), fma(right, right, -b_square)
    deposit_wide(limbs, base, slot, cell, a_square, b_square, sign, exponent)
    deposit_wide(limbs, base, slot, cell, a_square, b_rest, sign, exponent)
    deposit_wide(limbs, base, slot, cell, a_rest, b_square, sign, exponent)
    deposit_wide(limbs, base, slot, cell, a_rest, b_rest, sign, exponent)


@kernel
def _deposit_fourth(x, slots, start, stop, sign, limbs, base, record_counts, need, workspace):
    """Deposit ``x_i**2 * x_j`` for all i and j, row by row, and ``x_i**2 * x_j**2`` for ``i <= j``, packed.

    `limbs` is float64[L, n_slots, d * d + d * (d + 1) / 2] and `workspace` float64[4, d], to work in; otherwise as
    :func:`~sqlearn.engine.sums.deposit.deposit_moments`, for records of weight 1. A square is the pair of its rounding
    and of the rounding's error, so a term of third order is two products of float64 and one of fourth order four.
    """
    d = x.shape[1]
    square, rest, p, e = workspace[0], workspace[1], workspace[2], workspace[3]
    for r in range(start, stop):
        slot = slots[r]
        v = x[r]
        top, bottom = span(v)
        if top != -NO_BITS:
            need[1], need[0] = limbs_of(max(3 * top, 4 * top), min(3 * bottom, 4 * bottom))
            if need[0] < base or need[1] >= base + limbs.shape[0]:
                return r
        record_counts[slot] += np.int64(sign)
        squares_are_safe = in_safe_range(2 * top, 2 * bottom)
        for j in range(d):
            square[j] = v[j] * v[j]
            rest[j] = fma(v[j], v[j], -square[j])
        packed = d * d
        for i in range(d):
            if v[i] == 0.0:
                packed += d - i
                continue
            i_top, i_bottom = span_of(v[i])
            third_top, third_bottom = 2 * i_top + top, 2 * i_bottom + bottom
            fourth_top, fourth_bottom = 2 * (i_top + top), 2 * (i_bottom + bottom)
            safe = (
                squares_are_safe and in_safe_range(third_top, third_bottom) and in_safe_range(fourth_top, fourth_bottom)
            )
            if not safe:
                for j in range(d):
                    _deposit_wide_square(limbs, base, slot, i * d + j, v[i], v[j], sign)
                for j in range(i, d):
                    _deposit_wide_squares(limbs, base, slot, packed + j - i, v[i], v[j], sign)
                packed += d - i
                continue
            for factor in (square[i], rest[i]):
                high, low = limbs_of(third_top, third_bottom)
                scale = sign * limb_scale(high)
                for j in range(d):
                    product = factor * v[j]
                    p[j] = product * scale
                    e[j] = fma(factor, v[j], -product) * scale
                extract_pairs(limbs, slot, np.int64(i * d), p, e, high - base, low - base)
                high, low = limbs_of(fourth_top, fourth_bottom)
                scale = sign * limb_scale(high)
                for others in (square, rest):
                    tail = others[i:]
                    for j in range(d - i):
                        product = factor * tail[j]
                        p[j] = product * scale
                        e[j] = fma(factor, tail[j], -product) * scale
                    extract_pairs(limbs, slot, packed, p[: d - i], e[: d - i], high - base, low - base)
                if rest[i] == 0.0:
                    break
            packed += d - i
    return stop


@kernel
def _square(x, square, rest, exact):
    """Write each value's square and its rounding error, and whether those of a record are exact and finite."""
    for r in range(x.shape[0]):
        top, bottom = span(x[r])
        exact[r] = 2 * top <= 1023 and 2 * bottom >= -1074
        for j in range(x.shape[1]):
            square[r, j] = x[r, j] * x[r, j]
            rest[r, j] = fma(x[r, j], x[r, j], -square[r, j])


def _sums_of_block(x, square, rest) -> tuple[np.ndarray, int]:
    """What :func:`_deposit_fourth` deposits of many records: digits, int64[cells, L], and the index of the lowest.

    Each is a sum of some cells of the Gram matrix of features, squares and rests, which BLAS gives exactly.
    """
    d, width = x.shape[1], 3 * x.shape[1]
    gram = ExactSum(1, width * (width + 1) // 2)
    z = np.concatenate([x, square, rest], axis=1)
    for _ in deposit_gram(gram, z, np.ones(len(z)), 0, 1.0, np.zeros(1, np.int64)):
        pass
    (digits,), low = gram.digits()
    i, j = np.repeat(np.arange(d), d), np.tile(np.arange(d), d)
    third = digits[packed_cell(j, d + i, width)] + digits[packed_cell(j, 2 * d + i, width)]
    i, j = np.triu_indices(d)
    fourth = digits[packed_cell(d + i, d + j, width)] + digits[packed_cell(2 * d + i, 2 * d + j, width)]
    fourth += digits[packed_cell(d + i, 2 * d + j, width)] + digits[packed_cell(d + j, 2 * d + i, width)]
    return np.concatenate([third, fourth]), low


class FourthMoments(Statistic):
    """Per slot: the sums of ``x_i**2 * x_j`` and of ``x_i**2 * x_j**2``, of records of weight 1."""

    @staticmethod
    def cells(n_features, n_targets):
        return n_features * n_features + n_features * (n_features + 1) // 2

    def deposit(self, block, sign, log):
        self._put_blocks(partial(self._deposit, block), self._by_row(block.x, block.slots), sign, log)

    def _by_row(self, x, slots) -> Deposit:
        return Deposit(len(x), _deposit_fourth, (x, slots), (np.empty((4, self.n_features)),))

    def _deposit(self, block, sign):
        """Through BLAS where a record's squares fit float64, all or nothing."""
        square, rest, exact = np.empty_like(block.x), np.empty_like(block.x), np.empty(len(block), bool)
        _square(block.x, square, rest, exact)
        alone, sums = np.ones(len(block), bool), []
        for slot in np.unique(block.slots):
            group = np.flatnonzero(exact & (block.slots == slot))
            if len(group) >= _FEWEST_ROWS:
                digits, low = _sums_of_block(block.x[group], square[group], rest[group])
                self.total.grow_to(low, low + digits.shape[1])
                sums.append((slot, len(group), np.ascontiguousarray(sign * digits.T), low))
                alone[group] = False
        others = self._by_row(block.x[alone], block.slots[alone])
        self.total.reserve(others.n + len(sums))  # a record counts twice: it adds up to 2**34 units to a limb
        self.total.deposit(others, sign, self.record_counts)
        for slot, count, terms, low in sums:  # in place: nothing can fail any more
            start = low - self.total.base
            self.total.limbs[start : start + len(terms), slot] += terms
            self.record_counts[slot] += int(sign) * count


class Spread(Joint):
    """Per slot: a Gram matrix, and the moments of fourth order that tell how far its covariance may be off.

    Attributes
    ----------
    gram : Gram
        The matrix.
    fourth : FourthMoments
        The sums of third and fourth order.
    """

    def __init__(self, n_features: int, n_targets: int):
        self.n_features, self.n_targets = n_features, n_targets
        self.gram = Gram(n_features, n_targets)
        self.fourth = FourthMoments(n_features, 0)

    @staticmethod
    def cells(n_features, n_targets):
        return Gram.cells(n_features, n_targets) + FourthMoments.cells(n_features, 0)

    @property
    def members(self):
        return self.gram, self.fourth

    def blocks(self, block):
        return block, block

    def fast_path(self, state):
        return None if state.ledger is None else _OneSpread(state, is_gram=True)


@kernel
def _change_spread(
    x, words, slot, sign, z, tail, digest, key_state, records, grams, gram_counts, fourth, fourth_counts
):
    """Check everything, then change everything; False, and nothing has changed, when anything is not plain."""
    d, k = len(x), len(words)
    finite = 0.0
    z[0, 0] = 1.0
    for j in range(d):
        z[0, 1 + j] = x[j] + 0.0
        finite += x[j] * 0.0
    if finite != 0.0:
        return False
    for j in range(k):
        tail[j] = words[j]
    tail[k] = np.uint64(float_bits(1.0))
    record = z[0, 1 : 1 + d]
    digest_one(record[: 0 if k > LABEL_WORDS else d], tail, key_state, digest)
    if not may_change(digest, sign, records):
        return False
    ones, slots, one = np.ones(1), np.full(1, slot), record.reshape(1, d)
    stop = len(slots)  # not the literal 1, for which numba would compile the kernels once more
    workspace, others = np.empty((4, d)), np.empty((2, 1 + d))
    limbs, base, need = fourth
    if _deposit_fourth(one, slots, stop - 1, stop, sign, limbs, base, fourth_counts, need, workspace) == 0:
        return False
    lower, bottom, _ = grams
    if deposit_triangle(z, ones, slots, stop - 1, stop, sign, lower, bottom, gram_counts, need, others) == 0:
        _deposit_fourth(one, slots, stop - 1, stop, -sign, limbs, base, fourth_counts, need, workspace)
        return False
    note(digest, sign, records)
    return True


class _OneSpread(OneDense):
    """The path of one dense record."""

    kernel = Postponed(_change_spread, GENERAL_FIRST)

    def change(self, row, y, sign):
        state = self.state
        vocabulary, gram, fourth = state.vocabulary, state.statistic.gram, state.statistic.fourth
        if len(row) != self.width:
            return False
        slot, words = 0, self.no_words
        if vocabulary is not None:
            slot = vocabulary.slots.get(y)
            if slot is None:
                return False
            words = vocabulary.hash_words[slot]
        if sign < 0 and gram.record_counts[slot] == 1:  # then its class may go, which takes more than this step
            return False
        words = self._spelled(words)
        records = self._reserved(sign, gram, fourth, fourth)  # the sums of fourth order count a record twice
        done = _change_spread(
            row, words, slot, sign, self.z, self.tail, self.digest, state.key_state, records,
            (gram.total.limbs, gram.total.base, self.need), gram.record_counts,
            (fourth.total.limbs, fourth.total.base, self.need), fourth.record_counts,
        )  # fmt: skip
        return self._finished(done, sign)
