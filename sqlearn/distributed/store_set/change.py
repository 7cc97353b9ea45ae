"""A change of a set: in one part a transaction there, in several all or nothing."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

import numpy as np

from sqlearn.distributed.store_set.journal import Journal, Unfinished
from sqlearn.distributed.store_set.part import Part
from sqlearn.distributed.store_set.recovery import recover
from sqlearn.distributed.store_set.threads import Threads
from sqlearn.errors import SqlearnError, StoreError
from sqlearn.storage.file import Receipt

_T = TypeVar("_T")


class Joint:
    """Calls of parts, each in a transaction of the part, which end together.

    Parameters
    ----------
    parts : list of Part
        The parts.
    threads : Threads
        Theirs.
    check : callable
        Raises what a signal that came meanwhile asks for.
    progress : callable, optional
        Called with how many rows were done.
    begun : sequence of int
        In which parts a transaction has begun already.

    Attributes
    ----------
    signed : bool
        Whether receipts are about what is changed.
    """

    def __init__(
        self, parts: list[Part], threads: Threads, check: Callable[[], None],
        progress: Callable[[int], object] | None = None, begun: Iterable[int] = (),
    ) -> None:  # fmt: skip
        self._parts, self.threads, self.check, self._progress = parts, threads, check, progress
        self._begun = {*begun}
        self._under_way: set[Future[Any]] = set()
        self.signed = True

    @property
    def begun(self) -> list[int]:
        """The parts in which something was called, and not committed."""
        return sorted(self._begun)

    def start(self, call: Callable[[Part, int], _T], numbers: Iterable[int]) -> dict[int, Future[_T]]:
        """Begin to call something with these parts, each with its number, and do not wait."""
        started: dict[int, Future[_T]] = {}
        for number in numbers:
            started |= self.threads.start({number: self._within(call, number)})
            self._under_way.add(started[number])
        return started

    def finish(self, begun: Mapping[int, Future[_T]]) -> dict[int, _T]:
        """Wait for calls."""
        done = self.threads.finish(begun, check=self.check, progress=self._progress)
        self._under_way.difference_update(begun.values())
        return done

    def run(self, call: Callable[[Part, int], _T], numbers: Iterable[int]) -> dict[int, _T]:
        """Call something with these parts, and wait."""
        return self.finish(self.start(call, numbers))

    def _within(self, call: Callable[[Part, int], _T], number: int) -> Callable[[], _T]:
        part = self._parts[number]

        def called() -> _T:
            if number not in self._begun:
                part.begin(signed=self.signed)
                self._begun.add(number)
            with part.errors():
                return call(part, number)

        return called

    def commit(self) -> None:
        """Commit in one part after the other; of those in which nothing was changed, let go."""
        begun, self._begun = self._begun, set()
        self.threads.run({number: self._parts[number].commit for number in begun})

    def undo(self) -> None:
        """Let nothing have changed in the parts that were not committed."""
        self.threads.stop(self._under_way)  # which may begin a transaction as yet
        begun, self._begun = self._begun, set()
        failed = self.threads.tried({number: self._parts[number].undo for number in begun})
        if failed:
            raise next(iter(failed.values()))


def _nothing() -> None:
    pass


class Following(NamedTuple):
    """What is done with a change beside the parts.

    Attributes
    ----------
    keep : callable
        Called when nobody reads the set any more, before the first part commits.
    take_back : callable
        Called afterwards where nothing was changed after all.
    """

    keep: Callable[[], None] = _nothing
    take_back: Callable[[], None] = _nothing


class Change(Joint):
    """What is changed in parts, and then committed in all of them or in none.

    Parameters
    ----------
    parts, threads, check, progress : list of Part, Threads, callable, callable or None
        As for :class:`Joint`; the parts are all of a set, which is locked.
    journal : Journal
        The set's.
    division : int
        Of which division of the set the parts are.

    Attributes
    ----------
    is_settled : bool
        Whether it was committed.
    divides : bool
        Whether it divides the set anew, which is committed with the lock.
    follow : callable
        Called when all parts have changed, with what raises what a signal asks for; it returns a :class:`Following`.
    """

    def __init__(self, parts: list[Part], threads: Threads, journal: Journal, division: int, *given: Any) -> None:
        super().__init__(parts, threads, *given)
        self._journal, self._division = journal, division
        self.is_settled = self.divides = False
        self.follow: Callable[[Callable[[], None]], Following] = lambda check: Following()

    def settle(
        self, kind: str, to: Mapping[int, np.ndarray], counts: Mapping[int, int] | None = None
    ) -> dict[int, Receipt]:
        """Commit, in all parts that have something in `to`, or in none of them.

        Parameters
        ----------
        kind : {"learn", "forget", "relabel", "lift", "replay"}
            What was done.
        to : mapping of int to int64[n] or uint64[n, 2]
            By part, the places of the rows that it was done to, or the hashes of ids: what recovery needs.
        counts : mapping of int to int, optional
            To how many rows it was done; by default as many as there are in `to`.

        Returns
        -------
        dict of int to Receipt
            The receipts of the parts.
        """
        told = {number: what for number, what in to.items() if len(what) or counts is not None}
        count = {number: len(what) for number, what in told.items()} if counts is None else counts
        change = secrets.randbits(62) + 1 if len(told) > 1 else 0
        named = "forget" if kind == "replay" else kind
        check = self.threads.check

        def conclude(part: Part, number: int) -> Receipt:
            return part.conclude(named, count[number], check, change, len(told))

        self.check()
        receipts = self.run(conclude, told)
        following = self.follow(self.check)
        self.check()  # for the last time: a signal that comes now waits
        if change:
            before = {number: self._parts[number].before(receipt) for number, receipt in receipts.items()}
            self._commit_all(Unfinished(self._division, change, kind, told, before), receipts, following)
            self.is_settled = True
        else:
            with self._journal.alone():
                following.keep()
                if failed := self._committed(told):
                    raise _refused(failed, following)
                self.is_settled = True
        return receipts

    def _committed(self, numbers: Iterable[int]) -> dict[int, BaseException]:
        """Commit in these parts, whatever happens. Returns what was raised."""
        failed = self.threads.tried({number: self._parts[number].commit for number in numbers})
        self._begun -= {*numbers}
        return failed

    def _commit_all(
        self, unfinished: Unfinished, receipts: dict[int, Receipt], following: Following
    ) -> None:  # fmt: skip
        """Commit in several parts; whatever happens, the journal tells what was meant until it is so."""
        self._journal.write(unfinished)
        try:
            following.keep()
        except BaseException:
            self._journal.empty()
            raise
        failed = self._committed(unfinished.to)
        try:
            if failed:
                receipts |= recover(unfinished, self._parts, self.threads, self._journal)
            else:
                self._journal.empty()
        except (SqlearnError, MemoryError, OSError) as error:
            raise _unfinished(unfinished, failed, error) from error
        if failed and (unfinished.kind == "learn" or len(failed) == len(unfinished.to)):  # so nothing was changed
            raise _refused(failed, following)


def _refused(failed: Mapping[int, BaseException], following: Following) -> BaseException:
    """The error of a change that is in no part."""
    error = next(iter(failed.values()))
    try:
        following.take_back()
    except (SqlearnError, OSError) as other:
        error.add_note(f"The model of all rows could not be put back, and is made anew: {other}")
    return error


def _unfinished(unfinished: Unfinished, failed: Mapping[int, BaseException], error: BaseException) -> StoreError:
    """The error of a change that is in some parts, and could neither be finished nor be taken back now."""
    n = len(unfinished.to)
    if not failed:
        told = "The change is complete, but the journal of the set could not be emptied"
    elif unfinished.kind == "learn":
        told = f"The rows could not be learned in {len(failed)} of {n} parts, nor be taken out of the others"
    else:
        told = f"The change was made in some parts, and not in {len(failed)} of {n}"
    return StoreError(
        f"{told}: {error} It is in the journal of the set, which is put right when it is next used: remove the cause, "
        "and open it again.",
        reason="unfinished",
    )
