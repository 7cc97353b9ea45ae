"""What records carry beside features, validated: labels and values to predict."""

import numbers
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sqlearn.engine.identity import canonical_label
from sqlearn.engine.sklearn_private import num_samples
from sqlearn.engine.validation.batch import Batch
from sqlearn.engine.validation.layout import Layout
from sqlearn.engine.validation.refusals import explained, is_of_input
from sqlearn.engine.validation.rows import unmasked
from sqlearn.engine.validation.spec import Responses, Spec
from sqlearn.errors import (
    InvalidValueError,
    ShapeError,
    UnknownLabelError,
    shown,
)

# what numpy raises at what is no array, and scikit-learn where a refusal shows a value whose repr fails
UNREADABLE = (TypeError, ValueError, OverflowError, AttributeError, RuntimeError)

_FEW_NUMBERS = 1 << 12
_FEW_ROWS = 20  # among no more integers, scikit-learn takes any for labels, and warns of none


def check_responses(spec: Spec, y: Any, x: Any, layout: Layout, *, first: bool) -> tuple[Responses, Layout]:
    """Validated labels or values to predict, and the layout that has them.

    Parameters
    ----------
    spec : Spec
        Which of the two, and whether a record may have several values.
    y : array-like
        They.
    x : float64[n, d] or CSR array
        Validated features.
    layout : Layout
        That of the features, and of earlier responses if there are any.
    first : bool
        Whether these are the first, which fix the dimension of values, and whether labels are booleans.

    Raises
    ------
    InvalidValueError, ShapeError
        With the reason.
    """
    n = x.shape[0]
    if spec.target == "label":
        label_codes, labels = check_labels(y, x)
        if first and np.asarray(y).dtype.kind == "b":
            layout = replace(layout, labels="bool")
        return Responses(label_codes, labels, np.zeros((n, 0))), layout
    targets = np.zeros((n, 0))
    if spec.target == "value":
        targets, dimension = check_targets(y, x, multi_output=spec.multi_output)
        layout = replace(layout, target_ndim=dimension) if first else layout
    return Responses(np.zeros(0, np.int64), [], targets), layout


def check_labels(y: Any, X: Any) -> tuple[np.ndarray, list[Any]]:
    """Label codes int64[n] and the list of canonical labels they index.

    Raises
    ------
    InvalidValueError, ShapeError
        With the reason.
    """
    y = _column(y, X, "label")
    if y.dtype.kind == "f":
        _check_finite(y)
    if y.dtype.kind in "OcMmSV" and not all(isinstance(label, str) for label in y):  # dates' tolist may give integers
        raise _no_labels("Unknown label type: objects that are not strings.", y)
    try:
        if y.dtype.kind not in "iub" or len(y) > _FEW_ROWS:
            check_classification_targets(y)
        return levels_of(y)
    except (TypeError, ValueError) as error:
        if not is_of_input(error):
            raise
        raise _no_labels(str(error), y) from error


def _no_labels(why: str, y: np.ndarray) -> InvalidValueError:
    found, place = _first_not_a_label(y)
    return InvalidValueError(
        f"{why} {found}Nothing was changed: pass integers of 64 bits, booleans or strings as labels, all of one type.",
        reason="label",
        **place,
    )


def _check_finite(y: np.ndarray) -> None:
    bad = ~np.isfinite(y.reshape(len(y), -1)).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidValueError(
            f"Input y contains NaN or infinity, first in row {row} (counted from 0). Nothing was changed: drop such "
            "rows, or fill in what is missing, first.",
            row=row,
            reason="not finite",
        )


