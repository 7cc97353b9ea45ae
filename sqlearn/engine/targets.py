"""What records carry beside features, validated: labels, values to predict, weights."""

import numbers
from decimal import Decimal

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _num_samples

from sqlearn.engine.validation import explained, first_no_number
from sqlearn.engine.vocabulary import canonical_label
from sqlearn.errors import LabelError, NonFiniteError, NotNumericError, ShapeError, UnknownLabelError, WeightError

__all__ = ["check_classes", "check_indicator", "check_labels", "check_targets", "check_weights", "levels_of"]


def check_labels(y, X):
    """Label codes int64[n] and the list of canonical labels they index.

    Raises
    ------
    LabelError, NonFiniteError, ShapeError
        As their names say.
    """
    y = _column(y, X, "label")
    if y.dtype.kind == "f":
        _check_finite(y)
    try:
        check_classification_targets(y)
        return levels_of(y)
    except (TypeError, ValueError) as error:
        raise LabelError(
            f"{error} {_first_no_label(y)}Nothing was changed: pass integers of 64 bits, booleans or strings as labels,"
            " all of one kind."
        ) from error


def _check_finite(y) -> None:
    bad = ~np.isfinite(y.reshape(len(y), -1)).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise NonFiniteError(
            f"Input y contains NaN or infinity, first in row {row} (counted from 0). Nothing was changed: drop such "
            "rows, or fill in what is missing, first."
        )


def _first_no_label(y) -> str:
    """The first label that is none, or of another kind than the first one, and its row."""
    for row, label in enumerate(y.tolist()):
        try:
            canonical = canonical_label(label)
        except TypeError:
            return f"The first is in row {row} (counted from 0). "
        if isinstance(canonical, float):
            return f"The first number with a fraction is {label!r} in row {row} (counted from 0). "
        if isinstance(canonical, str) is not isinstance(y[0], str):
            return f"{label!r} in row {row} (counted from 0) is of another kind than {y[0]!r}: convert all to one. "
    return ""


def levels_of(column: np.ndarray):
    """Codes int64[n] and the canonical levels they index."""
    unique, codes = np.unique(column, return_inverse=True)
    levels = [canonical_label(value) for value in unique.tolist()]
    return codes.reshape(-1).astype(np.int64), levels


def _column(y, X, what: str) -> np.ndarray:
    """`y` as 1-D, with a `what` for each row of `X`."""
    if isinstance(y, list | tuple) and len({isinstance(value, str) for value in y}) > 1:
        y = np.array(y, object)  # numpy would make strings of the numbers
    try:
        y = column_or_1d(y, warn=True)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"{error} Nothing was changed: pass one {what} a row, of shape (n,).") from error
    _check_length(y, X, what)
    return y


def _check_length(y, X, what: str) -> None:
    if len(y) != _num_samples(X):
        raise ShapeError(
            f"Found input variables with inconsistent numbers of samples: {[_num_samples(X), len(y)]}. Nothing was "
            f"changed: pass one {what} a row."
        )


def check_classes(batch, classes) -> None:
    """Refuse labels of a :class:`~sqlearn.engine.state.Batch` that are not among the `classes` given, if any are.

    Raises
    ------
    UnknownLabelError
        When a label is not among them.
    WeightError
        When they are weights in the wrong place.
    """
    if classes is None:
        return
    listed = np.asarray(classes)
    known = set(listed.ravel().tolist())
    fractional = listed.dtype.kind == "f" and bool((listed != np.floor(listed)).any())
    repeated = listed.dtype.kind == "f" and listed.shape == (len(batch),) and len(known) < len(listed)
    if (fractional or repeated) and not known <= set(batch.labels):
        raise WeightError(
            "The third argument of partial_fit is `classes`, as in scikit-learn, and these look like weights. Nothing "
            "was changed: pass weights as sample_weight=..., and classes as integers."
        )
    if batch.targets.shape[1]:  # an indicator matrix, whose columns are the classes
        if known != set(range(batch.targets.shape[1])):
            raise UnknownLabelError(
                f"y has {batch.targets.shape[1]} columns, so its classes are 0 to {batch.targets.shape[1] - 1}, which "
                "the `classes` given are not. Nothing was changed: leave `classes` out."
            )
        return
    for code, label in enumerate(batch.labels):
        if label not in known:
            row = int(np.flatnonzero(batch.label_codes == code)[0])
            raise UnknownLabelError(
                f"{batch.name(row)} has the label {label!r}, which is not among the `classes` given. Nothing was "
                "changed: add it to `classes`, or leave `classes` out."
            )


