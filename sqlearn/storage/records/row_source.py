"""The rows in the file as a source of rows for a learner that asks them in rounds: it keeps none in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model import Learner
from sqlearn.engine.rounds import (
    LARGEST,
    MAX_HASH,
    Changes,
    DetachedRows,
    KeptRecords,
    Records,
    Rounds,
)
from sqlearn.engine.tables import KeptTable, TableForm, TableRounds, numbers_of
from sqlearn.errors import StoreCorruptError
from sqlearn.storage.file import damaged
from sqlearn.storage.records.copies import Count
from sqlearn.storage.records.rows import Rows
from sqlearn.storage.table import Block, Category, Columns, arguments, category_of, images_of, length

_REMEMBERED = 1 << 17  # changed rows that are kept in memory to be told to the rounds one by one


class RowsOnFile:
    """A :class:`~sqlearn.engine.rounds.row_source.RowSource` that keeps no rows: they lie on file, where they have been
    read or written before a learner is told of them. So places mean nothing, and nothing is to be reserved."""

    def reserve(self, extra: int) -> None:
        pass

    def missing(self, digests: np.ndarray) -> int:
        return -1  # what is forgotten has been read from the file

    def vacant(self, places: np.ndarray) -> None:
        places[:] = 0

    def make_ready(self, digests: np.ndarray) -> None:
        pass

    def compact(self) -> None:
        pass

    def copy(self) -> DetachedRows:
        return DetachedRows()


class StoredRows(RowsOnFile):
    """The rows of a store.

    The learner is told of changes before the rows are changed, and asks when all of them have been: see
    :class:`~sqlearn.storage.records.copies.Copies`.

    Parameters
    ----------
    columns : Columns
        What rows hold.
    rows : Rows
        The rows.
    copies : Copies or Count
        Which copy of its record each row is.
    model : estimator
        A learner that asks in rounds. Its state waits with asking, until it is told to catch up.
    """

    def __init__(self, columns: Columns, rows: Rows, copies: Any, model: Learner) -> None:
        self._columns, self._rows, self.copies = columns, rows, copies
        self._state = state = model.state
        self._come, self._gone = _Told(), _Told()
        self._numbered: set[str] = set()  # categories that the model takes as numbers
        statistic: Any = state.statistic
        self._statistic, self._model = statistic, model
        self._is_mapped = isinstance(state.params.get("transformer"), FixedMap)  # what is learned are images of rows
        self._takes_missing, self._largest = True, LARGEST
        self._numbers: list[str] = columns.named("feature")
        self._categories: list[str] = []
        if isinstance(statistic, TableRounds):
            state.ledger = None  # the rows on file are the ledger
        else:
            assert isinstance(statistic, KeptRecords)
            self._takes_missing, self._largest = statistic.takes_missing, statistic.largest
        if isinstance(statistic, TableRounds | KeptTable) and not self._is_mapped:
            self._numbers, self._categories = _columns_of(state, columns.named("feature"))
        elif not self._is_mapped:
            self._numbered = {self._numbers[j] for j in statistic.categorical}
        statistic.read_from(self)
        if isinstance(statistic, Rounds | TableRounds):
            statistic.changes = Changes(_REMEMBERED)
        state.deferred = True

    def renew(self) -> None:
        """Bring a model that an earlier version has written up to date."""
        if self._statistic.drop_obsolete(self._state.occupied()[1]):
            self.catch_up(lambda: None)

    def flush(self) -> None:
        """Write what waits to be written."""
        self.copies.flush()

    def catch_up(self, check: Callable[[], object]) -> None:
        """Let the learner ask what it must, now that the rows are those that it was told of."""
        self.flush()
        self._state.catch_up(check)
        self._state.deferred = True

    # ------------------------------------------------------------------ for the learner

    def put(
        self, places: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, hashes: np.ndarray
    ) -> None:
        hashes[:] = self._told(self._come, digests, self.copies.coming(digests))

    def remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray) -> None:
        hashes[:] = self._told(self._gone, digests, self.copies.going(digests))

    def _told(self, told: "_Told", digests: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        told.add(digests, numbers)
        return self.copies.hashes(digests, numbers)

    def blocks(self, limit: int) -> Iterator[Records]:
        for cells, hashes in self._scan():
            weights = self._weights(self._rows.block(cells, self._columns.named("weight")), len(cells))
            chosen = weights > 0  # the labels and categories of others may be gone
            if limit < MAX_HASH:
                chosen &= hashes <= np.uint64(limit)
            if not chosen.all():
                cells, hashes, weights = cells[chosen], hashes[chosen], weights[chosen]
            if len(cells):
                block = self._rows.block(cells)
                try:
                    x, y = self._features(block), self._targets(block, len(weights))
                except KeyError as error:
                    raise self._damaged(repr(error.args[0])) from error
                values = x.data if sp.issparse(x) else x
                gaps = not self._takes_missing and np.isnan(values).any()
                if gaps or np.isnan(y).any() or (np.abs(values) > self._largest).any():
                    raise self._damaged("a value")
                yield Records(x, y, weights, hashes)

    def _damaged(self, what: str) -> StoreCorruptError:
        return damaged(None, f"a row has {what} that its model cannot have learned")

    def _scan(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Packed rows and their keyed hashes, block by block."""
        for _, cells in self._rows.scan():
            yield cells, cells[:, -2]

    def _features(self, block: Block) -> Any:
        """Numbers, and the slots of categories behind them, float64[n, d]; or images of rows, which may be sparse."""
        if self._is_mapped:
            X = arguments(self._model, self._columns, block, features_only=True)["X"]
            return images_of(self._model, X, sparse=self._statistic.takes_sparse)
        columns: list[Any] = [self._number(block, name) for name in self._numbers]
        for j, name in enumerate(self._categories):
            values = _as_category(block[name])
            slots = self._statistic.slots_of(j, values.levels, bool((values.codes < 0).any()))
            columns.append(slots[values.codes].astype(np.float64))
        return np.column_stack(columns) if columns else np.zeros((length(next(iter(block.values()))), 0))

    def _number(self, block: Block, name: str) -> np.ndarray:
        if name not in self._numbered:
            return _as_number(block[name])
        values = _as_category(block[name])
        return numbers_of(values.levels)[values.codes]

    def _targets(self, block: Block, n: int) -> np.ndarray:
        """Targets, or the slots of labels, float64[n]."""
        if self._state.vocabulary is None:
            targets: list[Any] = [block[name] for name in self._columns.named("target")]
            return targets[0] if targets else np.zeros(n)
        (labels,) = (_as_category(block[name]) for name in self._columns.named("target"))
        slots = self._state.vocabulary.slots
        return np.array([*(slots[label] for label in labels.levels), np.nan])[labels.codes]

    def _weights(self, block: Block, n: int) -> np.ndarray:
        weights: list[Any] = [block[name] for name in self._columns.named("weight")]
        return weights[0] if weights else np.ones(n)

    # ------------------------------------------------------------------ for the store

    def hashes(self, block: Block) -> np.ndarray:
        """Keyed hashes of the rows that the learner has just learned, uint64[n]; 0 for those it does not keep."""
        kept = self._kept(block, length(next(iter(block.values()))))
        hashes = np.zeros(len(kept), np.uint64)
        hashes[kept] = self.copies.hashes(*self._come.all)
        return hashes

    def place(self, block: Block, slots: np.ndarray) -> None:
        """Note where these rows lie."""
        self.copies.place(*self._come.all, slots[self._kept(block, len(slots))])
        self._come = _Told()

    def strike(self, block: Block, hashes: np.ndarray) -> None:
        """Note that the learner has just forgotten rows that had these keyed hashes."""
        moved = self.copies.strike(*self._gone.all, hashes[self._kept(block, len(hashes))])
        self._rows.rehash(*moved)
        self._gone = _Told()

    def _kept(self, block: Block, n: int) -> np.ndarray:
        """Which rows the learner keeps, bool[n]."""
        return np.ones(n, bool) if self._statistic.keeps_records else self._weights(block, n) > 0


