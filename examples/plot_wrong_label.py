"""
A wrong label
=============

A label turns out to be wrong after the model was trained. ``relabel`` corrects it in one
step, and the model is the one that was given the right label from the start.
"""

# %%
# Two kinds of iris, and five labels that somebody mixed up.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from sqlearn import verify
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis

X, y = load_iris(return_X_y=True)
X, y = X[y != 0, 2:], y[y != 0]
wrong = np.argsort(X.sum(axis=1))[-5:]
entered = y.copy()
entered[wrong] = 1

model = LinearDiscriminantAnalysis().fit(X, entered)
line_before = model.coef_[0], model.intercept_[0]
model

# %%
# Correct them. The second call shows what happens when a correction is entered twice: the
# model no longer holds these rows with the old labels. It raises an error and does not change.

model.relabel(X[wrong], entered[wrong], y[wrong])
line_after = model.coef_[0], model.intercept_[0]
try:
    model.relabel(X[wrong], entered[wrong], y[wrong])
except ValueError as error:
    print(error)

# %%
# The model equals one that was fitted with the right labels:

verify(model, X, y)

# %%
# How far five labels had moved the boundary:

fig, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
for label, name, colour in ((1, "versicolor", "tab:blue"), (2, "virginica", "tab:orange")):
    ax.scatter(*X[y == label].T, s=18, color=colour, label=name)
ax.scatter(*X[wrong].T, s=90, facecolor="none", edgecolor="black", label="labels corrected")
length = np.array([2.8, 7.2])
for line, style, name in ((line_before, "--", "before"), (line_after, "-", "after")):
    (a, b), intercept = line
    ax.plot(length, -(a * length + intercept) / b, style, color="black", label=f"boundary {name}")
ax.set(xlabel="petal length (cm)", ylabel="petal width (cm)", xlim=(2.8, 7.2), ylim=(0.8, 3.1))
ax.legend(loc="upper left")
plt.show()
