"""Records that come or go: each node on their way is scored again, and built again where another split wins."""

import numpy as np

from sqlearn.engine.kernels import arrays_at, borrowed, kernel, widened, widened_rows
from sqlearn.engine.trees.candidates import goes_left, narrow
from sqlearn.engine.trees.growth import (
    build,
    child_path,
    fill,
    free_entry,
    free_node,
    free_slot,
    gather,
    hash_inner,
    keeps_scores,
    leaf_hash,
    member_hash,
    new_entry,
    partition,
    split_of,
    store_scores,
    sums_of,
)
from sqlearn.engine.trees.layout import FIRST_SAMPLE, LEAF, ROOT, SAME
from sqlearn.engine.trees.membership import priority, sample_limit, sort_by_priority
from sqlearn.engine.trees.split import (
    BEST_FEATURE,
    BEST_THRESHOLD,
    best,
    choose,
    forget_constants,
    usual_is_all,
)

REBUILT, GATHERED, NODES_SCORED, SPLITS_MOVED = range(4)  # places in `done`


@kernel
def _entries_below(pool, node, gone, found):
    """Write the places of the records below a node, but for those `gone`, from ``found[0]`` on; return how many."""
    nodes, entries = pool.nodes, pool.entries
    stack = np.empty(64, np.int32)
    stack[0], top, n = node, 1, 0
    while top:
        top -= 1
        at = stack[top]
        if nodes[at].feature < 0:
            entry = nodes[at].left
            while entry >= 0:
                place = entries[entry].place
                if not gone[place]:
                    found[n] = place
                    n += 1
                entry = entries[entry].next
        else:
            if top + 2 > len(stack):
                stack = widened(stack)
            stack[top], stack[top + 1] = nodes[at].right, nodes[at].left
            top += 2
    return n


@kernel
def _release(pool, node):
    """Give back a subtree."""
    nodes, entries = pool.nodes, pool.entries
    stack = np.empty(64, np.int32)
    stack[0], top = node, 1
    while top:
        top -= 1
        at = stack[top]
        if nodes[at].feature < 0:
            entry = nodes[at].left
            while entry >= 0:
                following = entries[entry].next
                free_entry(pool, entry)
                entry = following
        else:
            if top + 2 > len(stack):
                stack = widened(stack)
            stack[top], stack[top + 1] = nodes[at].right, nodes[at].left
            top += 2
        free_node(pool, at)


@kernel
def _gather_remaining(pool, node, n, lo, hi, mine, changes, gone, salt, filled, local, held, codes, plan):
    """Have a node's records at hand, as they are after the changes in ``mine[lo:hi]``; copy the first ones."""
    places = local.places[:n]
    found = _entries_below(pool, node, gone, places)
    for i in range(lo, hi):
        change = mine[i]
        if changes.sign[change] > 0:
            places[found] = changes.place[change]
            found += 1
    sort_by_priority(places, held.keyed, salt, local.priorities)
    gather(local, n, filled, held, codes, plan)


@kernel
def _unlink(pool, node, place):
    """Remove a record from a leaf's entries."""
    entries = pool.entries
    previous, entry = -1, pool.nodes[node].left
    while entries[entry].place != place:
        previous, entry = entry, entries[entry].next
    if previous < 0:
        pool.nodes[node].left = entries[entry].next
    else:
        entries[previous].next = entries[entry].next
    free_entry(pool, entry)


@kernel
def _change_leaf(pool, node, lo, hi, mine, changes, held, codes, plan):
    """Change a leaf that stays one: its sums, its entries and its hash."""
    at = pool.nodes[node]
    sums = pool.sums[at.right]
    of_members = np.uint64(0)
    for i in range(lo, hi):
        change = mine[i]
        sign, y = changes.sign[change], changes.y[change]
        if plan.n_classes:
            mass, _ = sums_of(y, changes.w[change], held.class_weights, plan)
            sums[codes[np.int64(y)]] += sign * mass
        if sign > 0:
            at.left = new_entry(pool, changes.place[change], at.left)
        else:
            _unlink(pool, node, changes.place[change])
    entry = at.left
    while entry >= 0:
        of_members += member_hash(held.keyed[pool.entries[entry].place])
        entry = pool.entries[entry].next
    at.hash = leaf_hash(at.n, of_members)


