"""What a worker does with the records of a piece for a learner that asks them in rounds: keep, number and ask them.

Everything here is a function of the piece: what a worker keeps may be lost at any time, and is then read again.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sqlearn.distributed.blocks import Blocks
from sqlearn.distributed.grouping import ranks
from sqlearn.distributed.names import Repeated
from sqlearn.distributed.workers import here, pause
from sqlearn.engine.rounds import MAX_HASH, PassedRows, Question, Records, Rounds, copy_hashes
from sqlearn.engine.sums import UNFIT, ExactSum
from sqlearn.errors import FormatError, TableError

MOST_FITS = 8  # whose pieces a process keeps: those of others were last asked long ago


class Copies(NamedTuple):
    """Numbers of copies by digest.

    Attributes
    ----------
    digests : uint64[n, 2]
        Digests in ascending order, each once.
    numbers : int64[n]
        A number for each.
    """

    digests: np.ndarray
    numbers: np.ndarray


NO_COPIES = Copies(np.zeros((0, 2), np.uint64), np.zeros(0, np.int64))
ALL_HELD = b""  # the name of no copies
_NO_ROWS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Sample:
    """Asks for the records whose keyed hash is at most a limit, with their classes as places among `labels`."""

    labels: list[Any]
    limit: int


@dataclass(frozen=True)
class Part:
    """A piece, and what its records are made from; it can be pickled.

    Attributes
    ----------
    fit : str
        A name of the fit that no other has.
    number : int
        Which of its pieces this is.
    prototype : ExactEstimator
        The model without any record.
    plan, piece
        How the piece is read, and the piece.
    n_rows : int
        How many rows it has.
    memory : int
        How many bytes of records a process keeps in memory.
    repeated : Repeated or None
        While it is read anew, the names of which it has several copies, or pieces before it have some.
    """

    fit: str
    number: int
    prototype: Any
    plan: Any
    piece: Any
    n_rows: int
    memory: int
    repeated: Repeated | None = None

    def read(self) -> "KeptPiece":
        """Its records, read again."""
        model = self.prototype.emptied()
        piece = KeptPiece(model.state, self.memory)
        model.state.fast_path = None
        for block in self.piece.blocks(self.plan):
            pause()
            if len(block):
                with block.located():
                    model.partial_fit(**block.args())
        n = model.state.n_records
        if n != self.n_rows:
            raise TableError(
                f"{self.piece.name} has changed: it has {n:,} rows, and had {self.n_rows:,} when it was fitted. "
                "Nothing was changed: pass data that stays as it is, and fit again.",
                reason="table",
            )
        piece.number(self.repeated)
        return piece


def _nothing(_: np.ndarray) -> None:
    pass


class KeptPiece:
    """The records of a piece, kept as a model learns them.

    Parameters
    ----------
    state : State
        An empty state of the model, which passes its records on to here from now on.
    memory : int
        How many bytes of records this process keeps in memory.
    note : callable
        Is given the digests of records as they are learned.
    """

    def __init__(self, state: Any, memory: int, note: Callable[[np.ndarray], object] = _nothing) -> None:
        self._note = note
        self._state: Any = state
        self._statistic: Rounds = state.statistic
        self._memory, self._blocks = memory, Blocks(memory)
        self._numbers: Blocks | None = None  # rows that are not copy 0, by block
        self._gone: tuple[bytes, list[np.ndarray]] = b"", []  # the name of the copies that are gone, and rows by block
        state.statistic.read_from(PassedRows(self._take))
        state.statistic.is_share = True

    def _take(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray) -> None:
        self._blocks.append((x, y, w.copy(), digests[:, :2].copy()))
        self._note(digests)

    def has_learned(self) -> None:
        """Note no more digests, and let go of who noted them."""
        self._note = _nothing

    def close(self) -> None:
        """Let go of all records."""
        self._blocks.close()
        if self._numbers is not None:
            self._numbers.close()

    # ------------------------------------------------------------------ when it has learned

    @property
    def is_numbered(self) -> bool:
        return self._numbers is not None

    def number(self, repeated: Repeated | None) -> None:
        """Number the copies of equal records."""
        assert repeated is not None
        following, numbers = repeated.first.copy(), Blocks(self._memory)
        for *_, digests in self._blocks:
            at = places_of(repeated.digests, digests)
            rows = np.flatnonzero(at >= 0)
            chosen = at[rows]
            own = following[chosen] + ranks(chosen)
            following += np.bincount(chosen, minlength=len(following))
            later = own > 0
            numbers.append((rows[later].astype(np.int32), own[later].astype(np.int32)))
        self._numbers, self._gone = numbers, (ALL_HELD, [_NO_ROWS] * len(self._blocks))

    def told(self, name: bytes) -> list[np.ndarray] | None:
        """Which rows of each block are gone, if these are the copies that it was last told are gone; else None.

        Calls on one piece may overlap, and each tells it anew: so a call looks once.
        """
        last, gone = self._gone
        return gone if last == name else None

    def answer(
        self, question: Question | Sample, name: bytes, gone: Copies | list[np.ndarray]
    ) -> tuple[ExactSum, ...] | Records:
        """The sums at a theta, or a sample, without the copies that are gone.

        `gone` has the first number that is not held any more, and `name` is a hash of it; or it is what
        :meth:`told` gave.
        """
        records = self._records(question.labels, name, gone)
        if isinstance(question, Question):
            return self._statistic.answer(question, records)
        return self._sampled(question, records)

    def _sampled(self, sample: Sample, blocks: Iterator[Records]) -> Records:
        d = self._statistic.n_features
        found = [Records(np.zeros((0, d)), np.zeros(0), np.zeros(0), np.zeros(0, np.uint64))]
        for records in blocks:
            chosen = records.w > 0
            if sample.limit < MAX_HASH:
                chosen &= records.hashes <= np.uint64(sample.limit)
            found.append(records.take(chosen))
        return Records(*(np.concatenate([getattr(one, name) for one in found]) for name in ("x", "y", "w", "hashes")))

    def _records(self, labels: list[Any], name: bytes, gone: Copies | list[np.ndarray]) -> Iterator[Records]:
        assert self._numbers is not None
        seed, classes = self._statistic.seed, self._classes(labels)
        by_block = gone if isinstance(gone, list) else []
        for k, ((x, y, w, digests), (rows, later)) in enumerate(zip(self._blocks, self._numbers, strict=True)):
            pause()
            numbers = np.zeros(len(w), np.int64)
            numbers[rows] = later
            if isinstance(gone, Copies):
                by_block.append(_gone_of(digests, numbers, gone))
            records = Records(x, y, w, copy_hashes(digests, numbers, seed))
            if len(by_block[k]):
                records = records.take(np.delete(np.arange(len(w)), by_block[k]))
            if classes is not None:
                records = replace(records, y=classes[records.y.astype(np.int64)])
                if ((records.y < 0) & (records.w > 0)).any():
                    raise FormatError(UNFIT)  # the piece has other rows than when it was learned
            yield records
        self._gone = name, by_block

    def _classes(self, labels: list[Any]) -> np.ndarray | None:
        """The places of this piece's classes among `labels`, float64[slots]; -1 for those of which all are gone."""
        vocabulary = self._state.vocabulary
        if vocabulary is None:
            return None
        places = {label: place for place, label in enumerate(labels)}
        classes = np.full(max(1, vocabulary.capacity), -1.0)
        for label, slot in vocabulary.slots.items():
            classes[slot] = places.get(label, -1)
        return classes


