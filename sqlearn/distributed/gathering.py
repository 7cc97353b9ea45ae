"""Learners that keep their records: the rows of all pieces are gathered in one place, up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp

from sqlearn.distributed.learning import noted
from sqlearn.distributed.names import Collector, Names, merged_names
from sqlearn.distributed.pieces import Block, Piece, Plan, joined
from sqlearn.distributed.source import Source
from sqlearn.distributed.workers import Workers, pause, run
from sqlearn.engine.identity import add_terms
from sqlearn.errors import ShapeError, TableError, TooLargeError


def gathered(
    learner: Any,
    pieces: Sequence[Piece],
    plan: Plan,
    workers: Workers,
    limit: int,
    report: Callable[[int], object],
) -> None:
    """Fit a learner to the rows of all pieces, read into this process.

    Raises
    ------
    TooLargeError
        If they are more than `limit` bytes.
    SqlearnError
        As its ``fit`` does.
    """
    found, size = [], 0
    name = type(learner).__name__
    step = 2 * workers.count
    for start in range(0, len(pieces), step):
        some = pieces[start : start + step]
        for piece, rows in zip(some, run(workers, _read, [(plan, piece, limit, name) for piece in some]), strict=True):
            if rows is None:
                continue
            X, y, weight = rows
            block = Block(X, y, weight, 0, piece.name, piece.place)
            size += _size(rows)
            if size > limit:
                raise _too_large(name, limit)
            found.append(block)
            report(len(block))
    if not found:
        raise ShapeError(
            "All pieces are empty: there are 0 sample(s). Nothing was changed: pass at least one row.", reason="empty"
        )
    whole = joined(found)
    with whole.located():
        learner.fit(**whole.args())


def _read(plan: Plan, piece: Piece, limit: int, learner: str) -> tuple[Any, Any, Any] | None:
    """The features, labels or targets and weights of a piece; None if it has no rows."""
    blocks, size = [], 0
    for block in piece.blocks(plan):
        pause()
        if len(block):
            blocks.append(block)
            size += _size((block.X, block.y, block.weight))
            if size > limit:
                raise _too_large(learner, limit)
    if not blocks:
        return None
    whole = joined(blocks)
    return whole.X, whole.y, whole.weight


def copies_gathered(model: Any, sources: Iterable[Source], names: np.ndarray) -> np.ndarray:
    """How many copies of records with these names, uint64[n, >=2], the gathered pieces have, int64[n].

    For the first question their names are read, 18 bytes for each row.

    Raises
    ------
    TableError
        When the pieces have other rows by then.
    """
    found = np.zeros(len(names), np.int64)
    for source in sources:
        if source.memory is not None:
            if source.names is None:
                like = model.emptied()
                calls = [(like, source.plan, piece, i, source.memory) for i, piece in enumerate(source.pieces)]
                read = run(source.workers, _names_in, calls)
                total = np.zeros(4, np.uint64)
                hashes = [hashed for _, blocks in read for hashed in blocks]
                add_terms(total, np.pad(np.array(hashes, np.uint64).reshape(-1, 4), ((0, 0), (2, 0))), 1.0)
                if not np.array_equal(total, source.multiset):
                    raise TableError(
                        "The pieces have other rows now than those that were learned. Nothing was changed: pass data "
                        "that stays as it is, and fit again; or forget rows by their contents, with the model's own "
                        "forget.",
                        reason="table",
                    )
                source.names = merged_names([runs for runs, _ in read], source.memory)
            found += source.names.count(names)
    return found


def _names_in(model: Any, plan: Plan, piece: Piece, number: int, memory: int) -> tuple[list[Names], list[np.ndarray]]:
    """The names of the records of a piece, in runs, and a hash of those of each block."""
    found, hashes = Collector(number, memory, 0), []
    for block in piece.blocks(plan):
        pause()
        if len(block):
            with block.located():
                names, hashed = noted(model, block)
            found.note(names)
            hashes.append(hashed)
    return found.names()[0], hashes


def _size(parts: Sequence[Any]) -> int:
    """Bytes of these arrays and frames."""
    return sum(0 if part is None else _bytes(part) for part in parts)


def _bytes(part: Any) -> int:
    if sp.issparse(part):
        return int(part.data.nbytes + part.indices.nbytes + part.indptr.nbytes)
    if isinstance(part, np.ndarray):
        texts = sum(map(len, map(str, part.ravel()))) if part.dtype == object else 0
        return int(part.nbytes + texts)
    return int(nw.from_native(part, eager_only=True).estimated_size())


def _too_large(learner: str, limit: int) -> TooLargeError:
    return TooLargeError(
        f"{learner} keeps its records, so the rows of all pieces are gathered in this process, and they take more "
        f"than the {limit:,} bytes of gather_limit. Nothing was changed: allow more by gather_limit, fit fewer rows, "
        "or take a learner of sums, whose rows stay where they lie (docs/scale.md)."
    )
