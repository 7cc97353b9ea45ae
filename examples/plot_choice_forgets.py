"""
A choice that forgets
=====================

A few wrong rows do not only bend the coefficients of a lasso, they also change which penalty
cross-validation picks, and so which features it uses at all. When they are forgotten, the choice is
made again, and it is the one of a model that never saw them.
"""

import matplotlib.pyplot as plt
import numpy as np

from sqlearn import verify
from sqlearn.linear_model import LassoCV

# %%
# Two thousand orders, of which 5 of 20 columns matter. Then an import goes wrong: forty rows have their
# columns shifted by one, and the target in another currency.

rng = np.random.default_rng(0)
X = rng.normal(size=(2000, 20))
y = X[:, :5] @ [1.0, -0.8, 0.6, 0.4, -0.3] + rng.normal(size=2000)
wrong_X, wrong_y = np.roll(X[:40], 1, axis=1), 100.0 * y[:40]

model = LassoCV().fit(X, y)
print(f"right rows: alpha {model.alpha_:.4f}, {np.count_nonzero(model.coef_)} features")
paths = {"right rows": (model.alphas_, model.mse_path_, model.alpha_)}

model.partial_fit(wrong_X, wrong_y)
print(f"with wrong rows: alpha {model.alpha_:.4f}, {np.count_nonzero(model.coef_)} features")
paths["with 40 wrong rows"] = (model.alphas_, model.mse_path_, model.alpha_)

# %%
# Forgetting them takes microseconds for each row. The model is the one from before, byte for byte, and so
# is its choice. No other row has changed its fold:

model.forget(wrong_X, wrong_y)
print(f"after forgetting them: alpha {model.alpha_:.4f}, {np.count_nonzero(model.coef_)} features")
paths["after forgetting them"] = (model.alphas_, model.mse_path_, model.alpha_)

verify(model, X, y)

# %%
# The mean error over five folds along the paths of penalties. The wrong rows move the whole curve, and its
# minimum; the third curve lies on the first.

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
styles = {"right rows": ("tab:blue", "-", 4), "with 40 wrong rows": ("tab:red", "-", 2)}
for name, (alphas, errors, chosen) in paths.items():
    color, style, width = styles.get(name, ("black", ":", 2))
    mean = errors.mean(axis=1)
    ax.loglog(alphas, mean, style, color=color, linewidth=width, label=name)
    ax.plot(chosen, mean.min(), "o", color=color)
ax.set(xlabel="penalty", ylabel="mean squared error on the folds left out")
ax.legend()
plt.show()
