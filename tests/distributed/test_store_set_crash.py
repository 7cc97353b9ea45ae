"""A set whose process was killed: everything before or everything after, in all parts, and no trace of what is gone."""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from learners import EVERYWHERE
from refusals import ACCESS, EXISTS, MISSING, NOT_A_STORE, raises
from set_kills import (
    CALLS,
    FORK,
    TIED,
    Log,
    attack,
    check,
    create,
    do,
    killed_at,
    row_of,
    table_of,
)
from sqlearn.distributed import StoreSet
from sqlearn.distributed.store_set.set_file import SetFile
from sqlearn.errors import StoreBusyError, StoreCorruptError

KINDS = ["forget ids", "rebalance"]
KINDS += ["learn", "relabel", "forget where", "lift", "replay"] if EVERYWHERE else []
pytestmark = pytest.mark.skipif(FORK is None, reason="needs fork, so that a child costs milliseconds")


@pytest.fixture
def memory_path(tmp_path):
    """A folder in memory where there is one: there calls are quick, so most kills hit the work and not the waiting."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


@pytest.mark.parametrize("model, kills", [("counts", 4), ("encoded", 2)])
def test_killed_at_any_moment(memory_path, model, kills):
    """Kill -9: the set verifies, its rows are those before or after the call. ``make set-kills`` does so 100 times."""
    hit = attack(kills, 0, memory_path / "set", model)
    assert hit["journal left"], "no kill landed within a commit"
    assert sum(hit[kind] > 0 for kind in CALLS) >= 2


def work(path, kind, labels, used, log, seed):
    with StoreSet.open(path) as store_set:
        do(store_set, kind, dict(labels), used, np.random.default_rng(seed), "numbers", log)


def recovered(path):
    StoreSet.open(path).close()


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_every_step(memory_path, kind):
    """Before and after each commit of a change of two parts; the recovery is killed at each of its commits, too."""
    path, log = memory_path / "set", Log(memory_path / "log")
    labels, used, kept, steps, left = create(path, "numbers", parts=2, n=400), 400, [], 0, 0
    with StoreSet.open(path) as store_set:  # so that there is something to lift
        store_set.forget(ids=[f"{TIED}{i:08d}" for i in range(150)])
    labels |= dict.fromkeys(range(150))
    is_killed = True
    while is_killed:
        is_killed = killed_at(steps // 2, steps % 2 == 1, work, path, kind, labels, used, log, steps)
        again = 0
        while is_killed and killed_at(again // 2, again % 2 == 1, recovered, path):
            again += 1
        left += again > 0
        labels, receipts = check(path, "numbers", log, labels, used + 25, kept)
        labels |= dict.fromkeys({*range(used)} - {*labels})
        log.path.unlink()
        kept, used, steps = receipts[-1:], used + 25, steps + 1
    assert steps >= (7 if kind == "rebalance" else 9)
    assert left >= 2, "no step left anything to put right"


def test_killed_while_it_is_made(tmp_path):
    """What an interrupted creation leaves is no set, and the next creation takes its place."""
    path, steps = tmp_path / "set", 0
    while killed_at(steps // 2, steps % 2 == 1, create, path, "numbers", 3):
        with raises(MISSING, match="no set"):
            StoreSet.open(path)
        assert [file.name for file in tmp_path.iterdir()] == ["set.unfinished"]
        steps += 1
    assert steps >= 8
    with StoreSet.open(path) as store_set:
        assert len(store_set) == 60 and store_set.verify()
    assert [file.name for file in tmp_path.iterdir()] == ["set"]


def test_what_fails_is_told_when_the_folder_is_gone(tmp_path, monkeypatch):
    """Another creation, which began at the same moment, may have taken this one's folder for what a crash left."""

    def gone(folder, *given):
        shutil.rmtree(folder)
        return make(folder, *given)

    make = SetFile.create
    monkeypatch.setattr(SetFile, "create", gone)
    with raises(ACCESS, match=r"No store can be created at .*set\.unfinished"):
        create(tmp_path / "set", "numbers")
    assert not [*tmp_path.iterdir()]


def ids_of(numbers):
    return [row_of(i)["id"] for i in numbers]


@pytest.mark.parametrize("moved", [False, True])
def test_a_part_of_another_time(tmp_path, moved):
    """A part is put back from a backup alone while a change waits to be finished: refused, and no row is touched."""
    path, backup = tmp_path / "set", tmp_path / "backup"
    part = path / "part-0-002.sqlearn"
    create(path, "numbers", parts=3, n=100)
    with StoreSet.open(path) as store_set:
        store_set.forget(ids=ids_of(range(20)))
        shutil.copy(part, backup)
        if moved:
            store_set.compact()
        else:
            store_set.forget(ids=ids_of(range(20, 40)))
            store_set.learn(table_of(dict.fromkeys(range(200, 220), "a"), "numbers"))
    assert killed_at(2, True, lambda: StoreSet.open(path).forget(ids=ids_of(range(60, 90))))
    part.with_name(part.name + "-journal").unlink(missing_ok=True)
    shutil.copy(backup, part)
    for _ in range(2):
        with pytest.raises(StoreCorruptError, match=r"part-0-002\.sqlearn is damaged: it is older or newer than"):
            StoreSet.open(path)
    assert part.read_bytes() == backup.read_bytes()


def test_a_part_of_another_time_tells(tmp_path):
    """A part is put back from a backup alone, and half of a change is undone: the receipts tell, and so does verify."""
    path, backup = tmp_path / "set", tmp_path / "backup"
    create(path, "numbers", parts=3, n=100)
    with StoreSet.open(path) as store_set:
        store_set.forget(ids=ids_of(range(5)))
        shutil.copy(path / "part-0-001.sqlearn", backup)
        store_set.forget(ids=ids_of(range(20, 70)))
        assert store_set.verify() and store_set.check_receipts()
    shutil.copy(backup, path / "part-0-001.sqlearn")
    with StoreSet.open(path) as store_set:
        assert "a change of 3 parts is in 2 of them" in store_set.check_receipts().fault
        assert "put back from a backup without the others" in store_set.verify().difference


def test_two_create_one_set(tmp_path):
    """Who comes second is told so, and the first one is not disturbed."""

    def table():
        yield table_of({0: "a"}, "numbers")
        with pytest.raises(StoreBusyError, match="Another process creates"):
            create(tmp_path / "set", "numbers")
        yield table_of({1: "b"}, "numbers")

    from sqlearn.naive_bayes import GaussianNB

    with StoreSet.create(tmp_path / "set", GaussianNB(), table(), target="y", id="id", parts=2) as store_set:
        assert len(store_set) == 2 and store_set.verify()
    assert not (tmp_path / "set.unfinished").exists()
    with raises(NOT_A_STORE, match="no set"):
        StoreSet.open(tmp_path)


@pytest.mark.parametrize("theirs", ["data.csv", "part-0-001.sqlearn/data.csv"])
def test_a_folder_of_somebody_else_is_not_deleted(tmp_path, theirs):
    theirs = tmp_path / "set.unfinished" / theirs
    theirs.parent.mkdir(parents=True)
    theirs.write_text("a,b")
    with raises(EXISTS, match="is of no set of stores"):
        create(tmp_path / "set", "numbers", 2)
    assert theirs.read_text() == "a,b"
    assert not (tmp_path / "set").exists()
