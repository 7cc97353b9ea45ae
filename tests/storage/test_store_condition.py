"""Conditions: what they select, and what they may not ask for."""

import signal
import sqlite3
from functools import partial

import numpy as np
import pytest

from sqlearn import Store
from sqlearn.errors import ConditionError
from sqlearn.naive_bayes import MixedNB
from sqlearn.preprocessing import StandardScaler
from sqlearn.storage.conditions.condition import TEXT_FUNCTIONS, Condition
from sqlearn.storage.table.columns import Column

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
        ("FARE > 1e0", [1, 3]),
        ("embarked is null or embarked = ''", [2, 5]),
        ("embarked = 'it''s'", [4]),
        ("lower(embarked) like 's%'", [0, 3]),
        ("fare between -4 and 0", [0, 4, 5]),
        ("fare / 2 = 3.625", [1]),
        ('"class" = 1', [0, 4]),
        ("class = 'x'", [3]),
        ("class in (2, 3)", [1, 2, 5]),
        ('class = 2 and "CLASS" = 2', [1, 5]),
        ('"odd ""name""" >= 5', [4, 5]),
        ("survived = 1 and not fare = 0", []),
        ("survived == 1 and fare != 5", [0, 4]),
        ("id in (1, 3) or id = 5", [1, 3, 5]),
        ("id not in (1, 3) and id > 0", [2, 4, 5]),
        ("id / 2 = 1.5", [3]),
        ("id % 2 = 1 and -id % 2 = -1", [1, 3, 5]),
        ("fare in (-3.5, +7.25) or fare not between -4 and 1e299", [1, 3, 5]),
        ("case when fare < 0 then true else false end", [5]),
        ("case when fare < 0 then 'a' when fare = 0 then 'b' end = 'b'", [0, 4]),
        ("coalesce(fare, -1) = -1", [2]),
        ("abs(fare) + round(fare) + max(fare, 1) + length(embarked) > 5 and fare < 100", [1]),
        ("embarked glob '*''*' and (fare = 0)", [4]),
        ("false or not true", []),
        ("true", [0, 1, 2, 3, 4, 5]),
        ("\nfare\n=\n0\n", [0, 4]),
        ("fare = 0 and 'select' <> embarked", [0, 4]),
        ("fare = 0 is true", [0, 4]),
        ("fare = 0 is not false", [0, 2, 4]),
        (".5 < fare and 5e-1 < 1. * fare", [1, 3]),
        (" or ".join(f"fare = {i}" for i in range(4000)), [0, 4]),
    ],
)
def test_selects(store, condition, ids):
    assert store.ids(where=condition) == ids
    assert store.forget(where=condition, dry_run=True) == len(ids)


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        (None, "not NoneType"),
        (b"true", "not bytes"),
        ("fare =", "here, not the end"),
        ("fare = 0; drop table t", "';' is not part"),
        ("1=1) or (1=1", r"not \)"),
        ("1) limit (1", r"not \)"),
        ("(fare = 0", "closes a parenthesis"),
        ("fare = 0 /* open", "do not have comments"),
        ("fare = 0 -- remark", "do not have comments"),
        ("fare = 0 limit 1", "not limit"),
        ("fare = 'S", "not closed"),
        ('"fare = 1', "not closed"),
        ("fare = ?", "is not part"),
        ("fare = :x", "is not part"),
        ("fare = @x", "is not part"),
        ("fare = $x", "is not part"),
        ("fare = 0 \0", "is not part"),
        ("fare = 1_000", "not a number"),
        ("fare = 0x10", "not a number"),
        ("fare = 123abc", "not a number"),
        ("fare = 1e400", "beyond 1.8e308"),
        ("fare = 36893488147419103233", "does not fit 64 bits"),
        ("price = 0", "no such column: 'price'.*The columns are fare"),
        ('embarked = "S"', "no such column: 'S'.*single quotes"),
        ("rowid = 1", "no such column"),
        ("t.fare = 1", "do not have several parts"),
        ("fare in (select 1)", "do not have subqueries"),
        ("fare > (select max(fare) from t)", "do not have subqueries"),
        ("exists (select 1 from sqlite_master)", "do not have subqueries"),
        ("fare in t", "list of values"),
        ("fare in ()", "expected "),
        ("fare in (1,)", "expected "),
        ("fare in pragma_table_list", "list of values"),
        ("max(fare) > 1", "2 or more arguments"),
        ("count(*) > 1", "expected "),
        ("sum(fare) > 1", "no function sum.*The functions are abs, coalesce"),
        ("random() > 0", "expected "),
        ("load_extension('x') = 'y'", "no function load_extension"),
        ("hex(embarked) = ''", "no function hex"),
        ("printf('%1000000d', 1) = ''", "no function printf"),
        ("cast(fare as integer) = 7", r"not as"),
        ("fare match 'x'", "not match"),
        ("embarked regexp 'x'", "not regexp"),
        ("embarked collate nocase = 'x'", "not collate"),
        ("embarked || 'x' = 'x'", "is not part"),
        ("fare = 'S'", "fare is a number, and 'S' is text"),
        ("fare = '1'", "without quotes: 1"),
        ("'x' < fare", "fare is a number, and 'x' is text"),
        ("fare < 'inf'", "fare is a number"),
        ("embarked = 5", "single quotes: '5'"),
        ("embarked is not 1", "single quotes: '1'"),
        ("embarked > (0)", "single quotes: '0'"),
        ("(embarked) > 0", "single quotes: '0'"),
        ("not embarked = (1)", "single quotes: '1'"),
        ("lower(embarked) > 5", "is text, and 5 is a number"),
        ("embarked > fare", "is a number, and fare|is text, and fare"),
        ("embarked = true", "is true or false"),
        ("survived = true", "If 1 stands for true there, write 1|is a number or text, and true"),
        ("survived = '1'", "survived is a number, and '1' is text"),
        ("fare not in (1, 'S')", "fare is a number, and 'S' is text"),
        ("fare between -1 and 'S'", "fare is a number, and 'S' is text"),
        ("embarked not in (-5)", "is text"),
        ("embarked not between 1 and 5", "is text"),
        ("class < 2", "numbers and text, which are not ordered"),
        ("coalesce(class, 0) < 5", "not ordered"),
        ("abs(class) = 1", "abs takes a number"),
        ("id not in ('x')", "id is a number"),
        ("fare", "such as fare <> 0"),
        ("embarked", "takes true or false"),
        ("not fare", "takes true or false"),
        ("fare = 0 or 1", "Write true"),
        ("1", "Write true"),
        ("fare = null", "fare is null"),
        ("fare in (1, null)", "fare is null"),
        ("null", "takes true or false"),
        ("1 = 1", "does not read a column"),
        ("'a' is not null", "does not read a column"),
        ("2 in (1, 2)", "does not read a column"),
        ("'a' like 'a'", "does not read a column"),
        ("embarked like embarked", "takes a pattern"),
        (f"embarked like '{'a' * 201}'", "more than 200 bytes"),
        ("fare like '1%'", "like takes text"),
        ("(fare > 1) > (fare > 2)", "are not ordered"),
        ("fare < 1 < 2", "is true or false, and 2 is a number"),
        ("min(fare > 1, fare > 2)", "not ordered"),
        ("case when fare then 1 end = 1", "takes true or false"),
        ("case fare when 1 then 2 end = 2", "expected when here"),
        ("case when fare > 1 then 1 else 'a' end = 1", "1 is a number, and 'a' is text"),
        ("case when fare > 1 then null end", "all of its values are null"),
        ("round(fare, 1) = 1.5", "round takes 1 argument, not 2"),
        ("embarked + 1 = 2", r"\+ takes a number"),
        ("-embarked = 2", "- takes a number"),
        ("and = 1", 'A column of this name is written "and"'),
        ("(" * 600 + "1" + ")" * 600, "nested"),
        ("not " * 600 + "true", "nested"),
        ("- " * 600 + "fare = 1", "nested"),
        ("fare = 0" + " + 1" * 600, "nested"),
        ("fare = 0 or " * 20_000 + "fare = 1", "the maximum is 100,000"),
    ],
)
def test_refuses(store, condition, why):
    if not isinstance(condition, str):
        with pytest.raises(ConditionError, match=why):
            Condition(condition, store.columns)
        return
    with pytest.raises(ConditionError, match=why) as caught:
        store.forget(where=condition)
    assert "Nothing was changed" in str(caught.value)
    assert len(store) == 6 and store.verify()


