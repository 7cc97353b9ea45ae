"""Random conditions, and what they mean: each is a text, and a function that a row is given.

The function works out SQL's logic of three values in plain Python. It knows nothing of the grammar, of kinds, or of
SQLite: it comes from the same dice as the text.
"""

import math
from dataclasses import dataclass

OR, AND, NOT, EQUALITY, ORDER, SUM, PRODUCT, SIGN, ATOM = range(1, 10)  # levels of precedence
KINDS = "number", "text", "boolean", "date"


@dataclass
class Part:
    text: str
    level: int
    value: object  # function of a row
    reads: bool = True  # a column


def _kleene_and(values):
    return False if False in values else None if None in values else True


def _kleene_not(value):
    return None if value is None else not value


def _strict(function):
    """Missing where an argument is."""
    return lambda *values: None if None in values else function(*values)


def _number(value):
    """What SQLite keeps of a result: whole numbers of 64 bits, else float64, NaN as missing."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        value = float(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def _divided(a, b):
    return None if b == 0 else _number(float(a) / b)


def _remainder(a, b):
    if b == 0 or (isinstance(a, float) and math.isinf(a)):
        return None
    return int(math.copysign(abs(a) % abs(b), a)) if isinstance(a, int) and isinstance(b, int) else math.fmod(a, b)


def _rounded(a):
    return float(a) if abs(a) > 2**52 else float(int(a + (0.5 if a >= 0 else -0.5)))


def _like(text, pattern):
    """By recursion, letters from A to Z in either case."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(_like(text[i:], pattern[1:]) for i in range(len(text) + 1))
    return (
        bool(text)
        and (pattern[0] == "_" or _ascii(text[0], 0) == _ascii(pattern[0], 0))
        and _like(text[1:], pattern[1:])
    )


