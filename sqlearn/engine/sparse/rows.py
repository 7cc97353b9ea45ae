"""The model's own copy of sparse records: their non-zeros alone, in compressed rows.

What :class:`~sqlearn.engine.rounds.rows.Rows` says of places holds here too. The non-zeros of all records lie in two
arrays; a place has a room there, which a forgotten record leaves to the next one if it fits, so that an update can be
undone without memory. A record that does not fit gets a new room at the end. When half of the arrays is of no use, what
is held moves together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, Self

import numpy as np

from sqlearn.engine.arithmetic import mix
from sqlearn.engine.kernels import float_bits, kernel, make_ready
from sqlearn.engine.rounds import Records, Rows, enter, insert, leave, vacant
from sqlearn.engine.sums import UNFIT
from sqlearn.errors import FormatError

_MOST_UNUSED = 1 << 16  # non-zeros for which there may always be unused room
START, LENGTH, ROOM = 0, 1, 2  # of a place: where its room begins, what is used of it, and what there is


class ScaledRows(NamedTuple):
    """Sparse records as solvers take them.

    Attributes
    ----------
    values, indices, starts : float64[nnz], uint32[nnz], int64[n + 1]
        Scaled non-zeros, the number of each one's feature, and where each record begins.
    sums : float64[p]
        Weighted sum of each feature.
    """

    values: np.ndarray
    indices: np.ndarray
    starts: np.ndarray
    sums: np.ndarray


@kernel
def fingerprint(values, indices, start, stop):
    """A hash of a record's features by their contents alone."""
    a, b = np.uint64(stop - start), np.uint64(1)
    k = start
    while k + 2 <= stop:  # two chains side by side: each waits for its own products only
        a = mix(np.uint64(float_bits(values[k])), a ^ np.uint64(indices[k]))
        b = mix(np.uint64(float_bits(values[k + 1])), b ^ np.uint64(indices[k + 1]))
        k += 2
    if k < stop:
        a = mix(np.uint64(float_bits(values[k])), a ^ np.uint64(indices[k]))
    return mix(a, b)


@kernel
def needed(places, indptr, spans):
    """How many non-zeros of new records do not fit where their places have room."""
    total = 0
    for k in range(len(places)):
        length = indptr[k + 1] - indptr[k]
        if places[k] >= len(spans) or spans[places[k], ROOM] < length:
            total += length
    return total


@kernel
def write_sparse(places, values, indices, indptr, y, w, used, rows):
    """Write records to places, the non-zeros where there is room: `used` counts what is taken, and what is held."""
    all_values, all_indices, spans, all_y, all_w, keyed = rows
    for k in range(len(places)):
        place, start, length = places[k], indptr[k], indptr[k + 1] - indptr[k]
        if spans[place, ROOM] < length:
            spans[place, START], spans[place, ROOM] = used[0], length
            used[0] += length
        spans[place, LENGTH] = length
        used[1] += length
        to = spans[place, START]
        for i in range(length):
            all_values[to + i] = values[start + i]
            all_indices[to + i] = indices[start + i]
        all_y[place], all_w[place] = y[k], w[k]
        keyed[place] = fingerprint(values, indices, start, start + length)


@kernel
def remove_sparse(index, digests, numbers, gone, places, free, n_free, used, rows, tried):
    """Take the last copies of digests out of the index, and overwrite their records with zeros; their rooms stay.

    Writes their places. Returns -1, or the index of the first digest that is not held; then nothing has changed. If it
    is but `tried`, nothing changes in any case.
    """
    missing = leave(index, digests, numbers, gone, places)
    if tried and missing < 0:
        insert(index, digests, numbers, places)
        return missing
    if missing >= 0:
        return missing
    values, indices, spans, y, w, keyed = rows
    for k in range(len(places)):
        place = places[k]
        free[n_free + k] = place
        start, length = spans[place, START], spans[place, LENGTH]
        for i in range(start, start + length):
            values[i], indices[i] = 0.0, 0
        used[1] -= length
        spans[place, LENGTH] = 0
        digests[place] = 0
        y[place], w[place], numbers[place], keyed[place] = 0.0, 0.0, 0, 0
    return missing


