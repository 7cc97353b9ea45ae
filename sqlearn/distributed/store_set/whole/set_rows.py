"""The rows of all parts as the source of one model: they are asked where they lie, within a transaction.

Copies of equal records are numbered by part; where several parts have some, those of later parts have the numbers that
follow. Only samples depend on these numbers. So before rows are asked, the names of copies in all parts are compared, a
share of them at a time; and of equal rows in several parts those are noted that samples may bring in or leave out. So
memory is bounded.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from sqlearn.engine.rounds import Question, Records, Rows, add_all, sample_threshold
from sqlearn.engine.sums import ExactSum
from sqlearn.storage.records import Count, RowsOnFile

Each = Callable[[Callable[[Any, int], Any]], dict[int, Any]]
_NAMES = 1 << 18  # of all parts that are compared together
LARGEST_SAMPLE = 1 << 16  # records that any sample of rounds is made of, to twice that


class SetRows(RowsOnFile):
    """A :class:`~sqlearn.engine.rounds.question.AskedRows`: the rows of all parts.

    They have come and gone in the parts already when a model is told of it here. It is told once, of what goes first,
    and no record both comes and goes. So of h copies of a record that are held now, those that have come are copies
    h - 1, h - 2, and so on, and those that have gone were copies h, h + 1, and so on.

    Parameters
    ----------
    each : callable
        Calls a function with every part and its number.
    statistic : Rounds
        What asks them.

    Attributes
    ----------
    own : Rows
        No rows: none lie anywhere else.
    """

    def __init__(self, each: Each, statistic: Any) -> None:
        self._each, self._statistic = each, statistic
        self.own = Rows(statistic.n_features, statistic.seed)
        self._come, self._gone = Count(statistic.seed), Count(statistic.seed)
        self._is_numbered = False

    # ------------------------------------------------------------------ what has come or gone

    def put(
        self, places: np.ndarray, x: np.ndarray, y: np.ndarray, w: np.ndarray, digests: np.ndarray, hashes: np.ndarray
    ) -> None:
        hashes[:] = self._come.hashes(digests, self._held(digests) - 1 - self._come.coming(digests))

    def remove(self, places: np.ndarray, digests: np.ndarray, hashes: np.ndarray) -> None:
        hashes[:] = self._gone.hashes(digests, self._held(digests) + self._gone.coming(digests))

    def _held(self, digests: np.ndarray) -> np.ndarray:
        """How many copies of each digest all parts have now, int64[n]."""
        found = self._each(lambda part, _: part.source(lambda rows: rows.held(digests)))
        held: np.ndarray = np.sum([*found.values()], axis=0)
        return held

    # ------------------------------------------------------------------ reading

    def evaluate(self, question: Question, check: Callable[[], None]) -> tuple[ExactSum, ...]:
        """The sums over all rows."""
        self._number(check)
        first, *others = self._each(lambda part, _: part.source(lambda rows: rows.answer(question))).values()
        for sums in others:
            check()
            add_all(first, sums)
        return first

    def gathered(self, limit: int, labels: list[Any], check: Callable[[], None]) -> Iterator[Records]:
        """The rows whose keyed hash is at most `limit`."""
        self._number(check)
        found = self._each(lambda part, _: part.source(lambda rows: [*rows.classed(limit, labels)]))
        for records in found.values():
            check()
            yield from records

    def blocks(self, limit: int) -> Iterator[Records]:
        """Nothing: all rows are asked where they lie."""
        return self.own.blocks(limit)

    def forget_numbers(self) -> None:
        """Number the rows again before they are asked: another transaction has begun."""
        self._is_numbered = False

    def _number(self, check: Callable[[], None]) -> None:
        """Number copies of equal records through all parts, as far as samples are concerned."""
        if self._is_numbered:
            return
        limit = sample_threshold(int(self._statistic.record_counts.sum()).bit_length(), LARGEST_SAMPLE)
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
        self._is_numbered = True

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
