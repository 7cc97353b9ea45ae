"""
Sets and intervals that hold the truth
======================================

A model that is 95 % accurate does not say which of its predictions are the wrong ones. Conformal
prediction gives a set of labels, or an interval, that holds the truth as often as it promises, whatever
the model and however few the rows. The full form of it needs a model for every candidate: here it is one
model that learns the candidate, is read, and forgets it.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.datasets import load_diabetes, load_iris

from sqlearn import verify
from sqlearn.conformal import FullConformalClassifier, FullConformalRegressor
from sqlearn.linear_model import LinearRegression
from sqlearn.naive_bayes import GaussianNB

# %%
# Two measures of iris flowers, of three species. For every point of the plane, the set of species that
# 95 % confidence leaves: one near the flowers, all three far from them, where a candidate of any species
# would pull that species along.

X, y = load_iris(return_X_y=True)
X = X[:, 2:]  # length and width of the petals
model = FullConformalClassifier(GaussianNB(), confidence_level=0.95).fit(X, y)

across, up = np.meshgrid(np.linspace(0.3, 7.5, 34), np.linspace(-0.2, 2.9, 28))
plane = np.column_stack([across.ravel(), up.ravel()])
points, sets = model.predict_set(plane)
for size, n in enumerate(np.bincount(sets[:, :, 0].sum(axis=1))):
    print(f"{n} points of the plane have a set of {size}")

# %%
# Ten bad flowers arrive: petals were measured in other units. To forget them leaves the bytes, and so the
# sets, of a predictor that never saw them.

bad = X[y == 0][:10] * 3.0, y[y == 0][:10]
model.partial_fit(*bad)
_, with_bad = model.predict_set(plane)
model.forget(*bad)
verify(model, X, y)

# %%
# Sets of one species have its colour, those of several are grey, the darkest of all three. White sets are
# empty: between two species, the model is less certain of either than it is of 95 % of the flowers. The bad
# flowers are few, but the normal distribution of their species grows wide, and takes over half of the plane:

species = load_iris().target_names
colours = [*("white", "#c6dbef", "#fdd0a2", "#bdbdbd", "#c7e9c0", "#bdbdbd", "#bdbdbd", "#737373")]  # by the set
fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, found, title in zip(axes, (sets, with_bad), ("150 flowers", "and ten bad ones"), strict=True):
    which = (found[:, :, 0] @ [1, 2, 4]).reshape(across.shape)
    ax.pcolormesh(across, up, which, cmap=ListedColormap(colours), vmin=-0.5, vmax=7.5)
    for label, colour in enumerate(("tab:blue", "tab:orange", "tab:green")):
        ax.scatter(*X[y == label].T, s=12, color=colour, label=species[label])
    if found is with_bad:
        ax.scatter(*bad[0].T, s=24, marker="x", color="tab:red", label="bad")
    ax.set(title=title, xlabel="length of petals (cm)")
axes[0].set_ylabel("width of petals (cm)")
axes[1].legend(loc="lower right")
plt.show()

# %%
# Intervals for targets, from 100 patients: where the promise is 90 %, about 90 % of the others' targets
# are inside. For linear regression they are computed for all targets at once, exactly.

X, y = load_diabetes(return_X_y=True)
order = np.random.default_rng(2).permutation(len(y))
known, asked = order[:100], order[100:]
levels = np.linspace(0.05, 0.95, 19)
line = FullConformalRegressor(LinearRegression(), confidence_level=levels).fit(X[known], y[known])
points, intervals = line.predict_interval(X[asked])
inside = (intervals[:, 0] <= y[asked, None]) & (y[asked, None] <= intervals[:, 1])

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.plot(100 * levels, 100 * inside.mean(axis=0), "o-", label="342 other patients")
left.plot([0, 100], [0, 100], color="black", linestyle=":", label="as promised")
left.set(xlabel="promised (%)", ylabel="targets inside of their interval (%)")
left.legend()
some = np.argsort(points)[::6]
at = int(np.argmin(np.abs(levels - 0.9)))
low, high = intervals[some, :, at].T
right.vlines(np.arange(len(some)), low, high, color="tab:blue", alpha=0.5, linewidth=3, label="90 % interval")
right.plot(points[some], "_", color="black", label="prediction")
hit = inside[some, at]
right.plot(np.flatnonzero(hit), y[asked][some][hit], ".", color="tab:green", label="target inside")
right.plot(np.flatnonzero(~hit), y[asked][some][~hit], "x", color="tab:red", label="outside")
right.set(xlabel="patients, by prediction", ylabel="progression of diabetes", xticks=[])
right.legend(fontsize="small", loc="upper left")
plt.show()
