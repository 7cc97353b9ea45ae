"""Building a subtree from its records."""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import borrowed, float_bits, kernel, prefetch, widened, widened_rows
from sqlearn.engine.trees.candidates import goes_left, narrow
from sqlearn.engine.trees.layout import (
    ENTRIES,
    FIRST_SAMPLE,
    FREE_ENTRY,
    FREE_NODE,
    FREE_SLOT,
    LEAF,
    N_FREE_SUMS,
    NEAR,
    NODES,
    SAME,
    SLOTS,
    SUMS,
)
from sqlearn.engine.trees.membership import sort_by_priority
from sqlearn.engine.trees.split import (
    BEST_FEATURE,
    BEST_THRESHOLD,
    EXTENSION,
    N_FEATURES,
    SAMPLE,
    SKIPPED,
    choose,
    forget_constants,
)

_AHEAD = 12  # records that are asked for before they are copied
_ROUNDER = 1.5 * 2.0**52


@kernel
def child_path(path, right):
    return mix(path, np.uint64(12 if right else 11))


@kernel
def _rounded(value):
    return (value + _ROUNDER) - _ROUNDER


@kernel
def sums_of(y, w, class_weights, plan):
    """Mass and weighted target of a record, in integers."""
    if plan.n_classes:
        return max(1.0, _rounded(w * plan.mass0 * class_weights[np.int64(y)] * plan.mass1)), 0.0
    return max(1.0, _rounded(w * plan.mass0 * plan.mass1)), _rounded(w * y * plan.value0 * plan.value1)


@kernel
def gather(local, n, filled, held, codes, plan):
    """Have the n records at hand whose places, sorted by priority, are in `local`; copy the first ones (`filled`)."""
    for i in range(n):
        local.order[i] = i
    fill(local, 0, filled, held, codes, plan)


@kernel
def fill(local, start, stop, held, codes, plan):
    """Copy the records from `start` to `stop`."""
    d = held.x.shape[1]
    for i in range(start, stop):
        if i + _AHEAD < stop:
            ahead = np.int64(local.places[i + _AHEAD])
            prefetch(held.x, ahead)
            prefetch(held.y, ahead)
            prefetch(held.w, ahead)
        place = local.places[i]
        for j in range(d):
            local.x[i, j] = narrow(held.x[place, j])
        y = held.y[place]
        if plan.n_classes:
            local.code[i] = codes[np.int64(y)]
        local.y[i] = y
        local.mass[i], local.value[i] = sums_of(y, held.w[place], held.class_weights, plan)


# ------------------------------------------------------------------ pools


@kernel
def _taken(extent, used, free, next_free):
    """A place of a pool whose free list starts with ``extent[free]``, then with `next_free`."""
    place = extent[free]
    if place >= 0:
        extent[free] = next_free
        return place
    place = extent[used]
    extent[used] += 1
    return place


@kernel
def _new_node(pool):
    at = pool.extent[FREE_NODE]
    return _taken(pool.extent, NODES, FREE_NODE, np.int64(pool.nodes[at].left) if at >= 0 else -1)


@kernel
def new_entry(pool, place, following):
    at = pool.extent[FREE_ENTRY]
    entry = _taken(pool.extent, ENTRIES, FREE_ENTRY, np.int64(pool.entries[at].next) if at >= 0 else -1)
    pool.entries[entry].place, pool.entries[entry].next = place, following
    return entry


@kernel
def free_entry(pool, entry):
    pool.entries[entry].next = pool.extent[FREE_ENTRY]
    pool.extent[FREE_ENTRY] = entry


@kernel
def _new_sums(pool):
    extent = pool.extent
    if extent[N_FREE_SUMS]:
        extent[N_FREE_SUMS] -= 1
        return np.int64(pool.free_sums[extent[N_FREE_SUMS]])
    extent[SUMS] += 1
    return extent[SUMS] - 1


@kernel
def new_slot(pool):
    """A slot for cached scores; LEAF if there is none left."""
    at = pool.extent[FREE_SLOT]
    if at < 0 and pool.extent[SLOTS] == len(pool.cached):
        return LEAF
    return _taken(pool.extent, SLOTS, FREE_SLOT, np.int64(pool.cached[at].next) if at >= 0 else -1)


