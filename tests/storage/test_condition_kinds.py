"""Conditions against a slow evaluator of their own logic, and conditions whose kinds do not fit."""

import random

import numpy as np
import pytest

from learners import EVERYWHERE
from random_conditions import KINDS, Conditions
from sqlearn import Store
from sqlearn.errors import ConditionError
from sqlearn.naive_bayes import MixedNB

EXAMPLES = 1500 if EVERYWHERE else 600
COLUMNS = {
    "number": ["x", "Y", "id", '"the count"', "grade"],
    "text": ["t", '"Some Text"', "remark"],
    "boolean": ["b", "c", '"not"', "flag"],
    "date": ["d", "e"],
}
LITERALS = {
    "number": [("0", 0), ("1", 1), ("3", 3), ("2.5", 2.5), (".5", 0.5), ("1e3", 1e3), ("9007199254740993", 2**53 + 1)],
    "text": [
        ("''", ""),
        ("'a'", "a"),
        ("'B'", "B"),
        ("'it''s'", "it's"),
        ("' ab '", " ab "),
        ("'é'", "é"),
        ("'1'", "1"),
        ("'a\0b'", "a\0b"),
        ("'\ud800'", "\ud800"),
    ],
    "boolean": [("true", True), ("false", False), ("TRUE", True)],
    "date": [
        ("'2020-01-01'", "2020-01-01T00:00:00.000000"),
        ("'2021-02-03 04:05'", "2021-02-03T04:05:00.000000"),
        ("'1969-12-31T23:59:59.5'", "1969-12-31T23:59:59.500000"),
    ],
}
LITERALS["date"] = [(text, np.datetime64(time, "us").astype(int).item()) for text, time in LITERALS["date"]]
ROWS = 60


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A store and its rows, each a dict of what conditions call the columns."""
    dice = random.Random(1)

    def some(values):
        return [dice.choice([*values, None]) for _ in range(ROWS)]

    days = [value for _, value in LITERALS["date"]] + [0, 86400_000_000 * 18_263]
    dates = {
        name: np.array([np.datetime64(v, "us") if v is not None else "NaT" for v in some(days)], "M8[us]")
        for name in "de"
    }
    numbers = [0.0, 1.0, -1.0, 2.5, 3.0, 1e3, -1e300, 1e308, 7.25, 9007199254740992.0]
    texts = ["", "a", "b", "B", "it's", "ab", " ab ", "Aé", "zz", "1"]
    texts += ["a\0", "a\0b", "\0", "\ud800", "\udfff", "a\udfffB"]
    table = {
        "x": some(numbers),
        "y": some([0.0, 1.0, 2.0, 3.0]),
        "the count": some([1.5, 2.5, 100.0]),
        "grade": some([1, 2, 3, 2.5, 2**53 + 1]),
        "t": some(texts),
        "some text": some(["a", "b", "é"]),
        "remark": some(texts),
        "b": some([True, False]),
        "c": some([True, False]),
        "not": some([True, False]),
        "flag": some([True, False]),
        **dates,
        "label": ["p", "q"] * (ROWS // 2),
    }
    store = Store.create(
        tmp_path_factory.mktemp("store") / "a",
        MixedNB(),
        table,
        target="label",
        categorical=["grade", "t", "some text", "b", "c"],
        keep=["d", "e", "remark", "flag", "not"],
        booleans={"c": ["no", "yes"]},
    )
    rows = []
    for i in range(ROWS):
        row = {name: values[i] for name, values in table.items() if name not in dates}
        row |= {name: None if np.isnat(values[i]) else values[i].astype(int).item() for name, values in dates.items()}
        row |= {"Y": row["y"], "id": i, '"the count"': row["the count"], '"Some Text"': row["some text"]}
        rows.append(row | {'"not"': row["not"]})
    return store, rows


def test_what_is_selected_is_what_is_meant(held):
    store, rows = held
    sizes = []
    for seed in range(EXAMPLES):
        dice = random.Random(seed)
        condition = Conditions(dice, COLUMNS, LITERALS).condition(dice.randint(0, 4))
        expected = [i for i, row in enumerate(rows) if condition.value(row)]
        assert store.ids(where=condition.text) == expected, condition.text
        sizes.append(len(expected))
    assert sum(0 < size < ROWS for size in sizes) > 0.46 * EXAMPLES  # most conditions tell rows apart


def test_what_does_not_fit_is_refused(held):
    """Each of these has one part of a kind that its place does not take."""
    store, _ = held
    literals = LITERALS | {"date": []}  # which are text where text is wanted
    wrong = 0
    for seed in range(EXAMPLES):
        dice = random.Random(seed)
        depth = dice.randint(0, 3)
        state = dice.getstate()
        right = Conditions(dice, COLUMNS, literals)
        right.condition(depth)
        place = random.Random(seed).randrange(right.places)
        dice.setstate(state)
        source = Conditions(dice, COLUMNS, literals, wrong=place)
        condition = source.condition(depth)
        if not source.placed:
            continue
        with pytest.raises(ConditionError, match="Nothing was changed"):
            pytest.fail(f"{condition.text} selects {store.ids(where=condition.text)}")
        wrong += 1
    assert wrong > 0.93 * EXAMPLES and set(KINDS) == set(COLUMNS)
