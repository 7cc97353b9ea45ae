"""The SQLite file: how it is opened, what a transaction is, and what its errors mean.

The settings below are what durability and erasure rest on; docs/store.md argues why.
"""

import ctypes
import hashlib
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
    StoreCorruptError,
    StoreError,
)
from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.descriptors import File, Identity, close_if_unlocked, identity_of, opened

FORMAT = 2
PAGE = 4096
_STORE, _OF_A_SET = 0x73716C6E, 0x73716C70  # "sqln" and "sqlp", in the file's header
_CACHE = 65536  # KiB
_JOURNAL = "-journal"
_DIGEST = "digest"  # a counter

_ACCESS = (StoreError, "access", "cannot be opened. Check the permissions of the file and its folder")
_KINDS: dict[int, tuple[type[StoreError], str | None, str]] = {
    sqlite3.SQLITE_BUSY: (
        StoreBusyError,
        None,
        "is in use by another process. Nothing was changed: try again, or open it with a longer `timeout`",
    ),
    sqlite3.SQLITE_LOCKED: (StoreBusyError, None, "is in use by this process. Nothing was changed: try again"),
    sqlite3.SQLITE_FULL: (
        StoreError,
        "full",
        "cannot grow, as the disk is full. Nothing was changed: make room and try again",
    ),
    sqlite3.SQLITE_NOTADB: (StoreError, "not a store", "is not a store. Create one with Store.create (sqlearn fit)"),
    sqlite3.SQLITE_CORRUPT: (
        StoreCorruptError,
        None,
        "is damaged. Take an intact copy, or create it again from its source",
    ),
    sqlite3.SQLITE_IOERR: (StoreError, "access", "could not be read or written. Check the disk"),
    sqlite3.SQLITE_READONLY_DBMOVED: (
        StoreError,
        "access",
        "was moved, replaced or deleted while it was open. Nothing was changed: open it where it is now",
    ),
    sqlite3.SQLITE_READONLY: (
        StoreError,
        "access",
        "cannot be written. Check the permissions of the file and its folder",
    ),
    sqlite3.SQLITE_PERM: _ACCESS,
    sqlite3.SQLITE_AUTH: _ACCESS,
    sqlite3.SQLITE_CANTOPEN: _ACCESS,
}
# statements are fixed, so what SQLite cannot make sense of is the file
_KINDS |= dict.fromkeys(
    (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_CONSTRAINT,
     sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_RANGE),
    _KINDS[sqlite3.SQLITE_CORRUPT],
)  # fmt: skip

_LIVE: "weakref.WeakSet[Database]" = weakref.WeakSet()
_TORN: set[Identity] = set()  # files on which this process, when it was forked, inherited a transaction


class Counters(dict[str, int]):
    """Small numbers by name, all of which a whole store has."""

    def __missing__(self, name: str) -> int:
        raise damaged(None, f"it lacks the number {name!r}")

    @property
    def digest(self) -> int:
        """What tells damage; 63 bits."""
        told = repr(sorted((name, value) for name, value in self.items() if name != _DIGEST)).encode()
        return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "little") >> 1


