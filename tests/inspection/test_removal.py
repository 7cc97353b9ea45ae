"""Scores as rows go one after another: those of refits, byte for byte."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import get_scorer, make_scorer, mean_absolute_error

from sqlearn import NotLearnedError, ParameterError, SqlearnError, UnsupportedError
from sqlearn.covariance import LedoitWolf
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.inspection import removal_curve, suspects
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB

ROWS, LABELS = load_iris(return_X_y=True)
X, Y, ASKED, TRUE = ROWS[::2], LABELS[::2].copy(), ROWS[1::2], LABELS[1::2]
Y[[3, 20, 30, 55, 70]] = 1, 2, 2, 0, 0


def refitted(learner, gone, y=Y):
    return clone(learner).fit(np.delete(X, gone, axis=0), np.delete(y, gone))


@pytest.mark.parametrize("learner", [GaussianNB(), LogisticRegression(), Ridge()], ids=str)
def test_each_score_is_that_of_a_refit(learner):
    model = clone(learner).fit(X, Y)
    before = model.digest()
    curve = removal_curve(model, X, Y, ASKED, TRUE, steps=[0, 3, 4, 20])
    assert model.digest() == before
    assert curve.removed.tolist() == [0, 3, 4, 20]
    assert curve.order.tolist() == suspects(model, X, Y).order.tolist()
    expected = [refitted(learner, curve.order[:k]).score(ASKED, TRUE) for k in (0, 3, 4, 20)]
    assert curve.score.tobytes() == np.array(expected).tobytes()


def test_the_worst_rows_are_worth_forgetting():
    curve = removal_curve(LinearDiscriminantAnalysis().fit(X, Y), X, Y, ASKED, TRUE, steps=[0, 5])
    assert curve.score[1] > curve.score[0]


def test_an_order_of_ones_own():
    order = np.random.default_rng(0).permutation(len(X))[:30]
    model = Ridge().fit(X, Y)
    by_error = make_scorer(mean_absolute_error, greater_is_better=False)
    for scoring in ("neg_mean_absolute_error", by_error):
        curve = removal_curve(model, X, Y, ASKED, TRUE, order=order, steps=4, scoring=scoring)
        assert curve.removed.tolist() == [0, 5, 10, 15] and curve.order.tolist() == order.tolist()
        expected = -mean_absolute_error(TRUE, refitted(Ridge(), order[:15]).predict(ASKED))
        assert curve.score[-1] == expected
    assert removal_curve(model, X, Y, ASKED, TRUE, order=[5], steps=[1]).removed.tolist() == [1]
    assert removal_curve(model, X, Y, ASKED, TRUE, order=[5]).removed.tolist() == [0]


def test_without_labels():
    model = LedoitWolf().fit(X)
    curve = removal_curve(model, X, None, ASKED, None, order=[4, 9], steps=[0, 2])
    assert curve.score[1] == LedoitWolf().fit(np.delete(X, [4, 9], axis=0)).score(ASKED)


def test_rows_that_leave_no_model():
    """Where nothing can be scored, the score is NaN, and the curve goes on."""
    y = (Y > 0).astype(int)
    order = np.argsort(y, kind="stable")
    curve = removal_curve(
        LogisticRegression().fit(X, y), X, y, ASKED, (TRUE > 0).astype(int), order=order, steps=[0, 26, len(y)]
    )
    assert np.isfinite(curve.score[0]) and np.isnan(curve.score[-1])
    assert np.isnan(curve.score[1]) == (np.sum(y == 0) <= 26)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc"])
def test_a_class_that_goes_leaves_the_scores_before(scoring):
    y = (Y > 0).astype(int)
    order = np.argsort(y, kind="stable")
    last = int(np.sum(y == 0))
    asked = ASKED, (TRUE > 0).astype(int)
    model = GaussianNB().fit(X, y)
    curve = removal_curve(model, X, y, *asked, order=order, steps=[0, 3, last, last + 1], scoring=scoring)
    expected = [get_scorer(scoring)(refitted(GaussianNB(), order[:k], y), *asked) for k in (0, 3)]
    assert curve.score[:2].tolist() == expected and np.isnan(curve.score[2:]).all()
    assert np.isfinite(removal_curve(model, X, y, *asked, order=order, steps=[last]).score).all()

    def broken(model, rows, labels):
        if len(rows) and model.class_count_.sum() < len(X):
            raise ValueError("of the scorer's own")
        return 1.0

    with pytest.raises(ValueError, match="scorer's own"):  # no class has gone
        removal_curve(model, X, y, *asked, order=order, steps=[0, 3], scoring=broken)


def test_one_row():
    model = Ridge().fit(X[:1], Y[:1])
    curve = removal_curve(model, X[:1], Y[:1], ASKED, TRUE, steps=[0, 1])
    assert curve.order.tolist() == [0] and np.isfinite(curve.score[0]) and np.isnan(curve.score[1])


def test_weighted_rows_and_progress():
    weights = np.random.default_rng(1).integers(1, 5, len(X)).astype(float)
    model, told = Ridge().fit(X, Y, weights), []
    curve = removal_curve(
        model, X, Y, ASKED, TRUE, order=[8, 3, 5], steps=[2, 3], sample_weight=weights, progress=told.append
    )
    left = np.delete(np.arange(len(X)), [8, 3])
    assert curve.score[0] == Ridge().fit(X[left], Y[left], weights[left]).score(ASKED, TRUE)
    assert told == [2, 1]


def test_refusals():
    model = GaussianNB().fit(X, Y)
    before = model.digest()
    with pytest.raises(ParameterError, match=r"attribute order, suspects\(model"):
        removal_curve(model, X, Y, ASKED, TRUE, order=suspects(model, X[:3], Y[:3]))
    for order in ([], [0.5], [[1]], [-1], [len(X)], [3, 4, 3], "worst"):
        with pytest.raises(ParameterError, match="order"):
            removal_curve(model, X, Y, ASKED, TRUE, order=order)
    for steps in (0, -1, True, 2.5, [], [-1], [len(X) + 1], [0.5], "all"):
        with pytest.raises(ParameterError, match="steps"):
            removal_curve(model, X, Y, ASKED, TRUE, steps=steps)
    with pytest.raises(NotLearnedError) as swapped:
        removal_curve(model, X + 1, Y, ASKED, TRUE)
    assert "rows that the model holds come first" in swapped.value.__notes__[0]
    with pytest.raises(SqlearnError):
        removal_curve(model, X, Y, ASKED[:, 1:], TRUE, progress=pytest.fail)  # before anything is ranked
    with pytest.raises(ValueError, match="scoring"):
        removal_curve(model, X, Y, ASKED, TRUE, scoring="best")
    with pytest.raises(UnsupportedError):
        removal_curve(None, X, Y, ASKED, TRUE)
    assert model.digest() == before
