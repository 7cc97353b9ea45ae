"""What a worker does for a forest: it reads the rows of all pieces, keeps them, and grows its share of the trees.

A grove is a forest of some of the trees. It stands at the records of the pieces, or at what was last told of how the
records held differ from these, and follows from there as any forest does. It is a function of the pieces and of what
it is told: a worker may lose it at any time, and then it is read and grown again.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sqlearn.distributed.asking import ALL_HELD, keep, kept, places_of
from sqlearn.distributed.workers import pause
from sqlearn.engine.sums import Block, Log
from sqlearn.engine.trees import Description, Forest
from sqlearn.errors import TableError, TooLargeError

CONTENTS, HASHES, TREES = "contents", "hashes", "trees"  # what a grove is asked for


class Difference(NamedTuple):
    """How the records held differ from those of the pieces.

    Attributes
    ----------
    digests : uint64[m, 2]
        Their digests in ascending order, each once.
    numbers : int64[m]
        How many copies more than the pieces have are held; below 0, how many fewer.
    x, y, w : float64[k, d], float64[k], float64[k]
        The records of which there are more; of classes, `y` is a place in `labels`.
    labels : list
        The labels of classes.
    """

    digests: np.ndarray
    numbers: np.ndarray
    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    labels: list[Any]


NO_DIFFERENCE = Difference(
    np.zeros((0, 2), np.uint64), np.zeros(0, np.int64), np.zeros((0, 0)), np.zeros(0), np.zeros(0), []
)


@dataclass(frozen=True)
class Share:
    """What a grove is made from; it can be pickled.

    Attributes
    ----------
    fit : str
        A name of the fit that no other has.
    number, count : int
        Which grove it is, and how many there are: its trees are those whose number is `number` modulo `count`.
    threads : int
        How many threads grow trees at least.
    prototype : ExactEstimator
        The model without any record.
    plan, pieces
        How pieces are read, and all of them.
    limit : int
        How many bytes of rows a worker may gather.
    """

    fit: str
    number: int
    count: int
    threads: int
    prototype: Any
    plan: Any
    pieces: Sequence[Any]
    limit: int

    def read(self) -> "Grove":
        """A grove that reads its rows when it is asked."""
        return Grove(self)


class Grove:
    """Some trees of a forest, and the records of all of them.

    Parameters
    ----------
    share : Share
        Which, and where the rows are read.
    """

    is_numbered = True

    def __init__(self, share: Share) -> None:
        self._share = share
        self._state: Any = None
        self._stands, self._difference = ALL_HELD, NO_DIFFERENCE
        self._aside: dict[bytes, tuple[np.ndarray, Any, float]] = {}  # records of pieces that may be held again
        self._turn = threading.Lock()  # a worker may have several threads

    def close(self) -> None:
        """Let go of everything."""
        self._state = None

    def told(self, name: bytes) -> Difference | None:
        """The difference that it stands at, if it has this name."""
        return self._difference if self._state is not None and self._stands == name else None

    def answer(self, question: str, name: bytes, difference: Difference) -> Any:
        """What is asked for, of the records that differ so from those of the pieces; `name` is a hash of that."""
        with self._turn:
            state = self._read()
            if self._stands != name:
                try:
                    self._follow(state, difference)
                except BaseException:
                    self._state = None  # it is neither here nor there, and is read again
                    raise
                self._stands, self._difference = name, difference
            forest, order = _forest(state), state.occupied()[0]
            if question == TREES:
                return forest.described(order)
            return forest.hashes(order) if question == HASHES else state.held_parts(ledger=False)

    def count(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of these digests, uint64[n, 2], the pieces have, int64[n]."""
        with self._turn:
            rows: Any = _forest(self._read()).rows
            found: np.ndarray = rows.copies(digests)
            at = places_of(self._difference.digests, digests)
            found[at >= 0] -= self._difference.numbers[at[at >= 0]]
            return found

    # ------------------------------------------------------------------ reading

    def _read(self) -> Any:
        """The state, whose rows are read if they are not here."""
        if self._state is not None:
            return self._state
        share = self._share
        self._stands, self._difference, self._aside = ALL_HELD, NO_DIFFERENCE, {}
        model = share.prototype.emptied()
        state = model.state
        state.fast_path, forest = None, _forest(state)
        forest.part, forest.waits = (share.number, share.count), True
        forest.growth = replace(forest.growth, n_jobs=max(forest.growth.n_jobs, share.threads))
        counts = [piece.count for piece in share.pieces]
        size = 8 * (forest.n_features + 3)
        if None not in counts:
            self._check_size(size * sum(counts))
            forest.reserve(sum(counts))
        for piece in share.pieces:
            for block in piece.blocks(share.plan):
                pause()
                if len(block):
                    self._check_size(size * (state.n_records + len(block)))
                    with block.located():
                        model.partial_fit(**block.args())
        self._state = state
        return state

    def _check_size(self, size: int) -> None:
        share = self._share
        if size > share.limit:
            raise TooLargeError(
                f"{type(share.prototype).__name__} keeps its records: each worker gathers the rows of all pieces and "
                f"grows some of the trees, and these rows take more than the {share.limit:,} bytes of gather_limit. "
                "Nothing was changed: allow more by gather_limit, fit fewer rows, or take a learner of sums, whose "
                "rows stay where they lie (docs/scale.md)."
            )

    # ------------------------------------------------------------------ following

    def _follow(self, state: Any, new: Difference) -> None:
        """Hold the records that differ so from those of the pieces."""
        old = self._difference
        digests, where = np.unique(np.concatenate([old.digests, new.digests]), axis=0, return_inverse=True)
        change, held = np.zeros(len(digests), np.int64), np.zeros(len(digests), np.int64)
        np.add.at(change, where.ravel(), np.concatenate([-old.numbers, new.numbers]))
        held[where.ravel()[len(old.digests) :]] = new.numbers
        log = Log(keeps=False)
        going, coming = np.flatnonzero(change < 0), np.flatnonzero(change > 0)
        if len(going):
            self._remove(state, np.repeat(digests[going], -change[going], axis=0), log)
        if len(coming):
            self._put(state, digests[coming], change[coming], new, log)
        for name in [digest.tobytes() for digest in digests[held >= 0]]:
            self._aside.pop(name, None)
        state.catch_up(pause)

    def _remove(self, state: Any, digests: np.ndarray, log: Log) -> None:
        forest = _forest(state)
        rows: Any = forest.rows
        places = rows.last(digests)
        x, y, w = rows.x[places], rows.y[places], rows.w[places]
        if forest.n_targets:
            responses = y.tolist()
        else:
            labels = {slot: label for label, slot in state.vocabulary.slots.items()}
            responses = [labels.get(slot) for slot in y.astype(np.int64).tolist()]  # without weight, any
        self._aside |= zip([d.tobytes() for d in digests], zip(x, responses, w.tolist(), strict=True), strict=True)
        _deposit(forest, x, y, w, digests, -1.0, log)

    def _put(self, state: Any, digests: np.ndarray, numbers: np.ndarray, new: Difference, log: Log) -> None:
        """Put so many copies of these digests: with what came with them, or as they lie in the pieces."""
        forest = _forest(state)
        told = {digest.tobytes(): i for i, digest in enumerate(new.digests[new.numbers > 0])}
        x, w, responses = np.empty((len(digests), forest.n_features)), np.empty(len(digests)), []
        for i, name in enumerate([digest.tobytes() for digest in digests]):
            if name in told:
                at = told[name]
                x[i], w[i], response = new.x[at], new.w[at], new.y[at]
                responses.append(response if forest.n_targets else new.labels[int(response)] if w[i] else None)
            else:
                x[i], response, w[i] = self._aside[name]
                responses.append(response)
        if not forest.n_targets:
            vocabulary = state.vocabulary
            counts = zip(responses, w.tolist(), strict=True)
            responses = [vocabulary.slot(label) if weight else 0 for label, weight in counts]
            forest.resize(vocabulary.capacity)
        y = np.array(responses, np.float64)
        repeated = np.repeat(np.arange(len(digests)), numbers)
        _deposit(forest, x[repeated], y[repeated], w[repeated], digests[repeated], 1.0, log)


