"""Users, items and ratings as slots, which come and go at the cost of those that do."""

from collections.abc import Callable

import numpy as np

from sqlearn.engine.identity import Vocabulary
from sqlearn.errors import FormatError

Label = int | float | str


class Names(Vocabulary):
    """A vocabulary of many labels, of which few go at once: it looks at those alone that an update names.

    Labels of slots without entries are there until :meth:`drop_unused`; whoever reads looks at the counts.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_slot: list[Label | None] = []
        self._touched: list[np.ndarray] = []

    def slots_of(self, labels: list[Label]) -> np.ndarray:
        """The slots of canonical labels, int64; free ones for labels that are new."""
        known = self.slots.get
        found = [known(label) for label in labels]
        new = [label for label, slot in zip(labels, found, strict=True) if slot is None]
        if new:
            self._touched.append(np.fromiter(map(self._named, new), np.int64, len(new)))
            found = [known(label) for label in labels]
        return np.array(found, np.int64)

    def _named(self, label: Label) -> int:
        slot = self.slot(label)
        if slot >= len(self._of_slot):
            self._of_slot.extend([None] * (self.capacity - len(self._of_slot)))
        self._of_slot[slot] = label
        return slot

    def known_slots(self, labels: list[Label]) -> np.ndarray:
        """The slots of canonical labels, int64; -1 for those that have none."""
        known = self.slots.get
        return np.fromiter((known(label, -1) for label in labels), np.int64, len(labels))

    def of(self, slots: np.ndarray) -> list[Label]:
        """The labels of slots that have one."""
        names = self._of_slot
        return [names[slot] for slot in slots.tolist()]

    def touch(self, slots: np.ndarray) -> None:
        """Note slots whose last entry may have gone."""
        self._touched.append(slots)

    def in_order(self, counts: np.ndarray) -> np.ndarray:
        """The slots that have entries, in the order of their labels."""
        slots = self.sorted_slots()
        return slots[counts[slots] > 0]

    def drop_unused(self, counts: np.ndarray) -> None:
        """Forget the labels without entries among those that updates have named. It ends an update, so never fails."""
        while self._touched:
            try:
                slots = self._touched[-1]
                try:
                    unused = slots[counts[slots] == 0].tolist()
                except IndexError:  # a refused update has given slots that the counts never reached
                    unused = [slot for slot in slots.tolist() if slot >= len(counts) or not counts[slot]]
                for slot in set(unused):
                    label = self._of_slot[slot]
                    if label is not None:
                        self._free.append(slot)  # first, since it may fail: then the label is still whole
                        self._of_slot[slot], self._sorted = None, None
                        self.hash_words[slot] = 0
                        del self.slots[label]
                self._touched.pop()
            except MemoryError:  # the next update's end will do it
                return

    def way_back(self) -> Callable[[], None]:
        raise NotImplementedError("labels without entries stay as long as an update may be undone")

    def restore(self, labels: list[Label]) -> None:
        """Hold these labels in slots 0, 1, ...; raises FormatError if they are not canonical, sorted and different."""
        super().restore(labels)
        if any(isinstance(label, tuple) for label in labels) or self.labels() != labels:
            raise FormatError("These labels are not those of a model. Load the model again.")
        self._of_slot, self._touched = list(labels), []

    def copy(self) -> "Names":
        copied = Names()
        copied.slots, copied.hash_words, copied._free = dict(self.slots), self.hash_words.copy(), list(self._free)
        copied._of_slot, copied._touched = list(self._of_slot), list(self._touched)
        return copied
