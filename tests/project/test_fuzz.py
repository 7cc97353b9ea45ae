"""Hostile values in public calls: some of the calls that ``make fuzz`` makes, and what it found, each by its cause."""

import datetime
import decimal
import fractions
import itertools
import os
import shutil
from importlib import import_module

import numpy as np
import pandas as pd
import pytest

import fuzz
import fuzz_judge
import hostile
import sqlearn
from laws import refit, unchanged
from learners import LABELLED, VALUED, WEIGHTED, over_each
from records import tame
from refusals import ACCESS, LABEL, NO_TARGET, NOT_FINITE, NOT_NUMERIC, SHAPE, WEIGHT, raises
from sqlearn import Store, verify
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.engine.identity.vocabulary import canonical_label
from sqlearn.errors import (
    FormatError,
    NotLearnedError,
    ParameterError,
    SqlearnError,
    StoreError,
    TableError,
    UndefinedAttributeError,
    UnknownIdError,
    UnknownLabelError,
    shown,
)
from sqlearn.feature_selection import SelectKBest, f_regression
from sqlearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB, MixedNB
from sqlearn.neighbors import NearestCentroid

pytestmark = pytest.mark.filterwarnings("ignore")

SEED = 1
X, LETTERS = np.arange(8.0).reshape(4, 2), np.array(["a", "b", "a", "b"])


@pytest.mark.parametrize("first", range(0, 500, 50))
@pytest.mark.crossed(2)
def test_hostile_calls(first):
    for number in range(first, first + 50):
        try:
            fuzz.run(SEED, number)
        except Exception as error:
            error.add_note(f"python tests/long/fuzz.py --seed {SEED} --first {number} --calls 1")
            raise


def test_altered_bytes():
    for number in range(100):
        fuzz.run(SEED, number, [fuzz.check_altered])


def test_the_judge_knows_what_nobody_wrote():
    def raised(call):
        with pytest.raises(Exception) as caught:
            call()
        return caught.value

    for raw in (
        lambda: np.zeros(3).reshape(2, 2),
        lambda: np.asarray([[1.0], [1.0, 2.0]], float),
        lambda: {}["a"],
        lambda: GaussianNB().fit(X, LETTERS)._state.digest(1),
    ):
        with pytest.raises(fuzz_judge.Finding):
            fuzz_judge.judge(raised(raw))
    for text in ("Bad.", "one two three four five six seven eight", "It says: '\ud800' is no text that anybody reads."):
        with pytest.raises(fuzz_judge.Finding):
            fuzz_judge.judge(SqlearnError(text))
    fuzz_judge.judge(raised(lambda: GaussianNB().fit(X, LETTERS).predict([[1.0]])))
    fuzz_judge.judge(raised(lambda: GaussianNB().predict(X)))


def planted(mistake):
    """A function of sqlearn's, as its traceback shows it, that makes a mistake."""
    source = f"import numpy\ndef inner():\n    return {mistake}\ndef outer(*_):\n    return inner()"
    names = {"__name__": "sqlearn.planted"}
    exec(compile(source, os.path.join(os.path.dirname(sqlearn.__file__), "planted.py"), "exec"), names)
    return names["outer"]


MISTAKES = ["{}['a mistake']", "None.mistake", "numpy.zeros(2) + numpy.zeros(3)", "[][0]"]


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize(
    "place",
    [
        ("tables.reader", "as_table"),
        ("validation.layout", "feature_names"),
        ("validation.validate", "check_weights"),
        ("validation.targets", "levels_of"),
    ],
)
def test_the_judge_finds_mistakes(place, mistake, monkeypatch):
    """They were reported as arguments that a method does not take, or as rows that are no table."""
    model = TableModel(Ridge()).fit({"a": [1.0, 2.0, 3.0], "c": ["x", "y", "x"]}, [1.0, 2.0, 3.0])
    module, name = place
    monkeypatch.setattr(import_module(f"sqlearn.engine.{module}"), name, planted(mistake))
    with pytest.raises(fuzz_judge.Finding, match="a raw"):
        fuzz_judge.attempt(lambda: model.predict({"a": [1.0], "c": ["x"]}))
        fuzz_judge.attempt(lambda: GaussianNB().fit(X, LETTERS))


