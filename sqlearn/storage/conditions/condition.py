"""SQL conditions over a table's columns, evaluated by SQLite in a sandbox.

A condition is parsed (:mod:`~sqlearn.storage.conditions.grammar`), its parts get kinds, and SQLite is given what is
written from them (:mod:`~sqlearn.storage.conditions.meaning`): it never reads the text itself. The sandbox is an SQLite
database in memory with one table: the columns that the condition reads, filled block by block. There is nothing else in
it to read, and an authorizer refuses whatever is no reading of these columns and no call of a listed function.
"""

import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from sqlearn.engine.sums import InterruptsHeld
from sqlearn.errors import ConditionError, shown
from sqlearn.storage.conditions.grammar import parsed, quoted
from sqlearn.storage.conditions.meaning import FUNCTIONS, meaning
from sqlearn.storage.conditions.text_functions import TEXT_FUNCTIONS
from sqlearn.storage.table import NO_DATE, Block, Category, Column, microseconds

_KINDS = {"whole": "number", "category": "any"}  # whole numbers and text are those of ids
_CALLED = {*FUNCTIONS, *TEXT_FUNCTIONS, "remainder"}
_STEPS = 1000  # of SQLite's machine, between two looks for Ctrl-C
_TEXT = 1 << 24  # bytes of text that are in the sandbox at once, or one row
_LIMITS = {
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 1000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_TYPED = "CASE typeof({0}) WHEN 'blob' THEN CAST({0} AS TEXT) ELSE {0} END"  # text that is no Unicode comes as bytes


class Seen(NamedTuple):
    """What columns of categories were seen to hold: numbers, text or both, and what is no date where it should be."""

    kinds: dict[str, set[str]]
    no_dates: dict[str, str]


class Condition:
    """A condition, checked.

    Parameters
    ----------
    text : str
        An expression of the grammar in docs/store.md.
    columns : list of Column
        The columns that it may read; `kind` is "number", "category", "boolean" or "date", or of ids "text" or "whole".

    Attributes
    ----------
    reads : list of str
        Names of the columns that it does read.

    Raises
    ------
    ConditionError
        When it is no such expression, or its parts are not of the kinds that their places take.
    """

    def __init__(self, text: str, columns: list[Column]) -> None:
        self.text = text
        self._tree = parsed(text)
        self._names = [column.name for column in columns]
        self._kinds = {column.name: _KINDS.get(column.kind, column.kind) for column in columns}
        self._meaning = meaning(text, self._tree, self._names, self._kinds)
        self._columns = [columns[number] for number in self._meaning.reads]
        self.reads = [column.name for column in self._columns]
        self._denied: list[str] = []
        self._raised: list[BaseException] = []  # by what SQLite calls, which tells of it only that it raised

    def _refused(self, why: str, what_to_do: str) -> ConditionError:
        return ConditionError(f"The condition {self.text[:200]!r} {why}. Nothing was changed. {what_to_do}")

    def matches(
        self, blocks: Iterable[tuple[np.ndarray, Block]], seen: Seen | None = None
    ) -> Iterator[np.ndarray]:  # fmt: skip
        """The slots of the rows that fulfil the condition, block by block.

        Parameters
        ----------
        blocks : iterable of (slots, block)
            Places, int64[n], and at least the columns that the condition reads.
        seen : Seen, optional
            What is told what the columns hold, where these are not all blocks: :meth:`settle` must follow.

        Raises
        ------
        ConditionError
            After the last block, when a column of categories holds numbers or text where the other is asked for, or
            text that is not a date where it is compared with one by order.
        """
        found, no_dates = told = Seen({}, {}) if seen is None else seen
        found.update({name: set() for name in self.reads if self._kinds[name] == "any"})
        dated = {self._names[number]: date for number, date in self._meaning.dated.items()}
        connection = self._sandbox()
        try:
            for slots, block in blocks:
                for name, kinds in found.items():
                    values = block[name]
                    assert isinstance(values, Category)
                    kinds.update("text" if isinstance(level, str) else "number" for level in values.levels)
                    if name in dated and name not in no_dates:
                        texts = (level for level in values.levels if isinstance(level, str))
                        odd = next((text for text in texts if microseconds(text) is None), None)
                        no_dates |= {} if odd is None else {name: odd}
                listed = [self._listed(column, block[column.name]) for column in self._columns]
                longest = sum(map(_longest, (block[name] for name in self.reads)))
                at_once = max(1, min(len(slots), _TEXT // max(1, longest)))
                for start in range(0, len(slots), at_once):
                    part = slice(start, start + at_once)
                    yield self._found(connection, slots[part], [values[part] for values in listed])
        finally:
            connection.close()
        if seen is None:
            self.settle([told])

    def settle(self, seen: Sequence[Seen]) -> None:
        """Refuse columns of categories that hold what does not fit, as :meth:`matches` does after the last block."""
        dated = {self._names[number]: date for number, date in self._meaning.dated.items()}
        found: dict[str, set[str]] = {}
        no_dates: dict[str, str] = {}
        for part in seen:
            for name, kinds in part.kinds.items():
                found.setdefault(name, set()).update(kinds)
            no_dates |= part.no_dates | no_dates
        known = {name: "mixed" if len(kinds) > 1 else next(iter(kinds), "any") for name, kinds in found.items()}
        meaning(self.text, self._tree, self._names, self._kinds | known)
        for name, text in no_dates.items():
            column = quoted(name)
            raise self._refused(
                f"compares {column} by order with the date '{dated[name]}', but this column holds text, and its value "
                f"{shown(text)} is not a date (2024-01-31), so that the order of text would select the rows",
                f"Create the store with a column of dates (datetime64 in a frame); or name the texts "
                f"that count as dates: case when {column} glob '????-??-??' then {column} end < '{dated[name]}'.",
            )

    # ------------------------------------------------------------------ the sandbox

    def _sandbox(self) -> sqlite3.Connection:
        self._raised.clear()
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for limit, value in _LIMITS.items():
            connection.setlimit(limit, value)
        connection.execute("PRAGMA trusted_schema = OFF")
        defined = "".join(f", c{number}" for number in self._meaning.reads)
        connection.execute(f"CREATE TABLE t (slot INTEGER PRIMARY KEY{defined})")
        for name, (n, function) in {"remainder": (2, _remainder), **TEXT_FUNCTIONS}.items():
            connection.create_function(name, n, self._kept(function), deterministic=True)
        connection.set_authorizer(self._kept(self._authorize))
        return connection

    def _kept(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function; what it raises is kept."""

        def called(*given: Any) -> Any:
            try:
                return function(*given)
            except BaseException as error:
                self._raised.append(error)
                raise

        return called

    def _authorize(self, action, first, second, database, trigger) -> int:
        """SQLite's own look at what it is given. What `meaning` writes passes; nothing else does."""
        own = {"", "slot", *(f"c{number}" for number in self._meaning.reads)}
        allowed = (
            action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_TRANSACTION)
            or (action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_DELETE) and first == "t")
            or (action == sqlite3.SQLITE_READ and first == "t" and second in own)
            or (action == sqlite3.SQLITE_FUNCTION and second.lower() in {*_CALLED, "typeof"})
        )
        if not allowed:
            self._denied.append(f"{second or first or action}")
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    def _found(self, connection: sqlite3.Connection, slots: np.ndarray, values: list[list[Any]]) -> np.ndarray:
        places = ["?1"]
        for number, (column, listed) in enumerate(zip(self._columns, values, strict=True), 2):
            odd = column.kind in ("category", "text") and bytes in map(type, listed)
            places.append(_TYPED.format(f"?{number}") if odd else f"?{number}")
        rows = zip(slots.tolist(), *values, strict=True)
        try:
            with InterruptsHeld() as check:  # handlers of signals run in the progress handler, nowhere else
                connection.set_progress_handler(self._kept(check), _STEPS)
                connection.execute("DELETE FROM t")
                connection.execute("BEGIN")
                connection.executemany(f"INSERT INTO t VALUES ({', '.join(places)})", rows)
                connection.execute("COMMIT")
                selected = connection.execute(f"SELECT slot FROM t WHERE {self._meaning.sql}", self._meaning.values)
                found = selected.fetchall()
        except sqlite3.Error as error:
            if self._denied and not self._raised:
                told = f"asks for {self._denied[0]}, which conditions may not"
                raise self._refused(told, "This is a bug in sqlearn. Report it.") from error
            if not self._raised:
                raise self._refused(f"cannot be evaluated: {error}", "Name the rows by their ids.") from error
        if self._raised:
            raise self._raised[0]
        return np.array([slot for (slot,) in found], np.int64)

    def _listed(self, column: Column, values) -> list[Any]:
        """A column as SQLite takes it."""
        if isinstance(values, Category):
            levels = [*(self._plain(column, level) for level in values.levels), None]
            if column.labels is not None:
                levels = [None if level is None else int(level == column.labels[1]) for level in levels]
            return [levels[code] for code in values.codes.tolist()]
        if values.dtype.kind == "M":
            return [None if time == NO_DATE else time for time in values.view(np.int64).tolist()]
        if values.dtype.kind == "O":
            return [self._plain(column, value) for value in values.tolist()]
        return values.tolist()  # SQLite takes NaN for NULL

    def _plain(self, column: Column, value):
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                return value.encode("utf-8", "surrogatepass")
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            if abs(value) > 2**1023 or int(float(value)) != value:
                raise self._refused(
                    f"reads {quoted(column.name)}, which holds {str(value)[:40]}, and integers of this size "
                    "are not compared",
                    "Name the rows by their ids.",
                )
            return float(value)
        return value


def _longest(values) -> int:
    """Length of the longest text of a column."""
    texts = values.levels if isinstance(values, Category) else values if values.dtype.kind == "O" else ()
    return max((len(value) for value in texts if isinstance(value, str)), default=0)


def _remainder(a, b):
    """What division leaves, with the sign of `a`; missing where there is no division."""
    if not isinstance(a, int | float) or not isinstance(b, int | float) or b == 0:  # text, which is refused later
        return None
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) % abs(b) * (-1 if a < 0 else 1)
    return math.fmod(a, b) if math.isfinite(a) else None
