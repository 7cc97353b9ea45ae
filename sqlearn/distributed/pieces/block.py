"""Some rows of a piece, as a learner takes them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp

from sqlearn.distributed.pieces.kinds import DECIMAL, NONE, are_whole, as_kind, column_kind, is_number, settled, wholes
from sqlearn.errors import SqlearnError, TableError, shown
from sqlearn.storage.table import Place, name_place

ROWS = 1 << 16  # of a block at most


@dataclass
class Block:
    """Some rows of a piece.

    Attributes
    ----------
    X : frame, ndarray or CSR array of shape (n, d), or object[n]
        Features: a frame of the library that the data came from (of pyarrow where they came from files), with columns
        in the plan's order and kinds; or documents.
    y : ndarray of shape (n,) or (n, t), or None
        Labels or targets.
    weight : float64[n] or None
        Weights.
    start : int
        The number of its first row in the piece.
    piece : str
        What messages call the piece.
    place : callable
        From a row of the block, counted from 0, to its place in words, and to the fields of errors about it.
    kept : frame or None
        The columns that the plan keeps beside these.
    exact : mapping of name to object[n]
        Of those, numbers of which the frame has floats, as they are written: whole ones with all digits, or None.
    """

    X: Any
    y: np.ndarray | None
    weight: np.ndarray | None
    start: int
    piece: str
    place: Place
    kept: Any = None
    exact: Mapping[Any, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.X.shape[0])

    def args(self) -> dict[str, Any]:
        """What verbs of learners take, by name."""
        found = {"X": self.X}
        found |= {} if self.y is None else {"y": self.y}
        return found if self.weight is None else found | {"sample_weight": self.weight}

    @contextmanager
    def located(self) -> Iterator[None]:
        """Context in which errors name the piece, and the row as it is counted there."""
        try:
            yield
        except SqlearnError as error:
            if error.reason == "not numeric" and nw.dependencies.is_into_dataframe(self.X):
                error.args = (f"{error} Or name the features without this column in `columns`.",)
            if error.row is None:
                error.args = (f"{self.piece}: {error}",)
            else:
                name_place(error, self.place, self.start)
            raise


def joined(blocks: Sequence[Block]) -> Block:
    """All rows of these blocks, in their order, as one."""
    first = blocks[0]
    together = {
        name: None if getattr(first, name) is None else _stacked([getattr(block, name) for block in blocks])
        for name in ("X", "y", "weight", "kept")
    }
    starts = np.cumsum([0, *map(len, blocks)])
    place = partial(_place_in, [block.place for block in blocks], starts)  # which can be pickled, if these can
    return Block(together["X"], together["y"], together["weight"], 0, first.piece, place, together["kept"])


def _place_in(places: Sequence[Place], starts: np.ndarray, row: int) -> tuple[str | None, dict[str, int]]:
    of = int(np.searchsorted(starts, row, side="right")) - 1
    return places[of](row - int(starts[of]))


def _stacked(parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return stacked(parts)
    if sp.issparse(parts[0]):
        return sp.csr_array(sp.vstack(parts, format="csr"))
    return nw.concat(_alike([nw.from_native(part, eager_only=True) for part in parts])).to_native()


def stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays one below the other; labels of several types that are whole numbers are not rounded to float64."""
    together = np.concatenate(parts)
    mixed = together.dtype == np.float64 and {part.dtype.kind for part in parts} != {"f"} and together.ndim == 1
    if not mixed or not are_whole(together):
        return together
    return wholes([value for part in parts for value in part.tolist()], "The target")


def _alike(frames: list[Any]) -> list[Any]:
    """These frames with columns of one type: fits that were merged may have had others."""
    libraries = {str(frame.implementation) for frame in frames}
    if len(libraries) > 1:
        raise TableError(
            f"Some of these rows lie in frames of {' and '.join(sorted(libraries))}, which are not joined. Nothing was "
            "changed: name rows of the one and of the other apart.",
            reason="table",
        )
    schemas = [frame.schema for frame in frames]
    numbers: dict[str, str] = {}
    texts: list[str] = []
    for name in schemas[0]:
        if len({_native_kind(frame, name) for frame in frames}) == 1:
            continue
        kinds = {f"frame {i}": column_kind(frame.get_column(name)) for i, frame in enumerate(frames)}
        if all(is_number(kind) or kind in (DECIMAL, NONE) for kind in kinds.values()):
            numbers[name] = settled(f"Column {shown(name)}", kinds)
            if numbers[name] == DECIMAL:  # with other digits before or behind the point
                numbers[name] = "float64"
        elif {schema[name] for schema in schemas} <= {nw.String, nw.Categorical}:
            texts.append(name)
    if not numbers and not texts:
        return frames
    return [
        frame.with_columns(
            *(as_kind(frame.get_column(name), kind, "a frame") for name, kind in numbers.items()),
            *(frame.get_column(name).cast(nw.String) for name in texts),
        )
        for frame in frames
    ]


def _native_kind(frame: Any, name: str) -> Any:
    """The type of a column: in Arrow, text has several."""
    return frame.to_native()[name].type if frame.implementation.is_pyarrow() else frame.schema[name]
