"""A model without the rows of a fold: one that has set them aside, or one that was fitted to the others."""

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Number
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import clone

from sqlearn.engine.model import ExactEstimator
from sqlearn.engine.sklearn_private import num_samples, safe_indexing, scorers_of
from sqlearn.errors import InvalidValueError, ParameterError, shown

_FAILED = "Scoring failed. The score on this train-test partition for these parameters will be set to {}. Details:\n{}"


class LeftOut:
    """A model without the rows of a fold, for each fold in turn."""

    def __init__(
        self,
        estimator: ExactEstimator,
        X: Any,
        y: Any,
        params: Mapping[str, Any] | None,
        splits: list[tuple[np.ndarray, np.ndarray]],
    ) -> None:
        self.X = in_pieces(X)
        self.estimator, self.y, self.splits = estimator, in_pieces(y), splits
        self.params = {name: value for name, value in (params or {}).items() if value is not None}
        if unknown := self.params.keys() - {"sample_weight"}:
            raise ParameterError(
                f"fit of {type(estimator).__name__} takes no {shown(min(unknown))}. Nothing was computed: pass "
                "sample_weight, or nothing.",
                value=min(unknown),
            )
        if self.params and not estimator.takes_weights:
            raise InvalidValueError(
                f"{type(estimator).__name__} takes no sample weights. Nothing was computed: leave sample_weight out.",
                reason="weight",
            )
        self.model: Any = None
        self.train = self.test = np.zeros(0, np.int64)
        self.seconds = 0.0

    def rows(self, index: np.ndarray) -> Any:
        return safe_indexing(self.X, index)

    def given(self, index: np.ndarray | None = None) -> dict[str, Any]:
        """Arguments of the verbs for these rows, or for all."""
        arguments = {"X": self.X} | ({} if self.y is None else {"y": self.y}) | self.params
        if index is None:
            return arguments
        n = num_samples(self.X)
        return {
            name: safe_indexing(value, index) if name in ("X", "y") or sp.issparse(value) or np.ndim(value) else value
            for name, value in arguments.items()
            if n
        }

    def models(self, error_score: Any, failed: list[Exception]) -> Iterator["LeftOut"]:
        """Set :attr:`model`, without the fold whose rows are :attr:`test`, for each fold."""
        whole = None
        for train, test in self.splits:
            self.train, self.test = train, test
            started = time.perf_counter()
            try:
                if not self.estimator.keeps_records:
                    whole = clone(self.estimator).fit(**self.given()) if whole is None else whole
                    context = whole.without(**self.given(self.test))
                else:
                    context = _as_it_is(clone(self.estimator).fit(**self.given(self.train)))
            except Exception as error:
                if error_score == "raise":
                    raise
                failed.append(error)
                self.model, self.seconds = None, time.perf_counter() - started
                yield self
                continue
            with context as self.model:
                self.seconds = time.perf_counter() - started
                yield self

    def taken(self) -> Any:
        """A model of its own, of the rows that were learned."""
        return None if self.model is None else clone(self.estimator).fit(**self.given(self.train))

    def scores(self, scorer: Any, index: np.ndarray, error_score: Any) -> dict[str, Any]:
        """Scores by their names; "score" for one."""
        names = scorers_of(scorer) or ["score"]
        if self.model is None:
            return dict.fromkeys(names, error_score)
        y = () if self.y is None else (safe_indexing(self.y, index),)
        try:
            with config_context(enable_metadata_routing=False):
                found = scorer(self.model, self.rows(index), *y)
        except Exception as error:
            if error_score == "raise":
                raise
            warnings.warn(_FAILED.format(error_score, error), UserWarning, stacklevel=4)
            return dict.fromkeys(names, error_score)
        several = isinstance(found, dict)
        found = found if several else {"score": found}
        for name, value in found.items():
            if several and isinstance(value, str):  # what a scorer of several says of one that failed
                warnings.warn(_FAILED.format(error_score, value), UserWarning, stacklevel=4)
                found[name] = error_score
            elif not isinstance(value, Number):
                raise ParameterError(
                    f"scoring must return a number, got {shown(value)} ({type(value).__name__}) instead. Nothing was "
                    "returned: have it return a number for each name.",
                    value=value,
                )
        return found


@contextmanager
def _as_it_is(model: Any) -> Iterator[Any]:
    yield model


def in_pieces(rows: Any) -> Any:
    """Rows, labels or targets in a form that can be cut: not all kinds of sparse matrices and of arrays can."""
    if sp.issparse(rows):
        return rows.tocsr()
    return rows if rows is None or hasattr(rows, "__getitem__") else np.asarray(rows)
