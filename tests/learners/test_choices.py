"""Choices by cross-validation that forget: the folds, what scikit-learn chooses in the same folds, and refusals."""

import numpy as np
import pytest
from sklearn import linear_model as peers
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.model_selection import KFold

from laws import assert_same, check_contract
from records import pool_of
from sqlearn.engine.identity import folds_of
from sqlearn.engine.readout import folds_of as grams_of_folds
from sqlearn.engine.readout import left_out
from sqlearn.engine.sums import Block, FoldedGram, Log
from sqlearn.errors import ParameterError, SqlearnError, UndefinedAttributeError
from sqlearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sqlearn.linear_model.ridge_cv import ridge_path, units_of
from sqlearn.model_selection import HashedKFold

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 5)) + 5
Y = X[:, 0] - 2 * X[:, 1] + RNG.normal(size=150)
BOTH = np.column_stack([Y, X[:, 3] + RNG.normal(size=150)])
W = np.array([0.5, 1.0, 3.0])[np.arange(150) % 3]


def folds_in(model, X, y, w=None):
    """The fold of each record, by its digest."""
    state = model.state
    batch, _ = model._validated(state.params, X, y, w, state.layout, single=False)
    return folds_of(state.encode(batch, slice(0, len(X)), 1.0)[1], state.params["cv"])


def splits(folds):
    return [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in np.unique(folds)]


# ---------------------------------------------------------------------- what scikit-learn chooses


@pytest.mark.parametrize("y", [Y, BOTH], ids=["one", "two"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"cv": 3, "fit_intercept": False},
        {"scoring": "neg_mean_squared_error", "alphas": np.geomspace(1e-3, 1e3, 30)},
        {"scoring": "neg_root_mean_squared_error", "cv": 7, "alphas": [0.0, 10.0, 1.0]},
    ],
)
def test_ridge_chooses_what_scikit_learn_does_in_these_folds(params, y):
    model = RidgeCV(**params, store_cv_results=True).fit(X, y)
    expected = peers.RidgeCV(**params | {"cv": splits(folds_in(model, X, y))}).fit(X, y)
    assert model.alpha_ == expected.alpha_
    np.testing.assert_allclose(model.best_score_, expected.best_score_, rtol=1e-11)
    assert np.array_equal(model.coef_, Ridge(expected.alpha_, fit_intercept=model.fit_intercept).fit(X, y).coef_)
    assert model.cv_results_.shape == (model.state.params["cv"], *y.shape[1:], len(np.ravel(model.alphas)))


@pytest.mark.parametrize("weights", [None, W], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (LassoCV, {}),
        (LassoCV, {"cv": 3, "fit_intercept": False, "eps": 1e-2, "alphas": 10, "tol": 1e-6}),
        (LassoCV, {"selection": "random", "random_state": 3, "alphas": [0.01, 1.0, 0.1]}),
        (ElasticNetCV, {"positive": True, "precompute": False}),
        (ElasticNetCV, {"l1_ratio": [0.1, 0.5, 0.9], "alphas": 20, "precompute": True}),
    ],
)
def test_paths_are_those_of_scikit_learn_in_these_folds(kind, params, weights):
    model = kind(**params).fit(X, Y, weights)
    of_peer = getattr(peers, kind.__name__)(**params | {"cv": splits(folds_in(model, X, Y, weights))})
    expected = of_peer.fit(X, Y, weights)
    np.testing.assert_allclose(model.alphas_, expected.alphas_, rtol=1e-12)
    np.testing.assert_allclose(model.mse_path_, expected.mse_path_, rtol=1e-10)
    np.testing.assert_allclose(model.alpha_, expected.alpha_, rtol=1e-12)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-8, atol=1e-12)
    assert model.n_iter_ == expected.n_iter_
    if kind is ElasticNetCV:
        assert model.l1_ratio_ == expected.l1_ratio_


def test_the_model_is_that_of_the_chosen_parameters():
    lasso = LassoCV(alphas=10).fit(X, Y)
    assert np.array_equal(lasso.coef_, Lasso(lasso.alpha_).fit(X, Y).coef_)
    net = ElasticNetCV(alphas=5, l1_ratio=[0.2, 0.8]).fit(X, Y)
    assert np.array_equal(net.coef_, ElasticNet(net.alpha_, l1_ratio=net.l1_ratio_).fit(X, Y).coef_)
    labels = np.digitize(Y, [-6.0, -4.0])
    for y in (labels, labels > 1, BOTH > BOTH.mean(axis=0)):
        for class_weight in (None, "balanced"):
            model = RidgeClassifierCV([0.01, 30.0], class_weight=class_weight).fit(X, y)
            alone = RidgeClassifier(model.alpha_, class_weight=class_weight).fit(X, y)
            assert np.array_equal(model.coef_, alone.coef_)
            assert np.array_equal(model.predict(X), alone.predict(X))


