"""Other steps for other columns of a table, which forget as a whole."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import compose as peers
from sklearn.base import clone
from sklearn.utils import Bunch, Tags

from sqlearn.compose.chains.chain import Chain
from sqlearn.compose.chains.columns import is_idle
from sqlearn.compose.composed import Composed, Plan
from sqlearn.compose.planning import check_names, own_class
from sqlearn.engine.model import ExactEstimator, Steps
from sqlearn.engine.sklearn_private import parameter_constraints
from sqlearn.errors import ParameterError, shown


class ColumnTransformer(Composed, peers.ColumnTransformer):
    """Steps for some columns of a table beside steps for others, which forget rows exactly as a whole.

    Means, scales, imputed values and categories are those of the rows held *now*: after ``forget`` they are what a
    refit without the row would have computed, bit for bit. A category whose last row goes has no column any more.

    Parameters
    ----------
    transformers : list of (str, estimator, columns)
        As for scikit-learn's, with estimators of this package (pipelines of them too), "drop" or "passthrough".
        Columns are names, positions, slices, masks, or a function of the first rows such as make_column_selector.
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

    _sklearn_class = peers.ColumnTransformer
    _not_copied = frozenset({"transformers", "remainder", "verbose_feature_names_out"})
    _parts = "transformers"
    _parameter_constraints: ClassVar[dict] = {
        **parameter_constraints(peers.ColumnTransformer),
        "transformer_weights": "no_validation",
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
        self.ledger = ledger
        self.key = key

    @property
    def _learner(self) -> Any:
        """A transformer."""
        return _Transforming()

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        check_transformers(params["transformers"], params["remainder"], self.get_params(deep=False))
        weights = params["transformer_weights"]
        for name, weight in (weights or {}).items():
            if name not in [part[0] for part in params["transformers"]] or not np.isfinite(weight):
                raise ParameterError(
                    f"transformer_weights names {shown(name)}: {shown(weight)}. Pass a number for a part."
                )

    def _plan(self, params):
        own = {name: params[name] for name in ("ledger", "key")}
        step = clone(self).set_params(ledger=True, key=None)
        in_force = {name: value for name, value in params.items() if name not in own}
        return Plan(Chain(Steps([("columns", step)]), name="ColumnTransformer", **own), in_force, [], ["columns"])

    def _fixed_params(self, params, steps):
        return params | {"transformers": steps["columns"].transformers, "remainder": steps["columns"].remainder}

    def __sklearn_tags__(self) -> Tags:
        try:
            return self._planned().model.__sklearn_tags__()
        except (ValueError, TypeError, AttributeError):  # of parts that `fit` will refuse
            return peers.ColumnTransformer.__sklearn_tags__(self)

    # ------------------------------------------------------------------ reading

    def _fitted(self) -> Any:
        return self._model().reads()[0].fitted

    def to_sklearn(self) -> Any:
        """Return a fitted ColumnTransformer of scikit-learn's.

        It holds nothing of the model's state, so it cannot forget, and its attributes may be changed.

        Returns
        -------
        sklearn.compose.ColumnTransformer
            The transformer.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine nothing.

        Examples
        --------
        >>> from sqlearn.compose import ColumnTransformer
        >>> from sqlearn.preprocessing import StandardScaler
        >>> columns = ColumnTransformer([("scale", StandardScaler(), [0])]).fit([[0.0], [2.0]])
        >>> columns.to_sklearn().transform([[4.0]])
        array([[3.]])
        """
        return self._model().to_sklearn().steps[0][1]

    def fitted_attributes(self) -> dict[str, Any]:
        """Return all fitted attributes, those of a part after its name, as in ``scale__mean_``.

        Returns
        -------
        dict
            The attributes by their names.
        """
        return {name.removeprefix("columns__"): value for name, value in super().fitted_attributes().items()}

    @property
    def transformers_(self) -> list[Any]:
        """Estimators of scikit-learn, fitted to the rows held."""
        found: list[Any] = self._told("transformers_")
        return found

    @property
    def output_indices_(self) -> dict[str, slice]:
        """Which columns come from which part."""
        found: dict[str, slice] = self._told("output_indices_")
        return found

    @property
    def sparse_output_(self) -> bool:
        """Whether ``transform`` returns a sparse matrix."""
        found: bool = self._told("sparse_output_")
        return found

    @property
    def named_transformers_(self) -> Bunch:
        """The fitted estimators by their names."""
        return Bunch(**{name: part for name, part, _ in self.transformers_})

    def _told(self, name: str) -> Any:
        if "_state" not in vars(self):
            raise AttributeError(f"This ColumnTransformer is not fitted yet, so it has no {name}.")
        return getattr(self.to_sklearn(), name)

    def __getitem__(self, key: str) -> Any:
        if "_state" not in vars(self):
            raise TypeError("ColumnTransformer is subscriptable after it is fitted")
        if key not in self.named_transformers_:
            raise KeyError(f"'{key}' is not a valid transformer name")
        return self.named_transformers_[key]

    def set_output(self, *, transform: str | None = None) -> Self:
        """Set what ``transform`` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            As for scikit-learn's.

        Returns
        -------
        Self
            The transformer itself.
        """
        peers.ColumnTransformer.set_output(self, transform=transform)
        if "_state" in vars(self):
            state = self._fitted_state()
            peers.ColumnTransformer.set_output(state.params["plan"].steps_of(state)["columns"], transform=transform)
            state.fitted_sklearn = None
        return self

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns of ``transform``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns, if the first records had none.

        Returns
        -------
        ndarray of str
            The names.
        """
        found: np.ndarray = self._model().get_feature_names_out(input_features)
        return found


class _Transforming:
    """What a ColumnTransformer does."""

    def transform(self, X: Any) -> Any:
        """Return the rows."""
        return X


def check_transformers(transformers: Any, remainder: Any, params: dict[str, Any]) -> None:
    """Refuse what is no list of named parts of this package's estimators.

    Raises
    ------
    ParameterError
        At names, at parts that cannot forget.
    TypeError
        At parts that are no transformers.
    """
    for part in transformers:
        if not (isinstance(part, tuple | list) and len(part) == 3 and isinstance(part[0], str)):
            raise ParameterError(
                "A part is a name, an estimator and its columns, as in [('scale', StandardScaler(), [0, 1])], not "
                f"{shown(part)}.",
                value=part,
            )
    check_names([name for name, _, _ in transformers], params)
    for name, step in [(name, step) for name, step, _ in transformers] + [("remainder", remainder)]:
        if (isinstance(step, str) and step == "drop") or (is_idle(step) and step is not None):
            continue
        if isinstance(step, type):
            raise TypeError(
                f"Expected an estimator instance ({step.__name__}()), got estimator class instead ({name})."
            )
        if not (hasattr(step, "fit") and hasattr(step, "transform")):
            raise TypeError(
                "All estimators should implement fit and transform, or can be 'drop' or 'passthrough' specifiers. "
                f"'{step}' (type {type(step)}) doesn't."
            )
        if not isinstance(step, ExactEstimator):
            own = own_class(step)
            advice = f"Take {own}." if own else "Put what learns nothing from rows in front of the ColumnTransformer."
            raise ParameterError(
                f"The part {name} is {shown(step)}, which cannot forget here. {advice}",
                value=step,
            )


def make_column_transformer(
    *transformers: Any,
    remainder: Any = "drop",
    sparse_threshold: float = 0.3,
    n_jobs: int | None = None,
    verbose: bool = False,
    verbose_feature_names_out: Any = True,
    ledger: bool = True,
    key: str | bytes | None = None,
) -> ColumnTransformer:
    """Make a :class:`ColumnTransformer` whose parts are named by their classes.

    Parameters
    ----------
    *transformers : tuples of (estimator, columns)
        The parts.
    remainder, sparse_threshold, n_jobs, verbose, verbose_feature_names_out, ledger, key
        As of :class:`ColumnTransformer`.

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
    named = peers.make_column_transformer(*transformers).transformers
    return ColumnTransformer(
        named, remainder=remainder, sparse_threshold=sparse_threshold, n_jobs=n_jobs, verbose=verbose,
        verbose_feature_names_out=verbose_feature_names_out, ledger=ledger, key=key,
    )  # fmt: skip
