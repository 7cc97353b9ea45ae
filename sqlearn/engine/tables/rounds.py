"""Tables for adaptive learners: rounds over encoded records.

What encodes them is a function of the records that one of them seldom changes, since means and scales lie on a grid
(:mod:`~sqlearn.engine.chains.encoded_rounds`): nearly always the encoder is the same after an update, and a record is a
record more or less in the rounds. When it is another one, because a mean left its cell or a category came or went, all
records are encoded and evaluated anew. Either way the state is that of a refit.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from typing import Any, Self

import numpy as np

from sqlearn.engine.rounds import (
    MAX_HASH,
    ROWS_ELSEWHERE,
    Changes,
    DetachedRows,
    ReadOnlyRows,
    Records,
    Rounds,
    Rows,
    RowSource,
    check_rows,
    move,
    packed,
    parts_of,
    unpacked,
)
from sqlearn.engine.sums import BLOCK, UNFIT, Block, Categories, Log, Mixed, Statistic
from sqlearn.errors import FormatError, MergeError


class _Levels(Categories):
    """Categories at the even places of the vocabulary; the odd ones tell that a column's category is missing."""

    def place(self, column):
        return 2 * column


class _Encoded(ReadOnlyRows):
    """The records of a table as an encoder shows them: the source of the rounds over encoded records.

    They are encoded when they are read, so only the table's own are kept.
    """

    why = "These records come and go with those of the table. Nothing was changed: update the table."

    def __init__(self, table: "TableRounds", encoder: Any):
        self.table, self.encoder = table, encoder

    def blocks(self, limit: int) -> Iterator[Records]:
        columns = self.table.columns_of(self.encoder)
        for records in self.table.raw.blocks(limit):
            for part in parts_of(records):
                yield self.table.encoded(self.encoder, columns, part)


