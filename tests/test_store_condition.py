"""Conditions: what they select, and what they may not ask for."""

import sqlite3

import numpy as np
import pytest

from sqlearn import Store
from sqlearn.errors import ConditionError
from sqlearn.naive_bayes import MixedNB
from sqlearn.preprocessing import StandardScaler
from sqlearn.storage.columns import Column
from sqlearn.storage.condition import Condition

TABLE = {
    "fare": [0.0, 7.25, float("nan"), 1e300, 0.0, -3.5],
    "embarked": ["S", "C", None, "S", "it's", ""],
    "class": [1, 2, 3, "x", 1, 2],
    'odd "name"': [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "survived": [1, 0, 1, 0, 1, 0],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "a"
    return Store.create(path, MixedNB(), TABLE, target="survived", categorical=["embarked", "class"])


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("fare = 0 and embarked = 'S'", [0]),
        ("fare is null", [2]),
        ("fare > 1", [1, 3]),
        ("fare > '1'", [1, 3]),
        ("embarked is null or embarked = ''", [2, 5]),
        ("embarked = 'it''s'", [4]),
        ("lower(embarked) like 's%'", [0, 3]),
        ("fare between -4 and 0 -- a remark", [0, 4, 5]),
        ("/* both */ fare / 2 = 3.625", [1]),
        ('"class" = 1', [0, 4]),
        ("class = 'x'", [3]),
        ("[class] in (2, 3)", [1, 2, 5]),
        ('`class` = 2 and "CLASS" = 2', [1, 5]),
        ('"odd ""name""" >= 5', [4, 5]),
        ("survived = 1 and not fare = 0", []),
        ("survived = true", [0, 2, 4]),
        ("id in (1, 3) or id = 5", [1, 3, 5]),
        ("id not in ('1', '3') and id > '0'", [2, 4, 5]),
        ("fare in (-3.5, +7.25) or fare not between -4 and 1e299", [1, 3, 5]),
        ("case when fare < 0 then 1 else 0 end", [5]),
        ("cast(fare as integer) = 7", [1]),
        ("coalesce(fare, -1) = -1", [2]),
        ("abs(fare) + round(fare) + max(fare, 1) + length(embarked) > 5 and fare < 100", [1]),
        ("embarked glob '*''*' and (fare = 0)", [4]),
        ("'a;b' = 'a;b' and '--' <> '/*'", [0, 1, 2, 3, 4, 5]),
        ("1=0", []),
        ("\nfare\n=\n0\n", [0, 4]),
        ("fare = 0 and 'select' <> embarked", [0, 4]),
        ("t.fare < 0", [5]),
        ("0x10 = 16 and .5 = 0.5 and 5e-1 = 0.5 and fare < 0", [5]),
    ],
)
def test_selects(store, condition, ids):
    assert store.ids(where=condition) == ids
    assert store.forget(where=condition, dry_run=True) == len(ids)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("", "is empty"),
        ("  -- nothing", "is empty"),
        (None, "not NoneType"),
        ("fare =", "no SQL expression"),
        ("fare = 0; drop table t", "unexpected ';'"),
        ("1=1) or (1=1", r"unexpected '\)'"),
        ("1) limit (1", r"unexpected '\)'"),
        ("1) union select 1 where (1", r"unexpected '\)'"),
        ("(fare = 0", "not closed"),
        ("fare = 0 /* open", "no SQL expression|incomplete"),
        ("fare = 0 limit 1", "no SQL expression"),
        ("fare = 'S", "unexpected"),
        ("fare = ?", "unexpected"),
        ("fare = :x", "unexpected"),
        ("fare = @x", "unexpected"),
        ("fare = $x", "unexpected"),
        ("fare = 0 \0", "unexpected"),
        ("price = 0", "no such column: price"),
        ('embarked = "S"', "no column"),
        ('"fair" = 0', "no column"),
        ("rowid = 1", "may not"),
        ("_rowid_ = 1", "may not"),
        ("oid = 1", "may not"),
        ("t.rowid = 1", "may not"),
        ("fare in (select 1)", "subquery"),
        ("fare > (select max(fare) from t)", "subquery"),
        ("exists (select 1 from sqlite_master)", "subquery"),
        ("fare in (values (1), (2))", "subquery"),
        ("fare in (with recursive c(x) as (select 1 union all select x + 1 from c) select x from c)", "subquery"),
        ("fare in t", "may not|no SQL"),
        ("fare in sqlite_master", "may not|no SQL"),
        ("fare in pragma_table_list", "may not|no SQL"),
        ("fare in json_each('[1]')", "may not|no SQL|subquery"),
        ("fare in generate_series(1, 2)", "may not|no SQL|subquery"),
        ("max(fare) > 1", "aggregate"),
        ("count(*) > 1", "may not|aggregate"),
        ("sum(fare) over () > 1", "may not|misuse"),
        ("row_number() over () = 1", "may not|misuse"),
        ("random() > 0", "function random"),
        ("randomblob(9) > 0", "function randomblob"),
        ("date('now') > 0", "function date"),
        ("load_extension('x') = 0", "function load_extension|may not"),
        ("readfile('/etc/passwd') = ''", "no SQL|may not"),
        ("writefile('x', 'y') = 0", "no SQL|may not"),
        ("changes() = 0", "function changes"),
        ("sqlite_version() = ''", "function sqlite_version"),
        ("hex(zeroblob(1e9)) = ''", "function zeroblob"),
        ("printf('%1000000d', 1) = ''", "function printf"),
        ("fare match 'x'", "may not|no SQL"),
        ("embarked regexp 'x'", "may not|no SQL"),
        ("raise(ignore)", "no SQL"),
        ("fare = 'S'", "a column of numbers"),
        ("'x' < fare", "a column of numbers"),
        ("fare < 'inf'", "a column of numbers"),
        ("fare < '1_000'", "a column of numbers"),
        ("embarked = 5", "in single quotes"),
        ("survived = '1'", "without quotes"),
        ("fare not in (1, 'S')", "a column of numbers"),
        ("fare between -1 and 'S'", "a column of numbers"),
        ("embarked not in (-5)", "in single quotes"),
        ("embarked not between 1 and 5", "in single quotes"),
        ("id not in ('x')", "a column of numbers"),
        ("id < 'x'", "a column of numbers"),
        ("other.fare = 0", "no such column"),
        ("temp.t.fare = 0", "no such column|no SQL"),
        ("(" * 600 + "1" + ")" * 600, "no SQL|stack|depth"),
        ("fare = 0 or " * 20_000 + "fare = 1", "no SQL|too"),
    ],
)
def test_refuses(store, condition, why):
    if condition is None:
        with pytest.raises(ConditionError, match=why):
            Condition(condition, store.columns)
        return
    with pytest.raises(ConditionError, match=why) as caught:
        store.forget(where=condition)
    assert "Nothing was changed" in str(caught.value)
    assert len(store) == 6 and store.verify()


