"""What users set of forests, and what updates of them report."""

from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Growth:
    """How trees grow: what users set.

    Attributes
    ----------
    n_trees : int
        Number of trees.
    share : float
        Share of the trees that each record is in.
    k : int
        How many features are scored at a node.
    random : bool
        Whether one random threshold per feature is scored, rather than those between some records.
    min_split, min_leaf, max_depth : int
        As in scikit-learn.
    scored, cached : int
        See :class:`~sqlearn.engine.trees.layout.Plan`.
    class_weight : dict or None
        Weights of labels.
    categorical : tuple of int
        Features that hold categories.
    n_jobs : int
        Threads that grow trees.
    """

    n_trees: int
    share: float
    k: int
    random: bool = False
    min_split: int = 2
    min_leaf: int = 1
    max_depth: int = 2**30
    scored: int = 1024
    cached: int = 192
    class_weight: dict[Any, float] | None = None
    categorical: tuple[int, ...] = ()
    n_jobs: int = 1

    @property
    def trees_per_record(self) -> int:
        return max(1, min(self.n_trees, round(self.share * self.n_trees)))


class ForestReport(NamedTuple):
    """What the last update of a forest did.

    Attributes
    ----------
    trees : int
        Trees that were changed.
    splits_moved : int
        Nodes that got another split.
    records_rebuilt : int
        Records of subtrees that were built anew, counted in each tree.
    seconds : float
        How long it took.
    """

    trees: int
    splits_moved: int
    records_rebuilt: int
    seconds: float
