"""How messages show values."""

from collections.abc import Iterable

__all__ = ["listed", "shown"]

_MOST = 120  # characters of a value that a message shows
_MOST_NAMES = 20  # names that a message lists


def shown(value: object) -> str:
    """A value as a message shows it: one printable line of its repr, shortened. It never raises."""
    if isinstance(value, int) and value.bit_length() > 10_000:  # more digits than Python writes
        return f"a whole number of {value.bit_length():,} bits"
    try:
        plain = next((kind for kind in (str, bytes, float) if isinstance(value, kind)), None)  # not np.float64(0.5)
        text = plain.__repr__(value) if plain else " ".join(repr(value).split())
    except Exception:  # the caller's repr may raise anything, and the message is about the value
        text = f"an object of type {type(value).__name__}, which cannot be shown"
    if len(text) > _MOST:
        text = f"{text[: _MOST - 40]}...{text[-20:]} ({len(text):,} characters)"
    return text.encode("utf-8", "backslashreplace").decode()


def listed(names: Iterable[object]) -> str:
    """List names, such as a table's columns, as a message does: the first ones, and how many more there are.

    Parameters
    ----------
    names : iterable
        The names.

    Returns
    -------
    str
        At most 20 of them, separated by commas.
    """
    words = [shown(name) for name in names]
    more = f" and {len(words) - _MOST_NAMES:,} more" if len(words) > _MOST_NAMES else ""
    return ", ".join(words[:_MOST_NAMES]) + more
