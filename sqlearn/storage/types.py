"""Types of what callers pass to a store."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from narwhals.typing import IntoDataFrame

Frame: TypeAlias = IntoDataFrame | Mapping[str, Any]  # a dict of equally long columns
Table: TypeAlias = Frame | Iterable[Frame]
Files: TypeAlias = str | os.PathLike[str]
Given: TypeAlias = Table | Files | Sequence[Files]  # what a set of stores reads from files, too
Ids: TypeAlias = int | str | Iterable[int | str]
Progress: TypeAlias = Callable[[int], object]
