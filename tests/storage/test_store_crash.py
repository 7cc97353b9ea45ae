"""A killed process leaves before or after; other processes wait or get a clear error; a full disk changes nothing."""

import gc
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from forks import run_forked
from kills import FORK, MODELS, TIED, attack, table_of
from learners import EVERYWHERE
from refusals import ACCESS, CLOSED, EXISTS, FULL, MISSING, NOT_A_STORE, raises
from sqlearn import Store
from sqlearn.errors import SqlearnError, StoreBusyError, StoreCorruptError, StoreError
from sqlearn.linear_model import Ridge
from sqlearn.naive_bayes import GaussianNB, MixedNB
from sqlearn.storage.file import Database, SavedModel
from tiny_rounds import cut

needs_fork = pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")
KILLS = 60 if EVERYWHERE else 12  # in memory; fewer on a disk, where calls wait for it, so nearly all are in the middle


@pytest.fixture
def memory_path(tmp_path):
    """A folder in memory where there is one: there calls are quick, so most kills hit the work and not the waiting."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*(did not come to rest|has no minimum)")
@pytest.mark.parametrize(
    "folder, model, kills",
    [
        ("tmp_path", "counts", KILLS // 2),
        ("memory_path", "counts", KILLS),
        ("memory_path", "rounds", KILLS // 2),
        ("memory_path", "text", KILLS // 2),
        ("memory_path", "tastes", KILLS // 3),
    ],
)
def test_killed_at_any_moment(folder, model, kills, request, monkeypatch):
    """Kill -9: the store verifies, its chain holds, and of rows that are gone no byte is in the files.

    ``make kills`` does so 10,000 times.
    """
    cut(monkeypatch)
    path = request.getfixturevalue(folder) / "a.sqlearn"
    hit = attack(kills, 0, path, MODELS[model])
    assert hit["journal left"], "no kill landed within a commit"
    assert len(hit) > 4


@needs_fork
def test_killed_while_it_is_made(tmp_path):
    """What an interrupted creation leaves is no store, and has nothing in it once it was looked at."""

    def endless():
        for block in range(10**9):
            yield table_of(range(2000 * block, 2000 * (block + 1)))

    path = tmp_path / "a.sqlearn"
    child = FORK.Process(target=Store.create, args=(path, MixedNB(), endless()), kwargs={"target": "y", "id": "id"})
    child.start()
    deadline = time.monotonic() + 600
    while not path.exists():  # however slow the machine is
        assert time.monotonic() < deadline and child.is_alive()
        time.sleep(0.001)
    time.sleep(random.random())
    child.kill()
    child.join()
    table = table_of(range(50))
    with raises(EXISTS, match="It is empty: if the creation of a store was interrupted there, .* may be deleted"):
        Store.create(path, MixedNB(), table, target="y", id="id")
    with raises(NOT_A_STORE, match="interrupted"):
        Store.open(path)
    assert all(TIED.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    path.unlink()
    with Store.create(path, MixedNB(), table, target="y", id="id") as store:
        assert store.verify() and len(store) == 50


def test_what_may_not_be_deleted(tmp_path):
    """A file in which a store is being made, that of a store, another one, a folder."""
    given = GaussianNB(), {"x": [1.0, 2.0], "y": [0, 1]}
    path = tmp_path / "a.sqlearn"

    def refused(path):
        with raises(EXISTS, match="a file at [^ ]*. Choose another path, or delete it first"):
            Store.create(path, *given, target="y")

    def frames():
        yield given[1]
        yield given[1]
        refused(path)  # as another process would be

    Store.create(path, given[0], frames(), target="y").close()
    refused(path)
    (tmp_path / "a.txt").write_text("a text\n")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "a.txt")
    refused(tmp_path / "folder")
    if Path("/dev/null").exists():
        refused(Path("/dev/null"))
    with Store.open(path) as store:
        assert len(store) == 4 and store.verify()


@needs_fork
def test_processes_take_turns(tmp_path):
    """Several processes write to one file: nothing is lost."""
    path = tmp_path / "a.sqlearn"
    Store.create(path, GaussianNB(), {"x": np.arange(100.0), "y": np.arange(100) % 2}, target="y").close()

    def work(worker):
        with Store.open(path, timeout=60.0) as store:
            for i in range(10):
                store.forget(ids=[20 * worker + i])
                store.learn({"x": [1000.0 * worker + i], "y": [0]})

    children = [FORK.Process(target=work, args=(worker,)) for worker in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    with Store.open(path) as store:
        assert len(store.receipts()) == 81 and store.check_receipts() and store.verify()
        assert len(store) == 100
        learned = [1000.0 * worker + i for worker in range(4) for i in range(10)]
        assert len(store.ids(where="id >= 100")) == 40
        assert store.ids(where="id < 100") == [i for i in range(100) if i >= 80 or i % 20 >= 10]
        assert len(store.ids(where=" or ".join(f"x = {x}" for x in learned[10:]))) == 30


def test_a_reader_makes_the_writer_wait(tmp_path):
    """A commit while somebody reads would leave what the reader needs: so it waits, or nothing happens."""
    path = tmp_path / "a.sqlearn"
    writer = Store.create(path, Ridge(), {"x": [1.0, 2.0, 4.25], "y": [1.0, 2.0, 3.0]}, target="y", timeout=0.1)
    reader = sqlite3.connect(path)
    rows = reader.execute("SELECT * FROM rows")
    rows.fetchone()
    before = writer.digest()
    with pytest.raises(StoreBusyError, match="in use"):
        writer.forget(ids=[2])
    assert writer.digest() == before and writer.ids() == [0, 1, 2] and writer.verify()
    rows.close()
    reader.close()
    writer.forget(ids=[2])
    assert writer.erasure_report(values=[4.25]) and writer.verify()
    with Store.open(path, timeout=0.1) as other, writer._database.writing():
        with pytest.raises(StoreBusyError):
            other.learn({"x": [1.0], "y": [2.0]})
        assert other.ids() == [0, 1]


@needs_fork
def test_a_store_stays_in_its_process(tmp_path):
    store = Store.create(tmp_path / "a", Ridge(), {"x": [1.0, 2.0], "y": [1.0, 2.0]}, target="y")

    def child():
        with raises(CLOSED, match="another process"):
            store.forget(ids=[0])
        store.close()

    process = FORK.Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == 0
    store.forget(ids=[0])
    assert store.ids() == [1]


@pytest.mark.parametrize("room", [0, 3, 30])
def test_a_full_disk_changes_nothing(tmp_path, room):
    random = np.random.default_rng(0)
    table = {f"x{j}": random.normal(size=200) for j in range(30)} | {"y": random.integers(0, 2, 200)}
    store = Store.create(tmp_path / "a", GaussianNB(), table, target="y")
    before = store.digest()
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages + room}")
    more = {name: np.tile(column, 20) for name, column in table.items()}
    with raises(FULL, match="make room"):
        store.learn(more)
    assert store.digest() == before and len(store) == 200 and store.verify() and store.check_receipts()
    store.forget(ids=list(range(100)))
    assert len(store) == 100 and store.verify()


LIMITED = """
import resource
from sqlearn import Store
from sqlearn.errors import StoreError
store = Store.open("a")
before = store.digest()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    store.forget(where="x0 > 0")
except StoreError as error:
    print(error.reason)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.digest() == before and store.verify() and store.check_receipts()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs setrlimit")
