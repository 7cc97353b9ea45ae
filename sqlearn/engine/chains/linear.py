"""The transform of a fitted step as a linear map of the variables of its input."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, partial
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
Wholes = tuple[list[int], Any]  # numbers ``whole * 2**exponent``: the wholes, and the exponents


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
        raise _beyond_float64() from error


def _beyond_float64() -> UndefinedAttributeError:
    return UndefinedAttributeError(
        "A step divides by a scale so small that its transform lies beyond float64's range, which ends at 1.8e308. "
        "The model is intact: scale the features up and fit again.",
        reason="out of range",
    )


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


def _pairs(wholes: list[int], exponents: Any) -> tuple[list[float], list[float]]:
    """:func:`_pair` of many numbers of less than 900 bits."""
    hi = [float(whole) for whole in wholes]
    lo = [float(whole - int(rounded)) for whole, rounded in zip(wholes, hi, strict=True)]
    with np.errstate(over="ignore", under="ignore"):
        found = np.ldexp([hi, lo], exponents)
    if not np.isfinite(found).all():
        raise _beyond_float64()
    his, los = found.tolist()
    return his, los


@lru_cache(8)  # reading a chain again asks for the same ones
def _plain(n: int) -> tuple[Column, ...]:
    """So many columns of numbers, none of which is missing or in order."""
    return tuple(Number(1 + k) for k in range(n))


def _affine(table: Table, factors: Wholes, centres: Wholes, transform: Callable[..., np.ndarray]) -> Mapping:
    """Each column of numbers times a factor, plus a centre; missing values stay missing.

    `transform` computes it in float64, of values and the column's place.
    """
    n = len(table.columns)
    numbers = [column for column in table.columns if isinstance(column, Number)]
    assert len(numbers) == n
    (factor_hi, factor_lo), (centre_hi, centre_lo) = _pairs(*factors), _pairs(*centres)
    starts, sources, hi, lo = [0], [], [], []
    of_missing = [column.missing for column in numbers if column.missing is not None]
    gaps = {variable: 1 + n + k for k, variable in enumerate(of_missing)}
    for j, column in enumerate(numbers):
        sources.append(column.value)
        hi.append(factor_hi[j])
        lo.append(factor_lo[j])
        if centres[0][j]:
            sources.append(0)
            hi.append(centre_hi[j])
            lo.append(centre_lo[j])
            if column.missing is not None:
                sources.append(column.missing)
                hi.append(0.0 - centre_hi[j])
                lo.append(0.0 - centre_lo[j])
        starts.append(len(sources))
    for variable in gaps:
        sources.append(variable)
        hi.append(1.0)
        lo.append(0.0)
        starts.append(len(sources))
    forms = LinearMap(np.array(starts, np.int64), np.array(sources, np.int64), np.array(hi), np.array(lo))
    if not gaps and all(column.order is None for column in numbers):
        return forms, [*_plain(n)]
    columns: list[Column] = []
    for j, column in enumerate(numbers):
        order = None if column.order is None else column.order.through(partial(transform, place=j))
        columns.append(Number(1 + j, None if column.missing is None else gaps[column.missing], order))
    return forms, columns


def _scaled(table: Table, centre: Any, scale: Any) -> Mapping:
    """``(x - centre) / scale`` of each column, where either may be None."""
    n = len(table.columns)
    centred, scaled = _listed(centre, n, 0.0), _listed(scale, n, 1.0)
    wholes, exponents = _wholes(np.array(scaled))
    factors = [(((1 << (_BITS + 54)) // abs(whole) + 1) >> 1) * (1 if whole > 0 else -1) for whole in wholes]
    powers = [-_BITS - 53 - exponent for exponent in exponents]
    others, shifts = _wholes(np.array(centred))
    centres = [-other * factor for other, factor in zip(others, factors, strict=True)]

    def transform(values: np.ndarray, place: int) -> np.ndarray:
        return (values - centred[place]) / scaled[place]

    return _affine(table, (factors, powers), (centres, np.add(powers, shifts, dtype=np.int64)), transform)


def _listed(values: Any, n: int, default: float) -> list[float]:
    found: list[float] = [default] * n if values is None else np.asarray(values, np.float64).tolist()
    return found


def _standardized(fitted: Any, table: Table) -> Mapping:
    return _scaled(table, fitted.mean_ if fitted.with_mean else None, fitted.scale_ if fitted.with_std else None)


def _ranged(fitted: Any, table: Table) -> Mapping:
    scale, least = fitted.scale_.tolist(), fitted.min_.tolist()

    def transform(values: np.ndarray, place: int) -> np.ndarray:
        return values * scale[place] + least[place]

    return _affine(table, _wholes(fitted.scale_), _wholes(fitted.min_), transform)


def _robust(fitted: Any, table: Table) -> Mapping:
    return _scaled(table, fitted.center_, fitted.scale_)


def _largest(fitted: Any, table: Table) -> Mapping:
    return _scaled(table, None, fitted.scale_)


def _pairs_of_dots(axes: np.ndarray, centre: np.ndarray) -> tuple[list[float], list[float]]:
    """The exact scalar product of each row with `centre`, to 106 bits."""
    sizes = np.abs(np.concatenate([axes.ravel(), centre]))
    sizes = sizes[sizes > 0]
    if len(sizes) and (sizes.min() < 2.0**-300 or sizes.max() > 2.0**300):  # beyond what a product is split in
        others, powers = _wholes(centre)
        rows = zip(*_wholes(axes), strict=True)
        his, los = zip(*(_pair(*_dot(wholes, exponents, others, powers)) for wholes, exponents in rows), strict=True)
        return list(his), list(los)
    (a, b), (c, d) = _halves(axes), _halves(centre)
    products = axes * centre
    errors = ((a * c - products) + a * d + b * c) + b * d  # Dekker (1971): no rounding
    hi, lo = [], []
    for terms in np.hstack([products, errors]).tolist():
        hi.append(math.fsum(terms))
        terms.append(-hi[-1])
        lo.append(math.fsum(terms))
    return hi, lo


def _halves(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers as sums of two of 26 bits (Veltkamp, 1968)."""
    scaled = 134217729.0 * values
    high = scaled - (scaled - values)
    return high, values - high


