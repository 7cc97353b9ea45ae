"""From what users pass to a batch of canonical records, and the layout that they have."""

from dataclasses import replace
from typing import Any

import scipy.sparse as sp

from sqlearn.engine.validation.batch import Batch
from sqlearn.engine.validation.layout import Layout
from sqlearn.engine.validation.rows import as_rows, unmasked
from sqlearn.engine.validation.sparse_format import check_sparse
from sqlearn.engine.validation.spec import Spec
from sqlearn.engine.validation.weights import check_weights
from sqlearn.errors import ShapeError


def validate(
    spec: Spec, X: Any, y: Any = None, sample_weight: Any = None, layout: Layout | None = None, *, single: bool = True
) -> tuple[Batch, Layout]:
    """Canonical records, and the layout that they have.

    Parameters
    ----------
    spec : Spec
        What the learner takes.
    X : array-like, frame or sparse of shape (n, d) or (d,)
        Features.
    y : array-like of shape (n,) or (n, t), or scalar
        Labels, or values to predict.
    sample_weight : array-like of shape (n,), or scalar
        Weights.
    layout : Layout, optional
        What earlier records fixed, with which these are compared. By default these are the first and fix it.
    single : bool
        Whether `X` may be one row on its own.

    Returns
    -------
    batch : Batch
        The records.
    layout : Layout
        `layout`, or what these records fix.

    Raises
    ------
    SqlearnError
        Whatever is refused, in our own words, with the row.
    """
    was_single = False
    check_sparse(X)
    known = None if layout is None else comparable(layout, X)
    X = unmasked(X, "X")
    check_sparse(y)
    if spec.target == "label" and sp.issparse(y):
        y = y.toarray()
    if single:
        was_single, X, y, sample_weight = as_rows(X, y, sample_weight)
    features, found = spec.features(spec, X, known)
    if spec.target is not None and y is None:
        raise ShapeError(
            f"This {spec.learner} estimator requires y to be passed, but the target y is None. Nothing was "
            "changed: pass one label or value per row.",
            reason="no target",
        )
    responses, found = spec.responses(spec, y, features.x, found, first=layout is None)
    weights = check_weights(sample_weight, features.x)
    batch = Batch(*features[:3], *responses, weights, was_single, features.inputs)
    spec.check(batch)
    n_targets = batch.targets.shape[1]
    if layout is None:
        return batch, replace(found, n_targets=n_targets)
    if n_targets != layout.n_targets:
        raise ShapeError(
            f"y has {n_targets} targets per row, but {spec.learner} was fitted with {layout.n_targets}. Nothing was "
            "changed: pass the targets in the form in which they were learned.",
            reason="columns",
        )
    return batch, layout


def comparable(layout: Layout, X: Any) -> Layout:
    """What rows like these are compared with: rows that cannot have names are taken in the order of the columns."""
    named = hasattr(X, "columns") or hasattr(X, "iloc")  # a frame or a pandas Series
    return layout if named or layout.feature_names_in_ is None else replace(layout, feature_names_in_=None)
