"""What a model that never saw a row says of it, beside that of a refit without the row, byte for byte."""

import copy
import threading

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_iris

from laws import frozen, snapshot, unchanged
from learners import LEARNERS, MULTILABEL, crossed, over, over_each
from records import Records, pool_of, records_of, tame
from sqlearn.compose import TableModel
from sqlearn.errors import NotLearnedError, ParameterError, ShapeError, UndefinedAttributeError, UnsupportedError
from sqlearn.inspection import leave_one_out
from sqlearn.inspection.responses import METHODS
from sqlearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MixedNB, MultinomialNB
from sqlearn.neighbors import NearestCentroid
from sqlearn.preprocessing import OneHotEncoder, StandardScaler

# those that are not asked by forgetting, and responses that differ among them
QUICK = [
    GaussianNB(),
    GaussianNB(priors=[0.2, 0.3, 0.5], var_smoothing=0.0),
    LinearRegression(),
    LinearRegression(fit_intercept=False, positive=True),
    Ridge(),
    Ridge(alpha=1e300, fit_intercept=False),
    RidgeClassifier(),
    RidgeClassifier(positive=True, class_weight={-1: 1.0}),
    *MULTILABEL[:1],
]
SLOW = [RidgeClassifier(class_weight={-1: 2.0}), RidgeClassifier(class_weight="balanced"), MULTILABEL[1]]
RESPONSES = (
    "predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "decision_function",
    "coef_", "intercept_", "rank_", "singular_", "class_count_", "class_prior_", "theta_", "var_", "epsilon_",
    "classes_", "n_records_", "n_features_in_",
)  # fmt: skip


def refit_without(learner, records: Records, i):
    return clone(learner).partial_fit(**records.take(np.delete(np.arange(len(records)), i)).given)


def answered(refit, records: Records, i, response):
    """What a refit answers for a record on its own."""
    X = records.take([i]).X
    if response == "score":
        return refit.score(X, *([] if records.y is None else [records.y[i : i + 1]]))
    return getattr(refit, response) if response.endswith("_") else getattr(refit, response)(X)[0]


def dense(value):
    return value.toarray() if sp.issparse(value) else np.asarray(value)


def outcome(model, records: Records, response):
    """What is returned, or what is said."""
    try:
        return frozen(leave_one_out(model, response=response, **records.given))
    except UndefinedAttributeError as error:
        return str(error), error.row, error.reason


@pytest.fixture
def forgotten(monkeypatch):
    """Ask without any quick path, inside a context."""

    def ask(model, records, response):
        with monkeypatch.context() as patched:
            patched.setattr("sqlearn.inspection.leaving_out.answers_without_each", lambda *_: None)
            return outcome(model, records, response)

    return ask


@pytest.fixture
def no_forgetting(monkeypatch):
    """Whatever is asked goes by a quick path."""
    for learner in (GaussianNB, LinearRegression, Ridge, RidgeClassifier):
        monkeypatch.setattr(learner, "without", lambda *_, **__: pytest.fail("not by a quick path"))


# ------------------------------------------------------------------ all learners, beside refits


@pytest.mark.filterwarnings("ignore")
@over_each(LEARNERS)
def test_all_learners_answer_as_refits(learner):
    records, index = tame(learner), [0, 7]
    model = clone(learner).partial_fit(**records.given)
    before, some = model.digest(), records.take(index)
    refits = [refit_without(learner, records, i) for i in index]
    for response in (*METHODS, "score"):
        if hasattr(model, response) and response not in ("predict_log_proba", "predict_joint_log_proba"):
            try:
                expected = [answered(refit, records, i, response) for refit, i in zip(refits, index, strict=True)]
            except ValueError:  # OneHotEncoder does not know what only this row has
                with pytest.raises(UndefinedAttributeError):
                    leave_one_out(model, response=response, **some.given)
                continue
            found = leave_one_out(model, response=response, **some.given)
            found = dense(found) if sp.issparse(found) else found
            assert len(found) == len(index)
            for one, other in zip(map(dense, found), map(dense, expected), strict=True):
                assert one.dtype.kind == other.dtype.kind, response
                assert one.tobytes() == other.tobytes(), response
    assert model.digest() == before


