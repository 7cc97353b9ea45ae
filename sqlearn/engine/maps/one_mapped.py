"""The path of one row that a fixed map stands in front of, past scikit-learn's validation."""

from typing import Any, Self

import scipy.sparse as sp

from sqlearn.engine.maps.fixed_map import NAME_WORDS, FixedMap
from sqlearn.engine.sums import OneRecord


class OneMapped(OneRecord):
    """Maps the row, and takes the statistic's own path with its image, under the name of the row.

    Parameters
    ----------
    through : FixedMap
        The map.
    path : OneRecord
        The path of an image.
    """

    def __init__(self, through: FixedMap, path: OneRecord) -> None:
        super().__init__(path.state)
        self.through, self.path = through, path

    @classmethod
    def behind(cls, through: FixedMap, path: OneRecord | None) -> Self | None:
        """The path of rows, if the one of images takes names."""
        return None if path is None or not path.take_names(NAME_WORDS) else cls(through, path)

    def becomes_ready(self) -> bool:
        self.is_ready = self.path.becomes_ready()
        return self.is_ready

    def row(self, X: Any) -> Any:
        found = self.through.one(X)
        if found is None:
            return None
        image, name = found
        row = self.path.row(image if sp.issparse(image) else image[0])
        if row is None and sp.issparse(image):  # for a path of dense rows
            row = self.path.row(image.toarray()[0])
        return None if row is None else (row, name)

    def change(self, row: Any, y: Any, sign: float) -> bool:
        image, self.path.name = row
        return self.path.change(image, y, sign)
