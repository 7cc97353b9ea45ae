"""Linear autoencoders of items."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import lapack

from sqlearn.engine.arithmetic import one_thread
from sqlearn.engine.interactions import Interactions, gram_of
from sqlearn.engine.sklearn_private import Interval
from sqlearn.engine.sums import installed
from sqlearn.errors import UndefinedAttributeError
from sqlearn.recommend.answers import FittedAttributes, reading
from sqlearn.recommend.base import Recommender

_PEAK = 3  # matrices of that size while the weights are computed


class EASE(Recommender):
    """Recommend items by a linear model of each item on all others, in closed form (Steck, 2019).

    With X the users' rows of 0 and 1 (or of ratings), the weights are those with a diagonal of zeros that minimize
    ``||X - X B||**2 + regularization * ||B||**2``. A user's scores are her row times the weights.

    Parameters
    ----------
    regularization : float, default=1.0
        The penalty. LensKit's default is 1, that of other libraries 1,000; larger data want a larger one.
    use_ratings : bool, default=False
        Whether X has ratings; otherwise a third column is ignored.
    step : float, default=None
        What ratings are multiples of, such as 0.5; others are refused. By default it is read from the ratings held.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    users_, items_ : ndarray
        Labels of the users and items that have an interaction, sorted, numbers before strings.
    item_counts_ : int64 ndarray of shape (n_items,)
        Number of interactions of each item.
    weights_ : float64 ndarray of shape (n_items, n_items)
        The weights B: those of the items in the rows for the items in the columns. They are computed when they are
        read, and kept until the next update.
    item_means_, step_
        As of :class:`ItemKNN`; with ratings only.
    n_interactions_ : int
        Number of interactions held.
    n_features_in_ : int
        2, or 3 with ratings.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the columns, if the first interactions had names that are strings.

    Notes
    -----
    X'X is counted from the interactions, exactly, when weights are needed, so forgetting costs as much as a user has
    interactions. The weights are solved for in float64, on one thread. See docs/recommend.md.

    References
    ----------
    Steck (2019), "Embarrassingly Shallow Autoencoders for Sparse Data", WWW, doi:10.1145/3308558.3313710.

    Examples
    --------
    >>> from sqlearn.recommend import EASE
    >>> pairs = [["anna", "tea"], ["anna", "rum"], ["ben", "tea"], ["ben", "rum"], ["cleo", "gin"], ["dan", "tea"]]
    >>> model = EASE().fit(pairs)
    >>> model.recommend("dan", n=1)[0]
    array(['rum'], dtype='<U3')
    >>> model.forget(users=["cleo"]).items_
    array(['rum', 'tea'], dtype='<U3')
    """

    _sklearn_class = FittedAttributes
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "regularization": [Interval(Real, 0.0, None, closed="neither")],
        "use_ratings": ["boolean"],
        "step": [Interval(Real, 0.0, None, closed="neither"), None],
        "key": "no_validation",
    }

    def __init__(
        self,
        *,
        regularization: float = 1.0,
        use_ratings: bool = False,
        step: float | None = None,
        key: str | bytes | None = None,
    ) -> None:
        self.regularization = regularization
        self.use_ratings = use_ratings
        self.step = step
        self.key = key

    @property
    def weights_(self) -> np.ndarray:
        """Compute the weights, which are kept until the next update.

        Returns
        -------
        float64 ndarray of shape (n_items, n_items)
            The weights.
        """
        with reading(self.state) as (held, params):
            return self._weights(held, params)

    def _rated(self, params):
        return bool(params["use_ratings"])

    def _weights(self, held: Interactions, params: dict[str, Any]) -> np.ndarray:
        found: np.ndarray | None = held.derived.get("weights")
        if found is not None:
            return found
        items = held.item_order()
        needed, memory = _PEAK * 8 * len(items) ** 2, installed()
        if needed > memory:
            raise UndefinedAttributeError(
                f"The weights of {len(items):,} items would take about {needed / 1e9:,.0f} GB while they are computed, "
                f"and this machine has {memory / 1e9:,.0f} GB. Use ItemKNN, whose answers need no such matrix, or "
                "learn fewer items.",
                reason="too large",
            )
        gram = gram_of(held.index.arrays, held.user_order(), items, held.steps().table if held.rated else None)
        matrix = gram.astype(np.float64)
        del gram
        if held.rated:
            matrix *= held.steps().size ** 2
        matrix[np.diag_indices(len(items))] += params["regularization"]
        weights = _solved(matrix)
        weights.flags.writeable = False
        held.derived["weights"] = weights
        return weights

    def _scores(self, held, params, user):
        weights, order = self._weights(held, params), held.item_order()
        places = np.zeros(len(held.index.arrays.item_start), np.int64)
        places[order] = np.arange(len(order))
        items, codes = held.history(user)
        values = held.steps().table[codes] * held.steps().size if held.rated else np.ones(len(items))
        scores = np.full(len(places), np.nan)
        scores[order] = (values[:, None] * weights[places[items]]).sum(axis=0)
        return scores

    def _similar(self, held, params, item):
        order = held.item_order()
        row = self._weights(held, params)[np.flatnonzero(order == item)[0]]
        positive = np.flatnonzero(row > 0)
        return order[positive], row[positive]


def _solved(matrix: np.ndarray) -> np.ndarray:
    """The weights for a positive definite matrix, which is overwritten."""
    with one_thread():
        factor, failed = lapack.dpotrf(matrix.T, lower=1, overwrite_a=1)
        inverse, failed = lapack.dpotri(factor, lower=1, overwrite_c=1) if not failed else (factor, failed)
    if failed:
        raise UndefinedAttributeError(
            "X'X plus the regularization is not positive definite in float64. Set a larger regularization and fit "
            "again.",
            reason="singular",
        )
    low = np.tril(inverse, -1)
    diagonal = inverse.diagonal().copy()
    low += low.T.copy()
    low /= -diagonal
    np.fill_diagonal(low, 0.0)
    return np.ascontiguousarray(low)
