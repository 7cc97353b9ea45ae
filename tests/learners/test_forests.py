"""What trees and forests answer, refuse and tell; their trees are tested in tests/engine/trees."""

import copy
import pickle
import threading
import warnings
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import ensemble as peers
from sklearn.datasets import make_classification, make_friedman1
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.tree import export_text

from sqlearn import verify
from sqlearn.engine.rounds import rows as rows_module
from sqlearn.engine.trees import Forest, Isolation
from sqlearn.engine.trees.layout import bytes_per_record
from sqlearn.engine.trees.lowest import Lowest
from sqlearn.engine.trees.tree import Tree
from sqlearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sqlearn.errors import (
    BusyError,
    FormatError,
    InvalidValueError,
    NotLearnedError,
    ParameterError,
    TooLargeError,
    UndefinedAttributeError,
)
from sqlearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

X, Y = make_classification(400, 6, n_informative=4, n_classes=3, random_state=0)
F, Z = make_friedman1(400, random_state=0)
FORESTS = [RandomForestClassifier(12), RandomForestRegressor(12), ExtraTreesClassifier(5), ExtraTreesRegressor(5)]
TREES = [DecisionTreeClassifier(), DecisionTreeRegressor(), DecisionTreeClassifier(splitter="random")]


def data(model):
    return (X, Y) if model._target == "label" else (F, Z)


@pytest.mark.parametrize("model", [*FORESTS, *TREES], ids=repr)
def test_answers_are_those_of_scikit_learn_s_estimator(model):
    x, y = data(model)
    model.fit(x, y)
    theirs = model.to_sklearn()
    asked = np.vstack([x[:50], [np.nan] * x.shape[1], [1e300] * x.shape[1], [-1e300] * x.shape[1]])
    near = np.clip(asked, -3e38, 3e38)
    names = ["predict", "apply", *(["predict_proba", "predict_log_proba"] if model._target == "label" else [])]
    with np.errstate(divide="ignore"):
        for name in names:
            np.testing.assert_array_equal(getattr(model, name)(asked), getattr(theirs, name)(near))
    paths = model.decision_path(asked), theirs.decision_path(near)
    if model in FORESTS:
        (ours, ends), (others, their_ends) = paths
        np.testing.assert_array_equal(ends, their_ends)
        assert len(model.estimators_) == len(model) == model.n_estimators
    else:
        ours, others = paths
        assert model.get_depth() == model.tree_.max_depth and model.get_n_leaves() == theirs.get_n_leaves()
        assert export_text(model) == export_text(theirs)
    assert (ours != others).nnz == 0
    np.testing.assert_array_equal(model.feature_importances_, theirs.feature_importances_)
    assert model.feature_importances_.sum() == pytest.approx(1)
    assert model.score(x, y) == theirs.score(x, y) > 0.8
    with pytest.raises(InvalidValueError):
        model.predict([[np.inf] * x.shape[1]])


@pytest.mark.parametrize("model", [*FORESTS, *TREES], ids=repr)
def test_sparse_rows_and_frames(model):
    x, y = data(model)
    x = np.round(x)
    dense = model.fit(x, y).digest()
    predicted = model.predict(x)
    assert model.fit(sp.csr_array(x), y).digest() == dense
    np.testing.assert_array_equal(model.predict(sp.csr_matrix(x)), predicted)
    frame = pd.DataFrame(x, columns=[f"x{j}" for j in range(x.shape[1])])
    model.fit(frame, y)
    huge = frame.copy()
    huge.loc[0, "x0"] = 1e200
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(model.predict(frame), predicted)
        model.apply(huge)


def test_trees_without_records_have_no_part():
    """With a few records, most trees of a forest hold none; the others predict."""
    model = RandomForestRegressor(50).fit([[1.0], [2.0], [3.0]], [7.0, 7.0, 7.0])
    assert 0 < len(model.estimators_) < 50
    np.testing.assert_array_equal(model.predict([[0.0], [2.5]]), [7.0, 7.0])
    model = RandomForestClassifier(50).fit([[1.0], [2.0]], ["a", "b"]).forget([1.0], "a")
    np.testing.assert_array_equal(model.predict_proba([[1.0]]), [[1.0]])
    assert verify(model, [[2.0]], ["b"])


