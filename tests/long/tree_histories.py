"""Random histories of trees: whatever was learned and forgotten, each step leaves what a fresh fit gives.

    python tests/long/tree_histories.py [HISTORIES] [FIRST SEED]

Samples and nodes are so small that some hundred records reach all of the code. After each step digests, nodes, leaves'
records and cached scores are those of a fresh fit; at the end of each history the slow twin grows the same trees.
Every fourth history has thousands of records, every fifth is one of an isolation forest.
"""

from histories import run_histories
from small_isolation import IsolationHistory
from small_trees import History


def made(seed):
    if seed % 5 == 4:
        history = IsolationHistory(seed, 300 if seed % 10 == 4 else 3000)
    elif seed % 4:
        history = History(seed)
    else:
        history = History(seed, 3000)
        return history, lambda: history.run(12)
    return history, lambda: history.run(25, naive=True)


if __name__ == "__main__":
    run_histories(made, lambda history: f"{history.learner} with {history.kind.__name__}")
