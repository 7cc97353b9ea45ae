"""Learners made of learners, and choices: whatever their history, they are their refit."""

import copy
import pickle
import threading
from functools import partial

import numpy as np
import pytest
import scipy.sparse
import scipy.stats
import sklearn.calibration
import sklearn.ensemble
import sklearn.linear_model
import sklearn.model_selection
import sklearn.multiclass
import sklearn.neighbors
import sklearn.svm
import sklearn.tree
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import make_scorer
from sklearn.pipeline import Pipeline as Steps

from checks import thinned_checks
from laws import assert_same, check_contract, told, unchanged
from records import pool_of, records_of
from sqlearn.calibration import CalibratedClassifierCV
from sqlearn.compose import TextModel
from sqlearn.decomposition import PCA
from sqlearn.engine.parts import predicted
from sqlearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sqlearn.errors import (
    BusyError,
    DegenerateError,
    InvalidValueError,
    MergeError,
    NotLearnedError,
    ParameterError,
    UndefinedAttributeError,
)
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import (
    BayesianRidge,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sqlearn.model_selection import GridSearchCV, HashedKFold, RandomizedSearchCV
from sqlearn.multiclass import OneVsRestClassifier
from sqlearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.pipeline import Pipeline, make_pipeline
from sqlearn.preprocessing import StandardScaler
from sqlearn.svm import LinearSVC

pytestmark = pytest.mark.filterwarnings("ignore")

TREE = sklearn.tree.DecisionTreeClassifier(max_depth=2, random_state=0)
PARTS = [("bayes", GaussianNB()), ("ridge", RidgeClassifier()), ("off", "drop")]
LINES = [("ridge", Ridge()), ("line", LinearRegression())]
CHOICE = LogisticRegressionCV(
    Cs=[0.1, 1.0], cv=2, scoring="accuracy", l1_ratios=(0,), use_legacy_attributes=False, class_weight="balanced"
)


class Meddled(sklearn.tree.DecisionTreeClassifier):
    """A part whose fit has another thread do something first, once."""

    first = None

    def fit(self, X, y):
        todo, Meddled.first = Meddled.first, None
        if todo is not None:
            thread = threading.Thread(target=todo)
            thread.start()
            thread.join()
        return super().fit(X, y)


LOCAL = make_scorer(lambda y, predicted: 0.0)
LEARNERS = [
    VotingClassifier([*PARTS, ("tree", TREE)], weights=[1, 2, 1, 1]),
    VotingRegressor(LINES),
    OneVsRestClassifier(RidgeClassifier()),
    StackingClassifier([("bayes", GaussianNB())], GaussianNB(), cv=HashedKFold(2)),
    StackingRegressor(LINES, Ridge(), cv=2, passthrough=True),
    CalibratedClassifierCV(BernoulliNB(), cv=2),
    CHOICE,
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-2]}, cv=2),
    RandomizedSearchCV(Ridge(), {"alpha": [0.1, 1.0, 10.0]}, n_iter=2, cv=2, random_state=0),
]


def name(learner):
    return type(learner).__name__


@pytest.mark.parametrize("learner", LEARNERS, ids=name)
@pytest.mark.crossed(2)
def test_contract_on_hard_records(learner):
    rng = np.random.default_rng(3)
    check_contract(learner, pool_of(learner, rng, 14), rng)


@pytest.mark.parametrize("learner", LEARNERS, ids=name)
@pytest.mark.crossed(2)
def test_models_that_followed_are_those_of_a_refit(learner):
    """Read after each step of a random history, so that parts follow; compared with parts made anew."""
    rng = np.random.default_rng(4)
    records = records_of(learner, rng, 24, 1, weighted=False)
    model, held = clone(learner).partial_fit(**records.take(np.arange(15)).given), [*range(15)]
    for _ in range(7):
        told(model)
        step = rng.integers(4)
        if step == 0:
            new = rng.integers(0, 24, 3)
            model.partial_fit(**records.take(new).given)
            held += new.tolist()
        elif step == 1 and len(held) > 8:
            i = held.pop(rng.integers(len(held)))
            model.forget(**records.row(i))
        elif step == 2:
            with model.without(**records.take(held[:4]).given):
                assert_same(model, clone(learner).partial_fit(**records.take(held[4:]).given))
        else:
            model.partial_fit(**records.row(7))
            held.append(7)
        assert_same(model, clone(learner).partial_fit(**records.take(rng.permutation(held)).given))


