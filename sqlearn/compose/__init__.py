"""Models with what comes before the learner inside, which forget as a whole."""

from sqlearn.compose.fixed_features import FixedFeatures
from sqlearn.compose.table_model import TableModel
from sqlearn.compose.text_model import TextModel

__all__ = ["FixedFeatures", "TableModel", "TextModel"]