def test_the_judge_follows_causes():
    def refused(call):
        try:
            call()
        except Exception as error:
            raise ParameterError("These nine words are a sentence that says nothing.") from error

    model = GaussianNB().fit(X, LETTERS)
    for innocent in (lambda: X.reshape(3, 3), lambda: {}["a"], lambda: model.predict(X[:, :1])):
        with pytest.raises(ParameterError):
            refused(innocent)
        fuzz_judge.attempt(lambda innocent=innocent: refused(innocent))
    for mistake in MISTAKES:
        with pytest.raises(fuzz_judge.Finding, match="a mistake that looks like a refusal"):
            fuzz_judge.attempt(lambda mistake=mistake: refused(planted(mistake)))


# ---------------------------------------------------------------------------------------------------------- labels


def test_labels_that_end_in_nul_are_told_apart():
    """numpy's strings have no NULs at their ends: two classes looked alike, and forgetting took the wrong one."""
    X, y = np.array([[0.0], [9.0], [1.0], [8.0]]), ["a", "a\0", "a", "a\0"]
    for given in (y, np.array(y, object), pd.Series(y, dtype=object), tuple(y)):
        model = GaussianNB().fit(X, given)
        assert model.classes_.tolist() == ["a", "a\0"]
        assert model.predict(X[:2]).tolist() == ["a", "a\0"]
        assert model.classes_.dtype == object
    for path in ("short", "long"):
        model = GaussianNB().fit(X, y)
        if path == "long":
            model._state.fast_path = None
        with unchanged(model), pytest.raises(SqlearnError):
            model.forget(X[1], "a")
        assert verify(model.forget(X[1], "a\0"), X[[0, 2, 3]], ["a", "a", "a\0"])
    assert GaussianNB().fit(X, LETTERS).classes_.dtype == "<U1"


@pytest.mark.parametrize("classes", [["a"], ("a\0", "b"), [1, 2], {}, [[1], [2, 3]], [None], 5, [10**400, b"a"]])
def test_classes_given(classes):
    model = GaussianNB().fit(X, LETTERS)
    with unchanged(model), raises(UnknownLabelError, LABEL, match="`classes` (given|is not a list)"):
        model.partial_fit(X, LETTERS, classes)


@over_each(LABELLED)
@pytest.mark.parametrize("path", ["short", "long"])
def test_what_equals_a_label_is_none(learner, path):
    """Decimal(1) == 1 and its hash is that of 1, so the short path took it, and the long one did not."""
    records = tame(learner, weighted=False)
    if records.y.ndim > 1:
        pytest.skip("rows of labels")
    model = refit(learner, records)
    if path == "long":
        model._state.fast_path = None
    row, label = records.row(0)["X"], int(records.y[0])
    others = (
        *(decimal.Decimal(label), complex(label), fractions.Fraction(label), np.complex128(label)),
        *(np.timedelta64(label, "s"), datetime.timedelta(label), np.datetime64(label, "s"), np.ma.masked),
    )
    for other in others:
        for update in (model.forget, model.partial_fit):
            with unchanged(model), raises(LABEL, NOT_FINITE, match=r"row 0|This row"):
                update(row, other)
    digest = model.digest()
    for same in (label, float(label), np.int8(label), np.float32(label), np.longdouble(label)):
        model.forget(row, same).partial_fit(row, same)
    assert model.digest() == digest


@pytest.mark.parametrize("unit", ["ns", "s", "D"])
def test_dates_are_no_labels(unit):
    """Those of nanoseconds came through as the integers that count them."""
    dates = np.array(["2024-01-01", "2024-01-02"] * 2, f"datetime64[{unit}]")
    for y in (dates, dates - dates[0], pd.Series(dates), pd.to_datetime(dates)):
        with raises(LABEL, match="row 0"):
            GaussianNB().fit(X, y)


def test_numbers_that_are_too_long_for_labels():
    assert canonical_label(2**70) == 2**70
    for value in (10**4400, -(10**4400), fractions.Fraction(10**400), np.timedelta64(1)):
        with pytest.raises(TypeError):
            canonical_label(value)
    model = MixedNB(categorical_features=[1]).fit([[1.0, 2**70], [2.0, "a"]], [0, 1])
    with unchanged(model), raises(NOT_NUMERIC, match=r"row 0 .*bits"):
        model.partial_fit([1.0, 10**4400], 0)
    for order in ([1, decimal.Decimal(1)], [decimal.Decimal(1), 1]):
        with raises(NOT_NUMERIC):  # whatever came before it
            MixedNB(categorical_features=[0]).fit([[value, 1.0] for value in order], [0, 1])


# ------------------------------------------------------------------------------------------- masks, targets, weights


