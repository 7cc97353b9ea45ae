"""Rounds with samples so small that dozens of records go through all levels, and records for them.

All records are in the pilot below 8,192 records, which is what the tests of all learners see. Here the pilot is 8 to
15 records.
"""

import numpy as np
from sklearn.utils.validation import has_fit_parameter

from learners import LEARNERS
from records import Records, joined
from sqlearn.engine.model import state as state_module
from sqlearn.engine.model.adaptive import Adaptive
from sqlearn.engine.problems import smooth_grid, smooth_terms
from sqlearn.engine.rounds import walk as rounds

ADAPTIVE = [learner for learner in LEARNERS if isinstance(learner, Adaptive)]
WIDTHS = {"coarse": 2.0, "fine": 2.0**-10, "finest": 2.0**-30}


def shrink(patch, pilot=8, width="fine"):
    """Rounds over all records from 2 * pilot records on; the width of cells is that of :data:`WIDTHS`."""
    for module in (rounds, smooth_grid):
        patch.setattr(module, "GRID_SAMPLE", pilot // 2)
    patch.setattr(rounds, "PILOT", pilot)
    patch.setattr(rounds, "MOST_ROUNDS", 6)
    patch.setattr(smooth_terms, "CUBES", pilot)
    patch.setattr(smooth_grid, "FINE", WIDTHS[width])
    patch.setattr(smooth_grid, "FINE_COUNTS", WIDTHS[width])
    patch.setattr(smooth_grid, "FINER", WIDTHS[width] / 4)


def cut(patch):
    """The same, and calls of many blocks."""
    shrink(patch)
    patch.setattr(
        state_module.Batch,
        "slices",
        lambda self, sparse: (slice(i, min(i + 23, len(self))) for i in range(0, len(self), 23)),
    )
    return patch


def plain(rng, n):
    return rng.normal(size=(n, 4))


def ties(rng, n):
    return rng.integers(0, 2, (n, 4)).astype(float)


def rare(rng, n):
    return np.column_stack([rng.normal(size=n), np.eye(n, 3, -1), rng.random(n) < 0.03])


def twins(rng, n):
    x = rng.normal(size=(n, 2))
    return np.column_stack([x, x[:, 0], np.nextafter(x[:, 1], 9.0), x[:, 0] + 1e-9 * x[:, 1]])


def constant(rng, n):
    return np.column_stack([rng.normal(size=n), np.full(n, 3.3), np.zeros(n), np.full(n, 1e140), np.full(n, 5e-324)])


def heavy(rng, n):
    x = rng.standard_cauchy((n, 3))
    x[rng.random((n, 3)) < 0.05] *= 1e12
    return x


def subnormal(rng, n):
    return np.column_stack(
        [5e-324 * rng.integers(-9, 9, n), 2.2250738585072014e-308 * rng.normal(size=n), rng.normal(size=n)]
    )


def offset(rng, n):
    return np.column_stack(
        [1e9 + rng.normal(size=n), -1e15 + rng.integers(-3, 3, n), 1.0 + 2.0**-52 * rng.integers(0, 3, n)]
    )


def scales(rng, n):
    return rng.normal(size=(n, 4)) * [1e-200, 1e140, 1e-12, 1e12]


def far(rng, n):
    x = rng.normal(size=(n, 3))
    hit = rng.random((n, 3)) < 0.05
    x[hit] = rng.choice([1e150, -1e150, 2.0**500, 1e-300, 5e-324], hit.sum())
    return x


KINDS = [plain, ties, rare, twins, constant, heavy, subnormal, offset, scales, far]


def labelled(learner, rng, X, classes=2) -> Records:
    """These features, with labels that they tell something about, or counts; copies among the records, and weights."""
    n = len(X)
    with np.errstate(all="ignore"):
        eta = np.tanh((X - np.median(X, axis=0)) / (np.abs(X - np.median(X, axis=0)).mean(axis=0) + 1e-300)).sum(axis=1)
    eta = np.nan_to_num(eta)
    if learner._target == "label":
        y = (np.floor(eta + rng.normal(size=n)).astype(int)) % classes * 2 - 1
    elif learner._target == "value":
        y = rng.poisson(np.exp(eta / 2)).astype(float)
        if "Gamma" in type(learner).__name__:
            y += 0.25
    else:
        y = None
    w = rng.choice([1.0, 1.0, 1.0, 0.5, 3.0, 0.0, 1e-3], n)
    return Records(X, y, w if has_fit_parameter(learner, "sample_weight") else None)


def sample(learner, rng, n, kind=plain, classes=2) -> Records:
    records = labelled(learner, rng, kind(rng, n - n // 5), classes)
    return joined([records, records.take(rng.integers(0, len(records), n // 5))])


def broke_at(model):
    last = getattr(model, "last_update_", None)  # none since the model was read from a pickle
    return last and last.broke_at


def some(rng, records, n):
    """Index of `n` records, and of the others."""
    return np.split(rng.permutation(len(records)), [n])
