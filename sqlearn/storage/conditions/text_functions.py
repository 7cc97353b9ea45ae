"""Functions of text that conditions call: over all code points, also NUL and surrogates.

SQLite's own ones end at a NUL character and take all surrogates for one character. These take and give bytes (UTF-8
with surrogates), as Python's sqlite3 passes no text on that is not Unicode; missing gives missing.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_TO_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_MOST = 2**62  # beyond the length of any text

Piece = tuple[re.Pattern[str], int]  # what stands between two wildcards, and how many characters it takes


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogatepass")


def _length(text: bytes | None) -> int | None:
    return None if text is None else len(_decoded(text))


def _substr(text: bytes | None, start: Any, length: Any = _MOST) -> bytes | None:
    """As SQLite's: places are counted from 1, negative ones from the end; a negative length goes back from there."""
    if text is None or not isinstance(start, int | float) or not isinstance(length, int | float):
        return None
    whole = _decoded(text)
    first, n = _whole(start), _whole(length)
    first = first - 1 if first > 0 else first + len(whole) if first < 0 else -1
    if n < 0:
        first, stop = first + n, first
    else:
        stop = first + n
    return whole[max(0, first) : max(0, stop)].encode("utf-8", "surrogatepass")


def _whole(number: float) -> int:
    return int(max(-_MOST, min(_MOST, number)))


def _like(text: bytes | None, pattern: bytes) -> bool | None:
    return None if text is None else _fits(_decoded(text).translate(_TO_LOWER), _pieces_of_like(pattern))


def _glob(text: bytes | None, pattern: bytes) -> bool | None:
    return None if text is None else _fits(_decoded(text), _pieces_of_glob(pattern))


def _fits(text: str, pieces: list[Piece]) -> bool:
    """Whether a text is these pieces with anything between them: each as early as it goes, and the last at the end."""
    (first, n), *others = pieces
    if not others:
        return len(text) == n and first.match(text) is not None
    if not first.match(text):
        return False
    *middle, (last, n_last) = others
    for piece, _ in middle:
        found = piece.search(text, n)
        if found is None:
            return False
        n = found.end()
    return n <= len(text) - n_last and last.match(text, len(text) - n_last) is not None


@lru_cache
def _pieces_of_like(pattern: bytes) -> list[Piece]:
    pieces: list[list[str]] = [[]]
    for character in _decoded(pattern).translate(_TO_LOWER):
        if character == "%":
            pieces.append([])
        else:
            pieces[-1].append("." if character == "_" else re.escape(character))
    return _compiled(pieces)


@lru_cache
def _pieces_of_glob(pattern: bytes) -> list[Piece]:
    rest, pieces = list(reversed(_decoded(pattern))), list[list[str]]([[]])
    while rest:
        character = rest.pop()
        if character == "*":
            pieces.append([])
        elif character == "[":
            pieces[-1].append(_set(rest))
        else:
            pieces[-1].append("." if character == "?" else re.escape(character))
    return _compiled(pieces)


def _compiled(pieces: list[list[str]]) -> list[Piece]:
    return [(re.compile("".join(piece), re.DOTALL), len(piece)) for piece in pieces]


def _set(rest: list[str]) -> str:
    """What stands in brackets, as a regular expression; one that is not closed fits nothing. Takes it off `rest`."""
    negated = bool(rest) and rest[-1] == "^"
    if negated:
        rest.pop()
    ranges, before = list[tuple[str, str]](), None
    if rest and rest[-1] == "]":  # the first one is meant
        ranges.append(("]", rest.pop()))
    while rest and rest[-1] != "]":
        character = rest.pop()
        if character == "-" and before is not None and rest and rest[-1] != "]":
            ranges.append((before, rest.pop()))
            before = None
        else:
            ranges.append((character, character))
            before = character
    if not rest:
        return "(?!)"
    rest.pop()
    listed = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in ranges if low <= high)
    if not listed:
        return "." if negated else "(?!)"
    return f"[{'^' * negated}{listed}]"


TEXT_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {  # with the number of arguments; -1 for any
    "text_glob": (2, _glob),
    "text_length": (1, _length),
    "text_like": (2, _like),
    "text_substr": (-1, _substr),
}