@pytest.mark.parametrize("kind", [RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier])
def test_scores_out_of_bag_are_a_function_of_the_records(kind):
    model = kind(40, oob_score=True, bootstrap=True)
    x, y = data(model)
    x, y = np.vstack([x, x[:30]]), np.concatenate([y, y[:30]])  # copies are in trees of their own
    model.fit(x, y)
    theirs = getattr(peers, kind.__name__)(40, oob_score=True, bootstrap=True, random_state=0).fit(x, y)
    assert model.oob_score_ == pytest.approx(theirs.oob_score_, abs=0.08)
    assert model.to_sklearn().oob_score_ == model.oob_score_
    name = "oob_decision_function_" if model._target == "label" else "oob_prediction_"
    rows = getattr(model, name)
    if model._target == "label":
        assert rows.shape == (430, 3) and np.mean(model.classes_[rows.argmax(axis=1)] == y) == model.oob_score_
    else:
        assert rows.shape == (430,) and r2_score(y, rows) == pytest.approx(model.oob_score_, rel=1e-12)
    assert not hasattr(copy.deepcopy(model), name)
    model.forget(x[:100], y[:100])
    with pytest.raises(UndefinedAttributeError, match="order of the rows") as caught:
        getattr(model, name)
    assert caught.value.reason == "row order"
    order = np.random.default_rng(0).permutation(np.arange(100, 430))
    refit = kind(40, oob_score=True, bootstrap=True).fit(x[order], y[order])
    assert model.oob_score_ == refit.oob_score_ == pickle.loads(pickle.dumps(model)).oob_score_
    assert verify(model, x[order], y[order])


def test_each_row_out_of_bag_is_predicted_by_trees_that_never_saw_it():
    model = RandomForestRegressor(20, oob_score=True).fit(F[:60], Z[:60])
    told = model.oob_prediction_
    for i in range(0, 60, 7):
        with model.without(F[i], Z[i]):  # which leaves the trees alone that it is not in
            without = [tree.tree_ for tree in model.estimators_]
        pairs = zip([tree.tree_ for tree in model.estimators_], without, strict=True)
        same = [tree for tree, other in pairs if np.array_equal(tree.value, other.value)]
        assert len(same) == 7
        x = F[i : i + 1].astype(np.float32)
        assert np.mean([tree.predict(x) for tree in same]) == pytest.approx(told[i], rel=1e-12)


def test_where_there_is_no_score_out_of_bag():
    for model in (RandomForestClassifier(10), RandomForestRegressor(10)):
        x, y = data(model)
        with pytest.raises(UndefinedAttributeError) as caught:
            _ = model.fit(x, y).oob_score_
        assert caught.value.reason == "not asked"
    for given in ({"n_estimators": 1}, {"n_estimators": 5, "max_samples": 1.0}):
        model = RandomForestClassifier(oob_score=True, **given).fit(X, Y)
        for name in ("oob_score_", "oob_decision_function_"):
            with pytest.raises(UndefinedAttributeError, match="no record is left out"):
                getattr(model, name)
    with pytest.raises(ParameterError, match="bootstrap=True"):
        ExtraTreesClassifier(oob_score=True).fit(X, Y)
    with pytest.raises(UndefinedAttributeError, match="order in which") as caught:
        _ = RandomForestClassifier(3).fit(X, Y).estimators_samples_
    assert caught.value.reason == "row order"
    weights = np.r_[np.zeros(5), np.ones(395)]
    model = RandomForestClassifier(20, oob_score=True).fit(X, Y, weights)
    np.testing.assert_array_equal(model.oob_decision_function_[:5], model.predict_proba(X[:5]))


