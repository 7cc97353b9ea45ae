"""Random histories of boosted trees: whatever was learned and forgotten, each step leaves what a fresh fit gives.

    python tests/long/boosting_histories.py [HISTORIES] [FIRST SEED]

Pilots and trees are so small that some hundred records reach all of the code. After most steps digests, bins, trees,
sums and solutions are those of a fresh fit; at the end of each history the slow twin finds the same ones, and of small
systems the same solution, in fractions. Every fourth history has thousands of records.
"""

from histories import run_histories
from small_boosting import BoostingHistory, assert_as_naive, booster_of

MOST_COLUMNS = 40  # of systems that are solved in fractions


def run(history):
    history.run(25, naive=True)
    booster = booster_of(history.model)
    if history.held and booster is not None and booster.start.values.shape[1] <= MOST_COLUMNS:
        assert_as_naive(history.model, solves=True)


def made(seed):
    if seed % 4:
        history = BoostingHistory(seed)
        return history, lambda: run(history)
    history = BoostingHistory(seed, 3000)
    return history, lambda: history.run(12)


if __name__ == "__main__":
    run_histories(made, lambda history: f"{history.learner} with {history.kind.__name__}")
