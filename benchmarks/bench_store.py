"""What a store costs: forgetting by id, one by one and many at once, and by a condition; durable and erased each time.

Also a store from a CSV file, beside pandas' ``read_csv`` and a fit in memory, and a whole process of the command line
that forgets. Memory is the peak of a process of its own.

python benchmarks/bench_store.py [--rows N] [--folder DIR]
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import sqlearn
from sqlearn import Store
from sqlearn.linear_model import LogisticRegression
from sqlearn.naive_bayes import GaussianNB
from sqlearn.table_files.files import TableFile

BLOCK = 50_000
COMMAND = [sys.executable, "-m", "sqlearn"]


def frames(rows: int, features: int):
    """A table in blocks, made as it is read."""
    for start in range(0, rows, BLOCK):
        random = np.random.default_rng(start)
        n = min(BLOCK, rows - start)
        frame = {f"x{j}": random.normal(size=n) for j in range(features)}
        frame["y"] = random.integers(0, 2, n)
        yield frame


def timed(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def sync_time(path: Path) -> float:
    """Seconds that writing a page and syncing it takes, median of 100."""
    with path.open("wb", buffering=0) as file:

        def sync():
            file.seek(0)
            file.write(bytes(4096))
            os.fsync(file.fileno())

        return float(np.median([timed(sync)[0] for _ in range(100)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the files go: a real disk, not /tmp in memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print(f"a sync of the disk: {1e3 * sync_time(Path(folder) / 'probe'):.2f} ms, of which a forget waits for six")
        path = Path(folder) / "wide.sqlearn"
        seconds, store = timed(lambda: Store.create(path, GaussianNB(), frames(options.rows, 30), target="y"))
        size = path.stat().st_size / options.rows
        print(f"create, {options.rows:,} rows of 30 features: {seconds:.1f} s, {size:.0f} bytes a row")
        random = np.random.default_rng(1)
        chosen = random.permutation(options.rows)
        times = [timed(lambda id=id: store.forget(ids=[id]))[0] for id in chosen[:500].tolist()]
        print(f"forget one by one: {len(times) / sum(times):,.0f} a second (median {1e3 * np.median(times):.2f} ms)")
        many = chosen[500:20_500]
        seconds, _ = timed(lambda: store.forget(ids=many))
        print(f"forget {len(many):,} in one call: {len(many) / seconds:,.0f} a second")
        seconds, found = timed(store.verify)
        print(f"verify: {seconds:.1f} s ({found})")
        store.close()

        path = Path(folder) / "narrow.sqlearn"
        seconds, store = timed(lambda: Store.create(path, GaussianNB(), frames(options.rows, 9), target="y"))
        print(f"create, {options.rows:,} rows of 10 columns: {seconds:.1f} s")
        seconds, receipt = timed(lambda: store.forget(where="x0 > 2.3263478740408408 and y >= 0"))
        print(f"forget where, {receipt.count:,} of {options.rows:,} rows hit: {seconds:.2f} s")
        store.close()
        text_ids(Path(folder) / "text.sqlearn", options.rows)
        in_rounds(Path(folder) / "rounds.sqlearn", options.rows)
        csv_file(Path(folder), options.rows)
        process(Path(folder))


def text_ids(path: Path, rows: int) -> None:
    """Rows of 11 columns with ids that are text: what making, forgetting many, forgetting all and compacting take."""
    table = []
    for i, frame in enumerate(frames(rows, 11)):
        first = BLOCK * i
        table.append({"id": [f"person-{k:09d}@mail.org" for k in range(first, first + len(frame["y"]))]} | frame)
    seconds, store = timed(lambda: Store.create(path, GaussianNB(), iter(table), target="y", id="id"))
    size = path.stat().st_size / rows
    print(f"create, {rows:,} rows of 11 columns and text ids: {seconds:.1f} s, {size:.0f} bytes per row")
    for where in ("x0 > 1.0027", "true"):
        seconds, receipt = timed(lambda where=where: store.forget(where=where))
        print(f"forget where, {receipt.count:,} rows hit: {seconds:.2f} s")
    seconds, freed = timed(store.compact)
    print(f"compact: {seconds:.2f} s, {freed / 1e6:.0f} MB smaller")
    store.close()


def in_rounds(path: Path, rows: int) -> None:
    """A learner that asks its rows in rounds, with the rows in the file."""
    seconds, store = timed(lambda: Store.create(path, LogisticRegression(), frames(rows, 9), target="y"))
    store.close()
    opening, store = timed(lambda: Store.open(path))
    print(f"create for LogisticRegression, {rows:,} rows of 10 columns: {seconds:.1f} s; open: {1e3 * opening:.1f} ms")
    chosen = np.random.default_rng(2).permutation(rows)[:500].tolist()
    times = [timed(lambda id=id: store.forget(ids=[id]))[0] for id in chosen]
    print(f"forget one by one: mean {1e3 * np.mean(times):.1f} ms, the longest {1e3 * max(times):.0f} ms")
    seconds, receipt = timed(lambda: store.forget(where="x0 > 2.3263478740408408"))
    print(f"forget where, {receipt.count:,} rows hit: {seconds:.2f} s; verify: {timed(store.verify)[0]:.1f} s")
    store.close()


def csv_file(folder: Path, rows: int) -> None:
    """A store from a CSV file of 10 columns; memory for a tenth of the rows, and for all."""
    table = folder / "table.csv"
    for i, frame in enumerate(frames(rows, 9)):
        pd.DataFrame(frame).to_csv(table, mode="a", header=not i, index=False)
    fit = [*COMMAND, "fit", str(table), "--target", "y", "--model", "GaussianNB", "--raw", "--json", "--out"]
    whole, _ = timed(lambda: subprocess.run([*fit, str(folder / "process.sqlearn")], check=True, capture_output=True))

    def create():
        Store.create(folder / "csv.sqlearn", GaussianNB(), TableFile(table).blocks(), target="y").close()

    def in_memory():
        frame = pd.read_csv(table)
        return GaussianNB().fit(frame.drop(columns="y").to_numpy(), frame["y"].to_numpy())

    peer, seconds = timed(in_memory)[0], timed(create)[0]
    print(
        f"a store from {rows:,} rows of CSV: {seconds:.1f} s, {seconds / peer:.1f} times pandas.read_csv and a fit",
        end=" ",
    )
    print(f"in memory ({peer:.2f} s); sqlearn fit, the whole process: {whole:.1f} s")
    for learner, part in itertools.product(("GaussianNB", "LogisticRegression"), (rows // 10, rows)):
        code = (
            "import re, sys; sys.path[:0] = sys.argv[1:2]\n"
            "from bench_store import *\n"
            f"Store.create(sys.argv[2], {learner}(), frames({part}, 9), target='y').close()\n"
            # Linux; getrusage would tell of this process, which was copied before it became the other one
            "print(int(re.search(r'VmHWM:\\s*([0-9]+)', Path('/proc/self/status').read_text())[1]) // 1024)"
        )
        arguments = [str(Path(__file__).parent), str(folder / f"memory{learner}{part}.sqlearn")]
        peak = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
        print(f"memory of a process that creates a store of {part:,} rows for {learner}: {peak.stdout.strip()} MB")


def process(folder: Path) -> None:
    """``sqlearn forget`` as a whole on the Titanic's table."""
    table = Path(sqlearn.__file__).parent / "data" / "titanic.csv"
    fit = [*COMMAND, "fit", str(table), "--target", "survived", "--model", "RidgeClassifier", "--drop", "name", "--out"]
    times = []
    for i in range(5):
        store = str(folder / f"titanic{i}.sqlearn")
        subprocess.run([*fit, store], check=True, capture_output=True)
        forget = [*COMMAND, "forget", store, "--where", "fare = 0 and embarked = 'S'", "--yes"]
        times.append(timed(lambda command=forget: subprocess.run(command, check=True, capture_output=True))[0])
    print(f"sqlearn forget on the Titanic's table, the whole process: {np.median(times):.2f} s")


if __name__ == "__main__":
    main()
