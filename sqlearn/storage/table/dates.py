"""Dates and times as whole microseconds since 1970, from ISO 8601."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np

DATES = np.dtype("datetime64[us]")
NO_DATE = np.iinfo(np.int64).min  # NaT
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r" ?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(text: str) -> int | None:
    """A date or a time in ISO 8601 (``2024-01-31``, ``2024-01-31 12:30``, ``2024-01-31T12:30:00.5+01:00``).

    Returns
    -------
    int or None
        Microseconds since 1970; a time with an offset from UTC is that of UTC, one without is taken as it is written.
        What is finer is cut off. None where the text is none of these.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    day, minute, second, fraction, zone = found.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    try:
        time = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}{zone}")
        return (time - _EPOCH) // timedelta(microseconds=1) + int((fraction or "").ljust(6, "0")[:6])
    except (ValueError, OverflowError):
        return None


def written(time: int) -> str:
    """Microseconds since 1970 as ISO 8601: the day alone where the rest is zero."""
    text = str(np.datetime64(time, "us"))
    return text.removesuffix("T00:00:00.000000").removesuffix(".000000")
