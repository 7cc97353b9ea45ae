"""Booleans and dates as kinds of columns: stored, compared, erased; and to a model what booleans have always been."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone

from booleans import AGE, CONSENT, GAP, LIVED, N
from refusals import NOT_FINITE, raises
from sqlearn import Store
from sqlearn.compose import TableModel
from sqlearn.errors import ConditionError, StoreCorruptError, TableError, UnknownIdError
from sqlearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import BernoulliNB, GaussianNB, MixedNB

TABLE = {"age": AGE, "consent": CONSENT, "gap": GAP, "y": LIVED}
WHOLE = {name: column for name, column in TABLE.items() if name != "gap"}
MIXED = "506083f01fcb5dcfb398115af6bcf0255850b3d044bb78853a088be3a2255aa1"
WORDS = TABLE | {
    "consent": np.array(["false", "true"], object)[CONSENT.astype(int)],
    "gap": [None if v is None else str(v).lower() for v in GAP],
    "y": np.array(["false", "true"], object)[LIVED.astype(int)],
}


@pytest.mark.parametrize(
    ("model", "table", "options", "digest"),
    [
        (MixedNB(), TABLE, {}, MIXED),
        (MixedNB(), pd.DataFrame(TABLE).assign(gap=pd.array(GAP, dtype="boolean")), {}, MIXED),
        (MixedNB(), pl.DataFrame(TABLE), {}, MIXED),
        (TableModel(RidgeClassifier()), TABLE, {}, "adf13c97181d7e7af21a6b3e72361f787f3443957baf81d3a7ad3ee4e811ae5d"),
        (
            TableModel(LogisticRegression()),
            TABLE,
            {},
            "4fb10a3a05a9fd34bcfd4254556165567fe3e22511a51ea85ae39facaa9e8f9f",
        ),
        (GaussianNB(), WHOLE, {}, "b5de653a3c7cb257883bd9478dfbbcad2dcdd5278948ec8c21171f711b0175f3"),
        (
            BernoulliNB(),
            {"consent": CONSENT, "b": ~LIVED, "y": LIVED},
            {},
            "49707df00924c061ce416794d8dbe6c33ce1fd9c04569e6e551cf05aac5b8f3a",
        ),
        (Ridge(), WHOLE, {}, "8f85c3c345a025f551da5677485acbc458a178d6fc6cb5695fde4fc3bcb06402"),
        (
            MixedNB(),
            TABLE,
            {"categorical": ["gap"]},
            "a10ca0c718763178221fe4258e5d241725de3130c494f50b8402b941bb0bab0b",
        ),
        (MixedNB(), WORDS, {}, "de275def0f5301d94ca0a2e1d48bfed93f7d04419c196333e99fb279aade4bb0"),
        (
            MixedNB(),
            TABLE,
            {"booleans": dict.fromkeys(["consent", "gap", "y"], ("false", "true"))},
            "de275def0f5301d94ca0a2e1d48bfed93f7d04419c196333e99fb279aade4bb0",
        ),
    ],
)
def test_to_a_model_booleans_are_what_they_were(tmp_path, model, table, options, digest):
    """The digests are those of the versions in which booleans were categories; adaptive learners' have moved since."""
    with Store.create(tmp_path / "a", model, table, target="y", **options) as store:
        assert store.digest() == digest
        if table is not WORDS:
            assert store.ids(where="not consent") == np.flatnonzero(~CONSENT).tolist()
            assert store.ids(where="y is not true") == np.flatnonzero(~LIVED).tolist()


