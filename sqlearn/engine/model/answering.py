"""What learners answer: attributes and predictions, by a fitted scikit-learn estimator that is made from the state."""

import inspect
from collections.abc import Callable
from numbers import Integral
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_array
from sklearn.utils.metadata_routing import UNUSED

from sqlearn.engine.model.parameters import computable
from sqlearn.engine.model.predictions import Delegates
from sqlearn.engine.model.state import State
from sqlearn.engine.readout import read_only
from sqlearn.engine.sklearn_private import param_names, parameter_constraints
from sqlearn.engine.validation import (
    check_sparse,
    check_weights,
    explained,
    first_without_number,
    is_of_input,
    is_worded,
)
from sqlearn.errors import (
    InvalidValueError,
    ParameterError,
    ShapeError,
    SqlearnError,
    UndefinedAttributeError,
    shown,
)

__all__ = ["Answering", "not_fitted"]

# What comes out of scikit-learn at arguments that it does not check, beside TypeError and ValueError: IndexError at a
# category beyond those that CategoricalNB counts, RuntimeError where a refusal shows a value whose repr fails,
# SystemError at some objects of pandas.
_STUMBLES = (ArithmeticError, LookupError, RuntimeError, SystemError)


class Answering(Delegates, BaseEstimator):
    """What a learner answers from its state: fitted attributes, predictions, and what scikit-learn asks estimators.

    Attributes
    ----------
    _sklearn_class : type
        scikit-learn's estimator. A fitted instance of it is made from the state when an attribute or a prediction is
        needed, and dropped at the next update; it answers the methods of :mod:`~sqlearn.engine.model.predictions`,
        and those that a learner passes to ``_answer``.
    """

    _sklearn_class: type[BaseEstimator]

    def __init_subclass__(cls, **kwargs):
        # checked elsewhere, but scikit-learn's check_param_validation wants every parameter listed
        if "_sklearn_class" in cls.__dict__:
            unlisted = {"ledger", "key"}.intersection(param_names(cls)).difference(parameter_constraints(cls))
            cls._parameter_constraints = parameter_constraints(cls) | dict.fromkeys(unlisted, "no_validation")
        super().__init_subclass__(**kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        state = vars(self).get("_state")
        if state is not None and state.is_part:
            return _alone, (self.to_sklearn(),)
        return super().__reduce_ex__(protocol)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, which hold from the next ``fit`` on.

        Parameters
        ----------
        **params : dict
            Values by the parameters' names.

        Returns
        -------
        Self
            The model itself.

        Raises
        ------
        UnsupportedError
            If it is a step of a fitted model of several steps: set the parameters of that model.

        Examples
        --------
        >>> from sqlearn.naive_bayes import GaussianNB
        >>> GaussianNB().set_params(var_smoothing=0.1)
        GaussianNB(var_smoothing=0.1)
        """
        state = vars(self).get("_state")
        if params and state is not None and state.is_part:
            state.check_free()
        found: Self = super().set_params(**params)
        return found

    def _read_out(self, state: State) -> dict:
        """The fitted attributes of scikit-learn's estimator, from the state."""
        raise NotImplementedError

    def _fitted_state(self) -> State:
        state = self.__dict__.get("_state")
        if state is None:
            raise not_fitted(self)
        if state.broken:
            raise state.is_broken()
        return state

    def _fitted_sklearn(self) -> Any:
        """scikit-learn's estimator, fitted: made when it is needed, dropped at the next update."""
        return self._fitted_sklearn_of(self._fitted_state())

    def _fitted_sklearn_of(self, state: State) -> Any:
        cached = state.fitted_sklearn
        if cached is None or cached[1] != state.version:
            version = state.version
            with state.reading(), computable(self):
                fitted = self._new_fitted_sklearn(state)
            state.fitted_sklearn = fitted, version
            return fitted
        return cached[0]

    def _new_fitted_sklearn(self, state: State) -> Any:
        if not state.statistic.record_counts.any():
            none = "only rows of weight 0" if state.n_records else "no rows (all were forgotten)"
            raise UndefinedAttributeError(
                f"This {state.learner} holds {none}, so it has no fitted attributes. Call fit or partial_fit first.",
                reason="too few records",
            )
        return self._filled_sklearn(state, self._read_out(state))

    def _filled_sklearn(self, state: State, read_out: dict[str, Any]) -> Any:
        """scikit-learn's estimator with the attributes that were read from a state."""
        fitted = self._new_sklearn(state.params)
        attributes = vars(fitted)
        attributes["n_features_in_"] = state.n_features_in_
        if state.feature_names_in_ is not None:
            attributes["feature_names_in_"] = state.feature_names_in_
        attributes.update((name, read_only(value)) for name, value in read_out.items())
        return fitted

    def _new_sklearn(self, params: dict[str, Any]) -> Any:
        """scikit-learn's estimator with those of these parameters that it has, not fitted."""
        return self._sklearn_class(**{name: params[name] for name in param_names(self._sklearn_class)})

    def _answering(self, name: str) -> Callable[..., Any]:
        """The method that answers for the one of this name."""
        return getattr(self._fitted_sklearn(), name)

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What the fitted scikit-learn estimator returns; refuses arguments that it does not understand."""
        answering = self._answering(name)
        if args:
            check_sparse(args[0])
        args = tuple(_objects(values) for values in args)
        try:
            return answering(*args, **kwargs)
        except (SqlearnError, NotFittedError):
            raise
        except (*_STUMBLES, TypeError, ValueError) as error:
            if is_of_input(error):
                refuse_arguments(self, name, args, kwargs, error)
            raise

    def __getattr__(self, name):
        own: Any = next((vars(cls)[name] for cls in type(self).__mro__ if name in vars(cls)), None)
        if hasattr(own, "__get__"):  # a property, or a method for some parameters: its AttributeError led here
            return own.__get__(self, type(self))
        state = self.__dict__.get("_state")
        unknown = AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if state is None or name.startswith("_") or not name.endswith("_"):
            raise unknown
        if name in ("n_features_in_", "feature_names_in_") and not state.broken:
            if getattr(state, name) is None:
                raise unknown
            return getattr(state, name)
        try:
            value = getattr(self._fitted_sklearn(), name)
        except AttributeError as error:
            if str(error).endswith(f"object has no attribute {name!r}"):  # of a class that the user does not know
                raise unknown from None
            raise
        return value.copy() if type(value) is list else value  # what is taken from it stays in the model

    def __setattr__(self, name, value):
        if name.endswith("_") and not name.startswith("_"):
            raise AttributeError(
                f"{name} of a {type(self).__name__} cannot be set: attributes whose names end in an underscore are "
                "computed from the records held, and one that is set would stay when they are forgotten. Nothing was "
                "changed: model.to_sklearn() gives a scikit-learn estimator whose attributes you may change, and a "
                "subclass may define a property."
            )
        super().__setattr__(name, value)

    def __dir__(self):
        try:
            fitted = [name for name in dir(self._fitted_sklearn()) if name.endswith("_") and not name.startswith("_")]
        except ValueError:  # not fitted, or not enough held to tell anything
            fitted = []
        return sorted({*super().__dir__(), *fitted})

    @classmethod
    def _get_class_level_metadata_request_values(cls, method_name, method=None, ignore_params=None):
        """Requests of a class, which may rule out what only scikit-learn's method takes (Lasso's ``check_input``)."""
        given = method or getattr(cls, method_name, None)
        if not inspect.isfunction(given):
            return {}
        own, *parameters = inspect.signature(given).parameters.values()
        named = {p.name: None for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        requests = (
            request
            for base in cls.__mro__
            for name, request in vars(base).items()
            if f"__metadata_request__{method_name}" in name
        )
        named |= {name: None for request in requests for name, alias in request.items() if alias is UNUSED}

        def takes_all(self):  # so that there is something to rule out
            raise NotImplementedError

        takes_all.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [own, *(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in named)]
        )
        return super()._get_class_level_metadata_request_values(method_name, takes_all, ignore_params)

    def __sklearn_is_fitted__(self):
        return "_state" in self.__dict__


def _alone(fitted: Any) -> Any:
    """What pickles and copies of a part of a model are: scikit-learn's estimator, fitted to what is held now."""
    return fitted