def _gone_of(digests: np.ndarray, numbers: np.ndarray, gone: Copies) -> np.ndarray:
    """The rows of a block that are gone, int64[n]."""
    at = places_of(gone.digests, digests)
    named = np.flatnonzero(at >= 0)
    return named[numbers[named] >= gone.numbers[at[named]]]


def places_of(digests: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where digests, uint64[n, >=2], stand among others that ascend, uint64[m, 2]; int64[n], -1 for those missing."""
    if not len(digests):
        return np.full(len(wanted), -1, np.int64)
    at = np.searchsorted(digests[:, 0], wanted[:, 0])
    while True:
        there = digests[np.minimum(at, len(digests) - 1)]
        alike = (at < len(digests)) & (there[:, 0] == wanted[:, 0])
        behind = alike & (there[:, 1] < wanted[:, 1])
        if not behind.any():
            return np.where(alike & (there[:, 1] == wanted[:, 1]), at, -1)
        at = at + behind


# ---------------------------------------------------------------------- what a process keeps

_kept: "OrderedDict[str, dict[int, Any]]" = OrderedDict()
_let_go: "deque[str]" = deque(maxlen=1024)  # fits of which a call that ends late keeps nothing
_turn = threading.Lock()


def keep(fit: str, number: int, piece: Any) -> None:
    """Keep a piece, or what else is asked as one, for questions to come."""
    with _turn:
        if fit in _let_go:
            return
        _kept.setdefault(fit, {})[number] = piece
        _kept.move_to_end(fit)
        while len(_kept) > MOST_FITS:
            _kept.popitem(last=False)


def kept(fit: str, number: int) -> Any:
    """A piece that this process keeps; None for none."""
    with _turn:
        if fit in _kept:
            _kept.move_to_end(fit)
        return _kept.get(fit, {}).get(number)


def let_go(fit: str) -> None:
    """Keep nothing of a fit, of which nobody asks any more."""
    with _turn:
        _let_go.append(fit)
        pieces = _kept.pop(fit, {})
    for piece in pieces.values():
        piece.close()


def ask(fit: str, number: int, question: Any, name: bytes, gone: Any) -> Any:
    """Which worker this is, and the answer of a piece that it keeps, without the copies that are gone.

    `name` is a hash of these; where `gone` is None, they are what they were the last time. None where this process does
    not keep the piece, or was told of others the last time: then :func:`ask_anew`.
    """
    piece = kept(fit, number)
    if piece is None or not piece.is_numbered:
        return None
    without = _without(piece, name, gone)
    return None if without is None else (here(), piece.answer(question, name, without))


def ask_anew(part: Any, question: Any, name: bytes, gone: Any) -> Any:
    """The same, of a piece that is read again where this process does not keep it."""
    piece = kept(part.fit, part.number)
    if piece is None:
        piece = part.read()
        keep(part.fit, part.number, piece)
    elif not piece.is_numbered:
        piece.number(part.repeated)
    return here(), piece.answer(question, name, _without(piece, name, gone))


def _without(piece: Any, name: bytes, gone: Any) -> Any:
    """What a piece is to leave out: what it knows under this name, or else `gone`."""
    told = piece.told(name)
    return gone if told is None else told
