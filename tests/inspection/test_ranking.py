"""Rows ranked by what models say that never saw them: from refits, byte for byte."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss

from learners import LEARNERS, crossed, over_each
from records import tame
from refusals import NO_TARGET, SHAPE, raises
from sqlearn import NotLearnedError, ParameterError, UnknownLabelError, UnsupportedError
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel, TextModel, make_column_transformer
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sqlearn.inspection import find_mislabeled, leave_one_out, self_influence, suspects
from sqlearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier, NearestCentroid
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder, StandardScaler
from sqlearn.svm import LinearSVC

RNG = np.random.default_rng(0)
X = RNG.normal(size=(45, 3)).round(2)
Y = (X[:, 0] + 0.3 * RNG.normal(size=45) > 0).astype(int) + 2 * (X[:, 1] > 1)
WRONG = [4, 17]
NAMES = np.array(["ash", "beech", "cedar", "dogwood"])
Y[WRONG] = (Y[WRONG] + 1) % 3
SUPERVISED = [learner for learner in LEARNERS if hasattr(learner, "predict") and learner.target is not None]


def refits(learner, X, y):
    """A refit without each row, and the row and its label."""
    for i in range(len(y)):
        kept = np.arange(len(y)) != i
        yield clone(learner).fit(X[kept], y[kept]), X[i : i + 1], y[i]


def alone(model, rows):
    """A regressor's answers about each row alone."""
    return np.array([model.predict(rows[i : i + 1])[0] for i in range(len(rows))])


def margins(model, rows, labels):
    """By how much the best other class beats each row's own, in a model's answers: written out."""
    classes = model.classes_.tolist()
    methods = ("decision_function", "predict_proba", "predict")
    if hasattr(model, "predict_joint_log_proba"):
        methods = ("predict_log_proba",)
    method = next(name for name in methods if hasattr(model, name))
    found = []
    answers = [getattr(model, method)(rows[i : i + 1])[0] for i in range(len(rows))]
    for answer, label in zip(answers, labels, strict=True):
        if method == "predict":
            found.append(1.0 if answer != label else -1.0)
        elif np.ndim(answer) == 0:
            found.append(-answer if label == classes[1] else answer)
        else:
            own = answer[classes.index(label)]
            found.append(max(value for k, value in enumerate(answer) if classes[k] != label) - own)
    return np.array(found)


def scores(learner, X, y):
    """Means of the margins of refits without each row, and of the model with all of them."""
    without = [margins(refit, row, [label])[0] for refit, row, label in refits(learner, X, y)]
    return (np.array(without) + margins(clone(learner).fit(X, y), X, y)) * 0.5


CLASSIFIERS = [
    GaussianNB(),
    RidgeClassifier(),
    LogisticRegression(C=2.0),
    LinearDiscriminantAnalysis(),
    LinearSVC(),
    NearestCentroid(),
    KNeighborsClassifier(3),
    RandomForestClassifier(5, random_state=0),
    HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2),
    VotingClassifier([("a", GaussianNB()), ("b", RidgeClassifier())]),
    make_pipeline(StandardScaler(), LogisticRegression()),
]


@crossed(4, learner=CLASSIFIERS, classes=[2, 3])
def test_scores_and_labels_of_classifiers_are_those_of_refits(learner, classes):
    y = NAMES[np.minimum(Y, classes - 1)]
    model = clone(learner).fit(X, y)
    before = model.digest()
    found = suspects(model, X, y)
    assert model.digest() == before and len(found) == len(y)
    assert found.score.tobytes() == scores(learner, X, y).tobytes()
    assert found.label.tolist() == [refit.predict(row)[0] for refit, row, _ in refits(learner, X, y)]
    assert found.label.dtype == model.classes_.dtype and found.given.tolist() == y.tolist()
    assert found.order.tolist() == sorted(range(len(y)), key=lambda i: (-found.score[i], i))


