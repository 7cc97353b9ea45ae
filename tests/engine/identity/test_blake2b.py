"""The compiled BLAKE2b against hashlib's."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlearn.engine.identity.blake2b import LANES, HashKey, digest_dense, digest_one, digest_sparse, many_digests

KEY = b"a key of the tests"


def reference(message, key=KEY):
    return np.frombuffer(hashlib.blake2b(message, key=key, digest_size=48).digest(), "<u8")


def words(rng, *shape):
    """Uniform random words: as floats, every exponent, NaN payload and sign occurs."""
    return rng.integers(0, 2**64, shape, np.uint64)


def dense(rows, tails, key=KEY):
    """Digests by the kernel for many records, and by hashlib."""
    out = np.zeros((2, len(rows), 6), np.uint64)
    for at_once, digests in zip((True, False), out, strict=True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(many_digests, "is_worth", lambda work, at_once=at_once: at_once)
            digest_dense(rows, tails, HashKey(key), digests)
    assert np.array_equal(out[0], out[1])
    return out[0]


@pytest.mark.parametrize("d", [0, 1, 3, 15, 16, 17, 30, 31, 32, 33, 100])
@pytest.mark.parametrize("k", [0, 1, 2, 15, 16, 17, 33])
def test_dense_and_one_are_hashlib(d, k):
    if d + k == 0:
        pytest.skip("no message")
    rng = np.random.default_rng(d * 100 + k)
    rows, tails = words(rng, 2 * LANES + 3, d).view(np.float64), words(rng, 2 * LANES + 3, k)
    expected = [reference(row.tobytes() + tail.tobytes()) for row, tail in zip(rows, tails, strict=True)]
    assert np.array_equal(dense(rows, tails), expected)
    out = np.zeros(6, np.uint64)
    for row, tail, digest in zip(rows, tails, expected, strict=True):
        digest_one(row, tail, HashKey(KEY).state, out)
        assert np.array_equal(out, digest)
        digest_one(row.view(np.uint64), tail, HashKey(KEY).state, out)
        assert np.array_equal(out, digest)


@pytest.mark.parametrize("length", [1, 7, 8, 31, 63, 64])
def test_keys_of_every_length(length):
    key = bytes(range(256))[-length:]
    rows = np.arange(5.0)[None]
    assert np.array_equal(dense(rows, np.zeros((1, 0), np.uint64), key)[0], reference(rows.tobytes(), key))


@pytest.mark.parametrize("key", [b"", bytes(65)])
def test_other_keys_are_refused(key):
    with pytest.raises(ValueError, match="1 to 64 bytes"):
        HashKey(key)


@given(st.integers(0, 40), st.integers(0, 3 * LANES), st.integers(0, 3 * LANES))
@settings(deadline=None, max_examples=50)
def test_a_digest_does_not_depend_on_the_place_in_the_batch(d, start, stop):
    rng = np.random.default_rng(d)
    rows, tails = words(rng, 3 * LANES, d).view(np.float64), words(rng, 3 * LANES, 2)
    assert np.array_equal(dense(rows[start:stop], tails[start:stop]), dense(rows, tails)[start:stop])


@given(st.lists(st.integers(0, 40), max_size=2 * LANES + 3), st.integers(0, 20))
@settings(deadline=None, max_examples=50)
def test_sparse_is_hashlib(lengths, k):
    rng = np.random.default_rng(k)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    values, tails = words(rng, indptr[-1]).view(np.float64), words(rng, len(lengths), k)
    indices = rng.integers(0, 2**62, len(values))
    out = np.zeros((len(lengths), 6), np.uint64)
    digest_sparse(values, indices, indptr, tails, HashKey(KEY).state, out)
    for row, (start, stop) in enumerate(itertools.pairwise(indptr)):
        entries = np.stack([indices[start:stop].view(np.uint64), values[start:stop].view(np.uint64)], axis=1)
        message = np.uint64(stop - start).tobytes() + entries.tobytes() + tails[row].tobytes()
        assert np.array_equal(out[row], reference(message))


def test_an_empty_message_is_refused():
    nothing, out = np.zeros((1, 0)), np.zeros((1, 6), np.uint64)
    with pytest.raises(ValueError, match="empty message"):
        digest_one(nothing[0], nothing[0].view(np.uint64), HashKey(KEY).state, out[0])
    for n in (1, LANES):
        with pytest.raises(ValueError, match="empty message"):
            dense(np.zeros((n, 0)), np.zeros((n, 0), np.uint64))


def test_shapes_that_do_not_fit_are_refused():
    rows, tails, out = np.zeros((3, 2)), np.zeros((3, 1), np.uint64), np.zeros((3, 6), np.uint64)
    indices, indptr = np.zeros(0, np.int64), np.zeros(4, np.int64)
    for few_tails, few_out in ((tails[:2], out), (tails, out[:2])):
        with pytest.raises(ValueError, match="one row per record"):
            digest_dense(rows, few_tails, HashKey(KEY), few_out)
        with pytest.raises(ValueError, match="one row per record"):
            digest_sparse(rows[0, :0], indices, indptr, few_tails, HashKey(KEY).state, few_out)
