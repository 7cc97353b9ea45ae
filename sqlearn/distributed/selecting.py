"""Rows of a fitted model's pieces that ids or a condition name: found where they lie, and forgotten or relabelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from sqlearn.distributed.choosing import Chosen, chosen_in, taken
from sqlearn.distributed.gathering import copies_gathered
from sqlearn.distributed.grouping import ranks
from sqlearn.distributed.learning import names_of
from sqlearn.distributed.ledger import PiecedLedger
from sqlearn.distributed.pieces import Block, Piece, joined
from sqlearn.distributed.pieces.kinds import DECIMAL, OBJECT, TEXT, is_number, plain
from sqlearn.distributed.rounds import solve
from sqlearn.distributed.rows import PiecedRows
from sqlearn.distributed.source import Source, moved
from sqlearn.distributed.workers import run
from sqlearn.engine.model import ExactEstimator
from sqlearn.errors import (
    NotLearnedError,
    ParameterError,
    ShapeError,
    SqlearnError,
    TableError,
    UnknownIdError,
    UnsupportedError,
    shown,
)
from sqlearn.storage.calls import called_as
from sqlearn.storage.conditions import Condition
from sqlearn.storage.table import Column, Columns, as_list, check_given_once, named_ids, takes_interactions

_STORED = {"bool": "boolean", "text": "category", "object": "category"}  # conditions' words for kinds


class Meant(NamedTuple):
    """Rows of one of a model's sources that are meant.

    Attributes
    ----------
    source : Source
        The pieces.
    number : int
        Which of them.
    chosen : Chosen
        Its rows.
    """

    source: Source
    number: int
    chosen: Chosen


@called_as('forget(model, ids=[...], id="...")', 'forget(model, where="...")')
def forget(model: Any, *, where: str | None = None, ids: Any = None, id: str | None = None) -> int:
    """Forget rows of the pieces that a model was fitted to, by ids or by a condition.

    Each piece is asked where it lies which of its rows are meant, and only these travel. All are forgotten, or none. A
    row that was forgotten so before is not meant any more, and one that :func:`relabel` changed is forgotten with its
    label of now. The model's own ``forget`` and ``relabel`` know contents alone: of equal rows in the pieces they do
    not tell whose went, so neither can this function any more, and it refuses.

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
        When no row has an id, or one is given twice.
    NotLearnedError
        When a row with an id is held no more; rows under a condition that are not held are passed over. Or when it
        cannot be told whether a row is held, as the model's own methods took out some rows equal to it.
    ConditionError
        When the condition cannot be read, or does not fit the columns.
    BusyError
        When another call is changing the model.
    UnsupportedError
        When the rows cannot be reached, or it is not known where they came from, as of a copy.

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
    with _turn(model):
        found, names = _meant(model, where, ids, id)
        if not found:
            return 0
        whole = joined([meant.chosen.block for meant in found])
        with _located(whole):
            model.forget(**whole.args())
        for (source, number, chosen), some in zip(found, _of_each(found, names), strict=True):
            source.forgotten(number, chosen.rows, some)
        _solve(model, "forgotten")
    return len(whole)


@called_as('relabel(model, to=..., ids=[...], id="...")', 'relabel(model, to=..., where="...")')
def relabel(model: Any, *, to: Any, where: str | None = None, ids: Any = None, id: str | None = None) -> int:
    """Give rows of the pieces that a model was fitted to another label or target, by ids or by a condition.

    All are relabelled, or none. The pieces stay as they are: the model knows which rows have another label now, and so
    do :func:`forget` and :func:`rows_of`. Conditions see the label that lies in the pieces.

    Parameters
    ----------
    model : estimator
        What :func:`fit` returned; not a copy.
    to : label, number or sequence of numbers
        Their label or target from now on; of several targets, one for each.
    where : str, optional
        An SQL condition over the columns of the pieces, as of :func:`forget`.
    ids : id or sequence of ids, optional
        Texts or whole numbers: all rows that have one are meant.
    id : str, optional
        The column that has them.

    Returns
    -------
    int
        How many rows were relabelled.

    Raises
    ------
    ShapeError
        When `to` is not one label or target.
    UnsupportedError
        When the learner takes neither labels nor targets, or the rows cannot be reached.
    SqlearnError
        As :func:`forget` does.

    Examples
    --------
    >>> import pandas as pd
    >>> from sqlearn.distributed import fit, forget, relabel
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> table = pd.DataFrame({"person": ["ann", "bob", "cid"], "age": [41.0, 22.0, 22.0], "buys": [1, 0, 0]})
    >>> model = fit(GaussianNB(), [table], y="buys", columns=["age"])
    >>> relabel(model, to=1, ids="bob", id="person"), model.theta_
    (1, array([[22. ],
           [31.5]]))
    >>> forget(model, ids="bob", id="person"), model.theta_
    (1, array([[22.],
           [41.]]))
    """
    with _turn(model):
        found, names = _meant(model, where, ids, id)
        if not found:
            return 0
        whole = joined([meant.chosen.block for meant in found])
        if whole.y is None:
            raise UnsupportedError(
                f"{type(model).__name__} has learned neither labels nor targets, so there is nothing to relabel. "
                "Nothing was changed: forget rows, and learn others.",
                reason="relabel",
            )
        target = np.asarray(to)
        if target.shape != whole.y.shape[1:]:
            raise ShapeError(
                f"`to` has shape {target.shape}, and each row has a label or target of shape {whole.y.shape[1:]}. "
                "Nothing was changed: pass one for all rows.",
                reason="shape",
            )
        new = replace(whole, y=np.repeat(target[None], len(whole), axis=0))
        given = {} if whole.weight is None else {"sample_weight": whole.weight}
        with _located(whole):
            new_names = names_of(model, new)
            model.relabel(whole.X, whole.y, new.y, **given)
        each = zip(found, _of_each(found, names), _of_each(found, new_names), strict=True)
        for (source, number, chosen), some, others in each:
            source.relabelled(number, chosen.rows, target, some, others)
        _solve(model, "relabelled")
    return len(whole)


