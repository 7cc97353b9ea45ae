"""Which columns of a table each part of a ColumnTransformer takes, and as what: numbers or categories."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OrdinalEncoder, RobustScaler, StandardScaler

from sqlearn.engine.chains import ENCODERS
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model import ExactEstimator, Steps
from sqlearn.engine.validation import columns_listed, place_of_column
from sqlearn.errors import ParameterError, shown

_KEEP_GAPS = (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, VarianceThreshold)  # take NaN, and leave it
_OF_ORDER = (MinMaxScaler, MaxAbsScaler, RobustScaler)
SIDE_BY_SIDE = (ColumnTransformer, FeatureUnion)  # whose parts stand beside each other

Find = Callable[[int, str], int]


class Use(NamedTuple):
    """A column of the input, as the statistic has it.

    Attributes
    ----------
    place : int
        Its position.
    kind : {"category", "number"}
        What it is taken as.
    """

    place: int
    kind: str


class Part(NamedTuple):
    """A part of a ColumnTransformer or FeatureUnion.

    Attributes
    ----------
    name : str
        Its name; "remainder" for that of the columns that no other takes.
    step : estimator or str
        What they go through: "drop" or "passthrough", or an estimator.
    given : list
        Its columns, by name or position.
    columns : list of int
        Their positions.
    places : list of int
        The positions of what its steps see: the same, but where a fixed map stands in front of them. The columns of
        images are counted behind those of the rows.
    """

    name: str
    step: Any
    given: list[Any]
    columns: list[int]
    places: list[int]


def is_idle(step: Any) -> bool:
    """Whether a step does nothing."""
    return step is None or (isinstance(step, str) and step == "passthrough")


def is_map(step: Any) -> bool:
    """Whether a step is no learner of this package's, and so may only be a map of one row alone."""
    if isinstance(step, FixedMap):
        return True
    return isinstance(step, BaseEstimator) and not isinstance(step, (ExactEstimator, Pipeline, *SIDE_BY_SIDE))


def map_of(step: Any) -> FixedMap | None:
    """The fixed map that a part begins with, if it does."""
    if isinstance(step, Pipeline):
        first = next((inner for _, inner in step.steps if not is_idle(inner)), None)
        return first if isinstance(first, FixedMap) else None
    return step if isinstance(step, FixedMap) else None


def flat(steps: Any) -> list[Any]:
    """The steps that learn, or have parts that may, those of pipelines among them in their place."""
    found: list[Any] = []
    for _, step in steps:
        if isinstance(step, Pipeline):
            found += flat(step.steps)
        elif not (is_idle(step) or is_map(step)):
            found.append(step)
    return found


def inner_parts(step: Any) -> list[tuple[str, Any]]:
    """Names and parts of a ColumnTransformer or FeatureUnion; dropped ones are left out."""
    if isinstance(step, FeatureUnion):
        parts = list(step.transformer_list)
    else:
        parts = [(part[0], part[1]) for part in step.transformers] + [("remainder", step.remainder)]
    return [(name, part) for name, part in parts if not is_dropped(part)]


def is_dropped(step: Any) -> bool:
    """Whether a part is "drop"."""
    return isinstance(step, str) and step == "drop"


def leaves(steps: Any) -> list[Any]:
    """The learners in these steps, those inside of pipelines and of ColumnTransformers among them."""
    found: list[Any] = []
    for step in flat(steps):
        if isinstance(step, SIDE_BY_SIDE):
            found += leaves(inner_parts(step))
        else:
            found.append(step)
    return found


def is_of_tables(steps: Any) -> bool:
    """Whether rows come in as tables: to be taken apart, imputed or encoded."""
    return any(isinstance(step, SIDE_BY_SIDE) for step in flat(steps)) or any(
        isinstance(step, (SimpleImputer, *ENCODERS)) for step in leaves(steps)
    )


def parts_of(transformer: Any, width: int, names: Sequence[str] | None) -> list[Part]:
    """The parts of a ColumnTransformer whose columns are listed, for rows of this width and these names.

    Those of a FeatureUnion take all columns.
    """
    found: list[Part] = []
    taken: set[int] = set()
    width_so_far = width
    everything = list(range(width))
    is_union = isinstance(transformer, FeatureUnion)
    listed = [(*part, everything) for part in transformer.transformer_list] if is_union else transformer.transformers
    for name, step, given in listed:
        columns = [place_of_column(column, width, names) for column in given]
        taken |= {*columns}
        through, places = map_of(step), columns
        if through is not None:
            places = [*range(width_so_far, width_so_far + through.image_width)]
            width_so_far += through.image_width
        found.append(Part(name, step, list(given), columns, places))
    rest = [place for place in range(width) if place not in taken]
    if rest and not is_union:
        by_name = names is not None and all(
            isinstance(column, str) for part in found for column in part.given
        )  # fmt: skip
        given = [names[place] for place in rest] if by_name and names is not None else rest
        found.append(Part("remainder", transformer.remainder, given, rest, rest))
    return found


def outer(places: list[int], inner: list[int]) -> list[int]:
    """Positions among these places as positions in the rows; those of images are so already."""
    return [places[place] if place < len(places) else place for place in inner]


def resolved(steps: Steps, X: Any, width: int, names: Sequence[str] | None) -> Steps:
    """The steps, with the columns of ColumnTransformers as lists: of names where they were chosen by name."""
    return Steps([(name, _resolved(step, X, width, names)) for name, step in steps])


