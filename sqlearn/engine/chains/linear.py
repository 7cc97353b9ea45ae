"""The transform of a fitted step as a linear map of the variables of its input."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from sklearn import decomposition, discriminant_analysis, preprocessing
from sklearn.feature_selection import SelectorMixin

from sqlearn.engine.chains.encoding import READ_FROM_TABLES, mapping_from_table
from sqlearn.engine.chains.table import Category, Column, Number, Table
from sqlearn.engine.readout import LinearMap
from sqlearn.errors import UndefinedAttributeError

_BITS = 64  # of the reciprocal of a scale

Mapping = tuple[LinearMap, list[Column]]


def _whole(value: float) -> tuple[int, int]:
    """The number as ``whole * 2**exponent``."""
    mantissa, exponent = math.frexp(value)
    return int(math.ldexp(mantissa, 53)), exponent - 53


def _pair(whole: int, exponent: int) -> tuple[float, float]:
    """``whole * 2**exponent`` as ``hi + lo``, to 106 bits."""
    excess = max(0, whole.bit_length() - 900)
    whole, exponent = whole >> excess, exponent + excess
    hi = float(whole)
    try:
        return math.ldexp(hi, exponent), math.ldexp(float(whole - int(hi)), exponent)
    except OverflowError as error:
        raise UndefinedAttributeError(
            "A step divides by a scale so small that its transform lies beyond float64's range, which ends at 1.8e308. "
            "The model is intact: scale the features up and fit again.",
            reason="out of range",
        ) from error


def _reciprocal(scale: float) -> tuple[int, int]:
    """``1 / scale`` to 64 bits."""
    whole, exponent = _whole(scale)
    sign = 1 if whole > 0 else -1
    return sign * (((1 << (_BITS + 54)) // abs(whole) + 1) >> 1), -_BITS - 53 - exponent


def _wholes(values: np.ndarray) -> tuple[list[Any], list[Any]]:
    """The numbers as ``whole * 2**exponent``, in lists of the shape of the array."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(mantissa, 53).astype(np.int64).tolist(), (exponent.astype(np.int64) - 53).tolist()


def _dot(wholes: list[int], exponents: list[int], others: list[int], powers: list[int]) -> tuple[int, int]:
    """The exact scalar product of two rows of numbers."""
    shifts = [exponent + power for exponent, power in zip(exponents, powers, strict=True)]
    lowest = min(shifts, default=0)
    terms = zip(wholes, others, shifts, strict=True)
    return sum(one * other << (shift - lowest) for one, other, shift in terms if one and other), lowest


def _affine(
    table: Table, factors: list[tuple[int, int]], centres: list[tuple[int, int]], transform: Callable[..., np.ndarray]
) -> Mapping:
    """Each column of numbers times a factor, plus a centre; missing values stay missing.

    `transform` computes it in float64, of values and the column's place.
    """
    starts, sources, pairs = [0], [], []
    columns: list[Column] = []
    of_missing = [column.missing for column in table.columns if isinstance(column, Number)]
    gaps = {variable: 1 + len(table.columns) + k for k, variable in enumerate(v for v in of_missing if v is not None)}
    for j, (column, factor, centre) in enumerate(zip(table.columns, factors, centres, strict=True)):
        assert isinstance(column, Number)
        sources.append(column.value)
        pairs.append(_pair(*factor))
        if centre[0]:
            sources.append(0)
            pairs.append(_pair(*centre))
            if column.missing is not None:
                sources.append(column.missing)
                pairs.append(_pair(-centre[0], centre[1]))
        starts.append(len(sources))
        order = None if column.order is None else column.order.through(partial(transform, place=j))
        columns.append(Number(1 + j, None if column.missing is None else gaps[column.missing], order))
    for variable in gaps:
        sources.append(variable)
        pairs.append((1.0, 0.0))
        starts.append(len(sources))
    hi, lo = np.array(pairs, np.float64).reshape(-1, 2).T.copy()
    return LinearMap(np.array(starts, np.int64), np.array(sources, np.int64), hi, lo), columns


def _scaled(table: Table, centre: Any, scale: Any) -> Mapping:
    """``(x - centre) / scale`` of each column, where either may be None."""
    n = len(table.columns)
    factors = [_reciprocal(value) for value in _listed(scale, n, 1.0)]
    centres = [
        (-whole * factor, exponent + power)
        for (whole, exponent), (factor, power) in zip(map(_whole, _listed(centre, n, 0.0)), factors, strict=True)
    ]
    centred, scaled = _listed(centre, n, 0.0), _listed(scale, n, 1.0)

    def transform(values: np.ndarray, place: int) -> np.ndarray:
        return (values - centred[place]) / scaled[place]

    return _affine(table, factors, centres, transform)


def _listed(values: Any, n: int, default: float) -> list[float]:
    found: list[float] = [default] * n if values is None else np.asarray(values, np.float64).tolist()
    return found


