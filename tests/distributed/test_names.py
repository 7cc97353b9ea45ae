"""The index of names, and the ledger that asks it, against counts in plain dictionaries."""

import pickle
from collections import Counter

import numpy as np
import pytest

from sqlearn.distributed import names as module
from sqlearn.distributed.blocks import SHARE
from sqlearn.distributed.index import Index
from sqlearn.distributed.ledger import PiecedLedger
from sqlearn.distributed.names import Collector, Names, merged_names
from sqlearn.distributed.workers import Local
from sqlearn.engine.identity import Ledger
from sqlearn.errors import UnsupportedError

TOP = 2**64 - 1
# equal first words, equal second words, both ends of the range
WORDS = [(0, 0), (0, 1), (0, TOP), (1, 0), (7, 3), (7, 2), (7, 9), (2**63, 5), (2**63, 4), (TOP, 0), (TOP, TOP)]


def digests_of(rng, n, hard=0.5):
    """Digests of which some are repeated and share words, and others are anything."""
    found = rng.integers(0, 2**64, (n, 6), np.uint64)
    chosen = rng.random(n) < hard
    found[chosen, :2] = np.array(WORDS, np.uint64)[rng.integers(0, len(WORDS), chosen.sum())]
    return found


def collected(pieces, memory, bits=0):
    found = []
    for number, digests in enumerate(pieces):
        collector = Collector(number, memory, bits)
        for block in np.array_split(digests, 3):
            collector.note(block)
        found.append(collector.names())
    return found


def as_keys(digests):
    return [tuple(row) for row in digests[:, :2].tolist()]


@pytest.fixture
def small(monkeypatch):
    """Blocks and runs so small that a few names need many."""
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(module, "RUN", 16)
    monkeypatch.setattr(module, "_STEP", 3)
    monkeypatch.setattr(module, "_FEW", 2)


def index_of(pieces, memory, bits=3):
    """An index of these digests, in 2**bits parts."""
    names = zip(*collected(pieces, memory, bits), strict=True)
    return Index(Local(), [[done(runs) for runs in part] for part in names], [None] * (1 << bits), memory)


@pytest.fixture(params=[0, 1 << 20], ids=["on disk", "in memory"])
def memory(request):
    return request.param


def test_names_count_as_dictionaries_do(small, memory):
    rng = np.random.default_rng(0)
    pieces = [digests_of(rng, n) for n in (0, 1, 40, 3, 70, 33)]
    index = index_of(pieces, memory)
    counts = Counter(key for piece in pieces for key in as_keys(piece))
    asked = np.concatenate([*pieces, digests_of(rng, 50)])[rng.permutation(197)]
    assert index.count(asked).tolist() == [counts[key] for key in as_keys(asked)]
    assert index.count(asked[:0]).tolist() == []
    assert (index.n_records, index.most) == (147, max(counts.values()))
    before = Counter()
    for number, piece in enumerate(pieces):
        own = Counter(as_keys(piece))
        expected = {key: before[key] for key, n in own.items() if n > 1 or before[key]}
        (found,) = index.offsets([number])
        assert dict(zip(as_keys(found.digests), found.first.tolist(), strict=True)) == expected
        assert as_keys(found.digests) == sorted(expected)
        before += own


def done(value):
    return Local().near(lambda: value)


def test_one_part_is_asked_for_a_name(small, monkeypatch):
    rng = np.random.default_rng(1)
    pieces = [digests_of(rng, 60, hard=0.2) for _ in range(3)]
    index = index_of(pieces, 0)
    asked = []
    count = Names.count
    monkeypatch.setattr(Names, "count", lambda self, digests: asked.append(len(digests)) or count(self, digests))
    for row in range(60):
        index.count(pieces[0][row : row + 1])
    assert asked == [1] * 60
    asked.clear()
    index.count(pieces[1])
    assert sum(asked) == 60
    assert len(asked) <= 2**index.bits


