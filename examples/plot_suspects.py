"""
Find the wrong labels
=====================

Some labels of a data set are wrong, and nobody knows which. ``suspects`` asks for each row
the model that never saw it, for the price of a forget, and puts the rows first whose labels
these models do not believe.
"""

# %%
# Handwritten digits, of which 5 % get another label.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict, train_test_split

from sqlearn import verify
from sqlearn.inspection import RemovalCurveDisplay, suspects
from sqlearn.linear_model import RidgeClassifier

X, truth = load_digits(return_X_y=True)
X, X_test, truth, y_test = train_test_split(X, truth, test_size=0.3, random_state=0)
rng = np.random.default_rng(0)
flipped = rng.choice(len(X), len(X) // 20, replace=False)
y = truth.copy()
y[flipped] = (y[flipped] + rng.integers(1, 10, len(flipped))) % 10

model = RidgeClassifier().fit(X, y)
found = suspects(model, X, y)
found

# %%
# The first twelve. Below each image: the label that it was given, and the one that the model
# without it gives; in red where the label given was right.

fig, axes = plt.subplots(2, 6, figsize=(7, 3.2), layout="constrained")
for i, ax in zip(found.order, axes.ravel()):
    ax.imshow(X[i].reshape(8, 8), cmap="gray_r")
    ax.set_xlabel(f"{y[i]}, rather {found.label[i]}?", color="tab:red" if y[i] == truth[i] else "black")
    ax.set(xticks=[], yticks=[])
plt.show()

# %%
# How many of the wrong labels are among as many rows as there are wrong labels? Beside it, the
# same learner's rankings by the model that has seen all rows, and by cross-validation, whose
# models miss a fifth of the rows.


def margin(decision):
    """By how much the best other class beats the label given."""
    own = decision[np.arange(len(y)), y]
    others = decision.copy()
    others[np.arange(len(y)), y] = -np.inf
    return others.max(axis=1) - own


folds = cross_val_predict(RidgeClassifier(), X, y, cv=5, method="decision_function")
rankings = {
    "suspects": found.order,
    "the model itself": np.argsort(-margin(model.decision_function(X)), kind="stable"),
    "cross-validation": np.argsort(-margin(folds), kind="stable"),
}
for name, order in rankings.items():
    hits = np.isin(order[: len(flipped)], flipped).mean()
    print(f"{name:18} {hits:.0%} of the first {len(flipped)} are wrong labels")

# %%
# Should they all be forgotten, without a look at them? The curve has the accuracy on digits that
# the model has not seen, as the suspects go, the worst first. Most of the rows left of the
# dotted line have wrong labels, and nothing is lost with them. Behind it are rows whose labels are
# right, and hard to learn: without these, the model gets worse than without as many others.
# So suspects are worth a look. No point of these curves took a refit.

RemovalCurveDisplay.from_estimator(
    model, X, y, X_test, y_test, order=found.order, steps=np.arange(0, 201, 20), scoring="accuracy"
)
plt.axvline(len(flipped), color="0.6", linestyle=":", linewidth=1)
plt.show()

# %%
# Somebody looks at the suspects, and corrects what is wrong. The model is then the one that
# was given these labels from the start:

seen = found.order[: len(flipped)]
wrong = seen[y[seen] != truth[seen]]
model.relabel(X[wrong], y[wrong], truth[wrong])
y[wrong] = truth[wrong]
verify(model, X, y)
