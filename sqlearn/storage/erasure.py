"""Proof of erasure: search the files of a store for values in every form they could have, and its pages for residue."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sqlearn.storage.database import Database
from sqlearn.storage.residue import residue

__all__ = ["ErasureReport", "Finding", "forms_of", "report", "search"]

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


def report(database: Database, wanted: set, held_by: dict) -> ErasureReport:
    """Search a store's files, inside a transaction.

    Parameters
    ----------
    database : Database
        The store.
    wanted : set of float, int or str
        Values to look for.
    held_by : dict
        How many rows of the store hold a value, for those that any row holds.
    """
    patterns: dict[bytes, tuple] = {}
    skipped = []
    for value in wanted:
        forms = {form: pattern for form, pattern in forms_of(value).items() if _is_telling(pattern)}
        patterns |= {pattern: (value, form) for form, pattern in forms.items()}
        skipped += [] if forms else [value]
    found = []
    for pattern, file, offset in search(database.files(), patterns):
        value, form = patterns[pattern]
        found.append(Finding(value, form, file, offset, held_by.get(value, 0)))
    return ErasureReport(
        files={path.name: path.stat().st_size for path in database.files()},
        searched=len(wanted),
        skipped=skipped,
        findings=[finding for finding in found if not finding.held_by],
        held=list({(finding.value, finding.form): finding for finding in found if finding.held_by}.values()),
        residue=residue(database),
    )


def _is_telling(pattern: bytes) -> bool:
    """Whether a pattern says something when it is found: short ones, and those with few bytes but 0, are everywhere."""
    return len(pattern) - pattern.count(0) >= _SHORTEST


def search(paths: Iterable[Path], patterns: dict[bytes, tuple]) -> Iterator[tuple[bytes, str, int]]:
    """Every occurrence of every pattern (of at least 4 bytes): the pattern, the file's name, the offset."""
    long = {pattern for pattern in patterns if len(pattern) >= 8}
    groups: list[tuple[np.dtype, Iterable[bytes]]] = [
        (np.dtype("<u8"), long),
        (np.dtype("<u4"), patterns.keys() - long),
    ]
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
