"""Boosted trees against a slow twin, and after updates of the kinds that can go wrong."""

from contextlib import suppress

import numpy as np
import pytest
from sklearn.base import clone

import failing_memory
from small_boosting import (
    BoostingHistory,
    SmallBoosting,
    SmallBoostingRegressor,
    answer_of,
    assert_as_fresh,
    assert_as_naive,
    booster_of,
    described,
    records_of,
    statistic_of,
)
from small_trees import KINDS, plain
from sqlearn.engine.boosting.statistic import Boosting

pytestmark = pytest.mark.filterwarnings("ignore")

POISSON = SmallBoostingRegressor("poisson")
LOSSES = {
    "2 classes": (SmallBoosting(), 2),
    "3 classes": (SmallBoosting(), 3),
    "squared error": (SmallBoostingRegressor(), 0),
    "poisson": (POISSON, 0),
}
WEIGHTS = {
    "alike": lambda rng, n: np.ones(n),
    "some 0": lambda rng, n: rng.choice([0.0, 1.0, 2.5], n),
    "tiny": lambda rng, n: np.full(n, 1e-300),
    "huge": lambda rng, n: rng.choice([1e300, 1.7e308], n),
    "subnormal": lambda rng, n: rng.choice([5e-324, 1e-310], n),
    "mixed": lambda rng, n: rng.choice([0.0, 1e-300, 1.0, 1e300, 3.3e-7], n),
}
each_loss = pytest.mark.parametrize(("learner", "classes"), LOSSES.values(), ids=LOSSES)


def response(rng, X, learner, classes):
    known = np.nan_to_num(np.clip(X, -3, 3)).sum(axis=1) + 0.5 * rng.normal(size=len(X))
    if classes:
        y = np.floor(known).astype(int) % classes
        y[:classes] = range(classes)
        return y
    return rng.poisson(np.exp(np.clip(known, -3, 3))).astype(float) if learner.loss else known


def given(learner, classes, kind=plain, n=70, seed=0):
    rng = np.random.default_rng(seed)
    X = kind(rng, n)
    return X, response(rng, X, learner, classes)


# ------------------------------------------------------------------ the definition


@each_loss
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.crossed(2)
def test_sums_are_those_of_the_definition(learner, classes, kind):
    """Of plain and constant features, duplicates, missing values, 1e308, subnormal numbers, -0.0."""
    model = clone(learner).set_params(pilot=30)
    assert_as_naive(model.fit(*given(model, classes, kind)))


@each_loss
@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.crossed(2)
def test_weights(learner, classes, weights):
    X, y = given(learner, classes)
    w = weights(np.random.default_rng(1), len(y))
    for l2 in (0.0, 1.0):
        assert_as_naive(clone(learner).set_params(l2=l2, pilot=40).fit(X, y, sample_weight=w))


CLASS_WEIGHTS = [{0: 5.0, 1: 0.01}, {0: 1e300, 1: 1e300}, {0: 1e-300, 1: 1e-300}, {0: 1e300, 1: 1e-300}]
CLASS_WEIGHTS += [{0: 5e-324, 1: 5e-324, 2: 5e-324}, {1: 1.7e308}, {0: 2.0, 1: 4.0, 2: 0.5}]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("class_weight", CLASS_WEIGHTS, ids=str)
@pytest.mark.parametrize("weight", [1.0, 1e300, 1e-300])
@pytest.mark.crossed(3)
def test_weights_of_classes(classes, class_weight, weight):
    """Also where their product with those of records is beyond float64."""
    learner = SmallBoosting(class_weight=class_weight, l2=0.25)
    X, y = given(learner, classes)
    model = learner.fit(X, y, sample_weight=np.full(len(y), weight))
    assert_as_naive(model)
    assert booster_of(model).gradients.any()


