"""
A table whose category disappears
=================================

A one-hot encoder that was fitted on a row remembers its category, even when the learner
behind it forgets the row. A :class:`sqlearn.compose.TableModel` has the encoding inside:
when the last row of a category is forgotten, its column goes, too.
"""

# %%
# Cars for sale. One of them runs on gas.

import matplotlib.pyplot as plt
import numpy as np

from sqlearn import verify
from sqlearn.compose import TableModel
from sqlearn.linear_model import Ridge

rng = np.random.default_rng(0)
n = 60
fuel = rng.choice(["diesel", "electric", "petrol"], n).astype(object)
fuel[17] = "gas"
age = rng.integers(0, 15, n).astype(float)
age[rng.random(n) < 0.1] = np.nan
extra = {"diesel": 1.0, "electric": 6.0, "petrol": 0.0, "gas": -4.0}
price = 22.0 - 1.2 * np.nan_to_num(age, nan=7.0) + rng.normal(size=n)
price += np.array([extra[kind] for kind in fuel])
table = {"age": age, "fuel": fuel}

model = TableModel(Ridge(alpha=0.5)).fit(table, price)
before = dict(zip(model.get_feature_names_out(), model.coef_))
print(*before)

# %%
# The car on gas is withdrawn. Its column disappears, and the mean age and all scales are those
# of the remaining cars:

mean_before = model.encoder_.means[0]
model.forget({"age": age[17], "fuel": "gas"}, price[17])
after = dict(zip(model.get_feature_names_out(), model.coef_))
print(*after)
print(f"mean age {mean_before:.4f}, then {model.encoder_.means[0]:.4f}")

# %%
# The model equals one that was fitted on the other 59 cars:

left = np.arange(n) != 17
verify(model, {name: column[left] for name, column in table.items()}, price[left])

# %%
names = list(before)
y = np.arange(len(names))
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.barh(y - 0.2, [before[name] for name in names], 0.38, color="0.7", label="before")
ax.barh(y + 0.2, [after.get(name, 0.0) for name in names], 0.38, color="tab:blue", label="after")
gone = names.index("fuel_gas")
ax.text(0.1, gone + 0.2, "no such column", va="center", fontsize=9)
ax.axvline(0, color="black", linewidth=0.8)
ax.set_yticks(y, names)
ax.invert_yaxis()
ax.set_xlabel("coefficient")
ax.legend(loc="lower right")
plt.show()
