"""What encoders have in common: categories of each column, which come and go with their records."""

import warnings
from dataclasses import replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.engine.model import UnweightedEstimator
from sqlearn.engine.readout import categories_of
from sqlearn.engine.sklearn_private import fitted_encoder, param_names
from sqlearn.engine.sums import Categories
from sqlearn.engine.tables import check_table, is_missing, split
from sqlearn.engine.validation import Features, is_of_input
from sqlearn.errors import InvalidValueError, ParameterError, UndefinedAttributeError, shown
from sqlearn.preprocessing.inverting import Inverts


class Encodes(Inverts, UnweightedEstimator):
    """Base of encoders. Their state is how many records have each category of each column."""

    _statistic = Categories

    @property
    def takes_categories(self) -> bool:
        return True

    # ------------------------------------------------------------------ records

    def _features(self, spec, X, layout):
        found, layout = categorical_features(X, spec.learner, layout)
        return found, layout

    def _check_batch(self, batch):
        given = self.categories
        if isinstance(given, str):
            return
        if len(given) != len(batch.levels):
            raise ParameterError(
                f"Shape mismatch: if categories is an array, it has to be of shape (n_features,), here "
                f"({len(batch.levels)},), and it has {len(given)}. Nothing was changed: list those of each column.",
                value=given,
            )
        known = [given_levels(column, j) for j, column in enumerate(given)]
        if self.handle_unknown != "error":
            return
        for j, (levels, (of_column, takes_missing)) in enumerate(zip(batch.levels, known, strict=True)):
            unknown = [code for code, level in enumerate(levels) if level not in of_column]
            at = np.flatnonzero(np.isin(batch.codes[:, j], unknown) | ((batch.codes[:, j] < 0) & (not takes_missing)))
            if len(at):
                code = batch.codes[at[0], j]
                value = levels[code] if code >= 0 else np.nan
                raise InvalidValueError(
                    f"Found unknown categories [{shown(value)}] in column {j} during fit, first in row {at[0]} "
                    "(counted from 0). Nothing was changed: list it among `categories`, or set handle_unknown.",
                    row=int(at[0]),
                    column=j,
                    value=value,
                    reason="out of range",
                )

    # ------------------------------------------------------------------ reading

    def _held(self, state) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The categories of each column, NaN for the missing one last, and how many records have each."""
        kinds = state.layout.kinds
        found = categories_of(state.statistic, np.zeros(1, np.int64), len(kinds))
        given, categories, counts = state.params["categories"], [], []
        for j, (levels, weights) in enumerate(found):
            numbers = weights[0].astype(np.int64).tolist()
            missing = state.n_records - sum(numbers)
            if not isinstance(given, str):
                known, takes_missing = given_levels(given[j], j)
                held = dict(zip(levels, numbers, strict=True))
                levels, numbers = [*known], [held.get(level, 0) for level in known]
                has_missing = takes_missing
            else:
                has_missing = missing > 0
            categories.append(category_array(levels, kinds[j], has_missing))
            counts.append(np.array([*numbers, *([missing] if has_missing else [])], np.int64))
        return categories, counts

    def _read_out(self, state):
        categories, counts = self._held(state)
        return encoder_attributes(self._sklearn_class, state.params, categories, counts, state.n_records)

    def _check_learned(self, state):
        try:
            self._read_out(state)
        except UndefinedAttributeError as error:
            raise ParameterError(f"{error} Nothing was changed.") from error

    def transform(self, X: Any) -> Any:
        """Encode records.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        array, sparse matrix or frame of shape (n_records, n_features_out)
            The codes; a frame if ``set_output`` asks for one.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        state = self._fitted_state()
        with warnings.catch_warnings():
            plain = with_nan(X)
            if plain is not X and not hasattr(X, "iloc"):
                state.layout.check_names(X, state.learner)
                warnings.filterwarnings("ignore", "X does not have valid feature names")
            return self._answer("transform", plain)


def encoder_attributes(
    peer: Any, params: dict[str, Any], categories: list[np.ndarray], counts: list[np.ndarray], n_records: int
) -> dict[str, Any]:
    """The fitted attributes of an encoder.

    Parameters
    ----------
    peer : type
        scikit-learn's class.
    params : dict
        Its parameters; others are ignored.
    categories, counts : list of ndarray
        Of each column, the categories held in their order, NaN for the missing one last, and how many records have
        each; :func:`category_array` makes the former.
    n_records : int
        How many records are held.

    Returns
    -------
    dict
        The attributes by their names.

    Raises
    ------
    UndefinedAttributeError
        When the parameters do not fit these categories.
    """
    own = {name: params[name] for name in param_names(peer)}
    try:
        fitted = fitted_encoder(peer, own, categories, counts, n_records)
    except (AttributeError, TypeError, ValueError) as error:  # scikit-learn's, of parameters that do not fit these
        if not is_of_input(error, here=False):
            raise
        text = isinstance(error, AttributeError)  # its own mistake, as it says so of text
        why = "Unable to drop a category because it is infrequent" if text else str(error).rstrip(".")
        raise UndefinedAttributeError(
            f"{why}. The parameters of this {peer.__name__} do not fit the categories held: learn rows that have them, "
            "or set others and fit again.",
            reason="not encoded",
        ) from error
    return {name: value for name, value in vars(fitted).items() if name not in own}