TARGETS = {
    "0": [0.0],
    "equal": [2.5],
    "subnormal": [0.0, 5e-324, 2.5e-308],
    "huge": [1.7e308, 1e308, 3.0],
    "of all sizes": [1e308, 5e-324, 0.0, 1.0],
    "powers of two": [0.5, 1.0, 2.0, 4.0],
}


@pytest.mark.parametrize("learner", [SmallBoostingRegressor(), POISSON], ids=["squared error", "poisson"])
@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("weight", [1.0, 1e300, 1e-300])
@pytest.mark.crossed(3)
def test_targets(learner, targets, weight):
    rng = np.random.default_rng(2)
    y = rng.choice(targets, 60)
    if not learner.loss:
        y *= rng.choice([-1.0, 1.0], 60)
    model = clone(learner).set_params(l2=1.0, ridge=1.0)
    assert_as_naive(model.fit(plain(rng, 60), y, sample_weight=np.full(60, weight)))


SETTINGS = {
    "one leaf": {"n_leaves": 1},
    "two leaves": {"n_leaves": 2, "n_trees": 8},
    "63 leaves": {"n_leaves": 63, "pilot": 70, "n_trees": 2},
    "depth 1": {"max_depth": 1, "n_leaves": 9},
    "depth 2": {"max_depth": 2, "n_leaves": 9},
    "more bins than values": {"most_bins": 63},
    "many bins": {"most_bins": 63, "pilot": 70},
    "2 bins": {"most_bins": 2},
    "pilot of all": {"pilot": 1000},
    "pilot of 2": {"pilot": 2},
    "pilot of as many": {"pilot": 70},
    "pilot that follows": {"pilot": None},
    "large leaves": {"min_leaf": 7, "pilot": 40},
    "no shrinkage": {"shrinkage": 1.0, "learning_rate": 1.0, "n_trees": 6},
    "all shrunk": {"shrinkage": 0.0},
    "l2": {"l2": 3.0},
    "a large l2": {"l2": 1e300},
    "half asked": {"halved": 1},
    "an eighth asked": {"halved": 3, "ridge": 30.0},
    "a large ridge": {"ridge": 1e300},
    "no ridge": {"ridge": 0.0},
    "categories": {"categorical": [0, 2], "pilot": 40},
    "categories, few bins": {"categorical": [0, 1, 2, 3, 4], "most_bins": 3, "pilot": 40},
    "another seed": {"random_state": 7},
}


@each_loss
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.crossed(4)
def test_settings(learner, classes, settings):
    model = clone(learner).set_params(**settings)
    kind = KINDS[-1] if "categorical" in settings else plain  # numbers of categories, some of them missing
    assert_as_naive(model.fit(*given(model, classes, kind)))


@each_loss
def test_columns_that_are_missing(learner, classes):
    X, y = given(learner, classes)
    for columns in ([0], [0, 1, 2, 3]):
        missing = X.copy()
        missing[:, columns] = np.nan
        for categorical in (None, [0]):
            assert_as_naive(clone(learner).set_params(categorical=categorical).fit(missing, y))


@each_loss
def test_few_records(learner, classes):
    X, y = given(learner, classes)
    for n in range(max(classes, 1), 6):
        assert_as_naive(clone(learner).fit(X[:n], y[:n]))


def test_equal_rows_and_other_labels():
    X = np.repeat([[1.0, -0.0]], 40, axis=0)
    assert_as_naive(SmallBoosting().fit(X, np.arange(40) % 3))
    model = SmallBoosting().fit(X, np.arange(40) % 2)
    assert_as_naive(model)
    assert (booster_of(model).trees.n_leaves == 1).all()


def test_records_outside_of_the_pilot_with_values_that_it_lacks():
    """Numbers below and above all of the pilot's, missing values, categories."""
    rng = np.random.default_rng(4)
    X, y = np.zeros((90, 3)), np.arange(90) % 2
    X[:, 0] = rng.integers(0, 30, 90)
    learner = SmallBoosting(pilot=6, categorical=[0])
    model = clone(learner).fit(X, y)
    outside = np.array([record.keyed > booster_of(model).limit for record in records_of(model)])
    assert outside.sum() == 84
    far = np.array([[99.0, 1e308, np.nan], [np.nan, -1e308, 5e-324], [-7.5, np.nan, -5e-324]])
    model.partial_fit(far, [0, 1, 1])
    assert_as_naive(model)
    assert_as_fresh(model, clone(learner).fit(np.concatenate([X, far]), [*y, 0, 1, 1]))


