"""The Ledoit-Wolf shrinkage of a covariance matrix, from exact sums up to the fourth order.

How far a sample covariance is from the true one is estimated by how much the products of centred features vary from
record to record: by the sums of their squares, ``(x_i - m_i)**2 (x_j - m_j)**2``, for each pair of features. The powers
are summed as they are, and centred here, before rounding.
"""

from dataclasses import dataclass

import numpy as np

from sqlearn.engine.arithmetic import add_product, round_pair, to_pairs
from sqlearn.engine.kernels import kernel
from sqlearn.engine.readout.gram_view import GramView, grams_of
from sqlearn.engine.readout.moments_view import is_constant
from sqlearn.engine.readout.rounding import aligned
from sqlearn.engine.sums import Spread, packed_cell

_MOST = 1000  # exponent that leaves room for products with shares within float64


@kernel
def _centre(weight, sums, second, third, fourth, diagonal, hi, exponents):
    """For each pair of features, ``n**3`` times the sum of ``(x_i - m_i)**2 (x_j - m_j)**2``, formed in digits.

    Fills float64[d, d] and int64[d, d]: rounded, the values are ``hi * 2**exponents`` in units of the lowest digit's
    fourth power. `diagonal` int64[d] has the places of ``i == j`` in `second` and `fourth`. With s, S, T and F for the
    sums of first to fourth order they are ``n**3 F_iijj - 2 n**2 (s_j T_iij + s_i T_jji) + n (s_j**2 S_ii + s_i**2 S_jj
    + 4 s_i s_j S_ij) - 3 s_i**2 s_j**2``.
    """
    d, length = sums.shape
    n2, n3 = np.zeros(2 * length + 2, np.int64), np.zeros(3 * length + 4, np.int64)
    add_product(n2, weight, weight, 1)
    add_product(n3, weight, n2, 1)
    own, others, both = np.empty(len(n2), np.int64), np.empty(len(n2), np.int64), np.empty(len(n2), np.int64)
    inner, outer = np.empty(len(n2), np.int64), np.empty(len(n3), np.int64)
    out, scratch = np.empty(4 * length + 6, np.int64), np.empty(4 * length + 6, np.int64)
    cell = 0
    for i in range(d):
        own[:] = 0
        add_product(own, sums[i], sums[i], 1)
        for j in range(i, d):
            others[:] = 0
            add_product(others, sums[j], sums[j], 1)
            both[:] = 0
            add_product(both, sums[i], sums[j], 1)
            inner[:] = 0
            add_product(inner, sums[j], third[i * d + j], 1)
            add_product(inner, sums[i], third[j * d + i], 1)
            outer[:] = 0
            add_product(outer, others, second[diagonal[i]], 1)
            add_product(outer, own, second[diagonal[j]], 1)
            for _ in range(4):
                add_product(outer, both, second[cell], 1)
            out[:] = 0
            add_product(out, n3, fourth[cell], 1)
            for _ in range(2):
                add_product(out, n2, inner, -1)
            add_product(out, weight, outer, 1)
            for _ in range(3):
                add_product(out, both, both, -1)
            hi[i, j], _, exponents[i, j] = round_pair(out, scratch)
            hi[j, i], exponents[j, i] = hi[i, j], exponents[i, j]
            cell += 1


