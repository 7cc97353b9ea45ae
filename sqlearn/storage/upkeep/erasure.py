"""Proof of erasure: search the files of a store for values in every form they could have, and its pages for residue."""

import json
import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from sqlearn.storage.file import DOCUMENT_PIECE, PIECE, Database, File, message, residue
from sqlearn.storage.records import Ids, Rows
from sqlearn.storage.table import Category

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
        Where it begins there, for the first time.
    times : int
        How often it is there.
    held_by : int
        How many rows of the store hold this value still.
    """

    value: float | int | str
    form: str
    file: str
    offset: int
    times: int
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
        Values found that rows of the store hold, by themselves or within a text.
    residue : int
        Bytes in the database's pages that belong to no row and are not zero.
    """

    files: dict[str, int]
    searched: int
    skipped: list[Any]
    findings: list[Finding]
    held: list[Finding] = field(repr=False)
    residue: int

    def __bool__(self) -> bool:
        return not self.findings and not self.residue

    def __str__(self) -> str:
        size = sum(self.files.values()) / 1e6
        lines = [
            f"Searched {', '.join(self.files)} ({size:,.1f} MB) for {_counted(self.searched, 'value')}: "
            f"{_counted(len(self.findings), 'trace')} of values that no row holds, "
            f"{_counted(self.residue, 'byte')} of residue"
        ]
        for f in self.findings[:20]:
            more = f", and {f.times - 1} times more" if f.times > 1 else ""
            lines.append(f"  {f.value!r} as {f.form} in {f.file} at byte {f.offset}{more}")
        if len(self.findings) > 20:
            lines.append(f"  and {len(self.findings) - 20} more")
        if self.held:
            values = len({f.value for f in self.held})
            lines.append(
                f"  {values} of the values {'is' if values == 1 else 'are'} there because other rows hold them"
            )
        if self.skipped:
            are = "is" if len(self.skipped) == 1 else "are"
            lines.append(f"  {_counted(len(self.skipped), 'value')} {are} too short to be told from chance")
        return "\n".join(lines)


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


def forms_of(value: Any) -> dict[str, bytes]:
    """The bytes that a value could have in a file, by the name of the form."""
    if isinstance(value, str):
        forms = {"text (UTF-8)": value.encode("utf-8", "surrogatepass")}
        if len(value) > 1:
            forms["text (UTF-16)"] = value.encode("utf-16-le", "surrogatepass")
        if not value.isascii() or len(json.dumps(value)) > len(value) + 2:
            forms["text (JSON)"] = _in_json(value)
        plain = forms["text (UTF-8)"]
        for name, text, size in (
            ("word", message(value), PIECE), ("id", plain, PIECE), ("document", plain, DOCUMENT_PIECE)
        ):  # long ones lie in pieces  # fmt: skip
            pieces = [text[start : start + size] for start in range(0, len(text), size)]
            forms |= {f"piece {k} of a {name}": p for k, p in enumerate(pieces) if len(pieces) > 1 and len(p) >= 8}
        return forms
    if isinstance(value, int) and value.bit_length() > 1023:  # a category; longer ones are none
        return {"whole digits": str(value).encode()} if value.bit_length() <= 14_000 else {}
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


