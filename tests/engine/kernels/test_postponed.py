"""Kernels that are compiled only when they are worth it."""

import numpy as np
import pytest

from sqlearn.engine.identity import blake2b
from sqlearn.engine.kernels import Postponed
from sqlearn.engine.sums import deposit
from sqlearn.naive_bayes import GaussianNB

PINNED = "d889a79889fbbda526e4356992663a9e0fccd6abffe566f5291079057020f3ad"


@pytest.fixture(autouse=True)
def _postponing(monkeypatch):
    monkeypatch.setattr(Postponed, "all_at_once", False)


def test_work_is_counted_until_the_kernel_is_worth_it():
    postponed = Postponed(lambda: None, 10)
    assert [postponed.is_worth(4) for _ in range(4)] == [False, False, True, True]


def test_all_at_once(monkeypatch):
    monkeypatch.setattr(Postponed, "all_at_once", True)
    assert Postponed(lambda: None, 10).is_worth(1)


@pytest.mark.parametrize("patience", [0, 10**9])
def test_a_model_does_not_depend_on_which_kernels_are_worth_it(monkeypatch, patience):
    for postponed in (blake2b.many_digests, deposit.many_moments):
        monkeypatch.setattr(postponed, "_left", patience)
        monkeypatch.setattr(postponed, "_was_sought", True)
    x = np.random.default_rng(0).normal(size=(300, 3))
    x[:5] = [[1e308, -0.0, 5e-324], [1e-308, 1.0, 2.0], [0.0, 0.0, 0.0], [1e16, 1.0, -1e16], [-1e308, 0.1, 0.3]]
    model = GaussianNB().fit(x, x[:, 2] > 0).forget(x[7], x[7, 2] > 0).partial_fit(x[:3], x[:3, 2] > 0)
    assert model.digest() == PINNED