def test_errors_of_regressors_are_those_of_refits():
    y = X @ [1.0, -2.0, 0.5]
    y[7] += 9.0
    found = suspects(Ridge().fit(X, y), X, y)
    expected = np.array([refit.predict(row)[0] for refit, row, _ in refits(Ridge(), X, y)])
    assert found.label.tobytes() == expected.tobytes() == leave_one_out(Ridge().fit(X, y), X, y).tobytes()
    errors = np.abs(y - expected), np.abs(y - alone(Ridge().fit(X, y), X))
    assert found.score.tobytes() == (0.5 * (errors[0] + errors[1])).tobytes()
    assert found.order[0] == 7
    both = suspects(Ridge().fit(X, np.c_[y, 1e9 * y[::-1]]), X, np.c_[y, 1e9 * y[::-1]])
    assert set(both.order[:2].tolist()) == {7, len(y) - 8}  # whatever the units
    assert both.label.shape == (len(y), 2) and "(" in repr(both)
    assert both.to_frame().columns.tolist() == ["score", "given_0", "given_1", "label_0", "label_1"]


WIDE = np.random.default_rng(5).normal(size=(80, 60))
WEIGHTS = np.random.default_rng(6).normal(size=(60, 3))
NOISY = WIDE @ WEIGHTS + np.random.default_rng(7).normal(size=(80, 3))


@pytest.mark.parametrize(
    "learner, y",
    [
        (Ridge(), NOISY[:, 0]),
        (Ridge(), NOISY),
        (RidgeClassifier(), np.arange(80) % 3),
        (LogisticRegression(), NAMES[np.arange(80) % 2]),
        (GaussianNB(), np.arange(80) % 3),
    ],
    ids=lambda case: str(case)[:24],
)
@pytest.mark.crossed(2)
def test_scores_depend_neither_on_other_rows_nor_on_their_order(learner, y):
    model = clone(learner).fit(WIDE, y)
    found, own = suspects(model, WIDE, y), self_influence(model, WIDE, y)
    order = np.random.default_rng(8).permutation(80)
    again = suspects(model, WIDE[order], y[order])
    assert again.score.tobytes() == found.score[order].tobytes()
    assert self_influence(model, WIDE[order], y[order]).tobytes() == own[order].tobytes()
    for i in range(0, 80, 8):
        one = slice(i, i + 1)
        assert self_influence(model, WIDE[one], y[one]).tobytes() == own[one].tobytes()
        if y.ndim == 1:  # errors of several targets are divided by those of the rows asked about
            assert suspects(model, WIDE[one], y[one]).score.tobytes() == found.score[one].tobytes()


@over_each(SUPERVISED)
def test_every_learner_that_predicts_ranks(learner):
    records = tame(learner)
    model = clone(learner).fit(**records.given)
    part = records.take([0, 5, 9])
    if np.ndim(records.y) > 1:
        with raises(SHAPE, match="several labels"):
            suspects(model, **part.given)
        return
    before = model.digest()
    found, own = suspects(model, **part.given), self_influence(model, **part.given)
    assert sorted(found.order.tolist()) == [0, 1, 2] and np.isfinite(own).all()
    assert found.label.tolist() == leave_one_out(model, **part.given).tolist()
    assert model.digest() == before


def test_ties_are_broken_by_position():
    model = KNeighborsClassifier(1).fit(np.repeat([[0.0], [5.0]], 4, axis=0), [0, 0, 1, 1, 0, 0, 1, 1])
    found = suspects(model, np.repeat([[0.0], [5.0]], 4, axis=0), [0, 0, 1, 1, 0, 0, 1, 1])
    for score in np.unique(found.score):
        tied = found.order[found.score[found.order] == score]
        assert (np.diff(tied) > 0).all()


def test_the_last_row_of_a_class_comes_first():
    rows, y = np.vstack([X, [[0.1, 0.2, 0.3]]]), np.append(Y, 9)
    for learner in (GaussianNB(), RidgeClassifier(), LogisticRegression(), KNeighborsClassifier(3)):
        found = suspects(learner.fit(rows, y), rows, y)
        assert found.order[0] == len(X) or not hasattr(learner, "decision_function")
        assert found.label[-1] != 9
        assert found.score[-1] == np.inf or type(learner) is KNeighborsClassifier
        assert np.isfinite(self_influence(learner, rows, y)).all()


