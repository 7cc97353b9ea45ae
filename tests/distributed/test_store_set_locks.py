"""Several processes on one set: writers take turns, readers see one moment; threads, forks and Ctrl-C."""

import os
import signal
import sqlite3
import threading
import time

import numpy as np
import pytest

from refusals import CLOSED, raises
from set_kills import FORK, create, killed_at, number_of, row_of, table_of
from sqlearn.distributed import StoreSet
from sqlearn.distributed.store_set.change import Change
from sqlearn.distributed.store_set.journal import Unfinished
from sqlearn.distributed.store_set.part import Part
from sqlearn.distributed.store_set.set_file import SetFile
from sqlearn.errors import StoreBusyError, StoreCorruptError

needs_fork = pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")


@pytest.fixture
def path(tmp_path):
    create(tmp_path / "set", "numbers", parts=3, n=100)
    return tmp_path / "set"


def ids_of(numbers):
    return [row_of(i)["id"] for i in numbers]


@needs_fork
def test_processes_take_turns(path):
    """Changes of one part and of several, and a new division, by four processes: nothing is lost."""

    def work(worker):
        with StoreSet.open(path, timeout=60.0) as store_set:
            for i in range(5):
                first = 20 * worker + 3 * i
                store_set.forget(ids=ids_of([first]))
                store_set.forget(ids=ids_of([first + 1, first + 2]))
                store_set.learn(table_of({1000 * (worker + 1) + i: "a"}, "numbers"))
            if worker == 1:
                store_set.rebalance(2)

    children = [FORK.Process(target=work, args=(worker,)) for worker in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    with StoreSet.open(path) as store_set:
        assert store_set.verify() and store_set.check_receipts() and store_set.n_parts == 2
        expected = {*range(100)} - {20 * worker + i for worker in range(4) for i in range(15)}
        expected |= {1000 * (worker + 1) + i for worker in range(4) for i in range(5)}
        assert {number_of(id) for id in store_set.ids()} == expected


def test_readers_and_writers(path):
    """A writer's commit waits for readers; who waits too long is told so, and nothing has changed."""
    one, other = StoreSet.open(path, timeout=0.1), StoreSet.open(path, timeout=0.1)
    before = one.digest()
    with other._reading():
        assert one.digest() == before != one.model_without(ids=ids_of([1])).digest()
        for change in (lambda: one.forget(ids=ids_of([1])), lambda: one.forget(ids=ids_of(range(20))), one.compact,
                       lambda: one.rebalance(2)):  # fmt: skip
            with pytest.raises(StoreBusyError, match="in use"):
                change()
    assert one.digest() == before and len(other) == 100
    one.forget(ids=ids_of([1, 2, 3, 4]))
    assert len(other) == 96 and other.digest() == one.digest() != before
    one.rebalance(2)
    assert other.n_parts == 2 and other.digest() == one.digest() and other.verify()
    other.forget(ids=ids_of([5]))
    assert len(one) == 95


def test_a_foreign_reader_of_one_part(path):
    """Some program reads a part's file, so that it cannot be committed: the change is made in no part."""
    reader = sqlite3.connect(path / "part-0-001.sqlearn")
    rows = reader.execute("SELECT * FROM rows")
    rows.fetchone()
    with StoreSet.open(path, timeout=0.1) as store_set:
        before = store_set.digest()
        with pytest.raises(StoreBusyError, match="in use"):
            store_set.learn(table_of(dict.fromkeys(range(200, 230), "a"), "numbers"))
        assert store_set.digest() == before and len(store_set) == 100
        rows.close()
        reader.close()
        store_set.learn(table_of(dict.fromkeys(range(200, 230), "a"), "numbers"))
        assert len(store_set) == 130 and store_set.verify()


@needs_fork
def test_what_another_process_left(path):
    """An open set puts right what a process left that was killed between two commits; and deletes what it left over."""
    with StoreSet.open(path) as store_set:
        steps = 2
        while store_set._journal.read() is None:
            assert killed_at(steps, True, lambda: StoreSet.open(path).forget(ids=ids_of(range(30))))
            steps += 1
        assert len(store_set) == 70 and store_set.verify()
        killed_at(5, True, lambda: StoreSet.open(path).rebalance(4))
        store_set.forget(ids=ids_of([40]))
        assert len([*path.glob("part-*.sqlearn")]) == store_set.n_parts
        assert len(store_set) == 69 and store_set.verify()


def test_reading_while_a_set_is_changed(path):
    """Who reads sees what was before, until it is committed; a second writer waits."""
    one, other = StoreSet.open(path), StoreSet.open(path, timeout=0.1)
    before = other.digest()

    def table():
        for first in (200, 240):
            yield table_of(dict.fromkeys(range(first, first + 40), "a"), "numbers")
            assert other.digest() == before and len(other) == 100 and other.verify()
            with StoreSet.open(path, timeout=0.1) as third:
                assert len(third.ids()) == 100
            with pytest.raises(StoreBusyError, match="in use"):
                other.forget(ids=ids_of([1]))

    one.learn(table())
    assert other.digest() == one.digest() != before and len(other) == 180 and other.verify()
    one.rebalance(2, progress=lambda _: other.ids())
    assert other.n_parts == 2 and len(other) == 180


@needs_fork
@pytest.mark.parametrize("parts", [3, 2, 4])
def test_what_was_left_after_it_was_divided_anew(path, parts):
    """A set that was open all the time puts right what was left in the new parts, not in the old ones."""
    with StoreSet.open(path) as store_set:
        with StoreSet.open(path) as other:
            other.rebalance(parts)
        assert killed_at(2, True, lambda: StoreSet.open(path).forget(ids=ids_of(range(30))))
        assert store_set._journal.read() is not None
        assert len(store_set) == 70 and store_set.n_parts == parts and store_set.verify()
    with StoreSet.open(path) as store_set:
        assert {number_of(id) for id in store_set.ids()} == {*range(30, 100)}


@pytest.mark.parametrize("division, part", [(1, 0), (0, 3)])
def test_a_journal_of_other_parts(path, division, part):
    """It is refused, and not emptied."""
    with StoreSet.open(path) as store_set:
        store_set._journal.write(Unfinished(division, 1, "forget", {part: np.array([1])}, {part: b""}))
        for _ in range(2):
            with pytest.raises(StoreCorruptError, match=r"journal.sqlearn.*other parts"):
                store_set.ids()


def test_calls_within_calls(path):
    """From the iterator of a table, or from a callback: refused, and the outer call goes on."""
    store_set = StoreSet.open(path)

    def table():
        with pytest.raises(StoreBusyError, match="busy with another call"):
            store_set.forget(ids=ids_of([1]))
        with pytest.raises(StoreBusyError, match="busy with another call"):
            len(store_set)
        yield table_of({200: "a"}, "numbers")

    assert store_set.learn(table()).count == 1
    assert len(store_set) == 101


@needs_fork
def test_a_set_stays_in_its_process_and_its_thread(path):
    store_set = StoreSet.open(path)

    def child():
        with raises(CLOSED, match="another process"):
            store_set.forget(ids=ids_of([0]))
        store_set.close()

    process = FORK.Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    found = []

    def threaded():
        try:
            store_set.ids()
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=threaded)
    thread.start()
    thread.join()
    assert "another thread" in str(found[0])
    store_set.forget(ids=ids_of([0]))
    assert len(store_set) == 99
    store_set.close()
    store_set.close()
    assert "closed" in repr(store_set)


