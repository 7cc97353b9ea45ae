"""`sqlearn.distributed.fit` of Parquet files by two workers of Dask, beside two processes without any connection.

    make bench BENCH=distributed                                   # 1e6 rows
    make bench BENCH=distributed BENCH_ARGS="--rows 1e8 --rounds-rows 2e7 --folder /a/disk"

The files have generated rows of 10 normal features, a label and a target. "two processes" are two fits of half of the
files each, started together, each in one thread of a process of its own: sums by `partial_fit` of the blocks of 65,536
rows that pyarrow reads, LogisticRegression by `fit` of the table in memory. Both sides are warm (kernels loaded), take
turns, and are timed by the wall clock; medians. The processors' time, which other programs disturb less, is beside it.
Before each turn the files are read once: the side that came first would wait for the disk, and the other one would not.
Memory is the largest resident size of a worker during a fit (Linux).
The forest is grown by both workers, and beside them by one process that gathers all rows (once; `forest`).
What both sides found must be equal to the bit: the halves are merged.
"""

import argparse
import itertools
import multiprocessing
import pickle
import re
import statistics
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, thread_time
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from dask.distributed import Client, LocalCluster
from measuring import Row, duration, machine, medians, print_goals, row
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from sqlearn.distributed import fit
from sqlearn.ensemble import RandomForestClassifier
from sqlearn.linear_model import LinearRegression, LogisticRegression
from sqlearn.naive_bayes import GaussianNB

FEATURES = [f"x{j}" for j in range(10)]
BLOCK = 65_536  # rows
GROUP = 4 * BLOCK  # rows of a row group
MEMORY = 1.5e9  # bytes of a worker
RUNS = 3
FOREST = RandomForestClassifier(20)
GATHERED = 1 << 33  # bytes


class Task(NamedTuple):
    """A learner, the column of its target, and the attributes to compare."""

    learner: Any
    target: str
    attributes: tuple[str, ...]


MOMENTS, LINE = ("theta_", "var_", "class_count_"), ("coef_", "intercept_")
TASKS = {
    "gaussian": Task(GaussianNB(), "label", MOMENTS),
    "linear": Task(LinearRegression(), "target", LINE),
    "logistic": Task(LogisticRegression(), "label", LINE),
    "gaussian-light": Task(GaussianNB(ledger=False), "label", MOMENTS),
    "linear-light": Task(LinearRegression(ledger=False), "target", LINE),
}


def write_file(path: Path, seed: int, rows: int) -> None:
    """Generated rows, as a Parquet file: random digits do not compress, so it is not tried."""
    random = np.random.default_rng(seed)
    coef = np.linspace(-1.0, 1.0, len(FEATURES))
    with pq.ParquetWriter(path, schema(), compression="none", use_dictionary=False) as file:
        for start in range(0, rows, GROUP):
            x = random.normal(size=(min(GROUP, rows - start), len(FEATURES)))
            target = x @ coef + random.normal(size=len(x))
            label = (target + random.logistic(size=len(x)) > 0).astype(np.int64)
            file.write_table(pa.Table.from_arrays([*map(pa.array, x.T.copy()), label, target], schema=schema()))


def schema() -> pa.Schema:
    return pa.schema([*((name, pa.float64()) for name in FEATURES), ("label", pa.int64()), ("target", pa.float64())])


def write_files(folder: Path, rows: int, files: int) -> list[str]:
    """That many files of about equal length."""
    paths = [folder / f"part-{i:03d}.parquet" for i in range(files)]
    ends = [rows * i // files for i in range(files + 1)]
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(write_file, paths, range(files), np.diff(ends).tolist()))
    return [str(path) for path in paths]


# ---------------------------------------------------------------------- one process


