"""The grammar of conditions: from text to a tree, whose nodes know where in the text they stand.

The levels of precedence are those of SQLite. The tree says what was read; :mod:`~sqlearn.storage.conditions.meaning`
decides whether it means anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlearn.errors import ConditionError

KEYWORDS = frozenset("and or not is null true false in like glob between case when then else end".split())
_LONGEST = 100_000  # characters
_DEEPEST = 150  # nested expressions
_ENCLOSED = 40  # of these in parentheses: each takes a dozen frames of Python's
_SHOWN = 100  # characters of a line in an error
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      |(?P<text>'(?:[^']|'')*')
      |(?P<quoted>"(?:[^"]|"")+")
      |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w$.]))
      |(?P<name>[^\W\d][\w$]*)
      |(?P<remark>--|/\*)
      |(?P<sign><>|!=|<=|>=|==|[-+*/%=<>(),])
      |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_NAME = re.compile(r"[^\W\d][\w$]*")
_EQUALITIES = {"=": "=", "==": "=", "<>": "<>", "!=": "<>"}
_ORDERS = ("<", "<=", ">", ">=")
_HINT = "Write comparisons of columns with values, such as fare = 0 and embarked = 'S'; text stands in single quotes."


@dataclass(frozen=True)
class Node:
    """A part of a condition.

    Attributes
    ----------
    what : str
        "number", "text", "boolean", "null" and "column"; "call", "case", "sign" and "arithmetic"; "compare", "is",
        "in", "between" and "match"; "not", "and" and "or".
    start, stop : int
        Where it stands in the text.
    parts : tuple of Node
        What it is made of.
    value : object
        A literal's value, a column's or a function's name, an operator.
    negated : bool
        Whether NOT stands in an ``is not``, ``not in``, ``not between``, ``not like``.
    depth : int
        How deep it is nested.
    """

    what: str
    start: int
    stop: int
    parts: tuple["Node", ...] = ()
    value: Any = None
    negated: bool = False
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + max((part.depth for part in self.parts), default=0))


def refused(text: str, start: int, stop: int, why: str, what_to_do: str) -> ConditionError:
    """The error for a part of a condition, which it shows."""
    first = max(text.rfind("\n", 0, start) + 1, start - _SHOWN // 2)
    end = text.find("\n", start)
    last = min(len(text) if end < 0 else end, first + _SHOWN)
    line = "".join(character if character.isprintable() else "?" for character in text[first:last])
    marks = "^" * max(1, min(stop, last) - start)
    return ConditionError(
        f"The condition cannot be used: {why}. Nothing was changed. {what_to_do}\n    {line}\n    "
        f"{' ' * (start - first)}{marks}"
    )


def folded(name: str) -> str:
    """A name in the form in which names are compared: the letters A to Z alone are those from a to z."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in name)


def quoted(name: str) -> str:
    """A column's name as conditions write it."""
    if _NAME.fullmatch(name) and name.lower() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def parsed(text: str) -> Node:
    """The tree of a condition.

    Parameters
    ----------
    text : str
        The condition.

    Raises
    ------
    ConditionError
        When it is not of this grammar.
    """
    if not isinstance(text, str):
        raise ConditionError(f"A condition is text, not {type(text).__name__}. Nothing was changed. {_HINT}")
    if len(text) > _LONGEST:
        raise ConditionError(
            f"The condition has {len(text):,} characters; the maximum is {_LONGEST:,}. Nothing was changed. Name the "
            "rows by their ids."
        )
    return _Parser(text).whole()


@dataclass(frozen=True)
class _Token:
    kind: str  # "text", "number", "name", "quoted", "sign", "keyword", "end"
    word: str  # of keywords in lower case
    start: int
    stop: int