def _glob(text, pattern):
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_glob(text[i:], pattern[1:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and _glob(text[1:], pattern[1:])


def _ascii(text, upper):
    first, shift = ("a", -32) if upper else ("A", 32)
    return "".join(chr(ord(c) + shift) if first <= c <= chr(ord(first) + 25) else c for c in text)


COMPARISONS = {
    "=": lambda a, b: a == b, "==": lambda a, b: a == b, "<>": lambda a, b: a != b, "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
ARITHMETIC = {
    "+": (SUM, lambda a, b: _number(a + b)), "-": (SUM, lambda a, b: _number(a - b)),
    "*": (PRODUCT, lambda a, b: _number(a * b)), "/": (PRODUCT, _divided), "%": (PRODUCT, _remainder),
}  # fmt: skip


class Conditions:
    """A source of random conditions.

    Parameters
    ----------
    random : random.Random
        The dice.
    columns : dict of str to list of str
        Names of columns, as conditions write them, by their kind.
    literals : dict of str to list of (str, value)
        Literals by their kind.
    wrong : int or None
        Number of the place (in the order in which places come up) where a part of another kind stands.
    """

    def __init__(self, random, columns, literals, wrong=None):
        self.random, self.columns, self.literals, self.wrong = random, columns, literals, wrong
        self.places = 0
        self.placed = False  # whether the wrong part is there

    def condition(self, depth):
        return self._part("boolean", depth)

    # ------------------------------------------------------------------ parts

    def _part(self, kind, depth, level=OR, typed=True):
        """A part that stands where this level of precedence is needed, in parentheses where it must or at random."""
        if typed:
            if self.places == self.wrong:
                self.placed = True
                kind = self.random.choice([other for other in KINDS if other != kind])
            self.places += 1
        compound = depth > 0 and self.random.random() < 0.75
        part = getattr(self, f"_{kind}")(depth - 1) if compound else self._atom(kind)
        if part.level < level or self.random.random() < 0.15:
            part = Part(f"({part.text})", ATOM, part.value, part.reads)
        return part

    def _atom(self, kind):
        if self.random.random() < 0.7 or not self.literals[kind]:
            name = self.random.choice(self.columns[kind])
            return Part(name, ATOM, lambda row: row[name])
        text, value = self.random.choice(self.literals[kind])
        return Part(text, ATOM, lambda row: value, False)

    def _word(self, word):
        return self.random.choice([word, word.upper(), word.capitalize()])

    def _some(self, kind, n, depth, levels=OR):
        """Parts of one kind, one of which at least reads a column."""
        places = self.places
        levels = [levels] * n if isinstance(levels, int) else levels
        while True:
            parts = [self._part(kind, depth, level) for level in levels]
            if any(part.reads for part in parts):
                return parts
            self._back_to(places)

    def _back_to(self, places):
        """What came since is not used."""
        self.places = places
        self.placed &= self.wrong is not None and self.wrong < places

    # ------------------------------------------------------------------ booleans

    def _boolean(self, depth):
        return self.random.choice(
            [self._joined, self._joined, self._not, self._compare, self._compare, self._is, self._is_null, self._in,
             self._between, self._match, self._either]
        )(depth)  # fmt: skip

    def _joined(self, depth):
        word, level = self.random.choice([("and", AND), ("or", OR)])
        parts = [self._part("boolean", depth, level + 1) for _ in range(self.random.randint(2, 3))]
        values = [part.value for part in parts]

        def value(row):
            found = [each(row) for each in values]
            if word == "and":
                return _kleene_and(found)
            return _kleene_not(_kleene_and([_kleene_not(each) for each in found]))

        text = f" {self._word(word)} ".join(part.text for part in parts)
        return Part(text, level, value, any(part.reads for part in parts))

    def _not(self, depth):
        part = self._part("boolean", depth, NOT)
        return Part(f"{self._word('not')} {part.text}", NOT, lambda row: _kleene_not(part.value(row)), part.reads)

    def _compare(self, depth):
        kind = self.random.choice(KINDS)
        sign = self.random.choice(["=", "==", "<>", "!="] if kind == "boolean" else list(COMPARISONS))
        level = EQUALITY if sign in ("=", "==", "<>", "!=") else ORDER
        a, b = self._some(kind, 2, depth, [level, level + 1])
        compare = _strict(COMPARISONS[sign])
        return Part(f"{a.text} {sign} {b.text}", level, lambda row: compare(a.value(row), b.value(row)))

    def _is(self, depth):
        negated = self.random.random() < 0.5
        a, b = self._some(self.random.choice(KINDS), 2, depth, [EQUALITY, ORDER])
        text = f"{a.text} {self._word('is')} {self._word('not') if negated else ''} {b.text}"
        return Part(text, EQUALITY, lambda row: (a.value(row) == b.value(row)) != negated)

    def _is_null(self, depth):
        negated = self.random.random() < 0.5
        places = self.places
        while not (part := self._part(self.random.choice(KINDS), depth, EQUALITY, typed=False)).reads:
            self._back_to(places)
        text = f"{part.text} is {'not ' if negated else ''}{self._word('null')}"
        return Part(text, EQUALITY, lambda row: (part.value(row) is None) != negated)

    def _in(self, depth):
        negated = self.random.random() < 0.5
        first, *others = self._some(self.random.choice(KINDS), 4, depth, [EQUALITY, OR, OR, OR])

        def value(row):
            sought, listed = first.value(row), [other.value(row) for other in others]
            found = None if sought is None else True if sought in listed else None if None in listed else False
            return _kleene_not(found) if negated else found

        listed = ", ".join(other.text for other in others)
        return Part(f"{first.text} {'not ' if negated else ''}{self._word('in')} ({listed})", EQUALITY, value)

    def _between(self, depth):
        negated = self.random.random() < 0.5
        kind = self.random.choice([kind for kind in KINDS if kind != "boolean"])
        part, low, high = self._some(kind, 3, depth, [EQUALITY, SUM, SUM])
        least, most = _strict(COMPARISONS[">="]), _strict(COMPARISONS["<="])

        def value(row):
            sought = part.value(row)
            found = _kleene_and([least(sought, low.value(row)), most(sought, high.value(row))])
            return _kleene_not(found) if negated else found

        text = f"{part.text} {'not ' if negated else ''}between {low.text} and {high.text}"
        return Part(text, EQUALITY, value)

    def _match(self, depth):
        negated = self.random.random() < 0.5
        word, match, pattern = self.random.choice(
            [("like", _like, p) for p in ("a%", "%b", "_", "%A_%", "", "a", "%\0%", "%\ud800")]
            + [("glob", _glob, p) for p in ("a*", "?", "*B*", "a", "*\0?", "\udfff")]
        )
        (part,) = self._some("text", 1, depth, EQUALITY)
        match = _strict(match)

        def value(row):
            found = match(part.value(row), pattern)
            return _kleene_not(found) if negated else found

        return Part(f"{part.text} {'not ' if negated else ''}{self._word(word)} '{pattern}'", EQUALITY, value)

    # ------------------------------------------------------------------ any kind

    def _either(self, depth, kind="boolean"):
        """What gives one of several values."""
        how = self.random.choice(["case", "iif", "coalesce", "nullif"])
        if how == "coalesce":
            a, b = self._some(kind, 2, depth)

            def value(row):
                return a.value(row) if a.value(row) is not None else b.value(row)

            return Part(f"coalesce({a.text}, {b.text})", ATOM, value)
        if how == "nullif":
            a, b = self._some(kind, 2, depth)
            return Part(f"nullif({a.text}, {b.text})", ATOM, lambda r: None if a.value(r) == b.value(r) else a.value(r))
        condition = self._part("boolean", depth)
        a, b = self._some(kind, 2, depth)
        text = f"iif({condition.text}, {a.text}, {b.text})"
        if how == "case":
            text = f"{self._word('case')} when {condition.text} then {a.text} else {b.text} end"
        return Part(text, ATOM, lambda row: a.value(row) if condition.value(row) else b.value(row))

    def _number(self, depth):
        how = self.random.choice(["arithmetic", "arithmetic", "sign", "call", "length", "instr", "extreme", "either"])
        if how == "either":
            return self._either(depth, "number")
        if how == "arithmetic":
            sign = self.random.choice([*ARITHMETIC])
            level, function = ARITHMETIC[sign]
            a, b = self._part("number", depth, level), self._part("number", depth, level + 1)
            function = _strict(function)
            value = lambda row: function(a.value(row), b.value(row))  # noqa: E731
            return Part(f"{a.text} {sign} {b.text}", level, value, a.reads or b.reads)
        if how == "sign":
            part = self._part("number", depth, SIGN)
            negative = _strict(lambda a: _number(-a))
            return Part(f"- {part.text}", SIGN, lambda row: negative(part.value(row)), part.reads)
        if how == "extreme":
            return self._extreme(depth, "number")
        if how == "instr":
            a, b = self._some("text", 2, depth)
            found = _strict(lambda text, part: text.find(part) + 1)
            return Part(f"instr({a.text}, {b.text})", ATOM, lambda row: found(a.value(row), b.value(row)))
        kind, name, function = ("text", "length", len)
        if how == "call":
            kind, name, function = self.random.choice([("number", "abs", abs), ("number", "round", _rounded)])
        return self._called(name, _strict(function), kind, depth)

    def _called(self, name, function, kind, depth):
        part = self._part(kind, depth)
        return Part(f"{self._word(name)}({part.text})", ATOM, lambda row: function(part.value(row)), part.reads)

    def _extreme(self, depth, kind):
        name, function = self.random.choice([("min", min), ("max", max)])
        a, b = self._some(kind, 2, depth)
        function = _strict(function)
        return Part(f"{name}({a.text}, {b.text})", ATOM, lambda row: function(a.value(row), b.value(row)))

    def _text(self, depth):
        how = self.random.choice(["lower", "upper", "trim", "substr", "extreme", "either"])
        if how == "either":
            return self._either(depth, "text")
        if how == "extreme":
            return self._extreme(depth, "text")
        if how == "substr":
            part, start, n = self._part("text", depth), self.random.randint(1, 3), self.random.randint(0, 3)
            piece = _strict(lambda text: text[start - 1 : start - 1 + n])
            return Part(f"substr({part.text}, {start}, {n})", ATOM, lambda row: piece(part.value(row)), part.reads)
        functions = {"lower": lambda t: _ascii(t, 0), "upper": lambda t: _ascii(t, 1), "trim": lambda t: t.strip(" ")}
        return self._called(how, _strict(functions[how]), "text", depth)

    def _date(self, depth):
        return self._extreme(depth, "date") if self.random.random() < 0.5 else self._either(depth, "date")