def expected_failures(estimator):
    """As scikit-learn's own: it expects the same failures of its classes."""
    if not hasattr(estimator, "cv"):
        return {}
    reason = "Folds differ: equal records share one, and a record of weight 2 is another record."
    return dict.fromkeys([f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")], reason)


CHECKED = [
    VotingClassifier(PARTS),
    VotingRegressor(LINES),
    OneVsRestClassifier(RidgeClassifier()),
    StackingRegressor([("ridge", Ridge())], Ridge(), cv=2),
    StackingClassifier([("bayes", GaussianNB())], RidgeClassifier(), cv=2),
    CalibratedClassifierCV(GaussianNB(), cv=2),
    CHOICE,
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-2]}, cv=2),
    RandomizedSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, n_iter=1, cv=2, random_state=0),
]


@thinned_checks(CHECKED, 12, expected_failures)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# ------------------------------------------------------------------------------------------------------ agreement

IRIS = load_iris(return_X_y=True)
THEIRS = [
    (VotingClassifier(PARTS), sklearn.ensemble.VotingClassifier(PARTS)),
    (OneVsRestClassifier(GaussianNB()), sklearn.multiclass.OneVsRestClassifier(GaussianNB())),
    (
        StackingClassifier([("bayes", GaussianNB())], GaussianNB(), cv=3),
        sklearn.ensemble.StackingClassifier([("bayes", GaussianNB())], GaussianNB(), cv=HashedKFold(3)),
    ),
    *(
        (CalibratedClassifierCV(GaussianNB(), **given), sklearn.calibration.CalibratedClassifierCV(**theirs))
        for given in ({"method": "isotonic"}, {"ensemble": False}, {"method": "temperature"})
        for theirs in [{"estimator": GaussianNB(), "cv": HashedKFold(5), **given}]
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), THEIRS, ids=lambda one: type(one).__module__.partition(".")[0])
def test_predictions_are_those_of_scikit_learn_on_the_same_folds(ours, theirs):
    X, y = IRIS
    ours, theirs = clone(ours).fit(X, y), theirs.fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    if hasattr(ours, "predict_proba"):
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-12)


def test_the_optima_of_a_choice_are_those_of_logistic_regression():
    X, y = IRIS
    folds = HashedKFold(3)
    model = clone(CHOICE).set_params(Cs=[0.1, 10.0], cv=folds, scoring="neg_log_loss", class_weight=None).fit(X, y)
    paths, scores = model.coefs_paths_, model.scores_
    for fold, (train, test) in enumerate(folds.split(X, y)):
        for i, strength in enumerate(model.Cs_):
            one = LogisticRegression(C=strength).fit(X[train], y[train])
            np.testing.assert_array_equal(paths[fold, 0, i, :, :-1], one.coef_)
            probabilities = one.predict_proba(X[test])[np.arange(len(test)), y[test]]
            assert scores[fold, 0, i] == pytest.approx(np.log(probabilities).mean())
    assert model.C_ == model.Cs_[np.argmax(scores.mean(axis=0)[0])]
    np.testing.assert_array_equal(model.coef_, LogisticRegression(C=model.C_).fit(X, y).coef_)