@kernel
def _stays_leaf(pool, node, n, depth, lo, hi, mine, changes, gone, held, codes, plan):
    """Whether a leaf is one after the changes too, as can be told without its records."""
    at = pool.nodes[node]
    if n < plan.min_split or n < 2 * plan.min_leaf or depth >= plan.max_depth:
        pool.nodes[node].slot = LEAF  # records of any kind may come
        return True
    if at.slot == SAME:
        entry = at.left
        while entry >= 0 and gone[pool.entries[entry].place]:
            entry = pool.entries[entry].next
        for i in range(lo, hi):
            change = mine[i]
            if changes.sign[change] < 0:
                continue
            if entry < 0:
                return False
            other = held.x[pool.entries[entry].place]
            for j in range(len(other)):
                if narrow(other[j]) != narrow(changes.x[change, j]):
                    return False
        return True
    if not plan.n_classes:
        return False
    sums, held_class, others = pool.sums[at.right], -1, 0
    for c in range(plan.n_classes):
        if sums[c] > 0.0:
            held_class = c
            others += 1
    if others != 1:
        return False
    for i in range(lo, hi):
        if codes[np.int64(changes.y[mine[i]])] != held_class:
            return False
    return True


@kernel
def _touches(pool, slot, x, p, sign, limit, first_limit):
    """Whether a change may alter the candidates of a node, rather than their sums alone."""
    cached = pool.cached[slot]
    if p <= cached.last or (cached.extension > 0 and p <= first_limit):
        return True
    if p > limit:
        return False
    if sign > 0 and cached.skipped > 0:
        return True
    for j in range(cached.n_features):
        value = narrow(x[pool.features[slot, j]])
        guard = pool.guards[slot, j]
        if value == guard[0]:
            continue
        if value < guard[1] or value > guard[2]:
            return True
        for extreme in (1, 2):  # they stay as long as any record has them
            if value == guard[extreme]:
                guard[extreme + 2] += sign
                if guard[extreme + 2] <= 0.0:
                    return True
    return False


@kernel
def _add_scores(pool, slot, x, code, mass, value, sign, equal, plan):
    """Add a record to the scores of a node, or subtract it."""
    n_classes, last = plan.n_classes, plan.channels - 1
    counted = plan.channels > (n_classes if n_classes else 2)
    totals, counts = pool.totals, pool.counts
    mass, value = sign * mass, sign * value
    if n_classes:
        totals[slot, code] += mass
    else:
        totals[slot, 0] += mass
        totals[slot, 1] += value
    if counted:
        totals[slot, last] += sign
    for j in range(pool.cached[slot].n_features):
        feature = pool.features[slot, j]
        of_record = narrow(x[feature])
        for t in range(pool.n_thresholds[slot, j] - 1, -1, -1):
            if of_record > pool.thresholds[slot, j, t]:
                break
            if equal[feature] and of_record != pool.thresholds[slot, j, t]:
                continue
            if n_classes:
                counts[slot, j, t, code] += mass
            else:
                counts[slot, j, t, 0] += mass
                counts[slot, j, t, 1] += value
            if counted:
                counts[slot, j, t, last] += sign