class TableRounds(Statistic):
    """The records of a table, what encodes them, and the rounds over encoded records.

    A subclass reads the encoder from the sums.

    Parameters
    ----------
    n_features, n_targets : int
        Numbers and targets of a record.
    n_categorical : int
        Categorical columns.
    rounds : callable
        Makes empty :class:`~sqlearn.engine.rounds.statistic.Rounds` for so many encoded columns.
    seed : int
        Seed of the grids.
    revision : int
        Of what encodes records. What an earlier one has written is evaluated anew.

    Attributes
    ----------
    sums : Mixed
        Exact moments, weights of missing values and of categories.
    raw : RowSource
        The records held as they came, their categories by slot behind their numbers; those of weight 0 excepted.
    changes : Changes
        What was deposited and has not reached the rounds yet, with the slots of the records' classes.
    encoder : Encoder or None
        What encodes them; None where none is held.
    inner : Rounds or None
        Rounds over encoded records.
    obsolete : list of bytes
        What an earlier revision has written of the rounds, if they have not been evaluated anew yet.
    """

    def __init__(
        self,
        n_features: int,
        n_targets: int,
        n_categorical: int,
        rounds: Callable[..., Rounds],
        seed: int,
        revision: int,
    ):
        self.n_features, self.n_targets, self.n_categorical = n_features, n_targets, n_categorical
        self.rounds, self.seed, self.revision = rounds, seed, revision
        self.sums = Mixed(n_features, 0)
        self.sums.categories = _Levels(0, 0)
        self.raw: RowSource = Rows(n_features + n_categorical, np.uint64(seed))
        self.encoder: Any = None
        self.inner: Rounds | None = None
        self.obsolete: list[bytes] = []
        self.changes = Changes()

    @staticmethod
    def cells(n_features, n_targets):
        return Mixed.cells(n_features, 0)

    def projected_size(self, levels):
        return self.cells(self.n_features, self.n_targets) + sum(map(len, levels))

    @property
    def record_counts(self):  # type: ignore[override]
        return self.sums.record_counts

    @property
    def is_wide(self):
        return self.sums.is_wide

    def trim(self):
        self.sums.trim()

    @property
    def _vocabulary(self):
        return self.sums.categories.vocabulary

    @property
    def vocabularies(self):
        return self.sums.vocabularies

    def resize(self, n_slots):
        self.sums.resize(n_slots)
        if self.inner is not None:
            self.inner.resize(len(self.record_counts))

    def encode(self, codes, levels):
        return self.sums.encode(codes, levels)

    # ------------------------------------------------------------------ changing

    def first_missing(self, block):
        counts = np.flatnonzero(block.weights)
        missing = self.raw.missing(block.digests[counts])
        return missing if missing < 0 else int(counts[missing])

    def slots_of(self, j: int, levels: list, missing: bool) -> np.ndarray:
        """What stands for categories of column j, all of which are held, and last for a missing one, int64[n + 1]."""
        slots = self._vocabulary.slots
        return np.array([slots[2 * j, level] for level in levels] + [slots[2 * j + 1, 0] if missing else -1], np.int64)

    def deposit(self, block, sign, log):
        codes = block.codes.copy()
        for j in np.flatnonzero((codes < 0).any(axis=0)).tolist():
            codes[codes[:, j] < 0, j] = self._vocabulary.slot((2 * j + 1, 0))
        self._change(_taken(replace(block, codes=codes), np.flatnonzero(block.weights)), sign, log)

    def _change(self, block: Block, sign: float, log: Log) -> None:
        """Take records of positive weight in or out."""
        x = np.concatenate([block.x, block.codes], axis=1)
        y = block.targets[:, 0].copy() if self.n_targets else block.slots.astype(np.float64)
        self.sums.deposit(block, sign, log)
        records, _ = move(self.raw, x, y, block.weights, block.digests, sign, log)
        self.changes.add(records, block.slots, sign)

    def refresh(self, order, labels, log, check=lambda: None):
        changes = self.changes.taken()
        log.note(partial(self._set, self.encoder, self.inner, self.obsolete))
        if not self.record_counts.any():
            self._set(None, None)
            return
        encoder = self._read_encoder()
        if encoder is None:
            self._set(None, None)
            return
        if self.encoder is not None and self.encoder.key() == encoder.key():
            if self.inner is not None and changes is not None:
                self._set(encoder, self.inner, self.obsolete)  # which tells anew how far sums may move
                self._pass_on(self.inner, changes, log)
                self.inner.refresh(order, labels, log, check)
                return
        inner, fresh = self._rounds_over(encoder), Log(keeps=False)
        for records in inner.rows.blocks(MAX_HASH):
            check()
            inner.take_in(records, self._class_slots(records.y), 1.0, fresh)
        inner.refresh(order, labels, fresh, check)
        self._set(encoder, inner)

    def _set(self, encoder, inner, obsolete=()):
        self.encoder, self.inner, self.obsolete = encoder, inner, [*obsolete]

    def _rounds_over(self, encoder: Any) -> Rounds:
        """Rounds without a trace yet."""
        raise NotImplementedError

    def _begun(self, inner: Rounds, encoder: Any) -> Rounds:
        """Rounds over what an encoder shows of the records."""
        inner.resize(len(self.record_counts))
        inner.rows = _Encoded(self, encoder)
        return inner

    def _class_slots(self, y: np.ndarray) -> np.ndarray:
        return np.zeros(len(y), np.int64) if self.n_targets else y.astype(np.int64)

    def prune(self, temporary=False):
        self.changes.taken()
        self.sums.prune(temporary)
        if not temporary:
            self.raw.compact()
        if self.inner is not None:
            self.inner.prune(temporary)

    def _pass_on(self, inner: Rounds, changes: list, log: Log) -> None:
        """Tell the rounds what has come and gone."""
        assert self.encoder is not None
        columns = self.columns_of(self.encoder)
        for records, slots, sign in changes:
            inner.take_in(self.encoded(self.encoder, columns, records), slots, sign, log)

    # ------------------------------------------------------------------ encoding

    def _held_labels(self) -> list:
        """The levels that records have, sorted: those whose last record has just gone are still in the vocabulary."""
        slots, counts = self._vocabulary.slots, self.sums.categories.category_counts
        return [label for label in self._vocabulary.labels() if slots[label] < len(counts) and counts[slots[label]]]

    def _read_encoder(self) -> Any:
        """What encodes the records held; None where nothing does, and there are no rounds."""
        raise NotImplementedError

    def columns_of(self, encoder: Any) -> np.ndarray:
        """What stands for the level of each slot where records are encoded, int64[capacity], -1 for those of none."""
        raise NotImplementedError

    def encoded(self, encoder: Any, columns: np.ndarray, records: Records) -> Records:
        """Records for whose categories' slots these stand."""
        raise NotImplementedError

    def _block(self, raw: Rows, places) -> Block:
        """Records held, as they came."""
        d = self.n_features
        y = raw.y[places]
        slots = self._class_slots(y)
        targets = y[:, None] if self.n_targets else np.zeros((len(y), 0))
        digests = np.zeros((len(y), 6), np.uint64)
        digests[:, :2] = raw.digests[places]
        codes = np.ascontiguousarray(raw.x[places, d:]).astype(np.int64)
        return Block(np.ascontiguousarray(raw.x[places, :d]), codes, slots, targets, raw.w[places], digests)

    # ------------------------------------------------------------------ whole states

    def add(self, other, other_slots, slots):
        """Take in the records of `other`; the rounds follow at :meth:`refresh`."""
        codes = np.full(max(1, other._vocabulary.capacity), -1, np.int64)
        for label, slot in other._vocabulary.slots.items():
            codes[slot] = self._vocabulary.slot(label)
        table = np.zeros(len(other.record_counts), np.int64)
        table[other_slots] = slots
        raw = other.raw
        if not isinstance(raw, Rows):
            raise MergeError(ROWS_ELSEWHERE, reason="rows elsewhere")
        places = raw.places()
        for start in range(0, len(places), BLOCK):
            block = other._block(raw, places[start : start + BLOCK])
            self._change(replace(block, codes=codes[block.codes], slots=table[block.slots]), 1.0, Log(keeps=False))

    def _empty(self) -> Self:
        """A statistic of the same kind without records."""
        raise NotImplementedError

    def copy(self):
        copied = self._empty()
        copied.sums, copied.raw, copied.encoder = self.sums.copy(), self.raw.copy(), self.encoder
        copied.obsolete = self.obsolete
        if self.inner is not None and self.encoder is not None:
            copied.inner = self.inner.copy()
            copied.inner.rows = _Encoded(copied, self.encoder)
        return copied

    def canonical(self, slots):
        inner = self.obsolete if self.inner is None else [*self._revised, *self.inner.canonical(slots)]
        return [*self.sums.canonical(slots), *inner]

    @property
    def _revised(self) -> list[bytes]:
        """What tells rounds of this revision from those of earlier ones."""
        return [b"revision %d" % self.revision] if self.revision > 1 else []

    def restore(self, parts):
        self.sums.restore(parts[:8])
        n, rest = len(self._revised), parts[8:]
        if rest and rest[:n] != self._revised:
            self.obsolete = rest
        elif rest:
            self.encoder = self._read_encoder()
            if self.encoder is None:
                raise FormatError(UNFIT)
            self.inner = self._rounds_over(self.encoder)
            self.inner.restore(rest[n:])

    def canonical_rows(self, slots):
        """The records held, sorted by digest, with classes in the order of `slots` and categories in sorted order."""
        raw = self.raw
        if not isinstance(raw, Rows):
            return None
        classes = np.zeros(1 + max(slots, default=0))
        classes[slots] = np.arange(len(slots))
        places = np.zeros(self._vocabulary.capacity)
        places[self._vocabulary.sorted_slots()] = np.arange(len(self._vocabulary))
        order = raw.by_digest()
        block = self._block(raw, order)
        y = raw.y[order] if self.n_targets else classes[block.slots]
        return packed(np.concatenate([block.x, places[block.codes]], axis=1), y, raw.w[order], raw.digests[order])

    def restore_rows(self, data):
        self.raw, n = unpacked(data, self.n_features + self.n_categorical, np.uint64(self.seed))
        return n

    def leave_rows(self):
        self.raw = DetachedRows()
        return True

    def solution_elsewhere(self, order, labels, version):
        held = isinstance(self.raw, Rows)
        return None if held or self.inner is None else self.inner.solution_elsewhere(order, labels, version)

    def restore_solution(self, solution):
        if self.inner is not None:
            self.inner.restore_solution(solution)
        elif not self.obsolete:
            raise FormatError(UNFIT)

    def drop_obsolete(self, labels):
        if self.inner is None:
            return bool(self.obsolete)
        is_old = self.inner.drop_obsolete(labels)
        if isinstance(self.raw, Rows):
            self.inner.solution = None
        return is_old

    def read_from(self, raw: RowSource) -> None:
        """Take the records from another source from here on."""
        self.raw = raw
        if self.inner is not None:
            self.inner.solution = None

    def check_form(self, labels):
        self.sums.check_form(labels)
        if isinstance(self.raw, Rows):
            check_rows(self.raw, 0 if self.n_targets else max(1, len(labels)), np.inf)
            codes = self.raw.x[: self.raw.end, self.n_features :]
            if not np.isin(codes, np.arange(self._vocabulary.capacity)).all():
                raise FormatError(UNFIT)
        if self.inner is not None:
            self.inner.check_form(labels)
            if len(self.inner.record_counts) != len(self.record_counts):
                raise FormatError(UNFIT)


def _taken(block: Block, index) -> Block:
    if len(index) == len(block):
        return block
    return replace(block, **{field.name: getattr(block, field.name)[index] for field in fields(block)})
