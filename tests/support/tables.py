"""Tables for tests, and scikit-learn's pipelines for them."""

import numpy as np
import pandas as pd
import pytest
from sklearn import compose as peers
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.preprocessing import StandardScaler as Scaler

from sqlearn.datasets import load_titanic

DROPPED = dict.fromkeys(["name", "ticket", "cabin"], "drop")


NUMBERS = ["age", "sibsp", "parch", "fare"]


@pytest.fixture(scope="module")
def titanic():
    """The Titanic's columns as a frame, and who survived."""
    data = load_titanic()
    frame = pd.DataFrame(dict(zip(data.feature_names, data.data.T, strict=True)))
    return frame.astype(dict.fromkeys(NUMBERS, float)), data.target


def columns_for(frame) -> tuple[list, list]:
    numbers = frame.select_dtypes("number").columns.tolist()
    return numbers, [name for name in frame.columns if name not in numbers]


def pipeline(frame, learner, *, add_indicator=True, standardize=True):
    """scikit-learn's pipeline for a table, in front of the twin of a learner."""
    numbers, categories = columns_for(frame)
    imputer = SimpleImputer(add_indicator=add_indicator)
    encoder = peers.ColumnTransformer(
        [
            ("number", make_pipeline(imputer, Scaler()) if standardize else imputer, numbers),
            ("category", OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
        ],
        verbose_feature_names_out=False,
    )
    accepted = learner._sklearn_class._get_param_names()
    twin = learner._sklearn_class(**{name: value for name, value in learner.get_params().items() if name in accepted})
    return make_pipeline(encoder, twin)


def synthetic(rng, n):
    """A table with missing values, a constant column, a column without any value, and rare categories."""
    numbers = rng.normal(size=(n, 3)) * [1.0, 1e3, 1e-3] + [0.0, 1e5, 1.0]
    numbers[rng.random((n, 3)) < 0.1] = np.nan
    city = rng.choice(["Aachen", "Bern", "Cork"], n, p=[0.7, 0.25, 0.05]).astype(object)
    city[rng.random(n) < 0.1] = None
    frame = pd.DataFrame(numbers, columns=list("abc"))
    frame["city"] = pd.array(city, "str")
    frame["size"] = pd.Categorical.from_codes(rng.integers(0, 4, n), list("SMLX"))
    frame["constant"], frame["empty"] = 7.5, np.nan
    full = ~frame["a"].isna().to_numpy()
    y = np.nan_to_num(frame["a"]) + frame["size"].cat.codes.to_numpy() + (frame["city"] == "Bern") * 0.5 + full
    return frame, (y + 0.1 * rng.normal(size=n)).to_numpy()


def sparse_table(rng, n) -> pd.DataFrame:
    """A table whose categories and missing values are rare, so that they come and go."""
    number = rng.choice([0.0, 1.0, -2.5, 1e12, np.nan], n, p=[0.3, 0.3, 0.2, 0.1, 0.1])
    port = rng.choice(["S", "C", "Q", "", None], n, p=[0.6, 0.1, 0.1, 0.1, 0.1])
    deck = rng.choice(["a", "b", "nan", "None"], n, p=[0.85, 0.05, 0.05, 0.05])
    hollow = np.where(rng.random(n) < 0.9, np.nan, 3.0)
    return pd.DataFrame(
        {"number": number, "port": pd.array(port, "str"), "deck": pd.array(deck, "str"), "hollow": hollow}
    )
