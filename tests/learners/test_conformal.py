"""Conformal prediction: p-values are those of the definition, coverage is what it says, and forgetting is a refit."""

import copy
import pickle
import re
import threading
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn.linear_model
import sklearn.naive_bayes
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from checks import thinned_checks
from laws import assert_same, check_contract, told, unchanged
from learners import crossed
from naive import hard_rows
from records import pool_of, records_of
from sqlearn.conformal import FullConformalClassifier, FullConformalRegressor
from sqlearn.conformal.affine import ends, where_enough
from sqlearn.conformal.answers import shares
from sqlearn.conformal.forms import forms_for, tolerance
from sqlearn.conformal.levels import fewest
from sqlearn.conformal.measures import AgainstLabel
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sqlearn.ensemble import RandomForestClassifier
from sqlearn.errors import (
    DegenerateError,
    InvalidValueError,
    NotLearnedError,
    ParameterError,
    ShapeError,
    UndefinedAttributeError,
)
from sqlearn.linear_model import (
    BayesianRidge,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
)
from sqlearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import StandardScaler
from sqlearn.svm import LinearSVC

pytestmark = pytest.mark.filterwarnings("ignore")

# scores linear in something, which are screened
LINEAR = [
    FullConformalClassifier(GaussianNB()),
    FullConformalClassifier(MultinomialNB()),
    FullConformalClassifier(ComplementNB(), class_conditional=True),
    FullConformalClassifier(BernoulliNB(binarize=0.5)),
    FullConformalClassifier(LogisticRegression()),
    FullConformalClassifier(LogisticRegression(), conformity_score="margin", class_conditional=True),
    FullConformalClassifier(RidgeClassifier(), conformity_score="margin"),
    FullConformalClassifier(LinearSVC(), conformity_score="margin"),
    FullConformalClassifier(LinearDiscriminantAnalysis()),
]
# which are not
OTHER = [
    FullConformalClassifier(QuadraticDiscriminantAnalysis(reg_param=0.1)),
    FullConformalClassifier(CategoricalNB()),
    FullConformalClassifier(KNeighborsClassifier(3)),
    FullConformalClassifier(RandomForestClassifier(3, max_depth=2)),
    FullConformalClassifier(make_pipeline(StandardScaler(), LogisticRegression())),
]
REGRESSORS = [
    FullConformalRegressor(Ridge(0.5)),
    FullConformalRegressor(),
    FullConformalRegressor(Lasso(0.1), n_candidates=8),
]
LEARNERS = [FullConformalClassifier(GaussianNB()), FullConformalClassifier(), *REGRESSORS]


def name(learner):
    return re.sub(r" at 0x\w+|\s", "", repr(learner)).replace("FullConformal", "")


def score(model, row, by_margin):
    """What a refit says of one row alone: a score for each class, or the log odds of the second of two."""
    row = row[None]
    if hasattr(model, "predict_joint_log_proba"):
        found = model.predict_joint_log_proba(row)[0]
    elif by_margin or isinstance(model, LogisticRegression | LinearDiscriminantAnalysis):
        found = model.decision_function(row)[0]
    return found[1] - found[0] if np.ndim(found) and len(found) == 2 else found


def strangeness(scores, place, by_margin):
    if np.ndim(scores) == 0:
        found = -scores if place else scores
    else:
        others = np.delete(scores, place)
        found = others.max()
        if not by_margin:
            found = found + np.log(np.exp(scores - found)[np.arange(len(scores)) != place].sum())
        found = found - scores[place]
    return np.inf if np.isnan(found) else found


def by_definition(model, X, y, rows):
    """p-values by as many refits as there are candidates, and one prediction for each record that is compared."""
    by_margin, labels = model.conformity_score == "margin", np.unique(y)
    found = np.empty((len(rows), len(labels)))
    for i, row in enumerate(rows):
        for j, label in enumerate(labels):
            all_x, all_y = np.concatenate([X, row[None]]), np.append(y, label)
            refit = clone(model.estimator).fit(all_x, all_y)
            strange = [
                strangeness(score(refit, x, by_margin), np.searchsorted(labels, own), by_margin)
                for x, own in zip(all_x, all_y, strict=True)
                if own == label or not model.class_conditional
            ]
            found[i, j] = sum(one >= strange[-1] for one in strange) / len(strange)
    return found


