"""Any object with the source protocol serves as the rows of a learner that asks in rounds; and traces as bytes."""

import copy
import pickle

import numpy as np
import pytest

from laws import assert_same, refit, snapshot
from learners import crossed, over_kinds
from sqlearn.engine.rounds.row_index import copy_hashes, numbers_of
from sqlearn.engine.rounds.row_source import MAX_HASH, Records
from sqlearn.engine.rounds.trace import from_bytes, to_bytes
from sqlearn.engine.sums.exact import ExactSum
from sqlearn.errors import FormatError
from tiny_rounds import ADAPTIVE, cut, sample

pytestmark = pytest.mark.filterwarnings("ignore")


class Shuffled:
    """Rows that are given in blocks of any size, in another order each time; and that may fail."""

    def __init__(self, rows, seed):
        self.rows, self.random, self.fails_at, self.asked = rows, np.random.default_rng(seed), -1, 0

    def __getattr__(self, name):  # reserve, missing, vacant, put, remove, compact
        return getattr(self.rows, name)

    def copy(self):
        return Shuffled(self.rows.copy(), 0)

    def blocks(self, limit):
        (whole,) = self.rows.blocks(limit)
        order = self.random.permutation(len(whole.w))
        cuts = np.sort(self.random.integers(0, len(order) + 1, 3))
        for part in np.split(order, cuts):
            self.asked += 1
            if self.asked == self.fails_at:
                raise OSError("the disk is gone")
            yield Records(whole.x[part], whole.y[part], whole.w[part], whole.hashes[part])


@crossed(7, learner=ADAPTIVE, seed=range(2))
def test_blocks_of_any_size_and_order(learner, seed, monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(seed)
    records = sample(learner, rng, 90, classes=3)
    model = refit(learner, records.take(range(70)))
    statistic = model._state.statistic
    statistic.rows = source = Shuffled(statistic.rows, seed)
    held = list(range(70))
    for _ in range(12):
        some = rng.permutation(held)[: rng.integers(1, 9)].tolist()
        model.forget(**records.take(some).given)
        held = [i for i in held if i not in some]
        new = [i for i in range(90) if i not in held]
        new = rng.permutation(new)[: rng.integers(1, 9)].tolist()
        model.partial_fit(**records.take(new).given)
        held += new
        ours, theirs = model.canonical_parts(), refit(learner, records.take(held), rng).canonical_parts()
        assert ours == {name: part for name, part in theirs.items() if name != "rows"}
    assert source.asked


@over_kinds(ADAPTIVE)
def test_a_source_that_fails_leaves_the_model_as_it_was(learner, monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng(2)
    records = sample(learner, rng, 90, classes=3)
    model = refit(learner, records.take(range(80)))
    own = model._state.statistic.rows
    expected = copy.deepcopy(model).forget(**records.take(range(40)).given)
    before = snapshot(model)
    failed = 0
    for fails_at in range(1, 60, 4):
        model._state.statistic.rows = source = Shuffled(own, 3)
        source.fails_at = fails_at
        try:
            model.forget(**records.take(range(40)).given)
            break
        except OSError:
            failed += 1
        model._state.statistic.rows = own
        assert snapshot(model) == before
    assert failed
    model._state.statistic.rows = own
    assert_same(model, expected)


@over_kinds(ADAPTIVE)
@pytest.mark.parametrize("n", [12, 70])
def test_traces_come_back_from_their_bytes(learner, n, monkeypatch):
    cut(monkeypatch)
    model = refit(learner, sample(learner, np.random.default_rng(4), n, classes=3))
    trace = model._trace(model._state)
    content = to_bytes(trace)
    assert to_bytes(from_bytes(content)) == content
    for end in range(0, len(content), 1 + len(content) // 50):
        with pytest.raises((FormatError, KeyError, ValueError)):
            from_bytes(content[:end])
    with pytest.raises(FormatError, match="after its end"):
        from_bytes(content + b"n")


@over_kinds(ADAPTIVE)
def test_a_model_from_bytes_asks_no_more_than_the_one_it_was(learner, monkeypatch):
    cut(monkeypatch)
    records = sample(learner, np.random.default_rng(4), 70, classes=3)
    model = refit(learner, records)
    for i in range(6):
        twin = pickle.loads(pickle.dumps(model))
        model.forget(**records.row(i))
        twin.drop_memo().forget(**records.row(i))
        ours, theirs = model.last_update_, twin.last_update_
        assert (ours.broke_at, ours.rounds_kept) == (theirs.broke_at, theirs.rounds_kept)


def test_values_have_bytes_of_their_own():
    values = [None, True, False, 0, 1, -1, 0.0, -0.0, np.nan, (), (0,), ((0,),), np.zeros(0), np.zeros((0, 2))]
    values += [np.zeros(2), np.zeros(2, np.int64), np.array([-0.0, 0.0]), ExactSum(1, 2), ExactSum(2, 1)]
    assert len({to_bytes(value) for value in values}) == len(values)
    for value in values:
        back = from_bytes(to_bytes(value))
        assert type(back) is type(value) and to_bytes(back) == to_bytes(value)
    with pytest.raises(TypeError):
        to_bytes("text")


def test_numbers_are_told_from_hashes():
    rng = np.random.default_rng(5)
    names = rng.integers(0, 2**63, (50, 2)).astype(np.uint64)
    numbers, seed = rng.integers(0, 9, 50), np.uint64(7)
    hashes = copy_hashes(names, numbers, seed)
    assert (numbers_of(names, np.full(50, 9), hashes, seed) == numbers).all()
    assert (numbers_of(names, numbers, hashes, seed) == -1).all()
    assert MAX_HASH == np.iinfo(np.uint64).max


def test_copies_of_one_name_are_counted_once():
    """Hashing them anew for each row would take minutes here."""
    n, seed = 1 << 18, np.uint64(7)
    names = np.tile(np.array([[3, 5]], np.uint64), (n, 1))
    numbers = np.random.default_rng(6).permutation(n)
    hashes = copy_hashes(names, numbers, seed)
    assert (numbers_of(names, np.full(n, n), hashes, seed) == numbers).all()
    hashes[1] = hashes[0]  # a damaged file: only one of them can be that copy
    assert np.count_nonzero(numbers_of(names, np.full(n, n), hashes, seed) < 0) == 1
