"""Learners over tables: encoding, imputing and scaling that forget with the model."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import Tags

from sqlearn.compose.chains.table_steps import TableSteps, encoded_width, forms_of
from sqlearn.engine.chains import EncodedRounds, TableEncoder
from sqlearn.engine.model import (
    Adaptive,
    ExactEstimator,
    Inner,
    RenamedReport,
    State,
    WeightedClassifier,
    if_learner_has,
    records_like,
    refuse_large,
)
from sqlearn.engine.sums import Correlations, Gram, Mixed, Moments
from sqlearn.engine.tables import (
    Fits,
    Numbers,
    TableGram,
    TableReader,
    as_columns,
    as_table,
    chosen,
    joined,
    kinds_of,
    names_of,
    split,
    table_tags,
)
from sqlearn.engine.validation import Features, Layout
from sqlearn.errors import InvalidValueError, ParameterError, shown
from sqlearn.naive_bayes import MixedNB
from sqlearn.tree import TakesCategories, report_without

_REVISION = 2  # of how adaptive learners see tables; traces of earlier ones are evaluated anew


class TableModel(RenamedReport, Fits, WeightedClassifier):
    """A learner over tables of numbers, categories and missing values, which forgets rows exactly, encoding included.

    Numbers are imputed with their mean and standardized, with an indicator where values are missing; categories become
    one column each. Means, scales and columns are those of the rows held *now*: after ``forget`` they are what a refit
    without the row would have computed, and so is the model, bit for bit. A category whose last row goes has no column
    any more, and a new one may come at any time.

    Parameters
    ----------
    learner : estimator of this package
        What learns from the encoded columns. :class:`~sqlearn.naive_bayes.MixedNB`, trees and forests take tables as
        they are (see docs/forests.md): of these, `add_indicator` and `standardize` have no effect. Encoded
        tables are learned by LinearRegression, Ridge, RidgeClassifier, Lasso, ElasticNet, BayesianRidge, PCA,
        LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis, GaussianNB, NearestCentroid, StandardScaler,
        VarianceThreshold, and SelectKBest and the other selectors (but with chi2), and in rounds by
        LogisticRegression, PoissonRegressor, GammaRegressor, TweedieRegressor, LinearSVC, KMeans and GaussianMixture.
        It is not changed; parameters of it are set as ``learner__alpha``.
    columns : dict, default=None
        Kind of each column by name (by position, where there are no names): ``"number"``, ``"category"`` or ``"drop"``.
        The kinds of columns that are not named are recognised when the first rows come. In a frame, columns of strings,
        objects, categories and booleans are categories; in anything else, a column is numbers if its values that are
        not missing are. The order of columns is that of the table, or of this if it names them all.
    add_indicator : bool, default=True
        Whether a number that is missing somewhere gets a column that tells where.
    standardize : bool, default=True
        Whether numbers and indicators are scaled to mean 0 and variance 1.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    learner_ : estimator
        scikit-learn's estimator, fitted to the encoded columns. Its attributes (``coef_``, ``classes_``, ...) are this
        model's, too.
    encoder_ : object or None
        Means, scales and categories in force: `means` are imputed, NaN for a column without any value; `centres` and
        `scales` are those of the columns that are standardized; `indicated` has the numbers with an indicator,
        `categories` a list for each categorical column.
    encoded_names_ : object array of shape (n_encoded,)
        Names of the encoded columns.
    columns_ : dict
        Kind of each column.
    n_features_in_ : int
        Number of columns; of a table with names, of those that are not dropped.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    See Also
    --------
    sqlearn.verify : Compares a model with its refit.
    sqlearn.pipeline.Pipeline : What this is short for, for any steps.

    Notes
    -----
    The state is the exact Gram matrix of the raw columns: numbers with 0 for missing ones, indicators, one-hot
    categories, 1 and targets. Encoding is linear in these, so the moments of encoded rows are a product of exact
    matrices, whatever the means and scales now are: see docs/tables.md for the argument. The result is that of
    scikit-learn's ``ColumnTransformer`` of ``make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())`` and
    ``OneHotEncoder(handle_unknown="ignore")``, in front of the learner, to rounding. As there:

    - A missing category is a category, the last one of its column. An unknown one is 0 in all columns of its own.
    - A column of numbers without any value has no column but its indicator; a constant one is 0.
    - Only the first rows, given with ``fit`` or a first ``partial_fit``, tell the columns' kinds; they are parameters
      (see ``fitted_params``) and stay until the next ``fit``.

    Unlike there, sample weights count in means and scales, too: a row of weight 2 is two rows. Tables with names may
    have their columns in any order, and more of them; dropped columns are no part of a record.

    Learners of counts (MultinomialNB, CategoricalNB and the like) are refused, as standardized columns are none. Those
    that ask their rows in rounds are given means and scales on a grid, near the exact ones, which one row more or less
    seldom moves: a mean to an 8th of a deviation or less, a scale to a 16th. Linear predictors with an intercept are
    given exact scales, and imputed numbers on that grid.

    Examples
    --------
    >>> from sqlearn.compose import TableModel
    >>> from sqlearn.linear_model import Ridge
    >>> table = {"age": [22.0, None, 35.0, 54.0], "port": ["S", "C", "S", "Q"]}
    >>> model = TableModel(Ridge()).fit(table, [7.0, 71.0, 8.0, 51.0])
    >>> model.get_feature_names_out()
    array(['age', 'missingindicator_age', 'port_C', 'port_Q', 'port_S'],
          dtype=object)
    >>> model.forget({"age": None, "port": "C"}, 71.0).get_feature_names_out()
    array(['age', 'port_Q', 'port_S'], dtype=object)
    >>> table = {"age": [22.0, 35.0, 54.0], "port": ["S", "S", "Q"]}
    >>> model.digest() == TableModel(Ridge()).fit(table, [7.0, 8.0, 51.0]).digest()
    True
    """

    _sklearn_class = TableReader
    _parameter_constraints: ClassVar[dict] = {
        "columns": [Mapping, None],
        "add_indicator": ["boolean"],
        "standardize": ["boolean"],
    }

    def __init__(
        self,
        learner: ExactEstimator,
        *,
        columns: Mapping[Any, str] | None = None,
        add_indicator: bool = True,
        standardize: bool = True,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.learner = learner
        self.columns = columns
        self.add_indicator = add_indicator
        self.standardize = standardize
        self.ledger = ledger
        self.key = key

    # ------------------------------------------------------------------ whose rules hold

    @property
    def _learner(self):
        """The learner in force: that of the last ``fit``."""
        state = self.__dict__.get("_state")
        return self.learner if state is None else state.params["learner"]

    @property
    def _takes_weights(self):  # type: ignore[override]
        return self._learner.takes_weights

    @property
    def _target(self):  # type: ignore[override]
        return self._learner.target

    def __sklearn_tags__(self) -> Tags:
        return table_tags(self._learner)

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        learner = params["learner"]
        if not isinstance(learner, ExactEstimator) or isinstance(learner, TableModel):
            advice = "Take sqlearn's class of that name, as sqlearn.linear_model.Ridge for sklearn.linear_model.Ridge."
            if isinstance(learner, type):
                advice = f"Pass an instance: {learner.__name__}()."
            raise ParameterError(
                f"learner must be an estimator of sqlearn, not {shown(learner)}, which cannot forget. {advice}",
                value=learner,
            )
        if not isinstance(params["columns"], Mapping | None):
            raise ParameterError(
                f"columns is a dict from names of columns to their kinds, not {shown(params['columns'])}. Leave out "
                "the columns whose kinds may be recognised.",
                value=params["columns"],
            )
        inner = Inner(learner)
        own = inner.checked_params()
        if own["key"] is not None or own.get("ledger", True) is not True:
            raise ParameterError(
                "The learner inside a TableModel must not have a ledger or key of its own. Set `ledger` and `key` of "
                "the TableModel, and leave the learner's at their defaults."
            )
        for name, value in own.items():  # of a copy: `params` are what checked_params returned
            setattr(learner, name, value)
        if _takes_tables(learner) and not isinstance(own["categorical_features"], str):
            raise ParameterError(
                "Inside a TableModel, the table's description is `columns`. Leave `categorical_features` of "
                f"{type(learner).__name__} at its default."
            )
        if own.get("pilot") is not None:
            raise ParameterError(
                f"Inside a TableModel, {type(learner).__name__} takes no `pilot`: its rows would be tables too. Fit "
                "the learner itself, which takes categories as they are."
            )
        if isinstance(learner, Adaptive) or _splits_categories(learner):
            if not params["ledger"]:
                raise ParameterError(
                    f"{type(learner).__name__} keeps its records, and identifies them by its ledger. Leave `ledger` "
                    "True."
                )
        elif not isinstance(inner.new_statistic(1, 1), Correlations | Gram | Mixed | Moments):
            raise ParameterError(
                f"{type(learner).__name__} cannot learn an encoded table: what it holds of its records does not follow "
                "from the sums of products of columns, or it takes counts, which standardized columns are not. Take "
                "MixedNB, a forest, or a learner that the documentation of TableModel names."
            )

    # ------------------------------------------------------------------ records

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        X, learner = as_columns(X), params["learner"]
        if sample_weight is not None and not learner.takes_weights:
            raise InvalidValueError(
                f"{type(learner).__name__} takes no sample weights. Nothing was changed: leave sample_weight out.",
                reason="weight",
            )
        return super()._validated(params, X, y, sample_weight, layout, single=single)

    def _features(self, spec, X, layout):
        table = as_table(X)
        columns: Mapping[Any, str] = self.columns or {}
        if layout is None:
            columns = kinds_of(table, self.columns)
            layout = Layout(table.shape[1], columns=columns)
            if names_of(table) is not None:
                names = [name for name, kind in columns.items() if kind != "drop"]
                layout = Layout(len(names), np.array(names, object), columns=columns)
        used, is_categorical = chosen(table, columns, layout.n_features_in_)
        x, codes, levels = split(used, is_categorical)
        if _splits_categories(self.learner):
            return Features.of_numbers(joined(x, codes, levels, is_categorical)), layout
        if isinstance(self.learner, Adaptive):
            numeric = [name for name, kind in columns.items() if kind not in ("category", "drop")]
            refuse_large(x, type(self.learner).__name__, numeric)
        return Features(x, codes, levels), layout

    def _check_batch(self, batch):
        inner = Inner(self.learner)
        inner.check_targets(batch.targets)
        if _splits_categories(self.learner):
            inner.check_batch(batch)

    def _in_force(self, params, layout):
        fixed = {"learner": clone(params["learner"]), "columns": dict(layout.columns)}
        return params | fixed, replace(layout, columns=None)

    def _has_labels(self, params, layout):
        return params["learner"].target == "label"

    def _new_statistic(self, params, n_features, n_targets):
        learner = params["learner"]
        if isinstance(learner, Adaptive):
            n_categorical = sum(kind == "category" for kind in (params["columns"] or {}).values())
            rounds = partial(Inner(learner).new_statistic, n_targets=n_targets)
            seed = learner.get_params(deep=False).get("random_state") or 0
            given = n_features, n_targets, n_categorical, rounds, partial(forms_of, TableSteps(params)), seed
            return EncodedRounds(*given, revision=_REVISION)
        if _splits_categories(learner):
            learner = clone(learner).set_params(categorical_features=_categories(params["columns"]))
        if _takes_tables(learner):
            return Inner(learner).new_statistic(n_features, n_targets)
        return TableGram(n_features, n_targets)

    def _check_fit(self, batch):
        if not _takes_tables(self.learner):  # such learners ask for the shape, and whether anything varies
            shape = len(batch), encoded_width(batch, self.add_indicator)
            batch = replace(batch, x=np.broadcast_to(np.arange(len(batch), dtype=np.float64)[:, None], shape))
        Inner(self.learner).check_fit(batch)

    def _check_fit_of(self, state):
        Inner(self.learner).check_fit(records_like(state, self._encoded(state)[1].n_features_in_))

    def _check_learned(self, state):
        inner = Inner(state.params["learner"])
        if inner.checks_learned:
            inner.check_learned(self._encoded(state)[1])

    # ------------------------------------------------------------------ reading

    def pending_params(self) -> list[str]:
        in_force, given = self._fitted_state().params["columns"], self.columns or {}
        same = all(in_force.get(name) == kind for name, kind in given.items())  # those not given were recognised
        return [name for name in super().pending_params() if name != "columns" or not same]

    def _encoded(self, state: State) -> tuple[TableEncoder | Numbers | None, State]:
        """The encoder, and the state that the learner would have after learning encoded records."""
        params, learner = state.params, state.params["learner"]
        is_categorical = [kind == "category" for _, kind in _used(state)]
        seen = copy.copy(state)
        encoder: TableEncoder | Numbers | None = None
        seen.learner, seen.params = type(learner).__name__, learner.get_params(deep=False)
        seen.fitted_sklearn, width, kinds = None, len(is_categorical), tuple(is_categorical)
        if isinstance(learner, MixedNB):
            pass
        elif _splits_categories(learner):
            seen.params["categorical_features"] = _categories(params["columns"])
            encoder = Numbers(np.array(is_categorical))
        else:
            return TableSteps(params).read(state, sum(is_categorical))
        seen.layout = replace(state.layout, n_features_in_=width, feature_names_in_=None, is_categorical=kinds)
        return encoder, seen

    def _inner(self) -> Any:
        """The learner with that state."""
        state = self._fitted_state()
        return Inner(state.params["learner"]).fitted(self._encoded(state)[1])

    def _read_out(self, state):
        encoder, seen = self._encoded(state)
        used = [(str(name), kind) for name, kind in _used(state)]
        numbers, categorical = ([name for name, kind in used if kind == wanted] for wanted in ("number", "category"))
        plain = np.array([name for name, _ in used], object)
        fitted = Inner(state.params["learner"]).fitted_sklearn(seen)
        if isinstance(encoder, Numbers):
            boosted = vars(fitted).pop("_boosted", None)
            encoder = Numbers(encoder.is_categorical, None if boosted is None else boosted.categories)
        return {
            "columns_": dict(state.params["columns"]),
            "encoder_": encoder,
            "encoded_names_": encoder.names(numbers, categorical) if isinstance(encoder, TableEncoder) else plain,
            "learner_": fitted,
        }

    def encode(self, X: Any) -> np.ndarray:
        """Encode the rows of a table as the learner sees them: imputed, scaled and one-hot.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_columns)
            The rows, with the columns that were learned.

        Returns
        -------
        float64 ndarray of shape (n_rows, n_encoded)
            The encoded rows.
        """
        return self._fitted_sklearn().encode(X)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns of ``transform``; for learners without it, of :meth:`encode`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            As for scikit-learn's: ignored, or the names of the columns learned.

        Returns
        -------
        ndarray of str
            The names.
        """
        return self._fitted_sklearn().get_feature_names_out(input_features)

    @property
    def last_update_(self) -> Any:
        """What the last update did, of a learner that keeps its records."""
        if not isinstance(self._learner, Adaptive) and not _splits_categories(self._learner):
            raise AttributeError(f"{type(self._learner).__name__} does not keep its records.")
        if isinstance(self._learner, Adaptive):
            self._fitted_sklearn()
        return self._inner().last_update_

    @if_learner_has
    def cost_of_forgetting(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Any:
        """Tell what forgetting these rows would change in the trees of the learner, and leave the model as it is.

        Parameters
        ----------
        X : frame, dict or array-like of shape (n_rows, n_columns)
            Rows as they were learned.
        y : scalar or array-like of shape (n_rows,)
            Their labels or targets as they were learned.
        sample_weight : float or array-like of shape (n_rows,), default=None
            The weights with which they were learned; 1 by default.

        Returns
        -------
        ForgettingCost or PilotCost
            As the learner's own ``cost_of_forgetting`` returns it.

        Raises
        ------
        SqlearnError
            A subclass that describes the problem: NotLearnedError if a row is not held.
        """
        return self._inner()._cost_of(*report_without(self, X, y, sample_weight))

    @if_learner_has
    def drop_memo(self) -> Self:
        """Drop the sums kept from before the last breaks, which save time but tell of the past.

        Returns
        -------
        TableModel
            The model itself.
        """
        self._inner().drop_memo()
        return self


def _used(state: State) -> list[tuple[Any, str]]:
    """Names (or positions) and kinds of the columns that are not dropped, in order."""
    return [(name, kind) for name, kind in state.params["columns"].items() if kind != "drop"]


def _splits_categories(learner: ExactEstimator) -> bool:
    return isinstance(learner, TakesCategories) and "categorical_features" in learner.get_params(deep=False)


def _takes_tables(learner: ExactEstimator) -> bool:
    """Whether a learner takes categories as they are."""
    return isinstance(learner, MixedNB) or _splits_categories(learner)


def _categories(columns: Mapping[Any, str]) -> list[int]:
    """Places of the categorical ones among the columns that are not dropped."""
    kinds = [kind for kind in columns.values() if kind != "drop"]
    return [j for j, kind in enumerate(kinds) if kind == "category"]
