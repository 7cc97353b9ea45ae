"""Which slot belongs to which word, and how many documents have it."""

from collections.abc import Iterable

import numpy as np

from sqlearn.errors import FormatError


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
        self._order: tuple[list[str], np.ndarray] | None = None  # sorted; None after a word has come or gone

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
        if len(new):
            if len(new) > len(self._free):
                self._grow(len(new) - len(self._free))
            found[new] = self._free[: -1 - len(new) : -1]
            self._order = None
            self.slots.update(zip([words[i] for i in new.tolist()], found[new].tolist(), strict=True))
            del self._free[-len(new) :]
        return found

    def _grow(self, new: int) -> None:
        old, grown = self.capacity, self._grown(new)
        free = [*range(grown - 1, old - 1, -1), *self._free]
        more = np.zeros(grown - old, np.int64)
        documents, occurrences = (np.concatenate([array, more]) for array in (self.documents, self.occurrences))
        self.documents, self.occurrences, self._free = documents, occurrences, free

    def drop(self, words: Iterable[str]) -> None:
        """Take the slots of those of these words that no document has."""
        for word in words:
            slot = self.slots.get(word)
            if slot is not None and not self.documents[slot]:
                self._order = None
                self._free.append(slot)  # first, since it may fail: then the word is still whole
                del self.slots[word]

    def ordered(self) -> tuple[list[str], np.ndarray]:
        """The words held, sorted, and their slots, int64[n]."""
        if self._order is None:
            words = sorted(self.slots)
            self._order = words, np.fromiter(map(self.slots.__getitem__, words), np.int64, len(words))
        words, slots = self._order
        held = self.documents[slots] > 0
        if held.all():
            return words, slots
        return [word for word, is_held in zip(words, held.tolist(), strict=True) if is_held], slots[held]

    def restore(self, words: list, documents: np.ndarray, occurrences: np.ndarray) -> None:
        """Hold these words in slots 0, 1, ...; raises FormatError if they are not sorted words with documents."""
        ascending = all(map(str.__lt__, words, words[1:])) if all(type(word) is str for word in words) else False
        counted = len(words) == len(documents) == len(occurrences) and (occurrences >= documents).all()
        if not ascending or not counted or documents.min(initial=1) < 1:
            raise FormatError("These words are not those of a model. Load the model again.")
        self.slots = {word: slot for slot, word in enumerate(words)}
        self.documents, self.occurrences = documents, occurrences
        self._free, self._order = [], None

    def copy(self) -> "Words":
        """Independent slots of the same words."""
        copied = Words()
        copied.slots, copied._free = dict(self.slots), list(self._free)
        copied.documents, copied.occurrences = self.documents.copy(), self.occurrences.copy()
        return copied
