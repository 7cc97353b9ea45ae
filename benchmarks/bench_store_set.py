"""What a set of stores costs beyond one store: creating, forgetting one row and many, with and without syncs.

With --rounds, of a learner that makes rounds over its rows; each row is forgotten, and then one is predicted.

Times are medians; the processors' time of the process is beside the time on the clock. Syncs are counted by the
system's own calls, where strace is installed, or else left out.

python benchmarks/bench_store_set.py [--rows N] [--parts N] [--rounds] [--folder DIR]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np

from sqlearn import Store
from sqlearn.distributed import StoreSet
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import GaussianNB

BLOCK = 50_000
FEATURES = 10
MANY = 10_000


def frames(rows: int):
    """A table in blocks, made as it is read."""
    for start in range(0, rows, BLOCK):
        random = np.random.default_rng(start)
        n = min(BLOCK, rows - start)
        frame = {"id": np.arange(start, start + n)} | {f"x{j}": random.normal(size=n) for j in range(FEATURES)}
        frame["y"] = random.integers(0, 2, n)
        yield frame


def timed(call):
    """Seconds on the clock, and of the processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - cpu


def told(what: str, times) -> tuple[float, float]:
    wall, cpu = (float(np.median(column)) for column in zip(*times, strict=True))
    print(f"  {what:44s} {wall * 1e3:10.2f} ms  ({cpu * 1e3:.2f} ms of processors)")
    return wall, cpu


def forget_many(stores, batches, name) -> tuple[float, float]:
    """Forget the same rows of a store and of a set in turns; how many times the store's the set's times are."""
    for store in stores.values():  # so that what was opened has read its models
        store.digest()
    times = [[timed(lambda: store.forget(ids=batch)) for store in stores.values()] for batch in batches]  # noqa: B023
    store, a_set = (
        told(f"forget {MANY:,} rows of a {what}", column)
        for what, column in zip(("store", name), zip(*times, strict=True), strict=True)
    )
    ratios = a_set[0] / store[0], a_set[1] / store[1]
    print(f"  the set's time is {ratios[0]:.2f} times the store's, {ratios[1]:.2f} in processors' time")
    return ratios


SYNCS = """
import sys
from sqlearn import Store
from sqlearn.distributed import StoreSet
opened = (StoreSet if sys.argv[1] == "set" else Store).open(sys.argv[2])
opened.forget(ids=int(sys.argv[3]))
print("begin", file=sys.stderr, flush=True)
opened.forget(ids=[int(id) for id in sys.argv[4].split(",")])
print("end", file=sys.stderr, flush=True)
"""


def syncs(kind: str, path: Path, first: int, ids: list[int]) -> int:
    """How often a call asks the system to bring a file to the disk."""
    with tempfile.NamedTemporaryFile() as log:
        command = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-o", log.name, sys.executable, "-c", SYNCS]
        given = [kind, str(path), str(first), ",".join(map(str, ids))]
        subprocess.run([*command, *given], check=True, capture_output=True)
        lines = Path(log.name).read_text("utf-8").splitlines()
    begin, end = (next(i for i, line in enumerate(lines) if f'"{word}' in line) for word in ("begin", "end"))
    return sum("sync(" in line for line in lines[begin:end])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--parts", type=int, default=16)
    parser.add_argument("--single", type=int, default=60, help="how often one row is forgotten")
    parser.add_argument("--folder", default=None)
    parser.add_argument("--rounds", action="store_true", help="LogisticRegression in place of GaussianNB")
    given = parser.parse_args()
    learner = LogisticRegression() if given.rounds else GaussianNB()
    predict = {f"x{j}": np.zeros(1) for j in range(FEATURES)}
    print(f"{given.rows:,} rows of {FEATURES} features, {given.parts} parts, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        paths = {"store": Path(folder) / "one", "set": Path(folder) / "set"}
        named = {"target": "y", "id": "id"}
        warm = Path(folder) / "warm"
        StoreSet.create(warm, learner, frames(1000), **named, parts=2).forget(ids=[1, 2])
        makers = {
            "store": lambda: Store.create(paths["store"], learner, frames(given.rows), **named).close(),
            "set": lambda: StoreSet.create(
                paths["set"], learner, frames(given.rows), **named, parts=given.parts
            ).close(),
        }
        for name, make in makers.items():
            told(f"create a {name}", [timed(make)])
        stores = {"store": Store.open(paths["store"]), "set": StoreSet.open(paths["set"])}
        random = np.random.default_rng(0)
        ids = random.permutation(given.rows)[: 2 * given.single + 6 * MANY].tolist()
        singles, rest = ids[: given.single], ids[2 * given.single :]
        times = {name: [] for name in stores}

        def forget_one(store, id):
            store.forget(ids=id)
            if given.rounds:
                store.predict(predict)

        for id in singles:  # in turns, so that both meet the same load
            for name, store in stores.items():
                times[name].append(timed(lambda store=store, id=id: forget_one(store, id)))
        for name in stores:
            told(f"forget one row of a {name}", times[name])
        extra = [(a[0] - b[0], a[1] - b[1]) for a, b in zip(times["set"], times["store"], strict=True)]
        told("the set beyond the store", extra)
        batches = [rest[start : start + MANY] for start in range(0, 6 * MANY, MANY)]
        two = forget_many(stores, batches[:3], "set")
        stores["set"].close()
        with mock.patch("os.cpu_count", return_value=1):
            stores["set"] = StoreSet.open(paths["set"])
        one = forget_many(stores, batches[3:], "set in one thread")
        speed_up, most = one[0] / two[0], 1.3
        print(f"  threads are {speed_up:.2f} times as fast as one: the goal is {most / speed_up:.2f} times the store's")
        assert stores["set"].digest() == stores["store"].digest()
        for name, store in stores.items():
            told(f"predict one row after a change, {name}", [timed(lambda store=store: store.predict(predict))])
            told(
                f"predict one row again, {name}", [timed(lambda store=store: store.predict(predict)) for _ in range(9)]
            )
            store.close()
        for name, kind in {"store": Store, "set": StoreSet}.items():
            with kind.open(paths[name]) as store:  # so that all code has run
                store.predict(predict)
            told(
                f"open and predict one row, {name}",
                [timed(lambda kind=kind, name=name: kind.open(paths[name]).predict(predict))],
            )
        if shutil.which("strace"):
            left = ids[given.single : 2 * given.single]
            for name, path in paths.items():
                print(f"  syncs of a {name}: {syncs(name, path, left[0], left[1:2])} to forget one row, "
                      f"{syncs(name, path, left[2], left[3:53])} to forget 50")  # fmt: skip


if __name__ == "__main__":
    main()
