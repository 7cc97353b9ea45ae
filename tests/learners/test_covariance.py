"""Covariance matrices: scikit-learn's on tame data, those of centred data where it cannot follow, and forgetting."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn import covariance as peers
from sklearn.datasets import load_breast_cancer, load_wine

import sqlearn.covariance as own
from laws import check_contract
from records import records_of
from sqlearn import Store, verify
from sqlearn.covariance import OAS, EmpiricalCovariance, LedoitWolf, ShrunkCovariance
from sqlearn.engine.sums.fourth_moments import _OneSpread
from sqlearn.errors import NotLearnedError, ShapeError, UndefinedAttributeError

RNG = np.random.default_rng(0)
KINDS = [getattr(own, name) for name in own.__all__]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def skewed(n, d):
    rng = np.random.default_rng([n, d])
    return rng.normal(size=(n, d)) ** 3 @ rng.normal(size=(d, d))


@kinds
@pytest.mark.parametrize("assume_centered", [False, True])
@pytest.mark.parametrize(
    "X", [skewed(500, 6), skewed(20, 40) + 3.0, load_wine().data, load_breast_cancer().data], ids=lambda X: str(X.shape)
)
@pytest.mark.crossed(2)
def test_agrees_with_scikit_learn(kind, assume_centered, X):
    model = kind(assume_centered=assume_centered).fit(X)
    peer = getattr(peers, kind.__name__)(assume_centered=assume_centered).fit(X)
    assert np.allclose(model.location_, peer.location_, rtol=1e-14, atol=0)
    scale = np.sqrt(np.outer(peer.covariance_.diagonal(), peer.covariance_.diagonal()))
    assert np.abs((model.covariance_ - peer.covariance_) / scale).max() < 1e-11
    if hasattr(peer, "shrinkage_"):
        assert model.shrinkage_ == pytest.approx(peer.shrinkage_, rel=1e-11)
    if kind is not EmpiricalCovariance or len(X) > X.shape[1]:
        tolerance = 1e-14 * np.linalg.cond(peer.covariance_)
        assert np.allclose(model.precision_, peer.precision_, rtol=0, atol=tolerance * np.abs(peer.precision_).max())
        assert np.allclose(model.mahalanobis(X[:20]), peer.mahalanobis(X[:20]), rtol=1e-9 + tolerance)
        assert model.score(X) == pytest.approx(peer.score(X), rel=1e-9 + tolerance)
    assert model.error_norm(np.eye(X.shape[1])) == pytest.approx(peer.error_norm(np.eye(X.shape[1])), rel=1e-12)
    fitted = model.to_sklearn()
    assert type(fitted) is type(peer)
    assert (fitted.mahalanobis(X[:5]) == model.mahalanobis(X[:5])).all()


@kinds
def test_means_of_a_hundred_million_deviations(kind):
    """What scikit-learn finds in the same data once they are centred without rounding."""
    small = np.round(skewed(400, 5) * 512.0) / 1024.0
    small = np.concatenate([small, -small])  # whose mean is 0, and whose kurtosis stays
    far = small / small.std(axis=0).max()
    far = np.round(far * 2.0**24) / 2.0**24
    far = np.concatenate([far[:400], -far[:400]])
    model, peer = kind().fit(far + 2.0**27), getattr(peers, kind.__name__)(assume_centered=True).fit(far)
    assert (model.location_ == 2.0**27).all()
    assert np.abs(model.covariance_ / peer.covariance_ - 1.0).max() < 1e-12
    if hasattr(peer, "shrinkage_"):
        assert model.shrinkage_ == pytest.approx(peer.shrinkage_, rel=1e-12)
    distances = model.mahalanobis(far + 2.0**27)
    assert np.allclose(distances, peer.mahalanobis(far), rtol=1e-11)


def exact_share(X, centred):
    """Ledoit and Wolf's share in fractions."""
    n, d = X.shape
    z = [[Fraction(v) for v in row] for row in X.tolist()]
    mean = [sum(row[j] for row in z) / n if centred else Fraction(0) for j in range(d)]
    z = [[row[j] - mean[j] for j in range(d)] for row in z]
    cov = [[sum(row[i] * row[j] for row in z) / n for j in range(d)] for i in range(d)]
    mu = sum(cov[i][i] for i in range(d)) / d
    delta = sum((cov[i][j] - (mu if i == j else 0)) ** 2 for i in range(d) for j in range(d))
    beta = sum(sum((row[i] * row[j] - cov[i][j]) ** 2 for row in z) for i in range(d) for j in range(d)) / n**2
    return float(min(beta, delta) / delta)


