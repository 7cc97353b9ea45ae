"""Pieces of files: which files are meant, and what tells whether one has changed."""

import os
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlearn.distributed.pieces.piece import Piece, PieceRows
from sqlearn.distributed.pieces.plan import Plan
from sqlearn.errors import TableError, shown
from sqlearn.table_files import is_data, is_url, paths_at, some


@dataclass
class FilePiece(Piece):
    """Rows of a file.

    Attributes
    ----------
    path : str
        Where it lies: absolute, or a URL that fsspec knows.
    version : object
        What is another after the file has changed; None before the survey.
    """

    path: str
    version: Any = None

    def current(self) -> Any:
        """What is another after the file has changed."""
        with reading(self.name):
            if is_url(self.path):
                filesystem, path = filesystem_of(self.path)
                return filesystem.ukey(path)
            found = os.stat(self.path)
            return found.st_size, found.st_mtime_ns

    def file(self) -> str | None:
        """What the file is called; None where that does not tell it from others."""
        return self.path

    @abstractmethod
    def rows(self, plan: Plan) -> Iterator[PieceRows]:
        """Its rows, whether it has changed or not."""

    def read(self, plan: Plan) -> Iterator[PieceRows]:
        self._check()
        yield from self.rows(plan)
        self._check()

    def _check(self) -> None:
        if self.version != self.current():
            raise TableError(
                f"{self.name} has changed since it was first read. Nothing was changed: leave the files as they are "
                "until the fit has ended and nothing more is to be forgotten; fit again.",
                reason="file",
            )


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Context in which errors of the system and of pyarrow name the file."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise TableError(
            f"{name} cannot be read: {told[:1000].rstrip('. ')}. Nothing was changed: pass files that can be read, or "
            "leave this one out.",
            reason="file",
        ) from error


def filesystem_of(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path there."""
    try:
        import fsspec
    except ImportError as error:
        raise TableError(
            f"Reading {shown(url)} needs fsspec, which is not installed. Run pip install fsspec.", reason="file"
        ) from error
    try:
        return fsspec.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise TableError(f"{shown(url)} cannot be read: {error}. Nothing was changed.", reason="file") from error


def as_local(given: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """A URL of a file on the disk as its path; all else as it is."""
    is_local = isinstance(given, str) and given.startswith(("file://", "local://"))
    return filesystem_of(str(given))[1] if is_local else given


def paths_of(given: str | os.PathLike[str]) -> list[str]:
    """The files that a path, a glob or a folder stands for, sorted: absolute paths or URLs.

    Raises
    ------
    TableError
        When there is none.
    StoreError
        When the path is none.
    """
    path = str(given)
    if not is_url(path):
        return sorted(os.path.abspath(name) for name in paths_at(given))
    with reading(path):
        filesystem, inner = filesystem_of(path)
        if any(sign in inner for sign in "*?["):
            found = filesystem.glob(inner)
        else:
            found = filesystem.find(inner) if filesystem.isdir(inner) else [inner]
        return some(given, [filesystem.unstrip_protocol(name) for name in found if is_data(name, inner)])


def is_parquet(path: str) -> bool:
    return path.lower().endswith((".parquet", ".pq", ".parq"))
