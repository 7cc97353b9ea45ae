"""Learners that keep their records and do their work when they are read: what they hold, in an order of its own."""

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sqlearn.engine.identity import HashKey, digest_dense, folds_of, key_bytes, label_words
from sqlearn.engine.model import ExactEstimator, State, refuse_heavy, refuse_large
from sqlearn.engine.parts.choosing import check_scored
from sqlearn.engine.parts.names import digests_of
from sqlearn.engine.readout import label_array
from sqlearn.engine.rounds import KeptRecords
from sqlearn.engine.tables import KeptTable, TableForm, as_columns, split_kept
from sqlearn.engine.validation import Features, comparable
from sqlearn.errors import UnsupportedError


@dataclass
class Whole:
    """All records of positive weight, in an order that they alone decide.

    Attributes
    ----------
    x : float64[n, d], or a table
        Features; a frame, or an array of objects, where tables are kept.
    y : intp[n] or float64[n]
        Classes, as indices of `classes`, or targets; zeros where there are neither.
    w : float64[n]
        Weights.
    classes : array or None
        The labels held, sorted.
    labels : list
        The same in their canonical form.
    """

    x: Any
    y: np.ndarray
    w: np.ndarray
    classes: np.ndarray | None
    labels: list[Any]

    @classmethod
    def of(cls, state: State) -> "Whole":
        """What a state holds."""
        statistic = state.statistic
        assert isinstance(statistic, KeptRecords)
        found = statistic.all_records(state.class_slots())
        if isinstance(statistic, KeptTable):
            found.x = statistic.tabulated(found.x, TableForm.of(state.layout))
        if state.vocabulary is None:
            return cls(found.x, found.y, found.w, None, [])
        return cls(found.x, found.y.astype(np.intp), found.w, label_array(state), state.labels())

    @staticmethod
    def classes_of(state: State) -> np.ndarray:
        """The labels held, sorted, as scikit-learn's ``classes_``."""
        return label_array(state)

    @property
    def is_table(self) -> bool:
        """Whether features are a table, and not numbers in an array."""
        return not isinstance(self.x, np.ndarray) or self.x.dtype == object

    @property
    def responses(self) -> np.ndarray:
        """Labels as the user has them, or targets."""
        return self.y if self.classes is None else self.classes[self.y]

    @property
    def weighted(self) -> bool:
        """Whether a weight is not 1."""
        return bool((self.w != 1.0).any())

    def take(self, index: np.ndarray) -> "Whole":
        """Some of the records, in their order; classes stay."""
        is_frame = nw.dependencies.is_into_dataframe(self.x)
        x = nw.from_native(self.x, eager_only=True)[index].to_native() if is_frame else self.x[index]
        return Whole(x, self.y[index], self.w[index], self.classes, self.labels)

    def folds(self, n_folds: int, key: str | bytes | None, has_targets: bool) -> np.ndarray:
        """The fold of each record, int64[n]; as :func:`~sqlearn.engine.parts.names.digests_of` names it."""
        if self.is_table:
            y = self.responses if has_targets else None
            return folds_of(digests_of(self.x, y, self.w, HashKey(key_bytes(key))), n_folds)
        tails = [self.w[:, None].view(np.uint64)]
        if self.classes is not None:
            tails.insert(0, label_names(self.labels)[self.y])
        elif has_targets:
            tails.insert(0, (self.y[:, None] + 0.0).view(np.uint64))
        digests = np.empty((len(self.w), 6), np.uint64)
        tail = np.ascontiguousarray(np.concatenate(tails, axis=1))
        digest_dense(np.ascontiguousarray(self.x), tail, HashKey(key_bytes(key)), digests)
        return folds_of(digests, n_folds)


def label_names(labels: list[Any]) -> np.ndarray:
    """The words that name labels where folds are concerned, uint64[n, k]: a number's one, or a string's two."""
    if any(isinstance(label, str) for label in labels):
        return np.array([label_words(label) for label in labels], np.uint64)
    return np.array([float(label) for label in labels]).reshape(-1, 1).view(np.uint64)


class KeepsRecords(ExactEstimator):
    """Base of learners that keep their records, float64, and do their work when they are read."""

    _keeps_records = True

    @property
    def takes_tables(self) -> bool:
        return self._keeps_tables(as_columns({"text": np.array(["text"], object)}))

    def _keeps_tables(self, X: Any) -> bool:
        """Whether first records like these are kept as a table."""
        return False

    def _unused(self, names: list[str] | None, width: int) -> set[int]:
        """The positions of columns of a table that need not be kept."""
        return set()

    def _validated(self, params, X, y, sample_weight, layout, *, single):
        return super()._validated(params, as_columns(X), y, sample_weight, layout, single=single)

    def _features(self, spec, X, layout):
        if self._keeps_tables(X) if layout is None else layout.kinds is not None:
            found, layout = split_kept(X, layout, spec.learner, self._unused)
            refuse_large(found[0], spec.learner, TableForm.of(layout).numbers, cannot="compute with it")
            return Features(*found), layout
        features, layout = super()._features(spec, X, layout)
        refuse_large(features.x, spec.learner, range(features.x.shape[1]), cannot="compute with it")
        return features, layout

    def _check_batch(self, batch):
        super()._check_batch(batch)
        refuse_heavy(batch, type(self).__name__)
        if batch.targets.shape[1] > 1:
            raise UnsupportedError(
                f"y has {batch.targets.shape[1]} targets per row, and {type(self).__name__} takes one. Nothing was "
                "changed: fit a model for each.",
                reason="learner",
            )

    def _in_force(self, params, layout):
        params, layout = super()._in_force(params, layout)
        return (params if layout.kinds is None else params | {"kinds": layout.kinds}), layout

    def _new_statistic(self, params, n_features, n_targets):
        if "kinds" in params:
            return KeptTable(n_features, n_targets, TableForm(params["kinds"]).n_categorical)
        return KeptRecords(n_features, n_targets)

    def _as_kept(self, X: Any) -> Any:
        """Rows as those that are held are shown to the steps."""
        state = self._fitted_state()
        given = as_columns(X)
        found, _ = split_kept(given, comparable(state.layout, given), state.learner)
        made = TableForm.of(state.layout).table(*found)
        if nw.dependencies.is_pandas_dataframe(X) and nw.dependencies.is_pandas_dataframe(made):
            made.index = X.index
        return made

    def _answer(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if args and name != "inverse_transform" and self._fitted_state().layout.kinds is not None:
            X, *rest = args
            self._fitted_sklearn()
            args = self._as_kept(X), *rest
        return super()._answer(name, *args, **kwargs)

    def _check_scored(self, scores: Any, learner: str) -> None:
        """Refuse to choose where no score is known."""
        check_scored(scores, learner)

    def _check_learned(self, state):
        super()._check_learned(state)
        self._fitted_sklearn_of(state)
