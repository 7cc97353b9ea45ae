"""Which split a node gets: candidate thresholds of its records of lowest priority, scored by sums of a larger sample.

The choice depends on the node's records, its path and the parameters alone. Sums are integers in float64, so their
order is free; a score is a fixed formula of them.
"""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import fma, kernel, multiply_high
from sqlearn.engine.trees.layout import FIRST_SAMPLE, VARIES, WIDEST
from sqlearn.engine.trees.membership import sample_limit

_LANES = 16  # values that are compared at once
_FEW = 15  # thresholds that are told apart in four steps
_MISSING = np.float32(np.inf)  # what stands for NaN: above all numbers
_NONE = np.float32(np.nan)
_LARGEST = 3.4028234663852886e38
_HALF = np.uint64(11)

N_FEATURES, SKIPPED, EXTENSION, SAMPLE, BEST_FEATURE, BEST_THRESHOLD = range(6)


@kernel
def narrow(value):
    """A feature as trees see it: float32, saturated; NaN is above all numbers."""
    bounded = _LARGEST if value > _LARGEST else value
    bounded = -_LARGEST if value < -_LARGEST else bounded
    return np.float32(bounded) + np.float32(0.0) if value == value else _MISSING  # no -0.0, which equals 0.0


@kernel
def between(low, high):
    """A threshold that separates two different values."""
    if high == _MISSING:
        return low
    middle = np.float32((np.float64(low) + np.float64(high)) * 0.5)
    return middle if middle < high else low


@kernel
def goes_left(value, threshold, equal):
    return value == threshold if equal else value <= threshold


@kernel
def _thresholds_of_values(values, n, equal, thresholds, j):
    """Write thresholds between n sorted values, or all different ones of categories; return how many there are."""
    found = 0
    for i in range(n - 1):
        if values[i] != values[i + 1]:
            thresholds[j, found] = values[i] if equal else between(values[i], values[i + 1])
            found += 1
    if equal:
        thresholds[j, found] = values[n - 1]
        found += 1
    return found


@kernel
def _guard(guards, j, usual, least, n_least, greatest, n_greatest):
    guards[j, 0], guards[j, 1], guards[j, 2] = usual, least, greatest
    guards[j, 3] = n_least if least != usual else 0  # records of the usual value change nothing
    guards[j, 4] = n_greatest if greatest != usual else 0


@kernel
def _extremes(local, feature, lo, scored):
    """The least and the greatest value, and how many records have each."""
    x, order = local.x, local.order
    least = greatest = x[order[lo], feature]
    n_least = n_greatest = 1
    for i in range(lo + 1, lo + scored):
        value = x[order[i], feature]
        if value == least:
            n_least += 1
        if value == greatest:
            n_greatest += 1
        if value < least:
            least, n_least = value, 1
        if value > greatest:
            greatest, n_greatest = value, 1
    return least, n_least, greatest, n_greatest


@kernel
def _random_threshold(local, feature, lo, scored, path, work, j):
    """Write one threshold of candidate j, drawn between the extremes, and what guards it; return how many there are.

    Of categories, it is that of one of the first records.
    """
    x, order, thresholds, guards = local.x, local.order, work.thresholds, work.guards
    least, n_least, greatest, n_greatest = _extremes(local, feature, lo, scored)
    if least == greatest:
        return 0
    word = mix(path, np.uint64(feature) + np.uint64(5000))
    if local.equal[feature]:
        _guard(guards, j, _NONE, _NONE, 0, _NONE, 0)
        thresholds[j, 0] = x[order[lo + multiply_high(word, np.uint64(min(scored, FIRST_SAMPLE)))], feature]
        return 1
    some_miss = greatest == _MISSING
    if some_miss:  # a finite end to draw up to
        greatest, n_greatest = least, 0
        for i in range(lo, lo + scored):
            value = x[order[i], feature]
            if value != _MISSING:
                n_greatest = n_greatest + 1 if value == greatest else n_greatest
                if value > greatest:
                    greatest, n_greatest = value, 1
    _guard(guards, j, _NONE, least, n_least, greatest, n_greatest)
    share = np.float64(word >> _HALF) * 2.0**-53
    low = np.float64(least)
    threshold = np.float32(low + share * (np.float64(greatest) - low))
    thresholds[j, 0] = threshold if threshold < greatest or some_miss else least
    return 1


@kernel
def _sort(unsorted, n, values, owners):
    """Write n values in ascending order, and the index of each; equal ones keep their order."""
    if n <= _LANES:  # the rank of each by comparing it with all of them: without branches
        for i in range(n, _LANES):
            unsorted[i] = _MISSING
        for i in range(n):
            value, rank = unsorted[i], 0
            for other in range(_LANES):
                rank += (unsorted[other] < value) | ((unsorted[other] == value) & (other < i))
            values[rank], owners[rank] = value, i
        return
    for i in range(n):
        value, p = unsorted[i], i - 1
        while p >= 0 and values[p] > value:
            values[p + 1], owners[p + 1] = values[p], owners[p]
            p -= 1
        values[p + 1], owners[p + 1] = value, i