def rows_of(model, rng, n, level):
    """Records that a classifier takes: many of them alike."""
    x = hard_rows(rng, n, 3, level)
    if isinstance(model.estimator, MultinomialNB | ComplementNB | CategoricalNB):
        x = rng.integers(0, 4, (n, 3)).astype(float) * (
            1e3 if level and not isinstance(model.estimator, CategoricalNB) else 1
        )
    return np.clip(x, -1e150, 1e150)


# ---------------------------------------------------------------------------------------------------- the definition


@crossed(4, model=LINEAR, n_classes=[2, 3], level=range(3))
def test_p_values_are_those_of_the_definition(model, n_classes, level):
    rng = np.random.default_rng([level, n_classes])
    X = rows_of(model, rng, 20, level)
    y = np.arange(20) % n_classes
    X[9], X[10] = X[0], X[3]
    asked = np.concatenate([X[:2], rows_of(model, rng, 2, level)])
    fitted = clone(model).fit(X, y)
    try:
        expected = by_definition(model, X, y, asked)
    except UndefinedAttributeError as error:
        with pytest.raises(type(error)):
            fitted.p_values(asked)
        return
    assert fitted.p_values(asked).tobytes() == expected.tobytes()


@pytest.mark.parametrize("model", LINEAR, ids=name)
@pytest.mark.crossed(2)
def test_small_numbers_that_are_often_alike(model):
    """All comparisons are close ones, or ties."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (40, 3)).astype(float), rng.integers(0, 3, 40) * 7 - 1
    asked = np.unique(X, axis=0)[:4]
    assert clone(model).fit(X, y).p_values(asked).tobytes() == by_definition(model, X, y, asked).tobytes()


@pytest.mark.parametrize("data", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.crossed(2)
def test_p_values_on_real_data(data):
    X, y = data(return_X_y=True)
    rng = np.random.default_rng(1)
    index = rng.permutation(len(y))[:83]
    X, y, asked = X[index[3:]], y[index[3:]], X[index[:3]]
    for model in LINEAR[0], LINEAR[6]:
        assert clone(model).fit(X, y).p_values(asked).tobytes() == by_definition(model, X, y, asked).tobytes()


@crossed(4, model=LINEAR + OTHER, level=range(2))
def test_records_are_never_strange_more_often_than_they_may(model, level):
    """With its own label, each record left out is judged by one and the same model: p-values are ranks, exactly."""
    rng = np.random.default_rng(level)
    X, y = rows_of(model, rng, 20, level), rng.integers(0, 2, 20)
    X[11], y[11], X[12] = X[3], y[3], X[4]
    fitted, p = clone(model).fit(X, y), np.empty(20)
    classes = fitted.classes_
    with unchanged(fitted):
        for i in range(20):
            with fitted.without(X[i], y[i]):
                p[i] = fitted.p_values(X[i : i + 1])[0, np.searchsorted(classes, y[i])]
    for group in [y == 0, y == 1] if model.class_conditional else [y >= 0]:
        n, mine = group.sum(), p[group]
        ranks = np.rint(n * mine)
        assert mine.tobytes() == (ranks / n).tobytes()
        for value in np.unique(ranks):  # what is as strange shares a rank: that of the last of them
            assert (ranks <= value).sum() == value


def test_forms_stay_within_their_bounds():
    rng = np.random.default_rng(2)
    for learner in (GaussianNB(), MultinomialNB(), BernoulliNB(), LogisticRegression(), LinearDiscriminantAnalysis()):
        for n_classes in (2, 4):
            X = np.abs(rng.normal(size=(200, 6)) * 10.0 ** rng.integers(-4, 5, 6) + rng.integers(0, 3, 6) * 1e3)
            y = np.arange(200) % n_classes
            fitted = learner.fit(X, y).to_sklearn()
            measure, n_scores = AgainstLabel(n_classes, by_margin=False), 1 if n_classes == 2 else n_classes
            forms = forms_for(fitted, X)
            form, images = forms.of(fitted, n_scores), forms.image(X)
            found = measure.strangeness(images @ form.weights.T + form.offsets, y)
            expected = measure.strangeness(np.concatenate([measure.read(fitted, row[None]) for row in X]), y)
            sizes = np.array([[form.weight], [form.offset]])
            norms = np.column_stack([np.linalg.norm(images, axis=1), np.zeros(200)])
            bound = tolerance(norms, sizes, images.shape[1], n_scores)[:, 0]
            assert (np.abs(found - expected) <= bound).all(), learner
            assert np.median(bound) < 1e-6 * max(1.0, np.abs(expected).max())


def test_many_blocks_are_as_one(monkeypatch):
    X, y = load_iris(return_X_y=True)
    model = FullConformalClassifier(GaussianNB()).fit(X, y)
    expected = model.p_values(X[::10])
    monkeypatch.setattr("sqlearn.conformal.counting._CELLS", 2000)
    assert model.p_values(X[::10]).tobytes() == expected.tobytes()


def test_ties_share_at_random():
    X, y = np.zeros((10, 1)), np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    X[9] = 1.0
    plain = FullConformalClassifier(GaussianNB(var_smoothing=1.0)).fit(X, y)
    most, shares = plain.p_values(X[:1])[0], []
    for seed in range(60):
        smoothed = clone(plain).set_params(smoothed=True, random_state=seed).fit(X, y)
        found = smoothed.p_values(X[:1])[0]
        assert (found < most).all()
        assert (smoothed.predict_set(X[:1])[1][0, :, 0] == (found > 0.1)).all()
        shares.append(found[0])
    assert abs(np.ptp(shares) - 6 / 11) < 0.05  # five records of this label and the row are alike


def test_shares_of_ties_are_of_the_row_alone():
    X, y = load_iris(return_X_y=True)
    model = FullConformalClassifier(GaussianNB(), smoothed=True, random_state=3).fit(X, y)
    asked = X[::15]
    found = model.p_values(asked)
    assert found.tobytes() == np.concatenate([model.p_values(row[None]) for row in asked]).tobytes()
    assert found[::-1].tobytes() == model.p_values(asked[::-1]).tobytes()
    many = shares(np.random.default_rng(0).normal(size=(4000, 2)), 3, 0)
    assert 0 <= many.min() < 0.001 and 0.999 < many.max() < 1
    assert (abs(many.mean(axis=0) - 0.5) < 0.02).all()
    assert abs(np.corrcoef(many.T) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize(
    ("level", "n", "number"), [(0.9, 9, 2), (0.9, 8, 1), (0.9, 99, 11), (0.7, 9, 4), (0.05, 99, 96)]
)
def test_levels_are_the_decimals_that_were_written(level, n, number):
    assert fewest(level, n) == number


# -------------------------------------------------------------------------------------------------------- regression


def exact_strangeness(X, y, alpha, row, target):
    """Absolute residuals of ridge regression with an intercept that has learned a candidate, as fractions."""
    X = [[Fraction(1), *map(Fraction, map(float, x))] for x in [*X, row]]
    y = [*map(Fraction, map(float, y)), Fraction(target)]
    d = len(X[0])
    system = [
        [sum(x[i] * x[j] for x in X) + (Fraction(alpha) if i == j > 0 else 0) for j in range(d)]
        + [sum(x[i] * t for x, t in zip(X, y, strict=True))]
        for i in range(d)
    ]
    for i in range(d):
        pivot = next(k for k in range(i, d) if system[k][i])
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [value / system[i][i] for value in system[i]]
        for k in range(d):
            if k != i:
                system[k] = [a - system[k][i] * b for a, b in zip(system[k], system[i], strict=True)]
    return [abs(t - sum(a * line[-1] for a, line in zip(x, system, strict=True))) for x, t in zip(X, y, strict=True)]


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_regions_are_those_of_fractions(alpha, seed):
    """Just inside of the ends of intervals, enough records are as strange; just outside, too few are."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(12, 2)) * 10.0 ** rng.integers(-3, 4), rng.integers(-50, 50, 12) + 0.25
    if seed == 3:
        X[4], X[5], y[5] = X[3], X[3], y[3]
    row = X[0] * (9.0 if seed == 2 else 0.5)  # of so much leverage that intervals become rays
    levels = [0.3, 0.6, 0.8, 0.99]
    learner = Ridge(alpha) if alpha else LinearRegression()
    model = FullConformalRegressor(learner, confidence_level=levels).fit(X, y)
    (regions,) = model.predict_region([row])
    for level, region in zip(levels, regions, strict=True):
        finite = region[np.isfinite(region)]
        edges = np.sort(np.concatenate([finite * (1 + 1e-9), finite * (1 - 1e-9), [-1e6, 0.0, 1e6]]))
        for target in edges:
            strange = exact_strangeness(X, y, alpha, row, target)
            is_in = sum(one >= strange[-1] for one in strange) > (1 - Fraction(str(level))) * len(strange)
            assert is_in == bool(((region[:, 0] <= target) & (target <= region[:, 1])).any()), (level, target, region)
        if len(region) and np.isinf(region).all():
            assert level == 0.99


