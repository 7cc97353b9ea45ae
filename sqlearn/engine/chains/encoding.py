"""Imputers and encoders, read from the sums of a table: which levels there are, and what stands for missing values."""

import copy
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sqlearn.engine.chains.order import FixedOrder
from sqlearn.engine.chains.table import Category, Column, Number, Table
from sqlearn.engine.ordered import OrderView
from sqlearn.engine.readout import LinearMap
from sqlearn.engine.sklearn_private import fitted_encoder, param_names, set_output_config
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown

ENCODERS = (OneHotEncoder, OrdinalEncoder)
READ_FROM_TABLES = (SimpleImputer, *ENCODERS)
Mapping = tuple[LinearMap, list[Column]]


def check_reader(step: Any, is_category: bool) -> None:
    """Refuse parameters of an imputer or encoder for which it cannot be read from the sums of a table.

    Raises
    ------
    ParameterError
        At the first of them.
    """
    params, kind = {name: getattr(step, name) for name in param_names(type(step))}, type(step).__name__
    if isinstance(step, SimpleImputer):
        if is_category and params["strategy"] not in ("most_frequent", "constant"):
            raise ParameterError(
                f"strategy={shown(params['strategy'])} of {kind} stands in front of an encoder, where it is given "
                "categories. Use 'most_frequent' or 'constant'.",
                value=params["strategy"],
            )
        missing = params["missing_values"]
        if not (isinstance(missing, float) and np.isnan(missing)):
            raise ParameterError(
                f"missing_values={shown(missing)} of {kind}: inside a pipeline, missing values are NaN and None. Leave "
                "it at its default.",
                value=missing,
            )
    for name in ("min_frequency", "max_categories"):
        if params.get(name) is not None and not isinstance(params["categories"], str):
            raise ParameterError(
                f"{name} of {kind} with given categories is not supported inside a pipeline. Leave one of both at its "
                "default.",
                value=params[name],
            )


class Sums:
    """Exact sums of the variables of a table, over all slots."""

    def __init__(self, table: Table):
        self._sums = table.sums()

    def of(self, variable: int | None) -> Fraction:
        """The sum of this variable, of the constant one for 0."""
        return Fraction(0) if variable is None else self._sums[variable]

    def mean(self, column: Number) -> Fraction | None:
        """The mean of the values that are not missing; None if all are."""
        weight = self.of(0) - self.of(column.missing)
        return self.of(column.value) / weight if weight else None

    def most_frequent(self, column: Category) -> Any:
        """The category of the greatest weight, the smallest of equal ones; None if there is none."""
        best = max((self.of(variable) for _, variable in column.levels), default=None)
        return next((category for category, variable in column.levels if self.of(variable) == best), None)


def read_from_table(unfitted: Any, table: Table, *, mixed: bool = False) -> Any:
    """The imputer or encoder, as far as its map asks for what it was fitted to: see :func:`completed` for the rest.

    Parameters
    ----------
    unfitted : estimator
        scikit-learn's, which is changed.
    table : Table
        What it is fitted to.
    mixed : bool, default=False
        Whether a column may hold numbers beside text, which no encoder of scikit-learn's takes.
    """
    if isinstance(unfitted, SimpleImputer):
        unfitted.statistics_ = _statistics(unfitted, table)
    elif not (is_one_hot(unfitted) and (mixed or all(_is_of_one_kind(column) for column in table.columns))):
        completed(unfitted, table)
    return unfitted


def completed(found: Any, table: Table) -> Any:
    """What :func:`read_from_table` returned for the table, with all that scikit-learn's estimator has after a fit."""
    return _completed_imputer(found, table) if isinstance(found, SimpleImputer) else _completed_encoder(found, table)


def mapping_from_table(fitted: Any, table: Table) -> Mapping:
    """What such a one makes of the table."""
    if isinstance(fitted, SimpleImputer):
        return _imputed(fitted, table)
    return _one_hot(table) if is_one_hot(fitted) else _encoded(fitted, table)


def has_value(table: Table, column: Number) -> bool:
    """Whether a column of numbers has a value in some record."""
    return Sums(table).mean(column) is not None


def indicated(imputer: SimpleImputer, table: Table) -> list[int]:
    """The places of the columns for which an imputer has an indicator."""
    if not imputer.add_indicator:
        return []
    gaps = zip(table.columns, imputer.statistics_.tolist(), strict=True)
    return [j for j, (column, value) in enumerate(gaps) if column.missing is not None or _is_nan(value)]


