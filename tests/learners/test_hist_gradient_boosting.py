"""What boosted trees answer and refuse; their structure and sums are tested in tests/engine/boosting."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn import ensemble as peers
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_friedman1
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from learners import EVERYWHERE
from sqlearn import Store, ensemble, verify
from sqlearn.compose import TableModel
from sqlearn.engine.model import digest_of
from sqlearn.engine.rounds import from_bytes, to_bytes
from sqlearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sqlearn.errors import (
    FormatError,
    InvalidValueError,
    NotLearnedError,
    ParameterError,
    ShapeError,
    TooLargeError,
    UndefinedAttributeError,
    UnsupportedError,
)

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(1500, 4))
WHOLE = X.copy()
X[RANDOM.random(X.shape) < 0.05] = np.nan
KNOWN = np.nan_to_num(X)
VALUES = 3.0 * KNOWN[:, 0] + np.sin(2.0 * KNOWN[:, 1]) + KNOWN[:, 2] * KNOWN[:, 3]
COUNTS = RANDOM.poisson(np.exp(KNOWN[:, 0] / 2.0)).astype(float)
TWO, THREE = (VALUES > 0).astype(int), np.digitize(VALUES, [-1.0, 1.0])
SMALL = {"max_iter": 8, "max_leaf_nodes": 8}
LEARNERS = [
    (HistGradientBoostingClassifier(**SMALL, pilot_size=100), TWO),
    (HistGradientBoostingClassifier(**SMALL, pilot_size=100, class_weight={1: 3.0}), THREE),
    (HistGradientBoostingRegressor(**SMALL, pilot_size=100), VALUES),
    (HistGradientBoostingRegressor("poisson", **SMALL, pilot_size=100), COUNTS),
]
over = pytest.mark.parametrize(("learner", "y"), LEARNERS, ids=["two", "three", "squared", "poisson"])


def table(n, seed=0):
    """Numbers beside categories: few, many, missing ones."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n).round(1),
            "port": rng.choice(["S", "C", "Q", None], n),
            "street": [f"street {k}" for k in rng.zipf(1.3, n) % 400],
            "paid": rng.random(n) < 0.3,
        }
    )
    frame.loc[rng.random(n) < 0.1, "size"] = np.nan
    return frame, (frame.port.isin(["S", None]) ^ (frame["size"] > 0)).to_numpy(int)


ROWS, SURVIVED = table(600)

# ---------------------------------------------------------------------------------------------------------- answers


@over
def test_answers_are_those_of_scikit_learn_s_estimator(learner, y):
    model = clone(learner).fit(X, y)
    theirs = model.to_sklearn()
    assert type(theirs).__module__.startswith("sklearn") and not hasattr(theirs, "_boosted")
    asked = np.vstack([X[:50], [np.nan] * 4, [1e300] * 4, [-1e300] * 4])
    near = np.clip(asked, -3e38, 3e38)
    names = ["predict"] if model._target == "value" else ["predict", "predict_proba", "decision_function"]
    for name in names:
        np.testing.assert_array_equal(getattr(model, name)(asked), getattr(theirs, name)(near))
    assert model.n_iter_ == 8 and model.n_features_in_ == 4 and model.is_categorical_ is None
    assert model.n_trees_per_iteration_ == len(getattr(model, "classes_", [0])) // 3 * 2 + 1
    assert not model.do_early_stopping_ and not len(model.train_score_) and not len(model.validation_score_)
    with pytest.raises(InvalidValueError):
        model.predict([[np.inf] * 4])
    with pytest.raises(ShapeError):
        model.predict([[1.0]])


def load_squares(return_X_y):
    return make_friedman1(2000, random_state=0, noise=1.0)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_squares][: 3 if EVERYWHERE else 1])
def test_as_right_as_scikit_learn(load):
    name = "HistGradientBoostingRegressor" if load is load_squares else "HistGradientBoostingClassifier"
    given = load(return_X_y=True)
    means = [cross_val_score(getattr(kinds, name)(max_iter=30), *given).mean() for kinds in (ensemble, peers)]
    assert means[0] > means[1] - 0.02


