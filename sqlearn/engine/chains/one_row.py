"""What a fitted pipeline of scikit-learn's predicts for one row, without validating it again at every step."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import decomposition, get_config, linear_model, preprocessing

from sqlearn.engine.sklearn_private import output_config


def _standardized(fitted: Any, x: np.ndarray) -> np.ndarray:
    x = x.copy()
    if fitted.with_mean:
        x -= fitted.mean_
    if fitted.with_std:
        x /= fitted.scale_
    return x


def _projected(fitted: Any, x: np.ndarray) -> np.ndarray:
    found: np.ndarray = x @ fitted.components_.T
    found -= fitted.mean_.reshape(1, -1) @ fitted.components_.T
    return found


def _predicted(fitted: Any, x: np.ndarray) -> np.ndarray:
    coef = fitted.coef_
    found: np.ndarray = x @ (coef if coef.ndim == 1 else coef.T) + fitted.intercept_
    return found


# the operations of scikit-learn, in its order and on the same arrays: so the bits are the same
_TRANSFORMS: dict[type, Callable[[Any, np.ndarray], np.ndarray]] = {
    preprocessing.StandardScaler: _standardized,
    decomposition.PCA: _projected,
}
_LEARNERS = (linear_model.Ridge, linear_model.LinearRegression)


def one_predicted(steps: list[tuple[str, Any]], X: Any) -> np.ndarray | None:
    """The prediction for `X`, if it is one plain row and all steps are known here; None otherwise.

    None stands for whatever scikit-learn would warn of or refuse, too.
    """
    if type(X) is not np.ndarray or X.dtype != np.float64 or X.ndim != 2 or len(X) != 1 or not X.flags.c_contiguous:
        return None
    *transforms, last = (step for _, step in steps if not isinstance(step, str))
    if type(last) not in _LEARNERS:
        return None
    config = get_config()
    if config["transform_output"] != "default" or config["array_api_dispatch"] or config["enable_metadata_routing"]:
        return None
    for step in (*transforms, last):
        if X.shape[1] != step.n_features_in_ or hasattr(step, "feature_names_in_") or not np.isfinite(X).all():
            return None
        if step is last:
            break
        evaluate = _TRANSFORMS.get(type(step))
        if evaluate is None or output_config(step) is not None:
            return None
        if getattr(step, "whiten", False) or not getattr(step, "copy", True):
            return None
        X = evaluate(step, X)
    found = _predicted(last, X)
    return found if np.isfinite(found).all() else None
