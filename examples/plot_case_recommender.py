"""
Case study: false ratings that push an item
===========================================

Somebody wants an item to be recommended and opens accounts that rate it best. Once they are
found, ``forget(users=...)`` takes them out of the model as if they had never been there.
"""

# %%
# The task and the data
# ---------------------
# A recommender learns from ratings which items are alike, and predicts how a user would rate
# an item: the mean of the ratings that she gave to similar items, as LensKit's
# ``ItemKNNScorer`` computes it.
#
# Ratings of MovieLens may not be passed on. If the variable ``SQLEARN_DATA`` names a folder
# that has them (``ml-latest-small``, say), this page reads them; otherwise it generates some.

import importlib.util
import os
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from sqlearn import verify
from sqlearn.datasets import load_movielens, make_average_attack, make_ratings
from sqlearn.recommend import ItemKNN

folder = os.environ.get("SQLEARN_DATA")
files = sorted(Path(folder).glob("*ratings.csv")) if folder else []
genuine = load_movielens(files[0]).data if files else make_ratings(random_state=1).data
print("Data:", files[0].name if files else "generated (no ratings.csv in a folder SQLEARN_DATA)")

users = np.unique(genuine[:, 0])
items, counts = np.unique(genuine[:, 1], return_counts=True)
print(f"{len(genuine):,} ratings of {len(items):,} items by {len(users):,} users")

# %%
# The attack
# ----------
# The item is one of those with 10 to 50 ratings, drawn at random. The false accounts are 3% of
# all. Each rates this item best, and 40 others about as everybody does, so that it looks like
# an ordinary user (Lam and Riedl, 2004, call this the average attack).

rng = np.random.default_rng(1)
pushed = rng.choice(items[(counts >= 10) & (counts <= 50)])
false = make_average_attack(genuine, pushed, n_users=round(0.03 * len(users)), random_state=1)
false_users = np.unique(false[:, 0])
print(f"{len(false_users)} false users with {len(false):,} ratings push item {pushed:.0f}")

model = ItemKNN().fit(np.concatenate([genuine, false]))

# %%
# What it does
# ------------
# Real users who have not rated the item are asked: which rating is predicted for it, and is
# it among the ten items recommended to them?

owners = genuine[genuine[:, 1] == pushed, 0]
asked = rng.choice(np.setdiff1d(users, owners), 150, replace=False)


def predicted(model):
    return model.predict([(user, pushed) for user in asked])


def recommended(model):
    return np.mean([pushed in model.recommend(user, n=10)[0] for user in asked])


polluted, polluted_share = predicted(model), recommended(model)

# %%
# Forgetting
# ----------
# The platform finds the accounts one by one (how is another matter), and forgets each of them
# whole.

forgetting = []
for user in false_users:
    before = perf_counter()
    model.forget(users=[user])
    forgetting.append(perf_counter() - before)

repaired, repaired_share = predicted(model), recommended(model)

# %%
# The proof: these are the bytes of a model that never saw the accounts.

clean = ItemKNN().fit(genuine)
assert model.digest() == clean.digest()
verify(model, genuine)

# %%
# Nothing of the attack is left in a prediction:

assert np.array_equal(repaired, predicted(clean), equal_nan=True)

print("                     polluted   forgotten")
print(f"mean prediction      {np.nanmean(polluted):8.2f}  {np.nanmean(repaired):9.2f}   (stars)")
print(f"among the best ten   {polluted_share:8.0%}  {repaired_share:9.0%}   (of users)")

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
bins = np.arange(np.floor(np.nanmin([polluted, repaired])), 5.6, 0.125)
ax.hist(polluted, bins, color="tab:red", alpha=0.7, label="with false ratings")
ax.hist(repaired, bins, color="tab:blue", alpha=0.7, label="after forgetting them")
ax.set(xlabel="predicted rating of the pushed item (stars)", ylabel="users")
ax.set_title(f"{len(false_users)} false users among {len(users):,}")
ax.legend(loc="upper left")
plt.show()

# %%
# The time of a retrain
# ---------------------
# Without forgetting, the accounts are filtered out of the data and all is learned again: by
# LensKit, if it is installed, and otherwise as scikit-learn's users do it, by the cosines of
# centred columns. All run on one thread.

everything = np.concatenate([genuine, false])


def retrain_lenskit():
    os.environ.update(LK_NUM_THREADS="1", LK_NUM_BACKEND_THREADS="1", RAYON_NUM_THREADS="1")
    import pandas as pd
    from lenskit.data import from_interactions_df
    from lenskit.knn import ItemKNNScorer

    table = pd.DataFrame(everything, columns=["user_id", "item_id", "rating"])
    table = table.astype({"user_id": int, "item_id": int})
    kept = table[~table["user_id"].isin(false_users)]
    ItemKNNScorer().train(from_interactions_df(kept))


def retrain_sklearn():
    from scipy.sparse import csr_array
    from sklearn.metrics.pairwise import cosine_similarity

    kept = everything[~np.isin(everything[:, 0], false_users)]
    columns = np.unique(kept[:, 1], return_inverse=True)[1]
    rows = np.unique(kept[:, 0], return_inverse=True)[1]
    means = np.bincount(columns, kept[:, 2]) / np.bincount(columns)
    centred = csr_array((kept[:, 2] - means[columns], (columns, rows)))
    cosine_similarity(centred, dense_output=False)


has_lenskit = importlib.util.find_spec("lenskit") is not None
peer, retrain = ("LensKit", retrain_lenskit) if has_lenskit else ("scikit-learn", retrain_sklearn)


def median_time(call, times=3):
    taken = []
    for _ in range(times + 1):  # the first call is slower
        before = perf_counter()
        call()
        taken.append(perf_counter() - before)
    return np.median(taken[1:])


with threadpool_limits(1):
    time_of_retrain = median_time(retrain)
    time_of_answer = median_time(lambda: model.recommend(asked[0]))
print(f"forget a user:                 {1000 * np.median(forgetting):8.3f} ms")
print(f"recommendations for one user:  {1000 * time_of_answer:8.3f} ms")
print(f"retrain with {peer + ':':18}{1000 * time_of_retrain:8.3f} ms")

# %%
# What Cao and Yang found
# -----------------------
# LensKit is one of four real systems that Cao and Yang made forget. They write what a system
# learns as sums over its training data: to forget a rating or a user is to take terms away,
# which takes asymptotically less time than to learn all again. How much faster theirs was depends
# on the software and data of 2015, so no number of theirs stands here beside ours.
#
# Cao, Yang (2015), "Towards Making Systems Forget with Machine Unlearning", IEEE S&P,
# doi:10.1109/SP.2015.35.