@over_each(VALUED)
def test_masked_targets(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    masked = np.ma.masked_array(records.y, np.arange(len(records)) == 5)
    for update in (model.partial_fit, model.forget, model.fit):
        with unchanged(model), raises(NOT_FINITE, match="masked, first in row 5"):
            update(records.X, masked)
    with unchanged(model), raises(NOT_FINITE, match="masked"):
        model.forget(records.row(5)["X"], masked[5])
    digest = model.digest()
    model.forget(records.X, np.ma.masked_array(records.y)).partial_fit(records.X, np.ma.masked_array(records.y))
    assert model.digest() == digest


@over_each(WEIGHTED)
def test_masked_and_odd_weights(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    ones = np.ones(len(records))
    masked = np.ma.masked_array(ones, np.arange(len(records)) == 5)
    with unchanged(model), raises(NOT_FINITE, match="masked, first in row 5"):
        model.partial_fit(**records.given, sample_weight=masked)
    for odd in ("1", b"1", 1j, np.timedelta64(1), datetime.date(2024, 1, 1), [1.0], {"a": 1}, None):
        weights = np.array(ones, object)
        weights[7] = odd
        with unchanged(model), raises(WEIGHT, NOT_FINITE, match="row 7"):
            model.partial_fit(**records.given, sample_weight=weights)
    for whole in (ones.astype(str), ones.astype("m8[s]"), ones.astype("M8[s]"), ones.astype("S"), {"a": 1}, {1, 2}):
        with unchanged(model), raises(WEIGHT, SHAPE):
            model.partial_fit(**records.given, sample_weight=whole)
    digest = model.digest()
    for same in (ones.astype(object), ones.astype("g"), ones.astype(">f2"), [decimal.Decimal(1)] * len(records), 1):
        model.forget(**records.given, sample_weight=same).partial_fit(**records.given)
    assert model.digest() == digest


def test_numbers_beyond_float64():
    model = Ridge().fit(X, [1.0, 2.0, 3.0, 4.0])
    rows = X.astype(object)
    rows[2, 1] = 10**400
    for given in (rows, rows.tolist(), pd.DataFrame(rows), rows[2], rows[2].tolist()):
        with unchanged(model), raises(NOT_FINITE, match=r"too large.*row \d .*column 1"):
            model.partial_fit(given, [1.0, 2.0, 3.0, 4.0] if len(given) == 4 else 1.0)
    for target in (10**400, fractions.Fraction(10**400), decimal.Decimal("1e400"), decimal.Decimal("snan")):
        with unchanged(model), raises(NOT_FINITE, NOT_NUMERIC, match="row 3"):
            model.partial_fit(X, [1, 2, 3, target])
        with unchanged(model), raises(NOT_FINITE, NOT_NUMERIC):
            model.partial_fit(X[0], target)


# ------------------------------------------------------------------------------------------------------- what is said


def test_values_in_messages():
    assert shown(1.5) == "1.5"
    assert shown("\ud800") == "'\\ud800'"
    assert shown(10**5000) == "a whole number of 16,610 bits"
    assert len(shown("x" * 10**6)) < 150
    assert "\n" not in shown(np.eye(20))

    class Rude:
        def __repr__(self):
            raise RuntimeError

    assert "Rude" in shown(Rude())


def test_rows_of_unequal_lengths_are_named():
    with raises(SHAPE, match=r"Row 0 has 2 values, and row 1 \(counted from 0\) has 1 values"):
        GaussianNB().fit([[1.0, 2.0], [1.0]], [0, 1])


@pytest.mark.parametrize("learner", [MixedNB(), TableModel(MixedNB())])
def test_a_list_of_values_that_cannot_be_shown(learner):
    """scikit-learn's refusal would show them, with a repr that is the caller's code."""
    values = [hostile.Rude(), hostile.Rude()]
    with raises(SHAPE, match="Expected 2D array, got 1D array instead"):
        learner.fit(values, [0, 1])


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "score"])
def test_questions_about_what_is_no_table(method):
    """They are refused as forget refuses: with the row and the column."""
    bad = X.astype(object)
    bad[2, 1] = "x"
    for learner in (GaussianNB(), NearestCentroid(), LogisticRegression(), TableModel(GaussianNB())):
        model = learner.fit(X, [0, 1, 0, 1])
        arguments = ([0, 1, 0, 1],) if method == "score" else ()
        with raises(NOT_NUMERIC, match="row 2"):
            getattr(model, method)(bad, *arguments)
        with raises(NOT_FINITE, NOT_NUMERIC, match="row 2"):
            bad_number = bad.copy()
            bad_number[2, 1] = 10**400
            getattr(model, method)(bad_number, *arguments)
    with raises(NO_TARGET, match="y is None"):
        GaussianNB().fit(X, LETTERS).score(X, None)
    with raises(NOT_NUMERIC, match="row 2"):
        KMeans(2).fit(X).predict(bad)


