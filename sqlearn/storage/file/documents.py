"""Documents in the file: texts of any length that a row has for itself, in pieces that are overwritten in place.

Unlike the words of a dictionary, documents are in no index: a row names its own, and equal ones are kept twice. In a
row, a document is one number: how many pieces it has, and where the first lies. A piece names the next one, so a
document may lie anywhere; most lie in one run, and are read at once.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.slots import LARGEST, Slots

DOCUMENT_PIECE = 112  # bytes: with a checksum and a link, 31 of them fill a page
_WORDS = DOCUMENT_PIECE // 8
_PLACE = np.uint64(LARGEST)  # the part of a number that is a place
_SHIFT = np.uint64(40)  # behind it: of a row, how many pieces; of a piece, how many bytes
LONGEST_DOCUMENT = 10**9  # bytes, as SQLite's longest text, which conditions are asked of
_FEW = 8  # pieces of a document that is short
_RUN = 256  # pieces that are looked for in a run
_AT_ONCE = 1 << 18  # pieces that are read or written at once


class Documents:
    """Texts by what stands for them in a row, uint64, which is never 0.

    A piece is a word with the next piece's place and the length of this one, and the bytes.

    Parameters
    ----------
    database : Database
        The file.
    """

    def __init__(self, database: Database) -> None:
        self.slots = Slots(database, "documents", 1 + _WORDS)

    def lay_out(self) -> None:
        self.slots.lay_out()

    def put(self, texts: Sequence[bytes]) -> np.ndarray:
        """Keep texts; what stands for each, uint64[n]."""
        counts = np.array([_pieces(text) for text in texts], np.int64)
        numbers = np.empty(len(texts), np.uint64)
        for some in _parts(counts):
            numbers[some] = self._put(texts[some], counts[some])
        return numbers

    def _put(self, texts: Sequence[bytes], counts: np.ndarray) -> np.ndarray:
        ends = np.cumsum(counts)
        firsts = ends - counts
        places = self.slots.reserve(int(counts.sum()))
        following = np.append(places[1:], 0).astype(np.uint64)
        following[ends - 1] = 0
        lengths = np.full(len(places), DOCUMENT_PIECE, np.uint64)
        lengths[ends - 1] = np.fromiter(map(len, texts), np.int64, len(texts)) - DOCUMENT_PIECE * (counts - 1)
        payloads = np.empty((len(places), 1 + _WORDS), np.uint64)
        payloads[:, 0] = following | (lengths << _SHIFT)
        filled = (text.ljust(DOCUMENT_PIECE * n, b"\0") for text, n in zip(texts, counts.tolist(), strict=True))
        content = b"".join(filled)
        payloads[:, 1:] = np.frombuffer(content, "<u8").reshape(-1, _WORDS)
        self.slots.fill(places, payloads)
        return places[firsts].astype(np.uint64) | (counts.astype(np.uint64) << _SHIFT)

    def get(self, numbers: np.ndarray) -> list[bytes]:
        """Texts by what stands for them."""
        texts: list[bytes] = []
        counts = pieces_of(numbers)
        for some in _parts(counts):
            _, payloads = self._read(numbers[some])
            content, at = np.ascontiguousarray(payloads[:, 1:]).tobytes(), 0
            ends = np.cumsum(counts[some])
            last = (payloads[ends - 1, 0] >> _SHIFT).astype(np.int64)
            for n, length in zip(counts[some].tolist(), last.tolist(), strict=True):
                texts.append(content[at : at + DOCUMENT_PIECE * (n - 1) + length])
                at += DOCUMENT_PIECE * n
        return texts

    def erase(self, numbers: np.ndarray) -> None:
        """Overwrite texts with zeros."""
        for some in _parts(pieces_of(numbers)):
            self.slots.erase(self._read(numbers[some])[0])

    def _read(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All pieces of some documents, one document behind the other: their places, int64[n], and their payloads."""
        counts, firsts = pieces_of(numbers), (numbers & _PLACE).astype(np.int64)
        if (counts < 1).any() or (firsts < 1).any():
            raise damaged(self.slots.database.path, "a row names no document")
        ends = np.cumsum(counts)
        document = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(document)) - (ends - counts)[document]
        places = firsts[document] + number  # where they are if each lies in one run
        if (places > LARGEST).any():
            raise damaged(self.slots.database.path, "a row names no document")
        used, payloads = self.slots.glance(places)
        is_last = number == counts[document] - 1
        wanted = np.where(is_last, 0, places + 1).astype(np.uint64)
        elsewhere = np.unique(document[~used | ((payloads[:, 0] & _PLACE) != wanted)])
        for i in elsewhere[counts[elsewhere] > _FEW].tolist():
            some = slice(ends[i] - counts[i], ends[i])
            places[some], payloads[some] = self._followed(int(firsts[i]), int(counts[i]))
        elsewhere = elsewhere[counts[elsewhere] <= _FEW]
        at, starts = firsts[elsewhere], (ends - counts)[elsewhere]
        for k in range(int(counts[elsewhere].max(initial=0))):  # piece by piece, of all of these together
            more = counts[elsewhere] > k
            elsewhere, at, starts = elsewhere[more], at[more], starts[more]
            places[starts + k], payloads[starts + k] = at, self.slots.read(at)
            at = (payloads[starts + k, 0] & _PLACE).astype(np.int64)
        self._check(payloads[:, 0], is_last)
        return places, payloads

    def _followed(self, at: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The pieces of a long document, run by run."""
        places, payloads = [], []
        while count:
            run = np.arange(at, at + min(count, _RUN))
            used, found = self.slots.glance(run)
            if not used[0]:
                self.slots.read(run[:1])  # which tells of the damage
            goes_on = used[1:] & ((found[:-1, 0] & _PLACE) == run[1:].astype(np.uint64))
            n = len(run) if goes_on.all() else 1 + int(goes_on.argmin())
            places.append(run[:n])
            payloads.append(found[:n])
            at, count = int(found[n - 1, 0] & _PLACE), count - n
        return np.concatenate(places), np.concatenate(payloads)

    def _check(self, links: np.ndarray, is_last: np.ndarray) -> None:
        """Refuse documents with other lengths than their rows have."""
        lengths = links >> _SHIFT
        ends_there = (links & _PLACE) == 0
        if (ends_there != is_last).any() or (lengths > DOCUMENT_PIECE).any():
            raise damaged(self.slots.database.path, "a document in it is not as long as its row says")
        if (lengths[~is_last] != DOCUMENT_PIECE).any():
            raise damaged(self.slots.database.path, "a document in it has a gap")


def pieces_of(numbers: np.ndarray) -> np.ndarray:
    """How many pieces documents have by what stands for them, int64[n]; none for 0."""
    return (numbers >> _SHIFT).astype(np.int64)


def _pieces(text: bytes) -> int:
    """How many pieces a text takes: an empty one has one, too."""
    return max(1, -(-len(text) // DOCUMENT_PIECE))


def _parts(counts: np.ndarray) -> list[slice]:
    """Documents in parts that have few enough pieces to be held at once."""
    part = np.cumsum(counts) // _AT_ONCE
    edges = [0, *(1 + np.flatnonzero(np.diff(part))).tolist(), len(counts)]
    return [slice(start, stop) for start, stop in pairwise(edges) if stop > start]
