"""A model beside another that has learned fewer rows, number by number."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import click
import numpy as np

_FITTED = "intercept_", "coef_"  # of models that have them
_MOST = 20  # numbers of one attribute that are printed


class Line(NamedTuple):
    """A number of the model and that of the other; None where one has no such number."""

    what: str
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        return None if self.before is None or self.after is None else self.after - self.before


def scored(models: tuple[Any, Any], held: Any, gone: set[Any]) -> Iterator[Line]:
    """Scores on the rows that both have learned and on the others, and how predictions differ.

    Parameters
    ----------
    models : (estimator, estimator)
        The models.
    held : Bunch
        What ``Store.rows`` returns.
    gone : set
        Ids of the rows that the second model has not learned.
    """
    left_out = np.array([id in gone for id in held.ids])
    for what, rows in (("score of the other rows", ~left_out), ("score of these rows", left_out)):
        if hasattr(models[0], "score") and rows.sum() > (models[0].target == "value"):  # R^2 of one row is undefined
            yield Line(what, *(float(model.score(**_some(held, rows))) for model in models))
    if hasattr(models[0], "predict"):
        before, after = (np.asarray(model.predict(held.X)) for model in models)
        if before.dtype.kind == "f":
            yield Line("largest change of a prediction", None, float(np.max(np.abs(after - before))))
        else:
            yield Line("predictions that change", None, int(np.sum(after != before)))


def fitted(models: tuple[Any, Any], features: list[str], attributes: Sequence[str]) -> Iterator[list[Line]]:
    """Fitted attributes, each as its numbers; `intercept_` and `coef_`, if there are none.

    Raises
    ------
    click.BadParameter
        If the model has no such attribute, or one that is not made of numbers.
    """
    for attribute in attributes or [name for name in _FITTED if hasattr(models[0], name)]:
        before, after = (_numbers(model, attribute, features) for model in models)
        yield [Line(what, before.get(what), after.get(what)) for what in dict.fromkeys(chain(before, after))]


def _some(held: Any, rows: np.ndarray) -> dict[str, Any]:
    """Arguments of `score` for some rows."""
    X = {name: column[rows] for name, column in held.X.items()} if isinstance(held.X, dict) else held.X[rows]
    return {"X": X} | {name: held[name][rows] for name in ("y", "sample_weight") if held[name] is not None}


def _numbers(model: Any, attribute: str, features: list[str]) -> dict[str, float]:
    """The numbers of a fitted attribute by their names: of the attribute, the class, and the feature."""
    value: Any = np.asarray(getattr(model, attribute, None))
    if attribute[-1:] != "_" or attribute.startswith("_") or value.dtype.kind not in "fiu":
        told = f"A {type(model).__name__} has no fitted attribute {attribute!r} made of numbers."
        raise click.BadParameter(told, param_hint="--attribute")
    value = value.reshape(value.shape[1:] if value.ndim and len(value) == 1 else value.shape)
    axes = [_classes(model, length) for length in value.shape[:-1]]
    if value.ndim:
        of_classes = attribute == "intercept_" or attribute.startswith("class_")
        axes.append(_classes(model, len(value)) if of_classes else _features(model, value.shape[-1], features))
    return {
        " ".join([attribute, *(names[i] for names, i in zip(axes, places, strict=True))]): number.item()
        for places, number in np.ndenumerate(value)
    }


def _classes(model: Any, length: int) -> list[str]:
    names = getattr(model, "classes_", ())
    return [*map(str, names if len(names) == length else range(length))]


def _features(model: Any, length: int, features: list[str]) -> list[str]:
    """Names of the columns that the learner takes: those of the table, or what they are encoded as."""
    known = [features, getattr(model, "encoded_names_", ())]
    if hasattr(model, "get_feature_names_out"):
        known.append(model.get_feature_names_out())
    return next(([*map(str, names)] for names in known if len(names) == length), _classes(model, length))


def table(lines: list[Line], groups: list[list[Line]]) -> list[str]:
    """Lines for people: of an attribute with many numbers, those that change most."""
    shown = [*lines]
    for group in groups:
        by_change = sorted(group, key=lambda line: 1.0 if line.change is None else -abs(line.change))
        shown += group if len(group) <= _MOST else by_change[:_MOST]
    cells = [
        ("", "with", "without", "change"),
        *((line.what, *map(_printed, (*line[1:], line.change))) for line in shown),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    found = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    hidden = sum(max(0, len(group) - _MOST) for group in groups)
    more = [f"{hidden:,} more numbers change less: --out FILE has them all."] if hidden else []
    return [*found, *more]


def _printed(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"
