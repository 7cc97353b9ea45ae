"""PCA: agreement with scikit-learn, large means, degenerate states."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import decomposition as peers
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from laws import check_contract
from records import records_of
from sqlearn import UndefinedAttributeError, verify
from sqlearn.decomposition import PCA

LOADERS = [load_iris, load_wine, load_digits, load_breast_cancer]
ATTRIBUTES = "components_ explained_variance_ explained_variance_ratio_ singular_values_ mean_ noise_variance_".split()


def data(loader):
    X = loader().data
    return X[:, X.std(axis=0) > 0] / X.std(axis=0)[X.std(axis=0) > 0]


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("n_components", [None, 0, 1, 3, 0.5, 0.99, "mle"])
@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.crossed(7)
def test_agrees_with_scikit_learn(loader, n_components, whiten):
    X = data(loader)
    ours = PCA(n_components, whiten=whiten).fit(X)
    theirs = peers.PCA(n_components, whiten=whiten, svd_solver="full").fit(X)
    assert ours.n_components_ == theirs.n_components_ and ours.n_samples_ == theirs.n_samples_
    for name in ATTRIBUTES:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-8, atol=1e-8, err_msg=name)
        assert np.asarray(getattr(ours, name)).dtype == np.float64
    np.testing.assert_allclose(ours.fit_transform(X), theirs.transform(X), atol=1e-8)
    np.testing.assert_allclose(ours.get_covariance(), theirs.get_covariance(), atol=1e-8)
    if n_components != 0:
        back = ours.inverse_transform(ours.transform(X))
        np.testing.assert_allclose(back, theirs.inverse_transform(theirs.transform(X)), atol=1e-7)
        np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-6)
        assert ours.score(X) == pytest.approx(theirs.score(X))
    assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()


@pytest.mark.parametrize("solver", ["auto", "full", "covariance_eigh", "arpack", "randomized"])
def test_solvers_are_one(solver):
    X = load_iris().data
    np.testing.assert_array_equal(PCA(2, svd_solver=solver).fit(X).components_, PCA(2).fit(X).components_)


def test_wide_data():
    X = np.random.default_rng(0).normal(size=(5, 9))
    for n_components in (None, 3, 0.7):
        ours, theirs = PCA(n_components).fit(X), peers.PCA(n_components, svd_solver="full").fit(X)
        k = min(theirs.n_components_, 4)  # the last axis of five has no variance
        assert ours.n_components_ == theirs.n_components_
        np.testing.assert_allclose(ours.components_[:k], theirs.components_[:k], atol=1e-12)
        np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, atol=1e-12)
        np.testing.assert_allclose(ours.noise_variance_, theirs.noise_variance_, atol=1e-12)


def test_large_means_do_not_show():
    X = np.random.default_rng(0).integers(-50, 50, (100, 3)) * 1.0
    near, far = PCA().fit(X), PCA().fit(X + np.array([1e12, -1e13, 0.0]))
    np.testing.assert_allclose(far.explained_variance_, near.explained_variance_, rtol=1e-13)
    np.testing.assert_allclose(far.components_, near.components_, atol=1e-13)


@pytest.mark.parametrize("learner", [PCA(2, whiten=True), PCA(0.8), PCA("mle")], ids=repr)
def test_contract(learner):
    rng = np.random.default_rng(0)
    check_contract(learner, records_of(learner, rng, 16, 1), rng)


def test_fit_refuses_what_scikit_learn_refuses():
    X = np.arange(12.0).reshape(3, 4) ** 2
    for n_components in (4, "mle", -1, 1.5):
        for PCAs in (PCA, peers.PCA):
            with pytest.raises(ValueError, match="n_components"):
                PCAs(n_components).fit(X)


def test_degenerate_states():
    X = np.random.default_rng(0).normal(size=(6, 4))
    model = PCA(3).fit(X)
    model.forget(X[2:])
    assert model.n_components_ == 2 and model.noise_variance_ == 0.0
    np.testing.assert_allclose(model.components_[0], peers.PCA().fit(X[:2]).components_[0], atol=1e-12)
    model.forget(X[1])
    with pytest.raises(UndefinedAttributeError, match="covariance"):
        _ = model.components_
    assert verify(model, X[:1])
    mle = PCA("mle").fit(X)
    with pytest.raises(UndefinedAttributeError, match="mle"):
        _ = mle.forget(X[3:]).components_
    same = PCA().fit(np.ones((4, 2)))
    assert (same.explained_variance_ == 0).all() and np.isnan(same.explained_variance_ratio_).all()
    huge = PCA().fit([[1e308, 1.0], [-1e308, 2.0], [1.0, 4.0], [2.0, 5.0]])
    with pytest.raises(UndefinedAttributeError, match="beyond float64"):
        _ = huge.components_
    assert huge.forget([[1e308, 1.0], [-1e308, 2.0]]).n_components_ == 2


def test_sparse_rows_are_the_dense_ones():
    X = np.random.default_rng(0).poisson(0.5, (40, 5)).astype(float)
    model = PCA(2).fit(sp.csr_array(X))
    assert model.digest() == PCA(2).fit(X).digest()
    assert verify(model.forget(sp.csr_array(X[:7])), X[7:])