@over
def test_all_verbs(learner, y):
    model = clone(learner).fit(X, y)
    digest = model.digest()
    assert verify(model.forget(X[:300], y[:300]), X[300:], y[300:])
    for i in range(300, 310):
        model.forget(X[i], y[i])
    assert verify(model, X[310:], y[310:])
    model.relabel(X[310:320], y[310:320], y[320:330])
    assert verify(model, X[310:], np.r_[y[320:330], y[320:]])
    model.relabel(X[310:320], y[320:330], y[310:320])
    with model.without(X[310:900], y[310:900]):
        assert verify(model, X[900:], y[900:])
    assert verify(model, X[310:], y[310:])
    model.merge(clone(learner).fit(X[:310], y[:310]))
    assert model.digest() == digest
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):
        assert verify(copied, X, y)
        np.testing.assert_array_equal(copied.predict(X), model.predict(X))
    with pytest.raises(NotLearnedError):
        model.forget(X[0] + 1.0, y[0])
    assert model.digest() == digest and not model.pending_params()
    assert model.set_params(max_iter=3).pending_params() == ["max_iter"]
    assert "HistGradientBoosting" in model._repr_html_()


@over
def test_weights(learner, y):
    w = np.array([1.0, 0.5, 3.0, 1e-300, 0.0])[np.arange(1500) % 5]
    model = clone(learner).fit(X, y, w)
    assert verify(model.forget(X[:7], y[:7], w[:7]), X[7:], y[7:], w[7:])
    fours = np.full(1500, 4.0)
    plain = clone(learner).set_params(pilot=(X[:200], y[:200]), pilot_size="auto", l2_regularization=5, refit_l2=30)
    alike = clone(plain).set_params(pilot=(X[:200], y[:200], fours[:200]), l2_regularization=20, refit_l2=120)
    np.testing.assert_allclose(alike.fit(X, y, fours).predict(X), plain.fit(X, y).predict(X), rtol=1e-6)


def test_classes_come_and_go():
    model = HistGradientBoostingClassifier(**SMALL, pilot_size=100)
    model.partial_fit(X[:50], np.zeros(50))
    with pytest.raises(UndefinedAttributeError, match="one class") as caught:
        model.predict(X)
    assert caught.value.reason == "too few records"
    model.partial_fit(X, THREE)
    model.forget(X[:50], np.zeros(50))
    assert model.classes_.tolist() == [0, 1, 2] and verify(model, X, THREE)
    ones = THREE == 1
    model.forget(X[ones], THREE[ones])
    assert model.classes_.tolist() == [0, 2] and verify(model, X[~ones], THREE[~ones])
    model.partial_fit(X[ones], np.full(ones.sum(), 7))
    assert model.classes_.tolist() == [0, 2, 7] and verify(model, X, np.where(ones, 7, THREE))
    with pytest.raises(UndefinedAttributeError):
        clone(model).fit(X, np.ones(1500))
    text = HistGradientBoostingClassifier(**SMALL).fit(X, np.array(["no", "yes"])[TWO])
    assert set(text.predict(X)) == {"no", "yes"}


