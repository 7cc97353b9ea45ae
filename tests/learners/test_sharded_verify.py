"""verify on ensembles by shards: members are compared with those of a refit, part by part and by their answers."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sqlearn import verify
from sqlearn.ensemble import ShardedClassifier, ShardedRegressor
from sqlearn.ensemble.shards.reading import records_of
from sqlearn.errors import InvalidValueError
from sqlearn.naive_bayes import GaussianNB

pytestmark = pytest.mark.filterwarnings("ignore")

X = np.random.default_rng(0).normal(size=(120, 3))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)
G = np.arange(120) % 3
LEARNERS = [
    (RandomForestClassifier(4), "soft"),
    (HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5), "soft"),
    (SVC(), "hard"),
    (MLPClassifier((4,), max_iter=4), "soft"),
    (make_pipeline(StandardScaler(), SVC()), "hard"),
    (make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=4)), "soft"),
    (GaussianNB(), "soft"),
]


@pytest.mark.parametrize(("estimator", "voting"), LEARNERS, ids=lambda value: type(value).__name__)
def test_models_equal_their_refits(estimator, voting):
    model = ShardedClassifier(estimator, n_shards=3, voting=voting).fit(X[:100], Y[:100])
    model.predict(X)
    model.forget(X[:7], Y[:7]).partial_fit(X[100:], Y[100:]).relabel(X[9], Y[9], 1 - Y[9])
    labels = np.where(np.arange(120) == 9, 1 - Y, Y)
    assert verify(model, X[7:], labels[7:])
    assert verify(pickle.loads(pickle.dumps(model)), X[7:], labels[7:])
    assert not verify(model, X[7:], Y[7:])
    assert not verify(model, X[8:], labels[8:])


def test_groups_and_their_weights():
    model = ShardedClassifier(RandomForestClassifier(3)).fit(X, Y, groups=G)
    model.set_group_weight(1, 0.25)
    assert verify(model, X, Y, groups=G)
    assert verify(model.forget(X[5], Y[5]), np.delete(X, 5, 0), np.delete(Y, 5), groups=np.delete(G, 5))
    assert not verify(model, np.delete(X, 5, 0), np.delete(Y, 5), groups=np.delete(G, 6))
    model.forget_groups(1)
    kept = (G != 1) & (np.arange(120) != 5)
    assert verify(model, X[kept], Y[kept], groups=G[kept])
    with pytest.raises(InvalidValueError, match=r"GaussianNB takes no groups.* Nothing was compared"):
        verify(GaussianNB().fit(X, Y), X, Y, groups=G)


def test_groups_that_are_switched_off():
    model = ShardedClassifier(RandomForestClassifier(3)).fit(X, Y, groups=G).set_group_weight(2, 0)
    assert verify(model, X, Y, groups=G)
    member = records_of(model.state).named()[2][1].member.model  # it has no vote, and is compared
    member.estimators_[0].classes_ = member.estimators_[0].classes_ + 1.0
    assert "estimators_[0].classes_[0]: 1.0 in the model" in verify(model, X, Y, groups=G).difference
    for name in (0, 1):
        model.set_group_weight(name, 0)
    assert verify(model, X, Y, groups=G)  # nobody votes
    assert not verify(model, X[1:], Y[1:], groups=G[1:])


def test_a_member_that_differs_is_named_with_the_part():
    model = ShardedRegressor(RandomForestRegressor(3)).fit(X, X[:, 0], groups=G)
    tree = model._fitted_sklearn().estimators_[1].estimators_[2].tree_
    state = tree.__getstate__()
    state["values"][0] += 1.0
    tree.__setstate__(state)
    found = verify(model, X, X[:, 0], groups=G)
    assert not found
    assert found.difference.startswith("the attribute _members[1].estimators_[2].tree_.values[0, 0, 0]: ")
    assert found.difference.endswith(" in the refit")


class Drawing(RandomForestClassifier):
    """Its answers are other ones each time, though its parts are not."""

    def predict_proba(self, X):
        return super().predict_proba(X) * (1.0 + 1e-9 * np.random.random((len(X), 1)))  # noqa: NPY002


def test_answers_that_differ_are_found():
    model = ShardedClassifier(Drawing(3), n_shards=2, check_refit=False).fit(X, Y)
    assert verify(model, X, Y).difference.startswith("the answer of predict")
    assert verify(clone(model).set_params(voting="hard").fit(X, Y), X, Y)


def test_an_emptied_ensemble():
    model = ShardedClassifier(RandomForestClassifier(3), n_shards=2).fit(X[:10], Y[:10])
    assert verify(model.forget(X[:10], Y[:10]), X[:0], Y[:0])
