"""Bytes in pieces that fill a page each: what a saved model lies in."""

from collections.abc import Iterator

import numpy as np

from sqlearn.engine.identity import cuts
from sqlearn.errors import StoreCorruptError
from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.slots import LARGEST, Slots

_WORDS = 506  # of a piece; with its checksum, one fills a page
_LENGTH = "state length"
_FIRST = "state first"
_MOST = 8 * (_WORDS - 1)  # bytes of a cut piece, whose first word is a link
_LEAST = 2048
_NEAR = 16  # pieces among which the next one that stays is looked for first
_SHIFT = np.uint64(40)  # of a link: the next place, and behind it how many bytes this piece has


class Pieces:
    """Bytes in pieces of equal length, one behind the other: for contents whose length hardly changes.

    Parameters
    ----------
    database : Database
        The file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.slots = Slots(database, "state", _WORDS)
        self._written: np.ndarray | None = None  # the pieces that stand in the file

    def lay_out(self) -> None:
        self.slots.lay_out()
        self._written = np.zeros((0, _WORDS), np.uint64)

    def drop_remembered(self) -> None:
        """Read anew from the file from here on."""
        self._written = None

    def read(self) -> bytes:
        """The contents, from the file."""
        self._written = self._in_file()
        return self._written.tobytes()[: self._database.counters[_LENGTH]]

    def write(self, content: bytes) -> None:
        """Write the pieces that changed."""
        old = self._written if self._written is not None else self._in_file()
        n = max(len(old), -(-len(content) // (8 * _WORDS)))  # contents that have shrunk leave zeros
        pieces = np.frombuffer(content.ljust(8 * _WORDS * n, b"\0"), "<u8").reshape(n, _WORDS)
        changed = np.flatnonzero((pieces[: len(old)] != old).any(axis=1))
        self.slots.overwrite(changed + 1, pieces[changed])
        if len(pieces) > len(old):
            self.slots.put(pieces[len(old) :])
        self._database.counters[_LENGTH] = len(content)
        self._written = pieces

    def rebuild(self) -> None:
        """Write the pieces that are needed into a table of their own."""
        needed = -(-self._database.counters[_LENGTH] // (8 * _WORDS))
        self._written = self._in_file()[:needed]
        self.slots.rebuild([self._written])

    def _in_file(self) -> np.ndarray:
        return self.slots.read(np.arange(1, len(self.slots) + 1))  # places are given in order, and never freed


class CutPieces:
    """Bytes that are cut where their contents say, each piece with a link to the next: for contents that grow and
    shrink in the middle, such as a vocabulary. What lies behind a change stays where it is.

    Parameters
    ----------
    database : Database
        The file.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.slots = Slots(database, "state", _WORDS)
        self._written: list[tuple[int, bytes]] | None = None  # places and pieces in order, as they stand in the file

    def lay_out(self) -> None:
        self.slots.lay_out()
        self._database.counters[_FIRST] = 0
        self._written = []

    def drop_remembered(self) -> None:
        """Read anew from the file from here on."""
        self._written = None

    def read(self) -> bytes:
        """The contents, from the file."""
        self._written = list(self._in_file())
        return b"".join([piece for _, piece in self._written])

    def write(self, content: bytes) -> None:
        """Write the pieces that changed, and erase those that are not needed any more."""
        old = self._written if self._written is not None else list(self._in_file())
        pieces = cuts(content, _LEAST, _MOST)
        kept = _alike([piece for _, piece in old], pieces)
        places, spare = _placed(old, kept, len(pieces))
        new = [i for i, place in enumerate(places) if not place]
        for i, place in zip(new, self.slots.reserve(len(new)).tolist(), strict=True):
            places[i] = place
        fresh, after = {*new}, [*places[1:], 0]
        links = [*(place for place, _ in old[1:]), 0]  # of old pieces
        stay = [i for i, k in enumerate(kept) if i not in fresh and not (k >= 0 and links[k] == after[i])]
        for write, some in ((self.slots.overwrite, stay), (self.slots.fill, new)):
            payloads = _payloads([after[i] for i in some], [pieces[i] for i in some])
            write(np.array([places[i] for i in some], np.int64), payloads)
        self.slots.erase(np.array(spare, np.int64))
        self._database.counters[_FIRST] = places[0]
        self._written = list(zip(places, pieces, strict=True))

    def rebuild(self) -> None:
        """Write the pieces into a table of their own, in order."""
        pieces = [piece for _, piece in self._in_file()]
        self._written = list(enumerate(pieces, 1))
        after = [*range(2, len(pieces) + 1), 0]
        self.slots.rebuild([_payloads(after, pieces)])
        self._database.counters[_FIRST] = 1

    def _in_file(self) -> Iterator[tuple[int, bytes]]:
        found: dict[int, np.ndarray] = {}
        for slots, payloads in self.slots.scan():
            found |= dict(zip(slots.tolist(), payloads, strict=True))
        place = self._database.counters[_FIRST]
        while place:
            if place not in found:
                raise self._damaged()
            payload = found.pop(place)
            link = int(payload[0])
            yield place, payload[1:].tobytes()[: link >> 40]
            place = link & LARGEST
        if found:
            raise self._damaged()

    def _damaged(self) -> StoreCorruptError:
        return damaged(self._database.path, "the pieces of its model are not one chain", anew=True)


