"""Learners behind fixed maps: which maps are taken, what identifies them and their rows, and that models forget."""

import copy
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.exceptions import EfficiencyWarning
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import RBFSampler
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)

from fixed_maps import Padding, Shouting, widened
from laws import assert_same, unchanged
from sqlearn import verify
from sqlearn.cluster import KMeans
from sqlearn.compose import FixedFeatures, TableModel, TextModel
from sqlearn.covariance import LedoitWolf
from sqlearn.engine.maps import fixed_map, walk
from sqlearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sqlearn.errors import (
    FormatError,
    InvalidValueError,
    MergeError,
    NotLearnedError,
    ParameterError,
    ShapeError,
)
from sqlearn.kernel_approximation import KernelMean
from sqlearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sqlearn.naive_bayes import GaussianNB, MultinomialNB
from sqlearn.neighbors import KNeighborsClassifier
from sqlearn.recommend import ItemKNN
from sqlearn.svm import LinearSVC, OneClassSVM

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
WORDS = ["buy", "cheap", "pills", "meet", "noon", "lunch", "hello", "now", "é", "\0", "\ud800"]
TEXTS = [" ".join(RNG.choice(WORDS, RNG.integers(0, 6))) for _ in range(40)]
SPAM = [int("buy" in text or "cheap" in text) for text in TEXTS]
FROZEN = FrozenEstimator(make_pipeline(StandardScaler(), PCA(2)).fit(X))
MATRIX = np.random.default_rng(1).normal(size=(3, 64))


def product(rows):
    return rows @ MATRIX


def noisy(rows):
    return rows + np.random.default_rng().random(rows.shape)


def faulty(rows):
    raise KeyError("a fault of the user's own")


MAPS = [
    PolynomialFeatures(2),
    RBFSampler(gamma=0.5, n_components=20, random_state=0),
    SplineTransformer(knots=np.linspace(-4, 4, 27).reshape(9, 3)),
    make_pipeline(Normalizer(), PolynomialFeatures(2)),
    FunctionTransformer(np.arctan),
    FROZEN,
    np.tanh,
    widened,
    product,
]
LEARNERS = [
    GaussianNB(),
    LogisticRegression(),
    RidgeClassifier(),
    KNeighborsClassifier(3),
    RandomForestClassifier(4),
    HistGradientBoostingClassifier(max_iter=5),
    LinearSVC(),
    KMeans(3),
    LedoitWolf(),
    IsolationForest(n_estimators=5),
    KernelMean(gamma=0.5, n_components=20),
    OneClassSVM(gamma=0.5, n_components=20),
]


def history(learner, rows, y, rng, steps=60):
    """Random updates, one row or several, each step compared with a fit on what is left."""
    held = list(range(0, len(rows), 2))
    take = (lambda at: [rows[i] for i in at]) if isinstance(rows, list) else (lambda at: rows[at])
    model = clone(learner).fit(take(held), y[held])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in range(steps):
            free = [i for i in range(len(rows)) if i not in held]
            learns = bool(free) and (len(held) < 8 or rng.random() < 0.5)
            some = [int(i) for i in rng.choice(free if learns else held, min(len(free if learns else held), 3), False)]
            some = some[: 1 + 2 * (rng.random() < 0.3)]
            update = model.partial_fit if learns else model.forget
            if len(some) == 1:
                update(rows[some[0]], y[some[0]])
            else:
                update(take(some), y[some])
            held = [*held, *some] if learns else [i for i in held if i not in some]
            if step % 10 == 9:
                assert_same(model, clone(learner).partial_fit(take(held), y[held]))
    return model, held


