"""Records that are named by what they were made of."""

import hashlib

import numpy as np
import pytest

from sqlearn.errors import NotLearnedError
from sqlearn.naive_bayes import GaussianNB


class OfText(GaussianNB):
    """Gaussian naive Bayes over the lengths of texts, whose names are digests of the texts."""

    def _features(self, spec, X, layout):
        texts = np.ravel(X)
        lengths = np.array([[float(len(text))] for text in texts])
        features, layout = super()._features(spec, lengths, layout)
        names = b"".join(hashlib.blake2b(text.encode(), digest_size=32).digest() for text in texts)
        return features._replace(inputs=np.frombuffer(names, np.uint64).reshape(-1, 4)), layout


TEXTS = np.array(["a", "bb", "cc", "dd", "eeeee"])
LABELS = [0, 1, 1, 0, 0]


def test_state_is_that_of_a_refit():
    model = OfText().fit(TEXTS[:, None], LABELS)
    model.forget(TEXTS[1:3, None], LABELS[1:3])
    assert model.canonical_parts() == OfText().fit(TEXTS[[4, 3, 0], None], [0, 0, 0]).canonical_parts()


def test_record_with_the_same_features_is_another_one():
    model = OfText().fit(TEXTS[:, None], LABELS)
    before = model.digest()
    with pytest.raises(NotLearnedError, match=r"Row 0 .* is not held"):
        model.forget([["xx"]], [1])
    assert model.digest() == before
    assert before != OfText().fit(np.array([["a"], ["bb"], ["xx"], ["dd"], ["eeeee"]]), LABELS).digest()
