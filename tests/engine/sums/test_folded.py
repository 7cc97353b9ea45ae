"""A Gram matrix for each fold: the same bytes as those of the fold's records alone, by blocks and one by one."""

from fractions import Fraction

import numpy as np
import pytest

from fixed import hard
from sqlearn.engine.identity import folds_of
from sqlearn.engine.readout import folds_of as grams_of_folds
from sqlearn.engine.readout import left_out
from sqlearn.engine.sums import UNFIT, Block, FoldedGram, Gram, Log
from sqlearn.errors import FormatError

N_FOLDS = 3


def block_of(x, y, weights, slots, seed=0):
    digests = np.random.default_rng(seed).integers(0, 2**64, (len(x), 6), dtype=np.uint64)
    return Block(x, np.zeros((len(x), 0), np.int64), slots, y, weights, digests)


def some(n, slots=1, d=2):
    rng = np.random.default_rng(n)
    x = np.add(hard(max(n, 20), d)[:n], 0.0)
    weights = np.array([1.0, 0.5, 3.0, 2.0**-80])[np.arange(n) % 4]
    return block_of(x, rng.normal(size=(n, 1)), weights, np.arange(n) % slots)


def filled(statistic, block, sign=1.0, n_slots=1):
    statistic.resize(n_slots)
    statistic.deposit(block, sign, Log(keeps=False))
    return statistic


@pytest.mark.parametrize("n", [7, 900])
@pytest.mark.parametrize("n_slots", [1, 2])
def test_each_fold_has_the_bytes_of_its_records_alone(n, n_slots):
    block = some(n, n_slots)
    folds = folds_of(block.digests, N_FOLDS)
    folded = filled(FoldedGram(2, 1, N_FOLDS), block, n_slots=n_slots)
    for slot in range(n_slots):
        for fold in range(N_FOLDS):
            chosen = (folds == fold) & (block.slots == slot)
            own = Block(*(part[chosen] for part in vars(block).values()))
            own.slots = np.zeros(chosen.sum(), np.int64)
            alone = filled(Gram(2, 1), own)
            assert folded.grams.canonical([slot * N_FOLDS + fold]) == alone.canonical([0])
            assert folded.counts_of_folds[slot, fold] == chosen.sum()
    assert folded.record_counts.tolist() == np.bincount(block.slots).tolist()
    back = filled(folded, block, -1.0, n_slots)
    assert back.canonical([0]) == filled(FoldedGram(2, 1, N_FOLDS), some(0)).canonical([0])
    assert not back.digits([0])[0].any()


def test_canonical_bytes_are_in_the_order_of_slots_and_return():
    folded = filled(FoldedGram(2, 1, N_FOLDS), some(40, 2), n_slots=2)
    restored = FoldedGram(2, 1, N_FOLDS)
    restored.restore(folded.canonical(np.array([1, 0])))
    restored.check_form(["b", "a"])
    assert restored.canonical(np.array([1, 0])) == folded.canonical(np.array([0, 1]))
    other = folded.copy()
    other.add(folded, np.array([0]), np.array([1]))
    assert other.counts_of_folds[1].tolist() == folded.counts_of_folds.sum(axis=0).tolist()
    assert other.canonical([0]) == folded.canonical([0])
    assert other.projected_size([]) == N_FOLDS * Gram.cells(2, 1)


def test_bytes_of_another_number_of_folds_are_refused():
    parts = filled(FoldedGram(2, 1, N_FOLDS), some(40)).canonical([0])
    with pytest.raises(FormatError, match=UNFIT):
        FoldedGram(2, 1, 2).restore(parts)
    with pytest.raises(FormatError, match=UNFIT):
        other = FoldedGram(1, 1, N_FOLDS)
        other.restore(parts)
        other.check_form([None])


def test_without_a_ledger_counts_of_folds_tell_what_is_missing():
    block = some(40)
    folds = folds_of(block.digests, N_FOLDS)
    of_fold = Block(*(part[folds == 1] for part in vars(block).values()))
    folded = filled(FoldedGram(2, 1, N_FOLDS), of_fold)
    assert folded.first_missing(of_fold) == -1
    assert folded.first_missing(block) == np.flatnonzero(folds != 1)[0]


def test_what_is_left_without_a_fold_is_exact():
    """Also where a value of 1e300 in one fold would bury all others in float64."""
    x = np.array([[1e300], [1.0], [2.0**-30], [3.0], [1e-300], [1e16], [7.0]])
    block = block_of(x, np.arange(7.0)[:, None], np.ones(7), np.zeros(7, np.int64), seed=8)
    folds = folds_of(block.digests, N_FOLDS)
    folded = filled(FoldedGram(1, 1, N_FOLDS), block)
    grams = grams_of_folds(folded, np.zeros(1, np.int64))[0]
    assert len(grams) == N_FOLDS + 1
    found = left_out(grams, folded.counts_of_folds[0])
    for fold in range(N_FOLDS):
        rest = [Fraction(v) for v in x[folds != fold, 0].tolist()]
        train = found[fold].train
        cells = [sum(Fraction(2) ** (32 * (train.low + i)) * int(v) for i, v in enumerate(c)) for c in train.digits]
        assert cells[1] == sum(rest)
        assert cells[3] == sum(v * v for v in rest)
        assert (found[fold].n_records, found[fold].n_trained) == ((folds == fold).sum(), len(rest))


def test_folds_without_records_or_without_others_are_none():
    block = some(40)
    folds = folds_of(block.digests, N_FOLDS)
    of_fold = Block(*(part[folds == 1] for part in vars(block).values()))
    folded = filled(FoldedGram(2, 1, N_FOLDS), of_fold)
    assert left_out(grams_of_folds(folded, np.zeros(1, np.int64))[0], folded.counts_of_folds[0]) == [None] * N_FOLDS


def test_differences_of_means_are_exact_where_means_are_large():
    rng = np.random.default_rng(3)
    x = 1e12 + rng.normal(size=(60, 2))
    x[:, 1] = 1e12  # constant
    block = block_of(x, 1e-3 * rng.normal(size=(60, 1)), np.ones(60), np.zeros(60, np.int64))
    folds = folds_of(block.digests, N_FOLDS)
    folded = filled(FoldedGram(2, 1, N_FOLDS), block)
    grams = grams_of_folds(folded, np.zeros(1, np.int64))[0]
    fold = left_out(grams, folded.counts_of_folds[0])[0]
    z = np.column_stack([x, block.targets])
    means = [
        [sum(map(Fraction, column)) / len(column) for column in part.T.tolist()]
        for part in (z[folds == 0], z[folds != 0])
    ]
    expected = [float(own - others) for own, others in zip(*means, strict=True)]
    assert expected[1] == 0.0
    np.testing.assert_allclose(fold.test.mean_from(fold.train, 0), expected, rtol=1e-15, atol=1e-18)
