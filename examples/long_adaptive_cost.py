"""
What forgetting costs adaptive learners
=======================================

Logistic regression iterates over its rows. Forgetting a row is quick as long as the rounded parameters
of all its rounds stay the same. When one changes, the trace breaks, and the rounds behind it are
computed again over all rows. This page measures how often that happens and what it costs on average.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression as Peer

from sqlearn import verify
from sqlearn.linear_model import LogisticRegression

# %%
# 300 deletions at random from models of ten thousand to a million rows, and scikit-learn's refit.

sizes = [10_000, 30_000, 100_000, 300_000, 1_000_000]
X, y = make_classification(sizes[-1], 10, random_state=0)
rng = np.random.default_rng(0)
medians, means, shares, refits = [], [], [], []
for n in sizes:
    model = LogisticRegression().fit(X[:n], y[:n])
    gone = rng.permutation(n)[:300]
    times, breaks = [], 0
    for i in gone:
        start = perf_counter()
        model.forget(X[i], y[i])
        times.append(perf_counter() - start)
        breaks += model.last_update_.broke_at is not None
    start = perf_counter()
    Peer().fit(X[:n], y[:n])
    refits.append(perf_counter() - start)
    medians.append(np.median(times))
    means.append(np.mean(times))
    shares.append(breaks / len(gone))
    print(f"{n:9,} rows: {breaks} of {len(gone)} deletions broke the trace")

# %%
# The largest model, after its last deletion:

left = np.delete(np.arange(n), gone)
verify(model, X[left], y[left])

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), width_ratios=(3, 2), layout="constrained")
left.loglog(sizes, refits, "o-", color="tab:orange", label="refit with scikit-learn")
left.loglog(sizes, means, "s-", color="tab:blue", label="forget one row: mean")
left.loglog(sizes, medians, "^-", color="tab:cyan", label="forget one row: median")
left.set(xlabel="rows held", ylabel="seconds", title="LogisticRegression, 10 features")
left.legend()
right.semilogx(sizes, 100 * np.array(shares), "o-", color="black")
right.set(xlabel="rows held", ylabel="deletions that broke the trace (%)", ylim=(0, None))
plt.show()
