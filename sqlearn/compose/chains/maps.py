"""Maps of one row alone as parts of a ColumnTransformer or FeatureUnion: evaluated before the sums.

Such a part learns nothing, so its images are columns like those that came in: of each row, alone. What stands behind
it is read from their sums.
"""

import copy
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import EfficiencyWarning
from sklearn.pipeline import FeatureUnion, Pipeline

from sqlearn.compose.chains.columns import (
    SIDE_BY_SIDE,
    Part,
    flat,
    inner_parts,
    is_idle,
    is_map,
    kind_of,
    map_of,
    parts_of,
)
from sqlearn.compose.inputs import name_of, named
from sqlearn.engine.chains import ENCODERS
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.sklearn_private import output_config, set_output_config
from sqlearn.errors import InvalidValueError, ParameterError, ShapeError, shown

_ADVICE = "Set keep_records=True, and rows are kept and all steps fitted anew when they are read."


class Images(NamedTuple):
    """What the maps of all parts make of rows.

    Attributes
    ----------
    values : float64[n, m]
        The images, side by side.
    names : list of str
        Names of their columns, for messages.
    """

    values: np.ndarray
    names: list[str]


def check_maps(steps: Any) -> None:
    """Refuse maps that do not stand in front of all that learns.

    Raises
    ------
    ParameterError
        At the first.
    """
    for name, step in steps:
        inner = next(_in_sequence(step), None)
        if inner is not None:
            raise ParameterError(
                f"{shown(inner)} cannot stand inside {name}, a Pipeline in a pipeline that forgets: what maps rows "
                "before they are learned is looked for among the outer steps, and it would be passed over. Put the "
                f"steps of {name} in its place.",
                value=inner,
            )
    before: list[Any] = []
    sequence = flat(steps)
    for place, step in enumerate(sequence):
        if isinstance(step, SIDE_BY_SIDE):
            for name, part in inner_parts(step):
                maps, behind = _split(part)
                if maps:
                    own = flat([("", each) for each in behind or ()])
                    _refuse_encoder(maps[-1][1], own + sequence[place + 1 :])
                found = next(_inside(part if before else behind), None)
                if found is not None:
                    where = f"inside the part {name}" if not before else f"behind {type(before[-1]).__name__}"
                    raise ParameterError(
                        f"{shown(found)} cannot stand {where} in a pipeline that forgets: a map of one row alone is "
                        "applied to the columns as they came, in front of the steps that learn from them. Make it a "
                        "part of its own, or the first step of one, in a ColumnTransformer that comes first. "
                        f"{_ADVICE}",
                        value=found,
                    )
        before.append(step)


def _refuse_encoder(last: Any, behind: list[Any]) -> None:
    """Refuse what takes categories behind a map, whose images are numbers."""
    if kind_of(behind) == "category":
        encoder = next(step for step in behind if isinstance(step, ENCODERS))
        raise ParameterError(
            f"{type(encoder).__name__} cannot stand behind {shown(last)} in a pipeline that forgets: it takes "
            f"columns as they came, and a map of one row alone makes numbers. Give it columns of its own. {_ADVICE}",
            value=encoder,
        )


def _split(part: Any) -> tuple[list[tuple[str, Any]], Any]:
    """The maps that a part begins with, and what is behind them."""
    if is_map(part):
        return [("", part)], None
    if not isinstance(part, Pipeline):
        return [], part
    maps: list[tuple[str, Any]] = []
    steps = list(part.steps)
    while steps and (is_idle(steps[0][1]) or is_map(steps[0][1])):
        name, step = steps.pop(0)
        if not is_idle(step):
            maps.append((name, step))
    return maps, [step for _, step in steps]


def _in_sequence(step: Any) -> Iterator[Any]:
    """The maps in a pipeline and in the pipelines in it, which are no parts of a ColumnTransformer."""
    for _, inner in step.steps if isinstance(step, Pipeline) else ():
        if is_map(inner):
            yield inner
        yield from _in_sequence(inner)


def _inside(part: Any) -> Iterator[Any]:
    """The maps in a part, at any depth."""
    if isinstance(part, list):
        for each in part:
            yield from _inside(each)
    elif isinstance(part, Pipeline):
        yield from _inside([step for _, step in part.steps])
    elif isinstance(part, SIDE_BY_SIDE):
        yield from _inside([step for _, step in inner_parts(part)])
    elif part is not None and is_map(part):
        yield part


