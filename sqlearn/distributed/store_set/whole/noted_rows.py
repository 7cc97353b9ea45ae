"""The rows of one part, as they are asked in rounds over all parts; it notes which rows come and go in a change."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sqlearn.engine.rounds import MAX_HASH, PassedRows, Question, Records
from sqlearn.engine.sums import ExactSum
from sqlearn.storage.records import StoredRows
from sqlearn.storage.table import Block, arguments, length

_NOTED = 1 << 14  # rows that a part remembers in a change; of more, the rounds are made anew over all rows
_AT_ONCE = 1 << 14  # rows that are read together
_COPIES = 1 << 18  # that are numbered together


class Noted(NamedTuple):
    """Rows that came (1.0) or went (-1.0) in a change."""

    block: Block
    sign: float


class NotedRows(StoredRows):
    """A :class:`~sqlearn.storage.records.StoredRows` of a part.

    Copies of a record are numbered from 0 in each part. In all parts together, those of later parts have the numbers
    that follow. Which copy a row is tells its keyed hash, and that, whether it is in a sample. So before rows are
    asked, those are told their numbers that this brings into samples or leaves out of them (:meth:`renumber`).
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._noted: list[Noted] | None = []
        self._n_noted = 0
        self._elsewhere: tuple[np.ndarray, np.ndarray] = np.zeros(0, np.int64), np.zeros(0, np.uint64)

    # ------------------------------------------------------------------ what comes and goes

    def forget_noted(self) -> None:
        """A change begins."""
        self._noted, self._n_noted = [], 0

    @property
    def noted(self) -> list[Noted] | None:
        """What has come and gone in this change; None if it is too much to be told."""
        return self._noted

    def place(self, block: Block, slots: np.ndarray) -> None:
        super().place(block, slots)
        self._note(block, 1.0)

    def strike(self, block: Block, hashes: np.ndarray) -> None:
        super().strike(block, hashes)
        self._note(block, -1.0)

    def _note(self, block: Block, sign: float) -> None:
        self._n_noted += length(next(iter(block.values())))
        if self._n_noted > _NOTED:
            self._noted = None
        elif self._noted is not None:
            self._noted.append(Noted(block, sign))

    # ------------------------------------------------------------------ copies in several parts

    def n_names(self) -> int:
        """How many rows have a name."""
        self.flush()
        return len(self.copies.index)

    def names(self, residue: int, modulus: int) -> tuple[np.ndarray, np.ndarray]:
        """What stands for copies on file, uint64[n, 2], and their places, int64[n]; one key has one name for a copy.

        Of all names, those that have this residue; `modulus` is a power of two.
        """
        index = self.copies.index
        entries = np.concatenate([np.zeros((0, 2), np.uint64), *index.entries_of(residue, modulus)])
        return index.hashes_of(entries), index.numbers_of(entries)

    def digests_named(self, slots: np.ndarray, residue: int, modulus: int) -> np.ndarray:
        """The different digests of the rows in these places of which copy 0 has a name of this residue,
        uint64[n, 2]."""
        found = [np.zeros((0, 2), np.uint64)]
        for start in range(0, len(slots), _AT_ONCE):
            digests = self._digests(slots[start : start + _AT_ONCE])
            names = self.copies.names(digests, np.zeros(len(digests), np.int64))
            found.append(digests[names[:, 0] & np.uint64(modulus - 1) == residue])
        return np.unique(np.concatenate(found), axis=0)

    def _digests(self, slots: np.ndarray) -> np.ndarray:
        """The different digests of the rows in these places, uint64[n, 2]."""
        found: list[np.ndarray] = []
        model = self._model.emptied()
        statistic: Any = model.state.statistic
        statistic.read_from(PassedRows(lambda x, y, w, digests: found.append(digests[:, :2].copy())))
        model.partial_fit(**arguments(model, self._columns, self._rows.block(self._rows.read(slots))))
        return np.unique(np.concatenate(found), axis=0)

    def held(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each digest are on file, int64[n]."""
        return self.copies.held(digests)

    def renumber(self, digests: np.ndarray, first: np.ndarray, limit: int) -> None:
        """Number the copies of these digests from these numbers on, for samples of keyed hashes up to this limit."""
        held = self.copies.held(digests)
        ends = np.cumsum(held)
        slots, hashes = [self._elsewhere[0]], [self._elsewhere[1]]
        for start in range(0, int(held.sum()), _COPIES):
            copies = np.arange(start, min(start + _COPIES, ends[-1]))
            which = np.searchsorted(ends, copies, side="right")
            numbers = copies - (ends - held)[which]
            here = self.copies.hashes(digests[which], numbers)
            there = self.copies.hashes(digests[which], numbers + first[which])
            drawn = np.flatnonzero(((here <= np.uint64(limit)) | (there <= np.uint64(limit))) & (here != there))
            slots.append(self.copies.places(digests[which[drawn]], numbers[drawn]))
            hashes.append(there[drawn])
        found, order = np.concatenate(slots), np.argsort(np.concatenate(slots))
        self._elsewhere = found[order], np.concatenate(hashes)[order]

    def forget_numbers(self) -> None:
        """Number all copies from 0 on again."""
        self._elsewhere = np.zeros(0, np.int64), np.zeros(0, np.uint64)

    def _scan(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        some, theirs = self._elsewhere
        for slots, cells in self._rows.scan():
            hashes = cells[:, -2].copy()
            if len(some):
                at = np.minimum(np.searchsorted(some, slots), len(some) - 1)
                found = some[at] == slots
                hashes[found] = theirs[at[found]]
            yield cells, hashes

    # ------------------------------------------------------------------ questions

    def answer(self, question: Question) -> tuple[ExactSum, ...]:
        """The sums over all rows on file at a theta."""
        sums: tuple[ExactSum, ...] = self._statistic.answer(question, self.classed(MAX_HASH, question.labels))
        return sums

    def classed(self, limit: int, labels: list[Any]) -> Iterator[Records]:
        """What :meth:`blocks` gives, with classes as places among these labels in place of slots."""
        vocabulary = self._state.vocabulary
        if vocabulary is None:
            yield from self.blocks(limit)
            return
        classes = np.zeros(vocabulary.capacity)
        for place, label in enumerate(labels):
            classes[vocabulary.slots.get(label, [])] = place  # a label that no row here has is left out
        for records in self.blocks(limit):
            yield replace(records, y=classes[records.y.astype(np.int64)])
