"""The ledger against collections.Counter, and the multiset hash against Python's integers."""

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlearn.engine.identity import ledger as module
from sqlearn.engine.identity.ledger import Ledger, add_one, copies_held, take_one
from sqlearn.engine.identity.multiset import add_term, add_terms
from sqlearn.engine.kernels.decorator import kernel
from sqlearn.errors import TooLargeError

TOP = 2**64 - 1

# Few names, so that they repeat; equal first words and equal high bits, so that homes collide and the second
# word decides; the greatest, so that clusters run over the end of the table.
NAMES = st.tuples(
    st.sampled_from([0, 1, 2, 2**32, 2**63, 2**63 + 1, TOP - 2**60, TOP - 2**33, TOP - 2, TOP - 1, TOP]),
    st.sampled_from([0, 1, TOP]),
)
BATCHES = st.lists(NAMES, max_size=30)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "take", "take held"]), BATCHES, st.randoms()), max_size=12)


def array(names):
    return np.array(names, np.uint64).reshape(len(names), 2)


def ledger_of(names):
    result = Ledger()
    result.add(array(names))
    return result


def held(ledger, names):
    keys, copies, _ = ledger.arrays
    return [one(copies_held, keys, copies, *name) for name in names.tolist()]


def canonical(counter):
    """The canonical form, written down as its documentation has it."""
    entries = sorted(counter.items())
    names = b"".join(word.to_bytes(8, "little") for name, _ in entries for word in name)
    return names + b"".join(copies.to_bytes(4, "little") for _, copies in entries)


def first_missing(counter, names):
    left = Counter(counter)
    for i, name in enumerate(names):
        if not left[name]:
            return i
        left[name] -= 1
    return -1


def check(ledger, counter):
    """All that a ledger says, and how it lies in memory, against what it should hold."""
    keys, copies, counters = ledger.arrays
    assert ledger.canonical() == canonical(counter)
    assert list(counters) == [len(counter), counter.total()]
    assert len(ledger) == counter.total()
    assert not keys[copies == 0].any()
    assert len(counter) < len(copies)
    assert 5 * len(counter) <= 4 * len(copies)
    # The table is what any other order of adding gives.
    fresh = [np.zeros_like(part) for part in ledger.arrays]
    for name in sorted(counter, key=hash):
        for _ in range(counter[name]):
            assert one(add_one, *fresh, *name)
    for part, other in zip(ledger.arrays, fresh, strict=True):
        assert np.array_equal(part, other)


def one(function, *arguments):
    *arrays, name0, name1 = arguments
    return function(*arrays, np.uint64(name0), np.uint64(name1))


@given(STEPS)
@settings(deadline=None, max_examples=150)
def test_a_ledger_is_a_counter(steps):
    ledger, counter = Ledger(), Counter()
    for action, names, random in steps:
        if action == "add":
            ledger.add(array(names))
            counter.update(names)
        else:
            if action == "take held":
                names = random.sample(list(counter.elements()), min(len(names), counter.total()))
            missing = first_missing(counter, names)
            before = [part.copy() for part in ledger.arrays]
            assert ledger.take(array(names)) == missing
            if missing < 0:
                counter -= Counter(names)
            elif len(before[1]) == len(ledger.arrays[1]):
                assert all(map(np.array_equal, ledger.arrays, before))
        check(ledger, counter)
        assert held(ledger, array(names)) == [counter[name] for name in names]


@given(BATCHES, BATCHES)
@settings(deadline=None, max_examples=100)
def test_merging_copying_and_restoring(names, others):
    ledger, other = ledger_of(names), ledger_of(others)
    check(ledger.merged(other), Counter(names + others))
    copy = ledger.copy()
    copy.add(array(others))
    check(copy, Counter(names + others))
    for part in (ledger, Ledger.restore(ledger.canonical()), pickle.loads(pickle.dumps(ledger))):
        check(part, Counter(names))
    check(other, Counter(others))


@given(BATCHES, NAMES)
@settings(deadline=None, max_examples=100)
def test_single_records_inside_kernels(names, name):
    ledger, counter = ledger_of(names), Counter(names)
    assert one(copies_held, *ledger.arrays[:2], *name) == counter[name]
    assert one(take_one, *ledger.arrays, *name) == (counter[name] > 0)
    ledger.shrink()
    check(ledger, counter - Counter([name]))
    ledger.reserve(1)
    assert one(add_one, *ledger.arrays, *name)
    check(ledger, counter - Counter([name]) + Counter([name]))