@pytest.mark.parametrize(
    "model", [MixedNB(), TableModel(RidgeClassifier()), TableModel(LogisticRegression()), BernoulliNB()]
)
def test_a_life_with_booleans(tmp_path, model):
    table = {"consent": CONSENT, "vip": ~LIVED | CONSENT, "y": LIVED}
    if not isinstance(model, BernoulliNB):
        table |= {"age": AGE, "gap": GAP}
    with Store.create(tmp_path / "a", model, table, target="y", booleans={"consent": ("no", "yes")}) as store:
        for where, rows in [
            ("consent", CONSENT), ("not consent", ~CONSENT), ("consent = false", ~CONSENT),
            ("consent <> true", ~CONSENT), ("consent is false", ~CONSENT), ("consent is not true", ~CONSENT),
            ("consent in (true, false)", LIVED | ~LIVED),
            ("consent is null", LIVED & ~LIVED), ("consent = vip", CONSENT == table["vip"]), ("y", LIVED),
        ]:  # fmt: skip
            assert store.ids(where=where) == np.flatnonzero(rows).tolist(), where
        for where in ("consent = 'no'", "consent = 0", "consent > false", "consent + 1 = 1", "consent like 'n%'"):
            with pytest.raises(ConditionError):
                store.ids(where=where)
        assert store.forget(where="consent = false and vip").count == (~CONSENT & table["vip"]).sum()
        more = {name: list(column[:5]) for name, column in table.items()}
        words = [False, True] if isinstance(model, BernoulliNB) else ["no", "yes"]
        more |= {"consent": [words[1], words[0], True, 0, np.bool_(1)]}
        store.learn(more)
        assert store.ids(where="consent and id >= 80") == [80, 82, 84]
        store.relabel(where="y and consent", to=False)
        assert store.ids(where="y and consent") == []
        assert store.verify() and store.check_receipts()
        digest = store.digest()
        for value in ("maybe", 2, 0.5, b"yes"):
            with pytest.raises(TableError, match=r"row 2 .*column 'vip'.*booleans"):
                store.learn(more | {"vip": [True, False, value, True, True]})
        with pytest.raises(TableError, match="column 'y'"):
            store.relabel(where="consent", to="maybe")
        assert store.digest() == digest
        assert len(store.predict({name: column for name, column in more.items() if name != "y"})) == 5
    with Store.open(tmp_path / "a") as store:
        assert store.verify() and {c.name: c.kind for c in store.columns}["consent"] == "boolean"


def test_missing_booleans(tmp_path):
    with Store.create(tmp_path / "a", MixedNB(), TABLE, target="y") as store:
        gone = [i for i, value in enumerate(GAP) if value is None]
        assert store.ids(where="gap is null") == gone
        assert store.ids(where="gap or not gap") == [i for i in range(N) if i not in gone]
        assert store.ids(where="gap is not true") == [i for i in range(N) if GAP[i] is not True]
        store.forget(where="gap is null")
        assert store.verify() and store.ids(where="gap is null") == []
        with raises(NOT_FINITE):
            store.relabel(where="gap", to=None)


def test_a_boolean_that_is_none_of_three_is_damage(tmp_path):
    with Store.create(tmp_path / "a", MixedNB(), TABLE, target="y") as store:
        rows = store._rows
        cells = np.array([[0, 3, 0, 0, 0]], np.uint64)
        with pytest.raises(StoreCorruptError, match="column 'consent'"):
            rows.block(cells)


@pytest.mark.parametrize("words", [("x",), "ab", ("a", "a"), (1, 0), (None, "a"), 5, ((), "a")])
def test_words_that_are_no_pair(tmp_path, words):
    with pytest.raises(TableError, match="`booleans` names two labels"):
        Store.create(tmp_path / "a", MixedNB(), TABLE, target="y", booleans={"gap": words})
    assert not list(tmp_path.iterdir())


DAYS = [datetime.date(2020, 1, 1) + datetime.timedelta(days=i) for i in range(N)]


