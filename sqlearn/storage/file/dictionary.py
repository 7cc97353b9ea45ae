"""Text in the file: in chunks of equal length that are overwritten in place, and a dictionary of the words in use.

A row holds a number in place of a word, so rows have one length whatever their text. With its last use a word goes,
in the same transaction: its chunks become zeros, and so does its keyed hash in the index.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.hash_index import HashIndex, hash_texts, padded
from sqlearn.storage.file.slots import LARGEST, Slots

PIECE = 40  # bytes of a text that a chunk holds
_NEXT = np.uint64(LARGEST)  # the part of a chunk's first word that is the number of the next chunk
_LENGTH = np.uint64(40)  # behind it: how many bytes of the piece are text
_REMEMBERED = 1 << 17


class Texts:
    """Byte strings by number.

    A chunk is a word with the next chunk's number and the piece's length, one that counts the uses, and the piece.

    Parameters
    ----------
    database : Database
        The file.
    """

    def __init__(self, database: Database) -> None:
        self.slots = Slots(database, "texts", 2 + PIECE // 8)

    def lay_out(self) -> None:
        self.slots.lay_out()

    def put(self, texts: Sequence[bytes], uses: np.ndarray | int) -> np.ndarray:
        """Keep byte strings; the number of each, int64[n]."""
        following = np.zeros(len(texts), np.int64)
        pieces = np.fromiter(map(len, texts), np.int64, len(texts)) // -PIECE
        for k in range(-int(pieces.min(initial=0)) - 1, 0, -1):  # the last pieces first
            rows = np.flatnonzero(pieces < -k)
            parts = [texts[i][k * PIECE : (k + 1) * PIECE] for i in rows.tolist()]
            following[rows] = self.slots.put(_chunks(parts, following[rows], 0))
        return self.slots.put(_chunks([text[:PIECE] for text in texts], following, uses))

    def get(self, numbers: np.ndarray) -> list[bytes]:
        """Byte strings by number."""
        texts: list[bytes] = []
        for rows, _, chunks in self._walk(numbers):
            lengths = np.minimum(chunks[:, 0] >> _LENGTH, np.uint64(PIECE)).tolist()
            content = chunks[:, 2:].tobytes()
            parts = (content[PIECE * i : PIECE * i + length] for i, length in enumerate(lengths))
            if not texts:
                texts = list(parts)
                continue
            for row, part in zip(rows.tolist(), parts, strict=True):
                texts[row] += part
        return texts

    def uses(self, numbers: np.ndarray) -> np.ndarray:
        """How often byte strings are used, int64[n]."""
        return self.slots.read(numbers)[:, 1].astype(np.int64)

    def set_uses(self, numbers: np.ndarray, uses: np.ndarray) -> None:
        chunks = self.slots.read(numbers).copy()
        chunks[:, 1] = uses
        self.slots.overwrite(numbers, chunks)

    def erase(self, numbers: np.ndarray) -> None:
        """Overwrite byte strings with zeros."""
        self.slots.erase(np.concatenate([slots for _, slots, _ in self._walk(numbers)]))

    def pieces(self, numbers: np.ndarray) -> int:
        """How many chunks byte strings take."""
        return sum(len(rows) for rows, _, _ in self._walk(numbers))

    def _walk(self, numbers: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """First pieces, then second ones and so on: whose they are, where they lie, their chunks."""
        rows, slots, left = np.arange(len(numbers)), np.asarray(numbers, np.int64), len(self.slots)
        while len(slots):
            left -= len(slots)
            if left < 0 and len(slots) < len(numbers):
                raise damaged(None, "a text in it has no end")
            chunks = self.slots.read(slots)
            yield rows, slots, chunks
            following = (chunks[:, 0] & _NEXT).astype(np.int64)
            more = following > 0
            rows, slots = rows[more], following[more]


def relinked(chunks: np.ndarray, renumbered: Any) -> np.ndarray:
    """Chunks, uint64[n, 7], whose following ones have other numbers."""
    chunks = chunks.copy()
    chunks[:, 0] = (chunks[:, 0] & ~_NEXT) | renumbered(chunks[:, 0] & _NEXT)
    return chunks


def _chunks(pieces: list[bytes], following: np.ndarray, uses: np.ndarray | int) -> np.ndarray:
    chunks = np.empty((len(pieces), 2 + PIECE // 8), np.uint64)
    chunks[:, 0] = np.fromiter(map(len, pieces), np.uint64, len(pieces)) << _LENGTH
    chunks[:, 0] |= following.astype(np.uint64)
    chunks[:, 1] = uses
    chunks[:, 2:] = padded(pieces)
    return chunks


class Words:
    """The dictionary: words (canonical labels: text, whole numbers, other numbers) by number, counted.

    Parameters
    ----------
    database : Database
        The file.
    texts : Texts
        Where the words stand.
    key : bytes
        Key of the hashes.
    """

    def __init__(self, database: Database, texts: Texts, key: bytes) -> None:
        self.texts, self._key = texts, key
        self.index = HashIndex(database, "word_index")
        self.drop_remembered()

    def lay_out(self) -> None:
        self.index.lay_out()

    def drop_remembered(self) -> None:
        """Read anew from the file from here on."""
        self._numbers: dict[Any, Any] = {}  # of each word
        self._words: dict[Any, Any] = {}  # of each number
        self.index.drop_waiting()

    def numbers(self, words: list[Any]) -> np.ndarray:
        """The number of each word, int64[n]; 0 where it is not in use."""
        self._remember_less()
        unknown = [word for word in words if word not in self._numbers]
        if unknown:
            messages = [message(word) for word in unknown]
            found = self.index.find(hash_texts(self._key, messages))
            there = np.flatnonzero(found)
            for i, text in zip(there.tolist(), self.texts.get(found[there]), strict=True):
                if text != messages[i]:
                    raise damaged(None, "its index of words points to other words")
                self._remember(unknown[i], int(found[i]))
        return np.array([self._numbers.get(word, 0) for word in words], np.int64)

    def words(self, numbers: np.ndarray) -> list[Any]:
        """The words that have these numbers."""
        self._remember_less()
        wanted = numbers.tolist()
        unknown = [number for number in wanted if number not in self._words]
        for number, text in zip(unknown, self.texts.get(np.array(unknown, np.int64)), strict=True):
            self._remember(word_of(text), number)
        return [self._words[number] for number in wanted]

    def use(self, words: list[Any], times: np.ndarray) -> np.ndarray:
        """Count words, all different, so many times more, new ones too. Returns their numbers, int64[n]."""
        numbers = self.numbers(words)
        known = np.flatnonzero(numbers)
        if len(known):
            self.texts.set_uses(numbers[known], self.texts.uses(numbers[known]) + times[known])
        new = np.flatnonzero(numbers == 0)
        if len(new):
            messages = [message(words[i]) for i in new]
            numbers[new] = self.texts.put(messages, times[new])
            self.index.add(hash_texts(self._key, messages), numbers[new])
            self.index.flush()
            for i in new:
                self._remember(words[i], int(numbers[i]))
        return numbers

    def disuse(self, numbers: np.ndarray, times: np.ndarray) -> None:
        """Count words so many times less; those that nobody uses any more are gone."""
        if not len(numbers):
            return
        left = self.texts.uses(numbers) - times
        if (left < 0).any():
            raise damaged(None, "a word in it is used more often than was counted")
        stay = left > 0
        if stay.any():
            self.texts.set_uses(numbers[stay], left[stay])
        gone = numbers[~stay]
        if len(gone):
            texts = self.texts.get(gone)
            self.index.remove(hash_texts(self._key, texts))
            self.texts.erase(gone)
            for number, text in zip(gone.tolist(), texts, strict=True):
                self._words.pop(number, None)
                self._numbers.pop(word_of(text), None)

    def check(self, numbers: np.ndarray, times: np.ndarray) -> list[bytes]:
        """Compare with the words that rows use so many times, all different. Returns their texts."""
        texts = self.texts.get(numbers)
        found = self.index.find(hash_texts(self._key, texts))
        if (
            len(self.index) != len(numbers)
            or (found != numbers).any()
            or (len(numbers) and (self.texts.uses(numbers) != times).any())
        ):
            raise damaged(None, "its words are not those of its rows")
        return texts

    def _remember_less(self) -> None:
        if len(self._words) > _REMEMBERED:
            self._numbers, self._words = {}, {}

    def _remember(self, word, number: int) -> None:
        self._numbers[word] = number
        self._words[number] = word


def message(word: Any) -> bytes:
    """The bytes that stand for a canonical label; equal labels have equal bytes."""
    if isinstance(word, str):
        return b"s" + word.encode("utf-8", "surrogatepass")
    return b"i" + str(word).encode() if isinstance(word, int) else b"f" + struct.pack("<d", word)


def word_of(text: bytes) -> Any:
    """What :func:`message` was made from."""
    try:
        if text[:1] == b"s":
            return decoded(text[1:])
        return int(text[1:]) if text[:1] == b"i" else struct.unpack("<d", text[1:])[0]
    except (ValueError, struct.error) as error:
        raise damaged(None, "a word in it is malformed") from error


def decoded(text: bytes) -> str:
    """Text that was encoded with "surrogatepass", so that any str can be kept."""
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise damaged(None, "a text in it is malformed") from error
