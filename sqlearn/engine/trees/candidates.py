"""The candidates that one feature gives a node: thresholds, and what each of them sends left."""

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import kernel, multiply_high
from sqlearn.engine.trees.layout import FIRST_SAMPLE

_LANES = 16  # values that are compared at once
_FEW = 15  # thresholds that are told apart in four steps
_MISSING = np.float32(np.inf)  # what stands for NaN: above all numbers
_NONE = np.float32(np.nan)
_LARGEST = 3.4028234663852886e38
_HALF = np.uint64(11)


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

    Of categories, the values themselves are thresholds. Nothing has to guard them: see
    :func:`~sqlearn.engine.trees.split.usual_is_all`.
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
def candidate(local, feature, lo, scored, n_records, sample, path, work, j, plan):
    """Write thresholds of a feature, candidate j, and the sums that each sends left; return how many there are."""
    if sample == n_records and not plan.random:
        return _count_few(local, feature, lo, scored, work, j, plan)
    if plan.random:
        found = _random_threshold(local, feature, lo, scored, path, work, j)
    else:
        found = _thresholds(local, feature, lo, scored, sample, work, j)
    if found:
        _count(local, feature, lo, scored, found, work, j, plan)
    return found
