"""Processes that change a set of stores and are killed at any moment: all parts before or all after, nothing between.

python tests/long/set_kills.py [COUNT] [SEED] [KIND]: of that kind alone, such as forget, where there are rows enough
"""

import json
import os
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from kills import FORK, TIED
from sqlearn import Store
from sqlearn.compose import TableModel
from sqlearn.distributed import StoreSet
from sqlearn.linear_model import LogisticRegression, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MixedNB
from sqlearn.storage.file import Database
from sqlearn.storage.upkeep.erasure import search

MODELS = {
    "counts": MixedNB(),
    "encoded": TableModel(RidgeClassifier()),
    "numbers": GaussianNB(),
    "rounds": LogisticRegression(),
}
OF_NUMBERS = "numbers", "rounds"
CALLS = ("learn", "forget ids", "forget one", "forget where", "relabel", "lift", "replay", "compact", "rebalance")
WEIGHTS = [0.3, 0.15, 0.05, 0.15, 0.15, 0.05, 0.05, 0.05, 0.05]
HARD = (1e12, -1e12, 1e300, -1e300, 5e-324, -0.0, 0.1)  # beside those that tell rows apart


def row_of(i):
    word = f"{TIED}W{i:08d}" if i % 2 else f"some{i % 3}"
    return {"id": f"{TIED}{i:08d}", "x": 1e7 + i / 7, "z": HARD[i % len(HARD)], "word": word}


def table_of(labels, model):
    """Rows by number, with their labels."""
    rows = [row_of(i) | {"y": y} for i, y in labels.items()]
    names = [name for name in rows[0] if name != "word" or model not in OF_NUMBERS]
    if model == "rounds":  # values that it can take
        rows = [row | {"z": float(np.sign(row["z"]))} for row in rows]
    return {name: [row[name] for row in rows] for name in names}


def label_of(i):
    return "ab"[i % 2]


def number_of(id):
    return int(id[len(TIED) :])


def create(path, model, parts=4, n=60):
    labels = {i: label_of(i) for i in range(n)}
    StoreSet.create(
        path, MODELS[model], table_of(labels, model), target="y", id="id", parts=parts, suppress=True
    ).close()
    return labels


class Log:
    """What a process was about to do and has done: a line each, which survives its end.

    A line has the numbers of rows and their labels after the call, null where they are gone.
    """

    def __init__(self, path):
        self.path = path

    def write(self, what, changed):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps([what, {str(i): y for i, y in changed.items()}]) + "\n")

    def replayed(self, labels):
        """The rows after the calls that returned; those after the one that did not, too, or None."""
        before, after = dict(labels), None
        for line in self.path.read_text("utf-8").splitlines() if self.path.exists() else []:
            what, changed = json.loads(line)
            if what == "begin":
                after = before | {int(i): y for i, y in changed.items()}
            else:
                before, after = after, None
        kept = [{i: y for i, y in rows.items() if y is not None} for rows in (before, after) if rows is not None]
        return kept[0], kept[1] if after is not None else None


