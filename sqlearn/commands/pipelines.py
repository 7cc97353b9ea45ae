"""Pipelines as the command line spells them: steps in front of a model, for all columns or for some of them."""

import ast
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import click

# where each step is imported from; scikit-learn's learn nothing from rows, or make words of documents
STEPS = {
    "CountVectorizer": "sklearn.feature_extraction.text",
    "HashingVectorizer": "sklearn.feature_extraction.text",
    "KBinsDiscretizer": "sqlearn.preprocessing",
    "LinearDiscriminantAnalysis": "sqlearn.discriminant_analysis",
    "MaxAbsScaler": "sqlearn.preprocessing",
    "MinMaxScaler": "sqlearn.preprocessing",
    "Normalizer": "sklearn.preprocessing",
    "OneHotEncoder": "sqlearn.preprocessing",
    "OrdinalEncoder": "sqlearn.preprocessing",
    "PCA": "sqlearn.decomposition",
    "PolynomialFeatures": "sklearn.preprocessing",
    "QuantileTransformer": "sqlearn.preprocessing",
    "RBFSampler": "sklearn.kernel_approximation",
    "RobustScaler": "sqlearn.preprocessing",
    "SelectFdr": "sqlearn.feature_selection",
    "SelectFpr": "sqlearn.feature_selection",
    "SelectFwe": "sqlearn.feature_selection",
    "SelectKBest": "sqlearn.feature_selection",
    "SelectPercentile": "sqlearn.feature_selection",
    "SimpleImputer": "sqlearn.impute",
    "StandardScaler": "sqlearn.preprocessing",
    "TfidfTransformer": "sklearn.feature_extraction.text",
    "TfidfVectorizer": "sklearn.feature_extraction.text",
    "TruncatedSVD": "sqlearn.decomposition",
    "VarianceThreshold": "sqlearn.feature_selection",
}
_ENCODERS = "OneHotEncoder", "OrdinalEncoder"  # which take text


@dataclass
class Given:
    """What the command was given beside the model.

    Attributes
    ----------
    steps : sequence of str
        Steps for all columns.
    number_steps, category_steps : sequence of str
        Steps in front of those, for the columns of numbers and for those of categories.
    column_steps : sequence of (str, str)
        Columns, separated by commas, and a step for these alone.
    search : sequence of str
        Names of parameters and the values among which one is chosen: NAME=[VALUE,...].
    keep_records : bool
        Whether all steps are fitted to kept records when they are read.
    """

    steps: Sequence[str] = ()
    number_steps: Sequence[str] = ()
    category_steps: Sequence[str] = ()
    column_steps: Sequence[tuple[str, str]] = ()
    search: Sequence[str] = ()
    keep_records: bool = False
    made: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any((self.steps, self.number_steps, self.category_steps, self.column_steps, self.search)) or (
            self.keep_records
        )  # fmt: skip

    def checked(self, text: bool) -> None:
        """Make all steps, so that a mistyped one is refused before a table is read.

        Raises
        ------
        click.BadParameter
            At the first that is not known, or does not take its parameters.
        """
        for hint, texts in (
            ("--step", self.steps), ("--number-step", self.number_steps), ("--category-step", self.category_steps),
            ("--column-step", [step for _, step in self.column_steps]),
        ):  # fmt: skip
            self.made[hint] = [step_of(given, hint) for given in texts]
        for given in self.search:
            _values_of(given)
        if text and (self.number_steps or self.category_steps or self.column_steps):
            raise click.UsageError(
                "Documents (--text) are the only column that a model learns from, so there are no others to have steps "
                "of their own. Pass --step alone, such as --step TfidfVectorizer:norm=None."
            )


def step_of(given: str, hint: str) -> Any:
    """A step as it is spelled: its name, or its name, a colon and its parameters, as in PCA:n_components=3."""
    name, params = spelled(given, hint)
    known = {step.lower(): step for step in STEPS}.get(name.lower())
    if known is None:
        from sqlearn.commands.models import MODELS

        is_model = name.lower() in {model.lower() for model in MODELS}
        advice = f" {name} is a model: pass it as --model, which comes last." if is_model else alike(name, STEPS)
        raise click.BadParameter(f"{name!r} is not one of {', '.join(STEPS)}.{advice}", param_hint=hint)
    return with_params(getattr(import_module(STEPS[known]), known)(), params, known, hint)


def alike(name: str, known: Iterable[str]) -> str:
    """A sentence with the name that is most like another, if there is one."""
    names = {own.lower(): own for own in known}
    found = difflib.get_close_matches(name[:100].lower(), names, 1)
    return f" Do you mean {names[found[0]]}?" if found else ""


def spelled(given: str, hint: str) -> tuple[str, dict[str, Any]]:
    """A name and its parameters: NAME, NAME:K=V,K=V or NAME(K=V,K=V); values as Python writes them, or a word."""
    name, colon, rest = given.strip().partition(":")
    if not colon and name.endswith(")"):
        name, _, rest = name[:-1].partition("(")
    wrong = click.BadParameter(
        f"{given[:200]!r} is not NAME or NAME:PARAMETER=VALUE,..., as in PCA:n_components=3.", param_hint=hint
    )
    if "(" in name:
        raise wrong
    try:
        call = ast.parse(f"f({rest})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise wrong from error
    if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name):
        raise wrong
    params = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise wrong
        params[keyword.arg] = _value_of(keyword.value, keyword.arg, hint)
    return name.strip(), params


