"""Tables that are kept as they came, and made tables again for whatever looks at them: any deterministic steps.

A record's numbers lie beside the slots of its categories. A category is held as long as a record has it; with the last
one its slot, its name and its count go.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, cast

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.engine.rounds import LARGEST, KeptRecords, Rows
from sqlearn.engine.sums import UNFIT, Block, Categories, Holder, Log, OneRecord
from sqlearn.engine.tables.table import Columns, as_table, is_missing, names_of, split
from sqlearn.engine.validation import Layout
from sqlearn.errors import FormatError, InvalidValueError, ShapeError, listed, shown

# kinds of columns: numbers, then categories of any type, then of strings alone; "drop" is looked at by nobody
NUMBERS = ("number", "integer", "boolean")
_OF_TEXT = {"objects": "text", "codes": "category", "strings": "string"}
_MOST = 2.0**53


@dataclass(frozen=True)
class TableForm:
    """What a table was like in which the first records came: what makes a table of records again.

    Attributes
    ----------
    kinds : tuple of str
        Of each column: "number", "integer", "boolean"; "objects", "codes" (of a categorical dtype), "text" (objects),
        "category" (of a categorical dtype) and "string", the last three of strings alone; or "drop".
    names : tuple of str or None
        Names of the columns; None for an array.
    library : str
        Whose frames these are.
    """

    kinds: tuple[str, ...]
    names: tuple[str, ...] | None = None
    library: Any = "pandas"  # narwhals names them one by one

    @classmethod
    def of(cls, layout: Layout) -> "TableForm":
        """The form in a layout."""
        names = layout.feature_names_in_
        own = None if names is None else tuple(names.tolist())
        return cls(tuple(layout.kinds or ()), own, layout.library or "pandas")

    @property
    def is_categorical(self) -> np.ndarray:
        """Which of the columns that are not dropped hold categories, bool[d]."""
        return np.array([kind not in NUMBERS for kind in self.kinds if kind != "drop"], bool)

    @property
    def n_categorical(self) -> int:
        """How many hold categories."""
        return int(self.is_categorical.sum())

    @property
    def numbers(self) -> list[Any]:
        """Names, or positions, of the columns of numbers."""
        return [j if self.names is None else self.names[j] for j, kind in enumerate(self.kinds) if kind in NUMBERS]

    def table(self, x: np.ndarray, codes: np.ndarray, levels: list[list[Any]]) -> Any:
        """A frame or, without names, an array of what :func:`~sqlearn.engine.tables.table.split` returned."""
        columns, k, c = [], 0, 0
        for kind in self.kinds:
            if kind in NUMBERS:
                columns.append(_numbers_as(kind, x[:, k]))
                k += 1
            elif kind == "drop":
                columns.append(np.full(len(x), np.nan))
            else:
                missing = np.nan if self.names is None or self.library == "pandas" else None
                found = np.empty(len(levels[c]) + 1, object)
                found[:] = [*levels[c], missing]
                columns.append(found[codes[:, c]])
                c += 1
        if self.names is not None:
            return self._frame(columns)
        kinds = {column.dtype for column in columns}
        if len(kinds) == 1:
            return np.column_stack(columns)
        found = np.empty((len(x), len(columns)), object if np.dtype(object) in kinds else np.float64)
        for j, column in enumerate(columns):
            found[:, j] = column
        return found

    def _frame(self, columns: list[np.ndarray]) -> Any:
        assert self.names is not None
        made, library = [], cast(Any, self.library)  # narwhals lists the names that it knows
        for name, kind, values in zip(self.names, self.kinds, columns, strict=True):
            if kind in NUMBERS or kind == "drop":
                made.append(nw.new_series(name, values, backend=library))
                continue
            if self.library == "pandas":
                column = nw.new_series(name, values, backend=library)
                column = column.cast(nw.String() if kind in ("string", "category") else nw.Object())
            else:
                is_text = kind not in _OF_TEXT
                column = nw.new_series(name, values.tolist(), nw.String() if is_text else nw.Object(), backend=library)
            made.append(column.cast(nw.Categorical()) if kind in ("category", "codes") else column)
        return made[0].to_frame().with_columns(*made[1:]).to_native()


def _numbers_as(kind: str, values: np.ndarray) -> np.ndarray:
    """Numbers in their type, if it can hold them all."""
    plain = values + 0.0
    if kind == "integer" and (np.abs(plain) < _MOST).all() and (plain == np.trunc(plain)).all():
        return plain.astype(np.int64)
    if kind == "boolean" and ((plain == 0.0) | (plain == 1.0)).all():
        return plain.astype(bool)
    return plain


def split_kept(
    X: Any, layout: Layout | None, learner: str, unused: Callable[[list[str] | None, int], set[int]] | None = None
) -> tuple[tuple[np.ndarray, np.ndarray, list[list[Any]]], Layout]:
    """Numbers, categories and levels of a table to be kept, and the layout that has them: for None, what it fixes.

    Parameters
    ----------
    X : frame, Columns, array or list of rows
        The table; one with names may have the columns in any order, and others.
    layout : Layout or None
        What it is compared with; None for the first records.
    learner : str
        Name of what takes them, for messages.
    unused : callable, optional
        Tells the positions of the columns that nobody looks at, from the names, if there are any, and the width.
    """
    table = as_table(X)
    if layout is None:
        names, width = names_of(table), table.shape[1]
        dropped = unused(names, width) if unused is not None else set()
        kinds = tuple("drop" if j in dropped else _kind_of(_column(table, j)) for j in range(width))
        library = table.implementation.value if isinstance(table, nw.DataFrame) else None
        found = Layout(
            width,
            None if names is None else np.array(names, object),
            kinds=kinds,
            library=library if names is not None and library in ("polars", "pyarrow") else None,
        )
    else:
        found = layout
    form = TableForm.of(found)
    places = _places(table, form, learner)
    used = [j for j, kind in enumerate(form.kinds) if kind != "drop"]
    if isinstance(table, np.ndarray):
        taken: Any = table[:, used]
    else:
        taken = Columns([table.columns[places[j]] for j in used], [_column(table, places[j]) for j in used])
    x, codes, levels = split(taken, form.is_categorical)
    for k, j in enumerate(j for j in used if form.kinds[j] not in NUMBERS):
        wrong = [level for level in levels[k] if not isinstance(level, str)]
        if wrong and form.kinds[j] not in _OF_TEXT:
            row = int(np.flatnonzero(codes[:, k] == levels[k].index(wrong[0]))[0])
            column = j if isinstance(table, np.ndarray) or form.names is None else form.names[j]
            place = f"{j} (counted from 0)" if column == j else repr(column)
            raise InvalidValueError(
                f"The value in row {row} (counted from 0), column {place}, is the number {shown(wrong[0])}, where "
                "this model takes strings: numbers beside them could not be sorted. Nothing was changed: convert it.",
                row=row,
                column=column,
                value=wrong[0],
                reason="not numeric",
            )
    return (x, codes, levels), found


def holds_categories(X: Any) -> bool:
    """Whether a table has a column that is not of numbers."""
    table = as_table(X)
    if isinstance(table, np.ndarray) and table.dtype.kind in "fiub":
        return False
    return any(_kind_of(_column(table, j)) not in NUMBERS for j in range(table.shape[1]))


def _column(table: Any, j: int) -> Any:
    return table.values[j] if isinstance(table, Columns) else table[:, int(j)]


def _kind_of(values: Any) -> str:
    """The kind of a column of the first records."""
    if isinstance(values, nw.Series):
        dtype = values.dtype
        if dtype == nw.Boolean:
            return "boolean"
        if dtype == nw.String:
            return "text" if str(getattr(values.to_native(), "dtype", "")) == "object" else "string"
        if dtype in (nw.Categorical, nw.Enum):
            return _narrowed("codes", values.to_list())
        if dtype == nw.Object:
            return _narrowed("objects", values.to_list())
        return "integer" if dtype.is_integer() else "number"
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return {"f": "number", "b": "boolean"}.get(values.dtype.kind, "integer")
    present = [value for value in values if not is_missing(value)]
    types = {type(value) for value in present}
    if all(issubclass(own, bool | np.bool_) for own in types) and types:
        return "boolean" if len(present) == len(values) else "number"
    if all(issubclass(own, int | float | np.number) and not issubclass(own, bool) for own in types):
        whole = all(issubclass(own, int | np.integer) for own in types) and types
        return "integer" if whole and len(present) == len(values) else "number"
    return _narrowed("objects", present)


def _narrowed(kind: str, values: list[Any]) -> str:
    present = [value for value in values if not is_missing(value)]
    return _OF_TEXT[kind] if all(isinstance(value, str) for value in present) else kind


def _places(table: Any, form: TableForm, learner: str) -> list[int]:
    """Where a table has the columns: by name, or at the same positions; -1 for one that nobody looks at."""
    if form.names is None or isinstance(table, np.ndarray):
        if table.shape[1] != len(form.kinds):
            raise ShapeError(
                f"X has {table.shape[1]} features, but {learner} is expecting {len(form.kinds)} features as input. "
                "Nothing was changed: pass rows with the columns the model was fitted on.",
                reason="columns",
            )
        return list(range(table.shape[1]))
    held = {name: j for j, name in enumerate(table.columns)}
    missing = [n for n, kind in zip(form.names, form.kinds, strict=True) if kind != "drop" and n not in held]
    if missing:
        raise ShapeError(
            f"columns are missing: {{{listed(sorted(missing))}}}. Nothing was changed: pass the columns the model was "
            "fitted on, in any order.",
            column=missing[0],
            reason="columns",
        )
    return [held.get(name, -1) for name in form.names]


class KeptTable(KeptRecords):
    """The records of a table held, and the weight of each of their categories.

    Parameters
    ----------
    n_features, n_targets : int
        Numbers and targets of a record.
    n_categorical : int
        Categorical columns.
    seed, largest : int, float
        As of :class:`~sqlearn.engine.rounds.kept.KeptRecords`.

    Attributes
    ----------
    rows : RowSource
        The records held as they came, their categories by slot behind their numbers, -1 where they are missing.
    categories : Categories
        Which categories are held, and how often.
    """

    n_parts = KeptRecords.n_parts + Categories.n_parts
    takes_missing = True

    def __init__(
        self, n_features: int, n_targets: int, n_categorical: int, seed: int = 0, largest: float = LARGEST
    ) -> None:
        super().__init__(n_features, n_targets, seed, largest)
        self.n_categorical = n_categorical
        self.rows = Rows(n_features + n_categorical, self.seed)
        self.categories = Categories(0, 0)
        self.categories.resize(1)

    # ------------------------------------------------------------------ changing

    def projected_size(self, levels: list[list[Any]]) -> int:
        return super().projected_size(levels) + self.categories.projected_size(levels)

    @property
    def vocabularies(self):
        return self.categories.vocabularies

    @property
    def is_wide(self) -> bool:
        return super().is_wide or self.categories.is_wide

    def trim(self) -> None:
        super().trim()
        self.categories.trim()

    def encode(self, codes: np.ndarray, levels: list[list[Any]]) -> tuple[np.ndarray, np.ndarray]:
        return self.categories.encode(codes, levels)

    def fast_path(self, state: Holder) -> OneRecord | None:
        return None

    def deposit(self, block: Block, sign: float, log: Log) -> None:
        y = block.targets[:, 0].copy() if self.n_targets else block.slots.astype(np.float64)
        x = np.concatenate([block.x, block.codes], axis=1)
        self._change(x, y, block.weights, block.slots, block.digests, sign, log)

    def _change(self, x, y, w, slots, digests, sign, log):
        self.begin()
        codes = np.ascontiguousarray(x[:, self.n_features :]).astype(np.int64)
        own = Block(np.zeros((len(w), 0)), codes, np.zeros(len(w), np.int64), np.zeros((len(w), 0)), w, digests)
        self.categories.deposit(own, sign, log)
        super()._change(x, y, w, slots, digests, sign, log)

    def prune(self, temporary: bool = False) -> None:
        self.categories.prune(temporary)
        super().prune(temporary)

    def slots_of(self, j: int, levels: list[Any], missing: bool) -> np.ndarray:
        """What stands for categories of column j, all of which are held, and last for a missing one, int64[n + 1]."""
        slots = self.categories.vocabulary.slots
        return np.array([*(slots[self.categories.place(j), level] for level in levels), -1], np.int64)

    # ------------------------------------------------------------------ reading

    def _in_order(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Records with the places of their categories among those held, sorted, instead of slots."""
        vocabulary = self.categories.vocabulary
        places = np.full(vocabulary.capacity + 1, -1.0)
        places[vocabulary.sorted_slots()] = np.arange(len(vocabulary))
        found = x.copy()
        found[:, self.n_features :] = places[x[:, self.n_features :].astype(np.int64)]
        found[w == 0] = 0.0  # such records have no slots
        return found

    def tabulated(self, x: np.ndarray, form: TableForm) -> Any:
        """The table of records in which :meth:`all_records` has them."""
        labels = self.categories.vocabulary.labels()
        places = x[:, self.n_features :].astype(np.int64)
        codes, levels = np.full(places.shape, -1, np.int64), []
        for j in range(self.n_categorical):
            held = np.unique(places[:, j])
            held = held[held >= 0]
            levels.append([labels[place][1] for place in held.tolist()])
            is_known = places[:, j] >= 0
            codes[is_known, j] = np.searchsorted(held, places[is_known, j])
        return form.table(x[:, : self.n_features], codes, levels)

    # ------------------------------------------------------------------ whole states

    def _taken_over(self, other: KeptRecords, x: np.ndarray) -> np.ndarray:
        assert isinstance(other, KeptTable)
        theirs = other.categories.vocabulary
        table = np.full(theirs.capacity + 1, -1.0)
        for label, slot in theirs.slots.items():
            table[slot] = self.categories.vocabulary.slot(label)
        found = x.copy()
        found[:, self.n_features :] = table[x[:, self.n_features :].astype(np.int64)]
        return found

    def _empty(self) -> Self:
        return type(self)(self.n_features, self.n_targets, self.n_categorical, int(self.seed), self.largest)

    def copy(self) -> Self:
        copied = super().copy()
        copied.categories = self.categories.copy()
        return copied

    def canonical(self, slots: np.ndarray) -> list[bytes]:
        return [*super().canonical(slots), *self.categories.canonical(np.zeros(1, np.int64))]

    def restore(self, parts: list[bytes]) -> None:
        super().restore(parts[: KeptRecords.n_parts])
        self.categories.restore(parts[KeptRecords.n_parts :])

    @property
    def _width(self) -> int:
        return self.n_features + self.n_categorical

    def check_form(self, labels: list[Any]) -> None:
        super().check_form(labels)
        self.categories.check_form([None])
        if not isinstance(self.rows, Rows):
            return
        held = self.rows.x[: self.rows.end, self.n_features :][self.rows.w[: self.rows.end] > 0]
        vocabulary = self.categories.vocabulary
        if not np.isin(held, np.arange(-1, vocabulary.capacity)).all():
            raise FormatError(UNFIT)
        counts = np.bincount(held[held >= 0].astype(np.int64), minlength=vocabulary.capacity)
        columns = {slot: label[0] for label, slot in vocabulary.slots.items()}
        of_column = np.array([columns.get(slot, -1) for slot in range(vocabulary.capacity)] + [-1])
        fits = (held < 0) | (of_column[held.astype(np.int64)] == np.arange(self.n_categorical))
        if not fits.all() or not np.array_equal(counts, self.categories.category_counts):
            raise FormatError(UNFIT)
