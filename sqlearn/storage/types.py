"""Types of what callers pass to a store."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from narwhals.typing import IntoDataFrame

Frame: TypeAlias = IntoDataFrame | Mapping[str, Any]  # a dict of equally long columns
Table: TypeAlias = Frame | Iterable[Frame]
Ids: TypeAlias = int | str | Iterable[int | str]
Progress: TypeAlias = Callable[[int], object]