def check_targets(y, X, *, multi_output: bool):
    """Values to predict as float64[n, t], and the dimension that the user gave them.

    Raises
    ------
    NotNumericError, NonFiniteError, ShapeError
        As their names say.
    """
    if multi_output:
        try:
            y = check_array(y, ensure_2d=False, dtype=None, input_name="y", ensure_all_finite=False)
        except (TypeError, ValueError) as error:
            raise explained(error, y) from error
        if y.ndim == 1 and len(y) > 1 and _num_samples(X) == 1:  # all targets of a row, which came as a frame or sparse
            y = y[None]
        _check_length(y, X, "target")
    else:
        y = _column(y, X, "target")
    for at, value in np.ndenumerate(y if y.dtype.kind not in "fiub" else ()):
        if not isinstance(value, numbers.Real | np.bool_ | Decimal):
            raise NotNumericError(
                f"Input y holds {value!r} in row {at[0]} (counted from 0), which is no real number. Nothing was "
                "changed: convert targets to numbers first."
            )
    y = y.astype(np.float64)
    _check_finite(y)
    return y.reshape(len(y), -1), y.ndim


def check_indicator(y, X) -> tuple[np.ndarray, list[str], np.ndarray]:
    """An indicator matrix of labels, one column a label.

    Returns
    -------
    codes : int64[n]
        Index of each row in `combinations`.
    combinations : list of str
        The different rows, a digit for each label.
    signs : float64[n, t]
        1.0 where a row has the label, -1.0 where it has not.

    Raises
    ------
    LabelError
        When an entry is neither 0 nor 1, or False nor True.
    NotNumericError, NonFiniteError, ShapeError
        As their names say.
    """
    targets, _ = check_targets(y, X, multi_output=True)
    bad = ~np.isin(targets, (0.0, 1.0)).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise LabelError(
            f"Row {row} (counted from 0) of the indicator matrix y is {targets[row].tolist()}. Nothing was changed: "
            "where y has a column for each label, it says 1 where a row has the label, and 0 where it has not."
        )
    rows, codes = np.unique(targets.astype(np.int64), axis=0, return_inverse=True)
    return codes.reshape(-1), ["".join(map(str, row)) for row in rows.tolist()], 2.0 * targets - 1.0


def check_weights(sample_weight, X) -> np.ndarray:
    """Sample weights as float64[n], none of them negative."""
    n = _num_samples(X)
    if sample_weight is None:
        return np.ones(n)
    try:
        given = np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError) as error:
        raise WeightError(
            f"sample_weight holds what is no number: {error}. {first_no_number(sample_weight)}Nothing was changed: "
            "pass one number a row."
        ) from error
    if given.ndim > 1 or (given.ndim and len(given) != n):
        raise ShapeError(
            f"sample_weight.shape == {given.shape}, expected {(n,)}. Nothing was changed: pass one weight a row."
        )
    finite = np.isfinite(given)  # of a scalar, scikit-learn's check is none
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise NonFiniteError(
            f"Input sample_weight contains NaN or infinity, first in row {row} (counted from 0). Nothing was changed: "
            "give every row a finite weight."
        )
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, allow_all_zero_weights=True) + 0.0
    if (weights < 0).any():
        row = int(np.flatnonzero(weights < 0)[0])
        raise WeightError(
            f"Negative values in data passed to `sample_weight`: {weights[row].item()} in row {row} (counted from 0). "
            "Nothing was changed. To take a row out of the model, forget it."
        )
    return weights
