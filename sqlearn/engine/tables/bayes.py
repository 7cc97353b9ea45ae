"""The predictor of naive Bayes for tables of numbers and categories: what scikit-learn has no class for."""

from numbers import Real
from typing import ClassVar

import numpy as np

from sqlearn.engine.sklearn_private import BaseNB, Interval, StrOptions, update_class_log_prior
from sqlearn.engine.tables.table import check_table, split
from sqlearn.engine.validation import Layout


class TableBayes(BaseNB):
    """Naive Bayes for tables: a predictor, to which a learner gives its fitted attributes."""

    _parameter_constraints: ClassVar[dict] = {
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fit_prior": ["boolean"],
        "class_prior": ["array-like", None],
        "var_smoothing": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, *, categorical_features="from_dtype", alpha=1.0, fit_prior=True, class_prior=None, var_smoothing=1e-9
    ):  # fmt: skip
        self.categorical_features = categorical_features
        self.alpha = alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.var_smoothing = var_smoothing

    def fit(self, X, y):
        """Refused: learners fit."""
        raise NotImplementedError(
            "This predictor was read out of a sqlearn.naive_bayes.MixedNB, which learns: fit that one."
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _update_class_log_prior(self, class_prior=None):
        update_class_log_prior(self, class_prior)

    def _check_alpha(self):
        return self.alpha

    def _update_feature_log_prob(self, alpha):
        self.feature_log_prob_ = []
        for counts in self.category_count_:
            smoothed = counts + alpha
            totals = smoothed.sum(axis=1, keepdims=True)
            alike = np.full_like(counts, -np.log(max(1, counts.shape[1])))  # none present: what alpha > 0 gives there
            self.feature_log_prob_.append(np.where(totals > 0, np.log(smoothed) - np.log(totals), alike))

    def _check_X(self, X):
        layout = Layout(self.n_features_in_, getattr(self, "feature_names_in_", None))
        table, _ = check_table(X, type(self).__name__, layout)
        x, codes, levels = split(table, self.is_categorical_)
        for k, categories in enumerate(self.categories_):
            known = {category: code for code, category in enumerate(categories.tolist())}
            codes[:, k] = np.array([*(known.get(level, -1) for level in levels[k]), -1])[codes[:, k]]
        return x, codes

    def _joint_log_likelihood(self, X):
        x, codes = X
        scores = np.tile(self.class_log_prior_, (len(x), 1))
        with np.errstate(over="ignore"):
            for c, (mean, variance) in enumerate(zip(self.theta_, self.var_, strict=True)):
                terms = -0.5 * (np.log(2.0 * np.pi * variance) + (x - mean) ** 2 / variance)
                scores[:, c] += np.where(np.isnan(terms), 0.0, terms).sum(axis=1)
        for k, log_prob in enumerate(self.feature_log_prob_):
            known = codes[:, k] >= 0
            scores[known] += log_prob[:, codes[known, k]].T
        return scores


TableBayes.__name__ = "MixedNB"  # what warnings and errors call it: the learner that it was read out of
