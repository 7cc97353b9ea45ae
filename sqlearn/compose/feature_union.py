"""Several transformers of the same rows, side by side, which forget as a whole."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from numbers import Integral
from typing import Any, ClassVar

from sklearn.pipeline import FeatureUnion as PlainFeatureUnion
from sklearn.pipeline import make_union as make_plain_union
from sklearn.utils import Bunch

from sqlearn.compose.side_by_side import SideBySide
from sqlearn.errors import ParameterError, shown

__all__ = ["FeatureUnion", "make_union"]


class FeatureUnion(SideBySide, PlainFeatureUnion):
    """Several transformers of the same rows, whose outputs stand side by side; it forgets rows exactly as a whole.

    After ``forget``, each part is what it would be after a fit to the rows that are left, bit for bit.

    Parameters
    ----------
    transformer_list : list of (str, estimator)
        Names and parts: transformers of this package, pipelines of them, "drop" or "passthrough"; and scikit-learn's
        maps of one row alone, such as PolynomialFeatures, as parts of their own or first in a pipeline. They are not
        changed: ``named_transformers`` has the fitted ones.
    n_jobs : int, default=None
        Has no effect.
    transformer_weights : dict, default=None
        Factors of what comes out of each part, by its name.
    verbose : bool, default=False
        Has no effect.
    verbose_feature_names_out : bool, default=True
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
    named_transformers : Bunch
        The parts by their names; once fitted, scikit-learn's estimators, fitted to the rows held.
    n_features_in_ : int
        Number of columns of the rows.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the columns, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    See Also
    --------
    make_union : Names the parts by their classes.
    sqlearn.compose.ColumnTransformer : Other parts for other columns.

    Examples
    --------
    >>> from sqlearn.decomposition import PCA
    >>> from sqlearn.pipeline import FeatureUnion
    >>> from sqlearn.preprocessing import MinMaxScaler
    >>> X = [[0.0, 1.0], [2.0, 1.0], [4.0, 1.0], [1e9, 1.0]]
    >>> union = FeatureUnion([("range", MinMaxScaler()), ("pca", PCA(1))]).fit(X)
    >>> union.forget(X[3]).transform(X[:3])
    array([[ 0. ,  0. , -2. ],
           [ 0.5,  0. ,  0. ],
           [ 1. ,  0. ,  2. ]])
    """

    _sklearn_class = PlainFeatureUnion
    _not_copied = frozenset({"transformer_list"})
    _parts = "transformer_list"
    _parameter_constraints: ClassVar[dict] = {
        "transformer_list": "no_validation",
        "n_jobs": [Integral, None],
        "transformer_weights": [dict, None],
        "verbose": ["boolean"],
        "verbose_feature_names_out": ["boolean"],
        "keep_records": ["boolean"],
    }

    def __init__(
        self,
        transformer_list: list[tuple[str, Any]],
        *,
        n_jobs: int | None = None,
        transformer_weights: dict[str, float] | None = None,
        verbose: bool = False,
        verbose_feature_names_out: bool = True,
        keep_records: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.transformer_list = transformer_list
        self.n_jobs = n_jobs
        self.transformer_weights = transformer_weights
        self.verbose = verbose
        self.verbose_feature_names_out = verbose_feature_names_out
        self.keep_records = keep_records
        self.ledger = ledger
        self.key = key

    def _parts_given(self, params):
        for part in params["transformer_list"]:
            if not (isinstance(part, tuple | list) and len(part) == 2 and isinstance(part[0], str)):
                raise ParameterError(
                    "A part is a pair of a name and a transformer, as in [('scale', StandardScaler())], not "
                    f"{shown(part)}.",
                    value=part,
                )
        if not len(params["transformer_list"]):
            raise ParameterError("The FeatureUnion is empty. Please add parts.")
        return [(name, step) for name, step in params["transformer_list"]]

    @property
    def named_transformers(self) -> Bunch:
        """The parts by their names; once fitted, scikit-learn's, fitted to the rows held.

        Returns
        -------
        Bunch
            The parts.
        """
        if "_state" not in vars(self):
            return Bunch(**dict(self.transformer_list))
        found: Bunch = self._told("named_transformers")
        return found


def make_union(
    *transformers: Any,
    n_jobs: int | None = None,
    verbose: bool = False,
    verbose_feature_names_out: bool = True,
    keep_records: bool = False,
    ledger: bool = True,
    key: str | bytes | None = None,
) -> FeatureUnion:
    """Make a :class:`FeatureUnion` whose parts are named by their classes.

    Parameters
    ----------
    *transformers : estimators
        The parts.
    n_jobs : int, default=None
        As of :class:`FeatureUnion`, as are the next ones: without effect.
    verbose, verbose_feature_names_out : bool
        Whether to print (without effect), and whether names of outputs have those of the parts.
    keep_records, ledger : bool
        Whether to keep records, and a ledger.
    key : str or bytes, default=None
        Secret key of the records' digests.

    Returns
    -------
    FeatureUnion
        The union.

    Examples
    --------
    >>> from sqlearn.decomposition import PCA
    >>> from sqlearn.pipeline import make_union
    >>> from sqlearn.preprocessing import StandardScaler
    >>> [name for name, _ in make_union(StandardScaler(), PCA()).transformer_list]
    ['standardscaler', 'pca']
    """
    named = make_plain_union(*transformers).transformer_list
    return FeatureUnion(
        named, n_jobs=n_jobs, verbose=verbose, verbose_feature_names_out=verbose_feature_names_out,
        keep_records=keep_records, ledger=ledger, key=key,
    )  # fmt: skip
