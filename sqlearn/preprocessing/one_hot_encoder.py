"""Categories as columns of zeros and ones, which follow the records held."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn import preprocessing as peers

from sqlearn.preprocessing.encoding import Encodes


class OneHotEncoder(Encodes, peers.OneHotEncoder):
    """A column of zeros and ones for each category held.

    Parameters
    ----------
    categories : "auto" or list of array-like, default="auto"
        The categories of each column: those held, or a list of them.
    drop : {"first", "if_binary"}, array-like of shape (n_features,) or None, default=None
        Which category of each column gets no column: the first; the first of two; the ones listed; none.
    sparse_output : bool, default=True
        Whether ``transform`` returns a sparse matrix.
    dtype : number type, default=numpy.float64
        Type of what ``transform`` returns.
    handle_unknown : {"error", "ignore", "infrequent_if_exist", "warn"}, default="error"
        What ``transform`` does with a category that no record has: as scikit-learn's.
    min_frequency : int or float, default=None
        Categories of fewer records, or of a smaller share of them, are infrequent and have one column together.
    max_categories : int, default=None
        How many columns a feature has at most; the rarest categories are infrequent.
    feature_name_combiner : "concat" or callable, default="concat"
        Makes the name of a column from those of feature and category.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    categories_ : list of array
        Categories of each column, sorted; NaN, for a missing value, last.
    drop_idx_ : object[d] or None
        Which category of each column is dropped.
    infrequent_categories_ : list of array or None
        Infrequent categories of each column.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The state is the exact number of records that have each category: with its last record a category goes, and its
    column with it. 1, 1.0 and True are one category; None, NaN and ``pandas.NA`` are one missing value. Whether a
    column holds integers, floats or text is fixed by the type that the first records have, as the type of labels is,
    and digests tell of it: ``fit([[1], [2.5]])`` holds floats, and ``fit([[1]]).partial_fit([[2.5]])``, which answers
    alike, integers. Records that lack the value, in a list or of dtype object, leave it open. Text is always of dtype
    object. `y` is ignored.

    Examples
    --------
    >>> from sqlearn.preprocessing import OneHotEncoder
    >>> encoder = OneHotEncoder(sparse_output=False).fit([["a"], ["b"], ["typo"]])
    >>> encoder.forget([["typo"]]).categories_
    [array(['a', 'b'], dtype=object)]
    >>> encoder.transform([["b"]])
    array([[0., 1.]])
    """

    _sklearn_class = peers.OneHotEncoder

    def __init__(
        self,
        *,
        categories: str | list[Any] = "auto",
        drop: str | ArrayLike | None = None,
        sparse_output: bool = True,
        dtype: DTypeLike = np.float64,
        handle_unknown: str = "error",
        min_frequency: int | float | None = None,
        max_categories: int | None = None,
        feature_name_combiner: str | Callable[[Any, Any], str] = "concat",
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.categories = categories
        self.drop = drop
        self.sparse_output = sparse_output
        self.dtype = dtype
        self.handle_unknown = handle_unknown
        self.min_frequency = min_frequency
        self.max_categories = max_categories
        self.feature_name_combiner = feature_name_combiner
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