def _value_of(node: ast.expr, name: str, hint: str) -> Any:
    if isinstance(node, ast.Name):
        return node.id
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise click.BadParameter(
            f"The value of {name} is neither a number, text, a list nor a word: {ast.unparse(node)[:200]!r}.",
            param_hint=hint,
        ) from error


def with_params(estimator: Any, params: dict[str, Any], name: str, hint: str) -> Any:
    """The estimator with these parameters."""
    from sqlearn.engine.readout import score_functions
    from sqlearn.engine.sklearn_private import validate_params

    known = estimator.get_params(deep=False)
    functions = {function.__name__: function for function in score_functions()}
    for key, value in params.items():
        if key not in known or key in ("key", "ledger", "memory"):
            names = sorted({*known} - {"key", "ledger", "memory"})
            raise click.BadParameter(
                f"{name} has no parameter {key!r}. Its parameters are {', '.join(names)}.", param_hint=hint
            )
        if key == "score_func":
            params[key] = functions.get(value, value)
    try:
        validate_params(estimator.set_params(**params))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=hint) from error
    return estimator


def built(model: Any, given: Given, numbers: list[str], categories: list[str], text: bool) -> Any:
    """The pipeline of these steps in front of a model.

    Parameters
    ----------
    model : estimator
        What learns.
    given : Given
        The steps, checked.
    numbers, categories : list of str
        The columns of numbers and of categories among the features.
    text : bool
        Whether the one feature is a document.
    """
    from sqlearn.pipeline import make_pipeline

    steps = [*given.made["--step"]]
    columns = None if text else _columns(given, numbers, categories, bool(steps) and _takes_text(steps[0]))
    steps = [*([] if columns is None else [columns]), *steps, model]
    pipeline: Any = make_pipeline(*steps, keep_records=given.keep_records)
    if len(steps) == 1 and not given.keep_records:
        pipeline = model
    if not given.search:
        return pipeline
    from sqlearn.model_selection import GridSearchCV

    grid: dict[str, Any] = {}
    known = pipeline.get_params()
    for search in given.search:
        name, values = _values_of(search)
        last = pipeline.steps[-1][0] if hasattr(pipeline, "steps") else ""
        whole = f"{last}__{name}" if last and name not in known else name
        if whole not in known:
            parts = [key for key in known if "__" not in key and hasattr(known[key], "get_params")]
            steps_known = f" Those of steps are named as {parts[0]}__NAME; the steps are {', '.join(parts)}."
            raise click.BadParameter(
                f"{type(model).__name__} has no parameter {name!r}.{steps_known * bool(parts)}", param_hint="--search"
            )
        grid[whole] = values
    return GridSearchCV(pipeline, grid)


def _takes_text(step: Any) -> bool:
    return type(step).__name__ in _ENCODERS or getattr(step, "strategy", "") in ("most_frequent", "constant")


def _columns(given: Given, numbers: list[str], categories: list[str], first_takes_text: bool) -> Any:
    """What treats columns in different ways; None where all of them go the same way."""
    from sqlearn.compose import ColumnTransformer
    from sqlearn.pipeline import make_pipeline
    from sqlearn.preprocessing import OneHotEncoder

    own: dict[str, list[Any]] = {}
    for (names, _), step in zip(given.column_steps, given.made["--column-step"], strict=True):
        own.setdefault(names, []).append(step)
    taken = set()
    parts: list[Any] = []
    for names, steps in own.items():
        listed = [name.strip() for name in names.split(",")]
        for name in listed:
            if name not in [*numbers, *categories]:
                raise click.BadParameter(
                    f"{name!r} is not a column that the model learns from; those are "
                    f"{', '.join([*numbers, *categories])}.",
                    param_hint="--column-step",
                )
            if name in taken:
                raise click.BadParameter(
                    f"{name!r} is in two lists of columns. Name it in one of them; steps for the same list follow each "
                    "other.",
                    param_hint="--column-step",
                )
            taken.add(name)
        parts.append((f"columns{len(parts)}", make_pipeline(*steps), listed))
    numbers, categories = ([name for name in names if name not in taken] for names in (numbers, categories))
    same = not (own or given.made["--number-step"] or given.made["--category-step"])
    if same and (not categories or first_takes_text):
        return None
    for hint, left, kind in (("--number-step", numbers, "number"), ("--category-step", categories, "category")):
        if given.made[hint] and not left:
            raise click.BadParameter(
                f"No column is left for these steps. Leave them out, or name columns of this kind with --{kind}.",
                param_hint=hint,
            )
    if numbers:
        parts.append(("numbers", _chained(given.made["--number-step"]), numbers))
    if categories:
        steps = given.made["--category-step"] or [OneHotEncoder(handle_unknown="ignore")]
        parts.append(("categories", _chained(steps), categories))
    return ColumnTransformer(parts)


def _chained(steps: list[Any]) -> Any:
    from sqlearn.pipeline import make_pipeline

    return make_pipeline(*steps) if len(steps) > 1 else steps[0] if steps else "passthrough"


def _values_of(given: str) -> tuple[str, list[Any]]:
    """The name of a parameter, and the values to choose from: NAME=[VALUE,...]."""
    name, sign, values = given.partition("=")
    wrong = click.BadParameter(
        f"{given[:200]!r} is not NAME=[VALUE,...], as in alpha=[0.1,1,10].", param_hint="--search"
    )
    try:
        node = ast.parse(values, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise wrong from error
    if not sign or not isinstance(node, ast.List) or not node.elts:
        raise wrong
    return name.strip(), [_value_of(value, name, "--search") for value in node.elts]