@each_loss
@pytest.mark.parametrize("ridge", [0.0, 1e-6, 1.0])
@pytest.mark.crossed(2)
def test_solutions_are_the_exact_ones_rounded(learner, classes, ridge):
    """Also after updates, and where columns depend on each other."""
    learner = clone(learner).set_params(ridge=ridge, n_trees=2, most_bins=4, pilot=20)
    model, X, y = clone(learner), *given(learner, classes, n=60)
    X[:, 1] = X[:, 0]
    assert_as_naive(model.fit(X, y), solves=True)
    gone = np.flatnonzero(outside(model, X, y))[-20:]
    for i in gone[:3]:
        model.forget(X[i], y[i].item())
    assert_as_naive(model, solves=True)
    assert_as_naive(model.forget(X[gone[3:]], y[gone[3:]]), solves=True)


# ------------------------------------------------------------------ histories


@pytest.mark.parametrize("seed", range(36))
@pytest.mark.crossed(5)
def test_histories(seed):
    BoostingHistory(seed).run(10, naive=seed % 4 == 0)


def outside(model, X, y):
    """Whether records, all of weight 1 and different from each other, are outside of the pilot."""
    statistic, limit = statistic_of(model), np.uint64(booster_of(model).limit)
    rows = statistic.rows
    found = {rows.x[i].tobytes(): rows.keyed[i] > limit for i in rows.places()}
    return np.array([found[(x + 0.0).tobytes()] for x in X])


@each_loss
def test_updates_outside_of_the_pilot_keep_the_booster(learner, classes):
    """One by one, and more than 64 at once; the solution was read before, so factors follow."""
    model, X, y = clone(learner), *given(learner, classes, n=250)
    if not classes:
        y[0] = 20.0  # the largest target stays
    model.fit(X, y)
    kept, structure = booster_of(model), flat_structure(model)
    gone = np.flatnonzero(outside(model, X, y))
    gone = gone[gone >= 10]
    for part in (gone[:1], gone[1:20], gone[20:110]):
        answer_of(model)
        if len(part) == 1:
            model.forget(X[part[0]], y[part[0]].item())
        else:
            model.forget(X[part], y[part])
        assert statistic_of(model).booster is kept
    assert flat_structure(model) == structure
    left = np.delete(np.arange(len(y)), gone[:110])
    assert_as_fresh(model, clone(learner).fit(X[left], y[left]))
    model.partial_fit(X[gone[:110]], y[gone[:110]])
    assert statistic_of(model).booster is kept
    assert_as_fresh(model, clone(learner).fit(X, y))


def flat_structure(model):
    found = described(booster_of(model))
    return [found[name] for name in ("bins", "trees", "start")]


@each_loss
@pytest.mark.parametrize("at_once", [1, 3, 80])
@pytest.mark.crossed(2)
def test_powers_of_two(learner, classes, at_once):
    """From 60 records to 70 and on, and back, where units, pilots and shares of second derivatives change."""
    learner = clone(learner).set_params(pilot=None, halved=2)
    model, X, y = clone(learner), *given(learner, classes, n=140)
    model.fit(X[:60], y[:60])
    for first in range(60, 140, at_once):
        model.partial_fit(X[first : first + at_once], y[first : first + at_once])
        n = min(first + at_once, 140)
        if n in (63, 64, 65, 66, 127, 128, 129, 140):
            assert_as_fresh(model, clone(learner).fit(X[:n], y[:n]))
    for first in range(140 - at_once, 59, -at_once):
        model.forget(X[first : first + at_once], y[first : first + at_once])
        if first in (130, 128, 127, 126, 65, 64, 63, 62, 60):
            assert_as_fresh(model, clone(learner).fit(X[:first], y[:first]))


