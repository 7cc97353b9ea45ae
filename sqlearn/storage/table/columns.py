"""The columns of a stored table: their names, roles and kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from numbers import Rational, Real
from typing import Any

import numpy as np

from sqlearn.engine.identity import canonical_label
from sqlearn.engine.tables import is_missing
from sqlearn.errors import ShapeError, TableError, listed, shown
from sqlearn.storage.table.blocks import Block, Category, length
from sqlearn.storage.table.frames import BOOLEANS, kind_of, length_of, names_of, present, read, values_of
from sqlearn.storage.table.given import as_names

_PARTS = {"user": "feature", "item": "feature", "rating": "target"}  # of a recommender
_EXACT = 2**53  # below it float64 holds every whole number


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    name : str
        Its name.
    role : {"feature", "target", "weight", "user", "item", "rating", "kept"}
        What the learner takes it for; of what is kept, only conditions know.
    kind : {"number", "category", "boolean", "date", "text", "whole"}
        What its values are; of "text", each is a document, which is kept for its row alone; "whole" are users or items
        that are whole numbers of 64 bits.
    labels : tuple or None
        Of booleans that are categories to the learner: what it knows false and true by.
    """

    name: str
    role: str
    kind: str
    labels: tuple[Any, ...] | None = None

    @property
    def part(self) -> str:
        """What a row has it for: "feature", "target", "weight" or "kept"; users and items are features."""
        return _PARTS.get(self.role, self.role)

    @property
    def learned_as(self) -> str:
        """The kind that it is to a learner: "number" or "category"."""
        if self.kind == "boolean":
            return "category" if self.labels is not None else "number"
        return self.kind


