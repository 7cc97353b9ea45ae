"""The identity of an object: a hash of what it is made of, walked in a fixed order.

A pickle's bytes are no identity: they tell which parts are one and the same object, and change after one round trip.
Here equal objects have one hash, in every process: parameters, attributes and items in sorted order, arrays by type,
shape and bytes, functions and classes by their names and the version of their package. What has no version, such as a
module of the user's own, adds its source.
"""

import functools
import hashlib
import importlib.metadata
import inspect
import sys
import types
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

import numpy as np
import scipy.sparse as sp

from sqlearn.errors import ParameterError, shown

# attributes that say where in memory something is, or who looks on
_NOT_WALKED = {"_stop_words_id", "_skl_callbacks", "_parent_callback_ctx"}
_PLAIN = (types.FunctionType, types.BuiltinFunctionType, np.ufunc, type)


def walked(value: Any) -> bytes:
    """The identity of an object, 32 bytes: equal for objects that are made of equal parts.

    Raises
    ------
    ParameterError
        Where a part has no identity that another process would find.
    """
    return Walk().of(value)


def attributes_of(value: Any) -> dict[str, bytes]:
    """The identities of an object's attributes, by name."""
    walk = Walk()
    return {name: walk.of(part) for name, part in walk.attributes(value).items()}


class Walk:
    """One walk, which knows what it is inside of. Other walks derive from it where they see other parts.

    Attributes
    ----------
    whole, advice : str
        What messages call the object that is walked, and what they say to do where it has no identity.
    """

    whole = "The transformer"
    advice = "Nothing was changed: pass `fingerprint`, a text that names what it computes, such as its version."

    def __init__(self) -> None:
        self.inside: list[int] = []

    def seen(self, value: Any) -> Any:
        """What is walked in the place of a value."""
        return value

    def attributes(self, value: Any) -> dict[str, Any]:
        """The attributes that an object is made of."""
        return {name: part for name, part in vars(value).items() if name not in _NOT_WALKED}

    def is_open(self, value: Any) -> bool:
        """Whether an object is made of its attributes alone: no slots, nothing that a C type keeps, no own pickle."""
        own = any(vars(cls).keys() & {"__reduce__", "__reduce_ex__"} for cls in type(value).__mro__[:-1])
        return not own and hasattr(value, "__dict__") and type(value).__basicsize__ == _Bare.__basicsize__

    def reduced(self, value: Any) -> tuple[Any, ...]:
        """What any other object would be made of again: a callable, its arguments, its state, its items, its pairs."""
        try:
            found = value.__reduce_ex__(2)
            if isinstance(found, str):
                found = (getattr, (type(value).__module__, found))
        except Exception as error:  # of any kind: it is the object's own
            raise ParameterError(
                f"{self.whole} holds {shown(value)}, of type {_name(type(value))}, whose parts cannot be listed. "
                f"{self.advice}",
                value=value,
            ) from error
        return (*found, None, None, None)[:5]

    def of(self, value: Any) -> bytes:
        """The identity of a value."""
        value = self.seen(value)
        plain = _plain(value)
        if plain is not None:
            return plain
        if id(value) in self.inside:  # named by how far up it is
            return _hash("above", str(self.inside[::-1].index(id(value))))
        self.inside.append(id(value))
        try:
            return self._of_parts(value)
        finally:
            self.inside.pop()

    def _of_parts(self, value: Any) -> bytes:
        kind = type(value)
        if kind in (list, tuple):
            return _hash(kind.__name__, *map(self.of, value))
        if kind in (set, frozenset):
            return _hash(kind.__name__, *sorted(map(self.of, value)))
        if kind is dict:
            return _hash("dict", *self._items(value))
        if isinstance(value, np.ndarray):
            return self._of_array(value)
        if sp.issparse(value):
            matrix = sp.coo_array(value)
            parts = [np.asarray(part) for part in (*matrix.coords, matrix.data)]
            return _hash("sparse", _name(kind), str(value.shape), *map(self.of, parts))
        if isinstance(value, functools.partial):
            return _hash("partial", *map(self.of, (value.func, value.args, value.keywords)))
        if isinstance(value, types.MethodType):
            return _hash("method", value.__func__.__name__, self.of(value.__self__))
        if isinstance(value, _PLAIN) or _is_named(value):
            return self.named(value)
        if isinstance(value, np.random.RandomState | np.random.Generator):
            raise ParameterError(
                f"{self.whole} holds {shown(value)}, which changes with every use: the same row would have another "
                "image each time. Nothing was changed: pass an int as random_state or, if nothing draws from it any "
                "more, `fingerprint`.",
                value=value,
            )
        if hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of torch
            return _hash("tensor", self.named(kind), self.of(np.asarray(value.detach().cpu())))
        return self._of_object(value)

    def _of_object(self, value: Any) -> bytes:
        of_class = self.named(type(value))
        if self.is_open(value):
            parts = [_hash("attributes", *self._items(self.attributes(value)))]
        else:
            made, given, state, items, pairs = self.reduced(value)
            parts = [self.of(made), self.of(given), self.of(state)]
            parts.append(_hash("items", *map(self.of, items or ())))
            parts.append(_hash("pairs", *sorted(_hash(self.of(key), self.of(part)) for key, part in pairs or ())))
        if isinstance(value, dict):  # a Bunch, say
            parts.append(_hash("dict", *self._items(value)))
        return _hash("object", of_class, *parts)

    def named(self, value: Any) -> bytes:
        """The identity of a function or a class: its name, with the version of its package or else its source."""
        module, name = address(value)
        if not _is_found(value, module, name):
            raise ParameterError(
                f"{self.whole} holds {shown(value)}, which cannot be imported by its name: it is a lambda, or was made "
                "inside a function. Nothing was changed: define it at the top of a module, or pass `fingerprint`, a "
                "text that names what it computes.",
                value=value,
            )
        version = _version(module)
        if version is not None:
            return _hash("import", module, name, version)
        try:
            return _hash("source", module, name, inspect.getsource(value))
        except (OSError, TypeError) as error:
            raise ParameterError(
                f"{self.whole} holds {shown(value)} of the module {module}, which has neither a version nor a source. "
                f"{self.advice}",
                value=value,
            ) from error

    def _items(self, given: Mapping[Any, Any]) -> list[bytes]:
        return sorted(_hash(self.of(key), self.of(value)) for key, value in given.items())

    def _of_array(self, value: np.ndarray) -> bytes:
        shape, dtype = str(value.shape), value.dtype
        if dtype.hasobject or dtype.kind == "T":
            return _hash("array", _name(type(value)), shape, *map(self.of, value.ravel().tolist()))
        if dtype.names:  # field by field: there may be anything between them
            fields = [_hash(name, self.of(np.ascontiguousarray(value[name]))) for name in dtype.names]
            return _hash("fields", shape, *fields)
        little = np.ascontiguousarray(value).astype(dtype.newbyteorder("<"), copy=False)
        return _hash("array", _name(type(value)), shape, little.dtype.str, little.tobytes())


