"""A part of a set: a store whose changes are begun, looked at, and then committed or undone with those of others."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sqlearn.distributed.store_set.whole import Noted, NotedRows, records_of
from sqlearn.storage.changes import Taken
from sqlearn.storage.conditions import Condition, Seen
from sqlearn.storage.file import Database, Receipt, check_chain, damaged
from sqlearn.storage.records import Copies, in_order, looking, seed_of
from sqlearn.storage.table import Block, Category, Columns, Place, PlacedColumns, located
from sqlearn.storage.upkeep import ErasureReport, Suppressed, held_by
from sqlearn.store import Store

_TABLE = "set_changes"
_CHANGED = 4  # times as many pages may be in memory before a commit; then SQLite writes them, and nobody reads
_MOVED = "moved"  # a counter: how often all rows were given new places
_T = TypeVar("_T")


@dataclass(frozen=True)
class Form:
    """What the parts of a set have in common.

    Attributes
    ----------
    columns : Columns
        What rows hold.
    textual : bool
        Whether ids are text.
    key : bytes
        Key of hashes and checksums, so that a row's id has one hash wherever it lies.
    suppress : bool
        Whether ids that were forgotten are refused.
    asks : bool
        Whether the model of all rows asks them in rounds.
    """

    columns: Columns
    textual: bool
    key: bytes
    suppress: bool
    asks: bool


class Part(Store):
    """A store of a set. All calls come from one thread; those that change something stand between
    :meth:`begin` and :meth:`commit` or :meth:`undo`.
    """

    _is_open = False  # whether a change has begun
    _source: NotedRows | None
    _before = b""  # what tells the records before the change that has begun

    # ------------------------------------------------------------------ making and opening

    @classmethod
    def make(
        cls, path: Path, form: Form, of: str, number: int, model: Any, *, timeout: float, cache: int,
        signing_key: bytes | str | None, start: str,
    ) -> "Part":  # fmt: skip
        """A new part, without any row, in a change that has begun. Its first receipt follows `start`."""
        database = Database.create(path, timeout, of_set=True, cache=cache)
        try:
            part = cls(database, form.columns, form.textual, form.key, form.asks, form.suppress, signing_key)
            part._receipts.start = start
            part._begin()
            part._lay_out_of_set({"set": of, "part": str(number)})
            part._model = model
            if form.asks:
                part._attach()
            return part
        except BaseException:
            database.discard()
            raise

    @classmethod
    def of_set(
        cls, path: Path, of: str, number: int, *, timeout: float, cache: int, signing_key: bytes | str | None
    ) -> "Part":  # fmt: skip
        """The part in a file, which must be the part of this set that its name says."""
        database = Database.open(path, timeout, of_set=True, cache=cache, changed=_CHANGED * cache)
        return cls._of(database, signing_key, set=of, part=str(number))

    @property
    def form(self) -> Form:
        """What it has in common with the others."""
        return Form(self._columns, self._ids.textual, self._key, self._suppression is not None, self._rows.hashed)

    def _lay_out_of_set(self, settings: dict[str, str]) -> None:
        self._database.execute(
            f"CREATE TABLE {_TABLE} (receipt INTEGER PRIMARY KEY, change INTEGER NOT NULL, parts INTEGER NOT NULL)"
        )
        self._lay_out(**settings)
        self._database.counters[_MOVED] = 0

    def discard(self) -> None:
        """Undo what has begun, and delete the file."""
        self.undo()
        self._database.discard()

    # ------------------------------------------------------------------ changes

    def _begin(self) -> None:
        self._database.begin()
        self._is_open = True
        self._changes += 1
        self._taken, self._slots = Taken(), list[np.ndarray]()

    def begin(self, *, signed: bool = True) -> None:
        """Begin a change. Nobody else sees it before it is committed."""
        self._begin()
        try:
            self._refresh()
            if signed:
                self._receipts.check_key()
            if self._source is not None:
                self._source.forget_noted()
                self._before = records_of([self._model])
        except BaseException:
            self.undo()
            raise

    def commit(self) -> None:
        """Make what has changed last; it is on the disk when this returns. Where it cannot be, nothing has changed."""
        if self._is_open:
            self._is_open = False
            self._database.commit()

    def undo(self) -> None:
        """Let nothing have changed."""
        if self._is_open:
            self._is_open = False
            self._database.undo()

    def _attach(self) -> NotedRows:
        copies = Copies(self._database, self._key, seed_of(self._model))
        self._source = NotedRows(self._columns, self._rows, copies, self._model)
        return self._source

    def errors(self) -> AbstractContextManager[None]:
        """Context of what is done in a change: SQLite's errors as ours, which name this part."""
        return self._database.translated()

    @contextmanager
    def _within(self) -> Iterator[None]:
        """What is read as it is in the change that has begun, or else in the file."""
        if self._is_open:
            yield
        else:
            with self._reading():
                yield

    def take(self, block: Block, ids: Any, place: Place, check: Callable[[], None]) -> None:
        """Learn rows, and keep them; `place` tells where they stood."""
        with located(PlacedColumns({}, place), 0):
            keys = self._learn_block(block, ids)
        check()
        self._taken.begin(place, 0)
        self._slots.append(self._keep_block(block, keys, self._taken, check))
        if not self._ids.index.waits:  # all ids so far are known to be new
            self._taken = Taken()

    def took(self, next_id: int) -> np.ndarray:
        """After the last rows: where they all lie, int64[n]. No running number below `next_id` is given any more."""
        self._refuse_duplicate(self._ids.flush(), self._taken)
        self._ids.advance(next_id)
        return np.concatenate([np.zeros(0, np.int64), *self._slots])

    def forget_rows(
        self, slots: np.ndarray, named: list[Any] | None, check: Callable[[], None], *, for_good: bool = True
    ) -> None:
        """Take rows out of the model, by their places, and erase them."""
        self._forget_rows(*in_order(slots, named), check, for_good=for_good)

    def with_another(
        self, slots: np.ndarray, named: list[Any] | None, target: dict[str, Any]
    ) -> tuple[np.ndarray, list[Any] | None]:
        """Which of these rows have another target."""
        with self._within():
            return self._with_another(target, *in_order(slots, named))

    def relabel_rows(
        self, slots: np.ndarray, named: list[Any] | None, target: dict[str, Any], check: Callable[[], None]
    ) -> None:
        """Give rows another target."""
        self._relabel_rows(slots, named, target, check)

    def suppress(self, hashes: np.ndarray) -> None:
        """Refuse ids with these hashes from now on."""
        self._suppressing().add(hashes)

    def forget_listed(self, hashes: np.ndarray, check: Callable[[], None]) -> int:
        """Forget the rows whose ids have these hashes, and refuse all these ids. Returns how many rows there were."""
        slots = self._ids.index.find(hashes)
        slots = slots[slots > 0]
        self.forget_rows(slots, None, check)
        self.suppress(hashes)
        return len(slots)

    def lift_hashes(self, hashes: np.ndarray) -> None:
        """Allow ids with these hashes, which are refused, to be learned again."""
        self._suppressing().index.remove(hashes)

    def are_suppressed(self, hashes: np.ndarray) -> np.ndarray:
        """Whether ids with these hashes are refused, bool[n]."""
        with self._within():
            return self._suppressing().index.find(hashes) > 0

    def shrink(self) -> None:
        """Give the space of forgotten rows back."""
        self._compact()
        self._database.counters[_MOVED] += 1

    def conclude(self, kind: str, count: int, check: Callable[[], None], change: int = 0, n_parts: int = 1) -> Receipt:
        """Write the model, and a receipt; and in a change of several parts, which one it was, and of how many."""
        receipt = self._conclude(kind, count, check)
        if change:
            self._database.execute(f"INSERT INTO {_TABLE} VALUES (?, ?, ?)", (receipt.number, change, n_parts))
        return receipt

    def before(self, receipt: Receipt) -> bytes:
        """What names the state in which a change began: the receipt that its own follows, and how often rows moved."""
        return bytes.fromhex(receipt.previous) + self._database.counters[_MOVED].to_bytes(8, "little")

    # ------------------------------------------------------------------ what there is

    @property
    def fingerprint(self) -> tuple[int, int]:
        """Differs from earlier ones if anything may have changed since they were asked for."""
        return self._database.generation, self._changes

    def made(self, change: int, before: bytes) -> bool:
        """Whether a change was committed here, and was not taken back.

        Raises
        ------
        StoreCorruptError
            When it was not, and the state is not the one in which the change began.
        """
        with self._within():
            asked = f"SELECT change FROM {_TABLE} WHERE change IN (?, ?)"
            found = [found for (found,) in self._database.execute(asked, (change, -change))]
            last = self._receipts.last()
            if not found and (last is None or self.before(replace(last, previous=last.digest)) != before):
                raise damaged(
                    self.path,
                    "it is older or newer than the rest of its set, which waits for it to finish a change: it was put "
                    "back from a backup alone. Nothing was changed: put back the whole folder",
                )
            return found == [change]

    def changes(self) -> tuple[list[Receipt], dict[int, tuple[int, int]]]:
        """All receipts, and by the numbers of some of them the changes of several parts that they are of, and of how
        many."""
        with self._within():
            rows = self._database.execute(f"SELECT receipt, change, parts FROM {_TABLE}").fetchall()
            return self._receipts.all(), {receipt: (change, parts) for receipt, change, parts in rows}

    def chain(self, kept: list[Receipt], signing_key: bytes | str | None, start: str) -> Any:
        """Check the receipts."""
        with self._within():
            return check_chain(self._receipts.all(), self._saved.digest, kept, signing_key, start)

    def snapshot(self) -> tuple[tuple[int, int], Any]:
        """The fingerprint, and the model: to be copied before the next change."""
        with self._within():
            return self.fingerprint, self._model

    def changed(self) -> tuple[Any, bytes, list[Noted] | None]:
        """The model; what tells the records before the change that has begun, and the rows that have come and gone."""
        with self._within():
            if not self._is_open or self._source is None:
                return self._model, records_of([self._model]), []
            return self._model, self._before, self._source.noted

    def accounts_for(self, found_as: dict[Any, Any]) -> dict[Any, int]:
        """How many rows account for each of these values, which were found in another file of the set."""
        with self._within():
            return held_by(self._rows, self._ids, (), lambda _: (), found_as)

    def state_digest(self) -> str:
        """Digest of the model's state."""
        with self._within():
            return self._saved.digest

    def source(self, ask: Callable[[NotedRows], _T]) -> _T:
        """Ask something of the rows, as the source of an adaptive learner."""
        with self._within():
            if self._source is None:
                raise damaged(self.path, "its rows have no hashes, which those of the other parts have")
            return ask(self._source)

    def count(self) -> int:
        """Number of rows."""
        with self._within():
            return len(self._rows)

    def next_id(self) -> int:
        """The running number that comes next, as far as this part knows."""
        with self._within():
            return self._ids.next

    def places_of(self, hashes: np.ndarray) -> np.ndarray:
        """Places of the rows whose ids have these hashes, int64[n]; 0 where there is none."""
        with self._within():
            return self._ids.index.find(hashes)

    def condition(self, where: str) -> Condition:
        """A condition on rows."""
        return self._selection.condition(where)

    def matching(self, where: str, look: Callable[[int], None], seen: Seen) -> np.ndarray:
        """Places of the rows that fulfil a condition, which is to be settled with what was `seen`."""
        with self._within():
            return self._selection.matching(where, look, seen)

    def ids_of(self, slots: np.ndarray | None) -> list[Any]:
        """Ids of rows by place; of all rows for None."""
        with self._within():
            return self._ids_at(None if slots is None else {0: (slots, None)})

    def rows_at(self, slots: np.ndarray | None) -> Any:
        """Rows by place, as models take them; all rows for None."""
        with self._within():
            return self._rows_at(None if slots is None else {0: (slots, None)})

    def target_of(self, slot: int) -> dict[str, Any]:
        """The target of a row by place, as :meth:`relabel_rows` takes it."""
        with self._within():
            block = self._rows.block(self._rows.read(np.array([slot])), self._columns.named("target"))
            return {
                name: column.values()[0] if isinstance(column, Category) else column[0]
                for name, column in block.items()
            }

    def blocks(self) -> Iterator[tuple[Block, Any]]:
        """All rows and their ids, block by block, within a change that has begun."""
        for _, cells in self._rows.scan():
            ids = self._ids.of_cells(cells[:, -1])
            yield self._rows.block(cells), ids if self._ids.textual else np.array(ids, np.int64)

    def hashes_held(self) -> np.ndarray:
        """Hashes of the ids of all rows, uint64[n, 2]."""
        with self._within():
            index = self._ids.index
            return index.hashes_of(np.concatenate([np.zeros((0, 2), np.uint64), *index.entries()]))

    def hashes_suppressed(self) -> np.ndarray:
        """Hashes of the ids that are refused, uint64[n, 2]."""
        return self.suppressed_here().array()

    def suppressed_here(self) -> Suppressed:
        """The ids that are refused."""
        with self._within():
            return self._suppressing().all()

    def hashes_in(self, suppressed: Any) -> np.ndarray:
        """Hashes in a list of suppressed ids, which must be of a copy of this set, uint64[n, 2]."""
        with self._within():
            return self._suppressing().of(suppressed)

    def searched(self, wanted: set[Any], texts: set[str]) -> ErasureReport:
        """Search the file for values, and for the words of texts."""
        with self._within():
            return self._searched(wanted, texts)

    def refitted(self, look: Callable[[int], None]) -> tuple[Any, Any, bool, str]:
        """Read the whole file: model, refit, whether keyed hashes agree, digest on file."""
        with self._within():
            return self._refitted(looking(look))
