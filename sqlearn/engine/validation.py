"""From what users pass to validated batches: scikit-learn's checks, and errors that name the row."""

import numpy as np
import scipy.sparse as sp
from sklearn import config_context
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _num_samples, validate_data

from sqlearn.engine.statistics import as_csr
from sqlearn.engine.vocabulary import canonical_label
from sqlearn.errors import EmptyBatchError, NegativeValueError, NonFiniteError, NotNumericError, WeightError, WidthError

__all__ = [
    "as_rows",
    "check_features",
    "check_labels",
    "check_targets",
    "check_weights",
    "explained",
    "levels_of",
    "refuse_negative",
]


def as_rows(X, *others):
    """One row on its own, with its label and weight, as a batch of one.

    Returns
    -------
    single : bool
        Whether `X` was one row: a 1-D array, list or Series, or whatever comes with a label that is no sequence.
    X, *others
        As given, or with a first axis of length 1.
    """
    if not sp.issparse(X) and np.ndim(X) == 1 and not len(X):
        raise EmptyBatchError("Found array with 0 sample(s). Nothing was changed: pass at least one row.")
    if sp.issparse(X):
        single = X.ndim == 1
        X = X.reshape(1, -1) if single else X
    elif hasattr(X, "columns") or np.ndim(X) != 1 or (len(X) and np.ndim(X[0] if isinstance(X, list | tuple) else 0)):
        single = False
    elif hasattr(X, "to_frame") and hasattr(X, "index"):  # a pandas Series: its index names the features
        single, X = True, X.to_frame().T.infer_objects()
    else:
        single, X = True, [X] if isinstance(X, list | tuple) else np.asarray(X)[None]
    single = single or (any(np.ndim(other) == 0 for other in others if other is not None) and _num_samples(X) == 1)
    if single:
        others = tuple(
            other if other is None or np.shape(other) == (1,) else np.asarray(other)[None] for other in others
        )
    return (single, X, *others)


def check_features(probe, X, *, reset: bool, sparse_form: bool):
    """Validated features as the statistics take them.

    Parameters
    ----------
    probe : estimator
        Carries ``n_features_in_`` and ``feature_names_in_``: read, or written for `reset`. Its tags say what is
        accepted.
    X : array-like, frame or sparse of shape (n, d)
        Features.
    reset : bool
        Whether these are the first records.
    sparse_form : bool
        Whether to return canonical CSR; float64[n, d] (or CSR, to be made dense block by block) otherwise.

    Raises
    ------
    EmptyBatchError, WidthError, NonFiniteError, NotNumericError
        As their names say; other refusals are scikit-learn's own.
    """
    tags = probe.__sklearn_tags__().input_tags
    finite = "allow-nan" if tags.allow_nan else True
    try:
        with config_context(assume_finite=False):  # a NaN in an exact sum is no speed-up
            X = validate_data(
                probe,
                X,
                accept_sparse="csr" if tags.sparse else False,
                dtype=np.float64,
                ensure_all_finite=finite,
                reset=reset,
            )
    except ValueError as error:
        raise explained(error, X, tags.allow_nan) from error
    if sparse_form or sp.issparse(X):
        X = as_csr(X)
        X.data[np.isnan(X.data)] = np.nan
        return X
    return np.where(np.isnan(X), np.nan, X) if tags.allow_nan else X  # NaN has one form: bits tell records apart


def explained(error: ValueError, X, allow_nan: bool) -> ValueError:
    """The same refusal as one of our kinds, with the row and what to do."""
    message = str(error).split("\n")[0]
    if "0 sample" in message:
        return EmptyBatchError(f"{message} Nothing was changed: pass at least one row.")
    if "features, but" in message and "expecting" in message:
        return WidthError(f"{message} Nothing was changed: pass rows with the columns the model was fitted on.")
    if "contains NaN" in message or "contains infinity" in message:
        return NonFiniteError(
            f"{message} {_first_bad(X, allow_nan)}Nothing was changed: drop or impute such values first."
        )
    if "could not convert string" in message:
        return NotNumericError(
            f"{message}. Nothing was changed: convert such columns to numbers, or encode them, first."
        )
    return error


