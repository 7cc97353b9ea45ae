"""Who may touch a store when: locks that nobody drops, processes that fork, and calls from within calls."""

import gc
import multiprocessing
import os
import signal
import threading

import numpy as np
import pytest

from refusals import ACCESS, CLOSED, raises
from sqlearn import Store
from sqlearn.errors import DuplicateIdError, SqlearnError, StoreBusyError
from sqlearn.linear_model import Ridge
from sqlearn.naive_bayes import GaussianNB
from sqlearn.storage.file import descriptors

FORK = multiprocessing.get_context("fork") if hasattr(os, "fork") else None
needs_fork = pytest.mark.skipif(FORK is None, reason="needs fork")
ROWS = 2000


def rows(start, stop):
    numbers = np.arange(start, stop)
    return {"id": numbers, "a": numbers / 7.0, "b": np.sin(numbers), "y": numbers % 2}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.sqlearn"


@pytest.fixture
def store(path):
    with Store.create(path, GaussianNB(), rows(0, ROWS), target="y", id="id", timeout=0.2) as store:
        yield store


class Other:
    """Another process, which was forked before this one opened anything."""

    def __init__(self):
        self._ours, theirs = FORK.Pipe()
        self._process = FORK.Process(target=self._work, args=(theirs,), daemon=True)
        self._process.start()

    @staticmethod
    def _work(pipe):
        while True:
            path, call = pipe.recv()
            try:
                with Store.open(path, timeout=0.05) as store:
                    pipe.send(CALLS[call](store))
            except SqlearnError as error:
                pipe.send(error)

    def __call__(self, path, call):
        self._ours.send((path, call))
        return self._ours.recv()

    def stop(self):
        self._process.kill()
        self._process.join()


CALLS = {
    "forget": lambda store: store.forget(ids=[3, 4, 5]).count,
    "count": lambda store: len(store),
}


@pytest.fixture
def other():
    other = Other()
    yield other
    other.stop()


def report_of(path):
    with Store.open(path, timeout=0.2) as again:
        assert again.erasure_report(values=[123.25]).searched == 1


def in_a_thread(call, *arguments):
    failed = []

    def run():
        try:
            call(*arguments)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in failed:
        raise error


# ------------------------------------------------------------------------------------------------ locks


@needs_fork
@pytest.mark.parametrize("look", [lambda path: None, report_of, lambda path: in_a_thread(report_of, path)])
def test_looking_at_the_file_drops_no_lock(other, path, look):
    """A report on another Store of this process, while a writer is at work: other processes stay locked out."""
    store = Store.create(path, GaussianNB(), rows(0, ROWS), target="y", id="id", timeout=0.2)
    answers = []

    def table():
        yield rows(ROWS, ROWS + 1)
        look(path)
        answers.append(other(path, "forget"))
        yield rows(ROWS + 1, ROWS + 2)

    store.learn(table())
    assert isinstance(answers[0], StoreBusyError)
    assert other(path, "forget") == 3
    assert len(store) == ROWS - 1 and len(store.receipts()) == 3
    assert store.verify() and store.check_receipts()


@needs_fork
def test_a_descriptor_is_closed_when_nobody_can_hold_a_lock(other, path):
    """Not while this process reads through another connection; and at last it is, so that none is lost."""
    store = Store.create(path, Ridge(), {"x": np.arange(9.0), "y": np.arange(9.0)}, target="y", timeout=0.2)
    identity = descriptors.identity_of(path)
    again = Store.open(path, timeout=0.2)
    assert again.erasure_report(values=[1e9 / 7])
    assert identity in descriptors._OPEN
    with store._database.writing():
        again.close()
        assert identity in descriptors._OPEN
        assert isinstance(other(path, "forget"), StoreBusyError)
    store.close()
    assert identity not in descriptors._OPEN
    assert other(path, "forget") == 3


def test_a_store_that_was_moved(store, path):
    """Another file in its place is not taken for it."""
    path.rename(path.with_name("b.sqlearn"))
    path.write_bytes(b"another")
    before = set(descriptors._OPEN)
    with raises(ACCESS, match="was moved, replaced or deleted"):
        store.erasure_report()
    assert set(descriptors._OPEN) == before
    with raises(ACCESS, match="was moved, replaced or deleted"):
        store.forget(ids=[1])
    assert len(Store.open(path.with_name("b.sqlearn"))) == ROWS


