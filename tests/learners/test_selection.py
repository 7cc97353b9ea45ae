"""Folds that stay, and scores of the rows left out."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import sklearn.cluster
import sklearn.linear_model
import sklearn.model_selection as theirs
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.metrics import adjusted_rand_score, make_scorer

from laws import assert_same
from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.engine.identity import folds_of
from sqlearn.ensemble import IsolationForest
from sqlearn.errors import DegenerateError, InvalidValueError, ParameterError, ShapeError, SqlearnError
from sqlearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sqlearn.model_selection import GridSearchCV, HashedKFold, cross_val_predict, cross_val_score, cross_validate
from sqlearn.naive_bayes import GaussianNB
from sqlearn.neighbors import KNeighborsRegressor

IRIS = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
ROWS, LABELS = RNG.integers(-3, 4, (60, 3)).astype(float), RNG.integers(0, 3, 60)


@pytest.mark.parametrize(
    "form",
    [np.float32, int, list, object, sp.csr_matrix, pd.DataFrame, pl.DataFrame, np.negative],
    ids=lambda form: form.__name__,
)
def test_equal_rows_share_a_fold_in_every_form(form):
    expected = HashedKFold(7).folds(ROWS, LABELS)
    if form in (np.float32, int, object):
        X = ROWS.astype(form)
    elif form is np.negative:
        X = np.negative(np.negative(ROWS))  # -0.0 among them
    else:
        X = ROWS.tolist() if form is list else form(ROWS)
    for y in (LABELS, LABELS.astype(float), LABELS.tolist(), pd.Series(LABELS), LABELS.astype(object)):
        assert (HashedKFold(7).folds(X, y) == expected).all()


def test_a_fold_depends_on_the_row_alone():
    frame = pd.DataFrame({"a": ROWS[:, 0], "text": [f"t{int(v)}" for v in ROWS[:, 1]]})
    names = np.array(["x", "y", "z"])[LABELS]
    for X, y in ((ROWS, LABELS), (frame, names), (frame["text"].to_list(), None)):
        whole = HashedKFold(4).folds(X, y)
        for i in range(0, 60, 7):
            row = X[i : i + 1] if not isinstance(X, pd.DataFrame) else X.iloc[i : i + 1]
            assert HashedKFold(4).folds(row, None if y is None else y[i : i + 1])[0] == whole[i]
    assert len(np.unique(HashedKFold(4).folds(ROWS, LABELS))) == 4
    assert (HashedKFold(4, key="b").folds(ROWS, LABELS) != HashedKFold(4).folds(ROWS, LABELS)).any()


def test_folds_are_those_of_learners_of_targets():
    """A learner names its records as the splitter does."""
    y = ROWS[:, 0] / 3
    rows = KNeighborsRegressor().fit(ROWS, y).state.statistic.rows
    held = folds_of(rows.digests[: len(ROWS)], 1 << 10)
    assert sorted(held.tolist()) == sorted(HashedKFold(1 << 10).folds(ROWS, y).tolist())


def test_groups_stay_together():
    groups = np.arange(60) // 4
    folds = HashedKFold(3).folds(ROWS, LABELS, groups)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in range(15))
    assert (HashedKFold(3).folds(ROWS, LABELS, [f"g{g}" for g in groups]) != folds).any()


def test_no_deletion_reshuffles():
    splits = list(HashedKFold(3).split(ROWS, LABELS))
    assert sorted(np.concatenate([test for _, test in splits]).tolist()) == list(range(60))
    fewer = list(HashedKFold(3).split(ROWS[1:], LABELS[1:]))
    for (_, test), (_, later) in zip(splits, fewer, strict=True):
        assert (later + 1).tolist() == test[test > 0].tolist()


def test_searches_of_scikit_learn_take_it():
    folds = clone(HashedKFold(3, key="secret"))
    assert "secret" not in repr(folds)
    search = theirs.GridSearchCV(sklearn.linear_model.Ridge(), {"alpha": [1.0, 2.0]}, cv=folds).fit(ROWS, LABELS)
    assert search.n_splits_ == 3
    assert repr(folds) == "HashedKFold(key='***', n_splits=3)"
    assert repr(HashedKFold()) == "HashedKFold()"
    splits = list(folds.split(ROWS, LABELS))
    for kind in (sklearn.linear_model.LassoCV, sklearn.linear_model.RidgeCV):
        ours, listed = (kind(cv=cv).fit(ROWS, LABELS) for cv in (folds, splits))
        assert ours.alpha_ == listed.alpha_
        assert ours.coef_.tobytes() == listed.coef_.tobytes()


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: HashedKFold(1).folds(ROWS), ParameterError, "from 2 to"),
        (lambda: HashedKFold("5").get_n_splits(), ParameterError, "whole number"),
        (lambda: HashedKFold(key=5).folds(ROWS), ParameterError, "key must be"),
        (lambda: list(HashedKFold().split(ROWS[:3])), DegenerateError, "smaller n_splits"),
        (lambda: HashedKFold().folds(ROWS, LABELS[:4]), ShapeError, "inconsistent"),
        (lambda: HashedKFold().folds([["a", object()]]), InvalidValueError, "Row 0"),
        (lambda: list(HashedKFold().split(None)), ShapeError, "X is None"),
        (lambda: cross_val_score(Ridge, ROWS, LABELS), SqlearnError, r"Ridge\(\)"),
        (lambda: cross_val_score(Ridge(), ROWS, LABELS, cv="5"), ParameterError, "cv is"),
        (lambda: cross_val_score(Ridge(), ROWS, LABELS, scoring=["r2"]), ParameterError, "cross_validate"),
        (lambda: cross_val_score(Ridge(), ROWS, LABELS, error_score="no"), ParameterError, "error_score"),
        (lambda: cross_val_score(GaussianNB(), ROWS, LABELS, params={"weight": 1}), ParameterError, "takes no"),
        (lambda: cross_val_score(GaussianNB(), *IRIS, scoring=lambda *_: "x"), ParameterError, "return a number"),
        (lambda: cross_val_predict(Ridge(), ROWS, LABELS, method="predict_proba"), SqlearnError, "no method"),
        (lambda: cross_val_score(Ridge(), ROWS, None), ShapeError, "requires y"),
    ],
    ids=range(15),
)
def test_what_is_refused(call, error, said):
    with pytest.raises(error, match=said):
        call()


@pytest.mark.parametrize(
    "learner", [GaussianNB(), RidgeClassifier(), LogisticRegression(), TableModel(GaussianNB())], ids=repr
)
def test_scores_and_predictions_are_those_of_refits_to_the_bit(learner):
    folds = HashedKFold(4)
    scores = cross_val_score(learner, *IRIS, cv=4)
    assert scores.tolist() == theirs.cross_val_score(learner, *IRIS, cv=folds).tolist()
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(learner, method):
            ours = cross_val_predict(learner, *IRIS, cv=4, method=method)
            assert ours.tobytes() == theirs.cross_val_predict(learner, *IRIS, cv=folds, method=method).tobytes()
    assert "_state" not in vars(learner)


def test_cross_validate_returns_what_scikit_learns_does():
    X, y = IRIS
    options = {
        "scoring": ["r2", "neg_mean_squared_error"],
        "return_train_score": True,
        "return_estimator": True,
        "return_indices": True,
        "params": {"sample_weight": np.arange(1.0, 151.0)},
    }
    ours = cross_validate(Ridge(), X, y, cv=3, **options)
    expected = theirs.cross_validate(Ridge(), X, y, cv=HashedKFold(3), **options)
    assert ours.keys() == expected.keys()
    for name in ours:
        if name.startswith(("test", "train")):
            assert ours[name].tolist() == expected[name].tolist()
    for model, other in zip(ours["estimator"], expected["estimator"], strict=True):
        assert model.digest() == other.digest()


def test_what_scikit_learn_does_is_left_to_it():
    X, y = IRIS
    plain = sklearn.linear_model.Ridge()
    assert cross_val_score(plain, X, y).tolist() == theirs.cross_val_score(plain, X, y, cv=HashedKFold()).tolist()
    by_place = theirs.KFold(3)
    assert cross_val_score(Ridge(), X, y, cv=by_place).shape == (3,)
    assert cross_val_predict(Ridge(), X, y, cv=by_place).shape == (150,)


def test_folds_without_a_class():
    X, y = IRIS[0][40:101], IRIS[1][40:101]  # one row of class 2
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        found = cross_val_predict(GaussianNB(), X, y, cv=4, method="predict_proba")
        scores = cross_val_score(GaussianNB(), X, y, cv=4, scoring="roc_auc_ovr")
    assert found.shape == (61, 3)
    assert np.isnan(scores).any()


class NoArray:
    """Rows that are made an array, and are none."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.rows, dtype)

    def __array_function__(self, function, kinds, given, named):
        raise TypeError("it is no array")