@kernel
def _gather(order, values, indices, spans, out_values, out_indices, starts):
    """Copy the non-zeros at places in an order, one record after the other."""
    at = 0
    for k in range(len(order)):
        starts[k] = at
        start = spans[order[k], START]
        for i in range(spans[order[k], LENGTH]):
            out_values[at + i] = values[start + i]
            out_indices[at + i] = indices[start + i]
        at += spans[order[k], LENGTH]
    starts[len(order)] = at


@kernel
def _largest(values, indices, out):
    """The largest size in each column; what is empty has a zero in column 0."""
    for k in range(len(values)):
        out[indices[k]] = max(out[indices[k]], abs(values[k]))


@kernel
def _gather_scaled(order, w, values, indices, spans, parameter, factor, out_values, out_indices, starts, sums):
    """:func:`_gather`, each column times its factor and with another number; add up each column, weighted."""
    at = 0
    for k in range(len(order)):
        starts[k] = at
        start, weight = spans[order[k], START], w[k]
        for i in range(spans[order[k], LENGTH]):
            column = indices[start + i]
            value, j = values[start + i] * factor[column], parameter[column]
            out_values[at + i], out_indices[at + i] = value, j
            sums[j] += weight * value
        at += spans[order[k], LENGTH]
    starts[len(order)] = at


@kernel
def _marks(keyed, y, w):
    """Hashes of whole records by their contents."""
    marks = np.empty(len(w), np.uint64)
    for r in range(len(w)):
        marks[r] = mix(mix(keyed[r], np.uint64(float_bits(y[r]))), np.uint64(float_bits(w[r])))
    return marks


@kernel
def _alike(order, marks, places, y, w, values, indices, spans):
    """Whether all records of one mark are equal; they are neighbours in the order."""
    for k in range(1, len(order)):
        r, q = order[k], order[k - 1]
        if marks[r] != marks[q]:
            continue
        one, other = places[r], places[q]
        a, b, length = spans[one, START], spans[other, START], spans[one, LENGTH]
        if y[r] != y[q] or w[r] != w[q] or spans[other, LENGTH] != length:
            return False
        for i in range(length):
            if values[a + i] != values[b + i] or indices[a + i] != indices[b + i]:
                return False
    return True


