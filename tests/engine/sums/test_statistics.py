"""Every statistic obeys the laws of a group, in bytes."""

import numpy as np
import pytest
import scipy.sparse as sp

import naive
from laws import Group, check_group
from sqlearn.engine.identity.vocabulary import Vocabulary
from sqlearn.engine.sums.categories import Categories
from sqlearn.engine.sums.fourth_moments import Spread
from sqlearn.engine.sums.gram import Gram
from sqlearn.engine.sums.joint import Correlations, Mixed
from sqlearn.engine.sums.moments import Moments
from sqlearn.engine.sums.sparse_sums import LabelSums, Sums, as_csr
from sqlearn.engine.sums.statistic import Block
from sqlearn.engine.sums.transaction import Log
from sqlearn.engine.tables.gram import TableGram

ROWS = np.arange(3)
ENCODING = Mixed, Categories, TableGram
UNWEIGHTED = Correlations, LabelSums, Spread
TARGETS = {Gram: 2, TableGram: 2, Correlations: 1, LabelSums: 2}
D = 3


def blocks(kind, rng, n, level):
    """A function that makes a block of some of `n` records for a statistic."""
    x = naive.hard_rows(rng, n, D, level)
    targets = naive.hard_rows(rng, n, TARGETS.get(kind, 0), level)
    if kind is LabelSums:
        targets = (targets > 0.0).astype(float)
    if kind in (Mixed, TableGram):
        x[rng.random(x.shape) < 0.2] = np.nan
    weights = rng.choice([1.0, 1.0, 0.5, 0.1, 1e-300, 0.0], n) if kind not in UNWEIGHTED else np.ones(n)
    classes = rng.integers(0, 3, n)
    categories = rng.integers(-1, 4 + 3 * level, (n, 2))
    levels = [[f"c{k}" for k in range(10)], list(range(10))]

    def block(statistic, index):
        codes, _ = (
            statistic.encode(categories[index], levels)
            if kind in ENCODING
            else (np.zeros((len(index), 0), np.int64), None)
        )
        features = as_csr(sp.csr_array(x[index])) if kind in (Sums, LabelSums) else x[index]
        names = np.zeros((len(index), 6), np.uint64)
        return Block(features, codes, classes[index], targets[index], weights[index], names)

    return block


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("kind", [Moments, Gram, Sums, Categories, Mixed, TableGram, *UNWEIGHTED])
def test_group_laws(kind, level):
    rng = np.random.default_rng([3, level])
    n = 60
    block = blocks(kind, rng, n, level)

    def empty():
        statistic = kind(D, TARGETS.get(kind, 0))
        statistic.resize(3)
        return statistic

    def put(statistic, index, sign):
        statistic.deposit(block(statistic, index), sign, Log())
        categories = getattr(statistic, "categories", statistic)
        # a group has negative elements, a vocabulary has not: it lets go of what is zero when nothing is below
        if kind not in ENCODING or (categories.category_counts >= 0).all():
            statistic.prune()

    def merged(ours, theirs):
        total = ours.copy()
        total.add(theirs, ROWS, ROWS)
        return total

    def restored(parts):
        statistic = empty()
        statistic.restore(parts)
        return statistic

    check_group(Group(empty, put, lambda s: s.canonical(ROWS), lambda s: s.copy(), merged, restored), n, rng)


def test_a_vocabulary_survives_what_fails(monkeypatch):
    """A label that cannot be written down, and memory that does not suffice, leave no trace."""
    words = Vocabulary()
    for label in ("a", 1, 2.5):
        words.slot(label)
    before = dict(words.slots), words.hash_words.copy(), list(words._free)
    with monkeypatch.context() as patch:
        patch.setattr("sqlearn.engine.identity.vocabulary.label_words", lambda label: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            words.slot("b")
    words.slot("b")
    with monkeypatch.context() as patch:
        patch.setattr(np, "concatenate", no_memory)
        with pytest.raises(MemoryError):
            words.slot("c")
    words.prune(np.array([1, 1, 1, 0]))
    assert (words.slots, sorted(words._free)) == (before[0], before[2])
    assert np.array_equal(words.hash_words, before[1])
    for label in range(10, 20):
        words.slot(label)
    assert sorted(words.slots.values()) == list(range(13))
    words.prune(np.ones(5))  # slots beyond what a statistic holds are of no record
    assert len(words) == 5


def no_memory(*args, **kwargs):
    raise MemoryError
