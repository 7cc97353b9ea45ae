"""Which part of a set a row lies in: a matter of the keyed hash of its id, and of nothing else."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sqlearn.distributed.grouping import groups
from sqlearn.storage.records import IdHashes
from sqlearn.storage.table import Block, Place, take

_HALF = np.uint64(32)


def parts_of(hashes: np.ndarray, n: int) -> np.ndarray:
    """The part, out of `n`, in which the rows lie whose ids have these hashes, int64[n_rows].

    The upper half of a hash decides; the index of a part goes by the lower bits.
    """
    return ((hashes[:, 0] >> _HALF) * np.uint64(n) >> _HALF).astype(np.int64)


def divided(ids: Any, hashes: IdHashes, n: int) -> dict[int, np.ndarray]:
    """Which rows of those with these ids lie in each part that has any, ascending."""
    return dict(groups(parts_of(hashes.hashes(hashes.keys(ids)), n)))


def shares(
    block: Block, ids: Any, hashes: IdHashes, n: int, place: Place | None, before: int
) -> Iterator[tuple[int, Block, Any, Place]]:
    """A block of rows divided among the parts: a part, its rows, their ids, and where these stood.

    Parameters
    ----------
    block : dict of str to column
        The rows, in canonical form.
    ids : list of str or int64[n_rows]
        Their ids.
    hashes : IdHashes
        What hashes ids.
    n : int
        Number of parts.
    place : callable or None
        Where a row of the block stands in a file.
    before : int
        How many rows of the table are before the block.
    """
    for part, rows in divided(ids, hashes, n).items():
        own = [ids[i] for i in rows.tolist()] if isinstance(ids, list) else ids[rows]
        yield part, take(block, rows), own, _placed(rows, place, before)


def _placed(rows: np.ndarray, place: Place | None, before: int) -> Place:
    def placed(row: int) -> tuple[str | None, dict[str, int]]:
        whole = int(rows[row])
        return (None, {"row": before + whole}) if place is None else place(whole)

    return placed
