"""What isolation forests answer and refuse; their trees are tested in tests/engine/trees/test_isolation.py."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import ensemble as peers
from sklearn.datasets import load_breast_cancer, make_blobs
from sklearn.metrics import roc_auc_score

from learners import EVERYWHERE
from sqlearn import verify
from sqlearn.ensemble import IsolationForest
from sqlearn.errors import InvalidValueError, NotLearnedError, TooLargeError, UndefinedAttributeError

X = np.random.default_rng(0).normal(size=(1200, 4))
X[:20] *= 5.0


def test_answers_are_those_of_scikit_learn_s_estimator():
    for given in ({}, {"contamination": 0.1}, {"max_features": 2, "max_samples": 50}):
        model = IsolationForest(n_estimators=20, **given).fit(X)
        theirs = model.to_sklearn()
        asked = np.vstack([X[:50], [np.nan] * 4, [1e300] * 4, [-1e300] * 4])
        near = np.clip(asked, -3e38, 3e38)
        for name in ("score_samples", "decision_function", "predict"):
            np.testing.assert_array_equal(getattr(model, name)(asked), getattr(theirs, name)(near))
        assert model.offset_ == theirs.offset_
        np.testing.assert_array_equal(model.decision_function(asked), model.score_samples(asked) - model.offset_)
        assert len(model) == len(model.estimators_) == 20 and model.max_samples_ == theirs._max_samples
        assert all(len(features) == given.get("max_features", 4) for features in model.estimators_features_)
        assert all(tree.tree_.max_depth <= tree.max_depth for tree in model.estimators_)
        assert {tree.tree_.n_node_samples[0] for tree in model.estimators_} == {model.max_samples_}
    with pytest.raises(InvalidValueError):
        model.predict([[np.inf] * 4])


def anomalies():
    """Records, and which of them are unusual."""
    rng = np.random.default_rng(1)
    normal = rng.normal(size=(4000, 6))
    normal[:100] *= 2.0
    yield normal, np.arange(4000) < 100
    blobs, _ = make_blobs(4000, centers=5, n_features=4, random_state=0)
    blobs[:100] = rng.uniform(blobs.min(axis=0), blobs.max(axis=0), (100, 4))
    yield blobs, np.arange(4000) < 100
    cancer, label = load_breast_cancer(return_X_y=True)
    kept = np.concatenate([np.flatnonzero(label == 1), np.flatnonzero(label == 0)[:30]])
    yield cancer[kept], label[kept] == 0


@pytest.mark.parametrize("records, unusual", list(anomalies())[0 if EVERYWHERE else 2 :])
def test_outliers_are_found_as_well_as_by_scikit_learn(records, unusual):
    ours, theirs = (
        [roc_auc_score(unusual, -kind(random_state=seed).fit(records).score_samples(records)) for seed in range(5)]
        for kind in (IsolationForest, peers.IsolationForest)
    )
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.01)
    assert np.mean(ours) > 0.9


def test_contamination_is_read_from_the_records_held():
    model = IsolationForest(n_estimators=20, contamination=0.05, max_samples=64).fit(X)
    assert np.mean(model.predict(X) == -1) == pytest.approx(0.05, abs=1e-3)
    before = model.offset_
    model.forget(X[:20])
    assert model.offset_ != before
    assert np.mean(model.predict(X[20:]) == -1) == pytest.approx(0.05, abs=1e-3)
    assert verify(model, X[20:])
    with model.without(X[20:300]):
        without = model.offset_
    assert without != model.offset_ == pickle.loads(pickle.dumps(model)).offset_
    assert copy.deepcopy(model).forget(X[20:300]).offset_ == without
    np.testing.assert_array_equal(IsolationForest(contamination=0.05).fit_predict(X)[1:5], -1)


def test_each_record_is_in_few_trees():
    model = IsolationForest(random_state=3, max_samples=100).fit(X)
    costs = [model.cost_of_forgetting(x).trees for x in X[:300]]
    assert np.mean(costs) == pytest.approx(100 * 100 / 1200, rel=0.1)
    assert not hasattr(model, "last_update_")
    digest = model.digest()
    cost = model.cost_of_forgetting(X[:7])
    assert model.forget(X[:7]).last_update_[:2] == cost
    assert model.partial_fit(X[:7]).digest() == digest
    with pytest.raises(NotLearnedError):
        model.cost_of_forgetting(X[0] + 1)
    fitted = model._fitted_sklearn()
    model.cost_of_forgetting(X[0])
    assert model._fitted_sklearn() is fitted


def test_few_records():
    model = IsolationForest(n_estimators=5)
    for n in (1, 2, 3, 5, 9):
        model.fit(X[:n])
        assert model.max_samples_ == n
        np.testing.assert_array_equal(model.score_samples(X[:3]), model.to_sklearn().score_samples(X[:3]))
    model.fit(X[:1])
    np.testing.assert_array_equal(model.score_samples(X[:2]), [-0.5, -0.5])  # as scikit-learn's
    model.fit(np.ones((300, 2)))
    assert {tree.tree_.node_count for tree in model.estimators_} == {1}
    model.forget(np.ones((300, 2)))
    for name in ("offset_", "estimators_", "max_samples_"):
        with pytest.raises(UndefinedAttributeError, match="no rows"):
            getattr(model, name)


def test_missing_values_and_sparse_rows_and_frames():
    holes = np.where(np.random.default_rng(2).random(X.shape) < 0.3, np.nan, X)
    model = IsolationForest(n_estimators=20).fit(holes)
    np.testing.assert_array_equal(model.predict(holes), model.to_sklearn().predict(holes))
    assert verify(model.forget(holes[:300]), holes[300:])
    rounded = np.round(X)
    dense = IsolationForest(n_estimators=5).fit(rounded)
    assert dense.digest() == IsolationForest(n_estimators=5).fit(sp.csr_array(rounded)).digest()
    np.testing.assert_array_equal(dense.predict(sp.csr_matrix(rounded)), dense.predict(rounded))
    frame = pd.DataFrame(X, columns=list("abcd"))
    named = IsolationForest(n_estimators=5, contamination=0.1).fit(frame)
    huge = frame.copy()
    huge.loc[0, "a"] = 1e200
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named.predict(frame)
        named.decision_function(huge)
        _ = named.forget(frame[:5]).offset_


@pytest.mark.parametrize(
    "given, words",
    [
        ({"max_samples": 0.5}, "number of records"),
        ({"max_samples": 0}, "max_samples"),
        ({"contamination": 0.6}, "contamination"),
        ({"max_features": 5}, "4 features"),
        ({"max_features": 0}, "number from 1"),
        ({"bootstrap": True}, "lowest hash"),
        ({"warm_start": True}, "history"),
        ({"random_state": np.random.RandomState(0)}, "RandomState"),
        ({"n_estimators": 0}, "n_estimators"),
    ],
    ids=lambda given: given if isinstance(given, str) else next(iter(given)),
)
def test_parameters_that_are_refused(given, words):
    model = IsolationForest(n_estimators=5).fit(X)
    digest = model.digest()
    with pytest.raises(ValueError, match=words):  # scikit-learn's, or a ParameterError
        model.set_params(**given).fit(X)
    assert model.digest() == digest


def test_what_would_not_fit_in_memory_is_refused():
    model = IsolationForest(n_estimators=5).fit(X)
    digest = model.digest()
    with pytest.raises(TooLargeError, match="n_estimators"):
        model.set_params(n_estimators=10**9).fit(X)
    assert model.digest() == digest
    with pytest.warns(UserWarning, match="greater than the total number"):
        model.set_params(n_estimators=3, max_samples=10**12).fit(X)
    assert model.max_samples_ == 1200


def test_the_order_of_records_is_not_kept():
    model = IsolationForest(n_estimators=5).fit(X)
    with pytest.raises(UndefinedAttributeError) as caught:
        _ = model.estimators_samples_
    assert caught.value.reason == "row order"
