"""The parts of a store's file, and the transactions that they are read and changed in."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from sqlearn.engine.sums import InterruptsHeld
from sqlearn.errors import StoreError
from sqlearn.storage.calls import called_as
from sqlearn.storage.file import Database, Receipts, SavedModel, Settings, Texts, Words, damaged
from sqlearn.storage.records import Copies, Ids, Rows, Selection, StoredRows, labels_of, learn_rows, looking, seed_of
from sqlearn.storage.types import Progress
from sqlearn.storage.upkeep import Suppression


class Completion:
    """Context of a change: what is raised when it has been made has a note that says so.

    Attributes
    ----------
    made : bool
        Whether it has been made.
    """

    made = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self.made and error is not None:
            error.add_note("The change is complete: the signal came when it was being written.")


class Contents:
    """What is in a store's file. All methods but those that begin a transaction are called within one.

    Parameters
    ----------
    database : Database
        The file.
    columns : Columns
        What rows hold.
    textual : bool
        Whether ids are text.
    key : bytes
        Key of hashes and checksums.
    asks : bool
        Whether the model asks its rows in rounds.
    suppress : bool
        Whether ids that were forgotten are refused.
    signing_key : bytes, str or None
        What to sign receipts with.
    """

    @called_as("Store.open(path)", 'Store.create(path, model, table, target="...")')
    def __init__(
        self,
        database: Database,
        columns: Any = None,
        textual: bool = False,
        key: bytes = b"",
        asks: bool = False,
        suppress: bool = False,
        signing_key: bytes | str | None = None,
    ) -> None:
        if not isinstance(database, Database):
            raise StoreError(
                "Open a store with Store.open(path), or create one with Store.create(path, model, table).",
                reason="argument",
            )
        self.path = database.path
        database.key = key
        self._database, self._columns, self._key = database, columns, key
        self._texts = Texts(database)
        self._words = Words(database, self._texts, key)
        self._rows = Rows(database, columns, self._words, hashed=asks)
        self._ids = Ids(database, self._texts, key, textual)
        self._labels = labels_of(columns, self._rows, self._words, key) if columns else {}
        self._selection = Selection(database, columns, self._rows, self._ids, self._labels)
        self._saved = SavedModel(database, grows=self._rows.documents is not None)
        self._receipts = Receipts(database, signing_key)
        self._suppression = Suppression(database, key) if suppress else None
        self._model: Any = None
        self._source: StoredRows | None = None  # where a model that asks its rows in rounds finds them
        self._knows_rows = True  # whether the model has learned its rows: a recommender does when they are needed
        self._generation = -1
        self._changes = 0  # calls through this object that changed the store, or tried to

    # ------------------------------------------------------------------ transactions

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        with self._database.reading():
            self._refresh()
            yield

    @contextlib.contextmanager
    def _changing(self, progress: Progress | None = None, *, signed: bool = True) -> Iterator[Callable[[], None]]:
        """All or nothing. Yields a function that raises the KeyboardInterrupt that came meanwhile, if one did.

        It is called a last time before the commit. What a handler raises after that has a note that the change is made.
        Where the last receipt is signed, whoever changes what receipts are about needs its key.
        """
        looking(progress)  # which refuses what is no function
        with Completion() as completion, InterruptsHeld() as check:
            with self._database.writing():
                self._changes += 1
                self._refresh()
                if signed:
                    self._receipts.check_key()
                    self._learn_rows()
                yield check
                check()
            completion.made = True

    @contextlib.contextmanager
    def _supposing(self) -> Iterator[Callable[[], None]]:
        """What is changed inside is not changed afterwards. Yields what :meth:`_changing` yields."""
        with InterruptsHeld() as check, self._database.supposing():
            self._changes += 1
            self._refresh()
            self._learn_rows()
            yield check

    def _refresh(self) -> None:
        """Read anew what another connection, or a transaction that was rolled back, has changed."""
        if self._generation != self._database.generation:
            for part in (self._words, self._ids, self._saved, self._suppression):
                if part is not None:
                    part.drop_remembered()
            self._model, self._knows_rows = self._saved.load(), not self._labels
            if self._rows.hashed:
                self._attach().renew()
            self._generation = self._database.generation

    def _learn_rows(self) -> None:
        """Let a recommender, whose state is the rows themselves, learn those on file, if it does not know them yet."""
        if self._knows_rows:
            return
        model = self._saved.load()
        learn_rows(model, self._columns, self._rows, [cells for _, cells in self._rows.scan()], self.path)
        if model.digest() != self._saved.digest:
            raise damaged(self.path, "its rows are not those that its model has learned", anew=True)
        self._model, self._knows_rows = model, True

    def _attach(self) -> StoredRows:
        """Let the model ask the rows on file."""
        if self._model.state.statistic.is_share:
            raise damaged(self.path, "its model is a share of another one")
        copies = Copies(self._database, self._key, seed_of(self._model))
        self._source = StoredRows(self._columns, self._rows, copies, self._model)
        return self._source

    def _lay_out(self, **more: str) -> None:
        """Make all tables; the settings are what this store was made with, and what else is given."""
        self._database.lay_out()
        for part in (self._texts, self._words, self._rows, self._ids, self._saved, self._receipts):
            part.lay_out()
        if self._rows.hashed:
            Copies(self._database, self._key, np.uint64(0)).lay_out()
        if self._suppression:
            self._suppression.lay_out()
        Settings(self._database).lay_out(
            {
                "columns": json.dumps(self._columns.description()),
                "ids": "text" if self._ids.textual else "numbers",
                "key": self._key.hex(),
                "asks": "yes" if self._rows.hashed else "no",
                "suppress": "yes" if self._suppression else "no",
            }
            | more
        )
        self._generation = self._database.generation
