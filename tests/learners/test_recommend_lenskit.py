"""Agreement with LensKit, where that is installed: `pip install sqlearn-exact[lenskit]`, gigabytes with its torch."""

import os

os.environ |= {"LK_NUM_THREADS": "1", "LK_NUM_BACKEND_THREADS": "1", "RAYON_NUM_THREADS": "1"}

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("lenskit", reason="LensKit is not installed")

from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer

from sqlearn.recommend import EASE, ItemKNN

TIE = 2e-6  # similarities that are nearer than this may change places in float32


@pytest.fixture(scope="module")
def ratings():
    """Ratings of 150 users for 200 items, of a few tastes: as unevenly spread as real ones."""
    rng = np.random.default_rng(1)
    users, items = rng.normal(size=(150, 3)), rng.normal(size=(200, 3))
    popular = rng.permutation(200) / 200
    liked = users @ items.T + rng.normal(size=(150, 200))
    seen = rng.random((150, 200)) < 0.5 * popular**2
    u, i = np.nonzero(seen)
    stars = np.clip(np.rint(2 * (3 + 0.7 * liked[u, i])) / 2, 0.5, 5.0)
    return pd.DataFrame({"user_id": u, "item_id": 1000 + i, "rating": stars})


def near_cut(model, held, target, user_items, max_nbrs, rows):
    """Whether similarities at a cut are so near that LensKit may choose others."""
    column = np.sort(rows[[held[item] for item in user_items if item != target], held[target]])[::-1]
    column = column[column > 0]
    return len(column) > max_nbrs and column[max_nbrs - 1] - column[max_nbrs] < TIE


def scored(scorer, data, user, items):
    history = data.user_row(user)
    answer = scorer(RecQuery(user_id=user, history_items=history), ItemList(item_ids=items))
    return np.asarray(answer.scores(), np.float64)


@pytest.mark.parametrize("feedback", ["explicit", "implicit"])
def test_item_knn_scores_as_lenskit_does(ratings, feedback):
    data = from_interactions_df(ratings)
    scorer = ItemKNNScorer(feedback=feedback)
    scorer.train(data)
    model = ItemKNN(feedback=feedback).fit(ratings)
    items = model.items_
    rows = model.similarities().toarray()
    assert scorer.items.ids().tolist() == items.tolist()
    theirs = np.zeros(rows.shape)
    for k in range(len(items)):
        row = scorer.sim_matrix[k].as_py()
        theirs[k, [entry["index"] for entry in row]] = [entry["value"] for entry in row]
    assert np.abs(rows - theirs).max() < TIE
    assert ((rows > 0) != (theirs > 0)).sum() == 0
    if feedback == "explicit":
        np.testing.assert_allclose(model.item_means_, scorer.item_means, rtol=1e-6)
    held, compared = {item: k for k, item in enumerate(items.tolist())}, 0
    for user in model.users_[::7]:
        hers = ratings.item_id[ratings.user_id == user].tolist()
        ours = model.predict([(user, item) for item in items])
        other = scored(scorer, data, user, items)
        clear = [not near_cut(model, held, item, hers, 20, rows) for item in items]
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(other))
        np.testing.assert_allclose(ours[clear], other[clear], rtol=2e-5, atol=2e-5)
        compared += sum(clear)
    assert compared > 3500


def test_ease_has_lenskits_weights(ratings):
    data = from_interactions_df(ratings)
    scorer = EASEScorer(regularization=2.0)
    scorer.train(data)
    model = EASE(regularization=2.0).fit(ratings)
    assert np.abs(model.weights_ - scorer.weights).max() < 2e-4
    user = model.users_[3]
    ours, other = model.predict([(user, item) for item in model.items_]), scored(scorer, data, user, model.items_)
    np.testing.assert_allclose(ours, other, atol=2e-3)
