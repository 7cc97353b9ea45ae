"""Linear and quadratic discriminant analysis: agreement with scikit-learn, large means, degenerate states."""

import numpy as np
import pytest
from sklearn import discriminant_analysis as peers
from sklearn.covariance import LedoitWolf
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from laws import check_contract
from records import records_of
from sqlearn import ParameterError, UndefinedAttributeError, verify
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis as LDA
from sqlearn.discriminant_analysis import QuadraticDiscriminantAnalysis as QDA

LOADERS = [load_iris, load_wine, load_digits, load_breast_cancer]
LINEAR = [
    {},
    {"store_covariance": True},
    {"n_components": 1},
    {"solver": "lsqr"},
    {"solver": "lsqr", "shrinkage": 0.3},
    {"solver": "eigen"},
    {"solver": "eigen", "shrinkage": 0.3, "n_components": 1},
    {"solver": "lsqr", "shrinkage": "auto"},
    {"solver": "eigen", "shrinkage": "auto"},
]
QUADRATIC = [
    {},
    {"reg_param": 0.2, "store_covariance": True},
    {"solver": "eigen", "store_covariance": True},
    {"solver": "eigen", "shrinkage": 0.3},
    {"solver": "eigen", "shrinkage": "auto", "store_covariance": True},
]


def data(loader):
    """Features of full rank within each class."""
    X, y = loader(return_X_y=True)
    if loader is load_digits:
        X = X + np.random.default_rng(0).normal(size=X.shape)
    return X / X.std(axis=0), y


def assert_equal_up_to_sign(a, b, **tolerance):
    """Columns may differ in their sign."""
    signs = np.sign((a * b).sum(axis=0))
    np.testing.assert_allclose(a * signs, b, **tolerance)


@pytest.mark.parametrize("solver", ["lsqr", "eigen"])
def test_automatic_shrinkage_is_that_of_any_unit(solver):
    """Of single features, and where variances are below float64; only the attribute `covariance_` underflows there."""
    X, y = load_wine(return_X_y=True)
    X = (X * 2.0**10).round()
    options = {"solver": solver, "shrinkage": "auto"}
    plain = LDA(**options).fit(X, y)
    theirs = peers.LinearDiscriminantAnalysis(**options).fit(X, y)
    np.testing.assert_allclose(plain.decision_function(X), theirs.decision_function(X), rtol=1e-7, atol=1e-7)
    for k in (-950, -600, -540, -530, -300, 300, 480, np.arange(-600, 440, 80)):
        scaled = np.ldexp(X, k)
        model = LDA(**options).fit(scaled, y)
        np.testing.assert_allclose(model.decision_function(scaled), plain.decision_function(X), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(np.ldexp(model.coef_, k), plain.coef_, rtol=1e-9, atol=1e-12)
        if np.min(k) > -500:
            covariance = np.ldexp(model.covariance_, -2 * k)
            np.testing.assert_allclose(covariance, plain.covariance_, rtol=1e-12)
    with pytest.raises(UndefinedAttributeError, match="covariance lies beyond"):
        LDA(**options).fit(np.ldexp(X, 520), y).coef_  # noqa: B018


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("options", LINEAR, ids=repr)
@pytest.mark.parametrize("given_priors", [False, True])
@pytest.mark.crossed(6)
def test_linear_agrees_with_scikit_learn(loader, options, given_priors):
    X, y = data(loader)
    k = len(np.unique(y))
    if given_priors:
        options = options | {"priors": np.arange(1, k + 1) / (k * (k + 1) / 2)}
    ours = LDA(**options).fit(X, y)
    theirs = peers.LinearDiscriminantAnalysis(**options).fit(X, y)
    attributes = ours.fitted_attributes()
    # signs of axes need not agree
    for name in set(vars(theirs)) - set(theirs.get_params()) - {"scalings_"}:
        found, wanted = attributes[name], getattr(theirs, name)
        np.testing.assert_allclose(
            found, wanted, rtol=1e-6, atol=1e-8, strict=isinstance(wanted, np.ndarray), err_msg=name
        )
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-8)
    if ours.solver != "lsqr":
        assert_equal_up_to_sign(ours.transform(X), theirs.transform(X), atol=1e-7)
        count = k - 1
        assert_equal_up_to_sign(ours.scalings_[:, :count], theirs.scalings_[:, :count], rtol=1e-6, atol=1e-8)
        assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("options", QUADRATIC, ids=repr)
