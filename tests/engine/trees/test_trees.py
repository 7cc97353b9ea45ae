"""Trees against a slow twin, and after updates of the kinds that can go wrong."""

import numpy as np
import pytest
from sklearn.base import clone

from learners import EVERYWHERE
from naive_tree import mix
from small_trees import (
    CLASSIFIERS,
    KINDS,
    REGRESSORS,
    History,
    SmallExtra,
    SmallExtraRegressor,
    SmallForest,
    SmallForestRegressor,
    SmallTree,
    SmallTreeRegressor,
    assert_as_fresh,
    assert_as_naive,
    dump,
    expect,
    far,
    leaf_mean,
    leaf_sums,
    missing,
    plain,
    trees_and_plan,
)
from sqlearn.engine.model import state as state_module
from sqlearn.engine.trees import Forest
from sqlearn.errors import InvalidValueError
from sqlearn.tree import DecisionTreeRegressor

pytestmark = pytest.mark.filterwarnings("ignore")


# ------------------------------------------------------------------ growth


@pytest.mark.parametrize("learner", [*CLASSIFIERS, *REGRESSORS], ids=lambda learner: learner.__name__)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.crossed(3)
def test_trees_are_those_of_the_definitions(learner, kind):
    for seed in range(2):
        assert_as_naive(History(seed, 150, learner, kind).model)


def test_threads_grow_the_same_trees():
    rng = np.random.default_rng(0)
    X = plain(rng, 200)
    y = (X[:, 0] > 0).astype(int)
    one = SmallForest(7, random_state=1).fit(X, y)
    assert dump(SmallForest(7, random_state=1, n_jobs=3).fit(X, y)) == dump(one)


# ------------------------------------------------------------------ histories


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.crossed(5)
def test_histories(seed):
    History(seed).run(10, naive=seed % 4 == 0)


def followed(learner, given, changes):
    """Have a model follow changes (sign, X, y, w), each compared with a fresh fit."""
    model = clone(learner).fit(*given)
    held = [np.asarray(part) for part in given]
    for sign, *records in changes:
        weights = {"sample_weight": records[2]} if len(records) > 2 else {}
        if sign > 0:
            model.partial_fit(*records[:2], **weights)
            held = [np.concatenate([a, b]) for a, b in zip(held, records, strict=True)]
        else:
            model.forget(*records[:2], **weights)
            left = list(range(len(held[0])))
            for row in zip(*records, strict=True):
                del left[next(k for k, i in enumerate(left) if equal([part[i] for part in held], row))]
            held = [part[left] for part in held]
        assert_as_fresh(model, clone(learner).fit(*held))
    return model


def equal(one, other):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def one_by_one(*parts, sign=-1):
    return [(sign, *(part[i : i + 1] for part in parts)) for i in range(len(parts[0]))]


@pytest.mark.parametrize("learner", [SmallExtra(2, max_features=None), SmallExtraRegressor(2, max_features=None)])
def test_the_largest_number_beside_missing_ones(learner):
    """A random threshold is drawn up to it, so it counts as an end."""
    rng = np.random.default_rng(1)
    X = missing(rng, 120)[:, :2]
    y = (np.nan_to_num(X[:, 0]) > 0).astype(int)
    far = np.column_stack([np.linspace(3.0, 9.0, 12), np.linspace(4.0, 5.0, 12)])
    labels = np.arange(12) % 2
    followed(learner, (X, y), [*one_by_one(far, labels, sign=1), *one_by_one(far, labels)])


def test_samples_of_as_many_records_as_give_thresholds():
    """A perfect split of 12 records that are by chance all of the sample: one record more, and another one may win."""
    y = np.arange(33) % 2
    X, tried = np.column_stack([y, y]).astype(float), 0
    for seed in range(0, 3000, 6 if EVERYWHERE else 15):  # whose samples have about 16 records
        learner = SmallTree(random_state=seed)
        model = clone(learner).fit(X, y)
        tree, rows = trees_and_plan(model)[0][0], model._state.statistic.rows
        if sum(mix(int(keyed), int(tree.salt)) < 2**63 for keyed in rows.keyed[:33]) == 12:
            for wrong in np.eye(2):
                followed(learner, (X, y), [(1, wrong[None], np.zeros(1, int))] * 4)
            tried += 1
    assert tried > (10 if EVERYWHERE else 4)


