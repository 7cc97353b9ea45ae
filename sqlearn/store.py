"""A model, its training rows and its receipts in one file: rows are named by id or condition, and erased for good."""

import itertools
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.sums import interrupts_held
from sqlearn.errors import (
    ShapeError,
    SqlearnError,
    StoreCorruptError,
    StoreError,
    UnknownLabelError,
    shown,
)
from sqlearn.storage.calls import called_as
from sqlearn.storage.changes import Changes
from sqlearn.storage.file import Database, Receipt, Settings, check_chain
from sqlearn.storage.records import looking
from sqlearn.storage.refit import Refit
from sqlearn.storage.table import (
    Columns,
    as_names,
    as_path,
    as_reading,
    as_seconds,
    asks_in_rounds,
    frames_of,
    named_categories,
    prepared,
    takes_categories,
    takes_labels,
    target_names,
    target_of,
)
from sqlearn.storage.types import Ids, Progress, Table
from sqlearn.storage.upkeep import Suppressed, Suppression
from sqlearn.storage.view import View
from sqlearn.verify import Verification, compare

__all__ = ["Receipt", "Store", "Suppressed"]


class Store(View, Changes, Refit):
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
        weight: str | None = None,
        categorical: Sequence[str] | None = None,
        keep: str | Sequence[str] = (),
        booleans: Mapping[str, Any] | None = None,
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
        weight : str, optional
            The column of sample weights.
        categorical : list of str, optional
            The columns of categories among the features. By default they are recognised in the first frame: text,
            categories and booleans. (A ``categorical_features`` of the model's own is replaced by what this says.)
        suppress : bool, default=False
            Whether to keep a keyed hash of each id that is forgotten, and to refuse to learn it again; see
            :meth:`suppressed`. It needs a column of ids.
        signing_key : bytes or str, optional
            A secret of at least 16 bytes to sign receipts with; it is not kept in the file.
        keep : str or list of str, optional
            Columns that conditions may compare and the model does not learn from: dates, say, for retention.
        booleans : dict of str to (label, label), optional
            Columns of booleans that the model is to know by other labels than False and True, such as "no" and "yes".
        reading : dict, optional
            How the table was read from a file, in JSON's types: kept with the store as :attr:`reading`.
        timeout : float, default=5.0
            Seconds to wait for other processes in later calls.
        progress : callable, optional
            Called with the number of rows learned since the last call.

        Returns
        -------
        Store

        Raises
        ------
        StoreError, TableError, SqlearnError
            Of the kind that fits. No file is left then.
        """
        if suppress and id is None:
            raise StoreError(
                "suppress=True needs ids of the table's own, and no column of ids is named. No store was created: "
                "running numbers would name other rows in a backup. Pass id=, the name of a column (--id).",
                reason="suppression",
            )
        frames = frames_of(table)
        targets = target_names(model, target)
        database = Database.create(as_path(path), as_seconds(timeout))
        try:
            first = next(frames, None)
            if first is None:
                raise ShapeError("The table has no rows. No store was created: pass at least one row.", reason="empty")
            categories = named_categories(model, categorical)
            columns = Columns.recognised(
                first,
                targets,
                takes_labels(model),
                weight,
                id,
                categories,
                takes_categories(model),
                as_names(keep, "keep"),
                booleans,
                as_reading(reading),
            )
            textual, key = columns.has_textual_ids(first), secrets.token_bytes(32)
            store = cls(database, columns, textual, key, asks_in_rounds(model), bool(suppress), signing_key)
            with interrupts_held() as check, database.writing():
                store._lay_out()
                store._model = prepared(model, columns)
                count = store._take_in(itertools.chain([first], frames), check, progress)
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
            A secret to sign receipts with, and to check them with.
        timeout : float, default=5.0
            Seconds to wait for other processes, here and in later calls.

        Raises
        ------
        StoreError, StoreCorruptError, StoreBusyError
            As their names say.
        """
        database = Database.open(as_path(path), as_seconds(timeout))
        try:
            with database.reading():
                settings = Settings(database).read()
                columns = Columns.from_description(json.loads(settings["columns"]))
                key, asks = bytes.fromhex(settings["key"]), settings["asks"] == "yes"
                store = cls(
                    database, columns, settings["ids"] == "text", key, asks, settings["suppress"] == "yes", signing_key
                )
                store._refresh()
            return store
        except (KeyError, TypeError, ValueError) as error:
            database.close()
            if isinstance(error, SqlearnError):
                raise
            raise StoreCorruptError(
                f"The store {path} is damaged: its settings cannot be read. Take an intact copy."
            ) from error
        except BaseException:
            database.close()
            raise

    @called_as("store.close()")
    def close(self) -> None:
        """Let go of the file. Nothing is pending: every call was complete when it returned."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @called_as("store.verify()")
    def verify(self, *, progress: Progress | None = None) -> Verification:
        """Check that the file is as it was written, refit on its rows, and compare canonical bytes and attributes.

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
            When the file is damaged: a place has not what was written there, or its parts do not fit together.
        """
        with self._reading():
            model, refit, hashes_agree = self._refitted(progress)
            found = compare(model, refit)
            if found and not hashes_agree:
                found = replace(found, difference="the keyed hashes of the rows on file")
            chain = check_chain(self._receipts.all(), model.digest())
            return replace(found, difference=f"its receipts: {chain.fault}") if found and not chain else found

    # ------------------------------------------------------------------ changing

    @called_as('store.learn({"feature": [...], "target": [...]})')
    def learn(self, table: Table, *, progress: Progress | None = None) -> Receipt:
        """Keep more rows, and learn them.

        Parameters
        ----------
        table : frame, dict of columns, or iterator of these
            Rows with the store's columns, ids included if the store has a column of them.
        progress : callable, optional
            Called with the number of rows learned since the last call.

        Returns
        -------
        Receipt

        Raises
        ------
        TableError, DuplicateIdError, SuppressedIdError, SqlearnError
            Of the kind that fits; nothing has changed.
        """
        with self._changing() as check:
            return self._conclude("learn", self._take_in(frames_of(table), check, progress), check)

    @called_as("store.forget(ids=...)", "store.forget(where=...)")
    def forget(
        self,
        *,
        ids: Ids | None = None,
        where: str | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Receipt | int:
        """Take rows out of the model, and erase them.

        Parameters
        ----------
        ids : id or sequence of ids, optional
            The rows to forget, by id.
        where : str, optional
            The rows to forget, by an SQL condition over the table's columns (target, weight and id among them).
        dry_run : bool, default=False
            Whether to count the rows only.
        progress : callable, optional
            Called, under a condition, with the number of rows looked at since the last call; in all, ``len(store)``.

        Returns
        -------
        Receipt, or int for a dry run

        Raises
        ------
        UnknownIdError, ConditionError, SqlearnError
            Of the kind that fits; nothing has changed.
        """
        if dry_run:
            with self._reading():
                return len(self._selection.named(ids, where, looking(progress))[0])
        with self._changing() as check:
            slots, named = self._selection.named(ids, where, looking(progress, check))
            self._forget_rows(slots, named, check)
            return self._conclude("forget", len(slots), check)

    @called_as("store.relabel(ids=..., to=...)", "store.relabel(where=..., to=...)")
    def relabel(
        self,
        *,
        to: Any,
        ids: Ids | None = None,
        where: str | None = None,
        new: bool = False,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Receipt | int:
        """Give rows another target, as if they had been learned with it.

        Parameters
        ----------
        to : label, value, or sequence of values
            The new target; one value per target column.
        new : bool, default=False
            Whether `to` may be a label that no row has.
        ids, where, dry_run, progress
            As for :meth:`forget`.

        Returns
        -------
        Receipt, or int for a dry run

        Raises
        ------
        UnknownLabelError
            When no row has the label, and `new` is not given. Nothing has changed.
        UnknownIdError, ConditionError, SqlearnError
            As for :meth:`forget`.
        """
        target = target_of(self._model, self._columns, to)
        if dry_run:
            with self._reading():
                self._check_label(target, new)
                return len(self._selection.named(ids, where, looking(progress))[0])
        with self._changing() as check:
            slots, named = self._selection.named(ids, where, looking(progress, check))
            self._check_label(target, new)
            self._relabel_rows(slots, named, target, check)
            return self._conclude("relabel", len(slots), check)

    def _check_label(self, target: dict[str, Any], new: bool) -> None:
        held = self._model._state.labels() if takes_labels(self._model) else []
        for label in () if new or not takes_labels(self._model) else target.values():
            if label not in held:
                raise UnknownLabelError(
                    f"No row of this store has the label {shown(label)}; it holds {shown(held)}. Nothing was "
                    "changed: pass one of these or, if it is a label of its own, new=True (--new).",
                    value=label,
                )

    @called_as("store.compact()")
    def compact(self) -> int:
        """Shrink the file by the space of forgotten rows, which is otherwise kept for rows to come.

        Every table is written anew in one transaction. Meanwhile that needs disk space for the journal and the new
        tables, and 8 bytes of memory per row and text.

        Returns
        -------
        int
            By how many bytes the file has shrunk.
        """
        before = self.path.stat().st_size
        with self._changing():
            self._compact()
        return before - self.path.stat().st_size

    # ------------------------------------------------------------------ forgotten for good

    @called_as("store.suppressed()")
    def suppressed(self) -> Suppressed:
        """The ids that were forgotten, as keyed hashes: for :meth:`replay` on a backup of this store."""
        with self._reading():
            return self._suppressing().all()

    @called_as("store.lift(ids)")
    def lift(self, ids: Ids | None) -> None:
        """Allow ids to be learned again that were forgotten.

        Parameters
        ----------
        ids : id or sequence of ids
            The ids.

        Raises
        ------
        UnknownIdError
            When one is not suppressed, or is given twice. Nothing has changed.
        """
        with self._changing():
            self._suppressing().lift(self._selection.checked(ids), self._ids)

    @called_as("store.replay(newer.suppressed())")
    def replay(self, suppressed: Suppressed) -> Receipt:
        """Forget what a newer copy of this store had forgotten: for a file that was restored from a backup.

        Parameters
        ----------
        suppressed : Suppressed
            What :meth:`suppressed` of the newer one gave.

        Returns
        -------
        Receipt
            Of kind "forget", with the number of rows that were there.
        """
        with self._changing() as check:
            hashes = self._suppressing().of(suppressed)
            slots = self._ids.index.find(hashes)
            slots = np.sort(slots[slots > 0])
            self._forget_rows(slots, None, check)
            self._suppressing().add(hashes)
            return self._conclude("forget", len(slots), check)

    def _suppressing(self) -> Suppression:
        if self._suppression is None:
            raise StoreError(
                f"The store {self.path} keeps no list of forgotten ids. Nothing was changed: pass suppress=True to "
                "Store.create.",
                reason="suppression",
            )
        return self._suppression