# ------------------------------------------------------------------------------------------------ forks


def unwind(store):
    raise SystemExit(0)


def close(store):
    store.close()  # nothing refers to the connection any more
    gc.collect()
    os._exit(0)


@needs_fork
@pytest.mark.parametrize("child", [unwind, close])
@pytest.mark.parametrize("fails", [False, True])
def test_a_fork_within_a_transaction(path, child, fails, monkeypatch):
    """The child unwinds, or lets go of the store: the parent's transaction is not its own."""
    monkeypatch.setattr("sqlearn.storage.file.database._CACHE", 256)  # so that pages are written before the commit
    parent = os.getpid()
    big = {f"c{j}": np.random.default_rng(j).normal(size=20_000) for j in range(20)} | {"y": np.arange(20_000) % 2}
    small = {name: column[:30] for name, column in big.items()}
    store = Store.create(path, GaussianNB(), small, target="y")
    before, size = store.digest(), path.stat().st_size

    def table():
        yield big
        assert path.stat().st_size > size
        pid = os.fork()
        if pid == 0:
            child(store)
        assert os.waitpid(pid, 0)[1] == 0
        if fails:
            raise RuntimeError("the table ends early")

    try:
        if fails:
            with pytest.raises(RuntimeError):
                store.learn(table())
        else:
            store.learn(table())
    except SystemExit:
        os._exit(0 if os.getpid() != parent else 1)
    store.close()
    with Store.open(path) as store:
        assert len(store) == (30 if fails else 20_030)
        assert (store.digest() == before) == fails
        assert store.verify() and store.check_receipts()
        assert store._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def in_a_child(call):
    """Fork; True if `call` returned without an error there."""
    pid = os.fork()
    if pid == 0:
        try:
            call()
            os._exit(0)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


@needs_fork
def test_a_child_opens_stores_of_its_own(store, path):
    def child():
        for call in (store.ids, store.verify, lambda: store.forget(ids=[1]), lambda: len(store)):
            with raises(CLOSED, match="Open it again in this process"):
                call()
        store.close()
        with Store.open(path) as own:
            assert own.forget(ids=[1]).count == 1

    assert in_a_child(child)
    assert len(store) == ROWS - 1 and store.forget(ids=[2]).count == 1 and store.verify()


@needs_fork
def test_a_child_of_a_transaction_does_not_trust_its_locks(store, path):
    """SQLite would take the parent's lock for one of its own, and read in the middle of the commit."""

    def child():
        with pytest.raises(StoreBusyError, match="forked during a call"):
            Store.open(path)

    with store._database.writing():
        assert in_a_child(child)
    assert in_a_child(lambda: Store.open(path).close())


@needs_fork
def test_a_child_deletes_no_store_that_its_parent_makes(path):
    def table():
        yield rows(0, 5)
        pid = os.fork()
        if pid == 0:
            raise SystemExit
        os.waitpid(pid, 0)

    parent = os.getpid()
    try:
        Store.create(path, GaussianNB(), table(), target="y", id="id").close()
    finally:
        if os.getpid() != parent:
            os._exit(0)
    assert len(Store.open(path)) == 5


# ---------------------------------------------------------------------------------------- calls within calls


def refusing_calls(store):
    """What may not be called from within another call, by name."""
    return {
        "learn": lambda: store.learn(rows(ROWS + 50, ROWS + 60)),
        "forget": lambda: store.forget(ids=[1]),
        "dry run": lambda: store.forget(ids=[1], dry_run=True),
        "relabel": lambda: store.relabel(ids=[1], to=0),
        "ids": store.ids,
        "len": lambda: len(store),
        "model": lambda: store.model,
        "digest": store.digest,
        "verify": store.verify,
        "receipts": store.receipts,
        "erasure_report": store.erasure_report,
        "predict": lambda: store.predict({"a": [1.0], "b": [2.0]}),
        "close": store.close,
    }


def test_calls_from_the_iterator_of_a_table(store):
    def table():
        yield rows(ROWS, ROWS + 1)
        for call in refusing_calls(store).values():
            with pytest.raises(StoreBusyError, match="busy with"):
                call()
        assert "busy" in repr(store)
        with Store.open(store.path) as again:
            assert len(again) == ROWS  # as it was before
        yield rows(ROWS + 1, ROWS + 2)

    assert store.learn(table()).count == 2
    assert len(store) == ROWS + 2 and store.verify() and len(store.receipts()) == 2 and store.check_receipts()