def test_three_classes_become_two():
    rows, y = np.vstack([X, [[0.1, 0.2, 0.3]]]), np.append(np.minimum(Y, 1), 7)
    model = RidgeClassifier().fit(rows, y)
    found = suspects(model, rows, y)
    assert found.score[-1] == np.inf and found.label[-1] == RidgeClassifier().fit(X, y[:-1]).predict(rows[-1:])[0]
    assert np.isfinite(found.score[:-1]).all()


@pytest.mark.parametrize("scale", [1e-100, 1e-5, 1e12, 1e140])
def test_hard_values(scale):
    rows, y = X * scale, Y.copy()
    rows[3] = rows[2]  # a duplicate
    rows[5] = -rows[4]
    rows[6] = -0.0
    model = GaussianNB().fit(rows, y)
    found = suspects(model, rows, y)
    assert found.score.tobytes() == scores(GaussianNB(), rows, y).tobytes()


def test_subnormal_values_are_not_explained_at_all():
    rows = X * 1e-310
    found = suspects(GaussianNB().fit(rows, Y), rows, Y)
    assert (found.score == np.inf).any() and not np.isnan(found.score).any()


def test_self_influence_is_a_difference_of_losses():
    for learner in (GaussianNB(), LogisticRegression(), KNeighborsClassifier(9)):
        model = clone(learner).fit(X, Y)
        labels = np.unique(Y)
        expected = [
            log_loss([label], refit.predict_proba(row), labels=labels)
            - log_loss([label], model.predict_proba(row), labels=labels)
            for refit, row, label in refits(learner, X, Y)
        ]
        clipped = np.abs(expected) < 20.0  # scikit-learn's loss ends at 36
        np.testing.assert_allclose(self_influence(model, X, Y)[clipped], np.array(expected)[clipped], atol=1e-12)
    y = X @ [1.0, -2.0, 0.5] + RNG.normal(size=len(X))
    model = LinearRegression().fit(X, y)
    left_out = leave_one_out(model, X, y)
    expected = 0.5 * (y - left_out) ** 2 - 0.5 * (y - alone(model, X)) ** 2
    assert self_influence(model, X, y).tobytes() == expected.tobytes()
    assert (expected > 0.0).all()  # of least squares, a row is always better off with itself


def test_mislabeled_rows_are_found():
    rows, y = load_iris(return_X_y=True)
    rows, y, wrong = rows[::2], y[::2], [7, 30, 60]
    y[wrong] = 2, 0, 0
    model = LinearDiscriminantAnalysis().fit(rows, y)
    before = model.digest()
    assert set(wrong) <= set(suspects(model, rows, y).order[:5].tolist())
    size = np.abs(self_influence(model, rows, y))
    found = find_mislabeled(model, rows, y)
    beyond = np.flatnonzero((size - size.mean()) / size.std() > 2.0)
    assert sorted(found.tolist()) == beyond.tolist() and (np.diff(size[found]) <= 0).all()
    assert find_mislabeled(model, rows, y, threshold=2).tolist() == found.tolist()
    assert len(find_mislabeled(model, rows, y, threshold=99.0)) == 0
    other = find_mislabeled(model, rows, y, filter_by="predicted_neq_given")
    assert sorted(other.tolist()) == np.flatnonzero(leave_one_out(model, rows, y) != y).tolist()
    assert (np.diff(suspects(model, rows, y).score[other]) <= 0).all()
    assert model.digest() == before


def test_nothing_stands_out_where_all_are_alike():
    model = LinearRegression().fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    assert find_mislabeled(model, [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]).tolist() == []


def test_rows_in_every_form():
    expected = suspects(GaussianNB().fit(X, Y), X, Y)
    for rows, labels in (
        (X.tolist(), Y.tolist()),
        (pd.DataFrame(X, columns=list("abc")), pd.Series(NAMES[Y])),
        (pl.DataFrame(X, list("abc")), pl.Series(NAMES[Y])),
        (X, Y[:, None]),
    ):
        model = GaussianNB().fit(rows, np.ravel(labels))
        found = suspects(model, rows, labels)
        assert found.score.tobytes() == expected.score.tobytes()
    counts = RNG.integers(0, 4, (30, 6)).astype(float)
    y = RNG.integers(0, 2, 30)
    dense, sparse = (
        suspects(MultinomialNB().fit(form(counts), y), form(counts), y) for form in (np.asarray, sp.csc_matrix)
    )
    np.testing.assert_allclose(dense.score, sparse.score, rtol=1e-9, atol=1e-12)  # products in another order


