"""Tables for learners that ask their records in rounds: an encoder on a grid, and rounds over encoded records.

Means and scales move with every record, and records that were asked as they were encoded then would have to be asked
again. So they are rounded to a seeded grid, as the parameters of the rounds are: nearly always the encoder is the same
after an update, and a record is a record more or less in the rounds. When it is another one, because a mean left its
cell or a category came or went, all records are encoded and asked anew. Either way the state is that of a refit.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial

import numpy as np

from sqlearn.engine.rounds import BLOCK, Rounds
from sqlearn.engine.rows import Rows
from sqlearn.engine.standard import dithers
from sqlearn.engine.statistics import Block, Categories, Mixed, Statistic
from sqlearn.engine.table_encoder import Affine, TableEncoder, encoder_of, exact_value
from sqlearn.engine.transaction import apply_all

__all__ = ["TableRounds"]


class _Levels(Categories):
    """Categories at the even places of the vocabulary; the odd ones tell that a column's category is missing."""

    def place(self, column):
        return 2 * column


class TableRounds(Statistic):
    """The records of a table, what encodes them, and the rounds over encoded records.

    Parameters
    ----------
    n_features, n_targets : int
        Numbers and targets of a record.
    n_categorical : int
        Categorical columns.
    rounds : callable
        Makes empty :class:`~sqlearn.engine.rounds.Rounds` for so many encoded columns.
    standardize, add_indicator : bool
        See :class:`sqlearn.compose.TableModel`.
    seed : int
        Seed of the grids.

    Attributes
    ----------
    sums : Mixed
        Exact moments, weights of missing values and of categories.
    raw : Rows
        The records held as they came, their categories by slot; those of weight 0 excepted.
    encoder : TableEncoder or None
        What encodes them; None where none is held.
    inner : Rounds or None
        Rounds over encoded records.
    """

    def __init__(
        self,
        n_features: int,
        n_targets: int,
        n_categorical: int,
        rounds: Callable[[int], Rounds],
        *,
        standardize: bool,
        add_indicator: bool,
        seed: int,
    ):
        self.n_features, self.n_targets, self.n_categorical = n_features, n_targets, n_categorical
        self.rounds, self.standardize, self.add_indicator, self.seed = rounds, standardize, add_indicator, seed
        self.sums = Mixed(n_features, 0)
        self.sums.categories = _Levels(0, 0)
        self.raw = Rows(n_features + n_categorical, np.uint64(seed))
        self.encoder: TableEncoder | None = None
        self.inner: Rounds | None = None
        self._changes: list[tuple[Block, float]] = []
        self._before: tuple = ()

    @staticmethod
    def cells(n_features, n_targets):
        return Mixed.cells(n_features, 0)

    def foreseen(self, levels):
        return self.cells(self.n_features, self.n_targets) + sum(map(len, levels))

    @property
    def held(self):  # type: ignore[override]
        return self.sums.held

    @property
    def is_wide(self):
        return self.sums.is_wide

    def narrow(self):
        self.sums.narrow()

    @property
    def _vocabulary(self):
        return self.sums.categories.vocabulary

    def resize(self, rows):
        self.sums.resize(rows)
        if self.inner is not None:
            self.inner.resize(len(self.held))

    def encode(self, codes, levels):
        return self.sums.encode(codes, levels)

    # ------------------------------------------------------------------ changing

    def first_missing(self, block):
        counts = np.flatnonzero(block.weights)
        missing = self.raw.missing(block.names[counts])
        return missing if missing < 0 else int(counts[missing])

    def deposit(self, block, sign):
        codes = block.codes.copy()
        for j in np.flatnonzero((codes < 0).any(axis=0)).tolist():
            codes[codes[:, j] < 0, j] = self._vocabulary.slot((2 * j + 1, 0))
        self._change(_taken(replace(block, codes=codes), np.flatnonzero(block.weights)), sign)

    def _change(self, block: Block, sign: float) -> None:
        """Take records of positive weight in or out."""
        n = len(block)
        places, hashes = self.raw.vacant(n) if sign > 0 else np.empty(n, np.int64), np.empty(n, np.uint64)
        x = np.concatenate([block.x, block.codes], axis=1)
        y = block.targets[:, 0] if self.n_targets else block.rows.astype(np.float64)
        self.sums.deposit(block, sign)
        # from here on nothing asks for memory, so nothing fails
        if sign > 0:
            self.raw.put(places, x, y, block.weights, block.names, hashes)
        else:
            self.raw.remove(places, block.names, hashes)
        self._changes.append((block, sign))

    def settle(self, order, labels, check=lambda: None):
        changes, self._changes = self._changes, []
        self._before = self.encoder, self.inner, changes
        if not self.held.any():
            self.encoder, self.inner = None, None
            return
        encoder = self._read_encoder()
        if self.inner is not None and self.encoder is not None and self.encoder.key() == encoder.key():
            self._pass_on(self.inner, changes, 1.0)
            try:
                self.inner.settle(order, labels, check)
            except BaseException:
                self._pass_on(self.inner, changes, -1.0)
                self.inner.release()
                raise
            return
        inner = self.rounds(encoder.n_columns)
        inner.resize(len(self.held))
        columns = self._columns(encoder)
        places = self.raw.places()
        for start in range(0, len(places), BLOCK):
            check()
            inner.deposit(self._encoded(encoder, columns, self._block(places[start : start + BLOCK])), 1.0)
        inner.settle(order, labels, check)
        self.encoder, self.inner = encoder, inner

    def unsettle(self):
        encoder, inner, changes = self._before
        if self.inner is not None and inner is self.inner:
            self.inner.unsettle()
            self._pass_on(self.inner, changes, -1.0)
        self.encoder, self.inner = encoder, inner

    def release(self):
        self._before, self._changes = (), []
        self.sums.release()
        self.raw.compact()
        if self.inner is not None:
            self.inner.release()

    def _pass_on(self, inner: Rounds, changes: list, sign: float) -> None:
        """Tell the rounds what has come and gone, all or nothing."""
        assert self.encoder is not None
        columns = self._columns(self.encoder)
        steps = [(self._encoded(self.encoder, columns, block), direction) for block, direction in changes]
        ordered = steps if sign > 0 else steps[::-1]

        def step(sign, block, direction):
            inner.deposit(block, direction * sign)

        apply_all([partial(step, block=block, direction=direction) for block, direction in ordered], sign)

    # ------------------------------------------------------------------ encoding

    def _read_encoder(self) -> TableEncoder:
        d = self.n_features
        (own,), low = self.sums.moments.digits(None)
        (unknown,), unknown_low = self.sums.missing.digits(None)
        values = [exact_value(digits, low) for digits in own]
        absent = {i: exact_value(digits, unknown_low) for i, digits in enumerate(unknown[1:]) if digits.any()}
        slots, carried = self._vocabulary.slots, self.sums.categories.carried
        # those whose last record has just gone are still there
        held = [label for label in self._vocabulary.labels() if slots[label] < len(carried) and carried[slots[label]]]
        labels = [(d + place, level) for place, level in held]
        offsets = iter(np.split(dithers(4 * d, self.seed), 2))

        def affine(means, variances):
            return Affine.on_grid(means, variances, self.standardize, next(offsets))

        moments = list(zip(values[1 : 1 + d], values[1 + d :], strict=True))
        return encoder_of(values[0], absent, moments, labels, self.n_categorical, self.add_indicator, affine)

    def _columns(self, encoder: TableEncoder) -> np.ndarray:
        """The encoded column of each slot, int64[capacity], -1 for those of no record."""
        columns, places = np.full(self._vocabulary.capacity, -1, np.int64), encoder.places()
        for label, slot in self._vocabulary.slots.items():
            columns[slot] = places.get(label, -1)
        return columns

    def _encoded(self, encoder: TableEncoder, columns: np.ndarray, block: Block) -> Block:
        return replace(block, x=encoder.fill(block.x, columns[block.codes]), codes=block.codes[:, :0])

    def _block(self, places) -> Block:
        """Records held, as they came."""
        d, raw = self.n_features, self.raw
        y = raw.y[places]
        rows = np.zeros(len(y), np.int64) if self.n_targets else y.astype(np.int64)
        targets = y[:, None] if self.n_targets else np.zeros((len(y), 0))
        names = np.zeros((len(y), 6), np.uint64)
        names[:, :2] = raw.names[places]
        codes = np.ascontiguousarray(raw.x[places, d:]).astype(np.int64)
        return Block(np.ascontiguousarray(raw.x[places, :d]), codes, rows, targets, raw.w[places], names)

    # ------------------------------------------------------------------ whole states

    def add(self, other, other_rows, rows):
        """Take in the records of `other`; the rounds follow at :meth:`settle`."""
        slots = np.full(max(1, other._vocabulary.capacity), -1, np.int64)
        for label, slot in other._vocabulary.slots.items():
            slots[slot] = self._vocabulary.slot(label)
        of_row = np.zeros(len(other.held), np.int64)
        of_row[other_rows] = rows
        places = other.raw.places()
        for start in range(0, len(places), BLOCK):
            block = other._block(places[start : start + BLOCK])
            self._change(replace(block, codes=slots[block.codes], rows=of_row[block.rows]), 1.0)

    def copy(self):
        twin = type(self)(
            self.n_features, self.n_targets, self.n_categorical, self.rounds, standardize=self.standardize,
            add_indicator=self.add_indicator, seed=self.seed,
        )  # fmt: skip
        twin.sums, twin.raw, twin.encoder = self.sums.copy(), self.raw.copy(), self.encoder
        twin.inner = None if self.inner is None else self.inner.copy()
        return twin

    def canonical(self, rows):
        inner = [] if self.inner is None else self.inner.canonical(rows)
        return [*self.sums.canonical(rows), *inner]

    def restore(self, parts):
        self.sums.restore(parts[:8])

    def canonical_rows(self, rows):
        """The records held, sorted by name, with classes in the order of `rows` and categories in sorted order."""
        classes = np.zeros(1 + max(rows, default=0))
        classes[rows] = np.arange(len(rows))
        slots = np.zeros(self._vocabulary.capacity)
        slots[self._vocabulary.rows()] = np.arange(len(self._vocabulary))
        raw = self.raw
        keep = raw.places()
        order = keep[np.lexsort((raw.numbers[keep], raw.names[keep, 1], raw.names[keep, 0]))]
        block = self._block(order)
        y = raw.y[order] if self.n_targets else classes[block.rows]
        arrays = np.concatenate([block.x, slots[block.codes]], axis=1), y, raw.w[order], raw.names[order]
        parts = [a.astype(a.dtype.newbyteorder("<")).tobytes() for a in arrays]
        return b"".join([np.array([len(order)], "<i8").tobytes(), *parts])

    def restore_rows(self, data):
        """Take the records that :meth:`canonical_rows` gave; :meth:`settle` asks them again."""
        n = int(np.frombuffer(data, "<i8", 1)[0])
        width = self.n_features + self.n_categorical
        ends = 8 + 8 * np.cumsum([0, n * width, n, n, 2 * n])
        x, y, w, names = (
            np.frombuffer(data, kind, (stop - start) // 8, start)
            for start, stop, kind in zip(
                ends[:-1].tolist(), ends[1:].tolist(), ("<f8", "<f8", "<f8", "<u8"), strict=True
            )
        )
        names = names.reshape(n, 2)
        self.raw = Rows(width, self.raw.seed)
        self.raw.put(self.raw.vacant(n), x.reshape(n, width), y, w, names, np.empty(n, np.uint64))
        return n


def _taken(block: Block, index) -> Block:
    if len(index) == len(block):
        return block
    return replace(block, **{field.name: getattr(block, field.name)[index] for field in fields(block)})
