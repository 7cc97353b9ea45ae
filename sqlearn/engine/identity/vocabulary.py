"""Which slot of a statistic belongs to which label or category."""

import hashlib
import numbers
import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from sqlearn.errors import FormatError, shown

# Types whose values are labels without a look at them; whatever else equals a label, such as Decimal(1), is none.
PLAIN_LABELS = frozenset(
    {str, int, float, bool, np.str_, np.bool_, np.float16, np.float32, np.float64}
    | {np.dtype(kind).type for kind in np.typecodes["AllInteger"]}
)
_MOST_BITS = 14_000  # of a whole number; Python neither writes nor reads more than 4,300 digits of one


class LabelError(TypeError):
    """A value is no label."""


def canonical_label(value: Any) -> Any:
    """The one form of equal labels: 1, 1.0, True and ``np.int32(1)`` are the int 1, ``np.str_`` is str.

    Raises
    ------
    LabelError
        When `value` is neither a number nor a string, or a number of more than 14,000 bits.
    """
    if type(value) is str or (type(value) is int and value.bit_length() <= _MOST_BITS):
        return value
    if isinstance(value, str):
        return str(value)
    is_duration = isinstance(value, np.timedelta64)  # which numpy counts among the integers
    if isinstance(value, np.bool_ | numbers.Integral) and not is_duration:
        value = int(value)
    elif isinstance(value, numbers.Real) and not is_duration:
        try:
            value = float(value)
        except OverflowError as error:
            raise LabelError(f"Labels are numbers that a float can hold, and not {shown(value)}.") from error
        value = int(value) if value.is_integer() else value
    else:
        raise LabelError(f"Labels are numbers or strings, not {type(value).__name__}: {shown(value)}.")
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise LabelError(f"Whole numbers as labels have at most {_MOST_BITS:,} bits, unlike {shown(value)}.")
    return value


def label_words(label) -> np.ndarray:
    """What a canonical label adds to its record's message: 128 bits, uint64[2]."""
    if isinstance(label, tuple):  # (column, category): the column shows in the position of the words
        return label_words(label[1])
    if isinstance(label, int):
        message = b"i" + str(label).encode()
    elif isinstance(label, float):
        message = b"f" + struct.pack("<d", label)
    else:
        message = b"s" + label.encode("utf-8", "surrogatepass")
    return np.frombuffer(hashlib.blake2b(message, digest_size=16).digest(), "<u8")


def _sort_key(label):
    """Numbers before strings; a column's categories by column first."""
    if isinstance(label, tuple):
        return (label[0], *_sort_key(label[1]))
    return isinstance(label, str), label


class Vocabulary:
    """Slots given to labels in the order they come; a label whose last record goes gives its slot back.

    Slots are history, so they are no part of any canonical form: there labels are sorted.

    Attributes
    ----------
    slots : dict
        Slot of each canonical label, or of each (column, category). Equal labels of any type are one key.
    hash_words : uint64[capacity, 2]
        :func:`label_words` of the label in each slot.
    """

    def __init__(self):
        self.slots: dict = {}
        self.hash_words = np.zeros((0, 2), np.uint64)
        self._free: list[int] = []
        self._sorted: list | None = None  # the sorted labels; None after one has come or gone
        self._unpruned: np.ndarray | None = None  # the counts of a `prune` that ran out of memory

    def __len__(self):
        return len(self.slots)

    @property
    def capacity(self) -> int:
        return len(self.hash_words)

    def labels(self) -> list:
        """All labels, sorted."""
        if self._unpruned is not None:
            self._prune(self._unpruned)
        if self._sorted is None:
            self._sorted = sorted(self.slots, key=_sort_key)
        return self._sorted.copy()

    def sorted_slots(self) -> np.ndarray:
        """Slots in the order of the sorted labels."""
        return np.array([self.slots[label] for label in self.labels()], np.int64)

    def slot(self, label) -> int:
        """The slot of a canonical label, a free one when it is new."""
        slot = self.slots.get(label)
        if slot is None:
            words = label_words(label)
            if not self._free:
                old, grown = self.capacity, max(2, 2 * self.capacity)
                self.hash_words = np.concatenate([self.hash_words, np.zeros((grown - old, 2), np.uint64)])
                self._free = list(range(grown - 1, old - 1, -1))
            slot = self._free.pop()
            self.hash_words[slot] = words
            self.slots[label] = slot
            self._sorted = None
        return slot

    def projected_size(self, labels: Iterable) -> int:
        """The capacity when each of these labels has a slot beside those held."""
        new, capacity = len(set(labels) - self.slots.keys()) - len(self._free), self.capacity
        while new > 0:
            grown = max(2, 2 * capacity)
            new, capacity = new - (grown - capacity), grown
        return capacity

    def prune(self, counts: np.ndarray) -> None:
        """Forget the labels of slots that hold no record, and give back the slots beyond `counts`, which got no sums.

        This ends an update, which may not fail any more: where memory ends, it is done when labels are read.
        """
        try:
            self._prune(counts)
        except MemoryError:
            self._unpruned = counts

    def _prune(self, counts):
        if np.count_nonzero(counts[: self.capacity]) != len(self.slots):  # seldom
            self._drop_labels(counts)
        self._unpruned = None

    def _drop_labels(self, counts):
        for label, slot in list(self.slots.items()):
            if slot >= len(counts) or not counts[slot]:
                self._sorted = None
                self._free.append(slot)  # first, since it may fail: then the label is still whole
                del self.slots[label]
                self.hash_words[slot] = 0
        if len(counts) < self.capacity:  # there was no memory for the sums: the next update must not ask for it again
            self._free = [slot for slot in self._free if slot < len(counts)]
            self.hash_words = self.hash_words[: len(counts)]

    def way_back(self) -> Callable[[], None]:
        """A function that restores the present labels after some were pruned; none may be added in between."""
        return partial(self._set, self.slots.copy(), self.hash_words.copy(), self._free.copy(), self._sorted)

    def _set(self, slots, words, free, labels):
        self.slots, self.hash_words, self._free, self._sorted = slots, words, free, labels

    def restore(self, labels: list) -> None:
        """Hold these labels in slots 0, 1, ...; raises FormatError if one is not canonical or is given twice."""
        values = [label[1] if isinstance(label, tuple) and len(label) == 2 else label for label in labels]
        canonical = all(type(canonical_label(value)) is type(value) for value in values)
        if not canonical or len(set(labels)) < len(labels):
            raise FormatError("These labels are not those of a model. Load the model again.")
        self.hash_words = np.array([label_words(label) for label in labels], np.uint64).reshape(-1, 2)
        self.slots = {label: slot for slot, label in enumerate(labels)}
        self._free, self._sorted = [], None

    def copy(self) -> "Vocabulary":
        copied = Vocabulary()
        copied.slots, copied.hash_words, copied._free = dict(self.slots), self.hash_words.copy(), list(self._free)
        copied._unpruned = self._unpruned
        return copied