def test_intervals_and_rays():
    a, b = np.array([2.0, -2.0, 3.0, 3.0, 0.0, 1.0, 1.0, np.nan]), np.array([0.5, 0.5, 2.0, -2.0, 3.0, 1.0, -1.0, 0.0])
    starts, stops = ends(a, b)
    points = np.linspace(-9.0, 9.0, 1801)
    inside = (starts[:, None] <= points + 1e-12) & (points - 1e-12 <= stops[:, None])
    overlap = np.concatenate([inside[: len(a)], inside[len(a) :]]).sum(axis=0)
    a, b = np.where(np.isnan(a), 1e9, a)[:, None], b[:, None]
    expected = (np.abs(a + b * points) >= np.abs(points) - 1e-9).sum(axis=0)
    assert (overlap == expected).all()
    for enough, regions in enumerate(where_enough(starts, stops, [*range(10)])):
        found = ((regions[:, :1] <= points + 1e-12) & (points - 1e-12 <= regions[:, 1:])).any(axis=0)
        assert (found == (expected >= enough)).all()


@pytest.mark.parametrize("learner", [Ridge(0.5), LinearRegression(), BayesianRidge(), Lasso(0.1)], ids=name)
@pytest.mark.parametrize("level", [0, 1])
def test_p_values_of_targets_are_those_of_the_definition(learner, level):
    rng = np.random.default_rng(level)
    X, y = np.clip(hard_rows(rng, 15, 3, level), -1e100, 1e100), rng.normal(size=15)
    X[4], X[5], y[5] = X[3], X[3], y[3]
    asked, targets = np.concatenate([X[3:5], rng.normal(size=(2, 3))]), np.array([y[3], 0.0, 1e3, y[0]])
    model = FullConformalRegressor(learner).fit(X, y)
    expected = []
    for row, target in zip(asked, targets, strict=True):
        all_x, all_y = np.concatenate([X, row[None]]), np.append(y, target)
        refit = clone(learner).fit(all_x, all_y)
        strange = [abs(own - refit.predict(x[None])[0]) for x, own in zip(all_x, all_y, strict=True)]
        strange = [np.inf if np.isnan(one) else one for one in strange]
        expected.append(sum(one >= strange[-1] for one in strange) / len(strange))
    assert model.p_values(asked, targets).tobytes() == np.array(expected).tobytes()
    assert model.p_values(asked, targets[:, None]).shape == (4, 1)


