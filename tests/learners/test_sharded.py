"""Ensembles by shards: after any history the model is its refit, and nobody is fitted who need not be."""

import pickle
import threading
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import Ridge as PlainRidge
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB as PlainGaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from laws import assert_same, unchanged
from learners import crossed
from small_shards import History
from sqlearn import verify
from sqlearn.engine.sums import Log
from sqlearn.ensemble import ShardedClassifier, ShardedRegressor
from sqlearn.ensemble.shards.shard import Fitted, Shard
from sqlearn.errors import (
    BusyError,
    MergeError,
    NotLearnedError,
    ParameterError,
    UndefinedAttributeError,
)
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB

pytestmark = pytest.mark.filterwarnings("ignore")


class Counting(DecisionTreeClassifier):
    """A tree that notes to how many rows it is fitted."""

    fits: ClassVar[Counter] = Counter()

    def fit(self, X, y, sample_weight=None):
        Counting.fits[len(X)] += 1
        return super().fit(X, y, sample_weight)


@pytest.fixture
def fits():
    Counting.fits.clear()
    return Counting.fits


def table(n=200, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X[:, 0] + 0.3 * rng.normal(size=n) > 0).astype(int) + (X[:, 1] > 1)


# ---------------------------------------------------------------------------------------------------------- threads


class Interleaved(Shard):
    """A shard to which something happens between the two steps in which a member is kept."""

    happens = None

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "started" and value is None and self.happens is not None:
            happens, self.happens = self.happens, None
            happens()


@pytest.mark.parametrize("undone", [False, True])
@pytest.mark.parametrize("early", [False, True])
def test_a_member_of_before_a_change_never_comes_back(early, undone):
    """A row of slice 1 goes while a member is fitted or kept; another update, maybe undone, falls in between."""
    shard, log = Interleaved(None), Log()
    member = Fitted("of before", shard.turn, [0, 1], ["c0", "c1", "c2"])

    def update():
        if not early:
            shard.drop(1, Log())
        shard.drop(3, log)
        if undone:
            log.take_back()

    if early:
        shard.drop(1, Log())
    shard.happens = update
    shard.keep(member)
    assert shard.member is None
    assert shard.start is None or shard.start.checkpoints == ["c0", None, None]


# ------------------------------------------------------------------------------------------------------- histories

MODELS = [
    ShardedClassifier(DecisionTreeClassifier(), 3),
    ShardedClassifier(DecisionTreeClassifier(max_features=1, splitter="random"), 2, voting="hard", random_state=3),
    ShardedClassifier(GaussianNB(), 3),
    ShardedClassifier(PlainGaussianNB(), 2, n_slices=3),
    ShardedClassifier(GaussianNB(), 1),
    ShardedRegressor(DecisionTreeRegressor(max_depth=3), 3),
    ShardedRegressor(Ridge(), 2),
]


@crossed(6, model=MODELS, seed=range(4))
def test_any_history(model, seed):
    rng = np.random.default_rng(seed)
    History(model, rng, hard=seed == 1, weighted=seed == 2).run(25)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(7),
        HistGradientBoostingClassifier(max_iter=5, early_stopping=True),
        SVC(),
        MLPClassifier(5, max_iter=20),
        make_pipeline(StandardScaler(), SGDClassifier()),
    ],
    ids=str,
)
def test_any_estimator(estimator):
    X, y = table()
    model = ShardedClassifier(estimator, 3, voting="hard", random_state=7).fit(X, y)
    model.forget(X[:5], y[:5]).predict(X)
    model.forget(X[5], y[5]).relabel(X[6], y[6], 1 - y[6])
    y[6] = 1 - y[6]
    refit = clone(model).fit(X[:5:-1], y[:5:-1])
    assert model.digest() == refit.digest()
    assert model.predict(X).tobytes() == refit.predict(X).tobytes()
    twin = pickle.loads(pickle.dumps(model))
    assert twin.predict(X).tobytes() == model.predict(X).tobytes()