def call(store_set, kind, labels, used, random, model):
    """One change: yields what it is to change, and then makes it."""
    held = sorted(i for i, y in labels.items() if y is not None)
    if kind == "learn":  # so many rows each time that they lie in several parts, whatever the key
        new = {i: label_of(i) for i in range(used, used + int(random.integers(12, 25)))}
        yield new
        store_set.learn(table_of(new, model))
    elif kind in ("forget ids", "forget one"):
        some = random.choice(held, 1 if kind == "forget one" else int(random.integers(12, 20)), replace=False).tolist()
        yield dict.fromkeys(some)
        store_set.forget(ids=[row_of(i)["id"] for i in some])
    elif kind == "forget where":
        first = int(random.integers(len(held) - 24))
        some = held[first : first + 24]
        yield {i: None for i in some if labels[i] == "a"}
        store_set.forget(where=f"x >= {row_of(some[0])['x']!r} and x <= {row_of(some[-1])['x']!r} and y = 'a'")
    elif kind == "relabel":
        some, to = random.choice(held, 24, replace=False).tolist(), "ab"[random.integers(2)]
        yield dict.fromkeys(some, to)
        store_set.relabel(ids=[row_of(i)["id"] for i in some], to=to, new=True)
    elif kind == "lift":  # of what is not there, so that the rows stay
        gone = sorted({*range(used)} - {*held})
        listed = {row.tobytes().hex(): i for i, row in zip(gone, _hashes(store_set, gone), strict=True)}
        some = [listed[hash] for hash in store_set.suppressed().hashes if hash in listed][:12]
        yield {}
        if some:
            store_set.lift([row_of(i)["id"] for i in some])
    elif kind == "replay":  # of a list that names rows which are here still
        some = random.choice(held, 12, replace=False).tolist()
        yield dict.fromkeys(some)
        known = store_set.suppressed()
        hashes = [row.tobytes().hex() for row in _hashes(store_set, some)]
        store_set.replay(replace(known, hashes=(*known.hashes, *hashes)))
    else:
        yield {}
        store_set.compact() if kind == "compact" else store_set.rebalance(int(random.integers(2, 6)))


def _hashes(store_set, numbers):
    return store_set._ids.hashes_of_given([row_of(i)["id"] for i in numbers])[1]


def do(store_set, kind, labels, used, random, model, log, shared=None):
    """One change, logged; `shared` is told when it begins, and how long it took."""
    steps = call(store_set, kind, labels, used, random, model)
    changed = next(steps)
    log.write("begin", changed)
    began = time.perf_counter()
    if shared:
        shared.calls.value += 1
    next(steps, None)
    if shared:
        shared.took.value = time.perf_counter() - began
    log.write("end", changed)
    return changed


def work_until_killed(path, model, labels, seed, log, shared, only):
    """Call whatever writes, or only calls of one kind, at random."""
    weights = np.array([w * kind.startswith(only) for w, kind in zip(WEIGHTS, CALLS, strict=True)])
    random, used = np.random.default_rng(seed), shared.used.value
    with StoreSet.open(path) as store_set:
        while True:
            kind = CALLS[random.choice(len(CALLS), p=weights / weights.sum())]
            kind = "learn" if sum(y is not None for y in labels.values()) < 40 else kind
            shared.kind.value, shared.used.value = CALLS.index(kind), used + 25
            labels |= do(store_set, kind, labels, used, random, model, log, shared)
            used = shared.used.value


class Shared:
    """What the process at work tells the one that kills it; see kills.py."""

    def __init__(self):
        self.used, self.calls, self.kind = (FORK.RawValue("q", value) for value in (60, 0, 0))
        self.took = FORK.RawValue("d", 0.005)


class Content:
    """A file's bytes, to be searched."""

    def __init__(self, path):
        self.name, self._content = path.name, path.read_bytes()
        self.size = len(self._content)

    def read(self, start, n):
        return self._content[start : start + n]


def traces_of(numbers):
    for i in numbers:
        row = row_of(i)
        yield from (row["id"].encode(), struct.pack("<d", row["x"]))
        if i % 2:
            yield row["word"].encode()


def check(path, model, log, labels, used, kept):
    """Open the set, and assert that it is whole, and what one call or the other made it. Returns rows and receipts."""
    before, after = log.replayed(labels)
    with StoreSet.open(path) as store_set:
        assert store_set.verify()
        assert store_set.check_receipts(kept)
        receipts = store_set.receipts()
        found = {number_of(id): y for y in "ab" for id in store_set.ids(where=f"y = '{y}'")}
        assert found in (before, after)
        assert len(store_set) == len(found)
        last = receipts[max(i for i, receipt in enumerate(receipts) if receipt.kind == "create") :]
        assert sum(r.count * {"forget": -1, "relabel": 0, "lift": 0}.get(r.kind, 1) for r in last) == len(found)
        assert store_set.erasure_report().residue == 0
        assert store_set._journal.read() is None
        digest = store_set.digest()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        with Store.create(Path(folder) / "one", MODELS[model], table_of(found, model), target="y", id="id") as store:
            assert store.digest() == digest
    gone = {*range(used)} - {*found}
    files = [Content(file) for file in path.iterdir()]
    assert not list(search(files, dict.fromkeys(traces_of(gone), ())))
    assert len(list(search(files, dict.fromkeys(traces_of(found), ())))) >= 2 * len(found)
    assert not [file for file in path.iterdir() if not file.name.startswith(("set.", "journal.", "trace.", "part-"))]
    return found, receipts


