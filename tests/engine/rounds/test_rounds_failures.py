"""Calls on models in rounds that fail in the middle, or are refused; and weights at the far ends."""

import copy
import signal
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.utils.validation import has_fit_parameter

from laws import assert_same, refit, renamed, snapshot, told, unchanged
from learners import EVERYWHERE, over_each, over_kinds
from refusals import OUT_OF_RANGE, raises
from sqlearn.cluster import KMeans
from sqlearn.engine.problems import Smooth
from sqlearn.engine.rounds import samples
from sqlearn.engine.rounds import walk as rounds
from sqlearn.engine.rounds.rows import Rows
from sqlearn.engine.sums.exact import ExactSum
from sqlearn.errors import ParameterError, TooLargeError
from sqlearn.linear_model import LogisticRegression, PoissonRegressor
from sqlearn.mixture import GaussianMixture
from sqlearn.svm import LinearSVC
from tiny_rounds import ADAPTIVE, cut, sample, shrink

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    return cut(monkeypatch)


# -------------------------------------------------------------------------------------------- in the middle of a call


def prepared(learner):
    rng = np.random.default_rng(16)
    records = sample(learner, rng, 66, classes=3)
    records.w = None
    model = refit(learner, records.take(range(60)))
    changed = records.take(range(12)).relabelled(rng) if records.y is not None else None
    calls = {
        "forget": lambda model: model.forget(**records.take(range(5)).given),
        "forget one": lambda model: model.forget(**records.row(9)),
        "learn": lambda model: model.partial_fit(**records.take(range(60, 66)).given),
        "halve": lambda model: model.forget(**records.take(range(40)).given),
    }
    if changed is not None:
        calls["relabel"] = lambda model: model.relabel(**renamed(records.take(range(12)), changed))
    return model, calls, records


def strike_everywhere(monkeypatch, learner, owner, name, error, most=25 if EVERYWHERE else 12):
    """An error at every call of a function, in turn: the model is as before, and goes on as if nothing had been."""
    model, calls, _records = prepared(learner)
    expected = {call: update(copy.deepcopy(model)).canonical_parts() for call, update in calls.items()}
    original, count, strike, struck = getattr(owner, name), 0, -1, 0

    def counting(*args, **kwargs):
        nonlocal count
        count += 1
        if count == strike:
            error()
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, counting)
    for call, update in calls.items():
        twin = copy.deepcopy(model)
        count, strike = 0, -1
        update(twin)
        moments = count
        before = snapshot(model)
        victim = copy.deepcopy(model)  # the same one all along: what failed calls leave behind adds up
        for k in np.unique(np.linspace(1, moments, min(most, moments), dtype=int)):
            count, strike = 0, k
            with pytest.raises((KeyboardInterrupt, MemoryError)):
                update(victim)
            strike = -1
            struck += 1
            assert victim.digest() == before[0], (call, k)
            assert victim.canonical_parts() == before[1], (call, k)
        assert snapshot(victim) == before
        update(victim)
        assert victim.canonical_parts() == expected[call], call
    assert struck


def raise_interrupt():
    raise KeyboardInterrupt


def raise_memory():
    raise MemoryError("no memory left")


def raise_signal():
    signal.raise_signal(signal.SIGINT)


