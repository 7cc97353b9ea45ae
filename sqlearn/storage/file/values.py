"""Parameters in JSON's types, and back.

Nothing is pickled, so a file from elsewhere runs no code: what an estimator is made of are its class's name and its
parameters. Functions are kept by name where they are numpy's, SciPy's or score functions; any other is code.
"""

import base64
import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy import special
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from sqlearn.engine.identity import HiddenBytes, HiddenText, hidden
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model import ExactEstimator, Kept
from sqlearn.engine.readout import score_functions
from sqlearn.engine.validation import GivenRecords
from sqlearn.errors import FormatError, ParameterError, shown
from sqlearn.storage.file.names import class_named, estimator_named, name_of, score_function_named

_TYPES = bool, int, float, str
_KEEPS = (
    "Use numbers, text, lists, dicts, arrays, estimators of sqlearn or scikit-learn, functions of numpy such as "
    "numpy.log1p, or score functions such as f_classif."
)


def encoded(value: Any) -> Any:
    """A value in JSON's types; what JSON has no type for is a list that begins with its kind.

    Raises
    ------
    ParameterError
        Where a file has no form for it.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, HiddenText | HiddenBytes):
        return ["hidden", encoded(str(value) if isinstance(value, str) else bytes(value))]
    if type(value) is float:
        return ["float", value.hex()]
    if type(value) is dict:
        return ["dict", *([encoded(k), encoded(v)] for k, v in value.items())]
    if type(value) in (list, tuple, set, frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return [type(value).__name__, *map(encoded, items)]
    if type(value) is bytes:
        return ["bytes", base64.b64encode(value).decode()]
    if type(value) is slice:
        return ["slice", *map(encoded, (value.start, value.stop, value.step))]
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return ["objects", list(value.shape), *map(encoded, value.ravel().tolist())]
    if isinstance(value, np.ndarray | np.generic):
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        content = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return [kind, value.dtype.str, list(np.shape(value)), content]
    if isinstance(value, type):
        found = _encoded_class(value)
        if found is not None:
            return found
    elif isinstance(value, GivenRecords):
        return ["records", encoded(value.contents())]
    elif isinstance(value, ExactEstimator):
        return ["estimator", name_of(type(value)), encoded(value.get_params(deep=False))]
    elif isinstance(value, Kept):
        return ["kept", name_of(type(value)), encoded(value.arguments())]
    elif isinstance(value, FixedMap):
        return ["map", encoded(value.arguments())]
    elif isinstance(value, FrozenEstimator):
        return ["frozen", _encoded_fitted(value.estimator)]
    elif isinstance(value, BaseEstimator):
        return _encoded_estimator(value)
    elif isinstance(value, np.ufunc) and _ufunc(value.__name__) is value:
        return ["ufunc", value.__name__]
    elif any(value is function for function in score_functions()):
        return ["named", name_of(value)]
    what = f"of type {type(value).__name__}, which a store cannot save. {_KEEPS}"
    if callable(value) and not isinstance(value, type) and hasattr(value, "__name__"):
        what = f"a function, which a store cannot save: it is code, and opening a file must run none. {_KEEPS}"
    raise ParameterError(f"A parameter holds {shown(value)}, {what}", value=value)


def _encoded_class(value: type) -> list[Any] | None:
    if issubclass(value, np.number):
        return ["number type", np.dtype(value).str]
    if issubclass(value, ExactEstimator):
        return ["class", name_of(value)]
    return ["type", value.__name__] if value in _TYPES else None


def _encoded_estimator(value: BaseEstimator) -> list[Any]:
    """The class of an estimator that is not this package's, its parameters, and in which form it returns rows."""
    params = value.get_params(deep=False)
    if params.get("memory") is not None:
        raise ParameterError(
            f"memory={shown(params['memory'])} of a {type(value).__name__} is a folder whose files would be run. "
            "Leave it None.",
            value=params["memory"],
        )
    output = getattr(value, "_sklearn_output_config", None)
    return ["peer", name_of(type(value)), encoded(params), *([] if output is None else [encoded(dict(output))])]


def _encoded_fitted(value: Any) -> Any:
    """A fitted estimator: its parameters, and all that it has beside them, such as what it has learned."""
    if type(value) in (list, tuple):
        return [type(value).__name__, *map(_encoded_fitted, value)]
    if type(value) is dict:
        return ["dict", *([encoded(k), _encoded_fitted(v)] for k, v in value.items())]
    if sp.issparse(value):
        rows = sp.coo_array(value)
        kind = f"{'array' if isinstance(value, sp.sparray) else 'matrix'} {value.format}"
        return ["sparse", kind, list(value.shape), *map(encoded, (*rows.coords, rows.data))]
    if isinstance(value, FrozenEstimator):
        return ["frozen", _encoded_fitted(value.estimator)]
    if not isinstance(value, BaseEstimator) or isinstance(value, ExactEstimator):
        return encoded(value)
    names = [*value.get_params(deep=False)]
    _encoded_estimator(value)  # which refuses what is not kept
    params: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, own in vars(value).items():
        (params if name in names else others)[name] = own
    return ["fitted", name_of(type(value)), _encoded_fitted(params), _encoded_fitted(others)]


