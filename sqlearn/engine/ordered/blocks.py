"""Sorted blocks: ordered multisets of float64, of which values come and go at the cost of a block.

A list is one multiset. Its values stand in blocks of up to `SIZE`, in ascending order, each with its count; a
directory names the blocks of each list in order, with the least value and the total count of each. All lists share a
pool of blocks and an arena of directories. 0.0 is never an entry: how often it occurs follows from the other counts.

An entry whose count is 0 means nothing. What is forgotten leaves such entries, so that it can be taken back without
memory; :func:`sweep` removes them at the end.
"""

import numpy as np

from sqlearn.engine.kernels import kernel, prefetch

SIZE = 128  # entries of a block
FILLED = 96  # entries of a block that is built from sorted values
_SPARSE = 32  # a block with fewer entries is joined with a neighbour, if both have room in one
_LINE = 8  # numbers that come from memory at once
_FIRST = 2  # places of a directory at first
FREE, ARENA, EMPTY, ENTRIES, WASTED = range(5)  # counters: free blocks, places of the arena in use, entries of count 0,
# entries in all, places of the arena that no list has any more


@kernel
def _block_of(lows, start, length, value):
    """The place of the last block whose least value is at most `value`; of the first one, where none is."""
    at = start
    while length > 1:
        half = length // 2
        if lows[at + half] <= value:
            at += half
        length -= half
    return at


@kernel
def _entry_of(values, block, used, value):
    """The first entry of a block that is at least `value`."""
    entry, stop = 0, used
    while entry < stop:
        middle = (entry + stop) // 2
        if values[block, middle] < value:
            entry = middle + 1
        else:
            stop = middle
    return entry


@kernel
def room_for(lists, pool, which, value):
    """How many blocks and places of the arena it may take to have an entry for `value`."""
    _, _, used, _, _, _ = pool
    ids, lows, _, starts, places, lengths, _ = lists
    length = lengths[which]
    if length == 0:
        return 1, (_FIRST if places[which] == 0 else 0)
    at = _block_of(lows, starts[which], length, value)
    if used[ids[at]] < SIZE:
        return 0, 0
    return 1, (2 * length if length == places[which] else 0)


@kernel
def fetch(lists, pool, which, value):
    """Have the processor bring the block of a value from memory, while it does something else."""
    values, counts, used, _, _, _ = pool
    ids, lows, totals, starts, _, lengths, _ = lists
    if lengths[which] > 0:
        at = _block_of(lows, starts[which], lengths[which], value)
        block = ids[at]
        prefetch(totals, at)
        prefetch(used, block)
        flat, numbers = values.reshape(-1), counts.reshape(-1)
        for i in range(block * SIZE, block * SIZE + SIZE, _LINE):
            prefetch(flat, i)
            prefetch(numbers, i)


@kernel
def _open(lists, pool, which, position):
    """Put a free block, empty, at this position of a list's directory."""
    _, _, used, stale, free, counters = pool
    ids, lows, totals, starts, places, lengths, _ = lists
    length = lengths[which]
    if length == places[which]:
        moved, old = counters[ARENA], starts[which]
        for i in range(length):
            ids[moved + i], lows[moved + i], totals[moved + i] = ids[old + i], lows[old + i], totals[old + i]
            lows[old + i] = 0.0
        counters[WASTED] += length
        starts[which] = moved
        places[which] = max(_FIRST, 2 * length)
        counters[ARENA] += places[which]
    at = starts[which] + position
    for i in range(starts[which] + length, at, -1):  # one array after the other, so that they are moved at one stroke
        ids[i] = ids[i - 1]
    for i in range(starts[which] + length, at, -1):
        lows[i] = lows[i - 1]
    for i in range(starts[which] + length, at, -1):
        totals[i] = totals[i - 1]
    counters[FREE] -= 1
    block = free[counters[FREE]]
    used[block] = stale[block] = 0
    ids[at], lows[at], totals[at] = block, 0.0, 0
    lengths[which] = length + 1
    return at


@kernel
def _close(lists, pool, which, at):
    """Take the block at this place out of its list, and free it."""
    values, counts, used, stale, free, counters = pool
    ids, lows, totals, starts, _, lengths, _ = lists
    block, stop = ids[at], starts[which] + lengths[which] - 1
    for i in range(used[block]):
        values[block, i], counts[block, i] = 0.0, 0
    used[block] = stale[block] = 0
    free[counters[FREE]] = block
    counters[FREE] += 1
    for i in range(at, stop):
        ids[i] = ids[i + 1]
    for i in range(at, stop):
        lows[i] = lows[i + 1]
    for i in range(at, stop):
        totals[i] = totals[i + 1]
    lows[stop] = 0.0
    lengths[which] -= 1