def test_sparse_rows_and_names():
    rounded = np.round(KNOWN)
    learner = HistGradientBoostingRegressor(**SMALL)
    dense = clone(learner).fit(rounded, VALUES)
    assert dense.digest() == clone(learner).fit(sp.csr_array(rounded), VALUES).digest()
    np.testing.assert_array_equal(dense.predict(sp.csr_matrix(rounded)), dense.predict(rounded))
    frame = pd.DataFrame(X, columns=list("abcd"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        named = clone(learner).fit(frame, VALUES)
        named.predict(frame)
        named.predict(frame.assign(a=1e200))
    assert named.feature_names_in_.tolist() == list("abcd") == named.to_sklearn().feature_names_in_.tolist()
    pipeline = make_pipeline(StandardScaler(), clone(learner)).fit(KNOWN, VALUES)
    assert pipeline.score(KNOWN, VALUES) > 0.8


def test_inspection():
    model = HistGradientBoostingRegressor(max_iter=20).fit(KNOWN, VALUES)
    means = [
        partial_dependence(model, KNOWN, [0], method=method, kind="average")["average"][0]
        for method in ("recursion", "brute")
    ]
    np.testing.assert_allclose(np.diff(means[0]), np.diff(means[1]), atol=0.2)
    theirs = partial_dependence(model.to_sklearn(), KNOWN, [0], method="recursion", kind="average")["average"][0]
    np.testing.assert_array_equal(means[0], theirs)
    found = permutation_importance(model, KNOWN, VALUES, n_repeats=2, random_state=0).importances_mean
    assert found[0] == found.max() and (found > 0).all()
    model = HistGradientBoostingRegressor(**SMALL).fit(ROWS, SURVIVED)
    with pytest.raises(UndefinedAttributeError, match="brute") as caught:
        partial_dependence(model, ROWS, ["size"])
    assert caught.value.reason == "not encoded"
    assert partial_dependence(model, ROWS, ["size"], method="brute", kind="average")["average"].shape[0] == 1


def test_the_cost_of_forgetting():
    model = HistGradientBoostingClassifier(**SMALL, pilot_size=150).fit(X, TWO)
    costs = [model.cost_of_forgetting(X[i], TWO[i]) for i in range(300)]
    assert 15 < sum(cost.in_pilot for cost in costs) < 50
    assert {cost[1:] for cost in costs if cost.in_pilot} == {(8, 1499)}
    assert {cost[1:] for cost in costs if not cost.in_pilot} == {(0, 1)}
    assert not hasattr(model, "last_update_")
    for i, cost in enumerate(costs[:60]):
        model.predict(X[:1])
        model.forget(X[i], TWO[i])
        last = model.last_update_
        assert i > 0 or last[:2] == (cost.in_pilot, cost.trees_rebuilt > 0)  # later, others are in the pilot
        assert last.rebuilt == (last.in_pilot > 0)
    with pytest.raises(NotLearnedError):
        model.cost_of_forgetting(X[0], TWO[0])


def test_verbose_tells_when_trees_grow(capsys):
    model = HistGradientBoostingClassifier(**SMALL, verbose=1).fit(X, TWO)
    assert "HistGradientBoostingClassifier: growing 8 trees" in capsys.readouterr().err
    assert model.set_params(verbose=0).fit(X, TWO).score(X, TWO) > 0.8
    assert not capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------- categories


@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_categories(kind):
    model = kind(**SMALL, pilot_size=200).fit(ROWS, SURVIVED)
    assert model.score(ROWS, SURVIVED) > 0.6
    assert model.is_categorical_.tolist() == [False, True, True, True]
    pipeline = model.to_sklearn()
    assert pipeline[0].get_feature_names_out().tolist() == [*ROWS.columns]
    unknown = ROWS.copy()
    unknown.loc[300:, "port"] = "nowhere"
    unknown.loc[310:, "street"] = None
    for rows in (ROWS, unknown):
        np.testing.assert_array_equal(pipeline.predict(rows), model.predict(rows))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(pipeline)).predict(rows), model.predict(rows))
        if kind is HistGradientBoostingClassifier:
            np.testing.assert_array_equal(pipeline.predict_proba(rows), model.predict_proba(rows))
    with pytest.raises(NotImplementedError):
        pipeline[0].fit(ROWS)
    assert verify(model.forget(ROWS[:100], SURVIVED[:100]), ROWS[100:], SURVIVED[100:])
    assert verify(model.forget(ROWS.iloc[100], SURVIVED[100]), ROWS[101:], SURVIVED[101:])
    arrays = clone(model).set_params(categorical_features=[1, 2, 3]).fit(ROWS.to_numpy(object), SURVIVED)
    np.testing.assert_array_equal(arrays.predict(ROWS.to_numpy(object)), clone(model).fit(ROWS, SURVIVED).predict(ROWS))
    assert arrays.to_sklearn()[0].get_feature_names_out().tolist() == ["x0", "x1", "x2", "x3"]


def test_in_a_table_model():
    learner = HistGradientBoostingClassifier(**SMALL, pilot_size=100)
    model = TableModel(learner, columns={"street": "drop"}).fit(ROWS, SURVIVED)
    direct = clone(learner).fit(ROWS.drop(columns="street"), SURVIVED)
    np.testing.assert_array_equal(model.predict_proba(ROWS), direct.predict_proba(ROWS.drop(columns="street")))
    assert verify(model.forget(ROWS[:30], SURVIVED[:30]), ROWS[30:], SURVIVED[30:])
    assert model.last_update_.rebuilt
    assert verify(pickle.loads(pickle.dumps(model)), ROWS[30:], SURVIVED[30:])
    np.testing.assert_array_equal(model.to_sklearn().predict(ROWS), model.predict(ROWS))
    with pytest.raises(ParameterError, match="`pilot`"):
        TableModel(clone(learner).set_params(pilot=(ROWS, SURVIVED), pilot_size="auto")).fit(ROWS, SURVIVED)
    counts = TableModel(HistGradientBoostingRegressor("poisson", **SMALL)).fit(ROWS, SURVIVED + 1.0)
    with pytest.raises(InvalidValueError, match="non-negative"):
        counts.partial_fit(ROWS[:1], [-1.0])


