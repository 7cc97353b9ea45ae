"""What may stand in front of what in a chain that is read from sums, and why not."""

from math import isfinite
from numbers import Real
from typing import Any, NoReturn

from sklearn.feature_selection import chi2
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from sqlearn.compose.chains.columns import (
    SIDE_BY_SIDE,
    flat,
    inner_parts,
    keeps_order,
    kind_of,
    leaves,
    takes_order,
)
from sqlearn.engine.chains import ENCODERS, READ_FROM_TABLES, check_reader, is_linear
from sqlearn.engine.model import Adaptive, ExactEstimator, Inner, Steps
from sqlearn.engine.sums import Correlations, Gram, Mixed, Moments, Sums
from sqlearn.errors import InvalidValueError, ParameterError, shown

_READ = (Correlations, Gram, Mixed, Moments)
_OTHERWISE = (
    "Set keep_records=True, and the pipeline keeps its rows and fits all steps anew when it is read; docs/pipelines.md "
    "lists what may stand where without."
)


def teacher(steps: Steps) -> Any:
    """The last step that takes labels or targets; None if none does."""
    taking = [step for step in leaves(steps) if step.target is not None]
    return taking[-1] if taking else None


def check_step(step: Any, model: str) -> None:
    """Refuse a step with parameters that it does not take; set its parameters to those that it takes."""
    own = Inner(step).checked_params()
    refuse_own_ledger(step, model)
    for name, value in own.items():  # of a copy: `params` are what checked_params returned
        setattr(step, name, value)


def refuse_own_ledger(step: Any, model: str) -> None:
    """Refuse a ledger or a key of a step's own: records are those of the model that it is a step of."""
    own = step.get_params(deep=False)
    if own.get("key") is not None or own.get("ledger", True) is not True:
        raise ParameterError(
            f"{type(step).__name__} is a step, and must not have a ledger or key of its own. Set `ledger` and `key` "
            f"of the {model}, and leave the step's at their defaults."
        )


def refuse_weights(step: Any) -> NoReturn:
    """Refuse weights of rows for the sake of this step."""
    given, advice = {}, ""
    if isinstance(step, SimpleImputer):
        given, advice = {"strategy": step.strategy}, ", or set strategy='mean'"
    elif isinstance(step, ENCODERS):
        options = {name: getattr(step, name) for name in ("min_frequency", "max_categories")}
        given = {name: value for name, value in options.items() if value is not None}
        advice = f", or {' and '.join(given)} at None"
    told = ", ".join(f"{name}={shown(value)}" for name, value in given.items())
    raise InvalidValueError(
        f"{type(step).__name__}{f' with {told}' if told else ''} takes no sample weights. Nothing was changed: leave "
        f"sample_weight out{advice}.",
        reason="weight",
    )


def check_weights(weights: dict[str, Any] | None) -> None:
    """Refuse weights of parts that are no finite numbers."""
    for name, weight in (weights or {}).items():
        if not (isinstance(weight, Real) and isfinite(weight)):
            raise ParameterError(
                f"transformer_weights gives {shown(name)} {shown(weight)}. Pass a finite number.", value=weight
            )


def check_chain(steps: Steps) -> None:
    """Refuse steps that cannot be read one behind the other from sums."""
    _check_sequence(flat(steps), True, [])
    targets = {step.target for step in leaves(steps) if step.target is not None}
    if len(targets) > 1:
        last = teacher(steps)
        other = next(step for step in leaves(steps) if step.target not in (None, last.target))
        advice = (
            " Set its score_func to f_regression." if last.target == "value" else " Set its score_func to f_classif."
        )
        raise ParameterError(
            f"{type(last).__name__} learns {_what(last)}, and {type(other).__name__} {_what(other)}: one y cannot be "
            f"both.{advice}",
            value=other,
        )


def _check_sequence(sequence: list[Any], ends: bool, outside: list[Any]) -> None:
    """Refuse what cannot be read in this order.

    Parameters
    ----------
    sequence : list of estimator
        The steps.
    ends : bool
        Whether nothing comes behind the last one.
    outside : list of estimator
        Of a part, the steps before the ColumnTransformer or FeatureUnion that it is in.
    """
    for place, step in enumerate(sequence):
        before = [*outside, *sequence[:place]]
        if isinstance(step, SIDE_BY_SIDE):
            check_weights(step.transformer_weights)
            for name, part in inner_parts(step):
                _check_sequence(flat([(name, part)]), ends and place == len(sequence) - 1, before)
            continue
        kind = type(step).__name__
        is_last = ends and place == len(sequence) - 1
        if isinstance(step, READ_FROM_TABLES):
            wrong = next((each for each in reversed(before) if not isinstance(each, READ_FROM_TABLES)), None)
            if isinstance(step, ENCODERS) and wrong is None:  # behind imputers of its own part alone
                wrong = next((each for each in before if isinstance(each, ENCODERS)), (outside or [None])[-1])
            if wrong is not None:
                raise ParameterError(
                    f"{kind} cannot stand behind {type(wrong).__name__} in a pipeline that forgets: it needs its "
                    f"columns as they came. Put it in front{', with an imputer of its own' if outside else ''}.",
                    value=step,
                )
            is_category = kind_of(sequence[place:]) == "category"
            check_reader(step, is_category)
            if takes_order(step) and not is_category:
                _check_order(step, before)
            continue
        if takes_order(step):
            _check_order(step, before)
            continue
        if not is_last and not is_linear(type(step)._sklearn_class):
            raise ParameterError(
                f"{kind} cannot stand in front of another step of a pipeline that is read from sums: its transform is "
                f"no linear map of the columns. {_OTHERWISE}",
                value=step,
            )
        statistic = None if isinstance(step, Adaptive) else Inner(step).new_statistic(1, 1)
        is_count = not before or isinstance(before[-1], OneHotEncoder)  # what comes in is not negative
        first_of_counts = isinstance(statistic, Sums) and is_count and hasattr(step, "score_func")
        if not (isinstance(statistic, _READ) or first_of_counts):
            where = f"behind {type(before[-1]).__name__}" if before else "there"
            if getattr(step, "score_func", None) is chi2:
                raise ParameterError(
                    f"{kind} with score_func=chi2 cannot stand {where} in a pipeline that is read from sums: chi2 "
                    "takes counts, and these are known to be so of columns as they came and right behind a "
                    "OneHotEncoder. Put it first, or right behind a OneHotEncoder in the same part of a "
                    "ColumnTransformer, or set its score_func to f_classif.",
                    value=step,
                )
            raise ParameterError(
                f"{kind} cannot stand {where} in a pipeline that is read from "
                "sums: what it holds of its rows does not follow from the sums of products of columns. Learners of "
                f"means and covariances can, such as Ridge, LinearDiscriminantAnalysis or GaussianNB. {_OTHERWISE}",
                value=step,
            )


def _check_order(step: Any, before: list[Any]) -> None:
    """Refuse a step that needs values in their order, where they are no increasing functions of those that came in."""
    mixing = next((each for each in before if not keeps_order(each)), None)
    if mixing is not None:
        raise ParameterError(
            f"{type(step).__name__} cannot stand behind {type(mixing).__name__} in a pipeline that forgets: it needs "
            "its columns in order, and those are kept of the rows as they came. Put it in front, or take "
            f"{'another strategy' if isinstance(step, READ_FROM_TABLES) else 'StandardScaler'}.",
            value=step,
        )


def _what(step: ExactEstimator) -> str:
    return "labels" if step.target == "label" else "values"
