"""What may stand in front of a learner: maps of one row alone, which learn nothing from the rows that they map.

A transformer that needs a fit is fitted to rows that are made up here, from their number of columns alone. So whatever
it holds afterwards is a function of its parameters and of that number, and there is nothing to forget. To tell those
that would need other rows, it is fitted to two different samples: where they leave it in different states, it learns
from rows, and is refused.
"""

import copy
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sqlearn.engine.maps.walk import attributes_of, walked
from sqlearn.errors import ParameterError, shown

_FREEZE = (
    "Fit it on rows that need never be forgotten, and freeze it: sklearn.frozen.FrozenEstimator({name}(...).fit(X)). "
    "It then stays as it is, and remembers the rows that it was fitted to."
)
_INSTEAD = {
    "RBFSampler": " Set its gamma to a number.",
    "SplineTransformer": " Give its knots as an array.",
    "StandardScaler": " Use TableModel, which scales and forgets.",
    "OneHotEncoder": " Use TableModel, which encodes and forgets.",
    "OrdinalEncoder": " Use TableModel, which encodes and forgets.",
    "SimpleImputer": " Use TableModel, which imputes and forgets.",
    "CountVectorizer": " Use HashingVectorizer, or give its vocabulary.",
    "TfidfVectorizer": " Use HashingVectorizer, which has no idf.",
}
_SIZES = (7, 12)  # of the samples


def prepared(transform: Any, kind: str, width: int, copied: bool) -> Any:
    """What maps rows of this kind and number of columns: a copy, fitted to nothing but that.

    Parameters
    ----------
    transform : object
        What the user passed.
    kind : {"numbers", "sparse", "text", "table"}
        What a row is.
    width : int
        The number of its columns.
    copied : bool
        Whether to copy what learns nothing, so that changes of it do not reach the model.

    Raises
    ------
    ParameterError
        Where it learns from rows, or is nothing that maps rows.
    """
    name = type(transform).__name__
    if isinstance(transform, type):
        raise ParameterError(
            f"transformer must be an object, not the class {transform.__name__}. Nothing was changed: pass an "
            f"instance: {transform.__name__}().",
            value=transform,
        )
    if isinstance(transform, FrozenEstimator):  # where the user says so
        inner = transform.estimator
        try:
            check_is_fitted(inner)
        except (NotFittedError, TypeError) as error:
            raise ParameterError(
                f"The {type(inner).__name__} inside FrozenEstimator is not fitted, so it maps nothing. Nothing was "
                "changed: fit it before you freeze it.",
                value=inner,
            ) from error
        return _copy(transform) if copied else transform
    if hasattr(transform, "fit") and hasattr(transform, "get_params"):
        if not hasattr(transform, "transform"):
            raise ParameterError(
                f"{name} has no method `transform`, so it maps no rows. Nothing was changed: pass a transformer.",
                value=transform,
            )
        return _stateless(transform, kind, width)
    if isinstance(transform, str | bytes) or not any(
        callable(getattr(transform, verb, None)) for verb in ("transform", "encode", "__call__")
    ):
        raise ParameterError(
            f"transformer is {shown(transform)}, which maps no rows: it is neither a transformer nor an object with "
            "`encode`, and cannot be called. Nothing was changed: pass a transformer of scikit-learn, or a function of "
            "an array of rows.",
            value=transform,
        )
    return _copy(transform) if copied else transform


def _copy(transform: Any) -> Any:
    try:
        return copy.deepcopy(transform)
    except Exception as error:  # of any kind: it is the object's own
        raise ParameterError(
            f"The transformer {shown(transform)} cannot be copied, so the model could not keep it as it is now. "
            "Nothing was changed: pass a function that calls it, or a `fingerprint`, with which you promise "
            "that it stays as it is.",
            value=transform,
        ) from error


def _stateless(transform: Any, kind: str, width: int) -> Any:
    """A transformer that learns nothing from rows, fitted if it needs it."""
    name = type(transform).__name__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not get_tags(transform).requires_fit:
            return clone(transform)
        if kind == "table":
            raise ParameterError(
                f"{name} needs a fit, and what it would make of rows of text and numbers depends on them. Nothing was "
                f"changed. {_FREEZE.format(name=name)}",
                value=transform,
            )
        try:
            first, again, other = (clone(transform).fit(_sample(kind, width, size)) for size in (_SIZES[0], *_SIZES))
        except Exception as error:  # of any kind: it needs labels, or other rows
            raise ParameterError(
                f"{name} cannot be fitted to made-up rows like these ({kind}), so it depends on the rows that it is "
                f"given: {str(error).partition(chr(10))[0].rstrip('.:')}. Nothing was changed. "
                f"{_FREEZE.format(name=name)}",
                value=transform,
            ) from error
    if walked(first) != walked(again):
        raise ParameterError(
            f"{name} draws at random: two fits to the same rows differ. Nothing was changed: set its random_state to "
            "an int.",
            value=transform,
        )
    if walked(first) != walked(other):
        ours, theirs = attributes_of(first), attributes_of(other)
        learned = sorted(part for part in ours if ours[part] != theirs.get(part))
        what = learned[0] if learned else "state"
        raise ParameterError(
            f"{name} learns from rows: fitted to two samples, it has another {what}. What it learned of a row would "
            f"stay when the row is forgotten. Nothing was changed.{_INSTEAD.get(name, '')} {_FREEZE.format(name=name)}",
            value=transform,
        )
    return first


def _sample(kind: str, width: int, size: int) -> Any:
    """Made-up rows, which depend on these arguments alone."""
    if kind == "text":
        return [f"a{size} word{i % 3} of{i * size} row {i % size}" for i in range(size)]
    place = np.arange(size * width, dtype=np.float64).reshape(size, width)
    rows = 0.0625 * (1.0 + (place * 37.0 + size) % (8.0 * size + 1.0))
    return sp.csr_array(rows) if kind == "sparse" else rows
