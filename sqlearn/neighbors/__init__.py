"""Neighbours-based learners that forget."""

from sqlearn.neighbors.centroid import NearestCentroid
from sqlearn.neighbors.nearest import KNeighborsClassifier, KNeighborsRegressor

__all__ = ["KNeighborsClassifier", "KNeighborsRegressor", "NearestCentroid"]
