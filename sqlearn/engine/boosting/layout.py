"""How a booster lies in memory: bins of features, trees, the columns that they make, and the units of sums.

None of it is state: all is a function of the records held, the parameters and the seed.
"""

from typing import NamedTuple

import numpy as np

MOST_BINS = 64  # of a feature, so that a word tells which of them go left
MOST_LEAVES = 63  # of a tree, so that a word tells which of them a record may still reach
MOST_OCTAVE = 15  # of the number of records whose second derivatives are summed together, in 32 bits
FRACTION = 40  # bits behind the point of predictions, which are integers

LOGISTIC, SOFTMAX, SQUARED, POISSON = range(4)  # losses


class Bins(NamedTuple):
    """The bins of each feature.

    A number is in bin b if it is above b of the edges; a category in the bin of its place among the edges, or in the
    next one if it is not there. The last bin has the missing values.

    Attributes
    ----------
    edges : float64[d, MOST_BINS - 2]
        Ascending: numbers up to an edge lie below it; or categories.
    n_edges : int64[d]
        How many there are.
    equal : uint8[d]
        1 for features that hold categories.
    starts : int64[d + 1]
        Where the columns of each feature start, counted from the first one's.
    shifts : int64[d]
        So many bits of a bin do not count in its column: 0 where each has its own, 1 where two share one.
    """

    edges: np.ndarray
    n_edges: np.ndarray
    equal: np.ndarray
    starts: np.ndarray
    shifts: np.ndarray


class Trees(NamedTuple):
    """The trees of all outputs: T of the first one, then T of the next one.

    Attributes
    ----------
    feature : int32[K T, nodes]
        Feature that a node splits by; -1 in leaves.
    mask : uint64[K T, nodes]
        The bins that go left.
    left, right : int32[K T, nodes]
        Children; in leaves `left` is the number of the leaf, from left to right.
    n : int32[K T, nodes]
        Records of the pilot.
    gain : float64[K T, nodes]
        What the split gains.
    n_leaves : int64[K T]
        Number of leaves.
    values : int64[K T, leaves]
        What a leaf adds to predictions, in units of ``2**-FRACTION``.
    """

    feature: np.ndarray
    mask: np.ndarray
    left: np.ndarray
    right: np.ndarray
    n: np.ndarray
    gain: np.ndarray
    n_leaves: np.ndarray
    values: np.ndarray


class Masks(NamedTuple):
    """The same trees as tables: a record is in the one leaf that the bins of all its features leave.

    Attributes
    ----------
    starts : int64[K T + 1]
        Where the rows of each tree start.
    features : int32[rows]
        A feature that the tree splits by.
    leaves : int64[rows, MOST_BINS]
        The leaves that a record with this bin may reach, as bits.
    """

    starts: np.ndarray
    features: np.ndarray
    leaves: np.ndarray


class Start(NamedTuple):
    """What every record is evaluated at.

    Attributes
    ----------
    base : int64[K]
        What is predicted before any tree, in units of ``2**-FRACTION``.
    values : int64[K, p]
        What each column adds; an output that has fewer columns than others has zeros behind them.
    columns : int64[K, T + d + 1]
        Where the columns of each tree, and then of each feature, start.
    """

    base: np.ndarray
    values: np.ndarray
    columns: np.ndarray


class Units(NamedTuple):
    """Factors that turn numbers into the integers that are summed.

    Attributes
    ----------
    weight, target : float
        What weights (without those of classes) and targets are multiplied with, so that none is above 1: powers of two.
    gradient, curvature : float
        Factors of first and second derivatives, of records with weights of at most 1.
    share : uint64
        Records whose hash is at most this are asked for second derivatives.
    """

    weight: float
    target: float
    gradient: float
    curvature: float
    share: np.uint64


class Data(NamedTuple):
    """Some records, as kernels read them.

    Attributes
    ----------
    x : float64[n, d]
        Features.
    y : float64[n]
        Class slot or target.
    w : float64[n]
        Weights; records of weight 0 are passed over.
    keyed : uint64[n]
        Keyed hashes.
    """

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    keyed: np.ndarray


class Classes(NamedTuple):
    """Columns and weights of class slots; one row, which is not read, for targets.

    Attributes
    ----------
    column : int64[slots]
        Place of the class among those held.
    weight : float64[slots]
        What weights of its records are multiplied with: as users set it or, for kernels, at most 1.
    """

    column: np.ndarray
    weight: np.ndarray
