"""Growing an isolation tree: records are separated at random until each is alone."""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import float_bits, kernel, multiply_high
from sqlearn.engine.trees.candidates import narrow
from sqlearn.engine.trees.growth import child_path, member_hash

_MISSING = np.float32(np.inf)  # what stands for NaN: above all numbers
_VARIES = 2**31 - 1


@kernel
def _part(order, lo, hi, values, feature, threshold, spare):
    """Move records that go left before those that go right; return where these begin."""
    middle, n_spare = lo, 0
    for i in range(lo, hi):
        record = order[i]
        if np.float64(values[feature, record]) <= threshold:
            order[middle] = record
            middle += 1
        else:
            spare[n_spare] = record
            n_spare += 1
    for i in range(n_spare):
        order[middle + i] = spare[i]
    return middle


@kernel
def isolate(x, places, keyed, features, path, max_depth, split, thresholds):
    """Grow a tree: write its nodes, in preorder, and return how many there are, and their hash.

    At each node a feature is drawn among those that vary, and a threshold between its extremes: hashes of the path.
    """
    m, k = len(places), len(features)
    values = np.empty((k, m), np.float32)
    of_members = np.uint64(0)
    for i in range(m):
        of_members += member_hash(keyed[places[i]])
        for j in range(k):
            values[j, i] = narrow(x[places[i], features[j]])
    hashed = mix(of_members, np.uint64(m))
    order, spare, permutation = np.arange(m).astype(np.int32), np.empty(m, np.int32), np.empty(k, np.int32)
    constant = np.full(k, _VARIES, np.int64)  # the depth from which on a feature is known to be
    marked, n_marked = np.empty(k, np.int32), 0  # which are, the deepest last
    pending = np.empty((max_depth + 2, 4), np.int64)  # from, to, depth, parent of a right child
    paths = np.empty(max_depth + 2, np.uint64)
    pending[0, 0], pending[0, 1], pending[0, 2], pending[0, 3] = 0, m, 0, -1
    paths[0] = path
    top, node = 1, -1
    while top:
        top -= 1
        lo, hi, depth, parent = pending[top, 0], pending[top, 1], pending[top, 2], pending[top, 3]
        path = paths[top]
        node += 1
        if parent >= 0:
            split[parent, 1] = node
        while n_marked and constant[marked[n_marked - 1]] >= depth:  # by nodes of other branches
            n_marked -= 1
            constant[marked[n_marked]] = _VARIES
        feature, least, greatest, highest = np.int64(-1), _MISSING, _MISSING, _MISSING
        left = k if hi - lo > 1 and depth < max_depth else 0
        for j in range(left):
            permutation[j] = j
        while left:
            drawn = multiply_high(mix(path, np.uint64(100 + k - left)), np.uint64(left))
            left -= 1
            j = permutation[drawn]
            permutation[drawn] = permutation[left]
            if constant[j] < _VARIES:
                continue
            least = greatest = values[j, order[lo]]
            highest = -_MISSING
            for i in range(lo, hi):
                value = values[j, order[i]]
                least, greatest = min(least, value), max(greatest, value)
                if value != _MISSING:
                    highest = max(highest, value)
            if least < greatest:
                feature = np.int64(j)
                break
            constant[j] = depth
            marked[n_marked] = j
            n_marked += 1
        split[node, 3] = hi - lo
        if feature < 0:
            split[node, 0], split[node, 1], split[node, 2], thresholds[node] = -1, -1, -2, -2.0
            hashed = mix(hashed, np.uint64(hi - lo))
            continue
        share = np.float64(mix(path, np.uint64(7)) >> np.uint64(11)) * 2.0**-53
        low = np.float64(least)
        threshold = low + share * (np.float64(highest) - low) + 0.0  # no -0.0, which equals 0.0
        if threshold >= np.float64(greatest):
            threshold = low + 0.0
        split[node, 0], split[node, 2], thresholds[node] = node + 1, feature, threshold
        hashed = mix(mix(hashed, np.uint64(feature)), np.uint64(float_bits(threshold)))
        middle = _part(order, lo, hi, values, feature, threshold, spare)
        for right in range(1, -1, -1):  # the left child comes next
            row = pending[top]
            row[0], row[1] = middle if right else lo, hi if right else middle
            row[2], row[3] = depth + 1, node if right else -1
            paths[top] = child_path(path, right)
            top += 1
    return node + 1, hashed


@kernel
def feature_hashes(d, seed):
    """Hashes of features: a tree sees those of lowest hash."""
    found = np.empty(d, np.uint64)
    for j in range(d):
        found[j] = mix(np.uint64(j), seed)
    return found
