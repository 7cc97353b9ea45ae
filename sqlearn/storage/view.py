"""What a store tells of what it holds, and changes nothing: model, columns, ids, predictions, receipts, traces."""

import copy
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from sqlearn.engine.model import RenamedReport
from sqlearn.engine.rounds import UpdateReport
from sqlearn.errors import StoreBusyError, StoreError
from sqlearn.storage.asking import predicted, sought
from sqlearn.storage.calls import called_as
from sqlearn.storage.contents import Contents
from sqlearn.storage.file import ChainCheck, Receipt, check_chain
from sqlearn.storage.records import looking
from sqlearn.storage.table import (
    Column,
    check_whose,
    refuse_recommending,
    takes_labels,
    words_of,
)
from sqlearn.storage.types import Progress, Table
from sqlearn.storage.upkeep import ErasureReport, held_by, report


class View(RenamedReport, Contents):
    """What reads a store's contents. Each method is a transaction."""

    def __len__(self) -> int:
        with self._reading():
            return len(self._rows)

    def __repr__(self) -> str:
        try:
            with self._reading():
                held = "interactions" if self._labels else f"rows of {len(self.features)} features"
                return f"<Store {self.path.name}: {_name_of(self._model)} on {len(self._rows):,} {held}>"
        except StoreError as error:
            if error.reason != "closed" and not isinstance(error, StoreBusyError):
                raise
            return f"<Store {self.path.name}: {error.reason or 'busy'}>"

    # ------------------------------------------------------------------ reading

    @property
    def model(self) -> Any:
        """A copy of the fitted model as it is now: it predicts, and has scikit-learn's attributes.

        Later changes of the store do not reach it. It keeps no rows and no ledger (both are the store's), so that it
        could not tell whether a row was ever learned: it refuses to learn, forget, relabel and merge, until it is
        fitted anew. That of nearest neighbours or of trees has the rows with it, since it predicts from them. Whoever
        keeps it keeps what it knows of rows forgotten later.
        """
        with self._reading():
            self._learn_rows()
            model = copy.deepcopy(self._model)
            model.state.taken_out = True
            return model

    @property
    def last_update_(self) -> UpdateReport:
        """What the last change made through this object did, of a learner that asks its rows in rounds."""
        with self._reading():
            return self._model.last_update_

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
            return _name_of(self._model)

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the model, by their names."""
        with self._reading():
            return copy.deepcopy(self._model.get_params())

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
            return takes_labels(self._model) and any(isinstance(label, str) for label in self._model.state.labels())

    @called_as("store.digest()")
    def digest(self) -> str:
        """Return the digest of the model's state, to which the last receipt commits.

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
        >>> receipt = store.receipts()[-1]
        >>> receipt.commits_to(store.digest())
        True
        """
        with self._reading():
            return self._saved.digest

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
            In the order of the rows' places in the file.

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
        >>> store.ids(where="age < 40")
        ['bob', 'cid']
        """
        with self._reading():
            if where is None:
                return [id for _, cells in self._rows.scan() for id in self._ids.of_cells(cells[:, -1])]
            read = self._selection.read(self._selection.matching(where, looking(progress)), None)
            return [id for _, cells in read for id in self._ids.of_cells(cells[:, -1])]

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
            self._learn_rows()
            model, generation = self._model, self._changes

        def check() -> None:
            if self._changes != generation:
                raise StoreBusyError(
                    f"The store {self.path} was changed by the iterator of the table given to predict(). Predict "
                    "first, or build the table first."
                )

        return predicted(model, self._columns, table, check)

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

    @called_as("store.receipts()")
    def receipts(self) -> list[Receipt]:
        """Return all receipts, from the creation on; the last one with its salt.

        Returns
        -------
        list of Receipt
            In the order of the changes.

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
            return self._receipts.all()

    @called_as("store.check_receipts()", "store.check_receipts(kept=[...])")
    def check_receipts(self, kept: Sequence[Receipt] = (), *, signing_key: bytes | str | None = None) -> ChainCheck:
        """Walk the chain of receipts up to the state on file.

        Parameters
        ----------
        kept : sequence of Receipt, optional
            Receipts that earlier calls returned: each must be in the chain as it was. Without any, a chain that was
            written anew from end to end cannot be told.
        signing_key : bytes or str, optional
            The key with which each receipt must be signed.

        Returns
        -------
        ChainCheck
            False when a receipt is altered, missing or out of order, when the last are cut off, or when the state is
            not the one that the last receipt commits to; printed as one line.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> receipt = store.forget(ids=["bob"])
        >>> store.check_receipts(kept=[receipt])
        2 receipts, the chain is whole
        """
        with self._reading():
            return check_chain(self._receipts.all(), self._saved.digest, kept, signing_key)

    @called_as("store.erasure_report(values=[...])", "store.erasure_report(table=...)")
    def erasure_report(self, values: Iterable[float | int | str] = (), table: Table | None = None) -> ErasureReport:
        """Search the file and its journal for values that should be gone.

        Parameters
        ----------
        values : iterable of float, int or str
            Values to look for, in every form they could have in the file. Those that rows of the store still hold are
            reported apart. A model of documents holds words: those of each text are looked for, too.
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

    def _searched(self, wanted: set[Any], texts: set[str]) -> ErasureReport:
        """The same for values and the texts among them, whose words are looked for too, within a transaction."""
        words = words_of(self._model)
        documents = self.features if self._model.takes_documents else ()
        held = partial(held_by, self._rows, self._ids, documents, words)
        return report(self._database, wanted.union(*map(words, texts)), held, self._saved.pieces.read())


def _name_of(model: Any) -> str:
    return type(getattr(model, "learner", model)).__name__
