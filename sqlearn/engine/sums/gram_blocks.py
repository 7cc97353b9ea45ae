"""Blocks of weighted Gram matrices through BLAS, exactly.

The error-free transformation of Ozaki, Ogita, Oishi and Rump (2012): each column of a block is split into slices of
BETA bits, so few that ``slice.T @ slice`` over BLOCK rows is a sum of integers below 2**53, which float64 holds
whatever the order of summation; the products are then deposited in the limbs. The sums are exact, so it never shows in
a state which rows went this way and which by the kernel for single rows.
"""

from collections.abc import Iterator

import numpy as np

from sqlearn.engine.arithmetic import side_by_side
from sqlearn.engine.kernels import kernel
from sqlearn.engine.sums.deposit import deposit_triangle
from sqlearn.engine.sums.exact import Deposit, ExactSum
from sqlearn.engine.sums.extraction import extract, limb_scale, limbs_of, span_of, weigh

# A slice holds at most 2**(BETA - 1) units, so a product of two over BLOCK rows at most
# 2**(2 * BETA - 2) * BLOCK <= 2**53.
BLOCK_BITS = 11
BLOCK = 1 << BLOCK_BITS  # also the most records whose rounded terms rounds sum in float64 at once
BETA = 22
_MOST_SLICES = 6
_FEWEST_ROWS = 48  # fewer go row by row
# Exponents that BLAS may multiply without leaving float64's normal range, also when the products of the lowest slices
# are scaled to a limb: that takes 2**(32 * 31) at most, for 2 * (_BOTTOM + 1) - 2 * (_MOST_SLICES - 1) * BETA +
# BLOCK_BITS >= -992.
_TOP, _BOTTOM = 480, -384
# Cost of one Gram cell by the single-row kernel over that of one by BLAS and one slice each, measured.
_ROW_COST = 40.0


def packed_cell(i, j, width):
    """Where entry (i, j), ``i <= j``, of a matrix of order `width` lies in its packed upper triangle."""
    return i * width - i * (i - 1) // 2 + j - i


@kernel
def _plan(v, tops, need):
    """Highest exponent of each column among its usual values, and the slices each row needs (many: stands out)."""
    n, width = v.shape
    sums = np.zeros(width)
    counts = np.ones(width)
    spans = np.empty((n, width, 2), np.int16)
    for r in range(n):
        for j in range(width):
            if v[r, j] != 0.0:
                top, bottom = span_of(v[r, j])
                spans[r, j, 0] = top
                spans[r, j, 1] = bottom
                sums[j] += top
                counts[j] += 1
    for j in range(width):
        sums[j] = sums[j] / counts[j] + 8.0
        tops[j] = -(1 << 20)
    for r in range(n):
        need[r] = 0
        for j in range(width):
            if v[r, j] != 0.0:
                top = spans[r, j, 0]
                if top > sums[j] or top > _TOP or spans[r, j, 1] < _BOTTOM:
                    need[r] = 1 << 20
                elif top > tops[j]:
                    tops[j] = top
    for j in range(width):
        if tops[j] < _BOTTOM:
            tops[j] = 0
    for r in range(n):
        for j in range(width):
            if v[r, j] != 0.0:
                slices = (tops[j] - spans[r, j, 1] + BETA) // BETA  # ceil((top - bottom + 1) / BETA)
                if slices > need[r]:
                    need[r] = slices


@kernel
def _weigh_all(z, weights, product, rest):
    """Weigh many records, as :func:`~sqlearn.engine.sums.extraction.weigh` does one; whether a product was rounded."""
    inexact = False
    for r in range(z.shape[0]):
        inexact |= weigh(weights[r], z[r], product[r], rest[r])
    return inexact


def _weigh(z, weights):
    """The left factors of ``w * z_i * z_j``: float64[n, p] whose sum is ``w * z``; one where no product was rounded."""
    product, rest = np.empty_like(z), np.empty_like(z)
    return [product, rest] if _weigh_all(z, weights, product, rest) else [product]


@kernel
def _slice(v, tops, slices):
    """Split `v` into ``slices[:, s * width + j]``, multiples of ``2**(tops[j] + 1 - (s + 1) * BETA)``."""
    n, width = v.shape
    n_slices = slices.shape[1] // width
    rounders = np.empty((n_slices, width))
    for s in range(n_slices):
        for j in range(width):
            rounders[s, j] = 1.5 * 2.0 ** (52 + tops[j] + 1 - (s + 1) * BETA)
    rest = np.empty(width)
    for r in range(n):
        for j in range(width):
            rest[j] = v[r, j]
        for s in range(n_slices):
            piece = slices[r, s * width : (s + 1) * width]
            rounder = rounders[s]
            for j in range(width):
                h = (rest[j] + rounder[j]) - rounder[j]
                piece[j] = h
                rest[j] -= h


