"""What a model would be without each of its rows."""

from sqlearn.inspection.leaving_out import leave_one_out

__all__ = ["leave_one_out"]