def test_an_error_of_a_call_within_changes_nothing_else(store):
    """Rows of a learn that was refused inside another are not there afterwards."""

    def table():
        yield rows(ROWS, ROWS + 1)
        with pytest.raises(StoreBusyError):
            store.learn({name: np.append(column, column[:1]) for name, column in rows(ROWS + 5, ROWS + 6).items()})
        yield rows(0, 1)

    with pytest.raises(DuplicateIdError):
        store.learn(table())
    assert len(store) == ROWS and store.verify()


@pytest.mark.parametrize("dry", [False, True])
def test_calls_from_a_progress_callback(store, dry):
    seen = []

    def progress(done):
        seen.append(done)
        for call in refusing_calls(store).values():
            with pytest.raises(StoreBusyError):
                call()

    found = store.forget(where="a < 10", progress=progress, dry_run=dry)
    assert (found if dry else found.count) == 70 and seen
    assert len(store) == ROWS - (0 if dry else 70) and store.verify(progress=progress)


def test_a_prediction_whose_table_changes_the_store(store):
    def table(change):
        yield {"a": [1.0], "b": [2.0]}
        change()
        yield {"a": [1.0], "b": [2.0]}

    assert len(store.predict(table(store.ids))) == 2
    with pytest.raises(StoreBusyError, match="was changed by the iterator"):
        store.predict(table(lambda: store.forget(ids=[1])))
    assert len(store) == ROWS - 1


def test_a_change_of_nothing_waits_for_nobody(store, path):
    """SQLite's COMMIT waits for readers even where nothing was written; so there is none then."""
    with Store.open(path) as reader, reader._reading():
        assert store.forget(where="a > 1e9") is None
        assert store.relabel(where="y = 1", to=1) is None
        with pytest.raises(StoreBusyError, match="in use"):
            store.forget(ids=[1])
    assert store.forget(ids=[1]).count == 1


def test_threads_need_stores_of_their_own(store):
    calls = refusing_calls(store)
    for call in calls.values():
        with raises(CLOSED, match="another thread"):
            in_a_thread(call)
    with store._database.writing():
        for call in calls.values():
            with raises(CLOSED, match="another thread"):
                in_a_thread(call)
        with pytest.raises(StoreBusyError, match="busy with a call"):
            store.close()
    assert store.verify()
    store.close()
    in_a_thread(store.close)  # nothing is left to be closed
    with raises(CLOSED, match="is closed"):
        store.ids()


# ------------------------------------------------------------------------------------------- what is left over


@needs_fork
@pytest.mark.parametrize("cache", [65536, 256])
def test_opening_empties_the_journal_of_a_process_that_was_killed(path, cache, monkeypatch):
    """Whether it had begun to write into the file, so that SQLite rolls back, or not, so that SQLite does nothing."""
    monkeypatch.setattr("sqlearn.storage.file.database._CACHE", cache)
    big = {f"c{j}": np.random.default_rng(j).normal(size=20_000) for j in range(20)} | {"y": np.arange(20_000) % 2}
    store = Store.create(path, GaussianNB(), {name: column[:300] for name, column in big.items()}, target="y")
    digest, size = store.digest(), path.stat().st_size
    store.close()
    journal = path.with_name(path.name + "-journal")

    def killed():
        def table():
            yield big
            os.kill(os.getpid(), signal.SIGKILL)

        with Store.open(path) as store:
            store.forget(ids=[0])
            store.learn(table())

    child = FORK.Process(target=killed)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert journal.stat().st_size > 1000 and (path.stat().st_size > size) == (cache == 256)
    with Store.open(path) as store:
        assert not journal.exists() or not journal.stat().st_size
        assert store.digest() != digest and len(store) == 299 and store.verify()
    assert path.stat().st_size == size


def test_opening_leaves_the_journal_of_a_process_that_is_at_work(store, path):
    with store._database.writing():
        for change in (1, -1):
            store._database.execute(f"UPDATE counters SET value = value + {change}")
        journal = path.with_name(path.name + "-journal")
        size = journal.stat().st_size
        assert size > 0
        with Store.open(path, timeout=5.0) as again:
            assert len(again) == ROWS
        assert journal.stat().st_size == size
    assert journal.stat().st_size == 0
