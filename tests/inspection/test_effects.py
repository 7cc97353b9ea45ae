"""What goes with a row or a group: differences between a model and its refits, byte for byte."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone, is_classifier

from learners import LEARNERS, crossed, over_each
from records import tame
from refusals import NO_TARGET, NOT_FINITE, SHAPE, raises
from sqlearn import NotLearnedError, ParameterError, UndefinedAttributeError, UnknownLabelError, UnsupportedError
from sqlearn.compose import TextModel
from sqlearn.decomposition import PCA
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.inspection import influence, self_influence
from sqlearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier, NearestCentroid

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 3)).round(2)
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.3)
T = X @ [1.0, -2.0, 0.5] + RNG.normal(size=40)
ASKED, LABELS, TARGETS = RNG.normal(size=(9, 3)), RNG.integers(0, 3, 9), RNG.normal(size=9)
GROUPS = RNG.integers(0, 4, 40)
SUPERVISED = [learner for learner in LEARNERS if hasattr(learner, "predict") and learner.target is not None]


def value(model, mode, classifies, asked=ASKED):
    """Losses or predictions of the test rows, from a model's own methods: written out."""
    if not classifies:
        found = model.predict(asked)
        return 0.5 * (TARGETS - found) ** 2 if mode == "loss" else found
    own = [model.classes_.tolist().index(label) if label in model.classes_ else None for label in LABELS.tolist()]
    if hasattr(model, "predict_proba"):
        if mode == "loss" and hasattr(model, "predict_log_proba"):
            table = model.predict_log_proba(asked)
        else:
            table = model.predict_proba(asked)
            table = np.log(table) if mode == "loss" else table
        least = np.log(5e-324) if mode == "loss" else 0.0
        found = np.array([least if k is None else row[k] for row, k in zip(table, own, strict=True)])
        found[np.isneginf(found)] = least
        return -found if mode == "loss" else found
    table = model.decision_function(asked)
    if mode == "loss":
        ideal = np.where(np.arange(3) == LABELS[:, None], 1.0, -1.0)
        return (0.5 * (ideal - table) ** 2).sum(axis=1)
    return table[np.arange(9), LABELS]


CASES = [
    (LinearRegression(), T),
    (Ridge(alpha=0.5), T),
    (GaussianNB(), Y),
    (LogisticRegression(), Y),
    (LinearDiscriminantAnalysis(), Y),
    (RidgeClassifier(), Y),
    (NearestCentroid(), Y),
]


@crossed(2, case=CASES, mode=["loss", "prediction"])
def test_each_column_is_a_difference_of_refits(case, mode):
    learner, y = case
    model, classifies = clone(learner).fit(X, y), is_classifier(learner)
    given = LABELS if classifies else TARGETS
    whole, before = value(model, mode, classifies), model.digest()
    found = influence(model, X, y, ASKED, given, mode=mode)
    assert found.shape == (9, 40) and model.digest() == before
    by_group = influence(model, X, y, ASKED, given, mode=mode, groups=GROUPS)
    assert by_group.shape == (9, 4)
    for matrix, parts in ((found, range(40)), (by_group, [np.flatnonzero(GROUPS == group) for group in range(4)])):
        for column, part in zip(matrix.T, parts, strict=True):
            refit = clone(learner).fit(np.delete(X, part, axis=0), np.delete(y, part))
            left = value(refit, mode, classifies)
            expected = left - whole if mode == "loss" else whole - left
            assert column.tobytes() == expected.tobytes(), part


def test_signs():
    """A row that helps has a positive influence on the loss, one that raises a prediction has one on predictions."""
    x, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 9.0]
    model = LinearRegression().fit(x, y)
    assert influence(model, x, y, [[4.0]], [4.0])[0, 3] < 0.0 < influence(model, x, y, [[4.0]], [9.0])[0, 3]
    assert influence(model, x, y, [[4.0]], None, mode="prediction")[0, 3] > 0.0
    model = KNeighborsClassifier(1).fit([[0.0], [5.0], [6.0]], ["a", "b", "b"])
    found = influence(model, [[0.0], [5.0], [6.0]], ["a", "b", "b"], [[0.5]], ["a"])
    assert found[0].tolist() == [-np.log(5e-324), 0.0, 0.0]  # a probability of 0 is finite


def test_several_targets():
    y = np.c_[T, -T]
    model = Ridge().fit(X, y)
    losses = influence(model, X[:5], y[:5], ASKED, np.c_[TARGETS, TARGETS])
    refit = Ridge().fit(X[1:], y[1:])
    expected = [0.5 * (np.c_[TARGETS, TARGETS] - m.predict(ASKED)) ** 2 for m in (refit, model)]
    assert losses[:, 0].tobytes() == (expected[0].sum(axis=1) - expected[1].sum(axis=1)).tobytes()
    predictions = influence(model, X[:5], y[:5], ASKED, None, mode="prediction")
    assert predictions.shape == (9, 5, 2)
    assert predictions[:, 0].tobytes() == (model.predict(ASKED) - refit.predict(ASKED)).tobytes()


