"""The model in the file: its canonical state as bytes, in pieces that are overwritten in place.

Nothing is pickled, so a file from elsewhere runs no code: parameters are JSON. Learners are named, and are classes of
this package or derive from one and are in a module that the program has imported; functions are the score functions.
"""

import base64
import hashlib
import json
import sys
from importlib import import_module
from inspect import getattr_static
from typing import Any

import numpy as np

from sqlearn.engine.identity import HiddenBytes, HiddenText, hidden
from sqlearn.engine.model import FORMAT, ExactEstimator, Kept, digest_of
from sqlearn.engine.readout import score_functions
from sqlearn.engine.sklearn_private import param_names
from sqlearn.engine.validation import GivenRecords
from sqlearn.errors import FormatError, ParameterError, StoreCorruptError, shown
from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.pieces import CutPieces, Pieces

_OF_LEARNERS = {  # what a file's learner may be imported from
    "cluster", "compose", "covariance", "decomposition", "discriminant_analysis", "ensemble", "feature_selection",
    "impute", "kernel_approximation", "linear_model", "mixture", "naive_bayes", "neighbors", "pipeline",
    "preprocessing", "recommend", "svm", "tree",
}  # fmt: skip


class SavedModel:
    """The saved model.

    Parameters
    ----------
    database : Database
        The file.
    grows : bool
        Whether its state grows and shrinks in the middle with what rows say, as a vocabulary does.

    Attributes
    ----------
    pieces : Pieces or CutPieces
        What its bytes lie in.
    digest : str
        Digest of the state in the file, as it was when it was written: a later version may keep less of a state.
    """

    def __init__(self, database: Database, *, grows: bool) -> None:
        self._database = database
        self.digest = ""
        self.pieces: Pieces | CutPieces = (CutPieces if grows else Pieces)(database)
        self.slots = self.pieces.slots

    def lay_out(self) -> None:
        self.pieces.lay_out()

    def drop_remembered(self) -> None:
        """Read anew from the file from here on."""
        self.pieces.drop_remembered()

    def load(self) -> Any:
        """The model; one that keeps its rows comes without them, as they are in the store: a recommender empty."""
        content = self.pieces.read()
        digest, body = content[:32], content[32:]
        if hashlib.blake2b(body, digest_size=32).digest() != digest:
            raise self._damaged()
        try:
            model, self.digest = unpacked(body)
            return model
        except FormatError as error:  # the bytes are those that were written
            raise FormatError(f"The store {self._database.path} was not opened. {error}") from error
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError) as error:
            raise self._damaged() from error

    def save(self, model: Any) -> str:
        """Write the pieces that changed. Returns the digest of the state."""
        body, self.digest = packed(model)
        self.pieces.write(hashlib.blake2b(body, digest_size=32).digest() + body)
        return self.digest

    def rebuild(self) -> None:
        """Write the pieces that are needed into a table of their own."""
        self.pieces.rebuild()

    def _damaged(self) -> StoreCorruptError:
        return damaged(self._database.path, "its model's bytes are not those that were written", anew=True)


def packed(model: Any) -> tuple[bytes, str]:
    """A model as bytes: the length of a description in JSON, the description, and the parts of the canonical state.

    Rows that a model keeps (as adaptive learners do) are not among them: they are in the store. The state's digest is
    returned as well.
    """
    state = model.state
    parts = state.parts(ledger=False)
    digest = state.digest()
    described = {
        "learner": _name(type(model)),
        "format": FORMAT,
        "params": _encoded({name: value for name, value in vars(model).items() if name != "_state"}),
        "state": {
            "params": _encoded(state.params),
            "features": _encoded((state.n_features_in_, state.feature_names_in_)),
            "statistic": [state.statistic.n_features, state.statistic.n_targets],
            "target_ndim": state.layout.target_ndim,
            "layout": state.layout.described(),
            "digest": digest_of(parts),
        },
        "digest": digest,
        "parts": {name: len(part) for name, part in parts.items()},
    }
    text = json.dumps(described).encode()
    return b"".join([len(text).to_bytes(8, "little"), text, *parts.values()]), digest


def unpacked(content: bytes) -> tuple[Any, str]:
    """What :func:`packed` was made from, without the rows that it kept, and the digest that it returned."""
    described, parts = _opened(content)
    state = described["state"]
    digest = state["digest"]
    state |= {name: _decoded(state[name]) for name in ("params", "features")}
    params, learner = _decoded(described["params"]), _learner(described["learner"])
    names = param_names(learner)
    new = [name for name in names if name not in params]
    if new:
        raise FormatError(
            f"{described['learner']} has a parameter {new[0]} that its model in this file was saved without. Use the "
            "version of the class that wrote it."
        )
    model = learner(**{name: params[name] for name in names})
    if hasattr(learner, "recommend"):  # its rows are its state, and are in the store
        if digest_of(parts) != digest:
            raise ValueError("the digest is not that of the parts")
        parts = {name: part if name in ("header", "labels") else bytes(len(part)) for name, part in parts.items()}
        state["digest"] = digest_of(parts)
    model.__setstate__({"format": described["format"], "params": params, "state": state | {"parts": parts}})
    return model, described.get("digest", digest)  # of an earlier version, they are one