def _is_nan(value: Any) -> bool:
    return not isinstance(value, str) and value != value


# ---------------------------------------------------------------------------------------------------- imputers


def _statistics(unfitted: SimpleImputer, table: Table) -> np.ndarray:
    """What stands for missing values; NaN for columns that are dropped."""
    sums = Sums(table)
    are_categories = any(isinstance(column, Category) for column in table.columns)
    found: list[Any] = []
    for column in table.columns:
        value: Any
        if isinstance(column, Number):
            mean = sums.mean(column)
            value = None if mean is None else float(mean)
            if value is not None and unfitted.strategy in ("median", "most_frequent"):
                assert column.order is not None
                view = OrderView(FixedOrder([column.order], column.order.size + column.order.missing))
                value = float((view.medians() if unfitted.strategy == "median" else view.most_frequent())[0])
        else:
            value = sums.most_frequent(column)
        if value is not None and unfitted.strategy == "constant":
            value = unfitted.fill_value
            if value is None:
                value = "missing_value" if are_categories else 0.0
        if value is None:  # as scikit-learn: 0 stands for a value where there is none
            value = 0.0 if unfitted.keep_empty_features else np.nan
            if unfitted.keep_empty_features and unfitted.strategy == "constant":
                value = unfitted.fill_value if unfitted.fill_value is not None else 0.0
        found.append(value)
    return np.array(found, object if unfitted.strategy == "constant" or are_categories else np.float64)


def _completed_imputer(found: SimpleImputer, table: Table) -> SimpleImputer:
    statistics = found.statistics_
    are_categories = any(isinstance(column, Category) for column in table.columns)
    rows: np.ndarray = np.empty((2, len(statistics)), object if are_categories else np.float64)
    for j, (column, value) in enumerate(zip(table.columns, statistics.tolist(), strict=True)):
        first = "" if are_categories else 0.0
        rows[0, j] = np.nan if _is_nan(value) else first
        rows[1, j] = np.nan if column.missing is not None or _is_nan(value) else first
    found.fit(rows)
    found.statistics_ = statistics
    return found


def _imputed(fitted: SimpleImputer, table: Table) -> Mapping:
    forms: list[dict[int, Fraction]] = []
    columns: list[Column] = []

    def variable(form: dict[int, Fraction]) -> int:
        forms.append({source: factor for source, factor in form.items() if factor})
        return len(forms)

    sums = Sums(table) if table.is_exact and fitted.strategy == "mean" else None
    for column, value in zip(table.columns, fitted.statistics_.tolist(), strict=True):
        if _is_nan(value):
            continue  # a column without any value is dropped
        if isinstance(column, Number):
            form = {column.value: Fraction(1)}
            if column.missing is not None:
                exact = None if sums is None else sums.mean(column)
                form[column.missing] = Fraction(float(value)) if exact is None else exact
            order = None if column.order is None else column.order.filled(float(value))
            columns.append(Number(variable(form), None, order))
            continue
        levels = dict(column.levels)
        by_level = {category: {place: Fraction(1)} for category, place in levels.items()}
        if column.missing is not None:
            by_level.setdefault(value, {})[column.missing] = Fraction(1)
        columns.append(Category(tuple((category, variable(form)) for category, form in _sorted(by_level))))
    for j in indicated(fitted, table):
        missing, order = table.columns[j].missing, getattr(table.columns[j], "order", None)
        place = variable({} if missing is None else {missing: Fraction(1)})
        columns.append(Number(place, None, None if order is None else order.indicator()))
    return LinearMap.of(forms), columns


def _sorted(by_level: dict[Any, Any]) -> list[tuple[Any, Any]]:
    return sorted(by_level.items(), key=lambda item: (isinstance(item[0], str), item[0]))


# ---------------------------------------------------------------------------------------------------- encoders


def _levels(column: Column) -> list[tuple[Any, int]]:
    """Categories and their variables, NaN for missing ones last."""
    assert isinstance(column, Category)
    return [*column.levels, *([] if column.missing is None else [(np.nan, column.missing)])]


def _as_array(values: Sequence[Any]) -> np.ndarray:
    """Categories of one column in the type that scikit-learn's encoders find them in."""
    present = [value for value in values if value == value]
    if present and all(isinstance(value, bool) for value in present) and len(present) == len(values):
        return np.array(values, bool)
    if any(isinstance(value, str) for value in present):
        return np.array(values, object)
    whole = all(isinstance(value, int) for value in values)
    return np.array(values, np.int64 if whole and all(abs(value) < 2**63 for value in values) else np.float64)


