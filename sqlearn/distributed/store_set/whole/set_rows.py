"""The rows of all parts as the source of one model: they are asked where they lie, within a transaction.

Copies of equal records are numbered by part; where several parts have some, those of later parts have the numbers that
follow. Sums over all rows need no numbers. Samples do: for them, the names of copies in all parts are compared, a share
of them at a time, so that memory is bounded, and the rows are looked up of which several parts have equal ones.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sqlearn.engine.rounds import MAX_HASH, ROWS_ELSEWHERE, DetachedRows, Question, ReadOnlyRows, Records, Rows, add_all
from sqlearn.engine.sums import ExactSum
from sqlearn.storage.records import Count

Each = Callable[[Callable[[Any, int], Any]], dict[int, Any]]
_NAMES = 1 << 18  # of all parts that are compared together


class SetRows(ReadOnlyRows):
    """A :class:`~sqlearn.engine.rounds.question.AskedRows`: the rows of all parts.

    They have come and gone in the parts already when a model is told of it here. It is told once, of what goes first,
    and no record both comes and goes. So of h copies of a record that are held now, those that have come are copies
    h - 1, h - 2, and so on, and those that have gone were copies h, h + 1, and so on.

    Parameters
    ----------
    each : callable
        Calls a function with every part and its number.
    d : int
        Number of features.
    seed : uint64
        Seed of keyed hashes.

    Attributes
    ----------
    own : Rows
        No rows: none lie anywhere else.
    """

    why = ROWS_ELSEWHERE

    def __init__(self, each: Each, d: int, seed: np.uint64) -> None:
        self._each, self.own = each, Rows(d, seed)
        self._come, self._gone = Count(seed), Count(seed)

    # ------------------------------------------------------------------ what has come or gone

    def reserve(self, extra: int) -> None:
        pass

    def missing(self, digests: np.ndarray) -> int:
        return -1  # what is forgotten has been read from the parts

    def vacant(self, places: np.ndarray) -> None:
        places[:] = 0

    def put(
        self, places: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, hashes: np.ndarray
    ) -> None:
        hashes[:] = self._come.hashes(digests, self._held(digests) - 1 - self._come.coming(digests))

    def remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray) -> None:
        hashes[:] = self._gone.hashes(digests, self._held(digests) + self._gone.coming(digests))

    def _held(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each digest all parts have now, int64[n]."""
        found: np.ndarray = sum(self._each(lambda part, _: part.source(lambda rows: rows.held(digests))).values())
        return found

    def copy(self) -> DetachedRows:
        return DetachedRows()

    # ------------------------------------------------------------------ reading

    def evaluate(self, question: Question, check: Callable[[], None]) -> tuple[ExactSum, ...]:
        """The sums over all rows."""
        first, *others = self._each(lambda part, _: part.source(lambda rows: rows.answer(question))).values()
        for sums in others:
            check()
            add_all(first, sums)
        return first

    def gathered(self, limit: int, labels: list[Any], check: Callable[[], None]) -> Iterator[Records]:
        """The rows whose keyed hash is at most `limit`."""
        if limit < MAX_HASH:
            self._number(limit, check)
        found = self._each(lambda part, _: part.source(lambda rows: [*rows.classed(limit, labels)]))
        self._each(lambda part, _: part.source(lambda rows: rows.forget_numbers()))
        for records in found.values():
            check()
            yield from records

    def blocks(self, limit: int) -> Iterator[Records]:
        """Nothing: all rows are asked where they lie."""
        return self.own.blocks(limit)

    def _number(self, limit: int, check: Callable[[], None]) -> None:
        """Number copies of equal records through all parts, as far as samples up to this limit are concerned."""
        sizes = self._each(lambda part, _: part.source(lambda rows: rows.n_names()))
        modulus = 1
        while sum(sizes.values()) > _NAMES * modulus:
            modulus *= 2
        self._each(lambda part, _: part.source(lambda rows: rows.forget_numbers()))
        for residue in range(modulus if len(sizes) > 1 else 0):
            check()
            digests = self._shared(residue, modulus)
            if len(digests):
                held = self._each(lambda part, _: part.source(lambda rows: rows.held(digests)))  # noqa: B023
                before = np.zeros(len(digests), np.int64)
                first = {}
                for number, copies in held.items():
                    first[number], before = before, before + copies
                self._each(
                    lambda part, number: part.source(lambda rows: rows.renumber(digests, first[number], limit))  # noqa: B023
                )

    def _shared(self, residue: int, modulus: int) -> np.ndarray:
        """The digests of which several parts have copies, and copy 0 has a name of this residue, uint64[n, 2]."""
        named = self._each(lambda part, _: part.source(lambda rows: rows.names(residue, modulus)))
        names, slots = (np.concatenate([found[i] for found in named.values()]) for i in (0, 1))
        of_part = np.repeat([*named], [len(names) for names, _ in named.values()])
        order = np.lexsort((names[:, 1], names[:, 0]))
        alike = (names[order[1:]] == names[order[:-1]]).all(axis=1)
        last = order[1:][alike & ~np.append(alike[1:], False)]  # the last of equal names
        if not len(last):
            return np.zeros((0, 2), np.uint64)
        chosen = {number: slots[last[of_part[last] == number]] for number in named}
        found = self._each(
            lambda part, number: part.source(lambda rows: rows.digests_named(chosen[number], residue, modulus))
        )
        return np.unique(np.concatenate([*found.values()]), axis=0)