@pytest.mark.crossed(3)
def test_quadratic_agrees_with_scikit_learn(loader, options):
    X, y = data(loader)
    options = options | {"tol": 1e-6}
    ours = QDA(**options).fit(X, y)
    theirs = peers.QuadraticDiscriminantAnalysis(**options).fit(X, y)
    for name in ("priors_", "means_", "classes_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-12)
    for i in range(len(ours.classes_)):
        np.testing.assert_allclose(ours.scalings_[i], theirs.scalings_[i], rtol=1e-8)
        assert_equal_up_to_sign(ours.rotations_[i], theirs.rotations_[i], atol=1e-5)
        if options.get("store_covariance"):
            np.testing.assert_allclose(ours.covariance_[i], theirs.covariance_[i], atol=1e-10)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-6, atol=1e-6)


def test_collinear_features_are_no_trouble_for_svd():
    X, y = load_iris(return_X_y=True)
    X = np.column_stack([X, X[:, 0] - 2 * X[:, 1], np.ones(len(X))])
    ours, theirs = LDA(tol=1e-9).fit(X, y), peers.LinearDiscriminantAnalysis().fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-8)
    assert ours.scalings_.shape == theirs.scalings_.shape


def test_large_means_do_not_show():
    rng = np.random.default_rng(0)
    X, y = rng.integers(-50, 50, (100, 3)) * 1.0, np.arange(100) % 3
    X[:, 0] += 10.0 * y
    for learner in (LDA, QDA):
        near, far = learner(store_covariance=True).fit(X, y), learner(store_covariance=True).fit(X + 1e12, y)
        np.testing.assert_allclose(far.covariance_, near.covariance_, rtol=1e-13)
        np.testing.assert_array_equal(far.predict(X + 1e12), near.predict(X))


@pytest.mark.parametrize("kind, solver", [(LDA, "lsqr"), (LDA, "eigen"), (QDA, "eigen")])
def test_shrinkage_of_features_far_from_zero(kind, solver):
    """At a mean of 1e8 deviations, fourth powers of raw float64 values would have no digit left."""
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(300, 4)) @ (np.eye(4) + 0.5), 4)
    X, y = np.round(X * 2.0**20) / 2.0**20, np.arange(300) % 3
    X[:, 0] += y
    options = {"solver": solver, "shrinkage": "auto", "store_covariance": True}
    far, near = kind(**options).fit(X + 1e8, y), getattr(peers, kind.__name__)(**options).fit(X, y)
    np.testing.assert_allclose(far.covariance_, near.covariance_, rtol=1e-11, atol=1e-13)
    if kind is QDA:  # the coefficients of LDA are scikit-learn's, of features as they are, and cancel at prediction
        np.testing.assert_array_equal(far.predict(X + 1e8), near.predict(X))


def test_shrinkage_of_its_own_where_a_feature_is_constant_but_for_rounding():
    X, y = load_iris(return_X_y=True)
    X = np.column_stack([X, np.where(np.arange(150) % 2, 0.1 + 0.2, 0.3), np.full(150, 0.3)])
    options = {"solver": "lsqr", "shrinkage": "auto"}
    ours, theirs = LDA(**options).fit(X, y), peers.LinearDiscriminantAnalysis(**options).fit(X, y)
    np.testing.assert_allclose(ours.covariance_, theirs.covariance_, rtol=1e-9, atol=1e-15)
    assert ours.covariance_[4, 4] > 1e-4


def test_sums_of_fourth_order_are_held_only_when_asked_for():
    X, y = load_iris(return_X_y=True)
    assert set(LDA().fit(X, y).canonical_parts()) == {"header", "labels", "records", "sums 0", "sums 1", "ledger"}
    shrunk = LDA(solver="lsqr", shrinkage="auto").fit(X, y)
    assert set(shrunk.canonical_parts()) > {"sums 2", "sums 3"}