# ----------------------------------------------------------------------------------------------------- chosen pilot


@over
def test_a_chosen_pilot_has_no_breaks(learner, y):
    pilot, held = (X[:300], y[:300]), slice(300, None)
    model = clone(learner).set_params(pilot=pilot, pilot_size="auto").fit(X[held], y[held])
    digest, trees = model.digest(), model.to_sklearn()._predictors[0][0].nodes["feature_idx"]
    for i in range(400, 460):
        model.forget(X[i], y[i])
        if y[i] < y.max():  # another unit, where the largest target goes
            assert model.last_update_[:2] == (0, False)
    rest = np.r_[300:400, 460:1500]
    assert verify(model, X[rest], y[rest])
    np.testing.assert_array_equal(model.to_sklearn()._predictors[0][0].nodes["feature_idx"], trees)
    assert model.n_records_ == 1140
    model.partial_fit(X[400:460], y[400:460])
    assert model.digest() == digest == pickle.loads(pickle.dumps(model)).digest()
    others = clone(model).set_params(pilot=(X[:299], y[:299])).fit(X[held], y[held])
    assert others.digest() != digest
    assert clone(model).fit(X[held], y[held]).digest() == digest
    assert "300 records" in repr(model.fitted_params()["pilot"])


def test_what_the_pilot_remembers_cannot_be_forgotten():
    model = HistGradientBoostingClassifier(**SMALL, pilot=(X[:300], TWO[:300])).fit(X[200:], TWO[200:])
    model.partial_fit(X[:10], TWO[:10], sample_weight=np.full(10, 2.0))
    digest = model.digest()
    calls = [
        (0, lambda: model.forget(X[250], TWO[250])),
        (1, lambda: model.forget(X[[400, 299]], TWO[[400, 299]])),
        (0, lambda: model.forget(X[0], TWO[0], sample_weight=2.0)),
        (0, lambda: model.relabel(X[250], TWO[250], 1 - TWO[250])),
        (0, lambda: model.cost_of_forgetting(X[250], TWO[250])),
        (0, lambda: model.without(X[250], TWO[250]).__enter__()),
    ]
    for _ in range(40):  # the general path, and the fast one
        for row, call in calls:
            with pytest.raises(UnsupportedError, match="`pilot`") as caught:
                call()
            assert (caught.value.row, caught.value.reason) == (row, "pilot")
        i = RANDOM.integers(400, 1500)
        model.partial_fit(X[i], TWO[i]).forget(X[i], TWO[i])
    assert model.digest() == digest
    model.partial_fit(X[250], 1 - TWO[250])
    assert model.forget(X[250], 1 - TWO[250]).digest() == digest  # another label is another record


def test_the_pilot_is_compared_by_what_it_holds():
    learner = HistGradientBoostingClassifier(**SMALL, pilot=(ROWS[:100], SURVIVED[:100]))
    model = clone(learner).fit(ROWS[100:], SURVIVED[100:])
    assert not model.pending_params()
    arrays = ROWS[:100].to_numpy(object), SURVIVED[:100].tolist(), np.ones(100)
    for same in (arrays, [*arrays], model.fitted_params()["pilot"]):
        assert not model.set_params(pilot=same).pending_params()
        assert clone(model).fit(ROWS[100:], SURVIVED[100:]).digest() == model.digest()
    for other in ((ROWS[:99], SURVIVED[:99]), None, 3, (ROWS[["size"]], SURVIVED)):
        assert model.set_params(pilot=other).pending_params() == ["pilot"]
    with pytest.raises(ValueError, match="read-only"):
        model.fitted_params()["pilot"].x[0] = 0.0


