"""What a model is asked: its reader answers; arguments that the reader does not understand are refused in our words."""

import functools
import inspect
from numbers import Integral

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if

from sqlearn.engine.validation import check_sparse, check_weights, explained
from sqlearn.errors import (
    InvalidValueError,
    ParameterError,
    ShapeError,
    SqlearnError,
    shown,
)

__all__ = ["delegated", "fit_transform", "refuse_arguments"]


def delegated(name: str, method, *, own: bool = False):
    """A method that is the reader's, or `own`: scikit-learn's, on the model itself. One with conditions keeps them."""
    if hasattr(method, "check") and hasattr(method, "fn"):  # what available_if makes
        return available_if(method.check)(delegated(name, method.fn, own=own))

    @functools.wraps(method)
    def call(self, *args, **kwargs):
        asked = functools.partial(method, self) if own else getattr(self._reader(), name)
        if args:
            check_sparse(args[0])
        try:
            return asked(*args, **kwargs)
        except (SqlearnError, NotFittedError):
            raise
        except Exception as error:
            try:
                given = inspect.signature(method).bind(self, *args, **kwargs).arguments
            except TypeError as unfit:  # too many arguments, too few, or of other names
                raise unfit from None
            refuse_arguments(self, name, method, given, error)
            raise

    return call


def fit_transform(self, X, y=None, **fit_params):
    """Fit, then transform the same records."""
    return TransformerMixin.fit_transform(self, X, y, **fit_params)


def refuse_arguments(model, name: str, method, given: dict, error: Exception) -> None:
    """Refuse the arguments of a call that failed, if they are why it did, as an update would refuse them.

    Parameters
    ----------
    model : ExactEstimator
        What was asked.
    name : str
        Name of the method.
    method : callable
        It; its signature tells what the arguments are.
    given : dict
        The arguments.
    error : Exception
        What the method raised.

    Raises
    ------
    SqlearnError
        Of the kind that fits.
    """
    X, y, signature = given.get("X"), given.get("y"), inspect.signature(method)
    if "X" in given and name != "inverse_transform":  # whose columns are others
        x = model._understood(X, y)
        if given.get("sample_weight") is not None:
            check_weights(given["sample_weight"], x)
            if np.asarray(given["sample_weight"]).dtype == object:  # Decimals: fit takes them, scores do not
                raise InvalidValueError(
                    f"sample_weight of {name} holds objects. Nothing was computed: pass an array of floats.",
                    reason="weight",
                ) from error
        if y is None and "y" in signature.parameters and model._target is not None:
            raise ShapeError(
                f"{name} of {type(model).__name__} compares with y, and y is None. Nothing was computed: pass one "
                "label or value per row.",
                reason="no target",
            ) from error
    names = given.get("input_features")
    if names is not None and not _are_names(names):
        raise ParameterError(
            f"input_features of {name} is a list of names, not {shown(names)}. Nothing was computed: pass a name for "
            "each feature, or leave it out.",
            value=names,
        ) from error
    if name == "inverse_transform":
        try:
            table = check_array(X, dtype=np.float64, accept_sparse=True, ensure_2d=False, allow_nd=True)
        except (TypeError, ValueError, OverflowError) as unfit:
            raise explained(unfit, X) from error
        width = len(model.get_feature_names_out())
        if table.shape[-1:] != (width,):
            raise ShapeError(
                f"X has the shape {table.shape}, and {name} of this {type(model).__name__} takes rows of {width} "
                "features. Nothing was computed: pass what transform returned.",
                reason="columns",
            ) from error
    for parameter in signature.parameters.values():
        value = given.get(parameter.name, parameter.default)
        for kind, types, what in (
            (bool, bool | np.bool_, "True or False"),
            (int, Integral, "a whole number"),
            ("copy", bool | np.bool_ | None, "True, False or None"),
        ):
            if kind in (type(parameter.default), parameter.name) and not isinstance(value, types):
                raise ParameterError(
                    f"{parameter.name} of {name} is {what}, not {shown(value)}. Nothing was computed: pass one of "
                    "these.",
                    value=value,
                ) from error
    if "X" in given and not isinstance(error, ValueError) and np.asarray(X).dtype.kind in "TO":
        raise InvalidValueError(
            f"X of {name} holds text or objects. Nothing was computed: convert it to numbers first, X.astype(float).",
            reason="not numeric",
        ) from error
    if not isinstance(error, ValueError | TypeError | NotImplementedError):  # the last: whatever the arguments
        raise ParameterError(
            f"{name} of {type(model).__name__} does not take these arguments: {shown(error)}. Nothing was computed: "
            "see its documentation for what it takes."
        ) from error


def _are_names(names) -> bool:
    listed = isinstance(names, list | tuple) or getattr(names, "ndim", 0) == 1
    return listed and all(isinstance(name, str) for name in names)
