"""What reads the order of values: the bits of scikit-learn's attributes, histories of hard values, refusals."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn import preprocessing as peers
from sklearn.base import clone

from laws import assert_same, check_contract, refit
from naive import hard_rows
from records import Records
from sqlearn import errors, verify
from sqlearn.decomposition import TruncatedSVD
from sqlearn.impute import SimpleImputer
from sqlearn.neighbors import NearestCentroid
from sqlearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

METHODS = (
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
)
MISSING = [
    MinMaxScaler(feature_range=(-2, 1), clip=True),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(quantile_range=(7.5, 80.0), unit_variance=True),
    QuantileTransformer(n_quantiles=7, subsample=None),
]
IMPUTERS = [SimpleImputer(strategy="median"), SimpleImputer(strategy="most_frequent")]
COMPLETE = [
    *(KBinsDiscretizer(4, quantile_method=method, subsample=None, encode="ordinal") for method in METHODS),
    KBinsDiscretizer([2, 3, 5, 4], strategy="uniform", subsample=None, encode="onehot-dense"),
]


def named(learner):
    return type(learner).__name__ + "".join(
        str(learner.get_params()[name]) for name in ("quantile_method", "strategy") if name in learner.get_params()
    )


def same(ours, theirs) -> bool:
    if isinstance(theirs, np.ndarray) and theirs.dtype == object:
        return len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))
    return np.array_equal(ours, theirs, equal_nan=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("learner", MISSING + COMPLETE, ids=named)
@pytest.mark.crossed(2)
def test_attributes_have_the_bits_of_scikit_learn(learner):
    rng = np.random.default_rng(0)
    names = {*type(learner)._sklearn_class().get_params()}
    for n in (1, 2, 3, 10, 101, 700):
        X = rng.normal(size=(n, 4)) * 10.0 ** rng.integers(-3, 4, 4)
        X[rng.random(X.shape) < 0.2] = 0
        X[:, 3] = np.round(2 * X[:, 3]) / 2
        if learner in MISSING and n > 2:
            X[rng.random(X.shape) < 0.1] = np.nan
        kept = {name: value for name, value in learner.get_params().items() if name in names}
        theirs = type(learner)._sklearn_class(**kept).fit(X)
        ours = refit(learner, Records(X, None, None))
        for name, value in vars(theirs).items():
            if name.endswith("_"):
                assert same(getattr(ours, name), value), (name, n)
        assert same(ours.transform(X), theirs.transform(X))
        if n > 1:
            each = np.concatenate([ours.transform(X[[i]]) for i in range(n)])  # no row depends on its neighbours
            assert same(each, ours.transform(X))


@pytest.mark.parametrize(
    "learner",
    [
        MinMaxScaler(),
        MaxAbsScaler(),
        QuantileTransformer(n_quantiles=5),
        KBinsDiscretizer(3),
        SimpleImputer(strategy="median"),
        SimpleImputer(strategy="most_frequent", add_indicator=True),
        SimpleImputer(),
        TruncatedSVD(),
    ],
    ids=lambda learner: type(learner).__name__ + str(getattr(learner, "strategy", "")),
)
@pytest.mark.parametrize("level", [0, 2])
def test_contract(learner, level):
    rng = np.random.default_rng(level)
    X = hard_rows(rng, 14, 3, level)
    X[:, 2] = np.round(X[:, 2])
    if learner.__sklearn_tags__().input_tags.allow_nan:
        X[rng.random(X.shape) < 0.15] = np.nan
    check_contract(learner, Records(X, None, None), rng)


@pytest.mark.parametrize("learner", [RobustScaler(), KBinsDiscretizer(4)], ids=named)
def test_long_histories(learner):
    """Blocks split and join: rows come and go one by one and in batches, past the edges of blocks."""
    rng = np.random.default_rng(5)
    X = np.round(rng.normal(size=(900, 2)), 3)
    X[::50] = [1e308, -5e-324]
    model, held = refit(learner, Records(X[:300], None, None)), [*range(300)]
    free = [*range(300, 900)]
    for step in range(12):
        n = int(rng.integers(1, 250))
        if (step % 2 and len(held) > n) or len(free) < n:
            gone = rng.choice(len(held), min(n, len(held) - 1), replace=False)
            index = [held[i] for i in gone]
            held, free = [i for i in held if i not in index], free + index
            if step % 3:
                model.forget(X[index])
            else:
                for i in index:
                    model.forget(X[i])
        else:
            index, free = free[:n], free[n:]
            held += index
            if step % 3:
                model.partial_fit(X[index])
            else:
                for i in index:
                    model.partial_fit(X[i])
        with model.without(X[held[:20]]):
            assert model.digest() == refit(learner, Records(X[held[20:]], None, None)).digest()
        if step % 4 == 3:
            assert_same(model, refit(learner, Records(X[held], None, None), rng))
            model = pickle.loads(pickle.dumps(model))


@pytest.mark.filterwarnings("ignore:n_quantiles")
@pytest.mark.parametrize("learner", [*MISSING, *IMPUTERS], ids=named)
@pytest.mark.parametrize("n", [1, 7, 60])
def test_missing_values_are_counted_however_rows_come(learner, n):
    """The first rows of a batch may need new directories of the lists while its missing values are counted."""
    rng = np.random.default_rng(n)
    X = np.round(rng.normal(size=(180, 3)), 2)
    X[rng.random(X.shape) < 0.3] = np.nan
    X[:9, 2] = np.nan
    model = clone(learner).fit(X[:5])
    for start in range(5, len(X), n):
        model.partial_fit(X[start : start + n])
    assert model.digest() == clone(learner).fit(X).digest()
    gaps = np.isnan(X).any(axis=1)
    for row in X[:20][gaps[:20]]:
        model.forget(row)
    model.forget(X[20:][gaps[20:]])
    assert_same(model, refit(learner, Records(X[~gaps], None, None)))


def test_values_beyond_half_the_range_of_float64():
    X = np.array([[1.7e308], [1.7e308], [1.6e308], [1.6e308]])
    np.testing.assert_allclose(RobustScaler().fit(X).center_, 1.65e308)  # numpy's sum of two overflows
    scaler = MinMaxScaler().fit([[1e308], [-1e308], [0.0], [2.0]])
    with pytest.raises(errors.UndefinedAttributeError, match="range"):
        _ = scaler.scale_
    assert scaler.forget([1e308]).forget([-1e308]).data_max_ == 2.0


def test_bins_wider_than_float64_are_refused_when_they_are_read():
    for strategy in ("uniform", "quantile"):
        bins = KBinsDiscretizer(2, strategy=strategy).fit([[1e308], [-1e308], [0.0], [1.0]])
        with pytest.raises(errors.UndefinedAttributeError, match="forget the rows"):
            _ = bins.bin_edges_
        assert bins.forget([-1e308]).bin_edges_[0][-1] == 1e308


def test_edges_cannot_be_written_to():
    bins = KBinsDiscretizer(2).fit([[0.0], [1.0], [2.0]])
    with pytest.raises(ValueError, match="read-only"):
        bins.bin_edges_[0][1] = 1e9


def test_a_column_of_missing_values_leaves_its_type_open():
    for encoder in (OneHotEncoder(), OrdinalEncoder()):
        for value, other in ((1.5, "a"), ("a", 1.5)):
            late = clone(encoder).partial_fit([[None]]).partial_fit([[value]])
            early = clone(encoder).partial_fit([[value]]).partial_fit([[None]])
            assert late.categories_[0].tolist()[0] == early.categories_[0].tolist()[0] == value
            assert late.categories_[0].dtype == early.categories_[0].dtype
            before = late.digest()
            for wrong in ([[other]], [[other], [value]]):
                with pytest.raises(errors.InvalidValueError, match=r"column 0 \(counted from 0\)"):
                    late.partial_fit(wrong)
            assert late.digest() == before
            with pytest.raises(errors.MergeError, match="mixed in column 0"):
                late.merge(clone(encoder).partial_fit([[None]]).partial_fit([[other]]))
            assert pickle.loads(pickle.dumps(late)).digest() == before
            late.forget([[value]]).partial_fit([[other]])
            assert late.categories_[0].tolist()[0] == other


def test_a_change_of_order_that_adds_slots_is_undone():
    centroid = NearestCentroid(metric="manhattan").fit([[1.0], [2.0], [5.0], [5.0]], [0, 0, 1, 1])
    before = centroid.digest()
    with pytest.raises(errors.InvalidValueError, match="mixed"):  # slots came, which the undoing finds
        centroid.relabel([[1.0], [5.0]], [0, 1], ["a", "b"])
    assert centroid.digest() == before


@pytest.mark.parametrize("learner", [MaxAbsScaler(), RobustScaler(with_centering=False), QuantileTransformer()])
def test_sparse_rows(learner):
    rng = np.random.default_rng(2)
    X = np.where(rng.random((40, 3)) < 0.7, 0.0, rng.random((40, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer rows than quantiles
        ours, theirs = type(learner)(**learner.get_params()), getattr(peers, type(learner).__name__)()
        theirs.set_params(**({"with_centering": False} if isinstance(learner, RobustScaler) else {}))
        ours.fit(sp.csr_array(X)), theirs.fit(sp.csr_array(X))
        assert ours.digest() == type(learner)(**learner.get_params()).fit(X).digest()
    found, expected = ours.transform(sp.csr_array(X)), theirs.transform(sp.csr_array(X))
    np.testing.assert_array_equal(found.toarray(), expected.toarray())
    assert verify(ours.forget(sp.csr_array(X[:3])), X[3:])


def test_without_a_ledger_records_that_were_never_learned_are_told_by_their_values():
    X = np.array([[1.0, 0.0], [2.0, np.nan], [0.0, 3.0]])
    model = RobustScaler(ledger=False).fit(X)
    before = model.digest()
    for row in ([4.0, 0.0], [1.0, 5.0], [0.0, 0.0], [np.nan, np.nan]):
        with pytest.raises(errors.NotLearnedError):
            model.forget(np.array([[1.0, 0.0], row]))
        assert model.digest() == before
    assert verify(model.forget(X[1]), X[[0, 2]])


@pytest.mark.parametrize(
    ("learner", "X", "message"),
    [
        (MinMaxScaler((2, 1)), [[1.0]], "Minimum of desired feature range"),
        (MinMaxScaler(("a", 1)), [[1.0]], "pair of numbers"),
        (RobustScaler(quantile_range=(75, 25)), [[1.0]], "Invalid quantile range"),
        (RobustScaler(quantile_range=(1,)), [[1.0]], "pair of numbers"),
        (RobustScaler(), sp.csr_array([[1.0]]), "with_centering=False"),
        (QuantileTransformer(subsample=10), [[1.0]], "leave it None"),
        (QuantileTransformer(ignore_implicit_zeros=True), [[1.0]], "leave it False"),
        (QuantileTransformer(), sp.csr_array([[-1.0]]), "Negative values"),
        (KBinsDiscretizer(strategy="kmeans"), [[1.0]], "use 'quantile' or 'uniform'"),
        (KBinsDiscretizer(subsample=3), [[1.0]], "leave it None"),
        (KBinsDiscretizer([2, 3]), [[1.0]], "one for each feature"),
        (KBinsDiscretizer([1]), [[1.0]], "at least 2"),
        (KBinsDiscretizer(), [[np.nan]], "row 0"),
        (TruncatedSVD(3), [[1.0, 2.0]], "n_features"),
        (TruncatedSVD(), [[1.0]], "minimum of 2"),
        (SimpleImputer(strategy=np.mean), [[1.0]], "A function as strategy"),
        (SimpleImputer(), [["a"]], "'a' in row 0"),
        (SimpleImputer(missing_values="x"), [[1.0]], "numerical"),
        (SimpleImputer(missing_values=0), sp.csr_array([[1.0]]), "dense array"),
        (SimpleImputer(strategy="constant", fill_value="x"), [[1.0]], "cannot be cast"),
        (SimpleImputer(missing_values="?", strategy="most_frequent"), [["a"], [None]], "mark all that is missing"),
        (OneHotEncoder(drop=["z"]), [["a"], ["b"]], "supposed to be dropped"),
        (OneHotEncoder(), [["a"], [1]], "uniformly strings or numbers"),
        (OneHotEncoder(categories=[["a"]]), [["a"], ["b"]], r"\['b'\] in column 0"),
        (OneHotEncoder(categories=[["a"], ["b"]]), [["a"]], "Shape mismatch"),
        (OrdinalEncoder(categories=[[2, 1]]), [[1]], "Unsorted"),
        (OrdinalEncoder(categories=[[np.nan, 1]]), [[1]], "last element"),
        (OrdinalEncoder(categories=[[1, 1]]), [[1]], "duplicate"),
        (OrdinalEncoder(unknown_value=3), [["a"]], "unknown_value"),
    ],
    ids=lambda part: type(part).__name__ if hasattr(part, "fit") else str(part)[:20].replace("\n", " "),
)
def test_refusals(learner, X, message):
    with pytest.raises(ValueError, match=message):
        learner.fit(X)
    assert not hasattr(learner, "_state")


def test_old_pickles_and_stores_find_the_scaler():
    import sqlearn.preprocessing

    assert sqlearn.preprocessing.StandardScaler is StandardScaler