def test_folds_that_cannot_be_scored_do_not_count():
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 1, 0, 1])
    model = LogisticRegressionCV(Cs=[0.5, 2.0], cv=50, scoring="accuracy", use_legacy_attributes=False).fit(X, y)
    empty = np.setdiff1d(np.arange(50), HashedKFold(50).folds(X, y))
    assert np.isnan(model.scores_[empty]).all()
    model.forget(X[:1], y[:1])  # the other of class 0 cannot be left out
    assert np.isnan(model.scores_[HashedKFold(50).folds([[2.0]], [0])]).all()
    model.forget(X[1:2], y[1:2])  # no fold leaves both classes: no C can be chosen
    for ask in (lambda: model.C_, lambda: model.scores_, lambda: model.predict(X)):
        with pytest.raises(UndefinedAttributeError, match=r"No fold.*no parameter can be chosen.*Learn more rows"):
            ask()
    assert model.digest() == clone(model).fit(X[2:], y[2:]).digest()
    assert_same(model.partial_fit(X[:1], y[:1]), clone(model).fit(X[[3, 2, 0]], y[[3, 2, 0]]))
    model.forget(X[:1], y[:1])
    with pytest.raises(UndefinedAttributeError, match="1 classes"):
        _ = model.forget(X[2:3], y[2:3]).C_
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [1.0]}, cv=2, scoring="roc_auc").partial_fit(X[:2], y[:2])
    with pytest.raises(UndefinedAttributeError, match=r"no parameter can be chosen\. Learn more rows"):
        search.predict(X)