def test_leaves_of_equal_records_get_others_while_they_are_small():
    one, other = np.array([[1.0, 2.0]]), np.array([[3.0, 2.0]])
    X, y = np.repeat(one, 6, axis=0), np.arange(6) % 2
    none, label = np.array([0]), np.array([1])
    changes = [(-1, X[:5], y[:5]), *[(1, other, none), (1, other, none)] * 3, *[(1, one, label)] * 3]
    followed(SmallTree(min_samples_split=5), (X, y), changes)
    followed(SmallTreeRegressor(min_samples_leaf=3), (X, y.astype(float)), changes)


def test_zeros_have_one_sign():
    """Numbers so small that float32 has none of them are zero, whatever their sign."""
    X = np.where(np.arange(44) % 2, np.nan, -1e-60)[:, None]
    y = np.arange(44) % 2
    twins = np.where(np.arange(44) % 2, np.nan, 1e-60)[:, None]
    for learner in (SmallTree(), SmallTree(splitter="random")):
        changes = zip(one_by_one(X, y), one_by_one(twins, y, sign=1), strict=True)
        followed(learner, (X, y), [change for pair in changes for change in pair])


def test_equal_records_of_an_update_that_failed():
    """They come back in another order, so each may lie where its equal was."""
    rng = np.random.default_rng(3)
    X = np.repeat(plain(rng, 12), 6, axis=0)
    y = np.arange(72) % 12 % 3
    learner = SmallForest(5, random_state=1)
    model = clone(learner).fit(X, y)
    for owner, name in ((Forest, "refresh"), (state_module.State, "_check_emptied")):
        for update, rows in ((model.forget, slice(30)), (model.partial_fit, slice(40, 60))):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(owner, name, failing)
                expect(MemoryError, update, X=X[rows], y=y[rows])
            assert_as_fresh(model, clone(learner).fit(X, y))
        for i in range(4):
            model.forget(X[i], y[i]).partial_fit(X[i], y[i])
            assert_as_fresh(model, clone(learner).fit(X, y))


def failing(*_):
    raise MemoryError


def test_labels_that_are_refused():
    """Strings beside numbers are found out after the trees have followed."""
    rng = np.random.default_rng(4)
    X, y = plain(rng, 60), np.arange(60) % 3
    model = SmallForest(3).fit(X, y)
    with pytest.raises(InvalidValueError):
        model.partial_fit(X[:2], np.array(["a", "b"]))
    assert_as_fresh(model, SmallForest(3).fit(X, y))


@pytest.mark.parametrize("weight", [0.75, 1.0])
def test_all_records_go(weight):
    rng = np.random.default_rng(5)
    X, y = plain(rng, 50), np.arange(50) % 3
    w = np.full(50, weight)
    for learner, target in ((SmallForest(2), y), (SmallForestRegressor(2), X[:, 0])):
        model = clone(learner).fit(X, target, w).forget(X, target, sample_weight=w)
        assert model.n_records_ == 0
        model.partial_fit(X[:40], target[:40], sample_weight=w[:40])
        assert_as_fresh(model, clone(learner).fit(X[:40], target[:40], w[:40]))


def test_classes_that_outweigh_those_given():
    """A class without a given weight may be the heaviest: its sums must be exact as well."""
    rng = np.random.default_rng(6)
    X, y = plain(rng, 150), np.arange(150) % 3
    w = rng.random(150)
    for weights in ({0: 1e-9}, {0: 1e-9, 1: 3e-10, 2: 1e-9}, {7: 1e9}, {0: 1e-300, 1: 1e300}):
        learner = SmallForest(2, class_weight=weights)
        order = rng.permutation(150)
        model = clone(learner).fit(X[order], y[order], w[order])
        for part in np.array_split(order, 6)[:5]:
            model.forget(X[part], y[part], sample_weight=w[part])
            order = order[~np.isin(order, part)]
            assert_as_fresh(model, clone(learner).fit(X[order[::-1]], y[order[::-1]], w[order[::-1]]))
        assert_as_naive(model)
    all_given = clone(learner).set_params(class_weight={0: 1e-9, 1: 3e-10, 2: 1e-9}).fit(X, y)
    same = clone(learner).set_params(class_weight={0: 1.0, 1: 0.3, 2: 1.0}).fit(X, y)
    for one, other in zip(all_given.estimators_, same.estimators_, strict=True):
        np.testing.assert_array_equal(one.tree_.threshold, other.tree_.threshold)