@pytest.mark.parametrize("learner", [GaussianNB(), LinearRegression(), Ridge(), RidgeClassifier()], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.crossed(2)
def test_hard_values_beside_refits(learner, seed):
    """1e12, 1e300, subnormals, pairs that cancel, equal rows, -0.0, the last row of a class."""
    rng = np.random.default_rng(seed)
    records = pool_of(learner, rng, 30)
    model = clone(learner).partial_fit(**records.given)
    for i in range(len(records)):
        one = records.take([i])
        refit = refit_without(learner, records, i)
        with np.errstate(all="ignore"):
            try:
                expected = refit.predict(one.X)
            except ValueError as error:
                with pytest.raises(UndefinedAttributeError) as caught:
                    leave_one_out(model, **one.given)
                assert str(error).rstrip(".") in str(caught.value)
                assert caught.value.row == 0
            else:
                assert leave_one_out(model, **one.given).tobytes() == expected.tobytes()


# ------------------------------------------------------------------ quick paths, beside the general one


@pytest.mark.filterwarnings("ignore")
@crossed(7, learner=QUICK + SLOW, level=range(3))
def test_quick_paths_give_what_forgetting_gives(learner, level, forgotten):
    records = records_of(learner, np.random.default_rng(level), 18, level)
    model = clone(learner).partial_fit(**records.given)
    for response in RESPONSES:
        if hasattr(type(model), response) or hasattr(model, response):
            assert outcome(model, records, response) == forgotten(model, records, response), response


@over(QUICK)
def test_quick_paths_are_taken(learner, no_forgetting):
    records = tame(learner, weighted=False)
    model = clone(learner).partial_fit(**records.given)
    for response in ("predict", "predict_proba", "decision_function", "score", "coef_", "theta_", "n_features_in_"):
        if hasattr(model, response) and not (response == "score" and records.y.dtype.kind == "f"):
            assert len(leave_one_out(model, response=response, **records.given)) == len(records)


@crossed(4, n_features=[1, 2, 7, 8, 9, 31, 127, 128, 129, 300], n_classes=[1, 2, 9, 17])
def test_sums_over_features_and_classes_are_those_of_single_rows(n_features, n_classes, forgotten):
    """numpy adds in blocks of 8 and 128: a row among others must be added as one on its own."""
    rng = np.random.default_rng(n_features)
    y = rng.permutation(np.arange(3 * n_classes) % n_classes)
    records = Records(rng.normal(size=(len(y), n_features)) * 10.0 ** rng.integers(-3, 3, n_features), y, None)
    model = GaussianNB(var_smoothing=0.5).fit(records.X, y)
    for response in ("predict_joint_log_proba", "predict_proba"):
        assert outcome(model, records, response) == forgotten(model, records, response)


@crossed(3, order=["C", "F"], kind=[np.float64, np.float32, np.int64, np.uint8, bool])
def test_rows_are_predicted_from_as_they_lie_in_memory(order, kind, forgotten):
    rng = np.random.default_rng(0)
    X = np.asarray((rng.normal(size=(30, 41)) * 9 + 50).astype(kind), order=order)
    for learner, y in (
        (Ridge(), rng.normal(size=30)),
        (Ridge(alpha=[1.0, 3.0]), rng.normal(size=(30, 2))),
        (RidgeClassifier(), np.arange(30) % 2),
        (RidgeClassifier(), np.array(["a", "bb", "c"])[np.arange(30) % 3]),
    ):
        model, records = clone(learner).fit(X, y), Records(X, y, None)
        found = leave_one_out(model, X, y)
        assert frozen(found) == forgotten(model, records, "predict")
        with model.without(X[5:6], y[5:6]):
            assert found[5].tobytes() == model.predict(X[5:6])[0].tobytes()


def test_more_rows_than_are_taken_at_once(forgotten):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)).round(1), rng.integers(0, 3, 300)
    y[[0, 255, 256, 299]] = [7, 8, 8, 9]  # two classes of one row
    records = Records(X, y, None)
    for learner in (GaussianNB(), RidgeClassifier()):
        model = clone(learner).fit(X, y)
        assert outcome(model, records, "predict") == forgotten(model, records, "predict")


