"""The labels of the records held, as scikit-learn has them."""

import numpy as np


def label_array(state, labels: list | None = None) -> np.ndarray:
    """The classes held as scikit-learn's ``classes_``: sorted, int64 (uint64 beyond it) or the shortest string type.

    Of some of them only, if their sorted `labels` are given.

    They are bool if booleans were learned first, and as long as False and True are the only labels held. Strings are
    objects where one ends in NUL, since numpy's strings have no NULs at their ends.
    """
    labels = state.labels() if labels is None else labels
    if any(isinstance(label, str) and label.endswith("\0") for label in labels):
        return np.array(labels, object)
    booleans = state.layout.labels == "bool" and set(labels) <= {0, 1}
    array = np.array(labels, bool if booleans else None)
    if array.dtype.kind == "f":  # integers that int64 does not hold, and float64 not exactly
        array = np.array(labels, np.uint64 if labels[0] >= 0 else object)
    return array