class Columns:
    """All columns of a stored table but its ids, in the order in which a row holds them.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    id : str or None
        Name of the column of ids; None where ids are counted.
    reading : mapping, optional
        How the table was read that the store was made from, in JSON's types.
    """

    def __init__(self, columns: Sequence[Column], id: str | None, reading: Mapping[str, Any] | None = None) -> None:
        self.all, self.id, self.reading = list(columns), id, dict(reading or {})

    def named(self, part: str) -> list[str]:
        return [column.name for column in self.all if column.part == part]

    def of(self, role: str) -> Column | None:
        """The column of users, or of items; None where there is none."""
        return next((column for column in self.all if column.role == role), None)

    @property
    def has_interactions(self) -> bool:
        """Whether rows are interactions, for a recommender."""
        return self.of("user") is not None

    @property
    def gives_booleans(self) -> bool:
        """Whether the target is one of booleans, which its learner knows by 0 and 1."""
        return any(column.part == "target" and column.labels == BOOLEANS for column in self.all)

    def description(self) -> dict[Any, Any]:
        """In JSON's types."""
        return {"columns": [asdict(column) for column in self.all], "id": self.id, "reading": self.reading}

    @classmethod
    def from_description(cls, described: Mapping[Any, Any]) -> "Columns":
        columns = [Column(**column) for column in described["columns"]]
        columns = [replace(column, labels=tuple(column.labels)) if column.labels else column for column in columns]
        return cls(columns, described["id"], described["reading"])

    @classmethod
    def recognised(
        cls,
        frame: Any,
        targets: list[str],
        labels: bool,
        weight: str | None,
        id: str | None,
        categorical: Sequence[str] | None,
        takes_categories: bool,
        keep: Sequence[str] = (),
        booleans: Mapping[str, Sequence[Any] | None] | None = None,
        reading: Mapping[str, Any] | None = None,
        text: Sequence[str] = (),
        takes_documents: bool = False,
    ) -> "Columns":
        """From the first frame. To learners, text, categories and (if they take them) booleans are categories.

        To those that take documents, text is documents. Others may keep such columns, as named in `text`.
        """
        names, booleans = names_of(frame), dict(booleans or {})
        weight, id = (next(iter(as_names(name, what)), None) for name, what in ((weight, "weight"), (id, "id")))
        special = [*targets, *([] if weight is None else [weight]), *([] if id is None else [id]), *keep]
        for name in [*special, *(categorical or []), *booleans, *text]:
            if name not in names:
                raise TableError(
                    f"The table has no column {shown(name)}. Its columns are {listed(names)}. No store was "
                    "created: name one of these.",
                    column=name,
                    reason="columns",
                )
        if len(set(special)) < len(special):
            raise TableError(
                f"Target, weight, id and kept columns must be different, not {listed(special)}. Name each column once.",
                reason="columns",
            )

        twice = [name for name in text if name in (categorical or []) or name in booleans or name in targets]
        twice += [name for name in text if name in (weight, id)]
        if twice:
            raise TableError(
                f"The column {shown(twice[0])} is named in `text`, and as another kind or role too. No store was "
                "created: a column in `text` is a feature, or is named in `keep` as well.",
                column=twice[0],
                reason="columns",
            )

        def column(name: str, role: str, category: bool) -> Column:
            if name in text:
                return Column(name, role, "text")
            kind = kind_of(frame, name)
            if kind == "date" and role != "kept":
                raise TableError(
                    f"The column {shown(name)} holds dates, from which models do not learn. Name it in `keep`, so that "
                    "conditions can compare it, or leave it out.",
                    column=name,
                    reason="columns",
                )
            if kind == "boolean" or name in booleans:
                return Column(name, role, "boolean", _labels(name, booleans.get(name)) if category else None)
            kind = "category" if kind == "mixed" else kind
            return Column(name, role, kind if role == "kept" else "category" if category else "number")

        columns = []
        for name in names:
            if name not in special:
                kind = kind_of(frame, name)
                if takes_documents and kind == "category" and name not in (categorical or []):
                    columns.append(Column(name, "feature", "text"))
                    continue
                category = kind == "category" or (
                    takes_categories and (kind in ("boolean", "mixed") or name in booleans)
                )
                columns.append(column(name, "feature", name in categorical if categorical is not None else category))
        if not columns:
            raise TableError(
                "The table has no columns but target, weight and id. Pass at least one feature column.",
                reason="columns",
            )
        columns += [column(name, "target", labels) for name in targets]
        columns += [Column(weight, "weight", "number")] if weight else []
        columns += [column(name, "kept", False) for name in keep]
        return cls(columns, id, reading)

    def block(self, frame: Any, *, features_only: bool = False) -> Block:
        """A frame's columns in canonical form.

        Raises
        ------
        TableError
            When a column is missing, or one is there that the store does not have.
        """
        names = names_of(frame)
        needed = [c for c in self.all if c.part == "feature" or not features_only]
        missing = [c.name for c in needed if c.name not in names]
        missing += [self.id] if self.id and not features_only and self.id not in names else []
        more = [name for name in names if name != self.id and name not in {c.name for c in self.all}]
        if missing or more:
            unknown = f"has the columns {listed(more)}, which the store does not have"
            trouble = f"lacks the columns {listed(missing)}" if missing else unknown
            columns = [*(column.name for column in self.all), *([self.id] if self.id else [])]
            raise TableError(
                f"The table {trouble}. Nothing was changed: the store's columns are {listed(columns)}.",
                reason="columns",
            )
        if not length_of(frame):
            raise ShapeError("The table has no rows. Nothing was changed: pass at least one row.", reason="empty")
        block: Block = {}
        for column in needed:
            block[column.name] = read(frame, column)
        lengths = {name: length(column) for name, column in block.items()}
        if self.id and not features_only:
            lengths[self.id] = length_of(frame, self.id)
        if len(set(lengths.values())) > 1:
            raise TableError(
                f"The columns differ in length: {lengths}. Nothing was changed: pass one value per row in each of "
                "them.",
                reason="columns",
            )
        return block

    def has_textual_ids(self, frame: Any) -> bool:
        """Whether the ids of a first frame are text."""
        return self.id is not None and any(isinstance(value, str) for value in values_of(frame, self.id)[:1])

    def ids(self, frame: Any, textual: bool) -> list[Any]:
        """The ids that a frame brings: all text, or all whole numbers of 64 bits."""
        values = values_of(frame, self.id)
        kinds = set(map(type, values))
        if kinds == {str} if textual else kinds == {int} and -(2**63) <= min(values) and max(values) < 2**63:
            return values
        value: Any
        for i, value in enumerate(values):
            if textual and isinstance(value, str):
                values[i] = str(value)
                continue
            if textual or not _is_whole(value):
                kind = "text" if textual else "whole numbers"
                what, to_do = f"is {shown(value)}", f"the ids of this store are {kind}. Give every row one"
            elif isinstance(value, float | np.floating) and abs(float(value)) >= _EXACT:
                what = f"is the float {shown(value)}, and floats beyond 2^53 do not represent all whole numbers"
                to_do = "read ids as integers or as text"
            elif not -(2**63) <= value < 2**63:
                what, to_do = f"does not fit 64 bits: it is {shown(value)}", "make ids text"
            else:
                values[i] = int(value)
                continue
            raise TableError(
                f"The id in row {i} (counted from 0) {what}. Nothing was changed: {to_do}.",
                row=i,
                column=self.id,
                value=value,
                reason="id",
            )
        return values

    def values(self, frame: Any, *, documents_only: bool = False) -> set[Any]:
        """All values of a frame that the store would hold, ids too; or only the documents that its model learns."""
        ids = values_of(frame, self.id) if self.id in names_of(frame) and not documents_only else []
        found: set[Any] = {value for value in ids if not is_missing(value)}
        for column in self.all:
            wanted = not documents_only or (column.role == "feature" and column.kind == "text")
            if wanted and column.name in names_of(frame):
                values = read(frame, column)
                found.update(values.levels if isinstance(values, Category) else present(values).tolist())
        return found


def _labels(name: str, given: Sequence[Any] | None) -> tuple[Any, ...]:
    """What a learner is to know false and true by."""
    if given is None:
        return BOOLEANS
    try:
        false, true = (canonical_label(label) for label in ([] if isinstance(given, str) else given))
        if false != true and false != 1 and true != 0:
            return false, true
    except (TypeError, ValueError):
        pass
    raise TableError(
        f"`booleans` names two labels per column, for false and for true; for {shown(name)} it is {shown(given)}. Pass "
        "a pair such as ('no', 'yes').",
        column=name,
        value=given,
        reason="columns",
    )


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number, and not a boolean or a length of time."""
    is_other = isinstance(value, bool | np.timedelta64)  # which count among the integers
    if is_other or not isinstance(value, Real):
        return False
    return value.denominator == 1 if isinstance(value, Rational) else float(value).is_integer()
