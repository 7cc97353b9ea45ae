"""How the rows of a table come to the parts: while a block is read and divided, the parts learn the one before."""

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from sqlearn.distributed.store_set.change import Joint
from sqlearn.distributed.store_set.routing import shares
from sqlearn.errors import ShapeError
from sqlearn.storage.records import IdHashes
from sqlearn.storage.table import Block, Columns, Place, length, length_of, located, place_of


def in_files(
    table: Any, id: str | None, kinds: Mapping[str, str] | None = None, *, textual_ids: bool = False
) -> Any:  # fmt: skip
    """A table that files hold, block by block, where paths are given; another table is returned as it is.

    Parameters
    ----------
    table : str, Path, list of these, or table
        CSV and Parquet files, as the command line reads them: a path, a pattern, a folder, or several of these.
    id : str or None
        The column of ids.
    kinds : mapping of str to str, optional
        Kinds of columns. Those of others are recognised in the first rows of the files, and are the same in all.
    textual_ids : bool, default=False
        Whether ids are text, whatever the first rows look like.
    """
    given = [table] if isinstance(table, str | os.PathLike) else table
    if (
        not isinstance(given, list | tuple)
        or not given
        or not all(isinstance(path, str | os.PathLike) for path in given)
    ):
        return table
    from sqlearn.table_files import table_in  # which needs pyarrow

    return table_in(given, kinds=kinds, ids=id, textual_ids=textual_ids)


class TableRows(NamedTuple):
    """Rows of a table: in canonical form, their ids, where each stands in a file, and how many are before them."""

    block: Block
    ids: Any
    place: Place | None
    before: int


def rows_of(frames: Iterable[Any], columns: Columns, textual: bool, next_id: int) -> Iterator[TableRows]:
    """The rows of frames; running numbers begin with `next_id`, where there is no column of ids."""
    before = 0
    for number, frame in enumerate(frames):
        try:
            with located(frame, before):
                block, n = columns.block(frame), length_of(frame)
                ids = columns.ids(frame, textual) if columns.id else np.arange(next_id + before, next_id + before + n)
        except ValueError as error:
            _note(error, number)
            raise
        yield TableRows(block, ids, place_of(frame), before)
        before += n


def _note(error: ValueError, number: int) -> None:
    if number > 0:
        error.add_note(f"This is about frame {number} (counted from 0) of the table.")


def fill(change: Joint, rows: Iterable[TableRows], hashes: IdHashes, n_parts: int) -> int:
    """Let the parts learn rows, each its own. Returns how many there were.

    Raises
    ------
    TableError, DuplicateIdError, SqlearnError
        What a store raises that is given rows which it cannot learn; with a note about which frame it is.
    """
    begun: Any = {}
    count, learning, iterator, check = 0, 0, enumerate(rows), change.threads.check
    while True:
        try:
            number, given = next(iterator, (-1, None))
        except Exception:
            change.finish(begun)  # an error in the block before comes first
            raise
        try:
            change.finish(begun)
        except ValueError as error:
            _note(error, learning)
            raise
        if given is None:
            break
        share = {part: tuple(own) for part, *own in shares(*given[:2], hashes, n_parts, *given[2:])}

        def take(part: Any, number: int, share: dict[int, Any] = share) -> None:
            part.take(*share[number], check)
            change.threads.look(length(next(iter(share[number][0].values()))))

        begun, learning = change.start(take, share), number
        count += length(next(iter(given.block.values())))
    return count


def refuse_none(count: int) -> None:
    """Raise ShapeError where a table had no rows."""
    if not count:
        raise ShapeError("The table has no rows. Nothing was changed: pass at least one row.", reason="empty")