@kernel
def _move_entries(pool, source, first, target):
    """Move the entries of a block from `first` on to the end of another one, and return the sum of their counts."""
    values, counts, used, stale, _, _ = pool
    place, moved = used[target], 0
    for i in range(first, used[source]):
        values[target, place], counts[target, place] = values[source, i], counts[source, i]
        moved += counts[source, i]
        values[source, i], counts[source, i] = 0.0, 0
        place += 1
    used[target], used[source] = place, first
    stale[target] |= stale[source]
    return moved


@kernel
def put(lists, pool, which, value, number):
    """Add `number` to the count of a value, for whose entry there is room."""
    values, counts, used, stale, _, counters = pool
    ids, lows, totals, starts, _, lengths, _ = lists
    if lengths[which] == 0:
        lows[_open(lists, pool, which, 0)] = value
    at = _block_of(lows, starts[which], lengths[which], value)
    block = ids[at]
    entry = _entry_of(values, block, used[block], value)
    totals[at] += number
    if entry < used[block] and values[block, entry] == value:
        counters[EMPTY] += np.int64(counts[block, entry] + number == 0) - np.int64(counts[block, entry] == 0)
        counts[block, entry] += number
        if counts[block, entry] == 0:
            stale[block] = 1
        return
    if used[block] == SIZE:
        totals[at] -= number
        above = _open(lists, pool, which, at - starts[which] + 1)
        at = above - 1  # the directory may have moved
        moved = _move_entries(pool, block, SIZE // 2, ids[above])
        lows[above] = values[ids[above], 0]
        totals[at] -= moved
        totals[above] += moved
        if value > lows[above]:
            at, block, entry = above, ids[above], entry - SIZE // 2
        totals[at] += number
    for i in range(used[block], entry, -1):
        values[block, i] = values[block, i - 1]
    for i in range(used[block], entry, -1):
        counts[block, i] = counts[block, i - 1]
    values[block, entry], counts[block, entry] = value, number
    used[block] += 1
    counters[ENTRIES] += 1
    if number == 0:
        counters[EMPTY] += 1
        stale[block] = 1
    lows[at] = values[block, 0]


@kernel
def _join(lists, pool, which, at):
    """Join a block of few entries with a neighbour, if one block has room for both; an empty one goes."""
    _, _, used, _, _, _ = pool
    ids, _, totals, starts, _, lengths, _ = lists
    block, start = ids[at], starts[which]
    stop = start + lengths[which]
    if used[block] == 0:
        _close(lists, pool, which, at)
    elif used[block] < _SPARSE:
        if at + 1 < stop and used[block] + used[ids[at + 1]] <= FILLED:
            _move_entries(pool, ids[at + 1], 0, block)
            totals[at] += totals[at + 1]
            _close(lists, pool, which, at + 1)
        elif at > start and used[block] + used[ids[at - 1]] <= FILLED:
            _move_entries(pool, block, 0, ids[at - 1])
            totals[at - 1] += totals[at]
            _close(lists, pool, which, at)


@kernel
def held(lists, pool, which, value):
    """The count of a value."""
    values, counts, used, _, _, _ = pool
    ids, lows, _, starts, _, lengths, _ = lists
    if lengths[which] == 0:
        return 0
    block = ids[_block_of(lows, starts[which], lengths[which], value)]
    entry = _entry_of(values, block, used[block], value)
    return counts[block, entry] if entry < used[block] and values[block, entry] == value else 0


@kernel
def remove(lists, pool, which, value):
    """Take one copy of a value out of a list; its entry goes with the last one. False where none is held.

    There is room to put it back.
    """
    values, counts, used, _, _, counters = pool
    ids, lows, totals, starts, _, lengths, _ = lists
    if lengths[which] == 0:
        return False
    at = _block_of(lows, starts[which], lengths[which], value)
    block = ids[at]
    entry = _entry_of(values, block, used[block], value)
    if entry == used[block] or values[block, entry] != value or counts[block, entry] <= 0:
        return False
    counts[block, entry] -= 1
    totals[at] -= 1
    if counts[block, entry] > 0:
        return True
    used[block] -= 1
    for i in range(entry, used[block]):
        values[block, i] = values[block, i + 1]
    for i in range(entry, used[block]):
        counts[block, i] = counts[block, i + 1]
    values[block, used[block]], counts[block, used[block]] = 0.0, 0
    counters[ENTRIES] -= 1
    lows[at] = values[block, 0]
    _join(lists, pool, which, at)
    return True


@kernel
def put_all(lists, pool, which, values, numbers, start):
    """Add numbers to the counts of values from `start` on; how many values this is done for, where room ends."""
    _, _, _, _, _, counters = pool
    ids = lists[0]
    for i in range(start, len(values)):
        blocks, places = 1, 2 * lists[5][which[i]] + _FIRST  # as much as it may take
        if counters[FREE] < blocks or len(ids) - counters[ARENA] < places:
            blocks, places = room_for(lists, pool, which[i], values[i])
            if counters[FREE] < blocks or len(ids) - counters[ARENA] < places:
                return i
        put(lists, pool, which[i], values[i], numbers[i if len(numbers) > 1 else 0])
    return len(values)


@kernel
def shift(lists, pool, which, values, numbers, sign):
    """Add numbers to counts of values that have entries, or subtract; -1.

    Returns the first value of which too few are held, or has no entry: then nothing has changed.
    """
    done, stop = -1, len(values)
    i = 0
    while i < stop:
        number = numbers[i if len(numbers) > 1 else 0] * np.int64(sign)
        if done < 0 and number < 0 and held(lists, pool, which[i], values[i]) < -number:
            done, stop, sign, i = i, i, -sign, 0
            continue
        put(lists, pool, which[i], values[i], number)
        i += 1
    return done


@kernel
def sweep(lists, pool):
    """Remove all entries of count 0."""
    values, counts, used, stale, _, counters = pool
    ids, lows, _, starts, _, lengths, _ = lists
    for which in range(len(lengths)):
        for at in range(starts[which] + lengths[which] - 1, starts[which] - 1, -1):
            block = ids[at]
            if stale[block] == 0:
                continue
            kept = 0
            for i in range(used[block]):
                if counts[block, i] > 0:
                    values[block, kept], counts[block, kept] = values[block, i], counts[block, i]
                    kept += 1
            counters[ENTRIES] -= used[block] - kept
            for i in range(kept, used[block]):
                values[block, i], counts[block, i] = 0.0, 0
            used[block], stale[block] = kept, 0
            if kept > 0:
                lows[at] = values[block, 0]
            _join(lists, pool, which, at)
    counters[EMPTY] = 0


@kernel
def append(lists, pool, which, values, numbers):
    """Fill an empty list, for which there is room, with sorted distinct values and their counts."""
    block_values, counts, used, _, _, counters = pool
    ids, lows, totals, _, _, lengths, _ = lists
    at = block = -1
    for i in range(len(values)):
        if i % FILLED == 0:
            at = _open(lists, pool, which, lengths[which])
            block = ids[at]
            lows[at] = values[i]
        block_values[block, used[block]], counts[block, used[block]] = values[i], numbers[i]
        used[block] += 1
        totals[at] += numbers[i]
    counters[ENTRIES] += len(values)


@kernel
def contents(lists, pool, which, values, numbers):
    """Write the values of a list, in ascending order, and their counts; returns how many there are."""
    block_values, counts, used, _, _, _ = pool
    ids, _, _, starts, _, lengths, _ = lists
    n = 0
    for at in range(starts[which], starts[which] + lengths[which]):
        block = ids[at]
        for i in range(used[block]):
            if counts[block, i] > 0:
                values[n], numbers[n] = block_values[block, i], counts[block, i]
                n += 1
    return n


@kernel
def total_of(lists, which):
    """How many values a list holds, without zeros."""
    _, _, totals, starts, _, lengths, _ = lists
    total = 0
    for at in range(starts[which], starts[which] + lengths[which]):
        total += totals[at]
    return total


@kernel
def below(lists, pool, which, value):
    """How many values of a list, without zeros, are less than `value`."""
    values, counts, used, _, _, _ = pool
    ids, lows, totals, starts, _, lengths, _ = lists
    number = 0
    if lengths[which] == 0:
        return number
    at = _block_of(lows, starts[which], lengths[which], value)
    for i in range(starts[which], at):
        number += totals[i]
    block = ids[at]
    for i in range(_entry_of(values, block, used[block], value)):
        number += counts[block, i]
    return number


@kernel
def select(lists, pool, which, zeros, ranks, found):
    """Write the values of these ranks, which ascend and begin with 0, of a list in which 0.0 occurs so often."""
    values, counts, _, _, _, _ = pool
    ids, _, totals, starts, _, _, _ = lists
    negative, passed, at = below(lists, pool, which, 0.0), 0, starts[which]
    for i in range(len(ranks)):
        rank = ranks[i]
        if rank >= negative and rank < negative + zeros:
            found[i] = 0.0
            continue
        if rank >= negative:
            rank -= zeros
        while passed + totals[at] <= rank:
            passed += totals[at]
            at += 1
        rest, entry = rank - passed, 0
        while counts[ids[at], entry] <= rest:
            rest -= counts[ids[at], entry]
            entry += 1
        found[i] = values[ids[at], entry]


@kernel
def most_frequent(lists, pool, which, zeros):
    """The most frequent value of a list in which 0.0 occurs so often, the least of those; NaN where there is none."""
    values, counts, used, _, _, _ = pool
    ids, _, _, starts, _, lengths, _ = lists
    found, most = np.nan, 0
    for at in range(starts[which], starts[which] + lengths[which]):
        block = ids[at]
        for i in range(used[block]):
            value, count = values[block, i], counts[block, i]
            if zeros > most and value > 0.0:
                found, most, zeros = 0.0, zeros, 0
            if count > most:
                found, most = value, count
    return 0.0 if zeros > most else found
