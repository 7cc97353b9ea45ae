"""Names of error classes that were merged into others. They can be imported for one release, with a warning."""

import warnings

__all__ = ["MERGED", "renamed"]

# the name of the class that each was merged into, and the reasons that stand for it
MERGED: dict[str, tuple[str, ...]] = {
    "EmptyBatchError": ("ShapeError", "empty"),
    "LabelError": ("InvalidValueError", "label"),
    "LearnerError": ("UnsupportedError",),
    "MissingTargetError": ("ShapeError", "no target"),
    "NegativeValueError": ("InvalidValueError", "negative"),
    "NonFiniteError": ("InvalidValueError", "not finite"),
    "NotAStoreError": ("StoreError", "missing", "not a store"),
    "NotIntegerError": ("InvalidValueError", "not an integer"),
    "NotNumericError": ("InvalidValueError", "not numeric"),
    "OutOfRangeError": ("InvalidValueError", "out of range"),
    "ReadOutError": ("UndefinedAttributeError",),
    "StoreAccessError": ("StoreError", "access"),
    "StoreClosedError": ("StoreError", "closed"),
    "StoreExistsError": ("StoreError", "exists"),
    "StoreFullError": ("StoreError", "full"),
    "StoreVersionError": ("StoreError", "version"),
    "TableFileError": ("TableError", "file"),
    "WeightError": ("InvalidValueError", "weight"),
    "WidthError": ("ShapeError", "columns"),
}


def renamed(name: str) -> str:
    """The name of the class that an old name stands for; with a warning on behalf of the module's caller."""
    kind, *reasons = MERGED[name]
    told = f", whose `reason` is {' or '.join(map(repr, reasons))}" if reasons else ""
    warnings.warn(
        f"{name} was merged into {kind}{told}. Catch {kind}: the next release removes the old name.",
        DeprecationWarning,
        stacklevel=3,
    )
    return kind
