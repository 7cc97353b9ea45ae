"""Random histories of recommenders: whatever was learned and forgotten, each step leaves what a fresh fit gives.

    python tests/long/recommend_histories.py [HISTORIES] [FIRST SEED]

After each step digests, attributes and answers are those of a fresh fit; at the end of each history the slow twin finds
the same similarities and scores in fractions. In half of them pools of the index are compacted at every few
entries.
"""

from histories import run_histories
from small_recommend import RecommendHistory
from sqlearn.engine.interactions import index

SPARES = index._SPARE, 3


def made(seed):
    history = RecommendHistory(seed)

    def run():
        index._SPARE = SPARES[seed // 8 % 2]
        for _ in range(40):
            history.step()
        history.check_with_twin()

    return history, run


if __name__ == "__main__":
    run_histories(made, lambda history: repr(history.learner))
