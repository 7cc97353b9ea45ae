"""Item-based nearest neighbours."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from sqlearn.engine.interactions import Interactions, Reader
from sqlearn.engine.sklearn_private import Interval, StrOptions
from sqlearn.errors import ParameterError, shown
from sqlearn.recommend.answers import FittedAttributes, is_whole, reading
from sqlearn.recommend.base import Recommender
from sqlearn.recommend.batches import slots_of


class ItemKNN(Recommender):
    """Recommend items that are similar to those a user liked.

    Items are similar if the same users like them: the similarity is the cosine of their columns of ratings, each
    centred by the item's mean. A score is the mean of the centred ratings that the user gave to her most similar items,
    weighted by similarity, plus the item's mean. These are the rules of LensKit's ``ItemKNNScorer``.

    Parameters
    ----------
    max_nbrs : int, default=20
        How many of a user's items count for a score, at most: the most similar ones.
    min_nbrs : int, default=1
        How many there must be; otherwise there is no score.
    min_sim : float, default=1e-6
        Items of a lower similarity do not count. It is positive.
    save_nbrs : int, default=None
        How many neighbours of each item count, the most similar ones; None for all.
    feedback : {"explicit", "implicit"}, default="explicit"
        Whether interactions have ratings. Implicit feedback has none: a third column is ignored, and a score is the sum
        of the similarities.
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
    item_means_ : float64 ndarray of shape (n_items,)
        Mean rating of each item; explicit feedback only.
    step_ : float
        The step of the ratings held; explicit feedback only.
    n_interactions_ : int
        Number of interactions held.
    n_features_in_ : int
        3, or 2 for implicit feedback.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the columns, if the first interactions had names that are strings.

    Notes
    -----
    The model keeps the interactions and nothing that is made of them but sums of each item, so forgetting a user costs
    as much as she has ratings. Similarities are computed when they are asked for, from integers: ratings are numbers of
    at most 6 decimals, and at most 2**20 steps. What is rounded is rounded in a fixed order, and ties are broken by
    label. See docs/recommend.md.

    Examples
    --------
    >>> from sqlearn.recommend import ItemKNN
    >>> ratings = [["anna", "tea", 5], ["anna", "rum", 1], ["anna", "gin", 4], ["ben", "tea", 2], ["ben", "rum", 5],
    ...            ["ben", "gin", 1], ["cleo", "tea", 4], ["cleo", "rum", 2], ["dan", "tea", 5], ["dan", "gin", 3]]
    >>> model = ItemKNN().fit(ratings)
    >>> model.recommend("cleo")[0]
    array(['gin'], dtype='<U3')
    >>> model.forget(users=["dan"]).users_
    array(['anna', 'ben', 'cleo'], dtype='<U4')
    >>> model.digest() == ItemKNN().fit(ratings[:-2]).digest()
    True
    """

    _sklearn_class = FittedAttributes
    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "max_nbrs": [Interval(Integral, 1, None, closed="left")],
        "min_nbrs": [Interval(Integral, 1, None, closed="left")],
        "min_sim": [Interval(Real, 0.0, None, closed="neither")],
        "save_nbrs": [Interval(Integral, 1, None, closed="left"), None],
        "feedback": [StrOptions({"explicit", "implicit"})],
        "step": [Interval(Real, 0.0, None, closed="neither"), None],
        "key": "no_validation",
    }

    def __init__(
        self,
        *,
        max_nbrs: int = 20,
        min_nbrs: int = 1,
        min_sim: float = 1e-6,
        save_nbrs: int | None = None,
        feedback: str = "explicit",
        step: float | None = None,
        key: str | bytes | None = None,
    ) -> None:
        self.max_nbrs = max_nbrs
        self.min_nbrs = min_nbrs
        self.min_sim = min_sim
        self.save_nbrs = save_nbrs
        self.feedback = feedback
        self.step = step
        self.key = key

    def similarities(self, items: ArrayLike | None = None) -> sp.csr_array:
        """Compute similarities of items to all items; they are kept nowhere.

        Parameters
        ----------
        items : array-like of shape (n_rows,), default=None
            Items that are held; all by default, in the order of ``items_``.

        Returns
        -------
        csr_array of shape (n_rows, n_items)
            Similarities of at least `min_sim`, for each item those of its `save_nbrs` neighbours; columns have the
            order of ``items_``. An item is no neighbour of its own.

        Raises
        ------
        UnknownLabelError
            If an item is not held.

        Examples
        --------
        >>> from sqlearn.recommend import ItemKNN
        >>> model = ItemKNN().fit([["anna", "tea", 5], ["anna", "rum", 4], ["ben", "tea", 3], ["ben", "rum", 2]])
        >>> model.similarities().toarray()
        array([[0., 1.],
               [1., 0.]])
        """
        with reading(self.state) as (held, params):
            rows = held.item_order() if items is None else slots_of(items, held, "item", type(self).__name__)
            values, columns, ends = self._reader(held, params).rows(rows)
            shape = len(rows), len(held.item_order())
            return sp.csr_array((values, columns, np.append(0, ends)), shape=shape)

    def keep_rows(self, max_bytes: int) -> Self:
        """Keep sums that answers were read from, so that later answers take less time.

        It pays with many millions of interactions. What is kept goes when an interaction of one of its users changes,
        and is in no digest, pickle or copy; answers have the same bits.

        Parameters
        ----------
        max_bytes : int
            How much memory they may take; 0 keeps none and drops what is kept.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        ParameterError
            If it is no such number.

        Examples
        --------
        >>> from sqlearn.recommend import ItemKNN
        >>> model = ItemKNN().fit([["anna", "tea", 5], ["anna", "rum", 4], ["ben", "tea", 3], ["ben", "rum", 2]])
        >>> model.keep_rows(2**30).recommend("ben", filter_already_liked_items=False)
        (array(['tea', 'rum'], dtype='<U3'), array([3., 2.]))
        """
        if not is_whole(max_bytes, 0):
            raise ParameterError(
                f"max_bytes of keep_rows is a number of bytes, not {shown(max_bytes)}. Pass 2**30, for instance.",
                value=max_bytes,
            )
        with reading(self.state) as (held, _):
            held.raw_rows = held.raw_rows.limited(int(max_bytes))
        return self

    def _rated(self, params):
        return params["feedback"] == "explicit"

    def _reader(self, held: Interactions, params: dict[str, Any]) -> Reader:
        return Reader(held, params["min_sim"], params["save_nbrs"])

    def _scores(self, held, params, user):
        items, codes = held.history(user)
        reader = self._reader(held, params)
        if not held.rated:
            return reader.scores(items, np.ones(len(items)), params["max_nbrs"], params["min_nbrs"])
        values = held.centred(items, codes)
        scores = reader.scores(items, values, params["max_nbrs"], params["min_nbrs"])
        scored = np.flatnonzero(~np.isnan(scores))
        scores[scored] = scores[scored] * held.steps().size + held.item_means(scored)
        return scores

    def _similar(self, held, params, item):
        return self._reader(held, params).similar_items(item)
