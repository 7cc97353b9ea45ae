"""Linear models: scikit-learn's results on ordinary data, NIST's certified digits, and exactness beyond that."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning

from laws import check_contract
from learners import crossed
from naive import hard_rows
from nist import NIST, digits, read_nist
from records import records_of
from sqlearn import linear_model as ours
from sqlearn import verify
from sqlearn.errors import NotLearnedError, ParameterError, UndefinedAttributeError
from sqlearn.preprocessing import StandardScaler

REGRESSORS = [
    ("LinearRegression", {}),
    ("LinearRegression", {"fit_intercept": False}),
    ("LinearRegression", {"positive": True}),
    ("Ridge", {}),
    ("Ridge", {"alpha": 1e-3, "fit_intercept": False, "solver": "svd"}),
    ("Ridge", {"positive": True, "alpha": 0.1, "tol": 1e-12}),
    ("Lasso", {"alpha": 0.1, "tol": 1e-10}),
    ("Lasso", {"alpha": 0.05, "positive": True, "tol": 1e-10}),
    ("ElasticNet", {"alpha": 0.1, "l1_ratio": 0.3, "fit_intercept": False, "tol": 1e-10}),
    ("ElasticNet", {"alpha": 0.1, "selection": "random", "random_state": 3, "tol": 1e-10}),
    ("BayesianRidge", {"compute_score": True, "tol": 1e-8}),
    ("BayesianRidge", {"fit_intercept": False, "alpha_init": 0.5, "tol": 1e-8}),
]
each_regressor = pytest.mark.parametrize(
    ("name", "params"), REGRESSORS, ids=lambda v: v if isinstance(v, str) else str(v)
)


def both(name, params, X, y, **kwargs):
    """Our model and scikit-learn's, fitted."""
    return [getattr(module, name)(**params).fit(X, y, **kwargs) for module in (ours, peers)]


def assert_agree(model, peer, rtol=1e-8):
    """Every fitted attribute of scikit-learn's model is in ours, in type, shape and value."""
    attributes = {name for name in vars(peer) if name.endswith("_") and not name.startswith("_")}
    assert {name for name in model.fitted_attributes() if name.endswith("_")} == attributes
    for name in attributes:
        a, b = getattr(model, name), getattr(peer, name)
        kinds = {int if isinstance(value, np.integer) else type(value) for value in (a, b)}  # SciPy's ranks differ
        assert len(kinds) == 1, name
        assert np.shape(a) == np.shape(b), name
        if name in ("dual_gap_", "n_iter_"):  # where the last pass ends is a matter of rounding
            assert a is b is None or np.allclose(np.asarray(a, float), np.asarray(b, float), atol=2)
        elif isinstance(b, str):
            assert a == b
        else:
            scale = np.abs(b).max() if np.size(b) else 0.0
            assert np.allclose(a, b, rtol=rtol, atol=rtol * scale + 1e-15), name


def data_sets():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 6)) * [1, 10, 0.1, 3, 1, 1]
    yield "random", x, x @ [1.0, -0.5, 3.0, 0.0, 2.0, 0.1] + 4 + rng.normal(size=60)
    x, y = load_diabetes(return_X_y=True)
    yield "diabetes", x, y
    x = rng.normal(size=(50, 4)) + [1e6, -1e6, 0, 10]
    yield "offset", x, x @ [1.0, 2.0, 3.0, 4.0] + rng.normal(size=50)
    x = np.column_stack([rng.normal(size=(40, 3)), np.full(40, 0.1)])
    yield "constant column", x, x @ [1.0, 2.0, 3.0, 4.0] + rng.normal(size=40)


DATA = {name: (x, y) for name, x, y in data_sets()}


# -------------------------------------------------------------------------------------------------- as scikit-learn's


@each_regressor
@pytest.mark.parametrize("data", DATA)
@pytest.mark.crossed(2)
def test_regressors_agree_with_scikit_learn(name, params, data):
    x, y = DATA[data]
    loose = 1e-4 if params.get("positive") and name == "Ridge" else 1e-6
    if data == "offset" and not params.get("fit_intercept", True):
        pytest.skip("nearly collinear without an intercept: scikit-learn's own digits are few")
    if data == "constant column" and params.get("positive"):
        pytest.skip("scikit-learn's mean of the constant is off by a bit, and the rest gets a coefficient")
    assert_agree(*both(name, params, x, y), loose)
    w = np.random.default_rng(1).uniform(0.1, 3, len(x))
    assert_agree(*both(name, params, x, y, sample_weight=w), loose)


