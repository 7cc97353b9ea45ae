"""Errors of interactions that are held twice, or not at all."""

from sqlearn.engine.interactions.names import Label
from sqlearn.errors import InvalidValueError, MergeError, NotLearnedError, TooLargeError, shown


def _named(pair: tuple[Label, Label]) -> str:
    return f"the pair of user {shown(pair[0])} and item {shown(pair[1])}"


def repeated(pair: tuple[Label, Label], row: int) -> InvalidValueError:
    """A pair is to be learned that is held, or given twice."""
    return InvalidValueError(
        f"Row {row} (counted from 0) has {_named(pair)}, which is given twice or held already, and a pair has one "
        "interaction. Nothing was changed: leave the row out, or change the rating that is held with `relabel`.",
        row=row,
        value=pair[1],
        reason="repeated",
    )


def not_held(pair: tuple[Label, Label], row: int) -> NotLearnedError:
    """A pair is to be forgotten that is not held, or given twice."""
    return NotLearnedError(
        f"Row {row} (counted from 0) has {_named(pair)}, which is not held, or given twice, so nothing was changed. "
        "Leave it out.",
        row=row,
    )


def held_by_both(pair: tuple[Label, Label]) -> MergeError:
    """Two models that hold a pair are to be merged."""
    return MergeError(
        f"Both models hold {_named(pair)}, and a pair has one interaction, so nothing was changed. Forget it in one of "
        "them first.",
        reason="repeated",
    )


def too_many_ratings(most: int) -> TooLargeError:
    """There are more ratings than codes."""
    return TooLargeError(
        f"These ratings have more than {most:,} different values. Nothing was changed: round them, to a step of 0.5 "
        "for instance."
    )
