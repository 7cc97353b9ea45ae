"""What a pickle or a store holds of a model, and the checks that such contents pass before they are a model again."""

import json
from collections.abc import Mapping

import numpy as np

from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model.header import Steps, digest_of
from sqlearn.engine.model.held import FORMAT
from sqlearn.engine.model.state import State
from sqlearn.engine.rounds import ROWS_ELSEWHERE
from sqlearn.engine.sklearn_private import param_names
from sqlearn.engine.validation import Layout, is_of_input
from sqlearn.errors import FormatError, SqlearnError, shown

_ALTERED = "These bytes of a {} are truncated or altered. Load an intact copy, or fit the model anew."
_STATE = {"params", "features", "statistic", "target_ndim", "layout", "parts", "digest"}
_ELSEWHERE = ("ledger", "rows", "taken out", "solution")  # parts that the digest does not cover


def contents_of(model) -> dict:
    """A model's parameters and, if it is fitted, its canonical state, in plain types."""
    contents = {"format": FORMAT, "params": {n: v for n, v in vars(model).items() if n != "_state"}}
    if "_state" in vars(model):
        state, parts = model._fitted_state(), model.canonical_parts()
        if state.taken_out or not state.looks_up_here:
            parts["taken out"] = b"" if state.rows_lie == ROWS_ELSEWHERE else state.rows_lie.encode()
        solution = state.solution()
        parts |= {} if solution is None else {"solution": solution}
        contents["state"] = {
            "params": state.params,
            "features": (state.n_features_in_, state.feature_names_in_),
            "statistic": (state.statistic.n_features, state.statistic.n_targets),
            "target_ndim": state.layout.target_ndim,
            "layout": state.layout.described(),
            "parts": parts,
            "digest": digest_of(parts),
        }
    return contents


def state_of(model, contents) -> tuple[dict, State | None]:
    """What :func:`contents_of` gave for a model of this class: its parameters, and its state if it was fitted.

    Raises
    ------
    FormatError
        When the contents are of another format, or are not those of a model: torn, or altered in any way.
    """
    learner: type = type(model)
    name = learner.__name__
    saved_in = contents.get("format") if isinstance(contents, Mapping) else None
    altered = FormatError(_ALTERED.format(name))
    if type(saved_in) is not int:
        raise altered
    if saved_in != FORMAT:
        raise FormatError(
            f"This {name} was saved in format {shown(saved_in)}; this version of sqlearn reads {FORMAT}. Load it with "
            "the version that wrote it, or fit it anew."
        )
    params, held = contents.get("params"), contents.get("state")
    if not isinstance(params, dict) or not {*param_names(learner)} <= {*params} or "_state" in params:
        raise altered
    if held is None and "state" not in contents:
        return params, None
    if not isinstance(held, dict) or held.keys() != _STATE or not _are_plain(held):
        raise altered
    parts = held["parts"]
    if digest_of(parts) != held["digest"]:
        raise altered
    try:
        n_features, n_targets = held["statistic"]
        layout = Layout.restored(held["features"], n_targets, held["target_ndim"], held["layout"])
        state = model._empty_state(held["params"], layout, n_features)
        header = json.dumps(state.header()).encode()
        if header != parts["header"]:
            raise altered
        state.restore(parts)
        state.statistic.check_form(state.labels())
        whole = {"header": header} | state.held_parts(ledger=False)
    except FormatError:
        raise
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        if not isinstance(error, SqlearnError) and not is_of_input(error, here=False):
            raise
        raise altered from error  # the contents are not those of a model
    if list(whole.items()) != [(part, content) for part, content in parts.items() if part not in _ELSEWHERE]:
        raise altered
    state.renew()
    return params, state


def _are_plain(held: dict) -> bool:
    """Whether all that is held of a state is of its type and of a size that can be."""
    features, shape = held["features"], held["statistic"]
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in (features, shape)):
        return False
    width, names = features
    counts = (width, *shape, held["target_ndim"])
    through = held["params"].get("transformer") if isinstance(held["params"], dict) else None
    steps = held["params"].get("steps") if isinstance(held["params"], dict) else None
    if not all(type(count) is int and count >= 0 for count in counts) or held["target_ndim"] > 2:
        return False
    most = through.image_width if isinstance(through, FixedMap) else width
    if shape[0] > most + (steps.n_images if isinstance(steps, Steps) else 0):
        return False
    if not (names is None or (isinstance(names, np.ndarray) and names.shape == (width,))):
        return False
    parts = held["parts"]
    dicts = parts, held["params"], held["layout"]
    if not isinstance(held["digest"], str) or not all(isinstance(value, dict) for value in dicts):
        return False
    return all(isinstance(name, str) and isinstance(part, bytes) for name, part in parts.items())
