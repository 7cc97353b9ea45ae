"""What the long random histories have in common: seeds, a report of those that fail, and of what all did."""

import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any


def run_histories(made: Callable[[int], tuple[Any, Callable[[], None]]], describe: Callable[[Any], str]) -> None:
    """Run as many histories as the command line says, from its first seed on; exit with 1 if one fails.

    Parameters
    ----------
    made : callable
        A history of a seed, whose `done` lists its steps, and what runs it.
    describe : callable
        A history that failed, as the report names it.
    """
    warnings.simplefilter("ignore")
    count, first = (int(given) for given in (*sys.argv[1:], *("1000", "0")[len(sys.argv) - 1 :]))
    began, steps, failed = time.perf_counter(), Counter[str](), 0
    for seed in range(first, first + count):
        history = None
        try:
            history, run = made(seed)
            run()
        except Exception:
            failed += 1
            traceback.print_exc()
            if history is not None:
                print(f"in history {seed} of {describe(history)}: {history.done}", flush=True)
        if history is not None:
            steps.update(history.done)
        if (seed - first) % 50 == 49:
            print(f"{seed - first + 1:,} histories in {time.perf_counter() - began:.0f} s, {failed} failed", flush=True)
    print("steps: " + ", ".join(f"{name} {n:,}" for name, n in steps.most_common()))
    sys.exit(failed > 0)
