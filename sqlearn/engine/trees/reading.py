"""A tree in its canonical form: nodes in preorder, with what each of them predicts."""

import numpy as np

from sqlearn.engine.kernels import kernel, widened
from sqlearn.engine.trees.layout import ROOT

WALKED = np.dtype(  # records with values from `low` to `high` go left, to the next node
    [("feature", np.int32), ("low", np.float32), ("high", np.float32), ("right", np.int32)]
)

_ROUNDER = 1.5 * 2.0**52
_FINE = 2.0**30
_LARGEST = 1.7976931348623157e308


@kernel
def preorder(pool, found):
    """Write the nodes of a tree, parents first and left before right, and return how many there are."""
    nodes = pool.nodes
    stack = np.empty(64, np.int32)
    stack[0], top, n = pool.extent[ROOT], 1, 0
    if stack[0] < 0:
        return 0
    while top:
        top -= 1
        at = stack[top]
        found[n] = at
        n += 1
        if nodes[at].feature >= 0:
            if top + 2 > len(stack):
                stack = widened(stack)
            stack[top], stack[top + 1] = nodes[at].right, nodes[at].left
            top += 2
    return n


@kernel
def _rounded(value):
    """The nearest integer to a value of magnitude below 2**51."""
    return (value + _ROUNDER) - _ROUNDER


@kernel
def _leaf_of_targets(pool, entry, held):
    """The weight of a leaf's records and the mean of their targets.

    Weights and targets are taken as shares of the leaf's largest ones, in 60 binary places. Their sums are integers,
    so the order of the records does not matter, and neither do records of other leaves.
    """
    heaviest, largest, first = 0.0, 0.0, entry
    while entry >= 0:
        place = pool.entries[entry].place
        heaviest, largest = max(heaviest, held.w[place]), max(largest, abs(held.y[place]))
        entry = pool.entries[entry].next
    if largest == 0.0:
        largest = 1.0
    mass = mass_rest = value = value_rest = 0.0
    entry = first
    while entry >= 0:
        place = pool.entries[entry].place
        share = held.w[place] / heaviest
        of_mass, of_value = share * _FINE, share * (held.y[place] / largest) * _FINE
        mass += _rounded(of_mass)
        mass_rest += _rounded((of_mass - _rounded(of_mass)) * _FINE)
        value += _rounded(of_value)
        value_rest += _rounded((of_value - _rounded(of_value)) * _FINE)
        entry = pool.entries[entry].next
    mass += mass_rest / _FINE
    mean = (value + value_rest / _FINE) / mass
    return min(heaviest * (mass / _FINE), _LARGEST), min(max(mean, -1.0), 1.0) * largest


@kernel
def describe(pool, found, held, plan, split, thresholds, numbers, values):
    """Write the nodes in `found`, as :func:`preorder` gives them: a parent's left child follows it.

    Parameters
    ----------
    held, plan
        As in growth.
    split : int64[n, 4]
        Left and right child, feature, number of records; -1 and -2 in leaves, as in scikit-learn.
    thresholds : float64[n]
        Thresholds; -2.0 in leaves.
    numbers : float64[n, 2]
        Impurity and weight. The impurity of targets is that of the leaves' means: what splits below take away.
    values : float64[n, columns]
        Shares of the classes, or means.
    """
    nodes, n, n_classes = pool.nodes, len(found), plan.n_classes
    unit = 1.0 / plan.mass0 / plan.mass1
    sums = np.zeros((n, n_classes))
    place = np.empty(n + 1, np.int64)  # of nodes whose parents are still to come: the last one is on top
    top = 0
    for i in range(n - 1, -1, -1):
        at = nodes[found[i]]
        split[i, 3] = at.n
        if at.feature < 0:
            split[i, 0], split[i, 1], split[i, 2], thresholds[i] = -1, -1, -2, -2.0
            for c in range(n_classes):
                sums[i, c] = pool.sums[at.right, c]
            if not n_classes:
                numbers[i, 0] = 0.0
                numbers[i, 1], values[i, 0] = _leaf_of_targets(pool, np.int64(at.left), held)
        else:
            left, right = place[top - 1], place[top - 2]
            top -= 2
            split[i, 0], split[i, 1], split[i, 2], thresholds[i] = left, right, at.feature, at.threshold
            for c in range(n_classes):
                sums[i, c] = sums[left, c] + sums[right, c]
            if not n_classes:
                numbers[i, 1] = min(numbers[left, 1] + numbers[right, 1], _LARGEST)
                share = 1.0 / (1.0 + numbers[left, 1] / numbers[right, 1])  # of the right child
                values[i, 0] = values[left, 0] * (1.0 - share) + values[right, 0] * share
                away = (values[left, 0] - values[i, 0]) ** 2, (values[right, 0] - values[i, 0]) ** 2
                numbers[i, 0] = (numbers[left, 0] + away[0]) * (1.0 - share) + (numbers[right, 0] + away[1]) * share
        place[top] = i
        top += 1
        if n_classes:
            mass, squares = 0.0, 0.0
            for c in range(n_classes):
                mass += sums[i, c]
            for c in range(n_classes):
                values[i, c] = sums[i, c] / mass
                squares += values[i, c] * values[i, c]
            numbers[i, 0], numbers[i, 1] = 1.0 - squares, mass * unit


@kernel
def _below(nodes, at, x, i):
    """The child of a node that record i goes to; the left one follows its parent."""
    value = x[i, nodes[at].feature]
    return np.int32(at + 1) if nodes[at].low <= value <= nodes[at].high else nodes[at].right


@kernel
def leaves_of(nodes, x, found):
    """Write the leaf of each record, float32[n, d], of a tree with the nodes WALKED[m] in preorder."""
    for i in range(len(x)):
        at = np.int32(0)
        while nodes[at].feature >= 0:
            at = _below(nodes, at, x, i)
        found[i] = at


@kernel
def ways_of(nodes, x):
    """The nodes on the way of each record, root and leaf included: where each begins, int64[n + 1], and the nodes."""
    starts = np.zeros(len(x) + 1, np.int64)
    passed = np.empty(16 * len(x) + 16, np.int64)
    n = 0
    for i in range(len(x)):
        at = np.int32(0)
        while at >= 0:
            if n == len(passed):
                passed = widened(passed)
            passed[n] = at
            n += 1
            at = _below(nodes, at, x, i) if nodes[at].feature >= 0 else np.int32(-1)
        starts[i + 1] = n
    return starts, passed[:n]