def test_a_grid_encloses_the_exact_region():
    X, y = load_diabetes(return_X_y=True)
    X, y, asked = X[:60], y[:60], X[60:63]
    levels, step = [0.5, 0.9], 2 * np.ptp(y) / 39
    scaled = make_pipeline(StandardScaler(), LinearRegression())
    tried = (
        FullConformalRegressor(scaled, confidence_level=levels, n_candidates=40).fit(X, y).predict_interval(asked)[1]
    )
    exact = FullConformalRegressor(confidence_level=levels).fit(X, y).predict_interval(asked)[1]
    gaps = (exact - tried) * np.array([[1.0], [-1.0]])
    assert (gaps > 0).all()
    assert (gaps <= step).all()


def test_candidates_that_a_loss_does_not_allow_are_left_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 1))
    y = rng.poisson(np.exp(X[:, 0])).astype(float)
    model = FullConformalRegressor(PoissonRegressor(), n_candidates=30).fit(X, y)
    points, intervals = model.predict_interval(X[:2])
    assert (points > 0).all()
    assert (intervals[:, 1] > points[:, None]).all()
    with pytest.raises(InvalidValueError, match=r"less than 0|negative"):
        model.p_values(X[:1], [-1.0])


def test_too_few_records_for_a_level():
    model = FullConformalRegressor(confidence_level=[0.5, 0.95]).fit([[0.0], [1.0], [2.0], [4.0]], [0.0, 1.0, 2.0, 3.0])
    intervals = model.predict_interval([[3.0]])[1][0]
    assert np.isfinite(intervals[:, 0]).all()
    assert intervals[:, 1].tolist() == [-np.inf, np.inf]
    wide = FullConformalRegressor(confidence_level=0.5).fit(np.eye(4)[:3], [0.0, 1.0, 5.0])  # it fits any target
    assert wide.predict_interval(np.eye(4)[3:])[1].ravel().tolist() == [-np.inf, np.inf]


