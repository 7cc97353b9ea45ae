"""What is kept of steps on a grid is what a refit would make, also where float64 loses numbers."""

import numpy as np
import pytest
from sklearn.base import clone

from learners import crossed
from sqlearn.cluster import KMeans
from sqlearn.compose import ColumnTransformer
from sqlearn.impute import SimpleImputer
from sqlearn.linear_model import LogisticRegression
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore")

NONE = [0.0, -0.0, 5e-324, -5e-324, 1e-310]
COLUMNS = {
    "plain": lambda rng, n: rng.normal(size=n),
    "squares below float64's range": lambda rng, n: rng.normal(size=n) * 1e-180,
    "squares below the normal numbers": lambda rng, n: rng.normal(size=n) * 2.0**-530,
    "subnormal numbers": lambda rng, n: rng.choice(NONE, n),
    "large": lambda rng, n: rng.normal(size=n) * 1e149,
    "of all sizes": lambda rng, n: rng.choice([0.0, 1e-200, 1.0, 1e149], n),
    "constant up to rounding": lambda rng, n: 1e16 + 2.0 * rng.integers(0, 3, n),
    "offset": lambda rng, n: 1e6 + rng.normal(size=n),
    "one value, mostly": lambda rng, n: np.where(rng.random(n) < 0.1, 3.0, 0.1),
    "symmetric": lambda rng, n: rng.choice([-1e-20, 1e-20], n),
}
WEIGHTS = {"one": [1.0], "zero": [0.0, 1.0], "light": [1e-300, 2e-300], "heavy": [1e14, 3e14], "wide": [1e-200, 1.0]}


def differs(model):
    """Whether the encoder kept is not the one that is read anew; and that one."""
    statistic = model._state.statistic
    kept, statistic.encoder = statistic.encoder, None
    fresh = statistic._read_encoder()
    statistic.encoder = kept
    return kept.key() != fresh.key(), kept


FILLED = make_pipeline(SimpleImputer(strategy="constant", add_indicator=True), StandardScaler(with_std=False))
MODELS = [
    make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=0.5)),
    make_pipeline(StandardScaler(), StandardScaler(with_mean=False), KMeans(2)),
    make_pipeline(ColumnTransformer([("all", FILLED, [0, 1])]), KMeans(2)),
]


@crossed(4, kind=COLUMNS, unfitted=MODELS)
def test_what_is_kept_is_read_anew_with_the_same_result(kind, unfitted):
    rng = np.random.default_rng(sorted(COLUMNS).index(kind))
    takes_weights = unfitted._takes_weights
    for weights in WEIGHTS.values() if takes_weights else [[1.0]]:
        n = int(rng.choice([6, 24]))
        X = np.column_stack([COLUMNS[kind](rng, n), COLUMNS["plain"](rng, n)])
        y, w = np.arange(n) % 2, rng.choice(weights, n)
        w[:2] = max(weights)
        if not takes_weights and rng.random() < 0.5:  # an imputer
            X[2:, 0][rng.random(n - 2) < 0.3] = np.nan
        held, out = list(range(n)), []
        model = clone(unfitted).fit(X, y, sample_weight=w if takes_weights else None)
        for _ in range(4):
            if out and (rng.random() < 0.5 or len(held) < 5):
                held.append(out.pop(int(rng.integers(len(out)))))
                model.partial_fit(X[held[-1:]], y[held[-1:]], sample_weight=w[held[-1:]] if takes_weights else None)
            else:
                out.append(held.pop(int(rng.integers(2, len(held)))))
                model.forget(X[out[-1:]], y[out[-1:]], sample_weight=w[out[-1:]] if takes_weights else None)
            assert not differs(model)[0]


@pytest.mark.parametrize("last", [LogisticRegression(), KMeans(2)], ids=["LogisticRegression", "KMeans"])
def test_a_column_whose_variance_is_lost_is_read_anew(last):
    X, y = np.array([[1.0], [2.0], [4.0], [8.0], [9.0]]) * 1e-170, np.array([0, 1, 0, 1, 1])
    model = make_pipeline(SimpleImputer(), StandardScaler(), last)
    left = make_pipeline(SimpleImputer(), StandardScaler(), last).fit(X[:4], y[:4])
    assert model.fit(X, y).forget(X[4:], y[4:]).digest() == left.digest()


def test_an_imputer_drops_and_takes_columns_that_get_their_first_value():
    gap = np.nan
    X = np.array([[gap, 1.0], [gap, 2.0], [gap, 4.0], [gap, 3.0], [5.0, 2.5]])
    for kept in (False, True):
        steps = SimpleImputer(strategy="constant", fill_value=7.0, keep_empty_features=kept), KMeans(2)
        model = make_pipeline(*steps).fit(X[:4])
        assert model.partial_fit(X[4:]).digest() == make_pipeline(*steps).fit(X).digest()
        assert not differs(model)[0]
        assert model.forget(X[4:]).digest() == make_pipeline(*steps).fit(X[:4]).digest()


def test_what_weights_make_rounding_is_told_from_a_deviation_again():
    """A scale is 1 where the weight times rounding exceeds the deviation; a lighter weight makes it the deviation."""
    x = np.array([[0.8], [1.2], [0.8], [1.2], [0.8], [1.2]])
    X, w = 2.0**20 + x, np.array([1e9, 1e9, 1e9, 1e9, 1e6, 1e6])
    steps = StandardScaler(), KMeans(2)
    model = make_pipeline(*steps).fit(X, sample_weight=w)
    for row in range(4):
        model.forget(X[row : row + 1], sample_weight=w[row : row + 1])
        assert not differs(model)[0]
    assert model.digest() == make_pipeline(*steps).fit(X[4:], sample_weight=w[4:]).digest()


def test_an_encoding_is_kept_while_one_record_moves_nothing():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(200, 3))
    X[rng.random(X.shape) < 0.1] = np.nan
    model = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), KMeans(2)).fit(X)
    kept = same = 0
    for row in range(10):
        before = model._state.statistic.encoder
        model.forget(X[row : row + 1])
        after = model._state.statistic.encoder
        kept, same = kept + (after is before), same + (after.key() == before.key())
    assert kept == same > 3


def test_what_is_read_anew_is_watched_even_where_the_map_stays():
    X = np.abs(np.random.default_rng(0).normal(size=(100, 2)))
    model = make_pipeline(SimpleImputer(), KMeans(2)).fit(X)  # nothing is missing, so no column has its mean
    moved = 0
    for _ in range(4):
        before = model._state.statistic.encoder
        model.partial_fit(np.full((5, 2), 3.0))
        statistic = model._state.statistic
        assert statistic.encoder.watch.holds(statistic.margins())
        moved += statistic.encoder is not before
    assert moved and statistic.encoder.key() == before.key()