def test_a_journal_that_cannot_be_written(tmp_path):
    """Forgetting takes room too: the journal. Writing it fails half way, and nothing has changed."""
    random = np.random.default_rng(0)
    table = {f"x{j}": random.normal(size=2000) for j in range(30)} | {"y": random.integers(0, 2, 2000)}
    Store.create(tmp_path / "a", GaussianNB(), table, target="y").close()
    exit_code, reason, trouble = run_forked(LIMITED, tmp_path)
    assert exit_code == 0, trouble
    assert reason.strip() in ("full", "access")
    with Store.open(tmp_path / "a") as store:
        assert store.verify() and len(store) == 2000


def test_a_store_that_another_process_makes(tmp_path):
    """It is empty to all others, and must not be called a file that may be deleted."""
    path, table = tmp_path / "a.sqlearn", table_of(range(50))

    def blocks():
        yield table
        for _ in range(2):
            with pytest.raises(StoreBusyError, match=r"Another process makes a store at .*a\.sqlearn\. Nothing was"):
                Store.open(path, timeout=0.1)
        yield table_of(range(50, 60))

    with Store.create(path, MixedNB(), blocks(), target="y", id="id") as store:
        assert len(store) == 60 and store.verify()
    with Store.open(path) as store:
        assert len(store) == 60


