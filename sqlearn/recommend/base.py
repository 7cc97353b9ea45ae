"""What recommenders have in common: their verbs, and what they answer."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sqlearn.engine.interactions import Interactions, read
from sqlearn.engine.model import ExactEstimator, Lending
from sqlearn.engine.validation import Batch
from sqlearn.errors import ShapeError, UnsupportedError
from sqlearn.recommend.answers import (
    best_of,
    check_choice,
    check_number,
    interactions_of,
    known_slots,
    label_array,
    one_slot,
    step_of,
    with_names,
)
from sqlearn.recommend.batches import Wanted, everything_of, found, learned, refuse_repeated


class Recommender(ExactEstimator):
    """Base of models of who likes what.

    A record is an interaction: a user, an item and, for learners that ask for it, a rating. A pair of user and item has
    one interaction.
    """

    _statistic = Interactions
    _keeps_records = True

    # ------------------------------------------------------------------ verbs

    def fit(self, X: Any, y: Any = None, *, users: ArrayLike | None = None, items: ArrayLike | None = None) -> Self:
        """Learn these interactions alone; what was learned before is dropped.

        Parameters
        ----------
        X : array-like or frame of shape (n_interactions, 2 or 3), or sparse matrix of shape (n_users, n_items)
            Rows of user, item and rating, in this order; or a matrix with the rating of each user of each item. A
            stored zero in a matrix is refused, since it may mean a rating of 0 or none.
        y : None
            Ignored.
        users, items : array-like, default=None
            Labels of the rows and of the columns of a sparse `X`; 0, 1, ... by default.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        InvalidValueError
            If a pair of user and item is given twice, a label is missing, or a rating is no finite number.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.recommend import ItemKNN
        >>> ItemKNN().fit([["anna", "tea", 5], ["ben", "tea", 3], ["ben", "rum", 4]]).items_
        array(['rum', 'tea'], dtype='<U3')
        """
        return self._fit_alone(Wanted(X, users, items), None, None)

    def partial_fit(
        self, X: Any, y: Any = None, *, users: ArrayLike | None = None, items: ArrayLike | None = None
    ) -> Self:  # fmt: skip
        """Learn more interactions, of users and items that are known or new.

        Parameters
        ----------
        X : array-like or frame of shape (n_interactions, 2 or 3), or sparse matrix of shape (n_users, n_items)
            As for ``fit``; one interaction on its own may be 1-D.
        y : None
            Ignored.
        users, items : array-like, default=None
            Labels of the rows and of the columns of a sparse `X`; 0, 1, ... by default.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        InvalidValueError
            If a pair of user and item is given twice or held already: ``relabel`` changes a rating.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.recommend import ItemKNN
        >>> ItemKNN().fit([["anna", "tea", 5]]).partial_fit(["ben", "rum", 4]).n_interactions_
        2
        """
        return self._update(Wanted(X, users, items), None, None, 1.0)

    def forget(
        self, X: Any = None, y: Any = None, *, users: ArrayLike | None = None, items: ArrayLike | None = None
    ) -> Self:  # fmt: skip
        """Forget interactions, or all of some users or items: the model has the bytes of one that never learned them.

        All of them are forgotten or, if one is not held, none.

        Parameters
        ----------
        X : array-like or frame of shape (n_interactions, 2 or 3), or sparse matrix of shape (n_users, n_items)
            Interactions as they were learned; ratings may be left out.
        y : None
            Ignored.
        users : array-like, default=None
            Without `X`: the users of whom everything is forgotten. With a sparse `X`: labels of its rows.
        items : array-like, default=None
            Without `X`: the items of which everything is forgotten. With a sparse `X`: labels of its columns.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If an interaction is not held, or is held with another rating.
        UnknownLabelError
            If a user or item is not held.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.recommend import ItemKNN
        >>> model = ItemKNN().fit([["anna", "tea", 5], ["ben", "tea", 3], ["ben", "rum", 4]])
        >>> model.forget(users=["ben"]).items_
        array(['tea'], dtype='<U3')
        >>> model.digest() == ItemKNN().fit([["anna", "tea", 5]]).digest()
        True
        """
        return self._update(Wanted(X, users, items), None, None, -1.0)

    def relabel(self, X: Any, new_ratings: ArrayLike) -> Self:
        """Change ratings exactly: the model then has the bytes of one that learned the new ones in the first place.

        Parameters
        ----------
        X : array-like or frame of shape (n_interactions, 2 or 3)
            Interactions that are held: user, item and, if you like, the rating that is held, which is then compared.
        new_ratings : float or array-like of shape (n_interactions,)
            Their ratings from now on.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        NotLearnedError
            If an interaction is not held, or is held with another rating.
        UnsupportedError
            If the model holds no ratings.
        SqlearnError
            Another subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.recommend import ItemKNN
        >>> model = ItemKNN().fit([["anna", "tea", 5], ["ben", "tea", 3], ["ben", "rum", 4]])
        >>> model.relabel([["ben", "tea"]], [1]).item_means_
        array([4., 3.])
        """
        state = self._fitted_state()
        held = interactions_of(state)
        if not held.rated:
            raise UnsupportedError(
                f"This {type(self).__name__} holds no ratings, so there is none to change. Use forget and partial_fit.",
                reason="relabel",
            )
        state.check_free()
        old = self._batch(state, Wanted(X), None, None, -1.0)
        ratings = np.atleast_1d(np.asarray(new_ratings, object if isinstance(new_ratings, list | tuple) else None))
        if ratings.shape != (len(old),):
            raise ShapeError(
                f"`new_ratings` has the shape {ratings.shape}, and {len(old)} interactions were given. Nothing was "
                "changed: pass a rating for each.",
                reason="shape",
            )
        users, items = ([old.levels[j][code] for code in old.codes[:, j]] for j in (0, 1))
        given = read([*zip(users, items, ratings, strict=True)], None, None, rated=True, needed=True)
        new = learned(replace(given, single=old.single), held.given_step)
        state.change((old, -1.0), (new, 1.0))
        return self

    def without(
        self, X: Any = None, y: Any = None, *, users: ArrayLike | None = None, items: ArrayLike | None = None
    ) -> AbstractContextManager[Self]:  # fmt: skip
        """Return a context in which the model is as if it had never learned these interactions.

        At its end the model is exactly what it was. Updates are refused inside.

        Parameters
        ----------
        X : array-like or frame of shape (n_interactions, 2 or 3), or sparse matrix of shape (n_users, n_items)
            Interactions, as for ``forget``.
        y : None
            Ignored.
        users, items : array-like, default=None
            Users or items of which everything is left out, as for ``forget``.

        Returns
        -------
        context manager
            For one ``with`` block; it gives the model. Errors are those of ``forget``, and raised when it is entered.

        Examples
        --------
        >>> from sqlearn.recommend import ItemKNN
        >>> model = ItemKNN().fit([["anna", "tea", 5], ["ben", "tea", 3], ["ben", "rum", 4]])
        >>> with model.without(users=["ben"]):
        ...     print(model.item_means_)
        [5.]
        >>> model.item_means_
        array([4., 4.])
        """
        return Lending(self, self._without(Wanted(X, users, items), None, None))

    # ------------------------------------------------------------------ answers

    def predict(self, X: Any) -> np.ndarray:
        """Score pairs of users and items.

        Parameters
        ----------
        X : array-like or frame of shape (n_pairs, 2 or 3)
            Users and items that are held; a third column is ignored.

        Returns
        -------
        float64 ndarray of shape (n_pairs,)
            Scores; NaN where there is none.

        Raises
        ------
        UnknownLabelError
            If a user or item is not held.

        Examples
        --------
        >>> from sqlearn.recommend import EASE
        >>> model = EASE().fit([["anna", "tea"], ["ben", "tea"], ["ben", "rum"]])
        >>> model.predict([["anna", "rum"]]).round(3)
        array([0.333])
        """
        state = self._fitted_state()
        held = interactions_of(state)
        with state.reading(), held.lock:
            pairs = read(X, None, None, rated=False, needed=False)
            users, items = (
                known_slots(column, held, name, type(self).__name__, single=pairs.single)
                for column, name in ((pairs.users, "user"), (pairs.items, "item"))
            )
            scores, order = np.empty(len(pairs)), np.argsort(pairs.users.codes, kind="stable")
            ends = np.cumsum(np.bincount(pairs.users.codes, minlength=len(users)))
            for user, rows in zip(users.tolist(), np.split(order, ends[:-1]), strict=True):
                scores[rows] = self._scores(held, state.params, user)[items[pairs.items.codes[rows]]]
        return scores

    def recommend(
        self, user: Any, n: int = 10, filter_already_liked_items: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Recommend the items with the best scores to a user.

        Parameters
        ----------
        user : int, float or str
            A user who is held.
        n : int, default=10
            How many items; there are fewer if fewer have a score.
        filter_already_liked_items : bool, default=True
            Whether to leave out items that the user has.

        Returns
        -------
        labels : ndarray of shape (n,)
            Items, the best first; of equal scores, the one whose label comes first.
        scores : float64 ndarray of shape (n,)
            Their scores.

        Raises
        ------
        UnknownLabelError
            If the user is not held.

        Examples
        --------
        >>> from sqlearn.recommend import EASE
        >>> model = EASE().fit([["anna", "tea"], ["ben", "tea"], ["ben", "rum"]])
        >>> model.recommend("anna")[0]
        array(['rum'], dtype='<U3')
        """
        check_number(n, "recommend")
        check_choice(filter_already_liked_items, "filter_already_liked_items of recommend")
        state = self._fitted_state()
        held = interactions_of(state)
        with state.reading(), held.lock:
            slot = one_slot(user, held, "user", type(self).__name__)
            scores = self._scores(held, state.params, slot)
            if filter_already_liked_items:
                scores[held.history(slot)[0]] = np.nan
            return best_of(held, np.flatnonzero(~np.isnan(scores)), scores, n)

    def similar_items(self, item: Any, n: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Return the items that are most similar to an item.

        Parameters
        ----------
        item : int, float or str
            An item that is held.
        n : int, default=10
            How many items; there are fewer if fewer are similar.

        Returns
        -------
        labels : ndarray of shape (n,)
            Items, the most similar first; of equal ones, the one whose label comes first.
        similarities : float64 ndarray of shape (n,)
            Their similarities, all positive.

        Raises
        ------
        UnknownLabelError
            If the item is not held.

        Examples
        --------
        >>> from sqlearn.recommend import ItemKNN
        >>> model = ItemKNN(feedback="implicit").fit([["anna", "tea"], ["ben", "tea"], ["ben", "rum"]])
        >>> model.similar_items("tea")
        (array(['rum'], dtype='<U3'), array([0.70710678]))
        """
        check_number(n, "similar_items")
        state = self._fitted_state()
        held = interactions_of(state)
        with state.reading(), held.lock:
            slot = one_slot(item, held, "item", type(self).__name__)
            slots, similarities = self._similar(held, state.params, slot)
            scores = np.full(len(held.index.arrays.item_start), np.nan)
            scores[slots] = similarities
            return best_of(held, slots, scores, n)

    def to_sklearn(self) -> Any:
        """Raise UnsupportedError: scikit-learn has no recommenders.

        Raises
        ------
        UnsupportedError
            Always.
        """
        raise UnsupportedError(
            f"scikit-learn has no counterpart of {type(self).__name__}. The attributes users_, items_ and the like, "
            "and the answers of predict, recommend and similar_items are plain arrays: keep what you need of them.",
            reason="learner",
        )

    # ------------------------------------------------------------------ what a learner adds

    def _rated(self, params: dict[str, Any]) -> bool:
        """Whether interactions have ratings."""
        raise NotImplementedError

    def _scores(self, held: Interactions, params: dict[str, Any], user: int) -> np.ndarray:
        """Scores of all items for a user, by slot; NaN where there is none."""
        raise NotImplementedError

    def _similar(self, held: Interactions, params: dict[str, Any], item: int) -> tuple[np.ndarray, np.ndarray]:
        """The slots of items that are similar to an item, and their similarities."""
        raise NotImplementedError

    # ------------------------------------------------------------------ hooks

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        step_of(params)

    def _new_statistic(self, params, n_features, n_targets):
        return self._statistic(n_features, n_targets, self._rated(params), step_of(params))

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        wanted = X if isinstance(X, Wanted) else Wanted(X)
        rated = self._rated(params)
        given = read(wanted.X, wanted.users, wanted.items, rated=rated, needed=True)
        width = 3 if rated else 2
        found_layout = with_names(layout, given.names, width, type(self).__name__)
        return learned(given, step_of(params)), found_layout

    def _batch(self, state, X, y, sample_weight, sign) -> Batch:
        wanted, held = X if isinstance(X, Wanted) else Wanted(X), interactions_of(state)
        if sign > 0:
            batch: Batch = super()._batch(state, wanted, y, sample_weight, sign)
            refuse_repeated(batch, held)
            return batch
        name = type(self).__name__
        if wanted.X is None:
            return everything_of(wanted, held, name)
        given = read(wanted.X, wanted.users, wanted.items, rated=held.rated, needed=False)
        with_names(state.layout, given.names, state.layout.n_features_in_, name)
        return found(given, held, name)

    def _read_out(self, state):
        held = interactions_of(state)
        items = held.item_order()
        attributes = {
            "users_": label_array(held.users.of(held.user_order())),
            "items_": label_array(held.items.of(items)),
            "item_counts_": held.index.arrays.item_length[items],
            "n_interactions_": state.n_records,
        }
        if held.rated:
            attributes |= {"item_means_": held.item_means(items), "step_": held.steps().size}
        return attributes
