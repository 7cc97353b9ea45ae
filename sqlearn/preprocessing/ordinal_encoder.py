"""Categories as numbers, which follow the records held."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from sklearn import preprocessing as peers

from sqlearn.preprocessing.encoding import Encodes


class OrdinalEncoder(Encodes, peers.OrdinalEncoder):
    """The number of each category among those held, in their order.

    Parameters
    ----------
    categories : "auto" or list of array-like, default="auto"
        The categories of each column: those held, sorted, or a list of them.
    dtype : number type, default=numpy.float64
        Type of what ``transform`` returns.
    handle_unknown : {"error", "use_encoded_value"}, default="error"
        What ``transform`` does with a category that no record has.
    unknown_value : int or numpy.nan, default=None
        What it returns for one, if not an error.
    encoded_missing_value : int or numpy.nan, default=numpy.nan
        What it returns for a missing value.
    min_frequency : int or float, default=None
        Categories of fewer records, or of a smaller share of them, are infrequent and have one number together.
    max_categories : int, default=None
        How many numbers a feature has at most; the rarest categories are infrequent.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    categories_ : list of array
        Categories of each column, sorted; NaN, for a missing value, last.
    infrequent_categories_ : list of array or None
        Infrequent categories of each column.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As :class:`OneHotEncoder`. When a category goes with its last record, the numbers of those behind it move up, as in
    a refit.

    Examples
    --------
    >>> from sqlearn.preprocessing import OrdinalEncoder
    >>> encoder = OrdinalEncoder().fit([["a"], ["b"], ["c"]])
    >>> encoder.transform([["c"]])
    array([[2.]])
    >>> encoder.forget([["b"]]).transform([["c"]])
    array([[1.]])
    """

    _sklearn_class = peers.OrdinalEncoder

    def __init__(
        self,
        *,
        categories: str | list[Any] = "auto",
        dtype: DTypeLike = np.float64,
        handle_unknown: str = "error",
        unknown_value: float | None = None,
        encoded_missing_value: float = np.nan,
        min_frequency: int | float | None = None,
        max_categories: int | None = None,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.categories = categories
        self.dtype = dtype
        self.handle_unknown = handle_unknown
        self.unknown_value = unknown_value
        self.encoded_missing_value = encoded_missing_value
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.ledger = ledger
        self.key = key

    @property
    def infrequent_categories_(self) -> list[np.ndarray | None]:
        """Infrequent categories of each column.

        Returns
        -------
        list of array or None
            None where there are none.
        """
        return self._fitted_sklearn().infrequent_categories_