def fix_maps(steps: Any, numbers: Any, width: int, names: list[str] | None) -> None:
    """Put the maps in force that are found for first rows, in place of those that were passed.

    Parameters
    ----------
    steps : Steps
        Copies, whose columns are listed.
    numbers : callable
        Of positions of columns, their values: float64[n, k].
    width : int
        Number of columns.
    names : list of str or None
        Names of them.
    """
    first = _first(steps)
    if first is None or not any(_split(part)[0] for _, part in inner_parts(first)):
        return
    made = {}
    for part in parts_of(first, width, names):
        maps, _ = _split(part.step)
        if not (maps and part.columns):
            made[part.name] = part.step
            continue
        transform = maps[0][1] if len(maps) == 1 else Pipeline(maps)
        own = None if names is None else tuple(names[place] for place in part.columns)
        rows = numbers(part.columns)
        try:
            with named(transform, rows):
                through, _, differs = FixedMap.of(transform, rows, "numbers", own, None, False)
        except (InvalidValueError, ShapeError) as error:
            raise ParameterError(
                f"The part {part.name}, {name_of(transform)}, does not map its columns, which are given to it as an "
                f"array of numbers, not as a frame: {error} {_ADVICE}",
                value=transform,
            ) from error
        if differs:
            warnings.warn(
                f"{name_of(transform)} gives a row other bits in a batch than alone, so the part {part.name} maps "
                "rows one by one. That takes longer.",
                EfficiencyWarning,
                stacklevel=2,
            )
        made[part.name] = through if is_map(part.step) else _behind(part.step, through, len(maps))
    if isinstance(first, FeatureUnion):
        first.transformer_list = [(name, made[name]) for name, _ in first.transformer_list]
    else:
        first.transformers = [(name, made[name], columns) for name, _, columns in first.transformers]
        first.remainder = made.get("remainder", first.remainder)


def _behind(step: Any, through: FixedMap, n_maps: int) -> Any:
    """A pipeline whose first maps are one, in the place of the first."""
    steps = []
    for name, inner in step.steps:
        if n_maps and not is_idle(inner):
            inner, through, n_maps = through or "passthrough", None, n_maps - 1  # type: ignore[assignment]
        steps.append((name, inner))
    step.steps = steps
    return step


def _first(steps: Any) -> Any:
    """The ColumnTransformer or FeatureUnion that rows come to; None if there is none."""
    first = next(iter(flat(steps)), None)
    return first if isinstance(first, SIDE_BY_SIDE) else None


def images_of(steps: Any, numbers: Any, width: int, names: list[str] | None) -> Images:
    """What the maps in force make of rows; arguments are as of :func:`fix_maps`.

    Raises
    ------
    InvalidValueError
        Where an image is infinite.
    """
    first, found, listed = _first(steps), [], []
    for part in [] if first is None else parts_of(first, width, names):
        through = map_of(part.step)
        if through is None:
            continue
        rows = numbers(part.columns)
        with named(through.transform, rows):
            images = through.images(rows, checked=True)
        images = images.toarray() if hasattr(images, "toarray") else images
        outputs = _outputs(part, through, names)
        infinite = np.argwhere(np.isinf(images))
        if len(infinite):
            row, column = infinite[0].tolist()
            raise InvalidValueError(
                f"{name_of(through.transform)} makes {images[row, column]} of row {row} (counted from 0), in "
                f"{outputs[column]!r}. Nothing was changed: drop such rows, or take another map.",
                row=row,
                column=outputs[column],
                value=images[row, column],
                reason="not finite",
            )
        found.append(images)
        listed += outputs
    return Images(np.concatenate(found, axis=1) if found else np.empty((0, 0)), listed)


def names_of_images(steps: Any, width: int, names: list[str] | None) -> list[str]:
    """Names of the columns of all images, for messages."""
    first = _first(steps)
    found = []
    for part in [] if first is None else parts_of(first, width, names):
        through = map_of(part.step)
        if through is not None:
            found += _outputs(part, through, names)
    return found


def _outputs(part: Part, through: FixedMap, names: list[str] | None) -> list[str]:
    own = [f"x{place}" if names is None else names[place] for place in part.columns]
    return [f"{part.name}__{output}" for output in through.names_out(own)]


def shown_maps(part: Part, through: FixedMap, names: np.ndarray | None, config: Any) -> list[Any]:
    """Copies of the maps of a part as scikit-learn's ColumnTransformer has them, with the names of their columns."""
    made = copy.deepcopy(through.transform)
    several = isinstance(made, Pipeline)
    found = [step for _, step in made.steps] if several else [made]
    found[0].n_features_in_ = len(part.columns)  # some are used without a fit
    if names is not None:
        found[0].feature_names_in_ = names[part.columns]
    for step in found:
        if hasattr(step, "set_output"):
            set_output_config(step, output_config(step) or config)
    return found
