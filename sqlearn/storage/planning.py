"""What a store is made of: the columns of its table, as the first rows show them, and the model that learns them."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlearn.errors import ShapeError, StoreError
from sqlearn.storage.file import refuse_unkept
from sqlearn.storage.table import (
    Columns,
    as_flag,
    as_names,
    as_reading,
    check_roles,
    frames_of,
    interaction_columns,
    named_categories,
    prepared,
    takes_categories,
    takes_interactions,
    takes_labels,
    target_names,
    with_chosen_columns,
    without_chosen_columns,
)
from sqlearn.storage.types import Table


class Planned:
    """What :meth:`~sqlearn.Store.create` was asked for, which has the parameters. The model is checked at once.

    Attributes
    ----------
    columns : Columns
        What rows hold; from :meth:`recognise` on.
    textual : bool
        Whether ids are text; likewise.
    model : estimator
        The unfitted model that learns the rows; likewise.
    suppress : bool
        The parameter.

    Raises
    ------
    StoreError, TableError, SqlearnError
        When parameters do not fit the model.
    """

    columns: Columns
    textual: bool
    model: Any

    def __init__(
        self,
        model: Any,
        table: Table,
        *,
        target: str | Sequence[str] | None,
        id: str | None,
        user: str | None,
        item: str | None,
        rating: str | None,
        weight: str | None,
        categorical: Sequence[str] | None,
        keep: str | Sequence[str],
        booleans: Mapping[str, Any] | None,
        text: str | Sequence[str],
        reading: Mapping[str, Any] | None,
        suppress: bool,
    ) -> None:
        if as_flag(suppress, "suppress") and id is None and not takes_interactions(model):
            raise StoreError(
                "`suppress=True` needs ids of the table's own, and no column of ids is named. No store was created: "
                "running numbers would name other rows in a backup. Name one in `id`.",
                reason="suppression",
            )
        self.suppress, self._given = bool(suppress), model
        self._frames, self._roles = frames_of(table), {"user": user, "item": item, "rating": rating}
        check_roles(model, self._roles, {"target": target, "weight": weight, "categorical": categorical})
        self._targets = target_names(model, target)
        refuse_unkept(without_chosen_columns(model))
        self._id, self._weight, self._categorical, self._keep = id, weight, categorical, keep
        self._booleans, self._text, self._reading = booleans, text, reading

    def recognise(self) -> Iterator[Any]:
        """Read the first frame, and settle what the columns are. Returns all frames.

        Raises
        ------
        ShapeError, TableError, SqlearnError
            When there is no frame, or columns are missing or do not fit the model.
        """
        model, id, keep = self._given, self._id, as_names(self._keep, "keep")
        first = next(self._frames, None)
        if first is None:
            raise ShapeError("The table has no rows. No store was created: pass at least one row.", reason="empty")
        told = self._booleans, as_reading(self._reading), as_names(self._text, "text")
        if takes_interactions(model):
            columns = interaction_columns(first, model, self._roles, id, keep, *told)
        else:
            columns = Columns.recognised(
                first,
                self._targets,
                takes_labels(model),
                self._weight,
                id,
                named_categories(model, self._categorical),
                takes_categories(model),
                keep,
                *told,
                model.takes_documents,
            )
        self.columns, self.textual = columns, columns.has_textual_ids(first)
        self.model = prepared(with_chosen_columns(model, first, columns.named("feature")), columns)
        return itertools.chain([first], self._frames)
