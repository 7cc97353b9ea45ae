"""The walk that compares fitted estimators: equal for equal models, and the path of the first difference."""

import os
import pickle
import subprocess
import sys
import threading
from copy import deepcopy
from functools import partial
from types import MappingProxyType

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingRegressor,
)
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeRegressor

from sqlearn.engine.maps.same_model import first_difference, model_hash
from sqlearn.errors import ParameterError
from sqlearn.naive_bayes import GaussianNB

X = np.random.default_rng(0).normal(size=(80, 4))
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)
MODELS = [
    RandomForestClassifier(5, random_state=1),
    HistGradientBoostingClassifier(max_iter=5, random_state=1),
    SVC(probability=False),
    MLPClassifier((5,), max_iter=5, random_state=1),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(StandardScaler(), SVC(kernel="linear")),
    make_column_transformer((StandardScaler(), [0, 1]), (OneHotEncoder(), [2])),
    GradientBoostingRegressor(n_estimators=3, random_state=1),
    IsolationForest(n_estimators=3, random_state=1),
    GaussianProcessRegressor(),
    SGDClassifier(random_state=1),
    LinearSVC(random_state=1),
    KNeighborsClassifier(algorithm="kd_tree"),
    RadiusNeighborsRegressor(9.0, algorithm="ball_tree"),
    OneVsRestClassifier(Ridge()),
    VotingRegressor([("a", Ridge()), ("b", DecisionTreeRegressor(random_state=1))]),
    StackingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]),
    TransformedTargetRegressor(LinearRegression(), func=partial(np.add, 1.0), inverse_func=partial(np.add, -1.0)),
    GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}),
    RandomizedSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, n_iter=2, random_state=1),
    GaussianNB(key="k"),
    make_pipeline(StandardScaler(), GaussianNB(key="k")),
]


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: type(model).__name__)
def fits(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONWARNINGS", "ignore")
        return [clone(request.param).fit(X[rows], Y[rows]) for rows in (slice(None), slice(None), slice(1, None))]


@pytest.mark.filterwarnings("ignore")
def test_a_fit_equals_another_and_its_copies(fits):
    first, second, _ = fits
    assert first_difference(first, second) is None
    assert model_hash(first) == model_hash(second)
    once = pickle.loads(pickle.dumps(first))
    for copy in (once, pickle.loads(pickle.dumps(once)), deepcopy(first), pickle.loads(pickle.dumps(first, 2))):
        assert first_difference(first, copy) is None
        assert model_hash(copy) == model_hash(first)


@pytest.mark.filterwarnings("ignore")
def test_a_fit_to_one_row_less_differs(fits):
    first, _, fewer = fits
    assert model_hash(first) != model_hash(fewer)
    assert " in the first" in first_difference(first, fewer)


@pytest.mark.filterwarnings("ignore")
def test_predictions_change_nothing(fits):
    first, second, _ = fits
    for name in ("predict", "transform", "score_samples"):
        if hasattr(first, name):
            getattr(first, name)(X)
    assert first_difference(first, second) is None


def test_a_pickles_bytes_do_not_tell():
    model = RandomForestClassifier(5, random_state=1).fit(X, Y)
    assert pickle.dumps(pickle.loads(pickle.dumps(model))) != pickle.dumps(model)  # why there is a walk


def test_paths_of_differences():
    forest = RandomForestClassifier(5, random_state=1).fit(X, Y)
    other = deepcopy(forest)
    state = other.estimators_[3].tree_.__getstate__()
    state["nodes"]["threshold"][0] += 0.5
    other.estimators_[3].tree_.__setstate__(state)
    path, _, values = first_difference(forest, other).partition(": ")
    assert path == "estimators_[3].tree_.nodes.threshold[0]"
    assert values.endswith(f"in the first, {float(state['nodes']['threshold'][0])!r} in the second")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    other = deepcopy(pipeline)
    other[1].coef_[0, 2] = -0.0
    assert first_difference(pipeline, other).startswith("steps[1][1].coef_[0, 2]: ")
    other = deepcopy(pipeline).set_params(logisticregression__C=2.0)
    assert first_difference(pipeline, other) == "steps[1][1].C: 1.0 in the first, 2.0 in the second"
    other = deepcopy(pipeline)
    other[1].more_ = 1
    assert first_difference(pipeline, other) == "steps[1][1].more_: in the second alone"
    assert first_difference(other, pipeline) == "steps[1][1].more_: in the first alone"
    assert first_difference(pipeline, pipeline[1]) == (
        "the whole: of type sklearn.pipeline.Pipeline in the first, of type "
        "sklearn.linear_model._logistic.LogisticRegression in the second"
    )


class Held(BaseEstimator):
    """Anything, as a fitted attribute."""

    def __init__(self, value=None):
        self.value = value


def lowered(text, by=1):
    return text.lower()


def enclosing(value):
    return lambda x: x + value


PAIRS = [  # both parts differ, though by little
    (0.0, -0.0),
    (np.nan, -np.nan),
    (1, 1.0),
    (1, True),
    ("1", b"1"),
    (np.zeros(2), np.array([0.0, -0.0])),
    (np.full(2, np.nan), -np.full(2, np.nan)),
    (np.zeros(2), np.zeros(2, np.float32)),
    (np.zeros(2), np.zeros((2, 1))),
    (np.zeros(0), np.zeros((0, 1))),
    (np.array(["a", None]), np.array(["a", "b"], object)),
    (np.array([5e-324]), np.zeros(1)),
    (np.array([1e308]), np.nextafter([1e308], 0)),
    ({"a": 1}, {"a": 2}),
    ({1: 1}, {"1": 1}),
    ({"a": 1}, {"a": 1, "b": None}),
    ({"a", "b"}, {"a", "c"}),
    ([1, 2], [1, 2, 3]),
    ([1, 2], (1, 2)),
    (sp.csr_array(np.eye(2)), sp.csr_array(np.diag([1.0, -1.0]))),
    (sp.csr_array(np.eye(2)), sp.csc_array(np.eye(2))),
    (np.random.RandomState(0), np.random.RandomState(1)),
    (np.random.default_rng(0), np.random.default_rng(1)),
    (np.random.PCG64(0), np.random.MT19937(0)),
    (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]})),
    (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]})),
    (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]}, index=[1, 2])),
    (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1.0, 2.0]})),
    (pd.Series(["a"], dtype="category"), pd.Series(["a"], dtype=pd.CategoricalDtype(["a", "b"]))),
    (pd.Series([1, None], dtype="Int64"), pd.Series([1, 2], dtype="Int64")),
    (pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [1, 3]})),
    (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    (lowered, enclosing),
    (lambda x: x, lambda x: -x),
    (enclosing(1), enclosing(2)),
    ("ab".join, "abc".join),
    (np.sin, np.cos),
    (int, float),
    (range(3), range(4)),
    (partial(lowered, by=1), partial(lowered, by=2)),
    (Held().get_params, Held(1).get_params),
    (Held(Held(1)), Held(Held(2))),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: type(pair[0]).__name__)
