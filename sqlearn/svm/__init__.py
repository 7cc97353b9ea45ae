"""Support vector machines that forget."""

from sqlearn.svm.linear import LinearSVC
from sqlearn.svm.one_class import OneClassSVM

__all__ = ["LinearSVC", "OneClassSVM"]