def _standardized(fitted: Any, table: Table) -> Mapping:
    return _scaled(table, fitted.mean_ if fitted.with_mean else None, fitted.scale_ if fitted.with_std else None)


def _ranged(fitted: Any, table: Table) -> Mapping:
    scale, least = fitted.scale_.tolist(), fitted.min_.tolist()

    def transform(values: np.ndarray, place: int) -> np.ndarray:
        return values * scale[place] + least[place]

    return _affine(table, [*map(_whole, scale)], [*map(_whole, least)], transform)


def _robust(fitted: Any, table: Table) -> Mapping:
    return _scaled(table, fitted.center_, fitted.scale_)


def _largest(fitted: Any, table: Table) -> Mapping:
    return _scaled(table, None, fitted.scale_)


def _projected(table: Table, axes: np.ndarray, centre: np.ndarray | None, scale: np.ndarray | None = None) -> Mapping:
    """``(x - centre) @ axes.T / scale`` of columns of numbers none of which is missing."""
    m = len(axes)
    has_centre = centre is not None and bool(np.any(centre))
    values = [0] * has_centre + [column.value for column in table.columns if isinstance(column, Number)]
    hi, lo = np.zeros((m, len(values))), np.zeros((m, len(values)))
    hi[:, has_centre:] = axes
    reciprocals = [(1, 0)] * m if scale is None else [_reciprocal(value) for value in scale.tolist()]
    wholes, exponents = _wholes(axes)
    others, powers = _wholes(centre) if has_centre and centre is not None else ([], [])
    for k, (factor, power) in enumerate(reciprocals):
        if has_centre:
            whole, exponent = _dot(wholes[k], exponents[k], others, powers)
            hi[k, 0], lo[k, 0] = _pair(-whole * factor, exponent + power)
        if scale is not None:
            for j, (whole, exponent) in enumerate(zip(wholes[k], exponents[k], strict=True)):
                hi[k, has_centre + j], lo[k, has_centre + j] = _pair(whole * factor, exponent + power)
    starts = np.arange(m + 1, dtype=np.int64) * len(values)
    forms = LinearMap(starts, np.tile(np.array(values, np.int64), m), hi.ravel(), lo.ravel())
    return forms, [Number(1 + k) for k in range(m)]


def _components(fitted: Any, table: Table) -> Mapping:
    scale = None
    if fitted.whiten:
        scale = np.maximum(np.sqrt(fitted.explained_variance_), np.finfo(np.float64).eps)
    return _projected(table, fitted.components_, fitted.mean_, scale)


def _truncated(fitted: Any, table: Table) -> Mapping:
    return _projected(table, fitted.components_, None)


def _discriminants(fitted: Any, table: Table) -> Mapping:
    axes = fitted.scalings_[:, : len(fitted.explained_variance_ratio_)].T
    return _projected(table, axes, fitted.xbar_ if fitted.solver == "svd" else None)


def _kept(table: Table) -> Mapping:
    """The variables of these columns, as they are."""
    used: list[int] = []
    columns: list[Column] = []

    def place(variable):
        used.append(variable)
        return len(used)

    for column in table.columns:
        if isinstance(column, Number):
            value = place(column.value)
            columns.append(Number(value, None if column.missing is None else place(column.missing), column.order))
        else:
            levels = tuple((category, place(variable)) for category, variable in column.levels)
            columns.append(Category(levels, None if column.missing is None else place(column.missing)))
    return LinearMap.of([{variable: Fraction(1)} for variable in used]), columns


def _selected(fitted: Any, table: Table) -> Mapping:
    return _kept(table.chosen(np.flatnonzero(fitted.get_support()).tolist()))


_MAPS: list[tuple[type, Callable[[Any, Table], Mapping]]] = [
    (preprocessing.StandardScaler, _standardized),
    (preprocessing.MinMaxScaler, _ranged),
    (preprocessing.MaxAbsScaler, _largest),
    (preprocessing.RobustScaler, _robust),
    (decomposition.PCA, _components),
    (decomposition.TruncatedSVD, _truncated),
    (discriminant_analysis.LinearDiscriminantAnalysis, _discriminants),
    (SelectorMixin, _selected),
]


def is_linear(kind: type) -> bool:
    """Whether the transform of this class of scikit-learn's is a linear map that is known here."""
    return issubclass(kind, READ_FROM_TABLES) or any(issubclass(kind, known) for known, _ in _MAPS)


def mapping_of(fitted: Any, table: Table) -> Mapping:
    """What a fitted step of scikit-learn's makes of a table: its variables as a map of the old, and the columns."""
    if fitted is None or isinstance(fitted, str):  # "passthrough"
        return _kept(table)
    if isinstance(fitted, READ_FROM_TABLES):
        return mapping_from_table(fitted, table)
    find = next(find for known, find in _MAPS if isinstance(fitted, known))
    return find(fitted, table)
