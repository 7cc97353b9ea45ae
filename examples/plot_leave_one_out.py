"""
Leave-one-out with ``without``
==============================

How much does the model depend on a single row? Inside ``with model.without(x, y)`` the
model is the one that never saw the row, without a refit. When the block ends, the row is
back.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from sqlearn.linear_model import Ridge

# %%
# Every row is left out once, and predicted by the model of all others.

X, y = load_diabetes(return_X_y=True)
model = Ridge(alpha=0.1).fit(X, y)
digest = model.digest()
fitted = model.predict(X)

left_out = np.empty(len(y))
shift = np.empty(len(y))
coef = model.coef_
for i in range(len(y)):
    with model.without(X[i], y[i]):
        left_out[i] = model.predict(X[i : i + 1])[0]
        shift[i] = np.linalg.norm(model.coef_ - coef)

# %%
# After 442 such blocks, the model has the same bytes as before:

assert model.digest() == digest
errors = [np.sqrt(np.mean((y - found) ** 2)) for found in (left_out, fitted)]
print("leave-one-out error {:.2f}; error on the training rows {:.2f}".format(*errors))

# %%
# The rows that the coefficients depend on most:

most = np.argsort(shift)[-5:]
fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
points = ax.scatter(fitted, y - left_out, c=shift, s=20, cmap="viridis")
for i in most:
    ax.annotate(f"row {i}", (fitted[i], y[i] - left_out[i]), fontsize=8)
ax.axhline(0, color="black", linewidth=0.8)
ax.set(xlabel="prediction", ylabel="error when the row is left out")
fig.colorbar(points, label="shift of the coefficients")
plt.show()
