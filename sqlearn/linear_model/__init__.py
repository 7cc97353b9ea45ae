"""Linear models that forget."""

from sqlearn.linear_model.bayesian import BayesianRidge
from sqlearn.linear_model.coordinate_descent import ElasticNet, Lasso
from sqlearn.linear_model.coordinate_descent_cv import ElasticNetCV, LassoCV
from sqlearn.linear_model.generalized import GammaRegressor, PoissonRegressor, TweedieRegressor
from sqlearn.linear_model.least_squares import LinearRegression
from sqlearn.linear_model.logistic_choice import LogisticRegressionCV
from sqlearn.linear_model.ridge import Ridge, RidgeClassifier
from sqlearn.linear_model.ridge_cv import RidgeClassifierCV, RidgeCV
from sqlearn.linear_model.smooth import LogisticRegression

__all__ = [
    "BayesianRidge",
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "LogisticRegression",
    "LogisticRegressionCV",
    "PoissonRegressor",
    "Ridge",
    "RidgeCV",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "TweedieRegressor",
]
