"""scikit-learn's own checks of estimators, on every learner."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from learners import LEARNERS



@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(LEARNERS)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