def _alike(old: list[bytes], new: list[bytes]) -> list[int]:
    """For each new piece the old one that equals it, in ascending order; -1 where there is none."""
    where: dict[bytes, list[int]] | None = None
    kept, after, misses = list[int](), 0, 0
    for piece in new:
        near = old[after : after + _NEAR]
        found = after + near.index(piece) if piece in near else -1
        if found < 0 and misses >= _NEAR:  # many have come or gone here
            where = _where(old) if where is None else where
            candidates = where.get(piece, [])
            while candidates and candidates[-1] < after:
                candidates.pop()
            found = candidates[-1] if candidates else -1
        kept.append(found)
        after, misses = max(after, found + 1), 0 if found >= 0 else misses + 1
    return kept


def _where(pieces: list[bytes]) -> dict[bytes, list[int]]:
    """At which places each piece stands, the last one first."""
    where: dict[bytes, list[int]] = {}
    for i in range(len(pieces) - 1, -1, -1):
        where.setdefault(pieces[i], []).append(i)
    return where


def _placed(old: list[tuple[int, bytes]], kept: list[int], n: int) -> tuple[list[int], list[int]]:
    """The place of each new piece, 0 where it needs a new one, and the places that are spare.

    A piece that changed takes the place of an old one between the same neighbours, so that no link to it changes.
    """
    places, spare, start, last = [0] * n, list[int](), 0, 0
    for i, k in enumerate([*kept, len(old)]):
        if k < 0:
            continue
        gap = [place for place, _ in old[last:k]]
        for j, place in zip(range(start, i), gap, strict=False):
            places[j] = place
        spare += gap[i - start :]
        if i < n:
            places[i] = old[k][0]
        start, last = i + 1, k + 1
    for i in range(n):
        if not places[i] and spare:
            places[i] = spare.pop(0)
    return places, spare


def _payloads(after: list[int], pieces: list[bytes]) -> np.ndarray:
    """Pieces with links to the places after them, as they lie in places, uint64[n, 506]."""
    payloads = np.empty((len(pieces), _WORDS), np.uint64)
    payloads[:, 0] = np.fromiter(map(len, pieces), np.uint64, len(pieces)) << _SHIFT
    payloads[:, 0] |= np.array(after, np.uint64)
    content = b"".join([piece.ljust(_MOST, b"\0") for piece in pieces])
    payloads[:, 1:] = np.frombuffer(content, "<u8").reshape(-1, _WORDS - 1)
    return payloads
