"""Proof of erasure: search the files of a store for values in every form they could have, and its pages for residue."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sqlearn.storage.database import Database

__all__ = ["ErasureReport", "Finding", "forms_of", "is_telling", "residue", "search"]

_AT_ONCE = 1 << 24
_SHORTEST = 4  # bytes; shorter patterns are found everywhere by chance
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_BITS = 16


@dataclass(frozen=True)
class Finding:
    """A value that was found.

    Attributes
    ----------
    value : float, int or str
        What was searched for.
    form : str
        In which form it was found.
    file : str
        The file's name.
    offset : int
        Where it begins there.
    held_by : int
        How many rows of the store hold this value still.
    """

    value: float | int | str
    form: str
    file: str
    offset: int
    held_by: int


@dataclass(frozen=True)
class ErasureReport:
    """What a search found; true when there is no trace of a value that no row holds.

    Attributes
    ----------
    files : dict of str to int
        The files searched and their sizes.
    searched : int
        Number of values that were searched for.
    skipped : list
        Values too short to tell from chance in every form.
    findings : list of Finding
        Values found that no row of the store holds.
    held : list of Finding
        Values found that rows of the store hold, once for each value and form.
    residue : int
        Bytes in the database's pages that belong to no row and are not zero.
    """

    files: dict[str, int]
    searched: int
    skipped: list
    findings: list[Finding]
    held: list[Finding] = field(repr=False)
    residue: int

    def __bool__(self):
        return not self.findings and not self.residue

    def __str__(self):
        size = sum(self.files.values()) / 1e6
        lines = [
            f"Searched {', '.join(self.files)} ({size:,.1f} MB) for {self.searched} values: "
            f"{len(self.findings)} traces of values that no row holds, {self.residue} bytes of residue"
        ]
        lines += [f"  {f.value!r} as {f.form} in {f.file} at byte {f.offset}" for f in self.findings[:20]]
        if len(self.findings) > 20:
            lines.append(f"  and {len(self.findings) - 20} more")
        if self.held:
            values = len({f.value for f in self.held})
            lines.append(f"  {values} of the values are there because other rows hold them")
        if self.skipped:
            lines.append(f"  {len(self.skipped)} values are too short to be told from chance")
        return "\n".join(lines)


def forms_of(value) -> dict[str, bytes]:
    """The bytes that a value could have in a file, by the name of the form."""
    if isinstance(value, str):
        forms = {"text (UTF-8)": value.encode("utf-8", "surrogatepass")}
        if len(value) > 1:
            forms["text (UTF-16)"] = value.encode("utf-16-le", "surrogatepass")
        return forms
    number = float(value)
    forms = {
        "float64": struct.pack("<d", number),
        "float64 (big-endian)": struct.pack(">d", number),
        "digits": repr(number).encode(),
    }
    if number.is_integer() and abs(number) < 2**63:
        whole = int(value)
        forms["int64"] = struct.pack("<q", whole)
        forms["int64 (big-endian)"] = struct.pack(">q", whole)
        forms["whole digits"] = str(whole).encode()
    return forms


def is_telling(pattern: bytes) -> bool:
    """Whether a pattern says something when it is found: short ones, and those with few bytes but 0, are everywhere."""
    return len(pattern) - pattern.count(0) >= _SHORTEST


def search(paths: Iterable[Path], patterns: dict[bytes, tuple]) -> Iterator[tuple[bytes, str, int]]:
    """Every occurrence of every pattern (of at least 4 bytes): the pattern, the file's name, the offset."""
    long = {pattern for pattern in patterns if len(pattern) >= 8}
    groups = [(np.dtype("<u8"), long), (np.dtype("<u4"), patterns.keys() - long)]
    most = max((len(pattern) for pattern in patterns), default=1)
    for path in paths:
        size = path.stat().st_size
        with path.open("rb") as file:
            start, tail = 0, b""
            while start < size:
                content = tail + file.read(_AT_ONCE)
                first = start - len(tail)
                start += _AT_ONCE
                last = start >= size
                tail = b"" if last else content[len(content) - most + 1 :] if most > 1 else b""
                for kind, group in groups:
                    for pattern, at in _occurrences(content, kind, group):
                        if last or at + most <= len(content):  # else it begins in the tail, and is found with it
                            yield pattern, path.name, first + at


