"""Users and items of a recommender's store: from labels to the rows that have them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sqlearn.engine.identity import canonical_label
from sqlearn.errors import (
    ConditionError,
    InvalidValueError,
    ShapeError,
    SqlearnError,
    StoreCorruptError,
    UnknownLabelError,
    shown,
)
from sqlearn.storage.file import Words, hash_texts, hash_words, message
from sqlearn.storage.records.rows import Rows
from sqlearn.storage.table import Block, Category, Columns, arguments, as_list, as_whole


class Labels:
    """The labels in the column of users, or in that of items.

    Parameters
    ----------
    columns : Columns
        What rows hold.
    rows, words : Rows, Words
        The rows, and the words of columns of categories.
    key : bytes
        Key of hashes.
    role : {"user", "item"}
        Which column it is.
    """

    def __init__(self, columns: Columns, rows: Rows, words: Words, key: bytes, role: str) -> None:
        column = columns.of(role)
        assert column is not None
        self.name, self.role, self._rows, self._words, self._key = column.name, role, rows, words, key
        self._place, self._are_whole = columns.all.index(column), column.kind == "whole"

    def canonical(self, given: Any) -> list[Any]:
        """Labels that a caller names, as rows have them, each once.

        Raises
        ------
        UnknownLabelError
            When one cannot be that of a row.
        InvalidValueError, ShapeError
            When it is no label at all, or none.
        """
        if isinstance(given, Mapping) or hasattr(given, "columns"):
            raise InvalidValueError(
                f"`{self.role}s` are labels, and a table was given. Nothing was changed: pass its column of "
                f"{self.role}s.",
                reason="label",
            )
        labels: dict[Any, None] = {}
        for value in as_list(given):
            try:
                label = canonical_label(value.item() if isinstance(value, np.generic) else value)
            except TypeError as error:
                raise InvalidValueError(
                    f"{self.role.capitalize()}s are numbers or text, not {shown(value)}. Nothing was changed: pass a "
                    f"label or a list of labels.",
                    value=value,
                    reason="label",
                ) from error
            if self._are_whole and as_whole(label) is None:
                raise self._unknown(value, f"; the {self.role}s of this store are whole numbers")
            labels[label] = None
        if not labels:
            raise ShapeError(
                f"`{self.role}s` names none. Nothing was changed: pass at least one {self.role}.", reason="empty"
            )
        return [*labels]

    def of_text(self, text: str) -> Any:
        """The label that a text stands for: the text itself if rows have it, or else the number that it writes."""
        if not self._are_whole and self._words.numbers([text])[0]:
            return text
        try:
            number = int(text)
        except ValueError:
            number = None
        if self._are_whole:
            return text if number is None else number
        try:
            label = canonical_label(float(text) if number is None else number)
        except ValueError:
            return text
        return label if label == label and self._words.numbers([label])[0] else text

    def find(self, labels: list[Any], look: Callable[[int], None]) -> np.ndarray:
        """Places of all rows that have one of these labels, ascending; `look` hears of every block how many it has.

        Raises
        ------
        UnknownLabelError
            When there is a label that no row has.
        """
        wanted = self._cells(labels)
        slots, found = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
        for places, cells in self._rows.scan():
            look(len(places))
            column = cells[:, self._place]
            hits = np.flatnonzero(column == wanted[0] if len(wanted) == 1 else np.isin(column, wanted))
            if len(hits):
                slots.append(places[hits])
                found.append(np.unique(column[hits]))
        unknown = np.flatnonzero(~np.isin(wanted, np.concatenate(found)))
        if len(unknown):
            others = f", nor {len(unknown) - 1} more of those given" if len(unknown) > 1 else ""
            raise self._unknown(labels[unknown[0]], others)
        return np.concatenate(slots)

    def _unknown(self, label: Any, more: str) -> UnknownLabelError:
        return UnknownLabelError(
            f"No row of this store has the {self.role} {shown(label)}{more}. Nothing was changed: it was never learned "
            "or is forgotten already; a number and its text are different labels.",
            value=label,
        )

    def _cells(self, labels: list[Any]) -> np.ndarray:
        """What rows have for these labels, uint64[n]; of unknown words what no row has."""
        if self._are_whole:
            return np.array(labels, np.int64).view(np.uint64)
        numbers = self._words.numbers(labels)
        return np.where(numbers > 0, numbers, -1).astype(np.int64).view(np.uint64)

    def held(self) -> list[Any]:
        """All labels that rows have, each once."""
        found = [np.zeros(0, np.uint64), *(np.unique(cells[:, self._place]) for _, cells in self._rows.scan())]
        numbers = np.unique(np.concatenate(found)).view(np.int64)
        return numbers.tolist() if self._are_whole else self._words.words(numbers)

    def hashes(self, labels: list[Any]) -> np.ndarray:
        """Keyed hashes of labels, uint64[n, 2]."""
        if self._are_whole:
            return hash_words(self._key, np.array(labels, np.int64).view(np.uint64)[:, None])
        return hash_texts(self._key, [message(label) for label in labels])

    def first_rows(self, block: Block) -> tuple[list[Any], np.ndarray]:
        """The different labels of a block in the order in which they come, and the row where each comes first."""
        values = block[self.name]
        codes = values.codes if isinstance(values, Category) else values
        different, rows = np.unique(codes, return_index=True)
        order = np.argsort(rows)
        labels = different[order].tolist()
        return [values.levels[code] for code in labels] if isinstance(values, Category) else labels, rows[order]


def labels_of(columns: Columns, rows: Rows, words: Words, key: bytes) -> dict[str, Labels]:
    """The labels of users and of items, by role; nothing where rows are no interactions."""
    roles = ("user", "item") if columns.has_interactions else ()
    return {role: Labels(columns, rows, words, key, role) for role in roles}


def learn_rows(model: Any, columns: Columns, rows: Rows, found: list[np.ndarray], path: Any) -> None:
    """Let a recommender learn packed rows alone, all at once, which takes a third of the time.

    Raises
    ------
    StoreCorruptError
        When no recommender can have learned them.
    """
    found = [cells for cells in found if len(cells)]
    if not found:
        return
    block = rows.block(np.concatenate(found), [*columns.named("feature"), *columns.named("target")])
    try:
        model.fit(**arguments(model, columns, block))
    except SqlearnError as error:
        raise StoreCorruptError(
            f"The store {path} is damaged: it holds a row that could not be learned. {error}"
        ) from error


def named_role(users: Any, items: Any, roles: Mapping[str, Labels], ids: Any, where: Any) -> tuple[Labels, Any] | None:
    """Whose labels name the rows, and those labels; None if ids or a condition do.

    Raises
    ------
    ConditionError
        When not exactly one of these names the rows.
    """
    given = {"ids": ids, "where": where, "users": users, "items": items}
    named = [name for name, value in given.items() if value is not None]
    odd = next((name for name in named if name in ("users", "items") and not roles), None)
    if odd:
        raise ConditionError(
            f"The rows of this store have no {odd}: they are not those of a recommender. Nothing was changed: name "
            "rows by `ids` or by `where`."
        )
    if len(named) != 1:
        names = "`ids`, `where`, `users` or `items`" if roles else "`ids` or by `where`"
        either = "by one of" if roles else "either by"
        raise ConditionError(f"Name the rows {either} {names}. Nothing was changed: pass exactly one of them.")
    if named[0] in ("ids", "where"):
        return None
    return roles[named[0][:-1]], given[named[0]]