def test_subclasses_answer_as_they_do():
    class Backwards(GaussianNB):
        def predict(self, X):
            return super().predict(X)[::-1] + 10

    X, y = load_iris(return_X_y=True)
    found = leave_one_out(Backwards().fit(X, y), X[:9], y[:9])
    assert (found == leave_one_out(GaussianNB().fit(X, y), X[:9], y[:9]) + 10).all()


# ------------------------------------------------------------------ what is returned


def test_a_class_that_goes_has_probability_0():
    X, y = np.array([[0.0], [1.0], [5.0], [6.0], [20.0]]), np.array(["a", "a", "b", "b", "c"])
    model = GaussianNB().fit(X, y)
    found = leave_one_out(model, X, y, response="predict_proba")
    refit = GaussianNB().fit(X[:4], y[:4])
    assert found.shape == (5, 3)
    assert found[4].tolist() == [*refit.predict_proba(X[4:])[0], 0.0]
    logs = leave_one_out(model, X, y, response="predict_log_proba")
    assert logs[4].tolist() == [*refit.predict_log_proba(X[4:])[0], np.finfo(float).min]
    assert leave_one_out(model, X, y)[4] == "b"


def test_answers_of_several_shapes_are_objects():
    X, y = np.array([[0.0], [1.0], [5.0], [6.0], [20.0]]), np.array([0, 0, 1, 1, 2])
    found = leave_one_out(GaussianNB().fit(X, y), X, y, response="theta_")
    assert found.dtype == object
    assert [part.shape for part in found] == [(3, 1)] * 4 + [(2, 1)]
    colours = np.array([["red"], ["red"], ["green"]], object)
    found = leave_one_out(OneHotEncoder(sparse_output=False).fit(colours), colours[:2], response="categories_")
    assert [[part.tolist() for part in row] for row in found] == [[["green", "red"]]] * 2


def test_sparse_and_frames():
    rng = np.random.default_rng(0)
    X, y = sp.random_array((20, 6), density=0.4, rng=rng, format="coo"), np.arange(20) % 2
    dense = X.toarray()
    for learner in (MultinomialNB(), Ridge()):
        expected = leave_one_out(clone(learner).fit(dense, y), dense, y)
        refit = clone(learner).fit(X.tocsr()[1:], y[1:])
        for kind in (X, X.tocsr(), X.tocsc()):
            found = leave_one_out(clone(learner).fit(kind, y), kind, y)
            assert np.allclose(found, expected, rtol=1e-12)
            assert found[0].tobytes() == refit.predict(X.tocsr()[:1])[0].tobytes()
    frame = pd.DataFrame({"age": rng.integers(20, 60, 20).astype(float), "port": rng.choice(["S", "C"], 20)})
    model = TableModel(MixedNB()).fit(frame, y)
    columns = {name: frame[name].to_numpy() for name in frame}
    assert (leave_one_out(model, frame, y) == leave_one_out(model, columns, y)).all()
    encoded = leave_one_out(OneHotEncoder().fit(frame[["port"]]), frame[["port"]], response="transform")
    assert sp.issparse(encoded)
    assert encoded.shape == (20, 2)
    shown = leave_one_out(StandardScaler().set_output(transform="pandas").fit(dense), dense, response="transform")
    assert shown.shape == dense.shape
    named = pd.DataFrame(dense, columns=list("abcdef"))
    assert leave_one_out(Ridge().fit(named, y), named, pd.Series(y)).shape == (20,)


def test_lists_weights_and_some_of_the_rows():
    X, y, w = [[1.0], [2.0], [3.0], [5.0]], [1.0, 2.0, 3.0, 8.0], [1.0, 2.0, 0.0, 0.5]
    model = LinearRegression().fit(X, y, w)
    found = leave_one_out(model, X[1:], y[1:], sample_weight=w[1:])
    for row, i in zip(found, (1, 2, 3), strict=True):
        others = [j for j in range(4) if j != i]
        refit = LinearRegression().fit(*([values[j] for j in others] for values in (X, y, w)))
        assert row == refit.predict([X[i]])[0]
    assert leave_one_out(LinearRegression().fit(X, y, [2.0] * 4), X, y, sample_weight=2.0).shape == (4,)
    assert leave_one_out(model, X, y, sample_weight=w, response="n_records_").tolist() == [3] * 4


