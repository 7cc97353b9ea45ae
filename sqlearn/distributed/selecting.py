"""Rows of a fitted model's pieces that are named by ids or by a condition: found where they lie, and forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils import Bunch

from sqlearn.distributed.ledger import PiecedLedger
from sqlearn.distributed.pieces import Block, Piece, Plan, joined
from sqlearn.distributed.rows import PiecedRows
from sqlearn.distributed.workers import Workers, pause, run
from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import (
    NotLearnedError,
    ParameterError,
    TableError,
    UnknownIdError,
    UnknownLabelError,
    UnsupportedError,
    shown,
)
from sqlearn.storage.conditions import Condition, Seen
from sqlearn.storage.table import Category, Column, Columns, named_ids

_STORED = {"bool": "boolean", "text": "category", "object": "category", "int64": "whole"}  # conditions' words for kinds


@dataclass
class Source:
    """The pieces that a model was fitted to.

    Attributes
    ----------
    pieces : sequence of Piece
        Where its rows lie.
    plan : Plan
        How they are read.
    workers : Workers
        What reads them.
    gone : dict of int to set of int
        The numbers of rows that :func:`forget` took out, by piece.
    """

    pieces: Sequence[Piece]
    plan: Plan
    workers: Workers
    gone: dict[int, set[int]] = field(default_factory=dict)


class Chosen(NamedTuple):
    """Rows of a piece that are meant.

    Attributes
    ----------
    rows : int64[n]
        Their numbers.
    block : Block
        Their contents; None if there are none.
    seen : Seen
        What the columns of a condition were seen to hold.
    ids : set
        Which ids they have.
    """

    rows: np.ndarray
    block: Any
    seen: Seen
    ids: set[Any]


def forget(model: Any, *, where: str | None = None, ids: Any = None, id: str | None = None) -> int:
    """Forget rows of the pieces that a model was fitted to, by ids or by a condition.

    Each piece is asked where it lies which of its rows are meant, and only these travel. All are forgotten, or none. A
    row that was forgotten so before is not meant any more.

    Parameters
    ----------
    model : estimator
        What :func:`fit` returned; not a copy.
    where : str, optional
        An SQL condition over the columns of the pieces, learned or not, as of :meth:`sqlearn.Store.forget`.
    ids : id or sequence of ids, optional
        Texts or whole numbers: all rows that have one are meant.
    id : str, optional
        The column that has them.

    Returns
    -------
    int
        How many rows were forgotten.

    Raises
    ------
    UnknownIdError
        When no row has an id.
    NotLearnedError
        When a row with an id is held no more; rows under a condition that are not held are passed over.
    ConditionError
        When the condition cannot be read, or does not fit the columns.
    UnsupportedError
        When the rows cannot be reached.

    Examples
    --------
    >>> import pandas as pd
    >>> from sqlearn.distributed import fit, forget
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> north = pd.DataFrame({"person": ["ann", "bob"], "age": [41.0, 22.0], "buys": [1, 0]})
    >>> south = pd.DataFrame({"person": ["cid", "dan"], "age": [35.0, 77.0], "buys": [0, 1]})
    >>> model = fit(GaussianNB(), [north, south], y="buys", columns=["age"])
    >>> forget(model, where="person glob 'd*' or age < 30"), model.n_records_
    (2, 2)
    >>> forget(model, ids=["cid"], id="person"), model.theta_
    (1, array([[41.]]))
    """
    found = _found(model, where, ids, id)
    while found:
        whole = joined([chosen.block for _, _, chosen in found])
        try:
            model.forget(**whole.args())
        except (NotLearnedError, UnknownLabelError) as error:
            if where is None or error.row is None:
                with whole.located():
                    raise
            found = _less(found, error.row)
            continue
        for source, number, chosen in found:
            source.gone.setdefault(number, set()).update(chosen.rows.tolist())
        return len(whole)
    return 0


def rows_of(model: Any, *, where: str | None = None, ids: Any = None, id: str | None = None) -> Bunch:
    """Return rows of the pieces that a model was fitted to, as its methods take them: to relabel or to inspect them.

    Parameters
    ----------
    model : estimator
        What :func:`fit` returned; not a copy.
    where : str, optional
        An SQL condition over the columns of the pieces.
    ids : id or sequence of ids, optional
        Texts or whole numbers.
    id : str, optional
        The column that has them.

    Returns
    -------
    Bunch
        ``X``, ``y`` and ``sample_weight`` of the rows that :func:`forget` would take out; None where there are none.

    Raises
    ------
    SqlearnError
        As :func:`forget` does.

    Examples
    --------
    >>> import pandas as pd
    >>> from sqlearn.distributed import fit, rows_of
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> table = pd.DataFrame({"person": ["ann", "bob"], "age": [41.0, 22.0], "buys": [1, 0]})
    >>> model = fit(GaussianNB(), [table], y="buys", columns=["age"])
    >>> rows = rows_of(model, ids="bob", id="person")
    >>> model.relabel(rows.X, rows.y, [1]).theta_
    array([[31.5]])
    """
    found = _found(model, where, ids, id)
    whole = joined([chosen.block for _, _, chosen in found]) if found else None
    given = {name: getattr(whole, name, None) for name in ("X", "y", "weight")}
    return Bunch(X=given["X"], y=given["y"], sample_weight=given["weight"])


def _found(model: Any, where: Any, ids: Any, id: Any) -> list[tuple[Source, int, Chosen]]:
    """The rows that are meant: source, number of the piece, and the rows, for each piece."""
    if (where is None) == (ids is None) or (ids is None) != (id is None):
        raise ParameterError(
            "Name rows by `where`, or by `ids` and `id`, the column that has them. Nothing was changed: pass one of "
            "these."
        )
    found: list[tuple[Source, int, Chosen]] = []
    wanted: set[Any] = set()
    for source in _sources(model):
        names = [name for name in (*source.plan.columns, *source.plan.others) if isinstance(name, str)]
        kinds = {name: source.plan.kind_of(name) for name in names}
        columns = [Column(name, "kept", _stored(kind)) for name, kind in kinds.items() if kind is not None]
        if where is None:
            if kinds.get(id) is None:
                raise TableError(
                    f"The pieces have no column {shown(id)}. Nothing was changed: name the column of ids.",
                    column=id if isinstance(id, str) else None,
                    reason="columns",
                )
            textual = next(column.kind == "category" for column in columns if column.name == id)
            wanted = {*named_ids(ids, textual)}
            condition, keep = None, [id]
        else:
            condition = Condition(where, columns)
            keep = condition.reads
        kept = Columns([column for column in columns if column.name in keep], None)
        plan = source.plan.keeping(keep)
        calls = [
            (plan, piece, kept, where, wanted, sorted(source.gone.get(number, ())))
            for number, piece in enumerate(source.pieces)
        ]
        chosen = run(source.workers, _chosen_in, calls)
        if condition is not None:
            condition.settle([each.seen for each in chosen])
        for number, each in enumerate(chosen):
            if len(each.rows):
                each.block.place = partial(_placed, source.pieces[number], each.rows)
                found.append((source, number, each))
    unknown = sorted(wanted.difference(*(each.ids for _, _, each in found)), key=str)
    if unknown:
        raise UnknownIdError(
            f"No row of the pieces has the id {shown(unknown[0])}, or it was forgotten. Nothing was changed: compare "
            f"with the column {shown(id)}.",
            value=unknown[0],
        )
    return found


def _sources(model: Any) -> list[Source]:
    if not isinstance(model, ExactEstimator):
        raise UnsupportedError(
            f"forget expects what distributed.fit returned, not {shown(model)}. Nothing was changed.", reason="learner"
        )
    state = model.state
    rows = getattr(state.statistic, "rows", None)
    if isinstance(state.ledger, PiecedLedger):
        return [index.source for index in state.ledger.indexes if index.source is not None]
    if isinstance(rows, PiecedRows):
        return [rows.parts.source]
    state.check_free()
    raise UnsupportedError(
        f"The rows of this {type(model).__name__} do not lie in pieces: it was not fitted by distributed.fit, has no "
        "ledger, or keeps its records itself. Nothing was changed: call its own forget with the rows.",
        reason="rows elsewhere",
    )


def _stored(kind: str) -> str:
    """What conditions call columns of this kind."""
    if kind.startswith("category"):
        return "category"
    return _STORED.get(kind, "date" if kind.startswith("date") else "number")


def _placed(piece: Piece, rows: np.ndarray, row: int) -> tuple[str, dict[str, int]]:
    return piece.place(int(rows[row]))


def _chosen_in(
    plan: Plan, piece: Piece, kept: Columns, where: str | None, ids: set[Any], gone: Sequence[int]
) -> Chosen:
    """The rows of a piece that fulfil a condition, or have one of these ids, but for those that are gone."""
    blocks, numbers, found, told = [], [np.zeros(0, np.int64)], set(), Seen({}, {})
    condition = None if where is None else Condition(where, kept.all)
    for block in piece.blocks(plan):
        pause()
        if not len(block):
            continue
        with block.located():
            values = kept.block(block.kept) if kept.all else {}
        if condition is None:
            (column,) = values.values()
            held = column.values() if isinstance(column, Category) else column
            places = np.flatnonzero([id in ids for id in held.tolist()])
        else:
            places = _matching(condition, values, len(block), told)
        places = places[~np.isin(places + block.start, gone)]
        if len(places):
            found |= set() if condition is not None else {*held[places].tolist()}
            numbers.append(places + block.start)
            blocks.append(_taken(block, places))
    return Chosen(np.concatenate(numbers), joined(blocks) if blocks else None, told, found)


def _matching(condition: Condition, values: dict[str, Any], n: int, told: Seen) -> np.ndarray:
    """The rows of a block that fulfil a condition; `told` is told what its columns hold."""
    seen, slots = Seen({}, {}), np.arange(n)
    found = np.concatenate([slots[:0], *condition.matches([(slots, values)], seen)])
    told.no_dates.update(seen.no_dates | told.no_dates)
    for name, kinds in seen.kinds.items():
        told.kinds.setdefault(name, set()).update(kinds)
    return found


def _taken(block: Block, places: np.ndarray) -> Block:
    """Some rows of a block, without where they stand."""
    is_frame = nw.dependencies.is_into_dataframe(block.X)
    X: Any = nw.from_native(block.X, eager_only=True)[places].to_native() if is_frame else block.X[places]
    y, weight = (None if part is None else part[places] for part in (block.y, block.weight))
    return Block(X, y, weight, 0, block.piece, _nowhere)


def _nowhere(row: int) -> tuple[str, dict[str, int]]:
    return "", {}


def _less(found: list[tuple[Source, int, Chosen]], row: int) -> list[tuple[Source, int, Chosen]]:
    """All but one of these rows, which is counted through all of them."""
    rest = []
    for source, number, chosen in found:
        n = len(chosen.rows)
        if 0 <= row < n:
            stay = np.delete(np.arange(n), row)
            if len(stay):
                block = _taken(chosen.block, stay)
                block.place = partial(_placed, source.pieces[number], chosen.rows[stay])
                rest.append((source, number, chosen._replace(rows=chosen.rows[stay], block=block)))
        else:
            rest.append((source, number, chosen))
        row -= n
    return rest