def test_rows_that_are_no_arrays_are_cut():
    X, y = IRIS
    for estimator in (GaussianNB(), KNeighborsRegressor()):
        np.testing.assert_array_equal(
            cross_val_score(estimator, NoArray(X), NoArray(y)), cross_val_score(estimator, X, y)
        )
    np.testing.assert_array_equal(
        cross_val_predict(GaussianNB(), NoArray(X), NoArray(y), method="predict_proba"),
        cross_val_predict(GaussianNB(), X, y, method="predict_proba"),
    )


class Average(BaseEstimator):
    """Predicts the mean, moved by a parameter, and does not say that it is a regressor."""

    def __init__(self, by=0.0):
        self.by = by

    def fit(self, X, y=None):
        self.mean_ = 0.0 if y is None else np.mean(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_ + self.by)

    def score(self, X, y=None):
        return -abs(self.mean_ + self.by)


def mean_score(model, X, y=None):
    return model.score(X)


RAND = make_scorer(adjusted_rand_score)


@pytest.mark.parametrize(
    ("learner", "values", "scoring"),
    [
        (KMeans(2, random_state=0), {"n_clusters": [2, 3, 4]}, "adjusted_rand_score"),
        (KMeans(2, random_state=0), {"n_clusters": [2, 3, 4]}, {"rand": RAND, "own": mean_score}),
        (sklearn.cluster.KMeans(2, random_state=0), {"n_clusters": [2, 3, 4]}, ["adjusted_rand_score"]),
        (IsolationForest(n_estimators=5, random_state=0), {"max_samples": [8, 16]}, "accuracy"),
        (Average(), {"by": [0.0, 1.0]}, "r2"),
    ],
    ids=["name", "several", "scikit-learn's", "novelty", "unknown"],
)
@pytest.mark.filterwarnings("ignore")
def test_scores_that_compare_have_records_carry_labels(learner, values, scoring):
    """A learner of features alone may be chosen by labels, which are parts of the records then."""
    X, y = IRIS
    refitted = True if isinstance(scoring, str) else next(iter(scoring))
    search = GridSearchCV(learner, values, scoring=scoring, refit=refitted).fit(X, y)
    assert search.target == "label"
    refit = clone(search).fit(X[9:], y[9:])
    assert_same(search.forget(X[:9], y[:9]), refit)
    assert verify(search, X[9:], y[9:])
    folds = HashedKFold(5).folds(X[9:], y[9:])
    splits = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
    if not isinstance(learner, KMeans | IsolationForest):  # which start elsewhere
        peer = theirs.GridSearchCV(learner, values, scoring=scoring, refit=refitted, cv=splits).fit(X[9:], y[9:])
        assert search.best_params_ == peer.best_params_
    with pytest.raises(ShapeError, match="requires y"):
        clone(search).fit(X)
    search.relabel(X[9], y[9], 2)
    assert_same(search, clone(search).fit(X[9:], np.r_[2, y[10:]]))