def test_callable_from_a_kernel():
    @kernel
    def exchange(keys, copies, counters, old, new):
        taken = take_one(keys, copies, counters, old[0], old[1])
        return taken and add_one(keys, copies, counters, new[0], new[1]), copies_held(keys, copies, old[0], old[1])

    ledger = ledger_of([(1, 2), (1, 2), (TOP, 3)])
    assert exchange(*ledger.arrays, *array([(1, 2), (5, 6)])) == (True, 1)
    check(ledger, Counter([(1, 2), (TOP, 3), (5, 6)]))


def test_whole_digests_are_names_too():
    digests = np.random.default_rng(0).integers(0, 2**64, (50, 6), np.uint64)
    ledger = Ledger()
    ledger.add(digests)
    check(ledger, Counter(map(tuple, digests[:, :2].tolist())))
    assert ledger.take(digests) == -1
    check(ledger, Counter())


def test_many_records_take_little_memory_and_give_it_back():
    names = np.random.default_rng(0).integers(0, 2**64, (20_000, 2), np.uint64)
    ledger, bytes_each = Ledger(), []
    for start in range(0, len(names), 10):
        ledger.add(names[start : start + 10])
        bytes_each.append(ledger.nbytes / len(ledger))
    assert max(bytes_each[100:]) < 35
    assert ledger.canonical() == Ledger.restore(ledger.canonical()).canonical()
    assert ledger.take(names[::-1]) == -1
    ledger.shrink()
    assert ledger.nbytes < 300
    assert ledger.canonical() == b""


def test_a_crowded_table_without_one_free_home():
    """Every name has its home in the last slot, so each cluster goes over the end."""
    names = [(TOP, i) for i in range(500)]
    ledger = ledger_of(names)
    check(ledger, Counter(names))
    assert ledger.take(array(names[250:])) == -1
    check(ledger, Counter(names[:250]))
    assert ledger.take(array([*names[:100], names[300]])) == 100
    check(ledger, Counter(names[:250]))


def test_too_many_copies_are_refused_and_nothing_changes():
    most = canonical(Counter({(7, 7): 2**31 - 2, (8, 8): 1}))
    ledger = Ledger.restore(most)
    assert ledger.add(array([(7, 7), (9, 9), (7, 7)])) == 2
    assert ledger.canonical() == most
    with pytest.raises(TooLargeError):
        ledger.merged(ledger_of([(7, 7), (7, 7)]))
    assert ledger.canonical() == most
    assert ledger.add(array([(7, 7)])) == -1
    assert not one(add_one, *ledger.arrays, 7, 7)
    assert held(ledger, array([(7, 7)])) == [2**31 - 1]
    assert len(ledger) == 2**31


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        bytes(19),
        canonical(Counter([(1, 1)]))[:-4] + bytes(4),
        canonical(Counter([(1, 1)]))[:-4] + b"\xff" * 4,
        b"".join(canonical(Counter([name]))[:16] for name in ((1, 1), (1, 1))) + b"\1\0\0\0" * 2,
        b"".join(canonical(Counter([name]))[:16] for name in ((1, 2), (1, 1))) + b"\1\0\0\0" * 2,
        b"".join(canonical(Counter([name]))[:16] for name in ((2, 1), (1, 2))) + b"\1\0\0\0" * 2,
    ],
)
def test_bytes_of_no_ledger_are_refused(data):
    with pytest.raises(ValueError, match="ledger"):
        Ledger.restore(data)


def test_resizing_leaves_room():
    for extra in (0, 1, 6, 7, 1000):
        ledger = ledger_of([(i, i) for i in range(5)])
        ledger.reserve(extra)
        assert 5 * (5 + extra) <= 4 * len(ledger.arrays[1])
        check(ledger, Counter((i, i) for i in range(5)))
    assert module.SMALLEST >= 5  # below, a full load would leave no slot free to stop at


WORDS = st.lists(st.sampled_from([0, 1, 2**63, TOP - 1, TOP]) | st.integers(0, TOP), min_size=6, max_size=6)


def as_integer(words):
    return int.from_bytes(np.asarray(words, "<u8").tobytes(), "little")


@given(WORDS, st.lists(WORDS, max_size=6))
@settings(deadline=None, max_examples=200)
def test_the_multiset_hash_is_a_sum_of_integers(start, digests):
    digests = np.array(digests, np.uint64).reshape(len(digests), 6)
    for sign in (1, -1):
        total = np.array(start[:4], np.uint64)
        expected = as_integer(total) + sign * sum(as_integer(digest[2:]) for digest in digests)
        add_terms(total, digests, sign)
        assert as_integer(total) == expected % 2**256
        for digest in digests:
            add_term(total, digest, -sign)
        assert as_integer(total) == as_integer(start[:4])
