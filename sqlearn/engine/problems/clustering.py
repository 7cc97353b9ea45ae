"""Kernels of k-means: assignment of blocks of records, and k-means++ by a keyed race.

A record's contribution to a round is its weight, its weighted coordinates and its weighted squared distance to the
nearest centre, each rounded to a fixed unit: sums of a block are exact in float64, so in any order. Records too large
for that are left out of a block's sums and named; alone, each gives the same terms.
"""

import numpy as np

from sqlearn.engine.arithmetic import log, mix
from sqlearn.engine.kernels import float_bits, kernel

_CHUNK = 128
_ONE = 1.5 * 2.0**52
_UNIT = 2.0**-36
_LARGEST = 32.0, 4.0, 2.0**10  # coordinate, weight, squared distance a feature; with 2048 records they leave 53 bits
FARTHEST = 2.0**300


@kernel
def scan(x, w, scale_w, mean, factor, centres, exact, headroom, sums, labels, distances, large):
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
    headroom : float
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
    lanes = min(n, _CHUNK)
    z = np.empty((d, lanes))
    norm, biggest, score, best = np.empty(lanes), np.empty(lanes), np.empty(lanes), np.empty(lanes)
    label = np.empty(lanes, np.int64)
    half = np.zeros(k)
    for c in range(k):
        for j in range(d):
            half[c] += 0.5 * (centres[c, j] * centres[c, j])
    share = 1.0
    while share < d:
        share *= 2.0
    rounder = _ONE * _UNIT if exact else 0.0
    far_rounder = rounder * 2.0**5 * share
    most_z, most_w, most_far = _LARGEST[0] * headroom, _LARGEST[1] * headroom, _LARGEST[2] * share * headroom
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
def advance(sums, centres, width, dither, end, rounded):
    """One step of Lloyd's algorithm.

    Parameters
    ----------
    sums : float64[k * (1 + d) + 1]
        What :func:`scan` summed at these centres.
    centres : float64[k, d]
        In terms of z; an empty cluster stays where it is.
    width, dither : float, float64[k * d]
        Grid of centres: a cell is ``floor(centre / width + dither)``.
    end : float64[k * d + 2]
        New centres, and the inertia about them of the records that were assigned to each: written.
    rounded : float64[k * d]
        The new centres, each in the middle of its cell: written.

    Returns
    -------
    moved : float
        By how many cells a coordinate has moved at most.
    shift : float
        Squared distance that the centres have moved, summed.
    variance : float
        Mean variance of the features.
    """
    k, d = centres.shape
    moved, shift, lost = 0.0, 0.0, 0.0
    total, square = 0.0, sums[k * (1 + d)]
    for c in range(k):
        weight = sums[c * (1 + d)]
        total += weight
        for j in range(d):
            old, i = centres[c, j], c * d + j
            new = sums[c * (1 + d) + 1 + j] / weight if weight > 0.0 else old
            square += old * (2.0 * sums[c * (1 + d) + 1 + j] - weight * old)
            distance = (new - old) * (new - old)
            lost += weight * distance
            shift += distance
            cell = np.floor(new / width + dither[i])
            moved = max(moved, abs(cell - np.floor(old / width + dither[i])))
            end[i] = new
            rounded[i] = (cell + 0.5 - dither[i]) * width
    for j in range(d):
        mean = 0.0
        for c in range(k):
            mean += sums[c * (1 + d) + 1 + j]
        square -= mean * mean / max(total, 2.0**-1000)
    end[k * d] = max(sums[k * (1 + d)] - lost, 0.0)
    end[k * d + 1] = 0.0
    return moved, shift, max(square, 0.0) / (max(total, 2.0**-1000) * d)


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
def row_hashes(x, seed):
    """A keyed hash of each record's features, uint64[n]: copies and weights do not show."""
    out = np.empty(len(x), np.uint64)
    for i in range(len(x)):
        h = seed
        for j in range(x.shape[1]):
            h = mix(np.uint64(float_bits(x[i, j])) ^ h, seed)
        out[i] = h
    return out


@kernel
def merge(x, w, hashes, order):
    """Records in this order, with equal neighbours made one that has their weights' sum."""
    n, d = x.shape
    out_x, out_w, out_hashes = np.empty((n, d)), np.empty(n), np.empty(n, np.uint64)
    count = 0
    for k in range(n):
        i = order[k]
        equal = count > 0 and hashes[i] == out_hashes[count - 1]
        for j in range(d):
            equal = equal and x[i, j] == out_x[count - 1, j]
        if equal:
            out_w[count - 1] += w[i]
            continue
        for j in range(d):  # one by one: numba takes two seconds to compile the assignment of a row
            out_x[count, j] = x[i, j]
        out_w[count], out_hashes[count] = w[i], hashes[i]
        count += 1
    return out_x[:count].copy(), out_w[:count].copy(), out_hashes[:count].copy()


@kernel
def exponentials(hashes, code, seed):
    """A keyed exponential variate for each hash, float64[n]."""
    out = np.empty(len(hashes))
    for i in range(len(hashes)):
        word = mix(mix(hashes[i], np.uint64(code)), seed) >> np.uint64(12)
        out[i] = -log((np.float64(word) + 0.5) * 2.0**-52)
    return out


@kernel
def seed_centres(z, w, hashes, k, trials, code, seed):
    """Records that k-means++ picks, int64[k]: of `trials` candidates for each centre, that of the lowest potential.

    Candidates are drawn with probability proportional to their weighted squared distance: the first to arrive in a race
    of exponential variates at those rates, so that one record more or less seldom changes them.
    """
    n, d = z.shape
    columns = np.empty((d, n))
    for j in range(d):
        for i in range(n):
            columns[j, i] = z[i, j]
    chosen, picks, arrivals = np.zeros(k, np.int64), np.empty(trials, np.int64), np.empty(trials)
    closest, trial, best = np.ones(n), np.empty(n), np.empty(n)
    for c in range(k):
        runners = trials if c else 1
        picks[:] = 0
        arrivals[:] = np.inf
        times = exponentials(hashes, code * k + c, seed)
        for i in range(n):
            time = times[i] / (w[i] * closest[i])
            if time < arrivals[runners - 1]:
                t = runners - 1
                while t > 0 and time < arrivals[t - 1]:
                    picks[t], arrivals[t] = picks[t - 1], arrivals[t - 1]
                    t -= 1
                picks[t], arrivals[t] = i, time
        lowest = np.inf
        for t in range(runners):
            if t > 0 and arrivals[t] == np.inf:  # fewer records than runners are at any distance
                break
            trial[:] = 0.0
            for j in range(d):
                row = columns[j]
                center = row[picks[t]]
                for i in range(n):
                    trial[i] += (row[i] - center) * (row[i] - center)
            potential = 0.0
            for i in range(n):
                trial[i] = min(trial[i], closest[i]) if c else trial[i]
                potential += w[i] * trial[i]
            if potential < lowest:
                lowest, chosen[c] = potential, picks[t]
                for i in range(n):
                    best[i] = trial[i]
        for i in range(n):
            closest[i] = best[i]
    return chosen