def categorical_features(X: Any, learner: str, layout: Any) -> tuple[Features, Any]:
    """A table whose columns are all taken as categories, and its layout."""
    table, found = check_table(X, learner, layout)
    width = found.n_features_in_
    x, codes, levels = split(table, np.ones(width, bool))
    if layout is None:
        found = replace(found, kinds=tuple(_kind(table, j, levels[j]) for j in range(width)))
    for j, (kind, held) in enumerate(zip(found.kinds or (), levels, strict=True)):
        is_text = kind == "text" or (kind == "any" and any(isinstance(level, str) for level in held))
        wrong = [code for code, level in enumerate(held) if isinstance(level, str) != is_text]
        at = np.flatnonzero(np.isin(codes[:, j], wrong))
        if len(at):
            value = held[codes[at[0], j]]
            raise InvalidValueError(
                f"{learner} requires columns that are uniformly strings or numbers: column {j} (counted from 0) holds "
                f"{'text' if is_text else 'numbers'}, and {shown(value)} in row {at[0]}. Nothing was changed: "
                "convert the column to one type.",
                row=int(at[0]),
                column=j,
                value=value,
                reason="not numeric",
            )
    return Features(x, codes, levels), found


def _kind(table: Any, j: int, levels: list[Any]) -> str:
    """What a column holds: "text", "bool", "int" or "float"; "any" without values, where the type tells nothing."""
    if any(isinstance(level, str) for level in levels):
        return "text"
    if isinstance(table, np.ndarray) and table.dtype.kind != "O":
        return {"b": "bool", "i": "int", "u": "int", "f": "float"}.get(table.dtype.kind, "text")
    column = table[:, j]
    if not isinstance(table, np.ndarray) and (column.dtype == nw.Boolean or column.dtype.is_numeric()):
        return "bool" if column.dtype == nw.Boolean else "int" if column.dtype.is_integer() else "float"
    values = [
        value for value in (column if isinstance(table, np.ndarray) else column.to_list()) if not is_missing(value)
    ]
    if not values:
        return "any"
    if all(isinstance(value, bool | np.bool_) for value in values):
        return "bool"
    return "float" if any(isinstance(value, float | np.floating) for value in values) else "int"


def category_array(levels: list[Any], kind: str, has_missing: bool) -> np.ndarray:
    """Categories as scikit-learn has them, with NaN behind them if values may be missing."""
    values = [*levels, np.nan] if has_missing else levels
    if kind == "text" or (kind == "any" and (not levels or isinstance(levels[0], str))):
        found = np.empty(len(values), object)
        found[:] = values
        return found
    if kind == "bool" and not has_missing and set(values) <= {0, 1}:
        return np.array(values, bool)
    if kind == "float" or has_missing or not all(isinstance(value, int) for value in values):
        return np.array(values, np.float64)
    is_small = all(-(1 << 63) <= value < 1 << 63 for value in values)
    return np.array(values, np.int64 if is_small else object)


def given_levels(column: Any, j: int) -> tuple[dict[Any, None], bool]:
    """The categories that a user gives for a column, in this order, and whether NaN is behind them."""
    values = [value.item() if isinstance(value, np.generic) else value for value in column]
    missing = [place for place, value in enumerate(values) if is_missing(value)]
    known = {value: None for value in values if not is_missing(value)}
    numbers = [value for value in known if not isinstance(value, str)]
    if missing not in ([], [len(values) - 1]):
        place = f"see categories {shown(column)} in column #{j}"
        what = f"Nan should be the last element in user provided categories, {place}"
    elif len(known) + len(missing) < len(values):
        what = f"In column {j}, the predefined categories contain duplicate elements"
    elif len(numbers) == len(known) and numbers != sorted(numbers):
        what = "Unsorted categories are not supported for numerical categories"
    else:
        return known, bool(missing)
    raise ParameterError(f"{what}. Nothing was changed: list each category once.", value=column)


def with_nan(X: Any) -> Any:
    """`X` with NaN in place of None and pandas.NA, which scikit-learn would take for other categories."""
    if hasattr(X, "iloc") and hasattr(X, "dtypes") and hasattr(X, "columns"):
        lacking = [name for name, has in X.isna().any().items() if has and X[name].dtype.kind not in "fiub"]
        objects = {name: X[name].astype(object).where(X[name].notna(), np.nan) for name in lacking}
        return X.assign(**objects) if lacking else X
    if isinstance(X, np.ndarray):
        values = X
    elif isinstance(X, list | tuple) or nw.dependencies.is_into_dataframe(X):
        values = np.array(X if isinstance(X, list | tuple) else nw.from_native(X).to_numpy(), object)
    else:
        return X
    if values.dtype != object or values.ndim != 2:
        return X
    lacks = np.array([[value is None or is_missing(value) for value in row] for row in values.tolist()], bool)
    if not lacks.any():
        return X
    filled = values.copy()
    filled[lacks] = np.nan
    return filled