@pytest.mark.parametrize(
    "dates",
    [
        DAYS,
        np.array(DAYS, "M8[D]"),
        pd.Series(pd.to_datetime(DAYS)),
        pd.Series(pd.to_datetime(DAYS)).dt.tz_localize("UTC"),
        pl.Series(DAYS),
        pl.Series(DAYS).cast(pl.Datetime("ns")),
        np.array([str(day) for day in DAYS], object),
    ],
    ids=["date", "datetime64", "pandas", "zone", "polars", "polars ns", "text"],
)
@pytest.mark.parametrize("model", [MixedNB(), TableModel(LogisticRegression())])
def test_dates_are_kept_for_conditions(tmp_path, model, dates):
    table = {"age": AGE, "y": LIVED}
    frame = (
        pl.DataFrame(table | {"joined": dates})
        if isinstance(dates, pl.Series)
        else pd.DataFrame(table | {"joined": dates})
    )
    plain = Store.create(tmp_path / "plain", model, table, target="y")
    text = isinstance(dates, np.ndarray) and dates.dtype == object
    with Store.create(tmp_path / "a", model, frame, target="y", keep=["joined"]) as store:
        assert store.digest() == plain.digest() and store.features == ["age"]
        if text:
            assert store.ids(where="joined < '2020-01-11'") == list(range(10))  # as text
            return
        assert {column.name: (column.role, column.kind) for column in store.columns}["joined"] == ("kept", "date")
        assert store.ids(where="joined < '2020-01-11'") == list(range(10))
        assert store.ids(where="joined between '2020-01-03' and '2020-01-04 23:59:59'") == [2, 3]
        assert store.ids(where="joined = '2020-01-05T02:00+02:00'") == [4]
        assert store.ids(where="age > 1000 or joined in ('2020-01-06', '2020-01-07T00:00:00.5')") == [5]
        for where in (
            "joined < 5",
            "joined = age",
            "joined < 'soon'",
            "joined",
            "joined < '2020-02-30'",
            "abs(joined) = 1",
        ):
            with pytest.raises(ConditionError):
                store.ids(where=where)
        store.forget(where="joined < '2020-01-11'")
        plain.forget(ids=list(range(10)))
        assert store.digest() == plain.digest() and store.verify()
        store.learn({"age": [30.0, 31.0], "y": [True, False], "joined": [datetime.datetime(2021, 1, 1, 12), None]})
        assert store.ids(where="joined is null") == [N + 1] and store.ids(where="joined > '2021-01-01'") == [N]
        assert len(store.predict({"age": [50.0]})) == 1
        with pytest.raises(TableError, match=r"row 1 .*'joined', is not a date"):
            store.learn({"age": [30.0, 31.0], "y": [True, False], "joined": ["2020-01-01", 7]})


def test_dates_are_no_features(tmp_path):
    for dates in (np.array(DAYS, "M8[D]"), DAYS):
        with pytest.raises(
            TableError, match=r"'joined' holds dates, from which models do not learn. Name it in `keep`"
        ):
            Store.create(tmp_path / "a", MixedNB(), {"joined": dates, "y": LIVED}, target="y")
    with pytest.raises(TableError, match="Pass at least one feature column"):
        Store.create(tmp_path / "a", MixedNB(), {"joined": DAYS, "y": LIVED}, target="y", keep="joined")
    with pytest.raises(TableError, match="must be different"):
        Store.create(tmp_path / "a", MixedNB(), TABLE, target="y", keep=["y"])
    with pytest.raises(TableError, match="no column 'z'"):
        Store.create(tmp_path / "a", MixedNB(), TABLE, target="y", keep=["z"])


def test_what_is_kept_is_erased(tmp_path):
    """Dates, numbers and words that only conditions see."""
    day = np.datetime64("1987-06-05T04:03:02.010203", "us")
    kept = {"word": ["a mark of one row", *["other"] * (N - 1)], "number": np.arange(N) + 0.123456789}
    table = TABLE | kept | {"day": np.array([day, *["2020-01-01"] * (N - 1)], "M8[us]")}
    with Store.create(tmp_path / "a", MixedNB(), table, target="y", keep=["word", "number", "day"]) as store:
        sought = ["a mark of one row", 0.123456789, int(day.astype(int))]
        assert len(store.erasure_report(values=sought).held) >= 3
        store.forget(where="word like 'a mark%'")
        assert store.erasure_report(values=sought)
        assert store.erasure_report(
            table={name: column[:1] for name, column in table.items() if name in (*kept, "day")}
        )
        assert store.verify()


def test_finer_times_are_cut_off(tmp_path):
    times = np.array(["2020-01-01T00:00:00.000000999", "1960-01-01T00:00:00.000000001"], "M8[ns]")
    with Store.create(
        tmp_path / "a", MixedNB(), {"t": times, "x": [1.0, 2.0], "y": [0, 1]}, target="y", keep="t"
    ) as store:
        assert store.ids(where="t = '2020-01-01' or t = '1960-01-01'") == [0, 1]
    for far in (np.array(["2020", "300000000"], "M8[Y]"), np.array([2**62], "M8[s]")):
        with pytest.raises(TableError, match="beyond the years"):
            Store.create(
                tmp_path / "b",
                MixedNB(),
                {"t": far, "x": np.ones(len(far)), "y": far.astype(int)},
                target="y",
                keep="t",
            )