def test_a_fit_whose_scores_fail_changes_nothing(monkeypatch):
    model = RandomForestClassifier(5, oob_score=True).fit(X, Y)
    digest = model.digest()
    monkeypatch.setattr(RandomForestClassifier, "_out_of_bag", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.fit(X[:50], Y[:50])
    assert model.digest() == digest and model.n_records_ == 400


@pytest.mark.parametrize("model", [*FORESTS, *TREES], ids=repr)
def test_costs_are_told_without_changing_anything(model):
    x, y = data(model)
    model.fit(x, y)
    predicted, before = model.predict(x), pickle.dumps(model)
    fitted = model._fitted_sklearn()
    for rows in (slice(0, 1), slice(3, 9), slice(0, 400)):
        cost = model.cost_of_forgetting(x[rows], y[rows])
        assert model._fitted_sklearn() is fitted
        assert not hasattr(model, "last_update_")
        assert cost == copy.deepcopy(model).cost_of_forgetting(x[rows], y[rows])
        twin = copy.deepcopy(model)
        twin.predict(x[:1])  # copies grow their trees when they are read
        done = twin.forget(x[rows], y[rows]).last_update_
        assert cost == (done.trees, done.splits_moved, done.records_rebuilt)
    assert pickle.dumps(model) == before
    np.testing.assert_array_equal(model.predict(x), predicted)
    with pytest.raises(NotLearnedError):
        model.cost_of_forgetting(x[0] + 1, y[0])
    row = model.cost_of_forgetting(x[0], y[0])
    in_trees = {"RandomForestClassifier": 8, "RandomForestRegressor": 8}.get(type(model).__name__)
    assert row.trees == (in_trees or getattr(model, "n_estimators", 1))
    assert row.records_rebuilt <= 400 * row.trees


def test_forgetting_the_largest_target_builds_all_anew():
    y = Z.copy()
    y[5] = 1e9
    model = RandomForestRegressor(10).fit(F, y)
    cost = model.cost_of_forgetting(F[5], y[5])
    assert (cost.trees, cost.records_rebuilt) == (10, 399 * 6)
    assert model.forget(F[5], y[5]).last_update_[:3] == cost


@pytest.mark.parametrize(
    "given, words",
    [
        ({"criterion": "entropy"}, "exact integers"),
        ({"max_leaf_nodes": 8}, "max_depth"),
        ({"min_weight_fraction_leaf": 0.1}, "min_samples_leaf"),
        ({"min_impurity_decrease": 0.1}, "min_samples_leaf"),
        ({"ccp_alpha": 0.1}, "max_depth"),
        ({"monotonic_cst": [0] * 6}, "constraints"),
        ({"min_samples_leaf": 0.1}, "number of records"),
        ({"min_samples_split": 0.1}, "number of records"),
        ({"class_weight": "balanced"}, "dict"),
        ({"class_weight": [{0: 1}]}, "one dict"),
        ({"class_weight": {0: 0.0}}, "positive"),
        ({"class_weight": {0: np.inf}}, "positive"),
        ({"random_state": np.random.RandomState(0)}, "RandomState"),
        ({"max_samples": 10}, "float in"),
        ({"max_samples": 1.5}, "float in"),
        ({"max_samples": 0.5, "bootstrap": False}, "bootstrap is True"),
        ({"oob_score": r2_score}, "function"),
        ({"warm_start": True}, "history"),
    ],
    ids=lambda given: given if isinstance(given, str) else next(iter(given)),
)
def test_parameters_that_no_tree_can_follow_are_refused(given, words):
    forest, tree = RandomForestClassifier(5), DecisionTreeClassifier()
    for model in (forest, tree):
        if given.keys() <= model.get_params().keys():
            digest = model.fit(X, Y).digest()
            with pytest.raises(ParameterError, match=words):
                model.set_params(**given).fit(X, Y)
            assert model.digest() == digest


def test_threads_grow_the_same_trees():
    one, two = (RandomForestClassifier(20, n_jobs=n).fit(X, Y) for n in (1, 2))
    assert one.canonical_parts()["sums 2"] == two.canonical_parts()["sums 2"]
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_copies_of_models_whose_records_have_weight_0():
    model = RandomForestRegressor(3).partial_fit([[1.0]], [2.0], 0.0)
    copied = pickle.loads(pickle.dumps(model))
    assert copied.cost_of_forgetting([1.0], 2.0, 0.0) == (0, 0, 0)
    assert copied.digest() == model.digest()


@pytest.mark.parametrize("heaviest", [0.3, 1.0, 1.5, 3e-3, 700.0])
def test_nodes_weigh_what_their_records_weigh(heaviest):
    weights = {0: heaviest, 1: heaviest / 3}
    w = np.linspace(0.5, 2.0, 400)
    tree = DecisionTreeClassifier(class_weight=weights, max_depth=3).fit(X, Y, w).tree_
    of_record = w * np.array([heaviest, heaviest / 3, 1.0])[Y]
    assert tree.weighted_n_node_samples[0] == pytest.approx(of_record.sum(), rel=1e-4)
    leaf = DecisionTreeClassifier(class_weight=weights, max_depth=3).fit(X, Y, w).apply(X)
    for node in np.unique(leaf):
        assert tree.weighted_n_node_samples[node] == pytest.approx(of_record[leaf == node].sum(), rel=1e-4)


@pytest.mark.parametrize("name", ["get_depth", "get_n_leaves"])
def test_trees_without_records_have_no_depth(name):
    with pytest.raises(NotFittedError):
        getattr(DecisionTreeClassifier(), name)()
    with pytest.raises(UndefinedAttributeError, match="no rows"):
        getattr(DecisionTreeClassifier().fit(X, Y).forget(X, Y), name)()


@pytest.mark.parametrize("given", [{1: 2}, "two", 1.5])
def test_a_pickle_of_other_threads(given):
    """The number of threads is read with the parameters: what is none is refused like all that was altered."""
    model = RandomForestClassifier(2, n_jobs=1).fit(X, Y)
    contents = model.__getstate__()
    contents["state"] = contents["state"] | {"params": contents["state"]["params"] | {"n_jobs": given}}
    with pytest.raises(FormatError):
        object.__new__(RandomForestClassifier).__setstate__(contents)


def test_memory_is_told_before_it_is_taken(monkeypatch):
    """What is foreseen is at least what pools use, and not much more; a forest beyond it is refused."""
    for model in (RandomForestRegressor(3), RandomForestClassifier(3), RandomForestClassifier(3, min_samples_leaf=5)):
        x, y = data(model)
        forest = model.fit(x, y)._state.statistic
        used = sum(tree.nbytes for tree in forest.trees) / sum(tree.n for tree in forest.trees)
        foreseen = bytes_per_record(forest._plan)
        assert used <= foreseen < 5 * used
    digest = model.digest()
    monkeypatch.setattr("sqlearn.engine.trees.forest.installed", lambda: 10_000)
    with pytest.raises(TooLargeError, match="max_samples"):
        model.fit(X, Y)
    assert model.digest() == digest


@pytest.mark.parametrize("n_jobs", [0, np.int64(0)])
def test_no_threads(n_jobs):
    with pytest.raises(ParameterError, match="thread per processor"):
        RandomForestClassifier(2, n_jobs=n_jobs).fit(X, Y)


def test_trees_that_a_user_takes_away_stay_in_the_model():
    model = RandomForestClassifier(5).fit(X, Y)
    before = model.predict_proba(X)
    model.estimators_.clear()
    assert len(model) == 5
    np.testing.assert_array_equal(model.predict_proba(X), before)


def given(model, rows):
    return (X[rows],) if isinstance(model, IsolationForest) else (X[rows], Y[rows])


FOLLOWED = [RandomForestClassifier(5, max_samples=0.5), IsolationForest(n_estimators=5, max_samples=40)]


@pytest.mark.parametrize("model", FOLLOWED, ids=lambda model: type(model).__name__)
def test_memory_ends_while_trees_follow_records_that_move(model, monkeypatch):
    monkeypatch.setattr(rows_module, "_MOST_EMPTY", 8)
    model.fit(*given(model, slice(None)))
    with monkeypatch.context() as patch:
        for owner in (Tree, Lowest):
            patch.setattr(owner, "move", mock.Mock(side_effect=MemoryError))
        model.forget(*given(model, slice(0, 300)))
        assert (Tree if isinstance(model, RandomForestClassifier) else Lowest).move.called
    model.forget(*given(model, slice(300, 320)))
    verify(model, *given(model, slice(320, None)))


@pytest.mark.parametrize("model", FOLLOWED, ids=lambda model: type(model).__name__)
def test_memory_ends_while_trees_take_records_back(model, monkeypatch):
    model.fit(*given(model, slice(None)))
    digest = model.digest()
    with monkeypatch.context() as patch, model.without(*given(model, slice(0, 9))):
        for owner in (Forest, Isolation):
            patch.setattr(owner, "_follow", mock.Mock(side_effect=MemoryError))
    assert model.digest() == digest
    verify(model.forget(*given(model, slice(0, 9))), *given(model, slice(9, None)))


@pytest.mark.parametrize("model", FOLLOWED, ids=lambda model: type(model).__name__)
def test_trees_that_grow_while_records_go_are_not_kept(model, monkeypatch):
    model = copy.deepcopy(model.fit(*given(model, slice(None))))  # whose trees grow when they are read
    owner, name = (Forest, "_grown") if isinstance(model, RandomForestClassifier) else (Isolation, "_looked_through")
    grow = getattr(owner, name)

    def slow(*args, **kwargs):
        found = grow(*args, **kwargs)
        if not gone:
            gone.append(threading.Thread(target=model.forget, args=given(model, slice(0, 20))))
            gone[0].start()
            gone[0].join()
        return found

    gone = []
    with monkeypatch.context() as patch, pytest.raises(BusyError):
        patch.setattr(owner, name, slow)
        model.predict(X[:5])
    verify(model, *given(model, slice(20, None)))
