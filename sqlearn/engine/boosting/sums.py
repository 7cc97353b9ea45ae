"""The exact sums of a booster: gradients and second derivatives of records at the start, by column and by two columns.

A record has one column of each tree, its leaf, and one of each feature, its bin. The gradient of a column sums those of
its records; the Hessian of two columns sums the second derivatives of the records that have both. Derivatives are
rounded to integers, so sums do not depend on an order, and what a record added can be taken away.
"""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.boosting.binning import bin_of
from sqlearn.engine.boosting.layout import MOST_OCTAVE
from sqlearn.engine.boosting.leaves import find_leaves
from sqlearn.engine.boosting.losses import derivatives, rounded
from sqlearn.engine.kernels import kernel, trailing_zeros

_WIDTH = 6  # bits of a place in a block of columns
_CELLS = 2 ** (2 * _WIDTH)
_SALT = np.uint64(0x5EED)
_CHUNK = 2048  # records whose leaves are found together
_ASKED = 2**MOST_OCTAVE  # records whose second derivatives are summed together


@kernel
def in_share(keyed, limit):
    """Whether a record is asked for second derivatives."""
    return mix(keyed, _SALT) <= limit


@kernel
def _integers(loss, y, mass, f, units, g, h, room):
    """Write the derivatives of one record in integers, int64[K]."""
    g1, h1 = room
    derivatives(loss, y, f, g1, h1)
    for k in range(len(g1)):
        g[k] = rounded(g1[k] * mass, units.gradient)
        h[k] = max(np.int64(1), rounded(h1[k] * mass, units.curvature))


@kernel
def _response(y, w, classes, units, has_targets):
    """The target of at most 1, or the column of the class; and the weight of at most 1."""
    if has_targets:
        return y * units.target, w * units.weight
    slot = np.int64(y)
    return np.float64(classes.column[slot]), w * units.weight * classes.weight[slot]


@kernel
def add_records(
    data, places, sign, loss, bins, masks, start, classes, units, has_targets, gradients, hessians, waiting, count
):
    """Add (1) or subtract (-1) the records at some places: sums int64[K, p], float64[K, p, p] in the lower triangle.

    Where no Hessians are written out, float64[0, p, p], records that are asked for second derivatives come to those
    that wait, whose number is `count`, int64[1]; there is room for them.
    """
    x, y, w, keyed = data
    d, k_most, columns = x.shape[1], len(start.base), start.columns
    n_blocks = columns.shape[1] - 1
    n_trees = n_blocks - d
    size = min(_CHUNK, len(places))
    codes, left = np.empty((d, size), np.uint8), np.empty(size, np.int64)
    at = np.empty((k_most, n_blocks, size), np.uint8)  # the place of each record in each block of columns
    f, g, h = np.empty((size, k_most), np.int64), np.empty((size, k_most), np.int64), np.empty(k_most, np.int64)
    waits = len(hessians) == 0
    most = 0 if waits else min(_ASKED, len(places))
    asked, curvatures, n_asked = np.empty((k_most, n_blocks, most), np.uint8), np.empty((k_most, most), np.uint32), 0
    room = np.empty(k_most), np.empty(k_most)
    for first in range(0, len(places), size):
        n = min(size, len(places) - first)
        for j in range(d):
            row, n_edges, shift = bins.edges[j], bins.n_edges[j], bins.shifts[j]
            for i in range(n):
                b = bin_of(x[places[first + i], j], row, n_edges, bins.equal[j])
                codes[j, i] = b
                column = column_of(b, n_edges, shift)
                for k in range(k_most):
                    at[k, n_trees + j, i] = column
        for k in range(k_most):
            find_leaves(masks, k * n_trees, codes[:, :n], at[k, :n_trees, :n], left[:n])
            for i in range(n):
                f[i, k] = start.base[k]
            for t in range(n_trees):
                values, of_t = start.values[k, columns[k, t] : columns[k, t + 1]], at[k, t]
                for i in range(n):
                    f[i, k] += values[of_t[i]]
        for i in range(n):
            place = places[first + i]
            target, mass = _response(y[place], w[place], classes, units, has_targets)
            _integers(loss, target, mass, f[i], units, g[i], h, room)
            if in_share(keyed[place], units.share):
                if waits:
                    for k in range(k_most):
                        waiting[1][k, count[0]] = sign * h[k]
                        for a in range(n_blocks):
                            waiting[0][k, a, count[0]] = at[k, a, i]
                    count[0] += 1
                    continue
                for k in range(k_most):
                    curvatures[k, n_asked] = h[k]
                    for a in range(n_blocks):
                        asked[k, a, n_asked] = at[k, a, i]
                n_asked += 1
                if n_asked == most:
                    _add_pairs(columns, asked, n_asked, curvatures, sign, hessians)
                    n_asked = 0
        for k in range(k_most):
            for a in range(n_blocks):
                of_a, cells = at[k, a], gradients[k, columns[k, a] : columns[k, a + 1]]
                for i in range(n):
                    cells[of_a[i]] += sign * g[i, k]
    _add_pairs(columns, asked, n_asked, curvatures, sign, hessians)


