"""Models by the names that the command line knows them by."""

import ast
from importlib import import_module
from typing import Any

import click

from sqlearn.commands.pipelines import STEPS, alike, spelled, with_params

# module of each model, and whether tables are encoded for it; imported when it is asked for
MODELS = {
    "BayesianRidge": ("linear_model", True),
    "BernoulliNB": ("naive_bayes", False),
    "CategoricalNB": ("naive_bayes", False),
    "ComplementNB": ("naive_bayes", False),
    "DecisionTreeClassifier": ("tree", False),
    "DecisionTreeRegressor": ("tree", False),
    "EASE": ("recommend", False),
    "ElasticNet": ("linear_model", True),
    "ElasticNetCV": ("linear_model", False),
    "EmpiricalCovariance": ("covariance", False),
    "ExtraTreesClassifier": ("ensemble", False),
    "ExtraTreesRegressor": ("ensemble", False),
    "GammaRegressor": ("linear_model", True),
    "GaussianMixture": ("mixture", True),
    "GaussianNB": ("naive_bayes", True),
    "HistGradientBoostingClassifier": ("ensemble", False),
    "HistGradientBoostingRegressor": ("ensemble", False),
    "IsolationForest": ("ensemble", False),
    "ItemKNN": ("recommend", False),
    "KMeans": ("cluster", True),
    "KNeighborsClassifier": ("neighbors", False),
    "KNeighborsRegressor": ("neighbors", False),
    "KernelMean": ("kernel_approximation", False),
    "Lasso": ("linear_model", True),
    "LassoCV": ("linear_model", False),
    "LedoitWolf": ("covariance", False),
    "LinearDiscriminantAnalysis": ("discriminant_analysis", True),
    "LinearRegression": ("linear_model", True),
    "LinearSVC": ("svm", True),
    "LogisticRegression": ("linear_model", True),
    "LogisticRegressionCV": ("linear_model", False),
    "MixedNB": ("naive_bayes", False),
    "MultinomialNB": ("naive_bayes", False),
    "NearestCentroid": ("neighbors", True),
    "OAS": ("covariance", False),
    "OneClassSVM": ("svm", False),
    "PoissonRegressor": ("linear_model", True),
    "QuadraticDiscriminantAnalysis": ("discriminant_analysis", True),
    "RandomForestClassifier": ("ensemble", False),
    "RandomForestRegressor": ("ensemble", False),
    "Ridge": ("linear_model", True),
    "RidgeCV": ("linear_model", False),
    "RidgeClassifier": ("linear_model", True),
    "RidgeClassifierCV": ("linear_model", False),
    "ShrunkCovariance": ("covariance", False),
    "TweedieRegressor": ("linear_model", True),
}

TRANSFORMERS = {name: (module, False) for name, module in STEPS.items() if module.startswith("sqlearn.")}
OF_TEXT = "BernoulliNB", "ComplementNB", "MultinomialNB", "NearestCentroid"  # which learn from documents, too


_KNOWN = TRANSFORMERS | MODELS
_OF_OTHERS = "Voting", "Stacking", "OneVsRest", "Calibrated"


def model_of(name: str, parameters: tuple[str, ...], raw: bool, hint: str = "--model", *, text: bool = False) -> Any:
    """An unfitted model; one of documents where it is to learn from `text`."""
    name, own = spelled(name, hint)
    models = _KNOWN
    names = {known.lower(): known for known in models}
    known = names.get(name.lower())
    if known is None:
        advice = f" To learn from documents, pass --text COL and one of {', '.join(OF_TEXT)}." * (name == "TextModel")
        advice += " Pass steps in front of a model as --step." * (name in ("Pipeline", "ColumnTransformer"))
        advice += " Pass --search NAME=[VALUE,...] to choose parameters." * name.endswith("SearchCV")
        advice += " Models of other models are made in Python: Store.create takes them." * name.startswith(_OF_OTHERS)
        advice = advice or alike(name, models)
        raise click.BadParameter(f"{name!r} is not one of {', '.join(MODELS)}.{advice}", param_hint=hint)
    if text and known not in OF_TEXT:
        raise click.BadParameter(
            f"{known} does not learn from documents (--text); {', '.join(OF_TEXT)} do. To keep the documents for "
            "conditions alone, name their column in --keep as well.",
            param_hint=hint,
        )
    module, encoded = models[known]
    learner = getattr(import_module(f"sqlearn.{module.removeprefix('sqlearn.')}"), known)()
    with_params(learner, own, known, hint)
    if text:
        from sqlearn.compose import TextModel

        learner = TextModel(learner)
    given = {}
    for parameter in parameters:
        key, sign, value = parameter.partition("=")
        if text and key not in learner.get_params():
            key = f"learner__{key}"
        if not sign or key not in learner.get_params() or key in ("learner", "learner__key", "learner__ledger"):
            names_known = sorted({name.removeprefix("learner__") for name in learner.get_params()} - {"learner"})
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
