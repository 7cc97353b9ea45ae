"""Kernels of k-means: assignment of blocks of records, and k-means++ by a keyed race.

A record's contribution to a round is its weight, its weighted coordinates and its weighted squared distance to the
nearest centre, each rounded to a fixed unit: sums of a block are exact in float64, so in any order. Records too large
for that are left out of a block's sums and named; alone, each gives the same terms.
"""

import numpy as np

from sqlearn.engine.elementary import log, mix
from sqlearn.engine.intrinsics import float_bits
from sqlearn.engine.kernel import kernel

__all__ = ["FARTHEST", "exponentials", "hashes", "merge", "scan", "seed_centres", "spread"]

_CHUNK = 128
_ONE = 1.5 * 2.0**52
_UNIT = 2.0**-36
_LARGEST = 32.0, 4.0, 2.0**10  # coordinate, weight, squared distance a feature; with 2048 records they leave 53 bits
FARTHEST = 2.0**300


@kernel
def scan(x, w, scale_w, mean, factor, centres, exact, room, sums, labels, distances, large):
    """Sum records by their nearest centre.

    Parameters
    ----------
    x, w : float64[n, d], float64[n]
        Records and weights; n is at most 2048 for `exact`.
    scale_w : float
        What to multiply weights by.
    mean, factor : float64[d]
        ``z = (x - mean) * factor``.
    centres : float64[k, d]
        In terms of z.
    exact : bool
        Whether to round contributions, so that sums are exact.
    room : float
        1, or infinity to leave no record out.
    sums : float64[k * (1 + d) + 1]
        Weight and weighted z by centre, then the weighted squared distances: added to.
    labels : int64[n]
        Nearest centre, the first of equal ones: written.
    distances : float64[n]
        Squared distance to it: written.
    large : bool[n]
        Which records were left out: written.

    Returns
    -------
    int
        How many were left out.
    """
    n, d = x.shape
    k = len(centres)
    z = np.empty((d, _CHUNK))
    norm, biggest, score, best = np.empty(_CHUNK), np.empty(_CHUNK), np.empty(_CHUNK), np.empty(_CHUNK)
    label = np.empty(_CHUNK, np.int64)
    half = np.zeros(k)
    for c in range(k):
        for j in range(d):
            half[c] += 0.5 * (centres[c, j] * centres[c, j])
    share = 1.0
    while share < d:
        share *= 2.0
    rounder = _ONE * _UNIT if exact else 0.0
    far_rounder = rounder * 2.0**5 * share
    most_z, most_w, most_far = _LARGEST[0] * room, _LARGEST[1] * room, _LARGEST[2] * share * room
    n_large = 0
    for start in range(0, n, _CHUNK):
        m = min(_CHUNK, n - start)
        norm[:] = 0.0
        biggest[:] = 0.0
        for j in range(d):
            row, center, f = z[j], mean[j], factor[j]
            for r in range(m):
                v = min(max((x[start + r, j] - center) * f, -FARTHEST), FARTHEST)
                row[r] = v
                norm[r] += v * v
                biggest[r] = max(biggest[r], abs(v))
        label[:] = 0
        best[:] = -np.inf
        for c in range(k):
            t = centres[c]
            score[:] = -half[c]
            for j in range(0, d - 3, 4):
                t0, t1, t2, t3 = t[j], t[j + 1], t[j + 2], t[j + 3]
                z0, z1, z2, z3 = z[j], z[j + 1], z[j + 2], z[j + 3]
                for r in range(m):
                    score[r] = (((score[r] + t0 * z0[r]) + t1 * z1[r]) + t2 * z2[r]) + t3 * z3[r]
            for j in range(d - d % 4, d):
                t0, z0 = t[j], z[j]
                for r in range(m):
                    score[r] += t0 * z0[r]
            for r in range(m):
                better = score[r] > best[r]
                best[r] = score[r] if better else best[r]
                label[r] = c if better else label[r]
        for r in range(m):
            weight = w[start + r] * scale_w
            c = label[r]
            distance = max(norm[r] - 2.0 * best[r], 0.0)
            labels[start + r] = c
            distances[start + r] = distance
            far = weight * distance
            is_large = not (weight * biggest[r] <= most_z and weight <= most_w and far <= most_far)
            large[start + r] = is_large
            if is_large:
                n_large += 1
                continue
            cell = c * (1 + d)
            sums[cell] += (weight + rounder) - rounder
            for j in range(d):
                sums[cell + 1 + j] += (weight * z[j, r] + rounder) - rounder
            sums[k * (1 + d)] += (far + far_rounder) - far_rounder
    return n_large


@kernel
def spread(table, means, centres):
    """Weighted squared distances of means from the centres that their records were assigned to."""
    total = 0.0
    for c in range(centres.shape[0]):
        for j in range(centres.shape[1]):
            total += table[c, 0] * ((means[c, j] - centres[c, j]) * (means[c, j] - centres[c, j]))
    return total


# ------------------------------------------------------------------------------------------------------- the sample


@kernel
def hashes(x, seed):
    """A keyed hash of each record's features, uint64[n]: copies and weights do not show."""
    out = np.empty(len(x), np.uint64)
    for i in range(len(x)):
        h = seed
        for j in range(x.shape[1]):
            h = mix(np.uint64(float_bits(x[i, j])) ^ h, seed)
        out[i] = h
    return out


@kernel
def merge(x, w, names, order):
    """Records in this order, with equal neighbours made one that has their weights' sum."""
    n, d = x.shape
    out_x, out_w, out_names = np.empty((n, d)), np.empty(n), np.empty(n, np.uint64)
    count = 0
    for k in range(n):
        i = order[k]
        equal = count > 0 and names[i] == out_names[count - 1]
        for j in range(d):
            equal = equal and x[i, j] == out_x[count - 1, j]
        if equal:
            out_w[count - 1] += w[i]
            continue
        out_x[count], out_w[count], out_names[count] = x[i], w[i], names[i]
        count += 1
    return out_x[:count].copy(), out_w[:count].copy(), out_names[:count].copy()


@kernel
def exponentials(names, code, seed):
    """A keyed exponential variate for each name, float64[n]."""
    out = np.empty(len(names))
    for i in range(len(names)):
        word = mix(mix(names[i], np.uint64(code)), seed) >> np.uint64(12)
        out[i] = -log((np.float64(word) + 0.5) * 2.0**-52)
    return out


@kernel
def seed_centres(z, w, names, k, trials, code, seed):
    """Records that k-means++ picks, int64[k]: of `trials` candidates for each centre, that of the lowest potential.

    A candidate is drawn with probability proportional to its weighted squared distance: the first to arrive in a race
    of exponential variates at those rates, so that one record more or less seldom changes it.
    """
    n, d = z.shape
    chosen = np.zeros(k, np.int64)
    closest = np.ones(n)
    trial, best = np.empty(n), np.empty(n)
    for c in range(k):
        lowest = np.inf
        for t in range(trials if c else 1):
            times = exponentials(names, (code * k + c) * trials + t, seed)
            pick, first = 0, np.inf
            for i in range(n):
                time = times[i] / (w[i] * closest[i])
                if time < first:
                    pick, first = i, time
            potential = 0.0
            for i in range(n):
                distance = 0.0
                for j in range(d):
                    distance += (z[i, j] - z[pick, j]) * (z[i, j] - z[pick, j])
                trial[i] = min(distance, closest[i]) if c else distance
                potential += w[i] * trial[i]
            if potential < lowest:
                lowest, chosen[c] = potential, pick
                best[:] = trial
        closest[:] = best
    return chosen