class _Joined:
    """Bytes that lie in pieces in a file, joined, as a file of their own."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name, self._content, self.size = name, content, len(content)

    def read(self, start: int, n: int) -> bytes:
        return self._content[start : start + n]


def report(
    database: Database,
    wanted: set[Any],
    held: Callable[[dict[Any, Any]], dict[Any, Any]],
    state: bytes,
) -> ErasureReport:
    """Search a store's files, inside a transaction.

    Parameters
    ----------
    database : Database
        The store.
    wanted : set of float, int or str
        Values to look for.
    held : callable
        From values, and the patterns by which each was found, to how many rows account for them, if any does.
    state : bytes
        The saved model, which lies in pieces: what begins in one and ends in the next is found here.
    """
    forms: dict[bytes, list[tuple[Any, ...]]] = {}  # values may have forms in common
    skipped = []
    for value in wanted:
        telling = {form: pattern for form, pattern in forms_of(value).items() if _is_telling(pattern)}
        for form, pattern in telling.items():
            forms.setdefault(pattern, []).append((value, form))
        skipped += [] if telling else [value]
    hits: dict[tuple[bytes, str], list[int]] = {}
    with database.contents() as files:
        for pattern, file, offset in search(files, forms):
            place = hits.setdefault((pattern, file), [offset, 0])
            place[1] += 1
        within = {pattern for pattern, _ in hits}
        joined = _Joined(f"{database.path.name}, the model's state", state)
        for pattern, file, offset in search([joined], forms):
            if pattern not in within:
                hits.setdefault((pattern, file), [offset, 0])[1] += 1
        sizes = {file.name: file.size for file in files}
    found_as: dict[Any, set[bytes]] = {}
    for pattern, _ in hits:
        for value, _ in forms[pattern]:
            found_as.setdefault(value, set()).add(pattern)
    held_by = held(found_as)
    found = [
        Finding(value, form, file, offset, times, held_by.get(value, 0))
        for (pattern, file), (offset, times) in hits.items()
        for value, form in forms[pattern]
    ]
    return ErasureReport(
        files=sizes,
        searched=len(wanted),
        skipped=skipped,
        findings=[finding for finding in found if not finding.held_by],
        held=[finding for finding in found if finding.held_by],
        residue=residue(database),
    )


def mentioned(cell: Any, found_as: dict[Any, set[bytes]], words: Collection[str] = ()) -> list[Any]:
    """Which values a cell accounts for: those it equals or, as a text, has the pattern of.

    Parameters
    ----------
    cell : float, int, str or None
        What a row holds.
    found_as : dict
        Values, and the patterns by which each was found.
    words : collection of str
        The words of a document, which its model holds.
    """
    if not isinstance(cell, str):
        return [cell] if cell in found_as else []
    texts = [message(cell), cell.encode("utf-16-le", "surrogatepass"), _in_json(cell)]
    texts += [b"\0".join(map(_in_json, words)), "\0".join(words).encode("utf-8", "surrogatepass")]
    return [value for value, patterns in found_as.items() if any(p in text for p in patterns for text in texts)]


def _in_json(text: str) -> bytes:
    """A text as it stands within quotation marks in JSON."""
    return json.dumps(text)[1:-1].encode()


def held_by(
    rows: Rows, ids: Ids, documents: Sequence[str], words: Callable[[str], Collection[str]], found_as: dict[Any, Any]
) -> dict[Any, int]:
    """How many rows account for each of these values; see :func:`mentioned`.

    Parameters
    ----------
    rows, ids : Rows, Ids
        The rows.
    documents : sequence of str
        The columns whose texts the model takes apart.
    words : callable
        The words of a text, as the model has them.
    found_as : dict
        Values, and the patterns by which each was found.
    """
    counts: Counter[Any] = Counter()
    block: dict[str, Any]
    for _, cells in rows.scan() if found_as and documents else ():  # first what is a word, which is most
        block = {**rows.block(cells, [*documents])}
        for cell in chain.from_iterable(texts.tolist() for texts in block.values()):
            counts.update(found_as.keys() & {cell, *words(cell)})
    found_as = {value: patterns for value, patterns in found_as.items() if not counts[value]}
    for _, cells in rows.scan() if found_as else ():
        block = {n: c.values() if isinstance(c, Category) else c for n, c in rows.block(cells).items()}
        block = {n: c.view(np.int64) if c.dtype.kind == "M" else c for n, c in block.items()}  # dates, as on file
        learned = [(cell, words(cell)) for name in documents for cell in block.pop(name).tolist()]
        others = chain.from_iterable([*(column.tolist() for column in block.values()), ids.of_cells(cells[:, -1])])
        for cell, has in learned:
            counts.update(mentioned(cell, found_as, has))
        for cell, times in Counter(others).items():
            counts.update(dict.fromkeys(mentioned(cell, found_as), times))
    return counts


def _is_telling(pattern: bytes) -> bool:
    """Whether a pattern says something when it is found: short ones, and those with few bytes but 0, are everywhere."""
    return len(pattern) - pattern.count(0) >= _SHORTEST


def search(files: Iterable[File | _Joined], patterns: Collection[bytes]) -> Iterator[tuple[bytes, str, int]]:
    """Every occurrence of every pattern (of at least 4 bytes): the pattern, the file's name, the offset."""
    long = {pattern for pattern in patterns if len(pattern) >= 8}
    groups: list[tuple[np.dtype, Iterable[bytes]]] = [
        (np.dtype("<u8"), long),
        (np.dtype("<u4"), set(patterns) - long),
    ]
    most = max((len(pattern) for pattern in patterns), default=1)
    for file in files:
        size = file.size
        start, tail = 0, b""
        while start < size:
            content = tail + file.read(start, _AT_ONCE)
            first = start - len(tail)
            start += _AT_ONCE
            last = start >= size
            tail = b"" if last else content[len(content) - most + 1 :] if most > 1 else b""
            for kind, group in groups:
                for pattern, at in _occurrences(content, kind, group):
                    if last or at + most <= len(content):  # else it begins in the tail, and is found with it
                        yield pattern, file.name, first + at


def _occurrences(content: bytes, kind: np.dtype, patterns: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Compare the first word of the patterns with the words at every place, eight (four) times shifted."""
    width = kind.itemsize
    by_word: dict[int, dict[int, set[bytes]]] = {}  # patterns that begin alike, by length
    for pattern in patterns:
        by_length = by_word.setdefault(int.from_bytes(pattern[:width], "little"), {})
        by_length.setdefault(len(pattern), set()).add(pattern)
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
            at = shift + width * int(i)
            for length, alike in by_word.get(int(here[i]), {}).items():
                if content[at : at + length] in alike:
                    yield content[at : at + length], at


def _sieved(words: np.ndarray) -> np.ndarray:
    return (words * _SPREAD) >> np.uint64(64 - _BITS)