@each_regressor
@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.crossed(2)
def test_several_targets_agree_with_scikit_learn(name, params, columns):
    x, y = DATA["random"]
    y = np.column_stack([y, 2 - y**2 / 10, np.sin(y)])[:, :columns]
    if name == "BayesianRidge" and columns > 1:
        with pytest.raises(ValueError, match="1d"):
            getattr(ours, name)().fit(x, y)
        return
    assert_agree(*both(name, params, x, y), 1e-4 if params.get("positive") else 1e-6)


@each_regressor
def test_few_rows_agree_with_scikit_learn(name, params):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(5, 9)), rng.normal(size=5)
    w = np.array([1.0, 0.3, 2.7, 0.1, 1.1])
    for kwargs in ({}, {"sample_weight": w}):
        model, peer = both(name, params, x, y, **kwargs)
        if params.get("positive") and name == "LinearRegression":  # many solutions, and no least one is asked for
            assert model.score(x, y, **kwargs) >= peer.score(x, y, **kwargs) - 1e-9
            assert (model.coef_ >= 0).all()
        else:
            assert_agree(model, peer, 2e-4 if params.get("positive") or name == "BayesianRidge" else 1e-6)


@pytest.mark.parametrize("name", ["LinearRegression", "Ridge", "Lasso", "BayesianRidge"])
def test_one_row(name):
    model, peer = both(name, {}, [[1.0, 2.0]], [3.0])
    assert np.array_equal(model.coef_, peer.coef_)
    assert model.intercept_ == peer.intercept_ == 3.0


def test_dependent_columns_have_the_solution_of_least_norm():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 3))
    x = np.column_stack([x, x[:, 0] + 0.1 * x[:, 1], 3 * x[:, 2], np.full(40, 7.3)])
    y = rng.normal(size=40)
    for kwargs in ({}, {"sample_weight": rng.uniform(0.1, 3, 40)}):
        model, peer = both("LinearRegression", {}, x, y, **kwargs)
        assert model.rank_ == 3
        assert_agree(model, peer, 1e-9)


@pytest.mark.parametrize("name", ["LinearRegression", "Ridge", "Lasso", "ElasticNet", "RidgeClassifier"])
def test_sparse_rows_are_the_same_records(name):
    x, y = DATA["random"]
    x = np.where(np.abs(x) < 1, 0.0, x)
    y = (y > 4).astype(int) if name == "RidgeClassifier" else y
    model, sparse = getattr(ours, name)().fit(x, y), getattr(ours, name)().fit(sp.csr_array(x), y)
    assert model.digest() == sparse.digest()
    assert verify(sparse.forget(sp.csc_array(x[:7]), y[:7]), x[7:], y[7:])
    assert np.allclose(model.predict(sp.csr_array(x)), model.predict(x), rtol=1e-13)


def test_penalties_of_each_target():
    x, y = DATA["random"]
    y = np.column_stack([y, y**2])
    assert_agree(*both("Ridge", {"alpha": [0.1, 30.0]}, x, y))
    with pytest.raises(ParameterError, match="3 != 2"):
        ours.Ridge(alpha=[1, 2, 3]).fit(x, y)
    with pytest.raises(ValueError, match="at least 0"):
        ours.Ridge(alpha=[1, -2]).fit(x, y)


@pytest.mark.parametrize("solver", ["svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga"])
def test_every_solver_names_the_exact_solution(solver):
    x, y = DATA["random"]
    model = ours.Ridge(solver=solver).fit(x, y)
    assert model.solver_ == solver
    assert np.array_equal(model.coef_, ours.Ridge().fit(x, y).coef_)


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 0.3, 2: 7.0}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_ridge_classifier_agrees_with_scikit_learn(class_weight, n_classes):
    x, y = load_iris(return_X_y=True)
    keep = np.flatnonzero((y > 2 - n_classes) & (np.arange(150) % 7 > y))
    x, y = x[keep], np.where(y[keep] == 1, 0, y[keep]) if n_classes == 2 else y[keep]
    y = np.where(np.arange(len(y)) % 11 == 0, 2, y) if n_classes == 2 else y
    for kwargs in ({}, {"sample_weight": np.random.default_rng(4).uniform(0.1, 2, len(x))}):
        for fit_intercept in (True, False):
            params = {"class_weight": class_weight, "fit_intercept": fit_intercept}
            model, peer = both("RidgeClassifier", params, x, y, **kwargs)
            assert_agree(model, peer)
            assert np.array_equal(model.predict(x), peer.predict(x))


def test_ridge_classifier_follows_classes_and_balance():
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = ours.RidgeClassifier(class_weight="balanced").fit(x, names).forget(x[100:], names[100:])
    peer = peers.RidgeClassifier(class_weight="balanced").fit(x[:100], names[:100])
    assert model.coef_.shape == (4,)
    assert np.allclose(model.coef_, peer.coef_, rtol=1e-10)
    model.forget(x[50:100], names[50:100])
    assert (model.predict(x) == "setosa").all()
    assert verify(model, x[:50], names[:50])
    with pytest.raises(ParameterError, match="not in class_weight"):
        ours.RidgeClassifier(class_weight={"setosa": 2.0, "lily": 3.0}).fit(x, names)
    with pytest.raises(ParameterError, match="at least 0"):
        ours.RidgeClassifier(class_weight={"setosa": -2.0}).fit(x, names)


