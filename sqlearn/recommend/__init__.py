"""Recommenders that forget: ratings, people and items."""

from sqlearn.recommend.ease import EASE
from sqlearn.recommend.item_knn import ItemKNN

__all__ = ["EASE", "ItemKNN"]
