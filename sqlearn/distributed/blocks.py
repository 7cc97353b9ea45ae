"""Blocks of arrays that a worker keeps: in memory as long as its share lasts, in a temporary file from then on."""

import os
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from sqlearn.errors import TooLargeError, shown

Arrays = tuple[np.ndarray, ...]
_ALL = slice(None)
LARGEST = 1 << 29  # bytes of a temporary file, about


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


class Volume:
    """A temporary file in which arrays lie one behind the other.

    It has no name, and goes with the last who reads it or with the process, however that ends. It is read into memory
    array by array, and not mapped, as mapped pages count as the process's own.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._turn, self.size = threading.Lock(), 0
        weakref.finalize(self, self._file.close)

    def append(self, array: np.ndarray) -> "Span":
        """Keep an array; one caller at a time."""
        content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else b""
        with self._turn:
            self._file.seek(self.size)
            while len(content):
                content = content[self._file.write(content) :]
        span = Span(self, self.size, array.dtype, array.shape)
        self.size += array.nbytes
        return span

    def read(self, start: int, size: int) -> np.ndarray:
        """So many bytes, uint8[size]."""
        content, done = np.empty(size, np.uint8), 0
        while done < size:
            part = self._read(size - done, start + done)
            if not part:
                raise OSError("a temporary file was cut short")
            content[done : done + len(part)] = np.frombuffer(part, np.uint8)
            done += len(part)
        return content

    def _read(self, n: int, start: int) -> bytes:
        if hasattr(os, "pread"):  # a process that was forked has one position together with its parent
            return os.pread(self._file.fileno(), n, start)
        with self._turn:
            self._file.seek(start)
            return self._file.read(n)


class Span(NamedTuple):
    """An array in a temporary file, where it begins, and what it is."""

    volume: Volume
    start: int
    dtype: np.dtype
    shape: tuple[int, ...]

    def read(self, rows: slice) -> np.ndarray:
        """Rows of it, one behind the other."""
        first, stop, _ = rows.indices(self.shape[0])
        n, size = max(0, stop - first), int(np.prod(self.shape[1:])) * self.dtype.itemsize
        return self.volume.read(self.start + first * size, n * size).view(self.dtype).reshape(n, *self.shape[1:])


class Overflow:
    """What does not fit the share, in few files for all blocks of the process: it may open 1,024, say.

    A file is closed, and its space is free, when nothing that lies in it is needed any more.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._last: Callable[[], Volume | None] = lambda: None  # no more than a weak reference

    def write(self, arrays: Arrays) -> list[Span]:
        """Keep arrays; returns their places."""
        with self._turn:
            volume = self._last()
            if volume is None or volume.size >= LARGEST:
                volume = Volume()
                self._last = weakref.ref(volume)
            return [volume.append(array) for array in arrays]


SHARE = Share()
_overflow = Overflow()


def _after_fork() -> None:
    """In a process that was just forked: another thread may have held a lock, and the parent goes on with its file."""
    global _overflow
    SHARE._turn, _overflow = threading.Lock(), Overflow()


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
        self._limit = limit
        self._kept: list[Arrays | list[Span]] = []
        self._held = 0

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
            self._kept.append(_overflow.write(arrays))
        except OSError as error:
            raise TooLargeError(
                f"A temporary file in {shown(tempfile.gettempdir())} could not be written: {error}. It keeps rows that "
                f"do not fit the {self._limit:,} bytes of memory that this process may keep. Nothing was changed: make "
                "room there, name another folder in the environment variable TMPDIR, or allow more memory."
            ) from error

    def read(self, number: int, rows: slice = _ALL) -> Arrays:
        """The arrays of a block, or these rows of them; from the file, no others are read."""
        block = self._kept[number]
        if isinstance(block, tuple):
            return tuple(array[rows] for array in block)
        return tuple(span.read(rows) for span in block)

    def __iter__(self) -> Iterator[Arrays]:
        return (self.read(number) for number in range(len(self)))

    def close(self) -> None:
        """Let go of everything."""
        SHARE.give_back(self._held)
        self._kept, self._held = [], 0

    def __del__(self) -> None:
        self.close()
