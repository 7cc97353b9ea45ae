"""The file that makes a folder a set of stores: its settings, a lock, and receipts from before it was divided anew.

Who changes the set has this file's lock for writing, so that there is one at a time; others read meanwhile, and wait
while it is committed (:mod:`~sqlearn.distributed.store_set.journal`). SQLite is the lock: nothing is written, so
nothing has to reach the disk, and a process that dies has let go.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlearn.errors import StoreError
from sqlearn.storage.file import Database, Receipt, Settings, damaged

NAME = "set.sqlearn"
_CACHE = 256  # KiB
_PART = re.compile(r"part-\d+-\d+\.sqlearn(-journal)?")


class SetFile:
    """What is fixed for a set, until it is divided anew.

    Parameters
    ----------
    database : Database
        The file.

    Attributes
    ----------
    key : bytes
        Key of the hashes of ids.
    name : str
        Tells sets apart.
    division : int
        How often the set was divided anew.
    n_parts : int
        Into how many parts it is divided.
    """

    key: bytes
    name: str
    division: int
    n_parts: int

    def __init__(self, database: Database) -> None:
        self.database = database
        self._generation = -1

    @classmethod
    def create(cls, folder: Path, timeout: float, n_parts: int) -> "SetFile":
        """A new one, which is nothing before :meth:`making` ends."""
        made = cls(Database.create(folder / NAME, timeout, of_set=True, cache=_CACHE))
        made.key, made.name, made.division, made.n_parts = secrets.token_bytes(32), secrets.token_hex(16), 0, n_parts
        return made

    @classmethod
    def open(cls, folder: Path, timeout: float) -> "SetFile":
        """That of a folder."""
        if folder.is_file():
            raise StoreError(
                f"{folder} is a file, and a set of stores is a folder. Nothing was opened: open a store, which is a "
                "file, with Store.open; else check the path.",
                reason="not a store",
            )
        if not (folder / NAME).is_file():
            raise StoreError(
                f"There is no set of stores at {folder}. Check the path, or create one with StoreSet.create (sqlearn "
                "fit --parts).",
                reason="missing" if not folder.exists() else "not a store",
            )
        return cls(Database.open(folder / NAME, timeout, of_set=True, cache=_CACHE))

    @contextmanager
    def making(self) -> Iterator[None]:
        """Context in which the other files are made; at its end, this one becomes what it is."""
        with self.database.writing():
            yield
            self.database.lay_out()
            self.database.execute(
                "CREATE TABLE former (division INTEGER NOT NULL, part INTEGER NOT NULL, number INTEGER NOT NULL, "
                "time TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, commitment BLOB NOT NULL, "
                "previous BLOB NOT NULL, signature BLOB, change INTEGER NOT NULL)"
            )
            Settings(self.database).lay_out(
                {"key": self.key.hex(), "name": self.name, "division": "0", "parts": str(self.n_parts)}
            )

    # ------------------------------------------------------------------ the lock

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Context in which nobody divides the set anew."""
        with self.database.reading():
            self._refresh()
            yield

    @contextmanager
    def changing(self, wait: float | None = None) -> Iterator[None]:
        """Context in which nobody else changes the set; others are waited for `wait` seconds, or else the `timeout`."""
        with nullcontext() if wait is None else self.database.waiting(wait), self.database.writing():
            self._refresh()
            yield

    def _refresh(self) -> None:
        """Read the settings, if the file was changed."""
        if self._generation == self.database.generation:
            return
        try:
            settings = Settings(self.database).read()
            self.key, self.name = bytes.fromhex(settings["key"]), settings["name"]
            self.division, self.n_parts = int(settings["division"]), int(settings["parts"])
        except (KeyError, ValueError) as error:
            if isinstance(error, StoreError):
                raise
            raise damaged(self.database.path, "its settings cannot be read") from error
        self._generation = self.database.generation

    # ------------------------------------------------------------------ divisions

    def part_path(self, number: int, division: int | None = None) -> Path:
        """The file of a part."""
        division = self.division if division is None else division
        return self.database.path.with_name(f"part-{division}-{number:03d}.sqlearn")

    def form_name(self, division: int | None = None) -> str:
        """What a part knows of the set that it belongs to."""
        return f"{self.name}, division {self.division if division is None else division}"

    def leftovers(self) -> list[Path]:
        """Files of parts that belong to no division that is in force: a process that divided the set was killed."""
        folder, own = self.database.path.parent, (f"part-{self.division}-", "set.", "journal.")
        return [folder / name for name in os.listdir(folder) if not name.startswith(own) and _PART.fullmatch(name)]

    def divide(self, n_parts: int, receipts: list[tuple[int, Receipt, int]]) -> None:
        """Put the next division in force, inside :meth:`changing`, and keep the receipts of this one.

        Of each receipt: its part, itself, and the change of several parts that it is of, or 0.
        """
        self.database.executemany(
            "INSERT INTO former VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (self.division, part, r.number, r.time, r.kind, r.count, bytes.fromhex(r.commitment),
                 bytes.fromhex(r.previous), bytes.fromhex(r.signature) if r.signature else None, change)
                for part, r, change in receipts
            ],
        )  # fmt: skip
        Settings(self.database).change({"division": str(self.division + 1), "parts": str(n_parts)})
        self._generation = -1

    def former(self) -> list[tuple[int, int, Receipt, int]]:
        """Receipts of earlier divisions: the division, the part, the receipt, the change of several parts or 0."""
        rows = self.database.execute("SELECT * FROM former ORDER BY division, part, number").fetchall()
        return [
            (division, part, Receipt(number, time, kind, count, commitment.hex(), previous.hex(),
                                     signature=signature.hex() if signature else None), change)
            for division, part, number, time, kind, count, commitment, previous, signature, change in rows
        ]  # fmt: skip

    def close(self) -> None:
        self.database.close()