def test_classes_of_the_pilot_and_of_the_records():
    """The pilot may lack classes, and have others; its rows of these are left out."""
    first = THREE[:400] < 2
    model = HistGradientBoostingClassifier(**SMALL, pilot=(X[:400][first], THREE[:400][first]))
    model.fit(X[400:], THREE[400:])
    assert model.classes_.tolist() == [0, 1, 2] and model.score(X, THREE) > 0.6
    for label in (0, 1):
        gone = THREE == label
        part = copy.deepcopy(model).forget(X[400:][gone[400:]], THREE[400:][gone[400:]])
        assert label not in part.classes_
        assert verify(part, X[400:][~gone[400:]], THREE[400:][~gone[400:]])
    twos = THREE == 2
    renamed = copy.deepcopy(model).relabel(X[400:][twos[400:]], THREE[400:][twos[400:]], np.full(twos[400:].sum(), 9))
    assert verify(renamed, X[400:], np.where(twos, 9, THREE)[400:])
    none = clone(model).partial_fit(X[400:], THREE[400:] + 10)  # no row of the pilot is left
    assert none.predict(X).min() >= 10 and verify(none, X[400:], THREE[400:] + 10)
    with pytest.raises(ParameterError, match="No row of `pilot`"):
        clone(model).fit(X[400:], THREE[400:] + 10)
    assert clone(model).set_params(l2_regularization=0.0).partial_fit(X[400:], THREE[400:] + 10).predict(X).min() >= 10


@pytest.mark.parametrize("scale", [1.0, 2.0**-60, 2.0**40, 1e250])
def test_scales_of_a_pilot(scale):
    """Its targets and weights have units of their own."""
    learner = HistGradientBoostingRegressor(
        **SMALL, pilot=(X[:300], VALUES[:300] * scale, np.full(300, min(scale, 1.0)))
    )
    model = learner.fit(X[300:], VALUES[300:])
    assert np.isfinite(model.predict(X)).all()
    assert verify(model.forget(X[300:350], VALUES[300:350]), X[350:], VALUES[350:])
    if scale <= 1.0:
        assert model.score(X, VALUES) > 0.7
    small = HistGradientBoostingRegressor("poisson", **SMALL, pilot=(X[:300], COUNTS[:300] * scale))
    assert verify(small.fit(X[300:], COUNTS[300:]), X[300:], COUNTS[300:])
    weighted = HistGradientBoostingClassifier(**SMALL, pilot=(X[:300], TWO[:300], np.full(300, scale)))
    plain = HistGradientBoostingClassifier(**SMALL, pilot=(X[:300], TWO[:300]))
    assert weighted.fit(X, TWO).score(X, TWO) > 0.8 and plain.fit(X, TWO).score(X, TWO) > 0.8


@pytest.mark.parametrize(
    ("given", "words", "place"),
    [
        (3, "no pair", (None, None)),
        ((ROWS,), "no pair", (None, None)),
        (ROWS, "no pair", (None, None)),
        ((ROWS[:10], SURVIVED[:9]), "inconsistent", (None, None)),
        ((ROWS[["size"]], SURVIVED), "feature names", (None, None)),
        ((ROWS[ROWS.columns[::-1]], SURVIVED), "order", (None, None)),
        ((ROWS.to_numpy()[:, :2], SURVIVED), "4 features", (None, None)),
        ((ROWS, None), "requires y", (None, None)),
        ((ROWS[:0], SURVIVED[:0]), "0 sample", (None, None)),
        ((ROWS[:3], SURVIVED[:3], [1, -1, 1]), "Negative", (1, None)),
        ((ROWS[:3], SURVIVED[:3], [0, 0, 0]), "weight above 0", (None, None)),
        ((ROWS[:2], [1, np.nan]), "NaN", (1, None)),
        ((ROWS[:3].assign(size=[1, 2, np.inf]), SURVIVED[:3]), "infinite", (2, "size")),
    ],
)
def test_pilots_that_are_refused(given, words, place):
    model = HistGradientBoostingClassifier(**SMALL).fit(ROWS, SURVIVED)
    digest = model.digest()
    with pytest.raises(ParameterError, match=words) as caught:
        model.set_params(pilot=given).fit(ROWS, SURVIVED)
    assert "pilot" in str(caught.value) and (caught.value.row, caught.value.column) == place
    assert model.digest() == digest
    with pytest.raises(ParameterError, match="other records"):
        pilot = HistGradientBoostingClassifier(pilot=(ROWS, SURVIVED)).fit(ROWS, SURVIVED).fitted_params()["pilot"]
        HistGradientBoostingRegressor(pilot=pilot).fit(X, VALUES)


