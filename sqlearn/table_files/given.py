"""What a caller says of a table in a file, checked."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlearn.errors import TableError, shown

KINDS = "number", "category", "boolean", "date", "text", "whole", "drop"


def as_kinds(given: Any) -> dict[str, str]:
    if given is not None and not isinstance(given, Mapping):
        raise _unfit("kinds", given, "a dict of columns' names and kinds")
    for name, kind in (given or {}).items():
        if not isinstance(kind, str) or kind not in KINDS:
            raise _unfit(f"kinds[{shown(name)}]", kind, f"one of {', '.join(KINDS)}")
    return dict(given or {})


def as_header(given: Any) -> Any:
    if given is None or (isinstance(given, str) and given in ("first", "none")):
        return given
    if isinstance(given, str):
        raise _unfit("header", given, "'first', 'none' or a list of names")
    return as_words(given, "header")


def as_words(given: Any, what: str) -> list[str]:
    """A list of texts; a text alone is none, as its letters would be taken."""
    words = None if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if words is None or not all(isinstance(word, str) for word in words):
        raise _unfit(what, given, "a list of texts")
    return words


def as_pairs(given: Any) -> list[tuple[str, str]]:
    wanted = "a list of pairs of texts that differ, such as [('no', 'yes')]"
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise _unfit("booleans", given, wanted)
    pairs = []
    for pair in (listed := list(given)):
        words = [word.strip() for word in as_words(pair, "a pair in booleans")] if not isinstance(pair, str) else []
        if len(words) != 2 or words[0] == words[1]:
            raise _unfit("booleans", listed, wanted)
        pairs.append((words[0], words[1]))
    return pairs


def as_text(given: Any, what: str) -> str | None:
    if given is not None and not isinstance(given, str):
        raise _unfit(what, given, "text")
    return given


def _unfit(what: str, given: Any, wanted: str) -> TableError:
    return TableError(
        f"`{what}` must be {wanted}, not {shown(given)}. Nothing was learned: pass such a value, or leave it out.",
        value=given,
        reason="file",
    )
