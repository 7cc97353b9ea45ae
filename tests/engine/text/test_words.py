"""Slots of words that come and go, their order, and what is summed of a document."""

import json
import math
import random
from fractions import Fraction

import numpy as np
import pytest

from sqlearn.engine.text.statistic import _in_json
from sqlearn.engine.text.weighing import count_tokens, square_words, weigh_words
from sqlearn.engine.text.words import Words, _Order
from sqlearn.errors import FormatError


def change(words, held, some, sign):
    slots = words.slots_of(some)
    words.documents[slots] += sign
    words.occurrences[slots] += sign
    held.update({word: held.get(word, 0) + sign for word in some})
    words.drop(some)


@pytest.mark.parametrize("seed", range(6))
def test_words_are_those_with_documents_in_order(seed):
    rng = random.Random(seed)
    pool = ["", "a", "aa", "\0", "\ud800", "é", *(f"w{i}" for i in range(rng.choice([5, 400])))]
    words, held = Words(), {}
    for _ in range(150):
        some = rng.sample(pool, rng.randint(1, rng.choice([3, len(pool)])))
        if rng.random() < 0.5:
            some = [word for word in some if held.get(word)]
        change(words, held, some, -1 if some and all(held.get(word) for word in some) else 1)
        if rng.random() < 0.7:
            expected = sorted(word for word, number in held.items() if number)
            found, slots = words.ordered()
            assert found == expected == sorted(words.slots)
            assert [words.slots[word] for word in found] == slots.tolist()
            assert words.documents[slots].tolist() == [held[word] for word in found]
        if rng.random() < 0.1:
            words = words.copy()


def test_a_word_that_has_gone_is_nowhere():
    words = Words()
    change(words, {}, ["a", "marker", "z"], 1)
    words.ordered()
    change(words, {}, ["marker"], -1)
    assert "marker" not in repr((words.slots, words._order))
    change(words, {}, ["marker"], 1)
    change(words, {}, ["marker"], -1)
    assert "marker" not in repr((words.slots, words._order))
    assert words.ordered()[0] == ["a", "z"]


def test_words_inside_without_are_not_shown():
    words = Words()
    slots = words.slots_of(["b", "a", "c"])
    words.documents[slots] += 1
    words.documents[slots[1]] -= 1
    assert words.ordered()[0] == ["b", "c"]
    words.documents[slots[1]] += 1
    assert words.ordered()[0] == ["a", "b", "c"]


@pytest.mark.parametrize("words", [["b", "a"], ["a", "a"], ["a", 1], ["a"]])
def test_what_cannot_have_been_held_is_refused(words):
    counts = np.ones(len(words), np.int64) if words != ["a"] else np.zeros(1, np.int64)
    with pytest.raises(FormatError):
        Words().restore(words, counts, counts.copy())


@pytest.mark.parametrize(
    "words", [[], [""], ["a"], ["a", "b"], ['"', "é"], ["\\n", "x"], ["a\nb", "c"], ["\\"], ["\ud800"], ["\0", "\n"]]
)
def test_words_in_json(words):
    assert _in_json(words) == json.dumps(words)


def test_tokens_are_counted_in_the_order_of_their_words():
    tokens = np.array([3, 1, 3, -1, 0, 0, 3], np.int32)
    ends = np.array([4, 4, 7])
    words, counts, lengths = np.empty(7, np.int32), np.empty(7, np.int32), np.empty(3, np.int64)
    n = count_tokens(tokens, ends, np.full(4, -1), words, counts, lengths)
    assert words[:n].tolist() == [3, 1, 0, 3]
    assert counts[:n].tolist() == [2, 1, 2, 1]
    assert lengths.tolist() == [2, 0, 2]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("sublinear", [False, True])
@pytest.mark.parametrize("norm", [0, 1, 2])
def test_values(binary, sublinear, norm):
    counts = np.array([3.0, 1.0, 1e6, 7.0])
    indptr = np.array([0, 3, 3, 4])
    values = np.empty(4)
    weigh_words(counts, indptr, binary, sublinear, norm, values)
    for start, stop in ((0, 3), (3, 4)):
        expected = [1.0 if binary else count for count in counts[start:stop]]
        expected = [1.0 + math.log(value) for value in expected] if sublinear else expected
        total = [1.0, math.fsum(expected), math.sqrt(math.fsum(v * v for v in expected))][norm]
        assert values[start:stop] == pytest.approx([value / total for value in expected], rel=4e-16)
    squares = np.empty(8)
    square_words(values, squares)
    for value, high, low in zip(values, squares[::2], squares[1::2], strict=True):
        assert high == value * value
        assert Fraction(value) ** 2 == Fraction(high) + Fraction(low)


def test_order_that_an_update_overtakes_is_not_kept(monkeypatch):
    words, held = Words(), {}
    change(words, held, ["a", "b", "secret"], 1)
    words.ordered()
    change(words, held, ["c"], 1)
    renewed = _Order.renewed

    def overtaken(order, slots):
        found = renewed(order, slots)
        monkeypatch.undo()
        change(words, held, ["secret"], -1)
        change(words, held, ["new"], 1)
        return found

    monkeypatch.setattr(_Order, "renewed", overtaken)
    words.ordered()
    assert words.ordered()[0] == ["a", "b", "c", "new"]
