"""Pipelines that end with a learner which keeps its records: bytes of a refit after any history, in rounds too."""

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sklearn import compose, impute, linear_model, pipeline, preprocessing

from history import history_of
from laws import assert_same, check_contract, refit
from learners import over
from records import Records, records_of, takes_weights
from refusals import OUT_OF_RANGE, raises
from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.compose import ColumnTransformer
from sqlearn.decomposition import PCA
from sqlearn.errors import ParameterError
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.mixture import GaussianMixture
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder, StandardScaler
from sqlearn.svm import LinearSVC
from tables import sparse_table, synthetic
from tiny_rounds import cut

pytestmark = pytest.mark.filterwarnings("ignore")

PIPELINES = [
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(StandardScaler(), StandardScaler(with_mean=False), PoissonRegressor()),
    make_pipeline(StandardScaler(), KMeans(2)),
    make_pipeline(StandardScaler(), GaussianMixture(2)),
    make_pipeline(StandardScaler(), LinearSVC(fit_intercept=False)),
]


@over(PIPELINES)
def test_histories(learner, monkeypatch):
    cut(monkeypatch)
    quick = settings(max_examples=2, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(history_of(learner), settings=quick)


@over(PIPELINES)
@pytest.mark.parametrize("level", [0, 2])
def test_hard_values(learner, level, monkeypatch):
    cut(monkeypatch)
    rng = np.random.default_rng([level, 5])
    check_contract(learner, records_of(learner, rng, 44, level), rng)


def of_table(learner, kit=None, numbers=("number", "hollow"), categories=("port", "deck")):
    """A pipeline for tables, of our classes or of scikit-learn's."""
    transformer, imputer, scaler, encoder, made = kit or (
        ColumnTransformer, SimpleImputer, StandardScaler, OneHotEncoder, make_pipeline,
    )  # fmt: skip
    number = made(imputer(add_indicator=True), scaler())
    parts = [("n", number, list(numbers)), ("c", encoder(handle_unknown="ignore"), list(categories))]
    return made(transformer(parts), learner)


@over([LogisticRegression(), KMeans(2)])
@pytest.mark.parametrize("seed", range(2))
def test_columns_come_and_go(learner, seed, monkeypatch):
    """A random walk: at every step the model is its refit, whether the encoding held or not."""
    cut(monkeypatch)
    rng = np.random.default_rng([seed, 7])
    model, n = of_table(learner), 200
    labels = rng.integers(0, 2, n) if learner._target == "label" else None
    weights = rng.choice([1.0, 1.0, 1.0, 2.0, 0.0], n) if takes_weights(model) else None
    pool = Records(sparse_table(rng, n), labels, weights)
    held = list(range(160))
    current, kept = refit(model, pool.take(held)), 0
    for _ in range(16):
        free = [i for i in range(n) if i not in held]
        before = current._state.statistic.inner
        if len(free) > 5 and rng.random() < 0.5:
            some = rng.permutation(free)[: rng.integers(1, 3)].tolist()
            if rng.random() < 0.3:
                current.merge(refit(model, pool.take(some)))
            else:
                current.partial_fit(**pool.take(some).given)
            held += some
        else:
            gone = rng.permutation(held[1:])[: rng.integers(1, 3)].tolist()
            current.forget(**pool.take(gone).given)
            held = [i for i in held if i not in gone]
        kept += current._state.statistic.inner is before
        if rng.random() < 0.2:
            current = pickle.loads(pickle.dumps(current))
        assert_same(current, refit(model, pool.take(held), rng))
    assert 0 < kept < 16


def test_predictions_agree_with_scikit_learns():
    frame, y = synthetic(np.random.default_rng(2), 600)
    frame, labels = frame.drop(columns="empty"), y > 1
    columns = [["a", "b", "c", "constant"], ["city", "size"]]
    model = of_table(LogisticRegression(), None, *columns).fit(frame, labels).forget(frame[:50], labels[:50])
    theirs = (
        compose.ColumnTransformer, impute.SimpleImputer, preprocessing.StandardScaler, preprocessing.OneHotEncoder,
        pipeline.make_pipeline,
    )  # fmt: skip
    peer = of_table(linear_model.LogisticRegression(tol=1e-9, max_iter=1000), theirs, *columns)
    peer.fit(frame[50:], labels[50:])
    assert np.allclose(model.predict_proba(frame), peer.predict_proba(frame), atol=0.01)
    assert model[:-1].get_feature_names_out().tolist() == peer[:-1].get_feature_names_out().tolist()
    encoded = model[:-1].transform(frame)
    same = linear_model.LogisticRegression(tol=1e-9, max_iter=1000).fit(encoded[50:], labels[50:])
    assert np.allclose(model.predict_proba(frame), same.predict_proba(encoded), atol=1e-6)
    assert verify(model, frame[50:], labels[50:])


def test_scales_are_exact_behind_what_lies_on_a_grid():
    """Where no value is missing, coefficients of linear predictors are those of scikit-learn's pipeline."""
    frame, y = synthetic(np.random.default_rng(2), 600)
    frame, labels = frame[["a", "b", "constant", "city"]].fillna({"a": 0.5, "b": 1e5}), y > 1
    numbers = ["a", "b", "constant"]
    parts = [("n", StandardScaler(), numbers), ("c", OneHotEncoder(), ["city"])]
    model = make_pipeline(ColumnTransformer(parts), LogisticRegression(C=0.1)).fit(frame, labels)
    model.forget(frame[:50], labels[:50])
    theirs = [("n", preprocessing.StandardScaler(), numbers), ("c", preprocessing.OneHotEncoder(), ["city"])]
    last = linear_model.LogisticRegression(C=0.1, tol=1e-9, max_iter=1000)
    peer = pipeline.make_pipeline(compose.ColumnTransformer(theirs), last).fit(frame[50:], labels[50:])
    assert np.allclose(model[-1].coef_, peer[-1].coef_, rtol=1e-5, atol=2e-6)
    assert (
        model[0].named_transformers_["n"].scale_.tolist() == StandardScaler().fit(frame[numbers][50:]).scale_.tolist()
    )
    assert verify(model, frame[50:], labels[50:])


def test_refusals():
    with pytest.raises(ParameterError, match="PCA cannot stand in front of LogisticRegression"):
        make_pipeline(PCA(2), LogisticRegression()).fit(np.eye(4), [0, 1, 0, 1])
    with pytest.raises(ParameterError, match="Leave `ledger` True"):
        pipe = make_pipeline(StandardScaler(), KMeans(2))
        pipe.set_params(ledger=False).fit(np.eye(4))
    with raises(OUT_OF_RANGE, match="row 1 .*column 2"):
        make_pipeline(StandardScaler(), KMeans(2)).fit([[0.0, 1.0, 2.0], [1.0, 2.0, 1e200]])


def test_medians_are_refused():
    pipe = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), KMeans(2))
    with pytest.raises(ParameterError, match="strategy='mean'"):
        pipe.fit([[0.0, 1.0], [np.nan, 2.0], [3.0, 1.0]])


def test_what_updates_did():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(9000, 3)) * [1.0, 1e3, 1e-3]
    y = X[:, 0] + rng.normal(size=9000) > 0
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    scaled = make_pipeline(StandardScaler(), KMeans(3)).fit(X)
    for model, labels in ((pipe, [y]), (scaled, [])):
        for i in range(5):
            model.forget(X[i], *(own[i] for own in labels))
        assert model.last_update_.seconds > 0
        assert model.drop_memo() is model
        assert model.keeps_records
    assert pipe[0].mean_.tolist() == StandardScaler().fit(X[5:]).mean_.tolist()
    grid = scaled[0]
    exact = StandardScaler().fit(X[5:])
    assert np.abs(grid.mean_ - exact.mean_).max() <= np.abs(exact.scale_ / 8).max()
    assert (np.abs(grid.scale_ / exact.scale_ - 1) <= 1 / 15).all()
    assert np.allclose(scaled.predict(X), scaled[1].predict(grid.transform(X)))
