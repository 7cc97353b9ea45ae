"""Rows: the model's own copy of its records, against a dict."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlearn.engine import rows as rows_module
from sqlearn.engine.rows import Rows, keyed_names, ranks

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
        self.rows, self.held = Rows(D), {}

    def add(self, keys):
        names = names_of(keys)
        numbers = self.rows.count(names) + ranks(names)
        kept = [record(key, number) for key, number in zip(keys, numbers.tolist(), strict=True)]
        x, y, w = (np.array(part) for part in zip(*kept, strict=True))
        self.rows.add(x.reshape(-1, D), y, w, names, numbers, keyed_names(names, numbers, SEED))
        self.held |= {(*key, number): None for key, number in zip(keys, numbers.tolist(), strict=True)}

    def remove(self, keys):
        names = names_of(keys)
        numbers = self.rows.count(names) - ranks(names) - 1
        places = self.rows.find(names, numbers)
        assert (places >= 0).all()
        self.rows.remove(places)
        for key, number in zip(keys, numbers.tolist(), strict=True):
            del self.held[(*key, number)]

    def check(self):
        rows, held = self.rows, self.held
        assert len(rows) == len(held)
        every = sorted({key[:2] for key in held} | {(0, 0), (3, 3), (2**64 - 1, 1)})
        counts = rows.count(names_of(every))
        assert counts.tolist() == [sum(key[:2] == name for key in held) for name in every]
        for name, count in zip(every, counts.tolist(), strict=True):
            places = rows.find(names_of([name] * (count + 2)), np.arange(count + 2))
            assert (places[count:] == -1).all() and (places[:count] >= 0).all()
            for number, place in enumerate(places[:count].tolist()):
                x, y, w = record(name, number)
                assert rows.x[place].tolist() == x.tolist() and rows.y[place] == y and rows.w[place] == w
                assert rows.names[place].tolist() == list(name) and rows.numbers[place] == number
                assert rows.keyed[place] == keyed_names(names_of([name]), np.array([number]), SEED)[0]
        places = rows.places()
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
                old.remove(old.places())
            model.check()


def crowded(self, extra, original=Rows.reserve):
    """A table with one empty slot."""
    original(self, extra)
    self._reindex(16) if len(self) + extra < 16 else self._reindex(len(self) + extra + 1)


def test_a_place_is_zeroed_at_once_and_used_again():
    model = Model()
    model.add([(i, 1) for i in range(20)])
    place = model.rows.find(names_of([(7, 1)]), np.array([0]))[0]
    model.remove([(7, 1)])
    assert not any(array[place].any() for array in model.rows._arrays())
    end = model.rows.end
    model.add([(99, 1)])
    assert model.rows.find(names_of([(99, 1)]), np.array([0]))[0] == place and model.rows.end == end
    model.check()


def test_many_copies_of_one_record():
    model = Model()
    for size in (1, 2, 3, 5, 30, 400):
        model.add([(5, 5)] * size)
        model.check()
    for size in (400, 1, 30, 10):
        model.remove([(5, 5)] * size)
        model.check()
    model.remove([(5, 5)] * int(model.rows.count(names_of([(5, 5)]))[0]))
    model.check()


def test_half_empty_rows_move_together():
    model = Model()
    keys = [(i, i) for i in range(12_000)]
    model.add(keys)
    rng = np.random.default_rng(0)
    gone = rng.permutation(12_000)
    model.remove([keys[i] for i in gone[:5000]])
    model.rows.compact()
    assert model.rows.end == 12_000  # not yet
    model.remove([keys[i] for i in gone[5000:9000]])
    model.rows.compact()
    assert model.rows.end == len(model.rows) == 3000
    kept = [keys[i] for i in gone[9000:]]
    places = model.rows.find(names_of(kept), np.zeros(3000, np.int64))
    assert (model.rows.x[places, 0] == 1.0 + np.array(kept)[:, 0]).all()
    assert model.rows.nbytes < 12_000 * 60
    model.add(keys[:10])
    model.remove(kept[:100])
    assert (model.rows.count(names_of(kept[:100])) == [key in keys[:10] for key in kept[:100]]).all()


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


def test_ranks():
    names = np.array([[1, 2], [1, 3], [1, 2], [2, 2], [1, 2], [1, 3]], np.uint64)
    assert ranks(names).tolist() == [0, 0, 1, 0, 2, 1]
    assert ranks(names[:0]).tolist() == []


def test_keyed_names_are_uniform_and_depend_on_all():
    rng = np.random.default_rng(1)
    names, numbers = rng.integers(0, 2**63, (20_000, 2)).astype(np.uint64), np.zeros(20_000, np.int64)
    keyed = keyed_names(names, numbers, np.uint64(0))
    assert len(np.unique(keyed)) == 20_000
    for bit in range(64):
        share = ((keyed >> np.uint64(bit)) & np.uint64(1)).mean()
        assert abs(share - 0.5) < 0.02, bit
    copies = keyed_names(np.repeat(names[:1], 5000, axis=0), np.arange(5000), np.uint64(0))
    assert len(np.unique(copies)) == 5000
    assert abs((copies < 2**63).mean() - 0.5) < 0.03
    other = keyed_names(names, numbers, np.uint64(1))
    assert not (other == keyed).any()
    assert abs(((other < 2**63) == (keyed < 2**63)).mean() - 0.5) < 0.02
