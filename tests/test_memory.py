"""All or nothing when memory ends: every update of every learner, whichever allocations fail."""

import copy

import numpy as np
import pytest

from failing_memory import EVERY, FROM, ONE, asked, failing
from laws import snapshot
from learners import LEARNERS
from test_contract import over
from test_interrupts import CALLS, MULTILABEL, both_sides, lend, prepared, updates

pytestmark = pytest.mark.filterwarnings("ignore")


def rules(n):
    """Which allocations fail, of a call that makes `n` of them."""
    for rule, most in ((ONE, 12), (FROM, 25)):
        for k in np.unique(np.linspace(1, n, most, dtype=int)).tolist():
            yield rule, k
    for k in (2, 3, 7, 20):
        yield EVERY, k


def test_the_handler_refuses():
    with failing(ONE, 2):
        np.empty(100)
        with pytest.raises(MemoryError):
            np.empty(100)
        np.empty(100)
    assert asked() == (3, 1)


@over(LEARNERS + MULTILABEL)
@pytest.mark.parametrize("call", CALLS)
def test_memory_ends(learner, call):
    """Nothing is lost and nothing half done; and once there is memory again, the same call does all it should."""
    model, records, others = prepared(learner)
    update = updates(learner, model, records, others).get(call)
    if update is None:
        pytest.skip("learns without labels")
    before, after = both_sides(model, update)
    lend(copy.deepcopy(model), records)
    victim = copy.deepcopy(model)
    with failing():
        update(victim)
    failed = 0
    victim = copy.deepcopy(model)
    for rule in rules(asked()[0]):
        try:
            with failing(*rule):
                update(victim)
        except (MemoryError, ValueError):  # what validation makes of it
            failed += 1
            assert asked()[1]
            assert (victim.digest(), victim.canonical_parts()) == before[:2], rule
        else:
            assert (victim.digest(), victim.canonical_parts()) == after[:2], rule
            victim = copy.deepcopy(model)
    assert failed
    assert snapshot(victim) == before
    update(victim)
    assert snapshot(victim) == after
