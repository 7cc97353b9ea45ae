"""What may stand behind a fixed map."""

from dataclasses import replace
from typing import Any

from sqlearn.compose.table_model import TableModel
from sqlearn.compose.text_model import TextModel
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model import ExactEstimator, Inner
from sqlearn.errors import ParameterError, shown


def _recommends(learner: Any) -> bool:
    return hasattr(learner, "recommend")


def check_learner(params: dict[str, Any], own_class: type) -> None:
    """Refuse what cannot stand behind a map; set the learner's parameters to those that it takes."""
    learner = params["learner"]
    if (
        not isinstance(learner, ExactEstimator)
        or isinstance(learner, own_class | TableModel | TextModel)
        or _recommends(learner)
    ):
        advice = "Take sqlearn's class of that name, as sqlearn.linear_model.Ridge for sklearn.linear_model.Ridge."
        if isinstance(learner, type):
            advice = f"Pass an instance: {learner.__name__}()."
        elif isinstance(learner, TableModel):
            advice = "An image has numbers alone: pass the learner that is inside the TableModel."
        elif isinstance(learner, TextModel) or _recommends(learner):
            advice = "An image is a row of numbers: pass a learner of numbers, such as MultinomialNB."
        elif isinstance(learner, own_class):
            advice = "Put both maps into one sklearn.pipeline.make_pipeline, and the inner learner behind it."
        raise ParameterError(
            f"learner must be an estimator of sqlearn that learns numbers, not {shown(learner)}. {advice}",
            value=learner,
        )
    if params["fingerprint"] == "":
        raise ParameterError(
            "The fingerprint is empty, so it names nothing. Nothing was changed: name the map and its version, or "
            "leave it None.",
            value="",
        )
    own = Inner(learner).checked_params()
    if own["key"] is not None or own.get("ledger", True) is not True:
        raise ParameterError(
            "The learner inside FixedFeatures must not have a ledger or key of its own. Set `ledger` and `key` of "
            "FixedFeatures, and leave the learner's at their defaults."
        )
    for name, value in own.items():  # of a copy: `params` are what checked_params returned
        setattr(learner, name, value)
    if not isinstance(own.get("categorical_features"), str | None):
        raise ParameterError(
            f"Behind a map, all features are numbers. Leave `categorical_features` of {type(learner).__name__} at "
            "its default."
        )
    if own.get("pilot") is not None:
        raise ParameterError(
            f"Inside FixedFeatures, {type(learner).__name__} takes no `pilot`: its rows would have to be mapped "
            "too. Fit the learner itself to images, which the model's `images` computes."
        )
    if learner.keeps_records and not params["ledger"]:
        raise ParameterError(
            f"{type(learner).__name__} keeps its records, and identifies them by its ledger. Leave `ledger` True."
        )


def of_images(layout: Any, through: FixedMap) -> Any:
    """The layout of images of rows."""
    return replace(layout, n_features_in_=through.image_width, feature_names_in_=None, through=None)