@over_each(ADAPTIVE)
def test_interrupts_at_every_block(learner, tiny):
    tiny.setattr(samples, "BLOCK", 8)
    original = rounds.Walk.__init__
    count, strike = 0, -1
    model, calls, _ = prepared(learner)
    expected = {call: update(copy.deepcopy(model)).canonical_parts() for call, update in calls.items()}

    def init(self, statistic, problem, order, past, put, check=lambda: None, moments=None):
        def checked():
            nonlocal count
            count += 1
            if count == strike:
                raise KeyboardInterrupt
            check()

        original(self, statistic, problem, order, past, put, checked, moments)

    tiny.setattr(rounds.Walk, "__init__", init)
    for call, update in calls.items():
        twin = copy.deepcopy(model)
        count, strike = 0, -1
        update(twin)
        moments, before, victim = count, snapshot(model), copy.deepcopy(model)
        for k in range(1, moments + 1, 1 + moments // (60 if EVERYWHERE else 15)):
            count, strike = 0, k
            with pytest.raises(KeyboardInterrupt):
                update(victim)
            strike = -1
            assert victim.digest() == before[0], (call, k)
        assert snapshot(victim) == before
        assert update(victim).canonical_parts() == expected[call], call


@over_each(ADAPTIVE)
def test_signals_in_the_middle_of_a_walk(learner, tiny):
    """A real SIGINT while records are asked; it is held off until the next block."""
    tiny.setattr(samples, "BLOCK", 8)
    strike_everywhere(tiny, learner, rounds.Walk, "classed", raise_signal)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_read_that_is_interrupted_changes_nothing(tiny):
    """The next read solves again."""
    tiny.undo()
    records = sample(LogisticRegression(), np.random.default_rng(17), 400)
    model = refit(LogisticRegression(), records)
    before, original = snapshot(model), Smooth.solve

    def solve(*args):
        tiny.setattr(Smooth, "solve", original)
        raise KeyboardInterrupt

    tiny.setattr(Smooth, "solve", solve)
    with model.without(**records.row(0)):
        with pytest.raises(KeyboardInterrupt):
            model.coef_  # noqa: B018
        assert told(model) == told(refit(LogisticRegression(), records.take(range(1, 400))))
    assert snapshot(model) == before


@over_kinds(ADAPTIVE)
@pytest.mark.parametrize(
    "owner, name",
    [(ExactSum, "copy"), (ExactSum, "deposit"), (Rows, "vacant"), (Rows, "missing"), (Rows, "reserve")],
)
@pytest.mark.crossed(2)
def test_memory_ends(learner, owner, name, tiny):
    if name in ("vacant", "find", "keyed_names", "deposit"):  # few moments; undoing needs some too
        model, calls, _ = prepared(learner)
        original = getattr(owner, name)
        for call, update in calls.items():
            before, expected = snapshot(model), update(copy.deepcopy(model)).canonical_parts()
            victim, count = copy.deepcopy(model), 0
            for strike in (1, 2):
                count = 0

                def failing(*args, strike=strike, **kwargs):
                    nonlocal count
                    count += 1
                    if count == strike:
                        raise MemoryError
                    return original(*args, **kwargs)

                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(owner, name, failing)
                    try:
                        update(victim)
                    except MemoryError:
                        assert count >= strike
                    else:
                        assert count < strike
                        break
                assert snapshot(victim) == before, call
            victim = copy.deepcopy(model) if count < strike else victim
            assert update(victim).canonical_parts() == expected
    else:
        shrink(tiny, width="coarse")  # so that sums are walked on
        strike_everywhere(tiny, learner, owner, name, raise_memory)


# ------------------------------------------------------------------------------------------------------- the far ends

EXTREME = {
    "subnormal": lambda n: np.full(n, 5e-324),
    "tiny": lambda n: np.full(n, 1e-300),
    "huge": lambda n: np.full(n, 1e300),
    "all": lambda n: np.where(np.arange(n) % 3 == 0, 5e-324, 1e150),
}


@over_kinds([learner for learner in ADAPTIVE if has_fit_parameter(learner, "sample_weight")])
@pytest.mark.parametrize("weights", EXTREME)
@pytest.mark.crossed(2)
def test_extreme_weights(learner, weights):
    rng = np.random.default_rng(17)
    records = replace(sample(learner, rng, 60), w=EXTREME[weights](60))
    model = refit(learner, records)
    for i in range(6):
        model.forget(**records.row(i))
    other = refit(learner, records.take(range(6, 60)), rng)
    assert_same(model, other)
    for value in told(model).values():
        assert "nan" not in str(value)
    for name in ("coef_", "cluster_centers_", "means_"):
        assert np.isfinite(getattr(model, name, 0.0)).all()


@over_kinds(ADAPTIVE)
@pytest.mark.parametrize("value", [np.nextafter(2.0**500, np.inf), -1e308])
@pytest.mark.parametrize("pilot", [8, 4096])
@pytest.mark.crossed(2)
def test_values_out_of_range_are_refused_on_every_path(learner, value, pilot, tiny):
    shrink(tiny, pilot)
    rng = np.random.default_rng(18)
    records = sample(learner, rng, 40)
    records.w = None
    model = refit(learner, records)
    bad = records.take([3, 4])
    bad.X[1, 2] = value
    given = dict(bad.given, X=sp.csr_array(bad.X))
    updates = [lambda: model.partial_fit(**bad.row(1)), lambda: model.partial_fit(**bad.given)]
    if learner.__sklearn_tags__().input_tags.sparse:
        updates.append(lambda: model.partial_fit(**given))
    for update in updates:
        with unchanged(model), raises(OUT_OF_RANGE, match=r"row [01] .*2\*\*500"):
            update()
    with unchanged(model), pytest.raises(ValueError):
        model.forget(**bad.row(1))


@pytest.mark.parametrize("value", [-1.0, np.nextafter(2.0**500, np.inf), 1e308])
def test_targets_out_of_range_are_refused_on_every_path(value):
    rng = np.random.default_rng(19)
    records = sample(PoissonRegressor(), rng, 40)
    model = refit(PoissonRegressor(), records)
    X = records.X[0]
    for update in (model.partial_fit, model.forget):
        with unchanged(model), raises(OUT_OF_RANGE, match=r"Loss': -1\.0 in|beyond"):
            update(X, value)
        with unchanged(model), raises(OUT_OF_RANGE):
            update(X[None], [value])
    records.y[3], records.w[3] = 2.0**500, 1.0  # is the largest
    model = refit(PoissonRegressor(), records)
    for i in (0, 3):
        model.forget(**records.row(i))
    assert_same(model, refit(PoissonRegressor(), records.take([1, 2, *range(4, 40)])))


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0, 1e300])
def test_class_weights_that_are_none_are_refused(weight):
    rng = np.random.default_rng(20)
    records = sample(LogisticRegression(), rng, 40)
    for learner in (LogisticRegression(class_weight={1: weight}), LinearSVC(class_weight={1: weight})):
        with pytest.raises(ParameterError, match="class_weight"):
            refit(learner, records)


@pytest.mark.parametrize("learner", [LogisticRegression(), LinearSVC(), GaussianMixture(40), KMeans(20_000)], ids=str)
def test_too_many_sums_are_refused_before_memory_is_taken(learner):
    X = np.random.default_rng(21).normal(size=(20_000, 500)).astype(np.float32)
    if not isinstance(learner, KMeans):
        X = X[:200]
    y = np.arange(len(X)) % 40
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="sums"):
            learner.fit(X, y)
        assert tracemalloc.get_traced_memory()[1] < 5e8  # rows, copied and checked
    finally:
        tracemalloc.stop()