# --------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (VotingClassifier([]), "non-empty list"),
        (VotingClassifier([("a", GaussianNB)]), r"Pass an instance: GaussianNB\(\)"),
        (VotingClassifier([("a", GaussianNB()), ("a", GaussianNB())]), "given twice"),
        (VotingClassifier([("a", Ridge())]), "should be a classifier"),
        (
            GridSearchCV(sklearn.svm.SVC(kernel="precomputed", random_state=0), {"C": [1.0]}),
            "learns a matrix between rows",
        ),
        (GridSearchCV(TextModel(MultinomialNB()), {}), "TextModel inside GridSearchCV learns documents"),
        (VotingClassifier([("a", RidgeClassifier())], voting="soft"), "has no predict_proba, whose means"),
        (VotingClassifier([("a", GaussianNB())], weights=[1, 2]), "weights must be equal"),
        (VotingClassifier([("a", GaussianNB(key="own"))]), "key of its own"),
        (VotingClassifier([("a", sklearn.tree.DecisionTreeClassifier())]), "random_state=None: .* set it to an int"),
        (StackingClassifier(PARTS, cv="prefit"), "models that remember their rows"),
        (StackingClassifier(PARTS, Ridge()), "should be a classifier"),
        (OneVsRestClassifier("nothing"), "implementing 'fit'"),
        (GridSearchCV(GaussianNB(), {"var_smoothing": 3.0}), "needs to be a list"),
        (GridSearchCV(GaussianNB(), {"var_smoothing": [1.0]}, cv=sklearn.model_selection.KFold(3)), "by position"),
        (RandomizedSearchCV(GaussianNB(), {"var_smoothing": [1.0]}), "has random_state=None: .* set it to an int"),
        (RandomizedSearchCV(GaussianNB(), {"var_smoothing": {1.0, 2.0}}, random_state=0), "list or a numpy array"),
        (GridSearchCV(GaussianNB(), {"estimator__x": [1.0]}), "get_params"),
        (GridSearchCV(GaussianNB(), {"var_smoothing": [-1.0, -2.0]}), "float in the range"),
        (GridSearchCV(GaussianNB(), {"var_smoothing": [1.0, -2.0]}, error_score="raise"), "float in the range"),
        (GridSearchCV(TREE, {"random_state": [0, None]}), "random_state=None"),
        (RandomizedSearchCV(TREE, {"random_state": scipy.stats.uniform()}, random_state=0), "random_state=0.5"),
        (GridSearchCV(Steps([("m", GaussianNB())]), {"m": [sklearn.tree.DecisionTreeClassifier()]}), "m__random_state"),
        (GridSearchCV(make_pipeline(PCA(), LogisticRegression()), {"pca__n_components": [1]}), "PCA cannot stand in"),
        (GridSearchCV(GaussianNB(), {"var_smoothing": [1.0]}, scoring=lambda *_: 0.0), "no name of its own"),
        (GridSearchCV(GaussianNB(), {"var_smoothing": [1.0]}, scoring={"a": LOCAL}), "no name of its own"),
        (LogisticRegressionCV(scoring=LOCAL), "no name of its own"),
        (LogisticRegressionCV(cv=1), r"range \[2"),
        (LogisticRegressionCV(l1_ratios=(0.5,)), "not smooth"),
        (LogisticRegressionCV(Cs=[0.0]), "positive"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_what_is_refused(learner, said):
    with pytest.raises(ValueError, match=said):
        learner.fit(*IRIS)
    assert "_state" not in vars(learner)


def test_a_part_refuses_records_for_the_whole():
    X, y = IRIS
    model = VotingClassifier([("counts", MultinomialNB()), ("bayes", GaussianNB())]).fit(X, y)
    with unchanged(model), pytest.raises(InvalidValueError, match="Negative"):
        model.partial_fit([-1.0, 0.0, 0.0, 0.0], 0)
    weightless = VotingClassifier([("near", KNeighborsClassifier(1))]).fit(X, y)
    with unchanged(weightless), pytest.raises(InvalidValueError, match="does not support sample weights"):
        weightless.partial_fit(X, y, sample_weight=np.ones(150))
    near = sklearn.neighbors.KNeighborsClassifier(1)
    for whole in (
        VotingClassifier([("near", near)]), StackingClassifier([("bayes", GaussianNB())], near),
        OneVsRestClassifier(near), CalibratedClassifierCV(near), GridSearchCV(near, {"n_neighbors": [1]}),
    ):  # fmt: skip
        assert not whole.takes_weights
        with pytest.raises(InvalidValueError, match="KNeighborsClassifier does not support sample weights"):
            whole.fit(X, y, sample_weight=np.ones(150))
    with unchanged(model), pytest.raises(NotLearnedError):
        model.forget([9.0, 9.0, 9.0, 9.0], 0)
    with pytest.raises(DegenerateError):
        OneVsRestClassifier(GaussianNB()).fit(X[:9], y[:9])


def test_parameters_of_parts_are_in_the_digest():
    X, y = IRIS
    one, other = (VotingClassifier([("a", GaussianNB(var_smoothing=s))]).fit(X, y) for s in (1e-9, 1e-8))
    assert one.digest() != other.digest()
    with pytest.raises(MergeError):
        one.merge(other)
    keyed = [
        GridSearchCV(GaussianNB(), {"var_smoothing": [1.0]}, cv=HashedKFold(3, key=key), key=key).fit(X, y)
        for key in "ab"
    ]
    assert keyed[0].digest() != keyed[1].digest()
    assert b"'a'" not in keyed[0].canonical_parts()["header"]


@pytest.mark.parametrize(
    "made",
    [
        partial(StackingClassifier, [("bayes", GaussianNB())], GaussianNB()),
        partial(CalibratedClassifierCV, GaussianNB()), partial(GridSearchCV, GaussianNB(), {"var_smoothing": [1.0]}),
        LogisticRegressionCV, RidgeClassifierCV, RidgeCV,
    ],
)  # fmt: skip
def test_folds_are_by_the_key_of_the_model(made):
    X, y = IRIS
    model = made(cv=HashedKFold(3, key="k"), key="k").fit(X, y)
    assert model.digest() == made(cv=3, key="k").fit(X, y).digest()
    assert model.set_params(cv=3).pending_params() == []
    assert model.set_params(cv=4).pending_params() == ["cv"]
    for other in (made(cv=HashedKFold(3, key="k")), made(cv=HashedKFold(3), key="k")):
        with pytest.raises(ParameterError, match="those of another key than the model's"):
            other.fit(X, y)


def test_parts_that_are_pipelines_of_what_keeps_its_records():
    X, y = IRIS
    made = partial(OneVsRestClassifier, make_pipeline(StandardScaler(), LinearSVC()))
    model = made().fit(X, y)
    np.testing.assert_array_equal(
        model.forget(X[:9], y[:9]).decision_function(X), made().fit(X[9:], y[9:]).decision_function(X)
    )


def test_parts_that_take_categories_too_take_numbers_with_gaps():
    X, y = IRIS[0].copy(), IRIS[1]
    X[[3, 60], [1, 2]] = np.nan
    part = make_pipeline(SimpleImputer(), GaussianNB())
    for made in (partial(OneVsRestClassifier, part), partial(StackingClassifier, [("part", part)], GaussianNB(), cv=2)):
        model = made().fit(X, y)
        assert_same(model.forget(X[:9], y[:9]), made().fit(X[9:], y[9:]))
        with pytest.raises(InvalidValueError, match="could not convert string to float: 'a'"):
            model.partial_fit([["a", 1, 2, 3]], [0])


def test_a_stack_of_a_regressor_and_its_features_in_the_form_of_the_records():
    X, y = IRIS
    made = partial(
        StackingClassifier, [("line", Ridge()), ("bayes", GaussianNB())], GaussianNB(), cv=3, passthrough=True
    )
    model = made().fit(X, y).forget(X[:9], y[:9])
    assert model.digest() == made().fit(X[9:], y[9:]).digest()
    assert model.stack_method_ == ["predict", "predict_proba"]
    sparse = model.transform(scipy.sparse.csc_matrix(X))
    assert isinstance(sparse, scipy.sparse.csc_matrix)
    np.testing.assert_array_equal(sparse.toarray(), model.transform(X))
    deviations = (
        StackingRegressor([("line", Ridge())], BayesianRidge()).fit(X, X[:, 0]).predict(X[:2], return_std=True)[1]
    )
    assert (deviations > 0).all()


def test_what_is_not_there_says_why():
    with pytest.raises(AttributeError, match="'VotingClassifier' has no attribute 'predict_proba'") as refused:
        VotingClassifier(PARTS).predict_proba  # noqa: B018
    assert "when voting='hard'" in str(refused.value.__cause__)
    with pytest.raises(AttributeError, match="'StackingClassifier' has no attribute 'predict_proba'"):
        StackingClassifier(PARTS, RidgeClassifier()).predict_proba  # noqa: B018


def test_fitted_parts_are_copies():
    X, y = IRIS
    model = VotingClassifier(PARTS).fit(X, y)
    before = model.predict(X)
    model.estimators_[0].fit(X[:60], y[:60])
    np.testing.assert_array_equal(model.predict(X), before)
    assert copy.deepcopy(model).estimators_[0].classes_.tolist() == [0, 1, 2]


def test_distributions_are_told_by_what_they_are_made_of():
    X, y = IRIS

    def search(**given):
        return RandomizedSearchCV(
            GaussianNB(), {"var_smoothing": scipy.stats.uniform(**given)}, n_iter=1, cv=2, random_state=0
        )  # fmt: skip

    model = search(scale=1e-3).fit(X, y)
    assert model.digest() == search(scale=1e-3).fit(X, y).digest()
    assert not model.pending_params()
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert_same(other, model)
    assert search(scale=1e-2).fit(X, y).digest() != model.digest()
    assert model.set_params(param_distributions=search(scale=1e-2).param_distributions).pending_params()


def test_values_that_a_learner_refuses_count_as_failed_fits():
    search = GridSearchCV(GaussianNB(), {"var_smoothing": [-1.0, 1e-9]}, cv=2).fit(*IRIS)
    assert search.best_params_ == {"var_smoothing": 1e-9}


def test_a_search_puts_a_learner_into_a_pipeline_without_one():
    X, y = IRIS
    made = partial(
        GridSearchCV,
        Pipeline([("scale", StandardScaler()), ("last", "passthrough")]),
        {"last": [GaussianNB(), Ridge()]}, cv=2, scoring="accuracy",
    )  # fmt: skip
    search = made().fit(X, y)
    assert search.target == "label"
    assert str(search.best_params_) == "{'last': GaussianNB()}"
    assert_same(search.forget(X[:9], y[:9]), made().fit(X[9:], y[9:]))


@pytest.mark.parametrize("scoring", [None, ["r2", "neg_mean_squared_error"]], ids=["one", "two"])
def test_a_search_leaves_out_folds_without_a_score(scoring):
    X = np.arange(60.0).reshape(30, 2) ** 2
    y = np.arange(30.0)
    folds = HashedKFold(3).folds(X, y)
    held = (folds > 0) | (np.cumsum(folds == 0) == 1)  # one row alone has no r2
    X, y, folds = X[held], y[held], folds[held]
    params = {"scoring": scoring, "refit": "r2" if scoring else True}
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 10.0]}, cv=3, **params)
    with pytest.warns(UndefinedMetricWarning):
        search.fit(X, y)
    splits = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in (1, 2)]
    peer = sklearn.model_selection.GridSearchCV(sklearn.linear_model.Ridge(), search.param_grid, cv=splits, **params)
    peer.fit(X, y)
    assert search.n_splits_ == 2
    assert search.best_params_ == peer.best_params_
    np.testing.assert_allclose(search.best_score_, peer.best_score_)


