"""RidgeClassifier on indicator matrices: scikit-learn's results, every form of `y`, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.linear_model import RidgeClassifier as SklearnRidgeClassifier

from laws import assert_same, frozen, unchanged
from refusals import COLUMNS, LABEL, SHAPE, raises
from sqlearn import ParameterError, UnknownLabelError, verify
from sqlearn.linear_model import Ridge, RidgeClassifier

pytestmark = pytest.mark.filterwarnings("ignore")


def indicators(n=200, t=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, (X @ rng.normal(size=(5, t)) + rng.normal(size=(n, t)) > [0.0, 1.0, -1.0, 9.0]).astype(int), rng.random(n)


@pytest.mark.parametrize(
    "params",
    [{}, {"fit_intercept": False}, {"class_weight": "balanced"}, {"alpha": 7.5}, {"alpha": np.array([0.5, 1, 2, 4])}],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn_agrees(params, weighted):
    X, Y, w = indicators()
    assert not Y[:, 3].any()  # a label that nobody has
    w = w if weighted else None
    peer = SklearnRidgeClassifier(**params).fit(X, Y, sample_weight=w)
    model = RidgeClassifier(**params).fit(X, Y, sample_weight=w)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.intercept_, peer.intercept_, rtol=1e-9, atol=1e-12)
    for ours, theirs in (
        (model.predict(X), peer.predict(X)),
        (model.classes_, peer.classes_),
        (np.shape(model.intercept_), np.shape(peer.intercept_)),
        (model.score(X, Y), peer.score(X, Y)),
    ):
        assert frozen(ours) == frozen(theirs)
    assert model.decision_function(X).shape == (200, 4)
    model.forget(X[3], Y[3], *([] if w is None else [w[3]]))
    kept = np.arange(200) != 3
    assert verify(model, X[kept], Y[kept], None if w is None else w[kept])


def test_it_is_ridge_regression_on_signs():
    X, Y, w = indicators()
    model, ridge = RidgeClassifier().fit(X, Y, w), Ridge().fit(X, 2 * Y - 1, w)
    assert frozen(model.coef_) == frozen(ridge.coef_) and frozen(model.intercept_) == frozen(ridge.intercept_)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_every_form_of_an_indicator_is_one(class_weight):
    X, Y, _ = indicators(40)
    model = RidgeClassifier(class_weight=class_weight).fit(X, Y)
    digest = model.digest()
    forms = [Y.astype(bool), Y.astype(float), Y.tolist(), Y.astype(object), pd.DataFrame(Y), pl.DataFrame(Y)]
    for form in [*forms, sp.csr_array(Y), sp.coo_matrix(Y), np.asfortranarray(Y), np.where(Y == 0, -0.0, 1.0)]:
        assert RidgeClassifier(class_weight=class_weight).fit(X, form).digest() == digest
        assert model.forget(X, form).n_records_ == 0
        assert model.partial_fit(X, form).digest() == digest
    whole = RidgeClassifier(class_weight=class_weight).fit(X, Y)
    rows = [Y[7], Y[7].tolist(), tuple(Y[7].tolist()), Y[7].astype(bool), Y[7:8], pd.Series(Y[7]), sp.csr_array(Y[7:8])]
    for row in rows:
        without = RidgeClassifier(class_weight=class_weight).fit(np.delete(X, 7, 0), np.delete(Y, 7, 0))
        assert_same(model.forget(X[7], row), without)
        assert_same(model.partial_fit(X[7:8], Y[7:8]), whole)
    assert_same(RidgeClassifier().partial_fit(X[7], Y[7]), RidgeClassifier().partial_fit(X[7:8], Y[7:8]))


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_what_is_refused(class_weight):
    X, Y, _ = indicators(40)
    model = RidgeClassifier(class_weight=class_weight).fit(X, Y)
    bad = Y.copy()
    bad[9, 2] = 2
    for y, kind, words in (
        (bad, LABEL, "Row 9 "),
        (Y * 2 - 1, LABEL, "Row 0 "),
        (Y[:, :3], COLUMNS, "3 targets"),
        (Y[:, 0], COLUMNS, "1 targets"),
        (Y[:-1], SHAPE, "numbers of samples"),
    ):
        for update in (model.partial_fit, model.forget):
            with unchanged(model), raises(kind, match=words):
                update(X, y)
        if kind is not COLUMNS:
            with unchanged(model), raises(kind, match=words):
                model.fit(X, y)
        with unchanged(model), raises(kind):
            model.relabel(X, Y, y)
    with unchanged(model), pytest.raises(UnknownLabelError):
        model.partial_fit(X, Y, classes=[0, 1])
    assert model.partial_fit(X, Y, classes=[0, 1, 2, 3]).n_records_ == 80
    plain = RidgeClassifier(class_weight=class_weight).fit(X, Y[:, 0])
    for given in ((X, Y), (X[0], Y[0])):
        with unchanged(plain), raises(SHAPE, match="one label per row"):
            plain.forget(*given)
    with unchanged(plain), pytest.raises(ValueError, match="differ in"):
        plain.merge(model)


def test_class_weights_in_a_dict_are_refused_as_scikit_learn_refuses_them():
    X, Y, _ = indicators(40)
    for learner in (SklearnRidgeClassifier(class_weight={0: 2.0}), RidgeClassifier(class_weight={0: 2.0})):
        with pytest.raises(ValueError, match="For multi-output"):
            learner.fit(X, Y)
    with pytest.raises(ParameterError):
        RidgeClassifier(class_weight={0: 2.0}).partial_fit(X, Y)


def test_a_column_vector_is_no_indicator():
    X, Y, _ = indicators(40)
    assert_same(RidgeClassifier().fit(X, Y[:, :1]), RidgeClassifier().fit(X, Y[:, 0]))
