"""What a condition means over a table's columns: every part has a kind, and SQLite runs what is written from them.

What has no kind is refused: SQLite would convert it, or compare it in the order of its types, and select other rows
than those that were meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlearn.errors import ConditionError
from sqlearn.storage.conditions.grammar import Node, folded, quoted, refused
from sqlearn.storage.table import is_number, microseconds

# number of arguments, at least and at most
FUNCTIONS = {
    "abs": (1, 1),
    "coalesce": (2, 100),
    "iif": (3, 3),
    "instr": (2, 2),
    "length": (1, 1),
    "lower": (1, 1),
    "max": (2, 100),
    "min": (2, 100),
    "nullif": (2, 2),
    "round": (1, 1),
    "substr": (2, 3),
    "trim": (1, 1),
    "upper": (1, 1),
}
_ARGUMENTS = {  # of functions that take certain kinds; what they give
    "abs": (("number",), "number"),
    "instr": (("text", "text"), "number"),
    "length": (("text",), "number"),
    "lower": (("text",), "text"),
    "round": (("number",), "number"),
    "substr": (("text", "number", "number"), "text"),
    "trim": (("text",), "text"),
    "upper": (("text",), "text"),
}
_WORDS = {
    "number": "a number",
    "text": "text",
    "boolean": "true or false",
    "date": "a date",
    "null": "null",
    "mixed": "numbers and text",
    "any": "a number or text",
}
_MOST_VALUES = 30_000  # SQLite takes 32,766
_MOST_PATTERN = 200  # bytes
_MOST_COLUMNS = 1000  # SQLite takes 2,000
_SHOWN = 40  # characters of a part


@dataclass(frozen=True)
class Meaning:
    """What SQLite is given.

    Attributes
    ----------
    sql : str
        An expression over columns ``c0``, ``c1``, ... and values ``?1``, ``?2``, ...
    values : list
        The values.
    reads : list of int
        Numbers of the columns that it reads, ascending.
    dated : dict of int to str
        Of those that are "any": which of them are compared with a date by order, and with which date.
    """

    sql: str
    values: list[Any]
    reads: list[int]
    dated: dict[int, str]


@dataclass(frozen=True)
class _Typed:
    kind: str  # "number", "text", "boolean", "date", "null"; of categories "any" (not known yet) and "mixed" too
    sql: str
    constant: bool = False


def meaning(text: str, tree: Node, names: Sequence[str], kinds: Mapping[str, str]) -> Meaning:
    """What a condition means.

    Parameters
    ----------
    text : str
        The condition.
    tree : Node
        The same, parsed.
    names : sequence of str
        The columns' names; they differ in more than case.
    kinds : mapping of str to {"number", "text", "boolean", "date", "any", "mixed"}
        What they hold; "any" where it is either numbers or text, and not known which.

    Raises
    ------
    ConditionError
        When a part has no kind, or another than its place takes.
    """
    writer = _Writer(text, names, kinds)
    sql = writer.boolean(tree).sql
    return Meaning(sql, writer.values, sorted(writer.reads), writer.dated)


class _Writer:
    """One method per kind of node: checks the kinds of its parts, and writes them."""

    def __init__(self, text: str, names: Sequence[str], kinds: Mapping[str, str]) -> None:
        self._text, self._names, self._kinds = text, names, kinds
        self._numbers = {folded(name): number for number, name in enumerate(names)}
        self._places: dict[tuple[Any, ...], str] = {}
        self.values: list[Any] = []
        self.reads: set[int] = set()
        self.dated: dict[int, str] = {}

    # ------------------------------------------------------------------ errors

    def _refused(self, at: Node, why: str, what_to_do: str) -> ConditionError:
        return refused(self._text, at.start, at.stop, why, what_to_do)

    def _shown(self, node: Node) -> str:
        text = self._text[node.start : node.stop]
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."

    def _unlike(self, node: Node, typed: _Typed, other: Node, other_typed: _Typed) -> ConditionError:
        """The error for two parts that do not go together."""
        literals = {"number", "text", "boolean"}
        if node.what in literals and other.what not in literals:
            node, typed, other, other_typed = other, other_typed, node, typed
        return self._refused(
            other,
            f"{self._shown(node)} is {_WORDS[typed.kind]}, and {self._shown(other)} is {_WORDS[other_typed.kind]}",
            self._advice(node, typed.kind, other),
        )

    def _advice(self, node: Node, kind: str, other: Node) -> str:
        """How to write a literal that stands beside what is of another kind."""
        value, name = other.value, self._shown(node)
        if other.what == "null":
            return f"Select missing values with {name} is null."
        if kind == "boolean" and other.what == "text" and value.lower() in ("true", "false"):
            return f"Write {value.lower()} without quotes."
        if kind == "boolean" and other.what == "number" and value in (0, 1):
            return f"Write {'true' if value else 'false'}."
        if kind == "text" and other.what in ("number", "boolean"):
            return f"Text stands in single quotes: '{self._shown(other).strip('() ')}'."
        if kind == "number" and other.what == "text" and is_number(value):
            return f"Numbers stand without quotes: {value.strip()}."
        if kind == "number" and other.what == "boolean":
            return f"If 1 stands for true there, write {int(value)}."
        if kind == "date":
            return "Dates are written as text: '2024-01-31' or '2024-01-31 12:30:00'."
        return "Compare a column with values of its own kind; `sqlearn info` and `store.columns` show the kinds."

    def _need(self, node: Node, typed: _Typed, kind: str, where: str) -> None:
        if typed.kind != kind and not (typed.kind == "any" and kind in ("number", "text")):
            raise self._refused(
                node,
                f"{where} takes {_WORDS[kind]}, and {self._shown(node)} is {_WORDS[typed.kind]}",
                self._kind_advice(node, typed.kind, kind),
            )

    def _kind_advice(self, node: Node, found: str, wanted: str) -> str:
        name = self._shown(node)
        if wanted == "boolean" and node.what == "column":
            example = {"number": "<> 0", "date": "< '2024-01-31'"}.get(found, "= 'a'")
            return f"Compare {name} with a value, such as {name} {example}."
        if wanted == "boolean" and node.what == "number" and node.value in (0, 1):
            return f"Write {'true' if node.value else 'false'}."
        return "Compare a column with values of its own kind; `sqlearn info` and `store.columns` show the kinds."

    # ------------------------------------------------------------------ kinds

    def boolean(self, node: Node) -> _Typed:
        """A part that stands where a condition stands."""
        typed = self._typed(node)
        self._need(node, typed, "boolean", "a condition" if node.depth > 1 or node.start else "the condition")
        return typed

    def _alike(self, nodes: Sequence[Node], *, equality: bool, nulls: bool = False) -> tuple[str, list[_Typed]]:
        """Parts that must be of one kind: the kind, and the parts. Texts beside dates are dates."""
        typed = [self._typed(node) for node in nodes]
        if any(part.kind == "date" for part in typed):
            typed = [self._date(node) if node.what == "text" else part for node, part in zip(nodes, typed, strict=True)]
        known = [i for i, part in enumerate(typed) if part.kind not in ("null", "any", "mixed")]
        first = known[0] if known else 0
        for i, part in enumerate(typed):
            if part.kind == "null" and not nulls:
                other = next((j for j in range(len(nodes)) if j != i), i)
                raise self._unlike(nodes[other], typed[other], nodes[i], part)
            if part.kind == "mixed" and not equality:
                raise self._refused(
                    nodes[i],
                    f"{self._shown(nodes[i])} has numbers and text, which are not ordered",
                    "Compare it with = or with in.",
                )
            fits = part.kind == typed[first].kind or part.kind == "null"
            if part.kind in ("any", "mixed"):
                fits = typed[first].kind in ("number", "text", "any", "mixed", "null")
            if not fits:
                raise self._unlike(nodes[first], typed[first], nodes[i], part)
        kinds = [part.kind for part in typed]
        return "mixed" if "mixed" in kinds else kinds[first] if known else "any" if "any" in kinds else "null", typed

    def _varies(self, node: Node, parts: Sequence[_Typed]) -> None:
        """Refuse a comparison of constants: a name was meant, perhaps a column that is called 3."""
        if all(part.constant for part in parts):
            number = next((part for part in node.parts if part.what == "number"), None)
            column = None if number is None else self._numbers.get(self._shown(number))
            raise self._refused(
                node,
                f"{self._shown(node)} does not read a column",
                f'To read the column {self._names[column]}, write "{self._names[column]}".'
                if column is not None
                else "Compare columns with values; all rows are where true.",
            )

    # ------------------------------------------------------------------ writing

    def _typed(self, node: Node) -> _Typed:
        return getattr(self, f"_write_{node.what}")(node)

    def _value(self, value: Any) -> str:
        """Where a value stands that is given to SQLite beside the text."""
        key = (type(value), value)
        if key not in self._places:
            self.values.append(value)
            self._places[key] = f"?{len(self.values)}"
        if len(self.values) > _MOST_VALUES:
            raise ConditionError(
                f"The condition has more than {_MOST_VALUES:,} different values. Nothing was changed. Name the rows by "
                "their ids."
            )
        return self._places[key]

    def _write_number(self, node: Node) -> _Typed:
        return _Typed("number", self._value(node.value), True)

    def _write_text(self, node: Node) -> _Typed:
        return _Typed("text", f"CAST({self._value(node.value.encode('utf-8', 'surrogatepass'))} AS TEXT)", True)

    def _write_boolean(self, node: Node) -> _Typed:
        return _Typed("boolean", str(int(node.value)), True)

    def _write_null(self, node: Node) -> _Typed:
        return _Typed("null", "NULL", True)

    def _date(self, node: Node) -> _Typed:
        """A text that stands beside a date."""
        time = microseconds(node.value)
        if time is None:
            raise self._refused(
                node,
                f"{self._shown(node)} is not a date",
                "Dates are written as '2024-01-31' or '2024-01-31 12:30:00'.",
            )
        return _Typed("date", self._value(time), True)

    def _write_column(self, node: Node) -> _Typed:
        number = self._numbers.get(folded(node.value))
        if number is None:
            names = ", ".join(quoted(name) for name in self._names[:30])
            more = f" and {len(self._names) - 30} more" if len(self._names) > 30 else ""
            text = self._text[node.start] == '"'
            raise self._refused(
                node,
                f"no such column: {node.value[:200]!r}",
                f"{'Text stands in single quotes. ' if text else ''}The columns are {names}{more}.",
            )
        self.reads.add(number)
        if len(self.reads) > _MOST_COLUMNS:
            raise self._refused(node, f"it reads more than {_MOST_COLUMNS} columns", "Read fewer; the maximum is 1000.")
        return _Typed(self._kinds[self._names[number]], f"c{number}")

    def _write_or(self, node: Node) -> _Typed:
        parts = [self.boolean(part) for part in node.parts]
        return _Typed("boolean", _balanced(f" {node.what.upper()} ", [part.sql for part in parts]), _fixed(parts))

    _write_and = _write_or

    def _write_not(self, node: Node) -> _Typed:
        (part,) = parts = [self.boolean(part) for part in node.parts]
        return _Typed("boolean", f"(NOT {part.sql})", _fixed(parts))

    def _write_compare(self, node: Node) -> _Typed:
        equality = node.value in ("=", "<>")
        kind, parts = self._alike(node.parts, equality=equality)
        if kind == "boolean" and not equality:
            raise self._refused(node, "true and false are not ordered", "Compare them with = or is.")
        self._varies(node, parts)
        if not equality:
            self._note_dates(node.parts)
        return _Typed("boolean", f"({parts[0].sql} {node.value} {parts[1].sql})")

    def _note_dates(self, nodes: Sequence[Node]) -> None:
        """Note columns of text beside dates: texts that are no dates have an order, too, but not the one meant."""
        dates = [node.value for node in nodes if node.what == "text" and microseconds(node.value) is not None]
        for node in nodes if dates else ():
            number = self._numbers[folded(node.value)] if node.what == "column" else None
            if number is not None and self._kinds[self._names[number]] == "any":
                self.dated[number] = dates[0]

    def _write_is(self, node: Node) -> _Typed:
        word = "IS NOT" if node.negated else "IS"
        left, right = node.parts
        if right.what == "null":
            part = self._typed(left)
            self._varies(node, [part])
            return _Typed("boolean", f"({part.sql} {word} NULL)")
        _, parts = self._alike(node.parts, equality=True)
        self._varies(node, parts)
        return _Typed("boolean", f"({parts[0].sql} {word} {parts[1].sql})")

    def _write_in(self, node: Node) -> _Typed:
        _, parts = self._alike(node.parts, equality=True)
        self._varies(node, parts)
        listed = ", ".join(part.sql for part in parts[1:])
        return _Typed("boolean", f"({parts[0].sql} {'NOT ' * node.negated}IN ({listed}))")

    def _write_between(self, node: Node) -> _Typed:
        kind, (part, low, high) = self._alike(node.parts, equality=False)
        if kind == "boolean":
            raise self._refused(node, "true and false are not ordered", "Compare them with = or is.")
        self._varies(node, [part, low, high])
        self._note_dates(node.parts)
        return _Typed("boolean", f"({part.sql} {'NOT ' * node.negated}BETWEEN {low.sql} AND {high.sql})")

    def _write_match(self, node: Node) -> _Typed:
        part, pattern = parts = [self._typed(each) for each in node.parts]
        self._need(node.parts[0], part, "text", node.value)
        if node.parts[1].what != "text":
            raise self._refused(
                node.parts[1], f"{node.value} takes a pattern", f"Write it in single quotes: {node.value} 'a%'."
            )
        if len(node.parts[1].value.encode("utf-8", "surrogatepass")) > _MOST_PATTERN:
            raise self._refused(
                node.parts[1], f"this pattern has more than {_MOST_PATTERN} bytes", "Write a shorter one."
            )
        self._varies(node, parts)
        found = f"text_{node.value.lower()}({_bytes(part)}, {_bytes(pattern)})"
        return _Typed("boolean", f"(NOT {found})" if node.negated else found)

    def _write_sign(self, node: Node) -> _Typed:
        (part,) = [self._typed(part) for part in node.parts]
        self._need(node.parts[0], part, "number", node.value)
        return _Typed("number", f"(- {part.sql})" if node.value == "-" else part.sql, part.constant)

    def _write_arithmetic(self, node: Node) -> _Typed:
        left, right = parts = [self._typed(part) for part in node.parts]
        for part, typed in zip(node.parts, parts, strict=True):
            self._need(part, typed, "number", node.value)
        if node.value == "/":  # of float64: whole numbers would lose the rest
            return _Typed("number", f"(CAST({left.sql} AS REAL) / {right.sql})", _fixed(parts))
        if node.value == "%":
            return _Typed("number", f"remainder({left.sql}, {right.sql})", _fixed(parts))
        return _Typed("number", f"({left.sql} {node.value} {right.sql})", _fixed(parts))

    def _write_case(self, node: Node) -> _Typed:
        pairs = len(node.parts) // 2
        conditions = [self.boolean(part) for part in node.parts[: 2 * pairs : 2]]
        values = [*node.parts[1 : 2 * pairs : 2], *node.parts[2 * pairs :]]
        return self._chosen(node, conditions, values)

    def _chosen(self, node: Node, conditions: list[_Typed], values: list[Node]) -> _Typed:
        kind, chosen = self._alike(values, equality=True, nulls=True)
        if kind == "null":
            raise self._refused(node, "all of its values are null", "Give it a value.")
        cases = "".join(f" WHEN {c.sql} THEN {v.sql}" for c, v in zip(conditions, chosen, strict=False))
        last = chosen[-1].sql if len(chosen) > len(conditions) else "NULL"
        return _Typed(kind, f"(CASE{cases} ELSE {last} END)", _fixed([*conditions, *chosen]))

    def _write_call(self, node: Node) -> _Typed:
        name, n = node.value, len(node.parts)
        if name not in FUNCTIONS:
            raise self._refused(
                node, f"there is no function {name[:100]}", f"The functions are {', '.join(sorted(FUNCTIONS))}."
            )
        least, most = FUNCTIONS[name]
        if not least <= n <= most:
            counted = f"{least}" if least == most else f"{least} to {most}" if most < 100 else f"{least} or more"
            raise self._refused(
                node, f"{name} takes {counted} argument{'s' * (counted != '1')}, not {n}", "Correct the call."
            )
        if name == "iif":
            return self._chosen(node, [self.boolean(node.parts[0])], list(node.parts[1:]))
        if name in _ARGUMENTS:
            wanted, kind = _ARGUMENTS[name]
            parts = [self._typed(part) for part in node.parts]
            for part, typed, want in zip(node.parts, parts, wanted, strict=False):
                self._need(part, typed, want, name)
        else:
            kind, parts = self._alike(node.parts, equality=name in ("coalesce", "nullif"))
            if kind == "boolean" and name in ("min", "max"):
                raise self._refused(node, "true and false are not ordered", "Combine them with and, or.")
        sql = f"{name}({', '.join(part.sql for part in parts)})"
        if name == "length":
            sql = f"text_length({_bytes(parts[0])})"
        elif name == "substr":
            sql = f"CAST(text_substr({_bytes(parts[0])}, {', '.join(part.sql for part in parts[1:])}) AS TEXT)"
        return _Typed(kind, sql, _fixed(parts))


def _fixed(parts: Sequence[_Typed]) -> bool:
    return all(part.constant for part in parts)


def _bytes(part: _Typed) -> str:
    """Text as functions of :mod:`~sqlearn.storage.conditions.text_functions` take it."""
    return f"CAST({part.sql} AS BLOB)"


def _balanced(word: str, parts: list[str]) -> str:
    """Parts joined by an associative operator, so that a long list is not nested deeply."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_balanced(word, parts[:half])}{word}{_balanced(word, parts[half:])})"
