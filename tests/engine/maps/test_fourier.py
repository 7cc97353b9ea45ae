"""Random Fourier features: a row's bits are its own, and the draws are those of the law."""

import math

import numpy as np
import pytest

from sqlearn.engine.maps.fourier import draw_fourier, map_fourier, scale_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("d, size", [(1, 1), (3, 7), (4, 16), (30, 1000), (9, 129), (0, 5)])
def test_a_row_is_the_same_alone_and_in_every_batch(d, size):
    weights, offset = draw_fourier(d, size, 0.3, 7)
    x = RNG.normal(size=(50, d)) * 10.0 ** RNG.integers(-3, 12, (50, 1))
    x[::7] = 0.0
    whole = map_fourier(x, weights, offset, scale_of(size))
    alone = np.concatenate([map_fourier(row[None], weights, offset, scale_of(size)) for row in x])
    assert whole.tobytes() == alone.tobytes()
    for start in range(1, 9):
        assert map_fourier(x[start:], weights, offset, scale_of(size)).tobytes() == alone[start:].tobytes()
    order = RNG.permutation(50)
    strided = np.asfortranarray(x[order])
    assert map_fourier(strided, weights, offset, scale_of(size)).tobytes() == alone[order].tobytes()


def test_a_row_is_what_its_order_of_operations_says():
    weights, offset = draw_fourier(6, 11, 2.0, 1)
    row = RNG.normal(size=6)
    expected = offset.copy()
    for j in range(6):
        for k in range(11):
            expected[k] = float(expected[k]) + float(row[j]) * float(weights[j, k])
    found = map_fourier(row[None], weights, offset, 0.5)[0]
    assert np.abs(found - 0.5 * np.cos(expected)).max() < 2e-16


def test_large_values_have_features_too():
    weights, offset = draw_fourier(3, 200, 1.0, 0)
    x = np.array([[1e300, -1e10, 0.0], [1e7, 1e-300, 3.0]])
    found = map_fourier(x, weights, offset, 1.0)
    assert (np.abs(found) <= 1.0).all() and found.std() > 0.5
    assert np.abs(found[1] - np.cos(x[1] @ weights + offset)).max() < 1e-7  # the product rounds
    assert not np.isfinite(map_fourier(np.full((1, 3), 1.7e308), weights, offset, 1.0)).all()


def test_products_approximate_the_kernel():
    x = RNG.normal(size=(40, 5))
    z = map_fourier(x, *draw_fourier(5, 20_000, 0.1, 3), scale_of(20_000))
    kernel = np.exp(-0.1 * ((x[:, None] - x[None]) ** 2).sum(axis=2))
    assert np.abs(z @ z.T - kernel).max() < 0.05


def test_draws():
    weights, offset = draw_fourier(40, 5000, 0.5, 12)
    values = np.sort(weights.ravel())
    law = np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in values[::100]])
    assert np.abs(law - np.arange(0, len(values), 100) / len(values)).max() < 1.63 / math.sqrt(len(values))
    assert np.abs(np.corrcoef(weights) - np.eye(40)).max() < 5 / math.sqrt(5000)
    assert 0.0 < offset.min() and offset.max() < 2 * math.pi
    shares = np.sort(offset) / (2 * math.pi)
    assert np.abs(shares - np.arange(5000) / 5000).max() < 1.63 / math.sqrt(5000)
    assert not (weights == draw_fourier(40, 5000, 0.5, 13)[0]).any()
    assert (draw_fourier(20, 300, 0.5, 12)[0] == weights[:20, :300]).all()
    assert (draw_fourier(40, 5000, 2.0, 12)[0] == 2.0 * weights).all()


def test_draws_are_pinned():
    """They are part of what a model is: the same on every machine."""
    weights, offset = draw_fourier(2, 3, 0.5, 0)
    assert [value.hex() for value in [*weights.ravel(), *offset]] == [
        "0x1.e4210355dd9f0p-2",
        "-0x1.dbfa74e659d8dp-1",
        "0x1.1676c4f9c25a3p+1",
        "-0x1.b768fbc49164bp-1",
        "0x1.015d94284a506p-2",
        "-0x1.30020969e9e0dp-1",
        "0x1.e5bf4bcb1b547p-4",
        "0x1.530d879326068p+1",
        "0x1.72bd46211aa88p+2",
    ]