@pytest.mark.parametrize("before", ["{} < '2018-01-01'", "'2018-01-01' >= {}", "{} not between '2018-01-01' and 'z'"])
def test_dates_in_a_column_of_text(tmp_path, before):
    """All of them dates, their order as text is theirs. If one is not, the order of text is another."""
    joined = ["2015-03-01", "2019-01-01", "2016-01-01 12:30", None]
    table = {"a": [1.0, 2.0, 3.0, 4.0], "joined": joined, "y": [0, 1, 0, 1]}
    with Store.create(tmp_path / "dates", MixedNB(), table, target="y", keep="joined") as store:
        assert store.ids(where=before.format("joined")) == [0, 2]
        assert store.learn({"a": [5.0], "joined": ["31.12.2015"], "y": [1]}).count == 1
        digest = store.digest()
        for call in (store.ids, store.forget, partial(store.forget, dry_run=True)):
            with pytest.raises(ConditionError, match=r"'31\.12\.2015' is not a date"):
                call(where=before.format("joined"))
        assert store.digest() == digest and len(store) == 5
        dates = "case when joined glob '????-??-??*' then joined end"
        assert store.ids(where=before.format(dates)) == [0, 2]
        assert store.ids(where="joined < 'a'") == [0, 1, 2, 4] and store.ids(where="joined = '2015-03-01'") == [0]