@kernel
def _same_split(pool, node, slot, before, n, lo, hi, mine, changes, held, codes, salt, plan, result):
    """Bring a node's scores up to date.

    Returns 1 if its split stays, 0 if another one wins, -1 if it must be chosen anew.
    """
    cached = pool.cached[slot]
    limit = sample_limit(n, plan.scored, cached.extension)
    first_limit = np.uint64(0)
    if cached.extension > 0:
        first_limit = sample_limit(n, plan.scored, cached.extension - 1)
    if sample_limit(before, plan.scored, 0) != sample_limit(n, plan.scored, 0):
        return -1
    for i in range(lo, hi):
        change = mine[i]
        p = priority(changes.keyed[change], salt)
        if _touches(pool, slot, changes.x[change], p, changes.sign[change], limit, first_limit):
            return -1
    changed = False
    for i in range(lo, hi):
        change = mine[i]
        if priority(changes.keyed[change], salt) > limit:
            continue
        changed = True
        y = changes.y[change]
        mass, value = sums_of(y, changes.w[change], held.class_weights, plan)
        code = codes[np.int64(y)] if plan.n_classes else 0
        _add_scores(pool, slot, changes.x[change], code, mass, value, changes.sign[change], held.equal, plan)
    if not changed:
        return 1
    n_features = cached.n_features
    if usual_is_all(pool.features, pool.n_thresholds, pool.counts, pool.totals, slot, n_features, held.equal, plan):
        return -1
    score = best(pool.n_thresholds, pool.counts, pool.totals, slot, n_features, plan, result)
    if score <= 0.0:
        return -1
    j = result[BEST_FEATURE]
    at = pool.nodes[node]
    same = pool.features[slot, j] == at.feature and pool.thresholds[slot, j, result[BEST_THRESHOLD]] == at.threshold
    return 1 if same else 0


@kernel
def _chosen_again(pool, node, n, local, filled, depth, path, held, codes, plan, work):
    """Choose a large node's split again, of whose n records the first ones are copied, and keep its scores.

    Returns whether it stays, and how many records are copied now.
    """
    score = choose(local, 0, filled, n, depth, path, plan, work)
    if score == -2.0:
        fill(local, filled, n, held, codes, plan)
        filled = n
        score = choose(local, 0, n, n, depth, path, plan, work)
    if score <= 0.0:  # whether it is a leaf, building tells
        return False, filled
    j = work.result[BEST_FEATURE]
    threshold = work.thresholds[j, work.result[BEST_THRESHOLD]]
    at = pool.nodes[node]
    if work.features[j] != at.feature or threshold != at.threshold:
        return False, filled
    _keep_scores(pool, node, local, 0, n, score, plan, work)
    return True, filled


@kernel
def _keep_scores(pool, node, local, start, n, score, plan, work):
    """Have the scores of a split that stays, or none."""
    if keeps_scores(n, score, work, plan):
        store_scores(pool, node, work, local.priorities[local.order[start + FIRST_SAMPLE - 1]], plan)
    else:
        free_slot(pool, node)


