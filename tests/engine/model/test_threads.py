"""Threads that share a model without taking turns: the later one is told, and nothing of its call is done."""

import contextlib
import copy
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from laws import assert_same, refit, unchanged
from learners import LEARNERS, over_each
from sqlearn import BusyError
from sqlearn.engine.model.state import State
from sqlearn.linear_model import LogisticRegression, Ridge
from sqlearn.naive_bayes import GaussianNB
from updates import prepared

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("learner", [GaussianNB(), Ridge(), LogisticRegression()])
@pytest.mark.parametrize("batch", [False, True])
def test_four_threads(learner, batch):
    """Each record is forgotten and learned by one thread; what is refused is tried again."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    y = (X[:, 0] > 0).astype(int)
    model = refit(learner, _records(X, y))
    start, expected = threading.Barrier(4), model.predict(X[:3])

    def work(k):
        start.wait()
        for i in range(k, 200 if batch else 80, 4):
            given = (X[i : i + 1], y[i : i + 1]) if batch else (X[i], y[i].item())
            for update in (model.forget, model.partial_fit):
                while True:
                    try:
                        update(*given)
                        break
                    except BusyError:
                        continue
            with contextlib.suppress(BusyError):
                assert model.n_records_ > 190
                assert model.predict(X[:3]).shape == expected.shape

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, k) for k in range(4)]:
            done.result()  # raises what its thread raised
    np.testing.assert_array_equal(model.predict(X[:3]), expected)
    assert_same(model, refit(learner, _records(X, y)))


def _records(X, y):
    from records import Records

    return Records(X, y, None)


class during:
    """Context in which an update of a model is under way, as far as others can tell: it waits in the middle."""

    def __init__(self, model, update):
        self.model, self.update = model, update
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __enter__(self):
        original, thread = State._refresh, None

        def waiting(state, *args):
            if threading.current_thread() is thread:
                self.reached.set()
                self.go_on.wait(30)
            return original(state, *args)

        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(State, "_refresh", waiting)
        self.thread = thread = threading.Thread(target=self.update)
        thread.start()
        assert self.reached.wait(30)

    def __exit__(self, *_):
        self.go_on.set()
        self.thread.join()
        self.patch.undo()


@over_each(LEARNERS)
def test_whatever_is_asked_in_the_middle_of_an_update(learner):
    model, records, others = prepared(learner)
    after = copy.deepcopy(model).partial_fit(**others.given)
    row = records.row(0)
    calls = {
        "learn": lambda: model.partial_fit(**row),
        "forget": lambda: model.forget(**row),
        "forget many": lambda: model.forget(**records.given),
        "without": lambda: model.without(**row).__enter__(),
        "merge": lambda: model.merge(after),
        "merge this": lambda: copy.deepcopy(after).merge(model),
        "fit": lambda: model.fit(**records.given),
        "digest": model.digest,
        "parts": model.canonical_parts,
        "records": lambda: model.n_records_,
        "attributes": model.fitted_attributes,
        "copy": lambda: copy.deepcopy(model),
    }
    with during(model, lambda: model.partial_fit(**others.given)):
        for name, call in calls.items():
            with pytest.raises(BusyError, match="another thread"):
                call()
                pytest.fail(name)
    assert_same(model, after)


def test_a_question_that_an_update_overtakes():
    model, records, others = prepared(GaussianNB())
    original = GaussianNB._read_out

    def overtaken(self, state):
        found = original(self, state)
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=lambda: model.partial_fit(**others.given))
            thread.start()
            thread.join()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GaussianNB, "_read_out", overtaken)
        with pytest.raises(BusyError):
            model.fitted_attributes()
    assert_same(model, refit(GaussianNB(), records).partial_fit(**others.given))


def test_two_threads_that_begin_a_model():
    model, records, _ = prepared(GaussianNB())
    fresh = GaussianNB()
    original = State.learn

    def learn(state, batch):
        original(state, batch)
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=lambda: fresh.partial_fit(**records.given))
            thread.start()
            thread.join()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(State, "learn", learn)
        with pytest.raises(BusyError):
            fresh.partial_fit(**records.row(0))
    assert_same(fresh, model)


def test_a_signal_handler_that_calls_the_model():
    model, records, others = prepared(LogisticRegression())
    original, told = State._refresh, []

    def refresh(state, *args):
        signal.raise_signal(signal.SIGUSR1)
        return original(state, *args)

    def handler(*_):
        for call in (model.digest, lambda: model.forget(**records.row(0))):
            with pytest.raises(BusyError) as caught:
                call()
            told.append(caught.value)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(State, "_refresh", refresh)
            model.partial_fit(**others.given)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(told) == 2
    with unchanged(model):
        model.forget(**records.row(0)).partial_fit(**records.row(0))


@pytest.mark.parametrize("learner", [GaussianNB(), Ridge()])
def test_a_question_while_a_without_block_ends(learner):
    """Read in the middle of the undo: it is refused, and nothing from then is remembered."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    y = (X[:, 0] > 0).astype(int)
    model = refit(learner, _records(X, y))
    name = "class_prior_" if isinstance(learner, GaussianNB) else "coef_"
    before, refused, original = getattr(model, name).copy(), [], State._take_back

    def asked(state, log):
        for moment in ("before", "after"):
            with pytest.raises(BusyError):
                getattr(model, name)
            refused.append(moment)
            if moment == "before":
                original(state, log)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(State, "_take_back", asked)
        with model.without(X[:50], y[:50]):
            inside = getattr(model, name).copy()
    assert refused == ["before", "after"]
    assert not np.array_equal(inside, before)
    np.testing.assert_array_equal(getattr(model, name), before)
