"""Random histories of trees: whatever was learned and forgotten, each step leaves what a fresh fit gives.

    python tests/long/tree_histories.py [HISTORIES] [FIRST SEED]

Samples and nodes are so small that some hundred records reach all of the code. After each step digests, nodes, leaves'
records and cached scores are those of a fresh fit; at the end of each history the slow twin grows the same trees.
Every fourth history has thousands of records, every fifth is one of an isolation forest.
"""

import sys
import time
import traceback
import warnings
from collections import Counter

from small_isolation import IsolationHistory
from small_trees import History


def main():
    warnings.simplefilter("ignore")
    count, first = (int(given) for given in (*sys.argv[1:], *("1000", "0")[len(sys.argv) - 1 :]))
    began, steps, failed = time.perf_counter(), Counter(), 0
    for seed in range(first, first + count):
        history = None
        try:
            if seed % 5 == 4:
                history = IsolationHistory(seed, 300 if seed % 10 == 4 else 3000)
                history.run(25, naive=True)
            elif seed % 4:
                history = History(seed)
                history.run(25, naive=True)
            else:
                history = History(seed, 3000)
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