@contextmanager
def _turn(model: Any) -> Iterator[None]:
    """Context of one change by name: another one that looked its rows up meanwhile would mean what is gone by then."""
    taken: list[Source] = []
    try:
        for source in _sources_of(model):
            busy, source.busy = source.busy, True  # as State.begin
            if busy:
                raise model.state.is_busy()
            taken.append(source)
        yield
    finally:
        for source in taken:
            source.busy = False


def _solve(model: Any, done: str) -> None:
    """Have an adaptive learner answer from now on, even when the workers end: it would solve when it is read."""
    try:
        solve(model.state)
    except UnsupportedError:
        pass  # the workers have just ended, and the change is made: whoever reads the model is told where its rows are
    except BaseException as error:
        error.add_note(f"The rows were {done}. The others are solved for when the model is read.")
        raise


@called_as('rows_of(model, ids=[...], id="...")', 'rows_of(model, where="...")')
def rows_of(model: Any, *, where: str | None = None, ids: Any = None, id: str | None = None) -> Bunch:
    """Return rows of the pieces that a model was fitted to, as its methods take them: to inspect them, say.

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
    >>> with model.without(rows.X, rows.y):
    ...     model.theta_
    array([[41.]])
    """
    found, _ = _meant(model, where, ids, id)
    whole = joined([meant.chosen.block for meant in found]) if found else None
    given = {name: getattr(whole, name, None) for name in ("X", "y", "weight")}
    return Bunch(X=given["X"], y=given["y"], sample_weight=given["weight"])


def _meant(model: Any, where: Any, ids: Any, id: Any) -> tuple[list[Meant], np.ndarray]:
    """The rows that are meant, by piece, and the names of their records; of a condition, those that are held."""
    found = _found(_sources_of(model), where, ids, id)
    if not found:
        return found, np.zeros((0, 2), np.uint64)
    whole = joined([meant.chosen.block for meant in found])
    with _located(whole):
        names = names_of(model, whole)
        here, (copies, named) = ranks(names), _copies(model, names)
        _, record, alike = np.unique(names, axis=0, return_inverse=True, return_counts=True)
        unclear = np.flatnonzero((0 < copies) & (copies < named) & (alike[record.ravel()] < named))
        if len(unclear):
            row = int(unclear[0])
            raise NotLearnedError(
                f"Row {row} equals {named[row] - 1:,} other row(s) of the pieces, and {copies[row]:,} of all these are "
                "held: the model forgot or relabelled the rest by their contents, which do not say whose they were. "
                "Nothing was changed: forget this row by its contents, too, and from now on take distributed.forget "
                "and distributed.relabel for rows of the pieces.",
                row=row,
            )
    stay = np.ones(len(whole), bool) if where is None else here < copies
    found = [_less(meant, some) for meant, some in zip(found, _of_each(found, stay), strict=True) if some.any()]
    return found, names[stay]


def _of_each(found: Sequence[Meant], values: np.ndarray) -> list[np.ndarray]:
    """Values of all rows that are meant, by piece."""
    return np.split(values, np.cumsum([len(meant.chosen.rows) for meant in found])[:-1])


@contextmanager
def _located(whole: Block) -> Iterator[None]:
    """Context in which errors about rows name the piece."""
    try:
        yield
    except SqlearnError as error:
        if error.row is not None:
            with whole.located():
                raise
        raise