def test_ridge_classifier_scores_targets_of_one_and_minus_one():
    y = Y > Y.mean()
    model = RidgeClassifierCV([0.1, 10.0, 100.0]).fit(X, y)
    regressor = peers.RidgeCV(model.alphas, cv=splits(folds_in(model, X, y)), scoring="neg_mean_squared_error")
    expected = regressor.fit(X, np.where(y, 1.0, -1.0))
    assert model.alpha_ == expected.alpha_
    np.testing.assert_allclose(model.best_score_, expected.best_score_, rtol=1e-11)


def test_a_penalty_for_each_target():
    y = np.column_stack([Y, RNG.normal(size=150)])
    model = RidgeCV([1e-2, 1e6], alpha_per_target=True).fit(X, y)
    assert model.alpha_.tolist() == [1e-2, 1e6]
    assert model.best_score_.shape == (2,)
    assert np.array_equal(model.coef_, Ridge(model.alpha_).fit(X, y).coef_)
    assert RidgeCV(alpha_per_target=True).fit(X, Y).alpha_ in (0.1, 1.0, 10.0)


# ---------------------------------------------------------------------- folds


def test_folds_never_shift():
    model = RidgeCV().fit(X, Y)
    before = folds_in(model, X, Y)
    model.forget(X[:50], Y[:50])
    assert folds_in(model, X, Y).tolist() == before.tolist()
    assert model.state.statistic.counts_of_folds[0].tolist() == np.bincount(before[50:], minlength=5).tolist()


def test_folds_are_those_of_the_splitter():
    for kind, y in ((RidgeCV, Y), (RidgeCV, BOTH), (RidgeClassifierCV, np.where(Y > 0, "a", "b"))):
        assert folds_in(kind(cv=7).fit(X, y), X, y).tolist() == HashedKFold(7).folds(X, y).tolist()
    model, cv = LassoCV(alphas=5, key="k").fit(X, Y), list(HashedKFold(key="k").split(X, Y))
    np.testing.assert_allclose(model.mse_path_, peers.LassoCV(alphas=5, cv=cv).fit(X, Y).mse_path_, rtol=1e-10)


def test_equal_records_share_a_fold():
    model = RidgeCV().fit(np.repeat(X[:1], 9, axis=0), np.repeat(Y[:1], 9)).partial_fit(X[0], Y[0])
    assert sorted(model.state.statistic.counts_of_folds[0].tolist()) == [0, 0, 0, 0, 10]


@pytest.mark.parametrize("make", [lambda: RidgeCV(), lambda: RidgeClassifierCV()])
def test_the_fast_path_finds_the_fold(make):
    y = Y if isinstance(make(), RidgeCV) else (Y > 0).astype(int)
    model, slow = make().fit(X, y), make().fit(X, y)
    for i in range(20):
        assert model.state.fast_path.change(X[i], y[i].item(), -1.0)
        slow.forget(X[i : i + 1], y[i : i + 1])
    assert model.digest() == slow.digest()
    for i in range(20):
        assert model.state.fast_path.change(X[i], y[i].item(), 1.0)
    assert_same(model, make().fit(X, y))


def test_empty_folds_are_left_out_of_the_mean():
    some = slice(0, 12)
    model = LassoCV(cv=20, alphas=5).fit(X[some], Y[some])
    held = model.state.statistic.counts_of_folds[0] > 0
    assert 0 < held.sum() < 20
    assert np.isnan(model.mse_path_).all(axis=0).tolist() == (~held).tolist()
    expected = peers.LassoCV(alphas=5, cv=splits(folds_in(model, X[some], Y[some]))).fit(X[some], Y[some])
    np.testing.assert_allclose(model.alpha_, expected.alpha_, rtol=1e-12)
    np.testing.assert_allclose(model.mse_path_[:, held], expected.mse_path_, rtol=1e-10)