@each_loss
def test_the_heaviest_record_comes_and_goes(learner, classes):
    model, X, y = clone(learner), *given(learner, classes, n=90)
    w = np.ones(90)
    w[[50, 60, 70]] = 1e300, 7.0, 1e-300
    model.fit(X, y, sample_weight=w)
    for i in (50, 60, 70):
        model.forget(X[i : i + 1], y[i : i + 1], sample_weight=w[i : i + 1])
        w[i] = 0.0
        held = w > 0
        assert_as_fresh(model, clone(learner).fit(X[held], y[held], sample_weight=w[held]))
    model.partial_fit(X[50:51], y[50:51], sample_weight=[1e300])
    w[50] = 1e300
    held = w > 0
    assert_as_fresh(model, clone(learner).fit(X[held], y[held], sample_weight=w[held]))


@pytest.mark.parametrize("learner", [SmallBoostingRegressor(), POISSON], ids=["squared error", "poisson"])
def test_the_largest_target_comes_and_goes(learner):
    model, X, y = clone(learner), *given(learner, 0, n=90)
    y = np.abs(y)
    y[[50, 60]] = 1e308, 1e5
    model.fit(X, y)
    held = np.ones(90, bool)
    for i in (50, 60):
        model.forget(X[i], y[i].item())
        held[i] = False
        assert_as_fresh(model, clone(learner).fit(X[held], y[held]))
    model.partial_fit(X[50], y[50].item())
    held[50] = True
    assert_as_fresh(model, clone(learner).fit(X[held], y[held]))


def three_classes():
    """Records of two classes, and a few of a third one; all of the latter outside of the pilot."""
    rng = np.random.default_rng(5)
    X = plain(rng, 100)
    y = (X[:, 0] > 0).astype(int)
    learner = SmallBoosting(pilot=8, class_weight={2: 3.0, 7: 0.25})
    while True:
        y[rng.integers(0, 100, 3)] = 2
        model = clone(learner).fit(X, y)
        if outside(model, X, y)[y == 2].all():
            return learner, model, X, y
        y[y == 2] = 0


def test_a_class_comes_and_goes():
    learner, model, X, y = three_classes()
    rare, usual = y == 2, y != 2
    model.forget(X[rare][:1], y[rare][:1])
    for x, label in zip(X[rare][1:], y[rare][1:], strict=True):
        model.forget(x, label.item())
    assert_as_fresh(model, clone(learner).fit(X[usual], y[usual]))
    for label in (7, 2):  # which take over the slot
        new = np.where(rare, label, y)
        model.partial_fit(X[rare], new[rare])
        assert_as_fresh(model, clone(learner).fit(X, new))
        model.forget(X[rare], new[rare])
        assert_as_fresh(model, clone(learner).fit(X[usual], y[usual]))


def test_a_class_takes_over_the_slot_of_another():
    """In one call, and in two without a look in between; the weights of these classes differ."""
    learner, model, X, y = three_classes()
    rare = y == 2
    new = np.where(rare, 7, y)
    model.relabel(X[rare], y[rare], new[rare])
    assert_as_fresh(model, clone(learner).fit(X, new))
    model.forget(X[rare], new[rare]).partial_fit(X[rare], y[rare])
    assert_as_fresh(model, clone(learner).fit(X, y))


def test_the_last_row_of_all_but_one_class():
    learner, model, X, y = three_classes()
    for label in (2, 1):
        model.forget(X[y == label], y[y == label])
    assert booster_of(model) is answer_of(model) is None
    model.partial_fit(X[y == 1], y[y == 1])
    held = y != 2
    assert_as_fresh(model, clone(learner).fit(X[held], y[held]))


