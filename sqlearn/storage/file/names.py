"""Classes and functions by name in a file, and back: nothing is imported but this package's learners, and nothing run.

Classes of this package and of scikit-learn have the names that users import them by, so that they are found wherever
their modules are moved to.
"""

import sys
from importlib import import_module
from inspect import getattr_static
from typing import Any

import sklearn
from sklearn.base import BaseEstimator

from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.readout import score_functions
from sqlearn.errors import FormatError, ParameterError

_OF_LEARNERS = {  # what a file's learner may be imported from
    "calibration", "cluster", "compose", "covariance", "decomposition", "discriminant_analysis", "ensemble",
    "feature_selection", "impute", "kernel_approximation", "linear_model", "mixture", "model_selection", "multiclass",
    "naive_bayes", "neighbors", "pipeline", "preprocessing", "recommend", "svm", "tree",
}  # fmt: skip
_INSIDE = {  # classes without a public name, which pipelines are made of: where they are at present
    "Chain": "sqlearn.compose.chains.chain",
    "GridChain": "sqlearn.compose.chains.grid_chain",
    "InForce": "sqlearn.compose.plans",
    "LazyChain": "sqlearn.compose.chains.lazy_chain",
    "PlacedSteps": "sqlearn.compose.chains.grid_chain",
    "Steps": "sqlearn.engine.model",
}
_OWN, _PEERS = "sqlearn", "sklearn"
_OF_TEXT = ["feature_extraction", "text"], ["feature_extraction", "image"]
_NO_ESTIMATORS = {"datasets", "experimental", "externals", "utils"}


def name_of(thing: Any) -> str:
    """The name of a class or a function: its module, a colon, and its name there."""
    module, name = thing.__module__, thing.__qualname__
    if "<" in name:
        raise ParameterError(f"{thing!r} has no name that a store could save. Define it at the top of a module.")
    parts = module.split(".")
    if parts[0] in (_OWN, _PEERS):
        if parts[0] == _OWN and name in _INSIDE:
            return f"{_OWN}:{name}"
        for n in range(2, len(parts)):
            public = ".".join(parts[:n])
            if getattr(sys.modules.get(public), name, None) is thing:
                return f"{public}:{name}"
    return f"{module}:{name}"


def class_named(name: str, kind: type = ExactEstimator) -> Any:
    """A class of learners, or of another kind, by its name.

    Nothing but this package's learners and scikit-learn's estimators is imported, and nothing is called.

    Raises
    ------
    FormatError
        When there is no such class here.
    """
    module, _, path = name.partition(":")
    if module == _OWN and path in _INSIDE:
        module = _INSIDE[path]
    top, *below = module.split(".")
    of_peers = top == _PEERS and kind is BaseEstimator
    noun = "learner" if kind is ExactEstimator else "part"
    try:
        if (top == _OWN and below and below[0] in _OF_LEARNERS) or (of_peers and _is_public(below)):
            found: Any = import_module(module)
        else:
            found = sys.modules[module]
        for part in path.split("."):
            found = getattr_static(found, part)
    except KeyError as error:
        raise FormatError(
            f"Its {noun} {name} is not of this package. Import {module} first if you trust it, then open the store."
        ) from error
    except (ImportError, AttributeError) as error:
        advice = (
            "Use the version of sqlearn that wrote it, or a later one."
            if top == _OWN
            else "Define the class in this program first, then open the store."
            if module == "__main__"
            else f"Use the version of {module} that wrote it."
        )
        raise FormatError(f"Its {noun} {name} was not found: {module} has no {path} here. {advice}") from error
    if not (isinstance(found, type) and issubclass(found, kind)):
        whose = "sqlearn" if kind is ExactEstimator else "scikit-learn"
        raise FormatError(
            f"Its {noun} {name} is not an estimator of {whose}, nor derived from one. Take an intact copy."
        )
    return found


def estimator_named(name: str) -> Any:
    """A class of estimators by scikit-learn's rules that is no learner of this package."""
    return class_named(name, BaseEstimator)


def _is_public(below: list[str]) -> bool:
    """Whether a module of scikit-learn's is one that users import estimators from."""
    return below in _OF_TEXT or (len(below) == 1 and below[0] in {*sklearn.__all__} - _NO_ESTIMATORS)


def score_function_named(name: str) -> Any:
    """A score function, such as f_classif, by its name."""
    module, _, path = name.partition(":")
    for function in score_functions():
        if function.__qualname__ == path and module.split(".")[0] == _PEERS:
            return function
    raise FormatError(f"Its parameter {name} is not a score function of sqlearn. Take an intact copy.")