def test_a_tables_own_rowid(tmp_path):
    """Columns may have the names by which SQLite calls its own."""
    names = ("rowid", "oid", "_rowid_", "slot", "t", "id", "select")
    table = {name: [float(j), 10.0] for j, name in enumerate(names)}
    store = Store.create(tmp_path / "a", MixedNB(), table | {"y": [0, 1]}, target="y")
    for j, name in enumerate(names):
        assert store.ids(where=f'"{name}" = {j}') == [0]
    assert store.ids(where="rowid = 0 and oid = 1 and _rowid_ = 2 and t = 4 and id = 5 and select = 6") == [0]


def test_only_what_is_read_is_loaded(store):
    assert Condition("fare > 1 and (embarked = 'S' or fare = 0)", store.columns).reads == ["fare", "embarked"]
    assert Condition("true", store.columns).reads == []


def test_thousands_of_columns(tmp_path):
    table = {f"x{j}": [float(j), 0.5] for j in range(2500)}
    store = Store.create(tmp_path / "a", StandardScaler(), table)
    assert store.ids(where="x17 = 17 and x2499 > 1") == [0]
    with pytest.raises(ConditionError, match=r"no such column: 'y'.*2471 more"):
        store.ids(where="y = 1")
    with pytest.raises(ConditionError, match="the maximum is 1000"):
        store.ids(where=" or ".join(f"{name} = 1" for name in table))


def test_blocks_and_a_large_table():
    random = np.random.default_rng(0)
    x = random.normal(size=50_000)
    x[::7] = np.nan
    condition = Condition("x > 1 or x is null", [Column("x", "feature", "number")])
    slots = np.arange(50_000)
    found = condition.matches((slots[i : i + 999], {"x": x[i : i + 999]}) for i in range(0, 50_000, 999))
    assert np.concatenate(list(found)).tolist() == np.flatnonzero((x > 1) | np.isnan(x)).tolist()


