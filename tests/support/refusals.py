"""Kinds of errors as tests expect them: a class, and the reason that tells its errors apart."""

from typing import NamedTuple

import pytest

from sqlearn import errors


class Kind(NamedTuple):
    """A class of errors and one of its reasons."""

    type: type
    reason: str


COLUMNS = Kind(errors.ShapeError, "columns")
EMPTY = Kind(errors.ShapeError, "empty")
NO_TARGET = Kind(errors.ShapeError, "no target")
SHAPE = Kind(errors.ShapeError, "shape")

LABEL = Kind(errors.InvalidValueError, "label")
NEGATIVE = Kind(errors.InvalidValueError, "negative")
NOT_AN_INTEGER = Kind(errors.InvalidValueError, "not an integer")
NOT_FINITE = Kind(errors.InvalidValueError, "not finite")
NOT_NUMERIC = Kind(errors.InvalidValueError, "not numeric")
OUT_OF_RANGE = Kind(errors.InvalidValueError, "out of range")
WEIGHT = Kind(errors.InvalidValueError, "weight")

ACCESS = Kind(errors.StoreError, "access")
CLOSED = Kind(errors.StoreError, "closed")
EXISTS = Kind(errors.StoreError, "exists")
FULL = Kind(errors.StoreError, "full")
MISSING = Kind(errors.StoreError, "missing")
NOT_A_STORE = Kind(errors.StoreError, "not a store")
VERSION = Kind(errors.StoreError, "version")

FILE = Kind(errors.TableError, "file")


def is_one_of(error: Exception, *kinds) -> bool:
    """Whether an error is of one of these kinds or classes, and not of a subclass."""
    return any((type(error), error.reason) == kind if isinstance(kind, Kind) else type(error) is kind for kind in kinds)


def raises(*kinds, match=None):
    """Context in which an error of one of these kinds or classes is expected, as in ``pytest.raises``."""
    types = tuple(kind.type if isinstance(kind, Kind) else kind for kind in kinds)
    classes = tuple(kind for kind in kinds if not isinstance(kind, Kind))
    return pytest.raises(types, match=match, check=lambda error: isinstance(error, classes) or is_one_of(error, *kinds))
