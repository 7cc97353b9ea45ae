"""Interactions both ways, whatever came and went; 128 bits; similarities where 64 bits do not suffice."""

import random
from fractions import Fraction

import numpy as np
import pytest

from naive_recommend import NaiveItemKNN
from small_recommend import RecommendHistory
from sqlearn.engine.interactions import Reader
from sqlearn.engine.interactions import index as index_module
from sqlearn.engine.interactions.index import TwoWayIndex
from sqlearn.engine.interactions.rows import BOTH, NARROW, WIDE, raw_row
from sqlearn.engine.interactions.wide import difference, pair_term, product, times, to_float
from sqlearn.recommend import ItemKNN


@pytest.fixture
def small_pools(monkeypatch):
    """Pools that grow and are compacted with a few entries."""
    monkeypatch.setattr(index_module, "_SPARE", 3)


def entries(index):
    """What both ways say, as two sets, with the places of each entry in the other row compared."""
    held, by_user, by_item = index.arrays, set(), set()
    for u, (start, n) in enumerate(zip(held.user_start, held.user_length, strict=True)):
        for p in range(n):
            i, q = int(held.item[start + p]), int(held.at_item[start + p])
            assert held.user[held.item_start[i] + q] == u and held.at_user[held.item_start[i] + q] == p
            by_user.add((u, i, int(held.code[start + p])))
    for i, (start, n) in enumerate(zip(held.item_start, held.item_length, strict=True)):
        by_item |= {(int(u), i) for u in held.user[start : start + n]}
    assert {entry[:2] for entry in by_user} == by_item
    assert (held.user_length <= held.user_room).all() and (held.item_length <= held.item_room).all()
    return by_user


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.crossed(2)
def test_both_ways_agree_whatever_came_and_went(seed, small_pools):
    rng, index, held = np.random.default_rng(seed), TwoWayIndex(), {}
    index.resize(6, 9)
    for _ in range(60):
        free = [(u, i) for u in range(6) for i in range(9) if (u, i) not in held]
        if held and rng.random() < 0.5:
            gone = [list(held)[k] for k in rng.permutation(len(held))[: rng.integers(1, 9)]]
            columns = [np.array(column, np.int32) for column in (*zip(*gone, strict=True), [held[g] for g in gone])]
            assert index.remove(*columns) == -1
            if rng.random() < 0.3:
                index.take_back(*columns, -1.0)
            else:
                held = {pair: code for pair, code in held.items() if pair not in gone}
        elif free:
            new = [free[k] for k in rng.permutation(len(free))[: rng.integers(1, 12)]]
            columns = [np.array(c, np.int32) for c in (*zip(*new, strict=True), rng.integers(0, 5, len(new)))]
            assert index.insert(*columns) == -1
            if rng.random() < 0.3:
                index.take_back(*columns, 1.0)
            else:
                held |= dict(zip(new, columns[2].tolist(), strict=True))
        if held:
            before = entries(index)
            pair = next(iter(held))
            twice = [np.array([*(v for v in part), part[0]], np.int32) for part in ([5, pair[0]], [8, pair[1]], [0, 0])]
            assert index.insert(*twice) >= 0 and entries(index) == before
            wrong = [np.array([value], np.int32) for value in (*pair, held[pair] + 1)]
            assert index.remove(*wrong) == 0 and entries(index) == before
        index.compact(len(held))
        assert entries(index) == {(*pair, code) for pair, code in held.items()}
    codes = index.codes_of(np.array([0, -1, 5], np.int64), np.array([0, 3, -1], np.int64))
    assert codes.tolist() == [held.get((0, 0), -1), -1, -1]


def test_filling_finds_the_first_repeated_pair():
    index = TwoWayIndex()
    index.resize(3, 3)
    columns = [np.array(column, np.int32) for column in ([0, 1, 0, 1, 0], [2, 1, 1, 1, 2], [0, 0, 0, 1, 1])]
    assert index.fill(*columns) == 3
    assert index.count == 0 and entries(index) == set()


def test_128_bits():
    numbers = random.Random(1)

    def signed(high, low):
        whole = (int(high) << 64) | int(low)
        return whole - (1 << 128) if whole >> 127 else whole

    values = [0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, -(2**53) - 1, 3]
    for _ in range(3000):
        a, b, c = (numbers.choice([*values, numbers.getrandbits(63), -numbers.getrandbits(numbers.randint(1, 63))])
                   for _ in range(3))  # fmt: skip
        high, low = product(a, b)
        assert signed(high, low) == a * b
        if abs(a * b * c) < 2**127:
            more = times(np.uint64(high), np.uint64(low), c)
            assert signed(*more) == a * b * c
            assert to_float(*map(np.uint64, more)) == float(a * b * c)
        other = product(c, b)
        apart = difference(*map(np.uint64, (high, low, *other)))
        if abs(a * b - c * b) < 2**127:
            assert signed(*apart) == a * b - c * b
            assert to_float(*map(np.uint64, apart)) == float(a * b - c * b)


def test_terms_of_pairs_are_rounded_once():
    rng = random.Random(2)
    for _ in range(2000):
        n_both, n_i, n_j = (rng.randint(1, 2**27) for _ in range(3))
        sum_i, sum_j, total_i, total_j = (rng.randint(-(2**46), 2**46) for _ in range(4))
        both = rng.randint(-(2**61), 2**61) >> rng.randint(0, 60)
        exact = n_i * (n_j * both - total_j * sum_i) - total_i * (n_j * sum_j - total_j * n_both)
        if abs(exact) < 2**127:
            assert pair_term(n_both, sum_i, sum_j, both, n_i, total_i, n_j, total_j) == float(Fraction(exact))


@pytest.mark.parametrize(
    ("largest", "raters", "form"), [(5, 30, NARROW), (1 << 20, 30, BOTH), (1 << 20, 2500, WIDE), (4, 20000, BOTH)]
)
def test_similarities_in_one_two_and_four_words(largest, raters, form):
    """Many ratings, and ratings of many steps: whatever does not fit into fewer words is summed in more."""
    rng = np.random.default_rng(raters)
    ratings = np.unique(np.append(rng.integers(-largest, largest + 1, 500), [largest, 1]))
    held = {}
    for item in range(3):
        users = rng.permutation(raters + item)[:raters].tolist()
        held |= zip([(user, item) for user in users], rng.choice(ratings, raters).tolist(), strict=True)
    model = ItemKNN(min_sim=1e-300).fit([(*pair, rating) for pair, rating in held.items()])
    statistic = model.state.statistic
    reader = Reader(statistic, 1e-300, None)
    found, _, _, _ = raw_row(reader.index, statistic.items.slots[0], reader.reading, reader.rules)
    assert found == form
    twin = NaiveItemKNN(held, min_sim=1e-300)
    rows = model.similarities().toarray()
    for i in range(3):
        for j in range(3):
            assert rows[i, j] == (twin.similarity(i, j) if i != j else 0.0)
    for bytes_kept in (0, 10**6):
        model.keep_rows(bytes_kept)
        assert [model.similar_items(0)[1].tolist() for _ in range(2)] == [sorted(rows[0][rows[0] > 0])[::-1]] * 2


@pytest.mark.parametrize("seed", range(32))
@pytest.mark.crossed(4)
def test_histories(seed, small_pools):
    history = RecommendHistory(seed)
    for _ in range(12):
        history.step()
    history.check_with_twin()
