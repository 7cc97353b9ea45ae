"""Random Fourier features: ``sqrt(2 / D) * cos(x W + b)``, whose inner products approximate the kernel of W's law.

A product of matrices by BLAS gives a row other bits in a batch than alone. Here each sum runs over the features in
their order, many of the D sums side by side, so a row has its bits wherever it stands, and on every machine.

References
----------
A. Rahimi, B. Recht, "Random Features for Large-Scale Kernel Machines", NIPS 20 (2007).
G. E. P. Box, M. E. Muller, "A Note on the Generation of Random Normal Deviates", Ann. Math. Stat. 29 (1958).
"""

import math
from collections.abc import Iterator

import numpy as np

from sqlearn.engine.arithmetic import NEAR, cos, cos_near, log, mix
from sqlearn.engine.kernels import float_bits, kernel

_LARGEST = int(np.float64(NEAR).view(np.int64))  # magnitudes compare as their bits do
_TWO_PI = 6.283185307179586


@kernel
def _share(word, seed):
    """A number in (0, 1) that a hash chooses: an odd multiple of 2**-53."""
    return (np.float64(np.int64(mix(word, seed) >> np.uint64(12))) + 0.5) * 2.0**-52


@kernel
def _draw(seed, deviation, weights, offset):
    """Normal weights of this standard deviation, by Box and Muller, and offsets in (0, 2 pi), from hashes of places."""
    own, other = mix(np.uint64(1), seed), mix(np.uint64(2), seed)
    d, size = weights.shape
    for k in range(size):
        offset[k] = _TWO_PI * _share(np.uint64(k), mix(np.uint64(3), seed))
        for j in range(d):
            place = (np.uint64(j) << np.uint64(32)) + np.uint64(k)
            radius = math.sqrt(-2.0 * log(_share(place, own)))
            weights[j, k] = deviation * (radius * cos(_TWO_PI * _share(place, other)))


@kernel
def fourier_row(x, weights, offset, scale, out):
    """Write ``scale * cos(x @ weights + offset)`` of one row; NaN where the product leaves float64's range.

    Parameters
    ----------
    x : float64[d]
        The row.
    weights : float64[d, D]
        The directions, C-contiguous.
    offset : float64[D]
        The phases.
    scale : float64
        The factor.
    out : float64[D]
        The features; overwritten.
    """
    d, size = len(x), len(out)
    for k in range(size):
        out[k] = offset[k]
    whole = d - d % 4
    for j in range(0, whole, 4):  # four at a time, in the order of the features, since memory is the bottleneck
        a, b, c, e = x[j], x[j + 1], x[j + 2], x[j + 3]
        wa, wb, wc, we = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        for k in range(size):
            out[k] = (((out[k] + a * wa[k]) + b * wb[k]) + c * wc[k]) + e * we[k]
    for j in range(whole, d):
        a, wa = x[j], weights[j]
        for k in range(size):
            out[k] += a * wa[k]
    largest = np.int64(0)
    for k in range(size):
        largest = max(largest, float_bits(abs(out[k])))
    if largest <= _LARGEST:
        for k in range(size):
            out[k] = scale * cos_near(out[k])
    else:
        for k in range(size):
            out[k] = scale * cos(out[k])


@kernel
def weighed(features, coefficients):
    """The sum of products, float64, in sixteen lanes, which are added up in their order."""
    lanes = np.zeros(16)
    n = len(features)
    whole = n - n % 16
    for start in range(0, whole, 16):
        for l in range(16):
            lanes[l] += features[start + l] * coefficients[start + l]
    for k in range(whole, n):
        lanes[k - whole] += features[k] * coefficients[k]
    total = 0.0
    for l in range(16):
        total += lanes[l]
    return total


@kernel
def _score_rows(x, weights, offset, coefficients, out):
    """The sum of each row's features times `coefficients`, in the order of :func:`weighed`."""
    features, rounded = np.empty(len(offset)), np.empty(len(offset), np.float32)
    for i in range(len(x)):
        fourier_row(x[i], weights, offset, 1.0, features)
        for k in range(len(features)):
            rounded[k] = features[k]
        out[i] = weighed(rounded, coefficients)


@kernel
def _fourier_rows(x, weights, offset, scale, out):
    """:func:`fourier_row` of each row."""
    for i in range(len(x)):
        fourier_row(x[i], weights, offset, scale, out[i])


def scale_of(size: int) -> float:
    """The factor of so many features: ``sqrt(2 / size)``."""
    return math.sqrt(2.0 / size)


def draw_fourier(n_features: int, size: int, gamma: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights float64[n_features, size] and offsets float64[size] for the kernel ``exp(-gamma * |x - y|**2)``.

    They depend on these arguments alone, and each weight on `gamma`, its row, its column and the seed.
    """
    weights, offset = np.empty((n_features, size)), np.empty(size)
    _draw(np.uint64(seed), math.sqrt(2.0 * gamma), weights, offset)
    return weights, offset


def map_fourier(x: np.ndarray, weights: np.ndarray, offset: np.ndarray, scale: float) -> np.ndarray:
    """``scale * cos(x @ weights + offset)`` of rows float64[n, d]: float64[n, D], each row as if it were alone.

    NaN where a product leaves float64's range.
    """
    out = np.empty((len(x), len(offset)))
    _fourier_rows(*_contiguous(x, weights, offset), scale, out)
    return out


def score_fourier(x: np.ndarray, weights: np.ndarray, offset: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """``cos(x @ weights + offset) @ coefficients``, the cosines rounded to float32: float64[n], each row alone."""
    out = np.empty(len(x))
    _score_rows(*_contiguous(x, weights, offset, coefficients), out)
    return out


def _contiguous(*arrays: np.ndarray) -> Iterator[np.ndarray]:
    return (np.ascontiguousarray(values, np.float64) for values in arrays)
