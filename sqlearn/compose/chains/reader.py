"""What chains have in common, and what answers for them: scikit-learn's pipeline, or, for one row, none."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from sqlearn.compose.answers import MapAnswers
from sqlearn.compose.chains.columns import is_idle
from sqlearn.compose.chains.reading import Read
from sqlearn.engine.chains import is_default, one_by_one, predicted, row_of
from sqlearn.engine.model import ExactEstimator, State, Steps


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


class ReadsSteps(MapAnswers, ExactEstimator):
    """Base of what works as steps one behind the other, which are read all at once."""

    steps: Steps

    @property
    def _steps(self) -> Steps:
        """The steps in force: those of the last ``fit``."""
        state = self.__dict__.get("_state")
        found: Steps = self.steps if state is None else state.params["steps"]
        return found

    def _read(self, state: State) -> list[Read]:
        """All steps, as they are for the records held."""
        raise NotImplementedError

    def _read_out(self, state):
        return {"read_": self._read(state)}

    def reads(self) -> list[Read]:
        """Return the steps as they are for the records held.

        Returns
        -------
        list of Read
            One for each step.
        """
        found: list[Read] = self._fitted_sklearn().read_
        return found

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the columns of ``transform``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features, if the first records had none.

        Returns
        -------
        ndarray of str
            The names.
        """
        found: np.ndarray = self._answer("get_feature_names_out", input_features=input_features)
        return found


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