class Recount(StoredRows):
    """The rows of a store for a model that learns them anew, in the order of the file, so copies are counted anew."""

    def __init__(self, columns: Columns, rows: Rows, model: Learner) -> None:
        super().__init__(columns, rows, Count(seed_of(model)), model)

    def _scan(self):
        counted, start = self.copies.hashes(*self._come.all), 0
        for _, cells in self._rows.scan():
            kept = self._kept(self._rows.block(cells, self._columns.named("weight")), len(cells))
            hashes, stop = np.zeros(len(cells), np.uint64), start + int(np.count_nonzero(kept))
            hashes[kept] = counted[start:stop]
            start = stop
            yield cells, hashes

    def agrees(self) -> bool:
        """Whether the rows on file have the keyed hashes that were counted."""
        none = np.zeros(0, np.uint64)
        counted, found = (
            np.sort(np.concatenate([none, *(hashes for _, hashes in scan)]))
            for scan in (self._scan(), StoredRows._scan(self))
        )
        return bool((counted == found).all())


def seed_of(model: Learner) -> np.uint64:
    """Seed of the keyed hashes of a model's records."""
    statistic: Any = model.state.statistic
    return np.uint64(statistic.seed)


class _Told:
    """Names and numbers of copies that came or went in the call that is under way."""

    def __init__(self) -> None:
        self._digests, self._numbers = [np.zeros((0, 2), np.uint64)], [np.zeros(0, np.int64)]

    def add(self, digests: np.ndarray, numbers: np.ndarray) -> None:
        self._digests.append(digests[:, :2].copy())
        self._numbers.append(numbers)

    @property
    def all(self) -> tuple[np.ndarray, np.ndarray]:
        return np.concatenate(self._digests), np.concatenate(self._numbers)


def _as_number(values) -> np.ndarray:
    """A column of categories (booleans, say) that its model takes for numbers, as such."""
    if isinstance(values, Category):
        return np.array([*values.levels, np.nan], np.float64)[values.codes]
    return values


def _as_category(values) -> Category:
    """A column of numbers that its model takes for categories, as such."""
    return values if isinstance(values, Category) else category_of(values)


def _columns_of(state: Any, features: list[str]) -> tuple[list[str], list[str]]:
    """The columns of numbers, and of categories, as a table's learner keeps them."""
    if isinstance(state.statistic, KeptTable):
        form = TableForm.of(state.layout)
        names = [name for name, kind in zip(features, form.kinds, strict=True) if kind != "drop"]
        pairs = list(zip(names, form.is_categorical.tolist(), strict=True))
        return [name for name, is_one in pairs if not is_one], [name for name, is_one in pairs if is_one]
    plan = state.params.get("plan")
    if plan is None:
        kinds = state.params["columns"].items()
        numbers, categories = ([name for name, kind in kinds if kind == wanted] for wanted in ("number", "category"))
        return numbers, categories
    numbers, categories = ([features[place] for place in places] for places in plan.model(state).taken())
    return numbers, categories
