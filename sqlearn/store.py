"""A model, its training rows and its receipts in one file: rows are named by id or condition, and erased for good."""

import collections
import contextlib
import copy
import itertools
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from sqlearn.engine.transaction import interrupts_held
from sqlearn.errors import (
    EmptyBatchError,
    NonFiniteError,
    SqlearnError,
    StoreClosedError,
    StoreCorruptError,
    TableError,
)
from sqlearn.storage.columns import Category, Column, Columns, frames_of, length_of, take
from sqlearn.storage.database import Database
from sqlearn.storage.erasure import ErasureReport, mentioned, report
from sqlearn.storage.feeding import (
    arguments,
    asks_in_rounds,
    named_categories,
    prepared,
    takes_categories,
    takes_labels,
    target_names,
)
from sqlearn.storage.ids import Ids
from sqlearn.storage.receipts import ChainCheck, Receipt, Receipts, check_chain
from sqlearn.storage.rows import Rows
from sqlearn.storage.saved_model import SavedModel
from sqlearn.storage.selection import Selection, looking
from sqlearn.storage.words import Texts, Words
from sqlearn.verify import Verification, compare

__all__ = ["Receipt", "Store"]

_AT_ONCE = 1 << 16  # rows


class Store:
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

    def __init__(self, database: Database, columns: Columns, textual: bool, key: bytes):
        self.path = database.path
        self._database, self._columns, self._key = database, columns, key
        self._texts = Texts(database)
        self._words = Words(database, self._texts, key)
        self._rows = Rows(database, columns, self._words)
        self._ids = Ids(database, self._texts, key, textual)
        self._selection = Selection(database, columns, self._rows, self._ids)
        self._saved = SavedModel(database)
        self._receipts = Receipts(database)
        self._model: Any = None
        self._generation = -1

    # ------------------------------------------------------------------ making and opening

    @classmethod
    def create(cls, path, model, table, *, target=None, id=None, weight=None, categorical=None, timeout=5.0) -> "Store":
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
        timeout : float, default=5.0
            Seconds to wait for other processes in later calls.

        Returns
        -------
        Store

        Raises
        ------
        StoreExistsError, TableError, SqlearnError
            Of the kind that fits. No file is left then.
        """
        frames = frames_of(table)
        targets = target_names(model, target)
        database = Database.create(Path(path), timeout)
        try:
            first = next(frames, None)
            if first is None:
                raise EmptyBatchError("The table has no rows. No store was made: pass at least one row.")
            columns = Columns.recognised(
                first,
                targets,
                takes_labels(model),
                weight,
                id,
                named_categories(model, categorical),
                takes_categories(model),
            )
            store = cls(database, columns, columns.has_textual_ids(first), secrets.token_bytes(32))
            with interrupts_held() as check, database.writing():
                store._lay_out()
                store._model = prepared(model, columns)
                count = store._take_in(itertools.chain([first], frames), check)
                store._conclude("create", count)
            return store
        except BaseException:
            database.discard()
            raise

    @classmethod
    def open(cls, path, *, timeout=5.0) -> "Store":
        """Open a store. What a crash left half done is rolled back.

        Parameters
        ----------
        path : str or Path
            The file.
        timeout : float, default=5.0
            Seconds to wait for other processes, here and in later calls.

        Raises
        ------
        NotAStoreError, StoreVersionError, StoreCorruptError, StoreBusyError, StoreAccessError
            As their names say.
        """
        database = Database.open(Path(path), timeout)
        try:
            with database.reading():
                settings = dict(database.execute("SELECT name, value FROM settings"))
                columns = Columns.from_description(json.loads(settings["columns"]))
                store = cls(database, columns, settings["ids"] == "text", bytes.fromhex(settings["key"]))
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

    def close(self) -> None:
        """Let go of the file. Nothing is pending: every call was complete when it returned."""
        self._database.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __len__(self):
        with self._reading():
            return len(self._rows)

    def __repr__(self):
        try:
            with self._reading():
                held = f"{self.model_name} on {len(self._rows):,} rows of "
                return f"<Store {self.path.name}: {held}{len(self.features)} features>"
        except StoreClosedError:
            return f"<Store {self.path.name}: closed>"

    # ------------------------------------------------------------------ reading

    @property
    def model(self):
        """A copy of the fitted model as it is now: it predicts, and has scikit-learn's attributes.

        It is on its own: it keeps no ledger (the rows on file are the store's), later changes of the store do not reach
        it, and what is done to it does not reach the store. Whoever keeps it keeps what it knows of rows forgotten
        later.
        """
        with self._reading():
            return copy.deepcopy(self._model)

    @property
    def features(self) -> list[str]:
        """Names of the feature columns, in the order in which the model takes them."""
        return self._columns.named("feature")

    @property
    def columns(self) -> list[Column]:
        """All columns but the ids: their names, roles and kinds."""
        return list(self._columns.all)

    @property
    def model_name(self) -> str:
        """The model's class; the learner's inside where the model encodes tables for one."""
        with self._reading():
            return type(getattr(self._model, "learner", self._model)).__name__

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
            return takes_labels(self._model) and any(isinstance(label, str) for label in self._model._state.labels())

    def digest(self) -> str:
        """Hex digest of the model's state, to which the last receipt commits."""
        with self._reading():
            return self._model.digest()

    def ids(self, where: str | None = None) -> list:
        """The ids of all rows, or of those that fulfil a condition, in the order of their places in the file."""
        with self._reading():
            if where is None:
                return [id for _, cells in self._rows.scan() for id in self._ids.of_cells(cells[:, -1])]
            read = self._selection.read(self._selection.matching(where), None)
            return [id for _, cells in read for id in self._ids.of_cells(cells[:, -1])]

    def predict(self, table) -> np.ndarray:
        """What the model predicts for each row of a table (target, weight and id need not be there).

        Parameters
        ----------
        table : frame, dict of columns, or iterator of these
            Rows with the store's feature columns.
        """
        with self._reading():  # and no longer: predicting keeps nobody from writing
            model = self._model
        predictions = []
        for frame in frames_of(table):
            block = self._columns.block(frame, features_only=True)
            predictions.append(model.predict(**arguments(model, self._columns, block, features_only=True)))
        return np.concatenate(predictions)

    def verify(self, *, progress=None) -> Verification:
        """Refit on the rows on file, and compare canonical bytes and every fitted attribute.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of rows learned since the last call; in all, ``len(store)``.

        Returns
        -------
        Verification
            False on a difference, and printed as one line.
        """
        with self._reading():
            model = self._load()
            refit = clone(model) if len(self._rows) else model._emptied()
            self._feed(refit, in_blocks=True, progress=progress)
            return compare(model, refit)

    def receipts(self) -> list[Receipt]:
        """All receipts, from the creation on; the last one with its salt."""
        with self._reading():
            return self._receipts.all()

    def check_receipts(self, kept: Sequence[Receipt] = ()) -> ChainCheck:
        """Walk the chain of receipts up to the state on file.

        Parameters
        ----------
        kept : sequence of Receipt, optional
            Receipts that earlier calls returned: each must be in the chain as it was. Without any, a chain that was
            written anew from end to end cannot be told.

        Returns
        -------
        ChainCheck
            False when a receipt is altered, missing or out of order, when the last are cut off, or when the state is
            not the one that the last receipt commits to; printed as one line.
        """
        with self._reading():
            return check_chain(self._receipts.all(), self._model.digest(), kept)

    def erasure_report(self, values=(), table=None) -> ErasureReport:
        """Search the file and its journal for values that should be gone.

        Parameters
        ----------
        values : iterable of float, int or str
            Values to look for, in every form they could have in the file. Those that rows of the store still hold are
            reported apart.
        table : frame, dict of columns, or iterator of these, optional
            Rows, all of whose values (ids too) are looked for.

        Returns
        -------
        ErasureReport
            False when there is a trace of a value that no row holds, or a byte that is not zero in a place that belongs
            to no row; printed as a list.
        """
        wanted = {value.item() if isinstance(value, np.generic) else value for value in values}
        for frame in frames_of(table) if table is not None else ():
            wanted |= self._columns.values(frame)
        with self._reading():
            return report(self._database, wanted, self._held)

    def _held(self, found_as: dict) -> dict[Any, int]:
        """How many rows account for each of these values; see :func:`~sqlearn.storage.erasure.mentioned`."""
        counts: collections.Counter = collections.Counter()
        for _, cells in self._rows.scan() if found_as else ():
            columns = [c.values() if isinstance(c, Category) else c for c in self._rows.block(cells).values()]
            for column in (*(column.tolist() for column in columns), self._ids.of_cells(cells[:, -1])):
                for cell, rows in collections.Counter(column).items():
                    counts.update(dict.fromkeys(mentioned(cell, found_as), rows))
        return counts

    # ------------------------------------------------------------------ changing

    def learn(self, table) -> Receipt:
        """Keep more rows, and learn them.

        Parameters
        ----------
        table : frame, dict of columns, or iterator of these
            Rows with the store's columns, ids included if the store has a column of them.

        Returns
        -------
        Receipt

        Raises
        ------
        TableError, DuplicateIdError, SqlearnError
            Of the kind that fits; nothing has changed.
        """
        with self._changing() as check:
            return self._conclude("learn", self._take_in(frames_of(table), check))

    def forget(self, *, ids=None, where: str | None = None, dry_run: bool = False, progress=None):
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
            for part, cells in self._selection.read(slots, named):
                check()
                block = self._rows.block(cells)
                self._model.forget(**arguments(self._model, self._columns, block))
                self._ids.remove(self._ids.of_cells(cells[:, -1]), cells[:, -1])
                self._rows.erase(part, cells)
            return self._conclude("forget", len(slots))

    def relabel(self, *, to, ids=None, where: str | None = None, dry_run: bool = False, progress=None):
        """Give rows another target, as if they had been learned with it.

        Parameters
        ----------
        to : label, value, or sequence of values
            The new target; one value a target column.
        ids, where, dry_run, progress
            As for :meth:`forget`.

        Returns
        -------
        Receipt, or int for a dry run
        """
        target = self._target(to)
        if dry_run:
            with self._reading():
                return len(self._selection.named(ids, where, looking(progress))[0])
        with self._changing() as check:
            slots, named = self._selection.named(ids, where, looking(progress, check))
            for part, cells in self._selection.read(slots, named):
                check()
                block = self._rows.block(cells)
                changed = block | {
                    name: Category(np.zeros(len(part), np.int64), [value])
                    if isinstance(block[name], Category)
                    else np.full(len(part), value, np.float64)
                    for name, value in target.items()
                }
                old, new = (arguments(self._model, self._columns, either) for either in (block, changed))
                weights = {name: value for name, value in old.items() if name == "sample_weight"}
                self._model.relabel(old["X"], old["y"], new["y"], **weights)
                self._rows.replace(part, cells, changed)
            return self._conclude("relabel", len(slots))

    def _target(self, to) -> dict:
        names = self._columns.named("target")
        if not names:
            raise TableError(f"{type(self._model).__name__} learns without a target: there is nothing to relabel.")
        values = [to] if np.ndim(to) == 0 else list(to)
        if len(values) != len(names):
            raise TableError(f"`to` has {len(values)} values, and there are the target columns {names}.")
        block = Columns([c for c in self._columns.all if c.role == "target"], None).block(
            {name: [value] for name, value in zip(names, values, strict=True)}
        )
        found = [c.values()[0] if isinstance(c, Category) else c[0] for c in block.values()]
        for value in found:
            if value is None or value != value:
                raise NonFiniteError("`to` is missing (None or NaN). Nothing was changed: pass a label or a value.")
        return dict(zip(names, found, strict=True))

    def _take_in(self, frames: Iterator, check) -> int:
        """Learn frames and keep their rows. Returns how many."""
        count = 0
        for number, frame in enumerate(frames):
            check()
            try:
                block = self._columns.block(frame)
                n = length_of(frame)
                ids: Any = self._columns.ids(frame, self._ids.textual) if self._columns.id else self._ids.count(n)
                self._model.partial_fit(**arguments(self._model, self._columns, block))
            except ValueError as error:
                if number:
                    error.add_note(f"This is about frame {number} (counted from 0) of the table.")
                raise
            for start in range(0, n, _AT_ONCE):
                check()
                some = slice(start, min(n, start + _AT_ONCE))
                slots = self._rows.put(self._rows.packed(take(block, some), self._ids.cells(ids[some])))
                self._refuse_duplicate(self._ids.add(ids[some], slots))
            count += n
        self._refuse_duplicate(self._ids.settle())
        if not count:
            raise EmptyBatchError("The table has no rows. Nothing was changed: pass at least one row.")
        return count

    def _refuse_duplicate(self, slot: int) -> None:
        if slot:
            (id,) = self._ids.of_cells(self._rows.read(np.array([slot]))[:, -1])
            raise self._ids.duplicate(id)

    def _conclude(self, kind: str, count: int) -> Receipt:
        """Write the model and the receipt."""
        self._saved.save(self._model)
        return self._receipts.append(kind, count, self._model.digest())

    # ------------------------------------------------------------------ transactions

    @contextlib.contextmanager
    def _reading(self):
        with self._database.reading():
            self._refresh()
            yield

    @contextlib.contextmanager
    def _changing(self):
        """All or nothing. Yields a function that raises the KeyboardInterrupt that came meanwhile, if one did."""
        with interrupts_held() as check, self._database.writing():
            self._refresh()
            yield check

    def _refresh(self) -> None:
        """Read anew what another connection, or a transaction that was rolled back, has changed."""
        if self._generation != self._database.generation:
            for part in (self._words, self._ids, self._saved):
                part.drop_remembered()
            self._model = self._load()
            self._generation = self._database.generation

    def _load(self):
        """The model on file."""
        model, digest = self._saved.load()
        if digest is not None:  # it holds its rows, which are in the file already
            self._feed(model, in_blocks=False)
            if model.digest() != digest:
                raise StoreCorruptError(
                    f"The store {self.path} is damaged: its rows do not give its model. Take an intact copy."
                )
        return model

    def _feed(self, model, *, in_blocks: bool, progress=None) -> None:
        """Learn all rows on file; those who ask their rows in rounds had better learn them at once."""
        blocks: Iterable[np.ndarray] = (cells for _, cells in self._rows.scan())
        if not in_blocks or asks_in_rounds(model):
            everything = list(blocks)
            blocks = [np.concatenate(everything)] if everything else []
        for cells in blocks:
            given = arguments(model, self._columns, self._rows.block(cells))
            try:
                model.partial_fit(**given)
            except SqlearnError as error:
                raise StoreCorruptError(
                    f"The store {self.path} is damaged: it holds a row that could not be learned. {error}"
                ) from error
            if progress is not None:
                progress(len(cells))

    def _lay_out(self) -> None:
        self._database.lay_out()
        self._database.execute("CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        settings = {
            "columns": json.dumps(self._columns.description()),
            "ids": "text" if self._ids.textual else "numbers",
            "key": self._key.hex(),
        }
        self._database.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
        for part in (self._texts, self._words, self._rows, self._ids, self._saved, self._receipts):
            part.lay_out()
        self._generation = self._database.generation
