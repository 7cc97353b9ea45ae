"""Reading steps from sums: each learns from the Gram matrix of its input, and maps that to the one of its output."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, cached_property, partial
from typing import Any

import numpy as np
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from sqlearn.compose.chains.columns import (
    SIDE_BY_SIDE,
    Find,
    Part,
    flat,
    is_dropped,
    is_idle,
    is_map,
    kind_of,
    map_of,
    parts_of,
    takes_order,
)
from sqlearn.compose.chains.maps import shown_maps
from sqlearn.engine.chains import (
    READ_FROM_TABLES,
    Category,
    Column,
    Number,
    Table,
    Through,
    check_reader,
    completed,
    mapping_of,
    one_by_one,
    read_from_table,
    row_map,
    seen_state,
    side_by_side,
)
from sqlearn.engine.maps import FixedMap
from sqlearn.engine.model import ExactEstimator, Inner, State
from sqlearn.engine.readout import LinearMap
from sqlearn.engine.sklearn_private import fitted_column_transformer, output_config, set_output_config
from sqlearn.engine.sums import Statistic
from sqlearn.errors import InvalidValueError, UndefinedAttributeError

Mapping = tuple[LinearMap, list[Column]]


@dataclass
class Input:
    """What comes to a step.

    Attributes
    ----------
    table : Table
        The sums.
    width : int
        Number of columns.
    find : callable
        Of the position of a column and what it is taken as, its place in the table.
    names : object[width] or None
        Names of the columns.
    settle : callable
        Of a step, what it was fitted to be and the table that it was read from, what is taken in its place.
    mixed : bool
        Whether columns may hold numbers beside text.
    """

    table: Table
    width: int
    find: Find
    names: np.ndarray | None
    settle: Callable[[Any, Any, Table], Any] = lambda step, fitted, table: fitted
    mixed: bool = False

    def behind(self, mapping: "Mapping", names: np.ndarray | None = None) -> "Input":
        """What comes out of a step with this map."""
        table = self.table.through(*mapping)
        return replace(self, table=table, width=len(table.columns), find=lambda place, kind: place, names=names)

    def columns(self, places: list[int], kind: str) -> Table:
        """The table of these columns, taken as such."""
        return self.table.chosen([self.find(place, kind) for place in places])

    def part(self, places: list[int], names: np.ndarray | None) -> "Input":
        """These columns alone."""
        return replace(self, width=len(places), find=lambda place, kind: self.find(places[place], kind), names=names)


@dataclass
class Later:
    """Something that is made when it is asked for, if it is.

    Attributes
    ----------
    make : callable
        Makes it.
    """

    make: Callable[[], Any]


class Read:
    """A step, read from the sums.

    Parameters
    ----------
    name : str
        Its name.
    learner : estimator, or None
        The step; None for one that does nothing.
    fitted : estimator, Later or None
        scikit-learn's, fitted.
    seen : State, Later or None
        The state that the step would have after learning its input; None for steps that are made of others.
    mapping : callable
        Its transform, as a map of the variables of the table that it read.
    parts : list of Read, default=()
        What it is made of.
    through : callable, default=None
        Makes what the step makes of one row, see :func:`~sqlearn.engine.chains.one_row.row_map`.
    width : int, default=0
        How many columns the last step inside gets.
    found : estimator, optional
        Of an imputer or encoder, what was found of it for its map.
    """

    def __init__(
        self, name: str, learner: Any, fitted: Any, seen: Any, mapping: Callable[[], Mapping],
        parts: "Sequence[Read]" = (), through: Callable[[], Through | None] | None = None, width: int = 0,
        found: Any = None,
    ) -> None:  # fmt: skip
        self.name, self.learner, self.mapping, self.parts, self.width = name, learner, mapping, list(parts), width
        self._fitted, self._seen, self._through, self.found = fitted, seen, through, found

    @cached_property
    def through(self) -> Through | None:
        """What the step makes of one row; None where scikit-learn has to be asked."""
        if self._through is None or (self.learner is not None and output_config(self.learner) is not None):
            return None
        return self._through()

    @property
    def fitted(self) -> Any:
        """scikit-learn's estimator, fitted."""
        if isinstance(self._fitted, Later):
            self._fitted = self._fitted.make()
        return self._fitted

    @property
    def seen(self) -> State | None:
        """The state that the step would have after learning its input."""
        if isinstance(self._seen, Later):
            self._seen = self._seen.make()
        found: State | None = self._seen
        return found


