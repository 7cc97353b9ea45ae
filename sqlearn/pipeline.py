"""Pipelines that forget as a whole: what every step has learned of a row goes with the row."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline as PlainPipeline
from sklearn.pipeline import make_pipeline as make_plain_pipeline
from sklearn.utils import Bunch
from sklearn.utils.metaestimators import available_if

from sqlearn.compose.chains.columns import is_idle
from sqlearn.compose.composed import Composed, refuse_metadata, same_output
from sqlearn.compose.feature_union import FeatureUnion, make_union
from sqlearn.compose.planning import check_steps, plan_of
from sqlearn.engine.sklearn_private import parameter_constraints
from sqlearn.errors import ParameterError

__all__ = ["FeatureUnion", "Pipeline", "make_pipeline", "make_union"]


class _Idle:
    """The last step of a pipeline that ends with "passthrough"."""

    def transform(self, X: Any) -> Any:
        """Return the rows."""
        return X


class Pipeline(Composed, PlainPipeline):
    """Steps one behind the other, which forget rows exactly as a whole.

    After ``forget``, each step is what it would be after a fit to the rows that are left: the means that scale, the
    components, the features selected, and the learner behind them, bit for bit. Only the rows' sums are kept, or the
    rows if a step keeps them.

    Parameters
    ----------
    steps : list of (str, estimator)
        Names and steps, of this package, or scikit-learn's where they learn nothing from rows and stand in front
        (PolynomialFeatures, say); or "passthrough". They are not changed. docs/pipelines.md has a table of what may
        stand in front of what. Parameters of steps are set as ``step__parameter``.
    transform_input : None
        Others are refused.
    memory : None
        Others are refused: a cache would remember rows.
    verbose : bool, default=False
        Without effect.
    keep_records : bool, default=False
        Whether to keep the records, and to fit all steps anew when one is read after an update: then any step serves
        that is deterministic, scikit-learn's too. So it is, whatever this says, where the last step keeps its records
        anyway and is no adaptive learner, such as a forest behind a scaler.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    named_steps : Bunch
        The steps by their names; of a fitted pipeline, each in the state that it has now: their attributes can be read
        (``pipe.named_steps["pca"].components_``), and follow every update of the pipeline.
    classes_ : array of shape (n_classes,)
        The classes held, if the last step is a classifier.
    n_features_in_ : int
        Number of columns of the rows.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the columns, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    See Also
    --------
    make_pipeline : Names the steps by their classes.
    sqlearn.compose.ColumnTransformer : Other steps for other columns.
    sqlearn.verify : Compares a model with its refit.

    Notes
    -----
    A record is the row as it comes in, with its label and weight. The state is the exact Gram matrix of these rows. The
    transform of a step is a linear map, so what comes out of it has a Gram matrix that is a product of exact matrices:
    no row is read again, whatever the means and scales now are. Weights, where all steps take them, count in all steps.

    Examples
    --------
    >>> from sqlearn.decomposition import PCA
    >>> from sqlearn.linear_model import Ridge
    >>> from sqlearn.pipeline import Pipeline
    >>> from sqlearn.preprocessing import StandardScaler
    >>> X, y = [[0.0, 1.0], [2.0, 0.0], [4.0, 5.0], [1e9, -1e9]], [1.0, 2.0, 9.0, 0.0]
    >>> steps = [("scale", StandardScaler()), ("pca", PCA(1)), ("ridge", Ridge())]
    >>> pipe = Pipeline(steps).fit(X, y)
    >>> pipe.forget([1e9, -1e9], 0.0).named_steps["scale"].mean_
    array([2., 2.])
    >>> pipe.digest() == Pipeline(steps).fit(X[:3], y[:3]).digest()
    True
    """

    _sklearn_class = PlainPipeline
    _not_copied = frozenset({"steps"})
    _parts = "steps"
    _parameter_constraints: ClassVar[dict] = {
        **parameter_constraints(PlainPipeline),
        "memory": "no_validation",
        "keep_records": ["boolean"],
    }

    def __init__(
        self,
        steps: list[tuple[str, Any]],
        *,
        transform_input: list[str] | None = None,
        memory: Any = None,
        verbose: bool = False,
        keep_records: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.steps = steps
        self.transform_input = transform_input
        self.memory = memory
        self.verbose = verbose
        self.keep_records = keep_records
        self.ledger = ledger
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        check_steps(params["steps"], self.get_params(deep=False))
        if params["memory"] is not None:
            raise ParameterError(
                "memory would keep what steps have learned of rows on disk after they are forgotten, and has nothing "
                "to save: the steps are read from sums. Leave it None.",
            )
        if params["transform_input"] is not None:
            raise ParameterError("transform_input has no meaning here: no step takes other rows. Leave it None.")

    def _plan(self, params):
        return plan_of(list(params["steps"]), params)

    def _fixed_params(self, params, steps):
        return params | {"steps": [(name, steps.get(name, step)) for name, step in params["steps"]]}

    def _steps_in_force(self) -> list[tuple[str, Any]]:
        state = self.__dict__.get("_state")
        found: list[tuple[str, Any]] = self.steps if state is None else state.params["plan"].params["steps"]
        return found

    @property
    def _learner(self) -> Any:
        """The last step in force."""
        steps = self._steps_in_force()
        last = steps[-1][1] if len(steps) else None
        return _Idle() if is_idle(last) else last

    # ------------------------------------------------------------------ learning

    def fit(
        self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Self:  # fmt: skip
        """Learn these records alone; what was learned before is dropped.

        Parameters
        ----------
        X : array-like, sparse matrix, frame or list of str
            Records, as the first step takes them.
        y : array-like of shape (n_records,) or (n_records, n_targets), default=None
            Labels or targets, if a step takes any.
        sample_weight : array-like of shape (n_records,), default=None
            Weights of the records, where all steps take weights; they count in all of them.
        **params : dict
            Weights in scikit-learn's spelling, ``step__sample_weight``, for all steps that take weights.

        Returns
        -------
        Self
            The pipeline itself.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.linear_model import LinearRegression
        >>> from sqlearn.pipeline import make_pipeline
        >>> from sqlearn.preprocessing import StandardScaler
        >>> pipe = make_pipeline(StandardScaler(), LinearRegression()).fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0])
        >>> pipe.predict([[4.0]])
        array([9.])
        """
        if params:
            sample_weight = self._weights_of(params, sample_weight)
        return self._fit_alone(X, y, sample_weight)

    def _weights_of(self, params: dict[str, Any], sample_weight: Any) -> Any:
        weights = []
        for name, value in params.items():
            step, _, parameter = name.partition("__")
            if parameter != "sample_weight" or step not in dict(self.steps):
                refuse_metadata(self, {name: value})
            weights.append(value)
        takes = {name for name, step in self.steps if getattr(step, "takes_weights", False)}
        named = {name.partition("__")[0] for name in params}
        same = all(np.array_equal(np.asarray(weights[0]), np.asarray(value)) for value in weights[1:])
        if sample_weight is not None or not same or named != takes:
            raise ParameterError(
                "Weights of records count in all steps that forget, in the means that scale as in the learner. Nothing "
                "was changed: pass sample_weight, without the name of a step."
            )
        return weights[0]

    # ------------------------------------------------------------------ reading

    def to_sklearn(self) -> Any:
        """Return a fitted pipeline of scikit-learn's, with steps of the same names.

        It holds nothing of the model's state, so it cannot forget, and its attributes may be changed.

        Returns
        -------
        sklearn.pipeline.Pipeline
            The pipeline.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        UndefinedAttributeError
            If the records held determine no model.

        Examples
        --------
        >>> from sqlearn.linear_model import LinearRegression
        >>> from sqlearn.pipeline import make_pipeline
        >>> from sqlearn.preprocessing import StandardScaler
        >>> pipe = make_pipeline(StandardScaler(), LinearRegression()).fit([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0])
        >>> pipe.to_sklearn().predict([[4.0]])
        array([9.])
        """
        made = self._parts_made()
        steps = self._fitted_state().params["plan"].params["steps"]
        return PlainPipeline([(name, made.get(name, step)) for name, step in steps])

    @property
    def named_steps(self) -> Bunch:
        """The steps by their names; once fitted, in the state that they have now.

        Returns
        -------
        Bunch
            The steps.
        """
        if "_state" not in vars(self):
            return Bunch(**dict(self.steps))
        return self._named()

    def _named(self) -> Bunch:
        found = self._parts_read()
        steps = self._fitted_state().params["plan"].params["steps"]
        return Bunch(**{name: found.get(name, step) for name, step in steps})

    @property
    def classes_(self) -> np.ndarray:
        """The classes held.

        Returns
        -------
        ndarray of shape (n_classes,)
            Their labels, sorted.
        """
        if "_state" not in vars(self):
            raise AttributeError("This Pipeline is not fitted yet, so it has no classes_.")
        found: np.ndarray = self._learner_now().classes_
        return found

    def _learner_now(self) -> Any:
        """The last step, in the state that it has now."""
        return self._named()[self._fitted_state().params["plan"].params["steps"][-1][0]]

    def __getitem__(self, ind: Any) -> Any:
        if isinstance(ind, slice) or "_state" not in vars(self):
            return self._part(ind) if isinstance(ind, slice) else self._step(ind)
        named = self._named()
        return named[ind] if isinstance(ind, str) else list(named.values())[ind]

    def _step(self, ind: int | str) -> Any:
        return dict(self.steps)[ind] if isinstance(ind, str) else self.steps[ind][1]

    def _part(self, ind: slice) -> Any:
        if ind.step not in (1, None):
            raise ValueError("Pipeline slicing only supports a step of 1")
        if "_state" not in vars(self):
            return type(self)(**(self.get_params(deep=False) | {"steps": self.steps[ind]}))
        return PlainPipeline(list(self._named().items())[ind])

    def set_output(self, *, transform: str | None = None) -> Self:
        """Set what ``transform`` returns.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            As for scikit-learn's.

        Returns
        -------
        Self
            The pipeline itself.
        """
        PlainPipeline.set_output(self, transform=transform)
        if "_state" in vars(self):
            state = self._fitted_state()
            for (_, given), (_, step) in zip(self.steps, state.params["plan"].params["steps"], strict=True):
                same_output(given, step)
            state.fitted_sklearn = None
        return self

    @available_if(lambda self: self._can_invert())
    def inverse_transform(self, X: Any) -> Any:
        """Undo the steps, the last one first.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_rows, n_outputs)
            What ``transform`` returned.

        Returns
        -------
        array or sparse matrix of shape (n_rows, n_features)
            Rows, as the first step takes them.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        self._fitted_state()
        for step in reversed(self._named().values()):
            X = X if is_idle(step) else step.inverse_transform(X)
        return X

    def _can_invert(self) -> bool:
        return all(is_idle(step) or hasattr(step, "inverse_transform") for _, step in self._steps_in_force())


def make_pipeline(
    *steps: Any,
    memory: Any = None,
    transform_input: list[str] | None = None,
    verbose: bool = False,
    keep_records: bool = False,
    ledger: bool = True,
    key: str | bytes | None = None,
) -> Pipeline:
    """Make a :class:`Pipeline` whose steps are named by their classes.

    Parameters
    ----------
    *steps : estimators
        The steps.
    memory, transform_input : None
        As of :class:`Pipeline`, as are the next ones.
    verbose, keep_records, ledger : bool
        Whether to print (without effect), to keep records, to keep a ledger.
    key : str or bytes, default=None
        Secret key of the records' digests.

    Returns
    -------
    Pipeline
        The pipeline.

    Examples
    --------
    >>> from sqlearn.linear_model import Ridge
    >>> from sqlearn.pipeline import make_pipeline
    >>> from sqlearn.preprocessing import StandardScaler
    >>> list(make_pipeline(StandardScaler(), Ridge()).named_steps)
    ['standardscaler', 'ridge']
    """
    named = make_plain_pipeline(*steps).steps
    return Pipeline(
        named, memory=memory, transform_input=transform_input, verbose=verbose, keep_records=keep_records,
        ledger=ledger, key=key,
    )  # fmt: skip
