"""A sample of records at hand, in an order that depends on their contents alone, and how it is standardised."""

from dataclasses import dataclass

import numpy as np

from sqlearn.engine.problems.clustering import FARTHEST, merge, row_hashes
from sqlearn.engine.rounds import Scale, Source, standard_scale
from sqlearn.engine.sums import ExactSum

LEAST_DIVISOR = 2.0**-1000  # what problems raise divisors to, so that an empty sample divides by no zero


@dataclass(frozen=True)
class Sample:
    """Some records in the order of their hashes, copies made one: what is computed in it is a function of the records.

    Attributes
    ----------
    x : float64[n, d]
        Features.
    w : float64[n]
        Weights.
    hashes : uint64[n]
        Keyed hashes.
    """

    x: np.ndarray
    w: np.ndarray
    hashes: np.ndarray


def common_scale(total: ExactSum, n: int, seed: int) -> Scale:
    """Means of the features on a grid, and one power of two for all, of the largest deviation."""
    scale = standard_scale(total, n, True, seed)
    factors = scale.factor[scale.factor > 0]
    scale.factor[:] = factors.min() if len(factors) else 0.0
    return scale


def standard(x: np.ndarray, scale: Scale) -> np.ndarray:
    """Standardised features, within what kernels take."""
    z: np.ndarray = np.clip((x - scale.mean) * scale.factor, -FARTHEST, FARTHEST)
    return z


def gather(source: Source, seed: int) -> Sample:
    """All records of a source."""
    blocks = [(records.x[records.w > 0], records.w[records.w > 0]) for records in source()]
    if not blocks:
        return Sample(np.zeros((0, 1)), np.zeros(0), np.zeros(0, np.uint64))
    x, w = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    hashes = row_hashes(x, np.uint64(seed))
    order = np.argsort(hashes)
    if (hashes[order[1:]] == hashes[order[:-1]]).any():
        order = np.lexsort((w, *x.T[::-1], hashes))
    return Sample(*merge(x, w, hashes, order))
