"""Which split a node gets: the best of its candidates, scored by sums of a sample of its records.

The choice depends on the node's records, its path and the parameters alone. Sums are integers in float64, so their
order is free; a score is a fixed formula of them.
"""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import fma, kernel, multiply_high
from sqlearn.engine.trees.candidates import candidate
from sqlearn.engine.trees.layout import FIRST_SAMPLE, VARIES, WIDEST
from sqlearn.engine.trees.membership import sample_limit

N_FEATURES, SKIPPED, EXTENSION, SAMPLE, BEST_FEATURE, BEST_THRESHOLD = range(6)


@kernel
def usual_is_all(features, n_thresholds, counts, totals, slot, n_features, equal, plan):
    """Whether one threshold is scored of a category that all scored records have by now: it gives none any more."""
    for j in range(n_features):
        if equal[features[slot, j]] and n_thresholds[slot, j] == 1:
            others = 0.0
            for c in range(max(1, plan.n_classes)):
                others += totals[slot, c] - counts[slot, j, 0, c]
            if others == 0.0:
                return True
    return False


@kernel
def forget_constants(work, depth):
    """Take features that were found constant from this depth on for ones that may vary: another subtree begins."""
    marked, constant = work.marked, work.constant
    while marked[0] and constant[marked[marked[0]]] >= depth:
        constant[marked[marked[0]]] = VARIES
        marked[0] -= 1


@kernel
def _is_perfect(work, j, n, plan):
    """Whether candidate j has a threshold that separates two classes, or two records, from each other."""
    if plan.min_leaf > 1:
        return False
    if n == 2:
        return True
    totals, counts, two, mass = work.totals, work.counts, 0, 0.0
    for c in range(plan.n_classes):
        mass += totals[0, c]
        two += totals[0, c] > 0.0
    if two != 2:
        return False
    for t in range(work.n_thresholds[0, j]):
        whole = 0
        for c in range(plan.n_classes):
            left = counts[0, j, t, c]
            whole += left > 0.0 and left == totals[0, c]
            if 0.0 < left < totals[0, c]:
                whole = -2
                break
        if whole == 1:
            return True
    return False


@kernel
def _candidates(local, lo, scored, n_records, sample, depth, path, plan, work):
    """Candidates of the first k features, in the order of the path, that are not constant.

    A sample of as many records as give thresholds, but not of all, is treated as any larger one: a record that comes to
    it or leaves it changes sums alone.
    """
    d = local.x.shape[1]
    permutation, constant, found, skipped, drawn = work.permutation, work.constant, 0, 0, 0
    word = mix(path, np.uint64(99))
    while drawn < d and found < plan.k:
        word = mix(word, np.uint64(drawn + 1))
        at = drawn + multiply_high(word, np.uint64(d - drawn))
        work.swaps[drawn] = at
        feature = permutation[at]
        permutation[at], permutation[drawn] = permutation[drawn], feature
        drawn += 1
        if constant[feature] <= depth:
            skipped += 1
            continue
        n = candidate(local, feature, lo, scored, n_records, sample, path, work, found, plan)
        if n:
            work.features[found], work.n_thresholds[0, found] = feature, n
            found += 1
            if sample == n_records and not plan.random and _is_perfect(work, found - 1, scored, plan):
                break  # nothing better can follow
        else:
            skipped += 1
            if scored == n_records:
                constant[feature] = depth
                work.marked[0] += 1
                work.marked[work.marked[0]] = feature
    for i in range(drawn - 1, -1, -1):
        at = work.swaps[i]
        permutation[at], permutation[i] = permutation[i], permutation[at]
    work.result[N_FEATURES], work.result[SKIPPED] = found, skipped


@kernel
def _difference(a, b, c, d):
    """``a * b - c * d``, 0.0 if and only if both are equal."""
    p, q = a * b, c * d
    return (p - q) + (fma(a, b, -p) - fma(c, d, -q))


@kernel
def best(n_thresholds, counts, totals, slot, n_features, plan, result):
    """Write the candidate of the highest score, the first of equal ones, and return the score; -1.0 without any.

    The arrays are those of all slots. The score is that of the Gini impurity, or of squared errors: the decrease, times
    a factor of the node.
    """
    highest = -1.0
    n_classes, last = plan.n_classes, plan.channels - 1
    counted = plan.channels > (n_classes if n_classes else 2)
    mass = 0.0
    for c in range(max(1, n_classes)):
        mass += totals[slot, c]
    for j in range(n_features):
        for t in range(n_thresholds[slot, j]):
            left_mass = 0.0
            for c in range(max(1, n_classes)):
                left_mass += counts[slot, j, t, c]
            right_mass = mass - left_mass
            if left_mass <= 0.0 or right_mass <= 0.0:
                continue
            if counted:
                left = counts[slot, j, t, last]
                if left < plan.min_leaf or totals[slot, last] - left < plan.min_leaf:
                    continue
            score = 0.0
            if n_classes:
                for c in range(n_classes):
                    change = _difference(counts[slot, j, t, c], mass, totals[slot, c], left_mass)
                    score += change * change
            else:
                change = _difference(counts[slot, j, t, 1], mass, totals[slot, 1], left_mass)
                score = change * change
            score /= left_mass * right_mass
            if score > highest:
                highest = score
                result[BEST_FEATURE], result[BEST_THRESHOLD] = j, t
    return highest


@kernel
def scored_of(priorities, order, lo, hi, limit):
    """How many records of a node, in the order of their priorities, are in the sample up to a limit."""
    low, high = lo, hi
    while low < high:
        middle = (low + high) // 2
        if priorities[order[middle]] <= limit:
            low = middle + 1
        else:
            high = middle
    return low - lo


@kernel
def _sum(local, lo, scored, totals, plan):
    """Sum the scored records."""
    n_classes, channels = plan.n_classes, plan.channels
    for c in range(channels):
        totals[0, c] = 0.0
    for i in range(lo, lo + scored):
        record = local.order[i]
        if n_classes:
            totals[0, local.code[record]] += local.mass[record]
        else:
            totals[0, 0] += local.mass[record]
            totals[0, 1] += local.value[record]
    if channels > (n_classes if n_classes else 2):
        totals[0, channels - 1] = scored


@kernel
def choose(local, lo, hi, n, depth, path, plan, work):
    """Choose the split of a node of n records; those in ``local.order[lo:hi]``, the lowest priorities, are at hand.

    Returns the score: positive for a useful split, 0.0 for one that separates nothing better than chance, -1.0 for
    none, -2.0 if more records have to be at hand. The sample is doubled until a split is of use, then the
    records that give thresholds are, until one is valid.
    """
    order = local.order
    extension, sample = 0, min(FIRST_SAMPLE, n)
    while True:
        within = scored_of(local.priorities, order, lo, hi, sample_limit(n, plan.scored, extension))
        scored = max(within, min(sample, hi - lo))
        if scored == hi - lo and scored < n:
            return -2.0
        _sum(local, lo, scored, work.totals, plan)
        _candidates(local, lo, scored, n, min(sample, scored), depth, path, plan, work)
        result = work.result
        score = best(work.n_thresholds, work.counts, work.totals, 0, result[N_FEATURES], plan, result)
        result[EXTENSION], result[SAMPLE] = extension, sample if sample <= within else 0
        if score > 0.0:
            return score
        if scored < n:
            extension += 1
        elif sample < min(n, WIDEST):
            if score == 0.0 or result[N_FEATURES] == 0 or plan.random:
                return score
            sample = min(2 * sample, n, WIDEST)
        else:
            return score