def test_flags_and_names():
    model = Ridge().fit(X, [1.0, 2.0, 3.0, 4.0])
    with pytest.raises(ParameterError, match="return_std of predict is True or False"):
        BayesianRidge().fit(X, [1.0, 2.0, 3.0, 4.0]).predict(X, return_std=pd.Series([1]))
    with pytest.raises(TypeError, match="unexpected keyword"):
        model.predict(X, returns=1)
    with pytest.raises(UndefinedAttributeError, match="as they are"):
        TableModel(MixedNB()).fit(X, LETTERS).encode(X)


@pytest.mark.parametrize(
    "learner",
    [
        GaussianNB(priors=pd.DataFrame({"a": [1]})),
        GaussianNB(priors=["a", "b"]),
        GaussianNB(priors=np.ones((2, 2)) / 4),
        GaussianNB(var_smoothing=10**400),
        GaussianNB(var_smoothing=np.datetime64("2024-01-01")),
        GaussianNB(priors=(share for share in (0.5, 0.5))),
        LogisticRegression(class_weight={"a": "heavy"}),
        TableModel(GaussianNB(), columns="age"),
        MixedNB(categorical_features=[[1], [2, 3]]),
    ],
)
def test_parameters_that_are_none(learner):
    with pytest.raises(ValueError) as caught:
        learner.fit(X, LETTERS)
    fuzz_judge.judge(caught.value)


def test_a_parameter_that_is_set_after_fit_is_no_hindrance():
    """The dimension of targets was looked up by parameters that were not yet in force."""
    model = Ridge().fit(X, [1.0, 2.0, 3.0, 4.0])
    model.set_params(positive=np.array([1, 2])).forget(X[0], 1.0)
    assert verify(model.set_params(positive=False), X[1:], [2.0, 3.0, 4.0])
    selector = SelectKBest(k=1).fit(X, LETTERS)
    for score in (f_regression, "f_classif"):
        selector.set_params(score_func=score).forget(X[0], "a").partial_fit(X[0], "a")


# ----------------------------------------------------------------------------------------------------------- pickles


def _altered(model, **changes):
    contents = model.__getstate__()
    contents["state"] |= changes
    contents["state"]["digest"] = fuzz.digest_of(contents["state"]["parts"])
    return contents


def test_contents_that_were_saved_so_and_cannot_be():
    """With a digest that fits: kernels would write beside their arrays."""
    model = GaussianNB().fit(X, LETTERS)
    parts = model.canonical_parts()
    wide = GaussianNB().fit(np.hstack([X, X]), LETTERS).canonical_parts()
    for changes in (
        {"statistic": (9, 0)},
        {"features": (9, None)},
        {"target_ndim": 1},
        {"parts": parts | {"sums 1": wide["sums 1"]}},
        {"parts": parts | {"labels": b'["a", "a"]'}},
        {"parts": parts | {"labels": b'["b", "a"]'}},
        {"parts": parts | {"labels": b"[1.0, 2]"}},
        {"parts": parts | {"sums 0": b"\xff" * 16}},
        {"parts": {name: part for name, part in parts.items() if name != "ledger"}},
        {"parts": []},
        {"layout": None},
    ):
        with pytest.raises(FormatError):
            GaussianNB().__setstate__(_altered(model, **changes) if changes.get("parts") != [] else changes)
    classes = LogisticRegression().fit(X, LETTERS)
    rows = bytearray(classes.canonical_parts()["rows"])
    rows[8 + 8 * X.size : 8 + 8 * X.size + 8] = np.array([7.0]).tobytes()  # the class of the first one
    with pytest.raises(FormatError):
        LogisticRegression().__setstate__(_altered(classes, parts=classes.canonical_parts() | {"rows": bytes(rows)}))
    encoded = TableModel(LogisticRegression()).fit(X, LETTERS)
    rows = bytearray(encoded.canonical_parts()["rows"])
    rows[-16:] = b"\xff" * 16  # the name of the last one: it cannot be told from the content without the key
    altered = TableModel(LogisticRegression())
    altered.__setstate__(_altered(encoded, parts=encoded.canonical_parts() | {"rows": bytes(rows)}))
    with unchanged(altered), pytest.raises(FormatError):
        altered.forget(X, LETTERS)
    for contents in (None, [], {}, {"format": "1"}, {"format": 1}, {"format": 1, "params": {}, "state": 5}):
        with pytest.raises(FormatError):
            GaussianNB().__setstate__(contents)


# ------------------------------------------------------------------------------------------------------------ stores


