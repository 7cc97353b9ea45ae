"""Which files are meant: by a path, a pattern or a folder."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlearn.errors import TableError, shown
from sqlearn.storage.table import as_path


def paths_at(given: str | os.PathLike[str]) -> list[str]:
    """The files that a path, a pattern or a folder stands for, sorted.

    Raises
    ------
    TableError
        When there is none.
    StoreError
        When the path is none.
    """
    path = str(as_path(given))
    if os.path.isdir(path):
        found = [str(name) for name in Path(path).rglob("*") if name.is_file()]
        return some(given, [name for name in found if is_data(os.path.relpath(name, path), "")])
    if os.path.exists(path) or not any(sign in path for sign in "*?["):
        return [path]
    return some(given, [name for name in glob.glob(path, recursive=True) if os.path.isfile(name)])


def refuse_twice(paths: Iterable[str]) -> None:
    """Refuse a file that comes twice, under one name or two, links among them, as its rows would be learned twice.

    Raises
    ------
    TableError
        It names the file.
    """
    seen: dict[str, str] = {}
    for path in paths:
        file = path if is_url(path) else os.path.realpath(path)
        if file in seen:
            also = "" if seen[file] == path else f", also as {seen[file]}"
            raise TableError(
                f"{path} is named twice{also}. Nothing was learned: name each file once; patterns and folders name all "
                "that they match, links too.",
                reason="file",
            )
        seen[file] = path


def is_url(path: str) -> bool:
    return "://" in path


def is_data(name: str, base: str) -> bool:
    """Whether a file in a folder is one of the table, and not one that tells about it."""
    parts = name.removeprefix(base).strip("/").replace(os.sep, "/").split("/")
    return not any(part.startswith(("_", ".")) for part in parts)


def some(given: Any, paths: list[str]) -> list[str]:
    """These paths, sorted; there must be one."""
    if not paths:
        told = "There is no table in the folder" if os.path.isdir(given) else "There is no file at"
        raise TableError(
            f"{told} {shown(str(given))}. Nothing was changed: pass the path of a file, a folder of "
            "files, or a pattern such as 'folder/*.parquet'.",
            reason="file",
        )
    return sorted(paths)


def names_columns(given: Any) -> bool:
    """Whether a folder has others in it that are named for values of a column, such as ``year=2026``."""
    return os.path.isdir(given) and any("=" in each.name and each.is_dir() for each in os.scandir(given))
