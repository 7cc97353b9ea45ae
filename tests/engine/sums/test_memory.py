"""All or nothing when memory ends: every update of every learner, whichever allocations fail."""

import copy
import os
import subprocess
import sys

import numpy as np
import pytest
from numba import njit

import laws
from failing_memory import EVERY, FROM, ONE, asked, failing
from laws import snapshot
from learners import EVERYWHERE, LEARNERS, MULTILABEL
from updates import both_sides, lend, over_calls, places, prepared, updates

pytestmark = pytest.mark.filterwarnings("ignore")


def rules(n):
    """Which allocations fail, of a call that makes `n` of them."""
    for rule, most in ((ONE, 3), (FROM, 9)):
        for k in places(n, most):
            yield rule, k
    for k in range(2, 30) if EVERYWHERE else (2, 7):
        yield EVERY, k


@njit
def _in_a_kernel(n):
    return len(np.empty(n))


def test_the_handler_refuses():
    with failing(ONE, 2):
        np.empty(100)
        with pytest.raises(MemoryError):
            np.empty(100)
        np.empty(100)
    assert asked() == (3, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="numba's allocator is found through /proc")
def test_the_handler_refuses_kernels():
    _in_a_kernel(100)
    with failing(ONE, 2):
        _in_a_kernel(100)
        with pytest.raises(MemoryError):
            _in_a_kernel(100)
    assert asked() == (2, 1)


@over_calls(LEARNERS + MULTILABEL)
def test_memory_ends(learner, call):
    """Nothing is lost and nothing half done; and once there is memory again, the same call does all it should.

    The allocations that fail are those of NumPy's arrays and (on Linux) of arrays in kernels. Allocations of Python's
    objects do not fail here: :func:`test_the_address_space_ends` covers those, for some learners and at some points.
    """
    model, records, others = prepared(learner)
    update = updates(learner, model, records, others)[call]
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
    assert failed or not asked()[0]
    assert snapshot(victim) == before
    update(victim)
    assert snapshot(victim) == after


LIMITED = """
import copy, mmap, os, resource, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from laws import refit
from records import Records
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.engine.kernels import Postponed
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.mixture import GaussianMixture
from sqlearn.naive_bayes import GaussianNB, MultinomialNB

def size():
    return int(open("/proc/self/statm").read().split()[0]) * mmap.PAGESIZE

Postponed.all_at_once = True
n, k = 20_000, 9_000
rng = np.random.default_rng(0)
x = rng.normal(size=(n, 6))
y = (x[:, 0] > 0).astype(int)
table = {"a": x[:, 0], "b": np.array(["u", "v", "w"])[rng.integers(0, 3, n)]}
failed = done = 0
for learner in eval(sys.argv[1]):
    target = {} if learner._target is None else {"y": y}
    X = np.abs(x) if isinstance(learner, MultinomialNB) else x
    model = learner.fit(table if isinstance(learner, TableModel) else X, **target)

    def some(rows):
        part = {name: column[rows] for name, column in table.items()} if isinstance(learner, TableModel) else X[rows]
        return {"X": part, **({"y": y[rows]} if target else {})}

    def lend():
        with model.without(**some(slice(0, k))):
            pass

    few, many = some(slice(0, 5)), some(slice(0, k))
    model.forget(**few).partial_fit(**few)
    lend()
    before = model.digest(), model.canonical_parts()
    calls = [lambda: model.forget(**many), lambda: model.partial_fit(**many), lend]
    if target:
        calls.append(lambda: model.relabel(many["X"], many["y"], 1 - many["y"]))
    whole = copy.deepcopy(model)
    for call in calls:  # LLVM ends a process in which it finds no memory, so nothing is left to be compiled
        call()
        model = copy.deepcopy(whole)
    for call in calls:
        for extra in range(0, 60, 2 if "SQLEARN_EVERYWHERE" in os.environ else 6):
            resource.setrlimit(resource.RLIMIT_AS, (size() + (extra << 18), resource.RLIM_INFINITY))
            try:
                call()
                ended = False
            except MemoryError:
                ended = True
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            failed, done = failed + ended, done + (not ended)
            if ended or call is lend:
                assert (model.digest(), model.canonical_parts()) == before
            else:
                model = learner.fit(some(slice(0, n))["X"], **target)
                break
assert failed
print(failed, done)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc, and limits the address space")
@pytest.mark.parametrize(
    "learners",
    [
        "[GaussianNB(), Ridge(), MultinomialNB(), TableModel(Ridge())]",
        "[LogisticRegression(), TableModel(LogisticRegression()), KMeans(3), GaussianMixture(2)]",
    ]
    if EVERYWHERE
    else ["[GaussianNB(), LogisticRegression()]"],
)
def test_the_address_space_ends(learners):
    """Python's objects, libraries and arrays alike find no memory, in a process of its own."""
    folder = os.path.dirname(laws.__file__)
    done = subprocess.run([sys.executable, "-c", LIMITED, learners], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
