"""Tables as numbers: imputed means, indicators, scales and one-hot categories, all read from exact sums.

Encoded columns are linear in the record: in its numbers (0 where missing), in its levels, and in 1. So the encoder is a
matrix, and the Gram matrix of encoded records is that matrix's product with what was summed: the records are not asked.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sqlearn.engine.digits import normalized
from sqlearn.engine.linear_map import mapped
from sqlearn.engine.read_out import GramView, aligned, packed_cell
from sqlearn.engine.table_gram import FixedGram, TableGram

__all__ = ["Affine", "TableEncoder", "read_encoder"]

_LEAST_SCALE = 2.0**-1022
_BITS = 64  # of the reciprocal of a scale


def _exact(digits: np.ndarray, low: int) -> Fraction:
    """The number that balanced digits stand for."""
    whole = sum(digit << (32 * place) for place, digit in enumerate(digits.tolist()))
    return whole * Fraction(2) ** (32 * low)


def _root(square: Fraction) -> float:
    """The square root, to float64, and at least 2**-1022."""
    numerator, denominator = square.as_integer_ratio()
    shift = (128 - numerator.bit_length() + denominator.bit_length()) // 2
    whole = (numerator << (2 * shift)) // denominator if shift >= 0 else numerator // (denominator << (-2 * shift))
    return max(math.ldexp(math.isqrt(whole), -shift), _LEAST_SCALE)


@dataclass
class Affine:
    """``(value - mean) / scale`` of some columns, and what a missing value becomes.

    Attributes
    ----------
    mean, rest : float64[d]
        Their sum is the mean, to 106 bits.
    scale : float64[d]
        Standard deviations, 1 where they are 0.
    missing : float64[d]
        Encoded missing values.
    """

    mean: np.ndarray
    rest: np.ndarray
    scale: np.ndarray
    missing: np.ndarray

    @classmethod
    def of(cls, means: list[Fraction], variances: list[Fraction], standardize: bool) -> "Affine":
        """The one for exact means and variances; not `standardize`: values stay, missing ones become the mean."""
        mean = np.array([float(exact) for exact in means], np.float64)
        rest = np.array([float(exact - Fraction(value)) for exact, value in zip(means, mean.tolist(), strict=True)])
        scale = np.array([_root(variance) if variance else 1.0 for variance in variances], np.float64)
        if standardize:
            return cls(mean, rest, scale, np.zeros(len(mean)))
        return cls(np.zeros(len(mean)), np.zeros(len(mean)), np.ones(len(mean)), mean)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Encoded columns, float64[n, d]."""
        halves = ((0.5 * x - 0.5 * self.mean) - 0.5 * self.rest) / (0.5 * self.scale)  # 1e308 - -1e308 is no float64
        return np.where(np.isnan(x), self.missing, halves)

    def factors(self, k: int, value: int, missing: int | None) -> dict[int, Fraction]:
        """Column k in terms of the variables `value` (0 where missing), `missing` and 0, the constant one."""
        scale = float(self.scale[k])
        unit = Fraction(2) ** (_BITS + math.frexp(scale)[1])
        factor = round(unit / Fraction(scale)) / unit if scale != 1.0 else Fraction(1)
        centre = -factor * (Fraction(float(self.mean[k])) + Fraction(float(self.rest[k])))
        found = {value: factor, 0: centre}
        if missing is not None:
            found[missing] = Fraction(float(self.missing[k])) - centre
        return {source: term for source, term in found.items() if term}