@kernel
def _deposit_products(products, left_tops, right_tops, slot, sign, limbs, base, p):
    """Deposit the slices' products, ``products[s * width + i, t * width + j]``, into the packed upper triangle.

    `p` is float64[width] to work in: nothing here may ask for memory.
    """
    width = len(left_tops)
    left_slices, right_slices = products.shape[0] // width, products.shape[1] // width
    start = np.int64(0)  # a literal would compile extract once more
    for i in range(width):
        count = width - i
        most, least = right_tops[i], right_tops[i]
        for j in range(i, width):
            most = max(most, right_tops[j])
            least = min(least, right_tops[j])
        for s in range(left_slices):
            for t in range(right_slices):
                shift = left_tops[i] - (s + t) * BETA
                high, low = limbs_of(shift + most + BLOCK_BITS + 1, shift + least - 2 * (BETA - 1))
                scale = sign * limb_scale(high)
                line = products[s * width + i, t * width + i : (t + 1) * width]
                for j in range(count):
                    p[j] = line[j] * scale
                extract(limbs, slot, start, p[:count], high - base, low - base)
        start += count


def _best_slices(need: np.ndarray) -> int:
    """The number of slices for which slicing, and the row kernel for the rows that need more, cost least."""
    standing_out = [np.count_nonzero(need > k) for k in range(1, _MOST_SLICES + 1)]
    cost = [(len(need) - out) * k * k + out * _ROW_COST for k, out in enumerate(standing_out, 1)]
    return int(np.argmin(cost)) + 1


def deposit_gram(
    total: ExactSum, z: np.ndarray, weights: np.ndarray, slot: int, sign: float, record_counts: np.ndarray
) -> Iterator[int]:
    """Deposit what :func:`~sqlearn.engine.sums.deposit.deposit_triangle` does, for many records of one slot.

    It goes from block to block, each all or nothing, and yields how many records were in it.

    Parameters
    ----------
    total : ExactSum
        Sum with ``p * (p + 1) / 2`` cells.
    z : float64[n, p]
        Finite records.
    weights : float64[n]
        Their weights.
    slot, sign, record_counts
        As for :func:`~sqlearn.engine.sums.deposit.deposit_triangle`.
    """
    blocks = [(z[start : start + BLOCK], weights[start : start + BLOCK]) for start in range(0, len(z), BLOCK)]
    with side_by_side(_multiply, blocks) as multiplied:
        for block, (_, block_weights) in zip(multiplied, blocks, strict=True):
            _deposit_block(total, block, slot, record_counts, sign)
            yield len(block_weights)


def _multiply(block):
    """The rows that go by the single-row kernel, and how many others there are, with the products of their slices."""
    z, weights = block
    n, width = z.shape
    weighted = bool((weights != 1.0).any())
    sides = [*_weigh(z, weights), z] if weighted else [z]
    alone = np.ones(n, bool)
    if n >= _FEWEST_ROWS:
        tops = np.empty((len(sides), width), np.int64)
        needs = np.empty((len(sides), n), np.int64)
        for side, v in enumerate(sides):
            _plan(v, tops[side], needs[side])
        n_slices = [_best_slices(need) for need in needs]
        too_light = weights < 2.0**_BOTTOM  # weight 0, too: `product` shows no value that underflowed
        alone = (needs > np.array(n_slices)[:, None]).any(axis=0) | too_light
    index = np.flatnonzero(alone)
    if len(index) == n:
        return z, weights, 0, []
    slices = []
    for v, top, k in zip(sides, tops, n_slices, strict=True):
        pieces = np.empty((n - len(index), k * width))
        _slice(np.ascontiguousarray(v[~alone]) if len(index) else v, top, pieces)
        slices.append(pieces)
    lefts = list(zip(slices, tops, strict=True))[: len(sides) - weighted]
    products = [(left.T @ slices[-1], left_tops, tops[-1]) for left, left_tops in lefts]
    return z[index], weights[index], n - len(index), products


def _deposit_block(total, block, slot, record_counts, sign):
    """All or nothing: what needs memory comes first."""
    z, weights, n_others, products = block
    width = z.shape[1]
    for product, left_tops, right_tops in products:
        n_left, n_right = product.shape[0] // width, product.shape[1] // width
        lowest = int(left_tops.min() + right_tops.min()) - (n_left + n_right - 2) * BETA - 2 * (BETA - 1)
        high, low = limbs_of(int(left_tops.max() + right_tops.max()) + BLOCK_BITS + 1, lowest)
        total.reserve(n_left * n_right)
        total.grow_to(low, high)
    arrays, workspace = (z, weights, np.full(len(z), slot, np.int64)), np.empty((2, width))
    total.deposit(Deposit(len(z), deposit_triangle, arrays, (workspace,)), sign, record_counts)
    for product, left_tops, right_tops in products:
        _deposit_products(product, left_tops, right_tops, slot, sign, total.limbs, total.base, workspace[0])
    record_counts[slot] += int(sign) * n_others
