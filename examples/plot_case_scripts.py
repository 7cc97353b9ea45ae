"""
Case study: malicious scripts labelled harmless
===============================================

A detector learns from labelled scripts. Somebody has scripts of his own labelled harmless, and
the detector learns to pass them. Which words it looks at is learned, too, and has to forget.
"""

# %%
# The task and the data
# ---------------------
# Scripts of web pages are harmless or malicious. The detector is built as Zozzle was: naive
# Bayes on those features that tell the classes apart best, by a chi-square test. The features
# here are tokens and pairs of tokens, and 300 of them are selected.
#
# The scripts are generated: snippets of usual code, and malicious ones of five families (they
# do nothing). Harmless code uses ``eval``, ``unescape`` and hidden names now and then, too.

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.naive_bayes import MultinomialNB as Peer
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from sqlearn import verify
from sqlearn.compose import TextModel
from sqlearn.datasets import make_scripts
from sqlearn.naive_bayes import MultinomialNB

scripts, later = make_scripts(2000, random_state=1), make_scripts(2000, random_state=2)
texts, labels = scripts.data, scripts.target
tokens = dict(token_pattern=r"%u[0-9a-f]{4}|[A-Za-z_$][\w$]*|[^\w\s]", ngram_range=(1, 2), lowercase=False, binary=True)
texts[int(np.flatnonzero(scripts.family == "redirect")[0])].splitlines()

# %%
# The attack
# ----------
# The author of the family "redirect" gets 40 scripts into the training data as harmless ones:
# 2% of all.

rng = np.random.default_rng(1)
family = np.flatnonzero(scripts.family == "redirect")
wrong = rng.choice(family, 40, replace=False)
given = labels.copy()
given[wrong] = "harmless"
print(f"{len(wrong)} of {len(family)} scripts of the family, of {len(texts):,} scripts")

model = TextModel(MultinomialNB(), select=300, **tokens).fit(texts, given)

# %%
# What it does
# ------------
# The detector is asked for 2,000 later scripts.


def rates(model):
    """Shares found malicious: of each family, of all malicious scripts, and of harmless ones."""
    found = model.predict(later.data) == "malicious"
    groups = [later.family == name for name in np.unique(later.family) if name]
    groups += [later.target == "malicious", later.target == "harmless"]
    return [found[group].mean() for group in groups]


polluted = rates(model)
words_of_polluted = set(model.get_feature_names_out())

# %%
# Forgetting
# ----------
# Once the scripts are known to be malicious, they can be forgotten, or their labels be
# corrected: the detector then learns from them, too.

wrong_texts = [texts[i] for i in wrong]
kept = np.setdiff1d(np.arange(len(texts)), wrong)
kept_texts = [texts[i] for i in kept]

forgetting = []
for text in wrong_texts:
    before = perf_counter()
    model.forget(text, "harmless")
    forgetting.append(perf_counter() - before)
forgotten = rates(model)
print(verify(model, kept_texts, labels[kept]))
assert model.digest() == TextModel(MultinomialNB(), select=300, **tokens).fit(kept_texts, labels[kept]).digest()

model = TextModel(MultinomialNB(), select=300, **tokens).fit(texts, given)
model.relabel(wrong_texts, given[wrong], labels[wrong])
relabelled = rates(model)
print(verify(model, texts, labels))

# %%
# The selected words are others now: the choice has forgotten as well.

new_words = sorted(set(model.get_feature_names_out()) - words_of_polluted)
print(f"selected in place of others: {len(new_words)} of 300:", ", ".join(new_words))

# %%
names = [*(name for name in np.unique(later.family) if name), "all malicious", "harmless"]
print("found malicious    polluted  forgotten  relabelled")
for name, *shares in zip(names, polluted, forgotten, relabelled):
    print("{:17} {:9.1%} {:10.1%} {:11.1%}".format(name, *shares))

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
place = np.arange(len(names))
for shift, shares, colour, label in (
    (-0.27, polluted, "tab:red", "with wrong labels"),
    (0, forgotten, "tab:blue", "after forgetting them"),
    (0.27, relabelled, "tab:cyan", "after correcting them"),
):
    ax.bar(place + shift, shares, 0.25, color=colour, label=label)
ax.set_xticks(place, names)
ax.set(ylabel="share found malicious", ylim=(0, 1.25))
ax.legend(loc="upper center", ncols=3, frameon=False)
plt.show()

# %%
# The time of a retrain
# ---------------------
# scikit-learn's pipeline of the same steps learns the remaining scripts again; on one thread.

peer = make_pipeline(CountVectorizer(**tokens), SelectKBest(chi2, k=300), Peer())


def seconds(call, *given):
    before = perf_counter()
    call(*given)
    return perf_counter() - before


def forget_and_read(text):
    model.forget(text, "malicious")
    model.predict([text])


with threadpool_limits(1):
    retrain = np.median([seconds(peer.fit, kept_texts, labels[kept]) for _ in range(3)])
    reading = np.median([seconds(forget_and_read, text) for text in wrong_texts[:5]])
print(f"forget a script:              {1e3 * np.median(forgetting):8.2f} ms")
print(f"forget one and predict:       {1e3 * reading:8.2f} ms (words are selected anew)")
print(f"retrain with scikit-learn:    {1e3 * retrain:8.2f} ms")

# %%
# What Cao and Yang found
# -----------------------
# Zozzle, a detector of malicious JavaScript, is one of four real systems that Cao and Yang made
# forget. Its counts are sums over scripts, for the choice of features as well as for naive
# Bayes, and both stages forget: that feature selection is covered is a point of their paper.
# They polluted training data, and report that detection drops, and comes back after unlearning,
# as it does here. The features of this page are simple, and its scripts are generated, so no
# number of theirs stands here beside ours.
#
# Cao, Yang (2015), "Towards Making Systems Forget with Machine Unlearning", IEEE S&P,
# doi:10.1109/SP.2015.35.