def _first_not_a_label(y: np.ndarray) -> tuple[str, dict[str, Any]]:
    """The first label that is not one, or is of another type than the first, in words and as fields."""
    for row, label in enumerate(y):
        place = {"row": row, "value": label}
        try:
            canonical = canonical_label(label)
        except TypeError:
            return f"The first is {shown(label)} in row {row} (counted from 0). ", place
        if isinstance(canonical, float):
            return f"The first number with a fraction is {shown(label)} in row {row} (counted from 0). ", place
        if isinstance(canonical, str) is not isinstance(y[0], str):
            return (
                f"{shown(label)} in row {row} (counted from 0) is of another type than {shown(y[0])}: convert all to "
                "one. ",
                place,
            )
    words = f"The first is {shown(y[0])} in row 0 (counted from 0), of type {type(y[0]).__name__}. "
    return words, {"row": 0, "value": y[0]}


def levels_of(column: np.ndarray) -> tuple[np.ndarray, list[Any]]:
    """Codes int64[n] and the canonical levels they index."""
    unique, codes = _numbered(column)
    levels = [canonical_label(value) for value in unique.tolist()]
    return codes.reshape(-1).astype(np.int64), levels


def _numbered(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values, sorted, and the index of each value in them: without sorting, if these are small numbers."""
    if column.ndim == 1 and column.dtype.kind in "iu" and len(column):
        least, greatest = int(column.min()), int(column.max())
        if greatest - least < _FEW_NUMBERS:
            wide = column if column.dtype.itemsize == 8 else column.astype(np.int64)
            offsets = (wide - wide.dtype.type(least)).astype(np.intp)
            is_there = np.bincount(offsets) > 0
            unique = np.flatnonzero(is_there).astype(wide.dtype) + wide.dtype.type(least)
            return unique, (np.cumsum(is_there) - 1)[offsets]
    return np.unique(column, return_inverse=True)


def shape_of(y: Any) -> tuple[int, ...]:
    """The shape of what is given as `y`.

    Raises
    ------
    ShapeError, InvalidValueError
        When it is no array.
    """
    try:
        return np.asarray(y).shape
    except (TypeError, ValueError) as error:
        raise explained(error, y, name="y") from error


def _column(y: Any, X: Any, what: str) -> np.ndarray:
    """`y` as 1-D, with a `what` for each row of `X`."""
    y = unmasked(y, "y")
    if type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "fiub":
        _check_length(y, X, what)
        return np.ascontiguousarray(y)
    if isinstance(y, list | tuple) and any(isinstance(value, str) for value in y):
        y = _objects(y)  # numpy would make strings of numbers beside them, and cut off NULs at their ends
    try:
        y = column_or_1d(y, warn=True)
        y = y.astype(object) if y.dtype.kind == "T" else y
    except UNREADABLE as error:
        if not is_of_input(error):
            raise
        if "Complex" in str(error):
            raise InvalidValueError(
                "Complex data not supported: y holds it, first in row 0 (counted from 0). Nothing was changed: pass "
                f"{what}s that are not complex numbers.",
                reason="label" if what == "label" else "not numeric",
            ) from error
        said = str(error) if "1d array" in str(error) else f"y is not an array of {what}s: {shown(y)}."
        raise ShapeError(
            f"{said} Nothing was changed: pass one {what} per row, of shape (n,).", reason="shape"
        ) from error
    _check_length(y, X, what)
    return y


def _objects(values: Any) -> np.ndarray:
    """An array of these objects, as they are."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _check_length(y: Any, X: Any, what: str) -> None:
    if len(y) != num_samples(X):
        raise ShapeError(
            f"Found input variables with inconsistent numbers of samples: {[num_samples(X), len(y)]}. Nothing was "
            f"changed: pass one {what} per row.",
            reason="shape",
        )


def check_classes(batch: Batch, classes: Any) -> None:
    """Refuse labels of a batch that are not among the `classes` given, if any are.

    Raises
    ------
    UnknownLabelError
        When a label is not among them.
    InvalidValueError
        When they are weights in the wrong place.
    """
    if classes is None:
        return
    if isinstance(classes, list | tuple) and any(isinstance(label, str) for label in classes):
        classes = _objects(classes)
    try:
        listed = np.asarray(classes)
        known = {canonical_label(label) for label in listed.ravel().tolist()}
    except UNREADABLE as error:
        if not is_of_input(error):
            raise
        raise InvalidValueError(
            f"`classes` is not a list of labels: {shown(classes)}. Nothing was changed: pass the labels that may "
            "come, or leave `classes` out.",
            value=classes,
            reason="label",
        ) from error
    fractional = listed.dtype.kind == "f" and bool((listed != np.floor(listed)).any())
    repeated = listed.dtype.kind == "f" and listed.shape == (len(batch),) and len(known) < len(listed)
    if (fractional or repeated) and not known <= set(batch.labels):
        raise InvalidValueError(
            "The third argument of partial_fit is `classes`, as in scikit-learn, and these look like weights. Nothing "
            "was changed: pass weights as sample_weight=..., and classes as integers.",
            reason="weight",
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
                f"{batch.name(row)} has the label {shown(label)}, which is not among the `classes` given. Nothing was "
                "changed: add it to `classes`, or leave `classes` out.",
                row=row,
                value=label,
            )


def check_targets(y: Any, X: Any, *, multi_output: bool) -> tuple[np.ndarray, int]:
    """Values to predict as float64[n, t], and the dimension that the user gave them.

    Raises
    ------
    InvalidValueError, ShapeError
        With the reason.
    """
    if multi_output:
        try:
            y = check_array(unmasked(y, "y"), ensure_2d=False, dtype=None, input_name="y", ensure_all_finite=False)
        except UNREADABLE as error:
            raise explained(error, y, name="y") from error
        if y.ndim == 1 and len(y) > 1 and num_samples(X) == 1:  # all targets of a row, which came as a frame or sparse
            y = y[None]
        _check_length(y, X, "target")
    else:
        y = _column(y, X, "target")
    y = as_float64(
        y, lambda value, row: InvalidValueError(
            f"Input y has {shown(value)} in row {row} (counted from 0), which is not a real number. Nothing was "
            "changed: convert targets to numbers first.", row=row, value=value, reason="not numeric"
        )
    )  # fmt: skip
    _check_finite(y)
    return y.reshape(len(y), -1), y.ndim


def as_float64(values: np.ndarray, refusal: Callable[[Any, int], Exception]) -> np.ndarray:
    """An array as float64, infinite where a number lies beyond its range; `refusal` makes the error at what is none."""
    if values.dtype.kind in "fiub":
        with np.errstate(over="ignore"):
            return values.astype(np.float64)
    found = np.empty(values.shape)
    for at, value in np.ndenumerate(values):
        if isinstance(value, np.timedelta64) or not isinstance(value, numbers.Real | np.bool_ | Decimal):
            raise refusal(value, at[0] if at else 0)
        try:
            found[at] = float(value)
        except OverflowError:
            found[at] = np.inf
        except ValueError as error:  # a signalling NaN
            if not is_of_input(error):
                raise
            raise refusal(value, at[0] if at else 0) from error
    return found


def check_indicator(y: Any, X: Any) -> tuple[np.ndarray, list[str], np.ndarray]:
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
    InvalidValueError
        With the reason "label" if an entry is not 0 or 1, False or True; otherwise as in :func:`check_targets`.
    ShapeError
        As in :func:`check_targets`.
    """
    targets, _ = check_targets(y, X, multi_output=True)
    bad = ~np.isin(targets, (0.0, 1.0)).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InvalidValueError(
            f"Row {row} (counted from 0) of the indicator matrix y is {targets[row].tolist()}. Nothing was changed: "
            "if y has one column per label, it must be 1 where a row has the label, and 0 where it does not.",
            row=row,
            reason="label",
        )
    rows, codes = np.unique(targets.astype(np.int64), axis=0, return_inverse=True)
    return codes.reshape(-1), ["".join(map(str, row)) for row in rows.tolist()], 2.0 * targets - 1.0
