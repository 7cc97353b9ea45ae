"""
A request to erase a person
===========================

Somebody asks for their data to be removed. A :class:`sqlearn.Store` keeps a model and its
training rows in one file. One call takes the person out of the model *and* out of the file.
"""

# %%
# A store of the Titanic's passengers
# -----------------------------------
# The name is the id. Tickets and cabins are left out.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sqlearn import Store
from sqlearn.compose import TableModel
from sqlearn.datasets import load_titanic
from sqlearn.linear_model import RidgeClassifier

titanic = load_titanic()
table = dict(zip(titanic.feature_names, titanic.data.T))
del table["ticket"], table["cabin"]
table["survived"] = titanic.target

folder = tempfile.TemporaryDirectory()
model = TableModel(RidgeClassifier(), columns={"pclass": "category"})
path = Path(folder.name) / "titanic.sqlearn"
store = Store.create(path, model, table, target="survived", id="name")
store

# %%
# The request
# -----------
# Mr. Thomas Drake Martinez Cardeza paid the highest fare of all, so the model has learned a
# good deal from him. The file holds his name and his fare.

person = "Cardeza, Mr. Thomas Drake Martinez"
before = store.model

receipt = store.forget(ids=[person])
print(receipt)

# %%
# Two proofs. The model equals one that was never shown this row, byte for byte:

store.verify()

# %%
# No trace of the name is left in the file. (His fare is, as two others paid the same; their
# rows are still there.)

print(store.erasure_report(values=[person, 512.3292]))

# %%
# What the model had learned from one person
# ------------------------------------------
# The difference of the coefficients before and after is what this one row had contributed.
# It is also why old models must be deleted: whoever has both models can compute it.

after = store.model
names = list(after.get_feature_names_out())
assert names == list(before.get_feature_names_out())
change = (after.coef_ - before.coef_).ravel()
order = np.argsort(np.abs(change))

fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
colours = np.where(change[order] < 0, "tab:red", "tab:blue")
ax.barh(np.array(names)[order], change[order], color=colours)
ax.axvline(0, color="black", linewidth=0.8)
ax.set_xlabel("change of the coefficient")
ax.set_title("What one passenger had taught the model")
plt.show()

# %%
store.close()
folder.cleanup()