def test_the_model_may_be_inside_without():
    X, y = load_iris(return_X_y=True)
    model = GaussianNB().fit(X, y)
    with model.without(X[100:], y[100:]):
        found = leave_one_out(model, X[:5], y[:5], response="predict_proba")
    expected = leave_one_out(GaussianNB().fit(X[:100], y[:100]), X[:5], y[:5], response="predict_proba")
    assert found.tobytes() == expected.tobytes()


# ------------------------------------------------------------------ what is refused, and what ends it early


def test_rows_are_checked_before_anything_is_computed():
    X, y = load_iris(return_X_y=True)
    model, told = GaussianNB().fit(X, y), []
    altered = X.copy()
    altered[140, 2] = np.nextafter(altered[140, 2], 9)
    with unchanged(model), pytest.raises(NotLearnedError) as caught:
        leave_one_out(model, altered, y, progress=told.append)
    assert caught.value.row == 140
    assert not told
    with pytest.raises(NotLearnedError):
        leave_one_out(model, X[[0] * 20], y[[0] * 20])  # more often than it is held


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        (UnsupportedError, {"model": 3}),
        (ParameterError, {"response": "fit"}),
        (ParameterError, {"response": "forget"}),
        (ParameterError, {"response": "coefs"}),
        (ParameterError, {"response": "coef_"}),
        (ParameterError, {"response": "_state"}),
        (ParameterError, {"response": "transform"}),
        (ParameterError, {"response": 3}),
        (ParameterError, {"progress": 3}),
        (ShapeError, {"X": [0.0, 1.0], "y": 0}),
        (ShapeError, {"X": [0.0, 1.0], "y": [0]}),
        (ShapeError, {"y": None}),
        (ShapeError, {"y": [0]}),
    ],
)
def test_refusals(error, changed):
    X, y = [[0.0, 1.0], [3.0, 4.0], [5.0, 7.0]], [0, 1, 1]
    model = GaussianNB().fit(X, y)
    with unchanged(model), pytest.raises(error):
        leave_one_out(**{"model": model, "X": X, "y": y} | changed)


def test_a_row_without_which_there_is_no_model_is_named():
    X, y = np.arange(12.0).reshape(6, 2) ** 2, [0, 0, 0, 0, 0, 1]
    model = LogisticRegression().fit(X, y)
    with unchanged(model), pytest.raises(UndefinedAttributeError, match=r"Without row 5 \(counted from 0\)") as caught:
        leave_one_out(model, X, y)
    assert caught.value.row == 5
    with pytest.raises(UndefinedAttributeError, match="no rows") as caught:
        leave_one_out(Ridge().fit([[1.0]], [1.0]), [[1.0]], [1.0])
    assert caught.value.row == 0


@pytest.mark.parametrize("learner", [GaussianNB(), Ridge(), NearestCentroid(), LogisticRegression()], ids=str)
def test_progress_is_told_and_may_end_the_work(learner):
    records = tame(learner)
    model, told = clone(learner).fit(**records.given), []

    def stop(rows):
        told.append(rows)
        if len(told) == 7:
            raise KeyboardInterrupt

    with unchanged(model):
        with pytest.raises(KeyboardInterrupt):
            leave_one_out(model, **records.given, progress=stop)
        told.clear()
        leave_one_out(model, **records.given, progress=told.append)
    assert sum(told) == len(records)


def test_another_thread_uses_the_model_meanwhile():
    X, y = load_iris(return_X_y=True)
    model = GaussianNB().fit(X, y)
    expected, before = leave_one_out(model, X, y), snapshot(model)
    going, errors = threading.Event(), []

    def update():
        while not going.is_set():
            try:
                model.forget(X[0], y[0]).partial_fit(X[0], y[0])
            except Exception as error:
                errors.append(error)

    copied = copy.deepcopy(model)
    thread = threading.Thread(target=update)

    def start(rows):
        if not thread.is_alive() and not going.is_set():
            thread.start()

    assert (leave_one_out(model, X, y, progress=start) == expected).all()
    going.set()
    thread.join()
    assert not errors
    assert snapshot(model) == before == snapshot(copied)