@pytest.fixture
def store(tmp_path):
    table = {"id": [2**53 + 1, 2, 3, 50], "age": [1.0, 2.0, 3.0, 4.0], "label": ["x", "y", "x", "y"]}
    with Store.create(tmp_path / "a.sqlearn", GaussianNB(), table, target="label", id="id") as store:
        yield store


ODD_IDS = (1.0, [1.0], b"2", bytearray(b"2"), memoryview(b"2"), {2: 3}, True, [True], int, ["2"], "2")


@pytest.mark.parametrize("ids", ODD_IDS, ids=lambda value: type(value).__name__)
def test_ids_of_another_kind(store, ids):
    """b"2" named the row 50, as bytes are numbers to Python."""
    for call in (store.forget, lambda **named: store.relabel(to="x", **named)):
        with pytest.raises(UnknownIdError, match=r"whole numbers|an id or a list"):
            call(ids=ids)
    assert len(store) == 4 and store.verify()


def test_ids_in_any_container(store):
    kinds = (list, tuple, set, iter, np.array, pd.Series, pd.Index)
    for kind, count in itertools.product(kinds, (1, 2)):
        assert store.forget(ids=kind([2, 3][:count]), dry_run=True) == count
    assert store.forget(ids=np.array(2), dry_run=True) == store.forget(ids=np.int8(2), dry_run=True) == 1
    for ids in (10**4400, [10**4400], 2**63):
        with pytest.raises(UnknownIdError, match=r"No row has the id (a whole number of|9223)"):
            store.forget(ids=ids)
    with pytest.raises(UnknownIdError, match="one column of it"):
        store.forget(ids=pd.DataFrame({"id": [2]}))


LOST, OTHER = (2.0**53, 1e300, 10**4400, 2**63, 0.5), (True, None, "7", np.timedelta64(7), fractions.Fraction(1, 2))


@pytest.mark.parametrize("id", LOST + OTHER, ids=shown)
def test_ids_to_learn(store, id):
    """A float beyond 2**53 may have been another whole number."""
    with pytest.raises(TableError, match="row 0"):
        store.learn({"id": [id], "age": [1.0], "label": ["x"]})
    assert len(store) == 4


def test_ids_to_learn_that_are_whole(store):
    store.learn({"id": np.array([7.0, 8.0]), "age": [1.0, 2.0], "label": ["x", "y"]})
    store.learn({"id": [fractions.Fraction(9), np.uint64(10)], "age": [1.0, 2.0], "label": ["x", "y"]})
    assert store.ids()[4:] == [7, 8, 9, 10]


@pytest.mark.parametrize("path", [None, 5, b"a", ["a"], "a\0b", "", object()], ids=lambda value: type(value).__name__)
def test_paths_that_are_none(path):
    for make in (lambda: Store.open(path), lambda: Store.create(path, GaussianNB(), {"a": [1.0]})):
        with pytest.raises((StoreError, SqlearnError)) as caught:
            make()
        fuzz_judge.judge(caught.value)


def test_arguments_of_a_store(store):
    for timeout in (None, "5", -1, np.nan, np.inf, True, 10**400):
        with pytest.raises(StoreError, match="timeout"):
            Store.open(store.path, timeout=timeout)
    for values in (5, "abc", b"abc", [b"a"], [None], [[1]], [10**400], [fractions.Fraction(10**400)], {"a": 1}):
        with pytest.raises(StoreError, match=r"[Vv]alues"):
            store.erasure_report(values)
    for kept in (5, ["a"], [None], np.array(1.0)):
        with pytest.raises(StoreError, match="receipts"):
            store.check_receipts(kept)
    with pytest.raises(StoreError, match="progress"):
        store.forget(where="age > 0", progress=5)
    with pytest.raises(SqlearnError):
        store.predict(iter([]))


def test_a_store_that_was_moved(store, tmp_path):
    shutil.copy(store.path, tmp_path / "copy")
    os.replace(store.path, tmp_path / "b.sqlearn")
    with raises(ACCESS, match="moved, replaced or deleted"):
        store.forget(ids=2)
    with Store.open(tmp_path / "b.sqlearn") as moved:
        assert len(moved) == 4


def test_what_sums_show_without_a_ledger():
    """A class whose records are all gone kept what others had taken away, and lost it with its slot."""
    model = GaussianNB(ledger=False).fit(X, LETTERS)
    for call in (model.forget, lambda X, y: model.without(X, y).__enter__()):
        with unchanged(model), pytest.raises(NotLearnedError, match="never learned"):
            call(X, LETTERS[::-1])
