"""Models with what comes before the learner inside, which forget as a whole."""

from sqlearn.compose.table_model import TableModel

__all__ = ["TableModel"]