@pytest.mark.parametrize(
    "place, name, rows, made",
    [
        (Part, "forget_rows", 20, False),
        (Part, "conclude", 20, False),
        (Part, "commit", 20, True),
        (Change, "_commit_all", 20, True),
        (Part, "conclude", 1, False),
        (Part, "commit", 1, True),
    ],
)
def test_ctrl_c(path, monkeypatch, place, name, rows, made):
    """Before the commits it undoes the change; in the midst of them it waits, and says that the change is complete."""
    store_set, original, sent = StoreSet.open(path), getattr(place, name), []

    def interrupted(*given, **named):
        if not sent:
            sent.append(signal.raise_signal(signal.SIGINT) if threading.current_thread() is threading.main_thread()
                        else os.kill(os.getpid(), signal.SIGINT))  # fmt: skip
        return original(*given, **named)

    monkeypatch.setattr(place, name, interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        store_set.forget(ids=ids_of(range(rows)))
    monkeypatch.undo()
    noted = " ".join(getattr(caught.value, "__notes__", []))
    assert ("The change is complete" in noted) == made
    assert len(store_set) == 100 - rows * made and store_set.verify()
    assert len(store_set.receipts()) == 1 + made


def test_ctrl_c_when_it_is_divided_anew(path, monkeypatch):
    """The new parts are in force, and it says so."""
    store_set, divide = StoreSet.open(path), SetFile.divide

    def interrupted(*given):
        signal.raise_signal(signal.SIGINT)
        divide(*given)

    monkeypatch.setattr(SetFile, "divide", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        store_set.rebalance(2)
    assert "The change is complete" in " ".join(caught.value.__notes__)
    assert store_set.n_parts == 2 and len(store_set) == 100 and store_set.verify()


def test_files_that_are_left_over(path, monkeypatch):
    """Who divides a set anew, or opens it, does not fail as another one is at work: its next change deletes them."""
    one, other, tidy = StoreSet.open(path, timeout=0.1), StoreSet.open(path), StoreSet._tidy

    def hindered(store_set):
        with other._file.changing():
            tidy(store_set)

    monkeypatch.setattr(StoreSet, "_tidy", hindered)
    one.rebalance(2)
    monkeypatch.undo()
    assert one.n_parts == 2 and len([*path.glob("part-*.sqlearn")]) == 5
    one.forget(ids=ids_of([0]))
    assert len([*path.glob("part-*.sqlearn")]) == 2 and len(other) == 99


@pytest.mark.parametrize("raised", [ZeroDivisionError, KeyboardInterrupt, GeneratorExit])
def test_an_error_of_ones_own(path, monkeypatch, raised):
    """What a callback or an iterator raises undoes the change in all parts, those that have yet to begin it, too."""
    store_set = StoreSet.open(path)

    def table():
        yield table_of(dict.fromkeys(range(200, 240), "a"), "numbers")
        raise raised

    def slow(part, **given):
        time.sleep(0.05)
        begin(part, **given)

    begin = Part.begin
    monkeypatch.setattr(Part, "begin", slow)

    def told(rows):
        raise LookupError

    before = store_set.digest()
    with pytest.raises(raised):
        store_set.learn(table())
    monkeypatch.undo()
    with pytest.raises(LookupError):
        store_set.forget(where="x > 0", progress=told)
    with pytest.raises(LookupError):
        store_set.rebalance(2, progress=told)
    assert store_set.digest() == before and len(store_set) == 100 and store_set.n_parts == 3
    assert len([*path.glob("part-*.sqlearn")]) == 3
    store_set.learn(table_of(dict.fromkeys(range(200, 240), "a"), "numbers"))
    assert len(store_set) == 140 and store_set.verify()


def test_large_blocks(path, monkeypatch):
    """Rows that come in several blocks, and ids that are written in several batches."""
    monkeypatch.setattr("sqlearn.storage.file.hash_index._WAITING", 50)
    monkeypatch.setattr("sqlearn.storage.changes._AT_ONCE", 40)
    labels = [(i, "ab"[i % 2]) for i in range(300, 900)]
    with StoreSet.open(path) as store_set:
        store_set.learn(table_of(dict(some), "numbers") for some in (labels[:250], labels[250:]))
        assert len(store_set) == 700 and store_set.verify()
        with pytest.raises(ValueError, match=r"in row 3 \(counted from 0\)"):
            store_set.learn(table_of(dict.fromkeys([1001, 1002, 1003, 301, 302], "a"), "numbers"))
        assert len(store_set) == 700 and store_set.verify()