@kernel
def _repair(pool, mine, changes, gone, held, codes, salt, path, plan, local, near, work, done):
    """Bring one tree up to date; `mine` has the indices of the changes that concern it."""
    nodes, extent = pool.nodes, pool.extent
    # node, from and to in the changes, depth, parent, side, from and to in the records at hand (-1: not at hand)
    pending = np.empty((64, 8), np.int64)
    paths = np.empty(64, np.uint64)
    inner, n_inner = np.empty(64, np.int32), 0
    pending[0, 0], pending[0, 1], pending[0, 2], pending[0, 3] = extent[ROOT], 0, len(mine), 0
    pending[0, 4], pending[0, 5], pending[0, 6], pending[0, 7] = -1, 0, -1, -1
    paths[0], top = path, 1
    # the records at hand are those of the node that was gathered last, below which all are dealt with before any other
    filled = np.int64(0)
    while top:
        top -= 1
        node, lo, hi, depth = pending[top, 0], pending[top, 1], pending[top, 2], pending[top, 3]
        parent, right, start, stop = pending[top, 4], pending[top, 5], pending[top, 6], pending[top, 7]
        path = paths[top]
        forget_constants(work, depth)
        at = nodes[node]
        before = np.int64(at.n)
        n = before
        for i in range(lo, hi):
            n += np.int64(changes.sign[mine[i]])
        at.n = n
        if n == 0:
            _release(pool, node)
            extent[ROOT] = -1  # below the root a split into all and none is not valid, so its parent was built anew
            continue
        if at.feature < 0 and _stays_leaf(pool, node, n, depth, lo, hi, mine, changes, gone, held, codes, plan):
            _change_leaf(pool, node, lo, hi, mine, changes, held, codes, plan)
            continue
        may_split = at.feature >= 0 and n >= plan.min_split and n >= 2 * plan.min_leaf
        verdict = -1 if may_split else 0
        if may_split and start < 0 and n >= plan.cached and at.slot >= 0:
            verdict = _same_split(
                pool, node, at.slot, before, n, lo, hi, mine, changes, held, codes, salt, plan, work.result
            )
            done[NODES_SCORED] += 1
        if verdict < 1 and start < 0:
            filled = n if verdict == 0 or n < plan.cached else min(n, 2 * plan.scored)
            _gather_remaining(pool, node, n, lo, hi, mine, changes, gone, salt, filled, local, held, codes, plan)
            done[GATHERED] += n
            if verdict < 0 and filled < n:
                stays, filled = _chosen_again(pool, node, n, local, filled, depth, path, held, codes, plan, work)
                verdict = 1 if stays else 0
            else:
                start, stop = 0, n
        if verdict < 0:
            feature, threshold, score, _ = split_of(local, start, stop, depth, path, plan, work)
            done[NODES_SCORED] += 1
            verdict = 0
            if feature == at.feature and threshold == at.threshold:
                verdict = 1
                _keep_scores(pool, node, local, start, n, score, plan, work)
        if verdict == 0:
            if start < 0:
                fill(local, filled, n, held, codes, plan)
                start, stop = 0, n
            done[REBUILT] += n
            done[SPLITS_MOVED] += may_split
            _release(pool, node)
            built = build(pool, local, near, start, stop, depth, path, held.keyed, plan, work)
            if parent < 0:
                extent[ROOT] = built
            elif right:
                nodes[parent].right = built
            else:
                nodes[parent].left = built
            continue
        # the split stays: changes, and records at hand, go their ways
        feature, threshold, equal = np.int64(at.feature), at.threshold, held.equal[at.feature]
        middle, end = lo, hi
        while middle < end:
            change = mine[middle]
            if goes_left(narrow(changes.x[change, feature]), threshold, equal):
                middle += 1
            else:
                end -= 1
                mine[middle], mine[end] = mine[end], change
        between = -1
        if start >= 0:
            between = partition(local, start, stop, feature, threshold)
        if n_inner == len(inner):
            inner = widened(inner)
        inner[n_inner] = node
        n_inner += 1
        if top + 2 > len(paths):
            pending, paths = widened_rows(pending), widened(paths)
        for side in range(2):
            first, last = (middle, hi) if side else (lo, middle)
            if first < last:
                pending[top, 0], pending[top, 1], pending[top, 2] = at.right if side else at.left, first, last
                pending[top, 3], pending[top, 4], pending[top, 5] = depth + 1, node, side
                pending[top, 6] = between if side and start >= 0 else start
                pending[top, 7] = stop if side else between
                paths[top] = child_path(path, side)
                top += 1
    for i in range(n_inner - 1, -1, -1):
        nodes[inner[i]].hash = hash_inner(nodes, inner[i])


@kernel
def repair(like, addresses, lengths, salts, paths, begins, ends, indices, room, changes, gone, held, codes, plan, done):
    """Bring trees up to date with records that came or went.

    Parameters
    ----------
    like : Pool
        The pool of any tree.
    addresses, lengths : int64[trees, fields]
        Where the arrays of each tree's pool lie, and how long they are.
    salts, paths : uint64[trees]
        What each tree hashes with.
    begins, ends, indices : int64[trees], int64[trees], int32[m]
        The changes that concern tree t are ``indices[begins[t] : ends[t]]``; they are put in another order.
    room : Room
        Where it works.
    changes : TreeChanges
        What came and went.
    gone : uint8[n]
        1 at the places of those that went.
    held, codes, plan
        As in growth.
    done : int64[at least 4]
        Counts records of which subtrees were built anew, records gathered, nodes scored and splits that moved.
    """
    held, changes = borrowed(held), borrowed(changes)
    local, near, work = borrowed(room.local), borrowed(room.near), borrowed(room.work)
    for t in range(len(salts)):
        mine = indices[begins[t] : ends[t]]
        pool = arrays_at(like, addresses, lengths, t)
        _repair(pool, mine, changes, gone, held, codes, salts[t], paths[t], plan, local, near, work, done)
