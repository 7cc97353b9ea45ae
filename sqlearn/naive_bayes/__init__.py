"""Naive Bayes classifiers that forget."""

from sqlearn.naive_bayes.categorical import CategoricalNB
from sqlearn.naive_bayes.counting import BernoulliNB, ComplementNB, MultinomialNB
from sqlearn.naive_bayes.gaussian import GaussianNB
from sqlearn.naive_bayes.mixed import MixedNB

__all__ = ["BernoulliNB", "CategoricalNB", "ComplementNB", "GaussianNB", "MixedNB", "MultinomialNB"]
