"""Rows and learner of a store of format 1, which this version reads no other way: for ``sqlearn upgrade``."""

import hashlib
import json
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from sqlearn.engine.rounds import NO_TRACE
from sqlearn.errors import StoreBusyError, StoreCorruptError, StoreError
from sqlearn.storage.file import described_learner

_CHUNK = struct.Struct("<qqq39s")  # uses, next chunk, length of the whole text, a piece of it
_APPLICATION = 0x73716C6E
_AT_ONCE = 1 << 14  # rows


class OldStore:
    """What a file of format 1 holds. It is read once, when this is made, and is left as it is.

    Parameters
    ----------
    path : str
        The file.

    Attributes
    ----------
    learner : estimator
        Not fitted, with the parameters of the one in the file.
    columns : list of dict
        Name, role and kind of each.
    id : str or None
        The column of ids; None for running numbers.
    count, receipts : int
        How many rows and receipts.
    parts : dict of str to bytes
        Of the state of the model in the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        journal = Path(f"{path}-journal")
        if journal.exists() and journal.stat().st_size:
            raise StoreError(
                f"The store {path} was left in the middle of a change, and its journal is beside it. Nothing was read: "
                "open it once with the version of sqlearn that wrote it.",
                reason="version",
            )
        try:
            uri = f"{Path(path).absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
                connection.execute("BEGIN")
                self._read(connection)
        except sqlite3.OperationalError as error:
            raise StoreBusyError(
                f"The store {path} cannot be read: {error}. Nothing was done: close it in other programs, check its "
                "permissions, and try again."
            ) from error
        except (sqlite3.Error, KeyError, ValueError, TypeError, AttributeError, IndexError, struct.error) as error:
            raise self._damaged() from error

    def _read(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != _APPLICATION or version != 1:
            raise StoreError(
                f"{self._path} is not a store of format 1. Nothing was done: only those are upgraded, and Store.open "
                "says what another file is.",
                reason="version",
            )
        settings = dict(connection.execute("SELECT name, value FROM settings"))
        counters = dict(connection.execute("SELECT name, value FROM counters"))
        described = json.loads(settings["columns"])
        self.columns: list[dict[str, str]] = described["columns"]
        self.id: str | None = described["id"]
        self._textual = settings["ids"] == "text"
        (self.receipts,) = connection.execute("SELECT count(*) FROM receipts").fetchone()
        state = b"".join(self._places(connection, "state").values())[: counters["state length"]]
        if hashlib.blake2b(state[32:], digest_size=32).digest() != state[:32]:
            raise self._damaged()
        self.learner, self.parts = described_learner(state[32:])
        rows = self._places(connection, "rows")
        self._texts = self._places(connection, "texts")
        self.count = len(rows)
        width = len(self.columns) + (settings["asks"] == "yes") + 1
        self._cells = np.frombuffer(b"".join(rows.values()), "<u8").reshape(self.count, width)
        if self.count != counters["rows used"] or len(self._texts) != counters["texts used"]:
            raise self._damaged()

    def had(self, parts: dict[str, bytes]) -> bool:
        """Whether the old model's state had these parts, but for traces that are not kept any more."""
        told = {name: part for name, part in parts.items() if name != "solution"}
        return told.keys() == self.parts.keys() and all(
            part in (self.parts[name], NO_TRACE) for name, part in told.items()
        )

    def frames(self) -> Iterator[dict[str, Any]]:
        """The rows, as dicts of columns."""
        words: dict[int, Any] = {0: None}
        try:
            for start in range(0, self.count, _AT_ONCE):
                cells = self._cells[start : start + _AT_ONCE]
                frame: dict[str, Any] = {}
                for j, column in enumerate(self.columns):
                    values = np.ascontiguousarray(cells[:, j])
                    if column["kind"] == "number":
                        frame[column["name"]] = values.view(np.float64)
                        continue
                    words |= {n: _word(self._text(n)) for n in np.unique(values).tolist() if n not in words}
                    frame[column["name"]] = [words[n] for n in values.tolist()]
                if self.id is not None:
                    ids = np.ascontiguousarray(cells[:, -1])
                    frame[self.id] = (
                        [self._text(n).decode("utf-8", "surrogatepass") for n in ids.tolist()]
                        if self._textual
                        else ids.view(np.int64).tolist()
                    )
                yield frame
        except (KeyError, ValueError, struct.error) as error:
            raise self._damaged() from error

    def named(self, role: str, kind: str | None = None) -> list[str]:
        """Columns of a role, and of a kind."""
        return [c["name"] for c in self.columns if c["role"] == role and kind in (None, c["kind"])]

    def _places(self, connection: sqlite3.Connection, name: str) -> dict[int, bytes]:
        """The places of a table that are in use: their content by number, in order."""
        found = connection.execute(f"SELECT slot, bytes FROM {name} ORDER BY slot")
        return {slot: content[1:] for slot, content in found if content[0] == 1}

    def _text(self, number: int) -> bytes:
        _, after, length, piece = _CHUNK.unpack(self._texts[number])
        pieces = [piece]
        while after and len(pieces) <= length:
            _, after, _, piece = _CHUNK.unpack(self._texts[after])
            pieces.append(piece)
        return b"".join(pieces)[:length]

    def _damaged(self) -> StoreCorruptError:
        return StoreCorruptError(
            f"{self._path} is not a store of format 1, or it is damaged. Nothing was done: take an intact copy."
        )


def _word(text: bytes) -> Any:
    if text[:1] == b"s":
        return text[1:].decode("utf-8", "surrogatepass")
    return int(text[1:]) if text[:1] == b"i" else struct.unpack("<d", text[1:])[0]