def test_one_shard_is_the_estimator():
    X, y = table()
    y = np.array(["no", "yes", "perhaps"])[y]
    model = ShardedClassifier(PlainGaussianNB(), 1).fit(X, y).forget(X[0], y[0])
    plain = PlainGaussianNB().fit(X[1:], y[1:])
    assert np.allclose(model.predict_proba(X), plain.predict_proba(X))
    assert model.predict(X).tolist() == plain.predict(X).tolist()
    assert model.classes_.tolist() == plain.classes_.tolist()


# ------------------------------------------------------------------------------------------------- who is fitted when


def test_each_member_is_fitted_once_however_many_of_its_rows_went(fits):
    X, y = table(400)
    model = ShardedClassifier(Counting(), 8, check_refit=False).fit(X, y)
    assert fits.total() == 8
    sizes = [shard.n_records for shard in model.shards_]
    fits.clear()
    for i in range(3):
        model.forget(X[i], y[i])
    changed = {i for i, shard in enumerate(model.shards_) if not shard.is_fitted}
    assert changed == {i for i, shard in enumerate(model.shards_) if shard.n_records < sizes[i]}
    assert not fits
    assert model.refit() is model
    assert fits.total() == len(changed)
    model.predict(X)
    assert fits.total() == len(changed)
    assert all(shard.is_fitted for shard in model.shards_)


def test_a_failed_update_drops_nobody(fits):
    X, y = table()
    model = ShardedClassifier(Counting(), 4, check_refit=False).fit(X, y)
    fits.clear()
    with unchanged(model), pytest.raises(NotLearnedError) as caught:
        model.forget(np.vstack([X[:3], X[:1] + 1]), y[[0, 1, 2, 0]])
    assert caught.value.row == 3
    assert all(shard.is_fitted for shard in model.shards_)
    with unchanged(model), model.without(X[:20], y[:20]):
        model.predict(X)
        assert not any(shard.is_fitted for shard in model.shards_) or len(fits)
    first = fits.total()
    model.predict(X)
    assert fits.total() == first  # the members from before are back


def test_a_merge_drops_the_members_of_shards_that_get_records(fits):
    X, y = table(400)
    model = ShardedClassifier(Counting(), 8, check_refit=False).fit(X, y)
    other = ShardedClassifier(Counting(), 8, check_refit=False).partial_fit(X[:1] + 1, y[:1])
    fits.clear()
    model.merge(other)
    assert [shard.is_fitted for shard in model.shards_].count(False) == 1
    model.predict(X)
    assert fits.total() == 1
    assert_same(model, clone(model).fit(np.vstack([X, X[:1] + 1]), np.append(y, y[0])))


def test_learners_of_this_package_forget_by_themselves(monkeypatch):
    X, y = table()
    for estimator in (GaussianNB(), LogisticRegression()):
        model = ShardedClassifier(estimator, 4).fit(X, y)
        model.forget(X[0], y[0]).partial_fit(X[0], 1).relabel(X[1], y[1], 0)
        assert all(shard.is_fitted for shard in model.shards_)
        held = np.concatenate([y[2:], [1, 0]])
        refit = clone(model).fit(np.concatenate([X[2:], X[:2]]), held)
        assert_same(model, refit)
        assert model.predict_proba(X).tobytes() == refit.predict_proba(X).tobytes()


def test_records_of_weight_zero_are_learned_by_nobody(fits):
    X, y = table()
    model = ShardedClassifier(Counting(), 4, check_refit=False).fit(X, y)
    fits.clear()
    before = model.digest()
    model.partial_fit(X[:9] + 1, y[:9], sample_weight=np.zeros(9))
    assert model.digest() != before
    assert all(shard.is_fitted for shard in model.shards_)
    assert model.forget(X[:9] + 1, y[:9], sample_weight=np.zeros(9)).digest() == before
    model.predict(X)
    assert not fits


def test_shards_without_records_and_of_one_class():
    model = ShardedClassifier(SVC(), 5, voting="hard").partial_fit([[0.0], [1.0]], ["a", "a"])
    assert model.predict([[3.0]]).tolist() == ["a"]
    assert sum(shard.n_records for shard in model.shards_) == 2
    assert len(model.shards_) == 5
    assert len(model.estimators_) <= 2
    model.forget([[0.0], [1.0]], ["a", "a"])
    with pytest.raises(UndefinedAttributeError, match="no rows"):
        model.predict([[3.0]])


