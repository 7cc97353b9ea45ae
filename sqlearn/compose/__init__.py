"""Models with what comes before the learner inside, which forget as a whole."""

from sklearn.compose import make_column_selector

from sqlearn.compose.column_transformer import ColumnTransformer, make_column_transformer
from sqlearn.compose.fixed_features import FixedFeatures
from sqlearn.compose.table_model import TableModel
from sqlearn.compose.text_model import TextModel

__all__ = [
    "ColumnTransformer",
    "FixedFeatures",
    "TableModel",
    "TextModel",
    "make_column_selector",
    "make_column_transformer",
]