def read_steps(steps: Any, state: State, given: Input) -> list[Read]:
    """Each step, as it would be after learning what the ones before it make of the input."""
    found: list[Read] = []
    steps = list(steps)
    for place, (name, step) in enumerate(steps):
        rest = flat(steps[place + 1 :])
        read = read_step(name, step, state, given, rest)
        found.append(read)
        if rest:
            if read.learner is not None:
                given = given.behind(read.mapping(), names_out(read))
    return found


def names_out(read: Read) -> np.ndarray | None:
    """Names of the columns that come out of a step, where it gives frames."""
    config = None if read.learner is None else output_config(read.learner)
    if config is None or config.get("transform") not in ("pandas", "polars") or read.fitted is None:
        return None
    return np.asarray(read.fitted.get_feature_names_out(), object)


def read_step(name: str, step: Any, state: State, given: Input, rest: list[Any]) -> Read:
    """One step, in front of the steps of `rest`."""
    if isinstance(step, SIDE_BY_SIDE):
        return _read_columns(name, step, state, given, rest)
    if isinstance(step, Pipeline):
        return _read_pipeline(name, step, state, given, rest)
    kind = kind_of(flat([(name, step)]) + rest)
    table = given.columns(list(range(given.width)), kind)
    if is_idle(step) or is_map(step):  # whose images are columns
        through = None if is_map(step) else partial(row_map, None, table)
        return Read(name, None, None, None, lambda: mapping_of(None, table), through=through)
    if not table.columns:
        raise UndefinedAttributeError(
            f"No column is left for the step {name} of this {state.learner}, so there are no fitted attributes. The "
            "model is intact: learn rows whose columns the steps before it keep.",
            reason="too few records",
        )
    if isinstance(step, READ_FROM_TABLES):
        return _read_from_table(name, step, state, given, table)
    _refuse_categories(name, table)
    if takes_order(step):
        statistic: Statistic = table.order()
    else:
        statistic = table.statistic(step.target == "value" or state.layout.labels == "indicator")
    seen = seen_state(state, step, statistic, len(table.columns), given.names)
    found = Inner(step).fitted_sklearn(seen)
    fitted = given.settle(step, found, table)
    if fitted is not found:
        seen.fitted_sklearn = fitted, seen.version
    set_output_config(fitted, output_config(step))
    through, width = partial(row_map, fitted, table), len(table.columns)
    return Read(name, step, fitted, seen, cache(lambda: mapping_of(fitted, table)), through=through, width=width)


def _read_from_table(name: str, step: Any, state: State, given: Input, table: Table) -> Read:
    """An imputer or encoder: what its map does not need is made when it is asked for."""
    check_reader(step, any(isinstance(column, Category) for column in table.columns))
    bare = read_from_table(Inner(step).new_sklearn(), table, mixed=given.mixed)
    found = given.settle(step, bare, table)

    def fitted() -> Any:
        whole = completed(found, table)
        if given.names is not None:
            whole.feature_names_in_ = given.names
        set_output_config(whole, output_config(step))
        return whole

    def seen() -> State:
        made = seen_state(state, step, table.empty(), len(table.columns), given.names)
        made.fitted_sklearn = read.fitted, made.version
        return made

    mapping, through = cache(lambda: mapping_of(found, table)), partial(row_map, found, table)
    read = Read(
        name, step, Later(fitted), Later(seen), mapping, through=through, width=len(table.columns), found=found
    )  # fmt: skip
    return read


def _refuse_categories(name: str, table: Table) -> None:
    for column in table.columns:
        if isinstance(column, Category):
            raise InvalidValueError(
                f"The step {name} takes numbers, and gets categories. Nothing was changed: put OneHotEncoder in front.",
                reason="not numeric",
            )


def _read_pipeline(name: str, step: Any, state: State, given: Input, rest: list[Any]) -> Read:
    idle = [(key, None if is_idle(inner) else inner) for key, inner in step.steps]
    parts: list[Read] = []
    inputs = [given]
    for place, (key, inner) in enumerate(idle):
        behind = flat(idle[place + 1 :]) + rest
        read = read_step(key, inner, state, inputs[-1], behind)
        parts.append(read)
        if place < len(idle) - 1:
            inputs.append(inputs[-1].behind(read.mapping()))

    def mapping() -> Mapping:
        forms, columns = parts[0].mapping()
        for part in parts[1:]:
            later, columns = part.mapping()
            forms = later.after(forms)
        return forms, columns

    def fitted() -> Any:
        return Pipeline([(part.name, "passthrough" if part.learner is None else part.fitted) for part in parts])

    through, width = lambda: one_by_one([part.through for part in parts]), parts[-1].width
    return Read(name, step, Later(fitted), None, cache(mapping), parts, through, width)


