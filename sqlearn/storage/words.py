"""Text in the file: in chunks of equal length that are overwritten in place, and a dictionary of the words in use.

A row holds a number in place of a word, so rows have one length whatever their text. With its last use a word goes,
in the same transaction: its chunks become zeros, and so does its keyed hash in the index.
"""

import struct
from collections.abc import Sequence

import numpy as np

from sqlearn.errors import StoreCorruptError
from sqlearn.storage.database import Database
from sqlearn.storage.hash_index import HashIndex, hash_messages
from sqlearn.storage.slots import Slots

__all__ = ["PIECE", "Texts", "Words", "decoded", "message"]

_CHUNK = struct.Struct("<qqq39s")  # uses, next chunk, length of the whole text: in the first chunk; a piece of it
PIECE = 39
_REMEMBERED = 1 << 17


class Texts:
    """Byte strings by number.

    Parameters
    ----------
    database : Database
        The file.
    """

    def __init__(self, database: Database):
        self._slots = Slots(database, "texts", _CHUNK.size)

    def lay_out(self) -> None:
        self._slots.lay_out()

    def put(self, texts: Sequence[bytes], uses: Sequence[int]) -> np.ndarray:
        """Keep byte strings; the number of each, int64[n]."""
        following = np.zeros(len(texts), np.int64)
        for k in range(max((_pieces(text) for text in texts), default=1) - 1, 0, -1):  # the last pieces first
            rows = [i for i, text in enumerate(texts) if _pieces(text) > k]
            pieces = [_CHUNK.pack(0, following[i], 0, texts[i][k * PIECE : (k + 1) * PIECE]) for i in rows]
            following[rows] = self._slots.put(pieces)
        heads = zip(uses, following.tolist(), texts, strict=True)
        return self._slots.put([_CHUNK.pack(n, after, len(text), text[:PIECE]) for n, after, text in heads])

    def get(self, number: int) -> tuple[bytes, int]:
        """A byte string and its uses."""
        text, uses, _ = self._walk(number)
        return text, uses

    def get_many(self, numbers: Sequence[int]) -> list[bytes]:
        """Byte strings by number."""
        heads = _CHUNK.iter_unpack(self._slots.read(numbers))
        return [
            self._walk(number)[0] if after else piece[:length]
            for number, (_, after, length, piece) in zip(numbers, heads, strict=True)
        ]

    def set_uses(self, number: int, uses: int) -> None:
        head = self._slots.read([number])
        _, after, length, piece = _CHUNK.unpack(head)
        self._slots.overwrite([number], [_CHUNK.pack(uses, after, length, piece)])

    def erase(self, numbers: Sequence[int]) -> None:
        """Overwrite byte strings with zeros."""
        self._slots.erase([chunk for number in numbers for chunk in self._walk(number)[2]])

    def _walk(self, number: int) -> tuple[bytes, int, list[int]]:
        uses, after, length, piece = _CHUNK.unpack(self._slots.read([number]))
        pieces, chunks = [piece], [number]
        while after:
            chunks.append(after)
            _, after, _, piece = _CHUNK.unpack(self._slots.read([after]))
            pieces.append(piece)
            if len(pieces) > max(1, length):
                raise StoreCorruptError("This store is damaged: a text in it has no end. Take an intact copy.")
        return b"".join(pieces)[:length], uses, chunks


def _pieces(text: bytes) -> int:
    return max(1, -(-len(text) // PIECE))


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

    def __init__(self, database: Database, texts: Texts, key: bytes):
        self._texts, self._key = texts, key
        self._index = HashIndex(database, "word_index")
        self.drop_remembered()

    def lay_out(self) -> None:
        self._index.lay_out()

    def drop_remembered(self) -> None:
        """Read anew from the file from here on."""
        self._numbers: dict = {}  # of each word
        self._words: dict = {}  # of each number
        self._index.drop_waiting()

    def numbers(self, words: list) -> np.ndarray:
        """The number of each word, int64[n]; 0 where it is not in use."""
        self._remember_less()
        unknown = [word for word in words if word not in self._numbers]
        if unknown:
            hashes = hash_messages(self._key, [message(word) for word in unknown])
            for word, number in zip(unknown, self._index.find(hashes).tolist(), strict=True):
                if number:
                    if self._texts.get(number)[0] != message(word):
                        raise StoreCorruptError("This store is damaged: its index of words leads elsewhere.")
                    self._remember(word, number)
        return np.array([self._numbers.get(word, 0) for word in words], np.int64)

    def words(self, numbers: np.ndarray) -> list:
        """The words that have these numbers."""
        self._remember_less()
        wanted = numbers.tolist()
        unknown = [number for number in wanted if number not in self._words]
        for number, text in zip(unknown, self._texts.get_many(unknown), strict=True):
            self._remember(word_of(text), number)
        return [self._words[number] for number in wanted]

    def use(self, words: list, times: np.ndarray) -> np.ndarray:
        """Count words, all different, so many times more, new ones too. Returns their numbers, int64[n]."""
        numbers = self.numbers(words)
        for i in np.flatnonzero(numbers):
            self._texts.set_uses(int(numbers[i]), self._texts.get(int(numbers[i]))[1] + int(times[i]))
        new = np.flatnonzero(numbers == 0)
        if len(new):
            messages = [message(words[i]) for i in new]
            numbers[new] = self._texts.put(messages, times[new].tolist())
            self._index.add(hash_messages(self._key, messages), numbers[new])
            self._index.settle()
            for i in new:
                self._remember(words[i], int(numbers[i]))
        return numbers

    def disuse(self, numbers: np.ndarray, times: np.ndarray) -> None:
        """Count words so many times less; those that nobody uses any more are gone."""
        gone = []
        for number, n in zip(numbers.tolist(), times.tolist(), strict=True):
            text, uses = self._texts.get(number)
            if uses < n:
                raise StoreCorruptError("This store is damaged: a word in it is used more often than it counts.")
            if uses > n:
                self._texts.set_uses(number, uses - n)
            else:
                gone.append((number, text))
        if gone:
            self._index.remove(hash_messages(self._key, [text for _, text in gone]))
            self._texts.erase([number for number, _ in gone])
            for number, text in gone:
                self._words.pop(number, None)
                self._numbers.pop(word_of(text), None)

    def _remember_less(self) -> None:
        if len(self._words) > _REMEMBERED:
            self._numbers, self._words = {}, {}

    def _remember(self, word, number: int) -> None:
        self._numbers[word] = number
        self._words[number] = word


def message(word) -> bytes:
    """The bytes that stand for a canonical label; equal labels have equal bytes."""
    if isinstance(word, str):
        return b"s" + word.encode("utf-8", "surrogatepass")
    return b"i" + str(word).encode() if isinstance(word, int) else b"f" + struct.pack("<d", word)


def word_of(text: bytes):
    """What :func:`message` was made from."""
    try:
        if text[:1] == b"s":
            return decoded(text[1:])
        return int(text[1:]) if text[:1] == b"i" else struct.unpack("<d", text[1:])[0]
    except (ValueError, struct.error) as error:
        raise StoreCorruptError("This store is damaged: a word in it is none. Take an intact copy.") from error


def decoded(text: bytes) -> str:
    """Text that was encoded with "surrogatepass", so that any str can be kept."""
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise StoreCorruptError("This store is damaged: a text in it is none. Take an intact copy.") from error
