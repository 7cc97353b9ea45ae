"""Generators are functions of their seed, attacks are what they say, and files are read or refused."""

import numpy as np
import pytest

from sqlearn import datasets
from sqlearn.errors import ParameterError, ShapeError, TableError

GENERATORS = {
    "make_ratings": lambda seed: datasets.make_ratings(60, 50, random_state=seed).data,
    "make_average_attack": lambda seed: datasets.make_average_attack(
        datasets.make_ratings(60, 50).data, 3, n_users=4, n_filler=10, random_state=seed
    ),
    "make_scripts": lambda seed: datasets.make_scripts(200, random_state=seed).data,
    "make_messages": lambda seed: datasets.make_messages(200, random_state=seed).data,
    "make_hamlike_spam": lambda seed: datasets.make_hamlike_spam(
        *datasets.make_messages(200).values(), n_samples=20, random_state=seed
    ),
    "make_documents": lambda seed: datasets.make_documents(100, odd=0.2, random_state=seed).data,
}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_decides_everything(name):
    first = GENERATORS[name](7)
    again, other = GENERATORS[name](7), GENERATORS[name](8)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_ratings_have_every_pair_once():
    ratings = datasets.make_ratings(200, 100).data
    assert len(np.unique(ratings[:, :2], axis=0)) == len(ratings)
    assert set(np.unique(2 * ratings[:, 2])) <= set(range(1, 11))
    assert np.bincount(ratings[:, 0].astype(int)).min() >= 15


def test_an_attack_is_of_new_users_who_like_the_target():
    ratings = datasets.make_ratings(200, 100).data
    false = datasets.make_average_attack(ratings, 17, n_users=5, n_filler=20)
    users, counts = np.unique(false[:, 0], return_counts=True)
    assert users.tolist() == [200, 201, 202, 203, 204] and set(counts) == {21}
    assert not np.isin(users, ratings[:, 0]).any()
    assert (false[false[:, 1] == 17][:, 2] == ratings[:, 2].max()).all() and (false[:, 1] == 17).sum() == 5
    assert len(np.unique(false[:, :2], axis=0)) == len(false)
    others = false[false[:, 1] != 17]
    means = {item: ratings[ratings[:, 1] == item][:, 2].mean() for item in np.unique(others[:, 1])}
    assert abs(np.mean([rating - means[item] for _, item, rating in others])) < 0.2


def test_malicious_scripts_have_a_family():
    scripts = datasets.make_scripts(400, malicious=0.3)
    assert len(scripts.data) == len(scripts.target) == len(scripts.family) == 400
    assert ((scripts.target == "malicious") == (scripts.family != "")).all()
    assert len(np.unique(scripts.family)) == 6
    assert not any("@a" in text or "@n" in text for text in scripts.data)


def test_hamlike_spam_is_spam_between_ham():
    texts, target = ["a prize", "see you", "late again"], ["spam", "ham", "ham"]
    for made in datasets.make_hamlike_spam(texts, target, n_samples=20):
        before, _, after = made.partition(" a prize ")
        assert {before, after} <= {"see you", "late again"}


def test_odd_documents_are_marked():
    documents = datasets.make_documents(500, odd=0.1)
    assert documents.data.shape == (500, len(documents.feature_names))
    assert (np.isin(documents.kind, ["script", "attachment", "font"]) == (documents.target == -1)).all()
    assert (datasets.make_documents(50).target == 1).all()


def test_movielens_is_read(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("userId,movieId,rating,timestamp\n1,6,4.0,964982224a\n2,6,0.5,1\n")  # the time stamp is not read
    assert datasets.load_movielens(path).data.tolist() == [[1, 6, 4], [2, 6, 0.5]]
    path.write_text("userId,movieId,rating,timestamp\n1,6,4.0,1\n2,6,good,1\n")
    with pytest.raises(TableError, match=r"Line 3 of .* is no rating: '2,6,good,1'\. Correct or remove it\.") as error:
        datasets.load_movielens(path)
    assert error.value.line == 3
    path.write_text("user,item,rating\n1,6,4.0\n")
    with pytest.raises(TableError, match="has the columns user, item, rating, and userId, movieId, rating are needed"):
        datasets.load_movielens(path)


def test_the_sms_collection_is_read_with_its_quotation_marks(tmp_path):
    path = tmp_path / "SMSSpamCollection"
    path.write_text('ham\tOk "lar...\nspam\tFree \u00a3100\n', encoding="utf-8")
    messages = datasets.load_sms_spam(path)
    assert messages.data == ['Ok "lar...', "Free \u00a3100"] and messages.target.tolist() == ["ham", "spam"]
    path.write_text("ham\tOk\neggs\tFree\n")
    with pytest.raises(TableError, match="Line 2 of") as error:
        datasets.load_sms_spam(path)
    assert error.value.line == 2


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: datasets.make_ratings(10, 20), ParameterError, "at least 40 items"),
        (lambda: datasets.make_scripts(5, malicious=2), ParameterError, "malicious=2 is a share between 0 and 1"),
        (lambda: datasets.make_messages(5, spam=-1), ParameterError, "spam=-1 is a share"),
        (lambda: datasets.make_documents(5, odd=1.5), ParameterError, "odd=1.5 is a share"),
        (lambda: datasets.make_hamlike_spam(["a"], ["ham", "spam"], n_samples=1), ShapeError, "1 texts"),
        (
            lambda: datasets.make_hamlike_spam(["a", "b"], ["ham", "ham"], n_samples=1),
            ParameterError,
            "spam and of ham",
        ),
        (lambda: datasets.make_average_attack(np.ones((1, 3)), 1, n_users=1, n_filler=1), ParameterError, "n_filler=1"),
    ],
)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
