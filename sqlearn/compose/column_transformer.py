"""Other steps for other columns of a table, which forget as a whole."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any, ClassVar

from sklearn.compose import ColumnTransformer as PlainColumnTransformer
from sklearn.compose import make_column_transformer as make_plain_column_transformer
from sklearn.utils import Bunch

from sqlearn.compose.side_by_side import SideBySide
from sqlearn.engine.sklearn_private import parameter_constraints
from sqlearn.errors import ParameterError, shown


class ColumnTransformer(SideBySide, PlainColumnTransformer):
    """Steps for some columns of a table beside steps for others, which forget rows exactly as a whole.

    Means, scales, imputed values and categories are those of the rows held *now*: after ``forget`` they are what a
    refit without the row would have computed, bit for bit. A category whose last row goes has no column any more.

    Parameters
    ----------
    transformers : list of (str, estimator, columns)
        As for scikit-learn's, with estimators of this package (pipelines of them too), "drop" or "passthrough"; and
        with scikit-learn's maps of one row alone, such as PolynomialFeatures or FunctionTransformer, as parts of their
        own or first in a pipeline. Columns are names, positions, slices, masks, or a function of the first rows such
        as make_column_selector.
    remainder : {"drop", "passthrough"} or estimator, default="drop"
        What the columns that are not named go through. Dropped columns are no part of a record.
    sparse_threshold : float, default=0.3
        As for scikit-learn's.
    n_jobs : int, default=None
        Has no effect.
    transformer_weights : dict, default=None
        Factors of what comes out of each part, by its name.
    verbose : bool, default=False
        Has no effect.
    verbose_feature_names_out : bool, str or callable, default=True
        As for scikit-learn's.
    keep_records : bool, default=False
        Whether to keep the records, and to fit all parts anew when they are read after an update: then any part serves
        that is deterministic, scikit-learn's too.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    transformers_ : list of (str, estimator, columns)
        scikit-learn's estimators, fitted to the rows held.
    named_transformers_ : Bunch
        The same by their names.
    sparse_output_ : bool
        Whether ``transform`` returns a sparse matrix.
    output_indices_ : dict
        Which columns come from which part.
    n_features_in_ : int
        Number of columns of the rows.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the columns, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    See Also
    --------
    sqlearn.pipeline.Pipeline : Puts a learner behind it.

    Notes
    -----
    The columns that the first rows choose are parameters from then on (see ``fitted_params``), until the next ``fit``.

    A part that is a map of one row alone learns its images: a record is known by these, not by the columns they are
    made of, so ``forget`` accepts another row with the same image.

    Examples
    --------
    >>> from sqlearn.compose import ColumnTransformer
    >>> from sqlearn.preprocessing import StandardScaler
    >>> X = [[0.0, 1.0, 7.0], [2.0, 1.0, 8.0], [1e9, 1.0, 9.0]]
    >>> columns = ColumnTransformer([("scale", StandardScaler(), [0]), ("keep", "passthrough", [2])])
    >>> columns.fit(X).forget(X[2]).transform(X[:2])
    array([[-1.,  7.],
           [ 1.,  8.]])
    """

    _sklearn_class = PlainColumnTransformer
    _not_copied = frozenset({"transformers", "remainder", "verbose_feature_names_out"})
    _parts = "transformers"
    _parameter_constraints: ClassVar[dict] = {
        **parameter_constraints(PlainColumnTransformer),
        "transformer_weights": "no_validation",
        "keep_records": ["boolean"],
    }

    def __init__(
        self,
        transformers: list[tuple[str, Any, Any]],
        *,
        remainder: Any = "drop",
        sparse_threshold: float = 0.3,
        n_jobs: int | None = None,
        transformer_weights: dict[str, float] | None = None,
        verbose: bool = False,
        verbose_feature_names_out: Any = True,
        keep_records: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.transformers = transformers
        self.remainder = remainder
        self.sparse_threshold = sparse_threshold
        self.n_jobs = n_jobs
        self.transformer_weights = transformer_weights
        self.verbose = verbose
        self.verbose_feature_names_out = verbose_feature_names_out
        self.keep_records = keep_records
        self.ledger = ledger
        self.key = key

    def _parts_given(self, params):
        transformers = params["transformers"]
        for part in transformers:
            if not (isinstance(part, tuple | list) and len(part) == 3 and isinstance(part[0], str)):
                raise ParameterError(
                    "A part is a name, an estimator and its columns, as in [('scale', StandardScaler(), [0, 1])], not "
                    f"{shown(part)}.",
                    value=part,
                )
        return [(name, step) for name, step, _ in transformers] + [("remainder", params["remainder"])]

    # ------------------------------------------------------------------ reading

    @property
    def transformers_(self) -> list[Any]:
        """List the parts as estimators of scikit-learn, fitted to the rows held.

        Returns
        -------
        list of (str, estimator, columns)
            The parts.
        """
        found: list[Any] = self._told("transformers_")
        return found

    @property
    def output_indices_(self) -> dict[str, slice]:
        """Which columns come from which part.

        Returns
        -------
        dict
            Slices, by the names of the parts.
        """
        found: dict[str, slice] = self._told("output_indices_")
        return found

    @property
    def sparse_output_(self) -> bool:
        """Whether ``transform`` returns a sparse matrix.

        Returns
        -------
        bool
            Whether it does.
        """
        found: bool = self._told("sparse_output_")
        return found

    @property
    def named_transformers_(self) -> Bunch:
        """The fitted estimators by their names.

        Returns
        -------
        Bunch
            The parts.
        """
        return Bunch(**{name: part for name, part, _ in self.transformers_})

    def __getitem__(self, key: str) -> Any:
        if "_state" not in vars(self):
            raise TypeError("ColumnTransformer is subscriptable after it is fitted")
        if key not in self.named_transformers_:
            raise KeyError(f"'{key}' is not a valid transformer name")
        return self.named_transformers_[key]


def make_column_transformer(
    *transformers: Any,
    remainder: Any = "drop",
    sparse_threshold: float = 0.3,
    n_jobs: int | None = None,
    verbose: bool = False,
    verbose_feature_names_out: Any = True,
    keep_records: bool = False,
    ledger: bool = True,
    key: str | bytes | None = None,
) -> ColumnTransformer:
    """Make a :class:`ColumnTransformer` whose parts are named by their classes.

    Parameters
    ----------
    *transformers : tuples of (estimator, columns)
        The parts.
    remainder : {"drop", "passthrough"} or estimator, default="drop"
        As of :class:`ColumnTransformer`, as are the next ones.
    sparse_threshold : float, default=0.3
        When what comes out is sparse.
    n_jobs : int, default=None
        Has no effect.
    verbose : bool, default=False
        Has no effect.
    verbose_feature_names_out : bool, str or callable, default=True
        What names of outputs are like.
    keep_records, ledger : bool
        Whether to keep records, and a ledger.
    key : str or bytes, default=None
        Secret key of the records' digests.

    Returns
    -------
    ColumnTransformer
        The transformer.

    Examples
    --------
    >>> from sqlearn.compose import make_column_transformer
    >>> from sqlearn.preprocessing import StandardScaler
    >>> make_column_transformer((StandardScaler(), [0])).transformers
    [('standardscaler', StandardScaler(), [0])]
    """
    named = make_plain_column_transformer(*transformers).transformers
    return ColumnTransformer(
        named, remainder=remainder, sparse_threshold=sparse_threshold, n_jobs=n_jobs, verbose=verbose,
        verbose_feature_names_out=verbose_feature_names_out, keep_records=keep_records, ledger=ledger, key=key,
    )  # fmt: skip
