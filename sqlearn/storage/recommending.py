"""What a store of a recommender is asked, beside what others are."""

from typing import Any

import numpy as np

from sqlearn.storage.calls import called_as
from sqlearn.storage.contents import Contents
from sqlearn.storage.table import check_whose, refuse_recommending


class Recommending(Contents):
    """What a recommender's store is asked. Each method is a transaction."""

    @called_as("store.recommend(user)", "store.recommend(user, n=10)")
    def recommend(
        self, user: Any, n: int = 10, filter_already_liked_items: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Recommend the items with the best scores to a user, in a recommender's store.

        Parameters
        ----------
        user : int, float or str
            A user of whom the store has a row.
        n : int, default=10
            How many items; there are fewer if fewer have a score.
        filter_already_liked_items : bool, default=True
            Whether to leave out items that the user has.

        Returns
        -------
        labels : ndarray of shape (n,)
            Items, the best first.
        scores : float64 ndarray of shape (n,)
            Their scores.

        Raises
        ------
        UnknownLabelError
            If the store has no row of the user.
        UnsupportedError
            If it is not a recommender's.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.recommend import EASE
        >>> likes = {"user": ["anna", "ben", "ben"], "item": ["tea", "tea", "rum"]}
        >>> store = Store.create(tempfile.mkdtemp() + "/likes.sqlearn", EASE(), likes)
        >>> store.recommend("anna")[0]
        array(['rum'], dtype='<U3')
        """
        return self._recommender("recommendations").recommend(user, n, filter_already_liked_items)

    @called_as("store.similar_items(item)", "store.similar_items(item, n=10)")
    def similar_items(self, item: Any, n: int = 10) -> tuple[np.ndarray, np.ndarray]:
        """Return the items that are most similar to an item, in a recommender's store.

        Parameters
        ----------
        item : int, float or str
            An item of which the store has a row.
        n : int, default=10
            How many items; there are fewer if fewer are similar.

        Returns
        -------
        labels : ndarray of shape (n,)
            Items, the most similar first.
        similarities : float64 ndarray of shape (n,)
            Their similarities, all positive.

        Raises
        ------
        UnknownLabelError
            If the store has no row of the item.
        UnsupportedError
            If it is not a recommender's.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.recommend import ItemKNN
        >>> likes = {"user": ["anna", "ben", "ben"], "item": ["tea", "tea", "rum"]}
        >>> path = tempfile.mkdtemp() + "/likes.sqlearn"
        >>> Store.create(path, ItemKNN(feedback="implicit"), likes).similar_items("tea")
        (array(['rum'], dtype='<U3'), array([0.70710678]))
        """
        return self._recommender("similar items").similar_items(item, n)

    @called_as('store.label_of("user", text)')
    def label_of(self, role: str, text: str) -> Any:
        """Return the label of a user or an item that a text stands for: in a command, say.

        Parameters
        ----------
        role : {"user", "item"}
            Whose label it is.
        text : str
            The text.

        Returns
        -------
        int, float or str
            A whole number where labels are whole numbers; else the text or, if no row has it, the number that it writes
            and that a row has.

        Raises
        ------
        UnsupportedError
            If it is not a recommender's store.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.recommend import EASE
        >>> likes = {"user": [41, 42, 42], "item": ["tea", "tea", "rum"]}
        >>> store = Store.create(tempfile.mkdtemp() + "/likes.sqlearn", EASE(), likes)
        >>> store.label_of("user", "42"), store.label_of("item", "rum")
        (42, 'rum')
        """
        with self._reading():
            check_whose(self._model, role)
            return self._labels[role].of_text(text)

    def _recommender(self, wanted: str) -> Any:
        with self._reading():
            refuse_recommending(self._model, wanted)
            self._learn_rows()
            return self._model