@kernel
def _add_pairs(columns, asked, n, curvatures, sign, hessians):
    """Add or subtract second derivatives of n records, uint32[K, n]: two blocks at a time, in tables that stay near.

    The sum of those of one block is below 2**32: see :mod:`~sqlearn.engine.boosting.units`.
    """
    first, second = np.empty(_CELLS, np.uint32), np.empty(_CELLS, np.uint32)
    rows = np.empty(n, np.uint32)
    for k in range(len(hessians)):
        starts, at, h, hessian = columns[k], asked[k], curvatures[k], hessians[k]
        for a in range(len(at)):
            of_a = at[a]
            for i in range(n):
                rows[i] = np.uint32(of_a[i]) << np.uint32(_WIDTH)
            for b in range(0, a, 2):
                of_first, of_second = at[b], at[b + 1]  # which is that of a itself where a is odd
                first[:], second[:] = 0, 0
                for i in range(n):
                    row, amount = rows[i], h[i]
                    first[row | np.uint32(of_first[i])] += amount
                    second[row | np.uint32(of_second[i])] += amount
                _add_table(first, starts, a, b, sign, hessian)
                if b + 1 < a:
                    _add_table(second, starts, a, b + 1, sign, hessian)
            for i in range(n):
                column = starts[a] + of_a[i]
                hessian[column, column] += sign * np.int64(h[i])


@kernel
def _add_table(table, starts, a, b, sign, hessian):
    """Add the sums of two blocks of columns."""
    for i in range(starts[a + 1] - starts[a]):
        row = hessian[starts[a] + i, starts[b] : starts[b + 1]]
        for j in range(len(row)):
            row[j] += sign * np.int64(table[(i << _WIDTH) + j])


@kernel
def catch_up(columns, waiting, count, hessians):
    """Add to the Hessians the records that wait, and note that none does; one call, so nothing can come between."""
    asked, curvatures = waiting
    for k in range(len(hessians)):
        starts, at, hessian = columns[k], asked[k], hessians[k]
        for a in range(len(at)):
            for b in range(a + 1):
                for i in range(count[0]):
                    hessian[starts[a] + at[a, i], starts[b] + at[b, i]] += curvatures[k, i]
    count[0] = 0


@kernel
def column_of(b, n_edges, shift):
    """The column, of those of a feature, that a bin has: missing values have the last one."""
    return (n_edges >> shift) + 1 if b > n_edges else b >> shift


@kernel
def locate(x, bins, masks, columns, codes, found):
    """Write the columns of one record, int64[K, T + d]."""
    d, (k_most, n_blocks) = len(x), found.shape
    n_trees = n_blocks - d
    starts, features, leaves = masks
    for j in range(d):
        b = bin_of(x[j], bins.edges[j], bins.n_edges[j], bins.equal[j])
        codes[j] = b
        column = column_of(b, bins.n_edges[j], bins.shifts[j])
        for k in range(k_most):
            found[k, n_trees + j] = columns[k, n_trees + j] + column
    for k in range(k_most):
        for t in range(n_trees):
            first, last = starts[k * n_trees + t], starts[k * n_trees + t + 1]
            left = np.int64(-1 if first < last else 1)
            for r in range(first, last):
                left &= leaves[r, codes[features[r]]]
            found[k, t] = columns[k, t] + trailing_zeros(left)


@kernel
def add_record(data, i, sign, loss, bins, masks, start, classes, units, has_targets, gradients, waiting, count, room):
    """Add (1) or subtract (-1) one record to the gradients, and write its columns and second derivatives.

    If it is asked for the latter, it becomes one of the records that wait to be added to the Hessians, whose number is
    `count`, int64[1]. Returns whether it is.
    """
    codes, found, f, g, h, g1, h1 = room
    asked, curvatures = waiting
    k_most, n_blocks, n = found.shape[0], found.shape[1], count[0]
    n_trees = n_blocks - data.x.shape[1]
    locate(data.x[i], bins, masks, start.columns, codes, found)
    for k in range(k_most):
        f[k] = start.base[k]
        for t in range(n_trees):
            f[k] += start.values[k, found[k, t]]
    target, mass = _response(data.y[i], data.w[i], classes, units, has_targets)
    _integers(loss, target, mass, f, units, g, h, (g1, h1))
    for k in range(k_most):
        for a in range(n_blocks):
            gradients[k, found[k, a]] += sign * g[k]
    if not in_share(data.keyed[i], units.share):
        return False
    for k in range(k_most):
        h[k] *= sign
        curvatures[k, n] = h[k]
        for a in range(n_blocks):
            asked[k, a, n] = found[k, a] - start.columns[k, a]
    count[0] += 1
    return True
