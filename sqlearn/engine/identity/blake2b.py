"""Keyed BLAKE2b (RFC 7693) with 48 byte digests, compiled: records are hashed where they lie, without a Python call.

A message is a sequence of whole 64-bit little-endian words, so a float64 row is hashed by its bits. `digest_one` is for
latency: one message, nothing allocated. `digest_dense` is for throughput: eight records at a time, one in each lane of
a vector; a few records go through hashlib instead, for which nothing has to be compiled. The compression function is
written once, as LLVM instructions, because only there can the same text serve both: what it builds depends on whether
the words it is given are integers or vectors of integers. It has no loops and no branches, all permutations being
resolved while it is built, so its state can stay in registers.
"""

import hashlib
import struct
import sys
from functools import lru_cache

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sqlearn.engine.kernels import Postponed, kernel, only_read

if sys.byteorder != "little":
    raise ImportError(
        "sqlearn needs a little-endian machine, as it hashes the bytes of records; this machine is big-endian"
    )

DIGEST_WORDS = 6
BLOCK_WORDS = 16
_MASK = 2**64 - 1
LANES = 8  # one AVX-512 register; narrower machines take two or four instructions for one

_INITIAL = (
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
)  # fmt: skip

# Row r is the order in which round r takes the words of the block; rounds 10 and 11 begin again.
_ORDER = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)

# Columns, then diagonals, of the 4 x 4 working state.
_QUARTERS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip

_WORD = ir.IntType(64)
_VECTOR = ir.VectorType(_WORD, LANES)


def _constant(kind, value):
    """`value` as a word, or in every lane of a vector."""
    return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)


def _indices(lanes):
    """One lane's number, or those of all, as LLVM wants it."""
    kind = ir.IntType(32)
    return ir.Constant(ir.VectorType(kind, LANES) if isinstance(lanes, list) else kind, lanes)


def _rotated(builder, value, bits):
    """`value` rotated right; LLVM knows this pattern as one instruction."""
    right = builder.lshr(value, _constant(value.type, bits))
    left = builder.shl(value, _constant(value.type, 64 - bits))
    return builder.or_(right, left)


def _compression(builder, state, words, count, mask):
    """Build BLAKE2b's function F: the next 8 chaining values, from 8 and the 16 words of a block.

    `count` is the number of bytes hashed so far, this block included, and `mask` has all bits set for the last block.
    The count's upper word is left out: it is zero for messages under 2**64 bytes.
    """
    kind = state[0].type
    v = [*state, *(_constant(kind, value) for value in _INITIAL)]
    v[12] = builder.xor(v[12], count)
    v[14] = builder.xor(v[14], mask)
    for turn in range(12):
        order = iter(_ORDER[turn % 10])
        for a, b, c, d in _QUARTERS:
            for first, second in ((32, 24), (16, 63)):
                v[a] = builder.add(builder.add(v[a], v[b]), words[next(order)])
                v[d] = _rotated(builder, builder.xor(v[d], v[a]), first)
                v[c] = builder.add(v[c], v[d])
                v[b] = _rotated(builder, builder.xor(v[b], v[c]), second)
    return [builder.xor(state[i], builder.xor(v[i], v[i + 8])) for i in range(8)]


