"""Models by the names that the command line knows them by."""

import ast
from importlib import import_module
from typing import Any

import click

# module of each model, and whether tables are encoded for it; imported when it is asked for
MODELS = {
    "BayesianRidge": ("linear_model", True),
    "BernoulliNB": ("naive_bayes", False),
    "CategoricalNB": ("naive_bayes", False),
    "ComplementNB": ("naive_bayes", False),
    "DecisionTreeClassifier": ("tree", False),
    "DecisionTreeRegressor": ("tree", False),
    "ElasticNet": ("linear_model", True),
    "ExtraTreesClassifier": ("ensemble", False),
    "ExtraTreesRegressor": ("ensemble", False),
    "GammaRegressor": ("linear_model", True),
    "GaussianMixture": ("mixture", True),
    "GaussianNB": ("naive_bayes", True),
    "HistGradientBoostingClassifier": ("ensemble", False),
    "HistGradientBoostingRegressor": ("ensemble", False),
    "IsolationForest": ("ensemble", False),
    "KMeans": ("cluster", True),
    "KernelMean": ("kernel_approximation", False),
    "KNeighborsClassifier": ("neighbors", False),
    "KNeighborsRegressor": ("neighbors", False),
    "Lasso": ("linear_model", True),
    "LinearDiscriminantAnalysis": ("discriminant_analysis", True),
    "LinearRegression": ("linear_model", True),
    "LinearSVC": ("svm", True),
    "LogisticRegression": ("linear_model", True),
    "MixedNB": ("naive_bayes", False),
    "MultinomialNB": ("naive_bayes", False),
    "NearestCentroid": ("neighbors", True),
    "OneClassSVM": ("svm", False),
    "PoissonRegressor": ("linear_model", True),
    "QuadraticDiscriminantAnalysis": ("discriminant_analysis", True),
    "RandomForestClassifier": ("ensemble", False),
    "RandomForestRegressor": ("ensemble", False),
    "Ridge": ("linear_model", True),
    "RidgeClassifier": ("linear_model", True),
    "TweedieRegressor": ("linear_model", True),
}


def model_of(name: str, parameters: tuple[str, ...], raw: bool, hint: str = "--model", *, text: bool = False) -> Any:
    """An unfitted model; one of documents where it is to learn from `text`."""
    names = {known.lower(): known for known in MODELS}
    known = names.get(name.lower())
    if known is None:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(MODELS)}.", param_hint=hint)
    module, encoded = MODELS[known]
    learner = getattr(import_module(f"sqlearn.{module}"), known)()
    if text:
        learner = _of_text(learner, known)
    given = {}
    for parameter in parameters:
        key, sign, value = parameter.partition("=")
        if text and key not in learner.get_params():
            key = f"learner__{key}"
        if not sign or key not in learner.get_params():
            names_known = [known for known in learner.get_params() if known != "learner"]
            raise click.BadParameter(
                f"{parameter!r} is not NAME=VALUE with one of {known}'s parameters: {', '.join(names_known)}.",
                param_hint="--param",
            )
        try:
            given[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            given[key] = value
    from sqlearn.engine.sklearn_private import validate_params

    try:
        validate_params(learner.set_params(**given))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--param") from error
    if raw or text or not encoded:
        return learner
    from sqlearn.compose import TableModel

    return TableModel(learner)


def _of_text(learner: Any, name: str) -> Any:
    """A model of documents in front of a learner."""
    from sqlearn.compose import TextModel

    return TextModel(learner)
