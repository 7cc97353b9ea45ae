"""Recommenders: fits, forgets and answers beside LensKit's, on MovieLens and on generated interactions.

    make bench BENCH=recommend DATA=folder
    make bench BENCH=recommend BENCH_ARGS=small

MovieLens (https://grouplens.org/datasets/movielens/latest/, "small") may not be shipped: `DATA` names a folder with its
ratings.csv, or movielens-small-ratings.csv. Without it, ratings of the same size are generated, which the first line
says. LensKit is compared with where it is installed (`pip install lenskit`); its retrain is filter, build and train.
Times are CPU times of the process, with one thread each.
"""

import os

os.environ |= {"LK_NUM_THREADS": "1", "LK_NUM_BACKEND_THREADS": "1", "RAYON_NUM_THREADS": "1"}

import contextlib
import copy
import gc
import logging
import statistics
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
from measuring import Row, at_most, main, number_at_most, ratio_at_most, row, run_code

from sqlearn import verify
from sqlearn.recommend import EASE, ItemKNN

COLUMNS = ["user_id", "item_id", "rating"]
FILES = "movielens-small-ratings.csv", "ratings.csv"
LARGE = 20_000_000, 140_000, 27_000  # interactions, users, items


def generated(n: int, users: int, items: int, seed: int = 0) -> pd.DataFrame:
    """About `n` ratings: users are differently active, items differently popular, ratings are halves from 0.5 to 5."""
    rng = np.random.default_rng(seed)
    active = rng.lognormal(0.0, 1.2, users)
    numbers = np.minimum(np.maximum(20, active / active.sum() * 1.15 * n).astype(np.int64), items // 3)
    popular = np.cumsum(np.arange(1, items + 1) ** -0.8)
    of_user = np.repeat(np.arange(users), numbers)
    of_item = np.searchsorted(popular, rng.random(len(of_user)) * popular[-1])
    pairs = np.unique(of_user * np.int64(items) + of_item)
    rng.shuffle(pairs)
    pairs = pairs[:n]
    stars = np.clip(np.rint(rng.normal(7.0, 2.0, len(pairs))), 1, 10) / 2
    return pd.DataFrame(dict(zip(COLUMNS, (pairs // items, pairs % items, stars), strict=True)))


def ratings() -> pd.DataFrame:
    """MovieLens, if there is a folder that has it."""
    folder = os.environ.get("DATA")
    for path in (Path(folder or ".") / name for name in FILES):
        if folder and path.exists():
            return pd.read_csv(path).iloc[:, :3].set_axis(COLUMNS, axis=1)
    print(f"{FILES[0]}: data not given (DATA=folder); 100,836 generated ratings stand in", flush=True)
    return generated(100_836, 610, 9_724)


def seconds(call: Callable[[], Any]) -> float:
    gc.collect()
    start = process_time()
    call()
    return process_time() - start


class Peer:
    """LensKit, trained on ratings; None in its place where it is not installed."""

    def __init__(self, ratings: pd.DataFrame, make: Callable[[], Any]):
        import structlog
        from lenskit.data import from_interactions_df

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        self.data, self.make = from_interactions_df(ratings), make
        self.train()

    def train(self) -> None:
        self.scorer = self.make()
        self.scorer.train(self.data)

    def without(self, user: int) -> Any:
        """Filter, build and train."""
        from lenskit.data import DatasetBuilder

        builder = DatasetBuilder(self.data)
        builder.filter_interactions("rating", remove=pd.DataFrame({"user_id": [user]}))
        scorer, data = self.make(), builder.build()
        scorer.train(data)
        return scorer, data

    def scores(self, user: int, scorer: Any = None, data: Any = None) -> np.ndarray:
        from lenskit.data import ItemList, RecQuery

        scorer, data = scorer or self.scorer, data or self.data
        history = data.user_row(user)
        answer = scorer(RecQuery(user_id=user, history_items=history), ItemList(item_ids=data.items.ids()))
        return np.asarray(answer.scores(), np.float64)


def peer(ratings: pd.DataFrame, make: Callable[[Any], Any]) -> Peer | None:
    try:
        import lenskit.knn
    except ImportError:
        print("LensKit is not installed: no comparison", flush=True)
        return None
    return Peer(ratings, lambda: make(lenskit.knn))


def small() -> Iterator[Row]:
    """ItemKNN on MovieLens."""
    frame = ratings()
    ItemKNN().fit(frame).similarities()
    theirs = peer(frame, lambda knn: knn.ItemKNNScorer())
    fits, reads, trainings = [], [], []
    for _ in range(3):
        model = ItemKNN()
        fits.append(seconds(lambda model=model: model.fit(frame)))
        reads.append(seconds(model.similarities))
        if theirs is not None:
            trainings.append(seconds(theirs.train))
    ours = statistics.median(map(sum, zip(fits, reads, strict=True)))
    if theirs is not None:
        yield ratio_at_most("MovieLens: fit and all rows of similarities", 1.0, ours, statistics.median(trainings))
    else:
        yield at_most("MovieLens: fit and all rows of similarities", 1.0, ours)
    users = model.users_.tolist()
    spare = copy.deepcopy(model)
    for gone in (users[:1], users[10:]):  # everything is compiled, the compaction of what is left too
        spare.forget(users=gone).recommend(users[1])
    spare = copy.deepcopy(model)
    times = []
    for user in users:
        start = process_time()
        spare.forget(users=[user])
        times.append(process_time() - start)
    yield at_most("MovieLens: forget a user, mean over all", 0.2e-3, statistics.fmean(times))
    rng = np.random.default_rng(1)
    pairs = rng.permutation(len(users))[:200].reshape(100, 2)
    ours_times, theirs_times = [], []
    for k, (gone, other) in enumerate(pairs):
        twin, one, another = copy.deepcopy(model), users[gone], users[other]
        ours_times.append(seconds(lambda a=one, b=another, twin=twin: twin.forget(users=[a]).recommend(b)))
        if theirs is not None and k < 12:
            theirs_times.append(seconds(lambda a=one, b=another: theirs.scores(b, *theirs.without(a))))
    if theirs is not None:
        for name, mean, least in (("mean", statistics.fmean, 30), ("median", statistics.median, 50)):
            mine, other_time = mean(ours_times), mean(theirs_times)
            ratio = other_time / mine
            yield row(f"MovieLens: forget, then recommend to another, {name}", f"{1e3 * mine:.3g} ms",
                      f"{1e3 * other_time:.3g} ms", ratio, f"{least} times faster", ratio >= least)  # fmt: skip
        yield from agreement(model, theirs, users)
    gone = users[:50]
    left = frame[~frame.user_id.isin(gone)]
    is_same = bool(verify(copy.deepcopy(model).forget(users=gone), left))
    yield row("MovieLens: bytes of a refit after forgetting 50 users", str(is_same), "-", None, "True", is_same)


def agreement(model: ItemKNN, theirs: Peer, users: list[int]) -> Iterator[Row]:
    """Similarities and scores beside LensKit's."""
    ours = model.similarities()
    matrix = theirs.scorer.sim_matrix
    offsets = np.asarray(matrix.offsets)
    columns, values = (np.asarray(part) for part in (matrix.indices, matrix.values))
    other = type(ours)((values.astype(np.float64), columns, offsets), shape=ours.shape)
    yield number_at_most("MovieLens: similarities, largest difference", 2e-6, abs(ours - other).max())
    near = total = 0
    for user in users[:100]:
        pair = model.predict(pd.DataFrame({"u": user, "i": model.items_})), theirs.scores(user)
        known = ~np.isnan(pair[0])
        assert (known == ~np.isnan(pair[1])).all()
        near += int((np.abs(pair[0] - pair[1])[known] < 2e-5).sum())
        total += int(known.sum())
    share = near / total
    yield row("MovieLens: share of scores within 2e-5 (others: ties at the cut)", f"{share:.5f}", "-", None,
              "at least 0.998", share >= 0.998)  # fmt: skip


FIT = """
import resource, time
import numpy as np, pandas as pd
from sqlearn.recommend import ItemKNN
frame = pd.DataFrame({name: np.load(f"{FOLDER}/{name}.npy") for name in COLUMNS})
ItemKNN().fit(frame.head(1000)).forget(users=[frame.user_id.iloc[0]])
model, start = ItemKNN(), time.process_time()
model.fit(frame)
fit = time.process_time() - start
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, fit)
del frame
users = np.random.default_rng(1).permutation(model.users_)[:230].tolist()
model.forget(users=users[:1]); model.recommend(users[1])
def mean(call, users):
    start = time.process_time()
    for user in users:
        call(user)
    return (time.process_time() - start) / len(users)
print(mean(lambda user: model.forget(users=[user]), users[20:220]))
print(mean(model.recommend, users[2:18]))
model.keep_rows(4 * 2**30)
for user in users[2:18]:
    model.recommend(user)
print(mean(model.recommend, users[2:18]))
print(model.state.statistic.raw_rows.nbytes / 2**30)
start = time.process_time(); model.digest(); print(time.process_time() - start)
"""
TRAIN = """
import logging, resource, structlog, time
import numpy as np, pandas as pd
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
from lenskit.data import from_interactions_df
from lenskit.knn import ItemKNNScorer
frame = pd.DataFrame({name: np.load(f"{FOLDER}/{name}.npy") for name in COLUMNS})
start = time.process_time()
data = from_interactions_df(frame)
scorer = ItemKNNScorer()
scorer.train(data)
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def large() -> Iterator[Row]:
    """ItemKNN on 20 million generated interactions, in a process of its own (and LensKit: minutes, 8 GB)."""
    with tempfile.TemporaryDirectory() as folder:
        frame = generated(*LARGE)
        name = f"{len(frame):,} interactions"
        for column in COLUMNS:
            np.save(f"{folder}/{column}.npy", frame[column].to_numpy())
        del frame
        head = f"FOLDER, COLUMNS = {folder!r}, {COLUMNS!r}\n"
        peak, fit, forget, plain, kept, room, digest = run_code(head + FIT)
        yield number_at_most(f"{name}: peak memory of fit, GB", 2.5, peak)
        with contextlib.suppress(ImportError):
            import lenskit

            assert lenskit
            train, memory = run_code(head + TRAIN)
            yield ratio_at_most(f"{name}: fit (LensKit: {memory:.1f} GB)", 0.25, fit, train)
        yield at_most(f"{name}: fit", 15.0, fit)
        yield at_most(f"{name}: forget a user, mean", 1e-3, forget)
        yield at_most(f"{name}: recommend, mean", 1.2, plain)
        yield at_most(f"{name}: recommend with {room:.2f} GB of kept rows, mean", 0.15, kept)
        yield at_most(f"{name}: digest", 0.01, digest)


def ease() -> Iterator[Row]:
    """EASE on 4,000 items."""
    frame = generated(600_000, 6_000, 4_000, seed=2)
    theirs = peer(frame, lambda knn: knn.EASEScorer(regularization=100.0))
    EASE().fit(frame.head(100)).weights_  # noqa: B018
    times, trainings = [], []
    for _ in range(3):
        model = EASE(regularization=100.0)
        times.append(seconds(lambda model=model: model.fit(frame).weights_))
        if theirs is not None:
            trainings.append(seconds(theirs.train))
    name = f"EASE, {len(model.items_):,} items: fit and read"
    if theirs is None:
        yield at_most(name, 5.0, statistics.median(times))
    else:
        yield ratio_at_most(name, 1.5, statistics.median(times), statistics.median(trainings))
        difference = float(np.abs(model.weights_ - theirs.scorer.weights).max())
        yield number_at_most("EASE: weights, largest difference", 2e-4, difference)
    times = []
    users = model.users_.tolist()[:500]
    model.forget(users=users[:1])
    for user in users[1:]:
        start = process_time()
        model.forget(users=[user])
        times.append(process_time() - start)
    yield at_most("EASE: forget a user, mean", 0.2e-3, statistics.fmean(times))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(__doc__ or "", small, large, ease, peer="LensKit")
