"""A model with records, and every call that changes it."""

import copy

import numpy as np
import pytest

from laws import refit, renamed, snapshot
from learners import EVERYWHERE, kind_of, name_of, some_of
from records import joined, records_of


def places(n, most):
    """Where a call with `n` places fails, one at a time: everywhere for `make memory`, else at so many even ones."""
    return np.unique(np.linspace(1, n, n if EVERYWHERE else most, dtype=int)).tolist()


def updates(learner, model, records, others):
    """Every call that changes a model which holds `records` and not `others`."""
    gone = records.take(range(0, len(records), 2))
    other = refit(learner, others)
    calls = {
        "partial_fit": lambda model: model.partial_fit(**others.given),
        "forget": lambda model: model.forget(**gone.given),
        "forget all": lambda model: model.forget(**records.given),
        "merge": lambda model: model.merge(other),
        "fit": lambda model: model.fit(**records.given),
        "learn one": lambda model: model.partial_fit(**others.row(0)),
        "forget one": lambda model: model.forget(**records.row(0)),
        "without": lambda model: lend(model, gone),
    }
    if records.y is not None:
        changed = gone.relabelled(np.random.default_rng(1))
        if learner._target == "label" and changed.y.ndim == 1:
            changed.y[0] = 1234  # a class that comes in the middle
        calls["relabel"] = lambda model: model.relabel(**renamed(gone, changed))
    return calls


def lend(model, records):
    with model.without(**records.given):
        pass


def prepared(learner):
    rng = np.random.default_rng(0)
    pool = records_of(learner, rng, 230, 0)
    if learner._target == "label" and pool.y.ndim == 1:
        pool.y[205] = 99
    records = pool.take(range(200))
    others = joined([pool.take(range(200, 230)), records_of(learner, rng, 70, 2)])  # limbs that the model has not yet
    return refit(learner, records), records, others


def over_calls(learners):
    """Run a test for each of these learners and each call; in CI for one learner of a kind, and one of the calls.

    `make memory` takes all.
    """

    def over_pairs(test):
        pairs = [
            pytest.param(learner, call, id=f"{call}-{name_of(learner)}")
            for i, learner in enumerate(some_of(learners, kind_of, test.__name__))
            for j, call in enumerate(CALLS)
            if (EVERYWHERE or (i + j) % len(CALLS) == 0) and (call != "relabel" or learner._target is not None)
        ]
        return pytest.mark.parametrize("learner, call", pairs)(test)

    return over_pairs


CALLS = ["partial_fit", "forget", "forget all", "merge", "fit", "learn one", "forget one", "without", "relabel"]


def both_sides(model, update):
    """What a model tells before and after a call."""
    twin = copy.deepcopy(model)
    update(twin)
    return snapshot(model), snapshot(twin)
