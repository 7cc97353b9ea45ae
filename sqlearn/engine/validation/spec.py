"""What a learner takes, in one object that validation reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.validation.batch import Batch
from sqlearn.engine.validation.layout import Layout


class Features(NamedTuple):
    """Validated features, see :class:`~sqlearn.engine.validation.batch.Batch`.

    Attributes
    ----------
    x : float64[n, d] or CSR array
        Numbers.
    codes : int64[n, c]
        Categories, as indices of `levels`.
    levels : list of list
        Canonical categories of each column.
    inputs : uint64[n, k], optional
        Words that name what each record was made of, where that is not `x`.
    """

    x: np.ndarray | sp.csr_array
    codes: np.ndarray
    levels: list[list[Any]]
    inputs: np.ndarray | None = None

    @classmethod
    def of_numbers(cls, x: np.ndarray | sp.csr_array) -> "Features":
        """Features of records without categories."""
        return cls(x, np.zeros((x.shape[0], 0), np.int64), [])


class Responses(NamedTuple):
    """Validated labels and values to predict, see :class:`~sqlearn.engine.validation.batch.Batch`.

    Attributes
    ----------
    label_codes : int64[n]
        Labels, as indices of `labels`; empty where there are none.
    labels : list
        Canonical labels.
    targets : float64[n, t]
        Values to predict.
    """

    label_codes: np.ndarray
    labels: list[Any]
    targets: np.ndarray


@dataclass(frozen=True)
class Spec:
    """What a learner takes, under the parameters in force.

    Attributes
    ----------
    learner : str
        Its name, for messages.
    target : {None, "label", "value"}
        What a record carries beside its features.
    sparse : bool
        Whether it takes sparse rows.
    allow_nan : bool
        Whether it takes NaN.
    multi_output : bool
        Whether a record may have several values to predict.
    sparse_form : bool
        Whether records are CSR rows inside.
    features : callable
        Of this object, rows and a layout or None: validated features, and the layout that has them.
    responses : callable
        Of this object, labels or values, validated features and their layout: validated responses, and the layout that
        has them. A keyword, `first`, tells whether they fix it.
    check : callable
        Raises at a batch that the learner does not take.
    """

    learner: str
    target: str | None
    sparse: bool
    allow_nan: bool
    multi_output: bool
    sparse_form: bool
    features: Callable[["Spec", Any, Layout | None], tuple[Features, Layout]]
    responses: Callable[..., tuple[Responses, Layout]]
    check: Callable[[Batch], None]