# ---------------------------------------------------------------------------------------------------------- coverage


@crossed(2, data=[load_iris, load_wine, load_breast_cancer], learner=[GaussianNB(), RidgeClassifier()])
def test_coverage_of_sets(data, learner):
    """Over four draws; the mean may be off by three deviations of a binomial."""
    X, y = data(return_X_y=True)
    levels, hits, n = np.array([0.8, 0.95]), np.zeros(2), 0
    for seed in range(4):
        index = np.random.default_rng(seed).permutation(len(y))
        train, test = index[:100], index[100:150]
        model = FullConformalClassifier(learner, confidence_level=levels, conformity_score="margin").fit(
            X[train], y[train]
        )
        points, sets = model.predict_set(X[test])
        assert (points == clone(learner).fit(X[train], y[train]).predict(X[test])).all()
        hits += sets[np.arange(len(test)), y[test]].sum(axis=0)
        n += len(test)
    assert (hits / n > levels - 4 * np.sqrt(levels * (1 - levels) / n)).all()


def test_coverage_of_intervals():
    X, y = load_diabetes(return_X_y=True)
    levels, hits, n = np.array([0.8, 0.95]), np.zeros(2), 0
    for seed in range(4):
        index = np.random.default_rng(seed).permutation(len(y))
        train, test = index[:150], index[150:250]
        model = FullConformalRegressor(confidence_level=levels).fit(X[train], y[train])
        points, intervals = model.predict_interval(X[test])
        assert points.tobytes() == LinearRegression().fit(X[train], y[train]).predict(X[test]).tobytes()
        hits += ((intervals[:, 0] <= y[test, None]) & (y[test, None] <= intervals[:, 1])).sum(axis=0)
        n += len(test)
    assert (np.abs(hits / n - levels) < 4 * np.sqrt(levels * (1 - levels) / n)).all()


# -------------------------------------------------------------------------------------------------------- forgetting


@pytest.mark.parametrize("learner", LEARNERS, ids=name)
@pytest.mark.crossed(2)
def test_contract_on_hard_records(learner):
    rng = np.random.default_rng(3)
    check_contract(learner, pool_of(learner, rng, 14), rng)


