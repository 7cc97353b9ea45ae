"""Blocks of arrays that a worker keeps: in memory as long as its share lasts, in a temporary file from then on."""

import tempfile
import threading
from collections.abc import Iterator
from typing import IO

import numpy as np

from sqlearn.errors import TooLargeError, shown

Arrays = tuple[np.ndarray, ...]


class Share:
    """How many bytes all that this process keeps takes in memory.

    Attributes
    ----------
    used : int
        Bytes in use.
    """

    def __init__(self) -> None:
        self.used = 0
        self._turn = threading.Lock()

    def take(self, size: int, limit: int) -> bool:
        """Take so many bytes, if no more than `limit` are then in use."""
        with self._turn:
            fits = self.used + size <= limit
            self.used += size if fits else 0
        return fits

    def give_back(self, size: int) -> None:
        """Give bytes back."""
        with self._turn:
            self.used -= size


SHARE = Share()


class Blocks:
    """Blocks of arrays, each array with a row per record, that are read again in the order they came.

    What is beyond the limit lies in a temporary file, which has no name: it goes with the process, however that ends.
    It is read into memory block by block, and not mapped, as mapped pages count as the process's own.

    Parameters
    ----------
    limit : int
        How many bytes all blocks of this process may take in memory; see :class:`Share`.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[Arrays | list[tuple[int, np.dtype, tuple[int, ...]]]] = []
        self._file: IO[bytes] | None = None
        self._end, self._held = 0, 0
        self._turn = threading.Lock()  # the file has one position

    def __len__(self) -> int:
        return len(self._kept)

    def append(self, arrays: Arrays) -> None:
        """Keep a block, whose arrays are not changed any more."""
        size = sum(array.nbytes for array in arrays)
        if SHARE.take(size, self._limit):
            self._held += size
            self._kept.append(arrays)
            return
        places = []
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
            for array in arrays:
                self._file.write(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
                places.append((self._end, array.dtype, array.shape))
                self._end += array.nbytes
        except OSError as error:
            raise TooLargeError(
                f"A temporary file in {shown(tempfile.gettempdir())} could not be written: {error}. It keeps rows that "
                f"do not fit the {self._limit:,} bytes of memory that this process may keep. Nothing was changed: make "
                "room there, name another folder in the environment variable TMPDIR, or allow more memory."
            ) from error
        self._kept.append(places)

    def __getitem__(self, number: int) -> Arrays:
        block = self._kept[number]
        return block if isinstance(block, tuple) else tuple(self._read(*place) for place in block)

    def __iter__(self) -> Iterator[Arrays]:
        return (self[number] for number in range(len(self)))

    def _read(self, start: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        content = np.empty(int(np.prod(shape)) * dtype.itemsize, np.uint8)
        done = 0
        with self._turn:
            assert self._file is not None
            self._file.seek(start)
            while done < len(content):
                n = self._file.readinto(content[done:].data)  # type: ignore[attr-defined]
                if not n:
                    raise OSError(f"{shown(self._file.name)} was cut short")
                done += n
        return content.view(dtype).reshape(shape)

    def close(self) -> None:
        """Let go of everything."""
        SHARE.give_back(self._held)
        self._kept, self._held = [], 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.close()
