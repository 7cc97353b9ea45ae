"""Every refusal is one of this package's errors, says the row and what to do, and changes nothing."""

import pickle
import warnings
from decimal import Decimal
from importlib import import_module

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression as SklearnLinearRegression

import hostile
from laws import refit, unchanged
from learners import ARRAYS, LABELLED, LEARNERS, VALUED, WEIGHTED, over_each
from records import tame
from refusals import COLUMNS, LABEL, NO_TARGET, NOT_FINITE, NOT_NUMERIC, SHAPE, WEIGHT, is_one_of, raises
from sqlearn import SqlearnError, verify
from sqlearn.compose import TableModel
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sqlearn.engine.validation.rows import as_rows
from sqlearn.errors import DegenerateError, MergeError, ParameterError, UndefinedAttributeError, UnsupportedError
from sqlearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import CategoricalNB, GaussianNB, MixedNB, MultinomialNB
from sqlearn.neighbors import NearestCentroid
from sqlearn.preprocessing import StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore")


def enter(context):
    """Enter what `without` returns; nothing for the others."""
    if hasattr(context, "__enter__"):
        context.__enter__()


def refused(model, kind, given, *words):
    """Every update refuses these arguments in this way, and so does a new model's fit."""
    for update in (model.partial_fit, model.forget, model.without, model.fit):
        with unchanged(model), raises(kind) as caught:
            enter(update(**given))
        assert is_one_of(caught.value, kind), caught.value
        for word in ("hanged", *words):
            assert word in str(caught.value), caught.value