def answers(model, X):
    """All that a predictor answers, as bytes."""
    if model.target == "label":
        return [model.p_values(X).tobytes(), *(part.tobytes() for part in model.predict_set(X))]
    regions = [region.tobytes() for of_row in model.predict_region(X) for region in of_row]
    return [
        *(part.tobytes() for part in model.predict_interval(X)),
        model.p_values(X, np.ones(len(X))).tobytes(),
        *regions,
    ]


@pytest.mark.parametrize("learner", [*LEARNERS, LINEAR[1], LINEAR[6], OTHER[2]], ids=name)
@pytest.mark.crossed(4)
def test_answers_after_any_history_are_those_of_a_refit(learner):
    rng = np.random.default_rng(4)
    records = records_of(learner, rng, 24, 1, weighted=False)
    records.X = np.clip(records.X, -1e6, 1e6)
    asked = records.X[20:23]
    model, held = clone(learner).partial_fit(**records.take(np.arange(15)).given), [*range(15)]
    for _ in range(6):
        answers(model, asked)
        step = rng.integers(4)
        if step == 0:
            new = rng.integers(0, 24, 3)
            model.partial_fit(**records.take(new).given)
            held += new.tolist()
        elif step == 1:
            i = held.pop(rng.integers(len(held)))
            model.forget(**records.row(i))
        elif step == 2:
            with model.without(**records.take(held[:2]).given):
                refit = clone(learner).partial_fit(**records.take(held[2:]).given)
                assert answers(model, asked) == answers(refit, asked)
        else:
            model = pickle.loads(pickle.dumps(model)) if rng.integers(2) else copy.deepcopy(model)
        refit = clone(learner).partial_fit(**records.take(rng.permutation(held)).given)
        assert_same(model, refit)
        assert answers(model, asked) == answers(refit, asked)