def named(value):
    """Its text without addresses, which differ between the processes of a test run."""
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", str(value))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.EfficiencyWarning")
@pytest.mark.parametrize("transformer", MAPS, ids=named)
def test_every_map_forgets(transformer):
    model, held = history(FixedFeatures(transformer, GaussianNB()), X, Y, np.random.default_rng(2), 30)
    assert verify(model, X[held], Y[held])
    fitted = model.to_sklearn()
    assert np.allclose(fitted.predict_proba(X), model.predict_proba(X))
    assert_same(pickle.loads(pickle.dumps(model)), model)
    assert model.pending_params() == []


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: type(learner).__name__)
@pytest.mark.crossed(2)
def test_every_kind_of_learner_forgets(learner, monkeypatch):
    monkeypatch.setattr("sqlearn.engine.sums.one_record.GENERAL_FIRST", 0)
    transformer = RBFSampler(gamma=0.5, n_components=12, random_state=0)
    model, held = history(FixedFeatures(transformer, learner), X, Y, np.random.default_rng(3))
    assert verify(model, X[held][::-1], Y[held][::-1])
    assert (model.state.fast_path is None) == isinstance(learner, KernelMean)  # whose path takes no names


@pytest.mark.parametrize("size", [64, 1 << 13])
@pytest.mark.parametrize("learner", [MultinomialNB(), LogisticRegression(), LinearSVC()], ids=str)
@pytest.mark.crossed(2)
def test_texts(learner, size):
    hashed = HashingVectorizer(n_features=size, alternate_sign=False)
    y = np.array(SPAM)
    model, held = history(FixedFeatures(hashed, learner), TEXTS, y, np.random.default_rng(4))
    assert verify(model, [TEXTS[i] for i in held], y[held])
    assert model.predict(["buy cheap", "lunch"]).shape == (2,)
    assert model.predict("buy cheap").shape == (1,)


def test_fast_path_does_what_the_general_one_does():
    for learner in LEARNERS[:4]:
        fast = FixedFeatures(widened, learner).fit(X, Y)
        general = copy.deepcopy(fast)
        fast.state.fast_path.is_ready = True
        general.state.fast_path = None
        for i in range(12):
            for model in (fast, general):
                model.forget(X[i], Y[i])
            assert_same(fast, general)
            for model in (fast, general):
                model.partial_fit(X[i], 1 - Y[i])
            assert_same(fast, general)
        with unchanged(fast), pytest.raises(NotLearnedError, match="map in front"):
            fast.forget(X[0], Y[0])


