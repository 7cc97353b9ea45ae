"""What is fixed when a store is made, and a digest of it and of the tables that SQLite knows."""

import hashlib

from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database

_DIGEST = "digest"


class Settings:
    """Text by name.

    Parameters
    ----------
    database : Database
        The file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def lay_out(self, settings: dict[str, str]) -> None:
        """Write them, after all tables have been made."""
        self._database.execute("CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
        self._write(settings)

    def change(self, settings: dict[str, str]) -> None:
        """Give some of them other values."""
        told = self._rows() | settings
        told.pop(_DIGEST)
        self._write(told)

    def sign(self) -> None:
        """Write the digest anew, as tables have been made or moved."""
        settings = self._rows()
        settings.pop(_DIGEST)
        self._write(settings)

    def read(self) -> dict[str, str]:
        """All of them; raise StoreCorruptError if they, or SQLite's list of tables, are not as they were written."""
        settings = self._rows()
        (unused,) = self._database.execute("PRAGMA freelist_count").fetchone()  # none is ever left
        if unused or settings.pop(_DIGEST, None) != self._digest(settings):
            raise damaged(self._database.path, "its settings are not as they were written", anew=True)
        return settings

    def _rows(self) -> dict[str, str]:
        return dict(self._database.execute("SELECT name, value FROM settings"))

    def _write(self, settings: dict[str, str]) -> None:
        told = settings | {_DIGEST: self._digest(settings)}
        self._database.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?)", told.items())

    def _digest(self, settings: dict[str, str]) -> str:
        tables = self._database.execute("SELECT name, rootpage, type, tbl_name, sql FROM sqlite_schema").fetchall()
        told = repr((sorted(settings.items()), sorted(tables)))
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
