"""
Any estimator by shards
=======================

A random forest of scikit-learn's cannot forget. An ensemble of them can: each learns the rows of one shard, and
whoever forgets a row fits one of them again. Here the shards are people who labelled images, and one of them was not
careful.
"""

# %%
# Five people label the digits of scikit-learn. Cem is off by one in nine of ten cases. Each person is a group, so each
# has a member of the ensemble, by name:

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from sqlearn import verify
from sqlearn.ensemble import ShardedClassifier

rng = np.random.default_rng(0)
X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
people = np.array(["Ada", "Ben", "Cem", "Dua", "Eva"])
who = people[np.arange(len(y)) % len(people)]
wrong = (who == "Cem") & (rng.random(len(y)) < 0.9)
labels = np.where(wrong, (y + 1) % 10, y)

model = ShardedClassifier(RandomForestClassifier(20)).fit(X, labels, groups=who)
alone = {name: member.score(X_test, y_test) for name, member in zip(model.names_, model.estimators_, strict=True)}
print(f"accuracy of all: {model.score(X_test, y_test):.3f}")

# %%
# What if that member had no vote? A weight of 0 switches it off, and nothing is forgotten or fitted:

model.set_group_weight("Cem", 0)
print(f"without the vote of Cem: {model.score(X_test, y_test):.3f}")
model = model.set_group_weight("Cem", 1)

# %%
# The wrong labels are found. The rows are relabelled, at once, and one member is due. It is fitted again
# when the model is next asked:

model.relabel(X[wrong], labels[wrong], y[wrong])
print("due:", [shard.name for shard in model.shards_ if not shard.is_fitted])
print(f"after the correction: {model.score(X_test, y_test):.3f}")
verify(model, X, y, groups=who)

# %%
# When Cem withdraws, rows, member and name go together, and no other member is touched. The model has the bytes of one
# that never met Cem:

model.forget_groups("Cem")
verify(model, X[who != "Cem"], y[who != "Cem"], groups=who[who != "Cem"])

# %%
# Rows of nobody in particular go to shards by a hash of each row. Forgetting rows that are scattered costs as many fits
# as there are shards among them, once each: of 16 shards, a single row costs one, and 20 rows some 12. On the left, how
# well the member of each person did at first, on other images.

model = ShardedClassifier(RandomForestClassifier(10), n_shards=16).fit(X, y)
counts = [1, 2, 5, 10, 20, 50, 100]
due = []
for n in counts:
    rows = rng.choice(len(y), n, replace=False)
    with model.without(X[rows], y[rows]):
        due.append(sum(not shard.is_fitted for shard in model.shards_))

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.bar(alone.keys(), alone.values(), color=["tab:red" if name == "Cem" else "0.7" for name in alone])
left.set(ylabel="accuracy of the member alone", ylim=(0.0, 1.0))
expected = 16 * (1 - (1 - 1 / 16) ** np.arange(1, 101))
right.semilogx(np.arange(1, 101), expected, color="0.6", label="expected")
right.semilogx(counts, due, "o", color="tab:blue", label="of this model")
right.set(xlabel="rows forgotten", ylabel="members fitted again, of 16")
right.legend()
plt.show()
