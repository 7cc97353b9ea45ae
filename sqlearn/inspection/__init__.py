"""What a model would be without each of its rows."""

from sqlearn.inspection.leave_one_out import leave_one_out

__all__ = ["leave_one_out"]
