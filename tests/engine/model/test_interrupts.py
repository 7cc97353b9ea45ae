"""Ctrl-C, or no memory left, in the middle of a call: the model is that from before or, if all is done, from after."""

import copy
import os
import random
import signal
import sys
import threading
import time
from importlib import import_module

import numpy as np
import pytest
from sklearn.base import clone

from laws import assert_same, emptied, refit, snapshot
from learners import EVERYWHERE, LEARNERS, MULTILABEL, named, over
from records import joined, records_of, tame
from sqlearn.engine.identity.ledger import Ledger
from sqlearn.engine.model import state as state_module
from sqlearn.engine.model.state import State
from sqlearn.engine.sums import InterruptsHeld, OneRecord
from sqlearn.engine.sums.exact import ExactSum
from sqlearn.errors import BrokenError
from sqlearn.naive_bayes import GaussianNB
from updates import CALLS, both_sides, lend, over_calls, places, prepared, updates

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Batches of many blocks, so that calls have a middle."""
    monkeypatch.setattr(
        state_module.Batch,
        "slices",
        lambda self, sparse: (slice(i, min(i + 60, len(self))) for i in range(0, len(self), 60)),
    )


def test_an_interrupt_at_every_line_of_without():
    """One that came as the block was left, in front of the `try` that was to give the rows back, left them out."""
    model, records, _ = prepared(GaussianNB())
    gone, before = records.take(range(5)), snapshot(model)
    struck, strike = 0, -1

    def trace(frame, event, _):
        nonlocal struck
        if frame.f_code.co_name not in ("_without", "give_back"):
            return None
        if event == "line":
            struck += 1
            if struck == strike:
                signal.raise_signal(signal.SIGINT)
        return trace

    def lend_traced():
        nonlocal struck
        struck = 0
        sys.settrace(trace)
        try:
            lend(model, gone)
        finally:
            sys.settrace(None)

    lend_traced()
    lines = struck
    assert lines > 10
    for line in range(1, lines + 1):
        strike = line
        with pytest.raises(KeyboardInterrupt):
            lend_traced()
        assert snapshot(model) == before, line


@over_calls(LEARNERS + MULTILABEL)
def test_an_interrupt_at_every_step(learner, call, monkeypatch):
    """SIGINT arrives before and after every step that changes something, one at a time (in CI, at some of them)."""
    strike_at_every_step(learner, call, monkeypatch, signal.SIGINT, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no alarms")
@over([named(name)[0] for name in ("GaussianNB", "MixedNB", "LogisticRegression")])
@pytest.mark.parametrize("call", CALLS if EVERYWHERE else ["forget", "forget one", "relabel", "without"])
def test_an_alarm_at_every_step(learner, call, monkeypatch):
    """The handler of another signal raises: as programs do that give a call so much time and no more."""

    def out_of_time(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, out_of_time)
    try:
        strike_at_every_step(learner, call, monkeypatch, signal.SIGALRM, TimeoutError)
        assert signal.getsignal(signal.SIGALRM) is out_of_time
    finally:
        signal.signal(signal.SIGALRM, before)


def strike_at_every_step(learner, call, monkeypatch, number, error):
    """A signal, whose handler raises an error, before and after every step: the model is as before, or as after."""
    model, records, others = prepared(learner)
    update = updates(learner, model, records, others)[call]
    before, after = both_sides(model, update)
    count, strike = 0, -1

    def moment():
        nonlocal count
        count += 1
        if count == strike:
            signal.raise_signal(number)

    def struck(function):
        def step(*args, **kwargs):
            moment()
            result = function(*args, **kwargs)
            moment()
            return result

        return step

    steps = [(State, name) for name in ("_apply", "_record", "encode", "prune", "copy")]
    steps += [(ExactSum, name) for name in ("deposit", "add", "reserve", "trim")]
    steps += [(Ledger, name) for name in ("add", "take", "shrink", "reserve", "merged")]
    kernels = {"moments": "_change_dense", "sparse_sums": "_change_sparse", "joint": "_change_mixed"}
    steps += [(import_module(f"sqlearn.engine.sums.{module}"), name) for module, name in kernels.items()]
    steps += [(import_module("sqlearn.engine.ordered.one_record"), "_change_ordered")]
    for owner, name in steps:
        monkeypatch.setattr(owner, name, struck(getattr(owner, name)))
    update(copy.deepcopy(model))
    twin = copy.deepcopy(model)
    count = 0
    update(twin)
    moments, found = count, set()
    for k in places(moments, 8):
        victim = copy.deepcopy(model)
        count, strike = 0, k
        with pytest.raises(error):
            update(victim)
        strike = -1
        digest = victim.digest()
        found.add(digest)
        assert digest in (before[0], after[0]), k
        assert victim.canonical_parts() == (before if digest == before[0] else after)[1], k
        assert not victim._state.borrowed
    assert snapshot(victim) in (before, after)
    assert before[0] in found


@over([named(name)[0] for name in ("GaussianNB", "LogisticRegression")])
def test_an_exception_from_outside_in_the_middle_of_a_step(learner, monkeypatch):
    """It may have left anything behind, so the model answers nothing until it is fitted anew."""
    model, records, others = prepared(learner)
    update = updates(learner, model, records, others)["forget"]

    def torn(state, digests, sign, count=State._count):
        count(state, digests, sign)
        raise TimeoutError

    with monkeypatch.context() as patch:
        patch.setattr(State, "_count", torn)
        with pytest.raises(BrokenError, match="could not be undone") as caught:
            update(model)
    assert isinstance(caught.value.__cause__.__context__, TimeoutError)
    for call in (model.digest, lambda: model.n_records_, lambda: update(model)):
        with pytest.raises(BrokenError):
            call()
    assert model.fit(**records.given).digest() == clone(learner).fit(**records.given).digest()


class Timeout(ValueError):
    """As a program may call what its alarm raises; sqlearn's own errors are ValueErrors, too."""


