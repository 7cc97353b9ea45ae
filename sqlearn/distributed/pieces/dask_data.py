"""Pieces of Dask's collections: partitions, blocks of rows, delayed objects and futures.

Each is computed on its own: what many of them need, such as the input of a shuffle, is computed for each unless the
collection was persisted. Shuffles between the workers of a cluster must be.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sqlearn.distributed.pieces.kinds import BOOLEAN, TEXT, is_number
from sqlearn.distributed.pieces.loaded import Loaded
from sqlearn.distributed.pieces.piece import Found, Piece
from sqlearn.errors import TableError, shown


@dataclass
class DaskPiece(Loaded):
    """A partition, which is computed where it is read, in one thread.

    Attributes
    ----------
    graph : mapping
        The tasks that make it, and futures of what a cluster holds.
    keys : tuple
        Those of features, labels or targets, and weights, None where there are none; or the one of all together.
    declared : tuple or None
        What Dask has for the types of these in all partitions, without rows.
    """

    graph: Mapping[Hashable, Any] = field(default_factory=dict)
    keys: tuple[Any, ...] = ()
    declared: tuple[Any, ...] | None = None

    def load(self) -> Any:
        import dask
        from dask.core import quote

        quoted: Any = quote
        graph = {key: quoted(_result(task)) if _is_future(task) else task for key, task in self.graph.items()}
        wanted = [key for key in self.keys if key is not None]
        found = dict(zip(wanted, dask.get(graph, wanted), strict=True))
        return found[wanted[0]] if len(self.keys) == 1 else tuple(found.get(key) for key in self.keys)

    def survey(self) -> Found:
        if self.declared is not None:
            found = self.found(self.checked(self.declared))
            if all(is_number(kind) or kind in (BOOLEAN, TEXT) for kind in (*found.kinds.values(), *found.y)):
                return replace(found, count=None, declared=True)
        return super().survey()


def _is_future(task: Any) -> bool:
    return type(task).__module__ == "distributed.client"


def _is_joint(task: Any) -> bool:
    """Whether this task is one of Dask's shuffle between workers, which no other scheduler can run."""
    called = task[0] if isinstance(task, tuple) and task else getattr(task, "func", None)
    return any(str(getattr(each, "__module__", "")).startswith("distributed.shuffle") for each in (type(task), called))


def _result(future: Any) -> Any:
    """What a future holds; a worker's thread that waits for it leaves its place to others."""
    from distributed import Future, get_worker, worker_client

    try:
        get_worker()
    except ValueError:  # this is no task
        return future.result()
    with worker_client() as client:  # which the scheduler tells of its own tasks alone
        return client.submit(_same, Future(future.key, client)).result()


def _same(value: Any) -> Any:
    return value


def is_dask(data: Any) -> bool:
    """Whether this is a collection of Dask's."""
    return not isinstance(data, type) and hasattr(type(data), "__dask_graph__")


def is_delayed(data: Any) -> bool:
    """Whether this is a delayed object of Dask's, or a future of its cluster."""
    return _is_future(data) or (is_dask(data) and type(data).__module__ == "dask.delayed")


def delayed_piece(name: str, given: Any) -> Piece:
    """The piece of a delayed object or a future: of a frame, an array, or a tuple; or of a tuple of such."""
    from dask import delayed

    parts = given if isinstance(given, tuple) else (given,)
    parts = tuple(each if each is None or is_delayed(each) else delayed(each, traverse=False) for each in parts)
    return next(_partitions([parts], [name]))