@pytest.mark.parametrize("look", [False, True])
@pytest.mark.parametrize("reads", [False, True])
def test_a_class_is_lent_away(look, reads):
    """What is made meanwhile knows fewer classes."""
    learner, model, X, y = three_classes()
    rare = y == 2
    with model.without(X[rare], y[rare]):
        if look:
            assert_as_fresh(model, clone(learner).fit(X[~rare], y[~rare]))
    if reads:
        assert_as_fresh(model, clone(learner).fit(X, y))
    model.forget(X[rare], y[rare])
    assert_as_fresh(model, clone(learner).fit(X[~rare], y[~rare]))
    model.partial_fit(X[rare], y[rare])
    assert_as_fresh(model, clone(learner).fit(X, y))


@pytest.mark.parametrize("learner", [SmallBoostingRegressor(), POISSON], ids=["squared error", "poisson"])
def test_targets_of_no_record(learner):
    """All forgotten, or of weight 0."""
    model, X, y = clone(learner), *given(learner, 0)
    model.fit(X, y).forget(X, y)
    assert booster_of(model) is answer_of(model) is None
    model.partial_fit(X[:5], y[:5], sample_weight=np.zeros(5))
    assert booster_of(model) is answer_of(model) is None
    model.partial_fit(X, y)
    fresh = clone(learner).partial_fit(X, y).partial_fit(X[:5], y[:5], sample_weight=np.zeros(5))
    assert_as_fresh(model, fresh)


def test_updates_that_fail(monkeypatch):
    learner, model, X, y = three_classes()
    answer_of(model)
    fresh = clone(learner).fit(X, y)
    gone = np.flatnonzero(outside(model, X, y))
    before = Boosting.refresh

    def late(*args, **kwargs):
        before(*args, **kwargs)
        raise KeyError("after all")

    for failing in (late, lambda *args: (_ for _ in ()).throw(KeyError("before all"))):
        for part in (gone[:1], gone[:5], gone[:80], np.arange(30), np.flatnonzero(y == 2)):
            with monkeypatch.context() as patch:
                patch.setattr(Boosting, "refresh", failing)
                with pytest.raises(KeyError):
                    model.forget(X[part], y[part])
                with pytest.raises(KeyError):
                    model.partial_fit(X[part] + 1.0, y[part] + 5)
            assert_as_fresh(model, fresh)


@each_loss
def test_memory_that_fails(learner, classes):
    """Each allocation of an update of one record, of some, of many: all or nothing is done."""
    model, X, y = clone(learner), *given(learner, classes, n=200)
    model.fit(X, y)
    rest = np.flatnonzero(outside(model, X, y))
    rest = rest[rest > 5]
    for part in (rest[:1], rest[:9], rest[:90]):
        left = np.delete(np.arange(200), part)
        smaller = clone(learner).fit(X[left], y[left])
        for k in [*range(1, 12), *range(12, 100, 7)]:
            answer_of(model)
            done = True
            with failing_memory.failing(failing_memory.FROM, k):
                try:
                    model.forget(X[part], y[part])
                except MemoryError:
                    done = False
            if done:
                assert_as_fresh(model, smaller)
                model.partial_fit(X[part], y[part])
            else:
                assert model.n_records_ == 200
        assert_as_fresh(model, clone(learner).fit(X, y))


@each_loss
def test_reads_that_fail(learner, classes):
    """Each allocation of a read after an update fails once; what is read then is as if it never had."""
    model, X, y = clone(learner), *given(learner, classes, n=200)
    if not classes:
        y[0] = 20.0  # the largest target stays
    model.fit(X, y)
    rest = np.flatnonzero(outside(model, X, y))
    rest = rest[rest > 5][:60]
    for k, i in enumerate(rest, start=1):
        answer_of(model)
        model.forget(X[i], y[i].item())
        with suppress(MemoryError), failing_memory.failing(failing_memory.FROM, k):
            answer_of(model)
    left = np.delete(np.arange(200), rest)
    assert_as_fresh(model, clone(learner).fit(X[left], y[left]))
