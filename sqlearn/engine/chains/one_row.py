"""What a fitted pipeline of scikit-learn's predicts for one row, without validating it again at every step."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import decomposition, get_config, impute, linear_model, preprocessing

from sqlearn.engine.chains.encoding import indicated, is_one_hot
from sqlearn.engine.chains.table import Category, Number, Table
from sqlearn.engine.sklearn_private import output_config

Row = list[Any]  # the values of one row
Through = Callable[[Row], Row | None]  # what a step makes of them; None where scikit-learn has to be asked


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


def is_default() -> bool:
    """Whether scikit-learn is configured to give plain arrays."""
    config = get_config()
    return not (
        config["transform_output"] != "default" or config["array_api_dispatch"] or config["enable_metadata_routing"]
    )


def one_predicted(steps: list[tuple[str, Any]], X: Any) -> np.ndarray | None:
    """The prediction for `X`, if it is one plain row and all steps are known here; None otherwise.

    None stands for whatever scikit-learn would warn of or refuse, too.
    """
    if type(X) is not np.ndarray or X.dtype != np.float64 or X.ndim != 2 or len(X) != 1 or not X.flags.c_contiguous:
        return None
    *transforms, last = (step for _, step in steps if not isinstance(step, str))
    if type(last) not in _LEARNERS:
        return None
    if not is_default():
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


# ---------------------------------------------------------------------------------------------------- of tables


def row_of(X: Any, names: list[str] | None) -> Row | None:
    """The values of `X`, if it is one row of a table with these columns in a plain form; None otherwise."""
    if type(X) is np.ndarray:
        is_plain = names is None and X.dtype in (np.float64, object) and X.ndim == 2 and len(X) == 1
        return X[0].tolist() if is_plain else None
    kind = type(X)
    if kind.__name__ != "DataFrame" or kind.__module__.partition(".")[0] != "pandas" or len(X) != 1:
        return None
    if X.columns.tolist() != names or not {str(dtype) for dtype in X.dtypes} <= _PLAIN:
        return None
    found: Row = X.to_numpy(object)[0].tolist()
    return found


_PLAIN = {"float64", "int64", "int32", "int16", "int8", "bool", "category", "object", "str"}  # dtypes of columns


def row_map(fitted: Any, table: Table) -> Through | None:
    """What a step that was read from a table makes of one row; None for steps that are not known here.

    `fitted` may be as far as :func:`~sqlearn.engine.chains.encoding.read_from_table` goes; None stands for no step.
    """
    if fitted is None:
        return _numbers
    if isinstance(fitted, preprocessing.OneHotEncoder):
        return _one_hot(fitted, table)
    if not all(isinstance(column, Number) for column in table.columns):
        return None
    if isinstance(fitted, impute.SimpleImputer):
        return _imputed(fitted, table)
    make = _OF_NUMBERS.get(type(fitted))
    return None if make is None or getattr(fitted, "clip", False) else make(fitted)


def one_by_one(parts: list[Through | None]) -> Through | None:
    """One step after the other."""

    def through(row: Row) -> Row | None:
        made: Row | None = row
        for each in parts:
            if made is None or each is None:
                return None
            made = each(made)
        return made

    return None if None in parts else through


def side_by_side(parts: list[tuple[list[int], Through | None]]) -> Through | None:
    """Each step of the values in its places."""

    def through(row: Row) -> Row | None:
        made: Row = []
        for places, each in parts:
            own = None if each is None else each([row[place] for place in places])
            if own is None:
                return None
            made += own
        return made

    return None if any(each is None for _, each in parts) else through


def predicted(learner: Any, row: Row, is_sparse: bool) -> np.ndarray | None:
    """What a fitted learner of scikit-learn's predicts for these numbers, in a sparse matrix or an array; or None."""
    x = np.array([row])
    if type(learner) not in _LEARNERS or x.shape[1] != learner.n_features_in_ or not np.isfinite(x).all():
        return None
    X: Any = x
    if is_sparse:
        (places,) = np.nonzero(x[0])
        X = sp.csr_array((x[0, places], places, np.array([0, len(places)])), x.shape)
    found = _predicted(learner, X)
    return found if np.isfinite(found).all() else None


def _numbers(row: Row) -> Row | None:
    """Finite numbers and NaN as floats."""
    found = []
    for value in row:
        if type(value) is not float:
            if type(value) is not int or not -(2**63) <= value < 2**63:
                return None
            value = float(value)
        if value - value != 0.0 and value == value:  # infinite
            return None
        found.append(value)
    return found


def _imputed(fitted: Any, table: Table) -> Through | None:
    if fitted.statistics_.dtype != np.float64:
        return None
    statistics, gaps = fitted.statistics_.tolist(), indicated(fitted, table)
    kept = [j for j, value in enumerate(statistics) if value == value]

    def through(row: Row) -> Row | None:
        values = _numbers(row)
        if values is None:
            return None
        found = [statistics[j] if values[j] != values[j] else values[j] for j in kept]
        return found + [1.0 if values[j] != values[j] else 0.0 for j in gaps]

    return through


def _one_hot(fitted: Any, table: Table) -> Through | None:
    if not is_one_hot(fitted) or fitted.dtype is not np.float64:
        return None
    places: list[dict[Any, int]] = []
    width = 0
    for column in table.columns:
        if not isinstance(column, Category) or not all(isinstance(category, str) for category, _ in column.levels):
            return None
        places.append({category: width + k for k, (category, _) in enumerate(column.levels)})
        width += len(column.levels) + (column.missing is not None)
    is_free = fitted.handle_unknown in ("ignore", "infrequent_if_exist")

    def through(row: Row) -> Row | None:
        found = [0.0] * width
        for own, value in zip(places, row, strict=True):
            if type(value) is not str:
                return None
            place = own.get(value)
            if place is not None:
                found[place] = 1.0
            elif not is_free:
                return None
        return found

    return through


def _moved(minus: Any, over: Any) -> Through:
    centres, scales = (None if values is None else values.tolist() for values in (minus, over))

    def through(row: Row) -> Row | None:
        found = _numbers(row)
        if found is not None and centres is not None:
            found = [value - centre for value, centre in zip(found, centres, strict=True)]
        if found is not None and scales is not None:
            found = [value / scale for value, scale in zip(found, scales, strict=True)]
        return found

    return through


def _ranged(fitted: Any) -> Through:
    scales, least = fitted.scale_.tolist(), fitted.min_.tolist()

    def through(row: Row) -> Row | None:
        found = _numbers(row)
        if found is not None:
            found = [value * scale + low for value, scale, low in zip(found, scales, least, strict=True)]
        return found

    return through


_OF_NUMBERS: dict[type, Callable[[Any], Through]] = {
    preprocessing.StandardScaler: lambda fitted: _moved(
        fitted.mean_ if fitted.with_mean else None, fitted.scale_ if fitted.with_std else None
    ),
    preprocessing.MaxAbsScaler: lambda fitted: _moved(None, fitted.scale_),
    preprocessing.RobustScaler: lambda fitted: _moved(
        fitted.center_ if fitted.with_centering else None, fitted.scale_ if fitted.with_scaling else None
    ),
    preprocessing.MinMaxScaler: _ranged,
}
