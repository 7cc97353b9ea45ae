"""Random histories of boosted trees: whatever was learned and forgotten, each step leaves what a fresh fit gives.

    python tests/long/boosting_histories.py [HISTORIES] [FIRST SEED]

Pilots and trees are so small that some hundred records reach all of the code. After most steps digests, bins, trees,
sums and solutions are those of a fresh fit; at the end of each history the slow twin finds the same ones, and of small
systems the same solution, in fractions. Every fourth history has thousands of records.
"""

import sys
import time
import traceback
import warnings
from collections import Counter

from small_boosting import BoostingHistory, assert_as_naive, booster_of

MOST_COLUMNS = 40  # of systems that are solved in fractions


def run(history):
    history.run(25, naive=True)
    booster = booster_of(history.model)
    if history.held and booster is not None and booster.start.values.shape[1] <= MOST_COLUMNS:
        assert_as_naive(history.model, solves=True)


def main():
    warnings.simplefilter("ignore")
    count, first = (int(given) for given in (*sys.argv[1:], *("1000", "0")[len(sys.argv) - 1 :]))
    began, steps, failed = time.perf_counter(), Counter(), 0
    for seed in range(first, first + count):
        history = None
        try:
            if seed % 4:
                history = BoostingHistory(seed)
                run(history)
            else:
                history = BoostingHistory(seed, 3000)
                history.run(12)
        except Exception:
            failed += 1
            traceback.print_exc()
            if history is not None:
                print(
                    f"in history {seed} of {history.learner} with {history.kind.__name__}: {history.done}", flush=True
                )
        if history is not None:
            steps.update(history.done)
        if (seed - first) % 50 == 49:
            print(f"{seed - first + 1:,} histories in {time.perf_counter() - began:.0f} s, {failed} failed", flush=True)
    print("steps: " + ", ".join(f"{name} {n:,}" for name, n in steps.most_common()))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
