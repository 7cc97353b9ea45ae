"""Identities of objects: equal for equal parts, whatever the process, the copy or the order."""

import functools
import pickle
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

from fixed_maps import Shouting, widened
from forks import run_forked
from sqlearn.engine.maps.walk import walked
from sqlearn.errors import ParameterError

X = np.random.default_rng(0).random((30, 3))
OBJECTS = [
    PolynomialFeatures(2).fit(X),
    SplineTransformer().fit(X),
    FrozenEstimator(make_pipeline(StandardScaler(), PCA(2)).fit(X)),
    RandomTreesEmbedding(3, random_state=0).fit(X),
    HashingVectorizer(stop_words="english"),
    Shouting(2.0),
    widened,
    np.tanh,
    functools.partial(np.clip, a_min=0.0, a_max=1.0),
    sp.csr_array(X),
    {"a": [1, 2.5, None], "b": {"x", "y"}, 3: (np.float32(1.0), b"z")},
]


@pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
def test_copies_are_the_same(value):
    reference = walked(value)
    assert walked(deepcopy(value)) == reference
    assert walked(pickle.loads(pickle.dumps(value))) == reference
    if hasattr(value, "transform"):
        value.transform(["a text"] if isinstance(value, HashingVectorizer) else X)
        assert walked(value) == reference


def test_different_things_differ():
    values = [
        *OBJECTS, PolynomialFeatures(3).fit(X), PolynomialFeatures(2), Shouting(), np.sinh, 1, 1.0, True, "1", b"1",
        None, [1], (1,), {1}, {1: 1}, np.ones(1), np.ones((1, 1)), np.ones(1, np.float32),
        np.array([-0.0]), np.zeros(1), 0.0, -0.0, ["ab", "c"], ["a", "bc"], [["a"], "b"], ["a", ["b"]], int, float,
    ]  # fmt: skip
    assert len({walked(value) for value in values}) == len(values)


def test_order_of_dicts_and_sets_and_layout_of_arrays_do_not_matter():
    assert walked({"a": 1, "b": 2}) == walked({"b": 2, "a": 1})
    assert walked(np.asfortranarray(X)) == walked(X)
    assert walked(X.astype(">f8")) == walked(X)
    padded = np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    other = padded.copy()
    other.view(np.uint8)[1:8] = 7  # between the fields
    assert walked(padded) == walked(other)


def test_what_holds_itself():
    first, second = Shouting(), Shouting()
    first.itself, second.itself = first, second
    assert walked(first) == walked(second)


def test_other_processes_agree():
    code = (
        "import sys; sys.path.insert(0, 'tests/support')\n"
        "from fixed_maps import Shouting, widened\n"
        "from sqlearn.engine.maps.walk import walked\n"
        "print(walked([Shouting(2.0), widened, {'x', 'y', 'z'}]).hex())"
    )
    here = walked([Shouting(2.0), widened, {"x", "y", "z"}]).hex()
    assert run_forked(code, Path.cwd()) == (0, f"{here}\n", "")


class Slotted:
    __slots__ = ("a",)

    def __getstate__(self):
        raise TypeError("not today")


@pytest.mark.parametrize(
    "value",
    [lambda: 0, np.random.RandomState(0), np.random.default_rng(), Slotted(), sys.stdout, iter([1]), sys._getframe()],
)
def test_what_has_no_identity_is_refused(value):
    with pytest.raises(ParameterError, match="fingerprint"):
        walked([value])
