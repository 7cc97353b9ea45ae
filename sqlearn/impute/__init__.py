"""Imputers that forget."""

from sqlearn.impute.simple_imputer import SimpleImputer

__all__ = ["SimpleImputer"]
