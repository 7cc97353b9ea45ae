"""Transactions on the SQLite file of a store: all or nothing, and SQLite's errors as ours."""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlearn.errors import StoreBusyError, StoreCorruptError, StoreError
from sqlearn.storage.file.damage import damaged

_WRITE = "BEGIN IMMEDIATE"
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


class Counters(dict[str, int]):
    """Small numbers by name, all of which a whole store has."""

    def __missing__(self, name: str) -> int:
        raise damaged(None, f"it lacks the number {name!r}")

    @property
    def digest(self) -> int:
        """What tells damage; 63 bits."""
        told = repr(sorted((name, value) for name, value in self.items() if name != _DIGEST)).encode()
        return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "little") >> 1


class Transactions:
    """Statements and transactions on a connection; :class:`~sqlearn.storage.file.Database` opens it."""

    path: Path
    kind: str
    whole: str
    counters: Counters
    generation: int
    transactions: int
    _connection: sqlite3.Connection | None
    _owner: tuple[int, int]  # process and thread
    _saved: dict[str, int]  # the counters on file
    _is_new: bool
    _version: int  # of the file, by SQLite
    _before = 0  # rows changed before the transaction

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
        with self._transaction("BEGIN", self._let_go):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing: what is done inside is on the disk when this returns, or is not there at all.

        Nobody else writes meanwhile. Others read until the commit, which waits for them; so where nothing was written,
        nothing is committed.
        """
        with self._transaction(_WRITE, self._commit):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else reads or writes the file meanwhile; where nothing is written, nothing has to reach the disk."""
        with self._transaction("BEGIN EXCLUSIVE", self._commit):
            yield

    @contextmanager
    def supposing(self) -> Iterator[None]:
        """What is done inside is undone when this returns, too."""
        with self._transaction(_WRITE, self._let_go):
            yield
        self._forget_read()

    @contextmanager
    def _transaction(self, how: str, end: Callable[[], object]) -> Iterator[None]:
        self._refuse_another()
        with self._undoing():
            self._begin(how)
            yield
            end()

    def begin(self) -> None:
        """Begin what :meth:`writing` does; it ends with :meth:`commit` or :meth:`undo`."""
        self._refuse_another()
        with self._undoing():
            self._begin(_WRITE)

    def commit(self) -> None:
        """Make what was done last. It is on the disk when this returns, or else nothing has changed."""
        with self._undoing():
            self._commit()

    def undo(self) -> None:
        """Let nothing have changed."""
        with self.translated():
            self._undo()

    def _refuse_another(self) -> None:
        if self.connection.in_transaction:
            raise StoreBusyError(
                f"The {self.whole} is busy with another call, which made this one: from the iterator of the table, or "
                "from a progress callback. This call did nothing: make it after the other has returned. To read "
                f"meanwhile, open it once more with {self.kind}.open."
            )

    def _begin(self, how: str) -> None:
        self.execute(how)
        self.transactions += 1
        self._refresh()
        self._before = self.connection.total_changes

    def _commit(self) -> None:
        self._flush()
        written = self.connection.total_changes != self._before  # rows; tables and pages go with rows
        self.execute("COMMIT" if written else "ROLLBACK")

    def _let_go(self) -> None:
        self.execute("ROLLBACK")

    def _undo(self) -> None:
        self._forget_read()
        torn = self._torn()
        if torn is not None:
            torn.execute("ROLLBACK")

    def _torn(self) -> sqlite3.Connection | None:
        """The connection where there is something to undo; SQLite may have done so, and a fork undoes nothing."""
        connection = self._connection if self._owner[0] == os.getpid() else None
        return connection if connection is not None and connection.in_transaction else None

    @contextmanager
    def _undoing(self) -> Iterator[None]:
        """SQLite's errors as ours; after an error, nothing has changed."""
        with self.translated():
            try:
                yield
            except BaseException as error:
                if isinstance(error, StoreCorruptError) and self.kind == "StoreSet":
                    _note(error, "It is a set of stores: take an intact copy of the whole folder, not of one file.")
                torn = self._torn()
                self._undo()
                if isinstance(error, MemoryError) and torn is not None:
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
    def translated(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # without one: text that is not UTF-8
            if code & 0xFF == sqlite3.SQLITE_NOTADB and self.kind == "StoreSet":
                raise self._lost("is no file of a set") from error
            kind, reason, text = _KINDS.get(code) or _KINDS.get(code & 0xFF, (StoreError, "sqlite", "gave an error"))
            what = "file" if reason == "not a store" or self.kind == "StoreSet" else "store"
            raise kind(f"The {what} {self.path} {text} ({error}).", reason=reason) from error

    def _lost(self, how: str) -> StoreCorruptError:
        """The error of a set in which this file is another one."""
        return StoreCorruptError(
            f"The {self.whole} is damaged: its {self.path.name} {how}. Take an intact copy of the whole folder."
        )


def _note(error: BaseException, note: str) -> None:
    """Add a note, which may have been added within another transaction already."""
    if note not in getattr(error, "__notes__", []):
        error.add_note(note)