def test_bayesian_ridge_predicts_with_deviations():
    x, y = DATA["random"]
    model, peer = both("BayesianRidge", {}, x, y)
    for found, expected in zip(model.predict(x, return_std=True), peer.predict(x, return_std=True), strict=True):
        assert np.allclose(found, expected, rtol=1e-9)


def test_coordinate_descent_takes_the_same_passes():
    x, y = DATA["diabetes"]
    for tol in (1e-2, 1e-4, 1e-8):
        model, peer = both("Lasso", {"alpha": 0.3, "tol": tol}, x, y)
        assert model.n_iter_ == peer.n_iter_
        assert math.isclose(model.dual_gap_, peer.dual_gap_, rel_tol=1e-3, abs_tol=1e-12 * (y @ y))
        assert np.allclose(model.coef_, peer.coef_, rtol=1e-9)


@pytest.mark.parametrize("name", ["Lasso", "ElasticNet"])
def test_fit_warns_and_not_the_first_read(name):
    x, y = DATA["diabetes"]
    model = getattr(ours, name)(alpha=1e-4, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        model.fit(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _ = model.coef_, model.predict(x)
    model.forget(x[0], y[0])
    with pytest.warns(ConvergenceWarning):  # only now is it known
        _ = model.coef_
    with pytest.warns(UserWarning, match="alpha=0"):
        getattr(ours, name)(alpha=0.0).fit(x, y)


# ----------------------------------------------------------------------------------------------------------- exactness


@crossed(
    3,
    learner=[
        ours.RidgeClassifier(class_weight="balanced"),
        ours.RidgeClassifier(class_weight={1: 0.1, -1: 1e10}, fit_intercept=False),
        ours.Ridge(alpha=1e-30, fit_intercept=False),
        ours.ElasticNet(alpha=1e-3, selection="random", random_state=5),
        ours.BayesianRidge(fit_intercept=False),
    ],
    level=[0, 1, 2],
)
@pytest.mark.filterwarnings("ignore")
def test_contract_with_other_parameters(learner, level):
    rng = np.random.default_rng([level, 11])
    check_contract(learner, records_of(learner, rng, 20, level), rng)


@pytest.mark.parametrize("name", ["LinearRegression", "Ridge", "Lasso", "ElasticNet", "BayesianRidge"])
@pytest.mark.filterwarnings("ignore:Objective did not converge")
def test_what_float64_cannot_hold_is_told_and_mended(name):
    x, y = DATA["random"]
    model = getattr(ours, name)().fit(x, y)
    coef, digest = model.coef_.copy(), model.digest()
    far = np.array([1.7e308, -1.7e308])
    model.partial_fit(np.outer(far, np.ones(6)), far)
    if name == "Ridge":  # nothing that is read from it is large
        assert np.allclose(model.coef_, 1 / 6)
    else:
        assert not hasattr(model, "coef_")
        with pytest.raises(UndefinedAttributeError, match="beyond float64"):
            model.predict(x)
    model.forget(np.outer(far, np.ones(6)), far)
    assert model.digest() == digest
    assert np.array_equal(model.coef_, coef)


def test_a_slope_beyond_float64_is_told_and_mended():
    model = ours.LinearRegression().fit([[0.0], [1e-300]], [0.0, 1e10])
    with pytest.raises(UndefinedAttributeError, match="A coefficient lies beyond float64's range"):
        _ = model.coef_
    assert not hasattr(model, "coef_")
    assert model.forget([1e-300], 1e10).partial_fit([2.0], 4.0).coef_ == [2.0]


@pytest.mark.parametrize("outlier", [1e12, 1e153, 1e308, 5e-324])
def test_nothing_of_an_outlier_lingers(outlier):
    x, y = DATA["diabetes"]
    for name in ("LinearRegression", "Ridge", "BayesianRidge"):
        model = getattr(ours, name)().fit(x, y)
        before = model.fitted_attributes()
        model.partial_fit(np.full(10, outlier), -outlier).forget(np.full(10, outlier), -outlier)
        assert verify(model, x, y)
        assert np.array_equal(before["coef_"], model.coef_)


def test_a_weighted_matrix_has_the_records_rank():
    """Weights that round would make a matrix of full rank out of five rows, and coefficients out of noise."""
    rng = np.random.default_rng(6)
    x, y = rng.normal(size=(5, 30)), rng.normal(size=5)
    w = np.array([3, 1, 4, 1, 5])
    weighted = ours.LinearRegression().fit(x, y, sample_weight=w)
    repeated = ours.LinearRegression().fit(x.repeat(w, axis=0), y.repeat(w))
    assert weighted.rank_ == repeated.rank_ == 4
    assert np.array_equal(weighted.coef_, repeated.coef_)
    assert ours.LinearRegression().fit(x, y, sample_weight=w / 7).rank_ == 4


def test_centring_does_not_cancel():
    rng = np.random.default_rng(7)
    x = rng.integers(0, 9, (50, 3)).astype(float)
    y = x @ [1.0, 2.0, 3.0]
    model = ours.LinearRegression().fit(x + 2.0**48, y + 2.0**48)
    assert np.allclose(model.coef_, [1, 2, 3], rtol=1e-15)


def test_outliers_that_were_forgotten_with_all_else():
    model = ours.LinearRegression().fit([[1.0]], [2.0]).forget([1.0], 2.0)
    with pytest.raises(UndefinedAttributeError, match="holds no rows"):
        _ = model.coef_
    model.partial_fit([[1.0], [2.0]], [2.0, 4.0], sample_weight=[0.0, 0.0])
    with pytest.raises(UndefinedAttributeError, match="weight 0"):
        _ = model.coef_
    with pytest.raises(NotLearnedError):
        model.forget([1.0], 2.0)


@pytest.mark.parametrize(
    ("learner", "match"),
    [
        (ours.Lasso(warm_start=True), "warm_start"),
        (ours.Lasso(precompute=np.eye(2)), "precompute"),
        (ours.ElasticNet(selection="random", random_state=np.random.RandomState(0)), "random_state"),
        (ours.Ridge(solver="lbfgs"), "lbfgs"),
        (ours.Ridge(solver="svd", positive=True), "positive"),
    ],
)
def test_parameters_outside_the_guarantee(learner, match):
    with pytest.raises(ValueError, match=match):
        learner.fit(np.eye(2), [0.0, 1.0])


def test_hard_rows_by_history():
    """Rows of all magnitudes, learned and forgotten in any order, leave the bytes of a refit."""
    rng = np.random.default_rng(8)
    x = hard_rows(rng, 30, 3, 2)
    y = hard_rows(rng, 30, 1, 2)[:, 0]
    for learner in (ours.LinearRegression(), ours.Ridge(), ours.Lasso()):
        model = clone(learner).fit(x[:20], y[:20])
        model.relabel(x[:5], y[:5], y[5:10]).forget(x[10:15], y[10:15]).merge(clone(learner).fit(x[20:], y[20:]))
        kept = np.r_[5:10, 15:30]
        assert verify(model, np.vstack([x[:5], x[kept]]), np.r_[y[5:10], y[kept]])


# ---------------------------------------------------------------------------------------------------------------- NIST


@pytest.mark.parametrize("path", NIST, ids=lambda path: path.stem)
def test_nist_regression(path):
    certified, x, y = read_nist(path)
    x, y = x.astype(float), y.astype(float)[:, 0]
    with_intercept = not path.stem.startswith("NoInt")
    model = ours.LinearRegression(fit_intercept=with_intercept).fit(x, y)

    def found():
        return np.append(model.intercept_, model.coef_) if with_intercept else model.coef_

    before = found()
    assert digits(before, certified) >= (7.5 if path.stem == "Filip" else 13)
    model.partial_fit(np.full(x.shape[1], 1e12), 1e12)
    assert not np.array_equal(found(), before)
    model.forget(np.full(x.shape[1], 1e12), 1e12)
    assert np.array_equal(found(), before)
    assert model.rank_ == x.shape[1]


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).resolve().parents[1] / "nist" / "univariate").glob("*.dat")), ids=lambda p: p.stem
)
def test_nist_mean_and_deviation(path):
    lines = path.read_text("ascii").splitlines()
    mean, deviation = (
        float(next(line for line in lines if line.startswith(f"Sample {what}")).split(":")[1].split()[0])
        for what in ("Mean", "Standard")
    )
    first = next(i for i, line in enumerate(lines) if line.startswith("-----")) + 1
    values = np.array([line.split()[0] for line in lines[first:] if line.strip()], float)
    n = len(values)
    model = StandardScaler().fit(values[:, None])
    for _ in range(2):
        assert digits(model.mean_, [mean]) >= 15
        found = math.sqrt(model.var_[0] * n / (n - 1))
        # the data, as float64 has them, are 8 digits of the deviation of NumAcc3 and NumAcc4
        assert digits([found], [deviation]) >= (8 if path.stem in ("NumAcc3", "NumAcc4") else 15)
        model.partial_fit([1e12]).forget([1e12])