def dask_pieces(data: Any, y: Any, weight: Any) -> list[Piece]:
    """The pieces of a Dask DataFrame or Array, with labels or targets and weights that are Dask's, too.

    Raises
    ------
    TableError
        When these have other partitions, or the data is none of both.
    """
    is_frame = hasattr(data, "npartitions") and hasattr(data, "columns")
    if not is_frame and not (hasattr(data, "numblocks") and data.ndim in (1, 2)):
        raise TableError(
            f"{shown(data)} is no Dask DataFrame, and no Dask Array of two dimensions. Nothing was changed: pass one "
            "of these, or a list of delayed pieces.",
            reason="table",
        )
    if not is_frame and data.ndim == 2 and data.numblocks[1] > 1:
        data = data.rechunk({1: -1})
    first = _delayed(data)
    beside = [
        [None] * len(first) if values is None else _beside(values, what, data, len(first))
        for values, what in ((y, "y"), (weight, "sample_weight"))
    ]
    word = "partition" if is_frame else "block"
    names = [f"{word} {i}" for i in range(len(first))]
    return [*_partitions([*zip(first, *beside, strict=True)], names, (_empty(data), _empty(y), _empty(weight)))]


def _empty(data: Any) -> Any:
    """What has the type of all partitions, and no rows."""
    if data is None:
        return None
    if not hasattr(data, "chunks"):
        from dask.dataframe import utils

        make_meta: Any = utils.make_meta
        return make_meta(data)
    from dask.array import utils as array_utils

    meta_from_array: Any = array_utils.meta_from_array
    found = meta_from_array(data)
    return np.empty((0, *data.shape[1:]), data.dtype) if type(found) is np.ndarray else found


def _delayed(data: Any) -> list[Any]:
    delayed = data.to_delayed()
    return delayed.ravel().tolist() if hasattr(delayed, "ravel") else list(delayed)


def _beside(values: Any, what: str, data: Any, n: int) -> list[Any]:
    """Labels, targets or weights in the partitions of the data."""
    if not is_dask(values):
        raise TableError(
            f"`{what}` must be a Dask Series or Array, as the data is Dask's, or name a column; it is {shown(values)}. "
            "Nothing was changed: convert it, with the partitions of the data.",
            reason="target",
        )
    if hasattr(values, "numblocks") and hasattr(data, "numblocks"):
        values = values.rechunk({1: -1}) if values.ndim == 2 and values.numblocks[1] > 1 else values
        sizes = (data.chunks[0], values.chunks[0])
        if sizes[0] != sizes[1] and not any(size != size for each in sizes for size in each):
            if sum(sizes[0]) == sum(sizes[1]):
                values = values.rechunk({0: data.chunks[0]})
    elif hasattr(values, "divisions") and hasattr(data, "divisions"):
        if values.divisions != data.divisions and values.known_divisions and data.known_divisions:
            values = values.repartition(divisions=data.divisions, force=True)
    parts = _delayed(values)
    if len(parts) != n:
        raise TableError(
            f"`{what}` has {len(parts)} partitions, and the data {n}. Nothing was changed: give both the same, with "
            "`repartition` or `rechunk`.",
            reason="target",
        )
    return parts


def _partitions(parts: Sequence[Sequence[Any]], names: Sequence[str], declared: Any = None) -> Iterator[DaskPiece]:
    """A piece for each of these tuples of delayed objects, with the tasks that it needs alone."""
    from dask.core import get_dependencies

    graphs: dict[int, tuple[Any, dict[Any, Any]]] = {}  # of each graph that several share
    for name, delayed in zip(names, parts, strict=True):
        needed: dict[Hashable, Any] = {}
        for each in delayed:
            if _is_future(each):
                needed[each.key] = each
            if each is None or _is_future(each):
                continue
            shared = each.__dask_graph__()
            _, tasks = graphs.setdefault(id(shared), (shared, dict(shared)))
            left = [each.key]
            while left:
                key = left.pop()
                if key not in needed:
                    needed[key] = tasks[key]
                    if _is_joint(tasks[key]):
                        raise TableError(
                            f"{name} comes of a shuffle, merge or rechunking that all partitions pass through at once, "
                            "and pieces are computed one by one. Nothing was changed: persist the data first, as in "
                            "`data = data.persist()`.",
                            reason="table",
                        )
                    left += get_dependencies(tasks, key)
        keys = tuple(None if each is None else each.key for each in delayed)
        yield DaskPiece(name, graph=needed, keys=keys, declared=declared)
