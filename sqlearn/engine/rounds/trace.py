"""What an adaptive learner has evaluated, and its bytes: equal for equal traces, and read back from them."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, TypeVar

import numpy as np

from sqlearn.engine.sums import ExactSum
from sqlearn.errors import FormatError

T = TypeVar("T")

_LENGTH = struct.Struct("<q")
_FLOAT = struct.Struct("<d")
_KINDS: dict[str, type] = {}
_TAGS: dict[type, str] = {}
_DTYPES = {kind.encode(): np.dtype(kind) for kind in ("<f8", "<i8")}


def serializable(tag: str) -> Callable[[type[T]], type[T]]:
    """Class decorator for the dataclasses that a trace is made of.

    Bytes name the class by `tag`, which stays when the class is renamed: digests cover these bytes.
    """

    def register(kind: type[T]) -> type[T]:
        _KINDS[tag], _TAGS[kind] = kind, tag
        return kind

    return register


@serializable("Asked")
@dataclass(slots=True)  # not frozen, which makes them slowly
class Evaluation:
    """One round: a theta, and the exact sums of the records' terms there."""

    theta: np.ndarray
    sums: tuple[ExactSum, ...]


@serializable("Trace")
@dataclass(slots=True)
class Trace:
    """Everything that was evaluated, in order.

    Attributes
    ----------
    key : tuple
        What every level depends on: the octave of the number of records and the problem's shape.
    scale, grid
        See :class:`~sqlearn.engine.rounds.problem.Problem`; grid is None when all records are in the pilot.
    pilot : tuple of Evaluation
        What was evaluated over the pilot.
    rounds : tuple of Evaluation
        Rounds over all records.
    theta : float64[p]
        Unrounded last theta.
    converged : bool
        Whether the rounded theta no longer moved, or a search over all records found the minimum.
    """

    key: tuple[int, ...]
    scale: Any
    grid: Any
    pilot: tuple[Evaluation, ...]
    rounds: tuple[Evaluation, ...]
    theta: np.ndarray
    converged: bool


class BreakLevel(Enum):
    """What an update can break, in the order of the walk; each level depends on those before it."""

    SCALE = "scale"
    GRID = "grid"
    PILOT = "pilot"
    ROUND = "round"
    REST = "rest"


@dataclass(frozen=True)
class Break:
    """The first level that had to be evaluated again, and which round where it is one of the rounds."""

    level: BreakLevel
    round: int = 0

    def reported(self) -> str | int:
        """The value of ``broke_at``: the level's name, or the number of the round."""
        return self.round if self.level is BreakLevel.ROUND else self.level.value


@dataclass(frozen=True)
class UpdateReport:
    """What the last update did.

    Attributes
    ----------
    rounds_kept : int
        Rounds whose cached sums stayed valid but for the records' own terms.
    broke_at : str or int or None
        The first level or round that had to be evaluated again: "scale", "grid", "pilot", a round's number; "rest" when
        all rounds were kept but did not come to rest, so that the minimum had to be found over all records; None when
        the trace held (it may have ended a round earlier).
    rows_scanned : int
        Records evaluated anew, one count per round; a sample's are gathered once.
    seconds : float
        Time taken.
    """

    rounds_kept: int
    broke_at: str | int | None
    rows_scanned: int
    seconds: float


def to_bytes(value: Any) -> bytes:
    """Bytes of a trace or of a part of one, equal for equal ones."""
    return b"".join(_written(value))


def _written(value: Any) -> Iterator[bytes]:
    """A letter for the kind, then lengths before all that varies in length."""
    if value is None:
        yield b"n"
    elif isinstance(value, bool | np.bool_):
        yield b"1" if value else b"0"
    elif isinstance(value, int | np.integer):
        yield b"i" + _LENGTH.pack(int(value))
    elif isinstance(value, float):
        yield b"f" + _FLOAT.pack(value)
    elif isinstance(value, np.ndarray):
        kind = value.dtype.newbyteorder("<")
        yield from _counted(b"a", kind.str.encode())
        yield _LENGTH.pack(value.ndim) + b"".join(map(_LENGTH.pack, value.shape))
        yield value.astype(kind).tobytes()
    elif isinstance(value, ExactSum):
        yield from _counted(b"s", value.canonical(np.arange(value.shape[0])))
    elif isinstance(value, tuple):
        yield b"t" + _LENGTH.pack(len(value))
        for item in value:
            yield from _written(item)
    elif type(value) in _TAGS:
        yield from _counted(b"d", _TAGS[type(value)].encode())
        for field in fields(type(value)):
            yield from _written(getattr(value, field.name))
    else:
        raise TypeError(f"{type(value).__name__} is not a part of a trace")


def _counted(letter: bytes, content: bytes) -> Iterator[bytes]:
    yield letter + _LENGTH.pack(len(content))
    yield content


NO_TRACE = to_bytes(None)


def from_bytes(content: bytes) -> Any:
    """What :func:`to_bytes` was given."""
    reader = _Reader(content)
    value = reader.value()
    if reader.at != len(content):
        raise FormatError("A trace of iterations continues after its end. Load the model again.")
    return value


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def take(self, n: int) -> bytes:
        if not 0 <= n <= len(self.content) - self.at:
            raise FormatError("A trace of iterations is truncated. Load the model again.")
        self.at += n
        return self.content[self.at - n : self.at]

    def length(self) -> int:
        return int(_LENGTH.unpack(self.take(8))[0])

    def value(self) -> Any:
        letter = self.take(1)
        if letter == b"n":
            return None
        if letter in b"01":
            return letter == b"1"
        if letter == b"i":
            return self.length()
        if letter == b"f":
            return _FLOAT.unpack(self.take(8))[0]
        if letter == b"a":
            dtype = _DTYPES.get(self.take(self.length()))
            if dtype is None:
                raise FormatError("A trace of iterations has an array of an unknown type. Load the model again.")
            shape = tuple(self.length() for _ in range(self.length()))
            size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            return np.frombuffer(self.take(size), dtype).reshape(shape).astype(dtype.newbyteorder("="))
        if letter == b"s":
            return ExactSum.restore(self.take(self.length()))
        if letter == b"t":
            return tuple(self.value() for _ in range(self.length()))
        if letter == b"d":
            kind: Any = _KINDS[self.take(self.length()).decode()]
            return kind(*(self.value() for _ in fields(kind)))
        raise FormatError("A trace of iterations has a part of an unknown type. Load the model again.")