def blocks(paths: list[str], target: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for path in paths:
        for batch in pq.ParquetFile(path).iter_batches(BLOCK, columns=[*FEATURES, target], use_threads=False):
            x = np.column_stack([batch.column(name).to_numpy() for name in FEATURES])
            yield x, batch.column(target).to_numpy()


def fit_alone(task: Task, paths: list[str]) -> tuple[Any, float]:
    """What a process of its own does with its half of the files: a light model or a number of records; CPU seconds."""
    begin = process_time()
    with threadpool_limits(1):
        if isinstance(task.learner, LogisticRegression):
            read = [*zip(*blocks(paths, task.target), strict=True)]
            task.learner.fit(*map(np.concatenate, read))
        else:
            for x, y in blocks(paths, task.target):
                task.learner.partial_fit(x, y)
    found = task.learner.n_records_ if task.learner.get_params().get("ledger", True) else task.learner
    return found, process_time() - begin


def fit_once(model: Any, x: np.ndarray, y: np.ndarray, run: int) -> None:
    model.fit(x, y)


def rates() -> Iterator[str]:
    """What learning a row takes in one thread, what travels of a piece, and what merging two of them takes."""
    yield RATES.format(
        "processor time of a row, and what a piece sends", "with names", "ledger=False", "sends", "merge"
    )
    for learner, width in itertools.product((GaussianNB, LinearRegression), (10, 100, 1000)):
        random = np.random.default_rng(0)
        x = random.normal(size=(20_000_000 // width, width))
        y = random.integers(0, 2, len(x))
        models = [learner(), learner(ledger=False)]
        times = medians(3, *(partial(fit_once, model, x, y) for model in models), clock=thread_time)
        halves = [learner(ledger=False).fit(x[i::2], y[i::2]) for i in range(2)]
        merging, merged = seconds(partial(halves[0].merge, halves[1]))
        per_row = (f"{1e6 * taken / len(x):.2f} us" for taken in times)
        sent = f"{len(pickle.dumps(merged)) / 1e3:,.0f} kB"
        yield RATES.format(f"{learner.__name__}, {width} features", *per_row, sent, duration(merging))


RATES = "{:<48}  {:>10}  {:>12}  {:>10}  {:>8}"

# ---------------------------------------------------------------------- the cluster's workers


def forget_peak() -> None:
    """Let the kernel measure this process's largest resident size from here on."""
    Path("/proc/self/clear_refs").write_text("5")


def spent() -> float:
    """CPU seconds of this process until now."""
    return process_time()


def peak() -> float:
    """The largest resident size of this process since, in bytes."""
    return 1024.0 * int(re.search(r"VmHWM:\s*([0-9]+)", Path("/proc/self/status").read_text())[1])


class Sides(NamedTuple):
    """Two workers of Dask, and two processes."""

    client: Client
    pool: ProcessPoolExecutor

    def together(self, task: Task, paths: list[str]) -> Any:
        return fit(clone(task.learner), paths, y=task.target, columns=FEATURES, client=self.client)

    def processors(self) -> float:
        """CPU seconds of the workers, the scheduler and this process until now."""
        return spent() + sum(self.client.run(spent).values())

    def apart(self, task: Task, paths: list[str]) -> list[tuple[Any, float]]:
        return list(self.pool.map(fit_alone, (task, task), (paths[::2], paths[1::2])))


def read_once(paths: list[str]) -> None:
    """Have the system keep these files in memory, if it has room."""
    for path in paths:
        with Path(path).open("rb", buffering=0) as file:
            while file.read(1 << 24):
                pass


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    start = perf_counter()
    found = call()
    return perf_counter() - start, found


def compare(sides: Sides, name: str, task: Task, paths: list[str]) -> Iterator[Row]:
    """Wall time of both sides in turns, memory, and whether they found the same."""
    for side in (sides.together, sides.apart):
        side(task, paths[:2])  # warm
    times: list[list[float]] = [[], [], [], []]  # on the clock and of the processors, of both sides
    most = 0.0
    for _ in range(RUNS):
        sides.client.run(forget_peak)
        read_once(paths)
        begin = sides.processors()
        taken, model = seconds(lambda: sides.together(task, paths))
        used = sides.processors() - begin
        most = max(most, *sides.client.run(peak).values())
        read_once(paths)
        taken_apart, found = seconds(lambda: sides.apart(task, paths))
        halves = [half for half, _ in found]
        for column, time in zip(times, (taken, taken_apart, used, sum(own for _, own in found)), strict=True):
            column.append(time)
    ours, theirs, *processors = map(statistics.median, times)
    what = f"{name}, {model.n_records_:.3g} rows"
    yield row(what, duration(ours), duration(theirs), ours / theirs, "ratio at most 1.3", ours <= 1.3 * theirs)
    used, own = processors
    yield Row("  time of the processors", duration(used), duration(own), f"{used / own:.3g}", "-", "-")
    yield row("  the largest worker", f"{most / 1e9:.3g} GB", "-", None, "at most 1.5 GB", most <= MEMORY)
    if all(hasattr(half, "merge") for half in halves):
        merged = halves[0].merge(halves[1])
        equal = all(np.array_equal(getattr(model, a), getattr(merged, a)) for a in task.attributes)
        yield row("  the two halves merged have the same attributes", str(equal), "-", None, "True", equal)
    else:
        right = sum(halves) == model.n_records_
        yield row("  all rows are held", str(right), "-", None, "True", right)


def forgetting(sides: Sides, task: Task, paths: list[str]) -> Iterator[Row]:
    """What it takes to forget a row that the caller gives, a hundred times."""
    model = sides.together(task, paths)
    what = f"  forget one of {model.n_records_:.3g} rows, {type(model).__name__}"
    x, y = next(blocks(paths[-1:], task.target))
    frame = pa.table({**dict(zip(FEATURES, x.T.copy(), strict=True)), task.target: y})
    times = []
    for i in range(100):
        one = frame.slice(i, 1)
        times.append(seconds(partial(model.forget, one.select(FEATURES), one[task.target].to_numpy()))[0])
    told = f"{duration(statistics.median(times))}", f"mean {duration(statistics.fmean(times))}"
    yield Row(what, *told, "-", "-", "-")


def grow(client: Client | None, paths: list[str]) -> Any:
    return fit(FOREST, paths, y="label", columns=FEATURES, client=client, gather_limit=GATHERED)


def grow_alone(paths: list[str]) -> tuple[str, float, float]:
    """What gathering all rows in a process finds: a digest; CPU seconds and the largest resident size."""
    grow(None, paths[:1]).digest()  # warm
    forget_peak()
    begin = spent()
    digest = grow(None, paths).digest()
    return digest, spent() - begin, peak()


def growing(sides: Sides, paths: list[str]) -> Iterator[Row]:
    """A forest whose trees the workers grow, beside one process that gathers the rows."""
    grow(sides.client, paths[:1]).digest()
    sides.client.run(forget_peak)
    forget_peak()
    begin = sides.client.run(spent)
    taken, model = seconds(lambda: grow(sides.client, paths))
    used = [end - begin[worker] for worker, end in sides.client.run(spent).items()]
    most, here, digest = max(sides.client.run(peak).values()), peak(), model.digest()
    taken_alone, (alone, own, size) = seconds(lambda: sides.pool.submit(grow_alone, paths).result())
    what = f"forest, {FOREST.n_estimators} trees, {model.n_records_:.3g} rows"
    yield Row(what, duration(taken), duration(taken_alone), f"{taken / taken_alone:.3g}", "-", "-")
    yield Row("  time of a worker's processor", duration(max(used)), duration(own), f"{max(used) / own:.3g}", "-", "-")
    yield Row("  the largest worker", f"{most / 1e9:.3g} GB", f"{size / 1e9:.3g} GB", f"{most / size:.3g}", "-", "-")
    yield Row("  the process that calls fit", f"{here / 1e9:.3g} GB", f"{size / 1e9:.3g} GB", "-", "-", "-")
    yield row("  the same digest", str(digest == alone), "-", None, "True", digest == alone)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "sections", nargs="*", metavar="section", help=f"of rates, {', '.join(TASKS)}, forest; all if none is named"
    )
    parser.add_argument("--rows", type=float, default=1e6, help="of GaussianNB and LinearRegression")
    parser.add_argument("--rounds-rows", type=float, default=2e5, help="of LogisticRegression and the forest")
    parser.add_argument("--files", type=int, default=64, help="of all rows")
    parser.add_argument("--folder", type=Path, help="where the files go, 97 bytes for each row")
    options = parser.parse_args()
    chosen = options.sections or ["rates", *TASKS, "forest"]
    print(machine(), end="\n\n")
    if "rates" in chosen:
        with threadpool_limits(1):
            print(*rates(), sep="\n", end="\n\n")
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        taken, paths = seconds(lambda: write_files(Path(folder), int(options.rows), options.files))
        size = sum(Path(path).stat().st_size for path in paths)
        print(f"{len(paths)} files of {size / 1e9:.3g} GB in all, written in {duration(taken)}\n")
        some = paths[: max(2, round(len(paths) * options.rounds_rows / options.rows))]
        with (
            LocalCluster(2, threads_per_worker=1, memory_limit=f"{MEMORY / 1e9}GB", dashboard_address=":0") as cluster,
            Client(cluster) as client,
            ProcessPoolExecutor(2, context) as pool,
        ):
            sides = Sides(client, pool)
            print_goals(
                (
                    found
                    for name in chosen
                    if name != "rates"
                    for found in section(sides, name, some if name in ("logistic", "forest") else paths)
                ),
                peer="two processes",
            )


def section(sides: Sides, name: str, paths: list[str]) -> Iterator[Row]:
    if name == "forest":
        yield from growing(sides, paths)
        return
    yield from compare(sides, name, TASKS[name], paths)
    yield from forgetting(sides, TASKS[name], paths)


if __name__ == "__main__":
    main()
