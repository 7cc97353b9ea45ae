"""Tables as numbers: imputed means, indicators, scales and one-hot categories, all read from exact sums.

Encoded columns are linear in the record: in its numbers (0 where missing), in its levels, and in 1. So the encoder is a
matrix, and the Gram matrix of encoded records is that matrix's product with what was summed: no record is read.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from sqlearn.engine.arithmetic import normalized
from sqlearn.engine.readout import GramView, aligned, mapped
from sqlearn.engine.sums import packed_cell
from sqlearn.engine.tables.gram import FixedGram, TableGram
from sqlearn.engine.validation import Batch

_LEAST_SCALE = 2.0**-1022
_BITS = 64  # of the reciprocal of a scale
_NOISE = Fraction(1, 1 << 51)  # of a mean: two units in the last place


def exact_value(digits: np.ndarray, low: int) -> Fraction:
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
    def of(cls, means: Sequence[Fraction], variances: Sequence[Fraction], standardize: bool) -> "Affine":
        """From exact means and variances; without `standardize`, values stay and missing ones become the mean."""
        mean = np.array([float(exact) for exact in means], np.float64)
        rest = np.array([float(exact - Fraction(value)) for exact, value in zip(means, mean.tolist(), strict=True)])
        scale = np.array([_root(variance) if variance else 1.0 for variance in variances], np.float64)
        if standardize:
            return cls(mean, rest, scale, np.zeros(len(mean)))
        return cls(np.zeros(len(mean)), np.zeros(len(mean)), np.ones(len(mean)), mean)

    @classmethod
    def on_grid(
        cls, means: Sequence[Fraction], variances: Sequence[Fraction], standardize: bool, offsets: np.ndarray
    ) -> "Affine":
        """Means and scales rounded to about a sixteenth of a deviation, so that one record seldom changes them.

        `offsets`, float64[2 * d] in [0, 1), shift the grids.
        """
        rounded = []
        for k, (mean, variance) in enumerate(zip(means, variances, strict=True)):
            if not variance:  # all values are equal, and so is their mean
                rounded.append((mean, Fraction(1)))
                continue
            deviation = _root(variance)
            step = Fraction(2) ** (math.frexp(deviation)[1] - 5)
            cells = math.floor(mean / (2 * step) + Fraction(float(offsets[2 * k])))
            rounded.append(
                (2 * cells * step, math.floor(Fraction(deviation) / step + Fraction(float(offsets[2 * k + 1]))) * step)
            )
        return cls.of([mean for mean, _ in rounded], [scale**2 for _, scale in rounded], standardize)

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
        Whether each categorical column has an encoded column for its missing values, after those of its categories.
    """

    kept: np.ndarray
    numbers: Affine
    indicated: np.ndarray
    indicators: Affine
    categories: list[list]
    category_missing: list[bool]

    def key(self) -> bytes:
        """Bytes that are equal for equal encoders."""
        arrays = [self.kept, self.indicated]
        for columns in (self.numbers, self.indicators):
            arrays += [columns.mean, columns.rest, columns.scale, columns.missing]
        sizes = [len(array) for array in arrays]
        names = json.dumps([sizes, self.categories, self.category_missing]).encode()
        return b"".join([names, *(array.tobytes() for array in arrays)])

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
        """Encoded records, float64[n, n_columns]; arguments as of :class:`~sqlearn.engine.validation.batch.Batch`.

        A category that is not among those held, and a missing one where none was missing, is 0 in all its columns.
        """
        columns = np.empty(codes.shape, np.int64)
        places = self.places()
        for j, column_levels in enumerate(levels):
            of_code = [places.get((2 * j, level), -1) for level in column_levels]
            columns[:, j] = np.array([*of_code, places.get((2 * j + 1, 0), -1)])[codes[:, j]]
        return self.fill(x, columns)

    def places(self) -> dict:
        """The column of each ``(2 * j, category)`` of column j, and of ``(2 * j + 1, 0)`` where it may be missing."""
        labels = []
        for j, (held, missing) in enumerate(zip(self.categories, self.category_missing, strict=True)):
            labels += [(2 * j, category) for category in held] + [(2 * j + 1, 0)] * missing
        start = len(self.kept) + len(self.indicated)
        return {label: start + k for k, label in enumerate(labels)}

    def fill(self, x: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Encoded records, float64[n, n_columns], whose categories are these `columns`, int64[n, c], or none for -1."""
        out = np.zeros((len(x), self.n_columns))
        start = len(self.kept)
        out[:, :start] = self.numbers.apply(x[:, self.kept])
        missing = np.isnan(x[:, self.indicated]).astype(np.float64)
        out[:, start : start + len(self.indicated)] = self.indicators.apply(missing)
        rows, which = np.nonzero(columns >= 0)
        out[rows, columns[rows, which]] = 1.0
        return out


def encoder_of(
    weight: Fraction,
    absent: dict[int, Fraction],
    moments: Sequence[tuple[Fraction, Fraction]],
    labels: list,
    n_categorical: int,
    add_indicator: bool,
    affine: Callable[[list[Fraction], list[Fraction]], Affine],
) -> TableEncoder:
    """The encoder of records with these sums.

    Parameters
    ----------
    weight : Fraction
        Weight of all records.
    absent : dict
        Weight of those in which a number is missing, by number, where there are any.
    moments : sequence of tuple
        Sum and sum of squares of each number.
    labels : list
        Sorted levels, those of column j at the places ``d + 2j`` and, where it is missing, ``d + 2j + 1``.
    n_categorical : int
        Number of categorical columns.
    add_indicator : bool
        Whether numbers with missing values get an indicator.
    affine : callable
        Makes means and variances an :class:`Affine`.
    """
    d = len(moments)
    kept = [i for i in range(d) if absent.get(i, 0) != weight]
    means = [moments[i][0] / (weight - absent.get(i, 0)) for i in kept]
    variances = [(moments[i][1] - moments[i][0] * mean) / weight for i, mean in zip(kept, means, strict=True)]
    indicated = sorted(absent) if add_indicator else []
    shares = [absent[i] / weight for i in indicated]
    categories: list[list] = [[] for _ in range(2 * n_categorical)]
    for place, level in labels:
        if place >= d:
            categories[place - d].append(level)
    return TableEncoder(
        np.array(kept, np.int64),
        affine(means, variances),
        np.array(indicated, np.int64),
        affine(shares, [share * (1 - share) for share in shares]),
        categories[::2],
        [bool(missing) for missing in categories[1::2]],
    )


def read_encoder(
    statistic: TableGram, slots: np.ndarray, n_categorical: int, *, standardize: bool, add_indicator: bool
) -> tuple[TableEncoder, FixedGram]:
    """The encoder of the records held, and the Gram matrix of encoded records in each of these slots.

    Parameters
    ----------
    statistic : TableGram
        Sums of the records.
    slots : int64[n_classes]
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
    digits, low = statistic.digits(slots)
    total = normalized(digits.sum(axis=0))

    def moment(i, j):
        return exact_value(total[packed_cell(i, j, width)], low)

    absent = {i: moment(0, variable[i, 0]) for i in range(d) if (i, 0) in variable}
    moments = [(moment(0, 1 + i), moment(1 + i, 1 + i)) for i in range(d)]

    def affine(means, variances):
        """Columns whose values differ by a rounding or two get the scale 1: it would blow up nothing but noise."""
        pairs = zip(means, variances, strict=True)
        return Affine.of(means, [v if v > (_NOISE * m) ** 2 else Fraction(0) for m, v in pairs], standardize)

    encoder = encoder_of(moment(0, 0), absent, moments, labels, n_categorical, add_indicator, affine)
    columns = [{0: Fraction(1)}]
    columns += [encoder.numbers.factors(k, 1 + i, variable.get((i, 0))) for k, i in enumerate(encoder.kept.tolist())]
    indicated = encoder.indicated.tolist()
    columns += [encoder.indicators.factors(k, variable[i, 0], None) for k, i in enumerate(indicated)]
    columns += [{variable[label]: Fraction(1)} for label in labels if label[0] >= d]
    columns += [{i: Fraction(1)} for i in range(width - t, width)]
    views = [mapped(GramView(own, low, width - 1 - t, t), columns, t) for own in digits]
    stacked, lowest = aligned(*((view.digits, view.low) for view in views))
    return encoder, FixedGram(np.stack(stacked), lowest, statistic.record_counts[slots], encoder.n_columns, t)


def encoded_width(batch: Batch, add_indicator: bool) -> int:
    """Number of columns that these records alone would be encoded in."""
    counted = batch.weights > 0
    missing = np.isnan(batch.x[counted])
    kept, indicated = (np.count_nonzero(columns) for columns in (~missing.all(axis=0), missing.any(axis=0)))
    return int(kept + add_indicator * indicated) + sum(len(np.unique(codes)) for codes in batch.codes[counted].T)
