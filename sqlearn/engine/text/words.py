"""Which slot belongs to which word, and how many documents have it."""

from bisect import bisect_left
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from threading import RLock

import numpy as np

from sqlearn.errors import FormatError

_FEW = 64  # words that have come or gone, above which all are sorted anew


@dataclass
class _Order:
    """The words in sorted order, as they were when they were last asked for, and what has changed since then.

    A word that has gone is overwritten by the one before it, so that no trace of it is left, and the rest stays sorted.

    Attributes
    ----------
    words : list of str
        The words.
    slots : int64[n]
        Their slots; -1 for those that have gone.
    gone : int
        How many have gone.
    come : set of str
        Those that have come.
    """

    words: list[str]
    slots: np.ndarray
    gone: int = 0
    come: set[str] = field(default_factory=set)

    @property
    def few(self) -> bool:
        """Whether so little has changed that it pays to keep the rest in order."""
        return self.gone + len(self.come) < _FEW

    def take_out(self, word: str) -> None:
        if word in self.come:
            self.come.remove(word)
            return
        at = first = bisect_left(self.words, word)
        before = self.words[first - 1] if first else ""
        while at < len(self.words) and self.words[at] == word:  # behind it, those that it had overwritten
            self.words[at] = before
            at += 1
        self.gone += 1
        self.slots[first] = -1

    def renewed(self, slots: dict[str, int]) -> "_Order":
        """The order of the words that have these slots."""
        words, gone = self.words.copy(), np.flatnonzero(self.slots < 0)
        for place in reversed(gone.tolist()):
            del words[place]
        come = sorted(self.come)
        places = [bisect_left(words, word) for word in come]
        for place, word in zip(reversed(places), reversed(come), strict=True):
            words.insert(place, word)
        return _Order(words, np.insert(np.delete(self.slots, gone), places, [slots[word] for word in come]))


class Words:
    """Slots given to words in the order they come; a word whose last document goes gives its slot back.

    Slots are history, so they are no part of any canonical form: there words are sorted.

    Attributes
    ----------
    slots : dict of str to int
        Slot of each word.
    documents, occurrences : int64[capacity]
        Of the word in each slot: the number of documents that have it, and how often they have it. Documents of
        weight 0 do not count. A slot without documents belongs to no word that is held.
    """

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.documents = np.zeros(0, np.int64)
        self.occurrences = np.zeros(0, np.int64)
        self._free: list[int] = []
        self._order: _Order | None = None  # None where all are to be sorted
        self._changes = 0
        self._lock = RLock()  # readers bring the order up to date, and updates change it

    @property
    def capacity(self) -> int:
        return len(self.documents)

    @property
    def room(self) -> int:
        """How many new words find a slot without more memory."""
        return len(self._free)

    def projected_size(self, words: Iterable[str]) -> int:
        """The capacity when each of these words has a slot beside those held."""
        new = sum(word not in self.slots for word in words) - len(self._free)
        return self._grown(new) if new > 0 else self.capacity

    def _grown(self, new: int) -> int:
        capacity = self.capacity
        while capacity < self.capacity + new:
            capacity = max(8, 2 * capacity)
        return capacity

    def slots_of(self, words: list[str]) -> np.ndarray:
        """Slots of different words, int64[n]; new ones where they have none."""
        found = np.fromiter((self.slots.get(word, -1) for word in words), np.int64, len(words))
        new = np.flatnonzero(found < 0)
        with self._lock if len(new) else nullcontext():
            self._give(words, new, found)
        return found

    def _give(self, words: list[str], new: np.ndarray, found: np.ndarray) -> None:
        """Give slots to the words at the places `new`, and write them into `found`."""
        if len(new):
            self._changes += 1
            if len(new) > len(self._free):
                self._grow(len(new) - len(self._free))
            found[new] = self._free[: -1 - len(new) : -1]
            del self._free[-len(new) :]  # first: what is lost when memory ends is room
            come = [words[i] for i in new.tolist()]
            order = self._order
            if order is not None and order.few and len(come) <= _FEW:
                order.come.update(come)
            else:
                self._order = None
            self.slots.update(zip(come, found[new].tolist(), strict=True))

    def _grow(self, new: int) -> None:
        old, grown = self.capacity, self._grown(new)
        free = [*range(grown - 1, old - 1, -1), *self._free]
        more = np.zeros(grown - old, np.int64)
        documents, occurrences = (np.concatenate([array, more]) for array in (self.documents, self.occurrences))
        self.documents, self.occurrences, self._free = documents, occurrences, free

    def drop(self, words: Iterable[str]) -> None:
        """Take the slots of those of these words that no document has."""
        with self._lock:
            self._changes += 1
            self._drop(words)

    def _drop(self, words: Iterable[str]) -> None:
        for word in words:
            slot = self.slots.get(word)
            if slot is None:  # it was to come when memory ended
                self._order = None
            elif not self.documents[slot]:
                self._free.append(slot)  # first, since it may fail: then the word is still whole
                if self._order is not None and self._order.few:
                    self._order.take_out(word)
                else:
                    self._order = None
                del self.slots[word]

    def ordered(self) -> tuple[list[str], np.ndarray]:
        """The words held, sorted, and their slots, int64[n]; both only to look at, before the next update."""
        with self._lock:
            order, changes = self._order, self._changes
            if order is None:
                words = sorted(self.slots)
                order = _Order(words, np.fromiter(map(self.slots.__getitem__, words), np.int64, len(words)))
            elif order.gone or order.come:
                order = order.renewed(self.slots)
            if changes == self._changes:  # no signal's handler has updated the model meanwhile
                self._order = order
        held = self.documents[order.slots] > 0
        if held.all():
            return order.words, order.slots
        return [word for word, is_held in zip(order.words, held.tolist(), strict=True) if is_held], order.slots[held]

    def restore(self, words: list, documents: np.ndarray, occurrences: np.ndarray) -> None:
        """Hold these words in slots 0, 1, ...; raises FormatError if they are not sorted words with documents."""
        ascending = all(map(str.__lt__, words, words[1:])) if all(type(word) is str for word in words) else False
        counted = len(words) == len(documents) == len(occurrences) and (occurrences >= documents).all()
        if not ascending or not counted or documents.min(initial=1) < 1:
            raise FormatError("These words are not those of a model. Load the model again.")
        self.slots = {word: slot for slot, word in enumerate(words)}
        self.documents, self.occurrences = documents, occurrences
        self._free, self._order = [], _Order(words, np.arange(len(words)))

    def copy(self) -> "Words":
        """Independent slots of the same words."""
        copied = Words()
        copied.slots, copied._free = dict(self.slots), list(self._free)
        copied.documents, copied.occurrences = self.documents.copy(), self.occurrences.copy()
        return copied
