"""What a model is asked for at a row, and the answers of many models as one array."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.parts import MISSING
from sqlearn.errors import ParameterError, ShapeError, UndefinedAttributeError, shown
from sqlearn.inspection.rows import Rows

# methods that answer row by row
METHODS = (
    "predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "decision_function", "score_samples",
    "transform", "apply", "mahalanobis",
)  # fmt: skip
# what classes have that a model does not know, for methods with a column for each class
_MISSING = MISSING | {"predict_joint_log_proba": MISSING["predict_log_proba"]}


class Response:
    """A question to a model about a row.

    Parameters
    ----------
    model : ExactEstimator
        A fitted model, as others that will be asked.
    name : str
        The name of one of `METHODS`, "score", or the name of a fitted attribute.
    rows : Rows
        The rows.

    Raises
    ------
    ParameterError
        If the model has nothing of this name.
    ShapeError
        If it compares with labels or targets, and there are none.
    """

    def __init__(self, model: ExactEstimator, name: str, rows: Rows) -> None:
        is_name = isinstance(name, str)
        self.is_attribute = is_name and name.endswith("_") and not name.startswith("_")
        if not is_name or not (self.is_attribute or name in (*METHODS, "score")):
            raise ParameterError(
                f"response is {shown(name)}, and must be a method that answers row by row, 'score', or the name of a "
                f"fitted attribute. Nothing was computed: set one of {', '.join(METHODS)}, or coef_ or the like.",
                value=name,
            )
        self.name, self.rows, self.features, self.padding = name, rows, rows.features, None
        try:
            found = getattr(model, name)
        except UndefinedAttributeError:  # with one row less it may be defined
            found = None
        except AttributeError:
            raise ParameterError(
                f"This {type(model).__name__} has no {shown(name)}. Nothing was computed: name a method or a fitted "
                "attribute that it has.",
                value=name,
            ) from None
        if self.is_attribute and callable(found):
            raise ParameterError(
                f"{name} of this {type(model).__name__} is not a fitted attribute. Nothing was computed: name one.",
                value=name,
            )
        if name == "score" and rows.y is None and model.target is not None:
            raise ShapeError(
                "score compares with y, and y is None. Nothing was computed: pass one label or value per row.",
                reason="no target",
            )
        if name in _MISSING and hasattr(model, "classes_"):
            self.padding = model.classes_, _MISSING[name]

    def of(self, model: Any, i: int) -> Any:
        """What `model` answers for row `i`."""
        if self.is_attribute:
            return copy.deepcopy(getattr(model, self.name))  # some change with the model
        if self.name == "score":
            y = self.rows.response(i)
            return model.score(self.rows.features(i), *([] if y is None else [y]))
        found = getattr(model, self.name)(self.rows.features(i))
        if sp.issparse(found):
            return found
        if hasattr(found, "to_numpy"):  # a frame, of set_output
            found = found.to_numpy()
        return self._padded(found[0], model)

    def _padded(self, found: Any, model: Any) -> Any:
        """A column for each class of the whole model."""
        if self.padding is None:
            return found
        classes, missing = self.padding
        own = model.classes_
        if len(own) == len(classes):
            return found
        whole = np.full(len(classes), missing)
        whole[np.searchsorted(classes, own)] = found
        return whole


def one_array(found: Sequence[Any]) -> Any:
    """Answers as one array, row by row; of objects, if they differ in shape or kind."""
    if found and all(map(sp.issparse, found)) and len({part.shape[1] for part in found}) == 1:
        return sp.vstack(found, format=found[0].format)
    arrays: list[Any] = [None if sp.issparse(part) or isinstance(part, list | tuple | dict) else np.asarray(part)
                         for part in found]  # fmt: skip
    kinds = {None if array is None else (array.shape, array.dtype.kind) for array in arrays}
    if len(kinds) == 1 and None not in kinds:
        return np.stack(arrays)
    objects = np.empty(len(found), object)
    for i, part in enumerate(found):
        objects[i] = part
    return objects


def looking(progress: Callable[[int], object] | None) -> Callable[[int], object]:
    """What to tell how many rows are done.

    Raises
    ------
    ParameterError
        If it cannot be called.
    """
    if progress is None:
        return lambda rows: None
    if not callable(progress):
        raise ParameterError(
            f"`progress` must be a function that takes a number of rows, not {shown(progress)}. Nothing was computed: "
            "leave it out.",
            value=progress,
        )
    return progress
