"""The steps that a TableModel spells: imputer, scaler and encoder in front of its learner."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn import compose as peers
from sklearn import pipeline

from sqlearn.compose.chains.grid_chain import forms_on_grid
from sqlearn.compose.chains.reading import Input, Read, read_steps
from sqlearn.engine.chains import (
    Category,
    EncodedRounds,
    Margins,
    Number,
    Table,
    TableEncoder,
    Watch,
    has_value,
    seen_state,
)
from sqlearn.engine.model import State
from sqlearn.engine.readout import LinearMap
from sqlearn.engine.rounds import StandardUnits
from sqlearn.engine.tables import TableGram
from sqlearn.engine.validation import Batch, Layout
from sqlearn.errors import UndefinedAttributeError
from sqlearn.impute import SimpleImputer
from sqlearn.preprocessing import OneHotEncoder, StandardScaler


class TableSteps:
    """The steps in front of the learner: what a TableModel is a pipeline of.

    Parameters
    ----------
    params : dict
        Parameters of the model.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.learner, self.standardize = params["learner"], params["standardize"]
        self.add_indicator = params["add_indicator"]

    def parts(self, table: Table) -> list[tuple[str, Any]]:
        """The steps for a table of these columns, the numbers of which come first."""
        found: list[tuple[str, Any, list[int]]] = []
        numbers = [place for place, column in enumerate(table.columns) if isinstance(column, Number)]
        if self.are_numbers_left(table):
            steps: list[tuple[str, Any]] = [("impute", SimpleImputer(add_indicator=self.add_indicator))]
            steps += [("scale", StandardScaler())] * self.standardize
            found.append(("number", pipeline.Pipeline(steps), numbers))
        categories = list(range(len(numbers), len(table.columns)))
        if categories:
            found.append(("category", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories))
        return [("columns", peers.ColumnTransformer(found))]

    def are_numbers_left(self, table: Table) -> bool:
        """Whether numbers have a column that is not dropped: one with a value, or an indicator."""
        numbers = [column for column in table.columns if isinstance(column, Number)]
        if self.add_indicator or any(column.missing is None for column in numbers):
            return bool(numbers)
        return any(has_value(table, column) for column in numbers)

    def read(self, state: State, n_categorical: int) -> tuple[TableEncoder, State]:
        """The encoder in force, and the state that the learner would have after learning encoded records."""
        statistic, learner = state.statistic, self.learner
        if isinstance(statistic, TableGram):
            table = Table.of(statistic, state.class_slots(), n_categorical)
            (read,) = read_steps(self.parts(table), state, _given(table))
            encoder = self.encoder(state, table, read)
            seen = seen_state(state, learner, table.through(*read.mapping()).statistic(True), encoder.n_columns)
            return encoder, seen
        assert isinstance(statistic, EncodedRounds)
        encoding, inner = statistic.encoder, statistic.inner
        if encoding is None or inner is None:
            raise _nothing_read(state, bool(statistic.obsolete))
        shown: TableEncoder = copy.copy(encoding.shown)
        if encoding.exact is not None:  # the scales of the moment are no part of an encoding
            shown = shown.in_units(*StandardUnits(encoding.exact, encoding.exact).of(inner.total))
        seen = seen_state(state, learner, inner, encoding.n_columns)
        seen.vocabulary = state.vocabulary
        return shown, seen

    def encoder(self, state: State, table: Table, read: Read) -> TableEncoder:
        """What the steps make of rows, as they are for the records of a table."""
        forms, _ = read.mapping()
        if not len(forms):
            raise UndefinedAttributeError(
                f"No column of this {state.learner} has any value, so there are no fitted attributes. Learn rows "
                "with values.",
                reason="too few records",
            )
        numbers = [column for column in table.columns if isinstance(column, Number)]
        absent = [place for place, column in enumerate(numbers) if column.missing is not None]
        steps = next((part.parts for part in read.parts if part.name == "number"), [])
        means = steps[0].found.statistics_ if steps else np.full(len(numbers), np.nan)
        scaler = steps[1].fitted if len(steps) > 1 else None
        centres, scales = (None, None) if scaler is None else (scaler.mean_, scaler.scale_)
        indicated, n_categorical = absent if self.add_indicator else [], len(table.columns) - len(numbers)
        return TableEncoder(forms, _labels(table), n_categorical, absent, indicated, means, centres, scales)


def _given(table: Table) -> Input:
    """The columns of a table as what comes to the first step."""
    return Input(table, len(table.columns), lambda place, kind: place, None, mixed=True)


def _labels(table: Table) -> list[tuple[int, Any]]:
    """The levels of a table, sorted: those of its category j at place 2 j, that it is missing at 2 j + 1."""
    found: list[tuple[int, Any]] = []
    for j, column in enumerate(column for column in table.columns if isinstance(column, Category)):
        found += [(2 * j, level) for level, _ in column.levels]
        found += [(2 * j + 1, 0)] * (column.missing is not None)
    return found


def forms_of(steps: TableSteps, table: Margins) -> tuple[LinearMap, Watch, np.ndarray | None, TableEncoder]:
    """What the steps make of the records of a table, rounded to a grid, and what users see of it."""
    bare = State("TableModel", {"ledger": False}, Layout(len(table.columns)), table.empty(), False)
    forms, watch, exact, (read,) = forms_on_grid(steps.parts(table), steps.learner, bare, _given(table))
    watch.is_blind |= not steps.are_numbers_left(table)
    return forms, watch, exact, steps.encoder(bare, table, read)


def _nothing_read(state: State, is_old: bool) -> UndefinedAttributeError:
    if is_old:
        return UndefinedAttributeError(
            f"This {state.learner} was taken out of a store by an earlier version, and its rows, which would have to "
            "be evaluated anew, are not here. Open the store with this version, and take it out again.",
            reason="too few records",
        )
    return UndefinedAttributeError(
        f"This {state.learner} holds no row, so there are no fitted attributes. Learn some.", reason="too few records"
    )


def encoded_width(batch: Batch, add_indicator: bool) -> int:
    """Number of columns that these records alone would be encoded in."""
    counted = batch.weights > 0
    missing = np.isnan(batch.x[counted])
    kept, indicated = (np.count_nonzero(columns) for columns in (~missing.all(axis=0), missing.any(axis=0)))
    return int(kept + add_indicator * indicated) + sum(len(np.unique(codes)) for codes in batch.codes[counted].T)