def test_what_is_set_after_fit_holds_from_the_next_fit_on():
    X, y = table()
    model = ShardedClassifier(DecisionTreeClassifier(max_depth=1), 2).fit(X, y)
    model.set_params(estimator__max_depth=5, voting="hard", n_jobs=2)
    assert model.pending_params() == ["estimator__max_depth", "voting"]
    assert {member.max_depth for member in model.forget(X[0], y[0]).estimators_} == {1}
    model.fit(X, y)
    assert {member.max_depth for member in model.estimators_} == {5}


def test_jobs_are_no_part_of_the_model():
    X, y = table()
    one, two = (ShardedClassifier(RandomForestClassifier(3), 4, n_jobs=n).fit(X, y) for n in (None, 2))
    assert_same(one, two)
    assert one.predict_proba(X).tobytes() == two.predict_proba(X).tobytes()
    one.forget(X[:100], y[:100]).merge(two.forget(X[100:], y[100:]))
    assert_same(one, two.partial_fit(X[100:], y[100:]).forget(X[:100], y[:100]).partial_fit(X[:100], y[:100]).forget(
        X[100:], y[100:]).partial_fit(X[100:], y[100:]))  # fmt: skip
    two.set_params(n_jobs=0)
    with pytest.raises(ParameterError, match="n_jobs is 0"):
        two.refit()
    with pytest.raises(ParameterError, match="n_jobs is 0"):
        two.fit(X, y)


def test_progress(capsys):
    X, y = table()
    model = ShardedClassifier(DecisionTreeClassifier(), 4, verbose=True).partial_fit(X, y)
    told = []
    model.refit(told.append)
    assert told == [1] * 4
    assert capsys.readouterr().err.splitlines()[-1] == "ShardedClassifier: 4 of 4 members fitted"


# ----------------------------------------------------------------------------------------------------------- threads


class Slow(DecisionTreeClassifier):
    """A tree whose fit waits until it may end."""

    begun, may_end = threading.Event(), threading.Event()
    waits = False

    def fit(self, X, y, sample_weight=None):
        found = super().fit(X, y, sample_weight)
        if Slow.waits:
            Slow.begun.set()
            assert Slow.may_end.wait(20)
        return found


def test_a_member_of_rows_from_before_an_update_is_never_kept():
    X, y = table()
    model = ShardedClassifier(Slow(), 1).partial_fit(X, y)
    Slow.begun.clear(), Slow.may_end.clear()
    Slow.waits, found = True, []

    def read():
        try:
            model.refit()
        except BusyError as error:
            found.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    assert Slow.begun.wait(20)
    model.forget(X[0], y[0])
    Slow.waits = False
    Slow.may_end.set()
    reader.join()
    assert found
    assert not model.shards_[0].is_fitted
    assert model.state.statistic.shards[0].fitted is None
    assert_same(model, ShardedClassifier(Slow(), 1).fit(X[1:], y[1:]))


def test_readers_and_updates_in_threads():
    X, y = table(300)
    model = ShardedClassifier(DecisionTreeClassifier(), 5).fit(X, y)
    wrong, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            try:
                model.predict(X[:20])
                _ = model.shards_
            except BusyError:
                pass
            except Exception as error:
                wrong.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for i in range(120):
        model.forget(X[i], y[i])
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    refit = ShardedClassifier(DecisionTreeClassifier(), 5).fit(X[120:], y[120:])
    assert_same(model, refit)
    assert model.predict(X).tobytes() == refit.predict(X).tobytes()


# ------------------------------------------------------------------------------------------------------------ errors


class Failing(DecisionTreeClassifier):
    """A tree that cannot be fitted to fewer than 90 rows, and says so by an error of its own."""

    def fit(self, X, y, sample_weight=None):
        if len(X) < 90:
            raise RuntimeError("a screw is loose")
        return super().fit(X, y, sample_weight)


