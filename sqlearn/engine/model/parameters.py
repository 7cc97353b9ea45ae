"""From what users set as parameters to values that a learner can rely on."""

import copy
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sqlearn.engine.sklearn_private import (
    InvalidParameterError,
    param_names,
    parameter_constraints,
    validate_parameter_constraints,
)
from sqlearn.engine.validation import is_of_input
from sqlearn.errors import ParameterError, shown

_NAMES = ("categorical_features", "drop")  # arrays that name columns or categories, and so may hold text
_FLAT = ("priors", "class_prior", "alpha", "min_categories")


def checked_params(model: BaseEstimator) -> dict[str, Any]:
    """Copies of a learner's parameters, each of a type and in a range that it takes.

    Numbers are Python's own, and arrays of floats are float64: kernels take no other, such as float16.

    Raises
    ------
    InvalidParameterError
        scikit-learn's, at a value of another type or range.
    ParameterError
        At a value that cannot be compared, read as numbers, or copied, and where a subclass leaves a parameter unset.
    """
    params, found = _params_of(model), {}
    if not isinstance(params.get("ledger", True), bool | np.bool_):  # "no" would be true
        raise ParameterError(
            f"The parameter ledger must be True or False, not {shown(params['ledger'])}. Nothing was changed: set one "
            "of these.",
            value=params["ledger"],
        )
    for name, value in params.items():
        constraints = parameter_constraints(model).get(name, "no_validation")
        if constraints != "no_validation":
            try:
                validate_parameter_constraints({name: constraints}, {name: value}, type(model).__name__)
            except InvalidParameterError:
                raise
            except Exception as error:  # scikit-learn compares and shows it, and its methods may raise anything
                if not is_of_input(error):
                    raise
                raise ParameterError(
                    f"The parameter {name} of {type(model).__name__} cannot be {shown(value)}. Nothing was changed: "
                    "set one of the values that its documentation names.",
                    value=value,
                ) from error
            if "array-like" in constraints and name not in _NAMES:
                _refuse_text(name, value)
            if isinstance(value, np.longdouble | np.timedelta64) or (isinstance(value, Real) and not _is_float(value)):
                raise ParameterError(
                    f"The parameter {name} is {shown(value)}, which is not a float64. Nothing was changed: set a "
                    "number of a usual size.",
                    value=value,
                )
        try:
            found[name] = value if name in model._not_copied else _plain(copy.deepcopy(value))
        except Exception as error:  # of a generator, of an open file
            if not is_of_input(error):
                raise
            raise ParameterError(
                f"The parameter {name} cannot be {shown(value)}, which cannot be copied: the model could not keep it "
                "as it was when it was fitted. Nothing was changed: pass a list or an array.",
                value=value,
            ) from error
    return found


def _params_of(model: BaseEstimator) -> dict[str, Any]:
    """A learner's parameters; those that the constructor of a subclass does not take are its attributes."""
    params = model.get_params(deep=False)
    base = next(cls for cls in type(model).__mro__ if cls.__module__.partition(".")[0] == "sqlearn")
    for name in param_names(base):
        if name not in params and name not in vars(model):
            raise ParameterError(
                f"{type(model).__name__} derives from {base.__name__}, and neither takes its parameter {name} nor sets "
                "an attribute of that name. Nothing was changed: call super().__init__ in its constructor."
            )
        params.setdefault(name, vars(model).get(name))
    return params


@contextmanager
def computable(model: BaseEstimator):
    """Raise ParameterError where arithmetic with numbers of unusual size ends: 1e308 squared, 1 / 5e-324."""
    try:
        yield
    except ArithmeticError as error:
        if not is_of_input(error, here=False):
            raise
        raise ParameterError(
            f"float64 cannot compute with these parameters of {type(model).__name__}: {error}. Set numbers of a usual "
            "size, and fit again."
        ) from error


def _plain(value):
    """The value of a number as Python's own number, and an array of floats as float64."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.float64)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, bool | np.timedelta64 | np.longdouble) or not isinstance(value, Real) or not _is_float(value):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _is_float(value) -> bool:
    try:
        float(value)
    except (TypeError, OverflowError):  # a length of time counts among numpy's integers
        return False
    return True


def _refuse_text(name: str, value) -> None:
    """Refuse an array that holds anything but numbers."""
    if value is None or isinstance(value, str | bool) or callable(value):  # another constraint's
        return
    flat: list[Any]
    dimensions = 0
    try:
        dimensions = np.ndim(value)
        flat = [item for part in value for item in np.ravel(part).tolist()] if dimensions else [value]
        numeric = all(isinstance(item, int | float | np.bool_ | np.floating | np.integer) for item in flat)
        np.array(flat, np.float64)
    except (TypeError, ValueError, OverflowError):
        numeric = False
    if not numeric:
        raise ParameterError(
            f"The parameter {name} is {shown(value)}, which is neither a number nor an array of numbers. Nothing was "
            "changed: set one of the values that its documentation names.",
            value=value,
        )
    if name in _FLAT and dimensions > 1:
        raise ParameterError(
            f"The parameter {name} has the shape {np.shape(value)}, and must be one-dimensional. Nothing was changed: "
            "set one number per class or feature.",
            value=value,
        )
