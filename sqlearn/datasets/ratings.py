"""Ratings of items by users: generated, from a file, and false ones that push an item."""

import csv
from os import PathLike
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from sqlearn.errors import ParameterError, TableError, shown

__all__ = ["load_movielens", "make_average_attack", "make_ratings"]

_GENRES = 8
_COLUMNS = ["user", "item", "rating"]


def make_ratings(n_users: int = 1000, n_items: int = 800, *, random_state: int = 0) -> Bunch:
    """Generate ratings from 0.5 to 5 stars: a few popular items, users with a taste, users with few ratings.

    An item has a genre, a quality and a popularity (the k-th most popular one is chosen about ``1 / k**0.8`` as often
    as the first). A user has a taste for each genre, a habit to give more or fewer stars, and rates from 15 items up,
    60 on average, and rather those of genres that he or she likes.

    Parameters
    ----------
    n_users, n_items : int, default=1000, 800
        How many there are. There must be at least 40 items.
    random_state : int, default=0
        Seed.

    Returns
    -------
    Bunch
        A dictionary whose entries are attributes too:

        data : float64[n_ratings, 3]
            User, item and rating, a multiple of 0.5; no pair of user and item comes twice.
        feature_names : list of str
            Names of the columns.
        genres : int64[n_items]
            The genre of each item.

    Examples
    --------
    >>> from sqlearn.datasets import make_ratings
    >>> ratings = make_ratings(100, 50)
    >>> ratings.data[:2]
    array([[0. , 1. , 3. ],
           [0. , 2. , 1.5]])
    """
    if n_items < 40 or n_users < 1:
        raise ParameterError(
            f"make_ratings needs at least 40 items and 1 user, not {shown(n_items)} and {shown(n_users)}.",
            value=n_items if n_items < 40 else n_users,
        )
    rng = np.random.default_rng(random_state)
    genres = rng.integers(0, _GENRES, n_items)
    quality = rng.normal(3.4, 0.45, n_items)
    popularity = rng.permutation(np.arange(1, n_items + 1) ** -0.8)
    parts = []
    for user in range(n_users):
        taste, habit = rng.normal(0, 0.6, _GENRES), rng.normal(0, 0.35)
        wanted = min(15 + int(rng.gamma(0.9, 50)), n_items // 2)
        chances = popularity * np.exp(1.2 * taste[genres])
        chosen = np.sort(rng.choice(n_items, wanted, replace=False, p=chances / chances.sum()))
        stars = quality[chosen] + habit + 0.8 * taste[genres[chosen]] + rng.normal(0, 0.7, wanted)
        parts.append(np.column_stack([np.full(wanted, user), chosen, _in_halves(stars)]))
    return Bunch(data=np.concatenate(parts), feature_names=list(_COLUMNS), genres=genres)


def _in_halves(stars: np.ndarray) -> np.ndarray:
    halves: np.ndarray = np.clip(np.round(2 * stars) / 2, 0.5, 5.0)
    return halves


def make_average_attack(
    ratings: np.ndarray, target: float, *, n_users: int, n_filler: int = 40, random_state: int = 0
) -> np.ndarray:
    """Generate ratings of false users who push an item: they rate it best, and others as everybody does.

    This is the "average attack" of Lam and Riedl, half of whose other items are the most popular ones, so that the
    false users have much in common with real ones. It takes what anybody can see: items, how many ratings they have,
    and their mean ratings.

    Parameters
    ----------
    ratings : float64[n_ratings, 3]
        Genuine ratings: user, item and rating.
    target : float
        The item that is pushed.
    n_users : int
        How many false users there are. Their labels follow the largest in `ratings`.
    n_filler : int, default=40
        How many other items each of them rates: near the mean of the item, with a deviation of 0.5.
    random_state : int, default=0
        Seed.

    Returns
    -------
    float64[n_users * (n_filler + 1), 3]
        The false ratings.

    References
    ----------
    Lam, Riedl (2004), "Shilling Recommender Systems for Fun and Profit", WWW, doi:10.1145/988672.988726.

    Examples
    --------
    >>> from sqlearn.datasets import make_average_attack, make_ratings
    >>> ratings = make_ratings(100, 50).data
    >>> make_average_attack(ratings, 7, n_users=3, n_filler=2)[:3]
    array([[100. ,   7. ,   5. ],
           [100. ,  36. ,   3. ],
           [100. ,  42. ,   4.5]])
    """
    rng = np.random.default_rng(random_state)
    items, codes, counts = np.unique(ratings[:, 1], return_inverse=True, return_counts=True)
    if not n_users >= 1 or not 1 <= n_filler < len(items):
        raise ParameterError(
            f"n_users={shown(n_users)} and n_filler={shown(n_filler)}: there must be at least 1 of each, and more "
            f"items than n_filler; there are {len(items):,}.",
            value=n_filler,
        )
    means = np.bincount(codes, ratings[:, 2]) / counts
    others = np.flatnonzero(items != target)
    popular = others[np.argsort(-counts[others], kind="stable")][: n_filler // 2]
    rare = np.setdiff1d(others, popular)
    best, first = ratings[:, 2].max(), ratings[:, 0].max() + 1
    parts = []
    for user in range(n_users):
        chosen = np.concatenate([popular, rng.choice(rare, n_filler - len(popular), replace=False)])
        stars = np.clip(_in_halves(means[chosen] + rng.normal(0, 0.5, n_filler)), ratings[:, 2].min(), best)
        label = np.full(n_filler + 1, first + user)
        parts.append(np.column_stack([label, np.append(target, items[chosen]), np.append(best, stars)]))
    return np.concatenate(parts)


def load_movielens(file: str | PathLike[str]) -> Bunch:
    """Read ratings from a file of MovieLens, such as ``ratings.csv`` of ml-latest-small, which you have to download.

    Parameters
    ----------
    file : path
        A CSV file with a header and the columns userId, movieId and rating; others are ignored.

    Returns
    -------
    Bunch
        As :func:`make_ratings` returns, without genres.

    Raises
    ------
    TableError
        If the file has other columns, or a line that is no rating; `line` is its number.

    Notes
    -----
    The files are at https://grouplens.org/datasets/movielens/, and may not be passed on.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> from sqlearn.datasets import load_movielens
    >>> with NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("userId,movieId,rating,timestamp\\n1,31,2.5,1260759144\\n")
    ...     file.flush()
    ...     load_movielens(file.name).data
    array([[ 1. , 31. ,  2.5]])
    """
    path, wanted = Path(file), ["userId", "movieId", "rating"]
    with path.open(newline="", encoding="utf-8") as lines:
        reader = csv.reader(lines)
        names = next(reader, [])
        if not set(wanted) <= set(names):
            raise TableError(
                f"{path} has the columns {', '.join(names) or '(none)'}, and {', '.join(wanted)} are needed. Pass "
                "ratings.csv of a MovieLens data set.",
                reason="file",
            )
        places = [names.index(name) for name in wanted]
        found = []
        for row in reader:
            try:
                found.append([float(row[place]) for place in places])
            except (ValueError, IndexError) as error:
                raise TableError(
                    f"Line {reader.line_num} of {path} is no rating: {shown(','.join(row))}. Correct or remove it.",
                    line=reader.line_num,
                    reason="file",
                ) from error
    return Bunch(data=np.array(found).reshape(-1, 3), feature_names=list(_COLUMNS))