def test_files_that_are_no_store(tmp_path):
    path = tmp_path / "a"
    with raises(MISSING, match="no file"):
        Store.open(path)
    assert not path.exists()
    path.write_bytes(b"id,age\n1,22\n" * 500)
    with pytest.raises(StoreError, match="not a store"):
        Store.open(path)
    path.write_bytes(b"")
    with raises(NOT_A_STORE, match="empty"):
        Store.open(path)
    path.write_bytes(b"1")
    with raises(NOT_A_STORE, match=r"Pass a file that Store\.create"):
        Store.open(path)
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("PRAGMA application_id = 99")
    other.close()
    with raises(NOT_A_STORE, match=r"Pass a file that Store\.create"):
        Store.open(path)
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (a)")
    other.close()
    with raises(NOT_A_STORE, match=r"Store\.create"):
        Store.open(path)
    with raises(ACCESS):
        Store.create(tmp_path / "no" / "folder", Ridge(), {"x": [1.0], "y": [1.0]}, target="y")


@pytest.mark.parametrize(("version", "advice"), [(7, "update sqlearn"), (1, ".*with sqlearn upgrade OLD --out NEW")])
def test_another_format(version, advice, tmp_path):
    store = Store.create(tmp_path / "a", Ridge(), {"x": [1.0], "y": [1.0]}, target="y")
    store._database.execute(f"PRAGMA user_version = {version}")
    store.close()
    content = (tmp_path / "a").read_bytes()
    with pytest.raises(StoreError, match=f"format {version};.* {advice}"):
        Store.open(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == content


def test_damaged_files(tmp_path):
    """Cut short or overwritten anywhere: a clear error, or what was read verifies all the same or is found wanting."""
    random = np.random.default_rng(0)
    table = {"id": [f"id {i}" for i in range(300)], "x": random.normal(size=300), "y": random.normal(size=300)}
    Store.create(tmp_path / "a", Ridge(), table, target="y", id="id").close()
    whole = (tmp_path / "a").read_bytes()
    for length in (*range(4096, len(whole), 4096), 100, 5000):
        (tmp_path / "a").write_bytes(whole[:length])
        with raises(StoreCorruptError, NOT_A_STORE):
            Store.open(tmp_path / "a").verify()
    errors = 0
    for _ in range(60):
        at = int(random.integers(len(whole)))
        (tmp_path / "a").write_bytes(whole[:at] + random.bytes(8) + whole[at + 8 :])
        try:
            with Store.open(tmp_path / "a", timeout=0.1) as store:
                if not (store.verify() and store.check_receipts()):
                    errors += 1
                store.forget(ids=store.ids()[:1])
        except StoreError:
            errors += 1
        assert len(list(tmp_path.iterdir())) <= 2
    assert errors > 5
    (tmp_path / "a").write_bytes(whole)
    state = whole.index(b'"learner"')
    (tmp_path / "a").write_bytes(whole[:state] + b"'" + whole[state + 1 :])
    with pytest.raises(StoreCorruptError, match="place 1 of 'state'"):
        Store.open(tmp_path / "a")


def test_damage_is_never_a_traceback_of_something_else(tmp_path):
    """Bytes that say something are overwritten, and everything is tried: it is refused in sqlearn's words, or works."""
    random = np.random.default_rng(5)
    words = [f"w{i % 20}" for i in range(100)]
    table = {"id": [f"id{i}" for i in range(100)], "x": random.normal(size=100), "w": words, "y": words[::-1]}
    Store.create(tmp_path / "a", MixedNB(), table, target="y", id="id").close()
    whole = (tmp_path / "a").read_bytes()
    telling = np.flatnonzero(np.frombuffer(whole, np.uint8))
    refused = 0
    for _ in range(300):
        at = int(random.choice(telling[telling < 8192] if random.random() < 0.3 else telling))
        (tmp_path / "a").write_bytes(whole[:at] + random.bytes(4) + whole[at + 4 :])
        try:
            with Store.open(tmp_path / "a", timeout=0.1) as store:
                store.verify()
                store.check_receipts()
                store.erasure_report(values=["id3"])
                store.forget(where="x > 0")
                store.relabel(ids=store.ids()[:1], to="w1", new=True)
                store.learn({"id": ["new"], "x": [1.0], "w": ["w2"], "y": ["w3"]})
                store.predict({"x": [1.0], "w": ["w2"]})
        except SqlearnError:
            refused += 1
    assert refused > 50


class Foreign(Ridge):
    """A learner of somebody else."""


def test_a_learner_from_elsewhere_is_not_imported(tmp_path):
    Store.create(tmp_path / "a", Foreign(), {"x": [1.0, 2.0], "y": [1.0, 2.0]}, target="y").close()
    assert type(Store.open(tmp_path / "a").model) is Foreign  # its module is imported
    code = f"from sqlearn import Store; Store.open({str(tmp_path / 'a')!r})"
    told = run_forked(code, tmp_path)[2].splitlines()[-1]
    assert told.startswith("sqlearn.errors.FormatError") and "Import test_store_crash first if you trust it" in told
    code = f"import sys, types; sys.modules['test_store_crash'] = types.ModuleType('test_store_crash'); {code}"
    told = run_forked(code, tmp_path)[2].splitlines()[-1]
    assert told.startswith("sqlearn.errors.FormatError") and "test_store_crash has no Foreign here" in told


def test_a_learner_of_the_program_itself(tmp_path):
    path = str(tmp_path / "a")
    define = "from sqlearn import Store\nfrom sqlearn.naive_bayes import GaussianNB\nclass Here(GaussianNB): pass\n"
    make = f"Store.create({path!r}, Here(), {{'x': [1.0, 2.0], 'y': [0, 1]}}, target='y').close()\n"
    look = f"print(Store.open({path!r}).model_name)\n"
    assert run_forked(define + make + look, tmp_path)[1] == "Here\n"
    told = run_forked("from sqlearn import Store\n" + look, tmp_path)[2].splitlines()[-1]
    assert told.startswith("sqlearn.errors.FormatError: The store") and "Define the class in this program first" in told
    more = define.replace(": pass", ":\n    def __init__(self, more=1):\n        self.more = more\n")
    told = run_forked(more + look, tmp_path)[2].splitlines()[-1]
    assert told.startswith("sqlearn.errors.FormatError") and "has a parameter more" in told


@pytest.fixture
def no_gc_callbacks():
    """A signal's exception that meets a callback of the collector's, such as Hypothesis' own, is dropped by Python."""
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = callbacks


@pytest.mark.usefixtures("no_gc_callbacks")
def test_ctrl_c_changes_nothing(tmp_path):
    """An interrupt during a condition, between blocks and before the commit; not one of them is lost."""
    table = {"x": np.arange(30_000.0), "y": np.arange(30_000) % 2}
    store = Store.create(tmp_path / "a", GaussianNB(), table, target="y")
    condition = "abs(x * 2) >= 0 and " * 60 + "x >= 0"
    for delay in (0.001, 0.01, 0.03, 0.06, 0.1, 0.2):
        sent, after = threading.Event(), 0

        def interrupt(sent=sent):
            os.kill(os.getpid(), signal.SIGINT)
            sent.set()

        timer = threading.Timer(delay, interrupt)
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            while after < 3:  # it arrives in the call that is under way, or in the next one
                after += sent.is_set()
                store.forget(where=condition, dry_run=True)
                change(store)
        timer.join()
        assert store.verify() and store.check_receipts()
        balance = sum(r.count * {"forget": -1}.get(r.kind, 1) for r in store.receipts())
        assert len(store) == len(store.ids()) == balance


@pytest.mark.usefixtures("no_gc_callbacks")
@pytest.mark.parametrize("step, made", [((SavedModel, "save"), False), ((Database, "_flush"), True)])
def test_ctrl_c_shortly_before_the_commit(tmp_path, monkeypatch, step, made):
    """Until the commit begins it undoes the change; after that it is raised when the change is made, and says so."""
    table = {"id": [1, 2, 3], "x": [1.0, 2.0, 3.0], "y": [0, 1, 1]}
    store = Store.create(tmp_path / "a", GaussianNB(), table, target="y", id="id", suppress=True)
    place, name = step
    original = getattr(place, name)

    def interrupted(*args):
        found = original(*args)
        signal.raise_signal(signal.SIGINT)
        return found

    changes = (
        lambda: store.learn({"id": [4], "x": [4.0], "y": [0]}),
        lambda: store.relabel(ids=[2], to=0),
        lambda: store.forget(ids=[1]),
    )
    for change in changes:
        before = store.receipts()
        with monkeypatch.context() as patched:
            patched.setattr(place, name, interrupted)
            with pytest.raises(KeyboardInterrupt) as caught:
                change()
        noted = " ".join(getattr(caught.value, "__notes__", []))
        assert ("The change is complete" in noted) == made
        assert len(store.receipts()) == len(before) + made
        assert store.verify()
    assert len(store) == 3


def change(store):
    store.forget(where="abs(x) % 7 = 0 and x < 10000")
    store.learn({"x": np.arange(0.0, 10_000.0, 7.0), "y": np.zeros(1429)})
