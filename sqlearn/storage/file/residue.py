"""What a database's pages hold beside their cells: after erasure, nothing.

A walk through SQLite's file format (https://www.sqlite.org/fileformat2.html, sections 1.5 and 1.6).
"""

import numpy as np

from sqlearn.errors import StoreCorruptError
from sqlearn.storage.file.database import Database

_INNER, _LEAF = 5, 13  # kinds of a table's pages


def residue(database: Database) -> int:
    """Bytes of the database's pages that are in no cell, no header and no list of free space, and are not zero.

    What a deletion, an overwriting or a move of cells leaves behind in a page is there, whatever it was. Left out is
    what holds no data: the counters' table, and inner pages, in which there are only the numbers of pages and places.
    """
    try:
        return _residue(database)
    except (ValueError, IndexError, OSError) as error:
        raise StoreCorruptError(
            f"The store {database.path} is damaged: its pages cannot be walked ({error})."
        ) from error


def _residue(database: Database) -> int:
    roots = database.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").fetchall()
    (page_size,) = database.execute("PRAGMA page_size").fetchone()
    found = 0
    seen: set[int] = set()
    with database.contents() as (file, *_):

        def page(number: int) -> bytes:
            if number in seen:
                raise ValueError(f"page {number} is in two places")
            seen.add(number)
            return file.read((number - 1) * page_size, page_size)

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
    """The pages below a page of a table, or its stale bytes with those of the overflow pages of its cells."""
    content = page(number)
    start = 100 if number == 1 else 0
    kind = content[start]
    count = int.from_bytes(content[start + 3 : start + 5], "big")
    header = start + (12 if kind == _INNER else 8)
    cells = np.frombuffer(content, ">u2", count, header).tolist()
    if kind == _INNER:
        return [int.from_bytes(content[at : at + 4], "big") for at in (start + 8, *cells)], 0
    if kind != _LEAF:
        return [], 0  # an index: none of the tables with data has one
    live = np.zeros(size, bool)
    live[: header + 2 * count] = True
    stale = 0
    for cell in cells:
        payload, at = _varint(content, cell)
        _, at = _varint(content, at)
        local = _local(payload, size)
        end = at + local
        if local < payload:
            stale += _overflow(page, int.from_bytes(content[end : end + 4], "big"), payload - local, size)
            end += 4
        live[cell : max(end, cell + 4)] = True
    free = int.from_bytes(content[start + 1 : start + 3], "big")
    while free:
        live[free : free + 4] = True
        following = int.from_bytes(content[free : free + 2], "big")
        if 0 < following <= free:
            raise ValueError(f"the free space of page {number} goes in circles")
        free = following
    return [], stale + int(np.count_nonzero(np.frombuffer(content, np.uint8)[~live]))


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