def is_one_hot(encoder: Any) -> bool:
    """Whether each category has a column of its own, whatever the categories are."""
    return (
        isinstance(encoder, OneHotEncoder)
        and encoder.drop is None
        and isinstance(encoder.categories, str)
        and encoder.min_frequency is None
        and encoder.max_categories is None
    )


def _is_of_one_kind(column: Column) -> bool:
    texts = [isinstance(category, str) for category, _ in _levels(column) if category == category]
    return all(texts) or not any(texts)


def _one_hot(table: Table) -> Mapping:
    forms = [{variable: Fraction(1)} for column in table.columns for _, variable in _levels(column)]
    return LinearMap.of(forms), [Number(1 + place) for place in range(len(forms))]


def _completed_encoder(unfitted: Any, table: Table) -> Any:
    values = [[category for category, _ in _levels(column)] for column in table.columns]
    n = max(map(len, values), default=0)
    rows = np.empty((n, len(values)), object)
    for j, own in enumerate(values):
        for i in range(n):
            rows[i, j] = own[min(i, len(own) - 1)]
    try:
        if (unfitted.min_frequency, unfitted.max_categories) != (None, None):
            return _with_rare(unfitted, table, values)
        fitted = unfitted.fit(rows)
    except (TypeError, ValueError) as error:
        raise UndefinedAttributeError(
            f"{type(unfitted).__name__} does not take the categories that are held: {error} The model is intact.",
            reason="not encoded",
        ) from error
    given = unfitted.categories
    if isinstance(given, str):
        fitted.categories_ = [_as_array(own) for own in values]
    return fitted


def _with_rare(unfitted: Any, table: Table, values: list[list[Any]]) -> Any:
    """An encoder whose rare categories are one, fitted to the numbers of records that have these."""
    sums, params = Sums(table), unfitted.get_params(deep=False)
    counts = [np.array([int(sums.of(own)) for _, own in _levels(column)], np.int64) for column in table.columns]
    found = fitted_encoder(type(unfitted), params, [_as_array(own) for own in values], counts, int(sums.of(0)))
    for name, value in vars(found).items():
        if name not in params:
            setattr(unfitted, name, value)
    return unfitted


def _encoded(fitted: Any, table: Table) -> Mapping:
    levels = [_levels(column) for column in table.columns]
    base = [own[0][0] for own in levels]
    rows, owners = [base], [(-1, -1)]
    for j, own in enumerate(levels):
        for k, (category, _) in enumerate(own):
            rows.append([*base[:j], category, *base[j + 1 :]])
            owners.append((j, k))
    cells = np.empty((len(rows), len(levels)), object)
    for i, row in enumerate(rows):
        cells[i, :] = row
    bare = copy.copy(fitted)
    vars(bare).pop("feature_names_in_", None)
    set_output_config(bare, {})
    made = bare.transform(cells)
    made = np.asarray(made.toarray() if hasattr(made, "toarray") else made, np.float64)
    forms: list[dict[int, Fraction]] = []
    gaps: dict[int, dict[int, Fraction]] = {}  # by output: where it is NaN
    for place, output in enumerate(made.T):
        is_other = (output != output[0]) & ~(np.isnan(output) & np.isnan(output[0]))
        owner = {owners[i][0] for i in np.flatnonzero(is_other).tolist()}
        form: dict[int, Fraction] = {}
        if owner or np.isnan(output[0]):
            j = owner.pop() if owner else place  # NaN comes of OrdinalEncoder, with an output for each column
            for i, (column, k) in enumerate(owners):
                if column == j:
                    is_gap = np.isnan(output[i])
                    of = gaps.setdefault(place, {}) if is_gap else form
                    of[levels[j][k][1]] = Fraction(1) if is_gap else Fraction(float(output[i]))
        else:
            form = {0: Fraction(float(output[0]))}  # what no category changes
        forms.append({source: factor for source, factor in form.items() if factor})
    variable = {place: 1 + len(forms) + k for k, place in enumerate(gaps)}
    columns: list[Column] = [Number(1 + place, variable.get(place)) for place in range(len(forms))]
    return LinearMap.of([*forms, *gaps.values()]), columns
