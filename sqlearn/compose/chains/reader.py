"""What answers for a chain: scikit-learn's pipeline, made when it is needed, and one row of a table without it."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from sqlearn.compose.chains.columns import is_idle
from sqlearn.compose.chains.reading import Read
from sqlearn.engine.chains import is_default, one_by_one, predicted, row_of


class ChainReader(BaseEstimator):
    """A pipeline of scikit-learn's, fitted, and what its steps were read from.

    Attributes
    ----------
    read_ : list of Read
        Its steps.
    """

    read_: list[Read]

    @property
    def pipeline_(self) -> Any:
        """The pipeline, made when it is first asked for."""
        found = vars(self).get("_pipeline")
        if found is None:
            steps = [(read.name, "passthrough" if is_idle(read.learner) else read.fitted) for read in self.read_]
            found = self._pipeline = Pipeline(steps)
        return found

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and "read_" in self.__dict__:
            return getattr(self.pipeline_, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __sklearn_is_fitted__(self) -> bool:
        return True


def predicted_of_table(reads: list[Read], X: Any, names: np.ndarray | None) -> np.ndarray | None:
    """What a chain predicts for `X`, if it is one row of a table in a plain form, and all steps are known; or None."""
    row = row_of(X, None if names is None else names.tolist()) if is_default() else None
    if row is None:
        return None
    front, last = reads[:-1], reads[-1]
    through = one_by_one([read.through for read in front])
    made = None if through is None else through(row)
    is_sparse = bool(front) and _is_sparse(front[0])
    if made is None or (is_sparse and len(front) > 1):
        return None
    if any(isinstance(read.learner, ColumnTransformer | FeatureUnion) for read in front[1:]):
        return None
    return predicted(last.fitted, made, is_sparse)


def _is_sparse(read: Read) -> bool:
    """Whether what comes out of this step is a sparse matrix: as reading.py has it, without asking what is fitted."""
    if not isinstance(read.learner, ColumnTransformer):
        return False
    full, total, is_any = 0, 0, False
    for part in read.parts:
        last, width = part.learner, len(part.mapping()[1])
        last = last.steps[-1][1] if isinstance(last, Pipeline) else last
        is_own = bool(width) and bool(getattr(last, "sparse_output", False))
        full, total, is_any = full + (part.width if is_own else width), total + width, is_any or is_own
    return is_any and full / max(1, total) < read.learner.sparse_threshold