def _read_columns(name: str, step: Any, state: State, given: Input, rest: list[Any]) -> Read:
    parts: list[Read] = []
    listed = parts_of(step, given.width, None if given.names is None else given.names.tolist())
    for part in listed:
        if is_dropped(part.step) or not part.places:
            idle = Inner(part.step).new_sklearn() if isinstance(part.step, ExactEstimator) else part.step
            parts.append(Read(part.name, part.step, idle, None, _nothing))
            continue
        inner = None if is_idle(part.step) else part.step
        names, first = None if given.names is None else given.names[part.columns], map_of(inner)
        if first is not None and names is not None:
            names = first.names_out(names)
        read = read_step(part.name, inner, state, given.part(part.places, names), rest)
        parts.append(read if first is None else _behind_maps(read, part, first, given.names, step))
    weights = step.transformer_weights or {}

    def mapping() -> Mapping:
        maps, columns, start = [], [], 0
        for read in parts:
            forms, own = read.mapping()
            if read.name in weights:
                factor = Fraction(float(weights[read.name]))
                forms = LinearMap.of([{k: f * factor for k, f in terms.items()} for terms in forms.columns()])
            maps.append(forms)
            columns += [_shifted(column, start) for column in own]
            start += len(forms)
        return LinearMap.side_by_side(maps), columns

    def fitted() -> Any:
        if isinstance(step, FeatureUnion):
            whole = Inner(step).new_sklearn()
            made = [_passed(given) if read.fitted is None else read.fitted for read in parts]
            whole.transformer_list = [(read.name, one) for read, one in zip(parts, made, strict=True)]
        else:
            widths = [0 if read.mapping is _nothing else len(read.mapping()[1]) for read in parts]
            whole = fitted_column_transformer(
                Inner(step).new_sklearn(),
                [(part.name, read.fitted, part.given, part.columns) for part, read in zip(listed, parts, strict=True)],
                widths,
                given.width,
                given.names,
                _is_sparse(parts, widths, step.sparse_threshold),
            )
        set_output_config(whole, output_config(step))
        return whole

    def of_row() -> Through | None:
        taken = [(part.columns, read) for part, read in zip(listed, parts, strict=True) if read.mapping is not _nothing]
        is_known = not (weights or isinstance(step, FeatureUnion))
        return side_by_side([(columns, read.through) for columns, read in taken]) if is_known else None

    return Read(name, step, Later(fitted), None, cache(mapping), parts, of_row)


def _behind_maps(read: Read, part: Part, first: FixedMap, names: np.ndarray | None, step: Any) -> Read:
    """A part whose steps were read from images, with the maps that make these in front of them."""

    def fitted() -> Any:
        maps = shown_maps(part, first, names, output_config(step))
        if is_map(part.step):
            return maps[0]
        whole = read.fitted
        start = next(place for place, (_, inner) in enumerate(part.step.steps) if is_map(inner))
        places = slice(start, start + len(maps))
        whole.steps[places] = zip([name for name, _ in whole.steps[places]], maps, strict=True)
        return whole

    return Read(read.name, read.learner, Later(fitted), None, read.mapping, read.parts)


def _passed(given: Input) -> Any:
    """What scikit-learn's FeatureUnion has for "passthrough"."""
    fitted = FunctionTransformer(feature_names_out="one-to-one").fit(np.zeros((1, given.width)))
    if given.names is not None:
        fitted.feature_names_in_ = given.names
    return fitted


def _nothing() -> Mapping:
    return LinearMap.of([]), []


def _is_sparse(parts: list[Read], widths: list[int], threshold: float) -> bool:
    """Whether the parts make a sparse matrix: of encoded categories, a row has one 1 for each column of them."""
    full, is_any = 0, False
    for read, width in zip(parts, widths, strict=True):
        last = read.fitted.steps[-1][1] if isinstance(read.fitted, Pipeline) else read.fitted
        if width and getattr(last, "sparse_output", False):
            full, is_any = full + last.n_features_in_, True
        else:
            full += width
    return is_any and full / max(1, sum(widths)) < threshold


def _shifted(column: Column, by: int) -> Column:
    missing = None if column.missing is None else column.missing + by
    if isinstance(column, Number):
        return Number(column.value + by, missing, column.order)
    return replace(column, levels=tuple((level, place + by) for level, place in column.levels), missing=missing)