def refuse_negative(x: sp.csr_array, learner: str, other: str) -> None:
    """Raise NegativeValueError, which names the first row and the learner to use instead, where a value is below 0."""
    if x.data.min(initial=0.0) < 0.0:
        at = np.flatnonzero(x.data < 0.0)[0]
        row = np.searchsorted(x.indptr, at, side="right") - 1
        raise NegativeValueError(
            f"Negative values in data passed to {learner} (input X): {x.data[at].item()!r} first, in row {row}, column "
            f"{x.indices[at]} (counted from 0). Nothing was changed: drop such rows, or use {other}."
        )


def _first_bad(X, allow_nan: bool) -> str:
    numbers = check_array(
        X, accept_sparse="coo", dtype=np.float64, ensure_all_finite=False, ensure_2d=False, allow_nd=True
    )
    values = numbers.data if sp.issparse(numbers) else numbers
    bad = np.isinf(values) if allow_nan else ~np.isfinite(values)
    at = np.argwhere(bad)
    if not len(at):
        return ""
    if sp.issparse(numbers):
        row, column = numbers.coords[0][at[0, 0]], numbers.coords[1][at[0, 0]]
    else:
        row, column = at[0][0], at[0][-1]
    return f"The first is in row {row} (counted from 0), column {column}. "


def check_labels(y, X):
    """Label codes int64[n] and the list of canonical labels they index."""
    y = column_or_1d(y, warn=True)
    if len(y) != _num_samples(X):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {[_num_samples(X), len(y)]}: one label a row."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y))[0])
        raise NonFiniteError(
            f"Input y contains NaN or infinity, first in row {row} (counted from 0). Nothing was changed."
        )
    check_classification_targets(y)
    return levels_of(y)


def levels_of(column: np.ndarray):
    """Codes int64[n] and the canonical levels they index."""
    try:
        unique, codes = np.unique(column, return_inverse=True)
    except TypeError as error:
        raise TypeError("Strings and numbers are mixed; convert them to one kind first.") from error
    levels = [canonical_label(value) for value in unique.tolist()]
    return codes.reshape(-1).astype(np.int64), levels


def check_targets(y, X, *, multi_output: bool):
    """Values to predict as float64[n, t], and the dimension that the user gave them."""
    if multi_output:
        y = check_array(
            y, accept_sparse=False, ensure_2d=False, dtype="numeric", input_name="y", ensure_all_finite=False
        )
    else:
        y = column_or_1d(y, warn=True)
    y = y.astype(np.float64)
    if len(y) != _num_samples(X):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {[_num_samples(X), len(y)]}: one target a "
            "row."
        )
    bad = ~np.isfinite(y.reshape(len(y), -1)).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise NonFiniteError(
            f"Input y contains NaN or infinity, first in row {row} (counted from 0). Nothing was changed."
        )
    return y.reshape(len(y), -1), y.ndim


def check_weights(sample_weight, X, targets) -> np.ndarray:
    """Sample weights as float64[n], none of them negative; products with features and targets stay in range."""
    n = _num_samples(X)
    if sample_weight is None:
        return np.ones(n)
    finite = np.isfinite(np.asarray(sample_weight, np.float64))  # of a scalar, scikit-learn's check is none
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise NonFiniteError(
            f"Input sample_weight contains NaN or infinity, first in row {row} (counted from 0). Nothing was changed."
        )
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, allow_all_zero_weights=True) + 0.0
    if (weights < 0).any():
        row = int(np.flatnonzero(weights < 0)[0])
        raise WeightError(
            f"Negative values in data passed to `sample_weight`: {weights[row]!r} in row {row} (counted from 0). "
            "Nothing was changed. To take a row out of the model, forget it."
        )
    values = X.data if sp.issparse(X) else X
    largest = max(np.nanmax(np.abs(v), initial=0.0) for v in (values, targets))
    with np.errstate(over="ignore"):
        if np.isfinite(weights.max(initial=0.0) * largest):
            return weights
        products = (
            np.abs(X).max(axis=1).toarray().ravel() if sp.issparse(X) else np.nanmax(np.abs(X), axis=1, initial=0.0)
        )
        products = np.maximum(products, np.abs(targets).max(axis=1, initial=0.0)) * weights
    bad = np.flatnonzero(~np.isfinite(products))
    if len(bad):
        raise WeightError(
            f"In row {bad[0]} (counted from 0), the weight {weights[bad[0]]!r} times a value leaves float64's range. "
            "Nothing was changed: scale the weights down."
        )
    return weights
