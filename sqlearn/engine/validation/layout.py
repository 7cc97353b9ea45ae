"""What the first records of a model fix, and later ones are compared with."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sqlearn.engine.sklearn_private import feature_names
from sqlearn.errors import ShapeError, shown

_MOST_NAMES = 5  # in a message
_MOST = 120  # characters of one


@dataclass(frozen=True, eq=False)
class Layout:
    """What the first records fix.

    Attributes
    ----------
    n_features_in_ : int
        Width of the records.
    feature_names_in_ : object[n_features_in_] or None
        Names of their columns, if these are strings.
    n_targets : int
        Number of values to predict per record.
    target_ndim : int
        Dimension in which the user gave them: 1 or 2, 0 for none.
    labels : {None, "bool", "indicator"}
        Whether labels came as booleans, or as an indicator matrix, which has a column per label.
    is_categorical : tuple of bool or None
        Which columns hold categories, of learners that ask the first records.
    kinds : tuple of str or None
        What the values of each column are, of encoders and of tables that are kept: of the first records; of encoders
        "any", where these were missing and of no type.
    library : str or None
        Whose frames are made of tables that are kept, if not pandas'.
    columns : mapping or None
        Kind of each column, of a TableModel; it keeps them among its parameters.
    through : FixedMap or None
        What maps the rows, of FixedFeatures, which keeps it among its parameters too.
    """

    n_features_in_: int
    feature_names_in_: np.ndarray | None = None
    n_targets: int = 0
    target_ndim: int = 0
    labels: str | None = None
    is_categorical: tuple[bool, ...] | None = None
    kinds: tuple[str, ...] | None = None
    library: str | None = None
    columns: Mapping[Any, str] | None = None
    through: Any = None

    @classmethod
    def of(cls, X: Any, width: int) -> Self:
        """The layout of rows of this width, with the names that they have."""
        return cls(width, feature_names(X))

    @classmethod
    def restored(
        cls, features: tuple[int, np.ndarray | None], n_targets: int, target_ndim: int, described: Mapping[str, Any]
    ) -> Self:
        """What :meth:`described` was made from, with the width and names, and the number and dimension of targets."""
        kept: dict[str, Any] = {
            name: tuple(kinds) if isinstance(kinds, list) else kinds for name, kinds in described.items()
        }
        return cls(*features, n_targets, target_ndim, **kept)

    def described(self) -> dict[str, Any]:
        """Labels and kinds of columns in JSON's types, as digests contain them: what was not fixed is left out."""
        kinds: dict[str, Any] = {} if self.is_categorical is None else {"is_categorical": list(self.is_categorical)}
        kinds |= {} if self.kinds is None else {"kinds": list(self.kinds)}
        kinds |= {} if self.library is None else {"library": self.library}
        return kinds if self.labels is None else kinds | {"labels": self.labels}

    def check_names(self, X: Any, learner: str) -> None:
        """Compare the names of a frame's columns; warn, as scikit-learn does, when only one side has names.

        Raises
        ------
        ShapeError
            When names differ, or their order.
        TypeError
            scikit-learn's, when only some names are strings.
        """
        known, found = self.feature_names_in_, feature_names(X)
        if known is None and found is None:
            return
        if known is None:
            warnings.warn(f"X has feature names, but {learner} was fitted without feature names", stacklevel=2)
        elif found is None:
            warnings.warn(
                f"X does not have valid feature names, but {learner} was fitted with feature names", stacklevel=2
            )
        elif len(known) != len(found) or np.any(known != found):
            unexpected, missing = sorted({*found} - {*known}), sorted({*known} - {*found})
            message = "The feature names should match those that were passed during fit.\n"
            message += _listed("Feature names unseen at fit time", unexpected)
            message += _listed("Feature names seen at fit time, yet now missing", missing)
            if not missing and not unexpected:
                message += "Feature names must be in the same order as they were in fit.\n"
            raise ShapeError(
                f"{message} Nothing was changed: pass the columns the model was fitted on, by their names.",
                reason="columns",
            )

    def check_width(self, width: int, learner: str) -> None:
        """Compare the number of columns.

        Raises
        ------
        ShapeError
            When it differs.
        """
        if width != self.n_features_in_:
            raise ShapeError(
                f"X has {width} features, but {learner} is expecting {self.n_features_in_} features as input. Nothing "
                "was changed: pass rows with the columns the model was fitted on.",
                reason="columns",
            )


def _listed(heading: str, names: list[str]) -> str:
    if not names:
        return ""
    lines = [f"- {name if len(name) <= _MOST else shown(name)}\n" for name in names[:_MOST_NAMES]]
    return f"{heading}:\n" + "".join(lines) + ("- ...\n" if len(names) > _MOST_NAMES else "")