def test_hard_values_differ(pair):
    first, second = (Held([value]) for value in pair)
    assert model_hash(first) != model_hash(second)
    assert first_difference(first, second).startswith("value[0]")
    for value in (first, second):
        assert first_difference(value, deepcopy(value)) is None


def test_what_does_not_count():
    """The order of dicts and sets, layouts, shared parts, what is masked, who looks on, how a frame lies in memory."""
    shared = np.arange(3.0)
    wide = pd.DataFrame(np.arange(6.0).reshape(3, 2), columns=["a", "b"])
    grown = pd.DataFrame({"a": [0.0, 2.0, 4.0]})
    grown["b"] = [1.0, 3.0, 5.0]
    padded = np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    filled = padded.copy()
    filled.view(np.uint8)[1:8] = 7
    pairs = [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (MappingProxyType({"a": 1}), MappingProxyType({"a": 1})),
        ([shared, shared], [shared, shared.copy()]),
        (np.asfortranarray(X), X),
        (X[::2], X[::2].copy()),
        (X.astype(">f8"), X),
        (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 3], mask=[0, 1])),
        (wide, grown),
        (pl.concat([pl.DataFrame({"a": [1]})] * 2), pl.DataFrame({"a": [1, 1]})),
        (padded, filled),
        (padded[1], filled[1]),
    ]
    for first, second in pairs:
        assert first_difference(Held(first), Held(second)) is None


