"""Where pickles of earlier versions look for the linear models that are solved from second moments."""

from sqlearn.linear_model import BayesianRidge, ElasticNet, Lasso, LinearRegression, Ridge, RidgeClassifier

__all__ = ["BayesianRidge", "ElasticNet", "Lasso", "LinearRegression", "Ridge", "RidgeClassifier"]