def _transposed(builder, rows):
    """The columns of a square of vectors: halves are interleaved until every word has reached its place."""
    half = LANES // 2
    low = [lane // 2 + lane % 2 * LANES for lane in range(LANES)]
    high = [lane + half for lane in low]
    vectors = list(rows)
    for _ in range(LANES.bit_length() - 1):
        pairs = list(zip(vectors[:half], vectors[half:], strict=True))
        vectors = [builder.shuffle_vector(a, b, _indices(order)) for a, b in pairs for order in (low, high)]
    return vectors


def _pointer(context, builder, kind, value):
    """The address of an array's first word, and its length in words."""
    array = context.make_array(kind)(context, builder, value)
    return builder.bitcast(array.data, _WORD.as_pointer()), array.nitems


def _is_words(array):
    return isinstance(array, types.Array) and array.layout == "C" and array.dtype in (types.float64, types.uint64)


@intrinsic
def _compress(typingctx, state, row, tail, start, count, mask):
    """The 8 chaining values, a tuple, after the block at word `start` of the message ``row + tail``."""
    if not (_is_words(row) and _is_words(tail)):
        return None

    def codegen(context, builder, signature, args):
        state, row, tail, start, count, mask = args
        row, row_size = _pointer(context, builder, signature.args[1], row)
        tail, tail_size = _pointer(context, builder, signature.args[2], tail)
        zero = cgutils.alloca_once_value(builder, _constant(_WORD, 0))
        block = []
        for i in range(BLOCK_WORDS):  # branch-free: most records are so short that a jump would be mispredicted
            at = builder.add(start, _constant(_WORD, i))
            behind = builder.sub(at, row_size)
            in_row = builder.icmp_signed("<", at, row_size)
            in_tail = builder.icmp_signed("<", behind, tail_size)
            address = builder.select(in_tail, builder.gep(tail, [behind]), zero)
            block.append(builder.load(builder.select(in_row, builder.gep(row, [at]), address)))
        state = cgutils.unpack_tuple(builder, state, 8)
        return cgutils.pack_array(builder, _compression(builder, state, block, count, mask))

    eight = types.UniTuple(types.uint64, 8)
    return eight(eight, row, tail, types.int64, types.uint64, types.uint64), codegen


@intrinsic
def _compress_lanes(typingctx, states, words, start, stride, ends):
    """Advance `states`, uint64[8, LANES], by one block each; lane l has its words at ``words[start + l * stride]``.

    `ends`, uint64[2, LANES], has what `_progress` tells of each lane.
    """
    if not (_is_words(states) and _is_words(words) and _is_words(ends)):
        return None

    def codegen(context, builder, signature, args):
        states, words, start, stride, ends = args
        states, _ = _pointer(context, builder, signature.args[0], states)
        words, _ = _pointer(context, builder, signature.args[1], words)
        ends, _ = _pointer(context, builder, signature.args[4], ends)

        def place(base, index):
            return builder.bitcast(builder.gep(base, [index]), _VECTOR.as_pointer())

        block = []
        for part in range(0, BLOCK_WORDS, LANES):
            starts = [builder.add(start, builder.mul(stride, _constant(_WORD, lane))) for lane in range(LANES)]
            places = [place(words, builder.add(first, _constant(_WORD, part))) for first in starts]
            block += _transposed(builder, [builder.load(at, align=8) for at in places])
        places = [place(states, _constant(_WORD, i * LANES)) for i in range(8)]
        state = [builder.load(at, align=8) for at in places]
        count, mask = (builder.load(place(ends, _constant(_WORD, i * LANES)), align=8) for i in range(2))
        for at, value in zip(places, _compression(builder, state, block, count, mask), strict=True):
            builder.store(value, at, align=8)
        return context.get_dummy_value()

    return types.void(states, words, types.int64, types.int64, ends), codegen


@kernel
def _progress(i, size):
    """The byte count, key block included, and the mask of the block that starts at word `i` of `size`."""
    end = min(i + BLOCK_WORDS, size)
    return np.uint64(8 * (BLOCK_WORDS + end)), np.uint64(-1 if end == size else 0)


@kernel
def digest_one(row, tail, state, out):
    """Digest of one dense record, for use inside other kernels: nothing is allocated.

    Parameters
    ----------
    row : float64[d] or uint64[d], C-contiguous
        The first d words of the message are the bits of these.
    tail : uint64[k], C-contiguous
        The words behind them; d + k must be positive.
    state : uint64[8]
        That of the `HashKey`.
    out : uint64[6]
        Where the digest goes.
    """
    size = len(row) + len(tail)
    if size == 0:
        raise ValueError("an empty message cannot be hashed: pass at least one word")
    h = (state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7])
    for i in range(0, size, BLOCK_WORDS):
        count, mask = _progress(i, size)
        h = _compress(h, row, tail, i, count, mask)
    for i in range(DIGEST_WORDS):
        out[i] = h[i]