def test_what_holds_itself():
    first, second = Held(1), Held(1)
    first.itself, second.itself = [first], [second]
    assert first_difference(first, second) is None
    second.value = 2
    assert first_difference(first, second) == "value: 1 in the first, 2 in the second"
    second.value, second.other = 1, 3
    first.other = 2
    assert first_difference(first, second).endswith("other: 2 in the first, 3 in the second")


def test_memory_maps_are_arrays(tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert first_difference(Held(np.load(tmp_path / "x.npy", mmap_mode="r")), Held(X)) is None


class OwnState(BaseEstimator):
    """It pickles some of its attributes alone: the others do not count."""

    def __init__(self, size=1):
        self.size = size

    def __getstate__(self):
        return {"size": self.size, "rows": self.rows}


def test_what_an_estimator_pickles_is_what_it_is():
    first, second = OwnState(), OwnState()
    first.rows, second.rows = [1], [1]
    first.lock, second.lock = threading.Lock(), object()
    assert first_difference(first, second) is None
    second.rows = [2]
    assert first_difference(first, second) == "rows[0]: 1 in the first, 2 in the second"


@pytest.mark.parametrize(
    "value", [threading.Lock(), sys.stdout, sys._getframe()], ids=lambda value: type(value).__name__
)
def test_what_has_no_identity_is_refused(value):
    with pytest.raises(ParameterError, match=r"The fitted estimator holds .*cannot be compared with its refit"):
        model_hash(Held([value]))


def test_own_learners_are_told_by_their_states():
    first, second = (make_pipeline(StandardScaler(), GaussianNB(key="k")).fit(X, Y) for _ in range(2))
    second[1].predict(first[0].transform(X))
    assert first_difference(first, second) is None
    second[1].forget(second[0].transform(X[:1]), Y[:1])
    assert first_difference(first, second).startswith("steps[1][1].")


def test_what_passes_on_attributes_is_itself():
    """A FrozenEstimator has all methods of the learner in it."""
    model = GaussianNB(key="k").fit(X, Y)
    frozen = FrozenEstimator(model)
    assert first_difference(frozen, FrozenEstimator(deepcopy(model))) is None
    assert first_difference(frozen, model).startswith("the whole: of type sklearn.frozen")
    assert first_difference(frozen, FrozenEstimator(GaussianNB(key="k").fit(X[1:], Y[1:]))).startswith("estimator.")


def test_other_processes_agree():
    code = (
        "import numpy as np\n"
        "from sklearn.ensemble import RandomForestClassifier\n"
        "from sqlearn.engine.maps.same_model import model_hash\n"
        "X = np.random.default_rng(0).normal(size=(80, 4)); Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)\n"
        "model = RandomForestClassifier(5, random_state=1).fit(X, Y); model.names_ = {'a', 'b', 'c'}\n"
        "print(model_hash(model))"
    )
    model = RandomForestClassifier(5, random_state=1).fit(X, Y)
    model.names_ = {"c", "b", "a"}
    environment = {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}
    given = {"capture_output": True, "text": True, "check": True, "env": environment}
    assert subprocess.run([sys.executable, "-c", code], **given).stdout.strip() == model_hash(model)


@pytest.mark.filterwarnings("ignore")
def test_functions_and_frames_in_a_pipeline():
    frame = pd.DataFrame(X, columns=list("abcd"))
    steps = [FunctionTransformer(lambda rows: rows + 1, feature_names_out="one-to-one"), StandardScaler(), Ridge()]
    first, second = (make_pipeline(*map(clone, steps)).set_output(transform="pandas").fit(frame, Y) for _ in range(2))
    assert first_difference(first, second) is None
    second[1].feature_names_in_[0] = "z"
    assert first_difference(first, second) == "steps[1][1].feature_names_in_[0]: 'a' in the first, 'z' in the second"