def _occurrences(content: bytes, kind: np.dtype, patterns: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Compare the first word of the patterns with the words at every place, eight (four) times shifted."""
    width = kind.itemsize
    by_word: dict[int, list[bytes]] = {}
    for pattern in patterns:
        by_word.setdefault(int.from_bytes(pattern[:width], "little"), []).append(pattern)
    if not by_word:
        return
    words = np.array(sorted(by_word), np.uint64)
    sieve = np.zeros(1 << _BITS, bool)
    sieve[_sieved(words)] = True
    for shift in range(width):
        count = (len(content) - shift) // width
        if count <= 0:
            return
        here = np.frombuffer(content, kind, count, shift).astype(np.uint64)
        for i in np.flatnonzero(sieve[_sieved(here)]):
            for pattern in by_word.get(int(here[i]), ()):
                at = shift + width * int(i)
                if content.startswith(pattern, at):
                    yield pattern, at


def _sieved(words: np.ndarray) -> np.ndarray:
    return (words * _SPREAD) >> np.uint64(64 - _BITS)


# ---------------------------------------------------------------------- pages


def residue(database: Database) -> int:
    """Bytes of the database's pages that are in no cell, no header and no list of free space, and are not zero.

    What a deletion, an overwriting or a move of cells leaves behind in a page is there, whatever it was. The counters'
    table, which holds no data, is left out.
    """
    roots = database.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").fetchall()
    (page_size,) = database.execute("PRAGMA page_size").fetchone()
    found = 0
    with database.path.open("rb") as file:

        def page(number: int) -> bytes:
            file.seek((number - 1) * page_size)
            return file.read(page_size)

        first = page(1)
        trunk = int.from_bytes(first[32:36], "big")
        while trunk:  # pages that SQLite keeps for later: their contents must be gone
            content = page(trunk)
            count = int.from_bytes(content[4:8], "big")
            found += _nonzero(content[8 + 4 * count :])
            for i in range(count):
                found += _nonzero(page(int.from_bytes(content[8 + 4 * i : 12 + 4 * i], "big")))
            trunk = int.from_bytes(content[:4], "big")
        for name, root in roots:
            if name != "counters":
                waiting = [root]
                while waiting:
                    below, stale = _table_page(page, waiting.pop(), page_size)
                    waiting += below
                    found += stale
    return found


def _table_page(page, number: int, size: int) -> tuple[list[int], int]:
    """The pages below a page of a table, and its stale bytes with those of the overflow pages of its cells."""
    content = page(number)
    start = 100 if number == 1 else 0
    kind = content[start]
    if kind not in (5, 13):
        return [], 0  # an index: none of the tables with data has one
    header = 12 if kind == 5 else 8
    count = int.from_bytes(content[start + 3 : start + 5], "big")
    live = np.zeros(size, bool)
    live[: start + header + 2 * count] = True
    below = [int.from_bytes(content[start + 8 : start + 12], "big")] if kind == 5 else []
    stale = 0
    for i in range(count):
        at = start + header + 2 * i
        cell = int.from_bytes(content[at : at + 2], "big")
        if kind == 5:
            below.append(int.from_bytes(content[cell : cell + 4], "big"))
            _, end = _varint(content, cell + 4)
        else:
            payload, after = _varint(content, cell)
            _, after = _varint(content, after)
            local = _local(payload, size)
            end = after + local
            if local < payload:
                stale += _overflow(page, int.from_bytes(content[end : end + 4], "big"), payload - local, size)
                end += 4
        live[cell : max(end, cell + 4)] = True
    free = int.from_bytes(content[start + 1 : start + 3], "big")
    while free:
        live[free : free + 4] = True
        free = int.from_bytes(content[free : free + 2], "big")
    return below, stale + int(np.count_nonzero(np.frombuffer(content, np.uint8)[~live]))


def _local(payload: int, size: int) -> int:
    """How much of a payload lies in the leaf itself (section 1.6 of SQLite's file format)."""
    if payload <= size - 35:
        return payload
    least = (size - 12) * 32 // 255 - 23
    more = least + (payload - least) % (size - 4)
    return more if more <= size - 35 else least


def _overflow(page, number: int, left: int, size: int) -> int:
    stale = 0
    while number:
        content = page(number)
        stale += _nonzero(content[4 + left :]) if left < size - 4 else 0
        left -= size - 4
        number = int.from_bytes(content[:4], "big")
    return stale


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i in range(9):
        byte = content[at + i]
        if i == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 127
        if byte < 128:
            return value, at + i + 1
    raise AssertionError("a varint has at most nine bytes")


def _nonzero(content: bytes) -> int:
    return len(content) - content.count(0)