def _ufunc(name: str) -> Any:
    found = getattr(np, name, None)
    return found if isinstance(found, np.ufunc) else getattr(special, name, None)


def decoded(value: Any) -> Any:
    """What :func:`encoded` was given.

    Raises
    ------
    FormatError
        When it names something that is not here.
    """
    if not isinstance(value, list):
        return value
    kind, *rest = value
    if kind not in _DECODERS:
        raise FormatError(f"{kind!r} is not a kind of value that this version reads.")
    return _DECODERS[kind](rest)


def _decoded_hidden(rest: list[Any]) -> Any:
    return hidden(decoded(rest[0]))  # type: ignore[no-untyped-call]


def _decoded_objects(rest: list[Any]) -> np.ndarray:
    array = np.empty(len(rest) - 1, object)
    array[:] = [decoded(item) for item in rest[1:]]
    return array.reshape(rest[0])


def _decoded_array(rest: list[Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(rest[2]), rest[0]).reshape(rest[1]).copy()


def _decoded_sparse(rest: list[Any]) -> Any:
    kind, shape, *parts = rest
    *coords, data = map(decoded, parts)
    form, _, layout = kind.partition(" ")
    found = sp.coo_array((data, tuple(coords)), tuple(shape))
    return (found if form == "array" else sp.coo_matrix(found)).asformat(layout)


def _decoded_estimator(rest: list[Any]) -> Any:
    name, params, *output = rest
    found = estimator_named(name)(**_without_memory(decoded(params)))
    if output:
        found._sklearn_output_config = decoded(output[0])
    return found


def _decoded_fitted(rest: list[Any]) -> Any:
    name, params, others = rest
    found = estimator_named(name)(**_without_memory(decoded(params)))
    vars(found).update(decoded(others))
    return found


def _without_memory(params: dict[str, Any]) -> dict[str, Any]:
    if params.get("memory") is not None:
        raise FormatError("A part of its model names a folder of files that would be run. Take an intact copy.")
    return params


def _decoded_ufunc(rest: list[Any]) -> Any:
    found = _ufunc(rest[0])
    if not isinstance(found, np.ufunc):
        raise FormatError(f"{rest[0]!r} is not a function of numpy or SciPy here. Take an intact copy.")
    return found


def _decoded_type(rest: list[Any]) -> Any:
    found = getattr(builtins, rest[0], None)
    if found not in _TYPES:
        raise FormatError(f"{rest[0]!r} is not a type that this version reads.")
    return found


_DECODERS: dict[str, Callable[[list[Any]], Any]] = {
    "hidden": _decoded_hidden,
    "float": lambda rest: float.fromhex(rest[0]),
    "dict": lambda rest: {decoded(k): decoded(v) for k, v in rest},
    "list": lambda rest: [*map(decoded, rest)],
    "tuple": lambda rest: tuple(map(decoded, rest)),
    "set": lambda rest: {*map(decoded, rest)},
    "frozenset": lambda rest: frozenset(map(decoded, rest)),
    "bytes": lambda rest: base64.b64decode(rest[0]),
    "slice": lambda rest: slice(*map(decoded, rest)),
    "objects": _decoded_objects,
    "array": _decoded_array,
    "scalar": lambda rest: _decoded_array(rest)[()],
    "sparse": _decoded_sparse,
    "number type": lambda rest: np.dtype(rest[0]).type,
    "type": _decoded_type,
    "records": lambda rest: GivenRecords(**decoded(rest[0])),
    "estimator": lambda rest: class_named(rest[0])(**decoded(rest[1])),
    "kept": lambda rest: class_named(rest[0], Kept)(**decoded(rest[1])),
    "map": lambda rest: FixedMap.made_again(**decoded(rest[0])),
    "frozen": lambda rest: FrozenEstimator(decoded(rest[0])),
    "peer": _decoded_estimator,
    "fitted": _decoded_fitted,
    "class": lambda rest: class_named(rest[0]),
    "ufunc": _decoded_ufunc,
    "named": lambda rest: score_function_named(rest[0]),
}


def refuse_unkept(model: ExactEstimator) -> None:
    """Refuse a model with a parameter that no file keeps, before there is one.

    Raises
    ------
    ParameterError
        At the first such parameter, the innermost one.
    """
    params = model.get_params(deep=True)
    for name in sorted(params, key=lambda name: -name.count("__")):
        try:
            encoded(params[name])
        except ParameterError as error:
            said = str(error).replace("A parameter holds", f"Its parameter {name} holds", 1)
            raise ParameterError(
                f"A store cannot keep this {type(model).__name__}. {said} No store was created.", value=error.value
            ) from error
