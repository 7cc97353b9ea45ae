"""Cross-validation from exact sums: what each fold leaves to train on, and the errors on it, without a record."""

from dataclasses import dataclass, replace

import numpy as np

from sqlearn.engine.arithmetic import normalized
from sqlearn.engine.readout.gram_view import GramView
from sqlearn.engine.readout.least_squares import LeastSquares
from sqlearn.engine.readout.rounding import aligned
from sqlearn.engine.sums import FoldedGram


@dataclass
class Fold:
    """A fold left out.

    Attributes
    ----------
    train, test : GramView
        The Gram matrices of the other folds' records, and of its own.
    n_records, n_trained : int
        How many records of positive weight it has, and the others together.
    """

    train: GramView
    test: GramView
    n_records: int
    n_trained: int

    def errors(self, coef: np.ndarray, fit_intercept: bool, units: np.ndarray | int = 0) -> np.ndarray:
        """Mean squared errors on the fold of models trained on the others, float64[t, a].

        With an intercept, a model goes through the mean of what it was trained on; the error is that of what is centred
        at the fold's own mean, and the square of what is left there. Both come from differences formed exactly.

        Parameters
        ----------
        coef : float64[t, d, a]
            Coefficients of `a` models for each target.
        fit_intercept : bool
            Whether the models have intercepts.
        units : int64[d + t], optional
            Exponents of the units of features and targets.
        """
        x, y = LeastSquares(self.test, fit_intercept).equivalent_data(units)
        residuals = y.T[:, :, None] - np.matmul(x, coef)
        errors = np.mean(residuals * residuals, axis=1)
        if fit_intercept:
            by_feature, by_target = np.split(self.test.mean_from(self.train, units), [x.shape[1]])
            off = by_target[:, None] - np.matmul(by_feature, coef)
            errors += off * off
        return errors

    def spread(self, units: np.ndarray | int = 0) -> np.ndarray:
        """The variances of the targets on the fold, float64[t]; exactly 0 where all are equal."""
        return self.test.covariance(units=units).diagonal()[self.test.n_features :]


def folds_of(statistic: FoldedGram, slots: np.ndarray) -> list[list[GramView]]:
    """The Gram matrices of the folds of each slot, and last that of all folds together."""
    digits, low = statistic.digits_of_folds(slots)
    shape = statistic.n_features, statistic.n_targets
    totals = normalized(digits.sum(axis=1))
    return [
        [*(GramView(fold, low, *shape) for fold in folds), GramView(total, low, *shape)]
        for folds, total in zip(digits, totals, strict=True)
    ]


def left_out(grams: list[GramView], n_records: np.ndarray) -> list[Fold | None]:
    """Each fold left out in turn; None for a fold without a record of positive weight, and where none trains.

    Parameters
    ----------
    grams : list of GramView
        As :func:`folds_of` has them.
    n_records : int64[n_folds]
        Number of records of positive weight in each fold.
    """
    *folds, total = grams
    rest = n_records.sum() - n_records
    return [
        Fold(_difference(total, fold), fold, own, others) if own and others else None
        for fold, own, others in zip(folds, n_records.tolist(), rest.tolist(), strict=True)
    ]


def _difference(total: GramView, fold: GramView) -> GramView:
    """What is left of one matrix without another, exactly."""
    length = fold.digits.shape[1]
    if total.low == fold.low and total.digits.shape[1] >= length:  # those of one statistic
        digits, low = total.digits.copy(), total.low
        digits[:, :length] -= fold.digits
    else:
        (digits, own), low = aligned((total.digits, total.low), (fold.digits, fold.low))
        digits -= own
    return replace(total, digits=normalized(digits), low=low)