def test_the_records_of_lowest_priority_go():
    """They are the ones whose values give thresholds, at the root and below."""
    rng = np.random.default_rng(7)
    X = far(rng, 400)
    y = rng.integers(0, 3, 400)
    model = SmallTree(max_features=2).fit(X, y)
    tree, rows = trees_and_plan(model)[0][0], model._state.statistic.rows
    places = sorted(rows.places(), key=lambda place: mix(int(rows.keyed[place]), int(tree.salt)))
    first = rows.x[places].copy(), rows.y[places].copy()
    labels = model.classes_[first[1].astype(int)]
    for i in range(0, 380, 5):
        model.forget(first[0][i : i + 5], labels[i : i + 5])
        if i % 4 == 0:
            assert_as_fresh(model, SmallTree(max_features=2).fit(first[0][i + 5 :], labels[i + 5 :]))


def test_many_forgotten_records_are_compacted():
    rng = np.random.default_rng(8)
    X = rng.normal(size=(9000, 2)).round(1)
    y = (X[:, 0] + rng.normal(size=9000) > 0).astype(int)
    learner = SmallTree(max_depth=5)
    model = clone(learner).fit(X, y).forget(X[:4000], y[:4000]).forget(X[4000:8800], y[4000:8800])
    assert model._state.statistic.rows.end == 200
    assert_as_fresh(model, clone(learner).fit(X[8800:], y[8800:]))
    model.partial_fit(X[:700], y[:700])
    held = np.r_[0:700, 8800:9000]
    assert_as_fresh(model, clone(learner).fit(X[held], y[held]))


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize("learner", [*CLASSIFIERS, *REGRESSORS], ids=lambda learner: learner.__name__)
def test_predictions_are_means_of_leaves(learner):
    """Each record's prediction is what the twin's leaves hold, averaged over the trees; missing values go right."""
    history = History(3, 120, learner, missing)
    model = history.model
    X = np.array([np.frombuffer(x) for x, _, w in history.held if w > 0])
    trees, plan = trees_and_plan(model)
    expected = []
    for x in X:
        of_tree = []
        for tree in trees:
            pool, node = tree.pool, tree.pool.extent[0]
            if node < 0:
                of_tree.append(np.full(max(1, plan.n_classes), 1 / plan.n_classes if plan.n_classes else 0.0))
                continue
            while pool.nodes[node]["feature"] >= 0:
                value = x[pool.nodes[node]["feature"]]
                side = "left" if np.float32(value) <= pool.nodes[node]["threshold"] else "right"
                node = pool.nodes[node][side]
            if plan.n_classes:
                sums = np.array(leaf_sums(model, pool, node), float)
                of_tree.append(sums / sums.sum())
            else:
                of_tree.append([leaf_mean(model, pool, node)])
        expected.append(np.mean(of_tree, axis=0))
    found = model.predict_proba(X) if plan.n_classes else model.predict(X)[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_equal_targets_of_different_weights_are_one_leaf():
    """Rounding of weighted targets must not look like a difference of targets."""
    rng = np.random.default_rng(5)
    X, y, w = rng.normal(size=(300, 3)), np.full(300, 0.1), rng.random(300) + 0.1
    model = DecisionTreeRegressor().fit(X, y, w)
    assert model.get_n_leaves() == 1
    y[:150] = 0.7
    X[:150, 1] += 100
    assert DecisionTreeRegressor().fit(X, y, w).get_n_leaves() == 2


def test_leaves_predict_means_of_their_own_records():
    """However small weights and targets are beside those of other leaves."""
    for weight, target in ((1e-12, 1.1), (1.0, 1e-20), (1e-300, 1e-300)):
        model = DecisionTreeRegressor().fit([[0.0], [1.0]], [target, 1e20], [weight, 1.0])
        assert model.predict([[0.0], [1.0]]).tolist() == [target, 1e20]
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(500, 2)), 10.0 ** rng.uniform(-6, 6, 500)
    model = DecisionTreeRegressor(max_depth=4).fit(X, X[:, 0] + 5, w)
    leaves = model.apply(X)
    for leaf in np.unique(leaves):
        one = leaves == leaf
        assert model.predict(X[one][:1]) == pytest.approx(np.average(X[one, 0] + 5, weights=w[one]), rel=1e-12)
