"""A model, its training rows and its receipts in one file: rows are named by id or condition, and erased for good."""

import json
import os
import secrets
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from sqlearn.engine.model import ExactEstimator, RenamedReport
from sqlearn.engine.rounds import UpdateReport
from sqlearn.engine.sums import InterruptsHeld
from sqlearn.errors import SqlearnError
from sqlearn.storage.asking import name_of
from sqlearn.storage.calls import called_as
from sqlearn.storage.editing import Editing
from sqlearn.storage.file import ChainCheck, Database, Receipt, Settings, check_chain, damaged
from sqlearn.storage.forgotten import Forgotten
from sqlearn.storage.one_file import OneFile
from sqlearn.storage.planning import Planned
from sqlearn.storage.recommending import Recommending
from sqlearn.storage.refit import Refit
from sqlearn.storage.steps import R
from sqlearn.storage.supposing import Supposing
from sqlearn.storage.table import Columns, as_path, as_seconds, asks_in_rounds
from sqlearn.storage.types import Progress, Table
from sqlearn.storage.upkeep import Suppressed
from sqlearn.storage.view import View
from sqlearn.verification import Verification, compare

__all__ = ["Receipt", "Store", "Suppressed"]


class Verbs(View[R], Editing[R], Forgotten[R], Supposing[R]):
    """What stores and sets of stores do alike: verbs, made of the steps in which they differ."""

    @abstractmethod
    def _verified(self, progress: Progress | None) -> tuple[Verification, ChainCheck]:
        """Whether all is as it was written, and the model that of a refit; and whether the receipts lead to it."""

    @called_as("store.verify()")
    def verify(self, *, progress: Progress | None = None) -> Verification:
        """Check that all files are as they were written, refit on all rows, and compare canonical bytes and attributes.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of rows learned since the last call; in all, ``len(store)``.

        Returns
        -------
        Verification
            False on a difference, and printed as one line.

        Raises
        ------
        StoreCorruptError
            When a file is damaged: a place has not what was written there, or what lies in it does not fit together.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> _ = store.forget(ids=["bob"])
        >>> store.verify()
        GaussianNB equals its refit on 2 rows, byte for byte (digest ...)
        """
        with self._reading():
            found, chain = self._verified(progress)
            found = replace(found, learner=name_of(self._learner))
            return replace(found, difference=f"its receipts: {chain.fault}") if found and not chain else found

    @called_as("store.close()")
    def close(self) -> None:
        """Close what is open. Nothing is pending: every call was complete when it returned.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> store.close()
        >>> store
        <Store people.sqlearn: closed>
        """
        self._close()

    @abstractmethod
    def _close(self) -> None:
        """Let go of what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Store(RenamedReport, Verbs[Receipt], Recommending, OneFile, Refit):
    """A model that rows can be deleted from, kept in one SQLite file with the rows themselves.

    Make one with :meth:`create`, come back to it with :meth:`open`.

    Attributes
    ----------
    path : Path
        The file.

    Notes
    -----
    - *Exact*: after any calls the model has the bytes of one that was fitted on the rows on file, and :meth:`verify`
      checks it.
    - *Atomic and durable*: :meth:`learn`, :meth:`forget` and :meth:`relabel` change rows, model and receipts in one
      transaction. When they return, it is on the disk; when they raise, or the process is killed, nothing has
      changed.
    - *Erased*: when :meth:`forget` returns, no byte of the rows, of words and ids that only they had, or of the
      model's earlier state is left in the file or its journal; :meth:`erasure_report` looks.

    docs/store.md has the arguments, and what is out of reach: copies and backups, what was published, and the device
    below the file system. A store is used by one thread at a time; several processes may open one file, and wait for
    each other.

    Examples
    --------
    >>> import tempfile, os
    >>> from sqlearn import Store
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> path = os.path.join(tempfile.mkdtemp(), "people.sqlearn")
    >>> people = {
    ...     "person": ["ann", "bob", "cid", "dot", "eve"],
    ...     "age": [41.0, 22.0, 35.0, 58.0, 29.0],
    ...     "income": [5.1, 1.9, 3.2, 4.8, 2.5],
    ...     "buys": ["yes", "no", "no", "yes", "no"],
    ... }
    >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
    >>> store
    <Store people.sqlearn: GaussianNB on 5 rows of 2 features>
    >>> store.forget(where="age < 30 and buys = 'no'", dry_run=True)
    2
    >>> receipt = store.forget(ids=["bob"])
    >>> receipt.kind, receipt.count
    ('forget', 1)
    >>> store.ids()
    ['ann', 'cid', 'dot', 'eve']
    >>> store.verify()
    GaussianNB equals its refit on 4 rows, byte for byte (digest ...)
    >>> bool(store.erasure_report(values=["bob", 22.0, 1.9]))
    True
    >>> store.predict({"age": [50.0], "income": [5.0]})
    array(['yes'], dtype='<U3')
    >>> store.close()
    """

    # ------------------------------------------------------------------ making and opening

    @classmethod
    @called_as('Store.create(path, model, table, target="...", id="...")')
    def create(
        cls,
        path: str | os.PathLike[str],
        model: ExactEstimator,
        table: Table,
        *,
        target: str | Sequence[str] | None = None,
        id: str | None = None,
        user: str | None = None,
        item: str | None = None,
        rating: str | None = None,
        weight: str | None = None,
        categorical: Sequence[str] | None = None,
        keep: str | Sequence[str] = (),
        booleans: Mapping[str, Any] | None = None,
        text: str | Sequence[str] = (),
        reading: Mapping[str, Any] | None = None,
        suppress: bool = False,
        signing_key: bytes | str | None = None,
        timeout: float = 5.0,
        progress: Progress | None = None,
    ) -> "Store":
        """Make a store: keep a table, and fit a model on it.

        Parameters
        ----------
        path : str or Path
            The file to make. It must not exist.
        model : estimator
            A learner of this package with its parameters. It is not changed.
        table : frame, dict of columns, or iterator of these
            The rows: pandas or polars frames, or dicts of equally long columns. An iterator is read frame by frame, so
            that a table may be larger than memory.
        target : str or list of str, optional
            The column to predict; several for learners of several targets.
        id : str, optional
            The column of ids, whole numbers or text, all different. Without it rows are numbered from 0, and no number
            is given twice.
        user, item, rating : str, optional
            Of recommenders: the columns of who, what and how much. By default those with usual names: user, userId or
            user_id; item, itemId, item_id, movieId or movie_id; rating. Without ratings (implicit feedback) there is no
            `rating`. Users and items that are whole numbers stay so; others are text, or any labels.
        weight : str, optional
            The column of sample weights.
        categorical : list of str, optional
            The columns of categories among the features. By default they are recognised in the first frame: text,
            categories and booleans. This replaces the model's own ``categorical_features``.
        suppress : bool, default=False
            Whether to keep a keyed hash of each id that is forgotten, and to refuse to learn it again; see
            :meth:`suppressed`. It needs a column of ids. Of recommenders: of each user that is forgotten by name.
        signing_key : bytes or str, optional
            A secret of at least 16 bytes to sign receipts with; it is not kept in the file.
        keep : str or list of str, optional
            Columns that conditions may compare and the model does not learn from: dates, say, for retention.
        booleans : dict of str to (label, label), optional
            Columns of booleans that the model is to know by other labels than False and True, such as "no" and "yes".
        text : str or list of str, optional
            Columns of documents: texts that are kept for their row alone, may be long, and are learned as they are. By
            default the column of text is one, if the model learns from documents (TextModel). Kept columns may be of
            this kind too.
        reading : dict, optional
            How the table was read from a file, in JSON's types: kept with the store as :attr:`reading`.
        timeout : float, default=5.0
            Seconds to wait for other processes in later calls.
        progress : callable, optional
            Called with the number of rows learned since the last call.

        Returns
        -------
        Store
            The open store.

        Raises
        ------
        StoreError, TableError, SqlearnError
            See their descriptions. No file is left.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> store
        <Store people.sqlearn: GaussianNB on 3 rows of 1 features>
        """
        plan = Planned(
            model, table, target=target, id=id, user=user, item=item, rating=rating, weight=weight,
            categorical=categorical, keep=keep, booleans=booleans, text=text, reading=reading, suppress=suppress,
        )  # fmt: skip
        database = Database.create(as_path(path), as_seconds(timeout))
        try:
            frames, key = plan.recognise(), secrets.token_bytes(32)
            asks = asks_in_rounds(model)
            store = cls(database, plan.columns, plan.textual, key, asks, plan.suppress, signing_key)
            with InterruptsHeld() as check, database.writing():
                store._lay_out()
                store._model = plan.model
                count = store._take_in(frames, check, progress)
                store._conclude("create", count, check)
            return store
        except BaseException:
            database.discard()
            raise

    @classmethod
    @called_as("Store.open(path)", "Store.open(path, signing_key=...)")
    def open(
        cls, path: str | os.PathLike[str], *, signing_key: bytes | str | None = None, timeout: float = 5.0
    ) -> "Store":
        """Open a store. What a crash left half done is rolled back.

        Parameters
        ----------
        path : str or Path
            The file.
        signing_key : bytes or str, optional
            The secret to sign receipts with. A store whose last receipt is signed is changed with the same key alone;
            whoever only reads it needs none.
        timeout : float, default=5.0
            Seconds to wait for other processes, here and in later calls.

        Returns
        -------
        Store
            The open store.

        Raises
        ------
        StoreError, StoreCorruptError, StoreBusyError
            As their names say.

        Examples
        --------
        >>> import tempfile
        >>> from sqlearn import Store
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> path = tempfile.mkdtemp() + "/people.sqlearn"
        >>> people = {"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 35.0], "buys": [1, 0, 0]}
        >>> store = Store.create(path, GaussianNB(), people, target="buys", id="person")
        >>> store.close()
        >>> Store.open(path)
        <Store people.sqlearn: GaussianNB on 3 rows of 1 features>
        """
        return cls._of(Database.open(as_path(path), as_seconds(timeout)), signing_key)

    @classmethod
    def _of(cls, database: Database, signing_key: bytes | str | None, **expected: str) -> Self:
        """The store in a file, which is closed when it cannot be read, or has other settings than are expected."""
        try:
            with database.reading():
                settings = Settings(database).read()
                columns = Columns.from_description(json.loads(settings["columns"]))
                key, asks = bytes.fromhex(settings["key"]), settings["asks"] == "yes"
                store = cls(
                    database, columns, settings["ids"] == "text", key, asks, settings["suppress"] == "yes", signing_key
                )
                if {name: settings.get(name) for name in expected} != expected:
                    raise damaged(database.path, "it is not the part of the set that its name says")
                store._refresh()
            return store
        except (KeyError, TypeError, ValueError) as error:
            database.close()
            if isinstance(error, SqlearnError):
                raise
            raise damaged(database.path, "its settings cannot be read") from error
        except BaseException:
            database.close()
            raise

    @property
    def last_update_(self) -> UpdateReport:
        """What the last change made through this object did, of a learner that asks its rows in rounds."""
        with self._reading():
            return self._model.last_update_

    def _verified(self, progress: Progress | None) -> tuple[Verification, ChainCheck]:
        model, refit, hashes_agree, digest = self._refitted(progress)
        found = compare(model, refit)
        if found and not hashes_agree:
            found = replace(found, difference="the keyed hashes of the rows on file")
        return found, check_chain(self._receipts.all(), digest)

    def _close(self) -> None:
        self._database.close()
