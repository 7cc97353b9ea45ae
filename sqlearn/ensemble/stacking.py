"""Stacks of learners that forget: a last learner combines what others predict of records that they have not seen."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import ensemble as peers
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.preprocessing import LabelEncoder

from sqlearn.engine.model import (
    Decides,
    Predicts,
    PredictsProba,
    State,
    Transforms,
    WeightedClassifier,
    WeightedEstimator,
    if_learner_has,
)
from sqlearn.engine.parts import (
    Composite,
    Folds,
    InFolds,
    Part,
    Whole,
    active,
    answering,
    checked_names,
    checked_part,
    codes,
    method_of,
    named_estimators,
    predicted,
)
from sqlearn.errors import ParameterError, UndefinedAttributeError, shown
from sqlearn.linear_model import LogisticRegression, RidgeCV

_AUTO = ["predict_proba", "decision_function", "predict"]


Named = list[tuple[str, Any]]


class _Stacking(InFolds, Composite):
    """What both have in common."""

    def _last(self, params: Mapping[str, Any]) -> Any:
        """The last learner, not fitted."""
        raise NotImplementedError

    @property
    def _learner(self) -> Any:
        return self._last(dict(vars(self)))

    def _learners(self, params):
        return active(params)

    def _weighed(self, params):
        return [*active(params), self._last(params)]

    def _folds(self, params: dict[str, Any]) -> Folds:
        return Folds(params, has_targets=self._target == "value")

    def _parts(self, params, whole):
        folds, learners = self._folds(params), active(params)
        left_out = [part for learner in learners for part in folds.parts(learner, codes)]
        return [*(Part(learner, codes) for learner in learners), *left_out]

    def _methods(self, params: dict[str, Any]) -> list[str]:
        """What each learner is asked for."""
        return ["predict"] * len(active(params))

    def _check_supported_params(self, params):
        if isinstance(params["cv"], str):
            raise ParameterError(
                "cv='prefit' takes models that remember their rows, which this one could not forget. Nothing was "
                "changed: pass a number of folds, or HashedKFold.",
                value=params["cv"],
            )
        super()._check_supported_params(params)
        params["estimators"] = checked_names(params, self, of_both_kinds=is_classifier(self))
        fits, kind = (is_classifier, "classifier") if is_classifier(self) else (is_regressor, "regressor")
        last = checked_part(self._last(params), type(self).__name__)
        if not fits(last):
            raise ParameterError(
                f"'final_estimator' parameter should be a {kind}. Got {shown(last)}. Nothing was changed: pass one.",
                value=last,
            )
        if params["final_estimator"] is not None:
            params["final_estimator"] = last
        self._methods(params)

    def _read_out(self, state):
        params, whole, methods = state.params, Whole.of(state), self._methods(state.params)
        with self._models(state) as live:
            blocks = self._left_out(state, whole, live, methods)
            models = [answering(model, state.learner) for model in live[: len(methods)]]
        meta = np.hstack([*blocks, whole.x] if params["passthrough"] else blocks)
        seen = Whole(meta, whole.y, whole.w, whole.classes, whole.labels)
        try:
            last = Part(self._last(params), codes).made(seen)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise UndefinedAttributeError(
                f"{type(self._last(params)).__name__}, the last learner of this {state.learner}, cannot be fitted to "
                f"what the others predict of the records held: {error} The model is intact: learn more rows, or set "
                "another final_estimator.",
                reason="too few records",
            ) from error
        return {
            "estimators_": models,
            "named_estimators_": named_estimators(params, models),
            "final_estimator_": answering(last, state.learner),
            "stack_method_": methods,
            "_n_feature_outs": [block.shape[1] for block in blocks],
        }

    def _left_out(self, state: State, whole: Whole, live: list[Any], methods: list[str]) -> list[np.ndarray]:
        """What each learner predicts of records that it has not seen."""
        folds, n_folds = self._folds(state.params).of(whole), state.params["cv"]
        n_classes, blocks = len(whole.labels), []
        if len(np.unique(folds)) < 2:
            raise UndefinedAttributeError(
                f"All records of this {state.learner} (n_samples = {len(folds)}) are in one fold, so nothing can be "
                "left out. Learn more rows.",
                reason="too few records",
            )
        for i, method in enumerate(methods):
            outside = live[len(methods) + i * n_folds :]
            parts = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
            models = [answering(outside[fold], state.learner) for fold in np.unique(folds)]
            found = [
                predicted(model, whole.x[rows], method, n_classes).reshape(len(rows), -1)
                for model, rows in zip(models, parts, strict=True)
            ]
            if len({part.shape[1] for part in found}) > 1:
                raise UndefinedAttributeError(
                    f"Without a fold, this {state.learner} has too few classes for {method}. Learn more rows.",
                    reason="too few records",
                )
            block = np.empty((len(folds), found[0].shape[1]))
            block[np.concatenate(parts)] = np.concatenate(found)
            blocks.append(block[:, 1:] if method == "predict_proba" and n_classes == 2 else block)
        return blocks

    def predict(self, X: Any, **predict_params: Any) -> np.ndarray:
        """Predict labels or targets by the last learner.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.
        **predict_params : dict
            What the last learner's ``predict`` takes beside, such as ``return_std``.

        Returns
        -------
        ndarray of shape (n_records,)
            Labels, or float64 targets; with `return_std` their deviations too, in a tuple.
        """
        found: np.ndarray = self._answer("predict", X, **predict_params)
        return found

    def transform(self, X: Any) -> Any:
        """Return what the learners predict of records, and with `passthrough` their features too.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        array, sparse matrix or frame of shape (n_records, n_features_out)
            The predictions; sparse where `X` is, if its features are among them; a frame if ``set_output`` asks for it.
        """
        found = self._answer("transform", X)
        return type(X)(found) if self.passthrough and sp.issparse(X) and isinstance(found, np.ndarray) else found

    def _new_fitted_sklearn(self, state):
        fitted = super()._new_fitted_sklearn(state)
        vars(fitted).pop("n_features_in_", None)  # a property there
        return fitted


class StackingClassifier(_Stacking, Transforms, WeightedClassifier, peers.StackingClassifier):  # type: ignore[override]
    """A classifier that learns from what others predict of records that they have not seen, and forgets.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Classifiers of this package, which follow each update by their own verbs, or regressors, which predict the
        number of the class, from 0; "drop" leaves one out. Others are taken if their `random_state`, where they have
        one, is an int: they are fitted anew when the model is read.
    final_estimator : estimator, default=None
        The classifier that learns from their predictions; by default ``LogisticRegression()`` of this package.
    cv : int, HashedKFold or None, default=None
        Number of hashed folds, 5 for None, or the folds. Splitters that choose rows by position are refused, and so is
        "prefit".
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}, default="auto"
        What the parts are asked for.
    n_jobs : int, default=None
        Without effect.
    passthrough : bool, default=False
        Whether the last one learns the features too.
    verbose : int, default=0
        Without effect.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Another key gives other folds. Printing
        hides it, pickles contain it.

    Attributes
    ----------
    classes_ : array[n_classes]
        Labels held, sorted.
    estimators_, named_estimators_ : list, Bunch
        scikit-learn's estimators, fitted to all records: copies. Classes are numbers there, from 0.
    final_estimator_ : estimator
        That of the last one.
    stack_method_ : list of str
        What each part is asked for.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The model keeps its records, and models of the parts beside them: one of all records, and one for each fold, which
    has learned the others. These learn and forget what came and went when the model is next read; then the last one
    learns anew from their predictions of all records. For classes that a fold's models have not seen, they predict a
    probability of 0, or the least value that their decision function has in that fold.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sqlearn.ensemble import StackingClassifier
    >>> from sqlearn.naive_bayes import BernoulliNB, GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> parts = [("gaussian", GaussianNB()), ("bernoulli", BernoulliNB(binarize=2.0))]
    >>> stack = StackingClassifier(parts).fit(X, y).forget(X[:9], y[:9])
    >>> stack.digest() == StackingClassifier(parts).fit(X[9:], y[9:]).digest()
    True
    """

    _sklearn_class = peers.StackingClassifier

    def __init__(
        self,
        estimators: Named,
        final_estimator: Any = None,
        *,
        cv: Any = None,
        stack_method: str = "auto",
        n_jobs: int | None = None,
        passthrough: bool = False,
        verbose: int = 0,
        key: str | bytes | None = None,
    ) -> None:
        self.estimators = estimators
        self.final_estimator = final_estimator
        self.cv = cv
        self.stack_method = stack_method
        self.n_jobs = n_jobs
        self.passthrough = passthrough
        self.verbose = verbose
        self.key = key

    predict_proba = if_learner_has(PredictsProba.predict_proba)
    decision_function = if_learner_has(Decides.decision_function)

    def _last(self, params):
        given = params["final_estimator"]
        return LogisticRegression() if given is None else clone(given) if hasattr(given, "get_params") else given

    def _methods(self, params):
        found = []
        for name, learner in params["estimators"]:
            if isinstance(learner, str):
                continue
            wanted = _AUTO if params["stack_method"] == "auto" else params["stack_method"]
            method = method_of(learner, wanted)
            if method is None:
                raise ParameterError(
                    f"Underlying estimator {name} does not implement the method {wanted}. Nothing was changed: set "
                    "another stack_method.",
                    value=wanted,
                )
            found.append(method)
        return found

    def _read_out(self, state):
        classes, encoder = Whole.classes_of(state), LabelEncoder()
        encoder.classes_ = classes
        return super()._read_out(state) | {"classes_": classes, "_label_encoder": encoder}


class StackingRegressor(_Stacking, Transforms, Predicts, WeightedEstimator, peers.StackingRegressor):  # type: ignore[override]
    """A regressor that learns from what others predict of records that they have not seen, and forgets.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Regressors of this package, which follow each update by their own verbs; "drop" leaves one out. Others are taken
        if their `random_state`, where they have one, is an int: they are fitted anew when the model is read.
    final_estimator : estimator, default=None
        The regressor that learns from their predictions; by default ``RidgeCV()`` of this
        package.
    cv : int, HashedKFold or None, default=None
        Number of hashed folds, 5 for None, or the folds. Splitters that choose rows by position are refused, and so is
        "prefit".
    n_jobs : int, default=None
        Without effect.
    passthrough : bool, default=False
        Whether the last one learns the features too.
    verbose : int, default=0
        Without effect.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Another key gives other folds. Printing
        hides it, pickles contain it.

    Attributes
    ----------
    estimators_, named_estimators_ : list, Bunch
        scikit-learn's estimators, fitted to all records: copies.
    final_estimator_ : estimator
        That of the last one.
    stack_method_ : list of str
        What each part is asked for: "predict".
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    As for :class:`StackingClassifier`; a record has one target.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sqlearn.ensemble import StackingRegressor
    >>> from sqlearn.linear_model import Lasso, Ridge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> parts = [("ridge", Ridge()), ("lasso", Lasso())]
    >>> stack = StackingRegressor(parts).fit(X, y).forget(X[:9], y[:9])
    >>> stack.digest() == StackingRegressor(parts).fit(X[9:], y[9:]).digest()
    True
    """

    _sklearn_class = peers.StackingRegressor
    _target = "value"

    def __init__(
        self,
        estimators: Named,
        final_estimator: Any = None,
        *,
        cv: Any = None,
        n_jobs: int | None = None,
        passthrough: bool = False,
        verbose: int = 0,
        key: str | bytes | None = None,
    ) -> None:
        self.estimators = estimators
        self.final_estimator = final_estimator
        self.cv = cv
        self.n_jobs = n_jobs
        self.passthrough = passthrough
        self.verbose = verbose
        self.key = key

    def _last(self, params):
        given = params["final_estimator"]
        return RidgeCV() if given is None else clone(given) if hasattr(given, "get_params") else given