def digest_dense(rows: np.ndarray, tails: np.ndarray, key: "HashKey", out: np.ndarray) -> None:
    """Digests of dense records; each is what `digest_one` gives, wherever in the batch the record stands.

    Parameters
    ----------
    rows : float64[n, d], C-contiguous
    tails : uint64[n, k], C-contiguous
    key : HashKey
        The key.
    out : uint64[n, 6]
        Where the digests go.
    """
    n, size = len(rows), rows.shape[1] + tails.shape[1]
    if len(tails) != n or len(out) != n:
        raise ValueError("`tails` and `out` must have one row per record")
    if n and not size:
        raise ValueError("an empty message cannot be hashed: pass at least one word")
    if many_digests.is_worth(n):
        _digest_many(only_read(rows), tails, key.state, out)
        return
    digests = map(key.hash_of, np.concatenate([rows.view(np.uint64), tails], axis=1))
    out[:] = np.frombuffer(b"".join(digests), np.uint64).reshape(out.shape)


@kernel
def _digest_many(rows, tails, state, out):
    """:func:`digest_dense`, without a Python call for each record."""
    n, d = rows.shape
    size = d + tails.shape[1]
    inside = d - d % BLOCK_WORDS  # blocks up to here lie wholly in `rows`; what follows is gathered in `rest`
    stride = -(-(size - inside) // BLOCK_WORDS) * BLOCK_WORDS
    words = rows.view(np.uint64)
    rest = np.zeros(LANES * stride, np.uint64)
    states, ends = np.empty((8, LANES), np.uint64), np.empty((2, LANES), np.uint64)
    grouped = n - n % LANES
    for first in range(0, grouped, LANES):
        for lane in range(LANES):
            row, tail = first + lane, lane * stride
            for i in range(inside, d):
                rest[tail + i - inside] = words[row, i]
            for i in range(size - d):
                rest[tail + d - inside + i] = tails[row, i]
            for i in range(8):  # assigned word by word: numba takes a second to compile a broadcast
                states[i, lane] = state[i]
        for i in range(0, size, BLOCK_WORDS):
            count, mask = _progress(i, size)
            for lane in range(LANES):
                ends[0, lane], ends[1, lane] = count, mask
            if i < inside:
                _compress_lanes(states, words, first * d + i, d, ends)
            else:
                _compress_lanes(states, rest, i - inside, stride, ends)
        for lane in range(LANES):
            for i in range(DIGEST_WORDS):
                out[first + lane, i] = states[i, lane]
    for row in range(grouped, n):
        digest_one(rows[row], tails[row], state, out[row])


many_digests = Postponed(_digest_many, 100_000)  # records


@kernel
def digest_sparse(values, indices, indptr, tails, state, out):
    """Digests of sparse (CSR) records: the number of entries, then each entry's index and value, then the tail.

    Parameters
    ----------
    values, indices, indptr : float64[nnz], int64[nnz], int64[n + 1]
    tails : uint64[n, k]
    state, out
        As for `digest_one`, with a row of `out` for each record.
    """
    n, k = tails.shape
    if len(indptr) - 1 != n or len(out) != n:
        raise ValueError("`tails` and `out` must have one row per record")
    bits = values.view(np.uint64)
    order, longest = _by_length(indptr, k)
    stride = longest * BLOCK_WORDS
    words = np.zeros(LANES * stride, np.uint64)
    states, ends = np.empty((8, LANES), np.uint64), np.zeros((2, LANES), np.uint64)
    sizes = np.zeros(LANES, np.int64)
    for first in range(0, n, LANES):
        count = min(LANES, n - first)
        longest = 0
        for lane in range(count):
            row, at = order[first + lane], lane * stride
            start, stop = indptr[row], indptr[row + 1]
            size = 1 + 2 * (stop - start) + k
            own_indices, own_bits, message = indices[start:stop], bits[start:stop], words[at : at + stride]
            message[0] = stop - start
            for i in range(len(own_bits)):
                message[1 + 2 * i] = own_indices[i]
                message[2 + 2 * i] = own_bits[i]
            for i in range(k):
                message[size - k + i] = tails[row, i]
            for i in range(size, -(-size // BLOCK_WORDS) * BLOCK_WORDS):
                message[i] = 0
            for i in range(8):
                states[i, lane] = state[i]
            sizes[lane] = size
            longest = max(longest, size)
        for i in range(0, longest, BLOCK_WORDS):
            for lane in range(count):
                ends[0, lane], ends[1, lane] = _progress(i, sizes[lane])
            _compress_lanes(states, words, i, stride, ends)
            for lane in range(count):  # lanes that have ended go on, and nobody looks at them again
                if i < sizes[lane] <= i + BLOCK_WORDS:
                    for j in range(DIGEST_WORDS):
                        out[order[first + lane], j] = states[j, lane]


@kernel
def _by_length(indptr, k):
    """An order of sparse records in which those of as many blocks stand side by side, and the most blocks of any."""
    n = len(indptr) - 1
    longest = 1
    for i in range(n):
        longest = max(longest, (2 * (indptr[i + 1] - indptr[i]) + k) // BLOCK_WORDS + 1)
    starts = np.zeros(longest + 1, np.int64)
    for i in range(n):
        starts[(2 * (indptr[i + 1] - indptr[i]) + k) // BLOCK_WORDS + 1] += 1
    for i in range(longest):
        starts[i + 1] += starts[i]
    order = np.empty(n, np.int64)
    for i in range(n):
        blocks = (2 * (indptr[i + 1] - indptr[i]) + k) // BLOCK_WORDS
        order[starts[blocks]] = i
        starts[blocks] += 1
    return order, longest


class HashKey:
    """A key, prepared so that no record pays for it.

    Parameters
    ----------
    key : bytes
        1 to 64 bytes.

    Attributes
    ----------
    state : uint64[8]
        The chaining value after the block of the key, for kernels.
    """

    def __init__(self, key: bytes):
        if not 1 <= len(key) <= 64:
            raise ValueError(f"a BLAKE2b key must have 1 to 64 bytes, not {len(key)}")
        self._hash = hashlib.blake2b(key=key, digest_size=8 * DIGEST_WORDS)
        self.state = np.array(_state_after(key), np.uint64)

    def hash_of(self, message) -> bytes:
        """The digest of a message."""
        hashed = self._hash.copy()
        hashed.update(message)
        return hashed.digest()


@lru_cache(maxsize=16)
def _state_after(key: bytes) -> list[int]:
    """The chaining value after the block of a key: BLAKE2b's function F once more, which hashlib does not give away."""
    state = list(_INITIAL)
    state[0] ^= 0x01010000 | len(key) << 8 | 8 * DIGEST_WORDS  # depth 1, fanout 1, key and digest length
    words = struct.unpack("<16Q", key.ljust(8 * BLOCK_WORDS, b"\0"))
    v = [*state, *_INITIAL]
    v[12] ^= 8 * BLOCK_WORDS
    for turn in range(12):
        order = iter(_ORDER[turn % 10])
        for a, b, c, d in _QUARTERS:
            for first, second in ((32, 24), (16, 63)):
                v[a] = (v[a] + v[b] + words[next(order)]) & _MASK
                v[d] = _rotated_word(v[d] ^ v[a], first)
                v[c] = (v[c] + v[d]) & _MASK
                v[b] = _rotated_word(v[b] ^ v[c], second)
    return [state[i] ^ v[i] ^ v[i + 8] for i in range(8)]


def _rotated_word(word: int, bits: int) -> int:
    return (word >> bits | word << (64 - bits)) & _MASK