def _resolved(step: Any, X: Any, width: int, names: Sequence[str] | None) -> Any:
    if isinstance(step, Pipeline):
        made = clone(step)
        made.steps = [(name, _resolved(inner, X, width, names)) for name, inner in step.steps]
        return made
    if not isinstance(step, SIDE_BY_SIDE):
        return step
    made = clone(step)
    if isinstance(made, FeatureUnion):
        made.transformer_list = [(name, _inside(part)) for name, part in step.transformer_list]
        return made
    made.transformers = [
        (name, _inside(part), columns_listed(columns, X, width, names)) for name, part, columns in step.transformers
    ]  # fmt: skip
    made.remainder = _inside(step.remainder)
    return made


def _inside(step: Any) -> Any:
    """A part, whose own ColumnTransformers name their columns: there are no rows of theirs to choose from."""
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            _inside(inner)
    elif isinstance(step, FeatureUnion):
        for _, inner in step.transformer_list:
            _inside(inner)
    elif isinstance(step, ColumnTransformer):
        for name, inner, columns in step.transformers:
            if callable(columns) or isinstance(columns, slice):
                raise ParameterError(
                    f"The part {name} of a ColumnTransformer inside another transformer chooses its columns by "
                    f"{shown(columns)}. List them, or put the parts into one ColumnTransformer.",
                    value=columns,
                )
            _inside(inner)
    return step


def kind_of(steps: list[Any]) -> str:
    """What columns are taken as that go through these steps: what the first one takes that is no imputer."""
    for step in steps:
        if isinstance(step, ENCODERS):
            return "category"
        if not isinstance(step, SimpleImputer):
            return "number"
    return "number"


def uses_of(steps: Any, width: int, names: Sequence[str] | None) -> list[Use]:
    """The columns of the input that these steps take, in their order; each once as numbers, and as categories."""
    ways = _ways(flat(steps), list(range(width)), names)
    found = {Use(place, kind_of(way)) for way, places in ways for place in places}
    return sorted(found, key=lambda use: (use.kind == "category", use.place))


def _ways(
    steps: list[Any], places: list[int], names: Sequence[str] | None
) -> Iterator[tuple[list[Any], list[int]]]:  # fmt: skip
    """The ways of columns through steps, part by part: of each the steps on it, and where its columns come from."""
    k = next((k for k, step in enumerate(steps) if isinstance(step, SIDE_BY_SIDE)), None)
    if k is None:
        yield steps, places
        return
    if k:  # what comes out of another step: any of it
        parts = [(flat([part]), places) for part in inner_parts(steps[k])] or [([], places)]
    else:
        own = None if names is None else [names[place] for place in places]
        parts = [
            (flat([(part.name, part.step)]), outer(places, part.places))
            for part in parts_of(steps[0], len(places), own)
            if not is_dropped(part.step)
        ]
    for inner, own_places in parts:
        yield from _ways(steps[:k] + inner + steps[k + 1 :], own_places, names)


def image_width(steps: Any) -> int:
    """How many columns of images the fixed maps in front make."""
    first = next(iter(flat(steps)), None)
    if not isinstance(first, SIDE_BY_SIDE):
        return 0
    return sum(through.image_width for _, part in inner_parts(first) if (through := map_of(part)) is not None)


def takes_order(step: Any) -> bool:
    """Whether a step asks for the values of its columns in their order."""
    return isinstance(step, _OF_ORDER) or (
        isinstance(step, SimpleImputer) and step.strategy in ("median", "most_frequent")
    )  # fmt: skip


def keeps_order(step: Any) -> bool:
    """Whether the columns that come out of a step are increasing functions of those that go in."""
    return isinstance(step, (SimpleImputer, SelectorMixin, *_KEEP_GAPS))


def ranked(steps: Any, width: int, names: Sequence[str] | None) -> set[int]:
    """The positions of the numbers whose values are kept in order: some step asks for it."""
    found: set[int] = set()
    for way, places in _ways(flat(steps), list(range(width)), names):
        for k, step in enumerate(way):
            if takes_order(step) and kind_of(way[k:]) == "number":
                found.update(places)
            if not keeps_order(step):
                break
    return found


def may_miss(steps: Any, width: int, names: Sequence[str] | None) -> set[int]:
    """The positions of columns that may miss values: an imputer, an encoder, or nothing but scalers comes behind."""
    refused: set[int] = set()
    for way, places in _ways(flat(steps), list(range(width)), names):
        first = next((step for step in way if not (isinstance(step, _KEEP_GAPS) or _makes_gaps(step))), None)
        if first is not None and not isinstance(first, (SimpleImputer, *ENCODERS)):
            refused.update(places)
    return set(range(width + image_width(steps))) - refused


def _makes_gaps(step: Any) -> bool:
    """Whether it is an encoder that makes NaN of a missing category."""
    if not isinstance(step, OrdinalEncoder):
        return False
    value = step.encoded_missing_value
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def unweighted(steps: Any, behind: Sequence[Any] = ()) -> Any:
    """The first step that takes no weights of rows in front of those `behind`; None if all do.

    Encoders and imputers take them where they count categories or read means.
    """
    rest = flat(steps) + list(behind)
    for k, step in enumerate(flat(steps)):
        if isinstance(step, SIDE_BY_SIDE):
            for part in inner_parts(step):
                found = unweighted([part], rest[k + 1 :])
                if found is not None:
                    return found
        elif isinstance(step, SimpleImputer):
            if takes_order(step) and kind_of(rest[k:]) == "number":
                return step
        elif isinstance(step, ENCODERS):
            if (step.min_frequency, step.max_categories) != (None, None):
                return step
        elif not step.takes_weights:
            return step
    return None