def test_folds_of_one_record_have_an_error_and_no_r2():
    some = slice(0, 6)
    model = RidgeCV(cv=1000).fit(X[some], Y[some])
    assert (model.state.statistic.counts_of_folds.max(), model.n_records_) == (1, 6)
    with pytest.raises(UndefinedAttributeError, match=r"No fold.*Learn more rows"):
        _ = model.alpha_
    other = RidgeCV(cv=1000, scoring="neg_mean_squared_error", store_cv_results=True).fit(X[some], Y[some])
    assert other.alpha_ in (0.1, 1.0, 10.0)
    assert np.isfinite(other.cv_results_[:, 0]).sum() == 6
    assert model.forget(X[:5], Y[:5]).n_records_ == 1  # nothing is left to train on, and that is no error
    assert not hasattr(other.forget(X[:5], Y[:5]), "alpha_")


def test_a_target_that_does_not_vary_scores_as_scikit_learn_has_it():
    model = RidgeCV(cv=2, store_cv_results=True).fit(X, np.zeros(150))
    assert model.best_score_ == 1.0
    y = np.where(folds_in(model, X, np.zeros(150)) == 0, 0.0, 1.0)  # then in other folds, so ask again
    found = RidgeCV(cv=2, store_cv_results=True).fit(X, y)
    assert np.isfinite(found.cv_results_).all()


def test_a_class_that_a_fold_lacks_is_no_error():
    y = np.array(["a", "b"])[(np.arange(150) == 3).astype(int)]
    model = RidgeClassifierCV().fit(X, y)
    assert model.alpha_ in (0.1, 1.0, 10.0)
    model.forget(X[3], "b")
    assert_same(model, RidgeClassifierCV().fit(np.delete(X, 3, axis=0), np.delete(y, 3)))
    assert model.classes_.tolist() == ["a"]


def test_weights_are_weights_of_errors_and_choose_the_fold():
    model = RidgeCV(scoring="neg_mean_squared_error", store_cv_results=True).fit(X, Y, W)
    folds = folds_in(model, X, Y, W)
    assert (folds != folds_in(model, X, Y)).any()
    for (train, test), scores in zip(splits(folds), model.cv_results_, strict=True):
        expected = Ridge(0.1).fit(X[train], Y[train], W[train])
        error = mean_squared_error(Y[test], expected.predict(X[test]), sample_weight=W[test])
        np.testing.assert_allclose(scores[0], -error, rtol=1e-11)


# ---------------------------------------------------------------------- exactness


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "learner",
    [ElasticNetCV(cv=2, alphas=3, l1_ratio=[0.5, 1.0]), RidgeClassifierCV([0.5, 2.0], cv=2, class_weight="balanced")],
    ids=["net", "balanced"],
)
def test_any_history_is_a_refit(learner):
    rng = np.random.default_rng(3)
    check_contract(learner, pool_of(learner, rng, 16), rng)


@pytest.mark.parametrize("kind", [RidgeCV, LassoCV, ElasticNetCV])
def test_an_outlier_that_was_forgotten_leaves_no_trace(kind):
    model, expected = kind().fit(X, Y), kind().fit(X, Y)
    for value in (1e12, 1e150, 1e308, 5e-324, -1e12):
        model.partial_fit(np.full(5, value), value)
    assert model.forget(np.array([np.full(5, v) for v in (1e12, 1e150, 1e308, 5e-324, -1e12)]), [
        1e12, 1e150, 1e308, 5e-324, -1e12,
    ]).digest() == expected.digest()  # fmt: skip
    assert_same(model, expected)


def test_errors_do_not_depend_on_units():
    """Features near 1e-150 and targets near 1e150 choose as others do: errors are formed in units of their own."""
    digests = np.random.default_rng(1).integers(0, 2**64, (150, 6), dtype=np.uint64)
    found = []
    for x, y, alphas in ((X, Y, [0.5, 2.0]), (np.ldexp(X, -500), np.ldexp(Y, 500), np.ldexp([0.5, 2.0], -1000))):
        statistic = FoldedGram(5, 1, 2)
        statistic.resize(1)
        block = Block(x, np.zeros((150, 0), int), np.zeros(150, int), y[:, None], np.ones(150), digests)
        statistic.deposit(block, 1.0, Log(keeps=False))
        *_, total = grams = grams_of_folds(statistic, np.zeros(1, int))[0]
        units = units_of(total, True)
        fold = left_out(grams, statistic.counts_of_folds[0])[0]
        models = ridge_path(fold.train, np.array(alphas), True, units)
        found.append((fold.errors(models, True, units).tolist(), fold.spread(units).tolist()))
    assert found[0] == found[1]


