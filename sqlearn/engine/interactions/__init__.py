"""Interactions of users with items: the records themselves, by user and by item, and what recommenders read from them.

May import: kernels, identity, sums, validation, errors.
"""

from sqlearn.engine.interactions.given import SCALE, Column, Columns, Given, listed_labels, read, with_article
from sqlearn.engine.interactions.gram import gram_of
from sqlearn.engine.interactions.reader import Reader
from sqlearn.engine.interactions.statistic import BySlot, Interactions, units_of
