"""Standardised records in tiles: what the passes read.

A tile has TILE records. Its features lie one after the other, each with its value for every record of the tile, so that
a loop over records reads what lies side by side. Both ends are padded with zeros: features to a multiple of LANES,
records to whole tiles, with a weight of 0.
"""

import numpy as np

from sqlearn.engine.kernels import fma, kernel

TILE = 64
LANES = 8


@kernel
def padded(n):
    """The next multiple of LANES."""
    return (n + LANES - 1) // LANES * LANES


@kernel
def lanes_summed(s):
    """The sum of LANES numbers, in one order."""
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))


@kernel
def fill_tiles(x, y, w, mean, factor, first):
    """Tiles of ``(x - mean) * factor`` behind ones if `first`, of targets and weights, and weighted sums of squares.

    Returns
    -------
    z : float64[tiles, p, TILE]
    y, w : float64[tiles, TILE]
    squares : float64[p]
    """
    n, d = x.shape
    n_tiles = (n + TILE - 1) // TILE
    z = np.empty((n_tiles, padded(d + first), TILE))
    squares, lanes = np.empty(z.shape[1]), np.zeros((z.shape[1], LANES))
    targets, weights = np.zeros((n_tiles, TILE)), np.zeros((n_tiles, TILE))
    for t in range(n_tiles):
        tile, start = z[t], t * TILE
        m = min(TILE, n - start)
        for r in range(m):
            targets[t, r], weights[t, r] = y[start + r], w[start + r]
        if m < TILE or len(tile) > d + first:
            tile[:] = 0.0
        if first:
            for r in range(m):
                tile[0, r] = 1.0
        for r in range(0, m, LANES):  # few rows at a time, which stay in the cache
            stop = min(r + LANES, m)
            for j in range(d):
                a, f = mean[j], factor[j]
                for q in range(r, stop):
                    tile[first + j, q] = (x[start + q, j] - a) * f
        for j in range(d + first):
            for r in range(0, TILE, LANES):
                for l in range(LANES):
                    lanes[j, l] = fma(weights[t, r + l] * tile[j, r + l], tile[j, r + l], lanes[j, l])
    for j in range(len(lanes)):
        squares[j] = lanes_summed(lanes[j])
    return z, targets, weights, squares