class Database:
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
        with self._translated():
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
            raise StoreError(
                f"There already is a file at {path}. Choose another path, or delete it first.", reason="exists"
            ) from error
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
            with database._translated():
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
            with database._translated():
                (application,) = database.execute("PRAGMA application_id").fetchone()
                (version,) = database.execute("PRAGMA user_version").fetchone()
                if application == _OF_A_SET != database._application:
                    raise StoreError(
                        f"{path} is a file of a set of stores, and is not opened alone: it would no longer fit the "
                        "others. Nothing was changed: open its folder, with sqlearn.distributed.StoreSet.open; the "
                        "commands of sqlearn take the folder, too.",
                        reason="not a store",
                    )
                if application != database._application:
                    (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                    raise StoreError(
                        f"{path} is not a store. "
                        + ("Pass a file that Store.create (sqlearn fit) made." if tables else
                           "It is empty: if the creation of a store was interrupted there, nothing is left of it, and "
                           "the file may be deleted."),
                        reason="not a store",
                    )  # fmt: skip
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

    # ------------------------------------------------------------------ statements

    @property
    def connection(self) -> sqlite3.Connection:
        process, thread = self._owner
        if process != os.getpid():
            raise StoreError(
                f"The {self.whole} was opened by another process, from which this one was forked. Open it again in "
                f"this process with {self.kind}.open.",
                reason="closed",
            )
        if self._connection is None:
            raise StoreError(f"The {self.whole} is closed. Open it again with {self.kind}.open.", reason="closed")
        if thread != threading.get_ident():
            raise StoreError(
                f"The {self.whole} was opened by another thread, and each thread opens it for itself: open it here "
                f"with {self.kind}.open.",
                reason="closed",
            )
        return self._connection

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self.connection.execute(statement, values)
        except UnicodeDecodeError as error:  # of a name that SQLite found, in its message
            raise damaged(self.path, "its names are not text") from error

    def executemany(self, statement: str, rows: Any) -> None:
        self.connection.executemany(statement, rows)

    def files(self) -> list[Path]:
        """The database, and whatever SQLite may have put beside it."""
        beside = [self.path.with_name(self.path.name + suffix) for suffix in (_JOURNAL, "-wal")]
        return [self.path, *(path for path in beside if path.exists())]

    @contextmanager
    def contents(self) -> Iterator[list[File]]:
        """The files of :meth:`files`, open for reading, inside a transaction.

        No descriptor of the database is closed, since that would release SQLite's lock.
        """
        with ExitStack() as stack:
            beside = (stack.enter_context(path.open("rb")) for path in self.files()[1:])
            yield [opened(self.path, self._identity), *(File(Path(f.name).name, f.fileno()) for f in beside)]

    # ------------------------------------------------------------------ transactions

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Wait so long for other connections, instead of the `timeout`."""
        (timeout,) = self.execute("PRAGMA busy_timeout").fetchone()
        self.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
        try:
            yield
        finally:
            self.execute(f"PRAGMA busy_timeout = {timeout}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One consistent view of the file."""
        with self._transaction("BEGIN", "ROLLBACK"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing: what is done inside is on the disk when this returns, or is not there at all.

        Nobody else writes meanwhile. Others read until the commit, which waits for them; so where nothing was written,
        nothing is committed.
        """
        with self._transaction("BEGIN IMMEDIATE", "COMMIT"):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else reads or writes the file meanwhile; where nothing is written, nothing has to reach the disk."""
        with self._transaction("BEGIN EXCLUSIVE", "COMMIT"):
            yield

    @contextmanager
    def supposing(self) -> Iterator[None]:
        """What is done inside is undone when this returns, too."""
        with self._transaction("BEGIN IMMEDIATE", "ROLLBACK"):
            yield
        self._forget_read()

    @contextmanager
    def _transaction(self, begin: str, end: str) -> Iterator[None]:
        if self.connection.in_transaction:
            raise StoreBusyError(
                f"The {self.whole} is busy with another call, which made this one: from the iterator of the table, or "
                "from a progress callback. This call did nothing: make it after the other has returned. To read "
                f"meanwhile, open it once more with {self.kind}.open."
            )
        with self._translated():
            try:
                self.execute(begin)
                self.transactions += 1
                self._refresh()
                before = self.connection.total_changes
                yield
                if end == "COMMIT":
                    self._flush()
                    if self.connection.total_changes == before:  # no row; tables and pages go with rows
                        end = "ROLLBACK"
                self.execute(end)
            except BaseException as error:
                if isinstance(error, StoreCorruptError) and self.kind == "StoreSet":
                    _note(error, "It is a set of stores: take an intact copy of the whole folder, not of one file.")
                self._forget_read()
                connection = self._connection if self._owner[0] == os.getpid() else None  # a fork undoes nothing
                if connection is not None and connection.in_transaction:  # SQLite may have rolled back by itself
                    connection.execute("ROLLBACK")
                    if isinstance(error, MemoryError):
                        error.add_note("Nothing was changed.")
                raise

    def _forget_read(self) -> None:
        """What was read may be of a state that is not on file."""
        self.generation += 1
        self._version = -1

    def _refresh(self) -> None:
        (version,) = self.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            counters = Counters(() if self._is_new else self.execute("SELECT name, value FROM counters"))
            if not self._is_new and counters[_DIGEST] != counters.digest:
                raise damaged(self.path, "its counters are not as they were written", anew=True)
            self.counters = counters
            self._saved = dict(self.counters)
            self._version = version
            self.generation += 1

    def _flush(self) -> None:
        self.counters[_DIGEST] = self.counters.digest
        changed = [(k, v) for k, v in self.counters.items() if self._saved.get(k) != v]
        self.executemany(
            "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", changed
        )
        self._saved = dict(self.counters)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # without one: text that is not UTF-8
            kind, reason, text = _KINDS.get(code) or _KINDS.get(code & 0xFF, (StoreError, "sqlite", "gave an error"))
            what = "file" if reason == "not a store" or self.kind == "StoreSet" else "store"
            raise kind(f"The {what} {self.path} {text} ({error}).", reason=reason) from error

    def close(self) -> None:
        """Let go of the file. Nothing is pending: every commit was complete."""
        if self._connection is None or self._owner[0] != os.getpid():  # it belongs to the process before the fork
            self._connection = None
            return
        connection = self.connection
        if connection.in_transaction:
            raise StoreBusyError(f"The {self.whole} is busy with a call. Close it after that has returned.")
        self._connection = None
        with self._translated():
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


def _note(error: BaseException, note: str) -> None:
    """Add a note, which may have been added within another transaction already."""
    if note not in getattr(error, "__notes__", []):
        error.add_note(note)


def _after_fork() -> None:
    for database in _LIVE:
        database._leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
