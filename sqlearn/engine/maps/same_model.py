"""Whether two fitted estimators are the same model: a canonical walk over all that they are made of.

A pickle's bytes do not tell: they say which parts are one and the same object, and change after one round trip. The
walk goes through classes, parameters, fitted attributes and arrays by their bits: -0.0 is not 0.0. The order of dicts
and sets, the layout of arrays in memory and parts that are shared do not count. What does not count either, since the
same model may differ there:

- how long something took: ``refit_time_``, and the times in ``cv_results_`` of searches;
- how often the trees of nearest neighbours were asked, which they count;
- what is under the mask of a masked array;
- where in memory something is, and who looks on while it is fitted.

What counts: all that was logged of the iterations (``n_iter_``, ``loss_curve_``), since equal fits have equal logs, and
the state of random number generators that an estimator kept, since its predictions or its next fit may draw from them.
A function without an importable name is compared by its code and by what it encloses, a class by its name.
"""

import struct
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType, ModuleType, SimpleNamespace
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from sqlearn.engine.maps.walk import Walk, address
from sqlearn.errors import shown

__all__ = ["first_difference", "model_hash"]

_TIMES = {"mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time"}
_WHOLE = (
    *(type(None), int, complex, str, bytes, bytearray, slice, range, set, frozenset, dict, list, tuple, type),
    *(np.ndarray, np.generic, np.dtype, np.ufunc, ModuleType, FunctionType, BuiltinFunctionType, float),
)
_PLAIN = {type(None), bool, int, str, bytes, list, tuple, dict, set, np.ndarray}
_AS_ATTRIBUTES = (object.__getstate__, BaseEstimator.__getstate__)  # states that are the attributes


def model_hash(model: Any) -> str:
    """The hash of a fitted estimator: equal for equal models, whatever process fitted or pickled them.

    Parameters
    ----------
    model : object
        A fitted estimator.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ParameterError
        When it holds something that has no identity, such as an open file; it cannot be pickled then either.

    Examples
    --------
    >>> import pickle
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = LogisticRegression().fit([[0.0], [1.0], [2.0]], [0, 0, 1])
    >>> model_hash(pickle.loads(pickle.dumps(model))) == model_hash(model)
    True
    """
    return _FittedWalk().of(model).hex()


def first_difference(model: Any, other: Any, names: tuple[str, str] = ("first", "second")) -> str | None:
    """Where two fitted estimators differ first.

    Parameters
    ----------
    model, other : object
        Fitted estimators.
    names : tuple of str, default=("first", "second")
        What they are called in the answer.

    Returns
    -------
    str or None
        The path of the first part that differs, in sorted order, with both values; None when they are the same model.

    Raises
    ------
    ParameterError
        When one of them holds something that has no identity, such as an open file.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> model = LinearRegression().fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    >>> other = LinearRegression(tol=0.1).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
    >>> first_difference(model, other)
    'tol: 1e-06 in the first, 0.1 in the second'
    """
    walk = _FittedWalk(names)
    if walk.of(model) == walk.of(other):
        return None
    found = walk.where(model, other) or walk.told("", shown(model), shown(other))
    return found.lstrip(".")