# ---------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"loss": "gamma"}, "not supported"),
        ({"loss": "absolute_error"}, "second derivatives"),
        ({"loss": "quantile", "quantile": 0.5}, "quantile"),
        ({"max_leaf_nodes": None}, r"\[2, 63\]"),
        ({"max_bins": 255}, r"\[2, 63\]"),
        ({"max_features": 0.5}, "every feature"),
        ({"early_stopping": "auto"}, "every record"),
        ({"monotonic_cst": [1, 0, 0, 0]}, "together"),
        ({"interaction_cst": "pairwise"}, "constraints"),
        ({"warm_start": True}, "history"),
        ({"random_state": np.random.RandomState(0)}, "RandomState"),
        ({"pilot_size": 1}, "pilot_size"),
        ({"pilot_size": 50, "pilot": (X, VALUES)}, "has no meaning"),
        ({"refit_l2": 0.0}, "refit_l2"),
        ({"max_iter": 0}, "max_iter"),
        ({"categorical_features": [9]}, "categorical_features"),
    ],
    ids=lambda given: given if isinstance(given, str) else next(iter(given)),
)
def test_parameters_that_are_refused(given, words):
    model = HistGradientBoostingRegressor(**SMALL).fit(X, VALUES)
    digest = model.digest()
    with pytest.raises(ValueError, match=words):  # scikit-learn's, or a ParameterError
        model.set_params(**given).fit(X, VALUES)
    assert model.digest() == digest


def test_numbers_of_any_size():
    for given in ({"max_depth": 10**30}, {"min_samples_leaf": 10**30}, {"pilot_size": 10**30}, {"refit_l2": 5e-324}):
        assert np.isfinite(HistGradientBoostingRegressor(**SMALL | given).fit(X, VALUES).predict(X)).all()
    with pytest.raises(TooLargeError, match="max_iter"):
        HistGradientBoostingRegressor(max_iter=10**9).fit(X, VALUES)


def test_stages_are_refused():
    model = HistGradientBoostingClassifier(**SMALL).fit(X, TWO)
    regressor = HistGradientBoostingRegressor(**SMALL).fit(X, VALUES)
    calls = [model.staged_predict, model.staged_predict_proba, model.staged_decision_function, regressor.staged_predict]
    for call in calls:
        with pytest.raises(UnsupportedError, match="together") as caught:
            call(X)
        assert caught.value.reason == "stages"


def test_poisson_targets():
    learner = HistGradientBoostingRegressor("poisson", **SMALL)
    negative = COUNTS.copy()
    negative[7] = -1.0
    with pytest.raises(InvalidValueError, match=r"Row 7.*requires non-negative y") as caught:
        learner.fit(X, negative)
    assert (caught.value.row, caught.value.value, caught.value.reason) == (7, -1.0, "negative")
    with pytest.raises(InvalidValueError, match=r"sum\(y\) > 0"):
        learner.fit(X, np.zeros(1500))
    model = learner.fit(X, COUNTS)
    digest = model.digest()
    for _ in range(250):  # the general path, and the fast one
        with pytest.raises(InvalidValueError, match="This row has the target"):
            model.partial_fit(KNOWN[0], -1.0)
    assert model.partial_fit(KNOWN[0], 2.0).forget(KNOWN[0], 2.0).digest() == digest
    model.forget(X[COUNTS > 0], COUNTS[COUNTS > 0])
    assert (model.predict(X) < 0.01).all() and verify(model, X[COUNTS == 0], np.zeros((COUNTS == 0).sum()))
    with pytest.raises(ParameterError, match="requires non-negative"):
        clone(learner).set_params(pilot=(X, VALUES)).fit(X, COUNTS)


