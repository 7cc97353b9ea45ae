"""Reading a database's file beside SQLite.

On POSIX a process loses all its locks on a file as soon as it closes *any* descriptor of that file, whoever opened it
(https://sqlite.org/howtocorrupt.html, section 2.2). Two writers could then commit at once. So a descriptor that was
opened here stays open and serves whoever reads the file next. It is closed only while SQLite grants an exclusive lock
on the file to a connection that does nothing with it: then nobody else holds a lock that could be lost.
"""

import os
import sqlite3
import threading
from pathlib import Path

from sqlearn.errors import StoreError

Identity = tuple[int, int]  # device and inode

_OPEN: dict[Identity, int] = {}
_SEEKING = threading.Lock()


class File:
    """The bytes of an open file.

    Parameters
    ----------
    name : str
        Its name, for reports.
    descriptor : int
        A descriptor, which stays open.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name, self._descriptor = name, descriptor

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read(self, at: int, count: int) -> bytes:
        """`count` bytes from `at` on; fewer where the file ends."""
        content = self._read(at, count)
        while len(content) < count and (more := self._read(at + len(content), count - len(content))):
            content += more
        return content

    def _read(self, at: int, count: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, count, at)
        with _SEEKING:  # Windows
            os.lseek(self._descriptor, at, os.SEEK_SET)
            return os.read(self._descriptor, count)


def identity_of(path: Path) -> Identity:
    """The file that a path leads to."""
    status = path.stat()
    return status.st_dev, status.st_ino


def opened(path: Path, identity: Identity) -> File:
    """A database's file, which must still be where it was; call this inside a transaction."""
    if identity not in _OPEN:
        try:
            moved = identity_of(path) != identity  # looked at first: another file must not be opened and closed either
            descriptor = -1 if moved else os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise StoreError(
                f"The store {path} cannot be read: {error.strerror}. Open it again.", reason="access"
            ) from error
        if moved:
            raise StoreError(
                f"The store {path} was moved, replaced or deleted while it was open. Nothing was changed: open it "
                "where it is now.",
                reason="access",
            )
        _OPEN[identity] = descriptor
    return File(path.name, _OPEN[identity])


def close_if_unlocked(identity: Identity, connection: sqlite3.Connection) -> None:
    """Close the descriptor of a file, if one is open and SQLite grants an exclusive lock; else it stays."""
    if identity not in _OPEN:
        return
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:  # somebody reads or writes: the next connection that is closed tries again
        return
    try:
        os.close(_OPEN.pop(identity))
    finally:
        connection.execute("ROLLBACK")
