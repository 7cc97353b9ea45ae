"""Random histories of recommenders, each step compared with a fresh fit and with the slow twin."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone

from laws import assert_same, unchanged
from naive_recommend import NaiveItemKNN, sort_key
from sqlearn.errors import SqlearnError
from sqlearn.recommend import EASE, ItemKNN

LEARNERS = [
    ItemKNN(),
    ItemKNN(step=0.5),
    ItemKNN(max_nbrs=2, min_nbrs=2),
    ItemKNN(max_nbrs=3, save_nbrs=2, min_sim=0.05),
    ItemKNN(feedback="implicit", max_nbrs=3),
    ItemKNN(feedback="implicit", save_nbrs=2, key="secret"),
    EASE(regularization=0.5),
    EASE(use_ratings=True),
]
RATINGS = {
    "halves": np.arange(1, 11) / 2,
    "whole": np.arange(1, 6.0),
    "tenths": np.array([0.1, 0.2, 0.3, 0.7, 3.3, 9.9]),
    "hard": np.array([-2.5, 0.0, -0.0, 1e-5, 0.5, 1.0, -1.0]),
    "large": np.array([524288.0, -524288.0, 1.0, 12345.0]),
}
LABELS = {
    "numbers": list(range(40)),
    "texts": [f"{k:x}" for k in range(38)] + ["", "a\0"],
    "both": [1, "1", 2, "2", -7, 0.5, "x", 2**70, "ü", -(2**63), 1e300, "zz"] + list(range(100, 128)),
}


class RecommendHistory:
    """A model, and the interactions that it should hold."""

    def __init__(self, seed):
        self.rng = np.random.default_rng([seed, 13])
        self.learner = LEARNERS[seed % len(LEARNERS)]
        self.model, self.held = clone(self.learner), {}
        kinds = ["halves", "whole"] if getattr(self.learner, "step", None) else list(RATINGS)
        self.ratings = RATINGS[self.rng.choice(kinds)]
        self.users, self.items = (self.rng.permutation(np.array(LABELS[self.rng.choice([*LABELS])], object))[:size]
                                  for size in (9, 12))  # fmt: skip
        params = self.learner.get_params()
        self.rated = params.get("feedback") == "explicit" or params.get("use_ratings", False)
        self.done = []

    # ------------------------------------------------------------------ interactions

    def drawn(self, most=12):
        """Interactions that are not held."""
        free = [(u, i) for u in self.users for i in self.items if (u, i) not in self.held]
        chosen = self.rng.permutation(len(free))[: self.rng.integers(1, most)]
        return {free[k]: self.rng.choice(self.ratings).item() for k in chosen}

    def some_held(self):
        pairs = list(self.held)
        chosen = self.rng.permutation(len(pairs))[: self.rng.integers(1, 1 + len(pairs))]
        return [pairs[k] for k in chosen]

    def rows(self, interactions):
        """A list of rows in random order, with ratings or, where nobody asks for them, now and then without."""
        rows = [(u, i, rating) for (u, i), rating in interactions.items()]
        rows = [rows[k] for k in self.rng.permutation(len(rows))]
        return rows if self.rated or self.rng.random() < 0.5 else [row[:2] for row in rows]

    def fresh(self, held):
        """A model of these interactions alone."""
        if not held:
            return clone(self.learner).partial_fit([["a", "b", 1.0]]).forget([["a", "b"]])
        return clone(self.learner).partial_fit(self.rows(held))

    # ------------------------------------------------------------------ steps

    def learn(self):
        new = self.drawn()
        if new:
            self.model.partial_fit(self.rows(new))
            self.held |= new

    def forget(self):
        gone = self.some_held()
        rows = [(*pair, self.held[pair]) if self.rng.random() < 0.5 else pair for pair in gone]
        width = self.rng.integers(2, 4)
        self.model.forget([(*row, self.held[row[:2]])[:width] for row in rows])
        for pair in gone:
            del self.held[pair]

    def forget_one(self):
        pair = self.some_held()[0]
        self.model.forget(list(pair))
        del self.held[pair]

    def forget_all_of(self):
        place, name = (0, "users") if self.rng.random() < 0.6 else (1, "items")
        labels = {pair[place] for pair in self.some_held()[: self.rng.integers(1, 4)]}
        self.model.forget(**{name: list(labels)})
        self.held = {pair: rating for pair, rating in self.held.items() if pair[place] not in labels}

    def relabel(self):
        if not self.rated:
            return
        pairs = self.some_held()
        new = [self.rng.choice(self.ratings).item() for _ in pairs]
        width = self.rng.integers(2, 4)
        self.model.relabel([(*pair, self.held[pair])[:width] for pair in pairs], new)
        self.held |= dict(zip(pairs, new, strict=True))

    def merge(self):
        other = self.drawn()
        if not other:
            return
        theirs = self.fresh(other)
        with unchanged(theirs):
            self.model.merge(theirs)
        self.held |= other

    def without(self):
        gone = self.some_held()
        left = {pair: rating for pair, rating in self.held.items() if pair not in gone}
        with self.model.without(gone):
            self.check(left)
        user = gone[0][0]
        with self.model.without(users=[user]):
            self.check({pair: rating for pair, rating in self.held.items() if pair[0] != user})

    def refused(self):
        """What is refused changes nothing: a pair twice, one that is held, one that is not, another rating."""
        pair, new = self.some_held()[0], self.drawn()
        known = (*pair, self.held[pair])
        bad_rows = [[known], [(*p, r) for p, r in new.items()] + [known], [("q", "r", 1.0)] * 2, [("q", "r", np.nan)],
                    [(None, "r", 1.0)]]  # fmt: skip
        bad_rows = bad_rows if self.rated else [*bad_rows[:3], bad_rows[4]]
        with unchanged(self.model):
            for rows in bad_rows:
                with pytest.raises(SqlearnError):
                    self.model.partial_fit(rows)
            for rows in ([pair, pair], [pair, ("q", "r")], [pair, *new] if new else [("q", "r")]):
                with pytest.raises(SqlearnError):
                    self.model.forget(rows)
            with pytest.raises(SqlearnError):
                self.model.forget(users=[pair[0], "nobody"])
            if self.rated:
                with pytest.raises(SqlearnError):
                    self.model.forget([(*pair, self.held[pair] + 1.0)])

    def copied(self):
        ways = copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))
        self.model = ways[self.rng.integers(3)](self.model)
        if isinstance(self.model, ItemKNN) and self.held and self.rng.random() < 0.7:
            self.model.keep_rows(int(self.rng.choice([0, 2000, 10**6])))

    def step(self):
        names = ["learn"]
        if self.held:
            names = ["learn", "learn", "forget", "forget_one", "forget_all_of", "relabel", "merge", "without",
                     "refused", "copied"]  # fmt: skip
        name = str(self.rng.choice(names))
        self.done.append(name)
        getattr(self, name)()
        self.check(self.held)

    # ------------------------------------------------------------------ checks

    def check(self, held):
        fresh = self.fresh(held)
        assert_same(self.model, fresh)
        if not held:
            return
        assert self.model.users_.tolist() == sorted({u for u, _ in held}, key=sort_key)
        for user in {pair[0] for pair in list(held)[:2]}:
            for liked in (True, False):
                ours, theirs = (m.recommend(user, 5, filter_already_liked_items=liked) for m in (self.model, fresh))
                assert [part.tobytes() for part in ours[1:]] == [part.tobytes() for part in theirs[1:]]
                assert ours[0].tolist() == theirs[0].tolist()
        item = next(iter(held))[1]
        ours, theirs = (m.similar_items(item) for m in (self.model, fresh))
        assert ours[0].tolist() == theirs[0].tolist() and ours[1].tobytes() == theirs[1].tobytes()

    def check_with_twin(self):
        """The slow twin has the same similarities and scores, to the bit."""
        if isinstance(self.learner, EASE) or not self.held:
            return
        names = ("max_nbrs", "min_nbrs", "min_sim", "save_nbrs", "step")
        twin = NaiveItemKNN(self.held, rated=self.rated, **{name: getattr(self.learner, name) for name in names})
        model = self.model
        assert model.items_.tolist() == twin.items
        if self.rated:
            assert model.item_means_.tolist() == [twin.mean(item) for item in twin.items]
            assert model.step_ == float(twin.step)
        rows = model.similarities()
        for k, item in enumerate(twin.items):
            expected = twin.neighbours(item)
            row = rows[[k]].tocoo()
            assert {twin.items[j]: v for j, v in zip(row.coords[1], row.data.tolist(), strict=True)} == expected, item
        for user in twin.users[:4]:
            scores = twin.scores(user)
            predicted = model.predict([(user, item) for item in twin.items])
            np.testing.assert_array_equal(predicted, [scores[item] for item in twin.items])
