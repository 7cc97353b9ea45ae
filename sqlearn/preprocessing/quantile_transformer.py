"""Transforming features to a uniform or normal distribution, by their quantiles."""

import warnings

import numpy as np
import scipy.sparse as sp
from sklearn import preprocessing as peers

from sqlearn.engine.model import UnweightedEstimator
from sqlearn.engine.ordered import Ordered, OrderView
from sqlearn.engine.validation import refuse_negative
from sqlearn.errors import ParameterError
from sqlearn.preprocessing.inverting import Inverts


class QuantileTransformer(Inverts, UnweightedEstimator, peers.QuantileTransformer):
    """Transform each feature to a uniform or a normal distribution, by its quantiles.

    Parameters
    ----------
    n_quantiles : int, default=1000
        Number of quantiles; the number of rows held, if these are fewer.
    output_distribution : {"uniform", "normal"}, default="uniform"
        The distribution of what ``transform`` returns.
    ignore_implicit_zeros : False
        True is refused: a sparse row and a dense one of equal values are one record, which cannot tell whether its
        zeros were written out.
    subsample : None
        A number is refused: a sample of the rows would have to follow them, and all rows cost no more here.
    random_state : int, RandomState or None, default=None
        Without effect, as nothing is sampled.
    copy : bool, default=True
        Whether ``transform`` leaves its input alone.
    ledger : bool, default=True
        Whether to keep the digest of every record, so that only records that are held can be forgotten.
    key : str or bytes, default=None
        Secret key of the records' digests; by default a public constant. Printing hides it, pickles contain it.

    Attributes
    ----------
    n_quantiles_ : int
        Number of quantiles.
    quantiles_ : float64[n_quantiles_, d]
        Quantiles of each feature; NaN for a feature that only has NaN.
    references_ : float64[n_quantiles_]
        Their levels, from 0 to 1.
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Notes
    -----
    The state is an ordered multiset of each feature's values (docs/order_statistics.md). Quantiles are those of
    ``numpy.nanpercentile``, bit for bit: what scikit-learn has with ``subsample=None``. NaN counts as missing. Sparse
    rows must not be negative, as in scikit-learn. `y` is ignored.

    Examples
    --------
    >>> from sqlearn.preprocessing import QuantileTransformer
    >>> model = QuantileTransformer(n_quantiles=3).fit([[0.0], [1.0], [4.0], [1e12]]).forget([1e12])
    >>> model.quantiles_.ravel()
    array([0., 1., 4.])
    >>> model.transform([[2.5]])
    array([[0.75]])
    """

    _sklearn_class = peers.QuantileTransformer
    _statistic = Ordered

    def __init__(
        self,
        *,
        n_quantiles: int = 1000,
        output_distribution: str = "uniform",
        ignore_implicit_zeros: bool = False,
        subsample: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        copy: bool = True,
        ledger: bool = True,
        key: str | bytes | None = None,
    ) -> None:
        self.n_quantiles = n_quantiles
        self.output_distribution = output_distribution
        self.ignore_implicit_zeros = ignore_implicit_zeros
        self.subsample = subsample
        self.random_state = random_state
        self.copy = copy
        self.ledger = ledger
        self.key = key

    def _check_supported_params(self, params):
        super()._check_supported_params(params)
        if params["ignore_implicit_zeros"]:
            raise ParameterError(
                "ignore_implicit_zeros=True would need to know which zeros were written out, and a sparse row and a "
                "dense one of equal values are one record here. Nothing was changed: leave it False.",
                value=True,
            )
        refuse_subsample(params["subsample"])

    def _features(self, spec, X, layout):
        found, layout = super()._features(spec, X, layout)
        if sp.issparse(found.x):
            refuse_negative(found.x, layout, "QuantileTransformer", "dense rows")
        return found, layout

    def _check_fit(self, batch):
        if self.n_quantiles > len(batch):
            warnings.warn(
                f"n_quantiles ({self.n_quantiles}) is greater than the total number of samples ({len(batch)}). "
                "n_quantiles is set to n_samples.",
                stacklevel=2,
            )

    def _read_out(self, state):
        n_quantiles = max(1, min(state.params["n_quantiles"], state.n_records))
        references = np.linspace(0, 1, n_quantiles, endpoint=True)
        quantiles = OrderView(state.statistic).quantiles(references * 100 / 100)
        return {"n_quantiles_": n_quantiles, "references_": references, "quantiles_": quantiles}


def refuse_subsample(subsample: int | None) -> None:
    """Refuse a number of rows to sample.

    Parameters
    ----------
    subsample : int or None
        The parameter of this name.

    Raises
    ------
    ParameterError
        When it is a number.
    """
    if subsample is not None:
        raise ParameterError(
            f"subsample={subsample} would draw rows at random, and other ones after a row is forgotten. Nothing was "
            "changed: leave it None, which reads all rows and takes no longer here.",
            value=subsample,
        )