def test_the_sandbox_has_one_table_and_no_file(store):
    """Even without authorizer and tree there would be nothing to read."""
    connection = Condition("fare > 1", store.columns)._sandbox()
    for statement in ("SELECT sql FROM sqlite_schema", "SELECT slot FROM t WHERE random() > 0", "ATTACH 'x' AS x"):
        with pytest.raises(sqlite3.DatabaseError, match=r"not authorized|prohibited"):
            connection.execute(statement)
    connection.set_authorizer(None)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("t",)]
    assert connection.execute("PRAGMA database_list").fetchall() == [(0, "main", "")]
    with pytest.raises(sqlite3.OperationalError, match="too many attached"):
        connection.execute("ATTACH 'x' AS x")


def test_names_are_folded_as_sqlite_folds_them(tmp_path):
    """SQLite tells Ä from ä, and takes a quoted name that it does not know for text, which every row fulfils."""
    store = Store.create(tmp_path / "a", MixedNB(), {"Name ä": [1.0, 2.0], "y": [0, 1]}, target="y")
    assert store.ids(where='"nAME ä" = 2') == [1]
    for condition in ('"Name Ä" is not null', "'' <> \"Name Ä\""):
        with pytest.raises(ConditionError, match="no such column"):
            store.forget(where=condition)


@pytest.mark.parametrize("name", ["null", "current_time", "nul\0", "and", "3", 'a"b', "é"])
def test_any_name_can_be_quoted(tmp_path, name):
    store = Store.create(tmp_path / "a", MixedNB(), {name: [1.0, 2.0], "x": [1.0, 2.0], "y": [0, 1]}, target="y")
    quoted = '"' + name.replace('"', '""') + '"'
    assert store.ids(where=f"{quoted} = 1") == [0]
    assert store.ids(where="x = 2") == [1]


def test_a_column_that_is_called_like_a_number(tmp_path):
    """Without its quotes it is that number, and every row would fulfil 3 < 50."""
    store = Store.create(tmp_path / "a", MixedNB(), {"3": [1.0, 2.0], "y": [0, 1]}, target="y")
    with pytest.raises(ConditionError, match='To read the column 3, write "3"'):
        store.ids(where="3 < 50")


def test_an_error_shows_the_place(store):
    with pytest.raises(ConditionError) as caught:
        store.ids(where="fare > 1 and\n  embarked = 5 or fare = 0")
    assert str(caught.value).endswith("\n      embarked = 5 or fare = 0\n                 ^")
    with pytest.raises(ConditionError) as caught:
        store.ids(where="fare > 1 and " * 100 + "fare = 'x'" + " and fare > 1" * 100)
    line, marks = str(caught.value).splitlines()[-2:]
    assert line[marks.index("^") : marks.rindex("^") + 1] == "'x'" and len(line) <= 104


@pytest.mark.parametrize("raises", [True, False])
def test_a_handler_s_exception_is_that_of_the_call(store, monkeypatch, raises):
    """Wherever the signal arrives: in a function that SQLite calls, or between two."""
    n, length = TEXT_FUNCTIONS["text_length"]
    come, error = [], TimeoutError("alarm")

    def handle(number, frame):
        come.append(number)
        if raises:
            raise error

    def slow(text):
        signal.raise_signal(signal.SIGUSR1)
        return length(text)

    monkeypatch.setitem(TEXT_FUNCTIONS, "text_length", (n, slow))
    before = signal.signal(signal.SIGUSR1, handle)
    condition = " and ".join(["length(embarked) < 9"] * 400)
    try:
        if raises:
            with pytest.raises(TimeoutError) as caught:
                store.ids(where=condition)
            assert caught.value is error and caught.value.__cause__ is None
        else:
            assert store.ids(where=condition) == [0, 1, 3, 4, 5]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert come and store.ids(where="fare is null") == [2]


def test_a_bug_in_a_function_is_not_ctrl_c(store, monkeypatch):
    monkeypatch.setitem(TEXT_FUNCTIONS, "text_length", (1, lambda text: [][0]))
    with pytest.raises(IndexError):
        store.ids(where="length(embarked) < 9")
