"""Few records: they are the state, and are solved for when an attribute is read."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import sqlearn
from laws import assert_same, refit, told
from learners import over_kinds
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.engine.rounds.walk import Walk, earlier_keys
from sqlearn.errors import BusyError, FormatError, UnsupportedError
from sqlearn.linear_model import LogisticRegression
from sqlearn.mixture import GaussianMixture
from tiny_rounds import ADAPTIVE, sample


@pytest.fixture
def solves(monkeypatch):
    """What was solved for, one entry each time."""
    seen = []
    solve = Walk.solve
    monkeypatch.setattr(Walk, "solve", lambda walk: (seen.append(walk.statistic), solve(walk))[1])
    return seen


@over_kinds(ADAPTIVE)
def test_a_read_solves_once_for_any_number_of_updates(learner, solves):
    records = sample(learner, np.random.default_rng(1), 80)
    model = refit(learner, records)
    assert not solves
    for i in range(20):
        model.forget(**records.row(i))
    digest, content = model.digest(), pickle.dumps(model)
    assert not solves
    told(model)
    told(model)
    assert len(solves) == 1
    assert model.digest() == digest and pickle.dumps(model) == content  # a solution is no part of either
    assert_same(pickle.loads(content), model)
    assert_same(model, refit(learner, records.take(range(20, 80))))


@over_kinds(ADAPTIVE)
def test_fit_solves_at_once(learner, solves):
    records = sample(learner, np.random.default_rng(2), 60)
    model = learner.fit(**records.given)
    assert len(solves) == 1
    told(model)
    assert len(solves) == 1
    report = model.last_update_
    assert (report.broke_at, report.rounds_kept, report.rows_scanned) == (None, 0, 0)


@over_kinds(ADAPTIVE)
def test_without_and_its_end_have_solutions_of_their_own(learner):
    records = sample(learner, np.random.default_rng(3), 60)
    model = refit(learner, records)
    before = told(model)
    with model.without(**records.row(0)):
        assert told(model) == told(refit(learner, records.take(range(1, 60))))
    assert told(model) == before


@over_kinds(ADAPTIVE)
def test_a_solution_of_before_an_update_is_not_that_of_after_it(learner, monkeypatch):
    """As if another thread updated the model while this one solves."""
    records = sample(learner, np.random.default_rng(6), 60)
    model, solve, updates = refit(learner, records), Walk.solve, []

    def interleaved(walk):
        found = solve(walk)
        if not updates:
            updates.append(model.forget(**records.row(0)))
        return found

    monkeypatch.setattr(Walk, "solve", interleaved)
    with pytest.raises(BusyError):
        model.fitted_attributes()
    assert len(updates) == 1
    assert_same(model, refit(learner, records.take(range(1, 60))))


@pytest.mark.parametrize(
    "learner",
    [
        LogisticRegression(),
        TableModel(LogisticRegression()),
        TableModel(KMeans(n_clusters=2, random_state=0)),
        GaussianMixture(n_components=2, random_state=0),
    ],
    ids=str,
)
def test_what_is_taken_out_of_a_store_has_the_solution(learner, tmp_path):
    rng = np.random.default_rng(4)
    table = {f"x{j}": rng.normal(size=50) for j in range(3)}
    target = "y" if "Logistic" in str(learner) else None
    table |= {"y": ["ab"[int(x > 0)] for x in table["x0"] + rng.normal(size=50)]} if target else {}
    with sqlearn.Store.create(tmp_path / "a", learner, table, target=target) as store:
        store.forget(ids=[3, 7])
        model = store.model
        verified = store.verify()
    assert verified, verified
    whole = told(model)
    assert "error" not in whole
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert told(twin) == whole and twin.digest() == model.digest()
        with pytest.raises(UnsupportedError):
            twin.forget(*([[0.0, 1.0, 2.0]] + (["a"] if target else [])))
    with sqlearn.Store.open(tmp_path / "a") as store:
        assert told(store.model) == whole


@pytest.mark.parametrize("n", [8192, 16384])
def test_a_window_at_an_edge_scans_its_rows_once(n):
    """The trace of the other side is put aside and kept up to date: a window that slides there walks."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n + 40, 4))
    y = (X[:, 0] + rng.logistic(size=len(X)) > 0).astype(int)
    model, scanned = LogisticRegression().fit(X[:n], y[:n]), []
    for i in range(40):
        for update, row in ((model.forget, i), (model.partial_fit, n + i)):
            update(X[row], y[row])
            scanned.append(model.last_update_.rows_scanned)
    assert np.median(scanned) == 0
    assert np.count_nonzero(np.array(scanned[4:]) >= n) <= 8  # breaks of rounds
    assert_same(model, LogisticRegression().fit(X[40:], y[40:]))
    assert model.drop_memo()._state.statistic.aside is None


def test_traces_of_earlier_rounds_are_evaluated_anew():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(8200, 2))
    model = LogisticRegression().fit(X, X[:, 0] + rng.logistic(size=8200) > 0)
    statistic, digest = model._state.statistic, model.digest()
    trace, problem = statistic.trace, statistic._problem[1]
    for key in earlier_keys(trace.key, problem):
        statistic.trace = replace(trace, key=key, theta=trace.theta + 1e-3)
        opened = pickle.loads(pickle.dumps(model))
        assert opened.digest() == digest and opened._state.statistic.trace.key == trace.key
    statistic.trace = replace(trace, key=(trace.key[0] + 1, *trace.key[1:]))
    with pytest.raises(FormatError):
        pickle.loads(pickle.dumps(model))
