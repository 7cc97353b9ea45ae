"""Novelty by random Fourier features: answers like scikit-learn's, bits that depend on records alone, refusals."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, make_blobs, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_approximation import RBFSampler as PeerSampler
from sklearn.metrics import roc_auc_score
from sklearn.svm import OneClassSVM as Peer

from learners import LEARNERS
from sqlearn import Store, verify
from sqlearn.covariance import EmpiricalCovariance
from sqlearn.engine.maps.fourier import map_fourier
from sqlearn.engine.novelty.feature_sums import _OneMapped
from sqlearn.errors import InvalidValueError, NotLearnedError, ParameterError, TooLargeError, UndefinedAttributeError
from sqlearn.kernel_approximation import KernelMean, RBFSampler
from sqlearn.storage.file.names import _OF_LEARNERS
from sqlearn.svm import OneClassSVM

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
DETECTORS = [KernelMean(n_components=64), OneClassSVM(n_components=64, nu=0.2)]
detectors = pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: type(detector).__name__)


def novelties(name, seed):
    """Records of one kind, and others of which some are of another kind: the latter's labels are 0."""
    rng = np.random.default_rng(seed)
    if name in ("breast cancer", "digits"):
        data = load_breast_cancer() if name == "breast cancer" else load_digits()
        good = np.flatnonzero(data.target == (1 if name == "breast cancer" else 0))
        rng.shuffle(good)
        known, rest = good[: len(good) // 2], np.setdiff1d(np.arange(len(data.data)), good[: len(good) // 2])
        asked, labels = data.data[rest], np.isin(rest, good)
        known = data.data[known]
    else:
        make = {
            "blobs": lambda n, s: make_blobs(n, centers=[[-3, -3], [3, 3], [3, -3]], random_state=s)[0],
            "moons": lambda n, s: make_moons(n, noise=0.1, random_state=s)[0],
        }[name]
        known, more = make(600, seed), make(300, seed + 100)
        low, high = known.min(axis=0) - 0.5, known.max(axis=0) + 0.5
        asked, labels = np.concatenate([more, rng.uniform(low, high, (300, 2))]), np.arange(600) < 300
    if name != "digits":
        mean, deviation = known.mean(axis=0), known.std(axis=0)
        known, asked = (known - mean) / deviation, (asked - mean) / deviation
    return known, asked, labels


@pytest.mark.parametrize("nu", [0.1, 0.5])
@pytest.mark.parametrize("name", ["breast cancer", "digits", "blobs", "moons"])
def test_novelties_are_found_as_scikit_learn_finds_them(name, nu):
    known, asked, labels = novelties(name, 0)
    model, peer = OneClassSVM(nu=nu).fit(known), Peer(nu=nu).fit(known)
    ours, theirs = (roc_auc_score(labels, m.score_samples(asked)) for m in (model, peer))
    assert abs(ours - theirs) < 0.01
    assert abs((model.predict(known) < 0).mean() - nu) <= 1.0 / len(known) + 1e-12
    assert model.offset_ == pytest.approx(peer.offset_[0], rel=0.15)
    assert model.gamma_ == pytest.approx(peer._gamma, rel=1e-12)
    mean = KernelMean(gamma=4 * model.gamma_).fit(known)
    assert roc_auc_score(labels, mean.score_samples(asked)) > theirs - 0.05


@detectors
def test_answers(detector):
    model = clone(detector).fit(X)
    scores, decisions = model.score_samples(X), model.decision_function(X)
    assert (decisions == scores - model.offset_).all()
    assert (model.predict(X) == np.where(decisions >= 0.0, 1, -1)).all()
    assert (clone(detector).fit_predict(X) == model.predict(X)).all()
    assert {*model.predict(X)} == {-1, 1}
    alone = np.concatenate([model.score_samples(row[None]) for row in X])
    assert alone.tobytes() == scores.tobytes()
    for given in (sp.csr_array(X), pd.DataFrame(X), X.tolist(), np.asfortranarray(X)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            assert model.score_samples(given).tobytes() == scores.tobytes()
    assert np.allclose(model.to_sklearn().decision_function(X), decisions, atol=1e-6 * np.abs(scores).max())


@detectors
def test_sparse_rows_are_the_same_records(detector):
    holes = np.where(np.abs(X) > 1.0, X, 0.0)
    model = clone(detector).fit(sp.csr_array(holes))
    assert model.digest() == clone(detector).fit(holes).digest()
    assert model.forget(holes[0]).digest() == clone(detector).fit(holes[1:]).digest()


@detectors
def test_order_batches_and_history_do_not_show(detector):
    expected = clone(detector).fit(X[:120])
    rng = np.random.default_rng(1)
    model = clone(detector)
    for part in np.split(rng.permutation(200), [50, 51, 130]):
        model.partial_fit(X[part])
        model.score_samples(X[:3])
    for i in rng.permutation(np.arange(120, 200)):
        model.forget(X[i])
    model = pickle.loads(pickle.dumps(model))
    assert model.digest() == expected.digest()
    assert model.score_samples(X).tobytes() == expected.score_samples(X).tobytes()
    assert model.offset_ == expected.offset_
    assert verify(model, X[:120])
    with pytest.raises(NotLearnedError):
        model.forget(X[199])


@detectors
def test_a_store_of_records(detector, tmp_path):
    def columns(x):
        return {name: x[:, j] for j, name in enumerate("abc")}

    rows = columns(X) | {"id": np.arange(200)}
    store = Store.create(tmp_path / "a", detector, {name: column[:150] for name, column in rows.items()}, id="id")
    store.learn({name: column[150:] for name, column in rows.items()})
    store.forget(ids=range(50))
    assert store.verify()
    twin = clone(detector).fit(X[50:])
    assert (store.predict(columns(X)) == twin.predict(X)).all()
    taken = pickle.loads(pickle.dumps(store.model))
    assert taken.digest() == store.digest() and taken.offset_ == twin.offset_
    assert verify(taken, X[50:]) and not verify(taken, X[51:])


def test_stores_open_where_no_learner_is_imported():
    modules = {type(learner).__module__.split(".")[1] for learner in [*LEARNERS, *DETECTORS, EmpiricalCovariance()]}
    assert modules - {"recommend"} <= _OF_LEARNERS


def test_the_mean_is_that_of_the_features():
    model = KernelMean(gamma=0.4, n_components=50, threshold=0.25, random_state=3).fit(X)
    features = map_fourier(X, model.random_weights_, model.random_offset_, (2 / 50) ** 0.5)
    assert np.abs(model.mean_ - features.mean(axis=0)).max() < 1e-9
    assert np.abs(model.score_samples(X) - features @ features.mean(axis=0)).max() < 1e-7
    assert model.offset_ == pytest.approx(0.25 * model.score_samples(X).mean(), rel=1e-6)
    auto = KernelMean(n_components=50).fit(X)
    assert auto.digest() != KernelMean(gamma=1 / 3, n_components=50).fit(X).digest()  # another parameter
    assert (auto.mean_ == KernelMean(gamma=1 / 3, n_components=50).fit(X).mean_).all()


def test_the_fast_path_of_a_kernel_mean(monkeypatch):
    monkeypatch.setattr(_OneMapped.kernel, "all_at_once", True)
    taken = []
    change = _OneMapped.change
    monkeypatch.setattr(_OneMapped, "change", lambda *args: taken.append(change(*args)) or taken[-1])
    model = KernelMean(n_components=30).fit(X)
    for row in X[:20]:
        model.forget(row)
    model.partial_fit(np.array([-0.0, 0.0, 1e100])).forget(np.array([0.0, -0.0, 1e100]))
    assert taken == [True] * 22
    assert model.digest() == KernelMean(n_components=30).fit(X[20:]).digest()
    for bad in ([1e200, 0.0, 0.0], [np.nan, 0.0, 0.0], [np.inf, 1.0, 1.0], [1.0, 2.0]):
        with pytest.raises(ValueError):
            model.partial_fit(np.array(bad))
    with pytest.raises(NotLearnedError):
        model.forget(X[0])
    assert model.digest() == KernelMean(n_components=30).fit(X[20:]).digest()


def test_what_a_support_vector_machine_does_not_have():
    model = OneClassSVM(n_components=20).fit(X)
    for name in ("support_", "support_vectors_", "n_support_", "dual_coef_"):
        assert not hasattr(model, name)
        with pytest.raises(UndefinedAttributeError, match="support vectors"):
            getattr(model, name)
    assert model.coef_.shape == (1, 20) and model.intercept_ == -model.offset_
    assert model.fit_status_ == 0 and model.n_iter_ >= 1 and model.shape_fit_ == (200, 3)


def test_steps_may_be_few():
    with pytest.warns(ConvergenceWarning, match="1 step"):
        assert OneClassSVM(n_components=20, nu=0.05, max_iter=1).fit(X).fit_status_ == 1


@pytest.mark.parametrize(
    "wrong",
    [
        OneClassSVM(kernel="linear"),
        OneClassSVM(kernel="precomputed"),
        OneClassSVM(kernel=lambda a, b: a @ b.T),
        OneClassSVM(gamma=1e200),
        OneClassSVM(random_state=np.random.RandomState(0)),
        KernelMean(gamma="scale"),
        KernelMean(random_state=np.random.RandomState(0)),
    ],
)
def test_refused_parameters(wrong):
    with pytest.raises(ParameterError, match=r"Nothing was changed|Pass an int"):
        wrong.fit(X)


@pytest.mark.parametrize(
    ("learner", "wrong"),
    [(OneClassSVM(), {"nu": 0.0}), (OneClassSVM(), {"n_components": 0}),
     (KernelMean(), {"threshold": 2.0}), (KernelMean(), {"gamma": 0.0})],
)  # fmt: skip
def test_parameters_out_of_range(learner, wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"'{name}' parameter .* range .* Got {value} "):
        learner.set_params(**wrong).fit(X)


@pytest.mark.parametrize("detector", [KernelMean(n_components=10**10), OneClassSVM(n_components=10**10)])
def test_more_features_than_memory_holds(detector):
    with pytest.raises(TooLargeError, match="n_components"):
        detector.fit(X)


@detectors
def test_refused_records(detector):
    model = clone(detector).fit(X)
    before = model.digest()
    far = X.copy()
    far[3, 1] = 1e200
    with pytest.raises(InvalidValueError) as caught:
        model.partial_fit(far)
    assert caught.value.row == 3 and caught.value.column == 1
    with pytest.raises(InvalidValueError) as caught:
        model.score_samples(np.array([[0.0, 0.0, 0.0], [1.7e308, 1.7e308, -1.7e308]]) * 1.0)
    assert caught.value.row == 1
    with pytest.raises(ValueError):
        model.predict(X[:, :2])
    assert model.digest() == before


# ---------------------------------------------------------------------------------------------------- RBFSampler


def test_sampler():
    sampler = RBFSampler(gamma=0.5, n_components=30, random_state=1).fit(X)
    features = sampler.transform(X)
    assert features.tobytes() == np.concatenate([sampler.transform(row[None]) for row in X]).tobytes()
    assert features.tobytes() == sampler.transform(sp.csr_array(X)).tobytes()
    assert sampler.fit(X[:1]).transform(X).tobytes() == features.tobytes()  # rows teach it nothing
    peer = PeerSampler(gamma=0.5, n_components=30).fit(X)
    peer.random_weights_, peer.random_offset_ = sampler.random_weights_, sampler.random_offset_
    assert np.abs(peer.transform(X) - features).max() < 1e-14
    assert list(sampler.get_feature_names_out())[:2] == ["rbfsampler0", "rbfsampler1"]
    for wrong in (RBFSampler(gamma="scale"), RBFSampler(random_state=np.random.RandomState(0))):
        with pytest.raises(ParameterError):
            wrong.fit(X)
    with pytest.raises(InvalidValueError) as caught:
        sampler.transform(np.array([[0.0, 0.0, 0.0], [1.7e308, 1.7e308, -1.7e308]]))
    assert caught.value.row == 1