class _FittedWalk(Walk):
    """The walk over a fitted estimator."""

    whole = "The fitted estimator"
    advice = (
        "Nothing was changed: without a list of them it cannot be compared with its refit, nor be pickled. Take an "
        "estimator that can be pickled."
    )

    def __init__(self, names: tuple[str, str] = ("", "")) -> None:
        super().__init__()
        self.names = names
        self.compared: dict[tuple[int, int], tuple[Any, Any]] = {}  # by id, and kept, so that no other has the id

    def seen(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is float and value != value:  # any NaN by its bits
            return SimpleNamespace(bits=struct.pack("<d", value))
        if kind is np.memmap or (isinstance(value, np.void) and value.dtype.names):
            return np.asarray(value)
        if isinstance(value, Bunch | MappingProxyType):  # a pickle leaves the attributes of a Bunch out
            return dict(value)
        parts = _stand_in(value)
        return value if parts is None else SimpleNamespace(**{"(type)": kind, **parts})

    def attributes(self, value: Any) -> dict[str, Any]:
        found = {name: part for name, part in super().attributes(value).items() if name != "refit_time_"}
        if isinstance(results := found.get("cv_results_"), dict):
            found["cv_results_"] = {key: part for key, part in results.items() if key not in _TIMES}
        return found

    def is_open(self, value: Any) -> bool:
        return super().is_open(value) and type(value).__getstate__ in _AS_ATTRIBUTES

    def named(self, value: Any) -> bytes:  # in one process, a name has one meaning, whatever its version
        return self.of(("named", *address(value)))

    def where(self, ours: Any, theirs: Any, path: str = "") -> str | None:
        """Where two values that differ do so first; None where that is in what they are inside of."""
        if (id(ours), id(theirs)) in self.compared:
            return None
        self.compared[id(ours), id(theirs)] = ours, theirs
        if type(ours) is not type(theirs):
            return self.told(path, f"of type {_name(ours)}", f"of type {_name(theirs)}")
        if isinstance(ours, np.ndarray) and (ours.dtype != theirs.dtype or ours.shape != theirs.shape):
            return self.told(path, *(f"{array.dtype} of shape {array.shape}" for array in (ours, theirs)))
        mine, other = dict(self._labelled(ours)), dict(self._labelled(theirs))
        differ = False
        for label in [*mine, *(label for label in other if label not in mine)]:
            if label not in mine or label not in other:
                return f"{path}{label}: in the {self.names[label not in mine]} alone"
            if self.of(mine[label]) != self.of(other[label]):
                differ = True
                if found := self.where(mine[label], other[label], path + label):
                    return found
        if differ:
            return None
        if isinstance(ours, np.ndarray) and not ours.dtype.hasobject and not ours.dtype.names:
            place = _first_other(ours, theirs)
            path, ours, theirs = f"{path}[{', '.join(map(str, place))}]", ours[place].item(), theirs[place].item()
        return self.told(path, shown(ours), shown(theirs))

    def told(self, path: str, ours: str, theirs: str) -> str:
        """What is where in both."""
        return f"{path or 'the whole'}: {ours} in the {self.names[0]}, {theirs} in the {self.names[1]}"

    def _labelled(self, given: Any) -> Iterator[tuple[str, Any]]:
        """The parts of a value, in sorted order, by how they are reached; none where its bits are all there is."""
        value: Any = given if type(given) is float else self.seen(given)
        if type(value) in (list, tuple):
            yield from ((f"[{place}]", part) for place, part in enumerate(value))
        elif isinstance(value, np.ndarray):
            if value.dtype.names:
                yield from ((f".{name}", value[name]) for name in value.dtype.names)
            elif value.dtype.hasobject:
                yield from ((f"[{', '.join(map(str, place))}]", part) for place, part in np.ndenumerate(value))
        elif type(value) is SimpleNamespace or (not isinstance(value, _WHOLE) and self.is_open(value)):
            yield from ((f".{name}", part) for name, part in sorted(self.attributes(value).items()))
        elif not isinstance(value, _WHOLE):
            _, arguments, state, items, _ = self.reduced(value)
            yield "(arguments)", arguments
            if type(state) is dict:
                yield from ((f".{name}", part) for name, part in sorted(state.items(), key=repr))
            else:
                yield "(state)", state
            yield "(items)", list(items or ())
        if isinstance(value, dict):
            yield from ((f"[{key!r}]", value[key]) for key in sorted(value, key=repr))


def _stand_in(value: Any) -> dict[str, Any] | None:
    """What is compared in the place of some values, by name; None for others."""
    if isinstance(value, np.random.RandomState):
        return {"state": value.get_state(legacy=False)}
    if isinstance(value, np.random.Generator):
        return {"state": value.bit_generator.state}
    if isinstance(value, np.random.BitGenerator):
        return {"state": value.state}
    if isinstance(value, MappingProxyType):  # a vocabulary that is shown and not to be changed
        return {"items": dict(value)}
    if isinstance(value, np.ma.MaskedArray):
        return {"mask": np.ma.getmaskarray(value), "values": np.asarray(value.compressed())}
    if sp.issparse(value):
        matrix = sp.coo_array(value)
        return {"shape": value.shape, "coordinates": list(matrix.coords), "data": matrix.data}
    if isinstance(value, CodeType):
        names = ("co_code", "co_consts", "co_freevars", "co_names", "co_varnames")
        return {name: getattr(value, name) for name in names}
    if isinstance(value, FunctionType) and "<" in value.__qualname__:  # a lambda, or made inside of another function
        enclosed = [_enclosed(cell) for cell in value.__closure__ or ()]
        defaults = {"defaults": value.__defaults__, "keyword_defaults": value.__kwdefaults__}
        return {"module": value.__module__, "code": value.__code__, "enclosed": enclosed, **defaults}
    if isinstance(value, BuiltinFunctionType) and not isinstance(value.__self__, ModuleType | type | None):
        return {"name": value.__name__, "of": value.__self__}
    if hasattr(type(value), "get_tree_stats"):  # of nearest neighbours; its ints are counts
        return {"state": [part for part in value.__getstate__() if not isinstance(part, int)]}
    if hasattr(type(value), "canonical_parts") and hasattr(value, "state"):  # a fitted learner of this package
        return value.canonical_parts()
    return _columns(value)


def _columns(value: Any) -> dict[str, Any] | None:
    """A frame or a Series of pandas or polars as names and lists: how they lie in memory depends on their history."""
    if nw.dependencies.is_pandas_dataframe(value):
        columns = [value.iloc[:, place] for place in range(value.shape[1])]
        return {"index": list(value.index), "columns": columns}
    if nw.dependencies.is_pandas_series(value):
        categories = getattr(value.dtype, "categories", None)  # those held by no row count, too
        known = None if categories is None else (list(categories), value.dtype.ordered)
        whole = {"name": value.name, "index": list(value.index), "values": value.tolist()}
        return {**whole, "dtype": str(value.dtype), "categories": known}
    if nw.dependencies.is_polars_dataframe(value):
        return {"columns": value.get_columns()}
    if nw.dependencies.is_polars_series(value):
        return {"name": value.name, "dtype": str(value.dtype), "values": value.to_list()}
    return None


def _enclosed(cell: Any) -> Any:
    """What a function encloses; nothing where it is not set yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _first_other(ours: np.ndarray, theirs: np.ndarray) -> tuple[int, ...]:
    """The place of the first element whose bits differ."""
    pairs = [np.frombuffer(array.tobytes(), np.uint8).reshape(array.size, -1) for array in (ours, theirs)]
    first = int(np.argmax((pairs[0] != pairs[1]).any(axis=1)))
    return tuple(map(int, np.unravel_index(first, ours.shape)))


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