def _fill_divided(
    axes: np.ndarray, centre: np.ndarray | None, scale: np.ndarray, hi: np.ndarray, lo: np.ndarray
) -> None:
    """Fill in the factors of ``(x - centre) @ axes.T / scale``."""
    wholes, exponents = _wholes(axes)
    others, powers = ([], []) if centre is None else _wholes(centre)
    first = int(centre is not None)
    for k, (factor, power) in enumerate(map(_reciprocal, scale.tolist())):
        if first:
            whole, exponent = _dot(wholes[k], exponents[k], others, powers)
            hi[k, 0], lo[k, 0] = _pair(-whole * factor, exponent + power)
        for j, (whole, exponent) in enumerate(zip(wholes[k], exponents[k], strict=True)):
            hi[k, first + j], lo[k, first + j] = _pair(whole * factor, exponent + power)


def _projected(table: Table, axes: np.ndarray, centre: np.ndarray | None, scale: np.ndarray | None = None) -> Mapping:
    """``(x - centre) @ axes.T / scale`` of columns of numbers none of which is missing."""
    m = len(axes)
    has_centre = centre is not None and bool(np.any(centre))
    values = [0] * has_centre + [column.value for column in table.columns if isinstance(column, Number)]
    hi, lo = np.zeros((m, len(values))), np.zeros((m, len(values)))
    hi[:, has_centre:] = axes
    if scale is not None:
        _fill_divided(axes, centre if has_centre else None, scale, hi, lo)
    elif has_centre and centre is not None:
        hi[:, 0], lo[:, 0] = _pairs_of_dots(axes, -centre)
    starts = np.arange(m + 1, dtype=np.int64) * len(values)
    forms = LinearMap(starts, np.tile(np.array(values, np.int64), m), hi.ravel(), lo.ravel())
    return forms, [*_plain(m)]


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
