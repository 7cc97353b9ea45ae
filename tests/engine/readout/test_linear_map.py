"""Gram matrices through linear maps, where numpy checks all bounds: the kernels as plain Python."""

from fractions import Fraction

import numpy as np
import pytest

from sqlearn.compose import ColumnTransformer
from sqlearn.decomposition import PCA
from sqlearn.engine.arithmetic import integers, normalized
from sqlearn.engine.readout import linear_map
from sqlearn.engine.readout.gram_view import GramView
from sqlearn.engine.readout.linear_map import LinearMap
from sqlearn.naive_bayes import GaussianNB
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OrdinalEncoder

KERNELS = ["_gather", "_settle", "_unpack", "_map"]
MAPS = [
    [{1: Fraction(1)}, {}],
    [{1: Fraction(1, 2)}, {}, {}],
    [{}],
    [],
    [{}, {2: Fraction(3)}, {}],
    [{0: Fraction(-7)}, {}],
    [{0: Fraction(2), 2: Fraction(-1)}, {}, {1: Fraction(1, 4), 3: Fraction(5)}, {}],
]


@pytest.fixture
def plain(monkeypatch):
    """Kernels of the module as Python runs them, which raises where one reads beyond an array."""
    for name in KERNELS:
        monkeypatch.setattr(linear_map, name, getattr(linear_map, name).py_func)


def numbers(view):
    found = [Fraction(whole) * Fraction(2) ** (32 * view.low) for whole in integers(normalized(view.digits))]
    cells = iter(found)
    gram = np.zeros((view.width, view.width), object)
    for i in range(view.width):
        for j in range(i, view.width):
            gram[i, j] = gram[j, i] = next(cells)
    return gram


@pytest.mark.parametrize("columns", MAPS)
@pytest.mark.parametrize("n_targets", [0, 1])
def test_columns_without_terms(columns, n_targets, plain):
    rng = np.random.default_rng(1)
    z = np.column_stack([np.ones(6, np.int64), rng.integers(-9, 9, (6, 3 + n_targets))])
    width = z.shape[1]
    packed = np.array([[(z[:, i] * z[:, j]).sum()] for i in range(width) for j in range(i, width)])
    forms = LinearMap.of(columns)
    applied = forms.applied(GramView(packed, 0, 3, n_targets))
    made = np.zeros((6, 1 + len(columns) + n_targets), object)
    made[:, 0], made[:, 1 + len(columns) :] = 1, z[:, width - n_targets :]
    for k, terms in enumerate(columns):
        made[:, 1 + k] = sum((z[:, source] * factor for source, factor in terms.items()), np.zeros(6, object))
    assert (numbers(applied) == made.T @ made).all()


@pytest.mark.parametrize("learner", [PCA(1), GaussianNB()])
def test_an_encoder_of_one_category_last(learner, plain):
    """Its column is 0 in all rows, so that no variable has a part in it."""
    frame = np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    columns = ColumnTransformer([("keep", "passthrough", [0]), ("code", OrdinalEncoder(), [1])])
    model = make_pipeline(columns, learner).fit(frame, [0, 1, 1])
    if isinstance(learner, PCA):
        np.testing.assert_allclose(model[-1].mean_, [7 / 3, 0.0])
    else:
        np.testing.assert_allclose(model[-1].theta_, [[1.0, 0.0], [3.0, 0.0]])
