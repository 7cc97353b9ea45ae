"""What steps on a grid make of records: row by row to rounding, and the same as long as a watch says so."""

from fractions import Fraction

import numpy as np
import pytest

from sqlearn.cluster import KMeans
from sqlearn.compose import ColumnTransformer
from sqlearn.engine.chains import on_grid
from sqlearn.impute import SimpleImputer
from sqlearn.pipeline import make_pipeline
from sqlearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from tables import sparse_table

pytestmark = pytest.mark.filterwarnings("ignore")

NUMBERS = ["plain", "offset", "constant", "rare", "gaps", "tiny"]


def table(rng, n):
    frame = sparse_table(rng, n)[["port", "deck"]]
    frame["plain"] = rng.normal(size=n)
    frame["offset"] = 1e12 + rng.normal(size=n)
    frame["constant"] = 7.3  # of which a mean of float64's is another number by its last bit, now and then
    frame["rare"] = np.where(rng.random(n) < 0.05, 3.0, 0.0)
    frame["gaps"] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n) * 1e-3)
    frame["tiny"] = 1.0 + 2.0**-52 * rng.integers(0, 3, n)
    return frame


def models():
    number = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    categories = ["port", "deck"]
    encoder = OneHotEncoder(handle_unknown="ignore")
    yield "imputed", [("n", number, ["plain", "constant", "rare", "gaps"]), ("c", encoder, categories)]
    yield "hard", [("n", number, NUMBERS), ("c", encoder, categories)]
    scaled = make_pipeline(StandardScaler(), StandardScaler(with_mean=False))
    shares = make_pipeline(OneHotEncoder(sparse_output=False), StandardScaler())
    yield "scaled twice", [("n", scaled, ["plain", "offset", "rare", "tiny"]), ("c", shares, categories)]
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(drop="first", sparse_output=False))
    centred = make_pipeline(SimpleImputer(strategy="constant"), StandardScaler(with_std=False))
    yield "centred", [("n", centred, NUMBERS), ("c", filled, categories)]
    yield "ordinal", [("n", number, ["gaps", "plain"]), ("o", OrdinalEncoder(), ["deck"])]


MODELS = dict(models())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.crossed(2)
def test_an_encoding_is_kept_only_where_it_is_the_same(name):
    rng = np.random.default_rng(len(name))
    pool, n = table(rng, 260), 220
    model = make_pipeline(ColumnTransformer(MODELS[name], sparse_threshold=0), KMeans(2)).fit(pool[:n])
    held, kept = list(range(n)), 0
    statistic = model._state.statistic
    for step in range(60 if name == "imputed" else 20):
        before = statistic.encoder
        if step % 4 == 3:
            free = [i for i in range(260) if i not in held][: 1 + step % 3]
            model.partial_fit(pool.iloc[free])
            held += free
        else:
            gone = rng.permutation(held)[: 1 + step % 2].tolist()
            model.forget(pool.iloc[gone])
            held = [i for i in held if i not in gone]
        found, statistic.encoder = statistic.encoder, None
        fresh = statistic._read_encoder()
        statistic.encoder = found
        assert found.key() == fresh.key()
        kept += found is before
    assert kept or name not in ("imputed", "ordinal")  # columns that are nearly constant, and modes, are not watched


@pytest.mark.parametrize("name", MODELS)
def test_rows_are_encoded_as_the_steps_transform_them(name):
    rng = np.random.default_rng(1)
    frame = table(rng, 150)
    model = make_pipeline(ColumnTransformer(MODELS[name], sparse_threshold=0), KMeans(2)).fit(frame)
    statistic, shown = model._state.statistic, model[:-1].transform(frame)
    (records,) = statistic.inner.rows.blocks(2**64 - 1)
    found = np.array(sorted(records.x.tolist()))
    assert len(found) == 150
    assert np.allclose(found, np.array(sorted(np.asarray(shown).tolist())), rtol=1e-12, atol=1e-9)


def test_values_on_a_grid():
    values, deviations = np.array([0.3, 1e9, 7.5, 1.0, np.nan]), np.array([1.0, 3.0, 0.0, 1e-16, 0.0])
    rounded = on_grid(values, deviations, 3)
    assert np.abs(rounded.values[:2] - values[:2]).max() <= 3.0 / 8
    assert rounded.values[2] == 7.5
    assert np.isnan(rounded.values[4])
    assert abs(rounded.values[3] - 1.0) <= 2.0**-47
    assert np.isnan(rounded.least[3])  # where rounding may be all that there is, nothing can be said
    for k in range(2):
        for inside in (rounded.low[k] * (1 + 1e-15), np.nextafter(rounded.high[k], -np.inf)):
            moved = np.where(np.arange(5) == k, inside, values)
            assert on_grid(moved, deviations, 3).values[k] == rounded.values[k]
    scale = on_grid(deviations, deviations, 3, is_scale=True)
    assert np.abs(scale.values[:2] / deviations[:2] - 1).max() <= 1 / 16


def test_margins_of_what_steps_make():
    """Moments of mapped variables are those of the mapped records, exactly."""
    frame = table(np.random.default_rng(5), 60)
    model = make_pipeline(ColumnTransformer(MODELS["imputed"], sparse_threshold=0), KMeans(2)).fit(frame)
    statistic = model._state.statistic
    margins = statistic.margins()
    forms = statistic.encoder.forms
    mapped = margins.through(forms, [])
    (records,) = statistic.inner.rows.blocks(2**64 - 1)
    for k in range(len(forms)):
        exact = [Fraction(value) for value in records.x[records.w > 0, k].tolist()]
        assert float(mapped.first[1 + k]) == pytest.approx(float(sum(exact)), abs=1e-9)
        assert float(mapped.second[1 + k]) == pytest.approx(float(sum(v * v for v in exact)), rel=1e-9, abs=1e-9)
        assert mapped.constant_of({1 + k: Fraction(1)}, 0) == margins.constant_of(mapped.origins[1 + k], 0)
