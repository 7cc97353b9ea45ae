"""The passengers of the Titanic."""

import csv
from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch

__all__ = ["load_titanic"]

_NUMBERS = ("age", "sibsp", "parch", "fare")


def load_titanic() -> Bunch:
    """The passengers of the Titanic: 891 of them, of whom 342 survived.

    Returns
    -------
    Bunch
        A dictionary whose entries are attributes too:

        data : object[891, 10]
            A row a passenger. Numbers (`age`, `sibsp`, `parch`, `fare`) are float, with NaN where the age is missing
            (177 times); the other columns are str, with None where nothing is known (687 cabins and 2 ports).
        target : int64[891]
            1 for who survived.
        feature_names : list of str
            Names of the columns: pclass, name, sex, age, sibsp (siblings and spouses aboard), parch (parents and
            children aboard), ticket, fare (15 times 0), cabin, embarked (the port: Cherbourg, Queenstown, Southampton).

    Notes
    -----
    The table known from the R package ``titanic`` and from Kaggle's first competition. It is read without pandas.

    Examples
    --------
    >>> from sqlearn.datasets import load_titanic
    >>> titanic = load_titanic()
    >>> dict(zip(titanic.feature_names, titanic.data[5]))["name"], int(titanic.target[5])
    ('Moran, Mr. James', 0)
    """
    lines = files("sqlearn").joinpath("data", "titanic.csv").read_text("utf-8").splitlines()
    (_, *names), *rows = csv.reader(lines)
    data = np.array([row[1:] for row in rows], object)
    data[data == ""] = None
    for name in _NUMBERS:
        column = data[:, names.index(name)]
        column[:] = column.astype(float)
    return Bunch(data=data, target=np.array([int(row[0]) for row in rows]), feature_names=names)
