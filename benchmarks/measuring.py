"""What the benchmarks share: medians of runs that take turns, a table of goals, and the command line."""

import argparse
import importlib.metadata
import math
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from threadpoolctl import threadpool_info, threadpool_limits

from sqlearn import __version__


class Row(NamedTuple):
    """A line of the table."""

    what: str
    measured: str
    peer: str
    ratio: str
    goal: str
    reached: str


LINE = "{:<64}  {:>11}  {:>12}  {:>7}  {:<17}  {}"
TITLES = Row("what", "measured", "scikit-learn", "ratio", "goal", "reached")


def row(what: str, ours: str, theirs: str, ratio: float | None, goal: str, reached: bool) -> Row:
    return Row(what, ours, theirs, "-" if ratio is None else f"{ratio:.3g}", goal, "yes" if reached else "NO")


def at_most(what: str, limit: float, ours: float, theirs: float | None = None) -> Row:
    """A goal for our time."""
    peer, ratio = ("-", None) if theirs is None else (duration(theirs), ours / theirs)
    return row(what, duration(ours), peer, ratio, f"at most {duration(limit)}", ours <= limit)


def ratio_at_most(what: str, limit: float, ours: float, theirs: float) -> Row:
    """A goal for the ratio of the two times."""
    ratio = ours / theirs
    return row(what, duration(ours), duration(theirs), ratio, f"ratio at most {limit:g}", ratio <= limit)


def number_at_most(what: str, limit: float, ours: float) -> Row:
    """A goal for a number that is no time."""
    return row(what, f"{ours:.3g}", "-", None, f"at most {limit:g}", ours <= limit)


def duration(seconds: float) -> str:
    unit, size = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3)) if seconds >= s), ("us", 1e-6))
    return f"{seconds / size:.3g} {unit}"


def medians(
    runs: int, *calls: Callable[[int], object], turn: int = 1, clock: Callable[[], float] = perf_counter
) -> list[float]:
    """Median seconds of each call(i), i = 1, 2, ..., `turn` calls of one and then of the next; call(0) warms up."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call(0)
    for first in range(1, runs + 1, turn):
        for call, seconds in zip(calls, times, strict=True):
            for i in range(first, first + turn):
                start = clock()
                call(i)
                seconds.append(clock() - start)
    return [statistics.median(seconds) for seconds in times]


def machine() -> str:
    """Versions, processor, and how busy it is."""
    packages = ("numpy", "scipy", "scikit-learn", "numba")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    pools = {f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}" for pool in threadpool_info()}
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return (
        f"sqlearn {__version__}, Python {platform.python_version()}, {versions}\n{', '.join(sorted(pools))}\n"
        f"{(names or [platform.processor()])[0]}, {os.cpu_count()} processors, {load}; 1 thread, or as a row says"
    )


def run_code(code: str, **environment: str) -> list[float]:
    """The numbers that a new process prints. It may keep bytecode, as the installed scikit-learn does."""
    environment = os.environ | environment | {"PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


def geometric_mean(ratios: Iterable[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, ratios)))


def print_goals(rows: Iterable[Row], peer: str = TITLES.peer) -> None:
    """Print rows as they come, and then how many goals are missed."""
    print(LINE.format(*TITLES._replace(peer=peer)))
    missed = 0
    for found in rows:
        print(LINE.format(*found), flush=True)
        missed += found.reached == "NO"
    print(f"\nGoals that are not reached: {missed}" if missed else "\nAll goals are reached.", flush=True)


def main(description: str, *sections: Callable[[], Iterator[Row]], peer: str = TITLES.peer) -> None:
    """Run the sections named on the command line, or all; print what they find as they find it."""
    by_name = {section.__name__: section for section in sections}
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    help = " ".join(f"{name}: {section.__doc__}" for name, section in by_name.items())
    parser.add_argument("sections", nargs="*", metavar="section", help=help)
    chosen = parser.parse_args().sections or list(by_name)
    if not set(chosen) <= set(by_name):
        parser.error(f"sections are {', '.join(by_name)}")
    print(machine(), end="\n\n")
    with threadpool_limits(1):
        print_goals((found for name in chosen for found in by_name[name]()), peer)