@pytest.mark.parametrize("scale, shift", [(1.0, 0.0), (1.0, 1e8), (2.0**-300, 0.0), (2.0**300, 3.0)])
@pytest.mark.parametrize("centred", [True, False])
def test_the_share_is_that_of_fractions(scale, shift, centred):
    X = (skewed(30, 3) + shift) * scale
    model = LedoitWolf(assume_centered=not centred).fit(X)
    assert model.shrinkage_ == pytest.approx(exact_share(X, centred), rel=1e-13)


@pytest.mark.parametrize("kind", [LedoitWolf, OAS])
def test_shares_do_not_depend_on_the_unit(kind):
    X = skewed(40, 4)
    expected = kind().fit(X).shrinkage_
    for exponent in (-480, -100, 200, 480):
        assert kind(store_precision=False).fit(np.ldexp(X, exponent)).shrinkage_ == expected


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "learner", [EmpiricalCovariance(assume_centered=True), OAS(), LedoitWolf(assume_centered=True)]
)
def test_contract(learner):
    rng = np.random.default_rng(3)
    check_contract(learner, records_of(learner, rng, 16, 2), rng)


def test_a_store_of_records(tmp_path):
    X = skewed(60, 3)
    rows = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "id": np.arange(60)}
    store = Store.create(tmp_path / "a", LedoitWolf(), rows, id="id")
    store.forget(ids=[3, 4])
    assert store.verify()
    twin = LedoitWolf().fit(np.delete(X, [3, 4], axis=0))
    assert (store.model.mahalanobis(X) == twin.mahalanobis(X)).all()


@kinds
def test_one_record_by_the_fast_path(kind):
    X = skewed(60, 5)
    X[3] = 1e200, 1e-200, 0.0, -0.0, 5e-324
    model = kind().fit(X[:30])
    for row in X[30:]:
        model.partial_fit(row)
    for row in X[:30]:
        model.forget(row)
    assert model.digest() == kind().fit(X[:29:-1]).digest()
    assert verify(model, X[30:])


def test_the_fast_path_of_fourth_moments_is_taken(monkeypatch):
    X = skewed(300, 3)
    model = LedoitWolf().fit(X)
    monkeypatch.setattr(_OneSpread.kernel, "all_at_once", True)
    taken = []
    change = _OneSpread.change
    monkeypatch.setattr(_OneSpread, "change", lambda *args: taken.append(change(*args)) or taken[-1])
    for row in X[:20]:
        model.forget(row)
    wide, wider = np.array([1e80, 2.0, 3.0]), np.array([1e80, 5e-324, 3.0])
    model.partial_fit(wide).partial_fit(wider).forget(wider).forget(wide)  # a wider window: by the general path
    assert taken.count(True) >= 20 and False in taken
    assert model.digest() == LedoitWolf().fit(X[20:]).digest()
    with pytest.raises(NotLearnedError):
        model.forget(X[0])
    with pytest.raises(NotLearnedError):
        model.forget(np.array([1e300, 0.0, 0.0]))
    assert model.digest() == LedoitWolf().fit(X[20:]).digest()


def test_constant_features_and_few_records():
    for kind in KINDS:
        model = kind().fit(np.full((4, 3), 0.3))
        assert (model.covariance_ == 0.0).all() and (model.precision_ == 0.0).all()
        with pytest.warns(UserWarning, match="Only one sample"):
            assert (kind().fit([[1.0, 2.0]]).covariance_ == 0.0).all()
        assert kind().fit([[1.0], [3.0]]).covariance_ == [[1.0]]


def test_what_float64_cannot_hold():
    model = EmpiricalCovariance().fit([[1e160], [-1e160], [0.0]])
    with pytest.raises(UndefinedAttributeError, match="beyond float64"):
        model.covariance_  # noqa: B018
    tiny = EmpiricalCovariance().fit([[1e-160], [-1e-160]])
    with pytest.raises(UndefinedAttributeError, match="store_precision=False"):
        tiny.precision_  # noqa: B018
    assert tiny.set_params(store_precision=False).fit([[1e-160], [-1e-160]]).covariance_[0, 0] > 0


def test_wrong_calls():
    model = ShrunkCovariance().fit(skewed(20, 3))
    with pytest.raises(ShapeError):
        model.mahalanobis([[1.0, 2.0]])
    with pytest.raises(ValueError):
        model.mahalanobis([[1.0, 2.0, np.nan]])
    with pytest.raises(ValueError):
        model.score([["a", "b", "c"]])
    with pytest.raises(NotImplementedError):
        model.error_norm(np.eye(3), norm="nuclear")
    with pytest.raises(ShapeError, match=r"\(3, 3\)"):
        model.error_norm(np.eye(2))
    with pytest.raises(ValueError):
        ShrunkCovariance(shrinkage=2.0).fit(skewed(20, 3))