def _found(sources: Sequence[Source], where: Any, ids: Any, id: Any) -> list[Meant]:
    """The rows of each piece that are named so."""
    if (where is None) == (ids is None) or (ids is None) != (id is None):
        raise ParameterError(
            "Name rows by `where`, or by `ids` and `id`, the column that has them. Nothing was changed: pass one of "
            "these."
        )
    if isinstance(ids, Iterator):
        ids = [*ids]
    found: list[Meant] = []
    wanted: set[Any] = set()
    for source in sources:
        plan = source.plan
        names = [name for name in (*plan.columns, *plan.others, *plan.unsettled) if isinstance(name, str)]
        kinds = {name: plan.kind_of(name) for name in names}
        columns = [Column(name, "kept", _stored(kind or OBJECT)) for name, kind in kinds.items()]
        if where is None:
            if not isinstance(id, str) or id not in kinds:
                raise TableError(
                    f"The pieces have no column {shown(id)}. Nothing was changed: name the column of ids.",
                    column=id if isinstance(id, str) else None,
                    reason="columns",
                )
            plan = plan.keeping([id])
            kind = kinds[id] or OBJECT
            of = plain(kind)
            if not (of in (TEXT, OBJECT, DECIMAL) or (is_number(of) and (of == kind or "int" in of))):
                raise TableError(
                    f"The column {shown(id)} is of the type {kind}, and ids are texts or whole numbers. Nothing "
                    "was changed: name another column, or pass a condition as `where`.",
                    column=id,
                    reason="columns",
                )
            texts = any(isinstance(each, str) for each in as_list(ids))
            textual = of == TEXT or (of == OBJECT and texts)  # objects may be both
            listed = named_ids(ids, textual, "these pieces", f"the column {shown(id)}")
            check_given_once(listed)
            wanted = {*listed}
            condition = None
        else:
            condition = Condition(where, columns)
            plan = plan.keeping(condition.reads)
        kept = Columns([column for column in columns if column.name in plan.keep], None)
        calls = [
            (plan, piece, kept, where, wanted, sorted(source.gone.get(number, ())), source.targets.get(number, {}))
            for number, piece in enumerate(source.pieces)
        ]
        chosen = run(source.workers, chosen_in, calls)
        if condition is not None:
            condition.settle([each.seen for each in chosen])
        for number, each in enumerate(chosen):
            if len(each.rows):
                each.block.place = partial(_placed, source.pieces[number], each.rows)
                found.append(Meant(source, number, each))
    unknown = sorted(wanted.difference(*(meant.chosen.ids for meant in found)), key=str)
    if unknown:
        raise UnknownIdError(
            f"No row of the pieces has the id {shown(unknown[0])}, or it was forgotten. Nothing was changed: compare "
            f"with the column {shown(id)}.",
            value=unknown[0],
        )
    return found


def _copies(model: Any, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many copies of records with these names are held, and how many rows of the pieces are these records now."""
    state = model.state
    places = state.ledger, getattr(state.statistic, "rows", None)
    pieced = next((place for place in places if isinstance(place, PiecedLedger | PiecedRows)), None)
    if pieced is None:
        listed, held = np.zeros(len(names), np.int64), state.copies(names)
    else:
        listed = pieced.count(names)
        held = listed + pieced.beyond(names)
    return held, listed + copies_gathered(model, state.sources, names) + moved(state.sources, names)


def _sources_of(model: Any) -> Sequence[Source]:
    """The pieces that a model was fitted to."""
    if not isinstance(model, ExactEstimator):
        raise UnsupportedError(
            f"This is not what distributed.fit returned, but {shown(model)}. Nothing was changed: pass the model that "
            "fit returned. All other models forget and relabel rows by methods of their own.",
            reason="learner",
        )
    state = model.state
    if state.sources:
        return state.sources
    state.check_free()
    why = (
        "it was not fitted by distributed.fit, or it is a copy of what was: a pickle does not say where rows came from"
    )
    advice = "select the rows from the table, and call its own forget with them"
    if takes_interactions(model):
        why, advice = "a recommender finds rows by their users and items itself", "pass these to its own forget"
    elif not (state.params.get("ledger", True) or model.keeps_records):
        why = "it was fitted with ledger=False, and cannot tell which rows it holds"
    raise UnsupportedError(
        f"Rows of this {type(model).__name__} cannot be looked up in pieces: {why}. Nothing was changed: {advice}; or "
        "keep the table in a Store, which finds rows by ids and conditions for every learner.",
        reason="rows elsewhere",
    )


def _stored(kind: str) -> str:
    """What conditions call columns of this kind."""
    if kind.startswith("category"):
        return "category"
    return _STORED.get(kind, "date" if kind.startswith("date") else "number")


def _placed(piece: Piece, rows: np.ndarray, row: int) -> tuple[str, dict[str, int]]:
    return piece.place(int(rows[row]))


def _less(meant: Meant, stay: np.ndarray) -> Meant:
    """Some of these rows, bool[n]."""
    source, number, chosen = meant
    if stay.all():
        return meant
    rows = chosen.rows[stay]
    block = taken(chosen.block, np.flatnonzero(stay))
    block.place = partial(_placed, source.pieces[number], rows)
    return Meant(source, number, chosen._replace(rows=rows, block=block))
