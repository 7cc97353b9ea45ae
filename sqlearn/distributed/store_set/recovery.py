"""What a crash, or a full disk, left half committed is finished or taken back.

Whoever finds a change in the journal waits until nobody else changes the set, and asks the parts whether they have
committed it. If all have, or none has, there is nothing to do: SQLite has rolled back what was not committed. If some
have,

- rows that were *learned* are taken out again where they were;
- rows are *forgotten* or *relabelled* in the other parts as well: their places are in the journal, and what the new
  target is, the rows of those parts say that have it;
- the same goes for ids on the list of those that are not learned again.

A part notes in its own transaction that it has made a change, or taken it back, so that this may be interrupted and
begun again at any moment.

The places are those of a part's state before the change. Where a part that has not made it has another state, as it was
put back from a backup alone, nothing is done, and the set is refused as damaged.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlearn.distributed.store_set.journal import Journal, Unfinished
from sqlearn.distributed.store_set.part import Part
from sqlearn.distributed.store_set.threads import Threads
from sqlearn.storage.file import Receipt


def recover(unfinished: Unfinished, parts: list[Part], threads: Threads, journal: Journal) -> dict[int, Receipt]:
    """Finish a change, or take it back, and empty the journal. Returns the receipts of the parts that did so now."""
    made = threads.run({number: _asked(parts[number], number, unfinished) for number in unfinished.to})
    if unfinished.kind == "learn":
        left = [number for number, is_made in made.items() if is_made] if not all(made.values()) else []
        target: dict[str, Any] = {}
    else:
        left = [number for number, is_made in made.items() if not is_made] if any(made.values()) else []
        target = _target(unfinished, made, parts, threads) if left else {}
    receipts = threads.run({number: _settled(parts[number], number, unfinished, target) for number in left})
    journal.empty()
    return receipts


def _asked(part: Part, number: int, unfinished: Unfinished) -> Callable[[], bool]:
    return lambda: part.made(unfinished.change, unfinished.before[number])


def _target(
    unfinished: Unfinished, made: Mapping[int, bool], parts: list[Part], threads: Threads
) -> dict[str, Any]:  # fmt: skip
    """The new target of rows that are relabelled."""
    if unfinished.kind != "relabel":
        return {}
    number = next(number for number, is_made in made.items() if is_made)
    slot = int(unfinished.to[number][0])
    return threads.run({number: lambda: parts[number].target_of(slot)})[number]


def _settled(part: Part, number: int, unfinished: Unfinished, target: dict[str, Any]) -> Callable[[], Receipt]:
    """What a part does to finish, or to take back."""
    to, change = unfinished.to[number], unfinished.change

    def settle() -> Receipt:
        part.begin()
        try:
            count = len(to)
            if unfinished.kind == "learn":
                part.forget_rows(to, None, _nothing, for_good=False)
            elif unfinished.kind == "forget":
                part.forget_rows(to, None, _nothing)
            elif unfinished.kind == "relabel":
                part.relabel_rows(to, None, target, _nothing)
            elif unfinished.kind == "lift":
                part.lift_hashes(to)
            else:
                count = part.forget_listed(to, _nothing)
            taken_back = unfinished.kind == "learn"
            kind = {"learn": "forget", "replay": "forget"}.get(unfinished.kind, unfinished.kind)
            receipt = part.conclude(kind, count, _nothing, -change if taken_back else change, len(unfinished.to))
            part.commit()
            return receipt
        except BaseException:
            part.undo()
            raise

    return settle


def _nothing() -> None:
    """Recovery is not interrupted."""
