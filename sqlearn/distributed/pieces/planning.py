"""The plan of a data set, from what a survey found in its pieces."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlearn.distributed.pieces.kinds import BOOLEAN, DECIMAL, TEXT, is_learned, is_number, plain, settled
from sqlearn.distributed.pieces.piece import Found, Piece
from sqlearn.distributed.pieces.plan import Plan, lacking, of_width
from sqlearn.errors import ShapeError, TableError, UnsupportedError, listed, shown
from sqlearn.storage.table import takes_categories

Surveyed = Mapping[str, Found]  # by what messages call the piece, of those that have rows


def planned(
    learner: Any,
    names: Sequence[str],
    found: Sequence[Found],
    target: Any,
    weight: Any,
    columns: Sequence[Any] | None,
) -> tuple[list[Piece], Plan]:
    """The pieces to read, without those that are known to be empty, and the plan for them.

    Parameters
    ----------
    learner : Learner
        What is to learn.
    names : sequence of str
        What messages call each piece that was looked at.
    found : sequence of Found
        What was found in each.
    target : name, list of names, or None
        Columns of the labels or targets; None where there are none, or where they come beside the features.
    weight : name or None
        Column of the weights, likewise.
    columns : sequence of names or None
        The features; by default all other columns.

    Raises
    ------
    SqlearnError
        When pieces do not fit together, or not the learner; it names them.
    """
    pieces = [piece for each in found if each.count != 0 for piece in each.pieces]
    filled = {name: each for name, each in zip(names, found, strict=True) if each.count != 0}
    if not filled:
        raise ShapeError(
            "All pieces are empty: found 0 sample(s). Nothing was changed: pass at least one row.", reason="empty"
        )
    first = _alike(filled)
    if first.form == "frame":
        plan = _of_frames(learner, filled, target, weight, columns)
    elif target is None and weight is None and columns is None:
        plan = _of_arrays(filled)
    else:
        name = next(name for name in (target, weight, columns) if name is not None)
        raise TableError(
            f"Arrays have no columns with names, and {shown(name)} was named. Nothing was changed: pass pieces (X, y) "
            "or (X, y, sample_weight), or frames.",
            reason="columns",
        )
    if first.form == "texts" and not learner.takes_documents:
        raise ShapeError(
            f"{next(iter(filled))} has one dimension, and {type(learner).__name__} does not learn from documents. "
            "Nothing was changed: pass arrays of two dimensions, or frames.",
            reason="shape",
        )
    plan = replace(plan, labels=learner.target == "label")
    has_target, has_weight = plan.target_ndim > 0, bool(plan.weight or first.weight)
    if learner.target is not None and not has_target:
        raise ShapeError(
            f"This {type(learner).__name__} estimator requires y to be passed, but the target y is None. Nothing was "
            "changed: name the target's column in `y`, or pass pieces (X, y).",
            reason="no target",
        )
    if has_weight and not learner.takes_weights:
        raise UnsupportedError(
            f"{type(learner).__name__} takes no sample_weight. Nothing was changed: leave it out.", reason="learner"
        )
    return pieces, plan


def _alike(filled: Surveyed) -> Found:
    """What the first piece is, as all others are."""
    of, first = next(iter(filled.items()))
    for name, each in filled.items():
        for what, one, other in (
            ("is a", first.form, each.form),
            ("is a frame of", first.library, each.library),
            ("has these dimensions of y:", first.ndim, each.ndim),
            ("has so many columns in y:", len(first.y), len(each.y)),
            ("has weights:", bool(first.weight), bool(each.weight)),
        ):
            if one != other:
                raise TableError(
                    f"{name} {what} {other}, and {of} {what} {one}. Nothing was changed: pass pieces of one form.",
                    reason="table",
                )
    return first


def _of_arrays(filled: Surveyed) -> Plan:
    first = next(iter(filled.values()))
    for name, each in filled.items():
        if len(each.kinds) != len(first.kinds):
            raise of_width(name, len(each.kinds), len(first.kinds))
    kind = _over("X", {name: [*each.kinds.values()][:1] for name, each in filled.items()}, filled)
    features = tuple(first.kinds)
    beside = _beside(filled)
    return Plan(first.form, features, (kind,) * len(features), target_kind=beside, target_ndim=first.ndim)


def _of_frames(learner: Any, filled: Surveyed, target: Any, weight: Any, columns: Sequence[Any] | None) -> Plan:
    of, first = next(iter(filled.items()))
    several = isinstance(target, list | tuple)
    targets = tuple(target) if several else () if target is None else (target,)
    weights = () if weight is None else (weight,)
    for what, names, beside in (("y", targets, first.y), ("sample_weight", weights, first.weight)):
        if names and beside:
            raise TableError(
                f"`{what}` names {listed(names)}, and {of} is a tuple that has it beside the features. Nothing was "
                "changed: pass one of both.",
                reason="target",
            )
    features = (
        tuple(name for name in first.kinds if name not in (*targets, *weights)) if columns is None else tuple(columns)
    )
    chosen = (*features, *targets, *weights)
    twice = [name for name in chosen if chosen.count(name) > 1]
    if twice or not features:
        told = f"the column {shown(twice[0])} is named twice" if twice else "there is no feature"
        raise TableError(
            f"Among features, targets and weights, {told}. Nothing was changed: name each column once, and at least "
            "one feature.",
            reason="columns",
        )
    for name, each in filled.items():
        missing = [column for column in chosen if column not in each.kinds]
        if missing:
            raise lacking(name, missing[0], [*each.kinds])
        more = [column for column in each.kinds if column not in first.kinds] if columns is None else []
        if more:
            raise TableError(
                f"{name} has the column {shown(more[0])}, and {of} has not. Nothing was changed: name the features in "
                "`columns`.",
                column=more[0],
                reason="columns",
            )
    kinds = tuple(_of_column(name, filled) for name in features)
    if any(each.declared for each in filled.values()) and not takes_categories(learner):
        kinds = tuple("float64" if is_number(kind) else kind for kind in kinds)  # as which they are learned
    odd = [(name, kind) for name, kind in zip(features, kinds, strict=True) if not is_learned(kind)]
    if odd:
        raise TableError(
            f"The column {shown(odd[0][0])} holds values of type {odd[0][1]}, from which models do not learn. Nothing "
            "was changed: convert it to numbers or text, or name the features without it in `columns`.",
            column=odd[0][0],
            reason="columns",
        )
    if targets:
        by_piece = {name: [plain(each.kinds[column]) for column in targets] for name, each in filled.items()}
        target_kind = _over(f"The target {listed(targets)}", by_piece, filled)
    else:
        target_kind = _beside(filled)
    for name in weights:
        kind = _of_column(name, filled)
        if not (is_number(kind) or kind in (BOOLEAN, DECIMAL)):
            raise TableError(
                f"The column of weights {shown(name)} holds {kind}. Nothing was changed: weights are numbers.",
                column=name,
                reason="columns",
            )
    others: dict[Any, str] = {}
    unsettled: dict[Any, str] = {}  # which is no error: nobody has asked for these
    for name in dict.fromkeys(name for each in filled.values() for name in each.kinds if name not in chosen):
        without = next((piece for piece, each in filled.items() if name not in each.kinds), None)
        if without is not None:
            unsettled[name] = f"is not in {without}"
            continue
        try:
            others[name] = _of_column(name, filled)
        except TableError:
            unsettled[name] = "holds other types in other pieces"
    documents = learner.takes_documents and len(features) == 1 and kinds[0] == TEXT
    ndim = (2 if several else 1) if targets else first.ndim
    return Plan("frame", features, kinds, targets, target_kind, ndim, weights, documents, (), others, unsettled)


def _of_column(name: Any, filled: Surveyed) -> str:
    return _over(f"Column {shown(name)}", {piece: [each.kinds[name]] for piece, each in filled.items()}, filled)


def _beside(filled: Surveyed) -> str:
    """The kind of all labels or targets that come beside the features."""
    if not next(iter(filled.values())).y:
        return "float64"
    return _over("The target", {name: [*map(plain, each.y)] for name, each in filled.items()}, filled)


def _over(what: str, by_piece: Mapping[str, Sequence[str]], filled: Surveyed) -> str:
    """The one kind of a column, or of several that are one array."""
    if {BOOLEAN, TEXT} == {kind for kinds in by_piece.values() for kind in kinds}:
        if all(each.written for each in filled.values()):
            return TEXT
    several = max(map(len, by_piece.values())) > 1
    return settled(
        what,
        {
            f"column {j} of {name}" if several else name: kind
            for name, kinds in by_piece.items()
            for j, kind in enumerate(kinds)
        },
    )
