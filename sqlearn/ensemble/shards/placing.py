"""Where a record belongs: its shard and its slice, which are functions of its digest or of its group alone.

Both are hashes of the digest, each with constants of its own, so that they are independent of one another and of the
folds of cross-validation inside of a member. These values are fixed forever.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from sqlearn.engine.identity import HashKey, digest_dense, folds_of, key_bytes, label_words
from sqlearn.engine.model import State
from sqlearn.engine.tables import KeptTable

_OF_SHARDS = np.array([0x7368617264206F66, 0x9E3779B97F4A7C15], np.uint64)
_OF_SLICES = np.array([0x736C696365206F66, 0xD1B54A32D192ED03], np.uint64)
_SEEDS = 2**31 - 1  # scikit-learn takes seeds below 2**32, some libraries those of int32


def shards_of(digests: np.ndarray, n_shards: int) -> np.ndarray:
    """The shards of records, int64[n], by their digests, uint64[n, 2] or wider."""
    return folds_of(digests[:, :2] ^ _OF_SHARDS, n_shards)


def slices_of(digests: np.ndarray, n_slices: int) -> np.ndarray:
    """The slices of records, int64[n], by their digests, uint64[n, 2] or wider."""
    return folds_of(digests[:, :2] ^ _OF_SLICES, n_slices)


def seed_of(name: Any, random_state: int | None, parameter: str) -> int:
    """The seed that the member of a shard has for a parameter."""
    message = f"{random_state or 0} ".encode() + label_words(name).astype("<u8").tobytes() + parameter.encode()
    return int.from_bytes(hashlib.blake2b(message, digest_size=8).digest(), "little") % _SEEDS


def split(numbers: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each of these numbers, ascending, and where it is found, in order."""
    if len(numbers) == 1:  # a single record, most of the time
        yield int(numbers[0]), np.zeros(1, np.int64)
        return
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    for index in np.split(order, cuts) if len(order) else ():
        yield int(numbers[index[0]]), index


def digests_of(state: State, x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Digests of records as a statistic keeps them, uint64[n, 6], where these are not kept beside them."""
    statistic, tails = state.statistic, []
    assert isinstance(statistic, KeptTable)
    if state.vocabulary is not None:
        tails.append(state.vocabulary.hash_words[y.astype(np.int64)])
    codes = x[:, statistic.n_features :].astype(np.int64)
    known = np.concatenate([statistic.categories.vocabulary.hash_words, np.zeros((1, 2), np.uint64)])
    tails.append(known[codes].reshape(len(x), -1))
    if statistic.n_targets:
        tails.append((y + 0.0).view(np.uint64)[:, None])
    tails.append((w + 0.0).view(np.uint64)[:, None])
    digests = np.empty((len(x), 6), np.uint64)
    numbers = np.ascontiguousarray(x[:, : statistic.n_features])
    tail = np.ascontiguousarray(np.concatenate(tails, axis=1))
    digest_dense(numbers, tail, HashKey(key_bytes(state.params["key"])), digests)
    return digests
