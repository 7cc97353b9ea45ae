"""Functions of text against SQLite's own, where those hold for all characters, and beyond."""

import random
import sqlite3

import pytest

from sqlearn import Store
from sqlearn.naive_bayes import GaussianNB
from sqlearn.storage.conditions.text_functions import TEXT_FUNCTIONS


@pytest.mark.parametrize("name", sorted(TEXT_FUNCTIONS))
def test_they_are_sqlites_own(name):
    connection = sqlite3.connect(":memory:")
    function = TEXT_FUNCTIONS[name][1]
    own = name.removeprefix("text_")
    marks = {"like": "aAbé%_%_", "glob": "aAbé*?[]^-*[a-b]"}.get(own, "aAbé")
    dice, hits = random.Random(0), set()
    for _ in range(4000):
        text = "".join(dice.choices("aAbé-]^[", k=dice.randrange(6)))
        if own in ("like", "glob"):
            others = ["".join(dice.choices(marks, k=dice.randrange(7)))]
            asked = f"SELECT ?1 {own} ?2"
        else:
            others = [dice.choice([*range(-8, 9), 2.9, -1.5, 1e9]) for _ in range(dice.choice([1, 2]))]
            others = others if own == "substr" else []
            asked = f"SELECT {own}({', '.join('?' * (1 + len(others)))})"
        (expected,) = connection.execute(asked, [text, *others]).fetchone()
        found = function(text.encode(), *[other.encode() if isinstance(other, str) else other for other in others])
        assert (found.decode() if isinstance(found, bytes) else found) == expected, (text, others)
        hits.add(expected)
    assert len(hits) > 1 and function(None, *[b"a"] * (own in ("like", "glob")), *[1] * (own == "substr")) is None


def test_they_hold_for_nul_and_surrogates(tmp_path):
    table = {"name": ["ann", "ann\0x", "\ud800", "\udfff", "ANN"], "y": [0, 1, 0, 1, 0], "x": [0.0, 1.0, 2.0, 3.0, 4.0]}
    with Store.create(tmp_path / "a", GaussianNB(), table, target="y", keep=["name"]) as store:
        for where, ids in {
            "name like 'ann'": [0, 4],
            "name not like 'ann'": [1, 2, 3],
            "name glob 'ann'": [0],
            "name glob 'ann*'": [0, 1],
            "name glob '\ud800'": [2],
            "name glob '[\udc00-\udfff]'": [3],
            "name like '_'": [2, 3],
            "length(name) = 5": [1],
            "substr(name, 4) = '\0x'": [1],
            "upper(substr(name, 5)) = 'X'": [1],
            "instr(name, 'x') = 5": [1],
            "trim(name) = '\ud800'": [2],
        }.items():
            assert store.ids(where=where) == ids, where


def test_a_pattern_of_many_wildcards_ends(tmp_path):
    table = {"name": ["a" * 5000, "b"], "y": [0, 1], "x": [0.0, 1.0]}
    with Store.create(tmp_path / "a", GaussianNB(), table, target="y", keep=["name"]) as store:
        assert store.ids(where=f"name like '{'%a' * 99}%'") == [0]
        assert store.ids(where=f"name like '{'%a' * 99}b'") == []
        assert store.ids(where=f"name glob '{'*[a-b]' * 33}'") == [0]
