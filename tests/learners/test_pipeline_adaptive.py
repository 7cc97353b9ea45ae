"""Pipelines that end with a learner which keeps its records: bytes of a refit after any history, in rounds too."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sklearn import compose, feature_selection, impute, linear_model, pipeline, preprocessing

from history import history_of
from laws import assert_same, check_contract, refit
from learners import crossed, over
from records import Records, records_of, takes_weights
from refusals import OUT_OF_RANGE, raises
from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.compose import ColumnTransformer
from sqlearn.decomposition import PCA
from sqlearn.errors import DegenerateError, ParameterError, UndefinedAttributeError
from sqlearn.feature_selection import SelectFpr, SelectKBest, SelectPercentile, VarianceThreshold, chi2, f_regression
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.mixture import GaussianMixture
from sqlearn.pipeline import make_pipeline, make_union
from sqlearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from sqlearn.svm import LinearSVC
from tables import (
    sparse_table,
    synthetic,
    titanic,  # noqa: F401
)
from tiny_rounds import cut

pytestmark = pytest.mark.filterwarnings("ignore")

PIPELINES = [
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(StandardScaler(), StandardScaler(with_mean=False), PoissonRegressor()),
    make_pipeline(StandardScaler(), KMeans(2)),
    make_pipeline(StandardScaler(), GaussianMixture(2)),
    make_pipeline(StandardScaler(), LinearSVC(fit_intercept=False)),
    make_pipeline(MinMaxScaler(), RobustScaler(), KMeans(2)),
]


@over(PIPELINES)
def test_histories(learner, monkeypatch):
    cut(monkeypatch)
    quick = settings(max_examples=2, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(history_of(learner), settings=quick)


@crossed(5, learner=PIPELINES, level=[0, 2])
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


@crossed(2, learner=[LogisticRegression(), KMeans(2)], seed=range(2))
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


@pytest.mark.parametrize(
    ("pipe", "message"),
    [
        (make_pipeline(RobustScaler(unit_variance=True), LogisticRegression()), "Set it False"),
        (make_pipeline(SelectFpr(), LogisticRegression()), "by p-values.*keep_records=True"),
        (make_pipeline(SelectKBest(f_regression, k=1), PoissonRegressor()), "f_classif or chi2"),
        (make_pipeline(SelectKBest(k=1), KMeans(2)), "learners of labels alone"),
        (make_pipeline(PCA(1), LogisticRegression()), "keep_records=True"),
        (make_pipeline(StandardScaler(), SelectKBest(chi2, k=1), LogisticRegression()), "takes counts"),
        (
            make_pipeline(
                SimpleImputer(strategy="most_frequent"),
                make_union(OneHotEncoder(), StandardScaler()),
                LogisticRegression(),
            ),
            "OneHotEncoder cannot stand behind SimpleImputer",
        ),
    ],
)
def test_what_no_grid_holds(pipe, message):
    with pytest.raises(ParameterError, match=message):
        pipe.fit(np.eye(4), [0, 1, 0, 1])


HARD = [1e100, -1e100, 5e-324, -0.0, 0.0, 1e-310, 1.0, np.nan]
NUMBERS = {
    "plain": lambda rng, n: rng.normal(size=n),
    "ties": lambda rng, n: rng.integers(0, 5, n).astype(float),
    "constant": lambda rng, n: np.full(n, 7.3),
    "gaps": lambda rng, n: np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n) * 1e-3),
    "wild": lambda rng, n: rng.choice(HARD, n),
    "tiny": lambda rng, n: rng.normal(size=n) * 1e-170,
    "hollow": lambda rng, n: np.where(rng.random(n) < 0.97, np.nan, rng.integers(0, 3, n)),
}


def ordered(strategy, *scalers):
    return make_pipeline(SimpleImputer(strategy=strategy, add_indicator=True), *scalers)


IN_ORDER = {
    "medians": ordered("median", StandardScaler()),
    "extremes": ordered("most_frequent", MaxAbsScaler(), MinMaxScaler((-1, 2))),
    "quantiles": ordered("median", RobustScaler(quantile_range=(10, 80)), VarianceThreshold(1e-4)),
}


@crossed(2, name=IN_ORDER, columns=[4, 7])
def test_order_on_a_grid(name, columns, monkeypatch):
    """At every step the encoding is the one that is read anew, and the model its refit, of hard values too."""
    cut(monkeypatch)
    rng = np.random.default_rng([columns, len(name)])
    numbers = list(NUMBERS)[:columns]
    pool = pd.DataFrame({column: NUMBERS[column](rng, 110) for column in numbers})
    pool["port"] = pd.array(rng.choice(["a", "b", "c", None], 110, p=[0.4, 0.4, 0.1, 0.1]), "str")
    frequent = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    chosen = make_pipeline(OneHotEncoder(), SelectKBest(chi2, k=2))
    parts = [("n", IN_ORDER[name], numbers), ("c", frequent if columns == 4 else chosen, ["port"])]
    y = rng.integers(0, 2, 110)
    model = make_pipeline(ColumnTransformer(parts), LogisticRegression()).fit(pool[:90], y[:90])
    held, kept = list(range(90)), 0
    for step in range(12):
        before = model._state.statistic.encoder
        if step % 3 == 2:
            free = [i for i in range(110) if i not in held][:2]
            model.partial_fit(pool.iloc[free], y[free])
            held += free
        else:
            gone = rng.permutation(held)[: 1 + step % 2].tolist()
            model.forget(pool.iloc[gone], y[gone])
            held = [i for i in held if i not in gone]
        statistic = model._state.statistic
        kept += statistic.encoder is before
        found, statistic.encoder = statistic.encoder, None
        fresh, statistic.encoder = statistic._read_encoder(), found
        assert found.key() == fresh.key()
        if step % 6 == 5:
            model = pickle.loads(pickle.dumps(model))
            assert_same(model, refit(model, Records(pool, y, None).take(held), rng))
    assert kept or columns == 7 or name == "quantiles"  # which move often where records are few


def test_the_best_known_script(titanic):  # noqa: F811
    """scikit-learn's example of mixed types: the same columns are selected, and it forgets."""
    frame, survived = titanic
    numbers, categories = ["age", "fare"], ["embarked", "sex", "pclass"]

    def script(mine):
        kit = (SimpleImputer, StandardScaler, OneHotEncoder, SelectPercentile, ColumnTransformer, make_pipeline)
        theirs = (
            impute.SimpleImputer, preprocessing.StandardScaler, preprocessing.OneHotEncoder,
            feature_selection.SelectPercentile, compose.ColumnTransformer, pipeline.make_pipeline,
        )  # fmt: skip
        imputer, scaler, encoder, selector, transformer, made = kit if mine else theirs
        parts = [
            ("num", made(imputer(strategy="median"), scaler()), numbers),
            ("cat", made(encoder(handle_unknown="ignore"), selector(chi2, percentile=50)), categories),
        ]
        last = LogisticRegression() if mine else linear_model.LogisticRegression(tol=1e-9, max_iter=1000)
        return made(transformer(parts), last)

    model = script(True).fit(frame, survived).forget(frame[:90], survived[:90])
    peer = script(False).fit(frame[90:], survived[90:])
    assert model[:-1].get_feature_names_out().tolist() == peer[:-1].get_feature_names_out().tolist()
    assert np.allclose(model.predict_proba(frame), peer.predict_proba(frame), atol=0.01)
    ours, scores = (each[0].named_transformers_["cat"][1].scores_ for each in (model, peer))
    assert np.allclose(ours, scores, rtol=1e-12)
    assert verify(model, frame[90:], survived[90:])


def test_no_column_is_left():
    """A state whose steps drop all columns is legal but at fit: what is learned next mends it."""
    pipe = make_pipeline(VarianceThreshold(), StandardScaler(), LogisticRegression())
    with pytest.raises(DegenerateError, match="No column"):
        pipe.fit(np.zeros((4, 2)), [0, 1, 0, 1])
    X, y = np.vstack([np.zeros((3, 2)), [[1.0, 0.0]]]), np.array([0, 1, 0, 1])
    pipe.fit(X, y).forget(X[3], y[3])
    with pytest.raises(UndefinedAttributeError, match="No column is left"):
        pipe.predict(X)
    assert verify(pipe.partial_fit(X[3], y[3]), X, y)


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
