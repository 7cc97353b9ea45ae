"""Data to try things on: a table that comes with the package, generators, attacks on data, files that you have."""

from sqlearn.datasets.documents import make_documents
from sqlearn.datasets.messages import load_sms_spam, make_hamlike_spam, make_messages
from sqlearn.datasets.ratings import load_movielens, make_average_attack, make_ratings
from sqlearn.datasets.scripts import make_scripts
from sqlearn.datasets.titanic import load_titanic

__all__ = [
    "load_movielens",
    "load_sms_spam",
    "load_titanic",
    "make_average_attack",
    "make_documents",
    "make_hamlike_spam",
    "make_messages",
    "make_ratings",
    "make_scripts",
]
