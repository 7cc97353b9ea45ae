"""Records that are a parameter: those that a learner was given beside the ones that it learns."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from sqlearn.engine.validation.batch import Batch


@dataclass(eq=False, repr=False)
class GivenRecords:
    """Validated records, as a parameter in force keeps them: they do not change.

    Attributes
    ----------
    x : float64[n, d]
        Features.
    label_codes : int64[n]
        Index of each class label in `labels`; zeros where there are no classes.
    labels : list
        Canonical labels.
    targets : float64[n, t]
        Values to predict; t is 0 where there are none.
    weights : float64[n]
        Weights.
    """

    x: np.ndarray
    label_codes: np.ndarray
    labels: list[Any]
    targets: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        for array in (self.x, self.label_codes, self.targets, self.weights):
            array.flags.writeable = False

    @classmethod
    def of(cls, batch: Batch) -> Self:
        """The records of a batch, of dense rows."""
        codes = batch.label_codes if len(batch.labels) else np.zeros(len(batch), np.int64)
        return cls(_canonical(batch.x), codes.copy(), [*batch.labels], batch.targets + 0.0, batch.weights + 0.0)

    def __len__(self) -> int:
        return len(self.weights)

    def __repr__(self) -> str:
        return f"<{len(self)} records, {self.digest[:16]}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.contents().values())  # without the digest, which is found anew

    def contents(self) -> dict[str, Any]:
        """What it is made of, by name."""
        return {name: getattr(self, name) for name in ("x", "label_codes", "labels", "targets", "weights")}

    @cached_property
    def digest(self) -> str:
        """Hex BLAKE2b-256 of the records, in the order in which they were given."""
        found = hashlib.blake2b(json.dumps([self.x.shape, self.labels, self.targets.shape]).encode(), digest_size=32)
        for array in (self.x, self.label_codes, self.targets, self.weights):
            found.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
        return found.hexdigest()

    def first_among(self, batch: Batch) -> int:
        """The first row of a batch that equals one of them, whatever their weights; -1 if there is none."""
        names, has_labels = self._names, bool(batch.labels)
        for i, row in enumerate(_canonical(batch.x)):
            known = names.get(row.tobytes())
            if known is None:
                continue
            response = batch.labels[batch.label_codes[i]] if has_labels else (batch.targets[i] + 0.0).tobytes()
            if response in known:
                return i
        return -1

    @cached_property
    def _names(self) -> dict[bytes, set[Any]]:
        """Labels or targets, by features."""
        found: dict[bytes, set[Any]] = {}
        for i, row in enumerate(self.x):
            response = self.labels[self.label_codes[i]] if self.labels else self.targets[i].tobytes()
            found.setdefault(row.tobytes(), set()).add(response)
        return found


def _canonical(x: Any) -> np.ndarray:
    """Features, of which equal ones have the same bytes: without -0.0, and with one NaN."""
    dense = np.array(x.toarray() if hasattr(x, "toarray") else x, np.float64, order="C")
    dense[np.isnan(dense)] = np.nan
    dense += 0.0
    return dense
