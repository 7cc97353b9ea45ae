"""What a TableModel makes of rows: means, scales and categories in force."""

import copy
from typing import Any

import numpy as np

from sqlearn.engine.chains.encoded_rounds import Encoder
from sqlearn.engine.readout import LinearMap, read_only


class TableEncoder:
    """What turns the numbers and categories of a table into columns of numbers.

    The columns are those of the numbers that have a value in some record, then indicators of missing numbers, then a
    column for each category.

    Parameters
    ----------
    forms : LinearMap
        The columns as a map of numbers, of which are missing, and of levels.
    labels : list of (int, category)
        The levels held, sorted: the categories of column j at place 2 j, that it is missing at 2 j + 1.
    n_categorical : int
        Number of categorical columns.
    absent, indicated : list of int
        The numbers that are missing somewhere, and those of them that have an indicator.
    means : float64[d]
        What stands for a missing number; NaN where none has a value.
    centres, scales : float64[n], optional
        Means and scales of the numbers that have a value and of the indicators, where they are standardized.

    Attributes
    ----------
    means, centres, scales : float64 ndarray or None
        As above.
    indicated : int64[m]
        As above.
    categories : list of list
        Categories of each categorical column.
    category_missing : list of bool
        Whether each categorical column has an encoded column for its missing values, after those of its categories.
    """

    def __init__(
        self, forms: LinearMap, labels: list[tuple[int, Any]], n_categorical: int, absent: list[int],
        indicated: list[int], means: np.ndarray, centres: np.ndarray | None = None, scales: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        self._encoder = Encoder(forms, len(means), absent, labels)
        self._is_absent = np.isin(np.arange(len(means)), absent)
        self.means, self.centres, self.scales = map(read_only, (means, centres, scales))
        self.indicated = np.array(indicated, np.int64)
        held: list[list[Any]] = [[] for _ in range(2 * n_categorical)]
        for place, level in labels:
            held[place].append(level)
        self.categories, self.category_missing = held[::2], [bool(missing) for missing in held[1::2]]
        self._unit: np.ndarray | None = None
        self._centre: np.ndarray | None = None

    def in_units(self, unit: np.ndarray, centre: np.ndarray) -> "TableEncoder":
        """The encoder of columns that are shown as ``(column - centre) / unit``, float64[n_columns] each.

        Columns that are not standardized have the unit 1 and the centre 0.
        """
        found = copy.copy(self)
        found._unit, found._centre = unit, centre
        if self.centres is not None and self.scales is not None:
            n = len(self.scales)
            found.centres, found.scales = self.centres + self.scales * centre[:n], self.scales * unit[:n]
        return found

    @property
    def n_columns(self) -> int:
        """Number of encoded columns."""
        return self._encoder.n_columns

    def names(self, numbers: list[str], categorical: list[str]) -> np.ndarray:
        """Names of the encoded columns, as scikit-learn's encoders give them."""
        names = [name for name, mean in zip(numbers, self.means.tolist(), strict=True) if mean == mean]
        names += [f"missingindicator_{numbers[i]}" for i in self.indicated]
        for name, categories, missing in zip(categorical, self.categories, self.category_missing, strict=True):
            names += [f"{name}_{category}" for category in categories] + [f"{name}_nan"] * missing
        return np.array(names, object)

    def transform(self, x: np.ndarray, codes: np.ndarray, levels: list[list[Any]]) -> np.ndarray:
        """Encoded records, float64[n, n_columns]; arguments as of :class:`~sqlearn.engine.validation.batch.Batch`.

        A category that is not among those held, and a missing one where none was missing, is 0 in all its columns. A
        number that is missing where none was becomes the mean.
        """
        variables, found = np.empty(codes.shape, np.int64), self._encoder.variables
        for j, own in enumerate(levels):
            of_code = [found.get((2 * j, level), -1) for level in own]
            variables[:, j] = np.array([*of_code, found.get((2 * j + 1, 0), -1)])[codes[:, j]]
        encoded = self._encoder.encode(np.where(np.isnan(x) & ~self._is_absent, self.means, x), variables)
        return encoded if self._unit is None else (encoded - self._centre) / self._unit
