"""Linear models that forget."""

from sqlearn.linear_model.moments import BayesianRidge, ElasticNet, Lasso, LinearRegression, Ridge, RidgeClassifier
from sqlearn.linear_model.smooth import LogisticRegression, PoissonRegressor

__all__ = [
    "BayesianRidge",
    "ElasticNet",
    "Lasso",
    "LinearRegression",
    "LogisticRegression",
    "PoissonRegressor",
    "Ridge",
    "RidgeClassifier",
]
