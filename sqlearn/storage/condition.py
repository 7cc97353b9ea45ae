"""SQL conditions over a table's columns, evaluated by SQLite in a sandbox.

The sandbox is an SQLite database in memory with one table: the columns that the condition reads, filled block by block.
There is nothing else in it to read. Beside that, an authorizer refuses whatever is no reading of these columns and no
call of a listed function, and a look at the tokens refuses what would change the meaning of the statement around it.
"""

import itertools
import re
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing

import numpy as np

from sqlearn.errors import ConditionError
from sqlearn.storage.columns import Block, Category, Column

__all__ = ["Condition"]

# deterministic and without effect; max and min of one argument are aggregates, which SQLite refuses in a condition
_FUNCTIONS = frozenset(
    "abs acos acosh asin asinh atan atan2 atanh ceil ceiling char coalesce cos cosh degrees exp floor glob hex ifnull "
    "iif instr length like likelihood likely ln log log10 log2 lower ltrim max min mod nullif pi pow power radians "
    "replace round rtrim sign sin sinh sqrt substr substring tan tanh trim trunc typeof unicode unlikely upper".split()
)
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)
      |(?P<text>'(?:[^']|'')*')
      |(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[^\W\d][\w$]*)
      |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|0[xX][0-9a-fA-F]+)
      |(?P<open>\()|(?P<close>\))
      |(?P<operator><>|!=|<=|>=|==|<<|>>|\|\||[-+*/%&|~=<>,.])
      |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)  # 'nan' is text to SQLite
_COMPARISONS = {"=", "==", "<>", "!=", "<", "<=", ">", ">="}
_AFFINITY = {"number": "REAL", "whole": "INTEGER"}  # so that '1' in quotes is 1
_STEPS = 1000  # of SQLite's machine, between two looks for Ctrl-C
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 500,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
_MOST_COLUMNS = 1000  # SQLite takes 2000
_HINT = "Write comparisons of columns with values, such as fare = 0 and embarked = 'S'; text stands in single quotes."


