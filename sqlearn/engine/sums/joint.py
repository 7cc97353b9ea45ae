"""Statistics made of others, which move as one."""

import copy
from dataclasses import replace

import numpy as np

from sqlearn.engine.sums.categories import Categories
from sqlearn.engine.sums.moments import Moments
from sqlearn.engine.sums.sparse_sums import Sums, as_csr
from sqlearn.engine.sums.statistic import UNFIT, Block, Statistic
from sqlearn.errors import FormatError

__all__ = ["Correlations", "Joint", "Mixed"]


class Joint(Statistic):
    """Statistics that move as one: what each of its members holds, all or nothing.

    Attributes
    ----------
    members : tuple of Statistic
        The statistics. The first one counts the records of each slot, and gives the digits.
    """

    @property
    def members(self) -> tuple[Statistic, ...]:
        raise NotImplementedError

    def blocks(self, block: Block) -> tuple[Block, ...]:
        """What each member deposits of a block."""
        raise NotImplementedError

    @property
    def record_counts(self):  # type: ignore[override]
        return self.members[0].record_counts

    @property
    def vocabularies(self):
        return tuple(vocabulary for member in self.members for vocabulary in member.vocabularies)

    def projected_size(self, levels):
        return sum(member.projected_size(levels) for member in self.members)

    def deposit(self, block, sign, log):
        for member, part in zip(self.members, self.blocks(block), strict=True):
            member.deposit(part, sign, log)

    def resize(self, n_slots):
        for member in self.members:
            member.resize(n_slots)

    def prune(self, temporary=False):
        for member in self.members:
            member.prune(temporary)

    @property
    def is_wide(self):
        return any(member.is_wide for member in self.members)

    def trim(self):
        for member in self.members:
            member.trim()

    def add(self, other, other_slots, slots):
        for ours, theirs in zip(self.members, other.members, strict=True):
            ours.add(theirs, other_slots, slots)

    def copy(self):
        copied = copy.copy(self)
        for name, value in vars(self).items():
            setattr(copied, name, value.copy() if isinstance(value, Statistic) else value)
        return copied

    def canonical(self, slots):
        return [part for member in self.members for part in member.canonical(slots)]

    def digits(self, slots=None):
        return self.members[0].digits(slots)

    def restore(self, parts):
        start = 0
        for member in self.members:
            member.restore(parts[start : start + member.n_parts])
            start += member.n_parts

    def check_form(self, labels):
        for member in self.members:
            member.check_form(labels)
            if len(member.record_counts) != len(self.record_counts):
                raise FormatError(UNFIT)


class Mixed(Joint):
    """Moments of numeric columns with missing values, and categories.

    Attributes
    ----------
    moments : Moments
        Of the numeric features, NaN taken as 0.
    missing : Sums
        Weight of the records in which each numeric feature is NaN.
    categories : Categories
        Of the categorical columns.
    """

    def __init__(self, n_features: int, n_targets: int):
        self.n_features, self.n_targets = n_features, n_targets
        self.moments = Moments(n_features, 0)
        self.missing = Sums(n_features, 0)
        self.categories = Categories(0, 0)

    @staticmethod
    def cells(n_features, n_targets):
        return Moments.cells(n_features, 0) + Sums.cells(n_features, 0) + Categories.cells(0, 0)

    @property
    def members(self):
        return self.moments, self.missing, self.categories

    def encode(self, codes, levels):
        return self.categories.encode(codes, levels)

    def blocks(self, block):
        unknown = np.isnan(block.x)
        return replace(block, x=np.where(unknown, 0.0, block.x)), replace(block, x=as_csr(unknown)), block


class Correlations(Joint):
    """Moments of the features and of one target, and the products of each feature with it, of records of weight 1.

    Attributes
    ----------
    moments : Moments
        Of the features and, last, of the target.
    products : Sums
        The sum of the target, and of each feature times the target, which stands where records have their weight.
    """

    def __init__(self, n_features: int, n_targets: int):
        self.n_features, self.n_targets = n_features, n_targets
        self.moments = Moments(n_features + 1, 0)
        self.products = Sums(n_features, 0)

    @staticmethod
    def cells(n_features, n_targets):
        return Moments.cells(n_features + 1, 0) + Sums.cells(n_features, 0)

    @property
    def members(self):
        return self.moments, self.products

    def blocks(self, block):
        z = np.concatenate([block.x, block.targets], axis=1)
        return replace(block, x=z), replace(block, x=as_csr(block.x), weights=block.targets[:, 0])