@kernel
def _thresholds(local, feature, lo, scored, sample, work, j):
    """Write thresholds of candidate j between the values of the first records, and what guards them; return how many.

    Of categories, the values themselves are thresholds. Nothing has to guard them: see :func:`usual_is_all`.
    """
    equal, values, thresholds, guards = local.equal[feature], work.values, work.thresholds, work.guards
    _guard(guards, j, _NONE, _NONE, 0, _NONE, 0)
    for i in range(sample):
        work.unsorted[i] = local.x[local.order[lo + i], feature]
    _sort(work.unsorted, sample, values, work.owners)
    if values[0] != values[sample - 1]:
        return _thresholds_of_values(values, sample, equal, thresholds, j)
    if sample >= scored:
        return 0
    usual = values[0]
    least, n_least, greatest, n_greatest = _extremes(local, feature, lo, scored)  # a rare value is worth a threshold
    if equal:
        thresholds[j, 0] = usual
        return 1 if least != greatest else 0
    _guard(guards, j, usual, least, n_least, greatest, n_greatest)
    found = 0
    if least < usual:
        thresholds[j, found] = between(least, usual)
        found += 1
    if usual < greatest:
        thresholds[j, found] = between(usual, greatest)
        found += 1
    return found


@kernel
def _place(thresholds, found, value):
    """How many thresholds are below a value."""
    at, left = 0, found
    while left > 0:
        half = left >> 1
        above = thresholds[at + half] < value
        at = at + half + 1 if above else at
        left = left - half - 1 if above else half
    return at


@kernel
def _place_of_few(thresholds, value):
    """How many of 15 thresholds are below a value, without branches, which nothing could predict."""
    at = np.uint64(8) * np.uint64(thresholds[7] < value)
    at += np.uint64(4) * np.uint64(thresholds[at + np.uint64(3)] < value)
    at += np.uint64(2) * np.uint64(thresholds[at + np.uint64(1)] < value)
    return at + np.uint64(thresholds[at] < value)


@kernel
def _count(local, feature, lo, scored, found, work, j, plan):
    """Sum the scored records that each threshold of candidate j sends left."""
    x, order, code, mass, value = local.x, local.order, local.code, local.mass, local.value
    equal, n_classes, channels = local.equal[feature], plan.n_classes, plan.channels
    limits, sums = work.thresholds[j], work.counts[0, j]
    for t in range(found + 1):  # the last one is of records that no threshold sends left
        for c in range(channels):
            sums[t, c] = 0.0
    for t in range(found, _FEW):
        limits[t] = _MISSING
    counted = channels > (n_classes if n_classes else 2)
    few = found <= _FEW and not equal
    if few and n_classes and not counted:
        for i in range(lo, lo + scored):
            record = np.uint64(order[i])
            sums[_place_of_few(limits, x[record, feature]), np.uint64(code[record])] += mass[record]
    elif few and not counted:
        for i in range(lo, lo + scored):
            record = np.uint64(order[i])
            at = _place_of_few(limits, x[record, feature])
            sums[at, np.uint64(0)] += mass[record]
            sums[at, np.uint64(1)] += value[record]
    else:
        for i in range(lo, lo + scored):
            record = order[i]
            of_record = x[record, feature]
            at = np.int64(_place_of_few(limits, of_record) if few else _place(limits, found, of_record))
            if equal and at < found and limits[at] != of_record:
                at = found
            if n_classes:
                sums[at, code[record]] += mass[record]
            else:
                sums[at, 0] += mass[record]
                sums[at, 1] += value[record]
            if counted:
                sums[at, channels - 1] += 1.0
    if equal:
        return
    for t in range(1, found):
        for c in range(channels):
            sums[t, c] += sums[t - 1, c]


@kernel
def _count_few(local, feature, lo, n, work, j, plan):
    """Write thresholds of candidate j and all records, and the sums that each sends left; return how many there are."""
    x, order, code, mass, value = local.x, local.order, local.code, local.mass, local.value
    equal, n_classes, channels = local.equal[feature], plan.n_classes, plan.channels
    values, owners, limits, sums = work.values, work.owners, work.thresholds[j], work.counts[0, j]
    least = greatest = x[order[lo], feature]
    for i in range(n):
        of_record = x[order[lo + i], feature]
        least, greatest = min(least, of_record), max(greatest, of_record)
        work.unsorted[i] = of_record
    if least == greatest:
        return 0
    _sort(work.unsorted, n, values, owners)
    _guard(work.guards, j, _NONE, _NONE, 0, _NONE, 0)
    found = 0
    counted = channels > (n_classes if n_classes else 2)
    for c in range(channels):
        sums[0, c] = 0.0
    for i in range(n if equal else n - 1):
        record = order[lo + owners[i]]
        if n_classes:
            sums[found, code[record]] += mass[record]
        else:
            sums[found, 0] += mass[record]
            sums[found, 1] += value[record]
        if counted:
            sums[found, channels - 1] += 1.0
        if i + 1 == n:
            limits[found] = values[i]
            found += 1
        elif values[i] != values[i + 1]:
            limits[found] = values[i] if equal else between(values[i], values[i + 1])
            found += 1
            for c in range(channels):
                sums[found, c] = 0.0 if equal else sums[found - 1, c]
    return 1 if equal and found == 2 else found  # the other one of two sends the same records right


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
        if sample == n_records and not plan.random:
            n = _count_few(local, feature, lo, scored, work, found, plan)
        else:
            if plan.random:
                n = _random_threshold(local, feature, lo, scored, path, work, found)
            else:
                n = _thresholds(local, feature, lo, scored, sample, work, found)
            if n:
                _count(local, feature, lo, scored, n, work, found, plan)
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
    """Choose the split of a node of n records, of which those in ``local.order[lo:hi]`` are at hand, the lowest priorities.

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
