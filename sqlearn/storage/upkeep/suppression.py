"""Ids that were forgotten and are not to be learned again, as keyed hashes: in the file, and as a list of its own."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sqlearn.errors import FormatError, StoreError, SuppressedIdError, UnknownIdError, shown
from sqlearn.storage.file import Database, HashIndex, damaged, masked
from sqlearn.storage.records import Ids, Labels
from sqlearn.storage.table import as_path

_TABLE = "suppressed"
_FORMAT = "sqlearn suppressed ids 1"


@dataclass(frozen=True)
class Suppressed:
    """The ids that a store refuses to learn again, as keyed hashes: whoever has the store's key can test ids for it.

    Attributes
    ----------
    store : str
        Tells the stores apart that this list is for: copies of one store, made at any time.
    hashes : tuple of str
        Hex hashes, sorted.
    """

    store: str
    hashes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.hashes)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it into a new file.

        Parameters
        ----------
        path : str or Path
            The file, which must not exist.

        Raises
        ------
        StoreError
            When there is a file of this name, or it cannot be written.
        """
        path, text = as_path(path), self.as_text()
        try:
            file = path.open("x", encoding="ascii")
            try:
                with file:
                    file.write(text)
            except BaseException:
                path.unlink()  # a part of a list is none
                raise
        except FileExistsError as error:
            raise StoreError(
                f"There is a file {path} already, and it is left as it is. Choose another name, or delete it first.",
                reason="exists",
            ) from error
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written: {error.strerror}. Check the folder and its permissions.", reason="access"
            ) from error

    def as_text(self) -> str:
        """What :meth:`save` writes."""
        return json.dumps({"format": _FORMAT, "store": self.store, "hashes": self.hashes})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Suppressed":
        """Read what :meth:`save` wrote.

        Raises
        ------
        FormatError
            When the file is something else, or cannot be read.
        """
        file = as_path(path)
        try:
            told = json.loads(file.read_text("ascii"))
            if told["format"] != _FORMAT:
                raise ValueError(told["format"])
            return cls(str(told["store"]), _listed(cls("", told["hashes"]).array()))
        except OSError as error:
            raise FormatError(
                f"{path} cannot be read: {error.strerror}. Pass the file that Suppressed.save (sqlearn suppressed) "
                "wrote."
            ) from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FormatError(
                f"{path} is not a list of suppressed ids. Write one with Suppressed.save (sqlearn suppressed)."
            ) from error

    def array(self) -> np.ndarray:
        """The hashes, each once, uint64[n, 2]."""
        try:
            packed = [bytes.fromhex(hash) for hash in self.hashes]
            hashes = np.frombuffer(b"".join(packed), "<u8").reshape(-1, 2)
            if any(len(hash) != 16 for hash in packed) or (hashes != masked(hashes)).any():
                raise ValueError("hashes of another length")
        except (ValueError, TypeError) as error:
            raise FormatError(
                "This list of suppressed ids holds values that are not hashes. Nothing was changed: take what "
                "Store.suppressed or Suppressed.load returned."
            ) from error
        return np.unique(hashes, axis=0)


class Suppression:
    """The list in the file.

    Parameters
    ----------
    database : Database
        The file.
    key : bytes
        Key of the store's hashes.
    """

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self.index = HashIndex(database, _TABLE)
        self._store = hashlib.blake2b(b"suppressed", key=key, digest_size=16).hexdigest()

    def lay_out(self) -> None:
        self.index.lay_out()

    def drop_remembered(self) -> None:
        """Forget additions that a transaction rolled back."""
        self.index.drop_waiting()

    def add(self, hashes: np.ndarray) -> None:
        """Take in hashes of ids, all different; those that are there already stay."""
        new = hashes[self.index.find(hashes) == 0]
        if self.index.add(new, np.ones(len(new), np.int64)) or self.index.flush():
            raise damaged(self._database.path, "two of its rows have one id")

    def refuse(
        self, ids: Sequence[Any], hashes: np.ndarray, rows: np.ndarray | None = None, noun: str = "id"
    ) -> None:  # fmt: skip
        """Raise SuppressedIdError if one of these ids, or users, is on the list; they are in these rows."""
        found = np.flatnonzero(self.index.find(hashes))
        if len(found):
            first = found[0]
            row = int(first if rows is None else rows[first])
            raise SuppressedIdError(
                f"The {noun} {shown(ids[first])} was forgotten, and the {self._database.whole} does not learn it "
                f"again; it is in row {row} (counted from 0), the first of {len(found)} such. Nothing was changed: "
                f"leave the row out, or take the {noun} off the list first, with {self._database.kind}.lift (sqlearn "
                "lift).",
                row=row,
                value=ids[first],
            )

    def lift(self, ids: Sequence[Any], of: Ids) -> None:
        """Take ids, as the store has them, off the list."""
        self._lift(ids, *of.sought(ids, self.index))

    def lift_users(self, users: Sequence[Any], of: Labels) -> None:
        """Take users, as the store has them, off the list."""
        hashes = of.hashes(list(users))
        self._lift(users, self.index.find(hashes), hashes, "user")

    def _lift(self, ids: Sequence[Any], numbers: np.ndarray, hashes: np.ndarray, noun: str = "id") -> None:
        missing = np.flatnonzero(numbers == 0)
        if len(missing):
            raise UnknownIdError(
                f"The {noun} {shown(ids[missing[0]])} is not suppressed. Nothing was changed: leave it out, as it "
                "may be learned.",
                value=ids[missing[0]],
            )
        self.index.remove(hashes)

    def all(self) -> Suppressed:
        """The whole list."""
        entries = np.concatenate([np.zeros((0, 2), np.uint64), *self.index.entries()])
        return Suppressed(self._store, _listed(self.index.hashes_of(entries)))

    def of(self, suppressed: Suppressed) -> np.ndarray:
        """The hashes of a list, which must be of a copy of this store, each once."""
        if not isinstance(suppressed, Suppressed):
            raise StoreError(
                f"replay expects the list that {self._database.kind}.suppressed returns, not {shown(suppressed)}. "
                "Nothing was changed: read a list in a file with Suppressed.load.",
                reason="suppression",
            )
        if suppressed.store != self._store:
            raise StoreError(
                f"This list of suppressed ids is not of a copy of the {self._database.whole}. Nothing was changed: "
                "take that of the one whose backup this is.",
                reason="suppression",
            )
        return suppressed.array()


def _listed(hashes: np.ndarray) -> tuple[str, ...]:
    """Hashes, uint64[n, 2], as a list has them."""
    return tuple(sorted(row.tobytes().hex() for row in hashes))
