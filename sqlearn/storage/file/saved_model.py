"""The model in the file: its canonical state as bytes, in pieces that are overwritten in place.

Nothing is pickled, so a file from elsewhere runs no code: parameters are JSON (:mod:`~sqlearn.storage.file.values`).
Learners are named, and are classes of this package, or derive from one and are in a module that the program has
imported.
"""

import hashlib
import json
from typing import Any

from sqlearn.engine.model import FORMAT, digest_of
from sqlearn.engine.sklearn_private import param_names
from sqlearn.errors import FormatError, StoreCorruptError
from sqlearn.storage.file.damage import damaged
from sqlearn.storage.file.database import Database
from sqlearn.storage.file.names import class_named, name_of
from sqlearn.storage.file.pieces import CutPieces, Pieces
from sqlearn.storage.file.values import decoded, encoded


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
            raise FormatError(f"The {self._database.whole} was not opened. {error}") from error
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
    of_parts = digest_of(parts)
    digest = state.digest() if "values" in parts else of_parts  # one and the same, but for these
    described = {
        "learner": name_of(type(model)),
        "format": FORMAT,
        "params": encoded({name: value for name, value in vars(model).items() if name != "_state"}),
        "state": {
            "params": encoded(state.params),
            "features": encoded((state.n_features_in_, state.feature_names_in_)),
            "statistic": [state.statistic.n_features, state.statistic.n_targets],
            "target_ndim": state.layout.target_ndim,
            "layout": state.layout.described(),
            "digest": of_parts,
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
    state |= {name: decoded(state[name]) for name in ("params", "features")}
    params, learner = decoded(described["params"]), class_named(described["learner"])
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
    params, learner = decoded(described["params"]), class_named(described["learner"])
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
