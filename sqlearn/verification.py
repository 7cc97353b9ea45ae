"""Proof by refit: whether a model has the bytes of one that only ever saw these rows."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from sqlearn.engine.model import ExactEstimator, Learner
from sqlearn.engine.sklearn_private import num_samples
from sqlearn.errors import InvalidValueError, UnsupportedError

__all__ = ["Verification", "compare", "verify"]


@dataclass(frozen=True)
class Verification:
    """What :func:`verify` found; true when the model equals its refit.

    Attributes
    ----------
    learner : str
        The model's class.
    n_records : int
        Rows that the model holds.
    digest, refit_digest : str
        Digests of the model and of the refit.
    difference : str or None
        The first part of the state or fitted attribute that differs; None when none does.
    pending : tuple of str
        Names of parameters that were set since ``fit``: model and refit have those of ``fit``, which is no difference.
    """

    learner: str
    n_records: int
    digest: str
    refit_digest: str
    difference: str | None
    pending: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.difference is None

    def __str__(self) -> str:
        if self:
            found = (
                f"{self.learner} equals its refit on {self.n_records} rows, byte for byte (digest {self.digest[:16]})"
            )
        else:
            found = f"{self.learner} differs from its refit, first in {self.difference}"
        if self.pending:
            found += f"; {', '.join(self.pending)} as of the last fit: what was set since holds from the next fit on"
        return found

    __repr__ = __str__


def verify(
    model: Any,
    X: Any,
    y: Any = None,
    sample_weight: ArrayLike | None = None,
    *,
    users: ArrayLike | None = None,
    items: ArrayLike | None = None,
) -> Verification:
    """Refit a clone of `model` on the given rows, and compare canonical bytes and every fitted attribute.

    Parameters
    ----------
    model : estimator
        A fitted model of this package; it is not changed.
    X : array-like, sparse matrix or frame of shape (n_records, n_features)
        All records that the model should hold now, in any order.
    y : array-like of shape (n_records,) or (n_records, n_targets), default=None
        Their labels or targets, if the learner takes any.
    sample_weight : array-like of shape (n_records,), default=None
        Their weights; 1 by default.
    users, items : array-like, default=None
        Of recommenders: labels of the rows and of the columns of a sparse `X`, as ``fit`` takes them.

    Returns
    -------
    Verification
        False on a difference, and printed as one line.

    Raises
    ------
    UnsupportedError
        When `model` is not of this package.
    NotFittedError
        When it was never fitted.
    InvalidValueError
        When there are weights, or labels of users and items, and the learner takes none.

    Examples
    --------
    >>> from sqlearn import verify
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> model = GaussianNB().fit([[0.0], [1.0], [5.0]], [0, 0, 1]).forget([1.0], 0)
    >>> verify(model, [[0.0], [5.0]], [0, 1])
    GaussianNB equals its refit on 2 rows, byte for byte (digest ...)
    >>> bool(verify(model, [[0.0], [1.0], [5.0]], [0, 0, 1]))
    False
    """
    if not isinstance(model, ExactEstimator):
        raise UnsupportedError(
            f"verify expects an estimator of sqlearn, not {type(model).__module__}.{type(model).__name__}. Fit the "
            "learner of the same name from sqlearn.",
            reason="learner",
        )
    refit = clone(model).set_params(**model.fitted_params())
    named = {"y": y, "sample_weight": sample_weight, "users": users, "items": items}
    given = {name: value for name, value in named.items() if value is not None}
    if sample_weight is not None and not model.takes_weights:
        raise InvalidValueError(
            f"{type(model).__name__} takes no sample weights. Nothing was compared: leave sample_weight out.",
            reason="weight",
        )
    labels = [name for name in ("users", "items") if name in given]
    if labels and not hasattr(model, "recommend"):
        raise InvalidValueError(
            f"{type(model).__name__} takes no {' and '.join(labels)}, which recommenders have. Nothing was compared: "
            f"leave {'them' if len(labels) > 1 else 'it'} out.",
            reason="label",
        )
    if num_samples(X):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`columns` drops", UserWarning)  # which these rows need not have
            refit.partial_fit(X, **given)  # as fit, but for what fit refuses: a single class, a single row
    else:
        refit = model.emptied()
    return compare(model, refit)


def compare(model: Learner, refit: Learner) -> Verification:
    """Compare a model with a refit that was made already."""
    difference = _first_difference(model, refit)
    pending = tuple(model.pending_params())
    return Verification(type(model).__name__, model.n_records_, model.digest(), refit.digest(), difference, pending)


def _first_difference(model: Learner, refit: Learner) -> str | None:
    ours, theirs = model.canonical_parts(), refit.canonical_parts()
    if model.state.rows_stayed:  # in a store: what stands for them is among the records
        left_out = {"rows", "ledger", *(f"sums {i}" for i in model.state.statistic.parts_of_own_rows)}
        ours, theirs = ({n: part for n, part in parts.items() if n not in left_out} for parts in (ours, theirs))
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        if ours.get(name) != theirs.get(name):
            return f"the state's {name}"
    attributes = [_attributes(estimator) for estimator in (model, refit)]
    for name in sorted(attributes[0].keys() | attributes[1].keys()):
        if not same_bits(*(found.get(name) for found in attributes)):
            return f"the attribute {name}"
    beside = [estimator.state.statistic.beside() for estimator in (model, refit)]
    for name in sorted(beside[0].keys() & beside[1].keys()):
        if not same_bits(*(found[name] for found in beside)):
            return f"the {name}"
    return None


def _attributes(model: Learner) -> dict[Any, Any]:
    """Every fitted attribute, or the message of the error that reading them gives."""
    try:
        return model.fitted_attributes()
    except ValueError as error:
        return {"(reading)": str(error)}


def same_bits(a: Any, b: Any) -> bool:
    """Equal in type, shape, dtype and every bit, containers and objects included."""
    if type(a) is not type(b):
        return False
    if a is b:
        return True
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.names:  # bytes between fields are no values
            return all(same_bits(a[name], b[name]) for name in a.dtype.names)
        return same_bits(a.tolist(), b.tolist()) if a.dtype.hasobject else a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same_bits, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_bits(a[key], b[key]) for key in a)
    if isinstance(a, float):
        return np.float64(a).tobytes() == np.float64(b).tobytes()
    if hasattr(a, "__dict__") and not callable(a):
        return same_bits(vars(a), vars(b))
    kind: Any = type(a)
    if kind.__eq__ is object.__eq__ and not callable(a):  # scikit-learn's compiled trees
        return same_bits(a.__reduce_ex__(2), b.__reduce_ex__(2))
    return bool(a == b)