def test_a_tables_own_rowid(tmp_path):
    """Columns may have the names by which SQLite calls its own."""
    names = ("rowid", "oid", "_rowid_", "slot", "t", "id", "select")
    table = {name: [float(j), 10.0] for j, name in enumerate(names)}
    store = Store.create(tmp_path / "a", MixedNB(), table | {"y": [0, 1]}, target="y")
    for j, name in enumerate(names):
        assert store.ids(where=f'"{name}" = {j}') == [0]
    assert store.ids(where="rowid = 0 and oid = 1 and _rowid_ = 2 and t = 4 and t.t = 4 and id = 5") == [0]


def test_only_what_is_read_is_loaded(store):
    assert Condition("fare > 1 and (embarked = 'S' or fare = 0)", store.columns).reads == ["fare", "embarked"]
    assert Condition("1 = 1", store.columns).reads == []


def test_thousands_of_columns(tmp_path):
    table = {f"x{j}": [float(j), 0.5] for j in range(2500)}
    store = Store.create(tmp_path / "a", StandardScaler(), table)
    assert store.ids(where="x17 = 17 and x2499 > 1") == [0]
    with pytest.raises(ConditionError, match=r"no such column: y.*2471 more"):
        store.ids(where="y = 1")
    with pytest.raises(ConditionError, match="1000 are the most"):
        store.ids(where=" + ".join(table))


def test_blocks_and_a_large_table():
    random = np.random.default_rng(0)
    x = random.normal(size=50_000)
    x[::7] = np.nan
    condition = Condition("x > 1 or x is null", [Column("x", "feature", "number")])
    slots = np.arange(50_000)
    found = condition.matches((slots[i : i + 999], {"x": x[i : i + 999]}) for i in range(0, 50_000, 999))
    assert np.concatenate(list(found)).tolist() == np.flatnonzero((x > 1) | np.isnan(x)).tolist()


def test_the_sandbox_has_one_table_and_no_file(store):
    """Even without authorizer and tokens there would be nothing to read."""
    connection = Condition("1", store.columns)._sandbox(store.columns)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("t",)]
    assert connection.execute("PRAGMA database_list").fetchall() == [(0, "main", "")]
    with pytest.raises(sqlite3.OperationalError, match="too many attached"):
        connection.execute("ATTACH 'x' AS x")


def test_names_are_folded_as_sqlite_folds_them(tmp_path):
    """SQLite tells Ä from ä, and takes a quoted name that it does not know for text, which every row fulfils."""
    store = Store.create(tmp_path / "a", MixedNB(), {"Name ä": [1.0, 2.0], "y": [0, 1]}, target="y")
    assert store.ids(where='"nAME ä" = 2') == [1]
    for condition in ('"Name Ä" is not null', "'' <> \"Name Ä\"", "[Name Ä] = 1"):
        with pytest.raises(ConditionError, match=r"no (such )?column"):
            store.forget(where=condition)


@pytest.mark.parametrize("name", ["null", "current_time", "nul\0"])
def test_names_that_conditions_cannot_say(tmp_path, name):
    """A keyword without quotes is no column, and a NUL can be in no condition."""
    store = Store.create(tmp_path / "a", MixedNB(), {name: [1.0, 2.0], "x": [1.0, 2.0], "y": [0, 1]}, target="y")
    try:
        assert store.ids(where=f"{name} = 1") == []
    except ConditionError as error:
        assert "Nothing was changed" in str(error)
    if "\0" in name:
        with pytest.raises(ConditionError, match="null character"):
            store.ids(where=f'"{name}" = 1')
    else:
        assert store.ids(where=f'"{name}" = 1') == [0]
    assert store.ids(where="x = 2") == [1]
