"""Linear models that forget."""

from sqlearn.linear_model.bayesian import BayesianRidge
from sqlearn.linear_model.coordinate_descent import ElasticNet, Lasso
from sqlearn.linear_model.least_squares import LinearRegression
from sqlearn.linear_model.ridge import Ridge, RidgeClassifier
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
