"""The records of pieces as the rows of a learner that asks them in rounds: where they lie, without those taken out."""

import hashlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sqlearn.distributed.asking import ALL_HELD, NO_COPIES, Copies, Part, Sample, ask, ask_anew, let_go
from sqlearn.distributed.grouping import ranks
from sqlearn.distributed.index import Index
from sqlearn.distributed.workers import Workers, run
from sqlearn.engine.rounds import MAX_HASH, Question, Records, Rows, add_all, copy_hashes
from sqlearn.engine.sums import ExactSum
from sqlearn.errors import TooLargeError


class Asked:
    """What is asked where it lies, part by part; what lets go of it tells the workers.

    Parameters
    ----------
    parts : list
        What each part is made of.
    places : list of str or None
        Which worker keeps each.
    workers : Workers
        What makes calls.
    """

    def __init__(self, parts: Sequence[Any], places: list[str | None], workers: Workers) -> None:
        self._parts, self._places, self._workers = parts, places, workers
        self._told: bytes | None = None  # which copies parts were last told are gone
        weakref.finalize(self, let_go_everywhere, parts[0].fit, self._places, workers).atexit = False

    def asked(self, question: Any, name: bytes, gone: Any, check: Callable[[], None] | None = None) -> list[Any]:
        """The answers of all parts, without the copies that are gone, of which `name` is a hash.

        Those that nobody keeps any more are read again.
        """
        told = None if name == self._told else gone
        calls = [(part.fit, part.number, question, name, told) for part in self._parts]
        answers = run(self._workers, ask, calls, check, self._places)
        lost, n = [i for i, answer in enumerate(answers) if answer is None], 2 * self._workers.count
        for some in (lost[start : start + n] for start in range(0, len(lost), n)):
            anew = [(part, question, name, gone) for part in self._to_read([self._parts[i] for i in some], check)]
            found = run(self._workers, ask_anew, anew, check, [self._places[i] for i in some])
            for i, answer in zip(some, found, strict=True):
                answers[i] = answer
        self._places[:], self._told = [place for place, _ in answers], name
        return [answer for _, answer in answers]

    def _to_read(self, parts: list[Any], check: Callable[[], None] | None) -> list[Any]:
        """Some of the parts, with all that reading them again takes."""
        return parts

    def check(self) -> None:
        """Raise UnsupportedError where nothing can be asked any more."""
        self._workers.check()