@over_each([learner for learner in LEARNERS if learner in ARRAYS or type(learner).__name__ == "MixedNB"])
def test_masked_values_are_not_there(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    plain = np.asarray(records.X, object if type(learner).__name__ == "MixedNB" else float)
    mask = np.zeros(plain.shape, bool)
    whole = records.given | {"X": np.ma.masked_array(plain, mask)}
    assert refit(learner, records).forget(**whole).n_records_ == 0  # nothing is masked
    mask[7, 1] = True
    masked = np.ma.masked_array(plain, mask)
    refused(model, NOT_FINITE, records.given | {"X": masked}, "row 7 (counted from 0), column 1")
    refused(model, NOT_FINITE, records.given | {"X": list(masked)}, "row 7 (counted from 0), column 1")
    one = {"X": masked[7]} if records.y is None else {"X": masked[7], "y": records.y[7]}
    for update in (model.partial_fit, model.forget):  # a single row has a path of its own
        with unchanged(model), raises(NOT_FINITE, match="masked"):
            update(**one)


@over_each(ARRAYS)
def test_dates_are_no_features(learner):
    records = tame(learner, weighted=False)
    dates = np.arange(records.X.size).reshape(records.X.shape).astype("M8[D]")
    refused(refit(learner, records), NOT_NUMERIC, records.given | {"X": dates}, "datetime64[D]", "astype")


def test_dates_and_durations_in_any_form():
    X, y = np.arange(12).reshape(4, 3), [0, 1, 0, 1]
    model = GaussianNB().fit(X, y)
    dates, durations = X.astype("M8[D]"), X.astype("m8[h]")
    zoned = pd.DataFrame({j: pd.to_datetime(dates[:, j]).tz_localize("UTC") for j in range(3)})
    frames = [pd.DataFrame(dates.astype("M8[ns]")), pd.DataFrame(durations.astype("m8[ns]")), zoned]
    arrays = [durations, dates.tolist(), [list(row) for row in dates], durations.astype(object), dates.astype("M8[ms]")]
    for given in (*arrays, *frames):
        refused(model, NOT_NUMERIC, {"X": given, "y": y})
    mixed = pl.DataFrame({"a": X[:, 0], "b": dates[:, 1].astype("M8[ms]"), "c": X[:, 2]})
    refused(model, NOT_NUMERIC, {"X": mixed, "y": y}, "Column 'b'", "astype")


@over_each(ARRAYS)
def test_features_that_are_no_numbers(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    for bad in ("x", {"a": 1}, [1, 2], 1j, object()):
        X = records.X.astype(object)
        X[7, 1] = bad
        if isinstance(bad, list):
            X = X.tolist()
        refused(model, NOT_NUMERIC if not isinstance(bad, list) else SHAPE, dict(records.given, X=X))
        if isinstance(bad, str):
            refused(model, NOT_NUMERIC, dict(records.given, X=X), "row 7 (counted from 0), column 1", "'x'")
            refused(model, NOT_NUMERIC, dict(records.given, X=X.tolist()), "row 7 ", "column 1")
            refused(model, NOT_NUMERIC, dict(records.given, X=pd.DataFrame(X)), "row 7 ", "column 1")
    one = records.row(0)
    for row in ({"a": 1.0, "b": 2.0, "c": 3.0}, [{"a": 1.0}], "abc", records.X[0] + 1j, [1.0, "x", 2.0]):
        with unchanged(model), raises(NOT_NUMERIC, SHAPE, COLUMNS) as caught:
            model.forget(**dict(one, X=row))
        assert is_one_of(caught.value, NOT_NUMERIC, SHAPE, COLUMNS)


@over_each(LEARNERS)
def test_input_that_is_no_table(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    ragged = [[1.0, 2.0, 3.0], [1.0]]
    given = {} if records.y is None else {"y": records.y[:2]}
    for X in (ragged, np.ones((2, 3, 1)), 5.0, None):
        for update in (model.partial_fit, model.forget, model.without, model.fit):
            with unchanged(model), pytest.raises(SqlearnError) as caught:
                enter(update(X, **given))
            assert is_one_of(caught.value, SHAPE, NOT_NUMERIC), caught.value


@over_each([learner for learner in LEARNERS if learner._target is not None])
def test_missing_answers_and_lengths(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    refused(model, NO_TARGET, {"X": records.X}, "requires y")
    for y in (records.y[:-1], np.append(records.y, 1)):
        refused(model, SHAPE, dict(records.given, y=y), "inconsistent numbers of samples")
    refused(model, SHAPE, dict(records.given, y=np.zeros((24, 2, 2))))
    with unchanged(model), raises(SHAPE):
        model.relabel(records.X, records.y, records.y[:-1])


@over_each(LABELLED)
def test_labels_that_are_none(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    for bad, words in (("a", "row 9 "), (None, "row 9 "), (Decimal("0.5"), "row 9 "), (1.5, "row 9 ")):
        y = np.array(records.y, object)
        y[9] = bad
        refused(model, LABEL, dict(records.given, y=y), words)
    refused(model, LABEL, dict(records.given, y=records.y + 0.5), "row 0 ", "fraction")
    for label in (None, 1.5, b"a", (1, 2), {}):
        with unchanged(model), pytest.raises(SqlearnError) as caught:
            model.partial_fit(records.row(0)["X"], label)
        assert is_one_of(caught.value, LABEL, NO_TARGET, SHAPE)


@over_each(VALUED)
def test_targets_that_are_no_numbers(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    row = records.row(0)["X"]
    for value in ("3.5", b"3.5", np.str_("3.5"), "x", 1j, np.complex128(1), {"a": 1}, [["3.5"]], np.array(["3.5"])):
        for update in (model.partial_fit, model.forget, model.fit, model.without):
            with unchanged(model), pytest.raises(SqlearnError) as caught:
                enter(update(row, value))
            assert is_one_of(caught.value, NOT_NUMERIC, SHAPE), caught.value
    y = np.array(records.y, object)
    y[9] = "3.5"
    refused(model, NOT_NUMERIC, dict(records.given, y=y), "row 9 ")
    refused(model, NOT_NUMERIC, dict(records.given, y=records.y.astype(str)), "row 0 ")


@over_each(WEIGHTED)
def test_weights_that_are_none(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    for w in (np.ones(23), np.ones((24, 2)), np.ones(0)):
        refused(model, SHAPE, dict(records.given, sample_weight=w), "24")
    refused(model, WEIGHT, dict(records.given, sample_weight=["x"] * 24))
    refused(model, WEIGHT, dict(records.given, sample_weight={"a": 1}))


@over_each([learner for learner in LABELLED if learner in WEIGHTED])
def test_weights_in_the_place_of_classes(learner):
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    w = np.where(np.arange(24) == 5, 0.5, 1.0)
    for weights in (w, np.where(np.arange(24) == 5, 5.0, 1.0), w.tolist()):
        with unchanged(model), raises(WEIGHT, match="sample_weight="):
            model.partial_fit(records.X, records.y, weights)
        with raises(WEIGHT, match="sample_weight="):
            clone(learner).partial_fit(records.X, records.y, weights)
    digest = model.digest()
    for classes in (records.y, records.y.astype(float), [-1.0, 0.0, 1.0, 3.0], np.unique(records.y)):
        model.partial_fit(records.X, records.y, classes).forget(records.X, records.y)
        assert model.digest() == digest


def test_other_packages_models():
    X, y = np.arange(6.0).reshape(3, 2), np.arange(3.0)
    model = LinearRegression().fit(X, y)
    for other in (SklearnLinearRegression().fit(X, y), None, "model", LinearRegression):
        with pytest.raises(UnsupportedError, match=rf"not {type(other).__module__}\.{type(other).__name__}\. Fit the"):
            verify(other, X, y)
        with unchanged(model), pytest.raises(MergeError):
            model.merge(other)
    scaler = StandardScaler().fit(X)
    with unchanged(scaler), pytest.raises(UnsupportedError, match="cannot be relabelled"):
        scaler.relabel(X, y, y)
    with unchanged(scaler), pytest.raises(UnsupportedError, match="with_mean=False"):
        scaler.partial_fit(sp.csr_array(X))
    with unchanged(model), pytest.raises(UnsupportedError, match="toarray"):
        LinearDiscriminantAnalysis().fit(sp.csr_array(X), [0, 0, 1])


def test_columns_of_other_names_and_numbers():
    frame = pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=["a", "b"])
    model = Ridge().fit(frame, np.ones((3, 2)))
    for X in (frame.rename(columns={"b": "c"}), frame[["b", "a"]]):
        with unchanged(model), raises(COLUMNS, match="feature names"):
            model.forget(X, np.ones((3, 2)))
    with unchanged(model), raises(COLUMNS, match="targets"):
        model.forget(frame, np.ones(3))


def test_what_fit_refuses():
    X, y = np.arange(6.0).reshape(3, 2), [0, 0, 1]
    for learner, given in (
        (LinearDiscriminantAnalysis(), (X[:1], y[:1])),
        (LinearDiscriminantAnalysis(), (X[1:], y[1:])),
        (QuadraticDiscriminantAnalysis(), (X[:2], y[:2])),
        (NearestCentroid(), (X[:2], y[:2])),
        (NearestCentroid(), (X[:1].repeat(3, axis=0), y)),
    ):
        with pytest.raises(DegenerateError, match="partial_fit"):
            learner.fit(*given)
        assert learner.partial_fit(*given).n_records_ == len(given[0])
    unfit = [Ridge(solver="lbfgs"), RidgeClassifier(positive=True, solver="svd")]
    for learner in (*unfit, LinearDiscriminantAnalysis(n_components=5)):
        with pytest.raises(ParameterError):
            learner.fit(X, y)
    with pytest.raises(ParameterError):
        LinearDiscriminantAnalysis(shrinkage=0.5).fit(X, y)


def test_tables_of_objects():
    model = MixedNB(categorical_features=[1]).fit([[1.0, "a"], [2.0, "b"]], [0, 1])
    for row in ([{}, "a"], [1.0, {}], [object(), "a"], ["x", "a"]):
        with unchanged(model), raises(NOT_NUMERIC, match="row 0"):
            model.partial_fit(row, 0)


def test_errors_are_what_scikit_learn_raises_too():
    assert issubclass(NOT_NUMERIC.type, TypeError) and issubclass(LABEL.type, TypeError)
    with pytest.raises(TypeError):
        GaussianNB().fit([[1.0], [2.0]], [0, "a"])


@pytest.mark.parametrize(
    "learner",
    [
        GaussianNB(priors=[0.5, 0.6]),
        MultinomialNB(alpha=[1.0, 2.0, 3.0]),
        CategoricalNB(min_categories=[[1.0]]),
        RidgeClassifier(class_weight={5: 1.0}),
        LinearDiscriminantAnalysis(priors=[-1.0, 2.0]),
        NearestCentroid(priors=[-1.0, 2.0]),
        MixedNB(categorical_features=[7]),
        MixedNB(categorical_features=["a"]),
        MixedNB(class_prior=[1.0]),
        Ridge(alpha=[1.0, 2.0]),
    ],
)
def test_parameters_that_do_not_fit_the_records(learner):
    X, y = np.array([[1, 0], [0, 1], [2, 2]]), [0, 1, 1]
    with pytest.raises(SqlearnError) as caught:
        learner.fit(X, y)
    assert type(caught.value) in (ParameterError, UndefinedAttributeError), caught.value


def test_parameters_of_too_many_dimensions():
    X, y = np.array([[1, 0], [0, 1], [2, 2]]), [0, 1, 1]
    for learner in (GaussianNB(priors=[[0.5], [0.5]]), CategoricalNB(min_categories=[[1, 1]])):
        with pytest.raises(ParameterError, match=r"has the shape .*one-dimensional"):
            learner.fit(X, y)


def test_the_hint_of_a_column_transformer():
    """It recognises the refusal of a single column by scikit-learn's words."""
    with pytest.raises(ValueError, match="1D data passed to a transformer"):
        ColumnTransformer([("scale", StandardScaler(), 0)]).fit(np.arange(6.0).reshape(3, 2))


class Timeout(ValueError):
    """As a program may call what its alarm raises."""


@pytest.mark.parametrize("raised", [Timeout("too late"), ValueError("too late"), TypeError("too late")])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("validation.rows", "check_array"),
        ("validation.weights", "num_samples"),
        ("validation.validate", "check_weights"),
        ("validation.targets", "column_or_1d"),
        ("validation.targets", "check_classification_targets"),
        ("validation.targets", "canonical_label"),
        ("validation.layout", "feature_names"),
        ("tables.table", "check_array"),
        ("tables.table", "canonical_label"),
        ("model.parameters", "validate_parameter_constraints"),
        ("model.state:State", "learn"),
        ("model.answering", "read_only"),
    ],
)
def test_what_a_handler_raises_is_no_refusal(owner, name, raised, monkeypatch):
    """An alarm may go off anywhere, and a program may raise what it likes there: it is not about the rows."""

    def struck(*args, **kwargs):
        raise raised

    module, _, kind = owner.partition(":")
    place = import_module(f"sqlearn.engine.{module}")
    monkeypatch.setattr(getattr(place, kind) if kind else place, name, struck)
    with pytest.raises(type(raised), match=r"^too late$"):
        MixedNB(categorical_features=[1]).fit([[1.0, "a"], [2.0, "b"]], [0, 1], [1.0, 1.0])
        GaussianNB().fit([[1.0], [2.0]], ["a", "b"], [1.0, 1.0]).predict([[1.0], [2.0]])


@pytest.mark.parametrize("raised", [Timeout("x"), MemoryError("x"), TimeoutError("x"), UserWarning("x"), KeyError("x")])
def test_what_is_no_fault_of_arguments(raised, monkeypatch):
    model = GaussianNB().fit([[1.0], [2.0]], [0, 1])
    data = pickle.dumps(model)

    def struck(*_):
        raise raised

    monkeypatch.setattr("sklearn.naive_bayes.GaussianNB.predict", struck)
    monkeypatch.setattr("sqlearn.engine.model.state.State.restore", struck)
    for call in (lambda: model.predict([["a"]]), lambda: pickle.loads(data)):
        with pytest.raises(type(raised)) as caught:
            call()
        assert caught.value is raised


def test_warnings_that_are_errors():
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    model = GaussianNB().fit(frame, [0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="does not have valid feature names"):
            model.predict(frame.to_numpy())
        with pytest.raises(UserWarning, match="score is not well-defined"):
            Ridge().fit([[1.0], [2.0]], [1.0, 2.0]).score([[1.0]], [1.0])


def test_long_names_are_shortened():
    long = "x" * 10_000
    model = QuadraticDiscriminantAnalysis().partial_fit([[1.0], [2.0], [4.0]], ["a", "a", long])
    with pytest.raises(UndefinedAttributeError, match="only 1 sample in class 'xxx") as caught:
        model.predict([[1.0]])
    assert len(str(caught.value)) < 400
    with raises(COLUMNS, match="unseen at fit time") as caught:
        GaussianNB().fit(pd.DataFrame({"a": [1.0, 2.0]}), [0, 1]).forget(pd.DataFrame({long: [1.0]}), [0])
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("learner", [GaussianNB(), MixedNB(), QuadraticDiscriminantAnalysis(), TableModel(Ridge())])
@pytest.mark.parametrize("kind", [list, pd.Series])
def test_rows_that_a_refusal_cannot_show(learner, kind):
    """scikit-learn's refusal shows the values, and their repr fails."""
    model = learner.fit([[1.0], [2.0], [4.0], [7.0]], [0, 0, 1, 1])
    flat = kind([hostile.Rude(), hostile.Rude()])
    for call in (lambda: model.partial_fit(flat, [0, 1]), lambda: model.predict(flat)):
        with unchanged(model), pytest.raises(SqlearnError, match="Nothing was"):
            call()


@over_each(VALUED)
def test_targets_that_a_refusal_cannot_show(learner):
    """scikit-learn's refusal of one value shows it, with a repr that is the caller's code."""
    records = tame(learner, weighted=False)
    model = refit(learner, records)
    said = "Input y, of type Rude, is not a table|y should be a 1d array", "Input y has an object of type Rude"
    for y, words in zip((hostile.Rude(), [hostile.Rude()] * len(records)), said, strict=True):
        with unchanged(model), raises(SHAPE, NOT_NUMERIC, match=words):
            model.partial_fit(records.X, y)


def test_frames_are_not_copied_to_find_out_their_dimensions():
    class Frame:
        """Nothing but a shape and names of columns, as frames of Arrow and polars tell them."""

        shape, columns = (2, 1), ["a"]

        def __len__(self):
            return 2

        def __array__(self, dtype=None, copy=None):
            raise AssertionError("it was copied")

    frame = Frame()
    assert as_rows(frame, [0, 1]) == (False, frame, [0, 1])