@pytest.mark.parametrize(
    "transformer, words",
    [
        (StandardScaler(), "learns from rows: .* mean_.*TableModel.*FrozenEstimator"),
        (StandardScaler().fit(X), "FrozenEstimator"),
        (SplineTransformer(), "knots as an array"),
        (RBFSampler(gamma="scale", random_state=0), "gamma to a number"),
        (RBFSampler(), "random_state to an int"),
        (RBFSampler(random_state=np.random.RandomState(0)), "random_state"),
        (KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"), "bin_edges_"),
        (OneHotEncoder(), "TableModel"),
        (make_pipeline(StandardScaler(), PolynomialFeatures()), "learns from rows"),
        (FrozenEstimator(StandardScaler()), "not fitted"),
        (LogisticRegression(), "no method `transform`"),
        (PolynomialFeatures, r"PolynomialFeatures\(\)"),
        (None, "maps no rows"),
        ("poly", "maps no rows"),
        (lambda rows: rows, "fingerprint"),
        (FunctionTransformer(lambda rows: rows), "top of a module"),
        (noisy, "not deterministic"),
        (np.sum, "for 1 rows"),
    ],
    ids=named,
)
def test_maps_that_are_refused(transformer, words):
    model = FixedFeatures(widened, GaussianNB()).fit(X, Y)
    with unchanged(model), pytest.raises((ParameterError, ShapeError), match=words):
        model.set_params(transformer=transformer).fit(X, Y)


def test_texts_that_learn_are_refused():
    for transformer in (CountVectorizer(), TfidfVectorizer()):
        with pytest.raises(ParameterError, match="HashingVectorizer"):
            FixedFeatures(transformer, GaussianNB()).fit(TEXTS, SPAM)
    FixedFeatures(CountVectorizer(vocabulary=["buy", "cheap"]), MultinomialNB()).fit(TEXTS, SPAM)


def test_nothing_of_the_rows_is_in_a_map():
    """A transformer that needs a fit sees the number of columns alone."""
    maps = [FixedFeatures(SplineTransformer(knots=np.linspace(-4, 4, 6)[:, None] * np.ones(3)), GaussianNB())] * 2
    digests = [model.fit(rows, Y[:9]).transform_digest_ for model, rows in zip(maps, (X[:9], X[9:18]), strict=True)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "learner, words",
    [
        (TableModel(Ridge()), "inside the TableModel"),
        (FixedFeatures(widened, Ridge()), "make_pipeline"),
        (TextModel(MultinomialNB()), "row of numbers"),
        (ItemKNN(), "row of numbers"),
        (PCA(), "sqlearn's class"),
        (GaussianNB, r"GaussianNB\(\)"),
        (GaussianNB(key="secret"), "ledger or key"),
        (GaussianNB(ledger=False), "ledger or key"),
        (RandomForestClassifier(categorical_features=[0]), "categorical_features"),
        (HistGradientBoostingClassifier(pilot=(X[:9], Y[:9])), "pilot"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_learners_that_are_refused(learner, words):
    with pytest.raises(ParameterError, match=words):
        FixedFeatures(widened, learner).fit(X, Y)


def test_records_kept_need_the_ledger():
    with pytest.raises(ParameterError, match="Leave `ledger` True"):
        FixedFeatures(widened, LogisticRegression(), ledger=False).fit(X, Y)
    model = FixedFeatures(widened, GaussianNB(), ledger=False).fit(X, Y).forget(X[0], Y[0])
    assert model.digest() == FixedFeatures(widened, GaussianNB(), ledger=False).fit(X[1:], Y[1:]).digest()


def test_weights_where_the_learner_takes_none():
    with pytest.raises(InvalidValueError, match="KNeighborsClassifier takes no sample weights"):
        FixedFeatures(widened, KNeighborsClassifier()).fit(X, Y, np.ones(60))


# ------------------------------------------------------------------------------------------ bits of a row alone


def test_map_with_other_bits_in_a_batch_is_mapped_row_by_row():
    learner = GaussianNB()
    with pytest.warns(EfficiencyWarning, match="Padding gives a row other bits"):
        model = FixedFeatures(Padding(), learner).fit(TEXTS, SPAM)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        silent = FixedFeatures(Padding(), learner, row_by_row=True).fit(TEXTS, SPAM)
    alone = np.concatenate([Padding()([text]) for text in TEXTS])
    assert np.array_equal(model.images(TEXTS), alone)
    assert np.array_equal(silent.images(TEXTS), alone)
    for i in range(5):
        model.forget(TEXTS[i], SPAM[i])
    assert verify(model, TEXTS[5:], SPAM[5:])


def test_products_of_matrices_have_the_bits_of_a_row_alone():
    rows = np.random.default_rng(5).normal(size=(300, 3))
    model = FixedFeatures(product, Ridge(), row_by_row=True).fit(rows, rows[:, 0])
    assert all(np.array_equal(model.images(rows)[i], product(rows[[i]])[0]) for i in range(0, 300, 7))


def test_kernel_of_random_features_agrees_with_scikit_learns():
    sampler = RBFSampler(gamma=0.3, n_components=100, random_state=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = FixedFeatures(sampler, Ridge()).fit(X, X[:, 0])
    images = model.images(X)
    assert np.allclose(images, clone(sampler).fit(X).transform(X), rtol=0, atol=1e-14)
    assert np.array_equal(images[7:8], model.images(X[7:8]))


class Late:
    """A map that gives rows other bits in large batches alone."""

    def __call__(self, rows):
        return rows + (2.0**-30 if len(rows) > 100 else 0.0)


def test_what_the_sample_did_not_show_is_refused_later():
    model = FixedFeatures(Late(), GaussianNB()).fit(X, Y)
    many = np.random.default_rng(6).normal(size=(200, 3))
    with unchanged(model), pytest.raises(ParameterError, match="row_by_row=True"):
        model.partial_fit(many, np.zeros(200, int))
    FixedFeatures(Late(), GaussianNB(), row_by_row=True).fit(X, Y).partial_fit(many, np.zeros(200, int))


# ------------------------------------------------------------------------------------------ records


def test_record_is_the_row_not_its_image():
    model = FixedFeatures(np.abs, GaussianNB()).fit(X, Y)
    before = model.digest()
    with unchanged(model), pytest.raises(NotLearnedError):
        model.forget(-X[0], Y[0])
    other = np.array(X)
    other[0] *= -1.0
    assert FixedFeatures(np.abs, GaussianNB()).fit(other, Y).digest() != before


def test_form_of_a_row_does_not_matter():
    learner = FixedFeatures(PolynomialFeatures(2), LogisticRegression())
    single = X.astype(np.float32)
    forms = [single, single.astype(np.float64), single.tolist(), sp.csr_array(single), np.asfortranarray(single)]
    models = [clone(learner).fit(form, Y) for form in forms]
    assert len({model.digest() for model in models}) == 1
    model = models[0].forget(sp.csr_array(single[:2]), Y[:2]).forget(single[2].tolist(), Y[2]).forget(single[3], Y[3])
    assert verify(model, single[4:], Y[4:])
    zeros = np.zeros((2, 3))
    plain = clone(learner).fit(np.vstack([zeros, X]), [0, 1, *Y])
    assert plain.digest() == clone(learner).fit(np.vstack([-zeros, X]), [0, 1, *Y]).digest()


def test_form_of_texts_does_not_matter():
    learner = FixedFeatures(HashingVectorizer(n_features=32), LogisticRegression())
    texts, y = ["buy", "buy now", "é", "", "\0"], [1, 1, 0, 0, 0]
    forms = [texts, np.array(texts, object), pd.Series(texts), tuple(texts)]
    assert len({clone(learner).fit(form, y).digest() for form in forms}) == 1


def test_wide_rows_are_sparse_however_they_come():
    rows = sp.random_array((30, 3000), density=0.01, rng=np.random.default_rng(7), format="csr")
    y = np.arange(30) % 2
    learner = FixedFeatures(Normalizer(), LogisticRegression())
    models = [clone(learner).fit(form, y) for form in (rows, rows.toarray())]
    assert_same(*models)
    models[0].forget(rows[[3]], y[[3]]).forget(rows.toarray()[4], y[4])
    kept = [i for i in range(30) if i not in (3, 4)]
    assert verify(models[0], rows[kept], y[kept])


def test_tables_in_front_of_what_was_frozen():
    table = pd.DataFrame({"age": [1.0, 2.0, None, 4.0] * 5, "port": ["S", "C", None, "S"] * 5})
    y = np.array([0, 1, 1, 0] * 5)
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["port"]), (StandardScaler(), ["age"]))
    with pytest.raises(InvalidValueError, match="column 'port'"):
        FixedFeatures(columns, RidgeClassifier()).fit(table, y)
    frozen = FrozenEstimator(columns.fit(table))
    known = table.dropna()
    y = y[known.index]
    model = FixedFeatures(frozen, RidgeClassifier()).fit(known, y)
    model.forget(known.iloc[0], y[0]).forget(known.iloc[[3, 4]], y[[3, 4]])
    kept = np.delete(np.arange(len(known)), [0, 3, 4])
    assert verify(model, known.iloc[kept], y[kept])
    assert model.get_feature_names_out()[-1] == "standardscaler__age"
    with pytest.raises(ShapeError, match="same order"):
        model.predict(known[["port", "age"]])


def test_images_that_are_not_finite():
    rows = np.array([[1.0], [-1.0], [2.0]])
    with pytest.raises(InvalidValueError, match="images of these rows") as caught:
        FixedFeatures(np.sqrt, GaussianNB()).fit(rows, [0, 1, 1])
    assert (caught.value.row, caught.value.reason) == (1, "not finite")
    model = FixedFeatures(np.sqrt, GaussianNB()).fit(np.abs(rows), [0, 1, 1])
    with unchanged(model), pytest.raises(InvalidValueError):
        model.forget(rows[1], 1)


def test_rows_of_another_kind():
    model = FixedFeatures(HashingVectorizer(n_features=32), GaussianNB())
    with pytest.raises(InvalidValueError, match="takes texts"):
        model.fit(X, Y)
    with pytest.raises(InvalidValueError, match=r"Row 1 .* is 3, where"):
        model.fit(["a", 3], [0, 1])
    with pytest.raises(InvalidValueError, match="tanh does not take these rows"):
        FixedFeatures(np.tanh, GaussianNB()).fit(TEXTS, SPAM)
    with pytest.raises(KeyError, match="own"):  # the user's own error stays as it is
        FixedFeatures(faulty, GaussianNB()).fit(X, Y)


# ------------------------------------------------------------------------------------------ identity


def test_digest_tells_maps_apart():
    maps = [PolynomialFeatures(2), PolynomialFeatures(2, include_bias=False), Shouting(), Shouting(2.0), np.tanh]
    found = [
        FixedFeatures(each, GaussianNB()).fit(*((TEXTS, SPAM) if isinstance(each, Shouting) else (X, Y)))
        for each in maps
    ]
    assert len({model.transform_digest_ for model in found}) == len(maps)
    assert found[0].transform_digest_ == FixedFeatures(PolynomialFeatures(2), Ridge()).fit(X, Y).transform_digest_
    with unchanged(found[0]), pytest.raises(MergeError, match="transformer"):
        found[0].merge(found[1])
    assert found[0].set_params(transformer__degree=3).pending_params() == ["transformer"]
    assert verify(found[0], X, Y)


def test_fingerprint_stands_for_what_cannot_be_walked():
    opaque = [lambda rows: 2.0 * rows for _ in range(2)]
    models = [FixedFeatures(each, GaussianNB(), fingerprint="doubled, 1").fit(X, Y) for each in opaque]
    assert_same(*models)
    assert FixedFeatures(opaque[0], GaussianNB(), fingerprint="2").fit(X, Y).digest() != models[0].digest()
    for wrong in ("", 3):
        with pytest.raises(ValueError, match="fingerprint"):
            FixedFeatures(widened, GaussianNB(), fingerprint=wrong).fit(X, Y)


def test_model_keeps_the_map_of_its_fit():
    network = Shouting()
    model = FixedFeatures(network, GaussianNB()).fit(TEXTS, SPAM)
    before = model.digest()
    network.factor = 3.0
    assert model.digest() == before
    model.forget(TEXTS[0], SPAM[0]).partial_fit(TEXTS[0], SPAM[0])
    assert model.digest() == before
    assert model.pending_params() == ["transformer"]


def test_file_with_another_version_is_refused(monkeypatch):
    saved = pickle.dumps(FixedFeatures(PolynomialFeatures(2), GaussianNB()).fit(X, Y))
    monkeypatch.setattr(walk, "_version", lambda module: "99")
    with pytest.raises(FormatError, match="another version"):
        pickle.loads(saved)


def test_changed_map_is_found_when_it_is_passed_again():
    model = FixedFeatures(Shouting(), GaussianNB()).fit(TEXTS, SPAM)
    through = model.fitted_params()["transformer"]
    assert isinstance(through, fixed_map.FixedMap)
    through.transform.factor = 2.0
    with pytest.raises(ParameterError, match="changed after the fit"):
        verify(model, TEXTS, SPAM)


def test_reading():
    frame = pd.DataFrame(X, columns=list("abc"))
    model = FixedFeatures(PolynomialFeatures(2), Ridge()).fit(frame, X[:, 0])
    names = PolynomialFeatures(2).fit(frame).get_feature_names_out()
    assert model.get_feature_names_out().tolist() == names.tolist()
    assert model.n_features_in_ == 3
    assert model.coef_.shape == (10,)
    assert model.learner_.coef_.tolist() == model.coef_.tolist()
    assert not hasattr(model, "transform")
    assert not hasattr(model, "predict_proba")
    assert "PolynomialFeatures" in model._repr_html_()
    scaled = FixedFeatures(widened, KMeans(2)).fit(X)
    assert scaled.fit_transform(X).shape == (60, 2)
    with pytest.raises(AttributeError, match="feature_importances_"):
        _ = model.feature_importances_