@pytest.mark.parametrize("kind", [HistGradientBoostingClassifier, RandomForestClassifier])
def test_weights_of_classes(kind):
    with pytest.warns(UserWarning, match=r"names \['1', 7\].*have \[0, 1\]"):
        model = kind(class_weight={7: 2.0, "1": 3.0, 0: 1.0}).fit(X, TWO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(class_weight={1.0: 2.0}).fit(X, TWO)
        assert model.score(X, TWO) > 0.8
    for wrong in ("balanced", {0: 0.0}, {0: np.inf}, {0: "1"}):
        with pytest.raises(ParameterError, match="class_weight"):
            model.set_params(class_weight=wrong).fit(X, TWO)


# ----------------------------------------------------------------------------------------------------------- stores


def test_in_a_store(tmp_path):
    rows = {"a": WHOLE[:, 0], "b": WHOLE[:, 1], "id": np.arange(1500), "y": TWO}
    held = {name: column[:900] for name, column in rows.items()}
    for name, given in (("hashed", {"pilot_size": 100}), ("chosen", {"pilot": (WHOLE[1200:, :2], TWO[1200:])})):
        learner = HistGradientBoostingClassifier(**SMALL, **given)
        store = Store.create(tmp_path / name, learner, held, target="y", id="id")
        store.forget(ids=range(20, 60))
        store.learn({name: column[900:1000] for name, column in rows.items()})
        kept = np.r_[:20, 60:1000]
        twin = clone(learner).fit(WHOLE[kept, :2], TWO[kept])
        for _ in range(2):
            assert store.verify(), store.verify()
            asked = {"a": WHOLE[:, 0], "b": WHOLE[:, 1]}
            np.testing.assert_array_equal(store.predict(asked), twin.predict(WHOLE[:, :2]))
            taken = pickle.loads(pickle.dumps(store.model))
            assert taken.digest() == store.digest()
            np.testing.assert_array_equal(taken.predict_proba(WHOLE[:, :2]), twin.predict_proba(WHOLE[:, :2]))
            with pytest.raises(UnsupportedError, match="taken out of a store"):
                taken.forget(WHOLE[0, :2], TWO[0])
            store.close()
            store = Store.open(tmp_path / name)
        if name == "chosen":
            store.learn({name: column[1200:1210] for name, column in rows.items()})
            digest = store.digest()
            with pytest.raises(UnsupportedError, match="`pilot`"):
                store.forget(ids=[1203])
            assert store.digest() == digest and store.verify()
        store.close()
    with pytest.raises(ParameterError, match="parameter pilot holds"):
        pilot = pd.DataFrame(WHOLE[:, :2], columns=["a", "b"]), TWO
        Store.create(tmp_path / "frame", HistGradientBoostingClassifier(pilot=pilot), held, target="y", id="id")


def forgeries(boosted):
    """What stands in place of an answer, with which scikit-learn would leave its arrays."""
    yield 3
    numbers, values = boosted.nodes.numbers, boosted.values
    inner, leaf = np.flatnonzero(numbers[:, 0] >= 0)[0], np.flatnonzero(numbers[:, 0] < 0)[0]
    for row, column, number in (
        (inner, 0, 2),
        (inner, 1, 999),
        (inner, 2, 0),
        (leaf, 4, values.shape[1]),
        (leaf, 4, -1),
    ):
        forged = copy.deepcopy(boosted)
        forged.nodes.numbers[row, column] = number
        yield forged
    for name, array in (("values", values[:, 1:]), ("n_edges", boosted.n_edges + 99), ("base", boosted.base[:0])):
        forged = copy.deepcopy(boosted)
        setattr(forged, name, array)
        yield forged
    forged = copy.deepcopy(boosted)
    forged.nodes.bounds[1] = 0
    yield forged
    for row in (inner, leaf):
        forged = copy.deepcopy(boosted)
        forged.nodes.masks[row] = 1  # as if numbers were categories
        yield forged


def test_altered_bytes_are_refused(tmp_path):
    rows = {"a": WHOLE[:, 0], "b": WHOLE[:, 1], "id": np.arange(1500), "y": TWO}
    learner = HistGradientBoostingClassifier(**SMALL, pilot=(WHOLE[:, :2], TWO))
    with Store.create(tmp_path / "a", learner, rows, target="y", id="id") as store:
        contents = store.model.__getstate__()
    solution = contents["state"]["parts"]["solution"]
    for altered in (solution[:-9], b"", solution[:40] + b"\xff" + solution[41:], solution + b"0"):
        given = copy.deepcopy(contents)
        given["state"]["parts"]["solution"] = altered
        with pytest.raises(FormatError):
            HistGradientBoostingClassifier().__setstate__(given)
    for forged in forgeries(from_bytes(solution)):
        given = copy.deepcopy(contents)
        given["state"]["parts"]["solution"] = to_bytes(forged)
        given["state"]["digest"] = digest_of(given["state"]["parts"])
        with pytest.raises(FormatError):
            HistGradientBoostingClassifier().__setstate__(given)
    model = learner.fit(WHOLE[:, :2], TWO)
    given = copy.deepcopy(model.__getstate__())
    pilot = given["state"]["params"]["pilot"]
    given["state"]["params"]["pilot"] = type(pilot)(**pilot.contents() | {"weights": pilot.weights + 1.0})
    with pytest.raises(FormatError):
        HistGradientBoostingClassifier().__setstate__(given)