class _Parser:
    """One method per level of precedence, from the loosest to the tightest."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._cut())
        self._at = 0
        self._nested = 0

    def whole(self) -> Node:
        if self._next.kind == "end":
            raise self._refused(self._next, "it is empty")
        node = self._or()
        if self._next.kind != "end":
            raise self._unexpected("an operator or the end")
        return node

    # ------------------------------------------------------------------ tokens

    def _cut(self) -> Iterator[_Token]:
        for found in _TOKEN.finditer(self._text):
            kind, word, start, stop = str(found.lastgroup), found.group(), *found.span()
            token = _Token(kind, word, start, stop)
            if kind == "space":
                continue
            if kind == "remark":
                raise self._refused(token, f"{word} begins a comment, and conditions do not have comments")
            if kind == "other":
                if word == "'":
                    raise self._refused(token, "the text that begins here is not closed", "Write ' after it.")
                if word == '"':
                    raise self._refused(token, "the name that begins here is not closed", 'Write " after it.')
                if word == ".":
                    raise self._refused(
                        token,
                        "names of columns do not have several parts",
                        "Write the column's name without the part before the dot.",
                    )
                if word.isdigit():
                    raise self._refused(token, "this is not a number", 'Names that begin with a digit: "1st".')
                raise self._refused(token, f"{word!r} is not part of a condition")
            if kind == "name" and folded(word) in KEYWORDS:
                token = _Token("keyword", folded(word), start, stop)
            yield token
        end = len(self._text.rstrip())
        yield _Token("end", "", end, end)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _taken(self) -> _Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _has(self, *words: str) -> bool:
        """Whether these keywords or signs come next."""
        following = self._tokens[self._at : self._at + len(words)]
        return [t.word for t in following if t.kind in ("keyword", "sign")] == list(words)

    def _take(self, *words: str) -> bool:
        """Pass these keywords or signs, if they come next."""
        there = self._has(*words)
        self._at += len(words) * there
        return there

    def _need(self, word: str, why: str) -> _Token:
        if not self._has(word):
            raise self._unexpected(f"{word} {why}")
        return self._taken()

    def _refused(self, at: _Token | Node, why: str, what_to_do: str = _HINT) -> ConditionError:
        return refused(self._text, at.start, at.stop, why, what_to_do)

    def _unexpected(self, wanted: str) -> ConditionError:
        token = self._next
        found = "the end" if token.kind == "end" else f"{self._text[token.start : token.stop][:30]}"
        return self._refused(token, f"expected {wanted} here, not {found}")

    # ------------------------------------------------------------------ levels

    def _node(self, what: str, start: int, parts: tuple[Node, ...] = (), value=None, negated=False) -> Node:
        node = Node(what, start, self._tokens[self._at - 1].stop, parts, value, negated)
        if node.depth > _DEEPEST:
            raise self._refused(node, f"it is nested more than {_DEEPEST} deep")
        return node

    def _or(self) -> Node:
        self._nested += 1
        if self._nested > _ENCLOSED:
            raise self._refused(self._next, f"parentheses are nested more than {_ENCLOSED} deep")
        node = self._joined("or", lambda: self._joined("and", self._not))
        self._nested -= 1
        return node

    def _joined(self, word: str, part) -> Node:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else self._node(word, parts[0].start, tuple(parts))

    def _not(self) -> Node:
        starts = []
        while self._has("not"):
            starts.append(self._taken().start)
            if len(starts) > _DEEPEST:
                raise self._refused(self._next, f"it is nested more than {_DEEPEST} deep")
        node = self._equality()
        for start in reversed(starts):
            node = self._node("not", start, (node,))
        return node

    def _equality(self) -> Node:
        node = self._order()
        while True:
            start = node.start
            word = self._next.word if self._next.kind in ("sign", "keyword") else ""
            negated = False
            if word == "not" and self._at + 1 < len(self._tokens):
                negated = any(self._take("not") for kind in ("in", "between", "like", "glob") if self._has("not", kind))
                word = self._next.word if negated else ""
            if word in _EQUALITIES:
                self._taken()
                node = self._node("compare", start, (node, self._order()), _EQUALITIES[word])
            elif word == "is":
                self._taken()
                negated = self._take("not")
                node = self._node("is", start, (node, self._order()), negated=negated)
            elif word == "in":
                self._taken()
                if not self._has("("):
                    raise self._unexpected("( and a list of values, as in (1, 2)")
                node = self._node("in", start, (node, *self._list("in")), negated=negated)
            elif word == "between":
                self._taken()
                low = self._sum()
                self._need("and", "of between")
                node = self._node("between", start, (node, low, self._sum()), negated=negated)
            elif word in ("like", "glob"):
                self._taken()
                node = self._node("match", start, (node, self._order()), word, negated)
            else:
                return node

    def _left(self, what: str, words: tuple[str, ...], part) -> Node:
        """Operators of one level, from left to right."""
        node = part()
        while self._next.kind == "sign" and self._next.word in words:
            word = self._taken().word
            node = self._node(what, node.start, (node, part()), word)
        return node

    def _order(self) -> Node:
        return self._left("compare", _ORDERS, self._sum)

    def _sum(self) -> Node:
        return self._left("arithmetic", ("+", "-"), self._product)

    def _product(self) -> Node:
        return self._left("arithmetic", ("*", "/", "%"), self._signed)

    def _signed(self) -> Node:
        signs = []
        while self._has("-") or self._has("+"):
            signs.append(self._taken())
            if len(signs) > _DEEPEST:
                raise self._refused(self._next, f"it is nested more than {_DEEPEST} deep")
        node = self._atom()
        for sign in reversed(signs):
            node = self._node("sign", sign.start, (node,), sign.word)
        return node

    def _list(self, name: str) -> tuple[Node, ...]:
        """Expressions in parentheses, with commas between."""
        self._need("(", f"after {name}")
        parts = [self._or()]
        while self._take(","):
            parts.append(self._or())
        self._need(")", f"that closes the list of {name}")
        return tuple(parts)

    def _atom(self) -> Node:
        token = self._next
        if token.kind == "number":
            return self._node("number", self._taken().start, value=self._number(token))
        if token.kind == "text":
            return self._node("text", self._taken().start, value=token.word[1:-1].replace("''", "'"))
        if token.kind == "quoted":
            return self._node("column", self._taken().start, value=token.word[1:-1].replace('""', '"'))
        if token.kind == "name":
            self._taken()
            if folded(token.word) == "select" and self._next.kind in ("name", "quoted", "number", "text"):
                raise self._refused(token, "conditions do not have subqueries")
            if self._has("("):
                return self._node("call", token.start, self._list(token.word), folded(token.word))
            return self._node("column", token.start, value=token.word)
        if self._take("("):
            node = self._or()
            self._need(")", "that closes a parenthesis")
            return Node(node.what, token.start, self._tokens[self._at - 1].stop, node.parts, node.value, node.negated)
        if self._take("null"):
            return self._node("null", token.start)
        if self._has("true") or self._has("false"):
            return self._node("boolean", self._taken().start, value=token.word == "true")
        if self._take("case"):
            return self._case(token.start)
        if token.kind == "keyword" and token.word != "not":
            raise self._refused(
                token,
                f"expected a column or a value here, not {token.word}",
                f'A column of this name is written "{token.word}".',
            )
        raise self._unexpected("a column or a value")

    def _case(self, start: int) -> Node:
        if not self._has("when"):
            raise self._unexpected("when")
        parts = []
        while self._take("when"):
            parts.append(self._or())
            self._need("then", "of case when")
            parts.append(self._or())
        if self._take("else"):
            parts.append(self._or())
        self._need("end", "of case when")
        return self._node("case", start, tuple(parts))

    def _number(self, token: _Token) -> int | float:
        """A whole number of 64 bits, or the nearest float64."""
        digits = token.word.lstrip("0") or "0"
        if digits.isdigit() and len(digits) <= 400:
            whole = int(digits)
            if whole < 2**63 or (whole < 2**1000 and int(float(whole)) == whole):
                return whole if whole < 2**63 else float(whole)
            raise self._refused(
                token,
                "this integer does not fit 64 bits",
                "Write it as a float, such as 1.5e19, or name the rows by their ids.",
            )
        value = float(token.word)
        if value == float("inf"):
            raise self._refused(token, "this number is beyond 1.8e308", "Write a smaller number.")
        return value
