"""Proof by refit: whether a model has the bytes of one that only ever saw these rows."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from numpy.typing import ArrayLike
from sklearn.base import clone

from sqlearn.engine.maps import first_difference
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
    groups: ArrayLike | None = None,
) -> Verification:
    """Refit a clone of `model` on the given rows, and compare canonical bytes and every fitted attribute.

    Of ensembles by shards, members are fitted attributes: they are compared part by part, and by what they predict for
    these rows.

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
    groups : array-like of shape (n_records,), default=None
        Of ensembles by shards: the group of each row, as ``fit`` takes it. Their weights are those that the model has.

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
        When there are weights, groups, or labels of users and items, and the learner takes none.

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
    named = {"y": y, "sample_weight": sample_weight, "users": users, "items": items, "groups": groups}
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
    sharded = hasattr(model, "set_group_weight")
    if groups is not None and not sharded:
        raise InvalidValueError(
            f"{type(model).__name__} takes no groups, which ensembles by shards have. Nothing was compared: leave them "
            "out.",
            reason="label",
        )
    if num_samples(X):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`columns` drops", UserWarning)  # which these rows need not have
            refit.partial_fit(X, **given)  # as fit, but for what fit refuses: a single class, a single row
    else:
        refit = model.emptied()
    if sharded:
        _weigh_groups(model, refit)
    found = compare(model, refit)
    if sharded and found and num_samples(X):
        where = _first_named(_answers(model, X), _answers(refit, X))
        return replace(found, difference=where and f"the answer of {where}")
    return found


def compare(model: Learner, refit: Learner) -> Verification:
    """Compare a model with a refit that was made already."""
    difference = _first_difference(model, refit)
    pending = tuple(model.pending_params())
    return Verification(type(model).__name__, model.n_records_, model.digest(), refit.digest(), difference, pending)


def _first_difference(model: Learner, refit: Learner) -> str | None:
    ours, theirs = model.canonical_parts(), refit.canonical_parts()
    state = model.state
    elsewhere = not (state.ledger is None or state.ledger.is_here) or ("rows" in theirs and "rows" not in ours)
    if state.rows_stayed or elsewhere:  # in a store, or in pieces: what stands for them is among the records
        left_out = {"rows", "ledger", *(f"sums {i}" for i in state.statistic.parts_of_own_rows)}
        ours, theirs = ({n: part for n, part in parts.items() if n not in left_out} for parts in (ours, theirs))
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        if ours.get(name) != theirs.get(name):
            return f"the state's {name}"
    if where := _first_named(_attributes(model), _attributes(refit)):
        return f"the attribute {where}"
    beside = [estimator.state.statistic.beside() for estimator in (model, refit)]
    both = beside[0].keys() & beside[1].keys()
    where = _first_named(*({name: found[name] for name in both} for found in beside))
    return where and f"the {where}"


def _first_named(ours: dict[str, Any], theirs: dict[str, Any]) -> str | None:
    return first_difference(SimpleNamespace(**ours), SimpleNamespace(**theirs), ("model", "refit"))


def _weigh_groups(model: Any, refit: Any) -> None:
    """Give groups the weights that they have in a model, which no row tells."""
    held = {shard.name for shard in refit.shards_}
    for shard in model.shards_:
        if shard.weight != 1.0 and shard.name in held:
            refit.set_group_weight(shard.name, shard.weight)


def _attributes(model: Learner) -> dict[str, Any]:
    """Every fitted attribute, or the message of the error that reading them gives."""
    return _read(model.fitted_attributes)


def _answers(model: Any, X: Any) -> dict[str, Any]:
    """What a model predicts for rows, or the message of the error."""
    asked = [name for name in ("predict_proba", "predict") if hasattr(model, name)]
    return _read(lambda: {name: getattr(model, name)(X) for name in asked})


def _read(read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return read()
    except ValueError as error:
        return {"(reading)": str(error)}
