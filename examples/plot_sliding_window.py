"""
A sliding window
================

A stream drifts. The model should hold the last 200 observations and nothing older. Each
step learns one record and forgets one, and rounding errors do not add up, however long the
stream runs.
"""

import matplotlib.pyplot as plt
import numpy as np

from sqlearn import verify
from sqlearn.linear_model import LinearRegression

# %%
# The slope of the stream changes its sign in the middle.

rng = np.random.default_rng(0)
n, width = 2_000, 200
X = rng.normal(size=(n, 1))
slope = 2.0 * np.cos(np.linspace(0, np.pi, n))
y = slope * X[:, 0] + rng.normal(scale=0.5, size=n)

# %%
# A model of the window, and one that holds everything so far:

window = LinearRegression().fit(X[:width], y[:width])
everything = LinearRegression().fit(X[:width], y[:width])
times, slopes = [], []
for now in range(width, n):
    window.partial_fit(X[now], y[now]).forget(X[now - width], y[now - width])
    everything.partial_fit(X[now], y[now])
    if now % 20 == 0:
        times.append(now)
        slopes.append((window.coef_[0], everything.coef_[0]))

# %%
# After 1,800 steps the window is the model of the last 200 rows alone, byte for byte:

verify(window, X[-width:], y[-width:])

# %%
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(slope, color="black", linewidth=1, label="true slope")
ax.plot(times, [pair[0] for pair in slopes], color="tab:blue", label=f"last {width} records")
ax.plot(times, [pair[1] for pair in slopes], color="tab:orange", label="all records")
ax.set(xlabel="time", ylabel="slope")
ax.legend()
plt.show()
