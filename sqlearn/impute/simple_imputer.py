"""Missing values, filled in with what follows from the records held."""

import warnings
from dataclasses import replace
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import impute as peers

from sqlearn.engine.model import UnweightedEstimator
from sqlearn.engine.ordered import Ordered, OrderView
from sqlearn.engine.readout import categories_of, moments_of
from sqlearn.engine.sklearn_private import fitted_indicator
from sqlearn.engine.sums import Categories, Mixed
from sqlearn.engine.tables import is_missing
from sqlearn.engine.validation import Features, check_features
from sqlearn.errors import InvalidValueError, ParameterError, UnsupportedError, shown
from sqlearn.preprocessing.encoding import categorical_features, with_nan
from sqlearn.preprocessing.inverting import Inverts

_OF_ANY = ("most_frequent", "constant")  # strategies that take text


class SimpleImputer(Inverts, UnweightedEstimator, peers.SimpleImputer):
    """Fill in missing values with the mean, the median, the most frequent value or a constant.

    Parameters
    ----------
    missing_values : int, float, str, numpy.nan or None, default=numpy.nan
        What stands for a missing value. In text, None, NaN and ``pandas.NA`` are one missing value.
    strategy : {"mean", "median", "most_frequent", "constant"}, default="mean"
        What is filled in. A function is refused: it would need all values of a feature at each update.
    fill_value : str or number, default=None
        The constant; 0 by default, "missing_value" in text.
    copy : bool, default=True
        Whether ``transform`` leaves its input alone.
    add_indicator : bool, default=False
        Whether ``transform`` adds a column for each feature that is missing in some record held.
    keep_empty_features : bool, default=False
        Whether features that no record has are kept and filled with 0 (the constant), and not left out.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    statistics_ : float64[d] or object[d]
        What is filled in for each feature; NaN for a feature that is left out.
    indicator_ : MissingIndicator or None
        scikit-learn's, which marks missing values; None for ``add_indicator=False``.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    Means come from exact sums and are rounded once; medians and most frequent values come from ordered multisets
    (docs/order_statistics.md), those of text from the number of records that have each category. Numbers are float64.
    Whether records are numbers or text is fixed by the first ones. `y` is ignored.

    Examples
    --------
    >>> import numpy as np
    >>> from sqlearn.impute import SimpleImputer
    >>> imputer = SimpleImputer(strategy="median").fit([[1.0], [2.0], [np.nan], [1e12]])
    >>> imputer.statistics_
    array([2.])
    >>> imputer.forget([1e12]).transform([[np.nan]])
    array([[1.5]])
    """

    _sklearn_class = peers.SimpleImputer
    _statistic = Ordered

    def __init__(
        self,
        *,
        missing_values: Any = np.nan,
        strategy: str = "mean",
        fill_value: Any = None,
        copy: bool = True,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.missing_values = missing_values
        self.strategy = strategy
        self.fill_value = fill_value
        self.copy = copy
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.ledger = ledger
        self.key = key

    @property
    def takes_categories(self) -> bool:
        return self.strategy in _OF_ANY

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if not isinstance(params["strategy"], str):
            raise ParameterError(
                "A function as strategy would need all values of a feature at each update. Nothing was changed: use "
                "'mean', 'median', 'most_frequent' or 'constant'.",
                value=params["strategy"],
            )

    # ------------------------------------------------------------------ records

    def _features(self, spec, X, layout):
        is_text = _holds_text(X) if layout is None else layout.kinds is not None
        if is_text and self.strategy in _OF_ANY:
            return self._text(spec, X, layout)
        missing, marks = self.missing_values, not is_missing(self.missing_values)
        if marks and not isinstance(missing, Real):
            raise ParameterError(
                f"'X' and 'missing_values' types are expected to be both numerical. Got X of numbers, and "
                f"missing_values={shown(missing)}. Nothing was changed: set a number, or numpy.nan.",
                value=missing,
            )
        if sp.issparse(X) and marks and missing == 0:
            raise UnsupportedError(
                "Imputation not possible when missing_values == 0 and input is sparse. Provide a dense array instead. "
                "Nothing was changed.",
                reason="sparse",
            )
        fill = self.fill_value
        if self.strategy == "constant" and fill is not None and not isinstance(fill, Real):
            raise ParameterError(
                f"fill_value={fill!r} (of type {type(fill)!r}) cannot be cast to the input data that is float64. "
                "Nothing was changed: set a number.",
                value=fill,
            )
        found, layout = check_features(replace(spec, allow_nan=not marks), X, layout)
        if marks:
            x: Any = found.x
            x = x.toarray() if sp.issparse(x) else x
            found = found._replace(x=np.where(x == missing, np.nan, x))
        return found, layout

    def _text(self, spec, X, layout):
        """Categories of each column."""
        if sp.issparse(X):
            raise UnsupportedError(
                "A sparse matrix holds numbers, and this imputer text. Nothing was changed: pass what it was fitted "
                "on.",
                reason="sparse",
            )
        found, layout = categorical_features(X, spec.learner, layout)
        marks = not is_missing(self.missing_values)
        codes = found.codes.copy()
        lacking = np.argwhere(codes < 0)
        if marks and len(lacking):
            row, column = lacking[0].tolist()
            raise InvalidValueError(
                f"Input X contains NaN or None, first in row {row}, column {column} (counted from 0), and "
                f"missing_values is {shown(self.missing_values)}. Nothing was changed: mark all that is missing alike.",
                row=row,
                column=column,
                reason="not finite",
            )
        if marks:
            for j, levels in enumerate(found.levels):
                if self.missing_values in levels:
                    codes[codes[:, j] == levels.index(self.missing_values), j] = -1
        return Features(found.x, codes, found.levels), layout

    def _new_statistic(self, params, n_features, n_targets):
        if not n_features:  # all columns are categories
            return Categories(0, 0)
        return (Mixed if params["strategy"] in ("mean", "constant") else Ordered)(n_features, n_targets)

    # ------------------------------------------------------------------ reading

    def _read_out(self, state):
        params, statistic = state.params, state.statistic
        is_text, n = isinstance(statistic, Categories), state.n_records
        if is_text:
            found = categories_of(statistic, np.zeros(1, np.int64), len(state.layout.kinds))
            present = np.array([weights.sum() for _, weights in found])
            fill = np.full(len(found), np.nan, object)
            for j, (levels, weights) in enumerate(found):
                if len(levels):
                    fill[j] = levels[int(np.argmax(weights[0]))]
        elif isinstance(statistic, Ordered):
            view = OrderView(statistic)
            present = view.sizes
            fill = view.medians() if params["strategy"] == "median" else view.most_frequent()
        else:
            moments = moments_of(statistic, None)
            present, fill = moments.weight()[0], moments.mean()[0]
        return imputer_attributes(params, fill, present == 0, present < n, is_text=is_text)

    def transform(self, X: Any) -> Any:
        """Fill in missing values.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        array, sparse matrix or frame of shape (n_records, n_features_out)
            The records without missing values; a frame if ``set_output`` asks for one.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        state = self._fitted_state()
        with warnings.catch_warnings():
            if state.layout.kinds is not None:
                plain = with_nan(X)
                if plain is not X and not hasattr(X, "iloc"):
                    state.layout.check_names(X, state.learner)
                    warnings.filterwarnings("ignore", "X does not have valid feature names")
                return self._answer("transform", plain)
            if isinstance(X, np.ndarray) and X.dtype.kind in "iub":
                X = X.astype(np.float64)
            return self._answer("transform", X)


def imputer_attributes(
    params: dict[str, Any], statistics: np.ndarray, is_empty: np.ndarray, has_missing: np.ndarray, *, is_text: bool
) -> dict[str, Any]:
    """The fitted attributes of an imputer.

    Parameters
    ----------
    params : dict
        Its parameters.
    statistics : float64[d] or object[d]
        What the strategy gives for each column; of no effect where it is "constant".
    is_empty, has_missing : bool[d]
        Which columns have no value in any record held, and which lack one in some.
    is_text : bool
        Whether records are text.

    Returns
    -------
    dict
        The attributes by their names.
    """
    constant = params["strategy"] == "constant"
    value = params["fill_value"] if constant else 0
    if value is None:
        value = "missing_value" if is_text else 0
    fill = np.full(len(statistics), value, object) if constant else statistics.copy()
    fill[is_empty] = value if params["keep_empty_features"] else np.nan
    dtype = np.dtype(object if is_text else np.float64)
    indicator = fitted_indicator(params["missing_values"], has_missing) if params["add_indicator"] else None
    return {"statistics_": fill, "indicator_": indicator, "_fit_dtype": dtype, "_fill_dtype": dtype}


def _holds_text(X: Any) -> bool:
    """Whether rows hold text, in part at least."""
    if sp.issparse(X):
        return False
    dtypes = getattr(X, "dtypes", None)
    if dtypes is not None and not isinstance(X, np.ndarray):  # of a frame
        return any(getattr(dtype, "kind", "O") not in "fiub" and not _is_numeric(dtype) for dtype in dtypes)
    values = np.asarray(X, object) if isinstance(X, list | tuple) else np.asarray(X)
    if values.dtype.kind == "O":
        return any(isinstance(value, str) for value in values.ravel().tolist())
    return values.dtype.kind in "UST"


def _is_numeric(dtype: Any) -> bool:
    """Whether a column type of polars is one of numbers."""
    return bool(getattr(dtype, "is_numeric", lambda: False)()) or str(dtype) in ("Boolean", "Null")