def _forest(state: Any) -> Forest:
    assert isinstance(state.statistic, Forest)
    return state.statistic


def _deposit(
    forest: Forest, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, sign: float, log: Log
) -> None:
    n = len(w)
    targets, slots = (y[:, None], np.zeros(n, np.int64)) if forest.n_targets else (np.zeros((n, 0)), y.astype(np.int64))
    forest.deposit(Block(x, np.zeros((n, 0), np.int64), slots, targets, w, digests), sign, log)


def count_in(fit: str, number: int, digests: np.ndarray) -> np.ndarray | None:
    """How many copies of digests the pieces have, asked of a grove that this process keeps; None if it keeps none."""
    grove = kept(fit, number)
    found: np.ndarray | None = None if grove is None else grove.count(digests)
    return found


def count_anew(share: Share, digests: np.ndarray) -> np.ndarray:
    """The same, of a grove that is read again where this process does not keep it."""
    grove = kept(share.fit, share.number)
    if grove is None:
        grove = share.read()
        keep(share.fit, share.number, grove)
    found: np.ndarray = grove.count(digests)
    return found


def whole(parts: Sequence[dict[str, bytes]], n_trees: int) -> dict[str, bytes]:
    """The contents of a forest whose groves have these.

    Raises
    ------
    TableError
        When they have read other rows.
    """
    hashes = {"sums 2": hashes_of([part["sums 2"] for part in parts], n_trees)}
    first, *others = [part | hashes for part in parts]
    if any(part != first for part in others):
        raise TableError(
            "Pieces have changed while they were read: workers have found other rows in them. Nothing was changed: "
            "pass data that stays as it is.",
            reason="table",
        )
    return first


def hashes_of(parts: Sequence[bytes], n_trees: int) -> bytes:
    """The hashes of all trees, from those of each grove."""
    found = np.empty(n_trees, "<u8")
    for number, part in enumerate(parts):
        found[number :: len(parts)] = np.frombuffer(part, "<u8")
    return found.tobytes()


def trees_of(parts: Sequence[list[Description | None]], n_trees: int) -> list[Description | None]:
    """All trees, from those of each grove."""
    found: list[Description | None] = [None] * n_trees
    for number, part in enumerate(parts):
        found[number :: len(parts)] = part
    return found