class Condition:
    """A condition, checked.

    Parameters
    ----------
    text : str
        An SQL expression.
    columns : list of Column
        The columns it may read; `kind` is "number", "category", or of ids "text" or "whole", as they are in every row.

    Attributes
    ----------
    reads : list of str
        Names of the columns that it does read.

    Raises
    ------
    ConditionError
        When it is no such expression.
    """

    def __init__(self, text: str, columns: list[Column]):
        if not isinstance(text, str):
            raise ConditionError(f"A condition is text, not {type(text).__name__}. {_HINT}")
        self.text = text
        self._columns = columns
        self._slot = f"slot_{secrets.token_hex(8)}"
        self._compared = self._check_tokens()
        self.reads = self._compile()
        self._compared = [(name, literal) for name, literal in self._compared if name in self.reads]

    # ------------------------------------------------------------------ checking

    def _refused(self, why: str) -> ConditionError:
        return ConditionError(f"The condition {self.text!r} {why}. Nothing was changed. {_HINT}")

    def _check_tokens(self) -> list[tuple[str, str]]:
        """Refuse what does not stay inside its parentheses. Returns the pairs (column, literal) that are compared."""
        names = {_folded(column.name): column for column in self._columns}
        tokens: list[tuple[str, str]] = []
        depth = 0
        for found in _TOKEN.finditer(self.text):
            kind, token = str(found.lastgroup), found.group()
            depth += (kind == "open") - (kind == "close")
            if kind == "other" or depth < 0:
                raise self._refused(f"has an unexpected {token!r} at character {found.start()}")
            if kind == "name" and token[0] == '"':
                if _folded(_plain(token)) not in names:  # SQLite would take it for text
                    raise self._refused(f"names {token}, which is no column; the columns are {self._names()}")
            if kind != "space":
                tokens.append((kind, token))
        if depth or not tokens:
            raise self._refused("is empty" if not tokens else "has a parenthesis that is not closed")
        mentioned = {_folded(_plain(token)) for kind, token in tokens if kind == "name"}
        self._mentioned = [column for column in self._columns if _folded(column.name) in mentioned]
        if len(self._mentioned) > _MOST_COLUMNS:
            raise self._refused(f"reads {len(self._mentioned)} columns; {_MOST_COLUMNS} are the most")
        compared = []
        for name, literal_kind, literal in _comparisons(tokens):
            column = names.get(_folded(_plain(name)))
            if column is not None:
                self._check_comparison(column, literal_kind, literal)
                compared.append((column.name, literal_kind))
        return compared

    def _check_comparison(self, column: Column, literal_kind: str, literal: str) -> None:
        if column.kind in ("number", "whole") and literal_kind == "text" and not _NUMBER.fullmatch(literal[1:-1]):
            raise self._refused(f"compares {column.name}, a column of numbers, with the text {literal}")
        if column.kind == "text" and literal_kind == "number":
            raise self._refused(f"compares {column.name}, which is text, with the number {literal}; write '{literal}'")

    def _names(self) -> str:
        names = [column.name for column in self._columns]
        return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")

    def _compile(self) -> list[str]:
        """Let SQLite parse the condition against the empty table, and note what it asks for."""
        reads: set[str] = set()
        names = [column.name for column in self._mentioned]
        asked: list[str] = []
        selects = 0

        def authorize(action, first, second, database, trigger):
            nonlocal selects
            if action == sqlite3.SQLITE_SELECT:
                selects += 1
                if selects > 1:
                    asked.append("a subquery")
                    return sqlite3.SQLITE_DENY
                return sqlite3.SQLITE_OK
            if action == sqlite3.SQLITE_READ and first == "t":
                if second in names:
                    reads.add(second)
                    return sqlite3.SQLITE_OK
                if second == "":  # the table itself, as a subquery reads it
                    return sqlite3.SQLITE_OK
            if action == sqlite3.SQLITE_FUNCTION and second.lower() in _FUNCTIONS:
                return sqlite3.SQLITE_OK
            what = "the number of a place" if second == self._slot else f"{second or first}"
            asked.append(f"the function {second}" if action == sqlite3.SQLITE_FUNCTION else what)
            return sqlite3.SQLITE_DENY

        try:
            with closing(self._sandbox(self._mentioned)) as connection:
                connection.set_authorizer(authorize)
                connection.execute(f"SELECT NULL FROM t WHERE (\n{self.text}\n)").fetchall()
        except (sqlite3.Error, sqlite3.Warning, UnicodeError) as error:
            if asked:
                raise self._refused(f"asks for {asked[0]}, which conditions may not") from error
            message = str(error)
            if "authoriz" in message or "prohibited" in message:  # not by us: a signal's exception, which was swallowed
                raise KeyboardInterrupt from error
            columns = f"; the columns are {self._names()}" if "no such column" in message else ""
            raise self._refused(f"is no SQL expression over the table's columns: {message}{columns}") from error
        return [name for name in names if name in reads]

    # ------------------------------------------------------------------ evaluating

    def _sandbox(self, columns: Iterable[Column]) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        for limit, value in _LIMITS.items():
            connection.setlimit(limit, value)
        connection.execute("PRAGMA trusted_schema = OFF")
        defined = "".join(f", {_quoted(c.name)} {_AFFINITY.get(c.kind, '')}" for c in columns)
        connection.execute(f"CREATE TABLE t ({self._slot} INTEGER PRIMARY KEY{defined})")
        return connection

    def matches(self, blocks: Iterable[tuple[np.ndarray, Block]]) -> Iterator[np.ndarray]:
        """The slots of the rows that fulfil the condition, block by block.

        Parameters
        ----------
        blocks : iterable of (slots, block)
            Places, int64[n], and at least the columns that the condition reads.
        """
        columns = [column for column in self._columns if column.name in self.reads]
        seen: dict[str, set[str]] = {name: set() for name, _ in self._compared}
        connection = self._sandbox(columns)
        try:
            connection.set_progress_handler(lambda: 0, _STEPS)  # Python runs, so signals are handled
            for slots, block in blocks:
                for name in seen:
                    column = block[name]
                    seen[name].update(_kinds(column) if isinstance(column, Category) else ["number", "text"])
                yield self._found(connection, slots, [_listed(block[column.name]) for column in columns])
        finally:
            connection.close()
        for name, literal in self._compared:
            if seen[name] and literal not in seen[name]:
                quotes = "in single quotes" if literal == "number" else "without quotes"
                raise self._refused(
                    f"compares {name} with a {literal}, and no row has a {literal} there; write it {quotes}"
                )

    def _found(self, connection: sqlite3.Connection, slots: np.ndarray, values: list[list]) -> np.ndarray:
        places = ", ".join("?" * (1 + len(values)))
        try:
            connection.execute("DELETE FROM t")
            connection.execute("BEGIN")
            connection.executemany(f"INSERT INTO t VALUES ({places})", zip(slots.tolist(), *values, strict=True))
            connection.execute("COMMIT")
            found = connection.execute(f"SELECT {self._slot} FROM t WHERE (\n{self.text}\n)").fetchall()
        except sqlite3.Error as error:
            if "interrupted" in str(error):  # by the exception that a signal handler raised, which sqlite3 swallowed
                raise KeyboardInterrupt from error
            raise self._refused(f"cannot be evaluated: {error}") from error
        return np.array([slot for (slot,) in found], np.int64)


def _comparisons(tokens: list[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    """What is compared with a literal by an operator, ``in (...)`` or ``between``: name, kind of literal, literal."""
    kept: list[tuple[str, str]] = []
    for i, (kind, token) in enumerate(tokens):
        before, word = tokens[i - 1] if i else ("open", "")
        if token not in ("+", "-") or not (before in ("operator", "open") or word.lower() in ("between", "and")):
            kept.append((kind, token))  # all but the signs of numbers
    words = [token.lower() for _, token in kept]
    for i, (kind, token) in enumerate(kept):
        if kind != "name":
            continue
        others = [
            kept[j] for j, k in ((i + 2, i + 1), (i - 2, i - 1)) if 0 <= j < len(kept) and words[k] in _COMPARISONS
        ]
        at = i + 1 + (words[i + 1 : i + 2] == ["not"])
        if words[at : at + 2] == ["in", "("]:
            others += itertools.takewhile(lambda other: other[0] != "close", kept[at + 2 :])
        elif words[at : at + 1] == ["between"]:
            others += kept[at + 1 : at + 2] + (kept[at + 3 : at + 4] if words[at + 2 : at + 3] == ["and"] else [])
        yield from ((token, *other) for other in others if other[0] in ("text", "number"))


def _folded(name: str) -> str:
    """A name as SQLite compares names: the letters A to Z alone are those from a to z."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)


def _plain(token: str) -> str:
    """A name without its quotes."""
    if token[0] not in '"`[':
        return token
    return token[1:-1].replace(2 * token[0], token[0])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _listed(values) -> list:
    if isinstance(values, Category):
        levels = [*values.levels, None]
        return [levels[code] for code in values.codes.tolist()]
    return values.tolist()  # SQLite takes NaN for NULL


def _kinds(column: Category) -> list[str]:
    return ["text" if isinstance(level, str) else "number" for level in column.levels]
