"""How the pieces of a data set are read: settled once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.distributed.pieces.block import ROWS, Block
from sqlearn.distributed.pieces.kinds import OBJECT, TEXT, as_asked, as_kind, as_labels, as_values
from sqlearn.errors import ShapeError, TableError, listed, shown
from sqlearn.storage.table import Place

if TYPE_CHECKING:
    from sqlearn.distributed.pieces.piece import Piece, PieceRows


@dataclass(frozen=True)
class Plan:
    """How pieces are read into blocks.

    Attributes
    ----------
    form : {"frame", "array", "sparse", "texts"}
        Of the features as they lie in the pieces.
    features : tuple
        Their names; of arrays, positions.
    kinds : tuple of str
        The one kind of each over all pieces.
    target, weight : tuple
        Names of columns of a frame that hold the labels or targets, and the weights; empty where they come beside it.
    target_kind : str
        The one kind of all labels or targets.
    target_ndim : int
        Dimensions in which they are given to the learner; 0 where there are none.
    documents : bool
        Whether the learner takes the one feature as documents.
    keep : tuple
        Names of columns that blocks have beside what is learned; their numbers are of the types of each piece.
    others : mapping
        The kinds of the columns that are not learned.
    unsettled : mapping
        Of columns that have no one kind, or are not in all pieces, which of both it is, in words.
    labels : bool
        Whether targets are labels, of which none is rounded.
    """

    form: str
    features: tuple[Any, ...]
    kinds: tuple[str, ...]
    target: tuple[Any, ...] = ()
    target_kind: str = OBJECT
    target_ndim: int = 0
    weight: tuple[Any, ...] = ()
    documents: bool = False
    keep: tuple[Any, ...] = ()
    others: Mapping[Any, str] = field(default_factory=dict)
    unsettled: Mapping[Any, str] = field(default_factory=dict)
    labels: bool = False

    def keeping(self, names: Sequence[Any]) -> Plan:
        """This plan, with these columns beside what is learned, as :attr:`Block.kept`; of frames and files."""
        if self.form != "frame":
            raise TableError(
                f"Arrays have no columns with names, so there is no column {listed(names)}. Nothing was changed: pass "
                "frames or files.",
                reason="columns",
            )
        for name in names:
            if self.kind_of(name) is None:
                raise TableError(
                    f"The column {shown(name)} {self.unsettled.get(name, 'is in none of the pieces')}. Nothing was "
                    f"changed: columns that all pieces have, of one type, are {listed([*self.columns, *self.others])}.",
                    column=name,
                    reason="columns",
                )
        return replace(self, keep=tuple(names))

    def of_kept(self) -> Plan:
        """A plan that reads the kept columns alone, of which there are some."""
        return replace(self, features=self.keep, kinds=self._kinds_kept(), target=(), weight=(), documents=False)

    def _kinds_kept(self) -> tuple[str, ...]:
        return tuple(as_asked(self.kind_of(name) or OBJECT) for name in self.keep)

    def kind_of(self, name: Any) -> str | None:
        """The settled kind of a column of a frame; None of one that has none."""
        if name in self.features:
            return self.kinds[self.features.index(name)]
        if name in self.target:
            return self.target_kind
        return "float64" if name in self.weight else self.others.get(name)

    @property
    def columns(self) -> list[Any]:
        """The names of all columns of a frame that are read."""
        return [*dict.fromkeys((*self.features, *self.target, *self.weight, *self.keep))]

    def blocks(self, rows: PieceRows, before: int, piece: Piece) -> Iterator[Block]:
        """Rows of a piece in this form.

        Parameters
        ----------
        rows : PieceRows
            As they were read.
        before : int
            The number of rows before them in the piece.
        piece : Piece
            The piece.
        """
        X = rows.X
        frame = nw.from_native(X, eager_only=True) if self.form == "frame" else None
        if frame is not None:
            missing = [name for name in self.columns if name not in frame.columns]
            if missing:
                raise lacking(piece.name, missing[0], frame.columns)
        elif self.form != "texts" and X.shape[1] != len(self.features):
            raise of_width(piece.name, X.shape[1], len(self.features))
        n = X.shape[0]
        for name, values in (("y", rows.y), ("sample_weight", rows.weight)):
            if values is not None and len(values) != n:
                raise ShapeError(
                    f"{piece.name} has {n:,} rows, and {len(values):,} values in `{name}`. Nothing was changed: pass "
                    "one for each row.",
                    reason="shape",
                )
        for start in range(0, n, ROWS):
            at = slice(start, min(start + ROWS, n))
            place: Place = (
                partial(_moved, rows.place, start) if rows.place else partial(_moved, piece.place, before + start)
            )
            y, weight = (None if values is None else values[at] for values in (rows.y, rows.weight))
            exact = {name: values[at] for name, values in rows.exact.items()}
            yield self._block(
                X[at] if frame is None else frame[at], y, weight, exact, before + start, piece.name, place
            )

    def _block(
        self, X: Any, y: Any, weight: Any, exact: dict[Any, np.ndarray], start: int, piece: str, place: Place
    ) -> Block:
        kept = None
        if isinstance(X, nw.DataFrame):
            if self.keep:
                kept = _chosen(X, self.keep, self._kinds_kept(), piece)
            if self.target:
                columns = [X.get_column(name) for name in self.target]
                y = columns[0] if self.target_ndim == 1 else columns
            weight = X.get_column(self.weight[0]) if self.weight else weight
            if self.documents:
                features: Any = as_values(
                    X.get_column(self.features[0]), TEXT, f"{piece}: column {shown(self.features[0])}"
                )
            else:
                features = _chosen(X, self.features, self.kinds, piece)
        else:
            features = as_values(X, self.kinds[0], f"{piece}: X") if self.form == "array" else X
        return Block(
            features,
            None if y is None else self._targets(y, exact, f"{piece}: the target"),
            None if weight is None else as_values(weight, "float64", f"{piece}: the column of weights"),
            start,
            piece,
            place,
            kept,
            {name: values for name, values in exact.items() if name in self.keep},
        )

    def _targets(self, y: Any, exact: Mapping[Any, np.ndarray], what: str) -> np.ndarray:
        """Labels or targets as an array: those of an array or a Series, or of a frame or a list of several."""
        if isinstance(y, nw.DataFrame | list):
            columns = y if isinstance(y, list) else [y.get_column(name) for name in y.columns]
            return np.column_stack([as_values(column, self.target_kind, what) for column in columns])
        if self.labels:
            return as_labels(y, self.target_kind, what, exact.get(self.target[0]) if self.target else None)
        return as_values(y, self.target_kind, what)


def _moved(place: Place, by: int, row: int) -> tuple[str | None, dict[str, int]]:
    return place(by + row)


def _chosen(frame: nw.DataFrame[Any], names: Sequence[Any], kinds: Sequence[str], piece: str) -> Any:
    """Columns of a frame in these kinds, as a frame of its library. Names may be numbers: they are found by place."""
    found = frame[:, [frame.columns.index(name) for name in names]]
    columns = [frame.get_column(name) for name in names]
    changed = [as_kind(column, kind, piece) for column, kind in zip(columns, kinds, strict=True)]
    changed = [new for new, old in zip(changed, columns, strict=True) if new is not old]
    return (found.with_columns(*changed) if changed else found).to_native()


def lacking(piece: str, name: Any, columns: Sequence[Any]) -> TableError:
    """The error of a piece without a column that the others have."""
    return TableError(
        f"{piece} has no column {shown(name)}. Its columns are {listed(columns)}. Nothing was changed: all pieces must "
        "have the columns that are learned; name them in `columns`, or leave the piece out.",
        column=name,
        reason="columns",
    )


def of_width(piece: str, width: int, wanted: int) -> ShapeError:
    """The error of an array of another width."""
    return ShapeError(
        f"{piece} has {width} columns, and the pieces before it have {wanted}. Nothing was changed: pass arrays of one "
        "width.",
        reason="columns",
    )