@pytest.mark.parametrize(
    ("learner", "scoring"),
    [(Average(), None), (Average(), mean_score), (KMeans(2), mean_score), (sklearn.cluster.KMeans(2), mean_score)],
)
def test_y_that_no_record_would_carry_is_refused(learner, scoring):
    """Such searches used to drop it, whatever the estimator or the score would have made of it."""
    values = {"by": [0.0, 1.0]} if isinstance(learner, Average) else {"random_state": [0, 1]}
    learner = clone(learner).set_params(**{name: first for name, (first, _) in values.items()})
    search = GridSearchCV(learner, values, scoring=scoring).fit(ROWS)
    digest = search.digest()
    for verb in (search.partial_fit, search.forget, search.fit):
        with pytest.raises(ParameterError, match=r"neither that it is a classifier nor a regressor, so .* leave y out"):
            verb(ROWS[:9], LABELS[:9])
    assert search.digest() == digest
    assert verify(search.forget(ROWS[:9]), ROWS[9:])


@pytest.mark.parametrize("learner", [KMeans(2, random_state=0), sklearn.cluster.KMeans(2, random_state=0)])
def test_y_that_the_estimator_ignores_is_ignored(learner):
    search = GridSearchCV(learner, {"n_clusters": [2, 3]})
    assert clone(search).fit(ROWS, LABELS).digest() == search.fit(ROWS).digest()
