"""
Folds that stay
===============

Which fold is a row in? With ``KFold``, that depends on its position, so one row less moves
others into other folds, and all scores change. With ``HashedKFold`` it depends on the row
alone.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold, cross_val_score

from sqlearn.linear_model import Ridge
from sqlearn.model_selection import GridSearchCV, HashedKFold

# %%
# Rows are deleted one by one, from the front. After each deletion the model is scored again in
# five folds of both kinds.

X, y = load_diabetes(return_X_y=True)
model = Ridge(alpha=0.1)
kinds = {"KFold": KFold(5), "HashedKFold": HashedKFold(5)}
scores = {}
for name, cv in kinds.items():
    scores[name] = np.array([cross_val_score(model, X[gone:], y[gone:], cv=cv) for gone in range(12)])

fig, axes = plt.subplots(1, 2, sharey=True, figsize=(8, 3.2))
for ax, (name, found) in zip(axes, scores.items()):
    ax.plot(found)
    ax.set(title=name, xlabel="rows deleted")
axes[0].set_ylabel("score of each fold")
fig.tight_layout()

# %%
# A hashed fold changes by the row that went, and by no other. How far do scores move with one
# deletion, on average?

for name, found in scores.items():
    print(f"{name}: {np.abs(np.diff(found, axis=0)).mean():.4f}")

# %%
# A search on such folds forgets. After the deletion it holds what a search that never saw the rows
# would hold, and its choice is that search's.

grid = {"alpha": np.logspace(-3, 1, 9).tolist()}
search = GridSearchCV(Ridge(), grid).fit(X, y)
search.forget(X[:60], y[:60])
never = GridSearchCV(Ridge(), grid).fit(X[60:], y[60:])
assert search.digest() == never.digest()
assert search.best_params_ == never.best_params_
assert search.cv_results_["mean_test_score"].tobytes() == never.cv_results_["mean_test_score"].tobytes()
search.best_params_
