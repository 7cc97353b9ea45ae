"""Receipts of a set: each part has a chain of its own, and a change has a receipt in every part that it touched."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlearn.errors import StoreError, shown
from sqlearn.storage.file import ChainCheck, Receipt


@dataclass(frozen=True)
class SetReceipt:
    """Proof of one change of a set of stores.

    Attributes
    ----------
    kind : {"create", "learn", "forget", "relabel", "lift"}
        What was done.
    count : int
        To how many rows; for "lift", how many ids.
    time : str
        When, in UTC (ISO 8601).
    parts : dict of int to Receipt
        The receipt of each part that was changed, by its number. Each commits to the state of its part.
    division : int
        How often the set had been divided anew.
    """

    kind: str
    count: int
    time: str
    parts: Mapping[int, Receipt] = field(repr=False)
    division: int = 0

    @property
    def digest(self) -> str:
        """Hex BLAKE2b-256 of the digests of the parts' receipts."""
        told = [self.division, sorted((number, receipt.digest) for number, receipt in self.parts.items())]
        return hashlib.blake2b(json.dumps(told).encode(), digest_size=32).hexdigest()

    def __str__(self) -> str:
        rows = f"{self.count} {'id' if self.kind == 'lift' else 'row'}{'' if self.count == 1 else 's'}"
        parts = f"{len(self.parts)} part{'' if len(self.parts) == 1 else 's'}"
        return f"Receipt of {self.kind} {rows}, in {parts}, {self.time}, {self.digest[:16]}"


def made_of(parts: Mapping[int, Receipt], division: int) -> SetReceipt:
    """The receipt of a change, from those of the parts that it touched."""
    times, (kind, *_) = [receipt.time for receipt in parts.values()], [receipt.kind for receipt in parts.values()]
    count = sum(receipt.count for receipt in parts.values())
    return SetReceipt(kind, count, max(times), dict(sorted(parts.items())), division)


Told: TypeAlias = tuple[int, int, Receipt, int]  # the division, the part, the receipt, the change of several parts or 0


def grouped(told: Iterable[Told]) -> list[SetReceipt]:
    """Receipts of parts, change by change, in the order in which they were made.

    Changes of different parts were made in the order of their times, by the second, as far as anybody knows.

    Parameters
    ----------
    told : iterable of (division, part, receipt, change)
        The receipts; those of a part in order.
    """
    members: dict[Any, dict[int, Receipt]] = {}
    chains: dict[int, dict[int, list[Any]]] = {}
    for division, part, receipt, change in told:
        of_all = receipt.kind == "create"
        name = (division, -1 if of_all or change else part, 0 if of_all else change or receipt.number)
        members.setdefault(name, {})[part] = receipt
        chains.setdefault(division, {}).setdefault(part, []).append(name)
    return [
        made_of(members[name], division) for division in sorted(chains) for name in _in_order(chains[division], members)
    ]


def _in_order(chains: dict[int, list[Any]], members: Mapping[Any, Mapping[int, Receipt]]) -> Iterator[Any]:
    """Names of changes, each when it is the next one of all parts that it touched."""
    at = dict.fromkeys(chains, 0)
    while heads := {chains[part][i] for part, i in at.items() if i < len(chains[part])}:
        ready = [name for name in heads if all(chains[part][at[part] :][:1] == [name] for part in members[name])]
        # chains that contradict each other have none: the check of the receipts tells
        name = min(ready or heads, key=lambda name: (max(r.time for r in members[name].values()), min(members[name])))
        yield name
        for part in chains:
            at[part] += chains[part][at[part] :][:1] == [name]


def start_of(former: Sequence[Told], name: str) -> str:
    """What the first receipts of a division follow: a digest of the last ones of the divisions before; empty at first.

    Parameters
    ----------
    former : sequence of (division, part, receipt, change)
        All receipts of earlier divisions, in order.
    name : str
        The set's.
    """
    if not former:
        return ""
    last: dict[tuple[int, int], str] = {}
    for division, part, receipt, _ in former:
        last[division, part] = receipt.digest
    told = [name, sorted((*place, digest) for place, digest in last.items())]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=32).hexdigest()


def listed(kept: Any) -> list[SetReceipt]:
    """Receipts that were kept, in a list."""
    given = list(kept) if isinstance(kept, Iterable) else [kept]
    for receipt in given:
        if not isinstance(receipt, SetReceipt):
            raise StoreError(
                f"`kept` must be a list of receipts that earlier calls returned, and {shown(receipt)} is not a "
                "receipt of a set. Nothing was compared: pass a list of receipts.",
                value=receipt,
                reason="argument",
            )
    return given


def faults_of_former(
    former: Sequence[Told], starts: Mapping[int, str], kept: Sequence[SetReceipt],
    signing_key: bytes | str | None,
) -> str | None:  # fmt: skip
    """The first fault of the chains of earlier divisions; None where there is none.

    Parameters
    ----------
    former : sequence of (division, part, receipt, change)
        Their receipts, in order.
    starts : mapping of int to str
        By division, what its first receipts follow.
    kept : sequence of SetReceipt
        Receipts that were returned earlier.
    signing_key : bytes or str, optional
        The key with which each must be signed.
    """
    last: dict[tuple[int, int], Receipt] = {}
    known: dict[tuple[int, int, int], Receipt] = {}
    for division, part, receipt, _ in former:
        before = last.get((division, part))
        told = f"receipt {receipt.number} of part {part} in division {division}"
        if receipt.number != (before.number if before else 0) + 1:
            return f"{told} is missing or out of order"
        if receipt.previous != (before.digest if before else starts[division]):
            return f"{told} does not follow the one before it: one of the two was altered or replaced"
        if signing_key is not None and not receipt.signed_by(signing_key):
            return f"{told} is not signed with this key"
        last[division, part] = known[division, part, receipt.number] = receipt
    for whole in kept:
        for part, receipt in whole.parts.items():
            if whole.division in starts and known.get((whole.division, part, receipt.number)) != receipt:
                return f"receipt {receipt.number} of part {part}, which was kept, is not in the chain as it was"
    return None


def fault_of_changes(told: Mapping[int, Iterable[tuple[int, int]]]) -> str | None:
    """What is wrong with changes of several parts, where some were put back from a backup without the others.

    Parameters
    ----------
    told : mapping of int to iterable of (change, n_parts)
        By part, the changes of several parts that it has made, and of how many parts each was; with a minus sign where
        it was taken back.
    """
    places: dict[int, list[int]] = {}
    expected: dict[int, int] = {}
    for number, changes in told.items():
        for change, n_parts in changes:
            places.setdefault(change, []).append(number)
            expected[change] = n_parts
    for change, found in places.items():
        n = len(places[-change]) if -change in places else expected[change]  # taken back where it had been made
        if len(found) != n:
            return (
                f"a change of {n} parts is in {len(found)} of them (part {min(found)}, ...): some parts were put back "
                "from a backup without the others, and a set is put back as a whole"
            )
    return None


def as_one(count: int, faults: Iterable[str | None]) -> ChainCheck:
    """What checking several chains found."""
    return ChainCheck(count, next((fault for fault in faults if fault is not None), None))
