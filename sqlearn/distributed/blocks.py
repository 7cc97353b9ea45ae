"""Blocks of arrays that a worker keeps: in memory as long as its share lasts, in a temporary file from then on."""

import os
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from typing import IO

import numpy as np

from sqlearn.errors import TooLargeError, shown

Arrays = tuple[np.ndarray, ...]
_ALL = slice(None)
Span = tuple[int, np.dtype, tuple[int, ...]]  # where an array begins in the file, and what it is


class Share:
    """How many bytes all that this process keeps takes in memory.

    What is given back waits in a queue, and takes no lock: the garbage collector may give back at any moment.
    """

    def __init__(self) -> None:
        self._taken, self._returned = 0, deque[int]()
        self._turn = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes in use."""
        return self._taken - sum(list(self._returned))

    def take(self, size: int, limit: int) -> bool:
        """Take so many bytes, if no more than `limit` are then in use."""
        with self._turn:
            while self._returned:
                self._taken -= self._returned.popleft()
            fits = self._taken + size <= limit
            self._taken += size if fits else 0
        return fits

    def give_back(self, size: int) -> None:
        """Give bytes back."""
        self._returned.append(size)


class Overflow:
    """What does not fit the share, in one temporary file for all blocks of the process: it may open 1,024, say.

    The file has no name: it goes with the process, however that ends. It is read into memory array by array, and not
    mapped, as mapped pages count as the process's own. Its space is free again when all that lies in it was let go.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end, self._live, self._returned = 0, 0, deque[int]()
        self._turn, self._process = threading.Lock(), os.getpid()

    def write(self, arrays: Arrays) -> list[Span]:
        """Keep arrays; returns their places."""
        with self._turn:
            self._free()
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
            places, end = [], self._end
            for array in arrays:
                self._file.seek(end)
                content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b""
                while len(content):
                    content = content[self._file.write(content) :]
                places.append((end, array.dtype, array.shape))
                end += array.nbytes
            self._live += end - self._end
            self._end = end
        return places

    def read(self, place: Span, rows: slice) -> np.ndarray:
        """Rows, one behind the other, of an array that was kept."""
        start, dtype, shape = place
        first, stop, _ = rows.indices(shape[0])
        size = int(np.prod(shape[1:])) * dtype.itemsize
        start += first * size
        n = max(0, stop - first)
        content, done = np.empty(n * size, np.uint8), 0
        with self._turn:
            while done < len(content):
                part = self._read(len(content) - done, start + done)
                if not part:
                    raise OSError("a temporary file was cut short")
                content[done : done + len(part)] = np.frombuffer(part, np.uint8)
                done += len(part)
        return content.view(dtype).reshape(n, *shape[1:])

    def _read(self, n: int, start: int) -> bytes:
        assert self._file is not None
        if hasattr(os, "pread"):  # a process that was forked has one position together with its parent
            return os.pread(self._file.fileno(), n, start)
        self._file.seek(start)
        return self._file.read(n)

    def release(self, size: int) -> None:
        """Let go of so many bytes; never waits, as the garbage collector may call it at any moment."""
        self._returned.append(size)
        if self._turn.acquire(blocking=False):
            try:
                self._free()
            finally:
                self._turn.release()

    def _free(self) -> None:
        while self._returned:
            self._live -= self._returned.popleft()
        if not self._live and self._file is not None and self._process == os.getpid():  # a fork's parent still reads
            self._file.truncate(0)
            self._end = 0


SHARE = Share()
_overflow = Overflow()


def _after_fork() -> None:
    """In a process that was just forked: another thread may have held a lock, and the parent goes on with its file."""
    global _overflow
    SHARE._turn, _overflow._turn = threading.Lock(), threading.Lock()
    _overflow = Overflow()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Blocks:
    """Blocks of arrays, each array with a row per record, that are read again in the order they came.

    Parameters
    ----------
    limit : int
        How many bytes all blocks of this process may take in memory; see :class:`Share`. What is beyond lies in a
        temporary file; see :class:`Overflow`.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._overflow = limit, _overflow
        self._kept: list[Arrays | list[Span]] = []
        self._held, self._spilt = 0, 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def in_memory(self) -> int:
        """Bytes in memory."""
        return self._held

    def append(self, arrays: Arrays) -> None:
        """Keep a block, whose arrays are not changed any more."""
        size = sum(array.nbytes for array in arrays)
        if SHARE.take(size, self._limit):
            self._held += size
            self._kept.append(arrays)
            return
        try:
            self._kept.append(self._overflow.write(arrays))
        except OSError as error:
            raise TooLargeError(
                f"A temporary file in {shown(tempfile.gettempdir())} could not be written: {error}. It keeps rows that "
                f"do not fit the {self._limit:,} bytes of memory that this process may keep. Nothing was changed: make "
                "room there, name another folder in the environment variable TMPDIR, or allow more memory."
            ) from error
        self._spilt += size

    def read(self, number: int, rows: slice = _ALL) -> Arrays:
        """The arrays of a block, or these rows of them; from the file, no others are read."""
        block = self._kept[number]
        if isinstance(block, tuple):
            return tuple(array[rows] for array in block)
        return tuple(self._overflow.read(place, rows) for place in block)

    def __iter__(self) -> Iterator[Arrays]:
        return (self.read(number) for number in range(len(self)))

    def close(self) -> None:
        """Let go of everything."""
        SHARE.give_back(self._held)
        self._overflow.release(self._spilt)
        self._kept, self._held, self._spilt = [], 0, 0

    def __del__(self) -> None:
        self.close()
