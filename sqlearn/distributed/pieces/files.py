"""Pieces of files: which files are meant, and what tells whether one has changed."""

import glob
import os
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlearn.distributed.pieces.piece import Piece, Rows
from sqlearn.distributed.pieces.plan import Plan
from sqlearn.errors import TableError, shown
from sqlearn.storage.table import as_path


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

    @abstractmethod
    def rows(self, plan: Plan) -> Iterator[Rows]:
        """Its rows, whether it has changed or not."""

    def read(self, plan: Plan) -> Iterator[Rows]:
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
            f"{name} cannot be read: {told[:1000]}. Nothing was changed: pass files that can be read, or leave this "
            "one out.",
            reason="file",
        ) from error


def is_url(path: str) -> bool:
    return "://" in path


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


def paths_of(given: str | os.PathLike[str]) -> list[str]:
    """The files that a path, a glob or a folder stands for, sorted: absolute paths or URLs.

    Raises
    ------
    TableError
        When there is none.
    StoreError
        When the path is none.
    """
    path = str(given) if is_url(str(given)) else str(as_path(given))
    if is_url(path):
        with reading(path):
            filesystem, inner = filesystem_of(path)
            if any(sign in inner for sign in "*?["):
                found = filesystem.glob(inner)
            else:
                found = filesystem.find(inner) if filesystem.isdir(inner) else [inner]
            return _some(given, [filesystem.unstrip_protocol(name) for name in found if _is_data(name, inner)])
    if os.path.isdir(path):
        found = [str(name) for name in Path(path).rglob("*") if name.is_file()]
        return _some(given, [os.path.abspath(name) for name in found if _is_data(os.path.relpath(name, path), "")])
    if os.path.exists(path) or not any(sign in path for sign in "*?["):
        return [os.path.abspath(path)]
    return _some(given, [os.path.abspath(name) for name in glob.glob(path, recursive=True) if os.path.isfile(name)])


def _is_data(name: str, base: str) -> bool:
    """Whether a file in a folder is one of the table, and not one that tells about it."""
    parts = name.removeprefix(base).strip("/").replace(os.sep, "/").split("/")
    return not any(part.startswith(("_", ".")) for part in parts)


def _some(given: Any, paths: list[str]) -> list[str]:
    if not paths:
        raise TableError(
            f"There is no file at {shown(str(given))}. Nothing was changed: pass the path of a file, a folder of "
            "files, or a pattern such as 'folder/*.parquet'.",
            reason="file",
        )
    return sorted(paths)


def is_parquet(path: str) -> bool:
    return path.lower().endswith((".parquet", ".pq", ".parq"))
