"""Data sets that come with the package."""

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
            A row a passenger. Numbers (`age`, `sibsp`, `parch`, `fare`) are float, with NaN where the age is missing (177 times);
            the other columns are str, with None where nothing is known (687 cabins and 2 ports).
        target : int64[891]
            1 for who survived.
        feature_names : list of str
            Names of the columns: pclass, name, sex, age, sibsp (siblings and spouses aboard), parch (parents and children aboard),
            ticket, fare (15 times 0), cabin, embarked (the port: Cherbourg, Queenstown or Southampton).

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
    with (files("sqlearn") / "data" / "titanic.csv").open(encoding="utf-8", newline="") as lines:
        (_, *names), *rows = csv.reader(lines)
    is_number = [name in _NUMBERS for name in names]
    data = np.empty((len(rows), len(names)), object)
    for passenger, (_, *values) in zip(data, rows, strict=True):
        passenger[:] = [float(value or "nan") if number else value or None for value, number in zip(values, is_number, strict=True)]
    return Bunch(data=data, target=np.array([int(row[0]) for row in rows]), feature_names=names)
