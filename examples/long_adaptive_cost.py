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
# 300 deletions at random from models of ten thousand to a million rows, and scikit-learn's refit; eight times, each
# with other data and other deletions, since a single stream may be lucky.

sizes = [10_000, 30_000, 100_000, 300_000, 1_000_000]
seeds, n_gone = range(8), 300
medians, means, breaks, refits = (np.zeros((len(sizes), len(seeds))) for _ in range(4))
for seed in seeds:
    X, y = make_classification(sizes[-1], 10, random_state=seed)
    rng = np.random.default_rng(seed)
    for k, n in enumerate(sizes):
        model = LogisticRegression().fit(X[:n], y[:n])
        gone = rng.permutation(n)[:n_gone]
        times = []
        for i in gone:
            start = perf_counter()
            model.forget(X[i], y[i])
            times.append(perf_counter() - start)
            breaks[k, seed] += model.last_update_.broke_at is not None
        start = perf_counter()
        Peer().fit(X[:n], y[:n])
        refits[k, seed] = perf_counter() - start
        medians[k, seed], means[k, seed] = np.median(times), np.mean(times)

for n, found in zip(sizes, breaks):
    print(
        f"{n:9,} rows: of {n_gone} deletions {found.mean():.1f} broke the trace; in the worst stream {found.max():.0f}"
    )

# %%
# The last model, after its last deletion:

left = np.delete(np.arange(n), gone)
verify(model, X[left], y[left])

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), width_ratios=(3, 2), layout="constrained")
left.loglog(sizes, refits.mean(axis=1), "o-", color="tab:orange", label="refit with scikit-learn")
left.loglog(sizes, means.max(axis=1), "v:", color="tab:blue", label="forget one row: mean, worst stream")
left.loglog(sizes, means.mean(axis=1), "s-", color="tab:blue", label="forget one row: mean")
left.loglog(sizes, np.median(medians, axis=1), "^-", color="tab:cyan", label="forget one row: median")
left.set(xlabel="rows held", ylabel="seconds", title="LogisticRegression, 10 features")
left.legend()
right.semilogx(sizes, 100 / n_gone * breaks.mean(axis=1), "o-", color="black", label="mean")
right.semilogx(sizes, 100 / n_gone * breaks.max(axis=1), "v:", color="black", label="worst stream")
right.set(xlabel="rows held", ylabel="deletions that broke the trace (%)", ylim=(0, None))
right.legend()
plt.show()