def described_learner(content: bytes) -> tuple[Any, dict[str, bytes]]:
    """Of a model as an earlier version packed it: its learner, without what it has learned, and the state's parts."""
    described, parts = _opened(content)
    params, learner = _decoded(described["params"]), _learner(described["learner"])
    model = learner(**{name: params[name] for name in param_names(learner) if name in params})
    return model, parts


def _opened(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The description of a packed model, and the parts of its state."""
    start = 8 + int.from_bytes(content[:8], "little")
    described, parts = json.loads(content[8:start]), {}
    for name, length in described["parts"].items():
        parts[name] = content[start : start + length]
        start += length
    return described, parts


def _encoded(value) -> Any:
    """In JSON's types; what JSON has no type for is a list that begins with its kind."""
    if value is None or (isinstance(value, bool | int | str) and type(value) in (type(None), bool, int, str)):
        return value
    if isinstance(value, HiddenText | HiddenBytes):
        return ["hidden", _encoded(str(value) if isinstance(value, str) else bytes(value))]
    if type(value) is float:
        return ["float", value.hex()]
    if type(value) is dict:
        return ["dict", *([_encoded(k), _encoded(v)] for k, v in value.items())]
    if type(value) in (list, tuple, set, frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return [type(value).__name__, *map(_encoded, items)]
    if type(value) is bytes:
        return ["bytes", base64.b64encode(value).decode()]
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return ["objects", list(value.shape), *map(_encoded, value.ravel().tolist())]
    if isinstance(value, np.ndarray | np.generic):
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        content = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
        return [kind, value.dtype.str, list(np.shape(value)), content]
    if isinstance(value, type) and issubclass(value, np.number):
        return ["number type", np.dtype(value).str]
    if isinstance(value, GivenRecords):
        return ["records", _encoded(value.contents())]
    if isinstance(value, ExactEstimator):
        return ["estimator", _name(type(value)), _encoded(value.get_params(deep=False))]
    if isinstance(value, Kept):
        return ["kept", _name(type(value)), _encoded(value.arguments())]
    if isinstance(value, type) and issubclass(value, ExactEstimator):
        return ["class", _name(value)]
    if any(value is function for function in score_functions()):
        return ["named", _name(value)]
    raise ParameterError(
        f"A parameter holds {shown(value)}, of type {type(value).__name__}, which a store cannot save. Use numbers, "
        "text, lists, dicts, arrays, an estimator of sqlearn, or a score function such as f_classif.",
        value=value,
    )


def _decoded(value) -> Any:
    if not isinstance(value, list):
        return value
    kind, *rest = value
    if kind == "hidden":
        return hidden(_decoded(rest[0]))
    if kind == "float":
        return float.fromhex(rest[0])
    if kind == "dict":
        return {_decoded(k): _decoded(v) for k, v in rest}
    if kind in ("list", "tuple", "set", "frozenset"):
        return {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind](map(_decoded, rest))
    if kind == "bytes":
        return base64.b64decode(rest[0])
    if kind == "objects":
        array = np.empty(len(rest) - 1, object)
        array[:] = [_decoded(item) for item in rest[1:]]
        return array.reshape(rest[0])
    if kind in ("array", "scalar"):
        array = np.frombuffer(base64.b64decode(rest[2]), rest[0]).reshape(rest[1]).copy()
        return array if kind == "array" else array[()]
    if kind == "number type":
        return np.dtype(rest[0]).type
    if kind == "records":
        return GivenRecords(**_decoded(rest[0]))
    if kind == "estimator":
        return _learner(rest[0])(**_decoded(rest[1]))
    if kind == "kept":
        return _learner(rest[0], Kept)(**_decoded(rest[1]))
    if kind == "class":
        return _learner(rest[0])
    if kind == "named":
        return _score_function(rest[0])
    raise FormatError(f"{kind!r} is not a kind of value that this version reads.")


def _name(thing) -> str:
    name = f"{thing.__module__}:{thing.__qualname__}"
    if "<" in name:
        raise ParameterError(f"{thing!r} has no name that a store could save. Define it at the top of a module.")
    return name


def _learner(name: str, kind: type = ExactEstimator) -> Any:
    """A class of learners, or of another kind, by its name.

    Nothing but this package's learners is imported, and nothing is called.
    """
    module, _, path = name.partition(":")
    top, _, below = module.partition(".")
    try:
        if top == "sqlearn" and below.split(".")[0] in _OF_LEARNERS:
            found: Any = import_module(module)
        else:
            found = sys.modules[module]
        for part in path.split("."):
            found = getattr_static(found, part)
    except KeyError as error:
        raise FormatError(
            f"Its learner {name} is not of this package. Import {module} first if you trust it, then open the store."
        ) from error
    except (ImportError, AttributeError) as error:
        advice = (
            "Use the version of sqlearn that wrote it, or a later one."
            if top == "sqlearn"
            else "Define the class in this program first, then open the store."
            if module == "__main__"
            else f"Use the version of {module} that wrote it."
        )
        raise FormatError(f"Its learner {name} was not found: {module} has no {path} here. {advice}") from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise FormatError(
            f"Its learner {name} is not an estimator of sqlearn, nor derived from one. Take an intact copy."
        )
    return found


def _score_function(name: str) -> Any:
    module, _, path = name.partition(":")
    for function in score_functions():
        if function.__qualname__ == path and module.split(".")[0] == "sklearn":
            return function
    raise FormatError(f"Its parameter {name} is not a score function of sqlearn. Take an intact copy.")