def _objects(values: Any) -> Any:
    """An array of numpy's StringDType as one of objects: `fit` takes it, and scikit-learn's metrics do not."""
    return values.astype(object) if isinstance(values, np.ndarray) and values.dtype.kind == "T" else values


def not_fitted(estimator) -> NotFittedError:
    name = type(estimator).__name__
    return NotFittedError(
        f"This {name} instance is not fitted yet. Call 'fit' or 'partial_fit' with some rows before you use it."
    )


def refuse_arguments(model, name: str, args: tuple, kwargs: dict[str, Any], error: Exception) -> None:
    """Refuse the arguments of a call that failed, if they are why it did, as an update would refuse them.

    Parameters
    ----------
    model : ExactEstimator
        The model whose method was called.
    name : str
        Name of the method, whose signature tells what the arguments are.
    args, kwargs : tuple, dict
        The arguments.
    error : Exception
        What the method raised.

    Raises
    ------
    SqlearnError
        Of the kind that fits.
    """
    signature = inspect.signature(getattr(type(model), name))
    given = signature.bind(model, *args, **kwargs).arguments
    X, y = given.get("X"), given.get("y")
    if "X" in given and name != "inverse_transform":  # X of inverse_transform has other columns
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
            is_asked = kind in (type(parameter.default), parameter.name)
            if is_asked and (isinstance(value, np.timedelta64) or not isinstance(value, types)):  # numpy's Integral
                raise ParameterError(
                    f"{parameter.name} of {name} is {what}, not {shown(value)}. Nothing was computed: pass one of "
                    "these.",
                    value=value,
                ) from error
    worded = is_worded(error)
    dense = "X" in given and not sp.issparse(X)
    if dense and not (worded and isinstance(error, ValueError)) and np.asarray(X).dtype.kind in "TOUS":
        found, place = first_without_number(X)
        raise InvalidValueError(
            f"X of {name} holds text or objects. {found}Nothing was computed: convert it to numbers first, "
            "X.astype(float).",
            reason="not numeric",
            **place,
        ) from error
    if isinstance(error, NotImplementedError) or (worded and isinstance(error, ValueError | TypeError)):
        return  # whatever the arguments; or it says what is wrong with them
    asked = {**given, **given.get("params", {})}
    first = next(iter(given))  # self
    listed = [parameter for parameter in asked if parameter not in (first, "params")]
    more = [parameter for parameter in listed if parameter != "X"]  # whose rows are fine, as was seen above
    words = ", ".join(f"{parameter}={shown(asked[parameter])}" for parameter in more or listed)
    raise ParameterError(
        f"{name} of {model._fitted_state().learner} does not take these arguments: {words}. Nothing was computed: see "
        "its documentation for what it takes."
    ) from error


def _are_names(names) -> bool:
    listed = isinstance(names, list | tuple) or getattr(names, "ndim", 0) == 1
    return listed and all(isinstance(name, str) for name in names)
