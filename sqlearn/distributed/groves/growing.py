"""Forests over pieces: the workers grow the trees, and this process knows which records came and went since."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import numpy as np

from sqlearn.distributed.asking import ALL_HELD
from sqlearn.distributed.grouping import begins
from sqlearn.distributed.groves.grove import (
    CONTENTS,
    HASHES,
    NO_DIFFERENCE,
    TREES,
    Difference,
    Share,
    count_anew,
    count_in,
    hashes_of,
    trees_of,
    whole,
)
from sqlearn.distributed.pieces import Piece, Plan
from sqlearn.distributed.rows import Asked, PiecedRows, let_go_everywhere
from sqlearn.distributed.workers import Workers, run
from sqlearn.engine.model import State
from sqlearn.engine.rounds import Rows
from sqlearn.engine.trees import Description, Forest, TreesElsewhere


def grows_elsewhere(state: State, workers: Workers) -> bool:
    """Whether workers can grow the trees of this state's model: they have names, and nobody asks for its rows."""
    return type(state.statistic) is Forest and bool(workers.places()) and not state.params.get("oob_score")


def grown(
    prototype: Any,
    pieces: Sequence[Piece],
    plan: Plan,
    workers: Workers,
    limit: int,
    report: Callable[[int], object],
) -> State:
    """The state of a forest of all pieces, whose trees workers grow and keep.

    Raises
    ------
    TooLargeError
        If the rows are more than `limit` bytes, or more than trees can have.
    TableError
        If pieces change meanwhile.
    SqlearnError
        As the learner's ``fit`` does.
    """
    state: State = prototype.emptied().state
    forest: Any = state.statistic
    n_trees, fit = forest.growth.n_trees, uuid4().hex
    places = [*workers.places().items()][:n_trees]
    shares = [
        Share(fit, number, len(places), threads, prototype, plan, pieces, limit)
        for number, (_, threads) in enumerate(places)
    ]
    groves = Groves(shares, [place for place, _ in places], workers)
    try:
        contents = whole(groves.asked(CONTENTS, ALL_HELD, NO_DIFFERENCE), n_trees)
    except BaseException:
        let_go_everywhere(fit, [place for place, _ in places], workers)
        raise
    state.restore(contents)
    forest.check_form(state.labels())
    forest.read_from(GroveRows(groves, Rows(forest.n_features, forest.seed)))
    state.rows_stayed = False
    report(state.n_records)
    return state


class Groves(Asked):
    """The groves of a forest, each of which is asked where it grows."""

    def count(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each of these digests, uint64[n, >=2], the pieces have together, int64[n]."""
        share, names = self._parts[0], np.ascontiguousarray(digests[:, :2])
        (found,) = run(self._workers, count_in, [(share.fit, share.number, names)], None, self._places[:1])
        if found is None:
            (found,) = run(self._workers, count_anew, [(share, names)], None, self._places[:1])
        return np.asarray(found)


class GroveRows(PiecedRows, TreesElsewhere):
    """The records of pieces, and of those that came since, where groves have all trees of them.

    Parameters
    ----------
    parts : Groves
        The groves.
    own : Rows
        An empty source for records of their shape.
    """

    def __init__(self, parts: Groves, own: Rows) -> None:
        super().__init__(parts, own)
        self._told: Any = ALL_HELD, NO_DIFFERENCE
        self._known: dict[str, tuple[bytes, list[Any]]] = {}  # what was answered last, and at what name

    def hashes(self, labels: dict[int, Any]) -> bytes:
        parts = self._answers(HASHES, labels)
        return hashes_of(parts, sum(len(part) for part in parts) // 8)

    def described(self, labels: dict[int, Any]) -> list[Description | None]:
        parts = self._answers(TREES, labels)
        return trees_of(parts, sum(map(len, parts)))

    def copy(self) -> GroveRows:
        copied = super().copy()
        assert isinstance(copied, GroveRows)
        copied._known = self._known.copy()
        return copied

    def _answers(self, question: str, labels: dict[int, Any]) -> list[Any]:
        """What each grove answers; it is kept, so that a model outlives its cluster."""
        if self._told is None:
            self._told = self._difference(labels)
        name, difference = self._told
        if question not in self._known or self._known[question][0] != name:
            self._known[question] = name, self.parts.asked(question, name, difference)
        return self._known[question][1]

    def _difference(self, labels: dict[int, Any]) -> tuple[bytes, Difference]:
        """How the records held differ from those of the pieces, and a name for that; a function of what is held."""
        own, gone = (_counted(rows) for rows in (self.own, self._gone))
        digests = np.concatenate([own[0], gone[0]])
        order = np.lexsort((digests[:, 1], digests[:, 0]))
        digests, numbers = digests[order], np.concatenate([own[1], -gone[1]])[order]
        x, y, w = (array[own[2]] for array in (self.own.x, self.own.y, self.own.w))
        if None not in labels.values():  # which stands for no classes
            places = {slot: place for place, slot in enumerate(labels)}
            y = np.array([places.get(slot, 0) for slot in y.astype(np.int64).tolist()], np.float64)
        if not len(digests):
            return ALL_HELD, NO_DIFFERENCE
        name = hashlib.blake2b(digests.tobytes() + numbers.tobytes(), digest_size=16).digest()
        return name, Difference(digests, numbers, x, y, w, [*labels.values()])


def _counted(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The digests of records in ascending order, each once, how many copies there are of it, and where one lies."""
    places = rows.by_digest()
    digests = rows.digests[places]
    starts = begins(digests[:, 0], digests[:, 1])
    return digests[starts], np.diff(np.append(starts, len(places))), places[starts]
