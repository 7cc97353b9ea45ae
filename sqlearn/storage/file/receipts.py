"""Receipts: what was done when, as a chain of digests that holds nothing about any row.

A receipt commits to the state after it by a digest under a random salt. The salt is returned with the receipt and stays
in the file only while that state is the current one: a digest without salt would let who holds the file add a guessed
row to today's state and compare.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from sqlearn.errors import ParameterError, StoreError, shown
from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.slots import Slots

_START = ""
_SALT = np.ones(1, np.int64)  # its place
_FIELDS = ("number", "time", "kind", "count", "commitment", "previous", "signature")


@dataclass(frozen=True)
class Receipt:
    """Proof of one change of a store.

    Attributes
    ----------
    number : int
        1 for the creation, and so on.
    time : str
        When, in UTC (ISO 8601).
    kind : {"create", "learn", "forget", "relabel", "lift"}
        What was done.
    count : int
        To how many rows; for "lift", how many ids.
    commitment : str
        Hex BLAKE2b-256, keyed with the salt, of the digest of the state after it and of the other fields: so the last
        receipt, which no other one follows, is bound as well.
    previous : str
        :attr:`digest` of the receipt before; empty for the first.
    salt : str or None
        Opens the commitment. With the receipt that a change returned, and with the last one in the file; it is nowhere
        else once the state has moved on, so keep it if an auditor may ask for it.
    signature : str or None
        Hex HMAC-SHA256 of :attr:`digest` under the signing key of the store that made it; None where there was none.
    """

    number: int
    time: str
    kind: str
    count: int
    commitment: str
    previous: str
    salt: str | None = field(default=None, compare=False, repr=False)
    signature: str | None = field(default=None, repr=False)

    @property
    def digest(self) -> str:
        """Hex BLAKE2b-256 of all but the salt and the signature."""
        fields = {name: getattr(self, name) for name in _FIELDS[:-1]}
        return hashlib.blake2b(json.dumps(fields).encode(), digest_size=32).hexdigest()

    def commits_to(self, state_digest: str) -> bool:
        """Whether the state after this change had this digest (see ``Store.digest``); needs the salt."""
        if self.salt is None:
            raise StoreError(
                f"Receipt {self.number} has no salt here. Take the receipt that the call returned.", reason="argument"
            )
        return secrets.compare_digest(self.commitment, self.opened(state_digest).commitment)

    def signed_by(self, key: bytes | str) -> bool:
        """Whether who made this receipt had this key."""
        return self.signature is not None and hmac.compare_digest(self.signature, _signature(self.digest, key))

    def opened(self, state_digest: str) -> "Receipt":
        """This receipt with the commitment that its salt and fields make of this digest."""
        told = [self.number, self.time, self.kind, self.count, self.previous, state_digest]
        keyed = hashlib.blake2b(json.dumps(told).encode(), key=bytes.fromhex(self.salt or ""), digest_size=32)
        return replace(self, commitment=keyed.hexdigest())

    def __str__(self) -> str:
        rows = f"{self.count} {'id' if self.kind == 'lift' else 'row'}{'' if self.count == 1 else 's'}"
        return f"Receipt {self.number}: {self.kind} {rows}, {self.time}, {self.digest[:16]}"


@dataclass(frozen=True)
class ChainCheck:
    """What checking receipts found; true when the chain is whole.

    Attributes
    ----------
    count : int
        Receipts looked at.
    fault : str or None
        The first fault; None when there is none.
    """

    count: int
    fault: str | None

    def __bool__(self) -> bool:
        return self.fault is None

    def __str__(self) -> str:
        if not self:
            return f"The chain is broken: {self.fault}"
        return f"{self.count} receipt{'' if self.count == 1 else 's'}, the chain is whole"

    __repr__ = __str__


def check_chain(
    receipts: Sequence[Receipt],
    state_digest: str,
    kept: Sequence[Receipt] = (),
    signing_key: bytes | str | None = None,
    start: str = _START,
) -> ChainCheck:
    """Walk a chain of receipts.

    Parameters
    ----------
    receipts : sequence of Receipt
        All of a store, in order.
    state_digest : str
        Digest of the state now, which the last receipt must commit to.
    kept : sequence of Receipt, optional
        Receipts that were returned earlier: each must stand in the chain as it was.
    signing_key : bytes or str, optional
        The key with which each must be signed.
    start : str, optional
        What the first one follows.
    """

    given: Any = kept
    kept = list(given) if isinstance(given, Iterable) and getattr(given, "ndim", None) != 0 else [given]
    for receipt in kept:
        if not isinstance(receipt, Receipt):
            raise StoreError(
                f"`kept` must be a list of receipts that earlier calls returned, and {shown(receipt)} is not a "
                "receipt. Nothing was compared: pass a list of receipts.",
                value=receipt,
                reason="argument",
            )

    def found(fault: str | None) -> ChainCheck:
        return ChainCheck(len(receipts), fault)

    previous = start
    if not receipts:
        return found("there are no receipts")
    for number, receipt in enumerate(receipts, 1):
        if receipt.number != number:
            return found(f"receipt {number} is missing or out of order")
        if receipt.previous != previous:
            return found(f"receipt {number} does not follow the one before it: one of the two was altered or replaced")
        previous = receipt.digest
    if receipts[-1].salt is None or not receipts[-1].commits_to(state_digest):
        return found("the last receipt does not commit to the state: it was altered, or later ones are missing")
    for receipt in receipts:
        if signing_key is not None and not receipt.signed_by(signing_key):
            return found(f"receipt {receipt.number} is not signed with this key")
    for receipt in kept:
        if receipt.number > len(receipts) or receipts[receipt.number - 1] != receipt:
            return found(f"receipt {receipt.number}, which was kept, is not in the chain as it was")
    return found(None)


class Receipts:
    """The chain in the file.

    Parameters
    ----------
    database : Database
        The file.
    signing_key : bytes or str, optional
        The key to sign new ones with.
    """

    def __init__(self, database: Database, signing_key: bytes | str | None = None) -> None:
        self.start = _START  # what the first one follows
        if signing_key is not None:
            _checked(signing_key)
        self._database, self._signing_key = database, signing_key
        self.salt = Slots(database, "salt", 4)

    def lay_out(self) -> None:
        self._database.execute(
            "CREATE TABLE receipts (number INTEGER PRIMARY KEY, time TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER "
            "NOT NULL, commitment BLOB NOT NULL, previous BLOB NOT NULL, signature BLOB)"  # searches find digits
        )
        self.salt.lay_out()
        self.salt.put(np.zeros((1, 4), np.uint64))

    def check_key(self) -> None:
        """Refuse a change of a chain whose last receipt is signed, but not with the key at hand.

        Raises
        ------
        StoreError
            When there is no key, or another one.
        """
        last = self.last()
        if last is None or last.signature is None:
            return
        if self._signing_key is None or not last.signed_by(self._signing_key):
            trouble = "is not signed with this signing key" if self._signing_key is not None else "is signed"
            raise StoreError(
                f"The last receipt of the {self._database.whole} {trouble}, so a change without its key would break "
                "the chain of signatures. Nothing was changed: open it with the key that it was signed with, "
                f"{self._database.kind}.open(path, signing_key=...).",
                reason="signature",
            )

    def append(self, kind: str, count: int, state_digest: str) -> Receipt:
        """Write the next receipt, and its salt over the last one's."""
        salt = secrets.token_bytes(32)
        last = self.last()
        receipt = Receipt(
            number=last.number + 1 if last else 1,
            time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            kind=kind,
            count=count,
            commitment="",
            previous=last.digest if last else self.start,
            salt=salt.hex(),
        ).opened(state_digest)
        digests = bytes.fromhex(receipt.commitment), bytes.fromhex(receipt.previous)
        if self._signing_key is not None:
            receipt = replace(receipt, signature=_signature(receipt.digest, self._signing_key))
        signature = bytes.fromhex(receipt.signature) if receipt.signature else None
        told = receipt.number, receipt.time, receipt.kind, receipt.count, *digests, signature
        self._database.execute("INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?)", told)
        self.salt.overwrite(_SALT, np.frombuffer(salt, "<u8")[None])
        return receipt

    def last(self) -> Receipt | None:
        """The last receipt, without its salt."""
        return next(iter(self._read("ORDER BY number DESC LIMIT 1")), None)

    def all(self) -> list[Receipt]:
        """All receipts, the last one with its salt."""
        receipts = self._read("ORDER BY number")
        if receipts:
            receipts[-1] = replace(receipts[-1], salt=self.salt.read(_SALT).tobytes().hex())
        return receipts

    def _read(self, which: str) -> list[Receipt]:
        rows = self._database.execute(f"SELECT {', '.join(_FIELDS)} FROM receipts {which}").fetchall()
        for row in rows:
            kinds = [type(value) for value in row]
            if kinds[:-1] != [int, str, str, int, bytes, bytes] or kinds[-1] not in (bytes, type(None)):
                raise damaged(self._database.path, "a receipt is malformed")
        return [
            Receipt(n, time, kind, count, a.hex(), b.hex(), signature=signature.hex() if signature else None)
            for n, time, kind, count, a, b, signature in rows
        ]


def _signature(digest: str, key: bytes | str) -> str:
    return hmac.new(_checked(key), b"sqlearn receipt " + digest.encode(), "sha256").hexdigest()


def _checked(key: bytes | str) -> bytes:
    if not isinstance(key, bytes | str) or len(key) < 16:
        raise ParameterError(
            "A signing key must be at least 16 bytes or characters. Make one with secrets.token_hex(32)."
        )
    try:
        return key.encode() if isinstance(key, str) else key
    except UnicodeEncodeError:  # its message would show the key
        raise ParameterError(
            "A signing key that is text must be Unicode, without lone surrogates. Pass bytes, or make a key with "
            "secrets.token_hex(32)."
        ) from None
