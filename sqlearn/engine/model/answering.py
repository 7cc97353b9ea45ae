"""What learners answer: attributes and predictions, by a fitted scikit-learn estimator that is made from the state."""

import inspect
from inspect import getattr_static

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.metadata_routing import UNUSED

from sqlearn.engine.model.asking import delegated, fit_transform
from sqlearn.engine.model.parameters import computable
from sqlearn.engine.model.state import State
from sqlearn.engine.readout import read_only
from sqlearn.engine.sklearn_private import param_names, parameter_constraints
from sqlearn.errors import UndefinedAttributeError

__all__ = ["Answering", "not_fitted"]

# What scikit-learn's fitted estimator answers; all other methods of a learner are its own or act on itself.
_ANSWERED = (
    "aic", "bic", "decision_function", "get_covariance", "get_feature_names_out", "get_precision", "get_support",
    "inverse_transform", "predict", "predict_joint_log_proba", "predict_log_proba", "predict_proba", "sample", "score",
    "score_samples", "transform",
)  # fmt: skip


class Answering(BaseEstimator):
    """What a learner answers from its state: fitted attributes, predictions, and what scikit-learn asks estimators.

    Attributes
    ----------
    _peer : type
        scikit-learn's estimator. A fitted instance of it, the *reader*, is made from the state when an attribute or a
        prediction is asked for, and dropped at the next update; it answers the methods that ask (``_ANSWERED``).
    """

    _peer: type[BaseEstimator]

    def __init_subclass__(cls, **kwargs):
        peer = cls.__dict__.get("_peer")
        if peer is not None:
            for name in _ANSWERED:
                method = getattr_static(peer, name, None)  # not the function that available_if makes anew each time
                if method is not None and name not in cls.__dict__ and getattr_static(cls, name) is method:
                    setattr(cls, name, delegated(name, method))
            if hasattr(peer, "fit_transform") and "fit_transform" not in cls.__dict__:
                cls.fit_transform = fit_transform
            # checked elsewhere, but scikit-learn's check_param_validation wants every parameter listed
            unlisted = {"ledger", "key"}.intersection(param_names(cls)).difference(parameter_constraints(cls))
            cls._parameter_constraints = parameter_constraints(cls) | dict.fromkeys(unlisted, "no_validation")
        super().__init_subclass__(**kwargs)

    def _read_out(self, state: State) -> dict:
        """The fitted attributes of the twin, from the state."""
        raise NotImplementedError

    def _fitted_state(self) -> State:
        state = self.__dict__.get("_state")
        if state is None:
            raise not_fitted(self)
        if state.broken:
            raise state.is_broken()
        return state

    def _reader(self):
        """The twin, fitted: made when it is asked for, dropped at the next update."""
        return self._reader_of(self._fitted_state())

    def _reader_of(self, state: State):
        cached = state.reader
        if cached is None or cached[1] != state.version:
            version = state.version
            with state.reading(), computable(self):
                reader = self._made_reader(state)
            state.reader = reader, version
            return reader
        return cached[0]

    def _made_reader(self, state: State):
        if not state.statistic.record_counts.any():
            none = "only rows of weight 0" if state.n_records else "no rows (all were forgotten)"
            raise UndefinedAttributeError(
                f"This {state.learner} holds {none}, so it has no fitted attributes. Call fit or partial_fit first.",
                reason="too few records",
            )
        reader = object.__new__(self._peer)
        accepted = param_names(self._peer)
        reader.__dict__.update({name: value for name, value in state.params.items() if name in accepted})
        reader.n_features_in_ = state.n_features_in_
        if state.feature_names_in_ is not None:
            reader.feature_names_in_ = state.feature_names_in_
        reader.__dict__.update((name, read_only(value)) for name, value in self._read_out(state).items())
        return reader

    def __getattr__(self, name):
        if isinstance(own := getattr(type(self), name, None), property):  # whose error, an AttributeError, led here
            return own.__get__(self)
        state = self.__dict__.get("_state")
        unknown = AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if state is None or name.startswith("_") or not name.endswith("_"):
            raise unknown
        if name in ("n_features_in_", "feature_names_in_") and not state.broken:
            if getattr(state, name) is None:
                raise unknown
            return getattr(state, name)
        return getattr(self._reader(), name)

    def __setattr__(self, name, value):
        if name.endswith("_") and not name.startswith("_"):
            raise AttributeError(
                f"{name} of a {type(self).__name__} is read from the rows it holds, so it cannot be set. Nothing was "
                "changed: model.to_sklearn() gives a scikit-learn estimator whose attributes are yours to change."
            )
        super().__setattr__(name, value)

    def __dir__(self):
        try:
            fitted = [name for name in dir(self._reader()) if name.endswith("_") and not name.startswith("_")]
        except ValueError:  # not fitted, or not enough held to tell anything
            fitted = []
        return sorted({*super().__dir__(), *fitted})

    @classmethod
    def _get_class_level_metadata_request_values(cls, method_name, method=None, ignore_params=None):
        """As scikit-learn's, but a twin may rule out what only its own method takes (Lasso's ``check_input``)."""
        asked = method or getattr(cls, method_name, None)
        if not inspect.isfunction(asked):
            return {}
        own, *parameters = inspect.signature(asked).parameters.values()
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


def not_fitted(estimator) -> NotFittedError:
    name = type(estimator).__name__
    return NotFittedError(
        f"This {name} instance is not fitted yet. Call 'fit' or 'partial_fit' with some rows before you use it."
    )
