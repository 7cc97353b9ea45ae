"""NearestCentroid and nearest neighbours: agreement with scikit-learn, degenerate states."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import neighbors as peers
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from laws import assert_same, check_contract, unchanged
from records import records_of
from sqlearn import InvalidValueError, ParameterError, ShapeError, UndefinedAttributeError, verify
from sqlearn.compose import TableModel
from sqlearn.engine.rounds.kept import by_content
from sqlearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid

LOADERS = [load_iris, load_wine, load_digits, load_breast_cancer]
ATTRIBUTES = ["centroids_", "class_prior_", "deviations_", "within_class_std_dev_"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    "options",
    [{}, {"shrink_threshold": 0.3}, {"priors": "empirical"}, {"priors": "empirical", "shrink_threshold": 2.0}],
    ids=repr,
)
def test_agrees_with_scikit_learn(loader, options):
    X, y = loader(return_X_y=True)
    X = X[:, X.std(axis=0) > 0]
    ours, theirs = NearestCentroid(**options).fit(X, y), peers.NearestCentroid(**options).fit(X, y)
    for name in ATTRIBUTES:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


def test_given_priors():
    X, y = load_iris(return_X_y=True)
    for priors in ([0.2, 0.3, 0.5], [2, 3, 5]):
        with pytest.warns(UserWarning) if sum(priors) > 1 else np.errstate():
            ours, theirs = NearestCentroid(priors=priors).fit(X, y), peers.NearestCentroid(priors=priors).fit(X, y)
        np.testing.assert_allclose(ours.class_prior_, theirs.class_prior_)
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    with pytest.raises(ValueError, match="non-negative"):
        NearestCentroid(priors=[-0.2, 0.2, 1.0]).fit(X, y)
    model = NearestCentroid(priors=[0.2, 0.3, 0.5]).fit(X, y).forget(X[y == 0], y[y == 0])
    with pytest.raises(UndefinedAttributeError, match="3 priors"):
        model.predict(X)


@pytest.mark.parametrize("options", [{}, {"shrink_threshold": 0.3}, {"priors": "empirical"}], ids=repr)
def test_medians(options):
    """Centroids of "manhattan" are scikit-learn's to the bit, and those that remain are a refit's."""
    X, y = load_iris(return_X_y=True)
    ours, theirs = (kind("manhattan", **options).fit(X, y) for kind in (NearestCentroid, peers.NearestCentroid))
    exact = np.testing.assert_array_equal if "shrink_threshold" not in options else np.testing.assert_allclose
    exact(ours.centroids_, theirs.centroids_)
    for name in ("within_class_std_dev_", "deviations_", "class_prior_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-11, err_msg=name)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_array_equal(ours.predict(sp.csr_array(X)), theirs.predict(X))
    assert not hasattr(ours, "predict_proba")
    ours.forget(X[:120:7], y[:120:7])
    left = np.setdiff1d(np.arange(len(X)), np.arange(0, 120, 7))
    assert verify(ours, X[left], y[left])


@pytest.mark.parametrize("X, y", [([[0.0], [1.0]], [1, 1]), ([[3.0], [3.0]], [0, 1])])
def test_fit_refuses_what_scikit_learn_refuses(X, y):
    for form in (np.array, sp.csr_array):
        for learner in (NearestCentroid(), peers.NearestCentroid()):
            with pytest.raises(ValueError, match=r"number of classes|zero variance"):
                learner.fit(form(X), y)


@pytest.mark.parametrize("options", [{}, {"shrink_threshold": 0.5}, {"priors": "empirical"}], ids=repr)
def test_degenerate_states(options):
    X, y = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, 1.0], [6.0, 1.0]]), np.array([0, 0, 1, 1])
    model = NearestCentroid(**options).fit(X, y)
    model.forget(X[1:3], y[1:3])
    assert verify(model, X[[0, 3]], y[[0, 3]])
    model.forget(X[3], 1)
    np.testing.assert_array_equal(model.centroids_, X[:1])
    np.testing.assert_array_equal(model.deviations_, [[0.0, 0.0]])
    np.testing.assert_array_equal(model.predict(X), [0, 0, 0, 0])
    with pytest.raises(UndefinedAttributeError, match="no rows"):
        model.forget(X[0], 0).predict(X)


def test_sparse_rows_are_the_dense_ones():
    rng = np.random.default_rng(0)
    X, y = rng.poisson(0.5, (40, 5)).astype(float), rng.choice(["a", "b", "c"], 40)
    model = NearestCentroid().fit(sp.csc_matrix(X), y)
    assert model.digest() == NearestCentroid().fit(X, y).digest()
    np.testing.assert_array_equal(model.predict(sp.csr_array(X)), peers.NearestCentroid().fit(X, y).predict(X))
    assert verify(model.forget(sp.csr_array(X[:7]), y[:7]), X[7:], y[7:])


@pytest.mark.parametrize("priors", ["uniform", "empirical"])
@pytest.mark.parametrize("level", [0, 2])
def test_contract(priors, level):
    rng = np.random.default_rng(level)
    learner = NearestCentroid(priors=priors, shrink_threshold=0.1)
    check_contract(learner, records_of(learner, rng, 16, level), rng)


# ------------------------------------------------------------------------------------------------ nearest neighbours

OPTIONS = [
    {},
    {"n_neighbors": 3, "weights": "distance"},
    {"algorithm": "brute", "n_neighbors": 2},
    {"algorithm": "ball_tree", "leaf_size": 5, "p": 1},
    {"algorithm": "kd_tree", "p": 3},
    {"p": np.inf, "weights": "distance"},
    {"metric": "cosine"},
    {"metric": "minkowski", "metric_params": {"w": np.arange(1.0, 5.0)}},
    {"weights": None, "n_jobs": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_neighbours_agree_with_scikit_learn(options):
    """Without ties, whatever the history."""
    options = deepcopy(options)  # scikit-learn writes to metric_params
    rng = np.random.default_rng(1)
    X, y, asked = rng.normal(size=(300, 4)), rng.choice(["a", "b", "c"], 300), rng.normal(size=(80, 4))
    kept = np.arange(300) % 3 > 0
    ours = KNeighborsClassifier(**options).fit(X, y).forget(X[~kept], y[~kept])
    theirs = peers.KNeighborsClassifier(**options).fit(X[kept], y[kept])
    np.testing.assert_array_equal(ours.predict(asked), theirs.predict(asked))
    np.testing.assert_allclose(ours.predict_proba(asked), theirs.predict_proba(asked), rtol=1e-12)
    assert ours.score(asked, ours.predict(asked)) == 1.0
    values = X @ [1.0, -2.0, 0.5, 3.0]
    ours = KNeighborsRegressor(**options).fit(X[kept], values[kept]).partial_fit(X[~kept], values[~kept])
    theirs = peers.KNeighborsRegressor(**options).fit(X, values)
    np.testing.assert_allclose(ours.predict(asked), theirs.predict(asked), rtol=1e-12)
    distances, numbers = ours.kneighbors(asked)
    held = X[by_content(np.column_stack([X, values]))]
    np.testing.assert_allclose(distances, theirs.kneighbors(asked)[0], rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(held[numbers], X[theirs.kneighbors(asked)[1]])
    np.testing.assert_array_equal(ours.kneighbors_graph(asked, 2).sum(axis=1), 2 * np.ones((80, 1)))
    assert ours.kneighbors(n_neighbors=1, return_distance=False).shape == (300, 1)


@pytest.mark.parametrize("learner", [KNeighborsClassifier(4), KNeighborsRegressor(4, algorithm="brute")], ids=repr)
def test_ties_are_broken_by_the_records_alone(learner):
    """Most distances are equal, and most records have copies."""
    rng = np.random.default_rng(2)
    X, y = rng.integers(-1, 2, (120, 2)).astype(float), rng.integers(0, 4, 120)
    asked = rng.integers(-2, 3, (60, 2)) / 2.0
    models = []
    for key in (None, "secret"):
        order = rng.permutation(120)
        model = type(learner)(**learner.get_params() | {"key": key})
        for index in order:
            model.partial_fit(X[index], y[index])
        model.partial_fit(-X, y).forget(-X[order], y[order])
        models.append(model)
    reference = type(learner)(**learner.get_params()).fit(X, y)
    for model in models:
        np.testing.assert_array_equal(model.predict(asked), reference.predict(asked))
        for mine, other in zip(model.kneighbors(asked), reference.kneighbors(asked), strict=True):
            np.testing.assert_array_equal(mine, other)
        if model.to_sklearn()._tree is not None:  # its arrays; it also counts what was asked
            parts = zip(*(fitted.to_sklearn()._tree.__getstate__()[:4] for fitted in (model, reference)), strict=True)
            assert all(mine.tobytes() == other.tobytes() for mine, other in parts)
    assert_same(models[0], reference)
    assert_same(pickle.loads(pickle.dumps(models[0])), reference)


def test_rows_are_sorted_as_floats_are():
    rng = np.random.default_rng(3)
    few = np.array([0.0, -1.5, 1.5, 5e-324, -5e-324, 1e308, -1e308, 2.0**500])
    values = rng.choice(few, (400, 3))
    np.testing.assert_array_equal(values[by_content(values)], values[np.lexsort(values.T[::-1])])


@pytest.mark.parametrize("cls", [KNeighborsClassifier, KNeighborsRegressor])
def test_fewer_records_than_neighbours(cls):
    X, y = np.arange(8.0)[:, None], np.arange(8) % 2
    model = cls().fit(X, y)
    assert model.kneighbors([[3.0]], 8)[1].shape == (1, 8)
    for read in (lambda: model.kneighbors([[3.0]], 9), lambda: model.kneighbors(n_neighbors=8)):
        with pytest.raises(UndefinedAttributeError, match="Expected n_neighbors <"):
            read()
    model.forget(X[:4], y[:4])
    with unchanged(model), pytest.raises(UndefinedAttributeError, match="Expected n_neighbors <= n_samples_fit"):
        model.predict(X)
    model.forget(X[4:], y[4:])
    with pytest.raises(UndefinedAttributeError, match="no rows"):
        model.predict(X)
    np.testing.assert_array_equal(model.partial_fit(X, y).predict(X), cls().fit(X, y).predict(X))


@pytest.mark.parametrize(
    "options, match",
    [
        ({"weights": lambda distances: distances}, "must be a name"),
        ({"metric": lambda a, b: 0.0}, "must be a name"),
        ({"metric": "precomputed"}, "not supported"),
        ({"metric": "nan_euclidean"}, "not supported"),
        ({"metric": "minkowski", "metric_params": {"w": "heavy"}}, "metric_params"),
        ({"metric": "pyfunc", "metric_params": {"func": max}}, "metric_params"),
        ({"metric": "seuclidean", "algorithm": "ball_tree"}, "do not fit"),
        ({"metric": "cosine", "algorithm": "kd_tree"}, "not valid"),
        ({"n_neighbors": 0}, "n_neighbors"),
    ],
)
def test_parameters_that_neighbours_refuse(options, match):
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    for cls in (KNeighborsClassifier, KNeighborsRegressor):
        model = cls().fit(X, y)
        with unchanged(model), pytest.raises(ValueError, match=match):
            model.set_params(**options).fit(X, y)


def test_asking_writes_to_no_parameters():
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    given = {"w": [1.0, 2.0]}
    model = KNeighborsClassifier(2, algorithm="brute", metric_params=given).fit(X, y)
    with unchanged(model):
        model.predict_proba(X)
    assert given == {"w": [1.0, 2.0]} and model.get_params()["metric_params"] == given
    assert verify(model, X, y)


def test_values_whose_distances_overflow():
    """scikit-learn returns records there that are no neighbours."""
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    model = KNeighborsClassifier(2).fit(X, y)
    for read in (lambda: model.partial_fit([1e200, 0.0], 0), lambda: model.predict([[0.0, 1e200]])):
        with unchanged(model), pytest.raises(InvalidValueError, match="cannot tell distances"):
            read()
    model = KNeighborsClassifier(2, p=10).fit(X, y)
    for row in ([[1e31, 0.0]], [1e31, 0.0]):
        with unchanged(model), pytest.raises(InvalidValueError, match="cannot tell distances"):
            model.partial_fit(row, 0)
    assert np.isfinite(model.partial_fit([[2.0**99, 0.0]], [0]).kneighbors([[-(2.0**99), 0.0]], 11)[0]).all()


def test_what_neighbours_do_not_take():
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    for cls in (KNeighborsClassifier, KNeighborsRegressor):
        with pytest.raises(ShapeError, match="1d array"):
            cls().fit(X, np.column_stack([y, y]))
        model = cls().fit(X, y)
        for read in (lambda model=model: model.predict(None), lambda model=model: model.score(None, y)):
            with pytest.raises(ParameterError, match="order"):
                read()
        with pytest.raises(TypeError):
            model.partial_fit(X, y, sample_weight=np.ones(10))
        with pytest.raises(ParameterError, match="cannot learn an encoded table"):
            TableModel(cls()).fit(X, y)


@pytest.mark.parametrize("algorithm", ["auto", "brute", "kd_tree"])
def test_sparse_neighbours_are_the_dense_ones(algorithm):
    rng = np.random.default_rng(4)
    X, y = rng.poisson(0.5, (40, 5)).astype(float), rng.choice(["a", "b", "c"], 40)
    learner = KNeighborsClassifier(3, algorithm=algorithm)
    model = learner.fit(sp.csc_matrix(X), y)
    assert_same(model, KNeighborsClassifier(3, algorithm=algorithm).fit(X, y))
    np.testing.assert_array_equal(model.predict(sp.csr_array(X)), model.predict(X))
    assert verify(model.forget(sp.csr_array(X[:7]), y[:7]), X[7:], y[7:])


def test_hard_targets():
    X, y = np.arange(6.0)[:, None], np.array([1e308, -1e308, 5e-324, -0.0, 0.0, 1e16])
    model = KNeighborsRegressor(1).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), y)
    model.forget(X[0], 1e308).partial_fit(X[0], 1e308).forget(X[3], 0.0)
    assert verify(model, X[[0, 1, 2, 4, 5]], y[[0, 1, 2, 4, 5]])
