"""What a store costs: forgetting by id, one by one and many at once, and by a condition; durable and erased each time.

python benchmarks/bench_store.py [--rows N] [--folder DIR]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from sqlearn import Store
from sqlearn.naive_bayes import GaussianNB

BLOCK = 50_000


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


if __name__ == "__main__":
    main()