def attack(kills, seed, path, model, only=""):
    """Make a set, and kill so many processes that work on it. Returns how many were within a call of each kind.

    More are killed until one was within a commit, and some within two kinds of calls if there are several.
    """
    labels, log = create(path, model), Log(path.with_name("log"))
    random = np.random.default_rng(seed)
    shared, kept, hit = Shared(), [], Counter()
    for kill in range(100 * kills):
        if kill >= kills and hit["journal left"] and (only or sum(hit[kind] > 0 for kind in CALLS) > 1):
            break
        shared.calls.value, wanted, deadline = 0, random.integers(1, 4), time.monotonic() + 600
        given = (path, model, dict(labels), [seed, kill], log, shared, only)
        child = FORK.Process(target=work_until_killed, args=given)
        child.start()
        while shared.calls.value < wanted:  # however slow the machine is
            assert time.monotonic() < deadline and child.is_alive()
            time.sleep(2e-4)
        time.sleep(random.random() * shared.took.value)
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        hit[CALLS[shared.kind.value]] += 1
        hit["journal left"] += any(file.stat().st_size > 0 for file in path.glob("*-journal"))
        hit["change left"] += b"\0" * 8 != _unfinished(path)
        labels, receipts = check(path, model, log, labels, shared.used.value, kept)
        log.path.unlink(missing_ok=True)
        kept = receipts[-1:]
    return hit


def _unfinished(path):
    """Whether the journal of the set has a change, as eight bytes; a copy is read, so that nothing is put right."""
    with tempfile.TemporaryDirectory() as folder:
        for file in path.glob("journal.sqlearn*"):
            (Path(folder) / file.name).write_bytes(file.read_bytes())
        database = Database.open(Path(folder) / "journal.sqlearn", 1.0, of_set=True)
        with database.reading():
            (n,) = database.execute("SELECT count(*) FROM unfinished").fetchone()
        database.close()
        return struct.pack("<q", n)


def killed_at(step, after, work, *given):
    """Do something in a process that is killed before, or just `after`, its commit of this number. Whether it was."""

    def until_killed():
        commits, execute = [0], Database.execute

        def counted(database, statement, values=()):
            commits[0] += statement == "COMMIT"
            if statement == "COMMIT" and commits[0] > step:
                if after:
                    execute(database, statement, values)
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)  # of another thread
            return execute(database, statement, values)

        Database.execute = counted
        work(*given)

    child = FORK.Process(target=until_killed)
    child.start()
    child.join(600)
    assert child.exitcode in (0, -signal.SIGKILL), child.exitcode
    return child.exitcode != 0


def main():
    warnings.simplefilter("ignore")
    count, seed, only = (*sys.argv[1:], *("100", "0", "")[len(sys.argv) - 1 :])
    hit = Counter()
    shared = Path("/dev/shm")
    for place in (None, shared if os.access(shared, os.W_OK) else None):
        for model in MODELS:
            with tempfile.TemporaryDirectory(dir=place) as folder:
                began, kills = time.perf_counter(), -(-int(count) // (2 * len(MODELS)))
                hit += attack(kills, int(seed), Path(folder) / "set", model, only)
                print(f"{model} in {folder}: {kills:,} kills in {time.perf_counter() - began:.0f} s", flush=True)
    print("all whole; killed within: " + ", ".join(f"{kind} {n:,}" for kind, n in hit.most_common()))


if __name__ == "__main__":
    main()
