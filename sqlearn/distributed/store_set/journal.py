"""The journal of a set: which change of several parts is being committed, and in which places of which parts.

It is written when every part has made the change, and before the first part commits it. What it holds is a random
number, the kind of the change, places of rows by part, and digests of receipts: no row, no id, no value. (Of changes of
the list of ids that are not learned again it holds what that list holds: keyed hashes.) With it, what a crash has left
half committed is finished or taken back (:mod:`~sqlearn.distributed.store_set.recovery`). Then it is emptied, and
SQLite overwrites what it had with zeros.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sqlearn.storage.file import Database, damaged

NAME = "journal.sqlearn"
_CACHE = 1024  # KiB
_OF_HASHES = "lift", "replay"
_KINDS = "learn", "forget", "relabel", *_OF_HASHES


@dataclass(frozen=True)
class Unfinished:
    """A change of several parts.

    Attributes
    ----------
    division : int
        Of which division of the set the parts are.
    change : int
        A positive number that no other change has.
    kind : {"learn", "forget", "relabel", "lift", "replay"}
        What is done.
    to : dict of int to int64[n] or uint64[n, 2]
        By part, the places of the rows that it is done to; of "lift" and "replay", the hashes of ids.
    before : dict of int to bytes
        By part, what names its state before the change, in which the places are those of these rows.
    """

    division: int
    change: int
    kind: str
    to: dict[int, np.ndarray]
    before: dict[int, bytes]

    def __str__(self) -> str:
        what = "ids" if self.kind in _OF_HASHES else "rows"
        return f"{self.kind} {sum(map(len, self.to.values())):,} {what} in {len(self.to)} parts"


class Journal:
    """At most one change at a time. Its file is also the lock between those who read the set and who commits a change.

    Who reads shares it, so that it can neither be written nor be had :meth:`alone`. While a change of several parts is
    noted, nobody reads: who finds one waits until whoever changes the set has let go, and puts right what is left then.

    Parameters
    ----------
    database : Database
        The file.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._generation, self._empty = -1, False

    @classmethod
    def create(cls, folder: Path, timeout: float) -> "Journal":
        """A new one, which is empty."""
        made = cls(Database.create(folder / NAME, timeout, of_set=True, cache=_CACHE))
        with made.database.writing():
            made.database.lay_out()
            made.database.execute(
                "CREATE TABLE unfinished (part INTEGER PRIMARY KEY, division INTEGER NOT NULL, "
                "change INTEGER NOT NULL, kind TEXT NOT NULL, told BLOB NOT NULL, before BLOB NOT NULL)"
            )
        return made

    @classmethod
    def open(cls, folder: Path, timeout: float) -> "Journal":
        """That of a folder."""
        if not (folder / NAME).is_file():
            raise damaged(folder, f"it lacks its {NAME}")
        return cls(Database.open(folder / NAME, timeout, of_set=True, cache=_CACHE))

    def write(self, unfinished: Unfinished) -> None:
        """Note what is about to be committed. It is on the disk when this returns."""
        with self.database.writing():
            self.database.executemany(
                "INSERT INTO unfinished VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (part, unfinished.division, unfinished.change, unfinished.kind,
                     _runs(to) if to.ndim == 1 else to.tobytes(), unfinished.before[part])
                    for part, to in unfinished.to.items()
                ],
            )  # fmt: skip
        self._generation = -1

    @contextmanager
    def shared(self) -> Iterator[bool]:
        """Context in which nothing is committed. Yields whether all that was begun is finished."""
        with self.database.reading():
            yield not self._rows()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Context in which nobody reads the set."""
        with self.database.alone():
            yield

    def _rows(self) -> list[Any]:
        if self._empty and self._generation == self.database.generation:
            return []
        rows = self.database.execute("SELECT * FROM unfinished ORDER BY part").fetchall()
        self._generation, self._empty = self.database.generation, not rows
        return rows

    def read(self) -> Unfinished | None:
        """What is not finished."""
        with self.database.reading():
            rows = self._rows()
        if not rows:
            return None
        (division, change, kind), *others = {tuple(named) for _, *named, _, _ in rows}
        if others or kind not in _KINDS:
            raise damaged(self.database.path, "it holds what is no change")
        read = _hashes if kind in _OF_HASHES else _slots
        to = {part: read(told) for part, *_, told, _ in rows}
        return Unfinished(division, change, kind, to, {part: before for part, *_, before in rows})

    def empty(self) -> None:
        """Note that it is finished."""
        with self.database.writing():
            self.database.execute("DELETE FROM unfinished")
        self._generation = -1

    def close(self) -> None:
        self.database.close()


def _runs(slots: np.ndarray) -> bytes:
    """Places, ascending or not, as runs of consecutive ones: first places and lengths, in their order."""
    starts = np.flatnonzero(np.diff(slots, prepend=slots[:1] - 2) != 1)
    lengths = np.diff(starts, append=len(slots))
    return np.column_stack([slots[starts], lengths]).astype("<i8").tobytes()


def _hashes(told: bytes) -> np.ndarray:
    return np.frombuffer(told, np.uint64).reshape(-1, 2)


def _slots(runs: bytes) -> np.ndarray:
    firsts, lengths = np.frombuffer(runs, "<i8").reshape(-1, 2).T
    ends = np.cumsum(lengths)
    return np.repeat(firsts - (ends - lengths), lengths) + np.arange(ends[-1] if len(ends) else 0)
