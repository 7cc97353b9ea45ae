"""What a store's model would be without some rows, and the rows themselves: nothing is changed."""

from typing import Any

from sklearn.utils import Bunch

from sqlearn.storage.calls import called_as
from sqlearn.storage.records import looking
from sqlearn.storage.steps import Named, R, Steps
from sqlearn.storage.types import Ids, Progress


class Supposing(Steps[R]):
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
        return self._without(Named(ids, where, users, items), progress)

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
                In the order of the rows' places in the file; of a set of stores, part by part.
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
        >>> sorted(zip(rows.ids, rows.X.ravel().tolist(), rows.y.tolist()))
        [('ann', 41.0, 1), ('cid', 35.0, 0)]
        >>> model = clone(store.model).set_params(ledger=True).fit(rows.X, rows.y)      # one that forgets by itself
        """
        looking(progress)  # which refuses what is no function
        with self._reading():
            everything = ids is None and where is None
            return self._rows_at(None if everything else self._places(Named(ids, where), progress))