@dataclass
class SpreadView:
    """Moments up to the fourth order of some records, exact, and what is read from them.

    Attributes
    ----------
    gram : GramView
        The matrix of ``[1, features]``.
    powers : int64[cells, L]
        Digits of the sums of third and fourth order, as in
        :class:`~sqlearn.engine.sums.fourth_moments.FourthMoments`.
    low : int
        Index of the lowest digit of `powers`.
    """

    gram: GramView
    powers: np.ndarray
    low: int

    def kurtosis(self, about_zero: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Means of ``(z_i z_j)**2`` and of ``z_i z_j``, the correlations, of features z of mean 0 and variance 1.

        Parameters
        ----------
        about_zero : bool
            Whether features are taken as they are, as if their means were 0, and only scaled.

        Returns
        -------
        kurtosis, correlation : float64[d, d]
            Centred before rounding; 0 for features that do not vary.
        """
        hi, exponents = self._products() if about_zero else self._central_products()
        moments = self.gram.raw() if about_zero else self.gram.centred()
        variances = moments.hi.diagonal()
        varies = np.outer(variances, variances) > 0.0
        product = np.where(varies, np.outer(variances, variances), 1.0)
        shift = exponents - 2 * np.add.outer(moments.exponents, moments.exponents)
        return np.where(varies, np.ldexp(hi / product, shift), 0.0), moments.hi / np.sqrt(product)

    def _central_products(self):
        """``n**3`` times the sums of ``(x_i - m_i)**2 (x_j - m_j)**2``: float64[d, d], and exponents, int64[d, d]."""
        d = self.gram.n_features
        (matrix, powers), low = aligned((self.gram.digits, self.gram.low), (self.powers, self.low))
        hi, exponents = np.zeros((d, d)), np.zeros((d, d), np.int64)
        diagonal = packed_cell(np.arange(d), np.arange(d), d)
        third, fourth = powers[: d * d], powers[d * d :]
        _centre(matrix[0], matrix[1 : 1 + d], matrix[1 + d :], third, fourth, diagonal, hi, exponents)
        return hi, exponents + 128 * low

    def _products(self):
        """``n`` times the sums of ``x_i**2 x_j**2``, as :meth:`_central_products`."""
        d = self.gram.n_features
        values, _, exponents = to_pairs(self.powers[d * d :], self.low)
        weight, _, w_exponent = self.gram.weight()
        upper = np.triu_indices(d)
        hi, shift = np.zeros((d, d)), np.zeros((d, d), np.int64)
        hi[upper] = hi.T[upper] = values * weight
        shift[upper] = shift.T[upper] = exponents + w_exponent
        return hi, shift

    def units(self) -> np.ndarray:
        """Exponents of powers of two, int64[d]: in these units features have variances that float64 can hold.

        They lie in [1/4, 4) then, or are 0.
        """
        moments = self.gram.centred()
        return np.where(moments.hi.diagonal() > 0.0, moments.exponents - self.gram.weight()[2], 0)

    def covariance(self, units: np.ndarray | int = 0) -> np.ndarray:
        """The covariance matrix after Ledoit and Wolf, float64[d, d], of features standardized, and scaled back.

        Of the features divided by ``2**units``. Constant features count as if their variance were 1 without the units,
        which can be no more than ``2**1000`` or less than ``2**-1000`` with them.
        """
        covariance, weight = self.gram.covariance(units=units), self.gram.weight()
        mean = np.ldexp(self.gram.mean(), np.negative(units))
        count = np.ldexp(weight[0], weight[2])
        variances = covariance.diagonal()
        ones = np.ldexp(1.0, np.clip(-2 * np.asarray(units), -_MOST, _MOST))
        scales = np.where(is_constant(variances, mean, count), ones, variances)
        share, target = self.shrinkage(variances / scales)
        shrunk = (1.0 - share) * covariance
        shrunk.flat[:: len(shrunk) + 1] += share * target * scales
        return shrunk

    def shrinkage(self, variances: np.ndarray, about_zero: bool = False) -> tuple[float, float]:
        """Ledoit and Wolf's shrinkage, and the mean variance, for features scaled to these variances, float64[d].

        With `about_zero`, the variances are mean squares. The shrinkage of ``2**k * variances`` is the same for each k:
        products of variances stay within float64.
        """
        _, exponent = np.frexp(variances.max())
        variances = np.ldexp(variances, -exponent)
        d, mean = len(variances), float(variances.mean())
        kurtosis, correlation = self.kurtosis(about_zero)
        products = np.outer(variances, variances)
        squares = correlation**2 * products
        hi, _, w_exponent = self.gram.weight()
        error = (kurtosis * products - squares).sum() / np.ldexp(hi, w_exponent)
        np.fill_diagonal(squares, (variances - mean) ** 2)
        distance = squares.sum()
        share = min(1.0, max(0.0, error / distance)) if distance and d > 1 else 0.0
        return share, float(np.ldexp(mean, exponent))


def spreads_of(statistic: Spread, slots: np.ndarray | None = None) -> list[SpreadView]:
    """The moments of these slots, in this order; of all slots together, as one, for None."""
    powers, low = statistic.fourth.digits(slots)
    return [SpreadView(gram, own, low) for gram, own in zip(grams_of(statistic.gram, slots), powers, strict=True)]