@kernel
def free_slot(pool, node):
    slot = pool.nodes[node].slot
    if slot >= 0:
        pool.cached[slot].next = pool.extent[FREE_SLOT]
        pool.extent[FREE_SLOT] = slot
        pool.nodes[node].slot = LEAF


@kernel
def free_node(pool, node):
    """Give back a node, with its slot or its sums; its entries must have been given back."""
    free_slot(pool, node)
    if pool.nodes[node].feature < 0:
        row = pool.nodes[node].right
        for c in range(pool.sums.shape[1]):
            pool.sums[row, c] = 0.0
        pool.free_sums[pool.extent[N_FREE_SUMS]] = row
        pool.extent[N_FREE_SUMS] += 1
    pool.nodes[node].left = pool.extent[FREE_NODE]
    pool.extent[FREE_NODE] = node


# ------------------------------------------------------------------ nodes


@kernel
def leaf_hash(n, of_members):
    return mix(of_members, np.uint64(n))


@kernel
def member_hash(keyed):
    return mix(keyed, np.uint64(5))


@kernel
def hash_inner(nodes, node):
    """The hash of a node with children, from its split and theirs."""
    split = mix(np.uint64(nodes[node].feature + 1), np.uint64(float_bits(np.float64(nodes[node].threshold))))
    return mix(nodes[nodes[node].left].hash, mix(nodes[nodes[node].right].hash, split))


@kernel
def _is_pure(local, lo, hi, plan):
    """Whether all records have one class, or one target."""
    order, code, y = local.order, local.code, local.y
    first = order[lo]
    for i in range(lo + 1, hi):
        if code[order[i]] != code[first] if plan.n_classes else y[order[i]] != y[first]:
            return False
    return True


@kernel
def _make_leaf(pool, node, local, lo, hi, keyed, plan):
    order = local.order
    row = _new_sums(pool)
    sums = pool.sums[row]
    for c in range(len(sums)):
        sums[c] = 0.0
    head, of_members = -1, np.uint64(0)
    for i in range(hi - 1, lo - 1, -1):
        record = order[i]
        place = local.places[record]
        head = new_entry(pool, place, head)
        if plan.n_classes:
            sums[local.code[record]] += local.mass[record]
        of_members += member_hash(keyed[place])
    at = pool.nodes[node]
    at.left, at.right, at.hash = head, row, leaf_hash(hi - lo, of_members)


@kernel
def store_scores(pool, node, work, last, plan):
    """Keep the scores of a node's split."""
    slot = pool.nodes[node].slot
    if slot < 0:
        slot = new_slot(pool)
        pool.nodes[node].slot = slot
        if slot < 0:
            return
    result = work.result
    n = result[N_FEATURES]
    cached = pool.cached[slot]
    cached.last, cached.extension = last, result[EXTENSION]
    cached.skipped, cached.n_features = result[SKIPPED], n
    for c in range(plan.channels):
        pool.totals[slot, c] = work.totals[0, c]
    for j in range(n):
        found = work.n_thresholds[0, j]
        pool.features[slot, j], pool.n_thresholds[slot, j] = work.features[j], found
        for g in range(5):
            pool.guards[slot, j, g] = work.guards[j, g]
        for t in range(found):
            pool.thresholds[slot, j, t] = work.thresholds[j, t]
            for c in range(plan.channels):
                pool.counts[slot, j, t, c] = work.counts[0, j, t, c]


@kernel
def keeps_scores(n, score, work, plan):
    """Whether a node's scores are kept: it is large, and its split was found in the first samples."""
    return n >= plan.cached and score > 0.0 and work.result[SAMPLE] == FIRST_SAMPLE


@kernel
def split_of(local, lo, hi, depth, path, plan, work):
    """The feature by which all records of a node are split, its threshold, and the score: -1 for a leaf."""
    n = hi - lo
    none = np.float32(0.0)
    if n < plan.min_split or n < 2 * plan.min_leaf or depth >= plan.max_depth or _is_pure(local, lo, hi, plan):
        return -1, none, -1.0, False
    score = choose(local, lo, hi, n, depth, path, plan, work)
    result = work.result
    if score < 0.0:
        return -1, none, score, result[N_FEATURES] == 0
    j = result[BEST_FEATURE]
    threshold = work.thresholds[j, result[BEST_THRESHOLD]] + np.float32(0.0)  # no -0.0, which equals 0.0
    return np.int64(work.features[j]), threshold, score, False