def test_a_search_whose_scores_fail_says_so():
    with pytest.warns(UserWarning), pytest.raises(UndefinedAttributeError, match="fits or scores fail"):
        GridSearchCV(GaussianNB(), {"var_smoothing": [1.0]}, cv=2, scoring=failing).fit(*IRIS)


def failing(estimator, X, y):
    raise ValueError("no score")


def test_a_fold_without_a_class_gives_it_the_least_decision():
    model = RidgeClassifier().fit([[0.0], [1.0], [2.0]], [0, 2, 3])
    decisions, found = model.decision_function([[0.5], [9.0]]), predicted(model, [[0.5], [9.0]], "decision_function", 4)
    np.testing.assert_array_equal(found[:, [0, 2, 3]], decisions)
    assert (found[:, 1] == decisions.min()).all()
    (two,) = predicted(RidgeClassifier().fit([[0.0], [1.0]], [1, 2]), [[5.0]], "decision_function", 3)
    assert two[0] == two[1] == -two[2] < 0
    X, y = IRIS
    rows = [0, 1, 2, 3, 50, 51, 52, 53, 100]
    stack = StackingClassifier([("bayes", GaussianNB()), ("ridge", RidgeClassifier())], cv=3)
    assert set(stack.fit(X[rows], y[rows]).predict(X)) <= {0, 1, 2}


def test_the_last_learner_tells_that_it_sees_predictions():
    X, y = IRIS
    stack = StackingClassifier([("ridge", RidgeClassifier())], MultinomialNB(), cv=2)
    for ask in (lambda: stack.fit(X, y), lambda: stack.partial_fit(X, y).predict(X)):
        with pytest.raises(UndefinedAttributeError, match="MultinomialNB, the last learner of this StackingClassifier"):
            ask()


def test_an_update_while_parts_are_made_leaves_none_that_are_stale():
    X, y = IRIS
    parts = [("bayes", GaussianNB()), ("tree", Meddled(max_depth=2, random_state=0))]
    model = VotingClassifier(parts, voting="soft").partial_fit(X, y)
    for rows in (slice(1, None), slice(2, None)):  # parts that are made anew, and parts that follow
        gone = rows.start - 1
        Meddled.first = partial(model.forget, X[gone : gone + 1], y[gone : gone + 1])
        with pytest.raises(BusyError):
            model.predict(X)
        assert Meddled.first is None
        assert_same(model, VotingClassifier(parts, voting="soft").partial_fit(X[rows], y[rows]))
        model.forget(X[100:101], y[100:101]).predict(X)
        model.partial_fit(X[100:101], y[100:101])