@over_each(SUPERVISED)
def test_the_diagonal_is_the_influence_on_oneself(learner):
    records = tame(learner)
    if np.ndim(records.y) > 1:
        return
    model = clone(learner).fit(**records.given)
    part = records.take([0, 5, 9]).given
    named = {name: value for name, value in part.items() if name == "sample_weight"}
    found = influence(model, part["X"], part["y"], part["X"], part["y"], **named)
    np.testing.assert_allclose(np.diag(found), self_influence(model, **part), rtol=1e-6, atol=1e-9)


def test_a_class_that_goes_with_its_group():
    model = GaussianNB().fit(X, Y)
    found = influence(model, X, Y, ASKED, LABELS, groups=Y, mode="prediction")
    of_class = LABELS == 2
    assert found[of_class, 2].tobytes() == model.predict_proba(ASKED)[of_class, 2].tobytes()
    losses = influence(RidgeClassifier().fit(X, Y), X, Y, ASKED, LABELS, groups=Y)
    assert np.isfinite(losses).all()


def test_groups_by_name_and_rows_of_any_kind():
    names = np.array(["Berne", "Arles", "Delft", "Cadiz"])[GROUPS]
    frame, asked = pd.DataFrame(X, columns=list("abc")), pd.DataFrame(ASKED, columns=list("abc"))
    model = Ridge().fit(frame, T)
    found = influence(model, frame, pd.Series(T), asked, TARGETS, groups=pd.Series(names))
    numbered = influence(Ridge().fit(X, T), X, T, ASKED, TARGETS, groups=GROUPS)
    np.testing.assert_allclose(found, numbered[:, [1, 0, 3, 2]], rtol=1e-9)  # sorted by name; products in another order
    counts = RNG.integers(0, 4, (20, 5)).astype(float)
    y = np.arange(20) % 2
    dense, sparse = (
        influence(MultinomialNB().fit(form(counts), y), form(counts), y, form(counts[:3]), y[:3])
        for form in (np.asarray, sp.csr_array)
    )
    np.testing.assert_allclose(dense, sparse, rtol=1e-9, atol=1e-12)  # products in another order
    texts = ["free prize", "free cash", "at lunch", "lunch now"]
    model = TextModel(MultinomialNB()).fit(texts, [1, 1, 0, 0])
    assert influence(model, texts, [1, 1, 0, 0], ["free lunch"], [1]).shape == (1, 4)


@pytest.mark.parametrize("scale", [1e-300, 1e12, 1e140])
def test_hard_values(scale):
    rows = X * scale
    rows[3], rows[4], rows[5] = rows[2], -rows[6], -0.0
    model = Ridge(alpha=1e-3).fit(rows, T)
    found = influence(model, rows, T, ASKED * scale, TARGETS)
    whole = value(model, "loss", False, ASKED * scale)
    for i in range(8):
        refit = Ridge(alpha=1e-3).fit(np.delete(rows, i, axis=0), np.delete(T, i))
        assert found[:, i].tobytes() == (value(refit, "loss", False, ASKED * scale) - whole).tobytes()


def test_refusals():
    model = GaussianNB().fit(X, Y)
    before = model.digest()
    with pytest.raises(ParameterError, match="mode"):
        influence(model, X, Y, ASKED, LABELS, mode="losses")
    with raises(NO_TARGET):
        influence(model, X, Y, ASKED, None, mode="prediction")
    for asked in (ASKED[:0], ASKED[:, :2], ASKED * np.nan):
        with pytest.raises(ValueError) as unfit:
            influence(model, X, Y, asked, LABELS[: len(asked)])
        assert unfit.value.__notes__ == ["This was found in X_test."]
    with raises(SHAPE, match="y_test"):
        influence(model, X, Y, ASKED, LABELS[:-1])
    with pytest.raises(UnknownLabelError, match="y_test"):
        influence(model, X, Y, ASKED, LABELS + 1)
    with pytest.raises(NotLearnedError) as swapped:
        influence(model, ASKED, LABELS, X, Y)
    assert "rows that the model holds come first" in swapped.value.__notes__[0]
    for groups in (GROUPS[:-1], GROUPS[:, None], "a"):
        with raises(SHAPE, match="groups"):
            influence(model, X, Y, ASKED, LABELS, groups=groups)
    with pytest.raises(ParameterError, match="sorted"):  # and not as if 1 were "1"
        influence(model, X, Y, ASKED, LABELS, groups=[1, "a"] * 20)
    with pytest.raises(ParameterError, match="sorted"):
        influence(model, X, Y, ASKED, LABELS, groups=np.array([1, "a"] * 20, object))
    with pytest.raises(UnsupportedError):
        influence(PCA().fit(X), X, Y, ASKED, LABELS)
    with raises(NOT_FINITE, match="row 4"):
        influence(Ridge().fit(X, T), X, T, ASKED, np.where(np.arange(9) == 4, np.nan, TARGETS))
    with pytest.raises(UndefinedAttributeError, match=r"row \d+ and \d+ more"):
        influence(LogisticRegression().fit(X, Y > 0), X, Y > 0, ASKED, LABELS > 0, groups=Y > 0)
    assert model.digest() == before


def test_progress_is_told():
    told = []
    influence(Ridge().fit(X, T), X, T, ASKED, TARGETS, groups=GROUPS, progress=told.append)
    assert told == np.bincount(GROUPS).tolist()