class Parts(Asked):
    """The pieces whose records are asked where they lie.

    Parameters
    ----------
    parts : list of Part
        The pieces.
    places : mapping of int to str or None
        Which worker keeps each, by their numbers.
    index : Index
        The names of their records.
    workers : Workers
        What makes calls.
    gather_limit : int
        How many bytes of records may be read from them into the memory of this process.

    Attributes
    ----------
    n_records : int
        How many records they have together.
    """

    def __init__(
        self, parts: list[Part], places: Mapping[int, str | None], index: Index, workers: Workers, gather_limit: int
    ) -> None:
        super().__init__(parts, [places[number] for number in range(len(parts))], workers)
        self._index = index
        self.gather_limit = gather_limit
        self.n_records = sum(part.n_rows for part in parts)

    def _to_read(self, parts: list[Any], check: Callable[[], None] | None) -> list[Any]:
        repeated = self._index.offsets([part.number for part in parts], check)
        return [replace(part, repeated=names) for part, names in zip(parts, repeated, strict=True)]

    def count(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each of these digests, uint64[n, >=2], all pieces have together, int64[n]."""
        return self._index.count(digests)


def let_go_everywhere(fit: str, places: Sequence[str | None], workers: Workers) -> None:
    """Have this process and these workers keep nothing of a fit."""
    let_go(fit)
    for place in {place for place in places if place is not None}:
        workers.tell(place, let_go, fit)


class PiecedRows:
    """A :class:`~sqlearn.engine.rounds.row_source.RowSource` of the records of pieces, and of those that came since.

    Pieces cannot be changed. Copies of a digest are numbered through all pieces. Of the f that these have, g may have
    been taken out: then copies 0 to f - g - 1 are held. Or c came since: then copies 0 to f + c - 1 are. Never both,
    since what comes takes the place of what was taken out.

    Parameters
    ----------
    parts : Parts
        The pieces; or another kind of what is asked, which counts their records.
    own : Rows
        An empty source for records of their shape.

    Attributes
    ----------
    own : Rows
        The records that came since.
    """

    def __init__(self, parts: Any, own: Rows) -> None:
        self.parts, self.own = parts, own
        self._gone = Rows(0, own.seed)  # in the place of targets: the numbers of the copies
        self._told: tuple[bytes, Copies] | None = (ALL_HELD, NO_COPIES)  # what pieces are told of those
        self._counts: dict[bytes, int] = {}  # what the index said in this update: undoing it must not ask

    # ------------------------------------------------------------------ records that come or go

    def reserve(self, extra: int) -> None:
        self.own.reserve(extra)
        self._gone.reserve(extra)

    def missing(self, digests: np.ndarray) -> int:
        held = self._in_pieces(digests) + self.beyond(digests)
        beyond = np.flatnonzero(ranks(digests[:, :2]) >= held)
        return int(beyond[0]) if len(beyond) else -1

    def vacant(self, places: np.ndarray) -> None:
        self.reserve(len(places))
        places[:] = 0  # nobody asks for them

    def put(
        self, places: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, hashes: np.ndarray
    ) -> None:
        in_pieces = self._in_pieces(digests)
        returns = ranks(digests[:, :2]) < self._gone.copies(digests)
        self._told = None
        hashes[returns] = _removed(self._gone, digests[returns])
        comes = ~returns
        places = _put(self.own, x[comes], y[comes], w[comes], digests[comes])
        numbers = in_pieces[comes] + self.own.numbers[places]
        hashes[comes] = self.own.keyed[places] = copy_hashes(digests[comes], numbers, self.own.seed)

    def remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray) -> None:
        in_pieces = self._in_pieces(digests)
        self._gone.reserve(len(digests))
        here = ranks(digests[:, :2]) < self.own.copies(digests)
        self._told = None
        hashes[here] = _removed(self.own, digests[here])
        there = ~here
        nothing = np.zeros((np.count_nonzero(there), 1))
        places = _put(self._gone, nothing[:, :0], nothing[:, 0], nothing[:, 0], digests[there])
        numbers = in_pieces[there] - 1 - self._gone.numbers[places]
        self._gone.y[places] = numbers
        hashes[there] = self._gone.keyed[places] = copy_hashes(digests[there], numbers, self.own.seed)

    def make_ready(self, digests: np.ndarray) -> None:
        self.parts.check()  # the index may be here, and the rows out of reach: then no answer would follow the change
        self._in_pieces(digests)
        self.own.make_ready(digests)

    def compact(self) -> None:
        """Use less memory, if that is worth while: an update has ended."""
        self._counts.clear()
        self.own.compact()
        self._gone.compact()

    def copy(self) -> "PiecedRows":
        """An independent source of the same records, most of which lie in the same pieces."""
        copied = type(self)(self.parts, self.own.copy())
        copied._gone, copied._told = self._gone.copy(), self._told
        return copied

    def count(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of these digests, uint64[n, >=2], the pieces have, int64[n]."""
        found: np.ndarray = self.parts.count(digests)
        return found

    def beyond(self, digests: np.ndarray) -> np.ndarray:
        """How many copies more than the pieces have are held of each, int64[n]; below 0, how many fewer."""
        found: np.ndarray = self.own.copies(digests) - self._gone.copies(digests)
        return found

    def _in_pieces(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of these digests the pieces have, int64[n]; the index is asked once in an update."""
        names = [name.tobytes() for name in np.ascontiguousarray(digests[:, :2])]
        asked = [i for i, name in enumerate(names) if name not in self._counts]
        if asked:
            found = self.parts.count(digests[asked])
            self._counts.update((names[i], int(count)) for i, count in zip(asked, found, strict=True))
        return np.array([self._counts[name] for name in names], np.int64)

    # ------------------------------------------------------------------ reading

    def evaluate(self, question: Question, check: Callable[[], None]) -> tuple[ExactSum, ...]:
        first, *others = self._asked(question, check)
        for sums in others:
            add_all(first, sums)
        return first

    def gathered(self, limit: int, labels: list[Any], check: Callable[[], None]) -> Iterator[Records]:
        n, most = self.parts.n_records, self.parts.gather_limit
        size = n * (self.own.x.shape[1] + 3) * 8
        if limit >= MAX_HASH and size > most:
            raise TooLargeError(
                f"To solve for these rows, all {n:,} of them would be gathered in the memory of this process: "
                f"{size / 1e9:,.3g} GB, and gather_limit is {most / 1e9:,.3g} GB. Nothing was changed. They are too "
                "few for rounds where they lie, or the rounds did not come to rest (classes that features separate, "
                "collinear features without a penalty): penalise more, fit with a larger gather_limit, or in one "
                "process."
            )
        yield from self._asked(Sample(labels, limit), check)

    def blocks(self, limit: int) -> Iterator[Records]:
        """The records that are here; walks ask all others where they lie."""
        return self.own.blocks(limit)

    def _asked(self, question: Question | Sample, check: Callable[[], None]) -> list[Any]:
        name, gone = self._gone_copies()
        found: list[Any] = self.parts.asked(question, name, gone, check)
        return found

    def _gone_copies(self) -> tuple[bytes, Copies]:
        """The first copy of each digest that was taken out, and a name for all that; a function of what is gone."""
        if self._told is None:
            places = self._gone.by_digest()
            digests, numbers = self._gone.digests[places], self._gone.y[places].astype(np.int64)
            # by digest, and the one that went last, of the lowest number, at its end
            last = np.flatnonzero(np.append((digests[1:] != digests[:-1]).any(axis=1), True)) if len(places) else places
            copies = Copies(digests[last], numbers[last])
            name = hashlib.blake2b(copies.digests.tobytes() + copies.numbers.tobytes(), digest_size=16).digest()
            self._told = name if len(places) else ALL_HELD, copies
        return self._told


def _put(rows: Rows, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray) -> np.ndarray:
    """Put records into rows, which have room for them; returns their places."""
    places = np.empty(len(w), np.int64)
    rows.vacant(places)
    rows.put(places, x, y, w, digests, np.empty(len(w), np.uint64))
    return places


def _removed(rows: Rows, digests: np.ndarray) -> np.ndarray:
    """Remove the last copies of these digests from rows; returns their keyed hashes."""
    hashes = np.empty(len(digests), np.uint64)
    rows.remove(np.empty(len(digests), np.int64), digests, hashes)
    return hashes
