"""Tables for learners that ask in rounds: encoders on a grid, and models that are their refits whatever broke."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model
from sklearn.pipeline import make_pipeline

from laws import assert_same, check_contract, refit, renamed, snapshot, unchanged
from learners import EVERYWHERE, crossed, over_each
from records import Records, pool_of, records_of, takes_weights
from refusals import OUT_OF_RANGE, raises
from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.engine.chains.encoded_rounds import EncodedRounds
from sqlearn.engine.rounds.rows import Rows
from sqlearn.engine.rounds.statistic import Rounds
from sqlearn.engine.sums.exact import ExactSum
from sqlearn.errors import NotLearnedError, ParameterError, UndefinedAttributeError
from sqlearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor, TweedieRegressor
from sqlearn.mixture import GaussianMixture
from sqlearn.svm import LinearSVC
from tables import DROPPED, pipeline, sparse_table, synthetic, titanic  # noqa: F401
from tiny_rounds import cut

pytestmark = pytest.mark.filterwarnings("ignore")

LEARNERS = [
    LogisticRegression(),
    LinearSVC(),
    PoissonRegressor(),
    GammaRegressor(),
    TweedieRegressor(power=1.5),
    KMeans(3),
    GaussianMixture(2, covariance_type="diag"),
]


@crossed(7, learner=LEARNERS, level=range(3))
def test_contract(learner, level):
    model = TableModel(learner, standardize=level != 1, add_indicator=level != 2)
    rng = np.random.default_rng([level, 5])
    check_contract(model, records_of(model, rng, 20, level), rng)


@over_each(LEARNERS)
def test_contract_with_all_levels_of_rounds(learner, monkeypatch):
    cut(monkeypatch)
    model = TableModel(learner)
    rng = np.random.default_rng(6)
    check_contract(model, pool_of(model, rng, 50 if EVERYWHERE else 28), rng)


@crossed(3, learner=[LogisticRegression(), KMeans(2)], seed=range(3))
def test_columns_come_and_go(learner, seed, monkeypatch):
    """A random walk: at every step the model is its refit, whether the encoder held or not."""
    cut(monkeypatch)
    rng = np.random.default_rng([seed, 7])
    model, n = TableModel(learner, columns={"hollow": "number"}), 60
    labels = rng.integers(0, 2, n) if learner._target == "label" else None
    weights = rng.choice([1.0, 1.0, 1.0, 2.0, 0.0], n) if takes_weights(model) else None
    pool = Records(sparse_table(rng, n), labels, weights)
    held = list(range(20))
    current, kept = refit(model, pool.take(held)), 0
    for _ in range(40 if EVERYWHERE else 25):
        free = [i for i in range(n) if i not in held]
        before = current._state.statistic.inner
        if len(free) > 5 and rng.random() < 0.5:
            some = rng.permutation(free)[: rng.integers(1, 5)].tolist()
            if rng.random() < 0.3:
                current.merge(refit(model, pool.take(some)))
            else:
                current.partial_fit(**pool.take(some).given)
            held += some
        else:
            gone = rng.permutation(held[1:])[: rng.integers(1, 5)].tolist()
            current.forget(**pool.take(gone).given)
            held = [i for i in held if i not in gone]
        kept += current._state.statistic.inner is before
        if rng.random() < 0.2:
            current = pickle.loads(pickle.dumps(current))
        assert_same(current, refit(model, pool.take(held), rng))
    assert 0 < kept < (40 if EVERYWHERE else 25)


@crossed(
    4,
    learner=[LogisticRegression(), PoissonRegressor()],
    place=[
        (Rounds, "refresh"),
        (Rounds, "take_in"),
        (EncodedRounds, "_read_encoder"),
        (EncodedRounds, "encoded"),
        (ExactSum, "grow_to"),
        (Rows, "vacant"),
    ],
)
def test_what_fails_in_the_middle_of_a_call_leaves_no_trace(learner, place, monkeypatch):
    owner, name = place
    cut(monkeypatch)
    rng = np.random.default_rng(8)
    table = sparse_table(rng, 60)
    y = rng.integers(0, 2, 60).astype(float)
    pool = Records(table, y, None)
    start = refit(TableModel(learner), pool.take(range(50)))
    calls = [
        lambda model: model.partial_fit(**pool.take(range(50, 60)).given),
        lambda model: model.forget(**pool.row(3)),
        lambda model: model.forget(**pool.take(range(40)).given),
        lambda model: model.relabel(**renamed(pool.take(range(9)), replace(pool.take(range(9)), y=1 - y[:9]))),
        lambda model: model.merge(refit(TableModel(learner), pool.take(range(55, 60)))),
    ]
    original, count, strike = getattr(owner, name), 0, -1

    def counting(*args, **kwargs):
        nonlocal count
        count += 1
        if count == strike:
            raise MemoryError
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, counting)
    struck = 0
    for call in calls:
        expected, count = copy.deepcopy(start), 0
        before = snapshot(start)
        count = 0
        call(expected)
        for k in np.unique(np.linspace(1, count, min(6, count), dtype=int)) if count else ():
            fresh = copy.deepcopy(start)
            count, strike = 0, k
            with pytest.raises(MemoryError):
                call(fresh)
            strike = -1
            struck += 1
            assert snapshot(fresh) == before
            call(fresh)
            assert_same(fresh, expected)
    assert struck


def test_probabilities_agree_with_a_pipeline(titanic):  # noqa: F811
    """To the grid of imputed numbers; on equal columns, closely."""
    frame, y = titanic
    plain = frame.drop(columns=[*DROPPED])
    model = TableModel(LogisticRegression(), columns=DROPPED).fit(frame, y)
    gone = np.arange(0, 891, 5)
    model.forget(frame.iloc[gone], y[gone])
    kept = np.setdiff1d(np.arange(891), gone)
    peer = pipeline(plain, LogisticRegression()).set_params(logisticregression__tol=1e-9).fit(plain.iloc[kept], y[kept])
    assert np.allclose(model.predict_proba(frame), peer.predict_proba(plain), atol=1e-4)
    assert (model.predict(frame) == peer.predict(plain)).mean() > 0.99
    columns = model.encode(frame)
    same = linear_model.LogisticRegression(tol=1e-9, max_iter=1000).fit(columns[kept], y[kept])
    assert np.allclose(model.predict_proba(frame), same.predict_proba(columns), atol=1e-6)
    assert verify(model, frame.iloc[kept], y[kept])
    assert model.classes_.tolist() == [0, 1]
    assert hasattr(model, "decision_function")


def test_encoded_columns_are_near_those_of_a_pipeline():
    frame, y = synthetic(np.random.default_rng(2), 500)
    model = TableModel(LogisticRegression()).fit(frame, y > 1)
    encoder = pipeline(frame, LogisticRegression())[0].fit(frame)
    found, wanted = model.encode(frame), encoder.transform(frame)
    assert model.encoded_names_.tolist() == encoder.get_feature_names_out().tolist()
    shift = (found - wanted).mean(axis=0)
    ratio = found.std(axis=0) / np.where(wanted.std(axis=0) == 0, 1, wanted.std(axis=0))
    assert np.abs(shift).max() < 0.15
    assert np.abs(ratio[ratio > 0] - 1).max() < 1 / 15


def test_an_encoder_seldom_moves(monkeypatch):
    """In a few hundred deletions out of 12,000 rows most leave the encoder, and the rounds behind it, as they are."""
    rng = np.random.default_rng(3)
    frame, y = synthetic(rng, 12_000)
    model = TableModel(LogisticRegression()).fit(frame[["a", "city"]], (y > 1).astype(int))
    kept = 0
    for i in range(40):
        before = model._state.statistic.inner
        model.forget({"a": frame["a"][i], "city": frame["city"][i]}, int(y[i] > 1))
        kept += model._state.statistic.inner is before
    assert kept > 30
    assert verify(model, frame[["a", "city"]].iloc[40:], (y[40:] > 1).astype(int))
    assert model.last_update_.seconds > 0
    assert model.drop_memo() is model


def test_refusals():
    table = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0], "b": ["x", None, "y", "x"]})
    model = TableModel(LogisticRegression()).fit(table, [0, 1, 0, 1])
    with unchanged(model), raises(OUT_OF_RANGE, match="row 1 "):
        model.partial_fit({"a": [1.0, 1e200], "b": ["x", "x"]}, [0, 1])
    with unchanged(model), pytest.raises(NotLearnedError, match="Row 2 "):
        model.forget(table, [0, 1, 1, 1])
    with pytest.raises(ParameterError, match="`ledger`"):
        TableModel(LogisticRegression(), ledger=False).fit(table, [0, 1, 0, 1])
    counts = TableModel(PoissonRegressor()).fit(table, [0.0, 1.0, 2.0, 3.0])
    for bad in (-1.0, 1e200):
        with unchanged(counts), raises(OUT_OF_RANGE, match=r"[rR]ow 0 "):
            counts.partial_fit({"a": 1.0, "b": "x"}, bad)
    model.forget(table.iloc[[1, 3]], [1, 1])  # one class is left
    with pytest.raises(UndefinedAttributeError):
        model.predict(table)
    model.forget(table.iloc[[0, 2]], [0, 0])
    with pytest.raises(UndefinedAttributeError):
        model.last_update_  # noqa: B018
    model.partial_fit(table, [0, 1, 0, 1])
    assert verify(model, table, [0, 1, 0, 1])
    assert not hasattr(TableModel(PoissonRegressor()), "fit_predict")
    clusters = TableModel(KMeans(2)).fit_predict(table)
    assert sorted(set(clusters)) == [0, 1]
    assert make_pipeline(TableModel(KMeans(2))).fit(table).transform(table).shape == (4, 2)


def test_what_an_earlier_revision_wrote_is_evaluated_anew(monkeypatch):
    table = pd.DataFrame({"a": [1.0, 2.0, np.nan, 4.0, 7.0], "b": ["x", None, "y", "x", "y"]})
    model, y = TableModel(LogisticRegression()), [0, 1, 0, 1, 1]
    monkeypatch.setattr("sqlearn.compose.table_model._REVISION", 1)
    old = pickle.dumps(model.fit(table, y))
    monkeypatch.undo()
    new = pickle.loads(old)
    assert_same(new, TableModel(LogisticRegression()).fit(table, y))
    assert_same(new.forget(table[:2], y[:2]), TableModel(LogisticRegression()).fit(table[2:], y[2:]))
    empty = TableModel(LogisticRegression()).fit(table, y).forget(table, y)
    assert pickle.loads(pickle.dumps(empty)).digest() == empty.digest()


def test_columns_without_any_value():
    """What is dropped is another when the first value comes."""
    for options in ({}, {"add_indicator": False}, {"add_indicator": False, "standardize": False}):
        for learner in (LogisticRegression(), KMeans(2)):
            model = TableModel(learner, columns={"a": "number"}, **options)
            table, y = {"a": [np.nan] * 4, "b": ["x", "y", "x", "y"]}, [0, 1, 0, 1]
            given = [y] if learner._target else []
            more = [[1, 0]] if learner._target else []
            model.fit(table, *given)
            assert model.predict({"a": [3.0], "b": ["x"]}).shape == (1,)
            model.partial_fit({"a": [2.0, 5.0], "b": ["x", "z"]}, *more)
            whole = {"a": [*table["a"], 2.0, 5.0], "b": [*table["b"], "x", "z"]}
            assert verify(model, whole, *([[*y, 1, 0]] if learner._target else []))
