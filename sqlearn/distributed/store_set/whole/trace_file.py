"""The file of the model of all rows: with its rounds, so that whoever opens the set makes none.

It is written before the parts commit what it was made of. What a crash leaves is another model than that of the rows on
file, which shows by the hash of its records: then it is made anew. So is a file that is damaged, of another set, or was
half made when a process died: it holds nothing that the parts do not tell.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlearn.errors import FormatError, SqlearnError, StoreCorruptError, StoreError
from sqlearn.storage.file import Database, SavedModel, Settings
from sqlearn.storage.upkeep import ErasureReport, give_back, report

NAME = "trace.sqlearn"
_CACHE = 1024  # KiB
_SET = "set"  # a setting


def _is_of_no_use(error: SqlearnError) -> bool:
    """Whether an error says that the file has to be made anew, and not that it cannot be reached."""
    reason = error.reason if isinstance(error, StoreError) else None
    return isinstance(error, (StoreCorruptError, FormatError)) or reason in ("not a store", "version")


class TraceFile:
    """A model in a file of its own; there is none before it is first saved.

    Parameters
    ----------
    folder : Path
        The set's.
    name : callable
        Tells which set it is.
    timeout : float
        Seconds to wait for others who read it.
    """

    def __init__(self, folder: Path, name: Callable[[], str], timeout: float) -> None:
        self.path, self._name, self._timeout = folder / NAME, name, timeout
        self._database: Database | None = None

    def _opened(self) -> Database | None:
        """The file, if there is one; one without a byte was about to be made, and another process may replace it."""
        there = self.path.is_file() and self.path.stat().st_size > 0
        if self._database is not None and not (there and self._database.is_in_place()):
            self.close()
        if self._database is None and there:
            self._database = Database.open(self.path, self._timeout, of_set=True, cache=_CACHE)
        return self._database

    def _is_own(self, database: Database) -> bool:
        """Whether it is of this set, within a transaction."""
        return Settings(database).read().get(_SET) == self._name()

    def load(self) -> Any:
        """The model without its rows; None if there is none, or none of use. All of the file is read."""
        try:
            database = self._opened()
            if database is None:
                return None
            with database.reading():
                if not self._is_own(database):
                    return None
                saved = SavedModel(database, grows=False)
                saved.slots.check()
                return saved.load()
        except SqlearnError as error:
            if not _is_of_no_use(error):
                raise
            return None

    def save(self, model: Any) -> None:
        """Write a model in place of the one before, or a new file. It is on the disk when this returns."""
        try:
            database = self._opened()
            if database is not None:
                with database.writing():
                    if self._is_own(database):
                        SavedModel(database, grows=False).save(model)
                        return
        except SqlearnError as error:
            if not _is_of_no_use(error):
                raise
        self._make(model)

    def _make(self, model: Any) -> None:
        """Write a new file, instead of one that may be there."""
        self.remove()
        database = Database.create(self.path, self._timeout, of_set=True, cache=_CACHE)
        try:
            with database.writing():
                saved = SavedModel(database, grows=False)
                database.lay_out()
                saved.lay_out()
                saved.save(model)
                Settings(database).lay_out({_SET: self._name()})
        except BaseException:
            database.discard()
            raise
        self._database = database

    def remove(self) -> None:
        """Have no file: whoever opens the set next makes it."""
        self.close()
        for path in (self.path, self.path.with_name(f"{NAME}-journal")):
            path.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors that say what to do about this file."""
        try:
            yield
        except SqlearnError as error:
            if not _is_of_no_use(error):
                raise
            raise StoreCorruptError(
                f"The file {self.path} is damaged. It holds no row: close the set and open it again, which makes the "
                "file anew."
            ) from error

    def compact(self) -> None:
        """Give the space that the model needs no more back."""
        with self._told():
            database = self._opened()
            if database is not None:
                with database.writing():
                    SavedModel(database, grows=False).rebuild()
                    give_back(database)

    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def searched(
        self, wanted: set[Any], held: Callable[[dict[Any, Any]], dict[Any, Any]]
    ) -> list[ErasureReport]:  # fmt: skip
        """Search the file for values, of which `held` says how many rows account for them."""
        with self._told():
            database = self._opened()
            if database is None:
                return []
            with database.reading():
                return [report(database, wanted, held, SavedModel(database, grows=False).pieces.read())]

    def close(self) -> None:
        """Let go of the file."""
        database, self._database = self._database, None
        if database is not None:
            database.close()
