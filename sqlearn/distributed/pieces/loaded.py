"""Pieces that are loaded whole: frames and arrays, and what a call returns."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp

from sqlearn.distributed.pieces.kinds import column_kind, values_kind
from sqlearn.distributed.pieces.piece import Found, Piece, PieceRows
from sqlearn.distributed.pieces.plan import Plan
from sqlearn.engine.validation import unmasked
from sqlearn.errors import InvalidValueError, ShapeError, TableError, shown
from sqlearn.storage.table import name_place


@dataclass
class Loaded(Piece):
    """A piece whose rows are in memory while it is read."""

    @abstractmethod
    def load(self) -> Any:
        """A frame or an array of features; or a tuple of it, of labels or targets, and of weights."""

    def rows(self) -> PieceRows:
        """What was loaded, checked: X is a frame, a CSR array or an ndarray."""
        return self.checked(self.load())

    def checked(self, loaded: Any) -> PieceRows:
        """What is a frame or an array, or a tuple of it and more, as rows."""
        parts = loaded if isinstance(loaded, tuple) else (loaded,)
        if not 1 <= len(parts) <= 3:
            raise TableError(
                f"{self.name} is a tuple of {len(parts)}. Nothing was changed: pass X, (X, y) or (X, y, "
                "sample_weight).",
                reason="table",
            )
        X, y, weight = (*parts, None, None)[:3]
        try:
            X, y, weight = unmasked(X, "X"), unmasked(y, "y"), unmasked(weight, "sample_weight")
        except InvalidValueError as error:
            name_place(error, self.place, 0)
            raise
        X, y = _features(X, self.name), _beside(y, "y", self.name)
        return PieceRows(X, y, _beside(weight, "sample_weight", self.name))

    def survey(self) -> Found:
        found = self.found(self.rows())
        self.count = found.count
        return found

    def found(self, rows: PieceRows) -> Found:
        """What a survey finds in these rows."""
        X, library = rows.X, None
        if nw.dependencies.is_into_dataframe(X):
            frame = nw.from_native(X, eager_only=True)
            form, library = "frame", frame.implementation.value
            kinds: Mapping[Any, str] = {name: column_kind(frame.get_column(name)) for name in frame.columns}
        elif sp.issparse(X):
            form, kinds = "sparse", dict.fromkeys(range(X.shape[1]), "float64")
        elif X.ndim == 1:
            form, kinds = "texts", {0: values_kind(X)}
        else:
            form, kinds = "array", dict.fromkeys(range(X.shape[1]), values_kind(X))
        y, weight = (() if values is None else _kinds_beside(values) for values in (rows.y, rows.weight))
        return Found(form, kinds, int(X.shape[0]), [self], library, y, weight, _ndim(rows.y))

    def read(self, plan: Plan) -> Iterator[PieceRows]:
        yield self.rows()


@dataclass
class InMemory(Loaded):
    """Rows that travel with the piece."""

    value: Any = None

    def load(self) -> Any:
        return self.value


@dataclass
class Called(Loaded):
    """Rows that a function returns, each time the same."""

    function: Callable[[], Any] = lambda: None

    def load(self) -> Any:
        return self.function()


def _ndim(y: Any) -> int:
    """The dimensions of labels or targets; 0 where there are none."""
    if isinstance(y, nw.Series):
        return 1
    return 0 if y is None else len(y.shape)


def is_batch(data: Any) -> bool:
    """Whether this is a record batch of pyarrow's."""
    return type(data).__module__.split(".")[0] == "pyarrow" and type(data).__name__ == "RecordBatch"


def _features(X: Any, piece: str) -> Any:
    if is_batch(X):
        import pyarrow as pa

        return pa.Table.from_batches([X])
    if nw.dependencies.is_into_dataframe(X):
        try:
            nw.from_native(X, eager_only=True).columns  # noqa: B018
        except nw.exceptions.DuplicateError as error:
            raise TableError(
                f"{piece}: two columns have one name. Nothing was changed: give every column a name of its own.",
                reason="columns",
            ) from error
        return X
    if sp.issparse(X):
        return X.tocsr()
    if isinstance(X, Mapping) or np.ndim(X) not in (1, 2) or isinstance(X, str | bytes):
        raise TableError(
            f"{piece} is neither a frame nor an array: {shown(X)}. Nothing was changed: pass frames, arrays of two "
            "dimensions, or tuples of these and of y.",
            reason="table",
        )
    return np.asarray(X, None if isinstance(X, np.ndarray) else _dtype(X))


def _dtype(X: Any) -> Any:
    """Of lists: objects where numpy would make texts of numbers."""
    return object if np.asarray(X).dtype.kind in "US" else None


def _beside(values: Any, what: str, piece: str) -> Any:
    """Labels, targets or weights as a narwhals Series or frame, or as an array."""
    if values is None:
        return None
    if nw.dependencies.is_into_series(values):
        return nw.from_native(values, series_only=True)
    if nw.dependencies.is_into_dataframe(values):
        frame = nw.from_native(values, eager_only=True)
        return frame.get_column(frame.columns[0]) if frame.shape[1] == 1 else frame
    found = np.asarray(values, None if isinstance(values, np.ndarray) else _dtype(values))
    if found.ndim not in (1, 2):
        raise ShapeError(
            f"{piece}: `{what}` is no array of one value for each row: {shown(values)}. Nothing was changed.",
            reason="shape",
        )
    return found


def _kinds_beside(values: Any) -> list[str]:
    if isinstance(values, nw.DataFrame):
        return [values_kind(values.get_column(name)) for name in values.columns]
    return [values_kind(values)] * (1 if isinstance(values, nw.Series) or values.ndim == 1 else values.shape[1])
