"""Rows: the model's own copy of its records, against a dict."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlearn.engine.rounds import rows as rows_module
from sqlearn.engine.rounds.rows import Rows

D = 2
SEED = np.uint64(7)


def record(name, number):
    """What is kept under a name, recognisable."""
    return np.array([1.0 + name[0], 100.0 * name[1] + number]), float(name[0]), 1.0 + number


def names_of(keys):
    """Names from a tiny alphabet: many copies, and names that differ in one word alone."""
    return np.array(keys, np.uint64).reshape(-1, 2)


class Model:
    """Rows beside a dict of what they should hold."""

    def __init__(self):
        self.rows, self.held, self.copies = Rows(D, SEED), {}, Counter()

    def add(self, keys):
        numbers = []
        for key in keys:
            numbers.append(self.copies[key])
            self.copies[key] += 1
            self.held[(*key, numbers[-1])] = None
        kept = [record(key, number) for key, number in zip(keys, numbers, strict=True)]
        x, y, w = (np.array(part) for part in zip(*kept, strict=True))
        hashes = np.zeros(len(keys), np.uint64)
        places = np.full(len(keys), -1)
        self.rows.vacant(places)
        self.rows.put(places, x.reshape(-1, D), y, w, names_of(keys), hashes)
        assert (self.rows.keyed[places] == hashes).all()
        assert self.rows.numbers[places].tolist() == numbers

    def remove(self, keys):
        places, hashes = np.full(len(keys), -1), np.zeros(len(keys), np.uint64)
        assert self.rows.missing(names_of(keys)) == -1
        self.check()  # asking changes nothing
        self.rows.remove(places, names_of(keys), hashes)
        assert (places >= 0).all()
        hashed = set()  # a keyed hash depends on a digest's first word and on the copy's number
        for key in keys:
            self.copies[key] -= 1
            del self.held[(*key, self.copies[key])]
            hashed.add((key[0], self.copies[key]))
        assert len(np.unique(hashes)) == len(hashed)

    def check(self):
        rows, held = self.rows, self.held
        assert len(rows) == len(held)
        every = sorted({key[:2] for key in held} | {(0, 0), (3, 3), (2**64 - 1, 1)})
        for name in every:
            count = self.copies[name]
            assert rows.missing(names_of([name] * count)) == -1
            assert rows.missing(names_of([name] * (count + 2))) == count
        places = rows.places()
        found = set()
        for place in places.tolist():
            name, number = tuple(rows.digests[place].tolist()), rows.numbers[place].item()
            found.add((*name, number))
            x, y, w = record(name, number)
            assert rows.x[place].tolist() == x.tolist() and rows.y[place] == y and rows.w[place] == w
        assert found == held.keys()
        assert len(places) == len(held) and (rows.w[places] > 0).all()
        empty = np.setdiff1d(np.arange(len(rows.w)), places)
        for array in rows._arrays():  # nothing lingers
            assert not array[empty].any()
        assert np.sort(rows._index[rows._index >= 0]).tolist() == places.tolist()


keys = st.tuples(st.sampled_from([0, 1, 2, 2**64 - 1]), st.integers(0, 2))
steps = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "compact", "copy"]), st.lists(keys, min_size=1, max_size=12)),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps, collide=st.booleans())
def test_any_history(steps, collide):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_module, "_MOST_EMPTY", 3)
        model = Model()
        if collide:  # the smallest table there may be, all but full
            patch.setattr(Rows, "reserve", crowded)
        for step, chosen in steps:
            if step == "add":
                model.add(chosen)
            elif step == "remove":
                left, gone = {key: sum(h[:2] == key for h in model.held) for key in chosen}, []
                for key in chosen:
                    if left[key]:
                        left[key] -= 1
                        gone.append(key)
                if gone:
                    model.remove(gone)
            elif step == "compact":
                model.rows.compact()
            else:
                old, model.rows = model.rows, model.rows.copy()
                names = old.digests[old.places()]
                old.remove(np.empty(len(names), np.int64), names, np.empty(len(names), np.uint64))
            model.check()


def crowded(self, extra, original=Rows.reserve):
    """A table with one empty slot."""
    original(self, extra)
    self._reindex(16) if len(self) + extra < 16 else self._reindex(len(self) + extra + 1)


def test_a_place_is_zeroed_at_once_and_used_again():
    model = Model()
    model.add([(i, 1) for i in range(20)])
    place = place_of(model, (7, 1))
    model.remove([(7, 1)])
    assert not any(array[place].any() for array in model.rows._arrays())
    end = model.rows.end
    model.add([(99, 1)])
    assert place_of(model, (99, 1)) == place and model.rows.end == end
    model.check()


def test_many_copies_of_one_record():
    model = Model()
    for size in (1, 2, 3, 5, 30, 400):
        model.add([(5, 5)] * size)
        model.check()
    for size in (400, 1, 30, 10):
        model.remove([(5, 5)] * size)
        model.check()
    model.remove([(5, 5)] * len(model.held))
    model.check()


def test_half_empty_rows_move_together(monkeypatch):
    monkeypatch.setattr(rows_module, "_MOST_EMPTY", 341)  # a twelfth of what it is
    model = Model()
    keys = [(i, i) for i in range(1000)]
    model.add(keys)
    rng = np.random.default_rng(0)
    gone = rng.permutation(1000)
    model.remove([keys[i] for i in gone[:416]])
    model.rows.compact()
    assert model.rows.end == 1000  # not yet
    model.remove([keys[i] for i in gone[416:750]])
    model.rows.compact()
    assert model.rows.end == len(model.rows) == 250
    kept = [keys[i] for i in gone[750:]]
    assert sorted(model.rows.x[:250, 0].tolist()) == sorted(1.0 + key[0] for key in kept)
    assert model.rows.nbytes < 1000 * 60
    model.add(keys[:10])
    model.remove(kept[:100])
    model.check()


def test_memory_that_ends_while_moving_together_changes_nothing(monkeypatch):
    model = Model()
    model.add([(i, 0) for i in range(10)])
    model.remove([(i, 0) for i in range(9)])
    monkeypatch.setattr(rows_module, "_MOST_EMPTY", 3)
    monkeypatch.setattr(np, "full", lambda *args: (_ for _ in ()).throw(MemoryError))
    model.rows.compact()
    assert model.rows.end == 10
    monkeypatch.undo()
    model.check()


def place_of(model, key):
    return int(np.flatnonzero((model.rows.digests == np.array(key, np.uint64)).all(axis=1))[0])


def hashes_of(names, seed=0):
    n = len(names)
    rows, places, hashes = Rows(D, np.uint64(seed)), np.empty(n, np.int64), np.zeros(n, np.uint64)
    rows.vacant(places)
    rows.put(places, np.zeros((n, D)), np.zeros(n), np.ones(n), names, hashes)
    return hashes


def test_keyed_hashes_are_uniform_and_depend_on_all():
    rng = np.random.default_rng(1)
    names = rng.integers(0, 2**63, (20_000, 2)).astype(np.uint64) * np.uint64(2) + np.uint64(1)
    keyed = hashes_of(names)
    assert len(np.unique(keyed)) == 20_000
    for bit in range(64):
        share = ((keyed >> np.uint64(bit)) & np.uint64(1)).mean()
        assert abs(share - 0.5) < 0.02, bit
    copies = hashes_of(np.repeat(names[:1], 5000, axis=0))
    assert len(np.unique(copies)) == 5000
    assert abs((copies < 2**63).mean() - 0.5) < 0.03
    other = hashes_of(names, 1)
    assert not (other == keyed).any()
    assert abs(((other < 2**63) == (keyed < 2**63)).mean() - 0.5) < 0.02