def test_values_that_sqlite_does_not_take(tmp_path):
    """Text that is no Unicode, text of a megabyte, whole numbers beyond 64 bits."""
    words = ["a\ud800", "b", "a\ud800b", "x" * 1_000_001, "nul\0", "é"]
    table = {"word": words, "big": [2**70, 1, "t", 2**63 - 1, -(2**63), 1e300], "x": np.arange(6.0), "y": [0, 1] * 3}
    with Store.create(tmp_path / "a", MixedNB(), table, target="y") as store:
        assert store.ids(where="word = 'a\ud800'") == [0]
        assert store.ids(where="word > 'a' and word < 'b'") == [0, 2]
        assert store.ids(where="length(word) > 1000000") == [3]
        assert store.ids(where="word = 'nul\0'") == [4]
        assert store.ids(where=f"big = {2**70} or big = 1e300") == [0, 5]
        assert store.ids(where="big in (9223372036854775807, -9223372036854775808)") == [3, 4]
        store.learn({"word": ["c"], "big": [2**70 + 1], "x": [1.0], "y": [0]})
        with pytest.raises(ConditionError, match="which holds 1180591620717411303425"):
            store.ids(where="big = 1")
        assert store.ids(where="word = 'c'") == [6]


def test_a_feature_of_hundreds_of_digits(tmp_path):
    for value, error in ((10**400, NOT_FINITE), ("1", TypeError), (object(), TableError), ([1], TableError)):
        with raises(error, match=r"(row 1 .*)?column 'x'"):
            Store.create(
                tmp_path / "a", GaussianNB(), {"x": [1, value, 2.5], "y": [0, 1, 1]}, target="y", categorical=[]
            )


@pytest.mark.parametrize(
    "ids", [1.0, b"2", True, None, [1.0], [b"2"], [None], [[1]], {"a": 1}, [10**5000], [np.float64(1)]]
)
def test_ids_of_other_kinds(tmp_path, ids):
    with Store.create(tmp_path / "a", MixedNB(), TABLE, target="y") as store:
        with pytest.raises((UnknownIdError, ConditionError), match=r"Nothing was changed|either"):
            store.forget(ids=ids)
        assert len(store.receipts()) == 1


def test_ids_to_learn_of_thousands_of_digits(tmp_path):
    table = {"id": [1, 2], "x": [1.0, 2.0], "y": [0, 1]}
    with Store.create(tmp_path / "a", MixedNB(), table, target="y", id="id") as store:
        for ids in ([3, 10**5000], [3, 10**30], [3, 2.5], [3, float("inf")], [3, "x" * 10_000]):
            with pytest.raises(TableError, match="The id in row 1 ") as caught:
                store.learn(table | {"id": ids})
            assert len(str(caught.value)) < 500


@pytest.mark.parametrize("model", [GaussianNB(), MixedNB(), LogisticRegression(), TableModel(GaussianNB())])
def test_boolean_labels_come_back_as_booleans(tmp_path, model):
    """As from the model itself; a store of one kind of label, too, and one that was emptied."""
    table = {"x": [1.0, 2.0, 8.0, 9.0], "y": [False, False, True, True]}
    X = {"x": np.array(table["x"])} if isinstance(model, TableModel) else np.array(table["x"])[:, None]
    twin = clone(model).fit(X, table["y"])
    with Store.create(tmp_path / "a", model, table, target="y") as store:
        assert (
            store.predict({"x": [1.5, 8.5]}).tolist() == [False, True] == twin.predict(store_X(X, [1.5, 8.5])).tolist()
        )
        assert store.predict({"x": [1.5]}).dtype == bool and store.model.classes_.tolist() == [0, 1]
        assert store.ids(where="y") == [2, 3] and store.verify()
        assert store.relabel(ids=[3], to=False).count == 1 and store.relabel(ids=[3], to=0) is None
        assert store.relabel(ids=[3], to=True).count == 1 and store.learn({"x": [7.0], "y": [1]}).count == 1
        assert store.verify() and store.ids(where="y") == [2, 3, 4]
    with Store.open(tmp_path / "a") as store:
        store.forget(where="true")
        store.learn(table)
        assert store.predict({"x": [8.5]}).tolist() == [True] and store.verify()


def store_X(X, values):
    return {"x": np.array(values)} if isinstance(X, dict) else np.array(values)[:, None]