@dataclass
class TableEncoder:
    """What turns the numbers and categories of a table into columns of numbers.

    Attributes
    ----------
    kept : int64[d]
        The numbers that have a value in some record.
    numbers : Affine
        Means and scales of these.
    indicated : int64[m]
        The numbers for which there is a missing indicator.
    indicators : Affine
        Means and scales of the indicators.
    categories : list of list
        Categories of each categorical column.
    category_missing : list of bool
        Whether that a category is missing has a column, too: the last of its.
    """

    kept: np.ndarray
    numbers: Affine
    indicated: np.ndarray
    indicators: Affine
    categories: list[list]
    category_missing: list[bool]

    @property
    def n_columns(self) -> int:
        """Number of encoded columns."""
        n_levels = sum(map(len, self.categories)) + sum(self.category_missing)
        return len(self.kept) + len(self.indicated) + n_levels

    def names(self, numbers: list[str], categorical: list[str]) -> np.ndarray:
        """Names of the encoded columns, as scikit-learn's encoders give them."""
        names = [numbers[i] for i in self.kept] + [f"missingindicator_{numbers[i]}" for i in self.indicated]
        for name, categories, missing in zip(categorical, self.categories, self.category_missing, strict=True):
            names += [f"{name}_{category}" for category in categories] + [f"{name}_nan"] * missing
        return np.array(names, object)

    def transform(self, x: np.ndarray, codes: np.ndarray, levels: list[list]) -> np.ndarray:
        """Encoded records, float64[n, n_columns]; see :class:`~sqlearn.engine.state.Batch` for the arguments.

        A category that is not among those held, and a missing one where none was missing, is 0 in all its columns.
        """
        out = np.zeros((len(x), self.n_columns))
        out[:, : len(self.kept)] = self.numbers.apply(x[:, self.kept])
        start = len(self.kept) + len(self.indicated)
        out[:, len(self.kept) : start] = self.indicators.apply(np.isnan(x[:, self.indicated]).astype(np.float64))
        for j, (held, missing) in enumerate(zip(self.categories, self.category_missing, strict=True)):
            places = {category: start + k for k, category in enumerate(held)}
            stop = start + len(held) + missing
            places_of = np.array([*(places.get(level, -1) for level in levels[j]), stop - 1 if missing else -1])
            columns = places_of[codes[:, j]]
            rows = np.flatnonzero(columns >= 0)
            out[rows, columns[rows]] = 1.0
            start = stop
        return out


def read_encoder(
    statistic: TableGram, rows: np.ndarray, n_categorical: int, *, standardize: bool, add_indicator: bool
) -> tuple[TableEncoder, FixedGram]:
    """The encoder of the records held, and the Gram matrix of encoded records in each of these rows.

    Parameters
    ----------
    statistic : TableGram
        Sums of the records.
    rows : int64[n_classes]
        Rows of the statistic.
    n_categorical : int
        Number of categorical columns.
    standardize : bool
        Whether numbers and indicators get mean 0 and variance 1.
    add_indicator : bool
        Whether numbers with missing values get an indicator.
    """
    d, t = statistic.n_features, statistic.n_targets
    labels = statistic.vocabulary.labels()
    variable = {label: 1 + d + k for k, label in enumerate(labels)}
    width = 1 + d + len(labels) + t
    digits, low = statistic.digits(rows)
    total = normalized(digits.sum(axis=0))

    def moment(i, j):
        return _exact(total[packed_cell(i, j, width)], low)

    weight = moment(0, 0)
    absent = {i: moment(0, variable[i, 0]) for i in range(d) if (i, 0) in variable}
    kept = [i for i in range(d) if absent.get(i, 0) != weight]
    means, variances = [], []
    for i in kept:
        present, first = weight - absent.get(i, 0), moment(0, 1 + i)
        means.append(first / present)
        variances.append((moment(1 + i, 1 + i) - first * means[-1]) / weight)
    indicated = list(absent) if add_indicator else []
    shares = [absent[i] / weight for i in indicated]
    encoder = TableEncoder(
        np.array(kept, np.int64),
        Affine.of(means, variances, standardize),
        np.array(indicated, np.int64),
        Affine.of(shares, [share * (1 - share) for share in shares], standardize),
        [[level for place, level in labels if place == statistic.place(j)] for j in range(n_categorical)],
        [(statistic.place(j) + 1, 0) in variable for j in range(n_categorical)],
    )
    columns = [{0: Fraction(1)}]
    columns += [encoder.numbers.factors(k, 1 + i, variable.get((i, 0))) for k, i in enumerate(kept)]
    columns += [encoder.indicators.factors(k, variable[i, 0], None) for k, i in enumerate(indicated)]
    columns += [{variable[label]: Fraction(1)} for label in labels if label[0] >= d]
    columns += [{i: Fraction(1)} for i in range(width - t, width)]
    views = [mapped(GramView(own, low, width - 1 - t, t), columns, t) for own in digits]
    stacked, lowest = aligned(*((view.digits, view.low) for view in views))
    return encoder, FixedGram(np.stack(stacked), lowest, statistic.held[rows], encoder.n_columns, t)
