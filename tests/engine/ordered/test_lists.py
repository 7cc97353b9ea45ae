"""Ordered multisets against slow twins: counters and sorted lists."""

from collections import Counter

import numpy as np
import pytest

from sqlearn.engine.ordered import lists as module
from sqlearn.engine.ordered.blocks import EMPTY, ENTRIES, FREE
from sqlearn.engine.ordered.lists import OrderedLists
from sqlearn.engine.ordered.sorting import distinct, sorted_columns
from sqlearn.errors import FormatError

HARD = [1e308, -1e308, 5e-324, -5e-324, 1e12, 2.0**52, np.nextafter(1.0, 2.0)]


class Twin:
    """What lists hold, as counters."""

    def __init__(self, n):
        self.counters = [Counter() for _ in range(n)]

    def put(self, which, values, sign=1):
        for i, value in zip(which, values, strict=True):
            self.counters[i][value] += sign

    def check(self, lists):
        for which, counter in enumerate(self.counters):
            held = sorted((value, count) for value, count in counter.items() if count)
            values, counts = lists.contents(which)
            assert values.tolist() == [value for value, _ in held]
            assert counts.tolist() == [count for _, count in held]
            assert lists.total(which) == sum(counter.values())
            whole = np.sort(np.concatenate([np.repeat(values, counts), np.zeros(3)]))
            np.testing.assert_array_equal(lists.select(which, 3, np.arange(len(whole))), whole)
            for value in (-1e308, 0.0, 0.5, np.inf):
                assert lists.below(which, value) == ((whole < value) & (whole != 0)).sum()
            unique, number = np.unique(whole, return_counts=True)
            assert lists.most_frequent(which, 3) == unique[number.argmax()]
        counters = lists.pool[-1]
        in_use = lists.pool[2].sum()
        assert (
            in_use == counters[ENTRIES] == sum(len(lists.contents(i)[0]) for i in range(len(lists))) + counters[EMPTY]
        )


@pytest.mark.parametrize("seed", range(3))
def test_random_histories(seed):
    rng = np.random.default_rng(seed)
    lists, twin = OrderedLists(3), Twin(3)
    few = np.concatenate([rng.normal(size=150), HARD])
    for step in range(60):
        n = int(rng.integers(1, 400))
        which, values = rng.integers(0, 3, n), rng.choice(few, n) if step % 3 else rng.normal(size=n)
        if rng.random() < 0.5 + 0.3 * (step < 20):
            lists.put(which, values)
            twin.put(which, values)
        else:
            own = int(rng.integers(0, 3))
            held = np.repeat(*lists.contents(own))
            values = rng.choice(held, min(len(held), n), replace=False)
            which = np.full(len(values), own)
            strange = np.append(values, 1234.5)
            assert lists.shift(np.full(len(strange), own), strange, -1.0) == len(values)  # and nothing has changed
            assert lists.shift(which, values, -1.0) == -1
            if step % 4 == 0:  # taken back, without a place for any new entry
                lists.shift(which, values, 1.0)
            else:
                twin.put(which, values, -1)
        if step % 2:
            lists.prune()
        if step % 6 == 0:
            twin.check(lists)
    lists.prune()
    twin.check(lists)
    twin.check(lists.copy())
    data = lists.canonical(np.arange(3))
    restored = OrderedLists(3)
    restored.restore(data)
    twin.check(restored)
    assert restored.canonical(np.arange(3)) == data
    for i in range(3):  # nothing is left, and blocks are given back
        values = np.repeat(*lists.contents(i))
        assert lists.shift(np.full(len(values), i), values, -1.0) == -1
    lists.prune()
    assert lists.pool[-1][ENTRIES] == 0
    assert lists.pool[-1][FREE] == len(lists.pool[0]) <= 64
    assert not lists.pool[0].any()  # nor do the values stay in memory


def test_numbers_of_missing_values_stay_where_they_are_while_values_come():
    """Whoever puts values in counts the missing ones in the array that it had before."""
    lists = OrderedLists(2)
    held = lists.missing[:2]
    directories = set()
    for i in range(40):
        lists.put(np.repeat([0, 1], 500), np.random.default_rng(i).normal(size=1000))
        directories.add(len(lists.lists[0]))
        held += 1
    assert len(directories) > 2 and lists.missing.tolist() == [40, 40]
    assert lists.copy().missing.tolist() == [40, 40]


def test_values_take_24_bytes():
    lists = OrderedLists(1)
    rng = np.random.default_rng(0)
    values, counts, _ = distinct(np.sort(rng.normal(size=20_000)))
    lists.fill(0, values, counts)
    assert lists.nbytes < 24 * 20_000
    for i in range(0, 20_000, 400):
        gone = rng.choice(np.repeat(*lists.contents(0)), 400, replace=False)
        lists.shift(np.zeros(400, int), gone, -1.0)
        lists.put(np.zeros(400, int), rng.normal(size=400) + i / 1e6)
        lists.prune()
    assert lists.nbytes < 1.5 * 24 * 20_000


def test_where_memory_ends_nothing_has_changed(monkeypatch):
    rng = np.random.default_rng(1)
    lists = OrderedLists(2)
    lists.put(rng.integers(0, 2, 500), rng.normal(size=500))
    before = lists.canonical(np.arange(2))

    def refuse(*shape):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(module, "_empty_pool", refuse)
        with pytest.raises(MemoryError):
            lists.put(rng.integers(0, 2, 5000), rng.normal(size=5000))
        lists.prune()
    assert lists.canonical(np.arange(2)) == before


@pytest.mark.parametrize("n", [1, 7, 5000])
def test_sorted_columns(n):
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 4))
    X[:, 1] = rng.choice([*HARD, 0.0, np.nan, 3.0], n)
    X[:, 2] = rng.integers(-3, 3, n)
    for column, found in zip(X.T, sorted_columns(np.array_split(X, 3)), strict=True):
        np.testing.assert_array_equal(found, np.sort(column))
        values, counts, missing = distinct(found)
        expected, numbers = np.unique(column[(column != 0) & ~np.isnan(column)], return_counts=True)
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(counts, numbers)
        assert missing == np.isnan(column).sum()


@pytest.mark.parametrize(
    ("place", "value"), [(1, np.float64(0.5)), (0, np.float64(0)), (2, np.float64(np.nan)), (3, np.int64(0))]
)
def test_bytes_that_are_no_lists_are_refused(place, value):
    lists = OrderedLists(1)
    lists.put(np.zeros(3, int), np.array([1.0, 2.0, 3.0]))
    words = np.frombuffer(lists.canonical(np.zeros(1, int)), np.uint64).copy()
    words[1 + place] = value.view(np.uint64)
    with pytest.raises(FormatError):
        OrderedLists(1).restore(words.tobytes())
    for data in (b"", words.tobytes()[:-8], words.tobytes() + bytes(16)):
        with pytest.raises(FormatError):
            OrderedLists(1).restore(data)
