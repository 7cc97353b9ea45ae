"""The file of the model of all rows: with its rounds, so that whoever opens the set makes none.

It is written before the parts commit what it was made of. What a crash leaves is another model than that of the rows on
file, which shows by the hash of its records: then it is made anew.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlearn.storage.file import Database, SavedModel, Settings
from sqlearn.storage.upkeep import ErasureReport, give_back, report

NAME = "trace.sqlearn"
_CACHE = 1024  # KiB


class TraceFile:
    """A model in a file of its own; there is none before it is first saved.

    Parameters
    ----------
    folder : Path
        The set's.
    timeout : float
        Seconds to wait for others who read it.
    """

    def __init__(self, folder: Path, timeout: float) -> None:
        self.path, self._timeout = folder / NAME, timeout
        self._database: Database | None = None

    def _opened(self) -> Database | None:
        """The file, if there is one; one without a byte was about to be made."""
        if self._database is None and self.path.is_file() and self.path.stat().st_size:
            self._database = Database.open(self.path, self._timeout, of_set=True, cache=_CACHE)
        return self._database

    def _made(self) -> Database:
        """A new file, to be laid out."""
        for path in (self.path, self.path.with_name(f"{NAME}-journal")):
            path.unlink(missing_ok=True)
        self._database = Database.create(self.path, self._timeout, of_set=True, cache=_CACHE)
        return self._database

    def load(self) -> Any:
        """The model without its rows, or None; all of the file is read.

        Raises
        ------
        StoreCorruptError
            When the file is not as it was written.
        """
        database = self._opened()
        if database is None:
            return None
        with database.reading():
            Settings(database).read()
            saved = SavedModel(database, grows=False)
            saved.slots.check()
            return saved.load()

    def save(self, model: Any) -> None:
        """Write a model in place of the one before. It is on the disk when this returns."""
        there = self._opened()
        database = there or self._made()
        with database.writing():
            saved = SavedModel(database, grows=False)
            if there is None:
                database.lay_out()
                saved.lay_out()
            saved.save(model)
            if there is None:
                Settings(database).lay_out({})

    def compact(self) -> None:
        """Give the space that the model needs no more back."""
        database = self._opened()
        if database is not None:
            with database.writing():
                SavedModel(database, grows=False).rebuild()
                give_back(database)

    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size if self._opened() else 0

    def searched(
        self, wanted: set[Any], held: Callable[[dict[Any, Any]], dict[Any, Any]]
    ) -> list[ErasureReport]:  # fmt: skip
        """Search the file for values, of which `held` says how many rows account for them."""
        database = self._opened()
        if database is None:
            return []
        with database.reading():
            return [report(database, wanted, held, SavedModel(database, grows=False).pieces.read())]

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
