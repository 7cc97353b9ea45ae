"""
Shards of two hospitals
=======================

Two hospitals must not pool their patients' rows. Each fits a model where the rows are.
``merge`` makes the model of all rows out of the two, and when a patient of one hospital
withdraws, the merged model forgets that row, too.
"""

# %%
# The hospitals see different patients: one has mostly benign tumours, the other mostly
# malignant ones.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from sqlearn import verify
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis

data = load_breast_cancer()
features = [0, 1]  # mean radius, mean texture
X, X_test, y, y_test = train_test_split(data.data[:, features], data.target, random_state=0)
rng = np.random.default_rng(0)
first = rng.random(len(X)) < np.where(y == 1, 0.9, 0.15)

here = LinearDiscriminantAnalysis().fit(X[first], y[first])
there = LinearDiscriminantAnalysis().fit(X[~first], y[~first])
print(f"{here.n_records_} patients here, {there.n_records_} there")

# %%
# Only the models travel, as pickles. The merged model has the bytes of the one that was
# fitted on all rows at one place:

models = {"first hospital": here.to_sklearn(), "second hospital": there.to_sklearn()}
merged = here.merge(there)
models["merged"] = merged.to_sklearn()
verify(merged, X, y)

# %%
# A model must not be shared with everyone: its exact sums reveal more than a rounded model.
# It is meant for partners who may see sums of the rows, but not the rows; with two models
# that differ by one row, they could compute that row.
#
# A patient of the second hospital withdraws:

i = int(np.flatnonzero(~first)[0])
verify(merged.forget(X[i], y[i]), np.delete(X, i, axis=0), np.delete(y, i))

# %%
# Accuracy on patients that neither hospital has seen:

scores = {name: model.score(X_test, y_test) for name, model in models.items()}
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), width_ratios=(3, 2), layout="constrained")
for seen, marker, name in ((first, "o", "first hospital"), (~first, "^", "second hospital")):
    colours = np.where(y[seen] == 1, "tab:blue", "tab:orange")
    left.scatter(*X[seen].T, s=14, c=colours, marker=marker, alpha=0.7, label=name)
radius = np.array([6.0, 28.0])
for (name, model), style in zip(models.items(), (":", "--", "-")):
    coef, intercept = model.coef_[0], model.intercept_[0]
    texture = -(coef[0] * radius + intercept) / coef[1]
    left.plot(radius, texture, style, color="black", label=f"boundary: {name}")
left.set(xlabel="mean radius", ylabel="mean texture", xlim=(6, 28), ylim=(9, 40))
left.legend(fontsize=7)
bars = right.bar(list(scores), list(scores.values()), color=["0.7", "0.7", "tab:green"])
right.bar_label(bars, fmt="%.3f")
right.set(ylabel="accuracy on other patients", ylim=(0.5, 1.0))
right.tick_params(axis="x", labelsize=8)
plt.show()
