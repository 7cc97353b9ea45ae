"""Sorting columns of float64 by the digits of their bits, which takes a fraction of the time of comparisons."""

from collections.abc import Iterator

import numpy as np

from sqlearn.engine.kernels import bits_float, float_bits, kernel

_BITS = 11
_BUCKETS = 1 << _BITS
_PASSES = 6
_WORTH = 1 << 12  # values of a column


@kernel
def _sort_bits(numbers, keys, spare, counts):
    """Sort float64 in place, NaN last; the rest is scratch: uint64[n] twice, int64[_PASSES, _BUCKETS]."""
    sign, mask = np.uint64(1) << np.uint64(63), np.uint64(_BUCKETS - 1)
    counts[:] = 0
    for i in range(len(numbers)):
        bits = np.uint64(float_bits(numbers[i]))
        key = ~bits if bits & sign else bits | sign  # as integers, these ascend as the numbers do
        keys[i] = key
        for p in range(_PASSES):
            counts[p, np.int64((key >> np.uint64(_BITS * p)) & mask)] += 1
    source, target = keys, spare
    for p in range(_PASSES):
        below, is_one = 0, False
        for b in range(_BUCKETS):
            number = counts[p, b]
            is_one |= number == len(numbers)
            counts[p, b] = below
            below += number
        if is_one:  # all have the same digit here
            continue
        for i in range(len(numbers)):
            key = source[i]
            digit = np.int64((key >> np.uint64(_BITS * p)) & mask)
            target[counts[p, digit]] = key
            counts[p, digit] += 1
        source, target = target, source
    for i in range(len(numbers)):
        key = source[i]
        numbers[i] = bits_float(np.int64(key ^ sign if key & sign else ~key))


@kernel
def _runs(numbers, values, counts):
    """Write the distinct values of sorted numbers without 0.0 and NaN, and their counts; how many there are."""
    n = 0
    for i in range(len(numbers)):
        if n > 0 and values[n - 1] == numbers[i]:
            counts[n - 1] += 1
        else:
            values[n], counts[n] = numbers[i], 1
            n += 1
    return n


def sorted_columns(rows: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The columns of rows, float64[n, d] in parts, each sorted, NaN last; each is overwritten by the next."""
    n = sum(map(len, rows))
    column = np.empty(n)
    scratch = np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty((_PASSES, _BUCKETS), np.int64)
    for j in range(rows[0].shape[1]):
        np.concatenate([part[:, j] for part in rows], out=column)
        if n < _WORTH:
            column.sort()
        else:
            _sort_bits(column, *scratch)
        yield column


def distinct(column: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """The distinct values of a sorted column but 0.0 and NaN, float64[k], their counts, int64[k], and how many NaN."""
    known = column[: np.searchsorted(column, np.nan)]
    first, last = np.searchsorted(known, 0.0), np.searchsorted(known, 0.0, side="right")
    numbers = np.concatenate([known[:first], known[last:]]) if last > first else known
    values, counts = np.empty(len(numbers)), np.empty(len(numbers), np.int64)
    n = _runs(numbers, values, counts)
    return values[:n], counts[:n], len(column) - len(known)