def _hash(*parts: str | bytes) -> bytes:
    found = hashlib.blake2b(digest_size=32)
    for part in parts:
        content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        found.update(len(content).to_bytes(8, "little") + content)
    return found.digest()


def _plain(value: Any) -> bytes | None:
    """The identity of a value without parts."""
    kind = type(value)
    if value is None or value is Ellipsis or value is NotImplemented or kind in (bool, int, complex):
        return _hash(kind.__name__, repr(value))
    if kind is float:
        return _hash("float", value.hex())
    if kind is str:
        return _hash("str", value)
    if kind in (bytes, bytearray):
        return _hash("bytes", bytes(value))
    if kind is slice or kind is range:
        return _hash(kind.__name__, repr(value))
    if isinstance(value, np.generic) and not value.dtype.hasobject:
        return _hash("scalar", value.dtype.str, value.tobytes())
    if isinstance(value, np.dtype):
        return _hash("dtype", repr(value.descr if value.names else value.str))
    if isinstance(value, types.ModuleType):
        return _hash("module", value.__name__, _version(value.__name__) or "")
    return None


class _Bare:
    """A class whose objects have attributes alone."""


def _is_named(value: Any) -> bool:
    """Whether it is a function, of numpy's or Cython's own types: what can be called and is found by its name."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return callable(value) and isinstance(module, str) and isinstance(name, str) and _is_found(value, module, name)


def _name(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def address(value: Any) -> tuple[str, str]:
    """The module and the name of a function or a class."""
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    module = getattr(value, "__module__", None) or ("numpy" if isinstance(value, np.ufunc) else "builtins")
    if isinstance(getattr(value, "__self__", None), type):  # of a class: dict.fromkeys
        module = value.__self__.__module__
    return module, name


def _is_found(value: Any, module: str, name: str) -> bool:
    try:
        found = attrgetter(name)(sys.modules[module])
    except (AttributeError, KeyError, TypeError):
        return False
    return found is value or found == value


@functools.lru_cache(maxsize=256)
def _version(module: str) -> str | None:
    """The version of the package that a module is in; of the standard library, Python's."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    found = getattr(sys.modules.get(top), "__version__", None)
    if isinstance(found, str):
        return found
    try:
        return importlib.metadata.version(top)
    except importlib.metadata.PackageNotFoundError:
        return None