@pytest.mark.parametrize("learner", [LDA, QDA])
def test_what_sees_the_rows_is_refused(learner):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ParameterError, match="rows themselves"):
        learner(solver="eigen", covariance_estimator=LedoitWolf()).fit(X, y)
    with pytest.raises(ParameterError, match="shrinkage not supported"):
        learner(shrinkage=0.1).fit(X, y)


def test_linear_fit_refuses_what_scikit_learn_refuses():
    X, y = load_iris(return_X_y=True)
    for learner in (LDA, peers.LinearDiscriminantAnalysis):
        with pytest.raises(ValueError, match="more than the number of classes"):
            learner().fit(X[[0, 60]], y[[0, 60]])
        with pytest.raises(ValueError, match="n_components"):
            learner(n_components=3).fit(X, y)
        with pytest.raises(ValueError, match="non-negative"):
            learner(priors=[-0.5, 0.5, 1.0]).fit(X, y)
        with pytest.warns(UserWarning, match="Renormalizing"):
            np.testing.assert_allclose(learner(priors=[1, 1, 2]).fit(X, y).priors_, [0.25, 0.25, 0.5])
        with pytest.raises(np.linalg.LinAlgError):
            learner(solver="eigen").fit(X[:, [0, 0]], y)


def test_quadratic_fit_refuses_what_scikit_learn_refuses():
    X, y = load_iris(return_X_y=True)
    for learner in (QDA, peers.QuadraticDiscriminantAnalysis):
        with pytest.raises(ValueError, match="number of classes"):
            learner().fit(X[:50], y[:50])
        with pytest.raises(ValueError, match="only 1 sample"):
            learner().fit(X[:51], y[:51])
        with pytest.raises(np.linalg.LinAlgError, match="not full rank"):
            learner().fit(X[:53], y[:53])
        with pytest.raises(np.linalg.LinAlgError, match="shrinkage"):
            learner(solver="eigen").fit(X[:, [0, 0]], y)


@pytest.mark.parametrize("options", LINEAR, ids=repr)
def test_linear_degenerate_states(options):
    X, y = load_iris(return_X_y=True)
    X, y = X[::5], y[::5]
    model = LDA(**options).fit(X, y)
    for left in ([0, 1, 2, 3, 12, 13], [0, 1, 2, 3, 4, 5, 6, 7], [0, 20], [0]):
        gone = np.setdiff1d(np.arange(len(X)), left)
        with model.without(X[gone], y[gone]):
            assert verify(model, X[left], y[left])
            try:
                assert set(model.predict(X)) <= set(y[left])
            except UndefinedAttributeError:
                assert len(left) < 3 or (model.solver == "eigen" and not model.shrinkage)


def test_quadratic_degenerate_states():
    X, y = load_iris(return_X_y=True)
    model = QDA().fit(X, y)
    model.forget(X[50:], y[50:])
    assert (model.predict(X) == 0).all() and (model.predict_proba(X) == 1).all()
    model.forget(X[1:50], y[1:50])
    with pytest.raises(UndefinedAttributeError, match="only 1 sample"):
        model.predict(X)
    assert verify(model, X[:1], y[:1])
    model.partial_fit(X[1:], y[1:]).predict(X)
    assert verify(model, X, y)
    outlier = QDA().fit(np.vstack([X, X[:1] * 1e307]), [*y, 0])  # a legal state
    with pytest.raises(UndefinedAttributeError, match="beyond float64"):
        outlier.predict(X)


def test_a_failed_fit_changes_nothing():
    X, y = load_iris(return_X_y=True)
    model = QDA().fit(X, y)
    before = model.digest()
    with pytest.raises(np.linalg.LinAlgError):
        model.fit(X[:53], y[:53])
    assert model.digest() == before


@pytest.mark.parametrize("kind, options", [*((LDA, o) for o in LINEAR), *((QDA, o) for o in QUADRATIC)], ids=repr)
@pytest.mark.crossed(2)
def test_contract(kind, options):
    rng = np.random.default_rng(0)
    learner = kind(**options)
    check_contract(learner, records_of(learner, rng, 16, 1), rng)


def test_lsqr_does_not_transform():
    """The solver is at fault, not the arguments, so the error is scikit-learn's."""
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    with pytest.raises(NotImplementedError, match="'lsqr' solver"):
        LDA(solver="lsqr").fit(X, y).transform(X)
