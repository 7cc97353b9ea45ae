"""Threads that share a model without taking turns: the later one is told, and nothing of its call is done."""

import contextlib
import copy
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from laws import assert_same, refit, unchanged
from learners import EVERYWHERE, LEARNERS, over_each
from sqlearn import BusyError
from sqlearn.cluster import KMeans
from sqlearn.compose import TableModel
from sqlearn.compose.chains.table_steps import TableSteps
from sqlearn.engine.chains import EncodedRounds, LiveState
from sqlearn.engine.model.state import State
from sqlearn.engine.sums import Mixed
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
        for i in range(k, 200 if batch and EVERYWHERE else 80, 4):
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


def overtaken(patch, update):
    """Have a table's margins read, if at all, while an update is half done; it is done when its encoder was read."""
    deposit, begun, half, go_on = Mixed.deposit, [], threading.Event(), threading.Event()
    margins, read = EncodedRounds.margins, TableSteps.read

    def halting(self, block, sign, log):
        if threading.current_thread() not in begun:
            return deposit(self, block, sign, log)
        for place, (member, part) in enumerate(zip(self.members, self.blocks(block), strict=True)):
            member.deposit(part, sign, log)
            if not place:
                half.set()
                assert go_on.wait(30)

    def begin():
        begun.append(threading.Thread(target=update))
        begun[0].start()
        assert half.wait(30)

    def finish():
        go_on.set()
        begun[0].join()

    def halved(*given):
        if begun:
            return margins(*given)
        begin()
        found = margins(*given)
        finish()
        return found

    def reading(*given):
        found = read(*given)
        if not begun:
            begin()
            finish()
        return found

    patch.setattr(Mixed, "deposit", halting)
    patch.setattr(EncodedRounds, "margins", halved)
    patch.setattr(TableSteps, "read", reading)


@pytest.mark.parametrize("learner", [LogisticRegression(), KMeans(2)])
def test_an_encoder_read_in_the_middle_of_an_update_is_not_kept(learner):
    """Numbers without the rows that go, and missing ones with them: what comes of these would stay with the map."""
    rng = np.random.default_rng(0)
    numbers = np.where(rng.random(100) < 0.3, np.nan, rng.normal(2.0, 5.0, 100))
    table = {"a": np.tile(numbers, 2), "k": np.tile(rng.choice(list("pq"), 100), 2)}  # all twice, so that no mean moves
    half = {name: values[:100] for name, values in table.items()}
    y = None if learner._target is None else np.tile(rng.integers(0, 2, 100), 2)
    own = [[]] * 2 if y is None else [[y], [y[:100]]]
    model, fresh = TableModel(learner).fit(table, *own[0]), TableModel(learner).fit(half, *own[1])
    model = pickle.loads(pickle.dumps(model))  # which nobody has read yet
    encoder = model._state.statistic.encoder
    with pytest.MonkeyPatch.context() as patch:
        overtaken(patch, lambda: model.forget(half, *own[1]))
        with pytest.raises(BusyError):
            model.predict(half)
    assert model._state.statistic.encoder is encoder  # which is that of the rest, too
    assert_same(model, fresh)
    np.testing.assert_array_equal(model.encode(half), fresh.encode(half))
    np.testing.assert_array_equal(model.encoder_.means, fresh.encoder_.means)


def test_a_part_read_while_the_model_is_updated_is_not_kept():
    model, records, others = prepared(GaussianNB())
    updates = [lambda: model.partial_fit(**others.given)]

    def make(whole):
        counter = whole.record_counter.copy()
        if updates:
            updates.pop()()
        seen = copy.copy(whole)
        seen.record_counter = counter
        return seen

    live = LiveState(model._state, make, "Pipeline")
    with pytest.raises(BusyError):
        live.record_counter  # noqa: B018
    assert live.record_counter == model._state.record_counter
    updates.append(lambda: model.forget(**others.given))
    with pytest.raises(BusyError), live.reading():
        updates.pop()()
    assert live.record_counter == len(records)