@kernel
def partition(local, lo, hi, feature, threshold):
    """Move records that go left before those that go right, keeping their order; return where these begin."""
    x, order, spare, equal = local.x, local.order, local.spare, local.equal[feature]
    middle, n_spare = lo, 0
    for i in range(lo, hi):
        record = order[i]
        if goes_left(x[record, feature], threshold, equal):
            order[middle] = record
            middle += 1
        else:
            spare[n_spare] = record
            n_spare += 1
    for i in range(n_spare):
        order[middle + i] = spare[i]
    return middle


@kernel
def _copy_near(local, near, lo, hi):
    """Copy the records in ``local.order[lo:hi]`` to where they lie close together."""
    d = local.x.shape[1]
    for i in range(hi - lo):
        record = local.order[lo + i]
        for j in range(d):
            near.x[i, j] = local.x[record, j]
        near.code[i], near.mass[i] = local.code[record], local.mass[record]
        near.value[i], near.y[i] = local.value[record], local.y[record]
        near.places[i], near.priorities[i] = local.places[record], local.priorities[record]
        near.order[i] = i


@kernel
def build(pool, far, near, start, stop, depth, path, keyed, plan, work):
    """Build the subtree of the records in ``far.order[start:stop]``, and return its root."""
    m = stop - start
    pending = np.empty((64, 6), np.int64)  # from, to, depth, parent, side, whether the records are near
    paths = np.empty(64, np.uint64)
    made = np.empty(2 * m + 1, np.int32)
    n_made, top, root = 0, 1, -1
    pending[0, 0], pending[0, 1], pending[0, 2], pending[0, 3], pending[0, 4] = start, stop, depth, -1, 0
    pending[0, 5] = 0
    paths[0] = path
    while top:
        top -= 1
        lo, hi, depth, parent = pending[top, 0], pending[top, 1], pending[top, 2], pending[top, 3]
        right, is_near, path = pending[top, 4], pending[top, 5], paths[top]
        n = hi - lo
        if not is_near and n <= NEAR and n < m:  # all of its subtree is built before anything else
            _copy_near(far, near, lo, hi)
            lo, hi, is_near = 0, n, 1
        local = near if is_near else far
        order = local.order
        forget_constants(work, depth)
        node = _new_node(pool)
        if parent < 0:
            root = node
        elif right:
            pool.nodes[parent].right = node
        else:
            pool.nodes[parent].left = node
        feature, threshold, score, same = split_of(local, lo, hi, depth, path, plan, work)
        at = pool.nodes[node]
        at.feature, at.threshold, at.n, at.slot = feature, threshold, n, SAME if same else LEAF
        if feature < 0:
            _make_leaf(pool, node, local, lo, hi, keyed, plan)
            continue
        made[n_made] = node
        n_made += 1
        if keeps_scores(n, score, work, plan):
            store_scores(pool, node, work, local.priorities[order[lo + FIRST_SAMPLE - 1]], plan)
        middle = partition(local, lo, hi, feature, threshold)
        if top + 2 > len(paths):
            pending, paths = widened_rows(pending), widened(paths)
        for right in range(1, -1, -1):  # the left child is built next
            pending[top, 0], pending[top, 1] = middle if right else lo, hi if right else middle
            pending[top, 2], pending[top, 3], pending[top, 4] = depth + 1, node, right
            pending[top, 5] = is_near
            paths[top] = child_path(path, right)
            top += 1
    for i in range(n_made - 1, -1, -1):
        node = made[i]
        pool.nodes[node].hash = hash_inner(pool.nodes, node)
    return root


@kernel
def grow(pool, places, room, salt, path, held, codes, plan):
    """Grow a tree from nothing. Returns its root; -1 without records."""
    n = len(places)
    if not n:
        return -1
    pool, held = borrowed(pool), borrowed(held)
    local, near, work = borrowed(room.local), borrowed(room.near), borrowed(room.work)
    sort_by_priority(places, held.keyed, salt, local.priorities)
    for i in range(n):
        local.places[i] = places[i]
    gather(local, n, n, held, codes, plan)
    return build(pool, local, near, 0, n, 0, path, held.keyed, plan, work)
