"""What boosted trees for classes and for targets have in common."""

from __future__ import annotations  # so that help() shows ArrayLike, not what it stands for

import sys
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple, NoReturn, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from sqlearn.engine.boosting import (
    COLUMN,
    COUNT,
    DEPTH,
    EDGE,
    FEATURE,
    LEFT,
    MISSING_LEFT,
    MOST_BINS,
    MOST_LEAVES,
    RIGHT,
    Boosted,
    Boosting,
    BoostingReport,
    Chosen,
    Design,
    coded,
)
from sqlearn.engine.identity import canonical_label
from sqlearn.engine.model import State
from sqlearn.engine.readout import label_array
from sqlearn.engine.sklearn_private import (
    Interval,
    StrOptions,
    boosted_attributes,
    boosted_dependence,
    boosted_nodes,
    parameter_constraints,
)
from sqlearn.engine.tables import BinCodes
from sqlearn.engine.validation import GivenRecords, Layout, is_of_input
from sqlearn.errors import (
    InvalidValueError,
    ParameterError,
    SqlearnError,
    UndefinedAttributeError,
    UnsupportedError,
    shown,
)
from sqlearn.tree import TakesCategories, check_class_weight, report_without

_NEVER = 2**30  # a depth that no tree reaches
_SHRINKAGE = {"log_loss": 0.7, "poisson": 1.0, "squared_error": 1.0}  # a pilot is too sure of classes
_L2 = {"log_loss": 10.0, "poisson": 100.0, "squared_error": 1.0}
_REFIT_L2 = {"log_loss": 30.0, "poisson": 1000.0, "squared_error": 30.0}
_REFUSED: dict[str, tuple[Any, str]] = {
    "early_stopping": (False, "where training stops would depend on every record. Choose max_iter by validation"),
    "interaction_cst": (None, "constraints are not among what splits are chosen by"),
    "max_features": (1.0, "every feature is scored at every split"),
    "monotonic_cst": (None, "all leaves are fitted together, which would not keep the order of any two"),
    "quantile": (None, "that loss has no second derivatives"),
}


class PilotCost(NamedTuple):
    """What forgetting some records would change; see :meth:`HistGradientBoostingClassifier.cost_of_forgetting`.

    Attributes
    ----------
    in_pilot : int
        How many of them are in the pilot.
    trees_rebuilt : int
        How many trees would be grown anew at the next read: all, or none.
    records_summed : int
        How many records sums would be formed of: all others, or these.
    """

    in_pilot: int
    trees_rebuilt: int
    records_summed: int