def test_names_take_eighteen_bytes(memory):
    n = 100_000
    digests = np.random.default_rng(2).integers(0, 2**64, (n, 6), np.uint64)
    used = SHARE.used
    ((names,),) = collected([digests], memory)[0]
    whole = merged_names([[names]], memory)
    for one in (names, whole):
        assert sum(array.nbytes for block in one._blocks for array in block) == 18 * n
    assert SHARE.used - used <= memory
    copied = pickle.loads(pickle.dumps(whole))
    assert (copied.count(digests) == 1).all()
    del names, whole, copied, one
    assert SHARE.used == used


def test_repeated_names_are_kept_as_names_are(memory):
    digests = np.random.default_rng(3).integers(0, 2**64, (20_000, 6), np.uint64)
    used = SHARE.used  # by what other tests have left
    index = index_of([digests, digests[:0], digests[::2]], memory and memory + used, 0)
    before = SHARE.used
    empty, found = index.offsets([0, 2])
    assert not len(empty.first)
    order = np.lexsort((digests[::2, 1], digests[::2, 0]))
    assert (found.digests == digests[::2][order, :2]).all() and (found.first == 1).all()
    (repeats,) = (future.result() for future in index._repeats)
    assert SHARE.used - before == repeats._blocks.in_memory == (24 * 10_000 if memory else 0)
    (copied,) = pickle.loads(pickle.dumps(repeats)).of([2])
    assert (copied.digests == found.digests).all() and (copied.first == found.first).all()
    del index, repeats
    assert SHARE.used == used


def ledger_of(pieces):
    return PiecedLedger([index_of(pieces, 0)])


def held(ledger):
    """What was changed since, in canonical bytes."""
    return ledger._come.canonical(), ledger._gone.canonical()


@pytest.mark.parametrize("seed", range(6))
def test_ledger_of_pieces_is_a_ledger(small, seed):
    rng = np.random.default_rng(seed)
    pool = digests_of(rng, 30, hard=0.7)
    pieces = [pool[rng.integers(0, 20, n)] for n in (5, 0, 12)]
    ledger, plain = ledger_of(pieces), Ledger()
    for piece in pieces:
        plain.add(piece)
    seen = {}
    for _ in range(150):
        batch = pool[rng.integers(0, 30, rng.integers(1, 4))]
        sign = rng.choice([1.0, -1.0])
        before = held(ledger)
        ledger.make_ready(batch, sign)
        ours, theirs = (each.add(batch) if sign > 0 else each.take(batch) for each in (ledger, plain))
        assert ours == theirs
        if ours >= 0:
            assert held(ledger) == before
        elif rng.random() < 0.3:
            for each in (ledger, plain):
                each.take_back(batch, sign)
            assert held(ledger) == before
        assert len(ledger) == len(plain)
        ledger.shrink()
        assert seen.setdefault(plain.canonical(), held(ledger)) == held(ledger)  # the same records: the same contents
    copied = ledger.copy()
    copied.add(pool)
    assert len(ledger) == len(plain) == len(copied) - 30


def test_ledgers_of_pieces_merge(small):
    rng = np.random.default_rng(5)
    pool = digests_of(rng, 12, hard=1.0)
    pieces = [pool[rng.integers(0, 12, 9)] for _ in range(4)]
    ours, theirs, plain, whole = ledger_of(pieces[:2]), ledger_of(pieces[2:]), Ledger(), Ledger()
    for piece in pieces:
        whole.add(piece)
    for ledger, index in ((ours, 0), (theirs, 2)):
        assert ledger.take(pieces[index][:4]) == -1
        assert whole.take(pieces[index][:4]) == -1
    plain.add(pool)
    whole.add(pool)
    merged_in_turn = ours.merged(theirs).merged(plain), plain.merged(ours).merged(theirs)
    for found in (*merged_in_turn, theirs.merged(plain.merged(ours))):
        assert len(found) == len(whole)
        left = whole.copy()
        for row in range(12):
            for copy in range(50):
                answers = [each.take(pool[row : row + 1]) for each in (found, left)]
                assert answers[0] == answers[1], (row, copy)
                if answers[0] == 0:
                    break
        assert len(found) == 0


def test_ledger_of_pieces_stays_where_it_is():
    ledger = ledger_of([digests_of(np.random.default_rng(0), 4)])
    for refused in (ledger.canonical, lambda: pickle.dumps(ledger), lambda: ledger.arrays):
        with pytest.raises(UnsupportedError, match="not in memory"):
            refused()