@pytest.fixture
def alarm():
    """Sends SIGALRM, whose handler raises Timeout."""

    def too_late(*_):
        raise Timeout("too late")

    before = signal.signal(signal.SIGALRM, too_late)
    yield lambda: signal.raise_signal(signal.SIGALRM)
    signal.signal(signal.SIGALRM, before)


HAS_ALARMS = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no alarms")


@HAS_ALARMS
@pytest.mark.parametrize(("moment", "learned"), [("refresh", 0), ("prune", 1)])
def test_a_handler_that_raises_a_value_error(moment, learned, alarm):
    """The path of one record took it for a fault of the row, and the long path learned the row again."""
    model, records, _ = prepared(named("LogisticRegression")[0])
    row, n, before = records.row(3), model.n_records_, snapshot(model)
    statistic = model._state.statistic
    original = getattr(statistic, moment)

    def struck(*args, **kwargs):
        delattr(statistic, moment)
        alarm()
        return original(*args, **kwargs)

    setattr(statistic, moment, struck)
    with pytest.raises(Timeout):
        model.partial_fit(**row)
    assert model.n_records_ == n + learned
    if learned:
        model.forget(**row)
    assert snapshot(model) == before


@HAS_ALARMS
@pytest.mark.parametrize("owner", ["_reserved", "_finished"])
@over(named("GaussianNB", "MultinomialNB", "MixedNB", "LinearRegression"))
def test_a_handler_that_raises_a_value_error_beside_a_kernel(learner, owner, alarm, monkeypatch):
    records = tame(learner, weighted=False)
    model, row, n = refit(learner, records), records.row(3), len(records)
    original = getattr(OneRecord, owner)

    def struck(*args):
        monkeypatch.undo()
        alarm()
        return original(*args)

    monkeypatch.setattr(OneRecord, owner, struck)
    with pytest.raises(Timeout):
        model.partial_fit(**row)
    assert model.n_records_ == n + (owner == "_finished")