class CompressedRows(Rows):
    """Sparse records in memory, by digest. Parameters and attributes as of Rows, with these in place of `x`.

    Attributes
    ----------
    values, indices : float64[capacity of non-zeros], uint32[capacity of non-zeros]
        Non-zeros, and their columns.
    spans : int64[capacity, 3]
        Of each place: where its room begins, how much of it is used, and how much there is.
    used : int64[2]
        How many non-zeros have room, and how many are held.
    keyed : uint64[capacity]
        Hash of the features by their contents alone.
    """

    _is_sparse_ready = False
    _names = ("spans", "y", "w", "digests", "numbers", "keyed")

    def __init__(self, d: int, seed: np.uint64) -> None:
        super().__init__(0, seed)
        self.d = d
        self.spans = np.zeros((0, 3), np.int64)
        self.values, self.indices = np.zeros(0), np.zeros(0, np.uint32)
        self.used = np.zeros(2, np.int64)

    @property
    def nbytes(self) -> int:
        return super().nbytes + self.values.nbytes + self.indices.nbytes

    def sparse_for_kernel(self) -> tuple[np.ndarray, ...]:
        """The arrays that :func:`write_sparse` and :func:`remove_sparse` change."""
        return self.values, self.indices, self.spans, self.y, self.w, self.keyed

    def index_for_kernel(self) -> tuple[Any, ...]:
        """The index, what it points to, and the free places."""
        return self._index, self.digests, self.numbers, self._stack, self._extent

    def make_room(self, more: int) -> None:
        """Make room for so many more non-zeros at the end."""
        end = self.used.item(0)
        if end + more > len(self.values):
            capacity = max(end + more, end + end // 2)
            values, indices = np.zeros(capacity), np.zeros(capacity, np.uint32)
            values[:end], indices[:end] = self.values[:end], self.indices[:end]
            self.values, self.indices = values, indices

    def put(self, places: np.ndarray, x: Any, y: np.ndarray, w: np.ndarray, digests: np.ndarray, hashes: Any) -> None:
        """Keep records, CSR, in the places that :meth:`vacant` gave."""
        self.make_room(needed(places, x.indptr, self.spans))
        reused = min(len(places), self._n_free)
        self._extent[0] += len(places) - reused
        self._extent[1] -= reused
        enter(self._index, self.digests, self.numbers, self.keyed, digests, places, self.seed, hashes)
        write_sparse(places, x.data, x.indices, x.indptr, y, w, self.used, self.sparse_for_kernel())

    def _remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray, tried: bool) -> int:
        missing: int = remove_sparse(
            self._index, self.digests, self.numbers, digests, places, self._stack, self._n_free, self.used,
            self.sparse_for_kernel(), tried,
        )  # fmt: skip
        return missing

    def make_ready(self, digests: np.ndarray) -> None:
        if CompressedRows._is_sparse_ready:
            return
        places, digests, none = np.zeros(0, np.int64), digests[:0], np.zeros(0)
        indptr, hashes = np.zeros(1, np.int64), np.zeros(0, np.uint64)
        make_ready(needed, places, indptr, self.spans)
        make_ready(vacant, self._free, self.end, places)
        make_ready(enter, self._index, self.digests, self.numbers, self.keyed, digests, places, self.seed, hashes)
        make_ready(write_sparse, places, none, places, indptr, none, none, self.used, self.sparse_for_kernel())
        make_ready(
            remove_sparse, self._index, self.digests, self.numbers, digests, places, self._stack, self._n_free,
            self.used, self.sparse_for_kernel(), False,
        )  # fmt: skip
        CompressedRows._is_sparse_ready = True

    def blocks(self, limit: int) -> Iterator[Records]:
        self._no_blocks()

    def _no_blocks(self) -> NoReturn:
        raise NotImplementedError("sparse records are read by in_order")

    def compact(self) -> None:
        end, held = self.used.tolist()
        if end <= 2 * held + _MOST_UNUSED:
            super().compact()  # places alone: their rooms go with them
            return
        try:
            places = self.places()
            spans = np.zeros_like(self.spans)
            values, indices, starts = np.zeros(held), np.zeros(held, np.uint32), np.zeros(len(places) + 1, np.int64)
        except MemoryError:  # then later: nothing depends on it
            return
        _gather(places, self.values, self.indices, self.spans, values, indices, starts)
        spans[places, START], spans[places, LENGTH] = starts[:-1], np.diff(starts)
        spans[places, ROOM] = spans[places, LENGTH]
        self.values, self.indices, self.spans = values, indices, spans
        self.used[0] = held
        super().compact()

    def copy(self) -> Self:
        copied = super().copy()
        end = self.used.item(0)
        copied.values, copied.indices = self.values[:end].copy(), self.indices[:end].copy()
        copied.used = self.used.copy()
        return copied

    def gathered(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The non-zeros of records, their columns, and where each record begins."""
        count = int(self.spans[places, LENGTH].sum())
        values, indices, starts = np.empty(count), np.empty(count, np.uint32), np.empty(len(places) + 1, np.int64)
        _gather(places, self.values, self.indices, self.spans, values, indices, starts)
        return values, indices, starts

    def in_order(self, codes: np.ndarray | None) -> "OrderedRecords":
        """All records of positive weight, in an order that depends on their contents alone, and not on the key.

        `codes` float64[slots] has the class of each slot; None for targets.
        """
        places = np.flatnonzero(self.w[: self.end] > 0)
        y, w = self.y[places], self.w[places]
        if codes is not None:
            y = codes[y.astype(np.int64)]
        marks = _marks(self.keyed[places], y, w)
        order = np.argsort(marks)
        if not _alike(order, marks, places, y, w, self.values, self.indices, self.spans):  # an accident
            values, indices, starts = self.gathered(places)
            ends = zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
            names = [(indices[a:b].tobytes(), values[a:b].tobytes()) for a, b in ends]
            order = np.array(sorted(order.tolist(), key=lambda r: (marks[r], y[r], w[r], names[r])), np.int64)
        return OrderedRecords(self, places[order], y[order], w[order])


@dataclass
class OrderedRecords:
    """Sparse records in an order that depends on their contents alone.

    Attributes
    ----------
    rows : CompressedRows
        Where they lie.
    places : int64[n]
        Their places.
    y, w : float64[n]
        Targets or classes, and positive weights.
    """

    rows: CompressedRows
    places: np.ndarray
    y: np.ndarray
    w: np.ndarray

    def largest(self) -> np.ndarray:
        """The largest size of each feature, float64[d]."""
        out, end = np.zeros(self.rows.d), self.rows.used.item(0)
        _largest(self.rows.values[:end], self.rows.indices[:end], out)
        return out

    def scaled(self, parameter: np.ndarray, factor: np.ndarray, w: np.ndarray, p: int) -> ScaledRows:
        """The records with their features times `factor` float64[d], which are number `parameter` uint32[d] of p.

        The features are summed with weights w float64[n].
        """
        rows = self.rows
        count = int(rows.spans[self.places, LENGTH].sum())
        values, indices, starts = np.empty(count), np.empty(count, np.uint32), np.empty(len(w) + 1, np.int64)
        sums = np.zeros(p)
        _gather_scaled(
            self.places, w, rows.values, rows.indices, rows.spans, parameter, factor, values, indices, starts, sums
        )
        return ScaledRows(values, indices, starts, sums)


def packed_sparse(rows: CompressedRows, places: np.ndarray, y: np.ndarray) -> bytes:
    """Records at places as bytes, with these targets or classes."""
    values, indices, starts = rows.gathered(places)
    arrays = np.diff(starts), indices, values, y, rows.w[places], rows.digests[places]
    parts = [array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays]
    return b"".join([np.array([len(places), len(values)], "<i8").tobytes(), *parts])


def unpacked_sparse(data: bytes, d: int, seed: np.uint64) -> tuple[CompressedRows, int]:
    """The records of `d` features that :func:`packed_sparse` was given, and how many they are."""
    n, nnz = np.frombuffer(data, "<i8", 2).tolist()
    if min(n, nnz) < 0 or len(data) != 16 + 40 * n + 12 * nnz:
        raise FormatError(UNFIT)
    arrays, start = [], 16
    for shape, kind in ((n, "<i8"), (nnz, "<u4"), (nnz, "<f8"), (n, "<f8"), (n, "<f8"), ((n, 2), "<u8")):
        count = int(np.prod(shape))
        dtype = np.dtype(kind)
        arrays.append(np.frombuffer(data, dtype, count, start).reshape(shape).astype(dtype.newbyteorder("=")))
        start += dtype.itemsize * count
    lengths, indices, values, y, w, digests = arrays
    starts = np.append(0, np.cumsum(lengths))
    before, after = digests[:-1], digests[1:]
    ascend = (before[:, 0] < after[:, 0]) | ((before[:, 0] == after[:, 0]) & (before[:, 1] <= after[:, 1]))
    fit = not (lengths < 0).any() and starts[-1] == nnz and ascend.all() and (indices < d).all()
    fit = fit and (values != 0).all() and not any((np.signbit(a) & (a == 0)).any() for a in (y, w))
    if fit and nnz:  # columns ascend within each record
        within = np.ones(nnz, bool)
        within[starts[:-1][lengths > 0]] = False
        fit = bool((indices[1:][within[1:]] > indices[:-1][within[1:]]).all())
    if not fit:  # no model writes them so
        raise FormatError(UNFIT)
    rows, places = CompressedRows(d, seed), np.empty(n, np.int64)
    rows.vacant(places)
    rows.put(places, _Parts(values, indices.astype(np.int64), starts), y, w, digests, np.empty(n, np.uint64))
    return rows, n


class _Parts(NamedTuple):
    """The parts of a CSR matrix that :meth:`CompressedRows.put` reads."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