def test_a_member_that_cannot_be_fitted_is_named():
    X, y = table()
    model = ShardedClassifier(Failing(), 2, random_state=1).fit(X, y)
    name = min(model.shards_, key=lambda shard: shard.n_records).name
    before = model.digest()
    for i in range(200):
        if model.shards_[name].n_records == 89:
            break
        model.forget(X[i], y[i])
    with pytest.raises(UndefinedAttributeError, match=r"shard [01], Failing, .* 89 records of this shard: a screw"):
        model.predict(X)
    model.partial_fit(X[:i], y[:i])
    assert model.digest() == before
    model.predict(X)
    with unchanged(model), pytest.raises(UndefinedAttributeError, match="a screw is loose"):
        model.fit(X[:100], y[:100])


def test_categories_that_a_shard_does_not_know():
    X = np.array([[0.0], [1.0], [0.0], [1.0], [2.0], [2.0]])
    y = [0, 1, 0, 1, 0, 1]
    model = ShardedClassifier(make_pipeline(OneHotEncoder(), PlainGaussianNBOfDense()), 1).fit(X, y)
    with pytest.raises(UndefinedAttributeError, match=r"shard 0, Pipeline, cannot answer .*handle_unknown"):
        model.predict([[7.0]])


class PlainGaussianNBOfDense(DecisionTreeClassifier):
    """A classifier that takes what the encoder makes."""


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"estimator": DecisionTreeClassifier}, "Pass an instance"),
        ({"estimator": 3}, "cannot be a part"),
        ({"estimator": DecisionTreeRegressor()}, "should be a classifier"),
        ({"estimator": SVC()}, "has no predict_proba"),
        ({"estimator": SVC(kernel="precomputed"), "voting": "hard"}, "matrix between rows"),
        ({"n_slices": 2}, "has no partial_fit"),
        ({"n_shards": 0}, "n_shards"),
        ({"voting": "loud"}, "voting"),
        ({"random_state": np.random.RandomState(0)}, "RandomState"),
        ({"n_jobs": True}, "n_jobs"),
    ],
)
def test_parameters_that_are_refused(params, message):
    X, y = table(20)
    model = ShardedClassifier(**{"estimator": DecisionTreeClassifier()} | params)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


def test_ensembles_that_do_not_merge():
    X, y = table(40)
    model = ShardedClassifier(DecisionTreeClassifier(), 2).fit(X, y)
    for other in (
        ShardedClassifier(DecisionTreeClassifier(), 3),
        ShardedClassifier(DecisionTreeClassifier(max_depth=2), 2),
        ShardedClassifier(DecisionTreeClassifier(), 2, voting="hard"),
        ShardedClassifier(DecisionTreeClassifier(), 2, random_state=1),
    ):
        with unchanged(model), pytest.raises(MergeError):
            model.merge(other.fit(X, y))
    with unchanged(model), pytest.raises(MergeError):
        model.merge(ShardedClassifier(DecisionTreeClassifier(), 2).fit(X, y, groups=y))


def test_seeds_depend_on_the_shard_and_on_the_ensemble():
    X, y = table()
    seeds = [
        [
            member.random_state
            for member in ShardedClassifier(RandomForestClassifier(2), 3, random_state=s).fit(X, y).estimators_
        ]
        for s in (None, 0, 1)
    ]
    assert seeds[0] == seeds[1] != seeds[2]
    assert len({*seeds[0], *seeds[2]}) == 6


def test_members_that_are_taken_out_can_be_changed():
    X, y = table()
    model = ShardedClassifier(DecisionTreeClassifier(), 2).fit(X, y)
    before = model.predict(X)
    model.estimators_[0].fit(X, 1 - np.minimum(y, 1))
    assert model.predict(X).tolist() == before.tolist()
    assert model.to_sklearn().predict(X).tolist() == before.tolist()
    assert np.allclose(ShardedRegressor(PlainRidge(), 2).fit(X, y).predict(X).mean(), y.mean(), atol=0.2)


def test_booleans_beside_another_label():
    """A member that saw the label 2 has integers as labels, and its refit without it booleans."""
    X, y = table(60)
    y = y > 0
    model = ShardedClassifier(GaussianNB(), n_shards=2).partial_fit(X, y)
    model.refit().partial_fit([9.0] * 4, 2).refit().forget([9.0] * 4, 2)
    assert verify(model, X, y)
    assert all(member.classes_.dtype == bool for member in model.estimators_)
