"""NearestCentroid: agreement with scikit-learn, degenerate states."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import neighbors as peers
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from laws import check_contract
from records import records_of
from sqlearn import ParameterError, UndefinedAttributeError, verify
from sqlearn.neighbors import NearestCentroid

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


def test_medians_are_refused():
    with pytest.raises(ParameterError, match="medians"):
        NearestCentroid("manhattan").fit([[0.0], [1.0]], [0, 1])


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
