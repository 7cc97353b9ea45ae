"""
Float drift beside exact sums
=============================

Why not just subtract? Because float sums do not return to their values. Here records are learned and
forgotten again, many times over, and after each cycle the variance of what is left should
be what it was.
"""

import matplotlib.pyplot as plt
import numpy as np

from sqlearn import verify
from sqlearn.preprocessing import StandardScaler

# %%
# 200 prices stay. In each cycle, one more price with a typing error is learned and forgotten again. The
# errors grow from ten to a billion times the price.

rng = np.random.default_rng(0)
stay = rng.normal(100.0, 15.0, size=(200, 1))
slips = 100.0 * np.logspace(1, 9, 300)

n, total, squares = len(stay), stay.sum(), np.square(stay).sum()
model = StandardScaler().fit(stay)
true = model.var_[0]

floats, exact = [], []
for slip in slips:
    total, squares = total + slip, squares + slip**2
    total, squares = total - slip, squares - slip**2
    floats.append(abs(squares / n - (total / n) ** 2 - true) / true)
    model.partial_fit([slip]).forget([slip])
    exact.append(abs(model.var_[0] - true) / true)

# %%
# The exact model ends with the bytes of one that never saw an error:

verify(model, stay)

# %%
# The error of the exact model is zero. The scale of the plot has no zero, so it is drawn at the bottom.

drifted = squares / n - (total / n) ** 2
print(f"variance {true:.2f}; float sums say {drifted:.2f}, exact sums {model.var_[0]:.2f}")
print(f"largest relative error: {max(floats):.3g} and {max(exact):.3g}")

floor = 1e-17
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.loglog(slips, np.maximum(floats, floor), color="tab:red", label="float64 sums")
ax.loglog(slips, np.maximum(exact, floor), color="tab:blue", linewidth=2.5, label="sqlearn (0)")
ax.axhline(1.0, color="black", linewidth=0.8, linestyle=":")
ax.text(1.2e3, 2.0, "as large as the variance itself", fontsize=8)
ax.set(xlabel="value learned and forgotten", ylabel="relative error of the variance")
ax.set_ylim(3e-18, 1e4)
ax.legend(loc="center right")
plt.show()
