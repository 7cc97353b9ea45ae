"""Least squares that forgets: the exact Gram matrix of the data, and the solution read from it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import linear_model as peers

from sqlearn.engine.model import Predicts, State, WeightedEstimator
from sqlearn.engine.readout import GramView, LeastSquares, grams_of, grams_without_each
from sqlearn.engine.sums import Block, Gram, Statistic


def shaped(coef: np.ndarray, intercepts: np.ndarray, *, flat: bool, scalar: bool, fit_intercept: bool) -> dict:
    """``coef_`` float64[t, d], or float64[d] if `flat`, and ``intercept_``, a number if `scalar`."""
    own = intercepts[0] if scalar else intercepts
    return {"coef_": coef[0] if flat else coef, "intercept_": own if fit_intercept else 0.0}


def are_plain(rows: list[Any]) -> bool:
    """Whether scikit-learn's linear models compute with these very arrays, and not with what they make of them."""
    return all(type(x) is np.ndarray and x.dtype == np.float64 and x.ndim == 2 for x in rows)


def scores_of(rows: list[np.ndarray], read_outs: Iterator[dict[str, Any]]) -> Iterator[np.ndarray]:
    """What they compute of a row by its own attributes, for each row, float64[1] or [1, t].

    One after the other, since BLAS adds in another order where there are many rows; their checks take longer than that.
    """
    for x, read_out in zip(rows, read_outs, strict=True):
        yield x @ read_out["coef_"].T + read_out["intercept_"]


class LinearModel(Predicts, WeightedEstimator):
    """Regressors whose records are features and values to predict."""

    _statistic: type[Statistic] = Gram
    _target = "value"


class OneGram(LinearModel):
    """Those whose attributes follow from one Gram matrix."""

    def _of_gram(self, state: State, gram: GramView, n_records: int) -> dict[str, Any]:
        """The fitted attributes, of so many records."""
        raise NotImplementedError

    def _read_out(self, state):
        return self._of_gram(state, grams_of(state.statistic)[0], state.n_records)

    def _read_out_without_each(self, state, block):
        grams = self._grams_without_each(state, block)
        return (self._of_gram(state, gram, state.n_records - 1) for gram in grams)

    @staticmethod
    def _grams_without_each(state: State, block: Block) -> Iterator[GramView]:
        assert isinstance(state.statistic, Gram)
        return grams_without_each(grams_of(state.statistic)[0], block.x, block.targets, block.weights)

    def _answers_without_each(self, name, state, block, rows):
        if name != "predict" or not are_plain(rows):
            return None
        return (scores[0] for scores in scores_of(rows, self._lines_without_each(state, block)))

    def _lines_without_each(self, state: State, block: Block) -> Iterator[dict[str, Any]]:
        """``coef_`` and ``intercept_`` without each of these records; other attributes are not needed."""
        return self._read_out_without_each(state, block)


class LinearRegression(OneGram, peers.LinearRegression):
    """Ordinary least squares that forgets, more accurate than QR or SVD of the data.

    Parameters
    ----------
    fit_intercept : bool, default=True
        Whether to fit an intercept.
    copy_X : bool, default=True
        Has no effect: data are never written to.
    tol : float, default=1e-6
        Has no effect: solutions are direct, for sparse data too.
    n_jobs : int, default=None
        Has no effect.
    positive : bool, default=False
        Whether to force coefficients to be at least 0 (non-negative least squares).
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    coef_ : float64 array of shape (n_features,) or (n_targets, n_features)
        Coefficients; those of minimum norm where there are many.
    intercept_ : float or float64 array of shape (n_targets,)
        Intercept.
    rank_ : int
        Rank of the (centred) data; not with ``positive=True``.
    singular_ : float64 array of shape (min(n, n_features),)
        Singular values of the (centred) data; not with ``positive=True``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : object ndarray of shape (n_features_in_,)
        Names of the features, if the first records had names that are strings.
    n_records_ : int
        Number of records held.

    Notes
    -----
    The state is the exact weighted Gram matrix of ``[1, X, y]``. Centring is exact, and the solution is Cholesky's in
    106 bits: see :mod:`sqlearn.engine.arithmetic.solve`. Columns count as dependent from an angle of about 2^-43.
    Reading ``coef_`` after ``forget`` takes O(n_features^3), however many records there are.

    References
    ----------
    K. Ozaki, T. Ogita, S. Oishi and S. M. Rump, "Error-free transformations of matrix multiplication",
    Numer. Algorithms 59 (2012), doi:10.1007/s11075-011-9478-1.

    N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed. (2002), section 10.3,
    doi:10.1137/1.9780898718027.

    Examples
    --------
    >>> from sqlearn.linear_model import LinearRegression
    >>> model = LinearRegression().fit([[1.0], [2.0], [3.0], [1e12]], [3.0, 5.0, 7.0, 0.0])
    >>> model.forget([1e12], 0.0).coef_
    array([2.])
    """

    _sklearn_class = peers.LinearRegression

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        copy_X: bool = True,
        tol: float = 1e-6,
        n_jobs: int | None = None,
        positive: bool = False,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        super().__init__(fit_intercept=fit_intercept, copy_X=copy_X, tol=tol, n_jobs=n_jobs, positive=positive)
        self.ledger = ledger
        self.key = key

    def _line(self, state: State, problem: LeastSquares) -> dict[str, Any]:
        params, single = state.params, state.layout.target_ndim == 1
        solved = problem.solve(params["positive"])
        return shaped(*solved, flat=single, scalar=single, fit_intercept=params["fit_intercept"])

    def _lines_without_each(self, state, block):
        for gram in self._grams_without_each(state, block):
            problem = LeastSquares(gram, state.params["fit_intercept"])
            if not (state.params["positive"] or problem.is_moderate):
                problem.singular_values(1)  # where it is beyond float64, the refit has no attributes at all
            yield self._line(state, problem)

    def _of_gram(self, state, gram, n_records):
        problem = LeastSquares(gram, state.params["fit_intercept"])
        found = self._line(state, problem)
        if not state.params["positive"]:
            found["rank_"] = problem.factor.rank
            found["singular_"] = problem.singular_values(min(n_records, state.n_features_in_))
        return found
