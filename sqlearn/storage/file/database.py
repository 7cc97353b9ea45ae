"""The SQLite file: how it is made, opened and closed.

The settings below are what durability and erasure rest on; docs/store.md argues why.
"""

import ctypes
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlearn.errors import (
    StoreBusyError,
    StoreError,
)
from sqlearn.storage.file.descriptors import File, Identity, close_if_unlocked, identity_of, opened
from sqlearn.storage.file.transactions import Counters, Transactions

FORMAT = 2
PAGE = 4096
_STORE, _OF_A_SET = 0x73716C6E, 0x73716C70  # "sqln" and "sqlp", in the file's header
_CACHE = 65536  # KiB
_JOURNAL = "-journal"
_EMPTY = (
    "It is empty: if the creation of a store was interrupted there, nothing is left of it, and the file may be "
    "deleted, unless a process is about to make one."
)

_LIVE: "weakref.WeakSet[Database]" = weakref.WeakSet()
_TORN: set[Identity] = set()  # files on which this process, when it was forked, inherited a transaction


class Database(Transactions):
    """One connection to a store's file, and its counters.

    Parameters
    ----------
    path : Path
        The file, which exists.
    timeout : float
        Seconds to wait for other connections.
    of_set : bool, default=False
        Whether it is a file of a set of stores, which nobody may open on its own.
    cache : int, optional
        KiB of pages that are held in memory, by default 65536.
    changed : int, optional
        KiB of changed pages that are held in memory, by default as much as `cache`. When there are more, SQLite writes
        them into the file, and others read no more until the commit.

    Attributes
    ----------
    counters : Counters
        Small numbers that are kept in the file (how many rows, which slot is free first); written when a transaction
        commits.
    key : bytes
        Key of the checksums.
    kind : {"Store", "StoreSet"}
        The class that opens it.
    whole : str
        What messages call what it is, or belongs to.
    generation : int
        Grows when another connection has changed the file and when a transaction was rolled back: what was read
        earlier may be out of date then.
    transactions : int
        How many were begun.
    """

    def __init__(
        self, path: Path, timeout: float, *, of_set: bool = False, cache: int | None = None, changed: int = 0
    ) -> None:  # fmt: skip
        self.path = path
        self.kind, self._application = ("StoreSet", _OF_A_SET) if of_set else ("Store", _STORE)
        self.whole = f"set of stores {path.parent}" if of_set else f"store {path}"
        self._cache, self._changed = cache or _CACHE, changed
        self.key = b""
        self.counters = Counters()
        self.generation = 0
        self.transactions = 0
        self._saved: dict[str, int] = {}
        self._is_new = False
        self._version = -1
        self._owner = (os.getpid(), threading.get_ident())
        self._connection: sqlite3.Connection | None = None
        try:
            self._identity = identity_of(path)
        except OSError as error:
            raise StoreError(
                f"The store {path} cannot be opened: {error.strerror}. Check the path and its permissions.",
                reason="access",
            ) from error
        if self._identity in _TORN:
            raise StoreBusyError(
                f"This process was forked during a call on the store {path}, so SQLite cannot know who has locked "
                "it. Open it in a process that was forked outside of such calls, or started anew (multiprocessing's "
                '"spawn").'
            )
        with self.translated():
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None,
                check_same_thread=False,  # that is checked here
            )  # fmt: skip
        _LIVE.add(self)

    @classmethod
    def create(cls, path: Path, timeout: float, **form: Any) -> "Database":
        """A new file; it is no store before the transaction that fills it commits."""
        try:
            path.open("xb").close()  # nobody can have locked what has just been made
        except FileExistsError as error:
            told = _EMPTY if cls._is_left_over(path, form) else "Choose another path, or delete it first."
            raise StoreError(f"There already is a file at {path}. {told}", reason="exists") from error
        except OSError as error:
            raise StoreError(
                f"No store can be created at {str(path)[:1000]}: {error.strerror}. Choose a path in a folder that "
                "exists and can be written.",
                reason="access",
            ) from error
        try:
            database = cls(path, timeout, **form)
        except BaseException:
            path.unlink()
            raise
        try:
            with database.translated():
                database._is_new = True
                database.execute(f"PRAGMA page_size = {PAGE}")
                database.execute("PRAGMA auto_vacuum = INCREMENTAL")
                database._configure()
        except BaseException:
            database.discard()
            raise
        return database

    @classmethod
    def open(cls, path: Path, timeout: float, **form: Any) -> "Database":
        """An existing store. What a crash left half done is rolled back here."""
        if path.is_dir():
            raise StoreError(
                f"{path} is a folder, and a store is a file. Nothing was opened: open a set of stores, which is a "
                "folder, with sqlearn.distributed.StoreSet.open; else check the path.",
                reason="not a store",
            )
        if not path.is_file():
            raise StoreError(
                f"There is no file at {path}. Check the path, or create a store with Store.create (sqlearn fit).",
                reason="missing",
            )
        database = cls(path, timeout, **form)
        try:
            with database.translated():
                (application,) = database.execute("PRAGMA application_id").fetchone()
                (version,) = database.execute("PRAGMA user_version").fetchone()
                if application == _OF_A_SET != database._application:
                    raise StoreError(
                        f"{path} is a file of a set of stores, and is not opened alone: it would no longer fit the "
                        "others. Nothing was changed: open its folder, with sqlearn.distributed.StoreSet.open; the "
                        "commands of sqlearn take the folder, too.",
                        reason="not a store",
                    )
                if application != database._application and database.kind == "StoreSet":
                    how = "is empty" if database._is_empty() else "is no file of a set"
                    raise database._lost(how)
                if application != database._application:
                    told = _EMPTY if database._is_empty() else "Pass a file that Store.create (sqlearn fit) made."
                    if told is _EMPTY:
                        database._refuse_half_made()
                    raise StoreError(f"{path} is not a store. {told}", reason="not a store")
                if version != FORMAT:
                    raise StoreError(
                        f"{path} is a store of format {version}; this version of sqlearn reads format {FORMAT} only. "
                        "Nothing was changed. "
                        + ("Make a store of this format of its rows, ids and learner with sqlearn upgrade OLD --out "
                           "NEW, which tells what it does not take over."
                           if version < FORMAT else "A later version wrote it: update sqlearn to open it."),
                        reason="version",
                    )  # fmt: skip
                database._configure()
                database._empty_journal()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def _is_left_over(cls, path: Path, form: dict[str, Any]) -> bool:
        """Whether a file is empty, as a process leaves it that is killed while it makes a store, and none writes it."""
        if not path.is_file():
            return False
        try:
            database = cls(path, 0.0, **form)
            try:
                database._is_new = True
                with database.supposing():
                    return database._is_empty()
            finally:
                database.close()
        except StoreError:  # it is none of SQLite's, or a process is at work in it
            return False

    def _is_empty(self) -> bool:
        """Whether nothing is in the file, not even another program's mark."""
        (tables,) = self.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        (application,) = self.execute("PRAGMA application_id").fetchone()
        return not tables and not application and self.path.stat().st_size != 1  # which SQLite takes for none

    def _refuse_half_made(self) -> None:
        """Refuse a file without a table that another process is writing."""
        self._is_new = True
        try:
            with self.waiting(0.0), self.supposing():
                pass
        except StoreBusyError as error:
            raise StoreBusyError(
                f"Another process makes a store at {self.path}. Nothing was changed: open it when that has ended."
            ) from error

    def _empty_journal(self) -> None:
        """Empty the journal of a process that was killed before it changed the file.

        It holds pages as they still are, so SQLite has nothing to roll back and would leave it until the next commit.
        """
        if not self._journal_size():
            return
        with self.waiting(0.0):
            try:
                self.execute("BEGIN IMMEDIATE")
                self.execute(f"PRAGMA user_version = {FORMAT}")  # as it is; any commit empties the journal
                self.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # else it belongs to a process that is at work
                    raise
                if self.connection.in_transaction:
                    self.execute("ROLLBACK")

    def _journal_size(self) -> int:
        try:
            return os.stat(f"{self.path}{_JOURNAL}").st_size
        except FileNotFoundError:
            return 0

    def _configure(self) -> None:
        """On every connection: deleted bytes are overwritten, and a commit is on the disk when it returns."""
        for pragma in (
            "PRAGMA trusted_schema = OFF",
            "PRAGMA cell_size_check = ON",
            "PRAGMA temp_store = MEMORY",  # nothing spills into files that nobody cleans
            "PRAGMA synchronous = FULL",
            f"PRAGMA cache_size = -{self._cache}",
            *([f"PRAGMA cache_spill = -{self._changed}"] if self._changed else []),
        ):
            self.execute(pragma)
        for pragma, expected in (("secure_delete = ON", 1), ("journal_mode = TRUNCATE", "truncate")):
            (answer,) = self.execute(f"PRAGMA {pragma}").fetchone()
            if answer != expected:
                raise StoreError(
                    f"This SQLite library refuses `{pragma}` (it says {answer!r}), so nothing was done. Use another "
                    "build of SQLite.",
                    reason="sqlite",
                )

    def lay_out(self) -> None:
        """Say in the file's header what it is, in the transaction that creates the store."""
        self._is_new = False
        self.execute(f"PRAGMA application_id = {self._application}")
        self.execute(f"PRAGMA user_version = {FORMAT}")
        self.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID")

    # ------------------------------------------------------------------ files

    def files(self) -> list[Path]:
        """The database, and whatever SQLite may have put beside it."""
        beside = [self.path.with_name(self.path.name + suffix) for suffix in (_JOURNAL, "-wal")]
        return [self.path, *(path for path in beside if path.exists())]

    def is_in_place(self) -> bool:
        """Whether the path still leads to this file."""
        return self.path.exists() and identity_of(self.path) == self._identity

    @contextmanager
    def contents(self) -> Iterator[list[File]]:
        """The files of :meth:`files`, open for reading, inside a transaction.

        No descriptor of the database is closed, since that would release SQLite's lock.
        """
        with ExitStack() as stack:
            beside = (stack.enter_context(path.open("rb")) for path in self.files()[1:])
            yield [opened(self.path, self._identity), *(File(Path(f.name).name, f.fileno()) for f in beside)]

    def close(self) -> None:
        """Let go of the file. Nothing is pending: every commit was complete."""
        if self._connection is None or self._owner[0] != os.getpid():  # it belongs to the process before the fork
            self._connection = None
            return
        connection = self.connection
        if connection.in_transaction:
            raise StoreBusyError(f"The {self.whole} is busy with a call. Close it after that has returned.")
        self._connection = None
        with self.translated():
            close_if_unlocked(self._identity, connection)
            connection.close()

    def discard(self) -> None:
        """Close, and delete what an unfinished creation wrote."""
        if self._owner[0] != os.getpid():
            return
        paths = self.files()
        self.close()
        for path in paths:
            path.unlink(missing_ok=True)

    def _leave_to_parent(self) -> None:
        """In a process that was just forked: never close the connection, which would roll back the parent's work."""
        if self._connection is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))  # so it is not finalised at exit either
            if self._connection.in_transaction:
                _TORN.add(self._identity)


def _after_fork() -> None:
    for database in _LIVE:
        database._leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
