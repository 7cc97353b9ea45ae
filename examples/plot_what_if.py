"""
What if some passengers had never been
======================================

Fifteen passengers of the Titanic paid nothing. A model without them: the group nullified by
weights of 0, and its rows forgotten; each with retraining, and without. All four have the
same coefficients, bit for bit.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

from sqlearn.compose import TableModel
from sqlearn.datasets import load_titanic
from sqlearn.linear_model import LogisticRegression

titanic = load_titanic()
names = ["pclass", "sex", "age", "sibsp", "parch", "fare", "embarked"]
table = {name: titanic.data[:, titanic.feature_names.index(name)] for name in names}
survived = titanic.target
free = table["fare"] == 0


def rows(chosen):
    return {name: column[chosen] for name, column in table.items()}


def fitted(*given, **weights):
    return TableModel(LogisticRegression()).fit(*given, **weights)


everybody = fitted(table, survived)
everybody

# %%
# Four ways to the same model. In place, the group is taken out of a model that has learned
# everybody; to nullify it, it comes back with weights of 0.


def nullified_retrained(model):
    return fitted(table, survived, sample_weight=np.where(free, 0.0, 1.0))


def forgotten_retrained(model):
    return fitted(rows(~free), survived[~free])


def nullified_in_place(model):
    model.forget(rows(free), survived[free])
    return model.partial_fit(rows(free), survived[free], sample_weight=np.zeros(free.sum()))


def forgotten_in_place(model):
    return model.forget(rows(free), survived[free])


ways = nullified_retrained, nullified_in_place, forgotten_retrained, forgotten_in_place
models, seconds = {}, {}
for way in ways:
    taken = []
    for _ in range(7):
        model = fitted(table, survived)
        began = time.thread_time()
        models[way] = way(model)
        models[way].coef_
        taken.append(time.thread_time() - began)
    seconds[way] = np.median(taken)
    print(
        f"{way.__name__:20s}  {models[way].n_records_} rows held"
        f"  accuracy {models[way].score(table, survived):.4f}  {1000 * seconds[way]:.1f} ms"
    )

# %%
# They do not differ in a single bit of a coefficient. They do differ in what they hold: the
# digests are those of two models, one with 15 rows that count for nothing.

assert len({model.coef_.tobytes() for model in models.values()}) == 1
assert models[nullified_in_place].digest() == models[nullified_retrained].digest()
assert models[forgotten_in_place].digest() == models[forgotten_retrained].digest()

# %%
# What fifteen passengers of 891 had done to the coefficients, and what each way takes:

without = models[forgotten_in_place]
order = np.argsort(np.abs(everybody.coef_.ravel()))
features = everybody.get_feature_names_out()[order]

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5), width_ratios=[2, 1], layout="constrained")
for model, name, marker in ((everybody, "everybody", "o"), (without, "without the fifteen", "D")):
    left.plot(model.coef_.ravel()[order], np.arange(len(order)), marker, label=name, fillstyle="none")
left.set(yticks=np.arange(len(order)), yticklabels=features, xlabel="coefficient")
left.axvline(0, color="black", linewidth=0.8)
left.legend(loc="lower right")
right.barh([way.__name__.replace("_", ",\n").replace("in,\nplace", "in place") for way in ways],
           [1000 * seconds[way] for way in ways], color=["tab:grey", "tab:blue"] * 2)  # fmt: skip
right.invert_yaxis()
right.set(xlabel="milliseconds")
plt.show()
