"""What a store's model would be without some rows, and the rows themselves: nothing is changed."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from sqlearn.storage.calls import called_as
from sqlearn.storage.changes import Changes
from sqlearn.storage.records import looking
from sqlearn.storage.table import arguments
from sqlearn.storage.types import Ids, Progress


class Supposing(Changes):
    """What is asked of a store for the sake of an argument. Each method is a transaction."""

    @called_as("store.model_without(ids=...)", "store.model_without(where=...)", "store.model_without(users=...)")
    def model_without(
        self,
        *,
        ids: Ids | None = None,
        where: str | None = None,
        users: Ids | None = None,
        items: Ids | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """Return the model that :meth:`~sqlearn.Store.forget` would leave, and change nothing.

        Parameters
        ----------
        ids : id or sequence of ids, optional
            The rows to leave out, by id.
        where : str, optional
            The rows to leave out, by an SQL condition over the table's columns (target, weight and id among them).
        users, items : label or sequence of labels, optional
            In a recommender's store: the users, or the items, of whom all rows are left out.
        progress : callable, optional
            Called, unless rows are named by ids, with the number of rows looked at since the last call; in all,
            ``len(store)``.

        Returns
        -------
        estimator
            A copy as :attr:`~sqlearn.Store.model` is one, without these rows: it predicts, and has scikit-learn's
            attributes.

        Raises
        ------
        UnknownIdError, UnknownLabelError, ConditionError, SqlearnError
            See their descriptions.

        Notes
        -----
        The rows are forgotten in a transaction that is rolled back, so the model has the bytes of a refit without them,
        for the price of a :meth:`~sqlearn.Store.forget`. Meanwhile no other process can change the store.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> store.model.theta_.ravel(), store.model_without(ids="bob").theta_.ravel()
        (array([28.5, 41. ]), array([35., 41.]))
        >>> len(store)
        3
        """
        with self._supposing() as check:
            slots, named = self._selection.named(ids, where, looking(progress, check), users, items)
            if len(slots):
                self._forget_rows(slots, named, check)
                if self._source:
                    self._source.catch_up(check)
            model = copy.deepcopy(self._model)
            model.state.taken_out = True
            return model

    @called_as("store.rows()", "store.rows(where=...)", "store.rows(ids=...)")
    def rows(self, *, ids: Ids | None = None, where: str | None = None, progress: Progress | None = None) -> Bunch:
        """Return rows as the model's methods take them: to fit a model of one's own, or to inspect this one.

        Parameters
        ----------
        ids : id or sequence of ids, optional
            The rows to return, by id; all rows by default.
        where : str, optional
            The rows to return, by an SQL condition over the table's columns (target, weight and id among them).
        progress : callable, optional
            Called, under a condition, with the number of rows looked at since the last call; in all, ``len(store)``.

        Returns
        -------
        Bunch
            A dictionary whose entries are attributes too:

            ids : list of int or of str
                In the order of the rows' places in the file.
            X : ndarray, dict of columns, or interactions
                Features: what ``partial_fit`` of :attr:`~sqlearn.Store.model` takes.
            y : ndarray or None
                Labels or targets.
            sample_weight : ndarray or None
                Weights.

        Raises
        ------
        UnknownIdError, ConditionError, SqlearnError
            See their descriptions.

        Examples
        --------
        >>> import tempfile
        >>> from sklearn.base import clone
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> rows = store.rows(where="age > 30")
        >>> rows.ids, rows.X.ravel(), rows.y
        (['ann', 'cid'], array([41., 35.]), array([1, 0]))
        >>> model = clone(store.model).set_params(ledger=True).fit(rows.X, rows.y)      # one that forgets by itself
        """
        with self._reading():
            if ids is None and where is None:
                read = self._rows.scan()
            else:
                read = self._selection.read(*self._selection.named(ids, where, looking(progress)))
            return self._rows_read(read)

    def _rows_read(self, read: Iterator[tuple[np.ndarray, np.ndarray]]) -> Bunch:
        """Packed rows that were read, as models take them."""
        cells = np.concatenate([np.zeros((0, self._rows.width), np.uint64), *(cells for _, cells in read)])
        found = Bunch(ids=self._ids.of_cells(cells[:, -1]), X=None, y=None, sample_weight=None)
        return Bunch(**found | arguments(self._model, self._columns, self._rows.block(cells)))