def test_asking_changes_nothing_and_threads_ask_together():
    X, y = load_iris(return_X_y=True)
    model = FullConformalClassifier(LogisticRegression()).fit(X, y)
    expected, found = model.p_values(X[:6]), [None] * 4
    with unchanged(model):

        def ask(place):
            found[place] = model.p_values(X[:6]).tobytes()

        threads = [threading.Thread(target=ask, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [expected.tobytes()] * 4


def test_an_interrupted_question_leaves_no_candidate_behind(monkeypatch):
    X, y = load_iris(return_X_y=True)
    model = FullConformalClassifier(GaussianNB()).fit(X, y)
    expected = model.p_values(X[:5]).tobytes()
    with monkeypatch.context() as patched:
        patched.setattr("sqlearn.conformal.counting.answering", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            model.p_values(X[:5])
    assert model.p_values(X[:5]).tobytes() == expected


def test_a_class_that_goes_has_no_column():
    X, y = load_iris(return_X_y=True)
    model = FullConformalClassifier(GaussianNB()).fit(X, y)
    assert model.p_values(X[:2]).shape == (2, 3)
    model.forget(X[y == 2], y[y == 2])
    assert model.predict_set(X[:2])[1].shape == (2, 2, 1)
    model.forget(X[y == 1], y[y == 1])
    with pytest.raises(UndefinedAttributeError, match="one class"):
        model.predict_set(X[:2])
    assert_same(model.partial_fit(X[y > 0], y[y > 0]), FullConformalClassifier(GaussianNB()).fit(X, y))


def test_what_to_sklearn_gives_and_attributes_are_copies():
    X, y = load_iris(return_X_y=True)
    model = FullConformalClassifier(GaussianNB()).fit(X, y)
    fitted = model.to_sklearn()
    assert type(fitted) is sklearn.naive_bayes.GaussianNB
    assert (fitted.predict(X) == model.predict(X)).all()
    model.estimator_.fit(X, np.zeros(len(X)))
    assert (fitted.predict(X) == model.predict(X)).all()
    assert "estimator_" in told(model)
    assert not [name for name in told(model) if name.startswith("_")]


def test_frames_sparse_rows_and_parameters_at_fit():
    X, y = load_iris(return_X_y=True, as_frame=True)
    labels = np.array(["a", "b", "c"])[y]
    model = FullConformalClassifier(GaussianNB(), confidence_level=0.8).fit(X, labels)
    expected = FullConformalClassifier(GaussianNB()).fit(X.to_numpy(), labels)
    assert model.p_values(X[:5]).tobytes() == expected.p_values(X[:5].to_numpy()).tobytes()
    assert expected.p_values(sp.csr_array(X[:5].to_numpy())).tobytes() == expected.p_values(X[:5].to_numpy()).tobytes()
    assert model.feature_names_in_.tolist() == X.columns.tolist()
    with pytest.raises(ShapeError):
        model.predict_set(X.iloc[:, ::-1])
    before = model.predict_set(X[:50])[1]
    model.set_params(confidence_level=[0.5, 0.99])
    assert (model.predict_set(X[:50])[1] == before).all()
    assert model.fit(X, labels).predict_set(X[:50])[1].shape == (50, 3, 2)
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    line = FullConformalRegressor(confidence_level=0.5).fit(frame, [0.0, 1.0, 2.5, 3.0])
    assert line.p_values(frame[:2], pd.Series([0.0, 9.0])).shape == (2,)


# ---------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (FullConformalClassifier(sklearn.linear_model.LogisticRegression()), "needs an estimator of this package"),
        (FullConformalClassifier(Ridge()), "needs a classifier, and Ridge"),
        (FullConformalRegressor(GaussianNB()), "needs a regressor, and GaussianNB"),
        (FullConformalClassifier(GaussianNB), r"Pass an instance: GaussianNB\(\)"),
        (FullConformalClassifier(RidgeClassifier()), "has no probabilities.*conformity_score='margin'"),
        (FullConformalClassifier(GaussianNB(), confidence_level=1.0), "between 0 and 1"),
        (FullConformalClassifier(GaussianNB(), confidence_level=[0.5, "x"]), "between 0 and 1"),
        (FullConformalClassifier(GaussianNB(), confidence_level=[]), "empty list"),
        (FullConformalClassifier(GaussianNB(), confidence_level=True), "between 0 and 1"),
        (FullConformalClassifier(GaussianNB(), confidence_level=float("nan")), "between 0 and 1"),
        (FullConformalClassifier(GaussianNB(), conformity_score="aps"), "conformity_score"),
        (FullConformalRegressor(n_candidates=1), "n_candidates"),
        (FullConformalClassifier(GaussianNB(key="own")), "key of its own"),
    ],
    ids=str,
)
def test_parameters_that_are_refused(learner, said):
    with pytest.raises((ParameterError, ValueError), match=said):
        learner.fit([[0.0], [1.0], [2.0]], [0, 1, 0])
    assert "_state" not in vars(learner)


def test_what_cannot_be_answered():
    X, y = load_diabetes(return_X_y=True)
    model = FullConformalRegressor(Ridge()).fit(X[:50], y[:50])
    with unchanged(model):
        for targets, error in (
            (y[:2], ShapeError),
            ([np.nan] * 3, InvalidValueError),
            (["a", "b", "c"], InvalidValueError),
            (np.ones((3, 1, 1)), ShapeError),
        ):
            with pytest.raises(error, match="Nothing was computed"):
                model.p_values(X[:3], targets)
        with pytest.raises(ShapeError):
            model.predict_interval(X[:3, :4])
        with pytest.raises(NotLearnedError):
            model.forget(X[60], y[60])
        with pytest.raises(TypeError, match="sample_weight"):
            model.partial_fit(X[:1], y[:1], sample_weight=[2.0])
    with pytest.raises(DegenerateError):
        FullConformalClassifier(GaussianNB()).fit(X[:3], [1, 1, 1])
    with pytest.raises(UndefinedAttributeError, match="leave float64's range"):
        FullConformalRegressor(KNeighborsRegressor(1)).fit(X[:3], [-1e308, 0.0, 1e308]).predict_interval(X[:1])


@thinned_checks([FullConformalClassifier(GaussianNB()), FullConformalRegressor(Ridge())], 2)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
