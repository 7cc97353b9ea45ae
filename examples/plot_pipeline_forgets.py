"""
A pipeline forgets as a whole
=============================

A row leaves traces in every step of a pipeline: in the means that scale, in the components, in the
learner. Here a hundred broken measurements turn the components of a pipeline, and are taken out again.
"""

# %%
# The data
# --------
# Eight sensors measure three hidden quantities. A hundred rows come from a logger that
# wrote one sensor in another unit.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_low_rank_matrix

from sqlearn import verify
from sqlearn.decomposition import PCA
from sqlearn.linear_model import Ridge
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import StandardScaler

rng = np.random.default_rng(3)
X = 100 * make_low_rank_matrix(3000, 8, effective_rank=3, random_state=3)
y = X[:, 0] + 2 * X[:, 3] + 0.1 * rng.normal(size=len(X))
broken = np.arange(100)
X[broken, 5] *= 1000

# %%
# The pipeline
# ------------
# The import is the only line that differs from a script that uses scikit-learn.

pipe = make_pipeline(StandardScaler(), PCA(3), Ridge()).fit(X, y)
pca = pipe.named_steps["pca"]
before = pca.components_.copy()
left = np.arange(100, len(X))
print("R2 of the other rows:", round(pipe.score(X[left], y[left]), 3))

# %%
# Forgetting
# ----------
# One call takes the rows out of all steps. ``pca`` is the step in the state that it has now.

pipe.forget(X[broken], y[broken])
print("R2 of the other rows:", round(pipe.score(X[left], y[left]), 3))
verify(pipe, X[left], y[left])

# %%
# The loadings of the first component, before and after:

places = np.arange(8)
plt.bar(places - 0.2, np.abs(before[0]), 0.4, label="with the broken rows")
plt.bar(places + 0.2, np.abs(pca.components_[0]), 0.4, label="after they are forgotten")
plt.xlabel("sensor")
plt.ylabel("loading in the first component")
plt.legend()
plt.show()
