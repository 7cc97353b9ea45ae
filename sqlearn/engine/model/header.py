"""How a state's parameters stand in its header, and the digest of its parts."""

import functools
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from sqlearn.engine.identity import canonical_label, key_bytes
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.validation import GivenRecords
from sqlearn.errors import ParameterError, shown

_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
# of a distribution of scipy's: what it was made of; the rest follows from its class
_OF_DISTRIBUTION = ("args", "kwds", "name", "a", "b", "xk", "pk", "_histogram")


class Named:
    """A parameter that headers name as they name estimators, by its class and attributes; it is none."""


def _given_to(value: Any) -> dict[str, Any] | None:
    """The parameters of an estimator, or of what headers name as one; None if it is neither."""
    if isinstance(value, type):
        return None
    if isinstance(value, Named):
        return dict(sorted(vars(value).items()))
    return value.get_params(deep=False) if hasattr(value, "get_params") else None


def digest_of(parts: dict[str, bytes]) -> str:
    """Hex BLAKE2b-256 of named parts."""
    digest = hashlib.blake2b(digest_size=32)
    for name, part in parts.items():
        digest.update(f"{name} {len(part)}\n".encode() + part)
    return digest.hexdigest()


def plain(params: dict) -> dict:
    """Parameters, those of an estimator among them named as ``set_params`` takes them, and it by its class."""
    found: dict = {}
    for name, value in params.items():
        given = _given_to(value)
        if given is not None:
            inside = plain(given)
            found |= {f"{name}__{inner}": _unkeyed(inner, own) for inner, own in inside.items()}
            value = _name_of(value)
        found[name] = value
    return found


def _name_of(estimator) -> str:
    """The name of its class; that of another package's with its module."""
    cls = type(estimator)
    ours = cls.__module__.partition(".")[0] == "sqlearn"
    return cls.__name__ if ours else f"{cls.__module__}.{cls.__qualname__}"


def _unkeyed(name: str, value):
    """A parameter of what is a parameter; of a key, which may be a secret, a hash."""
    if name.rpartition("__")[2] == "key" and isinstance(value, str | bytes):
        return hashlib.blake2b(key_bytes(value), digest_size=16).hexdigest()
    return value


def describe(value):
    """A parameter's value in JSON's types, equal for equal values."""
    if isinstance(value, dict):
        return [[describe(k), describe(v)] for k, v in sorted(value.items(), key=lambda item: str(item[0]))]
    if isinstance(value, set | frozenset):
        return sorted((describe(item) for item in value), key=json.dumps)
    if isinstance(value, np.ndarray):
        return describe(value.tolist())
    if isinstance(value, GivenRecords):
        return ["records", len(value), value.digest]
    if isinstance(value, FixedMap) or hasattr(type(value), "described"):
        return value.described()
    given = _given_to(value)
    if given is not None:  # an estimator in a list
        inside = plain(given)
        return [_name_of(value), describe({name: _unkeyed(name, own) for name, own in inside.items()})]
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, np.random.RandomState):  # accepted where it has no effect: whatever its state
        return "RandomState"
    if isinstance(value, bool | np.bool_):
        return bool(value)
    try:
        return canonical_label(value)
    except TypeError:
        return _of_object(value)


def _of_object(value: Any) -> Any:
    """What an object is made of where its repr tells where in memory it is, else its name or its repr."""
    if hasattr(value, "rvs"):  # a distribution of scipy's, which a search draws from
        of = describe(value.dist) if hasattr(value, "dist") else _class_of(value)
        own = vars(value)
        return [of, *(describe([name, own[name]]) for name in _OF_DISTRIBUTION if name in own)]
    if isinstance(value, functools.partial):
        return ["partial", *map(describe, (value.func, value.args, value.keywords))]
    name = getattr(value, "__qualname__", None)
    if name is None and (callable(value) or _ADDRESS.search(_text_of(value))) and hasattr(value, "__dict__"):
        return [_class_of(value), describe(vars(value))]
    return f"{getattr(value, '__module__', '')}.{_text_of(value) if name is None else name}"


def _class_of(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def refuse_untold(params: dict[str, Any]) -> None:
    """Refuse parameters with functions that have no name of their own, which digests could not tell apart.

    Raises
    ------
    ParameterError
        At the first of them.
    """
    for name, value in params.items():
        found = _nameless(value)
        if found is not None:
            raise ParameterError(
                f"{name} has {shown(found)}, a lambda or a function inside another, which has no name of its own: two "
                "models with other functions would have equal digests. Nothing was changed: define it at the top of a "
                "module.",
                value=found,
            )


def _nameless(value: Any) -> Any:
    """The first function without a name of its own in a parameter; None if there is none."""
    if "<" in str(getattr(value, "__qualname__", "")):
        return None if isinstance(value, type) else value
    inside: Any = ()
    if isinstance(value, dict):
        inside = value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        inside = value
    elif hasattr(value, "get_params") and not isinstance(value, type):
        inside = value.get_params(deep=False).values()
    elif isinstance(value, functools.partial):
        inside = (value.func, *value.args, *value.keywords.values())
    elif callable(value) and not hasattr(value, "__qualname__") and not hasattr(value, "rvs"):  # a scorer
        inside = getattr(value, "__dict__", {}).values()
    return next((found for found in map(_nameless, inside) if found is not None), None)


def _text_of(value: Any) -> str:
    """The repr of an object or, where that raises, what stands for it in messages."""
    try:
        return repr(value)
    except Exception:  # of any kind: it is the object's own
        return shown(value)


class Kept:
    """A parameter that stores keep by what its constructor is given."""

    def arguments(self) -> dict[str, Any]:
        """What the constructor is given, by name."""
        return dict(vars(self))


class Steps(Kept):
    """Names and estimators, in their order.

    Parameters
    ----------
    parts : list of (str, estimator or None)
        What is done one after the other; None does nothing.
    ranked : tuple of int, default=()
        Once the first records are known: which numbers are needed in their order.
    n_images : int, default=0
        How many columns fixed maps make beside those that came in.
    """

    def __init__(self, parts: list[tuple[str, Any]], ranked: tuple[int, ...] = (), n_images: int = 0):
        self.parts, self.ranked, self.n_images = parts, ranked, n_images

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Steps) and self.described() == other.described()

    __hash__ = None  # type: ignore[assignment]

    @property
    def learners(self) -> list[Any]:
        """The estimators."""
        return [part for _, part in self.parts if part is not None]

    def described(self) -> list[Any]:
        """Names, classes and parameters in JSON's types."""
        return [[name, describe(part)] for name, part in self.parts]
