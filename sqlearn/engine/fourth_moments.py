"""Sums of fourth order, and the Ledoit-Wolf shrinkage of a covariance matrix, which takes them.

How far a sample covariance is from the true one is estimated by how much the products of centred features vary from
record to record: by the sums of their squares, ``(x_i - m_i)**2 (x_j - m_j)**2``, for each pair of features. Means and
scales are known only when the model is read, so the powers are summed as they are, and centred then, before rounding.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from sqlearn.engine.deposit import (
    _NOTHING,
    _deposit_wide,
    _extract_pairs,
    _integer,
    _is_tame,
    _limbs_of,
    _scale,
    _span,
    _span_of,
)
from sqlearn.engine.digits import add_product, round_pair
from sqlearn.engine.exact import Deposit, ExactSum
from sqlearn.engine.gram import deposit_gram
from sqlearn.engine.intrinsics import fma
from sqlearn.engine.kernel import kernel
from sqlearn.engine.read_out import GramView, aligned, grams_of, is_constant, packed_cell
from sqlearn.engine.statistics import Gram, Joint, Statistic

__all__ = ["FourthMoments", "Spread", "SpreadView", "spreads_of"]

_FEWEST_ROWS = 48  # fewer go row by row
_MOST = 1000  # exponent that leaves room for products with shares within float64


@kernel
def _deposit_wide_square(limbs, base, row, cell, a, b, sign):
    """Add ``sign * a**2 * b`` through integers: exact for any two finite float64."""
    mantissa, exponent = _integer(a)
    root = np.float64(mantissa)
    square = root * root
    _deposit_wide(limbs, base, row, cell, square, b, sign, 2 * exponent)
    _deposit_wide(limbs, base, row, cell, fma(root, root, -square), b, sign, 2 * exponent)


@kernel
def _deposit_wide_squares(limbs, base, row, cell, a, b, sign):
    """Add ``sign * a**2 * b**2`` through integers: exact for any two finite float64."""
    a_mantissa, a_exponent = _integer(a)
    b_mantissa, b_exponent = _integer(b)
    left, right = np.float64(a_mantissa), np.float64(b_mantissa)
    exponent = 2 * (a_exponent + b_exponent)
    a_square, b_square = left * left, right * right
    a_rest, b_rest = fma(left, left, -a_square), fma(right, right, -b_square)
    _deposit_wide(limbs, base, row, cell, a_square, b_square, sign, exponent)
    _deposit_wide(limbs, base, row, cell, a_square, b_rest, sign, exponent)
    _deposit_wide(limbs, base, row, cell, a_rest, b_square, sign, exponent)
    _deposit_wide(limbs, base, row, cell, a_rest, b_rest, sign, exponent)


@kernel
def _deposit_fourth(x, rows, start, stop, sign, limbs, base, held, need, room):
    """Deposit ``x_i**2 * x_j`` for all i and j, row by row, and ``x_i**2 * x_j**2`` for ``i <= j``, packed.

    `limbs` is float64[L, n_rows, d * d + d * (d + 1) / 2] and `room` float64[4, d], to work in; otherwise as
    :func:`~sqlearn.engine.deposit.deposit_moments`, for records of weight 1. A square is the pair of its rounding and
    of the rounding's error, so a term of third order is two products of float64 and one of fourth order four.
    """
    d = x.shape[1]
    square, rest, p, e = room[0], room[1], room[2], room[3]
    for r in range(start, stop):
        row = rows[r]
        v = x[r]
        top, bottom = _span(v)
        if top != -_NOTHING:
            need[1], need[0] = _limbs_of(max(3 * top, 4 * top), min(3 * bottom, 4 * bottom))
            if need[0] < base or need[1] >= base + limbs.shape[0]:
                return r
        held[row] += np.int64(sign)
        squares_are_tame = _is_tame(2 * top, 2 * bottom)
        for j in range(d):
            square[j] = v[j] * v[j]
            rest[j] = fma(v[j], v[j], -square[j])
        packed = d * d
        for i in range(d):
            if v[i] == 0.0:
                packed += d - i
                continue
            i_top, i_bottom = _span_of(v[i])
            third_top, third_bottom = 2 * i_top + top, 2 * i_bottom + bottom
            fourth_top, fourth_bottom = 2 * (i_top + top), 2 * (i_bottom + bottom)
            tame = squares_are_tame and _is_tame(third_top, third_bottom) and _is_tame(fourth_top, fourth_bottom)
            if not tame:
                for j in range(d):
                    _deposit_wide_square(limbs, base, row, i * d + j, v[i], v[j], sign)
                for j in range(i, d):
                    _deposit_wide_squares(limbs, base, row, packed + j - i, v[i], v[j], sign)
                packed += d - i
                continue
            for factor in (square[i], rest[i]):
                high, low = _limbs_of(third_top, third_bottom)
                scale = sign * _scale(high)
                for j in range(d):
                    product = factor * v[j]
                    p[j] = product * scale
                    e[j] = fma(factor, v[j], -product) * scale
                _extract_pairs(limbs, row, np.int64(i * d), p, e, high - base, low - base)
                high, low = _limbs_of(fourth_top, fourth_bottom)
                scale = sign * _scale(high)
                for others in (square, rest):
                    tail = others[i:]
                    for j in range(d - i):
                        product = factor * tail[j]
                        p[j] = product * scale
                        e[j] = fma(factor, tail[j], -product) * scale
                    _extract_pairs(limbs, row, packed, p[: d - i], e[: d - i], high - base, low - base)
                if rest[i] == 0.0:
                    break
            packed += d - i
    return stop


@kernel
def _square(x, square, rest, exact):
    """Write each value's square and its rounding error, and whether those of a record are exact and finite."""
    for r in range(x.shape[0]):
        top, bottom = _span(x[r])
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
    """Per row: the sums of ``x_i**2 * x_j`` and of ``x_i**2 * x_j**2``, of records of weight 1."""

    @staticmethod
    def cells(n_features, n_targets):
        return n_features * n_features + n_features * (n_features + 1) // 2

    def deposit(self, block, sign, log):
        by_row = self._by_row(block.x, block.rows)
        if log.keeps:
            self.total.make_ready(by_row, self.held)
        log.do(partial(self._deposit, block, sign), partial(self._undo, block, by_row, sign, log))

    def _by_row(self, x, rows) -> Deposit:
        return Deposit(len(x), _deposit_fourth, (x, rows), (np.empty((4, self.n_features)),))

    def _deposit(self, block, sign):
        """Through BLAS where a record's squares fit float64, all or nothing."""
        square, rest, exact = np.empty_like(block.x), np.empty_like(block.x), np.empty(len(block), bool)
        _square(block.x, square, rest, exact)
        alone, sums = np.ones(len(block), bool), []
        for row in np.unique(block.rows):
            group = np.flatnonzero(exact & (block.rows == row))
            if len(group) >= _FEWEST_ROWS:
                digits, low = _sums_of_block(block.x[group], square[group], rest[group])
                self.total.cover(low, low + digits.shape[1])
                sums.append((row, len(group), np.ascontiguousarray(sign * digits.T), low))
                alone[group] = False
        others = self._by_row(block.x[alone], block.rows[alone])
        self.total.reserve(others.n + len(sums))  # a record counts twice: it adds up to 2**34 units to a limb
        self.total.deposit(others, sign, self.held)
        for row, count, terms, low in sums:  # in place: nothing can fail any more
            start = low - self.total.base
            self.total.limbs[start : start + len(terms), row] += terms
            self.held[row] += int(sign) * count

    def _undo(self, block, by_row, sign, log):
        """By blocks, if there is time and memory; else row by row, which takes no memory."""
        if log.at_leisure:
            try:
                self._deposit(block, -sign)
            except Exception:
                log.at_leisure = False
            else:
                return
        self._take_out(by_row, sign)