def test_documents_and_tables():
    spam, ham = (
        ["free prize now", "claim a free prize", "free cash prize"],
        ["lunch now", "see you at lunch", "at home"],
    )
    texts, labels = spam + ham + ["free prize, claim it"], ["spam"] * 3 + ["ham"] * 4
    model = TextModel(MultinomialNB()).fit(texts, labels)
    found = suspects(model, texts, labels)
    assert found.order[0] == 6 and found.label[6] == "spam"
    assert "6" in repr(found).splitlines()[2] and "spam" in repr(found).splitlines()[2]
    table = {"colour": ["red", "blue"] * 6, "size": [1.0, 8.0] * 5 + [2.0, 1.0]}
    labels = np.array([0, 1] * 6)
    labels[4] = 1
    for learner in (
        TableModel(LogisticRegression()),
        make_pipeline(
            make_column_transformer((OneHotEncoder(), ["colour"]), (StandardScaler(), ["size"])), GaussianNB()
        ),
    ):
        frame = pd.DataFrame(table)
        found = suspects(clone(learner).fit(frame, labels), frame, labels)
        assert found.order[0] == 4


def test_weights_are_part_of_a_row():
    weights = RNG.integers(1, 4, len(X)).astype(float)
    model = Ridge().fit(X, X[:, 0], weights)
    found = suspects(model, X, X[:, 0], sample_weight=weights)
    kept = np.arange(1, len(X))
    alone = Ridge().fit(X[kept], X[kept, 0], weights[kept]).predict(X[:1])
    assert found.label[:1].tobytes() == alone.tobytes()
    with pytest.raises(NotLearnedError):
        suspects(model, X, X[:, 0])


def test_progress_is_told():
    model, told = GaussianNB().fit(X, Y), []
    suspects(model, X, Y, progress=told.append)
    assert sum(told) == len(X)

    def stop(rows):
        raise KeyboardInterrupt

    before = model.digest()
    with pytest.raises(KeyboardInterrupt):
        suspects(model, X, Y, progress=stop)
    assert model.digest() == before


@pytest.mark.parametrize("function", [suspects, self_influence, find_mislabeled])
def test_refusals(function):
    model = GaussianNB().fit(X, Y)
    before = model.digest()
    changed = copy.copy(X)
    changed[11, 1] += 1e-9
    with pytest.raises(NotLearnedError) as caught:
        function(model, changed, Y)
    assert caught.value.row == 11
    with pytest.raises(UnknownLabelError) as unknown:
        function(model, X, np.where(np.arange(len(Y)) == 2, 8, Y))
    assert (unknown.value.row, unknown.value.value) == (2, 8)
    with raises(NO_TARGET):
        function(model, X, None)
    for y in (Y[:-1], Y[0], np.c_[Y, Y]):
        with raises(SHAPE):
            function(model, X, y)
    with pytest.raises(UnsupportedError):
        function(KMeans(2).fit(X), X, Y)
    with pytest.raises(UnsupportedError):
        function(load_iris, X, Y)
    with pytest.raises(ParameterError):
        function(model, X, Y, progress=3)
    assert model.digest() == before


def test_refusals_of_what_is_sought():
    model = GaussianNB().fit(X, Y)
    for options in ({"threshold": 0}, {"threshold": "high"}, {"threshold": np.nan}, {"filter_by": "both"}):
        with pytest.raises(ParameterError, match=next(iter(options))):
            find_mislabeled(model, X, Y, **options)
    with pytest.raises(ParameterError, match="filter_by"):
        find_mislabeled(Ridge().fit(X, Y), X, Y, filter_by="predicted_neq_given")


def test_a_frame_of_suspects_and_their_repr():
    found = suspects(GaussianNB().fit(X, NAMES[Y]), X, NAMES[Y])
    frame = found.to_frame()
    assert frame.index.tolist() == found.order.tolist() and frame["score"].is_monotonic_decreasing
    lines = repr(found).splitlines()
    assert lines[0].startswith(f"{len(X)} rows") and lines[-1] == "..." and len(lines) == 13