class BoostedLearner(TakesCategories):
    """Base of boosted trees."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "_sklearn_class" in cls.__dict__:
            cls._parameter_constraints = parameter_constraints(cls) | {
                "max_leaf_nodes": [Interval(Integral, 2, MOST_LEAVES, closed="both")],
                "max_bins": [Interval(Integral, 2, MOST_BINS - 1, closed="both")],
                "pilot_size": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
                "l2_regularization": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
                "refit_l2": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
                "pilot": "no_validation",  # here, once the records tell what it is compared with
            }

    @property
    def last_update_(self) -> BoostingReport:
        """What the last update did: records that came to the pilot or went from it, whether trees are grown anew."""
        return cast(BoostingReport, self._last_report())

    def cost_of_forgetting(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> PilotCost:
        """Tell what forgetting these records would change, and leave the model as it is.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features) or (n_features,)
            Records as they were learned.
        y : scalar or array-like of shape (n_records,)
            Their labels or targets as they were learned.
        sample_weight : float or array-like of shape (n_records,), default=None
            The weights with which they were learned; 1 by default.

        Returns
        -------
        PilotCost
            Numbers of records in the pilot, of trees that would be grown anew, and of records to sum over.

        Raises
        ------
        NotLearnedError
            If a record is not held.
        SqlearnError
            Another subclass that describes the problem.

        Examples
        --------
        >>> import numpy as np
        >>> from sqlearn.ensemble import HistGradientBoostingClassifier
        >>> X = np.random.default_rng(0).normal(size=(4000, 2))
        >>> y = (X[:, 0] * X[:, 1] > 0).astype(int)
        >>> model = HistGradientBoostingClassifier(max_iter=10, pilot_size=500).fit(X, y)
        >>> [model.cost_of_forgetting(X[i], y[i]).in_pilot for i in range(8)]
        [0, 0, 0, 0, 0, 1, 0, 0]
        """
        return self._cost_of(*report_without(self, X, y, sample_weight))

    def _cost_of(self, report: BoostingReport, asked: int) -> PilotCost:
        if not report.rebuilt:
            return PilotCost(report.in_pilot, 0, asked)
        return PilotCost(report.in_pilot, self.n_iter_ * self.n_trees_per_iteration_, self.n_records_ - asked)

    # ------------------------------------------------------------------ answers

    def _answering(self, name: str) -> Callable[..., Any]:
        fitted = self._fitted_sklearn()
        boosted: Boosted = vars(fitted)["_boosted"]
        method: Callable[..., Any] = getattr(fitted, name)
        if not boosted.equal.any():
            return method
        return lambda X, *args, **kwargs: method(coded(X, boosted.categories), *args, **kwargs)

    def staged_predict(self, X: Any) -> NoReturn:
        """Refused: all leaves are fitted together, so there are no stages.

        Parameters
        ----------
        X : object
            Ignored.

        Returns
        -------
        None
            Never: it raises an error.

        Raises
        ------
        UnsupportedError
            Always.
        """
        self._refuse_stages()

    def _refuse_stages(self) -> NoReturn:
        raise UnsupportedError(
            f"{type(self).__name__} fits all leaves together, so predictions after fewer trees mean nothing. Fit "
            "models of smaller max_iter.",
            reason="stages",
        )

    def _compute_partial_dependence_recursion(self, grid: np.ndarray, target_features: np.ndarray) -> np.ndarray:
        if self._boosted().equal.any():
            words = "Partial dependence by recursion does not know splits by categories; use method='brute'."
            raise UndefinedAttributeError(words, reason="not encoded")
        return boosted_dependence(self._fitted_sklearn(), grid, target_features)

    # ------------------------------------------------------------------ parameters

    def _new_statistic(self, params, n_features, n_targets):
        report: Callable[[str], None] | None = None
        if params["verbose"]:

            def report(line: str) -> None:
                print(f"{type(self).__name__}: {line}", file=sys.stderr, flush=True)

        classes, columns = params.get("class_weight"), params["categorical_features"]
        design = Design(
            params["loss"],
            params["max_iter"],
            params["max_leaf_nodes"],
            _NEVER if params["max_depth"] is None else min(params["max_depth"], _NEVER),
            min(params["min_samples_leaf"], _NEVER),
            float(params["learning_rate"]),
            _L2[params["loss"]] if params["l2_regularization"] == "auto" else float(params["l2_regularization"]),
            params["max_bins"],
            None if params["pilot_size"] == "auto" else params["pilot_size"],
            _SHRINKAGE[params["loss"]],
            _REFIT_L2[params["loss"]] if params["refit_l2"] == "auto" else float(params["refit_l2"]),
            None if classes is None else {canonical_label(k): float(w) for k, w in classes.items()},
            () if isinstance(columns, str) else tuple(columns or ()),
            None if params["pilot"] is None else _chosen(params["pilot"]),
        )
        return Boosting(n_features, n_targets, design, params["random_state"] or 0, report)

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        name = type(self).__name__
        for parameter, (value, reason) in _REFUSED.items():
            given = params.get(parameter, value)  # which may be an array
            if given is not value and not (isinstance(given, int | float) and given == value):
                raise ParameterError(
                    f"{parameter}={shown(given)} of {name} is not supported: {reason}. Nothing was changed: leave it "
                    f"{value}.",
                    value=given,
                )
        check_class_weight(name, params.get("class_weight"))
        if not isinstance(params["loss"], str) or params["loss"] not in _SHRINKAGE:
            raise ParameterError(
                f"loss={shown(params['loss'])} of {name} is not supported: exact sums are formed of the derivatives of "
                "squared errors, Poisson and log losses alone, and second derivatives of 'absolute_error' and "
                "'quantile' are 0. Nothing was changed: set 'squared_error' or 'poisson', or 'log_loss' for classes.",
                value=params["loss"],
            )
        if params["pilot"] is not None and params["pilot_size"] != "auto":
            raise ParameterError(
                f"pilot_size={shown(params['pilot_size'])} of {name} has no meaning beside `pilot`, whose rows are the "
                "pilot. Nothing was changed: leave it 'auto'.",
                value=params["pilot_size"],
            )

    def _in_force(self, params, layout):
        params, layout = super()._in_force(params, layout)
        if params["pilot"] is not None:
            params = params | {"pilot": self._checked_pilot(params, layout)}
        return params, layout

    def _checked_pilot(self, params: dict[str, Any], layout: Layout) -> GivenRecords:
        """The rows of the parameter `pilot`, which are records of this layout."""
        given, name = params["pilot"], type(self).__name__
        if isinstance(given, GivenRecords):  # of a model that was fitted
            if given.x.shape[1] != layout.n_features_in_ or bool(given.labels) != (self._target == "label"):
                raise ParameterError(
                    f"The pilot {given!r} of {name} was validated for other records than these, which have "
                    f"{layout.n_features_in_} features. Nothing was changed: pass rows, as (X, y).",
                    value=given,
                )
            return given
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise ParameterError(
                f"pilot={shown(given)} of {name} is no pair of rows and their labels or targets. Nothing was changed: "
                "pass (X, y) or (X, y, sample_weight).",
                value=given,
            )
        X, y, *weight = given
        try:
            batch, _ = self._validated(params, X, y, weight[0] if weight else None, layout, single=False)
            if not batch.weights.any():
                raise InvalidValueError("No row has a weight above 0. Nothing was changed.", reason="weight")
        except SqlearnError as error:
            raise ParameterError(
                f"The parameter `pilot` of {name} was refused. {error}",
                row=error.row,
                column=error.column,
                value=error.value,
            ) from error
        except (TypeError, ValueError) as error:  # scikit-learn's own
            if not is_of_input(error):
                raise
            raise ParameterError(f"The parameter `pilot` of {name} was refused. {error}") from error
        return GivenRecords.of(batch)

    def pending_params(self) -> list[str]:
        pending, state = super().pending_params(), self._fitted_state()
        held, given = state.params["pilot"], getattr(self, "pilot", None)
        if "pilot" in pending and held is not None and given is not None:
            try:
                same = self._checked_pilot(state.params | {"pilot": given}, state.layout).digest == held.digest
            except ParameterError:
                same = False
            if same:
                pending.remove("pilot")
        return pending

    # ------------------------------------------------------------------ records

    def _batch(self, state, X, y, sample_weight, sign):
        batch, pilot = super()._batch(state, X, y, sample_weight, sign), state.params["pilot"]
        row = -1 if sign > 0 or pilot is None else pilot.first_among(batch)
        if row >= 0:
            raise UnsupportedError(
                f"{batch.name(row)} equals a row of the parameter `pilot` of this {state.learner}, which the trees "
                "were grown on: it would not be forgotten, so nothing was changed. Fit anew with a pilot without it.",
                row=row,
                reason="pilot",
            )
        return batch

    def _check_batch(self, batch):
        super()._check_batch(batch)
        if self.loss == "poisson":
            negative = np.flatnonzero(batch.targets[:, 0] < 0.0)
            if len(negative):
                i = negative[0]
                value = batch.targets[i, 0].item()
                raise InvalidValueError(
                    f"{batch.name(i)} has the target {value!r}, but loss='poisson' requires non-negative y and "
                    "sum(y) > 0. Nothing was changed: correct it, leave the row out, or set another loss.",
                    row=i,
                    value=value,
                    reason="negative",
                )

    def _check_fit(self, batch):
        super()._check_fit(batch)
        if self.loss == "poisson" and not batch.targets[batch.weights > 0].any():
            raise InvalidValueError(
                "loss='poisson' requires non-negative y and sum(y) > 0, and all of these are 0. Nothing was changed: "
                "pass rows with a target above 0, or use partial_fit.",
                reason="out of range",
            )

    def _check_learned(self, state):
        super()._check_learned(state)
        labels = state.occupied()[1]
        if not _boosting_of(state).can_learn(state.occupied()[0]):
            raise _of_one_class(state)
        pilot = state.params["pilot"]
        if pilot is not None and self._target == "label" and not {*labels} & {*pilot.labels}:
            raise ParameterError(
                f"No row of `pilot` has a label of the rows to learn: its labels are {shown(pilot.labels)}, theirs are "
                f"{shown(labels)}. Nothing was changed: pass a pilot with these labels.",
                value=pilot.labels,
            )

    # ------------------------------------------------------------------ reading

    @property
    def n_iter_(self) -> int:
        """Number of trees of each output: `max_iter`."""
        n: int = self._fitted_state().params["max_iter"]
        return n

    def fitted_attributes(self) -> dict[str, Any]:
        found = super().fitted_attributes()
        del found["_boosted"]  # of which scikit-learn's trees are made
        return found

    def to_sklearn(self, X: Any = None) -> Any:
        fitted, state = super().to_sklearn(), self._fitted_state()
        boosted = vars(fitted).pop("_boosted")
        if not boosted.equal.any():
            return fitted
        vars(fitted).pop("feature_names_in_", None)
        codes = BinCodes.of(boosted.categories, np.array(state.layout.is_categorical), state.feature_names_in_)
        return Pipeline([("codes", codes), ("model", fitted)])

    def _boosted(self) -> Boosted:
        boosted: Boosted = vars(self._fitted_sklearn())["_boosted"]
        return boosted

    def _read_out(self, state):
        turn = _boosting_of(state).turn  # before classes are asked for
        boosted = _boosting_of(state).answer(state.occupied()[0], turn)
        if boosted is None:
            raise _of_one_class(state)
        nodes, k_most, d = boosted.nodes, len(boosted.base), len(boosted.equal)
        numbers = nodes.numbers
        flat = boosted_nodes(len(numbers))
        leaf = numbers[:, FEATURE] < 0
        for name, column in (("count", COUNT), ("missing_go_to_left", MISSING_LEFT), ("depth", DEPTH)):
            flat[name] = numbers[:, column]
        for name, column in (("feature_idx", FEATURE), ("left", LEFT), ("right", RIGHT), ("bin_threshold", EDGE)):
            flat[name] = np.where(leaf, 0, numbers[:, column])
        flat["num_threshold"], flat["gain"], flat["is_leaf"] = nodes.thresholds, nodes.gains, leaf
        flat["is_categorical"] = nodes.masks != 0
        bitsets = []
        for first, last in zip(nodes.bounds[:-1], nodes.bounds[1:], strict=True):
            by_category = np.flatnonzero(nodes.masks[first:last])
            flat["bitset_idx"][first + by_category] = np.arange(len(by_category))
            bits = np.zeros((len(by_category), 4), np.int64)
            bits[:, 0] = nodes.masks[first + by_category]
            bitsets.append(bits.view(np.uint32))
        exponent = boosted.exponent if state.params["loss"] == "squared_error" else 0
        of_output = (
            np.searchsorted(nodes.bounds[:: (len(nodes.bounds) - 1) // k_most], np.flatnonzero(leaf), "right") - 1
        )
        flat["value"][leaf] = np.ldexp(boosted.values[of_output, numbers[leaf, COLUMN]], exponent)
        trees = np.split(flat, nodes.bounds[1:-1])
        n_trees = len(trees) // k_most
        base = np.ldexp(boosted.base, exponent)
        if state.params["loss"] == "poisson":
            base = base + boosted.exponent * np.log(2.0)
        categories = [
            np.arange(n + 2.0) if equal else None for n, equal in zip(boosted.n_edges, boosted.equal, strict=True)
        ]
        by_iteration = [range(t, len(trees), n_trees) for t in range(n_trees)]
        is_categorical = boosted.equal > 0 if boosted.equal.any() else None
        found = {
            "_boosted": boosted,
            "_baseline_prediction": base.reshape(1, -1),
            "_is_categorical_remapped": is_categorical,
            "_n_features": d,
            "is_categorical_": is_categorical,
            "n_trees_per_iteration_": k_most,
            "do_early_stopping_": False,
            "train_score_": np.zeros(0),
            "validation_score_": np.zeros(0),
            **boosted_attributes(
                [[(trees[i], bitsets[i]) for i in of_iteration] for of_iteration in by_iteration],
                categories,
                self._new_sklearn(state.params),
            ),
        }
        if state.vocabulary is not None:
            found["classes_"] = label_array(state)
        return found


def _boosting_of(state: State) -> Boosting:
    assert isinstance(state.statistic, Boosting)
    return state.statistic


def _chosen(given: GivenRecords) -> Chosen:
    """A pilot as the engine takes it."""
    y = given.label_codes.astype(np.float64) if given.labels else given.targets[:, 0]
    return Chosen(given.x, y, given.weights, tuple(given.labels))


def _of_one_class(state: State) -> UndefinedAttributeError:
    return UndefinedAttributeError(
        f"This {state.learner} holds {state.n_records} rows of one class: too few to learn from. Nothing was changed: "
        "learn rows of another class, too.",
        reason="too few records",
    )