def test_errors_beyond_float64_are_told():
    model = LassoCV().fit(X * 1e200, Y)
    with pytest.raises(UndefinedAttributeError, match="beyond float64"):
        _ = model.alpha_
    assert RidgeCV().fit(X * 1e200, Y * 1e100).alpha_ == 0.1
    mean_squared = RidgeCV(scoring="neg_mean_squared_error").fit(X, Y * 1e200)
    with pytest.raises(UndefinedAttributeError, match="beyond float64"):
        _ = mean_squared.alpha_


def test_fit_warns_where_descent_does_not_converge():
    with pytest.warns(ConvergenceWarning, match="Objective did not converge for 5 of 5 penalties and folds"):
        LassoCV(alphas=[1e-6], max_iter=1, tol=1e-12).fit(X, Y)


# ---------------------------------------------------------------------- parameters


def test_ways_to_say_how_many_folds_are_one():
    models = [RidgeCV(cv=cv).fit(X, Y) for cv in (None, 5, np.int64(5), HashedKFold(5))]
    assert len({model.digest() for model in models}) == 1
    assert [model.pending_params() for model in models] == [[]] * 4
    assert models[0].merge(models[3]).n_records_ == 300
    assert models[1].set_params(cv=4).pending_params() == ["cv"]
    assert models[2].set_params(cv=KFold(5)).pending_params() == ["cv"]
    secret = RidgeCV(cv=HashedKFold(5, key="a secret"), key="a secret").fit(X, Y)
    assert secret.digest() == RidgeCV(key="a secret").fit(X, Y).digest()
    assert clone(secret).cv.n_splits == 5


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (RidgeCV(cv=KFold(5)), r"so that they stay when one goes.*HashedKFold"),
        (LassoCV(cv=[([0, 1], [2, 3])]), r"by position, and lists of rows, are refused"),
        (RidgeCV(cv=HashedKFold(5, key="other")), "those of another key"),
        (RidgeCV(cv=HashedKFold(1)), "must be from 2 to 1,048,576"),
        (RidgeCV(cv=2**21), "from 2 to 1,048,576"),
        (RidgeCV(scoring="neg_max_error"), r"scoring='neg_max_error' needs the predictions.*neg_mean_squared_error"),
        (RidgeCV(scoring=make_scorer(mean_squared_error)), "needs the predictions of the rows themselves"),
        (RidgeClassifierCV(scoring="accuracy"), "needs the predicted labels"),
        (RidgeCV(gcv_mode="svd"), "leaves out one row at a time"),
        (RidgeCV(alphas=[]), "one or more penalties"),
        (RidgeCV(alphas=[[1.0, 2.0]]), "must be (a list|one-dimensional)"),
        (RidgeCV(alphas=[1.0, -1]), r"alphas\[1\] == -1, must be >= 0.0"),
        (LassoCV(alphas=[1.0, np.nan]), r"alphas\[1\] == nan, must be >= 0.0"),
        (LassoCV(precompute=np.eye(5)), "would not change when rows are forgotten"),
        (ElasticNetCV(l1_ratio=[0.5, 2.0]), "each must be a number from 0 to 1"),
        (ElasticNetCV(l1_ratio=0), "not supported for l1_ratio=0"),
        (LassoCV(selection="random", random_state=np.random.RandomState(0)), "RandomState"),
    ],
)
def test_refused_parameters(model, words):
    y = (Y > 0).astype(int) if isinstance(model, RidgeClassifierCV) else Y
    with pytest.raises(ParameterError, match=words):
        model.fit(X, y)
    assert not hasattr(model, "state")


@pytest.mark.parametrize("cv", [1, 0, -3, True, 2.5, "5"])
def test_numbers_of_folds_that_are_none(cv):
    with pytest.raises(ValueError, match=rf"'cv' .* range \[2, inf\).* Got {cv!r} "):
        RidgeCV(cv=cv).fit(X, Y)


def test_refused_records():
    with pytest.raises(SqlearnError, match=r"shape|one value|1d|column"):
        LassoCV().fit(X, BOTH)
    with pytest.raises(SqlearnError, match="1 sample"):
        RidgeCV().fit(X[:1], Y[:1])
    assert RidgeCV().partial_fit(X[:1], Y[:1]).n_records_ == 1
