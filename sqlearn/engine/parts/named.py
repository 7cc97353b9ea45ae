"""Parts with names, as scikit-learn's ensembles have them."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import Bunch

from sqlearn.engine.parts.composite import checked_part
from sqlearn.engine.parts.keeping import Whole
from sqlearn.errors import ParameterError, shown

Named = list[tuple[str, Any]]


def checked_names(params: dict[str, Any], owner: Any, *, of_both_kinds: bool = False) -> Named:
    """Copies of the named estimators that a user passed as `estimators`, those that are dropped too.

    They are of the kind of their owner or, if `of_both_kinds`, classifiers and regressors.

    Raises
    ------
    ParameterError
        When they are none.
    """
    given, name_of_owner = params["estimators"], type(owner).__name__
    pairs = isinstance(given, list | tuple) and all(
        isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str) for item in given
    )
    if not pairs or not given:
        raise ParameterError(
            "Invalid 'estimators' attribute, 'estimators' should be a non-empty list of (string, estimator) tuples, "
            f"not {shown(given)}. Nothing was changed: name each estimator.",
            value=given,
        )
    names = [name for name, _ in given]
    wrong = {name for name in names if names.count(name) > 1 or "__" in name or name in params}
    if wrong:
        raise ParameterError(
            f"The name {shown(min(wrong))} of an estimator is given twice, has two underscores, or is that of a "
            f"parameter of {name_of_owner}. Nothing was changed: rename it.",
            value=min(wrong),
        )
    found = [(name, part if _is_dropped(part) else checked_part(part, name_of_owner)) for name, part in given]
    if all(_is_dropped(part) for _, part in found):
        raise ParameterError(
            "All estimators are dropped. At least one is required to be an estimator. Nothing was changed: pass one."
        )
    fits, kind = (is_classifier, "classifier") if is_classifier(owner) else (is_regressor, "regressor")
    for _, part in found:
        if not (_is_dropped(part) or fits(part) or (of_both_kinds and (is_classifier(part) or is_regressor(part)))):
            wanted = "classifier or a regressor" if of_both_kinds else kind
            raise ParameterError(
                f"The estimator {type(part).__name__} should be a {wanted}. Nothing was changed: pass one.", value=part
            )
    return found


def _is_dropped(part: Any) -> bool:
    return isinstance(part, str) and part == "drop"


def active(params: dict[str, Any]) -> list[Any]:
    """The estimators that are not dropped."""
    return [part for _, part in params["estimators"] if not _is_dropped(part)]


def named_estimators(params: dict[str, Any], models: list[Any]) -> Bunch:
    """Fitted estimators by their names; "drop" where one is dropped."""
    rest = iter(models)
    return Bunch(**{name: part if _is_dropped(part) else next(rest) for name, part in params["estimators"]})


def codes(whole: Whole) -> np.ndarray:
    """Classes as numbers from 0, as scikit-learn's ensembles give them to their parts; targets as they are."""
    return whole.y