def test_signals_that_came_together():
    """When the handler of the first one raised, the others were lost: a SIGTERM did not end the program."""
    came = []

    def handler(number, _):
        came.append(number)
        raise KeyboardInterrupt(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        for call in (lambda _: None, lambda check: check()):
            came.clear()
            with pytest.raises(KeyboardInterrupt, match=str(int(signal.SIGINT))), InterruptsHeld() as check:
                for number in numbers:
                    signal.raise_signal(number)
                assert not came
                call(check)
            assert came == [*numbers]
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def interrupted(update, seconds) -> bool:
    """Whether SIGINT, sent by another thread after so many seconds, arrived inside the call."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    try:
        timer.start()
        update()
    except KeyboardInterrupt:
        return True
    finally:
        try:
            timer.join()
            time.sleep(0.001)  # it may still be on its way
        except KeyboardInterrupt:
            timer.join()
    return False


@pytest.fixture
def quick_switches():
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(old)


@over(named("GaussianNB", "MixedNB", "LinearRegression", "MultinomialNB"))
@pytest.mark.usefixtures("quick_switches")
def test_interrupts_at_random_moments(learner):
    model, records, others = prepared(learner)
    rng, arrived, rounds = random.Random(2), 0, 0
    while arrived <= 5 and rounds < 20:  # few arrive in time on a busy machine
        rounds += 1
        for call, update in updates(learner, model, records, others).items():
            before, after = both_sides(model, update)
            victim = copy.deepcopy(model)
            start = time.perf_counter()
            update(copy.copy(victim))
            seconds = time.perf_counter() - start
            for _ in range(24 if EVERYWHERE else 6):
                arrived += interrupted(lambda update=update, victim=victim: update(victim), rng.random() * seconds)
                found = snapshot(victim)
                assert found in (before, after), call
                if found != before:
                    victim = copy.deepcopy(model)
    assert arrived > 5


@pytest.mark.usefixtures("quick_switches")
def test_interrupts_in_a_storm_of_single_updates(monkeypatch):
    """Thousands of one-row calls, classes and ledgers growing and shrinking, under a hail of signals."""
    learner = named("GaussianNB")[0]
    rng = np.random.default_rng(3)
    pool = records_of(learner, rng, 60, 1, weighted=False)
    pool.y[:] = np.arange(60) % 20
    rows, held, model = [pool.row(i) for i in range(60)], np.ones(60, bool), refit(learner, pool)
    armed, hits, stop = False, 0, threading.Event()
    for row in [*rows, *rows]:  # numba does not survive an interrupt while it compiles: all kernels now
        model.forget(**row)
        digest_of(learner, pool, held)
        model.partial_fit(**row)
    model.forget(**pool.take(range(59)).given).partial_fit(**pool.take(range(59)).given)

    def raise_if_armed(*_):
        if armed:
            raise KeyboardInterrupt

    def hail():
        wait = random.Random(4)
        while not stop.wait(0.0005 + 0.002 * wait.random()):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=hail, daemon=True)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # pytest's does not survive a second interrupt
    signal.signal(signal.SIGINT, raise_if_armed)
    try:
        thread.start()
        end = time.perf_counter() + 1.5
        while time.perf_counter() < end:
            i = int(rng.integers(60))
            done = held.sum() + (-1 if held[i] else 1)
            try:
                armed = True
                (model.forget if held[i] else model.partial_fit)(**rows[i])
                armed = False
            except KeyboardInterrupt:
                armed = False
                hits += 1
                if hits % 20 == 0:
                    assert model.digest() in {
                        digest_of(learner, pool, held),
                        digest_of(learner, pool, held ^ (np.arange(60) == i)),
                    }
            if model.n_records_ == done:
                held[i] = not held[i]
    finally:
        armed = False
        stop.set()
        thread.join()
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert hits > 20
    assert_same(model, refit(learner, pool.take(np.flatnonzero(held))))


def digest_of(learner, pool, held):
    return refit(learner, pool.take(np.flatnonzero(held))).digest()


# ------------------------------------------------------------------------------------------------------------ memory

ALLOCATORS = [
    "empty",
    "zeros",
    "ones",
    "full",
    "pad",
    "concatenate",
    "bincount",
    "array",
    "append",
    "arange",
    "ascontiguousarray",
]
ALLOCATORS += ["where", "cumsum", "unique", "flatnonzero", "argsort", "column_stack"]


# test_memory.py fails allocations for all learners; here each place is named, for every third (`make memory`: for all)
SOME = (LEARNERS + MULTILABEL)[:: 1 if EVERYWHERE else 3]


@over_calls(SOME)
@pytest.mark.crossed(2)
def test_memory_ends_at_every_allocation(learner, call, monkeypatch):
    """Each array that the engine asks numpy for is refused in turn, and each of its own ways to grow (in CI, some)."""
    model, records, others = prepared(learner)
    update = updates(learner, model, records, others)[call]
    before, after = both_sides(model, update)
    lend(copy.deepcopy(model), records)
    count, strike = 0, None

    def refusing(function, inside):
        def allocate(*args, **kwargs):
            nonlocal count
            if inside or sys._getframe(1).f_globals.get("__name__", "").startswith("sqlearn.engine"):
                count += 1
                if count == strike:
                    raise MemoryError("no memory left")
            return function(*args, **kwargs)

        return allocate

    with monkeypatch.context() as patch:
        for owner, name in [(ExactSum, "grow_to"), (ExactSum, "resize"), (ExactSum, "carry"), (Ledger, "reserve")]:
            patch.setattr(owner, name, refusing(getattr(owner, name), True))
        for name in ALLOCATORS:
            patch.setattr(np, name, refusing(getattr(np, name), False))
        strike, victim = -1, copy.deepcopy(model)
        count = 0
        update(victim)
        allocations, failed = count, 0
        for k in places(allocations, 10):
            strike, victim = -1, copy.deepcopy(model)
            count, strike = 0, k
            try:
                update(victim)
            except MemoryError:
                failed += 1
            except ValueError:  # what validation made of it
                failed += 1
            else:
                strike = -1
                assert victim.digest() == after[0], k
                continue
            strike = -1
            assert victim.digest() == before[0], k
            assert victim.canonical_parts() == before[1], k
        assert failed or not allocations
    assert snapshot(victim) in (before, after)


def test_an_interrupt_while_a_kernel_returns_arrays():
    """numba tells of it by a SystemError, of which the interrupt is the cause."""
    model = GaussianNB().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(KeyboardInterrupt), model._state.reading():
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise SystemError("a kernel returned a result with an exception set") from interrupt
    with pytest.raises(SystemError), model._state.reading():
        raise SystemError


def test_copies_of_an_empty_state_are_independent():
    """An empty vocabulary and an empty ledger are as good as any other."""
    for learner in LEARNERS:
        records = records_of(learner, np.random.default_rng(0), 12)
        empty = emptied(learner, records)
        full = refit(learner, records)
        twin = empty._state.copy()
        assert_same(empty, emptied(learner, records))
        merged = twin.merged(full._state)
        assert merged.digest() == full.digest()
        assert twin.digest() == empty.digest() == empty._state.digest()
        assert twin.parts() == empty.canonical_parts()
        twin.learn(full._batch(twin, *(value for value in (records.X, records.y, records.w)), 1.0))
        assert twin.digest() == full.digest()
        assert_same(empty, emptied(learner, joined([records, records])))
