"""Parts beside each other, whose outputs are put side by side: what ColumnTransformer and FeatureUnion share."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.base import clone

from sqlearn.compose.chains.chain import Chain
from sqlearn.compose.chains.checks import check_weights
from sqlearn.compose.chains.columns import is_dropped, is_idle, is_map
from sqlearn.compose.chains.lazy_chain import LazyChain
from sqlearn.compose.chains.plain_steps import plain
from sqlearn.compose.composed import Composed, refuse_metadata, same_output
from sqlearn.compose.planning import check_names, own_class
from sqlearn.compose.plans import Plan
from sqlearn.engine.model import ExactEstimator, Steps
from sqlearn.errors import ParameterError, shown


class _Transforming:
    """What such a model does."""

    def transform(self, X: Any) -> Any:
        """Return the rows."""
        return X


class SideBySide(Composed):
    """Base of models whose parts each transform the rows, or some of their columns."""

    @property
    def _learner(self) -> Any:
        """A transformer."""
        return _Transforming()

    def _parts_given(self, params: dict[str, Any]) -> list[tuple[str, Any]]:
        """Names and parts.

        Raises
        ------
        ParameterError
            Where they have another form.
        """
        raise NotImplementedError

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if not isinstance(given := params[self._parts], list | tuple):
            raise ParameterError(f"{self._parts} is a list of named transformers, not {shown(given)}.", value=given)
        _check_parts_of(self._parts_given(params), self.get_params(deep=False), params["keep_records"])
        listed = [part[0] for part in params[self._parts]]
        check_weights(params["transformer_weights"])
        for name in params["transformer_weights"] or {}:
            if name not in listed:
                raise ParameterError(
                    f'Attempting to weight transformer "{name}", but it is not present in {self._parts}. Nothing was '
                    "changed: name a part.",
                    value=name,
                )

    def _plan(self, params):
        step = clone(self, safe=False).set_params(ledger=True, key=None)
        name, in_force = type(self)._sklearn_class.__name__, dict(params)
        ledger, key = in_force.pop("ledger"), in_force.pop("key")
        if params["keep_records"]:
            if not ledger:
                raise ParameterError(f"A {name} that keeps its records identifies them by its ledger. Leave it True.")
            return Plan(LazyChain(Steps([("columns", plain(step))]), name=name, key=key), in_force, [], ["columns"])
        chain = Chain(Steps([("columns", step)]), name=name, ledger=ledger, key=key)
        return Plan(chain, in_force, [], ["columns"])

    def _fixed_params(self, params, steps):
        names = (self._parts, "remainder")
        return params | {name: getattr(step, name) for step in steps.values() for name in names if hasattr(step, name)}

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None, **params: Any) -> Self:
        """Learn these records alone; what was learned before is dropped.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features)
            Records, as tables of numbers and categories.
        y : array-like of shape (n_records,) or (n_records, n_targets), default=None
            Labels or targets, if a part takes any.
        sample_weight : array-like of shape (n_records,), default=None
            Weights of the records, where all parts take weights.
        **params : dict
            Others are refused: a record has nothing else.

        Returns
        -------
        Self
            The transformer itself.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem. The model is unchanged.

        Examples
        --------
        >>> from sqlearn.compose import ColumnTransformer
        >>> from sqlearn.preprocessing import StandardScaler
        >>> columns = ColumnTransformer([("scale", StandardScaler(), [0])]).fit([[0.0], [2.0]])
        >>> columns.transform([[4.0]])
        array([[3.]])
        """
        refuse_metadata(self, params)
        return self._fit_alone(X, y, sample_weight)

    # ------------------------------------------------------------------ reading

    def to_sklearn(self) -> Any:
        """Return scikit-learn's transformer of the same name, fitted.

        It holds nothing of the model's state, so it cannot forget, and its attributes may be changed.

        Returns
        -------
        estimator
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
        return self._parts_made()["columns"]

    def fitted_attributes(self) -> dict[str, Any]:
        """Return all fitted attributes, those of a part after its name, as in ``scale__mean_``.

        Returns
        -------
        dict
            The attributes by their names.
        """
        return {name.removeprefix("columns__"): value for name, value in super().fitted_attributes().items()}

    def _told(self, name: str) -> Any:
        if "_state" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} is not fitted yet, so it has no {name}.")
        return getattr(self.to_sklearn(), name)

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
        self._sklearn_class.set_output(self, transform=transform)
        if "_state" in vars(self):
            state = self._fitted_state()
            for _, step in state.params["steps"]:
                same_output(self, step)
            state.fitted_sklearn = None
        return self


def _check_parts_of(parts: list[tuple[str, Any]], params: dict[str, Any], keep_records: bool) -> None:
    """Refuse what is no list of named parts that forget together.

    Raises
    ------
    ParameterError
        At names, at parts that cannot forget.
    TypeError
        At parts that are no transformers.
    """
    check_names([name for name, _ in parts if name != "remainder"], params)
    for name, step in parts:
        if is_dropped(step) or (is_idle(step) and step is not None):
            continue
        if isinstance(step, type):
            raise TypeError(
                f"Expected an estimator instance ({step.__name__}()), got estimator class instead ({step.__name__}). "
                f"It is the part {name}."
            )
        is_fixed = is_map(step) and not hasattr(step, "get_params")  # of a model that was fitted
        if not is_fixed and not (
            (hasattr(step, "fit") or hasattr(step, "fit_transform")) and hasattr(step, "transform")
        ):
            raise TypeError(
                "All estimators should implement fit and transform, or can be 'drop' or 'passthrough' specifiers. "
                f"'{step}' (type {type(step)}) doesn't."
            )
        if isinstance(step, ExactEstimator) or keep_records:
            continue
        own = own_class(step)
        if own is not None or not is_map(step):
            advice = f"Take {own}." if own else "Set keep_records=True, and parts are fitted anew when they are read."
            raise ParameterError(
                f"The part {name} is {shown(step)} of {type(step).__module__.partition('.')[0]}, which cannot forget. "
                f"{advice}",
                value=step,
            )
