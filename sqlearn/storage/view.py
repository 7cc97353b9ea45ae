"""What a store tells of what it holds, and changes nothing: model, columns, ids, predictions, receipts, traces."""

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sqlearn.errors import StoreBusyError, StoreError
from sqlearn.storage.asking import name_of, predicted, sought
from sqlearn.storage.calls import called_as
from sqlearn.storage.file import ChainCheck
from sqlearn.storage.records import looking
from sqlearn.storage.steps import Named, R, Steps
from sqlearn.storage.table import Column, takes_labels
from sqlearn.storage.types import Progress, Table
from sqlearn.storage.upkeep import ErasureReport


class View(Steps[R]):
    """What reads a store. Each method is a transaction, and sees one moment of everything."""

    def __len__(self) -> int:
        with self._reading():
            return self._count()

    def __repr__(self) -> str:
        try:
            with self._reading():
                told = self._described()
        except StoreError as error:
            if error.reason != "closed" and not isinstance(error, StoreBusyError):
                raise
            told = error.reason or "busy"
        return f"<{type(self).__name__} {self.path.name}: {told}>"

    @property
    def model(self) -> Any:
        """A copy of the fitted model as it is now: it predicts, and has scikit-learn's attributes.

        Later changes of the store do not reach it. It keeps no rows and no ledger (both are the store's), so that it
        could not tell whether a row was ever learned: it refuses to learn, forget, relabel and merge, until it is
        fitted anew. That of nearest neighbours or of trees has the rows with it, since it predicts from them. Whoever
        keeps it keeps what it knows of rows forgotten later.
        """
        with self._reading():
            model = copy.deepcopy(self._whole())
            model.state.taken_out = True
            return model

    @property
    def features(self) -> list[str]:
        """Names of the feature columns, in the order in which the model takes them."""
        return self._columns.named("feature")

    @property
    def columns(self) -> list[Column]:
        """All columns but the ids: their names, roles and kinds."""
        return list(self._columns.all)

    @property
    def reading(self) -> dict[Any, Any]:
        """How the table was read that the store was made from; empty if nobody said it."""
        return copy.deepcopy(self._columns.reading)

    @property
    def model_name(self) -> str:
        """The model's class; the learner's inside where the model encodes tables for one."""
        with self._reading():
            return name_of(self._learner)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the model, by their names."""
        with self._reading():
            return copy.deepcopy(self._learner.get_params())

    @property
    def id_column(self) -> str | None:
        """Name of the column of ids; None where rows are numbered."""
        return self._columns.id

    @property
    def textual_ids(self) -> bool:
        """Whether ids are text; otherwise they are whole numbers."""
        return self._ids.textual

    @property
    def textual_target(self) -> bool:
        """Whether the rows on file have text as labels."""
        with self._reading():
            return takes_labels(self._learner) and any(isinstance(label, str) for label in self._labels_held())

    @called_as("store.digest()")
    def digest(self) -> str:
        """Return the digest of the state of the model of all rows.

        The last receipt of a store commits to it; each part of a set of stores has receipts of its own.

        Returns
        -------
        str
            Hexadecimal digits, the same for equal states.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> store.digest() == store.model.digest()
        True
        """
        with self._reading():
            return self._state_digest()

    @called_as("store.ids()", "store.ids(where=...)")
    def ids(self, where: str | None = None, *, progress: Progress | None = None) -> list[Any]:
        """Return the ids of all rows, or of those that fulfil a condition.

        Parameters
        ----------
        where : str, optional
            An SQL condition over the table's columns (target, weight and id among them).
        progress : callable, optional
            Called, under a condition, with the number of rows looked at since the last call; in all, ``len(store)``.

        Returns
        -------
        list of int or of str
            In the order of the rows' places in the file; of a set of stores, part by part, and running numbers in order
            (:meth:`~sqlearn.Store.rows` has them part by part, too).

        Raises
        ------
        ConditionError
            If the condition cannot be read, or does not fit the columns.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> sorted(store.ids(where="age < 40"))
        ['bob', 'cid']
        """
        looking(progress)  # which refuses what is no function
        with self._reading():
            return self._ids_at(None if where is None else self._places(Named(where=where), progress))

    @called_as("store.predict(table)")
    def predict(self, table: Table) -> np.ndarray:
        """Predict the target of each row of a table (target, weight and id need not be there).

        Parameters
        ----------
        table : frame, dict of columns, or iterator of these
            Rows with the store's feature columns.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_targets)
            As the model's ``predict`` (of covariances: ``mahalanobis``) returns it; booleans if the target has these.

        Raises
        ------
        TableError, SqlearnError
            If a column is missing or of another kind, or if the table has no rows.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> store.predict({"age": [41.0, 21.0]})
        array([1, 0])
        """
        with self._reading():  # and no longer: predicting keeps nobody from writing
            model, check = self._predicting()
        return predicted(model, self._columns, table, check)

    @called_as("store.receipts()")
    def receipts(self) -> list[R]:
        """Return the receipts of all changes, from the creation on; the last one of a store with its salt.

        Returns
        -------
        list of Receipt, of a set of stores of SetReceipt
            In the order of the changes; of changes of different parts in the same second, in that of the parts.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> _ = store.forget(ids=["bob"])
        >>> [(receipt.kind, receipt.count) for receipt in store.receipts()]
        [('create', 3), ('forget', 1)]
        """
        with self._reading():
            return self._all_receipts()

    @called_as("store.check_receipts()", "store.check_receipts(kept=[...])")
    def check_receipts(self, kept: Sequence[R] = (), *, signing_key: bytes | str | None = None) -> ChainCheck:
        """Walk the chain of receipts, of a set of stores those of all its parts, up to the state on file.

        Parameters
        ----------
        kept : sequence of receipts, optional
            Receipts that earlier calls returned: each must be in its chain as it was. Without any, a chain that was
            written anew from end to end cannot be told.
        signing_key : bytes or str, optional
            The key with which each receipt must be signed.

        Returns
        -------
        ChainCheck
            False when a receipt is altered, missing or out of order, when the last are cut off, or when the state is
            not the one that the last receipt commits to; in a set of stores, when a change of several parts is not in
            all of them, too, as some were put back from a backup without the others. It is printed as one line.

        Raises
        ------
        StoreError
            When what was kept is no receipt.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> receipt = store.forget(ids=["bob"])
        >>> bool(store.check_receipts(kept=[receipt]))
        True
        """
        with self._reading():
            return self._chain(kept, signing_key)

    @called_as("store.erasure_report(values=[...])", "store.erasure_report(table=...)")
    def erasure_report(self, values: Iterable[float | int | str] = (), table: Table | None = None) -> ErasureReport:
        """Search all files, and their journals, for values that should be gone.

        Parameters
        ----------
        values : iterable of float, int or str
            Values to look for, in every form they could have in a file. Those that rows of the same file still hold
            are reported apart. A model of documents holds words: those of each text are looked for, too.
        table : frame, dict of columns, or iterator of these, optional
            Rows, all of whose values (ids too) are looked for, and the words of their documents.

        Returns
        -------
        ErasureReport
            False when there is a trace of a value that no row holds, or a byte that is not zero in a place that belongs
            to no row; printed as a list.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> _ = store.forget(ids=["bob"])
        >>> bool(store.erasure_report(values=["bob", 22.0]))
        True
        """
        wanted, texts = sought(self._columns, values, table)
        with self._reading():
            return self._searched(wanted, texts)
