"""The key of the records' digests is a parameter that printing does not show."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

from learners import LEARNERS, over_each
from records import tame
from sqlearn.linear_model import Ridge
from sqlearn.preprocessing import StandardScaler

SECRET = "correct horse"


@over_each(LEARNERS)
@pytest.mark.filterwarnings("ignore")
def test_no_print_shows_the_key(learner):
    no_print_shows(learner, SECRET)


@pytest.mark.parametrize("key", [SECRET.encode(), np.str_(SECRET), bytearray(SECRET.encode())], ids=repr)
def test_no_print_shows_keys_of_other_types(key):
    no_print_shows(Ridge(), key)


def no_print_shows(learner, key):
    records = tame(learner)
    fresh = clone(learner).set_params(key=key)
    fitted = clone(fresh).partial_fit(**records.given)
    for model in (fresh, fitted, copy.deepcopy(fitted), pickle.loads(pickle.dumps(fitted)), clone(fitted)):
        assert model.key == key and model.get_params()["key"] == key
        for shown in (repr(model), str(model), estimator_html_repr(model), repr(model.get_params())):
            assert SECRET not in shown
            assert "key" in shown and "***" in shown
    assert fitted.fitted_params()["key"] == key
    assert fitted.digest() == clone(learner).set_params(key=SECRET).partial_fit(**records.given).digest()


def test_no_print_of_what_holds_a_model_shows_it():
    pipeline = make_pipeline(StandardScaler(key=SECRET), Ridge(key=SECRET.encode()))
    for shown in (repr(pipeline), estimator_html_repr(pipeline), repr(pipeline.get_params())):
        assert SECRET not in shown
    assert pipeline.get_params()["ridge__key"] == SECRET.encode()
    assert "key" not in repr(Ridge())


def test_pickles_hold_the_key():
    """As docs/guarantees.md says: they could not learn or forget without it."""
    assert SECRET.encode() in pickle.dumps(Ridge(key=SECRET))
