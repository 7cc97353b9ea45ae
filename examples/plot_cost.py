"""
What forgetting costs
=====================

The time to forget a row does not grow with the number of rows held; the time to refit does.
This page measures both for a learner of sums. ``benchmarks/`` has the measurements at
larger sizes, with scikit-learn's learners beside them.
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression as Peer
from threadpoolctl import threadpool_limits

from sqlearn.linear_model import LinearRegression

# %%
# Forgetting is timed alone, and together with reading the coefficients, since these are
# what a refit gives. All run on one thread.

rng = np.random.default_rng(0)
sizes = [300, 1_000, 3_000, 10_000, 30_000, 100_000]
X = rng.normal(size=(sizes[-1], 20))
y = X @ rng.normal(size=20) + rng.normal(size=len(X))


def median_time(call, arguments):
    times = []
    for given in arguments:
        start = perf_counter()
        call(*given)
        times.append(perf_counter() - start)
    return np.median(times)


def forget_and_read(model, x, target):
    return model.forget(x, target).coef_


forgetting, with_coefficients, refits = [], [], []
with threadpool_limits(1):
    for n in sizes:
        model = LinearRegression().fit(X[:n], y[:n])
        rows = [(X[i], y[i]) for i in range(80)]
        forget_and_read(model, *rows[0])  # the first call is slower
        forgetting.append(median_time(model.forget, rows[1:40]))
        with_coefficients.append(median_time(forget_and_read, [(model, *row) for row in rows[40:]]))
        refits.append(median_time(Peer().fit, [(X[1:n], y[1:n])] * 3))

# %%
fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
ax.loglog(sizes, refits, "o-", color="tab:orange", label="refit with scikit-learn")
ax.loglog(sizes, with_coefficients, "s-", color="tab:blue", label="forget one row, read coef_")
ax.loglog(sizes, forgetting, "^-", color="tab:cyan", label="forget one row")
ax.set(xlabel="rows held", ylabel="seconds", title="LinearRegression, 20 features")
ax.grid(which="major", alpha=0.3)
ax.legend()
plt.show()

# %%
print("rows held   forget  and read     refit   (microseconds)")
for n, *times in zip(sizes, forgetting, with_coefficients, refits):
    print("{:9,} {:8.0f} {:9.0f} {:9.0f}".format(n, *(1e6 * t for t in times)))