class Spread(Joint):
    """Per row: a Gram matrix, and the moments of fourth order that tell how far its covariance may be off.

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


# ------------------------------------------------------------------------------------------------------------- reading


@kernel
def _centre(weight, sums, second, third, fourth, diagonal, hi, exponents):
    """For each pair of features, ``n**3`` times the sum of ``(x_i - m_i)**2 (x_j - m_j)**2``, formed in digits.

    Fills float64[d, d] and int64[d, d]: rounded, the values are ``hi * 2**exponents`` in units of the lowest digit's
    fourth power. `diagonal` int64[d] has the places of ``i == j`` in `second` and `fourth`. With s, S, T and F for the
    sums of first to fourth order they are ``n**3 F_iijj - 2 n**2 (s_j T_iij + s_i T_jji) + n (s_j**2 S_ii + s_i**2 S_jj
    + 4 s_i s_j S_ij) - 3 s_i**2 s_j**2``.
    """
    d, length = sums.shape
    n2, n3 = np.zeros(2 * length + 2, np.int64), np.zeros(3 * length + 4, np.int64)
    add_product(n2, weight, weight, 1)
    add_product(n3, weight, n2, 1)
    own, others, both = np.empty(len(n2), np.int64), np.empty(len(n2), np.int64), np.empty(len(n2), np.int64)
    inner, outer = np.empty(len(n2), np.int64), np.empty(len(n3), np.int64)
    out, scratch = np.empty(4 * length + 6, np.int64), np.empty(4 * length + 6, np.int64)
    cell = 0
    for i in range(d):
        own[:] = 0
        add_product(own, sums[i], sums[i], 1)
        for j in range(i, d):
            others[:] = 0
            add_product(others, sums[j], sums[j], 1)
            both[:] = 0
            add_product(both, sums[i], sums[j], 1)
            inner[:] = 0
            add_product(inner, sums[j], third[i * d + j], 1)
            add_product(inner, sums[i], third[j * d + i], 1)
            outer[:] = 0
            add_product(outer, others, second[diagonal[i]], 1)
            add_product(outer, own, second[diagonal[j]], 1)
            for _ in range(4):
                add_product(outer, both, second[cell], 1)
            out[:] = 0
            add_product(out, n3, fourth[cell], 1)
            for _ in range(2):
                add_product(out, n2, inner, -1)
            add_product(out, weight, outer, 1)
            for _ in range(3):
                add_product(out, both, both, -1)
            hi[i, j], _, exponents[i, j] = round_pair(out, scratch)
            hi[j, i], exponents[j, i] = hi[i, j], exponents[i, j]
            cell += 1


@dataclass
class SpreadView:
    """Moments up to the fourth order of some records, exact, and what is read from them.

    Attributes
    ----------
    gram : GramView
        The matrix of ``[1, features]``.
    powers : int64[cells, L]
        Digits of the sums of third and fourth order, as in :class:`FourthMoments`.
    low : int
        Index of the lowest digit of `powers`.
    """

    gram: GramView
    powers: np.ndarray
    low: int

    def kurtosis(self) -> tuple[np.ndarray, np.ndarray]:
        """Means of ``(z_i z_j)**2`` and of ``z_i z_j``, the correlations, of features z of mean 0 and variance 1.

        Returns
        -------
        kurtosis, correlation : float64[d, d]
            Centred before rounding; 0 for features that do not vary.
        """
        d = self.gram.n_features
        (matrix, powers), low = aligned((self.gram.digits, self.gram.low), (self.powers, self.low))
        hi, exponents = np.zeros((d, d)), np.zeros((d, d), np.int64)
        diagonal = packed_cell(np.arange(d), np.arange(d), d)
        third, fourth = powers[: d * d], powers[d * d :]
        _centre(matrix[0], matrix[1 : 1 + d], matrix[1 + d :], third, fourth, diagonal, hi, exponents)
        moments = self.gram.centred()
        variances = moments.hi.diagonal()
        varies = np.outer(variances, variances) > 0.0
        product = np.where(varies, np.outer(variances, variances), 1.0)
        shift = exponents + 128 * low - 2 * np.add.outer(moments.exponents, moments.exponents)
        return np.where(varies, np.ldexp(hi / product, shift), 0.0), moments.hi / np.sqrt(product)

    def units(self) -> np.ndarray:
        """Exponents of powers of two, int64[d]: in these units features have variances that float64 can hold.

        They lie in [1/4, 4) then, or are 0.
        """
        moments = self.gram.centred()
        return np.where(moments.hi.diagonal() > 0.0, moments.exponents - self.gram.weight()[2], 0)

    def covariance(self, units: np.ndarray | int = 0) -> np.ndarray:
        """The covariance matrix after Ledoit and Wolf, float64[d, d], of features standardized, and scaled back.

        Of the features divided by ``2**units``. Constant features count as if their variance were 1 without the units,
        which can be no more than ``2**1000`` or less than ``2**-1000`` with them.
        """
        covariance, weight = self.gram.covariance(units=units), self.gram.weight()
        mean = np.ldexp(self.gram.mean(), np.negative(units))
        count = np.ldexp(weight[0], weight[2])
        variances = covariance.diagonal()
        ones = np.ldexp(1.0, np.clip(-2 * np.asarray(units), -_MOST, _MOST))
        scales = np.where(is_constant(variances, mean, count), ones, variances)
        share, target = self.shrinkage(variances / scales)
        shrunk = (1.0 - share) * covariance
        shrunk.flat[:: len(shrunk) + 1] += share * target * scales
        return shrunk

    def shrinkage(self, variances: np.ndarray) -> tuple[float, float]:
        """Ledoit and Wolf's shrinkage, and the mean variance, for features scaled to these variances, float64[d].

        The shrinkage of ``2**k * variances`` is the same for each k: products of variances stay within float64.
        """
        _, exponent = np.frexp(variances.max())
        variances = np.ldexp(variances, -exponent)
        d, mean = len(variances), float(variances.mean())
        kurtosis, correlation = self.kurtosis()
        products = np.outer(variances, variances)
        squares = correlation**2 * products
        hi, _, w_exponent = self.gram.weight()
        error = (kurtosis * products - squares).sum() / np.ldexp(hi, w_exponent)
        np.fill_diagonal(squares, (variances - mean) ** 2)
        distance = squares.sum()
        share = min(1.0, max(0.0, error / distance)) if distance and d > 1 else 0.0
        return share, float(np.ldexp(mean, exponent))


def spreads_of(statistic: Spread, rows: np.ndarray | None = None) -> list[SpreadView]:
    """The moments of these rows, in this order; of all rows together, as one, for None."""
    powers, low = statistic.fourth.digits(rows)
    return [SpreadView(gram, own, low) for gram, own in zip(grams_of(statistic.gram, rows), powers, strict=True)]
